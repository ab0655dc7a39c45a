//! What banks said that does not fit, until a clerk has closed it.

use super::super::{StoreError, from_db, to_db};
use super::sound;
use crate::shell::store::sql;
use crate::shell::store::sql::{Connection, Row, params};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::ProviderNumber;
use crate::words::time::UtcMs;

/// What a bank said.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// The amount.
    pub cents: Option<Cents>,
    /// The day on which it booked.
    pub day: Option<CivilDay>,
    /// Its reason, where it says that money came back.
    pub reason: Option<String>,
}

/// A doubt on record.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its number.
    pub id: i64,
    /// The run it is about.
    pub run: u32,
    /// The payment; none where it is about the whole order.
    pub payment: Option<String>,
    /// The stable name of its kind.
    pub kind: String,
    /// What the bank said.
    pub said: Said,
    /// When it was taken in.
    pub at: UtcMs,
    /// Who closed it, when, and why.
    pub closed: Option<(String, UtcMs, String)>,
}

const DOUBT: &str = "SELECT id, run, end_to_end_id, kind, cents, day, reason, at, clerk, closed, note FROM bank_doubt";

fn doubt_row(row: &Row<'_>) -> Result<Kept, StoreError> {
    let (cents, day): (Option<i64>, Option<i64>) = (row.get(4)?, row.get(5)?);
    let (clerk, closed): (Option<String>, Option<i64>) = (row.get(8)?, row.get(9)?);
    let note: Option<String> = row.get(10)?;
    let day = day.map(|days| sound(CivilDay::from_days(from_db(days)?), "day")).transpose()?;
    let closed = closed.map(from_db).transpose()?.map(UtcMs);
    Ok(Kept {
        id: row.get(0)?,
        run: row.get(1)?,
        payment: row.get(2)?,
        kind: row.get(3)?,
        said: Said { cents: cents.map(Cents::new), day, reason: row.get(6)? },
        at: UtcMs(from_db(row.get(7)?)?),
        closed: clerk.zip(closed).map(|(clerk, at)| (clerk, at, note.unwrap_or_default())),
    })
}

fn read(db: &Connection, which: &str, values: impl sql::Params) -> Result<Vec<Kept>, StoreError> {
    let mut statement = db.prepare_cached(&format!("{DOUBT} {which}"))?;
    let mut rows = statement.query(values)?;
    let mut doubts = Vec::new();
    while let Some(row) = rows.next()? {
        doubts.push(doubt_row(&row)?);
    }
    Ok(doubts)
}

/// Keeps a doubt, unless the bank said the very same before; whether it is open.
pub fn keep(db: &Connection, run: u32, payment: Option<&str>, kind: &str, said: &Said, now: UtcMs) -> Result<bool, StoreError> {
    let sql = "INSERT INTO bank_doubt (run, end_to_end_id, kind, cents, day, reason, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
    let (cents, day) = (said.cents.map(Cents::get), said.day.map(CivilDay::days));
    db.prepare_cached(sql)?.execute(params![run, payment, kind, cents, day, said.reason, to_db(now.0)])?;
    let sql = "SELECT closed IS NULL FROM bank_doubt WHERE run = ?1 AND coalesce(end_to_end_id, '') = coalesce(?2, '') AND kind = ?3
               AND coalesce(cents, 0) = coalesce(?4, 0) AND coalesce(day, 0) = coalesce(?5, 0)";
    Ok(db.prepare_cached(sql)?.query_row(params![run, payment, kind, cents, day], |row| row.get(0))?)
}

/// Whether a doubt of this kind is on record of a payment for what the bank said of this day, closed or not.
pub fn was_said(db: &Connection, payment: &str, kind: &str, day: CivilDay) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM bank_doubt WHERE end_to_end_id = ?1 AND kind = ?2 AND day = ?3)";
    Ok(db.prepare_cached(sql)?.query_row(params![payment, kind, day.days()], |row| row.get(0))?)
}

/// All that are open, the oldest first.
pub fn open(db: &Connection) -> Result<Vec<Kept>, StoreError> {
    read(db, "WHERE closed IS NULL ORDER BY id", [])
}

/// How many are open.
pub fn open_count(db: &Connection) -> Result<u64, StoreError> {
    from_db(db.prepare_cached("SELECT count(*) FROM bank_doubt WHERE closed IS NULL")?.query_row([], |row| row.get(0))?)
}

/// One by its number.
pub fn by_id(db: &Connection, id: i64) -> Result<Option<Kept>, StoreError> {
    Ok(read(db, "WHERE id = ?1", [id])?.pop())
}

/// Those of a run, closed ones too, the oldest first.
pub fn of_run(db: &Connection, run: u32) -> Result<Vec<Kept>, StoreError> {
    read(db, "WHERE run = ?1 ORDER BY id", [run])
}

/// Closes one; false where it was closed before.
pub fn close(db: &Connection, id: i64, note: &str, by: &str, now: UtcMs) -> Result<bool, StoreError> {
    let sql = "UPDATE bank_doubt SET note = ?2, clerk = ?3, closed = ?4 WHERE id = ?1 AND closed IS NULL";
    Ok(db.execute(sql, params![id, note, by, to_db(now.0)])? > 0)
}

/// The payments with an open doubt of this kind, and whose they are.
pub fn payments_in_doubt(db: &Connection, kind: &str) -> Result<Vec<(ProviderNumber, String)>, StoreError> {
    let sql = "SELECT DISTINCT p.provider, p.end_to_end_id FROM bank_doubt d JOIN payment p ON p.end_to_end_id = d.end_to_end_id
               WHERE d.closed IS NULL AND d.kind = ?1 ORDER BY 1, 2";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([kind], |row| Ok((ProviderNumber(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
