//! Batches that wait for a clerk: what is wrong with them, and what becomes of them. Whatever a clerk takes over becomes lines like all
//! others: slots and ceilings still decide what is paid, so that nothing is paid twice.

use super::enter::Entering;
use super::{Action, Office, OfficeError, Work};
use crate::book::entry::{Body, Head};
use crate::claim::check::Line;
use crate::deliver::advice::{Advice, AdvisedLine, Verdict};
use crate::intake::open::{VerifiedBatch, open};
use crate::intake::place::{HeldJournal, Place, place};
use crate::shell::store::StoreError;
use crate::shell::store::office::admission::{self, Terminal};
use crate::shell::store::office::batches;
use crate::shell::store::office::providers;
use crate::shell::store::office::waiting::{self, BatchDecision, Descent, WaitingBatch};
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{BatchId, Hash, ProviderNumber, TerminalId};
use crate::words::reason::Reason;
use crate::words::time::UtcMs;
use std::collections::BTreeSet;

/// What a clerk decides on a batch that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchChoice {
    /// Its lines are claims like all others.
    Take,
    /// None of its lines is paid.
    Reject,
}

/// How a batch stands to what the office holds of the terminal's journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Situation {
    /// It continues what is held: it waits for another reason.
    Continues,
    /// Entries before it are missing.
    Missing {
        /// The first one.
        from: u64,
        /// The last one.
        to: u64,
    },
    /// It tells another history.
    Forked,
    /// It is of another provider than its terminal: its lines can be nobody's claims.
    Foreign,
}

/// What a clerk sees of a batch that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingView {
    /// How it stands to what is held.
    pub situation: Situation,
    /// How many redemptions it claims.
    pub lines: u64,
    /// What they claim.
    pub cents: Cents,
    /// The first and last day of service.
    pub days: Option<(CivilDay, CivilDay)>,
    /// How many of its redemptions are in the ledger already, entry for entry.
    pub held: u64,
}

/// Where a batch belongs: on which line of descent, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// The line of descent; 0 is the first.
    pub descent: u32,
    /// How it stands to that line.
    pub place: Place,
}

/// Finds the line of descent that a batch continues; where it continues none, how it stands to the first.
pub(super) fn place_anywhere(db: &Connection, batch: &VerifiedBatch, terminal: &Terminal) -> Result<Placed, StoreError> {
    let same_id = batches::taken_by_id(db, batch.batch().draft().id)?.map(|row| row.hash);
    let first = place(batch, &HeldJournal { head: head(db, terminal)?, same_id });
    if same_id.is_some() || matches!(first, Place::Continues { .. }) {
        return Ok(Placed { descent: 0, place: first });
    }
    let further = waiting::descents(db, terminal.id)?;
    let continued = further.iter().map(|line| Placed { descent: line.number, place: place(batch, &HeldJournal { head: line.head, same_id }) });
    let continued = continued.into_iter().find(|placed| matches!(placed.place, Place::Continues { .. }));
    Ok(continued.unwrap_or(Placed { descent: 0, place: first }))
}

fn head(db: &Connection, terminal: &Terminal) -> Result<Head, StoreError> {
    Ok(admission::terminal(db, terminal.terminal)?.map_or(terminal.head, |t| t.head))
}

/// The head of the line of descent that was taken from last: it is the one that lives on.
pub(super) fn living_head(db: &Connection, terminal: &Terminal) -> Result<Head, StoreError> {
    let first = head(db, terminal)?;
    let further = waiting::descents(db, terminal.id)?;
    let Some(latest) = further.iter().max_by_key(|line| line.taken) else { return Ok(first) };
    Ok(if latest.taken >= waiting::first_taken(db, terminal.id)? { latest.head } else { first })
}

fn terminal_of(db: &Connection, row: i64) -> Result<Terminal, OfficeError> {
    let missing = || OfficeError::Store(StoreError::Inconsistent("a batch of no terminal".into()));
    admission::terminals(db)?.into_iter().find(|terminal| terminal.id == row).ok_or_else(missing)
}

fn opened(waiting: &WaitingBatch, terminal: &Terminal) -> Result<VerifiedBatch, OfficeError> {
    open(&waiting.bytes, &terminal.key).map_err(|_| OfficeError::Store(StoreError::Inconsistent("a kept batch cannot be opened".into())))
}

