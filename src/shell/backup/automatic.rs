//! Backups made by themselves while the server runs: at an interval, into a folder that may come and go, keeping the latest few.
//!
//! What became of the last one stands in a small file beside the database: pages and `doctor` read it, and nothing at the counter ever waits for it.

use super::{BackupError, remove_leftovers, write};
use crate::shell::door;
use crate::shell::locked_file::Lock;
use crate::shell::store::StoreError;
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file with what became of the last backup.
pub const STANDING: &str = "backup.json";
/// How often it is looked whether one is due, and whether the stick is back.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How long after a failure it is tried again, unless the folder was not there.
const RETRY_MS: u64 = 15 * 60 * 1000;
/// An hour in milliseconds.
pub const HOUR_MS: u64 = 60 * 60 * 1000;

/// What is to be done.
#[derive(Debug)]
pub struct Plan {
    /// The data folder.
    pub dir: PathBuf,
    /// The folder backups go to. It is never made: that it is there says that the stick is.
    pub to: PathBuf,
    /// Hours between two backups.
    pub every_hours: u64,
    /// How many are kept.
    pub keep: usize,
    /// Who can open them.
    pub lock: Lock,
    /// What their names begin with.
    pub name: String,
}

/// Why there is no new backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// The folder is not there: the stick is out.
    Missing,
    /// The target is full.
    Full,
    /// The target cannot be written.
    ReadOnly,
    /// The box itself has no room for the copy.
    NoRoomHere,
    /// Something else; the sentence says what.
    Failed,
}

/// What became of the last backup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// Where they go by themselves; none where they are only made by hand.
    pub to: Option<PathBuf>,
    /// Hours between two.
    pub every_hours: u64,
    /// When the last good one was made, in milliseconds.
    pub last: Option<u64>,
    /// Its file.
    pub file: Option<PathBuf>,
    /// What is wrong since then.
    pub trouble: Option<Trouble>,
    /// In one sentence.
    pub sentence: Option<String>,
    /// When it was tried last, in milliseconds.
    pub tried: Option<u64>,
}

impl Trouble {
    /// What an error means for the person who looks after the box.
    pub fn of(error: &BackupError) -> Self {
        match error {
            BackupError::TargetMissing(_) => Self::Missing,
            BackupError::TargetFull(_) => Self::Full,
            BackupError::TargetReadOnly(_) => Self::ReadOnly,
            BackupError::Store(StoreError::Full(_)) => Self::NoRoomHere,
            _ => Self::Failed,
        }
    }

    /// Its stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Full => "full",
            Self::ReadOnly => "read_only",
            Self::NoRoomHere => "no_room_here",
            Self::Failed => "failed",
        }
    }
}

impl Standing {
    /// What is known of the backups of the folder `dir`; nothing where none was ever made.
    pub fn read(dir: &Path) -> Self {
        let text = fs::read_to_string(dir.join(STANDING)).ok();
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// When the last good one was made.
    pub fn last_at(&self) -> Option<UtcMs> {
        self.last.map(UtcMs)
    }

    fn keep(&self, dir: &Path) {
        let written = serde_json::to_string(self).map_err(std::io::Error::other).and_then(|text| {
            let draft = dir.join("backup.json.new");
            fs::write(&draft, text)?;
            fs::rename(&draft, dir.join(STANDING))
        });
        if let Err(error) = written {
            tracing::warn!(%error, "what became of the backup could not be kept");
        }
    }

    /// Notes a backup that was made.
    pub fn made(dir: &Path, file: &Path, now: UtcMs) {
        let standing = Self { last: Some(now.0), file: Some(file.to_owned()), tried: Some(now.0), trouble: None, sentence: None, ..Self::read(dir) };
        standing.keep(dir);
    }

    /// Notes that none could be made, and why.
    pub fn failed(dir: &Path, error: &BackupError, now: UtcMs) {
        let (trouble, sentence) = (Some(Trouble::of(error)), Some(error.to_string()));
        Self { tried: Some(now.0), trouble, sentence, ..Self::read(dir) }.keep(dir);
    }
}

impl Plan {
    /// Keeps what is planned for pages and `doctor`, and removes what a power cut has left.
    pub fn begin(&self) {
        remove_leftovers(&self.dir);
        let standing = Standing { to: Some(self.to.clone()), every_hours: self.every_hours, ..Standing::read(&self.dir) };
        standing.keep(&self.dir);
    }

