//! Signed documents: COSE_Sign1 (RFC 9052 § 4.2), untagged, deterministic, Ed25519 (RFC 9864).
//!
//! Parsing and verifying are two steps: what was parsed and not verified can be read only by naming it so.

use super::cbor::{Keys, Malformed, Reader, Writer, present};
use super::keys::{Kid, PublicKey, SecretKey};

/// The longest token in bytes (formats § 1).
pub const MAX_TOKEN_BYTES: usize = 1024;
/// The longest other document in bytes (formats § 1).
pub const MAX_DOCUMENT_BYTES: usize = 16 * 1024 * 1024;

const ALG_ED25519: i64 = -19;
const ALG_EDDSA: i64 = -8;
const STATUS_LIST_TYP: &str = "application/statuslist+cwt";

/// What a signed document says of itself: its name is signed along, so that no document passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocType {
    /// An entitlement of a child.
    Token,
    /// Keys, address and policy of an office.
    Trust,
    /// A terminal's admission.
    Credential,
    /// A claim batch.
    Batch,
    /// The confirmation that a batch has arrived.
    Receipt,
    /// The decision on every line.
    Advice,
    /// What a terminal sends.
    Outbound,
    /// What an office answers.
    Inbound,
    /// A request for admission.
    Enrolment,
    /// What two terminals of one provider tell each other.
    Neighbour,
    /// A Token Status List (IETF), which names its type in its header instead.
    StatusList,
}

impl DocType {
    /// All types.
    pub const ALL: [DocType; 11] = [
        Self::Token,
        Self::Trust,
        Self::Credential,
        Self::Batch,
        Self::Receipt,
        Self::Advice,
        Self::Outbound,
        Self::Inbound,
        Self::Enrolment,
        Self::Neighbour,
        Self::StatusList,
    ];

    /// The name that is signed along as `external_aad`; empty for the status list, as its draft says.
    pub const fn aad(self) -> &'static str {
        match self {
            Self::Token => "teilhabe/token/1",
            Self::Trust => "teilhabe/trust/1",
            Self::Credential => "teilhabe/credential/1",
            Self::Batch => "teilhabe/batch/1",
            Self::Receipt => "teilhabe/receipt/1",
            Self::Advice => "teilhabe/advice/1",
            Self::Outbound => "teilhabe/outbound/1",
            Self::Inbound => "teilhabe/inbound/1",
            Self::Enrolment => "teilhabe/enrolment/1",
            Self::Neighbour => "teilhabe/neighbour/1",
            Self::StatusList => "",
        }
    }

    /// The name for people and for `inspect`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StatusList => STATUS_LIST_TYP,
            other => other.aad(),
        }
    }

    /// The most bytes a document of this type may have.
    pub const fn limit(self) -> usize {
        match self {
            Self::Token => MAX_TOKEN_BYTES,
            _ => MAX_DOCUMENT_BYTES,
        }
    }
}

/// A parsed document whose signature has not been checked.
#[derive(Clone, Debug)]
pub struct Sealed<'a> {
    kid: Kid,
    is_status_list: bool,
    protected: &'a [u8],
    payload: &'a [u8],
    signature: [u8; 64],
}

impl<'a> Sealed<'a> {
    /// Parses a document of `doc`'s size limit; the header must be exactly that of formats § 1.
    pub fn parse(bytes: &'a [u8], doc: DocType) -> Result<Self, Malformed> {
        let sealed = Self::parse_any(bytes, doc.limit())?;
        if sealed.is_status_list != (doc == DocType::StatusList) {
            return Err(Malformed::new("the header names another type of document", 0));
        }
        Ok(sealed)
    }

    /// Parses a document of any type, for `inspect`, of at most `limit` bytes.
    pub fn parse_any(bytes: &'a [u8], limit: usize) -> Result<Self, Malformed> {
        if bytes.len() > limit {
            return Err(Malformed::new("the document is larger than allowed", limit));
        }
        let (protected, payload, signature) = Reader::decode(bytes, |r| {
            r.array(4, 4, |r, _| {
                let protected = r.bytes()?;
                let at = r.position();
                r.map(Keys::Closed, |_, _| Ok(false)).map_err(|_| Malformed::new("the unprotected header must be empty", at))?;
                Ok((protected, r.bytes()?, r.byte_array()?))
            })
        })?;
        let (kid, is_status_list) = Reader::decode(protected, header)?;
        Ok(Self { kid, is_status_list, protected, payload, signature })
    }

