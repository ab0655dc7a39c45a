//! What is unusual in a provider's month. It is a finding about the month, not about a line: no line waits for it.

use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::ProviderNumber;
use crate::words::time::UtcMs;

/// From where on something is unusual: the office's parameters, in force from a day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The share of pick-ups without a card, in per cent, that must be exceeded; and so must the office's average.
    pub forgotten_percent: u32,
    /// The share of card numbers typed by hand, in per cent, that must be exceeded; and so must the office's average.
    pub typed_percent: u32,
    /// The fewest pick-ups of a month of which a share says something.
    pub fewest: u64,
    /// On how many days of service everyone must have been there.
    pub present_days: u64,
    /// How many children must have been there on all of them.
    pub present_children: u64,
    /// How many meals at weekends are one too many.
    pub weekend_meals: u64,
    /// How many seconds lie between two pick-ups at least, on the average of a day.
    pub seconds_apart: u64,
}

impl Limits {
    /// What an office begins with.
    pub const DEFAULT: Self =
        Self { forgotten_percent: 25, typed_percent: 50, fewest: 40, present_days: 15, present_children: 10, weekend_meals: 1, seconds_apart: 2 };
}

/// The meals of one provider on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayCount {
    /// The day of service.
    pub day: CivilDay,
    /// Meals.
    pub meals: u64,
    /// Of these, seen by card, chip or number.
    pub seen: u64,
    /// When the first of those seen was recorded.
    pub first: UtcMs,
    /// When the last of those seen was recorded.
    pub last: UtcMs,
}

/// What a provider claimed for a month, in figures. Flats and fees do not count: they are recorded without the child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthCounts {
    /// The provider.
    pub provider: ProviderNumber,
    /// The month of service.
    pub month: CivilMonth,
    /// Pick-ups and lessons.
    pub uses: u64,
    /// Of these, without a card.
    pub forgotten: u64,
    /// Of these, by a card number.
    pub typed: u64,
    /// The days with meals.
    pub days: Vec<DayCount>,
    /// On how many days each child had a meal.
    pub presence: Vec<u64>,
}

/// What is unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Many cards forgotten.
    Forgotten,
    /// Everyone there every day.
    AlwaysPresent,
    /// Meals at weekends.
    Weekend,
    /// Pick-ups faster than hands are.
    Rushed,
    /// Many card numbers typed by hand.
    Typed,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Forgotten, Self::AlwaysPresent, Self::Weekend, Self::Rushed, Self::Typed];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forgotten => "forgotten",
            Self::AlwaysPresent => "always_present",
            Self::Weekend => "weekend",
            Self::Rushed => "rushed",
            Self::Typed => "typed",
        }
    }

    /// Reads the stable name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Something unusual, with the figures that show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// What.
    pub kind: Kind,
    /// How many: pick-ups without a card, days of service, meals, days.
    pub part: u64,
    /// Of how many: pick-ups, children, meals, days.
    pub whole: u64,
    /// What is usual: the office's average in per cent, or the limit.
    pub usual: u64,
}

/// What is unusual in the month of `one`, held against all providers' month.
pub fn patterns(one: &MonthCounts, all: &[MonthCounts], limits: &Limits) -> Vec<Pattern> {
    let found = [
        share(Kind::Forgotten, one, all, limits.forgotten_percent, limits, |month| month.forgotten),
        always_present(one, limits),
        weekend(one, limits),
        rushed(one, limits),
        share(Kind::Typed, one, all, limits.typed_percent, limits, |month| month.typed),
    ];
    found.into_iter().flatten().collect()
}

/// A share that exceeds both the limit and the average of all.
fn share(kind: Kind, one: &MonthCounts, all: &[MonthCounts], percent: u32, limits: &Limits, of: impl Fn(&MonthCounts) -> u64) -> Option<Pattern> {
    let (part, whole) = (of(one), one.uses);
    let (all_parts, all_uses) = all.iter().fold((0, 0), |(parts, uses), month| (parts + of(month), uses + month.uses));
    let above_limit = part.saturating_mul(100) > whole.saturating_mul(percent.into());
    let above_average = part.saturating_mul(all_uses) > all_parts.saturating_mul(whole);
    let usual = all_parts.saturating_mul(100).checked_div(all_uses).unwrap_or(0);
    (whole >= limits.fewest && above_limit && above_average).then_some(Pattern { kind, part, whole, usual })
}

fn always_present(one: &MonthCounts, limits: &Limits) -> Option<Pattern> {
    let (days, children) = (one.days.len() as u64, one.presence.len() as u64);
    let everyone = one.presence.iter().all(|present| *present >= days);
    let unusual = days >= limits.present_days && children >= limits.present_children && everyone;
    unusual.then_some(Pattern { kind: Kind::AlwaysPresent, part: days, whole: children, usual: limits.present_days })
}

