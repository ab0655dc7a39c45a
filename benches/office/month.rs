//! The last month: taken in and decided beside its bare limit, and drawn up.

use crate::kept;
use crate::measure::Times;
use crate::town::{CLERKS, morning_after};
use rusqlite::{Connection, TransactionBehavior, params};
use std::path::Path;
use teilhabe::office::Office;
use teilhabe::settle::selection::Selection;
use teilhabe::shell::store::office::{desk, sums};
use teilhabe::shell::{door, store};
use teilhabe::words::civil::CivilDay;
use teilhabe::words::time::UtcMs;

/// A database that does nothing but keep lines under a unique key led by the day, with the pragmas of all of ours.
struct Bare(Connection);

impl Bare {
    fn new(dir: &Path) -> Self {
        let script = "CREATE TABLE bare (id INTEGER PRIMARY KEY, day INTEGER NOT NULL, slot BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;
            CREATE INDEX bare_slot ON bare (day, slot);";
        Self(store::open(&dir.join("bare.db"), &[script]).expect("a database"))
    }

    fn take(&mut self, sent: &crate::till::Sent) {
        sent.key.verify_strict(&sent.batch, &sent.signature).expect("genuine");
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate).expect("begun");
        for line in &sent.lines {
            let mut insert = transaction.prepare_cached("INSERT INTO bare (day, slot, bytes) VALUES (?1, ?2, ?3)").expect("prepared");
            insert.execute(params![line.day, line.slot, line.bytes]).expect("inserted");
        }
        transaction.commit().expect("committed");
    }
}

fn now(folder: &Path) -> UtcMs {
    let marks = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mark = marks.filter(|path| path.is_file()).find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("made-")));
    let number: u32 = std::fs::read_to_string(mark.expect("a world")).expect("read").parse().expect("a number");
    morning_after(number)
}

fn total(times: &Times) -> (f64, f64) {
    (times.total_wall(), times.total_cpu())
}

/// The most resident memory this process has had, in MiB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("a number") / 1024.0
}

fn row(what: &str, figure: &str, beside: &str, ratio: &str) {
    println!("| {what} | {figure} | {beside} | {ratio} |");
}

fn seconds((wall, cpu): (f64, f64)) -> String {
    format!("{wall:.1} s (CPU {cpu:.1} s)")
}

/// Takes the month in and decides it.
pub fn taken_in(folder: &Path) {
    let (dir, now) = (folder.join("run"), now(folder));
    let mut office = Office::open(&dir, door::os_chance(), now).expect("an office");
    let mut bare = Bare::new(&dir);
    let mut files: Vec<_> = std::fs::read_dir(folder.join("sent")).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let (mut ours, mut limit, mut lines) = (Times::default(), Times::default(), 0);
    for file in &files {
        let sent = kept::read(file);
        lines += sent.lines.len();
        ours.take(|| office.exchange(&sent.envelope, now).expect("answered"));
        limit.take(|| bare.take(&sent));
    }
    let mut stretches = Times::default();
    while !stretches.take(|| office.reconcile_some(now).expect("reconciled")).is_done() {}
    assert_eq!(sums::verify(office.db()).expect("counted"), 0, "the sums are not those of the lines");
    let before: u64 = office.db().query_row("SELECT count(*) FROM line", [], |row| row.get::<_, i64>(0)).expect("counted").unsigned_abs();
    let work = desk::open_work(office.db()).expect("counted");
    assert_eq!(work.new, 0, "all is decided");
    let (intake, decide, bare) = (total(&ours), total(&stretches), total(&limit));
    let both = (intake.0 + decide.0, intake.1 + decide.1);
    let ratio = |ours: (f64, f64)| format!("{:.1} (CPU {:.1})", ours.0 / bare.0, ours.1 / bare.1);
    let batches = files.len();
    let beside = format!("bare insert and signatures: {}", seconds(bare));
    row(&format!("{lines} lines in {batches} batches taken in; {before} lines in the database"), &seconds(intake), &beside, &ratio(intake));
    row(&format!("checked and reconciled, {} findings", work.findings), &seconds(decide), &beside, &ratio(decide));
    row("both together", &seconds(both), &beside, &ratio(both));
    row("a batch taken in, wall", &format!("p50 {:.1} ms, p95 {:.1} ms", ours.wall(50) / 1e3, ours.wall(95) / 1e3), "–", "–");
    let longest =
        format!("p50 {:.0} ms, p95 {:.0} ms, longest {:.0} ms", stretches.wall(50) / 1e3, stretches.wall(95) / 1e3, stretches.wall(100) / 1e3);
    row("a stretch of reconciling, in which others wait", &longest, "–", "–");
    row("memory at its peak", &format!("{:.0} MiB", peak()), "–", "–");
}

/// Draws the month up and releases it.
pub fn drawn_up(folder: &Path) {
    let (dir, now) = (folder.join("run"), now(folder));
    let mut office = Office::open(&dir, door::os_chance(), now).expect("an office");
    let (mut sign, mut release) = (Times::default(), Times::default());
    let payable = sums::payable(office.db()).expect("summed");
    let [first, second] = CLERKS;
    let execution = CivilDay::of(now).plus(5);
    sign.take(|| office.draw_up(first, &Selection::default(), execution, None, now).expect("signed"));
    let settled = release.take(|| office.release(second, now).expect("released"));
    let paid: i64 = settled.payments.iter().map(|payment| payment.cents.get()).sum();
    assert_eq!(paid, payable.get(), "what is paid is what the sums said");
    row(&format!("drawn up and signed, {} transfers", settled.payments.len()), &seconds(total(&sign)), "–", "–");
    row("released, files and advices made", &seconds(total(&release)), "–", "–");
    row("memory at its peak, drawing up", &format!("{:.0} MiB", peak()), "–", "–");
}
