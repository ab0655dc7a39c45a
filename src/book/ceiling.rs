//! Ceilings: how much of an allowance is left for one more use, and how much of a claim fits.

use super::slot::Lesson;
use crate::admit::token::{Allowance, Ceiling, Token};
use crate::words::benefit::{Benefit, Measure, Period};
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::ids::ProviderNumber;
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// What was used by a child before, or would be now: a redemption, or a payment of the office itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The service day.
    pub day: CivilDay,
    /// The benefit.
    pub benefit: Benefit,
    /// The subject or event.
    pub detail: Option<Code>,
    /// The provider; none for a payment of the office itself.
    pub provider: Option<ProviderNumber>,
    /// Meals, teaching units, events.
    pub units: u64,
    /// The amount.
    pub cents: Cents,
    /// The time of a lesson.
    pub lesson: Option<Lesson>,
}

/// What the office has told of uses elsewhere in the approval period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Elsewhere {
    /// The benefit.
    pub benefit: Benefit,
    /// What is counted.
    pub measure: Measure,
    /// How much was used elsewhere.
    pub used: u64,
    /// When that was known.
    pub as_of: UtcMs,
}

/// What is left of one ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// The period bounded.
    pub period: Period,
    /// What is counted.
    pub measure: Measure,
    /// How much is left: at most, since others may draw on the same allowance.
    pub left: u64,
}

impl Use {
    /// How much of `measure` this use takes.
    pub fn amount(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Units => self.units,
            Measure::Cents => self.cents.to_field(),
            Measure::Minutes => self.lesson.map_or(0, Lesson::minutes),
        }
    }

    /// Whether this use draws on `allowance`. What the office paid itself draws on every allowance of its benefit.
    pub fn draws_on(&self, allowance: &Allowance) -> bool {
        match self.provider {
            Some(provider) => allowance.matches(self.benefit, self.detail.as_ref(), provider),
            None => allowance.benefit == self.benefit,
        }
    }
}

/// What one ceiling says of a use: what was granted for the days it bounds, and how much of that others have used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The period bounded.
    pub period: Period,
    /// What is counted.
    pub measure: Measure,
    /// How much was granted for these days.
    pub granted: u64,
    /// How much of it is used: more than granted where it was overdrawn.
    pub used: u64,
    /// The days.
    pub days: RangeInclusive<CivilDay>,
}

impl Bound {
    /// How much is left.
    pub const fn left(&self) -> u64 {
        self.granted.saturating_sub(self.used)
    }
}

/// What one ceiling says of a use on `day`, after `uses` (those that draw on the allowance) and what was used elsewhere.
pub fn bound(ceiling: &Ceiling, token: &Token, day: CivilDay, uses: &[&Use], elsewhere: u64) -> Bound {
    let within = |days: RangeInclusive<CivilDay>, granted: u64, elsewhere: u64| {
        let drawn = uses.iter().filter(|u| days.contains(&u.day));
        let used = drawn.fold(elsewhere, |sum, u| sum.saturating_add(u.amount(ceiling.measure)));
        Bound { period: ceiling.period, measure: ceiling.measure, granted, used, days }
    };
    match ceiling.period {
        Period::Day => within(day..=day, ceiling.amount, 0),
        Period::Week => within(day.iso_week().monday()..=day.iso_week().sunday(), ceiling.amount, 0),
        Period::Month => within(day.month().first_day()..=day.month().last_day(), ceiling.amount, 0),
        Period::Validity => within(token.first_day()..=token.last_day(), ceiling.amount, elsewhere),
        Period::Accrued => {
            // A use must fit under what has accrued by then and leave every later month that was drawn on before within its own bound.
            let first_month = token.first_day().month();
            let by_the_end_of = |month: CivilMonth| {
                let granted = ceiling.amount.saturating_mul(u64::from(month.since(first_month)) + 1);
                within(token.first_day()..=month.last_day(), granted, elsewhere)
            };
            let later = uses.iter().map(|u| u.day.month()).filter(|month| *month > day.month() && *month <= token.last_day().month());
            let own = by_the_end_of(day.month());
            later.map(by_the_end_of).fold(own, |tightest, bound| if bound.left() < tightest.left() { bound } else { tightest })
        }
    }
}

