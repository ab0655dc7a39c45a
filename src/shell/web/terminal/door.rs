//! How a route is guarded, and which box a request works at: the real one, or the one for practising.

use super::App;
use super::devices::Paired;
use super::events::News;
use super::session::{COOKIE, Caller, LAN_COOKIE, Role, cookie, cookie_of};
use super::writer::Writer;
use crate::shell::door::{now, os_chance};
use crate::shell::web::problem::Problem;
use crate::words::ids::Hash;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;

/// A page that looks for news by itself says so by this header; then it does not count as a touch.
const BY_ITSELF: &str = "x-by-itself";
/// A page says by this header whether it shows itself as training (`1`) or not (`0`).
const SHOWN_AS_TRAINING: &str = "x-training";

/// Who may ask what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// Everybody who reaches this server by its name.
    Open,
    /// A browser of this box, whatever its role; it gets a session where it has none.
    Page,
    /// Whoever has a session or the key, whatever their role.
    Session,
    /// Whoever has this role or a higher one.
    Role(Role),
}

/// Where a handler does its work, and for whom.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub writer: Writer,
    pub caller: Caller,
}

impl Desk {
    /// Refuses whoever has not this role, where a route does more for a higher one.
    pub(super) fn must_be(&self, role: Role) -> Result<(), Problem> {
        if self.caller.role >= Some(role) { Ok(()) } else { Err(needs(role)) }
    }
}

impl FromRequestParts<App> for Desk {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let nobody = Caller { role: None, training: false, session: None, device: None };
        let caller = parts.extensions.get::<Caller>().copied().unwrap_or(nobody);
        let till = caller.device.and_then(|device| app.devices.name(device));
        // `caller` lets nobody practise while there is no terminal for it.
        let practice = if caller.training { app.practice.writer() } else { None };
        Ok(Self { writer: practice.as_ref().unwrap_or(&app.writer).at(till), caller })
    }
}

/// Lets a request through its door, or says what is missing.
pub(super) async fn pass(State((app, door)): State<(App, Door)>, mut request: Request, next: Next) -> Response {
    if door == Door::Open {
        return next.run(request).await;
    }
    let page = wants_a_page(&request);
    let touch = !request.headers().contains_key(BY_ITSELF) && (page || request.method() != Method::GET);
    let device = request.extensions().get::<Paired>().map(|paired| paired.hash);
    let (caller, begun) = match caller(&app, request.headers(), device, touch) {
        Some(caller) => (caller, None),
        None if page && may_begin(&app, &request) => match begin(&app, device) {
            Some((secret, _)) if app.pages_need_key => return without_the_key(&app, &request, &secret),
            Some((secret, caller)) => (caller, Some(secret)),
            None => return Problem::bug().into_response(),
        },
        None => return stranger(),
    };
    if let Door::Role(needed) = door
        && caller.role < Some(needed)
    {
        return if page { to_the_pin_page(&app, &request, begun.as_deref()) } else { needs(needed).into_response() };
    }
    if shows_the_other_box(request.headers(), caller) {
        return other_box(caller).into_response();
    }
    let changes = request.method() != Method::GET;
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    // 201 is what the interface answers when something was recorded, by whichever way.
    if changes && response.status() == StatusCode::CREATED {
        app.events.tell(News::Recorded);
    }
    give(&app, &mut response, begun.as_deref());
    response
}

/// Whether a page shows training and the session works at the real box, or the other way round: another tab has switched.
fn shows_the_other_box(headers: &HeaderMap, caller: Caller) -> bool {
    let shown = headers.get(SHOWN_AS_TRAINING).and_then(|value| value.to_str().ok());
    shown.is_some_and(|shown| (shown == "1") != caller.training)
}

fn other_box(caller: Caller) -> Problem {
    let what = if caller.training { "training_began" } else { "training_ended" };
    Problem {
        what: Some(what),
        ..Problem::new(StatusCode::CONFLICT, "training was begun or ended elsewhere: load this page again; nothing was recorded")
    }
}

/// Who asks: a program with the key, or a browser with a session.
fn caller(app: &App, headers: &HeaderMap, device: Option<Hash>, touch: bool) -> Option<Caller> {
    if app.guard.has_key(headers) {
        return Some(Caller { role: Some(Role::Manage), training: false, session: None, device: None });
    }
    let secret = cookie_of(headers, if app.over_lan { LAN_COOKIE } else { COOKIE })?;
    // A session of one device is worth nothing at another.
    let caller = app.sessions.caller(&secret, touch, now()).filter(|caller| caller.device == device)?;
    Some(Caller { training: caller.training && app.practice.writer().is_some(), ..caller })
}

/// Whether a browser may be given a session: at an address that others can reach only to whoever shows the key.
fn may_begin(app: &App, request: &Request) -> bool {
    let shown = request.uri().query().unwrap_or_default().split('&').find_map(|part| part.strip_prefix("key="));
    !app.pages_need_key || shown.is_some_and(|key| app.guard.is_key(key))
}

/// A new session: its secret, and who it is.
pub(super) fn begin(app: &App, device: Option<Hash>) -> Option<(String, Caller)> {
    let secret = data_encoding::HEXLOWER.encode(&os_chance().bytes::<32>());
    app.sessions.begin(&secret, device, now());
    let caller = app.sessions.caller(&secret, true, now())?;
    Some((secret, caller))
}

/// Gives the browser the session that was begun.
pub(super) fn give(app: &App, response: &mut Response, secret: Option<&str>) {
    if let Some(value) = secret.and_then(|secret| HeaderValue::from_str(&cookie(secret, app.over_lan)).ok()) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// Sends the browser to the same page again, so that the key does not stay in its history.
fn without_the_key(app: &App, request: &Request, secret: &str) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, request.uri().path().to_owned())]).into_response();
    give(app, &mut response, Some(secret));
    response
}

fn stranger() -> Response {
    let sentence = "show the key from the file api-token: Authorization: Bearer KEY, or open the page once with /?key=KEY";
    Problem::new(StatusCode::UNAUTHORIZED, sentence).into_response()
}

/// 403 with the role that is needed: the page asks for a PIN and tries again.
fn needs(role: Role) -> Problem {
    let closed = Problem { role: Some(role.name()), ..Problem::new(StatusCode::FORBIDDEN, "this needs a PIN: show it at the box first") };
    closed.saying(&("problem.needs_pin", None))
}

fn to_the_pin_page(app: &App, request: &Request, begun: Option<&str>) -> Response {
    let path = request.uri().path();
    let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, format!("/pin?next={path}"))]).into_response();
    give(app, &mut response, begun);
    response
}

/// Whether the answer may be a page.
pub(super) fn accepts_html(request: &Request) -> bool {
    let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accepts.contains("text/html")
}

/// A person with a browser.
fn wants_a_page(request: &Request) -> bool {
    request.method() == Method::GET && accepts_html(request)
}
