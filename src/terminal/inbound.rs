//! What an office answers: receipts, advices, newer documents, what was used elsewhere, and the right time.
//!
//! Everything in one answer is taken over in one transaction, or nothing of it.

use super::journal::Journal;
use super::{Keys, Office, Offices, Terminal, clock};
use crate::admit::credential::Credential;
use crate::admit::status::StatusList;
use crate::admit::trust::{Purpose, TrustList, TrustedKey};
use crate::admit::verify::Refused;
use crate::book::entry::{Admission, Admitted, Body, Checkpoint, Head};
use crate::deliver::advice::Advice;
use crate::deliver::exchange::Inbound;
use crate::deliver::outbox::Outcome;
use crate::deliver::receipt::Receipt;
use crate::shell::envelope::{self, EnvelopeError, MAX_PLAINTEXT};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{BatchState, OfficeNumber};
use crate::words::cbor::Reader;
use crate::words::chance::Chance;
use crate::words::ids::{Hash, Nonce, OfficeId};
use crate::words::keys::PublicKey;
use crate::words::reason::Reason;
use crate::words::sealed::{DocType, Sealed};
use crate::words::time::UtcMs;
use serde::Serialize;

/// What an answer brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TakenIn {
    /// The office.
    pub office: OfficeId,
    /// Batches that the office has confirmed.
    pub confirmed: usize,
    /// Batches that wait for a clerk, or whose history the office disputes.
    pub open: usize,
    /// Advices that are new.
    pub advices: usize,
    /// Documents that are newer: trust list, credential, status list.
    pub documents: usize,
    /// Whether the office holds another history of this journal than this box.
    pub disputed: bool,
    /// Whether there is more to come: ask again.
    pub more: bool,
}

impl TakenIn {
    /// What this and a later answer brought together.
    pub fn and(self, later: Self) -> Self {
        Self {
            confirmed: self.confirmed + later.confirmed,
            advices: self.advices + later.advices,
            documents: self.documents + later.documents,
            ..later
        }
    }
}

/// Why an answer was not taken over.
#[derive(Debug, thiserror::Error)]
pub enum CannotTakeIn {
    /// It cannot be opened.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// It is not of an office of ours.
    #[error("this answer is not from an office this terminal is enrolled at, or was changed on the way: {0}")]
    NotOurOffice(Refused),
    /// Its trust list is signed by a root key that nobody has announced here.
    #[error(
        "the answer names office {0}, but with a root key that nobody has announced to this terminal: call that office; if it has another root key, enrol here anew \
         with a new code of it. What was recorded stays and is sent then"
    )]
    OtherRoot(OfficeId),
    /// A document in it does not verify.
    #[error("a document in the office's answer does not count: {0}")]
    Refused(#[from] Refused),
    /// It is for another box, or from another office than it says.
    #[error("this answer is for another terminal")]
    NotForUs,
    /// Nobody here asked.
    #[error("this answer belongs to a question this terminal has not asked: fetch a new one")]
    NotAsked,
    /// A key of another office.
    #[error("the office's new trust list names a key of another office this terminal serves: it is not taken")]
    SharedKey,
    /// Another document under a number that was taken before.
    #[error("the office has sent two different advices as revision {revision} for batch {batch}: call the office")]
    SameRevisionOtherContent {
        /// The batch.
        batch: crate::words::ids::BatchId,
        /// The revision.
        revision: u64,
    },
    /// Nothing could be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An answer that was opened, with the trust list it was opened by.
struct Opened<'o> {
    office: &'o Office,
    inbound: Inbound,
    /// The documents keys that were withdrawn since the trust list before.
    withdrawn: Vec<PublicKey>,
    /// The trust list in force from now on.
    trust: TrustList,
    /// Its bytes and the root key that signed it, if it is new.
    newer: Option<(Vec<u8>, PublicKey)>,
}

impl Terminal {
    /// Takes over the envelope of an office, by network or by stick.
    pub fn take_inbound(&mut self, bytes: &[u8], chance: &mut Chance, now: UtcMs) -> Result<TakenIn, CannotTakeIn> {
        self.take(bytes, true, chance, now)
    }

