//! Who is looking at which line, so that two clerks do not work on the same one unawares.

use super::Desk;
use crate::words::ids::EntryId;
use crate::words::time::UtcMs;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// For how long somebody who opened a line is taken to be looking at it.
const LOOKS_FOR_MS: u64 = 3 * 60 * 1000;

/// The lines being looked at, each with who opened it last and when.
#[derive(Debug, Default)]
pub struct Watched {
    all: Mutex<BTreeMap<EntryId, (String, UtcMs)>>,
}

impl Desk {
    /// Who is looking at which line.
    pub fn watched(&self) -> &Watched {
        &self.0.watched
    }
}

impl Watched {
    fn locked(&self) -> MutexGuard<'_, BTreeMap<EntryId, (String, UtcMs)>> {
        // A map is whole after every step, so what a panic left behind can be used.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who else is looking at a line; from now on `clerk` is, where `looks` says so and nobody else does.
    pub fn look(&self, line: EntryId, clerk: &str, looks: bool, now: UtcMs) -> Option<String> {
        let mut all = self.locked();
        all.retain(|_, (_, since)| now <= since.plus_ms(LOOKS_FOR_MS));
        match all.get(&line) {
            Some((other, _)) if other != clerk => Some(other.clone()),
            _ => {
                if looks {
                    all.insert(line, (clerk.to_owned(), now));
                }
                None
            }
        }
    }

    /// The clerk has decided the line and goes on.
    pub fn leave(&self, line: EntryId, clerk: &str) {
        let mut all = self.locked();
        if all.get(&line).is_some_and(|(other, _)| other == clerk) {
            all.remove(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::ids::TerminalId;

    #[test]
    fn whoever_came_first_is_named_to_the_other_for_a_while() {
        let (watched, line) = (Watched::default(), EntryId { terminal: TerminalId([1; 16]), seq: 7 });
        assert_eq!(watched.look(line, "Anna", true, UtcMs(0)), None);
        assert_eq!(watched.look(line, "Berta", true, UtcMs(1000)).as_deref(), Some("Anna"));
        assert_eq!(watched.look(line, "Anna", true, UtcMs(2000)), None, "nobody is told of herself");
        watched.leave(line, "Berta");
        assert_eq!(watched.look(line, "Berta", true, UtcMs(3000)).as_deref(), Some("Anna"));
        watched.leave(line, "Anna");
        assert_eq!(watched.look(line, "Berta", false, UtcMs(4000)), None);
        assert_eq!(watched.look(line, "Anna", true, UtcMs(5000)), None, "Berta only passed by");
        assert_eq!(watched.look(line, "Berta", true, UtcMs(6000 + LOOKS_FOR_MS)), None, "Anna has gone");
    }
}
