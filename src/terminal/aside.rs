//! Lessons begin with a scan, chips are taught to cards, redemptions are cancelled, days are closed.

use super::card::{chip_hash, recognise};
use super::counter::{CounterError, NotWellFormed, Refused, once};
use super::{Terminal, clock};
use crate::admit::scan::Scan;
use crate::book::cancel::{CannotCancel, cancellation};
use crate::book::decide::{Ask, plan};
use crate::book::entry::{Body, Closed, Started};
use crate::book::refusal::Refusal;
use crate::book::slot::Lesson;
use crate::shell::store::StoreError;
use crate::words::benefit::Benefit;
use crate::words::chance::Chance;
use crate::words::civil::{CivilDay, berlin_minute};
use crate::words::code::Code;
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};

/// A lesson that begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StartRequest {
    /// The caller's own id: the same one gets the same answer.
    #[serde(skip)]
    pub ask: Option<String>,
    /// What was scanned.
    pub code: String,
    /// The service.
    pub service: Code,
}

/// The answer to a scan that does not redeem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum StartAnswer {
    /// The lesson has begun.
    Started {
        /// The entry's number.
        seq: u64,
        /// The day.
        day: CivilDay,
        /// The minute of the Berlin day.
        minute: u32,
        /// The card's hint.
        hint: Option<String>,
    },
    /// It has not.
    Refused(Refused),
}

/// A chip is taught to a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeachRequest {
    /// The chip's UID, as read.
    pub uid: String,
    /// The card's whole code, or its number.
    pub code: String,
}

/// A redemption was cancelled, now or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cancelled {
    /// The redemption.
    pub seq: u64,
    /// The entry that cancelled it.
    pub by: u64,
    /// Whether it had been cancelled before.
    pub before: bool,
}

/// Why a redemption was not cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// It cannot be.
    #[error(transparent)]
    CannotCancel(#[from] CannotCancel),
    /// Nothing could be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Terminal {
    /// Records that a lesson begins; the redemption follows when it has ended.
    pub fn start_lesson(&mut self, request: &StartRequest, chance: &mut Chance, now: UtcMs) -> Result<StartAnswer, CounterError> {
        self.at_desk(now, |desk| {
            once(desk, request.ask.as_deref(), &("start", request), |desk| {
                clock::note(desk.journal, desk.clock, chance)?;
                let refused = |refusal: Refusal| Ok(StartAnswer::Refused(Refused::from(&refusal)));
                let card = match recognise(desk.journal.tx, desk.offices, &request.code, false, desk.clock.now)? {
                    Ok(card) => card,
                    Err(refusal) => return refused(refusal),
                };
                let Some((office, trust)) = desk.offices.find(card.entitlement.office()) else { return refused(Refusal::NotAdmitted) };
                let service = office.credential.as_ref().and_then(|c| c.service(&request.service));
                if service.is_some_and(|s| s.benefit != Benefit::Tutoring) {
                    return Err(NotWellFormed::NoLesson.into());
                }
                let (day, minute) = (desk.today(), berlin_minute(desk.clock.now));
                let unit = service.and_then(|s| s.unit_minutes).unwrap_or(1);
                let ask = Ask {
                    service: request.service.clone(),
                    day,
                    cents: None,
                    lesson: Lesson::new(minute.min(1440_u32.saturating_sub(unit)), 1440.min(minute + unit)),
                    charge: None,
                    seen_as: card.seen_as,
                    operator: None,
                    settles: None,
                };
                if let Err(refusal) = plan(&card.entitlement, &ask, &office.house(trust, desk.clock.state), desk.clock.now) {
                    return refused(refusal);
                }
                let (office_id, token) = (office.id.clone(), card.entitlement.token());
                desk.tx().keep_card(office.number, token, &card.bytes)?;
                let started = Started { office: office_id, token: token.id, service: request.service.clone(), day, minute, handle: token.handle };
                let entered = desk.journal.record(Body::Started(started), chance, desk.clock.now)?;
                Ok(StartAnswer::Started { seq: entered.entry.seq, day, minute, hint: token.hint.clone() })
            })
        })
    }

    /// Teaches a chip to the child of a card: from then on the chip is enough, for this card and those that follow it.
    pub fn teach_chip(&mut self, request: &TeachRequest, now: UtcMs) -> Result<Result<Option<String>, Refused>, CounterError> {
        let Ok(Scan::Chip(uid)) = Scan::new(&request.uid) else { return Err(NotWellFormed::NoChip.into()) };
        self.at_desk(now, |desk| {
            let card = match recognise(desk.journal.tx, desk.offices, &request.code, false, desk.clock.now)? {
                Ok(card) => card,
                Err(refusal) => return Ok(Err(Refused::from(&refusal))),
            };
            let Some((office, _)) = desk.offices.find(card.entitlement.office()) else {
                return Ok(Err(Refused::from(&Refusal::NotAdmitted)));
            };
            let (tx, token) = (desk.tx(), card.entitlement.token());
            tx.keep_card(office.number, token, &card.bytes)?;
            tx.keep_chip(chip_hash(tx, &uid)?, office.number, token.handle)?;
            Ok(Ok(token.hint.clone()))
        })
    }

    /// Writes the counter-record to a redemption. Told twice, it says the same twice.
    pub fn cancel(&mut self, seq: u64, reason: Code, chance: &mut Chance, now: UtcMs) -> Result<Cancelled, CancelError> {
        self.at_desk(now, |desk| {
            let tx = desk.tx();
            let indexed = tx.indexed_redemption(seq)?.ok_or(CannotCancel::NoSuchRedemption)?;
            if let Some(by) = indexed.cancelled_by {
                return Ok(Cancelled { seq, by, before: true });
            }
            clock::note(desk.journal, desk.clock, chance)?;
            let bytes = tx.entry_bytes(seq)?.ok_or(CannotCancel::NoSuchRedemption)?;
            let body = Body::Cancellation(cancellation(&bytes, None, reason)?);
            let entered = desk.journal.record(body, chance, desk.clock.now)?;
            tx.index_cancellation(seq, entered.entry.seq)?;
            Ok(Cancelled { seq, by: entered.entry.seq, before: false })
        })
    }

    /// Records that a day is closed.
    pub fn close_day(&mut self, day: CivilDay, chance: &mut Chance, now: UtcMs) -> Result<u64, StoreError> {
        self.at_desk(now, |desk| {
            clock::note(desk.journal, desk.clock, chance)?;
            Ok(desk.journal.record(Body::Closed(Closed { day }), chance, desk.clock.now)?.entry.seq)
        })
    }
}
