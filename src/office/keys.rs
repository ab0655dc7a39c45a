//! The office's keys: their files, the trust list that tells terminals of them, and how the key that signs cards is followed by another.
//!
//! A key is followed in two steps, so that no terminal meets a card signed by a key it has not heard of: first the next key is announced
//! in the trust list, which terminals fetch with their exchange; then it signs. The key before it stays in the list: its cards go on.

use super::audit::Action;
use super::desk_terminal::LABEL as DESK_LABEL;
use super::{Office, OfficeError, Profile, TRUST_DAYS};
use crate::admit::trust::{Purpose, TrustList, TrustedKey};
use crate::shell::envelope::Identity;
use crate::shell::secret_file::{self, SecretFileError};
use crate::shell::store::StoreError;
use crate::shell::store::office::{admission, settings};
use crate::shell::store::sql::Connection;
use crate::words::chance::Chance;
use crate::words::keys::{PublicKey, SecretKey};
use crate::words::time::{DAY_MS, UtcMs};
use std::path::Path;
use zeroize::Zeroizing;

/// For how many days a key of the office may sign: three years.
const KEY_DAYS: u64 = 3 * 366;
/// When the next key was announced, when the present one began, and those before it.
const ANNOUNCED: &str = "tokens_key_announced";
const SINCE: &str = "tokens_key_since";
const FORMER: &str = "tokens_keys_former";

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
    /// Will sign tokens: terminals are told of it before they meet it.
    pub next_tokens: Option<SecretKey>,
}

const KEY_FILES: [&str; 4] = ["root.key", "tokens.key", "documents.key", "status.key"];
const IDENTITY_FILE: &str = "envelope.age";
const TOKENS_FILE: &str = "tokens.key";
const NEXT_TOKENS_FILE: &str = "tokens.next.key";

impl OfficeKeys {
    /// New keys.
    pub fn generate(chance: &mut Chance) -> Self {
        let mut key = || SecretKey::from_seed(chance.bytes());
        Self { root: key(), tokens: key(), documents: key(), status: key(), identity: Identity::generate(), next_tokens: None }
    }

    /// Writes the keys into `dir`, each into a file only its owner may read.
    pub fn save(&self, dir: &Path) -> Result<(), SecretFileError> {
        secret_file::make_dir(dir)?;
        for (name, key) in KEY_FILES.iter().zip([&self.root, &self.tokens, &self.documents, &self.status]) {
            secret_file::write(&dir.join(name), &seed_text(key))?;
        }
        secret_file::write(&dir.join(IDENTITY_FILE), &self.identity.to_text())
    }

    /// Reads the keys from `dir`; a change of keys that was cut short is brought to its end.
    pub(super) fn load_for(dir: &Path, db: &Connection) -> Result<Self, OfficeError> {
        let next = dir.join(NEXT_TOKENS_FILE);
        if next.exists() {
            let present = read_key(&dir.join(TOKENS_FILE))?;
            if former(db)?.iter().any(|key| key.key == *present.public()) {
                secret_file::rename(&next, &dir.join(TOKENS_FILE))?;
            }
        }
        let [root, tokens, documents, status] = KEY_FILES.map(|name| read_key(&dir.join(name)));
        let identity = Identity::parse(&secret_file::read(&dir.join(IDENTITY_FILE))?)?;
        let next_tokens = if next.exists() { Some(read_key(&next)?) } else { None };
        Ok(Self { root: root?, tokens: tokens?, documents: documents?, status: status?, identity, next_tokens })
    }
}

fn read_key(path: &Path) -> Result<SecretKey, OfficeError> {
    let text = secret_file::read(path)?;
    let seed = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    seed.map(SecretKey::from_seed).ok_or_else(|| OfficeError::Wrong(format!("{} holds no key: put back the file from your backup", path.display())))
}

fn seed_text(key: &SecretKey) -> Zeroizing<String> {
    Zeroizing::new(data_encoding::HEXLOWER.encode(key.seed().as_slice()))
}

/// What became of a change of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// The next key is announced; it signs nothing yet.
    Announced,
    /// It is announced, and so many terminals have not heard of it.
    Waits {
        /// How many.
        terminals: u64,
    },
    /// The next key signs from now on.
    Switched,
}

impl Office {
    /// The next step of a change of the key that signs cards: announces the next key, or has it sign once every terminal at work has
    /// exchanged since; `at_once` does not wait for them.
    pub fn rotate_tokens_key(&mut self, at_once: bool, by: &str, now: UtcMs) -> Result<Rotated, OfficeError> {
        let Some(announced) = announced(&self.db)? else { return self.announce_tokens_key(by, now) };
        let terminals = admission::count_without_exchange_since(&self.db, announced, DESK_LABEL)?;
        if terminals > 0 && !at_once {
            return Ok(Rotated::Waits { terminals });
        }
        let Some(next) = self.keys.next_tokens.take() else {
            return Err(OfficeError::Wrong("the announced key is missing: put back tokens.next.key from your backup".into()));
        };
        let began = tokens_since(&self.db)?.map_or_else(|| since(&self.db, now), Ok)?;
        let mut line = settings::read(&self.db, FORMER)?.unwrap_or_default();
        // A clock may be a little ahead where a card was issued in the last minute.
        line += &format!("{} {} {}\n", data_encoding::HEXLOWER.encode(self.keys.tokens.public().bytes()), began.0, now.plus_ms(DAY_MS).0);
        self.in_transaction(|work| {
            settings::write(&work.db, FORMER, &line)?;
            settings::write(&work.db, SINCE, &announced.0.to_string())?;
            settings::write(&work.db, ANNOUNCED, "")?;
            work.note(by, Action::Setting, "keys/tokens", "der angekündigte Schlüssel unterschreibt ab jetzt", now)
        })?;
        // If the process ends here, the next start finds the former key in its file and moves the next one there.
        if let Some(dir) = self.folder().map(|folder| folder.join("keys")) {
            secret_file::rename(&dir.join(NEXT_TOKENS_FILE), &dir.join(TOKENS_FILE))?;
        }
        self.keys.tokens = next;
        self.trust = make_trust(&self.db, &self.keys, &self.profile, now)?;
        Ok(Rotated::Switched)
    }

