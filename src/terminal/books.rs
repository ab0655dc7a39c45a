//! The books for an auditor: the journal as tables with their description (GoBD; description standard for data handed over in a tax
//! audit, "GDPdU" 1 September 2004), and the chain by which anybody can check that nothing is missing or changed.

use super::Terminal;
use crate::book::entry::{Body, Entry, Head};
use crate::shell::store::StoreError;
use crate::words::cents::Cents;
use crate::words::ids::Hash;
use std::io::{self, Write};

/// The file that describes the tables.
pub const INDEX: &str = "index.xml";
/// The table of the journal.
pub const JOURNAL: &str = "journal.csv";
/// The table of the batches.
pub const BATCHES: &str = "batches.csv";

/// Why the books could not be written.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// The database could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file could not be written.
    #[error("the books could not be written: {0}")]
    Io(#[from] io::Error),
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Euros,
    Day,
}

/// A column: its name, what it says, what it holds.
type Column = (&'static str, &'static str, Kind);

const JOURNAL_COLUMNS: [Column; 18] = [
    ("NR", "Laufende Nummer des Eintrags, lückenlos ab 1", Kind::Number),
    ("ZEIT", "Zeitpunkt der Aufzeichnung (UTC, RFC 3339)", Kind::Text),
    ("ART", "Art des Eintrags", Kind::Text),
    ("STADT", "Amtlicher Schlüssel der zahlenden Stelle", Kind::Text),
    ("LEISTUNGSTAG", "Tag der Leistung", Kind::Day),
    ("LEISTUNG", "Art der Leistung", Kind::Text),
    ("ANGEBOT", "Code des Angebots", Kind::Text),
    ("MENGE", "Einheiten", Kind::Number),
    ("BETRAG", "Abgerechneter Betrag in Euro", Kind::Euros),
    ("VOLLER_PREIS", "Voller Preis in Euro, wo der Betrag geringer ist", Kind::Euros),
    ("NACHWEIS", "Nummer des Berechtigungsnachweises", Kind::Text),
    ("BEDIENER", "Pseudonym", Kind::Text),
    ("STORNIERT_NR", "Nummer des Eintrags, den dieser storniert", Kind::Number),
    ("GRUND", "Grund als Code", Kind::Text),
    ("SAMMELABRECHNUNG", "Nummer der Sammelabrechnung", Kind::Text),
    ("HASH", "SHA-256 des Eintrags", Kind::Text),
    ("KETTE", "SHA-256 aus KETTE der vorigen Zeile und HASH", Kind::Text),
    ("BYTES", "Der Eintrag selbst (CBOR, hexadezimal)", Kind::Text),
];

const BATCH_COLUMNS: [Column; 8] = [
    ("SAMMELABRECHNUNG", "Nummer der Sammelabrechnung", Kind::Text),
    ("STADT", "Amtlicher Schlüssel der zahlenden Stelle", Kind::Text),
    ("ERSTELLT", "Zeitpunkt (UTC, RFC 3339)", Kind::Text),
    ("VON_NR", "Erster Eintrag", Kind::Number),
    ("BIS_NR", "Letzter Eintrag", Kind::Number),
    ("KETTE", "KETTE des letzten Eintrags", Kind::Text),
    ("STAND", "Stand", Kind::Text),
    ("HASH", "SHA-256 der unterschriebenen Sammelabrechnung", Kind::Text),
];

impl Terminal {
    /// Writes the journal as a table; returns how many entries it has.
    pub fn write_journal(&mut self, out: &mut dyn Write) -> Result<u64, BooksError> {
        header(out, &JOURNAL_COLUMNS)?;
        let mut entries = 0;
        self.store.read(|tx| {
            tx.walk(1, |row| {
                let entry = Entry::from_bytes(&row.bytes).map_err(|error| StoreError::Inconsistent(format!("entry {}: {error}", row.seq)))?;
                write_row(out, &fields(&entry, &row.bytes, row.link))?;
                entries += 1;
                Ok::<_, BooksError>(true)
            })
        })?;
        Ok(entries)
    }

    /// Writes the batches as a table.
    pub fn write_batches(&mut self, out: &mut dyn Write) -> Result<(), BooksError> {
        header(out, &BATCH_COLUMNS)?;
        let offices = &self.offices;
        self.store.read(|tx| {
            let mut batches = tx.latest_batches(u32::MAX)?;
            batches.reverse();
            for batch in batches {
                let office = offices.numbered(batch.office).map(|o| o.id.to_string()).unwrap_or_default();
                let row = [
                    batch.id.hex(),
                    office,
                    batch.sealed_at.rfc3339(),
                    batch.first.to_string(),
                    batch.head.seq.to_string(),
                    batch.head.link.hex(),
                    batch.state.name().to_owned(),
                    batch.hash.hex(),
                ];
                write_row(out, &row)?;
            }
            Ok(())
        })
    }

    /// Writes the description of both tables.
    pub fn write_index(&mut self, out: &mut dyn Write) -> Result<(), BooksError> {
        let id = self.id();
        let name = self.offices.iter().find_map(|(office, _)| office.credential.as_ref().map(|c| c.provider_name.clone()));
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE DataSet SYSTEM \"gdpdu-01-09-2004.dtd\">\n<DataSet>")?;
        writeln!(out, "  <Version>1.0</Version>\n  <DataSupplier>\n    <Name>{}</Name>", escaped(&name.unwrap_or_default()))?;
        writeln!(out, "    <Location></Location>\n    <Comment>Lesegerät {id}; KETTE vor Nr. 1: {}</Comment>", Head::start(id).link)?;
        writeln!(out, "  </DataSupplier>\n  <Media>\n    <Name>Journal</Name>")?;
        table(out, JOURNAL, "Journal", "Alle Einträge des Lesegeräts in ihrer Reihenfolge", &JOURNAL_COLUMNS)?;
        table(out, BATCHES, "Sammelabrechnungen", "Was wann an wen abgerechnet wurde", &BATCH_COLUMNS)?;
        writeln!(out, "  </Media>\n</DataSet>")?;
        Ok(())
    }
}

