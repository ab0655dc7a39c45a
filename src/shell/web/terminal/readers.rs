//! What the box's own scanners and card readers read, handed to the page on the box's own screen; and how these readers stand.
//!
//! A scan waits here, in order, until a page has put it into its queue and says so. Its id is the id the page asks under: however often it
//! is handed over, it is recorded once. Of several open pages the one opened last gets it; tablets have scanners of their own.

use super::door::Desk;
use super::events::News;
use super::{App, answer};
use crate::shell::device::{Listener, Reader, Scanned, Told, Trouble};
use crate::shell::door::{now, os_chance};
use crate::shell::web::problem::Problem;
use crate::shell::web::serve::Peer;
use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json as value};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How many scans wait for a page at most: more than anybody scans without looking at the screen.
const MAX_WAITING: usize = 100;
/// How many pages of the box's own screen may listen at once.
const MAX_LISTENERS: usize = 16;
/// How often a silent line shows that it is alive.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// A scan that no page has taken yet.
#[derive(Clone, Debug)]
struct Waiting {
    number: u64,
    id: String,
    scan: Scanned,
    at: UtcMs,
}

/// A reader, since when it stands so, and the last reading that came to nothing.
#[derive(Clone, Debug)]
struct Row {
    reader: Reader,
    since: UtcMs,
    trouble: Option<(Trouble, UtcMs)>,
}

#[derive(Debug, Default)]
struct Inside {
    rows: Vec<Row>,
    waiting: VecDeque<Waiting>,
    /// The number of the last scan or trouble.
    last: u64,
    /// The last trouble, for whoever looks just now.
    trouble: Option<(u64, String, Trouble)>,
    /// The open lines, the one opened last at the end.
    lines: Vec<u64>,
    opened: u64,
}

/// The box's own readers; shared by all parts of the server.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    inside: Arc<Mutex<Inside>>,
    changed: watch::Sender<()>,
    /// Whether this box reads any itself.
    pub any: bool,
}

impl Default for Readers {
    fn default() -> Self {
        Self { inside: Arc::default(), changed: watch::Sender::new(()), any: false }
    }
}

impl Readers {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what a watcher tells. Whether how a reader stands has changed.
    fn hear(&self, told: Told, id: String, now: UtcMs) -> bool {
        let mut inside = self.inside();
        let is_news = match told {
            Told::Stands(reader) => {
                inside.stands(reader, now);
                true
            }
            Told::Scan(scan) if inside.waiting.len() >= MAX_WAITING => inside.trouble(&scan.reader, Trouble::Full, now),
            Told::Scan(scan) => {
                inside.last += 1;
                let number = inside.last;
                inside.waiting.push_back(Waiting { number, id, scan, at: now });
                false
            }
            Told::Trouble(reader, trouble) => inside.trouble(&reader, trouble, now),
        };
        drop(inside);
        self.changed.send_replace(());
        is_news
    }

    /// A page has put a scan into its queue.
    fn taken(&self, id: &str) {
        self.inside().waiting.retain(|waiting| waiting.id != id);
    }

    fn open(&self) -> Option<u64> {
        let mut inside = self.inside();
        if inside.lines.len() >= MAX_LISTENERS {
            return None;
        }
        inside.opened += 1;
        let line = inside.opened;
        inside.lines.push(line);
        Some(line)
    }

    fn close(&self, line: u64) {
        self.inside().lines.retain(|open| *open != line);
        self.changed.send_replace(());
    }
}

impl Inside {
    fn stands(&mut self, reader: Reader, now: UtcMs) {
        match self.rows.iter_mut().find(|row| row.reader.id == reader.id) {
            Some(row) if row.reader.standing == reader.standing => row.reader = reader,
            Some(row) => *row = Row { reader, since: now, trouble: None },
            None => self.rows.push(Row { reader, since: now, trouble: None }),
        }
        self.rows.sort_by(|one, other| one.reader.id.cmp(&other.reader.id));
    }

    fn trouble(&mut self, reader: &str, trouble: Trouble, now: UtcMs) -> bool {
        self.last += 1;
        self.trouble = Some((self.last, reader.to_owned(), trouble));
        if let Some(row) = self.rows.iter_mut().find(|row| row.reader.id == reader) {
            row.trouble = Some((trouble, now));
        }
        true
    }

    fn name(&self, id: &str) -> &str {
        self.rows.iter().find(|row| row.reader.id == id).map(|row| row.reader.name.as_str()).unwrap_or_default()
    }
}

impl App {
    /// Whom the box's own readers tell what they read; to be called once, before the first request.
    pub fn with_readers(mut self) -> (Self, Listener) {
        self.readers.any = true;
        let (readers, events) = (self.readers.clone(), self.events.clone());
        let listener = Listener::new(move |told| {
            let id = data_encoding::HEXLOWER.encode(&os_chance().bytes::<16>());
            if readers.hear(told, id, now()) {
                events.tell(News::Status);
            }
        });
        (self, listener)
    }
}

/// One page of the box's own screen that takes scans.
struct Line {
    app: App,
    changed: watch::Receiver<()>,
    closing: watch::Receiver<bool>,
    session: Option<Hash>,
    number: u64,
    /// The number of the last scan it was told.
    told_scan: u64,
    /// The number of the last trouble it was told.
    told_trouble: u64,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.app.readers.close(self.number);
    }
}

