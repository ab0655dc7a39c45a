//! Simulated worlds on the command line.

use super::Report;
#[cfg(feature = "sim")]
use serde_json::json;

/// Which worlds to simulate, and for how long.
#[derive(Debug, clap::Args)]
pub struct Simulate {
    /// What everything is decided by: the same seed gives the same world.
    #[arg(long, value_name = "N")]
    pub seed: u64,
    /// How many days the world lives, 1 to 35.
    #[arg(long, value_name = "D", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=35))]
    pub days: u32,
    /// What kind of world: quiet, town, stormy, clones, clocks, outage24, manytowns or sticks; without it each seed has its own kind.
    #[arg(long, value_name = "NAME")]
    pub world: Option<String>,
    /// How many worlds, with the seeds that follow.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub towns: u64,
    /// How many at once.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub jobs: u32,
    /// What may go wrong, as a failure prints it; without it whatever goes wrong in that kind of world.
    #[arg(long, value_name = "FAULTS")]
    pub faults: Option<String>,
    /// The most terminals.
    #[arg(long, value_name = "N")]
    pub terminals: Option<u32>,
    /// How many children.
    #[arg(long, value_name = "N")]
    pub children: Option<u32>,
    /// How many of the last events are printed when a rule is broken.
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub events: usize,
}

/// Simulates; stops at a world in which a rule is broken, and says the shortest way to it that it can find.
#[cfg(feature = "sim")]
pub fn run(command: &Simulate) -> anyhow::Result<Report> {
    use crate::sim::{Kind, shortest};
    use std::collections::BTreeMap;
    let kind = match &command.world {
        Some(name) => Some(Kind::parse(name).ok_or_else(|| {
            let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            anyhow::anyhow!("there is no world “{name}”: choose {}", names.join(", "))
        })?),
        None => None,
    };
    let faults = command.faults.as_deref().map(faults).transpose()?;
    let (reports, failed) = all(command, kind, faults.as_deref());
    if let Some(failed) = failed {
        let seed = failed.setup.seed;
        let failed = shortest(failed, None);
        let text = format!(
            "{}\nseed {seed}: a rule is broken on day {}: {}\nagain: {}",
            failed.last(command.events),
            failed.day,
            failed.broken,
            again(&failed.setup)
        );
        return Ok(Report { json: json!({"failed": failed}), text, failed: true });
    }
    let mut counts = BTreeMap::<String, u64>::new();
    let mut text = String::new();
    for report in &reports {
        let (seed, days, world) = (report.setup.seed, report.setup.days, report.setup.world.name());
        text.push_str(&format!("seed {seed}, {world}, {days} days: every rule held, trace {}\n", report.trace.hex()));
        for (what, count) in &report.counts {
            *counts.entry(what.clone()).or_default() += count;
        }
    }
    for (what, count) in &counts {
        text.push_str(&format!("{count:>9}  {what}\n"));
    }
    let traces: Vec<_> = reports.iter().map(|report| json!({"setup": report.setup, "trace": report.trace.hex()})).collect();
    Ok(Report::new(text.trim_end(), json!({"days": command.days, "worlds": traces, "counts": counts})))
}

/// Runs the worlds, several at once; stops when one has failed.
#[cfg(feature = "sim")]
fn all(
    command: &Simulate,
    kind: Option<crate::sim::Kind>,
    faults: Option<&[crate::sim::Fault]>,
) -> (Vec<crate::sim::Report>, Option<crate::sim::Failed>) {
    use crate::sim::{Kind, Setup, simulate};
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};
    let next = AtomicU64::new(command.seed);
    let end = command.seed.saturating_add(command.towns);
    let results = Mutex::new((Vec::new(), None));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            let mut setup = Setup::new(kind.unwrap_or_else(|| Kind::of_seed(seed)), seed, command.days);
            setup.terminals = command.terminals.unwrap_or(setup.terminals).max(1);
            setup.children = command.children.unwrap_or(setup.children).max(1);
            if let Some(faults) = faults {
                setup.faults = faults.to_vec();
            }
            let result = simulate(&setup, None);
            let Ok(mut results) = results.lock() else { return };
            match result {
                Ok(report) => results.0.push(report),
                Err(failed) => {
                    results.1 = Some(*failed);
                    next.store(end, Ordering::Relaxed);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..command.jobs {
            scope.spawn(work);
        }
    });
    let (mut reports, failed) = results.into_inner().unwrap_or_default();
    reports.sort_by_key(|report| report.setup.seed);
    (reports, failed)
}

/// The kinds of faults named, separated by commas; `none` for none.
#[cfg(feature = "sim")]
fn faults(text: &str) -> anyhow::Result<Vec<crate::sim::Fault>> {
    use crate::sim::Fault;
    let name = |fault: &Fault| serde_json::to_value(fault).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
    let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "none").collect();
    if let Some(unknown) = names.iter().find(|wanted| !Fault::ALL.iter().any(|fault| name(fault) == **wanted)) {
        let all: Vec<String> = Fault::ALL.iter().map(name).collect();
        anyhow::bail!("nothing called “{unknown}” goes wrong here: choose from {}", all.join(","));
    }
    Ok(Fault::ALL.into_iter().filter(|fault| names.contains(&name(fault).as_str())).collect())
}

/// The command that runs a world again.
#[cfg(feature = "sim")]
fn again(setup: &crate::sim::Setup) -> String {
    let faults: Vec<String> = setup.faults.iter().filter_map(|fault| serde_json::to_value(fault).ok()?.as_str().map(str::to_owned)).collect();
    format!(
        "teilhabe simulate --world {} --seed {} --days {} --terminals {} --children {} --faults {}",
        setup.world.name(),
        setup.seed,
        setup.days,
        setup.terminals,
        setup.children,
        if faults.is_empty() { "none".to_owned() } else { faults.join(",") }
    )
}

/// Says that this program cannot.
#[cfg(not(feature = "sim"))]
pub fn run(_: &Simulate) -> anyhow::Result<Report> {
    anyhow::bail!("this program was built without the simulator: build it with `cargo build --features sim`")
}
