//! Providers, their agreements, and the admission of their terminals.

use super::providers::{ProviderData, nameable};
use super::{Action, CREDENTIAL_DAYS, Office, OfficeError, Work};
use crate::admit::credential::Credential;
use crate::admit::enrolment::{Enrolment, EnrolmentCode};
use crate::admit::trust::MAX_NAME;
use crate::book::entry::Head;
use crate::settle::account::Iban;
use crate::shell::store::office::admission::{self as db, Terminal};
use crate::shell::store::office::providers::{self, IbanChange};
use crate::shell::store::office::{keys, waiting};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::ProviderNumber;
use crate::words::service::{MAX_LABEL, Price, Pricing, Service};
use crate::words::time::UtcMs;

/// For how many days a printed enrolment code can be used.
pub const CODE_DAYS: u64 = 14;
/// Minutes of a teaching unit where the agreement names none.
const DEFAULT_UNIT_MINUTES: u32 = 45;

/// A service as agreed, from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTerms {
    /// The service; its prices are those agreed.
    pub service: Service,
    /// The first day it can be claimed for.
    pub from: CivilDay,
}

impl ServiceTerms {
    /// Reads `CODE:BENEFIT:LABEL:CENTS`, optionally followed by `:MINUTES` of a teaching unit and `:DETAIL` (subject or event).
    /// `CENTS` is the price of a unit in cents, `free` where the provider types the amount, or `CENTS/month` for a monthly flat.
    /// The agreement holds from twelve months before `today` on, for late approvals reach that far back.
    pub fn parse(text: &str, today: CivilDay) -> Result<Self, OfficeError> {
        let wrong =
            |what: &str| OfficeError::Wrong(format!("--service {text}: {what}; write CODE:BENEFIT:LABEL:CENTS, such as lunch:lunch:Mittagessen:450"));
        let parts: Vec<&str> = text.split(':').collect();
        let [code, benefit, label, price, more @ ..] = parts.as_slice() else { return Err(wrong("four parts are needed")) };
        let benefit = crate::words::benefit::Benefit::parse(benefit)
            .ok_or_else(|| wrong("the benefit must be lunch, participation, tutoring, day_trip or class_trip"))?;
        let code = Code::parse(code).ok_or_else(|| wrong("a code is 1 to 24 letters, digits, dots, hyphens or underscores"))?;
        if label.trim().is_empty() || label.chars().count() > MAX_LABEL {
            return Err(wrong("the label must have 1 to 80 characters"));
        }
        let from = today.month().first_day().minus(366).month().first_day();
        let (pricing, cents) = read_price(price).ok_or_else(|| wrong("the price must be cents, `free`, or cents and `/month`"))?;
        if pricing == Pricing::Free && !benefit.takes_free_amount() {
            return Err(wrong("only participation and trips can have a free amount"));
        }
        let minutes =
            more.first().filter(|m| !m.is_empty()).map(|m| m.parse::<u32>()).transpose().ok().filter(|m| m.is_none_or(|m| (1..=600).contains(&m)));
        let minutes = minutes.ok_or_else(|| wrong("the minutes of a teaching unit must be a number from 1 to 600"))?;
        let detail = more.get(1).filter(|d| !d.is_empty()).map(|d| Code::parse(d).ok_or_else(|| wrong("subject or event is no code"))).transpose()?;
        if more.len() > 2 {
            return Err(wrong("there are too many parts"));
        }
        let is_tutoring = benefit == crate::words::benefit::Benefit::Tutoring;
        let unit_minutes = is_tutoring.then(|| minutes.unwrap_or(DEFAULT_UNIT_MINUTES));
        let prices = cents.map(|cents| Price { from, cents }).into_iter().collect();
        Ok(Self { service: Service { code, benefit, label: label.trim().to_owned(), pricing, prices, unit_minutes, detail }, from })
    }
}

fn read_price(text: &str) -> Option<(Pricing, Option<Cents>)> {
    let cents = |digits: &str| digits.parse::<u64>().ok().and_then(Cents::from_field).filter(|c| *c > Cents::ZERO);
    match text.split_once('/') {
        Some((digits, "month")) => Some((Pricing::Monthly, Some(cents(digits)?))),
        Some(_) => None,
        None if text == "free" => Some((Pricing::Free, None)),
        None => Some((Pricing::PerUnit, Some(cents(text)?))),
    }
}

/// A provider to be added.
#[derive(Clone, Debug)]
pub struct NewProvider {
    /// Its name.
    pub name: String,
    /// Where it is paid.
    pub iban: String,
    /// What is agreed with it.
    pub services: Vec<ServiceTerms>,
}