/// What one ceiling leaves for a use on `day`, after `uses` (those that draw on the allowance) and what was used elsewhere.
pub fn left(ceiling: &Ceiling, token: &Token, day: CivilDay, uses: &[&Use], elsewhere: u64) -> u64 {
    bound(ceiling, token, day, uses, elsewhere).left()
}

/// What a use that fits takes, and what it leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// The amount that can be claimed.
    pub cents: Cents,
    /// What every ceiling of the allowance leaves afterwards.
    pub left: Vec<Left>,
}

/// How much of `wanted` fits under one of the token's allowances; none when nothing of it does, with what the best one would leave.
pub fn fit(token: &Token, wanted: &Use, uses: &[Use], elsewhere: &[Elsewhere]) -> Result<Fit, u64> {
    let Some(weighed) = weigh(token, wanted, uses, elsewhere) else { return Err(0) };
    weighed.claimable.map(|cents| Fit { cents, left: weighed.bounds.iter().map(|bound| after(bound, wanted, cents)).collect() })
}

/// What one allowance says of a use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weighed<'t> {
    /// The allowance.
    pub allowance: &'t Allowance,
    /// Its ceilings.
    pub bounds: Vec<Bound>,
    /// The amount that can be claimed, or what the tightest broken ceiling leaves.
    pub claimable: Result<Cents, u64>,
}

/// The allowance that serves `wanted`; none where the token has none for it.
///
/// The first that takes all of it serves; where the benefit splits at its ceiling, otherwise the one that takes most; where none takes
/// anything, the one that would leave most.
pub fn weigh<'t>(token: &'t Token, wanted: &Use, uses: &[Use], elsewhere: &[Elsewhere]) -> Option<Weighed<'t>> {
    let rank = |weighed: &Weighed<'_>| weighed.claimable.map_or_else(|left| (Cents::ZERO, left), |cents| (cents, 0));
    let mut best: Option<Weighed<'t>> = None;
    for allowance in token.allowances.iter().filter(|a| wanted.draws_on(a)) {
        let drawing: Vec<&Use> = uses.iter().filter(|u| u.draws_on(allowance)).collect();
        let bounds: Vec<Bound> = allowance.ceilings.iter().map(|c| bounded(c, token, wanted, &drawing, elsewhere)).collect();
        let claimable = claimable(wanted, &bounds);
        let weighed = Weighed { allowance, bounds, claimable };
        if claimable == Ok(wanted.cents) {
            return Some(weighed);
        }
        if best.as_ref().is_none_or(|best| rank(best) < rank(&weighed)) {
            best = Some(weighed);
        }
    }
    best
}

fn bounded(ceiling: &Ceiling, token: &Token, wanted: &Use, drawing: &[&Use], elsewhere: &[Elsewhere]) -> Bound {
    let told = elsewhere.iter().filter(|e| e.benefit == wanted.benefit && e.measure == ceiling.measure);
    let told = told.filter(|e| token.is_valid_on(CivilDay::of(e.as_of)));
    bound(ceiling, token, wanted.day, drawing, told.map(|e| e.used).max().unwrap_or(0))
}

/// The amount that can be claimed under these ceilings, or what the tightest broken one leaves.
fn claimable(wanted: &Use, bounds: &[Bound]) -> Result<Cents, u64> {
    let mut cents = wanted.cents;
    for bound in bounds.iter().filter(|bound| wanted.amount(bound.measure) > bound.left()) {
        let splits = bound.measure == Measure::Cents && wanted.benefit.splits_at_ceiling() && bound.left() > 0;
        match i64::try_from(bound.left()) {
            Ok(left) if splits => cents = cents.min(Cents::new(left)),
            _ => return Err(bound.left()),
        }
    }
    Ok(cents)
}

fn after(bound: &Bound, wanted: &Use, cents: Cents) -> Left {
    let taken = if bound.measure == Measure::Cents { cents.to_field() } else { wanted.amount(bound.measure) };
    Left { period: bound.period, measure: bound.measure, left: bound.left().saturating_sub(taken) }
}

