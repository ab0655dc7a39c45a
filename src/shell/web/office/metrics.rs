//! Figures for a watching machine, in Prometheus' text format 0.0.4. Counts and times only: nothing of a child, a clerk or an amount, and
//! every label has few values that are known beforehand. `firmware-config/prometheus` has the alerts and the dashboard that read them.

use super::Desk;
use super::answer::Refusal;
use crate::office::{Office, OfficeError};
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::office::sums::{self, Only};
use crate::shell::store::office::{desk, payments, sessions, waiting};
use crate::words::time::UtcMs;
use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The upper ends of the steps in which the time of an exchange is counted, in milliseconds.
const STEPS_MS: [u64; 10] = [10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000, 40_000];
/// What a store can fail by, as it is counted.
const FAILURES: [&str; 6] = ["full", "damaged", "busy", "not_writable", "not_reachable", "other"];
/// How often the store has failed since the process began, wherever an answer was made of it.
static FAILED: [AtomicU64; FAILURES.len()] = [const { AtomicU64::new(0) }; FAILURES.len()];

/// By what the store has failed: the word under which it is counted, and by which readiness names it.
pub const fn failure(why: &StoreError) -> &'static str {
    match why {
        StoreError::Full(_) | StoreError::NoRoomToUpdate(_) => "full",
        StoreError::Damaged(_) | StoreError::Inconsistent(_) => "damaged",
        StoreError::Busy(_) => "busy",
        StoreError::NotWritable(_) | StoreError::Folder(_) => "not_writable",
        StoreError::NotReachable(_) | StoreError::NoServer(_) => "not_reachable",
        _ => "other",
    }
}

