//! Broken on purpose: each of these must be caught by the auditor, or the auditor sees nothing.

use super::Broken;
use super::disk::Till;
use crate::office::Office;
use crate::shell::store::sql;
use crate::shell::store::sql::params;
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
    /// A receipt names a number and no content: whatever ends there counts as confirmed.
    ReceiptWithoutHash,
    /// Of two providers who claim the same, the one whose batch came first has it.
    SlotByArrival,
    /// A cancellation frees what another meal of the child has used.
    StornoFreesTooMuch,
    /// A till forgets what its neighbours told it.
    DeafNeighbour,
    /// A photo of a phone's code counts as long as somebody says that it was scanned when it was made.
    PhotoCounts,
    /// A restored box does not make again what no office has.
    ForgetfulRestore,
    /// A restored box lets what an office had confirmed be used again.
    GenerousRestore,
    /// A till forgets what its neighbours told it of chips.
    ForgottenChips,
    /// A disk says that it has flushed, and has not.
    LyingDisk,
}

impl Canary {
    /// All of them.
    pub const ALL: [Canary; 15] = [
        Self::GreenBeforeCommit,
        Self::ForgottenLine,
        Self::PaidTwice,
        Self::ConflictsPaid,
        Self::RewrittenEntry,
        Self::LostAdvice,
        Self::ReceiptWithoutHash,
        Self::SlotByArrival,
        Self::StornoFreesTooMuch,
        Self::DeafNeighbour,
        Self::PhotoCounts,
        Self::ForgetfulRestore,
        Self::GenerousRestore,
        Self::ForgottenChips,
        Self::LyingDisk,
    ];

    /// Does its damage to the office's ledger, after an intake.
    pub(super) fn after_intake(self, office: &Office) -> Result<(), Broken> {
        match self {
            Self::ForgottenLine => {
                run(office.db(), "DELETE FROM line WHERE (terminal, seq) IN (SELECT terminal, seq FROM line ORDER BY seq DESC LIMIT 1)")
            }
            _ => Ok(()),
        }
    }

    /// Does its damage to the office's ledger, after a reconciliation.
    pub(super) fn after_reconciliation(self, office: &Office) -> Result<(), Broken> {
        const PAIR: &str =
            "l.reason = 'conflict' AND l.verdict = 0 AND l.run IS NULL AND w.child = l.child AND w.slot = l.slot AND w.slot_day = l.slot_day
            AND w.holds = 1 AND w.verdict = 1 AND w.run IS NULL AND w.batch > l.batch";
        match self {
            Self::SlotByArrival => {
                let db = office.db();
                let marked =
                    format!("CREATE TEMP TABLE swapped AS SELECT l.terminal lt, l.seq ls, w.terminal wt, w.seq ws FROM line l JOIN line w ON {PAIR}");
                let run_all = || -> sql::Result<()> {
                    db.execute_batch(&marked)?;
                    db.execute_batch("UPDATE line SET verdict = 0, decided = 0, holds = 0, reason = 'conflict', advise = 1 WHERE (terminal, seq) IN (SELECT wt, ws FROM swapped)")?;
                    db.execute_batch("UPDATE line SET verdict = 1, decided = cents, holds = 1, reason = NULL, advise = 1 WHERE (terminal, seq) IN (SELECT lt, ls FROM swapped)")?;
                    db.execute_batch("DROP TABLE swapped")
                };
                run_all().map_err(|error| Broken::unexpected("a canary could not do its damage", &error))
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
    pub(super) fn after_answer(self, till: &mut Till, office: &Office) -> Result<(), Broken> {
        let id = till.id();
        let db = till.terminal.store().connection();
        match self {
            Self::RewrittenEntry => at_terminal(
                db,
                "UPDATE journal SET bytes = (SELECT bytes FROM journal WHERE seq = 3) WHERE seq = 2 AND (SELECT max(sealed_to) FROM office) > 3",
            ),
            Self::LostAdvice => at_terminal(db, "DELETE FROM payment"),
            Self::ReceiptWithoutHash => {
                let sql = "SELECT head_seq FROM terminal WHERE terminal = ?1";
                let head: i64 = office.db().query_row(sql, [id.0], |row| row.get(0)).unwrap_or(0);
                at_terminal(db, &format!("UPDATE batch SET state = 1 WHERE last <= {head}"))
            }
            _ => Ok(()),
        }
    }

    /// Does its damage to a terminal, after a neighbour has told it something.
    pub(super) fn after_telling(self, till: &mut Till) -> Result<(), Broken> {
        match self {
            Self::DeafNeighbour => at_terminal(till.terminal.store().connection(), "DELETE FROM neighbour_use"),
            Self::ForgottenChips => at_terminal(till.terminal.store().connection(), "DELETE FROM chip WHERE own = 0"),
            _ => Ok(()),
        }
    }

    /// Does its damage to a box that was restored.
    pub(super) fn after_restore(self, till: &mut Till) -> Result<(), Broken> {
        let db = till.terminal.store().connection();
        match self {
            Self::ForgetfulRestore => {
                at_terminal(db, "DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal WHERE seq IN (SELECT seq FROM redemption))")
            }
            Self::GenerousRestore => at_terminal(db, "DELETE FROM earlier"),
            _ => Ok(()),
        }
    }

    /// Does its damage to a terminal, after a cancellation.
    pub(super) fn after_cancellation(self, till: &mut Till) -> Result<(), Broken> {
        match self {
            Self::StornoFreesTooMuch => at_terminal(
                till.terminal.store().connection(),
                "UPDATE redemption SET cancelled_by = (SELECT max(cancelled_by) FROM redemption) WHERE cancelled_by IS NULL
                 AND handle IN (SELECT handle FROM redemption WHERE cancelled_by = (SELECT max(cancelled_by) FROM redemption))",
            ),
            _ => Ok(()),
        }
    }
}

fn at_terminal(db: &rusqlite::Connection, sql: &str) -> Result<(), Broken> {
    db.execute(sql, []).map(|_| ()).map_err(|error| Broken::unexpected("a canary could not do its damage", &error))
}

fn run(db: &sql::Connection, sql: &str) -> Result<(), Broken> {
    db.execute(sql, params![]).map(|_| ()).map_err(|error| Broken::unexpected("a canary could not do its damage", &error))
}
