//! Money: whole euro cents, nothing else.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An amount in euro cents; negative where something is taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cents(i64);

impl Cents {
    /// No money.
    pub const ZERO: Cents = Cents(0);
    /// The largest single amount a document may carry (one million euros): above it a typing error is certain.
    pub const MAX_SINGLE: Cents = Cents(100_000_000);

    /// An amount of `cents` euro cents.
    pub const fn new(cents: i64) -> Self {
        Self(cents)
    }

    /// The whole number of cents.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// An amount read from an unsigned document field, if it is within [`Cents::MAX_SINGLE`].
    pub fn from_field(cents: u64) -> Option<Self> {
        i64::try_from(cents).ok().map(Cents).filter(|c| *c <= Self::MAX_SINGLE)
    }

    /// The amount as an unsigned document field; negative amounts become zero, which no such field may hold.
    pub fn to_field(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0)
    }

    /// Sum; an overflow (beyond 92 quadrillion euros) stays at the limit and never wraps.
    pub const fn plus(self, other: Cents) -> Cents {
        Cents(self.0.saturating_add(other.0))
    }

    /// Difference; see [`Cents::plus`].
    pub const fn minus(self, other: Cents) -> Cents {
        Cents(self.0.saturating_sub(other.0))
    }

    /// `units` times this amount.
    pub fn times(self, units: u64) -> Cents {
        Cents(self.0.saturating_mul(i64::try_from(units).unwrap_or(i64::MAX)))
    }

    /// The amount split into `parts` shares that differ by at most one cent and add up exactly; earlier shares are the larger.
    pub fn split(self, parts: u32) -> Vec<Cents> {
        let parts = i64::from(parts.max(1));
        let (share, rest) = (self.0.div_euclid(parts), self.0.rem_euclid(parts));
        (0..parts).map(|part| Cents(share + i64::from(part < rest))).collect()
    }

    /// Reads an amount as people and spreadsheets write it: `4,50`, `4.50`, `1.234,50 €`, `12` (whole euros).
    pub fn parse_euros(text: &str) -> Option<Cents> {
        let text = text.trim().trim_end_matches('€').trim_end_matches("EUR").trim();
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        let decimal = digits.rfind([',', '.']).filter(|at| digits.len() - at - 1 <= 2);
        let (euros, cents) = match decimal {
            Some(at) => (&digits[..at], &digits[at + 1..]),
            None => (digits, ""),
        };
        let groups: Vec<&str> = euros.split(['.', ',', '\'', ' ']).collect();
        let grouped_rightly = groups.iter().skip(1).all(|g| g.len() == 3) && (groups.len() == 1 || (1..=3).contains(&groups[0].len()));
        let euros: String = groups.concat();
        let only_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if !grouped_rightly || euros.is_empty() || !only_digits(&euros) || !only_digits(cents) {
            return None;
        }
        let cents: i64 = match cents.len() {
            0 => 0,
            1 => cents.parse::<i64>().ok()? * 10,
            _ => cents.parse().ok()?,
        };
        let total = euros.parse::<i64>().ok()?.checked_mul(100)?.checked_add(cents)?;
        Some(Cents(sign * total))
    }

    /// `4.50`: the form of payment files and machine-readable tables.
    pub fn decimal(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let whole = self.0.unsigned_abs();
        format!("{sign}{}.{:02}", whole / 100, whole % 100)
    }
}

impl fmt::Display for Cents {
    /// `1.234,50 €`, as German readers expect it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = (self.0.unsigned_abs() / 100).to_string();
        let mut grouped = String::new();
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                grouped.push('.');
            }
            grouped.push(digit);
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{grouped},{:02}\u{a0}€", self.0.unsigned_abs() % 100)
    }
}

impl std::iter::Sum for Cents {
    fn sum<I: Iterator<Item = Cents>>(amounts: I) -> Cents {
        amounts.fold(Cents::ZERO, Cents::plus)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn people_and_spreadsheets_write_amounts_in_many_ways() {
        for (text, cents) in [
            ("4,50", 450),
            ("4.5", 450),
            ("1.234,50 €", 123_450),
            ("1,234.50", 123_450),
            ("12", 1200),
            ("1.234", 123_400),
            ("-3,00", -300),
            ("0,05", 5),
        ] {
            assert_eq!(Cents::parse_euros(text), Some(Cents(cents)), "{text}");
        }
        for text in ["", "-", "4,5,0", "abc", "1.23.456", "4,50x", "12345678901234567890", ",50"] {
            assert_eq!(Cents::parse_euros(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_are_shown_the_german_way() {
        assert_eq!(Cents(123_456_789).to_string(), "1.234.567,89\u{a0}€");
        assert_eq!(Cents(-5).to_string(), "-0,05\u{a0}€");
        assert_eq!(Cents(-450).decimal(), "-4.50");
    }

    proptest! {
        #[test]
        fn shares_add_up_without_remainder(cents in 0i64..10_000_000, parts in 1u32..36) {
            let shares = Cents(cents).split(parts);
            prop_assert_eq!(shares.iter().copied().sum::<Cents>(), Cents(cents));
            let (most, least) = (shares.iter().max().copied(), shares.iter().min().copied());
            prop_assert!(most.zip(least).is_some_and(|(m, l)| m.minus(l) <= Cents(1)));
        }
    }
}
