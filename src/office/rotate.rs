//! A key of the office is followed by another, or withdrawn.
//!
//! Followed in steps, so that no terminal meets a key it has not heard of: the next key is announced in the trust list, which terminals
//! fetch with their exchange; then it signs, and the key before stays in the list for what was issued in its time. A root key announces
//! the next one, and goes on naming it to terminals that were away. Envelopes are opened by the key before as well, until all have heard.
//!
//! Withdrawn at once: another key takes its place, and from the next exchange on a terminal believes nothing the withdrawn one signed.

use super::audit::Action;
use super::desk_terminal::LABEL as DESK_LABEL;
use super::key_steps::KeyStep;
use super::keys::{self, CHANGES, KeyKind, OfficeKeys, same, seed_text};
use super::trusted::{self, Announced, Former};
use super::{Office, OfficeError, Work};
use crate::shell::envelope::{self, Identity};
use crate::shell::store::office::keys as db;
use crate::shell::store::office::{clerks, settings};
use crate::words::civil::CivilDay;
use crate::words::keys::{PublicKey, SecretKey};
use crate::words::sealed::{DocType, Sealed, seal};
use crate::words::time::{DAY_MS, UtcMs};
use std::path::PathBuf;

/// The largest secret that is encrypted in the database, in bytes.
const MAX_SECRET: usize = 4096;

/// What became of a change of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotated {
    /// The next key is announced; it signs nothing yet.
    Announced,
    /// It is announced, or in force, and so many terminals have not heard of it.
    Waits {
        /// How many.
        terminals: u64,
    },
    /// The next key is in force from now on.
    Switched,
    /// The key before is of no use any more and gone; what was signed with it counts as before.
    Finished,
}

/// What a withdrawal did, and what is left to be done by people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Withdrawn {
    /// Cards that were signed anew and wait to be printed.
    pub cards: u64,
    /// Terminals that must be enrolled anew.
    pub terminals: u64,
    /// Printed enrolment codes that ended.
    pub codes: u64,
}

/// How far a key of the office is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyState {
    /// What it is for.
    pub kind: KeyKind,
    /// Its public half.
    pub public: String,
    /// Since when it is in force.
    pub since: UtcMs,
    /// Until when it may sign.
    pub until: UtcMs,
    /// When the next key was announced, if one is.
    pub announced: Option<UtcMs>,
    /// Whether the key before is kept for terminals that were away.
    pub former_kept: bool,
    /// How many terminals have not heard of the next key, or of the present one where that is new.
    pub unheard: u64,
    /// How many terminals are at work.
    pub terminals: u64,
    /// How many keys before it still count for what they signed.
    pub former: usize,
    /// How many keys before it were withdrawn.
    pub withdrawn: usize,
}

/// What becomes of the key that was in force.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// What it signed goes on.
    Followed,
    /// Nothing it signed counts any more.
    Withdrawn,
    /// What it signed later than this does not count.
    After(UtcMs),
}

/// The key that comes into force.
enum Coming {
    Signing(Box<SecretKey>),
    Envelope(Identity),
}

impl Coming {
    fn text(&self) -> zeroize::Zeroizing<String> {
        match self {
            Self::Signing(key) => seed_text(key),
            Self::Envelope(identity) => identity.to_text(),
        }
    }
}

impl Office {
    /// How far every key of the office is.
    pub fn key_states(&self, now: UtcMs) -> Result<Vec<KeyState>, OfficeError> {
        KeyKind::ALL.into_iter().map(|kind| self.key_state(kind, now)).collect()
    }

    pub(super) fn key_state(&self, kind: KeyKind, now: UtcMs) -> Result<KeyState, OfficeError> {
        let (announced, kept) = (trusted::announced(&self.db, kind)?, trusted::kept(&self.db, kind)?);
        let before = trusted::former(&self.db, kind)?;
        let withdrawn = before.iter().filter(|key| key.withdrawn.is_some()).count();
        let heard = announced.map(|announced| announced.version).or(kept);
        Ok(KeyState {
            kind,
            public: self.keys.public_text(kind),
            since: trusted::since(&self.db, kind, now)?.1,
            until: trusted::ends(&self.db, kind, now)?,
            announced: announced.map(|announced| announced.at),
            former_kept: kept.is_some(),
            unheard: heard.map_or(Ok(0), |version| db::count_below(&self.db, version, DESK_LABEL))?,
            terminals: db::count_below(&self.db, u64::MAX, DESK_LABEL)?,
            former: before.len() - withdrawn,
            withdrawn,
        })
    }

