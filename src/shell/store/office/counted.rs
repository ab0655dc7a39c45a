//! How the sums follow where many lines are written at once: added up first, and written once for each sum.
//!
//! New lines are added up here, and what changes many lines (reconciling, settlement); everything else is counted by the triggers of
//! 0002/speed.sql and postgres/0002/sums.sql, a row at a time. `sums::verify` finds what is forgotten.

use super::super::{StoreError, to_db};
use super::lines::NewLine;
use crate::deliver::advice::Verdict;
use crate::reconcile::finding::Decision;
use crate::shell::store::sql::{Connection, Kind, Params, Places, Row, ValueRef};
use crate::words::legal_basis::LegalBasis;
use std::collections::BTreeMap;

/// What the sums know of a line.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    /// Row id of its batch.
    batch: i64,
    /// What it is summed under.
    group: Group,
    units: i64,
    claimed: i64,
    decided: i64,
    settled: i64,
}

/// What lines are summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    open: bool,
    month: i64,
    benefit: i64,
    provider: i64,
    basis: Option<LegalBasis>,
    is_taken_back: bool,
    state: i64,
}

/// The state of a line: the code of its verdict, or 4 where nothing has decided it yet.
fn state(verdict: Verdict, has_reason: bool) -> i64 {
    if verdict == Verdict::Pending && !has_reason { 4 } else { to_db(verdict.code()) }
}

impl Counted {
    /// The columns by which [`Self::of_row`] reads it, of a line `l`, its token `k` and its child `c`.
    pub(super) const COLUMNS: &'static str = "l.batch, l.run IS NULL, l.month, l.benefit, l.provider,
        coalesce((SELECT a.legal_basis FROM approval a WHERE a.id = k.approval), c.legal_basis, ''),
        l.cancelled_by IS NOT NULL, CASE WHEN l.verdict = 0 AND l.reason IS NULL THEN 4 ELSE l.verdict END,
        l.units, l.cents, l.decided, coalesce(l.settled, 0)";

    /// Of a row that has these columns from `at` on.
    pub(super) fn of_row(row: &Row<'_>, at: usize) -> Result<Self, StoreError> {
        let group = Group {
            open: row.get(at + 1)?,
            month: row.get(at + 2)?,
            benefit: row.get(at + 3)?,
            provider: row.get(at + 4)?,
            basis: basis(&row.get::<_, String>(at + 5)?)?,
            is_taken_back: row.get(at + 6)?,
            state: row.get(at + 7)?,
        };
        let (units, claimed) = (row.get(at + 8)?, row.get(at + 9)?);
        Ok(Self { batch: row.get(at)?, group, units, claimed, decided: row.get(at + 10)?, settled: row.get(at + 11)? })
    }

    fn of_new(line: &NewLine<'_>) -> Self {
        let r = line.redemption;
        let group = Group {
            open: true,
            month: r.day.month().months().into(),
            benefit: r.benefit.code().into(),
            provider: line.provider.0.into(),
            basis: line.basis,
            is_taken_back: false,
            state: state(Verdict::Pending, false),
        };
        Self { batch: line.batch, group, units: to_db(r.units), claimed: r.cents.get(), decided: 0, settled: 0 }
    }

    fn decided(self, decision: &Decision) -> Self {
        let state = state(decision.verdict, decision.reason.is_some());
        Self { group: Group { state, ..self.group }, decided: decision.cents.get(), ..self }
    }
}

/// A stored legal basis; none where none is known.
pub(super) fn basis(stored: &str) -> Result<Option<LegalBasis>, StoreError> {
    if stored.is_empty() { Ok(None) } else { super::sound(LegalBasis::parse(stored), "legal basis").map(Some) }
}

/// Lines, units, claimed, decided and settled of a group.
type Sums = [i64; 5];

/// A row of the sums to be added.
struct Row12(Group, Sums);

impl Params for Row12 {
    fn each<'p>(&'p self, take: &mut dyn FnMut(Kind, ValueRef<'p>)) {
        let (mut places, group) = (Places(take), &self.0);
        places.numbers([group.open.into(), group.month, group.benefit, group.provider]);
        places.text(Some(group.basis.map_or("", LegalBasis::code)));
        places.numbers([group.is_taken_back.into(), group.state]);
        places.numbers(self.1);
    }
}

