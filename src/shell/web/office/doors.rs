//! What stands before every page: our own name, no foreign page, who may pass, and the headers that protect answers.

use super::Desk;
use super::caller::Caller;
use super::login::SignedIn;
use super::page::Fault;
use super::session::Stage;
use crate::office::{Role, Roles};
use crate::shell::door;
use crate::shell::web::problem::Problem;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::MethodRouter;
use std::time::Instant;

/// What our pages may load and do: their own styles, scripts and forms, and nobody frames them.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Who may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Everybody.
    Open,
    /// Whoever has signed in.
    SignedIn,
    /// Whoever has one of these roles, or audits: for looking.
    Reads(&'static [Role]),
    /// Whoever has one of these roles, or audits: for having a copy made of what they may look at. It changes nothing but the log.
    Takes(&'static [Role]),
    /// Whoever has this role: for doing.
    Does(Role),
}

impl Door {
    /// Whether somebody with these roles may pass.
    pub fn opens_to(self, roles: &Roles) -> bool {
        match self {
            Self::Open | Self::SignedIn => true,
            Self::Reads(any) | Self::Takes(any) => roles.has(Role::Audit) || any.iter().any(|role| roles.has(*role)),
            Self::Does(role) => roles.has(role),
        }
    }

    /// What somebody reads who may not pass.
    fn closed(self) -> Fault {
        let needed = match self {
            Self::Open | Self::SignedIn => Vec::new(),
            Self::Reads(any) | Self::Takes(any) => any.iter().map(|role| role.german()).collect(),
            Self::Does(role) => vec![role.german()],
        };
        let sentence = format!(
            "Dafür braucht Ihr Konto die Rolle „{}“. Bitte jemanden fragen, der sie hat; Rollen vergibt die Verwaltung. Es wurde nichts geändert.",
            needed.join("“ oder „")
        );
        Fault::new(StatusCode::FORBIDDEN, "Das gehört nicht zu Ihren Aufgaben", sentence)
    }
}

/// A route: its method, path and door, and who answers.
pub type Route = (&'static str, &'static str, Door, MethodRouter<Desk>);

/// Lets pass whom the door opens to; a handler behind it can ask who that is.
pub async fn pass(State((desk, door)): State<(Desk, Door)>, mut request: Request, next: Next) -> Response {
    if door == Door::Open {
        return next.run(request).await;
    }
    let caller = Caller::of(request.extensions(), request.headers());
    let clerk = match desk.seat(&caller, request.headers(), door::now()).await {
        Ok(Some((session, _))) if session.stage != Stage::Full => return Redirect::to(session.stage.place()).into_response(),
        Ok(Some((session, secret))) => SignedIn::seated(&desk, session, secret).await,
        Ok(None) => Ok(None),
        Err(fault) => Err(fault),
    };
    match clerk {
        Err(fault) => fault.into_response(),
        Ok(None) => Redirect::to("/login").into_response(),
        Ok(Some(clerk)) if !door.opens_to(&clerk.roles) => door.closed().into_response(),
        Ok(Some(clerk)) => {
            request.extensions_mut().insert(clerk);
            next.run(request).await
        }
    }
}

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not `no-referrer`: with it browsers send `Origin: null` with forms.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Puts the protecting headers on every answer that does not bring its own, and notes it in the log: by its route, never by its address.
pub async fn protect(request: Request, next: Next) -> Response {
    let (method, begun) = (request.method().clone(), Instant::now());
    let route = request.extensions().get::<MatchedPath>().map_or_else(String::new, |path| path.as_str().to_owned());
    let mut response = next.run(request).await;
    let (status, ms) = (response.status().as_u16(), u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX));
    tracing::info!(%method, route, status, ms, "answered");
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Lets a browser's request pass that names us and acts from a page of ours.
pub async fn pages(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    match desk.check_page(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(_) => Fault::foreign().into_response(),
    }
}

/// Lets a JSON interface's request pass that names us and comes from no foreign page.
pub async fn interfaces(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    match desk.check_interface(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

impl Desk {
    fn check_interface(&self, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        self.0.guard.check_host(headers)?;
        self.0.guard.check_origin(method, headers)
    }

    /// What changes something must say where it comes from: every browser does.
    fn check_page(&self, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        self.check_interface(method, headers)?;
        let reads = matches!(*method, Method::GET | Method::HEAD);
        let says_whence = headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site");
        if reads || says_whence { Ok(()) } else { Err(Problem::new(StatusCode::FORBIDDEN, "a form must come from a page of this server")) }
    }
}
