//! Lessons: one scan when they begin, one when they end. The first is an entry of its own, the second a redemption of the whole units between.

use super::card::{Card, cards_of};
use super::counter::{Accepted, Answer, CounterError, Desk, NotWellFormed, Refused, Request, once, refused};
use super::decision::{card_shown, decide_for, redeemed, wanted};
use super::held::child_of;
use super::people::Forgotten;
use super::{Terminal, clock, paying, people};
use crate::admit::number::CardNumber;
use crate::book::entry::{Body, Started};
use crate::book::planned::{QUARTER, SLACK, minutes_to_unit, planned_lesson, planned_start};
use crate::book::redemption::{MAX_OPERATOR, Redemption};
use crate::book::refusal::Refusal;
use crate::book::rule::{GivenLesson, teaching_units};
use crate::book::slot::Lesson;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{LessonRow, OfficeNumber};
use crate::words::benefit::Benefit;
use crate::words::chance::Chance;
use crate::words::civil::{CivilDay, berlin_minute, clock_text};
use crate::words::code::Code;
use crate::words::ids::Handle;
use crate::words::service::Service;
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};

/// For how many days a lesson that nobody ended stays on the list.
pub const LISTED_DAYS: u32 = 100;
/// The minutes of a civil day.
const DAY: u32 = 1440;

/// A scan at the start or at the end of a lesson.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LessonRequest {
    /// The caller's own id: the same one gets the same answer.
    #[serde(skip)]
    pub ask: Option<String>,
    /// What was scanned; empty where a person is named.
    pub code: String,
    /// When it was scanned, where that was before it is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scanned: Option<UtcMs>,
    /// Somebody of this provider's own lists, instead of a code.
    pub person: Option<u64>,
    /// The code is what a card's chip holds, not its picture.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub nfc: bool,
    /// The card was forgotten.
    pub forgotten: bool,
    /// Why it was; needed where a person is named.
    pub why_forgotten: Option<Forgotten>,
    /// The service; none is never asked for, it is `Option` for want of an empty code.
    pub service: Option<Code>,
    /// The planned start in minutes of the Berlin day, where the scan does not tell it.
    pub starts: Option<u32>,
    /// The end likewise.
    pub ends: Option<u32>,
    /// The tutor, by pseudonym.
    pub operator: Option<String>,
}

/// The answer to such a scan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum LessonAnswer {
    /// The lesson has begun.
    Started {
        /// The entry's number.
        seq: u64,
        /// The day.
        day: CivilDay,
        /// The planned start, in minutes of the Berlin day.
        minute: u32,
        /// The card's hint.
        hint: Option<String>,
    },
    /// It goes on: not one unit is full yet, and nothing was recorded.
    Running {
        /// Its planned start.
        minute: u32,
        /// For how many minutes it has gone on.
        minutes: u32,
        /// In how many minutes the first unit is full; none when the day ends before.
        to_unit: Option<u32>,
        /// The card's hint.
        hint: Option<String>,
    },
    /// It has ended and is redeemed.
    Ended {
        /// What was recorded.
        accepted: Box<Accepted>,
        /// Its time.
        lesson: Lesson,
        /// Its whole units.
        units: u64,
    },
    /// Somebody who pays for themselves was there: one scan, no time.
    Taken(Box<Accepted>),
    /// Nothing was recorded.
    Refused(Refused),
}

/// A lesson that nobody has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenLesson {
    /// The entry's number.
    pub seq: u64,
    /// The service.
    pub service: Code,
    /// The day.
    pub day: CivilDay,
    /// Its planned start.
    pub minute: u32,
    /// The card's hint.
    pub hint: Option<String>,
    /// The number of the card it began with.
    pub number: Option<CardNumber>,
    /// The tutor, by pseudonym.
    pub operator: Option<String>,
    /// Whether its day is over: no scan ends it any more, only a typed end does.
    pub not_ended: bool,
}

/// All that one scan for a lesson is about.
struct Scanned<'r> {
    request: &'r LessonRequest,
    card: Card,
    child: (OfficeNumber, Handle),
    code: Code,
    service: Option<Service>,
    day: CivilDay,
    minute: u32,
}

