//! What the bank says: payments are booked, or come back and are owed again; and what providers pay back by themselves.

use super::audit::Action;
use super::settle::{accounts, clerk, run_number};
use super::{Office, OfficeError, Work};
use crate::settle::account::Iban;
use crate::settle::returned::{is_account_error, is_duplicate};
use crate::settle::run::{Run, RunNumber};
use crate::settle::selection::Selection;
use crate::settle::settlement::Draft;
use crate::shell::sheet::bank::BankFile;
use crate::shell::sheet::camt::{Direction, Entry, Statement};
use crate::shell::sheet::pain002::StatusReport;
use crate::shell::store::office::bank::{self, PaymentState, Repayment};
use crate::shell::store::office::{admission, lines, payable, payments};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{Hash, ProviderNumber};
use crate::words::time::UtcMs;
use rusqlite::Connection;
use serde::Serialize;
use std::collections::BTreeMap;

/// The longest note on a repayment in characters.
pub const MAX_REPAYMENT_NOTE: usize = 200;

/// What a bank file said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CamtOutcome {
    /// Payments of ours that the bank has booked.
    pub booked: Vec<String>,
    /// Payments of ours that came back or were rejected: their lines are open again.
    pub returned: Vec<String>,
    /// Those known before.
    pub known: u64,
    /// Entries that are no payments of ours.
    pub others: u64,
    /// What a clerk must look at: the reference, and what does not fit.
    pub unclear: Vec<(String, Doubt)>,
}

/// Why an entry with a reference of ours changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The amount is not that of the payment.
    OtherAmount,
    /// It was booked after it came back or was rejected.
    BookedAfterReturn,
    /// It is said to be rejected, but was booked, or was rejected only because it was handed in twice.
    PaidAllTheSame,
    /// The bank booked it on another day too.
    BookedTwice,
    /// The bank booked a whole order of ours, but not the sum that stands.
    OtherSum,
}

/// Providers whose account must be looked at before anything is paid to it: the last payment to this very account came back for its
/// sake. With the bank's reason.
pub fn blocked(db: &Connection) -> Result<BTreeMap<ProviderNumber, String>, OfficeError> {
    let returns = bank::unchecked_returns(db)?;
    if returns.iter().all(|(.., reason)| !is_account_error(reason)) {
        return Ok(BTreeMap::new());
    }
    let ibans: BTreeMap<_, _> = admission::providers(db)?.into_iter().map(|provider| (provider.number, provider.iban)).collect();
    let same = |(provider, iban, reason): &(ProviderNumber, String, String)| ibans.get(provider) == Some(iban) && is_account_error(reason);
    Ok(returns.into_iter().filter(same).map(|(provider, _, reason)| (provider, reason)).collect())
}

impl Office {
    /// Takes in a bank's file of either kind, whose bytes have this hash.
    pub fn import_bank(&mut self, file: &BankFile, hash: Hash, by: &str, now: UtcMs) -> Result<CamtOutcome, OfficeError> {
        if let BankFile::Statements(statements) = file {
            self.is_ours(statements)?;
        }
        self.in_transaction(|work| {
            let outcome = match file {
                BankFile::Statements(statements) => work.take_statements(statements, now)?,
                BankFile::Report(report) => work.take_report(report, now)?,
            };
            let CamtOutcome { booked, returned, known, others, unclear } = &outcome;
            let counts = [booked.len() as u64, returned.len() as u64, *known, *others, unclear.len() as u64];
            let kind = file.kind().to_owned();
            bank::insert_file(&work.db, &bank::BankFile { hash, at: now, clerk: by.to_owned(), kind, counts })?;
            work.note(by, Action::Bank, file.kind(), &format!("{} booked, {} returned", booked.len(), returned.len()), now)?;
            Ok(outcome)
        })
    }

    fn is_ours(&self, statements: &[Statement]) -> Result<(), OfficeError> {
        let own = self.profile.debtor.iban();
        match statements.iter().find(|s| iban::IbanLike::electronic_str(&s.account) != own.electronic()) {
            Some(other) => Err(OfficeError::OtherAccount { theirs: other.account.to_string(), ours: own.to_string() }),
            None => Ok(()),
        }
    }

