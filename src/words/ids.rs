//! Ids are types, not strings or numbers: none can be handed over in place of another.

use super::cbor::{Malformed, Reader, Writer};
use super::code::Code;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $size:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $size]);

        impl $name {
            /// The id as lower-case hexadecimal digits.
            pub fn hex(&self) -> String {
                data_encoding::HEXLOWER.encode(&self.0)
            }

            /// Reads hexadecimal digits of either case.
            pub fn from_hex(text: &str) -> Option<Self> {
                let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?;
                bytes.try_into().ok().map(Self)
            }

            /// Reads the id from bytes of exactly its length.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// Reads the id as a CBOR byte string.
            pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
                r.byte_array::<$size>().map(Self)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.hex())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.hex())
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.hex())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::from_hex(&text).ok_or_else(|| serde::de::Error::custom(format!("“{text}” is not {} hexadecimal digits", 2 * $size)))
            }
        }
    };
}

byte_id!(
    /// The random id of one token (CWT claim `cti`).
    TokenId, 16
);
byte_id!(
    /// The random handle of one child at one office: the same in every token of that child.
    Handle, 8
);
byte_id!(
    /// One terminal: derived from its public key, the same for all offices.
    TerminalId, 16
);
byte_id!(
    /// What can be used once: a child's meal of a day, a fee of a month (see `book::slot`).
    SlotId, 16
);
byte_id!(
    /// One claim batch.
    BatchId, 16
);
byte_id!(
    /// A number used once, to tie an answer to its question.
    Nonce, 16
);
byte_id!(
    /// Random bytes that keep a blinded journal entry from being guessed.
    Salt, 16
);
byte_id!(
    /// A random name for a person of whom no token is known yet; the readable alias stays on the terminal.
    AliasId, 8
);
byte_id!(
    /// The public name of a one-time enrolment code.
    CodeId, 8
);
byte_id!(
    /// A SHA-256 hash.
    Hash, 32
);

impl Hash {
    /// SHA-256 of the concatenation of `parts`.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// The first `N` bytes (at most 32).
    pub fn first<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        out.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
        out
    }
}

/// The office's number for one provider; meaningless at any other office.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderNumber(pub u32);

impl ProviderNumber {
    /// Reads the number from a document field.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        r.uint32().map(Self)
    }
}

impl fmt::Display for ProviderNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The office's number for money that a provider paid back by himself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepaymentNumber(pub u32);

impl fmt::Display for RepaymentNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The official key of a municipality or Kreis, with a suffix where two payers share one territory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfficeId(Box<str>);

impl OfficeId {
    /// `[0-9]{5,8}(-[A-Z0-9]{1,4})?`
    pub fn parse(text: &str) -> Option<Self> {
        let (key, suffix) = match text.split_once('-') {
            Some((key, suffix)) => (key, Some(suffix)),
            None => (text, None),
        };
        let key_fits = (5..=8).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_digit());
        let suffix_fits = suffix.is_none_or(|s| (1..=4).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()));
        (key_fits && suffix_fits).then(|| Self(text.into()))
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the id as a CBOR text.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        Self::parse(r.text()?).ok_or(Malformed::new("an office id is 5 to 8 digits and perhaps a suffix", at))
    }

    /// Writes the id as a CBOR text.
    pub fn write(&self, w: &mut Writer) {
        w.text(&self.0);
    }
}

impl fmt::Debug for OfficeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OfficeId({})", self.0)
    }
}

impl fmt::Display for OfficeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for OfficeId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for OfficeId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).ok_or_else(|| serde::de::Error::custom("an office id is 5 to 8 digits and perhaps a suffix"))
    }
}

/// The identity of a journal entry and so of a claim line: which terminal wrote it, and as its how-manieth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct EntryId {
    /// The terminal whose journal holds the entry.
    pub terminal: TerminalId,
    /// The entry's number in that journal, from 1 without gaps.
    pub seq: u64,
}

/// The code of one service of a provider, such as `lunch` or `judo`.
pub type ServiceCode = Code;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_office_id_is_an_official_key() {
        for good in ["05562", "05560408", "05562032-JC1"] {
            assert!(OfficeId::parse(good).is_some(), "{good}");
        }
        for bad in ["", "0556", "055604081", "05560408-", "05560408-ABCDE", "05560408-a", "0556O408"] {
            assert!(OfficeId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn hex_is_read_in_either_case_and_only_in_full() {
        let handle = Handle([0x83, 0x90, 0x09, 0x71, 0x17, 0x28, 0x7f, 0x40]);
        assert_eq!(Handle::from_hex("8390097117287F40"), Some(handle));
        assert_eq!(Handle::from_hex(&handle.hex()), Some(handle));
        assert_eq!(Handle::from_hex("8390097117287f"), None);
    }
}
