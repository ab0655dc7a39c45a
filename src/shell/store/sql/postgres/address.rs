//! Where a server is, and whose rows are meant.

use super::super::super::StoreError;
use super::tls::Tls;
use crate::words::ids::OfficeId;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use tokio_postgres::config::{Config, Host, SslMode};

/// A database on a PostgreSQL server. What is shown of it never holds a password.
#[derive(Clone, Debug)]
pub struct Server {
    config: Config,
    tls: Option<Tls>,
}

impl Server {
    /// Reads `postgres://user:password@host:port/database`; the error is one sentence, without the address.
    ///
    /// `?sslmode=verify-full&sslrootcert=/path/root.pem` encrypts the way there and checks whom it leads to; `sslmode=require` is taken as
    /// the same, for encrypting without knowing to whom keeps nobody out.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        let wrong = |why: &str| StoreError::NoServer(why.to_owned());
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(wrong("an address begins with postgres://"));
        }
        let (url, wishes) = taken_apart(url);
        let mut config = Config::from_str(&url).map_err(|_| wrong("it is no postgres://user@host:port/database"))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(wrong("it names no host: a folder with the server's socket, or localhost"));
        }
        let is_here = |host: &Host| match host {
            Host::Unix(_) => true,
            Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        };
        let here = config.get_hosts().iter().all(is_here) && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
        let tls = match (wishes.mode.as_deref(), &wishes.root) {
            (Some("require" | "verify-full"), Some(root)) => {
                if config.get_hosts().iter().any(|host| matches!(host, Host::Unix(_))) {
                    return Err(wrong("a socket on this computer needs no sslmode: leave it out"));
                }
                config.ssl_mode(SslMode::Require);
                Some(Tls::believing(root)?)
            }
            (Some("require" | "verify-full"), None) => {
                return Err(wrong(
                    "sslmode needs a sslrootcert=/path/root.pem beside it: the file with the certificate by which the server is known",
                ));
            }
            // What travels is whole cases: over a network it is encrypted or it does not travel.
            (None | Some("disable"), _) if !here => {
                return Err(wrong(
                    "the server is on another computer: add sslmode=verify-full&sslrootcert=/path/root.pem, so that the way there is encrypted",
                ));
            }
            (None | Some("disable"), _) => None,
            (Some(_), _) => return Err(wrong("sslmode is verify-full or require, and on this computer disable")),
        };
        config.application_name("teilhabe");
        Ok(Self { config, tls })
    }

    /// How the way there is encrypted; none where it does not leave this computer.
    pub(super) const fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    pub(super) const fn config(&self) -> &Config {
        &self.config
    }
}

/// What an address says of encryption.
#[derive(Default)]
struct Wishes {
    mode: Option<String>,
    root: Option<PathBuf>,
}

/// The address without what it says of encryption, which the library does not read as we do; and that.
fn taken_apart(url: &str) -> (String, Wishes) {
    let mut wishes = Wishes::default();
    let Some((address, query)) = url.split_once('?') else { return (url.to_owned(), wishes) };
    let others: Vec<&str> = query
        .split('&')
        .filter(|pair| match pair.split_once('=') {
            Some(("sslmode", mode)) => {
                wishes.mode = Some(mode.to_owned());
                false
            }
            Some(("sslrootcert", path)) => {
                wishes.root = Some(PathBuf::from(path.replace("%2F", "/").replace("%2f", "/").replace("%20", " ")));
                false
            }
            _ => true,
        })
        .collect();
    (if others.is_empty() { address.to_owned() } else { format!("{address}?{}", others.join("&")) }, wishes)
}

/// Whose rows are meant: the number that leads every key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenant(pub i64);

impl Tenant {
    /// The tenant of an office. That of eight digits without a suffix is the official key itself.
    pub fn of(office: &OfficeId) -> Self {
        let (key, suffix) = office.as_str().split_once('-').unwrap_or((office.as_str(), ""));
        let shorter = i64::try_from(8_usize.saturating_sub(key.len())).unwrap_or(0);
        let key = key.bytes().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit.saturating_sub(b'0')));
        let sign = |byte: u8| i64::from(if byte.is_ascii_digit() { byte - b'0' } else { byte.saturating_sub(b'A') + 10 }) + 1;
        let suffix = suffix.bytes().fold(0_i64, |sum, byte| sum * 37 + sign(byte));
        Self((suffix * 4 + shorter) * 100_000_000 + key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_office_has_a_number_of_its_own() {
        let number = |id: &str| Tenant::of(&OfficeId::parse(id).expect("an id")).0;
        assert_eq!(number("05562032"), 5_562_032);
        let ids = ["05562032", "5562032", "05562", "005562", "05562032-1", "05562032-01", "05562032-A", "05562032-ZZZZ", "99999999", "99999999-ZZZZ"];
        let numbers: std::collections::BTreeSet<i64> = ids.iter().map(|id| number(id)).collect();
        assert_eq!(numbers.len(), ids.len());
        assert!(numbers.iter().all(|number| (1..1 << 60).contains(number)), "{numbers:?}");
    }

    #[test]
    fn a_server_on_another_computer_is_spoken_to_in_secret_and_no_password_is_shown() {
        for here in
            ["postgres://a:geheim@localhost/b", "postgresql://a:geheim@127.0.0.1:5433/b", "postgres://a@%2Frun%2Fpostgresql/b?password=geheim"]
        {
            let server = Server::parse(here).expect("here");
            assert!(!format!("{server:?}").contains("geheim"), "{server:?}");
        }
        for wrong in [
            "",
            "mysql://a:geheim@localhost/b",
            "postgres://a:geheim@10.0.0.7/b",
            "postgres://a:geheim@db.example/b",
            "postgres://geheim",
            "postgres:///geheim",
            "postgres://a:geheim@localhost:x/b",
            "postgres://a:geheim@localhost,10.0.0.7/b",
            "postgres://a:geheim@localhost/b?hostaddr=10.0.0.7",
            "postgres://a:geheim@db.example/b?sslmode=disable",
            "postgres://a:geheim@db.example/b?sslmode=prefer",
            "postgres://a:geheim@db.example/b?sslmode=require",
            "postgres://a:geheim@db.example/b?sslmode=verify-full",
            "postgres://a:geheim@db.example/b?sslmode=verify-full&sslrootcert=/nowhere/root.pem",
            "postgres://a:geheim@db.example/b?sslrootcert=/nowhere/root.pem",
            "postgres://a@%2Frun%2Fpostgresql/b?password=geheim&sslmode=require&sslrootcert=/nowhere/root.pem",
        ] {
            let why = Server::parse(wrong).expect_err(wrong).to_string();
            assert!(!why.contains("geheim") && why.contains(": "), "{why}");
        }
    }
}
