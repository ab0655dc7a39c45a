//! Talking with the other tills of the house: a listener of two routes that only their messages pass, and a line to each address that
//! tells news at once and asks now and then. The counter waits for none of it.

use super::App;
use super::events::News;
use super::writer::{NotDone, Writer};
use crate::deliver::neighbour::MAX_TELLING_BYTES;
use crate::shell::door::{now, os_chance};
use crate::shell::store::StoreError;
use crate::shell::tls;
use crate::shell::web::outgoing;
use crate::shell::web::problem::Problem;
use crate::shell::web::serve::{Limits, Peer as Caller, serve};
use crate::terminal::neighbours::{CannotTalk, Heard, Peer};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use ureq::Agent;

/// The one path of the listener.
const PATH: &str = "/neighbour";
/// How often a neighbour is asked when nothing is new here.
const EVERY: Duration = Duration::from_secs(5);
/// How long the first pause after a failure is; it doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(500);
/// The longest pause between two tries.
const LONGEST: Duration = Duration::from_secs(30);
/// How long a neighbour may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// How long it may take to answer.
const WHOLE: Duration = Duration::from_secs(10);
/// How many tellings in a row bring two terminals up to date at most; then others have their turn.
const MAX_ROUNDS: usize = 50;
/// How many messages one address may send in a row, and how many a second after that: many times what a neighbour sends.
const ONE: (f64, f64) = (60.0, 20.0);
/// The same of all addresses together; each takes less than a millisecond.
const ALL: (f64, f64) = (300.0, 100.0);
/// How many addresses are counted at once; a new one beyond that is not heard.
const MAX_COUNTED: usize = 512;

/// Why a neighbour was not reached. One sentence each.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoLine {
    /// No connection.
    #[error("no terminal answers at {0}: check the address, and that it is switched on and in the same network")]
    Unreachable(String),
    /// Something else is there.
    #[error("what answers at {0} is no terminal that listens to neighbours: check the address and the port")]
    NoTerminal(String),
    /// It said something that does not count, or is no neighbour.
    #[error(transparent)]
    Talk(#[from] CannotTalk),
    /// The box did not do its part.
    #[error(transparent)]
    NotDone(#[from] NotDone),
}

impl From<StoreError> for NoLine {
    fn from(error: StoreError) -> Self {
        Self::Talk(error.into())
    }
}

/// The lines to neighbours.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    /// Where neighbours reach this box, if they can.
    at: Mutex<Option<SocketAddr>>,
    /// What was wrong at an address the last time; an address without an entry has answered.
    wrong: Mutex<HashMap<String, NoLine>>,
    /// The addresses that have a line.
    lines: Mutex<HashSet<String>>,
    /// Addresses were added or removed.
    pub changed: tokio::sync::Notify,
    brake: Brake,
}

impl Neighbours {
    /// At which port neighbours reach this box, if they can.
    pub(super) fn port(&self) -> Option<u16> {
        locked(&self.at).map(|at| at.port())
    }

    /// The addresses to enter at another terminal, the best first; none where no other reaches this one.
    pub(super) fn addresses(&self) -> Vec<String> {
        let Some(at) = *locked(&self.at) else { return Vec::new() };
        let ips = if at.ip().is_unspecified() { tls::addresses() } else { vec![at.ip()] };
        ips.into_iter().map(|ip| SocketAddr::new(ip, at.port()).to_string()).collect()
    }

    /// What was wrong at an address the last time, looked at with `look`.
    pub(super) fn wrong<R>(&self, address: &str, look: impl FnOnce(&NoLine) -> R) -> Option<R> {
        locked(&self.wrong).get(address).map(look)
    }

    fn settle(&self, address: &str, outcome: Result<(), NoLine>) -> bool {
        let mut wrong = locked(&self.wrong);
        match outcome {
            Ok(()) => wrong.remove(address).is_some(),
            Err(why) => wrong.insert(address.to_owned(), why).is_none(),
        }
    }
}

/// Holds back whoever sends more than a neighbour would, and all together before they slow the counter, before anything is decrypted.
#[derive(Debug, Default)]
struct Brake(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    all: Spare,
    by_address: HashMap<IpAddr, Spare>,
}

/// How many messages were used up of a burst, and when that was.
#[derive(Clone, Copy, Debug, Default)]
struct Spare {
    used: f64,
    at: Option<Instant>,
}

impl Spare {
    fn used(self, per_second: f64, now: Instant) -> f64 {
        let seconds = self.at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        (self.used - seconds * per_second).max(0.0)
    }

    fn spend(&mut self, (burst, per_second): (f64, f64), now: Instant) -> bool {
        let used = self.used(per_second, now);
        let lets = used + 1.0 <= burst;
        *self = Self { used: if lets { used + 1.0 } else { used }, at: Some(now) };
        lets
    }
}

