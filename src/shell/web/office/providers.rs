//! Providers with what is agreed, their terminals, and new enrolment codes.

use super::Desk;
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, show};
use super::words::moment;
use crate::office::Office;
use crate::settle::account::Iban;
use crate::shell::door;
use crate::shell::paper::qr::Qr;
use crate::shell::store::StoreError;
use crate::shell::store::office::{admission, desk};
use crate::words::civil::CivilDay;
use crate::words::ids::ProviderNumber;
use crate::words::service::{Pricing, Service};
use crate::words::time::{DAY_MS, UtcMs};
use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};

/// After how many days without an exchange a terminal is pointed out.
const SILENT_DAYS: u64 = 7;

/// The routes of these pages.
pub fn routes() -> Router<Desk> {
    Router::new().route("/providers", get(list)).route("/providers/{number}/codes", post(new_code))
}

struct ProviderView {
    number: ProviderNumber,
    name: String,
    iban: String,
    services: Vec<ServiceView>,
    terminals: Vec<TerminalView>,
}

struct ServiceView {
    label: String,
    benefit: &'static str,
    price: String,
}

struct TerminalView {
    label: String,
    admitted: String,
    last: Option<String>,
    silent: bool,
    entries: u64,
}

#[derive(Template)]
#[template(path = "office/providers.html")]
struct ProvidersPage {
    frame: Frame,
    providers: Vec<ProviderView>,
}

async fn list(State(desk): State<Desk>, clerk: SignedIn) -> Page {
    let now = door::now();
    let providers = desk.with(move |office| look(office, now)).await?;
    show(&ProvidersPage { frame: Frame::new(&desk, &clerk, "providers"), providers })
}

fn look(office: &Office, now: UtcMs) -> Result<Vec<ProviderView>, StoreError> {
    let db = office.db();
    let (files, terminals) = (admission::provider_files(db)?, desk::terminals(db)?);
    let today = CivilDay::of(now);
    let view = |provider: admission::Provider| {
        let agreements = files.get(&provider.number).map(|file| file.agreements.as_slice()).unwrap_or_default();
        let current = agreements.iter().filter(|a| a.until.is_none_or(|until| today <= until));
        let own = terminals.iter().filter(|terminal| terminal.provider == provider.number);
        ProviderView {
            number: provider.number,
            iban: Iban::parse(&provider.iban).map_or(provider.iban, |iban| iban.to_string()),
            name: provider.name,
            services: current.map(|a| service(&a.service, today)).collect(),
            terminals: own.map(|seen| terminal(seen, now)).collect(),
        }
    };
    Ok(admission::providers(db)?.into_iter().map(view).collect())
}

fn service(service: &Service, today: CivilDay) -> ServiceView {
    let price = match (service.pricing, service.price_on(today)) {
        (Pricing::Free, _) => "Betrag nach Angabe".to_owned(),
        (_, None) => "noch kein Preis".to_owned(),
        (Pricing::Monthly, Some(cents)) => format!("{cents} im Monat"),
        (Pricing::PerUnit, Some(cents)) => service.unit_minutes.map_or_else(|| cents.to_string(), |minutes| format!("{cents} je {minutes} Minuten")),
    };
    ServiceView { label: service.label.clone(), benefit: service.benefit.german(), price }
}

fn terminal(seen: &desk::TerminalSeen, now: UtcMs) -> TerminalView {
    TerminalView {
        label: if seen.label.trim().is_empty() { "Lesegerät ohne Namen".to_owned() } else { seen.label.clone() },
        admitted: CivilDay::of(seen.admitted).german(),
        last: seen.last_exchange.map(moment),
        silent: now.since(seen.last_exchange.unwrap_or(seen.admitted)) > SILENT_DAYS * DAY_MS,
        entries: seen.entries,
    }
}

#[derive(Template)]
#[template(path = "office/code.html")]
struct CodePage {
    frame: Frame,
    provider: String,
    number: ProviderNumber,
    code: String,
    picture: String,
    days: u64,
}

async fn new_code(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<u32>) -> Page {
    let number = ProviderNumber(number);
    let make = move |office: &mut Office| {
        let code = office.new_code(number, door::now())?;
        let provider = admission::provider(office.db(), number)?;
        Ok::<_, crate::office::OfficeError>((code, provider.map(|p| p.name).unwrap_or_default()))
    };
    let (code, provider) = desk.with(make).await.map_err(|fault: Fault| fault.back_to("/providers", "Zu den Anbietern"))?;
    let picture = Qr::new(&code.compact()).map(|qr| qr.svg("Einmal-Code als QR-Code")).unwrap_or_default();
    let frame = Frame::new(&desk, &clerk, "providers");
    show(&CodePage { frame, provider, number, code: code.grouped(), picture, days: crate::office::CODE_DAYS })
}
