//! Batches as they arrived, and every line of one.

use super::Desk;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, show};
use super::words::{moment, seen_as, sentence, title, verdict, verdict_class};
use crate::settle::run::short_id;
use crate::shell::store::StoreError;
use crate::shell::store::office::views::{BatchView, LineView};
use crate::shell::store::office::{admission, desk, views};
use crate::words::cents::Cents;
use crate::words::ids::{BatchId, ProviderNumber};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use rusqlite::Connection;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How many batches stand on one page.
const BATCHES: u64 = 50;
/// How many lines stand on one page.
const LINES: u64 = 500;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    vec![("get", "/batches", Door::SignedIn, get(list)), ("get", "/batches/{id}", Door::SignedIn, get(detail))]
}

/// Where a list begins.
#[derive(Debug, Deserialize)]
pub struct From {
    #[serde(default)]
    skip: u64,
}

/// A batch as a list shows it.
#[derive(Debug)]
pub struct BatchRow {
    pub(super) id: String,
    pub(super) short: String,
    pub(super) provider: ProviderNumber,
    pub(super) provider_name: String,
    pub(super) terminal: String,
    pub(super) received: String,
    /// Title and sentence, where it could not be taken in.
    pub(super) waits: Option<(String, String)>,
    pub(super) lines: u64,
    pub(super) pending: u64,
    pub(super) claimed: Cents,
    pub(super) decided: Cents,
    pub(super) settled: Cents,
}

impl std::convert::From<BatchView> for BatchRow {
    fn from(batch: BatchView) -> Self {
        Self {
            id: batch.batch.hex(),
            short: short_id(&batch.batch.0),
            provider: batch.provider,
            provider_name: batch.provider_name,
            terminal: batch.terminal_label,
            received: moment(batch.received),
            waits: batch.reason.map(|code| (title(&code), sentence(&code))),
            lines: batch.lines,
            pending: batch.pending,
            claimed: batch.claimed,
            decided: batch.decided,
            settled: batch.settled,
        }
    }
}

/// A line as a list shows it: no name, no handle.
#[derive(Debug)]
pub struct LineRow {
    place: String,
    seq: u64,
    day: String,
    service: String,
    cancellation: bool,
    seen_as: &'static str,
    claimed: Cents,
    full_price: Option<Cents>,
    decided: Cents,
    verdict: &'static str,
    class: &'static str,
    why: String,
}

/// The labels of all services, by provider and code.
pub type Labels = BTreeMap<(ProviderNumber, String), String>;

/// Reads the labels of all services.
pub fn labels(db: &rusqlite::Connection) -> Result<Labels, StoreError> {
    let files = admission::provider_files(db)?;
    let of = |(number, file): (ProviderNumber, crate::reconcile::register::ProviderFile)| {
        file.agreements.into_iter().map(move |agreement| ((number, agreement.service.code.to_string()), agreement.service.label))
    };
    Ok(files.into_iter().flat_map(of).collect())
}

impl LineRow {
    /// The row of a line.
    pub fn of(line: LineView, labels: &Labels) -> Self {
        let has_reason = line.reason.is_some();
        let label = labels.get(&(line.provider, line.service.clone()));
        Self {
            place: format!("/lines/{}/{}", line.id.terminal, line.id.seq),
            seq: line.id.seq,
            day: line.day.german(),
            service: label.cloned().unwrap_or(line.service),
            cancellation: line.kind == "cancellation",
            seen_as: seen_as(line.seen_as),
            claimed: line.claimed,
            full_price: line.full_price,
            decided: line.decided,
            verdict: verdict(line.verdict, has_reason),
            class: verdict_class(line.verdict, has_reason),
            why: line.reason.as_deref().map(sentence).unwrap_or_default(),
        }
    }
}

#[derive(Template)]
#[template(path = "office/batches.html")]
struct BatchesPage {
    frame: Frame,
    batches: Vec<BatchRow>,
    all: u64,
    pager: Pager,
}

/// The way to the stretches of a list before and after this one.
#[derive(Debug)]
pub struct Pager {
    /// The list's address, to be followed by a parameter.
    pub place: String,
    /// Where the stretch before begins.
    pub before: Option<u64>,
    /// Where the stretch after begins.
    pub after: Option<u64>,
}

impl Pager {
    /// `shown` rows from `skip` on of the list at `place`, read `most` at a time.
    pub fn new(place: impl Into<String>, skip: u64, shown: usize, most: u64) -> Self {
        let after = (shown as u64 >= most).then(|| skip.saturating_add(most));
        Self { place: place.into(), before: (skip > 0).then(|| skip.saturating_sub(most)), after }
    }
}

async fn list(State(desk): State<Desk>, clerk: SignedIn, Query(from): Query<From>) -> Page {
    let look = move |db: &Connection| Ok::<_, StoreError>((views::batches(db, from.skip, BATCHES)?, desk::batch_count(db)?));
    let (batches, all) = desk.look(look).await?;
    let pager = Pager::new("/batches?", from.skip, batches.len(), BATCHES);
    show(&BatchesPage { frame: Frame::new(&desk, &clerk, "batches"), batches: batches.into_iter().map(Into::into).collect(), all, pager })
}

#[derive(Template)]
#[template(path = "office/batch.html")]
struct BatchPage {
    frame: Frame,
    batches: Vec<BatchRow>,
    lines: Vec<LineRow>,
    unreadable: Vec<(u64, String)>,
    pager: Pager,
    short: String,
}

async fn detail(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<String>, Query(from): Query<From>) -> Page {
    let missing =
        || Fault::new(StatusCode::NOT_FOUND, "Diese Abrechnung gibt es nicht", "Bitte in der Liste nachsehen.").back_to("/batches", "Zur Liste");
    let batch = BatchId::from_hex(&id).ok_or_else(missing)?;
    let look = move |db: &Connection| {
        Ok::<_, StoreError>((views::batch(db, batch)?, views::batch_lines(db, batch, from.skip, LINES)?, desk::unreadable(db, batch)?, labels(db)?))
    };
    let (batches, lines, unreadable, labels) = desk.look(look).await?;
    if batches.is_empty() {
        return Err(missing());
    }
    let pager = Pager::new("?", from.skip, lines.len(), LINES);
    show(&BatchPage {
        frame: Frame::new(&desk, &clerk, "batches"),
        batches: batches.into_iter().map(Into::into).collect(),
        lines: lines.into_iter().map(|line| LineRow::of(line, &labels)).collect(),
        unreadable: unreadable.into_iter().map(|(seq, code)| (seq, sentence(&code))).collect(),
        pager,
        short: short_id(&batch.0),
    })
}