    /// Takes in what came as the answer to a question of ours: one that nobody asked for is not taken from the network.
    pub fn take_answer(&mut self, bytes: &[u8], chance: &mut Chance, now: UtcMs) -> Result<TakenIn, CannotTakeIn> {
        self.take(bytes, false, chance, now)
    }

    fn take(&mut self, bytes: &[u8], unsolicited: bool, chance: &mut Chance, now: UtcMs) -> Result<TakenIn, CannotTakeIn> {
        self.refresh(now)?;
        let terminal = self.id();
        let opened = open(&self.offices, &self.keys, bytes, now)?;
        let zero = Nonce([0; 16]);
        let taken = self.store.write(|tx| {
            let journal = Journal::new(tx, terminal);
            let Opened { office, inbound, .. } = &opened;
            if inbound.nonce == zero && !unsolicited {
                return Err(CannotTakeIn::NotAsked);
            }
            if inbound.nonce != zero {
                let (asked, answered) = tx.question(inbound.nonce, office.number)?.ok_or(CannotTakeIn::NotAsked)?;
                if !answered {
                    clock::prove(journal, asked, inbound.created, chance, now)?;
                    tx.keep_answered(inbound.nonce, now)?;
                }
            }
            let at = clock::read(tx, now)?.now;
            take_over(journal, &opened, chance, at)
        })?;
        self.offices = self.offices.load_again(&mut self.store, now)?;
        Ok(taken)
    }
}

fn open<'o>(offices: &'o Offices, keys: &Keys, bytes: &[u8], now: UtcMs) -> Result<Opened<'o>, CannotTakeIn> {
    let plain = envelope::decrypt(&keys.envelope, bytes, MAX_PLAINTEXT)?;
    let mut why = Refused::UnknownKey;
    let newest = Inbound::claimed_trust(&plain).map_err(|error| CannotTakeIn::NotOurOffice(error.into()))?;
    for (office, before) in offices.iter() {
        let newer = newest.as_deref().and_then(|bytes| newer_trust(bytes, office, before).map(|(list, root)| (list, (bytes.to_vec(), root))));
        let (trust, newer) = match newer {
            Some((list, newer)) => (list, Some(newer)),
            None => (before.clone(), None),
        };
        match Inbound::open(&plain, &trust, now) {
            Ok(inbound) if inbound.terminal != keys.signing.public().terminal_id() || inbound.office != office.id => {
                return Err(CannotTakeIn::NotForUs);
            }
            Ok(_) if newer.is_some() && offices.trusts().iter().any(|other| trust.shared_key(other).is_some()) => {
                return Err(CannotTakeIn::SharedKey);
            }
            Ok(inbound) => return Ok(Opened { office, inbound, withdrawn: withdrawn_since(before, &trust), trust, newer }),
            Err(Refused::UnknownKey) => {}
            Err(error) => why = error,
        }
    }
    match (why, newest.and_then(|bytes| unfollowed(&bytes, offices))) {
        (Refused::UnknownKey, Some(office)) => Err(CannotTakeIn::OtherRoot(office)),
        _ => Err(CannotTakeIn::NotOurOffice(why)),
    }
}

/// The office of ours that a trust list names which none of the root keys followed here has signed.
fn unfollowed(bytes: &[u8], offices: &Offices) -> Option<OfficeId> {
    let sealed = Sealed::parse(bytes, DocType::Trust).ok()?;
    let list = Reader::decode(sealed.unverified_payload(), TrustList::read).ok()?;
    let (office, present) = offices.find(&list.office)?;
    let is_followed = std::iter::once(&office.root).chain(&present.next_root).any(|root| sealed.is_signed_by(root, DocType::Trust));
    (!is_followed).then_some(list.office)
}

/// The documents keys that `after` withdraws and `before` did not.
fn withdrawn_since(before: &TrustList, after: &TrustList) -> Vec<PublicKey> {
    let is_news = |key: &TrustedKey| before.keys.iter().any(|known| known.key == key.key && known.withdrawn.is_none());
    let lost = after.keys.iter().filter(|key| key.withdrawn.is_some() && key.purposes.contains(&Purpose::Documents) && is_news(key));
    lost.map(|key| key.key.clone()).collect()
}

