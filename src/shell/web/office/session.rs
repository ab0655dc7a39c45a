//! Who is signed in, or half-way there. Kept in memory: a restart signs everybody out.

use super::caller::Caller;
use crate::shell::store::office::clerks::Account;
use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// After how long without a request a session ends.
pub const IDLE_MS: u64 = 30 * 60 * 1000;
/// After how long it ends in any case.
pub const LONGEST_MS: u64 = 8 * 60 * 60 * 1000;
/// How long the steps of signing in may take.
pub const STEPS_MS: u64 = 15 * 60 * 1000;
/// How many sessions there may be at once; the one unused longest gives way.
const MAX_SESSIONS: usize = 1_000;

/// The secret of one-time codes that are being set up.
pub type Pending = Zeroizing<[u8; 20]>;

/// How far somebody is with signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The password was right; a one-time code is missing.
    Code,
    /// A password of one's own is missing.
    NewPassword,
    /// One-time codes are to be set up.
    Enrol,
    /// Signed in.
    Full,
}

impl Stage {
    /// What comes after a right password, and after a right code where `code_shown`.
    pub fn after(account: &Account, code_shown: bool, factor_required: bool) -> Self {
        match account {
            Account { factor: Some(_), .. } if !code_shown => Self::Code,
            Account { must_change: true, .. } => Self::NewPassword,
            Account { factor: None, .. } if factor_required => Self::Enrol,
            _ => Self::Full,
        }
    }

    /// Where it goes on.
    pub const fn place(self) -> &'static str {
        match self {
            Self::Code => "/login/code",
            Self::NewPassword => "/login/password",
            Self::Enrol => "/login/factor",
            Self::Full => "/",
        }
    }
}

/// Somebody's session.
#[derive(Clone, Debug)]
pub struct Session {
    /// The clerk's name.
    pub clerk: String,
    /// How far the clerk is with signing in.
    pub stage: Stage,
    /// Whether a one-time code was shown.
    pub code_shown: bool,
    /// One-time codes that are being set up.
    pub pending: Option<Pending>,
    /// The account's epoch when it began: in a later one it is over.
    pub epoch: u64,
    caller: Caller,
    begun: UtcMs,
    seen: UtcMs,
}

impl Session {
    /// A session that begins in this epoch of its account.
    pub const fn new(clerk: String, epoch: u64, stage: Stage, code_shown: bool, caller: Caller, now: UtcMs) -> Self {
        Self { clerk, stage, code_shown, pending: None, epoch, caller, begun: now, seen: now }
    }

    fn is_over(&self, now: UtcMs) -> bool {
        let longest = if self.stage == Stage::Full { LONGEST_MS } else { STEPS_MS };
        now.since(self.seen) >= IDLE_MS || now.since(self.begun) >= longest
    }
}

/// What a cookie is worth.
#[derive(Debug)]
pub enum Seat {
    /// Nothing.
    None,
    /// This session.
    Held(Box<Session>),
    /// It was begun in another browser; the session of this clerk has been ended.
    Stolen(String),
}

/// All sessions, by the hash of their secret.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<HashMap<Hash, Session>>);

impl Sessions {
    fn locked(&self) -> MutexGuard<'_, HashMap<Hash, Session>> {
        // A map is whole after every step, so what a panic left behind can be used.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session that is known by `secret`.
    pub fn begin(&self, secret: &str, session: Session, now: UtcMs) {
        let mut open = self.locked();
        open.retain(|_, session| !session.is_over(now));
        if open.len() >= MAX_SESSIONS
            && let Some(idlest) = open.iter().min_by_key(|(_, session)| session.seen).map(|(key, _)| *key)
        {
            open.remove(&idlest);
        }
        open.insert(key(secret), session);
    }

    /// Whose session this is, if it is not over and was begun by this caller.
    pub fn seat(&self, secret: &str, caller: &Caller, now: UtcMs) -> Seat {
        let mut open = self.locked();
        let key = key(secret);
        let Some(session) = open.get_mut(&key) else { return Seat::None };
        if session.is_over(now) {
            open.remove(&key);
            return Seat::None;
        }
        if session.caller != *caller {
            return open.remove(&key).map_or(Seat::None, |session| Seat::Stolen(session.clerk));
        }
        session.seen = now;
        Seat::Held(Box::new(session.clone()))
    }

