//! Time as it is taken here: of each call the wall's and this thread's CPU, so that a busy machine can be told from slow code.

use rustix::time::{ClockId, clock_gettime};
use std::path::Path;
use std::time::{Duration, Instant};

/// The times of many calls of one thing.
#[derive(Default)]
pub struct Times {
    wall: Vec<Duration>,
    cpu: Vec<Duration>,
}

impl Times {
    /// Times one call.
    pub fn take<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (wall, cpu) = (Instant::now(), cpu());
        let done = work();
        self.cpu.push(self::cpu() - cpu);
        self.wall.push(wall.elapsed());
        done
    }

    /// The wall time that `percent` of the calls do not exceed, in microseconds.
    pub fn wall(&self, percent: usize) -> f64 {
        at_percent(&self.wall, percent)
    }

    /// The CPU time that `percent` of the calls do not exceed, in microseconds.
    pub fn cpu(&self, percent: usize) -> f64 {
        at_percent(&self.cpu, percent)
    }

    /// The mean CPU time of these calls, in microseconds.
    pub fn mean_cpu(&self, calls: std::ops::Range<usize>) -> f64 {
        let calls = &self.cpu[calls];
        calls.iter().sum::<Duration>().as_secs_f64() * 1e6 / calls.len() as f64
    }

    /// The wall time of all calls, in seconds.
    pub fn total_wall(&self) -> f64 {
        self.wall.iter().sum::<Duration>().as_secs_f64()
    }

    /// The CPU time of all calls, in seconds.
    pub fn total_cpu(&self) -> f64 {
        self.cpu.iter().sum::<Duration>().as_secs_f64()
    }

    /// Takes the calls of another one over.
    pub fn add(&mut self, other: Self) {
        self.wall.extend(other.wall);
        self.cpu.extend(other.cpu);
    }

    /// How many calls were timed.
    pub fn len(&self) -> usize {
        self.cpu.len()
    }
}

fn at_percent(times: &[Duration], percent: usize) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1e6
}

/// The CPU time of this thread.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The CPU time of all processes of a PostgreSQL server on this machine, in seconds; those that have ended are not among them. `backend` is
/// one of its processes.
pub fn server_cpu(backend: i64) -> f64 {
    let fields = |process: &Path| -> Option<Vec<f64>> {
        let stat = std::fs::read_to_string(process.join("stat")).ok()?;
        Some(stat.rsplit_once(')')?.1.split_whitespace().map(|field| field.parse().unwrap_or(0.0)).collect())
    };
    let parent = |fields: &[f64]| fields.get(1).copied();
    let server = fields(&Path::new("/proc").join(backend.to_string())).and_then(|fields| parent(&fields));
    let processes = std::fs::read_dir("/proc").expect("processes").flatten().filter_map(|process| fields(&process.path()));
    processes.filter(|fields| server.is_some() && parent(fields) == server).map(|fields| fields[11] + fields[12]).sum::<f64>() / 100.0
}

/// Times `ours` and `limit` in turn, so that whatever else the machine does falls on both.
pub fn in_turn(calls: usize, mut ours: impl FnMut(usize), mut limit: impl FnMut(usize)) -> (Times, Times) {
    let mut times = (Times::default(), Times::default());
    for call in 0..calls {
        times.0.take(|| ours(call));
        times.1.take(|| limit(call));
    }
    times
}
