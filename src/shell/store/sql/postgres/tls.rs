//! The encrypted way to a server on another computer: its certificate must come from whom the address names, and be of the name it says.

use super::super::super::StoreError;
use std::error::Error;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

/// Whose certificates are believed.
#[derive(Clone)]
pub(super) struct Tls(Arc<ClientConfig>);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Believes the certificates in this file (PEM), or those signed by them.
    pub(super) fn believing(file: &Path) -> Result<Self, StoreError> {
        let wrong = |why: String| StoreError::NoServer(format!("sslrootcert={}: {why}", file.display()));
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(file).map_err(|error| wrong(format!("the file cannot be read ({error})")))?;
        for certificate in certificates {
            let added = certificate.map_err(|error| error.to_string()).and_then(|one| roots.add(one).map_err(|error| error.to_string()));
            added.map_err(|why| wrong(format!("it holds something that is no certificate ({why})")))?;
        }
        if roots.is_empty() {
            return Err(wrong("it holds no certificate: it should begin with -----BEGIN CERTIFICATE-----".into()));
        }
        let versions = ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
        let config = versions.map_err(|error| wrong(error.to_string()))?.with_root_certificates(roots).with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Encrypted;
    type TlsConnect = Handshake;
    type Error = rustls::pki_types::InvalidDnsNameError;

    fn make_tls_connect(&mut self, name: &str) -> Result<Handshake, Self::Error> {
        Ok(Handshake { connector: TlsConnector::from(self.0.clone()), name: ServerName::try_from(name)?.to_owned() })
    }
}

/// One handshake.
pub(super) struct Handshake {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move { Ok(Encrypted(Box::new(self.connector.connect(self.name, socket).await?))) })
    }
}

/// An encrypted connection.
pub(super) struct Encrypted(Box<tokio_rustls::client::TlsStream<Socket>>);

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        // The certificate is checked already: nobody stands in between.
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// Why no encrypted connection was made, for people; none where it was something else.
pub(super) fn why_not(error: &tokio_postgres::Error) -> Option<String> {
    if error.source().is_some_and(|cause| cause.to_string().contains("does not support TLS")) {
        return Some("it does not encrypt: set ssl = on there, with a certificate".into());
    }
    let mut cause = error.source();
    while let Some(one) = cause {
        let inner = one.downcast_ref::<io::Error>().and_then(io::Error::get_ref).map_or(one, |inner| inner as &(dyn Error + 'static));
        if let Some(said) = inner.downcast_ref::<rustls::Error>() {
            return Some(sentence(said));
        }
        cause = inner.source();
    }
    None
}

fn sentence(said: &rustls::Error) -> String {
    use CertificateError::{Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext, UnknownIssuer};
    match said {
        rustls::Error::InvalidCertificate(UnknownIssuer | CertificateError::BadSignature) => {
            "its certificate does not come from whom sslrootcert names: put the right file there, and connect to nobody else".into()
        }
        rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            "its certificate is of another name than that in the address: use the name that stands in it as subjectAltName".into()
        }
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => {
            "its certificate has expired: renew it at the server, or set this computer's clock".into()
        }
        rustls::Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. }) => {
            "its certificate is not valid yet: set the clocks of both computers".into()
        }
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "it shows the certificate of an authority as its own: make it one of its own (basicConstraints=CA:FALSE)".into()
        }
        other => format!("the encryption failed: {other}"),
    }
}
