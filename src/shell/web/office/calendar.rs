//! The calendar: days on which nobody, places of a kind, or a provider serves; taken in from a file after a look at its rows.

use super::Desk;
use super::doors::{Door, Route};
use super::form::Fields;
use super::login::SignedIn;
use super::page::{Done, Fault, Frame, Page, go, show};
use super::provider::DaysView;
use super::upload::uploaded;
use crate::office::{OfficeError, Role};
use crate::reconcile::calendar::{SiteKind, Stretch, Whom};
use crate::reconcile::holidays::Land;
use crate::shell::door;
use crate::shell::sheet::calendar::{CalendarRow as FileRow, read};
use crate::shell::sheet::{RowError, Table};
use crate::shell::store::StoreError;
use crate::shell::store::office::admission;
use crate::shell::store::office::calendar::{self, CalendarRow};
use crate::shell::store::sql::Connection;
use crate::words::civil::CivilDay;
use crate::words::ids::ProviderNumber;
use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, header};
use axum::routing::{get, post};
use std::collections::BTreeSet;

/// The most bytes of a calendar file: some thousand rows.
const MAX_FILE: usize = 256 * 1024;
/// How many rows and errors of a file are shown before it is taken.
const SHOWN: usize = 200;
/// The longest name of a stretch of days in characters.
const MAX_NAME: usize = 60;
/// How many days one row may span: two years, for a typing error closes a town for a century.
const MAX_SPAN: u32 = 800;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const DOES: Door = Door::Does(Role::Reconcile);
    vec![
        ("get", "/calendar", Door::SignedIn, get(page)),
        ("post", "/calendar", DOES, post(add)),
        ("post", "/calendar/remove", DOES, post(remove)),
        ("post", "/calendar/preview", DOES, post(preview).layer(DefaultBodyLimit::max(MAX_FILE + 4096))),
        ("post", "/calendar/take", DOES, post(take).layer(DefaultBodyLimit::max(4 * MAX_FILE))),
    ]
}

#[derive(Template)]
#[template(path = "office/calendar.html")]
struct CalendarPage {
    frame: Frame,
    rows: Vec<DaysView>,
    kinds: Vec<(&'static str, &'static str)>,
    land: Option<&'static str>,
    holidays: Vec<(i32, Vec<String>)>,
}

async fn page(State(desk): State<Desk>, clerk: SignedIn, Query(done): Query<Done>) -> Page {
    let now = door::now();
    let rows = desk.look(|db: &Connection| calendar::rows(db)).await?;
    let office = desk.with(|office| Ok::<_, OfficeError>(office.profile().id.clone())).await?;
    let land = Land::of(&office);
    let (year, ..) = CivilDay::of(now).ymd();
    let kept = |year: i32| -> Vec<String> {
        let first = CivilDay::from_ymd(year, 1, 1).unwrap_or(CivilDay::MAX);
        let days = (0..366).map(|n| first.plus(n)).filter(|day| day.ymd().0 == year && land.is_some_and(|land| land.keeps(*day)));
        days.map(CivilDay::german).collect()
    };
    show(&CalendarPage {
        frame: Frame::new(&desk, &clerk, "providers").after(done.done.as_deref()),
        rows: rows.into_iter().rev().map(|(id, row)| DaysView::of(id, row)).collect(),
        kinds: SiteKind::ALL.map(|kind| (kind.name(), kind.german())).into(),
        land: land.map(Land::german),
        holidays: [year, year + 1].map(|year| (year, kept(year))).into(),
    })
}

/// A row as a form brings it.
pub fn row_of(fields: &Fields, whom: Whom) -> Result<CalendarRow, Fault> {
    let from = fields.day("from").ok_or_else(|| Fault::form("Bitte den ersten Tag als Datum eintragen."))?;
    let to = match fields.get("to") {
        "" => from,
        _ => fields.day("to").ok_or_else(|| Fault::form("Bitte den letzten Tag als Datum eintragen, oder das Feld leeren."))?,
    };
    if to < from || to > from.plus(MAX_SPAN) {
        return Err(Fault::form("Der letzte Tag liegt vor dem ersten oder mehr als zwei Jahre danach. Bitte die Daten prüfen."));
    }
    let open = match fields.get("open") {
        "yes" => true,
        "no" => false,
        _ => return Err(Fault::form("Ist geschlossen oder geöffnet? Bitte wählen.")),
    };
    let name = fields.get("name").chars().take(MAX_NAME).collect();
    Ok(CalendarRow { whom, days: Stretch { from, to, open }, name })
}

async fn add(State(desk): State<Desk>, clerk: SignedIn, fields: Fields) -> Page {
    let back = |fault: Fault| fault.back_to("/calendar", "Zum Kalender");
    let whom = match (fields.get("whom"), SiteKind::parse(fields.get("whom"))) {
        ("all", _) => Whom::All,
        (_, Some(kind)) => Whom::Kind(kind),
        _ => return Err(back(Fault::form("Für wen gelten die Tage? Bitte wählen."))),
    };
    let row = row_of(&fields, whom).map_err(back)?;
    desk.with(move |office| office.add_calendar_row(&row, &clerk.name, door::now())).await?;
    Ok(go("/calendar?done=days_changed"))
}