/// What is added to the sums.
#[derive(Default)]
struct Changes {
    lines: BTreeMap<Group, Sums>,
    /// Lines, pending, claimed, decided and settled of each batch.
    batches: BTreeMap<i64, Sums>,
}

impl Changes {
    fn add(&mut self, sign: i64, line: &Counted) {
        let Counted { batch, group, units, claimed, decided, settled } = *line;
        let is_pending = matches!(group.state, 0 | 4).into();
        grow(self.lines.entry(group).or_default(), sign, [1, units, claimed, decided, settled]);
        grow(self.batches.entry(batch).or_default(), sign, [1, is_pending, claimed, decided, settled]);
    }

    fn write(self, db: &Connection) -> Result<(), StoreError> {
        let sql = "INSERT INTO line_sum AS s (open, month, benefit, provider, basis, kind, state, lines, units, claimed, decided, settled)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                   ON CONFLICT (open, month, benefit, provider, basis, kind, state) DO UPDATE SET lines = s.lines + excluded.lines,
                       units = s.units + excluded.units, claimed = s.claimed + excluded.claimed, decided = s.decided + excluded.decided,
                       settled = s.settled + excluded.settled";
        let changed = |sums: &Sums| sums.iter().any(|sum| *sum != 0);
        let rows: Vec<_> = self.lines.into_iter().filter(|(_, sums)| changed(sums)).map(|(group, sums)| Row12(group, sums)).collect();
        db.execute_each(sql, &rows)?;
        let sql = "INSERT INTO batch_sum AS s (batch, lines, pending, claimed, decided, settled) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT (batch) DO UPDATE SET lines = s.lines + excluded.lines, pending = s.pending + excluded.pending,
                       claimed = s.claimed + excluded.claimed, decided = s.decided + excluded.decided, settled = s.settled + excluded.settled";
        let batches = self.batches.into_iter().filter(|(_, sums)| changed(sums));
        let batches: Vec<_> =
            batches.map(|(batch, [lines, pending, claimed, decided, settled])| [batch, lines, pending, claimed, decided, settled]).collect();
        db.execute_each(sql, &batches)?;
        Ok(())
    }
}

fn grow(sums: &mut Sums, sign: i64, by: Sums) {
    sums.iter_mut().zip(by).for_each(|(sum, by)| *sum = sum.saturating_add(by.saturating_mul(sign)));
}

