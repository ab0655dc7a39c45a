//! What clerks decide on lines: one by one, or many equal ones at once.

use super::calendar::provider_files as providers_of;
use super::{Action, Office, OfficeError, Work};
use crate::deliver::advice::Verdict;
use crate::reconcile::compare::agreed_amount;
use crate::reconcile::finding::Tally;
use crate::reconcile::register::Register;
use crate::reconcile::ruling::{Choice, Ruling};
use crate::shell::store::office::findings::{self, GroupKey};
use crate::shell::store::office::views::LineView;
use crate::shell::store::office::{admission, lines, views};
use crate::words::cents::Cents;
use crate::words::ids::EntryId;
use crate::words::reason::Reason;
use crate::words::time::UtcMs;
use serde::Serialize;
use std::collections::BTreeSet;

/// What is decided on each of many equal lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Equally {
    /// The same for each.
    Each(Choice),
    /// Pay what was agreed for it.
    CutToPrice,
}

/// A clerk's decision on lines of one group.
#[derive(Clone, Debug)]
pub struct BulkRuling {
    /// The group as the clerk saw it: a line that has left it since is not decided.
    pub group: GroupKey,
    /// When the clerk looked: a line that was ruled on since is not decided.
    pub looked: UtcMs,
    /// What is decided.
    pub what: Equally,
    /// Why, as the provider will read it.
    pub reason: Reason,
    /// Stays in the office.
    pub note: String,
    /// Who decides.
    pub clerk: String,
}

/// What became of the lines of a bulk decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BulkOutcome {
    /// Decided.
    pub decided: u64,
    /// Left out, for they have changed since the clerk looked.
    pub changed: u64,
    /// Left out, for they claim no more than they would be cut to.
    pub not_less: u64,
    /// Left out, for another line of the slot has been paid.
    pub paid_elsewhere: u64,
}

impl BulkOutcome {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            decided: self.decided + other.decided,
            changed: self.changed + other.changed,
            not_less: self.not_less + other.not_less,
            paid_elsewhere: self.paid_elsewhere + other.paid_elsewhere,
        }
    }
}

impl Office {
    /// A clerk's ruling on one line; the line and all of its child are decided anew, and whatever else is new. Answers the lines not yet
    /// settled, by verdict.
    pub fn rule(&mut self, line: EntryId, choice: Choice, reason: Reason, note: &str, clerk: &str, now: UtcMs) -> Result<Tally, OfficeError> {
        self.rule_one(line, choice, reason, note, clerk, now)?;
        self.reconcile(now)
    }

    /// A clerk's ruling on one line; it and all of its child are decided anew.
    pub fn rule_one(&mut self, line: EntryId, choice: Choice, reason: Reason, note: &str, clerk: &str, now: UtcMs) -> Result<(), OfficeError> {
        let touched = self.in_transaction(|work| {
            let view = views::line(&work.db, line)?.ok_or_else(|| no_such_line(line))?;
            let child = work.rule(&view, choice, reason, note, clerk, now)?;
            work.decide_anew(&BTreeSet::from([child]), now)
        })?;
        self.advise_lines(&touched, now)
    }

    /// What was agreed for what a line claims; none where nothing was.
    pub fn agreed_amount(&self, line: EntryId) -> Result<Option<Cents>, OfficeError> {
        let providers = providers_of(&self.db)?;
        let register = Register { office: &self.profile.id, policy: &self.profile.policy, providers: &providers };
        Ok(lines::one(&self.db, &self.profile.id, line)?.and_then(|ledger| agreed_amount(&ledger.line, &register)))
    }

    /// A clerk's ruling on equal lines, one row each. What has changed since the clerk looked is left out and counted.
    pub fn rule_equal(&mut self, lines: &[EntryId], bulk: &BulkRuling, now: UtcMs) -> Result<BulkOutcome, OfficeError> {
        let (outcome, touched) = self.in_transaction(|work| {
            let (mut outcome, mut children) = (BulkOutcome::default(), BTreeSet::new());
            let providers = providers_of(&work.db)?;
            for id in lines {
                let Some(view) = views::line(&work.db, *id)?.filter(|view| work.is_unchanged(view, bulk).unwrap_or(false)) else {
                    outcome.changed += 1;
                    continue;
                };
                let choice = match bulk.what {
                    Equally::Each(choice) => Some(choice),
                    Equally::CutToPrice => {
                        let register = Register { office: &work.profile.id, policy: &work.profile.policy, providers: &providers };
                        lines::one(&work.db, &work.profile.id, *id)?.and_then(|ledger| agreed_amount(&ledger.line, &register)).map(Choice::Cut)
                    }
                };
                let Some(choice) = choice.filter(|choice| !matches!(choice, Choice::Cut(cents) if *cents >= view.claimed)) else {
                    outcome.not_less += 1;
                    continue;
                };
                match work.rule(&view, choice, bulk.reason, &bulk.note, &bulk.clerk, now) {
                    Ok(child) => {
                        children.insert(child);
                        outcome.decided += 1;
                    }
                    Err(OfficeError::PaidElsewhere) => outcome.paid_elsewhere += 1,
                    Err(why) => return Err(why),
                }
            }
            Ok((outcome, work.decide_anew(&children, now)?))
        })?;
        self.advise_lines(&touched, now)?;
        Ok(outcome)
    }

