//! For how long records are kept, and what a dry run has found.

use super::super::{StoreError, from_db, to_db};
use super::sound;
use crate::shell::store::sql::{Connection, OptionalExtension, params};
use crate::words::civil::CivilDay;
use crate::words::time::UtcMs;

/// The rule for a kind of record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The kind's stable name.
    pub kind: String,
    /// For how many months records are kept.
    pub months: u32,
    /// The fewest the law allows.
    pub least: u32,
    /// Whether the months begin with the end of the calendar year.
    pub year_end: bool,
    /// The law or reason.
    pub source: String,
    /// From when on it holds.
    pub from: CivilDay,
}

/// What a dry run found of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The kind's stable name.
    pub kind: String,
    /// What is older than this day may go.
    pub before: CivilDay,
    /// How many records may go.
    pub records: u64,
    /// The oldest of all records of this kind, whether it may go or not.
    pub oldest: Option<CivilDay>,
}

/// A dry run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its number.
    pub id: i64,
    /// When it was made.
    pub made: UtcMs,
    /// By whom.
    pub by: String,
    /// `made`, `running` or `done`.
    pub state: String,
    /// When its purge ended.
    pub ended: Option<UtcMs>,
    /// How many records may go in all.
    pub total: u64,
    /// What it found of each kind.
    pub found: Vec<Found>,
}

/// The rules that hold on `day`, by kind.
pub fn rules(db: &Connection, day: CivilDay) -> Result<Vec<Rule>, StoreError> {
    let sql = "SELECT kind, months, least, year_end, source, from_day FROM retention r
               WHERE from_day = (SELECT max(q.from_day) FROM retention q WHERE q.kind = r.kind AND q.from_day <= ?1) ORDER BY kind";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([day.days()])?;
    let mut rules = Vec::new();
    while let Some(row) = rows.next()? {
        rules.push(Rule {
            kind: row.get(0)?,
            months: row.get(1)?,
            least: row.get(2)?,
            year_end: row.get(3)?,
            source: row.get(4)?,
            from: sound(CivilDay::from_days(from_db(row.get(5)?)?), "day")?,
        });
    }
    Ok(rules)
}

/// Sets for how many months a kind is kept from `from` on.
pub fn set_months(db: &Connection, rule: &Rule, months: u32, from: CivilDay) -> Result<(), StoreError> {
    let sql = "INSERT INTO retention (kind, from_day, months, least, year_end, source) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT (kind, from_day) DO UPDATE SET months = excluded.months";
    db.execute(sql, params![rule.kind, from.days(), months, rule.least, rule.year_end, rule.source])?;
    Ok(())
}

/// Counts the records of the kind `look`, `act`, `form`, `account` or `file` that are older than `before`, and says which of all is the oldest.
/// `actions` are the actions of the kind, in JSON.
pub fn count(db: &Connection, kind: &str, before: UtcMs, actions: &str) -> Result<(u64, Option<UtcMs>), StoreError> {
    let sql = match kind {
        "account" => {
            "SELECT coalesce(sum(closed < ?1), 0), min(closed) FROM clerk WHERE closed IS NOT NULL AND ?2 = ?2
             AND (password <> '' OR factor IS NOT NULL OR external IS NOT NULL OR subject IS NOT NULL)"
        }
        "form" => "SELECT coalesce(sum(at < ?1), 0), min(at) FROM form_done WHERE ?2 = ?2",
        "file" => {
            "SELECT coalesce(sum(coalesce(r.second_at, r.first_at) < ?1), 0), min(coalesce(r.second_at, r.first_at))
             FROM released_file f JOIN run r ON r.number = f.run WHERE f.purged IS NULL AND ?2 = ?2"
        }
        _ => {
            "SELECT coalesce(sum(at < ?1), 0), min(at) FROM audit
             WHERE clerk IS NOT NULL AND action IN (SELECT value FROM json_each(?2))"
        }
    };
    let (records, oldest): (i64, Option<i64>) =
        db.prepare_cached(sql)?.query_row(params![to_db(before.0), actions], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((from_db(records)?, oldest.map(from_db).transpose()?.map(UtcMs)))
}

/// Notes the children that may go: of whom everything is older than `before` and settled. How many they are, and the oldest approval or
/// service of all children.
pub fn choose_children(db: &Connection, before: CivilDay) -> Result<(u64, Option<CivilDay>), StoreError> {
    db.execute_batch("DELETE FROM purge_child")?;
    let (day, month, second) = (before.days(), before.month().months(), to_db(before.midnight().0));
    // The youngest child stays, so that its number in the log is never given to another one.
    let sql = "INSERT INTO purge_child (child)
        SELECT id FROM child WHERE remains = 0 AND id < (SELECT max(id) FROM child WHERE remains = 0)
        EXCEPT SELECT child FROM to_decide
        EXCEPT SELECT child FROM approval WHERE to_month >= ?2
        EXCEPT SELECT child FROM token WHERE issued >= ?3
        EXCEPT SELECT child FROM debit WHERE to_day >= ?1
        EXCEPT SELECT child FROM line WHERE day >= ?1 OR verdict = 0 OR advise = 1 OR decided <> coalesce(settled, 0)
        EXCEPT SELECT l.child FROM cancellation x JOIN line l ON l.terminal = x.terminal AND l.seq = x.target
               WHERE x.verdict = 0 OR x.advise = 1 OR x.decided <> coalesce(x.settled, 0)
        EXCEPT SELECT t.child FROM line l JOIN token t ON t.id = l.token WHERE l.day >= ?1 OR l.verdict = 0";
    let chosen = db.execute(sql, params![day, month, second])?;
    let sql = "SELECT min(day) FROM (SELECT min(l.day) AS day FROM line l JOIN child c ON c.id = l.child WHERE c.remains = 0
               UNION ALL SELECT min(issued) / 86400 FROM token JOIN child c ON c.id = token.child WHERE c.remains = 0) AS o";
    let oldest: Option<i64> = db.query_row(sql, [], |row| row.get(0))?;
    Ok((chosen as u64, oldest.map(from_db).transpose()?.and_then(CivilDay::from_days)))
}

