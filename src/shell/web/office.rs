//! The office over HTTP: the terminals' exchange, JSON for other programs, and the clerks' pages behind a login.

mod account;
mod admin;
mod answer;
mod api;
mod assets;
mod audit;
mod bank;
mod batches;
mod calendar;
mod caller;
mod cases;
mod ceremony;
mod claims;
mod clerks;
mod disclosure;
mod documents;
mod doors;
mod evidence;
mod export;
mod figures;
mod findings;
mod form;
mod gate;
mod import;
mod invoices;
mod jobs;
mod keys;
mod legal;
mod lines;
mod listen;
mod login;
mod looking;
mod metrics;
mod oidc;
mod overview;
mod page;
mod passkeys;
mod patterns;
mod payment;
mod phones;
mod posting;
mod print;
mod print_run;
mod provider;
mod providers;
mod rates;
mod readers;
mod ready;
mod repayments;
mod retention;
mod ruling;
mod session;
mod settlement;
mod settlement_run;
mod settlement_words;
mod soon;
mod steps;
mod tries;
mod upload;
mod waiting;
mod whys;
mod words;

pub use api::interfaces;
pub use doors::Door;
pub use listen::{Listening, serve, serve_on, serve_over};

use super::actor::Actor;
use super::guard::Guard;
use super::problem::Problem;
use super::serve::Limits;
use crate::office::Office;
use crate::words::ids::OfficeId;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use doors::Route;
use jobs::Jobs;
use looking::Watched;
use readers::Readers;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;
use zeroize::Zeroizing;

/// The most bytes of an exchange: an envelope of 17 MiB, and what its encryption adds.
pub const MAX_EXCHANGE: usize = 17 * 1024 * 1024 + 64 * 1024;
/// The most bytes of an enrolment.
const MAX_ENROLMENT: usize = 64 * 1024;
/// The most bytes of a form.
const MAX_FORM: usize = 64 * 1024;
/// How many passwords are checked at once: each takes 19 MiB and much of a processor.
const PASSWORDS_AT_ONCE: usize = 2;
/// How long a request may take, a slow line's upload included.
const TIMEOUT: Duration = Duration::from_secs(120);

/// How often it is looked for what was kept long enough.
const TIDY_EVERY: Duration = Duration::from_secs(60 * 60);

/// What the office's listener bears. A terminal's upload is long: only its head, and what it takes of the answer, are timed here.
const LIMITS: Limits =
    Limits { head: Duration::from_secs(20), handshake: Duration::from_secs(10), stalled: Duration::from_secs(30), connections: 512, per_address: 64 };

/// Every page with its method, path and door.
fn routes() -> Vec<Route> {
    let mut routes = vec![("get", "/assets/{name}", Door::Open, get(assets::file))];
    routes.extend(login::routes());
    routes.extend(steps::routes());
    routes.extend(overview::routes());
    routes.extend(jobs::routes());
    routes.extend(batches::routes());
    routes.extend(cases::routes());
    routes.extend(phones::routes());
    routes.extend(figures::routes());
    routes.extend(waiting::routes());
    routes.extend(findings::routes());
    routes.extend(lines::routes());
    routes.extend(settlement::routes());
    routes.extend(settlement_run::routes());
    routes.extend(bank::routes());
    routes.extend(payment::routes());
    routes.extend(repayments::routes());
    routes.extend(posting::routes());
    routes.extend(invoices::routes());
    routes.extend(claims::routes());
    routes.extend(providers::routes());
    routes.extend(print::routes());
    routes.extend(export::routes());
    routes.extend(disclosure::routes());
    routes.extend(documents::routes());
    routes.extend(retention::routes());
    routes.extend(provider::routes());
    routes.extend(patterns::routes());
    routes.extend(calendar::routes());
    routes.extend(import::routes());
    routes.extend(soon::routes());
    routes.extend(admin::routes());
    routes.extend(clerks::routes());
    routes.extend(keys::routes());
    routes.extend(legal::routes());
    routes.extend(audit::routes());
    routes.extend(account::routes());
    routes.extend(passkeys::routes());
    routes.extend(oidc::routes());
    routes
}

/// Method, path and door of every page, for tests that try each.
pub fn pages() -> Vec<(&'static str, &'static str, Door)> {
    routes().into_iter().map(|(method, path, door, _)| (method, path, door)).collect()
}

/// What every request may use.
#[derive(Clone)]
pub struct Desk(Arc<Inner>);

struct Inner {
    office: Actor<Office>,
    id: OfficeId,
    name: String,
    guard: Guard,
    enrolments: rates::Rates,
    asked: rates::Rates,
    phones: rates::Rates,
    readers: Readers,
    jobs: Jobs,
    watched: Watched,
    gate: gate::Gate,
    counted: metrics::Counted,
    ready: ready::Readiness,
    passwords: Semaphore,
    discoveries: Semaphore,
    /// Large files are read one after the other, so that memory stays bounded.
    files: Semaphore,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Desk of {}", self.0.name)
    }
}

impl Desk {
    /// A desk over `office`, reached at `listen` and under `hosts`; `api_token` opens the interfaces.
    pub fn new(office: Office, api_token: String, listen: SocketAddr, hosts: &[String]) -> std::io::Result<Self> {
        let (id, name) = (office.profile().id.clone(), office.profile().name.clone());
        let guard = Guard::new(listen, hosts, Zeroizing::new(api_token));
        let readers = Readers::of(&office)?;
        let (office, _) = Actor::start("office", office)?;
        let passwords = Semaphore::new(PASSWORDS_AT_ONCE);
        let (jobs, watched) = (Jobs::default(), Watched::default());
        let (discoveries, files) = (Semaphore::new(oidc::AT_ONCE), Semaphore::new(1));
        let inner = Inner {
            office,
            id,
            name,
            guard,
            enrolments: rates::Rates::default(),
            asked: rates::Rates::default(),
            phones: rates::Rates::default(),
            readers,
            jobs,
            watched,
            gate: gate::Gate::default(),
            counted: metrics::Counted::default(),
            ready: ready::Readiness::default(),
            passwords,
            discoveries,
            files,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// All routes of the office.
    pub fn router(&self) -> Router {
        let pages = routes().into_iter().fold(Router::new(), |pages, (_, path, door, answer)| {
            pages.route(path, answer.layer(from_fn_with_state((self.clone(), door), doors::pass)))
        });
        let pages = pages.fallback(page::nothing_here).layer(DefaultBodyLimit::max(MAX_FORM)).layer(from_fn_with_state(self.clone(), doors::pages));
        api::routes(self)
            .merge(pages)
            .layer(CatchPanicLayer::custom(|_| axum::response::IntoResponse::into_response(Problem::bug())))
            .layer(TimeoutLayer::with_status_code(axum::http::StatusCode::REQUEST_TIMEOUT, TIMEOUT))
            .layer(from_fn(doors::protect))
            .with_state(self.clone())
    }
}
