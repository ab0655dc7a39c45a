//! Days and months: their pages, and what came back from an office: agree to it, or correct it and claim it again.

use super::session::Role;
use super::shape::{self, entry_id, read_entry_id, read_time, refused_json, unfit};
use super::{App, Desk, Door, Route, answer, brief, json, pages, training};
use crate::shell::door;
use crate::shell::web::problem::Problem;
use crate::terminal::correct::{Corrected, Correction};
use crate::terminal::counter::Answer;
use crate::terminal::returned::CannotAccept;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json as value;

/// The routes of days and months.
pub(super) fn routes() -> Vec<Route> {
    const SCAN: Door = Door::Role(Role::Scan);
    const CORRECT: Door = Door::Role(Role::Correct);
    vec![
        ("get", "/day", SCAN, brief(get(pages::day::show))),
        ("get", "/expiring", SCAN, brief(get(pages::expiring::show))),
        ("get", "/expiring/slip", SCAN, brief(get(pages::expiring::slip))),
        ("get", "/month", CORRECT, brief(get(pages::month::show))),
        ("get", "/month/print", CORRECT, brief(get(pages::month::print))),
        ("get", "/month/lines.csv", CORRECT, brief(get(pages::month_file::show))),
        ("post", "/api/v1/redemptions/{id}/correction", CORRECT, brief(post(correct))),
        ("post", "/api/v1/redemptions/{id}/acceptance", CORRECT, brief(post(accept))),
    ]
}

/// How a redemption should be; what is not named stays as it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CorrectionBody {
    ask: String,
    service: Option<Code>,
    service_date: Option<CivilDay>,
    cents: Option<Cents>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    months: Option<u32>,
}

impl CorrectionBody {
    fn of(self, seq: u64) -> Result<Correction, Problem> {
        let (start_day, starts) = read_time("starts_at", self.starts_at.as_deref())?;
        let (end_day, ends) = read_time("ends_at", self.ends_at.as_deref())?;
        let named: Vec<CivilDay> = [self.service_date, start_day, end_day].into_iter().flatten().collect();
        if named.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(unfit("service_date, starts_at and ends_at name different days: a lesson lies within one day"));
        }
        if self.months == Some(0) {
            return Err(unfit("months counts from 1"));
        }
        let (day, months) = (named.first().copied(), self.months.unwrap_or(1));
        Ok(Correction { ask: Some(self.ask), seq, service: self.service, day, cents: self.cents, starts, ends, months })
    }
}

impl From<CannotAccept> for Problem {
    fn from(error: CannotAccept) -> Self {
        match error {
            CannotAccept::NoSuchRedemption => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            CannotAccept::NothingReturned => Self::new(StatusCode::CONFLICT, error.to_string()),
            CannotAccept::Store(store) => store.into(),
        }
    }
}

pub(super) async fn accept(desk: Desk, Path(id): Path<String>) -> Result<Response, Problem> {
    let done = desk.writer.run(move |terminal, _| {
        let seq = read_entry_id(terminal.id(), &id).ok_or(CannotAccept::NoSuchRedemption)?;
        terminal.accept_answer(seq, door::now()).map(|()| seq)
    });
    let seq = done.await??;
    Ok(answer(StatusCode::OK, value!({"verdict": "agreed", "seq": seq})))
}

/// Cancels a redemption and records it as it should be, both or neither.
pub(super) async fn correct(
    State(app): State<App>,
    desk: Desk,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body: CorrectionBody = json(&headers, body)?;
    let done = desk.writer.run(move |terminal, chance| {
        let seq = read_entry_id(terminal.id(), &id).ok_or(CannotAccept::NoSuchRedemption)?;
        let correction = body.of(seq)?;
        Ok::<_, Problem>((terminal.id(), terminal.correct(&correction, chance, door::now())?))
    });
    let (terminal, corrected) = done.await??;
    match corrected {
        Corrected::Done { cancelled, accepted } => {
            training::recorded(&app, desk.caller);
            let (status, mut body) = shape::answer(terminal, &Answer::Accepted(accepted));
            body["cancelled"] = value!({"id": entry_id(terminal, cancelled.seq), "seq": cancelled.seq, "cancelled_by": cancelled.by});
            Ok(answer(status, body))
        }
        Corrected::Refused { refused } => Ok(answer(StatusCode::OK, refused_json(&refused))),
        Corrected::CancelledBefore { by } => {
            let sentence = format!("it was cancelled before, by entry {by}: there is nothing to correct");
            Err(Problem::new(StatusCode::CONFLICT, sentence).saying(&("problem.cancelled_before", None)))
        }
        Corrected::NoSuchRedemption => Err(CannotAccept::NoSuchRedemption.into()),
    }
}
