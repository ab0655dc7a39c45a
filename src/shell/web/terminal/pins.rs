//! PINs and sessions over HTTP: who am I, show a PIN, lock, change PINs.

use super::devices::Paired;
use super::door::{self, Desk};
use super::session::{LOCK_MINUTES, Pins, Role};
use super::setup::not_practising;
use super::{App, answer, json};
use crate::shell::door::{now, os_chance};
use crate::shell::slow_hash;
use crate::shell::store::StoreError;
use crate::shell::web::problem::Problem;
use crate::terminal::Terminal;
use crate::terminal::settings::Setting;
use crate::words::time::UtcMs;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json as value;

/// How many digits a PIN has.
const DIGITS: std::ops::RangeInclusive<usize> = 4..=8;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PinBody {
    pin: String,
}

/// PINs to set: a text sets one, `null` takes it away, what is not named stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeBody {
    role: Role,
    pin: Option<String>,
}

/// Reads the PINs from the box.
pub(super) async fn load(app: &App) -> Result<(), Problem> {
    let pins = app.writer.run(|terminal, _| read(terminal)).await??;
    app.sessions.set_pins(pins);
    Ok(())
}

fn read(terminal: &mut Terminal) -> Result<Pins, StoreError> {
    let mut hashes = [None, None, None];
    for (hash, role) in hashes.iter_mut().zip(Role::ALL) {
        *hash = terminal.setting(role.setting())?;
    }
    let mut number = |setting, default| Ok::<u64, StoreError>(terminal.setting(setting)?.and_then(|text| text.parse().ok()).unwrap_or(default));
    let wrong = number(Setting::WrongPins, 0)?;
    Ok(Pins {
        hashes,
        wrong: u32::try_from(wrong).unwrap_or(u32::MAX),
        locked_until: UtcMs(number(Setting::LockedUntil, 0)?),
        missed_until: UtcMs(number(Setting::MissedUntil, 0)?),
        lock_minutes: number(Setting::LockMinutes, LOCK_MINUTES)?,
    })
}

/// Who asks, and what the box knows of PINs.
pub(super) async fn session(State(app): State<App>, desk: Desk) -> Response {
    answer(StatusCode::OK, session_json(&app, desk.caller.role, desk.caller.training))
}

pub(super) fn session_json(app: &App, role: Option<Role>, training: bool) -> serde_json::Value {
    let pins = app.sessions.pins();
    let with_pin: Vec<Role> = Role::ALL.into_iter().zip(&pins.hashes).filter(|(_, hash)| hash.is_some()).map(|(role, _)| role).collect();
    value!({"role": role, "training": training, "pins": with_pin, "raised": role > pins.free()})
}

/// A session for a page whose old one ended with the process. At an address that others can reach, a page must be opened with the key.
pub(super) async fn begin(State(app): State<App>, paired: Option<Extension<Paired>>) -> Result<Response, Problem> {
    if app.pages_need_key {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "open the page once with the key from the file api-token: /?key=KEY"));
    }
    let (secret, caller) = door::begin(&app, paired.map(|paired| paired.hash)).ok_or_else(Problem::bug)?;
    let mut response = answer(StatusCode::CREATED, session_json(&app, caller.role, caller.training));
    door::give(&app, &mut response, Some(&secret));
    Ok(response)
}

