//! One thread owns the terminal; everybody else hands it work and waits for the answer. So there is one writer, and no lock is held
//! across a commit.

use crate::terminal::Terminal;
use crate::words::chance::Chance;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// How much work may wait; what comes after it waits at the door.
const WAITING: usize = 64;

type Job = Box<dyn FnOnce(&mut Terminal, &mut Chance) + Send>;

/// The way to the thread that owns the terminal.
#[derive(Clone, Debug)]
pub struct Writer {
    jobs: mpsc::Sender<Job>,
}

/// The work was not done: it panicked, or the thread has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the program has failed here: try again, and report it if it fails again")]
pub struct NotDone;

impl Writer {
    /// Starts the thread. It ends, and the terminal is closed, when the last `Writer` is dropped.
    pub fn start(mut terminal: Terminal, mut chance: Chance) -> (Self, JoinHandle<()>) {
        let (jobs, mut inbox) = mpsc::channel::<Job>(WAITING);
        let thread = std::thread::spawn(move || {
            while let Some(job) = inbox.blocking_recv() {
                // What a panic leaves behind is only what can be read again: an open transaction rolls back.
                if catch_unwind(AssertUnwindSafe(|| job(&mut terminal, &mut chance))).is_err() {
                    tracing::error!("a request to the terminal has panicked");
                }
            }
        });
        (Self { jobs }, thread)
    }

    /// Has `work` done and waits for it.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Terminal, &mut Chance) -> T + Send + 'static) -> Result<T, NotDone> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(job(work, answer)).await.map_err(|_| NotDone)?;
        answered.await.map_err(|_| NotDone)
    }

    /// The same from a thread that may block.
    pub fn run_blocking<T: Send + 'static>(&self, work: impl FnOnce(&mut Terminal, &mut Chance) -> T + Send + 'static) -> Result<T, NotDone> {
        let (answer, answered) = oneshot::channel();
        self.jobs.blocking_send(job(work, answer)).map_err(|_| NotDone)?;
        answered.blocking_recv().map_err(|_| NotDone)
    }
}

fn job<T: Send + 'static>(work: impl FnOnce(&mut Terminal, &mut Chance) -> T + Send + 'static, answer: oneshot::Sender<T>) -> Job {
    Box::new(move |terminal, chance| {
        let done = work(terminal, chance);
        // Whoever asked may have gone: what was stored stays stored.
        let _ = answer.send(done);
    })
}
