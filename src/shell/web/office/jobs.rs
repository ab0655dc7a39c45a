//! Long work in small steps, with a page that shows how far it is: between two steps others have their turn at the office.

use super::Desk;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, show};
use super::words::trouble;
use crate::office::{Office, OfficeError};
use crate::shell::door;
use crate::shell::web::actor::Actor;
use crate::words::time::UtcMs;
use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many jobs are remembered; the oldest that has ended gives way.
const MAX_JOBS: usize = 200;
/// How long a job rests that can do nothing for a moment.
const REST: Duration = Duration::from_millis(30);

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    vec![("get", "/jobs/{id}", Door::SignedIn, get(page)), ("get", "/jobs/{id}/state", Door::SignedIn, get(state))]
}

/// What a step of a job came to.
#[derive(Clone, Debug)]
pub enum Step {
    /// So much is done, of so much.
    More {
        /// How much is done.
        done: u64,
        /// Of how much.
        of: u64,
    },
    /// The same, and there is nothing to do for a moment: others make what comes next.
    Later {
        /// How much is done.
        done: u64,
        /// Of how much.
        of: u64,
    },
    /// All is done.
    Done(Outcome),
}

/// How a job ended.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// One or two sentences for the clerk.
    pub words: String,
    /// Where to go on from here: address and words.
    pub links: Vec<(String, String)>,
}

/// Where a job stands.
#[derive(Clone, Debug, Serialize)]
pub struct Progress {
    /// What is being done.
    pub title: String,
    /// How much is done.
    pub done: u64,
    /// Of how much; zero while that is not known.
    pub of: u64,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why it ended early.
    pub trouble: Option<String>,
    #[serde(skip)]
    by: String,
    #[serde(skip)]
    menu: &'static str,
    #[serde(skip)]
    begun: UtcMs,
}

impl Progress {
    const fn has_ended(&self) -> bool {
        self.outcome.is_some() || self.trouble.is_some()
    }
}

/// All jobs since the start of the program.
#[derive(Debug, Default)]
pub struct Jobs {
    all: Mutex<BTreeMap<u64, Progress>>,
    /// The files that are being taken over: a second click starts nothing.
    taking: Mutex<BTreeSet<String>>,
    /// Whether what comes in is being reconciled by itself.
    pub(super) reconciling: AtomicBool,
}

impl Jobs {
    fn locked(&self) -> MutexGuard<'_, BTreeMap<u64, Progress>> {
        // A map is whole after every step, so what a panic left behind can be used.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks a file as being taken over until the answer is dropped; none where it is marked already.
    pub(super) fn taking(desk: &Desk, file: &str) -> Option<Taking> {
        let mut taking = desk.0.jobs.taking.lock().unwrap_or_else(PoisonError::into_inner);
        taking.insert(file.to_owned()).then(|| Taking { desk: desk.clone(), file: file.to_owned() })
    }

    fn change(&self, id: u64, change: impl FnOnce(&mut Progress)) {
        if let Some(job) = self.locked().get_mut(&id) {
            change(job);
        }
    }
}

/// A file that is being taken over.
#[derive(Debug)]
pub(super) struct Taking {
    desk: Desk,
    file: String,
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.desk.0.jobs.taking.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.file);
    }
}

impl Desk {
    /// Begins a job and answers the address of its page. `step` is called again and again, each time as one turn at the office, until it
    /// is done or fails; `menu` is the entry of the menu it belongs to.
    pub fn begin(
        &self,
        by: &SignedIn,
        menu: &'static str,
        title: impl Into<String>,
        step: impl FnMut(&mut Office) -> Result<Step, OfficeError> + Send + 'static,
    ) -> String {
        self.begin_at(self.0.office.clone(), by, menu, title, step)
    }

    /// The same beside the office, at a thread of its own that owns what the job needs.
    pub fn begin_at<T: Send + 'static>(
        &self,
        place: Actor<T>,
        by: &SignedIn,
        menu: &'static str,
        title: impl Into<String>,
        mut step: impl FnMut(&mut T) -> Result<Step, OfficeError> + Send + 'static,
    ) -> String {
        let state = Progress { title: title.into(), done: 0, of: 0, outcome: None, trouble: None, by: by.name.clone(), menu, begun: door::now() };
        let id = {
            let mut all = self.0.jobs.locked();
            if all.len() >= MAX_JOBS
                && let Some(oldest) = all.iter().find(|(_, job)| job.has_ended()).map(|(id, _)| *id)
            {
                all.remove(&oldest);
            }
            let id = all.last_key_value().map_or(1, |(last, _)| last + 1);
            all.insert(id, state);
            id
        };
        let desk = self.clone();
        tokio::spawn(async move {
            loop {
                let (answer, again) = match place.ask(move |owned| (step(owned), step)).await {
                    Ok(done) => done,
                    Err(fault) => {
                        let trouble = format!("Das Programm hat einen Fehler gemacht; er steht im Protokoll. Das Programm meldet: {fault}");
                        return desk.0.jobs.change(id, |job| job.trouble = Some(trouble));
                    }
                };
                step = again;
                match answer {
                    Ok(Step::Later { done, of }) => {
                        desk.0.jobs.change(id, |job| (job.done, job.of) = (done, of));
                        tokio::time::sleep(REST).await;
                    }
                    Ok(Step::More { done, of }) => desk.0.jobs.change(id, |job| (job.done, job.of) = (done, of)),
                    Ok(Step::Done(outcome)) => return desk.0.jobs.change(id, |job| job.outcome = Some(outcome)),
                    Err(why) => return desk.0.jobs.change(id, |job| job.trouble = Some(trouble(&why))),
                }
            }
        });
        format!("/jobs/{id}")
    }

    fn job(&self, id: u64, clerk: &SignedIn) -> Result<Progress, Fault> {
        let job = self.0.jobs.locked().get(&id).filter(|job| job.by == clerk.name).cloned();
        job.ok_or_else(|| {
            Fault::new(
                StatusCode::NOT_FOUND,
                "Dieser Vorgang ist nicht bekannt",
                "Vielleicht wurde der Server neu gestartet. Was bis dahin fertig war, ist gespeichert; bitte dort nachsehen, wo der Vorgang begann.",
            )
        })
    }
}

#[derive(Template)]
#[template(path = "office/job.html")]
struct JobPage {
    frame: Frame,
    id: u64,
    job: Progress,
    began: String,
}

async fn page(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<u64>) -> Page {
    let job = desk.job(id, &clerk)?;
    let began = super::words::moment(job.begun);
    show(&JobPage { frame: Frame::new(&desk, &clerk, job.menu), id, job, began })
}

async fn state(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<u64>) -> Page {
    Ok(Json(desk.job(id, &clerk)?).into_response())
}
