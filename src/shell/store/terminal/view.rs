//! What people look at: a day, a batch, what waits.

use super::record::{benefit, code, day};
use super::{OfficeNumber, StoreError, Tx, from_db, known, to_db};
use crate::book::entry::{Body, Entry};
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
    /// Who it is, where this provider's own lists say so.
    pub person: Option<PersonShown>,
    /// The entry that cancelled it.
    pub cancelled_by: Option<u64>,
    /// What the office said.
    pub advised: Option<AdvisedLine>,
}

/// Somebody of this provider's own lists, as other lists name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonShown {
    /// The number here.
    pub id: u64,
    /// The name.
    pub name: String,
    /// The member's number or the like; empty where there is none.
    pub number: String,
}

/// An entry that closed a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Its number.
    pub seq: u64,
    /// When it was written.
    pub at: UtcMs,
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
    a.verdict, a.cents, a.reason, p.id, p.name, p.number
    FROM redemption r JOIN journal j ON j.seq = r.seq LEFT JOIN advised a ON a.seq = r.seq
    LEFT JOIN person p ON p.office = r.office AND p.handle = r.handle";

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

    /// When a day was closed: more than once where something was recorded for it afterwards.
    pub fn closings(&self, on: CivilDay) -> Result<Vec<Closing>, StoreError> {
        let sql = "SELECT seq, at, bytes FROM journal INDEXED BY closings WHERE kind = 8 AND at >= ?1 ORDER BY at, seq";
        let mut statement = self.sql.prepare_cached(sql)?;
        let mut rows = statement.query([to_db(on.midnight().ms().0)])?;
        let mut closings = Vec::new();
        while let Some(row) = rows.next()? {
            let entry = Entry::from_bytes(&row.get::<_, Vec<u8>>(2)?).map_err(|error| StoreError::Inconsistent(error.to_string()))?;
            if matches!(entry.body, Body::Closed(closed) if closed.day == on) {
                closings.push(Closing { seq: from_db(row.get(0)?)?, at: UtcMs(from_db(row.get(1)?)?) });
            }
        }
        Ok(closings)
    }

    /// Whether something was recorded or cancelled for a day after entry `seq`.
    pub fn changed_since(&self, on: CivilDay, seq: u64) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS(SELECT 1 FROM redemption WHERE day = ?1 AND (seq > ?2 OR cancelled_by > ?2))";
        Ok(self.sql.prepare_cached(sql)?.query_row((on.days(), to_db(seq)), |row| row.get(0))?)
    }

    /// How many lessons of a day have begun and not ended.
    pub fn running_lessons(&self, on: CivilDay) -> Result<u64, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT count(*) FROM lesson WHERE day = ?1 AND ended_by IS NULL AND given_up = 0")?;
        from_db(statement.query_row([on.days()], |row| row.get(0))?)
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
    let person = match row.get::<_, Option<i64>>(13)? {
        Some(id) => Some(PersonShown { id: from_db(id)?, name: row.get(14)?, number: row.get(15)? }),
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
        person,
        advised,
    })
}
