//! Invoices in a provider's name (self-billing, § 14 Abs. 2 UStG): one for each month of service, made of what released runs settled.
//! A month's further documents say only what has changed since; money that came back from the bank changes no invoice.

use super::audit::Action;
use super::{Office, OfficeError, Work};
use crate::settle::invoice::{Items, Kind, Use, amounts, difference, items};
use crate::settle::leitweg::LeitwegId;
use crate::shell::legal::Legal;
use crate::shell::paper::xrechnung::{Sheet, write};
use crate::shell::store::office::admission::{self, Provider};
use crate::shell::store::office::invoices::{self, MadeInvoice, Party};
use crate::shell::store::office::{backup, settings};
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::{ProviderNumber, ServiceCode};
use crate::words::service::{Pricing, Service};
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const BUYER: &str = "invoice_buyer";

/// What invoices say of the office itself, the buyer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceBuyer {
    /// Its Leitweg-ID.
    pub leitweg: String,
    /// Street and number.
    pub street: String,
    /// Postcode.
    pub postcode: String,
    /// Place.
    pub city: String,
}

fn wrong(german: impl Into<String>) -> OfficeError {
    OfficeError::Case { german: german.into() }
}

/// What invoices say of the office; none where nobody has entered it.
pub fn invoice_buyer(db: &Connection) -> Result<Option<InvoiceBuyer>, OfficeError> {
    let Some(text) = settings::read(db, BUYER)? else { return Ok(None) };
    toml::from_str(&text).map(Some).map_err(|_| wrong("Die Angaben des Amts für Rechnungen sind unlesbar: bitte neu eintragen."))
}

impl Office {
    /// Sets what invoices say of the office.
    pub fn set_invoice_buyer(&mut self, buyer: &InvoiceBuyer, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        let text = toml::to_string(buyer).map_err(|why| wrong(format!("Das lässt sich nicht speichern: {why}")))?;
        self.in_transaction(|work| {
            settings::write(&work.db, BUYER, &text)?;
            work.note(by, Action::Setting, "invoices", &format!("Leitweg-ID {}", buyer.leitweg), now)
        })
    }

    /// Makes invoices in a provider's name from now on, as it has agreed; or none any more.
    pub fn set_invoice_party(&mut self, number: ProviderNumber, party: Option<&Party>, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            work.provider(number)?;
            let words = if let Some(party) = party {
                invoices::keep_party(&work.db, number, party)?;
                format!("Rechnungen: Angaben eingetragen, vereinbart am {}", party.agreed_on.german())
            } else {
                invoices::drop_party(&work.db, number)?;
                "Rechnungen: keine mehr".to_owned()
            };
            work.note(by, Action::Provider, &format!("provider/{number}"), &words, now)
        })
    }

    /// Sets how a service is taxed from a day on.
    pub fn set_service_vat(
        &mut self,
        number: ProviderNumber,
        code: &ServiceCode,
        from: CivilDay,
        vat: &str,
        by: &str,
        now: UtcMs,
    ) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            services(&work.db, number)?
                .remove(code)
                .ok_or_else(|| wrong(format!("Eine Leistung „{code}“ ist mit diesem Anbieter nicht vereinbart.")))?;
            if Legal::of(&work.db)?.vat(vat, from).is_none() {
                let sentence = format!("Für den {} ist dieser Steuersatz hier nicht bekannt: bitte einen späteren Tag eintragen.", from.german());
                return Err(wrong(sentence));
            }
            invoices::set_tax(&work.db, number, code, from, vat)?;
            work.note(by, Action::Provider, &format!("provider/{number}"), &format!("{code}: Umsatzsteuer {vat} ab {}", from.german()), now)
        })
    }

    /// Makes the next document about a provider's month; answers its number.
    pub fn make_invoice(&mut self, number: ProviderNumber, month: CivilMonth, by: &str, now: UtcMs) -> Result<String, OfficeError> {
        self.in_transaction(|work| work.make_invoice(number, month, by, now))
    }
}

