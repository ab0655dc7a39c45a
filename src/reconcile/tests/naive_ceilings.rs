//! What ceilings leave, stated a second time for the naive reconciliation.

use crate::admit::token::{Allowance, Token};
use crate::words::benefit::{Benefit, Measure, Period};
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::ids::ProviderNumber;

/// What counts against ceilings.
#[derive(Clone)]
pub struct Spent {
    pub day: CivilDay,
    pub benefit: Benefit,
    pub detail: Option<Code>,
    pub provider: Option<ProviderNumber>,
    pub units: i128,
    pub cents: i128,
    pub minutes: i128,
}

pub fn covers(allowance: &Allowance, benefit: Benefit, detail: Option<&Code>) -> bool {
    allowance.benefit == benefit && (allowance.detail.is_none() || allowance.detail.as_ref() == detail)
}

pub fn serves(allowance: &Allowance, provider: ProviderNumber) -> bool {
    allowance.providers.is_empty() || allowance.providers.contains(&provider)
}

pub fn fits(token: &Token, provider: ProviderNumber, more: &Spent, others: &[Spent]) -> bool {
    token.allowances.iter().filter(|a| covers(a, more.benefit, more.detail.as_ref()) && serves(a, provider)).any(|a| {
        let mut drawn: Vec<Spent> = others.iter().filter(|s| draws(s, a)).cloned().collect();
        drawn.push(more.clone());
        a.ceilings
            .iter()
            .filter(|c| amount(more, c.measure) > 0) // what takes nothing of a ceiling breaks it not, even one that is overdrawn
            .all(|c| bounds(token, c.period, c.amount, more.day).into_iter().all(|(from, to, most)| sum(&drawn, c.measure, from, to) <= most))
    })
}

/// Whether something spent counts against an allowance.
pub fn draws(spent: &Spent, allowance: &Allowance) -> bool {
    match spent.provider {
        Some(provider) => covers(allowance, spent.benefit, spent.detail.as_ref()) && serves(allowance, provider),
        None => allowance.benefit == spent.benefit,
    }
}

pub fn sum(spent: &[Spent], measure: Measure, from: CivilDay, to: CivilDay) -> i128 {
    spent.iter().filter(|s| from <= s.day && s.day <= to).map(|s| amount(s, measure)).sum()
}

const fn amount(spent: &Spent, measure: Measure) -> i128 {
    match measure {
        Measure::Units => spent.units,
        Measure::Cents => spent.cents,
        Measure::Minutes => spent.minutes,
    }
}

/// The stretches of days that a use on `day` must respect, each with its bound.
pub fn bounds(token: &Token, period: Period, amount: u64, day: CivilDay) -> Vec<(CivilDay, CivilDay, i128)> {
    let (first, last) = (CivilDay::of(token.not_before.ms()), CivilDay::of(crate::words::time::UtcMs(token.expires.0 * 1000 - 1)));
    let amount = i128::from(amount);
    match period {
        Period::Day => vec![(day, day, amount)],
        Period::Week => {
            // 1970-01-01 was a Thursday.
            let monday = day.minus((day.days() + 3) % 7);
            vec![(monday, monday.plus(6), amount)]
        }
        Period::Month => vec![(day.month().first_day(), day.month().last_day(), amount)],
        Period::Validity => vec![(first, last, amount)],
        Period::Accrued => {
            let months = day.month().months()..=last.month().months();
            let months = months.filter_map(|m| CivilMonth::from_months(m.into()));
            months.map(|m| (first, m.last_day(), amount * i128::from(m.months() - first.month().months() + 1))).collect()
        }
    }
}
