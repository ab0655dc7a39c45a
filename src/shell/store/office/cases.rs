//! What a case's page shows: what was used on approvals, and what may still be returned.

use super::super::{StoreError, from_db, to_db};
use super::sound;
use crate::admit::status::Status;
use crate::book::ceiling::Use;
use crate::book::slot::Lesson;
use crate::shell::store::sql::{Connection, params};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::ids::ProviderNumber;

/// Ends the suspensions of a token that reach the day `from` or beyond: the day before is their last one. Answers how many there were.
pub fn lift(db: &Connection, token: i64, from: CivilDay) -> Result<usize, StoreError> {
    let sql = "UPDATE stop SET until_day = max(?2 - 1, 0) WHERE token = ?1 AND status = ?3 AND (until_day IS NULL OR until_day >= ?2)
               AND (until_day IS NULL OR until_day >= from_day)";
    Ok(db.prepare_cached(sql)?.execute(params![token, from.days(), to_db(u64::from(Status::Suspended.code()))])?)
}

/// How many redemptions stand on the tokens of an approval: neither cancelled nor rejected.
pub fn redeemed_on(db: &Connection, approval: i64, child: i64, months: (CivilMonth, CivilMonth)) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) FROM line l JOIN token t ON t.id = l.token
               WHERE l.month = ?1 AND l.child = ?2 AND t.approval = ?3 AND l.cancelled_by IS NULL AND l.verdict <> 3";
    let mut statement = db.prepare_cached(sql)?;
    let mut count = 0;
    for month in months.0.months()..=months.1.months() {
        count += from_db(statement.query_row(params![month, child, approval], |row| row.get(0))?)?;
    }
    Ok(count)
}

/// Which of a child's redemptions count as used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// What was recognised.
    Recognised,
    /// What was recognised, and what is claimed and not yet decided.
    Claimed,
}

/// A child's redemptions in these months, one by one.
pub fn uses(db: &Connection, child: i64, months: (CivilMonth, CivilMonth), counted: Counted) -> Result<Vec<Use>, StoreError> {
    let sql = "SELECT l.day, l.benefit, a.detail, l.provider, l.units, CASE l.verdict WHEN 0 THEN l.cents ELSE l.decided END,
                      l.lesson_start, l.lesson_end FROM line l
               LEFT JOIN agreement a ON a.provider = l.provider AND a.code = l.service
               WHERE l.month = ?1 AND l.child = ?2 AND l.cancelled_by IS NULL AND (l.verdict IN (1, 2) OR l.verdict = 0 AND ?3 = 1)";
    let mut statement = db.prepare_cached(sql)?;
    let mut uses = Vec::new();
    for month in months.0.months()..=months.1.months() {
        let mut rows = statement.query(params![month, child, counted == Counted::Claimed])?;
        while let Some(row) = rows.next()? {
            let (start, end): (Option<u32>, Option<u32>) = (row.get(6)?, row.get(7)?);
            let detail: Option<String> = row.get(2)?;
            uses.push(Use {
                day: sound(CivilDay::from_days(from_db(row.get(0)?)?), "day")?,
                benefit: sound(Benefit::from_code(from_db(row.get(1)?)?), "benefit")?,
                detail: detail.as_deref().and_then(Code::parse),
                provider: Some(ProviderNumber(row.get(3)?)),
                units: from_db(row.get(4)?)?,
                cents: Cents::new(row.get(5)?),
                lesson: start.zip(end).and_then(|(start, end)| Lesson::new(start, end)),
            });
        }
    }
    Ok(uses)
}

/// What a child used in one month of a benefit at one provider: lines, units, cents claimed and recognised, lines not yet decided.
#[derive(Clone, Debug)]
pub struct UsedRow {
    /// The month.
    pub month: CivilMonth,
    /// The benefit.
    pub benefit: Benefit,
    /// The provider's name.
    pub provider: String,
    /// How many redemptions.
    pub lines: u64,
    /// Meals, lessons, fees.
    pub units: u64,
    /// What was claimed.
    pub claimed: Cents,
    /// What was recognised.
    pub decided: Cents,
    /// Redemptions not yet decided.
    pub open: u64,
}

/// What a child used in these months over all providers, the latest month first. What was cancelled or rejected is left out.
pub fn used(db: &Connection, child: i64, months: (CivilMonth, CivilMonth)) -> Result<Vec<UsedRow>, StoreError> {
    let sql = "SELECT l.benefit, p.name, count(*), sum(l.units), sum(l.cents), sum(l.decided), sum(l.verdict = 0) FROM line l
               JOIN provider p ON p.number = l.provider
               WHERE l.month = ?1 AND l.child = ?2 AND l.cancelled_by IS NULL AND l.verdict <> 3 GROUP BY l.benefit, l.provider, p.name ORDER BY 1, 2";
    let mut statement = db.prepare_cached(sql)?;
    let mut all = Vec::new();
    for number in (months.0.months()..=months.1.months()).rev() {
        let Some(month) = CivilMonth::from_months(number.into()) else { continue };
        let mut rows = statement.query(params![number, child])?;
        while let Some(row) = rows.next()? {
            all.push(UsedRow {
                month,
                benefit: sound(Benefit::from_code(from_db(row.get(0)?)?), "benefit")?,
                provider: row.get(1)?,
                lines: from_db(row.get(2)?)?,
                units: from_db(row.get(3)?)?,
                claimed: Cents::new(row.get(4)?),
                decided: Cents::new(row.get(5)?),
                open: from_db(row.get(6)?)?,
            });
        }
    }
    Ok(all)
}
