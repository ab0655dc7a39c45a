//! The only HTTP: interfaces, pages, and the client's side of an exchange.

pub mod actor;
#[cfg(all(feature = "fit-connect", any(feature = "office", feature = "terminal")))]
pub mod fit_connect;
pub mod guard;
#[cfg(feature = "office")]
pub mod office;
#[cfg(any(feature = "office", feature = "terminal"))]
pub mod outgoing;
pub mod pace;
pub mod problem;
#[cfg(any(feature = "office", feature = "terminal"))]
pub mod proxy;
pub mod serve;
#[cfg(feature = "terminal")]
pub mod terminal;
