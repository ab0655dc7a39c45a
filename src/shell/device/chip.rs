//! Talks with one card through its reader: is a token on it, which UID has it, put a token on it. Knows no reader: `talk` sends a command
//! to the card and brings its answer.
//!
//! Type 4 cards are spoken to as NFC Forum Type 4 Tag 2.0 says (ISO/IEC 7816-4), NTAG215 and NTAG216 by the commands that every reader of
//! the PC/SC standard translates (part 3, § 3.2.2.1).

use super::ndef::{self, Held, MAX_MESSAGE};

/// The card or its reader does not answer any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the card was taken away, or its reader was unplugged")]
pub struct Gone;

/// What a card is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chip {
    /// It holds a token; not verified.
    Token(Vec<u8>),
    /// It holds none of ours; its UID may be that of a taught chip.
    Uid(String),
}

/// Why a card was not read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// It is not there any more.
    #[error("the card was taken away too early: put it on again and leave it for a moment")]
    Gone,
    /// Its content breaks off, or its lengths do not fit.
    #[error("what the card holds is not whole: write it anew")]
    Torn,
    /// It neither holds a token nor says its UID.
    #[error("the card does not answer as cards of this kind do: take another one")]
    Mute,
    /// It holds something already, and nobody said that it may be overwritten.
    #[error("the card holds something already, and nothing was written: take another card, or say --overwrite")]
    Occupied,
    /// The token does not fit.
    #[error("the card has room for {room} bytes, and {needed} are needed: take an NTAG215, an NTAG216 or a Type 4 card")]
    TooSmall {
        /// What it has, in bytes.
        room: usize,
        /// What the token needs.
        needed: usize,
    },
    /// It cannot be written.
    #[error("the card cannot be written: it is locked, or of a kind that takes no token")]
    Locked,
    /// What was read back is not what was written.
    #[error("what was written does not read back: take another card")]
    NotAsWritten,
}

impl From<Gone> for CardError {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<ndef::Torn> for CardError {
    fn from(_: ndef::Torn) -> Self {
        Self::Torn
    }
}

/// Sends a command to the card and brings its answer.
pub type Talk<'t> = dyn FnMut(&[u8]) -> Result<Vec<u8>, Gone> + 't;

const SELECT_APPLICATION: &[u8] = &[0x00, 0xa4, 0x04, 0x00, 0x07, 0xd2, 0x76, 0x00, 0x00, 0x85, 0x01, 0x01, 0x00];
const CAPABILITIES: u16 = 0xe103;
/// How long UIDs are: ISO/IEC 14443-3 knows 4, 7 and 10 bytes, ISO/IEC 15693 and FeliCa have 8. Another length was cut on its way.
const UID_LENGTHS: [usize; 4] = [4, 7, 8, 10];
/// How much is read or written at once: what every reader and card takes.
const AT_ONCE: usize = 128;
/// The page of an NTAG that says how large it is, and the first that holds data; four bytes a page.
const TAG_SAYS: u8 = 3;
const TAG_DATA: u8 = 4;
const PAGE: usize = 4;

/// Reads a card.
pub fn read(talk: &mut Talk<'_>) -> Result<Chip, CardError> {
    let held = match Kind::of(talk)? {
        Some(kind) => kind.held(talk)?,
        None => Held::Foreign,
    };
    match held {
        Held::Token(token) => Ok(Chip::Token(token)),
        Held::Nothing | Held::Foreign => uid(talk).map(Chip::Uid),
    }
}

/// Puts a token on a card and reads it back; what the card holds of somebody else is overwritten only where `overwrite` says so.
pub fn write(talk: &mut Talk<'_>, token: &[u8], overwrite: bool) -> Result<(), CardError> {
    let kind = Kind::of(talk)?.ok_or(CardError::Locked)?;
    let is_free = match kind.held(talk) {
        Ok(Held::Nothing) => true,
        Ok(Held::Token(held)) => held == token,
        Ok(Held::Foreign) | Err(CardError::Torn) => false,
        Err(other) => return Err(other),
    };
    if !is_free && !overwrite {
        return Err(CardError::Occupied);
    }
    kind.put(talk, &ndef::write(token))?;
    match kind.held(talk) {
        Ok(Held::Token(held)) if held == token => Ok(()),
        Err(CardError::Gone) => Err(CardError::Gone),
        _ => Err(CardError::NotAsWritten),
    }
}

/// The UID that the reader says, as hexadecimal digits.
fn uid(talk: &mut Talk<'_>) -> Result<String, CardError> {
    let uid = answer(talk, &[0xff, 0xca, 0x00, 0x00, 0x00])?.filter(|uid| UID_LENGTHS.contains(&uid.len())).ok_or(CardError::Mute)?;
    Ok(data_encoding::HEXUPPER.encode(&uid))
}

/// A card that can hold a token.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A file of a Type 4 card, with its room for a message and whether it may be written.
    File { file: u16, room: usize, writable: bool },
    /// The pages of an NTAG, with their room.
    Pages { room: usize },
}

