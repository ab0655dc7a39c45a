//! The only SQL of the terminal. One database: the journal, indexes of it that can be derived again, what the offices have said,
//! and what must never leave the box.

mod card;
mod chip;
mod device;
mod expiring;
mod held;
mod journal;
mod lesson;
mod month;
mod neighbour;
mod office;
mod outbox;
mod person;
mod pickup;
pub mod purge;
mod record;
mod restore;
mod returned;
mod setting;
mod standing;
mod view;

pub use card::{KnownCard, RememberedAsk};
pub use chip::Chip;
pub use expiring::CardEnd;
pub use held::HeldRow;
pub use journal::{JournalEnd, JournalRow};
pub use lesson::LessonRow;
pub use month::{After, LineFilter, MonthLine, MonthPayment, MonthSum};
pub use neighbour::{AddressRow, Doubled, NeighbourRow};
pub use office::{NewOffice, OfficeNumber, OfficeRow};
pub use outbox::{BatchRow, BatchState, PaymentRow};
pub use person::{Details, PersonRow};
pub use pickup::PickupLine;
pub use record::IndexedRedemption;
pub use restore::EarlierUse;
pub use standing::{StandingMonth, StandingRow};
pub use view::{Closing, DayLine, Pending, PersonShown};

use super::{StoreError, from_db, to_db};
use crate::words::time::UtcMs;
use rusqlite::{Connection, OptionalExtension};
use std::ops::Deref;
use std::path::Path;

const MIGRATIONS: &[&str] = &[include_str!("terminal/0001.sql"), include_str!("terminal/0002.sql"), include_str!("terminal/0003.sql")];

/// The terminal's database.
#[derive(Debug)]
pub struct TerminalStore {
    connection: Connection,
    /// Whether what is written now is kept by one commit, later.
    together: bool,
}

/// One transaction: everything read in it is as of one moment, everything written in it is kept together or not at all.
#[derive(Debug)]
pub struct Tx<'c> {
    sql: Scope<'c>,
}

/// What a transaction's work is done in: a transaction of its own, or a part of one that several share, which comes to nothing by itself or
/// stays with the others. What is not kept is undone. The statements around it are planned once, like those in it.
#[derive(Debug)]
struct Scope<'c> {
    connection: &'c Connection,
    how: &'static Around,
    ended: bool,
}

/// The statements around a transaction's work.
#[derive(Debug)]
struct Around {
    begin: &'static str,
    keep: &'static str,
    undo: &'static [&'static str],
}

const WRITING: Around = Around { begin: "BEGIN IMMEDIATE", keep: "COMMIT", undo: &["ROLLBACK"] };
const READING: Around = Around { begin: "BEGIN", keep: "COMMIT", undo: &["ROLLBACK"] };
const PART: Around = Around { begin: "SAVEPOINT part", keep: "RELEASE part", undo: &["ROLLBACK TO part", "RELEASE part"] };

impl Deref for Scope<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl<'c> Scope<'c> {
    fn begin(connection: &'c Connection, how: &'static Around) -> rusqlite::Result<Self> {
        run(connection, how.begin)?;
        Ok(Self { connection, how, ended: false })
    }

    fn keep(mut self) -> rusqlite::Result<()> {
        run(self.connection, self.how.keep)?;
        self.ended = true;
        Ok(())
    }

    fn undo(mut self) -> rusqlite::Result<()> {
        self.ended = true;
        self.how.undo.iter().try_for_each(|sql| run(self.connection, sql))
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        // SQLite undoes a whole transaction by itself when the disk is full or fails.
        if self.ended || self.connection.is_autocommit() {
            return;
        }
        if let Err(error) = self.how.undo.iter().try_for_each(|sql| run(self.connection, sql)) {
            tracing::error!(%error, "what came to nothing could not be undone alone");
            // Then all of it is: nobody is told that anything of it was kept.
            let _ = run(self.connection, "ROLLBACK");
        }
    }
}

/// Runs a statement that answers nothing.
fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

