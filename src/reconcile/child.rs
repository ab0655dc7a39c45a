//! All lines of one child, decided together: each by itself, then slots, then ceilings by (service date, time, entry hash).

use super::compare::{agreed_units, judge, known_token};
use super::conflict::{Standing, contest};
use super::finding::{Decision, Judgement};
use super::register::{ChildFile, ClaimLine, Register};
use crate::admit::token::Token;
use crate::book::ceiling::{Use, fit};
use crate::book::rule;
use crate::book::slot::Slot;
use crate::deliver::advice::Verdict;
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::{EntryId, Hash};
use crate::words::reason::Reason;
use crate::words::service::{Pricing, Service};
use crate::words::time::UtcMs;
use std::collections::{BTreeMap, BTreeSet};

/// Decides all lines of one child, and the cancellations of them: one decision for each.
pub fn reconcile_child(lines: &[ClaimLine], child: &ChildFile, register: &Register<'_>) -> Vec<Decision> {
    let (cancelled, standing): (Vec<&ClaimLine>, Vec<&ClaimLine>) = lines.iter().partition(|line| line.cancelled_by.is_some());
    let mut decisions: Vec<Decision> = cancelled.into_iter().flat_map(cancelled_line).collect();
    decisions.extend(decided(&standing, child, register).outcome.into_iter().flatten());
    decisions
}

/// The table of all lines of a child that nobody has taken back, decided.
pub(super) fn decided<'a>(standing: &'a [&'a ClaimLine], child: &'a ChildFile, register: &'a Register<'a>) -> Table<'a> {
    let (outcome, turns) = (vec![None; standing.len()], vec![None; standing.len()]);
    let mut table = Table { lines: standing, child, register, judgements: Vec::new(), beside: BTreeSet::new(), outcome, turns, uses: Vec::new() };
    table.judge();
    table.contest_slots();
    table.doubt_lessons_at_the_same_time();
    table.doubt_meals_beside_a_flat();
    table.consume_ceilings();
    table
}

/// A redemption cancelled before it was settled comes to nothing; one that was settled stands, and its counter-record takes it back.
pub(super) fn cancelled_line(line: &ClaimLine) -> Vec<Decision> {
    let settled = line.settled.unwrap_or(Cents::ZERO);
    let decision = |id: EntryId, cents: Cents| Decision { id, verdict: Verdict::Accepted, cents, reason: None, against: None, holds: None };
    let mut both = vec![decision(line.id, settled)];
    if let Some(by) = line.cancelled_by {
        both.push(Decision { against: Some(line.id), ..decision(by, Cents::ZERO.minus(settled)) });
    }
    both
}

/// A child's lines on their way to a decision, and what the rules used on it.
pub(super) struct Table<'a> {
    pub(super) lines: &'a [&'a ClaimLine],
    child: &'a ChildFile,
    register: &'a Register<'a>,
    pub(super) judgements: Vec<Judgement>,
    /// Settled lines whose slot another line holds: what was paid for them stands, and no more is.
    beside: BTreeSet<usize>,
    pub(super) outcome: Vec<Option<Decision>>,
    /// Of each line whose turn came, what it was worth then.
    pub(super) turns: Vec<Option<Turn>>,
    /// All that draws on allowances, in the order in which it did.
    pub(super) uses: Vec<Use>,
}

/// A line's turn at the ceilings.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    /// The most it may be paid.
    pub(super) most: Cents,
    /// How much of that fitted beyond what stands of it.
    pub(super) fitted: Cents,
    /// How many of the uses came before it.
    pub(super) uses_before: usize,
    /// Not all of it fitted, or nothing was claimed.
    pub(super) is_short: bool,
    /// What was paid stands, and nothing more was looked at.
    pub(super) stands_only: bool,
}

