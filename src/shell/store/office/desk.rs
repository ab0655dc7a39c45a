//! What a clerk's desk shows beyond lists of batches and lines: what is to be done, the evidence of a line, terminals, runs.

use super::super::{StoreError, from_db, to_db};
use super::sums::{self, By, Only, State};
use super::{array, lines, sound};
use crate::admit::status::DataAge;
use crate::book::slot::Lesson;
use crate::shell::store::sql::{Connection, OptionalExtension, Row, params};
use crate::words::cents::Cents;
use crate::words::ids::{BatchId, EntryId, ProviderNumber, TerminalId};
use crate::words::time::UtcMs;
use std::collections::BTreeMap;

/// What is not settled yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenWork {
    /// Lines taken in that no reconciliation has looked at.
    pub new: u64,
    /// Lines that wait for a clerk.
    pub findings: u64,
    /// Lines to be paid as claimed, and how much.
    pub accepted: (u64, Cents),
    /// Lines to be paid in part, and how much.
    pub reduced: (u64, Cents),
    /// Lines that are not paid.
    pub rejected: u64,
    /// Children whose lines must be decided (again).
    pub children_to_decide: u64,
    /// Batches that could not be taken in.
    pub waiting_batches: u64,
}

/// Counts what is not settled yet, counter-records included.
pub fn open_work(db: &Connection) -> Result<OpenWork, StoreError> {
    let mut work = OpenWork::default();
    for sum in sums::grouped(db, &[By::State], &Only { open: Some(true), ..Only::default() })? {
        match sum.state {
            Some(State::New) => work.new = sum.lines,
            Some(State::Finding) => work.findings = sum.lines,
            Some(State::Accepted) => work.accepted = (sum.lines, sum.decided),
            Some(State::Reduced) => work.reduced = (sum.lines, sum.decided),
            Some(State::Rejected) => work.rejected = sum.lines,
            None => {}
        }
    }
    work.children_to_decide = lines::dirty_children(db)?;
    work.waiting_batches = count(db, "SELECT count(*) FROM batch WHERE reason IS NOT NULL AND id NOT IN (SELECT batch FROM batch_decision)")?;
    Ok(work)
}

/// How many batches have arrived.
pub fn batch_count(db: &Connection) -> Result<u64, StoreError> {
    count(db, "SELECT count(*) FROM batch")
}

fn count(db: &Connection, sql: &str) -> Result<u64, StoreError> {
    from_db(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// The entries of a batch that could not be read: their numbers and reasons.
pub fn unreadable(db: &Connection, batch: BatchId) -> Result<Vec<(u64, String)>, StoreError> {
    let mut statement =
        db.prepare_cached("SELECT u.seq, u.reason FROM unreadable u JOIN batch b ON b.id = u.batch WHERE b.batch = ?1 ORDER BY u.seq")?;
    let mut rows = statement.query([batch.0])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push((from_db(row.get(0)?)?, row.get(1)?));
    }
    Ok(entries)
}

/// What is known of how a line came about.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What people call its terminal.
    pub terminal_label: String,
    /// Units claimed.
    pub units: u64,
    /// When the lesson took place.
    pub lesson: Option<Lesson>,
    /// Who recorded it, by pseudonym.
    pub operator: Option<String>,
    /// How old the terminal's data were.
    pub data_age: DataAge,
    /// The fee or instalment.
    pub charge: Option<String>,
    /// When its batch arrived.
    pub received: UtcMs,
    /// The number of the counter-record that took it back.
    pub cancelled_by: Option<u64>,
    /// The run that settled it last.
    pub run: Option<u32>,
}

/// The evidence of one line.
pub fn evidence(db: &Connection, id: EntryId) -> Result<Option<Evidence>, StoreError> {
    let sql = "SELECT t.label, l.units, l.lesson_start, l.lesson_end, l.operator, l.data_age, l.charge, b.received, l.cancelled_by, l.run
               FROM line l JOIN terminal t ON t.id = l.terminal JOIN batch b ON b.id = l.batch WHERE t.terminal = ?1 AND l.seq = ?2";
    let mut statement = db.prepare_cached(sql)?;
    statement.query_row(params![id.terminal.0, to_db(id.seq)], |row| Ok(evidence_row(row))).optional()?.transpose()
}

