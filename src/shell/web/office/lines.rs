//! One line with the evidence of both sides, and the clerk's ruling on it.

use super::Desk;
use super::batches::{Labels, labels};
use super::doors::{Door, Route};
use super::evidence::{Side, no_such_line, side};
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, go, show};
use super::ruling::{Decided, Filled, Flow, Offered, case_of, offered, parameters};
use super::words::{choice, hint, moment, sentence, title, verdict};
use crate::deliver::advice::Verdict;
use crate::office::{Action, Equally, Explainer, OfficeError, Role};
use crate::reconcile::ruling::Choice;
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::office::findings::{self, GroupKey};
use crate::shell::store::office::views::LineView;
use crate::shell::store::office::{desk, views};
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::ids::{EntryId, TerminalId};
use crate::words::reason::Reason;
use crate::words::time::UtcMs;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};

/// How many other lines of the child's day are shown.
const BESIDE: u64 = 20;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const READS: Door = Door::Reads(&[Role::Reconcile, Role::Release]);
    vec![("get", "/lines/{terminal}/{seq}", READS, get(one)), ("post", "/lines/{terminal}/{seq}", Door::Does(Role::Reconcile), post(rule))]
}

/// A line to be ruled on, and what is known around it.
struct Case {
    this: Side,
    other: Option<Side>,
    title: String,
    sentence: String,
    hint: &'static str,
    /// What was doubtful before the provider was asked.
    before: String,
    /// The reason that is offered first.
    reason: String,
    is_finding: bool,
    waits: bool,
    can_ask: bool,
    /// The agreed price, where it is less than what is claimed.
    cut_to: Option<Cents>,
    /// What the clerk sees of the line, so that a ruling on something else is noticed.
    seen: String,
    beside: Vec<Beside>,
    rulings: Vec<Ruled>,
}

/// Another line of the child on that day.
struct Beside {
    place: String,
    at: String,
    provider: String,
    service: String,
    claimed: Cents,
    verdict: &'static str,
    class: &'static str,
}

struct Ruled {
    choice: &'static str,
    cents: Option<Cents>,
    reason: String,
    note: String,
    clerk: String,
    at: String,
}

/// What a clerk sees of a line, in short.
fn seen(line: &LineView, rulings: usize) -> String {
    format!("{}.{}.{}.{rulings}", line.verdict.code(), line.decided.get(), line.reason.as_deref().unwrap_or_default())
}

fn beside(line: LineView, labels: &Labels) -> Beside {
    let has_reason = line.reason.is_some();
    Beside {
        place: format!("/lines/{}/{}", line.id.terminal, line.id.seq),
        at: moment(line.at),
        service: labels.get(&(line.provider, line.service.clone())).cloned().unwrap_or(line.service),
        provider: line.provider_name,
        claimed: line.claimed,
        verdict: verdict(line.verdict, has_reason),
        class: super::words::verdict_class(line.verdict, has_reason),
    }
}

fn case(db: &Connection, line: &LineView, labels: &Labels, now: UtcMs) -> Result<Option<Case>, OfficeError> {
    let explainer = Explainer::new(db)?;
    let Some(this) = side(db, line, labels, &explainer, now)? else { return Ok(None) };
    let other = line.against.map(|id| views::line(db, id)).transpose()?.flatten();
    let other = other.map(|other| side(db, &other, labels, &explainer, now)).transpose()?.flatten();
    let reason = line.reason.clone().unwrap_or_default();
    let waits = reason == Reason::PleaseClarify.code();
    let before = if waits { findings::last_ruling(db, line.id)?.and_then(|last| last.about) } else { None };
    let rulings: Vec<Ruled> = desk::rulings(db, line.id)?
        .into_iter()
        .map(|ruling| Ruled {
            choice: choice(&ruling.choice),
            cents: ruling.cents,
            reason: title(&ruling.reason),
            note: ruling.note,
            clerk: ruling.clerk,
            at: moment(ruling.at),
        })
        .collect();
    let words = |of: fn(&str) -> String| if reason.is_empty() { String::new() } else { of(&reason) };
    Ok(Some(Case {
        title: words(title),
        sentence: words(sentence),
        hint: hint(&reason),
        before: before.as_deref().map(title).unwrap_or_default(),
        reason: before.unwrap_or_else(|| reason.clone()),
        is_finding: line.verdict == Verdict::Pending && line.reason.is_some(),
        waits,
        can_ask: line.settled.is_none_or(|cents| cents <= Cents::ZERO),
        cut_to: this.agreed.filter(|agreed| *agreed < line.claimed),
        seen: seen(line, rulings.len()),
        beside: findings::beside(db, line.id, BESIDE)?.into_iter().map(|line| beside(line, labels)).collect(),
        this,
        other,
        rulings,
    }))
}

/// The way through a group: where the clerk is, and the cases before and after.
#[derive(Default)]
struct Way {
    group: Option<String>,
    title: String,
    place: String,
    n: u64,
    of: u64,
    before: Option<String>,
    after: Option<String>,
}

fn way(db: &Connection, key: &GroupKey, id: EntryId, n: u64, of: u64) -> Result<Way, StoreError> {
    let (before, after) = findings::neighbours(db, key, id)?;
    Ok(Way {
        group: Some(format!("/findings/cases?{}", parameters(key))),
        title: title(&key.reason),
        place: case_of(id, key, n, of),
        n,
        of,
        before: before.filter(|_| n > 1).map(|before| case_of(before, key, n - 1, of)),
        after: after.map(|after| case_of(after, key, n.saturating_add(1), of.max(n.saturating_add(1)))),
    })
}

