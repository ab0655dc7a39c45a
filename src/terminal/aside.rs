//! Chips are taught to cards, redemptions are cancelled, days are closed.

use super::card::{chip_hash, recognise};
use super::counter::{CounterError, NotWellFormed, Refused};
use super::{Terminal, clock};
use crate::admit::scan::Scan;
use crate::book::cancel::{CannotCancel, cancellation};
use crate::book::entry::{Body, Closed};
use crate::book::refusal::Refusal;
use crate::shell::store::StoreError;
use crate::words::chance::Chance;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::time::UtcMs;
use serde::Serialize;

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
