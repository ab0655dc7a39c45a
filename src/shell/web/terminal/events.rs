//! News for open pages: that something was recorded, or that the box heard from an office. What it was, each page asks for itself.

use super::{App, door::Desk};
use crate::shell::web::problem::Problem;
use crate::words::ids::Hash;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};

/// How many pages may listen at once.
const MAX_LISTENERS: usize = 64;
/// How many pieces of news wait for a slow page; what it missed is told as one.
const MAX_WAITING: usize = 16;
/// How often a silent line shows that it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Something was recorded, cancelled, held or closed.
    Recorded,
    /// How the box is has changed: an exchange, a device.
    Status,
}

impl News {
    const fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Status => "status",
        }
    }
}

/// Everybody who listens.
#[derive(Clone, Debug)]
pub(super) struct Events {
    news: broadcast::Sender<News>,
    places: Arc<Semaphore>,
}

impl Default for Events {
    fn default() -> Self {
        Self { news: broadcast::Sender::new(MAX_WAITING), places: Arc::new(Semaphore::new(MAX_LISTENERS)) }
    }
}

impl Events {
    /// Hears what is told from now on.
    pub(super) fn hear(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// Tells all open pages. That nobody listens is no fault.
    pub(super) fn tell(&self, news: News) {
        let _ = self.news.send(news);
    }
}

/// One page that listens.
struct Line {
    app: App,
    news: broadcast::Receiver<News>,
    closing: watch::Receiver<bool>,
    session: Option<Hash>,
    _place: OwnedSemaphorePermit,
}

impl Line {
    /// The next news; none when the server ends or the page's session is gone.
    async fn next(&mut self) -> Option<News> {
        let heard = tokio::select! {
            _ = self.closing.wait_for(|closing| *closing) => return None,
            heard = self.news.recv() => heard,
        };
        if self.session.is_some_and(|session| !self.app.sessions.holds(session)) {
            return None;
        }
        match heard {
            Ok(news) => Some(news),
            Err(RecvError::Lagged(_)) => Some(News::Recorded),
            Err(RecvError::Closed) => None,
        }
    }
}

/// The news as server-sent events.
pub(super) async fn listen(State(app): State<App>, desk: Desk) -> Response {
    let Ok(place) = app.events.places.clone().try_acquire_owned() else {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many pages listen at once: close those that nobody needs");
        return Problem { seconds: Some(60), ..problem }.into_response();
    };
    let line = Line { news: app.events.news.subscribe(), closing: app.closing.subscribe(), session: desk.caller.session, _place: place, app };
    let news = futures_util::stream::unfold(line, |mut line| async {
        let news = line.next().await?;
        Some((Ok::<_, Infallible>(Event::default().event(news.name()).data(news.name())), line))
    });
    Sse::new(news).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE)).into_response()
}