    /// The short name of the key that should have signed.
    pub const fn kid(&self) -> Kid {
        self.kid
    }

    /// Whether the header says that this is a status list.
    pub const fn is_status_list(&self) -> bool {
        self.is_status_list
    }

    /// The content, not yet vouched for by anybody: only for finding out whose key to try.
    pub const fn unverified_payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Whether `key` signed this document as a `doc`.
    pub fn is_signed_by(&self, key: &PublicKey, doc: DocType) -> bool {
        self.kid == key.kid() && key.verifies(&signed_bytes(self.protected, doc, self.payload), &self.signature)
    }

    /// The content, if one of `keys` signed this document as a `doc`.
    pub fn verified<'k>(&self, keys: impl IntoIterator<Item = &'k PublicKey>, doc: DocType) -> Option<&'a [u8]> {
        keys.into_iter().any(|key| self.is_signed_by(key, doc)).then_some(self.payload)
    }
}

/// Signs `payload` with `key` as a document of type `doc`.
pub fn seal(key: &SecretKey, doc: DocType, payload: &[u8]) -> Vec<u8> {
    let protected = Writer::encode(|w| {
        w.map(|m| {
            m.key(1).int(ALG_ED25519);
            m.key(4).bytes(&key.public().kid().0);
            if doc == DocType::StatusList {
                m.key(16).text(STATUS_LIST_TYP);
            }
        });
    });
    let signature = key.sign(&signed_bytes(&protected, doc, payload));
    Writer::encode(|w| {
        w.array(4);
        w.bytes(&protected);
        w.map(|_| {});
        w.bytes(payload);
        w.bytes(&signature);
    })
}

fn header(r: &mut Reader<'_>) -> Result<(Kid, bool), Malformed> {
    let (mut alg, mut kid, mut is_status_list) = (None, None, false);
    r.map(Keys::Closed, |key, r| {
        match key {
            1 => alg = Some(r.int()?),
            4 => kid = Some(Kid(r.byte_array()?)),
            16 if r.text()? == STATUS_LIST_TYP => is_status_list = true,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    match present(alg, "the header names no algorithm", 0)? {
        ALG_ED25519 | ALG_EDDSA => Ok((present(kid, "the header names no key", 0)?, is_status_list)),
        _ => Err(Malformed::new("the algorithm is not Ed25519", 0)),
    }
}

/// The `Sig_structure` of RFC 9052 § 4.4.
fn signed_bytes(protected: &[u8], doc: DocType, payload: &[u8]) -> Vec<u8> {
    Writer::encode(|w| {
        w.array(4);
        w.text("Signature1");
        w.bytes(protected);
        w.bytes(doc.aad().as_bytes());
        w.bytes(payload);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_document_passes_for_another() {
        let key = SecretKey::from_seed([3; 32]);
        let bytes = seal(&key, DocType::Receipt, b"\xa0");
        let sealed = Sealed::parse(&bytes, DocType::Receipt).expect("safe: just sealed");
        for doc in DocType::ALL {
            assert_eq!(sealed.is_signed_by(key.public(), doc), doc == DocType::Receipt, "{doc:?}");
        }
        assert!(Sealed::parse(&bytes, DocType::StatusList).is_err());
        assert!(Sealed::parse(&seal(&key, DocType::StatusList, b"\xa0"), DocType::Receipt).is_err());
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let key = SecretKey::from_seed([3; 32]);
        let bytes = seal(&key, DocType::Receipt, b"\xa1\x01\x02");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let verified = Sealed::parse(&changed, DocType::Receipt).is_ok_and(|s| s.is_signed_by(key.public(), DocType::Receipt));
            assert!(!verified, "byte {at}");
        }
    }
}
