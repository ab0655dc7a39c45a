//! The office's keys and their files. Which of them is in force stands in the database; a change of keys that was cut short between
//! database and files is brought to its end by whoever reads the keys next.

use super::OfficeError;
use super::trusted;
use crate::shell::envelope::{self, EnvelopeError, Identity};
use crate::shell::secret_file::{self, SecretFileError};
use crate::shell::store::office::settings;
use crate::shell::store::sql::Connection;
use crate::words::chance::Chance;
use crate::words::keys::SecretKey;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The counter that says how often keys were changed: whoever has read them before reads them again.
pub(super) const CHANGES: &str = "keys_changed";
const DESK_FILE: &str = "desk.key";

/// What a key of the office is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// Signs trust lists, and nothing else.
    Root,
    /// Signs tokens.
    Tokens,
    /// Signs credentials, receipts, advices and answers.
    Documents,
    /// Signs status lists.
    Status,
    /// Opens envelopes.
    Envelope,
}

impl KeyKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Root, Self::Tokens, Self::Documents, Self::Status, Self::Envelope];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Tokens => "tokens",
            Self::Documents => "documents",
            Self::Status => "status",
            Self::Envelope => "envelope",
        }
    }

    /// The kind with this stable name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The name for clerks.
    pub const fn german(self) -> &'static str {
        match self {
            Self::Root => "Wurzelschlüssel",
            Self::Tokens => "Schlüssel der Karten",
            Self::Documents => "Schlüssel der Zulassungen, Quittungen und Mitteilungen",
            Self::Status => "Schlüssel der Sperrliste",
            Self::Envelope => "Schlüssel der Umschläge",
        }
    }

    /// A setting about the keys of this kind.
    pub(super) fn setting(self, what: &str) -> String {
        format!("{}_{what}", self.name())
    }

    fn file(self, dir: &Path, which: &str) -> PathBuf {
        let ending = if self == Self::Envelope { "age" } else { "key" };
        dir.join(format!("{}.{which}{ending}", self.name()))
    }

    /// Where the key in force lies.
    pub(super) fn present_file(self, dir: &Path) -> PathBuf {
        self.file(dir, "")
    }

    /// Where the key lies that will follow.
    pub(super) fn next_file(self, dir: &Path) -> PathBuf {
        self.file(dir, "next.")
    }

    /// Where the key lies that was in force before, as long as it is still of use.
    pub(super) fn former_file(self, dir: &Path) -> PathBuf {
        self.file(dir, "former.")
    }

    /// The public half of the key in a file, as text.
    fn public_in(self, path: &Path) -> Result<String, OfficeError> {
        match self {
            Self::Envelope => Ok(read_identity(path)?.recipient()),
            _ => Ok(data_encoding::HEXLOWER.encode(read_key(path)?.public().bytes())),
        }
    }
}

/// What an office signs and decrypts with.
#[derive(Debug)]
pub struct OfficeKeys {
    /// Signs trust lists, and nothing else.
    pub root: SecretKey,
    /// Signs tokens.
    pub tokens: SecretKey,
    /// Signs credentials, receipts, advices and envelopes.
    pub documents: SecretKey,
    /// Signs status lists.
    pub status: SecretKey,
    /// Opens envelopes.
    pub identity: Identity,
    /// Will sign: terminals are told of them before they meet them.
    pub(super) next: BTreeMap<KeyKind, SecretKey>,
    /// Names the present root key to terminals that know this one only.
    pub(super) former_root: Option<SecretKey>,
    /// Opens envelopes of terminals that have not heard of the present address.
    pub(super) former_identity: Option<Identity>,
    /// What the keys of the office's own terminals are derived from, where that is not the documents key any more.
    pub(super) desk: Option<SecretKey>,
    /// How often keys had been changed when these were read.
    pub(super) changes: u64,
}

impl OfficeKeys {
    /// New keys.
    pub fn generate(chance: &mut Chance) -> Self {
        let mut key = || SecretKey::from_seed(chance.bytes());
        Self {
            root: key(),
            tokens: key(),
            documents: key(),
            status: key(),
            identity: Identity::generate(),
            next: BTreeMap::new(),
            former_root: None,
            former_identity: None,
            desk: None,
            changes: 0,
        }
    }

    /// Writes the keys into `dir`, each into a file only its owner may read.
    pub fn save(&self, dir: &Path) -> Result<(), SecretFileError> {
        secret_file::make_dir(dir)?;
        for kind in KeyKind::ALL {
            let text = self.signing(kind).map_or_else(|| self.identity.to_text(), seed_text);
            secret_file::write(&kind.present_file(dir), &text)?;
        }
        Ok(())
    }

