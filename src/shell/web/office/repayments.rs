//! Money that providers paid back by themselves: one person enters it, another one confirms it, the next run nets it.

use super::Desk;
use super::cases::form_id;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, go, show};
use super::settlement::is_same_clerk;
use crate::office::{NewRepayment, Office, OfficeError, Role};
use crate::shell::door;
use crate::shell::store::office::{admission, repayments};
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{ProviderNumber, RepaymentNumber};
use crate::words::time::UtcMs;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;

/// How many confirmed ones the page lists.
const SHOWN: u64 = 40;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    vec![
        ("get", "/settlement/repayments", Door::Reads(&[Role::Reconcile, Role::Release]), get(page)),
        ("post", "/settlement/repayments", Door::Does(Role::Reconcile), post(note)),
        ("post", "/settlement/repayments/{number}/confirm", Door::Does(Role::Release), post(confirm)),
        ("post", "/settlement/repayments/{number}/undo", Door::Does(Role::Reconcile), post(undo)),
    ]
}

/// A repayment that waits for a second person.
pub(super) struct NotedView {
    /// Its number.
    pub(super) number: RepaymentNumber,
    /// Who paid.
    pub(super) provider: ProviderNumber,
    /// His name.
    pub(super) name: String,
    /// How much; below zero where one is taken back.
    pub(super) cents: Cents,
    /// When it came in.
    pub(super) day: String,
    /// What the clerk noted.
    pub(super) note: String,
    /// Who noted it.
    pub(super) by: String,
    /// Whether that is who looks at it.
    pub(super) own: bool,
    /// How many others there are of the same provider, sum and day.
    pub(super) alike: u64,
}

/// Those that wait for a second person.
pub(super) fn noted(db: &Connection, frame: &Frame) -> Result<Vec<NotedView>, OfficeError> {
    let view = |waiting: repayments::Repayment| {
        let noted = waiting.noted;
        let own = is_same_clerk(&noted.clerk, &frame.clerk);
        Ok(NotedView {
            number: waiting.number,
            provider: noted.provider,
            name: name_of(db, noted.provider)?,
            cents: noted.cents,
            day: noted.day.german(),
            note: noted.note,
            by: noted.clerk,
            own,
            alike: waiting.alike,
        })
    };
    repayments::waiting(db)?.into_iter().map(view).collect()
}

fn name_of(db: &Connection, provider: ProviderNumber) -> Result<String, OfficeError> {
    Ok(admission::provider(db, provider)?.map_or_else(|| provider.to_string(), |provider| provider.name))
}

/// One that was confirmed.
struct Row {
    number: RepaymentNumber,
    provider: ProviderNumber,
    name: String,
    cents: Cents,
    day: String,
    note: String,
    clerk: String,
    second: String,
    open: bool,
    may_undo: bool,
    is_undone: bool,
    run: Option<u32>,
}

#[derive(Template)]
#[template(path = "office/repayments.html")]
struct RepaymentsPage {
    frame: Frame,
    form: String,
    noted: Vec<NotedView>,
    last: Vec<Row>,
    providers: Vec<(ProviderNumber, String)>,
    provider: String,
    euros: String,
    today: String,
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    done: String,
    #[serde(default)]
    provider: String,
    #[serde(default)]
    euros: String,
}

async fn page(State(desk): State<Desk>, clerk: SignedIn, Query(asked): Query<Asked>) -> Page {
    let frame = Frame::new(&desk, &clerk, "settlement").after(Some(&asked.done));
    let page = desk.look(move |db| look(db, frame, asked, door::now())).await?;
    show(&page)
}

fn look(db: &Connection, frame: Frame, asked: Asked, now: UtcMs) -> Result<RepaymentsPage, OfficeError> {
    let row = |one: repayments::Repayment| {
        let (provider, cents) = (one.noted.provider, one.noted.cents);
        let untouched = one.settled == Cents::ZERO && cents > Cents::ZERO;
        Ok(Row {
            number: one.number,
            provider,
            name: name_of(db, provider)?,
            cents,
            day: one.noted.day.german(),
            note: one.noted.note,
            clerk: one.noted.clerk,
            second: one.second.map(|(by, _)| by).unwrap_or_default(),
            open: one.settled != cents,
            may_undo: untouched && !one.is_undone,
            is_undone: one.is_undone,
            run: one.run,
        })
    };
    Ok(RepaymentsPage {
        form: form_id(),
        noted: noted(db, &frame)?,
        last: repayments::last(db, SHOWN)?.into_iter().map(row).collect::<Result<_, OfficeError>>()?,
        providers: admission::providers(db)?.into_iter().map(|provider| (provider.number, provider.name)).collect(),
        provider: asked.provider.chars().take(10).collect(),
        euros: asked.euros.chars().take(16).collect(),
        today: CivilDay::of(now).to_string(),
        frame,
    })
}

