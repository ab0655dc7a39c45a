//! The audit log: it only grows, and its records are chained like a journal's.

use super::super::{StoreError, from_db, to_db};
use super::array;
use crate::book::entry::Head;
use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// A record of the log. What was purged is none; its hash stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number, from 1.
    pub seq: u64,
    /// When.
    pub at: UtcMs,
    /// Who.
    pub clerk: Option<String>,
    /// What was done, by its stable name.
    pub action: String,
    /// To what.
    pub object: Option<String>,
    /// What more there is to say.
    pub detail: Option<String>,
    /// Random, so that purged content cannot be guessed from its hash.
    pub salt: Option<[u8; 16]>,
    /// The hash of all of this.
    pub content: Hash,
    /// The chain's link after it.
    pub link: Hash,
}

/// Where the log ends; none where nothing was logged yet.
pub fn head(db: &Connection) -> Result<Option<Head>, StoreError> {
    let sql = "SELECT seq, link FROM audit ORDER BY seq DESC LIMIT 1";
    let last: Option<(i64, Vec<u8>)> = db.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    last.map(|(seq, link)| Ok(Head { seq: from_db(seq)?, link: Hash(array(link, "link")?) })).transpose()
}

/// Appends a record.
pub fn insert(db: &Connection, record: &Record) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit (seq, at, clerk, action, object, detail, salt, content, link) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let Record { seq, at, clerk, action, object, detail, salt, content, link } = record;
    db.prepare_cached(sql)?.execute(params![to_db(*seq), to_db(at.0), clerk, action, object, detail, salt, content.0, link.0])?;
    Ok(())
}

/// The records after number `after` in their order, at most `most`.
pub fn records(db: &Connection, after: u64, most: u64) -> Result<Vec<Record>, StoreError> {
    let sql = "SELECT seq, at, clerk, action, object, detail, salt, content, link FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![to_db(after), to_db(most)])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(row)?);
    }
    Ok(records)
}

fn record(row: &Row<'_>) -> Result<Record, StoreError> {
    Ok(Record {
        seq: from_db(row.get(0)?)?,
        at: UtcMs(from_db(row.get(1)?)?),
        clerk: row.get(2)?,
        action: row.get(3)?,
        object: row.get(4)?,
        detail: row.get(5)?,
        salt: row.get(6)?,
        content: Hash(array(row.get(7)?, "hash")?),
        link: Hash(array(row.get(8)?, "link")?),
    })
}
