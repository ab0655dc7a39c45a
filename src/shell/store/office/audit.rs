//! The audit log: it only grows, and its records are chained like a journal's.

use super::super::{StoreError, from_db, to_db};
use super::array;
use crate::book::entry::Head;
use crate::shell::store::sql::{Connection, Kind, OptionalExtension, Params, Places, Row, ToSql, ValueRef, params};
use crate::words::ids::Hash;
use crate::words::time::UtcMs;

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

/// Appends records.
pub fn insert_all(db: &Connection, records: &[Record]) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit (seq, at, clerk, action, object, detail, salt, content, link) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    db.execute_each(sql, records)?;
    Ok(())
}

impl Params for Record {
    fn each<'p>(&'p self, take: &mut dyn FnMut(Kind, ValueRef<'p>)) {
        let mut places = Places(take);
        places.numbers([to_db(self.seq), to_db(self.at.0)]);
        places.text(self.clerk.as_deref());
        places.text(Some(&self.action));
        places.text(self.object.as_deref());
        places.text(self.detail.as_deref());
        places.bytes_or_none(self.salt.as_ref().map(<[u8; 16]>::as_slice));
        places.bytes(&self.content.0);
        places.bytes(&self.link.0);
    }
}

/// The records after number `after` in their order, at most `most`.
pub fn records(db: &Connection, after: u64, most: u64) -> Result<Vec<Record>, StoreError> {
    let sql = "SELECT seq, at, clerk, action, object, detail, salt, content, link FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![to_db(after), to_db(most)])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(&row)?);
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

/// What records are looked for; what is none does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Who.
    pub clerk: Option<String>,
    /// What was done, by its stable name.
    pub action: Option<String>,
    /// To what: the whole text.
    pub object: Option<String>,
    /// From this moment on.
    pub from: Option<UtcMs>,
    /// Before this moment.
    pub until: Option<UtcMs>,
}

impl Filter {
    /// The index that leaves the fewest records to look through, named because SQLite does not know which condition is rare.
    const fn index(&self) -> &'static str {
        match self {
            Self { object: Some(_), .. } => "INDEXED BY audit_by_object",
            Self { clerk: Some(_), action: Some(_), .. } => "INDEXED BY audit_by_clerk_and_action",
            Self { clerk: Some(_), .. } => "INDEXED BY audit_by_clerk",
            Self { action: Some(_), .. } => "INDEXED BY audit_by_action",
            _ => "NOT INDEXED",
        }
    }
}

/// How many records may be written in another order than that of their times, jobs that take long among them.
const OUT_OF_ORDER: u64 = 1_000;

/// The records that a filter lets through with numbers below `before`, newest first, at most `most`.
pub fn newest(db: &Connection, filter: &Filter, before: u64, most: u64) -> Result<Vec<Record>, StoreError> {
    let Filter { clerk, action, object, from, until } = filter;
    let (mut low, mut high) = (0, before);
    if let Some(from) = from {
        let first = "SELECT seq FROM audit INDEXED BY audit_by_time WHERE at >= ?1 ORDER BY at, seq LIMIT 1";
        let first: Option<i64> = db.prepare_cached(first)?.query_row([to_db(from.0)], |row| row.get(0)).optional()?;
        let Some(first) = first else { return Ok(Vec::new()) };
        low = from_db(first)?.saturating_sub(OUT_OF_ORDER);
    }
    if let Some(until) = until {
        let last = "SELECT seq FROM audit INDEXED BY audit_by_time WHERE at < ?1 ORDER BY at DESC, seq DESC LIMIT 1";
        let last: Option<i64> = db.prepare_cached(last)?.query_row([to_db(until.0)], |row| row.get(0)).optional()?;
        let Some(last) = last else { return Ok(Vec::new()) };
        high = high.min(from_db(last)?.saturating_add(OUT_OF_ORDER));
    }
    let times = (from.map_or(0, |from| to_db(from.0)), until.map_or(i64::MAX, |until| to_db(until.0)));
    let (low, high, most) = (to_db(low), to_db(high), to_db(most));
    let mut values: Vec<&dyn ToSql> = vec![&low, &high, &times.0, &times.1, &most];
    let mut conditions = String::new();
    for (column, value) in [("clerk", clerk), ("action", action), ("object", object)] {
        if let Some(value) = value {
            values.push(value);
            conditions += &format!(" AND {column} = ?{}", values.len());
        }
    }
    let sql = format!(
        "SELECT seq, at, clerk, action, object, detail, salt, content, link FROM audit {}
         WHERE seq >= ?1 AND seq < ?2 AND at >= ?3 AND at < ?4{conditions} ORDER BY seq DESC LIMIT ?5",
        filter.index(),
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(values.as_slice())?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(record(&row)?);
    }
    Ok(records)
}