#[derive(Template)]
#[template(path = "office/line.html")]
struct LinePage {
    frame: Frame,
    case: Case,
    way: Way,
    reasons: Vec<Offered>,
    also: Option<String>,
}

async fn one(State(desk): State<Desk>, clerk: SignedIn, Path((terminal, seq)): Path<(String, String)>, Query(flow): Query<Flow>) -> Page {
    let id = entry_id(&terminal, &seq)?;
    let (done, now) = (flow.done.clone(), door::now());
    let look = move |db: &Connection| {
        let Some(line) = views::line(db, id)? else { return Ok(None) };
        let Some(case) = case(db, &line, &labels(db)?, now)? else { return Ok(None) };
        let n = flow.n.unwrap_or(1).max(1);
        let way = match flow.group() {
            Some(key) => way(db, &key, id, n, flow.of.unwrap_or(n).max(n))?,
            None => Way { place: case.this.place.clone(), ..Way::default() },
        };
        Ok(Some((case, way)))
    };
    let (case, way) = desk.look::<_, OfficeError>(look).await?.ok_or_else(no_such_line)?;
    let by = clerk.name.clone();
    desk.with(move |office| office.note(&by, Action::Look, &format!("line/{}/{}", id.terminal, id.seq), "", now)).await?;
    let looks = case.is_finding && clerk.roles.has(Role::Reconcile);
    let also = desk.watched().look(id, &clerk.name, looks, now);
    show(&LinePage { frame: Frame::new(&desk, &clerk, "findings").after(done.as_deref()), case, way, reasons: offered(), also })
}

fn entry_id(terminal: &str, seq: &str) -> Result<EntryId, Fault> {
    let id = TerminalId::from_hex(terminal).zip(seq.parse().ok());
    id.map(|(terminal, seq)| EntryId { terminal, seq }).ok_or_else(no_such_line)
}

/// Why a ruling was not made.
enum NotRuled {
    Office(OfficeError),
    Overtaken { now: String, by: Option<String> },
    NotLess(Cents),
    NoSuchLine,
}

impl From<OfficeError> for NotRuled {
    fn from(why: OfficeError) -> Self {
        Self::Office(why)
    }
}

impl From<StoreError> for NotRuled {
    fn from(why: StoreError) -> Self {
        Self::Office(why.into())
    }
}

impl From<NotRuled> for Fault {
    fn from(why: NotRuled) -> Self {
        match why {
            NotRuled::Office(why) => Self::from(why),
            NotRuled::NoSuchLine => no_such_line(),
            NotRuled::NotLess(claimed) => Self::form(format!("Beansprucht sind {claimed}; gekürzt werden kann nur auf weniger.")),
            NotRuled::Overtaken { now, by } => {
                let by = by.map(|by| format!(" Zuletzt entschied {by}.")).unwrap_or_default();
                let sentence = format!(
                    "Die Zeile hat sich geändert, seit Sie sie gesehen haben: Sie ist jetzt {now}.{by} Bitte noch einmal ansehen; es wurde nichts entschieden."
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
    Query(flow): Query<Flow>,
    filled: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Page {
    let id = entry_id(&terminal, &seq)?;
    let back = |fault: Fault| fault.back_to("/findings", "Zu den Befunden");
    let Form(fields) = filled.map_err(|_| back(Fault::form("Bitte eine Entscheidung und einen Grund wählen.")))?;
    let was_seen = fields.iter().find(|(name, _)| name == "seen").map(|(_, value)| value.clone()).unwrap_or_default();
    let Decided { what, reason, note, done } = Filled::of(&fields).read().map_err(back)?;
    let by = clerk.name.clone();
    let next = desk
        .with(move |office| {
            let db = office.db();
            let line = views::line(db, id)?.ok_or(NotRuled::NoSuchLine)?;
            if seen(&line, desk::rulings(db, id)?.len()) != was_seen {
                let by = findings::last_ruling(db, id)?.map(|last| last.clerk);
                return Err(NotRuled::Overtaken { now: verdict(line.verdict, line.reason.is_some()).to_owned(), by });
            }
            let choice = match what {
                Equally::Each(choice) => choice,
                Equally::CutToPrice => Choice::Cut(office.agreed_amount(id)?.unwrap_or(line.claimed)),
            };
            if matches!(choice, Choice::Cut(cents) if cents >= line.claimed) {
                return Err(NotRuled::NotLess(line.claimed));
            }
            office.rule_one(id, choice, reason, &note, &by, door::now())?;
            Ok(next(office.db(), id, &flow)?)
        })
        .await?;
    desk.watched().leave(id, &clerk.name);
    let mark = if next.contains('?') { '&' } else { '?' };
    Ok(go(&format!("{next}{mark}done={done}")))
}

/// Where the clerk goes on after a decision: the next case of the group, what is left of it, or the line itself.
fn next(db: &Connection, id: EntryId, flow: &Flow) -> Result<String, StoreError> {
    let Some(key) = flow.group() else { return Ok(format!("/lines/{}/{}", id.terminal, id.seq)) };
    let n = flow.n.unwrap_or(1).saturating_add(1);
    if let (_, Some(after)) = findings::neighbours(db, &key, id)? {
        return Ok(case_of(after, &key, n, flow.of.unwrap_or(n).max(n)));
    }
    Ok(if findings::size(db, &key)? > 0 { format!("/findings/cases?{}", parameters(&key)) } else { "/findings".to_owned() })
}
