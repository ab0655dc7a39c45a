//! The office's books for its auditor: tables read a page at a time, so that memory stays small however many lines there are.

use super::{Office, OfficeError};
use crate::shell::handover::Handover;
use crate::shell::sheet::books::{DTD, DTD_TEXT, INDEX, Supplier, Table, write_index, write_row};
use crate::shell::store::StoreError;
use crate::shell::store::office::books::{CASES, ENTRIES, Place, SOURCES, Source, Span, entries};
use crate::shell::store::office::{audit, payments};
use crate::shell::store::sql;
use crate::shell::store::sql::Connection;
use crate::words::civil::CivilDay;
use crate::words::keys::SecretKey;
use crate::words::time::UtcMs;
use std::io::{self, Write};

/// How many rows a step reads.
const ROWS_AT_ONCE: u32 = 5_000;

/// What an auditor asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookOrder {
    /// The first day.
    pub from: CivilDay,
    /// The last day.
    pub to: CivilDay,
    /// Whether case references, legal bases and notes go along: social data, for the office's own audit.
    pub cases: bool,
}

/// An export at work.
#[derive(Debug)]
pub struct BookExport {
    out: Option<Handover>,
    key: SecretKey,
    office: (String, String),
    order: BookOrder,
    span: Span,
    made: UtcMs,
    sources: Vec<&'static Source>,
    part: usize,
    begun: bool,
    place: Place,
    files: Option<Vec<(u32, String)>>,
    rows: u64,
    of: u64,
}

/// How far an export is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BookStep {
    /// So many rows are written, of so many; those of journals not counted.
    More {
        /// Rows written.
        done: u64,
        /// Of how many.
        of: u64,
    },
    /// All is written: rows and files.
    Done {
        /// Rows written.
        rows: u64,
        /// Files written.
        files: usize,
    },
}

/// Why the books could not be written.
#[derive(Debug, thiserror::Error)]
enum BookError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the books could not be written: {0}")]
    Io(#[from] io::Error),
}

impl From<BookError> for OfficeError {
    fn from(why: BookError) -> Self {
        match why {
            BookError::Store(why) => Self::Store(why),
            BookError::Io(_) => Self::Wrong(why.to_string()),
        }
    }
}

impl Office {
    /// Begins to write the books of the days of `order` into `out`. What came or was done on these days goes along; providers,
    /// agreements, terminals and clerks go along as they are now.
    pub fn books(&self, order: BookOrder, out: Handover, now: UtcMs) -> Result<BookExport, OfficeError> {
        if order.to < order.from {
            return Err(OfficeError::Wrong("the last day lies before the first: exchange the two".into()));
        }
        let span = Span { from: order.from.midnight().ms(), before: order.to.plus(1).midnight().ms() };
        let mut sources: Vec<&Source> = SOURCES.iter().flat_map(|sources| sources.iter()).collect();
        if order.cases {
            sources.extend(CASES);
        }
        let place = sources.first().map_or([const { sql::Value::Null }; 3], |source| source.start());
        Ok(BookExport {
            out: Some(out),
            key: SecretKey::from_seed(*self.keys.documents.seed()),
            office: (self.profile.id.to_string(), self.profile.name.clone()),
            order,
            span,
            made: now,
            sources,
            part: 0,
            begun: false,
            place,
            files: None,
            rows: 0,
            of: 0,
        })
    }
}

impl BookExport {
    /// Writes the next rows. `db` must be the same at each step, and best in one reading transaction: then all tables are of one moment.
    pub fn step(&mut self, db: &Connection) -> Result<BookStep, OfficeError> {
        let Some(mut out) = self.out.take() else { return Ok(BookStep::Done { rows: self.rows, files: 0 }) };
        let more = self.write(db, &mut out)?;
        if more {
            self.out = Some(out);
            return Ok(BookStep::More { done: self.rows, of: self.of.max(self.rows) });
        }
        let facts = self.facts(db)?;
        let facts: Vec<(&str, String)> = facts.iter().map(|(name, value)| (*name, value.clone())).collect();
        let files = out.seal(&self.key, &facts).map_err(BookError::from)?;
        Ok(BookStep::Done { rows: self.rows, files })
    }

