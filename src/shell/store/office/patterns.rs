//! Unusual months of providers: the counts they are found by, the findings, and the limits.

use super::super::{StoreError, from_db, to_db};
use super::sound;
use crate::reconcile::pattern::{DayCount, Kind, Limits, MonthCounts, Pattern};
use crate::shell::store::sql::{Connection, Row, params};
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::ProviderNumber;
use crate::words::time::UtcMs;
use std::collections::BTreeMap;

/// The months in which redemptions came or went since they were last looked through, with how many they have now.
pub fn due_months(db: &Connection) -> Result<Vec<(CivilMonth, u64)>, StoreError> {
    let sql = "SELECT s.month, sum(s.lines) FROM line_sum s WHERE s.kind = 0 GROUP BY s.month
               HAVING sum(s.lines) IS DISTINCT FROM (SELECT m.lines FROM pattern_month m WHERE m.month = s.month)";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut months = Vec::new();
    while let Some(row) = rows.next()? {
        months.push((month(&row, 0)?, from_db(row.get(1)?)?));
    }
    Ok(months)
}

/// Notes that a month was looked through.
pub fn note_looked(db: &Connection, month: CivilMonth, lines: u64) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO pattern_month (month, lines) VALUES (?1, ?2) ON CONFLICT (month) DO UPDATE SET lines = excluded.lines")?
        .execute(params![month.months(), to_db(lines)])?;
    Ok(())
}

fn month(row: &Row<'_>, column: usize) -> Result<CivilMonth, StoreError> {
    sound(CivilMonth::from_months(from_db(row.get(column)?)?), "month")
}

/// Meals and lessons of a month by provider. Flats, fees and trips are recorded without the child, and do not count.
pub fn counts(db: &Connection, of: CivilMonth) -> Result<Vec<MonthCounts>, StoreError> {
    let sql = "SELECT l.provider, l.day, l.benefit, count(*), sum(l.seen_as <> 6), sum(l.seen_as = 4),
                   min(CASE WHEN l.seen_as <> 6 THEN l.at END), max(CASE WHEN l.seen_as <> 6 THEN l.at END)
               FROM line l JOIN agreement a ON a.provider = l.provider AND a.code = l.service
               WHERE l.month = ?1 AND l.cancelled_by IS NULL AND l.benefit IN (1, 3) AND a.pricing <> 2 GROUP BY 1, 2, 3";
    let mut counts: BTreeMap<ProviderNumber, MonthCounts> = BTreeMap::new();
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([of.months()])?;
    while let Some(row) = rows.next()? {
        let provider = ProviderNumber(row.get(0)?);
        let empty = || MonthCounts { provider, month: of, uses: 0, forgotten: 0, typed: 0, days: Vec::new(), presence: Vec::new() };
        let counted = counts.entry(provider).or_insert_with(empty);
        let (uses, seen, typed): (u64, u64, u64) = (from_db(row.get(3)?)?, from_db(row.get(4)?)?, from_db(row.get(5)?)?);
        counted.uses += uses;
        counted.forgotten += uses.saturating_sub(seen);
        counted.typed += typed;
        if row.get::<_, u32>(2)? == 1 {
            let at =
                |column: usize| -> Result<UtcMs, StoreError> { Ok(UtcMs(row.get::<_, Option<i64>>(column)?.map(from_db).transpose()?.unwrap_or(0))) };
            let day = sound(CivilDay::from_days(from_db(row.get(1)?)?), "day")?;
            counted.days.push(DayCount { day, meals: uses, seen, first: at(6)?, last: at(7)? });
        }
    }
    let sql = "SELECT l.provider, count(DISTINCT l.day) FROM line l JOIN agreement a ON a.provider = l.provider AND a.code = l.service
               WHERE l.month = ?1 AND l.cancelled_by IS NULL AND l.benefit = 1 AND a.pricing <> 2 GROUP BY l.provider, l.child";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([of.months()])?;
    while let Some(row) = rows.next()? {
        if let Some(counted) = counts.get_mut(&ProviderNumber(row.get(0)?)) {
            counted.presence.push(from_db(row.get(1)?)?);
        }
    }
    Ok(counts.into_values().collect())
}

/// Keeps what was found in a month. What is not found any more goes unless somebody answered it; an answer stands while its figures do.
pub fn keep(db: &Connection, of: CivilMonth, found: &[(ProviderNumber, Pattern)]) -> Result<(), StoreError> {
    let mut open = db.prepare_cached("SELECT provider, kind FROM pattern WHERE month = ?1 AND answer IS NULL")?;
    let mut rows = open.query([of.months()])?;
    let mut gone = Vec::new();
    while let Some(row) = rows.next()? {
        let (provider, kind): (u32, String) = (row.get(0)?, row.get(1)?);
        if !found.iter().any(|(number, pattern)| number.0 == provider && pattern.kind.name() == kind) {
            gone.push((provider, kind));
        }
    }
    for (provider, kind) in gone {
        db.execute("DELETE FROM pattern WHERE provider = ?1 AND month = ?2 AND kind = ?3", params![provider, of.months(), kind])?;
    }
    let sql = "INSERT INTO pattern (provider, month, kind, part, whole, usual) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT (provider, month, kind) DO UPDATE SET usual = excluded.usual,
                   answer = CASE WHEN pattern.part = excluded.part AND pattern.whole = excluded.whole THEN pattern.answer END, part = excluded.part, whole = excluded.whole";
    for (provider, pattern) in found {
        let Pattern { kind, part, whole, usual } = *pattern;
        db.prepare_cached(sql)?.execute(params![provider.0, of.months(), kind.name(), to_db(part), to_db(whole), to_db(usual)])?;
    }
    Ok(())
}