impl Kind {
    fn of(talk: &mut Talk<'_>) -> Result<Option<Self>, CardError> {
        if answer(talk, SELECT_APPLICATION)?.is_some() {
            return Self::of_type_4(talk).map(Some);
        }
        let says = answer(talk, &[0xff, 0xb0, 0x00, TAG_SAYS, 0x10])?;
        Ok(match says.as_deref() {
            Some([0xe1, version, size, ..]) if version >> 4 == 1 && *size > 0 => Some(Self::Pages { room: usize::from(*size) * 8 }),
            _ => None,
        })
    }

    /// The capability container names the file of the message.
    fn of_type_4(talk: &mut Talk<'_>) -> Result<Self, CardError> {
        select(talk, CAPABILITIES)?;
        let container = read_binary(talk, 0, 15)?;
        match *container.as_slice() {
            [0, 15..=255, _version, _, _, _, _, 0x04, 6..=255, f0, f1, s0, s1, _read, write, ..] => {
                let room = usize::from(u16::from_be_bytes([s0, s1])).saturating_sub(2);
                Ok(Self::File { file: u16::from_be_bytes([f0, f1]), room, writable: write == 0 })
            }
            _ => Err(CardError::Torn),
        }
    }

    fn held(self, talk: &mut Talk<'_>) -> Result<Held, CardError> {
        match self {
            Self::File { file, room, .. } => {
                select(talk, file)?;
                let length = match read_binary(talk, 0, 2)?.as_slice() {
                    [high, low] => usize::from(u16::from_be_bytes([*high, *low])),
                    _ => return Err(CardError::Torn),
                };
                if length > room {
                    return Err(CardError::Torn);
                }
                // A card full of rubbish is none of ours, and is not read to its end.
                if length > MAX_MESSAGE {
                    return Ok(Held::Foreign);
                }
                Ok(ndef::read(&read_binary(talk, 2, length)?)?)
            }
            Self::Pages { room } => {
                let mut memory = read_pages(talk, 0, 2 * PAGE * 2)?;
                let Some(end) = ndef::blocks_end(&memory)? else { return Ok(Held::Nothing) };
                if end > room {
                    return Err(CardError::Torn);
                }
                if end > MAX_MESSAGE {
                    return Ok(Held::Foreign);
                }
                while memory.len() < end {
                    memory.extend(read_pages(talk, memory.len() / PAGE, 2 * PAGE * 2)?);
                }
                Ok(ndef::in_blocks(memory.get(..end).ok_or(CardError::Torn)?)?.map_or(Ok(Held::Nothing), ndef::read)?)
            }
        }
    }

