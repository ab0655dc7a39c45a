//! Backups: one encrypted file of a terminal or an office, taken while it works. A terminal's holds no key: whoever has it cannot sign as
//! this terminal. An office's holds its keys too: nobody else could go on in its name.

pub mod automatic;
#[cfg(feature = "terminal")]
pub mod keeper;
#[cfg(feature = "terminal")]
pub mod mounts;
#[cfg(feature = "office")]
mod office;
#[cfg(feature = "terminal")]
pub mod replacement;
#[cfg(feature = "terminal")]
pub mod stick;

use super::locked_file::{self, Lock, Opener};
use super::secret_file::{self, SecretFileError};
#[cfg(feature = "terminal")]
use super::store::terminal::TerminalStore;
use super::store::{self, StoreError};
#[cfg(feature = "terminal")]
use super::terminal_dir::{self, DirError};
#[cfg(feature = "terminal")]
use crate::terminal::{Terminal, restore::Restored};
use crate::words::chance::Chance;
#[cfg(feature = "terminal")]
use crate::words::ids::TerminalId;
#[cfg(feature = "terminal")]
use crate::words::time::UtcMs;
#[cfg(feature = "office")]
pub use office::{OfficeRestored, restore_office};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

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
    /// The folder for the backup is not there.
    #[error("the folder for the backup is not there ({0}): put the stick in, or make the folder")]
    TargetMissing(PathBuf),
    /// No room at the target.
    #[error("{0} is full: free some space there, or use another stick")]
    TargetFull(PathBuf),
    /// The target cannot be written.
    #[error("{0} cannot be written: check the stick's lock and the folder's permissions")]
    TargetReadOnly(PathBuf),
    /// What was chosen on the page.
    #[error("{0} does not say where backups go: choose it again on the page of the box")]
    Choice(PathBuf),
    /// The folder to restore into holds something.
    #[error("{0} is not empty: restore into an empty folder")]
    NotEmpty(PathBuf),
    /// There is nothing to back up.
    #[error("{0} holds neither a terminal nor an office")]
    NothingHere(PathBuf),
    /// What was to be restored.
    #[error("this backup is not there any more: put the stick in again, or choose the file again")]
    NoFile,
    /// The file is no backup.
    #[error("this is not a backup of ours: choose another file")]
    NoBackup,
    /// A backup of the other kind.
    #[error("this is the backup of {0}")]
    OtherKind(&'static str),
    /// The file ends too early, or was changed.
    #[error("this backup is incomplete or damaged: copy it again, or take an older one")]
    Damaged,
    /// The passphrase is another.
    #[error("the recovery key or passphrase does not open this backup: check it letter by letter")]
    WrongPassphrase,
    /// What opens it takes more memory than there is.
    #[error("the passphrase of this backup takes more memory than may be used here: restore it with a command, `teilhabe terminal restore`")]
    TooMuchWork,
    /// The folder.
    #[cfg(feature = "terminal")]
    #[error(transparent)]
    Dir(#[from] DirError),
    /// The office.
    #[cfg(feature = "office")]
    #[error(transparent)]
    Office(Box<crate::office::OfficeError>),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file that only its owner may read.
    #[error(transparent)]
    File(#[from] SecretFileError),
}

impl BackupError {
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), error }
    }

    /// What is wrong with the place a backup goes to.
    pub(super) fn target(file: &Path, error: io::Error) -> Self {
        let folder = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::TargetMissing(folder),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::TargetFull(folder),
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::TargetReadOnly(folder),
            _ => Self::io(file, error),
        }
    }
}

/// Names the server that holds an office's rows and, in its second line, the office. It is kept like a key: a password may be in it.
pub const SERVER_FILE: &str = "database.url";

/// Whether the office in `dir` has its rows on a server.
pub fn is_on_a_server(dir: &Path) -> bool {
    dir.join(SERVER_FILE).exists()
}

/// What a data folder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A terminal.
    Terminal,
    /// An office.
    Office,
}

impl Kind {
    /// What `dir` holds.
    pub fn of(dir: &Path) -> Option<Self> {
        let by_file = [Self::Terminal, Self::Office].into_iter().find(|kind| dir.join(kind.database()).exists());
        by_file.or_else(|| is_on_a_server(dir).then_some(Self::Office))
    }

    /// The name of its database.
    pub const fn database(self) -> &'static str {
        match self {
            Self::Terminal => "terminal.db",
            Self::Office => "office.db",
        }
    }

    /// A table that only it has.
    const fn table(self) -> &'static str {
        match self {
            Self::Terminal => "journal",
            Self::Office => "clerk",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Terminal => "a terminal: restore it with `teilhabe terminal restore`",
            Self::Office => "an office: restore it with `teilhabe office restore`",
        }
    }
}

/// What the backups of a terminal are called, before the time they were made.
#[cfg(feature = "terminal")]
pub fn name_of(terminal: TerminalId) -> String {
    format!("terminal-{}", terminal.hex().get(..8).unwrap_or_default())
}

/// A new passphrase: 32 letters and digits in groups of four, 160 random bits.
pub fn recovery_key(chance: &mut Chance) -> Zeroizing<String> {
    let text = Zeroizing::new(data_encoding::BASE32HEX_NOPAD.encode(&Zeroizing::new(chance.bytes::<20>())[..]));
    let groups: Vec<&str> = (0..text.len()).step_by(4).filter_map(|at| text.get(at..at + 4)).collect();
    Zeroizing::new(groups.join("-"))
}

