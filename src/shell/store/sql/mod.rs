//! The part of SQL the office needs, on either of two stores: SQLite in a file of its own, or a PostgreSQL server shared by many offices.
//!
//! The shape is rusqlite's, so that a statement reads the same on both. What differs between them is told apart here and nowhere else.

mod each;
mod embedded;
pub mod postgres;
mod value;

pub use super::error::DbError as Error;
pub use crate::params;
pub use value::{FromSql, Kind, Listed, Params, Places, ToSql, Value, ValueRef, params_from_iter};

use embedded::{EmbeddedRows, EmbeddedStatement};
use postgres::{ServerRows, ServerStatement, Session};
use std::ops::Deref;
use std::path::Path;

/// What the database answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The values of a statement, each by reference.
#[macro_export]
macro_rules! params {
    () => { &[] as &[&dyn $crate::shell::store::sql::ToSql] };
    ($($value:expr),+ $(,)?) => { &[$(&$value as &dyn $crate::shell::store::sql::ToSql),+] as &[&dyn $crate::shell::store::sql::ToSql] };
}

/// A connection to the office's database.
#[derive(Debug)]
pub enum Connection {
    /// SQLite.
    Embedded(rusqlite::Connection),
    /// PostgreSQL.
    Server(Box<Session>),
}

impl From<rusqlite::Connection> for Connection {
    fn from(connection: rusqlite::Connection) -> Self {
        Self::Embedded(connection)
    }
}

