//! What terminal and office say to each other: one question, one answer, the same by network and by stick (formats § 5).

use crate::admit::trust::{Purpose, TrustList};
use crate::admit::verify::{self, Refused};
use crate::book::entry::Head;
use crate::words::benefit::{Benefit, Measure};
use crate::words::cbor::{Keys, Malformed, Reader, Writer, present};
use crate::words::ids::{Handle, Hash, Nonce, OfficeId, TerminalId};
use crate::words::keys::{PublicKey, SecretKey};
use crate::words::sealed::{DocType, Sealed, seal};
use crate::words::service::{read_benefit, read_ms};
use crate::words::time::{UtcMs, UtcSeconds};
use serde::Serialize;

/// The most batches, receipts or advices in one envelope.
pub const MAX_DOCUMENTS: usize = 2000;
/// The most uses elsewhere in one answer.
pub const MAX_ELSEWHERE: usize = 50_000;
/// The most bytes of documents put into one envelope, leaving room for its frame below 16 MiB.
pub const MAX_ENVELOPE_DOCUMENTS: usize = 15 * 1024 * 1024;

/// What the terminal has already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Has {
    /// Version of the trust list.
    pub trust_version: u64,
    /// Issue time of the status list, zero without one.
    pub status_issued: UtcSeconds,
    /// Issue time of the credential.
    pub credential_issued: UtcMs,
    /// The last advice stored, by the office's count.
    pub cursor: u64,
}

/// From a terminal to an office.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outbound {
    /// The terminal.
    pub terminal: TerminalId,
    /// Ties the answer to this question.
    pub nonce: Nonce,
    /// When it was made.
    pub created: UtcMs,
    /// Signed batches.
    #[serde(serialize_with = "crate::words::hex::list")]
    pub batches: Vec<Vec<u8>>,
    /// What the terminal has already.
    pub has: Has,
    /// Where its journal stands.
    pub head: Head,
    /// The office addressed.
    pub office: OfficeId,
}

/// What was used elsewhere of a child's allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UsedElsewhere {
    /// The child.
    pub handle: Handle,
    /// The benefit.
    pub benefit: Benefit,
    /// What is counted.
    pub measure: Measure,
    /// How much.
    pub used: u64,
    /// When that was known.
    pub as_of: UtcMs,
}

/// From an office to a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inbound {
    /// The terminal.
    pub terminal: TerminalId,
    /// The question's nonce; zero when nobody asked.
    pub nonce: Nonce,
    /// When it was made.
    pub created: UtcMs,
    /// Signed receipts.
    #[serde(serialize_with = "crate::words::hex::list")]
    pub receipts: Vec<Vec<u8>>,
    /// Signed advices.
    #[serde(serialize_with = "crate::words::hex::list")]
    pub advices: Vec<Vec<u8>>,
    /// The cursor once they are stored.
    pub cursor: u64,
    /// A newer trust list.
    #[serde(serialize_with = "crate::words::hex::maybe")]
    pub trust: Option<Vec<u8>>,
    /// A newer status list.
    #[serde(serialize_with = "crate::words::hex::maybe")]
    pub status: Option<Vec<u8>>,
    /// A newer credential.
    #[serde(serialize_with = "crate::words::hex::maybe")]
    pub credential: Option<Vec<u8>>,
    /// What was used elsewhere of tokens this terminal has redeemed.
    pub elsewhere: Vec<UsedElsewhere>,
    /// The head of the terminal's journal that the office holds.
    pub head: Head,
    /// There is more to come: ask again.
    pub more: bool,
    /// The office.
    pub office: OfficeId,
    /// Another terminal that continues this one's journal: this box was replaced.
    pub successor: Option<TerminalId>,
}

impl Outbound {
    /// Signs the question with the terminal's key.
    pub fn seal(&self, key: &SecretKey) -> Vec<u8> {
        seal(key, DocType::Outbound, &Writer::encode(|w| self.write(w)))
    }

    /// Whose question this claims to be, before its signature is checked: to look up the key.
    pub fn claimed_terminal(bytes: &[u8]) -> Result<TerminalId, Malformed> {
        let sealed = Sealed::parse(bytes, DocType::Outbound)?;
        Reader::decode(sealed.unverified_payload(), Self::read).map(|o| o.terminal)
    }

    /// Opens a question signed by `key`, which must be the terminal's it names.
    pub fn open(bytes: &[u8], key: &PublicKey) -> Result<Self, Refused> {
        let outbound = Reader::decode(verify::open_by(bytes, DocType::Outbound, key)?, Self::read)?;
        if outbound.terminal == key.terminal_id() { Ok(outbound) } else { Err(Refused::UnknownKey) }
    }