    /// A clerk looked at the account of a provider to whom nothing is paid before that. The account on record is right after all: it is
    /// paid to again. Another one waits for a second clerk, like every change of an account. Answers whether it waits.
    pub fn check_account(&mut self, provider: ProviderNumber, iban: &Iban, by: &str, now: UtcMs) -> Result<bool, OfficeError> {
        let known = admission::provider(&self.db, provider)?.ok_or_else(|| OfficeError::NotFound(format!("there is no provider {provider}")))?;
        if !blocked(&self.db)?.contains_key(&provider) {
            return Err(OfficeError::Overtaken);
        }
        if known.iban != iban.electronic() {
            self.change_iban(provider, iban.electronic(), by, now)?;
            return Ok(true);
        }
        self.in_transaction(|work| {
            bank::check_account(&work.db, provider, iban.electronic(), by, now)?;
            work.note(by, Action::Provider, &format!("provider/{provider}"), "account confirmed", now)?;
            Ok(false)
        })
    }

    /// Closes what a provider owes: he has paid back exactly that, on `day`. Answers the number under which it is settled.
    pub fn repaid(&mut self, provider: ProviderNumber, cents: Cents, day: CivilDay, note: &str, by: &str, now: UtcMs) -> Result<u32, OfficeError> {
        let by = clerk(by)?;
        let note: String = note.trim().chars().take(MAX_REPAYMENT_NOTE).collect();
        self.in_transaction(|work| {
            if let Some(waiting) = payments::signed_once(&work.db)? {
                return Err(OfficeError::RunWaits { number: waiting.number, by: waiting.first.0 });
            }
            let selection = Selection { providers: Some([provider].into()), ..Selection::default() };
            let open = payable::open_lines(&work.db, &selection)?;
            let number = payments::next_number(&work.db)?;
            let run = Run { office: work.profile.id.clone(), number: run_number(number)?, execution_date: CivilDay::of(now) };
            let execution = run.execution_date;
            let signed = Draft::of(run, selection.clone(), open, &accounts(&work.db)?, now)?.sign(by.clone(), now);
            let owed = signed.plan().carried_over.first().map_or(Cents::ZERO, |carried| Cents::ZERO.minus(carried.sum));
            if owed != cents || owed == Cents::ZERO {
                return Err(OfficeError::Overtaken);
            }
            let lines = signed.plan().carried_over.iter().map(|carried| carried.lines.len() as u64).sum::<u64>();
            let (content, first) = (signed.first().content, (by.as_str().to_owned(), now));
            payments::insert_signed(&work.db, &payments::RunRow { number, released: false, execution, selection, content, first, second: None })?;
            payable::insert_drawn(&work.db, signed.plan())?;
            if payable::settle_drawn(&work.db, number, true)? != lines {
                return Err(OfficeError::Overtaken);
            }
            let clerk = by.as_str().to_owned();
            bank::insert_repayment(&work.db, &Repayment { run: number, provider, cents, day, note, clerk })?;
            lines::batches_to_advise(&work.db, usize::MAX)?.into_iter().try_for_each(|batch| work.advise_batch(batch, now))?;
            work.note(by.as_str(), Action::Release, &format!("run/{number}"), &format!("repaid by provider {provider}"), now)?;
            Ok(number)
        })
    }
}