    fn put(self, talk: &mut Talk<'_>, message: &[u8]) -> Result<(), CardError> {
        match self {
            Self::File { file, room, writable } => {
                if message.len() > room {
                    return Err(CardError::TooSmall { room, needed: message.len() });
                }
                if !writable {
                    return Err(CardError::Locked);
                }
                select(talk, file)?;
                // Length nought first: a card that is taken away half written holds nothing instead of half a token.
                update_binary(talk, 0, &[0, 0])?;
                for (place, piece) in message.chunks(AT_ONCE).enumerate() {
                    update_binary(talk, 2 + place * AT_ONCE, piece)?;
                }
                update_binary(talk, 0, &u16::try_from(message.len()).map_err(|_| CardError::Torn)?.to_be_bytes())
            }
            Self::Pages { room } => {
                let mut memory = ndef::blocks(message);
                if memory.len() > room {
                    return Err(CardError::TooSmall { room, needed: memory.len() });
                }
                memory.resize(memory.len().div_ceil(PAGE) * PAGE, 0);
                // The first page last, for the same reason.
                let (first, rest) = memory.split_at_checked(PAGE).ok_or(CardError::Torn)?;
                write_page(talk, 0, &[0x03, 0x00, 0xfe, 0x00])?;
                for (place, page) in rest.chunks_exact(PAGE).enumerate() {
                    write_page(talk, place + 1, page)?;
                }
                write_page(talk, 0, first)
            }
        }
    }
}

/// The card's data where it says that all is well. An answer without a status is none: some readers hand it on for a card that has gone.
fn answer(talk: &mut Talk<'_>, command: &[u8]) -> Result<Option<Vec<u8>>, CardError> {
    let mut answer = talk(command)?;
    if answer.len() < 2 {
        return Err(CardError::Gone);
    }
    let ends_well = answer.ends_with(&[0x90, 0x00]);
    answer.truncate(answer.len().saturating_sub(2));
    Ok(ends_well.then_some(answer))
}

fn select(talk: &mut Talk<'_>, file: u16) -> Result<(), CardError> {
    let [high, low] = file.to_be_bytes();
    answer(talk, &[0x00, 0xa4, 0x00, 0x0c, 0x02, high, low])?.map(|_| ()).ok_or(CardError::Torn)
}

fn read_binary(talk: &mut Talk<'_>, from: usize, length: usize) -> Result<Vec<u8>, CardError> {
    let mut read = Vec::with_capacity(length);
    while read.len() < length {
        let [high, low] = u16::try_from(from + read.len()).map_err(|_| CardError::Torn)?.to_be_bytes();
        let wanted = (length - read.len()).min(AT_ONCE);
        let piece = answer(talk, &[0x00, 0xb0, high, low, wanted as u8])?.ok_or(CardError::Torn)?;
        if piece.len() != wanted {
            return Err(CardError::Torn);
        }
        read.extend(piece);
    }
    Ok(read)
}

fn update_binary(talk: &mut Talk<'_>, to: usize, bytes: &[u8]) -> Result<(), CardError> {
    let [high, low] = u16::try_from(to).map_err(|_| CardError::Torn)?.to_be_bytes();
    let command = [&[0x00, 0xd6, high, low, bytes.len() as u8][..], bytes].concat();
    answer(talk, &command)?.map(|_| ()).ok_or(CardError::Locked)
}

/// Reads data pages of an NTAG from the one with this number on.
fn read_pages(talk: &mut Talk<'_>, page: usize, length: usize) -> Result<Vec<u8>, CardError> {
    let at = u8::try_from(page + usize::from(TAG_DATA)).map_err(|_| CardError::Torn)?;
    answer(talk, &[0xff, 0xb0, 0x00, at, length as u8])?.filter(|piece| piece.len() == length).ok_or(CardError::Torn)
}

fn write_page(talk: &mut Talk<'_>, page: usize, bytes: &[u8]) -> Result<(), CardError> {
    let at = u8::try_from(page + usize::from(TAG_DATA)).map_err(|_| CardError::Torn)?;
    let command = [&[0xff, 0xd6, 0x00, at, PAGE as u8][..], bytes].concat();
    answer(talk, &command)?.map(|_| ()).ok_or(CardError::Locked)
}
