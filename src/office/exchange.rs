//! Intake and answer: one question of a terminal, taken in whole before it is answered.

use super::phones::proves;
use super::waiting::{is_claim, living_head, place_anywhere};
use super::{Office, OfficeError, Work};
use crate::admit::token::Token;
use crate::book::entry::{Body, Entry, Head};
use crate::book::redemption::Redemption;
use crate::claim::batch::Draft;
use crate::claim::check::Line;
use crate::deliver::advice::{AdvisedLine, Verdict};
use crate::deliver::exchange::{Inbound, MAX_DOCUMENTS, MAX_ELSEWHERE, MAX_ENVELOPE_DOCUMENTS, Outbound, UsedElsewhere};
use crate::deliver::receipt::Receipt;
use crate::intake::open::{CannotOpen, VerifiedBatch, open};
use crate::intake::place::Place;
use crate::reconcile::reach::mixes_months;
use crate::reconcile::register::ProviderFile;
use crate::shell::envelope;
use crate::shell::store::office::admission::{self, Terminal};
use crate::shell::store::office::batches::{self, NewBatch};
use crate::shell::store::office::lines::{self, NewCancellation, NewLine};
use crate::shell::store::office::waiting::{self, Descent, ledger_seq};
use crate::shell::store::office::{children, keys, phones, retention, swap, views};
use crate::words::benefit::Measure;
use crate::words::cbor::Reader;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::{BatchId, Handle, Hash, TokenId};
use crate::words::reason::Reason;
use crate::words::sealed::{DocType, Sealed};
use crate::words::time::UtcMs;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The most bytes of an opened envelope: a document, and no more.
pub const MAX_ENVELOPE_BYTES: usize = 17 * 1024 * 1024;
/// How far a service day may lie before or after its arrival, in days; beyond it no approval can reach.
const OLDEST_DAYS: u32 = 1200;
const LATEST_DAYS: u32 = 800;
/// Of how many children a terminal is told at once what was used elsewhere.
const MAX_CHILDREN_TOLD: u64 = (MAX_ELSEWHERE / 25) as u64;
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
        for waits in waiting::of_terminal(&self.db, terminal.id)? {
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

    /// Enters the lines of a batch.
    pub(super) fn enter(&mut self, entering: &Entering<'_>, now: UtcMs) -> Result<(), OfficeError> {
        let Entering { batch, row, terminal, provider, descent, .. } = *entering;
        let descents = waiting::descents(&self.db, terminal.id)?;
        // Boxes with one identity may send the same entries in different batches: an entry is one line.
        let forked = !descents.is_empty();
        let further = descents.into_iter().find(|line| line.number == descent);
        let first = admission::terminal(&self.db, terminal.terminal)?.map_or(UtcMs(0), |t| t.checkpoint_at);
        let mut checkpoint = further.map_or(first, |line| line.checkpoint_at);
        let mut known_here = KnownHere::default();
        for (seq, hash, line) in batch.batch().lines().skip(entering.known) {
            match line {
                Line::Hidden => {}
                Line::Entry(_) if entering.held.contains(&seq) || (forked && waiting::held_entry(&self.db, terminal.id, seq, hash)?.is_some()) => {}
                Line::Unreadable(_) => lines::insert_unreadable(&self.db, terminal.id, ledger_seq(descent, seq), row, Reason::Malformed)?,
                Line::Entry(entry) => {
                    if let Body::Checkpoint(body) = &entry.body {
                        let received = batches::receipt_time(&self.db, terminal.id, body.receipt)?;
                        checkpoint = checkpoint.max(received.unwrap_or(checkpoint));
                    }
                    let arrival = Arrival { row, terminal, provider, checkpoint, hash, descent, lost: entering.lost };
                    self.enter_line(entry, &arrival, &mut known_here, now)?;
                }
            }
        }
        let head = batch.batch().draft().after();
        match descent {
            0 => Ok(admission::set_head(&self.db, terminal.id, head, checkpoint)?),
            number => Ok(waiting::keep_descent(&self.db, terminal.id, &Descent { number, head, checkpoint_at: checkpoint, taken: now })?),
        }
    }

    fn enter_line(&mut self, entry: &Entry, arrival: &Arrival<'_>, known: &mut KnownHere, now: UtcMs) -> Result<(), OfficeError> {
        let (terminal, seq) = (arrival.terminal, ledger_seq(arrival.descent, entry.seq));
        match &entry.body {
            Body::Redemption(redemption) => {
                let today = CivilDay::of(now);
                if redemption.day < today.minus(OLDEST_DAYS) || redemption.day > today.plus(LATEST_DAYS) {
                    return Ok(lines::insert_unreadable(&self.db, terminal.id, seq, arrival.row, Reason::OutsideClaimWindow)?);
                }
                let (token, child) = self.token_and_child(redemption, known, now)?;
                let unproved = self.is_unproved(token, redemption, entry.at, known)?;
                let agreement = arrival.provider.agreement(redemption);
                let slot = agreement.map_or(crate::book::slot::Slot { day: redemption.day, id: redemption.slot }, |a| {
                    let (lesson, charge) = (redemption.lesson, redemption.charge.as_ref());
                    let occasion =
                        crate::book::slot::Occasion { provider: terminal.provider, service: &a.service, day: redemption.day, lesson, charge };
                    occasion.slot(&self.profile.id, redemption.handle)
                });
                lines::insert(
                    &self.db,
                    &NewLine {
                        terminal: terminal.id,
                        seq,
                        batch: arrival.row,
                        child,
                        token,
                        provider: terminal.provider,
                        at: entry.at,
                        not_before: arrival.checkpoint,
                        hash: arrival.hash,
                        redemption,
                        slot,
                        unproved,
                    },
                )?;
                waiting::tie_awaiting(&self.db, terminal.id, seq, arrival.hash)?;
                if mixes_months(redemption, agreement.map(|a| a.service.benefit)) {
                    lines::decide_whole(&self.db, child)?;
                }
                self.mark_month(child, redemption.day.month(), known)?;
            }
            Body::Cancellation(body) => {
                // What stands before a fork is held on the line of descent that brought it.
                let target = waiting::held_entry(&self.db, terminal.id, body.seq, body.entry)?.map_or(body.seq, |(target, _)| target);
                let new = NewCancellation {
                    terminal: terminal.id,
                    seq,
                    batch: arrival.row,
                    target,
                    why: body.reason.as_str(),
                    at: entry.at,
                    hash: arrival.hash,
                };
                match lines::cancel(&self.db, &new, body.entry)? {
                    Some((child, month)) => self.mark_month(child, month, known)?,
                    None if arrival.lost_now(body.seq) || waiting::is_given_up(&self.db, terminal.id, body.seq)? => {
                        waiting::await_line(&self.db, terminal.id, seq, body.entry)?;
                    }
                    None => {
                        let is_purged = retention::stands_for_purged(&self.db, terminal.id, new.target)?;
                        let reason = if is_purged { Reason::OutsideClaimWindow } else { Reason::Malformed };
                        lines::reject_cancellation(&self.db, terminal.id, seq, reason)?;
                    }
                }
            }
            Body::Opened(opened) => self.note_succession(terminal, opened, now)?,
            _ => {}
        }
        Ok(())
    }

    /// The rows of a claim's token and child: within a batch the same are meant again and again.
    fn token_and_child(&self, redemption: &Redemption, known: &mut KnownHere, now: UtcMs) -> Result<(i64, i64), OfficeError> {
        let key = (redemption.token, redemption.handle);
        if let Some(rows) = known.tokens.get(&key) {
            return Ok(*rows);
        }
        let rows = children::token_of_claim(&self.db, redemption.token, redemption.handle, now)?;
        known.tokens.insert(key, rows);
        Ok(rows)
    }

    /// Whether the token is bound to a phone of which the line proves nothing.
    fn is_unproved(&self, token: i64, redemption: &Redemption, at: UtcMs, known: &mut KnownHere) -> Result<bool, OfficeError> {
        let bytes = match known.phones.entry(token) {
            Occupied(known) => known.into_mut(),
            Vacant(unknown) => unknown.insert(phones::signed(&self.db, token)?),
        };
        bytes.as_ref().map_or(Ok(false), |bytes| Ok(!proves(redemption, &children::content(bytes)?, bytes, at)))
    }

    fn mark_month(&self, child: i64, month: CivilMonth, known: &mut KnownHere) -> Result<(), OfficeError> {
        if known.marked.insert((child, month)) {
            lines::mark_month_dirty(&self.db, child, month)?;
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

    /// The latest token of a child whose approval covers `today`; a follow-up that begins later is not yet what is drawn on.
    fn token_on(&self, child: i64, today: CivilDay) -> Result<Option<Token>, OfficeError> {
        let mut latest = None;
        for bytes in children::tokens_of(&self.db, child)?.into_iter().filter_map(|row| row.bytes) {
            let token = children::content(&bytes)?;
            if token.is_valid_on(today) {
                return Ok(Some(token));
            }
            latest = latest.or(Some(token));
        }
        Ok(latest)
    }

    /// What others, and the office itself, used of the approval period of each child this terminal has claimed for.
    fn used_elsewhere(&self, terminal: &Terminal, now: UtcMs) -> Result<Vec<UsedElsewhere>, OfficeError> {
        let today = CivilDay::of(now);
        let since = today.minus(TOLD_MONTHS * 31).month();
        let mut told = Vec::new();
        for child in views::children_of_terminal(&self.db, terminal.id, since, MAX_CHILDREN_TOLD)? {
            let Some(token) = self.token_on(child, today)? else { continue };
            let days = (token.first_day(), token.last_day());
            let debits = children::debits(&self.db, child)?;
            let mut used = views::used_elsewhere(&self.db, child, terminal.id, days)?;
            for debit in debits.iter().filter(|d| (days.0..=days.1).contains(&d.from)) {
                used.push((debit.benefit, 0, debit.cents.to_field(), 0));
            }
            let mut sums: BTreeMap<_, u64> = BTreeMap::new();
            for (benefit, units, cents, minutes) in used {
                for (measure, amount) in [(Measure::Units, units), (Measure::Cents, cents), (Measure::Minutes, minutes)] {
                    *sums.entry((benefit, measure)).or_default() += amount;
                }
            }
            let positive = sums.into_iter().filter(|(_, used)| *used > 0);
            told.extend(positive.map(|((benefit, measure), used)| UsedElsewhere { handle: token.handle, benefit, measure, used, as_of: now }));
        }
        Ok(told)
    }
}

/// What is known already of the lines of one batch.
#[derive(Default)]
struct KnownHere {
    tokens: HashMap<(TokenId, Handle), (i64, i64)>,
    /// The signed bytes of tokens that are bound to a phone, by row.
    phones: HashMap<i64, Option<Vec<u8>>>,
    marked: HashSet<(i64, CivilMonth)>,
}

/// How a line's batch arrived.
struct Arrival<'a> {
    row: i64,
    terminal: &'a Terminal,
    provider: &'a ProviderFile,
    checkpoint: UtcMs,
    hash: Hash,
    descent: u32,
    lost: Option<(u64, u64)>,
}

impl Arrival<'_> {
    /// Whether this entry is among those that are given up for lost with this very batch.
    fn lost_now(&self, seq: u64) -> bool {
        self.lost.is_some_and(|(from, to)| (from..=to).contains(&seq))
    }
}

/// A batch on its way into the ledger.
pub(super) struct Entering<'a> {
    pub batch: &'a VerifiedBatch,
    /// Row id of the batch.
    pub row: i64,
    /// How many of its first entries are held already.
    pub known: usize,
    pub terminal: &'a Terminal,
    pub provider: &'a ProviderFile,
    /// The line of descent it continues; 0 is the first.
    pub descent: u32,
    /// Entries that are held already, entry for entry.
    pub held: BTreeSet<u64>,
    /// The first and last of the entries before it that a clerk gives up for lost with it.
    pub lost: Option<(u64, u64)>,
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