    /// The next step of a change of the key that signs cards.
    pub fn rotate_tokens_key(&mut self, at_once: bool, by: &str, now: UtcMs) -> Result<Rotated, OfficeError> {
        self.rotate_key(KeyKind::Tokens, at_once, by, now)
    }

    /// The next step of a change of a key: announces the next one, has it sign once every terminal at work has heard of it, and lets go of
    /// the one before where that was kept; `at_once` does not wait for terminals.
    pub fn rotate_key(&mut self, kind: KeyKind, at_once: bool, by: &str, now: UtcMs) -> Result<Rotated, OfficeError> {
        self.look_at_keys()?;
        let state = self.key_state(kind, now)?;
        if state.unheard > 0 && !at_once {
            return Ok(Rotated::Waits { terminals: state.unheard });
        }
        let coming = match state.next() {
            KeyStep::Announce => return self.announce(kind, by, now),
            KeyStep::Finish => return self.let_go(kind, by, now),
            _ if kind == KeyKind::Envelope => Coming::Envelope(Identity::generate()),
            _ => Coming::Signing(Box::new(self.keys.next.get(&kind).map(same).ok_or_else(|| {
                OfficeError::OwnKey(format!("the announced key is missing: put back keys/{}.next.key from your backup", kind.name()))
            })?)),
        };
        self.bring_into_force(kind, coming, Ending::Followed, by, now)?;
        Ok(Rotated::Switched)
    }

    fn announce(&mut self, kind: KeyKind, by: &str, now: UtcMs) -> Result<Rotated, OfficeError> {
        let (next, folder, decided) = (SecretKey::from_seed(self.chance.bytes()), self.key_folder(), self.keys.changes);
        let text = seed_text(&next);
        self.keys.next.insert(kind, next);
        let announced = self.in_transaction(|work| {
            work.take_key_step(kind, KeyStep::Announce, decided, by, now)?;
            if let Some(dir) = &folder {
                keys::write_next(kind, dir, &text)?;
            }
            // The version is that of the list which names the key, so it is known only once that is made.
            trusted::set_announced(&work.db, kind, Some(Announced { at: now, version: u64::MAX }))?;
            let trust = trusted::make_trust(&work.db, work.keys, work.profile, now)?;
            let version = trust.list.0.version;
            trusted::set_announced(&work.db, kind, Some(Announced { at: now, version }))?;
            work.note(by, Action::Setting, &format!("keys/{}", kind.name()), &format!("{}: der nächste ist angekündigt", kind.german()), now)?;
            Ok(trust)
        });
        match announced {
            Ok(trust) => self.trust = trust,
            Err(why) => {
                // What another process has announced meanwhile stays.
                match self.key_folder() {
                    Some(dir) => self.keys = OfficeKeys::load_for(&dir, &self.db)?,
                    None => drop(self.keys.next.remove(&kind)),
                }
                return Err(why);
            }
        }
        self.keys.changes = settings::counter(&self.db, CHANGES)?;
        Ok(Rotated::Announced)
    }

    /// Lets go of the key that was kept for terminals that had not heard of its successor.
    fn let_go(&mut self, kind: KeyKind, by: &str, now: UtcMs) -> Result<Rotated, OfficeError> {
        let decided = self.keys.changes;
        self.in_transaction(|work| {
            work.take_key_step(kind, KeyStep::Finish, decided, by, now)?;
            trusted::set_kept(&work.db, kind, None)?;
            work.note(by, Action::Setting, &format!("keys/{}", kind.name()), &format!("{}: der frühere ist gelöscht", kind.german()), now)
        })?;
        self.remove_former(kind)?;
        self.take_over_keys(now)?;
        Ok(Rotated::Finished)
    }

    fn remove_former(&mut self, kind: KeyKind) -> Result<(), OfficeError> {
        match kind {
            KeyKind::Root => self.keys.former_root = None,
            _ => self.keys.former_identity = None,
        }
        let Some(path) = self.key_folder().map(|dir| kind.former_file(&dir)) else { return Ok(()) };
        Ok(crate::shell::secret_file::remove(&path)?)
    }