/// Adds lines that were just taken in.
pub(super) fn taken_in(db: &Connection, lines: &[NewLine<'_>]) -> Result<(), StoreError> {
    let mut changes = Changes::default();
    let mut children: BTreeMap<(i64, i64, i64, &str), i64> = BTreeMap::new();
    for line in lines {
        let counted = Counted::of_new(line);
        changes.add(1, &counted);
        let basis = line.basis.map_or("", LegalBasis::code);
        *children.entry((counted.group.month, counted.group.benefit, line.child, basis)).or_default() += 1;
    }
    changes.write(db)?;
    let sql = "INSERT INTO child_sum AS s (month, benefit, child, basis, lines) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (month, benefit, child, basis) DO UPDATE SET lines = s.lines + excluded.lines";
    let children: Vec<_> = children.into_iter().map(|((month, benefit, child, basis), lines)| (month, benefit, child, basis, lines)).collect();
    db.execute_each(sql, &children)?;
    Ok(())
}

/// Has `write` decide lines, each of which was counted as is said here.
pub(super) fn deciding<'d>(
    db: &Connection,
    decided: impl Iterator<Item = (Counted, &'d Decision)>,
    write: impl FnOnce() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut changes = Changes::default();
    for (before, decision) in decided {
        changes.add(-1, &before);
        changes.add(1, &before.decided(decision));
    }
    changes.write(db)?;
    apart(db, write)
}

/// Has `write` settle the lines that a run was drawn up of: those that stand as they were drawn, of providers who are not carried over.
pub(super) fn settling(db: &Connection, run: u32, write: impl FnOnce() -> Result<u64, StoreError>) -> Result<u64, StoreError> {
    let of = |table: &str, kind: &str, sign: &str, line: &str| {
        format!(
            "SELECT CASE WHEN {table}.run IS NULL THEN 1 ELSE 0 END AS open, l.month, l.benefit, l.provider,
                 coalesce((SELECT a.legal_basis FROM token t JOIN approval a ON a.id = t.approval WHERE t.id = l.token),
                     (SELECT c.legal_basis FROM child c WHERE c.id = l.child), '') AS basis,
                 {kind} AS kind, {table}.verdict AS state, l.units, {sign}l.cents AS claimed, d.total, d.already
             FROM drawn_line d JOIN run_provider p ON p.run = d.run AND p.provider = d.provider {line}
             WHERE d.run = ?1 AND p.cents >= 0 AND coalesce({table}.settled, 0) = d.already AND {table}.decided = d.total
               AND {table}.verdict <> 0"
        )
    };
    let taken_back = "CASE WHEN l.cancelled_by IS NOT NULL THEN 1 ELSE 0 END";
    let redemptions = of("l", taken_back, "", "CROSS JOIN line l ON l.terminal = d.terminal AND l.seq = d.seq");
    let counter_records = of(
        "x",
        "2",
        "-",
        "CROSS JOIN cancellation x ON x.terminal = d.terminal AND x.seq = d.seq CROSS JOIN line l ON l.terminal = x.terminal AND l.seq = x.target",
    );
    // What is settled again stays in its group: one row of the sums is written once.
    let sql = format!(
        "WITH moved AS MATERIALIZED (
             SELECT open, month, benefit, provider, basis, kind, state, count(*) AS lines, sum(units) AS units, sum(claimed) AS claimed,
                 sum(total) AS total, sum(already) AS already
             FROM ({redemptions} UNION ALL {counter_records}) AS m GROUP BY open, month, benefit, provider, basis, kind, state)
         INSERT INTO line_sum AS s (open, month, benefit, provider, basis, kind, state, lines, units, claimed, decided, settled)
         SELECT open, month, benefit, provider, basis, kind, state, sum(lines), sum(units), sum(claimed), sum(decided), sum(settled) FROM (
             SELECT open, month, benefit, provider, basis, kind, state, -lines AS lines, -units AS units, -claimed AS claimed, -total AS decided,
                 -already AS settled FROM moved
             UNION ALL SELECT 0, month, benefit, provider, basis, kind, state, lines, units, claimed, total, total FROM moved) AS c
         WHERE true GROUP BY open, month, benefit, provider, basis, kind, state
         ON CONFLICT (open, month, benefit, provider, basis, kind, state) DO UPDATE SET lines = s.lines + excluded.lines,
             units = s.units + excluded.units, claimed = s.claimed + excluded.claimed, decided = s.decided + excluded.decided,
             settled = s.settled + excluded.settled"
    );
    db.prepare_cached(&sql)?.execute([run])?;
    let sql = "INSERT INTO batch_sum AS s (batch, lines, pending, claimed, decided, settled)
               SELECT l.batch, 0, 0, 0, 0, sum(d.total - d.already) FROM drawn_line d JOIN run_provider p ON p.run = d.run AND p.provider = d.provider
                   CROSS JOIN line l ON l.terminal = d.terminal AND l.seq = d.seq
               WHERE d.run = ?1 AND p.cents >= 0 AND coalesce(l.settled, 0) = d.already AND l.decided = d.total AND l.verdict <> 0
               GROUP BY l.batch ON CONFLICT (batch) DO UPDATE SET settled = s.settled + excluded.settled";
    db.prepare_cached(sql)?.execute([run])?;
    apart(db, write)
}

/// Has `write` change lines whose sums were written already: the triggers for rows leave them alone meanwhile. What fails is taken back with
/// the transaction, this mark too.
fn apart<T>(db: &Connection, write: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    db.count_apart(true)?;
    let written = write()?;
    db.count_apart(false)?;
    Ok(written)
}