    /// Sends what a ruling changed to the terminals it came from.
    fn advise_lines(&mut self, touched: &[EntryId], now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            let mut batches = BTreeSet::new();
            for id in touched {
                batches.extend(lines::batch_to_advise(&work.db, *id)?);
            }
            batches.into_iter().try_for_each(|batch| work.advise_batch(batch, now))
        })
    }
}

impl Work<'_> {
    /// Whether a line is what the clerk saw in the group.
    fn is_unchanged(&self, view: &LineView, bulk: &BulkRuling) -> Result<bool, OfficeError> {
        let waits = view.verdict == Verdict::Pending && findings::group_of(&self.db, view.id)?.as_ref() == Some(&bulk.group);
        Ok(waits && findings::last_ruling(&self.db, view.id)?.is_none_or(|last| last.at < bulk.looked))
    }

    /// Keeps a ruling and logs it. Answers the child, whose lines must be decided anew.
    fn rule(&mut self, view: &LineView, choice: Choice, reason: Reason, note: &str, clerk: &str, now: UtcMs) -> Result<i64, OfficeError> {
        let (id, clerk) = (view.id, clerk.trim());
        if clerk.is_empty() {
            return Err(OfficeError::Wrong("a ruling needs the name of the clerk who makes it".into()));
        }
        let reason = if choice == Choice::Ask { Reason::PleaseClarify } else { reason };
        self.is_possible(view, choice)?;
        let terminal = admission::terminal(&self.db, id.terminal)?.ok_or_else(|| no_such_line(id))?.id;
        let ruling = Ruling { choice, reason, at: now };
        lines::insert_ruling(&self.db, terminal, id.seq, &ruling, (clerk, note), self.finding(view)?.as_deref())?;
        let what = match choice {
            Choice::Accept => "anerkannt".to_owned(),
            Choice::Cut(cents) => format!("gekürzt auf {cents} ({reason})"),
            Choice::Reject => format!("abgelehnt ({reason})"),
            Choice::Ask => "zurückgefragt".to_owned(),
        };
        self.note(clerk, Action::Rule, &format!("line/{}/{}", id.terminal, id.seq), &what, now)?;
        lines::child_of(&self.db, terminal, id.seq)?.ok_or_else(|| no_such_line(id))
    }

    fn is_possible(&self, view: &LineView, choice: Choice) -> Result<(), OfficeError> {
        let is_paid = |line: &LineView| line.settled.is_some_and(|cents| cents > Cents::ZERO);
        if choice == Choice::Ask && is_paid(view) {
            return Err(OfficeError::PaidAlready);
        }
        let pays = matches!(choice, Choice::Accept | Choice::Cut(_));
        if pays && view.verdict == Verdict::Rejected && lines::is_paid_beside(&self.db, view.id)? {
            return Err(OfficeError::PaidElsewhere);
        }
        if pays && self.finding(view)?.as_deref() == Some(Reason::Conflict.code()) {
            let other = view.against.map(|id| views::line(&self.db, id)).transpose()?.flatten();
            if other.as_ref().is_some_and(is_paid) {
                return Err(OfficeError::PaidElsewhere);
            }
        }
        Ok(())
    }

    /// What is doubtful with a line; where its provider was asked, what was doubtful before.
    fn finding(&self, view: &LineView) -> Result<Option<String>, OfficeError> {
        if view.reason.as_deref() != Some(Reason::PleaseClarify.code()) {
            return Ok(view.reason.clone());
        }
        Ok(findings::last_ruling(&self.db, view.id)?.and_then(|last| last.about))
    }

    /// Decides all lines of these children anew; answers the lines that changed.
    fn decide_anew(&mut self, children: &BTreeSet<i64>, now: UtcMs) -> Result<Vec<EntryId>, OfficeError> {
        let children: Vec<_> = children.iter().map(|child| (*child, Vec::new())).collect();
        self.decide_children(&children, &providers_of(&self.db)?, now)
    }
}

fn no_such_line(id: EntryId) -> OfficeError {
    OfficeError::NotFound(format!("there is no line {} of terminal {}", id.seq, id.terminal))
}
