//! Room 1: a scanned string becomes a verified entitlement, and a box becomes an admitted terminal.
//!
//! The way through: [`scan::Scan`] → [`token::UnverifiedToken`] → [`token::Entitlement`]. Nothing else makes an entitlement.

pub mod credential;
pub mod enrolment;
pub mod issue;
pub mod number;
pub mod phone;
pub mod scan;
pub mod status;
pub mod token;
pub mod trust;
pub mod verify;
