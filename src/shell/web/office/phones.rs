//! The holder's page: it makes the phone's key, shows the moving code without a network, and asks here what is left. No clerk's session
//! reaches it, and it reaches nothing of the clerks' pages.

use super::Desk;
use super::caller::Caller;
use super::doors::{Door, Route};
use super::page::nothing_here;
use super::rates;
use crate::admit::token::Token;
use crate::office::{NoPhone, OfficeError, PhoneAnswer};
use crate::shell::door;
use crate::shell::web::problem::Problem;
use crate::words::civil::CivilDay;
use crate::words::time::UtcSeconds;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Json, Path, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use data_encoding::HEXLOWER;
use rust_embed::RustEmbed;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(RustEmbed)]
#[folder = "templates/holder"]
struct Files;

/// Types of the page's files, by the name's ending.
const TYPES: [(&str, &str); 6] = [
    ("html", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("webmanifest", "application/manifest+json"),
];
/// What the page may load and do: its own files, and ask this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; \
    worker-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
/// The most bytes that a phone sends.
const MAX_BODY: usize = 4 * 1024;

/// The routes of the page.
pub fn routes() -> Vec<Route> {
    vec![
        ("get", "/handy", Door::Open, get(|| async { Redirect::permanent("/handy/") })),
        ("get", "/handy/", Door::Open, get(|| async { file(Path("index.html".to_owned())).await })),
        ("get", "/handy/{name}", Door::Open, get(file)),
        ("get", "/handy/vendor/{name}", Door::Open, get(|Path(name): Path<String>| file(Path(format!("vendor/{name}"))))),
        ("post", "/handy/api/phones", Door::Open, post(add).layer(DefaultBodyLimit::max(MAX_BODY))),
        ("post", "/handy/api/state", Door::Open, post(state).layer(DefaultBodyLimit::max(MAX_BODY))),
    ]
}

/// One of the page's files; what is kept as `NAME.gz` is sent so. Browsers ask each time whether it has changed; without a network the page's own store answers.
async fn file(Path(name): Path<String>) -> Response {
    let kind = name.rsplit_once('.').and_then(|(_, ending)| TYPES.iter().find(|(known, _)| *known == ending)).map(|(_, kind)| *kind);
    let packed = || Files::get(&format!("{name}.gz")).map(|file| (file, true));
    let found = kind.zip(Files::get(&name).map(|file| (file, false)).or_else(packed));
    let Some((kind, (file, is_packed))) = found else { return nothing_here().await.into_response() };
    let mut response = file.data.into_owned().into_response();
    let mut put = |name: HeaderName, value: &'static str| response.headers_mut().insert(name, HeaderValue::from_static(value));
    put(header::CONTENT_TYPE, kind);
    put(header::CONTENT_SECURITY_POLICY, POLICY);
    put(header::CACHE_CONTROL, "no-cache");
    put(header::REFERRER_POLICY, "no-referrer");
    put(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()");
    if is_packed {
        put(header::CONTENT_ENCODING, "gzip");
    }
    response
}

/// A phone joins by an invitation. Key and signature are hexadecimal digits.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Joining {
    code: String,
    key: String,
    signature: String,
}

/// A phone asks how things stand.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asking {
    key: String,
    at: u64,
    signature: String,
}

type Body<T> = Result<Json<T>, JsonRejection>;

async fn add(State(desk): State<Desk>, extensions: Extensions, headers: HeaderMap, body: Body<Joining>) -> Response {
    let joining = match ask(&desk, &extensions, &headers, body) {
        Ok(joining) => joining,
        Err(problem) => return problem.into_response(),
    };
    let (Some(key), Some(signature)) = (bytes::<32>(&joining.key), bytes::<64>(&joining.signature)) else { return unfit().into_response() };
    let now = door::now();
    let added = desk.0.office.ask(move |office| office.add_phone(&joining.code, &key, &signature, now)).await;
    answered(&desk, added.unwrap_or_else(|_| Err(NoPhone::Key)))
}

