//! What the kinds of journal entries record, beside redemptions: one struct a kind (formats § 1).

use super::redemption::read_units;
use crate::words::benefit::Benefit;
use crate::words::cbor::{Keys, Malformed, Reader, present};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{AliasId, BatchId, Handle, Hash, OfficeId, ServiceCode, TerminalId, TokenId};
use crate::words::service::{read_benefit, read_cents, read_day};
use crate::words::time::UtcMs;
use serde::Serialize;

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
    pub(super) const ALL: [ClockState; 3] = [Self::Ok, Self::Holdover, Self::Suspect];

    pub(super) fn code(self) -> u64 {
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
    pub(super) const ALL: [Admitted; 3] = [Self::Trust, Self::Credential, Self::StatusList];

    pub(super) fn code(self) -> u64 {
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

impl Opened {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
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
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
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
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
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
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
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

/// Reads one field.
pub(super) type Read<'a, T> = fn(&mut Reader<'a>) -> Result<T, Malformed>;

/// Reads a body of two fields.
pub(super) fn two<'a, A, B>(
    r: &mut Reader<'a>,
    first: Read<'a, A>,
    second: impl Fn(&mut Reader<'a>) -> Result<B, Malformed>,
) -> Result<(A, B), Malformed> {
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

/// Reads a body of three fields.
pub(super) fn three<'a, A, B, C>(
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

/// Reads the code of one of `all`.
pub(super) fn one_of<T: Copy>(r: &mut Reader<'_>, all: &[T], code: impl Fn(T) -> u64) -> Result<T, Malformed> {
    let at = r.position();
    let wanted = r.uint()?;
    all.iter().copied().find(|value| code(*value) == wanted).ok_or(Malformed::new("the number stands for nothing here", at))
}
