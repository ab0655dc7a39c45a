//! What keeps others out: the office's TLS as a terminal meets it, keys under a passphrase, and nothing secret in any log or file.

mod office_town;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use office_town::{empty_in, lived_in_folder, request};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use teilhabe::admit::trust::Purpose;
use teilhabe::office::{Office, Rotated};
use teilhabe::shell::certificate::{CertificateError, CertificateFiles};
use teilhabe::shell::door;
use teilhabe::shell::sheet::children;
use teilhabe::shell::web::office::Desk;
use teilhabe::shell::web::serve::Peer;
use teilhabe::terminal::counter::Answer;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::reason::Reason;
use teilhabe::words::time::{DAY_MS, UtcMs};
use tokio_rustls::rustls::{self, ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tower::ServiceExt;

const PROGRAM: &str = env!("CARGO_BIN_EXE_teilhabe");
const DAYS: Duration = Duration::from_secs(24 * 60 * 60);

/// A municipality's own authority, and certificates of it in files.
struct Authority {
    folder: tempfile::TempDir,
    issuer: Issuer<'static, KeyPair>,
    root: rustls::pki_types::CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("params");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).expect("a root");
        std::fs::write(folder.path().join("ca.pem"), pem("CERTIFICATE", root.der())).expect("written");
        Self { root: root.der().clone(), issuer: Issuer::new(params, key), folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a certificate for `localhost` good from now for `from` to `to` days, and its key.
    fn certify(&self, name: &str, from: i32, to: i32) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["localhost", "127.0.0.1", "amt.example"].map(str::to_owned)).expect("params");
        let at = |days: i32| {
            let now = SystemTime::now();
            if days < 0 { now - DAYS * days.unsigned_abs() } else { now + DAYS * days.unsigned_abs() }
        };
        (params.not_before, params.not_after) = (at(from).into(), at(to).into());
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        let (at, key_at) = (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        std::fs::write(&at, pem("CERTIFICATE", certificate.der())).expect("written");
        std::fs::write(&key_at, pem("PRIVATE KEY", &key.serialize_der())).expect("written");
        std::fs::set_permissions(&key_at, PermissionsExt::from_mode(0o600)).expect("ours");
        (at, key_at)
    }
}

fn pem(kind: &str, der: &[u8]) -> String {
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", data_encoding::BASE64.encode(der))
}

#[test]
fn wrong_certificate_files_are_refused_with_a_sentence_that_names_them() {
    let (authority, now) = (Authority::new(), door::now());
    let open = |(certificate, key): (&Path, &Path)| CertificateFiles::open(certificate, key, now).map(drop);
    let (good, key) = authority.certify("good", -1, 30);
    assert!(open((&good, &key)).is_ok());
    let (other, other_key) = authority.certify("other", -1, 30);
    assert!(matches!(open((&good, &other_key)), Err(CertificateError::DoNotFit { .. })));
    let (over, over_key) = authority.certify("over", -30, -1);
    assert!(matches!(open((&over, &over_key)), Err(CertificateError::Over { .. })));
    let (early, early_key) = authority.certify("early", 2, 30);
    assert!(matches!(open((&early, &early_key)), Err(CertificateError::NotYet { .. })));
    assert!(matches!(open((&key, &key)), Err(CertificateError::NoCertificate { .. })));
    assert!(matches!(open((&good, &good)), Err(CertificateError::ReadableByAll { .. })), "a file for all");
    std::fs::set_permissions(&other, PermissionsExt::from_mode(0o600)).expect("ours");
    assert!(matches!(open((&good, &other)), Err(CertificateError::NoKey { .. })));
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o640)).expect("ours");
    assert!(open((&good, &key)).is_ok(), "a group of its own may read it, as certbot's users have it");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).expect("ours");
    let refused = open((&good, &key)).expect_err("for all");
    assert!(refused.to_string().contains("good.key") && refused.to_string().contains("chmod"), "{refused}");
    assert!(matches!(open((&authority.path("none"), &key)), Err(CertificateError::Io { .. })));
}

#[test]
fn a_renewed_certificate_is_taken_over_and_a_wrong_one_is_not() {
    let (authority, now) = (Authority::new(), door::now());
    let (certificate, key) = authority.certify("office", -1, 30);
    let files = CertificateFiles::open(&certificate, &key, now).expect("good");
    assert!(!files.look_again(now).expect("unchanged"));
    std::fs::write(&certificate, "half a file").expect("written");
    assert!(files.look_again(now).is_err());
    assert!(!files.look_again(now).expect("told once"));
    let (again, _) = authority.certify("office", -1, 60);
    assert!(files.look_again(now).expect("renewed"), "{}", again.display());
}

