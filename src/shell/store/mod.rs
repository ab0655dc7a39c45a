//! The only SQL. Here: how every database of ours is opened, kept durable and brought up to date.

mod error;
#[cfg(feature = "office")]
pub mod office;
#[cfg(feature = "office")]
pub mod sql;
#[cfg(feature = "terminal")]
pub mod terminal;
mod update;

pub use error::{DbError, StoreError};
pub use update::{forget_earlier, version};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// How long a statement waits for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// After how many pages the log is copied into the database (4 MiB); from then on it is overwritten in place and grows no more.
const CHECKPOINT_PAGES: u32 = 1000;
/// Down to how many bytes the log is cut after something large went through it; above [`CHECKPOINT_PAGES`], so that it stays warm.
const WAL_BYTES: u32 = 8 * 1024 * 1024;

/// Opens the database at `path`, makes it where there is none, and brings it up to date with `migrations`, one script a version. What it
/// was before an update stays beside it for a while (`terminal.version-1.db`).
///
/// Write-ahead log, synchronous=FULL: what was committed survives a loss of power.
pub fn open(path: &Path, migrations: &[&str]) -> Result<Connection, StoreError> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        super::secret_file::make_dir(dir)?;
    }
    // SQLite gives its log and index the mode of the database file, so that one is made first.
    let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map_err(|error| super::secret_file::SecretFileError::Io { path: path.to_owned(), error })?;
    let mut connection = Connection::open(path)?;
    prepare(&mut connection)?;
    update::bring_up_to_date(&mut connection, Some(path), migrations)?;
    Ok(connection)
}

/// A further connection to the database at `path`, which another one has opened and brought up to date; it only reads.
pub fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

/// Copies the database at `from`, as it is at one moment, into the new file `to`, which is complete in itself. Others go on writing meanwhile.
pub fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let source = open_to_read(from)?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    made.map_err(|error| super::secret_file::SecretFileError::Io { path: to.to_owned(), error })?;
    let mut target = Connection::open(to)?;
    copy_at_once(&source, &mut target)?;
    target.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
    Ok(())
}

/// Copies everything in `from` over what `to` holds, in one transaction of each: a copy in several steps would begin anew with every write of
/// somebody else.
fn copy_at_once(from: &Connection, to: &mut Connection) -> Result<(), StoreError> {
    match rusqlite::backup::Backup::new(from, to)?.step(-1)? {
        rusqlite::backup::StepResult::Done => Ok(()),
        _ => Err(StoreError::Busy(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None).into())),
    }
}

/// Whether the database at `path` has a table of that name; an error where it is no database.
pub fn has_table(path: &Path, name: &str) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)";
    Ok(open_to_read(path)?.query_row(sql, [name], |row| row.get(0))?)
}

/// Whether the database is sound and has exactly the tables, indexes and triggers that `migrations` make: a trigger that somebody else has put
/// in would run with our own statements.
#[cfg(feature = "terminal")]
fn is_as_made(connection: &Connection, migrations: &[&str]) -> Result<bool, StoreError> {
    let made = |connection: &Connection| -> Result<Vec<(String, String, Option<String>)>, StoreError> {
        let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_master ORDER BY type, name")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    if made(connection)? != made(&open_in_memory(migrations)?)? {
        return Ok(false);
    }
    let answer: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok(answer == "ok")
}

/// Whether SQLite finds the database at `path` sound; none, or its first complaint. Reads the whole file.
pub fn complaint(path: &Path) -> Result<Option<String>, StoreError> {
    let answer: String = open_to_read(path)?.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((answer != "ok").then_some(answer))
}

/// A database in memory, for tests and simulations.
pub fn open_in_memory(migrations: &[&str]) -> Result<Connection, StoreError> {
    let mut connection = Connection::open_in_memory()?;
    prepare(&mut connection)?;
    update::bring_up_to_date(&mut connection, None, migrations)?;
    Ok(connection)
}

fn prepare(connection: &mut Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", WAL_BYTES, |_| Ok(()))?;
    // A log kept at closing is warm at opening; after a crash it is there all the same.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_prepared_statement_cache_capacity(128);
    // A plan that depends on the values bound to it is made anew for each of them: a third of a redemption's time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// An unsigned number as SQLite stores it; none of ours comes near the limit.
pub fn to_db(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A stored number that was unsigned.
pub fn from_db(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Inconsistent(format!("the number {number}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "CREATE TABLE meal(id INTEGER PRIMARY KEY) STRICT;";

    #[test]
    fn every_commit_is_flushed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let connection = open(&dir.path().join("terminal.db"), &[FIRST]).expect("made");
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)).expect(name);
        assert_eq!(pragma("journal_mode"), rusqlite::types::Value::Text("wal".into()));
        assert_eq!(pragma("synchronous"), rusqlite::types::Value::Integer(2));
    }

    #[test]
    fn rubbish_is_told_from_a_full_disk() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("terminal.db");
        std::fs::write(&path, vec![7u8; 8192]).expect("written");
        assert!(matches!(open(&path, &[FIRST]), Err(StoreError::Damaged(_))));
    }
}
