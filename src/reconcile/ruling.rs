//! A clerk's decision on one line. It reaches the provider with a reason of the fixed list; free text stays in the office.

use crate::words::cents::Cents;
use crate::words::reason::Reason;
use crate::words::time::UtcMs;
use serde::Serialize;

/// What the clerk decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Pay as claimed, as far as slot and ceilings allow: no ruling pays anything twice or beyond what was granted.
    Accept,
    /// Pay at most this much.
    Cut(Cents),
    /// Pay nothing.
    Reject,
    /// Ask the provider, and let the line wait until a clerk decides.
    Ask,
}

/// A ruling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ruling {
    /// What was decided.
    pub choice: Choice,
    /// Why, as the provider will read it.
    pub reason: Reason,
    /// When.
    pub at: UtcMs,
}
