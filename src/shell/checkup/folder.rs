//! What a data folder depends on, whoever lives in it: disk, keys, permissions, the database file, the backup.

use super::Finding;
use super::backup::BackupLook;
use crate::shell::backup::{Kind, is_on_a_server};
use crate::shell::{secret_file, store};
use crate::words::time::UtcMs;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// How much must fit onto the disk still: a day of a large canteen and an exchange, in bytes.
const ROOM: usize = 32 * 1024 * 1024;
/// Below this the disk is worth a look, in bytes; so it is when the database would not fit once more, which a backup needs.
const FREE: u64 = 1024 * 1024 * 1024;

/// Looks at disk, keys, permissions, database file and backup of what `dir` holds.
pub fn look_at(dir: &Path, kind: Kind, now: UtcMs) -> Vec<Finding> {
    let database = dir.join(kind.database());
    if is_on_a_server(dir) {
        // The server and its backups are looked after where it runs; whether it answers is found out by opening the office.
        return vec![disk(dir, &database), Finding::bad_if("keys", keys(dir, kind)), permissions(dir), left_file(&database)];
    }
    let sound = match store::complaint(&database) {
        Ok(complaint) => {
            complaint.map(|what| format!("the database is damaged ({what}): delete nothing, and restore the last backup into another folder"))
        }
        Err(error) => Some(error.to_string()),
    };
    let backup = BackupLook::at(dir, now).finding(kind);
    vec![disk(dir, &database), Finding::bad_if("keys", keys(dir, kind)), permissions(dir), Finding::bad_if("database", sound), backup]
}

/// Whether the file from before a move onto a server is still there: it holds what a purge erases at the server.
fn left_file(database: &Path) -> Finding {
    let left = [database.to_owned(), database.with_extension("db.moved")].into_iter().find(|file| file.exists());
    match left {
        None => Finding::well("left file"),
        Some(file) if file == database => {
            let what = format!("{} is still there though the office is on a server: give `teilhabe office move` again", file.display());
            Finding::warn("left file", what)
        }
        Some(file) => {
            let what =
                format!("{} holds the office as it was before it was moved to a server: delete it once a backup is made there", file.display());
            Finding::warn("left file", what)
        }
    }
}

/// Whether a day's work still fits and can be written for good.
fn disk(dir: &Path, database: &Path) -> Finding {
    let probe = dir.join("doctor.probe");
    let written = OpenOptions::new().write(true).create(true).truncate(true).open(&probe).and_then(|mut file| {
        let block = vec![0x5a; 1024 * 1024];
        for _ in 0..ROOM / block.len() {
            file.write_all(&block)?;
        }
        file.sync_all()
    });
    let _ = fs::remove_file(&probe);
    if let Err(error) = written {
        return Finding::bad(
            "disk",
            format!("{} MiB cannot be written to {} ({error}): free some space or check the disk", ROOM / 1024 / 1024, dir.display()),
        );
    }
    let needed = fs::metadata(database).map_or(0, |m| m.len()).saturating_mul(2).max(FREE);
    match rustix::fs::statvfs(dir) {
        Ok(disk) if disk.f_bavail.saturating_mul(disk.f_frsize) < needed => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize) / 1024 / 1024;
            Finding::warn(
                "disk",
                format!("{free} MiB are free, {} would be better: a backup needs room for a copy; free some space", needed / 1024 / 1024),
            )
        }
        Ok(_) => Finding::well("disk"),
        Err(error) => Finding::warn("disk", format!("how much is free is not known ({error})")),
    }
}

fn keys(dir: &Path, kind: Kind) -> Option<String> {
    let names: &[&str] = match kind {
        Kind::Terminal => &["signing.key", "envelope.key"],
        Kind::Office => &["keys/root.key", "keys/tokens.key", "keys/documents.key", "keys/status.key", "keys/envelope.age"],
    };
    names.iter().find_map(|name| secret_file::read(&dir.join(name)).err().map(|error| error.to_string()))
}

/// Whether other users of the computer can look into the folder.
fn permissions(dir: &Path) -> Finding {
    let open = |path: &Path| fs::metadata(path).is_ok_and(|m| m.permissions().mode() & 0o077 != 0);
    let mut open_files: Vec<String> = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let holds_data = [".db", ".db-wal", ".db-shm", ".key", ".pem", ".draft", ".url"].iter().any(|end| name.ends_with(end))
            || name == "api-token"
            || name == "keys";
        if holds_data && open(&entry.path()) {
            open_files.push(name);
        }
    }
    open_files.sort();
    match (open_files.as_slice(), open(dir)) {
        ([], false) => Finding::well("permissions"),
        ([], true) => Finding::warn("permissions", format!("others on this computer can list {}: run chmod 700 on it", dir.display())),
        (names, _) => {
            Finding::bad("permissions", format!("others on this computer can read {}: run chmod -R go-rwx {}", names.join(", "), dir.display()))
        }
    }
}
