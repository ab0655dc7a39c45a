//! The first page: what is open, and what to do next.

use super::Desk;
use super::doors::{Door, Route};
use super::jobs::{Outcome, Step};
use super::login::SignedIn;
use super::page::{Done, Frame, Page, go, show};
use crate::office::{Action, Office, OfficeError, Role, proposals_open};
use crate::settle::selection::Selection;
use crate::settle::settlement::Credit;
use crate::shell::checkup::office::SWAP_DAYS;
use crate::shell::door;
use crate::shell::store::office::desk::{self, OpenWork};
use crate::shell::store::office::swap::{self, Swap, SwapState};
use crate::shell::store::office::{doubts, payments, repayments, sums, views};
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::time::{DAY_MS, UtcMs};
use askama::Template;
use axum::extract::{Query, State};
use axum::routing::{get, post};

/// How many of the last batches the first page shows.
const LAST_BATCHES: u64 = 5;

/// How many stretches are reconciled while the clerk waits: a second's work at most.
const STRETCHES_AT_ONCE: usize = 6;

/// The routes of this page.
pub fn routes() -> Vec<Route> {
    vec![("get", "/", Door::SignedIn, get(overview)), ("post", "/reconcile", Door::Does(Role::Reconcile), post(reconcile))]
}

#[derive(Template)]
#[template(path = "office/overview.html")]
struct OverviewPage {
    frame: Frame,
    work: OpenWork,
    payable: Cents,
    /// What providers paid back and no run has netted.
    credit: Cents,
    /// Repayments that wait for this clerk.
    repayments: usize,
    waiting_run: Option<(u32, String, bool)>,
    batches: Vec<super::batches::BatchRow>,
    batch_count: u64,
    swaps: Vec<Swap>,
    doubts: u64,
    /// Whether a step with a key waits for this clerk.
    key_waits: bool,
}

impl OverviewPage {
    fn lines(&self) -> u64 {
        let work = &self.work;
        work.new + work.findings + work.accepted.0 + work.reduced.0 + work.rejected
    }

    /// Whether a reconciliation would change anything.
    fn must_reconcile(&self) -> bool {
        self.work.new > 0 || self.work.children_to_decide > 0
    }
}

async fn overview(State(desk): State<Desk>, clerk: SignedIn, Query(done): Query<Done>) -> Page {
    let now = door::now();
    let look = move |db: &Connection| {
        Ok::<_, OfficeError>((
            desk::open_work(db)?,
            sums::payable(db)?,
            payments::signed_once(db)?,
            views::batches(db, 0, LAST_BATCHES)?,
            desk::batch_count(db)?,
            swap::swaps(db, UtcMs(now.0.saturating_sub(SWAP_DAYS * DAY_MS)))?,
            doubts::open_count(db)?,
            proposals_open(db)?,
            (repayments::open(db, &Selection::default())?, repayments::waiting(db)?),
        ))
    };
    let (work, payable, waiting, batches, batch_count, swaps, doubts, proposals, (credits, noted)) = desk.look(look).await?;
    let credit = credits.values().flatten().map(Credit::pay).sum();
    let is_mine = |one: &&repayments::Repayment| !super::settlement::is_same_clerk(&one.noted.clerk, &clerk.name);
    let repayments = if clerk.roles.has(Role::Release) { noted.iter().filter(is_mine).count() } else { 0 };
    let key_waits = clerk.roles.has(Role::Release) && proposals.iter().any(|open| !open.is_by(&clerk.name));
    let waiting_run = waiting.map(|run| {
        let own = super::settlement::is_same_clerk(&run.first.0, &clerk.name);
        (run.number, run.first.0, own)
    });
    let batches = batches.into_iter().map(Into::into).collect();
    let frame = Frame::new(&desk, &clerk, "overview").after(done.done.as_deref());
    show(&OverviewPage { frame, work, payable, credit, repayments, waiting_run, batches, batch_count, swaps, doubts, key_waits })
}

/// What is soon done is done at once; for more there is a page that shows how far it is.
async fn reconcile(State(desk): State<Desk>, clerk: SignedIn) -> Page {
    let by = clerk.name.clone();
    let first = desk.with(move |office| {
        office.note(&by, Action::Reconcile, "", "", door::now())?;
        for _ in 0..STRETCHES_AT_ONCE {
            if office.reconcile_some(door::now())?.is_done() {
                return Ok::<_, OfficeError>(None);
            }
        }
        office.reconcile_some(door::now()).map(Some)
    });
    let Some(first) = first.await? else { return Ok(go("/?done=reconciled")) };
    let mut done = first.done;
    let step = move |office: &mut Office| {
        let stretch = office.reconcile_some(door::now())?;
        done += stretch.done;
        if stretch.is_done() {
            return Ok(Step::Done(reconciled(office)?));
        }
        Ok(Step::More { done, of: done + stretch.left })
    };
    Ok(go(&desk.begin(&clerk, "overview", "Neue Zeilen werden abgeglichen", step)))
}

fn reconciled(office: &Office) -> Result<Outcome, OfficeError> {
    let findings = desk::open_work(office.db())?.findings;
    let words = match findings {
        0 => "Alles ist abgeglichen. Kein Befund wartet auf eine Entscheidung.".to_owned(),
        1 => "Alles ist abgeglichen. Ein Befund wartet auf eine Entscheidung.".to_owned(),
        _ => format!("Alles ist abgeglichen. {findings} Befunde warten auf eine Entscheidung."),
    };
    let next = if findings == 0 { ("/settlement", "Zahlung vorbereiten") } else { ("/findings", "Zu den Befunden") };
    Ok(Outcome { words, links: [next, ("/", "Zur Übersicht")].map(|(place, words)| (place.to_owned(), words.to_owned())).to_vec() })
}
