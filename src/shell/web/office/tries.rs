//! Who has tried too often to sign in: a name, and an address. Kept in the store by hashes, so that all processes of an office count together.

use super::Desk;
use super::caller::Caller;
use super::page::Fault;
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::office::sessions;
use crate::shell::store::sql::Connection;
use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many tries a name bears from one address within [`TRIES_MS`], one-time codes included. From another one its owner still signs in.
pub const TRIES: usize = 10;
/// Of how many tries of a name within that time, from wherever, none is slowed down.
const TRIES_AT_ONCE: usize = 20;
/// How many one-time codes a name bears within that time, from wherever: who gets there knows the password.
const CODES: usize = 2 * TRIES;
/// The longest that a try of a name is slowed down.
const SLOWEST_MS: u64 = 8_000;
/// How many failed tries an address bears in that time: many clerks may sit behind one.
pub const TRIES_OF_ADDRESS: usize = 60;
/// The same where all come from this machine: a proxy may hide everybody behind it.
const TRIES_OF_PROXY: usize = 10 * TRIES_OF_ADDRESS;
/// For how long a try counts.
pub const TRIES_MS: u64 = 10 * 60 * 1000;
/// How many names and addresses are remembered: the oldest give way, so that made-up ones cannot fill the memory.
const MAX_KEYS: usize = 10_000;

/// Tries of late: by name and address, by address, and by name; of all that are kept, those that one question is about.
#[derive(Debug, Default)]
pub struct Tries(Mutex<HashMap<String, Vec<UtcMs>>>);

/// Too many tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locked {
    /// For how many milliseconds yet.
    pub ms: u64,
    /// Whether this is the first try that met the lock: to be logged once.
    pub new: bool,
}

impl Tries {
    fn locked(&self) -> MutexGuard<'_, HashMap<String, Vec<UtcMs>>> {
        // A map is whole after every step, so what a panic left behind can be used.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a try before it is looked at, so that tries at once count too.
    pub fn count(&self, name: &str, caller: &Caller, now: UtcMs) -> Result<(), Locked> {
        self.count_keys(keys(name, caller), now)
    }

    /// Counts a try at a one-time code after the right password.
    pub fn count_code(&self, name: &str, caller: &Caller, now: UtcMs) -> Result<(), Locked> {
        let mut keys = keys(name, caller);
        keys.push((of_codes(name), CODES));
        self.count_keys(keys, now)
    }

    /// How long the answer to a try of this name is held back: guessing from many addresses slows down, and locks nobody out.
    pub fn delay_ms(&self, name: &str) -> u64 {
        let tries = self.locked().get(&of_name(name)).map_or(0, Vec::len);
        let doubled = u32::try_from(tries.saturating_sub(TRIES_AT_ONCE).div_ceil(10)).unwrap_or(u32::MAX);
        if doubled == 0 { 0 } else { 500u64.saturating_mul(2u64.saturating_pow(doubled - 1)).min(SLOWEST_MS) }
    }

    /// Counts a try of which no name is known yet, `kind` by `kind` and by address alone.
    pub fn count_nameless(&self, kind: &str, caller: &Caller, now: UtcMs) -> Result<(), Locked> {
        self.count_keys(vec![nameless(kind, caller)], now)
    }

    /// Forgets one nameless try that went well, so that clerks behind one address do not lock each other.
    pub fn forget_nameless(&self, kind: &str, caller: &Caller) {
        if let Some(at) = self.locked().get_mut(&nameless(kind, caller).0) {
            at.pop();
        }
    }

