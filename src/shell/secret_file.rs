//! Files that only their owner may read: keys and the interface's password. Keys may be protected besides: encrypted with a passphrase
//! (age, scrypt) that the system hands over, so that a copy of the disk or of the folder is worth nothing.

use super::envelope;
use super::whole_file;
use crate::words::chance::Chance;
use std::fs::{DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The file with the key that JSON interfaces ask for.
pub const API_TOKEN: &str = "api-token";
/// The largest secret file looked at, in bytes.
const MAX_SECRET: u64 = 64 * 1024;
/// How a protected file begins; the rest is an age file in base64.
const PROTECTED: &str = "teilhabe-protected-1:";
/// The credential of systemd (`LoadCredential=`, `LoadCredentialEncrypted=`) with the passphrase.
pub const CREDENTIAL: &str = "teilhabe-keys";
/// The environment variable that names a file with the passphrase where there is no systemd.
pub const PASSPHRASE_FILE: &str = "TEILHABE_KEYS_FILE";
/// The shortest passphrase in characters.
pub const MIN_PASSPHRASE: usize = 12;

/// Why a secret file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// Others on this machine could read it.
    #[error("{path} can be read by other users of this computer: run chmod 600 on it, and replace the key if others have had access")]
    ReadableByOthers {
        /// The file.
        path: PathBuf,
    },
    /// It is not the text it should be.
    #[error("{path} does not hold what it should: restore it from the backup")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// It is protected, and nobody has handed over the passphrase.
    #[error("{path} is protected: hand over the passphrase as the systemd credential {CREDENTIAL}, or name its file in {PASSPHRASE_FILE}")]
    Protected {
        /// The file.
        path: PathBuf,
    },
    /// It is protected by another passphrase.
    #[error("the passphrase does not open {path}: check which one is handed over; nothing was changed")]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// A passphrase that is none.
    #[error("{path} holds no passphrase of {MIN_PASSPHRASE} characters or more on its first line")]
    ShortPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The file system said no.
    #[error("{path} cannot be used ({error}): check the disk, its free space and the permissions")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

impl SecretFileError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |error| Self::Io { path, error }
    }
}

/// Makes the folder, closed to everybody else, with those above it.
pub fn make_dir(dir: &Path) -> Result<(), SecretFileError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(SecretFileError::io(dir))
}

/// Writes `secret` to `path`, whole or not at all; an existing file is replaced.
pub fn write(path: &Path, secret: &str) -> Result<(), SecretFileError> {
    whole_file::write(path, whole_file::PRIVATE, &[secret.as_bytes(), b"\n"]).map_err(SecretFileError::io(path))
}

/// Writes `secret` to `path`, protected where `like` is.
pub fn write_beside(path: &Path, secret: &str, like: &Path) -> Result<(), SecretFileError> {
    if !(like.exists() && is_protected(like)?) {
        return write(path, secret);
    }
    let passphrase = handed_over()?.ok_or_else(|| SecretFileError::Protected { path: like.to_owned() })?;
    write(path, &closed(path, secret, &passphrase)?)
}

/// Puts a secret in the place of another, whole or not at all.
pub fn rename(from: &Path, to: &Path) -> Result<(), SecretFileError> {
    whole_file::rename(from, to).map_err(SecretFileError::io(from))
}

/// Removes a secret that is of no use any more; one that is gone already is no mistake.
pub fn remove(path: &Path) -> Result<(), SecretFileError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SecretFileError::io(path)(error)),
        _ => Ok(()),
    }
}

/// Reads the secret in `path`, without white space around it. What is protected is opened with the passphrase that the system hands over.
pub fn read(path: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    let text = read_as_it_is(path, 0o077)?;
    if !text.starts_with(PROTECTED) {
        return Ok(text);
    }
    let passphrase = handed_over()?.ok_or_else(|| SecretFileError::Protected { path: path.to_owned() })?;
    open(path, &text, &passphrase)
}

