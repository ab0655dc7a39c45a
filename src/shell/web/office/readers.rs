//! Connections that only read: pages are shown while the office is at work.

use crate::office::Office;
use crate::shell::store::sql::Connection;
use crate::shell::web::actor::{Actor, NotDone};
use std::sync::Arc;

/// How many pages are looked up at once.
const READERS: usize = 2;

/// Threads that own a reading connection each; none over a database in memory, which only its owner can read.
#[derive(Debug)]
pub struct Readers {
    all: Vec<Reader>,
}

#[derive(Debug)]
struct Reader {
    thread: Actor<Connection>,
    /// Held once here and once by each piece of work that waits or is done.
    work: Arc<()>,
}

impl Readers {
    /// Readers of the office's database.
    pub fn of(office: &Office) -> std::io::Result<Self> {
        Self::beside(office.db())
    }

    fn beside(writer: &Connection) -> std::io::Result<Self> {
        let mut all = Vec::new();
        while all.len() < READERS {
            let Some(db) = writer.reader().map_err(|why| std::io::Error::other(why.to_string()))? else { break };
            all.push(Reader { thread: Actor::start("office reader", db)?.0, work: Arc::new(()) });
        }
        Ok(Self { all })
    }

    /// Whether there are any.
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Has `work` done by the reader with the least to do, so that nobody waits for a slow page beside an idle reader.
    pub async fn look<T: Send + 'static>(&self, work: impl FnOnce(&Connection) -> T + Send + 'static) -> Result<T, NotDone> {
        let reader = self.all.iter().min_by_key(|reader| Arc::strong_count(&reader.work)).ok_or(NotDone)?;
        let mark = reader.work.clone();
        reader
            .thread
            .ask(move |db| {
                let answer = work(db);
                drop(mark);
                answer
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[tokio::test]
    async fn two_slow_pages_are_looked_up_side_by_side_whatever_came_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let writer = crate::shell::store::office::open(&folder.path().join("office.db")).expect("a database");
        let readers = Readers::beside(&writer).expect("readers");
        for quick in 0..4 {
            for _ in 0..quick {
                readers.look(|_| ()).await.expect("looked");
            }
            // Each waits for the other: in the queue of one reader they would wait for ever.
            let meet = Arc::new(Barrier::new(2));
            let slow = || {
                let meet = meet.clone();
                readers.look(move |_| meet.wait().is_leader())
            };
            let both = async { tokio::join!(slow(), slow()) };
            let (one, other) = tokio::time::timeout(std::time::Duration::from_secs(20), both).await.expect("side by side");
            assert_ne!(one, other);
        }
    }
}
