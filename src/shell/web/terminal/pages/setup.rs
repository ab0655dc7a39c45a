//! The set-up, step by step: a reload or a restart goes on where one was.

use super::super::settings::STEPS;
use super::super::setup::asked_for;
use super::training::picture;
use super::{Frame, Visit};
use crate::admit::trust::TrustList;
use crate::shell::door::now;
use crate::shell::store::StoreError;
use crate::shell::texts::Language;
use crate::shell::training::cards;
use crate::shell::web::problem::Problem;
use crate::terminal::settings::Setting;
use crate::terminal::{Office, Terminal};
use crate::words::civil::CivilDay;
use crate::words::service::{Pricing, Service};
use askama::Template;
use axum::extract::RawQuery;
use axum::response::Response;

/// A step as the list of steps shows it.
struct StepShown {
    key: &'static str,
    /// `past`, `now` or `ahead`.
    state: &'static str,
}

/// An office that has admitted this box.
pub(super) struct Admitted {
    pub name: String,
    pub provider: String,
    pub number: String,
    pub services: Vec<Agreed>,
}

/// A service as agreed.
pub(super) struct Agreed {
    pub code: String,
    pub label: String,
    pub price: String,
}

#[derive(Template)]
#[template(path = "terminal/setup.html")]
struct SetupPage {
    frame: Frame,
    step: &'static str,
    steps: Vec<StepShown>,
    back: &'static str,
    next: &'static str,
    languages: Vec<Language>,
    /// Another office is being added to a box that is set up.
    further: bool,
    /// Where one goes then.
    further_to: &'static str,
    /// An office that knew this box must admit it again.
    again: bool,
    /// Whether it can still take another box's place.
    unused: bool,
    url: String,
    code: String,
    name: String,
    service: String,
    offices: Vec<Admitted>,
    /// Code and label of each service once; what several offices agreed under one code is one choice at the counter.
    choices: Vec<(String, String)>,
    pins: [bool; 3],
    /// A practice card to try the scanner with.
    sample: String,
    /// The service that a card is looked at with there.
    looked_with: String,
}

/// The step that is asked for, or the one that was reached.
pub(in super::super) async fn show(visit: Visit, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let pins = visit.app.sessions.pins().hashes.map(|hash| hash.is_some());
    let asked = query.as_deref().unwrap_or_default().split('&').find_map(|part| part.strip_prefix("step=")).map(str::to_owned);
    visit.show(move |terminal, frame| page(terminal, frame, asked.as_deref(), pins)).await
}

fn page(terminal: &mut Terminal, frame: Frame, asked: Option<&str>, pins: [bool; 3]) -> Result<SetupPage, StoreError> {
    let reached = terminal.setting(Setting::SetUp)?;
    let offices = admitted(terminal, &frame);
    let wanted = asked.or(reached.as_deref()).unwrap_or_default();
    let at = STEPS.iter().position(|step| *step == wanted).unwrap_or(0).min(STEPS.len() - 2);
    let at = if offices.is_empty() && at > 2 { 1 } else { at };
    let step = STEPS.get(at).copied().unwrap_or_default();
    let state = |place: usize| match place.cmp(&at) {
        std::cmp::Ordering::Less => "past",
        std::cmp::Ordering::Equal => "now",
        std::cmp::Ordering::Greater => "ahead",
    };
    let (mut url, code) = asked_for(terminal)?;
    let to_ask_again: Vec<&Office> = terminal.offices().iter().map(|(office, _)| office).filter(|office| office.credential.is_none()).collect();
    let further_to = match to_ask_again.len() {
        0 => "/settings",
        1 => "/",
        _ => "/setup?step=office",
    };
    let again = !to_ask_again.is_empty();
    if let Some(office) = to_ask_again.first().filter(|_| url.is_empty()) {
        url.clone_from(&office.url);
    }
    let mut choices: Vec<(String, String)> = Vec::new();
    for service in offices.iter().flat_map(|office| &office.services) {
        if choices.iter().all(|(code, _)| *code != service.code) {
            choices.push((service.code.clone(), service.label.clone()));
        }
    }
    let first = choices.first().map(|(code, _)| code.clone()).unwrap_or_default();
    Ok(SetupPage {
        step,
        steps: STEPS.iter().take(STEPS.len() - 1).enumerate().map(|(place, key)| StepShown { key, state: state(place) }).collect(),
        back: at.checked_sub(1).and_then(|before| STEPS.get(before)).copied().unwrap_or_default(),
        next: STEPS.get(at + 1).copied().unwrap_or_default(),
        languages: Language::all().collect(),
        further: reached.as_deref() == Some("done"),
        further_to,
        again,
        unused: terminal.is_unused()?,
        url,
        code,
        name: terminal.setting(Setting::Name)?.unwrap_or_default(),
        service: terminal.setting(Setting::Service)?.unwrap_or_else(|| first.clone()),
        looked_with: first,
        offices,
        choices,
        pins,
        sample: if step == "scanner" { sample(&frame) } else { String::new() },
        frame,
    })
}

fn sample(frame: &Frame) -> String {
    cards(now()).first().map(|card| picture(&card.code, frame)).unwrap_or_default()
}

/// The offices that have admitted this box, with what is agreed.
pub(super) fn admitted(terminal: &Terminal, frame: &Frame) -> Vec<Admitted> {
    let shown = |(office, trust): (&Office, &TrustList)| Admitted {
        name: trust.office_name.clone(),
        provider: office.credential.as_ref().map(|c| c.provider_name.clone()).unwrap_or_default(),
        number: office.credential.as_ref().map(|c| c.provider.to_string()).unwrap_or_default(),
        services: in_order(office).into_iter().map(|service| agreed(service, frame)).collect(),
    };
    terminal.offices().iter().map(shown).collect()
}

/// As the counter lists them: lunch first.
fn in_order(office: &Office) -> Vec<&Service> {
    let mut services: Vec<&Service> = office.credential.iter().flat_map(|c| &c.services).collect();
    services.sort_by_key(|service| service.benefit);
    services
}

fn agreed(service: &Service, frame: &Frame) -> Agreed {
    let today = CivilDay::of(now());
    let price = match (service.pricing, service.price_on(today)) {
        (Pricing::Free, _) => frame.t("setup.price_free").to_owned(),
        (_, None) => frame.t("setup.price_none").to_owned(),
        (Pricing::Monthly, Some(cents)) => format!("{} {}", frame.language().money(cents), frame.t("setup.price_month")),
        (Pricing::PerUnit, Some(cents)) => match service.unit_minutes {
            Some(minutes) => format!("{} / {minutes} min", frame.language().money(cents)),
            None => frame.language().money(cents),
        },
    };
    Agreed { code: service.code.to_string(), label: service.label.clone(), price }
}
