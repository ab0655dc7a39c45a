//! What clerks change of a provider: its data, its account, what is agreed with it. Every change is logged, and only the lines it
//! concerns are decided again.

use super::admission::ServiceTerms;
use super::{Action, Office, OfficeError, Work};
use crate::admit::trust::MAX_NAME;
use crate::reconcile::calendar::SiteKind;
use crate::reconcile::register::Agreement;
use crate::settle::account::{Iban, check_name};
use crate::settle::clerk::Clerk;
use crate::shell::store::office::admission::{self, Provider};
use crate::shell::store::office::calendar;
use crate::shell::store::office::providers::{self, IbanChange};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::ProviderNumber;
use crate::words::service::{MAX_PRICES, Pricing};
use crate::words::time::UtcMs;

/// The longest contact in characters.
pub const MAX_CONTACT: usize = 300;

/// A provider's data as a form brings them.
#[derive(Clone, Debug)]
pub struct ProviderData {
    /// Its name.
    pub name: String,
    /// What kind of place it is.
    pub kind: SiteKind,
    /// Whom to call; the office's own note.
    pub contact: String,
}

impl Office {
    /// Changes a provider's name, kind and contact. Of another kind other days are closed: its open lines are decided anew.
    pub fn change_provider(&mut self, number: ProviderNumber, data: &ProviderData, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        let (name, contact) = (data.name.trim(), data.contact.trim());
        if name.is_empty() || name.chars().count() > MAX_NAME {
            return Err(OfficeError::Wrong(format!("the provider's name must have 1 to {MAX_NAME} characters")));
        }
        nameable(name)?;
        if contact.chars().count() > MAX_CONTACT {
            return Err(OfficeError::Wrong(format!("the contact must have at most {MAX_CONTACT} characters")));
        }
        self.in_transaction(|work| {
            let known = work.provider(number)?;
            let before = providers::details(&work.db, number)?.map_or(SiteKind::Other, |details| details.kind);
            providers::set_details(&work.db, number, name, data.kind, contact, now)?;
            if before != data.kind {
                calendar::mark_concerned(&work.db, Some(number), (CivilDay::EPOCH, CivilDay::MAX))?;
            }
            let renamed = if known.name == name { "" } else { ", Name geändert" };
            work.note(by, Action::Provider, &object(number), &format!("Stammdaten: Art {}{renamed}", data.kind.german()), now)
        })
    }

    /// Enters another account of a provider. Nothing is paid there until a second clerk has confirmed it.
    pub fn change_iban(&mut self, number: ProviderNumber, iban: &str, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        let iban = Iban::parse(iban).map_err(|error| OfficeError::Wrong(error.to_string()))?;
        self.in_transaction(|work| {
            let open = providers::details(&work.db, number)?.is_some_and(|details| details.account_open);
            if !open && work.provider(number)?.iban == iban.electronic() {
                return Err(OfficeError::Wrong("this is the account it is paid to already".into()));
            }
            let change = IbanChange { iban: iban.electronic().to_owned(), clerk: by.to_owned(), at: now };
            providers::keep_iban_change(&work.db, number, &change)?;
            work.note(by, Action::Provider, &object(number), &format!("Konto eingetragen, wartet auf Bestätigung: …{}", last_four(&change.iban)), now)
        })
    }

