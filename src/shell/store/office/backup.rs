//! A copy of the database on its way into a backup and out of it.

use super::super::{StoreError, from_db};
use super::settings;
use crate::shell::store::sql::{Connection, params};
use crate::words::time::UtcMs;
use std::path::Path;
use zeroize::Zeroizing;

/// What concerns the hour alone, and would let somebody in elsewhere: it is in no backup.
pub(super) const OF_THE_HOUR: [&str; 4] = ["session", "ceremony", "attempt", "job"];
/// How far a restored office leaps over numbers that the lost one may have given away since the backup.
const LEAP: i64 = 10_000;

/// Takes out of a copy what concerns the hour alone; nothing of it stays.
pub fn forget_the_hour(copy: &Path) -> Result<(), StoreError> {
    let db = rusqlite::Connection::open(copy)?;
    db.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    for table in OF_THE_HOUR {
        // A database of before these tables has nothing to forget.
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)";
        if db.query_row(sql, [table], |row| row.get(0))? {
            db.execute(&format!("DELETE FROM {table}"), [])?;
        }
    }
    Ok(())
}

/// Puts key files into a copy.
pub fn put_keys(copy: &Path, files: &[(String, Zeroizing<String>)]) -> Result<(), StoreError> {
    let db = rusqlite::Connection::open(copy)?;
    db.execute_batch("CREATE TABLE backup_key (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID")?;
    for (name, text) in files {
        db.execute("INSERT INTO backup_key (name, text) VALUES (?1, ?2)", rusqlite::params![name, text.as_str()])?;
    }
    Ok(())
}

/// Takes the key files out of a copy; nothing of them stays in it.
pub fn take_keys(copy: &Path) -> Result<Vec<(String, Zeroizing<String>)>, StoreError> {
    let db = rusqlite::Connection::open(copy)?;
    let mut files = Vec::new();
    {
        let mut statement = db.prepare("SELECT name, text FROM backup_key")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            files.push((row.get(0)?, Zeroizing::new(row.get(1)?)));
        }
    }
    db.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    db.execute_batch("DROP TABLE backup_key")?;
    Ok(files)
}

/// The counter of numbers of invoices that were leapt over.
const INVOICES: &str = "invoices_leapt";

/// How many numbers a month's invoices have leapt over: what lost offices may have given away.
pub fn invoices_leapt(db: &Connection) -> Result<u64, StoreError> {
    settings::counter(db, INVOICES)
}

/// Leaps over the numbers of answers, revisions, runs, invoices and places in the status list that were given away after the backup was made.
pub fn leap(db: &Connection) -> Result<(), StoreError> {
    db.leap_over_advice(LEAP * 100)?;
    // Whoever had signed in at the lost office signs in anew.
    for table in OF_THE_HOUR {
        db.execute(&format!("DELETE FROM {table}"), [])?;
    }
    db.execute("UPDATE batch SET revision = revision + ?1", [LEAP])?;
    let sql = "INSERT INTO counter (name, value) SELECT 'status_places', coalesce(max(status_index), 0) + ?1 FROM token WHERE true
               ON CONFLICT (name) DO UPDATE SET value = max(counter.value, excluded.value)";
    db.execute(sql, [LEAP])?;
    for counter in ["run", "repayment", INVOICES] {
        let sql = "INSERT INTO counter (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = counter.value + excluded.value";
        db.execute(sql, params![counter, LEAP])?;
    }
    Ok(())
}

/// When the last batch was received, and the number of the last payment run.
pub fn last(db: &Connection) -> Result<(Option<UtcMs>, Option<u32>), StoreError> {
    let batch: Option<i64> = db.query_row("SELECT max(received) FROM batch", [], |row| row.get(0))?;
    let run = db.query_row("SELECT max(number) FROM run", [], |row| row.get(0))?;
    Ok((batch.map(from_db).transpose()?.map(UtcMs), run))
}
