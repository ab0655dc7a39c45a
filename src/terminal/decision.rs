//! What is decided at the counter: one ask, or one a month, each with what was used before; and what is recorded of it.

use super::card::{Card, Purpose, recognise};
use super::counter::{Accepted, CounterError, Desk, NotWellFormed, Recorded, Request, Share};
use super::rest::{self, Rest};
use super::{devices, lessons, people};
use crate::admit::status::DataAge;
use crate::book::ceiling::Use;
use crate::book::decide::{Ask, Grant, Plan, Spent, plan};
use crate::book::entry::{Body, ClockState};
use crate::book::planned::SLACK;
use crate::book::redemption::{Redemption, SeenAs};
use crate::book::refusal::Refusal;
use crate::book::slot::Lesson;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{OfficeNumber, Tx};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::chance::Chance;
use crate::words::civil::{CivilDay, berlin_minute, clock_text};
use crate::words::code::Code;
use crate::words::service::{Pricing, Service};

/// For how long a scan may have waited in the page before the box is asked; a phone code is held against the moment of its scan.
const MAX_WAIT_MS: u64 = 12 * 60 * 60 * 1000;

/// The time of a lesson, if one is named.
pub(super) fn lesson_time(request: &Request) -> Result<Option<Lesson>, NotWellFormed> {
    match (request.starts, request.ends) {
        (None, None) => Ok(None),
        (Some(start), Some(end)) => Lesson::new(start, end).map(Some).ok_or(NotWellFormed::LessonTimeWrong),
        _ => Err(NotWellFormed::LessonTimeMissing),
    }
}

/// What a request asks for, once a held entry has said its part.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub service: Code,
    pub day: CivilDay,
    pub cents: Option<Cents>,
    pub charge: Option<Code>,
    pub settles: Option<u64>,
    /// Whether a card for later months may pay it on a later day.
    pub waits: bool,
}

/// What was decided: granted in whole or in part, with what is left over where that is to be held.
#[derive(Debug)]
pub(super) struct Decision {
    pub card: Card,
    pub grants: Vec<Grant>,
    pub rests: Vec<Rest>,
    /// It is known that nothing is held for this child.
    pub nothing_held: bool,
}

