//! The counter: what is asked for, and the answer. A redemption is read, decided and appended in one transaction.

use super::decision::{accepted, decide, lesson_time, redeemed};
use super::journal::Journal;
use super::people::Forgotten;
use super::rest::{HeldRest, Settled};
use super::{Offices, Terminal, clock, devices, lessons, paying, people};
use crate::admit::scan::Fault;
use crate::admit::status::DataAge;
use crate::book::ceiling::Left;
use crate::book::redemption::MAX_OPERATOR;
use crate::book::refusal::Refusal;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::Tx;
use crate::words::benefit::{Benefit, Measure};
use crate::words::cents::Cents;
use crate::words::chance::Chance;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::ids::Hash;
use crate::words::reason::Reason;
use crate::words::time::UtcMs;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The longest id a caller may give an ask, in bytes.
pub const MAX_ASK: usize = 64;
/// For how many days an answer is remembered.
pub const ASK_DAYS: u64 = 40;
/// The most people who are recorded in one go.
pub const MAX_GROUP: usize = 500;
/// The most months one fee may be paid for at once.
pub const MAX_MONTHS: u32 = 12;

/// What is asked for at the counter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Request {
    /// The caller's own id: the same one gets the same answer.
    #[serde(skip)]
    pub ask: Option<String>,
    /// What was scanned or typed; empty where a person is named.
    pub code: String,
    /// When it was scanned, where that was before it is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scanned: Option<UtcMs>,
    /// Somebody of this provider's own lists, instead of a code.
    pub person: Option<u64>,
    /// The service; not needed where a held entry names it.
    pub service: Option<Code>,
    /// The service day; today where none is named.
    pub day: Option<CivilDay>,
    /// The amount, where the provider types it; of all months together.
    pub cents: Option<Cents>,
    /// The planned start of a lesson, in minutes of the Berlin day.
    pub starts: Option<u32>,
    /// Its end.
    pub ends: Option<u32>,
    /// Who records it, by pseudonym.
    pub operator: Option<String>,
    /// Tells two fees of one day apart; the instalment of a trip.
    pub charge: Option<Code>,
    /// For how many months the fee is.
    pub months: u32,
    /// The number of the held entry that this settles.
    pub held: Option<u64>,
    /// The code is what a card's chip holds, not its picture.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub nfc: bool,
    /// The card was forgotten; its number is from the provider's own list.
    pub forgotten: bool,
    /// Why it was; needed where a person is named.
    pub why_forgotten: Option<Forgotten>,
    /// What of a fee or trip does not fit the allowance, or lies beyond its end, waits for another card.
    pub hold_rest: bool,
}

/// The counter's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Answer {
    /// It is recorded; for a mere check: it would be.
    Accepted(Accepted),
    /// It is not.
    Refused(Refused),
}

/// What was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The entries: one, or one a month. Empty for a mere check.
    pub entries: Vec<Recorded>,
    /// The benefit.
    pub benefit: Benefit,
    /// What is claimed in all.
    pub cents: Cents,
    /// What the family bears itself: the part of the price above the allowance.
    pub own_share: Cents,
    /// The card's hint for the person at the counter.
    pub hint: Option<String>,
    /// What is left of the allowance, at most.
    pub remaining: Vec<Left>,
    /// How old the office's last word is.
    pub data_age: DataAge,
    /// What it comes to month by month, whether recorded or only looked at.
    pub plan: Vec<Share>,
    /// What waits for another card.
    pub held_rest: Vec<HeldRest>,
    /// Held entries of this child that the card has just made up for.
    pub settled: Vec<Settled>,
    /// Who of the own lists it is; never the name, which can be deleted.
    #[serde(default)]
    pub person: Option<u64>,
    /// The number of the record where somebody pays for themselves and nothing is claimed.
    #[serde(default)]
    pub pickup: Option<u64>,
}

/// A part of what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Its service day.
    pub day: CivilDay,
    /// What is claimed of it.
    pub cents: Cents,
}

/// One entry made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its number in the journal.
    pub seq: u64,
    /// Its service day.
    pub day: CivilDay,
    /// What it claims.
    pub cents: Cents,
}

/// Why nothing was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The reason.
    pub reason: Reason,
    /// Since when the obstacle has stood, where that helps.
    pub since: Option<UtcMs>,
    /// The day the reason speaks of, where it speaks of a day without a time.
    pub day: Option<CivilDay>,
    /// What is left of the allowance, where its measure is plain.
    pub left: Option<(Measure, u64)>,
    /// Whether "served, clarify later" helps.
    pub can_be_held: bool,
    /// The device at which it was recorded before.
    #[serde(default)]
    pub till: Option<String>,
    /// What was scanned instead of a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// A request that makes no sense whoever asks: nothing is decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the sentences say it")]
