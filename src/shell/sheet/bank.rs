//! A bank's file of either kind, told apart by what is in it.

use super::camt::Statement;
use super::pain002::StatusReport;
use super::{RowError, camt, pain002};

/// What a bank sends.
#[derive(Clone, Debug)]
pub enum BankFile {
    /// What happened on accounts (camt.052, 053, 054).
    Statements(Vec<Statement>),
    /// What became of a payment file (pain.002).
    Report(StatusReport),
}

impl BankFile {
    /// The stable name of its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Statements(_) => "camt",
            Self::Report(_) => "pain.002",
        }
    }
}

/// Reads a bank's file. Nothing of it counts if an error is returned.
pub fn read(bytes: &[u8]) -> Result<BankFile, RowError> {
    let root = super::xml::read(bytes)?;
    if pain002::is_report(&root) { pain002::of_root(&root).map(BankFile::Report) } else { camt::of_root(&root).map(BankFile::Statements) }
}
