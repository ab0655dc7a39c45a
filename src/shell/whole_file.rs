//! Files that are written whole or not at all, whatever happens to the program or the power meanwhile.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What the system's mask makes of this is the mode of a file that others may read.
pub const SHARED: u32 = 0o666;
/// The mode of a file that only its owner may read.
pub const PRIVATE: u32 = 0o600;

/// Writes `parts`, one after another, to `path`; a file that is there is replaced.
pub fn write(path: &Path, mode: u32, parts: &[&[u8]]) -> io::Result<()> {
    replace(path, mode, |file| parts.iter().try_for_each(|part| file.write_all(part)))
}

/// Has `fill` write a draft beside `path`, flushes it and puts it in the place of `path`. Where that fails, what was there stays.
pub fn replace<T, E: From<io::Error>>(path: &Path, mode: u32, fill: impl FnOnce(&mut File) -> Result<T, E>) -> Result<T, E> {
    let draft = draft(path);
    let _ = fs::remove_file(&draft);
    let filled = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft).map_err(E::from).and_then(|mut file| {
        let done = fill(&mut file)?;
        file.sync_all()?;
        rename(&draft, path)?;
        Ok(done)
    });
    if filled.is_err() {
        let _ = fs::remove_file(&draft);
    }
    filled
}

/// Puts one file in the place of another, for good when this returns.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_dir(to)
}

/// What people read where `path` could not be written.
pub fn cannot(path: &Path, why: &io::Error) -> String {
    format!("{} cannot be written ({why}): check the folder, the disk and its free space, then give the command once more", path.display())
}

/// Where the draft of `path` lies: beside it, so that it can take its place.
fn draft(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".draft");
    path.with_file_name(name)
}

/// A new name is durable only once its folder is.
fn sync_dir(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => File::open(dir)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_written_leaves_what_was_there() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("run.xml");
        write(&path, SHARED, &[b"who", b"le"]).expect("written");
        let failed: io::Result<()> = replace(&path, SHARED, |file| {
            file.write_all(b"ha")?;
            Err(io::Error::other("no room"))
        });
        assert_eq!(failed.expect_err("no room").to_string(), "no room");
        assert_eq!(fs::read(&path).expect("there"), b"whole");
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 1, "no draft stays behind");
    }
}
