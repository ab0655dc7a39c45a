//! One provider: its data, account, agreements with dated prices, days of service, places and terminals, and the forms to change them.

use super::Desk;
use super::doors::{Door, Route};
use super::form::Fields;
use super::login::SignedIn;
use super::page::{Done, Fault, Frame, Page, go, show};
use super::words::moment;
use crate::office::{DESK_LABEL, MAX_CONTACT, NewProvider, OfficeError, ProviderData, Role, ServiceTerms};
use crate::reconcile::calendar::{SiteKind, Stretch, Whom};
use crate::reconcile::register::Agreement;
use crate::settle::account::{Iban, check_name};
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::office::calendar::{self, CalendarRow, Site};
use crate::shell::store::office::{admission, providers};
use crate::shell::store::sql::Connection;
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{ProviderNumber, TerminalId};
use crate::words::service::{Price, Pricing, Service};
use crate::words::time::{DAY_MS, UtcMs};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};

/// After how many days without an exchange a terminal is pointed out.
pub const SILENT_DAYS: u64 = 7;
/// The longest text of a field in characters.
const MAX_TEXT: usize = 120;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const DOES: Door = Door::Does(Role::Reconcile);
    vec![
        ("get", "/providers/new", DOES, get(new_page)),
        ("post", "/providers", DOES, post(add)),
        ("get", "/providers/{number}", Door::SignedIn, get(one)),
        ("post", "/providers/{number}/data", DOES, post(change_data)),
        ("post", "/providers/{number}/iban", DOES, post(change_iban)),
        ("post", "/providers/{number}/iban/confirm", Door::Does(Role::Release), post(confirm_iban)),
        ("post", "/providers/{number}/services", DOES, post(agree)),
        ("post", "/providers/{number}/prices", DOES, post(set_price)),
        ("post", "/providers/{number}/end", DOES, post(end)),
        ("post", "/providers/{number}/sites", DOES, post(keep_site)),
        ("post", "/providers/{number}/days", DOES, post(add_days)),
        ("post", "/providers/{number}/place", DOES, post(place)),
        ("post", "/providers/{number}/retire", DOES, post(retire)),
    ]
}

/// A service as agreed, for people.
struct ServiceView {
    code: String,
    label: String,
    benefit: &'static str,
    about: String,
    price: String,
    has_price: bool,
    prices: Vec<(String, Cents)>,
    from: String,
    until: Option<String>,
    ended: bool,
}

impl ServiceView {
    fn of(agreement: &Agreement, today: CivilDay) -> Self {
        let service = &agreement.service;
        let price = match (service.pricing, service.price_on(today)) {
            (Pricing::Free, _) => "Betrag nach Angabe".to_owned(),
            (_, None) => "noch kein Preis".to_owned(),
            (Pricing::Monthly, Some(cents)) => format!("{cents} im Monat"),
            (Pricing::PerUnit, Some(cents)) => service.unit_minutes.map_or_else(|| cents.to_string(), |m| format!("{cents} je {m} Minuten")),
        };
        let mut prices: Vec<Price> = service.prices.clone();
        prices.sort_by_key(|price| std::cmp::Reverse(price.from));
        Self {
            code: service.code.to_string(),
            label: service.label.clone(),
            benefit: service.benefit.german(),
            about: service.detail.as_ref().map(Code::to_string).unwrap_or_default(),
            price,
            has_price: service.pricing != Pricing::Free,
            prices: prices.into_iter().map(|price| (price.from.german(), price.cents)).collect(),
            from: agreement.from.german(),
            until: agreement.until.map(CivilDay::german),
            ended: agreement.until.is_some_and(|until| until < today),
        }
    }
}

struct TerminalView {
    id: String,
    label: String,
    site: String,
    admitted: String,
    last: Option<String>,
    silent: bool,
    retired: Option<String>,
    entries: u64,
    /// What people call the one it continues.
    continues: Option<String>,
    /// Since when another one continues it, and whether it has asked since.
    replaced: Option<(String, bool)>,
    /// When it showed another state of its journal.
    other_state: Option<String>,
}

