//! The one list of reasons that terminal and office share. Codes are stable; the texts for people are in `templates/reasons.*.toml`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// Why something was refused at the counter, or awaits or met a decision at the office.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// All reasons.
            pub const ALL: &[Reason] = &[$(Self::$name,)*];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

reasons! {
    /// The code cannot be read: cut short, damaged, or not one of ours.
    Malformed = "malformed",
    /// The scanner types with a keyboard layout other than the host's.
    WrongLayout = "wrong_layout",
    /// A signed document, but not a token.
    WrongType = "wrong_type",
    /// No office known here has this key.
    UnknownKey = "unknown_key",
    /// The office has withdrawn the key that signed the token, or it was not in force at issue.
    KeyWithdrawn = "key_withdrawn",
    /// The signature does not fit: the content was changed or copied wrongly.
    BadSignature = "bad_signature",
    /// The service day lies before the approval period.
    NotYetValid = "not_yet_valid",
    /// The service day lies after the approval period.
    Expired = "expired",
    /// The office has ended the entitlement.
    Revoked = "revoked",
    /// The office has suspended the entitlement.
    Suspended = "suspended",
    /// A newer card has replaced this one.
    Replaced = "replaced",
    /// The entitlement is bound to another provider.
    WrongProvider = "wrong_provider",
    /// The token does not cover this benefit, subject or event.
    WrongBenefit = "wrong_benefit",
    /// No price is agreed for this service and day, or an amount is missing or not allowed.
    NoPrice = "no_price",
    /// This terminal is not admitted for this office or service.
    ProviderNotAdmitted = "provider_not_admitted",
    /// What can be used once has been used.
    AlreadyRedeemed = "already_redeemed",
    /// The allowance is used up.
    CeilingReached = "ceiling_reached",
    /// The time in which this service can be claimed is over.
    OutsideClaimWindow = "outside_claim_window",
    /// The card number or chip is not known at this terminal.
    UnknownNumber = "unknown_number",
    /// The clock of the terminal cannot be right.
    ClockSuspect = "clock_suspect",
    /// The last word from the office is too old.
    StatusStale = "status_stale",
    /// The token counts only together with the holder's phone.
    HolderProofMissing = "holder_proof_missing",
    /// The lesson overlaps another one of the child or the tutor.
    LessonOverlap = "lesson_overlap",
    /// The record could not be stored.
    StorageFailed = "storage_failed",
    /// The same provider claims the same thing twice.
    Duplicate = "duplicate",
    /// Two providers claim the same thing.
    Conflict = "conflict",
    /// The claimed amount is not the agreed price.
    PriceDiffers = "price_differs",
    /// A monthly flat and single meals in one month.
    Overlap = "overlap",
    /// The office has paid this to the family itself.
    SelfPaid = "self_paid",
    /// The provider's calendar knows no service on this day.
    NotAServiceDay = "not_a_service_day",
    /// Entries of the terminal's journal are missing before this batch.
    JournalGap = "journal_gap",
    /// The terminal's journal does not continue what the office holds.
    JournalForked = "journal_forked",
    /// The office has issued no such token.
    UnknownToken = "unknown_token",
    /// The line arrived after the claim window had ended.
    Late = "late",
    /// A clerk decided.
    ClerkDecision = "clerk_decision",
    /// A clerk asks the provider about the line and waits for the answer.
    PleaseClarify = "please_clarify",
}

impl Reason {
    /// The reason with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|r| r.code() == code)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Self::from_code(&code).ok_or_else(|| serde::de::Error::custom(format!("“{code}” is not a reason")))
    }
}
