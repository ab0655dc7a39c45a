//! A month's lines with what the offices answered and paid, and what came back.

use super::record::{code, day, lesson};
use super::view::PersonShown;
use super::{OfficeNumber, StoreError, Tx, from_db, known, to_db};
use crate::book::slot::Lesson;
use crate::deliver::advice::{Advice, AdvisedLine, Verdict};
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use rusqlite::Row;

/// Which lines of a month are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineFilter {
    /// Only those of one service.
    pub service: Option<Code>,
    /// Only those that an office reduced or rejected.
    pub returned: bool,
}

/// A place in a month's lines: the service day and number of the line before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// The service day.
    pub day: CivilDay,
    /// The number.
    pub seq: u64,
}

/// One redemption with everything that became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthLine {
    /// The entry's number.
    pub seq: u64,
    /// The office.
    pub office: OfficeNumber,
    /// The service.
    pub service: Code,
    /// The service day.
    pub day: CivilDay,
    /// Units.
    pub units: u64,
    /// What was claimed.
    pub cents: Cents,
    /// The time of a lesson.
    pub lesson: Option<Lesson>,
    /// The card's hint.
    pub hint: Option<String>,
    /// Who it is, where this provider's own lists say so.
    pub person: Option<PersonShown>,
    /// The entry that cancelled it.
    pub cancelled_by: Option<u64>,
    /// What the office said of it.
    pub advised: Option<AdvisedLine>,
    /// What the office takes back because it was cancelled.
    pub taken_back: Option<Cents>,
    /// What transfers pay for it, as far as they tell.
    pub paid: Cents,
    /// The end-to-end ids of those transfers.
    pub references: String,
    /// Whether people here have dealt with the office's answer.
    pub dealt_with: bool,
}

/// What a month comes to for one service of one office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthSum {
    /// The office.
    pub office: OfficeNumber,
    /// The service.
    pub service: Code,
    /// Lines, cancelled ones among them.
    pub lines: u64,
    /// Lines that count.
    pub count: u64,
    /// Their units.
    pub units: u64,
    /// What is claimed.
    pub claimed: Cents,
    /// How many of the lines that count have been decided.
    pub answered: u64,
    /// How many of the lines that count came back, reduced or rejected.
    pub returned: u64,
    /// What the office grants in all, less what it takes back.
    pub granted: Cents,
    /// What transfers pay for it, as far as they tell.
    pub paid: Cents,
}

/// A transfer, and what of it is for a month of this box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthPayment {
    /// The office.
    pub office: OfficeNumber,
    /// Its end-to-end id.
    pub end_to_end_id: String,
    /// The day of execution.
    pub execution: CivilDay,
    /// The whole transfer, which may pay other boxes of this provider too.
    pub transfer: Cents,
    /// The part of it for this box.
    pub ours: Cents,
    /// The part of it for the month; none where the office's answers do not tell line by line.
    pub here: Option<Cents>,
}

const LINES: &str = "SELECT r.seq, r.office, r.service, r.day, r.units, r.cents, r.lesson_start, r.lesson_end, r.cancelled_by,
    (SELECT t.hint FROM token t WHERE t.handle = r.handle AND t.office = r.office ORDER BY t.issued DESC LIMIT 1),
    p.id, p.name, p.number, a.verdict, a.cents, a.reason, c.cents,
    (SELECT coalesce(sum(d.cents), 0) FROM paid d WHERE d.seq IN (r.seq, r.cancelled_by)),
    (SELECT coalesce(group_concat(DISTINCT d.end_to_end_id), '') FROM paid d WHERE d.seq IN (r.seq, r.cancelled_by)),
    coalesce(w.revision >= a.revision, 0)";
const FROM: &str = "FROM redemption r LEFT JOIN advised a ON a.seq = r.seq LEFT JOIN advised c ON c.seq = r.cancelled_by
    LEFT JOIN returned w ON w.seq = r.seq LEFT JOIN person p ON p.office = r.office AND p.handle = r.handle";
/// Lines that an office reduced or rejected, that count, and that nobody has dealt with since.
const RETURNED: &str = "FROM advised a INDEXED BY advised_returned JOIN redemption r ON r.seq = a.seq
    LEFT JOIN advised c ON c.seq = r.cancelled_by LEFT JOIN returned w ON w.seq = r.seq
    LEFT JOIN person p ON p.office = r.office AND p.handle = r.handle
    WHERE a.verdict IN (2, 3) AND r.cancelled_by IS NULL AND (w.revision IS NULL OR w.revision < a.revision)";

