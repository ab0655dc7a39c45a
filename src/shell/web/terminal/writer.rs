//! The terminal is worked at by one at a time: a thread of its own, or whoever brings a redemption while nobody is at work. All others hand
//! work over and wait for the answer, never for the lock (docs/adr/0003).

use crate::shell::web::actor::{Actor, Keeping};
pub use crate::shell::web::actor::{NotDone, NotKept};
use crate::terminal::Terminal;
use crate::words::chance::Chance;
use std::sync::Arc;
use std::thread::JoinHandle;

/// The way to the terminal and its randomness, and to the thread that works at them.
#[derive(Clone, Debug)]
pub struct Writer {
    actor: Actor<(Terminal, Chance)>,
    /// The device of the house that asks; none for the box itself.
    till: Option<Arc<str>>,
}

const KEEPING: Keeping<(Terminal, Chance)> = Keeping {
    begin: |(terminal, _)| terminal.begin_together().map_err(|error| NotKept::Store(Arc::new(error))),
    commit: |(terminal, _)| terminal.commit_together().map_err(|error| NotKept::Store(Arc::new(error))),
};

impl Writer {
    /// Starts the thread. It ends, and the terminal is closed, when the last `Writer` is dropped.
    ///
    /// # Panics
    /// When the system gives no thread: nothing can begin then.
    pub fn start(terminal: Terminal, chance: Chance) -> (Self, JoinHandle<()>) {
        let (actor, thread) =
            Actor::start_keeping("terminal", (terminal, chance), Some(KEEPING)).expect("safe: a system that runs this program gives it a thread");
        (Self { actor, till: None }, thread)
    }

    /// The same way, for a device of the house.
    pub fn at(&self, till: Option<String>) -> Self {
        Self { actor: self.actor.clone(), till: till.map(Arc::from) }
    }

    /// Has `work` done and waits for it.
    pub async fn run<R: Send + 'static>(&self, work: impl FnOnce(&mut Terminal, &mut Chance) -> R + Send + 'static) -> Result<R, NotDone> {
        self.actor.ask(self.here(work)).await
    }

    /// The same for what a row of children asks for: what several tills ask at the same time is kept by one commit, and answered after it.
    pub async fn run_together<R: Send + 'static>(&self, work: impl FnOnce(&mut Terminal, &mut Chance) -> R + Send + 'static) -> Result<R, NotKept> {
        self.actor.ask_together(self.here(work)).await
    }

    /// Like [`Writer::run`], from a thread that may block.
    pub fn run_blocking<R: Send + 'static>(&self, work: impl FnOnce(&mut Terminal, &mut Chance) -> R + Send + 'static) -> Result<R, NotDone> {
        self.actor.ask_blocking(self.here(work))
    }

    /// The work, done for the device that asks.
    fn here<R>(
        &self,
        work: impl FnOnce(&mut Terminal, &mut Chance) -> R + Send + 'static,
    ) -> impl FnOnce(&mut (Terminal, Chance)) -> R + Send + 'static {
        let till = self.till.clone();
        move |(terminal, chance)| {
            terminal.work_at(till.as_deref());
            work(terminal, chance)
        }
    }
}
