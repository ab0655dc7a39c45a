//! Short machine-readable names: services, subjects, events, charges.

use super::cbor::{Malformed, Reader, Writer};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A name of 1 to 24 characters out of `A–Z a–z 0–9 _ . -`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(Box<str>);

impl Code {
    /// The code, if `text` is one.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=24).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        fits.then(|| Self(text.into()))
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the code as a CBOR text.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        Self::parse(r.text()?).ok_or(Malformed::new("a code is 1 to 24 letters, digits, dots, hyphens or underscores", at))
    }

    /// Writes the code as a CBOR text.
    pub fn write(&self, w: &mut Writer) {
        w.text(&self.0);
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({})", self.0)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("“{text}” is not a code: 1 to 24 letters, digits, dots, hyphens or underscores")))
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn codes_are_short_and_plain() {
        for good in ["lunch", "zoo-26", "MA", "a.b_c-9"] {
            assert!(Code::parse(good).is_some(), "{good}");
        }
        for bad in ["", "with space", "ä", "abcdefghijklmnopqrstuvwxy", "a/b"] {
            assert!(Code::parse(bad).is_none(), "{bad}");
        }
    }
}
