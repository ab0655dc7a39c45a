//! The vocabulary every room is written in: money, days, ids, benefits, keys, signed documents, reasons.
//!
//! Nothing here knows a clock, a disk, a network or a random source.

pub mod benefit;
pub mod cbor;
pub mod cents;
pub mod chance;
pub mod civil;
pub mod code;
pub mod hex;
pub mod ids;
pub mod keys;
pub mod legal_basis;
pub mod reason;
pub mod sealed;
pub mod service;
pub mod spreadsheet;
pub mod time;
