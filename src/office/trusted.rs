//! The trust list that tells terminals of the office's keys: those in force, those that will follow, and those from before.

use super::keys::{KeyKind, OfficeKeys};
use super::{OfficeError, Profile, TRUST_DAYS};
use crate::admit::trust::{Purpose, TrustList, TrustedKey};
use crate::shell::store::StoreError;
use crate::shell::store::office::settings;
use crate::shell::store::sql::Connection;
use crate::words::keys::{PublicKey, SecretKey};
use crate::words::time::{DAY_MS, UtcMs};

/// For how many days a key of the office may sign: three years.
const KEY_DAYS: u64 = 3 * 366;
/// The most keys from before that a list names; the longest past go first.
const MAX_FORMER: usize = 40;

/// What was announced: when, and by which version of the trust list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Announced {
    pub at: UtcMs,
    pub version: u64,
}

/// A key that was in force before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Former {
    /// Its public half: hexadecimal digits, or an age recipient.
    pub public: String,
    /// From when on documents may have been issued with it.
    pub began: UtcMs,
    /// The last moment at which one may have been.
    pub ended: UtcMs,
    /// From when on nothing it ever signed counts.
    pub withdrawn: Option<UtcMs>,
}

/// The trust list in force, and the one by which terminals follow to its root key.
#[derive(Debug)]
pub(super) struct Trust {
    pub list: (TrustList, Vec<u8>),
    /// Signed by the root key before: for terminals that hold a version below the first number.
    pub bridge: Option<(u64, Vec<u8>)>,
}

impl Former {
    fn line(&self) -> String {
        let withdrawn = self.withdrawn.map_or_else(|| "-".to_owned(), |at| at.0.to_string());
        format!("{} {} {} {withdrawn}\n", self.public, self.began.0, self.ended.0)
    }

    fn read(line: &str) -> Option<Self> {
        let mut parts = line.split(' ');
        let public = parts.next()?.to_owned();
        let mut time = || parts.next()?.parse().ok().map(UtcMs);
        let (began, ended) = (time()?, time()?);
        Some(Self { public, began, ended, withdrawn: time() })
    }
}

fn time(db: &Connection, name: &str) -> Result<Option<UtcMs>, StoreError> {
    Ok(settings::read(db, name)?.and_then(|text| text.parse().ok()).map(UtcMs))
}

/// What is announced of the key that will follow; none where none is.
pub(super) fn announced(db: &Connection, kind: KeyKind) -> Result<Option<Announced>, StoreError> {
    let text = settings::read(db, &kind.setting("key_announced"))?.unwrap_or_default();
    let read = |(at, version): (&str, &str)| Some(Announced { at: UtcMs(at.parse().ok()?), version: version.parse().ok()? });
    Ok(text.split_once(' ').and_then(read))
}

/// Notes what is announced, or that nothing is any more.
pub(super) fn set_announced(db: &Connection, kind: KeyKind, announced: Option<Announced>) -> Result<(), StoreError> {
    let text = announced.map(|it| format!("{} {}", it.at.0, it.version)).unwrap_or_default();
    settings::write(db, &kind.setting("key_announced"), &text)
}

/// By which version of the trust list terminals have heard of the key in force, as long as the one before it is kept for those that have not.
pub(super) fn kept(db: &Connection, kind: KeyKind) -> Result<Option<u64>, StoreError> {
    Ok(settings::read(db, &kind.setting("key_kept"))?.and_then(|text| text.parse().ok()))
}

/// Notes that the key before is kept for terminals below this version of the trust list, or is not.
pub(super) fn set_kept(db: &Connection, kind: KeyKind, version: Option<u64>) -> Result<(), StoreError> {
    settings::write(db, &kind.setting("key_kept"), &version.map(|version| version.to_string()).unwrap_or_default())
}

/// From when on documents may have been issued with the key in force, and when it began to sign.
pub(super) fn since(db: &Connection, kind: KeyKind, now: UtcMs) -> Result<(UtcMs, UtcMs), StoreError> {
    let own = settings::read(db, &kind.setting("key_since"))?.unwrap_or_default();
    let first = time(db, "keys_since")?.unwrap_or(now);
    let mut times = own.split(' ').map(|text| text.parse().ok().map(UtcMs));
    let from = times.next().flatten().unwrap_or(first);
    Ok((from, times.next().flatten().unwrap_or(from)))
}

/// Notes from when on documents may have been issued with the key in force, and when it began to sign.
pub(super) fn set_since(db: &Connection, kind: KeyKind, from: UtcMs, signs: UtcMs) -> Result<(), StoreError> {
    settings::write(db, &kind.setting("key_since"), &format!("{} {}", from.0, signs.0))
}

/// The keys that were in force before, the latest last.
pub(super) fn former(db: &Connection, kind: KeyKind) -> Result<Vec<Former>, StoreError> {
    let text = settings::read(db, &kind.setting("keys_former"))?.unwrap_or_default();
    text.lines().map(|line| Former::read(line).ok_or_else(|| StoreError::Inconsistent("a former key that is none".into()))).collect()
}

/// Notes the keys that were in force before.
pub(super) fn set_former(db: &Connection, kind: KeyKind, keys: &[Former]) -> Result<(), StoreError> {
    settings::write(db, &kind.setting("keys_former"), &keys.iter().map(Former::line).collect::<String>())
}

