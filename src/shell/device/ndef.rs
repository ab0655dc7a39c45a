//! What a card holds: one NDEF message (NFC Forum, NDEF 1.0) with one external record, the token's signed bytes as they are.

use std::ops::Range;

/// The type of the record: the short form of `urn:nfc:ext:teilhabe:token`.
pub const RECORD_TYPE: &[u8] = b"teilhabe:token";
/// The longest message looked at, in bytes: a token, and what may stand around it.
pub const MAX_MESSAGE: usize = 2048;

const MESSAGE_BEGIN: u8 = 0x80;
const MESSAGE_END: u8 = 0x40;
const CHUNK: u8 = 0x20;
const SHORT: u8 = 0x10;
const WITH_ID: u8 = 0x08;
const EXTERNAL: u8 = 4;

/// What a card's message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// A token's bytes; not verified.
    Token(Vec<u8>),
    /// No message at all: a new card.
    Nothing,
    /// Something that is none of ours.
    Foreign,
}

/// A message that breaks off, or whose lengths do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what the card holds is not whole")]
pub struct Torn;

/// Reads a message.
pub fn read(message: &[u8]) -> Result<Held, Torn> {
    let mut rest = message;
    let mut held = if message.is_empty() { Held::Nothing } else { Held::Foreign };
    for place in 0.. {
        let Some((flags, after)) = rest.split_first() else { break };
        let record = record(*flags, after)?;
        let is_first = flags & MESSAGE_BEGIN != 0;
        if is_first != (place == 0) || flags & CHUNK != 0 {
            return Err(Torn);
        }
        match (flags & 7, record.kind, record.content) {
            // An empty record is how a card is formatted that holds nothing.
            (0, [], []) if message.len() <= 3 => held = Held::Nothing,
            (EXTERNAL, RECORD_TYPE, content) if !matches!(held, Held::Token(_)) => held = Held::Token(content.to_vec()),
            (EXTERNAL, RECORD_TYPE, _) => return Err(Torn),
            _ => {}
        }
        rest = record.rest;
        if flags & MESSAGE_END != 0 {
            return if rest.is_empty() { Ok(held) } else { Err(Torn) };
        }
    }
    if message.is_empty() { Ok(held) } else { Err(Torn) }
}

struct Record<'m> {
    kind: &'m [u8],
    content: &'m [u8],
    rest: &'m [u8],
}

fn record(flags: u8, bytes: &[u8]) -> Result<Record<'_>, Torn> {
    let (&kind_length, mut rest) = bytes.split_first().ok_or(Torn)?;
    let length = if flags & SHORT != 0 {
        usize::from(take(&mut rest, 1)?.first().copied().unwrap_or(0))
    } else {
        let length = take(&mut rest, 4)?.first_chunk().copied().ok_or(Torn)?;
        usize::try_from(u32::from_be_bytes(length)).map_err(|_| Torn)?
    };
    let id_length = if flags & WITH_ID != 0 { take(&mut rest, 1)?.first().copied().unwrap_or(0) } else { 0 };
    let kind = take(&mut rest, usize::from(kind_length))?;
    take(&mut rest, usize::from(id_length))?;
    let content = take(&mut rest, length)?;
    Ok(Record { kind, content, rest })
}

fn take<'m>(rest: &mut &'m [u8], length: usize) -> Result<&'m [u8], Torn> {
    let (taken, after) = rest.split_at_checked(length).ok_or(Torn)?;
    *rest = after;
    Ok(taken)
}

/// The message that holds a token.
pub fn write(token: &[u8]) -> Vec<u8> {
    let flags = MESSAGE_BEGIN | MESSAGE_END | EXTERNAL;
    let kind = RECORD_TYPE.len() as u8;
    let mut message = match u8::try_from(token.len()) {
        Ok(length) => vec![flags | SHORT, kind, length],
        Err(_) => [&[flags, kind][..], &u32::try_from(token.len()).unwrap_or(u32::MAX).to_be_bytes()].concat(),
    };
    message.extend_from_slice(RECORD_TYPE);
    message.extend_from_slice(token);
    message
}

/// The message within the memory of an NTAG (Type 2 tag): blocks of type, length, value. None where there is none.
pub fn in_blocks(memory: &[u8]) -> Result<Option<&[u8]>, Torn> {
    message_block(memory)?.map(|place| memory.get(place).ok_or(Torn)).transpose()
}

