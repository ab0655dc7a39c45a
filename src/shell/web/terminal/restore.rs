//! A new box takes an earlier one's place, over HTTP: which backups there are, one that is sent, and the recovery key that opens it.

use super::backups::{at_the_disk, keeper};
use super::said::Said;
use super::session::Role;
use super::setup::not_practising;
use super::{App, Desk, Door, MAX_JSON, Route, answer, brief, devices, json, pages, pins, slow};
use crate::shell::backup::BackupError;
use crate::shell::backup::replacement::{Arriving, Source};
use crate::shell::backup::stick::Found;
use crate::shell::door::{now, os_chance};
use crate::shell::locked_file::Opener;
use crate::shell::store::StoreError;
use crate::shell::web::problem::Problem;
use crate::shell::web::terminal::writer::NotDone;
use crate::terminal::Terminal;
use crate::terminal::clock::EARLIEST;
use crate::terminal::restore::{CannotTakeOver, Restored};
use axum::body::{Body, Bytes};
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json as value};
use std::io::ErrorKind;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// The largest backup that is sent over the page, in bytes.
const MOST: u64 = 4 * 1024 * 1024 * 1024;

/// Which backup, and what opens it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RestoreBody {
    /// A file on a stick, as it was listed; none for the one that was sent.
    file: Option<PathBuf>,
    /// The recovery key or the passphrase.
    key: String,
}

/// Why a backup was not restored.
enum NotRestored {
    Backup(BackupError),
    TakeOver(CannotTakeOver),
    NotDone(NotDone),
}

impl From<BackupError> for NotRestored {
    fn from(error: BackupError) -> Self {
        Self::Backup(error)
    }
}

/// The routes of a restore.
pub(super) fn routes() -> Vec<Route> {
    const MANAGE: Door = Door::Role(Role::Manage);
    vec![
        ("get", "/restore", MANAGE, brief(get(pages::restore::show))),
        ("get", "/api/v1/restore", MANAGE, brief(get(show))),
        ("post", "/api/v1/restore", MANAGE, slow(post(restore)).layer(DefaultBodyLimit::max(MAX_JSON))),
        ("post", "/api/v1/restore/file", MANAGE, slow(post(arrive))),
    ]
}

/// Whether this box can still take another one's place, the backups on the sticks that are in, and what a restore did whose answer was lost.
pub(super) async fn show(State(app): State<App>) -> Result<Response, Problem> {
    let keeper = keeper(&app)?;
    let (unused, restored) = app.writer.run(|terminal, _| Ok::<_, StoreError>((terminal.is_unused()?, terminal.restored()?))).await??;
    let found = at_the_disk(move || keeper.found()).await?;
    let found: Vec<Value> = found.into_iter().map(listed).collect();
    Ok(answer(StatusCode::OK, value!({"unused": unused, "found": found, "restored": restored})))
}

fn listed(found: Found) -> Value {
    value!({"file": found.file, "name": found.name, "stick": found.stick, "bytes": found.bytes, "at": found.at.rfc3339()})
}

/// Takes a backup in, as it is.
pub(super) async fn arrive(State(app): State<App>, desk: Desk, body: Body) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let keeper = keeper(&app)?;
    let mut arriving = match unused(&app).await {
        Ok(()) => at_the_disk(move || keeper.arrive()).await?.map_err(|error| not_restored(&error)),
        Err(problem) => Err(problem),
    };
    let (mut pieces, mut bytes) = (body.into_data_stream(), 0u64);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the file broke off: send it again"))?;
        bytes = bytes.saturating_add(piece.len() as u64);
        if bytes > MOST {
            return Err(not_restored(&BackupError::NoBackup));
        }
        // What cannot be kept is read to its end all the same: a browser that is still sending hears no answer.
        if let Ok(mut file) = arriving {
            arriving = at_the_disk(move || file.take(&piece).map(|()| file)).await?.map_err(|error| not_restored(&error));
        }
    }
    let arrived = arriving?;
    at_the_disk(move || Arriving::end(arrived)).await?.map_err(|error| not_restored(&error))?;
    Ok(answer(StatusCode::CREATED, value!({"bytes": bytes})))
}

