//! Indexes of the journal that a decision at the counter asks: what was used, by whom, when.

use super::{OfficeNumber, StoreError, Tx, from_db, known, to_db};
use crate::book::ceiling::{Elsewhere, Use};
use crate::book::redemption::Redemption;
use crate::book::rule::GivenLesson;
use crate::book::slot::{Lesson, Slot};
use crate::words::benefit::{Benefit, Measure};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{Handle, ProviderNumber, SlotId, TerminalId};
use crate::words::time::UtcMs;
use rusqlite::{Row, Rows};
use std::ops::RangeInclusive;

/// A redemption as its index tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedRedemption {
    /// The entry's number.
    pub seq: u64,
    /// The office.
    pub office: OfficeNumber,
    /// The child.
    pub handle: Handle,
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
    /// The time of a lesson.
    pub lesson: Option<Lesson>,
    /// The operator.
    pub operator: Option<String>,
    /// The slot.
    pub slot: Slot,
    /// The entry that cancelled it.
    pub cancelled_by: Option<u64>,
}

const COLUMNS: &str = "seq, office, handle, benefit, service, day, units, cents, lesson_start, lesson_end, operator, slot_day, slot, cancelled_by";
/// Uses of this journal and of earlier ones of this box, with the subject or event and the provider of their service. What is found by its
/// slot's day lies in the months of the days asked for, or knows no day.
const USES: &str = "SELECT r.day, r.benefit, s.detail, s.provider, r.units, r.cents, r.lesson_start, r.lesson_end
    FROM redemption r INDEXED BY child_slot LEFT JOIN service s ON s.office = r.office AND s.code = r.service
    WHERE r.handle = ?1 AND r.office = ?2 AND r.slot_day BETWEEN ?5 AND ?4 AND r.day BETWEEN ?3 AND ?4 AND r.cancelled_by IS NULL
    UNION ALL
    SELECT r.day, r.benefit, s.detail, s.provider, r.units, r.cents, r.lesson_start, r.lesson_end
    FROM redemption r INDEXED BY child_slot LEFT JOIN service s ON s.office = r.office AND s.code = r.service
    WHERE r.handle = ?1 AND r.office = ?2 AND r.slot_day = 0 AND ?5 > 0 AND r.day BETWEEN ?3 AND ?4 AND r.cancelled_by IS NULL
    UNION ALL
    SELECT r.day, r.benefit, s.detail, s.provider, r.units, r.cents, r.lesson_start, r.lesson_end
    FROM earlier r LEFT JOIN service s ON s.office = r.office AND s.code = r.service
    WHERE r.handle = ?1 AND r.office = ?2 AND r.day BETWEEN ?3 AND ?4";

/// When and by which entry a slot is taken here, and when and at which neighbour.
pub type Taken = (Option<(UtcMs, u64)>, Option<(UtcMs, TerminalId)>);