/// A process that is ended with its test.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program(data: &Path, args: &[&str]) -> Output {
    Command::new(PROGRAM).args(args).arg("--data").arg(data).output().expect("it runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A port nobody listens at just now.
fn free() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port")
}

fn serve(data: &Path, at: SocketAddr, more: &[&str]) -> Running {
    let mut command = Command::new(PROGRAM);
    command.args(["office", "serve", "--listen", &at.to_string()]).args(more).arg("--data").arg(data);
    let running = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs"));
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(at).is_err() {
        assert!(std::time::Instant::now() < deadline, "the office does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    running
}

/// Asks over TLS by the authority's word; the whole answer.
fn ask(authority: &Authority, at: SocketAddr, request: &str) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(authority.root.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().expect("a name")).expect("a connection");
    let mut stream = StreamOwned::new(connection, TcpStream::connect(at).expect("connected"));
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_terminal_enrols_and_exchanges_over_tls_of_a_municipalitys_own_authority() {
    let authority = Authority::new();
    let (office, terminal) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let at = free();
    let init = ["office", "init", "--id", "05562032", "--name", "Stadt", "--debtor-iban", "DE02120300000000202051"];
    assert!(program(office.path(), &init).status.success());
    let add = ["office", "provider", "add", "--name", "Mensa", "--iban", "DE44500105175407324931", "--service", "lunch:lunch:Essen:450", "--json"];
    let added: serde_json::Value = serde_json::from_slice(&program(office.path(), &add).stdout).expect("JSON");
    let code = added["enrolment_code"].as_str().expect("a code");
    let (certificate, key) = authority.certify("office", -1, 30);
    let tls = ["--tls-cert", certificate.to_str().expect("UTF-8"), "--tls-key", key.to_str().expect("UTF-8"), "--host", "amt.example"];
    let _running = serve(office.path(), at, &tls);

    let url = format!("https://localhost:{}", at.port());
    let enrol = ["terminal", "enrol", "--office", &url, "--code", code, "--label", "Ausgabe"];
    let stranger = program(terminal.path(), &enrol);
    assert!(!stranger.status.success() && said(&stranger).contains("nobody who is trusted vouches for it"), "{}", said(&stranger));
    let other = Authority::new();
    let (theirs, ours) = (other.path("ca.pem"), authority.path("ca.pem"));
    let with = |command: &[&str], ca: &Path| program(terminal.path(), &[command, &["--office-ca", ca.to_str().expect("UTF-8")]].concat());
    assert!(!with(&enrol, &theirs).status.success(), "another authority does not vouch");
    assert!(said(&with(&enrol, &key)).contains("holds no certificate"));
    let enrolled = with(&enrol, &ours);
    assert!(enrolled.status.success(), "{}", said(&enrolled));
    let exchanged = with(&["terminal", "exchange"], &ours);
    assert!(exchanged.status.success(), "{}", said(&exchanged));

    let page = ask(&authority, at, "GET /login HTTP/1.1\r\nhost: amt.example\r\nconnection: close\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.to_lowercase().contains("strict-transport-security: max-age=31536000"), "{page}");
    let mut plain = TcpStream::connect(at).expect("connected");
    plain.write_all(b"GET /login HTTP/1.1\r\nhost: amt.example\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1 200"), "nothing is served in the clear");
}

/// A server that shows this certificate and knows nothing more.
fn shows(certificate: &Path, key: &Path) -> SocketAddr {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = vec![CertificateDer::from_pem_file(certificate).expect("a certificate")];
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, PrivateKeyDer::from_pem_file(key).expect("a key")).expect("fits"));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut connection = rustls::ServerConnection::new(config.clone()).expect("a connection");
            let _ = connection.complete_io(&mut client);
        }
    });
    at
}

