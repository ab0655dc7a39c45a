//! The pages at the counter. They show no benefit's name and no amount toward the queue, and look the same for every child.

use super::App;
use crate::shell::door;
use crate::shell::store::terminal::{BatchState, DayLine};
use crate::shell::texts::{Blanks, Language, Texts};
use crate::shell::web::problem::Problem;
use crate::terminal::Terminal;
use crate::terminal::view::Claim;
use crate::words::benefit::Benefit;
use crate::words::civil::{CivilDay, berlin_minute, clock_text};
use crate::words::reason::Reason;
use crate::words::service::{Pricing, Service};
use crate::words::time::UtcMs;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use wording::{ENGLISH, GERMAN, Words};

mod wording;

#[derive(Debug, Deserialize)]
pub(super) struct PageQuery {
    lang: Option<String>,
    key: Option<String>,
}

struct ServiceChoice {
    code: String,
    label: String,
    kind: &'static str,
}

struct OfficeChoice {
    id: String,
    name: String,
}

#[derive(Template)]
#[template(path = "terminal/counter.html")]
struct CounterPage {
    words: &'static Words,
    place: String,
    texts: String,
    services: Vec<ServiceChoice>,
    offices: Vec<OfficeChoice>,
}

struct PendingOffice {
    name: String,
    entries: u64,
    oldest: String,
    heard: String,
    disputed: bool,
}

struct PaymentShown {
    id: String,
    execution: String,
    share: String,
    transfer: String,
}

struct LineShown {
    seq: u64,
    day: String,
    service: String,
    hint: String,
    cents: String,
    cancelled: bool,
    verdict: &'static str,
    verdict_name: &'static str,
    reason: String,
    granted: String,
}

struct ClaimShown {
    sealed: String,
    office: String,
    state: &'static str,
    state_name: &'static str,
    reason: String,
    payments: Vec<PaymentShown>,
    lines: Vec<LineShown>,
}

#[derive(Template)]
#[template(path = "terminal/month.html")]
struct MonthPage {
    words: &'static Words,
    place: String,
    pending: Vec<PendingOffice>,
    claims: Vec<ClaimShown>,
}

/// The counter. It gives the browser its session: at an address that others can reach only to whoever shows the key.
pub(super) async fn counter(State(app): State<App>, Query(query): Query<PageQuery>, headers: HeaderMap) -> Result<Response, Problem> {
    let shows_key = query.key.as_deref().is_some_and(|key| app.guard.is_key(key));
    if app.pages_need_key && !shows_key && !app.guard.has_session(&headers) {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "open this page once with the key from the file api-token: /?key=KEY"));
    }
    let cookie = [(header::SET_COOKIE, app.guard.session_cookie())];
    if shows_key {
        return Ok((StatusCode::SEE_OTHER, cookie, [(header::LOCATION, "/")]).into_response());
    }
    let words = words_for(&query, &headers);
    let page = app.writer.run(move |terminal, _| counter_page(terminal, words)).await?;
    Ok((cookie, render(&page)?).into_response())
}

/// Claims and answers.
pub(super) async fn month(State(app): State<App>, Query(query): Query<PageQuery>, headers: HeaderMap) -> Result<Response, Problem> {
    let words = words_for(&query, &headers);
    let page = app.writer.run(move |terminal, _| {
        let status = terminal.status(door::now())?;
        let pending = status.offices.iter().map(|o| PendingOffice {
            name: o.name.clone(),
            entries: o.pending.entries,
            oldest: o.pending.oldest.map(|at| when(at, words)).unwrap_or_default(),
            heard: if o.heard_at.0 > 0 { when(o.heard_at, words) } else { String::new() },
            disputed: o.disputed,
        });
        let pending = pending.collect();
        let claims = terminal.claims()?.iter().map(|claim| claim_shown(claim, terminal, words)).collect();
        Ok::<_, crate::shell::store::StoreError>(MonthPage { words, place: place(terminal), pending, claims })
    });
    Ok(render(&page.await??)?.into_response())
}

pub(super) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../../../templates/terminal/style.css"))
}

pub(super) async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("../../../../templates/terminal/counter.js"))
}

pub(super) async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], include_str!("../../../../templates/terminal/favicon.svg"))
}

pub(super) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("../../../../templates/openapi.terminal.json"))
}

fn render(page: &impl Template) -> Result<Html<String>, Problem> {
    page.render().map(Html).map_err(|error| {
        tracing::error!(%error, "a page could not be rendered");
        Problem::bug()
    })
}

