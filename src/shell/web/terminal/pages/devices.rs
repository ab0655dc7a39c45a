//! The devices of the house that work at this box, and the code for a further one.

use super::{Frame, Visit};
use crate::shell::web::problem::Problem;
use askama::Template;
use axum::response::Response;

#[derive(Template)]
#[template(path = "terminal/devices.html")]
struct DevicesPage {
    frame: Frame,
    /// Whether other devices can reach this box.
    open: bool,
    /// The addresses to type, the best first.
    addresses: Vec<String>,
    fingerprint: String,
}

/// The list, and how to add to it.
pub(in super::super) async fn show(visit: Visit) -> Result<Response, Problem> {
    let lan = visit.app.lan.clone();
    visit
        .show(move |_, frame| {
            let addresses = lan.as_ref().map(|lan| lan.urls()).unwrap_or_default();
            let fingerprint = lan.as_ref().map(|lan| lan.keeper.identity().grouped()).unwrap_or_default();
            Ok(DevicesPage { frame, open: lan.is_some(), addresses, fingerprint })
        })
        .await
}
