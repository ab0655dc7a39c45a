//! All lines of one child, decided together: each by itself, then slots, then ceilings by (service date, time, entry hash).

use super::compare::judge;
use super::conflict::{Standing, contest};
use super::finding::{Decision, Judgement};
use super::register::{ChildFile, ClaimLine, Register};
use crate::book::ceiling::{Use, fit};
use crate::book::slot::Slot;
use crate::deliver::advice::Verdict;
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::{EntryId, Hash};
use crate::words::reason::Reason;
use crate::words::service::{Pricing, Service};
use crate::words::time::UtcMs;
use std::collections::BTreeMap;

/// Decides all lines of one child, and the cancellations of them: one decision for each.
pub fn reconcile_child(lines: &[ClaimLine], child: &ChildFile, register: &Register<'_>) -> Vec<Decision> {
    let (cancelled, standing): (Vec<&ClaimLine>, Vec<&ClaimLine>) = lines.iter().partition(|line| line.cancelled_by.is_some());
    let mut decisions: Vec<Decision> = cancelled.into_iter().flat_map(cancelled_line).collect();
    let mut table = Table { lines: &standing, child, register, judgements: Vec::new(), outcome: vec![None; standing.len()] };
    table.judge();
    table.contest_slots();
    table.doubt_lessons_at_the_same_time();
    table.doubt_meals_beside_a_flat();
    table.consume_ceilings();
    decisions.extend(table.outcome.into_iter().flatten());
    decisions
}

/// A redemption cancelled before it was settled comes to nothing; one that was settled stands, and its counter-record takes it back.
fn cancelled_line(line: &ClaimLine) -> Vec<Decision> {
    let settled = line.settled.unwrap_or(Cents::ZERO);
    let decision = |id: EntryId, cents: Cents| Decision { id, verdict: Verdict::Accepted, cents, reason: None, against: None, holds: None };
    let mut both = vec![decision(line.id, settled)];
    if let Some(by) = line.cancelled_by {
        both.push(Decision { against: Some(line.id), ..decision(by, Cents::ZERO.minus(settled)) });
    }
    both
}

struct Table<'a> {
    lines: &'a [&'a ClaimLine],
    child: &'a ChildFile,
    register: &'a Register<'a>,
    judgements: Vec<Judgement>,
    outcome: Vec<Option<Decision>>,
}

impl<'a> Table<'a> {
    fn judge(&mut self) {
        self.judgements = self.lines.iter().map(|line| judge(line, self.child, self.register)).collect();
        for index in 0..self.lines.len() {
            let refused = match (self.judgements.get(index), self.line(index).settled) {
                (Some(Judgement::Refused(reason)), None) => Some(*reason),
                (Some(Judgement::Refused(reason)), Some(_)) if self.line(index).ruling.is_some() => Some(*reason),
                _ => None,
            };
            if let Some(reason) = refused {
                self.close(index, Verdict::Rejected, Cents::ZERO, Some(reason), None, false);
            }
        }
    }

    fn contest_slots(&mut self) {
        let mut slots: BTreeMap<Slot, Vec<usize>> = BTreeMap::new();
        for index in self.open() {
            slots.entry(self.slot(index)).or_default().push(index);
        }
        for contenders in slots.into_values().filter(|contenders| contenders.len() > 1) {
            for (index, standing) in contest(&contenders, self.lines, self.child, self.register) {
                match standing {
                    Standing::Winner => {}
                    Standing::Duplicate { of } => {
                        self.close(index, Verdict::Rejected, Cents::ZERO, Some(Reason::Duplicate), Some(of), false);
                    }
                    Standing::Conflict { with, decided } => {
                        let verdict = if decided { Verdict::Rejected } else { Verdict::Pending };
                        self.close(index, verdict, Cents::ZERO, Some(Reason::Conflict), Some(with), false);
                    }
                }
            }
        }
    }

    /// Of two lessons of the child at the same time the later recorded one is doubtful.
    fn doubt_lessons_at_the_same_time(&mut self) {
        let mut lessons: Vec<usize> = self.open().into_iter().filter(|index| self.line(*index).redemption.lesson.is_some()).collect();
        lessons.sort_by_key(|index| self.order(*index));
        for (place, index) in lessons.iter().enumerate() {
            let (day, lesson) = (self.line(*index).redemption.day, self.line(*index).redemption.lesson);
            let at_the_same_time = |other: &&usize| {
                let other = &self.line(**other).redemption;
                other.day == day && other.lesson.zip(lesson).is_some_and(|(a, b)| a.overlaps(b))
            };
            if let Some(other) = lessons.iter().take(place).find(at_the_same_time).copied() {
                self.doubt(*index, Reason::LessonOverlap, other);
            }
        }
    }

    /// A flat and a single meal of one month are a question for the clerk.
    fn doubt_meals_beside_a_flat(&mut self) {
        let meals: Vec<usize> = self.open().into_iter().filter(|index| self.line(*index).redemption.benefit == Benefit::Lunch).collect();
        let flats: BTreeMap<CivilMonth, usize> =
            meals.iter().filter(|index| self.is_monthly(**index)).map(|index| (self.line(*index).redemption.day.month(), *index)).collect();
        let beside: Vec<(usize, usize)> = meals
            .into_iter()
            .filter(|index| !self.is_monthly(*index))
            .filter_map(|index| flats.get(&self.line(index).redemption.day.month()).map(|flat| (index, *flat)))
            .collect();
        for (index, flat) in beside {
            self.doubt(index, Reason::Overlap, flat);
        }
    }

