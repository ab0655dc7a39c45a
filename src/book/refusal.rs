//! Why something is not recorded at the counter: a value with its numbers, never a text.

use crate::admit::scan::{Fault, ReadError};
use crate::admit::status::Status;
use crate::admit::verify::Refused;
use crate::words::civil::CivilDay;
use crate::words::ids::TerminalId;
use crate::words::reason::Reason;
use crate::words::time::UtcMs;

/// A refusal; its stable code is [`Refusal::reason`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The scan could not be read.
    Unreadable(ReadError),
    /// The token's signature does not count.
    NotGenuine(Refused),
    /// The number or chip has not been seen here with its whole code.
    UnknownNumber,
    /// The token counts only with the holder's phone.
    HolderProofMissing,
    /// The holder's phone must show a new code, for this reason.
    PhoneCode(Fault),
    /// The terminal's clock cannot be right.
    ClockSuspect,
    /// The terminal is not admitted for this office or service.
    NotAdmitted,
    /// The token does not cover this benefit, subject or event.
    WrongBenefit,
    /// The token covers it at other providers only.
    WrongProvider,
    /// The office has stopped the token.
    Stopped(Status),
    /// The last word from the office is too old.
    StatusStale {
        /// When it was given.
        since: UtcMs,
    },
    /// The service day lies before the approval period.
    NotYetValid {
        /// The period's first day.
        from: CivilDay,
    },
    /// The service day lies after the approval period.
    Expired {
        /// The period's last day.
        last: CivilDay,
    },
    /// It is too late to claim.
    OutsideClaimWindow {
        /// The first moment at which it was too late.
        since: UtcMs,
    },
    /// No price is agreed, or the amount is missing or not allowed.
    NoPrice,
    /// What can be used once has been used.
    AlreadyRedeemed {
        /// When it was.
        since: UtcMs,
        /// The number of the entry that did.
        seq: u64,
    },
    /// What can be used once has been used at another terminal of this provider, which has told so.
    RedeemedNearby {
        /// When it was, by that terminal's clock.
        since: UtcMs,
        /// That terminal.
        terminal: TerminalId,
    },
    /// The lesson overlaps another one.
    LessonOverlap {
        /// When the other one was recorded.
        since: UtcMs,
    },
    /// The allowance is used up.
    CeilingReached {
        /// What is left of its tightest ceiling, in that ceiling's measure.
        left: u64,
    },
}

impl Refusal {
    /// The stable reason.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Unreadable(error) => error.reason(),
            Self::NotGenuine(refused) => refused.reason(),
            Self::UnknownNumber => Reason::UnknownNumber,
            Self::HolderProofMissing | Self::PhoneCode(_) => Reason::HolderProofMissing,
            Self::ClockSuspect => Reason::ClockSuspect,
            Self::NotAdmitted => Reason::ProviderNotAdmitted,
            Self::WrongBenefit => Reason::WrongBenefit,
            Self::WrongProvider => Reason::WrongProvider,
            Self::Stopped(status) => stopped(*status),
            Self::StatusStale { .. } => Reason::StatusStale,
            Self::NotYetValid { .. } => Reason::NotYetValid,
            Self::Expired { .. } => Reason::Expired,
            Self::OutsideClaimWindow { .. } => Reason::OutsideClaimWindow,
            Self::NoPrice => Reason::NoPrice,
            Self::AlreadyRedeemed { .. } | Self::RedeemedNearby { .. } => Reason::AlreadyRedeemed,
            Self::LessonOverlap { .. } => Reason::LessonOverlap,
            Self::CeilingReached { .. } => Reason::CeilingReached,
        }
    }

    /// What was scanned instead of a code, where that is known.
    pub const fn fault(&self) -> Option<Fault> {
        match self {
            Self::Unreadable(ReadError::Malformed(fault)) | Self::PhoneCode(fault) => Some(*fault),
            _ => None,
        }
    }

    /// Since when the obstacle has stood, where that helps.
    pub const fn since(&self) -> Option<UtcMs> {
        match self {
            Self::AlreadyRedeemed { since, .. }
            | Self::RedeemedNearby { since, .. }
            | Self::LessonOverlap { since }
            | Self::StatusStale { since }
            | Self::OutsideClaimWindow { since } => Some(*since),
            _ => None,
        }
    }

    /// Whether "served, clarify later" helps: not where this very thing is on record already.
    pub const fn can_be_held(&self) -> bool {
        !matches!(self, Self::AlreadyRedeemed { .. } | Self::RedeemedNearby { .. } | Self::LessonOverlap { .. } | Self::NoPrice | Self::NotAdmitted)
    }
}

/// The reason that a stopped token gives.
pub const fn stopped(status: Status) -> Reason {
    match status {
        Status::Suspended => Reason::Suspended,
        Status::Replaced => Reason::Replaced,
        Status::Revoked | Status::Valid => Reason::Revoked,
    }
}
