//! One payment: what the bank said of it, what does not fit, and a clerk's word on it.

use super::Desk;
use super::doors::{Door, Route};
use super::form::Fields;
use super::login::SignedIn;
use super::page::{Done, Fault, Frame, Page, go, show};
use super::settlement::grouped;
use super::words::moment;
use crate::office::{Doubt, MAX_DOUBT_NOTE, NOT_BACK, OfficeError, Role};
use crate::settle::returned;
use crate::shell::door;
use crate::shell::store::office::bank::{self, Back, PaymentState};
use crate::shell::store::office::doubts::{self, Kept};
use crate::shell::store::office::{admission, payments};
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::ProviderNumber;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use std::collections::BTreeMap;

/// The bank's reasons a clerk can choose from.
const REASONS: [&str; 5] = ["UNKNOWN", "AC01", "AC04", "AC06", "CUST"];

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const DOES: Door = Door::Does(Role::Reconcile);
    vec![
        ("get", "/settlement/payments/{payment}", Door::Reads(&[Role::Reconcile, Role::Release]), get(page)),
        ("post", "/settlement/payments/{payment}/returned", DOES, post(came_back)),
        ("post", "/settlement/payments/{payment}/paid", DOES, post(paid)),
        ("post", "/settlement/doubts/{doubt}", DOES, post(close)),
    ]
}

/// What does not fit, for people.
pub struct DoubtView {
    /// Its number.
    pub id: i64,
    /// The run.
    pub run: u32,
    /// The payment's reference; empty where it is about the whole run.
    pub payment: String,
    /// Whose payment.
    pub name: String,
    /// What the payment was, and what the bank said.
    pub amounts: String,
    /// What does not fit.
    pub what: &'static str,
    /// What to do.
    pub advice: &'static str,
    /// When it was taken in.
    pub at: String,
    /// Who closed it, when and why.
    pub closed: Option<(String, String, String)>,
    /// Whether nothing is paid to the provider before it is closed.
    pub holds: bool,
}

/// What is on record of these doubts, for people.
pub fn views(db: &Connection, kept: Vec<Kept>) -> Result<Vec<DoubtView>, OfficeError> {
    let names: BTreeMap<ProviderNumber, String> = admission::providers(db)?.into_iter().map(|provider| (provider.number, provider.name)).collect();
    kept.into_iter().map(|kept| view(db, kept, &names)).collect()
}

fn view(db: &Connection, kept: Kept, names: &BTreeMap<ProviderNumber, String>) -> Result<DoubtView, OfficeError> {
    let payment = kept.payment.as_deref().map(|id| bank::payment(db, id)).transpose()?.flatten();
    let doubt = Doubt::from_code(&kept.kind);
    let by_hand = if kept.kind == NOT_BACK {
        "Eintrag von Hand zurückgenommen: Das Geld ist nicht zurückgekommen."
    } else {
        "Von Hand als zurückgekommen eingetragen."
    };
    let (what, advice) = doubt.map_or((by_hand, ""), doubt_words);
    let said = kept.said.cents.map(|cents| {
        let day = kept.said.day.map_or_else(String::new, |day| format!(" am {}", day.german()));
        let back = if kept.said.reason.is_some() || kept.kind == NOT_BACK { " zurück" } else { "" };
        // What a clerk entered or took back was said by no bank.
        let who = if doubt.is_some() { "Die Bank meldet" } else { "Eingetragen:" };
        format!("{who} {cents}{back}{day}")
    });
    let ours = payment.as_ref().map(|payment| format!("Überwiesen {}", payment.cents));
    Ok(DoubtView {
        id: kept.id,
        run: kept.run,
        name: payment.as_ref().map_or_else(
            || format!("Lauf {}", kept.run),
            |payment| names.get(&payment.provider).cloned().unwrap_or_else(|| payment.provider.to_string()),
        ),
        payment: kept.payment.unwrap_or_default(),
        amounts: ours.into_iter().chain(said).collect::<Vec<_>>().join(". "),
        what,
        advice,
        at: moment(kept.at),
        closed: kept.closed.map(|(by, at, note)| (by, moment(at), note)),
        holds: doubt == Some(Doubt::BookedAfterReturn),
    })
}

