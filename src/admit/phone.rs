//! The code that a holder's phone shows: the token, the moment, and the phone's signature over both (docs/FORMAT.md § 5).

use super::scan::Fault;
use super::token::Token;
use crate::words::cbor::{Malformed, Reader, Writer};
use crate::words::keys::{PublicKey, SecretKey};
use crate::words::sealed::MAX_TOKEN_BYTES;
use crate::words::time::{UtcMs, UtcSeconds};
use data_encoding::BASE32HEX_NOPAD;
use serde::Serialize;

/// The prefix of a code shown by a phone.
pub const PHONE_PREFIX: &str = "BUT2";
/// For how many seconds a code is good.
pub const GOOD_SECONDS: u64 = 60;
/// By how many seconds a phone's clock may be ahead of the terminal's: both are set by a network, and neither to the second.
pub const AHEAD_SECONDS: u64 = 30;
/// The longest phone code in bytes: the largest token, the moment, the signature, and what frames them.
pub const MAX_PHONE_BYTES: usize = MAX_TOKEN_BYTES + 1 + 3 + 9 + 2 + SIGNATURE;
/// Bytes of an Ed25519 signature.
const SIGNATURE: usize = 64;
/// What the phone signs begins with this, so that its signature is good for nothing else.
const DOMAIN: &[u8] = b"teilhabe/phone/1";

/// That the holder's key was there at a moment: what a redemption keeps of a phone code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HolderProof {
    /// The moment by the phone's clock.
    pub at: UtcSeconds,
    /// The phone's signature over token and moment.
    #[serde(serialize_with = "crate::words::hex::bytes")]
    pub signature: [u8; SIGNATURE],
}

/// A phone code as scanned; nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneCode {
    /// The signed token.
    pub token: Vec<u8>,
    /// The proof for it.
    pub proof: HolderProof,
}

/// A phone code that was shown at a counter, with what decides whether it counts there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What was shown.
    pub proof: HolderProof,
    /// When it was scanned, by the counter's clock.
    pub seen: UtcMs,
    /// The moment of the latest code of this token with which something was recorded here.
    pub used: Option<UtcSeconds>,
}

impl HolderProof {
    /// The proof that the phone with `key` makes for `token` at a moment.
    pub fn sign(token: &[u8], at: UtcSeconds, key: &SecretKey) -> Self {
        Self { at, signature: key.sign(&message(token, at)) }
    }

    /// Whether the key that `token` names made this proof for its signed bytes; a token that names none has no proof.
    pub fn is_of(&self, token: &Token, bytes: &[u8]) -> bool {
        let key = token.holder_key.as_ref().and_then(PublicKey::from_bytes);
        key.is_some_and(|key| key.verifies(&message(bytes, self.at), &self.signature))
    }

    /// Reads the moment and the signature, the last two parts of what carries them.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let position = r.position();
        let at = UtcSeconds(r.uint()?);
        if at.ms() > UtcMs::MAX {
            return Err(Malformed::new("the time is past the year 9999", position));
        }
        Ok(Self { at, signature: r.byte_array()? })
    }

    /// Writes the moment and the signature.
    pub fn write(&self, w: &mut Writer) {
        w.uint(self.at.0);
        w.bytes(&self.signature);
    }
}

impl PhoneCode {
    /// The code that the phone with `key` shows for `token` at a moment.
    pub fn show(token: Vec<u8>, at: UtcSeconds, key: &SecretKey) -> Self {
        let proof = HolderProof::sign(&token, at, key);
        Self { token, proof }
    }

    /// Reads the bytes of a phone code.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::decode(bytes, |r| {
            r.array(3, 3, |r, _| {
                let position = r.position();
                let token = r.bytes()?;
                if token.len() > MAX_TOKEN_BYTES {
                    return Err(Malformed::new("a token is longer than it may be", position));
                }
                Ok(Self { token: token.to_vec(), proof: HolderProof::read(r)? })
            })
        })
    }

    /// Its bytes, in the one form they have.
    pub fn to_bytes(&self) -> Vec<u8> {
        Writer::encode(|w| {
            w.array(3);
            w.bytes(&self.token);
            self.proof.write(w);
        })
    }

    /// The text in its QR code.
    pub fn text(&self) -> String {
        format!("{PHONE_PREFIX}{}", BASE32HEX_NOPAD.encode(&self.to_bytes()))
    }
}

impl Shown {
    /// The code was made for this moment: not more than [`GOOD_SECONDS`] ago, and not further ahead than clocks differ.
    pub const fn is_fresh(&self) -> Result<(), Fault> {
        let (made, seen) = (self.proof.at.0, self.seen.seconds().0);
        if made > seen.saturating_add(AHEAD_SECONDS) {
            Err(Fault::PhoneAhead)
        } else if seen >= made.saturating_add(GOOD_SECONDS) {
            Err(Fault::PhoneOld)
        } else {
            Ok(())
        }
    }

    /// Nothing was recorded here with this code or a later one of the same token: a copy of it buys nothing more.
    pub const fn is_unused(&self) -> Result<(), Fault> {
        match self.used {
            Some(used) if self.proof.at.0 <= used.0 => Err(Fault::PhoneUsed),
            _ => Ok(()),
        }
    }
}

