//! Intake and answer: one question of a terminal, taken in whole before it is answered.

use super::enter::Entering;
use super::waiting::{is_claim, living_head, place_anywhere};
use super::{Office, OfficeError, Work};
use crate::admit::token::Token;
use crate::book::entry::Head;
use crate::claim::batch::Draft;
use crate::deliver::advice::{AdvisedLine, Verdict};
use crate::deliver::exchange::{Inbound, MAX_DOCUMENTS, MAX_ELSEWHERE, MAX_ENVELOPE_DOCUMENTS, Outbound, UsedElsewhere};
use crate::deliver::receipt::Receipt;
use crate::intake::open::{CannotOpen, VerifiedBatch, open};
use crate::intake::place::Place;
use crate::reconcile::register::ProviderFile;
use crate::shell::envelope;
use crate::shell::store::office::admission::{self, Terminal};
use crate::shell::store::office::batches::{self, NewBatch};
use crate::shell::store::office::{children, keys, swap, views, waiting};
use crate::words::benefit::{Benefit, Measure, Period};
use crate::words::cbor::Reader;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{BatchId, Hash};
use crate::words::reason::Reason;
use crate::words::sealed::{DocType, Sealed};
use crate::words::time::UtcMs;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// The most bytes of an opened envelope: a document, and no more.
pub const MAX_ENVELOPE_BYTES: usize = 17 * 1024 * 1024;
/// Of how many children a terminal is told at once what was used elsewhere.
const MAX_CHILDREN_TOLD: u64 = (MAX_ELSEWHERE / 25) as u64;
/// How many batches of one terminal wait for what is missing or for a clerk, and how many bytes they have: a box that sends no end of them
/// fills neither the disk nor the memory.
const MAX_WAITING: (u64, u64) = (500, 64 * 1024 * 1024);
/// How many months back a terminal's children are looked for.
const TOLD_MONTHS: u32 = 13;

impl Office {
    /// Opens an envelope, takes its batches in, and makes the answer's envelope.
    pub fn exchange(&mut self, envelope: &[u8], now: UtcMs) -> Result<Vec<u8>, OfficeError> {
        self.look_at_keys()?;
        let question = self.keys.open(envelope, MAX_ENVELOPE_BYTES)?;
        let claimed = Outbound::claimed_terminal(&question).map_err(crate::admit::verify::Refused::from)?;
        let unknown = || OfficeError::NotAdmitted("this terminal is not admitted here: enrol it with a code of this office".into());
        let terminal = admission::terminal(&self.db, claimed)?.ok_or_else(unknown)?;
        let outbound = Outbound::open(&question, &terminal.key)?;
        if outbound.office != self.profile.id {
            return Err(OfficeError::Wrong(format!("this envelope is for office {}: send it there", outbound.office)));
        }
        let (version, mut trust) = {
            let list = self.trust(now)?;
            (list.0.version, list.1.clone())
        };
        // A terminal that was away when the next root key was announced learns of it by the one it knows, and then asks again.
        let bridge = self.trust.bridge.as_ref().filter(|(heard, _)| outbound.has.trust_version < *heard);
        let is_late = bridge.is_some();
        trust = bridge.map_or(trust, |(_, bridge)| bridge.clone());
        let (status_issued, status) = self.status_list(now)?;
        let inbound = self.in_transaction(|work| {
            let receipts = work.take_all(&outbound.batches, &terminal, now)?;
            let mut inbound = work.answer(&outbound, &terminal, now)?;
            work.look_at_head(&terminal, outbound.head, outbound.created, now)?;
            inbound.receipts = receipts;
            inbound.more |= is_late;
            inbound.trust = (outbound.has.trust_version < version).then_some(trust);
            inbound.status = (outbound.has.status_issued < status_issued).then_some(status);
            admission::insert_exchange(&work.db, terminal.id, now)?;
            keys::heard(&work.db, terminal.id, outbound.has.trust_version)?;
            Ok(inbound)
        })?;
        Ok(envelope::encrypt(&terminal.recipient, &inbound.seal(&self.keys.documents))?)
    }
}