/// Something unusual with what a clerk said to it.
#[derive(Clone, Debug)]
pub struct PatternRow {
    /// The provider.
    pub provider: ProviderNumber,
    /// Its name.
    pub name: String,
    /// The month of service.
    pub month: CivilMonth,
    /// What, with its figures.
    pub pattern: Pattern,
    /// `fine` or `asked`; none while it is open.
    pub answer: Option<String>,
    /// The office's own words.
    pub note: String,
    /// Who answered.
    pub clerk: String,
    /// When.
    pub at: Option<UtcMs>,
}

/// What is unusual, the newest month first: what is open, or what was answered.
pub fn list(db: &Connection, open: bool, most: u64) -> Result<Vec<PatternRow>, StoreError> {
    let sql = format!(
        "SELECT x.provider, p.name, x.month, x.kind, x.part, x.whole, x.usual, x.answer, coalesce(x.note, ''), coalesce(x.clerk, ''), x.answered
         FROM pattern x JOIN provider p ON p.number = x.provider WHERE x.answer IS {} ORDER BY x.month DESC, lower(p.name), x.kind LIMIT ?1",
        if open { "NULL" } else { "NOT NULL" }
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query([to_db(most)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let kind = sound(Kind::parse(&row.get::<_, String>(3)?), "kind of pattern")?;
        let pattern = Pattern { kind, part: from_db(row.get(4)?)?, whole: from_db(row.get(5)?)?, usual: from_db(row.get(6)?)? };
        let at: Option<i64> = row.get(10)?;
        found.push(PatternRow {
            provider: ProviderNumber(row.get(0)?),
            name: row.get(1)?,
            month: month(&row, 2)?,
            pattern,
            answer: row.get(7)?,
            note: row.get(8)?,
            clerk: row.get(9)?,
            at: at.map(from_db).transpose()?.map(UtcMs),
        });
    }
    Ok(found)
}

/// Which finding is answered, and how.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// The provider.
    pub provider: ProviderNumber,
    /// The month of service.
    pub month: CivilMonth,
    /// What was unusual.
    pub kind: Kind,
    /// `fine` or `asked`.
    pub answer: &'a str,
    /// The office's own words.
    pub note: &'a str,
    /// Who answers.
    pub clerk: &'a str,
}

/// Keeps a clerk's answer. Answers whether the finding was open.
pub fn answer(db: &Connection, given: &Answer<'_>, now: UtcMs) -> Result<bool, StoreError> {
    let sql =
        "UPDATE pattern SET answer = ?4, note = ?5, clerk = ?6, answered = ?7 WHERE provider = ?1 AND month = ?2 AND kind = ?3 AND answer IS NULL";
    let Answer { provider, month, kind, answer, note, clerk } = given;
    Ok(db.execute(sql, params![provider.0, month.months(), kind.name(), answer, note, clerk, to_db(now.0)])? > 0)
}

/// The limits in force for a month.
pub fn limits(db: &Connection, of: CivilMonth) -> Result<Limits, StoreError> {
    let sql = "SELECT forgotten_percent, typed_percent, fewest, present_days, present_children, weekend_meals, seconds_apart FROM pattern_limit
               WHERE from_day <= ?1 ORDER BY from_day DESC LIMIT 1";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([of.first_day().days()])?;
    let Some(row) = rows.next()? else { return Ok(Limits::DEFAULT) };
    let number = |column: usize| -> Result<u64, StoreError> { from_db(row.get(column)?) };
    Ok(Limits {
        forgotten_percent: row.get(0)?,
        typed_percent: row.get(1)?,
        fewest: number(2)?,
        present_days: number(3)?,
        present_children: number(4)?,
        weekend_meals: number(5)?,
        seconds_apart: number(6)?,
    })
}

/// Sets the limits for the months that begin on or after `from`; they are looked through anew.
pub fn set_limits(db: &Connection, from: CivilDay, limits: &Limits) -> Result<(), StoreError> {
    let sql = "INSERT INTO pattern_limit (from_day, forgotten_percent, typed_percent, fewest, present_days, present_children, weekend_meals,
               seconds_apart) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (from_day) DO UPDATE SET forgotten_percent = excluded.forgotten_percent, typed_percent = excluded.typed_percent,
               fewest = excluded.fewest, present_days = excluded.present_days, present_children = excluded.present_children,
               weekend_meals = excluded.weekend_meals, seconds_apart = excluded.seconds_apart";
    let Limits { forgotten_percent, typed_percent, fewest, present_days, present_children, weekend_meals, seconds_apart } = *limits;
    let numbers = [fewest, present_days, present_children, weekend_meals, seconds_apart].map(to_db);
    let values = params![from.days(), forgotten_percent, typed_percent, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]];
    db.execute(sql, values)?;
    db.execute("DELETE FROM pattern_month WHERE month >= ?1", [from.month().months()])?;
    Ok(())
}
