//! From a file onto a server, in one transaction, and compared there row by row before it counts.

use super::super::super::StoreError;
use super::{Carried, Table, each_row, tables};
use crate::shell::store::sql::{Connection, Listed, ToSql, ValueRef, params, params_from_iter};
use crate::words::ids::Hash;
use std::collections::{BTreeMap, BTreeSet};

/// The values of a statement.
type Values = Listed<Carried>;

/// Rows are handed over when they have so many bytes.
const BYTES_AT_ONCE: usize = 4 * 1024 * 1024;
/// What triggers keep of other rows: it is put right when all of those are there.
const KEPT_BY_TRIGGERS: [&str; 3] = ["batch_sum", "child_sum", "line_sum"];
/// How far numbers that a server counts leap beyond those of a file.
const MARGIN: i64 = 10_000;
/// What every tenant begins with.
const BEGUN_WITH: &str = "retention";

/// What a server has of a file's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// How many rows there are.
    pub rows: u64,
    /// Whether they were there already, from an attempt that ended before it could be noted.
    pub were_there: bool,
}

/// Puts all rows of `from`, a file that nobody else uses, into the rows of a tenant on a server, who must have none. They count once they
/// have been compared; what fails leaves nothing behind. `before_it_counts` is done as the last thing before that.
pub fn onto_server(from: &Connection, to: &Connection, before_it_counts: impl FnOnce() -> Result<(), StoreError>) -> Result<Arrived, StoreError> {
    names_differ(from)?;
    let tables = in_order(from, tables(from)?)?;
    let work = to.writing()?;
    let there = count(&work, tables.iter().filter(|table| table.name != BEGUN_WITH))?;
    if there == 0 {
        for table in &tables {
            put(from, &work, table)?;
        }
    }
    let mut rows = 0;
    for table in &tables {
        let [ours, theirs] = [from, &work].map(|db| fingerprint(db, table));
        let (ours, theirs) = (ours?, theirs?);
        if ours != theirs && there > 0 {
            return Err(StoreError::OtherRows(table.name.clone()));
        }
        if ours != theirs {
            return Err(StoreError::Inconsistent(format!(
                "rows of the table {} that arrived at the server otherwise than they were sent",
                table.name
            )));
        }
        rows += ours.0;
    }
    numbers_go_on(from, &work)?;
    before_it_counts()?;
    work.commit()?;
    Ok(Arrived { rows, were_there: there > 0 })
}

/// No number that the file has given is given again: a server counts some for all its tenants, apart from the rows.
fn numbers_go_on(from: &Connection, to: &Connection) -> Result<(), StoreError> {
    let mut statement = from.prepare("SELECT name, seq FROM sqlite_sequence")?;
    let given: Vec<(String, i64)> = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    for (table, last) in given {
        // What other tenants are given between the two is far less than the margin.
        let sql =
            "SELECT CASE WHEN nextval(s) <= ?2 THEN setval(s, ?2 + ?3) ELSE 0 END FROM pg_get_serial_sequence(?1, 'id') AS s WHERE s IS NOT NULL";
        let mut statement = to.prepare(sql)?;
        let mut rows = statement.query(params![table, last, MARGIN])?;
        while rows.next()?.is_some() {}
    }
    Ok(())
}

/// That no two clerks have names which a server takes for one: there, case is folded in all letters, in a file in A to Z alone.
fn names_differ(from: &Connection) -> Result<(), StoreError> {
    let mut statement = from.prepare("SELECT name FROM clerk ORDER BY name")?;
    let names: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in &names {
        if let Some(other) = seen.insert(name.to_lowercase(), name) {
            return Err(StoreError::SameName(other.to_owned(), name.clone()));
        }
    }
    Ok(())
}

/// Tables so that each comes after those it refers to, and what triggers keep last.
fn in_order(db: &Connection, mut tables: Vec<Table>) -> Result<Vec<Table>, StoreError> {
    let mut refers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for table in &tables {
        let mut statement = db.prepare("SELECT DISTINCT \"table\" FROM pragma_foreign_key_list(?1)")?;
        let to = statement.query_map([table.name.as_str()], |row| row.get::<_, String>(0))?.collect::<Result<BTreeSet<_>, _>>()?;
        refers.insert(table.name.clone(), to.into_iter().filter(|other| *other != table.name).collect());
    }
    // Lines have no foreign keys in a file, see 0002/ledger.sql.
    refers.entry("line".to_owned()).or_default().extend(["batch", "child", "terminal", "token"].map(str::to_owned));
    let (mut ordered, mut done): (Vec<Table>, BTreeSet<String>) = (Vec::new(), BTreeSet::new());
    let last: Vec<Table> = tables.extract_if(.., |table| KEPT_BY_TRIGGERS.contains(&table.name.as_str())).collect();
    while !tables.is_empty() {
        let ready = |table: &mut Table| refers.get(&table.name).is_none_or(|to| to.is_subset(&done));
        let next: Vec<Table> = tables.extract_if(.., ready).collect();
        if next.is_empty() {
            return Err(StoreError::Inconsistent("tables that refer to each other in a circle".into()));
        }
        done.extend(next.iter().map(|table| table.name.clone()));
        ordered.extend(next);
    }
    ordered.extend(last);
    Ok(ordered)
}