    /// Notes that nothing is planned any more, where it was before.
    pub fn none(dir: &Path) {
        remove_leftovers(dir);
        let standing = Standing::read(dir);
        if standing.to.is_some() {
            Standing { to: None, trouble: None, sentence: None, ..standing }.keep(dir);
        }
    }

    /// Whether it is time for one, or one that could not be made is to be made up for. A clock that was put back does not keep it waiting.
    pub fn is_due(&self, now: UtcMs) -> bool {
        let standing = Standing::read(&self.dir);
        let since = |at: Option<u64>| at.filter(|at| *at <= now.0).map_or(u64::MAX, |at| now.0 - at);
        let waits = match standing.trouble {
            None | Some(Trouble::Missing) => 0,
            Some(_) => RETRY_MS,
        };
        let is_wanted = standing.trouble.is_some() || since(standing.last) >= self.every_hours.saturating_mul(HOUR_MS);
        is_wanted && since(standing.tried) >= waits
    }

    /// Makes one if it is time, and says what became of it.
    pub fn look(&self, now: UtcMs) -> Option<Result<PathBuf, BackupError>> {
        self.is_due(now).then(|| self.carry_out(&|| Ok(()), now))
    }

    /// Makes one where `ready` finds nothing missing, and notes what became of it.
    pub fn carry_out(&self, ready: &dyn Fn() -> Result<(), BackupError>, now: UtcMs) -> Result<PathBuf, BackupError> {
        let stamp: String = now.rfc3339().chars().take(19).filter(|c| *c != ':').collect();
        let file = self.to.join(format!("{}-{stamp}Z.age", self.name));
        match ready().and_then(|()| write(&self.dir, &file, &self.lock)) {
            Ok(_) => {
                Standing::made(&self.dir, &file, now);
                self.forget_old(&file);
                Ok(file)
            }
            Err(error) => {
                Standing::failed(&self.dir, &error, now);
                Err(error)
            }
        }
    }

    /// Removes our own older backups beyond those that are kept, and what was begun and broken off.
    fn forget_old(&self, newest: &Path) {
        let begins = format!("{}-", self.name);
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.to).into_iter().flatten().flatten() {
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            match name.strip_prefix(&begins) {
                Some(rest) if rest.ends_with("Z.age") && entry.path() != newest => whole.push(name),
                Some(rest) if rest.ends_with("Z.age.draft") => parts.push(name),
                _ => {}
            }
        }
        whole.sort_unstable();
        let beyond = whole.len().saturating_sub(self.keep.saturating_sub(1));
        for name in whole.iter().take(beyond).chain(&parts) {
            if let Err(error) = fs::remove_file(self.to.join(name)) {
                tracing::warn!(%error, name, "an old backup could not be removed");
            }
        }
    }

    /// Makes backups from now on, in a thread of its own that ends with the process.
    pub fn watch(self) -> std::io::Result<()> {
        self.begin();
        watch(move |now| self.look(now))
    }
}

/// Has `look` make a backup whenever it is time, in a thread of its own that ends with the process.
pub(super) fn watch(look: impl Fn(UtcMs) -> Option<Result<PathBuf, BackupError>> + Send + 'static) -> std::io::Result<()> {
    let work = move || {
        loop {
            match look(door::now()) {
                Some(Ok(file)) => tracing::info!(file = %file.display(), "backup made"),
                Some(Err(error)) => tracing::warn!("no backup: {error}"),
                None => {}
            }
            std::thread::sleep(LOOK_EVERY);
        }
    };
    std::thread::Builder::new().name("backup".into()).spawn(work).map(drop)
}
