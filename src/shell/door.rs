//! The door through which time and randomness enter: read here once per request, then handed on as arguments.

use crate::words::chance::Chance;
use crate::words::time::UtcMs;
use std::time::{SystemTime, UNIX_EPOCH};

/// What the machine's clock shows; 1970-01-01 where it shows an earlier time.
pub fn now() -> UtcMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UtcMs(u64::try_from(since.as_millis()).unwrap_or(u64::MAX)).min(UtcMs::MAX)
}

/// The operating system's randomness.
///
/// # Panics
/// When the operating system has none to give: keys made without it would be worse than none.
pub fn os_chance() -> Chance {
    Chance::new(|buffer| getrandom::fill(buffer).expect("safe: every supported system gives randomness once it has started"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_runs_and_chance_varies() {
        let start_of_2026 = UtcMs(1_767_225_600_000);
        assert!(now() > start_of_2026);
        let mut chance = os_chance();
        assert_ne!(chance.bytes::<16>(), chance.bytes::<16>());
    }
}