    fn count_keys(&self, keys: Vec<(String, usize)>, now: UtcMs) -> Result<(), Locked> {
        let mut tries = self.locked();
        tries.retain(|_, at| {
            at.retain(|at| now.since(*at) < TRIES_MS);
            !at.is_empty()
        });
        for (key, most) in &keys {
            let Some(known) = tries.get_mut(key).filter(|known| known.len() >= *most) else { continue };
            let ms = TRIES_MS.saturating_sub(known.first().map_or(0, |first| now.since(*first))).max(1);
            let new = known.len() == *most;
            if new {
                known.push(now);
            }
            return Err(Locked { ms, new });
        }
        for (key, _) in keys {
            if !tries.contains_key(&key) && tries.len() >= MAX_KEYS {
                let oldest = tries.iter().min_by_key(|(_, at)| at.last().copied()).map(|(key, _)| key.clone());
                oldest.and_then(|oldest| tries.remove(&oldest));
            }
            tries.entry(key).or_default().push(now);
        }
        Ok(())
    }

    /// Forgets the tries of a name that has signed in, and one of its address: whoever else tries from there still counts.
    pub fn forget(&self, name: &str, caller: &Caller) {
        let mut tries = self.locked();
        let mine = of_name_there(name, caller);
        let its = tries.get(&mine).map_or(0, Vec::len);
        for key in [of_name(name), of_codes(name)] {
            if let Some(all) = tries.get_mut(&key) {
                all.truncate(all.len().saturating_sub(its));
            }
        }
        for (key, _) in keys(name, caller) {
            if key == mine {
                let its = tries.remove(&key).map_or(0, |at| at.len());
                if let Some(address) = caller.address().and_then(|address| tries.get_mut(&address.to_string())) {
                    address.truncate(address.len().saturating_sub(its));
                }
            }
        }
    }
}

impl Desk {
    /// Counts, reads or forgets tries of this name, in one step.
    pub(super) async fn tried<T: Send + 'static>(
        &self,
        name: &str,
        caller: &Caller,
        work: impl FnOnce(&Tries) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let mut all: Vec<String> = keys(name, caller).into_iter().map(|(key, _)| key).collect();
        all.push(of_codes(name));
        let now = door::now();
        self.with(move |office| counted(office.db(), &all, work, now)).await
    }

    /// Counts a try of which no name is known yet.
    pub(super) async fn tried_nameless(&self, kind: &str, caller: &Caller) -> Result<Result<(), Locked>, Fault> {
        let (all, now, kind, caller) = (vec![nameless(kind, caller).0], door::now(), kind.to_owned(), caller.clone());
        self.with(move |office| counted(office.db(), &all, |tries| tries.count_nameless(&kind, &caller, now), now)).await
    }

    /// Forgets the tries of a name that has signed in.
    pub(super) async fn forget_tries(&self, name: &str, caller: &Caller) -> Result<(), Fault> {
        let (known, from) = (name.to_owned(), caller.clone());
        self.tried(name, caller, move |tries| tries.forget(&known, &from)).await
    }

    /// Forgets a nameless try that went well.
    pub(super) async fn forget_nameless(&self, kind: &str, caller: &Caller) -> Result<(), Fault> {
        let (all, now, kind, caller) = (vec![nameless(kind, caller).0], door::now(), kind.to_owned(), caller.clone());
        self.with(move |office| counted(office.db(), &all, |tries| tries.forget_nameless(&kind, &caller), now)).await
    }
}

/// Takes the tries under these keys out of the store, has `work` count them, and puts them back; nobody counts between.
fn counted<T>(db: &Connection, keys: &[String], work: impl FnOnce(&Tries) -> T, now: UtcMs) -> Result<T, StoreError> {
    let hash = |key: &String| Hash::of(&[b"teilhabe/try", key.as_bytes()]);
    let transaction = db.writing()?;
    sessions::forget_old_tries(&transaction, UtcMs(now.0.saturating_sub(TRIES_MS)), MAX_KEYS as u64)?;
    let tries = Tries::default();
    for key in keys {
        let at: Vec<UtcMs> = sessions::tries(&transaction, hash(key))?.into_iter().filter(|at| now.since(*at) < TRIES_MS).collect();
        if !at.is_empty() {
            tries.locked().insert(key.clone(), at);
        }
    }
    let answer = work(&tries);
    for key in keys {
        let at = tries.locked().get(key).cloned().unwrap_or_default();
        sessions::set_tries(&transaction, hash(key), &at)?;
    }
    transaction.commit()?;
    Ok(answer)
}

