//! An office's backup holds its keys, and a restored office takes up no number that the lost one may have used.

use super::{BackupError, Kind, into_empty, unpack};
use crate::office::{Office, OfficeError};
use crate::shell::locked_file::Opener;
use crate::shell::office_dir::Place;
use crate::shell::secret_file;
use crate::shell::store::office::backup;
use crate::shell::store::office::carry::off_server;
use crate::words::chance::Chance;
use crate::words::ids::OfficeId;
use crate::words::time::UtcMs;
use serde::Serialize;
use std::fs;
use std::path::Path;

/// What a restore of an office did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfficeRestored {
    /// The office.
    pub office: OfficeId,
    /// Its name.
    pub name: String,
    /// When the last batch in the backup was received; what came later comes again from the terminals.
    pub last_batch: Option<UtcMs>,
    /// The last payment run the backup knows.
    pub last_run: Option<u32>,
}

/// Carries the office's rows off its server into the plain copy, as they are at one moment; others go on writing meanwhile.
pub(super) fn carry_off(dir: &Path, copy: &Path) -> Result<(), BackupError> {
    let place = Place::of(dir)?.ok_or_else(|| BackupError::NothingHere(dir.to_owned()))?;
    let reader = place.open()?.reader()?.ok_or_else(|| BackupError::NothingHere(dir.to_owned()))?;
    Ok(off_server(&reader, copy)?)
}

/// Puts the office's keys beside its data into the plain copy, each as it stands: one that is protected is open on no disk.
pub(super) fn put_keys_in(dir: &Path, copy: &Path) -> Result<(), BackupError> {
    let keys = dir.join("keys");
    let mut files = Vec::new();
    for entry in fs::read_dir(&keys).map_err(|error| BackupError::io(&keys, error))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_file() && !name.ends_with(".draft") {
            files.push((name, secret_file::as_it_stands(&entry.path())?));
        }
    }
    Ok(backup::put_keys(copy, &files)?)
}

/// Makes the office in the empty folder `dir` of the backup in `file`. Protected keys stay protected, and are opened with the passphrase that the
/// system hands over.
pub fn restore_office(dir: &Path, file: &Path, opener: &Opener, chance: Chance, now: UtcMs) -> Result<OfficeRestored, BackupError> {
    into_empty(dir, |dir| {
        let database = unpack(dir, file, opener, Kind::Office, crate::shell::locked_file::MAX_WORK)?;
        let keys = dir.join("keys");
        secret_file::make_dir(&keys)?;
        for (name, text) in backup::take_keys(&database)? {
            if Path::new(&name).file_name().and_then(|n| n.to_str()) != Some(name.as_str()) {
                return Err(BackupError::NoBackup);
            }
            secret_file::write(&keys.join(name), &text)?;
        }
        let mut office = Office::open(dir, chance, now).map_err(boxed)?;
        let (last_batch, last_run) = office.begin_after_restore(now).map_err(boxed)?;
        Ok(OfficeRestored { office: office.profile().id.clone(), name: office.profile().name.clone(), last_batch, last_run })
    })
}

fn boxed(error: OfficeError) -> BackupError {
    BackupError::Office(Box::new(error))
}
