//! Who is at the page: every browser has a session, a session has a role, and PINs raise it for a while.
//!
//! Sessions are kept in memory. After a restart a page gets a new one by itself (`POST /api/v1/session`), with the least role there is.

use crate::terminal::settings::Setting;
use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

/// The cookie that carries a session at the box itself.
pub const COOKIE: &str = "desk";
/// The same at a paired device, over TLS.
pub const LAN_COOKIE: &str = "__Host-desk";
/// How many browsers may have a session at once; the one unused longest gives way.
const MAX_SESSIONS: usize = 200;
/// After how many minutes without a touch a raised role ends, unless set otherwise.
pub const LOCK_MINUTES: u64 = 5;
/// After how long without a touch a box whose scanning needs a PIN asks for it again.
const SCAN_MS: u64 = 3 * 60 * 60 * 1000;
/// How many wrong PINs in a row are borne before a pause.
pub const FREE_TRIES: u32 = 5;
/// The first pause; each further wrong PIN doubles it, up to [`LONGEST_PAUSE_MS`].
const PAUSE_MS: u64 = 30 * 1000;
/// The longest pause.
const LONGEST_PAUSE_MS: u64 = 15 * 60 * 1000;
/// How many wrong PINs the highest one bears while lower ones are right in between; one is forgiven in each longest pause.
const MISSES: u64 = 20;

/// What somebody at the page may do; each role includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Record, look without recording, undo at once.
    Scan,
    /// Cancel and correct later, close days, look at claims.
    Correct,
    /// Set up, import, enrol, pair devices, set PINs.
    Manage,
}

impl Role {
    /// All roles, the least first.
    pub const ALL: [Role; 3] = [Self::Scan, Self::Correct, Self::Manage];

    /// Its name in interfaces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Correct => "correct",
            Self::Manage => "manage",
        }
    }

    /// The setting with the hash of its PIN.
    pub const fn setting(self) -> Setting {
        match self {
            Self::Scan => Setting::ScanPin,
            Self::Correct => Setting::CorrectPin,
            Self::Manage => Setting::ManagePin,
        }
    }
}

/// The PINs of this box, as hashes, and how many in a row were wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pins {
    /// The hash for each role that has a PIN, in the order of [`Role::ALL`].
    pub hashes: [Option<String>; 3],
    /// How many in a row were wrong.
    pub wrong: u32,
    /// Until when none is taken.
    pub locked_until: UtcMs,
    /// When all that was missed since the highest PIN was right will be forgiven.
    pub missed_until: UtcMs,
    /// After how many minutes without a touch a raised role ends.
    pub lock_minutes: u64,
}

impl Pins {
    /// The role of somebody who has shown no PIN. Whoever may do what a PIN protects must show it; without any PIN all may do all.
    pub fn free(&self) -> Option<Role> {
        let lowest = self.hashes.iter().position(Option::is_some);
        match lowest {
            None => Some(Role::Manage),
            Some(0) => None,
            Some(protected) => Role::ALL.get(protected - 1).copied(),
        }
    }

    /// The highest role that has a PIN, if a lower one has one as well: whoever knows that one must not try this one for ever.
    pub fn guarded(&self) -> Option<Role> {
        let mut with_pin = Role::ALL.into_iter().zip(&self.hashes).filter(|(_, hash)| hash.is_some()).map(|(role, _)| role).rev();
        let highest = with_pin.next();
        with_pin.next().and(highest)
    }

    /// For how long that PIN is not taken: too much was missed.
    pub fn guarded_for_ms(&self, at: UtcMs) -> u64 {
        // A clock that was set back makes it no longer.
        let missed = self.missed_until.since(at).min(MISSES * LONGEST_PAUSE_MS);
        missed.saturating_sub((MISSES - 1) * LONGEST_PAUSE_MS)
    }

    /// Counts a wrong PIN.
    pub fn miss(&mut self, at: UtcMs) {
        self.wrong = self.wrong.saturating_add(1);
        self.locked_until = at.plus_ms(Self::pause_ms(self.wrong));
        let missed = self.missed_until.since(at).saturating_add(LONGEST_PAUSE_MS).min(MISSES * LONGEST_PAUSE_MS);
        self.missed_until = at.plus_ms(missed);
    }

