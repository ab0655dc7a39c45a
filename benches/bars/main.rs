//! The bars of docs/PERFORMANCE.md: each figure beside its physical limit, taken in turn in one run. Prints the rows of the table.
//!
//! `cargo bench --bench bars` measures; under `cargo test` everything runs once, small. `BARS_LINES=10000000` takes in more lines for
//! bar 9. Nothing here fails because of a time.

mod counter;
mod http;
mod measure;
mod office;
mod table;
#[path = "../world/mod.rs"]
mod world;

use tempfile::{TempDir, tempdir_in};

fn main() {
    let lines = std::env::var("BARS_LINES").ok().and_then(|lines| lines.parse().ok());
    let lines = lines.unwrap_or_else(|| world::size(1_000_000, 100));
    println!("| bar | what | figure | limit in the same run | value | must / want | verdict |");
    println!("|---|---|---|---|---|---|---|");
    counter::tokens_and_redemptions(folder().path());
    http::redemptions(folder().path(), folder().path());
    counter::many_entries(folder().path(), folder().path());
    http::start(folder().path());
    http::binary();
    counter::sealing(folder().path());
    office::intake_of_strangers(folder().path());
    office::intake_of_a_year(folder().path(), lines);
    office::small_batches(folder().path());
    office::decisions(folder().path());
}

/// A folder on a real disk: `/tmp` may be memory, where a commit costs nothing.
fn folder() -> TempDir {
    tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}
