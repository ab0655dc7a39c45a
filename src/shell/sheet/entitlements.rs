//! Entitlements handed over by another program (a Familienkasse, a Fachverfahren): `docs/ENTITLEMENTS.md`, as CSV, JSON or XML.
//!
//! All three say the same: a delivery of a named source, and records with keys of that source. A record grants benefits for some
//! months, or says from which day on an earlier grant no longer holds. A wrong row takes its whole record with it, so that no card
//! lacks a benefit because of a typing error.

use super::children::{self, ApprovalRow};
use super::text::echo;
use super::xml::{self, Element};
use super::{Column, MAX_ROWS, Row, RowError, cell};
use crate::words::civil::CivilDay;
use std::collections::BTreeMap;

mod json;

/// The name of the format in a JSON file, and the end of the namespace of an XML file.
pub const SCHEMA: &str = "teilhabe/entitlements/1";
/// The longest name of a source and the longest key of a record, in characters.
pub const MAX_KEY: usize = 64;
/// The most providers that a record or one of its grants names.
pub const MAX_PROVIDERS: usize = 50;
/// Names of sources that are the office's own: what a clerk enters, what comes as a table, what the server's operator enters.
const OWN_SOURCES: [&str; 3] = ["form", "file", "cli"];

/// A delivery.
#[derive(Debug, Default)]
pub struct Delivery {
    /// The program that hands over.
    pub source: String,
    /// Whether it holds every record that runs there: what it lacks has ended.
    pub complete: bool,
    /// The day it was made.
    pub created: Option<CivilDay>,
    /// The records that are right.
    pub records: Vec<Record>,
    /// What is wrong with the others.
    pub errors: Vec<RowError>,
    /// Keys of the records that are wrong.
    pub wrong: Vec<String>,
    /// Columns nobody asked for.
    pub ignored: Vec<String>,
}

/// One record.
#[derive(Debug)]
pub struct Record {
    /// The line of the file it begins in; its number in a JSON file.
    pub line: u64,
    /// Its key at the source.
    pub id: String,
    /// What it says.
    pub content: Content,
}

/// What a record says.
#[derive(Debug)]
pub enum Content {
    /// Benefits for some months, a row a ceiling.
    Granted(Vec<ApprovalRow>),
    /// The first day on which the grant no longer holds.
    Ended(CivilDay),
}

const RECORD: usize = 12;
const ENDED_FROM: usize = 13;
const SOURCE: usize = 14;
const COMPLETE: usize = 15;
const CREATED: usize = 16;

const fn optional(index: usize) -> Column {
    Column { required: false, ..children::COLUMNS[index] }
}

const fn column(name: &'static str, aliases: &'static [&'static str], required: bool) -> Column {
    Column { name, aliases, required }
}

/// The columns of a delivery as CSV: those of `children.csv`, and what makes them records.
pub const COLUMNS: &[Column] = &[
    children::COLUMNS[0],
    optional(1),
    optional(2),
    optional(3),
    optional(4),
    optional(5),
    optional(6),
    optional(7),
    optional(8),
    optional(9),
    optional(10),
    optional(11),
    column("record", &["Datensatz", "Datensatznummer", "Satznummer"], true),
    column("ended_from", &["beendet_ab", "Wegfall_ab"], false),
    column("source", &["Quelle", "Verfahren"], true),
    column("complete", &["vollständig", "Vollbestand"], false),
    column("created", &["erstellt", "Stand"], false),
];

/// One row of a record.
struct Piece {
    line: u64,
    id: String,
    row: Result<Said, RowError>,
}

enum Said {
    Grant(Box<ApprovalRow>),
    End(CivilDay),
}

/// Reads a delivery in whichever of the three forms it comes. An error returned is one of the whole file.
pub fn read(bytes: &[u8]) -> Result<Delivery, RowError> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => json::read(bytes),
        Some(b'<') => xml_file(bytes),
        _ => csv(bytes),
    }
}

fn csv(bytes: &[u8]) -> Result<Delivery, RowError> {
    let mut delivery = Delivery::default();
    let mut first = true;
    let table = super::read(bytes, COLUMNS, |row| {
        if first {
            delivery.source = row.cell(SOURCE).to_owned();
            delivery.complete = yes(row.cell(COMPLETE));
            delivery.created = cell::day(row.cell(CREATED));
            first = false;
        }
        let same = row.cell(SOURCE) == delivery.source && yes(row.cell(COMPLETE)) == delivery.complete;
        let said = if same { said(row) } else { Err(mixed(row)) };
        Ok(Piece { line: row.line, id: row.cell(RECORD).to_owned(), row: said })
    })?;
    delivery.errors = table.errors;
    delivery.ignored = table.ignored;
    delivery.assemble(table.rows)
}

