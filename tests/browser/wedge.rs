//! A hand scanner that is a keyboard: it believes the computer has the layout it was set to (US as delivered) and presses those keys; the
//! computer makes of them what its own layout says.

use super::tab::Tab;
use serde_json::{Value, json};
use std::time::Duration;

/// What the computer believes the keyboard is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    Us,
    German,
    French,
}

/// A key: its code, what it gives alone and with shift, on a US, a German and a French keyboard.
type Key = (&'static str, [&'static str; 2], [&'static str; 2], [&'static str; 2]);

/// The keys a scanner presses, as the layouts' standards have them; a dead key gives `Dead`.
const KEYS: [Key; 48] = [
    ("Digit1", ["1", "!"], ["1", "!"], ["&", "1"]),
    ("Digit2", ["2", "@"], ["2", "\""], ["é", "2"]),
    ("Digit3", ["3", "#"], ["3", "§"], ["\"", "3"]),
    ("Digit4", ["4", "$"], ["4", "$"], ["'", "4"]),
    ("Digit5", ["5", "%"], ["5", "%"], ["(", "5"]),
    ("Digit6", ["6", "^"], ["6", "&"], ["-", "6"]),
    ("Digit7", ["7", "&"], ["7", "/"], ["è", "7"]),
    ("Digit8", ["8", "*"], ["8", "("], ["_", "8"]),
    ("Digit9", ["9", "("], ["9", ")"], ["ç", "9"]),
    ("Digit0", ["0", ")"], ["0", "="], ["à", "0"]),
    ("Minus", ["-", "_"], ["ß", "?"], [")", "°"]),
    ("Equal", ["=", "+"], ["Dead", "Dead"], ["=", "+"]),
    ("KeyA", ["a", "A"], ["a", "A"], ["q", "Q"]),
    ("KeyB", ["b", "B"], ["b", "B"], ["b", "B"]),
    ("KeyC", ["c", "C"], ["c", "C"], ["c", "C"]),
    ("KeyD", ["d", "D"], ["d", "D"], ["d", "D"]),
    ("KeyE", ["e", "E"], ["e", "E"], ["e", "E"]),
    ("KeyF", ["f", "F"], ["f", "F"], ["f", "F"]),
    ("KeyG", ["g", "G"], ["g", "G"], ["g", "G"]),
    ("KeyH", ["h", "H"], ["h", "H"], ["h", "H"]),
    ("KeyI", ["i", "I"], ["i", "I"], ["i", "I"]),
    ("KeyJ", ["j", "J"], ["j", "J"], ["j", "J"]),
    ("KeyK", ["k", "K"], ["k", "K"], ["k", "K"]),
    ("KeyL", ["l", "L"], ["l", "L"], ["l", "L"]),
    ("KeyM", ["m", "M"], ["m", "M"], [",", "?"]),
    ("KeyN", ["n", "N"], ["n", "N"], ["n", "N"]),
    ("KeyO", ["o", "O"], ["o", "O"], ["o", "O"]),
    ("KeyP", ["p", "P"], ["p", "P"], ["p", "P"]),
    ("KeyQ", ["q", "Q"], ["q", "Q"], ["a", "A"]),
    ("KeyR", ["r", "R"], ["r", "R"], ["r", "R"]),
    ("KeyS", ["s", "S"], ["s", "S"], ["s", "S"]),
    ("KeyT", ["t", "T"], ["t", "T"], ["t", "T"]),
    ("KeyU", ["u", "U"], ["u", "U"], ["u", "U"]),
    ("KeyV", ["v", "V"], ["v", "V"], ["v", "V"]),
    ("KeyW", ["w", "W"], ["w", "W"], ["z", "Z"]),
    ("KeyX", ["x", "X"], ["x", "X"], ["x", "X"]),
    ("KeyY", ["y", "Y"], ["z", "Z"], ["y", "Y"]),
    ("KeyZ", ["z", "Z"], ["y", "Y"], ["w", "W"]),
    ("Semicolon", [";", ":"], ["ö", "Ö"], ["m", "M"]),
    ("Quote", ["'", "\""], ["ä", "Ä"], ["ù", "%"]),
    ("Comma", [",", "<"], [",", ";"], [";", "."]),
    ("Period", [".", ">"], [".", ":"], [":", "/"]),
    ("Slash", ["/", "?"], ["-", "_"], ["!", "§"]),
    ("BracketLeft", ["[", "{"], ["ü", "Ü"], ["Dead", "Dead"]),
    ("BracketRight", ["]", "}"], ["+", "*"], ["$", "£"]),
    ("Backslash", ["\\", "|"], ["#", "'"], ["*", "µ"]),
    ("Backquote", ["`", "~"], ["Dead", "°"], ["²", "~"]),
    ("Space", [" ", " "], [" ", " "], [" ", " "]),
];

