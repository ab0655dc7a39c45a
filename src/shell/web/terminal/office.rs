//! The interface toward the offices: claims and answers, how the box is, exchange by network and by stick.

use super::client::ExchangeError;
use super::counter::line_json;
use super::events::News;
use super::{App, Desk, answer, backups, client, said, training};
use crate::shell::door;
use crate::shell::web::problem::Problem;
use crate::terminal::inbound::{CannotTakeIn, TakenIn};
use crate::terminal::outbound::CannotSend;
use crate::terminal::view::Claim;
use crate::words::ids::{OfficeId, TerminalId};
use crate::words::time::UtcMs;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json as value};
use std::time::{Duration, Instant};

/// How long after the last redemption of a rush an exchange is tried.
const AFTER_RUSH: Duration = Duration::from_secs(5);
/// How long at most between two exchanges, in seconds; a third of it is left to chance, so that a town's terminals do not call at once.
const EVERY_SECONDS: u64 = 15 * 60;

#[derive(Debug, Deserialize)]
pub(super) struct OfficeQuery {
    office: Option<String>,
}

pub(super) async fn healthz(State(app): State<App>) -> Result<Response, Problem> {
    app.writer.run(|terminal, _| terminal.is_well(door::now())).await??;
    Ok(answer(StatusCode::OK, value!({"status": "ok"})))
}

pub(super) async fn status(State(app): State<App>, desk: Desk) -> Result<Response, Problem> {
    let status = desk.writer.run(|terminal, _| terminal.status(door::now())).await??;
    let now = door::now();
    let pending: u64 = status.offices.iter().map(|o| o.pending.entries).sum();
    let oldest = status.offices.iter().filter_map(|o| o.pending.oldest).min();
    let heard = |at: UtcMs| (at.0 > 0).then(|| at.rfc3339());
    let offices: Vec<Value> = status
        .offices
        .iter()
        .map(|o| {
            value!({
                "office": o.id, "name": o.name, "admitted": o.admitted, "data_age": o.data_age, "heard_at": heard(o.heard_at),
                "pending": o.pending.entries, "disputed": o.disputed, "continued_by": o.successor,
                "again_in_seconds": app.patience.left(&o.id, Instant::now()),
            })
        })
        .collect();
    let body = value!({
        "terminal": status.terminal,
        "pending": pending,
        "oldest_pending": oldest.map(UtcMs::rfc3339),
        "oldest_pending_seconds": oldest.map(|at| now.since(at) / 1000),
        "offices": offices,
        "held": status.held,
        "clock": {"state": status.clock, "now": now.rfc3339(), "proven_at": status.proven.map(UtcMs::rfc3339)},
        "journal": status.head,
        "restored_at": status.restored.map(UtcMs::rfc3339),
        "backup": backups::in_short(&app, desk.caller.training, now),
    });
    Ok(answer(StatusCode::OK, body))
}

pub(super) async fn batches(desk: Desk) -> Result<Response, Problem> {
    let (id, claims) = desk.writer.run(|terminal, _| (terminal.id(), terminal.claims())).await?;
    Ok(answer(StatusCode::OK, value!({"batches": claims?.iter().map(|c| claim_json(id, c)).collect::<Vec<_>>()})))
}

fn claim_json(terminal: TerminalId, claim: &Claim) -> Value {
    let payments: Vec<Value> = claim
        .payments
        .iter()
        .map(|p| value!({"end_to_end_id": p.end_to_end_id, "execution": p.execution, "share": p.share, "transfer": p.transfer}))
        .collect();
    value!({
        "batch": claim.batch.id,
        "office": claim.office,
        "sealed_at": claim.batch.sealed_at.rfc3339(),
        "first": claim.batch.first,
        "last": claim.batch.head.seq,
        "state": claim.batch.state.name(),
        "reason": claim.batch.reason,
        "lines": claim.lines.iter().map(|line| line_json(terminal, line)).collect::<Vec<_>>(),
        "payments": payments,
    })
}

/// Exchanges with every office now, and says how it went with each.
pub(super) async fn exchange(State(app): State<App>, desk: Desk) -> Result<Response, Problem> {
    if desk.caller.training {
        return Ok(answer(StatusCode::OK, value!({"offices": [training::exchange(&app).await?]})));
    }
    let outcomes = exchange_all(&app).await?;
    let failed = outcomes.iter().any(|(_, outcome)| outcome.as_ref().is_err_and(|error| error.again().is_none()));
    let busy = outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().err()?.again()).max();
    let offices: Vec<Value> = outcomes
        .iter()
        .map(|(office, outcome)| match outcome {
            Ok(taken) => value!(taken),
            Err(error) => value!({"office": office, "error": error.to_string(), "message": said::in_every_language(&said::of_exchange(error))}),
        })
        .collect();
    // An office that is busy is no fault: what is to be sent waits, and goes by itself.
    let status = match busy {
        _ if failed => StatusCode::BAD_GATEWAY,
        Some(_) => StatusCode::ACCEPTED,
        None => StatusCode::OK,
    };
    let mut body = value!({"offices": offices, "again_in_seconds": busy});
    let errors = || outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().err());
    if let Some(error) = errors().find(|error| error.again().is_none()).or_else(|| errors().next()) {
        body["detail"] = error.to_string().into();
        body["message"] = said::in_every_language(&said::of_exchange(error));
    }
    Ok(answer(status, body))
}

