//! The terminal: one box at one counter. It composes the rooms `admit … deliver` over one database; it is synchronous, and told the
//! time and handed randomness like the rooms are.
//!
//! The law (docs/WAY.md): what is spent is read, decided on and appended in one transaction, and the answer is given after its commit.

pub mod aside;
pub mod books;
mod card;
pub mod chips;
pub mod clock;
pub mod correct;
pub mod counter;
mod decision;
pub mod devices;
pub mod enrol;
pub mod expiring;
pub mod groups;
pub mod held;
pub mod inbound;
mod journal;
pub mod lessons;
pub mod list_import;
pub mod month;
mod neighbour_chips;
pub mod neighbours;
mod office;
pub mod outbound;
mod paying;
pub mod people;
pub mod pickups;
pub mod procedure;
pub mod purge;
pub mod rest;
pub mod restore;
pub mod returned;
pub mod settings;
pub mod standing;
pub mod verify;
pub mod view;

use crate::book::entry::{Body, Opened};
use crate::shell::envelope::Identity;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{Fact, TerminalStore, Tx};
use crate::words::chance::Chance;
use crate::words::ids::TerminalId;
use crate::words::keys::SecretKey;
use crate::words::time::UtcMs;
use journal::Journal;
pub use office::{Office, Offices};

/// The two keys of a terminal; they are in files of their own and in no backup.
#[derive(Debug)]
pub struct Keys {
    /// Signs batches and questions.
    pub signing: SecretKey,
    /// Opens envelopes.
    pub envelope: Identity,
}

/// Why a terminal could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum CannotOpen {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database holds no journal.
    #[error("there is no terminal in this folder: enrol it first")]
    NoTerminal,
    /// The journal belongs to another key.
    #[error("the keys in this folder are not those of the journal beside them: restore the backup into an empty folder")]
    ForeignKeys,
    /// The database holds a journal already.
    #[error("there is a terminal in this folder already")]
    Exists,
}

/// One terminal.
#[derive(Debug)]
pub struct Terminal {
    store: TerminalStore,
    keys: Keys,
    offices: Offices,
    /// The device of the house that work is done for; none for the box itself.
    till: Option<String>,
    /// What is under way with neighbours.
    talks: neighbours::Talks,
}

impl Terminal {
    /// Begins a journal in an empty database; `opened` names the earlier box it continues, if any.
    pub fn create(mut store: TerminalStore, keys: Keys, opened: Opened, chance: &mut Chance, now: UtcMs) -> Result<Self, CannotOpen> {
        let terminal = keys.signing.public().terminal_id();
        store.write(|tx| {
            if tx.end()?.is_some() {
                return Err(CannotOpen::Exists);
            }
            begin(tx, terminal, opened, chance, now)?;
            Ok(())
        })?;
        Self::open(store, keys, now)
    }

    /// Opens the terminal whose journal is in `store`.
    pub fn open(mut store: TerminalStore, keys: Keys, now: UtcMs) -> Result<Self, CannotOpen> {
        let own = keys.signing.public().terminal_id();
        let journals = store.read(|tx| tx.fact(Fact::Terminal))?.ok_or(CannotOpen::NoTerminal)?;
        if journals != own.0 {
            return Err(CannotOpen::ForeignKeys);
        }
        let offices = Offices::load(&mut store, now)?;
        Ok(Self { store, keys, offices, till: None, talks: neighbours::Talks::default() })
    }

    /// Its id, the same at all offices.
    pub fn id(&self) -> TerminalId {
        self.keys.signing.public().terminal_id()
    }

    /// Its address for envelopes.
    pub fn recipient(&self) -> String {
        self.keys.envelope.recipient()
    }

    /// The offices it is enrolled at.
    pub const fn offices(&self) -> &Offices {
        &self.offices
    }

    /// Its database, for tests that make commits fail.
    pub const fn store(&mut self) -> &mut TerminalStore {
        &mut self.store
    }

    /// Looks again at what the offices said, where another process has stored something or an hour has passed.
    fn refresh(&mut self, now: UtcMs) -> Result<(), StoreError> {
        if self.offices.is_outdated(&self.store, now)? {
            self.offices = self.offices.load_again(&mut self.store, now)?;
        }
        Ok(())
    }
}

/// Writes the first entry of a journal, and the facts that go with it.
fn begin(tx: &Tx<'_>, terminal: TerminalId, opened: Opened, chance: &mut Chance, now: UtcMs) -> Result<(), StoreError> {
    tx.keep_fact(Fact::Terminal, &terminal.0)?;
    if tx.fact(Fact::ChipSecret)?.is_none() {
        tx.keep_fact(Fact::ChipSecret, &chance.bytes::<32>())?;
    }
    Journal::new(tx, terminal).record(Body::Opened(opened), chance, now)?;
    Ok(())
}
