//! The cards for practising: what a counter meets, one card each.

use super::signing_key;
use crate::admit::number::CardNumber;
use crate::admit::scan::code_text;
use crate::admit::token::{Allowance, Ceiling, Token};
use crate::words::benefit::{Benefit, Measure, Period};
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::{Handle, Hash, TokenId};
use crate::words::time::UtcMs;

/// What the practice chip of a child who pays for itself says: no chip that is sold has such a UID.
pub const PAYING_CHIP: &str = "UEBUNG0008";
/// For how many months before this one practice cards are good.
const MONTHS_BEFORE: u32 = 2;
/// For how many months in all.
const MONTHS: u32 = 14;

/// What a card teaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lesson {
    /// A card for everything: green, and "already recorded" the second time.
    Everything,
    /// A second one, for quick succession.
    Another,
    /// Tutoring alone: start and end, and not lunch.
    Tutoring,
    /// Nothing is left on it.
    UsedUp,
    /// It has ended.
    Expired,
    /// The office has stopped it.
    Stopped,
    /// Half a code.
    Torn,
    /// The chip of a child who pays for itself.
    Paying,
}

impl Lesson {
    /// All of them, in the order to be tried.
    pub const ALL: [Lesson; 8] =
        [Self::Everything, Self::Another, Self::Paying, Self::Tutoring, Self::UsedUp, Self::Expired, Self::Stopped, Self::Torn];

    /// Its name on pages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Another => "another",
            Self::Tutoring => "tutoring",
            Self::UsedUp => "used_up",
            Self::Expired => "expired",
            Self::Stopped => "stopped",
            Self::Torn => "torn",
            Self::Paying => "paying",
        }
    }

    /// Its place in the practice office's status list.
    pub(super) const fn status_index(self) -> u64 {
        self as u64 + 1
    }
}

/// A card for practising.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// What it teaches.
    pub lesson: Lesson,
    /// What its picture holds.
    pub code: String,
    /// Its printed number, where it is whole.
    pub number: Option<String>,
}

/// The practice cards of the month that `now` lies in.
pub fn cards(now: UtcMs) -> Vec<Card> {
    Lesson::ALL.into_iter().map(|lesson| card(lesson, CivilDay::of(now).month())).collect()
}

fn card(lesson: Lesson, month: CivilMonth) -> Card {
    if lesson == Lesson::Paying {
        return Card { lesson, code: PAYING_CHIP.to_owned(), number: None };
    }
    let months = |before: u32| CivilMonth::from_months(month.months().saturating_sub(before).into()).unwrap_or(month);
    let (from, to) = match lesson {
        Lesson::Expired => (months(MONTHS), months(MONTHS_BEFORE)),
        _ => (months(MONTHS_BEFORE), months(MONTHS_BEFORE).plus(MONTHS)),
    };
    let name = Hash::of(&[b"teilhabe/practice-card/1", lesson.name().as_bytes()]);
    let id = Hash::of(&[&name.0, &month.months().to_be_bytes()]);
    let token = Token {
        expires: to.first_day().midnight(),
        not_before: from.first_day().midnight(),
        issued: month.first_day().midnight(),
        id: TokenId(id.first()),
        holder_key: None,
        allowances: allowances(lesson),
        status_index: lesson.status_index(),
        hint: Some(format!("Ü{}", lesson.status_index())),
        home_providers: Vec::new(),
        handle: Handle(name.first()),
    };
    let mut code = code_text(&token.seal(&signing_key()));
    let whole = lesson != Lesson::Torn;
    if !whole {
        code.truncate(code.len() / 2);
    }
    Card { lesson, code, number: whole.then(|| CardNumber::of(token.id).digits()) }
}

fn allowances(lesson: Lesson) -> Vec<Allowance> {
    let some = |benefit, period, measure, amount: u64| {
        let amount = if lesson == Lesson::UsedUp { 0 } else { amount };
        Allowance { benefit, ceilings: vec![Ceiling { period, measure, amount }], detail: None, providers: Vec::new() }
    };
    let tutoring = some(Benefit::Tutoring, Period::Validity, Measure::Units, 35);
    if lesson == Lesson::Tutoring {
        return vec![tutoring];
    }
    vec![
        some(Benefit::Lunch, Period::Day, Measure::Units, 1),
        some(Benefit::Participation, Period::Validity, Measure::Cents, 18_000),
        tutoring,
        some(Benefit::DayTrip, Period::Validity, Measure::Cents, 10_000),
        some(Benefit::ClassTrip, Period::Validity, Measure::Cents, 40_000),
    ]
}