    /// What is settled consumes first, for it stands; then (service date, time, entry hash). A finding keeps its place until a clerk has looked.
    fn consume_ceilings(&mut self) {
        let mut uses: Vec<Use> = self.child.debits.iter().map(debit_use).collect();
        let debits = uses.len();
        let mut order = self.open();
        order.sort_by_key(|index| (!self.stands(*index), self.order(*index)));
        for index in order {
            let line = self.line(index);
            if let (true, Some(settled)) = (self.stands(index), line.settled) {
                uses.push(Use { cents: settled, ..self.wanted(index, settled) });
                let (verdict, reason) =
                    if settled < line.redemption.cents { (Verdict::Reduced, Some(Reason::CeilingReached)) } else { (Verdict::Accepted, None) };
                self.close(index, verdict, settled, reason, None, true);
                continue;
            }
            match self.judgements.get(index).copied() {
                Some(Judgement::Doubt { reason, against }) => {
                    let wanted = self.wanted(index, line.redemption.cents);
                    if let Some(cents) = self.fits(index, &wanted, &uses) {
                        uses.push(Use { cents, ..wanted });
                    }
                    self.pend(index, reason, against);
                }
                Some(Judgement::Fine { cents, because }) => {
                    let wanted = self.wanted(index, cents);
                    match self.fits(index, &wanted, &uses) {
                        Some(fitting) => {
                            let because = if fitting < cents { Some(self.exhausted(index, &wanted, &uses, debits)) } else { because };
                            let verdict = if fitting < line.redemption.cents { Verdict::Reduced } else { Verdict::Accepted };
                            self.close(index, verdict, fitting, because, None, true);
                            uses.push(Use { cents: fitting, ..wanted });
                        }
                        None => {
                            let reason = self.exhausted(index, &wanted, &uses, debits);
                            self.close(index, Verdict::Rejected, Cents::ZERO, Some(reason), None, false);
                        }
                    }
                }
                Some(Judgement::Refused(_)) | None => {}
            }
        }
    }

    /// How much of `wanted` its token still allows. A line whose token is not known here fits nowhere.
    fn fits(&self, index: usize, wanted: &Use, uses: &[Use]) -> Option<Cents> {
        let registered = self.child.tokens.get(&self.line(index).redemption.token)?;
        fit(&registered.token, wanted, uses, &[]).ok().map(|fit| fit.cents).filter(|cents| *cents > Cents::ZERO)
    }

    /// Whether providers used the allowance up, or the office's own payments did.
    fn exhausted(&self, index: usize, wanted: &Use, uses: &[Use], debits: usize) -> Reason {
        let without_debits = self.fits(index, wanted, uses.get(debits..).unwrap_or_default());
        if without_debits == Some(wanted.cents) { Reason::SelfPaid } else { Reason::CeilingReached }
    }

    fn wanted(&self, index: usize, cents: Cents) -> Use {
        let line = self.line(index);
        let r = &line.redemption;
        Use {
            day: r.day,
            benefit: r.benefit,
            detail: self.agreed_service(index).and_then(|s| s.detail.clone()),
            provider: Some(line.provider),
            units: r.units,
            cents,
            lesson: r.lesson,
        }
    }

    /// The office computes the slot itself where it knows the service; what the line says counts only where it does not.
    fn slot(&self, index: usize) -> Slot {
        let line = self.line(index);
        match self.agreed_service(index) {
            Some(service) => line.occasion(service).slot(self.register.office, line.redemption.handle),
            None => Slot { day: line.redemption.day, id: line.redemption.slot },
        }
    }

    fn agreed_service(&self, index: usize) -> Option<&'a Service> {
        let line = self.line(index);
        self.register.providers.get(&line.provider)?.agreement(&line.redemption).map(|a| &a.service)
    }

    fn is_monthly(&self, index: usize) -> bool {
        self.agreed_service(index).is_some_and(|s| s.pricing == Pricing::Monthly)
    }

    /// What is settled stands until a ruling.
    fn stands(&self, index: usize) -> bool {
        let line = self.line(index);
        line.settled.is_some() && line.ruling.is_none()
    }

    fn order(&self, index: usize) -> (CivilDay, UtcMs, Hash) {
        let line = self.line(index);
        (line.redemption.day, line.time(), line.hash)
    }

    fn line(&self, index: usize) -> &'a ClaimLine {
        self.lines[index]
    }

    fn open(&self) -> Vec<usize> {
        self.outcome.iter().enumerate().filter(|(_, outcome)| outcome.is_none()).map(|(index, _)| index).collect()
    }

    /// Makes a line doubtful, unless a clerk has ruled on it or it is settled.
    fn doubt(&mut self, index: usize, reason: Reason, against: usize) {
        let against = Some(self.line(against).id);
        if self.line(index).ruling.is_none() && self.line(index).settled.is_none() {
            self.judgements[index] = Judgement::Doubt { reason, against };
        }
    }

    fn pend(&mut self, index: usize, reason: Reason, against: Option<EntryId>) {
        let id = self.line(index).id;
        let holds = Some(self.slot(index));
        self.outcome[index] = Some(Decision { id, verdict: Verdict::Pending, cents: Cents::ZERO, reason: Some(reason), against, holds });
    }

    fn close(&mut self, index: usize, verdict: Verdict, cents: Cents, reason: Option<Reason>, against: Option<usize>, holds_slot: bool) {
        let id = self.line(index).id;
        let against = against.map(|other| self.line(other).id);
        let holds = holds_slot.then(|| self.slot(index));
        self.outcome[index] = Some(Decision { id, verdict, cents, reason, against, holds });
    }
}

/// A payment of the office draws on the allowance from its first day on, as a redemption of that day would.
fn debit_use(debit: &super::register::Debit) -> Use {
    Use { day: debit.from, benefit: debit.benefit, detail: None, provider: None, units: 0, cents: debit.cents, lesson: None }
}
