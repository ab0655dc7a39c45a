//! Enrolment: a new terminal asks for admission with a printed one-time code (formats § 5).

use super::trust::{MAX_NAME, MAX_RECIPIENT, read_key};
use super::verify::Refused;
use crate::words::cbor::{Keys, Malformed, Reader, Writer, present};
use crate::words::ids::{CodeId, Hash};
use crate::words::keys::{PublicKey, SecretKey};
use crate::words::sealed::{DocType, Sealed, seal};
use data_encoding::BASE32HEX_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The letter every printed enrolment code begins with.
pub const CODE_LETTER: char = 'E';

/// A printed one-time code: a secret, and the fingerprint of the root key that must answer.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolmentCode {
    secret: Zeroizing<[u8; 10]>,
    root_fingerprint: [u8; 10],
}

impl EnrolmentCode {
    /// A code with this random secret for the office with this root key.
    pub fn new(secret: [u8; 10], root: &PublicKey) -> Self {
        Self { secret: Zeroizing::new(secret), root_fingerprint: root.fingerprint() }
    }

    /// Reads a code as typed or scanned, with or without spaces and hyphens.
    pub fn parse(text: &str) -> Option<Self> {
        let plain: String = text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
        let bytes: [u8; 20] = BASE32HEX_NOPAD.decode(plain.strip_prefix(CODE_LETTER)?.as_bytes()).ok()?.try_into().ok()?;
        let (secret, root) = bytes.split_at(10);
        Some(Self { secret: Zeroizing::new(secret.try_into().ok()?), root_fingerprint: root.try_into().ok()? })
    }

    /// The code without separators, as in the QR code.
    pub fn compact(&self) -> String {
        let bytes = [self.secret.as_slice(), &self.root_fingerprint].concat();
        format!("{CODE_LETTER}{}", BASE32HEX_NOPAD.encode(&bytes))
    }

    /// The code in groups of four, as printed.
    pub fn grouped(&self) -> String {
        let compact = self.compact();
        let groups: Vec<&str> = (0..compact.len()).step_by(4).filter_map(|at| compact.get(at..compact.len().min(at + 4))).collect();
        groups.join(" ")
    }

    /// The code's public name.
    pub fn id(&self) -> CodeId {
        CodeId(Hash::of(&[b"teilhabe/code/1", self.secret.as_slice()]).first())
    }

    /// The secret, for the office to keep until the code is used or has ended.
    pub fn secret(&self) -> &[u8; 10] {
        &self.secret
    }

    /// Whether `root` is the key this code was printed for.
    pub fn is_for(&self, root: &PublicKey) -> bool {
        root.fingerprint() == self.root_fingerprint
    }
}

impl std::fmt::Debug for EnrolmentCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EnrolmentCode({})", self.id())
    }
}

/// A terminal's request for admission.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Enrolment {
    /// The new terminal's public key, which also signs the request.
    pub key: PublicKey,
    /// The age recipient of envelopes to it.
    pub recipient: String,
    /// What people call it.
    pub label: String,
    /// The public name of the code used.
    pub code: CodeId,
    /// The proof that the sender knows the code's secret.
    pub proof: Hash,
}

impl Enrolment {
    /// A request with `code` by the terminal that will have `key`.
    pub fn new(key: &PublicKey, recipient: &str, label: &str, code: &EnrolmentCode) -> Self {
        let proof = proof(code.secret(), key, recipient);
        Self { key: key.clone(), recipient: recipient.to_owned(), label: label.to_owned(), code: code.id(), proof }
    }

    /// Signs the request with the terminal's own key.
    pub fn seal(&self, key: &SecretKey) -> Vec<u8> {
        let payload = Writer::encode(|w| {
            w.map(|m| {
                m.key(1).bytes(self.key.bytes());
                m.key(2).text(&self.recipient);
                m.key(3).text(&self.label);
                m.key(4).bytes(&self.code.0);
                m.key(5).bytes(&self.proof.0);
            });
        });
        seal(key, DocType::Enrolment, &payload)
    }

    /// Opens a request, which must be signed by the key it names.
    pub fn open(bytes: &[u8]) -> Result<Self, Refused> {
        let sealed = Sealed::parse(bytes, DocType::Enrolment)?;
        let request = Reader::decode(sealed.unverified_payload(), Self::read)?;
        if sealed.is_signed_by(&request.key, DocType::Enrolment) { Ok(request) } else { Err(Refused::BadSignature) }
    }

    /// Whether the sender knew `secret`; compared in constant time.
    pub fn proves(&self, secret: &[u8; 10]) -> bool {
        proof(secret, &self.key, &self.recipient).0.ct_eq(&self.proof.0).into()
    }

    /// Reads the content of a request.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut key, mut recipient, mut label, mut code, mut proof) = (None, None, None, None, None);
        r.map(Keys::Open, |number, r| {
            match number {
                1 => key = Some(read_key(r)?),
                2 => recipient = Some(r.text_of(1, MAX_RECIPIENT)?.to_owned()),
                3 => label = Some(r.text_of(0, MAX_NAME)?.to_owned()),
                4 => code = Some(CodeId::read(r)?),
                5 => proof = Some(Hash::read(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            key: present(key, "a request without key", at)?,
            recipient: present(recipient, "a request without recipient", at)?,
            label: present(label, "a request without label", at)?,
            code: present(code, "a request without code id", at)?,
            proof: present(proof, "a request without proof", at)?,
        })
    }
}

fn proof(secret: &[u8; 10], key: &PublicKey, recipient: &str) -> Hash {
    match Hmac::<Sha256>::new_from_slice(secret) {
        Ok(mac) => Hash(
            mac.chain_update(b"teilhabe/enrolment/1").chain_update(key.bytes()).chain_update(recipient.as_bytes()).finalize().into_bytes().into(),
        ),
        Err(_) => unreachable!("HMAC takes keys of every length (RFC 2104 § 2)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_code_is_read_as_people_type_it() {
        let root = SecretKey::from_seed([1; 32]);
        let code = EnrolmentCode::new([9; 10], root.public());
        assert_eq!(code.compact().len(), 33);
        for typed in [code.compact(), code.grouped(), code.grouped().to_lowercase().replace(' ', "-")] {
            assert_eq!(EnrolmentCode::parse(&typed).as_ref(), Some(&code), "{typed}");
        }
        assert!(code.is_for(root.public()));
        for wrong in ["", "E", "E123", "X".repeat(33).as_str()] {
            assert!(EnrolmentCode::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_request_proves_the_secret_without_carrying_it() {
        let (root, own) = (SecretKey::from_seed([1; 32]), SecretKey::from_seed([2; 32]));
        let code = EnrolmentCode::new([9; 10], root.public());
        let bytes = Enrolment::new(own.public(), "age1x", "Mensa", &code).seal(&own);
        let request = Enrolment::open(&bytes).expect("safe: just sealed");
        assert!(request.proves(&[9; 10]));
        assert!(!request.proves(&[8; 10]));
        assert!(!bytes.windows(10).any(|w| w == [9; 10]));
    }
}
