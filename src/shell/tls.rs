//! The certificate that the box makes for itself, so that tablets of the house can speak to it over TLS. Nobody else vouches for it:
//! people compare its fingerprint once.

use crate::shell::secret_file::{self, SecretFileError};
use crate::words::time::UtcMs;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

/// The file with key and certificate.
pub const FILE: &str = "tls.pem";
/// For how many days a certificate is good: browsers take none of a longer life.
const GOOD_DAYS: u64 = 820;
/// How many days before its end it is renewed.
const RENEWED_BEFORE_DAYS: u64 = 60;
/// The most names in a certificate: older ones are kept, so that a box that moves between two networks is known in both.
const MAX_NAMES: usize = 24;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Its file.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// It could not be made.
    #[error("no certificate can be made: {0}")]
    Make(#[from] rcgen::Error),
    /// It could not be used.
    #[error("the certificate in {FILE} cannot be used: delete the file, and a new one is made ({0})")]
    Use(#[from] rustls::Error),
}

/// What tablets are shown to know the box by.
#[derive(Clone)]
pub struct Identity {
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// The certificate (DER).
    pub certificate: Vec<u8>,
    /// The key (PKCS #8, DER).
    key: zeroize::Zeroizing<Vec<u8>>,
    names: BTreeSet<String>,
    ends: UtcMs,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("names", &self.names).field("ends", &self.ends).finish_non_exhaustive()
    }
}

impl Identity {
    /// The certificate kept in `dir`. One that ends soon, or lacks one of `names`, is renewed; a damaged one is made anew.
    pub fn of_box(dir: &Path, names: &[String], now: UtcMs) -> Result<Self, TlsError> {
        let path = dir.join(FILE);
        let kept = if path.exists() { Self::read(&secret_file::read(&path)?) } else { None };
        let mut all: BTreeSet<String> = names.iter().cloned().collect();
        if let Some(kept) = kept {
            let ends_soon = kept.ends < now.plus_ms(RENEWED_BEFORE_DAYS * DAY_MS);
            let from_the_future = kept.ends > now.plus_ms((GOOD_DAYS + 1) * DAY_MS);
            if all.is_subset(&kept.names) && !ends_soon && !from_the_future {
                return Ok(kept);
            }
            all.extend(kept.names.into_iter().take(MAX_NAMES.saturating_sub(names.len())));
        }
        let made = Self::make(all, now)?;
        secret_file::write(&path, &made.text())?;
        Ok(made)
    }

    fn make(names: BTreeSet<String>, now: UtcMs) -> Result<Self, TlsError> {
        let ends = now.plus_ms((GOOD_DAYS - 1) * DAY_MS);
        let at = |at: UtcMs| std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(at.seconds().0);
        let mut params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
        // A day back: a tablet's clock may be a little behind.
        params.not_before = at(UtcMs(now.0.saturating_sub(DAY_MS))).into();
        params.not_after = at(ends).into();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "Teilhabe");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.self_signed(&key)?.der().to_vec();
        Ok(Self { fingerprint: Sha256::digest(&certificate).into(), certificate, key: zeroize::Zeroizing::new(key.serialize_der()), names, ends })
    }

    /// What stands in the file: two lines for people and for us, then key and certificate as other programs read them.
    fn text(&self) -> String {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        format!("names: {}\nends: {}\n{}{}", names.join(" "), self.ends.0, pem("PRIVATE KEY", &self.key), pem("CERTIFICATE", &self.certificate))
    }

    fn read(text: &str) -> Option<Self> {
        let line = |start: &str| text.lines().find_map(|line| line.strip_prefix(start));
        let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).ok()?;
        let certificate = CertificateDer::from_pem_slice(text.as_bytes()).ok()?.to_vec();
        Some(Self {
            fingerprint: Sha256::digest(&certificate).into(),
            certificate,
            key: zeroize::Zeroizing::new(key.secret_der().to_vec()),
            names: line("names: ")?.split(' ').map(str::to_owned).collect(),
            ends: UtcMs(line("ends: ")?.parse().ok()?),
        })
    }

    /// The fingerprint as people compare it: groups of four.
    pub fn grouped(&self) -> String {
        let digits = data_encoding::HEXUPPER.encode(&self.fingerprint);
        digits.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect::<Vec<_>>().join(" ")
    }

    fn certified(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let key = PrivateKeyDer::try_from(self.key.to_vec()).map_err(|error| rustls::Error::General(error.to_owned()))?;
        Ok(CertifiedKey::from_der(vec![self.certificate.clone().into()], key, provider)?)
    }
}

/// The box's certificate in use: a server that runs for years renews it without a restart.
#[derive(Debug)]
pub struct Keeper {
    dir: PathBuf,
    names: Vec<String>,
    provider: Arc<CryptoProvider>,
    current: RwLock<(Identity, Arc<CertifiedKey>)>,
}

