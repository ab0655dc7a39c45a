//! Payment: one clerk prepares and signs, another one releases; then the files are here.

use super::Desk;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Done, Fault, Frame, Page, go, show};
use super::words::{moment, trouble};
use crate::office::{Office, OfficeError, Role};
use crate::settle::clerk::Clerk;
use crate::settle::run::next_banking_day;
use crate::settle::settlement::{Plan, Settled};
use crate::shell::door;
use crate::shell::store::office::admission::Provider;
use crate::shell::store::office::payments::RunRow;
use crate::shell::store::office::{admission, desk, payments};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{Hash, ProviderNumber};
use crate::words::time::UtcMs;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A statement brings its own styles, and needs nothing else.
const STATEMENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const READS: Door = Door::Reads(&[Role::Reconcile, Role::Release]);
    vec![
        ("get", "/settlement", READS, get(overview)),
        ("post", "/settlement/sign", Door::Does(Role::Reconcile), post(sign)),
        ("post", "/settlement/release", Door::Does(Role::Release), post(release)),
        ("get", "/settlement/{run}/{file}", READS, get(file)),
    ]
}

/// Whether both names are one person's.
pub fn is_same_clerk(one: &str, other: &str) -> bool {
    matches!((Clerk::new(one), Clerk::new(other)), (Ok(one), Ok(other)) if one == other)
}

#[derive(Debug, Deserialize)]
struct Asked {
    date: Option<String>,
}

/// What one provider gets.
struct Payee {
    provider: ProviderNumber,
    name: String,
    iban: String,
    lines: usize,
    batches: usize,
    amount: Cents,
    carried_over: bool,
}

/// A run as it would be paid.
struct Preview {
    date: String,
    date_iso: String,
    content: String,
    payees: Vec<Payee>,
    total: Cents,
}

/// The run that waits for its second signature.
struct Waiting {
    number: u32,
    execution: String,
    content: String,
    by: String,
    at: String,
    own: bool,
    changed: bool,
}

struct RunView {
    number: u32,
    execution: String,
    first: (String, String),
    second: (String, String),
    transfers: u64,
    total: Cents,
    files: Vec<FileView>,
}

struct FileView {
    place: String,
    name: String,
    title: String,
}

#[derive(Template)]
#[template(path = "office/settlement.html")]
struct SettlementPage {
    frame: Frame,
    preview: Option<Preview>,
    trouble: String,
    waiting: Option<Waiting>,
    runs: Vec<RunView>,
    findings: u64,
    must_reconcile: bool,
    today: String,
}

async fn overview(State(desk): State<Desk>, clerk: SignedIn, Query(asked): Query<Asked>, Query(done): Query<Done>) -> Page {
    let now = door::now();
    let frame = Frame::new(&desk, &clerk, "settlement").after(done.done.as_deref());
    let date = asked.date.as_deref().and_then(CivilDay::parse);
    let page = desk.with(move |office| look(office, frame, date, now)).await?;
    show(&page)
}

fn look(office: &mut Office, frame: Frame, date: Option<CivilDay>, now: UtcMs) -> Result<SettlementPage, OfficeError> {
    let today = CivilDay::of(now);
    let (waiting, released): (Vec<_>, Vec<_>) = payments::runs(office.db())?.into_iter().partition(|run| !run.released);
    let waiting = waiting.into_iter().next();
    let execution = date.or_else(|| waiting.as_ref().map(|run| run.execution).filter(|day| *day >= today)).unwrap_or_else(|| next_banking_day(today));
    let (plan, trouble) = match office.preview(execution, now) {
        Ok(plan) => (plan, String::new()),
        Err(why @ OfficeError::Draft(_)) => (None, trouble(&why)),
        Err(why) => return Err(why),
    };
    let signed = waiting.as_ref().map(|run| Ok::<_, OfficeError>((run, office.preview(run.execution, now)))).transpose()?;
    let waiting = signed.map(|(run, plan)| Waiting {
        number: run.number,
        execution: run.execution.german(),
        content: run.content.to_string(),
        by: run.first.0.clone(),
        at: moment(run.first.1),
        own: is_same_clerk(&run.first.0, &frame.clerk),
        changed: !matches!(plan, Ok(Some(plan)) if plan.content() == run.content),
    });
    let transfers: BTreeMap<u32, (u64, Cents)> = desk::transfers(office.db())?.into_iter().map(|(run, count, sum)| (run, (count, sum))).collect();
    let providers = admission::providers(office.db())?;
    let runs: Result<Vec<_>, OfficeError> = released.into_iter().map(|run| run_view(office, run, &transfers, &providers)).collect();
    let work = desk::open_work(office.db())?;
    Ok(SettlementPage {
        frame,
        preview: plan.map(|plan| preview(&plan)),
        trouble,
        waiting,
        runs: runs?,
        findings: work.findings,
        must_reconcile: work.new > 0 || work.children_to_decide > 0,
        today: today.to_string(),
    })
}

fn preview(plan: &Plan) -> Preview {
    let amount = |settled: &Settled| settled.transfer.as_ref().map_or(Cents::ZERO, |transfer| transfer.amount);
    let settled = plan.settled.iter().map(|settled| Payee {
        provider: settled.provider,
        name: settled.account.name().to_owned(),
        iban: settled.account.iban().to_string(),
        lines: settled.lines.len(),
        batches: settled.shares.len(),
        amount: amount(settled),
        carried_over: false,
    });
    let carried_over = plan.carried_over.iter().map(|waiting| Payee {
        provider: waiting.provider,
        name: waiting.account.name().to_owned(),
        iban: waiting.account.iban().to_string(),
        lines: waiting.lines.len(),
        batches: 0,
        amount: waiting.sum,
        carried_over: true,
    });
    Preview {
        date: plan.run.execution_date.german(),
        date_iso: plan.run.execution_date.to_string(),
        content: plan.content().to_string(),
        payees: settled.chain(carried_over).collect(),
        total: plan.settled.iter().map(amount).sum(),
    }
}

