//! A table as a file that spreadsheets open: UTF-8 with BOM, semicolons, decimal commas.

use crate::words::cents::Cents;
use crate::words::spreadsheet::harmless;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// One cell.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A count.
    Number(i64),
    /// An amount, as `1234,50`.
    Money(Cents),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<Cents> for Cell {
    fn from(cents: Cents) -> Self {
        Self::Money(cents)
    }
}

/// The file `name` with these headings and rows.
pub fn sheet(name: &str, headings: &[&str], rows: &[Vec<Cell>]) -> Response {
    let mut text = String::from("\u{feff}");
    let mut row = |cells: Vec<String>| text.push_str(&(cells.join(";") + "\r\n"));
    row(headings.iter().map(|heading| words(heading)).collect());
    for cells in rows {
        row(cells.iter().map(written).collect());
    }
    let disposition = format!("attachment; filename=\"{name}\"");
    ([(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, disposition)], text).into_response()
}

fn written(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => words(text),
        Cell::Number(number) => number.to_string(),
        Cell::Money(cents) => cents.decimal().replace('.', ","),
    }
}

fn words(text: &str) -> String {
    let text = harmless(text);
    if text.contains([';', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_words_and_amounts_can_be_added_up() {
        let cells = [Cell::from("=1+1"), "a;\"b\"".into(), "Müller".into(), 7u64.into(), Cents::new(-123_450).into()];
        assert_eq!(cells.iter().map(written).collect::<Vec<_>>(), ["'=1+1", "\"a;\"\"b\"\"\"", "Müller", "7", "-1234,50"]);
    }
}
