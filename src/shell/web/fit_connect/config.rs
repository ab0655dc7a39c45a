//! Where FIT-Connect is and who we are there: a file in TOML, with the secret and the keys in files of their own beside it.

use super::jose::{Jwk, PrivateKey, Use};
use super::{FitConnectError, is_uuid};
use crate::shell::secret_file;
use crate::words::ids::OfficeId;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The largest file with settings.
const MAX_SETTINGS: usize = 64 * 1024;

/// How both sides get at the service: a client of FIT-Connect's self-service portal.
#[derive(Debug)]
pub struct Access {
    /// Where access tokens are had (OAuth 2.0, client credentials).
    pub token_url: String,
    /// The Submission API without version, such as `https://test.fit-connect.fitko.dev/submission-api`.
    pub submission_api: String,
    /// The client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Zeroizing<String>,
    /// The destination (Zustellpunkt) of the office.
    pub destination: String,
}

/// A terminal's settings.
#[derive(Debug)]
pub struct SenderConfig {
    /// The service and the client.
    pub access: Access,
    /// Which office this destination is.
    pub office: OfficeId,
    /// The service that the destination is registered for (`urn:de:fim:leika:leistung:…`), and its name.
    pub service: (String, String),
    /// The schema of the data that the destination asks for.
    pub schema: String,
}

/// An office's settings.
pub struct ReceiverConfig {
    /// The service and the client.
    pub access: Access,
    /// Opens submissions.
    pub decryption: PrivateKey,
    /// Signs acceptance and rejection.
    pub signing: PrivateKey,
}

impl std::fmt::Debug for ReceiverConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReceiverConfig").field("access", &self.access).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    token_url: String,
    submission_api: String,
    client_id: String,
    client_secret_file: PathBuf,
    destination: String,
    office: Option<String>,
    service: Option<String>,
    service_name: Option<String>,
    schema: Option<String>,
    decryption_key_file: Option<PathBuf>,
    signing_key_file: Option<PathBuf>,
}

impl SenderConfig {
    /// Reads a terminal's settings.
    pub fn read(path: &Path) -> Result<Self, FitConnectError> {
        let file = File::read(path)?;
        let needed = |value: &Option<String>, name: &str| {
            value.clone().filter(|v| !v.trim().is_empty()).ok_or_else(|| wrong(path, &format!("{name} is missing")))
        };
        let office = needed(&file.office, "office")?;
        let office = OfficeId::parse(&office).ok_or_else(|| wrong(path, &format!("office = \"{office}\" is no office id such as 05562032")))?;
        let service = (needed(&file.service, "service")?, needed(&file.service_name, "service_name")?);
        Ok(Self { schema: needed(&file.schema, "schema")?, access: file.access(path)?, office, service })
    }
}

impl ReceiverConfig {
    /// Reads an office's settings and its keys.
    pub fn read(path: &Path) -> Result<Self, FitConnectError> {
        let file = File::read(path)?;
        let key = |name: &Option<PathBuf>, field: &str, to: Use| {
            let name = name.as_ref().ok_or_else(|| wrong(path, &format!("{field} is missing")))?;
            let text = secret_file::read(&beside(path, name))?;
            let which = || name.display().to_string();
            let jwk: Jwk = serde_json::from_str(&text).map_err(|_| wrong(&beside(path, name), "it holds no JSON Web Key"))?;
            jwk.private(to).map_err(|why| FitConnectError::Key { which: which(), why })
        };
        let decryption = key(&file.decryption_key_file, "decryption_key_file", Use::Encryption)?;
        let signing = key(&file.signing_key_file, "signing_key_file", Use::Signature)?;
        Ok(Self { access: file.access(path)?, decryption, signing })
    }
}

impl File {
    fn read(path: &Path) -> Result<Self, FitConnectError> {
        let text = std::fs::read_to_string(path).map_err(|why| FitConnectError::Settings(format!("{} cannot be read: {why}", path.display())))?;
        if text.len() > MAX_SETTINGS {
            return Err(wrong(path, "it is far too long"));
        }
        toml::from_str(&text).map_err(|why| wrong(path, why.message()))
    }

    fn access(self, path: &Path) -> Result<Access, FitConnectError> {
        for (field, url) in [("token_url", &self.token_url), ("submission_api", &self.submission_api)] {
            if !is_safe(url) {
                return Err(wrong(path, &format!("{field} = \"{url}\" must begin with https://")));
            }
        }
        if !is_uuid(&self.destination) {
            return Err(wrong(path, &format!("destination = \"{}\" is no UUID as the self-service portal shows it", self.destination)));
        }
        Ok(Access {
            client_secret: secret_file::read(&beside(path, &self.client_secret_file))?,
            submission_api: self.submission_api.trim_end_matches('/').to_owned(),
            token_url: self.token_url,
            client_id: self.client_id,
            destination: self.destination,
        })
    }
}

/// Nothing is sent in the clear, but to this computer itself.
fn is_safe(url: &str) -> bool {
    let plain = url.strip_prefix("http://").and_then(|rest| rest.split(['/', ':']).next());
    url.starts_with("https://") || plain == Some("127.0.0.1")
}

/// A file named in the settings lies beside them unless its path says otherwise.
fn beside(settings: &Path, name: &Path) -> PathBuf {
    settings.parent().unwrap_or(Path::new("")).join(name)
}

fn wrong(path: &Path, what: &str) -> FitConnectError {
    FitConnectError::Settings(format!("{}: {what}; docs/FIT-CONNECT.md shows such a file", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "token_url = \"https://auth.example/token\"\nsubmission_api = \"https://api.example/submission-api/\"\nclient_id = \"c\"\n\
        client_secret_file = \"secret\"\ndestination = \"879ee109-a690-4db8-ab32-424284184d7d\"\noffice = \"05562032\"\n\
        service = \"urn:de:fim:leika:leistung:99107023017000\"\nservice_name = \"Bildung und Teilhabe\"\nschema = \"https://schema.example/1\"\n";

    fn read(text: &str) -> Result<SenderConfig, FitConnectError> {
        let dir = tempfile::tempdir().expect("a folder");
        secret_file::write(&dir.path().join("secret"), "s3cret").expect("written");
        let path = dir.path().join("fit-connect.toml");
        std::fs::write(&path, text).expect("written");
        SenderConfig::read(&path)
    }

    #[test]
    fn a_terminals_settings_are_read_and_a_mistake_is_named() {
        let config = read(GOOD).expect("good");
        assert_eq!((config.access.submission_api.as_str(), config.access.client_secret.as_str()), ("https://api.example/submission-api", "s3cret"));
        for (from, to, said) in [
            ("https://auth", "http://auth", "must begin with https://"),
            ("https://api.example", "http://127.0.0.1.evil.example", "must begin with https://"),
            ("879ee109-", "../", "is no UUID"),
            ("05562032", "Recklinghausen", "no office id"),
            ("schema =", "schemma =", "unknown field `schemma`"),
            ("service_name = \"Bildung und Teilhabe\"\n", "", "service_name is missing"),
            ("\"secret\"", "\"elsewhere\"", "elsewhere"),
        ] {
            let error = read(&GOOD.replacen(from, to, 1)).expect_err(to).to_string();
            assert!(error.contains(said), "{error}");
        }
        let error = SenderConfig::read(Path::new("/nowhere/f.toml")).expect_err("none").to_string();
        assert!(error.starts_with("/nowhere/f.toml cannot be read"), "{error}");
    }
}
