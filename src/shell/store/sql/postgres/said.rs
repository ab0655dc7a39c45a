//! What a server says where it does not do what it was asked for.

use super::super::Error;
use crate::shell::store::StoreError;
use tokio_postgres::error::SqlState;

/// What a server said, or that none answered. Never what stands in a row: its details are left out.
#[derive(Debug, thiserror::Error)]
pub enum ServerSaid {
    /// A statement failed.
    #[error("{code}: {words}")]
    Failed {
        /// The SQLSTATE.
        code: String,
        /// What it is about: the message where that cannot hold anything of a row, else the constraint.
        words: String,
    },
    /// The connection is gone or was never made.
    #[error("no answer from the database server ({0})")]
    Silent(String),
    /// The way to it cannot be encrypted as the address asks.
    #[error("{0}")]
    NotEncrypted(String),
    /// The system gives no thread.
    #[error("no thread for the connection to the database server")]
    NoThread,
    /// A simulated failure.
    #[error("a commit was made to fail")]
    Told,
}

impl From<tokio_postgres::Error> for ServerSaid {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(said) = error.as_db_error() else {
            let words = error.to_string();
            // Not sent at all: the library tells this apart in words only.
            return if words.starts_with("error serializing") { Self::Failed { code: "22021".into(), words } } else { Self::Silent(words) };
        };
        let code = said.code().code();
        // Class 22 (data) quotes what was given, class 23 (constraints) names the constraint; what else there is speaks of statements.
        let words = match code.get(..2) {
            Some("22") => "a value does not fit".to_owned(),
            Some("23") => said.constraint().unwrap_or("a constraint").to_owned(),
            _ => said.message().to_owned(),
        };
        Self::Failed { code: code.to_owned(), words }
    }
}

impl From<ServerSaid> for StoreError {
    fn from(said: ServerSaid) -> Self {
        let code = match &said {
            ServerSaid::Failed { code, .. } => SqlState::from_code(code),
            ServerSaid::Silent(_) | ServerSaid::NotEncrypted(_) | ServerSaid::NoThread => return Self::NotReachable(Error::Server(said)),
            ServerSaid::Told => return Self::Other(Error::Server(said)),
        };
        let error = Error::Server(said);
        if code == SqlState::DISK_FULL {
            return Self::Full(error);
        }
        if [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE, SqlState::TOO_MANY_CONNECTIONS]
            .contains(&code)
        {
            return Self::Busy(error);
        }
        match code.code().get(..2) {
            Some("XX") => Self::Damaged(error),
            // Not let in, no such database, being stopped or started.
            Some("08" | "28" | "3D" | "57") => Self::NotReachable(error),
            _ => Self::Other(error),
        }
    }
}
