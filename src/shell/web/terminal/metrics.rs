//! Figures for a watching machine, in the text format of Prometheus. Counts only: nothing of a child, nothing of an amount.

use super::App;
use super::client::ExchangeError;
use crate::book::entry::ClockState;
use crate::shell::door;
use crate::shell::web::problem::Problem;
use crate::terminal::counter::{Answer, CounterError};
use crate::terminal::inbound::TakenIn;
use crate::words::reason::Reason;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// What has been counted since the start.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    accepted: AtomicU64,
    failed: AtomicU64,
    refused: Mutex<BTreeMap<Reason, u64>>,
    exchanges: AtomicU64,
    failed_exchanges: AtomicU64,
    put_off: AtomicU64,
}

impl Metrics {
    /// Counts an answer of the counter.
    pub(super) fn counted(&self, outcome: &Result<Answer, CounterError>) {
        match outcome {
            Ok(Answer::Accepted(_)) => add(&self.accepted),
            Ok(Answer::Refused(refused)) => {
                if let Ok(mut counts) = self.refused.lock() {
                    *counts.entry(refused.reason).or_default() += 1;
                }
            }
            Err(CounterError::Store(_)) => add(&self.failed),
            Err(_) => {}
        }
    }

    /// Counts an exchange.
    pub(super) fn exchanged(&self, outcome: &Result<TakenIn, ExchangeError>) {
        add(match outcome {
            Ok(_) => &self.exchanges,
            Err(ExchangeError::Busy { .. }) => &self.put_off,
            Err(_) => &self.failed_exchanges,
        });
    }
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

pub(super) async fn show(State(app): State<App>) -> Result<Response, Problem> {
    let status = app.writer.run(|terminal, _| terminal.status(door::now())).await??;
    let mut text = String::new();
    let mut line = |name: &str, help: &str, kind: &str, values: &[(String, u64)]| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let one = |value| vec![(String::new(), value)];
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let metrics = &app.metrics;
    let refused: Vec<_> = metrics.refused.lock().map(|counts| counts.clone()).unwrap_or_default().into_iter().collect();
    let refused: Vec<_> = refused.into_iter().map(|(reason, count)| (format!("{{reason=\"{reason}\"}}"), count)).collect();
    let oldest = status.offices.iter().filter_map(|o| o.pending.oldest).min();
    line("teilhabe_redemptions_total", "Redemptions recorded since the start.", "counter", &one(read(&metrics.accepted)));
    line("teilhabe_refusals_total", "Refusals since the start, by reason.", "counter", &refused);
    line("teilhabe_storage_failures_total", "Requests that could not be stored.", "counter", &one(read(&metrics.failed)));
    let exchanges = vec![
        ("{result=\"ok\"}".into(), read(&metrics.exchanges)),
        ("{result=\"failed\"}".into(), read(&metrics.failed_exchanges)),
        ("{result=\"busy\"}".into(), read(&metrics.put_off)),
    ];
    line("teilhabe_exchanges_total", "Exchanges with an office since the start.", "counter", &exchanges);
    line("teilhabe_journal_entries", "Entries of the journal.", "gauge", &one(status.head.seq));
    let pending = status.offices.iter().map(|o| o.pending.entries).sum();
    line("teilhabe_pending_entries", "Entries no office has confirmed yet.", "gauge", &one(pending));
    let age = oldest.map_or(0, |at| door::now().since(at) / 1000);
    line("teilhabe_oldest_pending_seconds", "Age of the oldest of them.", "gauge", &one(age));
    line("teilhabe_held_entries", "Held entries that wait for a card.", "gauge", &one(status.held as u64));
    line("teilhabe_clock_suspect", "Whether the clock cannot be right.", "gauge", &one(u64::from(status.clock == ClockState::Suspect)));
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}
