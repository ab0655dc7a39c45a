//! After a restore: the journal of the earlier box is put aside, what it had redeemed stays spent.

use super::record::IndexedRedemption;
use super::{StoreError, Tx, to_db};
use crate::words::ids::TerminalId;
use crate::words::time::UtcMs;

/// A use that an earlier journal of this box holds and its office has receipted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierUse {
    /// Its index.
    pub redemption: IndexedRedemption,
    /// When it was recorded.
    pub at: UtcMs,
}

impl Tx<'_> {
    /// Keeps an earlier box's use as spent.
    pub fn keep_earlier(&self, earlier: &EarlierUse) -> Result<(), StoreError> {
        let sql = "INSERT INTO earlier(at, office, handle, benefit, service, day, units, cents, lesson_start, lesson_end, slot_day, slot)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        let r = &earlier.redemption;
        self.sql.prepare_cached(sql)?.execute((
            to_db(earlier.at.0),
            r.office.0,
            r.handle.0,
            r.benefit.code(),
            r.service.as_str(),
            r.day.days(),
            to_db(r.units),
            r.cents.get(),
            r.lesson.map(|l| l.start),
            r.lesson.map(|l| l.end),
            r.slot.day.days(),
            r.slot.id.0,
        ))?;
        Ok(())
    }

    /// Whether no office was ever asked for admission with success, nobody was entered, and nothing continues an earlier box.
    pub fn is_unused(&self) -> Result<bool, StoreError> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM office) AND NOT EXISTS (SELECT 1 FROM person) AND NOT EXISTS (SELECT 1 FROM redemption)
            AND NOT EXISTS (SELECT 1 FROM held) AND NOT EXISTS (SELECT 1 FROM earlier_journal)";
        Ok(self.sql.query_row(sql, [], |row| row.get(0))?)
    }

    /// Puts the whole journal of `terminal` aside, with its indexes emptied and the offices' admissions of it forgotten.
    pub fn put_journal_aside(&self, terminal: TerminalId) -> Result<(), StoreError> {
        let sql = "INSERT INTO earlier_journal(terminal, seq, bytes, link, erased) SELECT ?1, seq, bytes, link, erased FROM journal";
        self.sql.execute(sql, [terminal.0])?;
        self.sql.execute_batch(
            "DELETE FROM journal; DELETE FROM redemption; DELETE FROM held; DELETE FROM lesson; DELETE FROM by_list; DELETE FROM entered_at; DELETE FROM batch; DELETE FROM advised;
             DELETE FROM paid; DELETE FROM returned; DELETE FROM asked;
             DELETE FROM ask; UPDATE office SET credential = NULL, cursor = 0, sealed_to = 0, heard_at = 0, disputed = 0, successor = NULL;",
        )?;
        Ok(())
    }
}
