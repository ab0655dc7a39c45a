//! One day: what was recorded, what is still to be clarified, and its closing.

use super::{Frame, Visit, fill};
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{DayLine, PickupLine};
use crate::shell::web::problem::Problem;
use crate::shell::web::terminal::shape::{entry_id, pickup_id};
use crate::terminal::Terminal;
use crate::terminal::correct::UNDO_MS;
use crate::terminal::held::OpenHeld;
use crate::terminal::view::{Day, MAX_LINES};
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, berlin_minute, clock_text};
use crate::words::code::Code;
use crate::words::time::UtcMs;
use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The reasons to cancel, each with its text, in the order in which they are offered.
const WHY: [(&str, &str); 6] = [
    ("wrong_child", "day.why_wrong_child"),
    ("twice", "day.why_twice"),
    ("not_taken", "day.why_not_taken"),
    ("wrong_service", "day.why_wrong_service"),
    ("typing_error", "day.why_typing_error"),
    ("other", "day.why_other"),
];

#[derive(Debug, Deserialize)]
pub(in super::super) struct Asked {
    date: Option<String>,
}

struct Line {
    id: String,
    time: String,
    who: String,
    hint: String,
    service: String,
    code: String,
    cents: String,
    cancelled: bool,
    late: bool,
    /// Whether the reader's role lets them cancel it now.
    theirs: bool,
}

struct Held {
    seq: u64,
    time: String,
    alias: String,
    service: String,
    code: String,
    reason: String,
}

struct Sum {
    service: String,
    count: u64,
    cents: String,
}

#[derive(Template)]
#[template(path = "terminal/day.html")]
struct DayPage {
    frame: Frame,
    day: CivilDay,
    day_name: String,
    is_today: bool,
    before: CivilDay,
    after: Option<CivilDay>,
    today: CivilDay,
    unreadable: bool,
    counted: u64,
    /// How many of them are claimed.
    claimed: u64,
    cancelled: usize,
    services: Vec<(String, String)>,
    sums: Vec<Sum>,
    total: String,
    /// How many cards end soon, said of today only.
    expiring: String,
    held: Vec<Held>,
    lines: Vec<Line>,
    cut: bool,
    closed_at: String,
    changed_since: bool,
    open: Vec<String>,
    why: Vec<(&'static str, &'static str)>,
}

/// One day.
pub(in super::super) async fn show(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    visit.show(move |terminal, frame| page(terminal, frame, asked.date.as_deref())).await
}

fn page(terminal: &mut Terminal, frame: Frame, asked: Option<&str>) -> Result<DayPage, StoreError> {
    let now = door::now();
    let today = CivilDay::of(now);
    let read = asked.filter(|text| !text.is_empty()).map(CivilDay::parse);
    let on = read.flatten().filter(|day| *day <= today);
    let unreadable = read.is_some() && on.is_none();
    let on = on.unwrap_or(today);
    let day = terminal.day(on)?;
    let waiting: u64 = terminal.status(now)?.offices.iter().map(|office| office.pending.entries).sum();
    let labels = labels(terminal, &day);
    let label = |code: &Code| labels.get(code.as_str()).cloned().unwrap_or_else(|| code.to_string());
    let id = terminal.id();
    let lines = day.lines.iter().map(|line| {
        (
            line.at,
            Line {
                id: entry_id(id, line.seq),
                time: clock_text(berlin_minute(line.at)),
                who: line.person.as_ref().map_or_else(|| line.hint.clone().unwrap_or_default(), |person| person.name.clone()),
                hint: line.person.as_ref().and(line.hint.clone()).unwrap_or_default(),
                service: label(&line.service),
                code: line.service.to_string(),
                cents: frame.language().money(line.cents),
                cancelled: line.cancelled_by.is_some(),
                late: day.is_late(line.seq),
                theirs: frame.corrects() || now.since(line.at) <= UNDO_MS,
            },
        )
    });
    let mut lines: Vec<(UtcMs, Line)> = lines.collect();
    lines.extend(day.pickups.iter().map(|pickup| (pickup.at, taken(pickup, &day, label(&pickup.service), &frame, now))));
    lines.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let lines: Vec<Line> = lines.into_iter().map(|(_, line)| line).take(MAX_LINES as usize).collect();
    let held = day.held.iter().map(|held| held_shown(held, label(&held.held.service), &frame)).collect();
    Ok(DayPage {
        day_name: format!("{}, {}", weekday(on, &frame), frame.language().day(on)),
        is_today: on == today,
        before: on.minus(1),
        after: (on < today).then(|| on.plus(1)),
        today,
        day: on,
        unreadable,
        counted: day.served,
        claimed: day.count,
        cancelled: lines.iter().filter(|line| line.cancelled).count(),
        services: labels.iter().map(|(code, label)| (code.clone(), label.clone())).collect(),
        sums: sums(&day.lines, &label, &frame),
        total: frame.language().money(day.cents),
        expiring: if on == today { expiring(terminal, &frame)? } else { String::new() },
        held,
        cut: lines.len() == MAX_LINES as usize,
        lines,
        closed_at: day.closings.last().map(|closing| frame.language().moment(closing.at)).unwrap_or_default(),
        changed_since: day.changed_since,
        open: still_open(&day, waiting, &frame),
        why: WHY.iter().map(|(code, key)| (*code, frame.t(key))).collect(),
        frame,
    })
}

