//! An office's rows, carried off a server into a file of SQLite's that is complete in itself, or from a file onto a server: both have the same
//! tables and columns.

mod onto;

pub use onto::{Arrived, onto_server};

use super::super::StoreError;
use super::MIGRATIONS;
use super::backup::OF_THE_HOUR;
use crate::shell::store::sql::{Connection, Kind, Row, ToSql, ValueRef, params_from_iter};
use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use std::path::Path;

/// How many rows are asked for at once.
const ROWS: i64 = 2_000;

/// A value of a row on its way, and what its column holds.
#[derive(Clone)]
struct Carried(Value, Kind);

impl Carried {
    fn of(value: ValueRef<'_>, kind: Kind) -> Self {
        let value = match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Text(text) => Value::Text(text.to_owned()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_owned()),
        };
        Self(value, kind)
    }
}

impl ToSql for Carried {
    fn value(&self) -> ValueRef<'_> {
        match &self.0 {
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
            // Numbers with a fraction are in no table.
            Value::Null | Value::Real(_) => ValueRef::Null,
        }
    }

    fn kind(&self) -> Kind {
        match self.0 {
            Value::Integer(_) => Kind::Integer,
            Value::Text(_) => Kind::Text,
            Value::Blob(_) => Kind::Blob,
            Value::Null | Value::Real(_) => self.1,
        }
    }
}

/// A table: its name, its columns with what they hold, and those of its key.
struct Table {
    name: String,
    columns: Vec<(String, Kind)>,
    key: Vec<String>,
}

impl Table {
    /// The names of its columns, as a statement lists them.
    fn listed(&self) -> String {
        self.columns.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// Carries all rows that `from`, a connection to a server, sees at one moment into the new file `to`.
pub fn off_server(from: &Connection, to: &Path) -> Result<(), StoreError> {
    // From here on others write what they like: this connection sees the moment of its first question.
    from.reading()?;
    let db = super::super::open(to, MIGRATIONS)?;
    // What triggers would keep beside the rows comes with them.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    db.pragma_update(None, "foreign_keys", false)?;
    let db = Connection::from(db);
    db.execute_batch("BEGIN")?;
    for table in &tables(&db)? {
        // What a new office begins with has come along.
        db.execute(&format!("DELETE FROM {}", table.name), [])?;
        let places = (1..=table.columns.len()).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
        let mut insert = db.prepare(&format!("INSERT INTO {} ({}) VALUES ({places})", table.name, table.listed()))?;
        each_row(from, table, |values| Ok(insert.execute(params_from_iter(values)).map(|_| ())?))?;
    }
    // Lines have no foreign keys, see 0002/ledger.sql.
    let sql = "SELECT (SELECT count(*) FROM pragma_foreign_key_check) + (SELECT count(*) FROM line l
                   WHERE NOT EXISTS (SELECT 1 FROM token WHERE id = l.token) OR NOT EXISTS (SELECT 1 FROM child WHERE id = l.child)
                       OR NOT EXISTS (SELECT 1 FROM batch WHERE id = l.batch) OR NOT EXISTS (SELECT 1 FROM terminal WHERE id = l.terminal))";
    let broken: i64 = db.query_row(sql, [], |row| row.get(0))?;
    if broken > 0 {
        return Err(StoreError::Inconsistent(format!("{broken} rows on the server that refer to rows which are not there")));
    }
    db.execute_batch("COMMIT")?;
    // Another program that has the file open keeps its log.
    db.execute_batch("PRAGMA journal_mode = delete")?;
    Ok(())
}

/// The tables of an office in a file, but for those that concern the hour alone.
fn tables(db: &Connection) -> Result<Vec<Table>, StoreError> {
    let names = |sql: &str, table: &str| -> Result<Vec<(String, String)>, StoreError> {
        let mut statement = db.prepare(sql)?;
        let rows = statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    let sql = "SELECT name, type FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> ?1 ORDER BY name";
    let described = names(sql, "")?.into_iter().filter(|(name, _)| !OF_THE_HOUR.contains(&name.as_str())).map(|(name, _)| {
        let kind = |declared: &str| match declared {
            "TEXT" => Kind::Text,
            "BLOB" => Kind::Blob,
            _ => Kind::Integer,
        };
        let columns = names("SELECT name, type FROM pragma_table_info(?1) ORDER BY cid", &name)?;
        let columns = columns.into_iter().map(|(name, declared)| (name, kind(&declared))).collect();
        let key = names("SELECT name, type FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk", &name)?;
        Ok(Table { name, columns, key: key.into_iter().map(|(name, _)| name).collect() })
    });
    described.collect()
}

/// Reads all rows of a table by its key, in stretches.
fn each_row(from: &Connection, table: &Table, mut take: impl FnMut(Vec<Carried>) -> Result<(), StoreError>) -> Result<(), StoreError> {
    let Table { name, columns, key } = table;
    let (all, by) = (table.listed(), if key.is_empty() { table.listed() } else { key.join(", ") });
    let mut last: Vec<Carried> = Vec::new();
    loop {
        let after = match last.len() {
            0 => String::new(),
            many => format!("WHERE ({by}) > ({})", (1..=many).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ")),
        };
        // A table without a key is small, and asked for whole.
        let most = if key.is_empty() { String::new() } else { format!("LIMIT {ROWS}") };
        let mut statement = from.prepare(&format!("SELECT {all} FROM {name} {after} ORDER BY {by} {most}"))?;
        let mut rows = statement.query(params_from_iter(std::mem::take(&mut last)))?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let values = read(&row, columns)?;
            count += 1;
            if count == ROWS && !key.is_empty() {
                let of_key = |name: &String| columns.iter().position(|(column, _)| column == name);
                last = key.iter().filter_map(of_key).filter_map(|place| values.get(place).cloned()).collect();
            }
            take(values)?;
        }
        if last.is_empty() {
            return Ok(());
        }
    }
}

fn read(row: &Row<'_>, columns: &[(String, Kind)]) -> Result<Vec<Carried>, StoreError> {
    columns.iter().enumerate().map(|(place, (_, kind))| Ok(Carried::of(row.get_ref(place)?, *kind))).collect()
}
