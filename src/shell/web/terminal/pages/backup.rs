//! Backups: when the last one was made, where they go, the recovery key, one made now.

use super::{Frame, Visit};
use crate::shell::web::problem::Problem;
use askama::Template;
use axum::response::Response;

#[derive(Template)]
#[template(path = "terminal/backup.html")]
struct BackupPage {
    frame: Frame,
    /// Whether there is a data folder to back up.
    possible: bool,
    /// Whether options say where backups go.
    by_options: bool,
}

/// The page; its script asks how it stands, and what is plugged in.
pub(in super::super) async fn show(visit: Visit) -> Result<Response, Problem> {
    let (possible, by_options) = (visit.app.backups.is_some(), visit.app.backups.as_ref().is_some_and(|keeper| keeper.is_set_by_options()));
    visit.show(move |_, frame| Ok(BackupPage { frame, possible, by_options })).await
}
