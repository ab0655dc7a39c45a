//! What no rule could decide, with the evidence of both sides, and the clerk's ruling.

use super::Desk;
use super::batches::{Labels, Pager, labels};
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, go, show};
use super::words::{RULING_REASONS, choice, data_age, moment, seen_as, sentence, title, verdict, verdict_class};
use crate::deliver::advice::Verdict;
use crate::office::{OfficeError, Role};
use crate::reconcile::ruling::Choice;
use crate::settle::run::short_id;
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::office::views::LineView;
use crate::shell::store::office::{admission, desk, views};
use crate::words::cents::Cents;
use crate::words::civil::clock_text;
use crate::words::ids::{EntryId, TerminalId};
use crate::words::reason::Reason;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use rusqlite::Connection;
use serde::Deserialize;

/// How many findings stand on one page.
const FINDINGS: u64 = 20;
/// The longest note in characters.
const MAX_NOTE: usize = 1_000;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const READS: Door = Door::Reads(&[Role::Reconcile, Role::Release]);
    vec![
        ("get", "/findings", READS, get(list)),
        ("get", "/lines/{terminal}/{seq}", READS, get(one)),
        ("post", "/lines/{terminal}/{seq}", Door::Does(Role::Reconcile), post(rule)),
    ]
}

#[derive(Debug, Deserialize)]
struct Asked {
    reason: Option<String>,
    #[serde(default)]
    skip: u64,
    done: Option<String>,
}

/// One line with everything known of how it came about.
struct Side {
    place: String,
    seq: u64,
    batch: String,
    batch_short: String,
    provider: String,
    terminal: String,
    service: String,
    day: String,
    at: String,
    received: String,
    seen_as: &'static str,
    units: u64,
    lesson: Option<String>,
    operator: Option<String>,
    charge: Option<String>,
    data_age: &'static str,
    claimed: Cents,
    full_price: Option<Cents>,
    agreed: Option<Cents>,
    decided: Cents,
    settled: Option<Cents>,
    cancelled_by: Option<u64>,
    verdict: &'static str,
    class: &'static str,
}

/// A line to be ruled on, and the one it stands against.
struct Case {
    this: Side,
    other: Option<Side>,
    title: String,
    sentence: String,
    reason: String,
    is_finding: bool,
    /// What the clerk sees of the line, so that a ruling on something else is noticed.
    seen: String,
    rulings: Vec<Ruled>,
}

struct Ruled {
    choice: &'static str,
    cents: Option<Cents>,
    reason: String,
    note: String,
    clerk: String,
    at: String,
}

/// A reason to choose.
struct Offered {
    code: &'static str,
    title: String,
}

fn offered() -> Vec<Offered> {
    RULING_REASONS.iter().map(|reason| Offered { code: reason.code(), title: title(reason.code()) }).collect()
}

/// What a clerk sees of a line, in short.
fn seen(line: &LineView) -> String {
    format!("{}.{}.{}", line.verdict.code(), line.decided.get(), line.reason.as_deref().unwrap_or_default())
}

fn side(db: &Connection, line: &LineView, labels: &Labels) -> Result<Option<Side>, StoreError> {
    let Some(evidence) = desk::evidence(db, line.id)? else { return Ok(None) };
    let files = admission::provider_files(db)?;
    let service = files.get(&line.provider).and_then(|file| file.agreements.iter().find(|a| a.service.code.as_str() == line.service));
    let has_reason = line.reason.is_some();
    Ok(Some(Side {
        place: format!("/lines/{}/{}", line.id.terminal, line.id.seq),
        seq: line.id.seq,
        batch: line.batch.hex(),
        batch_short: short_id(&line.batch.0),
        provider: format!("{} ({})", line.provider_name, line.provider),
        terminal: evidence.terminal_label,
        service: labels.get(&(line.provider, line.service.clone())).cloned().unwrap_or_else(|| line.service.clone()),
        day: line.day.german(),
        at: moment(line.at),
        received: moment(evidence.received),
        seen_as: seen_as(line.seen_as),
        units: evidence.units,
        lesson: evidence.lesson.map(|lesson| format!("{}–{} Uhr", clock_text(lesson.start), clock_text(lesson.end))),
        operator: evidence.operator,
        charge: evidence.charge,
        data_age: data_age(evidence.data_age),
        claimed: line.claimed,
        full_price: line.full_price,
        agreed: service.and_then(|a| a.service.price_on(line.day)),
        decided: line.decided,
        settled: line.settled,
        cancelled_by: evidence.cancelled_by,
        verdict: verdict(line.verdict, has_reason),
        class: verdict_class(line.verdict, has_reason),
    }))
}

