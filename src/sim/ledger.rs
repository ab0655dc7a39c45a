//! The office's ledger as the auditor reads it: by queries of its own, so that a wrong query of the office cannot hide itself.

use super::town::Town;
use super::{Broken, demand};
use crate::office::Office;
use crate::shell::store::office::sums;
use crate::words::ids::TerminalId;
use rusqlite::{Connection, Row};
use std::collections::BTreeMap;

/// A journal entry: the till's place in the town, and the entry's number.
pub(super) type At = (usize, u64);

/// A redemption as the ledger holds it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub cents: i64,
    pub verdict: i64,
    pub decided: i64,
    pub reason: Option<String>,
    pub settled: i64,
    pub run: Option<i64>,
    pub cancelled_by: Option<i64>,
    /// Whether its child waits to be decided (again).
    pub dirty: bool,
}

/// A counter-record as the ledger holds it.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    pub target: u64,
    pub verdict: i64,
    pub decided: i64,
    pub reason: Option<String>,
    pub settled: i64,
    pub run: Option<i64>,
}

/// One line of a released run.
#[derive(Clone, Debug)]
pub(super) struct RunLine {
    pub run: i64,
    pub at: At,
    pub provider: i64,
    pub total: i64,
    pub already: i64,
}

/// A transfer with the sum of its shares.
#[derive(Clone, Debug)]
pub(super) struct Payment {
    pub id: String,
    pub run: i64,
    pub provider: i64,
    pub cents: i64,
    pub shares: i64,
}

/// What the office holds.
#[derive(Debug)]
pub(super) struct Ledger {
    pub lines: BTreeMap<At, Line>,
    pub counters: BTreeMap<At, Counter>,
    pub unreadable: Vec<At>,
    pub run_lines: Vec<RunLine>,
    pub payments: Vec<Payment>,
    /// What was advised as paid to each till's batches.
    pub shares: BTreeMap<usize, i64>,
    /// Up to which entry the office holds each journal, and its link there.
    pub heads: BTreeMap<usize, (u64, Vec<u8>)>,
}

impl Ledger {
    /// Reads the whole ledger.
    pub fn read(town: &Town) -> Result<Self, Broken> {
        let different = sums::verify(town.office.db()).map_err(|error| Broken::unexpected("the sums cannot be counted anew", &error))?;
        demand(different == 0, "the sums kept are those of the lines", || format!("{different} rows differ"))?;
        read(&town.office, &places(town)).map_err(|error| Broken::unexpected("the ledger cannot be read", &error))
    }
}

fn places(town: &Town) -> BTreeMap<TerminalId, usize> {
    town.tills.iter().enumerate().map(|(place, till)| (till.terminal.id(), place)).collect()
}

fn read(office: &Office, places: &BTreeMap<TerminalId, usize>) -> rusqlite::Result<Ledger> {
    let db = office.db();
    let mut tills = BTreeMap::new();
    let mut heads = BTreeMap::new();
    all(db, "SELECT id, terminal, head_seq, head_link FROM terminal", |row| {
        let place = places.get(&TerminalId(row.get(1)?)).copied().unwrap_or(usize::MAX);
        tills.insert(row.get::<_, i64>(0)?, place);
        heads.insert(place, (number(row, 2)?, row.get(3)?));
        Ok(())
    })?;
    let at = |row: &Row<'_>| -> rusqlite::Result<At> { Ok((tills.get(&row.get(0)?).copied().unwrap_or(usize::MAX), number(row, 1)?)) };
    let sql = "SELECT terminal, seq, cents, verdict, decided, reason, coalesce(settled, 0), run, cancelled_by, child IN (SELECT child FROM to_decide) FROM line";
    let mut lines = BTreeMap::new();
    all(db, sql, |row| {
        let line = Line {
            cents: row.get(2)?,
            verdict: row.get(3)?,
            decided: row.get(4)?,
            reason: row.get(5)?,
            settled: row.get(6)?,
            run: row.get(7)?,
            cancelled_by: row.get(8)?,
            dirty: row.get(9)?,
        };
        lines.insert(at(row)?, line);
        Ok(())
    })?;
    let mut counters = BTreeMap::new();
    all(db, "SELECT terminal, seq, target, verdict, decided, reason, coalesce(settled, 0), run FROM cancellation", |row| {
        let (reason, settled, run) = (row.get(5)?, row.get(6)?, row.get(7)?);
        let counter = Counter { target: number(row, 2)?, verdict: row.get(3)?, decided: row.get(4)?, reason, settled, run };
        counters.insert(at(row)?, counter);
        Ok(())
    })?;
    let mut unreadable = Vec::new();
    all(db, "SELECT terminal, seq FROM unreadable", |row| {
        unreadable.push(at(row)?);
        Ok(())
    })?;
    let run_lines = run_lines(db, &at)?;
    let (payments, shares) = payments(db, &tills)?;
    Ok(Ledger { lines, counters, unreadable, run_lines, payments, shares, heads })
}

fn run_lines(db: &Connection, at: &impl Fn(&Row<'_>) -> rusqlite::Result<At>) -> rusqlite::Result<Vec<RunLine>> {
    let sql = "SELECT r.terminal, r.seq, r.run, r.total, r.already, t.provider FROM run_line r JOIN terminal t ON t.id = r.terminal ORDER BY r.run";
    let mut found = Vec::new();
    all(db, sql, |row| {
        found.push(RunLine { at: at(row)?, run: row.get(2)?, total: row.get(3)?, already: row.get(4)?, provider: row.get(5)? });
        Ok(())
    })?;
    Ok(found)
}

fn payments(db: &Connection, tills: &BTreeMap<i64, usize>) -> rusqlite::Result<(Vec<Payment>, BTreeMap<usize, i64>)> {
    let sql =
        "SELECT p.end_to_end_id, p.run, p.provider, p.cents, coalesce((SELECT sum(s.cents) FROM share s WHERE s.end_to_end_id = p.end_to_end_id), 0)
               FROM payment p ORDER BY p.run, p.provider";
    let mut found = Vec::new();
    all(db, sql, |row| {
        found.push(Payment { id: row.get(0)?, run: row.get(1)?, provider: row.get(2)?, cents: row.get(3)?, shares: row.get(4)? });
        Ok(())
    })?;
    let mut shares = BTreeMap::new();
    all(db, "SELECT b.terminal, sum(s.cents) FROM share s JOIN batch b ON b.id = s.batch GROUP BY b.terminal", |row| {
        shares.insert(tills.get(&row.get(0)?).copied().unwrap_or(usize::MAX), row.get(1)?);
        Ok(())
    })?;
    Ok((found, shares))
}

fn all(db: &Connection, sql: &str, mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(row)?;
    }
    Ok(())
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::unsigned_abs)
}
