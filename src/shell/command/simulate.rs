//! Simulated towns on the command line.

use super::Report;
#[cfg(feature = "sim")]
use serde_json::json;

/// Which towns to simulate, and for how long.
#[derive(Debug, clap::Args)]
pub struct Simulate {
    /// What everything is decided by: the same seed gives the same town.
    #[arg(long, value_name = "N")]
    pub seed: u64,
    /// How many days the town lives, 1 to 35.
    #[arg(long, value_name = "D", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=35))]
    pub days: u32,
    /// How many towns, with the seeds that follow.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub towns: u64,
}

/// Simulates; stops at the first town in which a rule is broken.
#[cfg(feature = "sim")]
pub fn run(command: &Simulate) -> anyhow::Result<Report> {
    use std::collections::BTreeMap;
    let (mut counts, mut traces, mut text) = (BTreeMap::<String, u64>::new(), Vec::new(), String::new());
    for seed in command.seed..command.seed.saturating_add(command.towns) {
        match crate::sim::simulate(seed, command.days, None) {
            Ok(report) => {
                text.push_str(&format!("seed {seed}, {} days: every rule held, trace {}\n", report.days, report.trace.hex()));
                traces.push(json!({"seed": seed, "trace": report.trace.hex()}));
                for (what, count) in report.counts {
                    *counts.entry(what).or_default() += count;
                }
            }
            Err(failed) => {
                let text = format!("{}\nseed {seed}: a rule is broken: {}", failed.last.join("\n"), failed.broken);
                return Ok(Report { json: json!({"failed": failed}), text, failed: true });
            }
        }
    }
    for (what, count) in &counts {
        text.push_str(&format!("{count:>9}  {what}\n"));
    }
    Ok(Report::new(text.trim_end(), json!({"days": command.days, "towns": traces, "counts": counts})))
}

/// Says that this program cannot.
#[cfg(not(feature = "sim"))]
pub fn run(_: &Simulate) -> anyhow::Result<Report> {
    anyhow::bail!("this program was built without the simulator: build it with `cargo build --features sim`")
}