fn case(db: &Connection, line: &LineView, labels: &Labels) -> Result<Option<Case>, StoreError> {
    let Some(this) = side(db, line, labels)? else { return Ok(None) };
    let other = line.against.map(|id| views::line(db, id)).transpose()?.flatten();
    let other = other.map(|other| side(db, &other, labels)).transpose()?.flatten();
    let reason = line.reason.clone().unwrap_or_default();
    let rulings = desk::rulings(db, line.id)?.into_iter().map(|ruling| Ruled {
        choice: choice(&ruling.choice),
        cents: ruling.cents,
        reason: title(&ruling.reason),
        note: ruling.note,
        clerk: ruling.clerk,
        at: moment(ruling.at),
    });
    let is_finding = line.verdict == Verdict::Pending && line.reason.is_some();
    let (title, sentence) = if reason.is_empty() { (String::new(), String::new()) } else { (title(&reason), sentence(&reason)) };
    Ok(Some(Case { this, other, title, sentence, reason, is_finding, seen: seen(line), rulings: rulings.collect() }))
}

struct Kind {
    code: String,
    title: String,
    count: u64,
    cents: Cents,
}

#[derive(Template)]
#[template(path = "office/findings.html")]
struct FindingsPage {
    frame: Frame,
    kinds: Vec<Kind>,
    all: u64,
    only: Option<String>,
    cases: Vec<Case>,
    reasons: Vec<Offered>,
    pager: Pager,
}

async fn list(State(desk): State<Desk>, clerk: SignedIn, Query(asked): Query<Asked>) -> Page {
    let only = asked.reason.filter(|code| Reason::from_code(code).is_some());
    let (reason, skip) = (only.clone(), asked.skip);
    let look = move |db: &Connection| {
        let (kinds, labels) = (desk::finding_kinds(db)?, labels(db)?);
        let lines = views::findings_of(db, reason.as_deref(), skip, FINDINGS)?;
        let cases = lines.iter().map(|line| case(db, line, &labels)).collect::<Result<Vec<_>, _>>()?;
        Ok::<_, StoreError>((kinds, cases.into_iter().flatten().collect::<Vec<_>>()))
    };
    let (kinds, cases) = desk.look(look).await?;
    let all = kinds.iter().map(|(_, count, _)| count).sum();
    let kinds = kinds.into_iter().map(|(code, count, cents)| Kind { title: title(&code), code, count, cents }).collect();
    let place = only.as_ref().map_or_else(|| "/findings?".to_owned(), |code| format!("/findings?reason={code}&"));
    let pager = Pager::new(place, skip, cases.len(), FINDINGS);
    let frame = Frame::new(&desk, &clerk, "findings").after(asked.done.as_deref());
    show(&FindingsPage { frame, kinds, all, only, cases, reasons: offered(), pager })
}

#[derive(Template)]
#[template(path = "office/line.html")]
struct LinePage {
    frame: Frame,
    case: Case,
    reasons: Vec<Offered>,
}

fn no_such_line() -> Fault {
    Fault::new(StatusCode::NOT_FOUND, "Diese Zeile gibt es nicht", "Bitte in der Sammelabrechnung nachsehen.")
        .back_to("/batches", "Zu den Sammelabrechnungen")
}