/// Reads the secret in `path` as it stands there: what is protected stays so.
#[cfg(feature = "office")]
pub fn as_it_stands(path: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    read_as_it_is(path, 0o077)
}

/// Whether the secret in `path` is protected.
pub fn is_protected(path: &Path) -> Result<bool, SecretFileError> {
    Ok(read_as_it_is(path, 0o077)?.starts_with(PROTECTED))
}

/// Encrypts the secret in `path` with a passphrase; false where it is protected already, by the same one.
pub fn protect(path: &Path, passphrase: &str) -> Result<bool, SecretFileError> {
    let text = read_as_it_is(path, 0o077)?;
    if text.starts_with(PROTECTED) {
        return open(path, &text, passphrase).map(|_| false);
    }
    write(path, &closed(path, &text, passphrase)?)?;
    Ok(true)
}

fn closed(path: &Path, secret: &str, passphrase: &str) -> Result<String, SecretFileError> {
    let closed = envelope::encrypt_key_file(passphrase, secret.as_bytes()).map_err(|_| SecretFileError::Damaged { path: path.to_owned() })?;
    Ok(format!("{PROTECTED}{}", data_encoding::BASE64.encode(&closed)))
}

/// Takes the protection off the secret in `path`; false where there was none.
pub fn unprotect(path: &Path, passphrase: &str) -> Result<bool, SecretFileError> {
    let text = read_as_it_is(path, 0o077)?;
    if !text.starts_with(PROTECTED) {
        return Ok(false);
    }
    write(path, &open(path, &text, passphrase)?)?;
    Ok(true)
}

fn open(path: &Path, text: &str, passphrase: &str) -> Result<Zeroizing<String>, SecretFileError> {
    let damaged = || SecretFileError::Damaged { path: path.to_owned() };
    let closed = text.strip_prefix(PROTECTED).and_then(|base64| data_encoding::BASE64.decode(base64.as_bytes()).ok()).ok_or_else(damaged)?;
    let limit = usize::try_from(MAX_SECRET).unwrap_or(usize::MAX);
    let plain = envelope::decrypt_with_passphrase(passphrase, &closed, limit).map(Zeroizing::new).map_err(|why| match why {
        envelope::EnvelopeError::NotForUs => SecretFileError::WrongPassphrase { path: path.to_owned() },
        _ => damaged(),
    })?;
    std::str::from_utf8(&plain).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| damaged())
}

/// The passphrase that systemd or the environment hands over; none where nobody does.
pub fn handed_over() -> Result<Option<Zeroizing<String>>, SecretFileError> {
    let credential = std::env::var_os("CREDENTIALS_DIRECTORY").map(|dir| PathBuf::from(dir).join(CREDENTIAL)).filter(|path| path.exists());
    // systemd grants its own user by an access list, which shows as a right of the group.
    let (path, others) = match (credential, std::env::var_os(PASSPHRASE_FILE)) {
        (Some(path), _) => (path, 0o007),
        (None, Some(path)) => (PathBuf::from(path), 0o077),
        (None, None) => return Ok(None),
    };
    passphrase_in(&path, others).map(Some)
}

/// The passphrase on the first line of a file that only its owner may read.
pub fn passphrase_of(path: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    passphrase_in(path, 0o077)
}

fn passphrase_in(path: &Path, others: u32) -> Result<Zeroizing<String>, SecretFileError> {
    let text = read_as_it_is(path, others)?;
    let line = Zeroizing::new(text.lines().next().unwrap_or_default().trim().to_owned());
    if line.chars().count() < MIN_PASSPHRASE { Err(SecretFileError::ShortPassphrase { path: path.to_owned() }) } else { Ok(line) }
}

