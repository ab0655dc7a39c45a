//! Invoices in the name of providers: what they say of the office and of a provider, how services are taxed, and the documents made.

use super::Desk;
use super::doors::{Door, Route};
use super::form::Fields;
use super::login::SignedIn;
use super::page::{Done, Fault, Frame, Page, go, show};
use super::settlement_run::served;
use crate::office::{Action, InvoiceBuyer, OfficeError, Role, invoice_buyer};
use crate::settle::leitweg::{LeitwegError, LeitwegId};
use crate::settle::tax_id;
use crate::shell::door;
use crate::shell::legal::Legal;
use crate::shell::store::office::admission;
use crate::shell::store::office::invoices::{self, MadeInvoice, Party};
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::ids::ProviderNumber;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};

/// How many months of service the page lists.
const MONTHS: u32 = 24;
/// The longest text of a field in characters.
const MAX_TEXT: usize = 100;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const READS: Door = Door::Reads(&[Role::Reconcile, Role::Release]);
    const DOES: Door = Door::Does(Role::Reconcile);
    vec![
        ("get", "/settlement/invoices", Door::Reads(&[Role::Reconcile, Role::Release, Role::Admin]), get(all)),
        ("post", "/settlement/invoices", Door::Does(Role::Admin), post(set_buyer)),
        ("get", "/providers/{number}/invoices", READS, get(of_provider)),
        ("post", "/providers/{number}/invoices/party", DOES, post(set_party)),
        ("post", "/providers/{number}/invoices/vat", DOES, post(set_vat)),
        ("post", "/providers/{number}/invoices/make", DOES, post(make)),
        ("get", "/providers/{number}/invoices/{file}", READS, get(file)),
    ]
}

#[derive(Template)]
#[template(path = "office/invoices.html")]
struct AllPage {
    frame: Frame,
    buyer: InvoiceBuyer,
    entered: bool,
    providers: Vec<(ProviderNumber, String)>,
}

async fn all(State(desk): State<Desk>, clerk: SignedIn, Query(done): Query<Done>) -> Page {
    let frame = Frame::new(&desk, &clerk, "settlement").after(done.done.as_deref());
    let (buyer, providers) = desk.look(|db| Ok::<_, OfficeError>((invoice_buyer(db)?, invoices::parties(db)?))).await?;
    show(&AllPage { frame, entered: buyer.is_some(), buyer: buyer.unwrap_or_default(), providers })
}

/// A text that a form must bring.
fn needed(fields: &Fields, name: &str, what: &str) -> Result<String, Fault> {
    fields.text(name, MAX_TEXT).ok_or_else(|| Fault::form(format!("Bitte {what} eintragen, höchstens {MAX_TEXT} Zeichen.")))
}

fn postcode(fields: &Fields) -> Result<String, Fault> {
    let text = fields.get("postcode");
    let right = text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
    if right { Ok(text.to_owned()) } else { Err(Fault::form("Eine Postleitzahl hat fünf Ziffern.")) }
}

async fn set_buyer(State(desk): State<Desk>, clerk: SignedIn, fields: Fields) -> Page {
    let leitweg = LeitwegId::parse(fields.get("leitweg")).map_err(|why| match why {
        LeitwegError::Shape => Fault::form(
            "Das ist keine Leitweg-ID. Sie sieht so aus: 04011000-1234512345-06. Bitte aus dem Schreiben übernehmen, das sie mitgeteilt hat.",
        ),
        LeitwegError::CheckDigits => {
            Fault::form("Die Leitweg-ID hat einen Tippfehler: Ihre letzten zwei Ziffern passen nicht zum Rest. Bitte noch einmal vergleichen.")
        }
    })?;
    let (street, city) = (needed(&fields, "street", "Straße und Hausnummer")?, needed(&fields, "city", "den Ort")?);
    let buyer = InvoiceBuyer { leitweg: leitweg.to_string(), street, postcode: postcode(&fields)?, city };
    desk.with::<_, OfficeError>(move |office| office.set_invoice_buyer(&buyer, &clerk.name, door::now())).await?;
    Ok(go("/settlement/invoices?done=invoice_buyer"))
}

struct TaxView {
    code: String,
    label: String,
    taxes: Vec<(String, String)>,
}

