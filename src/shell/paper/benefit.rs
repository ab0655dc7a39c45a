//! What a card is good for, in plain German, and the letter that says it.

use super::card::Card;
use super::letters::Letter;
use super::qr::Qr;
use crate::admit::number::CardNumber;
use crate::admit::token::Token;
use crate::office::ceilings_words;

/// The letter of a token; `reference` is the office's key of its case.
pub fn letter<'a>(reference: &'a str, token: &'a Token, qr: &'a Qr) -> Letter<'a> {
    let card = Card {
        qr,
        number: CardNumber::of(token.id).to_string(),
        hint: token.hint.as_deref(),
        from: token.first_day().month(),
        to: token.last_day().month(),
    };
    let benefits = token.allowances.iter().map(|a| (a.benefit.german().to_owned(), format!("{}.", ceilings_words(a)))).collect();
    Letter { reference, card, benefits }
}
