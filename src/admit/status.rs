//! The status list: which tokens were stopped (Token Status List, IETF OAuth working group, CWT form, two bits a token).

use super::trust::{Policy, Purpose, TrustList};
use super::verify::Refused;
use crate::words::cbor::{Keys, Malformed, Reader, Writer, present};
use crate::words::keys::SecretKey;
use crate::words::sealed::{DocType, seal};
use crate::words::time::{DAY_MS, UtcMs, UtcSeconds};
use serde::{Deserialize, Serialize};

/// The most tokens one list may speak of: a big city's issues of ten years.
pub const MAX_TOKENS: usize = 4_000_000;

const BITS: u64 = 2;
const PER_BYTE: u64 = 4;
/// How hard the list is compressed (zlib level): it is made rarely and sent often.
const ZLIB_LEVEL: u8 = 9;

/// What the office says of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It counts.
    Valid,
    /// The entitlement has ended.
    Revoked,
    /// The entitlement is suspended.
    Suspended,
    /// A newer card has replaced it.
    Replaced,
}

impl Status {
    /// The value in the list, 0 to 3.
    pub const fn code(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Revoked => 1,
            Self::Suspended => 2,
            Self::Replaced => 3,
        }
    }

    /// The status with the lower two bits of `code`.
    pub const fn from_code(code: u8) -> Self {
        match code & 3 {
            0 => Self::Valid,
            1 => Self::Revoked,
            2 => Self::Suspended,
            _ => Self::Replaced,
        }
    }
}

/// How old the last word from the office is, and so how far it can be relied on. Less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataAge {
    /// Within the list's time to live.
    Green,
    /// Older, within the policy's amber days.
    Amber,
    /// Older still, within the policy's red days.
    Red,
}

impl DataAge {
    /// The code on the wire, 0 to 2.
    pub const fn code(self) -> u64 {
        match self {
            Self::Green => 0,
            Self::Amber => 1,
            Self::Red => 2,
        }
    }

    /// The age with this code.
    pub fn from_code(code: u64) -> Option<Self> {
        [Self::Green, Self::Amber, Self::Red].into_iter().find(|age| age.code() == code)
    }

    /// The age at `now` of data issued at `issued` that lives for `ttl_seconds`; none when it is past the policy's red days.
    pub fn of(issued: UtcSeconds, ttl_seconds: u64, policy: &Policy, now: UtcMs) -> Option<Self> {
        let age = now.since(issued.ms());
        if age <= ttl_seconds.saturating_mul(1000) {
            Some(Self::Green)
        } else if age <= u64::from(policy.amber_days) * DAY_MS {
            Some(Self::Amber)
        } else {
            (age <= u64::from(policy.red_days) * DAY_MS).then_some(Self::Red)
        }
    }
}

/// A verified status list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatusList {
    /// Its address, as the draft's `sub` claim wants it.
    pub subject: String,
    /// When it was issued; only a later one replaces it.
    pub issued: UtcSeconds,
    /// When it ends, if it says so.
    pub expires: Option<UtcSeconds>,
    /// For how many seconds it is fresh.
    pub ttl_seconds: u64,
    #[serde(rename = "statuses", serialize_with = "crate::words::hex::bytes")]
    packed: Vec<u8>,
}

impl StatusList {
    /// A list issued at `issued` that says `statuses`, one a token by index.
    pub fn new(subject: String, issued: UtcSeconds, ttl_seconds: u64, statuses: impl IntoIterator<Item = (u64, Status)>) -> Self {
        let mut packed = Vec::new();
        for (index, status) in statuses {
            let Ok(byte) = usize::try_from(index / PER_BYTE) else { continue };
            if byte >= packed.len() {
                packed.resize(byte + 1, 0);
            }
            if let Some(slot) = packed.get_mut(byte) {
                *slot |= status.code() << (index % PER_BYTE * BITS);
            }
        }
        Self { subject, issued, expires: None, ttl_seconds, packed }
    }

    /// The status of the token at `index`; past the end it is valid (formats § 4).
    pub fn status(&self, index: u64) -> Status {
        let byte = usize::try_from(index / PER_BYTE).ok().and_then(|at| self.packed.get(at));
        byte.map_or(Status::Valid, |byte| Status::from_code(byte >> (index % PER_BYTE * BITS)))
    }

    /// Opens a list signed by a status key of `trust`'s office.
    pub fn open(bytes: &[u8], trust: &TrustList, now: UtcMs) -> Result<Self, Refused> {
        trust.open_document(bytes, DocType::StatusList, Purpose::StatusLists, Self::read, |list| list.issued.ms(), now)
    }

