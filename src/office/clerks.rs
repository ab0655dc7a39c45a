//! Who may work at the office's pages: accounts, their passwords and roles. Only a slow hash of a password is kept.

use super::{Action, Office, OfficeError, Role, Roles, Work};
use crate::settle::clerk::Clerk;
use crate::shell::slow_hash::{self, hash};
use crate::shell::store::office::clerks::{self, Account};
use crate::shell::store::office::{passkeys, sessions};
use crate::shell::store::sql::Connection;
use crate::words::chance::Chance;
use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// The fewest characters of a password.
pub const MIN_PASSWORD: usize = 10;
/// The most bytes of a password.
pub const MAX_PASSWORD: usize = slow_hash::MAX_SECRET;

/// Who acts where a command at the server does.
const SERVER: &str = "cli";

/// A hash that no password has, to be checked where there is no such clerk: so that both take equally long.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash("", &[0; 16]).unwrap_or_default());

/// Who somebody has shown to be, and the epoch of the account in which that was shown: a session begun with it is over when the password,
/// or whatever was shown, was taken away meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The clerk's name as first written.
    pub name: String,
    /// The account's epoch.
    pub epoch: u64,
}

impl From<Account> for Known {
    fn from(account: Account) -> Self {
        Self { name: account.name, epoch: account.epoch }
    }
}

/// A password to be checked. It takes a tenth of a second or so, on purpose: not to be done by the thread that owns the office.
#[derive(Clone, Debug)]
pub struct PasswordCheck {
    clerk: Option<Known>,
    hash: String,
}

impl PasswordCheck {
    /// Whose password this is, if it is the right one.
    pub fn holds(self, password: &str) -> Option<Known> {
        let right = slow_hash::holds(&self.hash, password);
        self.clerk.filter(|_| right)
    }
}

/// A new password and its slow hash. Making one takes a tenth of a second or so, on purpose: not to be done by the thread that owns the
/// office.
#[derive(Clone)]
pub struct FreshPassword {
    words: String,
    hash: String,
}

impl std::fmt::Debug for FreshPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FreshPassword")
    }
}

impl FreshPassword {
    /// One made up here, for somebody to type in.
    pub fn made_up(chance: &mut Chance) -> Result<Self, OfficeError> {
        let words = made_up(chance);
        Ok(Self { hash: hashed(&words, chance)?, words })
    }

    /// One that a clerk chose in place of the one that `old` knows; an error says what to choose instead.
    pub fn chosen(old: PasswordCheck, name: &str, words: &str, chance: &mut Chance) -> Result<Self, OfficeError> {
        suits(name, words)?;
        if slow_hash::holds(&old.hash, words) {
            return Err(OfficeError::Wrong("this is the password you have already: choose another one".into()));
        }
        Ok(Self { hash: hashed(words, chance)?, words: words.to_owned() })
    }

    /// The password itself.
    pub fn words(&self) -> &str {
        &self.words
    }
}

/// The account of the clerk with this name, however its letters are written; open or closed.
pub fn account(db: &Connection, name: &str) -> Result<Option<Account>, OfficeError> {
    let Ok(clerk) = Clerk::new(name) else { return Ok(None) };
    Ok(clerks::all(db)?.into_iter().find(|known| Clerk::new(&known.name).is_ok_and(|known| known == clerk)))
}

/// Takes a name for an account; what the log calls the server's own commands is nobody's name.
fn person(name: &str) -> Result<Clerk, OfficeError> {
    let clerk = Clerk::new(name).map_err(|why| OfficeError::Wrong(why.to_string()))?;
    if clerk.as_str().to_lowercase() == SERVER {
        return Err(OfficeError::Wrong(format!("“{SERVER}” is what the log calls commands at the server: choose another name")));
    }
    Ok(clerk)
}

/// Words that are made up here for somebody to type in: 80 bits, in groups.
pub(super) fn made_up(chance: &mut Chance) -> String {
    let letters = data_encoding::BASE32HEX_NOPAD.encode(&chance.bytes::<10>()).to_lowercase();
    let groups: Vec<&str> = (0..letters.len()).step_by(4).filter_map(|at| letters.get(at..at + 4)).collect();
    groups.join("-")
}

