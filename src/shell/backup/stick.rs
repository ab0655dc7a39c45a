//! Files that come and go on a stick in the box itself: a kiosk's browser reaches none, and has no folder to choose from.

use super::BackupError;
use super::keeper::{FOLDER, Keeper, make_on_stick};
use super::mounts::Stick;
use crate::shell::whole_file;
use crate::words::time::UtcMs;
use std::fs::{self, DirEntry, File};
use std::io::Read;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

/// How many files of one folder are looked through: it may be somebody's collection of pictures.
const MOST: usize = 2000;

/// Why there is no stick to use.
#[derive(Debug, thiserror::Error)]
pub enum NoStick {
    /// None is in.
    #[error("no stick is plugged in: put one in and try again")]
    None,
    /// Nobody could know which is meant.
    #[error("several sticks are plugged in ({0}): leave one in and try again")]
    Several(String),
    /// It cannot be written.
    #[error("the stick {0} cannot be written: check its lock")]
    ReadOnly(String),
}

/// A file that lies on a stick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file.
    pub file: PathBuf,
    /// Its name.
    pub name: String,
    /// What people know the stick by.
    pub stick: String,
    /// Its size.
    pub bytes: u64,
    /// When it was written, as the stick says.
    pub at: UtcMs,
}

impl Keeper {
    /// The one stick that is in.
    pub fn the_stick(&self) -> Result<Stick, NoStick> {
        match self.sticks().as_slice() {
            [] => Err(NoStick::None),
            [stick] if !stick.writable => Err(NoStick::ReadOnly(stick.label.clone())),
            [stick] => Ok(stick.clone()),
            several => Err(NoStick::Several(several.iter().map(|stick| stick.label.as_str()).collect::<Vec<_>>().join(", "))),
        }
    }
}

impl Stick {
    /// Writes a file into our folder on the stick, whole or not at all; answers its path.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, BackupError> {
        let folder = self.mount.join(FOLDER);
        make_on_stick(&folder)?;
        let file = folder.join(name);
        whole_file::write(&file, whole_file::SHARED, &[bytes]).map_err(|error| BackupError::target(&file, error))?;
        Ok(file)
    }

    /// The files of this ending in our folder on the stick and beside it.
    pub fn files(&self, ending: &str) -> Vec<Found> {
        let folders = [self.mount.join(FOLDER), self.mount.clone()];
        let entries = folders.into_iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten().take(MOST));
        entries.filter_map(|entry| self.look_at(&entry, ending)).collect()
    }

    fn look_at(&self, entry: &DirEntry, ending: &str) -> Option<Found> {
        let name = entry.file_name().into_string().ok()?;
        // Not through links: they lead anywhere.
        let about = entry.metadata().ok().filter(|about| about.is_file() && name.ends_with(ending))?;
        let at = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Found { file: entry.path(), name, stick: self.label.clone(), bytes: about.len(), at: UtcMs(u64::try_from(at.as_millis()).ok()?) })
    }
}

impl Found {
    /// The latest first.
    pub fn sort(found: &mut [Self]) {
        found.sort_by(|one, other| other.at.cmp(&one.at).then_with(|| one.file.cmp(&other.file)));
    }

    /// What is in it; none where it is longer than `most` or cannot be read.
    pub fn read(&self, most: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(&self.file).ok()?.take(most.saturating_add(1)).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= most).then_some(bytes)
    }
}