pub enum NotWellFormed {
    #[error("which service? name one")]
    ServiceMissing,
    #[error("{0} lies ahead: what is recorded here must have been given")]
    LiesAhead(CivilDay),
    #[error("a lesson needs starts_at and ends_at, for example 14:00 and 14:45")]
    LessonTimeMissing,
    #[error("a lesson begins before it ends, within one day")]
    LessonTimeWrong,
    #[error("starts_at and ends_at are for lessons only")]
    NoLesson,
    #[error("an amount is above zero and at most one million euros")]
    AmountOutOfRange,
    #[error("a fee is paid for 1 to {MAX_MONTHS} months at once, and only where it is a monthly or a free amount")]
    MonthsOutOfRange,
    #[error("there is no held entry {0}")]
    NoSuchHeld(u64),
    #[error("the held entry is for another service or day")]
    HeldDiffers,
    #[error("held entry {0} is the rest of a price that was cancelled: there is nothing to make up for")]
    HeldIsVoid(u64),
    #[error("{0} is not the time of a lesson that has been given: name one before now, for example 14:00")]
    NotGivenYet(String),
    #[error("no lesson has begun: scan at its start, or name starts_at and ends_at")]
    NoLessonBegun,
    #[error("a lesson here has at least {0} minutes")]
    LessonTooShort(u32),
    #[error("there is no open lesson {0}")]
    NoSuchLesson(String),
    #[error("name a code or a person, not both and not neither")]
    CodeOrPerson,
    #[error("there is nobody with the number {0} in the lists here")]
    NoSuchPerson(u64),
    #[error("why was the card forgotten? left_at_home, lost, damaged, phone_empty or other")]
    WhyForgotten,
    #[error("a group has 1 to {MAX_GROUP} people")]
    GroupSize,
    #[error("every month by itself is claimed only what has a monthly price, or a membership fee with an amount")]
    CannotStand,
    #[error("{0} is too far away: the first month lies at most twelve months back or ahead")]
    MonthTooFar(CivilMonth),
    #[error("there is no monthly registration {0}")]
    NoSuchStanding(i64),
    #[error("{0} lies outside this registration: mark days of its months, at most a year back")]
    NoAbsence(CivilDay),
    #[error("an ask id has 1 to {MAX_ASK} characters")]
    AskTooLong,
    #[error("an operator's pseudonym has 1 to {MAX_OPERATOR} characters")]
    OperatorTooLong,
    #[error("who was it? give a code, a card number or an alias of at most 60 characters")]
    AliasMissing,
    #[error("there is no service “{0}” here")]
    NoSuchService(Code),
    #[error("no price is agreed for this service and day, or the amount is missing or does not fit")]
    NoPrice,
    #[error("this is not the UID of a chip: 4 to 32 letters and digits")]
    NoChip,
}

/// Why the counter gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CounterError {
    /// The request makes no sense.
    #[error(transparent)]
    NotWellFormed(#[from] NotWellFormed),
    /// The same ask id came with another request before.
    #[error("this ask id was used for another request before: make a new one")]
    AskedOtherwise,
    /// Nothing could be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What every decision at the counter is made with.
pub(super) struct Desk<'d> {
    pub journal: Journal<'d>,
    pub offices: &'d mut Offices,
    pub clock: clock::Reading,
    /// The device of the house it is asked at; none for the box itself.
    pub till: Option<&'d str>,
}

impl Terminal {
    /// Decides on a redemption and records it.
    pub fn redeem(&mut self, request: &Request, chance: &mut Chance, now: UtcMs) -> Result<Answer, CounterError> {
        check_form(request)?;
        self.at_desk(now, |desk| {
            once(desk, request.ask.as_deref(), &("redeem", request), |desk| {
                clock::note(desk.journal, desk.clock, chance)?;
                redeem_at(desk, request, chance)
            })
        })
    }

    /// Decides as [`Terminal::redeem`] would, and records nothing.
    pub fn check(&mut self, request: &Request, now: UtcMs) -> Result<Answer, CounterError> {
        check_form(request)?;
        self.refresh(now)?;
        let (terminal, offices, till) = (self.id(), &mut self.offices, self.till.as_deref());
        self.store.read(|tx| {
            let mut desk = Desk { journal: Journal::new(tx, terminal), offices, clock: clock::read(tx, now)?, till };
            let request = &lessons::looked_at(&mut desk, request)?;
            if let Some(answer) = paying::served(&desk, request, false)? {
                return Ok(answer);
            }
            match decide(&mut desk, request)? {
                Err(refusal) => Ok(Answer::Refused(refused(&refusal, request, &desk))),
                Ok(decision) => Ok(Answer::Accepted(Accepted { person: people::who(&desk, &decision.card)?, ..accepted(&decision) })),
            }
        })
    }

    /// From here on, what is recorded is kept by one commit. Nobody may be told of it before [`commit_together`](Self::commit_together).
    pub fn begin_together(&mut self) -> Result<(), StoreError> {
        self.store.begin_together()
    }

    /// Keeps what was recorded since [`begin_together`](Self::begin_together), all of it or, with an error, nothing.
    pub fn commit_together(&mut self) -> Result<(), StoreError> {
        self.store.commit_together()
    }

