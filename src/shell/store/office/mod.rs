//! The office's database. Functions here hold SQL and nothing else: what they mean is decided by who calls them.

pub mod admission;
pub mod approvals;
pub mod audit;
pub mod backup;
pub mod bank;
pub mod batches;
pub mod books;
pub mod calendar;
pub mod cases;
pub mod children;
pub mod claims;
pub mod clerks;
pub mod desk;
pub mod disclosure;
pub mod documents;
pub mod doubts;
pub mod figures;
pub mod findings;
pub mod invoices;
pub mod keys;
pub mod lines;
pub mod passkeys;
pub mod patterns;
pub mod payable;
pub mod payments;
pub mod phones;
pub mod prints;
pub mod providers;
pub mod purge;
pub mod retention;
pub mod settings;
pub mod sums;
pub mod swap;
pub mod uploads;
pub mod views;
pub mod waiting;

/// All versions of the schema, each script taking the database from the one before.
pub const MIGRATIONS: &[&str] = &[
    include_str!("0001.sql"),
    concat!(
        include_str!("0002/audit.sql"),
        include_str!("0002/accounts.sql"),
        include_str!("0002/findings.sql"),
        include_str!("0002/checks.sql"),
        include_str!("0002/cases.sql"),
        include_str!("0002/papers.sql"),
        include_str!("0002/settlement.sql"),
        include_str!("0002/doubts.sql"),
        include_str!("0002/claims.sql"),
        include_str!("0002/invoice.sql"),
        include_str!("0002/retention.sql"),
        include_str!("0002/speed.sql"),
        include_str!("0002/swap.sql"),
        include_str!("0002/phone.sql"),
        include_str!("0002/keys.sql"),
    ),
];

use super::StoreError;

/// Reads an id of `N` bytes from a column.
fn array<const N: usize>(bytes: Vec<u8>, what: &str) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Inconsistent(format!("a {what} of the wrong length")))
}

/// A stored value that must be what `read` understands.
fn sound<T>(value: Option<T>, what: &str) -> Result<T, StoreError> {
    value.ok_or_else(|| StoreError::Inconsistent(format!("a {what} that is none")))
}
