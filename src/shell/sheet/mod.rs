//! Tables and bank files that people hand in: read tolerantly, refused clearly, row by row.
//!
//! A [`Sheet`] knows its columns by name, whatever their order; each reader beside it turns rows into typed ones and says of every
//! wrong row what is wrong and what to do. Nothing is taken from a file here: the caller decides whether a file with errors counts.

#[cfg(feature = "office")]
pub mod bank;
pub mod books;
#[cfg(feature = "office")]
pub mod calendar;
#[cfg(feature = "office")]
pub mod camt;
pub mod cell;
#[cfg(feature = "office")]
pub mod children;
#[cfg(feature = "office")]
pub mod class_list;
#[cfg(feature = "office")]
pub mod entitlements;
#[cfg(feature = "office")]
pub mod pain002;
#[cfg(feature = "terminal")]
pub mod people;
#[cfg(feature = "terminal")]
pub mod pickups;
#[cfg(feature = "office")]
pub mod reference;
#[cfg(feature = "office")]
pub mod self_paid;
pub mod split;
pub mod text;
#[cfg(feature = "office")]
pub mod tokens;
#[cfg(feature = "office")]
pub mod xml;

use serde::Serialize;
use split::{Record, Splitter};
use std::fmt;
use text::{decode, echo, folded};

/// The most rows of one table: ten times the approvals of a Kreis.
pub const MAX_ROWS: usize = 200_000;

/// What is wrong in a file and what to do, in one sentence of each language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowError {
    /// The line of the file, from 1 with the header; 0 where the file as a whole is meant.
    pub line: u64,
    /// The column, as the header of our format names it.
    pub column: Option<&'static str>,
    /// For German readers.
    pub message_de: String,
    /// For English readers.
    pub message_en: String,
}

impl RowError {
    /// An error of the file as a whole.
    pub const fn of_file(message_de: String, message_en: String) -> Self {
        Self::of_line(0, message_de, message_en)
    }

    /// An error of one line.
    pub const fn of_line(line: u64, message_de: String, message_en: String) -> Self {
        Self { line, column: None, message_de, message_en }
    }

    /// The sentence with its place, in German.
    pub fn german(&self) -> String {
        match (self.line, self.column) {
            (0, _) => self.message_de.clone(),
            (line, None) => format!("Zeile {line}: {}", self.message_de),
            (line, Some(column)) => format!("Zeile {line}, Spalte {column}: {}", self.message_de),
        }
    }
}

impl fmt::Display for RowError {
    /// The sentence with its place, in English.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => f.write_str(&self.message_en),
            (line, None) => write!(f, "line {line}: {}", self.message_en),
            (line, Some(column)) => write!(f, "line {line}, column {column}: {}", self.message_en),
        }
    }
}

impl std::error::Error for RowError {}

/// One column a table may have.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name in our formats.
    pub name: &'static str,
    /// Other names it goes by, compared without case, umlauts or punctuation.
    pub aliases: &'static [&'static str],
    /// Whether the header must have it.
    pub required: bool,
}

/// A table whose header was understood.
#[derive(Debug)]
pub struct Sheet<'a> {
    records: Splitter<'a>,
    columns: &'static [Column],
    /// For each column of `columns` its place in the file.
    places: Vec<Option<usize>>,
    width: usize,
    ignored: Vec<String>,
}

/// One row of a [`Sheet`].
#[derive(Debug)]
pub struct Row {
    /// The line of the file it begins in.
    pub line: u64,
    cells: Vec<String>,
}

/// What a table held: the rows that are right, what is wrong with the others, and the columns nobody asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Table<T> {
    /// The rows that are right, in the order of the file.
    pub rows: Vec<T>,
    /// What is wrong with the others, in the order of the file.
    pub errors: Vec<RowError>,
    /// Header names that are not ours; their cells were not read.
    pub ignored: Vec<String>,
}

/// Reads every row of a table by `take`. An error returned is one of the whole file, so that nothing of it was read.
pub fn read<T>(bytes: &[u8], columns: &'static [Column], mut take: impl FnMut(&Row) -> Result<T, RowError>) -> Result<Table<T>, RowError> {
    let text = decode(bytes)?;
    let mut sheet = Sheet::open(&text, columns)?;
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    while let Some(row) = sheet.next_row() {
        if rows.len() + errors.len() >= MAX_ROWS {
            return Err(RowError::of_file(
                format!("Die Datei hat mehr als {MAX_ROWS} Zeilen: bitte in mehrere Dateien aufteilen."),
                format!("The file has more than {MAX_ROWS} rows: split it into several files."),
            ));
        }
        match row.and_then(|row| take(&row)) {
            Ok(taken) => rows.push(taken),
            Err(error) => errors.push(error),
        }
    }
    Ok(Table { rows, errors, ignored: sheet.ignored })
}