impl TerminalView {
    fn of(row: providers::TerminalRow, now: UtcMs) -> Self {
        Self {
            id: row.terminal.hex(),
            silent: row.retired.is_none() && row.label != DESK_LABEL && now.since(row.last.unwrap_or(row.admitted)) > SILENT_DAYS * DAY_MS,
            label: if row.label.trim().is_empty() { "Lesegerät ohne Namen".to_owned() } else { row.label },
            site: row.site.unwrap_or_default(),
            admitted: CivilDay::of(row.admitted).german(),
            continues: row.continues,
            replaced: row.replaced.map(|at| (CivilDay::of(at).german(), row.last.is_some_and(|last| last > at))),
            other_state: row.other_state.map(moment),
            last: row.last.map(moment),
            retired: row.retired.map(|at| CivilDay::of(at).german()),
            entries: row.entries,
        }
    }
}

/// An account that waits for a second clerk.
struct WaitingIban {
    iban: String,
    shown: String,
    clerk: String,
    at: String,
    own: bool,
}

/// A row of the calendar that names this provider.
pub struct DaysView {
    /// Row id.
    pub id: i64,
    /// Whom it is about.
    pub whom: String,
    /// The days.
    pub days: String,
    /// Whether there is service.
    pub open: bool,
    /// What the days are.
    pub name: String,
}

impl DaysView {
    /// The row for people.
    pub fn of(id: i64, row: CalendarRow) -> Self {
        let whom = match row.whom {
            Whom::All => "alle".to_owned(),
            Whom::Kind(kind) => kind.german().to_owned(),
            Whom::Provider(number) => format!("Anbieter {number}"),
            Whom::Site(number, site) => format!("Anbieter {number}, {site}"),
        };
        let Stretch { from, to, open } = row.days;
        let days = if from == to { from.german() } else { format!("{} bis {}", from.german(), to.german()) };
        Self { id, whom, days, open, name: row.name }
    }
}

