//! Connections that only read: pages are shown while the office is at work.

use crate::office::Office;
use crate::shell::store::{self, StoreError};
use crate::shell::web::actor::Actor;
use rusqlite::Connection;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many pages are looked up at once.
const READERS: usize = 2;

/// Threads that own a reading connection each; none over a database in memory, which only its owner can read.
#[derive(Debug)]
pub struct Readers {
    all: Vec<Actor<Connection>>,
    turn: AtomicUsize,
}

impl Readers {
    /// Readers of the office's database.
    pub fn of(office: &Office) -> std::io::Result<Self> {
        let path = office.db().path().filter(|path| !path.is_empty());
        let open = |path: &str| -> std::io::Result<Actor<Connection>> {
            let db = store::open_to_read(path.as_ref()).map_err(|why: StoreError| std::io::Error::other(why.to_string()))?;
            Ok(Actor::start("office reader", db)?.0)
        };
        let all = path.map_or(Ok(Vec::new()), |path| (0..READERS).map(|_| open(path)).collect::<Result<_, _>>())?;
        Ok(Self { all, turn: AtomicUsize::new(0) })
    }

    /// The reader whose turn it is.
    pub fn next(&self) -> Option<&Actor<Connection>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.all.get(turn.checked_rem(self.all.len())?)
    }
}
