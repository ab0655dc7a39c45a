//! What is held of one child, to be printed and handed over (Art. 15 GDPR).

use super::Desk;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Page, show};
use crate::office::{Disclosure, Role};
use crate::shell::door;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;

/// A paper brings its own styles, and needs nothing else.
pub const PAPER_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    vec![("get", "/cases/{id}/export", Door::Does(Role::Issue), get(paper)), ("get", "/cases/{id}/export.json", Door::Does(Role::Issue), get(file))]
}

/// A page as a paper.
pub fn as_paper(page: &impl askama::Template) -> Page {
    let mut response = show(page)?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAPER_POLICY));
    Ok(response)
}

async fn disclosed(desk: &Desk, clerk: SignedIn, child: i64) -> Result<Disclosure, super::page::Fault> {
    desk.with(move |office| office.disclose(child, &clerk.name, door::now())).await
}

async fn paper(State(desk): State<Desk>, clerk: SignedIn, Path(child): Path<i64>) -> Page {
    as_paper(&disclosed(&desk, clerk, child).await?)
}

async fn file(State(desk): State<Desk>, clerk: SignedIn, Path(child): Path<i64>) -> Page {
    let disclosure = disclosed(&desk, clerk, child).await?;
    let name = [(header::CONTENT_DISPOSITION, "attachment; filename=\"auskunft.json\"")];
    Ok((name, Json(disclosure.json())).into_response())
}
