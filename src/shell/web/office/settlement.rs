//! Payment: one clerk chooses, prepares and signs, another one releases. The page reads sums, never lines.

use super::Desk;
use super::doors::{Door, Route};
use super::jobs::{Outcome, Step};
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, go, show};
use super::payment::{self, DoubtView};
use super::repayments::{NotedView, noted};
use super::settlement_words::{Chosen, chosen_words};
use super::words::moment;
use crate::office::{Hold, Office, OfficeError, OpenSum, PayMode, PaymentOrder, Role, open_sums, open_sums_of};
use crate::settle::clerk::Clerk;
use crate::settle::returned;
use crate::settle::run::next_banking_day;
use crate::settle::selection::Selection;
use crate::shell::door;
use crate::shell::store::office::payments::RunRow;
use crate::shell::store::office::{bank, desk, doubts, payable, payments, repayments};
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{Hash, ProviderNumber};
use crate::words::time::UtcMs;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Beyond so many lines signing and releasing take longer than a second: the clerk sees how far it is.
const LINES_AT_ONCE: u64 = 5_000;
/// How many released runs the page lists.
const RUNS_SHOWN: usize = 12;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const READS: Door = Door::Reads(&[Role::Reconcile, Role::Release]);
    vec![
        ("get", "/settlement", READS, get(overview)),
        ("post", "/settlement/sign", Door::Does(Role::Reconcile), post(sign)),
        ("post", "/settlement/withdraw", Door::Does(Role::Reconcile), post(withdraw)),
        ("post", "/settlement/release", Door::Does(Role::Release), post(release)),
    ]
}

/// Whether both names are one person's.
pub fn is_same_clerk(one: &str, other: &str) -> bool {
    matches!((Clerk::new(one), Clerk::new(other)), (Ok(one), Ok(other)) if one == other)
}

