//! Phones of children, and the invitations by which they get there.

use super::super::{StoreError, from_db, to_db};
use super::array;
use crate::shell::store::sql::{Connection, OptionalExtension, Row, params};
use crate::words::ids::{Hash, TokenId};
use crate::words::time::UtcMs;

/// A phone's row.
#[derive(Clone, Debug)]
pub struct Phone {
    /// Row id.
    pub id: i64,
    /// Its public key.
    pub key: [u8; 32],
    /// Row id of the child.
    pub child: i64,
    /// When it was added.
    pub added: UtcMs,
    /// When it last asked.
    pub seen: UtcMs,
    /// When a clerk took it out.
    pub removed: Option<UtcMs>,
}

/// An invitation's row.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Row id of the child.
    pub child: i64,
    /// From when on it counts no more.
    pub expires: UtcMs,
    /// The phone that used it.
    pub phone: Option<i64>,
}

const PHONE: &str = "SELECT id, key, child, added, seen, removed FROM phone";

fn phone_row(row: &Row<'_>) -> Result<Phone, StoreError> {
    let removed: Option<i64> = row.get(5)?;
    Ok(Phone {
        id: row.get(0)?,
        key: array(row.get(1)?, "phone's key")?,
        child: row.get(2)?,
        added: UtcMs(from_db(row.get(3)?)?),
        seen: UtcMs(from_db(row.get(4)?)?),
        removed: removed.map(from_db).transpose()?.map(UtcMs),
    })
}

/// Keeps an invitation by the hash of its code.
pub fn insert_invitation(db: &Connection, code: Hash, child: i64, now: UtcMs, expires: UtcMs) -> Result<(), StoreError> {
    let sql = "INSERT INTO phone_invitation (code, child, made, expires) VALUES (?1, ?2, ?3, ?4)";
    db.prepare_cached(sql)?.execute(params![code.0, child, to_db(now.0), to_db(expires.0)])?;
    Ok(())
}

/// The invitation whose code has this hash.
pub fn invitation(db: &Connection, code: Hash) -> Result<Option<Invitation>, StoreError> {
    let sql = "SELECT child, expires, phone FROM phone_invitation WHERE code = ?1";
    let row = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get(2)?));
    let found: Option<(i64, i64, Option<i64>)> = db.prepare_cached(sql)?.query_row([code.0], row).optional()?;
    found.map(|(child, expires, phone)| Ok(Invitation { child, expires: UtcMs(from_db(expires)?), phone })).transpose()
}

/// Notes which phone used an invitation.
pub fn use_invitation(db: &Connection, code: Hash, phone: i64) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE phone_invitation SET phone = ?2 WHERE code = ?1")?.execute(params![code.0, phone])?;
    Ok(())
}

/// Until when the invitations of a child count that nobody has used yet, the earliest first.
pub fn open_invitations(db: &Connection, child: i64, now: UtcMs) -> Result<Vec<UtcMs>, StoreError> {
    let sql = "SELECT expires FROM phone_invitation WHERE child = ?1 AND phone IS NULL AND expires > ?2 ORDER BY expires";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![child, to_db(now.0)])?;
    let mut open = Vec::new();
    while let Some(row) = rows.next()? {
        open.push(UtcMs(from_db(row.get(0)?)?));
    }
    Ok(open)
}

/// Deletes the invitations of a child that nobody has used; how many there were.
pub fn withdraw_invitations(db: &Connection, child: i64) -> Result<usize, StoreError> {
    Ok(db.prepare_cached("DELETE FROM phone_invitation WHERE child = ?1 AND phone IS NULL")?.execute([child])?)
}

/// Adds a phone.
pub fn insert(db: &Connection, key: &[u8; 32], child: i64, now: UtcMs) -> Result<i64, StoreError> {
    let sql = "INSERT INTO phone (key, child, added, seen) VALUES (?1, ?2, ?3, ?3) RETURNING id";
    Ok(db.insert(sql, params![key, child, to_db(now.0)])?)
}

