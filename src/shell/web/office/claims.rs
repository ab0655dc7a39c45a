//! Class lists of providers without terminal: entered, looked at, taken.

use super::Desk;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, go, show};
use super::upload::parts;
use super::words::{moment, title, verdict, verdict_class};
use crate::admit::number::CardNumber;
use crate::deliver::advice::Verdict;
use crate::office::{ClassList, Listed, NewClassList, OfficeError, Role, Stage, is_trip};
use crate::shell::door;
use crate::shell::sheet::class_list;
use crate::shell::store::StoreError;
use crate::shell::store::office::{admission, claims};
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::ProviderNumber;
use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, post};

/// The most bytes of a list with its form.
const MAX_LIST: usize = 1024 * 1024;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    let check = post(check).layer(DefaultBodyLimit::max(MAX_LIST));
    vec![
        ("get", "/claims", Door::Reads(&[Role::Reconcile, Role::Issue]), get(page)),
        ("post", "/claims", Door::Does(Role::Reconcile), check),
        ("get", "/claims/{id}", Door::Reads(&[Role::Reconcile, Role::Issue]), get(list_page)),
        ("post", "/claims/{id}", Door::Does(Role::Reconcile), post(take)),
    ]
}

/// What the form holds.
#[derive(Clone, Debug, Default)]
struct Filled {
    offer: String,
    event: String,
    stage: String,
    day: String,
    amount: String,
    list: String,
    file: Vec<u8>,
}

impl Filled {
    fn of(parts: Vec<(String, &[u8])>) -> Self {
        let mut filled = Self::default();
        for (name, content) in parts {
            let text = || String::from_utf8_lossy(content).trim().to_owned();
            match name.as_str() {
                "offer" => filled.offer = text(),
                "event" => filled.event = text(),
                "stage" => filled.stage = text(),
                "day" => filled.day = text(),
                "amount" => filled.amount = text(),
                "list" => filled.list = text(),
                "file" => filled.file = content.to_vec(),
                _ => {}
            }
        }
        filled
    }

    /// The list as entered, or what is wrong with the form.
    fn understood(&self) -> Result<NewClassList, String> {
        let offer = self.offer.split_once(':').and_then(|(number, code)| Some((number.parse().ok().map(ProviderNumber)?, Code::parse(code)?)));
        let (provider, service) = offer.ok_or("Bitte Anbieter und Fahrt wählen.")?;
        let unfit = "Die Kennung der Fahrt hat höchstens 24 Zeichen: Buchstaben ohne Umlaute, Ziffern, Punkt und Strich, zum Beispiel zoo-2026.";
        let event = if self.event.is_empty() { None } else { Some(Code::parse(&self.event).ok_or(unfit)?) };
        let stage = Stage::parse(&self.stage).ok_or("Bitte wählen, welche Zahlung das ist.")?;
        let day = CivilDay::parse(&self.day).ok_or("Bitte den Tag angeben, an dem die Zahlung fällig ist.")?;
        let cents = if self.amount.is_empty() { None } else { Some(Cents::parse_euros(&self.amount)) };
        let fits = |cents: &Cents| (Cents::ZERO..=Cents::MAX_SINGLE).contains(cents);
        let cents =
            cents.map(|read| read.filter(fits).ok_or("Der Betrag für alle ist kein Betrag in Euro: bitte wie 12,50 schreiben.")).transpose()?;
        let bytes = match (self.list.is_empty(), self.file.is_empty()) {
            (true, true) => return Err("Bitte die Klassenliste einfügen oder eine Datei wählen.".into()),
            (false, false) => return Err("Bitte die Liste entweder einfügen oder als Datei wählen, nicht beides.".into()),
            (false, true) => self.list.as_bytes(),
            (true, false) => &self.file,
        };
        let table = class_list::read(bytes).map_err(|why| why.german())?;
        if table.rows.is_empty() && table.errors.is_empty() {
            return Err("Die Liste ist leer: bitte je Kind eine Zeile mit der Kartennummer eintragen.".into());
        }
        Ok(NewClassList { provider, service, event, stage, day, cents, rows: table.rows, errors: table.errors })
    }
}

