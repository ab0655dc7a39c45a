//! Settlement runs, what they paid and how banks answered.

use super::super::{StoreError, from_db, to_db};
use super::{array, payable, repayments, sound};
use crate::deliver::advice::AdvisedPayment;
use crate::settle::selection::Selection;
use crate::settle::settlement::Released;
use crate::shell::store::sql;
use crate::shell::store::sql::{Connection, OptionalExtension, params};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::Hash;
use crate::words::time::UtcMs;

/// Run and name of the files of runs that were first signed in the time from `from` up to, not including, `before`.
pub fn released_files(db: &Connection, from: UtcMs, before: UtcMs) -> Result<Vec<(u32, String)>, StoreError> {
    let sql = "SELECT f.run, f.name FROM released_file f JOIN run r ON r.number = f.run WHERE r.first_at >= ?1 AND r.first_at < ?2";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params![to_db(from.0), to_db(before.0)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A run's row.
#[derive(Clone, Debug)]
pub struct RunRow {
    /// Its number.
    pub number: u32,
    /// Whether two clerks released it.
    pub released: bool,
    /// The execution date.
    pub execution: CivilDay,
    /// What the clerk chose.
    pub selection: Selection,
    /// Fingerprint of what was signed.
    pub content: Hash,
    /// Who signed first, and when.
    pub first: (String, UtcMs),
    /// Who signed second, and when.
    pub second: Option<(String, UtcMs)>,
}

const RUN: &str = "SELECT number, state, execution, content, first_clerk, first_at, second_clerk, second_at, selection FROM run";

/// The runs that wait for release or are released, newest first.
pub fn runs(db: &Connection) -> Result<Vec<RunRow>, StoreError> {
    read_runs(db, "WHERE state IN ('signed', 'released') ORDER BY number DESC", params![])
}

/// One run that waits for release or is released.
pub fn run(db: &Connection, number: u32) -> Result<Option<RunRow>, StoreError> {
    Ok(read_runs(db, "WHERE state IN ('signed', 'released') AND number = ?1", params![number])?.pop())
}

/// The run that waits for its second signature.
pub fn signed_once(db: &Connection) -> Result<Option<RunRow>, StoreError> {
    Ok(read_runs(db, "WHERE state = 'signed' ORDER BY number LIMIT 1", params![])?.pop())
}

fn read_runs(db: &Connection, which: &str, values: impl sql::Params) -> Result<Vec<RunRow>, StoreError> {
    let mut statement = db.prepare_cached(&format!("{RUN} {which}"))?;
    let mut rows = statement.query(values)?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        let (second, second_at): (Option<String>, Option<i64>) = (row.get(6)?, row.get(7)?);
        runs.push(RunRow {
            selection: sound(Selection::parse(&row.get::<_, String>(8)?), "selection")?,
            number: row.get(0)?,
            released: row.get::<_, String>(1)? == "released",
            execution: sound(CivilDay::from_days(from_db(row.get(2)?)?), "day")?,
            content: Hash(array(row.get(3)?, "hash")?),
            first: (row.get(4)?, UtcMs(from_db(row.get(5)?)?)),
            second: second.zip(second_at.map(from_db).transpose()?.map(UtcMs)),
        });
    }
    Ok(runs)
}

/// Keeps the first signature.
pub fn insert_signed(db: &Connection, run: &RunRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO run (number, state, execution, content, first_clerk, first_at, selection) VALUES (?1, 'signed', ?2, ?3, ?4, ?5, ?6)";
    let selection = run.selection.to_string();
    db.execute(sql, params![run.number, run.execution.days(), run.content.0, run.first.0, to_db(run.first.1.0), selection])?;
    Ok(())
}

/// Notes that a run was withdrawn before its release; its number is not given again. False where it was not waiting.
pub fn withdraw(db: &Connection, number: u32) -> Result<bool, StoreError> {
    Ok(db.execute("UPDATE run SET state = 'withdrawn' WHERE number = ?1 AND state = 'signed'", [number])? > 0)
}

/// The number after the last one given out.
pub fn next_number(db: &Connection) -> Result<u32, StoreError> {
    Ok(u32::try_from(super::settings::next(db, "run")?).unwrap_or(u32::MAX))
}

/// Writes a released run: signatures, transfers, shares, and what every line is settled to.
pub fn release(db: &Connection, released: &Released) -> Result<(), StoreError> {
    let plan = released.plan();
    let number = plan.run.number.get();
    let [first, second] = released.signatures();
    let sql = "UPDATE run SET state = 'released', second_clerk = ?2, second_at = ?3 WHERE number = ?1 AND state = 'signed' AND content = ?4";
    if db.execute(sql, params![number, second.clerk.as_str(), to_db(second.at.0), first.content.0])? != 1 {
        return Err(StoreError::Inconsistent(format!("run {number}, which does not wait for release")));
    }
    for (settled, transfer) in released.transfers() {
        let sql = "INSERT INTO payment (end_to_end_id, run, provider, cents, remittance, iban) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let id = transfer.end_to_end_id.as_str();
        db.execute(sql, params![id, number, settled.provider.0, transfer.amount.get(), transfer.remittance, settled.account.iban().electronic()])?;
        insert_shares(db, number, settled.provider.0, id)?;
    }
    let expected = released.settled_lines().count() as u64;
    let changed = payable::settle_drawn(db, number)?;
    if changed != expected {
        return Err(StoreError::Inconsistent(format!("{} lines of run {number} that changed under the settlement", expected.abs_diff(changed))));
    }
    if repayments::settle_drawn(db, number)? != released.settled_credits().count() as u64 {
        return Err(StoreError::Inconsistent(format!("repayments of run {number} that changed under the settlement")));
    }
    Ok(())
}

/// Keeps which batch has which share in a payment, by the rows of the batches its lines came in: two may bear one number.
fn insert_shares(db: &Connection, run: u32, provider: u32, payment: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO share (end_to_end_id, batch, cents) SELECT ?3, batch, sum(cents) FROM (
                   SELECT l.batch, d.total - d.already AS cents FROM drawn_line d JOIN line l ON l.terminal = d.terminal AND l.seq = d.seq
                   WHERE d.run = ?1 AND d.provider = ?2
                   UNION ALL
                   SELECT x.batch, d.total - d.already FROM drawn_line d JOIN cancellation x ON x.terminal = d.terminal AND x.seq = d.seq
                   WHERE d.run = ?1 AND d.provider = ?2) AS s GROUP BY batch";
    db.prepare_cached(sql)?.execute(params![run, provider, payment])?;
    Ok(())
}

/// The payments of which a batch has a share, with that of other batches of the same terminal and number: their terminal keeps one for a
/// number. One that came back is followed by its counter-record: the same sums, negative, under the
/// same reference with a `Z` (zurück) behind it; and where a clerk found that it was paid after all, by the contrary of that, with a `G`
/// (gezahlt) behind it.
pub fn of_batch(db: &Connection, batch: i64) -> Result<Vec<AdvisedPayment>, StoreError> {
    let sql = "SELECT p.end_to_end_id, r.execution, sum(s.cents), p.cents, p.returned_on, p.stays_until, p.booked FROM batch o JOIN batch b ON b.batch = o.batch AND b.terminal = o.terminal JOIN share s ON s.batch = b.id
               JOIN payment p ON p.end_to_end_id = s.end_to_end_id JOIN run r ON r.number = p.run WHERE o.id = ?1 
               GROUP BY p.end_to_end_id, r.execution, p.cents, p.returned_on, p.stays_until, p.booked, p.run ORDER BY p.run";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([batch])?;
    let mut payments = Vec::new();
    while let Some(row) = rows.next()? {
        let day = |days: i64| -> Result<CivilDay, StoreError> { sound(CivilDay::from_days(from_db(days)?), "day") };
        let paid = AdvisedPayment {
            end_to_end_id: row.get(0)?,
            execution: day(row.get(1)?)?,
            share: Cents::new(row.get(2)?),
            transfer: Cents::new(row.get(3)?),
        };
        let contrary = |of: &AdvisedPayment, mark: char, execution: CivilDay| AdvisedPayment {
            end_to_end_id: format!("{}{mark}", of.end_to_end_id),
            execution,
            share: Cents::ZERO.minus(of.share),
            transfer: Cents::ZERO.minus(of.transfer),
        };
        let on = |column: usize| -> Result<Option<CivilDay>, StoreError> { row.get::<_, Option<i64>>(column)?.map(day).transpose() };
        let (returned, stays, booked) = (on(4)?, on(5)?, on(6)?);
        payments.push(paid);
        let told =
            stays.map(|stays| ('Z', stays)).into_iter().chain(stays.map(|stays| ('G', booked.unwrap_or(stays)))).chain(returned.map(|on| ('Z', on)));
        for (mark, on) in told {
            payments.extend(payments.last().map(|last| contrary(last, mark, on)));
        }
    }
    Ok(payments)
}

/// The row ids of the batches a run pays for.
pub fn batches_of_run(db: &Connection, run: u32) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT DISTINCT s.batch FROM share s JOIN payment p ON p.end_to_end_id = s.end_to_end_id WHERE p.run = ?1";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([run], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Keeps a file made of a released run, so that it can be had again unchanged.
pub fn insert_file(db: &Connection, run: u32, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
    db.execute("INSERT INTO released_file (run, name, bytes) VALUES (?1, ?2, ?3)", params![run, name, bytes])?;
    Ok(())
}

/// The names of a run's files.
pub fn files(db: &Connection, run: u32) -> Result<Vec<String>, StoreError> {
    let mut statement = db.prepare_cached("SELECT name FROM released_file WHERE run = ?1 ORDER BY name")?;
    let rows = statement.query_map([run], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One file of a run.
pub fn file(db: &Connection, run: u32, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(db.query_row("SELECT bytes FROM released_file WHERE run = ?1 AND name = ?2", params![run, name], |row| row.get(0)).optional()?)
}