#[test]
fn a_certificate_that_expired_on_saturday_or_begins_tomorrow_is_said_in_a_sentence() {
    let authority = Authority::new();
    let terminal = tempfile::tempdir().expect("a folder");
    let nobody = teilhabe::words::keys::SecretKey::from_seed([9; 32]).public().clone();
    let code = teilhabe::admit::enrolment::EnrolmentCode::new([7; 10], &nobody).grouped();
    for (from, to, sentence) in [
        (-90, -2, "it has expired; tell the office, or set this box's clock if that is wrong; nothing is lost"),
        (1, 90, "it is not valid yet; set this box's clock, which is probably behind; nothing is lost"),
    ] {
        let (certificate, key) = authority.certify("office", from, to);
        let url = format!("https://localhost:{}", shows(&certificate, &key).port());
        let ca = authority.path("ca.pem");
        let asked = ["terminal", "enrol", "--office", &url, "--code", &code, "--office-ca", ca.to_str().expect("UTF-8")];
        let refused = program(terminal.path(), &asked);
        assert!(!refused.status.success() && said(&refused).contains(sentence), "{}", said(&refused));
    }
}

/// An HTTP proxy that lets through to the office alone, wherever that is said to be, and only with its password; it notes who was asked for.
fn proxy(office: SocketAddr) -> (SocketAddr, Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let (at, asked) = (listener.local_addr().expect("an address"), Arc::new(std::sync::Mutex::new(Vec::new())));
    let notes = asked.clone();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|n| n == 1) {
                head.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            notes.lock().expect("not poisoned").push(head.lines().next().unwrap_or_default().to_owned());
            if !head.contains("Proxy-Authorization: Basic bWVuc2E6Z2VoZWlt") {
                let _ = client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
                continue;
            }
            let mut server = TcpStream::connect(office).expect("the office listens");
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").expect("told");
            let (mut from_client, mut to_server) = (client.try_clone().expect("a stream"), server.try_clone().expect("a stream"));
            std::thread::spawn(move || std::io::copy(&mut from_client, &mut to_server));
            std::thread::spawn(move || std::io::copy(&mut server, &mut client));
        }
    });
    (at, asked)
}

#[test]
fn a_terminal_exchanges_through_a_proxy_and_believes_the_office_alone() {
    let authority = Authority::new();
    let (office, terminal) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let at = free();
    let mut town = empty_in(Some(office.path()), door::now());
    let lunch = teilhabe::office::ServiceTerms::parse("lunch:lunch:Essen:450", CivilDay::of(door::now())).expect("terms");
    let canteen = teilhabe::office::NewProvider { name: "Mensa".into(), iban: "DE44500105175407324931".into(), services: vec![lunch] };
    let code = town.add_provider(&canteen, door::now()).expect("a provider").1.grouped();
    drop(town);
    // No name is looked up here: the proxy alone knows where amt.example is.
    let (certificate, key) = authority.certify("office", -1, 30);
    let tls = ["--tls-cert", certificate.to_str().expect("UTF-8"), "--tls-key", key.to_str().expect("UTF-8"), "--host", "amt.example"];
    let _running = serve(office.path(), at, &tls);
    let (proxy_at, asked) = proxy(at);
    let (ours, theirs) = (authority.path("ca.pem"), Authority::new());
    let theirs = theirs.path("ca.pem");
    let through = |command: &[&str], proxy: &str, ca: &Path| {
        let mut run = Command::new(PROGRAM);
        run.args(command).args(["--office-ca", ca.to_str().expect("UTF-8")]).arg("--data").arg(terminal.path()).env("TEILHABE_PROXY", proxy);
        run.output().expect("it runs")
    };
    let enrol = ["terminal", "enrol", "--office", "https://amt.example", "--code", &code];
    let right = format!("http://mensa:geheim@{proxy_at}");
    let wrong = through(&enrol, &format!("http://mensa:falsch@{proxy_at}"), &ours);
    let sentence = format!("cannot be reached through the proxy {proxy_at} (CONNECT proxy failed: proxy server responded 407/407)");
    assert!(!wrong.status.success() && said(&wrong).contains(&sentence) && !said(&wrong).contains("falsch"), "{}", said(&wrong));
    let nobody = through(&enrol, &format!("http://{}", free()), &ours);
    assert!(said(&nobody).contains("through the proxy") && said(&nobody).contains("nothing is lost"), "{}", said(&nobody));
    assert_eq!(through(&enrol, "proxy:3128", &ours).status.code(), Some(2), "no address of a proxy");
    let false_office = through(&enrol, &right, &theirs);
    assert!(!false_office.status.success() && said(&false_office).contains("nobody who is trusted vouches for it"), "{}", said(&false_office));
    let enrolled = through(&enrol, &right, &ours);
    assert!(enrolled.status.success(), "{}", said(&enrolled));
    let exchanged = through(&["terminal", "exchange"], &right, &ours);
    assert!(exchanged.status.success(), "{}", said(&exchanged));
    let asked = asked.lock().expect("not poisoned");
    assert!(asked.len() >= 4 && asked.iter().all(|line| line == "CONNECT amt.example:443 HTTP/1.1"), "{asked:?}");
}

