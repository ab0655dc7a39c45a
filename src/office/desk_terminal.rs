//! The office's own terminal of a provider that has none: what a clerk enters becomes entries of an ordinary journal, signed, chained and
//! sent as a batch, so that ledger, reconciliation, payment and proofs know one way only.
//!
//! Its key is kept nowhere: it is derived from the provider's number and the office's first document key, which is kept for that as `desk.key`
//! when another follows it; so a backup of the keys brings it back.

use super::{OfficeError, Work};
use crate::book::entry::{Body, Entry, Head, Opened};
use crate::claim::batch::{Draft, Item};
use crate::claim::check::check;
use crate::reconcile::register::ProviderFile;
use crate::shell::store::StoreError;
use crate::shell::store::office::admission::{self, Terminal};
use crate::shell::store::office::{batches, waiting};
use crate::words::ids::{BatchId, Hash, ProviderNumber, Salt};
use crate::words::keys::SecretKey;
use crate::words::time::UtcMs;

/// What its terminal is called: it never asks anything, so nobody waits for it.
pub const LABEL: &str = "Klassenlisten (im Amt erfasst)";
/// How many of them a provider may have had retired: more is no accident.
const MAX_RETIRED: u32 = 100;

/// The terminal with the key to sign for it.
pub(super) struct DeskTerminal {
    pub terminal: Terminal,
    key: SecretKey,
}

/// A batch that was just taken in.
pub(super) struct Entered {
    /// Row id of the batch.
    pub batch: i64,
    /// The batch.
    pub id: BatchId,
    /// The numbers of the entries, in the order they were given.
    pub seqs: Vec<u64>,
}

impl Work<'_> {
    /// The office's own terminal of a provider, admitted when it is first needed; after one that was retired the next.
    pub(super) fn desk_terminal(&mut self, provider: ProviderNumber, now: UtcMs) -> Result<DeskTerminal, OfficeError> {
        for number in 0..MAX_RETIRED {
            let seed = self.keys.desk_seed();
            let key = SecretKey::from_seed(Hash::of(&[b"teilhabe/desk/1", seed.as_slice(), &provider.0.to_be_bytes(), &number.to_be_bytes()]).0);
            let id = key.public().terminal_id();
            let known = admission::terminal(&self.db, id)?;
            let retired = known.as_ref().map(|known| waiting::retired(&self.db, known.id)).transpose()?.flatten().is_some();
            match known {
                Some(_) if retired => {}
                Some(terminal) => return Ok(DeskTerminal { terminal, key }),
                None => return self.admit_desk_terminal(provider, key, now),
            }
        }
        Err(OfficeError::Wrong(format!("the office's own terminals of provider {provider} are all retired: give it a terminal of its own")))
    }

    fn admit_desk_terminal(&mut self, provider: ProviderNumber, key: SecretKey, now: UtcMs) -> Result<DeskTerminal, OfficeError> {
        let id = key.public().terminal_id();
        let row = Terminal {
            id: 0,
            terminal: id,
            key: key.public().clone(),
            recipient: self.keys.identity.recipient(),
            label: LABEL.to_owned(),
            provider,
            credential: Vec::new(),
            credential_issued: now,
            head: Head::start(id),
            checkpoint_at: UtcMs(0),
        };
        let credential = self.credential(&row, now)?;
        admission::insert_terminal(&self.db, &Terminal { credential, ..row }, now)?;
        let missing = || StoreError::Inconsistent("a terminal that was just admitted is not there".into());
        let terminal = admission::terminal(&self.db, id)?.ok_or_else(missing)?;
        Ok(DeskTerminal { terminal, key })
    }

    /// Writes entries into the journal of the office's own terminal, seals them as a batch and takes it in as any other.
    pub(super) fn enter_at_desk(
        &mut self,
        desk: &DeskTerminal,
        bodies: Vec<Body>,
        provider: &ProviderFile,
        now: UtcMs,
    ) -> Result<Entered, OfficeError> {
        let terminal = &desk.terminal;
        let opened = (terminal.head.seq == 0).then(|| Body::Opened(Opened::default()));
        let first = terminal.head.seq + 1 + u64::from(opened.is_some());
        let seqs = (first..).take(bodies.len()).collect();
        let mut items = Vec::with_capacity(bodies.len() + 1);
        for (body, seq) in opened.into_iter().chain(bodies).zip(terminal.head.seq + 1..) {
            let entry = Entry { seq, at: now, body, salt: Salt(self.chance.bytes()) };
            items.push(Item::of(&entry, entry.to_bytes(), &self.profile.id));
        }
        let id = BatchId(self.chance.bytes());
        let draft = Draft::new(id, self.profile.id.clone(), terminal.provider, terminal.terminal, terminal.head, items, now);
        let after = draft.after();
        let not_whole = |why| OfficeError::Wrong(format!("the list made no whole batch: {why}"));
        let bytes = check(draft).map_err(not_whole)?.seal(&desk.key).map_err(not_whole)?;
        self.take(&bytes, terminal, provider, now)?;
        let missing = || StoreError::Inconsistent("the office's own batch was not taken in".into());
        let held = admission::terminal(&self.db, terminal.terminal)?.filter(|held| held.head == after).ok_or_else(missing)?;
        let batch = batches::taken_by_id(&self.db, id)?.filter(|batch| batch.terminal == held.id).ok_or_else(missing)?;
        Ok(Entered { batch: batch.id, id, seqs })
    }
}
