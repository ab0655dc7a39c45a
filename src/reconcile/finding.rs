//! What reconciliation says of a line: decided by rule, or a finding for a clerk with the evidence of both sides.

use crate::book::slot::Slot;
use crate::deliver::advice::Verdict;
use crate::words::cents::Cents;
use crate::words::ids::EntryId;
use crate::words::reason::Reason;
use crate::words::time::UtcMs;
use serde::Serialize;

/// The decision on one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The line.
    pub id: EntryId,
    /// What was decided; pending is a finding.
    pub verdict: Verdict,
    /// What is paid for it in all.
    pub cents: Cents,
    /// Why, where it is not paid as claimed.
    pub reason: Option<Reason>,
    /// The line on the other side, where there is one.
    pub against: Option<EntryId>,
    /// The slot it holds, if it does.
    #[serde(skip)]
    pub holds: Option<Slot>,
}

impl Decision {
    /// Whether a clerk must look.
    pub fn is_finding(&self) -> bool {
        self.verdict == Verdict::Pending
    }
}

/// What a line is worth by itself, before slots and ceilings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It may be paid up to this amount; with a reason where that is less than claimed.
    Fine {
        /// The most that may be paid.
        cents: Cents,
        /// Why it is less than claimed.
        because: Option<Reason>,
    },
    /// No rule can decide it.
    Doubt {
        /// What is doubtful.
        reason: Reason,
        /// The line on the other side, where there is one.
        against: Option<EntryId>,
    },
    /// It cannot be paid.
    Refused(Reason),
}

/// How many lines ended how, and that none was lost on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Paid as claimed.
    pub accepted: u64,
    /// Paid in part.
    pub reduced: u64,
    /// Not paid.
    pub rejected: u64,
    /// Waiting for a clerk.
    pub pending: u64,
}

impl Tally {
    /// Counts one line.
    pub fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Accepted => self.accepted += 1,
            Verdict::Reduced => self.reduced += 1,
            Verdict::Rejected => self.rejected += 1,
            Verdict::Pending => self.pending += 1,
        }
    }

    /// All lines counted.
    pub const fn lines(&self) -> u64 {
        self.accepted + self.reduced + self.rejected + self.pending
    }
}

/// The moment from which a batch is late: entries are given the benefit of ten minutes between clocks.
pub const CLOCK_TOLERANCE_MS: u64 = 10 * 60 * 1000;

/// Whether a time claimed by a terminal lies ahead of the moment it arrived.
pub fn is_ahead(claimed: UtcMs, received: UtcMs) -> bool {
    claimed > received.plus_ms(CLOCK_TOLERANCE_MS)
}
