//! Who releases money: two different people, told apart by name.

use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use std::fmt;
use thiserror::Error;

/// The longest name of a clerk in characters.
pub const MAX_CLERK_NAME: usize = 80;

/// A clerk by name or login. Two names are one person when they differ only in case or blanks: "Anna" and "anna ".
#[derive(Clone, Debug)]
pub struct Clerk(Box<str>);

/// The text names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a clerk's name has 1 to {MAX_CLERK_NAME} letters, digits, blanks or . ' - _ @ and at least one letter or digit")]
pub struct ClerkName;

impl Clerk {
    /// Takes a name, its outer blanks dropped and inner ones made single. Characters that show nothing are refused, as they would
    /// make two people out of one.
    pub fn new(name: &str) -> Result<Self, ClerkName> {
        let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
        let plain = name.chars().all(|c| c.is_alphanumeric() || " .'-_@".contains(c));
        let named = name.chars().any(char::is_alphanumeric);
        if plain && named && name.chars().count() <= MAX_CLERK_NAME { Ok(Self(name.into())) } else { Err(ClerkName) }
    }

    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Clerk {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_lowercase() == other.0.to_lowercase()
    }
}

impl Eq for Clerk {}

impl fmt::Display for Clerk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One clerk's consent to exactly one content of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Who consented.
    pub clerk: Clerk,
    /// When.
    pub at: UtcMs,
    /// Fingerprint of what was consented to, see `Draft::content`.
    pub content: Hash,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_blanks_do_not_make_a_second_person() {
        let anna = Clerk::new("Anna  Müller").expect("safe: a name");
        for same in ["anna müller", " ANNA MÜLLER\t", "Anna\u{a0}Müller"] {
            assert_eq!(Clerk::new(same), Ok(anna.clone()), "{same}");
        }
        for other in ["Anna Mueller", "Anne Müller", "AnnaMüller"] {
            assert_ne!(Clerk::new(other), Ok(anna.clone()), "{other}");
        }
    }

    #[test]
    fn a_name_without_visible_letters_is_refused() {
        for bad in ["", "  ", "-", "Anna\u{200b}", "Anna\u{301}", "<script>", &"x".repeat(81)] {
            assert_eq!(Clerk::new(bad), Err(ClerkName), "{bad:?}");
        }
    }
}
