//! The only HTTP: interfaces, pages, and the client's side of an exchange.

pub mod actor;
pub mod guard;
#[cfg(feature = "office")]
pub mod office;
pub mod pace;
pub mod problem;
pub mod serve;
#[cfg(feature = "terminal")]
pub mod terminal;