fn weekend(one: &MonthCounts, limits: &Limits) -> Option<Pattern> {
    let part = one.days.iter().filter(|day| day.day.is_weekend()).map(|day| day.meals).sum();
    let whole = one.days.iter().map(|day| day.meals).sum();
    (part >= limits.weekend_meals.max(1)).then_some(Pattern { kind: Kind::Weekend, part, whole, usual: 0 })
}

/// Days on which ten or more were seen in less time than hands need, on more than half of such days.
fn rushed(one: &MonthCounts, limits: &Limits) -> Option<Pattern> {
    let full: Vec<&DayCount> = one.days.iter().filter(|day| day.seen >= 10).collect();
    let too_fast = |day: &&&DayCount| day.last.since(day.first) < (day.seen - 1).saturating_mul(limits.seconds_apart.saturating_mul(1000));
    let (part, whole) = (full.iter().filter(too_fast).count() as u64, full.len() as u64);
    (part * 2 > whole).then_some(Pattern { kind: Kind::Rushed, part, whole, usual: limits.seconds_apart })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(n: u32) -> CivilDay {
        CivilDay::from_ymd(2026, 11, 2).expect("a Monday").plus(n)
    }

    fn count(n: u32, seen: u64, seconds: u64) -> DayCount {
        let first = day(n).at_minute(720);
        DayCount { day: day(n), meals: seen, seen, first, last: first.plus_ms(seconds * 1000) }
    }

    /// A month in which `children` had a meal on each of 15 working days, at the pace of a hatch.
    fn month(children: u64, forgotten: u64) -> MonthCounts {
        let days: Vec<DayCount> = (0..21).filter(|n| n % 7 < 5).map(|n| count(n, children, children * 5)).collect();
        let uses = children * days.len() as u64;
        let presence = (0..children).map(|child| 15 - u64::from(child == 0)).collect();
        MonthCounts { provider: ProviderNumber(7), month: day(0).month(), uses, forgotten, typed: 0, days, presence }
    }

    fn kinds(one: &MonthCounts, all: &[MonthCounts]) -> Vec<Kind> {
        patterns(one, all, &Limits::DEFAULT).into_iter().map(|pattern| pattern.kind).collect()
    }

    #[test]
    fn an_ordinary_month_is_not_unusual() {
        let one = month(20, 10);
        assert_eq!(kinds(&one, std::slice::from_ref(&one)), []);
    }

    #[test]
    fn forgotten_cards_are_held_against_the_limit_and_against_the_others() {
        let (one, other) = (month(20, 100), month(20, 10));
        let found = patterns(&one, &[one.clone(), other.clone()], &Limits::DEFAULT);
        assert_eq!(found, [Pattern { kind: Kind::Forgotten, part: 100, whole: 300, usual: 18 }]);
        assert_eq!(kinds(&one, &[one.clone(), one.clone()]), [], "everybody is like that");
        assert_eq!(kinds(&month(20, 75), std::slice::from_ref(&other)), [], "a quarter is not above a quarter");
        let few = MonthCounts { uses: 39, forgotten: 39, ..one };
        assert_eq!(kinds(&few, &[other]), [], "too few to say anything");
    }

    #[test]
    fn everyone_always_present_takes_enough_days_and_children() {
        let all_present = |mut one: MonthCounts| {
            one.presence.iter_mut().for_each(|present| *present = 15);
            one
        };
        let one = all_present(month(12, 0));
        let found = patterns(&one, &[], &Limits::DEFAULT);
        assert_eq!(found, [Pattern { kind: Kind::AlwaysPresent, part: 15, whole: 12, usual: 15 }]);
        assert_eq!(kinds(&all_present(month(9, 0)), &[]), []);
        let mut short = one.clone();
        short.days.truncate(14);
        assert_eq!(kinds(&short, &[]), []);
    }

    #[test]
    fn one_meal_at_the_weekend_is_told() {
        let mut one = month(20, 0);
        one.days.push(count(5, 3, 60));
        let found = patterns(&one, &[], &Limits::DEFAULT);
        assert_eq!(found, [Pattern { kind: Kind::Weekend, part: 3, whole: 303, usual: 0 }]);
    }

    #[test]
    fn pick_ups_faster_than_hands_are_told_when_most_days_are_like_that() {
        let mut one = month(20, 0);
        one.days.iter_mut().take(8).for_each(|day| day.last = day.first.plus_ms(20_000));
        let found = patterns(&one, &[], &Limits::DEFAULT);
        assert_eq!(found, [Pattern { kind: Kind::Rushed, part: 8, whole: 15, usual: 2 }]);
        one.days.iter_mut().take(1).for_each(|day| day.last = day.first.plus_ms(60_000));
        assert_eq!(kinds(&one, &[]), []);
    }

    #[test]
    fn card_numbers_typed_by_hand_are_told() {
        let one = MonthCounts { typed: 200, ..month(20, 0) };
        assert_eq!(kinds(&one, &[one.clone(), month(20, 0)]), [Kind::Typed]);
    }
}
