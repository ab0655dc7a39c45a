//! Enrolment: with a printed one-time code the box asks an office for admission, and takes only that office's answer.

use super::journal::Journal;
use super::{Terminal, clock};
use crate::admit::credential::Credential;
use crate::admit::enrolment::{Enrolment, EnrolmentCode};
use crate::admit::trust::TrustList;
use crate::admit::verify::Refused;
use crate::book::entry::{Admission, Admitted, Body};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::NewOffice;
use crate::words::chance::Chance;
use crate::words::ids::{Hash, OfficeId, ProviderNumber};
use crate::words::keys::PublicKey;
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};

/// An office's answer to an enrolment, as it travels: JSON with base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentAnswer {
    /// The root key's 32 bytes.
    pub root: String,
    /// The signed trust list.
    pub trust: String,
    /// The signed credential.
    pub credential: String,
}

/// What the terminal was admitted as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Enrolled {
    /// The office.
    pub office: OfficeId,
    /// Its name.
    pub office_name: String,
    /// Its number for the provider.
    pub provider: ProviderNumber,
    /// The provider's name.
    pub provider_name: String,
}

/// Why an enrolment failed.
#[derive(Debug, thiserror::Error)]
pub enum CannotEnrol {
    /// The code was mistyped.
    #[error("this is not an enrolment code: it begins with E and has 33 letters and digits; type it again")]
    NoCode,
    /// The answer cannot be read.
    #[error("the office's answer cannot be read: {0}")]
    Unreadable(&'static str),
    /// Somebody else answers.
    #[error("this is not the office that printed the code: check the address, and stop if it is right")]
    NotThatOffice,
    /// The answer does not verify.
    #[error("the office's answer does not count: {0}")]
    Refused(#[from] Refused),
    /// The admission is for another box.
    #[error("the office has admitted another terminal than this one: ask for a new code")]
    NotThisTerminal,
    /// The admission is over.
    #[error("the office's admission has ended already: check the clock of this box, then ask for a new code")]
    Ended,
    /// The same office with another root key.
    #[error("this terminal knows office {0} with another root key: ask that office what has happened before going on")]
    OtherRoot(OfficeId),
    /// An answer from before.
    #[error("this is an old answer of office {0}: this terminal knows a later trust list; let it ask again")]
    Older(OfficeId),
    /// A key of another office.
    #[error("office {0} names a key that belongs to another office this terminal serves: it is not taken")]
    SharedKey(OfficeId),
    /// Nothing could be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EnrolmentAnswer {
    /// The answer that carries these documents.
    pub fn new(root: &PublicKey, trust: &[u8], credential: &[u8]) -> Self {
        let encode = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
        Self { root: encode(root.bytes()), trust: encode(trust), credential: encode(credential) }
    }
}

/// Whether `code` is a printed one-time code at all, before anything is made for it.
pub fn check_code(code: &str) -> Result<(), CannotEnrol> {
    EnrolmentCode::parse(code).map(|_| ()).ok_or(CannotEnrol::NoCode)
}

impl Terminal {
    /// The signed request for admission with a printed code.
    pub fn ask_for_admission(&self, code: &str, label: &str) -> Result<Vec<u8>, CannotEnrol> {
        let code = EnrolmentCode::parse(code).ok_or(CannotEnrol::NoCode)?;
        let request = Enrolment::new(self.keys.signing.public(), &self.recipient(), label, &code);
        Ok(request.seal(&self.keys.signing))
    }

    /// Takes an office's answer to the request made with `code`; from then on the office is reached at `url`.
    pub fn take_admission(
        &mut self,
        code: &str,
        url: &str,
        answer: &EnrolmentAnswer,
        chance: &mut Chance,
        now: UtcMs,
    ) -> Result<Enrolled, CannotEnrol> {
        self.admitted(code, url, answer, false, chance, now)
    }

    /// The same where the office has told people that its root key is another now, and this terminal knows it with the one before: what
    /// was recorded stays, and is sent to that office.
    pub fn take_admission_by_another_root(
        &mut self,
        code: &str,
        url: &str,
        answer: &EnrolmentAnswer,
        chance: &mut Chance,
        now: UtcMs,
    ) -> Result<Enrolled, CannotEnrol> {
        self.admitted(code, url, answer, true, chance, now)
    }

    fn admitted(
        &mut self,
        code: &str,
        url: &str,
        answer: &EnrolmentAnswer,
        by_another_root: bool,
        chance: &mut Chance,
        now: UtcMs,
    ) -> Result<Enrolled, CannotEnrol> {
        let code = EnrolmentCode::parse(code).ok_or(CannotEnrol::NoCode)?;
        let root: [u8; 32] = decode(&answer.root)?.try_into().map_err(|_| CannotEnrol::Unreadable("the root key is not 32 bytes"))?;
        let root = PublicKey::from_bytes(&root).filter(|root| code.is_for(root)).ok_or(CannotEnrol::NotThatOffice)?;
        let (trust_bytes, credential_bytes) = (decode(&answer.trust)?, decode(&answer.credential)?);
        let trust = TrustList::open(&trust_bytes, &root)?;
        let credential = Credential::open(&credential_bytes, &trust, now)?;
        if credential.key != *self.keys.signing.public() || credential.recipient != self.recipient() {
            return Err(CannotEnrol::NotThisTerminal);
        }
        if credential.expires <= now {
            return Err(CannotEnrol::Ended);
        }
        self.refresh(now)?;
        match self.offices.find(&trust.office) {
            Some((known, _)) if known.root != root && !by_another_root => return Err(CannotEnrol::OtherRoot(known.id.clone())),
            Some((known, held)) if known.root == root && trust.version < held.version => return Err(CannotEnrol::Older(known.id.clone())),
            _ => {}
        }
        if self.offices.iter().any(|(office, other)| office.id != trust.office && trust.shared_key(other).is_some()) {
            return Err(CannotEnrol::SharedKey(trust.office));
        }
        let terminal = self.id();
        self.store.write(|tx| {
            let journal = Journal::new(tx, terminal);
            let clock = clock::read(tx, now)?;
            let new = NewOffice {
                id: &trust.office,
                url: url.trim_end_matches('/'),
                root: root.bytes(),
                trust: &trust_bytes,
                credential: &credential_bytes,
            };
            let office = tx.keep_office(&new)?;
            tx.keep_services(office, &credential)?;
            for (document, bytes) in [(Admitted::Trust, &trust_bytes), (Admitted::Credential, &credential_bytes)] {
                let admission = Admission { office: trust.office.clone(), document, hash: Hash::of(&[bytes]) };
                journal.record(Body::Admission(admission), chance, clock.now)?;
            }
            Ok::<_, CannotEnrol>(())
        })?;
        self.offices = super::Offices::load(&mut self.store, now)?;
        Ok(Enrolled { office: trust.office, office_name: trust.office_name, provider: credential.provider, provider_name: credential.provider_name })
    }
}

impl Terminal {
    /// Notes where an office is reached from now on; false when the terminal is not enrolled there.
    pub fn move_office(&mut self, office: &OfficeId, url: &str, now: UtcMs) -> Result<bool, StoreError> {
        let Some(number) = self.offices.find(office).map(|(known, _)| known.number) else { return Ok(false) };
        self.store.write(|tx| tx.keep_url(number, url.trim_end_matches('/')))?;
        self.offices = super::Offices::load(&mut self.store, now)?;
        Ok(true)
    }
}

fn decode(text: &str) -> Result<Vec<u8>, CannotEnrol> {
    let plain = text.trim().trim_end_matches('=');
    data_encoding::BASE64URL_NOPAD.decode(plain.as_bytes()).map_err(|_| CannotEnrol::Unreadable("it is not base64url"))
}
