//! The card number: twelve digits for eyes, ears and keypads.

use crate::words::ids::{Hash, TokenId};
use std::fmt;

/// A card number with a right check digit (ISO 7064 MOD 11,10, as in the German tax id).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CardNumber(u64);

impl CardNumber {
    /// The number printed beside the code of the token `id`.
    pub fn of(id: TokenId) -> Self {
        let head: [u8; 5] = Hash::of(&[b"teilhabe/number/1", &id.0]).first();
        let eleven = head.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte)) % 100_000_000_000;
        Self(eleven * 10 + check_digit(eleven))
    }

    /// Reads twelve digits without separators.
    pub fn parse(digits: &str) -> Option<Self> {
        if digits.len() != 12 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let value: u64 = digits.parse().ok()?;
        (check_digit(value / 10) == value % 10).then_some(Self(value))
    }

    /// The number as an integer, for storage.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The twelve digits without separators.
    pub fn digits(self) -> String {
        format!("{:012}", self.0)
    }
}

impl fmt::Display for CardNumber {
    /// `4262 6226 7885`, as printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04} {:04} {:04}", self.0 / 100_000_000, self.0 / 10_000 % 10_000, self.0 % 10_000)
    }
}

fn check_digit(eleven: u64) -> u64 {
    let mut product = 10;
    for place in (0..11).rev() {
        let digit = eleven / 10u64.pow(place) % 10;
        let sum = match (digit + product) % 10 {
            0 => 10,
            other => other,
        };
        product = sum * 2 % 11;
    }
    match 11 - product {
        10 => 0,
        digit => digit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_numbers() {
        let id = TokenId::from_hex("8cb243ef286df9fd2889f017a76b2ef9").expect("safe: hex");
        assert_eq!(CardNumber::of(id).to_string(), "4262 6226 7885");
        let leading_zero = TokenId::from_hex("24fe2f90e179207a93c305d979cd4b46").expect("safe: hex");
        assert_eq!(CardNumber::of(leading_zero).digits(), "023030851006");
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_always_noticed(id in any::<[u8; 16]>(), place in 0usize..12, wrong in 1u8..10) {
            let digits = CardNumber::of(TokenId(id)).digits();
            prop_assert_eq!(CardNumber::parse(&digits), Some(CardNumber::of(TokenId(id))));
            let mut typed = digits.into_bytes();
            typed[place] = b'0' + (typed[place] - b'0' + wrong) % 10;
            prop_assert_eq!(CardNumber::parse(&String::from_utf8_lossy(&typed)), None);
        }
    }
}