/// What is to be known of a batch before a clerk decides; none where it does not wait.
pub fn look_at_waiting(db: &Connection, hash: Hash) -> Result<Option<WaitingView>, OfficeError> {
    let Some(waiting) = waiting::by_hash(db, hash)? else { return Ok(None) };
    let terminal = terminal_of(db, waiting.terminal)?;
    let batch = opened(&waiting, &terminal)?;
    let held_to = head(db, &terminal)?.seq;
    let draft = batch.batch().draft();
    let situation = match place_anywhere(db, &batch, &terminal)?.place {
        _ if draft.provider != terminal.provider => Situation::Foreign,
        Place::Continues { .. } => Situation::Continues,
        Place::Gap => Situation::Missing { from: held_to + 1, to: draft.before.seq },
        Place::Fork | Place::SameAgain | Place::SameIdOtherContent => Situation::Forked,
    };
    let mut view = WaitingView { situation, lines: 0, cents: Cents::ZERO, days: None, held: 0 };
    for (seq, hash, line) in batch.batch().lines() {
        let Line::Entry(entry) = line else { continue };
        let Body::Redemption(redemption) = &entry.body else { continue };
        let (first, last) = view.days.unwrap_or((redemption.day, redemption.day));
        view.lines += 1;
        view.cents = view.cents.plus(redemption.cents);
        view.days = Some((first.min(redemption.day), last.max(redemption.day)));
        view.held += u64::from(waiting::held_entry(db, terminal.id, seq, hash)?.is_some());
    }
    Ok(Some(view))
}

impl Office {
    /// A clerk's decision on a batch that waits, with a note that stays in the office. Its lines are answered: what is taken over must be
    /// reconciled like all that is new; what is rejected is told at once.
    pub fn decide_batch(&mut self, batch: Hash, choice: BatchChoice, note: &str, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        let overtaken = || OfficeError::Wrong("this batch does not wait any more: somebody has decided, or what was missing has arrived".into());
        self.in_transaction(|work| {
            let waiting = waiting::by_hash(&work.db, batch)?.ok_or_else(overtaken)?;
            let terminal = terminal_of(&work.db, waiting.terminal)?;
            let verified = opened(&waiting, &terminal)?;
            let (choice, lost) = match choice {
                BatchChoice::Take => work.take_waiting(&verified, &waiting, &terminal, now)?,
                BatchChoice::Reject => {
                    work.reject_waiting(&verified, &waiting, &terminal, now)?;
                    ("rejected", None)
                }
            };
            let decision = BatchDecision { choice: choice.into(), note: note.trim().to_owned(), clerk: by.to_owned(), at: now, lost };
            waiting::insert_decision(&work.db, waiting.id, &decision)?;
            let lost = lost.map_or_else(String::new, |(from, to)| format!(", Einträge {from} bis {to} als verloren hingenommen"));
            work.note(by, Action::Batch, &format!("batch/{}", waiting.batch), &format!("{choice}{lost}"), now)?;
            let provider = admission::provider_file(&work.db, terminal.provider)?;
            work.take_what_waited(&terminal, &provider, now)
        })
    }

    /// Notes that a clerk has seen a batch that did not count.
    pub fn see_refused_off(&mut self, batch: Hash, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            if !waiting::see_refused_off(&work.db, batch, by)? {
                return Err(OfficeError::NotFound("this refused batch is gone from the list already".into()));
            }
            work.note(by, Action::Batch, &format!("batch-file/{batch}"), "zurückgewiesene Abrechnung abgehakt", now)
        })
    }

    /// Retires a terminal that was lost, stolen or replaced: whatever it still sends waits for a clerk, and it gets no new documents.
    pub fn retire_terminal(&mut self, terminal: TerminalId, by: &str, now: UtcMs) -> Result<ProviderNumber, OfficeError> {
        self.in_transaction(|work| {
            let missing = || OfficeError::NotFound("there is no such terminal: see the provider's page".into());
            let known = admission::terminal(&work.db, terminal)?.ok_or_else(missing)?;
            if waiting::retired(&work.db, known.id)?.is_some() {
                return Err(OfficeError::Wrong("this terminal is retired already".into()));
            }
            waiting::retire(&work.db, known.id, now)?;
            providers::touch(&work.db, known.provider, now)?;
            work.note(by, Action::Provider, &format!("provider/{}", known.provider), &format!("Lesegerät {terminal} stillgelegt"), now)?;
            Ok(known.provider)
        })
    }
}

