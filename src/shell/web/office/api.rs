//! Interfaces for programs: the terminals' exchange and enrolment, JSON, health and metrics.

use super::answer::Refusal;
use super::caller::Caller;
use super::doors::Door;
use super::figures;
use super::gate::{Place, SMALL, Size, come_again};
use super::login::SignedIn;
use super::rates::{self, Rate, Rates};
use super::{Desk, MAX_ENROLMENT, MAX_EXCHANGE, doors, ready};
use crate::office::{Office, Role, Roles};
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::office::{desk, views};
use crate::shell::web::pace::TooSlow;
use crate::shell::web::problem::Problem;
use crate::words::ids::BatchId;
use axum::body::BodyDataStream;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Instant;

/// The description of these interfaces, written by hand (docs/adr/0004).
const OPENAPI: &str = include_str!("../../../../templates/openapi.office.json");
/// The most rows of a list answered at once.
const MAX_ROWS: u64 = 5_000;

type Route = (&'static str, &'static str, MethodRouter<Desk>);

/// Open to terminals, which have neither cookie nor page: nothing here relies on who sends it, only on what is signed.
fn open_routes() -> Vec<Route> {
    vec![
        ("post", "/api/v1/exchange", post(exchange)),
        ("post", "/api/v1/enrolments", post(enrol)),
        ("get", "/healthz", get(health)),
        ("get", "/readyz", get(ready::show)),
    ]
}

/// For those with the interface's key or a clerk's session; the description is for all.
fn kept_routes() -> Vec<Route> {
    vec![
        ("get", "/api/v1/batches", get(list_batches)),
        ("get", "/api/v1/batches/{id}", get(show_batch)),
        ("get", "/api/v1/statistics", get(statistics)),
        ("get", "/metrics", get(metrics)),
        ("get", "/openapi.json", get(openapi)),
    ]
}

/// Method and path of every interface, to be held against its description.
pub fn interfaces() -> Vec<(&'static str, &'static str)> {
    open_routes().into_iter().chain(kept_routes()).map(|(method, path, _)| (method, path)).collect()
}

/// The interfaces' routes.
pub fn routes(desk: &Desk) -> Router<Desk> {
    let join = |routes: Vec<Route>| routes.into_iter().fold(Router::new(), |router, (_, path, method)| router.route(path, method));
    let kept = join(kept_routes()).layer(axum::middleware::from_fn_with_state(desk.clone(), doors::interfaces));
    join(open_routes()).merge(kept)
}

/// Somebody who may read: a program with the key, or a clerk with these roles.
struct Reader(Option<Roles>);

impl Reader {
    /// Refuses a clerk whom this door does not open to: what pages keep closed is closed here too.
    fn at(&self, door: Door) -> Result<(), Refusal> {
        if self.0.as_ref().is_none_or(|roles| door.opens_to(roles)) {
            return Ok(());
        }
        Err(Refusal::new(StatusCode::FORBIDDEN, "your account has none of the roles that may read this"))
    }
}

impl FromRequestParts<Desk> for Reader {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Refusal> {
        let bearer = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
        if bearer.is_some_and(|key| desk.0.guard.is_key(key)) {
            return Ok(Self(None));
        }
        match SignedIn::of(desk, &Caller::of(&parts.extensions, &parts.headers), &parts.headers, door::now()).await {
            Ok(Some(clerk)) => return Ok(Self(Some(clerk.roles))),
            Ok(None) => {}
            Err(_) => return Err(Problem::bug().into()),
        }
        Err(Refusal::new(StatusCode::UNAUTHORIZED, "show the key from the file api-token: Authorization: Bearer KEY"))
    }
}

/// How many bytes the request says that it brings.
fn announced(request: &Request) -> Option<usize> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("this is larger than the {limit} bytes that are taken: send it in parts"))
}