/// Counts that the store has failed.
pub fn storage_failed(why: &StoreError) {
    let counter = FAILURES.iter().position(|known| *known == failure(why)).and_then(|place| FAILED.get(place));
    if let Some(counter) = counter {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// What has been counted since the process began.
#[derive(Debug, Default)]
pub struct Counted {
    steps: [AtomicU64; STEPS_MS.len() + 1],
    micros: AtomicU64,
    put_off: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

impl Counted {
    /// Counts an exchange that took so long, from its last byte to its answer.
    pub fn exchange<T>(&self, outcome: &Result<T, Refusal>, took: Duration) {
        let counter = match outcome {
            Ok(_) => {
                let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                let step = STEPS_MS.iter().position(|most| ms <= *most).unwrap_or(STEPS_MS.len());
                self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(0), Ordering::Relaxed);
                self.steps.get(step)
            }
            Err(refusal) if refusal.put_off => Some(&self.put_off),
            Err(refusal) if refusal.problem.status.is_server_error() => Some(&self.failed),
            Err(_) => Some(&self.refused),
        };
        if let Some(counter) = counter {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn answered(&self) -> u64 {
        self.steps.iter().map(read).sum()
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// What is told, family by family.
#[derive(Debug, Default)]
struct Told(String);

impl Told {
    fn family(&mut self, kind: &str, name: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP teilhabe_{name} {help}\n# TYPE teilhabe_{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: impl Display) {
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(self.0, "teilhabe_{name}{labels} {value}");
    }

    fn one(&mut self, kind: &str, name: &str, help: &str, value: impl Display) {
        self.family(kind, name, help);
        self.sample(name, "", value);
    }

    fn many(&mut self, kind: &str, name: &str, help: &str, label: &str, samples: &[(&str, u64)]) {
        self.family(kind, name, help);
        for (value, count) in samples {
            self.sample(name, &format!("{label}=\"{value}\""), count);
        }
    }
}

impl Desk {
    /// All figures. What a waiting line for the office costs is measured by asking.
    pub(super) async fn figures(&self) -> Result<String, Refusal> {
        let mut told = Told::default();
        told.family("gauge", "build_info", "The program.");
        told.sample("build_info", &format!("version=\"{}\",role=\"office\"", env!("CARGO_PKG_VERSION")), 1);
        let begun = Instant::now();
        self.0.office.ask(|_| ()).await?;
        let help = "How long this question waited for its turn at the office, in which everything is written.";
        told.one("gauge", "writer_wait_seconds", help, begun.elapsed().as_secs_f64());
        self.counted(&mut told);
        let now = door::now();
        let kept = self.0.office.ask(move |office| of_store(office, now)).await??;
        Ok(told.0 + &kept.0)
    }

    fn counted(&self, told: &mut Told) {
        let counted = &self.0.counted;
        let outcomes = [
            ("answered", counted.answered()),
            ("refused", read(&counted.refused)),
            ("put_off", read(&counted.put_off)),
            ("failed", read(&counted.failed)),
        ];
        told.many("counter", "exchanges_total", "Exchanges since the start; those put off were told when to come again.", "result", &outcomes);
        let name = "exchange_seconds";
        told.family("histogram", name, "From the last byte of a terminal's question to its answer.");
        let mut below = 0;
        for (most, counter) in STEPS_MS.iter().zip(&counted.steps) {
            below += read(counter);
            told.sample("exchange_seconds_bucket", &format!("le=\"{}\"", Duration::from_millis(*most).as_secs_f64()), below);
        }
        told.sample("exchange_seconds_bucket", "le=\"+Inf\"", counted.answered());
        told.sample("exchange_seconds_sum", "", Duration::from_micros(read(&counted.micros)).as_secs_f64());
        told.sample("exchange_seconds_count", "", counted.answered());
        let (small, large) = self.0.gate.under_way();
        told.many(
            "gauge",
            "exchanges_under_way",
            "Exchanges that wait for their turn or for their answer to go out.",
            "size",
            &[("small", small), ("large", large)],
        );
        let failures: Vec<_> = FAILURES.iter().copied().zip(FAILED.iter().map(read)).collect();
        told.many(
            "counter",
            "storage_failures_total",
            "Answers that could not be given because the store failed, since the start.",
            "kind",
            &failures,
        );
        told.one("gauge", "ending", "Whether this process is ending.", u8::from(self.is_ending()));
    }
}

/// What stands in the store.
fn of_store(office: &Office, now: UtcMs) -> Result<Told, OfficeError> {
    let (db, mut told) = (office.db(), Told::default());
    let work = desk::open_work(db)?;
    let lines: u64 = sums::grouped(db, &[], &Only::default())?.iter().map(|sum| sum.lines).sum();
    told.one("gauge", "lines", "Lines taken in, less those whose time is over and that were deleted.", lines);
    let batches = [("received", desk::batch_count(db)?), ("waiting", work.waiting_batches)];
    told.many("gauge", "batches", "Batches received, and those of them that could not be taken in.", "state", &batches);
    let oldest = waiting::oldest(db)?.map_or(0, |at| now.since(at) / 1000);
    told.one("gauge", "oldest_waiting_batch_seconds", "Age of the oldest batch that could not be taken in and has no answer; zero for none.", oldest);
    let refused = waiting::refused_by_reason(db)?;
    let refused: Vec<_> = refused.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
    told.many("gauge", "refused_batches", "Batches kept as waiting or refused, by reason.", "reason", &refused);
    let open =
        [("new", work.new), ("pending", work.findings), ("accepted", work.accepted.0), ("reduced", work.reduced.0), ("rejected", work.rejected)];
    told.many("gauge", "open_lines", "Lines not yet settled by verdict; new ones are not reconciled yet.", "verdict", &open);
    told.one("gauge", "children_to_reconcile", "Children whose lines must be decided, or decided again.", work.children_to_decide);
    let (released, signed): (Vec<_>, Vec<_>) = payments::runs(db)?.into_iter().partition(|run| run.released);
    let runs = [("signed", signed.len() as u64), ("released", released.len() as u64)];
    told.many("gauge", "runs", "Payment runs by state; signed ones wait for their second signature.", "state", &runs);
    let terminals = desk::terminals(db)?;
    told.one("gauge", "terminals", "Terminals admitted.", terminals.len());
    let last = terminals.iter().filter_map(|t| t.last_exchange).max().map_or(0, |at| at.seconds().0);
    told.one("gauge", "last_exchange_timestamp_seconds", "When a terminal was last answered.", last);
    told.one("gauge", "sessions", "Sessions of clerks that are kept, in whichever process they began.", sessions::count(db)?);
    Ok(told)
}
