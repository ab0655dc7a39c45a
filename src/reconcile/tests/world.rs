//! The town of the tests: one office, five providers with what is agreed with them, one child.

use crate::admit::token::{Allowance, Ceiling, Token};
use crate::admit::trust::Policy;
use crate::reconcile::calendar::{ServiceDays, SiteKind, Stretch, Whom};
use crate::reconcile::register::{Agreement, ChildFile, OfficePolicy, ProviderFile, Register, RegisteredToken};
use crate::words::benefit::{Benefit, Measure, Period};
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::ids::{Handle, OfficeId, ProviderNumber, TokenId};
use crate::words::service::{Price, Pricing, Service};
use crate::words::time::UtcSeconds;
use std::collections::BTreeMap;

pub const HANDLE: Handle = Handle([7; 8]);

pub struct World {
    pub office: OfficeId,
    pub policy: OfficePolicy,
    pub providers: BTreeMap<ProviderNumber, ProviderFile>,
    pub child: ChildFile,
    /// The rows of the calendar; providers learn of them by [`World::tell_calendar`].
    pub calendar: Vec<(Whom, Stretch)>,
    pub kinds: BTreeMap<ProviderNumber, SiteKind>,
}

impl World {
    pub fn tell_calendar(&mut self) {
        for (number, file) in &mut self.providers {
            let kind = self.kinds.get(number).copied().unwrap_or(SiteKind::Other);
            file.days = ServiceDays::of(&self.calendar, kind, *number, None);
        }
    }

    pub fn register(&self) -> Register<'_> {
        Register { office: &self.office, policy: &self.policy, providers: &self.providers }
    }
}

pub fn day(text: &str) -> CivilDay {
    let whole = if text.len() == 5 { format!("2026-{text}") } else { text.to_owned() };
    CivilDay::parse(&whole).unwrap_or_else(|| panic!("“{text}” is no day"))
}

pub fn code(text: &str) -> Code {
    Code::parse(text).unwrap_or_else(|| panic!("“{text}” is no code"))
}

fn service(name: &str, benefit: Benefit, pricing: Pricing, prices: &[(&str, i64)]) -> Service {
    let prices = prices.iter().map(|(from, cents)| Price { from: day(from), cents: Cents::new(*cents) }).collect();
    Service { code: code(name), benefit, label: name.into(), pricing, prices, unit_minutes: None, detail: None }
}

fn file(services: Vec<(Service, &str)>) -> ProviderFile {
    let agreements =
        services.into_iter().map(|(service, until)| Agreement { service, from: day("08-01"), until: (!until.is_empty()).then(|| day(until)) });
    ProviderFile { agreements: agreements.collect(), ..ProviderFile::default() }
}

fn providers() -> BTreeMap<ProviderNumber, ProviderFile> {
    use Benefit::{ClassTrip, DayTrip, Lunch, Participation, Tutoring};
    let about = |detail: &str, service: Service| Service { detail: Some(code(detail)), ..service };
    let taught = |subject: &str, service: Service| Service { unit_minutes: Some(45), ..about(subject, service) };
    let canteen = file(vec![
        (service("lunch", Lunch, Pricing::PerUnit, &[("08-01", 450), ("2027-01-01", 480)]), ""),
        (service("flat", Lunch, Pricing::Monthly, &[("08-01", 6000)]), ""),
    ]);
    let kita = file(vec![
        (service("lunch", Lunch, Pricing::PerUnit, &[("08-01", 400)]), "12-31"),
        (service("flat", Lunch, Pricing::Monthly, &[("08-01", 5000)]), ""),
    ]);
    let club = file(vec![
        (service("judo", Participation, Pricing::PerUnit, &[("08-01", 2000)]), ""),
        (service("camp", Participation, Pricing::Free, &[]), ""),
        (about("zoo", service("zoo", DayTrip, Pricing::Free, &[])), ""),
        (about("sylt", service("sylt", ClassTrip, Pricing::Free, &[])), ""),
    ]);
    let tutor = || {
        file(vec![
            (taught("MA", service("maths", Tutoring, Pricing::PerUnit, &[("08-01", 2500)])), ""),
            (taught("DE", service("german", Tutoring, Pricing::PerUnit, &[("08-01", 2500)])), ""),
        ])
    };
    [(1, canteen), (2, kita), (3, club), (4, tutor()), (5, tutor())].into_iter().map(|(number, file)| (ProviderNumber(number), file)).collect()
}

/// A token of the child for whole months, issued before they begin, that allows everything of this town.
pub fn token(name: &str, from: &str, to: &str) -> Token {
    let month = |text: &str| CivilMonth::parse(text).unwrap_or_else(|| panic!("“{text}” is no month"));
    let not_before = month(from).first_day().midnight();
    Token {
        expires: month(to).plus(1).first_day().midnight(),
        not_before,
        issued: UtcSeconds(not_before.0 - 20 * 86_400),
        id: token_id(name),
        holder_key: None,
        allowances: vec![
            allowance(Benefit::Lunch, &[(Period::Day, Measure::Units, 1)], None),
            allowance(Benefit::Participation, &[(Period::Validity, Measure::Cents, 18_000)], None),
            allowance(Benefit::Tutoring, &[(Period::Week, Measure::Units, 3)], Some("MA")),
            allowance(Benefit::DayTrip, &[(Period::Validity, Measure::Cents, 5_000)], None),
            allowance(Benefit::ClassTrip, &[(Period::Validity, Measure::Cents, 30_000)], Some("sylt")),
        ],
        status_index: 0,
        hint: None,
        home_providers: Vec::new(),
        handle: HANDLE,
    }
}

pub fn token_id(name: &str) -> TokenId {
    TokenId([*name.as_bytes().first().expect("a token has a name"); 16])
}

pub fn allowance(benefit: Benefit, ceilings: &[(Period, Measure, u64)], detail: Option<&str>) -> Allowance {
    let ceilings = ceilings.iter().map(|(period, measure, amount)| Ceiling { period: *period, measure: *measure, amount: *amount }).collect();
    Allowance { benefit, ceilings, detail: detail.map(code), providers: Vec::new() }
}

/// The town with a child whose one token, A, is valid from August 2026 to July 2027.
pub fn world() -> World {
    let token = token("A", "2026-08", "2027-07");
    World {
        office: OfficeId::parse("05562032").expect("an office id"),
        policy: OfficePolicy {
            shared: Policy { claim_grace_days: 90, amber_days: 7, red_days: 30 },
            status_ttl_seconds: 86_400,
            good_faith_days: 14,
        },
        providers: providers(),
        child: ChildFile { tokens: [(token.id, RegisteredToken { token, stops: Vec::new() })].into(), debits: Vec::new() },
        calendar: Vec::new(),
        kinds: [(ProviderNumber(1), SiteKind::School), (ProviderNumber(2), SiteKind::Kita)].into(),
    }
}