/// A later trust list of the same office, signed by its root key or by the one that was announced to follow.
fn newer_trust(bytes: &[u8], office: &Office, present: &TrustList) -> Option<(TrustList, PublicKey)> {
    let roots = std::iter::once(&office.root).chain(&present.next_root);
    let (list, root) = roots.into_iter().find_map(|root| TrustList::open(bytes, root).ok().map(|list| (list, root.clone())))?;
    (list.office == office.id && list.version > present.version).then_some((list, root))
}

fn take_over(journal: Journal<'_>, opened: &Opened<'_>, chance: &mut Chance, now: UtcMs) -> Result<TakenIn, CannotTakeIn> {
    let (tx, inbound, office) = (journal.tx, &opened.inbound, opened.office);
    let documents = take_documents(journal, opened, chance, now)?;
    let asks_again = tx.forget_advices_by(office.number, &opened.withdrawn)?;
    let (mut confirmed, mut open) = (0, 0);
    for bytes in &inbound.receipts {
        match take_receipt(journal, opened, bytes, chance, now)? {
            Some(BatchState::Confirmed) => confirmed += 1,
            Some(BatchState::Rejected) | None => {}
            Some(_) => open += 1,
        }
    }
    if asks_again && inbound.head.seq < tx.sealed_to(office.number)? {
        // Whoever has the lost key may have confirmed what the office never got.
        begin_again(journal, opened)?;
    }
    let mut advices = 0;
    for bytes in &inbound.advices {
        advices += usize::from(take_advice(journal, opened, bytes, now)?);
    }
    for told in &inbound.elsewhere {
        tx.keep_elsewhere(office.number, told)?;
    }
    let ours = tx.head_at(inbound.head.seq, Head::start(journal.terminal))?;
    let disputed = inbound.head.seq > 0 && ours != Some(inbound.head);
    tx.keep_answer(office.number, if asks_again { 0 } else { inbound.cursor }, now, disputed)?;
    tx.keep_successor(office.number, inbound.successor)?;
    Ok(TakenIn { office: office.id.clone(), confirmed, open, advices, documents, disputed, more: inbound.more || asks_again })
}

fn take_documents(journal: Journal<'_>, opened: &Opened<'_>, chance: &mut Chance, now: UtcMs) -> Result<usize, CannotTakeIn> {
    let (tx, inbound, office, trust) = (journal.tx, &opened.inbound, opened.office, &opened.trust);
    let mut taken: Vec<(Admitted, &[u8])> = Vec::new();
    let known = Known::under(trust, journal, office.number, now)?;
    if let Some((bytes, root)) = &opened.newer {
        tx.keep_root(office.number, root.bytes())?;
        taken.push((Admitted::Trust, bytes));
    }
    if let Some(bytes) = &inbound.credential {
        let credential = Credential::open(bytes, trust, now)?;
        if credential.terminal != journal.terminal {
            return Err(CannotTakeIn::NotForUs);
        }
        if known.credential.as_ref().is_none_or(|known| credential.issued > known.issued) {
            tx.keep_services(office.number, &credential)?;
            taken.push((Admitted::Credential, bytes));
        }
    }
    if let Some(bytes) = &inbound.status {
        let list = StatusList::open(bytes, trust, now)?;
        if known.status.as_ref().is_none_or(|known| list.issued > known.issued) {
            taken.push((Admitted::StatusList, bytes));
        }
    }
    for (document, bytes) in &taken {
        tx.keep_document(office.number, *document, bytes)?;
        let admission = Admission { office: office.id.clone(), document: *document, hash: Hash::of(&[bytes]) };
        journal.record(Body::Admission(admission), chance, now)?;
    }
    Ok(taken.len())
}

/// What was taken over before and still counts: what a withdrawn key signed stands in nobody's way, however late it says it was issued.
struct Known {
    credential: Option<Credential>,
    status: Option<StatusList>,
}