    /// Counts a right PIN: only the highest forgives what was tried on it.
    pub fn hit(&mut self, role: Role) {
        (self.wrong, self.locked_until) = (0, UtcMs(0));
        if self.guarded().is_none_or(|highest| highest == role) {
            self.missed_until = UtcMs(0);
        }
    }

    /// For how long the next PIN is not taken after `wrong` wrong ones in a row.
    pub fn pause_ms(wrong: u32) -> u64 {
        match wrong.checked_sub(FREE_TRIES) {
            None => 0,
            Some(further) => PAUSE_MS.saturating_mul(1 << further.min(10)).min(LONGEST_PAUSE_MS),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Session {
    /// The role a PIN gave, if one was shown.
    raised: Option<Role>,
    touched: UtcMs,
    training: bool,
    /// The paired device it belongs to; none at the box itself.
    device: Option<Hash>,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What they may do; none until they show a PIN.
    pub role: Option<Role>,
    /// Whether they practise: nothing they record is real.
    pub training: bool,
    /// Their session; none for programs with the key.
    pub session: Option<Hash>,
    /// The paired device; none at the box itself.
    pub device: Option<Hash>,
}

/// All sessions, by the hash of their secret, and the PINs.
#[derive(Debug, Default)]
pub struct Sessions {
    open: Mutex<HashMap<Hash, Session>>,
    pins: RwLock<Pins>,
    /// One PIN is tried at a time, or many at once would all be tried before the first wrong one counts.
    pub trying: tokio::sync::Mutex<()>,
}

impl Sessions {
    /// Begins a session known by `secret`, at a paired device or at the box itself.
    pub fn begin(&self, secret: &str, device: Option<Hash>, now: UtcMs) -> Hash {
        let mut open = locked(&self.open);
        if open.len() >= MAX_SESSIONS
            && let Some(idlest) = open.iter().min_by_key(|(_, session)| session.touched).map(|(key, _)| *key)
        {
            open.remove(&idlest);
        }
        let id = key(secret);
        open.insert(id, Session { raised: None, touched: now, training: false, device });
        id
    }

    /// Who shows this secret. A `touch` is what a person does; a page that looks for news by itself is none, and keeps nothing unlocked.
    pub fn caller(&self, secret: &str, touch: bool, now: UtcMs) -> Option<Caller> {
        let pins = self.pins();
        let mut open = locked(&self.open);
        let id = key(secret);
        let session = open.get_mut(&id)?;
        let idle = now.since(session.touched);
        let over = |role: Role| idle >= if role == Role::Scan { SCAN_MS } else { pins.lock_minutes.max(1) * 60_000 };
        if let Some(role) = session.raised.filter(|role| over(*role)) {
            session.raised = pins.hashes[0].is_some().then_some(Role::Scan).filter(|scan| role > *scan && !over(*scan));
        }
        if touch {
            session.touched = now;
        }
        Some(Caller { role: session.raised.max(pins.free()), training: session.training, session: Some(id), device: session.device })
    }

    /// Raises a session to what a right PIN gives, or locks it.
    pub fn raise(&self, session: Hash, role: Option<Role>, now: UtcMs) {
        if let Some(session) = locked(&self.open).get_mut(&session) {
            session.raised = role;
            session.touched = now;
        }
    }

    /// Locks all sessions: each is as it was before any PIN.
    pub fn lock_all(&self) {
        locked(&self.open).values_mut().for_each(|session| session.raised = None);
    }

    /// Whether a session is still open.
    pub fn holds(&self, session: Hash) -> bool {
        locked(&self.open).contains_key(&session)
    }

    /// Ends all sessions of a device.
    pub fn end_of(&self, device: Hash) {
        locked(&self.open).retain(|_, session| session.device != Some(device));
    }

    /// Begins or ends practising.
    pub fn train(&self, session: Hash, training: bool) {
        if let Some(session) = locked(&self.open).get_mut(&session) {
            session.training = training;
        }
    }

    /// The PINs as they are.
    pub fn pins(&self) -> Pins {
        self.pins.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over PINs that were read or changed.
    pub fn set_pins(&self, pins: Pins) {
        *self.pins.write().unwrap_or_else(PoisonError::into_inner) = pins;
    }
}

/// The value of a request's cookie.
pub fn cookie_of(headers: &axum::http::HeaderMap, wanted: &str) -> Option<String> {
    let cookies = headers.get_all(axum::http::header::COOKIE).iter().filter_map(|c| c.to_str().ok()).flat_map(|c| c.split(';'));
    let mut ours = cookies.filter_map(|c| c.trim().split_once('=')).filter(|(name, _)| *name == wanted);
    ours.next().map(|(_, value)| value.to_owned())
}

/// The header by which a browser is given a session; gone when it is closed.
pub fn cookie(secret: &str, over_lan: bool) -> String {
    let (name, secure) = if over_lan { (LAN_COOKIE, "; Secure") } else { (COOKIE, "") };
    format!("{name}={secret}; Path=/{secure}; HttpOnly; SameSite=Strict")
}

fn key(secret: &str) -> Hash {
    Hash::of(&[b"teilhabe/session/1", secret.as_bytes()])
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pins(which: [bool; 3]) -> Pins {
        Pins { hashes: which.map(|has| has.then(String::new)), lock_minutes: LOCK_MINUTES, ..Pins::default() }
    }

    #[test]
    fn without_a_pin_all_may_do_all_and_a_pin_protects_what_is_above_it() {
        assert_eq!(pins([false; 3]).free(), Some(Role::Manage));
        assert_eq!(pins([false, false, true]).free(), Some(Role::Correct));
        assert_eq!(pins([false, true, true]).free(), Some(Role::Scan));
        assert_eq!(pins([false, true, false]).free(), Some(Role::Scan));
        assert_eq!(pins([true, false, true]).free(), None);
    }

    #[test]
    fn a_raised_role_ends_when_nobody_touches_the_box() {
        let sessions = Sessions::default();
        sessions.set_pins(pins([true, true, true]));
        let (start, minute) = (UtcMs(1_000_000_000_000), 60_000);
        let id = sessions.begin("s", None, start);
        let role = |touch, after| sessions.caller("s", touch, start.plus_ms(after)).expect("known").role;
        assert_eq!(role(true, 0), None);
        sessions.raise(id, Some(Role::Manage), start);
        assert_eq!(role(false, 4 * minute), Some(Role::Manage), "a page that looks by itself");
        assert_eq!(role(true, 4 * minute), Some(Role::Manage));
        assert_eq!(role(true, 9 * minute), Some(Role::Scan), "locked, scanning goes on");
        assert_eq!(role(true, 8 * 60 * minute), None);
        assert!(sessions.caller("other", true, start).is_none());
    }

    #[test]
    fn guessing_gets_slower() {
        let pauses: Vec<u64> = [0, 4, 5, 6, 7, 9, 10, 100].into_iter().map(|wrong| Pins::pause_ms(wrong) / 1000).collect();
        assert_eq!(pauses, [0, 0, 30, 60, 120, 480, 900, 900]);
    }

    #[test]
    fn who_knows_a_lower_pin_does_not_try_the_highest_for_ever() {
        let at = |minutes: u64| UtcMs(1_000_000_000_000 + minutes * 60_000);
        let mut known = pins([true, false, true]);
        assert_eq!((known.guarded(), pins([false, false, true]).guarded()), (Some(Role::Manage), None));
        for _ in 0..5 {
            (0..4).for_each(|_| known.miss(at(0)));
            assert_eq!(known.locked_until, at(0), "no pause: the fifth is right");
            known.hit(Role::Scan);
        }
        assert_eq!([0, 14, 15].map(|minutes| known.guarded_for_ms(at(minutes)) / 60_000), [15, 1, 0]);
        known.miss(at(15));
        assert_eq!(known.guarded_for_ms(at(15)) / 60_000, 15);
        assert_eq!(known.guarded_for_ms(UtcMs(1)) / 60_000, 15, "a clock that was set back");
        known.hit(Role::Manage);
        assert_eq!(known.guarded_for_ms(at(15)), 0);
    }

    #[test]
    fn sessions_are_bounded() {
        let sessions = Sessions::default();
        for number in 0..MAX_SESSIONS as u64 + 1 {
            sessions.begin(&number.to_string(), None, UtcMs(number));
        }
        assert!(sessions.caller("0", true, UtcMs(9)).is_none() && sessions.caller("1", true, UtcMs(9)).is_some());
    }
}
