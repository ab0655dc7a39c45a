//! What has left but is not confirmed. A retry sends identical bytes, and only a receipt that names this very content confirms.

use super::receipt::Receipt;
use crate::book::entry::Head;
use crate::words::ids::{BatchId, Hash};

/// A sealed batch that waits for its receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The batch.
    pub batch: BatchId,
    /// SHA-256 of its signed bytes.
    pub hash: Hash,
    /// Where the journal stood after it.
    pub head: Head,
}

/// What a receipt means for a waiting batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The office holds exactly this.
    Confirmed,
    /// The office has it, but a clerk must look first, or it was refused: nothing may be purged on it.
    Waits,
    /// It speaks of another batch.
    NotThisBatch,
    /// It names our batch but other content: one of the two has another history.
    NotOurHistory,
}

impl Waiting {
    /// What `receipt` means for this batch.
    pub fn on_receipt(&self, receipt: &Receipt) -> Outcome {
        if receipt.batch != self.batch {
            Outcome::NotThisBatch
        } else if receipt.hash != self.hash {
            Outcome::NotOurHistory
        } else if receipt.reason.is_some() {
            Outcome::Waits
        } else if receipt.head == self.head {
            Outcome::Confirmed
        } else {
            Outcome::NotOurHistory
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::time::UtcMs;

    #[test]
    fn only_a_receipt_for_this_very_content_confirms() {
        let waiting = Waiting { batch: BatchId([1; 16]), hash: Hash([2; 32]), head: Head { seq: 9, link: Hash([3; 32]) } };
        let receipt = Receipt { batch: waiting.batch, received: UtcMs(1), head: waiting.head, hash: waiting.hash, reason: None };
        assert_eq!(waiting.on_receipt(&receipt), Outcome::Confirmed);
        let fork = Receipt { reason: Some("journal_forked".into()), ..receipt.clone() };
        assert_eq!(waiting.on_receipt(&fork), Outcome::Waits);
        let same_number = Receipt { head: Head { seq: 9, link: Hash([4; 32]) }, ..receipt.clone() };
        assert_eq!(waiting.on_receipt(&same_number), Outcome::NotOurHistory);
        let other_bytes = Receipt { hash: Hash([5; 32]), ..receipt.clone() };
        assert_eq!(waiting.on_receipt(&other_bytes), Outcome::NotOurHistory);
        assert_eq!(waiting.on_receipt(&Receipt { batch: BatchId([7; 16]), ..receipt }), Outcome::NotThisBatch);
    }
}
