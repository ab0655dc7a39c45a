//! Reconciliation over the ledger: child by child, and what changed goes out as advice.

use super::{Action, Office, OfficeError, Profile, Work};
use crate::deliver::advice::{Advice, Verdict};
use crate::reconcile::child::reconcile_child;
use crate::reconcile::finding::{Decision, Tally};
use crate::reconcile::reach::meals_stay_in_their_month;
use crate::reconcile::register::{ChildFile, ClaimLine, ProviderFile, Register};
use crate::shell::store::office::deciding::{self, Decided, Wanted};
use crate::shell::store::office::lines::LedgerLine;
use crate::shell::store::office::{admission, batches, lines, payments, settings, sums, views};
use crate::shell::store::sql::Connection;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::{EntryId, ProviderNumber, TerminalId};
use crate::words::time::UtcMs;
use std::collections::{BTreeMap, HashMap};

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
                work.decide_children(&dirty, &providers, now)?;
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

    /// Decides these children's lines of these months (of all, where none is named) with all others that may bear on them; answers those
    /// whose decision changed.
    pub(super) fn decide_children(
        &mut self,
        children: &[(i64, Vec<CivilMonth>)],
        providers: &BTreeMap<ProviderNumber, ProviderFile>,
        now: UtcMs,
    ) -> Result<Vec<EntryId>, OfficeError> {
        let gathered = gather(&self.db, self.profile, children, now)?;
        // Whether a tutor was elsewhere depends on what was decided of other children's lessons: these children come one after the other.
        let one_by_one = children.len() > 1 && gathered.iter().any(Gathered::has_lessons);
        let (alone, together): (Vec<_>, Vec<_>) = children.iter().zip(gathered).partition(|(_, gathered)| one_by_one && gathered.has_lessons());
        let (children, gathered): (Vec<_>, Vec<_>) = together.into_iter().unzip();
        let register = Register { office: &self.profile.id, policy: &self.profile.policy, providers };
        let (mut changed, mut released, mut decided, mut taken_back) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut tutors_elsewhere = Vec::new();
        for Gathered { held, claims, file } in gathered {
            let known: BTreeMap<EntryId, &LedgerLine> = held.iter().map(|ledger| (ledger.line.id, ledger)).collect();
            for decision in reconcile_child(&claims, &file, &register) {
                let ledger = known.get(&decision.id);
                if ledger.is_some_and(|ledger| ledger.decided == decision) {
                    continue;
                }
                changed.push(decision.id);
                match ledger {
                    Some(ledger) => {
                        released.extend(ledger.decided.holds.is_some().then_some((ledger.terminal, decision.id.seq)));
                        if ledger.line.redemption.lesson.is_some() && is_rejected(&ledger.decided) != is_rejected(&decision) {
                            tutors_elsewhere.push((ledger.terminal, decision.id.seq));
                        }
                        let against = decision.against.map(|id| self.terminal_row(id.terminal, &known)).transpose()?.flatten();
                        decided.push(Decided { terminal: ledger.terminal, decision, against, counted: ledger.counted });
                    }
                    None => taken_back.extend(self.terminal_row(decision.id.terminal, &known)?.map(|terminal| (terminal, decision))),
                }
            }
        }
        deciding::release_slots(&self.db, &released)?;
        deciding::decide(&self.db, &decided)?;
        let taken_back: Vec<_> = taken_back.iter().map(|(terminal, decision)| (*terminal, decision)).collect();
        deciding::decide_cancellations(&self.db, &taken_back)?;
        deciding::mark_clean(&self.db, &children.iter().map(|(child, _)| *child).collect::<Vec<_>>())?;
        // Perhaps of these very children: after they were marked clean.
        lines::mark_later_lessons(&self.db, &tutors_elsewhere)?;
        for (child, _) in alone {
            changed.extend(self.decide_children(std::slice::from_ref(child), providers, now)?);
        }
        Ok(changed)
    }

    /// The row of a terminal, told by the lines that are known where one is of it.
    fn terminal_row(&self, terminal: TerminalId, known: &BTreeMap<EntryId, &LedgerLine>) -> Result<Option<i64>, OfficeError> {
        let first = known.range(EntryId { terminal, seq: 0 }..).next();
        match first.filter(|(id, _)| id.terminal == terminal) {
            Some((_, ledger)) => Ok(Some(ledger.terminal)),
            None => Ok(admission::terminal(&self.db, terminal)?.map(|t| t.id)),
        }
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

fn is_rejected(decision: &Decision) -> bool {
    decision.verdict == Verdict::Rejected
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

impl Gathered {
    fn has_lessons(&self) -> bool {
        self.claims.iter().any(|line| line.redemption.lesson.is_some())
    }
}

/// Of each child the lines of these months (of all, where none is named) with all others that may bear on them.
pub(super) fn gather(db: &Connection, profile: &Profile, children: &[(i64, Vec<CivilMonth>)], now: UtcMs) -> Result<Vec<Gathered>, OfficeError> {
    let earliest = CivilMonth::from_months(CivilDay::of(now).month().months().saturating_sub(MONTHS_BACK).into());
    let earliest = earliest.unwrap_or(CivilDay::EPOCH.month());
    let ids: Vec<i64> = children.iter().map(|(child, _)| *child).collect();
    let (files, whole) = (deciding::files(db, &ids)?, deciding::decided_whole(db, &ids)?);
    let (mut apart, mut months, mut together) = (Vec::new(), Vec::new(), Vec::new());
    for ((child, of), file) in children.iter().zip(&files) {
        if of.is_empty() || whole.contains(child) || !meals_stay_in_their_month(file) {
            together.push(*child);
        } else {
            apart.push((earliest, *child));
            months.extend(of.iter().map(|month| (*month, *child)));
        }
    }
    let mut found = deciding::lines(db, &profile.id, &months, Wanted::Meals)?;
    found.extend(deciding::lines(db, &profile.id, &apart, Wanted::OthersSince)?);
    let months = deciding::months(db, &together, earliest)?;
    found.extend(deciding::lines(db, &profile.id, &months, Wanted::All)?);
    let rulings = deciding::rulings(db, &found.iter().map(|(_, ledger)| (ledger.terminal, ledger.line.id.seq)).collect::<Vec<_>>())?;
    let places: HashMap<i64, usize> = ids.iter().zip(0..).map(|(child, place)| (*child, place)).collect();
    let mut gathered: Vec<Gathered> = files.into_iter().map(|file| Gathered { held: Vec::new(), claims: Vec::new(), file }).collect();
    for (number, (child, ledger)) in found.into_iter().enumerate() {
        let Some(gathered) = places.get(&child).and_then(|place| gathered.get_mut(*place)) else { continue };
        let mut line = ledger.line.clone();
        line.ruling = rulings.get(&number).cloned();
        line.tutor_elsewhere = lines::tutor_elsewhere(db, &line, ledger.terminal)?;
        gathered.claims.push(line);
        gathered.held.push(ledger);
    }
    Ok(gathered)
}