impl Brake {
    fn lets(&self, from: IpAddr, now: Instant) -> bool {
        let mut counted = locked(&self.0);
        let Counted { all, by_address } = &mut *counted;
        if by_address.len() >= MAX_COUNTED && !by_address.contains_key(&from) {
            by_address.retain(|_, spare| spare.used(ONE.1, now) > 0.0);
            if by_address.len() >= MAX_COUNTED {
                return false;
            }
        }
        by_address.entry(from).or_default().spend(ONE, now) && all.spend(ALL, now)
    }
}

impl App {
    /// Serves neighbours at `listener` until the server is closed.
    pub async fn serve_neighbours(self, listener: TcpListener) {
        *locked(&self.neighbours.at) = listener.local_addr().ok();
        let late = TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, WHOLE);
        let router = Router::new()
            .route(PATH, get(shown).post(heard))
            .layer(late)
            .layer(DefaultBodyLimit::max(MAX_TELLING_BYTES))
            .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| Problem::bug().into_response()))
            .with_state(self.clone());
        let limits = Limits { connections: 64, per_address: 8, ..Limits::default() };
        serve(listener, None, router, self.closing(), limits).await;
    }

    /// Keeps a line to every address of a neighbour, beginning with `addresses`, until the server is closed.
    pub async fn keep_neighbours(self, addresses: Vec<String>) {
        for address in addresses {
            let looked = self.writer.run(move |terminal, _| terminal.look_for_neighbour(&address)).await;
            if let Ok(Err(why)) = looked {
                tracing::warn!("{why}");
            }
        }
        let mut closing = self.closing();
        loop {
            match self.writer.run(|terminal, _| terminal.neighbour_addresses()).await {
                Ok(Ok(rows)) => rows.into_iter().for_each(|row| begin_line(&self, row.address)),
                other => tracing::warn!(?other, "where neighbours are could not be read"),
            }
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => return,
                () = self.neighbours.changed.notified() => {}
                () = tokio::time::sleep(LONGEST) => {}
            }
        }
    }

    /// Meets whoever is at `address`, for a person who adds it.
    pub(super) async fn meet_neighbour(&self, address: String) -> Result<(), NoLine> {
        let writer = self.writer.clone();
        tokio::task::spawn_blocking(move || meet(&writer, &agent(), &address)).await.map_err(|_| NotDone)??;
        self.neighbours.changed.notify_one();
        Ok(())
    }
}

fn begin_line(app: &App, address: String) {
    if locked(&app.neighbours.lines).insert(address.clone()) {
        let app = app.clone();
        tokio::spawn(async move {
            line(&app, &address).await;
            locked(&app.neighbours.lines).remove(&address);
            locked(&app.neighbours.wrong).remove(&address);
        });
    }
}

/// One line: until its address is removed, or the server closed.
async fn line(app: &App, address: &str) {
    let (mut closing, mut news) = (app.closing(), app.events.hear());
    let (agent, mut pause, mut met) = (agent(), FIRST, Vec::new());
    loop {
        let (writer, port, with, at, known) =
            (app.writer.clone(), app.neighbours.port(), agent.clone(), address.to_owned(), std::mem::take(&mut met));
        let talked = tokio::task::spawn_blocking(move || talk(&writer, &with, &at, known, port)).await;
        let outcome = match talked {
            Ok(Ok((peers, taken))) => {
                met = peers;
                if taken > 0 {
                    app.events.tell(News::Status);
                }
                Ok(())
            }
            Ok(Err(why)) => Err(why),
            Err(_) => Err(NotDone.into()),
        };
        let wait = match &outcome {
            Ok(()) => {
                pause = FIRST;
                EVERY
            }
            Err(why) => {
                tracing::debug!("{why}");
                let jitter = u64::from(os_chance().below(500));
                pause = (pause * 2).min(LONGEST);
                pause / 2 + Duration::from_millis(jitter)
            }
        };
        let is_up = outcome.is_ok();
        if app.neighbours.settle(address, outcome) {
            app.events.tell(News::Status);
        }
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => return,
            () = tokio::time::sleep(wait) => {}
            () = something_recorded(&mut news), if is_up => {}
        }
        let at = address.to_owned();
        let is_wanted = app.writer.run(move |terminal, _| terminal.neighbour_addresses().map(|rows| rows.iter().any(|row| row.address == at))).await;
        if matches!(is_wanted, Ok(Ok(false)) | Err(_)) {
            return;
        }
    }
}