#[test]
fn an_office_open_to_others_without_tls_is_asked_for_explicitly() {
    let office = tempfile::tempdir().expect("a folder");
    drop(empty_in(Some(office.path()), door::now()));
    let refused = program(office.path(), &["office", "serve", "--listen", "0.0.0.0:19281"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("--tls-cert"), "{}", said(&refused));
    let half = program(office.path(), &["office", "serve", "--tls-cert", "x.pem"]);
    assert_eq!(half.status.code(), Some(2), "{}", said(&half));
}

/// The socket unit names the address then, and `--listen` does not.
#[test]
fn a_socket_that_systemd_hands_over_is_asked_the_same() {
    let office = tempfile::tempdir().expect("a folder");
    drop(empty_in(Some(office.path()), door::now()));
    let open = std::net::TcpListener::bind("0.0.0.0:0").expect("a port");
    let script = format!("export LISTEN_FDS=1 LISTEN_PID=$$; exec {PROGRAM} office serve --data {} 3<&0", office.path().display());
    let refused = Command::new("sh").args(["-c", &script]).stdin(std::os::fd::OwnedFd::from(open)).output().expect("it runs");
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("--plain-http"), "{}", said(&refused));
}

#[test]
fn protected_keys_open_with_the_passphrase_that_is_handed_over_and_never_without() {
    let (office, secrets) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    drop(empty_in(Some(office.path()), door::now()));
    let phrase = "gelbe ziegel im regen";
    let file = secrets.path().join("teilhabe-keys");
    std::fs::write(&file, phrase).expect("written");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o400)).expect("ours");
    let with = |args: &[&str], name: &str, value: &Path| {
        let output = Command::new(PROGRAM).args(args).arg("--data").arg(office.path()).env(name, value).output().expect("it runs");
        assert!(!said(&output).contains(phrase), "{}", said(&output));
        output
    };
    let before = std::fs::read_to_string(office.path().join("keys/root.key")).expect("a key");
    let protect = with(&["keys", "protect"], "TEILHABE_KEYS_FILE", &file);
    assert!(protect.status.success() && said(&protect).contains("5 of 5"), "{}", said(&protect));
    for name in ["root.key", "tokens.key", "documents.key", "status.key", "envelope.age"] {
        let kept = std::fs::read_to_string(office.path().join("keys").join(name)).expect("a key");
        assert!(kept.starts_with("teilhabe-protected-1:") && !kept.contains(before.trim()), "{name}");
    }
    let list = ["office", "provider", "list"];
    let locked = program(office.path(), &list);
    assert!(!locked.status.success() && said(&locked).contains("is protected"), "{}", said(&locked));
    assert!(with(&list, "TEILHABE_KEYS_FILE", &file).status.success());
    assert!(with(&list, "CREDENTIALS_DIRECTORY", secrets.path()).status.success(), "as systemd does");
    let (recovery, backup, again) = (secrets.path().join("recovery"), secrets.path().join("office.age"), secrets.path().join("again"));
    let made = Command::new(PROGRAM).args(["recovery-key", "--json", "--out"]).arg(&recovery).output().expect("it runs");
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let out = ["office", "backup", "--recipient", made["recipient"].as_str().expect("a recipient"), "--out", backup.to_str().expect("a path")];
    let out = with(&out, "TEILHABE_KEYS_FILE", &file);
    assert!(out.status.success(), "{}", said(&out));
    let restore = || {
        let mut restore = Command::new(PROGRAM);
        restore.args(["office", "restore", "--in"]).arg(&backup).arg("--passphrase-file").arg(&recovery).arg("--data").arg(&again);
        restore
    };
    let refused = restore().output().expect("it runs");
    assert!(!refused.status.success() && said(&refused).contains("is protected"), "{}", said(&refused));
    let restored = restore().env("TEILHABE_KEYS_FILE", &file).output().expect("it runs");
    assert!(restored.status.success(), "{}", said(&restored));
    assert!(std::fs::read_to_string(again.join("keys/root.key")).expect("a key").starts_with("teilhabe-protected-1:"), "it stays protected");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).expect("ours");
    assert!(said(&with(&list, "TEILHABE_KEYS_FILE", &file)).contains("can be read by other users"));
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).expect("ours");
    std::fs::write(&file, "another passphrase").expect("written");
    let wrong = with(&["keys", "unprotect"], "TEILHABE_KEYS_FILE", &file);
    assert!(said(&wrong).contains("does not open") && said(&wrong).contains("nothing was changed"), "{}", said(&wrong));
    std::fs::write(&file, phrase).expect("written");
    assert!(with(&["keys", "unprotect"], "TEILHABE_KEYS_FILE", &file).status.success());
    assert_eq!(std::fs::read_to_string(office.path().join("keys/root.key")).expect("a key"), before);
    assert!(program(office.path(), &list).status.success());
}