fn evidence_row(row: &Row<'_>) -> Result<Evidence, StoreError> {
    let (start, end): (Option<u32>, Option<u32>) = (row.get(2)?, row.get(3)?);
    let cancelled_by: Option<i64> = row.get(8)?;
    Ok(Evidence {
        terminal_label: row.get(0)?,
        units: from_db(row.get(1)?)?,
        lesson: start.zip(end).and_then(|(start, end)| Lesson::new(start, end)),
        operator: row.get(4)?,
        data_age: sound(DataAge::from_code(from_db(row.get(5)?)?), "data age")?,
        charge: row.get(6)?,
        received: UtcMs(from_db(row.get(7)?)?),
        cancelled_by: cancelled_by.map(from_db).transpose()?,
        run: row.get(9)?,
    })
}

/// A ruling as it is remembered.
#[derive(Clone, Debug)]
pub struct RulingRow {
    /// `accept`, `cut` or `reject`.
    pub choice: String,
    /// The most to be paid, of a cut.
    pub cents: Option<Cents>,
    /// The code of the reason the provider reads.
    pub reason: String,
    /// The office's own note.
    pub note: String,
    /// Who decided.
    pub clerk: String,
    /// When.
    pub at: UtcMs,
}

/// All rulings on a line, the first one first.
pub fn rulings(db: &Connection, id: EntryId) -> Result<Vec<RulingRow>, StoreError> {
    let sql = "SELECT r.choice, r.cents, r.reason, r.note, r.clerk, r.at FROM ruling r JOIN terminal t ON t.id = r.terminal
               WHERE t.terminal = ?1 AND r.seq = ?2 ORDER BY r.id";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![id.terminal.0, to_db(id.seq)])?;
    let mut rulings = Vec::new();
    while let Some(row) = rows.next()? {
        let cents: Option<i64> = row.get(1)?;
        rulings.push(RulingRow {
            choice: row.get(0)?,
            cents: cents.map(Cents::new),
            reason: row.get(2)?,
            note: row.get(3)?,
            clerk: row.get(4)?,
            at: UtcMs(from_db(row.get(5)?)?),
        });
    }
    Ok(rulings)
}

/// A terminal as the office knows it.
#[derive(Clone, Debug)]
pub struct TerminalSeen {
    /// Whose it is.
    pub provider: ProviderNumber,
    /// The terminal.
    pub terminal: TerminalId,
    /// What people call it.
    pub label: String,
    /// When it was admitted (again).
    pub admitted: UtcMs,
    /// When its last question was answered.
    pub last_exchange: Option<UtcMs>,
    /// How many entries of its journal the office holds.
    pub entries: u64,
}

/// All terminals in the order they were admitted.
pub fn terminals(db: &Connection) -> Result<Vec<TerminalSeen>, StoreError> {
    let sql = "SELECT t.provider, t.terminal, t.label, t.admitted, (SELECT max(e.at) FROM exchange e WHERE e.terminal = t.id), t.head_seq
               FROM terminal t ORDER BY t.id";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut terminals = Vec::new();
    while let Some(row) = rows.next()? {
        let last: Option<i64> = row.get(4)?;
        terminals.push(TerminalSeen {
            provider: ProviderNumber(row.get(0)?),
            terminal: TerminalId(array(row.get(1)?, "terminal id")?),
            label: row.get(2)?,
            admitted: UtcMs(from_db(row.get(3)?)?),
            last_exchange: last.map(from_db).transpose()?.map(UtcMs),
            entries: from_db(row.get(5)?)?,
        });
    }
    Ok(terminals)
}

/// The transfers of every run: run, how many, and their sum.
pub fn transfers(db: &Connection) -> Result<Vec<(u32, u64, Cents)>, StoreError> {
    let mut statement = db.prepare_cached("SELECT run, count(*), sum(cents) FROM payment GROUP BY run")?;
    let mut rows = statement.query([])?;
    let mut transfers = Vec::new();
    while let Some(row) = rows.next()? {
        transfers.push((row.get(0)?, from_db(row.get(1)?)?, Cents::new(row.get(2)?)));
    }
    Ok(transfers)
}

/// The names of all providers.
pub fn provider_names(db: &Connection) -> Result<BTreeMap<ProviderNumber, String>, StoreError> {
    let mut statement = db.prepare_cached("SELECT number, name FROM provider")?;
    let rows = statement.query_map([], |row| Ok((ProviderNumber(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
