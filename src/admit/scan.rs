//! What a scanner, a keyboard or a camera delivers, stripped of what they add, and told apart.

use super::number::CardNumber;
use super::phone::{self, MAX_PHONE_BYTES, PHONE_PREFIX, PhoneCode};
use crate::words::reason::Reason;
use crate::words::sealed::MAX_TOKEN_BYTES;
use data_encoding::BASE32HEX_NOPAD;
use serde::{Deserialize, Serialize};

/// The prefix of a token on paper or card.
pub const CODE_PREFIX: &str = "BUT1";
/// How every code goes on after its prefix: the first bytes of a signed document.
const BEGINNING: &str = "GH4Q40";
/// How every phone code goes on after its prefix: an array of three that begins with a token.
const PHONE_BEGINNING: &str = "GDC";
/// The bytes before the payload of a signed document: array, header, nothing unprotected.
const HEAD: usize = 12;
/// How many characters hold those bytes and the length of the payload.
const CHARACTERS_OF_HEAD: usize = 24;
/// The longest text looked at, in bytes: a code of the largest token, twice over for a foreign keyboard layout.
pub const MAX_SCAN_BYTES: usize = 4096;
/// The longest chip UID, in characters.
pub const MAX_CHIP: usize = 32;

/// A scan that could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scan {
    /// The signed bytes of a token.
    Code(Vec<u8>),
    /// A phone code, its proof still to be verified.
    Phone(PhoneCode),
    /// A card number with a right check digit.
    Number(CardNumber),
    /// Anything else short and plain: perhaps the UID of a chip.
    Chip(String),
}

/// What was scanned instead of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The beginning of a code, whose end is missing.
    #[error("the end of the code is missing")]
    HalfACode,
    /// Two codes or numbers without an end between them.
    #[error("it is two codes at once")]
    TwoCodes,
    /// A code with a character that none has.
    #[error("a character is wrong or missing")]
    Damaged,
    /// More than any code has.
    #[error("it is longer than any code of ours")]
    TooLong,
    /// Something else: an address, a business card, a word.
    #[error("it is not a code, card number or chip")]
    Foreign,
    /// A phone code whose minute is over: a new one must be shown.
    #[error("the phone's code is older than a minute")]
    PhoneOld,
    /// A phone code from later than now: the clocks of phone and terminal differ.
    #[error("the phone's clock is ahead of this one")]
    PhoneAhead,
    /// A phone code with which something was recorded before: a new one must be shown.
    #[error("something was recorded with this code of the phone before")]
    PhoneUsed,
}

/// A scan that could not be read, with the reason for the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not a code of ours, or damaged.
    #[error("the code cannot be read: {0}")]
    Malformed(Fault),
    /// Typed through a keyboard layout that garbles it beyond repair.
    #[error("the scanner types with another keyboard layout than this computer expects")]
    WrongLayout,
}

impl ReadError {
    /// The stable reason.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Malformed(_) => Reason::Malformed,
            Self::WrongLayout => Reason::WrongLayout,
        }
    }
}

impl Scan {
    /// Reads what was scanned or typed.
    pub fn new(raw: &str) -> Result<Self, ReadError> {
        if raw.len() > MAX_SCAN_BYTES {
            return Err(ReadError::Malformed(Fault::TooLong));
        }
        let text = strip(raw);
        if let Some(body) = strip_prefix(text, CODE_PREFIX) {
            return decode(body).map(Scan::Code);
        }
        if let Some(body) = strip_prefix(text, PHONE_PREFIX) {
            return decode_phone(body).map(Scan::Phone);
        }
        if looks_like_azerty(text) {
            let repaired: String = text.chars().map(from_azerty).collect();
            let read = match strip_prefix(&repaired, CODE_PREFIX) {
                Some(body) => decode(body).map(Scan::Code),
                None => decode_phone(strip_prefix(&repaired, PHONE_PREFIX).ok_or(ReadError::WrongLayout)?).map(Scan::Phone),
            };
            return read.map_err(|_| ReadError::WrongLayout);
        }
        let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
        if let Some(number) = CardNumber::parse(&plain) {
            return Ok(Scan::Number(number));
        }
        let two = plain.get(..12).and_then(CardNumber::parse).and(plain.get(12..).and_then(CardNumber::parse));
        if two.is_some() {
            return Err(ReadError::Malformed(Fault::TwoCodes));
        }
        chip(&plain).map(Scan::Chip).ok_or(ReadError::Malformed(Fault::Foreign))
    }
}

/// The text of a code that carries `token`.
pub fn code_text(token: &[u8]) -> String {
    format!("{CODE_PREFIX}{}", BASE32HEX_NOPAD.encode(token))
}

