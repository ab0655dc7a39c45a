//! Chips are taught to cards, days are closed.

use super::card::{chip_hash, recognise};
use super::counter::{CounterError, NotWellFormed, Refused};
use super::{Terminal, clock};
use crate::admit::scan::Scan;
use crate::book::entry::{Body, Closed};
use crate::book::refusal::Refusal;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::Closing;
use crate::words::chance::Chance;
use crate::words::civil::CivilDay;
use crate::words::time::UtcMs;

/// A chip is taught to a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeachRequest {
    /// The chip's UID, as read.
    pub uid: String,
    /// The card's whole code, or its number.
    pub code: String,
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

    /// Records that a day is closed, unless it is and nothing has changed since; says when, and whether it was before.
    pub fn close_day(&mut self, day: CivilDay, chance: &mut Chance, now: UtcMs) -> Result<(Closing, bool), StoreError> {
        self.at_desk(now, |desk| {
            if let Some(last) = desk.tx().closings(day)?.last().copied()
                && !desk.tx().changed_since(day, last.seq)?
            {
                return Ok((last, true));
            }
            clock::note(desk.journal, desk.clock, chance)?;
            let entered = desk.journal.record(Body::Closed(Closed { day }), chance, desk.clock.now)?;
            Ok((Closing { seq: entered.entry.seq, at: entered.entry.at }, false))
        })
    }
}
