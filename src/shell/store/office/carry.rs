//! An office's rows, carried off a server into a file of SQLite's that is complete in itself: both have the same tables and columns.

use super::super::StoreError;
use super::MIGRATIONS;
use super::backup::OF_THE_HOUR;
use crate::shell::store::sql::{Connection, Kind, Row, ToSql, ValueRef, params_from_iter};
use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use std::path::Path;

/// How many rows are asked for at once.
const ROWS: i64 = 2_000;

/// A value of a row on its way.
struct Carried(Value);

impl Carried {
    fn of(value: ValueRef<'_>) -> Self {
        Self(match value {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Text(text) => Value::Text(text.to_owned()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.to_owned()),
        })
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
            Value::Text(_) => Kind::Text,
            Value::Blob(_) => Kind::Blob,
            _ => Kind::Integer,
        }
    }
}

/// A table: its name, its columns, and those of its key.
struct Table {
    name: String,
    columns: Vec<String>,
    key: Vec<String>,
}

/// Carries all rows that `from`, a connection to a server, sees at one moment into the new file `to`.
pub fn carry(from: &Connection, to: &Path) -> Result<(), StoreError> {
    // From here on others write what they like: this connection sees the moment of its first question.
    from.reading()?;
    let db = super::super::open(to, MIGRATIONS)?;
    // What triggers would keep beside the rows comes with them.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    db.pragma_update(None, "foreign_keys", false)?;
    db.execute_batch("BEGIN")?;
    for table in tables(&db)?.iter().filter(|table| !OF_THE_HOUR.contains(&table.name.as_str())) {
        carry_table(from, &db, table)?;
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
    db.pragma_update(None, "journal_mode", "delete")?;
    Ok(())
}

fn tables(db: &rusqlite::Connection) -> Result<Vec<Table>, StoreError> {
    let names = |sql: &str, table: &str| -> Result<Vec<String>, rusqlite::Error> { db.prepare(sql)?.query_map([table], |row| row.get(0))?.collect() };
    let all = names("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> ?1 ORDER BY name", "")?;
    let described = all.into_iter().map(|name| {
        let columns = names("SELECT name FROM pragma_table_info(?1) ORDER BY cid", &name)?;
        let key = names("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk", &name)?;
        Ok(Table { name, columns, key })
    });
    described.collect()
}

fn carry_table(from: &Connection, db: &rusqlite::Connection, table: &Table) -> Result<(), StoreError> {
    let Table { name, columns, key } = table;
    let (all, by) = (columns.join(", "), if key.is_empty() { columns.join(", ") } else { key.join(", ") });
    // What a new office begins with has come along.
    db.execute(&format!("DELETE FROM {name}"), [])?;
    let places = (1..=columns.len()).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
    let mut insert = db.prepare(&format!("INSERT INTO {name} ({all}) VALUES ({places})"))?;
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
            let values = read(&row, columns.len())?;
            insert.execute(rusqlite::params_from_iter(values.iter().map(|value| &value.0)))?;
            count += 1;
            if count == ROWS && !key.is_empty() {
                let of_key = |column: &String| columns.iter().position(|name| name == column);
                last = key.iter().filter_map(of_key).filter_map(|place| values.get(place)).map(|value| Carried(value.0.clone())).collect();
            }
        }
        if last.is_empty() {
            return Ok(());
        }
    }
}

fn read(row: &Row<'_>, columns: usize) -> Result<Vec<Carried>, StoreError> {
    (0..columns).map(|column| Ok(Carried::of(row.get_ref(column)?))).collect()
}