/// Whether the key with this public half was in force before, and is no more.
pub(super) fn is_former(db: &Connection, kind: KeyKind, public: &str) -> Result<bool, StoreError> {
    Ok(former(db, kind)?.iter().any(|key| key.public == public))
}

/// The last moment at which the key in force may sign.
pub(super) fn ends(db: &Connection, kind: KeyKind, now: UtcMs) -> Result<UtcMs, StoreError> {
    Ok(since(db, kind, now)?.1.plus_days(KEY_DAYS))
}

fn trusted_key(key: &SecretKey, purpose: Purpose, (from, signs): (UtcMs, UtcMs)) -> TrustedKey {
    TrustedKey {
        key: key.public().clone(),
        purposes: vec![purpose],
        not_before: UtcMs(from.0.saturating_sub(DAY_MS)),
        not_after: signs.plus_days(KEY_DAYS),
        withdrawn: None,
    }
}

/// All keys that a trust list names today: what was issued in the time of a former one counts, and nothing issued later.
fn trusted_keys(db: &Connection, keys: &OfficeKeys, now: UtcMs) -> Result<Vec<TrustedKey>, StoreError> {
    let purposes = [(KeyKind::Tokens, Purpose::Tokens), (KeyKind::Documents, Purpose::Documents), (KeyKind::Status, Purpose::StatusLists)];
    let (mut present, mut next, mut before) = (Vec::new(), Vec::new(), Vec::new());
    for (kind, purpose) in purposes {
        if let Some(key) = keys.signing(kind) {
            present.push(trusted_key(key, purpose, since(db, kind, now)?));
        }
        if let (Some(key), Some(announced)) = (keys.next.get(&kind), announced(db, kind)?) {
            next.push(trusted_key(key, purpose, (announced.at, announced.at)));
        }
        for former in former(db, kind)? {
            let key = PublicKey::from_hex(&former.public).ok_or_else(|| StoreError::Inconsistent("a former key that is none".into()))?;
            let not_before = UtcMs(former.began.0.saturating_sub(DAY_MS));
            before.push(TrustedKey { key, purposes: vec![purpose], not_before, not_after: former.ended, withdrawn: former.withdrawn });
        }
    }
    before.sort_by_key(|key| std::cmp::Reverse(key.not_after));
    before.truncate(MAX_FORMER);
    Ok(present.into_iter().chain(next).chain(before).collect())
}

/// Makes and keeps a new trust list, and the one by which late terminals follow to its root key.
pub(super) fn make_trust(db: &Connection, keys: &OfficeKeys, profile: &Profile, now: UtcMs) -> Result<Trust, OfficeError> {
    let trusted = trusted_keys(db, keys, now)?;
    let mut list = TrustList {
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
    let mut bridge = None;
    if let (Some(former), Some(heard)) = (&keys.former_root, kept(db, KeyKind::Root)?) {
        let following = TrustList { next_root: Some(keys.root.public().clone()), ..list.clone() };
        bridge = Some((heard, following.seal(former)));
        list.version = settings::at_least(db, "trust_version", now.seconds().0)?;
    }
    if announced(db, KeyKind::Root)?.is_some() {
        list.next_root = keys.next.get(&KeyKind::Root).map(|next| next.public().clone());
    }
    let bytes = list.seal(&keys.root);
    settings::write(db, "trust", &data_encoding::HEXLOWER.encode(&bytes))?;
    let text = bridge.as_ref().map(|(_, bytes)| data_encoding::HEXLOWER.encode(bytes));
    settings::write(db, "trust_bridge", &text.unwrap_or_default())?;
    Ok(Trust { list: (list, bytes), bridge })
}

/// The trust list made before, as long as it says what holds now and half its time is not over.
pub(super) fn kept_trust(db: &Connection, keys: &OfficeKeys, profile: &Profile, now: UtcMs) -> Result<Option<Trust>, OfficeError> {
    let read = |name: &str| Ok::<_, StoreError>(settings::read(db, name)?.and_then(|text| data_encoding::HEXLOWER.decode(text.as_bytes()).ok()));
    let Some(bytes) = read("trust")? else { return Ok(None) };
    let Ok(list) = TrustList::open(&bytes, keys.root.public()) else { return Ok(None) };
    let next_root = announced(db, KeyKind::Root)?.and_then(|_| keys.next.get(&KeyKind::Root)).map(SecretKey::public);
    let holds = list.policy == profile.policy.shared
        && list.recipient == keys.identity.recipient()
        && list.next_root.as_ref() == next_root
        && list.keys == trusted_keys(db, keys, now)?
        && now.plus_days(TRUST_DAYS / 2) <= list.expires;
    let bridge = match (&keys.former_root, kept(db, KeyKind::Root)?) {
        (Some(former), Some(heard)) => {
            let Some(bytes) = read("trust_bridge")? else { return Ok(None) };
            let Ok(bridge) = TrustList::open(&bytes, former.public()) else { return Ok(None) };
            if bridge.next_root.as_ref() != Some(keys.root.public()) || bridge.keys != list.keys {
                return Ok(None);
            }
            Some((heard, bytes))
        }
        _ => None,
    };
    Ok(holds.then_some(Trust { list: (list, bytes), bridge }))
}
