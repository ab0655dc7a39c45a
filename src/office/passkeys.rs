//! Passkeys of clerks: their public halves and what they are called. The ceremonies themselves are the web layer's.

use super::{Action, Known, Office, OfficeError};
use crate::shell::store::office::passkeys::{self, PasskeyRow};
use crate::words::ids::Hash;
use crate::words::time::UtcMs;

/// The longest name of a passkey in characters.
pub const MAX_PASSKEY_LABEL: usize = 60;
/// The most passkeys of one account.
const MAX_PASSKEYS: usize = 20;

impl Office {
    /// Keeps a passkey that a clerk has registered.
    pub fn add_passkey(&mut self, name: &str, label: &str, credential: &[u8], public: &str, now: UtcMs) -> Result<(), OfficeError> {
        let label: String = label.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(MAX_PASSKEY_LABEL).collect();
        let label = if label.is_empty() { "Passkey".to_owned() } else { label };
        self.in_transaction(|work| {
            let known = work.named(name)?;
            if passkeys::of_clerk(&work.db, known.id)?.len() >= MAX_PASSKEYS {
                return Err(OfficeError::Wrong(format!("an account has at most {MAX_PASSKEYS} passkeys: remove one that is not used any more")));
            }
            if !passkeys::insert(&work.db, known.id, &label, credential, public, now)? {
                return Err(OfficeError::Wrong("this passkey is registered already: use another device or key".into()));
            }
            work.note(name, Action::Clerk, &format!("clerk/{}", known.id), "Passkey eingerichtet", now)
        })
    }

    /// Removes a passkey of a clerk. All sessions but `session` end: one of them may have been begun with it.
    pub fn remove_passkey(&mut self, name: &str, id: i64, session: Option<Hash>, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            let known = work.named(name)?;
            if !passkeys::remove(&work.db, known.id, id)? {
                return Err(OfficeError::NotFound("there is no such passkey: it may have been removed already".into()));
            }
            work.end_sessions_but(&known, session)?;
            work.note(name, Action::Clerk, &format!("clerk/{}", known.id), "Passkey entfernt", now)
        })
    }

    /// Remembers that a passkey was used, and what it said of itself; answers whose it is. One that was removed meanwhile opens nothing.
    pub fn use_passkey(&mut self, row: &PasskeyRow, public: &str, now: UtcMs) -> Result<Known, OfficeError> {
        self.in_transaction(|work| {
            if !passkeys::used(&work.db, row.id, public, now)? {
                return Err(OfficeError::NotFound("there is no such passkey: it may have been removed already".into()));
            }
            Ok(work.account(row.clerk)?.into())
        })
    }
}