    /// Withdraws the key of a kind that is in force: another takes its place at once. With `cards_until` cards issued up to that moment go
    /// on; whoever has the key can date a card as he likes, so this is for a key that was certainly safe until then.
    pub fn withdraw_key(&mut self, kind: KeyKind, cards_until: Option<UtcMs>, by: &str, now: UtcMs) -> Result<Withdrawn, OfficeError> {
        self.look_at_keys()?;
        let ending = match cards_until {
            Some(_) if kind != KeyKind::Tokens => {
                return Err(OfficeError::Wrong("only cards can go on up to a day: withdraw this key without --cards-until".into()));
            }
            Some(moment) if moment > now => {
                return Err(OfficeError::Wrong("--cards-until lies ahead: name the last day on which the key was safe".into()));
            }
            Some(moment) => Ending::After(moment),
            None => Ending::Withdrawn,
        };
        if trusted::announced(&self.db, kind)?.is_some() {
            // The announced key lay beside the lost one.
            let decided = self.keys.changes;
            self.in_transaction(|work| {
                work.decided_on(decided)?;
                Ok(trusted::set_announced(&work.db, kind, None)?)
            })?;
            self.keys.next.remove(&kind);
        }
        let coming = match kind {
            KeyKind::Envelope => Coming::Envelope(Identity::generate()),
            _ => Coming::Signing(Box::new(SecretKey::from_seed(self.chance.bytes()))),
        };
        self.bring_into_force(kind, coming, ending, by, now)
    }

    /// Withdraws the keys of a kind that were in force before the present one, which signs in their stead from now on: an old backup was lost.
    pub fn withdraw_former_keys(&mut self, kind: KeyKind, by: &str, now: UtcMs) -> Result<Withdrawn, OfficeError> {
        self.look_at_keys()?;
        if matches!(kind, KeyKind::Root | KeyKind::Envelope) {
            return Err(OfficeError::Wrong(format!(
                "a former {0} key counts for nobody who has heard of the present one: delete it with rotate-key {0} --at-once",
                kind.name()
            )));
        }
        let (folder, decided) = (self.key_folder(), self.keys.changes);
        let desk = if kind == KeyKind::Documents { self.next_desk_seed(true) } else { None };
        let done = self.in_transaction(|work| {
            work.take_key_step(kind, KeyStep::WithdrawFormer, decided, by, now)?;
            if let Some((dir, seed)) = folder.as_ref().zip(desk.as_ref()) {
                keys::write_desk(dir, seed)?;
            }
            let mut former = trusted::former(&work.db, kind)?;
            let (from, signs) = trusted::since(&work.db, kind, now)?;
            let mut lost = Vec::new();
            for key in former.iter_mut().filter(|key| key.withdrawn.is_none()) {
                (key.withdrawn, key.ended) = (Some(now), key.ended.min(now));
                lost.push(PublicKey::from_hex(&key.public).map(|public| (public, key.began)));
            }
            let lost: Vec<_> = lost.into_iter().flatten().collect();
            let from = lost.iter().map(|(_, began)| *began).chain([from]).min().unwrap_or(from);
            trusted::set_former(&work.db, kind, &former)?;
            trusted::set_since(&work.db, kind, from, signs)?;
            let mut done = Withdrawn::default();
            match kind {
                KeyKind::Tokens => {
                    let keys: Vec<PublicKey> = lost.into_iter().map(|(key, _)| key).collect();
                    done.cards = work.sign_cards_anew(&keys, &work.keys.tokens, None, now)?;
                }
                KeyKind::Documents => work.distrust_documents(now)?,
                KeyKind::Status | KeyKind::Root | KeyKind::Envelope => {}
            }
            work.note(by, Action::Setting, &format!("keys/{}", kind.name()), &format!("{}: die früheren sind zurückgezogen", kind.german()), now)?;
            Ok(done)
        })?;
        if desk.is_some() {
            self.keys.desk = desk;
        }
        self.take_over_keys(now)?;
        Ok(done)
    }

