//! What was granted, in words for families and clerks.

use crate::admit::token::{Allowance, Ceiling};
use crate::words::benefit::{Measure, Period};
use crate::words::cents::Cents;
use crate::words::civil::CivilMonth;

/// `Mittagessen 1× am Tag`.
pub fn allowance_words(allowance: &Allowance) -> String {
    format!("{} {}", allowance.benefit.german(), ceilings_words(allowance))
}

/// `1× am Tag`, with the subject or event where there is one.
pub fn ceilings_words(allowance: &Allowance) -> String {
    let ceilings: Vec<String> = allowance.ceilings.iter().map(ceiling_words).collect();
    let detail = allowance.detail.as_ref().map(|d| format!(" ({d})")).unwrap_or_default();
    format!("{}{detail}", ceilings.join(", "))
}

/// An amount in what is counted: `3×`, `90 Minuten`, `15,00 €`.
pub fn amount_words(measure: Measure, amount: u64) -> String {
    match measure {
        Measure::Units => format!("{amount}×"),
        Measure::Minutes => format!("{amount} Minuten"),
        Measure::Cents => Cents::new(i64::try_from(amount).unwrap_or(i64::MAX)).to_string(),
    }
}

/// `1× am Tag`, `15,00 € im Monat`.
pub fn ceiling_words(ceiling: &Ceiling) -> String {
    let amount = amount_words(ceiling.measure, ceiling.amount);
    match ceiling.period {
        Period::Day => format!("{amount} am Tag"),
        Period::Week => format!("{amount} in der Woche"),
        Period::Month => format!("{amount} im Monat"),
        Period::Validity => format!("{amount} in der ganzen Zeit"),
        Period::Accrued => format!("{amount} für jeden Monat, auch zum Ansparen"),
    }
}

/// `11/2026 bis 01/2027`, or the one month.
pub fn months_words(from: CivilMonth, to: CivilMonth) -> String {
    if from == to { from.german() } else { format!("{} bis {}", from.german(), to.german()) }
}