fn back(fault: Fault) -> Fault {
    fault.back_to("/settlement/repayments", "Zu den Rückzahlungen")
}

#[derive(Deserialize)]
struct Entered {
    form: String,
    provider: String,
    euros: String,
    day: String,
    note: String,
}

/// Notes that a provider paid something back; another person confirms it.
async fn note(State(desk): State<Desk>, clerk: SignedIn, filled: Result<Form<Entered>, FormRejection>) -> Page {
    let wrong = |sentence: &str| back(Fault::form(format!("{sentence} Es wurde nichts eingetragen.")));
    let Form(new) = filled.map_err(|_| wrong("Bitte Anbieter, Betrag, Tag und Notiz eingeben."))?;
    let provider = new.provider.trim().parse().map(ProviderNumber).map_err(|_| wrong("Bitte die Nummer des Anbieters eingeben, etwa 102."))?;
    let cents = Cents::parse_euros(&new.euros).filter(|cents| *cents > Cents::ZERO && *cents <= Cents::MAX_SINGLE);
    let cents = cents.ok_or_else(|| wrong("Bitte den Betrag in Euro eingeben, etwa 12,50."))?;
    let now = door::now();
    let day = CivilDay::parse(&new.day).filter(|day| *day <= CivilDay::of(now));
    let day = day.ok_or_else(|| wrong("Bitte den Tag eingeben, an dem das Geld einging; er liegt nicht in der Zukunft."))?;
    if new.note.trim().is_empty() {
        return Err(wrong("Bitte eine Notiz eingeben, etwa die Nummer des Kontoauszugs."));
    }
    if desk.look(move |db| Ok::<_, OfficeError>(admission::provider(db, provider)?.is_none())).await? {
        return Err(wrong(&format!("Einen Anbieter mit der Nummer {provider} gibt es hier nicht.")));
    }
    let note = move |office: &mut Office| {
        let repayment = NewRepayment { provider, cents, day, note: &new.note };
        office.note_repayment(&format!("repayment-{}", new.form), &repayment, &clerk.name, now)
    };
    desk.with(note).await.map_err(back)?;
    Ok(go("/settlement/repayments?done=repaid_waits"))
}

#[derive(Deserialize)]
struct Confirmed {
    cents: i64,
    choice: String,
}

/// A second person confirms a repayment, or gives it up.
async fn confirm(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<u32>, filled: Result<Form<Confirmed>, FormRejection>) -> Page {
    let Form(Confirmed { cents, choice }) = filled.map_err(|_| back(Fault::form("Bitte die Rückzahlung noch einmal ansehen.")))?;
    let (number, cents, confirm) = (RepaymentNumber(number), Cents::new(cents), choice == "confirm");
    let waiting = desk.look(move |db| repayments::of_number(db, number)).await?;
    if confirm && waiting.is_some_and(|waiting| is_same_clerk(&waiting.noted.clerk, &clerk.name)) {
        let sentence = "Sie haben diese Rückzahlung selbst eingetragen. Bestätigen muss sie eine andere Person mit eigener Anmeldung.";
        return Err(back(Fault::new(StatusCode::FORBIDDEN, "Vier Augen, zwei Personen", sentence)));
    }
    desk.with(move |office| office.confirm_repayment(number, cents, confirm, &clerk.name, door::now())).await.map_err(back)?;
    Ok(go(if confirm { "/settlement/repayments?done=repaid" } else { "/settlement/repayments?done=repaid_dropped" }))
}

/// Notes that a confirmed repayment was a mistake; another person confirms that.
async fn undo(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<u32>) -> Page {
    desk.with(move |office| office.note_repayment_undone(RepaymentNumber(number), &clerk.name, door::now())).await.map_err(back)?;
    Ok(go("/settlement/repayments?done=repaid_waits"))
}