fn hashed(password: &str, chance: &mut Chance) -> Result<String, OfficeError> {
    hash(password, &chance.bytes()).ok_or_else(|| OfficeError::Wrong("the password could not be hashed: is this computer out of memory?".into()))
}

/// Whether somebody called `name` may choose `password`; an error says what to choose instead.
fn suits(name: &str, password: &str) -> Result<(), OfficeError> {
    if password.chars().count() < MIN_PASSWORD || password.len() > MAX_PASSWORD {
        return Err(OfficeError::Wrong(format!("a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters: choose another one")));
    }
    let bare = |text: &str| text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let (name, password) = (bare(name), bare(password));
    let mut letters: Vec<char> = password.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    if letters.len() < 4 || (!name.is_empty() && password.replace(&name, "").chars().count() < 4) {
        return Err(OfficeError::Wrong("this password is easily guessed, as it is the name or one letter over and over: choose another one".into()));
    }
    Ok(())
}

impl Office {
    /// Admits a clerk to the pages with all roles but audit, or gives a known one a new password.
    pub fn set_clerk(&mut self, name: &str, password: &str, now: UtcMs) -> Result<(), OfficeError> {
        let clerk = person(name)?;
        suits(clerk.as_str(), password)?;
        self.in_transaction(|work| {
            let hash = hashed(password, work.chance)?;
            match account(&work.db, clerk.as_str())? {
                Some(known) => {
                    clerks::set_password(&work.db, known.id, &hash, false)?;
                    clerks::end_sessions(&work.db, known.id)?;
                }
                None => _ = clerks::insert(&work.db, clerk.as_str(), &hash, &Roles::working().to_string(), false, now)?,
            }
            Ok(())
        })
    }

    /// Gives a clerk these roles, in place of those held before, without asking who wants it: for tests and for who sets up an office.
    pub fn set_roles(&mut self, name: &str, roles: &Roles) -> Result<(), OfficeError> {
        let known = account(&self.db, name)?.ok_or_else(|| OfficeError::NotFound(format!("there is no clerk “{name}”: add one first")))?;
        Ok(clerks::set_roles(&self.db, known.id, &roles.to_string())?)
    }

    /// Admits a clerk with a password made up here that is to be changed at first sign-in; answers the password.
    pub fn add_clerk(&mut self, by: &str, name: &str, roles: &Roles, now: UtcMs) -> Result<String, OfficeError> {
        let password = FreshPassword::made_up(&mut self.chance)?;
        self.add_clerk_with(by, name, roles, &password, now)?;
        Ok(password.words)
    }

    /// Admits a clerk with this password, which is to be changed at first sign-in.
    pub fn add_clerk_with(&mut self, by: &str, name: &str, roles: &Roles, password: &FreshPassword, now: UtcMs) -> Result<(), OfficeError> {
        let clerk = person(name)?;
        self.in_transaction(|work| {
            if let Some(known) = account(&work.db, clerk.as_str())? {
                let what = if known.closed.is_some() { "open that account again" } else { "give that account a new password" };
                return Err(OfficeError::ClerkKnown { name: known.name, what });
            }
            let id = clerks::insert(&work.db, clerk.as_str(), &password.hash, &roles.to_string(), true, now)?;
            work.note(by, Action::Clerk, &format!("clerk/{id}"), &format!("angelegt, Rollen: {}", said(roles)), now)
        })
    }

    /// Admits a clerk with all roles but audit, or gives a known one a new password; answers the password, which is to be changed.
    pub fn new_clerk(&mut self, name: &str, now: UtcMs) -> Result<String, OfficeError> {
        match account(&self.db, name)? {
            Some(known) => self.reset_password("cli", known.id, now),
            None => self.add_clerk("cli", name, &Roles::working(), now),
        }
    }

    /// Gives an account a password made up here; answers it. See [`Office::reset_password_to`].
    pub fn reset_password(&mut self, by: &str, id: i64, now: UtcMs) -> Result<String, OfficeError> {
        let password = FreshPassword::made_up(&mut self.chance)?;
        self.reset_password_to(by, id, &password, now)?;
        Ok(password.words)
    }