    /// Remembers one-time codes that are being set up, or forgets them.
    pub fn pend(&self, secret: &str, pending: Option<Pending>) {
        if let Some(session) = self.locked().get_mut(&key(secret)) {
            session.pending = pending;
        }
    }

    /// Ends a session.
    pub fn end(&self, secret: &str) {
        self.locked().remove(&key(secret));
    }

    /// Ends all sessions of a clerk, but the one with the secret `but`.
    pub fn end_all(&self, clerk: &str, but: &str) {
        let but = key(but);
        self.locked().retain(|key, session| session.clerk != clerk || *key == but);
    }
}

fn key(secret: &str) -> Hash {
    Hash::of(&[b"teilhabe/session", secret.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{Extensions, HeaderMap};

    const MINUTE: u64 = 60_000;

    fn caller(agent: &'static str) -> Caller {
        let headers = std::iter::once((axum::http::header::USER_AGENT, agent.parse().expect("a header"))).collect::<HeaderMap>();
        Caller::of(&Extensions::new(), &headers)
    }

    fn begin(sessions: &Sessions, secret: &str, stage: Stage) {
        sessions.begin(secret, Session::new("Anna".into(), 0, stage, false, caller("a"), UtcMs(0)), UtcMs(0));
    }

    fn holds(sessions: &Sessions, secret: &str, minutes: u64) -> bool {
        matches!(sessions.seat(secret, &caller("a"), UtcMs(minutes * MINUTE)), Seat::Held(session) if session.clerk == "Anna")
    }

    #[test]
    fn a_session_ends_idle_or_after_a_day_of_work() {
        let sessions = Sessions::default();
        begin(&sessions, "s", Stage::Full);
        assert!(holds(&sessions, "s", 29) && holds(&sessions, "s", 58), "used in between");
        assert!(!holds(&sessions, "s", 88), "idle");
        begin(&sessions, "t", Stage::Full);
        assert_eq!((1..).map(|n| n * 20).take_while(|minutes| holds(&sessions, "t", *minutes)).count(), 23, "8 hours, however busy");
        assert!(!holds(&sessions, "other", 0));
        begin(&sessions, "half", Stage::Code);
        assert!(holds(&sessions, "half", 14) && !holds(&sessions, "half", 15), "the steps of signing in take no longer");
    }

    #[test]
    fn signing_out_ends_it_here_or_everywhere() {
        let sessions = Sessions::default();
        ["r", "s", "t"].iter().for_each(|secret| begin(&sessions, secret, Stage::Full));
        sessions.end("r");
        assert!(!holds(&sessions, "r", 1) && holds(&sessions, "s", 1));
        sessions.end_all("Anna", "t");
        assert!(!holds(&sessions, "s", 1) && holds(&sessions, "t", 1));
    }

    #[test]
    fn a_copied_cookie_ends_the_session_for_both() {
        let sessions = Sessions::default();
        begin(&sessions, "s", Stage::Full);
        assert!(matches!(sessions.seat("s", &caller("another browser"), UtcMs(1)), Seat::Stolen(clerk) if clerk == "Anna"));
        assert!(!holds(&sessions, "s", 1));
    }

    #[test]
    fn the_steps_come_in_their_order() {
        let mut account = Account {
            id: 1,
            name: "Anna".into(),
            password: String::new(),
            roles: String::new(),
            created: UtcMs(0),
            must_change: true,
            closed: None,
            last_sign_in: None,
            factor: None,
            last_step: 0,
            external: None,
            subject: None,
        };
        assert_eq!(Stage::after(&account, false, true), Stage::NewPassword);
        account.must_change = false;
        assert_eq!(Stage::after(&account, false, true), Stage::Enrol);
        assert_eq!(Stage::after(&account, false, false), Stage::Full);
        account.factor = Some(vec![1]);
        account.must_change = true;
        assert_eq!(Stage::after(&account, false, false), Stage::Code, "a code is asked for wherever there is one");
        assert_eq!(Stage::after(&account, true, false), Stage::NewPassword);
        account.must_change = false;
        assert_eq!(Stage::after(&account, true, true), Stage::Full);
    }
}
