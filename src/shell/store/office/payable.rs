//! What is payable: sums for looking, lines for signing, and what a run was drawn up of.

use super::super::{StoreError, from_db, to_db};
use super::{array, counted, repayments, sound};
use crate::deliver::advice::Verdict;
use crate::settle::selection::Selection;
use crate::settle::settlement::{LineKind, PayableLine, Plan};
use crate::shell::store::sql;
use crate::shell::store::sql::{Connection, Row, params};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::ids::{BatchId, EntryId, ProviderNumber, TerminalId};
use crate::words::legal_basis::LegalBasis;
use crate::words::reason::Reason;
use std::collections::BTreeMap;

/// Decided, or decided anew, since it was last settled. The partial indexes on both tables are over these very words.
const OPEN: &str = "verdict <> 0 AND (run IS NULL OR decided <> coalesce(settled, 0))";

/// What is payable of one provider, benefit and month of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenPart {
    /// Whose it is.
    pub provider: ProviderNumber,
    /// The benefit.
    pub benefit: Benefit,
    /// The month of the services.
    pub month: CivilMonth,
    /// How many lines, counter-records included; also those that pay nothing.
    pub lines: u64,
    /// What they come to.
    pub cents: Cents,
}

/// What is payable by provider, benefit and month, in this order; no line is loaded.
pub fn sums(db: &Connection) -> Result<Vec<OpenPart>, StoreError> {
    let lines = format!(
        "SELECT provider, benefit, month, count(*), sum(decided - coalesce(settled, 0)) FROM line INDEXED BY line_payable WHERE {OPEN} GROUP BY 1, 2, 3"
    );
    let cancellations = format!(
        "SELECT l.provider, l.benefit, l.month, count(*), sum(x.decided - coalesce(x.settled, 0))
         FROM (SELECT * FROM cancellation INDEXED BY cancellation_payable WHERE {OPEN}) x
         JOIN line l ON l.terminal = x.terminal AND l.seq = x.target GROUP BY 1, 2, 3"
    );
    let mut parts: BTreeMap<(ProviderNumber, Benefit, CivilMonth), (u64, Cents)> = BTreeMap::new();
    for sql in [lines, cancellations] {
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let benefit = sound(Benefit::from_code(from_db(row.get(1)?)?), "benefit")?;
            let month = sound(CivilMonth::from_months(from_db(row.get(2)?)?), "month")?;
            let part = parts.entry((ProviderNumber(row.get(0)?), benefit, month)).or_default();
            *part = (part.0 + from_db(row.get(3)?)?, part.1.plus(Cents::new(row.get(4)?)));
        }
    }
    Ok(parts.into_iter().map(|((provider, benefit, month), (lines, cents))| OpenPart { provider, benefit, month, lines, cents }).collect())
}

/// The columns of a line and of a counter-record in the order in which [`payable_row`] reads them; `{d}` are verdict, total, already
/// settled and reason, `{x}` what comes last.
const LINE: &str = "t.terminal, l.seq, b.batch, l.provider, l.benefit, l.service, l.day, 0, l.units, l.cents";
const CANCELLATION: &str = "t.terminal, x.seq, b.batch, l.provider, l.benefit, l.service, l.day, 1, l.units, -l.cents";

/// The legal basis of a line: that of the approval behind its token, else its child's. The sums (0002/speed.sql) read the same.
const BASIS: &str = "coalesce((SELECT a.legal_basis FROM token k JOIN approval a ON a.id = k.approval WHERE k.id = l.token), (SELECT c.legal_basis FROM child c WHERE c.id = l.child))";

/// All lines that are payable, of those that are chosen.
pub fn open_lines(db: &Connection, selection: &Selection) -> Result<Vec<PayableLine>, StoreError> {
    let sql = format!(
        "SELECT {LINE}, l.verdict, l.decided, coalesce(l.settled, 0), l.reason, {BASIS}
         FROM (SELECT * FROM line WHERE {OPEN}) l JOIN terminal t ON t.id = l.terminal JOIN batch b ON b.id = l.batch
         UNION ALL
         SELECT {CANCELLATION}, x.verdict, x.decided, coalesce(x.settled, 0), x.reason, {BASIS}
         FROM (SELECT * FROM cancellation WHERE {OPEN}) x JOIN line l ON l.terminal = x.terminal AND l.seq = x.target
              JOIN terminal t ON t.id = x.terminal JOIN batch b ON b.id = x.batch"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        let line = payable_row(&row)?;
        if selection.takes_line(&line) {
            lines.push(line);
        }
    }
    Ok(lines)
}

