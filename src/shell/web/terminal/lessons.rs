//! Lessons over HTTP: the scan at their start and end, and those that nobody has ended.

use super::session::Role;
use super::shape::{accepted_json, entry_id, read_entry_id, read_moment, read_time, refused_json, shown_by, unfit};
use super::{App, Desk, Door, Route, answer, brief, json, said, training};
use crate::shell::door;
use crate::shell::web::problem::Problem;
use crate::terminal::counter::{Accepted, CounterError, NotWellFormed};
use crate::terminal::lessons::{LessonAnswer, LessonRequest, OpenLesson};
use crate::terminal::people::Forgotten;
use crate::words::civil::{CivilDay, clock_text};
use crate::words::code::Code;
use crate::words::ids::TerminalId;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json as value};

/// The routes of lessons.
pub(super) fn routes() -> Vec<Route> {
    vec![
        ("get", "/api/v1/lessons", Door::Role(Role::Scan), brief(get(open))),
        ("post", "/api/v1/lessons", Door::Role(Role::Scan), brief(post(scan))),
        ("post", "/api/v1/lessons/{id}/discarding", Door::Role(Role::Scan), brief(post(discard))),
    ]
}

/// A scan for a lesson.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LessonBody {
    code: Option<String>,
    scanned_at: Option<String>,
    person: Option<u64>,
    service: Code,
    ask: Option<String>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    operator: Option<String>,
    #[serde(default)]
    nfc: bool,
    #[serde(default)]
    forgotten: bool,
    why_forgotten: Option<Forgotten>,
}

impl LessonBody {
    fn request(self, today: CivilDay) -> Result<LessonRequest, Problem> {
        let (start_day, starts) = read_time("starts_at", self.starts_at.as_deref())?;
        let (end_day, ends) = read_time("ends_at", self.ends_at.as_deref())?;
        if [start_day, end_day].into_iter().flatten().any(|day| day != today) {
            return Err(unfit("a scan begins or ends a lesson of today: for another day use /api/v1/redemptions with service_date"));
        }
        shown_by(self.code.as_deref(), self.person, self.forgotten)?;
        Ok(LessonRequest {
            ask: self.ask,
            code: self.code.unwrap_or_default(),
            scanned: read_moment(self.scanned_at.as_deref())?,
            person: self.person,
            nfc: self.nfc,
            forgotten: self.forgotten,
            why_forgotten: self.why_forgotten,
            service: Some(self.service),
            starts,
            ends,
            operator: self.operator,
        })
    }
}

pub(super) async fn scan(State(app): State<App>, desk: Desk, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Response, Problem> {
    let now = door::now();
    let request = json::<LessonBody>(&headers, body)?.request(CivilDay::of(now))?;
    if let Some(refused) = training::refused_here(Some(&request.code), desk.caller.training) {
        return Ok(refused);
    }
    let code = request.code.clone();
    let done = desk.writer.run(move |terminal, chance| {
        let scanned = terminal.lesson(&request, chance, now);
        let person = scanned.as_ref().ok().and_then(recorded).and_then(|accepted| accepted.person);
        let name = person.and_then(|person| terminal.person_name(person).ok().flatten());
        (terminal.id(), name, scanned)
    });
    let (id, name, scanned) = done.await?;
    let scanned = scanned?;
    let recorded = recorded(&scanned);
    if recorded.is_some() {
        training::recorded(&app, desk.caller);
    }
    let (status, mut body) = lesson_json(id, &scanned);
    if let (Some(person), Some(name)) = (recorded.and_then(|accepted| accepted.person), name) {
        body["person"] = value!({"id": person, "name": name});
    }
    Ok(answer(status, training::explained(body, &code, desk.caller.training)))
}

/// What such a scan has recorded, where it did.
fn recorded(scanned: &LessonAnswer) -> Option<&Accepted> {
    match scanned {
        LessonAnswer::Ended { accepted, .. } | LessonAnswer::Taken(accepted) => Some(accepted),
        _ => None,
    }
}

fn lesson_json(id: TerminalId, scanned: &LessonAnswer) -> (StatusCode, Value) {
    match scanned {
        LessonAnswer::Refused(refused) => (StatusCode::OK, refused_json(refused)),
        LessonAnswer::Taken(accepted) => (StatusCode::CREATED, accepted_json(id, accepted)),
        LessonAnswer::Started { seq, day, minute, hint } => {
            let body = value!({
                "verdict": "started", "id": entry_id(id, *seq), "seq": seq, "service_date": day, "starts_at": clock_text(*minute), "hint": hint,
            });
            (StatusCode::CREATED, body)
        }
        LessonAnswer::Running { minute, minutes, to_unit, hint } => {
            let body = value!({
                "verdict": "running", "starts_at": clock_text(*minute), "minutes": minutes, "minutes_to_unit": to_unit, "hint": hint,
            });
            (StatusCode::OK, body)
        }
        LessonAnswer::Ended { accepted, lesson, units } => {
            let mut body = accepted_json(id, accepted);
            body["starts_at"] = clock_text(lesson.start).into();
            body["ends_at"] = clock_text(lesson.end).into();
            body["units"] = (*units).into();
            (StatusCode::CREATED, body)
        }
    }
}

pub(super) async fn open(desk: Desk) -> Result<Response, Problem> {
    let (id, open) = desk.writer.run(|terminal, _| (terminal.id(), terminal.open_lessons(door::now()))).await?;
    Ok(answer(StatusCode::OK, value!({"lessons": open?.iter().map(|lesson| open_json(id, lesson)).collect::<Vec<_>>()})))
}

fn open_json(id: TerminalId, lesson: &OpenLesson) -> Value {
    value!({
        "id": entry_id(id, lesson.seq),
        "seq": lesson.seq,
        "service": lesson.service,
        "service_date": lesson.day,
        "starts_at": clock_text(lesson.minute),
        "hint": lesson.hint,
        "number": lesson.number.map(|number| number.to_string()),
        "operator": lesson.operator,
        "not_ended": lesson.not_ended,
    })
}

pub(super) async fn discard(desk: Desk, Path(id): Path<String>) -> Result<Response, Problem> {
    let done = desk.writer.run(move |terminal, _| {
        let seq = read_entry_id(terminal.id(), &id).ok_or_else(|| NotWellFormed::NoSuchLesson(id.chars().take(60).collect()))?;
        terminal.give_up_lesson(seq, door::now())
    });
    match done.await? {
        Ok(()) => Ok(answer(StatusCode::OK, value!({"verdict": "discarded"}))),
        Err(CounterError::NotWellFormed(error @ NotWellFormed::NoSuchLesson(_))) => {
            Err(Problem::new(StatusCode::NOT_FOUND, error.to_string()).saying(&said::of_request(&error)))
        }
        Err(error) => Err(error.into()),
    }
}
