//! What a card is good for, in plain German, and the letter that says it.

use super::card::Card;
use super::letters::Letter;
use super::qr::Qr;
use crate::admit::number::CardNumber;
use crate::admit::token::{Allowance, Ceiling, Token};
use crate::words::benefit::{Measure, Period};
use crate::words::cents::Cents;

/// The letter of a token; `reference` is the office's key of its case.
pub fn letter<'a>(reference: &'a str, token: &'a Token, qr: &'a Qr) -> Letter<'a> {
    let card = Card {
        qr,
        number: CardNumber::of(token.id).to_string(),
        hint: token.hint.as_deref(),
        from: token.first_day().month(),
        to: token.last_day().month(),
    };
    let benefits = token.allowances.iter().map(|a| (a.benefit.german().to_owned(), sentence(a))).collect();
    Letter { reference, card, benefits }
}

/// What an allowance is good for, in plain German.
fn sentence(allowance: &Allowance) -> String {
    let ceilings: Vec<String> = allowance.ceilings.iter().map(ceiling).collect();
    let detail = allowance.detail.as_ref().map(|d| format!(" ({d})")).unwrap_or_default();
    format!("{}{detail}.", ceilings.join(", "))
}

fn ceiling(ceiling: &Ceiling) -> String {
    let amount = match ceiling.measure {
        Measure::Units => format!("{}×", ceiling.amount),
        Measure::Minutes => format!("{} Minuten", ceiling.amount),
        Measure::Cents => Cents::new(i64::try_from(ceiling.amount).unwrap_or(i64::MAX)).to_string(),
    };
    match ceiling.period {
        Period::Day => format!("{amount} am Tag"),
        Period::Week => format!("{amount} in der Woche"),
        Period::Month => format!("{amount} im Monat"),
        Period::Validity => format!("{amount} in der ganzen Zeit"),
        Period::Accrued => format!("{amount} für jeden Monat, auch zum Ansparen"),
    }
}
