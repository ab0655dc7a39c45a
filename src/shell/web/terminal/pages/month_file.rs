//! A month as a file for a spreadsheet.

use super::Visit;
use super::month::Asked;
use super::month_shown::{Shown, decimal};
use crate::shell::store::terminal::{After, MonthLine, PersonShown};
use crate::shell::web::problem::Problem;
use crate::terminal::month::Confirmed;
use crate::words::cents::Cents;
use crate::words::spreadsheet::harmless;
use axum::extract::Query;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::borrow::Cow;

/// How many lines are read at once: a scan waits for no more than these.
const PIECE: u32 = 2_000;

/// The month as a file for a spreadsheet: UTF-8 with a mark, `;` between fields, the decimal sign of the language.
pub(in super::super) async fn show(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let (month, filter) = (asked.month(), asked.filter());
    let (mut bytes, mut after) = (Vec::new(), None);
    let name = loop {
        let filter = filter.clone();
        let piece = visit.look(move |terminal, frame| {
            let (lines, confirmed) = terminal.month_lines(month, &filter, after, PIECE)?;
            let shown = Shown { terminal, frame: &frame };
            let mut text = if after.is_none() { format!("\u{feff}{}", row(&COLUMNS.map(|key| frame.t(key).to_owned()))) } else { String::new() };
            lines.iter().for_each(|line| text.push_str(&row(&fields(&shown, line, &confirmed))));
            let last = lines.last().filter(|_| lines.len() == PIECE as usize).map(|line| After { day: line.day, seq: line.seq });
            Ok((text, last, format!("{}-{month}.csv", frame.t("month.file"))))
        });
        let (text, last, called) = piece.await?;
        bytes.extend_from_slice(text.as_bytes());
        after = last;
        if after.is_none() {
            break called;
        }
    };
    let headers =
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))];
    Ok((headers, bytes).into_response())
}

const COLUMNS: [&str; 12] = [
    "month.number",
    "month.day",
    "month.service",
    "month.child",
    "month.person",
    "month.member",
    "month.units",
    "month.claimed",
    "month.answer",
    "month.reason",
    "month.paid",
    "month.reference",
];

fn row(fields: &[String]) -> String {
    let quoted: Vec<String> = fields.iter().map(|field| format!("\"{}\"", plain(field).replace('"', "\"\""))).collect();
    format!("{}\r\n", quoted.join(";"))
}

/// A number as it is, and a text that no spreadsheet takes for a formula.
fn plain(field: &str) -> Cow<'_, str> {
    let is_number = field.trim_start_matches('-').chars().all(|c| c.is_ascii_digit() || c == ',' || c == '.');
    if is_number { Cow::Borrowed(field) } else { harmless(field) }
}

/// The fields of a line in the file, in the order of [`COLUMNS`].
fn fields(shown: &Shown<'_>, line: &MonthLine, confirmed: &Confirmed) -> [String; 12] {
    let language = shown.frame.language();
    let person = |of: fn(&PersonShown) -> &String| line.person.as_ref().map(of).cloned().unwrap_or_default();
    [
        line.seq.to_string(),
        language.day(line.day),
        shown.label(&line.service),
        line.hint.clone().unwrap_or_default(),
        person(|p| &p.name),
        person(|p| &p.number),
        line.units.to_string(),
        decimal(line.cents, language),
        shown.verdict(line, confirmed).1.to_owned(),
        shown.why(line),
        if line.paid == Cents::ZERO { String::new() } else { decimal(line.paid, language) },
        line.references.clone(),
    ]
}
