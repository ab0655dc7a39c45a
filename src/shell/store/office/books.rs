//! The books as an auditor gets them: for every table what its columns say and how its rows are read, a page at a time.

use super::super::StoreError;
use crate::admit::number::CardNumber;
use crate::deliver::advice::Verdict;
use crate::shell::sheet::books::{Kind, Table};
use crate::shell::store::sql::{Connection, params};
use crate::shell::store::sql::{Value, ValueRef};
use crate::shell::texts::{Blanks, Language, Texts};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth, berlin_minute, clock_text};
use crate::words::ids::{Hash, TokenId};
use crate::words::legal_basis::LegalBasis;
use crate::words::reason::Reason;
use crate::words::time::UtcMs;
use data_encoding::HEXLOWER;

mod claims;
mod master;
mod money;

pub use claims::{ENTRIES, entries};

/// Every table that is read row by row, in the order of the description.
pub const SOURCES: &[&[Source]] = &[master::SOURCES, claims::SOURCES, money::SOURCES];
/// Tables that name people and cases: they go along only where they are asked for.
pub const CASES: &[Source] = master::CASES;

/// About how many rows there are, for a progress bar.
pub fn rows(db: &Connection) -> Result<u64, StoreError> {
    let sql =
        "SELECT (SELECT count(*) FROM line) + (SELECT count(*) FROM run_line) + (SELECT count(*) FROM audit) + (SELECT count(*) FROM cancellation)";
    super::super::from_db(db.query_row(sql, [], |row| row.get(0))?)
}

/// How a stored value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum As {
    /// Text as it is.
    Text,
    /// A whole number.
    Number,
    /// Cents as euros with a comma.
    Euros,
    /// Days since 1970 as DD.MM.YYYY.
    Day,
    /// A month, 2026-11.
    Month,
    /// Milliseconds since 1970 as RFC 3339 in UTC.
    Moment,
    /// Bytes in hexadecimal.
    Hex,
    /// Bytes by their SHA-256.
    Sha256,
    /// A benefit by its name.
    Benefit,
    /// A verdict by its name.
    Verdict,
    /// Milliseconds since 1970 as people in Germany write them.
    When,
    /// A token's id as the number printed on the card.
    Card,
    /// A reason's code as the sentence providers read.
    Reason,
    /// A legal basis by its name.
    Basis,
}

/// A source: file, name and sentence of its table; how many columns are its key; which refer to other tables; the place; the query; the
/// columns.
macro_rules! source {
    ($file:literal $name:literal $says:literal, $keys:literal, [$($refers:expr),*], $key:literal, $sql:expr, { $($column:literal $meaning:literal $as:ident;)* }) => {
        Source {
            table: Table {
                file: $file,
                name: $name,
                says: $says,
                columns: &[$(($column, $meaning, As::$as.kind())),*],
                keys: $keys,
                refers: &[$($refers),*],
            },
            writes: &[$(As::$as),*],
            sql: $sql,
            key: $key,
        }
    };
}
use source;

/// Which rows are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// From this time on.
    pub from: UtcMs,
    /// Before this time.
    pub before: UtcMs,
}

/// Where a page ended: the key of its last row.
pub type Place = [Value; 3];

/// A table and how its rows are read.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// The table.
    pub table: Table,
    /// How each column is written.
    pub writes: &'static [As],
    /// The query: `?1` to `?3` the place, `?4` and `?5` the span in milliseconds, `?6` how many. After the columns come those of the
    /// place.
    sql: &'static str,
    /// What the columns of the place are: `i` whole numbers, `t` text.
    key: &'static str,
}

impl Source {
    /// The place before the first row.
    pub fn start(&self) -> Place {
        let mut first = [const { Value::Null }; 3];
        for (place, kind) in first.iter_mut().zip(self.key.chars()) {
            *place = if kind == 't' { Value::Text(String::new()) } else { Value::Integer(i64::MIN) };
        }
        first
    }