/// Drops white space and control characters around the text, an AIM identifier (`]Q1`, ISO/IEC 15424) and ECI prefixes (`\000026`).
fn strip(raw: &str) -> &str {
    let around = |c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}';
    let mut text = raw.trim_matches(around);
    if text.as_bytes().first() == Some(&b']') && text.is_char_boundary(3.min(text.len())) {
        text = text.get(3..).unwrap_or_default().trim_start_matches(around);
    }
    while let Some(digits) = text.strip_prefix('\\').and_then(|rest| rest.get(..6))
        && digits.bytes().all(|b| b.is_ascii_digit())
    {
        text = text.get(7..).unwrap_or_default();
    }
    text
}

fn strip_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    text.get(..prefix.len()).filter(|head| head.eq_ignore_ascii_case(prefix)).and_then(|_| text.get(prefix.len()..))
}

/// The UID of a chip: letters and digits, or pairs of hexadecimal digits with colons between them.
fn chip(plain: &str) -> Option<String> {
    let joined = plain.replace(':', "");
    let is_uid = if plain.contains(':') { joined.bytes().all(|b| b.is_ascii_hexdigit()) } else { joined.bytes().all(|b| b.is_ascii_alphanumeric()) };
    ((4..=MAX_CHIP).contains(&joined.len()) && is_uid).then(|| joined.to_ascii_uppercase())
}

fn decode(body: &str) -> Result<Vec<u8>, ReadError> {
    unpack(body, BEGINNING, MAX_TOKEN_BYTES, lacks_its_end)
}

fn decode_phone(body: &str) -> Result<PhoneCode, ReadError> {
    let bytes = unpack(body, PHONE_BEGINNING, MAX_PHONE_BYTES, phone::lacks_its_end)?;
    PhoneCode::from_bytes(&bytes).map_err(|_| ReadError::Malformed(Fault::Damaged))
}

