//! Where a PIN is shown before a page that needs one.

use super::{Frame, Visit};
use crate::shell::web::problem::Problem;
use askama::Template;
use axum::response::Response;

#[derive(Template)]
#[template(path = "terminal/pin.html")]
struct PinPage {
    frame: Frame,
}

/// The PIN pad.
pub(in super::super) async fn show(visit: Visit) -> Result<Response, Problem> {
    visit.show(|_, frame| Ok(PinPage { frame })).await
}
