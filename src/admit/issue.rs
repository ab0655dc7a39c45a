//! From approvals to tokens: the office's side of admission.

use super::token::{Allowance, MAX_ALLOWANCES, Token};
use crate::words::civil::CivilMonth;
use crate::words::ids::{Handle, ProviderNumber, TokenId};
use crate::words::time::UtcSeconds;

/// What a child was granted for one approval period: the content of one token before it has an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The first entitled month.
    pub from: CivilMonth,
    /// The last entitled month.
    pub to: CivilMonth,
    /// What was granted.
    pub allowances: Vec<Allowance>,
    /// A hint for the person at the counter.
    pub hint: Option<String>,
    /// Providers that win a tie between providers.
    pub home_providers: Vec<ProviderNumber>,
}

/// Why an approval cannot become a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotIssue {
    /// The last month lies before the first.
    #[error("the approval period ends before it begins")]
    EndsBeforeItBegins,
    /// Nothing was granted.
    #[error("no benefit is granted")]
    NothingGranted,
    /// More than a token can carry.
    #[error("one token carries at most {MAX_ALLOWANCES} benefits")]
    TooMuch,
    /// Two grants for the same thing.
    #[error("two grants for the same benefit and detail")]
    SameTwice,
}

impl CannotIssue {
    /// The sentence for clerks.
    pub fn german(self) -> String {
        match self {
            Self::EndsBeforeItBegins => "Der Zeitraum endet vor seinem Beginn: bitte von und bis prüfen.".to_owned(),
            Self::NothingGranted => "Es ist keine Leistung angegeben: bitte mindestens eine eintragen.".to_owned(),
            Self::TooMuch => format!("Eine Karte trägt höchstens {MAX_ALLOWANCES} Leistungen: bitte auf zwei Zeiträume verteilen."),
            Self::SameTwice => "Dieselbe Leistung ist zweimal angegeben: bitte zu einer zusammenfassen.".to_owned(),
        }
    }
}

impl Approval {
    /// Whether a token can be made of it.
    pub fn check(&self) -> Result<(), CannotIssue> {
        if self.to < self.from {
            return Err(CannotIssue::EndsBeforeItBegins);
        }
        if self.allowances.is_empty() {
            return Err(CannotIssue::NothingGranted);
        }
        if self.allowances.len() > MAX_ALLOWANCES {
            return Err(CannotIssue::TooMuch);
        }
        let same = |a: &Allowance, b: &Allowance| a.benefit == b.benefit && a.detail == b.detail;
        let twice = |(place, a): (usize, &Allowance)| self.allowances.iter().take(place).any(|b| same(a, b));
        if self.allowances.iter().enumerate().any(twice) { Err(CannotIssue::SameTwice) } else { Ok(()) }
    }

    /// The token for the child `handle`, with the ids and the place in the status list that the office gives it.
    pub fn token(self, handle: Handle, id: TokenId, status_index: u64, issued: UtcSeconds) -> Result<Token, CannotIssue> {
        self.check()?;
        Ok(Token {
            expires: self.to.plus(1).first_day().midnight(),
            not_before: self.from.first_day().midnight(),
            issued,
            id,
            holder_key: None,
            allowances: self.allowances,
            status_index,
            hint: self.hint,
            home_providers: self.home_providers,
            handle,
        })
    }
}
