//! The trust list: an office's keys, its address for envelopes and its policy, signed by its root key.

use super::verify::{self, Refused};
use crate::words::cbor::{Keys, Malformed, Reader, Writer, present};
use crate::words::ids::OfficeId;
use crate::words::keys::{PublicKey, SecretKey};
use crate::words::sealed::{DocType, Sealed, seal};
use crate::words::service::read_ms;
use crate::words::time::UtcMs;
use serde::Serialize;

/// The most keys one office may name.
pub const MAX_KEYS: usize = 64;
/// The longest name of an office or provider in characters.
pub const MAX_NAME: usize = 140;
/// The longest age recipient in characters.
pub const MAX_RECIPIENT: usize = 100;

/// What a key of an office may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Tokens.
    Tokens,
    /// Credentials, receipts, advices and envelopes.
    Documents,
    /// Status lists.
    StatusLists,
}

impl Purpose {
    const ALL: [Purpose; 3] = [Self::Tokens, Self::Documents, Self::StatusLists];

    const fn code(self) -> u64 {
        match self {
            Self::Tokens => 1,
            Self::Documents => 2,
            Self::StatusLists => 3,
        }
    }
}

/// A key of an office and when it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrustedKey {
    /// The key.
    pub key: PublicKey,
    /// What it may sign.
    pub purposes: Vec<Purpose>,
    /// The first moment at which a document may have been issued with it.
    pub not_before: UtcMs,
    /// The last such moment.
    pub not_after: UtcMs,
    /// From when on nothing it ever signed counts.
    pub withdrawn: Option<UtcMs>,
}

/// The office's parameters, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// How long after the end of validity (or a later issue) a service can still be claimed.
    pub claim_grace_days: u32,
    /// Up to which age of the status list the data is amber.
    pub amber_days: u32,
    /// Up to which age it is red; past it a scan is refused as stale.
    pub red_days: u32,
}

/// A verified trust list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrustList {
    /// Counts up; a terminal never goes back.
    pub version: u64,
    /// When it was issued.
    pub issued: UtcMs,
    /// Until when it is meant to be used.
    pub expires: UtcMs,
    /// The office.
    pub office: OfficeId,
    /// The office's name for people.
    pub office_name: String,
    /// The office's keys.
    pub keys: Vec<TrustedKey>,
    /// The age recipient of envelopes to the office.
    pub recipient: String,
    /// The office's parameters.
    pub policy: Policy,
    /// The root key that will follow the present one.
    pub next_root: Option<PublicKey>,
}

impl TrustList {
    /// Opens a list signed by `root`.
    pub fn open(bytes: &[u8], root: &PublicKey) -> Result<Self, Refused> {
        let payload = verify::open_by(bytes, DocType::Trust, root)?;
        Ok(Reader::decode(payload, Self::read)?)
    }

    /// Signs the list with the office's root key.
    pub fn seal(&self, root: &SecretKey) -> Vec<u8> {
        seal(root, DocType::Trust, &Writer::encode(|w| self.write(w)))
    }

    /// The content of a document that a key of this office with `purpose` signed, handed to `read`; `issued` tells its issue time.
    pub fn open_document<T>(
        &self,
        bytes: &[u8],
        doc: DocType,
        purpose: Purpose,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, Malformed>,
        issued: impl FnOnce(&T) -> UtcMs,
        now: UtcMs,
    ) -> Result<T, Refused> {
        let fitting: Vec<&TrustedKey> = self.keys.iter().filter(|k| k.purposes.contains(&purpose)).collect();
        let (payload, place) = verify::open(bytes, doc, fitting.iter().map(|k| &k.key))?;
        let document = Reader::decode(payload, read)?;
        // It cannot be earlier than this list: a clock that was turned back brings no withdrawn key back.
        let now = now.max(self.issued);
        let counts = fitting.get(place).is_some_and(|key| key.counts(issued(&document), now));
        if counts { Ok(document) } else { Err(Refused::KeyWithdrawn) }
    }

    /// Whether a document that was opened from the same `bytes` with the same list before, and issued at `issued`, counts at `now` as well:
    /// of all that was found then, only whether its key was withdrawn can have changed. False where the key is not named without doubt.
    pub fn still_counts(&self, bytes: &[u8], doc: DocType, purpose: Purpose, issued: UtcMs, now: UtcMs) -> bool {
        let Ok(sealed) = Sealed::parse(bytes, doc) else { return false };
        let mut named = self.keys.iter().filter(|key| key.purposes.contains(&purpose) && key.key.kid() == sealed.kid());
        named.next().is_some_and(|key| key.counts(issued, now)) && named.next().is_none()
    }

