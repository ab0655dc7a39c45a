//! Who may speak to us: no page elsewhere in the browser, no name that was bent to this machine, nobody without the key.

use super::problem::Problem;
use axum::http::{HeaderMap, Method, StatusCode, header};
use std::net::{IpAddr, SocketAddr};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What a request must show.
pub struct Guard {
    hosts: Vec<String>,
    /// The port at which any address written as numbers is this server.
    numbers: Option<u16>,
    key: Option<Zeroizing<String>>,
}

impl Guard {
    /// A guard for a server at `listen`, also called by `names`; `key` opens interfaces.
    pub fn new(listen: SocketAddr, names: &[String], key: Zeroizing<String>) -> Self {
        let port = listen.port();
        let mut hosts = vec![listen.to_string()];
        if listen.ip().is_loopback() || listen.ip().is_unspecified() {
            hosts.extend([format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")]);
        }
        for name in names {
            hosts.extend([name.to_ascii_lowercase(), format!("{}:{port}", name.to_ascii_lowercase())]);
        }
        Self { hosts, numbers: None, key: Some(key) }
    }

    /// A guard for the house's own network at `port`, called by `names` or any of its addresses; no key opens anything there.
    pub fn of_house(port: u16, names: &[String]) -> Self {
        let hosts = names.iter().map(|name| format!("{}:{port}", name.to_ascii_lowercase()));
        let bare = names.iter().filter(|_| port == 443).map(|name| name.to_ascii_lowercase());
        Self { hosts: hosts.chain(bare).collect(), numbers: Some(port), key: None }
    }

    fn is_ours(&self, host: &str) -> bool {
        // Only a name can be bent to another address (DNS rebinding): numbers are where the browser really went.
        let by_numbers = |port: u16| match host.parse::<SocketAddr>() {
            Ok(at) => at.port() == port,
            Err(_) => port == 443 && host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok(),
        };
        self.hosts.iter().any(|ours| ours == host) || self.numbers.is_some_and(by_numbers)
    }

    /// The request names this server, so no foreign name was bent to its address (DNS rebinding).
    pub fn check_host(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).map(str::to_ascii_lowercase);
        if host.is_some_and(|host| self.is_ours(&host)) {
            return Ok(());
        }
        Err(Problem::new(StatusCode::FORBIDDEN, "this server is not called by that name: use its own address, or start it with --host NAME"))
    }

    /// The request does not come from a page of another server. Following a link to a page is not acting.
    pub fn check_origin(&self, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        let foreign = || Problem::new(StatusCode::FORBIDDEN, "a page of another server may not do this");
        let text = |name| headers.get(name).map(|value: &header::HeaderValue| value.to_str().unwrap_or("?"));
        if let Some(origin) = text("origin") {
            let host = origin.split_once("://").map_or("", |(_, host)| host).to_ascii_lowercase();
            // Another computer of the house has an address in numbers too: its pages are not ours.
            let named = text("host").unwrap_or_default().to_ascii_lowercase();
            if !self.is_ours(&host) || (self.numbers.is_some() && host != named) {
                return Err(foreign());
            }
        }
        let follows_a_link = method == Method::GET && text("sec-fetch-mode") == Some("navigate");
        match text("sec-fetch-site") {
            None | Some("same-origin" | "none") => Ok(()),
            Some(_) if follows_a_link => Ok(()),
            Some(_) => Err(foreign()),
        }
    }

    /// Whether the request shows the key.
    pub fn has_key(&self, headers: &HeaderMap) -> bool {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|h| h.to_str().ok()).and_then(|h| h.strip_prefix("Bearer "));
        bearer.is_some_and(|shown| self.is_key(shown))
    }

    /// Whether `shown` is the key.
    pub fn is_key(&self, shown: &str) -> bool {
        self.key.as_ref().is_some_and(|key| same(shown.trim(), key))
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

fn same(shown: &str, secret: &str) -> bool {
    shown.as_bytes().ct_eq(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (header::HeaderName::from_static(name), value.parse().expect("a header"))).collect()
    }

    fn guard() -> Guard {
        let listen = "127.0.0.1:8080".parse().expect("an address");
        Guard::new(listen, &["Ausgabe.lan".into()], Zeroizing::new("key".into()))
    }

    #[test]
    fn only_our_own_names_are_answered() {
        for ours in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST:8080", "[::1]:8080", "ausgabe.lan:8080", "ausgabe.lan"] {
            assert!(guard().check_host(&headers(&[("host", ours)])).is_ok(), "{ours}");
        }
        for foreign in ["evil.example:8080", "127.0.0.1", "127.0.0.1:8081", "localhost.evil.example:8080", ""] {
            assert!(guard().check_host(&headers(&[("host", foreign)])).is_err(), "{foreign}");
        }
        assert!(guard().check_host(&HeaderMap::new()).is_err());
    }

    #[test]
    fn in_the_house_numbers_and_own_names_are_answered() {
        let guard = Guard::of_house(8443, &["box".into(), "Box.local".into()]);
        for ours in ["192.168.7.20:8443", "[fd00::1]:8443", "box:8443", "BOX.local:8443"] {
            assert!(guard.check_host(&headers(&[("host", ours)])).is_ok(), "{ours}");
        }
        for foreign in ["evil.example:8443", "192.168.7.20", "192.168.7.20:8080", "box", "192.168.7.20.evil.example:8443", "[::1", ""] {
            assert!(guard.check_host(&headers(&[("host", foreign)])).is_err(), "{foreign}");
        }
        let from = |origin| {
            let pairs = [("host", "192.168.7.20:8443"), ("origin", origin)];
            guard.check_origin(&Method::POST, &headers(&pairs)).is_ok()
        };
        assert!(from("https://192.168.7.20:8443"));
        assert!(!from("https://192.168.7.66:8443"), "a page of another computer of the house");
        assert!(!from("https://box:8443"), "a page of ours, but not this one");
        assert!(!guard.has_key(&headers(&[("authorization", "Bearer ")])));
    }

    #[test]
    fn a_page_elsewhere_reaches_nothing() {
        let check = |method: Method, pairs: &[(&'static str, &str)]| guard().check_origin(&method, &headers(pairs)).is_ok();
        assert!(check(Method::POST, &[]));
        assert!(check(Method::POST, &[("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")]));
        assert!(!check(Method::POST, &[("origin", "http://evil.example")]));
        assert!(!check(Method::POST, &[("origin", "null")]));
        assert!(!check(Method::POST, &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]));
        assert!(!check(Method::GET, &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]));
        assert!(check(Method::GET, &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]));
    }

    #[test]
    fn the_key_opens() {
        assert!(guard().has_key(&headers(&[("authorization", "Bearer key")])));
        for wrong in [("authorization", "Bearer ke"), ("authorization", "Bearer "), ("authorization", "key"), ("cookie", "desk=key")] {
            assert!(!guard().has_key(&headers(&[wrong])), "{wrong:?}");
        }
        assert!(!guard().has_key(&HeaderMap::new()));
    }
}