impl Line {
    /// The next scan or trouble; none when the server ends or the page's session is gone.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.session.is_some_and(|session| !self.app.sessions.holds(session)) {
                return None;
            }
            self.changed.borrow_and_update();
            if let Some(event) = self.untold() {
                return Some(event);
            }
            tokio::select! {
                _ = self.closing.wait_for(|closing| *closing) => return None,
                changed = self.changed.changed() => changed.ok()?,
            }
        }
    }

    /// What this page was not told yet, scans first and the oldest of them first, while it is the one opened last.
    fn untold(&mut self) -> Option<Event> {
        let inside = self.app.readers.inside();
        if inside.lines.last() != Some(&self.number) {
            return None;
        }
        if let Some(scan) = inside.waiting.iter().find(|waiting| waiting.number > self.told_scan) {
            self.told_scan = scan.number;
            return Some(Event::default().event("scan").data(scan_json(scan, &inside, now()).to_string()));
        }
        let (number, reader, trouble) = inside.trouble.as_ref().filter(|(number, ..)| *number > self.told_trouble)?;
        self.told_trouble = *number;
        let data = value!({"trouble": trouble, "reader": inside.name(reader)});
        Some(Event::default().event("trouble").data(data.to_string()))
    }
}

fn scan_json(waiting: &Waiting, inside: &Inside, now: UtcMs) -> Value {
    value!({
        "id": waiting.id, "text": waiting.scan.text, "ending": waiting.scan.ending, "from_card": waiting.scan.from_card,
        "reader": inside.name(&waiting.scan.reader), "at": waiting.at.rfc3339(), "waited_ms": now.since(waiting.at),
    })
}

/// Refuses whoever does not sit at the box itself.
fn at_the_box(app: &App, desk: &Desk, peer: Option<Extension<Peer>>) -> Result<(), Problem> {
    let is_here = peer.is_none_or(|Extension(Peer(address))| address.to_canonical().is_loopback());
    if !app.over_lan && desk.caller.device.is_none() && desk.caller.session.is_some() && is_here {
        return Ok(());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "what the box's own readers read goes to the page on its own screen"))
}

/// Scans as server-sent events, for the page on the box's own screen.
pub(super) async fn listen(State(app): State<App>, desk: Desk, peer: Option<Extension<Peer>>) -> Result<Response, Problem> {
    at_the_box(&app, &desk, peer)?;
    if !app.readers.any {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let crowded = || Problem {
        seconds: Some(60),
        ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many pages listen at once: close those that nobody needs")
    };
    let number = app.readers.open().ok_or_else(crowded)?;
    // Troubles of before are no news; scans that wait are.
    let told_trouble = app.readers.inside().trouble.as_ref().map_or(0, |(number, ..)| *number);
    let line = Line {
        changed: app.readers.changed.subscribe(),
        closing: app.closing.subscribe(),
        session: desk.caller.session,
        number,
        told_scan: 0,
        told_trouble,
        app,
    };
    let scans = futures_util::stream::unfold(line, |mut line| async {
        let event = line.next().await?;
        Some((Ok::<_, Infallible>(event), line))
    });
    Ok(Sse::new(scans).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE)).into_response())
}

/// A page has put a scan into its queue: it is handed over no more.
pub(super) async fn take(State(app): State<App>, desk: Desk, peer: Option<Extension<Peer>>, Path(id): Path<String>) -> Result<Response, Problem> {
    at_the_box(&app, &desk, peer)?;
    app.readers.taken(&id);
    Ok(answer(StatusCode::OK, value!({"taken": id})))
}

/// How the box's own readers stand.
pub(super) async fn list(State(app): State<App>) -> Response {
    let inside = app.readers.inside();
    let rows: Vec<Value> = inside.rows.iter().map(row_json).collect();
    answer(StatusCode::OK, value!({"readers": rows, "waiting": inside.waiting.len()}))
}

fn row_json(row: &Row) -> Value {
    value!({
        "id": row.reader.id, "name": row.reader.name, "kind": row.reader.kind, "standing": row.reader.standing,
        "since": row.since.rfc3339(),
        "trouble": row.trouble.map(|(trouble, at)| value!({"what": trouble, "at": at.rfc3339()})),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::device::frame::Ending;
    use crate::shell::device::{Kind, Standing};

    fn scan(text: &str) -> Told {
        Told::Scan(Scanned { reader: "0-0".into(), text: text.into(), ending: Ending::Enter, from_card: false })
    }

    fn stands(standing: Standing) -> Told {
        Told::Stands(Reader { id: "0-0".into(), name: "Scanner".into(), kind: Kind::Scanner, standing })
    }

    #[test]
    fn a_reader_keeps_its_row_and_the_time_tells_since_when() {
        let readers = Readers::default();
        readers.hear(stands(Standing::Unplugged), String::new(), UtcMs(1000));
        readers.hear(stands(Standing::Connected), String::new(), UtcMs(2000));
        readers.hear(Told::Trouble("0-0".into(), Trouble::Garbled), String::new(), UtcMs(2500));
        readers.hear(stands(Standing::Connected), String::new(), UtcMs(3000));
        let rows = readers.inside().rows.clone();
        assert_eq!((rows.len(), rows[0].since, rows[0].trouble), (1, UtcMs(2000), Some((Trouble::Garbled, UtcMs(2500)))));
    }

    #[test]
    fn scans_wait_in_order_are_bounded_and_are_taken_once() {
        let readers = Readers::default();
        for number in 0..MAX_WAITING + 5 {
            readers.hear(scan(&number.to_string()), number.to_string(), UtcMs(1));
        }
        assert_eq!(readers.inside().waiting.len(), MAX_WAITING);
        assert_eq!(readers.inside().waiting.front().map(|waiting| waiting.scan.text.clone()), Some("0".into()), "the oldest stays");
        assert_eq!(readers.inside().trouble.as_ref().map(|(_, _, trouble)| *trouble), Some(Trouble::Full), "and the newest is told of");
        readers.taken("0");
        readers.taken("0");
        assert_eq!(readers.inside().waiting.len(), MAX_WAITING - 1);
    }
}
