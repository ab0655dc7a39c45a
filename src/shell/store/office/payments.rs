//! Settlement runs, what they paid and how banks answered.

use super::super::{StoreError, from_db, to_db};
use super::{array, sound};
use crate::deliver::advice::{AdvisedPayment, Verdict};
use crate::settle::settlement::{LineKind, PayableLine, Released};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{BatchId, EntryId, Hash, ProviderNumber, TerminalId};
use crate::words::legal_basis::LegalBasis;
use crate::words::reason::Reason;
use crate::words::time::UtcMs;
use rusqlite::{Connection, OptionalExtension, params};

const PAYABLE: &str = "
    SELECT t.terminal, l.seq, b.batch, l.provider, l.benefit, l.service, l.day, 0, l.units, l.cents, l.verdict, l.decided, coalesce(l.settled, 0),
           l.reason, c.legal_basis
    FROM line l JOIN terminal t ON t.id = l.terminal JOIN batch b ON b.id = l.batch JOIN child c ON c.id = l.child
    WHERE l.verdict <> 0 AND (l.run IS NULL OR l.decided <> coalesce(l.settled, 0))
    UNION ALL
    SELECT t.terminal, x.seq, b.batch, l.provider, l.benefit, l.service, l.day, 1, l.units, -l.cents, x.verdict, x.decided, coalesce(x.settled, 0),
           x.reason, c.legal_basis
    FROM cancellation x JOIN line l ON l.terminal = x.terminal AND l.seq = x.target JOIN terminal t ON t.id = x.terminal
         JOIN batch b ON b.id = x.batch JOIN child c ON c.id = l.child
    WHERE x.verdict <> 0 AND (x.run IS NULL OR x.decided <> coalesce(x.settled, 0))";

/// All lines that are decided, or decided anew, since they were last settled.
pub fn payable(db: &Connection) -> Result<Vec<PayableLine>, StoreError> {
    let mut statement = db.prepare_cached(PAYABLE)?;
    let mut rows = statement.query([])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        let (reason, basis): (Option<String>, Option<String>) = (row.get(13)?, row.get(14)?);
        lines.push(PayableLine {
            entry: EntryId { terminal: TerminalId(array(row.get(0)?, "terminal id")?), seq: from_db(row.get(1)?)? },
            batch: BatchId(array(row.get(2)?, "batch id")?),
            provider: ProviderNumber(row.get(3)?),
            benefit: sound(Benefit::from_code(from_db(row.get(4)?)?), "benefit")?,
            service: sound(Code::parse(&row.get::<_, String>(5)?), "service code")?,
            service_day: sound(CivilDay::from_days(from_db(row.get(6)?)?), "day")?,
            kind: if row.get(7)? { LineKind::Cancellation } else { LineKind::Redemption },
            units: from_db(row.get(8)?)?,
            claimed: Cents::new(row.get(9)?),
            verdict: sound(Verdict::from_code(from_db(row.get(10)?)?), "verdict")?,
            total: Cents::new(row.get(11)?),
            already: Cents::new(row.get(12)?),
            reason: reason.as_deref().and_then(Reason::from_code),
            legal_basis: basis.as_deref().and_then(LegalBasis::parse),
        });
    }
    Ok(lines)
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
    /// Fingerprint of what was signed.
    pub content: Hash,
    /// Who signed first, and when.
    pub first: (String, UtcMs),
    /// Who signed second, and when.
    pub second: Option<(String, UtcMs)>,
}

