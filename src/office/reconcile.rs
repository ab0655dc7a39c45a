//! Reconciliation over the ledger: child by child, and what changed goes out as advice.

use super::{Action, Office, OfficeError, Profile, Work};
use crate::deliver::advice::Advice;
use crate::reconcile::child::reconcile_child;
use crate::reconcile::finding::{Decision, Tally};
use crate::reconcile::reach::meals_stay_in_their_month;
use crate::reconcile::register::{ChildFile, ClaimLine, ProviderFile, Register};
use crate::shell::store::office::lines::LedgerLine;
use crate::shell::store::office::{admission, batches, children, lines, payments, settings, sums, views};
use crate::shell::store::sql::Connection;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::{EntryId, ProviderNumber, TerminalId};
use crate::words::time::UtcMs;
use std::collections::BTreeMap;

/// How many children are decided, and how many batches are answered, in one transaction and one turn at the office: some tens of
/// milliseconds, so that terminals and pages come in between.
const CHILDREN_AT_ONCE: usize = 200;
const BATCHES_AT_ONCE: usize = 20;
/// How many months back lines can still matter: the longest approval, its claim window, and a year of late approval.
pub(super) const MONTHS_BACK: u32 = 48;

impl Office {
    /// Decides every line that is new or touched by something new. Answers the lines not yet settled, by verdict.
    pub fn reconcile(&mut self, now: UtcMs) -> Result<Tally, OfficeError> {
        while !self.reconcile_some(now)?.is_done() {}
        Ok(views::open_lines(&self.db)?)
    }

    /// The next stretch of [`Office::reconcile`], for whoever lets others have their turn in between: first children are decided, then
    /// batches are answered. It can be left at any moment and taken up again.
    pub fn reconcile_some(&mut self, now: UtcMs) -> Result<Stretch, OfficeError> {
        self.in_transaction(|work| {
            let dirty = lines::dirty(&work.db, CHILDREN_AT_ONCE)?;
            if !dirty.is_empty() {
                let providers = work.providers()?;
                for (child, months) in &dirty {
                    work.decide_child(*child, months, &providers, now)?;
                    lines::mark_clean(&work.db, *child)?;
                }
                return Ok(Stretch { done: dirty.len() as u64, left: lines::dirty_children(&work.db)?, answered: false });
            }
            let batches = lines::batches_to_advise(&work.db, BATCHES_AT_ONCE)?;
            batches.iter().try_for_each(|batch| work.advise_batch(*batch, now))?;
            sums::tidy(&work.db)?;
            work.look_for_patterns()?;
            Ok(Stretch { done: batches.len() as u64, left: lines::count_to_advise(&work.db)?, answered: true })
        })
    }
}

impl Office {
    /// The next stretch, if the office wants what comes in to be reconciled at once; none where it does not.
    pub fn reconcile_some_if_wanted(&mut self, now: UtcMs) -> Result<Option<Stretch>, OfficeError> {
        if settings::reconciles_at_once(&self.db)? { self.reconcile_some(now).map(Some) } else { Ok(None) }
    }

    /// Whether what comes in is to be reconciled at once.
    pub fn set_reconciles_at_once(&mut self, at_once: bool, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            settings::write(&work.db, "reconcile_at_once", if at_once { "yes" } else { "no" })?;
            let what = if at_once { "sofort abgleichen: ja" } else { "sofort abgleichen: nein" };
            work.note(by, Action::Setting, "setting/reconcile_at_once", what, now)
        })
    }
}

/// What a stretch of reconciling did, and what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Children decided, or batches answered.
    pub done: u64,
    /// Children that are left, or batches.
    pub left: u64,
    answered: bool,
}

impl Stretch {
    /// Whether everything is decided and answered.
    pub const fn is_done(self) -> bool {
        self.answered && self.left == 0
    }
}

impl Work<'_> {
    /// What is agreed with every provider, with the days on which it serves.
    pub(super) fn providers(&self) -> Result<BTreeMap<ProviderNumber, ProviderFile>, OfficeError> {
        Ok(super::calendar::provider_files(&self.db)?)
    }

    /// Decides a child's lines of these months (of all, where none is named) with all others that may bear on them; answers those whose
    /// decision changed.
    pub(super) fn decide_child(
        &mut self,
        child: i64,
        months: &[CivilMonth],
        providers: &BTreeMap<ProviderNumber, ProviderFile>,
        now: UtcMs,
    ) -> Result<Vec<EntryId>, OfficeError> {
        let Gathered { held, claims, file } = gather(&self.db, self.profile, child, months, now)?;
        let register = Register { office: &self.profile.id, policy: &self.profile.policy, providers };
        let decisions = reconcile_child(&claims, &file, &register);
        let known: BTreeMap<EntryId, &LedgerLine> = held.iter().map(|ledger| (ledger.line.id, ledger)).collect();
        let changed: Vec<&Decision> = decisions.iter().filter(|d| known.get(&d.id).is_none_or(|ledger| ledger.decided != **d)).collect();
        for ledger in changed.iter().filter_map(|decision| known.get(&decision.id)).filter(|ledger| ledger.decided.holds.is_some()) {
            lines::release_slot(&self.db, ledger.terminal, ledger.line.id.seq)?;
        }
        for decision in &changed {
            self.write(decision, &known)?;
        }
        Ok(changed.iter().map(|decision| decision.id).collect())
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

/// What a child's lines are decided from.
pub(super) struct Gathered {
    /// The lines as they stand.
    pub(super) held: Vec<LedgerLine>,
    /// The same with what other tables know of them.
    pub(super) claims: Vec<ClaimLine>,
    /// The child's cards and debits.
    pub(super) file: ChildFile,
}

/// A child's lines of these months (of all, where none is named) with all others that may bear on them.
pub(super) fn gather(db: &Connection, profile: &Profile, child: i64, months: &[CivilMonth], now: UtcMs) -> Result<Gathered, OfficeError> {
    let earliest = CivilMonth::from_months(CivilDay::of(now).month().months().saturating_sub(MONTHS_BACK).into());
    let earliest = earliest.unwrap_or(CivilDay::EPOCH.month());
    let file = children::file(db, child)?;
    let apart = !months.is_empty() && meals_stay_in_their_month(&file) && !lines::is_decided_whole(db, child)?;
    let held = if apart { lines::of_child_in(db, &profile.id, child, months, earliest)? } else { lines::of_child(db, &profile.id, child, earliest)? };
    let mut claims = Vec::with_capacity(held.len());
    for ledger in &held {
        let mut line = ledger.line.clone();
        line.ruling = lines::ruling(db, ledger.terminal, line.id.seq)?;
        line.tutor_elsewhere = lines::tutor_elsewhere(db, &line, ledger.terminal)?;
        claims.push(line);
    }
    Ok(Gathered { held, claims, file })
}
