//! What systemd is told (sd_notify(3)): that the service answers, and again and again that it still does.

use sd_notify::NotifyState;
use std::time::Duration;

/// Reports the start, then, where a watchdog waits (`WatchdogSec=`), a sign of life after each piece of work that `answers` gets done.
/// A writer that hangs gives none: systemd ends the process and starts it again with its state. Never ends; outside systemd it says nothing.
pub async fn report<F: Future<Output = bool>>(answers: impl Fn() -> F) {
    tell(NotifyState::Ready);
    let Some(patience) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    let mut beat = tokio::time::interval(pause(patience));
    loop {
        beat.tick().await;
        if answers().await {
            tell(NotifyState::Watchdog);
        }
    }
}

/// Reports that the service ends.
pub fn ends() {
    tell(NotifyState::Stopping);
}

/// Three signs of life within the watchdog's patience, so that one that is late ends nothing.
fn pause(patience: Duration) -> Duration {
    (patience / 3).max(Duration::from_millis(100))
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd was not told: check NotifyAccess= of the unit");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_signs_fit_into_the_patience_and_never_come_without_pause() {
        assert_eq!(pause(Duration::from_secs(30)), Duration::from_secs(10));
        assert_eq!(pause(Duration::ZERO), Duration::from_millis(100));
    }
}
