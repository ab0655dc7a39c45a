//! What the bank says: payments are booked, or come back and are owed again.

use super::audit::Action;
use super::doubts::Doubt;
use super::{Office, OfficeError, Work};
use crate::settle::account::Iban;
use crate::settle::returned::{is_account_error, is_duplicate};
use crate::settle::run::RunNumber;
use crate::shell::sheet::bank::BankFile;
use crate::shell::sheet::camt::{Direction, Entry, Statement};
use crate::shell::sheet::pain002::StatusReport;
use crate::shell::store::office::bank::{self, Back, PaymentState};
use crate::shell::store::office::doubts::{self, Said};
use crate::shell::store::office::{admission, providers};
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{Hash, ProviderNumber};
use crate::words::time::UtcMs;
use serde::Serialize;
use std::collections::BTreeMap;

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

/// Why nothing is paid to a provider until a clerk has looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The last payment to this very account came back for its sake; the bank's reason.
    Account(String),
    /// A payment that came back was booked all the same: paying its lines again may pay them twice. Its reference.
    Booked(String),
    /// No account of the provider was ever confirmed by a second clerk.
    Unconfirmed,
    /// All that is open of him comes to this, less than what is chosen would pay him: the rest of it must be settled with it.
    LessInAll(Cents),
}

/// Providers to whom nothing is paid until a clerk has looked, and why.
pub fn blocked(db: &Connection) -> Result<BTreeMap<ProviderNumber, Hold>, OfficeError> {
    let in_doubt = doubts::payments_in_doubt(db, Doubt::BookedAfterReturn.code())?;
    let mut blocked: BTreeMap<_, _> = in_doubt.into_iter().map(|(provider, id)| (provider, Hold::Booked(id))).collect();
    blocked.extend(providers::without_account(db)?.into_iter().map(|provider| (provider, Hold::Unconfirmed)));
    blocked.extend(wrong_accounts(db)?.into_iter().map(|(provider, why)| (provider, Hold::Account(why))));
    Ok(blocked)
}

fn wrong_accounts(db: &Connection) -> Result<BTreeMap<ProviderNumber, String>, OfficeError> {
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
                BankFile::Statements(statements) => work.take_statements(statements, by, now)?,
                BankFile::Report(report) => work.take_report(report, now)?,
            };
            let CamtOutcome { booked, returned, known, others, unclear } = &outcome;
            let counts = [booked.len() as u64, returned.len() as u64, *known, *others, unclear.len() as u64];
            let kind = file.kind().to_owned();
            bank::insert_file(&work.db, &bank::BankFile { hash, at: now, clerk: by.to_owned(), kind, counts })?;
            work.note(by, Action::Bank, file.kind(), &format!("gebucht: {}, zurückgekommen: {}", booked.len(), returned.len()), now)?;
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
        if !wrong_accounts(&self.db)?.contains_key(&provider) {
            return Err(OfficeError::Overtaken);
        }
        if known.iban != iban.electronic() {
            self.change_iban(provider, iban.electronic(), by, now)?;
            return Ok(true);
        }
        self.in_transaction(|work| {
            bank::check_account(&work.db, provider, iban.electronic(), by, now)?;
            work.note(by, Action::Provider, &format!("provider/{provider}"), "Konto bestätigt", now)?;
            Ok(false)
        })
    }
}

impl Work<'_> {
    fn take_statements(&mut self, statements: &[Statement], by: &str, now: UtcMs) -> Result<CamtOutcome, OfficeError> {
        let mut outcome = CamtOutcome::default();
        for entry in statements.iter().flat_map(|s| &s.entries) {
            let payments = self.payments_of(entry)?;
            let order = entry.order_id.as_deref().filter(|_| entry.end_to_end_id.is_none());
            let run = order.and_then(|order| self.run_of(order));
            match (run, order) {
                (Some(run), Some(order)) if payments.is_empty() && !bank::of_run(&self.db, run)?.is_empty() => {
                    self.doubt_order(run, order, &said(entry), &mut outcome, now)?;
                }
                _ if payments.is_empty() => outcome.others += 1,
                (Some(run), _) => self.order_fits(run, &said(entry), by, now)?,
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
        let (id, is_back) = (&payment.id, entry.direction == Direction::Credit);
        let own_amount = Said { cents: Some(payment.cents), ..said(entry) };
        if entry.end_to_end_id.is_some() && entry.cents != payment.cents {
            if is_back && payment.returned_by_hand() {
                outcome.known += 1;
                return Ok(());
            }
            self.doubt(payment, Doubt::OtherAmount, &said(entry), outcome, now)?;
        } else if is_back {
            let why = entry.returned.as_deref().unwrap_or("UNKNOWN");
            self.take_back(payment, why, Back::Returned, entry.booked, outcome, now)?;
        } else if payment.booked == Some(entry.booked) {
            outcome.known += 1;
        } else {
            if payment.booked.is_none() {
                bank::set_booked(&self.db, id, entry.booked)?;
                outcome.booked.push(id.clone());
            }
            if payment.returned.as_ref().is_some_and(|(_, on)| payment.back == Some(Back::Rejected) || entry.booked > *on) {
                self.doubt(payment, Doubt::BookedAfterReturn, &own_amount, outcome, now)?;
            } else if payment.booked.is_some() && doubts::was_said(&self.db, id, Doubt::BookedAfterReturn.code(), entry.booked)? {
                // A clerk has found that this is how it was paid after all.
                outcome.known += 1;
            } else if payment.booked.is_some() {
                self.doubt(payment, Doubt::BookedTwice, &own_amount, outcome, now)?;
            }
        }
        Ok(())
    }

    /// What a payment that came back had paid is owed again, and its provider is told; at most once, and not where a clerk found that it
    /// was paid after all.
    fn take_back(
        &mut self,
        payment: &PaymentState,
        why: &str,
        how: Back,
        on: CivilDay,
        outcome: &mut CamtOutcome,
        now: UtcMs,
    ) -> Result<(), OfficeError> {
        let stays = payment.back != Some(Back::ByHand) && payment.stays_until.is_some_and(|until| on <= until);
        if stays || !bank::take_back(&self.db, payment, why, how, on, now)? {
            outcome.known += 1;
            return Ok(());
        }
        self.advise_payment(payment, now)?;
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
                    let said = Said { cents: transaction.cents, day: None, reason: Some(transaction.reason.clone()) };
                    self.doubt(payment, Doubt::OtherAmount, &said, &mut outcome, now)?;
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
            if payment.stays_until.is_some() && payment.back != Some(Back::ByHand) {
                outcome.known += 1;
                return Ok(());
            }
            let said = Said { cents: Some(payment.cents), day: None, reason: Some(why.to_owned()) };
            return self.doubt(payment, Doubt::PaidAllTheSame, &said, outcome, now);
        }
        self.take_back(payment, why, Back::Rejected, on, outcome, now)
    }
}

/// What an entry says.
fn said(entry: &Entry) -> Said {
    let reason = (entry.direction == Direction::Credit).then(|| entry.returned.clone().unwrap_or_else(|| "UNKNOWN".to_owned()));
    Said { cents: Some(entry.cents), day: Some(entry.booked), reason }
}
