//! Clerks' accounts. They are few: whoever looks for one by name compares in Rust, where letters fold as people expect.

use super::super::{StoreError, from_db, to_db};
use crate::shell::store::sql::{Connection, OptionalExtension, Row, params};
use crate::words::time::UtcMs;

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its row.
    pub id: i64,
    /// The clerk's name as first written.
    pub name: String,
    /// The slow hash of the password.
    pub password: String,
    /// Names of roles with blanks between.
    pub roles: String,
    /// Since when it is there.
    pub created: UtcMs,
    /// Whether the password was made up by somebody else and is to be changed.
    pub must_change: bool,
    /// Since when it is closed.
    pub closed: Option<UtcMs>,
    /// When somebody last signed in with it.
    pub last_sign_in: Option<UtcMs>,
    /// The encrypted secret of its one-time codes.
    pub factor: Option<Vec<u8>>,
    /// The step of the one-time code used last.
    pub last_step: u64,
    /// Under which name the municipality's own sign-in knows the clerk.
    pub external: Option<String>,
    /// The sign-in's own id of the clerk, once linked.
    pub subject: Option<String>,
    /// In which epoch its sessions begin now: those of an earlier one are over.
    pub epoch: u64,
}

const COLUMNS: &str = "id, name, password, roles, created, must_change, closed, last_sign_in, factor, last_step, external, subject, epoch";

fn account(row: &Row<'_>) -> Result<Account, StoreError> {
    let time = |at: Option<i64>| at.map(from_db).transpose().map(|at| at.map(UtcMs));
    Ok(Account {
        id: row.get(0)?,
        name: row.get(1)?,
        password: row.get(2)?,
        roles: row.get(3)?,
        created: UtcMs(from_db(row.get(4)?)?),
        must_change: row.get(5)?,
        closed: time(row.get(6)?)?,
        last_sign_in: time(row.get(7)?)?,
        factor: row.get(8)?,
        last_step: from_db(row.get(9)?)?,
        external: row.get(10)?,
        subject: row.get(11)?,
        epoch: from_db(row.get(12)?)?,
    })
}

/// All accounts in the order of their names.
pub fn all(db: &Connection) -> Result<Vec<Account>, StoreError> {
    let mut statement = db.prepare_cached(&format!("SELECT {COLUMNS} FROM clerk"))?;
    let mut rows = statement.query([])?;
    let mut accounts = Vec::new();
    while let Some(row) = rows.next()? {
        accounts.push(account(&row)?);
    }
    // Here, for the stores have names in different orders.
    accounts.sort_by_cached_key(|account| account.name.to_lowercase());
    Ok(accounts)
}

/// The account in this row.
pub fn one(db: &Connection, id: i64) -> Result<Option<Account>, StoreError> {
    let mut statement = db.prepare_cached(&format!("SELECT {COLUMNS} FROM clerk WHERE id = ?1"))?;
    let mut rows = statement.query([id])?;
    rows.next()?.as_ref().map(account).transpose()
}

/// The roles of an open account by its name as first written; none where there is no such account, or where sessions of this epoch are over.
pub fn roles(db: &Connection, name: &str, epoch: u64) -> Result<Option<String>, StoreError> {
    let sql = "SELECT roles FROM clerk WHERE name = ?1 AND closed IS NULL AND epoch = ?2";
    Ok(db.prepare_cached(sql)?.query_row(params![name, to_db(epoch)], |row| row.get(0)).optional()?)
}

