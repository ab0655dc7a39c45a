//! One line against the register, by itself. The order of the checks is the documented precedence.

use super::finding::{Judgement, is_ahead};
use super::holidays::Land;
use super::register::{Agreement, ChildFile, ClaimLine, Register, RegisteredToken, Stop};
use super::ruling::Choice;
use crate::admit::status::{DataAge, Status};
use crate::book::redemption::Redemption;
use crate::book::refusal::{Refusal, stopped};
use crate::book::rule;
use crate::words::benefit::{Benefit, Measure};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::reason::Reason;
use crate::words::service::{Pricing, Service};
use crate::words::time::UtcSeconds;

/// What stops a line, and whether for good or until a clerk has looked.
pub(super) enum Obstacle {
    Refused(Reason),
    Doubt(Reason),
}

impl From<Refusal> for Obstacle {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.reason())
    }
}

/// What the line is worth by itself. A ruling to accept or cut overrides every check here; it cannot override slots and ceilings.
pub fn judge(line: &ClaimLine, child: &ChildFile, register: &Register<'_>) -> Judgement {
    let claimed = line.redemption.cents;
    match line.ruling.map(|ruling| (ruling.choice, ruling.reason)) {
        Some((Choice::Reject, reason)) => Judgement::Refused(reason),
        Some((Choice::Ask, reason)) => Judgement::Doubt { reason, against: None },
        Some((Choice::Accept, _)) => Judgement::Fine { cents: claimed, because: None },
        Some((Choice::Cut(cents), reason)) if cents <= Cents::ZERO => Judgement::Refused(reason),
        Some((Choice::Cut(cents), reason)) if cents < claimed => Judgement::Fine { cents, because: Some(reason) },
        Some((Choice::Cut(_), _)) => Judgement::Fine { cents: claimed, because: None },
        None => match check(line, child, register) {
            Ok(agreed) if agreed < claimed => Judgement::Fine { cents: agreed, because: Some(Reason::PriceDiffers) },
            Ok(_) => Judgement::Fine { cents: claimed, because: None },
            Err(Obstacle::Refused(reason)) => Judgement::Refused(reason),
            Err(Obstacle::Doubt(reason)) => Judgement::Doubt { reason, against: line.tutor_elsewhere.filter(|_| reason == Reason::LessonOverlap) },
        },
    }
}

/// All checks in order; the agreed price if none objects.
fn check(line: &ClaimLine, child: &ChildFile, register: &Register<'_>) -> Result<Cents, Obstacle> {
    let registered = known_token(line, child).ok_or(Obstacle::Doubt(Reason::UnknownToken))?;
    journal_is_whole(line)?;
    let agreement = admitted(line, register)?;
    entitled(line, registered, agreement)?;
    not_stopped(line, registered, register)?;
    proved_by_its_phone(line)?;
    rule::is_valid_on(&registered.token, line.redemption.day)?;
    in_time(line, registered, register)?;
    on_a_service_day(line, agreement, register)?;
    evidence_is_fresh(line, register)?;
    lesson_is_sound(line)?;
    let agreed = agreed_price(&line.redemption, agreement)?;
    tutor_was_there(line)?;
    not_paid_by_the_office(line, registered, child)?;
    Ok(agreed)
}

/// The token of the line, if it is one of this child.
pub fn known_token<'c>(line: &ClaimLine, child: &'c ChildFile) -> Option<&'c RegisteredToken> {
    child.tokens.get(&line.redemption.token).filter(|t| t.token.handle == line.redemption.handle)
}

/// The journal continues what the office holds, and the entry does not come from the future.
fn journal_is_whole(line: &ClaimLine) -> Result<(), Obstacle> {
    if let Some(reason) = line.journal {
        return Err(Obstacle::Doubt(reason));
    }
    if is_ahead(line.at, line.received) { Err(Obstacle::Doubt(Reason::ClockSuspect)) } else { Ok(()) }
}

pub(super) fn admitted<'r>(line: &ClaimLine, register: &Register<'r>) -> Result<&'r Agreement, Obstacle> {
    let file = register.providers.get(&line.provider);
    file.and_then(|f| f.agreement(&line.redemption)).ok_or(Obstacle::Refused(Reason::ProviderNotAdmitted))
}

fn entitled(line: &ClaimLine, registered: &RegisteredToken, agreement: &Agreement) -> Result<(), Obstacle> {
    let service = &agreement.service;
    if service.benefit != line.redemption.benefit {
        return Err(Obstacle::Refused(Reason::WrongBenefit));
    }
    Ok(rule::is_entitled(&registered.token, service.benefit, service.detail.as_ref(), line.provider)?)
}

/// A stop binds the provider from the exchange after which his terminal could know it; before that, within the policy's days, the
/// benefit counts as rendered (§ 29(2) SGB II).
fn not_stopped(line: &ClaimLine, registered: &RegisteredToken, register: &Register<'_>) -> Result<(), Obstacle> {
    let binding: Vec<&Stop> = stops_on(line, registered, register).filter(|(_, in_good_faith)| !in_good_faith).map(|(stop, _)| stop).collect();
    match binding.iter().find(|stop| stop.status != Status::Suspended).or(binding.first()) {
        None => Ok(()),
        Some(stop) if stop.status == Status::Suspended => Err(Obstacle::Doubt(Reason::Suspended)),
        Some(stop) => Err(Obstacle::Refused(stopped(stop.status))),
    }
}

