//! A new box goes on for an earlier one: choose a backup, open it with the recovery key.

use super::{Frame, Visit};
use crate::shell::web::problem::Problem;
use askama::Template;
use axum::response::Response;

#[derive(Template)]
#[template(path = "terminal/restore.html")]
struct RestorePage {
    frame: Frame,
    /// Whether this box can still take another one's place, or has just done so.
    possible: bool,
}

/// The page; its script asks which backups there are.
pub(in super::super) async fn show(visit: Visit) -> Result<Response, Problem> {
    let has_folder = visit.app.backups.is_some();
    visit
        .show(move |terminal, frame| {
            Ok(RestorePage { possible: has_folder && !frame.training && (terminal.is_unused()? || terminal.restored()?.is_some()), frame })
        })
        .await
}
