//! The office: intake, reconciliation, settlement, storage.

use crate::counter::bytes_on_disk;
use crate::measure::Times;
use crate::table::{Asked, row};
use crate::world::kreis::{Kreis, PlainLine, Till, evening, first_day};
use crate::world::size;
use rusqlite::{Connection, TransactionBehavior, params};
use std::path::Path;
use teilhabe::admit::verify::open_by;
use teilhabe::shell::store;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::sealed::DocType;

/// A database that does nothing but keep entries under a unique key led by the day, with the pragmas of all of ours.
struct BareLedger(Connection);

impl BareLedger {
    fn new(dir: &Path) -> Self {
        let script = "CREATE TABLE bare (id INTEGER PRIMARY KEY, day INTEGER NOT NULL, slot BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;
            CREATE UNIQUE INDEX bare_slot ON bare (day, slot);";
        Self(store::open(&dir.join("bare.db"), &[script]).expect("a database"))
    }

    fn insert(&mut self, lines: &[PlainLine]) {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate).expect("begun");
        for line in lines {
            let mut insert = transaction.prepare_cached("INSERT INTO bare (day, slot, bytes) VALUES (?1, ?2, ?3)").expect("prepared");
            insert.execute(params![line.slot.day.days(), line.slot.id.0, line.bytes]).expect("inserted");
        }
        transaction.commit().expect("committed");
    }
}

/// What the limit does beside inserting the same bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limit {
    /// Nothing.
    InsertOnly,
    /// It verifies every signature that intake has to: the one of the batch's terminal over all of it. Lines carry none of their tokens' issuer.
    Verify,
}

/// An office and a bare ledger that take in the same, in turn.
struct Race {
    kreis: Kreis,
    bare: BareLedger,
    ours: Times,
    limit: Times,
    what: Limit,
}

impl Race {
    fn new(dir: &Path, children: usize, what: Limit) -> Self {
        Self { kreis: Kreis::new(dir, children), bare: BareLedger::new(dir), ours: Times::default(), limit: Times::default(), what }
    }

    /// One batch: these children on each of these days.
    fn take(&mut self, till: &mut Till, children: std::ops::Range<usize>, days: impl Iterator<Item = CivilDay>) {
        let entitlements = &self.kreis.entitlements[children];
        let lines: Vec<_> = days.flat_map(|day| entitlements.iter().map(move |e| (e, day))).map(|(e, day)| till.lunch(e, day)).collect();
        let batch = till.batch();
        let question = till.question(vec![batch.clone()]);
        let (kreis, bare, what, key) = (&mut self.kreis, &mut self.bare, self.what, till.key().clone());
        let answer = self.ours.take(|| kreis.send(&question));
        self.limit.take(|| {
            if what == Limit::Verify {
                open_by(&batch, DocType::Batch, &key).expect("genuine");
            }
            bare.insert(&lines);
        });
        till.is_confirmed(&answer);
    }

    fn report(&self, number: &str, what: &str, lines: f64, asked: Asked) {
        let (ours, limit) = (self.ours.cpu(50) / lines, self.limit.cpu(50) / lines);
        let speed = |micros: f64| format!("{:.0} lines per CPU second ({micros:.1} µs)", 1e6 / micros);
        let verified = if self.what == Limit::Verify { " + verify" } else { "" };
        row(number, what, &speed(ours), &format!("bare insert{verified}: {}", speed(limit)), limit / ours, asked);
    }
}

/// Bar 7: every line of a batch is another child's.
pub fn intake_of_strangers(dir: &Path) {
    let children = size(10_000, 20);
    let mut race = Race::new(dir, children, Limit::Verify);
    let mut till = race.kreis.till(1);
    for batch in 0..size(10, 2) as u32 {
        race.take(&mut till, 0..children, std::iter::once(first_day().plus(batch)));
    }
    race.report("7", &format!("intake, {children} children in a batch"), children as f64, Asked::AtLeast(0.5, 0.7));
}

