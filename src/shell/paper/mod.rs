//! What is printed: QR codes, the letters and cards of the office.

#[cfg(feature = "office")]
pub mod benefit;
#[cfg(feature = "office")]
pub mod card;
#[cfg(feature = "office")]
pub mod face;
#[cfg(feature = "office")]
pub mod letters;
#[cfg(feature = "office")]
pub mod pdf;
#[cfg(feature = "office")]
pub mod press;
pub mod qr;
#[cfg(feature = "office")]
pub mod stack;
#[cfg(feature = "office")]
pub mod statement;
#[cfg(feature = "office")]
pub mod statement_pdf;
#[cfg(feature = "office")]
pub mod xrechnung;
#[cfg(feature = "office")]
pub mod zip;

#[cfg(all(test, feature = "office"))]
#[path = "../../../tests/printed/mod.rs"]
mod printed;
