//! What is recorded beside the journal: what people who pay for themselves took, who was recorded without a card, which rows of files
//! were taken.

use super::record::code;
use super::{StoreError, Tx, from_db, to_db};
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use rusqlite::OptionalExtension;

/// What somebody who pays for themselves took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickupLine {
    /// Its number.
    pub id: u64,
    /// When it was recorded.
    pub at: UtcMs,
    /// The service.
    pub service: Code,
    /// Whether it was taken back.
    pub cancelled: bool,
    /// Whose it is.
    pub person: u64,
    /// The name.
    pub name: String,
}

impl Tx<'_> {
    /// How many on a day took something on their own account and did not give it back.
    pub fn pickups_of_day(&self, on: CivilDay) -> Result<u64, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT count(*) FROM pickup WHERE day = ?1 AND cancelled = 0")?;
        from_db(statement.query_row([on.days()], |row| row.get(0))?)
    }

    /// What was taken on a day, the latest first, at most `limit`.
    pub fn pickup_lines(&self, on: CivilDay, limit: u32) -> Result<Vec<PickupLine>, StoreError> {
        let sql = "SELECT k.id, k.at, k.service, k.cancelled, p.id, p.name FROM pickup k JOIN person p ON p.id = k.person
            WHERE k.day = ?1 ORDER BY k.id DESC LIMIT ?2";
        let mut statement = self.sql.prepare_cached(sql)?;
        let mut rows = statement.query((on.days(), limit))?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            lines.push(PickupLine {
                id: from_db(row.get(0)?)?,
                at: UtcMs(from_db(row.get(1)?)?),
                service: code(&row.get::<_, String>(2)?)?,
                cancelled: row.get(3)?,
                person: from_db(row.get(4)?)?,
                name: row.get(5)?,
            });
        }
        Ok(lines)
    }

    /// When a person took this on that day, if it did, and at which device.
    pub fn pickup_at(&self, person: u64, service: &Code, day: CivilDay) -> Result<Option<(UtcMs, Option<String>)>, StoreError> {
        let sql = "SELECT at, entered_at FROM pickup WHERE day = ?1 AND service = ?2 AND person = ?3 AND cancelled = 0";
        let mut statement = self.sql.prepare_cached(sql)?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get(1)?));
        let found = statement.query_row((day.days(), service.as_str(), to_db(person)), read).optional()?;
        found.map(|(at, till)| Ok((UtcMs(from_db(at)?), till))).transpose()
    }

    /// Records that a person took this; `by_list` says why no chip was shown.
    pub fn keep_pickup(&self, person: u64, service: &Code, day: CivilDay, at: UtcMs, by_list: Option<&str>) -> Result<u64, StoreError> {
        let sql = "INSERT INTO pickup(person, service, day, at, by_list) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.sql.prepare_cached(sql)?.execute((to_db(person), service.as_str(), day.days(), to_db(at.0), by_list))?;
        from_db(self.sql.last_insert_rowid())
    }

    /// Notes at which device it was.
    pub fn note_pickup_at(&self, pickup: u64, name: &str) -> Result<(), StoreError> {
        self.sql.prepare_cached("UPDATE pickup SET entered_at = ?2 WHERE id = ?1")?.execute((to_db(pickup), name))?;
        Ok(())
    }

    /// When a record of what a person took was made, and whether it was taken back.
    pub fn pickup_kept(&self, id: u64) -> Result<Option<(UtcMs, bool)>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT at, cancelled FROM pickup WHERE id = ?1")?;
        let found = statement.query_row([to_db(id)], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).optional()?;
        found.map(|(at, cancelled)| Ok((UtcMs(from_db(at)?), cancelled))).transpose()
    }

    /// Takes back what a person took. None where there is no such record; otherwise whether it had been taken back before.
    pub fn cancel_pickup(&self, id: u64) -> Result<Option<bool>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT cancelled FROM pickup WHERE id = ?1")?;
        let before = statement.query_row([to_db(id)], |row| row.get::<_, bool>(0)).optional()?;
        if before == Some(false) {
            self.sql.prepare_cached("UPDATE pickup SET cancelled = 1 WHERE id = ?1")?.execute([to_db(id)])?;
        }
        Ok(before)
    }

    /// Keeps why a redemption was recorded without a card.
    pub fn keep_by_list(&self, seq: u64, reason: &str) -> Result<(), StoreError> {
        self.sql.prepare_cached("INSERT OR REPLACE INTO by_list(seq, reason) VALUES (?1, ?2)")?.execute((to_db(seq), reason))?;
        Ok(())
    }

    /// All redemptions recorded without a card, with the reason.
    pub fn by_list(&self) -> Result<Vec<(u64, String)>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT seq, reason FROM by_list ORDER BY seq")?;
        let mut rows = statement.query([])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push((from_db(row.get(0)?)?, row.get(1)?));
        }
        Ok(all)
    }

    /// Of the records since `since` that count, without those ticked in one go (`group`): how many a forgotten card had, and how many
    /// there are.
    pub fn forgotten_share(&self, since: CivilDay, group: &str) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT count(CASE WHEN reason <> '' THEN 1 END), count(*) FROM (
                SELECT coalesce(b.reason, '') AS reason FROM redemption r LEFT JOIN by_list b ON b.seq = r.seq
                WHERE r.day >= ?1 AND r.cancelled_by IS NULL
                UNION ALL SELECT coalesce(by_list, '') FROM pickup WHERE day >= ?1 AND cancelled = 0
            ) WHERE reason <> ?2";
        let row = self.sql.prepare_cached(sql)?.query_row((since.days(), group), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        Ok((from_db(row.0)?, from_db(row.1)?))
    }

    /// Whether a row of a file was taken before.
    pub fn was_taken(&self, row: Hash) -> Result<bool, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT EXISTS(SELECT 1 FROM taken_row WHERE hash = ?1)")?;
        Ok(statement.query_row([row.0], |row| row.get(0))?)
    }

    /// Remembers that a row of a file was taken.
    pub fn keep_taken(&self, row: Hash, at: UtcMs) -> Result<(), StoreError> {
        self.sql.prepare_cached("INSERT OR IGNORE INTO taken_row(hash, at) VALUES (?1, ?2)")?.execute((row.0, to_db(at.0)))?;
        Ok(())
    }
}
