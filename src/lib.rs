//! Teilhabe: benefits for education and participation, from the first meal to the first payment.
//!
//! ```text
//!  counter ─scan─► admit ► book ► claim ► deliver ══bytes══► intake ► reconcile ► settle ─► payment
//!                    └─ terminal.rs (one SQLite) ─┘             └─ office.rs (one SQLite) ─┘
//!  words ◄ rooms ◄ shell ◄ terminal.rs, office.rs ◄ sim, main.rs (clock, randomness, files, sockets)
//! ```
//!
//! **Reading order**: `tests/way.rs`, then [`words`], then the rooms along the alphabet, which is the way of the data:
//! [`admit`] → [`book`] → [`claim`] → [`deliver`] → [`intake`] → [`reconcile`] → [`settle`]; then [`shell`], the only input and output,
//! and the two roles that compose it all.
//!
//! **The one rule**: a room imports [`words`] and rooms earlier in the alphabet, nothing else. It knows no database, network, file, clock
//! or random source: time is an argument, and so is chance. `tests/tidy.rs` checks it.
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
#[cfg(feature = "sim")]
pub mod sim;
#[cfg(feature = "terminal")]
pub mod terminal;
pub mod words;
