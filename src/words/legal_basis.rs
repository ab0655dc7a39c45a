//! The law a child's benefits rest on. Known to the office alone: no token, terminal, advice or bank ever learns it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The legal basis (Rechtskreis) of an approval. It decides with the benefit which cost account pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LegalBasis {
    /// § 28 SGB II: basic income support for job-seekers.
    Sgb2,
    /// § 34 SGB XII: social assistance.
    Sgb12,
    /// § 6b BKGG: child supplement (Kinderzuschlag) or housing benefit (Wohngeld).
    Bkgg,
    /// § 3 (4) or § 2 AsylbLG: asylum seekers.
    Asylblg,
}

impl LegalBasis {
    /// All legal bases.
    pub const ALL: [LegalBasis; 4] = [Self::Sgb2, Self::Sgb12, Self::Bkgg, Self::Asylblg];

    /// The stable code, as in files and tables.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Sgb2 => "sgb2",
            Self::Sgb12 => "sgb12",
            Self::Bkgg => "bkgg",
            Self::Asylblg => "asylblg",
        }
    }

    /// The name for German readers.
    pub const fn german(self) -> &'static str {
        match self {
            Self::Sgb2 => "SGB II",
            Self::Sgb12 => "SGB XII",
            Self::Bkgg => "§ 6b BKGG",
            Self::Asylblg => "AsylbLG",
        }
    }

    /// Reads the code or what offices write for it: `SGB II`, `SGB 12`, `KiZ`, `Wohngeld`, `§ 6b BKGG`, `AsylbLG`; case, blanks and
    /// punctuation do not matter.
    pub fn parse(text: &str) -> Option<Self> {
        let plain: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        match plain.as_str() {
            "sgb2" | "sgbii" | "28sgbii" | "28sgb2" => Some(Self::Sgb2),
            "sgb12" | "sgbxii" | "34sgbxii" | "34sgb12" => Some(Self::Sgb12),
            "bkgg" | "6bbkgg" | "kiz" | "kinderzuschlag" | "wog" | "wohngeld" | "kizwog" | "wogkiz" => Some(Self::Bkgg),
            "asylblg" | "asyl" | "2asylblg" | "3asylblg" => Some(Self::Asylblg),
            _ => None,
        }
    }
}

impl fmt::Display for LegalBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for LegalBasis {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for LegalBasis {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("“{text}” is no legal basis: write sgb2, sgb12, bkgg or asylblg")))
    }
}

#[cfg(test)]
mod tests {
    use super::LegalBasis;

    #[test]
    fn offices_write_the_legal_basis_in_many_ways() {
        for (text, basis) in [
            ("sgb2", LegalBasis::Sgb2),
            (" SGB II ", LegalBasis::Sgb2),
            ("SGB XII", LegalBasis::Sgb12),
            ("SGB 12", LegalBasis::Sgb12),
            ("§ 6b BKGG", LegalBasis::Bkgg),
            ("KiZ/WoG", LegalBasis::Bkgg),
            ("Wohngeld", LegalBasis::Bkgg),
            ("AsylbLG", LegalBasis::Asylblg),
        ] {
            assert_eq!(LegalBasis::parse(text), Some(basis), "{text}");
        }
        for basis in LegalBasis::ALL {
            assert_eq!(LegalBasis::parse(basis.code()), Some(basis));
            assert_eq!(LegalBasis::parse(basis.german()), Some(basis));
        }
        for text in ["", "SGB", "SGB VIII", "sgb22"] {
            assert_eq!(LegalBasis::parse(text), None, "{text}");
        }
    }
}