/// The days whose uses can matter for a use on `day` under the token's allowances of `benefit`.
pub fn days_that_matter(token: &Token, benefit: Benefit, day: CivilDay) -> RangeInclusive<CivilDay> {
    let periods = token.allowances.iter().filter(|a| a.benefit == benefit).flat_map(|a| a.ceilings.iter().map(|c| c.period));
    periods.fold(day..=day, |days, period| {
        let more = match period {
            Period::Day => day..=day,
            Period::Week => day.iso_week().monday()..=day.iso_week().sunday(),
            Period::Month => day.month().first_day()..=day.month().last_day(),
            Period::Validity | Period::Accrued => token.first_day()..=token.last_day(),
        };
        *days.start().min(more.start())..=*days.end().max(more.end())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::ids::{Handle, TokenId};
    use crate::words::time::UtcSeconds;

    fn day(text: &str) -> CivilDay {
        CivilDay::parse(text).expect("a day")
    }

    fn token(period: Period, measure: Measure, amount: u64) -> Token {
        let ceilings = vec![Ceiling { period, measure, amount }];
        Token {
            expires: day("2027-02-01").midnight(),
            not_before: day("2026-11-01").midnight(),
            issued: UtcSeconds(0),
            id: TokenId([1; 16]),
            holder_key: None,
            allowances: vec![Allowance { benefit: Benefit::Participation, ceilings, detail: None, providers: Vec::new() }],
            status_index: 0,
            hint: None,
            home_providers: Vec::new(),
            handle: Handle([3; 8]),
        }
    }

    fn fee(date: &str, cents: i64) -> Use {
        let (benefit, cents) = (Benefit::Participation, Cents::new(cents));
        Use { day: day(date), benefit, detail: None, provider: Some(ProviderNumber(3)), units: 1, cents, lesson: None }
    }

    fn told(measure: Measure, used: u64, as_of: &str) -> Elsewhere {
        Elsewhere { benefit: Benefit::Participation, measure, used, as_of: day(as_of).midnight().ms() }
    }

    #[test]
    fn what_the_office_told_of_uses_elsewhere_counts_in_this_approval_period_only() {
        let token = token(Period::Validity, Measure::Cents, 4500);
        let wanted = fee("2026-11-23", 2000);
        let claimed =
            |elsewhere: &[Elsewhere]| fit(&token, &wanted, &[fee("2026-11-02", 1000)], elsewhere).map(|fit| (fit.cents.get(), fit.left[0].left));
        assert_eq!(claimed(&[]), Ok((2000, 1500)));
        assert_eq!(claimed(&[told(Measure::Cents, 3000, "2026-11-20")]), Ok((500, 0)));
        assert_eq!(claimed(&[told(Measure::Cents, 3500, "2026-11-20")]), Err(0));
        assert_eq!(claimed(&[told(Measure::Cents, 3500, "2026-10-31")]), Ok((2000, 1500)), "told of the period before");
        assert_eq!(claimed(&[told(Measure::Units, 3500, "2026-11-20")]), Ok((2000, 1500)), "told in another measure");
    }

    #[test]
    fn what_accrues_is_not_taken_from_a_later_month_that_needs_it() {
        let token = token(Period::Accrued, Measure::Cents, 1500);
        let left_on = |date: &str, uses: &[Use]| fit(&token, &fee(date, 9000), uses, &[]).map_or(0, |fit| fit.cents.get());
        assert_eq!([left_on("2026-11-30", &[]), left_on("2026-12-01", &[]), left_on("2027-01-31", &[])], [1500, 3000, 4500]);
        let december = [fee("2026-12-01", 2500)];
        assert_eq!([left_on("2026-11-30", &december), left_on("2026-12-31", &december), left_on("2027-01-01", &december)], [500, 500, 2000]);
    }

    #[test]
    fn the_days_to_look_up_cover_every_ceiling() {
        let days = |period| days_that_matter(&token(period, Measure::Cents, 1), Benefit::Participation, day("2026-12-31"));
        assert_eq!(days(Period::Day), day("2026-12-31")..=day("2026-12-31"));
        assert_eq!(days(Period::Week), day("2026-12-28")..=day("2027-01-03"));
        assert_eq!(days(Period::Month), day("2026-12-01")..=day("2026-12-31"));
        for period in [Period::Validity, Period::Accrued] {
            assert_eq!(days(period), day("2026-11-01")..=day("2027-01-31"));
        }
    }
}
