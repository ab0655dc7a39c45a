//! People who pay for themselves scan like all others, so that a scan shames nobody: the answer has the same shape, nothing is claimed, and
//! the journal knows nothing of it.

use super::correct::{CancelError, is_just_now};
use super::counter::{Accepted, Answer, CounterError, Desk, NotWellFormed, Refused, Request};
use super::{Terminal, devices, people};
use crate::admit::scan::Scan;
use crate::admit::status::DataAge;
use crate::book::decide::data_age;
use crate::book::refusal::Refusal;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::PersonRow;
use crate::words::cents::Cents;
use crate::words::time::UtcMs;

impl Terminal {
    /// Takes back what somebody took on their own account. None where there is no such record; otherwise whether it had been taken back.
    pub fn cancel_pickup(&mut self, id: u64) -> Result<Option<bool>, StoreError> {
        self.store.write(|tx| tx.cancel_pickup(id))
    }

    /// Takes back as [`Terminal::cancel_pickup`] does, but only what was recorded just now: whoever scans sees no difference to a card.
    pub fn undo_pickup(&mut self, id: u64, now: UtcMs) -> Result<Option<bool>, CancelError> {
        self.at_desk(now, |desk| {
            let kept = desk.tx().pickup_kept(id)?;
            if kept.is_some_and(|(at, cancelled)| !cancelled && !is_just_now(at, desk.clock.now)) {
                return Err(CancelError::TooLate);
            }
            Ok(desk.tx().cancel_pickup(id)?)
        })
    }
}

/// The answer to somebody who pays for themselves; none where it is about a card. Only a `kept` one is recorded.
pub(super) fn served(desk: &Desk<'_>, request: &Request, kept: bool) -> Result<Option<Answer>, CounterError> {
    if request.held.is_some() {
        return Ok(None);
    }
    let Some(person) = payer(desk, request)? else { return Ok(None) };
    let code = request.service.clone().ok_or(NotWellFormed::ServiceMissing)?;
    let (office, service) = desk.offices.service(&code).ok_or_else(|| NotWellFormed::NoSuchService(code.clone()))?;
    let day = request.day.unwrap_or_else(|| desk.today());
    if service.benefit.happens_at_the_counter() && day > desk.today() {
        return Err(NotWellFormed::LiesAhead(day).into());
    }
    let benefit = service.benefit;
    let trust = desk.offices.find(&office.id).map(|(office, trust)| office.house(trust, desk.clock.state));
    let data_age = trust.and_then(|house| data_age(&house, desk.clock.now).ok()).map_or(DataAge::Red, |(_, age)| age);
    let tx = desk.tx();
    if let Some((since, till)) = tx.pickup_at(person.id, &code, day)? {
        return Ok(Some(Answer::Refused(Refused { till, ..Refused::from(&Refusal::AlreadyRedeemed { since, seq: 0 }) })));
    }
    let pickup = if kept { Some(tx.keep_pickup(person.id, &code, day, desk.clock.now, people::by_list(request))?) } else { None };
    if let (Some(pickup), Some(till)) = (pickup, devices::here(desk)?) {
        tx.note_pickup_at(pickup, &till)?;
    }
    Ok(Some(Answer::Accepted(Accepted {
        entries: Vec::new(),
        benefit,
        cents: Cents::ZERO,
        own_share: Cents::ZERO,
        hint: None,
        remaining: Vec::new(),
        data_age,
        plan: Vec::new(),
        held_rest: Vec::new(),
        settled: Vec::new(),
        person: Some(person.id),
        pickup,
    })))
}

/// Who pays for themselves here: by the own chip, or found in the lists.
fn payer(desk: &Desk<'_>, request: &Request) -> Result<Option<PersonRow>, StoreError> {
    let tx = desk.tx();
    let found = match request.person {
        Some(id) => tx.person(id)?,
        None => match Scan::new(&request.code) {
            Ok(Scan::Chip(uid)) => {
                let chip = tx.chip(&uid)?;
                // Taught to a card since, here or at the next till, it is that child's.
                if tx.child_of_chip(&chip)?.is_some() { None } else { tx.person_of_chip(&chip)? }
            }
            _ => None,
        },
    };
    Ok(found.filter(|row| row.details.pays_self && row.child.is_none()))
}