    /// Gives an account this password, which is to be changed at the next sign-in. Other ways in that
    /// somebody may have opened with the old one, passkeys and the link to the municipality's own sign-in, are closed, and all sessions end.
    pub fn reset_password_to(&mut self, by: &str, id: i64, password: &FreshPassword, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            let known = work.account(id)?;
            clerks::set_password(&work.db, known.id, &password.hash, true)?;
            passkeys::remove_all(&work.db, known.id)?;
            clerks::set_subject(&work.db, known.id, None)?;
            clerks::end_sessions(&work.db, known.id)?;
            work.note(by, Action::Clerk, &format!("clerk/{id}"), "neues Anfangspasswort; Passkeys und Anmeldedienst getrennt", now)
        })
    }

    /// Takes the password that a clerk chose; answers in which epoch of the account it counts. All sessions end, also one that begins just now
    /// with the old one, but `session`. Whether the old one was right is checked before, see [`Office::password_check`]; where the account has
    /// been reset since `clerk` signed in, nothing is taken.
    pub fn take_password(&mut self, clerk: &Known, password: &FreshPassword, session: Option<Hash>, now: UtcMs) -> Result<Known, OfficeError> {
        self.in_transaction(|work| {
            let (name, known) = (&clerk.name, work.is_still(clerk)?);
            clerks::set_password(&work.db, known.id, &password.hash, false)?;
            let epoch = work.end_sessions_but(&known, session)?;
            work.note(name, Action::Clerk, &format!("clerk/{}", known.id), "eigenes Passwort geändert", now)?;
            Ok(Known { name: known.name, epoch })
        })
    }

    /// Gives an account these roles in place of those held before. Nobody takes away their own role of admin, or the last one.
    pub fn give_roles(&mut self, by: &str, id: i64, roles: &Roles, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            let known = work.account(id)?;
            if !roles.has(Role::Admin) {
                work.admin_stays(by, &known)?;
            }
            if known.roles == roles.to_string() {
                return Ok(());
            }
            clerks::set_roles(&work.db, id, &roles.to_string())?;
            let detail = format!("Rollen: {}; vorher: {}", said(roles), said(&Roles::parse(&known.roles)));
            work.note(by, Action::Clerk, &format!("clerk/{id}"), &detail, now)
        })
    }

    /// Closes an account: nobody signs in with it any more. Nobody closes their own, or the last that has the role of admin.
    pub fn close_clerk(&mut self, by: &str, id: i64, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            let known = work.account(id)?;
            if known.name == by {
                return Err(OfficeError::OwnAccount);
            }
            work.admin_stays(by, &known)?;
            clerks::set_closed(&work.db, id, Some(now))?;
            work.note(by, Action::Clerk, &format!("clerk/{id}"), "geschlossen", now)
        })
    }

    /// Opens a closed account again.
    pub fn reopen_clerk(&mut self, by: &str, id: i64, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            work.account(id)?;
            clerks::set_closed(&work.db, id, None)?;
            work.note(by, Action::Clerk, &format!("clerk/{id}"), "wieder geöffnet", now)
        })
    }

    /// Takes one-time codes, passkeys and the link to the municipality's own sign-in from an account whose owner has lost them.
    pub fn reset_factor(&mut self, by: &str, id: i64, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            work.account(id)?;
            clerks::set_factor(&work.db, id, None)?;
            passkeys::remove_all(&work.db, id)?;
            clerks::set_subject(&work.db, id, None)?;
            clerks::end_sessions(&work.db, id)?;
            work.note(by, Action::Clerk, &format!("clerk/{id}"), "zweiter Faktor, Passkeys und Anmeldedienst zurückgesetzt", now)
        })
    }

    /// What is needed to check the password of the clerk with this name; there need not be one. A closed account has no right password.
    pub fn password_check(&self, name: &str) -> Result<PasswordCheck, OfficeError> {
        Ok(match account(&self.db, name)?.filter(|known| known.closed.is_none()) {
            Some(known) => PasswordCheck { hash: known.password.clone(), clerk: Some(known.into()) },
            None => PasswordCheck { clerk: None, hash: NOBODY.clone() },
        })
    }

    /// The clerk's name as first written, if name and password are right.
    pub fn check_clerk(&self, name: &str, password: &str) -> Result<Option<String>, OfficeError> {
        Ok(self.password_check(name)?.holds(password).map(|known| known.name))
    }

    /// Logs that a clerk has signed in, by what means and from where.
    pub fn signed_in(&mut self, name: &str, how: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            let known = work.named(name)?;
            clerks::signed_in(&work.db, known.id, now)?;
            work.note(&known.name, Action::SignIn, "", how, now)
        })
    }
}

