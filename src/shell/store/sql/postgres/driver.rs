//! The thread that carries bytes to and from servers, and how a synchronous caller waits for an answer wherever it is called from.

use super::session::ServerSaid;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use tokio::runtime::{Builder, Handle};
use tokio_postgres::{Client, Config, NoTls};

/// Opens a connection; it is served in the background until its client is dropped.
pub(super) fn connect(config: &Config) -> Result<Client, ServerSaid> {
    let handle = handle().ok_or(ServerSaid::NoThread)?;
    let config = config.clone();
    let task = handle.spawn(async move {
        let (client, connection) = config.connect(NoTls).await?;
        // How it ends is told to whoever asks next.
        tokio::spawn(connection);
        Ok(client)
    });
    wait(task).map_err(|_| ServerSaid::NoThread)?.map_err(|error: tokio_postgres::Error| ServerSaid::from(error))
}

/// Waits for an answer without a runtime of its own: a caller may be on any thread, also on one of a runtime.
pub(super) fn wait<F: Future>(answer: F) -> F::Output {
    let mut answer = pin!(answer);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match answer.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The runtime of all connections of this process; none where the system gives no thread.
fn handle() -> Option<&'static Handle> {
    static HANDLE: OnceLock<Option<Handle>> = OnceLock::new();
    let start = || {
        let runtime = Builder::new_current_thread().enable_all().build().ok()?;
        let handle = runtime.handle().clone();
        thread::Builder::new().name("postgres".into()).spawn(move || runtime.block_on(std::future::pending::<()>())).ok()?;
        Some(handle)
    };
    HANDLE.get_or_init(start).as_ref()
}
