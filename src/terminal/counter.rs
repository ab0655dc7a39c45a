//! The counter: what is asked for, and the answer. A redemption is read, decided and appended in one transaction.

use super::card::{Card, recognise};
use super::journal::Journal;
use super::{Offices, Terminal, clock};
use crate::admit::status::DataAge;
use crate::book::ceiling::{Left, Use};
use crate::book::decide::{Ask, Grant, Plan, Spent, plan};
use crate::book::entry::Body;
use crate::book::redemption::MAX_OPERATOR;
use crate::book::refusal::Refusal;
use crate::book::slot::Lesson;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::Tx;
use crate::words::benefit::{Benefit, Measure};
use crate::words::cents::Cents;
use crate::words::chance::Chance;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::Hash;
use crate::words::reason::Reason;
use crate::words::service::{Pricing, Service};
use crate::words::time::UtcMs;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The longest id a caller may give an ask, in bytes.
pub const MAX_ASK: usize = 64;
/// For how many days an answer is remembered.
pub const ASK_DAYS: u64 = 40;
/// The most months one fee may be paid for at once.
pub const MAX_MONTHS: u32 = 12;

/// What is asked for at the counter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Request {
    /// The caller's own id: the same one gets the same answer.
    #[serde(skip)]
    pub ask: Option<String>,
    /// What was scanned or typed.
    pub code: String,
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
    /// The card was forgotten; its number is from the provider's own list.
    pub forgotten: bool,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl Terminal {
    /// Decides on a redemption and records it.
    pub fn redeem(&mut self, request: &Request, chance: &mut Chance, now: UtcMs) -> Result<Answer, CounterError> {
        check_form(request)?;
        self.at_desk(now, |desk| {
            once(desk, request.ask.as_deref(), &("redeem", request), |desk| {
                clock::note(desk.journal, desk.clock, chance)?;
                match decide(desk, request)? {
                    Err(refusal) => Ok(Answer::Refused(refused(&refusal, request, desk))),
                    Ok((card, grants)) => enter(desk, &card, grants, chance).map(Answer::Accepted),
                }
            })
        })
    }

    /// Decides as [`Terminal::redeem`] would, and records nothing.
    pub fn check(&mut self, request: &Request, now: UtcMs) -> Result<Answer, CounterError> {
        check_form(request)?;
        self.refresh(now)?;
        let (terminal, offices) = (self.id(), &mut self.offices);
        self.store.read(|tx| {
            let mut desk = Desk { journal: Journal::new(tx, terminal), offices, clock: clock::read(tx, now)? };
            match decide(&mut desk, request)? {
                Err(refusal) => Ok(Answer::Refused(refused(&refusal, request, &desk))),
                Ok((card, grants)) => Ok(Answer::Accepted(accepted(&card, &grants, Vec::new()))),
            }
        })
    }

    /// Does `work` in one transaction, with the offices and the clock looked at.
    pub(super) fn at_desk<T, E>(&mut self, now: UtcMs, work: impl FnOnce(&mut Desk<'_>) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        self.refresh(now)?;
        let (terminal, offices) = (self.id(), &mut self.offices);
        self.store.write(|tx| {
            let clock = clock::read(tx, now)?;
            work(&mut Desk { journal: Journal::new(tx, terminal), offices, clock })
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
fn check_form(request: &Request) -> Result<(), NotWellFormed> {
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
    lesson_time(request).map(|_| ())
}

/// The time of a lesson, if one is named.
fn lesson_time(request: &Request) -> Result<Option<Lesson>, NotWellFormed> {
    match (request.starts, request.ends) {
        (None, None) => Ok(None),
        (Some(start), Some(end)) => Lesson::new(start, end).map(Some).ok_or(NotWellFormed::LessonTimeWrong),
        _ => Err(NotWellFormed::LessonTimeMissing),
    }
}

/// What a request asks for, once a held entry has said its part.
struct Wanted {
    service: Code,
    day: CivilDay,
    cents: Option<Cents>,
    settles: Option<u64>,
}

fn decide(desk: &mut Desk<'_>, request: &Request) -> Result<Result<(Card, Vec<Grant>), Refusal>, CounterError> {
    let wanted = match wanted(desk, request)? {
        Ok(wanted) => wanted,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let tx = desk.journal.tx;
    let card = match recognise(tx, desk.offices, &request.code, request.forgotten, desk.clock.now)? {
        Ok(card) => card,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let mut grants = Vec::new();
    for ask in asks(desk, request, &wanted, &card)? {
        let offices = &*desk.offices;
        let Some((office, trust)) = offices.find(card.entitlement.office()) else { return Ok(Err(Refusal::NotAdmitted)) };
        let granted = match plan(&card.entitlement, &ask, &office.house(trust, desk.clock.state), desk.clock.now) {
            Ok(plan) => {
                let spent = spent(tx, office.number, &plan, &grants)?;
                plan.decide(&spent)
            }
            Err(refusal) => Err(refusal),
        };
        match granted {
            Ok(grant) => grants.push(grant),
            Err(refusal) => return Ok(Err(refusal)),
        }
    }
    Ok(Ok((card, grants)))
}

fn wanted(desk: &Desk<'_>, request: &Request) -> Result<Result<Wanted, Refusal>, CounterError> {
    let Some(seq) = request.held else {
        let service = request.service.clone().ok_or(NotWellFormed::ServiceMissing)?;
        let day = request.day.unwrap_or_else(|| desk.today());
        return Ok(Ok(Wanted { service, day, cents: request.cents, settles: None }));
    };
    let row = desk.tx().held(seq)?.ok_or(NotWellFormed::NoSuchHeld(seq))?;
    let entry = desk.tx().entry(seq)?;
    let Some(Body::Held(held)) = entry.map(|e| e.body) else { return Err(NotWellFormed::NoSuchHeld(seq).into()) };
    if request.service.as_ref().is_some_and(|s| *s != held.service) || request.day.is_some_and(|d| d != held.day) {
        return Err(NotWellFormed::HeldDiffers.into());
    }
    if let Some(by) = row.settled_by {
        let since = desk.tx().entry_time(by)?.unwrap_or_default();
        return Ok(Err(Refusal::AlreadyRedeemed { since, seq: by }));
    }
    let free = desk.offices.service(&held.service).is_some_and(|(_, s)| s.pricing == Pricing::Free);
    let cents = request.cents.or(free.then_some(held.cents));
    Ok(Ok(Wanted { service: held.service, day: held.day, cents, settles: Some(seq) }))
}

/// One ask, or one a month: the cents split without remainder, later months on their first day.
fn asks(desk: &Desk<'_>, request: &Request, wanted: &Wanted, card: &Card) -> Result<Vec<Ask>, NotWellFormed> {
    let lesson = lesson_time(request)?;
    let service = desk.offices.find(card.entitlement.office()).and_then(|(office, _)| office.credential.as_ref()?.service(&wanted.service));
    let months = request.months.max(1);
    if let Some(service) = service {
        fits_service(service, lesson, months)?;
    }
    let shares: Vec<Option<Cents>> = match wanted.cents {
        Some(cents) => cents.split(months).into_iter().map(Some).collect(),
        None => (0..months).map(|_| None).collect(),
    };
    let mut asks = Vec::new();
    for (month, cents) in (0u32..).zip(shares) {
        let day = if month == 0 { wanted.day } else { wanted.day.month().plus(month).first_day() };
        if service.is_some_and(|s| s.benefit.happens_at_the_counter()) && day > desk.today() {
            return Err(NotWellFormed::LiesAhead(day));
        }
        asks.push(Ask {
            service: wanted.service.clone(),
            day,
            cents,
            lesson,
            charge: request.charge.clone(),
            seen_as: card.seen_as,
            operator: request.operator.clone(),
            settles: wanted.settles,
        });
    }
    Ok(asks)
}

fn fits_service(service: &Service, lesson: Option<Lesson>, months: u32) -> Result<(), NotWellFormed> {
    if service.benefit == Benefit::Tutoring && lesson.is_none() {
        return Err(NotWellFormed::LessonTimeMissing);
    }
    if service.benefit != Benefit::Tutoring && lesson.is_some() {
        return Err(NotWellFormed::NoLesson);
    }
    let by_month = service.pricing == Pricing::Monthly || (service.pricing == Pricing::Free && service.benefit == Benefit::Participation);
    if months > 1 && !by_month { Err(NotWellFormed::MonthsOutOfRange) } else { Ok(()) }
}

/// What was used before, in the journal and by the grants made just now.
fn spent(tx: &Tx<'_>, office: crate::shell::store::terminal::OfficeNumber, plan: &Plan, granted: &[Grant]) -> Result<Spent, StoreError> {
    let handle = plan.entitlement().token().handle;
    let mut uses = tx.uses(office, handle, plan.days())?;
    let wanted = plan.wanted();
    uses.extend(granted.iter().map(|grant| Use { day: grant.redemption().day, cents: grant.redemption().cents, ..wanted.clone() }));
    let lessons = match wanted.lesson {
        Some(_) => tx.lessons(office, handle, plan.ask().operator.as_deref(), wanted.day)?,
        None => Vec::new(),
    };
    Ok(Spent { taken: tx.slot_taken(plan.slot())?, uses, elsewhere: tx.elsewhere(office, handle)?, lessons })
}

fn enter(desk: &Desk<'_>, card: &Card, grants: Vec<Grant>, chance: &mut Chance) -> Result<Accepted, CounterError> {
    let mut answer = accepted(card, &grants, Vec::new());
    if let Some((office, _)) = desk.offices.find(card.entitlement.office()) {
        desk.tx().keep_card(office.number, card.entitlement.token(), &card.bytes)?;
    }
    for grant in grants {
        let (day, cents) = (grant.redemption().day, grant.redemption().cents);
        let entered = desk.journal.enter(grant, chance, desk.clock.now)?;
        answer.entries.push(Recorded { seq: entered.entry.seq, day, cents });
    }
    Ok(answer)
}

fn accepted(card: &Card, grants: &[Grant], entries: Vec<Recorded>) -> Accepted {
    let sum = |amount: fn(&Grant) -> Cents| grants.iter().map(amount).sum::<Cents>();
    let last = grants.last();
    Accepted {
        entries,
        benefit: last.map_or(Benefit::Lunch, |g| g.redemption().benefit),
        cents: sum(|g| g.redemption().cents),
        own_share: sum(|g| g.redemption().full_price.map_or(Cents::ZERO, |price| price.minus(g.redemption().cents))),
        hint: card.entitlement.token().hint.clone(),
        remaining: last.map(|g| g.left().to_vec()).unwrap_or_default(),
        data_age: last.map_or(DataAge::Green, |g| g.redemption().data_age),
    }
}

fn refused(refusal: &Refusal, request: &Request, desk: &Desk<'_>) -> Refused {
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
    Refused { reason: refusal.reason(), since: refusal.since(), day, left, can_be_held: refusal.can_be_held() }
}

impl From<&Refusal> for Refused {
    /// The refusal as far as it says everything itself.
    fn from(refusal: &Refusal) -> Self {
        Self { reason: refusal.reason(), since: refusal.since(), day: None, left: None, can_be_held: refusal.can_be_held() }
    }
}