    /// Writes a part; whether there is more.
    fn write(&mut self, db: &Connection, out: &mut Handover) -> Result<bool, BookError> {
        if self.part == 0 && !self.begun {
            self.of = crate::shell::store::office::books::rows(db)?;
        }
        if let Some(source) = self.sources.get(self.part).copied() {
            return self.write_rows(db, out, source).map(|()| true);
        }
        match self.part - self.sources.len() {
            0 => self.write_entries(db, out).map(|()| true),
            1 => self.write_files(db, out).map(|()| true),
            _ => {
                out.begin(DTD)?;
                out.write_all(DTD_TEXT.as_bytes())?;
                out.begin(INDEX)?;
                let tables: Vec<Table> = self.sources.iter().map(|source| source.table).chain([ENTRIES]).collect();
                let facts = self.facts(db)?;
                let comment = facts.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("; ");
                let supplier = Supplier { name: self.office.1.clone(), location: String::new(), comment };
                write_index(out, &supplier, "Sammelabrechnung und Zahlung", &tables)?;
                Ok(false)
            }
        }
    }

    fn write_rows(&mut self, db: &Connection, out: &mut Handover, source: &Source) -> Result<(), BookError> {
        if !self.begun {
            out.begin(source.table.file)?;
            source.table.write_header(out)?;
            (self.begun, self.place) = (true, source.start());
        }
        let most = if source.table.file == "dateien.csv" { 1 } else { ROWS_AT_ONCE };
        let read = source.read(db, &mut self.place, self.span, most, |row| write_row(out, &row).map_err(BookError::from))?;
        self.rows += u64::from(read);
        if read < most {
            (self.part, self.begun) = (self.part + 1, false);
        }
        Ok(())
    }

    fn write_entries(&mut self, db: &Connection, out: &mut Handover) -> Result<(), BookError> {
        if !self.begun {
            out.begin(ENTRIES.file)?;
            ENTRIES.write_header(out)?;
            self.begun = true;
            self.place = [const { sql::Value::Integer(0) }; 3];
        }
        let after = if let sql::Value::Integer(id) = self.place[0] { id } else { 0 };
        match entries(db, after, self.span, |row| write_row(out, &row).map_err(BookError::from))? {
            Some(id) => self.place[0] = sql::Value::Integer(id),
            None => (self.part, self.begun) = (self.part + 1, false),
        }
        Ok(())
    }

    /// The files of released runs themselves, one a step.
    fn write_files(&mut self, db: &Connection, out: &mut Handover) -> Result<(), BookError> {
        let files = match &mut self.files {
            Some(files) => files,
            None => self.files.insert(payments::released_files(db, self.span.from, self.span.before)?),
        };
        match files.pop() {
            Some((run, name)) => {
                if let Some(bytes) = payments::file(db, run, &name)? {
                    out.begin(&format!("dateien/{run}/{name}"))?;
                    out.write_all(&bytes)?;
                }
            }
            None => self.part += 1,
        }
        Ok(())
    }

    /// What the seal and the description say.
    fn facts(&self, db: &Connection) -> Result<Vec<(&'static str, String)>, StoreError> {
        let head = audit::head(db)?;
        let audit = head.map_or_else(|| "leer".to_owned(), |head| format!("{} {}", head.seq, head.link));
        Ok(vec![
            ("amt", self.office.0.clone()),
            ("zeitraum", format!("{} bis {}", self.order.from.german(), self.order.to.german())),
            ("erstellt", self.made.rfc3339()),
            ("programm", format!("teilhabe {}", env!("CARGO_PKG_VERSION"))),
            ("protokoll", audit),
            ("faelle", if self.order.cases { "mit Aktenzeichen und Notizen".to_owned() } else { "ohne Aktenzeichen und Notizen".to_owned() }),
        ])
    }
}
