//! Group booking over HTTP: many people of the lists, one confirmation.

use super::shape::{named_answer, read_time, unfit};
use super::{App, Desk, answer, json, training};
use crate::shell::door;
use crate::shell::web::problem::Problem;
use crate::terminal::counter::{Answer, Request};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json as value;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupBody {
    ask: String,
    service: Code,
    service_date: Option<CivilDay>,
    cents: Option<Cents>,
    months: Option<u32>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    charge: Option<Code>,
    people: Vec<u64>,
    #[serde(default)]
    hold_rest: bool,
}

/// Records the same for many. The same request again gets the same answer.
pub(super) async fn book(State(app): State<App>, desk: Desk, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Response, Problem> {
    let body: GroupBody = json(&headers, body)?;
    let (_, starts) = read_time("starts_at", body.starts_at.as_deref())?;
    let (_, ends) = read_time("ends_at", body.ends_at.as_deref())?;
    if body.months == Some(0) {
        return Err(unfit("months counts from 1"));
    }
    let request = Request {
        ask: Some(body.ask),
        service: Some(body.service),
        day: body.service_date,
        cents: body.cents,
        starts,
        ends,
        charge: body.charge,
        months: body.months.unwrap_or(1),
        hold_rest: body.hold_rest,
        ..Request::default()
    };
    let people = body.people;
    let done = desk.writer.run(move |terminal, chance| (terminal.id(), terminal.redeem_group(&request, &people, chance, door::now())));
    let (id, members) = done.await?;
    let members = members?;
    let accepted = members.iter().filter(|member| matches!(member.answer, Answer::Accepted(_))).count();
    if accepted > 0 {
        training::recorded(&app, desk.caller);
    }
    let results = members.iter().map(|member| {
        let (_, mut body) = named_answer(id, &member.answer, None);
        body["person"] = value!({"id": member.person, "name": member.name});
        body
    });
    let results: Vec<_> = results.collect();
    Ok(answer(StatusCode::OK, value!({"accepted": accepted, "refused": results.len() - accepted, "results": results})))
}