struct OfferView {
    value: String,
    words: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "office/claims.html")]
struct FormPage {
    frame: Frame,
    offers: Vec<OfferView>,
    filled: Filled,
    trouble: String,
}

impl FormPage {
    fn stages(&self) -> impl Iterator<Item = (&'static str, &'static str, &'static str, bool)> {
        let hint = |stage| match stage {
            Stage::Whole => "Die Fahrt wird mit einer Zahlung bezahlt.",
            Stage::Deposit => "Der erste Teil vor der Fahrt.",
            Stage::Balance => "Der Rest vor der Fahrt.",
            Stage::Final => "In die Liste kommen die tatsächlichen Kosten je Kind; der Unterschied wird nachgezahlt oder zurückgenommen.",
        };
        let chosen = Stage::parse(&self.filled.stage).unwrap_or(Stage::Whole);
        Stage::ALL.into_iter().map(move |stage| (stage.code(), stage.german(), hint(stage), stage == chosen))
    }
}

fn form_page(db: &Connection, frame: Frame, filled: Filled, trouble: String) -> Result<FormPage, StoreError> {
    let (files, providers) = (admission::provider_files(db)?, admission::providers(db)?);
    let today = CivilDay::of(door::now());
    let mut offers = Vec::new();
    for provider in providers {
        let agreements = files.get(&provider.number).map(|file| file.agreements.as_slice()).unwrap_or_default();
        for agreed in agreements.iter().filter(|a| is_trip(&a.service) && a.until.is_none_or(|until| until.plus(366) >= today)) {
            let value = format!("{}:{}", provider.number, agreed.service.code);
            let event = agreed.service.detail.as_ref().map_or_else(|| "beliebige Fahrt".to_owned(), ToString::to_string);
            let words = format!("{} – {} ({event})", provider.name, agreed.service.label);
            offers.push(OfferView { chosen: value == filled.offer, value, words });
        }
    }
    Ok(FormPage { frame, offers, filled, trouble })
}

async fn page(State(desk): State<Desk>, clerk: SignedIn) -> Page {
    let frame = Frame::new(&desk, &clerk, "settlement");
    let filled = Filled { day: CivilDay::of(door::now()).to_string(), ..Filled::default() };
    show(&desk.look(move |db| form_page(db, frame, filled, String::new())).await?)
}