/// The epoch in which an account's sessions begin now.
pub fn epoch(db: &Connection, name: &str) -> Result<u64, StoreError> {
    from_db(db.prepare_cached("SELECT epoch FROM clerk WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()?.unwrap_or(0))
}

/// Ends all sessions of an account, whichever process holds them.
pub fn end_sessions(db: &Connection, id: i64) -> Result<(), StoreError> {
    db.execute("UPDATE clerk SET epoch = epoch + 1 WHERE id = ?1", [id])?;
    Ok(())
}

/// Makes an account and answers its row.
pub fn insert(db: &Connection, name: &str, password: &str, roles: &str, must_change: bool, now: UtcMs) -> Result<i64, StoreError> {
    let sql = "INSERT INTO clerk (name, password, roles, must_change, created) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id";
    Ok(db.insert(sql, params![name, password, roles, must_change, to_db(now.0)])?)
}

/// Sets another password hash.
pub fn set_password(db: &Connection, id: i64, password: &str, must_change: bool) -> Result<(), StoreError> {
    db.execute("UPDATE clerk SET password = ?2, must_change = ?3 WHERE id = ?1", params![id, password, must_change])?;
    Ok(())
}

/// Sets the roles.
pub fn set_roles(db: &Connection, id: i64, roles: &str) -> Result<(), StoreError> {
    db.execute("UPDATE clerk SET roles = ?2 WHERE id = ?1", params![id, roles])?;
    Ok(())
}

/// Closes an account, or opens it again.
pub fn set_closed(db: &Connection, id: i64, closed: Option<UtcMs>) -> Result<(), StoreError> {
    db.execute("UPDATE clerk SET closed = ?2 WHERE id = ?1", params![id, closed.map(|at| to_db(at.0))])?;
    Ok(())
}

/// Remembers a sign-in.
pub fn signed_in(db: &Connection, id: i64, now: UtcMs) -> Result<(), StoreError> {
    db.execute("UPDATE clerk SET last_sign_in = ?2 WHERE id = ?1", params![id, to_db(now.0)])?;
    Ok(())
}

/// Sets the secret of one-time codes, or takes it away, and forgets all recovery codes.
pub fn set_factor(db: &Connection, id: i64, factor: Option<&[u8]>) -> Result<(), StoreError> {
    db.execute("UPDATE clerk SET factor = ?2, last_step = 0 WHERE id = ?1", params![id, factor])?;
    db.execute("DELETE FROM recovery_code WHERE clerk = ?1", [id])?;
    Ok(())
}

/// Uses up the step of a one-time code; false where it or a later one was used before.
pub fn use_step(db: &Connection, id: i64, step: u64) -> Result<bool, StoreError> {
    Ok(db.execute("UPDATE clerk SET last_step = ?2 WHERE id = ?1 AND last_step < ?2", params![id, to_db(step)])? == 1)
}

/// Keeps the hash of a recovery code.
pub fn insert_recovery(db: &Connection, id: i64, hash: &[u8]) -> Result<(), StoreError> {
    db.execute("INSERT INTO recovery_code (clerk, hash) VALUES (?1, ?2) ON CONFLICT DO NOTHING", params![id, hash])?;
    Ok(())
}

/// Uses up a recovery code; false where there is none with this hash.
pub fn use_recovery(db: &Connection, id: i64, hash: &[u8]) -> Result<bool, StoreError> {
    Ok(db.execute("DELETE FROM recovery_code WHERE clerk = ?1 AND hash = ?2", params![id, hash])? == 1)
}

/// How many recovery codes are left.
pub fn recovery_left(db: &Connection, id: i64) -> Result<u64, StoreError> {
    from_db(db.query_row("SELECT count(*) FROM recovery_code WHERE clerk = ?1", [id], |row| row.get(0))?)
}

/// Sets under which name the municipality's own sign-in knows the clerk; another name unlinks the account. False where another account has it.
pub fn set_external(db: &Connection, id: i64, external: Option<&str>) -> Result<bool, StoreError> {
    let taken = "SELECT EXISTS (SELECT 1 FROM clerk WHERE external = ?2 AND id <> ?1)";
    if db.query_row(taken, params![id, external], |row| row.get(0))? {
        return Ok(false);
    }
    db.execute("UPDATE clerk SET external = ?2, subject = NULL WHERE id = ?1", params![id, external])?;
    Ok(true)
}

/// Links an account to the sign-in's own id of a clerk. False where another account has it.
pub fn set_subject(db: &Connection, id: i64, subject: Option<&str>) -> Result<bool, StoreError> {
    let taken = "SELECT EXISTS (SELECT 1 FROM clerk WHERE subject = ?2 AND id <> ?1)";
    if db.query_row(taken, params![id, subject], |row| row.get(0))? {
        return Ok(false);
    }
    db.execute("UPDATE clerk SET subject = ?2 WHERE id = ?1", params![id, subject])?;
    Ok(true)
}
