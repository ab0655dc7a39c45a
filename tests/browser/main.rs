//! The pages of the terminal in a real browser, at real boxes. `scripts/test` installs Chromium and fetches axe-core.
#![cfg(all(feature = "terminal", feature = "office"))]

mod audit;
mod bad_input;
mod camera;
mod chrome;
mod counter;
mod day;
mod film;
mod holder;
mod house;
mod lists;
mod measure;
mod network;
mod office;
mod passkeys;
mod readers;
mod shots;
mod tab;
mod verdicts;
mod wedge;
mod wedge_table;
#[path = "../wires/mod.rs"]
mod wires;
mod wizard;
mod words;
