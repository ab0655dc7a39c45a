//! What the office's pages and interfaces show: counts, lists and single batches, read-only.

use super::super::{StoreError, from_db, to_db};
use super::sums::{self, By, Kind, Only, State};
use super::{array, sound};
use crate::deliver::advice::Verdict;
use crate::reconcile::finding::Tally;
use crate::shell::store::sql;
use crate::shell::store::sql::{Connection, Row, params};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::{BatchId, EntryId, Hash, ProviderNumber, TerminalId};
use crate::words::time::UtcMs;
use serde::Serialize;
use std::collections::BTreeMap;

/// The lines not yet settled by verdict, redemptions and counter-records alike.
pub fn open_lines(db: &Connection) -> Result<Tally, StoreError> {
    let unreadable = from_db(db.prepare_cached("SELECT count(*) FROM unreadable")?.query_row([], |row| row.get(0))?)?;
    let mut tally = Tally { rejected: unreadable, ..Tally::default() };
    for sum in sums::grouped(db, &[By::State], &Only { open: Some(true), ..Only::default() })? {
        match sum.state {
            Some(State::Accepted) => tally.accepted += sum.lines,
            Some(State::Reduced) => tally.reduced += sum.lines,
            Some(State::Rejected) => tally.rejected += sum.lines,
            Some(State::Finding | State::New) => tally.pending += sum.lines,
            None => {}
        }
    }
    Ok(tally)
}

/// A batch in a list.
#[derive(Clone, Debug, Serialize)]
pub struct BatchView {
    /// The batch.
    pub batch: BatchId,
    /// Whose.
    pub provider: ProviderNumber,
    /// The provider's name.
    pub provider_name: String,
    /// The terminal.
    pub terminal: TerminalId,
    /// What people call the terminal.
    pub terminal_label: String,
    /// When it arrived.
    pub received: UtcMs,
    /// Why it waits or was refused.
    pub reason: Option<String>,
    /// Its claim lines.
    pub lines: u64,
    /// Of these, those that wait for a clerk.
    pub pending: u64,
    /// What it claims.
    pub claimed: Cents,
    /// What is decided so far.
    pub decided: Cents,
    /// What is settled so far.
    pub settled: Cents,
    /// SHA-256 of its bytes.
    #[serde(skip)]
    pub hash: Hash,
    /// What became of it where it waited: `taken`, `descent`, `rejected` or `covered`.
    #[serde(skip)]
    pub choice: Option<String>,
}

const BATCH: &str = "SELECT b.batch, b.provider, coalesce(p.name, ''), t.terminal, t.label, b.received, b.reason,
        coalesce(s.lines, 0), coalesce(s.pending, 0), coalesce(s.claimed, 0), coalesce(s.decided, 0), coalesce(s.settled, 0),
        b.hash, (SELECT d.choice FROM batch_decision d WHERE d.batch = b.id)
    FROM batch b JOIN terminal t ON t.id = b.terminal LEFT JOIN provider p ON p.number = b.provider LEFT JOIN batch_sum s ON s.batch = b.id";

fn batch_row(row: &Row<'_>) -> Result<BatchView, StoreError> {
    Ok(BatchView {
        batch: BatchId(array(row.get(0)?, "batch id")?),
        provider: ProviderNumber(row.get(1)?),
        provider_name: row.get(2)?,
        terminal: TerminalId(array(row.get(3)?, "terminal id")?),
        terminal_label: row.get(4)?,
        received: UtcMs(from_db(row.get(5)?)?),
        reason: row.get(6)?,
        lines: from_db(row.get(7)?)?,
        pending: from_db(row.get(8)?)?,
        claimed: Cents::new(row.get(9)?),
        decided: Cents::new(row.get(10)?),
        settled: Cents::new(row.get(11)?),
        hash: Hash(array(row.get(12)?, "hash")?),
        choice: row.get(13)?,
    })
}

/// The batches that wait for a clerk, the oldest first.
pub fn waiting_batches(db: &Connection, most: u64) -> Result<Vec<BatchView>, StoreError> {
    let waiting = "SELECT id FROM batch WHERE reason IS NOT NULL AND id NOT IN (SELECT batch FROM batch_decision) ORDER BY id LIMIT ?1";
    let mut statement = db.prepare_cached(&format!("{BATCH} WHERE b.id IN ({waiting}) ORDER BY b.id"))?;
    let mut rows = statement.query([to_db(most)])?;
    let mut batches = Vec::new();
    while let Some(row) = rows.next()? {
        batches.push(batch_row(&row)?);
    }
    Ok(batches)
}

