//! What is under way between two requests of one browser: a passkey's challenge, a sign-in elsewhere. Kept in memory for minutes.

use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How long one may take.
const LONGEST_MS: u64 = 10 * 60 * 1000;
/// How many there may be at once; the oldest gives way, so that strangers cannot fill the memory.
const MOST: usize = 1_000;

/// Things under way, by the hash of a secret that only one browser knows. Each is taken once.
#[derive(Debug)]
pub struct Ceremonies<T>(Mutex<HashMap<Hash, (UtcMs, T)>>);

impl<T> Default for Ceremonies<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Ceremonies<T> {
    /// Begins one.
    pub fn begin(&self, secret: &str, what: T, now: UtcMs) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, (begun, _)| now.since(*begun) < LONGEST_MS);
        if open.len() >= MOST
            && let Some(oldest) = open.iter().min_by_key(|(_, (begun, _))| *begun).map(|(key, _)| *key)
        {
            open.remove(&oldest);
        }
        open.insert(Hash::of(&[secret.as_bytes()]), (now, what));
    }

    /// Takes one out, if it is not over.
    pub fn take(&self, secret: &str, now: UtcMs) -> Option<T> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&Hash::of(&[secret.as_bytes()]));
        taken.filter(|(begun, _)| now.since(*begun) < LONGEST_MS).map(|(_, what)| what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_taken_once_and_in_time() {
        let all = Ceremonies::default();
        all.begin("s", 1, UtcMs(0));
        assert_eq!((all.take("t", UtcMs(1)), all.take("s", UtcMs(1)), all.take("s", UtcMs(1))), (None, Some(1), None));
        all.begin("s", 2, UtcMs(0));
        assert_eq!(all.take("s", UtcMs(LONGEST_MS)), None);
        for n in 0..2 * MOST as u64 {
            all.begin(&n.to_string(), 3, UtcMs(n));
        }
        assert_eq!(all.0.lock().expect("not poisoned").len(), MOST);
        assert_eq!((all.take("0", UtcMs(2_000)), all.take("1999", UtcMs(2_000))), (None, Some(3)));
    }
}
