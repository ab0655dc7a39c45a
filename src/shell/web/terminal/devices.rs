//! Pairing: the box shows a code, a tablet types it once and keeps a secret of its own from then on.

use super::door::Desk;
use super::events::News;
use super::said::Blank;
use super::setup::not_practising;
use super::{App, answer, json};
use crate::shell::door::{now, os_chance};
use crate::shell::paper::qr::Qr;
use crate::shell::web::problem::Problem;
use crate::terminal::devices::{CannotKeep, Device, MAX_DEVICES, MAX_NAME};
use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json as value;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use subtle::ConstantTimeEq;

/// The cookie by which a device is known; its prefix keeps other servers of this host from setting it.
const COOKIE: &str = "__Host-device";
/// How long a device stays paired without being used: what browsers keep a cookie at most.
const PAIRED_DAYS: u64 = 400;
/// For how long a code is good.
const CODE_MS: u64 = 5 * 60 * 1000;
/// How many wrong codes are borne: a code of 8 digits is then guessed once in 20 million times.
const MAX_WRONG: u32 = 5;
/// How far the stored time of a device's last request may be behind.
const SEEN_MS: u64 = 10 * 60 * 1000;

type Body = Result<Bytes, BytesRejection>;

/// The device a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paired {
    pub hash: Hash,
}

/// A device that was recognised.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub hash: Hash,
    /// Whether the time of its last request is worth storing again.
    pub seen_long_ago: bool,
}

/// A code that the box shows just now.
#[derive(Clone, Debug)]
struct Offer {
    code: String,
    until: UtcMs,
    wrong: u32,
}