/// Why a body broke off, as far as its sender can do something about it.
fn broken_off(why: &(dyn std::error::Error + 'static)) -> Refusal {
    let slow = std::iter::successors(Some(why), |cause| cause.source()).find_map(|cause| cause.downcast_ref::<TooSlow>());
    match slow {
        Some(slow) => Refusal::new(StatusCode::REQUEST_TIMEOUT, slow.to_string()),
        None => Refusal::new(StatusCode::BAD_REQUEST, "the line broke before everything had arrived: send it again"),
    }
}

/// Reads on until the body has ended or is longer than `limit`; whether it has ended.
async fn read_on(body: &mut BodyDataStream, read: &mut Vec<u8>, limit: usize) -> Result<bool, Refusal> {
    while read.len() <= limit {
        match body.next().await {
            None => return Ok(true),
            Some(Ok(bytes)) => read.extend_from_slice(&bytes),
            Some(Err(why)) => return Err(broken_off(&why)),
        }
    }
    Ok(false)
}

async fn body(request: Request, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut read = Vec::new();
    if announced(&request).is_some_and(|length| length > limit) || !read_on(&mut request.into_body().into_data_stream(), &mut read, limit).await? {
        return Err(too_large(limit));
    }
    Ok(read)
}

/// An exchange's envelope, and its place. Nobody holds a place who sends drop by drop: it is taken when a small one is there, and of a large
/// one as much.
async fn envelope(desk: &Desk, request: Request) -> Result<(Vec<u8>, Place), Refusal> {
    let caller = Caller::of(request.extensions(), request.headers());
    if announced(&request).is_some_and(|length| length > MAX_EXCHANGE) {
        return Err(too_large(MAX_EXCHANGE));
    }
    let (mut read, mut body) = (Vec::new(), request.into_body().into_data_stream());
    if read_on(&mut body, &mut read, SMALL).await? {
        return Ok((read, desk.0.gate.enter(Size::Small, &caller)?));
    }
    let place = desk.0.gate.enter(Size::Large, &caller)?;
    if read_on(&mut body, &mut read, MAX_EXCHANGE).await? { Ok((read, place)) } else { Err(too_large(MAX_EXCHANGE)) }
}

/// Refuses who asks more often than there is reason to.
fn not_too_often(rates: &Rates, rate: Rate, request: &Request) -> Result<(), Refusal> {
    let caller = Caller::of(request.extensions(), request.headers());
    rates.take(rate, &caller, door::now()).map_err(|seconds| come_again(StatusCode::TOO_MANY_REQUESTS, "this address asks too often", seconds))
}

async fn exchange(State(desk): State<Desk>, request: Request) -> Result<Response, Refusal> {
    let arrived = async {
        not_too_often(&desk.0.asked, rates::EXCHANGES, &request)?;
        envelope(&desk, request).await
    };
    let arrived = arrived.await;
    let begun = Instant::now();
    let outcome = match arrived {
        Ok((envelope, place)) => answered(&desk, envelope, place).await,
        Err(refusal) => Err(refusal),
    };
    desk.0.counted.exchange(&outcome, begun.elapsed());
    outcome
}

async fn answered(desk: &Desk, envelope: Vec<u8>, place: Place) -> Result<Response, Refusal> {
    let turn = desk.0.gate.turn(place.size).await?;
    let work = move |office: &mut Office| {
        let answer = office.exchange(&envelope, door::now());
        drop((envelope, turn));
        (answer, place)
    };
    let (answer, place) = desk.0.office.ask(work).await?;
    let answer = answer?;
    desk.reconcile_soon();
    let leaving = axum::body::Body::new(desk.0.gate.leaving(place, answer)?);
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], leaving).into_response())
}

async fn enrol(State(desk): State<Desk>, request: Request) -> Result<Json<Value>, Refusal> {
    not_too_often(&desk.0.enrolments, rates::ENROLMENTS, &request)?;
    let document = body(request, MAX_ENROLMENT).await?;
    let answer = desk.0.office.ask(move |office| office.enrol(&document, door::now())).await??;
    Ok(Json(answer.json()))
}

async fn health(State(desk): State<Desk>) -> Result<Json<Value>, Refusal> {
    desk.is_alive().await?;
    Ok(Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})))
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

/// Which stretch of a list is asked for.
#[derive(Debug, Deserialize)]
struct Stretch {
    #[serde(default)]
    skip: u64,
    most: Option<u64>,
}

impl Stretch {
    fn most(&self, usual: u64) -> u64 {
        self.most.unwrap_or(usual).clamp(1, MAX_ROWS)
    }
}

type Asked = Result<Query<Stretch>, QueryRejection>;

fn stretch(asked: Asked) -> Result<Stretch, Refusal> {
    asked.map(|Query(stretch)| stretch).map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "skip and most are whole numbers: ?skip=0&most=100"))
}

async fn list_batches(_: Reader, State(desk): State<Desk>, asked: Asked) -> Result<Json<Value>, Refusal> {
    let stretch = stretch(asked)?;
    let most = stretch.most(100);
    let list = move |office: &mut Office| Ok::<_, StoreError>((views::batches(office.db(), stretch.skip, most)?, desk::batch_count(office.db())?));
    let (batches, all) = desk.0.office.ask(list).await??;
    Ok(Json(json!({"batches": batches, "all": all})))
}

async fn show_batch(_: Reader, State(desk): State<Desk>, Path(id): Path<String>, asked: Asked) -> Result<Json<Value>, Refusal> {
    let missing = || Refusal::new(StatusCode::NOT_FOUND, "there is no such batch: see the list at /api/v1/batches");
    let stretch = stretch(asked)?;
    let (batch, most) = (BatchId::from_hex(&id).ok_or_else(missing)?, stretch.most(1000));
    let show = move |office: &mut Office| {
        let lines = views::batch_lines(office.db(), batch, None, stretch.skip, most)?;
        Ok::<_, StoreError>((views::batch(office.db(), batch)?, lines, desk::unreadable(office.db(), batch)?))
    };
    let (batches, lines, unreadable) = desk.0.office.ask(show).await??;
    if batches.is_empty() {
        return Err(missing());
    }
    let unreadable: Vec<Value> = unreadable.into_iter().map(|(seq, reason)| json!({"seq": seq, "reason": reason})).collect();
    Ok(Json(json!({"batches": batches, "lines": lines, "unreadable": unreadable})))
}

async fn statistics(reader: Reader, State(desk): State<Desk>) -> Result<Json<Value>, Refusal> {
    reader.at(figures::READS)?;
    let rows = desk.0.office.ask(|office| views::statistics(office.db())).await??;
    Ok(Json(json!({"rows": rows})))
}

async fn metrics(reader: Reader, State(desk): State<Desk>) -> Result<Response, Refusal> {
    reader.at(Door::Reads(&[Role::Admin]))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], desk.figures().await?).into_response())
}