async fn again(desk: &Desk, frame: Frame, filled: Filled, trouble: String) -> Page {
    let page = desk.look(move |db| form_page(db, frame, filled, trouble)).await?;
    let mut response = show(&page)?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

/// Looks at a list and goes on to what it showed; a form that is not right comes back with what is wrong.
async fn check(State(desk): State<Desk>, clerk: SignedIn, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Page {
    let frame = Frame::new(&desk, &clerk, "settlement");
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let Ok(body) = body else {
        return again(&desk, frame, Filled::default(), "Die Datei ist zu groß für eine Klassenliste: bitte nur Kartennummern und Beträge.".into())
            .await;
    };
    let Some(parts) = parts(kind, &body) else {
        return again(&desk, frame, Filled::default(), "Das Formular kam nicht vollständig an: bitte noch einmal ausfüllen.".into()).await;
    };
    let filled = Filled::of(parts);
    let new = match filled.understood() {
        Ok(new) => new,
        Err(trouble) => return again(&desk, frame, filled, trouble).await,
    };
    let looked = desk.with(move |office| Ok::<_, OfficeError>(office.look_at_class_list(&new, &clerk.name, door::now()))).await?;
    match looked {
        Ok((id, _)) => Ok(go(&format!("/claims/{}", data_encoding::HEXLOWER.encode(&id)))),
        Err(why @ (OfficeError::Case { .. } | OfficeError::Wrong(_))) => again(&desk, frame, filled, super::words::trouble(&why)).await,
        Err(why) => Err(why.into()),
    }
}

struct RowView {
    line: u64,
    hint: String,
    card: String,
    granted: String,
    amount: Cents,
    before: Cents,
    after: Cents,
    words: String,
    class: &'static str,
    why: String,
}

impl RowView {
    fn of(row: &Listed) -> Self {
        let has_reason = row.reason.is_some();
        let (words, class) = match row.verdict {
            Some(Verdict::Accepted) if row.after < row.before => ("wird gesenkt".to_owned(), "part"),
            Some(Verdict::Accepted) => ("wird gezahlt".to_owned(), "good"),
            Some(other) => (verdict(other, has_reason).to_owned(), verdict_class(other, has_reason)),
            None if row.after == row.before => ("bleibt".to_owned(), ""),
            None => ("wird zurückgenommen".to_owned(), "part"),
        };
        Self {
            line: row.line,
            hint: row.hint.clone(),
            card: CardNumber::of(row.token).to_string(),
            granted: row.granted.clone(),
            amount: row.cents,
            before: row.before,
            after: row.after,
            words,
            class,
            why: row.reason.map_or_else(String::new, |reason| title(reason.code())),
        }
    }
}

#[derive(Template)]
#[template(path = "office/claims_list.html")]
struct ListPage {
    frame: Frame,
    id: String,
    provider: String,
    number: ProviderNumber,
    list: ClassList,
    rows: Vec<RowView>,
    difference: Cents,
    taken: Option<(String, String)>,
    batch: String,
}

impl ListPage {
    fn is_final(&self) -> bool {
        self.list.stage == Stage::Final
    }

    fn sum(&self, cents: impl Fn(&RowView) -> Cents) -> Cents {
        self.rows.iter().fold(Cents::ZERO, |sum, row| sum.plus(cents(row)))
    }

    fn amounts(&self) -> Cents {
        self.sum(|row| row.amount)
    }

    fn befores(&self) -> Cents {
        self.sum(|row| row.before)
    }

    fn afters(&self) -> Cents {
        self.sum(|row| row.after)
    }
}

fn gone() -> Fault {
    let sentence = "Diese Klassenliste ist nicht mehr aufgehoben: Eine geprüfte Liste wartet einen Tag. Bitte neu eingeben; übernommen wurde nichts.";
    Fault::new(StatusCode::NOT_FOUND, "Liste nicht mehr da", sentence).back_to("/claims", "Zu den Klassenlisten")
}

fn id_of(text: &str) -> Result<[u8; 16], Fault> {
    let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(gone)
}

async fn list_page(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<String>) -> Page {
    let frame = Frame::new(&desk, &clerk, "settlement");
    let key = id_of(&id)?;
    let page = desk.look(move |db| {
        let Some(kept) = claims::by_id(db, &key)? else { return Ok(None) };
        let list: ClassList = serde_json::from_str(&kept.content).map_err(|why| StoreError::Inconsistent(why.to_string()))?;
        let provider = admission::provider(db, kept.provider)?.map(|provider| provider.name).unwrap_or_default();
        let (rows, difference) = (list.rows.iter().map(RowView::of).collect(), list.difference());
        let taken = kept.taken.map(|(at, by)| (moment(at), by));
        let batch = kept.batch.map(|batch| batch.hex()).unwrap_or_default();
        Ok::<_, StoreError>(Some(ListPage { frame, id, provider, number: kept.provider, list, rows, difference, taken, batch }))
    });
    show(&page.await?.ok_or_else(gone)?)
}

/// Takes a list as it was shown.
async fn take(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<String>) -> Page {
    let key = id_of(&id)?;
    let back = |fault: Fault| fault.back_to("/claims", "Zu den Klassenlisten");
    desk.with(move |office| office.take_class_list(&key, &clerk.name, door::now())).await.map_err(back)?;
    Ok(go(&format!("/claims/{id}")))
}