/// Bars 8, 9 and 16: caterers with 500 children each, batches of 20 days.
pub fn intake_of_a_year(dir: &Path, lines: usize) {
    const DAYS: u32 = 20;
    /// So many times [`DAYS`] are within the year for which the children are approved.
    const ROUNDS: usize = 15;
    let each = size(500, 3);
    let per_batch = each * DAYS as usize;
    let tills = size(20, 2).max(lines.div_ceil(ROUNDS * per_batch));
    let mut race = Race::new(dir, tills * each, Limit::InsertOnly);
    let mut tills: Vec<Till> = (0..tills).map(|seed| race.kreis.till(seed as u8 + 1)).collect();
    let empty = bytes_on_disk(dir);
    let batches = (lines / per_batch).max(10);
    for batch in 0..batches {
        let place = batch % tills.len();
        let first = first_day().plus((batch / tills.len()) as u32 * DAYS);
        race.take(&mut tills[place], place * each..(place + 1) * each, (0..DAYS).map(|day| first.plus(day)));
    }
    let tenth = race.ours.len() / 10;
    for part in 0..10 {
        let calls = part * tenth..(part + 1) * tenth;
        let [ours, limit] = [&race.ours, &race.limit].map(|times| times.mean_cpu(calls.clone()) / per_batch as f64);
        crate::plot::point("intake", ((part + 1) * tenth * per_batch) as f64, ours, limit);
    }
    let lines = batches * per_batch;
    race.report("8", &format!("intake, {each} children in a batch, {lines} lines"), per_batch as f64, Asked::AtLeast(0.5, 0.75));
    let tenth = race.ours.len() / 10;
    let drift = |times: &Times| times.mean_cpu(0..tenth) / times.mean_cpu(times.len() - tenth..times.len());
    row(
        "9",
        &format!("intake of {lines} lines: last tenth vs first"),
        &format!("{:.2}", drift(&race.ours)),
        &format!("bare insert: {:.2}", drift(&race.limit)),
        drift(&race.ours),
        Asked::AtLeast(0.8, 0.95),
    );
    race.kreis.office.db().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("copied");
    let each = (bytes_on_disk(dir) - empty) / lines as f64;
    row("16", "office: storage per line", &format!("{each:.0} bytes"), "its entry alone: about 200", each, Asked::AtMost(360.0, 120.0));
}

/// Bar 11: what a small batch costs.
pub fn small_batches(dir: &Path) {
    let mut race = Race::new(dir, 25, Limit::InsertOnly);
    let mut till = race.kreis.till(1);
    for batch in 0..size(200, 3) as u32 {
        race.take(&mut till, 0..25, std::iter::once(first_day().plus(batch)));
    }
    let (ours, limit) = (race.ours.cpu(50) / 1e3, race.limit.cpu(50) / 1e3);
    row("11", "a batch of 25 lines, CPU", &format!("{ours:.2} ms"), &format!("bare insert: {limit:.2} ms"), ours, Asked::AtMost(2.0, 1.0));
}

/// Reconciliation, and settlement against one GROUP BY.
pub fn decisions(dir: &Path) {
    let children = size(10_000, 20);
    let mut race = Race::new(dir, children, Limit::InsertOnly);
    let mut till = race.kreis.till(1);
    // A meal on a Saturday or Sunday would be a question for a clerk.
    for day in (0..).map(|day| first_day().plus(day)).filter(|day| !day.is_weekend()).take(10) {
        race.take(&mut till, 0..children, std::iter::once(day));
    }
    let lines = children * 10;
    let (mut reconcile, mut sum, mut settle) = (Times::default(), Times::default(), Times::default());
    let office = &mut race.kreis.office;
    let tally = reconcile.take(|| office.reconcile(evening()).expect("reconciled"));
    assert_eq!(tally.accepted as usize, lines);
    let per_line = reconcile.cpu(50) / lines as f64;
    let figure = format!("{:.1} s ({:.0} lines per CPU second)", reconcile.cpu(50) / 1e6, 1e6 / per_line);
    row("", &format!("reconcile {lines} lines, CPU"), &figure, "–", per_line, Asked::Nothing);
    let cents: i64 = sum.take(|| {
        let sql = "SELECT sum(paid) FROM (SELECT provider, sum(decided) AS paid FROM line WHERE verdict <> 0 GROUP BY provider)";
        office.db().query_row(sql, [], |row| row.get(0)).expect("summed")
    });
    let settled = settle.take(|| office.settle("Anna", "Bernd", CivilDay::of(evening()).plus(5), evening()).expect("settled"));
    assert_eq!(settled.payments.iter().map(|payment| payment.cents.get()).sum::<i64>(), cents);
    row(
        "12",
        &format!("settle {lines} lines, CPU"),
        &format!("{:.2} s", settle.cpu(50) / 1e6),
        &format!("one GROUP BY: {:.2} s", sum.cpu(50) / 1e6),
        settle.cpu(50) / sum.cpu(50),
        Asked::AtMost(3.0, 3.0),
    );
}
