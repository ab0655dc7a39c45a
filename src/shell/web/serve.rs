//! Connections: each has its limits of time and number, so that a slow, silent or greedy client holds up nobody else.

use super::pace::{Account, Accounts, Arriving, Leaving, Open, Patient};
use axum::Router;
use axum::http::{HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// How long running requests have when the server ends.
const ENDING: Duration = Duration::from_secs(10);
/// How long a connection without a request is kept open when the server ends: what its client sends just now is still answered.
const LINGER: Duration = Duration::from_millis(500);
/// How often somebody else is asked to give way to whoever waits for a place.
const MAKE_ROOM_EVERY: Duration = Duration::from_millis(100);
/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// The address a connection came from, as every request on it tells it in its extensions.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// What one listener bears.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long the head of a request may take, how long a connection may wait for its next one, and how far a body may fall behind its pace.
    pub head: Duration,
    /// How long a handshake may take.
    pub handshake: Duration,
    /// How long a client may take nothing of an answer, or it drop by drop.
    pub stalled: Duration,
    /// The most connections at once; for the next one the slowest client gives way, if there is a slow one.
    pub connections: usize,
    /// The most of one address other than this computer's own; the next ones are closed.
    pub per_address: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { head: seconds(20), handshake: seconds(10), stalled: seconds(30), connections: 256, per_address: 48 }
    }
}

/// Serves `router` at `listener`, over TLS where an acceptor is given, until `closing` turns true; then what runs is finished.
pub async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router, mut closing: watch::Receiver<bool>, limits: Limits) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let (guests, accounts) = (Guests::new(limits.per_address), Arc::new(Accounts::default()));
    let mut running = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => break,
            accepted = next(&listener, &guests) => accepted,
        };
        while running.try_join_next().is_some() {}
        let Some((stream, guest)) = accepted else { continue };
        let place = place(&places, &accounts).await;
        let (open, peer) = (accounts.open(), Peer(guest.address));
        let connection = connection(stream, peer, tls.clone(), router.clone(), closing.clone(), (limits, open.account.clone()));
        running.spawn(async move {
            let account = open.account.clone();
            tokio::select! {
                () = connection => {}
                () = account.gives_way() => tracing::debug!("a slow client gave way to another"),
            }
            let _kept: (Option<OwnedSemaphorePermit>, Guest, Open) = (place, guest, open);
        });
    }
    drop(listener);
    let finished = async { while running.join_next().await.is_some() {} };
    if timeout(ENDING, finished).await.is_err() {
        tracing::warn!("some connections did not end in time");
    }
}

/// The next connection, if its address has not too many.
async fn next(listener: &TcpListener, guests: &Guests) -> Option<(TcpStream, Guest)> {
    match listener.accept().await {
        Ok((stream, from)) => Some((stream, guests.welcome(from.ip().to_canonical())?)),
        Err(error) => {
            // The system has no room for a further connection just now.
            tracing::warn!(%error, "a connection could not be accepted");
            sleep(Duration::from_millis(200)).await;
            None
        }
    }
}

/// A place for a further connection. Where there is none, a client that keeps the server waiting gives way.
async fn place(places: &Arc<Semaphore>, accounts: &Accounts) -> Option<OwnedSemaphorePermit> {
    loop {
        if let Ok(place) = places.clone().try_acquire_owned() {
            return Some(place);
        }
        accounts.make_room(Instant::now());
        if let Ok(place) = timeout(MAKE_ROOM_EVERY, places.clone().acquire_owned()).await {
            return place.ok();
        }
    }
}

async fn connection(
    stream: TcpStream,
    peer: Peer,
    tls: Option<TlsAcceptor>,
    router: Router,
    closing: watch::Receiver<bool>,
    (limits, account): (Limits, Arc<Account>),
) {
    let _ = stream.set_nodelay(true);
    let stream = Patient::new(stream, account.clone(), limits.stalled);
    match tls {
        None => requests(stream, peer, router, closing, (limits, account)).await,
        Some(tls) => match timeout(limits.handshake, tls.accept(stream)).await {
            Ok(Ok(stream)) => requests(stream, peer, router, closing, (limits, account)).await,
            Ok(Err(error)) => tracing::debug!(%error, "no TLS"),
            Err(_) => tracing::debug!("a handshake took too long"),
        },
    }
}