fn table(out: &mut dyn Write, file: &str, name: &str, description: &str, columns: &[Column]) -> io::Result<()> {
    writeln!(out, "    <Table>\n      <URL>{file}</URL>\n      <Name>{name}</Name>\n      <Description>{description}</Description>")?;
    writeln!(out, "      <UTF8/>\n      <DecimalSymbol>,</DecimalSymbol>\n      <DigitGroupingSymbol>.</DigitGroupingSymbol>")?;
    writeln!(out, "      <Range><From>2</From></Range>\n      <VariableLength>\n        <ColumnDelimiter>;</ColumnDelimiter>")?;
    writeln!(out, "        <RecordDelimiter>&#13;&#10;</RecordDelimiter>\n        <TextEncapsulator>\"</TextEncapsulator>")?;
    for (index, (name, description, kind)) in columns.iter().enumerate() {
        let tag = if index == 0 { "VariablePrimaryKey" } else { "VariableColumn" };
        let kind = match kind {
            Kind::Text => "<AlphaNumeric/>",
            Kind::Number => "<Numeric/>",
            Kind::Euros => "<Numeric><Accuracy>2</Accuracy></Numeric>",
            Kind::Day => "<Date><Format>DD.MM.YYYY</Format></Date>",
        };
        writeln!(out, "        <{tag}><Name>{name}</Name><Description>{}</Description>{kind}</{tag}>", escaped(description))?;
    }
    writeln!(out, "      </VariableLength>\n    </Table>")
}

fn header(out: &mut dyn Write, columns: &[Column]) -> io::Result<()> {
    let names: Vec<String> = columns.iter().map(|(name, ..)| (*name).to_owned()).collect();
    write_row(out, &names)
}

fn write_row(out: &mut dyn Write, fields: &[String]) -> io::Result<()> {
    let quoted: Vec<String> = fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
    write!(out, "{}\r\n", quoted.join(";"))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn euros(cents: Cents) -> String {
    cents.decimal().replace('.', ",")
}

/// The fields of one entry, in the order of [`JOURNAL_COLUMNS`].
fn fields(entry: &Entry, bytes: &[u8], link: Hash) -> Vec<String> {
    let mut row = vec![String::new(); JOURNAL_COLUMNS.len()];
    let mut put = |name: &str, value: String| {
        if let Some(place) = JOURNAL_COLUMNS.iter().position(|(column, ..)| *column == name).and_then(|at| row.get_mut(at)) {
            *place = value;
        }
    };
    put("NR", entry.seq.to_string());
    put("ZEIT", entry.at.rfc3339());
    put("ART", kind_name(&entry.body).to_owned());
    put("STADT", entry.body.office().map(ToString::to_string).unwrap_or_default());
    put("HASH", Hash::of(&[bytes]).hex());
    put("KETTE", link.hex());
    put("BYTES", data_encoding::HEXLOWER.encode(bytes));
    match &entry.body {
        Body::Redemption(r) => {
            put("LEISTUNGSTAG", r.day.german());
            put("LEISTUNG", r.benefit.german().to_owned());
            put("ANGEBOT", r.service.to_string());
            put("MENGE", r.units.to_string());
            put("BETRAG", euros(r.cents));
            put("VOLLER_PREIS", r.full_price.map(euros).unwrap_or_default());
            put("NACHWEIS", r.token.hex());
            put("BEDIENER", r.operator.clone().unwrap_or_default());
        }
        Body::Cancellation(c) => {
            put("STORNIERT_NR", c.seq.to_string());
            put("GRUND", c.reason.to_string());
        }
        Body::Sealed(s) => put("SAMMELABRECHNUNG", s.batch.hex()),
        Body::Held(h) => {
            put("LEISTUNGSTAG", h.day.german());
            put("LEISTUNG", h.benefit.german().to_owned());
            put("ANGEBOT", h.service.to_string());
            put("MENGE", h.units.to_string());
            put("GRUND", h.why.to_string());
        }
        Body::Closed(c) => put("LEISTUNGSTAG", c.day.german()),
        Body::Started(s) => {
            put("LEISTUNGSTAG", s.day.german());
            put("ANGEBOT", s.service.to_string());
            put("NACHWEIS", s.token.hex());
        }
        Body::Opened(_) | Body::Checkpoint(_) | Body::Clock(_) | Body::Admission(_) | Body::Purge(_) => {}
    }
    row
}

const fn kind_name(body: &Body) -> &'static str {
    match body {
        Body::Opened(_) => "eröffnet",
        Body::Redemption(_) => "Einlösung",
        Body::Cancellation(_) => "Storno",
        Body::Sealed(_) => "abgerechnet",
        Body::Checkpoint(_) => "bestätigt",
        Body::Clock(_) => "Uhr",
        Body::Admission(_) => "Unterlage",
        Body::Closed(_) => "Tag geschlossen",
        Body::Purge(_) => "gelöscht",
        Body::Held(_) => "vorgemerkt",
        Body::Started(_) => "Stunde begonnen",
    }
}
