//! Looks for the readers of the allow-list, again and again: they may be plugged in, out and in again while the box serves.

use super::allowed::Allowed;
use super::frame::Piece;
use super::hid::{self, Grabbed};
use super::line::{Bytes, read_until_gone};
use super::pos::{Layout, Reports};
use super::{Kind, Listener, Places, Reader, Scanned, Standing, Told, Trouble, serial};
use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often is looked for readers that are missing.
const EVERY: Duration = Duration::from_millis(500);
/// How long the same trouble of one reader is not told again: a line at the wrong speed has many a second.
const QUIET: Duration = Duration::from_secs(2);

/// Watches until it is dropped.
#[derive(Debug)]
pub struct Watching {
    ending: Arc<AtomicBool>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
    }
}

/// Watches for all readers of the list and tells `listener` of them.
///
/// # Errors
/// When the system gives no thread.
pub fn start(list: &[Allowed], places: &Places, listener: &Listener) -> std::io::Result<Watching> {
    let ending = Arc::new(AtomicBool::new(false));
    for (number, entry) in list.iter().enumerate() {
        let (entry, listener, ending) = (entry.clone(), listener.clone(), ending.clone());
        let named = thread::Builder::new().name(format!("reader-{number}"));
        if entry == Allowed::Cards {
            #[cfg(feature = "pcsc")]
            named.spawn(move || super::cards::watch(&listener, &ending))?;
            continue;
        }
        let post = Post { number, entry, places: places.clone(), listener, ending, rows: Vec::new() };
        named.spawn(move || post.watch())?;
    }
    Ok(Watching { ending })
}

/// The watch for one entry of the allow-list.
struct Post {
    number: usize,
    entry: Allowed,
    places: Places,
    listener: Listener,
    ending: Arc<AtomicBool>,
    rows: Vec<Row>,
}

/// A reader that was seen, and who reads it.
struct Row {
    reader: Reader,
    path: PathBuf,
    reading: Option<JoinHandle<()>>,
}

/// A device that could be plugged in.
struct Candidate {
    path: PathBuf,
    name: String,
    opens: Box<dyn FnOnce() -> Result<Opened, Standing>>,
}

/// An open device.
enum Opened {
    Keys(Grabbed),
    Line(OwnedFd),
    Reports(OwnedFd, Layout),
}

impl AsFd for Opened {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Keys(device) => device.as_fd(),
            Self::Line(line) | Self::Reports(line, _) => line.as_fd(),
        }
    }
}

impl Post {
    fn watch(mut self) {
        while !self.ending.load(Ordering::Relaxed) {
            self.look();
            thread::sleep(EVERY);
        }
    }

    fn look(&mut self) {
        for at in 0..self.rows.len() {
            if self.rows.get(at).and_then(|row| row.reading.as_ref()).is_some_and(JoinHandle::is_finished) {
                self.stands(at, Standing::Unplugged, None);
            }
        }
        let found = self.candidates();
        for candidate in found {
            self.meet(candidate);
        }
        if self.rows.is_empty() {
            let name = self.entry.to_string();
            self.add(PathBuf::new(), &name, Standing::Unplugged);
        }
    }

    fn candidates(&self) -> Vec<Candidate> {
        if let Allowed::Serial { path, speed } = &self.entry {
            let (path, speed) = (path.clone(), *speed);
            if !path.exists() {
                return Vec::new();
            }
            let at = path.clone();
            return vec![Candidate { name: self.entry.to_string(), path, opens: Box::new(move || serial::open(&at, speed).map(Opened::Line)) }];
        }
        let one = |node: hid::Node| Candidate {
            path: node.path.clone(),
            name: if node.name.is_empty() { self.entry.to_string() } else { node.name.clone() },
            opens: Box::new(move || hid::open(&node).map(Opened::Keys)),
        };
        let raw = hid::raw_nodes(&self.places).into_iter().filter(|raw| self.entry.is(raw.node.vendor, raw.node.product, &raw.node.name));
        let reports = |raw: hid::Raw| Candidate {
            path: raw.node.path.clone(),
            name: if raw.node.name.is_empty() { self.entry.to_string() } else { raw.node.name.clone() },
            opens: Box::new(move || hid::open_raw(&raw.node.path).map(|device| Opened::Reports(device, raw.layout))),
        };
        hid::allowed(&self.places, &self.entry).into_iter().map(one).chain(raw.map(reports)).collect()
    }

