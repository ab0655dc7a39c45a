//! What is claimed every month by itself, which months were, and when a child was away. No part of the journal.

use super::record::{code, day};
use super::{OfficeNumber, StoreError, Tx, from_db, known, to_db};
use crate::book::slot::Slot;
use crate::deliver::advice::{AdvisedLine, Verdict};
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::ids::{Handle, SlotId, TerminalId};
use crate::words::time::UtcMs;
use rusqlite::{Params, Row};
use std::collections::HashMap;

/// What is claimed every month for one child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingRow {
    /// Its number on this box.
    pub id: i64,
    /// The office.
    pub office: OfficeNumber,
    /// The child.
    pub handle: Handle,
    /// The service.
    pub service: Code,
    /// The amount a month, where the provider sets it.
    pub cents: Option<Cents>,
    /// The first month.
    pub first: CivilMonth,
    /// The last month, if one was named.
    pub last: Option<CivilMonth>,
    /// When it was registered.
    pub added_at: UtcMs,
    /// The name in the provider's own list, where the child is joined to one.
    pub name: Option<String>,
}

/// A fee that another journal holds than this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeElsewhere {
    /// When it was recorded.
    pub at: UtcMs,
    /// Its slot.
    pub slot: Slot,
    /// The neighbour that told of it; none where an earlier journal of this box holds it.
    pub neighbour: Option<TerminalId>,
}

/// One month of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingMonth {
    /// The month.
    pub month: CivilMonth,
    /// The redemption that claims it.
    pub seq: Option<u64>,
    /// Why it was not claimed: the code of a reason.
    pub reason: Option<String>,
    /// What the redemption claims.
    pub cents: Option<Cents>,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// What the office said.
    pub advised: Option<AdvisedLine>,
}

const COLUMNS: &str = "s.id, s.office, s.handle, s.service, s.cents, s.first_month, s.last_month, s.added_at,
    (SELECT p.name FROM person p WHERE p.office = s.office AND p.handle = s.handle LIMIT 1)";

