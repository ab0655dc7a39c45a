//! The credential: a terminal's admission by an office, with its provider, services and prices.

use super::trust::{MAX_NAME, MAX_RECIPIENT, Purpose, TrustList, read_key};
use super::verify::Refused;
use crate::words::cbor::{Keys, Malformed, Reader, Writer, present};
use crate::words::ids::{ProviderNumber, TerminalId};
use crate::words::keys::{PublicKey, SecretKey};
use crate::words::sealed::{DocType, seal};
use crate::words::service::{Service, read_ms};
use crate::words::time::UtcMs;
use serde::Serialize;

/// The most services of one provider.
pub const MAX_SERVICES: usize = 200;
/// The most terminals of one provider.
pub const MAX_SIBLINGS: usize = 500;

/// A verified admission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Credential {
    /// The office's number for the provider.
    pub provider: ProviderNumber,
    /// The provider's name.
    pub provider_name: String,
    /// The terminal admitted.
    pub terminal: TerminalId,
    /// Its public key.
    pub key: PublicKey,
    /// The age recipient of envelopes to it.
    pub recipient: String,
    /// When the credential was issued; a newer one replaces it.
    pub issued: UtcMs,
    /// Until when it admits.
    pub expires: UtcMs,
    /// What the provider may claim.
    pub services: Vec<Service>,
    /// The keys of the provider's other terminals.
    pub siblings: Vec<PublicKey>,
}

impl Credential {
    /// Opens a credential signed by a key of `trust`'s office.
    pub fn open(bytes: &[u8], trust: &TrustList, now: UtcMs) -> Result<Self, Refused> {
        trust.open_document(bytes, DocType::Credential, Purpose::Documents, Self::read, |c| c.issued, now)
    }

    /// Signs the credential with a key of the office.
    pub fn seal(&self, key: &SecretKey) -> Vec<u8> {
        seal(key, DocType::Credential, &Writer::encode(|w| self.write(w)))
    }

    /// The service with this code.
    pub fn service(&self, code: &crate::words::code::Code) -> Option<&Service> {
        self.services.iter().find(|s| s.code == *code)
    }

    /// Reads the content of a credential.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut provider, mut name, mut terminal, mut key, mut recipient) = (None, None, None, None, None);
        let (mut issued, mut expires, mut services, mut siblings) = (None, None, None, Vec::new());
        r.map(Keys::Open, |number, r| {
            match number {
                1 => provider = Some(ProviderNumber::read(r)?),
                2 => name = Some(r.text_of(1, MAX_NAME)?.to_owned()),
                3 => terminal = Some(TerminalId::read(r)?),
                4 => key = Some(read_key(r)?),
                5 => recipient = Some(r.text_of(1, MAX_RECIPIENT)?.to_owned()),
                6 => issued = Some(read_ms(r)?),
                7 => expires = Some(read_ms(r)?),
                8 => services = Some(r.list(1, MAX_SERVICES, Service::read)?),
                9 => siblings = r.list(0, MAX_SIBLINGS, read_key)?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let credential = Self {
            provider: present(provider, "a credential without provider", at)?,
            provider_name: present(name, "a credential without name", at)?,
            terminal: present(terminal, "a credential without terminal", at)?,
            key: present(key, "a credential without key", at)?,
            recipient: present(recipient, "a credential without recipient", at)?,
            issued: present(issued, "a credential without issue time", at)?,
            expires: present(expires, "a credential without end", at)?,
            services: present(services, "a credential without services", at)?,
            siblings,
        };
        if credential.key.terminal_id() != credential.terminal {
            return Err(Malformed::new("the terminal's id does not follow from its key", at));
        }
        Ok(credential)
    }

    fn write(&self, w: &mut Writer) {
        w.map(|m| {
            m.key(1).uint(self.provider.0.into());
            m.key(2).text(&self.provider_name);
            m.key(3).bytes(&self.terminal.0);
            m.key(4).bytes(self.key.bytes());
            m.key(5).text(&self.recipient);
            m.key(6).uint(self.issued.0);
            m.key(7).uint(self.expires.0);
            m.key(8).list(&self.services, |w, service| service.write(w));
            if !self.siblings.is_empty() {
                m.key(9).list(&self.siblings, |w, key| w.bytes(key.bytes()));
            }
        });
    }
}