/// The facts kept one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The id of the terminal whose journal this is.
    Terminal,
    /// A secret that blinds chips.
    ChipSecret,
    /// No right clock shows an earlier time.
    ClockFloor,
    /// The time at which the clock was found to run ahead.
    ClockAhead,
    /// What was last recorded of the clock.
    ClockState,
    /// When an office last proved the time.
    ClockProven,
    /// When this box was restored from a backup.
    RestoredAt,
}

impl Fact {
    const fn name(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::ChipSecret => "chip_secret",
            Self::ClockFloor => "clock_floor",
            Self::ClockAhead => "clock_ahead",
            Self::ClockState => "clock_state",
            Self::ClockProven => "clock_proven",
            Self::RestoredAt => "restored_at",
        }
    }
}

/// What is kept of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockKept {
    /// No right clock shows an earlier time.
    pub floor: Option<UtcMs>,
    /// The time at which the clock was found to run ahead.
    pub ahead: Option<UtcMs>,
    /// Whether it was last recorded as suspect.
    pub is_suspect: bool,
    /// When the journal's last entry was written.
    pub last: Option<UtcMs>,
}

impl TerminalStore {
    /// Opens the database at `path`, or makes it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self::over(super::open(path, MIGRATIONS)?))
    }

    /// Whether it is sound and holds nothing but what this program makes; looks through all of it.
    pub fn is_as_made(&self) -> Result<bool, StoreError> {
        super::is_as_made(&self.connection, MIGRATIONS)
    }

    /// A database in memory, for tests and simulations.
    pub fn open_in_memory() -> Result<Self, StoreError> {
        Ok(Self::over(super::open_in_memory(MIGRATIONS)?))
    }

    const fn over(connection: Connection) -> Self {
        Self { connection, together: false }
    }

    /// Writes the database anew without what was deleted, empties the log beside it, and removes copies from before updates.
    pub fn compact(&self) -> Result<(), StoreError> {
        self.connection.execute_batch("VACUUM")?;
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        super::forget_earlier(&self.connection)?;
        Ok(())
    }

    /// Does `work` in one transaction that nobody else writes beside; its result is known to be durable when this returns, or, between
    /// [`begin_together`](Self::begin_together) and [`commit_together`](Self::commit_together), when that does.
    pub fn write<T, E: From<StoreError>>(&mut self, work: impl FnOnce(&Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        let tx = Tx { sql: self.scope(&WRITING)? };
        let done = work(&tx)?;
        tx.sql.keep().map_err(StoreError::from)?;
        Ok(done)
    }

    /// Does `work` in one transaction of which nothing stays.
    pub fn read<T, E: From<StoreError>>(&mut self, work: impl FnOnce(&Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        let sql = self.scope(&READING)?;
        work(&Tx { sql })
    }

    fn scope(&mut self, alone: &'static Around) -> Result<Scope<'_>, StoreError> {
        // SQLite undoes a whole transaction by itself when the disk is full or fails: what followed would then be kept alone.
        if self.together && self.connection.is_autocommit() {
            return Err(StoreError::Undone);
        }
        Ok(Scope::begin(&self.connection, if self.together { &PART } else { alone })?)
    }

    /// From here on, what is written is kept by one commit. Nobody may be told of it before [`commit_together`](Self::commit_together).
    pub fn begin_together(&mut self) -> Result<(), StoreError> {
        run(&self.connection, WRITING.begin)?;
        self.together = true;
        Ok(())
    }

    /// Keeps what was written since [`begin_together`](Self::begin_together), all of it or, with an error, nothing.
    pub fn commit_together(&mut self) -> Result<(), StoreError> {
        self.together = false;
        if self.connection.is_autocommit() {
            return Err(StoreError::Undone);
        }
        let kept = run(&self.connection, WRITING.keep);
        if kept.is_err() && !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        Ok(kept?)
    }

    /// Changes when another process has written.
    pub fn version(&self) -> Result<i64, StoreError> {
        Ok(self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
    }

    /// Takes over everything that `other` holds, instead of what was here: all of it, or with an error nothing.
    pub fn replace_by(&mut self, other: &Self) -> Result<(), StoreError> {
        super::copy_at_once(&other.connection, &mut self.connection)
    }

    /// Copies the database as it is now to a new file, also one in memory: for tests. A backup is made by [`super::copy`].
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        /// Pages copied at a time.
        const PAGES: std::ffi::c_int = 500;
        let mut to = super::open(path, &[])?;
        let backup = rusqlite::backup::Backup::new(&self.connection, &mut to)?;
        backup.run_to_completion(PAGES, std::time::Duration::ZERO, None)?;
        drop(backup);
        // The copy is one file that is complete in itself.
        to.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
        Ok(())
    }

    /// A copy in memory of what is committed now: crashes, old images and cloned boxes of the simulator.
    #[cfg(feature = "sim")]
    pub fn copy_in_memory(&self) -> Result<Self, StoreError> {
        let mut connection = super::open_in_memory(&[])?;
        rusqlite::backup::Backup::new(&self.connection, &mut connection)?.run_to_completion(std::ffi::c_int::MAX, std::time::Duration::ZERO, None)?;
        Ok(Self::over(connection))
    }

    /// The connection itself, for tests that make commits fail or look behind the tables.
    pub const fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl Tx<'_> {
    /// Does `work`; where it comes to nothing, nothing that it wrote stays.
    pub fn tentatively<T, E: From<StoreError>>(&self, work: impl FnOnce() -> Result<Option<T>, E>) -> Result<Option<T>, E> {
        let part = Scope::begin(&self.sql, &PART).map_err(StoreError::from)?;
        // Where it fails, what is undone with it says no more than why.
        let done = work()?;
        if done.is_some() { part.keep() } else { part.undo() }.map_err(StoreError::from)?;
        Ok(done)
    }

    /// A fact, if it is known.
    pub fn fact(&self, fact: Fact) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
        Ok(statement.query_row([fact.name()], |row| row.get(0)).optional()?)
    }

    /// Keeps a fact.
    pub fn keep_fact(&self, fact: Fact, value: &[u8]) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached("INSERT INTO meta(name, value) VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET value = ?2")?;
        statement.execute((fact.name(), value))?;
        Ok(())
    }

    /// A fact that is a time.
    pub fn time(&self, fact: Fact) -> Result<Option<UtcMs>, StoreError> {
        let Some(bytes) = self.fact(fact)? else { return Ok(None) };
        let bytes = bytes.try_into().map_err(|_| StoreError::Inconsistent(fact.name().into()))?;
        Ok(Some(UtcMs(u64::from_be_bytes(bytes))))
    }

    /// What is kept of the clock, and when the journal's last entry was written, by one question.
    pub fn clock(&self) -> Result<ClockKept, StoreError> {
        let sql = "SELECT (SELECT value FROM meta WHERE name = 'clock_floor'), (SELECT value FROM meta WHERE name = 'clock_ahead'),
            (SELECT value FROM meta WHERE name = 'clock_state'), (SELECT at FROM journal ORDER BY seq DESC LIMIT 1)";
        let time = |bytes: [u8; 8]| UtcMs(u64::from_be_bytes(bytes));
        self.sql
            .prepare_cached(sql)?
            .query_row([], |row| {
                let (floor, ahead) = (row.get::<_, Option<[u8; 8]>>(0)?.map(time), row.get::<_, Option<[u8; 8]>>(1)?.map(time));
                let last = row.get::<_, Option<i64>>(3)?.map(|at| UtcMs(u64::try_from(at).unwrap_or_default()));
                Ok(ClockKept { floor, ahead, is_suspect: row.get_ref(2)? != rusqlite::types::ValueRef::Null, last })
            })
            .map_err(StoreError::from)
    }

    /// Keeps a fact that is a time.
    pub fn keep_time(&self, fact: Fact, at: UtcMs) -> Result<(), StoreError> {
        self.keep_fact(fact, &at.0.to_be_bytes())
    }

    /// Forgets a fact.
    pub fn forget_fact(&self, fact: Fact) -> Result<(), StoreError> {
        self.sql.prepare_cached("DELETE FROM meta WHERE name = ?1")?.execute([fact.name()])?;
        Ok(())
    }
}

/// A stored value of one of our own types, or the complaint that it is none.
fn known<T>(value: Option<T>, what: &'static str) -> Result<T, StoreError> {
    value.ok_or_else(|| StoreError::Inconsistent(what.into()))
}
