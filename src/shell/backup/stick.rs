//! Files that come and go on a stick in the box itself: a kiosk's browser reaches none, and has no folder to choose from.

use super::BackupError;
use super::keeper::{FOLDER, Keeper, make_on_stick};
use super::mounts::Stick;
use crate::shell::whole_file;
use std::fs::{self, File};
use std::io::Read;
use std::path::PathBuf;

/// How many files of one folder are looked through.
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

/// A file found on a stick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Keeper {
    /// The one stick that is in.
    pub fn the_stick(&self) -> Result<Stick, NoStick> {
        let mut sticks = self.sticks();
        let names = || self.sticks().into_iter().map(|stick| stick.label).collect::<Vec<_>>().join(", ");
        match (sticks.pop(), sticks.is_empty()) {
            (None, _) => Err(NoStick::None),
            (Some(_), false) => Err(NoStick::Several(names())),
            (Some(stick), true) if !stick.writable => Err(NoStick::ReadOnly(stick.label)),
            (Some(stick), true) => Ok(stick),
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

    /// The files of this ending in our folder on the stick and beside it, of at most `most` bytes, the latest first. What cannot be read, and
    /// links, which lead anywhere, are left out.
    pub fn letters(&self, ending: &str, most: u64) -> Vec<Letter> {
        let mut found = Vec::new();
        for folder in [self.mount.join(FOLDER), self.mount.clone()] {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten().take(MOST) {
                let Ok(name) = entry.file_name().into_string() else { continue };
                let about = entry.metadata().ok().filter(|about| about.is_file() && about.len() <= most && name.ends_with(ending));
                let Some(at) = about.and_then(|about| about.modified().ok()) else { continue };
                found.push((at, entry.path(), name));
            }
        }
        found.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
        let read = |(_, path, name): (_, PathBuf, String)| {
            let mut bytes = Vec::new();
            File::open(path).ok()?.take(most).read_to_end(&mut bytes).ok()?;
            Some(Letter { name, bytes })
        };
        found.into_iter().filter_map(read).collect()
    }
}