/// The newest batches, `most` of them after skipping `skip`.
pub fn batches(db: &Connection, skip: u64, most: u64) -> Result<Vec<BatchView>, StoreError> {
    let sql = format!("{BATCH} WHERE b.id IN (SELECT id FROM batch ORDER BY id DESC LIMIT ?1 OFFSET ?2) ORDER BY b.id DESC");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params![to_db(most), to_db(skip)])?;
    let mut batches = Vec::new();
    while let Some(row) = rows.next()? {
        batches.push(batch_row(&row)?);
    }
    Ok(batches)
}

/// The batches with this id: more than one only where a terminal used one id for different content.
pub fn batch(db: &Connection, batch: BatchId) -> Result<Vec<BatchView>, StoreError> {
    let mut statement = db.prepare_cached(&format!("{BATCH} WHERE b.batch = ?1 ORDER BY b.id"))?;
    let mut rows = statement.query([batch.0])?;
    let mut batches = Vec::new();
    while let Some(row) = rows.next()? {
        batches.push(batch_row(&row)?);
    }
    Ok(batches)
}

/// A line as a clerk sees it: no name, no handle.
#[derive(Clone, Debug, Serialize)]
pub struct LineView {
    /// Terminal and number.
    #[serde(flatten)]
    pub id: EntryId,
    /// Its batch.
    pub batch: BatchId,
    /// Whose claim.
    pub provider: ProviderNumber,
    /// The provider's name.
    pub provider_name: String,
    /// `redemption` or `cancellation`.
    pub kind: &'static str,
    /// The benefit.
    pub benefit: Benefit,
    /// The service.
    pub service: String,
    /// The service day.
    pub day: CivilDay,
    /// When it was recorded.
    pub at: UtcMs,
    /// How the token was seen, 1 to 6.
    pub seen_as: u64,
    /// What is claimed.
    pub claimed: Cents,
    /// The full price, where the claim is less.
    pub full_price: Option<Cents>,
    /// What was decided.
    pub verdict: Verdict,
    /// The decided total.
    pub decided: Cents,
    /// Why.
    pub reason: Option<String>,
    /// The line on the other side.
    pub against: Option<EntryId>,
    /// What is settled.
    pub settled: Option<Cents>,
}

pub(super) const LINE: &str =
    "SELECT t.terminal, l.seq, b.batch, l.provider, p.name, 0, l.benefit, l.service, l.day, l.at, l.seen_as, l.cents, l.full_price,
        l.verdict, l.decided, l.reason, (SELECT o.terminal FROM terminal o WHERE o.id = l.against_terminal), l.against_seq, l.settled
    FROM line l JOIN terminal t ON t.id = l.terminal JOIN batch b ON b.id = l.batch JOIN provider p ON p.number = l.provider";
const CANCELLATION: &str = "SELECT t.terminal, x.seq, b.batch, l.provider, p.name, 1, l.benefit, l.service, l.day, x.at, l.seen_as, -l.cents, NULL,
        x.verdict, x.decided, x.reason, t.terminal, x.target, x.settled
    FROM cancellation x JOIN line l ON l.terminal = x.terminal AND l.seq = x.target JOIN terminal t ON t.id = x.terminal
         JOIN batch b ON b.id = x.batch JOIN provider p ON p.number = l.provider";

fn line_row(row: &Row<'_>) -> Result<LineView, StoreError> {
    let (other, other_seq): (Option<Vec<u8>>, Option<i64>) = (row.get(16)?, row.get(17)?);
    let against = match other.zip(other_seq) {
        Some((terminal, seq)) => Some(EntryId { terminal: TerminalId(array(terminal, "terminal id")?), seq: from_db(seq)? }),
        None => None,
    };
    let (full_price, settled): (Option<i64>, Option<i64>) = (row.get(12)?, row.get(18)?);
    Ok(LineView {
        id: EntryId { terminal: TerminalId(array(row.get(0)?, "terminal id")?), seq: from_db(row.get(1)?)? },
        batch: BatchId(array(row.get(2)?, "batch id")?),
        provider: ProviderNumber(row.get(3)?),
        provider_name: row.get(4)?,
        kind: if row.get(5)? { "cancellation" } else { "redemption" },
        benefit: sound(Benefit::from_code(from_db(row.get(6)?)?), "benefit")?,
        service: row.get(7)?,
        day: sound(CivilDay::from_days(from_db(row.get(8)?)?), "day")?,
        at: UtcMs(from_db(row.get(9)?)?),
        seen_as: from_db(row.get(10)?)?,
        claimed: Cents::new(row.get(11)?),
        full_price: full_price.map(Cents::new),
        verdict: sound(Verdict::from_code(from_db(row.get(13)?)?), "verdict")?,
        decided: Cents::new(row.get(14)?),
        reason: row.get(15)?,
        against,
        settled: settled.map(Cents::new),
    })
}

pub(super) fn collect(db: &Connection, sql: &str, values: impl sql::Params) -> Result<Vec<LineView>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        lines.push(line_row(&row)?);
    }
    Ok(lines)
}

