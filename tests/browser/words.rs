//! The words on the pages, so that tests find a button by what it says and go on finding it when the wording changes.

use std::collections::HashMap;
use std::sync::OnceLock;

fn all(language: &str) -> HashMap<String, String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("templates/texts/{language}.toml"));
    let table: toml::Table = toml::from_str(&std::fs::read_to_string(path).expect("the texts")).expect("TOML");
    let sections = table["words"].as_table().expect("words");
    let words = sections.iter().flat_map(|(section, words)| {
        let words = words.as_table().expect("a section").iter();
        words.map(move |(key, text)| (format!("{section}.{key}"), text.as_str().expect("a text").to_owned()))
    });
    words.collect()
}

/// The German text under `section.key`.
pub fn word(key: &str) -> String {
    static GERMAN: OnceLock<HashMap<String, String>> = OnceLock::new();
    GERMAN.get_or_init(|| all("de")).get(key).unwrap_or_else(|| panic!("no text {key}")).clone()
}
