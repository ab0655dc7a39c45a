//! Backups over HTTP: how it stands, where they go, the recovery key that is shown once, and one made now.

use super::said::{Blank, Said};
use super::session::Role;
use super::setup::not_practising;
use super::shape::unfit;
use super::{App, Desk, Door, Route, answer, brief, json, pages, slow};
use crate::shell::backup::BackupError;
use crate::shell::backup::automatic::{HOUR_MS, Trouble};
use crate::shell::backup::keeper::{CannotChoose, Choice, Keeper, Place};
use crate::shell::checkup::Grade;
use crate::shell::checkup::backup::BackupLook;
use crate::shell::door::now;
use crate::shell::envelope::Identity;
use crate::shell::locked_file::Lock;
use crate::shell::paper::qr::Qr;
use crate::shell::web::problem::Problem;
use crate::words::time::UtcMs;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{delete, get, post};
use serde::Deserialize;
use serde_json::{Value, json as value};
use std::path::PathBuf;
use std::sync::Arc;

/// Hours between two backups, as the page offers them.
const EVERY_HOURS: std::ops::RangeInclusive<u64> = 1..=8760;
/// How many are kept where the page has chosen the place.
const KEPT: usize = 7;

type Body = Result<Bytes, BytesRejection>;

/// Where backups are to go.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChooseBody {
    stick: Option<PathBuf>,
    folder: Option<PathBuf>,
    every_hours: u64,
    /// None keeps the key there was.
    recipient: Option<String>,
}

/// The routes of backups.
pub(super) fn routes() -> Vec<Route> {
    const MANAGE: Door = Door::Role(Role::Manage);
    vec![
        ("get", "/backup", MANAGE, brief(get(pages::backup::show))),
        ("get", "/api/v1/backup", MANAGE, brief(get(show))),
        ("post", "/api/v1/backup", MANAGE, brief(post(choose))),
        ("delete", "/api/v1/backup", MANAGE, brief(delete(stop))),
        ("post", "/api/v1/backup/key", MANAGE, brief(post(new_key))),
        ("post", "/api/v1/backup/now", MANAGE, slow(post(make))),
    ]
}

pub(super) fn keeper(app: &App) -> Result<Arc<Keeper>, Problem> {
    app.backups.clone().ok_or_else(|| Problem::new(StatusCode::CONFLICT, "this box has no data folder of its own, so there is nothing to back up"))
}

/// Disks may be slow to answer, and sticks more so.
pub(super) async fn at_the_disk<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::bug())
}

/// How it stands, for the counter: nothing where all is well or nobody could do anything about it.
pub(super) fn in_short(app: &App, practising: bool, now: UtcMs) -> Option<Value> {
    let keeper = app.backups.as_deref().filter(|_| !practising)?;
    let look = BackupLook::at(keeper.dir(), now);
    Some(value!({"grade": look.grade, "word": look.word}))
}

/// How it stands, and where backups can go.
pub(super) async fn show(State(app): State<App>) -> Result<Response, Problem> {
    let keeper = keeper(&app)?;
    Ok(answer(StatusCode::OK, at_the_disk(move || state(&keeper, now())).await?))
}

fn state(keeper: &Keeper, now: UtcMs) -> Value {
    let look = BackupLook::at(keeper.dir(), now);
    let choice = keeper.choice().ok().flatten();
    let set_by = match (keeper.is_set_by_options(), &choice) {
        (true, _) => Some("options"),
        (false, Some(_)) => Some("page"),
        (false, None) => None,
    };
    let to = look.standing.to.as_deref();
    let every = look.standing.every_hours;
    let next = look.standing.last_at().filter(|_| to.is_some()).map(|last| last.plus_ms(every.saturating_mul(HOUR_MS)));
    let sticks: Vec<Value> = keeper
        .sticks()
        .iter()
        .map(|stick| value!({"mount": stick.mount, "label": stick.label, "writable": stick.writable, "free": stick.free, "size": stick.size}))
        .collect();
    value!({
        "grade": look.grade,
        "word": look.word,
        "sentence": look.standing.sentence,
        "set_by": set_by,
        "to": to,
        "stick": choice.as_ref().and_then(|choice| choice.stick.clone()),
        "same_disk": to.is_some_and(|to| keeper.is_on_the_same_disk(to)),
        "every_hours": to.map(|_| every),
        "keep": keeper.fixed().map(|plan| plan.keep).or_else(|| choice.as_ref().map(|choice| choice.keep)),
        "recipient": recipient(keeper, choice.as_ref()),
        "last": look.standing.last_at().map(UtcMs::rfc3339),
        "next": next.map(UtcMs::rfc3339),
        "file": look.standing.file,
        "sticks": sticks,
    })
}

/// For whom backups are locked; nothing where it is a passphrase.
fn recipient(keeper: &Keeper, choice: Option<&Choice>) -> Option<String> {
    match keeper.fixed().map(|plan| &plan.lock) {
        Some(Lock::Recipient(recipient)) => Some(recipient.to_string()),
        Some(Lock::Passphrase(_)) => None,
        None => choice.map(|choice| choice.recipient.clone()),
    }
}

