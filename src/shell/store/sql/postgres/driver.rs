//! The thread that carries bytes to and from servers, and how a synchronous caller waits for an answer wherever it is called from.

use super::Server;
use super::said::ServerSaid;
use super::tls::why_not;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use tokio::runtime::{Builder, Handle};
use tokio_postgres::{Client, NoTls};

/// Opens a connection; it is served in the background until its client is dropped.
pub(super) fn connect(server: &Server) -> Result<Client, ServerSaid> {
    let handle = handle().ok_or(ServerSaid::NoThread)?;
    let (config, tls) = (server.config().clone(), server.tls().cloned());
    let task = handle.spawn(async move {
        // How a connection ends is told to whoever asks next.
        match tls {
            Some(tls) => config.connect(tls).await.map(|(client, connection)| {
                tokio::spawn(connection);
                client
            }),
            None => config.connect(NoTls).await.map(|(client, connection)| {
                tokio::spawn(connection);
                client
            }),
        }
    });
    wait(task).map_err(|_| ServerSaid::NoThread)?.map_err(|error| why_not(&error).map_or_else(|| error.into(), ServerSaid::NotEncrypted))
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
