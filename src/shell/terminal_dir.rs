//! A terminal's data folder: `terminal.db`, and beside it the keys, each in a file only its owner may read.

use super::envelope::{EnvelopeError, Identity};
use super::secret_file::{self, SecretFileError};
use super::store::StoreError;
use super::store::terminal::TerminalStore;
use crate::book::entry::Opened;
use crate::terminal::{CannotOpen, Keys, Terminal};
use crate::words::chance::Chance;
use crate::words::ids::Hash;
use crate::words::keys::SecretKey;
use crate::words::time::UtcMs;
use std::path::Path;

/// The database.
pub const DATABASE: &str = "terminal.db";
/// The seed of the signing key, in hexadecimal digits.
pub const SIGNING_KEY: &str = "signing.key";
/// The age identity.
pub const ENVELOPE_KEY: &str = "envelope.key";

/// Why a folder could not be used.
#[derive(Debug, thiserror::Error)]
pub enum DirError {
    /// A key file.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// A key file that holds no key.
    #[error("{0} does not hold a key: restore the backup into an empty folder")]
    NoKey(&'static str),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal in it.
    #[error(transparent)]
    Open(#[from] CannotOpen),
}

/// Whether `dir` holds a terminal.
pub fn exists(dir: &Path) -> bool {
    dir.join(DATABASE).exists() && dir.join(SIGNING_KEY).exists()
}

/// Opens the terminal in `dir`.
pub fn open(dir: &Path, now: UtcMs) -> Result<Terminal, DirError> {
    if !exists(dir) {
        return Err(CannotOpen::NoTerminal.into());
    }
    Ok(Terminal::open(TerminalStore::open(&dir.join(DATABASE))?, load_keys(dir)?, now)?)
}

/// Opens the terminal in `dir`, or makes one: keys first, so that a journal never lacks them.
pub fn open_or_create(dir: &Path, chance: &mut Chance, now: UtcMs) -> Result<Terminal, DirError> {
    let keys = if dir.join(SIGNING_KEY).exists() { load_keys(dir)? } else { make_keys(dir, chance)? };
    let store = TerminalStore::open(&dir.join(DATABASE))?;
    match Terminal::open(store, keys, now) {
        Err(CannotOpen::NoTerminal) => {
            let store = TerminalStore::open(&dir.join(DATABASE))?;
            Ok(Terminal::create(store, load_keys(dir)?, Opened::default(), chance, now)?)
        }
        opened => Ok(opened?),
    }
}

/// Makes new keys in `dir`.
pub fn make_keys(dir: &Path, chance: &mut Chance) -> Result<Keys, DirError> {
    secret_file::make_dir(dir)?;
    let keys = Keys { signing: SecretKey::from_seed(chance.bytes()), envelope: Identity::generate() };
    secret_file::write(&dir.join(ENVELOPE_KEY), &keys.envelope.to_text())?;
    let seed = zeroize::Zeroizing::new(data_encoding::HEXLOWER.encode(&keys.signing.seed()[..]));
    secret_file::write(&dir.join(SIGNING_KEY), &seed)?;
    Ok(keys)
}

fn load_keys(dir: &Path) -> Result<Keys, DirError> {
    let seed = secret_file::read(&dir.join(SIGNING_KEY))?;
    let seed = Hash::from_hex(&seed).ok_or(DirError::NoKey(SIGNING_KEY))?;
    let envelope = secret_file::read(&dir.join(ENVELOPE_KEY))?;
    let envelope = Identity::parse(&envelope).map_err(|_: EnvelopeError| DirError::NoKey(ENVELOPE_KEY))?;
    Ok(Keys { signing: SecretKey::from_seed(seed.0), envelope })
}