async fn state(State(desk): State<Desk>, extensions: Extensions, headers: HeaderMap, body: Body<Asking>) -> Response {
    let asking = match ask(&desk, &extensions, &headers, body) {
        Ok(asking) => asking,
        Err(problem) => return problem.into_response(),
    };
    let (Some(key), Some(signature)) = (bytes::<32>(&asking.key), bytes::<64>(&asking.signature)) else { return unfit().into_response() };
    let now = door::now();
    let told = desk.0.office.ask(move |office| office.ask_by_phone(&key, UtcSeconds(asking.at), &signature, now)).await;
    answered(&desk, told.unwrap_or_else(|_| Err(NoPhone::Key)))
}

/// What a phone sends, if it does not ask too often.
fn ask<T>(desk: &Desk, extensions: &Extensions, headers: &HeaderMap, body: Body<T>) -> Result<T, Problem> {
    let caller = Caller::of(extensions, headers);
    desk.0.phones.take(rates::PHONES, &caller, door::now()).map_err(|seconds| {
        let detail = format!("this address asks too often: ask again in {seconds} seconds");
        Problem { seconds: Some(seconds), what: Some("too_often"), ..Problem::new(StatusCode::TOO_MANY_REQUESTS, detail) }
    })?;
    body.map(|Json(body)| body).map_err(|_| unfit())
}

fn unfit() -> Problem {
    Problem { what: Some("key"), ..Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "this is not what the page sends: open it again") }
}

fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    HEXLOWER.decode(digits.as_bytes()).ok()?.try_into().ok()
}

fn answered(desk: &Desk, outcome: Result<PhoneAnswer, NoPhone>) -> Response {
    let now = door::now();
    let why = match outcome {
        Ok(answer) => return Json(told(desk, &answer, now.seconds())).into_response(),
        Err(why) => why,
    };
    let status = match &why {
        NoPhone::Invitation | NoPhone::Unknown => StatusCode::NOT_FOUND,
        NoPhone::Key => StatusCode::FORBIDDEN,
        NoPhone::TooMany | NoPhone::NothingGranted | NoPhone::Clock | NoPhone::Office(OfficeError::Case { .. }) => StatusCode::CONFLICT,
        NoPhone::Office(error) => {
            tracing::error!(%error, "a phone was not answered");
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    let detail = if matches!(why, NoPhone::Office(_)) { "the office could not answer: try again later".to_owned() } else { why.to_string() };
    Problem { what: Some(why.name()), ..Problem::new(status, detail) }.into_response()
}

fn told(desk: &Desk, answer: &PhoneAnswer, now: UtcSeconds) -> Value {
    let hint = answer.tokens.iter().find_map(|t| t.token.hint.clone());
    let tokens: Vec<Value> = answer.tokens.iter().map(|t| token(&t.token, &t.bytes, t.state.name())).collect();
    let left: Vec<Value> = answer.left.iter().map(left).collect();
    json!({"now": now.0, "office": desk.0.name, "removed": answer.removed, "hint": hint, "tokens": tokens, "left": left})
}

fn token(token: &Token, bytes: &[u8], state: &str) -> Value {
    let (from, to): (CivilDay, CivilDay) = (token.first_day(), token.last_day());
    let benefits: Vec<&str> = token.allowances.iter().map(|a| a.benefit.name()).collect();
    json!({
        "token": HEXLOWER.encode(bytes),
        "state": state,
        "not_before": token.not_before.0,
        "expires": token.expires.0,
        "from": from,
        "to": to,
        "benefits": benefits,
    })
}

fn left(left: &crate::office::BenefitLeft) -> Value {
    let bounds: Vec<Value> =
        left.bounds.iter().map(|(period, measure, amount)| json!({"period": period, "measure": measure, "left": amount})).collect();
    json!({"benefit": left.allowance.benefit.name(), "detail": left.allowance.detail, "bounds": bounds})
}
