//! Broken on purpose: each of these must be caught by the auditor, or the auditor sees nothing.

use super::Broken;
use super::town::Till;
use crate::office::Office;
use rusqlite::params;
use serde::Serialize;

/// A behaviour that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Canary {
    /// The counter shows green although the commit failed.
    GreenBeforeCommit,
    /// The office gives a receipt and forgets a line.
    ForgottenLine,
    /// What a run has settled is settled again by the next one.
    PaidTwice,
    /// The losers of a conflict between providers are paid as well.
    ConflictsPaid,
    /// The terminal changes an entry after the office has its batch.
    RewrittenEntry,
    /// The terminal loses what it was told of a payment.
    LostAdvice,
}

impl Canary {
    /// All of them.
    pub const ALL: [Canary; 6] =
        [Self::GreenBeforeCommit, Self::ForgottenLine, Self::PaidTwice, Self::ConflictsPaid, Self::RewrittenEntry, Self::LostAdvice];

    /// Does its damage to the office's ledger, after an intake.
    pub(super) fn after_intake(self, office: &Office) -> Result<(), Broken> {
        match self {
            Self::ForgottenLine => {
                run(office.db(), "DELETE FROM line WHERE (terminal, seq) IN (SELECT terminal, seq FROM line ORDER BY seq DESC LIMIT 1)")
            }
            _ => Ok(()),
        }
    }

    /// Does its damage to the office's ledger, before a settlement.
    pub(super) fn before_settlement(self, office: &Office) -> Result<(), Broken> {
        match self {
            Self::ConflictsPaid => run(office.db(), "UPDATE line SET verdict = 1, decided = cents WHERE reason = 'conflict'"),
            _ => Ok(()),
        }
    }

    /// Does its damage to the office's ledger, after a settlement.
    pub(super) fn after_settlement(self, office: &Office) -> Result<(), Broken> {
        match self {
            Self::PaidTwice => run(office.db(), "UPDATE line SET run = NULL, settled = NULL"),
            _ => Ok(()),
        }
    }

    /// Does its damage to a terminal, after an answer.
    pub(super) fn after_answer(self, till: &mut Till) -> Result<(), Broken> {
        let db = till.terminal.store().connection();
        match self {
            Self::RewrittenEntry => run(
                db,
                "UPDATE journal SET bytes = (SELECT bytes FROM journal WHERE seq = 3) WHERE seq = 2 AND (SELECT max(sealed_to) FROM office) > 3",
            ),
            Self::LostAdvice => run(db, "DELETE FROM payment"),
            _ => Ok(()),
        }
    }
}

fn run(db: &rusqlite::Connection, sql: &str) -> Result<(), Broken> {
    db.execute(sql, params![]).map(|_| ()).map_err(|error| Broken::unexpected("a canary could not do its damage", &error))
}