/// What does not fit, and what to do.
pub const fn doubt_words(doubt: Doubt) -> (&'static str, &'static str) {
    match doubt {
        Doubt::OtherAmount => (
            "Der Betrag passt nicht zur Überweisung.",
            "Hat die Bank bei der Rückgabe Gebühren abgezogen? Dann als zurückgekommen eintragen. Sonst mit der Bank klären.",
        ),
        Doubt::BookedAfterReturn => (
            "Die Überweisung galt als zurückgekommen und ist nun doch gebucht.",
            "Bitte mit der Bank klären, ob das Geld beim Anbieter ist. Bis dahin wird ihm nichts gezahlt.",
        ),
        Doubt::PaidAllTheSame => (
            "Die Bank meldet sie als abgelehnt, aber sie ist gebucht oder wurde nur doppelt eingereicht.",
            "Es wurde nichts wieder geöffnet. Bitte mit der Bank klären.",
        ),
        Doubt::BookedTwice => ("Die Überweisung ist an zwei Tagen gebucht.", "Bitte mit der Bank klären, ob doppelt gezahlt wurde."),
        Doubt::OtherSum => (
            "Die Bank hat den Lauf in einer anderen Summe gebucht.",
            "Bitte erst ihre Meldung über abgelehnte Überweisungen (pain.002) einlesen, dann diese Datei noch einmal.",
        ),
    }
}

#[derive(Template)]
#[template(path = "office/payment.html")]
struct PaymentPage {
    frame: Frame,
    id: String,
    run: u32,
    provider: ProviderNumber,
    name: String,
    iban: String,
    cents: Cents,
    remittance: String,
    execution: String,
    booked: Option<String>,
    returned: Option<String>,
    by_hand: bool,
    open: Vec<DoubtView>,
    closed: Vec<DoubtView>,
    reasons: Vec<(String, String, bool)>,
    today: String,
    day: String,
    max_note: usize,
}

fn missing() -> Fault {
    Fault::new(StatusCode::NOT_FOUND, "Diese Überweisung gibt es nicht", "Bitte beim Lauf nachsehen.").back_to("/settlement", "Zur Zahlung")
}

async fn page(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<String>, Query(done): Query<Done>) -> Page {
    let frame = Frame::new(&desk, &clerk, "settlement").after(done.done.as_deref());
    let today = CivilDay::of(door::now());
    let page = desk.look(move |db| look(db, frame, &id, today)).await?.ok_or_else(missing)?;
    show(&page)
}

fn look(db: &Connection, frame: Frame, id: &str, today: CivilDay) -> Result<Option<PaymentPage>, OfficeError> {
    let Some(payment) = bank::payment(db, id)? else { return Ok(None) };
    let kept: Vec<Kept> = doubts::of_run(db, payment.run)?.into_iter().filter(|kept| kept.payment.as_deref() == Some(id)).collect();
    let said = kept.iter().filter(|kept| kept.closed.is_none()).map(|kept| kept.said.clone()).next_back().unwrap_or_default();
    let (open, closed): (Vec<Kept>, Vec<Kept>) = kept.into_iter().partition(|kept| kept.closed.is_none());
    // Where a doubt holds the payment, its own form says the same.
    let by_hand = payment.returned_by_hand() && open.iter().all(|kept| kept.kind != Doubt::BookedAfterReturn.code());
    let name = admission::provider(db, payment.provider)?.map_or_else(|| payment.provider.to_string(), |provider| provider.name);
    let execution = payments::run(db, payment.run)?.map(|run| run.execution.german()).unwrap_or_default();
    let codes = REASONS.into_iter().map(str::to_owned);
    let more = said.reason.clone().filter(|reason| !REASONS.contains(&reason.as_str()));
    let reasons = codes.chain(more).map(|code| (returned::german(&code), said.reason.as_ref() == Some(&code), code));
    Ok(Some(PaymentPage {
        frame,
        id: id.to_owned(),
        run: payment.run,
        provider: payment.provider,
        name,
        iban: grouped(&payment.iban),
        cents: payment.cents,
        execution,
        booked: payment.booked.map(CivilDay::german),
        returned: returned_words(&payment),
        by_hand,
        open: views(db, open)?,
        closed: views(db, closed)?,
        reasons: reasons.map(|(words, chosen, code)| (code, words, chosen)).collect(),
        day: said.day.filter(|day| *day <= today).unwrap_or(today).to_string(),
        today: today.to_string(),
        max_note: MAX_DOUBT_NOTE,
        remittance: payment.remittance,
    }))
}