    /// Hands the rows after `place` in `span` to `take`, at most `most`; answers how many there were, and moves `place`.
    pub fn read<E: From<StoreError>>(
        &self,
        db: &Connection,
        place: &mut Place,
        span: Span,
        most: u32,
        mut take: impl FnMut(Vec<String>) -> Result<(), E>,
    ) -> Result<u32, E> {
        let mut statement = db.prepare_cached(self.sql).map_err(StoreError::from)?;
        let [a, b, c] = place.clone();
        let to_db = super::super::to_db;
        let mut rows = statement.query(params![a, b, c, to_db(span.from.0), to_db(span.before.0), most]).map_err(StoreError::from)?;
        let mut count = 0;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let mut fields = Vec::with_capacity(self.writes.len());
            for (index, how) in self.writes.iter().enumerate() {
                fields.push(how.written(row.get_ref(index).map_err(StoreError::from)?)?);
            }
            for (index, key) in place.iter_mut().enumerate().take(self.key.len()) {
                *key = row.get(self.writes.len() + index).map_err(StoreError::from)?;
            }
            take(fields)?;
            count += 1;
        }
        Ok(count)
    }
}

impl As {
    /// What a column of it holds.
    const fn kind(self) -> Kind {
        match self {
            Self::Number => Kind::Number,
            Self::Euros => Kind::Euros,
            Self::Day => Kind::Day,
            Self::Text
            | Self::Month
            | Self::Moment
            | Self::Hex
            | Self::Sha256
            | Self::Benefit
            | Self::Verdict
            | Self::When
            | Self::Card
            | Self::Reason
            | Self::Basis => Kind::Text,
        }
    }

    pub(super) fn written(self, value: ValueRef<'_>) -> Result<String, StoreError> {
        let wrong = || StoreError::Inconsistent("a column of the books of another kind".into());
        Ok(match (self, value) {
            (_, ValueRef::Null) => String::new(),
            (Self::Text, ValueRef::Text(text)) => text.to_owned(),
            (Self::Number, ValueRef::Integer(number)) => number.to_string(),
            (Self::Euros, ValueRef::Integer(cents)) => Cents::new(cents).decimal().replace('.', ","),
            (Self::Day, ValueRef::Integer(day)) => u64::try_from(day).ok().and_then(CivilDay::from_days).ok_or_else(wrong)?.german(),
            (Self::Month, ValueRef::Integer(month)) => u64::try_from(month).ok().and_then(CivilMonth::from_months).ok_or_else(wrong)?.to_string(),
            (Self::Moment, ValueRef::Integer(at)) => UtcMs(u64::try_from(at).map_err(|_| wrong())?).rfc3339(),
            (Self::When, ValueRef::Integer(at)) => {
                let at = UtcMs(u64::try_from(at).map_err(|_| wrong())?);
                format!("{}, {}", CivilDay::of(at).german(), clock_text(berlin_minute(at)))
            }
            (Self::Card, ValueRef::Blob(id)) => CardNumber::of(TokenId::from_slice(id).ok_or_else(wrong)?).to_string(),
            (Self::Reason, ValueRef::Text(code)) => {
                let code = code.to_owned();
                Reason::from_code(&code).map_or(code, |reason| Texts::speaking(Language::GERMAN).filled(reason, &Blanks::default()).text)
            }
            (Self::Basis, ValueRef::Text(code)) => {
                let code = code.to_owned();
                LegalBasis::parse(&code).map_or(code, |basis| basis.german().to_owned())
            }
            (Self::Hex, ValueRef::Blob(bytes)) => HEXLOWER.encode(bytes),
            (Self::Sha256, ValueRef::Blob(bytes)) => Hash::of(&[bytes]).hex(),
            (Self::Benefit, ValueRef::Integer(code)) => {
                u64::try_from(code).ok().and_then(Benefit::from_code).map_or_else(|| code.to_string(), |benefit| benefit.german().to_owned())
            }
            (Self::Verdict, ValueRef::Integer(code)) => match u64::try_from(code).ok().and_then(Verdict::from_code) {
                Some(Verdict::Pending) => "offen",
                Some(Verdict::Accepted) => "anerkannt",
                Some(Verdict::Reduced) => "gekürzt",
                Some(Verdict::Rejected) => "abgelehnt",
                None => return Err(wrong()),
            }
            .to_owned(),
            _ => return Err(wrong()),
        })
    }
}
