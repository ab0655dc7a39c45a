//! SQLite's side: values are bound where they lie, statements are kept prepared.

use super::{Error, Params, Result, ValueRef};
use rusqlite::types::{ToSqlOutput, ValueRef as Stored};

/// A prepared statement.
pub enum EmbeddedStatement<'c> {
    /// One that goes back to the connection's.
    Kept(rusqlite::CachedStatement<'c>),
    /// One for this once.
    Once(rusqlite::Statement<'c>),
}

/// Its rows.
pub type EmbeddedRows<'s> = rusqlite::Rows<'s>;

impl<'c> EmbeddedStatement<'c> {
    fn inner(&mut self) -> &mut rusqlite::Statement<'c> {
        match self {
            Self::Kept(statement) => statement,
            Self::Once(statement) => statement,
        }
    }

    pub(super) fn query(&mut self, values: &impl Params) -> Result<EmbeddedRows<'_>> {
        let statement = self.inner();
        bind(statement, values)?;
        Ok(statement.raw_query())
    }

    pub(super) fn execute(&mut self, values: &impl Params) -> Result<usize> {
        let statement = self.inner();
        bind(statement, values)?;
        Ok(statement.raw_execute()?)
    }
}

/// A value handed to SQLite where it lies.
struct Borrowed<'v>(ValueRef<'v>);

impl rusqlite::ToSql for Borrowed<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            ValueRef::Null => Stored::Null,
            ValueRef::Integer(number) => Stored::Integer(number),
            ValueRef::Text(text) => Stored::Text(text.as_bytes()),
            ValueRef::Blob(bytes) => Stored::Blob(bytes),
        }))
    }
}

fn bind(statement: &mut rusqlite::Statement<'_>, values: &impl Params) -> Result<()> {
    let (mut count, mut failed) = (0, None);
    let wanted = statement.parameter_count();
    values.each(&mut |_, value| {
        count += 1;
        if failed.is_none() && count <= wanted {
            failed = statement.raw_bind_parameter(count, Borrowed(value)).err();
        }
    });
    match failed {
        Some(error) => Err(error.into()),
        None if count == wanted => Ok(()),
        None => Err(Error::Values { given: count, wanted }),
    }
}

/// A stored value as ours; none for what we never store: fractions, and text that is none.
pub(super) fn value(stored: Stored<'_>) -> Option<ValueRef<'_>> {
    match stored {
        Stored::Null => Some(ValueRef::Null),
        Stored::Integer(number) => Some(ValueRef::Integer(number)),
        Stored::Text(text) => std::str::from_utf8(text).ok().map(ValueRef::Text),
        Stored::Blob(bytes) => Some(ValueRef::Blob(bytes)),
        Stored::Real(_) => None,
    }
}