/// A new card for a meal.
fn card(office: &mut Office, reference: &str, now: UtcMs) -> String {
    let (from, to) = (CivilDay::of(now).month(), CivilDay::of(now).month().plus(2));
    let csv = format!("reference;benefit;from;to;period;measure;amount;detail;hint;home_providers\n{reference};lunch;{from};{to};day;units;1;;X;\n");
    let rows = children::read(csv.as_bytes()).expect("a table").rows;
    office.issue(&rows, now).expect("issued").remove(0).code
}

fn keys_for_cards(office: &mut Office, now: UtcMs) -> usize {
    office.trust(now).expect("a list").0.keys.iter().filter(|key| key.purposes == [Purpose::Tokens]).count()
}

#[test]
fn a_key_is_followed_by_another_and_cards_of_both_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let now = door::now();
    let (mut office, mut counters) = lived_in_folder(Some(folder.path()), now);
    let (old, spare) = (card(&mut office, "old", now), card(&mut office, "spare", now));
    let root = folder.path().join("keys");
    let old_file = std::fs::read(root.join("tokens.key")).expect("a key");

    let later = now.plus_ms(60_000);
    assert_eq!(office.rotate_tokens_key(false, "Anna Adler", later).expect("announced"), Rotated::Announced);
    assert_eq!(keys_for_cards(&mut office, later), 2);
    let after = later.plus_ms(60_000);
    assert_eq!(office.rotate_tokens_key(false, "Anna Adler", after).expect("asked"), Rotated::Waits { terminals: 3 });
    counters[0].exchange(&mut office, after);
    let asked = office.rotate_tokens_key(false, "Anna Adler", after).expect("asked");
    assert_eq!(asked, Rotated::Waits { terminals: 3 }, "whether the answer arrived, the next question says");
    counters[0].exchange(&mut office, after.plus_ms(1));
    assert_eq!(office.rotate_tokens_key(false, "Anna Adler", after).expect("asked"), Rotated::Waits { terminals: 2 });
    drop(office);
    let mut office = Office::open(folder.path(), door::os_chance(), after).expect("opened between both steps");
    assert_eq!(office.rotate_tokens_key(true, "Anna Adler", after).expect("switched"), Rotated::Switched);
    let new = card(&mut office, "new", after);
    assert_eq!(keys_for_cards(&mut office, after), 2);

    // One has heard of the key before it met the card; the other refuses the card until its exchange.
    let is_taken = |counter: &mut office_town::Counter, code: &str, service: &str, at: UtcMs| match counter.redeem(&request(code, service), at) {
        Answer::Accepted(_) => Ok(()),
        Answer::Refused(refused) => Err(refused.reason),
    };
    let at = after.plus_ms(1_000);
    assert_eq!(is_taken(&mut counters[0], &new, "lunch", at), Ok(()));
    assert_eq!(is_taken(&mut counters[0], &old, "lunch", at), Ok(()), "cards of the former key go on");
    assert_eq!(is_taken(&mut counters[2], &new, "ogs", at), Err(Reason::UnknownKey));
    counters[2].exchange(&mut office, at);
    let tomorrow = at.plus_ms(DAY_MS);
    assert_eq!(is_taken(&mut counters[2], &new, "ogs", tomorrow), Ok(()));
    assert_eq!(is_taken(&mut counters[2], &spare, "ogs", tomorrow), Ok(()));
    counters[0].exchange(&mut office, at);
    drop(office);

    // The process ended after the database knew of the change and before the file was moved: the next start moves it.
    std::fs::rename(root.join("tokens.key"), root.join("tokens.next.key")).expect("moved");
    std::fs::write(root.join("tokens.key"), &old_file).expect("written");
    std::fs::set_permissions(root.join("tokens.key"), PermissionsExt::from_mode(0o600)).expect("ours");
    let mut office = Office::open(folder.path(), door::os_chance(), at).expect("opened");
    assert!(!root.join("tokens.next.key").exists());
    let newest = card(&mut office, "newest", at);
    counters[0].exchange(&mut office, at);
    assert_eq!(is_taken(&mut counters[0], &newest, "lunch", tomorrow), Ok(()));
}

