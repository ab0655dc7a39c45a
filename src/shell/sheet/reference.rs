//! The office's own key of a case, and what spreadsheets do to it.

use super::text::echo;
use super::{Row, RowError, cell};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest case reference in characters.
pub const MAX_REFERENCE: usize = 64;

/// The office's own key of a case, exactly as it wrote it, leading zeros included. It never leaves the office.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseReference(Box<str>);

/// What is wrong with a case reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadReference {
    /// Nothing is there.
    Missing,
    /// More than [`MAX_REFERENCE`] characters, or line breaks and the like.
    Unfit,
    /// `1,23E+11`: a spreadsheet has rounded it.
    Rounded,
    /// It begins with `=`, `+`, `-` or `@`, which a spreadsheet would run as a formula.
    Formula,
}

/// The known reference that `reference` is but for leading zeros a spreadsheet has dropped.
pub fn lost_zeros(reference: &str, known: &dyn Fn(&str) -> bool) -> Option<String> {
    let number = !reference.is_empty() && reference.bytes().all(|b| b.is_ascii_digit());
    if !number || known(reference) {
        return None;
    }
    (1..=MAX_REFERENCE.saturating_sub(reference.len())).map(|zeros| "0".repeat(zeros) + reference).find(|padded| known(padded))
}

impl CaseReference {
    /// The reference, if a table may hold it.
    pub fn parse(text: &str) -> Result<Self, BadReference> {
        if text.is_empty() {
            return Err(BadReference::Missing);
        }
        if text.chars().count() > MAX_REFERENCE || text.trim() != text || text.chars().any(char::is_control) {
            return Err(BadReference::Unfit);
        }
        if cell::is_scientific(text) {
            return Err(BadReference::Rounded);
        }
        if text.starts_with(['=', '+', '-', '@']) {
            return Err(BadReference::Formula);
        }
        Ok(Self(text.into()))
    }

    /// The reference as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CaseReference {
    /// Without the reference itself, which is personal data and belongs in no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CaseReference(…)")
    }
}

/// Reads the case reference of a row.
pub(super) fn reference(row: &Row, index: usize) -> Result<CaseReference, RowError> {
    let text = row.cell(index);
    CaseReference::parse(text).map_err(|bad| {
        let shown = echo(text);
        let (de, en) = match bad {
            BadReference::Missing => ("Das Aktenzeichen fehlt: bitte eintragen.".to_owned(), "The case reference is missing: enter it.".to_owned()),
            BadReference::Unfit => (
                format!("„{shown}“ ist kein Aktenzeichen: höchstens {MAX_REFERENCE} Zeichen in einer Zeile."),
                format!("“{shown}” is no case reference: at most {MAX_REFERENCE} characters in one line."),
            ),
            BadReference::Rounded => (
                format!("„{shown}“ hat die Tabellenkalkulation gerundet: Spalte als Text formatieren und das Aktenzeichen neu eintragen."),
                format!("“{shown}” was rounded by the spreadsheet: format the column as text and enter the reference anew."),
            ),
            BadReference::Formula => (
                format!("Das Aktenzeichen „{shown}“ beginnt wie eine Formel: bitte ohne = + - @ am Anfang schreiben."),
                format!("The reference “{shown}” begins like a formula: write it without = + - @ in front."),
            ),
        };
        row.wrong("reference", de, en)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_kept_exactly() {
        for text in ["00123", "0", "BUT-2026/0815 b", "12E45", "Ä 7", &"9".repeat(64)] {
            assert_eq!(CaseReference::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn a_damaged_reference_is_refused() {
        for (text, bad) in [
            ("", BadReference::Missing),
            ("1,23E+11", BadReference::Rounded),
            ("=1+1", BadReference::Formula),
            ("@x", BadReference::Formula),
            ("a\tb", BadReference::Unfit),
            (" a", BadReference::Unfit),
            (&"9".repeat(65), BadReference::Unfit),
        ] {
            assert_eq!(CaseReference::parse(text), Err(bad), "{text:?}");
        }
    }

    #[test]
    fn dropped_zeros_are_found_among_the_known() {
        let known = |reference: &str| ["00123", "77", "0000000000000000000000000000000000000000000000000000000000000009"].contains(&reference);
        assert_eq!(lost_zeros("123", &known).as_deref(), Some("00123"));
        assert_eq!(lost_zeros("9", &known).map(|r| r.len()), Some(64));
        for fine in ["00123", "77", "124", "A123", "", &"1".repeat(70)] {
            assert_eq!(lost_zeros(fine, &known), None, "{fine}");
        }
    }

    #[test]
    fn a_reference_shows_in_no_log() {
        assert_eq!(format!("{:?}", CaseReference::parse("00123").unwrap()), "CaseReference(…)");
    }
}
