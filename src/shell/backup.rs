//! A terminal's backup: one encrypted file with the database and no key. Whoever has it cannot sign as this terminal.

use super::secret_file::{self, SecretFileError};
use super::store::StoreError;
use super::store::terminal::TerminalStore;
use super::terminal_dir::{self, DATABASE, DirError};
use super::whole_file;
use crate::terminal::Terminal;
use crate::terminal::restore::Restored;
use crate::words::chance::Chance;
use crate::words::time::UtcMs;
use age::secrecy::SecretString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Write};
use std::iter::once;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// How much work a passphrase may ask of us, as a power of two.
const MAX_WORK: u8 = 22;

/// Why a backup was not written or not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file.
    #[error("{path} cannot be used ({error}): check the folder, the disk and its free space")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The target holds something.
    #[error("{0} is not empty: restore into an empty folder")]
    NotEmpty(PathBuf),
    /// The file is no backup.
    #[error("this is not a backup of ours: choose another file")]
    NoBackup,
    /// The passphrase is another.
    #[error("the recovery key or passphrase does not open this backup: check it letter by letter")]
    WrongPassphrase,
    /// The folder.
    #[error(transparent)]
    Dir(#[from] DirError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file that only its owner may read.
    #[error(transparent)]
    File(#[from] SecretFileError),
}

/// A new recovery key: 32 letters and digits in groups of four, 160 random bits.
pub fn recovery_key(chance: &mut Chance) -> Zeroizing<String> {
    let text = Zeroizing::new(data_encoding::BASE32HEX_NOPAD.encode(&Zeroizing::new(chance.bytes::<20>())[..]));
    let groups: Vec<&str> = (0..text.len()).step_by(4).filter_map(|at| text.get(at..at + 4)).collect();
    Zeroizing::new(groups.join("-"))
}

/// Writes a backup to `file`, encrypted with `passphrase`, while the terminal goes on working. Returns its size in bytes. Where that
/// fails, an older backup of this name stays as it was. What is not encrypted never lies outside the terminal's own folder.
pub fn write(terminal: &mut Terminal, file: &Path, passphrase: &str) -> Result<u64, BackupError> {
    let copy = terminal.store().path().unwrap_or_else(|| file.to_owned()).with_extension("copy");
    remove_copy(&copy);
    let written = terminal.store().copy_to(&copy).map_err(BackupError::from).and_then(|()| encrypt(&copy, file, passphrase));
    remove_copy(&copy);
    written
}

fn encrypt(copy: &Path, file: &Path, passphrase: &str) -> Result<u64, BackupError> {
    let io = |error| BackupError::Io { path: file.to_owned(), error };
    let mut from = BufReader::new(File::open(copy).map_err(|error| BackupError::Io { path: copy.to_owned(), error })?);
    let recipient = age::scrypt::Recipient::new(SecretString::from(passphrase.to_owned()));
    let encryptor = age::Encryptor::with_recipients(once(&recipient as _)).map_err(|_| BackupError::NoBackup)?;
    let written = whole_file::replace(file, whole_file::PRIVATE, |out| {
        let mut to = encryptor.wrap_output(BufWriter::new(out))?;
        io::copy(&mut from, &mut to)?;
        let mut out = to.finish()?;
        out.flush()?;
        out.get_ref().metadata().map(|m| m.len())
    });
    written.map_err(io)
}

/// The copy with what SQLite may have left beside it.
fn remove_copy(copy: &Path) {
    for behind in ["", "-journal", "-wal", "-shm"] {
        let mut name = copy.as_os_str().to_owned();
        name.push(behind);
        let _ = fs::remove_file(PathBuf::from(name));
    }
}

/// Makes a new terminal in the empty folder `dir` of the backup in `file`.
pub fn restore(dir: &Path, file: &Path, passphrase: &str, chance: &mut Chance, now: UtcMs) -> Result<Restored, BackupError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| BackupError::Io { path, error }
    };
    secret_file::make_dir(dir)?;
    if fs::read_dir(dir).map_err(io(dir))?.next().is_some() {
        return Err(BackupError::NotEmpty(dir.to_owned()));
    }
    let database = dir.join(DATABASE);
    let decryptor = age::Decryptor::new_buffered(BufReader::new(File::open(file).map_err(io(file))?)).map_err(|_| BackupError::NoBackup)?;
    let mut identity = age::scrypt::Identity::new(SecretString::from(passphrase.to_owned()));
    identity.set_max_work_factor(MAX_WORK);
    let mut from = decryptor.decrypt(once(&identity as _)).map_err(|_| BackupError::WrongPassphrase)?;
    let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&database).map_err(io(&database))?;
    io::copy(&mut from, &mut to).and_then(|_| to.sync_all()).map_err(io(&database))?;
    let keys = terminal_dir::make_keys(dir, chance)?;
    Ok(Terminal::continue_from(&mut TerminalStore::open(&database)?, &keys, chance, now)?)
}