impl Terminal {
    /// Takes a scan for a lesson: the first begins it, one after at least a unit ends it.
    pub fn lesson(&mut self, request: &LessonRequest, chance: &mut Chance, now: UtcMs) -> Result<LessonAnswer, CounterError> {
        let code = request.service.clone().ok_or(NotWellFormed::ServiceMissing)?;
        if request.operator.as_ref().is_some_and(|o| o.is_empty() || o.chars().count() > MAX_OPERATOR) {
            return Err(NotWellFormed::OperatorTooLong.into());
        }
        if request.person.is_some() && request.why_forgotten.is_none() {
            return Err(NotWellFormed::WhyForgotten.into());
        }
        self.at_desk(now, |desk| {
            once(desk, request.ask.as_deref(), &("lesson", request), |desk| {
                clock::note(desk.journal, desk.clock, chance)?;
                let refused = |refusal: Refusal| Ok(LessonAnswer::Refused(Refused::from(&refusal)));
                match paying::served(desk, &request.shown(), true)? {
                    Some(Answer::Accepted(accepted)) => return Ok(LessonAnswer::Taken(Box::new(accepted))),
                    Some(Answer::Refused(refused)) => return Ok(LessonAnswer::Refused(refused)),
                    None => {}
                }
                let card = match card_shown(desk, &request.shown())? {
                    Ok(card) => card,
                    Err(refusal) => return refused(refusal),
                };
                let Some(child) = child_of(desk, &card) else { return refused(Refusal::NotAdmitted) };
                let service = desk.offices.find(card.entitlement.office()).and_then(|(office, _)| office.credential.as_ref()?.service(&code));
                if service.is_some_and(|s| s.benefit != Benefit::Tutoring) {
                    return Err(NotWellFormed::NoLesson.into());
                }
                let (service, day, minute) = (service.cloned(), desk.today(), berlin_minute(desk.clock.now));
                let open = desk.tx().open_lesson(child.0, child.1, &code, day)?;
                let scanned = Scanned { request, card, child, code, service, day, minute };
                match (open, request.starts, request.ends) {
                    (Some(open), ..) => end(desk, scanned, &open, chance),
                    (None, Some(start), Some(end)) => {
                        let lesson = Lesson::new(start, end).ok_or(NotWellFormed::LessonTimeWrong)?;
                        redeem(desk, scanned, lesson, None, chance)
                    }
                    (None, None, Some(_)) => Err(NotWellFormed::NoLessonBegun.into()),
                    (None, ..) => start(desk, scanned, chance),
                }
            })
        })
    }

    /// The lessons that nobody has ended, the latest first.
    pub fn open_lessons(&mut self, now: UtcMs) -> Result<Vec<OpenLesson>, StoreError> {
        self.refresh(now)?;
        let (today, offices) = (CivilDay::of(now), &mut self.offices);
        self.store.read(|tx| {
            let mut open = Vec::new();
            for row in tx.open_lessons(today.minus(LISTED_DAYS))?.into_iter().rev() {
                let number = match tx.entry(row.seq)?.map(|entry| entry.body) {
                    Some(Body::Started(started)) => Some(CardNumber::of(started.token)),
                    _ => None,
                };
                let latest = cards_of(tx, offices, (row.office, row.handle), now)?.into_iter().next();
                open.push(OpenLesson {
                    seq: row.seq,
                    service: row.service,
                    day: row.day,
                    minute: row.minute,
                    hint: latest.and_then(|card| card.entitlement.token().hint.clone()),
                    number,
                    operator: row.operator,
                    not_ended: row.day < today,
                });
            }
            Ok(open)
        })
    }

    /// Takes a lesson off the list of open ones: it was not given, or will not be claimed. Told twice, it is the same.
    pub fn give_up_lesson(&mut self, seq: u64, now: UtcMs) -> Result<(), CounterError> {
        self.at_desk(now, |desk| {
            let row = desk.tx().lesson(seq)?.filter(|row| row.ended_by.is_none());
            let row = row.ok_or_else(|| NotWellFormed::NoSuchLesson(seq.to_string()))?;
            Ok(desk.tx().give_up_lesson(row.seq)?)
        })
    }
}

impl LessonRequest {
    /// The same as a redemption, without a time.
    fn shown(&self) -> Request {
        Request {
            code: self.code.clone(),
            scanned: self.scanned,
            person: self.person,
            service: self.service.clone(),
            operator: self.operator.clone(),
            nfc: self.nfc,
            forgotten: self.forgotten,
            why_forgotten: self.why_forgotten,
            months: 1,
            ..Request::default()
        }
    }
}

impl Scanned<'_> {
    fn unit(&self) -> u32 {
        self.service.as_ref().and_then(|s| s.unit_minutes).filter(|unit| (1..=DAY).contains(unit)).unwrap_or(1)
    }

    fn hint(&self) -> Option<String> {
        self.card.entitlement.token().hint.clone()
    }

    /// The redemption of `lesson`, with the operator of its start where the end names none.
    fn redemption(&self, lesson: Lesson, begun_by: Option<&String>) -> Request {
        Request {
            day: Some(self.day),
            starts: Some(lesson.start),
            ends: Some(lesson.end),
            operator: self.request.operator.as_ref().or(begun_by).cloned(),
            ..self.request.shown()
        }
    }

    /// The tutor's and the child's lessons of the day that are on record.
    fn given(&self, desk: &Desk<'_>, operator: Option<&str>) -> Result<Vec<GivenLesson>, StoreError> {
        desk.tx().lessons(self.child.0, self.child.1, operator, self.day)
    }
}

