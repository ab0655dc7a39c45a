//! What is printed: QR codes, the letters and cards of the office.

pub mod qr;
#[cfg(feature = "office")]
pub mod statement;