    /// The first key that this list and `other` both name: such a list must be refused, or one office could sign for another.
    pub fn shared_key<'k>(&'k self, other: &TrustList) -> Option<&'k PublicKey> {
        self.keys.iter().map(|k| &k.key).find(|key| self.office != other.office && other.keys.iter().any(|o| o.key == **key))
    }

    /// Reads the content of a trust list.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut version, mut issued, mut expires, mut office, mut keys) = (None, None, None, None, None);
        let (mut recipient, mut policy, mut next_root) = (None, None, None);
        r.map(Keys::Open, |key, r| {
            match key {
                1 => version = Some(r.uint()?),
                2 => issued = Some(read_ms(r)?),
                3 => expires = Some(read_ms(r)?),
                4 => office = Some(r.array(2, 2, |r, _| Ok((OfficeId::read(r)?, r.text_of(1, MAX_NAME)?.to_owned())))?),
                5 => keys = Some(r.list(1, MAX_KEYS, TrustedKey::read)?),
                6 => recipient = Some(r.text_of(1, MAX_RECIPIENT)?.to_owned()),
                7 => policy = Some(Policy::read(r)?),
                8 => next_root = Some(read_key(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let (office, office_name) = present(office, "a trust list without office", at)?;
        Ok(Self {
            version: present(version, "a trust list without version", at)?,
            issued: present(issued, "a trust list without issue time", at)?,
            expires: present(expires, "a trust list without end", at)?,
            office,
            office_name,
            keys: present(keys, "a trust list without keys", at)?,
            recipient: present(recipient, "a trust list without recipient", at)?,
            policy: present(policy, "a trust list without policy", at)?,
            next_root,
        })
    }

    fn write(&self, w: &mut Writer) {
        w.map(|m| {
            m.key(1).uint(self.version);
            m.key(2).uint(self.issued.0);
            m.key(3).uint(self.expires.0);
            let office = m.key(4);
            office.array(2);
            self.office.write(office);
            office.text(&self.office_name);
            m.key(5).list(&self.keys, |w, key| key.write(w));
            m.key(6).text(&self.recipient);
            m.key(7).map(|m| {
                m.key(1).uint(self.policy.claim_grace_days.into());
                m.key(2).uint(self.policy.amber_days.into());
                m.key(3).uint(self.policy.red_days.into());
            });
            if let Some(root) = &self.next_root {
                m.key(8).bytes(root.bytes());
            }
        });
    }
}

impl TrustedKey {
    /// Whether a document issued at `issued` with this key counts at `now`.
    pub fn counts(&self, issued: UtcMs, now: UtcMs) -> bool {
        self.withdrawn.is_none_or(|at| now < at) && (self.not_before..=self.not_after).contains(&issued)
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut key, mut purposes, mut not_before, mut not_after, mut withdrawn) = (None, None, None, None, None);
        r.map(Keys::Open, |number, r| {
            match number {
                1 => key = Some(read_key(r)?),
                2 => purposes = Some(r.list(1, Purpose::ALL.len(), read_purpose)?),
                3 => not_before = Some(read_ms(r)?),
                4 => not_after = Some(read_ms(r)?),
                5 => withdrawn = Some(read_ms(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            key: present(key, "a trusted key without its bytes", at)?,
            purposes: present(purposes, "a trusted key without purposes", at)?,
            not_before: present(not_before, "a trusted key without beginning", at)?,
            not_after: present(not_after, "a trusted key without end", at)?,
            withdrawn,
        })
    }

    fn write(&self, w: &mut Writer) {
        w.map(|m| {
            m.key(1).bytes(self.key.bytes());
            m.key(2).list(&self.purposes, |w, purpose| w.uint(purpose.code()));
            m.key(3).uint(self.not_before.0);
            m.key(4).uint(self.not_after.0);
            if let Some(at) = self.withdrawn {
                m.key(5).uint(at.0);
            }
        });
    }
}

impl Policy {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut claim_grace_days, mut amber_days, mut red_days) = (None, None, None);
        r.map(Keys::Open, |key, r| {
            match key {
                1 => claim_grace_days = Some(r.uint32()?),
                2 => amber_days = Some(r.uint32()?),
                3 => red_days = Some(r.uint32()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            claim_grace_days: present(claim_grace_days, "a policy without claim grace", at)?,
            amber_days: present(amber_days, "a policy without amber days", at)?,
            red_days: present(red_days, "a policy without red days", at)?,
        })
    }
}

/// Reads a public key.
pub fn read_key(r: &mut Reader<'_>) -> Result<PublicKey, Malformed> {
    let at = r.position();
    PublicKey::from_bytes(&r.byte_array()?).ok_or(Malformed::new("these bytes are no public key", at))
}

fn read_purpose(r: &mut Reader<'_>) -> Result<Purpose, Malformed> {
    let at = r.position();
    let code = r.uint()?;
    Purpose::ALL.into_iter().find(|p| p.code() == code).ok_or(Malformed::new("a purpose is 1, 2 or 3", at))
}