/// The paired devices, and the code for a further one. The store keeps the devices; this is what requests look at.
#[derive(Debug, Default)]
pub(super) struct Devices {
    paired: Mutex<HashMap<Hash, (Device, UtcMs)>>,
    offer: Mutex<Option<Offer>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PairBody {
    code: String,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameBody {
    name: String,
}

impl Devices {
    /// The device that holds this secret.
    pub(super) fn known(&self, secret: &str, now: UtcMs) -> Option<Known> {
        let hash = hash_of(secret);
        let mut paired = locked(&self.paired);
        let (device, stored) = paired.get_mut(&hash)?;
        if now.since(device.seen_at) > PAIRED_DAYS * crate::words::time::DAY_MS {
            return None;
        }
        device.seen_at = now;
        let seen_long_ago = now.since(*stored) > SEEN_MS;
        if seen_long_ago {
            *stored = now;
        }
        Some(Known { hash, seen_long_ago })
    }

    /// What people call a device.
    pub(super) fn name(&self, hash: Hash) -> Option<String> {
        locked(&self.paired).get(&hash).map(|(device, _)| device.name.clone())
    }

    fn keep(&self, device: Device) {
        let stored = device.seen_at;
        locked(&self.paired).insert(device.hash, (device, stored));
    }

    /// All devices, by name.
    fn all(&self) -> Vec<Device> {
        let mut all: Vec<Device> = locked(&self.paired).values().map(|(device, _)| device.clone()).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    fn find(&self, id: &str) -> Option<Hash> {
        locked(&self.paired).keys().copied().find(|hash| id_of(*hash) == id)
    }

    /// Shows a new code; an earlier one is good no more.
    fn offer(&self, now: UtcMs) -> Offer {
        let code = format!("{:08}", os_chance().below(100_000_000));
        let offer = Offer { code, until: now.plus_ms(CODE_MS), wrong: 0 };
        *locked(&self.offer) = Some(offer.clone());
        offer
    }

    /// Takes a code: the right one is used up, too many wrong ones use it up too.
    fn take(&self, typed: &str, now: UtcMs) -> Result<Offer, Problem> {
        let mut offer = locked(&self.offer);
        let none = || Problem::new(StatusCode::GONE, "no code is shown at the box just now: make a new one there under /devices");
        let Some(current) = offer.as_mut().filter(|offer| now < offer.until && now.plus_ms(CODE_MS) >= offer.until) else {
            *offer = None;
            return Err(none());
        };
        let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
        if bool::from(digits.as_bytes().ct_eq(current.code.as_bytes())) {
            let right = current.clone();
            *offer = None;
            return Ok(right);
        }
        current.wrong += 1;
        let left = MAX_WRONG.saturating_sub(current.wrong);
        if left == 0 {
            *offer = None;
            return Err(Problem::new(StatusCode::GONE, "too many wrong codes: make a new one at the box under /devices"));
        }
        Err(Problem::new(StatusCode::FORBIDDEN, format!("this is not the code that the box shows: {left} more tries")))
    }
}

/// Reads the devices from the box.
pub(super) async fn load(app: &App) -> Result<(), Problem> {
    let devices = app.writer.run(|terminal, _| terminal.devices()).await??;
    devices.into_iter().for_each(|device| app.devices.keep(device));
    Ok(())
}

/// Stores that a device was seen just now. That it cannot be stored keeps nobody from working.
pub(super) async fn keep_seen(app: &App, hash: Hash) {
    let kept = app.writer.run(move |terminal, _| terminal.device_seen(hash, now())).await;
    if !matches!(kept, Ok(Ok(()))) {
        tracing::warn!("when a device was last seen could not be stored");
    }
}

/// The devices, and how a further one finds the box.
pub(super) async fn list(State(app): State<App>, desk: Desk) -> Response {
    let devices: Vec<_> = app.devices.all().iter().map(|device| device_json(device, desk.caller.device)).collect();
    let lan = app.lan.as_ref().map(|lan| value!({"addresses": lan.urls(), "fingerprint": lan.keeper.identity().grouped()}));
    answer(StatusCode::OK, value!({"devices": devices, "lan": lan}))
}

fn device_json(device: &Device, asking: Option<Hash>) -> serde_json::Value {
    value!({
        "id": id_of(device.hash), "name": device.name, "paired_at": device.paired_at.rfc3339(), "seen_at": device.seen_at.rfc3339(),
        "this": asking == Some(device.hash),
    })
}

/// A code for one device, with the address as a QR code.
pub(super) async fn code(State(app): State<App>, desk: Desk) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let closed = || {
        Problem::new(StatusCode::CONFLICT, "this box is not open to other devices: start it with --lan 0.0.0.0:8443")
            .saying(&("problem.house_closed", None))
    };
    let lan = app.lan.as_ref().ok_or_else(closed)?;
    let offer = app.devices.offer(now());
    // Behind # the code stays in the tablet's browser until it is sent by the page.
    let picture = lan.urls().first().and_then(|url| Qr::of_bytes(&format!("{url}#{}", offer.code)).ok());
    let body = value!({
        "code": offer.code, "seconds": CODE_MS / 1000, "addresses": lan.urls(), "fingerprint": lan.keeper.identity().grouped(),
        "picture": picture.map(|qr| qr.svg("QR-Code")),
    });
    Ok(answer(StatusCode::CREATED, body))
}

/// A tablet shows the code and says what it is called.
pub(super) async fn pair(State(app): State<App>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let PairBody { code, name } = json(&headers, body)?;
    if !app.over_lan {
        return Err(Problem::new(StatusCode::CONFLICT, "this is the box itself: it needs no connecting"));
    }
    if name.trim().is_empty() {
        return Err(CannotKeep::NoName.into());
    }
    let offer = app.devices.take(&code, now())?;
    let secret = data_encoding::HEXLOWER.encode(&os_chance().bytes::<32>());
    let hash = hash_of(&secret);
    let device = app.writer.run(move |terminal, _| terminal.pair_device(hash, &name, now())).await?.inspect_err(|_| {
        // Whoever knows the code may try again with another name.
        locked(&app.devices.offer).get_or_insert(offer);
    })?;
    let body = device_json(&device, Some(hash));
    app.devices.keep(device);
    app.events.tell(News::Status);
    let mut response = answer(StatusCode::CREATED, body);
    let value = HeaderValue::from_str(&cookie(&secret)).map_err(|_| Problem::bug())?;
    response.headers_mut().append(header::SET_COOKIE, value);
    Ok(response)
}

/// Calls a device by another name.
pub(super) async fn rename(State(app): State<App>, desk: Desk, Path(id): Path<String>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let NameBody { name } = json(&headers, body)?;
    let hash = app.devices.find(&id).ok_or(CannotKeep::NoSuchDevice)?;
    let device = app.writer.run(move |terminal, _| terminal.rename_device(hash, &name)).await??;
    let body = device_json(&device, desk.caller.device);
    app.devices.keep(device);
    app.events.tell(News::Status);
    Ok(answer(StatusCode::OK, body))
}

/// Removes a device: its sessions end at once.
pub(super) async fn remove(State(app): State<App>, desk: Desk, Path(id): Path<String>) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let hash = app.devices.find(&id).ok_or(CannotKeep::NoSuchDevice)?;
    app.writer.run(move |terminal, _| terminal.remove_device(hash)).await??;
    locked(&app.devices.paired).remove(&hash);
    app.sessions.end_of(hash);
    app.events.tell(News::Status);
    Ok(answer(StatusCode::OK, value!({"removed": id})))
}

impl From<CannotKeep> for Problem {
    fn from(error: CannotKeep) -> Self {
        let text = |name, value: usize| Some((name, Blank::Text(value.to_string())));
        let (status, said) = match error {
            CannotKeep::Store(store) => return store.into(),
            CannotKeep::NoName => (StatusCode::UNPROCESSABLE_ENTITY, ("problem.device_name", text("most", MAX_NAME))),
            CannotKeep::NoSuchDevice => (StatusCode::NOT_FOUND, ("problem.no_such_device", None)),
            CannotKeep::NameTaken => (StatusCode::CONFLICT, ("problem.device_name_taken", None)),
            CannotKeep::TooMany => (StatusCode::TOO_MANY_REQUESTS, ("problem.too_many_devices", text("most", MAX_DEVICES))),
        };
        Self::new(status, error.to_string()).saying(&said)
    }
}

/// The secret in a device's cookie.
pub(super) fn secret_of(headers: &HeaderMap) -> Option<String> {
    super::session::cookie_of(headers, COOKIE)
}

/// The header by which a device is given its secret.
pub(super) fn cookie(secret: &str) -> String {
    format!("{COOKIE}={secret}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Strict", PAIRED_DAYS * 24 * 60 * 60)
}

fn hash_of(secret: &str) -> Hash {
    Hash::of(&[b"teilhabe/device/1", secret.as_bytes()])
}

/// What interfaces call a device: the beginning of its hash.
fn id_of(hash: Hash) -> String {
    hash.hex().chars().take(16).collect()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_good_once_for_five_minutes_and_five_tries() {
        let devices = Devices::default();
        let now = UtcMs(1_795_600_000_000);
        let status = |taken: Result<Offer, Problem>| taken.map_or_else(|problem| problem.status.as_u16(), |_| 200);
        assert_eq!(status(devices.take("00000000", now)), 410, "none is shown");
        let code = devices.offer(now).code;
        assert_eq!(code.len(), 8);
        assert_eq!(status(devices.take(&format!("{} {}", &code[..4], &code[4..]), now.plus_ms(CODE_MS - 1))), 200);
        assert_eq!(status(devices.take(&code, now)), 410, "used up");
        let code = devices.offer(now).code;
        assert_eq!(status(devices.take(&code, now.plus_ms(CODE_MS))), 410, "too late");
        let code = devices.offer(now).code;
        assert_eq!(status(devices.take(&code, UtcMs(now.0 - 1))), 410, "the clock was set back: nobody knows how old it is");
        let code = devices.offer(now).code;
        let tries: Vec<u16> = (0..5).map(|_| status(devices.take("x", now))).collect();
        assert_eq!(tries, [403, 403, 403, 403, 410]);
        assert_eq!(status(devices.take(&code, now)), 410, "even the right one");
        let earlier = devices.offer(now).code;
        let later = devices.offer(now).code;
        assert!(earlier == later || devices.take(&earlier, now).is_err());
    }
}
