//! The receipt: a batch has arrived. It names content, number *and* link, so that it can confirm nothing else.

use crate::admit::trust::{Purpose, TrustList};
use crate::admit::verify::Refused;
use crate::book::entry::Head;
use crate::words::cbor::{Keys, Malformed, Reader, Writer, present};
use crate::words::ids::{BatchId, Hash};
use crate::words::keys::SecretKey;
use crate::words::reason::Reason;
use crate::words::sealed::{DocType, seal};
use crate::words::service::read_ms;
use crate::words::time::UtcMs;
use serde::Serialize;

/// The longest reason code taken from another implementation.
pub const MAX_REASON: usize = 40;

/// An office's word that a batch has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The batch.
    pub batch: BatchId,
    /// When it arrived.
    pub received: UtcMs,
    /// Where the journal stands after it.
    pub head: Head,
    /// SHA-256 of the signed batch.
    pub hash: Hash,
    /// Why it waits for a clerk or was refused; such a receipt is no checkpoint.
    pub reason: Option<String>,
}

impl Receipt {
    /// Opens a receipt signed by a key of `trust`'s office.
    pub fn open(bytes: &[u8], trust: &TrustList, now: UtcMs) -> Result<Self, Refused> {
        trust.open_document(bytes, DocType::Receipt, Purpose::Documents, Self::read, |r| r.received, now)
    }

    /// Signs the receipt with a key of the office.
    pub fn seal(&self, key: &SecretKey) -> Vec<u8> {
        seal(key, DocType::Receipt, &Writer::encode(|w| self.write(w)))
    }

    /// The reason as one of ours, if it is one.
    pub fn known_reason(&self) -> Option<Reason> {
        self.reason.as_deref().and_then(Reason::from_code)
    }

    /// Reads the content of a receipt.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut batch, mut received, mut seq, mut link, mut hash, mut reason) = (None, None, None, None, None, None);
        r.map(Keys::Open, |key, r| {
            match key {
                1 => batch = Some(BatchId::read(r)?),
                2 => received = Some(read_ms(r)?),
                3 => seq = Some(r.uint()?),
                4 => link = Some(Hash::read(r)?),
                5 => hash = Some(Hash::read(r)?),
                6 => reason = Some(r.text_of(1, MAX_REASON)?.to_owned()),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            batch: present(batch, "a receipt without batch", at)?,
            received: present(received, "a receipt without time", at)?,
            head: Head { seq: present(seq, "a receipt without number", at)?, link: present(link, "a receipt without link", at)? },
            hash: present(hash, "a receipt without hash", at)?,
            reason,
        })
    }

    fn write(&self, w: &mut Writer) {
        w.map(|m| {
            m.key(1).bytes(&self.batch.0);
            m.key(2).uint(self.received.0);
            m.key(3).uint(self.head.seq);
            m.key(4).bytes(&self.head.link.0);
            m.key(5).bytes(&self.hash.0);
            if let Some(reason) = &self.reason {
                m.key(6).text(reason);
            }
        });
    }
}
