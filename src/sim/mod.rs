//! The simulator: offices and terminals, run in one process from one seed, with everything going wrong that does go wrong in a town.
//! The terminals and the offices are the real ones, on real SQLite.
//!
//! Reading order: [`weather`] (what kind of world it is) → [`town`], [`disk`] (who is there, and on what) → [`plan`], [`world`] (what
//! happens when) → [`counter`], [`phones`], [`lan`], [`exchange`], [`clerks`], [`keys`], [`waiting`], [`bank`] (what people do) → [`net`]
//! (what the network does to it) → [`power`], [`swap`] (what becomes of boxes) → [`truth`], [`ledger`], [`money`] (what people saw, and what
//! must hold) → [`canary`] (broken on purpose) → [`shrink`] (the shortest way to a failure).
//!
//! Everything is decided by [`Chance::seeded`](crate::words::chance::Chance::seeded); only the envelopes' encryption takes the
//! operating system's randomness. It decides nothing, so the trace is over decisions and never over ciphertexts.

mod bank;
mod canary;
mod chips;
mod clerks;
mod counter;
mod disk;
mod exchange;
mod keys;
mod lan;
mod ledger;
mod money;
mod net;
mod phones;
mod plan;
mod power;
mod shrink;
mod swap;
mod town;
mod truth;
mod waiting;
mod weather;
mod world;

pub use canary::Canary;
pub use shrink::shortest;
pub use weather::{Fault, Kind, Setup};

use crate::words::ids::Hash;
use serde::Serialize;
use std::collections::BTreeMap;

/// The longest simulation in days: answers to asks are remembered for 40.
pub const MAX_DAYS: u32 = 35;

/// A rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{rule}: {detail}")]
pub struct Broken {
    /// The rule.
    pub rule: &'static str,
    /// What contradicts it.
    pub detail: String,
}

impl Broken {
    fn new(rule: &'static str, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into() }
    }

    fn unexpected(what: &str, error: &dyn std::fmt::Display) -> Self {
        Self::new("nothing fails without a cause", format!("{what}: {error}"))
    }
}

/// Complains where `holds` is false.
fn demand(holds: bool, rule: &'static str, detail: impl FnOnce() -> String) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken::new(rule, detail())) }
}

/// What happened in one simulated world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What it was.
    pub setup: Setup,
    /// SHA-256 over all events and decisions, in order: the same seed gives the same.
    pub trace: Hash,
    /// How often what happened.
    pub counts: BTreeMap<String, u64>,
}

/// A simulation in which a rule was broken.
#[derive(Clone, Debug, Serialize)]
pub struct Failed {
    /// What it was.
    pub setup: Setup,
    /// The day of the simulation on which it broke.
    pub day: u32,
    /// The rule.
    pub broken: Broken,
    /// What happened, the latest last; too much for a report.
    #[serde(skip)]
    pub events: Vec<String>,
}

/// Runs one world, with nothing broken on purpose or with one thing.
pub fn simulate(setup: &Setup, canary: Option<Canary>) -> Result<Report, Box<Failed>> {
    let setup = Setup { days: setup.days.clamp(1, MAX_DAYS), ..setup.clone() };
    let mut world = match world::World::new(&setup, canary) {
        Ok(world) => world,
        Err(broken) => return Err(Box::new(Failed { setup, day: 0, broken, events: Vec::new() })),
    };
    match world.run() {
        Ok(()) => Ok(Report { setup, trace: world.trace.hash, counts: world.trace.counts }),
        Err(broken) => Err(Box::new(Failed { setup, day: world.day, broken, events: world.trace.events })),
    }
}

impl Failed {
    /// The last `most` events, one a line.
    pub fn last(&self, most: usize) -> String {
        self.events.get(self.events.len().saturating_sub(most)..).unwrap_or_default().join("\n")
    }
}

/// Everything that happened, in order.
#[derive(Debug)]
struct Trace {
    hash: Hash,
    events: Vec<String>,
    counts: BTreeMap<String, u64>,
}

impl Trace {
    fn new(seed: u64) -> Self {
        Self { hash: Hash::of(&[&seed.to_be_bytes()]), events: Vec::new(), counts: BTreeMap::new() }
    }

    fn note(&mut self, event: String) {
        self.hash = Hash::of(&[&self.hash.0, event.as_bytes()]);
        self.events.push(event);
    }

    fn count(&mut self, what: impl Into<String>) {
        *self.counts.entry(what.into()).or_default() += 1;
    }
}
