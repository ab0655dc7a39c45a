//! Who sees to a terminal's backups while its server runs: where they go is said by options, or chosen by people on its page.
//!
//! What was chosen stands in a file beside the database. The secret half of the recovery key is never in it: it is shown once, and kept by people.

use super::automatic::{Plan, Standing, watch};
use super::mounts::{Mounts, Stick};
use super::{BackupError, remove_leftovers};
use crate::shell::door;
use crate::shell::locked_file::Lock;
use crate::shell::whole_file;
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// The file with what was chosen.
const CHOICE: &str = "backup-choice.json";
/// The folder of ours on a stick.
pub(super) const FOLDER: &str = "teilhabe";
/// How many tenths of a second a choice waits for a backup that is being made.
const PATIENCE: u32 = 30;

/// Where backups go, as somebody chose it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The folder.
    pub to: PathBuf,
    /// Where the stick is mounted that the folder is on; none for a folder of the box or of its network.
    pub stick: Option<PathBuf>,
    /// Hours between two.
    pub every_hours: u64,
    /// How many are kept.
    pub keep: usize,
    /// Who can open them: `age1…`.
    pub recipient: String,
}

/// Where somebody wants backups to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the stick that is mounted here.
    Stick(PathBuf),
    /// Into a folder that is there.
    Folder(PathBuf),
}

/// Why a place or a key was not taken; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CannotChoose {
    /// Options come before the page.
    #[error("where backups go is set by the administrator with --backup-to: change it there")]
    SetByOptions,
    /// No such stick.
    #[error("no stick is plugged in at {0} any more: put it in and choose again")]
    NoStick(PathBuf),
    /// Not a whole path.
    #[error("name the folder with its whole path, beginning with /")]
    NotAbsolute,
    /// Inside the data folder.
    #[error("this folder is the box's own: choose one on a stick or another disk")]
    OwnFolder,
    /// The address of the key.
    #[error("this is not the address of a recovery key (age1…): copy it again")]
    NoAddress,
    /// A backup is on its way to the place there was.
    #[error("a backup is being made just now: choose again when it is done; nothing was changed")]
    Busy,
    /// The place.
    #[error(transparent)]
    Target(#[from] BackupError),
}

/// Who sees to the backups of one terminal.
#[derive(Debug)]
pub struct Keeper {
    dir: PathBuf,
    name: String,
    mounts: Mounts,
    /// What options say: then nothing is chosen on a page.
    fixed: Option<Plan>,
    /// One at a time: two would write the same copy.
    working: Mutex<()>,
    /// The same of what is restored; how many files came over the page.
    pub(super) restoring: Mutex<u64>,
}

impl Keeper {
    /// For the terminal in `dir`, whose backups are called `name-…`; `fixed` is what options say.
    pub fn new(dir: &Path, name: &str, fixed: Option<Plan>, mounts: Mounts) -> Self {
        Self { dir: dir.to_owned(), name: name.to_owned(), mounts, fixed, working: Mutex::new(()), restoring: Mutex::default() }
    }

    /// The data folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether options say where backups go.
    pub const fn is_set_by_options(&self) -> bool {
        self.fixed.is_some()
    }

    /// How many backups are kept, and for whom they are locked, where options say so.
    pub fn fixed(&self) -> Option<&Plan> {
        self.fixed.as_ref()
    }

    /// The sticks that are plugged in.
    pub fn sticks(&self) -> Vec<Stick> {
        self.mounts.sticks()
    }

    /// What was chosen on the page; none where nothing was, or options come first.
    pub fn choice(&self) -> Result<Option<Choice>, BackupError> {
        if self.fixed.is_some() {
            return Ok(None);
        }
        let path = self.dir.join(CHOICE);
        match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(|_| BackupError::Choice(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BackupError::io(&path, error)),
        }
    }