/// Counts the batches whose entries may go: received before `before`, and settled to the last line.
pub fn count_batches(db: &Connection, before: UtcMs) -> Result<(u64, Option<UtcMs>), StoreError> {
    let sql = format!("SELECT (SELECT count(*) FROM ({OLD_BATCHES}) AS o), (SELECT min(received) FROM batch WHERE emptied = 0)");
    let (records, oldest): (i64, Option<i64>) = db.query_row(&sql, [to_db(before.0)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((from_db(records)?, oldest.map(from_db).transpose()?.map(UtcMs)))
}

/// Batches of which nothing is open any more.
const OLD_BATCHES: &str = "SELECT id FROM batch WHERE received < ?1 AND emptied = 0
    EXCEPT SELECT batch FROM line WHERE verdict = 0 OR advise = 1 OR decided <> coalesce(settled, 0)
    EXCEPT SELECT batch FROM cancellation WHERE verdict = 0 OR advise = 1 OR decided <> coalesce(settled, 0)";

/// The row ids of those batches.
pub fn old_batches(db: &Connection, before: UtcMs) -> Result<Vec<i64>, StoreError> {
    let mut statement = db.prepare(OLD_BATCHES)?;
    let rows = statement.query_map([to_db(before.0)], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Keeps a dry run in place of the last one that was not carried out.
pub fn keep_plan(db: &Connection, found: &[Found], by: &str, now: UtcMs) -> Result<i64, StoreError> {
    db.execute_batch(
        "DELETE FROM purge_kind WHERE plan IN (SELECT id FROM purge_plan WHERE state = 'made'); DELETE FROM purge_plan WHERE state = 'made'",
    )?;
    let total: u64 = found.iter().map(|found| found.records).sum();
    let plan = "INSERT INTO purge_plan (made, made_by, state, total) VALUES (?1, ?2, 'made', ?3) RETURNING id";
    let plan = db.insert(plan, params![to_db(now.0), by, to_db(total)])?;
    let mut statement = db.prepare("INSERT INTO purge_kind (plan, kind, before_day, records, oldest) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for found in found {
        statement.execute(params![plan, found.kind, found.before.days(), to_db(found.records), found.oldest.map(CivilDay::days)])?;
    }
    Ok(plan)
}

/// The latest dry run that was not carried out, or is being carried out.
pub fn open_plan(db: &Connection) -> Result<Option<Plan>, StoreError> {
    Ok(plans(db, "state <> 'done'", 1)?.into_iter().next())
}

/// Dry runs that were carried out, the latest first.
pub fn done_plans(db: &Connection, most: u32) -> Result<Vec<Plan>, StoreError> {
    plans(db, "state = 'done'", most)
}

fn plans(db: &Connection, condition: &str, most: u32) -> Result<Vec<Plan>, StoreError> {
    let sql = format!("SELECT id, made, made_by, state, ended, total FROM purge_plan WHERE {condition} ORDER BY id DESC LIMIT ?1");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query([most])?;
    let mut plans = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        plans.push(Plan {
            id,
            made: UtcMs(from_db(row.get(1)?)?),
            by: row.get(2)?,
            state: row.get(3)?,
            ended: row.get::<_, Option<i64>>(4)?.map(from_db).transpose()?.map(UtcMs),
            total: from_db(row.get(5)?)?,
            found: found(db, id)?,
        });
    }
    Ok(plans)
}

fn found(db: &Connection, plan: i64) -> Result<Vec<Found>, StoreError> {
    let mut statement = db.prepare_cached("SELECT kind, before_day, records, oldest FROM purge_kind WHERE plan = ?1")?;
    let mut rows = statement.query([plan])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let oldest: Option<i64> = row.get(3)?;
        all.push(Found {
            kind: row.get(0)?,
            before: sound(CivilDay::from_days(from_db(row.get(1)?)?), "day")?,
            records: from_db(row.get(2)?)?,
            oldest: oldest.map(from_db).transpose()?.and_then(CivilDay::from_days),
        });
    }
    Ok(all)
}

/// Notes how far a plan is.
pub fn set_state(db: &Connection, plan: i64, state: &str, ended: Option<UtcMs>) -> Result<(), StoreError> {
    db.execute("UPDATE purge_plan SET state = ?2, ended = ?3 WHERE id = ?1", params![plan, state, ended.map(|at| to_db(at.0))])?;
    Ok(())
}

/// Whether a child stands for what remains of purged ones.
pub fn stands_for_purged(db: &Connection, terminal: i64, seq: u64) -> Result<bool, StoreError> {
    let sql = "SELECT c.remains FROM line l JOIN child c ON c.id = l.child WHERE l.terminal = ?1 AND l.seq = ?2";
    Ok(db.prepare_cached(sql)?.query_row(params![terminal, to_db(seq)], |row| row.get(0)).optional()?.unwrap_or(false))
}

/// Whether this row stands for what remains of purged children.
pub fn is_remains(db: &Connection, child: i64) -> Result<bool, StoreError> {
    Ok(db.prepare_cached("SELECT remains FROM child WHERE id = ?1")?.query_row([child], |row| row.get(0)).optional()?.unwrap_or(false))
}
