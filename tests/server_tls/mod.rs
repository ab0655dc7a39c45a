//! The encrypted way to a server: to the right one, and to wrong ones.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;
use teilhabe::shell::store::office::open_at;
use teilhabe::shell::store::sql::Connection;
use teilhabe::shell::store::sql::postgres::{Server, Tenant};

/// What is said to a server at this address, its certificate believed as that file says.
fn said_to(address: &str, root: &Path) -> Result<Connection, String> {
    let url = format!("{address}?sslmode=verify-full&sslrootcert={}", root.display());
    open_at(&Server::parse(&url).expect("an address"), Tenant(1)).map_err(|error| error.to_string())
}

#[test]
#[ignore = "scripts/postgres starts the server it needs"]
fn the_way_to_a_server_is_encrypted_and_leads_to_the_right_one() {
    let env = |name: &str| std::env::var(name).expect("scripts/postgres says where the server is");
    let (address, root) = (env("TEILHABE_TEST_TLS"), env("TEILHABE_TEST_TLS_ROOT"));
    let root = Path::new(&root);
    let db = said_to(&address, root).expect("the right server");
    let encrypted: i64 = db.query_row("SELECT count(*) FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl", [], |row| row.get(0)).expect("asked");
    assert_eq!(encrypted, 1);
    // Another address of the same server: its certificate is of localhost.
    let why = said_to(&address.replace("localhost", "127.0.0.1"), root).expect_err("another name");
    assert!(why.contains("of another name"), "{why}");
    let dir = tempfile::tempdir().expect("a folder");
    let strange = dir.path().join("strange.pem");
    std::fs::write(&strange, certified("localhost", 1).0).expect("written");
    let why = said_to(&address, &strange).expect_err("somebody else");
    assert!(why.contains("does not come from whom"), "{why}");
    std::fs::write(&strange, "no certificate").expect("written");
    let why = Server::parse(&format!("{address}?sslmode=require&sslrootcert={}", strange.display())).expect_err("no file of certificates");
    assert!(why.to_string().contains("holds no certificate"), "{why}");
}

/// A certificate of its own (PEM), good from yesterday for so many days, and its key (DER).
fn certified(name: &str, days: i64) -> (String, Vec<u8>) {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let day = Duration::from_secs(24 * 3600);
    let yesterday = std::time::SystemTime::now() - day;
    params.not_before = (yesterday - 9 * day).into();
    params.not_after = if days > 0 { (yesterday + 2 * day).into() } else { yesterday.into() };
    let key = rcgen::KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("signed");
    let lines = data_encoding::BASE64.encode(certificate.der());
    (format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"), key.serialize_der())
}

/// A server that answers the wish for encryption and goes no further than that.
fn greeting(answer: u8, certificate: Option<(String, Vec<u8>)>) -> SocketAddr {
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
    use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("asked");
        stream.read_exact(&mut [0; 8]).expect("the wish");
        stream.write_all(&[answer]).expect("answered");
        if let Some((pem, key)) = certificate {
            let chain = vec![CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")];
            let builder = ServerConfig::builder_with_provider(ring::default_provider().into()).with_safe_default_protocol_versions().expect("TLS");
            let config = builder.with_no_client_auth().with_single_cert(chain, PrivatePkcs8KeyDer::from(key).into()).expect("a server");
            let connection = ServerConnection::new(config.into()).expect("a connection");
            // The other side ends it as soon as it has seen the certificate.
            let _ = StreamOwned::new(connection, stream).read(&mut [0; 1]);
        }
    });
    address
}

#[test]
fn a_server_that_does_not_encrypt_or_is_out_of_date_is_told_so_in_one_sentence() {
    let dir = tempfile::tempdir().expect("a folder");
    let root = dir.path().join("root.pem");
    let expired = certified("localhost", 0);
    std::fs::write(&root, &expired.0).expect("written");
    let address = |at: SocketAddr| format!("postgres://teilhabe:geheim@localhost:{}/teilhabe", at.port());
    for (at, words) in [(greeting(b'N', None), "does not encrypt"), (greeting(b'S', Some(expired)), "has expired")] {
        let why = said_to(&address(at), &root).expect_err(words);
        assert!(why.contains(words) && !why.contains("geheim"), "{why}");
    }
}
