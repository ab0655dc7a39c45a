//! How a month's lines, sums and payments are shown to one reader.

use super::{Frame, fill};
use crate::book::slot::Lesson;
use crate::deliver::advice::Verdict;
use crate::shell::store::terminal::{BatchRow, BatchState, MonthLine, MonthPayment, MonthSum, OfficeNumber};
use crate::shell::texts::Language;
use crate::shell::web::terminal::shape::entry_id;
use crate::terminal::Terminal;
use crate::terminal::month::{Confirmed, Progress};
use crate::terminal::view::OfficeStatus;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, clock_text};
use crate::words::code::Code;

pub(super) struct Office {
    pub name: String,
    pub entries: u64,
    pub oldest: String,
    pub heard: String,
    pub disputed: bool,
    /// Claims that a clerk must look at first: when they were made up, and why.
    pub stuck: Vec<String>,
}

pub(super) struct Payment {
    /// The transfer's reference.
    pub id: String,
    /// Whether this says that the bank gave the transfer back; the amounts are then those that came back.
    pub back: bool,
    pub office: String,
    pub execution: String,
    pub transfer: String,
    pub ours: String,
    pub whole: bool,
    pub here: Option<String>,
}

pub(super) struct Sum {
    pub office: String,
    pub service: String,
    pub count: u64,
    pub units: u64,
    pub claimed: String,
    pub answered: u64,
    pub returned: u64,
    pub granted: String,
    pub paid: String,
}

pub(super) struct Line {
    pub id: String,
    pub seq: u64,
    pub day: String,
    pub service: String,
    pub who: String,
    pub hint: String,
    pub cents: String,
    pub cancelled: bool,
    pub verdict: &'static str,
    pub verdict_name: &'static str,
    pub reason: String,
    pub granted: String,
    pub paid: String,
    pub references: String,
    pub dealt_with: bool,
    /// What a correction begins with.
    pub edit: Edit,
}

pub(super) struct Edit {
    pub office: String,
    pub code: String,
    pub day: CivilDay,
    pub amount: String,
    pub starts: String,
    pub ends: String,
}

pub(super) struct Choice {
    pub office: String,
    pub code: String,
    pub label: String,
    pub kind: &'static str,
}

/// How things are shown to one reader.
pub(super) struct Shown<'a> {
    pub terminal: &'a Terminal,
    pub frame: &'a Frame,
}