/// What somebody took on their own account: a line like all others, without an amount.
fn taken(pickup: &PickupLine, day: &Day, service: String, frame: &Frame, now: UtcMs) -> Line {
    Line {
        id: pickup_id(pickup.id),
        time: clock_text(berlin_minute(pickup.at)),
        who: pickup.name.clone(),
        hint: String::new(),
        service,
        code: pickup.service.to_string(),
        cents: String::new(),
        cancelled: pickup.cancelled,
        late: day.is_late_pickup(pickup.at),
        theirs: frame.corrects() || now.since(pickup.at) <= UNDO_MS,
    }
}

/// How many cards end soon; empty where none does.
fn expiring(terminal: &mut Terminal, frame: &Frame) -> Result<String, StoreError> {
    let soon = terminal.expiring(door::now())?.iter().filter(|expiring| expiring.days >= 0).count();
    let key = if soon == 1 { "day.expiring_one" } else { "day.expiring" };
    Ok(if soon == 0 { String::new() } else { fill(frame.t(key), &[("count", &soon.to_string())]) })
}

/// What people call the services of a day, by code.
fn labels(terminal: &Terminal, day: &Day) -> BTreeMap<String, String> {
    let taken = day.pickups.iter().map(|pickup| &pickup.service);
    let codes = day.lines.iter().map(|line| &line.service).chain(taken).chain(day.held.iter().map(|held| &held.held.service));
    let label = |code: &Code| terminal.offices().service(code).map_or(code.to_string(), |(_, service)| service.label.clone());
    let mut labels = BTreeMap::new();
    for code in codes {
        labels.entry(code.to_string()).or_insert_with(|| label(code));
    }
    labels
}

fn held_shown(held: &OpenHeld, service: String, frame: &Frame) -> Held {
    Held {
        seq: held.held.seq,
        time: clock_text(berlin_minute(held.at)),
        alias: held.held.alias.clone(),
        service,
        code: held.held.service.to_string(),
        reason: frame.reason_text(held.why.as_str()),
    }
}

/// What counts, by service.
fn sums(lines: &[DayLine], label: &impl Fn(&Code) -> String, frame: &Frame) -> Vec<Sum> {
    let mut sums: BTreeMap<&Code, (u64, Cents)> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.cancelled_by.is_none()) {
        let (count, cents) = sums.entry(&line.service).or_default();
        *count += 1;
        *cents = cents.plus(line.cents);
    }
    let shown = sums.into_iter().map(|(code, (count, cents))| Sum { service: label(code), count, cents: frame.language().money(cents) });
    shown.collect()
}

/// What is not finished: sentences for whoever closes the day.
fn still_open(day: &Day, waiting: u64, frame: &Frame) -> Vec<String> {
    let open = [(day.held.len() as u64, "day.open_held"), (day.running, "day.open_lessons"), (waiting, "day.open_waiting")];
    let said = open.iter().filter(|(count, _)| *count > 0).map(|(count, key)| fill(frame.t(key), &[("count", &count.to_string())]));
    said.collect()
}

/// The name of a day of the week.
fn weekday(day: CivilDay, frame: &Frame) -> String {
    let place = day.days().saturating_sub(day.iso_week().monday().days());
    frame.t("day.weekdays").split_whitespace().nth(place as usize).unwrap_or_default().to_owned()
}
