//! Teilhabe: benefits for education and participation, from the first meal to the first payment.
pub mod admit;
pub mod book;
pub mod claim;
pub mod deliver;
pub mod intake;
#[cfg(feature = "office")]
pub mod office;
pub mod reconcile;
pub mod settle;
#[cfg(feature = "shell")]
pub mod shell;
#[cfg(feature = "terminal")]
pub mod terminal;
pub mod words;