impl Work<'_> {
    pub(super) fn account(&self, id: i64) -> Result<Account, OfficeError> {
        clerks::one(&self.db, id)?.ok_or_else(|| OfficeError::NotFound("there is no such account: look at the list of clerks".into()))
    }

    pub(super) fn named(&self, name: &str) -> Result<Account, OfficeError> {
        account(&self.db, name)?.ok_or_else(|| OfficeError::NotFound(format!("there is no clerk “{name}”: add one first")))
    }

    /// Ends all sessions of an account but `session`, which goes on: what another one was begun with counts no more. Answers the epoch that
    /// begins.
    pub(super) fn end_sessions_but(&self, known: &Account, session: Option<Hash>) -> Result<u64, OfficeError> {
        clerks::end_sessions(&self.db, known.id)?;
        let epoch = clerks::epoch(&self.db, &known.name)?;
        if let Some(key) = session {
            sessions::carry_over(&self.db, key, &known.name, epoch)?;
        }
        Ok(epoch)
    }

    /// Refuses what somebody began with an account that has changed since, or is closed.
    pub(super) fn is_still(&self, clerk: &Known) -> Result<Account, OfficeError> {
        let known = self.named(&clerk.name)?;
        if known.epoch == clerk.epoch && known.closed.is_none() {
            return Ok(known);
        }
        let german = "Dieses Konto wurde inzwischen an anderer Stelle geändert. Bitte neu anmelden; hier wurde nichts geändert.";
        Err(OfficeError::Case { german: german.into() })
    }

    /// Refuses what would leave the office without somebody who looks after it.
    fn admin_stays(&self, by: &str, losing: &Account) -> Result<(), OfficeError> {
        if !Roles::parse(&losing.roles).has(Role::Admin) || losing.closed.is_some() {
            return Ok(());
        }
        if losing.name == by {
            return Err(OfficeError::OwnAccount);
        }
        let others = clerks::all(&self.db)?;
        let others = others.iter().filter(|one| one.id != losing.id && one.closed.is_none() && Roles::parse(&one.roles).has(Role::Admin));
        if others.count() == 0 { Err(OfficeError::LastAdmin) } else { Ok(()) }
    }
}