impl Office {
    /// Adds a provider and prints its first enrolment code.
    pub fn add_provider(&mut self, new: &NewProvider, now: UtcMs) -> Result<(ProviderNumber, EnrolmentCode), OfficeError> {
        let name = new.name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME {
            return Err(OfficeError::Wrong(format!("the provider's name must have 1 to {MAX_NAME} characters: give another --name")));
        }
        nameable(name)?;
        let iban = Iban::parse(&new.iban).map_err(|error| OfficeError::Wrong(error.to_string()))?;
        if new.services.is_empty() {
            return Err(OfficeError::Wrong("a provider needs at least one service: add --service CODE:BENEFIT:LABEL:CENTS".into()));
        }
        let number = self.in_transaction(|work| {
            let number = db::insert_provider(&work.db, name, iban.electronic(), now)?;
            for terms in &new.services {
                db::agree(&work.db, number, &terms.service, terms.from, now)?;
            }
            Ok(number)
        })?;
        Ok((number, self.new_code(number, now)?))
    }

    /// Adds a provider as a form brings it. Nothing is paid to its account before a second clerk has confirmed it.
    pub fn enter_provider(&mut self, new: &NewProvider, data: &ProviderData, by: &str, now: UtcMs) -> Result<ProviderNumber, OfficeError> {
        nameable(&data.name)?;
        let iban = Iban::parse(&new.iban).map_err(|error| OfficeError::Wrong(error.to_string()))?;
        self.in_transaction(|work| {
            let number = db::insert_provider(&work.db, data.name.trim(), iban.electronic(), now)?;
            providers::set_details(&work.db, number, data.name.trim(), data.kind, data.contact.trim(), now)?;
            for terms in &new.services {
                db::agree(&work.db, number, &terms.service, terms.from, now)?;
            }
            let account = IbanChange { iban: iban.electronic().to_owned(), clerk: by.to_owned(), at: now };
            providers::keep_first_iban(&work.db, number, &account)?;
            work.note(by, Action::Provider, &format!("provider/{number}"), "eingetragen; das Konto wartet auf Bestätigung", now)?;
            Ok(number)
        })
    }

    /// Agrees a service with a provider, on a clerk's word.
    pub fn agree_by(&mut self, provider: ProviderNumber, terms: &ServiceTerms, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        let detail = format!("{} vereinbart ab {}", terms.service.code, terms.from.german());
        self.in_transaction(|work| {
            work.agree(provider, terms, now)?;
            work.note(by, Action::Provider, &format!("provider/{provider}"), &detail, now)
        })
    }

    /// Agrees a service with a provider, or a new price of one from a day on; its open lines are decided again.
    pub fn agree(&mut self, provider: ProviderNumber, terms: &ServiceTerms, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| work.agree(provider, terms, now))
    }

    /// Prints a one-time code for another terminal of a provider.
    pub fn new_code(&mut self, provider: ProviderNumber, now: UtcMs) -> Result<EnrolmentCode, OfficeError> {
        self.known_provider(provider)?;
        let code = EnrolmentCode::new(self.chance.bytes(), self.keys.root.public());
        db::insert_code(&self.db, code.id(), code.secret(), provider, now.plus_days(CODE_DAYS))?;
        Ok(code)
    }

    fn known_provider(&self, provider: ProviderNumber) -> Result<db::Provider, OfficeError> {
        db::provider(&self.db, provider)?.ok_or_else(|| OfficeError::NotFound(format!("there is no provider {provider}: see the list of providers")))
    }

    /// Admits the terminal that sent a signed request with a printed code. Answers root key, trust list and credential. A code has 80 random bits:
    /// wrong ones are not counted, so that nobody holds up the others by guessing.
    pub fn enrol(&mut self, request: &[u8], now: UtcMs) -> Result<EnrolmentAnswer, OfficeError> {
        let request = Enrolment::open(request)?;
        self.look_at_keys()?;
        let root = *self.keys.root.public().bytes();
        let (version, trust) = {
            let list = self.trust(now)?;
            (list.0.version, list.1.clone())
        };
        let credential = self.in_transaction(|work| work.admit(&request, version, now))?;
        Ok(EnrolmentAnswer { root, trust, credential })
    }
}

/// What a newly admitted terminal is given.
#[derive(Clone, Debug)]
pub struct EnrolmentAnswer {
    /// The office's root key.
    pub root: [u8; 32],
    /// The signed trust list.
    pub trust: Vec<u8>,
    /// The signed credential.
    pub credential: Vec<u8>,
}

