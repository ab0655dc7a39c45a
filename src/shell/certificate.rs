//! The office's certificate from a certificate authority, out of two files that another program (certbot, the municipality's own tool)
//! renews: read at the start, checked, and read again when they change.

use crate::words::civil::CivilDay;
use crate::words::time::UtcMs;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

/// The largest file that is read: a chain of some certificates.
const MAX_BYTES: u64 = 256 * 1024;

/// Why a certificate cannot be used; one sentence each for whoever starts the office.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The file system said no.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// Everybody on this computer can read the key.
    #[error(
        "the key in {path} can be read by every user of this computer: run chmod o-rwx on it, and have a new certificate made if others have had access"
    )]
    ReadableByAll {
        /// The file.
        path: PathBuf,
    },
    /// No certificate.
    #[error("{path} holds no certificate: --tls-cert wants the chain in PEM (certbot calls it fullchain.pem)")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// No key.
    #[error("{path} holds no key: --tls-key wants the private key in PEM, without a passphrase (certbot calls it privkey.pem)")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// They are not of one pair.
    #[error("the key in {key} is not the one of the certificate in {certificate}: name the two files that were made together")]
    DoNotFit {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// It is no longer good.
    #[error("the certificate in {path} ended on {day}: have it renewed, then start again")]
    Over {
        /// The file.
        path: PathBuf,
        /// Its last day.
        day: CivilDay,
    },
    /// It is not good yet.
    #[error("the certificate in {path} begins on {day} only: check this computer's clock, or name the certificate in force")]
    NotYet {
        /// The file.
        path: PathBuf,
        /// Its first day.
        day: CivilDay,
    },
    /// The library cannot use it.
    #[error("the certificate cannot be used: {0}")]
    Use(#[from] rustls::Error),
}

/// What tells one version of the two files from another.
type Stamp = [Option<(SystemTime, u64)>; 2];

/// A certificate and its key in two files.
#[derive(Debug)]
pub struct CertificateFiles {
    certificate: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
    seen: Mutex<Stamp>,
}

impl CertificateFiles {
    /// Reads and checks both files.
    pub fn open(certificate: &Path, key: &Path, now: UtcMs) -> Result<Arc<Self>, CertificateError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let seen = stamp(certificate, key);
        let current = read(certificate, key, &provider, now)?;
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        Ok(Arc::new(Self { certificate, key, provider, current: RwLock::new(Arc::new(current)), seen: Mutex::new(seen) }))
    }

    /// Takes over changed files; true where it did. While they are wrong the certificate stays that was in use.
    pub fn look_again(&self, now: UtcMs) -> Result<bool, CertificateError> {
        let stamp = stamp(&self.certificate, &self.key);
        if std::mem::replace(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner), stamp) == stamp {
            return Ok(false);
        }
        let renewed = read(&self.certificate, &self.key, &self.provider, now)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(renewed);
        Ok(true)
    }

    /// What accepts TLS 1.2 and 1.3 with this certificate.
    pub fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, CertificateError> {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for CertificateFiles {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn stamp(certificate: &Path, key: &Path) -> Stamp {
    let of = |path: &Path| fs::metadata(path).ok().and_then(|about| Some((about.modified().ok()?, about.len())));
    [of(certificate), of(key)]
}

fn bytes(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let io = |error| CertificateError::Io { path: path.to_owned(), error };
    let size = fs::metadata(path).map_err(io)?.len();
    if size > MAX_BYTES {
        return Err(io(io::Error::other("this is too large for a certificate or a key")));
    }
    fs::read(path).map_err(io)
}

fn read(certificate: &Path, key: &Path, provider: &CryptoProvider, now: UtcMs) -> Result<CertifiedKey, CertificateError> {
    let no_certificate = || CertificateError::NoCertificate { path: certificate.to_owned() };
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&bytes(certificate)?).collect::<Result<_, _>>().map_err(|_| no_certificate())?;
    let first = chain.first().ok_or_else(no_certificate)?;
    let (_, about) = x509_parser::parse_x509_certificate(first).map_err(|_| no_certificate())?;
    let at = |at: &x509_parser::time::ASN1Time| UtcMs(u64::try_from(at.timestamp()).unwrap_or(0).saturating_mul(1000));
    let (begins, ends) = (at(&about.validity().not_before), at(&about.validity().not_after));
    if now > ends {
        return Err(CertificateError::Over { path: certificate.to_owned(), day: CivilDay::of(ends) });
    }
    if now < begins {
        return Err(CertificateError::NotYet { path: certificate.to_owned(), day: CivilDay::of(begins) });
    }
    let about_key = fs::metadata(key).map_err(|error| CertificateError::Io { path: key.to_owned(), error })?;
    if about_key.permissions().mode() & 0o007 != 0 {
        return Err(CertificateError::ReadableByAll { path: key.to_owned() });
    }
    let secret = zeroize::Zeroizing::new(bytes(key)?);
    let secret = PrivateKeyDer::from_pem_slice(&secret).map_err(|_| CertificateError::NoKey { path: key.to_owned() })?;
    CertifiedKey::from_der(chain, secret, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => CertificateError::DoNotFit { certificate: certificate.to_owned(), key: key.to_owned() },
        error => error.into(),
    })
}