/// Takes a PIN: the session has the highest role whose PIN it is.
pub(super) async fn show_pin(
    State(app): State<App>,
    desk: Desk,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let PinBody { pin } = json(&headers, body)?;
    let Some(session) = desk.caller.session else {
        return Err(Problem::new(StatusCode::CONFLICT, "the key opens everything already: no PIN is needed"));
    };
    let _one_at_a_time = app.sessions.trying.lock().await;
    let mut pins = app.sessions.pins();
    let at = now();
    if at < pins.locked_until {
        return Err(too_many(pins.locked_until.since(at)));
    }
    let (mut hashes, guarded_for) = (pins.hashes.clone(), pins.guarded_for_ms(at));
    let guarded = pins.guarded().filter(|_| guarded_for > 0);
    if let Some(highest) = guarded {
        // Right or wrong, it is answered alike.
        hashes.iter_mut().zip(Role::ALL).filter(|(_, role)| *role == highest).for_each(|(hash, _)| *hash = None);
    }
    let found = tokio::task::spawn_blocking(move || {
        let right = |(_, hash): &(Role, &Option<String>)| hash.as_deref().is_some_and(|hash| slow_hash::holds(hash, &pin));
        Role::ALL.into_iter().zip(&hashes).rev().find(right).map(|(role, _)| role)
    });
    let found = found.await.map_err(|_| Problem::bug())?;
    match found {
        Some(role) => pins.hit(role),
        None => pins.miss(at),
    }
    keep_tries(&app, &pins).await?;
    match found {
        Some(role) => {
            app.sessions.raise(session, Some(role), at);
            Ok(answer(StatusCode::OK, session_json(&app, Some(role), desk.caller.training)))
        }
        None if at < pins.locked_until => Err(too_many(pins.locked_until.since(at))),
        // The others go on at once: nobody waits for the highest one at the counter.
        None => {
            let seconds = guarded.map(|_| guarded_for.div_ceil(1000));
            Err(Problem { seconds, ..Problem::new(StatusCode::FORBIDDEN, "this is not the PIN") })
        }
    }
}

fn too_many(wait_ms: u64) -> Problem {
    let seconds = wait_ms.div_ceil(1000);
    Problem { seconds: Some(seconds), ..Problem::new(StatusCode::TOO_MANY_REQUESTS, format!("too many wrong PINs: try again in {seconds} seconds")) }
}

async fn keep_tries(app: &App, pins: &Pins) -> Result<(), Problem> {
    let (wrong, until, missed) = (pins.wrong.to_string(), pins.locked_until.0.to_string(), pins.missed_until.0.to_string());
    app.sessions.set_pins(pins.clone());
    let kept = app.writer.run(move |terminal, _| {
        terminal.set(Setting::WrongPins, Some(&wrong))?;
        terminal.set(Setting::MissedUntil, Some(&missed))?;
        terminal.set(Setting::LockedUntil, Some(&until))
    });
    Ok(kept.await??)
}

/// Locks: the session is as it was before any PIN.
pub(super) async fn lock(State(app): State<App>, desk: Desk) -> Response {
    if let Some(session) = desk.caller.session {
        app.sessions.raise(session, None, now());
    }
    answer(StatusCode::OK, session_json(&app, app.sessions.pins().free(), desk.caller.training))
}

/// Sets a PIN or takes it away.
pub(super) async fn change(State(app): State<App>, desk: Desk, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let ChangeBody { role, pin } = json(&headers, body)?;
    if pin.as_ref().is_some_and(|pin| !DIGITS.contains(&pin.len()) || !pin.bytes().all(|b| b.is_ascii_digit())) {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "a PIN has 4 to 8 digits"));
    }
    let before = app.sessions.pins();
    if role != Role::Manage && pin.is_some() && before.hashes[2].is_none() {
        return Err(Problem::new(StatusCode::CONFLICT, "set the PIN for managing first: without it nobody could change the others"));
    }
    let salt = os_chance().bytes();
    let hashed = tokio::task::spawn_blocking(move || pin.map(|pin| slow_hash::hash(&pin, &salt).ok_or_else(Problem::bug)).transpose());
    let hashed = hashed.await.map_err(|_| Problem::bug())??;
    let pins = app.writer.run(move |terminal, _| {
        terminal.set(role.setting(), hashed.as_deref())?;
        if role == Role::Manage && hashed.is_none() {
            for lower in [Role::Scan, Role::Correct] {
                terminal.set(lower.setting(), None)?;
            }
        }
        read(terminal)
    });
    app.sessions.set_pins(pins.await??);
    // Whoever went in with the old one shows the new one.
    app.sessions.lock_all();
    if let Some(session) = desk.caller.session {
        app.sessions.raise(session, Some(Role::Manage), now());
    }
    Ok(answer(StatusCode::OK, session_json(&app, desk.caller.role, desk.caller.training)))
}