impl Shown<'_> {
    pub fn money(&self, cents: Cents) -> String {
        self.frame.language().money(cents)
    }

    pub fn label(&self, code: &Code) -> String {
        self.terminal.offices().service(code).map_or(code.to_string(), |(_, service)| service.label.clone())
    }

    pub fn office_name(&self, number: OfficeNumber) -> (String, String) {
        let found = self.terminal.offices().with_number(number);
        found.map(|(office, trust)| (office.id.to_string(), trust.office_name.clone())).unwrap_or_default()
    }

    pub fn office(&self, office: &OfficeStatus, stuck: &[BatchRow]) -> Office {
        let stuck = stuck.iter().map(|batch| {
            let key = if batch.state == BatchState::Disputed { "month.stuck_disputed" } else { "month.stuck" };
            let reason = batch.reason.as_deref().map(|reason| self.frame.reason(reason)).unwrap_or_default();
            format!("{} {reason}", fill(self.frame.t(key), &[("day", &self.frame.language().moment(batch.sealed_at))])).trim().to_owned()
        });
        Office {
            name: office.name.clone(),
            entries: office.pending.entries,
            oldest: office.pending.oldest.map(|at| self.frame.language().moment(at)).unwrap_or_default(),
            heard: if office.heard_at.0 > 0 { self.frame.language().moment(office.heard_at) } else { String::new() },
            disputed: office.disputed,
            stuck: stuck.collect(),
        }
    }

    pub fn payment(&self, payment: &MonthPayment) -> Payment {
        let back = payment.transfer < Cents::ZERO;
        // A return bears the transfer's reference with a Z (zurück) behind it (formats, advice).
        let id = payment.end_to_end_id.strip_suffix('Z').filter(|_| back).unwrap_or(&payment.end_to_end_id);
        let amount = |cents: Cents| self.money(if back { Cents::ZERO.minus(cents) } else { cents });
        Payment {
            id: id.to_owned(),
            back,
            office: self.office_name(payment.office).1,
            execution: self.frame.language().day(payment.execution),
            transfer: amount(payment.transfer),
            ours: amount(payment.ours),
            whole: payment.ours == payment.transfer && payment.here == Some(payment.transfer),
            here: payment.here.map(amount),
        }
    }

    pub fn sum(&self, sum: &MonthSum) -> Sum {
        Sum {
            office: self.office_name(sum.office).1,
            service: self.label(&sum.service),
            count: sum.count,
            units: sum.units,
            claimed: self.money(sum.claimed),
            answered: sum.answered,
            returned: sum.returned,
            granted: self.money(sum.granted),
            paid: self.money(sum.paid),
        }
    }

    pub fn total(&self, sums: &[MonthSum]) -> Sum {
        let cents = |of: fn(&MonthSum) -> Cents| self.money(sums.iter().map(of).sum());
        let count = |of: fn(&MonthSum) -> u64| sums.iter().map(of).sum();
        Sum {
            office: String::new(),
            service: String::new(),
            count: count(|sum| sum.count),
            units: count(|sum| sum.units),
            claimed: cents(|sum| sum.claimed),
            answered: count(|sum| sum.answered),
            returned: count(|sum| sum.returned),
            granted: cents(|sum| sum.granted),
            paid: cents(|sum| sum.paid),
        }
    }

    /// What is said of a line: its class and its word.
    pub fn verdict(&self, line: &MonthLine, confirmed: &Confirmed) -> (&'static str, &'static str) {
        let frame = self.frame;
        match confirmed.progress(line) {
            _ if line.cancelled_by.is_some() => ("gone", frame.t("month.cancelled")),
            Progress::Answered(Verdict::Accepted) => ("accepted", frame.t("month.accepted")),
            Progress::Answered(Verdict::Reduced) => ("reduced", frame.t("month.reduced")),
            Progress::Answered(Verdict::Rejected) => ("rejected", frame.t("month.rejected")),
            Progress::Answered(Verdict::Pending) => ("pending", frame.t("month.in_question")),
            Progress::Received => ("pending", frame.t("month.received")),
            Progress::OnTheWay => ("pending", frame.t("month.on_the_way")),
        }
    }

    /// Why, in the office's words; a cancelled line needs none.
    pub fn why(&self, line: &MonthLine) -> String {
        let advised = line.advised.as_ref().filter(|advised| !advised.reason.is_empty() && line.cancelled_by.is_none());
        advised.map(|advised| self.frame.reason_text(&advised.reason)).unwrap_or_default()
    }

    /// What is granted, less what is taken back.
    pub fn granted(line: &MonthLine) -> Option<Cents> {
        let advised = line.advised.as_ref()?;
        Some(advised.cents.plus(line.taken_back.unwrap_or(Cents::ZERO)))
    }

    pub fn line(&self, line: &MonthLine, confirmed: &Confirmed) -> Line {
        let (verdict, verdict_name) = self.verdict(line, confirmed);
        let hint = line.hint.clone().unwrap_or_default();
        let person = line.person.as_ref().map(|p| if p.number.is_empty() { p.name.clone() } else { format!("{} ({})", p.name, p.number) });
        let minute = |of: fn(Lesson) -> u32| line.lesson.map(|lesson| clock_text(of(lesson))).unwrap_or_default();
        Line {
            id: entry_id(self.terminal.id(), line.seq),
            seq: line.seq,
            day: self.frame.language().day(line.day),
            service: self.label(&line.service),
            hint: if person.is_some() { hint.clone() } else { String::new() },
            who: person.unwrap_or(hint),
            cents: self.money(line.cents),
            cancelled: line.cancelled_by.is_some(),
            verdict,
            verdict_name,
            reason: self.why(line),
            granted: Self::granted(line).map(|cents| self.money(cents)).unwrap_or_default(),
            paid: if line.paid == Cents::ZERO { String::new() } else { self.money(line.paid) },
            references: line.references.clone(),
            dealt_with: line.dealt_with,
            edit: Edit {
                office: self.office_name(line.office).0,
                code: line.service.to_string(),
                day: line.day,
                amount: decimal(line.cents, self.frame.language()),
                starts: minute(|lesson| lesson.start),
                ends: minute(|lesson| lesson.end),
            },
        }
    }
}

/// An amount for a spreadsheet, with the decimal sign of the language.
pub(super) fn decimal(cents: Cents, language: Language) -> String {
    let comma = language.money(Cents::ZERO).contains(',');
    if comma { cents.decimal().replace('.', ",") } else { cents.decimal() }
}