/// What became of a batch, and the entries that were given up for lost.
type Taken = (&'static str, Option<(u64, u64)>);

impl Work<'_> {
    /// Takes over a batch that waited: where it belongs now, past a gap, or as a further line of descent of its journal.
    fn take_waiting(&mut self, batch: &VerifiedBatch, waiting: &WaitingBatch, terminal: &Terminal, now: UtcMs) -> Result<Taken, OfficeError> {
        let draft = batch.batch().draft();
        if draft.provider != terminal.provider {
            return Err(OfficeError::Wrong("this batch is of another provider than its terminal: it can only be rejected".into()));
        }
        let provider = admission::provider_file(&self.db, terminal.provider)?;
        let entering = Entering { batch, row: waiting.id, known: 0, terminal, provider: &provider, descent: 0, held: BTreeSet::new(), lost: None };
        let placed = place_anywhere(&self.db, batch, terminal)?;
        let taken = match placed.place {
            Place::Continues { known } => {
                self.enter(&Entering { known, descent: placed.descent, ..entering }, now)?;
                ("taken", None)
            }
            Place::Gap => {
                let held = head(&self.db, terminal)?;
                let checkpoint = admission::terminal(&self.db, terminal.terminal)?.map_or(UtcMs(0), |t| t.checkpoint_at);
                admission::set_head(&self.db, terminal.id, draft.before, checkpoint)?;
                let lost = Some((held.seq + 1, draft.before.seq));
                self.enter(&Entering { lost, ..entering }, now)?;
                ("taken", lost)
            }
            Place::Fork | Place::SameAgain | Place::SameIdOtherContent => {
                self.begin_descent(entering, now)?;
                ("descent", None)
            }
        };
        let receipt = self.receipt(draft.id, draft.after(), batch.hash(), None, now);
        batches::set_taken(&self.db, waiting.id, &receipt)?;
        Ok(taken)
    }

    /// A further line of descent begins with this batch. What is held of it already, entry for entry, is not entered again: its answer is
    /// that of the held line.
    fn begin_descent(&mut self, entering: Entering<'_>, now: UtcMs) -> Result<(), OfficeError> {
        let (terminal, draft) = (entering.terminal, entering.batch.batch().draft());
        let number = waiting::descents(&self.db, terminal.id)?.last().map_or(0, |line| line.number) + 1;
        let (mut held, mut answered) = (BTreeSet::new(), Vec::new());
        for (seq, hash, line) in entering.batch.batch().lines() {
            if !is_claim(line) {
                continue;
            }
            if let Some((_, known)) = waiting::held_entry(&self.db, terminal.id, seq, hash)? {
                let verdict = Verdict::from_code(known.verdict).unwrap_or(Verdict::Pending);
                answered.push(AdvisedLine { seq, verdict, cents: Cents::new(known.decided), reason: known.reason });
                held.insert(seq);
            }
        }
        let descent = Descent { number, head: draft.before, checkpoint_at: UtcMs(0), taken: now };
        waiting::keep_descent(&self.db, terminal.id, &descent)?;
        waiting::set_descent(&self.db, entering.row, number)?;
        let row = entering.row;
        self.enter(&Entering { descent: number, held, ..entering }, now)?;
        if answered.is_empty() { Ok(()) } else { self.answer_batch(row, draft.id, terminal, answered, now) }
    }

    /// Every line is answered: rejected, with the reason for which the batch waited.
    fn reject_waiting(&mut self, batch: &VerifiedBatch, waiting: &WaitingBatch, terminal: &Terminal, now: UtcMs) -> Result<(), OfficeError> {
        let draft = batch.batch().draft();
        let rejected = |seq| AdvisedLine { seq, verdict: Verdict::Rejected, cents: Cents::ZERO, reason: waiting.reason.clone() };
        let lines = batch.batch().lines().filter(|(_, _, line)| is_claim(line)).map(|(seq, _, _)| rejected(seq)).collect();
        let receipt = self.receipt(draft.id, head(&self.db, terminal)?, batch.hash(), Some(Reason::ClerkDecision), now);
        waiting::set_receipt(&self.db, waiting.id, &receipt)?;
        self.answer_batch(waiting.id, draft.id, terminal, lines, now)
    }

    /// Sends a signed answer to some lines of a batch.
    pub(super) fn answer_batch(
        &mut self,
        row: i64,
        batch: BatchId,
        terminal: &Terminal,
        lines: Vec<AdvisedLine>,
        now: UtcMs,
    ) -> Result<(), OfficeError> {
        let revision = batches::next_revision(&self.db, row)?;
        let advice = Advice { batch, created: now, lines, payments: Vec::new(), revision };
        Ok(batches::insert_advice(&self.db, terminal.id, row, &advice.seal(&self.keys.documents))?)
    }

    /// A batch whose every claim has arrived in another one waits for nobody any more; its sender is told that it has arrived, or it would
    /// send it for ever and show its entries as not yet confirmed.
    pub(super) fn close_if_covered(&mut self, batch: &VerifiedBatch, waiting: &WaitingBatch, now: UtcMs) -> Result<(), OfficeError> {
        let mut claims = 0;
        for (seq, hash, line) in batch.batch().lines() {
            if is_claim(line) {
                claims += 1;
                if waiting::held_entry(&self.db, waiting.terminal, seq, hash)?.is_none() {
                    return Ok(());
                }
            }
        }
        if claims == 0 {
            return Ok(());
        }
        let draft = batch.batch().draft();
        let receipt = self.receipt(draft.id, draft.after(), batch.hash(), None, now);
        waiting::set_receipt(&self.db, waiting.id, &receipt)?;
        let decision = BatchDecision { choice: "covered".into(), note: String::new(), clerk: String::new(), at: now, lost: None };
        Ok(waiting::insert_decision(&self.db, waiting.id, &decision)?)
    }
}

/// Whether a line of a batch wants an answer.
pub(super) const fn is_claim(line: &Line) -> bool {
    matches!(line, Line::Entry(entry) if matches!(entry.body, Body::Redemption(_) | Body::Cancellation(_)))
}
