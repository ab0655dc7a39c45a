//! Bank accounts: who is paid, and on which account.

use iban::IbanLike;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// The longest account holder's name a payment file of the German scheme takes, in characters (DK, GBIC_5).
pub const MAX_NAME: usize = 70;

/// The countries of the SEPA scheme by the first two letters of their IBANs (EPC409-09, version 8.0 of December 2025).
const SEPA_COUNTRIES: [&str; 42] = [
    "AD", "AL", "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GI", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT",
    "LU", "LV", "MC", "MD", "ME", "MK", "MT", "NL", "NO", "PL", "PT", "RO", "RS", "SE", "SI", "SK", "SM", "VA",
];

/// An account number whose check digits and national form are right and that SEPA reaches.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Iban(iban::Iban);

/// Why a text is no account number that can be paid to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IbanError {
    /// Not built as an IBAN at all.
    #[error("this is no IBAN: it begins with two letters and two digits, such as DE44 5001 0517 5407 3249 31")]
    Malformed,
    /// The check digits do not fit the rest.
    #[error("the check digits of this IBAN are wrong: compare it digit by digit with the provider's letter")]
    CheckDigits,
    /// Too long, too short, or letters where that country has digits.
    #[error("this IBAN has the wrong length or form for its country: a German one has 22 characters")]
    NationalForm,
    /// No country of the SEPA scheme.
    #[error("this IBAN belongs to a country outside SEPA: ask the provider for an account within it")]
    OutsideSepa,
}

impl Iban {
    /// Reads an IBAN as people write it: blanks and hyphens anywhere, either case.
    pub fn parse(text: &str) -> Result<Self, IbanError> {
        let compact: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').map(|c| c.to_ascii_uppercase()).collect();
        let checked = compact.parse::<iban::Iban>().map_err(|error| match error {
            iban::ParseIbanError::InvalidBaseIban { source: iban::ParseBaseIbanError::InvalidChecksum } => IbanError::CheckDigits,
            iban::ParseIbanError::InvalidBaseIban { .. } => IbanError::Malformed,
            iban::ParseIbanError::InvalidBban(_) => IbanError::NationalForm,
            iban::ParseIbanError::UnknownCountry(_) => IbanError::OutsideSepa,
        })?;
        if SEPA_COUNTRIES.contains(&checked.country_code()) { Ok(Self(checked)) } else { Err(IbanError::OutsideSepa) }
    }

    /// The form of files and databases, without blanks.
    pub fn electronic(&self) -> &str {
        self.0.electronic_str()
    }
}

impl fmt::Display for Iban {
    /// `DE44 5001 0517 5407 3249 31`: groups of four, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Iban {
    /// The country alone: account numbers do not belong into logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Iban({}…)", self.0.country_code())
    }
}

impl Serialize for Iban {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.electronic())
    }
}

impl<'de> Deserialize<'de> for Iban {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A bank's code (ISO 9362), 8 or 11 characters. Within SEPA the IBAN is enough; some banks still want it.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Bic(Box<str>);

/// The text is no BIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this is no BIC: it has 8 or 11 letters and digits, such as GENODEM1SLN; it may be left out")]
pub struct BicError;

impl Bic {
    /// Reads a BIC of either case; blanks do not matter.
    pub fn parse(text: &str) -> Result<Self, BicError> {
        let bic: String = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
        let right_length = bic.len() == 8 || bic.len() == 11;
        let plain = bic.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let country = bic.get(4..6).is_some_and(|c| c.bytes().all(|b| b.is_ascii_uppercase()));
        if right_length && plain && country { Ok(Self(bic.into())) } else { Err(BicError) }
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An account and its holder: the office that pays, or a provider that is paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    name: String,
    iban: Iban,
    bic: Option<Bic>,
}

/// The name holds no letter or digit that a payment file could carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the account holder's name needs at least one Latin letter or digit: write it as the bank knows it")]
pub struct NameError;

/// Whether a payment file can name this account holder.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let is_nameable = super::sepa::sepa_text(name, MAX_NAME).bytes().any(|b| b.is_ascii_alphanumeric());
    if is_nameable { Ok(()) } else { Err(NameError) }
}

impl Account {
    /// An account of `name`, who is named in payment files transliterated and cut to [`MAX_NAME`] characters.
    pub fn new(name: &str, iban: Iban, bic: Option<Bic>) -> Result<Self, NameError> {
        check_name(name)?;
        Ok(Self { name: name.trim().to_owned(), iban, bic })
    }

    /// The holder's name as the office wrote it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The account number.
    pub const fn iban(&self) -> &Iban {
        &self.iban
    }

    /// The bank's code, where it is known.
    pub const fn bic(&self) -> Option<&Bic> {
        self.bic.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iban_is_read_as_people_write_it_and_shown_in_groups() {
        for text in ["DE44500105175407324931", "de44 5001 0517 5407 3249 31", " DE44-5001-0517-5407-3249-31\n", "DE4450 01051754 07324931"] {
            let iban = Iban::parse(text).expect(text);
            assert_eq!(iban.electronic(), "DE44500105175407324931");
            assert_eq!(iban.to_string(), "DE44 5001 0517 5407 3249 31");
        }
    }

    #[test]
    fn every_wrong_iban_has_its_own_sentence() {
        for (text, error) in [
            ("", IbanError::Malformed),
            ("Sparkasse", IbanError::Malformed),
            ("DE44 5001 0517 5407 3249 3ä", IbanError::Malformed),
            ("DE44500105175407324932", IbanError::CheckDigits),
            ("DE4450010517540732493", IbanError::CheckDigits),
            ("AL84212110090000AB023569874", IbanError::NationalForm),
            ("AE070331234567890123456", IbanError::OutsideSepa),
            ("FO2000400440116243", IbanError::OutsideSepa),
        ] {
            assert_eq!(Iban::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn an_account_number_stays_out_of_logs() {
        let iban = Iban::parse("DE44500105175407324931").expect("safe: a valid IBAN");
        assert_eq!(format!("{iban:?}"), "Iban(DE…)");
    }

    #[test]
    fn a_bic_has_eight_or_eleven_characters() {
        for good in ["GENODEM1SLN", "welade3hxxx", "DEUTDEFF", "COBA DE FF XXX"] {
            assert!(Bic::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "GENODEM1SL", "GENO1EM1", "GENÖDEM1", "GENODEM1SLNX"] {
            assert_eq!(Bic::parse(bad), Err(BicError), "{bad}");
        }
    }

    #[test]
    fn a_holder_must_be_nameable_in_a_payment_file() {
        let iban = Iban::parse("DE44500105175407324931").expect("safe: a valid IBAN");
        assert!(Account::new("Müller's Küche 🍲", iban, None).is_ok());
        for bad in ["", "  ", "🍲🍲", "—", "Кухня"] {
            assert_eq!((Account::new(bad, iban, None), check_name(bad)), (Err(NameError), Err(NameError)), "{bad}");
        }
    }
}
