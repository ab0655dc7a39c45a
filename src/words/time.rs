//! Points in time. A point in time is never a civil day; see [`crate::words::civil`] for those.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UtcMs(pub u64);

/// Seconds since 1970-01-01T00:00:00Z, as CWT claims carry them (RFC 8392 § 2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UtcSeconds(pub u64);

/// Milliseconds in one day of 24 hours.
pub const DAY_MS: u64 = 86_400_000;

impl UtcMs {
    /// The latest time any document may carry (year 9999): later ones would overflow calendars.
    pub const MAX: UtcMs = UtcMs(253_402_300_799_999);

    /// The second this point lies in.
    pub const fn seconds(self) -> UtcSeconds {
        UtcSeconds(self.0 / 1000)
    }

    /// This point plus `ms` milliseconds, never past the end of time.
    pub const fn plus_ms(self, ms: u64) -> UtcMs {
        UtcMs(self.0.saturating_add(ms))
    }

    /// This point plus `days` times 24 hours.
    pub const fn plus_days(self, days: u64) -> UtcMs {
        UtcMs(self.0.saturating_add(days.saturating_mul(DAY_MS)))
    }

    /// Milliseconds from `earlier` to this point, zero where it lies ahead.
    pub const fn since(self, earlier: UtcMs) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `2026-11-23T11:03:00Z` (RFC 3339, whole seconds).
    pub fn rfc3339(self) -> String {
        let seconds = i64::try_from(self.0 / 1000).unwrap_or(i64::MAX);
        chrono::DateTime::from_timestamp(seconds, 0).map_or_else(|| self.0.to_string(), |t| t.format("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    /// Reads a time of RFC 3339, with or without fractions and with any offset.
    pub fn parse_rfc3339(text: &str) -> Option<UtcMs> {
        let time = chrono::DateTime::parse_from_rfc3339(text).ok()?;
        u64::try_from(time.timestamp_millis()).ok().map(UtcMs)
    }
}

impl UtcSeconds {
    /// The first millisecond of this second.
    pub const fn ms(self) -> UtcMs {
        UtcMs(self.0.saturating_mul(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_survives_a_round_trip() {
        let text = "2026-11-23T11:03:00Z";
        assert_eq!(UtcMs::parse_rfc3339(text).map(UtcMs::rfc3339).as_deref(), Some(text));
        assert_eq!(UtcMs::parse_rfc3339("2026-11-23T12:03:00+01:00"), UtcMs::parse_rfc3339(text));
        assert_eq!(UtcMs::parse_rfc3339("yesterday"), None);
    }
}