/// The bytes of a code's text after its prefix, at most `most`; what begins with `beginning` and `lacks_its_end` was cut.
fn unpack(body: &str, beginning: &str, most: usize, lacks_its_end: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>, ReadError> {
    let body = body.to_ascii_uppercase();
    let fault = |fault| Err(ReadError::Malformed(fault));
    let another = [(CODE_PREFIX, BEGINNING), (PHONE_PREFIX, PHONE_BEGINNING)];
    if another.iter().any(|(prefix, beginning)| body.contains(&format!("{prefix}{beginning}"))) {
        return fault(Fault::TwoCodes);
    }
    if body.len() > BASE32HEX_NOPAD.encode_len(most) {
        return fault(Fault::TooLong);
    }
    let ours = body.starts_with(beginning) || beginning.starts_with(&body);
    match BASE32HEX_NOPAD.decode(body.as_bytes()) {
        Ok(bytes) if ours && lacks_its_end(&bytes) => fault(Fault::HalfACode),
        Ok(bytes) => Ok(bytes),
        // A cut code may end where no text of whole bytes can; what is before the cut tells.
        Err(_) => match BASE32HEX_NOPAD.decode(body.get(..body.len() / 8 * 8).unwrap_or_default().as_bytes()) {
            Ok(start) if ours && lacks_its_end(&start) => fault(Fault::HalfACode),
            _ => fault(Fault::Damaged),
        },
    }
}

/// Whether a signed document ends before its parts do.
fn lacks_its_end(bytes: &[u8]) -> bool {
    document_length(bytes).map_or(bytes.len() < HEAD + 3, |length| bytes.len() < length)
}

/// How many bytes a signed document has by its own word: header, payload, signature (formats § 1). None where it does not say so.
fn document_length(bytes: &[u8]) -> Option<usize> {
    const SIGNATURE: usize = 66;
    let payload = match *bytes.get(HEAD..).unwrap_or_default() {
        [0x58, length, ..] => 2 + usize::from(length),
        [0x59, high, low, ..] => 3 + usize::from(u16::from_be_bytes([high, low])),
        _ => return None,
    };
    Some(HEAD + payload + SIGNATURE)
}

/// How many characters a code has by its own word, from what is known of its beginning. None where that is no beginning of a code, or is
/// too short to say it.
pub fn code_length(code: &str) -> Option<usize> {
    if let Some(body) = strip_prefix(code, PHONE_PREFIX) {
        let known = body.get(..body.len() / 8 * 8)?.to_ascii_uppercase();
        let bytes = BASE32HEX_NOPAD.decode(known.as_bytes()).ok()?;
        let length = phone::length(&bytes).filter(|length| *length <= MAX_PHONE_BYTES)?;
        return Some(PHONE_PREFIX.len() + BASE32HEX_NOPAD.encode_len(length));
    }
    let beginning = strip_prefix(code, CODE_PREFIX)?.get(..CHARACTERS_OF_HEAD)?.to_ascii_uppercase();
    let bytes = BASE32HEX_NOPAD.decode(beginning.as_bytes()).ok().filter(|_| beginning.starts_with(BEGINNING))?;
    let length = document_length(&bytes).filter(|length| *length <= MAX_TOKEN_BYTES)?;
    Some(CODE_PREFIX.len() + BASE32HEX_NOPAD.encode_len(length))
}

/// A US scanner on a French or Belgian host types `1` as `&` and `2` as `é`, so the prefix arrives as `BUT&` or `BUTé`.
fn looks_like_azerty(text: &str) -> bool {
    ["BUT&", "BUTé", "BUTÉ"].iter().any(|garbled| strip_prefix(text, garbled).is_some())
}

/// The US key that types `typed` on a French or Belgian layout; the map is one-to-one, and the signature has the last word.
const fn from_azerty(typed: char) -> char {
    match typed {
        'à' | 'À' => '0',
        '&' => '1',
        'é' | 'É' => '2',
        '"' => '3',
        '\'' => '4',
        '(' => '5',
        '-' | '§' => '6',
        'è' | 'È' => '7',
        '_' | '!' => '8',
        'ç' | 'Ç' => '9',
        'a' => 'q',
        'A' => 'Q',
        'q' => 'a',
        'Q' => 'A',
        ',' | '?' => 'M',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_scanners_add_is_stripped() {
        let code = code_text(b"token");
        for raw in [
            code.clone(),
            format!("  {code}\r\n"),
            format!("]Q1{code}"),
            format!("]Q2\\000026{code}\t"),
            code.to_lowercase(),
            format!("\u{1d}{code}"),
        ] {
            assert_eq!(Scan::new(&raw), Ok(Scan::Code(b"token".to_vec())), "{raw:?}");
        }
    }

    #[test]
    fn other_things_are_told_apart() {
        assert!(matches!(Scan::new("4262 6226 7885"), Ok(Scan::Number(_))));
        assert_eq!(Scan::new("04:a2:24:b2"), Ok(Scan::Chip("04A224B2".into())));
        for rubbish in ["", "   ", "https://example.org/menu", "BEGIN:VCARD", "🙂🙂🙂🙂", "]Q", "]", "\\00", "BUT1W", "BUT1\u{e9}", "BUT2ABC"]
        {
            assert!(matches!(Scan::new(rubbish), Err(ReadError::Malformed(_))), "{rubbish:?}");
        }
        assert_eq!(Scan::new("BUT&Gµ"), Err(ReadError::WrongLayout));
        assert_eq!(Scan::new("4262 6226 7885 0230 3085 1006"), Err(ReadError::Malformed(Fault::TwoCodes)));
        assert!(matches!(Scan::new(&"A".repeat(MAX_SCAN_BYTES + 1)), Err(ReadError::Malformed(_))));
    }

    #[test]
    fn what_is_wrong_with_a_code_is_said() {
        let document = [&[0x84, 0x49, 0xA2, 0x01][..], &[7; 7], &[0xA0, 0x58, 90], &[1; 90], &[0x58, 64], &[2; 64]].concat();
        let code = code_text(&document);
        assert_eq!(Scan::new(&code), Ok(Scan::Code(document)));
        let fault = |raw: &str| match Scan::new(raw) {
            Err(ReadError::Malformed(fault)) => Some(fault),
            _ => None,
        };
        let knows_its_length = CODE_PREFIX.len() + CHARACTERS_OF_HEAD;
        for end in 4..code.len() {
            assert_eq!(code_length(&code[..end].to_lowercase()), (end >= knows_its_length).then_some(code.len()), "{end} characters");
            assert_eq!(fault(&code[..end]), Some(Fault::HalfACode), "{end} characters");
        }
        assert_eq!(fault(&format!("{code}{code}")), Some(Fault::TwoCodes));
        assert_eq!(fault(&format!("{}{}", &code[..40], code.to_lowercase())), Some(Fault::TwoCodes));
        assert_eq!(fault(&code.replace('1', "W")), Some(Fault::Foreign), "no prefix of ours");
        assert_eq!(fault(&format!("{}W{}", &code[..50], &code[51..])), Some(Fault::Damaged));
        assert_eq!(fault("BEGIN:VCARD\nN:Meyer\nEND:VCARD"), Some(Fault::Foreign));
        assert_eq!(fault(&"A".repeat(MAX_SCAN_BYTES + 1)), Some(Fault::TooLong));
    }

    proptest! {
        #[test]
        fn a_code_survives_the_way(token in proptest::collection::vec(any::<u8>(), 4..MAX_TOKEN_BYTES)) {
            prop_assert_eq!(Scan::new(&code_text(&token)), Ok(Scan::Code(token)));
        }

        #[test]
        fn rubbish_never_panics(raw in ".{0,300}") {
            let _ = Scan::new(&raw);
        }
    }
}
