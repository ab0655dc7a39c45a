//! Where a tablet types the code that the box shows.

use super::{Frame, Visit};
use crate::shell::web::problem::Problem;
use crate::shell::web::terminal::devices;
use askama::Template;
use axum::http::HeaderMap;
use axum::response::Response;

#[derive(Template)]
#[template(path = "terminal/pair.html")]
struct PairPage {
    frame: Frame,
    /// Whether this is the box itself, which needs no connecting.
    own: bool,
    /// What this device is called, once it is connected.
    called: String,
}

/// The form, or that there is nothing to do.
pub(in super::super) async fn show(visit: Visit, headers: HeaderMap) -> Result<Response, Problem> {
    let own = !visit.app.over_lan;
    let known = devices::secret_of(&headers).and_then(|secret| visit.app.devices.known(&secret, crate::shell::door::now()));
    let called = known.and_then(|device| visit.app.devices.name(device.hash)).unwrap_or_default();
    visit.show(move |_, frame| Ok(PairPage { frame, own, called })).await
}
