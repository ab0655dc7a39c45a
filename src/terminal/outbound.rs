//! What leaves the box: batches are sealed for each office, and put into an envelope with the question what is new.

use super::journal::Journal;
use super::{Office, Terminal, clock};
use crate::book::entry::{Body, Entry, Head, SealedBatch};
use crate::claim::batch::{Draft, Item, MAX_ITEMS};
use crate::claim::check::{NotWhole, check};
use crate::deliver::exchange::{Has, MAX_DOCUMENTS, MAX_ENVELOPE_DOCUMENTS, Outbound};
use crate::shell::envelope::{self, EnvelopeError};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{BatchRow, BatchState, Fact};
use crate::words::chance::Chance;
use crate::words::ids::{BatchId, Hash, Nonce, OfficeId, ProviderNumber};
use crate::words::time::{UtcMs, UtcSeconds};

/// The most bytes of entries put into one batch, so that several fit into an envelope's neighbourhood and none is too large.
pub const MAX_BATCH_BYTES: usize = 12 * 1024 * 1024;

/// Why nothing could be sent.
#[derive(Debug, thiserror::Error)]
pub enum CannotSend {
    /// The office is not one of ours.
    #[error("this terminal is not enrolled at office {0}")]
    NoSuchOffice(OfficeId),
    /// Our own journal does not make a whole batch.
    #[error("the journal does not add up: {0}; run journal verify")]
    NotWhole(#[from] NotWhole),
    /// The office's address is not one.
    #[error("the office's address for envelopes does not work: {0}")]
    Envelope(#[from] EnvelopeError),
    /// Nothing could be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Terminal {
    /// Seals what is new for `office`: everything since its last batch, if there is anything to pay or to know in it.
    /// Returns how many batches were made.
    pub fn seal_batches(&mut self, office: &OfficeId, chance: &mut Chance, now: UtcMs) -> Result<usize, CannotSend> {
        self.refresh(now)?;
        let (terminal, key) = (self.id(), &self.keys.signing);
        let (known, _) = self.offices.find(office).ok_or_else(|| CannotSend::NoSuchOffice(office.clone()))?;
        self.store.write(|tx| {
            let journal = Journal::new(tx, terminal);
            let clock = clock::read(tx, now)?;
            let Some(credential) = &known.credential else { return Ok(0) };
            let (mut sealed_to, end, mut sealed) = (tx.sealed_to(known.number)?, journal.head()?.seq, 0);
            while sealed_to < end && tx.concerns(known.number, sealed_to + 1)? {
                let batch = check(draft(journal, known, credential.provider, sealed_to..end, BatchId(chance.bytes()), clock.now)?)?;
                let bytes = batch.seal(key)?;
                sealed_to = batch.draft().after().seq;
                let row = BatchRow {
                    id: batch.draft().id,
                    office: known.number,
                    first: batch.draft().before.seq + 1,
                    head: batch.draft().after(),
                    hash: Hash::of(&[&bytes]),
                    sealed_at: clock.now,
                    state: BatchState::Waiting,
                    reason: None,
                };
                tx.keep_batch(&row, &bytes)?;
                tx.keep_sealed_to(known.number, sealed_to)?;
                let body = Body::Sealed(SealedBatch { office: known.id.clone(), batch: row.id, hash: row.hash });
                journal.record(body, chance, clock.now)?;
                sealed += 1;
            }
            Ok(sealed)
        })
    }

    /// The envelope for `office`: its batches that are not confirmed, and the question what is new.
    pub fn outbound(&mut self, office: &OfficeId, chance: &mut Chance, now: UtcMs) -> Result<Vec<u8>, CannotSend> {
        self.seal_batches(office, chance, now)?;
        let terminal = self.id();
        let (known, trust) = self.offices.find(office).ok_or_else(|| CannotSend::NoSuchOffice(office.clone()))?;
        let outbound = self.store.write(|tx| {
            let nonce = Nonce(chance.bytes());
            // Questions keep the clock's own time, right or wrong: the answer is held against it.
            tx.keep_question(nonce, known.number, now)?;
            // By a time that an office has proved: a clock that runs ahead must not make a second press of the button a second ask.
            if let Some(proven) = tx.time(Fact::ClockProven)? {
                tx.forget_asks(UtcMs(proven.0.saturating_sub(super::counter::ASK_DAYS * crate::words::time::DAY_MS)))?;
            }
            Ok::<_, StoreError>(Outbound {
                terminal,
                nonce,
                created: now,
                batches: tx.unconfirmed_bytes(known.number, MAX_DOCUMENTS, MAX_ENVELOPE_DOCUMENTS)?,
                has: Has {
                    trust_version: trust.version,
                    status_issued: known.status.as_ref().map_or(UtcSeconds(0), |s| s.issued),
                    credential_issued: known.credential.as_ref().map_or(UtcMs(0), |c| c.issued),
                    cursor: known.cursor,
                },
                head: Journal::new(tx, terminal).head()?,
                office: known.id.clone(),
            })
        })?;
        Ok(envelope::encrypt(&trust.recipient, &outbound.seal(&self.keys.signing))?)
    }

    /// How many batches wait for a first receipt of `office`.
    pub fn waiting_batches(&mut self, office: &OfficeId) -> Result<u64, StoreError> {
        let Some((known, _)) = self.offices.find(office) else { return Ok(0) };
        let number = known.number;
        self.store.read(|tx| tx.waiting_batches(number))
    }

    /// Which batches wait for a first receipt of `office`, in order.
    pub fn waiting_batch_ids(&mut self, office: &OfficeId) -> Result<Vec<BatchId>, StoreError> {
        let Some((known, _)) = self.offices.find(office) else { return Ok(Vec::new()) };
        let number = known.number;
        self.store.read(|tx| tx.waiting_batch_ids(number))
    }
}

/// The entries after the first number of `range` up to its second, as `office` may see them, as many as one batch takes.
fn draft(
    journal: Journal<'_>,
    office: &Office,
    provider: ProviderNumber,
    range: std::ops::Range<u64>,
    id: BatchId,
    now: UtcMs,
) -> Result<Draft, StoreError> {
    let before = journal.tx.head_at(range.start, Head::start(journal.terminal))?;
    let before = before.ok_or_else(|| StoreError::Inconsistent(format!("entry {} is missing", range.start)))?;
    let (mut items, mut size) = (Vec::new(), 0);
    journal.tx.walk(range.start + 1, |row| {
        let item = match row.erased {
            Some(hash) => Item::Hidden(hash),
            None => {
                let entry = Entry::from_bytes(&row.bytes).map_err(|error| StoreError::Inconsistent(format!("entry {}: {error}", row.seq)))?;
                Item::of(&entry, row.bytes, &office.id)
            }
        };
        size += match &item {
            Item::Shown(bytes) => bytes.len() + 4,
            Item::Hidden(_) => 34,
        };
        let fits = row.seq <= range.end && items.len() < MAX_ITEMS && (size <= MAX_BATCH_BYTES || items.is_empty());
        if fits {
            items.push(item);
        }
        Ok::<_, StoreError>(fits)
    })?;
    Ok(Draft::new(id, office.id.clone(), provider, journal.terminal, before, items, now))
}
