//! The Leitweg-ID by which a public buyer gets its invoices (KoSIT, "Formatspezifikation Leitweg-ID" 2.0.2; BT-10 of an XRechnung).

use std::fmt;
use thiserror::Error;

/// The longest address within a buyer's own house, in characters.
const MAX_FINE: usize = 30;
/// How many digits the first part may have: federation or Land, then district, then municipality.
const COARSE_DIGITS: [usize; 6] = [2, 3, 5, 8, 9, 12];

/// A Leitweg-ID whose check digits are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeitwegId(Box<str>);

/// Why a text is no Leitweg-ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LeitwegError {
    /// It is not made of two or three parts of the right kind.
    #[error("a Leitweg-ID is made of digits, perhaps a second part of letters and digits, and two check digits, such as 04011000-1234512345-06")]
    Shape,
    /// The last two digits do not fit the rest.
    #[error("the check digits do not fit: a digit is wrong or two are turned round; compare it with the letter that gave it")]
    CheckDigits,
}

impl LeitwegId {
    /// Reads one as people write it; blanks around it and small letters do no harm.
    pub fn parse(text: &str) -> Result<Self, LeitwegError> {
        let text = text.trim().to_ascii_uppercase();
        let parts: Vec<&str> = text.split('-').collect();
        let (coarse, fine, check) = match parts.as_slice() {
            [coarse, check] => (*coarse, "", *check),
            [coarse, fine, check] if !fine.is_empty() => (*coarse, *fine, *check),
            _ => return Err(LeitwegError::Shape),
        };
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let has_a_length = COARSE_DIGITS.contains(&coarse.len());
        let is_fine = fine.len() <= MAX_FINE && fine.bytes().all(|b| b.is_ascii_alphanumeric());
        if !digits(coarse) || !has_a_length || !is_fine || check.len() != 2 || !digits(check) {
            return Err(LeitwegError::Shape);
        }
        if remainder(&format!("{coarse}{fine}{check}")) != 1 {
            return Err(LeitwegError::CheckDigits);
        }
        Ok(Self(text.into()))
    }

    /// The id as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LeitwegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is left when digits and capital letters, these as 10 to 35, are read as one number and divided by 97 (ISO 7064, MOD 97-10).
fn remainder(text: &str) -> u32 {
    text.chars().filter_map(|c| c.to_digit(36)).fold(0, |rest, value| if value < 10 { (rest * 10 + value) % 97 } else { (rest * 100 + value) % 97 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_published_example_is_right() {
        // The specification's own: 04011000123451234500 mod 97 = 92, 98 - 92 = 06.
        assert_eq!(remainder("04011000123451234500"), 92);
        let id = LeitwegId::parse("04011000-1234512345-06").expect("the published example");
        assert_eq!(id.as_str(), "04011000-1234512345-06");
        for real in ["991-33333TEST-33", "04011000-12345-03", "992-90009-96", " 991-33333test-33 "] {
            assert!(LeitwegId::parse(real).is_ok(), "{real}");
        }
    }

    #[test]
    fn whatever_is_none_is_refused() {
        for wrong in
            ["", "-", "04011000", "04011000--03", "0401A000-12345-03", "0401-12345-03", "04011000-12345-0", "04011000-12345-0A", "04011000-12 45-03"]
        {
            assert_eq!(LeitwegId::parse(wrong), Err(LeitwegError::Shape), "{wrong}");
        }
        assert_eq!(LeitwegId::parse(&format!("991-{}-33", "1".repeat(31))), Err(LeitwegError::Shape));
        for wrong in ["04011000-12345-34", "04011000-12354-03", "04011000-12345-04", "04011000-1234512345-35"] {
            assert_eq!(LeitwegId::parse(wrong), Err(LeitwegError::CheckDigits), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_wrong_digit_and_every_turn_is_noticed(digits in "[0-9]{12}", at in 0usize..11, other in 1u8..10) {
            let check = format!("{:02}", 98 - remainder(&format!("{digits}00")));
            let right = format!("{digits}-{check}");
            prop_assert!(LeitwegId::parse(&right).is_ok());
            let mut wrong = digits.clone().into_bytes();
            wrong[at] = b'0' + (wrong[at] - b'0' + other) % 10;
            let wrong = String::from_utf8(wrong).expect("digits");
            prop_assert_eq!(LeitwegId::parse(&format!("{wrong}-{check}")), Err(LeitwegError::CheckDigits));
            let mut turned = digits.clone().into_bytes();
            turned.swap(at, at + 1);
            let turned = String::from_utf8(turned).expect("digits");
            if turned != digits {
                prop_assert_eq!(LeitwegId::parse(&format!("{turned}-{check}")), Err(LeitwegError::CheckDigits));
            }
        }
    }
}