    /// Has backups go to `place` from now on, locked for the owner of `recipient`.
    pub fn choose(&self, place: Place, recipient: &str, every_hours: u64, keep: usize) -> Result<Choice, CannotChoose> {
        if self.fixed.is_some() {
            return Err(CannotChoose::SetByOptions);
        }
        Lock::to(recipient).map_err(|_| CannotChoose::NoAddress)?;
        let _one_at_a_time = self.work_soon()?;
        let (to, stick) = match place {
            Place::Stick(mount) if self.mounts.is_in(&mount) => {
                let to = mount.join(FOLDER);
                make_on_stick(&to)?;
                self.checked(&to)?;
                (to, Some(mount))
            }
            Place::Stick(mount) => return Err(CannotChoose::NoStick(mount)),
            Place::Folder(folder) => {
                let folder = self.checked(&folder)?;
                let on = self.mounts.stick_of(&folder).map(|stick| stick.mount);
                (folder, on)
            }
        };
        try_writing(&to)?;
        let choice = Choice { to, stick, every_hours, keep, recipient: recipient.trim().to_owned() };
        let text = serde_json::to_string(&choice).map_err(|error| BackupError::io(&self.dir, error.into()))?;
        let path = self.dir.join(CHOICE);
        whole_file::write(&path, whole_file::PRIVATE, &[text.as_bytes()]).map_err(|error| BackupError::io(&path, error))?;
        self.plan_of(&choice)?.begin();
        Ok(choice)
    }

    /// A folder that somebody has named, as it is called without detours.
    fn checked(&self, folder: &Path) -> Result<PathBuf, CannotChoose> {
        if !folder.is_absolute() {
            return Err(CannotChoose::NotAbsolute);
        }
        let whole = folder.canonicalize().map_err(|error| BackupError::target(&folder.join(FOLDER), error))?;
        let own = self.dir.canonicalize().map_err(|error| BackupError::io(&self.dir, error))?;
        if whole.starts_with(&own) || own.starts_with(&whole) {
            return Err(CannotChoose::OwnFolder);
        }
        if whole.is_dir() { Ok(whole) } else { Err(BackupError::TargetMissing(folder.to_owned()).into()) }
    }

    /// Has no more backups made by themselves. Those that are there stay.
    pub fn stop(&self) -> Result<(), CannotChoose> {
        if self.fixed.is_some() {
            return Err(CannotChoose::SetByOptions);
        }
        let _one_at_a_time = self.work_soon()?;
        let path = self.dir.join(CHOICE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(BackupError::io(&path, error).into()),
            _ => Plan::none(&self.dir),
        }
        Ok(())
    }

    /// Whether the place is on the disk that the data is on, and would be lost with it.
    pub fn is_on_the_same_disk(&self, to: &Path) -> bool {
        let disk = |path: &Path| fs::metadata(path).ok().map(|about| about.dev());
        disk(to).is_some_and(|there| Some(there) == disk(&self.dir))
    }

    /// Makes one now. Without a place to go to there is nothing to do.
    pub fn make(&self, now: UtcMs) -> Option<Result<PathBuf, BackupError>> {
        let _one_at_a_time = self.work();
        self.with_plan(|plan, ready| Some(plan.carry_out(ready, now)), now)
    }

    /// Makes one if it is time.
    pub fn look(&self, now: UtcMs) -> Option<Result<PathBuf, BackupError>> {
        let _one_at_a_time = self.work();
        self.with_plan(|plan, ready| plan.is_due(now).then(|| plan.carry_out(ready, now)), now)
    }

    fn with_plan<T>(
        &self,
        act: impl FnOnce(&Plan, &dyn Fn() -> Result<(), BackupError>) -> Option<Result<T, BackupError>>,
        now: UtcMs,
    ) -> Option<Result<T, BackupError>> {
        if let Some(plan) = &self.fixed {
            return act(plan, &|| Ok(()));
        }
        let planned = self.choice().and_then(|choice| choice.map(|choice| Ok((self.plan_of(&choice)?, choice))).transpose());
        match planned {
            Ok(None) => None,
            Ok(Some((plan, choice))) => act(&plan, &|| self.see_to_the_stick(&choice)),
            Err(error) => {
                Standing::failed(&self.dir, &error, now);
                Some(Err(error))
            }
        }
    }

    /// On a stick that is in, our folder is made, for people change sticks; where none is, nothing lands on the box's own disk.
    fn see_to_the_stick(&self, choice: &Choice) -> Result<(), BackupError> {
        let Some(mount) = &choice.stick else { return Ok(()) };
        // What is mounted on demand comes when it is asked for.
        let _ = fs::metadata(&choice.to);
        if !self.mounts.is_in(mount) {
            return Err(BackupError::TargetMissing(choice.to.clone()));
        }
        make_on_stick(&choice.to)
    }