impl<'a> Sheet<'a> {
    /// Understands the header of `text`, after a line `sep=;` as spreadsheets write it where there is one.
    pub fn open(text: &'a str, columns: &'static [Column]) -> Result<Self, RowError> {
        let mut first_lines = text.lines().filter(|line| !line.trim().is_empty());
        let first = first_lines.next().unwrap_or_default();
        let announced = first.trim().strip_prefix("sep=").and_then(|rest| rest.chars().next());
        let delimiter = announced.unwrap_or_else(|| split::delimiter(first));
        let mut records = Splitter::new(text, delimiter);
        if announced.is_some() {
            records.next();
        }
        let Some(Record { line, cells: Ok(header) }) = records.next() else {
            return Err(RowError::of_line(
                1,
                "Die Kopfzeile ist nicht lesbar: ein Anführungszeichen wird nicht geschlossen.".into(),
                "The header cannot be read: a quotation mark is not closed.".into(),
            ));
        };
        let mut places = vec![None; columns.len()];
        let mut ignored = Vec::new();
        for (place, name) in header.iter().enumerate() {
            match columns.iter().position(|column| column.is_called(name)) {
                Some(known) if places[known].is_none() => places[known] = Some(place),
                Some(known) => return Err(twice(line, columns[known].name)),
                None if name.trim().is_empty() => {}
                None => ignored.push(echo(name.trim())),
            }
        }
        let missing: Vec<&str> = columns.iter().zip(&places).filter(|(c, place)| c.required && place.is_none()).map(|(c, _)| c.name).collect();
        if !missing.is_empty() {
            return Err(incomplete(line, &missing, columns));
        }
        Ok(Self { records, columns, places, width: header.len(), ignored })
    }

    /// The next row that is not blank; an error where it cannot be split or does not fit the header.
    fn next_row(&mut self) -> Option<Result<Row, RowError>> {
        let Record { line, cells } = self.records.next()?;
        let Ok(mut cells) = cells else {
            return Some(Err(RowError::of_line(
                line,
                "Ein Anführungszeichen wird nicht geschlossen: bitte ergänzen oder entfernen.".into(),
                "A quotation mark is not closed: close or remove it.".into(),
            )));
        };
        let filled = cells.iter().rposition(|cell| !cell.trim().is_empty()).map_or(0, |last| last + 1);
        if filled > self.width {
            return Some(Err(RowError::of_line(
                line,
                format!("Die Zeile hat {filled} Felder, die Kopfzeile {}: ein Trennzeichen im Text gehört in Anführungszeichen.", self.width),
                format!("The row has {filled} cells, the header {}: put quotation marks around a text that holds the delimiter.", self.width),
            )));
        }
        let cells: Vec<String> =
            self.places.iter().map(|place| place.and_then(|p| cells.get_mut(p)).map(std::mem::take).unwrap_or_default()).collect();
        let row = Row { line, cells: cells.into_iter().map(as_shown).collect() };
        let damaged = row.cells.iter().zip(self.columns).find(|(cell, _)| cell::is_spreadsheet_error(cell));
        Some(match damaged {
            None => Ok(row),
            Some((cell, column)) => Err(row.wrong(
                column.name,
                format!("„{}“ ist eine Fehlermeldung der Tabellenkalkulation: bitte den Wert selbst eintragen.", echo(cell)),
                format!("“{}” is an error message of the spreadsheet: enter the value itself.", echo(cell)),
            )),
        })
    }
}

impl Row {
    /// The cell of the column at `index` of the table's columns, without outer white space; empty where the file has no such column.
    pub fn cell(&self, index: usize) -> &str {
        self.cells.get(index).map_or("", String::as_str)
    }

    /// An error in this row.
    pub const fn wrong(&self, column: &'static str, message_de: String, message_en: String) -> RowError {
        RowError { line: self.line, column: Some(column), message_de, message_en }
    }
}

