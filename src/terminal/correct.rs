//! Storno and correction: a redemption is cancelled by a counter-record, and where it was recorded wrongly, the right one takes its place.

use super::card::{Card, Purpose, cards_for};
use super::counter::{Accepted, CounterError, Desk, Refused, Request, check_form, once, refused};
use super::decision::{Decision, Wanted, decide_for, enter};
use super::{Terminal, clock};
use crate::admit::phone::Shown;
use crate::book::cancel::{CannotCancel, cancellation};
use crate::book::entry::Body;
use crate::book::redemption::Redemption;
use crate::book::refusal::Refusal;
use crate::shell::store::StoreError;
use crate::words::cents::Cents;
use crate::words::chance::Chance;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::service::Pricing;
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};

/// Why a redemption is cancelled, as people choose it from a list.
pub const WHY_CANCELLED: [&str; 6] = ["wrong_child", "twice", "not_taken", "wrong_service", "typing_error", "other"];
/// For how long after recording whoever scans may undo, in milliseconds.
pub const UNDO_MS: u64 = 10 * 60 * 1000;

/// A redemption was cancelled, now or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Whoever scans may undo only what was recorded just now.
    #[error("this was recorded more than {} minutes ago: cancelling it now needs the PIN for corrections", UNDO_MS / 60_000)]
    TooLate,
    /// Nothing could be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A redemption that was recorded wrongly, and how it should be. What is not named stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Correction {
    /// The caller's own id: the same one gets the same answer.
    #[serde(skip)]
    pub ask: Option<String>,
    /// The redemption.
    pub seq: u64,
    /// The service.
    pub service: Option<Code>,
    /// The service day.
    pub day: Option<CivilDay>,
    /// The amount, where the provider types it.
    pub cents: Option<Cents>,
    /// The start of a lesson, in minutes of the Berlin day.
    pub starts: Option<u32>,
    /// Its end.
    pub ends: Option<u32>,
    /// For how many months the fee is.
    pub months: u32,
}

/// What became of a correction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Corrected {
    /// The wrong redemption is cancelled, the right one recorded.
    Done {
        /// The counter-record.
        cancelled: Cancelled,
        /// The right one.
        accepted: Accepted,
    },
    /// The right one is refused: the other stays as it was.
    Refused {
        /// Why.
        refused: Refused,
    },
    /// It had been cancelled before: there is nothing to correct.
    CancelledBefore {
        /// The entry that cancelled it.
        by: u64,
    },
    /// There is no such redemption.
    NoSuchRedemption,
}

impl Terminal {
    /// Cancels a redemption and records it as it should be, with the child's known cards: both or neither.
    pub fn correct(&mut self, correction: &Correction, chance: &mut Chance, now: UtcMs) -> Result<Corrected, CounterError> {
        self.at_desk(now, |desk| {
            once(desk, correction.ask.as_deref(), &("correct", correction), |desk| {
                let Some(indexed) = desk.tx().indexed_redemption(correction.seq)? else { return Ok(Corrected::NoSuchRedemption) };
                if let Some(by) = indexed.cancelled_by {
                    return Ok(Corrected::CancelledBefore { by });
                }
                let Some(Body::Redemption(old)) = desk.tx().entry(correction.seq)?.map(|entry| entry.body) else {
                    return Ok(Corrected::NoSuchRedemption);
                };
                let (request, wanted) = wanted(desk, correction, &old)?;
                let purpose = Purpose { day: wanted.day, service: Some(&wanted.service) };
                let cards = cards_for(desk.journal.tx, desk.offices, (indexed.office, indexed.handle), purpose, desk.clock.now)?;
                check_form(&request)?;
                clock::note(desk.journal, desk.clock, chance)?;
                replace(desk, correction.seq, &old, &request, &wanted, cards, chance)
            })
        })
    }

    /// Writes the counter-record to a redemption. Told twice, it says the same twice.
    pub fn cancel(&mut self, seq: u64, reason: Code, chance: &mut Chance, now: UtcMs) -> Result<Cancelled, CancelError> {
        self.at_desk(now, |desk| cancel(desk, seq, reason, chance))
    }

    /// Cancels as [`Terminal::cancel`] does, but only what was recorded within the last [`UNDO_MS`] by the journal's own time.
    pub fn undo(&mut self, seq: u64, reason: Code, chance: &mut Chance, now: UtcMs) -> Result<Cancelled, CancelError> {
        self.at_desk(now, |desk| {
            let at = desk.tx().entry_time(seq)?.ok_or(CannotCancel::NoSuchRedemption)?;
            let is_cancelled = desk.tx().indexed_redemption(seq)?.is_some_and(|r| r.cancelled_by.is_some());
            if !is_cancelled && !is_just_now(at, desk.clock.now) {
                return Err(CancelError::TooLate);
            }
            cancel(desk, seq, reason, chance)
        })
    }
}

/// Whether what was recorded at `at` may still be undone by whoever scans.
pub(super) fn is_just_now(at: UtcMs, now: UtcMs) -> bool {
    now.since(at).max(at.since(now)) <= UNDO_MS
}

