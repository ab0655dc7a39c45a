//! Where a batch belongs in what the office holds of the terminal's journal.

use super::open::VerifiedBatch;
use crate::book::entry::Head;
use crate::words::ids::Hash;

/// What the office holds when a batch arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldJournal {
    /// Where the terminal's journal stands, as far as the office knows.
    pub head: Head,
    /// The hash of an earlier batch with the same id, if there is one.
    pub same_id: Option<Hash>,
}

/// Where a batch belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It continues the journal; so many of its first entries are held already.
    Continues {
        /// Entries held already.
        known: usize,
    },
    /// It was taken in before.
    SameAgain,
    /// Another batch with the same id was taken in before.
    SameIdOtherContent,
    /// Entries before it are missing.
    Gap,
    /// It does not continue what is held: a restored, cloned or rewritten terminal.
    Fork,
}

/// Finds the place of `batch`.
pub fn place(batch: &VerifiedBatch, held: &HeldJournal) -> Place {
    if let Some(hash) = held.same_id {
        return if hash == batch.hash() { Place::SameAgain } else { Place::SameIdOtherContent };
    }
    let draft = batch.batch().draft();
    let mut head = draft.before;
    if head.seq > held.head.seq {
        return Place::Gap;
    }
    let mut known = 0;
    for item in &draft.items {
        if head.seq == held.head.seq {
            break;
        }
        head = head.after_hash(item.hash());
        known += 1;
    }
    if head == held.head { Place::Continues { known } } else { Place::Fork }
}