/// A new recovery key, shown once. Nothing of it stays at the box: the page gives its public half back when it is chosen.
pub(super) async fn new_key(desk: Desk) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let identity = Identity::generate();
    let key = identity.to_text();
    let picture = Qr::of_bytes(&key).ok().map(|qr| qr.svg("QR-Code"));
    Ok(answer(StatusCode::OK, value!({"key": key.as_str(), "recipient": identity.recipient(), "picture": picture})))
}

/// Has backups go somewhere from now on.
pub(super) async fn choose(State(app): State<App>, desk: Desk, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let asked: ChooseBody = json(&headers, body)?;
    if !EVERY_HOURS.contains(&asked.every_hours) {
        return Err(unfit("between two backups lie 1 to 8760 hours"));
    }
    let place = match (asked.stick, asked.folder) {
        (Some(stick), None) => Place::Stick(stick),
        (None, Some(folder)) => Place::Folder(folder),
        _ => return Err(unfit("where to? name a stick or a folder")),
    };
    let keeper = keeper(&app)?;
    let done = at_the_disk(move || {
        let recipient = match asked.recipient {
            Some(recipient) => recipient,
            None => keeper.choice()?.map(|choice| choice.recipient).ok_or(CannotChoose::NoAddress)?,
        };
        keeper.choose(place, &recipient, asked.every_hours, KEPT)?;
        Ok(state(&keeper, now()))
    });
    done.await?.map(|body| answer(StatusCode::OK, body)).map_err(not_chosen)
}

/// Has no more backups made by themselves.
pub(super) async fn stop(State(app): State<App>, desk: Desk) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let keeper = keeper(&app)?;
    let done = at_the_disk(move || keeper.stop().map(|()| state(&keeper, now())));
    done.await?.map(|body| answer(StatusCode::OK, body)).map_err(not_chosen)
}

/// Makes one now, where it is set up.
pub(super) async fn make(State(app): State<App>, desk: Desk) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let keeper = keeper(&app)?;
    let done = at_the_disk(move || match keeper.make(now()) {
        Some(Ok(_)) => Ok(state(&keeper, now())),
        Some(Err(error)) => Err(not_made(&error)),
        None => {
            let sentence = "choose first where backups go";
            Err(Problem { what: Some("place"), ..Problem::new(StatusCode::CONFLICT, sentence) }.saying(&("backup.no_place", None)))
        }
    });
    done.await?.map(|body| answer(StatusCode::OK, body))
}

pub(super) fn not_made(error: &BackupError) -> Problem {
    let trouble = Trouble::of(error);
    let status = if trouble == Trouble::Failed { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::CONFLICT };
    Problem { what: Some(trouble.code()), ..Problem::new(status, error.to_string()) }.saying(&(wrong(trouble.code()), None))
}

fn not_chosen(error: CannotChoose) -> Problem {
    let folder = |folder: &std::path::Path| Some(("folder", Blank::Text(folder.display().to_string())));
    let (status, what, said): (StatusCode, &'static str, Said) = match &error {
        CannotChoose::SetByOptions => (StatusCode::CONFLICT, "options", ("backup.cannot_options", None)),
        CannotChoose::NoStick(_) => (StatusCode::CONFLICT, "stick", ("backup.cannot_stick", None)),
        CannotChoose::Busy => (StatusCode::CONFLICT, "busy", ("backup.cannot_busy", None)),
        CannotChoose::NotAbsolute => (StatusCode::UNPROCESSABLE_ENTITY, "folder", ("backup.cannot_path", None)),
        CannotChoose::OwnFolder => (StatusCode::UNPROCESSABLE_ENTITY, "folder", ("backup.cannot_own", None)),
        CannotChoose::NoAddress => (StatusCode::UNPROCESSABLE_ENTITY, "recipient", ("backup.cannot_key", None)),
        CannotChoose::Target(BackupError::TargetMissing(at)) => (StatusCode::UNPROCESSABLE_ENTITY, "folder", ("backup.cannot_missing", folder(at))),
        CannotChoose::Target(BackupError::TargetReadOnly(at)) => (StatusCode::UNPROCESSABLE_ENTITY, "folder", ("backup.cannot_write", folder(at))),
        CannotChoose::Target(other) => return not_made(other),
    };
    Problem { what: Some(what), ..Problem::new(status, error.to_string()) }.saying(&said)
}

/// The word for what is wrong, by its stable name.
pub(super) fn wrong(word: &str) -> &'static str {
    match word {
        "none" => "backup.wrong_none",
        "unplanned" => "backup.wrong_unplanned",
        "missing" => "backup.wrong_missing",
        "full" => "backup.wrong_full",
        "read_only" => "backup.wrong_read_only",
        "no_room_here" => "backup.wrong_no_room_here",
        "failed" => "backup.wrong_failed",
        _ => "backup.wrong_old",
    }
}

/// The word for how it stands.
pub(super) fn standing(look: &BackupLook) -> &'static str {
    look.word.filter(|_| look.grade != Grade::Ok).map_or("backup.well", wrong)
}