fn count<'t>(db: &Connection, tables: impl Iterator<Item = &'t Table>) -> Result<u64, StoreError> {
    let mut all = 0;
    for table in tables {
        let here: i64 = db.query_row(&format!("SELECT count(*) FROM {}", table.name), [], |row| row.get(0))?;
        all += u64::try_from(here).unwrap_or(0);
    }
    Ok(all)
}

fn put(from: &Connection, to: &Connection, table: &Table) -> Result<(), StoreError> {
    if count(to, std::iter::once(table))? > 0 {
        to.execute(&format!("DELETE FROM {}", table.name), [])?;
    }
    let own: Vec<String> = {
        let mut statement = from.prepare("SELECT \"from\" FROM pragma_foreign_key_list(?1) WHERE \"table\" = ?1")?;
        statement.query_map([table.name.as_str()], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    let places = (1..=table.columns.len()).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
    let insert = format!("INSERT INTO {} ({}) VALUES ({places})", table.name, table.listed());
    let (mut rows, mut bytes, mut later): (Vec<Values>, usize, Vec<(usize, Values)>) = (Vec::new(), 0, Vec::new());
    each_row(from, table, |mut values| {
        for (place, (name, _)) in table.columns.iter().enumerate().filter(|(_, (name, _))| own.contains(name)) {
            later.extend(pointed(table, name, place, &mut values).map(|set| (place, set)));
        }
        bytes += values.iter().map(size).sum::<usize>();
        rows.push(params_from_iter(values));
        if bytes >= BYTES_AT_ONCE {
            bytes = 0;
            to.execute_each(&insert, &std::mem::take(&mut rows))?;
        }
        Ok(())
    })?;
    to.execute_each(&insert, &rows)?;
    // Where a row points at another one of its table, that one is there now.
    for (place, (name, _)) in table.columns.iter().enumerate() {
        let sets: Vec<Values> = later.extract_if(.., |(of, _)| *of == place).map(|(_, set)| set).collect();
        let keys = table.key.iter().enumerate().map(|(at, key)| format!("{key} = ?{}", at + 2)).collect::<Vec<_>>().join(" AND ");
        if !sets.is_empty() {
            to.execute_each(&format!("UPDATE {} SET {name} = ?1 WHERE {keys}", table.name), &sets)?;
        }
    }
    Ok(())
}

/// Takes what a row points at in its own table out of it; the value and the row's key.
fn pointed(table: &Table, name: &str, place: usize, values: &mut [Carried]) -> Option<Values> {
    if table.key.iter().any(|key| key == name) {
        return None;
    }
    let kind = values.get(place)?.1;
    let value = std::mem::replace(values.get_mut(place)?, Carried::of(ValueRef::Null, kind));
    if value.value() == ValueRef::Null {
        return None;
    }
    let of_key = table.key.iter().filter_map(|key| table.columns.iter().position(|(column, _)| column == key));
    let key: Vec<Carried> = of_key.filter_map(|place| values.get(place).cloned()).collect();
    Some(params_from_iter(std::iter::once(value).chain(key)))
}

/// About how many bytes a value has.
fn size(value: &Carried) -> usize {
    value.value().as_bytes().map_or(8, <[u8]>::len)
}

/// How many rows a table has, and a sum over the hashes of all of them: the same whatever their order.
fn fingerprint(db: &Connection, table: &Table) -> Result<(u64, [u64; 4]), StoreError> {
    let (mut rows, mut sum) = (0, [0u64; 4]);
    each_row(db, table, |values| {
        let mut bytes = Vec::new();
        for value in &values {
            let (kind, value) = match value.value() {
                ValueRef::Null => (0, Vec::new()),
                ValueRef::Integer(number) => (1, number.to_le_bytes().to_vec()),
                ValueRef::Text(text) => (2, text.as_bytes().to_vec()),
                ValueRef::Blob(blob) => (3, blob.to_vec()),
            };
            bytes.push(kind);
            bytes.extend((value.len() as u64).to_le_bytes());
            bytes.extend(value);
        }
        let Hash(hash) = Hash::of(&[&bytes]);
        for (sum, part) in sum.iter_mut().zip(hash.as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_le_bytes(*part));
        }
        rows += 1;
        Ok(())
    })?;
    Ok((rows, sum))
}
