//! The bars of docs/PERFORMANCE.md: each figure beside its physical limit, taken in turn in one run. Prints the rows of the table.
//!
//! `cargo bench --bench bars` measures all, `cargo bench --bench bars -- http` one part; under `cargo test` everything runs once, small.
//! `BARS_LINES=10000000` takes in more lines for bar 9. Nothing here fails because of a time.

mod counter;
mod day;
mod http;
#[allow(dead_code, reason = "each bench uses the part it needs")]
mod measure;
mod office;
mod plot;
mod postgres;
mod race;
mod table;
#[path = "../world/mod.rs"]
mod world;

use tempfile::{TempDir, tempdir_in};

fn main() {
    let lines = std::env::var("BARS_LINES").ok().and_then(|lines| lines.parse().ok());
    let lines = lines.unwrap_or_else(|| world::size(1_000_000, 100));
    let parts: [(&str, &dyn Fn()); 13] = [
        ("counter", &|| counter::tokens_and_redemptions(folder().path())),
        ("http", &|| http::redemptions(folder().path(), folder().path())),
        ("many", &|| counter::many_entries(folder().path(), folder().path())),
        ("start", &|| http::start(folder().path())),
        ("sealing", &|| counter::sealing(folder().path())),
        ("strangers", &|| office::intake_of_strangers(folder().path())),
        ("year", &|| office::intake_of_a_year(folder().path(), lines)),
        ("latency", &counter::latency),
        ("postgres", &postgres::intake),
        ("day", &day::day),
        ("rate", &|| race::rate(folder().path())),
        ("till", &|| race::till(folder().path(), folder().path())),
        ("decisions", &|| {
            office::small_batches(folder().path());
            office::decisions(folder().path());
        }),
    ];
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    println!("| bar | what | figure | limit in the same run | value | must / want | verdict |");
    println!("|---|---|---|---|---|---|---|");
    for (name, part) in parts {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            part();
        }
    }
}

/// A folder on a real disk: `/tmp` may be memory, where a commit costs nothing.
pub fn folder() -> TempDir {
    tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}