impl Tx<'_> {
    /// Registers what is claimed every month; the number in `row` does not count. Answers its number.
    pub fn add_standing(&self, row: &StandingRow) -> Result<i64, StoreError> {
        let sql = "INSERT INTO standing(office, handle, service, cents, first_month, last_month, added_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.sql.prepare_cached(sql)?.execute((
            row.office.0,
            row.handle.0,
            row.service.as_str(),
            row.cents.map(Cents::get),
            row.first.months(),
            row.last.map(CivilMonth::months),
            to_db(row.added_at.0),
        ))?;
        Ok(self.sql.last_insert_rowid())
    }

    /// At most `limit` of them with a number above `after`, in order.
    pub fn standing_after(&self, after: i64, limit: u32) -> Result<Vec<StandingRow>, StoreError> {
        self.standing_where("s.id > ?1 ORDER BY s.id LIMIT ?2", (after, limit))
    }

    /// The one with this number.
    pub fn standing(&self, id: i64) -> Result<Option<StandingRow>, StoreError> {
        Ok(self.standing_where("s.id = ?1", [id])?.pop())
    }

    /// What is registered for a child in this service.
    pub fn standing_of(&self, office: OfficeNumber, handle: Handle, service: &Code) -> Result<Vec<StandingRow>, StoreError> {
        self.standing_where("s.office = ?1 AND s.handle = ?2 AND s.service = ?3 ORDER BY s.id", (office.0, handle.0, service.as_str()))
    }

    fn standing_where(&self, condition: &str, values: impl Params) -> Result<Vec<StandingRow>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!("SELECT {COLUMNS} FROM standing s WHERE {condition}"))?;
        let mut rows = statement.query(values)?;
        let mut standing = Vec::new();
        while let Some(row) = rows.next()? {
            standing.push(standing_row(row)?);
        }
        Ok(standing)
    }

    /// The redemptions of a service that count for a child on the days of a month, in order.
    pub fn redeemed_in(&self, of: &StandingRow, month: CivilMonth) -> Result<Vec<u64>, StoreError> {
        let sql = "SELECT seq FROM redemption WHERE handle = ?1 AND office = ?2 AND service = ?3 AND slot_day BETWEEN ?4 AND ?5
            AND day BETWEEN ?4 AND ?5 AND cancelled_by IS NULL ORDER BY seq";
        let mut statement = self.sql.prepare_cached(sql)?;
        let (first, last) = (month.first_day().days(), month.last_day().days());
        let mut rows = statement.query((of.handle.0, of.office.0, of.service.as_str(), first, last))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(from_db(row.get(0)?)?);
        }
        Ok(found)
    }

    /// What an earlier journal of this box, or a neighbour, holds of a service for a child on the days of a month.
    pub fn fees_elsewhere(&self, of: &StandingRow, month: CivilMonth) -> Result<Vec<FeeElsewhere>, StoreError> {
        let sql = "SELECT at, slot_day, slot, NULL FROM earlier
            WHERE handle = ?1 AND day BETWEEN ?4 AND ?5 AND office = ?2 AND service = ?3
            UNION ALL SELECT at, slot_day, slot, terminal FROM neighbour_use
            WHERE handle = ?1 AND day BETWEEN ?4 AND ?5 AND office = ?2 AND service = ?3 AND cancelled = 0";
        let mut statement = self.sql.prepare_cached(sql)?;
        let (first, last) = (month.first_day().days(), month.last_day().days());
        let mut rows = statement.query((of.handle.0, of.office.0, of.service.as_str(), first, last))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let day = CivilDay::from_days(from_db(row.get(1)?)?).ok_or_else(|| StoreError::Inconsistent("a day out of range".into()))?;
            let slot = Slot { day, id: SlotId(row.get(2)?) };
            let neighbour = row.get::<_, Option<[u8; 16]>>(3)?.map(TerminalId);
            found.push(FeeElsewhere { at: UtcMs(from_db(row.get(0)?)?), slot, neighbour });
        }
        Ok(found)
    }

    /// Names the last month, or takes it back.
    pub fn keep_last_month(&self, id: i64, last: Option<CivilMonth>) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached("UPDATE standing SET last_month = ?2 WHERE id = ?1")?;
        statement.execute((id, last.map(CivilMonth::months)))?;
        Ok(())
    }

    /// What is known of its months, in order.
    pub fn standing_months(&self, id: i64) -> Result<Vec<StandingMonth>, StoreError> {
        let sql = "SELECT m.month, m.seq, m.reason, r.cents, r.cancelled_by IS NOT NULL, a.verdict, a.cents, a.reason
            FROM standing_month m LEFT JOIN redemption r ON r.seq = m.seq LEFT JOIN advised a ON a.seq = m.seq
            WHERE m.standing = ?1 ORDER BY m.month";
        let mut statement = self.sql.prepare_cached(sql)?;
        let mut rows = statement.query([id])?;
        let mut months = Vec::new();
        while let Some(row) = rows.next()? {
            months.push(month_row(row)?);
        }
        Ok(months)
    }

    /// Keeps by which redemption a month was claimed, or why it was not.
    pub fn keep_standing_month(&self, id: i64, month: CivilMonth, seq: Option<u64>, reason: Option<&str>, at: UtcMs) -> Result<(), StoreError> {
        let sql = "INSERT INTO standing_month(standing, month, seq, reason, at) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT DO UPDATE SET seq = excluded.seq, reason = excluded.reason, at = excluded.at";
        self.sql.prepare_cached(sql)?.execute((id, month.months(), seq.map(to_db), reason, to_db(at.0)))?;
        Ok(())
    }

    /// After a restore: redemptions entered again have a new number; what an office had confirmed counts as claimed without one.
    pub fn renumber_standing(&self, numbers: &HashMap<u64, u64>, claimed: &str) -> Result<(), StoreError> {
        let rows: Vec<(i64, i64, i64)> = {
            let mut statement = self.sql.prepare_cached("SELECT standing, month, seq FROM standing_month WHERE seq IS NOT NULL")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect::<Result<_, _>>()?
        };
        let mut statement = self.sql.prepare_cached("UPDATE standing_month SET seq = ?3, reason = ?4 WHERE standing = ?1 AND month = ?2")?;
        for (id, month, seq) in rows {
            let new = numbers.get(&from_db(seq)?).copied();
            statement.execute((id, month, new.map(to_db), new.is_none().then_some(claimed)))?;
        }
        Ok(())
    }

    /// The days on which the child was away, in order.
    pub fn absences(&self, id: i64) -> Result<Vec<CivilDay>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT day FROM absence WHERE standing = ?1 ORDER BY day")?;
        let mut rows = statement.query([id])?;
        let mut days = Vec::new();
        while let Some(row) = rows.next()? {
            days.push(day(row.get(0)?)?);
        }
        Ok(days)
    }

    /// Marks a day as away, or takes the mark back.
    pub fn keep_absence(&self, id: i64, on: CivilDay, away: bool, at: UtcMs) -> Result<(), StoreError> {
        if away {
            let mut statement = self.sql.prepare_cached("INSERT INTO absence(standing, day, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?;
            statement.execute((id, on.days(), to_db(at.0)))?;
        } else {
            self.sql.prepare_cached("DELETE FROM absence WHERE standing = ?1 AND day = ?2")?.execute((id, on.days()))?;
        }
        Ok(())
    }
}

fn month(months: i64) -> Result<CivilMonth, StoreError> {
    known(CivilMonth::from_months(from_db(months)?), "a month")
}

fn standing_row(row: &Row<'_>) -> Result<StandingRow, StoreError> {
    Ok(StandingRow {
        id: row.get(0)?,
        office: OfficeNumber(row.get(1)?),
        handle: Handle(row.get(2)?),
        service: code(&row.get::<_, String>(3)?)?,
        cents: row.get::<_, Option<i64>>(4)?.map(Cents::new),
        first: month(row.get(5)?)?,
        last: row.get::<_, Option<i64>>(6)?.map(month).transpose()?,
        added_at: UtcMs(from_db(row.get(7)?)?),
        name: row.get(8)?,
    })
}

fn month_row(row: &Row<'_>) -> Result<StandingMonth, StoreError> {
    let seq: Option<u64> = row.get::<_, Option<i64>>(1)?.map(from_db).transpose()?;
    let advised = match (seq, row.get::<_, Option<i64>>(5)?) {
        (Some(seq), Some(verdict)) => Some(AdvisedLine {
            seq,
            verdict: known(Verdict::from_code(from_db(verdict)?), "a verdict")?,
            cents: Cents::new(row.get(6)?),
            reason: row.get(7)?,
        }),
        _ => None,
    };
    Ok(StandingMonth {
        month: month(row.get(0)?)?,
        seq,
        reason: row.get(2)?,
        cents: row.get::<_, Option<i64>>(3)?.map(Cents::new),
        cancelled: row.get(4)?,
        advised,
    })
}