/// Begins a lesson, if a first unit of it could be redeemed.
fn start(desk: &Desk<'_>, scanned: Scanned<'_>, chance: &mut Chance) -> Result<LessonAnswer, CounterError> {
    let minute = starts_at(desk, &scanned)?;
    let unit = scanned.unit();
    let first = minute.min(DAY.saturating_sub(unit));
    let lesson = Lesson::new(first, first + unit).ok_or(NotWellFormed::LessonTimeWrong)?;
    let request = scanned.redemption(lesson, None);
    let wanted = match wanted(desk, &request)? {
        Ok(wanted) => wanted,
        Err(refusal) => return Ok(LessonAnswer::Refused(refused(&refusal, &request, desk))),
    };
    if let Err(refusal) = decide_for(desk, &request, wanted, scanned.card.clone())? {
        return Ok(LessonAnswer::Refused(refused(&refusal, &request, desk)));
    }
    let (hint, token) = (scanned.hint(), scanned.card.entitlement.token());
    desk.tx().keep_card(scanned.child.0, token, &scanned.card.bytes)?;
    let office = scanned.card.entitlement.office().clone();
    let started = Started { office, token: token.id, service: scanned.code.clone(), day: scanned.day, minute, handle: token.handle };
    let seq = desk.journal.record(Body::Started(started), chance, desk.clock.now)?.entry.seq;
    desk.tx().index_lesson(&LessonRow {
        seq,
        office: scanned.child.0,
        handle: scanned.child.1,
        service: scanned.code,
        day: scanned.day,
        minute,
        ended_by: None,
        operator: scanned.request.operator.clone(),
        given_up: false,
    })?;
    Ok(LessonAnswer::Started { seq, day: scanned.day, minute, hint })
}

/// The planned start: as typed, with the group that the tutor has just begun, or read off the scan.
fn starts_at(desk: &Desk<'_>, scanned: &Scanned<'_>) -> Result<u32, CounterError> {
    if let Some(typed) = scanned.request.starts {
        if typed > scanned.minute + QUARTER || typed >= DAY {
            return Err(NotWellFormed::NotGivenYet(clock_text(typed)).into());
        }
        return Ok(typed);
    }
    let operator = scanned.request.operator.as_deref();
    if let Some(operator) = operator {
        let begun = desk.tx().lessons_begun_by(operator, &scanned.code, scanned.day)?;
        if let Some(group) = begun.iter().rev().find(|lesson| lesson.minute.abs_diff(scanned.minute) <= SLACK) {
            return Ok(group.minute);
        }
    }
    let given = scanned.given(desk, operator)?;
    let free_from = given.iter().map(|g| g.lesson.end).filter(|end| *end <= scanned.minute).max().unwrap_or(0);
    Ok(planned_start(scanned.minute, free_from))
}

/// Ends a lesson and redeems it, unless not one unit is full.
fn end(desk: &mut Desk<'_>, scanned: Scanned<'_>, open: &LessonRow, chance: &mut Chance) -> Result<LessonAnswer, CounterError> {
    let unit = scanned.unit();
    let began = began(desk, open)?;
    let lesson = match (scanned.request.starts, scanned.request.ends) {
        (None, None) => match with_the_group(desk, &scanned, open, began)? {
            Some(lesson) => Some(lesson),
            None => planned_lesson(open.minute, began, scanned.minute, unit),
        },
        (start, end) => {
            let (start, end) = (start.unwrap_or(open.minute), end.unwrap_or(scanned.minute));
            let lesson = Lesson::new(start, end).ok_or(NotWellFormed::LessonTimeWrong)?;
            if lesson.minutes() < u64::from(unit) {
                return Err(NotWellFormed::LessonTooShort(unit).into());
            }
            Some(lesson)
        }
    };
    match lesson.filter(|lesson| lesson.minutes() >= u64::from(unit)) {
        Some(lesson) => redeem(desk, scanned, lesson, Some(open), chance),
        None => Ok(LessonAnswer::Running {
            minute: open.minute,
            minutes: scanned.minute.saturating_sub(open.minute),
            to_unit: minutes_to_unit(open.minute, began, scanned.minute, unit),
            hint: scanned.hint(),
        }),
    }
}

