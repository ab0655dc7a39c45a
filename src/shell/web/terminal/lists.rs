//! Files with lists and pick-ups over HTTP: looked at first, then taken; and the lists as a file.

use super::{App, Desk, MAX_FILE, answer, json, said, training};
use crate::shell::door;
use crate::shell::sheet::pickups::PickupRow;
use crate::shell::sheet::split::quoted;
use crate::shell::sheet::{MAX_ROWS, RowError, people, pickups};
use crate::shell::texts::{Language, Texts};
use crate::shell::web::problem::Problem;
use crate::terminal::list_import::Fate as ListFate;
use crate::terminal::pickups::{Fate, Mode, Prepared, Told};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::spreadsheet::harmless;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json as value};
use std::collections::BTreeMap;

/// How many rows an answer shows.
const SHOWN: usize = 500;
/// How many rows are recorded in one transaction: the counter waits no longer than for these.
const AT_ONCE: usize = 100;

type Body = Result<Bytes, BytesRejection>;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ImportQuery {
    list: String,
    take: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PickupQuery {
    service: Option<String>,
    book: bool,
    hold: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PickupsBody {
    pickups: Vec<PickupBody>,
    service: Option<Code>,
    #[serde(default)]
    book: bool,
    #[serde(default)]
    hold: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PickupBody {
    code: String,
    service_date: CivilDay,
    service: Option<String>,
    // Told by other systems; what counts is the day.
    #[serde(rename = "time")]
    _time: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Spoken {
    lang: Option<String>,
}

fn file(body: Body) -> Result<Bytes, Problem> {
    let bytes = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        status => Problem::new(status, "the file broke off: send it again").saying(&("problem.broke_off", None)),
    })?;
    if bytes.len() > MAX_FILE { Err(too_large()) } else { Ok(bytes) }
}

fn too_large() -> Problem {
    let most = MAX_FILE >> 20;
    let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a file here has at most {most} MB: split it"));
    problem.saying(&("problem.list_too_large", Some(("most", said::Blank::Text(most.to_string())))))
}

fn error_json(error: &RowError) -> Value {
    value!({"line": error.line, "column": error.column, "message": {"de": error.message_de, "en": error.message_en}})
}

/// What is wrong with a file as a whole.
fn unread(error: &RowError) -> Response {
    answer(StatusCode::UNPROCESSABLE_ENTITY, value!({"status": 422, "detail": error.to_string(), "errors": [error_json(error)]}))
}

fn errors_json(mut errors: Vec<RowError>) -> Value {
    errors.sort_by_key(|error| error.line);
    errors.iter().take(SHOWN).map(error_json).collect()
}

/// Looks at a list, or takes it.
pub(super) async fn import(desk: Desk, Query(wanted): Query<ImportQuery>, body: Body) -> Result<Response, Problem> {
    let bytes = file(body)?;
    let table = tokio::task::spawn_blocking(move || people::read(&bytes)).await.map_err(|_| Problem::bug())?;
    let table = match table {
        Ok(table) => table,
        Err(error) => return Ok(unread(&error)),
    };
    let take = wanted.take;
    let rows = table.rows;
    let done = desk.writer.run(move |terminal, _| terminal.import_people(&rows, &wanted.list, take, door::now())).await??;
    let mut errors = table.errors;
    errors.extend(done.errors);
    let count = |fate: ListFate| done.rows.iter().filter(|row| row.fate == fate).count();
    let body = value!({
        "taken": take,
        "added": count(ListFate::Added),
        "changed": count(ListFate::Changed),
        "same": count(ListFate::Same),
        "wrong": errors.len(),
        "rows": done.rows.iter().take(SHOWN).collect::<Vec<_>>(),
        "errors": errors_json(errors),
        "ignored": table.ignored,
    });
    Ok(answer(StatusCode::OK, body))
}

/// Looks at a file of pick-ups, or records them.
pub(super) async fn pickup_file(State(app): State<App>, desk: Desk, Query(wanted): Query<PickupQuery>, body: Body) -> Result<Response, Problem> {
    let bytes = file(body)?;
    let table = tokio::task::spawn_blocking(move || pickups::read(&bytes)).await.map_err(|_| Problem::bug())?;
    let table = match table {
        Ok(table) => table,
        Err(error) => return Ok(unread(&error)),
    };
    let service = match wanted.service.as_deref().filter(|code| !code.is_empty()) {
        Some(code) => Some(Code::parse(code).ok_or_else(|| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "service is not the code of a service"))?),
        None => None,
    };
    let mode = mode(wanted.book, wanted.hold);
    book(&app, desk, table.rows, table.errors, service, mode).await
}

/// The same as JSON, for other systems.
pub(super) async fn pickup_list(State(app): State<App>, desk: Desk, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    let body: PickupsBody = json(&headers, body)?;
    if body.pickups.len() > MAX_ROWS {
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("at most {MAX_ROWS} pick-ups at once: split them")));
    }
    let rows = (1u64..).zip(body.pickups).map(|(line, p)| PickupRow { line, code: p.code, day: p.service_date, service: p.service });
    let mode = mode(body.book, body.hold);
    book(&app, desk, rows.collect(), Vec::new(), body.service, mode).await
}

