//! Ed25519 keys (RFC 8032), verified by the strict rule.

use super::ids::{Hash, TerminalId};
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use std::fmt;
use zeroize::Zeroizing;

/// The short name of a key: the first four bytes of SHA-256 of the public key. Several keys may share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kid(pub [u8; 4]);

/// A public key that is a point of full order.
#[derive(Clone)]
pub struct PublicKey {
    key: VerifyingKey,
    kid: Kid,
}

/// A secret key; it is wiped from memory when dropped and never shown.
pub struct SecretKey {
    key: ed25519_dalek::SigningKey,
    public: PublicKey,
}

impl PublicKey {
    /// The key with these 32 bytes; none for bytes that are no point, not canonical, or of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes).ok().filter(|key| !key.is_weak() && is_canonical(bytes))?;
        let kid = Kid(Hash::of(&[bytes]).first());
        Some(Self { key, kid })
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        Hash::from_hex(text).and_then(|bytes| Self::from_bytes(&bytes.0))
    }

    /// The 32 bytes of the key.
    pub fn bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The key's short name.
    pub const fn kid(&self) -> Kid {
        self.kid
    }

    /// Whether `signature` is this key's over `message`, by the strict rule: small-order and non-canonical points are refused.
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }

    /// The id of the terminal that owns this key.
    pub fn terminal_id(&self) -> TerminalId {
        TerminalId(Hash::of(&[b"teilhabe/terminal/1", self.bytes()]).first())
    }

    /// The first ten bytes of SHA-256 of the key, as printed in an enrolment code.
    pub fn fingerprint(&self) -> [u8; 10] {
        Hash::of(&[self.bytes()]).first()
    }
}

/// Whether the y-coordinate is below the field's prime 2²⁵⁵ − 19 (RFC 8032 § 5.1.3 refuses the other encodings).
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    *low < 0xed || *high & 0x7f != 0x7f || middle.iter().any(|b| *b != 0xff)
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for PublicKey {}

impl serde::Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::hex::bytes(self.bytes(), serializer)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", Hash(*self.bytes()))
    }
}

impl SecretKey {
    /// The key with this seed (RFC 8032 § 5.1.5).
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        let key = ed25519_dalek::SigningKey::from_bytes(&seed);
        let verifying = key.verifying_key();
        let kid = Kid(Hash::of(&[verifying.as_bytes()]).first());
        Self { key, public: PublicKey { key: verifying, kid } }
    }

    /// The seed, for storage in a file only its owner may read.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.key.to_bytes())
    }

    /// The public half.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The signature over `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey of {:?}", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_order_points_are_no_keys() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert!(PublicKey::from_bytes(&identity).is_none());
        assert!(PublicKey::from_bytes(&[0; 32]).is_none());
        assert!(PublicKey::from_bytes(&[0xff; 32]).is_none());
    }

    #[test]
    fn a_key_verifies_what_it_signed_and_nothing_else() {
        let key = SecretKey::from_seed([7; 32]);
        let signature = key.sign(b"lunch");
        assert!(key.public().verifies(b"lunch", &signature));
        assert!(!key.public().verifies(b"Lunch", &signature));
        assert!(!SecretKey::from_seed([8; 32]).public().verifies(b"lunch", &signature));
    }
}
