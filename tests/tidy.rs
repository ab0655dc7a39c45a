//! The house's rule (`docs/adr/`, `src/lib.rs`): a room imports `words` and rooms earlier in the alphabet, nothing else; all I/O is in `shell`.
//! Function length, `todo!`, `dbg!` and `unwrap` are clippy's (`[lints.clippy]` in Cargo.toml).

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms; the alphabet is the way.
const ROOMS: [&str; 7] = ["admit", "book", "claim", "deliver", "intake", "reconcile", "settle"];

/// What the core (`words` and the rooms) never mentions, and what takes its place.
const CORE_BANS: [(&str, &str); 16] = [
    ("rusqlite", "hand in what was read; SQL is in shell::store"),
    ("axum", "return a value; HTTP is in shell::web"),
    ("tokio", "plain functions; only shell::web is async"),
    ("std::fs", "take and return bytes; files are the shell's"),
    ("std::net", "take and return bytes; sockets are the shell's"),
    ("std::env", "take an argument; commands are main's"),
    ("std::process", "return an error; only main exits"),
    ("std::thread", "plain functions; threads are the shell's"),
    ("SystemTime", "the last argument `now: UtcMs`"),
    ("Utc::now", "the last argument `now: UtcMs`"),
    ("Local::now", "the last argument `now: UtcMs`"),
    ("Instant::now", "the last argument `now: UtcMs`; measure in benches/"),
    ("getrandom", "an argument `chance: &mut Chance`"),
    ("rand::", "an argument `chance: &mut Chance`"),
    ("OsRng", "an argument `chance: &mut Chance`"),
    ("super::super", "the full path `crate::room::…`, so that the way can be checked"),
];

/// Words that people must not read, where, and what to write instead. A page at the counter stands under `templates/terminal`.
const PEOPLE_BANS: [(&str, &str, &str); 3] = [
    ("templates", "Bescheid", "Abrechnungsmitteilung: it is no administrative act"),
    ("templates", "Kasse", "Lesegerät: it takes no money (the town's treasury: \"Kasse der Kommune\")"),
    ("templates/terminal", "BuT", "nothing: nobody at the counter learns why a child has a card"),
];

const MOST_LINES: usize = 500;

/// Every file under a folder that is text, with its path from the project's root.
fn files(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![root.join(folder)];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).expect("a folder of this project").map(|entry| entry.expect("its entry").path()));
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push((path.strip_prefix(root).expect("inside the root").display().to_string(), text));
        }
    }
    found.sort();
    found
}

/// The modules of this crate that code names: `crate::a::B`, `use crate::{a::B, c}`.
fn modules_named(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for after in code.split("crate::").skip(1) {
        let (mut depth, mut word, mut at_start) = (0, String::new(), true);
        for c in after.chars() {
            let part_of_name = c.is_alphanumeric() || c == '_';
            match c {
                _ if part_of_name && at_start => word.push(c),
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if !part_of_name && !word.is_empty() {
                named.push(std::mem::take(&mut word));
                at_start = false;
            }
            at_start |= c == ',' && depth == 1;
            if depth <= 0 && !part_of_name && !c.is_whitespace() {
                break;
            }
        }
    }
    named
}

/// What one source file does against the rule, one sentence each.
fn offences(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        found.push(format!("{path}: {lines} lines, at most {MOST_LINES}: split it by subject"));
    }
    let room = path.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default();
    if room != "words" && !ROOMS.contains(&room) {
        return found;
    }
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect();
    for (ban, instead) in CORE_BANS {
        if code.contains(ban) {
            found.push(format!("{path}: mentions `{ban}`; instead: {instead}"));
        }
    }
    for other in modules_named(&code) {
        let earlier = other == "words" || (room != "words" && ROOMS.contains(&other.as_str()) && other.as_str() <= room);
        if !earlier {
            found.push(format!("{path}: imports `{other}`; instead: move the shared part to `words` or an earlier room, or compose the two in terminal.rs or office.rs"));
        }
    }
    found
}

/// Words in one text for people that must not stand there.
fn wrong_words(path: &str, text: &str) -> Vec<String> {
    let text = text.replace("Kasse der Kommune", "");
    let wrong = |&(folder, word, _): &(&str, &str, &str)| path.starts_with(folder) && text.contains(word);
    PEOPLE_BANS.iter().filter(|ban| wrong(ban)).map(|(_, word, instead)| format!("{path}: \"{word}\"; instead: {instead}")).collect()
}

#[test]
fn the_house_is_tidy() {
    let sources = files("src");
    let templates = files("templates");
    assert!(!sources.is_empty() && !templates.is_empty(), "looked into the wrong folder");
    let mut found: Vec<String> = sources.iter().flat_map(|(path, text)| offences(path, text)).collect();
    found.extend(templates.iter().flat_map(|(path, text)| wrong_words(path, text)));
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn each_ban_bites() {
    let bad = |path: &str, text: &str| assert!(!offences(path, text).is_empty(), "{path} passed: {text}");
    let good = |path: &str, text: &str| assert_eq!(offences(path, text), Vec::<String>::new(), "{path}");
    for (ban, _) in CORE_BANS {
        bad("src/book/decide.rs", &format!("fn f() {{ {ban}(); }}"));
        good("src/shell/clock.rs", &format!("fn f() {{ {ban}(); }}"));
        good("src/book/decide.rs", &format!("/// Never {ban}."));
    }
    bad("src/book/decide.rs", "use crate::claim::Draft;");
    bad("src/book/mod.rs", "use crate::{words::cents::Cents, intake};");
    bad("src/book/mod.rs", "use crate::{words::{cents::Cents, ids::{A, B}}, claim::Draft};");
    bad("src/settle.rs", "fn f() -> crate::shell::Store { g() }");
    bad("src/words/cents.rs", "use crate::admit::Scan;");
    bad("src/shell/web.rs", &"\n".repeat(MOST_LINES + 1));
    good("src/book/decide.rs", "use crate::{admit::Entitlement, book::slot, words::{cents::Cents, claim_days}};");
    good("src/terminal.rs", "use crate::settle::Draft;");
    for (folder, word, _) in PEOPLE_BANS {
        assert!(!wrong_words(&format!("{folder}/page.html"), &format!("<p>{word}</p>")).is_empty(), "{word}");
    }
    assert!(wrong_words("templates/office/page.html", "BuT, Kasse der Kommune").is_empty());
}
