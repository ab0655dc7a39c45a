//! The index of begun lessons: what is open, and what ended it.

use super::record::{code, day};
use super::{OfficeNumber, StoreError, Tx, from_db, to_db};
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::Handle;
use rusqlite::{Params, Row};

/// A begun lesson as its index tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LessonRow {
    /// The entry's number.
    pub seq: u64,
    /// The office.
    pub office: OfficeNumber,
    /// The child.
    pub handle: Handle,
    /// The service.
    pub service: Code,
    /// The day.
    pub day: CivilDay,
    /// Its planned start, in minutes of the Berlin day.
    pub minute: u32,
    /// The redemption that ended it.
    pub ended_by: Option<u64>,
    /// Who began it, by pseudonym.
    pub operator: Option<String>,
    /// Whether people here gave it up.
    pub given_up: bool,
}

const COLUMNS: &str = "seq, office, handle, service, day, minute, ended_by, operator, given_up";
const OPEN: &str = "ended_by IS NULL AND given_up = 0";

impl Tx<'_> {
    /// Indexes a begun lesson that was appended.
    pub fn index_lesson(&self, row: &LessonRow) -> Result<(), StoreError> {
        let sql = format!("INSERT INTO lesson({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
        self.sql.prepare_cached(&sql)?.execute((
            to_db(row.seq),
            row.office.0,
            row.handle.0,
            row.service.as_str(),
            row.day.days(),
            row.minute,
            row.ended_by.map(to_db),
            row.operator.as_deref(),
            row.given_up,
        ))?;
        Ok(())
    }

    /// The begun lesson that entry `seq` records.
    pub fn lesson(&self, seq: u64) -> Result<Option<LessonRow>, StoreError> {
        Ok(self.lessons_where("seq = ?1", [to_db(seq)])?.pop())
    }

    /// The latest open lesson of a child in this service on `on`.
    pub fn open_lesson(&self, office: OfficeNumber, handle: Handle, service: &Code, on: CivilDay) -> Result<Option<LessonRow>, StoreError> {
        let condition = format!("handle = ?1 AND office = ?2 AND service = ?3 AND day = ?4 AND {OPEN}");
        Ok(self.lessons_where(&condition, (handle.0, office.0, service.as_str(), on.days()))?.pop())
    }

    /// The lessons that `operator` has begun in this service on `on`, ended or not.
    pub fn lessons_begun_by(&self, operator: &str, service: &Code, on: CivilDay) -> Result<Vec<LessonRow>, StoreError> {
        self.lessons_where("day = ?1 AND service = ?2 AND operator = ?3 AND given_up = 0", (on.days(), service.as_str(), operator))
    }

    /// All open lessons, in order, of days from `since` on.
    pub fn open_lessons(&self, since: CivilDay) -> Result<Vec<LessonRow>, StoreError> {
        self.lessons_where(&format!("day >= ?1 AND {OPEN}"), [since.days()])
    }

    /// Says by which redemption a lesson ended.
    pub fn end_lesson(&self, seq: u64, by: u64) -> Result<(), StoreError> {
        self.sql.prepare_cached("UPDATE lesson SET ended_by = ?2 WHERE seq = ?1")?.execute((to_db(seq), to_db(by)))?;
        Ok(())
    }

    /// Takes an open lesson off the list of open ones.
    pub fn give_up_lesson(&self, seq: u64) -> Result<(), StoreError> {
        self.sql.prepare_cached("UPDATE lesson SET given_up = 1 WHERE seq = ?1 AND ended_by IS NULL")?.execute([to_db(seq)])?;
        Ok(())
    }

    /// How many begun lessons are indexed.
    pub fn indexed_lessons(&self) -> Result<u64, StoreError> {
        from_db(self.sql.query_row("SELECT count(*) FROM lesson", [], |row| row.get(0))?)
    }

    fn lessons_where(&self, condition: &str, values: impl Params) -> Result<Vec<LessonRow>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!("SELECT {COLUMNS} FROM lesson WHERE {condition} ORDER BY seq"))?;
        let mut rows = statement.query(values)?;
        let mut lessons = Vec::new();
        while let Some(row) = rows.next()? {
            lessons.push(lesson_row(row)?);
        }
        Ok(lessons)
    }
}

fn lesson_row(row: &Row<'_>) -> Result<LessonRow, StoreError> {
    Ok(LessonRow {
        seq: from_db(row.get(0)?)?,
        office: OfficeNumber(row.get(1)?),
        handle: Handle(row.get(2)?),
        service: code(&row.get::<_, String>(3)?)?,
        day: day(row.get(4)?)?,
        minute: row.get(5)?,
        ended_by: row.get::<_, Option<i64>>(6)?.map(from_db).transpose()?,
        operator: row.get(7)?,
        given_up: row.get(8)?,
    })
}