impl Work<'_> {
    fn take_all(&mut self, bytes: &[Vec<u8>], terminal: &Terminal, now: UtcMs) -> Result<Vec<Vec<u8>>, OfficeError> {
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        let provider = admission::provider_file(&self.db, terminal.provider)?;
        let receipts: Result<Vec<_>, _> = bytes.iter().map(|batch| self.take(batch, terminal, &provider, now)).collect();
        self.take_what_waited(terminal, &provider, now)?;
        receipts
    }

    /// Takes one batch in and makes its receipt. One that cannot be taken gets a receipt with the reason.
    pub(super) fn take(&mut self, bytes: &[u8], terminal: &Terminal, provider: &ProviderFile, now: UtcMs) -> Result<Vec<u8>, OfficeError> {
        let hash = Hash::of(&[bytes]);
        if let Some(known) = batches::by_hash(&self.db, hash)? {
            let receipt = self.believable(known.receipt.clone(), DocType::Receipt)?;
            if receipt != known.receipt {
                keys::keep_receipt(&self.db, known.id, &receipt)?;
            }
            return Ok(receipt);
        }
        let held = admission::terminal(&self.db, terminal.terminal)?.map_or(terminal.head, |t| t.head);
        let batch = match open(bytes, &terminal.key) {
            Ok(batch) if batch.batch().draft().office == self.profile.id => batch,
            Ok(batch) => return self.refuse(batch.batch().draft().id, terminal, held, hash, Reason::WrongProvider, now),
            Err(why) => return self.refuse(claimed_id(bytes), terminal, held, hash, reason_of(&why), now),
        };
        let draft = batch.batch().draft();
        let placed = place_anywhere(&self.db, &batch, terminal)?;
        let reason = match placed.place {
            _ if draft.provider != terminal.provider => Reason::ProviderNotAdmitted,
            _ if waiting::retired(&self.db, terminal.id)?.is_some() => Reason::KeyWithdrawn,
            Place::Continues { known } => {
                let receipt = self.receipt(draft.id, draft.after(), hash, None, now);
                let row = batches::insert(&self.db, &NewBatch { terminal: terminal.id, draft, hash, bytes, receipt: &receipt, reason: None }, now)?;
                let entering = Entering { batch: &batch, row, known, terminal, provider, descent: placed.descent, held: BTreeSet::new(), lost: None };
                if placed.descent > 0 {
                    waiting::set_descent(&self.db, row, placed.descent)?;
                }
                self.enter(&entering, now)?;
                return Ok(receipt);
            }
            Place::Gap => Reason::JournalGap,
            Place::Fork | Place::SameAgain | Place::SameIdOtherContent => {
                swap::keep_other_state(&self.db, terminal.id, now)?;
                Reason::JournalForked
            }
        };
        let (count, size) = waiting::size_of_terminal(&self.db, terminal.id)?;
        if count >= MAX_WAITING.0 || size.saturating_add(bytes.len() as u64) > MAX_WAITING.1 {
            return self.refuse(draft.id, terminal, held, hash, reason, now);
        }
        let receipt = self.receipt(draft.id, held, hash, Some(reason), now);
        let new = NewBatch { terminal: terminal.id, draft, hash, bytes, receipt: &receipt, reason: Some(reason.code()) };
        let row = batches::insert(&self.db, &new, now)?;
        self.advise_waiting(&batch, row, terminal, reason, now)?;
        Ok(receipt)
    }

    /// The receipt of a batch that does not count at all. It is not kept, for nothing in it is proven; its sender has it.
    fn refuse(&mut self, id: BatchId, terminal: &Terminal, held: Head, hash: Hash, why: Reason, now: UtcMs) -> Result<Vec<u8>, OfficeError> {
        waiting::note_refused(&self.db, terminal.id, hash, why.code(), now)?;
        Ok(self.receipt(id, held, hash, Some(why), now))
    }

    /// Batches that waited are taken in as soon as what was missing has arrived; one whose claims have all come in others is closed.
    pub(super) fn take_what_waited(&mut self, terminal: &Terminal, provider: &ProviderFile, now: UtcMs) -> Result<(), OfficeError> {
        if waiting::retired(&self.db, terminal.id)?.is_some() {
            return Ok(());
        }
        for row in waiting::of_terminal(&self.db, terminal.id)? {
            let Some(waits) = waiting::by_row(&self.db, row)? else { continue };
            let Ok(batch) = open(&waits.bytes, &terminal.key) else { continue };
            let (draft, placed) = (batch.batch().draft(), place_anywhere(&self.db, &batch, terminal)?);
            if let (Place::Continues { known }, true) = (placed.place, draft.provider == terminal.provider) {
                let receipt = self.receipt(draft.id, draft.after(), batch.hash(), None, now);
                batches::set_taken(&self.db, waits.id, &receipt)?;
                if placed.descent > 0 {
                    waiting::set_descent(&self.db, waits.id, placed.descent)?;
                }
                let held = BTreeSet::new();
                self.enter(&Entering { batch: &batch, row: waits.id, known, terminal, provider, descent: placed.descent, held, lost: None }, now)?;
            } else {
                self.close_if_covered(&batch, &waits, now)?;
            }
        }
        Ok(())
    }

    /// Every line of a batch that waits for a clerk is answered too: pending, with the reason.
    fn advise_waiting(&mut self, batch: &VerifiedBatch, row: i64, terminal: &Terminal, reason: Reason, now: UtcMs) -> Result<(), OfficeError> {
        let pending = |seq| AdvisedLine { seq, verdict: Verdict::Pending, cents: Cents::ZERO, reason: reason.code().to_owned() };
        let advised = batch.batch().lines().filter(|(_, _, line)| is_claim(line)).map(|(seq, _, _)| pending(seq)).collect();
        self.answer_batch(row, batch.batch().draft().id, terminal, advised, now)
    }

    pub(super) fn receipt(&self, batch: BatchId, head: Head, hash: Hash, reason: Option<Reason>, now: UtcMs) -> Vec<u8> {
        Receipt { batch, received: now, head, hash, reason: reason.map(|r| r.code().to_owned()) }.seal(&self.keys.documents)
    }

    /// The answer but for receipts, trust and status list.
    fn answer(&mut self, outbound: &Outbound, terminal: &Terminal, now: UtcMs) -> Result<Inbound, OfficeError> {
        let (advices, more) = batches::advices(&self.db, terminal.id, outbound.has.cursor, MAX_DOCUMENTS, MAX_ENVELOPE_DOCUMENTS / 2)?;
        let cursor = advices.last().map_or(outbound.has.cursor, |(cursor, _)| *cursor);
        let (issued, credential) = self.renewed(terminal, now)?;
        let head = living_head(&self.db, terminal)?;
        Ok(Inbound {
            terminal: terminal.terminal,
            nonce: outbound.nonce,
            created: now,
            receipts: Vec::new(),
            advices: advices.into_iter().map(|(_, bytes)| self.believable(bytes, DocType::Advice)).collect::<Result<_, _>>()?,
            cursor,
            trust: None,
            status: None,
            credential: (outbound.has.credential_issued < issued).then_some(credential),
            elsewhere: self.used_elsewhere(terminal, now)?,
            head,
            more,
            office: self.profile.id.clone(),
            successor: self.successor(terminal)?,
        })
    }

    /// Of each benefit a child's latest token whose approval covers `today`, or else the latest; a follow-up that begins later is not yet what
    /// is drawn on.
    fn tokens_on(&self, child: i64, today: CivilDay) -> Result<BTreeMap<Benefit, Token>, OfficeError> {
        let mut latest: BTreeMap<Benefit, Token> = BTreeMap::new();
        for bytes in children::tokens_of(&self.db, child)?.into_iter().filter_map(|row| row.bytes) {
            let token = children::content(&bytes)?;
            for benefit in token.allowances.iter().map(|allowance| allowance.benefit) {
                let known = latest.get(&benefit);
                if known.is_none_or(|known| !known.is_valid_on(today) && token.is_valid_on(today)) {
                    latest.insert(benefit, token.clone());
                }
            }
        }
        Ok(latest)
    }

    /// What others, and the office itself, used of the approval period of each child this terminal has claimed for.
    fn used_elsewhere(&self, terminal: &Terminal, now: UtcMs) -> Result<Vec<UsedElsewhere>, OfficeError> {
        let today = CivilDay::of(now);
        let since = today.minus(TOLD_MONTHS * 31).month();
        let mut told = Vec::new();
        for child in views::children_of_terminal(&self.db, terminal.id, since, MAX_CHILDREN_TOLD)? {
            let debits = children::debits(&self.db, child)?;
            let mut of_days = BTreeMap::new();
            for (benefit, token) in self.tokens_on(child, today)? {
                let days = (token.first_day(), token.last_day());
                if let Entry::Vacant(unknown) = of_days.entry(days) {
                    unknown.insert(views::used_elsewhere(&self.db, child, terminal.id, days)?);
                }
                let used = of_days.get(&days).into_iter().flatten().filter(|used| used.0 == benefit);
                let paid = debits.iter().filter(|d| d.benefit == benefit && (days.0..=days.1).contains(&d.from)).map(|d| d.cents.to_field());
                // What is bounded is told even where nothing is left of it: what was used may have been taken back.
                let mut sums: BTreeMap<Measure, u64> = BTreeMap::new();
                for ceiling in token.allowances.iter().filter(|allowance| allowance.benefit == benefit).flat_map(|allowance| &allowance.ceilings) {
                    if matches!(ceiling.period, Period::Validity | Period::Accrued) {
                        sums.insert(ceiling.measure, 0);
                    }
                }
                for (units, cents, minutes) in used.map(|used| (used.1, used.2, used.3)).chain(paid.map(|cents| (0, cents, 0))) {
                    for (measure, amount) in [(Measure::Units, units), (Measure::Cents, cents), (Measure::Minutes, minutes)] {
                        if amount > 0 {
                            *sums.entry(measure).or_default() += amount;
                        }
                    }
                }
                told.extend(sums.into_iter().map(|(measure, used)| UsedElsewhere { handle: token.handle, benefit, measure, used, as_of: now }));
            }
        }
        Ok(told)
    }
}

/// The id a batch claims that could not be opened, so that its sender knows which one is meant; zero where it has none.
fn claimed_id(bytes: &[u8]) -> BatchId {
    let sealed = Sealed::parse(bytes, DocType::Batch).ok();
    sealed.and_then(|s| Reader::decode(s.unverified_payload(), Draft::read).ok()).map_or(BatchId([0; 16]), |draft| draft.id)
}

fn reason_of(why: &CannotOpen) -> Reason {
    match why {
        CannotOpen::Refused(refused) => refused.reason(),
        CannotOpen::NotWhole(_) => Reason::Malformed,
        CannotOpen::ForeignTerminal => Reason::BadSignature,
    }
}