    /// Does `work` in one transaction, with the offices and the clock looked at.
    pub(super) fn at_desk<T, E>(&mut self, now: UtcMs, work: impl FnOnce(&mut Desk<'_>) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        self.refresh(now)?;
        let (terminal, offices, till) = (self.id(), &mut self.offices, self.till.as_deref());
        self.store.write(|tx| {
            let clock = clock::read(tx, now)?;
            work(&mut Desk { journal: Journal::new(tx, terminal), offices, clock, till })
        })
    }
}

impl Desk<'_> {
    pub(super) fn tx(&self) -> &Tx<'_> {
        self.journal.tx
    }

    /// The day it is in Berlin.
    pub(super) fn today(&self) -> CivilDay {
        CivilDay::of(self.clock.now)
    }
}

/// Decides and records within a transaction.
pub(super) fn redeem_at(desk: &mut Desk<'_>, request: &Request, chance: &mut Chance) -> Result<Answer, CounterError> {
    if let Some(answer) = paying::served(desk, request, true)? {
        return Ok(answer);
    }
    let accepted = match decide(desk, request)? {
        Err(refusal) => return Ok(Answer::Refused(refused(&refusal, request, desk))),
        Ok(decision) => redeemed(desk, decision, chance)?,
    };
    people::keep_by_list(desk, request, &accepted)?;
    Ok(Answer::Accepted(accepted))
}

/// Answers an ask once: the same one again gets the same answer, another one under its id is refused loudly.
pub(super) fn once<'d, R: Serialize, A: Serialize + DeserializeOwned>(
    desk: &mut Desk<'d>,
    ask: Option<&str>,
    request: &R,
    work: impl FnOnce(&mut Desk<'d>) -> Result<A, CounterError>,
) -> Result<A, CounterError> {
    let Some(ask) = ask else { return work(desk) };
    if ask.is_empty() || ask.len() > MAX_ASK {
        return Err(NotWellFormed::AskTooLong.into());
    }
    let unfit = |error: serde_json::Error| StoreError::Inconsistent(format!("an answer to an ask: {error}"));
    let hash = Hash::of(&[&serde_json::to_vec(request).map_err(unfit)?]);
    if let Some(known) = desk.tx().remembered(ask)? {
        if known.request != hash {
            return Err(CounterError::AskedOtherwise);
        }
        return Ok(serde_json::from_str(&known.answer).map_err(unfit)?);
    }
    let answer = work(desk)?;
    desk.tx().remember(ask, hash, &serde_json::to_string(&answer).map_err(unfit)?, desk.clock.now)?;
    Ok(answer)
}

/// What can be said of a request without looking anything up.
pub(super) fn check_form(request: &Request) -> Result<(), NotWellFormed> {
    if request.cents.is_some_and(|c| c <= Cents::ZERO || c > Cents::MAX_SINGLE) {
        return Err(NotWellFormed::AmountOutOfRange);
    }
    if request.operator.as_ref().is_some_and(|o| o.is_empty() || o.chars().count() > MAX_OPERATOR) {
        return Err(NotWellFormed::OperatorTooLong);
    }
    if request.months > MAX_MONTHS {
        return Err(NotWellFormed::MonthsOutOfRange);
    }
    if request.service.is_none() && request.held.is_none() {
        return Err(NotWellFormed::ServiceMissing);
    }
    if request.person.is_some() && request.forgotten && request.why_forgotten.is_none() {
        return Err(NotWellFormed::WhyForgotten);
    }
    lesson_time(request).map(|_| ())
}

pub(super) fn refused(refusal: &Refusal, request: &Request, desk: &Desk<'_>) -> Refused {
    let day = match refusal {
        Refusal::NotYetValid { from } => Some(*from),
        Refusal::Expired { last } => Some(*last),
        Refusal::OutsideClaimWindow { since } => Some(CivilDay::of(UtcMs(since.0.saturating_sub(1)))),
        Refusal::StatusStale { since } => Some(CivilDay::of(*since)),
        Refusal::ClockSuspect => Some(desk.today()),
        _ => None,
    };
    let left = match refusal {
        Refusal::CeilingReached { left } => {
            let service = request.service.as_ref().and_then(|code| desk.offices.service(code));
            service.filter(|(_, s)| s.benefit.takes_free_amount()).map(|_| (Measure::Cents, *left))
        }
        _ => None,
    };
    Refused {
        reason: refusal.reason(),
        since: refusal.since(),
        day,
        left,
        can_be_held: refusal.can_be_held(),
        fault: refusal.fault(),
        till: devices::till(desk, refusal),
    }
}

impl From<&Refusal> for Refused {
    /// The refusal as far as it says everything itself.
    fn from(refusal: &Refusal) -> Self {
        Self {
            reason: refusal.reason(),
            since: refusal.since(),
            day: None,
            left: None,
            can_be_held: refusal.can_be_held(),
            fault: refusal.fault(),
            till: None,
        }
    }
}
