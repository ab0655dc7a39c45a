//! Who may work at the office's pages: a name and a password, of which only a slow hash is kept.

use super::{Office, OfficeError, Roles};
use crate::settle::clerk::Clerk;
use crate::shell::slow_hash::{self, hash};
use crate::shell::store::office::settings;
use crate::words::time::UtcMs;
use std::sync::LazyLock;

/// The fewest characters of a password.
pub const MIN_PASSWORD: usize = 8;
/// The most bytes of a password.
pub const MAX_PASSWORD: usize = slow_hash::MAX_SECRET;

/// A hash that no password has, to be checked where there is no such clerk: so that both take equally long.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash("", &[0; 16]).unwrap_or_default());

/// A password to be checked. It takes a tenth of a second or so, on purpose: not to be done by the thread that owns the office.
#[derive(Clone, Debug)]
pub struct PasswordCheck {
    clerk: Option<String>,
    hash: String,
}

impl PasswordCheck {
    /// The clerk's name as first written, if this is the password.
    pub fn holds(self, password: &str) -> Option<String> {
        let right = slow_hash::holds(&self.hash, password);
        self.clerk.filter(|_| right)
    }
}

impl Office {
    /// Admits a clerk to the pages, or gives a known one a new password.
    pub fn set_clerk(&mut self, name: &str, password: &str, now: UtcMs) -> Result<(), OfficeError> {
        let clerk = Clerk::new(name).map_err(|why| OfficeError::Wrong(why.to_string()))?;
        if password.chars().count() < MIN_PASSWORD || password.len() > MAX_PASSWORD {
            return Err(OfficeError::Wrong(format!("a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters: choose another one")));
        }
        let hash = hash(password, &self.chance.bytes())
            .ok_or_else(|| OfficeError::Wrong("the password could not be hashed: is this computer out of memory?".into()))?;
        Ok(settings::set_clerk(&self.db, clerk.as_str(), &hash, now)?)
    }

    /// Gives a clerk these roles, in place of those held before.
    pub fn set_roles(&mut self, name: &str, roles: &Roles) -> Result<(), OfficeError> {
        if settings::set_roles(&self.db, name, &roles.to_string())? {
            return Ok(());
        }
        Err(OfficeError::NotFound(format!("there is no clerk “{name}”: add one first")))
    }

    /// Admits a clerk with a password made up here, or gives a known one a new one; answers the password.
    pub fn new_clerk(&mut self, name: &str, now: UtcMs) -> Result<String, OfficeError> {
        let letters = data_encoding::BASE32HEX_NOPAD.encode(&self.chance.bytes::<10>()).to_lowercase();
        let groups: Vec<&str> = (0..letters.len()).step_by(4).filter_map(|at| letters.get(at..at + 4)).collect();
        let password = groups.join("-");
        self.set_clerk(name, &password, now)?;
        Ok(password)
    }

    /// What is needed to check the password of the clerk with this name; there need not be one.
    pub fn password_check(&self, name: &str) -> Result<PasswordCheck, OfficeError> {
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let (clerk, hash) = match settings::clerk(&self.db, &name)? {
            Some((clerk, hash)) => (Some(clerk), hash),
            None => (None, NOBODY.clone()),
        };
        Ok(PasswordCheck { clerk, hash })
    }

    /// The clerk's name as first written, if name and password are right.
    pub fn check_clerk(&self, name: &str, password: &str) -> Result<Option<String>, OfficeError> {
        Ok(self.password_check(name)?.holds(password))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admit::trust::MAX_NAME;
    use crate::office::{DEFAULT_POLICY, OfficeKeys, Profile};
    use crate::settle::account::{Account, Iban};
    use crate::shell::store::{self, office::MIGRATIONS};
    use crate::words::chance::Chance;
    use crate::words::ids::OfficeId;

    fn office() -> Office {
        let mut chance = Chance::seeded(1);
        let iban = Iban::parse("DE02120300000000202051").expect("an IBAN");
        let profile = Profile {
            id: OfficeId::parse("05562032").expect("an id"),
            name: "x".repeat(MAX_NAME.min(10)),
            debtor: Account::new("Stadt", iban, None).expect("an account"),
            policy: DEFAULT_POLICY,
        };
        let keys = OfficeKeys::generate(&mut chance);
        Office::begin(store::open_in_memory(MIGRATIONS).expect("a database"), keys, profile, chance, UtcMs(1)).expect("an office")
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
        let (_, hash) = settings::clerk(office.db(), "anna").expect("read").expect("there");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !hash.contains("pferd"), "{hash}");
        for bad in ["", "1234567", &"x".repeat(MAX_PASSWORD + 1)] {
            assert!(office.set_clerk("Anna", bad, UtcMs(2)).is_err(), "{}", bad.len());
        }
    }
}
