//! Reconciliation over the ledger: child by child, and what changed goes out as advice.

use super::{Office, OfficeError, Work};
use crate::deliver::advice::Advice;
use crate::reconcile::child::reconcile_child;
use crate::reconcile::finding::{Decision, Tally};
use crate::reconcile::register::{ClaimLine, ProviderFile, Register};
use crate::shell::store::office::lines::LedgerLine;
use crate::shell::store::office::{admission, batches, children, lines, payments, views};
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::{EntryId, ProviderNumber, TerminalId};
use crate::words::time::UtcMs;
use std::collections::BTreeMap;

/// How many children are decided in one transaction: about ten thousand lines.
const CHILDREN_AT_ONCE: usize = 500;
/// How many months back lines can still matter: the longest approval, its claim window, and a year of late approval.
const MONTHS_BACK: u32 = 48;

impl Office {
    /// Decides every line that is new or touched by something new. Answers the lines not yet settled, by verdict.
    pub fn reconcile(&mut self, now: UtcMs) -> Result<Tally, OfficeError> {
        let providers = self.in_transaction(|work| work.providers())?;
        loop {
            let done = self.in_transaction(|work| {
                let dirty = lines::dirty(&work.db, CHILDREN_AT_ONCE)?;
                for child in &dirty {
                    work.decide_child(*child, &providers, now)?;
                    lines::mark_clean(&work.db, *child)?;
                }
                Ok(dirty.is_empty())
            })?;
            if done {
                break;
            }
        }
        self.advise(now)?;
        Ok(views::open_lines(&self.db)?)
    }

    /// Sends every line that changed to its terminal, batch by batch.
    pub(super) fn advise(&mut self, now: UtcMs) -> Result<(), OfficeError> {
        let batches = lines::batches_to_advise(&self.db)?;
        self.in_transaction(|work| batches.into_iter().try_for_each(|batch| work.advise_batch(batch, now)))
    }
}

impl Work<'_> {
    /// What is agreed with every provider, with the days on which it serves.
    pub(super) fn providers(&self) -> Result<BTreeMap<ProviderNumber, ProviderFile>, OfficeError> {
        Ok(super::calendar::provider_files(&self.db)?)
    }

    /// Decides all lines of a child; answers those whose decision changed.
    pub(super) fn decide_child(
        &mut self,
        child: i64,
        providers: &BTreeMap<ProviderNumber, ProviderFile>,
        now: UtcMs,
    ) -> Result<Vec<EntryId>, OfficeError> {
        let Some((first, last)) = lines::months(&self.db)? else { return Ok(Vec::new()) };
        let earliest = CivilMonth::from_months(CivilDay::of(now).month().months().saturating_sub(MONTHS_BACK).into()).unwrap_or(first);
        let file = children::file(&self.db, child)?;
        let held = lines::of_child(&self.db, &self.profile.id, child, (first.max(earliest), last))?;
        let mut claims = Vec::with_capacity(held.len());
        for ledger in &held {
            claims.push(self.complete(ledger)?);
        }
        let register = Register { office: &self.profile.id, policy: &self.profile.policy, providers };
        let decisions = reconcile_child(&claims, &file, &register);
        let known: BTreeMap<EntryId, &LedgerLine> = held.iter().map(|ledger| (ledger.line.id, ledger)).collect();
        let changed: Vec<&Decision> = decisions.iter().filter(|d| known.get(&d.id).is_none_or(|ledger| ledger.decided != **d)).collect();
        for ledger in changed.iter().filter_map(|decision| known.get(&decision.id)) {
            lines::release_slot(&self.db, ledger.terminal, ledger.line.id.seq)?;
        }
        for decision in &changed {
            self.write(decision, &known)?;
        }
        Ok(changed.iter().map(|decision| decision.id).collect())
    }

    /// What other tables know of a line.
    fn complete(&self, ledger: &LedgerLine) -> Result<ClaimLine, OfficeError> {
        let mut line = ledger.line.clone();
        line.ruling = lines::ruling(&self.db, ledger.terminal, line.id.seq)?;
        line.tutor_elsewhere = lines::tutor_elsewhere(&self.db, &line, ledger.terminal)?;
        Ok(line)
    }

    fn write(&self, decision: &Decision, known: &BTreeMap<EntryId, &LedgerLine>) -> Result<(), OfficeError> {
        if let Some(ledger) = known.get(&decision.id) {
            let against = decision.against.map(|id| self.terminal_row(id.terminal)).transpose()?.flatten();
            return Ok(lines::decide(&self.db, ledger.terminal, decision, against)?);
        }
        match self.terminal_row(decision.id.terminal)? {
            Some(terminal) => Ok(lines::decide_cancellation(&self.db, terminal, decision)?),
            None => Ok(()),
        }
    }

    fn terminal_row(&self, terminal: TerminalId) -> Result<Option<i64>, OfficeError> {
        Ok(admission::terminal(&self.db, terminal)?.map(|t| t.id))
    }

    /// The signed answer to what changed in a batch, with all payments made for it.
    pub(super) fn advise_batch(&mut self, batch: i64, now: UtcMs) -> Result<(), OfficeError> {
        let (id, terminal) = batches::address(&self.db, batch)?;
        let advised = lines::take_to_advise(&self.db, batch)?;
        let revision = batches::next_revision(&self.db, batch)?;
        let advice = Advice { batch: id, created: now, lines: advised, payments: payments::of_batch(&self.db, batch)?, revision };
        Ok(batches::insert_advice(&self.db, terminal, batch, &advice.seal(&self.keys.documents))?)
    }
}