pub(super) fn decide(desk: &mut Desk<'_>, request: &Request) -> Result<Result<Decision, Refusal>, CounterError> {
    let wanted = match wanted(desk, request)? {
        Ok(wanted) => wanted,
        Err(refusal) => return Ok(Err(refusal)),
    };
    match card_shown(desk, request)? {
        Ok(card) => decide_for(desk, request, wanted, card),
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// The card that was scanned, or that of the person who is named.
pub(super) fn card_shown(desk: &mut Desk<'_>, request: &Request) -> Result<Result<Card, Refusal>, CounterError> {
    let (tx, now) = (desk.journal.tx, desk.clock.now);
    let purpose = Purpose { day: request.day.unwrap_or_else(|| desk.today()), service: request.service.as_ref() };
    match request.person {
        Some(id) => people::card_of(tx, desk.offices, id, purpose, now),
        None => {
            let mut card = recognise(tx, desk.offices, &request.code, request.forgotten, purpose, now)?;
            match (&mut card, request.scanned) {
                // A scan may have waited in the page for the amount to be typed, or for this box.
                (Ok(Card { shown: Some(shown), .. }), Some(scanned)) => {
                    shown.seen = if scanned <= now && now.since(scanned) <= MAX_WAIT_MS { scanned } else { now };
                }
                (Ok(card), _) if request.nfc && card.seen_as == SeenAs::Qr => card.seen_as = SeenAs::NfcToken,
                _ => {}
            }
            Ok(card)
        }
    }
}

/// The same for a card that is recognised already.
pub(super) fn decide_for(desk: &Desk<'_>, request: &Request, mut wanted: Wanted, card: Card) -> Result<Result<Decision, Refusal>, CounterError> {
    let mut nothing_held = false;
    if wanted.settles.is_none()
        && request.months <= 1
        && let Some(open) = rest::held_for(desk, &wanted, &card)?
    {
        nothing_held = open.is_empty();
        wanted.settles = rest::same_thing(desk, &wanted, &open)?;
    }
    let mut first = None;
    for day in rest::days(&wanted, card.entitlement.token(), desk.today()) {
        match decide_on(desk, request, &Wanted { day, ..wanted.clone() }, &card)? {
            Ok((grants, rests)) => return Ok(Ok(Decision { card, grants, rests, nothing_held })),
            Err(refusal) => {
                let refusal = first.get_or_insert(refusal);
                if !matches!(refusal, Refusal::NotYetValid { .. } | Refusal::CeilingReached { .. }) {
                    break;
                }
            }
        }
    }
    Ok(Err(first.unwrap_or(Refusal::NotAdmitted)))
}

type Decided = Result<(Vec<Grant>, Vec<Rest>), Refusal>;

fn decide_on(desk: &Desk<'_>, request: &Request, wanted: &Wanted, card: &Card) -> Result<Decided, CounterError> {
    let (mut grants, mut rests, mut first) = (Vec::new(), Vec::new(), None);
    for ask in asks(desk, request, wanted, card)? {
        let Some((office, trust)) = desk.offices.find(card.entitlement.office()) else { return Ok(Err(Refusal::NotAdmitted)) };
        let service = office.credential.as_ref().and_then(|c| c.service(&ask.service)).filter(|_| request.hold_rest);
        let granted = match plan(&card.entitlement, &ask, &office.house(trust, desk.clock.state), desk.clock.now) {
            Ok(plan) => {
                let spent = spent(desk.journal.tx, office.number, &plan, &grants)?;
                plan.decide(&spent)
            }
            Err(refusal) => Err(refusal),
        };
        match granted {
            Ok(grant) => {
                rests.extend(service.and_then(|service| Rest::of_grant(service, &grant, grants.len())));
                grants.push(grant);
            }
            Err(refusal) => match service.and_then(|service| Rest::of_refusal(service, &ask, &refusal)) {
                Some(rest) => {
                    first.get_or_insert(refusal);
                    rests.push(rest);
                }
                None => return Ok(Err(refusal)),
            },
        }
    }
    // What would be held in whole is refused: "served, clarify later" is asked for by its own name.
    Ok(if grants.is_empty() { Err(first.unwrap_or(Refusal::NotAdmitted)) } else { Ok((grants, rests)) })
}

pub(super) fn wanted(desk: &Desk<'_>, request: &Request) -> Result<Result<Wanted, Refusal>, CounterError> {
    let Some(seq) = request.held else {
        let service = request.service.clone().ok_or(NotWellFormed::ServiceMissing)?;
        let day = request.day.unwrap_or_else(|| desk.today());
        let charge = request.charge.clone();
        return Ok(Ok(Wanted { service, day, cents: request.cents, charge, settles: None, waits: false }));
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
    if !desk.tx().is_open_held(seq)? {
        return Err(NotWellFormed::HeldIsVoid(seq).into());
    }
    let free = desk.offices.service(&held.service).is_some_and(|(_, s)| s.pricing == Pricing::Free);
    let cents = request.cents.or(free.then_some(held.cents));
    let charge = request.charge.clone().or(row.charge);
    let waits = rest::waits(&held, free);
    Ok(Ok(Wanted { service: held.service, day: held.day, cents, charge, settles: Some(seq), waits }))
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
        // Under a clock set back, today lies ahead: then the clock is what is refused.
        if service.is_some_and(|s| s.benefit.happens_at_the_counter()) && day > desk.today() && desk.clock.state == ClockState::Ok {
            return Err(NotWellFormed::LiesAhead(day));
        }
        asks.push(Ask {
            service: wanted.service.clone(),
            day,
            cents,
            lesson,
            charge: wanted.charge.clone(),
            seen_as: card.seen_as,
            shown: card.shown,
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
fn spent(tx: &Tx<'_>, office: OfficeNumber, plan: &Plan, granted: &[Grant]) -> Result<Spent, StoreError> {
    let handle = plan.entitlement().token().handle;
    let mut uses = tx.uses(office, handle, plan.days())?;
    let nearby = tx.uses_nearby(office, handle, plan.days())?;
    let mut elsewhere = tx.elsewhere(office, handle)?;
    for told in &mut elsewhere {
        // The office counts what neighbours have sent it as used elsewhere; counted here, it must not count twice.
        let counted = nearby.iter().filter(|used| used.benefit == told.benefit).map(|used| used.amount(told.measure)).sum();
        told.used = told.used.saturating_sub(counted);
    }
    uses.extend(nearby);
    let wanted = plan.wanted();
    uses.extend(granted.iter().map(|grant| Use { day: grant.redemption().day, cents: grant.redemption().cents, ..wanted.clone() }));
    let lessons = match wanted.lesson {
        Some(_) => tx.lessons(office, handle, plan.ask().operator.as_deref(), wanted.day)?,
        None => Vec::new(),
    };
    let (taken, nearby) = tx.slot_taken(handle, plan.slot())?;
    Ok(Spent { taken, nearby, uses, elsewhere, lessons })
}

/// Records what was granted, and makes up for what is held for this child.
pub(super) fn redeemed(desk: &mut Desk<'_>, decision: Decision, chance: &mut Chance) -> Result<Accepted, CounterError> {
    let (card, nothing_held) = (decision.card.clone(), decision.nothing_held && decision.rests.is_empty());
    let mut answer = enter(desk, decision, chance)?;
    answer.person = people::who(desk, &card)?;
    if !nothing_held {
        answer.settled = rest::settle_at_scan(desk, &card, chance)?;
    }
    Ok(answer)
}

/// That a lesson has been given before it is recorded, but for the minutes by which a scan may lie beside the planned time.
fn has_been_given(desk: &Desk<'_>, redemption: &Redemption) -> Result<(), NotWellFormed> {
    match redemption.lesson {
        Some(lesson) if redemption.day == desk.today() && lesson.end > berlin_minute(desk.clock.now) + SLACK => {
            Err(NotWellFormed::NotGivenYet(clock_text(lesson.end)))
        }
        _ => Ok(()),
    }
}

/// Records what was granted, with what is left over.
pub(super) fn enter(desk: &Desk<'_>, decision: Decision, chance: &mut Chance) -> Result<Accepted, CounterError> {
    decision.grants.iter().try_for_each(|grant| has_been_given(desk, grant.redemption()))?;
    let mut answer = accepted(&decision);
    let Decision { card, grants, rests, .. } = decision;
    if let Some((office, _)) = desk.offices.find(card.entitlement.office()) {
        desk.tx().keep_card(office.number, card.entitlement.token(), &card.bytes)?;
    }
    if let Some(shown) = card.shown {
        desk.tx().use_phone_code(card.entitlement.token().id, shown.proof.at)?;
    }
    for grant in grants {
        let redemption = grant.redemption().clone();
        let entered = desk.journal.enter(grant, chance, desk.clock.now)?;
        devices::note(desk, entered.entry.seq)?;
        lessons::close(desk, &redemption, entered.entry.seq)?;
        answer.entries.push(Recorded { seq: entered.entry.seq, day: redemption.day, cents: redemption.cents });
    }
    for (rest, told) in rests.iter().zip(&mut answer.held_rest) {
        let of = answer.entries.get(rest.of).or(answer.entries.first()).map(|entry| entry.seq);
        told.seq = rest::hold(desk, &card, rest, of, chance)?;
    }
    Ok(answer)
}

pub(super) fn accepted(decision: &Decision) -> Accepted {
    let Decision { card, grants, rests, .. } = decision;
    let last = grants.last();
    let unpaid = grants.iter().map(|g| g.redemption().full_price.map_or(Cents::ZERO, |price| price.minus(g.redemption().cents))).sum::<Cents>();
    let waits = rests.iter().filter(|rest| rest.is_part).map(|rest| rest.cents).sum();
    Accepted {
        entries: Vec::new(),
        benefit: last.map_or(Benefit::Lunch, |g| g.redemption().benefit),
        cents: grants.iter().map(|g| g.redemption().cents).sum(),
        own_share: unpaid.minus(waits),
        hint: card.entitlement.token().hint.clone(),
        remaining: last.map(|g| g.left().to_vec()).unwrap_or_default(),
        data_age: last.map_or(DataAge::Green, |g| g.redemption().data_age),
        plan: grants.iter().map(|g| Share { day: g.redemption().day, cents: g.redemption().cents }).collect(),
        held_rest: rests.iter().map(Rest::told).collect(),
        settled: Vec::new(),
        person: None,
        pickup: None,
    }
}