fn returned_words(payment: &PaymentState) -> Option<String> {
    let (why, on) = payment.returned.as_ref()?;
    let how = match payment.back {
        Some(Back::Rejected) => ", von der Bank abgelehnt",
        Some(Back::ByHand) => ", von Hand eingetragen",
        Some(Back::Returned) | None => "",
    };
    Some(format!("am {}: {}{how}", on.german(), returned::german(why)))
}

fn place(payment: &str) -> String {
    format!("/settlement/payments/{payment}")
}

fn to_settlement(fault: Fault) -> Fault {
    fault.back_to("/settlement", "Zur Zahlung")
}

/// What came out of it, as the clerk wrote it.
fn note(fields: &Fields) -> Result<String, Fault> {
    let note = fields.get("note").trim();
    let empty = || to_settlement(Fault::form("Bitte kurz schreiben, was dabei herausgekommen ist. Es wurde nichts geändert."));
    if note.is_empty() { Err(empty()) } else { Ok(note.to_owned()) }
}

/// Counts a payment as returned on a clerk's word.
async fn came_back(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<String>, fields: Fields) -> Page {
    let note = note(&fields)?;
    let now = door::now();
    let wrong_day = || to_settlement(Fault::form("Bitte den Tag eingeben, an dem das Geld zurückkam. Es wurde nichts geändert."));
    let on = CivilDay::parse(fields.get("day")).filter(|day| *day <= CivilDay::of(now)).ok_or_else(wrong_day)?;
    let why = fields.get("why").to_owned();
    if why.is_empty() || why.len() > 8 || !why.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(to_settlement(Fault::form("Bitte einen Grund der Bank auswählen. Es wurde nichts geändert.")));
    }
    let back = place(&id);
    desk.with(move |office| office.returned_by_hand(&id, &why, on, &note, &clerk.name, now)).await.map_err(to_settlement)?;
    Ok(go(&format!("{back}?done=payment_back")))
}

/// A payment that came back was paid after all.
async fn paid(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<String>, fields: Fields) -> Page {
    let note = note(&fields)?;
    let back = place(&id);
    desk.with(move |office| office.paid_after_all(&id, &note, &clerk.name, door::now())).await.map_err(to_settlement)?;
    Ok(go(&format!("{back}?done=payment_paid")))
}

/// Closes a doubt with a reason.
async fn close(State(desk): State<Desk>, clerk: SignedIn, Path(doubt): Path<i64>, fields: Fields) -> Page {
    let note = note(&fields)?;
    let kept = desk.look(move |db: &Connection| doubts::by_id(db, doubt)).await?.ok_or_else(missing)?;
    let back = kept.payment.as_deref().map_or_else(|| format!("/settlement/{}", kept.run), place);
    desk.with(move |office| office.close_doubt(doubt, &note, &clerk.name, door::now())).await.map_err(to_settlement)?;
    Ok(go(&format!("{back}?done=doubt_closed")))
}
