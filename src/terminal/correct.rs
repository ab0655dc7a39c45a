//! Storno: a redemption is cancelled by a counter-record.

use super::counter::Desk;
use super::{Terminal, clock};
use crate::book::cancel::{CannotCancel, cancellation};
use crate::book::entry::Body;
use crate::shell::store::StoreError;
use crate::words::chance::Chance;
use crate::words::code::Code;
use crate::words::time::UtcMs;
use serde::Serialize;

/// Why a redemption is cancelled, as people choose it from a list.
pub const WHY_CANCELLED: [&str; 6] = ["wrong_child", "twice", "not_taken", "wrong_service", "typing_error", "other"];
/// For how long after recording whoever scans may undo, in milliseconds.
pub const UNDO_MS: u64 = 10 * 60 * 1000;

/// A redemption was cancelled, now or before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cancelled {
    /// The redemption.
    pub seq: u64,
    /// The entry that cancelled it.
    pub by: u64,
    /// Whether it had been cancelled before.
    pub before: bool,
}

/// Why a redemption was not cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// It cannot be.
    #[error(transparent)]
    CannotCancel(#[from] CannotCancel),
    /// Whoever scans may undo only what was recorded just now.
    #[error("this was recorded more than {} minutes ago: cancelling it now needs the PIN for corrections", UNDO_MS / 60_000)]
    TooLate,
    /// Nothing could be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Terminal {
    /// Writes the counter-record to a redemption. Told twice, it says the same twice.
    pub fn cancel(&mut self, seq: u64, reason: Code, chance: &mut Chance, now: UtcMs) -> Result<Cancelled, CancelError> {
        self.at_desk(now, |desk| cancel(desk, seq, reason, chance))
    }

    /// Cancels as [`Terminal::cancel`] does, but only what was recorded within the last [`UNDO_MS`] by the journal's own time.
    pub fn undo(&mut self, seq: u64, reason: Code, chance: &mut Chance, now: UtcMs) -> Result<Cancelled, CancelError> {
        self.at_desk(now, |desk| {
            let at = desk.tx().entry_time(seq)?.ok_or(CannotCancel::NoSuchRedemption)?;
            let is_cancelled = desk.tx().indexed_redemption(seq)?.is_some_and(|r| r.cancelled_by.is_some());
            let apart = desk.clock.now.since(at).max(at.since(desk.clock.now));
            if apart > UNDO_MS && !is_cancelled {
                return Err(CancelError::TooLate);
            }
            cancel(desk, seq, reason, chance)
        })
    }
}

fn cancel(desk: &Desk<'_>, seq: u64, reason: Code, chance: &mut Chance) -> Result<Cancelled, CancelError> {
    let tx = desk.tx();
    let indexed = tx.indexed_redemption(seq)?.ok_or(CannotCancel::NoSuchRedemption)?;
    if let Some(by) = indexed.cancelled_by {
        return Ok(Cancelled { seq, by, before: true });
    }
    clock::note(desk.journal, desk.clock, chance)?;
    let bytes = tx.entry_bytes(seq)?.ok_or(CannotCancel::NoSuchRedemption)?;
    let entered = desk.journal.record(Body::Cancellation(cancellation(&bytes, None, reason)?), chance, desk.clock.now)?;
    tx.index_cancellation(seq, entered.entry.seq)?;
    Ok(Cancelled { seq, by: entered.entry.seq, before: false })
}
