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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::batch::{Draft, Item};
    use crate::claim::check::check;
    use crate::intake::open::{CannotOpen, open};
    use crate::words::ids::{BatchId, OfficeId, ProviderNumber};
    use crate::words::keys::SecretKey;
    use crate::words::time::UtcMs;

    fn key() -> SecretKey {
        SecretKey::from_seed([6; 32])
    }

    /// The head after the first `count` entries of the terminal's journal.
    fn head(count: u8) -> Head {
        (1..=count).fold(Head::start(key().public().terminal_id()), |head, n| head.after_hash(Hash([n; 32])))
    }

    fn sealed(id: u8, before: Head, entries: &[u8], key: &SecretKey) -> Vec<u8> {
        let items = entries.iter().map(|n| Item::Hidden(Hash([*n; 32]))).collect();
        let office = OfficeId::parse("05562032").expect("an office id");
        let terminal = self::key().public().terminal_id();
        let draft = Draft::new(BatchId([id; 16]), office, ProviderNumber(7), terminal, before, items, UtcMs(5));
        check(draft).and_then(|batch| batch.seal(key)).expect("a whole batch")
    }

    fn batch(before: Head, entries: &[u8]) -> VerifiedBatch {
        open(&sealed(1, before, entries, &key()), key().public()).expect("a genuine batch")
    }

    #[test]
    fn a_batch_continues_what_is_held_with_all_some_or_none_of_it_known() {
        let place = |held: u8, before: u8, entries: &[u8]| place(&batch(head(before), entries), &HeldJournal { head: head(held), same_id: None });
        assert_eq!(place(0, 0, &[1, 2]), Place::Continues { known: 0 });
        assert_eq!(place(2, 2, &[3]), Place::Continues { known: 0 });
        assert_eq!(place(2, 0, &[1, 2, 3]), Place::Continues { known: 2 });
        assert_eq!(place(3, 0, &[1, 2, 3]), Place::Continues { known: 3 });
        assert_eq!(place(1, 2, &[3]), Place::Gap);
        assert_eq!(place(4, 0, &[1, 2, 3]), Place::Fork, "a restored box that is behind and tells it anew");
        assert_eq!(place(2, 0, &[1, 8, 9]), Place::Fork);
        assert_eq!(place(2, 2, &[8]), Place::Continues { known: 0 });
        let other = Head { link: Hash([0; 32]), ..head(2) };
        assert_eq!(super::place(&batch(other, &[3]), &HeldJournal { head: head(2), same_id: None }), Place::Fork);
    }

    #[test]
    fn the_same_batch_again_is_told_from_another_with_its_id() {
        let batch = batch(head(0), &[1]);
        assert_eq!(place(&batch, &HeldJournal { head: head(1), same_id: Some(batch.hash()) }), Place::SameAgain);
        assert_eq!(place(&batch, &HeldJournal { head: head(0), same_id: Some(Hash([0; 32])) }), Place::SameIdOtherContent);
    }

    #[test]
    fn a_batch_counts_only_by_its_own_terminals_key() {
        let stranger = SecretKey::from_seed([7; 32]);
        assert!(matches!(open(&sealed(1, head(0), &[1], &stranger), key().public()), Err(CannotOpen::Refused(_))));
        let foreign = open(&sealed(1, head(0), &[1], &stranger), stranger.public());
        assert_eq!(foreign.err(), Some(CannotOpen::ForeignTerminal));
        let mut changed = sealed(1, head(0), &[1], &key());
        for place in 0..changed.len() {
            changed[place] ^= 1;
            assert!(open(&changed, key().public()).is_err(), "byte {place}");
            changed[place] ^= 1;
        }
    }
}
