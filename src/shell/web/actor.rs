//! What has one writer is worked at by one thread at a time; requests hand work over and wait for the answer (docs/adr/0003).

use crate::shell::store::StoreError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

/// How many pieces of work are taken on at once; what comes after them waits at the door.
const MAX_WAITING: usize = 64;

/// Tells whoever waits: the answer, or nothing where what was done has not been kept.
type Said = Box<dyn FnOnce(Result<(), NotKept>)>;
type Job<T> = Box<dyn FnOnce(&mut T) + Send>;
type Member<T> = Box<dyn FnOnce(&mut T) -> Said + Send>;

enum Work<T> {
    Alone(Job<T>),
    /// What is to be kept together waits, and whoever worked last has left it.
    Waiting,
}

/// What is worked at, and what waits to be kept together.
struct Shared<T> {
    owned: Mutex<T>,
    waiting: Mutex<Vec<Member<T>>>,
    keeping: Option<Keeping<T>>,
}

impl<T> std::fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// How several pieces of work that wait at the same time are kept by one commit. Each is answered after it, or not at all.
#[derive(Debug)]
pub struct Keeping<T> {
    /// Begins.
    pub begin: fn(&mut T) -> Result<(), NotKept>,
    /// Keeps what was done since, or says that nothing of it is.
    pub commit: fn(&mut T) -> Result<(), NotKept>,
}

/// The way to a `T` and to the thread that works at it. When the last one is dropped, the thread ends after its last piece of work, and the
/// `T` with it.
#[derive(Debug)]
pub struct Actor<T> {
    /// Dropped before the way to the thread, so that the thread is the last to hold it.
    shared: Arc<Shared<T>>,
    jobs: mpsc::Sender<Work<T>>,
}

/// The work ended in a fault of the program, or its thread has ended. What was not committed is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the program has failed here: try again, and report it if it fails again")]
pub struct NotDone;

/// Why there is no answer to work that is kept together with other work.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotKept {
    /// The program has failed.
    #[error(transparent)]
    NotDone(#[from] NotDone),
    /// It could not be stored.
    #[error(transparent)]
    Store(Arc<StoreError>),
}

impl<T: Send + 'static> Actor<T> {
    /// Starts the thread `name` over `owned`. Whoever must know that `owned` is closed joins the thread after dropping the last way to it.
    pub fn start(name: &str, owned: T) -> std::io::Result<(Self, JoinHandle<()>)> {
        Self::start_keeping(name, owned, None)
    }

    /// The same, over what can keep several pieces of work by one commit.
    pub fn start_keeping(name: &str, owned: T, keeping: Option<Keeping<T>>) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (jobs, inbox) = mpsc::channel::<Work<T>>(MAX_WAITING);
        let shared = Arc::new(Shared { owned: Mutex::new(owned), waiting: Mutex::default(), keeping });
        let theirs = shared.clone();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || theirs.work_off(inbox))?;
        Ok((Self { shared, jobs }, thread))
    }

    /// Has `work` done, in the order of asking, and waits for its answer. Once handed over it is done even if nobody waits any more.
    pub async fn ask<R: Send + 'static>(&self, work: impl FnOnce(&mut T) -> R + Send + 'static) -> Result<R, NotDone> {
        let (job, answered) = job(work);
        self.jobs.send(Work::Alone(job)).await.map_err(|_| NotDone)?;
        answered.await.map_err(|_| NotDone)
    }

    /// The same for work that commits once and does nothing else that lasts: what waits at the same time is kept by one commit. Where nobody
    /// works just now, whoever asks does it at once, with all that waits: no thread is woken for it.
    pub async fn ask_together<R: Send + 'static>(&self, work: impl FnOnce(&mut T) -> R + Send + 'static) -> Result<R, NotKept> {
        let (answer, answered) = oneshot::channel();
        let member: Member<T> = Box::new(move |owned| {
            let done = work(owned);
            Box::new(move |kept| drop(answer.send(kept.map(|()| done))))
        });
        self.shared.waiting().push(member);
        let left = Left(self);
        // What arrived at the same moment is heard first, and kept by the same commit.
        tokio::task::yield_now().await;
        self.shared.do_what_waits_unless_busy();
        drop(left);
        answered.await.map_err(|_| NotDone)?
    }

    /// Like [`Actor::ask`], from a thread that may block.
    pub fn ask_blocking<R: Send + 'static>(&self, work: impl FnOnce(&mut T) -> R + Send + 'static) -> Result<R, NotDone> {
        let (job, answered) = job(work);
        self.jobs.blocking_send(Work::Alone(job)).map_err(|_| NotDone)?;
        answered.blocking_recv().map_err(|_| NotDone)
    }
}

/// Work that was handed over: if something waits when whoever asked has done his part or has gone, the thread sees to it.
struct Left<'a, T>(&'a Actor<T>);

impl<T> Drop for Left<'_, T> {
    fn drop(&mut self) {
        if !self.0.shared.waiting().is_empty() {
            // A full channel has a thread behind it that looks by itself.
            let _ = self.0.jobs.try_send(Work::Waiting);
        }
    }
}

