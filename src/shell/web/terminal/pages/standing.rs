//! What is claimed every month: registrations with their months, days of absence, and the same as a file.

use super::{Frame, Visit};
use crate::deliver::advice::Verdict;
use crate::shell::door;
use crate::shell::texts::Blanks;
use crate::shell::web::problem::Problem;
use crate::terminal::Terminal;
use crate::terminal::standing::{MONTHS_BACK, MonthState, MonthView, StandingView, can_stand};
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::reason::Reason;
use crate::words::service::Pricing;
use crate::words::spreadsheet::harmless;
use askama::Template;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// How many months the page shows, and how many the file.
const SHOWN: u32 = 6;
const IN_FILE: u32 = 13;

/// The heads of the file's columns.
const HEADS: [&str; 9] = [
    "standing.file_month",
    "standing.file_service",
    "standing.file_child",
    "standing.file_state",
    "standing.file_amount",
    "standing.file_number",
    "standing.file_away_count",
    "standing.file_away_days",
    "standing.file_why",
];

struct Choice {
    code: String,
    label: String,
    free: bool,
}

struct MonthChoice {
    month: String,
    name: String,
    now: bool,
}

struct MonthShown {
    name: String,
    /// The class of the tag, and its word.
    tag: &'static str,
    word: &'static str,
    cents: String,
    why: String,
    away: usize,
}

struct Row {
    id: i64,
    who: String,
    flat: bool,
    cents: String,
    since: String,
    until: String,
    valid_to: String,
    first: String,
    last: String,
    /// All days of absence, for the script.
    away: String,
    months: Vec<MonthShown>,
}

struct Group {
    label: String,
    flat: bool,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "terminal/standing.html")]
struct StandingPage {
    frame: Frame,
    choices: Vec<Choice>,
    from: Vec<MonthChoice>,
    today: String,
    groups: Vec<Group>,
    ended: Vec<Group>,
}

/// The registrations.
pub(in super::super) async fn show(visit: Visit) -> Result<Response, Problem> {
    let make = |terminal: &mut Terminal, frame: Frame| {
        let now = door::now();
        let today = CivilDay::of(now);
        let views = terminal.standing(IN_FILE, now)?;
        let (ended, going): (Vec<_>, Vec<_>) = views.into_iter().partition(|view| view.row.last.is_some_and(|last| last < today.month()));
        let (groups, ended) = (grouped(going, &frame), grouped(ended, &frame));
        let (choices, from) = (choices(terminal), months_around(today.month(), &frame));
        Ok(StandingPage { frame, choices, from, today: today.to_string(), groups, ended })
    };
    visit.show(make).await
}

/// The services that can be claimed every month.
fn choices(terminal: &Terminal) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    for service in terminal.offices().iter().filter_map(|(office, _)| office.credential.as_ref()).flat_map(|c| &c.services) {
        if can_stand(service) && choices.iter().all(|c| c.code != service.code.as_str()) {
            choices.push(Choice { code: service.code.to_string(), label: service.label.clone(), free: service.pricing == Pricing::Free });
        }
    }
    choices
}

fn months_around(now: CivilMonth, frame: &Frame) -> Vec<MonthChoice> {
    let first = u64::from(now.months().saturating_sub(MONTHS_BACK));
    let months = (0..=u64::from(2 * MONTHS_BACK)).filter_map(|more| CivilMonth::from_months(first + more));
    months.map(|month| MonthChoice { month: month.to_string(), name: name(month, frame), now: month == now }).collect()
}

/// `November 2026`.
fn name(month: CivilMonth, frame: &Frame) -> String {
    let (year, number) = (1970 + month.months() / 12, month.months() % 12);
    let names = frame.t("standing.month_names");
    format!("{} {year}", names.split(' ').nth(number as usize).unwrap_or_default())
}

fn grouped(mut views: Vec<StandingView>, frame: &Frame) -> Vec<Group> {
    views.sort_by_key(|view| (label(view), who(view).to_lowercase()));
    let mut groups: Vec<Group> = Vec::new();
    for view in views {
        let row = row(&view, frame);
        match groups.last_mut().filter(|group| group.label == label(&view)) {
            Some(group) => group.rows.push(row),
            None => groups.push(Group { label: label(&view), flat: view.is_flat(), rows: vec![row] }),
        }
    }
    groups
}

fn label(view: &StandingView) -> String {
    view.service.as_ref().map_or_else(|| view.row.service.to_string(), |service| service.label.clone())
}

/// The name in the own list, or what the card says.
fn who(view: &StandingView) -> String {
    view.row.name.clone().or_else(|| view.hint.clone()).unwrap_or_else(|| format!("#{}", view.row.id))
}

