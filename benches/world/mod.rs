//! What the benches stand on: an office with children and tills that claim, and a canteen's terminal.
#![allow(dead_code, reason = "each bench uses the part it needs")]

pub mod canteen;
pub mod kreis;
#[path = "../../tests/town/mod.rs"]
pub mod town;

/// Whether figures are wanted (`cargo bench`, which says `--bench`); under `cargo test` a bench only shows that it still works.
pub fn is_measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// `full` where figures are wanted, else `small`.
pub fn size(full: usize, small: usize) -> usize {
    if is_measuring() { full } else { small }
}