/// All runs, newest first.
pub fn runs(db: &Connection) -> Result<Vec<RunRow>, StoreError> {
    let sql = "SELECT number, state, execution, content, first_clerk, first_at, second_clerk, second_at FROM run ORDER BY number DESC";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        let (second, second_at): (Option<String>, Option<i64>) = (row.get(6)?, row.get(7)?);
        runs.push(RunRow {
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

/// The run that waits for its second signature.
pub fn signed_once(db: &Connection) -> Result<Option<RunRow>, StoreError> {
    Ok(runs(db)?.into_iter().find(|run| !run.released))
}

/// Keeps the first signature.
pub fn insert_signed(db: &Connection, run: &RunRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO run (number, state, execution, content, first_clerk, first_at) VALUES (?1, 'signed', ?2, ?3, ?4, ?5)";
    db.execute(sql, params![run.number, run.execution.days(), run.content.0, run.first.0, to_db(run.first.1.0)])?;
    Ok(())
}

/// Drops a run that was signed once and will not be released; its number is not given again.
pub fn drop_signed(db: &Connection, number: u32) -> Result<bool, StoreError> {
    Ok(db.execute("DELETE FROM run WHERE number = ?1 AND state = 'signed'", [number])? > 0)
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
    let sql = "INSERT INTO run (number, state, execution, content, first_clerk, first_at, second_clerk, second_at) VALUES (?1, 'released', ?2, ?3, ?4, ?5, ?6, ?7)
               ON CONFLICT (number) DO UPDATE SET state = 'released', second_clerk = excluded.second_clerk, second_at = excluded.second_at WHERE state = 'signed'";
    let (first_name, second_name) = (first.clerk.as_str(), second.clerk.as_str());
    let values = params![number, plan.run.execution_date.days(), first.content.0, first_name, to_db(first.at.0), second_name, to_db(second.at.0)];
    if db.execute(sql, values)? != 1 {
        return Err(StoreError::Inconsistent(format!("run {number}, which was released before")));
    }
    for (settled, transfer) in released.transfers() {
        let sql = "INSERT INTO payment (end_to_end_id, run, provider, cents, remittance, iban) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let id = transfer.end_to_end_id.as_str();
        db.execute(sql, params![id, number, settled.provider.0, transfer.amount.get(), transfer.remittance, settled.account.iban().electronic()])?;
        for share in &settled.shares {
            let sql = "INSERT INTO share (end_to_end_id, batch, cents) SELECT ?1, id, ?3 FROM batch WHERE batch = ?2 AND reason IS NULL";
            db.execute(sql, params![id, share.batch.0, share.cents.get()])?;
        }
    }
    for line in released.settled_lines() {
        settle_line(db, number, line)?;
    }
    Ok(())
}

fn settle_line(db: &Connection, run: u32, line: &PayableLine) -> Result<(), StoreError> {
    let table = match line.kind {
        LineKind::Redemption => "line",
        LineKind::Cancellation => "cancellation",
    };
    let sql = format!(
        "UPDATE {table} SET settled = ?3, run = ?4, advise = 1 WHERE terminal = (SELECT id FROM terminal WHERE terminal = ?1) AND seq = ?2
         AND coalesce(settled, 0) = ?5 AND decided = ?3"
    );
    let (terminal, seq) = (line.entry.terminal.0, to_db(line.entry.seq));
    let changed = db.prepare_cached(&sql)?.execute(params![terminal, seq, line.total.get(), run, line.already.get()])?;
    if changed != 1 {
        return Err(StoreError::Inconsistent(format!(
            "entry {} of terminal {}, which changed under the settlement",
            line.entry.seq, line.entry.terminal
        )));
    }
    let sql = "INSERT INTO run_line (run, terminal, seq, total, already) SELECT ?1, id, ?3, ?4, ?5 FROM terminal WHERE terminal = ?2";
    db.prepare_cached(sql)?.execute(params![run, terminal, seq, line.total.get(), line.already.get()])?;
    Ok(())
}

/// The payments of which a batch has a share.
pub fn of_batch(db: &Connection, batch: i64) -> Result<Vec<AdvisedPayment>, StoreError> {
    let sql = "SELECT p.end_to_end_id, r.execution, s.cents, p.cents FROM share s JOIN payment p ON p.end_to_end_id = s.end_to_end_id
               JOIN run r ON r.number = p.run WHERE s.batch = ?1 ORDER BY p.run";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([batch])?;
    let mut payments = Vec::new();
    while let Some(row) = rows.next()? {
        payments.push(AdvisedPayment {
            end_to_end_id: row.get(0)?,
            execution: sound(CivilDay::from_days(from_db(row.get(1)?)?), "day")?,
            share: Cents::new(row.get(2)?),
            transfer: Cents::new(row.get(3)?),
        });
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

/// What is known of a transfer.
#[derive(Clone, Debug)]
pub struct PaymentState {
    /// Its amount.
    pub cents: Cents,
    /// When the bank booked it.
    pub booked: Option<CivilDay>,
    /// Why it came back.
    pub returned: Option<String>,
}

/// The state of the transfer with this reference.
pub fn payment(db: &Connection, end_to_end_id: &str) -> Result<Option<PaymentState>, StoreError> {
    let sql = "SELECT cents, booked, returned FROM payment WHERE end_to_end_id = ?1";
    let row: Option<(i64, Option<i64>, Option<String>)> =
        db.query_row(sql, [end_to_end_id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    let Some((cents, booked, returned)) = row else { return Ok(None) };
    let booked = booked.map(from_db).transpose()?.and_then(CivilDay::from_days);
    Ok(Some(PaymentState { cents: Cents::new(cents), booked, returned }))
}

/// Notes that the bank booked a payment, or that it came back.
pub fn set_booked(db: &Connection, end_to_end_id: &str, booked: CivilDay, returned: Option<&str>) -> Result<(), StoreError> {
    let sql = "UPDATE payment SET booked = ?2, returned = coalesce(?3, returned) WHERE end_to_end_id = ?1";
    db.execute(sql, params![end_to_end_id, booked.days(), returned])?;
    Ok(())
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