fn cancel(desk: &Desk<'_>, seq: u64, reason: Code, chance: &mut Chance) -> Result<Cancelled, CancelError> {
    let tx = desk.tx();
    let indexed = tx.indexed_redemption(seq)?.ok_or(CannotCancel::NoSuchRedemption)?;
    if let Some(by) = indexed.cancelled_by {
        return Ok(Cancelled { seq, by, before: true });
    }
    clock::note(desk.journal, desk.clock, chance)?;
    let bytes = tx.entry_bytes(seq)?.ok_or(CannotCancel::NoSuchRedemption)?;
    let entered = desk.journal.record(Body::Cancellation(cancellation(&bytes, None, reason)?), chance, desk.clock.now)?;
    tx.index_cancellation(seq, entered.entry.seq)?;
    Ok(Cancelled { seq, by: entered.entry.seq, before: false })
}

/// What the right redemption is: the old one with what the correction names.
fn wanted(desk: &Desk<'_>, correction: &Correction, old: &Redemption) -> Result<(Request, Wanted), CounterError> {
    let service = correction.service.clone().unwrap_or_else(|| old.service.clone());
    let day = correction.day.unwrap_or(old.day);
    let agreed = desk.offices.find(&old.office).and_then(|(office, _)| office.credential.as_ref()?.service(&service));
    let free = agreed.is_some_and(|service| service.pricing == Pricing::Free);
    let is_lesson = agreed.is_some_and(|service| service.benefit == crate::words::benefit::Benefit::Tutoring);
    let lesson = old.lesson.filter(|_| is_lesson);
    let (rest_waits, rest_is_paid) = desk.tx().rests(correction.seq)?;
    // What another card has paid of the price is recorded already, and stays.
    let price = if rest_is_paid { old.cents } else { old.full_price.unwrap_or(old.cents) };
    let cents = correction.cents.or(free.then_some(price));
    let request = Request {
        service: Some(service.clone()),
        day: Some(day),
        cents,
        starts: correction.starts.or(lesson.map(|lesson| lesson.start)),
        ends: correction.ends.or(lesson.map(|lesson| lesson.end)),
        operator: old.operator.clone(),
        charge: old.charge.clone(),
        months: correction.months,
        // What waited for another card waits again.
        hold_rest: rest_waits,
        ..Request::default()
    };
    let wanted = Wanted { service, day, cents, charge: old.charge.clone(), settles: old.settles, waits: false };
    Ok((request, wanted))
}

fn replace(
    desk: &Desk<'_>,
    seq: u64,
    old: &Redemption,
    request: &Request,
    wanted: &Wanted,
    cards: Vec<Card>,
    chance: &mut Chance,
) -> Result<Corrected, CounterError> {
    let mut why = None;
    let tx = desk.tx();
    let done = tx.tentatively(|| {
        let lesson = tx.lesson_ended_by(seq)?;
        let cancelled = cancel(desk, seq, code_of("typing_error")?, chance).map_err(|error| match error {
            CancelError::Store(store) => store,
            other => StoreError::Inconsistent(other.to_string()),
        })?;
        let decision = match with_a_card(desk, old, request, wanted, cards)? {
            Ok(decision) => decision,
            Err(refusal) => {
                why = Some(refusal);
                return Ok(None);
            }
        };
        let accepted = enter(desk, decision, chance)?;
        if let Some(first) = accepted.entries.first() {
            tx.follow_correction(seq, first.seq, lesson)?;
        }
        Ok::<_, CounterError>(Some(Corrected::Done { cancelled, accepted }))
    })?;
    let refusal = why.unwrap_or(Refusal::UnknownNumber);
    Ok(done.unwrap_or_else(|| Corrected::Refused { refused: refused(&refusal, request, desk) }))
}

/// Decides with the first of the child's cards that pays.
fn with_a_card(
    desk: &Desk<'_>,
    old: &Redemption,
    request: &Request,
    wanted: &Wanted,
    cards: Vec<Card>,
) -> Result<Result<Decision, Refusal>, CounterError> {
    let mut first = None;
    for card in cards {
        match decide_for(desk, request, wanted.clone(), as_seen_before(card, old))? {
            Ok(decision) => return Ok(Ok(decision)),
            Err(refusal) => first = first.or(Some(refusal)),
        }
    }
    Ok(Err(first.unwrap_or(Refusal::UnknownNumber)))
}

/// The card as it was seen for the redemption that is corrected; a phone code was that of one token alone.
fn as_seen_before(card: Card, old: &Redemption) -> Card {
    match old.proof {
        None => Card { seen_as: old.seen_as, ..card },
        Some(proof) if card.entitlement.token().id == old.token => {
            Card { seen_as: old.seen_as, shown: Some(Shown { proof, seen: proof.at.ms(), used: None }), ..card }
        }
        Some(_) => card,
    }
}

fn code_of(text: &str) -> Result<Code, StoreError> {
    Code::parse(text).ok_or_else(|| StoreError::Inconsistent(format!("“{text}” is no code")))
}