const fn mode(book: bool, hold: bool) -> Mode {
    match (book, hold) {
        (false, _) => Mode::Look,
        (true, false) => Mode::Book,
        (true, true) => Mode::BookAndHold,
    }
}

async fn book(app: &App, desk: Desk, rows: Vec<PickupRow>, errors: Vec<RowError>, service: Option<Code>, mode: Mode) -> Result<Response, Problem> {
    let prepared = desk.writer.run(move |terminal, _| terminal.prepare_pickups(rows, service.as_ref(), door::now())).await??;
    let Prepared { rows, errors: unfit, twice } = prepared;
    let mut all: Vec<Told> = Vec::with_capacity(rows.len());
    for part in rows.chunks(AT_ONCE) {
        let part = part.to_vec();
        all.extend(desk.writer.run(move |terminal, chance| terminal.pickups(&part, mode, chance, door::now())).await??);
    }
    if mode != Mode::Look {
        training::recorded(app, desk.caller);
    }
    let mut errors = errors;
    errors.extend(unfit);
    let mut counts: BTreeMap<Fate, usize> = BTreeMap::new();
    for told in &all {
        *counts.entry(told.fate).or_default() += 1;
    }
    let count = |fate| counts.get(&fate).copied().unwrap_or(0);
    let open = all.iter().filter(|told| matches!(told.fate, Fate::Unknown | Fate::Refused | Fate::Held));
    let shown = open.take(SHOWN).map(|told| {
        let word = told.reason.map(crate::shell::web::problem::word);
        value!({
            "line": told.row.line, "code": told.row.code, "service_date": told.row.day, "service": told.row.service,
            "fate": told.fate, "reason": told.reason, "word": word,
        })
    });
    let body = value!({
        "booked": mode != Mode::Look,
        "new": count(Fate::New), "paying": count(Fate::Paying), "before": count(Fate::Before), "already": count(Fate::Already),
        "held": count(Fate::Held), "unknown": count(Fate::Unknown), "refused": count(Fate::Refused), "twice": twice, "wrong": errors.len(),
        "cents": all.iter().map(|told| told.cents).sum::<Cents>(),
        "open": shown.collect::<Vec<_>>(),
        "errors": errors_json(errors),
    });
    Ok(answer(StatusCode::OK, body))
}

/// The lists with this month's records, for this provider's own use.
pub(super) async fn download(desk: Desk, Query(wanted): Query<Spoken>) -> Result<Response, Problem> {
    let texts = Texts::speaking(wanted.lang.as_deref().and_then(Language::find).unwrap_or(Language::GERMAN));
    let month = CivilDay::of(door::now()).month();
    let people = desk.writer.run(move |terminal, _| terminal.people_with_records(month.first_day(), month.last_day()));
    let people = people.await??;
    let yes = |yes: bool| texts.word(if yes { "people.csv_yes" } else { "people.csv_no" });
    let names = ["people.name", "people.number", "people.list", "people.csv_self", "people.csv_card", "people.csv_chips", "people.csv_records"];
    let header: Vec<String> = names.iter().map(|name| quoted(texts.word(name))).collect();
    let mut csv = format!("\u{feff}{} {month}\r\n", header.join(";"));
    for (person, records) in &people {
        let cells = [
            quoted(&harmless(&person.name)),
            number(&person.number),
            quoted(&harmless(&person.list)),
            yes(person.pays_self).to_owned(),
            yes(person.joined).to_owned(),
            person.chips.to_string(),
            records.to_string(),
        ];
        csv.push_str(&cells.join(";"));
        csv.push_str("\r\n");
    }
    let name = format!("attachment; filename=\"Listen-{month}.csv\"");
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)], csv).into_response())
}

/// A member number, with its leading zeros kept from spreadsheets.
fn number(text: &str) -> String {
    let is_cut = text.starts_with('0') && text.len() > 1 && text.bytes().all(|b| b.is_ascii_digit());
    if is_cut { format!("\"=\"\"{text}\"\"\"") } else { quoted(&harmless(text)) }
}