impl Connection {
    /// A prepared statement; the next time it is there already.
    pub fn prepare_cached(&self, sql: &str) -> Result<Statement<'_>> {
        match self {
            Self::Embedded(db) => Ok(Statement::Embedded(EmbeddedStatement::Kept(db.prepare_cached(sql)?))),
            Self::Server(session) => Ok(Statement::Server(session.prepare(sql))),
        }
    }

    /// A prepared statement that is used this once.
    pub fn prepare(&self, sql: &str) -> Result<Statement<'_>> {
        match self {
            Self::Embedded(db) => Ok(Statement::Embedded(EmbeddedStatement::Once(db.prepare(sql)?))),
            Self::Server(session) => Ok(Statement::Server(session.prepare(sql))),
        }
    }

    /// Runs a statement; answers how many rows it has changed.
    pub fn execute(&self, sql: &str, values: impl Params) -> Result<usize> {
        self.prepare(sql)?.execute(values)
    }

    /// The first row of a query; [`Error::NoRow`] where it has none.
    pub fn query_row<T>(&self, sql: &str, values: impl Params, read: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<T> {
        self.prepare(sql)?.query_row(values, read)
    }

    /// Runs an `INSERT … RETURNING` of one row; answers its number.
    pub fn insert(&self, sql: &str, values: impl Params) -> Result<i64> {
        self.prepare_cached(sql)?.query_row(values, |row| row.get(0))
    }

    /// Runs statements without values.
    pub fn execute_batch(&self, sql: &str) -> Result<()> {
        match self {
            Self::Embedded(db) => Ok(db.execute_batch(sql)?),
            Self::Server(session) => session.batch(sql),
        }
    }

    /// Begins a transaction that writes: the only one of this office until it ends. Dropped, it is taken back.
    pub fn writing(&self) -> Result<Transaction<'_>> {
        match self {
            Self::Embedded(db) => db.execute_batch("BEGIN IMMEDIATE")?,
            Self::Server(session) => session.begin()?,
        }
        Ok(Transaction { connection: self, is_open: true })
    }

    /// From now on, until the connection is dropped, it reads what is there at its first query, whatever others write.
    pub fn reading(&self) -> Result<()> {
        match self {
            Self::Embedded(db) => Ok(db.execute_batch("BEGIN")?),
            Self::Server(session) => session.begin_reading(),
        }
    }

    /// Has the triggers that keep an office's sums leave changed lines alone from now on in this transaction, or look at them again.
    pub fn count_apart(&self, apart: bool) -> Result<()> {
        match (self, apart) {
            (Self::Embedded(_), true) => self.prepare_cached("INSERT INTO counted_apart (mark) VALUES (1)")?.execute([])?,
            (Self::Embedded(_), false) => self.prepare_cached("DELETE FROM counted_apart")?.execute([])?,
            (Self::Server(session), _) => {
                session.batch(if apart { "SET LOCAL teilhabe.apart = 'on'" } else { "SET LOCAL teilhabe.apart = 'off'" })?;
                0
            }
        };
        Ok(())
    }

    /// The database's file; none where it has none of its own.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Embedded(db) => db.path().filter(|path| !path.is_empty()).map(Path::new),
            Self::Server(_) => None,
        }
    }

    /// A further connection to the same database that only reads; none over a database in memory, which only its owner can read.
    pub fn reader(&self) -> Result<Option<Self>, super::StoreError> {
        match self {
            Self::Embedded(_) => self.path().map(|path| Ok(super::open_to_read(path)?.into())).transpose(),
            Self::Server(session) => Ok(Some(Self::Server(Box::new(session.reader()?)))),
        }
    }

    /// The version of the schema.
    pub fn version(&self) -> Result<u32, super::StoreError> {
        match self {
            Self::Server(session) => Ok(u32::try_from(session.version()?).unwrap_or(u32::MAX)),
            Self::Embedded(db) => Ok(db.pragma_query_value(None, "user_version", |row| row.get(0))?),
        }
    }

    /// The names of all tables.
    pub fn tables(&self) -> Result<Vec<String>> {
        let sql = match self {
            Self::Embedded(_) => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
            Self::Server(_) => postgres::TABLES,
        };
        self.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    }

    /// Writes the database anew without what was deleted, and removes copies from before updates.
    pub fn compact(&self) -> Result<(), super::StoreError> {
        match self {
            // The server's own vacuum does it; a full one would lock out every office of the database.
            Self::Server(_) => Ok(()),
            Self::Embedded(db) => {
                db.execute_batch("VACUUM")?;
                super::forget_earlier(db)?;
                Ok(())
            }
        }
    }

    /// Empties the log beside the database, so that deleted bytes are gone from the disk's files too; false where somebody still reads from it.
    pub fn empty_log(&self) -> Result<bool> {
        match self {
            // How long its log and its archive are kept is decided where the server is looked after (docs/SCALE.md).
            Self::Server(_) => Ok(true),
            Self::Embedded(db) => {
                let busy: i64 = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
                Ok(busy == 0)
            }
        }
    }

    /// Leaps over `count` numbers of answers to terminals that a lost database may have given away.
    pub fn leap_over_advice(&self, count: i64) -> Result<()> {
        match self {
            Self::Server(_) => self.query_row(
                "SELECT setval(pg_get_serial_sequence('advice', 'id'), nextval(pg_get_serial_sequence('advice', 'id')) + ?1)",
                [count],
                |_| Ok(()),
            ),
            Self::Embedded(db) => {
                let begun = "INSERT INTO sqlite_sequence (name, seq) SELECT 'advice', 0
                             WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'advice')";
                db.execute(begun, [])?;
                db.execute("UPDATE sqlite_sequence SET seq = seq + ?1 WHERE name = 'advice'", [count])?;
                Ok(())
            }
        }
    }

    /// Makes each commit fail for which `fails` answers yes: for simulations.
    pub fn fail_commits(&mut self, fails: impl FnMut() -> bool + Send + 'static) -> Result<()> {
        match self {
            Self::Embedded(db) => Ok(db.commit_hook(Some(fails))?),
            Self::Server(session) => {
                session.fail_commits(fails);
                Ok(())
            }
        }
    }
}

/// A transaction that writes.
#[derive(Debug)]
pub struct Transaction<'c> {
    connection: &'c Connection,
    is_open: bool,
}

impl Transaction<'_> {
    /// Makes it durable.
    pub fn commit(mut self) -> Result<()> {
        match self.connection {
            Connection::Embedded(db) => db.execute_batch("COMMIT")?,
            Connection::Server(session) => session.commit()?,
        }
        self.is_open = false;
        Ok(())
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.is_open {
            // A commit that failed may have ended it already; what cannot be taken back now is taken back when the database is opened next.
            match self.connection {
                Connection::Embedded(db) if db.is_autocommit() => {}
                Connection::Embedded(db) => drop(db.execute_batch("ROLLBACK")),
                Connection::Server(session) => session.roll_back(),
            }
        }
    }
}