/// What one provider would get.
struct Payee {
    provider: ProviderNumber,
    name: String,
    iban: String,
    lines: u64,
    cents: Cents,
    /// How much of it he paid back by himself.
    credit: Cents,
    /// Provider and fingerprint, as the form sends it back.
    row: String,
    ticked: bool,
    /// What must be cleared up before anything is paid to it, in two words, and where.
    blocked: Option<(&'static str, String)>,
}

/// The run that waits for its second signature.
struct Waiting {
    number: u32,
    execution: String,
    past: bool,
    content: String,
    by: String,
    at: String,
    own: bool,
    chosen: String,
    lines: u64,
    total: Cents,
    /// What its providers paid back by themselves.
    credit: Cents,
    carried: usize,
}

struct RunLine {
    number: u32,
    execution: String,
    released: String,
    transfers: u64,
    total: Cents,
}

/// A provider who owes more than he claims.
struct Owing {
    provider: ProviderNumber,
    name: String,
    cents: Cents,
    since: String,
    /// Whether a repayment waits for a second person.
    noted: bool,
}

/// A provider whose account the bank did not take.
struct Blocked {
    provider: ProviderNumber,
    name: String,
    iban: String,
    why: String,
}

/// A provider whom what is chosen would pay more than all that is open of him comes to.
struct LessInAll {
    name: String,
    chosen: Cents,
    whole: Cents,
}

#[derive(Template)]
#[template(path = "office/settlement.html")]
struct SettlementPage {
    frame: Frame,
    treasury: bool,
    waiting: Option<Waiting>,
    chosen: Chosen,
    payees: Vec<Payee>,
    total: Cents,
    ticked: usize,
    left_out: Cents,
    owing: Vec<Owing>,
    noted: Vec<NotedView>,
    blocked: Vec<Blocked>,
    less_in_all: Vec<LessInAll>,
    doubts: Vec<DoubtView>,
    runs: Vec<RunLine>,
    more_runs: bool,
    findings: u64,
    must_reconcile: bool,
    date: String,
    today: String,
}

async fn overview(State(desk): State<Desk>, clerk: SignedIn, Query(asked): Query<Vec<(String, String)>>) -> Page {
    let now = door::now();
    let done = asked.iter().find(|(name, _)| name == "done").map(|(_, value)| value.clone());
    let frame = Frame::new(&desk, &clerk, "settlement").after(done.as_deref());
    let chosen = Chosen::of(&asked);
    let page = desk.look(move |db| look(db, frame, chosen, now)).await?;
    show(&page)
}

fn look(db: &Connection, frame: Frame, chosen: Chosen, now: UtcMs) -> Result<SettlementPage, OfficeError> {
    let today = CivilDay::of(now);
    let all = payments::runs(db)?;
    let waiting = all.iter().find(|run| !run.released).map(|run| waiting(db, run, &frame, today)).transpose()?;
    let parts = payable::sums(db)?;
    let sums = open_sums_of(db, &parts, &chosen.selection)?;
    let everything = open_sums_of(db, &parts, &Selection::default())?;
    let whole: Cents = everything.iter().map(|sum| sum.cents).sum();
    let shown: Cents = sums.iter().map(|sum| sum.cents).sum();
    let payees: Vec<Payee> = sums.iter().map(|sum| payee(sum, &chosen)).collect();
    let paid = |payee: &&Payee| payee.ticked && payee.cents > Cents::ZERO;
    let transfers: BTreeMap<u32, (u64, Cents)> = desk::transfers(db)?.into_iter().map(|(run, count, sum)| (run, (count, sum))).collect();
    let released: Vec<&RunRow> = all.iter().filter(|run| run.released).collect();
    let work = desk::open_work(db)?;
    let default_date = next_banking_day(today);
    let noted = noted(db, &frame)?;
    Ok(SettlementPage {
        treasury: PaymentOrder::read(db)?.mode == PayMode::Treasury,
        waiting,
        total: payees.iter().filter(paid).map(|payee| payee.cents).sum(),
        ticked: payees.iter().filter(|payee| payee.ticked).count(),
        left_out: whole.minus(shown),
        owing: owing(db, &everything, &noted)?,
        noted,
        blocked: blocked(&everything),
        less_in_all: less_in_all(&sums),
        doubts: payment::views(db, doubts::open(db)?)?,
        runs: released.iter().take(RUNS_SHOWN).map(|run| run_line(run, &transfers)).collect(),
        more_runs: released.len() > RUNS_SHOWN,
        findings: work.findings,
        must_reconcile: work.new > 0 || work.children_to_decide > 0,
        date: chosen.date.filter(|day| *day >= today).unwrap_or(default_date).to_string(),
        today: today.to_string(),
        payees,
        chosen,
        frame,
    })
}

fn payee(sum: &OpenSum, chosen: &Chosen) -> Payee {
    let row = format!("{}-{}", sum.provider, sum.seen());
    Payee {
        provider: sum.provider,
        name: sum.name.clone(),
        iban: grouped(&sum.iban),
        lines: sum.lines,
        cents: sum.cents,
        credit: sum.credit,
        ticked: sum.blocked.is_none() && chosen.rows.as_ref().is_none_or(|rows| rows.contains_key(&sum.provider)),
        row,
        blocked: sum.blocked.as_ref().map(|hold| {
            let words = match hold {
                Hold::Account(_) => "Konto prüfen",
                Hold::Booked(_) => "Bankmeldung klären",
                Hold::Unconfirmed => "Konto bestätigen",
                Hold::LessInAll(_) => return ("Nur mit allen Leistungen", "/settlement".to_owned()),
            };
            (words, format!("/providers/{}", sum.provider))
        }),
    }
}

/// An IBAN in groups of four.
pub(super) fn grouped(iban: &str) -> String {
    crate::settle::account::Iban::parse(iban).map_or_else(|_| iban.to_owned(), |iban| iban.to_string())
}

fn waiting(db: &Connection, run: &RunRow, frame: &Frame, today: CivilDay) -> Result<Waiting, OfficeError> {
    let providers = payable::run_providers(db, run.number)?;
    Ok(Waiting {
        number: run.number,
        execution: run.execution.german(),
        past: run.execution < today,
        content: run.content.to_string(),
        by: run.first.0.clone(),
        at: moment(run.first.1),
        own: is_same_clerk(&run.first.0, &frame.clerk),
        chosen: chosen_words(&run.selection, providers.len()),
        lines: providers.iter().map(|provider| provider.lines).sum(),
        total: providers.iter().map(|provider| provider.cents).filter(|cents| *cents > Cents::ZERO).sum(),
        credit: repayments::drawn_sums(db, run.number)?.into_values().sum(),
        carried: providers.iter().filter(|provider| provider.cents < Cents::ZERO).count(),
    })
}

/// Providers who owe more than they claim, and since when.
fn owing(db: &Connection, sums: &[OpenSum], noted: &[NotedView]) -> Result<Vec<Owing>, OfficeError> {
    let below = sums.iter().filter(|sum| sum.cents < Cents::ZERO);
    let owing = below.map(|sum| {
        let since = bank::carried_since(db, sum.provider)?;
        let since = since.map_or("seit dem letzten Lauf neu".to_owned(), |(run, at)| format!("seit Lauf {run} am {}", CivilDay::of(at).german()));
        Ok(Owing {
            provider: sum.provider,
            name: sum.name.clone(),
            cents: Cents::ZERO.minus(sum.cents),
            since,
            noted: noted.iter().any(|one| one.provider == sum.provider),
        })
    });
    owing.collect()
}

fn blocked(sums: &[OpenSum]) -> Vec<Blocked> {
    let view = |sum: &OpenSum| {
        let Hold::Account(why) = sum.blocked.as_ref()? else { return None };
        let why = returned::german(why);
        Some(Blocked { provider: sum.provider, name: sum.name.clone(), iban: grouped(&sum.iban), why })
    };
    sums.iter().filter_map(view).collect()
}

fn less_in_all(sums: &[OpenSum]) -> Vec<LessInAll> {
    let view = |sum: &OpenSum| {
        let Some(Hold::LessInAll(whole)) = sum.blocked else { return None };
        Some(LessInAll { name: sum.name.clone(), chosen: sum.cents, whole })
    };
    sums.iter().filter_map(view).collect()
}

fn run_line(run: &RunRow, transfers: &BTreeMap<u32, (u64, Cents)>) -> RunLine {
    let (transfers, total) = transfers.get(&run.number).copied().unwrap_or_default();
    let released = run.second.as_ref().map_or_else(String::new, |(by, at)| format!("{by}, {}", moment(*at)));
    RunLine { number: run.number, execution: run.execution.german(), released, transfers, total }
}

fn back(fault: Fault) -> Fault {
    fault.back_to("/settlement", "Zur Zahlung")
}

async fn sign(State(desk): State<Desk>, clerk: SignedIn, filled: Result<Form<Vec<(String, String)>>, FormRejection>) -> Page {
    let incomplete = || back(Fault::form("Bitte einen Ausführungstag wählen und noch einmal ansehen."));
    let Form(filled) = filled.map_err(|_| incomplete())?;
    let chosen = Chosen::of(&filled);
    let date = chosen.date.ok_or_else(incomplete)?;
    let Some(rows) = chosen.rows.clone().filter(|rows| !rows.is_empty()) else {
        return Err(back(Fault::form("Bitte mindestens einen Anbieter auswählen. Es wurde nichts unterschrieben.")));
    };
    let selection = chosen.selection;
    let asked = selection.clone();
    let sums = desk.look(move |db| open_sums(db, &asked)).await?;
    let lines: u64 = sums.iter().filter(|sum| rows.contains_key(&sum.provider)).map(|sum| sum.lines).sum();
    let by = clerk.name.clone();
    let draw_up = move |office: &mut Office| office.draw_up(&by, &selection, date, Some(&rows), door::now());
    if lines <= LINES_AT_ONCE {
        desk.with(draw_up).await.map_err(back)?;
        return Ok(go("/settlement?done=signed"));
    }
    let place = desk.begin(&clerk, "settlement", "Zahlung vorbereiten", move |office| {
        let number = draw_up(office)?;
        let words = format!("Lauf {number} ist vorbereitet und von Ihnen unterschrieben. Freigeben muss ihn eine andere Person.");
        Ok(Step::Done(Outcome { words, links: vec![("/settlement".into(), "Zur Zahlung".into())] }))
    });
    Ok(go(&place))
}

#[derive(Deserialize)]
struct Withdraw {
    run: u32,
}

async fn withdraw(State(desk): State<Desk>, clerk: SignedIn, filled: Result<Form<Withdraw>, FormRejection>) -> Page {
    let Form(Withdraw { run }) = filled.map_err(|_| back(Fault::form("Bitte die Zahlung noch einmal ansehen.")))?;
    desk.with(move |office| office.withdraw(run, &clerk.name, door::now())).await.map_err(back)?;
    Ok(go("/settlement?done=withdrawn"))
}

#[derive(Deserialize)]
struct Release {
    content: String,
}

async fn release(State(desk): State<Desk>, clerk: SignedIn, filled: Result<Form<Release>, FormRejection>) -> Page {
    let Form(release) = filled.map_err(|_| back(Fault::form("Bitte die Zahlung noch einmal ansehen.")))?;
    let overtaken = || back(Fault::new(StatusCode::CONFLICT, "Bitte noch einmal ansehen", super::words::trouble(&OfficeError::Overtaken)));
    let content = Hash::from_hex(&release.content).ok_or_else(overtaken)?;
    let lines = desk.look(|db| {
        let Some(waiting) = payments::signed_once(db)? else { return Ok::<_, OfficeError>(0) };
        Ok(payable::run_providers(db, waiting.number)?.iter().map(|provider| provider.lines).sum::<u64>())
    });
    let by = clerk.name.clone();
    if lines.await? <= LINES_AT_ONCE {
        desk.with(move |office| {
            let now = door::now();
            office.release_lines(&by, Some(content), now)?;
            while office.advise_some(now)? > 0 {}
            Ok::<_, OfficeError>(())
        })
        .await
        .map_err(back)?;
        return Ok(go("/settlement?done=released"));
    }
    let (mut released, mut batches) = (None, 0);
    let place = desk.begin(&clerk, "settlement", "Zahlung freigeben", move |office| {
        let now = door::now();
        let Some(run) = released else {
            released = office.release_lines(&by, Some(content), now)?.run;
            return Ok(Step::More { done: 0, of: 0 });
        };
        let left = office.advise_some(now)?;
        batches = batches.max(left);
        if left > 0 {
            return Ok(Step::More { done: batches - left, of: batches });
        }
        let words = format!("Lauf {run} ist freigegeben. Die Dateien stehen bereit, und alle Anbieter bekommen ihre Abrechnungsmitteilung.");
        Ok(Step::Done(Outcome { words, links: vec![(format!("/settlement/{run}"), "Zu den Dateien".into())] }))
    });
    Ok(go(&place))
}
