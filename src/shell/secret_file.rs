//! Files that only their owner may read: keys and the interface's password.

use super::whole_file;
use crate::words::chance::Chance;
use std::fs::{DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The file with the key that JSON interfaces ask for.
pub const API_TOKEN: &str = "api-token";
/// The largest secret file looked at, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

/// Why a secret file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// Others on this machine could read it.
    #[error("{path} can be read by other users of this computer: run chmod 600 on it, and replace the key if others have had access")]
    ReadableByOthers {
        /// The file.
        path: PathBuf,
    },
    /// It is not the text it should be.
    #[error("{path} does not hold what it should: restore it from the backup")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The file system said no.
    #[error("{path} cannot be used ({error}): check the disk, its free space and the permissions")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

impl SecretFileError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |error| Self::Io { path, error }
    }
}

/// Makes the folder, closed to everybody else, with those above it.
pub fn make_dir(dir: &Path) -> Result<(), SecretFileError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(SecretFileError::io(dir))
}

/// Writes `secret` to `path`, whole or not at all; an existing file is replaced.
pub fn write(path: &Path, secret: &str) -> Result<(), SecretFileError> {
    whole_file::write(path, whole_file::PRIVATE, &[secret.as_bytes(), b"\n"]).map_err(SecretFileError::io(path))
}

/// Reads the secret in `path`, without white space around it.
pub fn read(path: &Path) -> Result<Zeroizing<String>, SecretFileError> {
    let mut file = File::open(path).map_err(SecretFileError::io(path))?;
    let mode = file.metadata().map_err(SecretFileError::io(path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(SecretFileError::ReadableByOthers { path: path.to_owned() });
    }
    let mut text = Zeroizing::new(String::new());
    Read::by_ref(&mut file).take(MAX_SECRET).read_to_string(&mut text).map_err(|_| SecretFileError::Damaged { path: path.to_owned() })?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// The interface's key in `dir`: 64 hexadecimal digits, made at first use.
pub fn api_token(dir: &Path, chance: &mut Chance) -> Result<Zeroizing<String>, SecretFileError> {
    let path = dir.join(API_TOKEN);
    if !path.exists() {
        write(&path, &data_encoding::HEXLOWER.encode(&Zeroizing::new(chance.bytes::<32>())[..]))?;
    }
    let token = read(&path)?;
    let is_key = token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit());
    if is_key { Ok(token) } else { Err(SecretFileError::Damaged { path }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_secret_is_its_owners_alone() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("key");
        write(&path, "secret").expect("written");
        write(&path, "newer").expect("replaced");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert_eq!(*read(&path).expect("ours"), "newer");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("ours");
        assert!(matches!(read(&path), Err(SecretFileError::ReadableByOthers { .. })));
        assert_eq!(fs::read_dir(dir.path()).expect("there").count(), 1, "no draft stays behind");
    }

    #[test]
    fn the_interface_key_stays_the_same() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut chance = Chance::seeded(1);
        let first = api_token(dir.path(), &mut chance).expect("made");
        assert_eq!(*api_token(dir.path(), &mut chance).expect("read"), *first);
        write(&dir.path().join(API_TOKEN), "short").expect("written");
        assert!(matches!(api_token(dir.path(), &mut chance), Err(SecretFileError::Damaged { .. })));
    }
}
