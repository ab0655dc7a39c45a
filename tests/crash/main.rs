//! The real program, killed, refused the disk or cut off from power at the writes it makes; then started again and compared with what its
//! client was told: nothing that was shown green is lost, nothing is invented, nothing is paid twice.
//!
//! `scripts/crash` goes through every write of every scene; `scripts/test` through as many as fit, chosen by a seed that is printed:
//! `TEILHABE_CRASH_SEED=N` plays it again.
#![cfg(all(feature = "terminal", feature = "office"))]

mod commands;
mod counter;
mod long;
mod program;
mod scene;
mod takeover;
mod town;
