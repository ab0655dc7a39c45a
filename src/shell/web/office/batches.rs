//! Batches as they arrived, and every line of one.

use super::Desk;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, show};
use super::waiting::{RefusedView, WaitingDesk, decided, desk_of};
use super::whys;
use super::words::{moment, seen_as, sentence, title, verdict, verdict_class};
use crate::deliver::advice::Verdict;
use crate::office::{Explainer, OfficeError};
use crate::settle::run::short_id;
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::office::views::{BatchView, LineView};
use crate::shell::store::office::{admission, desk, views, waiting};
use crate::shell::store::sql;
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::ids::{BatchId, ProviderNumber};
use crate::words::time::UtcMs;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How many batches stand on one page.
const BATCHES: u64 = 50;
/// How many lines stand on one page.
const LINES: u64 = 100;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    vec![("get", "/batches", Door::SignedIn, get(list)), ("get", "/batches/{id}", Door::SignedIn, get(detail))]
}

/// Where a list begins.
#[derive(Debug, Deserialize)]
pub struct From {
    #[serde(default)]
    skip: u64,
    done: Option<String>,
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
    /// Title and sentence, where it waits for a clerk.
    pub(super) waits: Option<(String, String)>,
    /// What became of it, where it was not taken in.
    pub(super) outcome: Option<&'static str>,
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
            waits: batch.reason.filter(|_| batch.choice.is_none()).map(|code| (title(&code), sentence(&code))),
            outcome: batch.choice.and_then(|choice| match choice.as_str() {
                "rejected" => Some("abgelehnt"),
                "covered" => Some("in anderer enthalten"),
                _ => None,
            }),
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
pub fn labels(db: &sql::Connection) -> Result<Labels, StoreError> {
    let files = admission::provider_files(db)?;
    let of = |(number, file): (ProviderNumber, crate::reconcile::register::ProviderFile)| {
        file.agreements.into_iter().map(move |agreement| ((number, agreement.service.code.to_string()), agreement.service.label))
    };
    Ok(files.into_iter().flat_map(of).collect())
}

impl LineRow {
    /// The row of a line; `why` is what the rules say of it.
    pub fn of(line: LineView, labels: &Labels, why: Option<String>) -> Self {
        let has_reason = line.reason.is_some();
        let label = labels.get(&(line.provider, line.service.clone()));
        Self {
            place: format!("/lines/{}/{}", line.id.terminal, line.id.seq),
            seq: waiting::own_seq(line.id.seq),
            day: line.day.german(),
            service: label.cloned().unwrap_or(line.service),
            cancellation: line.kind == "cancellation",
            seen_as: seen_as(line.seen_as),
            claimed: line.claimed,
            full_price: line.full_price,
            decided: line.decided,
            verdict: verdict(line.verdict, has_reason),
            class: verdict_class(line.verdict, has_reason),
            why: why.unwrap_or_else(|| line.reason.as_deref().map(sentence).unwrap_or_default()),
        }
    }
}

#[derive(Template)]
#[template(path = "office/batches.html")]
struct BatchesPage {
    frame: Frame,
    waiting: Vec<BatchRow>,
    refused: Vec<RefusedView>,
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
    let skip = from.skip;
    let look = move |db: &Connection| {
        let waits = if skip == 0 { (views::waiting_batches(db, BATCHES)?, waiting::refused(db, BATCHES)?) } else { (Vec::new(), Vec::new()) };
        Ok::<_, StoreError>((waits, views::batches(db, skip, BATCHES)?, desk::batch_count(db)?))
    };
    let ((waits, refused), batches, all) = desk.look(look).await?;
    let pager = Pager::new("/batches?", skip, batches.len(), BATCHES);
    let rows = |batches: Vec<BatchView>| batches.into_iter().map(Into::into).collect();
    let frame = Frame::new(&desk, &clerk, "batches").after(from.done.as_deref());
    let refused = refused.into_iter().map(RefusedView::of).collect();
    show(&BatchesPage { frame, waiting: rows(waits), refused, batches: rows(batches), all, pager })
}

/// A batch with what waits for a clerk in it.
struct BatchDesk {
    row: BatchRow,
    waits: Option<WaitingDesk>,
    decided: Option<(String, String)>,
}

#[derive(Template)]
#[template(path = "office/batch.html")]
struct BatchPage {
    frame: Frame,
    batches: Vec<BatchDesk>,
    lines: Vec<LineRow>,
    unreadable: Vec<(u64, String)>,
    choices: Vec<(&'static str, &'static str, bool)>,
    pager: Pager,
    short: String,
}

/// Verdicts to narrow the list to: what stands in the address, what people read, and whether it is chosen.
fn choices(only: Option<Verdict>) -> Vec<(&'static str, &'static str, bool)> {
    let choices = [
        (None, "", "alle"),
        (Some(Verdict::Accepted), "accepted", "anerkannt"),
        (Some(Verdict::Reduced), "reduced", "gekürzt"),
        (Some(Verdict::Rejected), "rejected", "abgelehnt"),
        (Some(Verdict::Pending), "pending", "offen"),
    ];
    choices.into_iter().map(|(verdict, code, words)| (code, words, verdict == only)).collect()
}

fn verdict_of(code: Option<&str>) -> Option<Verdict> {
    match code? {
        "accepted" => Some(Verdict::Accepted),
        "reduced" => Some(Verdict::Reduced),
        "rejected" => Some(Verdict::Rejected),
        "pending" => Some(Verdict::Pending),
        _ => None,
    }
}

/// What a batch's list is narrowed to.
#[derive(Debug, Deserialize)]
struct Only {
    verdict: Option<String>,
}

/// The rows of lines, each with its explanation.
fn rows(db: &sql::Connection, lines: Vec<LineView>, now: UtcMs) -> Result<Vec<LineRow>, OfficeError> {
    let (labels, explainer) = (labels(db)?, Explainer::new(db)?);
    let whys = explainer.of(&lines, now)?;
    let why = |line: &LineView| whys.get(&line.id).map(|why| whys::sentence(why, explainer.names()));
    Ok(lines.into_iter().map(|line| (why(&line), line)).map(|(why, line)| LineRow::of(line, &labels, why)).collect())
}

async fn detail(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<String>, Query(from): Query<From>, Query(narrowed): Query<Only>) -> Page {
    let missing =
        || Fault::new(StatusCode::NOT_FOUND, "Diese Abrechnung gibt es nicht", "Bitte in der Liste nachsehen.").back_to("/batches", "Zur Liste");
    let batch = BatchId::from_hex(&id).ok_or_else(missing)?;
    let (only, now, skip) = (verdict_of(narrowed.verdict.as_deref()), door::now(), from.skip);
    let look = move |db: &Connection| {
        let mut desks = Vec::new();
        for view in views::batch(db, batch)? {
            let (waits, decided) = (desk_of(db, view.hash)?, decided(db, view.hash)?);
            desks.push(BatchDesk { row: view.into(), waits, decided });
        }
        let lines = views::batch_lines(db, batch, only, skip, LINES)?;
        Ok::<_, OfficeError>((desks, rows(db, lines, now)?, desk::unreadable(db, batch)?))
    };
    let (batches, lines, unreadable) = desk.look(look).await?;
    if batches.is_empty() {
        return Err(missing());
    }
    let choices = choices(only);
    let chosen = choices.iter().find(|(code, _, chosen)| *chosen && !code.is_empty()).map(|(code, ..)| format!("verdict={code}&"));
    let pager = Pager::new(format!("?{}", chosen.unwrap_or_default()), skip, lines.len(), LINES);
    show(&BatchPage {
        frame: Frame::new(&desk, &clerk, "batches").after(from.done.as_deref()),
        batches,
        lines,
        unreadable: unreadable.into_iter().map(|(seq, code)| (waiting::own_seq(seq), sentence(&code))).collect(),
        choices,
        pager,
        short: short_id(&batch.0),
    })
}