/// Waits until something was recorded here.
async fn something_recorded(news: &mut tokio::sync::broadcast::Receiver<News>) {
    loop {
        match news.recv().await {
            Ok(News::Status) => {}
            Ok(News::Recorded) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

fn agent() -> Agent {
    // Neighbours are in the same house: no proxy stands between.
    outgoing::client(WHOLE).proxy(None).timeout_connect(Some(CONNECT)).build().into()
}

/// Tells and asks the neighbour at `address` until neither has more to say; who it is, and how much was new here.
fn talk(writer: &Writer, agent: &Agent, address: &str, met: Vec<Peer>, port: Option<u16>) -> Result<(Vec<Peer>, usize), NoLine> {
    let peers = if met.is_empty() { meet(writer, agent, address)? } else { met };
    let mut taken = 0;
    for peer in &peers {
        let peer = *peer;
        for _ in 0..MAX_ROUNDS {
            let question = writer.run_blocking(move |terminal, chance| terminal.tell_neighbour(peer, port, chance, now()))??;
            let answer = call(address, agent.post(&format!("{address}{PATH}")).content_type("application/octet-stream").send(question.as_slice()))?;
            let heard = writer.run_blocking(move |terminal, _| terminal.take_neighbours_answer(peer, &answer, now()))??;
            taken += heard.taken;
            if !heard.more {
                break;
            }
        }
    }
    Ok((peers, taken))
}

/// Asks who is at `address`, and keeps it as a neighbour if it is one.
fn meet(writer: &Writer, agent: &Agent, address: &str) -> Result<Vec<Peer>, NoLine> {
    let at = writer.run_blocking({
        let address = address.to_owned();
        move |terminal, _| terminal.neighbour_at(&address)
    })??;
    let shown = call(&at, agent.get(&format!("{at}{PATH}")).call())?;
    writer.run_blocking(move |terminal, _| terminal.meet(&at, &shown, now()))?.map_err(|why| match why {
        CannotTalk::Malformed(_) => NoLine::NoTerminal(address.to_owned()),
        other => other.into(),
    })
}

/// The body of a good answer.
fn call(address: &str, answered: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Vec<u8>, NoLine> {
    let unreachable = |_| NoLine::Unreachable(address.to_owned());
    let mut response = answered.map_err(unreachable)?;
    if !response.status().is_success() {
        return Err(NoLine::NoTerminal(address.to_owned()));
    }
    response.body_mut().with_config().limit(MAX_TELLING_BYTES as u64).read_to_vec().map_err(unreachable)
}

/// Who this box is: its credentials.
async fn shown(State(app): State<App>, Extension(from): Extension<Caller>) -> Result<Response, Problem> {
    if !app.neighbours.brake.lets(from.0, Instant::now()) {
        return Err(too_many());
    }
    let shown = app.writer.run(|terminal, _| terminal.credentials_shown()).await??;
    Ok(([(header::CONTENT_TYPE, "application/cbor"), (header::CACHE_CONTROL, "no-store")], shown).into_response())
}

/// A question of a neighbour, and the answer. Whoever is none learns only that it is not understood.
async fn heard(State(app): State<App>, Extension(from): Extension<Caller>, body: Bytes) -> Result<Response, Problem> {
    if !app.neighbours.brake.lets(from.0, Instant::now()) {
        return Err(too_many());
    }
    let port = app.neighbours.port();
    let question = app.writer.run(move |terminal, chance| terminal.hear_neighbour(&body, port, chance, now())).await?;
    let question = question.map_err(|why| match why {
        CannotTalk::Store(store) => store.into(),
        other => {
            tracing::debug!("{other}");
            Problem::new(StatusCode::FORBIDDEN, "this message is not taken: only terminals of this provider are heard here")
        }
    })?;
    if let Some(heard) = &question.heard {
        took(&app, heard, from.0).await;
    }
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], question.answer).into_response())
}

/// Tells open pages what is new, and looks for a neighbour that has called where it called from.
async fn took(app: &App, heard: &Heard, from: IpAddr) {
    if heard.taken > 0 {
        app.events.tell(News::Status);
    }
    let Some(port) = heard.port else { return };
    let (peer, address) = (heard.peer, format!("http://{}", SocketAddr::new(from, port)));
    let known = app.writer.run(move |terminal, _| terminal.neighbour_called_from(peer, &address)).await;
    if matches!(known, Ok(Ok(true))) {
        app.neighbours.changed.notify_one();
    }
}

fn too_many() -> Problem {
    Problem { seconds: Some(5), ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "too many messages at once: send fewer") }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The lines, as every handler shares them.
pub(super) type Shared = Arc<Neighbours>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_held_back_and_others_are_heard() {
        let (brake, start) = (Brake::default(), Instant::now());
        let (loud, quiet) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let passed = (0..1000).filter(|_| brake.lets(loud, start)).count();
        assert_eq!(passed, 60);
        assert!(brake.lets(quiet, start));
        assert_eq!((0..100).filter(|_| brake.lets(loud, start + Duration::from_secs(1))).count(), 20);
        let many = (0..2000u32).filter(|number| brake.lets(IpAddr::from(number.to_be_bytes()), start + Duration::from_secs(1))).count();
        assert!(many <= 300, "{many}");
        assert!(locked(&brake.0).by_address.len() <= MAX_COUNTED);
        assert!(brake.lets(IpAddr::from([10, 9, 9, 9]), start + Duration::from_secs(60)), "who was held back long ago takes no place");
    }
}
