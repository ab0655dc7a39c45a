//! The HTTP proxy between this computer and the internet, where a school or a municipality lets nobody out but through one.
//!
//! It is asked for a tunnel (CONNECT, RFC 9110 § 9.3.6) by the office's name, also for plain HTTP: TLS goes from end to end through it, and the
//! proxy is believed nothing.

use std::sync::OnceLock;
use ureq::Proxy;
use ureq::http::Uri;

/// Who is never asked for through a proxy.
const NEARBY: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// The proxy that was named by an option.
static NAMED: OnceLock<Proxy> = OnceLock::new();

/// Goes through this proxy from now on, until the process ends; refuses what is no address of one.
pub fn name(url: &str) -> Result<(), String> {
    NAMED.set(parse(url)?).map_err(|_| "a proxy was named before".to_owned())
}

/// The proxy in use: the one that was named, or the one of `HTTPS_PROXY` and `NO_PROXY`, as other programs read them.
pub fn current() -> Option<Proxy> {
    NAMED.get().cloned().or_else(Proxy::try_from_env)
}

/// Host and port of the proxy through which `url` is asked for; its password is never shown.
pub fn on_the_way_to(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    let proxy = current().filter(|proxy| !proxy.is_no_proxy(&uri))?;
    Some(format!("{}:{}", proxy.host(), proxy.port()))
}

fn parse(url: &str) -> Result<Proxy, String> {
    let wrong = || {
        "--proxy wants an address such as http://proxy.schule.example:3128, with http://NAME:PASSWORD@… where the proxy asks for a name".to_owned()
    };
    let given = Some(url).filter(|url| url.starts_with("http://") || url.starts_with("https://")).ok_or_else(wrong)?;
    let uri: Uri = given.parse().map_err(|_| wrong())?;
    // A port that is none would silently become 80.
    let place = uri.authority().map_or("", |authority| authority.as_str()).rsplit(['@', ']']).next().unwrap_or_default();
    if place.contains(':') && uri.port_u16().is_none() {
        return Err(wrong());
    }
    let read = Proxy::new(given).map_err(|_| wrong())?;
    let mut proxy = Proxy::builder(read.protocol()).host(read.host()).port(read.port());
    for (value, set) in [(read.username(), true), (read.password(), false)] {
        proxy = match (value, set) {
            (Some(name), true) => proxy.username(name),
            (Some(password), false) => proxy.password(password),
            (None, _) => proxy,
        };
    }
    NEARBY.iter().fold(proxy, |proxy, near| proxy.no_proxy(near)).build().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_name_and_password_and_nearby_is_asked_directly() {
        let proxy = parse("http://mensa:ge%40heim@proxy.schule.example:3128").expect("an address");
        assert_eq!((proxy.host(), proxy.port(), proxy.username(), proxy.password()), ("proxy.schule.example", 3128, Some("mensa"), Some("ge@heim")));
        let near = |url: &str| proxy.is_no_proxy(&url.parse().expect("an address"));
        assert!(near("http://127.0.0.1:8090/api") && near("http://localhost:8090/") && !near("https://amt.example/api"));
        for wrong in ["proxy.schule.example:3128", "ftp://proxy", "socks5://proxy:1080", "http://", "", "http://proxy:port", "http://proxy:99999"] {
            assert!(parse(wrong).expect_err(wrong).starts_with("--proxy wants an address such as"));
        }
    }
}