    fn announce_tokens_key(&mut self, by: &str, now: UtcMs) -> Result<Rotated, OfficeError> {
        if self.keys.next_tokens.is_none() {
            let next = SecretKey::from_seed(self.chance.bytes());
            if let Some(dir) = self.folder().map(|folder| folder.join("keys")) {
                secret_file::write_beside(&dir.join(NEXT_TOKENS_FILE), &seed_text(&next), &dir.join(TOKENS_FILE))?;
            }
            self.keys.next_tokens = Some(next);
        }
        self.in_transaction(|work| {
            settings::write(&work.db, ANNOUNCED, &now.0.to_string())?;
            work.note(by, Action::Setting, "keys/tokens", "der nächste Schlüssel ist angekündigt", now)
        })?;
        self.trust = make_trust(&self.db, &self.keys, &self.profile, now)?;
        Ok(Rotated::Announced)
    }
}

fn time(db: &Connection, name: &str) -> Result<Option<UtcMs>, StoreError> {
    Ok(settings::read(db, name)?.and_then(|text| text.parse().ok()).map(UtcMs))
}

fn announced(db: &Connection) -> Result<Option<UtcMs>, StoreError> {
    time(db, ANNOUNCED)
}

fn tokens_since(db: &Connection) -> Result<Option<UtcMs>, StoreError> {
    time(db, SINCE)
}

fn since(db: &Connection, now: UtcMs) -> Result<UtcMs, StoreError> {
    Ok(time(db, "keys_since")?.unwrap_or(now))
}

/// Keys that signed cards before: what was issued in their time counts, and nothing issued later.
fn former(db: &Connection) -> Result<Vec<TrustedKey>, StoreError> {
    let text = settings::read(db, FORMER)?.unwrap_or_default();
    let read = |line: &str| {
        let mut parts = line.split(' ');
        let key = PublicKey::from_hex(parts.next()?)?;
        let (began, ended) = (UtcMs(parts.next()?.parse().ok()?), UtcMs(parts.next()?.parse().ok()?));
        let not_before = UtcMs(began.0.saturating_sub(DAY_MS));
        Some(TrustedKey { key, purposes: vec![Purpose::Tokens], not_before, not_after: ended, withdrawn: None })
    };
    text.lines().map(|line| read(line).ok_or_else(|| StoreError::Inconsistent("a former key that is none".into()))).collect()
}

fn trusted_key(key: &SecretKey, purpose: Purpose, since: UtcMs) -> TrustedKey {
    TrustedKey {
        key: key.public().clone(),
        purposes: vec![purpose],
        not_before: UtcMs(since.0.saturating_sub(DAY_MS)),
        not_after: since.plus_days(KEY_DAYS),
        withdrawn: None,
    }
}

pub(super) fn make_trust(db: &Connection, keys: &OfficeKeys, profile: &Profile, now: UtcMs) -> Result<(TrustList, Vec<u8>), OfficeError> {
    let since = since(db, now)?;
    let mut trusted = vec![
        trusted_key(&keys.tokens, Purpose::Tokens, tokens_since(db)?.unwrap_or(since)),
        trusted_key(&keys.documents, Purpose::Documents, since),
        trusted_key(&keys.status, Purpose::StatusLists, since),
    ];
    if let (Some(next), Some(announced)) = (&keys.next_tokens, announced(db)?) {
        trusted.push(trusted_key(next, Purpose::Tokens, announced));
    }
    trusted.extend(former(db)?);
    let list = TrustList {
        version: settings::at_least(db, "trust_version", now.seconds().0)?,
        issued: now,
        expires: now.plus_days(TRUST_DAYS),
        office: profile.id.clone(),
        office_name: profile.name.clone(),
        keys: trusted,
        recipient: keys.identity.recipient(),
        policy: profile.policy.shared,
        next_root: None,
    };
    let bytes = list.seal(&keys.root);
    settings::write(db, "trust", &data_encoding::HEXLOWER.encode(&bytes))?;
    Ok((list, bytes))
}

/// The trust list made before, as long as it says what holds now and half its time is not over.
pub(super) fn kept_trust(db: &Connection, keys: &OfficeKeys, profile: &Profile, now: UtcMs) -> Result<Option<(TrustList, Vec<u8>)>, OfficeError> {
    let bytes = settings::read(db, "trust")?.and_then(|text| data_encoding::HEXLOWER.decode(text.as_bytes()).ok());
    let kept = bytes.and_then(|bytes| TrustList::open(&bytes, keys.root.public()).ok().map(|list| (list, bytes)));
    let holds = |list: &TrustList| {
        list.policy == profile.policy.shared && list.recipient == keys.identity.recipient() && now.plus_days(TRUST_DAYS / 2) <= list.expires
    };
    Ok(kept.filter(|(list, _)| holds(list)))
}
