//! What stands before every page: our own name, no foreign page, and the headers that protect answers.

use super::Desk;
use super::page::Fault;
use crate::shell::web::problem::Problem;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// What our pages may load and do: their own styles and forms, and nobody frames them.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not `no-referrer`: with it browsers send `Origin: null` with forms.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Puts the protecting headers on every answer that does not bring its own.
pub async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
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
