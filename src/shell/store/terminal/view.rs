//! What people look at: a day, a batch, what waits.

use super::record::{benefit, code, day};
use super::{OfficeNumber, StoreError, Tx, from_db, known, to_db};
use crate::deliver::advice::{AdvisedLine, Verdict};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::time::UtcMs;
use rusqlite::Row;

/// One redemption as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayLine {
    /// The entry's number.
    pub seq: u64,
    /// When it was recorded.
    pub at: UtcMs,
    /// The office.
    pub office: OfficeNumber,
    /// The benefit.
    pub benefit: Benefit,
    /// The service.
    pub service: Code,
    /// The service day.
    pub day: CivilDay,
    /// Units.
    pub units: u64,
    /// The amount.
    pub cents: Cents,
    /// The card's hint.
    pub hint: Option<String>,
    /// The entry that cancelled it.
    pub cancelled_by: Option<u64>,
    /// What the office said.
    pub advised: Option<AdvisedLine>,
}

/// What an office has not confirmed yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Redemptions, cancellations and begun lessons.
    pub entries: u64,
    /// The time of the oldest.
    pub oldest: Option<UtcMs>,
}

const LINES: &str = "SELECT r.seq, j.at, r.office, r.benefit, r.service, r.day, r.units, r.cents, r.cancelled_by,
    (SELECT t.hint FROM token t WHERE t.handle = r.handle AND t.office = r.office ORDER BY t.issued DESC LIMIT 1),
    a.verdict, a.cents, a.reason
    FROM redemption r JOIN journal j ON j.seq = r.seq LEFT JOIN advised a ON a.seq = r.seq";

impl Tx<'_> {
    /// The redemptions of one service day, the latest first, at most `limit`.
    pub fn day_lines(&self, on: CivilDay, limit: u32) -> Result<Vec<DayLine>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!("{LINES} WHERE r.day = ?1 ORDER BY r.seq DESC LIMIT ?2"))?;
        lines(statement.query((on.days(), limit))?)
    }

    /// The redemptions for one office among the entries `first` to `last`, at most `limit`.
    pub fn batch_lines(&self, office: OfficeNumber, first: u64, last: u64, limit: u32) -> Result<Vec<DayLine>, StoreError> {
        let sql = format!("{LINES} WHERE r.seq BETWEEN ?1 AND ?2 AND r.office = ?3 ORDER BY r.seq LIMIT ?4");
        let mut statement = self.sql.prepare_cached(&sql)?;
        lines(statement.query((to_db(first), to_db(last), office.0, limit))?)
    }

    /// How many redemptions of a service day count, and their sum.
    pub fn day_sum(&self, on: CivilDay) -> Result<(u64, Cents), StoreError> {
        let sql = "SELECT count(*), coalesce(sum(cents), 0) FROM redemption WHERE day = ?1 AND cancelled_by IS NULL";
        let (count, cents) = self.sql.prepare_cached(sql)?.query_row([on.days()], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((from_db(count)?, Cents::new(cents)))
    }

    /// What an office has not confirmed yet.
    pub fn pending(&self, office: OfficeNumber) -> Result<Pending, StoreError> {
        let sql = "SELECT count(*), min(at) FROM journal WHERE seq > ?1 AND office = ?2 AND kind IN (2, 3, 11)";
        let confirmed = self.confirmed_to(office)?;
        let row = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?));
        let (count, oldest) = self.sql.prepare_cached(sql)?.query_row((to_db(confirmed), office.0), row)?;
        Ok(Pending { entries: from_db(count)?, oldest: oldest.map(from_db).transpose()?.map(UtcMs) })
    }
}

fn lines(mut rows: rusqlite::Rows<'_>) -> Result<Vec<DayLine>, StoreError> {
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        lines.push(line(row)?);
    }
    Ok(lines)
}

fn line(row: &Row<'_>) -> Result<DayLine, StoreError> {
    let seq = from_db(row.get(0)?)?;
    let advised = match row.get::<_, Option<i64>>(10)? {
        Some(verdict) => Some(AdvisedLine {
            seq,
            verdict: known(Verdict::from_code(from_db(verdict)?), "a verdict")?,
            cents: Cents::new(row.get(11)?),
            reason: row.get(12)?,
        }),
        None => None,
    };
    Ok(DayLine {
        seq,
        at: UtcMs(from_db(row.get(1)?)?),
        office: OfficeNumber(row.get(2)?),
        benefit: benefit(row.get(3)?)?,
        service: code(&row.get::<_, String>(4)?)?,
        day: day(row.get(5)?)?,
        units: from_db(row.get(6)?)?,
        cents: Cents::new(row.get(7)?),
        cancelled_by: row.get::<_, Option<i64>>(8)?.map(from_db).transpose()?,
        hint: row.get(9)?,
        advised,
    })
}
