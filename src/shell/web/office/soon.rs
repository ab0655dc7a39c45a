//! Reconciling by itself after intake, where the office wants it, and the page on which it says so.

use super::Desk;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Done, Frame, Page, go, show};
use crate::office::Role;
use crate::shell::door;
use crate::shell::store::office::settings;
use askama::Template;
use axum::extract::{Form, Query, State};
use axum::routing::{get, post};
use serde::Deserialize;
use std::sync::atomic::Ordering;

/// The routes of this page.
pub fn routes() -> Vec<Route> {
    vec![("get", "/admin/reconcile", Door::Reads(&[Role::Admin]), get(page)), ("post", "/admin/reconcile", Door::Does(Role::Admin), post(choose))]
}

#[derive(Template)]
#[template(path = "office/soon.html")]
struct SoonPage {
    frame: Frame,
    at_once: bool,
}

async fn page(State(desk): State<Desk>, clerk: SignedIn, Query(done): Query<Done>) -> Page {
    let at_once = desk.look(settings::reconciles_at_once).await?;
    show(&SoonPage { frame: Frame::new(&desk, &clerk, "admin").after(done.done.as_deref()), at_once })
}

/// A box that is not ticked is not sent.
#[derive(Debug, Default, Deserialize)]
struct Chosen {
    #[serde(default)]
    at_once: String,
}

async fn choose(State(desk): State<Desk>, clerk: SignedIn, Form(chosen): Form<Chosen>) -> Page {
    let at_once = chosen.at_once == "yes";
    desk.with(move |office| office.set_reconciles_at_once(at_once, &clerk.name, door::now())).await?;
    if at_once {
        desk.reconcile_soon();
    }
    Ok(go("/admin/reconcile?done=saved"))
}

impl Desk {
    /// Reconciles what has come in, if the office wants that, stretch by stretch behind whatever else is asked of it. One at a time: what
    /// comes in meanwhile is taken along.
    pub(super) fn reconcile_soon(&self) {
        if self.0.jobs.reconciling.swap(true, Ordering::AcqRel) {
            return;
        }
        let desk = self.clone();
        tokio::spawn(async move {
            while desk.reconcile_one_stretch().await {}
            desk.0.jobs.reconciling.store(false, Ordering::Release);
            // What came in just before that has found the place taken.
            if desk.reconcile_one_stretch().await {
                desk.reconcile_soon();
            }
        });
    }

    /// Whether there is more to do.
    async fn reconcile_one_stretch(&self) -> bool {
        match self.0.office.ask(|office| office.reconcile_some_if_wanted(door::now())).await {
            Ok(Ok(stretch)) => stretch.is_some_and(|stretch| !stretch.is_done()),
            Ok(Err(error)) => {
                tracing::error!(%error, "what came in could not be reconciled; it waits for the next time");
                false
            }
            Err(_) => false,
        }
    }
}
