//! PostgreSQL's side: one connection of a tenant. Several processes may have one each; what writes holds the tenant's lock, so that of
//! each office one writes at a time, as with SQLite.

mod address;
mod dialect;
mod driver;
mod schema;
mod session;
mod wire;

pub use address::{Server, Tenant};
pub use schema::TABLES;
pub use session::{ServerSaid, ServerStatement, Session};

use super::ValueRef;
use tokio_postgres::Row;

/// The rows of a query, all of them here: a server sends them at once.
#[derive(Debug)]
pub struct ServerRows {
    left: std::vec::IntoIter<Row>,
    current: Option<Row>,
}

impl ServerRows {
    pub(super) fn next(&mut self) -> Option<&Row> {
        self.current = self.left.next();
        self.current.as_ref()
    }
}

/// A column's value; none for what we never store.
pub(super) fn value(row: &Row, column: usize) -> Option<ValueRef<'_>> {
    row.try_get::<_, wire::Received<'_>>(column).ok()?.0
}
