//! Providers with what is agreed, their terminals, and new enrolment codes.

use super::batches::Pager;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, show};
use super::provider::SILENT_DAYS;
use super::upload::uploaded;
use super::words::moment;
use super::{Desk, MAX_ENROLMENT};
use crate::admit::enrolment::EnrolmentCode;
use crate::office::{Action, DESK_LABEL, Office, OfficeError, Role};
use crate::reconcile::calendar::SiteKind;
use crate::shell::door;
use crate::shell::paper::letters::{Sender, Slip, slip_text};
use crate::shell::paper::qr::Qr;
use crate::shell::paper::stack;
use crate::shell::store::StoreError;
use crate::shell::store::office::admission;
use crate::shell::store::office::providers::{self, Wanted};
use crate::words::civil::CivilDay;
use crate::words::ids::ProviderNumber;
use crate::words::time::{DAY_MS, UtcMs};
use askama::Template;
use axum::Form;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FormRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde::Deserialize;

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

/// How many providers stand on one page.
const PROVIDERS: u64 = 100;

/// What a list of providers was asked for.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    silent: String,
    #[serde(default)]
    skip: u64,
}

struct ProviderView {
    number: ProviderNumber,
    name: String,
    kind: &'static str,
    terminals: u64,
    last: String,
    silent: u64,
    iban_waits: bool,
}

#[derive(Template)]
#[template(path = "office/providers.html")]
struct ProvidersPage {
    frame: Frame,
    providers: Vec<ProviderView>,
    all: u64,
    text: String,
    kind: &'static str,
    kinds: Vec<(&'static str, &'static str)>,
    silent: bool,
    pager: Pager,
}

async fn list(State(desk): State<Desk>, clerk: SignedIn, Query(asked): Query<Asked>) -> Page {
    let text: String = asked.q.trim().chars().take(80).collect();
    let (kind, silent, skip) = (SiteKind::parse(&asked.kind), asked.silent == "yes", asked.skip);
    let since = UtcMs(door::now().0.saturating_sub(SILENT_DAYS * DAY_MS));
    let wanted = Wanted { text: text.clone(), silent, quiet: DESK_LABEL, kind };
    let (found, all) = desk.look(move |db| providers::list(db, &wanted, since, skip, PROVIDERS)).await?;
    let kind = kind.map_or("", SiteKind::name);
    let place = format!("/providers?q={}&kind={kind}{}&", in_address(&text), if silent { "&silent=yes" } else { "" });
    let pager = Pager::new(place, skip, found.len(), PROVIDERS);
    let view = |provider: providers::ListedProvider| ProviderView {
        number: provider.number,
        name: provider.name,
        kind: provider.kind.german(),
        terminals: provider.terminals,
        last: provider.last.map_or_else(|| "–".to_owned(), moment),
        silent: provider.silent,
        iban_waits: provider.iban_waits,
    };
    let kinds = SiteKind::ALL.map(|kind| (kind.name(), kind.german())).into();
    let frame = Frame::new(&desk, &clerk, "providers");
    show(&ProvidersPage { frame, providers: found.into_iter().map(view).collect(), all, text, kind, kinds, silent, pager })
}

/// A text as it stands in an address: what is no letter or digit in per cent.
fn in_address(text: &str) -> String {
    let encoded = |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encoded).collect()
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
        office.note(&by, Action::Provider, &format!("provider/{number}"), "neuer Anmeldecode", now)?;
        let provider = admission::provider(office.db(), number)?;
        Ok::<_, OfficeError>((code, provider.map(|p| p.name).unwrap_or_default()))
    };
    let (code, provider) = desk.with(make).await.map_err(|fault: Fault| fault.back_to("/providers", "Zu den Anbietern"))?;
    let url = own_address(&headers);
    let picture = Qr::new(&slip_text(&code.compact(), &url)).map(|qr| qr.svg("Anmeldecode als QR-Code")).unwrap_or_default();
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
    let incomplete = || back(Fault::form("Für den Zettel fehlen Code oder Adresse. Bitte einen neuen Anmeldecode erstellen."));
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
async fn take_enrolment(State(desk): State<Desk>, clerk: SignedIn, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Page {
    let back = |fault: Fault| fault.back_to("/providers", "Zu den Anbietern");
    let no_request = || back(Fault::form("Das ist keine Anmeldedatei. Bitte auf dem Stick die Datei „anmeldung.cbor“ des Lesegeräts wählen."));
    let body = body.map_err(|_| no_request())?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let request = uploaded(kind, &body).ok_or_else(no_request)?.to_vec();
    let answered = desk.0.office.ask(move |office| {
        let answer = office.enrol(&request, door::now())?;
        office.note(&clerk.name, Action::Provider, "enrolment", "Lesegerät vom Stick angemeldet", door::now())?;
        Ok::<_, OfficeError>(answer)
    });
    let answered = answered.await;
    let answer = answered.map_err(Fault::from)?.map_err(|why| match why {
        OfficeError::Refused(_) => no_request(),
        OfficeError::NotAdmitted(_) => back(Fault::form(
            "Der Code in dieser Datei ist falsch, schon benutzt oder abgelaufen, oder das Lesegerät gehört einem anderen Anbieter. \
             Bitte dem Anbieter einen neuen Anmeldecode geben.",
        )),
        other => back(other.into()),
    })?;
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_DISPOSITION, "attachment; filename=\"antwort.json\"")];
    Ok((headers, answer.json().to_string()).into_response())
}