fn yes(cell: &str) -> bool {
    ["yes", "ja", "true", "1", "x"].contains(&cell.to_lowercase().as_str())
}

fn mixed(row: &Row) -> RowError {
    row.wrong(
        COLUMNS[SOURCE].name,
        "Quelle und Vollständigkeit müssen in allen Zeilen gleich sein: bitte je Quelle eine Datei liefern.".into(),
        "Source and completeness must be the same in all rows: deliver one file a source.".into(),
    )
}

/// What a row says: an end where it names a day for it, a grant otherwise.
fn said(row: &Row) -> Result<Said, RowError> {
    let ended = row.cell(ENDED_FROM);
    if ended.is_empty() {
        return children::approval(row).map(|row| Said::Grant(Box::new(row)));
    }
    cell::day(ended).map(Said::End).ok_or_else(|| {
        row.wrong(
            COLUMNS[ENDED_FROM].name,
            format!("„{}“ ist kein Tag: bitte wie 2026-12-01 oder 01.12.2026 schreiben.", echo(ended)),
            format!("“{}” is no day: write it as 2026-12-01 or 01.12.2026.", echo(ended)),
        )
    })
}

fn piece(line: u64, id: &str, cells: Vec<String>) -> Piece {
    let row = Row { line, cells: cells.into_iter().map(|cell| cell.trim().to_owned()).collect() };
    Piece { line, id: id.trim().to_owned(), row: said(&row) }
}

fn xml_file(bytes: &[u8]) -> Result<Delivery, RowError> {
    let root = xml::read(bytes)?;
    if root.name != "entitlements" {
        return Err(wrong_schema(&root.name));
    }
    let text = |name: &str| root.text_at(&[name]).unwrap_or_default().to_owned();
    let created = text("created");
    let mut delivery = Delivery { source: text("source"), complete: yes(&text("complete")), ..Delivery::default() };
    delivery.created = Some(cell::day(&created).ok_or_else(|| undated(&created))?);
    let mut pieces = Vec::new();
    for record in root.all("record") {
        xml_pieces(record, &mut pieces)?;
    }
    delivery.assemble(pieces)
}

fn xml_pieces(record: &Element, pieces: &mut Vec<Piece>) -> Result<(), RowError> {
    let id = record.text_at(&["id"]).unwrap_or_default();
    let common: Vec<&str> = COLUMNS.iter().map(|column| record.text_at(&[column.name]).unwrap_or_default()).collect();
    let mut granted = false;
    for grant in record.all("grant") {
        granted = true;
        let cells = COLUMNS.iter().zip(&common).map(|(column, common)| grant.text_at(&[column.name]).unwrap_or(common).to_owned());
        add(pieces, piece(grant.line, id, cells.collect()))?;
    }
    if granted {
        return Ok(());
    }
    add(pieces, piece(record.line, id, common.into_iter().map(str::to_owned).collect()))
}

/// Adds a piece unless there are as many as a delivery may have.
fn add(pieces: &mut Vec<Piece>, piece: Piece) -> Result<(), RowError> {
    if pieces.len() < MAX_ROWS {
        pieces.push(piece);
        return Ok(());
    }
    Err(RowError::of_file(
        format!("Die Lieferung hat mehr als {MAX_ROWS} Bewilligungen: bitte in mehrere Dateien aufteilen."),
        format!("the delivery has more than {MAX_ROWS} grants: split it into several files"),
    ))
}

fn wrong_schema(found: &str) -> RowError {
    RowError::of_file(
        format!("Das ist keine Lieferung nach {SCHEMA}, sondern „{}“: bitte beim Absender das Format klären.", echo(found)),
        format!("this is no delivery of {SCHEMA} but “{}”: settle the format with its sender", echo(found)),
    )
}

fn undated(found: &str) -> RowError {
    RowError::of_file(
        format!("„{}“ ist kein Tag, an dem die Lieferung erstellt wurde: bitte wie 2026-11-20 schreiben.", echo(found)),
        format!("“{}” is no day on which the delivery was made: write it as 2026-11-20", echo(found)),
    )
}

