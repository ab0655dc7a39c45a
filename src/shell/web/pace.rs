//! Whom the server waits for, and since when: a client that is slow with its head, its body or with taking its answer. Who keeps nobody
//! waiting is left alone; of the others the slowest gives way first when places are short.

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep};

/// The bytes a second at which a client keeps pace, with what it sends and with what it takes.
const BYTES_A_SECOND: u64 = 4096;
/// How much a client takes of an answer to have its time anew.
const TAKEN: u64 = BYTES_A_SECOND * 16;
/// Nobody gives way to another before the server has waited this long.
const LEAST: Duration = Duration::from_secs(1);

/// How one connection stands.
#[derive(Debug)]
pub struct Account {
    opened: Instant,
    /// Since how many milliseconds after its opening the server has waited for its client, and one more; zero while it waits for nothing.
    since: AtomicU64,
    /// Whether a request of it is being answered.
    answering: AtomicBool,
    gives_way: Notify,
}

impl Account {
    fn open() -> Arc<Self> {
        Arc::new(Self { opened: Instant::now(), since: AtomicU64::new(1), answering: AtomicBool::new(false), gives_way: Notify::new() })
    }

    fn waits_since(&self, at: Instant) {
        let ms = u64::try_from(at.saturating_duration_since(self.opened).as_millis()).unwrap_or(u64::MAX - 1);
        self.since.store(ms.saturating_add(1), Ordering::Relaxed);
    }

    fn waits_for_nothing(&self) {
        self.since.store(0, Ordering::Relaxed);
    }

    /// A head has arrived.
    pub fn begins(&self) {
        self.answering.store(true, Ordering::Relaxed);
        self.waits_for_nothing();
    }

    /// The answer is handed over whole, or nobody wants it any more: the next head is waited for.
    pub fn has_answered(&self) {
        self.answering.store(false, Ordering::Relaxed);
        self.waits_since(Instant::now());
    }

    /// For how long the server has waited for this client.
    fn lag(&self, now: Instant) -> Duration {
        let since = self.since.load(Ordering::Relaxed);
        let waited = |since: u64| now.saturating_duration_since(self.opened).saturating_sub(Duration::from_millis(since - 1));
        if since == 0 { Duration::ZERO } else { waited(since) }
    }

    /// Waits until it has to give way to another.
    pub async fn gives_way(&self) {
        self.gives_way.notified().await;
    }
}

/// The accounts of all connections of a listener.
#[derive(Debug, Default)]
pub struct Accounts(Mutex<(u64, BTreeMap<u64, Arc<Account>>)>);

/// The account of one connection, which ends with this.
#[derive(Debug)]
pub struct Open {
    accounts: Arc<Accounts>,
    number: u64,
    /// How it stands.
    pub account: Arc<Account>,
}

