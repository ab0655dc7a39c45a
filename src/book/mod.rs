//! Room 2: may it be redeemed here, now? Then exactly one journal entry.
//!
//! [`decide::plan`] applies the rules that need no memory, [`decide::Plan::decide`] those that ask what was used before;
//! the result is a [`decide::Grant`], which can only be entered into the journal.

pub mod cancel;
pub mod ceiling;
pub mod decide;
pub mod entry;
pub mod planned;
pub mod record;
pub mod redemption;
pub mod refusal;
pub mod rule;
pub mod slot;