impl Delivery {
    /// Joins pieces to records.
    fn assemble(mut self, pieces: Vec<Piece>) -> Result<Self, RowError> {
        if !is_key(&self.source) || self.source.contains(' ') {
            return Err(RowError::of_file(
                format!("Die Quelle „{}“ ist kein Name: 1 bis {MAX_KEY} Zeichen ohne Leerzeichen, zum Beispiel familienkasse.", echo(&self.source)),
                format!("the source “{}” is no name: 1 to {MAX_KEY} characters without blanks, for example familienkasse", echo(&self.source)),
            ));
        }
        if OWN_SOURCES.contains(&self.source.to_lowercase().as_str()) {
            return Err(RowError::of_file(
                format!(
                    "Die Quelle darf nicht „{}“ heißen, so heißen Quellen des Amts: bitte einen anderen Namen mit dem Absender vereinbaren.",
                    self.source
                ),
                format!("the source may not be named “{}”, which is the office's own: agree another name with its sender", self.source),
            ));
        }
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        let mut records: Vec<(Record, bool)> = Vec::new();
        for piece in pieces {
            let place = *places.entry(piece.id.clone()).or_insert_with(|| {
                records.push((Record { line: piece.line, id: piece.id.clone(), content: Content::Granted(Vec::new()) }, true));
                records.len() - 1
            });
            let Some((record, right)) = records.get_mut(place) else { continue };
            if let Err(error) = record.add(piece) {
                *right = false;
                self.errors.push(error);
            }
        }
        for (record, right) in records {
            if right { self.records.push(record) } else { self.wrong.push(record.id) }
        }
        self.errors.sort_by_key(|error| error.line);
        Ok(self)
    }
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_KEY && !text.chars().any(char::is_control)
}

