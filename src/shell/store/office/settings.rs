//! Single values: settings, counters, clerks.

use super::super::{StoreError, from_db, to_db};
use crate::words::time::UtcMs;
use rusqlite::{Connection, OptionalExtension, params};

/// The value of a setting.
pub fn read(db: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    Ok(db.prepare_cached("SELECT value FROM setting WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()?)
}

/// Sets a setting.
pub fn write(db: &Connection, name: &str, value: &str) -> Result<(), StoreError> {
    db.execute("INSERT INTO setting (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", [name, value])?;
    Ok(())
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

/// Adds a clerk or sets a new password hash.
pub fn set_clerk(db: &Connection, name: &str, password_hash: &str, now: UtcMs) -> Result<(), StoreError> {
    let sql = "INSERT INTO clerk (name, password, created) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE SET password = excluded.password";
    db.execute(sql, params![name, password_hash, to_db(now.0)])?;
    Ok(())
}

/// A clerk's name as first written, and the password hash.
pub fn clerk(db: &Connection, name: &str) -> Result<Option<(String, String)>, StoreError> {
    Ok(db.query_row("SELECT name, password FROM clerk WHERE name = ?1", [name], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// All clerks by name.
pub fn clerks(db: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = db.prepare("SELECT name FROM clerk ORDER BY name")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// The roles of a clerk, names with blanks between; none where there is no such clerk.
pub fn roles(db: &Connection, clerk: &str) -> Result<Option<String>, StoreError> {
    Ok(db.prepare_cached("SELECT roles FROM clerk WHERE name = ?1")?.query_row([clerk], |row| row.get(0)).optional()?)
}

/// Gives a clerk these roles; false where there is no such clerk.
pub fn set_roles(db: &Connection, clerk: &str, roles: &str) -> Result<bool, StoreError> {
    Ok(db.execute("UPDATE clerk SET roles = ?2 WHERE name = ?1", [clerk, roles])? > 0)
}