/// The stops that concern the day of service, each with whether the provider could not know of it.
pub(super) fn stops_on<'r>(line: &ClaimLine, registered: &'r RegisteredToken, register: &Register<'_>) -> impl Iterator<Item = (&'r Stop, bool)> {
    let (day, time, known) = (line.redemption.day, line.time(), line.last_word.max(line.redemption.status_issued.ms()));
    let good_faith_days = u64::from(register.policy.good_faith_days);
    let concerns = move |stop: &&Stop| stop.from <= day && stop.until.is_none_or(|until| day <= until);
    let in_good_faith = move |stop: &Stop| known < stop.told() && time <= stop.told().plus_days(good_faith_days);
    registered.stops.iter().filter(concerns).map(move |stop| (stop, in_good_faith(stop)))
}

/// A token bound to a phone is claimed with that phone's own code, each code once; the proof itself is looked at when the line arrives.
const fn proved_by_its_phone(line: &ClaimLine) -> Result<(), Obstacle> {
    if line.unproved { Err(Obstacle::Doubt(Reason::HolderProofMissing)) } else { Ok(()) }
}

/// Recorded inside the claim window, and not arriving after its end.
fn in_time(line: &ClaimLine, registered: &RegisteredToken, register: &Register<'_>) -> Result<(), Obstacle> {
    let grace = register.policy.shared.claim_grace_days;
    rule::is_in_claim_window(&registered.token, line.time(), grace)?;
    if line.received < rule::claim_window_end(&registered.token, grace) { Ok(()) } else { Err(Obstacle::Doubt(Reason::Late)) }
}

/// A meal or lesson is claimed when it happens, never on order; and calendars are a question for a clerk, never a refusal. A flat is
/// for a month, a fee or trip for no day on which anything is served.
fn on_a_service_day(line: &ClaimLine, agreement: &Agreement, register: &Register<'_>) -> Result<(), Obstacle> {
    let r = &line.redemption;
    let ahead = r.benefit.happens_at_the_counter() && r.day > CivilDay::of(line.at);
    if ahead || closed_on(line, agreement, register) { Err(Obstacle::Doubt(Reason::NotAServiceDay)) } else { Ok(()) }
}

/// Whether the calendar knows no such service on the day, where days matter to it.
pub(super) fn closed_on(line: &ClaimLine, agreement: &Agreement, register: &Register<'_>) -> bool {
    let r = &line.redemption;
    let days = register.providers.get(&line.provider).map(|file| file.days_at(line.id.terminal));
    days.is_some_and(|days| match r.benefit {
        _ if agreement.service.pricing == Pricing::Monthly => false,
        Benefit::Lunch => !days.serve_meals_on(r.day, Land::of(register.office)),
        Benefit::Tutoring => days.is_closed_of_its_own(r.day),
        _ => false,
    })
}

/// The office computes the age of the data itself; a terminal without any status list yet says so with a zero, and a list from
/// the line's future is no evidence at all.
pub fn data_age(line: &ClaimLine, register: &Register<'_>) -> Option<DataAge> {
    let issued = line.redemption.status_issued;
    if is_ahead(issued.ms(), line.time()) {
        return None;
    }
    if issued == UtcSeconds(0) {
        return Some(DataAge::Red);
    }
    DataAge::of(issued, register.policy.status_ttl_seconds, &register.policy.shared, line.time())
}

fn evidence_is_fresh(line: &ClaimLine, register: &Register<'_>) -> Result<(), Obstacle> {
    data_age(line, register).map(|_| ()).ok_or(Obstacle::Doubt(Reason::StatusStale))
}

fn lesson_is_sound(line: &ClaimLine) -> Result<(), Obstacle> {
    let lacks_time = line.redemption.benefit == Benefit::Tutoring && line.redemption.lesson.is_none();
    if lacks_time { Err(Obstacle::Refused(Reason::Malformed)) } else { Ok(()) }
}

/// Looked at after all that refuses a line: what a tutor did elsewhere makes a line doubtful or not, and bears on no slot.
const fn tutor_was_there(line: &ClaimLine) -> Result<(), Obstacle> {
    if line.tutor_elsewhere.is_some() { Err(Obstacle::Doubt(Reason::LessonOverlap)) } else { Ok(()) }
}

/// What the office reimbursed in cash counts against ceilings in cents by itself; where a benefit is counted in meals or lessons,
/// no sum tells which of them it paid for.
fn not_paid_by_the_office(line: &ClaimLine, registered: &RegisteredToken, child: &ChildFile) -> Result<(), Obstacle> {
    let r = &line.redemption;
    let mut counted_in_cents = registered.token.allowances.iter().filter(|a| a.benefit == r.benefit).flat_map(|a| &a.ceilings);
    let paid = child.debits.iter().any(|d| d.benefit == r.benefit && (d.from..=d.to).contains(&r.day));
    if paid && !counted_in_cents.any(|c| c.measure == Measure::Cents) { Err(Obstacle::Doubt(Reason::SelfPaid)) } else { Ok(()) }
}

/// What was agreed for what a line claims, where its provider may claim that at all.
pub fn agreed_amount(line: &ClaimLine, register: &Register<'_>) -> Option<Cents> {
    admitted(line, register).and_then(|agreement| agreed_price(&line.redemption, agreement)).ok()
}

/// The units that can be paid: one meal, fee or event; of a lesson no more than its time holds.
pub fn agreed_units(r: &Redemption, service: &Service) -> Option<u64> {
    r.lesson.map_or(Some(1), |lesson| rule::teaching_units(service, lesson).map(|given| given.min(r.units)))
}

/// The most that the agreement allows for what was claimed.
fn agreed_price(r: &Redemption, agreement: &Agreement) -> Result<Cents, Obstacle> {
    let service = &agreement.service;
    let units = agreed_units(r, service).filter(|_| r.cents > Cents::ZERO).ok_or(Obstacle::Refused(Reason::NoPrice))?;
    let typed = (service.pricing == Pricing::Free).then_some(r.cents);
    Ok(rule::price(service, r.day, units, typed)?)
}