async fn one(State(desk): State<Desk>, clerk: SignedIn, Path((terminal, seq)): Path<(String, String)>) -> Page {
    let id = entry_id(&terminal, &seq)?;
    let look = move |db: &Connection| {
        let Some(line) = views::line(db, id)? else { return Ok(None) };
        case(db, &line, &labels(db)?)
    };
    let case = desk.look::<_, StoreError>(look).await?.ok_or_else(no_such_line)?;
    show(&LinePage { frame: Frame::new(&desk, &clerk, "findings"), case, reasons: offered() })
}

fn entry_id(terminal: &str, seq: &str) -> Result<EntryId, Fault> {
    let id = TerminalId::from_hex(terminal).zip(seq.parse().ok());
    id.map(|(terminal, seq)| EntryId { terminal, seq }).ok_or_else(no_such_line)
}

#[derive(Deserialize)]
struct Ruling {
    choice: String,
    #[serde(default)]
    euros: String,
    reason: String,
    #[serde(default)]
    note: String,
    seen: String,
}

/// Why a ruling was not made.
enum NotRuled {
    Office(OfficeError),
    Overtaken(String),
    NoSuchLine,
}

impl From<OfficeError> for NotRuled {
    fn from(why: OfficeError) -> Self {
        Self::Office(why)
    }
}

impl From<NotRuled> for Fault {
    fn from(why: NotRuled) -> Self {
        match why {
            NotRuled::Office(why) => Self::from(why),
            NotRuled::NoSuchLine => no_such_line(),
            NotRuled::Overtaken(now) => {
                let sentence = format!(
                    "Die Zeile hat sich geändert, seit Sie sie gesehen haben: Sie ist jetzt {now}. Bitte noch einmal ansehen; es wurde nichts entschieden."
                );
                Self::new(StatusCode::CONFLICT, "Jemand war schneller", sentence).back_to("/findings", "Zu den Befunden")
            }
        }
    }
}

async fn rule(
    State(desk): State<Desk>,
    clerk: SignedIn,
    Path((terminal, seq)): Path<(String, String)>,
    filled: Result<Form<Ruling>, FormRejection>,
) -> Page {
    let id = entry_id(&terminal, &seq)?;
    let back = |fault: Fault| fault.back_to("/findings", "Zu den Befunden");
    let Form(ruling) = filled.map_err(|_| back(Fault::form("Bitte eine Entscheidung und einen Grund wählen.")))?;
    let reason = Reason::from_code(&ruling.reason).filter(|reason| RULING_REASONS.contains(reason));
    let reason = reason.ok_or_else(|| back(Fault::form("Bitte einen Grund aus der Liste wählen.")))?;
    let note: String = ruling.note.trim().chars().take(MAX_NOTE).collect();
    let (choice, done) = read_choice(&ruling).map_err(back)?;
    desk.with(move |office| {
        let line = views::line(office.db(), id).map_err(OfficeError::from)?.ok_or(NotRuled::NoSuchLine)?;
        if seen(&line) != ruling.seen {
            return Err(NotRuled::Overtaken(verdict(line.verdict, line.reason.is_some()).to_owned()));
        }
        if let Choice::Cut(cents) = choice
            && cents >= line.claimed
        {
            return Err(OfficeError::Wrong(format!("Beansprucht sind {}; gekürzt werden kann nur auf weniger.", line.claimed)).into());
        }
        Ok(office.rule(id, choice, reason, &note, &clerk.name, door::now())?)
    })
    .await?;
    Ok(go(&format!("/findings?done={done}")))
}

fn read_choice(ruling: &Ruling) -> Result<(Choice, &'static str), Fault> {
    match ruling.choice.as_str() {
        "accept" => Ok((Choice::Accept, "accepted")),
        "reject" => Ok((Choice::Reject, "rejected")),
        "cut" => {
            let cents = Cents::parse_euros(&ruling.euros).filter(|cents| *cents > Cents::ZERO);
            let cents = cents.ok_or_else(|| Fault::form("Auf welchen Betrag soll gekürzt werden? Bitte in Euro eingeben, zum Beispiel 3,50."))?;
            Ok((Choice::Cut(cents), "cut"))
        }
        _ => Err(Fault::form("Bitte anerkennen, kürzen oder ablehnen.")),
    }
}
