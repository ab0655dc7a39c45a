//! The documents say what the code does: limits, reasons, and every file, function and test they name.
#![cfg(feature = "shell")]

use std::fs;
use std::path::{Path, PathBuf};
use teilhabe::words::cents::Cents;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::reason::Reason;
use teilhabe::words::time::UtcMs;
use teilhabe::{admit, book, claim, deliver, reconcile, shell, words};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document(name: &str) -> String {
    fs::read_to_string(root().join("docs").join(name)).unwrap_or_else(|error| panic!("docs/{name}: {error}"))
}

/// What stands between single backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// All sources, tests and schemas as one text.
fn sources() -> String {
    let mut open: Vec<PathBuf> = vec![root().join("src"), root().join("tests")];
    let mut all = String::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).expect("a folder of this project").map(|entry| entry.expect("its entry").path()));
        } else if path.extension().is_some_and(|e| e == "rs" || e == "sql") {
            all.push_str(&fs::read_to_string(&path).expect("a source file"));
        }
    }
    all
}

/// Whether `word` stands in `text` as a whole name.
fn has_word(text: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(part_of_name) && !after.is_some_and(part_of_name)
    })
}

/// The limits of FORMAT.md § 16 by the names of the code.
fn limits() -> Vec<(String, u64)> {
    macro_rules! of {
        ($($($part:ident)::+),* $(,)?) => { vec![$((stringify!($($part)::+).replace(' ', ""), u64::try_from($($part)::+).expect("safe: a limit is positive"))),*] };
    }
    let mut limits = of![
        words::sealed::MAX_TOKEN_BYTES,
        words::sealed::MAX_DOCUMENT_BYTES,
        admit::phone::MAX_PHONE_BYTES,
        words::cbor::MAX_DEPTH,
        words::cbor::FIRST_IGNORED_KEY,
        admit::scan::MAX_SCAN_BYTES,
        admit::scan::MAX_CHIP,
        admit::token::MAX_ALLOWANCES,
        admit::token::MAX_CEILINGS,
        admit::token::MAX_PROVIDERS,
        admit::token::MAX_HINT,
        admit::trust::MAX_KEYS,
        admit::trust::MAX_NAME,
        admit::trust::MAX_RECIPIENT,
        admit::credential::MAX_SERVICES,
        admit::credential::MAX_SIBLINGS,
        words::service::MAX_PRICES,
        words::service::MAX_LABEL,
        admit::status::MAX_TOKENS,
        book::entry::MAX_ENTRY_BYTES,
        book::redemption::MAX_UNITS,
        book::redemption::MAX_OPERATOR,
        claim::batch::MAX_ITEMS,
        deliver::receipt::MAX_REASON,
        deliver::advice::MAX_PAYMENTS,
        deliver::exchange::MAX_DOCUMENTS,
        deliver::exchange::MAX_ENVELOPE_DOCUMENTS,
        deliver::exchange::MAX_ELSEWHERE,
        deliver::neighbour::MAX_TOLD,
        deliver::neighbour::MAX_TELLING_BYTES,
        deliver::neighbour::MAX_SHOWN,
        shell::envelope::MAX_PLAINTEXT,
        reconcile::finding::CLOCK_TOLERANCE_MS,
    ];
    limits.push(("words::cents::Cents::MAX_SINGLE".into(), Cents::MAX_SINGLE.to_field()));
    limits.push(("words::time::UtcMs::MAX".into(), UtcMs::MAX.0));
    limits.push(("words::civil::CivilDay::MAX".into(), CivilDay::MAX.days().into()));
    limits
}

#[test]
fn the_format_states_the_limits_of_the_code() {
    let format = document("FORMAT.md");
    let limits = limits();
    for (name, value) in &limits {
        assert!(format.contains(&format!("| {value} | `{name}` |")), "FORMAT.md § 16 must say: | {value} | `{name}` |");
    }
    let rows = format.lines().filter(|line| line.starts_with("| ") && line.ends_with("` |") && line.contains("::")).count();
    assert_eq!(rows, limits.len(), "a row of FORMAT.md § 16 names something that is not held against the code here");
}

#[test]
fn the_format_names_every_reason() {
    let format = document("FORMAT.md");
    let reasons = format.split("## 15 ").nth(1).and_then(|rest| rest.split("## 16 ").next()).expect("a section on reasons");
    for reason in Reason::ALL {
        assert_eq!(quoted(reasons).filter(|quoted| *quoted == reason.code()).count(), 1, "{reason}");
    }
}

#[test]
fn what_the_documents_name_exists() {
    let sources = sources();
    let mut missing = Vec::new();
    let folder = fs::read_dir(root().join("docs")).expect("the folder of documents");
    let names = folder.filter_map(|entry| entry.expect("its entry").file_name().into_string().ok()).filter(|name| name.ends_with(".md"));
    for name in names.collect::<Vec<_>>() {
        let text = document(&name);
        let folders = ["src/", "tests/", "templates/", "scripts/", "docs/"];
        let is_path = |word: &&str| folders.iter().any(|folder| word.starts_with(folder)) && !word.contains(' ');
        missing.extend(quoted(&text).filter(is_path).filter(|path| !root().join(path).exists()).map(|path| format!("{name}: no file {path}")));
        let links =
            text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()).filter(|link| !link.is_empty() && !link.contains("://"));
        missing.extend(links.filter(|link| !root().join("docs").join(link).exists()).map(|link| format!("{name}: no file {link}")));
        if ["INVARIANTS.md", "DOMAIN.md", "SECURITY.md"].contains(&name.as_str()) {
            let is_name = |word: &&str| word.contains('_') && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            missing.extend(quoted(&text).filter(is_name).filter(|word| !has_word(&sources, word)).map(|word| format!("{name}: no function {word}")));
        }
    }
    assert!(missing.is_empty(), "\n{}\n", missing.join("\n"));
}
