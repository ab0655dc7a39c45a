//! The journal: entries in a chain, each naming the one before it. Appended to, never changed (formats § 3).

use super::record::{one_of, three, two};
use super::redemption::Redemption;
use crate::words::cbor::{Keys, Malformed, Reader, Writer, present};
use crate::words::ids::{BatchId, Hash, OfficeId, Salt, TerminalId};
use crate::words::service::{read_day, read_ms};
use crate::words::time::UtcMs;
use serde::Serialize;

pub use super::record::{Admission, Admitted, Cancellation, Checkpoint, ClockJump, ClockState, Closed, Held, Opened, Purge, SealedBatch, Started};

/// The most bytes one entry may have.
pub const MAX_ENTRY_BYTES: usize = 2048;

/// Where a journal ends: the number of its last entry and the link after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Head {
    /// The last entry's number; zero in an empty journal.
    pub seq: u64,
    /// The link after it.
    pub link: Hash,
}

impl Head {
    /// The head of a terminal's empty journal.
    pub fn start(terminal: TerminalId) -> Self {
        Self { seq: 0, link: Hash::of(&[b"teilhabe/journal/1", &terminal.0]) }
    }

    /// The head after an entry with these bytes.
    pub fn after(self, entry: &[u8]) -> Self {
        self.after_hash(Hash::of(&[entry]))
    }

    /// The head after an entry of which only the hash is known.
    pub fn after_hash(self, entry: Hash) -> Self {
        Self { seq: self.seq.saturating_add(1), link: Hash::of(&[&self.link.0, &entry.0]) }
    }
}

/// One entry of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its number, from 1 without gaps.
    pub seq: u64,
    /// When it was written, by the terminal's clock.
    pub at: UtcMs,
    /// What it records.
    pub body: Body,
    /// Random, so that a blinded entry cannot be guessed.
    pub salt: Salt,
}

/// What an entry records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// The journal begins.
    Opened(Opened),
    /// A token was used.
    Redemption(Redemption),
    /// An earlier redemption does not count.
    Cancellation(Cancellation),
    /// A batch was sealed.
    Sealed(SealedBatch),
    /// An office confirmed what it holds.
    Checkpoint(Checkpoint),
    /// The clock jumped.
    Clock(ClockJump),
    /// A document of an office was taken over.
    Admission(Admission),
    /// A day was closed.
    Closed(Closed),
    /// Bodies of old entries were erased.
    Purge(Purge),
    /// A service was given that no token covers yet.
    Held(Held),
    /// A lesson began.
    Started(Started),
}

impl Entry {
    /// The entry's bytes: they, not this struct, are the truth.
    pub fn to_bytes(&self) -> Vec<u8> {
        Writer::encode(|w| {
            w.map(|m| {
                m.key(1).uint(self.seq);
                m.key(2).uint(self.at.0);
                m.key(3).uint(self.body.kind());
                self.body.write(m.key(4));
                m.key(5).bytes(&self.salt.0);
            });
        })
    }

