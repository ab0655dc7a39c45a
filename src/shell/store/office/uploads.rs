//! Files that were checked and wait for a clerk's word, and what the register holds of their records.

use super::super::{StoreError, from_db, to_db};
use crate::shell::store::sql::{Connection, OptionalExtension, params};
use crate::words::cents::Cents;
use crate::words::civil::CivilMonth;
use crate::words::time::UtcMs;
use std::collections::BTreeMap;

/// A file that waits.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Its unguessable id.
    pub id: String,
    /// What it is, by its stable name.
    pub kind: String,
    /// Who brought it.
    pub clerk: String,
    /// When.
    pub at: UtcMs,
    /// What the check said, as JSON.
    pub report: String,
}

/// Keeps a file with what its check said.
pub fn insert(db: &Connection, upload: &Upload, bytes: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO upload (id, kind, clerk, at, report, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    db.execute(sql, params![upload.id, upload.kind, upload.clerk, to_db(upload.at.0), upload.report, bytes])?;
    Ok(())
}

/// Says anew what the check of a file said.
pub fn set_report(db: &Connection, id: &str, report: &str) -> Result<(), StoreError> {
    db.execute("UPDATE upload SET report = ?2 WHERE id = ?1", [id, report])?;
    Ok(())
}

/// A clerk's file.
pub fn by_id(db: &Connection, id: &str, clerk: &str) -> Result<Option<Upload>, StoreError> {
    Ok(of(db, clerk)?.into_iter().find(|upload| upload.id == id))
}

/// A clerk's files that wait, the last one first.
pub fn of(db: &Connection, clerk: &str) -> Result<Vec<Upload>, StoreError> {
    let mut statement = db.prepare_cached("SELECT id, kind, clerk, at, report FROM upload WHERE clerk = ?1 COLLATE NOCASE ORDER BY at DESC")?;
    let mut rows = statement.query([clerk])?;
    let mut uploads = Vec::new();
    while let Some(row) = rows.next()? {
        let at = UtcMs(from_db(row.get(3)?)?);
        uploads.push(Upload { id: row.get(0)?, kind: row.get(1)?, clerk: row.get(2)?, at, report: row.get(4)? });
    }
    Ok(uploads)
}

/// The bytes of a file.
pub fn bytes(db: &Connection, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(db.query_row("SELECT bytes FROM upload WHERE id = ?1", [id], |row| row.get(0)).optional()?)
}

/// Forgets a file; false where it is gone already.
pub fn delete(db: &Connection, id: &str) -> Result<bool, StoreError> {
    Ok(db.execute("DELETE FROM upload WHERE id = ?1", [id])? > 0)
}

/// Forgets the files brought before `before`.
pub fn delete_old(db: &Connection, before: UtcMs) -> Result<(), StoreError> {
    db.execute("DELETE FROM upload WHERE at < ?1", [to_db(before.0)])?;
    Ok(())
}

/// The case references that begin with a zero, by what a spreadsheet makes of them.
pub fn zero_led(db: &Connection) -> Result<BTreeMap<String, String>, StoreError> {
    let mut statement = db.prepare_cached("SELECT reference FROM child WHERE reference >= '0' AND reference < '1'")?;
    let references = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut known = BTreeMap::new();
    for reference in references {
        let reference = reference?;
        known.insert(reference.trim_start_matches('0').to_owned(), reference);
    }
    Ok(known)
}

/// The approvals of a source that run in `month` or later: row id, key of the record, last month.
pub fn running(db: &Connection, source: &str, month: CivilMonth) -> Result<Vec<(i64, String)>, StoreError> {
    let sql = "SELECT id, record FROM approval
               WHERE source = ?1 AND record IS NOT NULL AND ended_from IS NULL AND changed_to IS NULL AND to_month >= ?2 ORDER BY id";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![source, month.months()])?;
    let mut running = Vec::new();
    while let Some(row) = rows.next()? {
        running.push((row.get(0)?, row.get(1)?));
    }
    Ok(running)
}

/// Whether a payment of the office's own is on record.
pub fn has_debit(db: &Connection, child: i64, benefit: u8, days: (u32, u32), cents: Cents) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM debit WHERE child = ?1 AND benefit = ?2 AND from_day = ?3 AND to_day = ?4 AND cents = ?5";
    Ok(db.prepare_cached(sql)?.exists(params![child, benefit, days.0, days.1, cents.get()])?)
}