impl Tx<'_> {
    /// When and by which entry a slot is taken here; and when and at which neighbour, where several took it the first by their own clocks.
    pub fn slot_taken(&self, handle: Handle, slot: Slot) -> Result<Taken, StoreError> {
        let sql = "SELECT j.at, r.seq, NULL FROM redemption r JOIN journal j ON j.seq = r.seq
            WHERE r.handle = ?3 AND r.slot_day = ?1 AND r.slot = ?2 AND r.cancelled_by IS NULL
            UNION ALL SELECT at, seq, NULL FROM earlier WHERE slot_day = ?1 AND slot = ?2
            UNION ALL SELECT at, NULL, terminal FROM neighbour_use WHERE slot_day = ?1 AND slot = ?2 AND cancelled = 0";
        let mut statement = self.sql.prepare_cached(sql)?;
        let mut rows = statement.query((slot.day.days(), slot.id.0, handle.0))?;
        let (mut here, mut nearby) = (None, None::<(UtcMs, TerminalId)>);
        while let Some(row) = rows.next()? {
            let at = UtcMs(from_db(row.get(0)?)?);
            match row.get::<_, Option<[u8; 16]>>(2)?.map(TerminalId) {
                Some(terminal) if nearby.is_none_or(|(first, by)| (at, terminal.0) < (first, by.0)) => nearby = Some((at, terminal)),
                Some(_) => {}
                None if here.is_none() => here = Some((at, from_db(row.get(1)?)?)),
                None => {}
            }
        }
        Ok((here, nearby))
    }

    /// A child's uses on `days`.
    pub fn uses(&self, office: OfficeNumber, handle: Handle, days: &RangeInclusive<CivilDay>) -> Result<Vec<Use>, StoreError> {
        let month = days.start().month().first_day();
        read_uses(self.sql.prepare_cached(USES)?.query((handle.0, office.0, days.start().days(), days.end().days(), month.days()))?)
    }

    /// Lessons on `day`: the child's, and those of the tutor `operator`.
    pub fn lessons(&self, office: OfficeNumber, handle: Handle, operator: Option<&str>, on: CivilDay) -> Result<Vec<GivenLesson>, StoreError> {
        let sql = "SELECT r.lesson_start, r.lesson_end, r.service, r.handle = ?1 AND r.office = ?2, j.at
            FROM redemption r JOIN journal j ON j.seq = r.seq
            WHERE r.day = ?3 AND r.lesson_start IS NOT NULL AND r.cancelled_by IS NULL
              AND ((r.handle = ?1 AND r.office = ?2) OR r.operator = ?4)";
        let mut statement = self.sql.prepare_cached(sql)?;
        let mut rows = statement.query((handle.0, office.0, on.days(), operator))?;
        let mut lessons = Vec::new();
        while let Some(row) = rows.next()? {
            lessons.push(GivenLesson {
                day: on,
                lesson: known(lesson(row.get(0)?, row.get(1)?)?, "a lesson without time")?,
                service: code(&row.get::<_, String>(2)?)?,
                same_child: row.get(3)?,
                at: UtcMs(from_db(row.get(4)?)?),
            });
        }
        Ok(lessons)
    }

    /// What the office told of a child's uses elsewhere, without what earlier journals of this box account for.
    pub fn elsewhere(&self, office: OfficeNumber, handle: Handle) -> Result<Vec<Elsewhere>, StoreError> {
        let sql = "SELECT benefit, measure, used, as_of FROM elsewhere WHERE office = ?1 AND handle = ?2";
        let mut statement = self.sql.prepare_cached(sql)?;
        let mut rows = statement.query((office.0, handle.0))?;
        let mut told = Vec::new();
        while let Some(row) = rows.next()? {
            let benefit = benefit(row.get(0)?)?;
            let measure = known(Measure::from_code(from_db(row.get(1)?)?), "a measure")?;
            let used = from_db(row.get(2)?)?.saturating_sub(self.earlier_use(office, handle, benefit, measure)?);
            told.push(Elsewhere { benefit, measure, used, as_of: UtcMs(from_db(row.get(3)?)?) });
        }
        Ok(told)
    }

    /// What the office counts as used elsewhere, though an earlier journal of this very box holds it.
    fn earlier_use(&self, office: OfficeNumber, handle: Handle, benefit: Benefit, measure: Measure) -> Result<u64, StoreError> {
        let amount = match measure {
            Measure::Units => "units",
            Measure::Cents => "cents",
            Measure::Minutes => "coalesce(lesson_end - lesson_start, 0)",
        };
        let sql = format!("SELECT coalesce(sum({amount}), 0) FROM earlier WHERE handle = ?1 AND office = ?2 AND benefit = ?3");
        let sum = self.sql.prepare_cached(&sql)?.query_row((handle.0, office.0, benefit.code()), |row| row.get(0))?;
        from_db(sum)
    }

    /// Keeps what an office told of a use elsewhere, if it is newer.
    pub fn keep_elsewhere(&self, office: OfficeNumber, told: &crate::deliver::exchange::UsedElsewhere) -> Result<(), StoreError> {
        let sql = "INSERT INTO elsewhere(office, handle, benefit, measure, used, as_of) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT DO UPDATE SET used = excluded.used, as_of = excluded.as_of WHERE excluded.as_of >= as_of";
        let mut statement = self.sql.prepare_cached(sql)?;
        statement.execute((office.0, told.handle.0, told.benefit.code(), to_db(told.measure.code()), to_db(told.used), to_db(told.as_of.0)))?;
        Ok(())
    }

    /// Indexes a redemption that was appended.
    pub fn index_redemption(&self, seq: u64, redemption: &Redemption, slot_day: CivilDay) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO redemption(seq, handle, benefit, service, day, units, cents, lesson_start, lesson_end, operator, slot_day, slot, office)
            SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, id FROM office WHERE code = ?13";
        let written = self.sql.prepare_cached(sql)?.execute((
            to_db(seq),
            redemption.handle.0,
            redemption.benefit.code(),
            redemption.service.as_str(),
            redemption.day.days(),
            to_db(redemption.units),
            redemption.cents.get(),
            redemption.lesson.map(|l| l.start),
            redemption.lesson.map(|l| l.end),
            redemption.operator.as_deref(),
            slot_day.days(),
            redemption.slot.0,
            redemption.office.as_str(),
        ))?;
        known((written == 1).then_some(()), "a redemption for an unknown office")?;
        if let Some(held) = redemption.settles {
            self.sql.prepare_cached("UPDATE held SET settled_by = ?2 WHERE seq = ?1")?.execute((to_db(held), to_db(seq)))?;
        }
        Ok(())
    }

    /// Indexes a cancellation that was appended: the slot is free again, and a held entry or lesson that it had settled is open again.
    pub fn index_cancellation(&self, cancelled: u64, by: u64) -> Result<(), StoreError> {
        self.sql.prepare_cached("UPDATE redemption SET cancelled_by = ?2 WHERE seq = ?1")?.execute((to_db(cancelled), to_db(by)))?;
        self.sql.prepare_cached("UPDATE held SET settled_by = NULL, reopened = 1 WHERE settled_by = ?1")?.execute([to_db(cancelled)])?;
        self.sql.prepare_cached("UPDATE lesson SET ended_by = NULL WHERE ended_by = ?1")?.execute([to_db(cancelled)])?;
        Ok(())
    }

    /// The index of one redemption.
    pub fn indexed_redemption(&self, seq: u64) -> Result<Option<IndexedRedemption>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM redemption WHERE seq = ?1");
        let mut statement = self.sql.prepare_cached(&sql)?;
        let mut rows = statement.query([to_db(seq)])?;
        rows.next()?.map(indexed).transpose()
    }

    /// The index of all redemptions for one office, in order.
    pub fn each_redemption_of(
        &self,
        office: OfficeNumber,
        mut each: impl FnMut(IndexedRedemption) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM redemption WHERE office = ?1 ORDER BY seq");
        let mut statement = self.sql.prepare_cached(&sql)?;
        let mut rows = statement.query([office.0])?;
        while let Some(row) = rows.next()? {
            each(indexed(row)?)?;
        }
        Ok(())
    }

    /// How many redemptions are indexed.
    pub fn indexed_redemptions(&self) -> Result<u64, StoreError> {
        from_db(self.sql.query_row("SELECT count(*) FROM redemption", [], |row| row.get(0))?)
    }

    /// Which redemptions the index calls cancelled, and by which entry.
    pub fn indexed_cancellations(&self) -> Result<Vec<(u64, u64)>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT seq, cancelled_by FROM redemption WHERE cancelled_by IS NOT NULL")?;
        let mut rows = statement.query([])?;
        let mut cancelled = Vec::new();
        while let Some(row) = rows.next()? {
            cancelled.push((from_db(row.get(0)?)?, from_db(row.get(1)?)?));
        }
        Ok(cancelled)
    }
}