    /// Reads an entry from its bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(Malformed::new("the entry is larger than allowed", MAX_ENTRY_BYTES));
        }
        Reader::decode(bytes, |r| {
            let at = r.position();
            let (mut seq, mut time, mut kind, mut body, mut salt) = (None, None, None, None, None);
            r.map(Keys::Open, |key, r| {
                match key {
                    1 => seq = Some(r.uint()?),
                    2 => time = Some(read_ms(r)?),
                    3 => kind = Some(r.uint()?),
                    4 => body = Some(Body::read(kind, r)?),
                    5 => salt = Some(Salt::read(r)?),
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            if seq == Some(0) {
                return Err(Malformed::new("a journal begins with entry 1", at));
            }
            Ok(Self {
                seq: present(seq, "an entry without number", at)?,
                at: present(time, "an entry without time", at)?,
                body: present(body, "an entry without body", at)?,
                salt: present(salt, "an entry without salt", at)?,
            })
        })
    }
}

impl Body {
    /// The kind's code on the wire, 1 to 11.
    pub const fn kind(&self) -> u64 {
        match self {
            Self::Opened(_) => 1,
            Self::Redemption(_) => 2,
            Self::Cancellation(_) => 3,
            Self::Sealed(_) => 4,
            Self::Checkpoint(_) => 5,
            Self::Clock(_) => 6,
            Self::Admission(_) => 7,
            Self::Closed(_) => 8,
            Self::Purge(_) => 9,
            Self::Held(_) => 10,
            Self::Started(_) => 11,
        }
    }

    /// The office the entry names; such an entry is shown to that office and to no other.
    pub const fn office(&self) -> Option<&OfficeId> {
        match self {
            Self::Redemption(b) => Some(&b.office),
            Self::Cancellation(b) => Some(&b.office),
            Self::Sealed(b) => Some(&b.office),
            Self::Checkpoint(b) => Some(&b.office),
            Self::Admission(b) => Some(&b.office),
            Self::Started(b) => Some(&b.office),
            Self::Opened(_) | Self::Clock(_) | Self::Closed(_) | Self::Purge(_) | Self::Held(_) => None,
        }
    }

    /// What people call an entry of this kind.
    pub const fn german(&self) -> &'static str {
        match self {
            Self::Opened(_) => "eröffnet",
            Self::Redemption(_) => "Einlösung",
            Self::Cancellation(_) => "Storno",
            Self::Sealed(_) => "abgerechnet",
            Self::Checkpoint(_) => "bestätigt",
            Self::Clock(_) => "Uhr",
            Self::Admission(_) => "Unterlage",
            Self::Closed(_) => "Tag geschlossen",
            Self::Purge(_) => "gelöscht",
            Self::Held(_) => "vorgemerkt",
            Self::Started(_) => "Stunde begonnen",
        }
    }

    /// Whether `office` sees the entry itself; another office sees only its hash.
    pub fn is_shown_to(&self, office: &OfficeId) -> bool {
        matches!(self, Self::Opened(_) | Self::Clock(_)) || self.office() == Some(office)
    }

    fn write(&self, w: &mut Writer) {
        match self {
            Self::Redemption(body) => body.write(w),
            Self::Opened(body) => w.map(|m| {
                if let Some(terminal) = body.terminal {
                    m.key(1).bytes(&terminal.0);
                }
                if let Some(seq) = body.seq {
                    m.key(2).uint(seq);
                }
                if let Some(link) = body.link {
                    m.key(3).bytes(&link.0);
                }
            }),
            Self::Cancellation(body) => w.map(|m| {
                m.key(1).uint(body.seq);
                body.reason.write(m.key(2));
                body.office.write(m.key(3));
                m.key(4).bytes(&body.entry.0);
            }),
            Self::Sealed(body) => w.map(|m| {
                body.office.write(m.key(1));
                m.key(2).bytes(&body.batch.0);
                m.key(3).bytes(&body.hash.0);
            }),
            Self::Checkpoint(body) => w.map(|m| {
                body.office.write(m.key(1));
                m.key(2).bytes(&body.receipt.0);
            }),
            Self::Clock(body) => w.map(|m| {
                m.key(1).uint(body.before.0);
                m.key(2).uint(body.state.code());
            }),
            Self::Admission(body) => w.map(|m| {
                body.office.write(m.key(1));
                m.key(2).uint(body.document.code());
                m.key(3).bytes(&body.hash.0);
            }),
            Self::Closed(body) => w.map(|m| m.key(1).uint(body.day.days().into())),
            Self::Purge(body) => w.map(|m| {
                m.key(1).uint(body.first);
                m.key(2).uint(body.last);
            }),
            Self::Held(body) => w.map(|m| {
                m.key(1).bytes(&body.alias.0);
                m.key(2).uint(body.benefit.code().into());
                body.service.write(m.key(3));
                m.key(4).uint(body.day.days().into());
                m.key(5).uint(body.units);
                m.key(6).uint(body.cents.to_field());
                body.why.write(m.key(7));
            }),
            Self::Started(body) => w.map(|m| {
                body.office.write(m.key(1));
                m.key(2).bytes(&body.token.0);
                body.service.write(m.key(3));
                m.key(4).uint(body.day.days().into());
                m.key(5).uint(body.minute.into());
                m.key(14).bytes(&body.handle.0);
            }),
        }
    }

    fn read(kind: Option<u64>, r: &mut Reader<'_>) -> Result<Self, Malformed> {
        match kind {
            Some(1) => Opened::read(r).map(Self::Opened),
            Some(2) => Redemption::read(r).map(Self::Redemption),
            Some(3) => Cancellation::read(r).map(Self::Cancellation),
            Some(4) => {
                let (office, batch, hash) = three(r, OfficeId::read, BatchId::read, Hash::read)?;
                Ok(Self::Sealed(SealedBatch { office, batch, hash }))
            }
            Some(5) => {
                let (office, receipt) = two(r, OfficeId::read, Hash::read)?;
                Ok(Self::Checkpoint(Checkpoint { office, receipt }))
            }
            Some(6) => {
                let (before, state) = two(r, read_ms, |r| one_of(r, &ClockState::ALL, ClockState::code))?;
                Ok(Self::Clock(ClockJump { before, state }))
            }
            Some(7) => {
                let (office, document, hash) = three(r, OfficeId::read, |r| one_of(r, &Admitted::ALL, Admitted::code), Hash::read)?;
                Ok(Self::Admission(Admission { office, document, hash }))
            }
            Some(8) => {
                let (mut day, at) = (None, r.position());
                r.map(Keys::Open, |key, r| if key == 1 { read_day(r).map(|d| day = Some(d)).map(|()| true) } else { Ok(false) })?;
                Ok(Self::Closed(Closed { day: present(day, "a closing without day", at)? }))
            }
            Some(9) => {
                let (first, last) = two(r, Reader::uint, Reader::uint)?;
                Ok(Self::Purge(Purge { first, last }))
            }
            Some(10) => Held::read(r).map(Self::Held),
            Some(11) => Started::read(r).map(Self::Started),
            _ => Err(r.fault("an entry has a kind from 1 to 11, named before its body")),
        }
    }
}
