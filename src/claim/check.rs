//! What makes a batch whole: run by the terminal before sealing and by the office after opening.

use super::batch::{Draft, Item, MAX_ITEMS};
use crate::book::entry::Entry;
use crate::words::cbor::{Malformed, Writer};
use crate::words::ids::Hash;
use crate::words::keys::SecretKey;
use crate::words::sealed::{DocType, MAX_DOCUMENT_BYTES, seal};

/// Why a batch is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWhole {
    /// It covers nothing.
    #[error("the batch covers no entry")]
    Empty,
    /// It covers too much.
    #[error("the batch covers more than {MAX_ITEMS} entries")]
    TooLong,
    /// Its links do not add up.
    #[error("the chain of the batch does not lead to its last link")]
    BrokenChain,
    /// An entry has another number than its place.
    #[error("entry {place} of the journal carries the number {seq}")]
    WrongNumber {
        /// Its place in the journal.
        place: u64,
        /// The number it carries.
        seq: u64,
    },
    /// An entry that is not this office's to see.
    #[error("entry {seq} concerns another office")]
    NotForThisOffice {
        /// Its number.
        seq: u64,
    },
    /// It does not fit into one document.
    #[error("the batch is larger than a document may be")]
    TooLarge,
}

/// One item of a whole batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// An entry for this office.
    Entry(Box<Entry>),
    /// Bytes in an entry's place that are none; they get an answer of their own and do not spoil the rest.
    Unreadable(Malformed),
    /// An entry for somebody else.
    Hidden,
}

/// A batch that is whole.
#[derive(Clone, Debug)]
pub struct CheckedBatch {
    draft: Draft,
    lines: Vec<(Hash, Line)>,
}

/// Checks that the chain holds, that every shown entry stands in its place and is this office's to see.
pub fn check(draft: Draft) -> Result<CheckedBatch, NotWhole> {
    if draft.items.is_empty() {
        return Err(NotWhole::Empty);
    }
    if draft.items.len() > MAX_ITEMS {
        return Err(NotWhole::TooLong);
    }
    let mut head = draft.before;
    let mut lines = Vec::with_capacity(draft.items.len());
    for item in &draft.items {
        let hash = item.hash();
        head = head.after_hash(hash);
        let line = match item {
            Item::Hidden(_) => Line::Hidden,
            Item::Shown(bytes) => match Entry::from_bytes(bytes) {
                Ok(entry) if entry.seq != head.seq => return Err(NotWhole::WrongNumber { place: head.seq, seq: entry.seq }),
                Ok(entry) if !entry.body.is_shown_to(&draft.office) => return Err(NotWhole::NotForThisOffice { seq: entry.seq }),
                Ok(entry) => Line::Entry(Box::new(entry)),
                Err(malformed) => Line::Unreadable(malformed),
            },
        };
        lines.push((hash, line));
    }
    if head.link != draft.last_link {
        return Err(NotWhole::BrokenChain);
    }
    Ok(CheckedBatch { draft, lines })
}

impl CheckedBatch {
    /// The batch.
    pub const fn draft(&self) -> &Draft {
        &self.draft
    }

    /// Its lines with their numbers and hashes, in order.
    pub fn lines(&self) -> impl Iterator<Item = (u64, Hash, &Line)> {
        let first = self.draft.before.seq.saturating_add(1);
        self.lines.iter().enumerate().map(move |(place, (hash, line))| (first.saturating_add(place as u64), *hash, line))
    }

    /// Signs the batch with the terminal's key.
    pub fn seal(&self, key: &SecretKey) -> Result<Vec<u8>, NotWhole> {
        let bytes = seal(key, DocType::Batch, &Writer::encode(|w| self.draft.write(w)));
        if bytes.len() > MAX_DOCUMENT_BYTES { Err(NotWhole::TooLarge) } else { Ok(bytes) }
    }
}
