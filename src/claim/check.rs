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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::entry::{Body, Checkpoint, Closed, Head, Opened};
    use crate::words::cbor::Reader;
    use crate::words::civil::CivilDay;
    use crate::words::ids::{BatchId, OfficeId, ProviderNumber, Salt, TerminalId};
    use crate::words::time::UtcMs;

    fn office(id: &str) -> OfficeId {
        OfficeId::parse(id).expect("an office id")
    }

    fn entry(seq: u64, body: Body) -> Entry {
        Entry { seq, at: UtcMs(seq), body, salt: Salt([9; 16]) }
    }

    /// Opened, one of ours, one of another office, one of nobody's.
    fn items() -> Vec<Item> {
        let checkpoint = |id| Body::Checkpoint(Checkpoint { office: office(id), receipt: Hash([1; 32]) });
        let bodies = [Body::Opened(Opened::default()), checkpoint("05562032"), checkpoint("05913000"), Body::Closed(Closed { day: CivilDay::EPOCH })];
        let entries = bodies.into_iter().zip(1..).map(|(body, seq)| entry(seq, body));
        entries.map(|e| Item::of(&e, e.to_bytes(), &office("05562032"))).collect()
    }

    fn draft(items: Vec<Item>) -> Draft {
        let terminal = TerminalId([4; 16]);
        Draft::new(BatchId([1; 16]), office("05562032"), ProviderNumber(7), terminal, Head::start(terminal), items, UtcMs(5))
    }

    #[test]
    fn an_office_sees_what_names_it_and_hashes_of_the_rest() {
        let batch = check(draft(items())).expect("a whole batch");
        let shown: Vec<(u64, bool)> = batch.lines().map(|(seq, _, line)| (seq, matches!(line, Line::Entry(_)))).collect();
        assert_eq!(shown, [(1, true), (2, true), (3, false), (4, false)]);
        let bytes = Writer::encode(|w| batch.draft().write(w));
        assert_eq!(Reader::decode(&bytes, Draft::read).as_ref(), Ok(batch.draft()));
        for place in 0..bytes.len() {
            let cut = &bytes[..place];
            assert!(Reader::decode(cut, Draft::read).is_err(), "cut at {place}");
        }
    }

    #[test]
    fn a_batch_that_is_not_whole_is_named_for_what_it_is() {
        let refused = |draft: Draft| check(draft).err();
        assert_eq!(refused(draft(Vec::new())), None, "nothing to say is whole");
        assert_eq!(refused(draft(vec![Item::Hidden(Hash([0; 32])); MAX_ITEMS + 1])), Some(NotWhole::TooLong));
        assert_eq!(refused(Draft { last_link: Hash([0; 32]), ..draft(items()) }), Some(NotWhole::BrokenChain));
        let mut missing = items();
        missing.remove(0);
        assert_eq!(refused(draft(missing)), Some(NotWhole::WrongNumber { place: 1, seq: 2 }));
        let foreign = entry(1, Body::Closed(Closed { day: CivilDay::EPOCH })).to_bytes();
        assert_eq!(refused(draft(vec![Item::Shown(foreign)])), Some(NotWhole::NotForThisOffice { seq: 1 }));
    }

    #[test]
    fn a_changed_item_breaks_the_chain() {
        for place in 0..items().len() {
            let whole = draft(items());
            let mut changed = whole.items.clone();
            changed[place] = Item::Hidden(Hash([8; 32]));
            assert_eq!(check(Draft { items: changed, ..whole }).err(), Some(NotWhole::BrokenChain), "item {place}");
        }
    }

    #[test]
    fn unreadable_bytes_spoil_only_their_own_line() {
        let mut items = items();
        items[1] = Item::Shown(b"rubbish".to_vec());
        let batch = check(draft(items)).expect("a whole batch");
        assert_eq!(batch.lines().filter(|(_, _, line)| matches!(line, Line::Unreadable(_))).count(), 1);
    }
}