    /// Puts a key into the place of the present one. If the process ends on the way, the next start goes on from what the database says.
    fn bring_into_force(&mut self, kind: KeyKind, coming: Coming, ending: Ending, by: &str, now: UtcMs) -> Result<Withdrawn, OfficeError> {
        let is_lost = ending != Ending::Followed;
        let keeps = matches!(kind, KeyKind::Envelope) || (kind == KeyKind::Root && !is_lost);
        let (folder, decided) = (self.key_folder(), self.keys.changes);
        let desk = if kind == KeyKind::Documents { self.next_desk_seed(is_lost) } else { None };
        let done = self.in_transaction(|work| {
            work.take_key_step(kind, if is_lost { KeyStep::Withdraw } else { KeyStep::Switch }, decided, by, now)?;
            // Written while nobody else takes a step: a key that was written over is lost.
            if let Some(dir) = &folder {
                keys::write_next(kind, dir, &coming.text())?;
                if keeps {
                    let present = work.keys.signing(kind).map_or_else(|| work.keys.identity.to_text(), seed_text);
                    keys::write_former(kind, dir, &present)?;
                }
                if let Some(seed) = &desk {
                    keys::write_desk(dir, seed)?;
                }
            }
            let mut done = Withdrawn::default();
            work.end_key(kind, ending, now)?;
            if keeps {
                trusted::set_kept(&work.db, kind, Some(db::first_version(&work.db, now)?))?;
            }
            match (kind, &coming) {
                (KeyKind::Root, _) => {
                    done.codes = db::end_codes(&work.db, now)?;
                    done.terminals = if is_lost { db::count_below(&work.db, u64::MAX, DESK_LABEL)? } else { 0 };
                }
                (KeyKind::Documents, _) if is_lost => work.distrust_documents(now)?,
                (KeyKind::Tokens, Coming::Signing(key)) if is_lost => {
                    let after = if let Ending::After(moment) = ending { Some(moment) } else { None };
                    done.cards = work.sign_cards_anew(&[work.keys.tokens.public().clone()], key, after, now)?;
                }
                (_, Coming::Envelope(identity)) => work.lock_secrets_anew(&identity.recipient())?,
                _ => {}
            }
            let what = if is_lost { "zurückgezogen, ein neuer gilt" } else { "der angekündigte gilt ab jetzt" };
            work.note(by, Action::Setting, &format!("keys/{}", kind.name()), &format!("{}: {what}", kind.german()), now)?;
            Ok(done)
        })?;
        if kind == KeyKind::Root && is_lost {
            self.remove_former(kind)?;
        }
        if desk.is_some() {
            self.keys.desk = desk;
        }
        if self.key_folder().is_none() {
            self.keys.replace(kind, coming, keeps);
        }
        self.take_over_keys(now)?;
        Ok(done)
    }

    /// What the keys of the office's own terminals are derived from when the documents key changes: they keep theirs when it is followed, and
    /// lose them when it is withdrawn. None where nothing changes.
    fn next_desk_seed(&mut self, is_lost: bool) -> Option<SecretKey> {
        match &self.keys.desk {
            _ if is_lost => Some(SecretKey::from_seed(self.chance.bytes())),
            Some(_) => None,
            None => Some(same(&self.keys.documents)),
        }
    }

    pub(super) fn key_folder(&self) -> Option<PathBuf> {
        self.folder().map(|folder| folder.join("keys"))
    }

    /// Reads the keys again, and makes what they sign anew.
    fn take_over_keys(&mut self, now: UtcMs) -> Result<(), OfficeError> {
        match self.key_folder() {
            Some(dir) => self.keys = OfficeKeys::load_for(&dir, &self.db)?,
            None => self.keys.changes = settings::counter(&self.db, CHANGES)?,
        }
        self.trust = trusted::make_trust(&self.db, &self.keys, &self.profile, now)?;
        self.status = None;
        Ok(())
    }

    /// Takes over keys that another process has changed: a command beside the running server.
    pub(super) fn look_at_keys(&mut self) -> Result<(), OfficeError> {
        let Some(folder) = self.key_folder() else { return Ok(()) };
        if let Some(changed) = self.keys.changed_in(&folder, &self.db)? {
            (self.keys, self.status, self.trust_is_old) = (changed, None, true);
        }
        Ok(())
    }
}

impl OfficeKeys {
    /// Has a key take its place in memory, where there are no files.
    fn replace(&mut self, kind: KeyKind, coming: Coming, keeps: bool) {
        self.next.remove(&kind);
        match coming {
            Coming::Envelope(identity) => self.former_identity = Some(std::mem::replace(&mut self.identity, identity)),
            Coming::Signing(key) => {
                let place = match kind {
                    KeyKind::Root => &mut self.root,
                    KeyKind::Tokens => &mut self.tokens,
                    KeyKind::Status => &mut self.status,
                    KeyKind::Documents | KeyKind::Envelope => &mut self.documents,
                };
                let before = std::mem::replace(place, *key);
                if keeps {
                    self.former_root = Some(before);
                }
            }
        }
    }
}

