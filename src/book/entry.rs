//! The journal: entries in a chain, each naming the one before it. Appended to, never changed (formats § 3).

use super::redemption::{Redemption, read_units};
use crate::words::benefit::Benefit;
use crate::words::cbor::{Keys, Malformed, Reader, Writer, present};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{AliasId, BatchId, Handle, Hash, OfficeId, Salt, ServiceCode, TerminalId, TokenId};
use crate::words::service::{read_benefit, read_cents, read_day, read_ms};
use crate::words::time::UtcMs;
use serde::Serialize;

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

/// The first entry: what an earlier box's journal this one continues, if any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Opened {
    /// The earlier terminal.
    pub terminal: Option<TerminalId>,
    /// The last number known of it.
    pub seq: Option<u64>,
    /// The link after that entry.
    pub link: Option<Hash>,
}

/// A counter-record to one redemption; once an entry, never itself cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cancellation {
    /// The number of the redemption.
    pub seq: u64,
    /// Why, as a short code.
    pub reason: Code,
    /// The office of the redemption.
    pub office: OfficeId,
    /// SHA-256 of the redemption's entry.
    pub entry: Hash,
}

/// A batch left for an office.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SealedBatch {
    /// The office.
    pub office: OfficeId,
    /// The batch.
    pub batch: BatchId,
    /// SHA-256 of the signed batch.
    pub hash: Hash,
}

/// An office's receipt was taken over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checkpoint {
    /// The office.
    pub office: OfficeId,
    /// SHA-256 of the signed receipt.
    pub receipt: Hash,
}

/// How far the terminal's clock can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockState {
    /// It agrees with what is proven.
    Ok,
    /// It runs on without a reference.
    Holdover,
    /// It cannot be right.
    Suspect,
}

impl ClockState {
    const ALL: [ClockState; 3] = [Self::Ok, Self::Holdover, Self::Suspect];

    fn code(self) -> u64 {
        Self::ALL.iter().take_while(|s| **s != self).count() as u64
    }
}

/// A jump of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ClockJump {
    /// The time before the jump.
    pub before: UtcMs,
    /// The state after it.
    pub state: ClockState,
}

/// Which document of an office was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Admitted {
    /// A trust list.
    Trust,
    /// A credential.
    Credential,
    /// A status list.
    StatusList,
}

impl Admitted {
    const ALL: [Admitted; 3] = [Self::Trust, Self::Credential, Self::StatusList];

    fn code(self) -> u64 {
        1 + Self::ALL.iter().take_while(|a| **a != self).count() as u64
    }
}

/// A document of an office was taken over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Admission {
    /// The office.
    pub office: OfficeId,
    /// Which document.
    pub document: Admitted,
    /// SHA-256 of its signed bytes.
    pub hash: Hash,
}

/// A day was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Closed {
    /// The day.
    pub day: CivilDay,
}

/// Bodies were erased; their hashes stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Purge {
    /// The first erased entry.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// Served, clarify later: recorded at once, claimed only when a token allows it. No office sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The person, by a random id whose alias stays on this terminal.
    pub alias: AliasId,
    /// The benefit.
    pub benefit: Benefit,
    /// The service.
    pub service: ServiceCode,
    /// The service day.
    pub day: CivilDay,
    /// Units.
    pub units: u64,
    /// The price.
    pub cents: Cents,
    /// Why it could not be redeemed, as a reason code.
    pub why: Code,
}

/// A lesson began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Started {
    /// The office.
    pub office: OfficeId,
    /// The token.
    pub token: TokenId,
    /// The service.
    pub service: ServiceCode,
    /// The day.
    pub day: CivilDay,
    /// The minute of the Berlin day.
    pub minute: u32,
    /// The child.
    pub handle: Handle,
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

