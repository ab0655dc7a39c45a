//! The benefits a token can carry, and how their use is measured and bounded.

use serde::{Deserialize, Serialize};

/// A benefit in kind of § 28 SGB II that a token can carry. School supplies (3) and school transport (4) are paid in cash by law
/// and have no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Benefit {
    /// Communal lunch, § 28(6): one full meal a child and day.
    Lunch,
    /// Social and cultural participation, § 28(7): a flat sum for the entitled months.
    Participation,
    /// Tutoring, § 28(5): teaching units of a subject.
    Tutoring,
    /// One-day trips, § 28(2) no. 1.
    DayTrip,
    /// Trips of several days, § 28(2) no. 2.
    ClassTrip,
}

impl Benefit {
    /// All benefits in the order of their codes.
    pub const ALL: [Benefit; 5] = [Self::Lunch, Self::Participation, Self::Tutoring, Self::DayTrip, Self::ClassTrip];

    /// The code on the wire, 1 to 5.
    pub const fn code(self) -> u8 {
        match self {
            Self::Lunch => 1,
            Self::Participation => 2,
            Self::Tutoring => 3,
            Self::DayTrip => 4,
            Self::ClassTrip => 5,
        }
    }

    /// The benefit with this code.
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|b| u64::from(b.code()) == code)
    }

    /// The stable English name, as in interfaces and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lunch => "lunch",
            Self::Participation => "participation",
            Self::Tutoring => "tutoring",
            Self::DayTrip => "day_trip",
            Self::ClassTrip => "class_trip",
        }
    }

    /// The benefit with this stable name or code number.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        Self::ALL.into_iter().find(|b| b.name().eq_ignore_ascii_case(text) || b.code().to_string() == text)
    }

    /// The name for German readers.
    pub const fn german(self) -> &'static str {
        match self {
            Self::Lunch => "Mittagessen",
            Self::Participation => "Teilhabe",
            Self::Tutoring => "Lernförderung",
            Self::DayTrip => "Ausflug",
            Self::ClassTrip => "Klassenfahrt",
        }
    }

    /// Whether a provider may type the amount: only where § 28 SGB II pays a flat sum or actual cost.
    pub const fn takes_free_amount(self) -> bool {
        matches!(self, Self::Participation | Self::DayTrip | Self::ClassTrip)
    }

    /// Whether what exceeds the allowance is the family's own share, so that the rest can still be claimed.
    /// Lunch has no co-payment since 1 Aug 2019, and a lesson is given whole or not at all.
    pub const fn splits_at_ceiling(self) -> bool {
        self.takes_free_amount()
    }

    /// Whether the service happens when it is recorded, so that its day cannot lie ahead.
    pub const fn happens_at_the_counter(self) -> bool {
        matches!(self, Self::Lunch | Self::Tutoring)
    }

    /// Whether it is a trip, paid per event and beforehand.
    pub const fn is_trip(self) -> bool {
        matches!(self, Self::DayTrip | Self::ClassTrip)
    }
}

/// The stretch of time one ceiling bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// A calendar day.
    Day,
    /// An ISO week.
    Week,
    /// A calendar month.
    Month,
    /// The token's whole validity.
    Validity,
    /// The token's validity, the amount growing by its whole with every month begun.
    Accrued,
}

impl Period {
    /// All periods in the order of their codes.
    pub const ALL: [Period; 5] = [Self::Day, Self::Week, Self::Month, Self::Validity, Self::Accrued];

    /// The code on the wire, 1 to 5.
    pub fn code(self) -> u64 {
        1 + Self::ALL.iter().take_while(|p| **p != self).count() as u64
    }

    /// The period with this code.
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.code() == code)
    }

    /// The stable English name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Validity => "validity",
            Self::Accrued => "accrued",
        }
    }

    /// The period with this stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name().eq_ignore_ascii_case(text.trim()))
    }
}

/// What one ceiling counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Meals, teaching units, events.
    Units,
    /// Euro cents claimed.
    Cents,
    /// Minutes of lessons.
    Minutes,
}

impl Measure {
    /// All measures in the order of their codes.
    pub const ALL: [Measure; 3] = [Self::Units, Self::Cents, Self::Minutes];

    /// The code on the wire, 0 to 2.
    pub fn code(self) -> u64 {
        Self::ALL.iter().take_while(|m| **m != self).count() as u64
    }

    /// The measure with this code.
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.code() == code)
    }

    /// The stable English name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Units => "units",
            Self::Cents => "cents",
            Self::Minutes => "minutes",
        }
    }

    /// The measure with this stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.name().eq_ignore_ascii_case(text.trim()))
    }
}
