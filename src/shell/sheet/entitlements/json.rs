//! A delivery of entitlements written as JSON.

use super::{COLUMNS, Delivery, ENDED_FROM, MAX_PROVIDERS, Piece, SCHEMA, add, piece, undated, wrong_schema};
use crate::shell::sheet::text::{decode, echo};
use crate::shell::sheet::xml::MAX_TEXT;
use crate::shell::sheet::{RowError, cell};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonFile {
    #[serde(rename = "$schema", default)]
    _schema_place: Option<String>,
    schema: String,
    source: String,
    created: String,
    #[serde(default)]
    complete: bool,
    records: Vec<JsonRecord>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonRecord {
    id: String,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    legal_basis: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    hint: String,
    #[serde(default)]
    home_providers: Vec<u32>,
    #[serde(default)]
    grants: Vec<JsonGrant>,
    #[serde(default)]
    ended_from: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonGrant {
    benefit: String,
    period: String,
    measure: String,
    amount: u64,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    providers: Vec<u32>,
}

/// Reads a delivery written as JSON.
pub(super) fn read(bytes: &[u8]) -> Result<Delivery, RowError> {
    let text = decode(bytes)?;
    let file: JsonFile = serde_json::from_str(&text).map_err(|why| {
        let (line, column) = (u64::try_from(why.line()).unwrap_or(0), why.column());
        let kind = if why.is_data() { "passt nicht zum Schema" } else { "ist kein gültiges JSON" };
        RowError::of_line(
            line,
            format!("Die Datei {kind} (Stelle {column}): {}. Bitte beim Absender berichtigen lassen.", echo(&why.to_string())),
            format!("the file does not fit the schema (column {column}): {}; have its sender mend it", echo(&why.to_string())),
        )
    })?;
    if file.schema != SCHEMA {
        return Err(wrong_schema(&file.schema));
    }
    let mut delivery = Delivery { source: file.source, complete: file.complete, created: cell::day(&file.created), ..Delivery::default() };
    let mut pieces = Vec::new();
    for (number, record) in (1..).zip(&file.records) {
        json_pieces(number, record, &mut pieces)?;
    }
    delivery.created = Some(delivery.created.ok_or_else(|| undated(&file.created))?);
    delivery.assemble(pieces)
}

/// Adds a record's pieces one by one, so that a small file cannot become a large one before it is refused.
fn json_pieces(number: u64, record: &JsonRecord, pieces: &mut Vec<Piece>) -> Result<(), RowError> {
    let list = |numbers: &[u32]| numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut common = vec![String::new(); COLUMNS.len()];
    let own = [(0, &record.reference), (2, &record.from), (3, &record.to), (8, &record.hint), (11, &record.legal_basis)];
    for (index, text) in own.into_iter().chain([(ENDED_FROM, &record.ended_from)]) {
        common[index].clone_from(short(number, text)?);
    }
    short(number, &record.id)?;
    common[9] = list(few(number, &record.home_providers)?);
    if record.grants.is_empty() {
        return add(pieces, piece(number, &record.id, common));
    }
    for grant in &record.grants {
        let mut cells = common.clone();
        for (index, text) in [(1, &grant.benefit), (4, &grant.period), (5, &grant.measure), (7, &grant.detail)] {
            cells[index].clone_from(short(number, text)?);
        }
        cells[6] = grant.amount.to_string();
        cells[10] = list(few(number, &grant.providers)?);
        add(pieces, piece(number, &record.id, cells))?;
    }
    Ok(())
}

fn short(number: u64, text: &String) -> Result<&String, RowError> {
    if text.chars().nth(MAX_TEXT).is_none() {
        return Ok(text);
    }
    Err(RowError::of_line(
        number,
        format!("Ein Text in Datensatz {number} hat mehr als {MAX_TEXT} Zeichen: bitte beim Absender berichtigen lassen."),
        format!("a text of record {number} has more than {MAX_TEXT} characters: have its sender mend it"),
    ))
}

fn few(number: u64, providers: &[u32]) -> Result<&[u32], RowError> {
    if providers.len() <= MAX_PROVIDERS {
        return Ok(providers);
    }
    Err(RowError::of_line(
        number,
        format!("Datensatz {number} nennt mehr als {MAX_PROVIDERS} Anbieter auf einmal: bitte beim Absender berichtigen lassen."),
        format!("record {number} names more than {MAX_PROVIDERS} providers at once: have its sender mend it"),
    ))
}
