//! Room 3: entries become a batch that may leave the house.
//!
//! `Draft → CheckedBatch → signed bytes`; the office runs the same [`check::check`] on what it opens.

pub mod batch;
pub mod check;
