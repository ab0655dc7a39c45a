//! Storno: a counter-record to one redemption. Nothing is ever deleted.

use super::entry::{Body, Cancellation, Entry};
use crate::words::code::Code;
use crate::words::ids::Hash;

/// Why a redemption cannot be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotCancel {
    /// There is no such redemption.
    #[error("there is no such redemption in this journal")]
    NoSuchRedemption,
    /// It was cancelled before.
    #[error("it was cancelled before, by entry {by}")]
    CancelledBefore {
        /// The cancellation's number.
        by: u64,
    },
}

/// The counter-record to the redemption with these bytes; `cancelled_by` is the earlier cancellation of it, if any.
pub fn cancellation(bytes: &[u8], cancelled_by: Option<u64>, reason: Code) -> Result<Cancellation, CannotCancel> {
    let entry = Entry::from_bytes(bytes).map_err(|_| CannotCancel::NoSuchRedemption)?;
    let Body::Redemption(redemption) = entry.body else { return Err(CannotCancel::NoSuchRedemption) };
    if let Some(by) = cancelled_by {
        return Err(CannotCancel::CancelledBefore { by });
    }
    Ok(Cancellation { seq: entry.seq, reason, office: redemption.office, entry: Hash::of(&[bytes]) })
}