/// The lines a run was drawn up of that are still payable, as they stand now.
pub fn drawn_lines(db: &Connection, run: u32) -> Result<Vec<PayableLine>, StoreError> {
    let open = |table: &str| format!("{table}.verdict <> 0 AND ({table}.run IS NULL OR {table}.decided <> coalesce({table}.settled, 0))");
    let sql = format!(
        "SELECT {LINE}, l.verdict, l.decided, coalesce(l.settled, 0), l.reason, {BASIS}
         FROM drawn_line d JOIN line l ON l.terminal = d.terminal AND l.seq = d.seq JOIN terminal t ON t.id = l.terminal
              JOIN batch b ON b.id = l.batch WHERE d.run = ?1 AND {}
         UNION ALL
         SELECT {CANCELLATION}, x.verdict, x.decided, coalesce(x.settled, 0), x.reason, {BASIS}
         FROM drawn_line d JOIN cancellation x ON x.terminal = d.terminal AND x.seq = d.seq
              JOIN line l ON l.terminal = x.terminal AND l.seq = x.target JOIN terminal t ON t.id = x.terminal
              JOIN batch b ON b.id = x.batch WHERE d.run = ?1 AND {}",
        open("l"),
        open("x")
    );
    read_lines(db, &sql, params![run])
}

/// A provider's lines of a run exactly as they were signed; they name no legal basis.
pub fn signed_lines(db: &Connection, run: u32, provider: ProviderNumber) -> Result<Vec<PayableLine>, StoreError> {
    let sql = format!(
        "SELECT {LINE}, d.verdict, d.total, d.already, d.reason, NULL
         FROM drawn_line d JOIN line l ON l.terminal = d.terminal AND l.seq = d.seq JOIN terminal t ON t.id = l.terminal
              JOIN batch b ON b.id = l.batch WHERE d.run = ?1 AND d.provider = ?2
         UNION ALL
         SELECT {CANCELLATION}, d.verdict, d.total, d.already, d.reason, NULL
         FROM drawn_line d JOIN cancellation x ON x.terminal = d.terminal AND x.seq = d.seq
              JOIN line l ON l.terminal = x.terminal AND l.seq = x.target JOIN terminal t ON t.id = x.terminal
              JOIN batch b ON b.id = x.batch WHERE d.run = ?1 AND d.provider = ?2"
    );
    let mut lines = read_lines(db, &sql, params![run, provider.0])?;
    lines.sort_by_key(|line| (line.batch, line.entry));
    Ok(lines)
}

fn read_lines(db: &Connection, sql: &str, values: impl sql::Params) -> Result<Vec<PayableLine>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        lines.push(payable_row(&row)?);
    }
    Ok(lines)
}

fn payable_row(row: &Row<'_>) -> Result<PayableLine, StoreError> {
    let (reason, basis): (Option<String>, Option<String>) = (row.get(13)?, row.get(14)?);
    Ok(PayableLine {
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
    })
}

