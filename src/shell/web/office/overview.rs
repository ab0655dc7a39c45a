//! The first page: what is open, and what to do next.

use super::Desk;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Done, Frame, Page, go, show};
use crate::office::Role;
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::office::desk::{self, OpenWork};
use crate::shell::store::office::{payments, views};
use crate::words::cents::Cents;
use askama::Template;
use axum::extract::{Query, State};
use axum::routing::{get, post};
use rusqlite::Connection;

/// How many of the last batches the first page shows.
const LAST_BATCHES: u64 = 5;

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
    waiting_run: Option<(u32, String, bool)>,
    batches: Vec<super::batches::BatchRow>,
    batch_count: u64,
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
    let look = |db: &Connection| {
        let payable = payments::payable(db)?.iter().map(crate::settle::settlement::PayableLine::pay).sum();
        Ok::<_, StoreError>((desk::open_work(db)?, payable, payments::signed_once(db)?, views::batches(db, 0, LAST_BATCHES)?, desk::batch_count(db)?))
    };
    let (work, payable, waiting, batches, batch_count) = desk.look(look).await?;
    let waiting_run = waiting.map(|run| {
        let own = super::settlement::is_same_clerk(&run.first.0, &clerk.name);
        (run.number, run.first.0, own)
    });
    let batches = batches.into_iter().map(Into::into).collect();
    show(&OverviewPage { frame: Frame::new(&desk, &clerk, "overview").after(done.done.as_deref()), work, payable, waiting_run, batches, batch_count })
}

async fn reconcile(State(desk): State<Desk>, _: SignedIn) -> Page {
    desk.with(|office| office.reconcile(door::now())).await?;
    Ok(go("/?done=reconciled"))
}
