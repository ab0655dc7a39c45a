//! A new box takes an earlier one's place while its server runs: a backup from a stick or from the page is unlocked beside the database, and
//! then takes its place in one commit.

use super::keeper::Keeper;
use super::stick::Found;
use super::{BackupError, unpack_terminal};
use crate::shell::locked_file::{MAX_WORK_SERVING, Opener};
use crate::shell::secret_file;
use crate::shell::store::terminal::TerminalStore;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{MutexGuard, PoisonError, TryLockError};

/// What is being restored lies here, beside the database. Nothing of it stays.
const DRAFT: &str = "restore.draft";
/// What came over the page.
const ARRIVED: &str = "arrived.age";

/// Where a backup comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It came over the page.
    Arrived,
    /// It lies on a stick.
    File(PathBuf),
}

/// A file that comes over the page, piece by piece. Dropped before it is whole, it is gone.
#[derive(Debug)]
pub struct Arriving {
    file: File,
    path: PathBuf,
}

impl Arriving {
    /// The next piece.
    pub fn take(&mut self, piece: &[u8]) -> Result<(), BackupError> {
        self.file.write_all(piece).map_err(|error| BackupError::io(&self.path, error))
    }

    /// That was all: from now on it is what [`Source::Arrived`] means.
    pub fn end(self) -> Result<(), BackupError> {
        fs::rename(&self.path, self.path.with_file_name(ARRIVED)).map_err(|error| BackupError::io(&self.path, error))
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        // Nothing is there any more of what was whole.
        let _ = fs::remove_file(&self.path);
    }
}

impl Keeper {
    /// The backups on the sticks that are plugged in, the latest first: in our folder there, and beside it.
    pub fn found(&self) -> Vec<Found> {
        let mut found: Vec<Found> = self.sticks().iter().flat_map(|stick| stick.files(".age")).collect();
        Found::sort(&mut found);
        found
    }

    /// Begins to take a file in; when it is whole, it takes the place of one that came before.
    pub fn arrive(&self) -> Result<Arriving, BackupError> {
        let mut arrivals = self.restoring();
        *arrivals = arrivals.wrapping_add(1);
        let draft = self.draft();
        secret_file::make_dir(&draft)?;
        let path = draft.join(format!("arriving-{arrivals}"));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(|error| BackupError::io(&path, error))?;
        Ok(Arriving { file, path })
    }

    /// Unlocks the backup in `source` and has `take` take it over. What was unlocked is gone afterwards; what came over the page stays until
    /// it was taken over, so that a wrong key is no reason to send it again.
    pub fn replace<T, E: From<BackupError>>(
        &self,
        source: &Source,
        opener: &Opener,
        take: impl FnOnce(TerminalStore) -> Result<T, E>,
    ) -> Result<T, E> {
        let _one_at_a_time = self.restoring();
        let draft = self.draft();
        let file = match source {
            Source::Arrived => Some(draft.join(ARRIVED)).filter(|file| file.exists()),
            // Only what was shown: no other file of this machine is opened for whoever asks.
            Source::File(file) => self.found().into_iter().map(|found| found.file).find(|found| found == file),
        };
        let file = file.ok_or(BackupError::NoFile)?;
        let place = draft.join("open");
        clear(&place)?;
        let taken = open(&place, &file, opener).map_err(E::from).and_then(take);
        let cleared = clear(if taken.is_ok() { &draft } else { &place });
        let taken = taken?;
        if let Err(error) = cleared {
            tracing::warn!(%error, "what was restored lies open beside the database");
        }
        Ok(taken)
    }

    /// Removes what a power cut or a closed page has left of a restore.
    pub(super) fn forget_restoring(&self) {
        let _one_at_a_time = self.restoring();
        if let Err(error) = clear(&self.draft()) {
            tracing::warn!(%error, "what is left of a restore cannot be removed");
        }
    }

    /// Whether a restore is at work just now.
    pub fn is_restoring(&self) -> bool {
        matches!(self.restoring.try_lock(), Err(TryLockError::WouldBlock))
    }

    fn draft(&self) -> PathBuf {
        self.dir().join(DRAFT)
    }

    fn restoring(&self) -> MutexGuard<'_, u64> {
        self.restoring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The backup's database, in a folder of its own.
fn open(place: &Path, file: &Path, opener: &Opener) -> Result<TerminalStore, BackupError> {
    secret_file::make_dir(place)?;
    unpack_terminal(place, file, opener, MAX_WORK_SERVING)
}

fn clear(folder: &Path) -> Result<(), BackupError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(BackupError::io(folder, error)),
        _ => Ok(()),
    }
}
