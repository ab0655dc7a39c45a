//! Providers with what is agreed, their terminals, and new enrolment codes.

use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, show};
use super::upload::uploaded;
use super::words::moment;
use super::{Desk, MAX_ENROLMENT};
use crate::admit::enrolment::EnrolmentCode;
use crate::office::{Action, Office, OfficeError, Role};
use crate::settle::account::Iban;
use crate::shell::door;
use crate::shell::paper::letters::{Sender, Slip, slip_text};
use crate::shell::paper::qr::Qr;
use crate::shell::paper::stack;
use crate::shell::store::StoreError;
use crate::shell::store::office::{admission, desk};
use crate::words::civil::CivilDay;
use crate::words::ids::ProviderNumber;
use crate::words::service::{Pricing, Service};
use crate::words::time::{DAY_MS, UtcMs};
use askama::Template;
use axum::Form;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FormRejection};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use rusqlite::Connection;
use serde::Deserialize;

/// After how many days without an exchange a terminal is pointed out.
const SILENT_DAYS: u64 = 7;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const DOES: Door = Door::Does(Role::Reconcile);
    vec![
        ("get", "/providers", Door::SignedIn, get(list)),
        ("post", "/providers/{number}/codes", DOES, post(new_code)),
        ("post", "/providers/{number}/slip", DOES, post(slip)),
        ("post", "/providers/enrolment", DOES, post(take_enrolment).layer(DefaultBodyLimit::max(MAX_ENROLMENT))),
    ]
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
    let providers = desk.look(move |db| look(db, now)).await?;
    show(&ProvidersPage { frame: Frame::new(&desk, &clerk, "providers"), providers })
}

fn look(db: &Connection, now: UtcMs) -> Result<Vec<ProviderView>, StoreError> {
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
    url: String,
    days: u64,
}

async fn new_code(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<u32>, headers: HeaderMap) -> Page {
    let (number, by) = (ProviderNumber(number), clerk.name.clone());
    let make = move |office: &mut Office| {
        let now = door::now();
        let code = office.new_code(number, now)?;
        office.note(&by, Action::Provider, &format!("provider/{number}"), "neuer Einmal-Code", now)?;
        let provider = admission::provider(office.db(), number)?;
        Ok::<_, OfficeError>((code, provider.map(|p| p.name).unwrap_or_default()))
    };
    let (code, provider) = desk.with(make).await.map_err(|fault: Fault| fault.back_to("/providers", "Zu den Anbietern"))?;
    let url = own_address(&headers);
    let picture = Qr::new(&slip_text(&code.compact(), &url)).map(|qr| qr.svg("Einmal-Code als QR-Code")).unwrap_or_default();
    let frame = Frame::new(&desk, &clerk, "providers");
    show(&CodePage { frame, provider, number, code: code.grouped(), picture, url, days: crate::office::CODE_DAYS })
}

/// Where this page was asked for: what a terminal will call too, unless the clerk writes another address onto the slip.
pub(super) fn own_address(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let origin = text("origin");
    if origin.contains("://") { origin.to_owned() } else { format!("https://{}", text("host")) }
}

#[derive(Debug, Deserialize)]
struct SlipForm {
    code: String,
    url: String,
}

/// The slip to print, with a code that was just made.
async fn slip(State(desk): State<Desk>, _: SignedIn, Path(number): Path<u32>, form: Result<Form<SlipForm>, FormRejection>) -> Page {
    let back = |fault: Fault| fault.back_to("/providers", "Zu den Anbietern");
    let incomplete = || back(Fault::form("Für den Zettel fehlen Code oder Adresse. Bitte einen neuen Einmal-Code erstellen."));
    let Form(SlipForm { code, url }) = form.map_err(|_| incomplete())?;
    let code = EnrolmentCode::parse(&code).ok_or_else(incomplete)?;
    let number = ProviderNumber(number);
    let made = desk.with(move |office| {
        let known = admission::code(office.db(), code.id())?.filter(|known| known.provider == number && known.secret == *code.secret());
        let provider = admission::provider(office.db(), number)?;
        let (Some(known), Some(provider)) = (known, provider) else { return Ok(None) };
        let sender = Sender { office: &office.profile().name, contact: "", dated: CivilDay::of(door::now()) };
        let until = CivilDay::of(known.expires);
        let slip = Slip { provider: &provider.name, url: url.trim(), code: &code.grouped(), until };
        Ok::<_, StoreError>(Some(stack::slip(&sender, &slip)))
    });
    match made.await.map_err(back)?.ok_or_else(incomplete)? {
        Ok(pdf) => {
            let name = format!("inline; filename=\"anmeldung-{number}.pdf\"");
            Ok(([(header::CONTENT_TYPE, "application/pdf".to_owned()), (header::CONTENT_DISPOSITION, name)], pdf).into_response())
        }
        Err(why) => Err(back(Fault::form(format!("Der Zettel ließ sich nicht drucken. Das Programm meldet: {why}")))),
    }
}

/// Admits a terminal whose request came on a stick, and hands out the answer for the stick.
async fn take_enrolment(State(desk): State<Desk>, _: SignedIn, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Page {
    let back = |fault: Fault| fault.back_to("/providers", "Zu den Anbietern");
    let no_request = || back(Fault::form("Das ist keine Anmeldedatei. Bitte auf dem Stick die Datei „anmeldung.cbor“ des Lesegeräts wählen."));
    let body = body.map_err(|_| no_request())?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let request = uploaded(kind, &body).ok_or_else(no_request)?.to_vec();
    let answered = desk.0.office.ask(move |office| office.enrol(&request, door::now())).await;
    let answer = answered.map_err(Fault::from)?.map_err(|why| match why {
        OfficeError::Refused(_) => no_request(),
        OfficeError::NotAdmitted(_) => back(Fault::form(
            "Der Code in dieser Datei ist falsch, schon benutzt oder abgelaufen, oder das Lesegerät gehört einem anderen Anbieter. \
             Bitte dem Anbieter einen neuen Einmal-Code geben.",
        )),
        other => back(other.into()),
    })?;
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_DISPOSITION, "attachment; filename=\"antwort.json\"")];
    Ok((headers, answer.json().to_string()).into_response())
}
