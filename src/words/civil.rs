//! Civil days, months and weeks in Europe/Berlin, the calendar of the service date.

use super::time::{UtcMs, UtcSeconds};
use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::Europe::Berlin;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A calendar day in Europe/Berlin, counted in days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilDay(u32);

/// A calendar month in Europe/Berlin, counted in months since January 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilMonth(u32);

/// An ISO week (ISO 8601), named by its Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IsoWeek(CivilDay);

const EPOCH_DAYS_FROM_CE: i32 = 719_163;

impl CivilDay {
    /// 1970-01-01.
    pub const EPOCH: CivilDay = CivilDay(0);
    /// The last day any document may carry, 9999-12-30, one before the calendar's end.
    pub const MAX: CivilDay = CivilDay(2_932_895);

    /// The day that lies `days` after 1970-01-01, if it is not past [`CivilDay::MAX`].
    pub fn from_days(days: u64) -> Option<Self> {
        u32::try_from(days).ok().map(CivilDay).filter(|d| *d <= Self::MAX)
    }

    /// Days since 1970-01-01.
    pub const fn days(self) -> u32 {
        self.0
    }

    /// The day with this year, month (1–12) and day of the month.
    pub fn from_ymd(year: i32, month: u32, day: u32) -> Option<Self> {
        Self::from_naive(NaiveDate::from_ymd_opt(year, month, day)?)
    }

    /// Year, month (1–12) and day of the month.
    pub fn ymd(self) -> (i32, u32, u32) {
        let date = self.naive();
        (date.year(), date.month(), date.day())
    }

    /// The Berlin day in which `at` lies.
    pub fn of(at: UtcMs) -> Self {
        let seconds = i64::try_from(at.0.min(UtcMs::MAX.0) / 1000).unwrap_or(0);
        chrono::DateTime::from_timestamp(seconds, 0).and_then(|t| Self::from_naive(t.with_timezone(&Berlin).date_naive())).unwrap_or(Self::MAX)
    }

    /// The second at which this day begins in Berlin.
    pub fn midnight(self) -> UtcSeconds {
        self.at_minute(0).seconds()
    }

    /// The point `minute` minutes of the wall clock after midnight in Berlin; the first of two where a clock change repeats it,
    /// the hour later where a clock change skips it.
    pub fn at_minute(self, minute: u32) -> UtcMs {
        let time = NaiveTime::from_num_seconds_from_midnight_opt((minute % 1440) * 60, 0).unwrap_or_default();
        let local = NaiveDateTime::new(self.naive(), time);
        let seconds = match Berlin.from_local_datetime(&local).earliest() {
            Some(t) => t.timestamp(),
            None => {
                local.and_utc().timestamp()
                    - i64::from(Berlin.offset_from_utc_datetime(&(local - chrono::Duration::hours(3))).fix().local_minus_utc())
            }
        };
        UtcSeconds(u64::try_from(seconds).unwrap_or(0)).ms()
    }

    /// The month this day lies in.
    pub fn month(self) -> CivilMonth {
        let date = self.naive();
        CivilMonth(u32::try_from((date.year() - 1970) * 12).unwrap_or(0) + date.month0())
    }

    /// The ISO week this day lies in.
    pub fn iso_week(self) -> IsoWeek {
        IsoWeek(CivilDay(self.0.saturating_sub(self.naive().weekday().num_days_from_monday())))
    }

    /// Saturday or Sunday.
    pub fn is_weekend(self) -> bool {
        self.naive().weekday().num_days_from_monday() >= 5
    }

    /// The day `days` later, at most [`CivilDay::MAX`].
    pub fn plus(self, days: u32) -> CivilDay {
        CivilDay(self.0.saturating_add(days).min(Self::MAX.0))
    }

    /// The day `days` earlier, at least 1970-01-01.
    pub const fn minus(self, days: u32) -> CivilDay {
        CivilDay(self.0.saturating_sub(days))
    }

    /// `23.11.2026`, as German readers expect it.
    pub fn german(self) -> String {
        self.naive().format("%d.%m.%Y").to_string()
    }

    /// Reads `2026-11-23` or `23.11.2026`.
    pub fn parse(text: &str) -> Option<CivilDay> {
        let text = text.trim();
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").or_else(|_| NaiveDate::parse_from_str(text, "%d.%m.%Y")).ok()?;
        Self::from_naive(date)
    }

    fn naive(self) -> NaiveDate {
        let days = i32::try_from(self.0).unwrap_or(0);
        NaiveDate::from_num_days_from_ce_opt(days + EPOCH_DAYS_FROM_CE).unwrap_or(NaiveDate::MAX)
    }

    fn from_naive(date: NaiveDate) -> Option<Self> {
        u64::try_from(date.num_days_from_ce() - EPOCH_DAYS_FROM_CE).ok().and_then(Self::from_days)
    }
}

impl CivilMonth {
    /// The month with this year and number (1–12).
    pub fn from_ym(year: i32, month: u32) -> Option<Self> {
        CivilDay::from_ymd(year, month, 1).map(CivilDay::month)
    }

    /// The month that lies `months` after January 1970, if it is not past the calendar's end.
    pub fn from_months(months: u64) -> Option<Self> {
        u32::try_from(months).ok().map(CivilMonth).filter(|m| *m <= CivilDay::MAX.month())
    }

    /// Months since January 1970.
    pub const fn months(self) -> u32 {
        self.0
    }