/// How far the memory must be read to have the message whole, from what its beginning says. None where the beginning has no message.
pub fn blocks_end(beginning: &[u8]) -> Result<Option<usize>, Torn> {
    Ok(message_block(beginning)?.map(|place| place.end))
}

/// Where the message lies, by what the blocks before it say; it may go on beyond these bytes.
fn message_block(memory: &[u8]) -> Result<Option<Range<usize>>, Torn> {
    let mut rest = memory;
    while let Some((&kind, after)) = rest.split_first() {
        rest = after;
        match kind {
            0x00 => continue,
            0xfe => return Ok(None),
            _ => {}
        }
        let length = block_length(&mut rest)?;
        if kind == 0x03 {
            let start = memory.len() - rest.len();
            return Ok(Some(start..start + length));
        }
        take(&mut rest, length)?;
    }
    Ok(None)
}

fn block_length(rest: &mut &[u8]) -> Result<usize, Torn> {
    match take(rest, 1)?.first() {
        Some(0xff) => take(rest, 2)?.first_chunk().map(|long| usize::from(u16::from_be_bytes(*long))).ok_or(Torn),
        Some(short) => Ok(usize::from(*short)),
        None => Err(Torn),
    }
}

/// The memory of an NTAG that holds a message and ends after it.
pub fn blocks(message: &[u8]) -> Vec<u8> {
    let mut memory = match u8::try_from(message.len()) {
        Ok(length) if length < 0xff => vec![0x03, length],
        _ => [&[0x03, 0xff][..], &u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes()].concat(),
    };
    memory.extend_from_slice(message);
    memory.push(0xfe);
    memory
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_none_of_ours_is_told_from_what_is_torn() {
        let url = [&[0xd1, 0x01, 0x0c, b'U', 0x04][..], b"example.org"].concat();
        assert_eq!(read(&url), Ok(Held::Foreign));
        assert_eq!(read(&[]), Ok(Held::Nothing));
        assert_eq!(read(&[0xd0, 0, 0]), Ok(Held::Nothing), "a formatted card");
        let message = write(&[7; 400]);
        assert_eq!(read(&message), Ok(Held::Token(vec![7; 400])));
        for end in 1..message.len() {
            assert_eq!(read(&message[..end]), Err(Torn), "{end} bytes");
        }
        assert_eq!(read(&[message.clone(), vec![0]].concat()), Err(Torn), "more than it says");
        let two = [&[0x94, 14, 1][..], RECORD_TYPE, &[1], &[0x54, 14, 1], RECORD_TYPE, &[2]].concat();
        assert_eq!(read(&two), Err(Torn), "two tokens");
        let with_url = [&[0x91, 0x01, 0x01, b'U', 0x04][..], &[0x5c, 14, 1, 2], RECORD_TYPE, b"id", &[9]].concat();
        assert_eq!(read(&with_url), Ok(Held::Token(vec![9])), "beside an address, and with an id");
    }

    #[test]
    fn the_memory_of_a_tag_is_read_as_far_as_it_says() {
        let message = write(&[7; 150]);
        let memory = [&[0x01, 0x03, 0xa0, 0x0c, 0x34, 0x00][..], &blocks(&message), &[0; 40]].concat();
        assert_eq!(in_blocks(&memory), Ok(Some(message.as_slice())));
        assert_eq!(blocks_end(&memory[..16]), Ok(Some(memory.len() - 41)));
        assert_eq!(in_blocks(&[0x00, 0xfe, 0x03, 0x01]), Ok(None));
        assert_eq!(in_blocks(&[0; 64]), Ok(None), "a card nobody has written");
        assert_eq!(in_blocks(&memory[..100]), Err(Torn));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(token in proptest::collection::vec(any::<u8>(), 0..1100)) {
            let message = write(&token);
            prop_assert_eq!(read(&message), Ok(Held::Token(token)));
            let memory = blocks(&message);
            prop_assert_eq!(in_blocks(&memory), Ok(Some(message.as_slice())));
        }

        #[test]
        fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = (read(&bytes), in_blocks(&bytes), blocks_end(&bytes));
        }
    }
}
