//! Long work in small steps, with a page that shows how far it is: between two steps others have their turn at the office. How far it is
//! stands in the store too, for a page that another process is asked for.

use super::Desk;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, menu_of, show};
use super::words::trouble;
use crate::office::{Office, OfficeError};
use crate::shell::door;
use crate::shell::store::office::sessions;
use crate::shell::web::actor::Actor;
use crate::words::time::UtcMs;
use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many jobs are remembered; the oldest that has ended gives way.
const MAX_JOBS: usize = 200;
/// How long a job rests that can do nothing for a moment.
const REST: Duration = Duration::from_millis(30);
/// How often it is kept how far a job is.
const KEEP_EVERY_MS: u64 = 1_000;
/// After how long without a word of its process a job is taken to have been broken off.
const SILENT_MS: u64 = 2 * 60 * 1000;
/// For how long what was kept of a job is looked up.
const KEPT_MS: u64 = 24 * 60 * 60 * 1000;
/// What is said of a job whose process has ended.
const BROKEN_OFF: &str = "Der Server wurde währenddessen neu gestartet. Was bis dahin fertig war, ist gespeichert; bitte dort nachsehen, wo der Vorgang begann, \
                          und ihn noch einmal beginnen.";

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
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Outcome {
    /// One or two sentences for the clerk.
    pub words: String,
    /// Where to go on from here: address and words.
    pub links: Vec<(String, String)>,
}

/// Where a job stands.
#[derive(Clone, Debug, Deserialize, Serialize)]
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

/// What is kept of a job.
#[derive(Deserialize, Serialize)]
struct KeptJob {
    progress: Progress,
    menu: String,
    begun: u64,
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
            // Two processes give two numbers.
            let id = 1 + u64::from(door::os_chance().below(u32::MAX));
            all.insert(id, state);
            id
        };
        let desk = self.clone();
        tokio::spawn(async move {
            desk.keep_job(id).await;
            let mut kept = door::now();
            loop {
                let (answer, again) = match place.ask(move |owned| (step(owned), step)).await {
                    Ok(done) => done,
                    Err(fault) => {
                        let trouble = format!("Das Programm hat einen Fehler gemacht; er steht im Protokoll. Das Programm meldet: {fault}");
                        desk.0.jobs.change(id, |job| job.trouble = Some(trouble));
                        return desk.keep_job(id).await;
                    }
                };
                step = again;
                match answer {
                    Ok(Step::Later { done, of }) => {
                        desk.0.jobs.change(id, |job| (job.done, job.of) = (done, of));
                        tokio::time::sleep(REST).await;
                    }
                    Ok(Step::More { done, of }) => desk.0.jobs.change(id, |job| (job.done, job.of) = (done, of)),
                    Ok(Step::Done(outcome)) => {
                        desk.0.jobs.change(id, |job| job.outcome = Some(outcome));
                        return desk.keep_job(id).await;
                    }
                    Err(why) => {
                        desk.0.jobs.change(id, |job| job.trouble = Some(trouble(&why)));
                        return desk.keep_job(id).await;
                    }
                }
                if door::now().since(kept) >= KEEP_EVERY_MS {
                    desk.keep_job(id).await;
                    kept = door::now();
                }
            }
        });
        format!("/jobs/{id}")
    }

    /// Keeps how far a job of this process is; where that fails the work goes on, and only other processes do not see how far.
    async fn keep_job(&self, id: u64) {
        let Some(progress) = self.0.jobs.locked().get(&id).cloned() else { return };
        let (by, now) = (progress.by.clone(), door::now());
        let kept = KeptJob { menu: progress.menu.to_owned(), begun: progress.begun.0, progress };
        let Ok(state) = serde_json::to_string(&kept) else { return };
        let keep = move |office: &mut Office| {
            sessions::forget_old_jobs(office.db(), UtcMs(now.0.saturating_sub(KEPT_MS)))?;
            sessions::keep_job(office.db(), id, &by, &state, now)
        };
        if let Ok(Err(why)) = self.0.office.ask(keep).await {
            tracing::warn!(%why, "how far a job is was not kept");
        }
    }

    /// Says of all jobs of this process that have not ended that they were broken off: the process ends.
    pub(super) async fn break_off_jobs(&self) {
        let mut open = Vec::new();
        for (id, job) in self.0.jobs.locked().iter_mut().filter(|(_, job)| !job.has_ended()) {
            job.trouble = Some(BROKEN_OFF.to_owned());
            open.push(*id);
        }
        for id in open {
            self.keep_job(id).await;
        }
    }

    /// A job of another process, or of this office before its server was started again.
    async fn kept_job(&self, id: u64, clerk: &SignedIn) -> Result<Option<Progress>, Fault> {
        let (by, now) = (clerk.name.clone(), door::now());
        let found = self.look(move |db| sessions::job(db, id, &by)).await?;
        let Some((KeptJob { progress, menu, begun }, beat)) = found.and_then(|(state, beat)| Some((serde_json::from_str(&state).ok()?, beat))) else {
            return Ok(None);
        };
        let trouble = if progress.has_ended() || now.since(beat) < SILENT_MS { progress.trouble } else { Some(BROKEN_OFF.to_owned()) };
        Ok(Some(Progress { trouble, by: clerk.name.clone(), menu: menu_of(&menu), begun: UtcMs(begun), ..progress }))
    }

    async fn job(&self, id: u64, clerk: &SignedIn) -> Result<Progress, Fault> {
        let mine = self.0.jobs.locked().get(&id).filter(|job| job.by == clerk.name).cloned();
        let job = match mine {
            Some(job) => Some(job),
            None => match self.kept_job(id, clerk).await? {
                Some(job) => Some(job),
                // It may have begun elsewhere just now.
                None => {
                    tokio::time::sleep(Duration::from_millis(KEEP_EVERY_MS)).await;
                    self.kept_job(id, clerk).await?
                }
            },
        };
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
    let job = desk.job(id, &clerk).await?;
    let began = super::words::moment(job.begun);
    show(&JobPage { frame: Frame::new(&desk, &clerk, job.menu), id, job, began })
}

async fn state(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<u64>) -> Page {
    Ok(Json(desk.job(id, &clerk).await?).into_response())
}