    /// Reads the keys from `dir`; a change of keys that was cut short is brought to its end.
    pub(super) fn load_for(dir: &Path, db: &Connection) -> Result<Self, OfficeError> {
        let changes = settings::counter(db, CHANGES)?;
        let mut next = BTreeMap::new();
        for kind in KeyKind::ALL {
            finish(kind, dir, db)?;
            if trusted::announced(db, kind)?.is_some() && kind.next_file(dir).exists() {
                next.insert(kind, read_key(&kind.next_file(dir))?);
            }
        }
        let [root, tokens, documents, status] =
            [KeyKind::Root, KeyKind::Tokens, KeyKind::Documents, KeyKind::Status].map(|kind| read_key(&kind.present_file(dir)));
        let (root, identity) = (root?, read_identity(&KeyKind::Envelope.present_file(dir))?);
        let kept = |kind: KeyKind| Ok::<_, OfficeError>(trusted::kept(db, kind)?.map(|_| kind.former_file(dir)).filter(|path| path.exists()));
        let former_root = kept(KeyKind::Root)?.map(|path| read_key(&path)).transpose()?;
        let former_identity = kept(KeyKind::Envelope)?.map(|path| read_identity(&path)).transpose()?;
        let desk_file = dir.join(DESK_FILE);
        Ok(Self {
            former_root: former_root.filter(|former| former.public() != root.public()),
            former_identity: former_identity.filter(|former| former.recipient() != identity.recipient()),
            root,
            tokens: tokens?,
            documents: documents?,
            status: status?,
            identity,
            next,
            desk: if desk_file.exists() { Some(read_key(&desk_file)?) } else { None },
            changes,
        })
    }

    /// The keys as they are now, where another process has changed them since these were read.
    pub(super) fn changed_in(&self, dir: &Path, db: &Connection) -> Result<Option<Self>, OfficeError> {
        if settings::counter(db, CHANGES)? == self.changes {
            return Ok(None);
        }
        tracing::info!("keys of this office were changed, and are taken over");
        Self::load_for(dir, db).map(Some)
    }

    /// The key in force that signs; none for envelopes.
    pub(super) const fn signing(&self, kind: KeyKind) -> Option<&SecretKey> {
        match kind {
            KeyKind::Root => Some(&self.root),
            KeyKind::Tokens => Some(&self.tokens),
            KeyKind::Documents => Some(&self.documents),
            KeyKind::Status => Some(&self.status),
            KeyKind::Envelope => None,
        }
    }

    /// The public half of the key in force, as text: hexadecimal digits, or an age recipient.
    pub(super) fn public_text(&self, kind: KeyKind) -> String {
        self.signing(kind).map_or_else(|| self.identity.recipient(), |key| data_encoding::HEXLOWER.encode(key.public().bytes()))
    }

    /// What `bytes` hold for this office, by its present address or the one before.
    pub(super) fn open(&self, bytes: &[u8], limit: usize) -> Result<Vec<u8>, EnvelopeError> {
        match (envelope::decrypt(&self.identity, bytes, limit), &self.former_identity) {
            (Err(EnvelopeError::NotForUs), Some(former)) => envelope::decrypt(former, bytes, limit),
            (opened, _) => opened,
        }
    }

    /// What the keys of the office's own terminals are derived from.
    pub(super) fn desk_seed(&self) -> Zeroizing<[u8; 32]> {
        self.desk.as_ref().unwrap_or(&self.documents).seed()
    }
}

/// Has the next key take its place, where the database says that the one in the file is over.
fn finish(kind: KeyKind, dir: &Path, db: &Connection) -> Result<(), OfficeError> {
    let (present, next) = (kind.present_file(dir), kind.next_file(dir));
    let is_over = || Ok::<_, OfficeError>(trusted::is_former(db, kind, &kind.public_in(&present)?)?);
    if !is_over()? {
        return Ok(());
    }
    if !next.exists() && is_over()? {
        // A folder that was copied before the change, or an old backup of it: what it would sign with is over.
        return Err(OfficeError::OwnKey(format!(
            "the key {} here was followed by another one that is not here: copy the folder with the keys from where the change was made",
            kind.name()
        )));
    }
    match secret_file::rename(&next, &present) {
        // The server and a command may both be at it.
        Err(_) if !next.exists() && !is_over()? => Ok(()),
        done => Ok(done?),
    }
}

/// Writes the key that will follow `kind`'s, protected as that is.
pub(super) fn write_next(kind: KeyKind, dir: &Path, secret: &str) -> Result<(), SecretFileError> {
    secret_file::write_beside(&kind.next_file(dir), secret, &kind.present_file(dir))
}

/// Writes the key in force beside itself, to be kept when another follows.
pub(super) fn write_former(kind: KeyKind, dir: &Path, secret: &str) -> Result<(), SecretFileError> {
    secret_file::write_beside(&kind.former_file(dir), secret, &kind.present_file(dir))
}

/// Keeps what the keys of the office's own terminals are derived from.
pub(super) fn write_desk(dir: &Path, key: &SecretKey) -> Result<(), SecretFileError> {
    secret_file::write_beside(&dir.join(DESK_FILE), &seed_text(key), &KeyKind::Documents.present_file(dir))
}

fn read_key(path: &Path) -> Result<SecretKey, OfficeError> {
    let text = secret_file::read(path)?;
    let seed = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    seed.map(SecretKey::from_seed).ok_or_else(|| no_key(path))
}

fn read_identity(path: &Path) -> Result<Identity, OfficeError> {
    Identity::parse(&secret_file::read(path)?).map_err(|_| no_key(path))
}

fn no_key(path: &Path) -> OfficeError {
    OfficeError::OwnKey(format!("{} holds no key: put back the file from your backup", path.display()))
}

pub(super) fn seed_text(key: &SecretKey) -> Zeroizing<String> {
    Zeroizing::new(data_encoding::HEXLOWER.encode(key.seed().as_slice()))
}

/// Another handle of the same key.
pub(super) fn same(key: &SecretKey) -> SecretKey {
    SecretKey::from_seed(*key.seed())
}