impl Work<'_> {
    fn take_statements(&mut self, statements: &[Statement], now: UtcMs) -> Result<CamtOutcome, OfficeError> {
        let mut outcome = CamtOutcome::default();
        for entry in statements.iter().flat_map(|s| &s.entries) {
            let payments = self.payments_of(entry)?;
            match entry.order_id.as_deref().filter(|order| self.run_of(order).is_some()) {
                Some(order) if payments.is_empty() && entry.end_to_end_id.is_none() => outcome.unclear.push((order.to_owned(), Doubt::OtherSum)),
                _ if payments.is_empty() => outcome.others += 1,
                _ => {}
            }
            for payment in payments {
                self.take_entry(entry, &payment, &mut outcome, now)?;
            }
        }
        Ok(outcome)
    }

    /// The payments an entry is about: by its reference; or, where the bank books a whole order in one sum, all of the run that come to it.
    fn payments_of(&self, entry: &Entry) -> Result<Vec<PaymentState>, OfficeError> {
        if let Some(id) = &entry.end_to_end_id {
            return Ok(bank::payment(&self.db, id)?.into_iter().collect());
        }
        let Some(run) = entry.order_id.as_deref().and_then(|order| self.run_of(order)) else { return Ok(Vec::new()) };
        let all = bank::of_run(&self.db, run)?;
        let standing: Vec<_> = all.iter().filter(|payment| payment.returned.is_none()).cloned().collect();
        let sum = |payments: &[PaymentState]| payments.iter().map(|payment| payment.cents).sum::<Cents>();
        Ok(match entry.cents {
            cents if cents == sum(&all) => all,
            cents if cents == sum(&standing) => standing,
            _ => Vec::new(),
        })
    }

    /// The run with this id of a payment file.
    fn run_of(&self, message_id: &str) -> Option<u32> {
        let number = message_id.strip_prefix(&format!("{}-R", self.profile.id))?.parse().ok()?;
        RunNumber::new(number).map(RunNumber::get)
    }

    fn take_entry(&mut self, entry: &Entry, payment: &PaymentState, outcome: &mut CamtOutcome, now: UtcMs) -> Result<(), OfficeError> {
        let id = &payment.id;
        if entry.end_to_end_id.is_some() && entry.cents != payment.cents {
            outcome.unclear.push((id.clone(), Doubt::OtherAmount));
        } else if entry.direction == Direction::Credit {
            let why = entry.returned.as_deref().unwrap_or("UNKNOWN");
            self.take_back(payment, why, entry.booked, outcome, now)?;
        } else if payment.booked.is_some_and(|booked| booked != entry.booked) {
            outcome.unclear.push((id.clone(), Doubt::BookedTwice));
        } else if payment.booked.is_some() {
            outcome.known += 1;
        } else {
            bank::set_booked(&self.db, id, entry.booked)?;
            if payment.returned.is_some() {
                outcome.unclear.push((id.clone(), Doubt::BookedAfterReturn));
            }
            outcome.booked.push(id.clone());
        }
        Ok(())
    }

    /// What a payment that came back had paid is owed again, and its provider is told; at most once.
    fn take_back(&mut self, payment: &PaymentState, why: &str, on: CivilDay, outcome: &mut CamtOutcome, now: UtcMs) -> Result<(), OfficeError> {
        if !bank::take_back(&self.db, payment, why, on, now)? {
            outcome.known += 1;
            return Ok(());
        }
        for batch in bank::batches_of(&self.db, &payment.id)? {
            self.advise_batch(batch, now)?;
        }
        outcome.returned.push(payment.id.clone());
        Ok(())
    }

    fn take_report(&mut self, report: &StatusReport, now: UtcMs) -> Result<CamtOutcome, OfficeError> {
        let mut outcome = CamtOutcome::default();
        let own = self.run_of(&report.message_id).map(|run| bank::of_run(&self.db, run)).transpose()?.unwrap_or_default();
        if own.is_empty() {
            return Err(OfficeError::OtherReport(report.message_id.chars().take(35).collect()));
        }
        let today = CivilDay::of(now);
        for transaction in &report.transactions {
            match own.iter().find(|payment| payment.id == transaction.end_to_end_id) {
                None => outcome.others += 1,
                Some(payment) if transaction.cents.is_some_and(|cents| cents != payment.cents) => {
                    outcome.unclear.push((payment.id.clone(), Doubt::OtherAmount));
                }
                Some(payment) => self.take_rejection(payment, &transaction.reason, today, &mut outcome, now)?,
            }
        }
        // What is said of single payments comes first: the reason for all is nobody's own account.
        if let Some(why) = &report.rejected {
            let named = |payment: &&PaymentState| report.transactions.iter().any(|transaction| transaction.end_to_end_id == payment.id);
            let why = if is_account_error(why) { "NARR" } else { why.as_str() };
            for payment in own.iter().filter(|payment| !named(payment)) {
                self.take_rejection(payment, why, today, &mut outcome, now)?;
            }
        }
        Ok(outcome)
    }

    /// A rejected payment is owed again, unless its money went all the same: then a clerk must look before anything is paid twice.
    fn take_rejection(&mut self, payment: &PaymentState, why: &str, on: CivilDay, outcome: &mut CamtOutcome, now: UtcMs) -> Result<(), OfficeError> {
        if payment.returned.is_none() && (payment.booked.is_some() || is_duplicate(why)) {
            outcome.unclear.push((payment.id.clone(), Doubt::PaidAllTheSame));
            return Ok(());
        }
        self.take_back(payment, why, on, outcome, now)
    }
}