impl Tx<'_> {
    /// Lines with a service day in `month`, by day and number: at most `limit` after `after`, `skip` of them left out.
    pub fn month_lines(
        &self,
        month: CivilMonth,
        filter: &LineFilter,
        after: Option<After>,
        skip: u64,
        limit: u32,
    ) -> Result<Vec<MonthLine>, StoreError> {
        let sql = format!(
            "{LINES} {FROM} WHERE r.day BETWEEN ?1 AND ?2 AND (r.day > ?1 OR r.seq > ?3) AND (?4 IS NULL OR r.service = ?4)
             AND (?5 = 0 OR (a.verdict IN (2, 3) AND r.cancelled_by IS NULL)) ORDER BY r.day, r.seq LIMIT ?6 OFFSET ?7"
        );
        let (first, seq) = after.map_or((month.first_day(), 0), |after| (after.day, after.seq));
        let service = filter.service.as_ref().map(Code::as_str);
        let mut statement = self.sql.prepare_cached(&sql)?;
        lines(statement.query((first.days(), month.last_day().days(), to_db(seq), service, filter.returned, limit, to_db(skip)))?)
    }

    /// What a month comes to, by office and service.
    pub fn month_sums(&self, month: CivilMonth) -> Result<Vec<MonthSum>, StoreError> {
        let sql = format!(
            "SELECT r.office, r.service, count(*), count(*) FILTER (WHERE r.cancelled_by IS NULL),
             coalesce(sum(r.units) FILTER (WHERE r.cancelled_by IS NULL), 0), coalesce(sum(r.cents) FILTER (WHERE r.cancelled_by IS NULL), 0),
             count(*) FILTER (WHERE r.cancelled_by IS NULL AND a.verdict > 0), count(*) FILTER (WHERE r.cancelled_by IS NULL AND a.verdict IN (2, 3)),
             coalesce(sum(a.cents), 0) + coalesce(sum(c.cents), 0),
             coalesce(sum((SELECT sum(d.cents) FROM paid d WHERE d.seq IN (r.seq, r.cancelled_by))), 0)
             {FROM} WHERE r.day BETWEEN ?1 AND ?2 GROUP BY r.office, r.service ORDER BY r.office, r.service"
        );
        let mut statement = self.sql.prepare_cached(&sql)?;
        let mut rows = statement.query((month.first_day().days(), month.last_day().days()))?;
        let mut sums = Vec::new();
        while let Some(row) = rows.next()? {
            sums.push(MonthSum {
                office: OfficeNumber(row.get(0)?),
                service: code(&row.get::<_, String>(1)?)?,
                lines: from_db(row.get(2)?)?,
                count: from_db(row.get(3)?)?,
                units: from_db(row.get(4)?)?,
                claimed: Cents::new(row.get(5)?),
                answered: from_db(row.get(6)?)?,
                returned: from_db(row.get(7)?)?,
                granted: Cents::new(row.get(8)?),
                paid: Cents::new(row.get(9)?),
            });
        }
        Ok(sums)
    }

    /// The transfers that pay for lines of a month, and those that may without the office's answers telling for which lines they are.
    pub fn month_payments(&self, month: CivilMonth) -> Result<Vec<MonthPayment>, StoreError> {
        let days = (month.first_day().days(), month.last_day().days());
        let told = "WITH part(office, id, cents) AS (
                SELECT r.office, d.end_to_end_id, d.cents FROM redemption r JOIN paid d ON d.seq = r.seq WHERE r.day BETWEEN ?1 AND ?2
                UNION ALL
                SELECT r.office, d.end_to_end_id, d.cents FROM redemption r JOIN paid d ON d.seq = r.cancelled_by WHERE r.day BETWEEN ?1 AND ?2),
            here(office, id, cents) AS (SELECT office, id, sum(cents) FROM part GROUP BY office, id)
            SELECT h.office, h.id, max(p.execution), max(p.transfer), sum(p.share), h.cents
            FROM here h JOIN payment p ON p.end_to_end_id = h.id JOIN batch b ON b.id = p.batch AND b.office = h.office
            GROUP BY h.office, h.id ORDER BY 3, 2";
        let untold = "SELECT b.office, p.end_to_end_id, max(p.execution), max(p.transfer), sum(p.share), NULL
            FROM payment p JOIN batch b ON b.id = p.batch
            WHERE NOT EXISTS (SELECT 1 FROM paid d WHERE d.end_to_end_id = p.end_to_end_id AND d.seq BETWEEN b.first AND b.last)
              AND EXISTS (SELECT 1 FROM redemption r WHERE r.day BETWEEN ?1 AND ?2 AND r.seq BETWEEN b.first AND b.last AND r.office = b.office)
            GROUP BY b.office, p.end_to_end_id ORDER BY 3, 2";
        let mut payments = Vec::new();
        for sql in [told, untold] {
            let mut statement = self.sql.prepare_cached(sql)?;
            let mut rows = statement.query(days)?;
            while let Some(row) = rows.next()? {
                payments.push(MonthPayment {
                    office: OfficeNumber(row.get(0)?),
                    end_to_end_id: row.get(1)?,
                    execution: day(row.get(2)?)?,
                    transfer: Cents::new(row.get(3)?),
                    ours: Cents::new(row.get(4)?),
                    here: row.get::<_, Option<i64>>(5)?.map(Cents::new),
                });
            }
        }
        Ok(payments)
    }

    /// The first service day there is anything for.
    pub fn first_service_day(&self) -> Result<Option<CivilDay>, StoreError> {
        let first: Option<i64> = self.sql.prepare_cached("SELECT min(day) FROM redemption")?.query_row([], |row| row.get(0))?;
        first.map(day).transpose()
    }

    /// What came back and nobody has dealt with, at most `limit`.
    pub fn returned_lines(&self, limit: u32) -> Result<Vec<MonthLine>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!("{LINES} {RETURNED} ORDER BY r.day, r.seq LIMIT ?1"))?;
        lines(statement.query([limit])?)
    }

    /// How much of it there is.
    pub fn returned_count(&self) -> Result<u64, StoreError> {
        from_db(self.sql.prepare_cached(&format!("SELECT count(*) {RETURNED}"))?.query_row([], |row| row.get(0))?)
    }

    /// Says which lines a transfer pays, where the figures leave no doubt. An advice that names one transfer for the first time brings the
    /// lines it pays, each with its total; less what was paid of them before they must come to the transfer's share.
    pub(super) fn keep_paid_lines(&self, advice: &Advice, covered: &std::ops::Range<u64>) -> Result<(), StoreError> {
        let mut known = self.sql.prepare_cached("SELECT EXISTS(SELECT 1 FROM payment WHERE batch = ?1 AND end_to_end_id = ?2)")?;
        let mut fresh = Vec::new();
        for paid in &advice.payments {
            if !known.query_row((advice.batch.0, &paid.end_to_end_id), |row| row.get::<_, bool>(0))? {
                fresh.push(paid);
            }
        }
        let [transfer] = fresh.as_slice() else { return Ok(()) };
        let mut before = self.sql.prepare_cached("SELECT coalesce(sum(cents), 0) FROM paid WHERE seq = ?1")?;
        let mut parts = Vec::new();
        for line in advice.lines.iter().filter(|line| covered.contains(&line.seq) && line.verdict != Verdict::Pending) {
            let part = line.cents.minus(Cents::new(before.query_row([to_db(line.seq)], |row| row.get(0))?));
            parts.push((line.seq, part));
        }
        if parts.iter().map(|(_, part)| *part).sum::<Cents>() != transfer.share {
            return Ok(());
        }
        let mut keep = self.sql.prepare_cached("INSERT OR IGNORE INTO paid(seq, end_to_end_id, cents) VALUES (?1, ?2, ?3)")?;
        for (seq, part) in parts.into_iter().filter(|(_, part)| *part != Cents::ZERO) {
            keep.execute((to_db(seq), &transfer.end_to_end_id, part.get()))?;
        }
        Ok(())
    }
}

