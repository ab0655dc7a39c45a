//! Offices that have asked to come again later, and when: the box asks none of them before, whoever presses a button.

use crate::words::chance::Chance;
use crate::words::ids::OfficeId;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// The shortest: whoever says 0 is not asked again and again.
const SHORTEST_SECONDS: u64 = 5;
/// The longest that an office is waited for; one that asks for more is asked again then.
const LONGEST_SECONDS: u64 = 60 * 60;

/// By a clock that nobody sets.
#[derive(Debug, Default)]
pub(super) struct Patience {
    until: Mutex<BTreeMap<OfficeId, Instant>>,
    changed: Notify,
}

impl Patience {
    fn locked(&self) -> MutexGuard<'_, BTreeMap<OfficeId, Instant>> {
        // A map is whole after every step, so what a panic left behind can be used.
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The office has asked to come again in so many seconds. Up to half as many are left to chance, so that all who were told the same do
    /// not come at the same time. Answers how many it will be.
    pub(super) fn wait(&self, office: OfficeId, seconds: u64, chance: &mut Chance, now: Instant) -> u64 {
        let seconds = seconds.clamp(SHORTEST_SECONDS, LONGEST_SECONDS);
        let jitter = u64::from(chance.below(u32::try_from(seconds / 2 + 2).unwrap_or(2)));
        self.locked().insert(office, now + Duration::from_secs(seconds + jitter));
        self.changed.notify_one();
        seconds + jitter
    }

    /// In how many seconds it may be asked again; none where it may be asked now.
    pub(super) fn left(&self, office: &OfficeId, now: Instant) -> Option<u64> {
        let mut all = self.locked();
        all.retain(|_, until| *until > now);
        all.get(office).map(|until| until.duration_since(now).as_millis().div_ceil(1000) as u64)
    }

    /// Waits until the next of them may be asked again; for ever where there is none.
    pub(super) async fn next(&self) {
        loop {
            let next = self.locked().values().min().copied();
            let until = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = until => {
                    self.locked().retain(|_, until| *until > Instant::now());
                    return;
                }
                () = self.changed.notified() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_office_that_is_busy_is_left_alone_as_long_as_it_asks_for_and_no_hour_longer() {
        let (patience, now, office) = (Patience::default(), Instant::now(), |id| OfficeId::parse(id).expect("an id"));
        let mut chance = Chance::seeded(1);
        let told: Vec<u64> = (0..50).map(|_| patience.wait(office("05562032"), 30, &mut chance, now)).collect();
        assert!(told.iter().all(|seconds| (30..=46).contains(seconds)) && told.iter().any(|seconds| *seconds != told[0]), "{told:?}");
        let last = *told.last().expect("told");
        assert_eq!(patience.left(&office("05562032"), now), Some(last));
        assert_eq!(patience.left(&office("05562032"), now + Duration::from_millis(last * 1000 - 1)), Some(1));
        assert_eq!(patience.left(&office("05562024"), now), None);
        assert_eq!(patience.left(&office("05562032"), now + Duration::from_secs(last)), None);
        assert!(patience.wait(office("05562032"), u64::MAX, &mut chance, now) <= LONGEST_SECONDS * 2);
        assert!((5..=8).contains(&patience.wait(office("05562032"), 0, &mut chance, now)));
    }
}