#[derive(Template)]
#[template(path = "office/provider.html")]
struct ProviderPage {
    frame: Frame,
    number: ProviderNumber,
    name: String,
    kind: SiteKind,
    contact: String,
    iban: String,
    waiting_iban: Option<WaitingIban>,
    /// Whether no account was ever confirmed.
    account_open: bool,
    services: Vec<ServiceView>,
    sites: Vec<(String, &'static str)>,
    days: Vec<DaysView>,
    terminals: Vec<TerminalView>,
    kinds: Vec<(&'static str, &'static str)>,
    benefits: Vec<(&'static str, &'static str)>,
    today: String,
}

fn kinds() -> Vec<(&'static str, &'static str)> {
    SiteKind::ALL.map(|kind| (kind.name(), kind.german())).into()
}

fn benefits() -> Vec<(&'static str, &'static str)> {
    Benefit::ALL.map(|benefit| (benefit.name(), benefit.german())).into()
}

/// An account as people read it.
pub fn grouped(iban: &str) -> String {
    Iban::parse(iban).map_or_else(|_| iban.to_owned(), |iban| iban.to_string())
}

async fn one(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<String>, Query(done): Query<Done>) -> Page {
    let number = number_of(&number)?;
    let (frame, name, now) = (Frame::new(&desk, &clerk, "providers").after(done.done.as_deref()), clerk.name, door::now());
    let page = desk.look::<_, StoreError>(move |db| page_of(db, number, frame, &name, now)).await?;
    show(&page.ok_or_else(no_such_provider)?)
}

fn page_of(db: &Connection, number: ProviderNumber, frame: Frame, clerk: &str, now: UtcMs) -> Result<Option<ProviderPage>, StoreError> {
    let (Some(provider), Some(details)) = (admission::provider(db, number)?, providers::details(db, number)?) else { return Ok(None) };
    let today = CivilDay::of(now);
    let mut agreements = admission::provider_files(db)?.remove(&number).unwrap_or_default().agreements;
    agreements.sort_by_key(|agreement| agreement.until.is_some_and(|until| until < today));
    let of_it = |whom: &Whom| matches!(whom, Whom::Provider(of) | Whom::Site(of, _) if *of == number);
    let days = calendar::rows(db)?.into_iter().filter(|(_, row)| of_it(&row.whom)).map(|(id, row)| DaysView::of(id, row));
    let sites = calendar::sites(db)?.into_iter().filter(|site| site.provider == number).map(|site| (site.name, site.kind.german()));
    let waiting_iban = details.waiting_iban.map(|change| WaitingIban {
        shown: grouped(&change.iban),
        own: super::settlement::is_same_clerk(&change.clerk, clerk),
        iban: change.iban,
        clerk: change.clerk,
        at: moment(change.at),
    });
    Ok(Some(ProviderPage {
        frame,
        number,
        name: provider.name,
        kind: details.kind,
        contact: details.contact,
        iban: grouped(&provider.iban),
        waiting_iban,
        account_open: details.account_open,
        services: agreements.iter().map(|agreement| ServiceView::of(agreement, today)).collect(),
        sites: sites.collect(),
        days: days.collect(),
        terminals: providers::terminals(db, number)?.into_iter().map(|row| TerminalView::of(row, now)).collect(),
        kinds: kinds(),
        benefits: benefits(),
        today: today.to_string(),
    }))
}

fn no_such_provider() -> Fault {
    Fault::new(StatusCode::NOT_FOUND, "Diesen Anbieter gibt es nicht", "Bitte in der Liste nachsehen.").back_to("/providers", "Zu den Anbietern")
}

fn number_of(text: &str) -> Result<ProviderNumber, Fault> {
    text.parse().map(ProviderNumber).map_err(|_| no_such_provider())
}

#[derive(Template)]
#[template(path = "office/provider_new.html")]
struct NewPage {
    frame: Frame,
    kinds: Vec<(&'static str, &'static str)>,
    benefits: Vec<(&'static str, &'static str)>,
    today: String,
}

async fn new_page(State(desk): State<Desk>, clerk: SignedIn) -> Page {
    let today = CivilDay::of(door::now()).to_string();
    show(&NewPage { frame: Frame::new(&desk, &clerk, "providers"), kinds: kinds(), benefits: benefits(), today })
}

fn data_of(fields: &Fields) -> Result<ProviderData, Fault> {
    let name = fields.text("name", MAX_TEXT).ok_or_else(|| Fault::form("Bitte einen Namen mit höchstens 120 Zeichen eintragen."))?;
    check_name(&name).map_err(|_| {
        Fault::form("Bitte den Namen mit lateinischen Buchstaben oder Ziffern eintragen, so wie ihn die Bank kennt: Eine Überweisung kann keinen anderen nennen.")
    })?;
    let kind = SiteKind::parse(fields.get("kind")).ok_or_else(|| Fault::form("Bitte eine Art wählen: Schule, Kita, Hort oder Sonstiges."))?;
    let contact = fields.get("contact").chars().take(MAX_CONTACT).collect();
    Ok(ProviderData { name, kind, contact })
}

fn iban_of(fields: &Fields) -> Result<Iban, Fault> {
    let wrong = "Diese IBAN stimmt nicht: Sie hat einen Tippfehler, oder es fehlt etwas. Bitte mit dem Schreiben des Anbieters vergleichen.";
    Iban::parse(fields.get("iban")).map_err(|_| Fault::form(wrong))
}

/// A service as a form brings it.
fn terms_of(fields: &Fields) -> Result<ServiceTerms, Fault> {
    let benefit = Benefit::parse(fields.get("benefit")).ok_or_else(|| Fault::form("Bitte die Leistung wählen."))?;
    let label = fields
        .text("label", crate::words::service::MAX_LABEL)
        .ok_or_else(|| Fault::form("Bitte eine Bezeichnung mit höchstens 80 Zeichen eintragen."))?;
    let code = "Das Kürzel hat 1 bis 24 Zeichen ohne Umlaute und Leerzeichen, zum Beispiel mittagessen.";
    let code = Code::parse(fields.get("code")).ok_or_else(|| Fault::form(code))?;
    let from = fields.day("from").ok_or_else(|| Fault::form("Ab wann gilt es? Bitte ein Datum eintragen."))?;
    let pricing = match fields.get("pricing") {
        "free" if benefit.takes_free_amount() => Pricing::Free,
        "free" => return Err(Fault::form("Einen Betrag nach Angabe gibt es nur bei Teilhabe und Ausflügen. Bitte einen Preis vereinbaren.")),
        "month" => Pricing::Monthly,
        _ => Pricing::PerUnit,
    };
    let price = || fields.cents("euros").ok_or_else(|| Fault::form("Bitte den Preis in Euro eintragen, zum Beispiel 4,50."));
    let prices = if pricing == Pricing::Free { Vec::new() } else { vec![Price { from, cents: price()? }] };
    let minutes = || match fields.get("minutes") {
        "" => Ok(45),
        text => text.parse().ok().filter(|m| (1..=600).contains(m)).ok_or_else(|| Fault::form("Eine Unterrichtseinheit hat 1 bis 600 Minuten.")),
    };
    let unit_minutes = if benefit == Benefit::Tutoring { Some(minutes()?) } else { None };
    let detail = match fields.get("detail") {
        "" => None,
        text => Some(Code::parse(text).ok_or_else(|| Fault::form("Fach oder Fahrt ist ein Kürzel ohne Umlaute und Leerzeichen, zum Beispiel MA."))?),
    };
    Ok(ServiceTerms { service: Service { code, benefit, label, pricing, prices, unit_minutes, detail }, from })
}

async fn add(State(desk): State<Desk>, clerk: SignedIn, fields: Fields) -> Page {
    let back = |fault: Fault| fault.back_to("/providers/new", "Zurück zum Formular");
    let (data, iban, terms) = (data_of(&fields).map_err(back)?, iban_of(&fields).map_err(back)?, terms_of(&fields).map_err(back)?);
    let work = move |office: &mut crate::office::Office| {
        let new = NewProvider { name: data.name.clone(), iban: iban.electronic().to_owned(), services: vec![terms] };
        office.enter_provider(&new, &data, &clerk.name, door::now())
    };
    let number = desk.with::<_, OfficeError>(work).await.map_err(back)?;
    Ok(go(&format!("/providers/{number}?done=provider_added")))
}

/// Has the office do something with a provider, and goes back to its page.
async fn then_back(
    desk: &Desk,
    number: ProviderNumber,
    done: &str,
    work: impl FnOnce(&mut crate::office::Office) -> Result<(), OfficeError> + Send + 'static,
) -> Page {
    desk.with(work).await?;
    Ok(go(&format!("/providers/{number}?done={done}")))
}

async fn change_data(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<String>, fields: Fields) -> Page {
    let (number, data) = (number_of(&number)?, data_of(&fields)?);
    then_back(&desk, number, "provider_changed", move |office| office.change_provider(number, &data, &clerk.name, door::now())).await
}

async fn change_iban(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<String>, fields: Fields) -> Page {
    let (number, iban) = (number_of(&number)?, iban_of(&fields)?);
    let paid_to = move |db: &Connection| {
        let open = providers::details(db, number)?.is_some_and(|details| details.account_open);
        Ok::<_, StoreError>(admission::provider(db, number)?.filter(|_| !open).map(|provider| provider.iban))
    };
    if desk.look(paid_to).await?.as_deref() == Some(iban.electronic()) {
        return Err(Fault::form("Das ist das Konto, auf das schon gezahlt wird. Es wurde nichts geändert."));
    }
    then_back(&desk, number, "iban_entered", move |office| office.change_iban(number, iban.electronic(), &clerk.name, door::now())).await
}

async fn confirm_iban(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<String>, fields: Fields) -> Page {
    let (number, confirm) = (number_of(&number)?, fields.get("choice") == "confirm");
    let waiting = desk.look(move |db: &Connection| providers::details(db, number)).await?.and_then(|details| details.waiting_iban);
    let seen = fields.get("iban").to_owned();
    match waiting {
        Some(change) if change.iban != seen => return Err(overtaken()),
        None => return Err(overtaken()),
        Some(change) if confirm && super::settlement::is_same_clerk(&change.clerk, &clerk.name) => {
            let sentence = "Sie haben dieses Konto selbst eingetragen. Bestätigen muss es eine andere Person mit eigener Anmeldung.";
            return Err(Fault::new(StatusCode::FORBIDDEN, "Vier Augen, zwei Personen", sentence));
        }
        Some(_) => {}
    }
    let done = if confirm { "iban_confirmed" } else { "iban_dropped" };
    then_back(&desk, number, done, move |office| office.confirm_iban(number, &seen, confirm, &clerk.name, door::now())).await
}

fn overtaken() -> Fault {
    let sentence = "Dieses Konto wartet nicht mehr, oder es wurde ein anderes eingetragen. Bitte noch einmal ansehen; es wurde nichts geändert.";
    Fault::new(StatusCode::CONFLICT, "Jemand war schneller", sentence)
}

async fn agree(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<String>, fields: Fields) -> Page {
    let (number, terms) = (number_of(&number)?, terms_of(&fields)?);
    let code = terms.service.code.clone();
    let known = move |db: &Connection| Ok::<_, StoreError>(admission::provider_files(db)?.remove(&number));
    let known = desk.look(known).await?.ok_or_else(no_such_provider)?;
    if let Some(known) = known.agreements.iter().find(|agreement| agreement.service.code == code) {
        let sentence = format!(
            "Das Kürzel „{code}“ ist schon vergeben, für „{}“. Bitte ein anderes wählen; für einen neuen Preis gibt es das Formular bei der Leistung.",
            known.service.label
        );
        return Err(Fault::form(sentence));
    }
    then_back(&desk, number, "agreed", move |office| office.agree_by(number, &terms, &clerk.name, door::now())).await
}

async fn set_price(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<String>, fields: Fields) -> Page {
    let (number, code) = (number_of(&number)?, code_of(&fields)?);
    let from = fields.day("from").ok_or_else(|| Fault::form("Ab wann gilt der Preis? Bitte ein Datum eintragen."))?;
    let cents = fields.cents("euros").ok_or_else(|| Fault::form("Bitte den Preis in Euro eintragen, zum Beispiel 4,50."))?;
    then_back(&desk, number, "priced", move |office| office.set_price(number, &code, from, cents, &clerk.name, door::now())).await
}

fn code_of(fields: &Fields) -> Result<Code, Fault> {
    Code::parse(fields.get("code")).ok_or_else(|| Fault::form("Von welcher Leistung? Bitte das Formular auf der Seite des Anbieters benutzen."))
}

async fn end(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<String>, fields: Fields) -> Page {
    let (number, code) = (number_of(&number)?, code_of(&fields)?);
    let until = match fields.get("until") {
        "" => None,
        _ => Some(fields.day("until").ok_or_else(|| Fault::form("Bitte den letzten Tag als Datum eintragen, oder das Feld leeren."))?),
    };
    then_back(&desk, number, "ended", move |office| office.end_agreement(number, &code, until, &clerk.name, door::now())).await
}

async fn keep_site(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<String>, fields: Fields) -> Page {
    let number = number_of(&number)?;
    let name = fields.text("name", 60).ok_or_else(|| Fault::form("Bitte einen Namen mit höchstens 60 Zeichen eintragen."))?;
    let kind = SiteKind::parse(fields.get("kind")).ok_or_else(|| Fault::form("Bitte eine Art wählen: Schule, Kita, Hort oder Sonstiges."))?;
    let site = Site { provider: number, name, kind };
    then_back(&desk, number, "days_changed", move |office| office.keep_site(&site, &clerk.name, door::now())).await
}

async fn add_days(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<String>, fields: Fields) -> Page {
    let number = number_of(&number)?;
    let whom = match fields.get("site") {
        "" => Whom::Provider(number),
        site => Whom::Site(number, site.to_owned()),
    };
    let row = super::calendar::row_of(&fields, whom)?;
    then_back(&desk, number, "days_changed", move |office| office.add_calendar_row(&row, &clerk.name, door::now())).await
}

fn terminal_of(fields: &Fields) -> Result<TerminalId, Fault> {
    TerminalId::from_hex(fields.get("terminal"))
        .ok_or_else(|| Fault::form("Welches Lesegerät? Bitte das Formular auf der Seite des Anbieters benutzen."))
}

async fn place(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<String>, fields: Fields) -> Page {
    let (number, terminal) = (number_of(&number)?, terminal_of(&fields)?);
    let site = Some(fields.get("site").to_owned()).filter(|site| !site.is_empty());
    then_back(&desk, number, "days_changed", move |office| office.place_terminal(terminal, site.as_deref(), &clerk.name, door::now())).await
}

async fn retire(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<String>, fields: Fields) -> Page {
    let (number, terminal) = (number_of(&number)?, terminal_of(&fields)?);
    then_back(&desk, number, "retired", move |office| office.retire_terminal(terminal, &clerk.name, door::now()).map(drop)).await
}
