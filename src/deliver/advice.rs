//! The advice: the office's answer to every line of a batch, and the payment.

use super::receipt::MAX_REASON;
use crate::admit::trust::{Purpose, TrustList};
use crate::admit::verify::Refused;
use crate::claim::batch::MAX_ITEMS;
use crate::words::cbor::{Keys, Malformed, Reader, Writer, present};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::BatchId;
use crate::words::keys::SecretKey;
use crate::words::sealed::{DocType, seal};
use crate::words::service::{read_day, read_ms};
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};

/// The most payments one advice may name.
pub const MAX_PAYMENTS: usize = 200;

/// What was decided of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing yet: a clerk looks at it.
    Pending,
    /// Paid as claimed.
    Accepted,
    /// Paid in part.
    Reduced,
    /// Not paid.
    Rejected,
}

impl Verdict {
    const ALL: [Verdict; 4] = [Self::Pending, Self::Accepted, Self::Reduced, Self::Rejected];

    /// The code on the wire, 0 to 3.
    pub fn code(self) -> u64 {
        Self::ALL.iter().take_while(|v| **v != self).count() as u64
    }

    /// The verdict with this code.
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.code() == code)
    }
}

/// The answer to one line, as an absolute total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdvisedLine {
    /// The entry's number.
    pub seq: u64,
    /// What was decided.
    pub verdict: Verdict,
    /// What is paid for it in all; negative where a cancellation takes back.
    pub cents: Cents,
    /// Why, as a reason code; empty where nothing needs a reason.
    pub reason: String,
}

/// A transfer that pays for lines of the batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AdvisedPayment {
    /// Its end-to-end id, as it will appear on the bank statement.
    pub end_to_end_id: String,
    /// The day of execution.
    pub execution: CivilDay,
    /// The part of it that is for this batch.
    pub share: Cents,
    /// The whole transfer.
    pub transfer: Cents,
}

/// The office's answer to a batch. Of several, the one with the highest revision counts line by line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// The batch.
    pub batch: BatchId,
    /// When it was made.
    pub created: UtcMs,
    /// The lines that are new or have changed.
    pub lines: Vec<AdvisedLine>,
    /// The payments.
    pub payments: Vec<AdvisedPayment>,
    /// Counts up a batch.
    pub revision: u64,
}

impl Advice {
    /// Opens an advice signed by a key of `trust`'s office.
    pub fn open(bytes: &[u8], trust: &TrustList, now: UtcMs) -> Result<Self, Refused> {
        trust.open_document(bytes, DocType::Advice, Purpose::Documents, Self::read, |a| a.created, now)
    }

    /// Signs the advice with a key of the office.
    pub fn seal(&self, key: &SecretKey) -> Vec<u8> {
        seal(key, DocType::Advice, &Writer::encode(|w| self.write(w)))
    }

    /// Reads the content of an advice.
    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut batch, mut created, mut lines, mut payments, mut revision) = (None, None, None, Vec::new(), None);
        r.map(Keys::Open, |key, r| {
            match key {
                1 => batch = Some(BatchId::read(r)?),
                2 => created = Some(read_ms(r)?),
                3 => lines = Some(r.list(0, MAX_ITEMS, AdvisedLine::read)?),
                4 => payments = r.list(1, MAX_PAYMENTS, AdvisedPayment::read)?,
                5 => revision = Some(r.uint()?),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            batch: present(batch, "an advice without batch", at)?,
            created: present(created, "an advice without time", at)?,
            lines: present(lines, "an advice without lines", at)?,
            payments,
            revision: present(revision, "an advice without revision", at)?,
        })
    }

    fn write(&self, w: &mut Writer) {
        w.map(|m| {
            m.key(1).bytes(&self.batch.0);
            m.key(2).uint(self.created.0);
            m.key(3).list(&self.lines, |w, line| {
                w.array(4);
                w.uint(line.seq);
                w.uint(line.verdict.code());
                w.int(line.cents.get());
                w.text(&line.reason);
            });
            if !self.payments.is_empty() {
                m.key(4).list(&self.payments, |w, payment| {
                    w.map(|m| {
                        m.key(1).text(&payment.end_to_end_id);
                        m.key(2).uint(payment.execution.days().into());
                        m.key(3).int(payment.share.get());
                        m.key(4).int(payment.transfer.get());
                    });
                });
            }
            m.key(5).uint(self.revision);
        });
    }
}

impl AdvisedLine {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        r.array(4, 4, |r, _| {
            Ok(Self {
                seq: r.uint()?,
                verdict: Verdict::from_code(r.uint()?).ok_or(Malformed::new("a verdict is 0 to 3", at))?,
                cents: Cents::new(r.int()?),
                reason: r.text_of(0, MAX_REASON)?.to_owned(),
            })
        })
    }
}

impl AdvisedPayment {
    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let at = r.position();
        let (mut id, mut execution, mut share, mut transfer) = (None, None, None, None);
        r.map(Keys::Open, |key, r| {
            match key {
                1 => id = Some(r.text_of(1, 35)?.to_owned()),
                2 => execution = Some(read_day(r)?),
                3 => share = Some(Cents::new(r.int()?)),
                4 => transfer = Some(Cents::new(r.int()?)),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self {
            end_to_end_id: present(id, "a payment without id", at)?,
            execution: present(execution, "a payment without day", at)?,
            share: present(share, "a payment without share", at)?,
            transfer: present(transfer, "a payment without sum", at)?,
        })
    }
}
