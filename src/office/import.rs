//! What comes from outside in files: payments the office made itself, calendars, and the bank's statements.

use super::{Office, OfficeError};
use crate::reconcile::register::Debit;
use crate::shell::sheet::camt::{Direction, Statement};
use crate::shell::sheet::self_paid::DebitRow;
use crate::shell::store::office::{children, lines, payments};
use serde::Serialize;

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportOutcome {
    /// Rows taken over.
    pub taken: u64,
    /// Rows that were on record already.
    pub known: u64,
}

/// What a bank statement said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CamtOutcome {
    /// Payments of ours that the bank has booked.
    pub booked: Vec<String>,
    /// Payments of ours that came back.
    pub returned: Vec<String>,
    /// Those known before.
    pub known: u64,
    /// Entries that are no payments of ours.
    pub others: u64,
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

    /// Holds the bank's statements against the payments of released runs. The same statement twice changes nothing.
    pub fn import_camt(&mut self, statements: &[Statement]) -> Result<CamtOutcome, OfficeError> {
        if let Some(other) = statements.iter().find(|s| iban::IbanLike::electronic_str(&s.account) != self.profile.debtor.iban().electronic()) {
            return Err(OfficeError::Wrong(format!(
                "this statement is of account {}, not of the office's own {}: nothing was taken",
                other.account,
                self.profile.debtor.iban()
            )));
        }
        self.in_transaction(|work| {
            let mut outcome = CamtOutcome::default();
            for entry in statements.iter().flat_map(|s| &s.entries) {
                let found = match &entry.end_to_end_id {
                    Some(id) => payments::payment(&work.db, id)?.map(|state| (id, state)),
                    None => None,
                };
                let Some((id, state)) = found.filter(|(_, state)| state.cents == entry.cents) else {
                    outcome.others += 1;
                    continue;
                };
                let came_back = entry.direction == Direction::Credit;
                let known = if came_back { state.returned.is_some() } else { state.booked.is_some() };
                if known {
                    outcome.known += 1;
                    continue;
                }
                let why = came_back.then(|| entry.returned.clone().unwrap_or_else(|| "NARR".to_owned()));
                payments::set_booked(&work.db, id, entry.booked, why.as_deref())?;
                if came_back { outcome.returned.push(id.clone()) } else { outcome.booked.push(id.clone()) }
            }
            Ok(outcome)
        })
    }
}