/// A prepared statement.
pub enum Statement<'c> {
    /// SQLite's.
    Embedded(EmbeddedStatement<'c>),
    /// PostgreSQL's.
    Server(ServerStatement<'c>),
}

impl Statement<'_> {
    /// The rows of a query.
    pub fn query(&mut self, values: impl Params) -> Result<Rows<'_>> {
        match self {
            Self::Embedded(statement) => Ok(Rows::Embedded(statement.query(&values)?)),
            Self::Server(statement) => Ok(Rows::Server(statement.query(&values)?)),
        }
    }

    /// The rows of a query, each as `read` reads it.
    pub fn query_map<T, F: FnMut(&Row<'_>) -> Result<T>>(&mut self, values: impl Params, read: F) -> Result<MappedRows<'_, F>> {
        Ok(MappedRows { rows: self.query(values)?, read })
    }

    /// The first row of a query; [`Error::NoRow`] where it has none.
    pub fn query_row<T>(&mut self, values: impl Params, read: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<T> {
        match self.query(values)?.next()? {
            Some(row) => read(&row),
            None => Err(Error::NoRow),
        }
    }

    /// Whether a query has a row.
    pub fn exists(&mut self, values: impl Params) -> Result<bool> {
        Ok(self.query(values)?.next()?.is_some())
    }

    /// Runs it; answers how many rows it has changed.
    pub fn execute(&mut self, values: impl Params) -> Result<usize> {
        match self {
            Self::Embedded(statement) => statement.execute(&values),
            Self::Server(statement) => statement.execute(&values),
        }
    }
}

/// The rows of a query, one after the other.
pub enum Rows<'s> {
    /// SQLite's: each is found when it is asked for.
    Embedded(EmbeddedRows<'s>),
    /// PostgreSQL's.
    Server(ServerRows),
}

impl Rows<'_> {
    /// The next one.
    #[expect(clippy::should_implement_trait, reason = "a row lives no longer than until the next one is asked for")]
    pub fn next(&mut self) -> Result<Option<Row<'_>>> {
        match self {
            Self::Embedded(rows) => Ok(rows.next()?.map(Row::Embedded)),
            Self::Server(rows) => Ok(rows.next()?.map(Row::Server)),
        }
    }
}

/// The rows of a query as they are read.
pub struct MappedRows<'s, F> {
    rows: Rows<'s>,
    read: F,
}

impl<T, F: FnMut(&Row<'_>) -> Result<T>> Iterator for MappedRows<'_, F> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        self.rows.next().and_then(|row| row.map(|row| (self.read)(&row)).transpose()).transpose()
    }
}

/// A row.
pub enum Row<'r> {
    /// SQLite's.
    Embedded(&'r rusqlite::Row<'r>),
    /// PostgreSQL's.
    Server(&'r tokio_postgres::Row),
}

/// The place of a column, from 0.
pub trait RowIndex {
    /// It.
    fn column(self) -> usize;
}

impl RowIndex for usize {
    fn column(self) -> usize {
        self
    }
}

impl Row<'_> {
    /// The value of a column.
    pub fn get<I: RowIndex, T: FromSql>(&self, index: I) -> Result<T> {
        let column = index.column();
        T::from_value(self.get_ref(column)?).ok_or(Error::Column(column))
    }

    /// The value of a column where it lies.
    pub fn get_ref(&self, column: usize) -> Result<ValueRef<'_>> {
        match self {
            Self::Embedded(row) => embedded::value(row.get_ref(column)?).ok_or(Error::Column(column)),
            Self::Server(row) => postgres::value(row, column).ok_or(Error::Column(column)),
        }
    }
}

/// A query that may have no row.
pub trait OptionalExtension<T> {
    /// None where there is no row.
    fn optional(self) -> Result<Option<T>>;
}

impl<T> OptionalExtension<T> for Result<T> {
    fn optional(self) -> Result<Option<T>> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(Error::NoRow) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
