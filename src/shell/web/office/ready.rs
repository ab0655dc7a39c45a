//! Whether this process can do its work just now: for a proxy that shares work out, and for whoever watches. Said as it is found, by writing.

use super::Desk;
use super::answer::Refusal;
use super::metrics::failure;
use crate::office::OfficeError;
use crate::shell::door;
use crate::shell::store::office::settings;
use crate::words::time::UtcMs;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

/// For how long what was found counts: strangers may ask, and each finding is a commit.
const COUNTS_MS: u64 = 3_000;
/// How long the store has for an answer: longer than the largest exchange holds it up.
const PATIENCE: Duration = Duration::from_secs(15);

/// What was found last, and whether the process ends.
#[derive(Debug, Default)]
pub struct Readiness {
    found: Mutex<Option<(UtcMs, Result<(), &'static str>)>>,
    /// When the store last answered.
    alive: Mutex<Option<UtcMs>>,
    ending: AtomicBool,
}

impl Desk {
    /// From now on this process is not ready: it ends.
    pub(super) fn begin_to_end(&self) {
        self.0.ready.ending.store(true, Ordering::Release);
    }

    /// Whether this process ends.
    pub(super) fn is_ending(&self) -> bool {
        self.0.ready.ending.load(Ordering::Acquire)
    }

    /// Has the store answer, unless it just has.
    pub(super) async fn is_alive(&self) -> Result<(), Refusal> {
        let mut alive = self.0.ready.alive.lock().await;
        let now = door::now();
        if alive.is_some_and(|at| at <= now && now.since(at) < COUNTS_MS) {
            return Ok(());
        }
        self.0.office.ask(|office| settings::read(office.db(), "name")).await??;
        *alive = Some(door::now());
        Ok(())
    }

    /// Why this process is not ready, by a fixed word.
    async fn not_ready(&self) -> Result<(), &'static str> {
        if self.is_ending() {
            return Err("ending");
        }
        // One asks at a time; the others get the same answer.
        let mut found = self.0.ready.found.lock().await;
        let now = door::now();
        if let Some((at, known)) = *found
            && now.since(at) < COUNTS_MS
            && at <= now
        {
            return known;
        }
        let write = self.0.office.ask(move |office| settings::prove_writable(office.db(), now).map_err(OfficeError::from));
        let known = match tokio::time::timeout(PATIENCE, write).await {
            Err(_) => Err("busy"),
            Ok(Err(_)) => Err("failed"),
            Ok(Ok(Err(OfficeError::Store(why)))) => {
                tracing::error!(%why, "not ready");
                Err(failure(&why))
            }
            Ok(Ok(Err(_))) => Err("failed"),
            Ok(Ok(Ok(()))) => Ok(()),
        };
        *found = Some((door::now(), known));
        known
    }
}

/// What an operator reads of a reason.
fn sentence(reason: &str) -> &'static str {
    match reason {
        "ending" => "this process is being stopped: ask another one",
        "full" => "the disk of the database is full: free some space",
        "damaged" => "the database is damaged: restore it from the backup",
        "busy" => "the database is held by another process, or has more to do than it can: look who holds it",
        "not_writable" => "the database cannot be written: check its folder, permissions and disk",
        "not_reachable" => "the database server cannot be reached: check that it runs",
        _ => "the database does not do what it is asked: see the log",
    }
}

pub(super) async fn show(State(desk): State<Desk>) -> Response {
    match desk.not_ready().await {
        Ok(()) => Json(json!({"status": "ready", "version": env!("CARGO_PKG_VERSION")})).into_response(),
        Err(reason) => {
            let mut refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, sentence(reason));
            refusal.problem.what = Some(reason);
            refusal.into_response()
        }
    }
}
