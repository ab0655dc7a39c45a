//! The municipality's own sign-in (OpenID Connect): where it is, and which of its people is which clerk.

use super::clerks::Known;
use super::{Action, Office, OfficeError};
use crate::shell::envelope;
use crate::shell::store::StoreError;
use crate::shell::store::office::clerks;
use crate::shell::store::office::settings;
use crate::shell::store::sql::Connection;
use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use zeroize::Zeroizing;

/// The longest name of a clerk at the sign-in.
const MAX_EXTERNAL: usize = 200;
/// The most bytes of the client's secret.
const MAX_SECRET: usize = 4 * 1024;

/// By which claim of the sign-in a clerk is found at first (OpenID Connect Core § 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The address of e-mail, if the sign-in has verified it.
    Email,
    /// The short name.
    PreferredUsername,
    /// None: a signed-in clerk links the account first.
    Subject,
}

impl Claim {
    /// The claim's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::PreferredUsername => "preferred_username",
            Self::Subject => "sub",
        }
    }

    /// The claim with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Email, Self::PreferredUsername, Self::Subject].into_iter().find(|claim| claim.name() == name)
    }
}

/// The municipality's own sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityProvider {
    /// Its address: https, or this machine.
    pub issuer: String,
    /// As what it knows this office.
    pub client_id: String,
    /// The secret shared with it; empty for a public client.
    pub secret: Zeroizing<String>,
    /// By which claim clerks are found.
    pub claim: Claim,
}

/// Whether an address may be asked: secrets cross no open line.
pub fn is_safe_address(address: &str) -> bool {
    let authority = |rest: &str| rest.split(['/', '?', '#', '\\']).next().unwrap_or_default().to_owned();
    // Before an @ stands who asks, not whom: it would look like the host.
    let plain = |authority: &str| !authority.is_empty() && !authority.contains('@');
    let local = |authority: &str| {
        let host = authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(authority, |(host, _)| host);
        ["localhost", "127.0.0.1", "[::1]"].contains(&host)
    };
    address.strip_prefix("https://").map(authority).is_some_and(|authority| plain(&authority))
        || address.strip_prefix("http://").map(authority).is_some_and(|authority| plain(&authority) && local(&authority))
}

/// Whether there is a sign-in of the municipality's own.
pub fn has_identity_provider(db: &Connection) -> Result<bool, StoreError> {
    Ok(settings::read(db, "oidc_issuer")?.is_some_and(|issuer| !issuer.is_empty()))
}

impl Office {
    /// Sets the municipality's own sign-in, or does without. The secret is encrypted with the office's key.
    pub fn set_identity_provider(&mut self, by: &str, provider: Option<&IdentityProvider>, now: UtcMs) -> Result<(), OfficeError> {
        if let Some(provider) = provider
            && !is_safe_address(&provider.issuer)
        {
            return Err(OfficeError::Wrong(format!("{} is no address of a sign-in: it begins with https://", provider.issuer)));
        }
        if provider.is_some_and(|provider| provider.client_id.trim().is_empty() || provider.secret.len() > MAX_SECRET) {
            return Err(OfficeError::Wrong("the client id is missing, or the secret is too long: take both from the sign-in's own settings".into()));
        }
        let recipient = self.keys.identity.recipient();
        self.in_transaction(|work| {
            let secret = provider.map(|provider| envelope::encrypt(&recipient, provider.secret.as_bytes())).transpose()?;
            let values = [
                ("oidc_issuer", provider.map(|provider| provider.issuer.clone())),
                ("oidc_client", provider.map(|provider| provider.client_id.trim().to_owned())),
                ("oidc_claim", provider.map(|provider| provider.claim.name().to_owned())),
                ("oidc_secret", secret.map(|secret| data_encoding::HEXLOWER.encode(&secret))),
            ];
            for (name, value) in values {
                settings::write(&work.db, name, &value.unwrap_or_default())?;
            }
            let detail = if provider.is_some() { "Anmeldedienst eingerichtet" } else { "Anmeldedienst abgeschaltet" };
            work.note(by, Action::Setting, "setting/oidc", detail, now)
        })
    }

    /// The municipality's own sign-in, if there is one.
    pub fn identity_provider(&self) -> Result<Option<IdentityProvider>, OfficeError> {
        let read = |name: &str| Ok::<_, OfficeError>(settings::read(&self.db, name)?.unwrap_or_default());
        let issuer = read("oidc_issuer")?;
        if issuer.is_empty() {
            return Ok(None);
        }
        let damaged = || StoreError::Inconsistent("a setting of the sign-in that cannot be right".into());
        let sealed = data_encoding::HEXLOWER.decode(read("oidc_secret")?.as_bytes()).map_err(|_| damaged())?;
        let secret = String::from_utf8(self.keys.open(&sealed, MAX_SECRET)?).map_err(|_| damaged())?;
        let claim = Claim::parse(&read("oidc_claim")?).ok_or_else(damaged)?;
        Ok(Some(IdentityProvider { issuer, client_id: read("oidc_client")?, secret: Zeroizing::new(secret), claim }))
    }

    /// Sets under which name the sign-in knows the clerk of an account; an empty one takes it away. Either unlinks the account and ends its
    /// sessions, but for `session`.
    pub fn set_external(&mut self, by: &str, id: i64, external: &str, session: Option<Hash>, now: UtcMs) -> Result<(), OfficeError> {
        if external.chars().count() > MAX_EXTERNAL {
            return Err(OfficeError::Wrong(format!("a name at the sign-in has at most {MAX_EXTERNAL} characters")));
        }
        self.in_transaction(|work| {
            let known = work.account(id)?;
            if !clerks::set_external(&work.db, id, Some(external).filter(|name| !name.is_empty()))? {
                return Err(OfficeError::Wrong("another account has this name at the sign-in: look it up in the list".into()));
            }
            work.end_sessions_but(&known, session)?;
            work.note(by, Action::Clerk, &format!("clerk/{id}"), "Name beim Anmeldedienst geändert", now)
        })
    }

