//! The books for an auditor: the journal as tables with their description (GoBD; description standard for data handed over in a tax
//! audit, "GDPdU" 1 September 2004), and the chain by which anybody can check that nothing is missing or changed.

use super::Terminal;
use crate::book::entry::{Body, Entry, Head};
use crate::deliver::advice::Verdict;
use crate::shell::handover::Handover;
use crate::shell::sheet::books::{Column, DTD, DTD_TEXT, Kind, Supplier, Table, write_index, write_row};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::JournalRow;
use crate::words::cents::Cents;
use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use std::io::{self, Write};

pub use crate::shell::sheet::books::INDEX;

/// The table of the journal.
pub const JOURNAL: &str = "journal.csv";
/// The table of the batches.
pub const BATCHES: &str = "batches.csv";
/// The table of the offices' answers.
pub const ANSWERS: &str = "antworten.csv";
/// The table of transfers.
pub const TRANSFERS: &str = "zahlungen.csv";

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
    ("BYTES", "Der Eintrag selbst (CBOR, hexadezimal); gelöscht: leer", Kind::Text),
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

const ANSWER_COLUMNS: [Column; 5] = [
    ("NR", "Nummer des Eintrags", Kind::Number),
    ("FASSUNG", "Fassung der Antwort; die höchste gilt", Kind::Number),
    ("STAND", "Entscheidung des Amts", Kind::Text),
    ("ANERKANNT", "Anerkannt, in Euro", Kind::Euros),
    ("GRUND", "Grund als Code", Kind::Text),
];

const TRANSFER_COLUMNS: [Column; 5] = [
    ("SAMMELABRECHNUNG", "Nummer der Sammelabrechnung", Kind::Text),
    ("ZAHLUNG", "Ende-zu-Ende-Referenz der Überweisung", Kind::Text),
    ("AUSFUEHRUNG", "Ausführungstag", Kind::Day),
    ("ANTEIL", "Anteil dieser Sammelabrechnung, in Euro", Kind::Euros),
    ("BETRAG", "Ganze Überweisung, in Euro", Kind::Euros),
];

/// The tables in the order of their description.
const TABLES: [Table; 4] = [
    table(JOURNAL, "Journal", "Alle Einträge des Lesegeräts in ihrer Reihenfolge", &JOURNAL_COLUMNS, 1, &[]),
    table(BATCHES, "Sammelabrechnungen", "Was wann an wen abgerechnet wurde", &BATCH_COLUMNS, 1, &[]),
    table(ANSWERS, "Antworten", "Was die Ämter zu jedem Eintrag entschieden haben", &ANSWER_COLUMNS, 1, &[(&["NR"], "Journal")]),
    table(
        TRANSFERS,
        "Zahlungen",
        "Was für welche Sammelabrechnung überwiesen wurde",
        &TRANSFER_COLUMNS,
        2,
        &[(&["SAMMELABRECHNUNG"], "Sammelabrechnungen")],
    ),
];

const fn table(
    file: &'static str,
    name: &'static str,
    says: &'static str,
    columns: &'static [Column],
    keys: usize,
    refers: &'static [(&'static [&'static str], &'static str)],
) -> Table {
    Table { file, name, says, columns, keys, refers }
}

impl Terminal {
    /// Writes all books into `out`, with checksums and a seal signed with this terminal's key; answers entries and files.
    pub fn export(&mut self, mut out: Handover, now: UtcMs) -> Result<(u64, usize), BooksError> {
        out.begin(JOURNAL)?;
        let entries = self.write_journal(&mut out)?;
        out.begin(BATCHES)?;
        self.write_batches(&mut out)?;
        out.begin(ANSWERS)?;
        self.write_answers(&mut out)?;
        out.begin(TRANSFERS)?;
        self.write_transfers(&mut out)?;
        out.begin(DTD)?;
        out.write_all(DTD_TEXT.as_bytes())?;
        out.begin(INDEX)?;
        self.write_index(&mut out)?;
        let head =
            self.store.read(|tx| Ok::<_, StoreError>(tx.end()?.map_or(Head::start(self.keys.signing.public().terminal_id()), |end| end.head)))?;
        let facts = [
            ("lesegeraet", self.id().to_string()),
            ("erstellt", now.rfc3339()),
            ("programm", format!("teilhabe {}", env!("CARGO_PKG_VERSION"))),
            ("journal", format!("{} {}", head.seq, head.link)),
        ];
        Ok((entries, out.seal(&self.keys.signing, &facts)?))
    }