/// What stands in a file that nobody with a right of `others` may read.
fn read_as_it_is(path: &Path, others: u32) -> Result<Zeroizing<String>, SecretFileError> {
    let mut file = File::open(path).map_err(SecretFileError::io(path))?;
    let mode = file.metadata().map_err(SecretFileError::io(path))?.permissions().mode();
    if mode & others != 0 {
        return Err(SecretFileError::ReadableByOthers { path: path.to_owned() });
    }
    let mut text = Zeroizing::new(String::new());
    Read::by_ref(&mut file).take(MAX_SECRET).read_to_string(&mut text).map_err(|_| SecretFileError::Damaged { path: path.to_owned() })?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// The interface's key in `dir`: 64 hexadecimal digits, made at first use.
pub fn api_token(dir: &Path, chance: &mut Chance) -> Result<Zeroizing<String>, SecretFileError> {
    let path = dir.join(API_TOKEN);
    if !path.exists() {
        write(&path, &data_encoding::HEXLOWER.encode(&Zeroizing::new(chance.bytes::<32>())[..]))?;
    }
    let token = read(&path)?;
    let is_key = token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit());
    if is_key { Ok(token) } else { Err(SecretFileError::Damaged { path }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_secret_is_its_owners_alone() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("key");
        write(&path, "secret").expect("written");
        write(&path, "newer").expect("replaced");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(*read(&path).expect("ours"), "newer");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("ours");
        assert!(matches!(read(&path), Err(SecretFileError::ReadableByOthers { .. })));
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 1, "no draft stays behind");
    }

    #[test]
    fn a_protected_secret_opens_with_its_passphrase_alone() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("key");
        let (right, wrong) = ("correct horse battery", "incorrect horse battery");
        write(&path, "the secret").expect("written");
        assert!(protect(&path, right).expect("protected") && is_protected(&path).expect("read"));
        let kept = fs::read_to_string(&path).expect("there");
        assert!(!kept.contains("the secret") && fs::metadata(&path).expect("there").permissions().mode() & 0o777 == 0o600);
        assert!(!protect(&path, right).expect("protected already"));
        assert!(matches!(protect(&path, wrong), Err(SecretFileError::WrongPassphrase { .. })));
        assert!(matches!(unprotect(&path, wrong), Err(SecretFileError::WrongPassphrase { .. })));
        assert_eq!(fs::read_to_string(&path).expect("there"), kept, "a wrong passphrase changes nothing");
        let refused = [SecretFileError::Protected { path: path.clone() }, open(&path, &kept, wrong).expect_err("wrong")];
        assert!(refused.iter().all(|why| !format!("{why} {why:?}").contains("horse")));
        write(&path, &kept.trim().replace("protected-1:", "protected-1:!")).expect("written");
        assert!(matches!(unprotect(&path, right), Err(SecretFileError::Damaged { .. })));
        write(&path, kept.trim()).expect("written");
        assert!(unprotect(&path, right).expect("opened") && !unprotect(&path, right).expect("plain"));
        assert_eq!(*read(&path).expect("plain"), "the secret");
    }

    #[test]
    fn a_passphrase_is_long_and_nobody_elses() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("passphrase");
        write(&path, "short").expect("written");
        assert!(matches!(passphrase_of(&path), Err(SecretFileError::ShortPassphrase { .. })));
        write(&path, "a long passphrase\nand a note").expect("written");
        assert_eq!(*passphrase_of(&path).expect("read"), "a long passphrase");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("ours");
        assert!(matches!(passphrase_of(&path), Err(SecretFileError::ReadableByOthers { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).expect("ours");
        assert!(passphrase_in(&path, 0o007).is_ok(), "as systemd hands it over");
    }

    #[test]
    fn the_interface_key_stays_the_same() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut chance = Chance::seeded(1);
        let first = api_token(dir.path(), &mut chance).expect("made");
        assert_eq!(*api_token(dir.path(), &mut chance).expect("read"), *first);
        write(&dir.path().join(API_TOKEN), "short").expect("written");
        assert!(matches!(api_token(dir.path(), &mut chance), Err(SecretFileError::Damaged { .. })));
    }
}