/// Answers the requests of one connection; when the server ends, the running one is the last.
async fn requests<S>(stream: S, peer: Peer, router: Router, mut closing: watch::Receiver<bool>, (limits, account): (Limits, Arc<Account>))
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(MAX_HEAD);
    let ends = closing.clone();
    let answer = service_fn(move |mut request: Request<Incoming>| {
        account.begins();
        request.extensions_mut().insert(peer);
        let (account, ends) = (account.clone(), ends.clone());
        let answered = router.clone().oneshot(request.map(|body| Arriving::new(body, account.clone(), limits.head)));
        async move {
            let Ok(mut response) = answered.await;
            // Whoever is told so asks elsewhere the next time, and meets no connection that ends just then.
            if *ends.borrow() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response.map(|body| Leaving::new(body, account)))
        }
    });
    let mut running = pin!(http.serve_connection(TokioIo::new(stream), answer));
    let ended = tokio::select! {
        ended = running.as_mut() => Some(ended),
        () = lingered(&mut closing) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            running.as_mut().graceful_shutdown();
            running.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Waits until the server ends, and a little longer.
async fn lingered(closing: &mut watch::Receiver<bool>) {
    let _ = closing.wait_for(|closing| *closing).await;
    sleep(LINGER).await;
}

/// How many connections each address has, and may have.
#[derive(Clone, Debug)]
struct Guests {
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
}

/// One connection of an address.
#[derive(Debug)]
struct Guest {
    guests: Guests,
    address: IpAddr,
}

impl Guests {
    fn new(most: usize) -> Self {
        Self { counts: Arc::default(), most }
    }

    /// A further connection, if this address has not too many. Who works at this computer itself shares one address.
    fn welcome(&self, address: IpAddr) -> Option<Guest> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= self.most && !address.is_loopback() {
            return None;
        }
        *count += 1;
        Some(Guest { guests: self.clone(), address })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut counts = self.guests.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn one_address_cannot_take_all_places() {
        let guests = Guests::new(3);
        let tablet: IpAddr = [192, 168, 7, 21].into();
        let mut held: Vec<Guest> = (0..3).filter_map(|_| guests.welcome(tablet)).collect();
        assert_eq!(held.len(), 3);
        assert!(guests.welcome(tablet).is_none() && guests.welcome([192, 168, 7, 22].into()).is_some());
        held.pop();
        assert!(guests.welcome(tablet).is_some());
        held.clear();
        assert!(guests.counts.lock().expect("not poisoned").is_empty());
        let own: Vec<Guest> = (0..200).filter_map(|_| guests.welcome([127, 0, 0, 1].into())).collect();
        assert_eq!(own.len(), 200);
    }

    /// A server with room for two connections and little patience; its address, and how it is told to end.
    async fn small() -> (std::net::SocketAddr, watch::Sender<bool>, tokio::task::JoinHandle<()>) {
        let limits = Limits { head: Duration::from_millis(300), stalled: Duration::from_millis(300), connections: 2, ..Limits::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("its address");
        let router = Router::new().route("/", get(|| async { "well" })).route("/large", get(|| async { vec![b'x'; 64 * 1024 * 1024] }));
        let (close, closing) = watch::channel(false);
        (at, close, tokio::spawn(serve(listener, None, router, closing, limits)))
    }

    async fn ask(at: std::net::SocketAddr) -> String {
        let mut stream = TcpStream::connect(at).await.expect("connected");
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        answer
    }

    #[tokio::test]
    async fn slow_clients_are_let_go_and_make_room() {
        let (at, _close, _running) = small().await;
        let mut slow = TcpStream::connect(at).await.expect("connected");
        slow.write_all(b"GET / HTTP/1.1\r\nhost: ").await.expect("sent");
        let mut greedy = TcpStream::connect(at).await.expect("connected");
        greedy.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        let answer = timeout(Duration::from_secs(5), ask(at)).await.expect("there was room soon");
        assert!(answer.ends_with("well"), "{answer}");
        let mut rest = Vec::new();
        let ended = timeout(Duration::from_secs(5), slow.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the slow one is not kept");
        sleep(Duration::from_millis(700)).await;
        let mut taken = Vec::new();
        let _ = timeout(Duration::from_secs(5), greedy.read_to_end(&mut taken)).await.expect("the greedy one is not kept");
        assert!(taken.len() < 64 * 1024 * 1024, "it took nothing for a while: {} bytes", taken.len());
    }

    #[tokio::test]
    async fn it_ends_when_told_although_somebody_is_connected() {
        let (at, close, running) = small().await;
        let _silent = TcpStream::connect(at).await.expect("connected");
        assert!(ask(at).await.ends_with("well"));
        close.send_replace(true);
        timeout(Duration::from_secs(5), running).await.expect("in time").expect("no fault");
        assert!(TcpStream::connect(at).await.is_err());
    }
}