/// Writes a backup of what `dir` holds to `file`, while it goes on working. Returns its size in bytes.
pub fn write(dir: &Path, file: &Path, lock: &Lock) -> Result<u64, BackupError> {
    let kind = Kind::of(dir).ok_or_else(|| BackupError::NothingHere(dir.to_owned()))?;
    let folder = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(BackupError::TargetMissing(folder.to_owned()));
    }
    // The plain copy never leaves the folder of the data (an office's on a server: of its keys), and goes whatever happens.
    let copy = dir.join(format!("backup.{}.draft", std::process::id()));
    remove_left_drafts(dir);
    let written = copy_rows(dir, kind, &copy).and_then(|()| {
        #[cfg(feature = "office")]
        if kind == Kind::Office {
            office::put_keys_in(dir, &copy)?;
        }
        locked_file::lock(&copy, file, lock)
    });
    let removed = match fs::remove_file(&copy) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BackupError::io(&copy, error)),
        _ => Ok(()),
    };
    let size = written?;
    removed?;
    Ok(size)
}

/// Copies the rows of what `dir` holds as they are at one moment, from its file or from the server it names.
fn copy_rows(dir: &Path, kind: Kind, copy: &Path) -> Result<(), BackupError> {
    #[cfg(feature = "office")]
    if is_on_a_server(dir) {
        return office::carry_off(dir, copy);
    }
    store::copy(&dir.join(kind.database()), copy)?;
    #[cfg(feature = "office")]
    if kind == Kind::Office {
        store::office::backup::forget_the_hour(copy)?;
    }
    Ok(())
}

/// Removes the plain copies of processes that were killed over them.
fn remove_left_drafts(dir: &Path) {
    let own = std::process::id().to_string();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(process) = name.strip_prefix("backup.").and_then(|rest| rest.split_once(".draft")).map(|(process, _)| process) else { continue };
        if process == own || !Path::new("/proc").join(process).exists() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Makes a new terminal in the empty folder `dir` of the backup in `file`.
#[cfg(feature = "terminal")]
pub fn restore(dir: &Path, file: &Path, opener: &Opener, chance: &mut Chance, now: UtcMs) -> Result<Restored, BackupError> {
    into_empty(dir, |dir| {
        let mut store = unpack_terminal(dir, file, opener, locked_file::MAX_WORK)?;
        let keys = terminal_dir::make_keys(dir, chance)?;
        Ok(Terminal::continue_from(&mut store, &keys, chance, now)?)
    })
}

/// Unlocks the backup of a terminal into `dir`, and opens it if it holds nothing but what this program writes.
#[cfg(feature = "terminal")]
fn unpack_terminal(dir: &Path, file: &Path, opener: &Opener, most_work: u8) -> Result<TerminalStore, BackupError> {
    let store = TerminalStore::open(&unpack(dir, file, opener, Kind::Terminal, most_work)?)?;
    if store.is_as_made()? { Ok(store) } else { Err(BackupError::Damaged) }
}

/// Does `work` in an empty folder, which is empty again if it fails.
fn into_empty<T>(dir: &Path, work: impl FnOnce(&Path) -> Result<T, BackupError>) -> Result<T, BackupError> {
    secret_file::make_dir(dir)?;
    let entries = || fs::read_dir(dir).map_err(|error| BackupError::io(dir, error));
    if entries()?.next().is_some() {
        return Err(BackupError::NotEmpty(dir.to_owned()));
    }
    let done = work(dir);
    if done.is_err() {
        for entry in entries()?.flatten() {
            let path = entry.path();
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
    done
}

/// Unlocks a backup of that kind into its database; returns the database's path.
fn unpack(dir: &Path, file: &Path, opener: &Opener, kind: Kind, most_work: u8) -> Result<PathBuf, BackupError> {
    let database = dir.join(kind.database());
    locked_file::unlock(file, &database, opener, most_work)?;
    let other = if kind == Kind::Terminal { Kind::Office } else { Kind::Terminal };
    if store::has_table(&database, kind.table()).unwrap_or(false) {
        return Ok(database);
    }
    match store::has_table(&database, other.table()) {
        Ok(true) => Err(BackupError::OtherKind(other.words())),
        _ => Err(BackupError::NoBackup),
    }
}

/// The oldest plain copy that a power cut has left in `dir` is gone afterwards, unless somebody is still at work on it.
fn remove_leftovers(dir: &Path) {
    /// A backup takes minutes at most.
    const LEFT: std::time::Duration = std::time::Duration::from_secs(60 * 60);
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_draft = name.to_str().is_some_and(|name| name.starts_with("backup.") && name.ends_with(".draft"));
        let is_old =
            File::open(entry.path()).and_then(|f| f.metadata()).and_then(|m| m.modified()).is_ok_and(|at| at.elapsed().is_ok_and(|age| age > LEFT));
        if is_draft && is_old {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_stick_is_said_by_what_can_be_done_about_it() {
        let said = |kind: io::ErrorKind| BackupError::target(Path::new("/stick/box.age"), kind.into()).to_string();
        assert!(said(io::ErrorKind::StorageFull).starts_with("/stick is full"), "{}", said(io::ErrorKind::StorageFull));
        assert!(said(io::ErrorKind::NotFound).contains("put the stick in"));
        assert!(said(io::ErrorKind::ReadOnlyFilesystem).contains("the stick's lock"));
    }
}