impl Column {
    fn is_called(&self, name: &str) -> bool {
        let name = folded(name);
        std::iter::once(&self.name).chain(self.aliases).any(|ours| folded(ours) == name)
    }
}

/// The value a cell shows: trimmed, and freed of `="…"`, by which spreadsheets are made to keep leading zeros.
fn as_shown(cell: String) -> String {
    let trimmed = cell.trim();
    trimmed.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')).unwrap_or(trimmed).trim().to_owned()
}

fn twice(line: u64, column: &str) -> RowError {
    RowError::of_line(
        line,
        format!("Die Spalte „{column}“ kommt zweimal vor: bitte eine davon entfernen oder umbenennen."),
        format!("The column “{column}” occurs twice: remove or rename one of them."),
    )
}

fn incomplete(line: u64, missing: &[&str], columns: &[Column]) -> RowError {
    let expected: Vec<&str> = columns.iter().filter(|c| c.required).map(|c| c.name).collect();
    let (missing, expected) = (missing.join(", "), expected.join(";"));
    RowError::of_line(
        line,
        format!("In der Kopfzeile fehlt: {missing}. Erwartet wird {expected}."),
        format!("The header lacks: {missing}. Expected is {expected}."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[
        Column { name: "reference", aliases: &["Aktenzeichen"], required: true },
        Column { name: "amount", aliases: &["Betrag"], required: true },
        Column { name: "hint", aliases: &[], required: false },
    ];

    fn table(bytes: &[u8]) -> Result<Table<Vec<String>>, RowError> {
        read(bytes, COLUMNS, |row| Ok(row.cells.clone()))
    }

    #[test]
    fn columns_are_found_by_name_in_any_order_and_spelling() {
        let expected = vec![vec!["00123", "15,00", "Jö 14"]];
        for bytes in [
            &b"reference;amount;hint\n00123;15,00;J\xC3\xB6 14\n"[..],
            b"\xEF\xBB\xBFHINT,Amount,Reference\r\nJ\xC3\xB6 14,\"15,00\",00123\r\n",
            b"sep=;\r\nBetrag;AKTENZEICHEN;hint;Schule\r\n15,00;00123;J\xF6 14;A\r\n",
            b"Amount\treference\thint\n\n \"15,00\"x\t\n15,00\t=\"00123\"\tJ\xF6 14\n",
        ] {
            let mut table = table(bytes).unwrap();
            table.rows.retain(|row| row[0] == "00123");
            assert_eq!(table.rows, expected, "{}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(table(b"Schule;Betrag;Reference\n").unwrap().ignored, ["Schule"]);
    }

    #[test]
    fn a_header_is_wrong_as_a_whole() {
        for (bytes, message) in [
            (&b"reference;hint\n1;a\n"[..], "line 1: The header lacks: amount. Expected is reference;amount."),
            (b"reference;amount;Betrag\n", "line 1: The column “amount” occurs twice: remove or rename one of them."),
            (b"\n\"reference;amount\n", "line 1: The header cannot be read: a quotation mark is not closed."),
        ] {
            assert_eq!(table(bytes).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_row_that_does_not_fit_the_header_is_named_by_its_line() {
        let table = table(b"reference;amount\r\n\r\n1;2;3\r\n4\r\n#NAME?;1\r\n\"5;6\r\n7;8;;\r\n").unwrap();
        let lines: Vec<(u64, &str)> = table.errors.iter().map(|e| (e.line, e.message_en.split(':').next().unwrap())).collect();
        assert_eq!(
            lines,
            [(3, "The row has 3 cells, the header 2"), (5, "“#NAME?” is an error message of the spreadsheet"), (6, "A quotation mark is not closed")]
        );
        assert_eq!(table.rows, [["4", "", ""], ["7", "8", ""]]);
        assert_eq!(
            table.errors[1].german(),
            "Zeile 5, Spalte reference: „#NAME?“ ist eine Fehlermeldung der Tabellenkalkulation: bitte den Wert selbst eintragen."
        );
    }

    #[test]
    fn a_table_is_bounded() {
        let rows = "1;2\n".repeat(MAX_ROWS + 1);
        assert!(table(format!("reference;amount\n{rows}").as_bytes()).unwrap_err().message_en.contains("more than 200000 rows"));
        assert_eq!(table(format!("reference;amount\n{}", &rows[4..]).as_bytes()).unwrap().rows.len(), MAX_ROWS);
    }
}