impl Work<'_> {
    /// Notes that the key in force is over. Its successor stands in for a withdrawn one from that one's beginning on.
    fn end_key(&self, kind: KeyKind, ending: Ending, now: UtcMs) -> Result<(), OfficeError> {
        let (began, _) = trusted::since(&self.db, kind, now)?;
        let announced = trusted::announced(&self.db, kind)?.map_or(now, |announced| announced.at);
        // A clock may be a little ahead where a document was issued in the last minute.
        let (ended, withdrawn, from) = match ending {
            Ending::Followed => (now.plus_ms(DAY_MS), None, announced),
            Ending::Withdrawn => (now, Some(now), began),
            Ending::After(moment) => (moment, None, began),
        };
        let mut former = trusted::former(&self.db, kind)?;
        former.push(Former { public: self.keys.public_text(kind), began, ended, withdrawn });
        trusted::set_former(&self.db, kind, &former)?;
        trusted::set_since(&self.db, kind, from, if ending == Ending::Followed { announced } else { now })?;
        Ok(trusted::set_announced(&self.db, kind, None)?)
    }

    /// Signs every card anew that one of the lost keys signed, later than `after` where that is given; those still good wait to be printed.
    fn sign_cards_anew(&self, lost: &[PublicKey], key: &SecretKey, after: Option<UtcMs>, now: UtcMs) -> Result<u64, OfficeError> {
        let (mut place, mut to_print) = (0, 0);
        loop {
            let tokens = db::signed_tokens(&self.db, place)?;
            let Some(last) = tokens.last() else { break };
            place = last.0;
            for (row, bytes) in &tokens {
                let Ok(sealed) = Sealed::parse(bytes, DocType::Token) else { continue };
                let token = crate::shell::store::office::children::content(bytes)?;
                let goes_on = after.is_some_and(|moment| token.issued.ms() <= moment);
                if !goes_on && sealed.verified(lost, DocType::Token).is_some() {
                    db::keep_signed_anew(&self.db, *row, &seal(key, DocType::Token, sealed.unverified_payload()), now)?;
                    let is_over = token.last_day() < CivilDay::of(now);
                    to_print += u64::from(!is_over && db::print_anew(&self.db, *row)?);
                }
            }
        }
        Ok(to_print)
    }

    /// After the documents key was withdrawn: terminals get new admissions, and the office's own, whose keys came of it, are retired.
    fn distrust_documents(&mut self, now: UtcMs) -> Result<(), OfficeError> {
        db::retire_labelled(&self.db, DESK_LABEL, now)?;
        Ok(db::touch_all_providers(&self.db, now)?)
    }

    /// Encrypts the secrets in the database for another address.
    fn lock_secrets_anew(&self, recipient: &str) -> Result<(), OfficeError> {
        let anew = |sealed: &[u8]| {
            let plain = zeroize::Zeroizing::new(self.keys.open(sealed, MAX_SECRET)?);
            Ok::<_, OfficeError>(envelope::encrypt(recipient, &plain)?)
        };
        for account in clerks::all(&self.db)? {
            if let Some(sealed) = &account.factor {
                db::keep_factor(&self.db, account.id, &anew(sealed)?)?;
            }
        }
        let secret = settings::read(&self.db, "oidc_secret")?.unwrap_or_default();
        if let Ok(sealed) = data_encoding::HEXLOWER.decode(secret.as_bytes())
            && !sealed.is_empty()
        {
            settings::write(&self.db, "oidc_secret", &data_encoding::HEXLOWER.encode(&anew(&sealed)?))?;
        }
        Ok(())
    }

    /// A stored document of the office as terminals believe it: signed anew, with the same content, where its key was withdrawn.
    pub(super) fn believable(&self, bytes: Vec<u8>, doc: DocType) -> Result<Vec<u8>, OfficeError> {
        let former = trusted::former(&self.db, KeyKind::Documents)?;
        let withdrawn: Vec<_> = former.iter().filter(|key| key.withdrawn.is_some()).filter_map(|key| PublicKey::from_hex(&key.public)).collect();
        if withdrawn.is_empty() {
            return Ok(bytes);
        }
        let anew = Sealed::parse(&bytes, doc)
            .ok()
            .and_then(|sealed| sealed.verified(&withdrawn, doc))
            .map(|payload| seal(&self.keys.documents, doc, payload));
        Ok(anew.unwrap_or(bytes))
    }
}
