//! Papers that describe this very system: the procedure document, and the record of processing activities.

use super::Desk;
use super::disclosure::as_paper;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Frame, Page, show};
use crate::office::{OfficeError, Role, SystemFacts};
use crate::shell::door;
use askama::Template;
use axum::extract::State;
use axum::routing::get;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const READS: Door = Door::Reads(&[Role::Admin]);
    vec![
        ("get", "/admin/documents", READS, get(page)),
        ("get", "/admin/documents/procedure", READS, get(procedure)),
        ("get", "/admin/documents/processing", READS, get(processing)),
    ]
}

#[derive(Template)]
#[template(path = "office/documents.html")]
struct DocumentsPage {
    frame: Frame,
}

async fn page(State(desk): State<Desk>, clerk: SignedIn) -> Page {
    show(&DocumentsPage { frame: Frame::new(&desk, &clerk, "admin") })
}

async fn facts(desk: &Desk) -> Result<SystemFacts, super::page::Fault> {
    desk.with::<_, OfficeError>(|office| office.facts(door::now())).await
}

async fn procedure(State(desk): State<Desk>, _: SignedIn) -> Page {
    as_paper(&facts(&desk).await?.procedure())
}

async fn processing(State(desk): State<Desk>, _: SignedIn) -> Page {
    as_paper(&facts(&desk).await?.processing())
}
