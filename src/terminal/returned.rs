//! What an office reduced or rejected, and people here agree to: it is off their list until the office answers anew.

use super::Terminal;
use crate::deliver::advice::Verdict;
use crate::shell::store::StoreError;
use crate::words::time::UtcMs;

/// Why there is nothing to agree to.
#[derive(Debug, thiserror::Error)]
pub enum CannotAccept {
    /// There is no such redemption.
    #[error("there is no such redemption in this journal")]
    NoSuchRedemption,
    /// The office has not reduced or rejected it.
    #[error("no office has reduced or rejected this: there is nothing to agree to")]
    NothingReturned,
    /// Nothing could be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Terminal {
    /// Notes that the office's answer to a line is agreed to. Told twice, it is noted once; a newer answer brings the line back.
    pub fn accept_answer(&mut self, seq: u64, now: UtcMs) -> Result<(), CannotAccept> {
        self.store.write(|tx| {
            tx.indexed_redemption(seq)?.ok_or(CannotAccept::NoSuchRedemption)?;
            match tx.answer_to(seq)? {
                Some((Verdict::Reduced | Verdict::Rejected, revision)) => Ok(tx.keep_dealt_with(seq, revision, now)?),
                _ => Err(CannotAccept::NothingReturned),
            }
        })
    }
}