/// The phone with this key.
pub fn by_key(db: &Connection, key: &[u8; 32]) -> Result<Option<Phone>, StoreError> {
    db.prepare_cached(&format!("{PHONE} WHERE key = ?1"))?.query_row([key], |row| Ok(phone_row(row))).optional()?.transpose()
}

/// The phone with this row id.
pub fn by_id(db: &Connection, id: i64) -> Result<Option<Phone>, StoreError> {
    db.prepare_cached(&format!("{PHONE} WHERE id = ?1"))?.query_row([id], |row| Ok(phone_row(row))).optional()?.transpose()
}

/// The phones of a child, the latest first.
pub fn of_child(db: &Connection, child: i64) -> Result<Vec<Phone>, StoreError> {
    let mut statement = db.prepare_cached(&format!("{PHONE} WHERE child = ?1 ORDER BY id DESC"))?;
    let mut rows = statement.query([child])?;
    let mut phones = Vec::new();
    while let Some(row) = rows.next()? {
        phones.push(phone_row(&row)?);
    }
    Ok(phones)
}

/// Notes that a phone asked.
pub fn set_seen(db: &Connection, phone: i64, now: UtcMs) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE phone SET seen = ?2 WHERE id = ?1")?.execute(params![phone, to_db(now.0)])?;
    Ok(())
}

/// Takes a phone out.
pub fn remove(db: &Connection, phone: i64, why: &str, now: UtcMs) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE phone SET removed = ?2, why = ?3 WHERE id = ?1")?.execute(params![phone, to_db(now.0), why])?;
    Ok(())
}

/// Binds a token to a phone. It waits for no printer: on paper it would open nothing.
pub fn bind(db: &Connection, token: i64, phone: i64) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE token SET phone = ?2, print_run = 0 WHERE id = ?1")?.execute([token, phone])?;
    Ok(())
}

/// The tokens of a phone in the order they were issued: row id, token id, row id of the approval.
pub fn tokens(db: &Connection, phone: i64) -> Result<Vec<(i64, TokenId, Option<i64>)>, StoreError> {
    let mut statement = db.prepare_cached("SELECT id, token, approval FROM token WHERE phone = ?1 AND bytes IS NOT NULL ORDER BY id")?;
    let mut rows = statement.query([phone])?;
    let mut tokens = Vec::new();
    while let Some(row) = rows.next()? {
        tokens.push((row.get(0)?, TokenId(array(row.get(1)?, "token id")?), row.get(2)?));
    }
    Ok(tokens)
}

/// The tokens on phones that were made from an approval.
pub fn tokens_of_approval(db: &Connection, approval: i64) -> Result<Vec<i64>, StoreError> {
    let mut statement = db.prepare_cached("SELECT id FROM token WHERE approval = ?1 AND phone IS NOT NULL ORDER BY id")?;
    let rows = statement.query_map([approval], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The signed bytes of a token that is bound to a phone; none of a card.
pub fn signed(db: &Connection, token: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT bytes FROM token WHERE id = ?1 AND phone IS NOT NULL";
    Ok(db.prepare_cached(sql)?.query_row([token], |row| row.get(0)).optional()?.flatten())
}

/// The phone a token is bound to.
pub fn of_token(db: &Connection, token: i64) -> Result<Option<i64>, StoreError> {
    let phone: Option<Option<i64>> = db.prepare_cached("SELECT phone FROM token WHERE id = ?1")?.query_row([token], |row| row.get(0)).optional()?;
    Ok(phone.flatten())
}

/// Deletes invitations that were over before `before`, used or not.
pub fn forget_invitations(db: &Connection, before: UtcMs) -> Result<(), StoreError> {
    db.prepare_cached("DELETE FROM phone_invitation WHERE expires < ?1")?.execute([to_db(before.0)])?;
    Ok(())
}