/// Whether bytes that begin as a phone code does end before its parts do.
pub(super) fn lacks_its_end(bytes: &[u8]) -> bool {
    let says_nothing_yet = matches!(*bytes, [0x83, 0x58 | 0x59] | [0x83, 0x59, _] | [0x83] | []);
    says_nothing_yet || length(bytes).is_some_and(|length| bytes.len() < length)
}

/// How many bytes a phone code has by its own word, from its first ones on; a moment that is not there yet is taken to be of our time.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let (head, token) = match *bytes {
        [0x83, 0x58, length, ..] => (3, usize::from(length)),
        [0x83, 0x59, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        _ => return None,
    };
    let time = match bytes.get(head + token) {
        None | Some(0x1a) => 5,
        Some(0x18) => 2,
        Some(0x19) => 3,
        Some(0x1b) => 9,
        Some(_) => 1,
    };
    Some(head + token + time + 2 + SIGNATURE)
}

fn message(token: &[u8], at: UtcSeconds) -> Vec<u8> {
    [DOMAIN, token, &at.0.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admit::scan::{ReadError, Scan};
    use proptest::prelude::*;

    fn code(at: u64) -> PhoneCode {
        PhoneCode::show(vec![7; 230], UtcSeconds(at), &SecretKey::from_seed([3; 32]))
    }

    fn shown(made: u64, seen: u64, used: Option<u64>) -> Shown {
        Shown { proof: code(made).proof, seen: UtcMs(seen * 1000), used: used.map(UtcSeconds) }
    }

    #[test]
    fn a_code_is_good_for_a_minute_and_a_little_before() {
        for (seen, verdict) in [
            (1_000_000, Ok(())),
            (1_000_059, Ok(())),
            (1_000_060, Err(Fault::PhoneOld)),
            (1_000_061, Err(Fault::PhoneOld)),
            (999_970, Ok(())),
            (999_969, Err(Fault::PhoneAhead)),
            (0, Err(Fault::PhoneAhead)),
        ] {
            assert_eq!(shown(1_000_000, seen, None).is_fresh(), verdict, "{seen}");
        }
        assert_eq!(shown(u64::MAX / 1000, 5, None).is_fresh(), Err(Fault::PhoneAhead));
    }

    #[test]
    fn a_code_buys_once_and_so_does_every_older_one() {
        assert_eq!(shown(100, 100, None).is_unused(), Ok(()));
        assert_eq!(shown(100, 100, Some(99)).is_unused(), Ok(()));
        assert_eq!(shown(100, 100, Some(100)).is_unused(), Err(Fault::PhoneUsed));
        assert_eq!(shown(100, 100, Some(101)).is_unused(), Err(Fault::PhoneUsed));
    }

    #[test]
    fn what_is_wrong_with_a_phone_code_is_said() {
        let text = code(1_795_431_600).text();
        assert_eq!(Scan::new(&text), Ok(Scan::Phone(code(1_795_431_600))));
        assert_eq!(Scan::new(&format!(" ]Q1{}\r", text.to_lowercase())), Ok(Scan::Phone(code(1_795_431_600))));
        let fault = |raw: &str| match Scan::new(raw) {
            Err(ReadError::Malformed(fault)) => Some(fault),
            _ => None,
        };
        for end in 4..text.len() {
            assert_eq!(fault(&text[..end]), Some(Fault::HalfACode), "{end} characters");
        }
        assert_eq!(fault(&format!("{text}{text}")), Some(Fault::TwoCodes));
        assert_eq!(fault(&format!("{}W{}", &text[..50], &text[51..])), Some(Fault::Damaged));
        assert_eq!(fault(&format!("{text}00")), Some(Fault::Damaged), "more than a code");
        assert_eq!(fault(&format!("BUT2{}", "0".repeat(2000))), Some(Fault::TooLong));
        let french: String = text.chars().map(|c| if c == '2' { 'é' } else { c }).collect();
        assert!(matches!(Scan::new(&french), Ok(Scan::Phone(_)) | Err(ReadError::WrongLayout)), "{french}");
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(code) = PhoneCode::from_bytes(&bytes) {
                prop_assert_eq!(code.to_bytes(), bytes);
            }
        }

        #[test]
        fn a_phone_code_survives_the_way(token in proptest::collection::vec(any::<u8>(), 1..=MAX_TOKEN_BYTES), at in 0..253_402_300_799u64, key: [u8; 32]) {
            let code = PhoneCode::show(token, UtcSeconds(at), &SecretKey::from_seed(key));
            prop_assert_eq!(PhoneCode::from_bytes(&code.to_bytes()), Ok(code.clone()));
            prop_assert_eq!(Scan::new(&code.text()), Ok(Scan::Phone(code)));
        }

        #[test]
        fn a_bit_that_is_turned_makes_another_code_or_none(bit in 0..8usize, place in 0..305usize) {
            let genuine = code(1_795_431_600);
            let mut bytes = genuine.to_bytes();
            let place = place % bytes.len();
            bytes[place] ^= 1 << bit;
            if let Ok(read) = PhoneCode::from_bytes(&bytes) {
                prop_assert_ne!(&read, &genuine);
                let key = SecretKey::from_seed([3; 32]);
                prop_assert!(!key.public().verifies(&message(&read.token, read.proof.at), &read.proof.signature));
            }
        }
    }
}