impl Record {
    fn add(&mut self, piece: Piece) -> Result<(), RowError> {
        let line = piece.line;
        if !is_key(&piece.id) {
            return Err(RowError::of_line(
                line,
                format!("Der Schlüssel des Datensatzes fehlt oder hat mehr als {MAX_KEY} Zeichen."),
                format!("the key of the record is missing or has more than {MAX_KEY} characters"),
            ));
        }
        let contradiction = || {
            RowError::of_line(
                line,
                format!(
                    "Datensatz „{}“ kommt mehrfach vor und widerspricht sich (Fall, Monate oder Ende): bitte beim Absender klären.",
                    echo(&self.id)
                ),
                format!("record “{}” occurs more than once and contradicts itself (case, months or end): settle it with its sender", echo(&self.id)),
            )
        };
        match (piece.row?, &mut self.content) {
            (Said::End(day), Content::Granted(rows)) if rows.is_empty() => self.content = Content::Ended(day),
            (Said::Grant(new), Content::Granted(rows)) => {
                let same = |first: &ApprovalRow| {
                    (&first.reference, first.from, first.to, first.legal_basis) == (&new.reference, new.from, new.to, new.legal_basis)
                };
                if !rows.first().is_none_or(same) {
                    return Err(contradiction());
                }
                rows.push(*new);
            }
            _ => return Err(contradiction()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = include_str!("../../../docs/schema/entitlements-example.json");
    const XML: &str = include_str!("../../../docs/schema/entitlements-example.xml");
    const CSV: &str = include_str!("../../../docs/schema/entitlements-example.csv");

    fn shown(delivery: &Delivery) -> Vec<String> {
        let content = |content: &Content| match content {
            Content::Ended(day) => format!("ended {day}"),
            Content::Granted(rows) => {
                let rows = rows.iter().map(|r| {
                    format!(
                        "{} {} {} {} {:?} {} {:?} {:?} {:?} {:?} {:?}",
                        r.reference.as_str(),
                        r.benefit.name(),
                        r.from,
                        r.to,
                        r.period,
                        r.amount,
                        r.detail,
                        r.hint,
                        r.home_providers,
                        r.providers,
                        r.legal_basis
                    )
                });
                rows.collect::<Vec<_>>().join(" | ")
            }
        };
        delivery.records.iter().map(|record| format!("{}: {}", record.id, content(&record.content))).collect()
    }

    #[test]
    fn the_three_forms_say_the_same() {
        let [json, xml, csv] = [JSON, XML, CSV].map(|text| read(text.as_bytes()).unwrap());
        assert!(json.errors.is_empty() && xml.errors.is_empty() && csv.errors.is_empty(), "{:?} {:?} {:?}", json.errors, xml.errors, csv.errors);
        assert_eq!(shown(&json), shown(&xml));
        assert_eq!(shown(&json), shown(&csv));
        assert_eq!(json.records.len(), 3);
        for delivery in [&json, &xml, &csv] {
            assert_eq!((delivery.source.as_str(), delivery.complete, delivery.created), ("familienkasse", false, CivilDay::from_ymd(2026, 11, 20)));
        }
    }

    #[test]
    fn what_does_not_fit_the_schema_is_refused_as_a_whole() {
        for (text, hint) in [
            (JSON.replace("\"records\"", "\"datasets\""), "schema"),
            (JSON.replace("teilhabe/entitlements/1", "teilhabe/entitlements/9"), "no delivery of"),
            (JSON.replace("\"2026-11-20\"", "\"gestern\""), "is no day"),
            (JSON.replace("familienkasse", "familien kasse"), "is no name"),
            (JSON.replace("familienkasse", "file"), "the office's own"),
            (CSV.replace("familienkasse", "Form"), "the office's own"),
            (XML.replace("entitlements", "children"), "no delivery of"),
            ("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><entitlements><source>&x;</source></entitlements>".into(), "DTD"),
            (lol(), "DTD"),
            (CSV.replace("source", "whence"), "header lacks: source"),
            ("{".repeat(300), "column"),
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.message_en.contains(hint), "{hint}: {error}");
        }
    }

    #[test]
    fn a_small_file_that_would_become_a_large_one_is_refused() {
        let grant = r#"{"benefit":"lunch","period":"day","measure":"units","amount":1}"#;
        let file = |homes: usize, text: usize, grants: usize| {
            let (homes, grants) = (vec!["1"; homes].join(","), vec![grant; grants].join(","));
            format!(
                r#"{{"schema":"{SCHEMA}","source":"fk","created":"2026-11-20","records":[{{"id":"1","reference":"A","from":"2026-08",
                   "to":"2027-07","hint":"{}","home_providers":[{homes}],"grants":[{grants}]}}]}}"#,
                "h".repeat(text)
            )
        };
        assert!(read(file(50, 10, 2).as_bytes()).is_ok());
        let xml = format!("<record><id>1</id>{}</record>", "<grant/>".repeat(MAX_ROWS + 1));
        let xml = format!("<entitlements><source>fk</source><created>2026-11-20</created>{xml}</entitlements>");
        for (text, hint) in [
            (file(1_000_000, 10, 400_000), "more than 50 providers"),
            (file(50, 1_000_000, 400_000), "more than 500 characters"),
            (file(50, 10, 400_000), "more than 200000 grants"),
            (xml, "more than 200000 grants"),
        ] {
            let error = read(text.as_bytes()).unwrap_err();
            assert!(error.message_en.contains(hint), "{hint}: {error}");
        }
    }

    /// A billion laughs.
    fn lol() -> String {
        let entities: String = (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
        format!("<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY l0 \"lol\">{entities}]><entitlements><source>&l9;</source></entitlements>")
    }

    #[test]
    fn a_wrong_row_takes_its_record_with_it() {
        let text = "source;record;reference;benefit;from;to;period;measure;amount;ended_from\n\
                    fk;1;A;lunch;2026-08;2027-07;day;units;1;\n\
                    fk;1;A;participation;2026-08;2027-07;month;cents;viel;\n\
                    fk;2;B;lunch;2026-08;2027-07;day;units;1;\n\
                    fk;3;C;;;;;;;bald\n\
                    fk;4;D;lunch;2026-08;2027-07;day;units;1;\n\
                    fk;4;E;lunch;2026-08;2027-07;day;units;1;\n\
                    xx;5;F;;;;;;;2026-12-01\n\
                    fk;;G;;;;;;;2026-12-01\n";
        let delivery = read(text.as_bytes()).unwrap();
        assert_eq!(shown(&delivery).len(), 1, "{:?}", shown(&delivery));
        let places: Vec<_> = delivery.errors.iter().map(|e| (e.line, e.column)).collect();
        assert_eq!(places, [(3, Some("amount")), (5, Some("ended_from")), (7, None), (8, Some("source")), (9, None)]);
        assert_eq!(delivery.wrong, ["1", "3", "4", "5", ""]);
    }
}
