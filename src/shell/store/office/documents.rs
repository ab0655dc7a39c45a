//! What the system documents say of the database.

use super::super::{StoreError, from_db};
use crate::shell::store::sql::Connection;

/// The version of the schema.
pub fn schema(db: &Connection) -> Result<u32, StoreError> {
    db.version()
}

/// The names of all tables.
pub fn tables(db: &Connection) -> Result<Vec<String>, StoreError> {
    Ok(db.tables()?)
}

/// Combinations of roles, names with blanks between, and how many accounts have each.
pub fn roles(db: &Connection) -> Result<Vec<(String, u64)>, StoreError> {
    let mut statement = db.prepare("SELECT roles, count(*) FROM clerk GROUP BY roles")?;
    let mut rows = statement.query([])?;
    let mut roles = Vec::new();
    while let Some(row) = rows.next()? {
        roles.push((row.get(0)?, from_db(row.get(1)?)?));
    }
    Ok(roles)
}

/// How many providers, terminals and released runs there are.
pub fn counts(db: &Connection) -> Result<[u64; 3], StoreError> {
    let count = |sql: &str| from_db(db.query_row(sql, [], |row| row.get(0))?);
    Ok([
        count("SELECT count(*) FROM provider")?,
        count("SELECT count(*) FROM terminal")?,
        count("SELECT count(*) FROM run WHERE second_at IS NOT NULL")?,
    ])
}