    fn plan_of(&self, choice: &Choice) -> Result<Plan, BackupError> {
        let lock = Lock::to(&choice.recipient).map_err(|_| BackupError::Choice(self.dir.join(CHOICE)))?;
        let Choice { to, every_hours, keep, .. } = choice.clone();
        Ok(Plan { dir: self.dir.clone(), to, every_hours, keep, lock, name: self.name.clone() })
    }

    fn work(&self) -> MutexGuard<'_, ()> {
        self.working.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same for somebody who waits for it: what was refused must not be done later.
    fn work_soon(&self) -> Result<MutexGuard<'_, ()>, CannotChoose> {
        for _ in 0..PATIENCE {
            match self.working.try_lock() {
                Ok(working) => return Ok(working),
                Err(TryLockError::Poisoned(working)) => return Ok(working.into_inner()),
                Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
        Err(CannotChoose::Busy)
    }

    /// Keeps what is planned for pages and `doctor`, and removes what a power cut has left.
    pub fn begin(&self) {
        self.forget_restoring();
        match (&self.fixed, self.choice()) {
            (Some(plan), _) => plan.begin(),
            (None, Ok(Some(choice))) => match self.plan_of(&choice) {
                Ok(plan) => plan.begin(),
                Err(error) => Standing::failed(&self.dir, &error, door::now()),
            },
            (None, Ok(None)) => Plan::none(&self.dir),
            (None, Err(error)) => {
                remove_leftovers(&self.dir);
                Standing::failed(&self.dir, &error, door::now());
            }
        }
    }

    /// Makes backups from now on, in a thread of its own that ends with the process.
    pub fn watch(self: Arc<Self>) -> io::Result<()> {
        self.begin();
        watch(move |now| self.look(now))
    }
}

pub(super) fn make_on_stick(to: &Path) -> Result<(), BackupError> {
    match fs::create_dir(to) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(BackupError::target(&to.join(FOLDER), error)),
        // Somebody's link would lead anywhere.
        _ if fs::symlink_metadata(to).is_ok_and(|about| about.is_dir()) => Ok(()),
        _ => Err(BackupError::TargetMissing(to.to_owned())),
    }
}

/// Whether a file can be written there, found out by writing a new one.
fn try_writing(to: &Path) -> Result<(), BackupError> {
    let probe = to.join(".teilhabe-probe");
    let _ = fs::remove_file(&probe);
    let tried = File::create_new(&probe).and_then(|file| file.sync_all());
    let _ = fs::remove_file(&probe);
    tried.map_err(|error| BackupError::target(&probe, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::envelope::Identity;

    fn keeper(at: &Path) -> Keeper {
        let data = at.join("data");
        fs::create_dir(&data).expect("a folder");
        Keeper::new(&data, "box", None, Mounts { list: at.join("mountinfo"), under: vec![at.to_owned()] })
    }

    #[test]
    fn what_a_link_at_the_chosen_place_leads_to_is_left_as_it_is() {
        let at = tempfile::tempdir().expect("a folder");
        let (keeper, to, book) = (keeper(at.path()), at.path().join("share"), at.path().join("data/terminal.db"));
        fs::create_dir(&to).expect("a folder");
        fs::write(&book, "the journal").expect("written");
        std::os::unix::fs::symlink(&book, to.join(".teilhabe-probe")).expect("a link");
        let recipient = Identity::generate().recipient().to_string();
        keeper.choose(Place::Folder(to), &recipient, 24, 7).expect("chosen");
        assert_eq!(fs::read_to_string(&book).expect("there"), "the journal");

        std::os::unix::fs::symlink(at.path().join("data"), at.path().join(FOLDER)).expect("a link");
        assert!(make_on_stick(&at.path().join(FOLDER)).is_err(), "a link is no folder of ours");
    }

    #[test]
    fn what_is_chosen_while_a_backup_is_made_is_refused_and_not_done_later() {
        let at = tempfile::tempdir().expect("a folder");
        let (keeper, recipient) = (keeper(at.path()), Identity::generate().recipient().to_string());
        let making = keeper.work();
        let refused = keeper.choose(Place::Folder(at.path().to_owned()), &recipient, 24, 7);
        assert!(matches!(refused, Err(CannotChoose::Busy)), "{refused:?}");
        assert!(matches!(keeper.stop(), Err(CannotChoose::Busy)));
        drop(making);
        assert_eq!(keeper.choice().expect("read"), None);
    }
}
