//! How bytes are written for people and in JSON: lower-case hexadecimal digits.

use data_encoding::HEXLOWER;
use serde::{Serialize, Serializer};

/// Serializes bytes.
pub fn bytes<S: Serializer>(value: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&HEXLOWER.encode(value))
}

/// Serializes bytes that may be absent.
pub fn maybe<S: Serializer, B: AsRef<[u8]>>(value: &Option<B>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_ref().map(|bytes| HEXLOWER.encode(bytes.as_ref())).serialize(serializer)
}

/// Serializes a list of byte strings.
pub fn list<S: Serializer>(value: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(value.iter().map(|bytes| HEXLOWER.encode(bytes)))
}
