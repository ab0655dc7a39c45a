//! The office's database. Functions here hold SQL and nothing else: what they mean is decided by who calls them.

pub mod admission;
pub mod approvals;
pub mod audit;
pub mod backup;
pub mod bank;
pub mod batches;
pub mod books;
pub mod calendar;
pub mod carry;
pub mod cases;
pub mod children;
pub mod claims;
pub mod clerks;
mod counted;
pub mod deciding;
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
pub mod repayments;
pub mod retention;
pub mod sessions;
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
        include_str!("0002/ledger.sql"),
        include_str!("0002/audit.sql"),
        include_str!("0002/accounts.sql"),
        include_str!("0002/sessions.sql"),
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
use super::sql::Connection;
use super::sql::postgres::{Server, Session, Tenant};
use std::path::Path;

/// All versions of the schema on PostgreSQL, by their numbers. It begins with the second: nobody ever had the first there.
pub const SERVER_MIGRATIONS: &[(usize, &str)] = &[(
    2,
    concat!(
        include_str!("postgres/0002/functions.sql"),
        include_str!("postgres/0002/tables.sql"),
        include_str!("postgres/0002/sums.sql"),
        include_str!("postgres/0002/guards.sql"),
    ),
)];

/// What a tenant begins with on PostgreSQL; run again it changes nothing.
pub const TENANT_BEGINS: &str = include_str!("postgres/tenant.sql");

/// Opens the rows of a tenant on a server.
pub fn open_at(server: &Server, tenant: Tenant) -> Result<Connection, StoreError> {
    Ok(Connection::Server(Box::new(Session::open(server, tenant)?)))
}

/// Opens the office's database at `path`, as [`super::open`] does.
pub fn open(path: &Path) -> Result<Connection, StoreError> {
    Ok(super::open(path, MIGRATIONS)?.into())
}

/// Opens the office's database at `path` for this connection alone, as long as it lives: [`StoreError::Busy`] where another program has it open.
pub fn open_alone(path: &Path) -> Result<Connection, StoreError> {
    let db = super::open(path, MIGRATIONS)?;
    // A file whose log another connection uses keeps it.
    db.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
    db.execute_batch("BEGIN EXCLUSIVE")?;
    Ok(db.into())
}

/// Names a server on which tests and simulations keep their offices, each as a tenant of its own, in place of memory.
pub const TEST_SERVER: &str = "TEILHABE_TEST_DATABASE_URL";

/// An office's database for tests and simulations: in memory, or on the server that [`TEST_SERVER`] names.
pub fn open_in_memory() -> Result<Connection, StoreError> {
    if let Ok(url) = std::env::var(TEST_SERVER) {
        let number = u64::from_le_bytes(crate::shell::door::os_chance().bytes());
        // Above all numbers of offices.
        return open_at(&Server::parse(&url)?, Tenant(i64::try_from(number >> 2).unwrap_or(0) | 1 << 61));
    }
    Ok(super::open_in_memory(MIGRATIONS)?.into())
}

/// Reads an id of `N` bytes from a column.
fn array<const N: usize>(bytes: Vec<u8>, what: &str) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Inconsistent(format!("a {what} of the wrong length")))
}

/// A stored value that must be what `read` understands.
fn sound<T>(value: Option<T>, what: &str) -> Result<T, StoreError> {
    value.ok_or_else(|| StoreError::Inconsistent(format!("a {what} that is none")))
}
