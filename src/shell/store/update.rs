//! How a database is brought to the version this program knows: all scripts or none, and a copy of what was there before.

use super::{StoreError, copy, open_to_read};
use crate::shell::{secret_file::SecretFileError, whole_file};
use rusqlite::{Connection, TransactionBehavior};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// For how long the copy from before an update stays. It holds what may since have been erased, so it does not stay for ever.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The version of the database at `path`; 0 where nothing was ever put into it.
pub fn version(path: &Path) -> Result<usize, StoreError> {
    version_of(&open_to_read(path)?)
}

/// Removes the copies that updates have left beside a database; returns how many. They hold what a purge has erased.
pub fn forget_earlier(connection: &Connection) -> Result<usize, StoreError> {
    let Some(path) = connection.path().filter(|path| !path.is_empty()).map(Path::new) else { return Ok(0) };
    Ok(forget(path, |_| true).map_err(|error| SecretFileError::Io { path: path.to_owned(), error })?)
}

/// Runs the scripts that the database lacks, in one transaction. Where there was something before, it is copied to a file beside `path`
/// first; where there is no room for that, nothing is changed.
pub(super) fn bring_up_to_date(connection: &mut Connection, path: Option<&Path>, migrations: &[&str]) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (found, known) = (version_of(&transaction)?, migrations.len());
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    if found < known {
        // What disk and folder lack is said as always; what is left is a script that does not fit what is stored.
        let failed = |error: StoreError| match error {
            StoreError::Full(_) => StoreError::NoRoomToUpdate(Box::new(error)),
            StoreError::Other(why) => StoreError::NotUpdated { found, known, why: why.to_string() },
            error => error,
        };
        for script in migrations.iter().skip(found) {
            transaction.execute_batch(script).map_err(|error| failed(error.into()))?;
        }
        transaction.pragma_update(None, "user_version", u32::try_from(known).unwrap_or(u32::MAX))?;
        // Others see nothing of this transaction yet, and cannot write beside it: the copy is what was there before.
        if let Some(path) = path.filter(|_| found > 0) {
            keep_earlier(path, found).map_err(|error| match failed(error) {
                StoreError::Folder(why) => StoreError::NotUpdated { found, known, why: format!("the copy from before could not be made: {why}") },
                error => error,
            })?;
        }
    }
    transaction.commit()?;
    if let Some(path) = path.filter(|_| found == known) {
        let is_old = |file: &Path| fs::metadata(file).and_then(|m| m.modified()).is_ok_and(|at| at.elapsed().is_ok_and(|age| age > KEPT));
        if let Err(error) = forget(path, is_old) {
            tracing::warn!(%error, "an old copy of the database could not be removed");
        }
    }
    Ok(())
}

fn version_of(connection: &Connection) -> Result<usize, StoreError> {
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(version.try_into().unwrap_or(usize::MAX))
}

/// Copies the database at `path`, of version `found`, to the file that says so: whole or not at all.
fn keep_earlier(path: &Path, found: usize) -> Result<(), StoreError> {
    let kept = earlier(path, &found.to_string());
    let draft = kept.with_extension("db.draft");
    let io = |error| SecretFileError::Io { path: kept.clone(), error };
    // What a power cut has left of an earlier attempt.
    let _ = fs::remove_file(&draft);
    let made = copy(path, &draft).and_then(|()| {
        File::open(&draft).and_then(|file| file.sync_all()).map_err(io)?;
        Ok(whole_file::rename(&draft, &kept).map_err(io)?)
    });
    if made.is_err() {
        let _ = fs::remove_file(&draft);
    }
    made
}

/// The name of a copy: `terminal.version-1.db` beside `terminal.db`.
fn earlier(path: &Path, version: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}.version-{version}.db"))
}

fn forget(path: &Path, is_meant: impl Fn(&Path) -> bool) -> io::Result<usize> {
    let begins = earlier(path, "").file_name().unwrap_or_default().to_string_lossy().trim_end_matches(".db").to_owned();
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut forgotten = 0;
    for entry in fs::read_dir(dir)? {
        let file = entry?;
        let name = file.file_name().to_string_lossy().into_owned();
        let is_copy = name.strip_prefix(&begins).and_then(|rest| rest.strip_suffix(".db")).is_some_and(|number| number.parse::<u32>().is_ok());
        if is_copy && is_meant(&file.path()) {
            fs::remove_file(file.path())?;
            forgotten += 1;
        }
    }
    Ok(forgotten)
}

#[cfg(test)]
mod tests {
    use super::super::open;
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::time::SystemTime;