#[tokio::test]
async fn an_address_that_guesses_enrolment_codes_is_told_to_wait() {
    let listen = SocketAddr::from(([127, 0, 0, 1], 8090));
    let app = Desk::new(empty_in(None, door::now()), "key".into(), listen, &[]).expect("a desk").router();
    let ask = async |address: [u8; 4]| {
        let mut request = Request::post("/api/v1/enrolments").body(Body::from("guess")).expect("a request");
        request.extensions_mut().insert(Peer(address.into()));
        app.clone().oneshot(request).await.expect("an answer").status()
    };
    for guess in 0..10 {
        assert_eq!(ask([10, 0, 0, 66]).await, StatusCode::BAD_REQUEST, "{guess}");
    }
    assert_eq!(ask([10, 0, 0, 66]).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ask([10, 0, 0, 7]).await, StatusCode::BAD_REQUEST, "others are not held up");
}

/// Everything the program says, as it says it.
#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Whether any secret stands in `bytes`: as text, in capitals, in base64, or as bytes.
fn tells(bytes: &[u8], secrets: &[Vec<u8>]) -> bool {
    secrets.iter().any(|secret| bytes.windows(secret.len()).any(|part| part == secret.as_slice()))
}

#[test]
fn no_key_reaches_the_log_or_any_file_that_leaves_the_office() {
    let log = Log::default();
    let writer = log.clone();
    let listening = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(listening);
    tracing::warn!("the log is listened to");
    let folder = tempfile::tempdir().expect("a folder");
    let now = door::now();
    let (mut office, mut counters) = lived_in_folder(Some(folder.path()), now);
    office.rotate_tokens_key(true, "Anna Adler", now).expect("announced");
    office.reconcile(now).expect("reconciled");
    let mut secrets = Vec::new();
    for file in std::fs::read_dir(folder.path().join("keys")).expect("keys") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("text").trim().to_owned();
        if let Ok(bytes) = data_encoding::HEXLOWER.decode(text.as_bytes()) {
            secrets.extend([text.to_uppercase().into_bytes(), data_encoding::BASE64.encode(&bytes).into_bytes(), bytes]);
        }
        secrets.push(text.into_bytes());
    }
    assert_eq!(secrets.len(), 5 * 4 + 1, "four keys and the next one in four forms, and the envelope's");

    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let settlement = office.settle("Anna Adler", "Berta Busch", CivilDay::of(now), now).expect("settled");
    files.extend(settlement.files.into_iter().map(|file| (file.name, file.bytes)));
    for counter in &mut counters {
        let sent = counter.outbound(now);
        let answer = office.exchange(&sent, now).expect("an answer");
        counter.take(&answer, now);
        files.extend([("what a terminal sends".into(), sent), ("what it gets".into(), answer)]);
    }
    files.push(("trust list".into(), office.trust(now).expect("a list").1.clone()));
    files.push(("status list".into(), office.status_list(now).expect("a list").1));
    for sql in ["SELECT bytes FROM advice", "SELECT coalesce(detail, '') || coalesce(object, '') FROM audit"] {
        let mut statement = office.db().prepare(sql).expect("sql");
        let rows = statement.query_map([], |row| Ok(row.get_ref(0)?.as_bytes().unwrap_or_default().to_vec())).expect("rows");
        files.extend(rows.map(|row| (sql.to_owned(), row.expect("bytes"))));
    }
    assert!(files.len() > 20, "{}", files.len());
    for (name, bytes) in &files {
        assert!(!tells(bytes, &secrets), "a key stands in {name}");
    }
    let errors = [Office::open(&folder.path().join("none"), door::os_chance(), now).expect_err("none").to_string(), format!("{office:?}")];
    let logged = log.0.lock().expect("not poisoned").clone();
    assert!(String::from_utf8_lossy(&logged).contains("the log is listened to"));
    assert!(!tells(&logged, &secrets) && errors.iter().all(|error| !tells(error.as_bytes(), &secrets)));
    let planted = [&b"x"[..], &secrets[0]].concat();
    assert!(tells(&planted, &secrets), "they would be found");
}
