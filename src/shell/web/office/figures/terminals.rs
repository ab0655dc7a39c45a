//! How terminals fare: when each was last heard of, how old its data were, and whether its journal arrives whole.

use super::READS;
use super::sheet::{Cell, sheet};
use crate::office::{Action, DESK_LABEL, OfficeError};
use crate::shell::door;
use crate::shell::store::office::figures::{self, Health};
use crate::shell::web::office::Desk;
use crate::shell::web::office::doors::Route;
use crate::shell::web::office::login::SignedIn;
use crate::shell::web::office::page::{Frame, Page, show};
use crate::shell::web::office::provider::SILENT_DAYS;
use crate::shell::web::office::words::{moment, title};
use crate::words::ids::ProviderNumber;
use crate::words::time::{DAY_MS, UtcMs};
use askama::Template;
use axum::extract::{Query, State};
use axum::routing::get;
use serde::Deserialize;

/// From how many days on the data of a terminal are old.
const OLD_DATA_DAYS: u64 = 7;

/// The routes of this page.
pub fn routes() -> Vec<Route> {
    vec![("get", "/figures/terminals", READS, get(page)), ("get", "/figures/terminals.csv", READS, get(file))]
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    all: bool,
}

/// A terminal as the list shows it.
struct Row {
    provider: ProviderNumber,
    name: String,
    label: String,
    seen: String,
    silent_days: Option<u64>,
    data_age: String,
    data_old: bool,
    entries: u64,
    last_batch: String,
    waits: Option<(String, u64)>,
}

impl Row {
    fn of(health: Health, now: UtcMs) -> Self {
        let waited_for = health.label != DESK_LABEL;
        let days = now.since(health.last_exchange.unwrap_or(health.admitted)) / DAY_MS;
        let age = health.data_age_seconds.map(|seconds| seconds * 1000 / DAY_MS);
        Self {
            provider: health.provider,
            name: health.provider_name,
            label: if health.label.trim().is_empty() { "Lesegerät ohne Namen".to_owned() } else { health.label },
            seen: health.last_exchange.map_or_else(|| format!("angemeldet {}", moment(health.admitted)), moment),
            silent_days: (days >= SILENT_DAYS && waited_for).then_some(days),
            data_age: match age {
                None => "–".to_owned(),
                Some(0) => "vom selben Tag".to_owned(),
                Some(1) => "1 Tag".to_owned(),
                Some(days) => format!("{days} Tage"),
            },
            data_old: age.is_some_and(|days| days >= OLD_DATA_DAYS),
            entries: health.entries,
            last_batch: health.last_batch.map_or_else(|| "–".to_owned(), moment),
            waits: health.waiting.map(|(reason, count)| (title(&reason), count)),
        }
    }

    fn needs_a_look(&self) -> bool {
        self.silent_days.is_some() || self.data_old || self.waits.is_some()
    }
}

#[derive(Template)]
#[template(path = "office/figures-terminals.html")]
struct TerminalsPage {
    frame: Frame,
    all: bool,
    count: usize,
    rows: Vec<Row>,
    troubled: usize,
}

async fn page(State(desk): State<Desk>, clerk: SignedIn, Query(asked): Query<Asked>) -> Page {
    let now = door::now();
    let terminals = desk.look(figures::terminals).await?;
    let count = terminals.len();
    let rows: Vec<Row> = terminals.into_iter().map(|health| Row::of(health, now)).collect();
    let troubled = rows.iter().filter(|row| row.needs_a_look()).count();
    let rows = rows.into_iter().filter(|row| asked.all || row.needs_a_look()).collect();
    show(&TerminalsPage { frame: Frame::new(&desk, &clerk, "figures"), all: asked.all, count, rows, troubled })
}

async fn file(State(desk): State<Desk>, clerk: SignedIn) -> Page {
    let now = door::now();
    let terminals = desk.look(figures::terminals).await?;
    desk.with::<_, OfficeError>(move |office| office.note(&clerk.name, Action::Export, "terminals", "Lesegeräte als CSV", now)).await?;
    let headings = [
        "Anbieter",
        "Name",
        "Lesegerät",
        "Zuletzt gehört",
        "Still seit Tagen",
        "Alter der Daten",
        "Einträge",
        "Letzte Abrechnung",
        "Wartende Abrechnungen",
        "Grund",
    ];
    let cells = |row: Row| -> Vec<Cell> {
        let (reason, waiting) = row.waits.unwrap_or_default();
        vec![
            u64::from(row.provider.0).into(),
            row.name.into(),
            row.label.into(),
            row.seen.into(),
            row.silent_days.map_or_else(|| Cell::from(""), Cell::from),
            row.data_age.into(),
            row.entries.into(),
            row.last_batch.into(),
            waiting.into(),
            reason.into(),
        ]
    };
    let rows: Vec<Vec<Cell>> = terminals.into_iter().map(|health| cells(Row::of(health, now))).collect();
    Ok(sheet("lesegeraete.csv", &headings, &rows))
}