    const FIRST: &str = "CREATE TABLE meal(id INTEGER PRIMARY KEY) STRICT;";
    const SECOND: &str = "ALTER TABLE meal ADD COLUMN day INTEGER;";
    const WRONG: &str = "CREATE TABLE meal(id INTEGER)";

    /// A database of the first version with one meal in it.
    fn of_the_first_version(dir: &Path) -> PathBuf {
        let path = dir.join("terminal.db");
        open(&path, &[FIRST]).expect("made").execute("INSERT INTO meal(id) VALUES (7)", []).expect("stored");
        path
    }

    fn meals(path: &Path) -> i64 {
        open_to_read(path).expect("there").query_row("SELECT count(*) FROM meal WHERE id = 7", [], |row| row.get(0)).expect("a number")
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).expect("there").map(|file| file.expect("there").file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
        names.sort();
        names
    }

    #[test]
    fn a_database_moves_forward_and_never_back() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("sub/terminal.db");
        drop(open(&path, &[FIRST]).expect("made"));
        let connection = open(&path, &[FIRST, SECOND]).expect("updated");
        connection.execute("INSERT INTO meal(id, day) VALUES (1, 2)", []).expect("has both columns");
        drop(connection);
        assert!(matches!(open(&path, &[FIRST]), Err(StoreError::Newer { found: 2, known: 1 })));
        for file in fs::read_dir(dir.path().join("sub")).expect("there") {
            let file = file.expect("there");
            assert_eq!(file.metadata().expect("there").permissions().mode() & 0o077, 0, "{:?}", file.path());
        }
    }

    #[test]
    fn what_was_there_before_an_update_stays_beside_it() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = of_the_first_version(dir.path());
        assert_eq!(names(dir.path()), ["terminal.db"], "a new database leaves no copy");
        drop(open(&path, &[FIRST, SECOND]).expect("updated"));
        assert_eq!(names(dir.path()), ["terminal.db", "terminal.version-1.db"]);
        let copy = dir.path().join("terminal.version-1.db");
        assert_eq!((version(&copy).expect("read"), meals(&copy)), (1, 1));
        assert_eq!((version(&path).expect("read"), meals(&path)), (2, 1));
        drop(open(&copy, &[FIRST]).expect("the program from before can go on with it"));
    }

    #[test]
    fn a_failed_update_leaves_what_was_there_and_says_so() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = of_the_first_version(dir.path());
        let said = open(&path, &[FIRST, SECOND, WRONG]).expect_err("the table is there").to_string();
        assert!(said.contains("from version 1 to 3") && said.contains("nothing was changed"), "{said}");
        assert_eq!(names(dir.path()), ["terminal.db"], "no copy of what is there unchanged");
        assert_eq!((version(&path).expect("read"), meals(&path)), (1, 1));
        drop(open(&path, &[FIRST]).expect("the program from before goes on"));
    }

    #[test]
    fn without_a_copy_nothing_is_updated() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = of_the_first_version(dir.path());
        // A folder in the place of the draft: it can be neither removed as a file nor written.
        fs::create_dir(dir.path().join("terminal.version-1.db.draft")).expect("made");
        let said = open(&path, &[FIRST, SECOND]).expect_err("no copy, no update").to_string();
        assert!(said.contains("copy") && said.contains("nothing was changed"), "{said}");
        assert_eq!((version(&path).expect("read"), meals(&path)), (1, 1));
    }

    #[test]
    fn copies_go_after_a_month_or_when_told() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = of_the_first_version(dir.path());
        drop(open(&path, &[FIRST, SECOND]).expect("updated"));
        fs::write(dir.path().join("terminal.version-of-mine.db"), "").expect("written");
        drop(open(&path, &[FIRST, SECOND]).expect("opened"));
        assert_eq!(names(dir.path()).len(), 3, "it is young");
        let copy = dir.path().join("terminal.version-1.db");
        let age =
            |days: u64| File::options().write(true).open(&copy).and_then(|f| f.set_modified(SystemTime::now() - Duration::from_secs(days * 86400)));
        age(29).expect("set");
        drop(open(&path, &[FIRST, SECOND]).expect("opened"));
        assert_eq!(names(dir.path()).len(), 3, "it is a month old at most");
        age(31).expect("set");
        drop(open(&path, &[FIRST, SECOND]).expect("opened"));
        assert_eq!(names(dir.path()), ["terminal.db", "terminal.version-of-mine.db"], "only our own");
        fs::write(&copy, "").expect("written");
        assert_eq!(forget_earlier(&open(&path, &[FIRST, SECOND]).expect("opened")).expect("removed"), 1);
    }
}