async fn remove(State(desk): State<Desk>, clerk: SignedIn, fields: Fields) -> Page {
    let gone = || Fault::form("Diese Zeile steht nicht mehr im Kalender. Bitte die Seite neu laden.").back_to("/calendar", "Zum Kalender");
    let id: i64 = fields.get("id").parse().map_err(|_| gone())?;
    let back = fields.get("provider").parse::<u32>().ok();
    let removed = desk.with(move |office| match office.remove_calendar_row(id, &clerk.name, door::now()) {
        Err(OfficeError::NotFound(_)) => Ok(false),
        other => other.map(|()| true),
    });
    if !removed.await? {
        return Err(gone());
    }
    Ok(go(&back.map_or_else(|| "/calendar?done=days_changed".to_owned(), |number| format!("/providers/{number}?done=days_changed"))))
}

#[derive(Template)]
#[template(path = "office/calendar_preview.html")]
struct PreviewPage {
    frame: Frame,
    rows: Vec<DaysView>,
    count: usize,
    errors: Vec<String>,
    error_count: usize,
    ignored: Vec<String>,
    text: String,
}

fn read_file(bytes: &[u8]) -> Result<Table<FileRow>, Fault> {
    let back = |fault: Fault| fault.back_to("/calendar", "Zum Kalender");
    read(bytes).map_err(|why: RowError| back(Fault::form(format!("Die Datei ließ sich nicht lesen. {}", why.german()))))
}

/// What is wrong in a file beyond its form: providers and sites that are not there.
fn unknown(db: &Connection, rows: &[FileRow]) -> Result<Vec<String>, StoreError> {
    let providers: BTreeSet<ProviderNumber> = admission::providers(db)?.into_iter().map(|provider| provider.number).collect();
    let sites: BTreeSet<(ProviderNumber, String)> = calendar::sites(db)?.into_iter().map(|site| (site.provider, site.name)).collect();
    let wrong = |row: &FileRow| match &row.whom {
        Whom::Provider(number) | Whom::Site(number, _) if !providers.contains(number) => {
            Some(format!("Zeile {}: Einen Anbieter {number} gibt es nicht. Bitte die Nummer prüfen.", row.line))
        }
        Whom::Site(number, site) if !sites.contains(&(*number, site.clone())) => {
            Some(format!("Zeile {}: Anbieter {number} hat keinen Standort „{site}“. Bitte dort erst eintragen.", row.line))
        }
        _ if row.days.to > row.days.from.plus(MAX_SPAN) => Some(format!("Zeile {}: Das sind mehr als zwei Jahre. Bitte die Daten prüfen.", row.line)),
        _ => None,
    };
    Ok(rows.iter().filter_map(wrong).collect())
}

async fn preview(State(desk): State<Desk>, clerk: SignedIn, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Page {
    let back = |fault: Fault| fault.back_to("/calendar", "Zum Kalender");
    let no_file = || back(Fault::form("Bitte eine Kalenderdatei wählen (CSV, höchstens 256 KB)."));
    let body = body.map_err(|_| no_file())?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let bytes = uploaded(kind, &body).filter(|bytes| !bytes.is_empty()).ok_or_else(no_file)?;
    let table = read_file(bytes)?;
    let rows = table.rows.clone();
    let mut errors: Vec<String> = table.errors.iter().map(RowError::german).collect();
    errors.extend(desk.look(move |db: &Connection| unknown(db, &rows)).await?);
    show(&PreviewPage {
        frame: Frame::new(&desk, &clerk, "providers"),
        count: table.rows.len(),
        rows: table.rows.into_iter().take(SHOWN).map(|row| DaysView::of(0, CalendarRow { whom: row.whom, days: row.days, name: row.name })).collect(),
        error_count: errors.len(),
        errors: errors.into_iter().take(SHOWN).collect(),
        ignored: table.ignored,
        text: data_encoding::BASE64URL_NOPAD.encode(bytes),
    })
}

async fn take(State(desk): State<Desk>, clerk: SignedIn, fields: Fields) -> Page {
    let back = |fault: Fault| fault.back_to("/calendar", "Zum Kalender");
    let again = || back(Fault::form("Die Datei kam nicht vollständig an. Bitte noch einmal wählen; es wurde nichts übernommen."));
    let bytes = data_encoding::BASE64URL_NOPAD.decode(fields.get("text").as_bytes()).map_err(|_| again())?;
    let table = read_file(&bytes)?;
    let rows = table.rows.clone();
    let wrong = table.errors.len() + desk.look(move |db: &Connection| unknown(db, &rows)).await?.len();
    if wrong > 0 || table.rows.is_empty() {
        return Err(back(Fault::form(
            "In der Datei sind noch Fehler, oder sie ist leer. Bitte berichtigen und noch einmal wählen; es wurde nichts übernommen.",
        )));
    }
    desk.with(move |office| office.import_calendar(&table.rows, &clerk.name, door::now())).await?;
    Ok(go("/calendar?done=calendar_taken"))
}
