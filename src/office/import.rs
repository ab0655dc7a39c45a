//! What comes from outside in files: payments the office made itself, and calendars.

use super::{Office, OfficeError};
use crate::reconcile::register::Debit;
use crate::shell::sheet::self_paid::DebitRow;
use crate::shell::store::office::{children, lines};
use serde::Serialize;

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportOutcome {
    /// Rows taken over.
    pub taken: u64,
    /// Rows that were on record already.
    pub known: u64,
}

impl Office {
    /// Notes what the office paid on allowances itself; the children concerned are decided anew. All or none.
    pub fn import_self_paid(&mut self, rows: &[DebitRow]) -> Result<ImportOutcome, OfficeError> {
        self.in_transaction(|work| {
            let mut outcome = ImportOutcome::default();
            for row in rows {
                let reference = row.reference.as_str();
                let missing = || {
                    OfficeError::Wrong(format!(
                        "line {}: no token was ever issued for “{reference}”: check the reference; nothing was taken",
                        row.line
                    ))
                };
                let child = children::by_reference(&work.db, reference)?.ok_or_else(missing)?;
                let debit = Debit { benefit: row.benefit, from: row.from, to: row.to, cents: row.cents };
                if children::insert_debit(&work.db, child.id, &debit)? {
                    outcome.taken += 1;
                    lines::mark_dirty(&work.db, child.id)?;
                } else {
                    outcome.known += 1;
                }
            }
            Ok(outcome)
        })
    }
}
