//! Why something was not stored or read.

use rusqlite::ErrorCode;

/// What a database said.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// SQLite.
    #[error(transparent)]
    Embedded(#[from] rusqlite::Error),
    /// PostgreSQL.
    #[cfg(feature = "office")]
    #[error(transparent)]
    Server(#[from] super::sql::postgres::ServerSaid),
    /// A query that must have a row has none.
    #[error("a query has no row")]
    NoRow,
    /// A column holds a value of another kind, or one that does not fit.
    #[error("column {0} holds a value of another kind")]
    Column(usize),
    /// A statement that cannot be made one for many sets of values.
    #[error("a statement that cannot be run for many at once")]
    NotForEach,
    /// A statement was given more or fewer values than it has places.
    #[error("a statement with {wanted} places was given {given} values")]
    Values {
        /// How many it was given.
        given: usize,
        /// How many it has places for.
        wanted: usize,
    },
}

/// Why something was not stored or read. One sentence each for the person at the machine.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room.
    #[error("the disk is full, nothing was stored: free some space")]
    Full(#[source] DbError),
    /// The file is not what was written.
    #[error("the database is damaged: restore it from the backup")]
    Damaged(#[source] DbError),
    /// Another process holds the database.
    #[error("another program holds the database: close it and try again")]
    Busy(#[source] DbError),
    /// The folder or disk cannot be written.
    #[error("the database cannot be opened for writing: check the folder, its permissions and the disk")]
    NotWritable(#[source] DbError),
    /// The server does not answer, or does not let this program in.
    #[error("the database server cannot be reached or does not let this program in ({0}): check that it runs, and the address, user and password")]
    NotReachable(#[source] DbError),
    /// No server that can be used.
    #[error("--database-url cannot be used: {0}")]
    NoServer(String),
    /// A later version of this program has written it.
    #[error("a newer version of this program has written this database (its version {found}, known here: {known}): update the program")]
    Newer {
        /// The database's version.
        found: usize,
        /// The latest version known here.
        known: usize,
    },
    /// No room for the copy that is made before an update.
    #[error("the disk has no room for the copy that is made before the database is updated: nothing was changed; free some space and start again")]
    NoRoomToUpdate(#[source] Box<Self>),
    /// An update that did not succeed.
    #[error(
        "the database could not be brought from version {found} to {known} ({why}): nothing was changed; install the program that was here before, and report this sentence"
    )]
    NotUpdated {
        /// The database's version.
        found: usize,
        /// The latest version known here.
        known: usize,
        /// What the database or the system said.
        why: String,
    },
    /// A server holds rows of the office that is moved there already, and others than its file; the table is named.
    #[cfg(feature = "office")]
    #[error(
        "the server holds other rows of this office than the file (table {0}), nothing was changed: was it moved before and used there? Then its file is old, and the server's office goes on; else take another, empty database"
    )]
    OtherRows(String),
    /// Two names that a server takes for one.
    #[cfg(feature = "office")]
    #[error(
        "the clerks {0} and {1} have names that differ in capital letters alone, which a server does not tell apart, and the name of an account stays: nothing was changed, and this office goes on in its file"
    )]
    SameName(String, String),
    /// A move that was cut off before it was known whether it counts.
    #[cfg(feature = "office")]
    #[error(
        "this office was being moved onto a server when that was cut off: give `teilhabe office move` once more with the same --database-url, it finishes what was begun"
    )]
    Moving,
    /// What is stored contradicts itself.
    #[error("the database holds something it cannot hold ({0}): run journal verify or restore the backup")]
    Inconsistent(String),
    /// The folder could not be prepared.
    #[error(transparent)]
    Folder(#[from] crate::shell::secret_file::SecretFileError),
    /// What was recorded at the same moment could not be stored.
    #[error("nothing was stored, for the disk refused what came with it: try again, and if it happens again free some space")]
    Undone,
    /// Anything else the database said.
    #[error("the database could not do it: {0}")]
    Other(#[source] DbError),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        DbError::Embedded(error).into()
    }
}

impl From<DbError> for StoreError {
    fn from(error: DbError) -> Self {
        let said = match error {
            #[cfg(feature = "office")]
            DbError::Server(said) => return said.into(),
            DbError::Embedded(ref said) => said,
            _ => return Self::Other(error),
        };
        match said.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(error),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(error),
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::SystemIoFailure) => Self::NotWritable(error),
            _ => Self::Other(error),
        }
    }
}