impl Work<'_> {
    fn make_invoice(&mut self, number: ProviderNumber, month: CivilMonth, by: &str, now: UtcMs) -> Result<String, OfficeError> {
        let today = CivilDay::of(now);
        if month >= today.month() {
            return Err(wrong(format!("Der {} ist noch nicht zu Ende: Die Rechnung lässt sich ab dem Ersten danach erstellen.", month.german())));
        }
        let provider = self.provider(number)?;
        let party = invoices::party(&self.db, number)?
            .ok_or_else(|| wrong("Für diesen Anbieter sind keine Rechnungen vereinbart: bitte zuerst seine Angaben eintragen."))?;
        let buyer = invoice_buyer(&self.db)?
            .ok_or_else(|| wrong("Es fehlen Leitweg-ID und Anschrift des Amts: Die Verwaltung trägt sie unter „Zahlung“, „Rechnungen“ ein."))?;
        let leitweg = LeitwegId::parse(&buyer.leitweg).map_err(|_| wrong("Die Leitweg-ID des Amts stimmt nicht: bitte neu eintragen."))?;
        let services = services(&self.db, number)?;
        let new = difference(&settled_items(&self.db, number, month, &services)?, &invoices::invoiced(&self.db, number, month)?);
        let sentence = "Für diesen Monat gibt es nichts zu berechnen: Was freigegeben ist, steht schon in Rechnungen oder ergibt zusammen nichts.";
        let amounts = amounts(&new).ok_or_else(|| wrong(sentence))?;
        let before: Vec<(String, CivilDay)> =
            invoices::made(&self.db, number)?.into_iter().filter(|made| made.month == month).map(|made| (made.number, made.day)).collect();
        let place = backup::invoices_leapt(&self.db)? + before.len() as u64 + 1;
        let name = format!("{}-{number}-{month}-{place}", self.profile.id);
        let sheet = Sheet {
            number: &name,
            day: today,
            month,
            before: &before,
            seller: (number.0, &provider.name, &party),
            iban: &provider.iban,
            buyer: (&self.profile.name, &buyer.street, &buyer.postcode, &buyer.city),
            leitweg: &leitweg,
            terms: terms(&self.db, &provider, month, amounts.kind)?,
            label: &|code| services.get(code).map_or_else(|| code.to_string(), label),
        };
        let bytes = write(&sheet, &amounts).map_err(|why| wrong(format!("Die Rechnung ließ sich nicht schreiben: {why}")))?;
        let credit = amounts.kind == Kind::CreditNote;
        let cents = if credit { Cents::ZERO.minus(amounts.due) } else { amounts.due };
        invoices::insert(&self.db, number, &MadeInvoice { number: name.clone(), month, day: today, credit, cents }, &new, &bytes)?;
        self.note(by, Action::Export, &format!("invoice/{name}"), &format!("erstellt, {cents}"), now)?;
        Ok(name)
    }
}

/// A provider's services as agreed.
fn services(db: &Connection, number: ProviderNumber) -> Result<BTreeMap<ServiceCode, Service>, OfficeError> {
    let agreements = admission::provider_file(db, number)?.agreements;
    Ok(agreements.into_iter().map(|agreement| (agreement.service.code.clone(), agreement.service)).collect())
}

fn label(service: &Service) -> String {
    service.unit_minutes.map_or_else(|| service.label.clone(), |minutes| format!("{} ({minutes} Minuten)", service.label))
}

/// What was settled in a month, each use with its tax on its day.
fn settled_items(
    db: &Connection,
    number: ProviderNumber,
    month: CivilMonth,
    services: &BTreeMap<ServiceCode, Service>,
) -> Result<Items, OfficeError> {
    let (legal, taxes) = (Legal::of(db)?, invoices::taxes(db, number)?);
    let one = |settled: invoices::SettledUse| {
        let on = settled.day;
        let service = services.get(&settled.service);
        let label = service.map_or_else(|| settled.service.to_string(), |service| service.label.clone());
        let code = taxes.iter().filter(|(code, from, _)| *code == settled.service && *from <= on).max_by_key(|(_, from, _)| *from);
        let vat = code.and_then(|(_, _, code)| legal.vat(code, on)).ok_or_else(|| {
            wrong(format!("Für „{label}“ ist am {} keine Umsatzsteuer eingetragen: bitte auf dieser Seite nachtragen.", on.german()))
        })?;
        let priced = service.is_some_and(|service| service.pricing != Pricing::Free);
        Ok(Use { service: settled.service, day: on, vat, units: settled.units, gross: settled.total, priced })
    };
    let paid = invoices::settled_uses(db, number, month)?.into_iter().filter(|settled| settled.total != Cents::ZERO);
    Ok(items(paid.map(one).collect::<Result<Vec<_>, OfficeError>>()?))
}

fn terms(db: &Connection, provider: &Provider, month: CivilMonth, kind: Kind) -> Result<String, OfficeError> {
    if kind == Kind::CreditNote {
        return Ok("Wird mit späteren Zahlungen verrechnet oder ist schon verrechnet.".to_owned());
    }
    let transfers = invoices::transfers(db, provider.number, month)?;
    let paid: Vec<String> = transfers.into_iter().map(|(reference, day)| format!("{reference} am {}", day.german())).collect();
    Ok(if paid.is_empty() {
        "Wird mit anderen Beträgen verrechnet.".to_owned()
    } else {
        format!("Wird überwiesen, auch zusammen mit anderen Beträgen: {}.", paid.join(", "))
    })
}