impl EnrolmentAnswer {
    /// As it travels: JSON with base64url (formats § 5).
    pub fn json(&self) -> serde_json::Value {
        let text = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
        serde_json::json!({"root": text(&self.root), "trust": text(&self.trust), "credential": text(&self.credential)})
    }
}

impl Work<'_> {
    fn agree(&self, provider: ProviderNumber, terms: &ServiceTerms, now: UtcMs) -> Result<(), OfficeError> {
        self.provider(provider)?;
        self.may_agree(provider, terms)?;
        db::agree(&self.db, provider, &terms.service, terms.from, now)?;
        self.agreement_changed(provider, &terms.service.code, terms.from, now)
    }

    fn admit(&mut self, request: &Enrolment, trust_version: u64, now: UtcMs) -> Result<Vec<u8>, OfficeError> {
        let wrong = || OfficeError::NotAdmitted("this code is wrong, used up or over: check it, or ask the office for a new one".into());
        let terminal = request.key.terminal_id();
        let code = db::code(&self.db, request.code)?.ok_or_else(wrong)?;
        let known = db::terminal(&self.db, terminal)?;
        if known.as_ref().map(|known| waiting::retired(&self.db, known.id)).transpose()?.flatten().is_some() {
            return Err(OfficeError::NotAdmitted("this terminal was retired: set up a new one in an empty folder".into()));
        }
        let again = code.used_by == Some(terminal);
        if !again && (code.used_by.is_some() || now >= code.expires || !request.proves(&code.secret)) {
            return Err(wrong());
        }
        if let (true, Some(known)) = (again, db::terminal(&self.db, terminal)?) {
            return Ok(self.renewed(&known, now)?.1);
        }
        if db::terminal(&self.db, terminal)?.is_some_and(|known| known.provider != code.provider) {
            return Err(OfficeError::NotAdmitted("this terminal is admitted for another provider: set up a new one in an empty folder".into()));
        }
        let row = Terminal {
            id: 0,
            terminal,
            key: request.key.clone(),
            recipient: request.recipient.clone(),
            label: request.label.clone(),
            provider: code.provider,
            credential: Vec::new(),
            credential_issued: now,
            head: Head::start(terminal),
            checkpoint_at: UtcMs(0),
        };
        let credential = self.credential(&row, now)?;
        db::insert_terminal(&self.db, &Terminal { credential: credential.clone(), ..row }, now)?;
        if let Some(known) = db::terminal(&self.db, terminal)? {
            keys::heard(&self.db, known.id, trust_version)?;
        }
        db::use_code(&self.db, request.code, terminal)?;
        Ok(credential)
    }

    /// The signed credential of a terminal as of now.
    pub(super) fn credential(&self, terminal: &Terminal, now: UtcMs) -> Result<Vec<u8>, OfficeError> {
        let missing = || OfficeError::NotFound(format!("there is no provider {}", terminal.provider));
        let provider = db::provider(&self.db, terminal.provider)?.ok_or_else(missing)?;
        let file = db::provider_file(&self.db, terminal.provider)?;
        let today = CivilDay::of(now);
        let current = file.agreements.iter().filter(|a| a.until.is_none_or(|until| today <= until));
        let siblings = db::siblings(&self.db, terminal)?;
        let credential = Credential {
            provider: terminal.provider,
            provider_name: provider.name,
            terminal: terminal.terminal,
            key: terminal.key.clone(),
            recipient: terminal.recipient.clone(),
            issued: now,
            expires: now.plus_days(CREDENTIAL_DAYS),
            services: current.map(|a| a.service.clone()).collect(),
            siblings,
        };
        Ok(credential.seal(&self.keys.documents))
    }

    /// The terminal's credential, renewed when its provider's data has changed or half its time is over.
    pub(super) fn renewed(&self, terminal: &Terminal, now: UtcMs) -> Result<(UtcMs, Vec<u8>), OfficeError> {
        if waiting::retired(&self.db, terminal.id)?.is_some() {
            return Ok((terminal.credential_issued, terminal.credential.clone()));
        }
        let changed = db::provider(&self.db, terminal.provider)?.is_some_and(|p| p.changed > terminal.credential_issued);
        if !changed && now < terminal.credential_issued.plus_days(CREDENTIAL_DAYS / 2) {
            return Ok((terminal.credential_issued, terminal.credential.clone()));
        }
        let issued = now.max(terminal.credential_issued.plus_ms(1));
        let credential = self.credential(terminal, issued)?;
        db::set_credential(&self.db, terminal.id, &credential, issued)?;
        Ok((issued, credential))
    }
}
