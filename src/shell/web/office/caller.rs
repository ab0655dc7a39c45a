//! From where a request comes: what a session and its tries are bound to.

use crate::shell::web::serve::Peer;
use crate::words::ids::Hash;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};

/// The computer and the browser of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    address: Option<IpAddr>,
    agent: Hash,
}

impl Caller {
    /// Who sends this request. A proxy on this machine says in `X-Forwarded-For` for whom it asks; nobody else is believed.
    pub fn of(extensions: &Extensions, headers: &HeaderMap) -> Self {
        let peer = extensions.get::<Peer>().map(|peer| peer.0.to_canonical());
        let behind = || {
            let line = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
            line.rsplit(',').next()?.trim().parse::<IpAddr>().ok()
        };
        let address = match peer {
            Some(peer) if peer.is_loopback() => behind().map(|address| address.to_canonical()).or(Some(peer)),
            peer => peer,
        };
        let agent = headers.get(header::USER_AGENT).map_or(&[][..], |agent| agent.as_bytes());
        Self { address: address.map(network), agent: Hash::of(&[agent]) }
    }

    /// The address, as far as it stays the same; none for this machine itself, where a proxy may hide everybody behind one.
    pub fn address(&self) -> Option<IpAddr> {
        self.address.filter(|address| !address.is_loopback())
    }

    /// By what the session of this secret knows its caller again: who does not have the secret learns neither network nor program from it.
    pub fn mark(&self, secret: &str) -> Hash {
        let address = self.address.map_or_else(String::new, |address| address.to_string());
        Hash::of(&[b"teilhabe/caller", secret.as_bytes(), &self.agent.0, address.as_bytes()])
    }

    /// The address as the audit log has it.
    pub fn from(&self) -> String {
        self.address().map_or_else(|| "an diesem Server".into(), |address| format!("von {address}"))
    }
}

/// An address without what its owner changes daily: the last half of an IPv6 one (RFC 8981).
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) if !v6.is_loopback() => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        other => other,
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.extensions, &parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(peer: &str, forwarded: &[&str], agent: &str) -> Caller {
        let mut extensions = Extensions::new();
        extensions.insert(Peer(peer.parse().expect("an address")));
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().expect("a header"));
        }
        headers.insert(header::USER_AGENT, agent.parse().expect("a header"));
        Caller::of(&extensions, &headers)
    }

    #[test]
    fn only_a_proxy_on_this_machine_is_believed() {
        let tablet = |peer, forwarded| caller(peer, forwarded, "x").from();
        assert_eq!(tablet("10.0.0.7", &["10.0.0.9"]), "von 10.0.0.7");
        assert_eq!(tablet("127.0.0.1", &["10.0.0.9"]), "von 10.0.0.9");
        assert_eq!(tablet("127.0.0.1", &["1.2.3.4, 10.0.0.9"]), "von 10.0.0.9", "what the proxy itself added stands last");
        assert_eq!(tablet("127.0.0.1", &["1.2.3.4", "10.0.0.9"]), "von 10.0.0.9");
        assert_eq!(tablet("127.0.0.1", &["rubbish"]), "an diesem Server");
        assert_eq!(tablet("::ffff:10.0.0.7", &[]), "von 10.0.0.7");
    }

    #[test]
    fn another_computer_or_browser_is_another_caller() {
        let here = caller("10.0.0.7", &[], "Firefox");
        assert_eq!(here, caller("10.0.0.7", &[], "Firefox"));
        assert_ne!(here, caller("10.0.0.8", &[], "Firefox"));
        assert_ne!(here, caller("10.0.0.7", &[], "Chrome"));
        let six = caller("2001:db8:1:2:aaaa::1", &[], "x");
        assert_eq!(six, caller("2001:db8:1:2:bbbb::2", &[], "x"), "privacy addresses change by the day");
        assert_ne!(six, caller("2001:db8:1:3:aaaa::1", &[], "x"));
    }
}