fn said(roles: &Roles) -> String {
    let text = roles.iter().map(Role::german).collect::<Vec<_>>().join(", ");
    if text.is_empty() { "keine".into() } else { text }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::admit::trust::MAX_NAME;
    use crate::office::{DEFAULT_POLICY, OfficeKeys, Profile};
    use crate::settle::account::{Account, Iban};
    use crate::shell::store;
    use crate::words::chance::Chance;
    use crate::words::ids::OfficeId;

    pub fn office() -> Office {
        let mut chance = Chance::seeded(1);
        let iban = Iban::parse("DE02120300000000202051").expect("an IBAN");
        let profile = Profile {
            id: OfficeId::parse("05562032").expect("an id"),
            name: "x".repeat(MAX_NAME.min(10)),
            debtor: Account::new("Stadt", iban, None).expect("an account"),
            policy: DEFAULT_POLICY,
        };
        let keys = OfficeKeys::generate(&mut chance);
        Office::begin(store::office::open_in_memory().expect("a database"), keys, profile, chance, UtcMs(1)).expect("an office")
    }

    #[test]
    fn a_clerk_is_known_by_name_and_password() {
        let mut office = office();
        office.set_clerk(" Anna  Adler ", "korrekt pferd", UtcMs(1)).expect("admitted");
        let check = |name: &str, password: &str| office.check_clerk(name, password).expect("checked");
        assert_eq!(check("anna adler", "korrekt pferd").as_deref(), Some("Anna Adler"));
        for (name, password) in [("Anna Adler", "korrekt Pferd"), ("Anna Adler", ""), ("Berta", "korrekt pferd"), ("", ""), ("Berta", "")] {
            assert_eq!(check(name, password), None, "{name}/{password}");
        }
        office.set_clerk("Anna Adler", "ein neues Wort", UtcMs(2)).expect("changed");
        assert_eq!(office.check_clerk("Anna Adler", "korrekt pferd").expect("checked"), None);
    }

    #[test]
    fn the_password_is_not_kept_and_a_short_one_is_refused() {
        let mut office = office();
        office.set_clerk("Anna", "korrekt pferd", UtcMs(1)).expect("admitted");
        let hash = account(office.db(), "anna").expect("read").expect("there").password;
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !hash.contains("pferd"), "{hash}");
        for bad in ["", "123456789", "Anna-Anna-1", "aaaaaaaaaaaa", &"x".repeat(MAX_PASSWORD + 1)] {
            assert!(office.set_clerk("Anna", bad, UtcMs(2)).is_err(), "{}", bad.len());
        }
    }

    #[test]
    fn one_person_has_one_account_however_the_name_is_written() {
        let mut office = office();
        office.add_clerk("cli", "Änne  Müller", &Roles::working(), UtcMs(1)).expect("added");
        for same in ["änne müller", " ÄNNE MÜLLER ", "Änne\u{a0}Müller"] {
            assert!(matches!(office.add_clerk("cli", same, &Roles::working(), UtcMs(2)), Err(OfficeError::ClerkKnown { .. })), "{same}");
        }
        let id = account(office.db(), "änne müller").expect("read").expect("there").id;
        office.close_clerk("cli", id, UtcMs(3)).expect_err("the only admin");
        office.set_clerk("Cem", "ein anderes Wort", UtcMs(3)).expect("a second admin");
        office.close_clerk("Cem", id, UtcMs(3)).expect("closed");
        assert!(matches!(office.add_clerk("cli", "Änne Müller", &Roles::working(), UtcMs(4)), Err(OfficeError::ClerkKnown { .. })));
        assert_eq!(clerks::all(office.db()).expect("read").len(), 2);
        assert!(office.add_clerk("Cem", " CLI ", &Roles::working(), UtcMs(5)).is_err(), "the log's name for commands");
        assert!(office.set_clerk("cli", "korrekt pferd", UtcMs(5)).is_err());
    }

    #[test]
    fn a_closed_account_opens_nothing_until_it_is_open_again() {
        let mut office = office();
        office.set_clerk("Cem", "ein anderes Wort", UtcMs(1)).expect("admitted");
        office.set_clerk("Anna", "korrekt pferd", UtcMs(1)).expect("admitted");
        let id = account(office.db(), "Anna").expect("read").expect("there").id;
        office.close_clerk("Cem", id, UtcMs(2)).expect("closed");
        assert_eq!(office.check_clerk("Anna", "korrekt pferd").expect("checked"), None);
        assert_eq!(clerks::roles(office.db(), "Anna", 0).expect("read"), None, "her sessions see nothing any more");
        office.reopen_clerk("Cem", id, UtcMs(3)).expect("open");
        assert_eq!(office.check_clerk("Anna", "korrekt pferd").expect("checked").as_deref(), Some("Anna"));
    }

    #[test]
    fn somebody_always_looks_after_the_office() {
        let mut office = office();
        office.set_clerk("Cem", "ein anderes Wort", UtcMs(1)).expect("admitted");
        office.set_clerk("Anna", "korrekt pferd", UtcMs(1)).expect("admitted");
        let id = |office: &Office, name: &str| account(office.db(), name).expect("read").expect("there").id;
        let (cem, anna) = (id(&office, "Cem"), id(&office, "Anna"));
        let work = Roles::of(&[Role::Reconcile]);
        assert!(matches!(office.give_roles("Cem", cem, &work, UtcMs(2)), Err(OfficeError::OwnAccount)));
        assert!(matches!(office.close_clerk("Cem", cem, UtcMs(2)), Err(OfficeError::OwnAccount)));
        office.give_roles("Cem", anna, &work, UtcMs(2)).expect("another admin is there");
        assert!(matches!(office.give_roles("cli", cem, &work, UtcMs(3)), Err(OfficeError::LastAdmin)));
        assert!(matches!(office.close_clerk("Anna", cem, UtcMs(3)), Err(OfficeError::LastAdmin)));
        office.verify_audit().expect("read").expect("unbroken");
    }
}