    /// Signs the list with a status key of the office.
    pub fn seal(&self, key: &SecretKey) -> Vec<u8> {
        seal(key, DocType::StatusList, &Writer::encode(|w| self.write(w)))
    }

    /// Reads the claims of a list; for `inspect` and for [`StatusList::open`].
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut subject, mut issued, mut expires, mut ttl_seconds, mut packed) = (None, None, None, None, None);
        r.map(Keys::Open, |key, r| {
            match key {
                2 => subject = Some(r.text_of(1, 500)?.to_owned()),
                4 => expires = Some(UtcSeconds(r.uint()?)),
                6 => issued = Some(read_issued(r)?),
                65533 => packed = Some(read_packed(r)?),
                65534 => ttl_seconds = Some(r.uint()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            subject: present(subject, "a status list without subject", at)?,
            issued: present(issued, "a status list without issue time", at)?,
            expires,
            ttl_seconds: ttl_seconds.unwrap_or(0),
            packed: present(packed, "a status list without its list", at)?,
        })
    }

    fn write(&self, w: &mut Writer) {
        w.map(|m| {
            m.key(2).text(&self.subject);
            if let Some(at) = self.expires {
                m.key(4).uint(at.0);
            }
            m.key(6).uint(self.issued.0);
            m.key(65533).map(|m| {
                m.text_key("lst").bytes(&miniz_oxide::deflate::compress_to_vec_zlib(&self.packed, ZLIB_LEVEL));
                m.text_key("bits").uint(BITS);
            });
            m.key(65534).uint(self.ttl_seconds);
        });
    }
}

fn read_issued(r: &mut Reader<'_>) -> Result<UtcSeconds, Malformed> {
    let at = r.position();
    let seconds = UtcSeconds(r.uint()?);
    if seconds.ms() > UtcMs::MAX { Err(Malformed::new("the time is past the year 9999", at)) } else { Ok(seconds) }
}

fn read_packed(r: &mut Reader<'_>) -> Result<Vec<u8>, Malformed> {
    let at = r.position();
    let (mut bits, mut packed) = (None, None);
    r.text_map(|key, r| {
        match key {
            "bits" => bits = Some(r.uint()?),
            "lst" => packed = Some(r.bytes()?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if bits != Some(BITS) {
        return Err(Malformed::new("a status list has two bits a token", at));
    }
    inflate(present(packed, "a status list without its bits", at)?).ok_or(Malformed::new("the list is not zlib, or is larger than allowed", at))
}

/// Inflates one zlib stream of at most a quarter of [`MAX_TOKENS`] bytes, with nothing behind it.
fn inflate(packed: &[u8]) -> Option<Vec<u8>> {
    use miniz_oxide::inflate::TINFLStatus;
    use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
    let mut out = vec![0; MAX_TOKENS / 4];
    let flags = inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER
        | inflate_flags::TINFL_FLAG_COMPUTE_ADLER32
        | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    let (status, read, written) = decompress(&mut DecompressorOxide::new(), packed, &mut out, 0, flags);
    out.truncate(written);
    (status == TINFLStatus::Done && read == packed.len()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_list_says_of_each_token_what_was_put_in(codes in proptest::collection::vec(0u8..4, 0..200)) {
            let statuses = codes.iter().enumerate().map(|(index, code)| (index as u64, Status::from_code(*code)));
            let list = StatusList::new("https://but.example/status/1".into(), UtcSeconds(1_800_000_000), 86_400, statuses);
            let read = Reader::decode(&Writer::encode(|w| list.write(w)), StatusList::read);
            prop_assert_eq!(read.as_ref(), Ok(&list));
            for (index, code) in codes.iter().enumerate() {
                prop_assert_eq!(list.status(index as u64).code(), *code);
            }
            prop_assert_eq!(list.status(10_000), Status::Valid);
        }
    }

    #[test]
    fn data_ages_step_by_step() {
        let policy = Policy { claim_grace_days: 90, amber_days: 7, red_days: 30 };
        let issued = UtcSeconds(1_800_000_000);
        let after = |days: u64| DataAge::of(issued, 86_400, &policy, issued.ms().plus_days(days));
        assert_eq!(
            [after(0), after(1), after(2), after(7), after(8), after(30), after(31)],
            [Some(DataAge::Green), Some(DataAge::Green), Some(DataAge::Amber), Some(DataAge::Amber), Some(DataAge::Red), Some(DataAge::Red), None]
        );
    }
}
