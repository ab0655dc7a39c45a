//! The only HTTP: interfaces, pages, and the client's side of an exchange.

pub mod guard;
pub mod problem;
#[cfg(feature = "terminal")]
pub mod terminal;
