//! The words on pages: every key that a page, a script or the program names has a text in every language, and no text is left over.
#![cfg(feature = "terminal")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every key of every language's file, with its text.
fn languages() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for file in fs::read_dir(root().join("templates/texts")).expect("the folder of texts") {
        let path = file.expect("its entry").path();
        let table: toml::Table = toml::from_str(&fs::read_to_string(&path).expect("a file")).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut keys = BTreeMap::new();
        for (section, words) in table["words"].as_table().expect("words") {
            for (key, text) in words.as_table().expect("a section of words") {
                keys.insert(format!("{section}.{key}"), text.as_str().expect("a text").to_owned());
            }
        }
        all.insert(path.file_stem().expect("a name").to_string_lossy().into_owned(), keys);
    }
    all
}

/// All templates, scripts and sources as one text each.
fn sources() -> Vec<(PathBuf, String)> {
    let mut open = vec![root().join("templates/terminal"), root().join("src/shell/web/terminal")];
    let mut all = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("its entry").path()).filter(|p| !p.ends_with("vendor")));
        } else if path.extension().is_some_and(|e| e == "html" || e == "js" || e == "rs") {
            all.push((path.clone(), fs::read_to_string(&path).expect("text")));
        }
    }
    all
}

/// The keys that `t("section.key")` names in one text.
fn asked_for(text: &str) -> impl Iterator<Item = &str> {
    let own_name = |at: usize| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let named = text.match_indices("t(\"").filter(move |(at, _)| own_name(*at));
    named.filter_map(|(at, _)| text[at + 3..].split('"').next()).filter(|key| is_key(key))
}

/// Other literals that name a key of a section there is: `"problem.no_price"`.
fn named<'t>(text: &'t str, sections: &'t BTreeSet<&str>) -> impl Iterator<Item = &'t str> {
    text.split('"').filter(|piece| is_key(piece) && piece.split_once('.').is_some_and(|(section, _)| sections.contains(section)))
}

fn is_key(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    text.split_once('.').is_some_and(|(section, key)| part(section) && part(key))
}

#[test]
fn every_key_has_its_text_in_every_language() {
    let languages = languages();
    assert!(languages.contains_key("de") && languages.contains_key("en"));
    let sections: BTreeSet<&str> = languages["de"].keys().filter_map(|key| key.split_once('.')).map(|(section, _)| section).collect();
    let mut missing = BTreeSet::new();
    for (path, text) in sources() {
        let is_rust = path.extension().is_some_and(|e| e == "rs");
        let literals = named(&text, &sections).filter(|_| is_rust);
        for key in asked_for(&text).chain(literals) {
            for (language, _) in languages.iter().filter(|(_, words)| !words.contains_key(key)) {
                missing.insert(format!("{}: {key} has no text in {language}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn all_languages_have_the_same_keys_with_the_same_blanks() {
    let languages = languages();
    let german = &languages["de"];
    let blanks = |text: &str| -> BTreeSet<String> {
        text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name.to_owned()).collect()
    };
    for (language, words) in &languages {
        let differing: Vec<&String> = words.keys().chain(german.keys()).filter(|key| words.contains_key(*key) != german.contains_key(*key)).collect();
        assert!(differing.is_empty(), "{language}: only here or only in German: {differing:?}");
        for (key, text) in words {
            assert!(!text.trim().is_empty(), "{language} {key} is empty");
            assert_eq!(blanks(text), blanks(&german[key]), "{language} {key}");
        }
    }
}

#[test]
fn no_text_is_left_over() {
    let sources = sources();
    let all: String = sources.iter().map(|(_, text)| text.as_str()).collect();
    // Keys that are put together at run time end in a variable part: `counter.age_${…}` stands for all that begin so.
    let put_together: Vec<&str> = all.split('`').filter(|piece| piece.contains("${")).filter_map(|piece| piece.split("${").next()).collect();
    let orphans: Vec<String> = languages()["de"]
        .keys()
        .filter(|key| !all.contains(&format!("\"{key}\"")) && !put_together.iter().any(|start| start.contains('.') && key.starts_with(start)))
        .cloned()
        .collect();
    assert!(orphans.is_empty(), "{orphans:?}");
}