fn nameless(kind: &str, caller: &Caller) -> (String, usize) {
    caller.address().map_or_else(|| (format!("{kind} here"), TRIES_OF_PROXY), |address| (format!("{kind} {address}"), TRIES_OF_ADDRESS))
}

fn of_name(name: &str) -> String {
    format!("name {}", name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase())
}

fn of_codes(name: &str) -> String {
    format!("code of {}", of_name(name))
}

fn of_name_there(name: &str, caller: &Caller) -> String {
    format!("{} at {}", of_name(name), caller.address().map_or_else(|| "here".to_owned(), |address| address.to_string()))
}

fn keys(name: &str, caller: &Caller) -> Vec<(String, usize)> {
    let of_name = [(of_name_there(name, caller), TRIES), (of_name(name), usize::MAX)];
    of_name.into_iter().chain(caller.address().map(|address| (address.to_string(), TRIES_OF_ADDRESS))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::web::serve::Peer;
    use axum::http::{Extensions, HeaderMap};

    const MINUTE: u64 = 60_000;

    fn from(address: [u8; 4]) -> Caller {
        let mut extensions = Extensions::new();
        extensions.insert(Peer(address.into()));
        Caller::of(&extensions, &HeaderMap::new())
    }

    #[test]
    fn ten_tries_lock_a_name_at_an_address_for_a_while() {
        let (tries, here) = (Tries::default(), from([10, 0, 0, 1]));
        assert!((0..TRIES as u64).all(|n| tries.count("Anna", &here, UtcMs(n * MINUTE / 2)).is_ok()));
        assert_eq!(tries.count(" anna ", &here, UtcMs(5 * MINUTE)), Err(Locked { ms: 5 * MINUTE, new: true }));
        assert_eq!(tries.count("anna", &here, UtcMs(5 * MINUTE)), Err(Locked { ms: 5 * MINUTE, new: false }), "logged once");
        assert!(tries.count("Berta", &here, UtcMs(5 * MINUTE)).is_ok(), "another name");
        assert!(tries.count("Anna", &here, UtcMs(11 * MINUTE)).is_ok(), "the first tries are forgotten");
        tries.forget("ANNA", &here);
        assert!((0..TRIES).all(|_| tries.count("Anna", &here, UtcMs(11 * MINUTE)).is_ok()));
    }

    #[test]
    fn nobody_locks_a_clerk_out_from_elsewhere_but_guessing_slows_down() {
        let (tries, desk) = (Tries::default(), from([10, 0, 0, 1]));
        for thief in 2..6 {
            assert!((0..=TRIES).filter(|_| tries.count("Anna", &from([10, 0, 0, thief]), UtcMs(1)).is_ok()).count() == TRIES);
        }
        assert!(tries.count("Anna", &desk, UtcMs(2)).is_ok(), "she signs in from her own desk all the same");
        let slow = tries.delay_ms("ANNA");
        assert!((500..=SLOWEST_MS).contains(&slow) && tries.delay_ms("Berta") == 0, "{slow}");
        for thief in 6..200 {
            for _ in 0..TRIES {
                _ = tries.count("Anna", &from([10, 0, 0, thief]), UtcMs(3));
            }
        }
        assert_eq!(tries.delay_ms("Anna"), SLOWEST_MS);
        tries.forget("Anna", &desk);
        assert!(tries.delay_ms("Anna") > 0, "others' tries still count");
        assert!(tries.count("Anna", &desk, UtcMs(4 + TRIES_MS)).is_ok());
        assert_eq!(tries.delay_ms("Anna"), 0, "and are forgotten in time");
    }

    #[test]
    fn codes_are_counted_from_wherever_they_are_tried() {
        let tries = Tries::default();
        let tried = (0..4)
            .flat_map(|thief| (0..TRIES).map(move |_| thief))
            .filter(|thief| tries.count_code("Anna", &from([10, 0, 1, *thief]), UtcMs(1)).is_ok());
        assert_eq!(tried.count(), CODES);
        assert!(tries.count("Anna", &from([10, 0, 0, 1]), UtcMs(1)).is_ok(), "her password is still taken");
    }

    #[test]
    fn an_address_that_tries_many_names_is_locked_and_others_are_not() {
        let (tries, thief) = (Tries::default(), from([10, 0, 0, 66]));
        assert!((0..TRIES_OF_ADDRESS).all(|n| tries.count(&format!("name {n}"), &thief, UtcMs(1)).is_ok()));
        assert!(tries.count("one more", &thief, UtcMs(2)).is_err());
        assert!(tries.count("one more", &from([10, 0, 0, 7]), UtcMs(2)).is_ok());
    }

    #[test]
    fn nameless_tries_lock_their_kind_and_address_alone() {
        let (tries, thief) = (Tries::default(), from([10, 0, 0, 66]));
        assert!((0..TRIES_OF_ADDRESS).all(|_| tries.count_nameless("passkey", &thief, UtcMs(1)).is_ok()));
        assert!(tries.count_nameless("passkey", &thief, UtcMs(2)).is_err_and(|locked| locked.new));
        assert!(tries.count_nameless("passkey", &thief, UtcMs(2)).is_err_and(|locked| !locked.new));
        assert!(tries.count_nameless("service", &thief, UtcMs(2)).is_ok() && tries.count("Anna", &thief, UtcMs(2)).is_ok());
        assert!(tries.count_nameless("passkey", &from([10, 0, 0, 7]), UtcMs(2)).is_ok());
        let office = from([10, 0, 0, 8]);
        for n in 0..200 {
            assert!(tries.count_nameless("passkey", &office, UtcMs(2)).is_ok(), "{n}");
            tries.forget_nameless("passkey", &office);
        }
    }

    #[test]
    fn clerks_behind_one_address_do_not_lock_each_other_by_signing_in() {
        let (tries, proxy) = (Tries::default(), from([10, 0, 0, 1]));
        for n in 0..200 {
            let name = format!("clerk {n}");
            assert!(tries.count(&name, &proxy, UtcMs(n)).is_ok(), "{n}");
            tries.forget(&name, &proxy);
        }
    }

    #[test]
    fn what_one_process_counted_another_goes_on_from() {
        let (db, here) = (crate::shell::store::office::open_in_memory().expect("a database"), from([10, 0, 0, 1]));
        let all: Vec<String> = keys("Anna", &here).into_iter().map(|(key, _)| key).collect();
        let count = |at: u64| counted(&db, &all, |tries| tries.count("Anna", &here, UtcMs(at)), UtcMs(at)).expect("stored");
        assert!((1..=TRIES as u64).all(|n| count(n).is_ok()));
        assert!(count(20).is_err_and(|locked| locked.new) && count(21).is_err_and(|locked| !locked.new));
        counted(&db, &all, |tries| tries.forget("Anna", &here), UtcMs(22)).expect("stored");
        assert!(count(23).is_ok());
        assert!((24..24 + TRIES as u64).filter(|n| count(*n).is_ok()).count() == TRIES - 1);
        assert!(count(40 + TRIES_MS).is_ok(), "forgotten in time");
        let kept: i64 = db.query_row("SELECT count(*) FROM attempt", [], |row| row.get(0)).expect("counted");
        assert_eq!(kept, 3, "by name there, by name, by address");
        counted(&db, &all, |tries| tries.forget("Anna", &here), UtcMs(41 + TRIES_MS)).expect("stored");
        let kept: i64 = db.query_row("SELECT count(*) FROM attempt", [], |row| row.get(0)).expect("counted");
        assert_eq!(kept, 0);
    }

    #[test]
    fn made_up_names_do_not_fill_the_memory() {
        let (tries, here) = (Tries::default(), from([127, 0, 0, 1]));
        tries.locked().extend((0..MAX_KEYS).map(|n| (n.to_string(), vec![UtcMs(1)])));
        assert!(tries.count("one more", &here, UtcMs(2)).is_ok());
        assert_eq!(tries.locked().len(), MAX_KEYS);
    }
}