/// The lines of a batch by number, all or those with one verdict.
pub fn batch_lines(db: &Connection, batch: BatchId, only: Option<Verdict>, skip: u64, most: u64) -> Result<Vec<LineView>, StoreError> {
    let sql = format!(
        "{LINE} WHERE b.batch = ?1 AND l.terminal = b.terminal AND l.seq BETWEEN b.first_seq AND b.last_seq AND (?4 IS NULL OR l.verdict = ?4)
         UNION ALL {CANCELLATION} WHERE b.batch = ?1 AND (?4 IS NULL OR x.verdict = ?4) ORDER BY 2 LIMIT ?2 OFFSET ?3"
    );
    collect(db, &sql, params![batch.0, to_db(most), to_db(skip), only.map(|verdict| to_db(verdict.code()))])
}

/// The lines that wait for a clerk, oldest service day first.
pub fn findings(db: &Connection, most: u64) -> Result<Vec<LineView>, StoreError> {
    collect(db, &format!("{LINE} WHERE l.verdict = 0 AND l.reason IS NOT NULL ORDER BY l.reason, l.day, l.seq LIMIT ?1"), [to_db(most)])
}

/// One line.
pub fn line(db: &Connection, id: EntryId) -> Result<Option<LineView>, StoreError> {
    let lines = collect(db, &format!("{LINE} WHERE t.terminal = ?1 AND l.seq = ?2"), params![id.terminal.0, to_db(id.seq)])?;
    Ok(lines.into_iter().next())
}

/// A row of the statistics: what was claimed, decided and settled of a benefit in a month of service.
#[derive(Clone, Debug, Serialize)]
pub struct StatisticsRow {
    /// The month of service.
    pub month: CivilMonth,
    /// The benefit.
    pub benefit: Benefit,
    /// Lines.
    pub lines: u64,
    /// Children.
    pub children: u64,
    /// What was claimed.
    pub claimed: Cents,
    /// What was decided.
    pub decided: Cents,
    /// What was settled.
    pub settled: Cents,
}

/// Benefit by month of service, the latest month first. Cancelled redemptions do not count.
pub fn statistics(db: &Connection) -> Result<Vec<StatisticsRow>, StoreError> {
    let children: BTreeMap<(CivilMonth, Benefit), u64> = sums::children_by_month(db)?.into_iter().collect();
    let mut statistics = Vec::new();
    for sum in sums::grouped(db, &[By::Month, By::Benefit, By::Kind], &Only::default())? {
        let (Some(month), Some(benefit), Some(Kind::Standing)) = (sum.month, sum.benefit, sum.kind) else { continue };
        let children = children.get(&(month, benefit)).copied().unwrap_or(0);
        let (claimed, decided, settled) = (sum.claimed, sum.decided, sum.settled);
        statistics.push(StatisticsRow { month, benefit, lines: sum.lines, children, claimed, decided, settled });
    }
    statistics.sort_by_key(|row| (std::cmp::Reverse(row.month), row.benefit));
    Ok(statistics)
}

/// What a child used in a stretch of days at other terminals than this one, by benefit: units, cents, minutes.
pub fn used_elsewhere(db: &Connection, child: i64, terminal: i64, days: (CivilDay, CivilDay)) -> Result<Vec<(Benefit, u64, u64, u64)>, StoreError> {
    let sql =
        "SELECT benefit, sum(units), sum(max(decided, CASE WHEN verdict = 0 THEN cents ELSE 0 END)), coalesce(sum(lesson_end - lesson_start), 0)
               FROM (SELECT DISTINCT month FROM child_sum WHERE child = ?1 AND month BETWEEN ?3 AND ?4) m
                    CROSS JOIN line l ON l.month = m.month AND l.child = ?1
               WHERE terminal <> ?2 AND day BETWEEN ?5 AND ?6 AND cancelled_by IS NULL AND verdict <> 3 GROUP BY benefit";
    let mut statement = db.prepare_cached(sql)?;
    let values = params![child, terminal, days.0.month().months(), days.1.month().months(), days.0.days(), days.1.days()];
    let mut rows = statement.query(values)?;
    let mut used = Vec::new();
    while let Some(row) = rows.next()? {
        let benefit = sound(Benefit::from_code(from_db(row.get(0)?)?), "benefit")?;
        used.push((benefit, from_db(row.get(1)?)?, from_db(row.get(2)?)?, from_db(row.get(3)?)?));
    }
    Ok(used)
}

/// Children of whom this terminal has claimed something since `since`, at most `most` of them.
pub fn children_of_terminal(db: &Connection, terminal: i64, since: CivilMonth, most: u64) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT DISTINCT child FROM line WHERE terminal = ?1 AND month >= ?2 AND benefit <> 1 LIMIT ?3";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params![terminal, since.months(), to_db(most)], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