fn words_for(query: &PageQuery, headers: &HeaderMap) -> &'static Words {
    let wanted = query.lang.as_deref().or_else(|| headers.get(header::ACCEPT_LANGUAGE).and_then(|l| l.to_str().ok()));
    if wanted.is_some_and(|l| l.trim_start().to_ascii_lowercase().starts_with("en")) { &ENGLISH } else { &GERMAN }
}

fn counter_page(terminal: &Terminal, words: &'static Words) -> CounterPage {
    let mut agreed: Vec<&Service> =
        terminal.offices().iter().filter_map(|(office, _)| office.credential.as_ref()).flat_map(|c| &c.services).collect();
    agreed.sort_by_key(|service| service.benefit);
    let mut services: Vec<ServiceChoice> = Vec::new();
    for service in agreed {
        if services.iter().all(|s| s.code != service.code.as_str()) {
            services.push(ServiceChoice { code: service.code.to_string(), label: service.label.clone(), kind: kind(service) });
        }
    }
    let offices = terminal.offices().iter().map(|(o, trust)| OfficeChoice { id: o.id.to_string(), name: trust.office_name.clone() });
    CounterPage { words, place: place(terminal), texts: words.script(), services, offices: offices.collect() }
}

/// Which further fields a service needs.
fn kind(service: &Service) -> &'static str {
    match (service.pricing, service.benefit) {
        (_, Benefit::Tutoring) => "lesson",
        (Pricing::Free, _) => "free",
        (Pricing::Monthly, _) => "monthly",
        (Pricing::PerUnit, _) => "unit",
    }
}

fn place(terminal: &Terminal) -> String {
    let name = terminal.offices().iter().find_map(|(office, _)| office.credential.as_ref().map(|c| c.provider_name.clone()));
    name.unwrap_or_else(|| "Lesegerät".into())
}

fn day_text(day: CivilDay, words: &Words) -> String {
    if words.language == Language::German { day.german() } else { day.to_string() }
}

fn when(at: UtcMs, words: &Words) -> String {
    format!("{} {}", day_text(CivilDay::of(at), words), clock_text(berlin_minute(at)))
}

fn claim_shown(claim: &Claim, terminal: &Terminal, words: &'static Words) -> ClaimShown {
    let label = |line: &DayLine| terminal.offices().service(&line.service).map_or(line.service.to_string(), |(_, s)| s.label.clone());
    let payments = claim.payments.iter().map(|p| PaymentShown {
        id: p.end_to_end_id.clone(),
        execution: day_text(p.execution, words),
        share: p.share.to_string(),
        transfer: p.transfer.to_string(),
    });
    ClaimShown {
        sealed: when(claim.batch.sealed_at, words),
        office: claim.office.to_string(),
        state: claim.batch.state.name(),
        state_name: words.state(claim.batch.state),
        reason: claim.batch.reason.as_deref().map(|reason| reason_text(reason, words)).unwrap_or_default(),
        payments: payments.collect(),
        lines: claim.lines.iter().map(|line| line_shown(line, label(line), claim.batch.state, words)).collect(),
    }
}

fn line_shown(line: &DayLine, service: String, state: BatchState, words: &'static Words) -> LineShown {
    use crate::deliver::advice::Verdict;
    let (verdict, verdict_name) = match line.advised.as_ref().map(|a| a.verdict) {
        Some(Verdict::Accepted) => ("accepted", words.accepted),
        Some(Verdict::Reduced) => ("reduced", words.reduced),
        Some(Verdict::Rejected) => ("rejected", words.rejected),
        Some(Verdict::Pending) => ("pending", words.in_question),
        None if state == BatchState::Confirmed => ("pending", words.received),
        None => ("pending", words.on_the_way),
    };
    let reason = line.advised.as_ref().map(|a| a.reason.as_str()).filter(|r| !r.is_empty());
    LineShown {
        seq: line.seq,
        day: day_text(line.day, words),
        service,
        hint: line.hint.clone().unwrap_or_default(),
        cents: line.cents.to_string(),
        cancelled: line.cancelled_by.is_some(),
        verdict,
        verdict_name,
        reason: reason.map(|r| reason_text(r, words)).unwrap_or_default(),
        granted: line.advised.as_ref().map(|a| a.cents.to_string()).unwrap_or_default(),
    }
}

/// The sentences for a reason; the bare code for one that another implementation has made up.
fn reason_text(code: &str, words: &Words) -> String {
    Reason::from_code(code).map_or_else(|| code.to_owned(), |r| Texts::speaking(words.language).filled(r, &Blanks::default()).sentences())
}
