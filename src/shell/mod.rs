//! The only input and output: storage, network, devices, paper and tables. Everything else is told what it needs.

pub mod paper;
pub mod texts;
