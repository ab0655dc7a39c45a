//! PostgreSQL's side: one connection of a tenant. Several processes may have one each; what writes holds the tenant's lock, so that of
//! each office one writes at a time, as with SQLite.

mod address;
mod dialect;
mod driver;
mod each;
mod rows;
mod said;
mod schema;
mod session;
mod tls;
mod wire;

pub use address::{Server, Tenant};
pub use rows::ServerRows;
pub use said::ServerSaid;
pub use schema::TABLES;
pub use session::{ServerStatement, Session};

use super::ValueRef;
use tokio_postgres::Row;

/// A column's value; none for what we never store.
pub(super) fn value(row: &Row, column: usize) -> Option<ValueRef<'_>> {
    row.try_get::<_, wire::Received<'_>>(column).ok()?.0
}
