//! The interface at the counter: redeem, check, hold, cancel, look at a day.

use super::session::Role;
use super::shape::{AliasBody, CancellationBody, HeldBody, RedemptionBody, entry_id, held_json, read_entry_id, read_pickup_id};
use super::writer::{NotDone, NotKept};
use super::{App, Desk, answer, json, said, shape, training};
use crate::admit::trust::TrustList;
use crate::book::cancel::CannotCancel;
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{DayLine, PickupLine};
use crate::shell::web::problem::Problem;
use crate::terminal::correct::{CancelError, WHY_CANCELLED};
use crate::terminal::counter::{Accepted, Answer, CounterError};
use crate::terminal::held::OpenHeld;
use crate::terminal::{Office, Terminal};
use crate::words::civil::CivilDay;
use crate::words::ids::TerminalId;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json as value};

type Body = Result<Bytes, BytesRejection>;

impl From<NotDone> for Problem {
    fn from(_: NotDone) -> Self {
        Self::bug()
    }
}

impl From<NotKept> for Problem {
    fn from(error: NotKept) -> Self {
        match error {
            NotKept::NotDone(not_done) => not_done.into(),
            NotKept::Store(error) => {
                tracing::error!(%error, "storage failed");
                Self::storage_failed(error.to_string())
            }
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "storage failed");
        Self::storage_failed(error.to_string())
    }
}

impl From<CannotCancel> for Problem {
    fn from(error: CannotCancel) -> Self {
        let status = match error {
            CannotCancel::NoSuchRedemption => StatusCode::NOT_FOUND,
            CannotCancel::CancelledBefore { .. } => StatusCode::CONFLICT,
        };
        Self::new(status, error.to_string()).saying(&said::of_cancelling(&error))
    }
}

impl From<CancelError> for Problem {
    fn from(error: CancelError) -> Self {
        match error {
            CancelError::CannotCancel(why) => why.into(),
            CancelError::TooLate => {
                let late = Self { role: Some(Role::Correct.name()), ..Self::new(StatusCode::FORBIDDEN, error.to_string()) };
                late.saying(&("problem.too_late", None))
            }
            CancelError::Store(store) => store.into(),
        }
    }
}

pub(super) async fn redeem(State(app): State<App>, desk: Desk, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let request = json::<RedemptionBody>(&headers, body)?.request()?;
    if let Some(refused) = training::refused_here(Some(&request.code), desk.caller.training) {
        return Ok(refused);
    }
    let (code, training) = (request.code.clone(), desk.caller.training);
    let done = desk.writer.run_together(move |terminal, chance| {
        let outcome = terminal.redeem(&request, chance, door::now());
        (terminal.id(), name_of(terminal, &outcome), outcome)
    });
    let (id, name, outcome) = done.await?;
    if !training {
        app.metrics.counted(&outcome);
    }
    let outcome = outcome?;
    if matches!(outcome, Answer::Accepted(_)) {
        training::recorded(&app, desk.caller);
    }
    let (status, body) = shape::named_answer(id, &outcome, name.as_deref());
    Ok(answer(status, training::explained(body, &code, training)))
}

/// The name of whom an answer is about, where the lists here know it. A name that cannot be read spoils no answer.
fn name_of(terminal: &mut Terminal, outcome: &Result<Answer, CounterError>) -> Option<String> {
    let Ok(Answer::Accepted(Accepted { person: Some(person), .. })) = outcome else { return None };
    terminal.person_name(*person).ok().flatten()
}

pub(super) async fn check(desk: Desk, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let request = json::<RedemptionBody>(&headers, body)?.request()?;
    if let Some(refused) = training::refused_here(Some(&request.code), desk.caller.training) {
        return Ok(refused);
    }
    let code = request.code.clone();
    let done = desk.writer.run(move |terminal, _| {
        let outcome = terminal.check(&request, door::now());
        (terminal.id(), name_of(terminal, &outcome), outcome)
    });
    let (id, name, outcome) = done.await?;
    let (status, body) = shape::named_answer(id, &outcome?, name.as_deref());
    Ok(answer(status, training::explained(body, &code, desk.caller.training)))
}