    /// A second clerk confirms the account that `seen` names, or gives it up.
    pub fn confirm_iban(&mut self, number: ProviderNumber, seen: &str, confirm: bool, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            let overtaken = || OfficeError::Wrong("this account does not wait any more, or another one was entered: look again".into());
            let waiting = providers::details(&work.db, number)?.and_then(|details| details.waiting_iban);
            let change = waiting.filter(|change| change.iban == seen).ok_or_else(overtaken)?;
            if confirm && Clerk::new(&change.clerk).ok() == Clerk::new(by).ok() {
                return Err(OfficeError::Wrong("whoever entered an account cannot confirm it: that takes another person".into()));
            }
            let words = if confirm {
                providers::set_iban(&work.db, number, &change.iban, now)?;
                "Konto bestätigt"
            } else {
                providers::drop_iban_change(&work.db, number)?;
                "Konto verworfen"
            };
            work.note(by, Action::Provider, &object(number), &format!("{words}: …{}", last_four(&change.iban)), now)
        })
    }

    /// Agrees another price of a service from a day on; its open lines of these days are decided anew.
    pub fn set_price(&mut self, number: ProviderNumber, code: &Code, from: CivilDay, cents: Cents, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        if cents <= Cents::ZERO || Cents::from_field(cents.to_field()).is_none() {
            return Err(OfficeError::Wrong("a price is more than nothing and at most a million euros".into()));
        }
        self.in_transaction(|work| {
            let agreement = work.agreement(number, code)?;
            if agreement.service.pricing == Pricing::Free {
                return Err(OfficeError::Wrong("this service has no price: the provider enters the amount".into()));
            }
            if agreement.service.prices.len() >= MAX_PRICES {
                return Err(OfficeError::Wrong(format!("a service has at most {MAX_PRICES} prices: agree a new service")));
            }
            if from < agreement.from {
                return Err(OfficeError::Wrong("the agreement begins later than that day: choose a later one".into()));
            }
            providers::set_price(&work.db, number, code.as_str(), from, cents)?;
            let next = agreement.service.prices.iter().map(|price| price.from).filter(|day| *day > from).min();
            work.agreement_changed(number, code, from, now)?;
            let until = next.map_or_else(String::new, |day| format!(" bis zum nächsten Preis am {}", day.german()));
            work.note(by, Action::Provider, &object(number), &format!("{code}: {cents} ab {}{until}", from.german()), now)
        })
    }

    /// Ends an agreement with `until`, its last day, or lets it run on; its open lines of later days are decided anew.
    pub fn end_agreement(&mut self, number: ProviderNumber, code: &Code, until: Option<CivilDay>, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            let agreement = work.agreement(number, code)?;
            if until.is_some_and(|until| until < agreement.from) {
                return Err(OfficeError::Wrong("an agreement cannot end before it begins".into()));
            }
            providers::set_until(&work.db, number, code.as_str(), until)?;
            let before = agreement.until.unwrap_or(CivilDay::MAX);
            let from = until.unwrap_or(CivilDay::MAX).min(before).plus(1);
            work.agreement_changed(number, code, from, now)?;
            let words = until.map_or_else(|| "läuft weiter".to_owned(), |until| format!("endet am {}", until.german()));
            work.note(by, Action::Provider, &object(number), &format!("{code}: {words}"), now)
        })
    }
}

impl Work<'_> {
    pub(super) fn provider(&self, number: ProviderNumber) -> Result<Provider, OfficeError> {
        let missing = || OfficeError::NotFound(format!("there is no provider {number}: see the list of providers"));
        admission::provider(&self.db, number)?.ok_or_else(missing)
    }

    fn agreement(&self, number: ProviderNumber, code: &Code) -> Result<Agreement, OfficeError> {
        self.provider(number)?;
        let missing = || OfficeError::NotFound(format!("nothing named {code} is agreed with provider {number}"));
        let file = admission::provider_file(&self.db, number)?;
        file.agreements.into_iter().find(|agreement| agreement.service.code == *code).ok_or_else(missing)
    }

    /// What follows from a changed agreement: its open lines are decided again, and terminals are told.
    pub(super) fn agreement_changed(&self, number: ProviderNumber, code: &Code, from: CivilDay, now: UtcMs) -> Result<(), OfficeError> {
        calendar::mark_service(&self.db, number, code.as_str(), from)?;
        Ok(providers::touch(&self.db, number, now)?)
    }

    /// Whether a service may be agreed: a code that is in use keeps benefit, pricing, unit and detail, for settled lines speak of it.
    pub(super) fn may_agree(&self, number: ProviderNumber, terms: &ServiceTerms) -> Result<(), OfficeError> {
        let file = admission::provider_file(&self.db, number)?;
        let known = file.agreements.iter().find(|a| a.service.code == terms.service.code);
        let (Some(known), new) = (known.map(|a| &a.service), &terms.service) else { return Ok(()) };
        let same = (known.benefit, known.pricing, known.unit_minutes, &known.detail) == (new.benefit, new.pricing, new.unit_minutes, &new.detail);
        if same {
            return Ok(());
        }
        Err(OfficeError::Wrong(format!(
            "{} is agreed already, as {} “{}”: use another code for something else",
            new.code,
            known.benefit.german(),
            known.label
        )))
    }
}

/// Refuses a name that no payment file can carry: a run with its lines could not be drawn up.
pub(super) fn nameable(name: &str) -> Result<(), OfficeError> {
    check_name(name).map_err(|why| OfficeError::Wrong(why.to_string()))
}

/// What a record of the audit log is about.
fn object(number: ProviderNumber) -> String {
    format!("provider/{number}")
}

fn last_four(iban: &str) -> &str {
    iban.len().checked_sub(4).and_then(|at| iban.get(at..)).unwrap_or(iban)
}
