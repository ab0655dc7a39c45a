//! Room 4: until the office has it, and until its answer is here.
//!
//! Envelopes are signed documents; the encryption around them (age) belongs to the shell, for it draws randomness.

pub mod advice;
pub mod exchange;
pub mod neighbour;
pub mod outbox;
pub mod receipt;
