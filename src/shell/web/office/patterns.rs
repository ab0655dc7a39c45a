//! Unusual months of providers, each in a sentence with its figures, and what a clerk says to it.

use super::Desk;
use super::doors::{Door, Route};
use super::form::Fields;
use super::login::SignedIn;
use super::page::{Done, Fault, Frame, Page, go, show};
use super::words::moment;
use crate::office::Role;
use crate::reconcile::pattern::{Kind, Limits, Pattern};
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::office::patterns::{self, Answer, PatternRow};
use crate::shell::store::sql::Connection;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::ProviderNumber;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};

/// How many findings stand on the page, of the open ones and of those answered.
const SHOWN: u64 = 100;
/// The longest note in characters.
const MAX_NOTE: usize = 1_000;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    vec![
        ("get", "/patterns", Door::Reads(&[Role::Reconcile, Role::Release]), get(page)),
        ("post", "/patterns", Door::Does(Role::Reconcile), post(answer)),
        ("post", "/patterns/limits", Door::Does(Role::Admin), post(set_limits)),
    ]
}

struct PatternView {
    provider: ProviderNumber,
    name: String,
    month: String,
    /// What the form names it by.
    months: u32,
    kind: &'static str,
    title: &'static str,
    sentence: String,
    answer: &'static str,
    note: String,
    who: String,
}

const fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Forgotten => "Oft ohne Karte",
        Kind::AlwaysPresent => "Immer alle da",
        Kind::Weekend => "Essen am Wochenende",
        Kind::Rushed => "Schneller als die Hand",
        Kind::Typed => "Oft Nummer getippt",
    }
}

/// What is unusual, in a sentence with its figures.
fn sentence(pattern: &Pattern) -> String {
    let Pattern { kind, part, whole, usual } = *pattern;
    let percent = part.saturating_mul(100).checked_div(whole).unwrap_or(0);
    match kind {
        Kind::Forgotten => format!(
            "{part} von {whole} Abholungen ({percent} %) wurden ohne Karte aus der Liste erfasst. Bei allen Anbietern zusammen sind es {usual} %."
        ),
        Kind::AlwaysPresent => format!("An allen {part} Tagen mit Essen waren alle {whole} Kinder da. Kein einziges hat je gefehlt."),
        Kind::Weekend if part == 1 => format!("Eines von {whole} Essen liegt auf einem Wochenende."),
        Kind::Weekend => format!("{part} von {whole} Essen liegen auf Wochenenden."),
        Kind::Rushed => format!(
            "An {part} von {whole} Tagen folgten die Abholungen im Schnitt schneller als alle {usual} Sekunden aufeinander: So schnell scannt kaum jemand Karten."
        ),
        Kind::Typed => {
            format!("Bei {part} von {whole} Abholungen ({percent} %) wurde die Kartennummer getippt. Bei allen Anbietern zusammen sind es {usual} %.")
        }
    }
}

impl PatternView {
    fn of(row: PatternRow) -> Self {
        Self {
            provider: row.provider,
            name: row.name,
            month: row.month.german(),
            months: row.month.months(),
            kind: row.pattern.kind.name(),
            title: title(row.pattern.kind),
            sentence: sentence(&row.pattern),
            answer: match row.answer.as_deref() {
                Some("fine") => "geprüft, in Ordnung",
                Some(_) => "Anbieter gefragt",
                None => "",
            },
            note: row.note,
            who: row.at.map_or_else(String::new, |at| format!("{}, {} Uhr", row.clerk, moment(at))),
        }
    }
}

#[derive(Template)]
#[template(path = "office/patterns.html")]
struct PatternsPage {
    frame: Frame,
    open: Vec<PatternView>,
    answered: Vec<PatternView>,
    limits: Limits,
    next_month: String,
}

async fn page(State(desk): State<Desk>, clerk: SignedIn, Query(done): Query<Done>) -> Page {
    let this_month = CivilDay::of(door::now()).month();
    let look = move |db: &Connection| {
        Ok::<_, StoreError>((patterns::list(db, true, SHOWN)?, patterns::list(db, false, SHOWN)?, patterns::limits(db, this_month)?))
    };
    let (open, answered, limits) = desk.look(look).await?;
    show(&PatternsPage {
        frame: Frame::new(&desk, &clerk, "findings").after(done.done.as_deref()),
        open: open.into_iter().map(PatternView::of).collect(),
        answered: answered.into_iter().map(PatternView::of).collect(),
        limits,
        next_month: this_month.plus(1).first_day().to_string(),
    })
}

async fn answer(State(desk): State<Desk>, clerk: SignedIn, fields: Fields) -> Page {
    let back = |fault: Fault| fault.back_to("/patterns", "Zu den Auffälligkeiten");
    let provider = fields.get("provider").parse().ok().map(ProviderNumber);
    let month = fields.get("month").parse().ok().and_then(CivilMonth::from_months);
    let which = provider.zip(month).zip(Kind::parse(fields.get("kind")));
    let ((provider, month), kind) = which.ok_or_else(|| back(Fault::form("Worauf antworten Sie? Bitte das Formular auf der Seite benutzen.")))?;
    let said = match fields.get("answer") {
        "fine" => "fine",
        "asked" => "asked",
        _ => return Err(back(Fault::form("Bitte wählen: geprüft und in Ordnung, oder Anbieter gefragt."))),
    };
    let note: String = fields.get("note").chars().take(MAX_NOTE).collect();
    let answered =
        desk.with(move |office| office.answer_pattern(&Answer { provider, month, kind, answer: said, note: &note, clerk: &clerk.name }, door::now()));
    if answered.await? {
        return Ok(go("/patterns?done=pattern_answered"));
    }
    let sentence = "Diese Auffälligkeit ist schon beantwortet, oder sie besteht nicht mehr. Es wurde nichts geändert.";
    Err(back(Fault::new(StatusCode::CONFLICT, "Jemand war schneller", sentence)))
}

async fn set_limits(State(desk): State<Desk>, clerk: SignedIn, fields: Fields) -> Page {
    let back = |fault: Fault| fault.back_to("/patterns", "Zu den Auffälligkeiten");
    let from = fields.day("from").filter(|day| *day == day.month().first_day());
    let from = from.ok_or_else(|| back(Fault::form("Ab wann gelten die Schwellen? Bitte den ersten Tag eines Monats eintragen.")))?;
    let number = |name: &str, most: u64| fields.get(name).parse::<u64>().ok().filter(|number| (1..=most).contains(number));
    let percent = |name: &str| number(name, 100).and_then(|percent| u32::try_from(percent).ok());
    let read = || {
        Some(Limits {
            forgotten_percent: percent("forgotten_percent")?,
            typed_percent: percent("typed_percent")?,
            fewest: number("fewest", 100_000)?,
            present_days: number("present_days", 31)?,
            present_children: number("present_children", 10_000)?,
            weekend_meals: number("weekend_meals", 10_000)?,
            seconds_apart: number("seconds_apart", 60)?,
        })
    };
    let limits = read()
        .ok_or_else(|| back(Fault::form("Jede Schwelle ist eine Zahl ab 1, Anteile höchstens 100. Bitte prüfen; es wurde nichts geändert.")))?;
    desk.with(move |office| office.set_pattern_limits(from, &limits, &clerk.name, door::now())).await?;
    Ok(go("/patterns?done=limits_set"))
}