/// The minute in which the start was scanned, where that is near the planned one; otherwise the start was typed, and counts as it is.
fn began(desk: &Desk<'_>, open: &LessonRow) -> Result<u32, StoreError> {
    let at = desk.tx().entry_time(open.seq)?.filter(|at| CivilDay::of(*at) == open.day);
    Ok(at.map(berlin_minute).filter(|minute| minute.abs_diff(open.minute) <= SLACK).unwrap_or(open.minute))
}

/// The time at which the same group's lesson has just ended for another child: a tutor's group begins and ends at one time.
fn with_the_group(desk: &Desk<'_>, scanned: &Scanned<'_>, open: &LessonRow, began: u32) -> Result<Option<Lesson>, StoreError> {
    let Some(operator) = scanned.request.operator.as_ref().or(open.operator.as_ref()) else { return Ok(None) };
    let was_there = u64::from(scanned.minute.saturating_sub(began) + SLACK);
    let same = |g: &GivenLesson| {
        !g.same_child && g.service == scanned.code && g.lesson.start == open.minute && g.lesson.end.abs_diff(scanned.minute) <= SLACK
    };
    let given = scanned.given(desk, Some(operator))?;
    Ok(given.into_iter().filter(same).map(|g| g.lesson).find(|lesson| lesson.minutes() <= was_there))
}

fn redeem(
    desk: &mut Desk<'_>,
    scanned: Scanned<'_>,
    lesson: Lesson,
    open: Option<&LessonRow>,
    chance: &mut Chance,
) -> Result<LessonAnswer, CounterError> {
    let request = scanned.redemption(lesson, open.and_then(|open| open.operator.as_ref()));
    let wanted = match wanted(desk, &request)? {
        Ok(wanted) => wanted,
        Err(refusal) => return Ok(LessonAnswer::Refused(refused(&refusal, &request, desk))),
    };
    let units = scanned.service.as_ref().and_then(|service| teaching_units(service, lesson)).unwrap_or(0);
    match decide_for(desk, &request, wanted, scanned.card)? {
        Err(refusal) => Ok(LessonAnswer::Refused(refused(&refusal, &request, desk))),
        Ok(decision) => {
            let accepted = redeemed(desk, decision, chance)?;
            if let (Some(open), Some(made)) = (open, accepted.entries.first()) {
                desk.tx().end_lesson(open.seq, made.seq)?;
            }
            people::keep_by_list(desk, &request, &accepted)?;
            Ok(LessonAnswer::Ended { accepted: Box::new(accepted), lesson, units })
        }
    }
}

/// Ends the begun lesson that a redemption completes: it may have been typed in later.
pub(super) fn close(desk: &Desk<'_>, redemption: &Redemption, seq: u64) -> Result<(), StoreError> {
    let Some(lesson) = redemption.lesson else { return Ok(()) };
    let Some(office) = desk.tx().office_number(&redemption.office)? else { return Ok(()) };
    let open = desk.tx().open_lesson(office, redemption.handle, &redemption.service, redemption.day)?;
    let same = |open: &LessonRow| open.minute + SLACK >= lesson.start && open.minute < lesson.end;
    match open.filter(same) {
        Some(open) => desk.tx().end_lesson(open.seq, seq),
        None => Ok(()),
    }
}

/// A look at a lesson names no time: it is about one unit from now on, or about what the running lesson comes to now.
pub(super) fn looked_at(desk: &mut Desk<'_>, request: &Request) -> Result<Request, CounterError> {
    let mut looked = request.clone();
    let named = request.starts.is_some() || request.ends.is_some() || request.held.is_some();
    let service = request.service.as_ref().and_then(|code| desk.offices.service(code));
    let Some((_, service)) = service.filter(|(_, s)| s.benefit == Benefit::Tutoring && !named) else { return Ok(looked) };
    let (code, unit) = (service.code.clone(), service.unit_minutes.unwrap_or(1).clamp(1, DAY));
    let minute = berlin_minute(desk.clock.now);
    let start = planned_start(minute, 0).min(DAY - unit);
    let mut lesson = Lesson::new(start, start + unit);
    if let Ok(card) = card_shown(desk, request)?
        && let Some(child) = child_of(desk, &card)
        && let Some(open) = desk.tx().open_lesson(child.0, child.1, &code, desk.today())?
    {
        let running = planned_lesson(open.minute, began(desk, &open)?, minute, unit);
        let start = open.minute.min(DAY - unit);
        lesson = running.filter(|l| l.minutes() >= u64::from(unit)).or(Lesson::new(start, start + unit));
    }
    (looked.starts, looked.ends) = (lesson.map(|l| l.start), lesson.map(|l| l.end));
    Ok(looked)
}
