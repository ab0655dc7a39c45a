//! The evidence on one side of a case: what was claimed and how it came about, the card behind it, and what the office knows of that day.

use super::batches::Labels;
use super::page::Fault;
use super::whys::{bound_words, sentence};
use super::words::{data_age, moment, seen_as, stop_words, verdict, verdict_class, weekday};
use crate::admit::number::CardNumber;
use crate::office::{Explainer, OfficeError};
use crate::reconcile::register::{RegisteredToken, Stop};
use crate::settle::run::short_id;
use crate::shell::store::office::views::LineView;
use crate::shell::store::office::{children, desk, findings, waiting};
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, clock_text};
use crate::words::time::UtcMs;
use axum::http::StatusCode;

/// One line with everything known of how it came about.
pub struct Side {
    pub(super) place: String,
    pub(super) seq: u64,
    pub(super) batch: String,
    pub(super) batch_short: String,
    pub(super) provider: String,
    pub(super) terminal: String,
    pub(super) service: String,
    pub(super) day: String,
    pub(super) weekday: &'static str,
    pub(super) calendar: Option<&'static str>,
    pub(super) budget: Vec<String>,
    pub(super) why: String,
    pub(super) at: String,
    pub(super) received: String,
    pub(super) seen_as: &'static str,
    pub(super) card: String,
    pub(super) status: String,
    pub(super) units: u64,
    pub(super) lesson: Option<String>,
    pub(super) operator: Option<String>,
    pub(super) charge: Option<String>,
    pub(super) data_age: &'static str,
    pub(super) claimed: Cents,
    pub(super) full_price: Option<Cents>,
    pub(super) agreed: Option<Cents>,
    pub(super) decided: Cents,
    pub(super) settled: Option<Cents>,
    pub(super) cancelled_by: Option<u64>,
    pub(super) verdict: &'static str,
    pub(super) class: &'static str,
}

/// The page for a line that is not there.
pub fn no_such_line() -> Fault {
    Fault::new(StatusCode::NOT_FOUND, "Diese Zeile gibt es nicht", "Bitte in der Sammelabrechnung nachsehen.")
        .back_to("/batches", "Zu den Sammelabrechnungen")
}

/// A card in a few words: its number, and the months in which it is valid.
fn card(registered: Option<&RegisteredToken>) -> String {
    let Some(token) = registered.map(|r| &r.token) else { return "nicht von diesem Amt ausgestellt".to_owned() };
    format!("{}, gültig {}–{}", CardNumber::of(token.id), token.first_day().month().german(), token.last_day().month().german())
}

/// What was known of the card on the day of service.
fn status(registered: Option<&RegisteredToken>, day: CivilDay) -> String {
    let Some(registered) = registered else { return "unbekannt".to_owned() };
    let concerns = |stop: &&Stop| stop.from <= day && stop.until.is_none_or(|until| day <= until);
    match registered.stops.iter().rfind(concerns) {
        Some(stop) => format!("{}, im Amt vermerkt am {} Uhr", stop_words(stop), moment(stop.recorded)),
        None if registered.token.is_valid_on(day) => "gültig an diesem Tag".to_owned(),
        None => "an diesem Tag nicht im Bewilligungszeitraum".to_owned(),
    }
}

/// The evidence of one line.
pub fn side(db: &Connection, line: &LineView, labels: &Labels, explainer: &Explainer<'_>, now: UtcMs) -> Result<Option<Side>, OfficeError> {
    let (Some(evidence), Some((child, token))) = (desk::evidence(db, line.id)?, findings::card_of(db, line.id)?) else { return Ok(None) };
    let file = explainer.providers().get(&line.provider);
    let agreement = file.and_then(|file| file.agreements.iter().find(|a| a.service.code.as_str() == line.service));
    let why = explainer.of(std::slice::from_ref(line), now)?.remove(&line.id);
    let children = children::file(db, child)?;
    let registered = children.tokens.get(&token);
    let has_reason = line.reason.is_some();
    Ok(Some(Side {
        place: format!("/lines/{}/{}", line.id.terminal, line.id.seq),
        seq: waiting::own_seq(line.id.seq),
        batch: line.batch.hex(),
        batch_short: short_id(&line.batch.0),
        provider: format!("{} ({})", line.provider_name, line.provider),
        terminal: evidence.terminal_label,
        service: labels.get(&(line.provider, line.service.clone())).cloned().unwrap_or_else(|| line.service.clone()),
        day: line.day.german(),
        weekday: weekday(line.day),
        calendar: why.as_ref().and_then(|why| why.closed).map(|closed| if closed { "laut Kalender geschlossen" } else { "laut Kalender geöffnet" }),
        budget: why.as_ref().map(|why| why.bounds.iter().map(|used| bound_words(used, explainer.names())).collect()).unwrap_or_default(),
        why: why.map(|why| sentence(&why, explainer.names())).unwrap_or_default(),
        at: moment(line.at),
        received: moment(evidence.received),
        seen_as: seen_as(line.seen_as),
        card: card(registered),
        status: status(registered, line.day),
        units: evidence.units,
        lesson: evidence.lesson.map(|lesson| format!("{}–{} Uhr", clock_text(lesson.start), clock_text(lesson.end))),
        operator: evidence.operator,
        charge: evidence.charge,
        data_age: data_age(evidence.data_age),
        claimed: line.claimed,
        full_price: line.full_price,
        agreed: agreement.and_then(|a| a.service.price_on(line.day)),
        decided: line.decided,
        settled: line.settled,
        cancelled_by: evidence.cancelled_by,
        verdict: verdict(line.verdict, has_reason),
        class: verdict_class(line.verdict, has_reason),
    }))
}
