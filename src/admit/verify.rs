//! Whose signature a document carries, and whether that key counts.

use crate::words::cbor::Malformed;
use crate::words::keys::PublicKey;
use crate::words::reason::Reason;
use crate::words::sealed::{DocType, Sealed};

/// Why a signed document was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its bytes are not what they should be.
    #[error("the document is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// No key known here has the name it gives.
    #[error("it is signed by a key that is not known here")]
    UnknownKey,
    /// The key is withdrawn, or was not in force when the document was issued.
    #[error("it is signed by a key that is withdrawn or was not in force at its issue")]
    KeyWithdrawn,
    /// The signature does not fit the content.
    #[error("its signature does not fit its content")]
    BadSignature,
    /// It is a document of another type.
    #[error("it is another kind of document")]
    WrongType,
}

impl Refused {
    /// The stable reason.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Malformed(_) => Reason::Malformed,
            Self::UnknownKey => Reason::UnknownKey,
            Self::KeyWithdrawn => Reason::KeyWithdrawn,
            Self::BadSignature => Reason::BadSignature,
            Self::WrongType => Reason::WrongType,
        }
    }
}

/// The content of `bytes`, if one of `keys` signed it as a `doc`, and that key's place in the list.
pub fn open<'a, 'k>(bytes: &'a [u8], doc: DocType, keys: impl Iterator<Item = &'k PublicKey>) -> Result<(&'a [u8], usize), Refused> {
    let sealed = Sealed::parse(bytes, doc)?;
    let mut named = Vec::new();
    for (place, key) in keys.enumerate().filter(|(_, key)| key.kid() == sealed.kid()) {
        if sealed.is_signed_by(key, doc) {
            return Ok((sealed.unverified_payload(), place));
        }
        named.push(key);
    }
    if named.is_empty() {
        return Err(Refused::UnknownKey);
    }
    let other_type = DocType::ALL.into_iter().filter(|other| *other != doc).any(|other| named.iter().any(|key| sealed.is_signed_by(key, other)));
    Err(if other_type { Refused::WrongType } else { Refused::BadSignature })
}

/// The content of `bytes`, if exactly `key` signed it as a `doc`.
pub fn open_by<'a>(bytes: &'a [u8], doc: DocType, key: &PublicKey) -> Result<&'a [u8], Refused> {
    open(bytes, doc, std::iter::once(key)).map(|(payload, _)| payload)
}