/// The uses in `rows`.
pub(super) fn read_uses(mut rows: Rows<'_>) -> Result<Vec<Use>, StoreError> {
    let mut uses = Vec::new();
    while let Some(row) = rows.next()? {
        uses.push(Use {
            day: day(row.get(0)?)?,
            benefit: benefit(row.get(1)?)?,
            detail: row.get::<_, Option<String>>(2)?.and_then(|detail| Code::parse(&detail)),
            provider: Some(ProviderNumber(row.get::<_, Option<u32>>(3)?.unwrap_or(0))),
            units: from_db(row.get(4)?)?,
            cents: Cents::new(row.get(5)?),
            lesson: lesson(row.get(6)?, row.get(7)?)?,
        });
    }
    Ok(uses)
}

fn indexed(row: &Row<'_>) -> Result<IndexedRedemption, StoreError> {
    Ok(IndexedRedemption {
        seq: from_db(row.get(0)?)?,
        office: OfficeNumber(row.get(1)?),
        handle: Handle(row.get(2)?),
        benefit: benefit(row.get(3)?)?,
        service: code(&row.get::<_, String>(4)?)?,
        day: day(row.get(5)?)?,
        units: from_db(row.get(6)?)?,
        cents: Cents::new(row.get(7)?),
        lesson: lesson(row.get(8)?, row.get(9)?)?,
        operator: row.get(10)?,
        slot: Slot { day: day(row.get(11)?)?, id: SlotId(row.get(12)?) },
        cancelled_by: row.get::<_, Option<i64>>(13)?.map(from_db).transpose()?,
    })
}

pub(super) fn day(days: i64) -> Result<CivilDay, StoreError> {
    known(CivilDay::from_days(from_db(days)?), "a day")
}

pub(super) fn benefit(code: i64) -> Result<Benefit, StoreError> {
    known(Benefit::from_code(from_db(code)?), "a benefit")
}

pub(super) fn code(text: &str) -> Result<Code, StoreError> {
    known(Code::parse(text), "a code")
}

pub(super) fn lesson(start: Option<u32>, end: Option<u32>) -> Result<Option<Lesson>, StoreError> {
    match start.zip(end) {
        Some((start, end)) => known(Lesson::new(start, end), "a lesson").map(Some),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decisions_statements_are_planned_once() {
        let mut store = super::super::TerminalStore::open_in_memory().expect("a database");
        let day = CivilDay::from_days(20_000).expect("a day");
        store
            .write(|tx| {
                for child in 1..=3 {
                    tx.uses(OfficeNumber(1), Handle([child; 8]), &(day..=day))?;
                    tx.open_held_of(OfficeNumber(1), Handle([child; 8]))?;
                }
                let planned_anew = tx.sql.prepare_cached(USES)?.get_status(rusqlite::StatementStatus::RePrepare);
                assert_eq!(planned_anew, 0, "for another child the plan is the same");
                Ok::<_, StoreError>(())
            })
            .expect("looked up");
    }
}