impl<'a> Table<'a> {
    fn judge(&mut self) {
        self.judgements = self.lines.iter().map(|line| judge(line, self.child, self.register)).collect();
        for index in self.open() {
            if let (Judgement::Refused(reason), Cents::ZERO) = (self.judgements[index], self.line(index).stands()) {
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
                    Standing::Stands => {
                        self.beside.insert(index);
                    }
                    Standing::Duplicate { of } => self.lose(index, Verdict::Rejected, Reason::Duplicate, of),
                    Standing::Conflict { with, decided: true } => self.lose(index, Verdict::Rejected, Reason::Conflict, with),
                    Standing::Conflict { with, decided: false } => self.lose(index, Verdict::Pending, Reason::Conflict, with),
                }
            }
        }
    }

    /// Another line holds the slot. Where the provider was asked about this one, it waits for the answer all the same.
    fn lose(&mut self, index: usize, verdict: Verdict, reason: Reason, to: usize) {
        let (verdict, reason) = self.line(index).asked().map_or((verdict, reason), |asked| (Verdict::Pending, asked));
        self.close(index, verdict, Cents::ZERO, Some(reason), Some(to), false);
    }

    /// Of two lessons of the child at the same time the later recorded one is doubtful.
    fn doubt_lessons_at_the_same_time(&mut self) {
        let mut lessons: Vec<usize> = self.open().into_iter().filter(|index| self.line(*index).redemption.lesson.is_some()).collect();
        lessons.sort_by_key(|index| self.firmest_first(*index));
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

    /// A flat and a single meal of one month are a question for the clerk, and so are two flats. The flat is doubtful only where a
    /// meal was settled before it came.
    fn doubt_meals_beside_a_flat(&mut self) {
        let mut months: BTreeMap<CivilMonth, Vec<usize>> = BTreeMap::new();
        for index in self.open().into_iter().filter(|index| self.line(*index).redemption.benefit == Benefit::Lunch) {
            months.entry(self.line(index).redemption.day.month()).or_default().push(index);
        }
        for mut meals in months.into_values() {
            meals.sort_by_key(|index| self.firmest_first(*index));
            let Some(flat) = meals.iter().copied().find(|index| self.is_monthly(*index)) else { continue };
            let settled_meal = |index: &usize| !self.is_monthly(*index) && self.stands(*index) && !self.line(*index).is_ruled();
            if let Some(meal) = meals.iter().copied().find(settled_meal) {
                self.doubt(flat, Reason::Overlap, meal);
            }
            for other in meals.into_iter().filter(|index| *index != flat) {
                self.doubt(other, Reason::Overlap, flat);
            }
        }
    }

    /// What is settled consumes first, for it stands; then (service date, time, entry hash). A finding keeps its place until a clerk has looked.
    fn consume_ceilings(&mut self) {
        let mut uses: Vec<Use> = self.child.debits.iter().flat_map(debit_uses).collect();
        let debits = uses.len();
        let mut order = self.open();
        order.sort_by_key(|index| self.order(*index));
        uses.extend(order.iter().filter(|index| self.stands(**index)).map(|index| self.wanted(*index, self.line(*index).stands())));
        for index in order {
            let (line, stands, is_beside) = (self.line(index), self.line(index).stands(), self.beside.contains(&index));
            let (most, because, stands_only) = match self.judgements[index] {
                Judgement::Doubt { reason, against } if !self.stands(index) => {
                    let wanted = self.wanted(index, line.redemption.cents);
                    uses.extend(self.fits(index, &wanted, &uses).map(|cents| Use { cents, ..wanted }));
                    self.pend(index, reason, against);
                    continue;
                }
                Judgement::Fine { cents, because } if !self.stands(index) || (line.ruling.is_some() && !is_beside) || cents == stands => {
                    (cents.max(stands), because, false)
                }
                _ => (stands, (stands < line.redemption.cents).then_some(Reason::CeilingReached), true),
            };
            let wanted = self.beyond_what_stands(index, most);
            let fitting = self.fits(index, &wanted, &uses).unwrap_or(Cents::ZERO);
            let is_short = fitting < wanted.cents || most == Cents::ZERO;
            self.turns[index] = Some(Turn { most, fitted: fitting, uses_before: uses.len(), is_short, stands_only });
            let because = if is_short { Some(self.shortfall(index, &wanted, &uses, debits)) } else { because };
            let paid = stands.plus(fitting);
            let verdict = match paid {
                Cents::ZERO => Verdict::Rejected,
                _ if paid < line.redemption.cents => Verdict::Reduced,
                _ => Verdict::Accepted,
            };
            self.close(index, verdict, paid, because, None, paid > Cents::ZERO && !is_beside);
            if fitting > Cents::ZERO {
                uses.push(Use { cents: fitting, ..wanted });
            }
        }
        self.uses = uses;
    }

    /// How much of `wanted` its token still allows. What was never granted fits nowhere.
    fn fits(&self, index: usize, wanted: &Use, uses: &[Use]) -> Option<Cents> {
        let token = self.granting_token(index, wanted).ok()?;
        fit(token, wanted, uses, &[]).ok().map(|fit| fit.cents).filter(|cents| *cents > Cents::ZERO)
    }

    /// The token that grants this benefit at this provider on this day: no ruling pays what no token grants.
    pub(super) fn granting_token(&self, index: usize, wanted: &Use) -> Result<&'a Token, Reason> {
        let line = self.line(index);
        let token = &known_token(line, self.child).ok_or(Reason::UnknownToken)?.token;
        rule::is_valid_on(token, wanted.day)
            .and_then(|()| rule::is_entitled(token, wanted.benefit, wanted.detail.as_ref(), line.provider))
            .map_err(|refusal| refusal.reason())?;
        Ok(token)
    }

    /// Why not all of it fits: it was never granted, the office's own payments used it up, or others did.
    fn shortfall(&self, index: usize, wanted: &Use, uses: &[Use], debits: usize) -> Reason {
        if wanted.cents == Cents::ZERO {
            return Reason::NoPrice;
        }
        let without_debits = self.fits(index, wanted, uses.get(debits..).unwrap_or_default());
        match self.granting_token(index, wanted) {
            Err(reason) => reason,
            Ok(_) if without_debits == Some(wanted.cents) => Reason::SelfPaid,
            Ok(_) => Reason::CeilingReached,
        }
    }

    /// What a line takes of its allowance beyond what was settled for it: a settled lesson has taken its units and minutes already.
    pub(super) fn beyond_what_stands(&self, index: usize, most: Cents) -> Use {
        let wanted = self.wanted(index, most.minus(self.line(index).stands()));
        if self.stands(index) { Use { units: 0, lesson: None, ..wanted } } else { wanted }
    }

    fn wanted(&self, index: usize, cents: Cents) -> Use {
        let line = self.line(index);
        let r = &line.redemption;
        Use {
            day: r.day,
            benefit: r.benefit,
            detail: self.agreed_service(index).and_then(|s| s.detail.clone()),
            provider: Some(line.provider),
            units: self.agreed_service(index).and_then(|s| agreed_units(r, s)).unwrap_or(r.units),
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

    /// The slot a line can hold before all others of the office: not what it says itself, which may be another child's.
    fn held(&self, index: usize) -> Option<Slot> {
        self.agreed_service(index).map(|_| self.slot(index))
    }

    fn agreed_service(&self, index: usize) -> Option<&'a Service> {
        let line = self.line(index);
        self.register.providers.get(&line.provider)?.agreement(&line.redemption).map(|a| &a.service)
    }

    fn is_monthly(&self, index: usize) -> bool {
        self.agreed_service(index).is_some_and(|s| s.pricing == Pricing::Monthly)
    }

    /// Whether something settled of it stands.
    fn stands(&self, index: usize) -> bool {
        self.line(index).stands() > Cents::ZERO
    }

    /// What nothing can make doubtful comes first: settled or ruled on.
    fn firmest_first(&self, index: usize) -> (bool, (CivilDay, UtcMs, Hash)) {
        (!self.is_firm(index), self.order(index))
    }

    fn is_firm(&self, index: usize) -> bool {
        self.stands(index) || self.line(index).is_ruled()
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
        if !self.is_firm(index) {
            let reason = self.line(index).asked().unwrap_or(reason);
            self.judgements[index] = Judgement::Doubt { reason, against };
        }
    }

    fn pend(&mut self, index: usize, reason: Reason, against: Option<EntryId>) {
        let id = self.line(index).id;
        let holds = self.held(index);
        self.outcome[index] = Some(Decision { id, verdict: Verdict::Pending, cents: Cents::ZERO, reason: Some(reason), against, holds });
    }

    fn close(&mut self, index: usize, verdict: Verdict, cents: Cents, reason: Option<Reason>, against: Option<usize>, holds_slot: bool) {
        let id = self.line(index).id;
        let against = against.map(|other| self.line(other).id);
        let holds = self.held(index).filter(|_| holds_slot);
        self.outcome[index] = Some(Decision { id, verdict, cents, reason, against, holds });
    }
}

/// A payment of the office counts like redemptions, one in each month it is for, the sum split without remainder.
pub fn debit_uses(debit: &super::register::Debit) -> Vec<Use> {
    let (first, last) = (debit.from.month(), debit.to.month());
    let shares = debit.cents.split(last.since(first).saturating_add(1));
    let share = |(months, cents): (u32, Cents)| {
        let day = first.plus(months).first_day().max(debit.from);
        Use { day, benefit: debit.benefit, detail: None, provider: None, units: 0, cents, lesson: None }
    };
    (0..).zip(shares).map(share).collect()
}
