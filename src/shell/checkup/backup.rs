//! How it stands with backups: one rule for `doctor`, the pages and the light at the counter.

use super::{Finding, Grade};
use crate::shell::backup::Kind;
use crate::shell::backup::automatic::{HOUR_MS, Standing};
use crate::words::time::{DAY_MS, UtcMs};
use std::path::Path;

/// After how many days without a backup somebody should make one, where none is planned.
const BACKUP_DAYS: u64 = 8;
/// After how many intervals without a backup a planned one is late.
const LATE: u64 = 2;
/// After how many intervals it is bad.
const MISSED: u64 = 7;

/// How it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupLook {
    /// How it is.
    pub grade: Grade,
    /// What is wrong, by its stable name: `none`, `old`, `unplanned` (old, and no more will come by themselves), or that of a [`Trouble`](crate::shell::backup::automatic::Trouble).
    pub word: Option<&'static str>,
    /// What became of the last backup.
    pub standing: Standing,
    /// How old the last good one is, in milliseconds.
    age: Option<u64>,
}

impl BackupLook {
    /// How it stands with the backups of the folder `dir`.
    pub fn at(dir: &Path, now: UtcMs) -> Self {
        let standing = Standing::read(dir);
        let age = standing.last_at().map(|at| now.since(at));
        let interval = standing.every_hours.saturating_mul(HOUR_MS);
        let (late, missed) = match &standing.to {
            Some(_) => (interval.saturating_mul(LATE), interval.saturating_mul(MISSED)),
            None => (BACKUP_DAYS * DAY_MS, u64::MAX),
        };
        let (word, grade) = match (standing.trouble, age) {
            (Some(trouble), _) => (Some(trouble.code()), Grade::Warn),
            (None, None) => (Some("none"), Grade::Warn),
            (None, Some(age)) if age > late => (Some(if standing.to.is_some() { "old" } else { "unplanned" }), Grade::Warn),
            (None, Some(_)) => (None, Grade::Ok),
        };
        let grade = if age.is_some_and(|age| age > missed) { Grade::Bad } else { grade };
        Self { grade, word, standing, age }
    }

    /// The same as a sentence of `doctor`, for a folder that holds `kind`.
    pub fn finding(&self, kind: Kind) -> Finding {
        if self.grade == Grade::Ok {
            return Finding::well("backup");
        }
        let old = match self.age {
            None => "there is no backup yet".to_owned(),
            Some(age) => format!("the last backup is {} hours old", age / HOUR_MS),
        };
        let to_do = match (&self.standing.sentence, &self.standing.to, kind) {
            (Some(sentence), ..) => sentence.clone(),
            (None, Some(to), _) => format!("see that the server runs and {} is there", to.display()),
            (None, None, Kind::Terminal) => "choose a stick on its page (Settings, Backup), or have the server make them with --backup-to".into(),
            (None, None, Kind::Office) => "make one with the command backup, or have the server make them with --backup-to".into(),
        };
        Finding { check: "backup", grade: self.grade, wrong: Some(format!("{old}: {to_do}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::backup::BackupError;

    #[test]
    fn it_is_said_when_the_last_backup_is_old_and_when_none_could_be_made() {
        let dir = tempfile::tempdir().expect("a folder");
        let now = UtcMs(1_800_000_000_000);
        let look = |now| BackupLook::at(dir.path(), now);
        assert_eq!((look(now).word, look(now).grade), (Some("none"), Grade::Warn));
        Standing::made(dir.path(), Path::new("/stick/a.age"), now);
        assert_eq!((look(now).word, look(now.plus_days(8)).word, look(now.plus_days(9)).word), (None, None, Some("unplanned")));

        let planned = Standing { to: Some("/stick".into()), every_hours: 24, ..Standing::read(dir.path()) };
        std::fs::write(dir.path().join(crate::shell::backup::automatic::STANDING), serde_json::to_string(&planned).expect("JSON")).expect("written");
        let looks: Vec<_> = [2, 3, 8].map(|days| look(now.plus_days(days))).into_iter().map(|look| (look.word, look.grade)).collect();
        assert_eq!(looks, [(None, Grade::Ok), (Some("old"), Grade::Warn), (Some("old"), Grade::Bad)]);
        let sentence = look(now.plus_days(3)).finding(Kind::Terminal).wrong.expect("a sentence");
        assert_eq!(sentence, "the last backup is 72 hours old: see that the server runs and /stick is there");

        // The stick is out when the next one is due: said at once, however fresh the last one is.
        Standing::failed(dir.path(), &BackupError::TargetMissing("/stick".into()), now.plus_days(1));
        let missing = look(now.plus_days(1));
        assert_eq!((missing.word, missing.grade), (Some("missing"), Grade::Warn));
        assert!(missing.finding(Kind::Terminal).wrong.expect("a sentence").contains("put the stick in"));
        Standing::made(dir.path(), Path::new("/stick/b.age"), now.plus_days(1));
        assert_eq!(look(now.plus_days(1)).finding(Kind::Terminal), Finding::well("backup"));
    }
}
