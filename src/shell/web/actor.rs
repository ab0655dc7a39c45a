//! One thread owns what has one writer; requests hand it work and wait for the answer (docs/adr/0003).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// How many pieces of work are taken on at once; what comes after them waits at the door.
const MAX_WAITING: usize = 64;

type Job<T> = Box<dyn FnOnce(&mut T) + Send>;

/// The way to a thread that owns a `T`. When the last one is dropped, the thread ends after its last piece of work.
#[derive(Debug)]
pub struct Actor<T> {
    jobs: mpsc::Sender<Job<T>>,
}

/// The work ended in a fault of the program, or its thread has ended. What was not committed is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the program has failed here: try again, and report it if it fails again")]
pub struct NotDone;

impl<T: Send + 'static> Actor<T> {
    /// Starts the thread `name` over `owned`. Whoever must know that `owned` is closed joins the thread after dropping the last way to it.
    pub fn start(name: &str, mut owned: T) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (jobs, mut inbox) = mpsc::channel::<Job<T>>(MAX_WAITING);
        let work = move || {
            while let Some(job) = inbox.blocking_recv() {
                // What a panic leaves behind can be read again from the store: an open transaction rolls back.
                if catch_unwind(AssertUnwindSafe(|| job(&mut owned))).is_err() {
                    tracing::error!("a request has ended in a panic");
                }
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work)?;
        Ok((Self { jobs }, thread))
    }

    /// Has `work` done, in the order of asking, and waits for its answer. Once handed over it is done even if nobody waits any more.
    pub async fn ask<R: Send + 'static>(&self, work: impl FnOnce(&mut T) -> R + Send + 'static) -> Result<R, NotDone> {
        let (job, answered) = job(work);
        self.jobs.send(job).await.map_err(|_| NotDone)?;
        answered.await.map_err(|_| NotDone)
    }

    /// The same from a thread that may block.
    pub fn ask_blocking<R: Send + 'static>(&self, work: impl FnOnce(&mut T) -> R + Send + 'static) -> Result<R, NotDone> {
        let (job, answered) = job(work);
        self.jobs.blocking_send(job).map_err(|_| NotDone)?;
        answered.blocking_recv().map_err(|_| NotDone)
    }
}

impl<T> Clone for Actor<T> {
    fn clone(&self) -> Self {
        Self { jobs: self.jobs.clone() }
    }
}

/// The work as the thread takes it, and where its answer comes. Whoever asked may have gone: what was stored stays stored.
fn job<T, R: Send + 'static>(work: impl FnOnce(&mut T) -> R + Send + 'static) -> (Job<T>, oneshot::Receiver<R>) {
    let (answer, answered) = oneshot::channel();
    let job: Job<T> = Box::new(move |owned| {
        let _ = answer.send(work(owned));
    });
    (job, answered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_in_order_and_outlives_a_fault() {
        let (actor, thread) = Actor::start("test", Vec::new()).expect("a thread");
        actor.ask(|seen: &mut Vec<u8>| seen.push(1)).await.expect("done");
        let fault: Result<(), NotDone> = actor.ask(|_| std::panic::resume_unwind(Box::new("a fault"))).await;
        assert_eq!(fault, Err(NotDone));
        actor.ask(|seen: &mut Vec<u8>| seen.push(2)).await.expect("done after the fault");
        assert_eq!(actor.ask(|seen: &mut Vec<u8>| seen.clone()).await, Ok(vec![1, 2]));
        let other = actor.clone();
        assert_eq!(tokio::task::spawn_blocking(move || other.ask_blocking(|seen| seen.len())).await.expect("no fault"), Ok(2));
        drop(actor);
        thread.join().expect("the thread ends when nobody can ask any more");
    }
}