    /// The first day of the month.
    pub fn first_day(self) -> CivilDay {
        let year = i32::try_from(self.0 / 12).unwrap_or(0) + 1970;
        CivilDay::from_ymd(year, self.0 % 12 + 1, 1).unwrap_or(CivilDay::MAX)
    }

    /// The last day of the month.
    pub fn last_day(self) -> CivilDay {
        self.plus(1).first_day().minus(1)
    }

    /// The month `months` later.
    pub fn plus(self, months: u32) -> CivilMonth {
        CivilMonth(self.0.saturating_add(months).min(CivilDay::MAX.month().0))
    }

    /// Whole months from `earlier` to this one, counting neither twice: November minus September is two.
    pub const fn since(self, earlier: CivilMonth) -> u32 {
        self.0.saturating_sub(earlier.0)
    }

    /// Reads `2026-11`, `11.2026` or `11/2026`, or the month of a whole date.
    pub fn parse(text: &str) -> Option<CivilMonth> {
        let text = text.trim();
        if let Some(day) = CivilDay::parse(text) {
            return Some(day.month());
        }
        let (first, second) = text.split_once(['-', '.', '/'])?;
        let (year, month) = if first.len() == 4 { (first, second) } else { (second, first) };
        if year.len() != 4 || month.is_empty() || month.len() > 2 {
            return None;
        }
        CivilMonth::from_ym(year.parse().ok()?, month.parse().ok()?)
    }

    /// `11/2026`, as German readers expect it.
    pub fn german(self) -> String {
        format!("{:02}/{}", self.0 % 12 + 1, self.0 / 12 + 1970)
    }
}

impl IsoWeek {
    /// Monday of this week.
    pub const fn monday(self) -> CivilDay {
        self.0
    }

    /// Sunday of this week.
    pub fn sunday(self) -> CivilDay {
        self.0.plus(6)
    }
}

impl fmt::Display for CivilDay {
    /// `2026-11-23` (ISO 8601).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Chrono's own, which is ISO 8601 too: each slot of a line is made of it, and a pattern is read anew each time.
        fmt::Display::fmt(&self.naive(), f)
    }
}

impl fmt::Display for CivilMonth {
    /// `2026-11`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:02}", self.0 / 12 + 1970, self.0 % 12 + 1)
    }
}

impl Serialize for CivilDay {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for CivilMonth {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CivilDay {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        CivilDay::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("“{text}” is not a date: write it as 2026-11-23")))
    }
}

/// The wall clock in Berlin at `at`, as minutes since midnight (0–1439).
pub fn berlin_minute(at: UtcMs) -> u32 {
    use chrono::Timelike;
    let seconds = i64::try_from(at.0.min(UtcMs::MAX.0) / 1000).unwrap_or(0);
    chrono::DateTime::from_timestamp(seconds, 0).map_or(0, |t| {
        let local = t.with_timezone(&Berlin);
        local.hour() * 60 + local.minute()
    })
}

/// `12:03`, the wall clock of a minute of the day.
pub fn clock_text(minute: u32) -> String {
    format!("{:02}:{:02}", minute / 60 % 24, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> CivilDay {
        CivilDay::parse(text).unwrap_or(CivilDay::MAX)
    }

    #[test]
    fn a_berlin_day_begins_at_its_own_midnight() {
        let summer = day("2026-08-01");
        assert_eq!(summer.midnight(), UtcSeconds(1_785_535_200));
        assert_eq!(CivilDay::of(UtcMs(1_785_535_199_999)), day("2026-07-31"));
        assert_eq!(CivilDay::of(summer.midnight().ms()), summer);
        assert_eq!(day("2026-12-01").midnight(), UtcSeconds(1_796_079_600));
    }

    #[test]
    fn a_skipped_wall_clock_hour_is_an_hour_later() {
        let spring = day("2026-03-29");
        assert_eq!(berlin_minute(spring.at_minute(150)), 210);
        assert_eq!(berlin_minute(spring.at_minute(60)), 60);
    }

    #[test]
    fn weeks_follow_iso_8601_across_the_year() {
        assert_eq!(day("2027-01-01").iso_week().monday(), day("2026-12-28"));
        assert_eq!(day("2027-01-03").iso_week(), day("2026-12-28").iso_week());
        assert_eq!(day("2027-01-04").iso_week().sunday(), day("2027-01-10"));
    }

    #[test]
    fn months_are_counted_and_written() {
        let november = day("2026-11-23").month();
        assert_eq!(november.to_string(), "2026-11");
        assert_eq!(november.last_day(), day("2026-11-30"));
        assert_eq!(november.plus(2).to_string(), "2027-01");
        assert_eq!(november.plus(2).since(november), 2);
        for text in ["2026-11", "11.2026", "11/2026", "23.11.2026", "2026-11-01"] {
            assert_eq!(CivilMonth::parse(text), Some(november), "{text}");
        }
        for text in ["", "13.2026", "2026", "11-26", "x-2026"] {
            assert_eq!(CivilMonth::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_calendar_ends_without_a_panic() {
        assert_eq!(CivilDay::from_days(u64::MAX), None);
        assert_eq!(CivilDay::of(UtcMs(u64::MAX)).month(), CivilDay::MAX.month());
        assert_eq!(CivilDay::MAX.plus(9).to_string(), "9999-12-30");
        let _ = CivilDay::MAX.month().last_day().midnight();
    }
}
