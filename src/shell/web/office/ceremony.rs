//! What is under way between two requests of one browser: a passkey's challenge, a sign-in elsewhere. Kept in the store for minutes, so that
//! the second request may come to another process.

use super::Desk;
use super::page::Fault;
use crate::shell::store::StoreError;
use crate::shell::store::office::sessions;
use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How long one may take.
const LONGEST_MS: u64 = 10 * 60 * 1000;
/// How many there may be at once; the oldest gives way, so that strangers cannot fill the memory.
const MOST: u64 = 1_000;

impl Desk {
    /// Begins one of this kind, for the browser that knows `secret`.
    pub(super) async fn begin_ceremony(&self, kind: &str, secret: &str, what: &impl Serialize, now: UtcMs) -> Result<(), Fault> {
        let key = key(kind, secret);
        let what = serde_json::to_string(what).map_err(|why| StoreError::Inconsistent(format!("a {kind} that cannot be kept ({why})")))?;
        self.with(move |office| sessions::begin_ceremony(office.db(), key, &what, (before(now), MOST), now)).await
    }

    /// Takes one out, if it is not over: each is taken once.
    pub(super) async fn take_ceremony<T: DeserializeOwned>(&self, kind: &str, secret: &str, now: UtcMs) -> Result<Option<T>, Fault> {
        let key = key(kind, secret);
        let taken = self.with(move |office| sessions::take_ceremony(office.db(), key, before(now))).await?;
        Ok(taken.and_then(|text| serde_json::from_str(&text).ok()))
    }
}

const fn before(now: UtcMs) -> UtcMs {
    UtcMs(now.0.saturating_sub(LONGEST_MS))
}

fn key(kind: &str, secret: &str) -> Hash {
    Hash::of(&[b"teilhabe/ceremony", kind.as_bytes(), secret.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::store::office::open_in_memory;

    #[test]
    fn one_is_taken_once_and_in_time() {
        let db = open_in_memory().expect("a database");
        let begin = |secret: &str, at: u64| sessions::begin_ceremony(&db, key("a", secret), "x", (before(UtcMs(at)), 3), UtcMs(at)).expect("kept");
        let take = |kind: &str, secret: &str, at: u64| sessions::take_ceremony(&db, key(kind, secret), before(UtcMs(at))).expect("read").is_some();
        begin("s", 1);
        assert_eq!((take("a", "t", 2), take("b", "s", 2), take("a", "s", 2), take("a", "s", 2)), (false, false, true, false));
        begin("s", 3);
        assert!(!take("a", "s", 3 + LONGEST_MS), "over");
        for n in 10..16 {
            begin(&n.to_string(), n);
        }
        assert_eq!((take("a", "12", 20), take("a", "13", 20), take("a", "15", 20)), (false, true, true), "the oldest gave way");
    }
}
