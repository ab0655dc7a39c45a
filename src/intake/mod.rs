//! Room 5: the office takes in, once.

pub mod open;
pub mod place;