impl Keeper {
    /// Keeps the certificate for `names` in `dir`.
    pub fn new(dir: &Path, names: Vec<String>, now: UtcMs) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let identity = Identity::of_box(dir, &names, now)?;
        let certified = Arc::new(identity.certified(&provider)?);
        Ok(Self { dir: dir.to_owned(), names, provider, current: RwLock::new((identity, certified)) })
    }

    /// The certificate as it is.
    pub fn identity(&self) -> Identity {
        self.current.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Renews the certificate if it ends soon; connections that are open go on.
    pub fn renew(&self, now: UtcMs) -> Result<(), TlsError> {
        let identity = Identity::of_box(&self.dir, &self.names, now)?;
        let certified = Arc::new(identity.certified(&self.provider)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (identity, certified);
        Ok(())
    }

    /// What accepts TLS 1.3 with this certificate; every browser since 2019 speaks it.
    pub fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Keeper {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).1.clone())
    }
}

fn pem(kind: &str, der: &[u8]) -> String {
    let base64 = data_encoding::BASE64.encode(der);
    let lines: Vec<&str> = base64.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

/// What this computer is called in its network.
pub fn hostname() -> Option<String> {
    let name = ["/proc/sys/kernel/hostname", "/etc/hostname"].iter().find_map(|path| fs::read_to_string(path).ok())?;
    let name = name.trim().split('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_name = (1..=63).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && name != "localhost";
    is_name.then_some(name)
}

/// The addresses of this computer that others can reach, the most useful first.
pub fn addresses() -> Vec<IpAddr> {
    // Nothing is sent: the system only says from where it would (RFC 5737 keeps this network for documentation).
    let outward = |from: &str, to: &str| {
        let socket = UdpSocket::bind(from).ok()?;
        socket.connect(to).ok()?;
        socket.local_addr().ok().map(|at| at.ip())
    };
    let mut found: Vec<IpAddr> = outward("0.0.0.0:0", "192.0.2.1:9").into_iter().collect();
    let table = fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    for address in local_addresses(&table) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found.retain(|address| !address.is_loopback() && !address.is_unspecified());
    found
}

/// The computer's own IPv4 addresses in the kernel's routing table.
fn local_addresses(table: &str) -> Vec<IpAddr> {
    let lines: Vec<&str> = table.lines().map(str::trim).collect();
    let own = |pair: &[&str]| {
        let address = pair[0].strip_prefix("|-- ")?;
        (pair[1] == "/32 host LOCAL").then(|| address.parse().ok())?
    };
    lines.windows(2).filter_map(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const NOW: UtcMs = UtcMs(1_795_600_000_000);

    #[test]
    fn a_certificate_is_kept_until_it_ends_or_lacks_a_name() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let of_box = |list: &[&str], now| Identity::of_box(dir.path(), &names(list), now).expect("a certificate");
        let first = of_box(&["box.local", "192.168.7.20"], NOW);
        let mode = fs::metadata(dir.path().join(FILE)).expect("kept").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(of_box(&["box.local"], NOW.plus_ms(DAY_MS)).fingerprint, first.fingerprint);
        assert_eq!(of_box(&["box.local"], NOW.plus_ms(758 * DAY_MS)).fingerprint, first.fingerprint);
        let moved = of_box(&["box.local", "10.0.0.5"], NOW);
        assert_ne!(moved.fingerprint, first.fingerprint);
        assert!(moved.names.contains("192.168.7.20"), "{moved:?}");
        let renewed = of_box(&["box.local"], NOW.plus_ms(760 * DAY_MS));
        assert_ne!(renewed.fingerprint, moved.fingerprint);
        assert!(renewed.ends > NOW.plus_ms((760 + 800) * DAY_MS) && renewed.ends < NOW.plus_ms((760 + 825) * DAY_MS));
        secret_file::write(&dir.path().join(FILE), "rubbish").expect("written");
        assert_ne!(of_box(&["box.local"], NOW).fingerprint, renewed.fingerprint);
        assert_eq!(first.grouped().split(' ').map(str::len).collect::<Vec<_>>(), [4; 16]);
        let keeper = Arc::new(Keeper::new(dir.path(), names(&["box.local"]), NOW).expect("kept"));
        let before = keeper.identity().fingerprint;
        keeper.renew(NOW.plus_ms(DAY_MS)).expect("looked at");
        assert_eq!(keeper.identity().fingerprint, before);
        keeper.renew(NOW.plus_ms(800 * DAY_MS)).expect("renewed");
        assert_ne!(keeper.identity().fingerprint, before);
        assert!(keeper.acceptor().is_ok());
    }

    #[test]
    fn own_addresses_are_found_in_the_routing_table() {
        let table = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 192.168.7.0\n        /24 link UNICAST\n     |-- 192.168.7.20\n        /32 host LOCAL\n     \
                     |-- 192.168.7.255\n        /32 link BROADCAST\n";
        assert_eq!(local_addresses(table), [IpAddr::from([192, 168, 7, 20])]);
        assert!(local_addresses("").is_empty());
    }
}