struct MonthView {
    month: String,
    german: String,
    settled: Cents,
    /// What the settled sum is above or below what the documents say.
    open: Cents,
    over: bool,
    documents: Vec<(String, &'static str, String, Cents)>,
}

#[derive(Template)]
#[template(path = "office/provider_invoices.html")]
struct ProviderPage {
    frame: Frame,
    number: ProviderNumber,
    name: String,
    party: Option<Party>,
    buyer: bool,
    services: Vec<TaxView>,
    rules: Vec<(String, String)>,
    months: Vec<MonthView>,
    today: String,
}

fn missing() -> Fault {
    Fault::new(StatusCode::NOT_FOUND, "Das gibt es hier nicht", "Bitte in der Liste der Anbieter nachsehen.")
        .back_to("/providers", "Zu den Anbietern")
}

fn number_of(text: &str) -> Result<ProviderNumber, Fault> {
    text.parse().map(ProviderNumber).map_err(|_| missing())
}

async fn of_provider(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<String>, Query(done): Query<Done>) -> Page {
    let (number, today) = (number_of(&number)?, CivilDay::of(door::now()));
    let frame = Frame::new(&desk, &clerk, "providers").after(done.done.as_deref());
    show(&desk.look(move |db| look(db, number, frame, today)).await?.ok_or_else(missing)?)
}

fn look(db: &Connection, number: ProviderNumber, frame: Frame, today: CivilDay) -> Result<Option<ProviderPage>, OfficeError> {
    let Some(provider) = admission::provider(db, number)? else { return Ok(None) };
    let legal = Legal::of(db)?;
    let percent = |percent: u8| if percent == 0 { "steuerfrei".to_owned() } else { format!("{percent} %") };
    let rules: Vec<(String, String)> =
        legal.vat_rules(today).into_iter().map(|rule| (rule.code.clone(), format!("{}: {}", rule.name, percent(rule.percent)))).collect();
    let taxes = invoices::taxes(db, number)?;
    let words = |vat: &str| rules.iter().find(|(code, _)| code == vat).map_or_else(|| vat.to_owned(), |(_, words)| words.clone());
    let services = admission::provider_file(db, number)?.agreements.into_iter().map(|agreement| TaxView {
        taxes: taxes.iter().filter(|(code, _, _)| *code == agreement.service.code).map(|(_, from, vat)| (from.german(), words(vat))).collect(),
        code: agreement.service.code.to_string(),
        label: agreement.service.label,
    });
    let services = services.collect();
    Ok(Some(ProviderPage {
        frame,
        number,
        name: provider.name,
        party: invoices::party(db, number)?,
        buyer: invoice_buyer(db)?.is_some(),
        services,
        months: months(db, number, today)?,
        rules,
        today: today.to_string(),
    }))
}

/// The months with something settled or a document, newest first.
fn months(db: &Connection, number: ProviderNumber, today: CivilDay) -> Result<Vec<MonthView>, OfficeError> {
    let made = invoices::made(db, number)?;
    let settled = invoices::settled_months(db, number, MONTHS)?.into_iter().map(|(month, settled)| {
        let of_month: Vec<&MadeInvoice> = made.iter().filter(|made| made.month == month).collect();
        let said: Cents = of_month.iter().map(|made| made.cents).sum();
        let documents = of_month.iter().map(|made| {
            let kind = if made.credit { "Korrektur" } else { "Gutschrift" };
            (made.number.clone(), kind, made.day.german(), made.cents)
        });
        let documents = documents.collect();
        MonthView { month: month.to_string(), german: month.german(), settled, open: settled.minus(said), over: month < today.month(), documents }
    });
    Ok(settled.collect())
}

fn party_of(fields: &Fields) -> Result<Party, Fault> {
    let vat_id = match fields.get("vat_id") {
        "" => None,
        text => Some(tax_id::vat_id(text).ok_or_else(|| {
            Fault::form("Diese Umsatzsteuer-ID stimmt nicht: DE und neun Ziffern, die letzte ist eine Prüfziffer. Bitte vergleichen.")
        })?),
    };
    let tax_number = match fields.get("tax_number") {
        "" => None,
        text => Some(
            tax_id::tax_number(text)
                .ok_or_else(|| Fault::form("Eine Steuernummer hat 10 bis 13 Ziffern, mit Schrägstrichen wie vom Finanzamt geschrieben."))?,
        ),
    };
    if vat_id.is_none() && tax_number.is_none() {
        return Err(Fault::form("Ohne Umsatzsteuer-ID oder Steuernummer des Anbieters gilt eine Rechnung nicht: bitte eine von beiden eintragen."));
    }
    let phone = needed(fields, "phone", "eine Telefonnummer")?;
    if phone.bytes().filter(u8::is_ascii_digit).count() < 3 {
        return Err(Fault::form("Eine Telefonnummer hat wenigstens drei Ziffern."));
    }
    Ok(Party {
        street: needed(fields, "street", "Straße und Hausnummer")?,
        postcode: postcode(fields)?,
        city: needed(fields, "city", "den Ort")?,
        vat_id,
        tax_number,
        contact: needed(fields, "contact", "eine Ansprechperson")?,
        phone,
        email: email(fields)?,
        agreed_on: fields.day("agreed_on").ok_or_else(|| Fault::form("Seit wann ist es vereinbart? Bitte das Datum der Vereinbarung eintragen."))?,
    })
}

/// An address as XRechnung takes it (BR-DE-28): one @ with at least two characters on either side, and no dot at an edge.
fn email(fields: &Fields) -> Result<String, Fault> {
    let text = fields.get("email");
    let right = text.split_once('@').is_some_and(|(name, host)| {
        let fine = |part: &str| part.chars().count() >= 2 && !part.starts_with('.') && !part.ends_with('.') && !part.contains('@');
        fine(name) && fine(host)
    });
    let plain = text.chars().count() <= MAX_TEXT && !text.contains(char::is_whitespace);
    if right && plain { Ok(text.to_owned()) } else { Err(Fault::form("Diese E-Mail-Adresse stimmt nicht: bitte noch einmal vergleichen.")) }
}

async fn set_party(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<String>, fields: Fields) -> Page {
    let number = number_of(&number)?;
    let party = if fields.get("choice") == "none" { None } else { Some(party_of(&fields)?) };
    let done = if party.is_some() { "invoice_party" } else { "invoice_none" };
    desk.with::<_, OfficeError>(move |office| office.set_invoice_party(number, party.as_ref(), &clerk.name, door::now())).await?;
    Ok(go(&format!("/providers/{number}/invoices?done={done}")))
}

async fn set_vat(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<String>, fields: Fields) -> Page {
    let number = number_of(&number)?;
    let code = Code::parse(fields.get("code")).ok_or_else(|| Fault::form("Für welche Leistung? Bitte das Formular auf dieser Seite benutzen."))?;
    let from = fields.day("from").ok_or_else(|| Fault::form("Ab wann gilt sie? Bitte ein Datum eintragen."))?;
    let vat = fields.text("vat", MAX_TEXT).ok_or_else(|| Fault::form("Bitte wählen, wie die Leistung besteuert wird."))?;
    desk.with::<_, OfficeError>(move |office| office.set_service_vat(number, &code, from, &vat, &clerk.name, door::now())).await?;
    Ok(go(&format!("/providers/{number}/invoices?done=invoice_vat")))
}

async fn make(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<String>, fields: Fields) -> Page {
    let number = number_of(&number)?;
    let month =
        CivilMonth::parse(fields.get("month")).ok_or_else(|| Fault::form("Für welchen Monat? Bitte das Formular auf dieser Seite benutzen."))?;
    desk.with::<_, OfficeError>(move |office| office.make_invoice(number, month, &clerk.name, door::now())).await?;
    Ok(go(&format!("/providers/{number}/invoices?done=invoice_made")))
}

/// Serves a document as it was made; every download is logged.
async fn file(State(desk): State<Desk>, clerk: SignedIn, Path((number, file)): Path<(String, String)>) -> Page {
    let number = number_of(&number)?;
    let name = file.strip_suffix(".xml").ok_or_else(missing)?.to_owned();
    let asked = name.clone();
    let bytes = desk.look(move |db| invoices::bytes(db, number, &asked)).await?.ok_or_else(missing)?;
    let object = format!("invoice/{name}");
    desk.with::<_, OfficeError>(move |office| office.note(&clerk.name, Action::Export, &object, "xml", door::now())).await?;
    Ok(served(&format!("xrechnung-{name}.xml"), bytes))
}