impl Opened {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut body = Self::default();
        r.map(Keys::Open, |key, r| {
            match key {
                1 => body.terminal = Some(TerminalId::read(r)?),
                2 => body.seq = Some(r.uint()?),
                3 => body.link = Some(Hash::read(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(body)
    }
}

impl Cancellation {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut seq, mut reason, mut office, mut entry) = (None, None, None, None);
        r.map(Keys::Open, |key, r| {
            match key {
                1 => seq = Some(r.uint()?),
                2 => reason = Some(Code::read(r)?),
                3 => office = Some(OfficeId::read(r)?),
                4 => entry = Some(Hash::read(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            seq: present(seq, "a cancellation without number", at)?,
            reason: present(reason, "a cancellation without reason", at)?,
            office: present(office, "a cancellation without office", at)?,
            entry: present(entry, "a cancellation without the entry's hash", at)?,
        })
    }
}

impl Held {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut alias, mut benefit, mut service, mut day, mut units, mut cents, mut why) = (None, None, None, None, None, None, None);
        r.map(Keys::Open, |key, r| {
            match key {
                1 => alias = Some(AliasId::read(r)?),
                2 => benefit = Some(read_benefit(r)?),
                3 => service = Some(Code::read(r)?),
                4 => day = Some(read_day(r)?),
                5 => units = Some(read_units(r)?),
                6 => cents = Some(read_cents(r)?),
                7 => why = Some(Code::read(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            alias: present(alias, "a held entry without alias", at)?,
            benefit: present(benefit, "a held entry without benefit", at)?,
            service: present(service, "a held entry without service", at)?,
            day: present(day, "a held entry without service date", at)?,
            units: present(units, "a held entry without units", at)?,
            cents: present(cents, "a held entry without price", at)?,
            why: present(why, "a held entry without reason", at)?,
        })
    }
}

impl Started {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut office, mut token, mut service, mut day, mut minute, mut handle) = (None, None, None, None, None, None);
        r.map(Keys::Open, |key, r| {
            match key {
                1 => office = Some(OfficeId::read(r)?),
                2 => token = Some(TokenId::read(r)?),
                3 => service = Some(Code::read(r)?),
                4 => day = Some(read_day(r)?),
                5 => minute = Some(r.uint32()?),
                14 => handle = Some(Handle::read(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            office: present(office, "a started lesson without office", at)?,
            token: present(token, "a started lesson without token", at)?,
            service: present(service, "a started lesson without service", at)?,
            day: present(day, "a started lesson without day", at)?,
            minute: present(minute, "a started lesson without minute", at)?,
            handle: present(handle, "a started lesson without handle", at)?,
        })
    }
}

type Read<'a, T> = fn(&mut Reader<'a>) -> Result<T, Malformed>;

fn two<'a, A, B>(r: &mut Reader<'a>, first: Read<'a, A>, second: impl Fn(&mut Reader<'a>) -> Result<B, Malformed>) -> Result<(A, B), Malformed> {
    let at = r.position();
    let (mut a, mut b) = (None, None);
    r.map(Keys::Open, |key, r| {
        match key {
            1 => a = Some(first(r)?),
            2 => b = Some(second(r)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok((present(a, "the entry's body is incomplete", at)?, present(b, "the entry's body is incomplete", at)?))
}

fn three<'a, A, B, C>(
    r: &mut Reader<'a>,
    first: Read<'a, A>,
    second: impl Fn(&mut Reader<'a>) -> Result<B, Malformed>,
    third: Read<'a, C>,
) -> Result<(A, B, C), Malformed> {
    let at = r.position();
    let (mut a, mut b, mut c) = (None, None, None);
    r.map(Keys::Open, |key, r| {
        match key {
            1 => a = Some(first(r)?),
            2 => b = Some(second(r)?),
            3 => c = Some(third(r)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let missing = "the entry's body is incomplete";
    Ok((present(a, missing, at)?, present(b, missing, at)?, present(c, missing, at)?))
}

fn one_of<T: Copy>(r: &mut Reader<'_>, all: &[T], code: impl Fn(T) -> u64) -> Result<T, Malformed> {
    let at = r.position();
    let wanted = r.uint()?;
    all.iter().copied().find(|value| code(*value) == wanted).ok_or(Malformed::new("the number stands for nothing here", at))
}
