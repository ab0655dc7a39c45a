//! Envelopes: age files (age-encryption.org/v1), binary. Encryption draws randomness, so it is the shell's.

use age::secrecy::{ExposeSecret, SecretString};
use std::io::{Read, Write};
use std::iter::once;
use zeroize::Zeroizing;

/// The most bytes of plaintext taken out of an envelope: a document of 16 MiB and its frame.
pub const MAX_PLAINTEXT: usize = 17 * 1024 * 1024;
/// How much work a passphrase may ask of us, as a power of two: above it a crafted file would only burn time.
const MAX_PASSPHRASE_WORK: u8 = 22;
/// The work of a key file's passphrase, as a power of two (scrypt, r = 8).
const KEY_FILE_WORK: u8 = 15;

/// Why an envelope could not be closed or opened.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// These bytes are no age file.
    #[error("this is not an encrypted file of ours: choose the file that the other side made")]
    NotAnEnvelope,
    /// It is encrypted for another key or passphrase.
    #[error("this file is encrypted for somebody else: check that it was made for this box, or that the passphrase is right")]
    NotForUs,
    /// It was cut short or changed.
    #[error("this encrypted file is damaged or incomplete: copy it again")]
    Damaged,
    /// It holds more than allowed.
    #[error("this file holds more than {limit} bytes and is not taken")]
    TooLarge {
        /// The most bytes allowed.
        limit: usize,
    },
    /// The address is no age recipient.
    #[error("“{0}” is not an age address (age1…)")]
    BadRecipient(String),
    /// The text is no age identity.
    #[error("this is not an age key (AGE-SECRET-KEY-1…)")]
    BadIdentity,
}

/// The secret half of an address for envelopes.
pub struct Identity(age::x25519::Identity);

impl Identity {
    /// A new one, from the operating system's randomness.
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// Reads `AGE-SECRET-KEY-1…`.
    pub fn parse(text: &str) -> Result<Self, EnvelopeError> {
        text.trim().parse().map(Self).map_err(|_| EnvelopeError::BadIdentity)
    }

    /// `AGE-SECRET-KEY-1…`, for a file only its owner may read; wiped from memory when dropped.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.to_string().expose_secret().to_owned())
    }

    /// The public half, `age1…`.
    pub fn recipient(&self) -> String {
        self.0.to_public().to_string()
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity of {}", self.recipient())
    }
}

/// `plain`, readable only by the owner of `recipient` (`age1…`).
pub fn encrypt(recipient: &str, plain: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    let recipient: age::x25519::Recipient = recipient.parse().map_err(|_| EnvelopeError::BadRecipient(recipient.to_owned()))?;
    close(&recipient, plain)
}

/// What `bytes` hold for `identity`, at most `limit` bytes of it.
pub fn decrypt(identity: &Identity, bytes: &[u8], limit: usize) -> Result<Vec<u8>, EnvelopeError> {
    open(&identity.0, bytes, limit)
}

/// `plain`, readable by whoever knows `passphrase`. Takes about a second on purpose.
pub fn encrypt_with_passphrase(passphrase: &str, plain: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    close(&age::scrypt::Recipient::new(SecretString::from(passphrase.to_owned())), plain)
}

/// `plain` for a file that a small box opens each time it starts: 32 MiB and a tenth of a second on purpose.
pub fn encrypt_key_file(passphrase: &str, plain: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(passphrase.to_owned()));
    recipient.set_work_factor(KEY_FILE_WORK);
    close(&recipient, plain)
}

/// What `bytes` hold for whoever knows `passphrase`, at most `limit` bytes of it.
pub fn decrypt_with_passphrase(passphrase: &str, bytes: &[u8], limit: usize) -> Result<Vec<u8>, EnvelopeError> {
    let mut identity = age::scrypt::Identity::new(SecretString::from(passphrase.to_owned()));
    identity.set_max_work_factor(MAX_PASSPHRASE_WORK);
    open(&identity, bytes, limit)
}

fn close(recipient: &dyn age::Recipient, plain: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    let refused = || EnvelopeError::BadRecipient("the key".into());
    let mut bytes = Vec::with_capacity(plain.len() + plain.len() / 4096 + 512);
    let encryptor = age::Encryptor::with_recipients(once(recipient)).map_err(|_| refused())?;
    let mut writer = encryptor.wrap_output(&mut bytes).map_err(|_| refused())?;
    writer.write_all(plain).and_then(|()| writer.finish()).map_err(|_| refused())?;
    Ok(bytes)
}

fn open(identity: &dyn age::Identity, bytes: &[u8], limit: usize) -> Result<Vec<u8>, EnvelopeError> {
    use age::DecryptError as Error;
    let decryptor = age::Decryptor::new_buffered(bytes).map_err(|_| EnvelopeError::NotAnEnvelope)?;
    let reader = decryptor.decrypt(once(identity)).map_err(|error| match error {
        Error::NoMatchingKeys | Error::KeyDecryptionFailed | Error::DecryptionFailed | Error::ExcessiveWork { .. } => EnvelopeError::NotForUs,
        _ => EnvelopeError::Damaged,
    })?;
    let mut plain = Vec::new();
    reader.take(limit as u64 + 1).read_to_end(&mut plain).map_err(|_| EnvelopeError::Damaged)?;
    if plain.len() > limit { Err(EnvelopeError::TooLarge { limit }) } else { Ok(plain) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_addressee_opens_an_envelope() {
        let (ours, theirs) = (Identity::generate(), Identity::generate());
        let bytes = encrypt(&ours.recipient(), b"meals").expect("safe: a recipient");
        assert_eq!(decrypt(&ours, &bytes, 100).expect("safe: ours"), b"meals");
        assert!(matches!(decrypt(&theirs, &bytes, 100), Err(EnvelopeError::NotForUs)));
        assert!(matches!(decrypt(&ours, &bytes, 4), Err(EnvelopeError::TooLarge { limit: 4 })));
        assert!(matches!(decrypt(&ours, &bytes[..bytes.len() - 1], 100), Err(EnvelopeError::Damaged)));
        assert!(matches!(decrypt(&ours, b"meals", 100), Err(EnvelopeError::NotAnEnvelope)));
        assert!(matches!(encrypt("age1nobody", b"meals"), Err(EnvelopeError::BadRecipient(_))));
    }

    #[test]
    fn an_identity_survives_its_file() {
        let identity = Identity::generate();
        let again = Identity::parse(&identity.to_text()).expect("safe: its own text");
        assert_eq!(again.recipient(), identity.recipient());
        assert!(Identity::parse("AGE-SECRET-KEY-1").is_err());
    }

    #[test]
    fn a_passphrase_opens_what_it_closed() {
        let bytes = encrypt_with_passphrase("right", b"journal").expect("safe: memory only");
        assert_eq!(decrypt_with_passphrase("right", &bytes, 100).expect("safe: the same"), b"journal");
        assert!(matches!(decrypt_with_passphrase("wrong", &bytes, 100), Err(EnvelopeError::NotForUs)));
    }
}
