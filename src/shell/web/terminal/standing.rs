//! What is claimed every month, over HTTP: registered, ended, with days of absence.

use super::session::Role;
use super::shape::{entry_id, refused_json, unfit};
use super::{App, Desk, Door, Route, answer, brief, json, pages, said, training};
use crate::shell::door;
use crate::shell::web::problem::Problem;
use crate::terminal::counter::{CounterError, NotWellFormed};
use crate::terminal::standing::{MonthState, MonthView, StandingAnswer, StandingRequest, StandingView};
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
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

/// How many months the interface lists.
const MONTHS: u32 = 13;

/// The routes of monthly registrations.
pub(super) fn routes() -> Vec<Route> {
    vec![
        ("get", "/standing", Door::Role(Role::Correct), brief(get(pages::standing::show))),
        ("get", "/api/v1/standing.csv", Door::Role(Role::Correct), brief(get(pages::standing::csv))),
        ("get", "/api/v1/standing", Door::Role(Role::Scan), brief(get(list))),
        ("post", "/api/v1/standing", Door::Role(Role::Scan), brief(post(register))),
        ("post", "/api/v1/standing/{id}/end", Door::Role(Role::Correct), brief(post(end))),
        ("post", "/api/v1/standing/{id}/absences", Door::Role(Role::Scan), brief(post(absence))),
    ]
}

type Body = Result<Bytes, BytesRejection>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StandingBody {
    code: String,
    service: Code,
    cents: Option<Cents>,
    from_month: Option<String>,
    ask: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndBody {
    last_month: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AbsenceBody {
    day: CivilDay,
    away: bool,
}

fn month(text: Option<String>) -> Result<Option<CivilMonth>, Problem> {
    let read = |text: String| CivilMonth::parse(&text).ok_or_else(|| unfit("this is not a month: write it as 2026-11"));
    text.map(read).transpose()
}

pub(super) async fn register(State(app): State<App>, desk: Desk, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let StandingBody { code, service, cents, from_month, ask } = json(&headers, body)?;
    let request = StandingRequest { ask, code, service, cents, from: month(from_month)? };
    let registered = desk.writer.run(move |terminal, chance| terminal.register_standing(&request, chance, door::now())).await??;
    Ok(match registered {
        StandingAnswer::Refused(refused) => answer(StatusCode::OK, refused_json(&refused)),
        StandingAnswer::Registered { id, hint, before } => {
            // What is due already is claimed at once.
            let due = desk.writer.run(move |terminal, chance| terminal.claim_standing_after(id - 1, chance, door::now())).await?;
            match due {
                Ok((claimed, _)) if claimed.is_empty() => {}
                Ok(_) => training::recorded(&app, desk.caller),
                Err(error) => tracing::warn!(%error, "nothing was claimed: it is tried again"),
            }
            let status = if before { StatusCode::OK } else { StatusCode::CREATED };
            answer(status, value!({"verdict": "registered", "id": id, "hint": hint, "before": before}))
        }
    })
}

pub(super) async fn list(desk: Desk) -> Result<Response, Problem> {
    let (id, views) = desk.writer.run(|terminal, _| (terminal.id(), terminal.standing(MONTHS, door::now()))).await?;
    Ok(answer(StatusCode::OK, value!({"standing": views?.iter().map(|view| view_json(id, view)).collect::<Vec<_>>()})))
}

fn view_json(id: TerminalId, view: &StandingView) -> Value {
    value!({
        "id": view.row.id,
        "service": view.row.service,
        "flat": view.is_flat(),
        "cents": view.row.cents,
        "name": view.row.name,
        "hint": view.hint,
        "valid_to": view.valid_to,
        "first_month": view.row.first,
        "last_month": view.row.last,
        "months": view.months.iter().map(|month| month_json(id, month)).collect::<Vec<_>>(),
    })
}

fn month_json(id: TerminalId, month: &MonthView) -> Value {
    let mut body = value!({"month": month.month, "state": month.state.name(), "away": month.away});
    if let MonthState::Refused(reason) = &month.state {
        body["reason"] = reason.as_str().into();
    }
    let Some(known) = &month.known else { return body };
    if let Some(seq) = known.seq {
        body["id"] = entry_id(id, seq).into();
        body["seq"] = seq.into();
        body["cents"] = value!(known.cents);
    }
    if let Some(advised) = &known.advised {
        body["answer"] = value!({"verdict": advised.verdict, "cents": advised.cents, "reason": advised.reason});
    }
    body
}

pub(super) async fn end(desk: Desk, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let EndBody { last_month } = json(&headers, body)?;
    let (id, last) = (read_id(&id)?, month(last_month)?);
    known(desk.writer.run(move |terminal, _| terminal.end_standing(id, last, door::now())).await?)?;
    Ok(answer(StatusCode::OK, value!({"id": id, "last_month": last})))
}

pub(super) async fn absence(State(app): State<App>, desk: Desk, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let AbsenceBody { day, away } = json(&headers, body)?;
    let id = read_id(&id)?;
    known(desk.writer.run(move |terminal, _| terminal.mark_away(id, day, away, door::now())).await?)?;
    app.heard.notify_one();
    Ok(answer(StatusCode::OK, value!({"id": id, "day": day, "away": away})))
}

fn read_id(text: &str) -> Result<i64, Problem> {
    text.parse().map_err(|_| Problem::new(StatusCode::NOT_FOUND, "there is no such monthly registration").saying(&("problem.no_such_standing", None)))
}

fn known(done: Result<(), CounterError>) -> Result<(), Problem> {
    done.map_err(|error| match error {
        CounterError::NotWellFormed(ref why @ NotWellFormed::NoSuchStanding(_)) => {
            Problem::new(StatusCode::NOT_FOUND, error.to_string()).saying(&said::of_request(why))
        }
        other => other.into(),
    })
}