/// One press or release, as the browser is told.
pub type Stroke = Value;

/// The presses of a scanner that sends `text` and then `ending` (a key: `Enter`, `Tab`, or nothing).
pub fn strokes(text: &str, ending: &str, host: Host) -> Vec<Stroke> {
    let mut all = Vec::new();
    for character in text.chars() {
        match character {
            '\n' | '\r' => all.extend(named("Enter", 13, "\r")),
            '\t' => all.extend(named("Tab", 9, "")),
            '\u{1d}' => all.extend(group_separator()),
            _ => all.extend(pressed(character, host)),
        }
    }
    match ending {
        "" => {}
        "Enter" => all.extend(named("Enter", 13, "\r")),
        "Tab" => all.extend(named("Tab", 9, "")),
        other => panic!("no ending {other}"),
    }
    all
}

fn pressed(character: char, host: Host) -> Vec<Stroke> {
    let wanted = character.to_string();
    let found = KEYS.iter().find_map(|(code, us, german, french)| {
        let shift = us.iter().position(|c| *c == wanted)?;
        let given = match host {
            Host::Us => us,
            Host::German => german,
            Host::French => french,
        };
        Some((*code, shift == 1, given[shift]))
    });
    // What no key of a US keyboard gives (an emoji keyboard, an umlaut) comes as text without a key.
    let Some((code, shift, key)) = found else {
        return vec![stroke("keyDown", &wanted, "", 0, &wanted, 0), stroke("keyUp", &wanted, "", 0, "", 0)];
    };
    let held = if shift { 8 } else { 0 };
    let number = character.to_ascii_uppercase() as u32;
    let text = if key == "Dead" { "" } else { key };
    let mut all = Vec::new();
    if shift {
        all.push(stroke("rawKeyDown", "Shift", "ShiftLeft", 16, "", held));
    }
    all.push(stroke(if text.is_empty() { "rawKeyDown" } else { "keyDown" }, key, code, number, text, held));
    all.push(stroke("keyUp", key, code, number, "", held));
    if shift {
        all.push(stroke("keyUp", "Shift", "ShiftLeft", 16, "", 0));
    }
    all
}

fn named(key: &str, number: u32, text: &str) -> [Stroke; 2] {
    [stroke(if text.is_empty() { "rawKeyDown" } else { "keyDown" }, key, key, number, text, 0), stroke("keyUp", key, key, number, "", 0)]
}

/// The group separator as scanners type it: Ctrl and `]`.
fn group_separator() -> Vec<Stroke> {
    vec![
        stroke("rawKeyDown", "Control", "ControlLeft", 17, "", 2),
        stroke("rawKeyDown", "]", "BracketRight", 221, "", 2),
        stroke("keyUp", "]", "BracketRight", 221, "", 2),
        stroke("keyUp", "Control", "ControlLeft", 17, "", 0),
    ]
}

fn stroke(kind: &str, key: &str, code: &str, number: u32, text: &str, held: u32) -> Stroke {
    let mut stroke = json!({ "type": kind, "key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": held });
    if !text.is_empty() {
        stroke["text"] = text.into();
        stroke["unmodifiedText"] = text.into();
    }
    stroke
}

/// Types as a scanner does: one key after the other, `pause` apart, without waiting for the page.
pub fn burst(tab: &Tab, strokes: &[Stroke], pause: Duration) {
    let mut numbers = Vec::with_capacity(strokes.len());
    for stroke in strokes {
        numbers.push(tab.chrome.send(Some(&tab.session), "Input.dispatchKeyEvent", stroke.clone()));
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
    }
    for number in numbers {
        tab.chrome.answer(number).unwrap_or_else(|error| panic!("a key: {error}"));
    }
}

/// Scans a code on a US keyboard with Enter at the end, as most scanners come.
pub fn scan(tab: &Tab, code: &str) {
    scan_on(tab, code, Host::Us);
}

/// Scans on a computer with another layout.
pub fn scan_on(tab: &Tab, code: &str, host: Host) {
    burst(tab, &strokes(code, "Enter", host), Duration::ZERO);
}