async fn exchange_all(app: &App) -> Result<Vec<(OfficeId, Result<TakenIn, ExchangeError>)>, Problem> {
    let _one_at_a_time = app.exchanging.lock().await;
    let offices: Vec<OfficeId> = app.writer.run(|terminal, _| terminal.offices().iter().map(|(o, _)| o.id.clone()).collect()).await?;
    let mut outcomes = Vec::new();
    for office in offices {
        if let Some(seconds) = app.patience.left(&office, Instant::now()) {
            outcomes.push((office, Err(ExchangeError::Busy { seconds })));
            continue;
        }
        let (writer, id) = (app.writer.clone(), office.clone());
        let outcome = tokio::task::spawn_blocking(move || client::exchange(&writer, &id)).await.map_err(|_| Problem::bug())?;
        let outcome = outcome.map_err(|error| match error.again() {
            Some(seconds) => ExchangeError::Busy { seconds: app.patience.wait(office.clone(), seconds, &mut door::os_chance(), Instant::now()) },
            None => error,
        });
        app.metrics.exchanged(&outcome);
        app.heard.notify_one();
        outcomes.push((office, outcome));
    }
    app.events.tell(News::Status);
    Ok(outcomes)
}

/// The envelope for a stick.
pub(super) async fn outbound(desk: Desk, Query(query): Query<OfficeQuery>) -> Result<Response, Problem> {
    training::no_stick(desk.caller)?;
    let made = desk.writer.run(move |terminal, chance| {
        let only = || terminal.offices().iter().map(|(o, _)| o.id.clone()).next();
        let office = match &query.office {
            Some(text) => OfficeId::parse(text),
            None => only(),
        };
        let office = office.ok_or_else(|| {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "for which office? name it: ?office=05562032").saying(&("problem.which_office", None))
        })?;
        let bytes = terminal.outbound(&office, chance, door::now()).map_err(|error| match error {
            CannotSend::NoSuchOffice(_) => Problem::new(StatusCode::NOT_FOUND, error.to_string()).saying(&said::of_sending(&error)),
            CannotSend::Store(store) => store.into(),
            other => Problem::new(StatusCode::CONFLICT, other.to_string()).saying(&said::of_sending(&other)),
        })?;
        Ok::<_, Problem>((office, bytes))
    });
    let (office, bytes) = made.await??;
    let name = format!("attachment; filename=\"claims-{office}.age\"");
    Ok(([(header::CONTENT_TYPE, "application/octet-stream".to_owned()), (header::CONTENT_DISPOSITION, name)], bytes).into_response())
}

/// Takes over the envelope of an office, from a stick.
pub(super) async fn inbound(State(app): State<App>, desk: Desk, body: Result<Bytes, BytesRejection>) -> Result<Response, Problem> {
    training::no_stick(desk.caller)?;
    let bytes = body.map_err(|rejection| {
        let sentence = "this file is too large or broke off: an office's answer has at most 20 MiB";
        Problem::new(rejection.status(), sentence).saying(&("problem.file_too_large", None))
    })?;
    let taken = desk.writer.run(move |terminal, chance| terminal.take_inbound(&bytes, chance, door::now())).await?;
    let taken = taken.map_err(|error| match error {
        CannotTakeIn::Store(store) => store.into(),
        other => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, other.to_string()).saying(&said::of_answer(&other)),
    })?;
    app.events.tell(News::Status);
    Ok(answer(StatusCode::OK, value!(taken)))
}

/// Exchanges every quarter of an hour, soon after the last redemption of a rush, and when an office that was busy may be asked again.
pub(super) async fn now_and_then(app: App) {
    loop {
        let jitter = u64::from(door::os_chance().below(u32::try_from(EVERY_SECONDS / 3).unwrap_or(300)));
        let quarter = tokio::time::sleep(Duration::from_secs(EVERY_SECONDS - jitter));
        tokio::select! {
            () = quarter => {}
            () = app.patience.next() => {}
            () = app.recorded.notified() => {
                while tokio::time::timeout(AFTER_RUSH, app.recorded.notified()).await.is_ok() {}
            }
        }
        match exchange_all(&app).await {
            Ok(outcomes) => outcomes.iter().filter_map(|(_, o)| o.as_ref().err()).for_each(|sentence| tracing::warn!("{sentence}")),
            Err(problem) => tracing::warn!("{}", problem.detail),
        }
    }
}