pub(super) async fn hold(desk: Desk, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let request = json::<HeldBody>(&headers, body)?.request();
    if let Some(refused) = training::refused_here(request.code.as_deref(), desk.caller.training) {
        return Ok(refused);
    }
    let (id, held) = desk.writer.run(move |terminal, chance| (terminal.id(), terminal.hold(&request, chance, door::now()))).await?;
    Ok(answer(StatusCode::CREATED, held_json(id, &held?)))
}

pub(super) async fn open_held(desk: Desk) -> Result<Response, Problem> {
    let (id, held) = desk.writer.run(|terminal, _| (terminal.id(), terminal.open_held())).await?;
    Ok(answer(StatusCode::OK, value!({"held": held?.iter().map(|h| open_held_json(id, h)).collect::<Vec<_>>()})))
}

pub(super) async fn name_held(desk: Desk, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let AliasBody { alias } = json(&headers, body)?;
    let named = desk.writer.run(move |terminal, _| {
        let seq = read_entry_id(terminal.id(), &id)
            .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "there is no such held entry here").saying(&("problem.no_such_held", None)))?;
        Ok::<_, Problem>(held_json(terminal.id(), &terminal.name_held(seq, &alias, door::now())?))
    });
    Ok(answer(StatusCode::OK, named.await??))
}

pub(super) async fn cancel(State(app): State<App>, desk: Desk, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let CancellationBody { reason } = json(&headers, body)?;
    if let Some(pickup) = read_pickup_id(&id) {
        return cancel_pickup(desk, pickup).await;
    }
    let corrects = desk.caller.role >= Some(Role::Correct);
    let done = desk.writer.run(move |terminal, chance| {
        let seq = read_entry_id(terminal.id(), &id).ok_or(CancelError::from(CannotCancel::NoSuchRedemption))?;
        if !WHY_CANCELLED.contains(&reason.as_str()) {
            let sentence = format!("“{reason}” is not a reason to cancel: name one of {}", WHY_CANCELLED.join(", "));
            return Err(shape::unfit(&sentence));
        }
        let now = door::now();
        let cancelled = if corrects { terminal.cancel(seq, reason, chance, now)? } else { terminal.undo(seq, reason, chance, now)? };
        Ok((terminal.id(), cancelled))
    });
    let (terminal, cancelled) = done.await??;
    training::recorded(&app, desk.caller);
    let status = if cancelled.before { StatusCode::OK } else { StatusCode::CREATED };
    let body = value!({
        "verdict": "cancelled", "id": entry_id(terminal, cancelled.seq), "seq": cancelled.seq, "cancelled_by": cancelled.by,
    });
    Ok(answer(status, body))
}

/// Takes back what somebody took who pays for themselves, under the rule of all others.
async fn cancel_pickup(desk: Desk, pickup: u64) -> Result<Response, Problem> {
    let corrects = desk.caller.role >= Some(Role::Correct);
    let done =
        desk.writer.run(
            move |terminal, _| {
                if corrects { terminal.cancel_pickup(pickup).map_err(CancelError::from) } else { terminal.undo_pickup(pickup, door::now()) }
            },
        );
    let before = done.await??;
    let before = before.ok_or_else(|| Problem::from(CannotCancel::NoSuchRedemption))?;
    let status = if before { StatusCode::OK } else { StatusCode::CREATED };
    Ok(answer(status, value!({"verdict": "cancelled", "id": shape::pickup_id(pickup)})))
}