fn lines(mut rows: rusqlite::Rows<'_>) -> Result<Vec<MonthLine>, StoreError> {
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        lines.push(line(row)?);
    }
    Ok(lines)
}

fn line(row: &Row<'_>) -> Result<MonthLine, StoreError> {
    let seq = from_db(row.get(0)?)?;
    let person = match row.get::<_, Option<i64>>(10)? {
        Some(id) => Some(PersonShown { id: from_db(id)?, name: row.get(11)?, number: row.get(12)? }),
        None => None,
    };
    let advised = match row.get::<_, Option<i64>>(13)? {
        Some(verdict) => Some(AdvisedLine {
            seq,
            verdict: known(Verdict::from_code(from_db(verdict)?), "a verdict")?,
            cents: Cents::new(row.get(14)?),
            reason: row.get(15)?,
        }),
        None => None,
    };
    Ok(MonthLine {
        seq,
        office: OfficeNumber(row.get(1)?),
        service: code(&row.get::<_, String>(2)?)?,
        day: day(row.get(3)?)?,
        units: from_db(row.get(4)?)?,
        cents: Cents::new(row.get(5)?),
        lesson: lesson(row.get(6)?, row.get(7)?)?,
        cancelled_by: row.get::<_, Option<i64>>(8)?.map(from_db).transpose()?,
        hint: row.get(9)?,
        person,
        advised,
        taken_back: row.get::<_, Option<i64>>(16)?.map(Cents::new),
        paid: Cents::new(row.get(17)?),
        references: row.get::<_, String>(18)?.replace(',', ", "),
        dealt_with: row.get(19)?,
    })
}