/// Keeps what a run was drawn up of: every line and every provider as they are signed.
pub fn insert_drawn(db: &Connection, plan: &Plan) -> Result<(), StoreError> {
    let run = plan.run.number.get();
    let settled = plan.settled.iter().map(|s| (s.provider, &s.account, &s.lines, s.transfer.as_ref().map_or(Cents::ZERO, |t| t.amount)));
    let waiting = plan.carried_over.iter().map(|c| (c.provider, &c.account, &c.lines, c.sum));
    let mut terminals: BTreeMap<TerminalId, i64> = BTreeMap::new();
    let mut terminal_row = db.prepare_cached("SELECT id FROM terminal WHERE terminal = ?1")?;
    let insert = "INSERT INTO drawn_line (run, provider, terminal, seq, total, already, verdict, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    for (provider, account, lines, cents) in settled.chain(waiting) {
        let sql = "INSERT INTO run_provider (run, provider, name, iban, lines, cents) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let count = to_db(lines.len() as u64);
        db.prepare_cached(sql)?.execute(params![run, provider.0, account.name(), account.iban().electronic(), count, cents.get()])?;
        let mut drawn = Vec::with_capacity(lines.len());
        for line in lines {
            let terminal = match terminals.get(&line.entry.terminal) {
                Some(known) => *known,
                None => {
                    let row = terminal_row.query_row([line.entry.terminal.0], |row| row.get(0))?;
                    terminals.insert(line.entry.terminal, row);
                    row
                }
            };
            let (seq, verdict, reason) = (to_db(line.entry.seq), to_db(line.verdict.code()), line.reason.map(Reason::code));
            drawn.push((run, provider.0, terminal, seq, line.total.get(), line.already.get(), verdict, reason));
        }
        // In the order of the table, whatever order batches have.
        drawn.sort_unstable_by_key(|(_, _, terminal, seq, ..)| (*terminal, *seq));
        db.execute_each(insert, &drawn)?;
    }
    repayments::insert_drawn(db, plan)
}

/// Forgets what a withdrawn run was drawn up of.
pub fn drop_drawn(db: &Connection, run: u32) -> Result<(), StoreError> {
    db.execute("DELETE FROM drawn_line WHERE run = ?1", [run])?;
    db.execute("DELETE FROM drawn_repayment WHERE run = ?1", [run])?;
    db.execute("DELETE FROM run_provider WHERE run = ?1", [run])?;
    Ok(())
}

/// Settles the lines of a released run, each to its signed total; answers how many. Lines of providers whose sum is carried over are not
/// among them, nor any that changed since.
pub fn settle_drawn(db: &Connection, run: u32) -> Result<u64, StoreError> {
    let changed = counted::settling(db, run, || {
        let mut changed = 0;
        for table in ["line", "cancellation"] {
            let sql = format!(
                "UPDATE {table} SET settled = d.total, run = ?1, advise = 1
                 FROM drawn_line d JOIN run_provider p ON p.run = d.run AND p.provider = d.provider
                 WHERE d.run = ?1 AND p.cents >= 0 AND {table}.terminal = d.terminal AND {table}.seq = d.seq
                   AND coalesce({table}.settled, 0) = d.already AND {table}.decided = d.total AND {table}.verdict <> 0"
            );
            changed += db.prepare_cached(&sql)?.execute([run])? as u64;
        }
        Ok(changed)
    })?;
    let sql = "INSERT INTO run_line (run, terminal, seq, total, already) SELECT d.run, d.terminal, d.seq, d.total, d.already
               FROM drawn_line d JOIN run_provider p ON p.run = d.run AND p.provider = d.provider WHERE d.run = ?1 AND p.cents >= 0";
    db.execute(sql, [run])?;
    Ok(changed)
}

/// A provider of a run.
#[derive(Clone, Debug)]
pub struct RunProvider {
    /// The provider.
    pub provider: ProviderNumber,
    /// The account holder's name that was signed.
    pub name: String,
    /// The account that was signed, in electronic form.
    pub iban: String,
    /// How many lines.
    pub lines: u64,
    /// What they and his repayments come to; below zero it is carried over.
    pub cents: Cents,
}

/// The providers of a run by number.
pub fn run_providers(db: &Connection, run: u32) -> Result<Vec<RunProvider>, StoreError> {
    let mut statement = db.prepare_cached("SELECT provider, name, iban, lines, cents FROM run_provider WHERE run = ?1 ORDER BY provider")?;
    let mut rows = statement.query([run])?;
    let mut providers = Vec::new();
    while let Some(row) = rows.next()? {
        providers.push(RunProvider {
            provider: ProviderNumber(row.get(0)?),
            name: row.get(1)?,
            iban: row.get(2)?,
            lines: from_db(row.get(3)?)?,
            cents: Cents::new(row.get(4)?),
        });
    }
    Ok(providers)
}
