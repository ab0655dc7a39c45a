//! What a change of the office's keys touches: who has heard of which trust list, printed codes, signed cards, encrypted secrets.

use super::super::sql::{Connection, params};
use super::super::{StoreError, from_db, to_db};
use crate::words::time::UtcMs;

/// How many cards are signed anew at once.
const AT_ONCE: u32 = 500;

/// Notes which version of the trust list a terminal holds.
pub fn heard(db: &Connection, terminal: i64, version: u64) -> Result<(), StoreError> {
    let sql = "UPDATE terminal SET trust_version = ?2 WHERE id = ?1 AND trust_version <> ?2";
    db.prepare_cached(sql)?.execute(params![terminal, to_db(version)])?;
    Ok(())
}

/// How many terminals at work hold a trust list below this version; those with the label `quiet` never ask.
pub fn count_below(db: &Connection, version: u64, quiet: &str) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM terminal WHERE retired IS NULL AND label <> ?2 AND trust_version < ?1";
    from_db(db.prepare_cached(sql)?.query_row(params![to_db(version), quiet], |row| row.get(0))?)
}

/// A version that the next trust list has at least, and none before has.
pub fn first_version(db: &Connection, now: UtcMs) -> Result<u64, StoreError> {
    Ok(super::settings::at_least(db, "trust_version", now.seconds().0)? + 1)
}

/// Ends the printed codes that nobody has used: they name the root key before. Answers how many there were.
pub fn end_codes(db: &Connection, now: UtcMs) -> Result<u64, StoreError> {
    let sql = "UPDATE enrolment_code SET expires = ?1 WHERE used_by IS NULL AND expires > ?1";
    Ok(db.execute(sql, [to_db(now.0)])? as u64)
}

/// Some signed cards after the row `place`.
pub fn signed_tokens(db: &Connection, place: i64) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let mut statement = db.prepare_cached("SELECT id, bytes FROM token WHERE id > ?1 AND bytes IS NOT NULL ORDER BY id LIMIT ?2")?;
    let rows = statement.query_map(params![place, AT_ONCE], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Keeps a card as it was signed anew.
pub fn keep_signed_anew(db: &Connection, token: i64, bytes: &[u8], now: UtcMs) -> Result<(), StoreError> {
    let sql = "UPDATE token SET bytes = ?2, signed_anew = ?3 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![token, bytes, to_db(now.0)])?;
    Ok(())
}

/// Has a card wait to be printed; false where it is on a phone, or stopped for good.
pub fn print_anew(db: &Connection, token: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE token SET print_run = NULL WHERE id = ?1 AND phone IS NULL
        AND NOT EXISTS (SELECT 1 FROM stop s WHERE s.token = token.id AND s.until_day IS NULL AND s.status IN (1, 3))";
    Ok(db.prepare_cached(sql)?.execute([token])? == 1)
}

/// Retires every terminal with this label.
pub fn retire_labelled(db: &Connection, label: &str, now: UtcMs) -> Result<(), StoreError> {
    db.execute("UPDATE terminal SET retired = ?2 WHERE label = ?1 AND retired IS NULL", params![label, to_db(now.0)])?;
    Ok(())
}

/// Has every terminal's admission renewed with its next exchange.
pub fn touch_all_providers(db: &Connection, now: UtcMs) -> Result<(), StoreError> {
    db.execute("UPDATE provider SET changed = ?1", [to_db(now.0)])?;
    Ok(())
}

/// Keeps the same second factor, encrypted for another key.
pub fn keep_factor(db: &Connection, clerk: i64, sealed: &[u8]) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE clerk SET factor = ?2 WHERE id = ?1")?.execute(params![clerk, sealed])?;
    Ok(())
}

/// Keeps a receipt that was signed anew.
pub fn keep_receipt(db: &Connection, batch: i64, receipt: &[u8]) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE batch SET receipt = ?2 WHERE id = ?1")?.execute(params![batch, receipt])?;
    Ok(())
}