impl Accounts {
    fn locked(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, Arc<Account>>)> {
        // A map is whole after every step, so what a panic left behind can be used.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens one.
    pub fn open(self: &Arc<Self>) -> Open {
        let account = Account::open();
        let mut all = self.locked();
        all.0 += 1;
        let number = all.0;
        all.1.insert(number, account.clone());
        Open { accounts: self.clone(), number, account }
    }

    /// Has the client give way for whom the server has waited longest, if it has waited for one at all.
    pub fn make_room(&self, now: Instant) -> bool {
        let mut all = self.locked();
        let slowest = all.1.iter().map(|(number, account)| (account.lag(now), *number)).max();
        let Some((_, number)) = slowest.filter(|(lag, _)| *lag >= LEAST) else { return false };
        // It is told once: the next one who needs room gets another's.
        if let Some(account) = all.1.remove(&number) {
            account.gives_way.notify_one();
        }
        true
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.accounts.locked().1.remove(&self.number);
    }
}

/// A request's body that breaks off when it comes far more slowly than the slowest line brings it.
#[derive(Debug)]
pub struct Arriving {
    body: Incoming,
    account: Arc<Account>,
    patience: Duration,
    begun: Instant,
    received: u64,
    gives_up: Option<Pin<Box<Sleep>>>,
}

impl Arriving {
    /// The body of a request on this connection, which may fall `patience` behind the pace.
    pub fn new(body: Incoming, account: Arc<Account>, patience: Duration) -> Self {
        Self { body, account, patience, begun: Instant::now(), received: 0, gives_up: None }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(frame) => {
                self.account.waits_for_nothing();
                self.gives_up = None;
                if let Some(Ok(frame)) = &frame {
                    self.received += frame.data_ref().map_or(0, |data| data.len() as u64);
                }
                Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
            }
            Poll::Pending => {
                let paid = self.begun + Duration::from_millis(self.received * 1000 / BYTES_A_SECOND);
                if self.gives_up.is_none() {
                    self.account.waits_since(paid);
                    self.gives_up = Some(Box::pin(tokio::time::sleep_until(paid + self.patience)));
                }
                match self.gives_up.as_mut().map(|timer| timer.as_mut().poll(cx)) {
                    Some(Poll::Ready(())) => Poll::Ready(Some(Err(Box::new(TooSlow)))),
                    _ => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body came far too slowly.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("this came more slowly than {BYTES_A_SECOND} bytes a second: send it again over a better line")]
pub struct TooSlow;

/// An answer's body; when it has been handed over, the connection waits for its client again.
#[derive(Debug)]
pub struct Leaving {
    body: axum::body::Body,
    account: Arc<Account>,
}

impl Leaving {
    /// The body of an answer on this connection.
    pub const fn new(body: axum::body::Body, account: Arc<Account>) -> Self {
        Self { body, account }
    }
}

impl Body for Leaving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.account.has_answered();
    }
}

/// A stream that breaks off when the other side takes nothing, or drop by drop, of what is written for too long.
#[derive(Debug)]
pub struct Patient {
    stream: TcpStream,
    account: Arc<Account>,
    patience: Duration,
    gives_up: Pin<Box<Sleep>>,
    waiting: bool,
    taken: u64,
}

impl Patient {
    /// The stream of a connection whose client may take its time for `patience`.
    pub fn new(stream: TcpStream, account: Arc<Account>, patience: Duration) -> Self {
        Self { stream, account, patience, gives_up: Box::pin(sleep(patience)), waiting: false, taken: 0 }
    }

    /// All of what was there was taken, or enough of it: the time begins anew.
    fn is_well(&mut self) {
        if std::mem::take(&mut self.waiting) {
            self.taken = 0;
            if self.account.answering.load(Ordering::Relaxed) {
                self.account.waits_for_nothing();
            } else {
                self.account.waits_since(Instant::now());
            }
        }
    }

    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.waiting {
            (self.waiting, self.taken) = (true, 0);
            let now = Instant::now();
            self.account.waits_since(now);
            self.gives_up.as_mut().reset(now + self.patience);
        }
        self.gives_up.as_mut().poll(cx).is_ready()
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Ready(Ok(count)) => {
                self.taken += count as u64;
                if count == bytes.len() || self.taken >= TAKEN {
                    self.is_well();
                }
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending if self.is_late(cx) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_slowest_gives_way_and_whoever_works_does_not() {
        let accounts = Arc::new(Accounts::default());
        let (slow, works) = (accounts.open(), accounts.open());
        works.account.begins();
        sleep(Duration::from_millis(30)).await;
        let idle = accounts.open();
        let begun = Instant::now();
        assert!(!accounts.make_room(begun + LEAST / 2), "nobody has kept anybody waiting yet");
        assert!(accounts.make_room(begun + LEAST), "one has");
        tokio::time::timeout(LEAST, slow.account.gives_way()).await.expect("the slowest");
        assert!(accounts.make_room(begun + LEAST * 2), "then the idle one");
        tokio::time::timeout(LEAST, idle.account.gives_way()).await.expect("told");
        assert!(!accounts.make_room(begun + LEAST * 60), "never one that is being answered");
        works.account.has_answered();
        assert!(accounts.make_room(begun + LEAST * 60), "until it has its answer");
        drop((slow, works, idle));
        assert!(accounts.locked().1.is_empty());
    }
}