    /// Reads a device that nobody reads yet, under the row it had before, or that of one that is gone.
    fn meet(&mut self, candidate: Candidate) {
        if self.rows.iter().any(|row| row.reading.is_some() && row.path == candidate.path) {
            return;
        }
        let free = self.rows.iter().position(|row| row.reading.is_none());
        match (candidate.opens)() {
            Ok(opened) => {
                let at = free.unwrap_or(self.rows.len());
                let id = self.id(at);
                let Ok(reading) = self.read(id, opened) else { return };
                match free {
                    Some(at) => self.stands(at, Standing::Connected, Some((candidate.path, candidate.name, reading))),
                    None => {
                        self.add(candidate.path, &candidate.name, Standing::Connected);
                        if let Some(row) = self.rows.last_mut() {
                            row.reading = Some(reading);
                        }
                    }
                }
            }
            Err(standing) => match free {
                Some(at) => self.stands(at, standing, None),
                None => self.add(candidate.path, &candidate.name, standing),
            },
        }
    }

    fn id(&self, at: usize) -> String {
        format!("{}-{at}", self.number)
    }

    fn add(&mut self, path: PathBuf, name: &str, standing: Standing) {
        let reader = Reader { id: self.id(self.rows.len()), name: name.to_owned(), kind: Kind::Scanner, standing };
        self.listener.tell(Told::Stands(reader.clone()));
        self.rows.push(Row { reader, path, reading: None });
    }

    fn stands(&mut self, at: usize, standing: Standing, reading: Option<(PathBuf, String, JoinHandle<()>)>) {
        let Some(row) = self.rows.get_mut(at) else { return };
        let before = row.reader.clone();
        row.reader.standing = standing;
        row.reading = None;
        if let Some((path, name, reading)) = reading {
            row.path = path;
            row.reader.name = name;
            row.reading = Some(reading);
        }
        if row.reader != before {
            self.listener.tell(Told::Stands(row.reader.clone()));
        }
    }

    fn read(&self, reader: String, opened: Opened) -> std::io::Result<JoinHandle<()>> {
        let (listener, ending) = (self.listener.clone(), self.ending.clone());
        let kind = match &opened {
            Opened::Keys(_) => Bytes::Events(Box::default()),
            Opened::Line(_) => Bytes::Characters,
            Opened::Reports(_, layout) => Bytes::Reports(Box::new(Reports::new(layout.clone()))),
        };
        thread::Builder::new().name(format!("reader-{reader}")).spawn(move || {
            let last: Cell<Option<(Trouble, Instant)>> = Cell::new(None);
            read_until_gone(&opened, kind, &ending, |piece| match piece {
                Piece::Scan(text, ending) => listener.tell(Told::Scan(Scanned { reader: reader.clone(), text, ending, from_card: false })),
                Piece::Trouble(trouble) => {
                    if last.get().is_none_or(|(before, at)| before != trouble || at.elapsed() > QUIET) {
                        listener.tell(Told::Trouble(reader.clone(), trouble));
                    }
                    last.set(Some((trouble, Instant::now())));
                }
            });
        })
    }
}

/// What could be put on the allow-list, for people who look for the right entry: entry and name of everything that types or sends reports
/// as scanners do, and the serial lines there are.
pub fn seen(places: &Places) -> Vec<(String, String)> {
    let nodes = hid::nodes(places).into_iter().chain(hid::raw_nodes(places).into_iter().map(|raw| raw.node));
    let typing = nodes.map(|node| (format!("{:04x}:{:04x}", node.vendor, node.product), node.name));
    let mut all: Vec<(String, String)> = typing.collect();
    let lines = std::fs::read_dir(places.dev.join("serial/by-id")).into_iter().flatten().flatten();
    all.extend(lines.map(|line| (format!("serial:{}", line.path().display()), line.file_name().to_string_lossy().into_owned())));
    all.sort();
    all.dedup();
    all
}