    /// The clerk who is `subject` at the sign-in, or whom its claim names: then the account is linked to the subject for good.
    pub fn clerk_at_sign_in(&mut self, subject: &str, claimed: Option<&str>, now: UtcMs) -> Result<Option<Known>, OfficeError> {
        let all = clerks::all(&self.db)?;
        if let Some(known) = all.iter().find(|known| known.subject.as_deref() == Some(subject)) {
            return Ok(Some(known.clone().into()).filter(|_| known.closed.is_none()));
        }
        let Some(claimed) = claimed.map(str::trim).filter(|claimed| !claimed.is_empty()) else { return Ok(None) };
        let names = |external: &Option<String>| external.as_ref().is_some_and(|external| external.to_lowercase() == claimed.to_lowercase());
        let Some(known) = all.into_iter().find(|known| known.closed.is_none() && known.subject.is_none() && names(&known.external)) else {
            return Ok(None);
        };
        let known = known.into();
        self.link_subject(&known, subject, now)?;
        Ok(Some(known))
    }

    /// Links a clerk's account to the sign-in's own id of the clerk. Nothing is linked where the account was reset, closed or given another
    /// password since `clerk` asked for it: whoever comes back from the sign-in then may be somebody else.
    pub fn link_subject(&mut self, clerk: &Known, subject: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            let known = work.is_still(clerk)?;
            if !clerks::set_subject(&work.db, known.id, Some(subject))? {
                return Err(OfficeError::Wrong("this sign-in is linked to another account already: ask who looks after the accounts".into()));
            }
            work.note(&known.name, Action::Clerk, &format!("clerk/{}", known.id), "mit dem Anmeldedienst verbunden", now)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::office::clerks::account;
    use crate::office::clerks::tests::office;

    #[test]
    fn only_encrypted_lines_or_this_machine_are_asked() {
        for good in
            ["https://login.stadt.example", "https://login.stadt.example/realms/x", "http://localhost:8080/x", "http://127.0.0.1:9", "http://[::1]:9"]
        {
            assert!(is_safe_address(good), "{good}");
        }
        for bad in ["", "https://", "http://login.stadt.example", "http://localhost.evil.example", "ftp://localhost", "login.stadt.example"]
            .into_iter()
            .chain(["http://127.0.0.1:80@evil.example/", "https://login.stadt.example@evil.example", "http://[::1].evil.example", "http://[::1]x"])
        {
            assert!(!is_safe_address(bad), "{bad}");
        }
    }

    #[test]
    fn the_secret_is_kept_encrypted() {
        let mut office = office();
        let provider = IdentityProvider {
            issuer: "https://login.stadt.example".into(),
            client_id: "but".into(),
            secret: Zeroizing::new("geheim".into()),
            claim: Claim::Email,
        };
        assert_eq!(office.identity_provider().expect("read"), None);
        office.set_identity_provider("cli", Some(&provider), UtcMs(1)).expect("set");
        assert_eq!(office.identity_provider().expect("read"), Some(provider));
        let kept = settings::read(office.db(), "oidc_secret").expect("read").expect("there");
        assert!(!kept.contains(&data_encoding::HEXLOWER.encode(b"geheim")));
        office.set_identity_provider("cli", None, UtcMs(2)).expect("set");
        assert_eq!(office.identity_provider().expect("read"), None);
    }

    #[test]
    fn a_claim_finds_a_clerk_once_and_the_subject_from_then_on() {
        let mut office = office();
        for name in ["Anna", "Bernd"] {
            office.set_clerk(name, "korrekt pferd", UtcMs(1)).expect("admitted");
        }
        let id = |office: &Office, name: &str| account(office.db(), name).expect("read").expect("there").id;
        let anna = id(&office, "Anna");
        office.set_external("cli", anna, "a.adler@stadt.example", None, UtcMs(1)).expect("set");
        let bernd = id(&office, "Bernd");
        assert!(office.set_external("cli", bernd, "A.Adler@stadt.example", None, UtcMs(1)).is_err(), "one name, one account");
        let mut find =
            |subject: &str, claimed: Option<&str>| office.clerk_at_sign_in(subject, claimed, UtcMs(2)).expect("looked up").map(|known| known.name);
        assert_eq!(find("iss 1", Some("b.busch@stadt.example")), None);
        assert_eq!(find("iss 1", None), None);
        assert_eq!(find("iss 1", Some("A.ADLER@stadt.example")).as_deref(), Some("Anna"));
        assert_eq!(find("iss 1", None).as_deref(), Some("Anna"), "linked");
        assert_eq!(find("iss 2", Some("a.adler@stadt.example")), None, "somebody who got her old address is not her");
        office.set_clerk("Cem", "ein anderes Wort", UtcMs(3)).expect("admitted");
        let asked: Known = account(office.db(), "Bernd").expect("read").expect("there").into();
        office.reset_password("Cem", bernd, UtcMs(3)).expect("reset while he was away");
        assert!(matches!(office.link_subject(&asked, "iss 9", UtcMs(3)), Err(OfficeError::Case { .. })), "it may be somebody else who comes back");
        office.close_clerk("Cem", anna, UtcMs(3)).expect("closed");
        assert_eq!(office.clerk_at_sign_in("iss 1", None, UtcMs(4)).expect("looked up"), None, "a closed account");
    }
}
