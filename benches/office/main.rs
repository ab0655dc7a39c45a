//! The office's month end (docs/PERFORMANCE.md): a month of a Kreis in 600 sealed and encrypted batches is taken in, decided and drawn up
//! over nine months that are settled already; then every page is asked for. Beside it a bare bulk insert of the same lines and a bare
//! check of the same signatures, batch by batch in turn.
//!
//! `scripts/bench-office` runs it. The world is made once in `OFFICE_WORLD` (default: a folder beside the build) and used again. Each part
//! runs in a process of its own, so that its memory is its own. Under `cargo test` everything runs once, small. Nothing fails because of
//! a time.

mod kept;
#[path = "../bars/measure.rs"]
#[allow(dead_code, reason = "each bench uses the part it needs")]
mod measure;
mod month;
mod pages;
mod till;
mod town;

use std::path::{Path, PathBuf};
use std::process::Command;
use town::{FULL, SMALL, Size, Town};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_measuring = arguments.iter().any(|argument| argument == "--bench");
    let size = if is_measuring { FULL } else { SMALL };
    let part = arguments.iter().find(|argument| !argument.starts_with('-')).map_or("all", String::as_str);
    let kept = std::env::var_os("OFFICE_WORLD").map(PathBuf::from);
    let (small, large) =
        (tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder"), Path::new(env!("CARGO_TARGET_TMPDIR")).join("office"));
    let folder = kept.unwrap_or_else(|| if is_measuring { large } else { small.path().to_owned() });
    match part {
        "world" => make(&folder, size),
        "intake" => month::taken_in(&folder),
        "settle" => month::drawn_up(&folder),
        "pages" => pages::asked_for(&folder, is_measuring),
        _ => {
            make(&folder, size);
            copy(&folder.join("base"), &folder.join("run"));
            println!("| what | figure | beside it | ratio |\n|---|---|---|---|");
            for part in ["intake", "pages", "settle"] {
                again(part, &folder, is_measuring);
            }
            std::fs::remove_dir_all(folder.join("run")).expect("removed");
        }
    }
}

/// Runs one part in a process of its own.
fn again(part: &str, folder: &Path, is_measuring: bool) {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.arg(part).env("OFFICE_WORLD", folder);
    if is_measuring {
        command.arg("--bench");
    }
    assert!(command.status().expect("started").success(), "{part} failed");
}

/// Makes the world unless it is there: `base` holds the office with all months but the last settled, `sent` the last month's batches.
fn make(folder: &Path, size: Size) {
    let mark = folder.join(format!("made-{size:?}.2").replace([' ', '{', '}', ':', ','], ""));
    if mark.exists() {
        return;
    }
    let (base, sent) = (folder.join("base"), folder.join("sent"));
    for old in [&base, &sent] {
        let _ = std::fs::remove_dir_all(old);
    }
    std::fs::create_dir_all(&sent).expect("a folder");
    let mut town = Town::new(&base, size);
    for month in 0..size.months - 1 {
        town.month_settled(month);
        eprintln!("month {month} made");
    }
    for (number, batch) in town.claims(size.months - 1).iter().enumerate() {
        kept::write(&sent.join(format!("{number:04}")), batch);
    }
    town.office.db().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("copied");
    drop(town);
    std::fs::write(mark, (size.months - 1).to_string()).expect("written");
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp").success());
}
