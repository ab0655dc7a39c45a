//! The pages of the terminal in a real browser, at real boxes. `scripts/test` installs Chromium and fetches axe-core.
#![cfg(all(feature = "terminal", feature = "office"))]

mod audit;
mod chrome;
mod counter;
mod house;
mod tab;
mod wedge;
mod words;
