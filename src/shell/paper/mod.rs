//! What is printed: QR codes, the letters and cards of the office.

#[cfg(feature = "office")]
pub mod statement;
