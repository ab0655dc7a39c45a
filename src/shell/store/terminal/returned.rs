//! What came back and was dealt with, and what follows a line when it is corrected.

use super::{StoreError, Tx, from_db, known, to_db};
use crate::deliver::advice::Verdict;
use crate::words::time::UtcMs;
use rusqlite::OptionalExtension;

impl Tx<'_> {
    /// The office's answer to one entry and its revision.
    pub fn answer_to(&self, seq: u64) -> Result<Option<(Verdict, u64)>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT verdict, revision FROM advised WHERE seq = ?1")?;
        let row = statement.query_row([to_db(seq)], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))).optional()?;
        let Some((verdict, revision)) = row else { return Ok(None) };
        Ok(Some((known(Verdict::from_code(from_db(verdict)?), "a verdict")?, from_db(revision)?)))
    }

    /// Notes that people here have dealt with an answer of this revision.
    pub fn keep_dealt_with(&self, seq: u64, revision: u64, at: UtcMs) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO returned(seq, revision, at) VALUES (?1, ?2, ?3) ON CONFLICT(seq) DO UPDATE SET revision = ?2, at = ?3 WHERE revision < ?2";
        self.sql.prepare_cached(sql)?.execute((to_db(seq), to_db(revision), to_db(at.0)))?;
        Ok(())
    }

    /// Whether a part of a redemption's price waits for another card, and whether a card has made up for a part of it.
    pub fn rests(&self, seq: u64) -> Result<(bool, bool), StoreError> {
        let sql = "SELECT coalesce(max(settled_by IS NULL), 0), coalesce(max(settled_by IS NOT NULL), 0) FROM held WHERE rest_of = ?1";
        Ok(self.sql.prepare_cached(sql)?.query_row([to_db(seq)], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// The begun lesson that a redemption ended.
    pub fn lesson_ended_by(&self, seq: u64) -> Result<Option<u64>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT seq FROM lesson WHERE ended_by = ?1")?;
        statement.query_row([to_db(seq)], |row| row.get::<_, i64>(0)).optional()?.map(from_db).transpose()
    }

    /// What belonged to the redemption `old` belongs to `new`, by which it was corrected: the lesson it ended, the month it was claimed for.
    pub fn follow_correction(&self, old: u64, new: u64, lesson: Option<u64>) -> Result<(), StoreError> {
        if let Some(lesson) = lesson {
            self.end_lesson(lesson, new)?;
        }
        self.sql.prepare_cached("UPDATE standing_month SET seq = ?2 WHERE seq = ?1")?.execute((to_db(old), to_db(new)))?;
        Ok(())
    }
}