fn run_view(office: &Office, run: RunRow, transfers: &BTreeMap<u32, (u64, Cents)>, providers: &[Provider]) -> Result<RunView, OfficeError> {
    let (count, total) = transfers.get(&run.number).copied().unwrap_or_default();
    let signature = |(name, at): (String, UtcMs)| (name, moment(at));
    let files = payments::files(office.db(), run.number)?.into_iter().map(|name| FileView {
        place: format!("/settlement/{}/{name}", run.number),
        title: file_title(&name, providers),
        name,
    });
    Ok(RunView {
        number: run.number,
        execution: run.execution.german(),
        first: signature(run.first),
        second: run.second.map(signature).unwrap_or_default(),
        transfers: count,
        total,
        files: files.collect(),
    })
}

/// What a clerk calls a file of a run.
fn file_title(name: &str, providers: &[Provider]) -> String {
    if name.starts_with("pain.001") {
        return "Zahlungsdatei für die Bank (SEPA)".to_owned();
    }
    let Some(statement) = name.strip_prefix("statement-") else { return "Buchungsdatei (CSV)".to_owned() };
    let (carried_over, statement) = match statement.trim_end_matches(".html").strip_suffix("-carried-over") {
        Some(rest) => (" (wird verrechnet)", rest),
        None => ("", statement.trim_end_matches(".html")),
    };
    let number = statement.rsplit('-').next().and_then(|number| number.parse().ok()).map(ProviderNumber);
    let provider = providers.iter().find(|provider| Some(provider.number) == number).map_or("den Anbieter", |provider| &provider.name);
    format!("Abrechnungsmitteilung für {provider}{carried_over}")
}

#[derive(Deserialize)]
struct Sign {
    date: String,
    content: String,
}

/// Why a run was not signed or released.
enum NotSigned {
    Office(OfficeError),
    Overtaken,
}

impl From<OfficeError> for NotSigned {
    fn from(why: OfficeError) -> Self {
        Self::Office(why)
    }
}

impl From<NotSigned> for Fault {
    fn from(why: NotSigned) -> Self {
        let fault = match why {
            NotSigned::Office(why) => Self::from(why),
            NotSigned::Overtaken => {
                let sentence =
                    "Die Zahlung hat sich geändert, seit Sie sie gesehen haben. Bitte noch einmal ansehen; es wurde nichts unterschrieben.";
                Self::new(StatusCode::CONFLICT, "Bitte noch einmal ansehen", sentence)
            }
        };
        fault.back_to("/settlement", "Zur Zahlung")
    }
}

async fn sign(State(desk): State<Desk>, clerk: SignedIn, filled: Result<Form<Sign>, FormRejection>) -> Page {
    let incomplete = || Fault::form("Bitte einen Ausführungstag wählen und noch einmal ansehen.").back_to("/settlement", "Zur Zahlung");
    let Form(sign) = filled.map_err(|_| incomplete())?;
    let date = CivilDay::parse(&sign.date).ok_or_else(incomplete)?;
    desk.with(move |office| {
        let now = door::now();
        let plan = office.preview(date, now)?.ok_or(OfficeError::NothingToSettle)?;
        if plan.content().to_string() != sign.content {
            return Err(NotSigned::Overtaken);
        }
        Ok(office.sign_first(&clerk.name, date, now)?)
    })
    .await?;
    Ok(go("/settlement?done=signed"))
}

#[derive(Deserialize)]
struct Release {
    content: String,
}

async fn release(State(desk): State<Desk>, clerk: SignedIn, filled: Result<Form<Release>, FormRejection>) -> Page {
    let Form(release) = filled.map_err(|_| Fault::form("Bitte die Zahlung noch einmal ansehen.").back_to("/settlement", "Zur Zahlung"))?;
    desk.with(move |office| {
        let waiting = payments::signed_once(office.db()).map_err(OfficeError::from)?.ok_or(OfficeError::NoRunWaits)?;
        if Hash::from_hex(&release.content) != Some(waiting.content) {
            return Err(NotSigned::Overtaken);
        }
        Ok(office.release(&clerk.name, door::now())?)
    })
    .await?;
    Ok(go("/settlement?done=released"))
}

async fn file(State(desk): State<Desk>, _: SignedIn, Path((run, name)): Path<(u32, String)>) -> Page {
    let missing = || {
        Fault::new(StatusCode::NOT_FOUND, "Diese Datei gibt es nicht", "Bitte in der Liste der Zahlungen nachsehen.")
            .back_to("/settlement", "Zur Zahlung")
    };
    let asked = name.clone();
    let bytes = desk.look(move |db| payments::file(db, run, &asked)).await?.ok_or_else(missing)?;
    Ok(served(&name, bytes))
}

fn served(name: &str, bytes: Vec<u8>) -> Response {
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect();
    let kind = match plain.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => {
            return ([(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, STATEMENT_POLICY)], bytes)
                .into_response();
        }
        Some("xml") => "application/xml",
        Some("csv") => "text/csv; charset=utf-8",
        _ => "application/octet-stream",
    };
    let disposition = format!("attachment; filename=\"{plain}\"");
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], bytes).into_response()
}
