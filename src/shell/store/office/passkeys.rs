//! Passkeys: what a clerk's device or key showed when it was registered.

use super::super::{StoreError, from_db, to_db};
use crate::shell::store::sql::{Connection, OptionalExtension, Row, params};
use crate::words::time::UtcMs;

/// A passkey.
#[derive(Clone, Debug)]
pub struct PasskeyRow {
    /// Its row.
    pub id: i64,
    /// The row of the clerk's account.
    pub clerk: i64,
    /// What the clerk calls it.
    pub label: String,
    /// Its public half, as JSON.
    pub public: String,
    /// When it was registered.
    pub created: UtcMs,
    /// When it was used last.
    pub used: Option<UtcMs>,
}

const COLUMNS: &str = "id, clerk, label, public, created, used";

fn passkey(row: &Row<'_>) -> Result<PasskeyRow, StoreError> {
    let used: Option<i64> = row.get(5)?;
    Ok(PasskeyRow {
        id: row.get(0)?,
        clerk: row.get(1)?,
        label: row.get(2)?,
        public: row.get(3)?,
        created: UtcMs(from_db(row.get(4)?)?),
        used: used.map(from_db).transpose()?.map(UtcMs),
    })
}

/// The passkeys of an account, oldest first.
pub fn of_clerk(db: &Connection, clerk: i64) -> Result<Vec<PasskeyRow>, StoreError> {
    let mut statement = db.prepare_cached(&format!("SELECT {COLUMNS} FROM passkey WHERE clerk = ?1 ORDER BY id"))?;
    let mut rows = statement.query([clerk])?;
    let mut passkeys = Vec::new();
    while let Some(row) = rows.next()? {
        passkeys.push(passkey(&row)?);
    }
    Ok(passkeys)
}

/// The passkey with this credential id.
pub fn by_credential(db: &Connection, credential: &[u8]) -> Result<Option<PasskeyRow>, StoreError> {
    let mut statement = db.prepare_cached(&format!("SELECT {COLUMNS} FROM passkey WHERE credential = ?1"))?;
    let mut rows = statement.query([credential])?;
    rows.next()?.as_ref().map(passkey).transpose()
}

/// Whether there is a passkey at all: the sign-in's page offers them only then.
pub fn any(db: &Connection) -> Result<bool, StoreError> {
    Ok(db.query_row("SELECT 1 FROM passkey LIMIT 1", [], |_| Ok(())).optional()?.is_some())
}

/// Keeps a passkey. False where its credential id is known already.
pub fn insert(db: &Connection, clerk: i64, label: &str, credential: &[u8], public: &str, now: UtcMs) -> Result<bool, StoreError> {
    let sql = "INSERT INTO passkey (clerk, label, credential, public, created) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    Ok(db.execute(sql, params![clerk, label, credential, public, to_db(now.0)])? == 1)
}

/// Remembers a use, with what the key said of itself.
pub fn used(db: &Connection, id: i64, public: &str, now: UtcMs) -> Result<bool, StoreError> {
    Ok(db.execute("UPDATE passkey SET public = ?2, used = ?3 WHERE id = ?1", params![id, public, to_db(now.0)])? == 1)
}

/// Removes a passkey of this account; false where it has none in this row.
pub fn remove(db: &Connection, clerk: i64, id: i64) -> Result<bool, StoreError> {
    Ok(db.execute("DELETE FROM passkey WHERE id = ?2 AND clerk = ?1", params![clerk, id])? == 1)
}

/// Removes all passkeys of an account.
pub fn remove_all(db: &Connection, clerk: i64) -> Result<(), StoreError> {
    db.execute("DELETE FROM passkey WHERE clerk = ?1", [clerk])?;
    Ok(())
}
