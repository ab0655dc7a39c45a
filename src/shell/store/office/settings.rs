//! Single values: settings and counters.

use super::super::{StoreError, from_db, to_db};
use crate::shell::store::sql::{Connection, OptionalExtension, params};
use crate::words::time::UtcMs;

/// The value of a setting.
pub fn read(db: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    Ok(db.prepare_cached("SELECT value FROM setting WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()?)
}

/// Sets a setting.
pub fn write(db: &Connection, name: &str, value: &str) -> Result<(), StoreError> {
    db.execute("INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", [name, value])?;
    Ok(())
}

/// Whether what comes in is reconciled at once, without a clerk's asking.
pub fn reconciles_at_once(db: &Connection) -> Result<bool, StoreError> {
    Ok(read(db, "reconcile_at_once")?.as_deref() == Some("yes"))
}

/// The next number of a counter, from 1.
pub fn next(db: &Connection, name: &str) -> Result<u64, StoreError> {
    at_least(db, name, 0)
}

/// The next number of a counter, and no less than `least`.
pub fn at_least(db: &Connection, name: &str, least: u64) -> Result<u64, StoreError> {
    let sql = "INSERT INTO counter (name, value) VALUES (?1, max(1, ?2))
               ON CONFLICT (name) DO UPDATE SET value = max(counter.value + 1, ?2) RETURNING value";
    from_db(db.prepare_cached(sql)?.query_row(params![name, to_db(least)], |row| row.get(0))?)
}

/// The present number of a counter, zero before the first.
pub fn counter(db: &Connection, name: &str) -> Result<u64, StoreError> {
    let value: Option<i64> = db.prepare_cached("SELECT value FROM counter WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()?;
    from_db(value.unwrap_or(0))
}

/// Writes something, to see whether it can be written.
pub fn prove_writable(db: &Connection, now: UtcMs) -> Result<(), StoreError> {
    let sql = "INSERT INTO counter (name, value) VALUES ('ready', ?1) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    db.execute(sql, [to_db(now.0)])?;
    Ok(())
}