fn row(view: &StandingView, frame: &Frame) -> Row {
    let language = frame.language();
    let price = view.row.cents.or_else(|| view.service.as_ref()?.price_on(CivilDay::of(door::now())));
    let away: Vec<String> = view.months.iter().flat_map(|month| &month.away).map(ToString::to_string).collect();
    Row {
        id: view.row.id,
        who: who(view),
        flat: view.is_flat(),
        cents: price.map(|cents| language.money(cents)).unwrap_or_default(),
        since: name(view.row.first, frame),
        until: view.row.last.map(|last| name(last, frame)).unwrap_or_default(),
        valid_to: view.valid_to.map(|day| language.day(day)).unwrap_or_default(),
        first: view.row.first.to_string(),
        last: view.row.last.map(|last| last.to_string()).unwrap_or_default(),
        away: away.join(" "),
        months: view.months.iter().take(SHOWN as usize).map(|month| month_shown(month, frame)).collect(),
    }
}

fn month_shown(month: &MonthView, frame: &Frame) -> MonthShown {
    let (tag, word) = state(month);
    let cents = month.known.as_ref().and_then(|known| known.cents).filter(|_| month.state == MonthState::Claimed);
    MonthShown {
        name: name(month.month, frame),
        tag,
        word: frame.t(word),
        cents: cents.map(|cents| frame.language().money(cents)).unwrap_or_default(),
        why: why(month, frame),
        away: month.away.len(),
    }
}

/// The class of a month's tag and the key of its word: what the office said counts before what was recorded here.
fn state(month: &MonthView) -> (&'static str, &'static str) {
    let verdict = month.known.as_ref().and_then(|known| known.advised.as_ref()).map(|advised| advised.verdict);
    match (&month.state, verdict) {
        (MonthState::Claimed, Some(Verdict::Accepted)) => ("accepted", "standing.accepted"),
        (MonthState::Claimed, Some(Verdict::Reduced)) => ("reduced", "standing.reduced"),
        (MonthState::Claimed, Some(Verdict::Rejected)) => ("rejected", "standing.rejected"),
        (MonthState::Claimed, Some(Verdict::Pending)) => ("pending", "standing.in_question"),
        (MonthState::Claimed, None) => ("recorded", "standing.claimed"),
        (MonthState::Cancelled, _) => ("pending", "standing.cancelled"),
        (MonthState::ByHand, _) => ("recorded", "standing.by_hand"),
        (MonthState::Refused(_), _) => ("no", "standing.refused"),
        (MonthState::Waits, _) => ("pending", "standing.waits"),
        (MonthState::Away, _) => ("pending", "standing.all_away"),
    }
}

/// Why it is not, or not wholly, paid: the office's reason, or ours.
fn why(month: &MonthView, frame: &Frame) -> String {
    let advised = month.known.as_ref().and_then(|known| known.advised.as_ref()).map(|advised| advised.reason.as_str()).filter(|r| !r.is_empty());
    let code = match (&month.state, advised) {
        (MonthState::Claimed, Some(reason)) => reason,
        (MonthState::Refused(reason), _) => reason.as_str(),
        _ => return String::new(),
    };
    Reason::from_code(code).map_or_else(|| code.to_owned(), |reason| frame.texts.filled(reason, &Blanks::default()).text)
}

/// The list as a file for a spreadsheet: a line for every registration and month.
#[derive(Template)]
#[template(source = "{{ text|safe }}", ext = "txt")]
struct ListFile {
    text: String,
}

/// The registrations of the last months as CSV.
pub(in super::super) async fn csv(visit: Visit) -> Result<Response, Problem> {
    let make = |terminal: &mut Terminal, frame: Frame| {
        let mut text = String::from("\u{feff}");
        line(&mut text, &HEADS.map(|head| frame.t(head).to_owned()));
        for view in terminal.standing(IN_FILE, door::now())? {
            for month in &view.months {
                let (_, word) = state(month);
                let known = month.known.as_ref();
                let cents = known.and_then(|known| known.cents).map(|cents| frame.language().money(cents)).unwrap_or_default();
                let seq = known.and_then(|known| known.seq).map(|seq| seq.to_string()).unwrap_or_default();
                let days: Vec<String> = month.away.iter().map(|day| frame.language().day(*day)).collect();
                let word = frame.t(word).to_owned();
                let fields =
                    [month.month.to_string(), label(&view), who(&view), word, cents, seq, days.len().to_string(), days.join(" "), why(month, &frame)];
                line(&mut text, &fields);
            }
        }
        Ok(ListFile { text })
    };
    let mut response = visit.show(make).await?.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, header::HeaderValue::from_static("attachment; filename=\"monthly.csv\""));
    Ok(response)
}

/// One line, so that a spreadsheet reads text as text: a field that could be a formula gets an apostrophe before it.
fn line(text: &mut String, fields: &[String]) {
    let quoted = fields.iter().map(|field| format!("\"{}\"", harmless(field).replace('"', "\"\"")));
    text.push_str(&quoted.collect::<Vec<_>>().join(";"));
    text.push_str("\r\n");
}
