//! Files locked for whoever has a passphrase or a recovery key (age-encryption.org/v1), written whole or not at all.

use super::backup::BackupError;
use super::envelope::EnvelopeError;
use super::whole_file;
use age::DecryptError;
use age::secrecy::SecretString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::iter::once;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// How much work a passphrase may ask of a command, as a power of two: 4 GiB of memory.
pub const MAX_WORK: u8 = 22;
/// The same of a service, whose unit allows 256 MiB in all: 128 MiB.
pub const MAX_WORK_SERVING: u8 = 17;
/// Bytes copied at a time.
const BLOCK: usize = 256 * 1024;

/// For whom a file is locked.
pub enum Lock {
    /// Whoever knows this.
    Passphrase(Zeroizing<String>),
    /// Whoever has the recovery key of this address.
    Recipient(age::x25519::Recipient),
}

/// What opens a locked file.
pub enum Opener {
    /// A passphrase.
    Passphrase(Zeroizing<String>),
    /// A recovery key.
    Key(age::x25519::Identity),
}

impl std::fmt::Debug for Lock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Passphrase(_) => f.write_str("Lock by a passphrase"),
            Self::Recipient(recipient) => write!(f, "Lock for {recipient}"),
        }
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opener")
    }
}

impl Lock {
    /// For the owner of this address, `age1…`.
    pub fn to(recipient: &str) -> Result<Self, EnvelopeError> {
        recipient.trim().parse().map(Self::Recipient).map_err(|_| EnvelopeError::BadRecipient(recipient.trim().to_owned()))
    }
}

impl Opener {
    /// What somebody has kept: a recovery key (`AGE-SECRET-KEY-1…`) or a passphrase.
    pub fn of(secret: &str) -> Self {
        // A key that was copied by hand stands in groups, as it was shown.
        let without_gaps = Zeroizing::new(secret.split_whitespace().collect::<String>().to_ascii_uppercase());
        without_gaps.parse().map_or_else(|_| Self::Passphrase(Zeroizing::new(secret.trim().to_owned())), Self::Key)
    }
}

/// What went wrong, and where: what writes a draft reports its own place by itself.
enum Wrong {
    Target(io::Error),
    Plain(io::Error),
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Self::Target(error)
    }
}

/// Writes what `plain` holds, locked, to `target`; a file of that name is replaced only when the new one is complete. Returns its size in bytes.
pub fn lock(plain: &Path, target: &Path, lock: &Lock) -> Result<u64, BackupError> {
    whole_file::replace(target, whole_file::PRIVATE, |out| write_locked(plain, out, lock)).map_err(|wrong| match wrong {
        Wrong::Target(error) => BackupError::target(target, error),
        Wrong::Plain(error) => BackupError::io(plain, error),
    })
}

fn write_locked(plain: &Path, out: &mut File, lock: &Lock) -> Result<u64, Wrong> {
    let mut from = File::open(plain).map_err(Wrong::Plain)?;
    let encryptor = match lock {
        Lock::Passphrase(text) => {
            let recipient = age::scrypt::Recipient::new(SecretString::from(text.as_str()));
            age::Encryptor::with_recipients(once(&recipient as _))
        }
        Lock::Recipient(recipient) => age::Encryptor::with_recipients(once(recipient as _)),
    };
    let encryptor = encryptor.map_err(io::Error::other)?;
    let mut to = encryptor.wrap_output(BufWriter::new(out))?;
    let mut block = vec![0; BLOCK];
    loop {
        let read = from.read(&mut block).map_err(Wrong::Plain)?;
        let Some(bytes) = block.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        to.write_all(bytes)?;
    }
    let mut out = to.finish()?;
    out.flush()?;
    Ok(out.get_ref().metadata()?.len())
}

/// Writes what the locked `file` holds to the new file `plain`, which only its owner may read. A passphrase may ask for `most_work`.
pub fn unlock(file: &Path, plain: &Path, opener: &Opener, most_work: u8) -> Result<(), BackupError> {
    let from = BufReader::new(File::open(file).map_err(|error| BackupError::io(file, error))?);
    let decryptor = age::Decryptor::new_buffered(from).map_err(|error| match error {
        DecryptError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => BackupError::io(file, error),
        _ => BackupError::NoBackup,
    })?;
    let opened = match opener {
        Opener::Passphrase(text) => {
            let mut identity = age::scrypt::Identity::new(SecretString::from(text.as_str()));
            identity.set_max_work_factor(most_work);
            decryptor.decrypt(once(&identity as _))
        }
        Opener::Key(identity) => decryptor.decrypt(once(identity as _)),
    };
    let mut from = opened.map_err(|error| match error {
        DecryptError::InvalidMac | DecryptError::Io(_) => BackupError::Damaged,
        DecryptError::ExcessiveWork { .. } => BackupError::TooMuchWork,
        _ => BackupError::WrongPassphrase,
    })?;
    let wrong = |error| BackupError::io(plain, error);
    let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(plain).map_err(wrong)?;
    let mut block = Zeroizing::new(vec![0; BLOCK]);
    loop {
        let read = from.read(&mut block).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => BackupError::Damaged,
            _ => BackupError::io(file, error),
        })?;
        let Some(bytes) = block.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        to.write_all(bytes).map_err(wrong)?;
    }
    to.sync_all().map_err(wrong)
}