impl<T> Shared<T> {
    fn waiting(&self) -> MutexGuard<'_, Vec<Member<T>>> {
        // A list is whole after every step.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works off what comes in, and between two pieces of it what waits to be kept together, until nobody can ask any more.
    fn work_off(&self, mut inbox: mpsc::Receiver<Work<T>>) {
        loop {
            let work = match inbox.try_recv() {
                Ok(work) => work,
                Err(_) if !self.waiting().is_empty() => Work::Waiting,
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => match inbox.blocking_recv() {
                    Some(work) => work,
                    None => continue,
                },
            };
            // What ends in a panic is caught within, and read again from the store.
            let mut owned = self.owned.lock().unwrap_or_else(PoisonError::into_inner);
            self.do_what_waits(&mut owned);
            if let Work::Alone(job) = work {
                sheltered(|| job(&mut owned));
            }
        }
    }

    /// Does what waits, if nobody works just now: whoever does looks again when he has done.
    fn do_what_waits_unless_busy(&self) {
        if let Ok(mut owned) = self.owned.try_lock() {
            self.do_what_waits(&mut owned);
        }
    }

    fn do_what_waits(&self, owned: &mut T) {
        let members = std::mem::take(&mut *self.waiting());
        if !members.is_empty() {
            do_together(owned, members, self.keeping.as_ref());
        }
    }
}

/// What `work` answers; none where it ends in a panic. What that leaves behind can be read again from the store: an open transaction rolls back.
fn sheltered<R>(work: impl FnOnce() -> R) -> Option<R> {
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    if done.is_none() {
        tracing::error!("a request has ended in a panic");
    }
    done
}

/// Does what waited at the same time, keeps it by one commit, and only then answers.
fn do_together<T>(owned: &mut T, members: Vec<Member<T>>, keeping: Option<&Keeping<T>>) {
    let keeping = keeping.filter(|_| members.len() > 1);
    let Some(Keeping { begin, commit }) = keeping else {
        for said in members.into_iter().filter_map(|member| sheltered(|| member(owned))) {
            said(Ok(()));
        }
        return;
    };
    // Without a transaction around them they are kept one by one: slower, and no less.
    let begun = begin(owned).is_ok();
    let done: Vec<Said> = members.into_iter().filter_map(|member| sheltered(|| member(owned))).collect();
    let kept = if begun { sheltered(|| commit(owned)).unwrap_or(Err(NotDone.into())) } else { Ok(()) };
    for said in done {
        said(kept.clone());
    }
}

impl<T> Clone for Actor<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), jobs: self.jobs.clone() }
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

    /// Counts its commits; the second fails.
    #[derive(Default)]
    struct Book {
        open: Vec<u8>,
        kept: Vec<u8>,
        commits: u8,
    }

    const KEEPING: Keeping<Book> = Keeping {
        begin: |_| Ok(()),
        commit: |book| {
            book.commits += 1;
            let open = std::mem::take(&mut book.open);
            if book.commits == 2 {
                return Err(NotKept::Store(Arc::new(StoreError::Inconsistent("a full disk".into()))));
            }
            book.kept.extend(open);
            Ok(())
        },
    };

    #[tokio::test]
    async fn what_waits_at_the_same_time_is_kept_by_one_commit_and_answered_after_it() {
        let (actor, _) = Actor::start_keeping("test", Book::default(), Some(KEEPING)).expect("a thread");
        for round in 1..=3_u8 {
            // While the thread is held up, three wait; somebody who wants to be alone comes after them, and one of them ends in a fault.
            let (go, wait) = std::sync::mpsc::channel::<()>();
            let busy = actor.clone();
            let held = tokio::spawn(async move { busy.ask(move |_| wait.recv().is_err()).await });
            tokio::task::yield_now().await;
            let add = |value: u8| {
                actor.ask_together(move |book: &mut Book| {
                    book.open.push(value);
                    value
                })
            };
            let fault = actor.ask_together(|_| -> u8 { std::panic::resume_unwind(Box::new("a fault")) });
            let alone = actor.ask(|book| book.open.len());
            let released = async { drop(go) };
            let (one, other, fault, alone, ()) = tokio::join!(add(round), add(round + 10), fault, alone, released);
            assert_eq!(held.await.expect("no fault"), Ok(true));
            assert!(matches!(fault, Err(NotKept::NotDone(_))));
            assert_eq!(alone, Ok(0), "it comes after the commit");
            match round {
                2 => assert!(matches!((one, other), (Err(NotKept::Store(_)), Err(NotKept::Store(_)))), "nobody is told what was not kept"),
                _ => assert_eq!((one.expect("kept"), other.expect("kept")), (round, round + 10)),
            }
        }
        let (kept, commits) = actor.ask(|book| (book.kept.clone(), book.commits)).await.expect("asked");
        assert_eq!((kept, commits), (vec![1, 11, 3, 13], 3));
    }

    #[tokio::test]
    async fn whoever_is_alone_does_it_at_once_and_whoever_goes_leaves_it_to_the_thread() {
        let (actor, thread) = Actor::start_keeping("test", Book::default(), Some(KEEPING)).expect("a thread");
        let by = || std::thread::current().name().map(str::to_owned);
        let (here, done_by) = (by(), actor.ask_together(move |_| by()).await.expect("kept"));
        assert_eq!(done_by, here);
        // Handed over, and given up before it was begun.
        let (told, hear) = std::sync::mpsc::channel();
        let mut asked = Box::pin(actor.ask_together(move |book: &mut Book| {
            book.open.push(7);
            told.send(by())
        }));
        let waker = std::task::Waker::noop();
        assert!(asked.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
        drop(asked);
        assert_eq!(hear.recv_timeout(std::time::Duration::from_secs(10)).expect("done all the same"), Some("test".to_owned()));
        drop(actor);
        thread.join().expect("the thread ends when nobody can ask any more");
    }
}
