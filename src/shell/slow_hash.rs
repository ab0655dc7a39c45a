//! Slow hashes of what people type as a secret: clerks' passwords, PINs of a terminal.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

/// The most bytes of a secret that are looked at.
pub const MAX_SECRET: usize = 200;

/// The hash of `secret` as a PHC string; none when this computer is out of memory.
pub fn hash(secret: &str, salt: &[u8; 16]) -> Option<String> {
    argon2().hash_password_with_salt(secret.as_bytes(), salt).ok().map(|hash: PasswordHash| hash.to_string())
}

/// Whether `secret` has this hash. Takes a tenth of a second or so, on purpose: not to be done by a thread that others wait for.
pub fn holds(hash: &str, secret: &str) -> bool {
    let right = |parsed: PasswordHash| argon2().verify_password(secret.as_bytes(), &parsed).is_ok();
    secret.len() <= MAX_SECRET && PasswordHash::new(hash).is_ok_and(right)
}

/// Argon2id with 19 MiB, two passes, one lane: the OWASP cheat sheet's first choice.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_secret_itself_has_its_hash() {
        let hashed = hash("4711", &[3; 16]).expect("hashed");
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !hashed.contains("4711"), "{hashed}");
        assert!(holds(&hashed, "4711"));
        assert!(!holds(&hashed, "4712") && !holds(&hashed, "") && !holds("", "4711") && !holds("rubbish", "4711"));
        assert!(!holds(&hashed, &"4".repeat(MAX_SECRET + 1)));
    }
}