    /// Writes the journal as a table; returns how many entries it has.
    pub fn write_journal(&mut self, out: &mut dyn Write) -> Result<u64, BooksError> {
        TABLES[0].write_header(out)?;
        let mut entries = 0;
        self.store.read(|tx| {
            tx.walk(1, |row| {
                if row.erased.is_some() {
                    write_row(out, erased(&row))?;
                } else {
                    let entry = Entry::from_bytes(&row.bytes).map_err(|error| StoreError::Inconsistent(format!("entry {}: {error}", row.seq)))?;
                    write_row(out, fields(&entry, &row.bytes, row.link))?;
                }
                entries += 1;
                Ok::<_, BooksError>(true)
            })
        })?;
        Ok(entries)
    }

    /// Writes the batches as a table.
    pub fn write_batches(&mut self, out: &mut dyn Write) -> Result<(), BooksError> {
        TABLES[1].write_header(out)?;
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
                write_row(out, row)?;
            }
            Ok(())
        })
    }

    /// Writes what the offices decided of each entry as a table.
    pub fn write_answers(&mut self, out: &mut dyn Write) -> Result<(), BooksError> {
        TABLES[2].write_header(out)?;
        self.store.read(|tx| {
            tx.all_advised(|revision, line| {
                let stand = match line.verdict {
                    Verdict::Pending => "offen",
                    Verdict::Accepted => "anerkannt",
                    Verdict::Reduced => "gekürzt",
                    Verdict::Rejected => "abgelehnt",
                };
                let row = [line.seq.to_string(), revision.to_string(), stand.to_owned(), euros(line.cents), line.reason];
                write_row(out, row).map_err(BooksError::from)
            })
        })
    }

    /// Writes the transfers that were advised as a table.
    pub fn write_transfers(&mut self, out: &mut dyn Write) -> Result<(), BooksError> {
        TABLES[3].write_header(out)?;
        self.store.read(|tx| {
            for batch in tx.latest_batches(u32::MAX)? {
                for paid in tx.payments(batch.id)? {
                    let row = [paid.batch.hex(), paid.end_to_end_id, paid.execution.german(), euros(paid.share), euros(paid.transfer)];
                    write_row(out, row)?;
                }
            }
            Ok(())
        })
    }

    /// Writes the description of the tables.
    pub fn write_index(&mut self, out: &mut dyn Write) -> Result<(), BooksError> {
        let id = self.id();
        let name = self.offices.iter().find_map(|(office, _)| office.credential.as_ref().map(|c| c.provider_name.clone()));
        let comment = format!("Lesegerät {id}; KETTE vor Nr. 1: {}", Head::start(id).link);
        let supplier = Supplier { name: name.unwrap_or_default(), location: String::new(), comment };
        Ok(write_index(out, &supplier, "Journal", &TABLES)?)
    }
}

fn euros(cents: Cents) -> String {
    cents.decimal().replace('.', ",")
}

/// The fields of an entry that was erased.
fn erased(row: &JournalRow) -> Vec<String> {
    JOURNAL_COLUMNS
        .iter()
        .map(|(name, ..)| match *name {
            "NR" => row.seq.to_string(),
            "ZEIT" => row.at.rfc3339(),
            "ART" => "gelöscht".to_owned(),
            "HASH" => row.hash().hex(),
            "KETTE" => row.link.hex(),
            _ => String::new(),
        })
        .collect()
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
    put("ART", entry.body.german().to_owned());
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