pub(super) async fn day(desk: Desk, Path(date): Path<String>) -> Result<Response, Problem> {
    let on = read_day(&date)?;
    let (id, day) = desk.writer.run(move |terminal, _| (terminal.id(), terminal.day(on))).await?;
    let day = day?;
    let body = value!({
        "date": day.day,
        "closed": !day.closings.is_empty(),
        "closed_at": day.closings.last().map(|closing| closing.at.rfc3339()),
        "changed_since": day.changed_since,
        "running": day.running,
        "count": day.count,
        "cents": day.cents,
        "served": day.served,
        "pickups": day.pickups.iter().map(pickup_json).collect::<Vec<_>>(),
        "entries": day.lines.iter().map(|line| line_json(id, line)).collect::<Vec<_>>(),
        "held": day.held.iter().map(|held| open_held_json(id, held)).collect::<Vec<_>>(),
    });
    Ok(answer(StatusCode::OK, body))
}

pub(super) async fn close_day(desk: Desk, Path(date): Path<String>) -> Result<Response, Problem> {
    let on = read_day(&date)?;
    if on > CivilDay::of(door::now()) {
        let ahead = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{on} lies ahead: only a day that has begun can be closed"));
        return Err(ahead.saying(&("problem.lies_ahead", Some(("day", said::Blank::Day(on))))));
    }
    let (closing, before) = desk.writer.run(move |terminal, chance| terminal.close_day(on, chance, door::now())).await??;
    let status = if before { StatusCode::OK } else { StatusCode::CREATED };
    Ok(answer(status, value!({"date": on, "seq": closing.seq, "closed_at": closing.at.rfc3339()})))
}

pub(super) async fn services(desk: Desk) -> Result<Response, Problem> {
    let services = desk.writer.run(|terminal, _| {
        let list = |(office, trust): (&Office, &TrustList)| -> Vec<Value> {
            let services = office.credential.iter().flat_map(|c| &c.services);
            services.map(|s| service_json(s, office, trust)).collect()
        };
        terminal.offices().iter().flat_map(list).collect::<Vec<_>>()
    });
    Ok(answer(StatusCode::OK, value!({"services": services.await?})))
}

fn service_json(service: &crate::words::service::Service, office: &Office, trust: &TrustList) -> Value {
    let mut body = value!(service);
    body["office"] = value!({"id": office.id, "name": trust.office_name});
    body
}

fn read_day(text: &str) -> Result<CivilDay, Problem> {
    let today = || CivilDay::of(door::now());
    let day = if text == "today" { Some(today()) } else { CivilDay::parse(text) };
    day.ok_or_else(|| shape::unfit(&format!("“{text}” is not a date: write it as 2026-11-23")))
}

/// One redemption as a list shows it.
pub(super) fn line_json(terminal: TerminalId, line: &DayLine) -> Value {
    let mut body = value!({
        "id": entry_id(terminal, line.seq),
        "seq": line.seq,
        "at": line.at.rfc3339(),
        "benefit": line.benefit,
        "service": line.service,
        "service_date": line.day,
        "units": line.units,
        "cents": line.cents,
        "hint": line.hint,
        "cancelled_by": line.cancelled_by,
    });
    if let Some(person) = &line.person {
        body["person"] = value!({"id": person.id, "name": person.name});
    }
    if let Some(advised) = &line.advised {
        body["answer"] = value!({"verdict": advised.verdict, "cents": advised.cents, "reason": advised.reason});
    }
    body
}

/// What somebody took who pays for themselves, as a list shows it.
fn pickup_json(line: &PickupLine) -> Value {
    value!({
        "id": shape::pickup_id(line.id), "at": line.at.rfc3339(), "service": line.service, "cancelled": line.cancelled,
        "person": {"id": line.person, "name": line.name},
    })
}

fn open_held_json(terminal: TerminalId, held: &OpenHeld) -> Value {
    let mut body = held_json(terminal, &held.held);
    body["at"] = held.at.rfc3339().into();
    body["reason"] = held.why.as_str().into();
    body
}