/// Has this box go on where the one in the backup stopped.
pub(super) async fn restore(
    State(app): State<App>,
    desk: Desk,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let RestoreBody { file, key } = json(&headers, body)?;
    let key = Zeroizing::new(key);
    if now() < EARLIEST {
        let sentence = "the clock of this box is wrong: set date and time first";
        return Err(Problem { what: Some("clock"), ..Problem::new(StatusCode::CONFLICT, sentence) }.saying(&("restore.cannot_clock", None)));
    }
    unused(&app).await?;
    let source = file.map_or(Source::Arrived, Source::File);
    // A browser that goes meanwhile leaves nothing half done: PINs count from the moment they are there.
    let restored = tokio::spawn(take_over(app, source, key)).await.map_err(|_| Problem::bug())??;
    Ok(answer(StatusCode::CREATED, value!(restored)))
}

async fn take_over(app: App, source: Source, key: Zeroizing<String>) -> Result<Restored, Problem> {
    // Nobody asks an office meanwhile in the name of a box that is about to be another.
    let _one_at_a_time = app.exchanging.lock().await;
    let (keeper, writer) = (keeper(&app)?, app.writer.clone());
    let done = at_the_disk(move || {
        let id = writer.run_blocking(|terminal, _| terminal.id()).map_err(NotRestored::NotDone)?;
        keeper.replace(&source, &Opener::of(&key), |mut copy| {
            Terminal::verify_copy(&mut copy).map_err(|error| {
                tracing::warn!(%error, "the journal in a backup is not whole");
                BackupError::Damaged
            })?;
            let restored = Terminal::continue_as(&mut copy, id, &mut os_chance(), now()).map_err(NotRestored::TakeOver)?;
            let taken = writer.run_blocking(move |terminal, _| terminal.take_over(&mut copy, now()));
            taken.map_err(NotRestored::NotDone)?.map_err(NotRestored::TakeOver)?;
            Ok(restored)
        })
    });
    let restored = done.await?.map_err(|error| match error {
        NotRestored::Backup(error) => not_restored(&error),
        NotRestored::TakeOver(CannotTakeOver::InUse) => in_use(),
        NotRestored::TakeOver(error @ CannotTakeOver::Itself) => {
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string());
            Problem { what: Some("itself"), ..problem }.saying(&("restore.cannot_itself", None))
        }
        NotRestored::TakeOver(CannotTakeOver::Store(error)) => not_restored(&error.into()),
        NotRestored::NotDone(error) => error.into(),
    })?;
    tracing::info!(earlier = %restored.earlier, entries = restored.entries, "this box goes on for an earlier one");
    devices::load(&app).await?;
    pins::load(&app).await?;
    app.heard.notify_one();
    Ok(restored)
}

async fn unused(app: &App) -> Result<(), Problem> {
    if app.writer.run(|terminal, _| terminal.is_unused()).await?? { Ok(()) } else { Err(in_use()) }
}

fn in_use() -> Problem {
    let problem = Problem::new(StatusCode::CONFLICT, CannotTakeOver::InUse.to_string());
    Problem { what: Some("in_use"), ..problem }.saying(&("restore.cannot_in_use", None))
}

fn not_restored(error: &BackupError) -> Problem {
    const OURS: StatusCode = StatusCode::INSUFFICIENT_STORAGE;
    let (status, what, said): (StatusCode, &'static str, Said) = match error {
        BackupError::WrongPassphrase => (StatusCode::UNPROCESSABLE_ENTITY, "key", ("restore.cannot_key", None)),
        BackupError::Damaged => (StatusCode::UNPROCESSABLE_ENTITY, "damaged", ("restore.cannot_damaged", None)),
        BackupError::NoBackup => (StatusCode::UNPROCESSABLE_ENTITY, "no_backup", ("restore.cannot_no_backup", None)),
        BackupError::OtherKind(_) => (StatusCode::UNPROCESSABLE_ENTITY, "office", ("restore.cannot_office", None)),
        BackupError::TooMuchWork => (StatusCode::UNPROCESSABLE_ENTITY, "work", ("restore.cannot_work", None)),
        BackupError::NoFile => (StatusCode::UNPROCESSABLE_ENTITY, "file", ("restore.cannot_file", None)),
        BackupError::Store(StoreError::Newer { .. }) => (StatusCode::UNPROCESSABLE_ENTITY, "newer", ("restore.cannot_newer", None)),
        BackupError::Store(StoreError::Full(_)) => (OURS, "full", ("restore.cannot_full", None)),
        BackupError::Io { error, .. } if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            (OURS, "full", ("restore.cannot_full", None))
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed", ("restore.cannot_failed", None)),
    };
    Problem { what: Some(what), ..Problem::new(status, error.to_string()) }.saying(&said)
}
