//! The only input and output: storage, network, devices, paper and tables. Everything else is told what it needs.

pub mod backup;
#[cfg(feature = "office")]
pub mod certificate;
pub mod checkup;
pub mod command;
#[cfg(all(feature = "terminal", feature = "office"))]
pub mod demo;
pub mod device;
pub mod door;
pub mod envelope;
pub mod handover;
#[cfg(feature = "office")]
pub mod legal;
pub mod locked_file;
#[cfg(feature = "office")]
pub mod office_dir;
pub mod paper;
pub mod secret_file;
pub mod sheet;
pub mod slow_hash;
pub mod store;
pub mod supervisor;
#[cfg(feature = "terminal")]
pub mod terminal_dir;
pub mod texts;
#[cfg(feature = "terminal")]
pub mod tls;
#[cfg(feature = "terminal")]
pub mod training;
pub mod web;
pub mod whole_file;
