//! Tenants on the server that `scripts/postgres` has started, for tests that look behind the office.

use teilhabe::shell::store::office::{TEST_SERVER, open_at};
use teilhabe::shell::store::sql::Connection;
use teilhabe::shell::store::sql::postgres::{Server, Tenant};

/// The server that `scripts/postgres` has started.
pub fn server() -> Server {
    Server::parse(&std::env::var(TEST_SERVER).expect("scripts/postgres says where the server is")).expect("an address")
}

/// Two tenants that no other test has.
pub fn two(server: &Server) -> [Connection; 2] {
    let first = i64::from_le_bytes(teilhabe::shell::door::os_chance().bytes()) & i64::MAX >> 3 | 1 << 60;
    [first, first + 1].map(|number| open_at(server, Tenant(number)).expect("a tenant"))
}