impl Known {
    fn under(trust: &TrustList, journal: Journal<'_>, office: OfficeNumber, now: UtcMs) -> Result<Self, StoreError> {
        let row = journal.tx.offices()?.into_iter().find(|row| row.number == office);
        let (credential, status) = row.map_or((None, None), |row| (row.credential, row.status));
        Ok(Self {
            credential: credential.and_then(|bytes| Credential::open(&bytes, trust, now).ok()),
            status: status.and_then(|bytes| StatusList::open(&bytes, trust, now).ok()),
        })
    }
}

/// What a receipt says of one of our batches; none where it is not about one that still waits.
fn take_receipt(
    journal: Journal<'_>,
    opened: &Opened<'_>,
    bytes: &[u8],
    chance: &mut Chance,
    now: UtcMs,
) -> Result<Option<BatchState>, CannotTakeIn> {
    let (tx, office) = (journal.tx, opened.office);
    let receipt = Receipt::open(bytes, &opened.trust, now)?;
    let Some(batch) = tx.batch(receipt.batch)?.filter(|b| b.office == office.number) else { return Ok(None) };
    if matches!(batch.state, BatchState::Confirmed | BatchState::Superseded | BatchState::Rejected) {
        return Ok(None);
    }
    let state = match batch.waiting().on_receipt(&receipt) {
        Outcome::NotThisBatch => return Ok(None),
        Outcome::Confirmed => BatchState::Confirmed,
        Outcome::NotOurHistory => BatchState::Disputed,
        Outcome::Waits if receipt.known_reason() == Some(Reason::JournalGap) && begin_again(journal, opened)? => BatchState::Superseded,
        Outcome::Waits if receipt.known_reason() == Some(Reason::ClerkDecision) => BatchState::Rejected,
        Outcome::Waits => BatchState::WithClerk,
    };
    tx.settle_batch(batch.id, state, bytes, receipt.reason.as_deref())?;
    if state == BatchState::Confirmed {
        let checkpoint = Checkpoint { office: office.id.clone(), receipt: Hash::of(&[bytes]) };
        journal.record(Body::Checkpoint(checkpoint), chance, now)?;
    }
    Ok(Some(state))
}

/// The office lacks earlier entries: the next batch begins where its copy ends, if that is a point in our journal.
fn begin_again(journal: Journal<'_>, opened: &Opened<'_>) -> Result<bool, StoreError> {
    let held = opened.inbound.head;
    let is_ours = journal.tx.head_at(held.seq, Head::start(journal.terminal))?.is_some_and(|ours| held.seq == 0 || ours == held);
    if is_ours {
        journal.tx.keep_sealed_to(opened.office.number, held.seq)?;
    }
    Ok(is_ours)
}

/// Whether the advice is new.
fn take_advice(journal: Journal<'_>, opened: &Opened<'_>, bytes: &[u8], now: UtcMs) -> Result<bool, CannotTakeIn> {
    let tx = journal.tx;
    let advice = Advice::open(bytes, &opened.trust, now)?;
    match tx.advice_bytes(advice.batch, advice.revision)? {
        // The same may come signed by another key, where the one before was withdrawn.
        Some(known) if known == bytes || same_content(&known, bytes) => return Ok(false),
        Some(_) => return Err(CannotTakeIn::SameRevisionOtherContent { batch: advice.batch, revision: advice.revision }),
        None => {}
    }
    let batch = tx.batch(advice.batch)?.filter(|b| b.office == opened.office.number);
    // An advice for a batch of an earlier box is kept, but speaks of that journal's numbers.
    let covered = batch.map_or(0..1, |b| b.first..b.head.seq + 1);
    tx.keep_advice(&advice, bytes, &covered)?;
    Ok(true)
}

fn same_content(known: &[u8], bytes: &[u8]) -> bool {
    let content = |bytes| Sealed::parse(bytes, DocType::Advice).ok().map(|sealed| sealed.unverified_payload());
    content(known).is_some_and(|known| Some(known) == content(bytes))
}
