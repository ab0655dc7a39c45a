//! The paper list: printed beforehand for the day on which nothing works, filled in by hand, and entered afterwards.

use super::counter::{ServiceChoice, service_choices};
use super::{Frame, Visit};
use crate::shell::web::problem::Problem;
use crate::terminal::Terminal;
use askama::Template;
use axum::response::Response;

/// How many children fit on one sheet of A4 in a hand that hurries.
const ROWS: u32 = 25;

#[derive(Template)]
#[template(path = "terminal/paper.html")]
struct PaperPage {
    frame: Frame,
    services: Vec<ServiceChoice>,
    rows: Vec<u32>,
}

/// An empty list.
pub(in super::super) async fn show(visit: Visit) -> Result<Response, Problem> {
    let make = |terminal: &mut Terminal, frame: Frame| Ok(PaperPage { services: service_choices(terminal), rows: (1..=ROWS).collect(), frame });
    visit.show(make).await
}