    /// Reads the content of a question.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut terminal, mut nonce, mut created, mut batches, mut has, mut head, mut office) = (None, None, None, None, None, None, None);
        r.map(Keys::Open, |key, r| {
            match key {
                1 => terminal = Some(TerminalId::read(r)?),
                2 => nonce = Some(Nonce::read(r)?),
                3 => created = Some(read_ms(r)?),
                4 => batches = Some(read_documents(r)?),
                5 => has = Some(read_has(r)?),
                6 => head = Some(read_head(r)?),
                7 => office = Some(OfficeId::read(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            terminal: present(terminal, "an outbound without terminal", at)?,
            nonce: present(nonce, "an outbound without nonce", at)?,
            created: present(created, "an outbound without time", at)?,
            batches: present(batches, "an outbound without batches", at)?,
            has: present(has, "an outbound that does not say what it has", at)?,
            head: present(head, "an outbound without journal head", at)?,
            office: present(office, "an outbound without office", at)?,
        })
    }

    fn write(&self, w: &mut Writer) {
        w.map(|m| {
            m.key(1).bytes(&self.terminal.0);
            m.key(2).bytes(&self.nonce.0);
            m.key(3).uint(self.created.0);
            m.key(4).list(&self.batches, |w, bytes| w.bytes(bytes));
            let has = m.key(5);
            has.array(4);
            has.uint(self.has.trust_version);
            has.uint(self.has.status_issued.0);
            has.uint(self.has.credential_issued.0);
            has.uint(self.has.cursor);
            write_head(m.key(6), self.head);
            self.office.write(m.key(7));
        });
    }
}

impl Inbound {
    /// Signs the answer with a key of the office.
    pub fn seal(&self, key: &SecretKey) -> Vec<u8> {
        seal(key, DocType::Inbound, &Writer::encode(|w| self.write(w)))
    }

    /// Opens an answer signed by a key of `trust`'s office.
    pub fn open(bytes: &[u8], trust: &TrustList, now: UtcMs) -> Result<Self, Refused> {
        trust.open_document(bytes, DocType::Inbound, Purpose::Documents, Self::read, |i| i.created, now)
    }

    /// The newer trust list an answer carries, before the answer is verified: it is signed by the root key and may name the
    /// very key that signed the answer.
    pub fn claimed_trust(bytes: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
        let sealed = Sealed::parse(bytes, DocType::Inbound)?;
        Reader::decode(sealed.unverified_payload(), Self::read).map(|i| i.trust)
    }

    /// Reads the content of an answer.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut terminal, mut nonce, mut created, mut receipts, mut advices, mut cursor) = (None, None, None, None, None, None);
        let (mut trust, mut status, mut credential, mut elsewhere, mut head, mut more, mut office, mut successor) =
            (None, None, None, Vec::new(), None, false, None, None);
        r.map(Keys::Open, |key, r| {
            match key {
                1 => terminal = Some(TerminalId::read(r)?),
                2 => nonce = Some(Nonce::read(r)?),
                3 => created = Some(read_ms(r)?),
                4 => receipts = Some(read_documents(r)?),
                5 => advices = Some(read_documents(r)?),
                6 => cursor = Some(r.uint()?),
                7 => trust = Some(r.bytes()?.to_vec()),
                8 => status = Some(r.bytes()?.to_vec()),
                9 => credential = Some(r.bytes()?.to_vec()),
                10 => elsewhere = r.list(0, MAX_ELSEWHERE, UsedElsewhere::read)?,
                11 => head = Some(read_head(r)?),
                12 => more = r.bool()?,
                13 => office = Some(OfficeId::read(r)?),
                65 => successor = Some(TerminalId::read(r)?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            terminal: present(terminal, "an inbound without terminal", at)?,
            nonce: present(nonce, "an inbound without nonce", at)?,
            created: present(created, "an inbound without time", at)?,
            receipts: present(receipts, "an inbound without receipts", at)?,
            advices: present(advices, "an inbound without advices", at)?,
            cursor: present(cursor, "an inbound without cursor", at)?,
            trust,
            status,
            credential,
            elsewhere,
            head: present(head, "an inbound without journal head", at)?,
            more,
            office: present(office, "an inbound without office", at)?,
            successor,
        })
    }

    fn write(&self, w: &mut Writer) {
        w.map(|m| {
            m.key(1).bytes(&self.terminal.0);
            m.key(2).bytes(&self.nonce.0);
            m.key(3).uint(self.created.0);
            m.key(4).list(&self.receipts, |w, bytes| w.bytes(bytes));
            m.key(5).list(&self.advices, |w, bytes| w.bytes(bytes));
            m.key(6).uint(self.cursor);
            for (key, document) in [(7, &self.trust), (8, &self.status), (9, &self.credential)] {
                if let Some(bytes) = document {
                    m.key(key).bytes(bytes);
                }
            }
            if !self.elsewhere.is_empty() {
                m.key(10).list(&self.elsewhere, |w, used| {
                    w.array(5);
                    w.bytes(&used.handle.0);
                    w.uint(used.benefit.code().into());
                    w.uint(used.measure.code());
                    w.uint(used.used);
                    w.uint(used.as_of.0);
                });
            }
            write_head(m.key(11), self.head);
            if self.more {
                m.key(12).bool(true);
            }
            self.office.write(m.key(13));
            if let Some(successor) = self.successor {
                m.key(65).bytes(&successor.0);
            }
        });
    }
}

impl UsedElsewhere {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        r.array(5, 5, |r, _| {
            Ok(Self {
                handle: Handle::read(r)?,
                benefit: read_benefit(r)?,
                measure: Measure::from_code(r.uint()?).ok_or(Malformed::new("a measure is 0 to 2", at))?,
                used: r.uint()?,
                as_of: read_ms(r)?,
            })
        })
    }
}

fn read_documents(r: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, Malformed> {
    r.list(0, MAX_DOCUMENTS, |r| r.bytes().map(<[u8]>::to_vec))
}

fn read_has(r: &mut Reader<'_>) -> Result<Has, Malformed> {
    r.array(4, 4, |r, _| {
        Ok(Has { trust_version: r.uint()?, status_issued: UtcSeconds(r.uint()?), credential_issued: UtcMs(r.uint()?), cursor: r.uint()? })
    })
}

fn read_head(r: &mut Reader<'_>) -> Result<Head, Malformed> {
    r.array(2, 2, |r, _| Ok(Head { seq: r.uint()?, link: Hash::read(r)? }))
}

fn write_head(w: &mut Writer, head: Head) {
    w.array(2);
    w.uint(head.seq);
    w.bytes(&head.link.0);
}
