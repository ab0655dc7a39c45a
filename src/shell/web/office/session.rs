//! Who is signed in, and who has tried too often. Kept in memory: a restart signs everybody out.

use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// After how long without a request a session ends.
pub const IDLE_MS: u64 = 30 * 60 * 1000;
/// After how long it ends in any case.
pub const LONGEST_MS: u64 = 8 * 60 * 60 * 1000;
/// How many wrong passwords a name bears within [`TRIES_MS`].
pub const TRIES: usize = 10;
/// For how long a wrong password counts.
pub const TRIES_MS: u64 = 10 * 60 * 1000;
/// How many names' tries are remembered: the oldest give way, so that made-up names cannot fill the memory.
const MAX_NAMES: usize = 10_000;
/// How many sessions there may be at once; the one unused longest gives way.
const MAX_SESSIONS: usize = 1_000;

#[derive(Clone, Debug)]
struct Session {
    clerk: String,
    begun: UtcMs,
    seen: UtcMs,
}

impl Session {
    fn is_over(&self, now: UtcMs) -> bool {
        now.since(self.seen) >= IDLE_MS || now.since(self.begun) >= LONGEST_MS
    }
}

/// All sessions, by the hash of their secret, and the wrong passwords of late.
#[derive(Debug, Default)]
pub struct Sessions {
    open: Mutex<HashMap<Hash, Session>>,
    tries: Mutex<HashMap<String, Vec<UtcMs>>>,
}

impl Sessions {
    /// Begins a session of `clerk` that is known by `secret`.
    pub fn begin(&self, secret: &str, clerk: String, now: UtcMs) {
        let mut open = locked(&self.open);
        open.retain(|_, session| !session.is_over(now));
        if open.len() >= MAX_SESSIONS
            && let Some(idlest) = open.iter().min_by_key(|(_, session)| session.seen).map(|(key, _)| *key)
        {
            open.remove(&idlest);
        }
        open.insert(key(secret), Session { clerk, begun: now, seen: now });
    }

    /// Whose session this is, if it is not over.
    pub fn clerk(&self, secret: &str, now: UtcMs) -> Option<String> {
        let mut open = locked(&self.open);
        let session = open.get_mut(&key(secret))?;
        if session.is_over(now) {
            open.remove(&key(secret));
            return None;
        }
        session.seen = now;
        Some(session.clerk.clone())
    }

    /// Ends a session.
    pub fn end(&self, secret: &str) {
        locked(&self.open).remove(&key(secret));
    }

    /// Counts a try with this name before its password is looked at, so that tries at once count too. An error says for how many
    /// milliseconds the name is locked.
    pub fn try_name(&self, name: &str, now: UtcMs) -> Result<(), u64> {
        let mut tries = locked(&self.tries);
        tries.retain(|_, at| {
            at.retain(|at| now.since(*at) < TRIES_MS);
            !at.is_empty()
        });
        let name = name.to_lowercase();
        let known = tries.get(&name).map_or(&[][..], Vec::as_slice);
        if let (true, Some(first)) = (known.len() >= TRIES, known.first()) {
            return Err(TRIES_MS.saturating_sub(now.since(*first)).max(1));
        }
        if known.is_empty() && tries.len() >= MAX_NAMES {
            let oldest = tries.iter().min_by_key(|(_, at)| at.last().copied()).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| tries.remove(&oldest));
        }
        tries.entry(name).or_default().push(now);
        Ok(())
    }

    /// Forgets the tries of a name whose password was right.
    pub fn forget_tries(&self, name: &str) {
        locked(&self.tries).remove(&name.to_lowercase());
    }
}

fn key(secret: &str) -> Hash {
    Hash::of(&[b"teilhabe/session", secret.as_bytes()])
}

/// A map is whole after every step, so what a panic left behind can be used.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    #[test]
    fn a_session_ends_idle_or_after_a_day_of_work() {
        let sessions = Sessions::default();
        sessions.begin("s", "Anna".into(), UtcMs(0));
        assert_eq!(sessions.clerk("s", UtcMs(29 * MINUTE)).as_deref(), Some("Anna"));
        assert_eq!(sessions.clerk("s", UtcMs(58 * MINUTE)).as_deref(), Some("Anna"), "used in between");
        assert_eq!(sessions.clerk("s", UtcMs(88 * MINUTE)), None, "idle");
        sessions.begin("t", "Anna".into(), UtcMs(0));
        let used = (1..).map(|n| UtcMs(n * 20 * MINUTE)).take_while(|now| sessions.clerk("t", *now).is_some()).count();
        assert_eq!(used, 23, "8 hours, however busy");
        assert_eq!(sessions.clerk("other", UtcMs(0)), None);
    }

    #[test]
    fn signing_out_ends_it() {
        let sessions = Sessions::default();
        sessions.begin("s", "Anna".into(), UtcMs(0));
        sessions.end("s");
        assert_eq!(sessions.clerk("s", UtcMs(1)), None);
    }

    #[test]
    fn ten_wrong_passwords_lock_a_name_for_a_while() {
        let sessions = Sessions::default();
        assert!((0..TRIES as u64).all(|n| sessions.try_name("Anna", UtcMs(n * MINUTE / 2)).is_ok()));
        assert_eq!(sessions.try_name("anna", UtcMs(5 * MINUTE)), Err(5 * MINUTE));
        assert!(sessions.try_name("Berta", UtcMs(5 * MINUTE)).is_ok(), "another name");
        assert!(sessions.try_name("Anna", UtcMs(10 * MINUTE)).is_ok(), "the first try is forgotten");
        sessions.forget_tries("ANNA");
        assert!((0..TRIES).all(|_| sessions.try_name("Anna", UtcMs(10 * MINUTE)).is_ok()));
    }

    #[test]
    fn made_up_names_do_not_fill_the_memory() {
        let sessions = Sessions::default();
        locked(&sessions.tries).extend((0..MAX_NAMES).map(|n| (n.to_string(), vec![UtcMs(1)])));
        assert!(sessions.try_name("one more", UtcMs(2)).is_ok());
        assert_eq!(locked(&sessions.tries).len(), MAX_NAMES);
    }
}
