//! Every page of the terminal, at both widths, light and dark, in both languages: nothing that axe-core finds, nothing that asks another
//! server, no script that fails. The pages come from the server's own routes, so that none can be forgotten.

use super::chrome::Chrome;
use super::house::House;
use super::tab::{NARROW, Tab, WIDE, complaints};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::rc::Rc;

/// axe-core, as `scripts/lib.sh` fetches it.
pub fn axe() -> String {
    let path = std::env::var_os("TEILHABE_AXE").map(PathBuf::from).expect("set TEILHABE_AXE to axe.min.js of axe-core: scripts/test fetches it");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}: scripts/test fetches axe-core", path.display()))
}

/// What axe-core finds on the page as it stands, one line each.
pub fn violations(tab: &Tab, axe: &str) -> Vec<String> {
    if tab.eval("typeof axe") != "object" {
        // Through the protocol, past the page's policy, which forbids scripts from elsewhere.
        tab.ask("Runtime.evaluate", json!({ "expression": axe }));
    }
    let found = tab.eval(
        "axe.run(document, { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } }).then(r => r.violations.map(v =>
            ({ id: v.id, help: v.help, nodes: v.nodes.map(n => n.target.join(' ') + ' :: ' + n.failureSummary) })))",
    );
    let lines = found.as_array().expect("a list").iter().map(|violation| {
        let nodes: Vec<&str> = violation["nodes"].as_array().expect("nodes").iter().take(4).filter_map(Value::as_str).collect();
        format!("{}: {} [{}]", violation["id"], violation["help"], nodes.join(" | "))
    });
    lines.collect()
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct View {
    pub width: u32,
    pub dark: bool,
}

pub const VIEWS: [View; 4] =
    [View { width: WIDE, dark: false }, View { width: WIDE, dark: true }, View { width: NARROW, dark: false }, View { width: NARROW, dark: true }];

impl View {
    pub fn apply(self, tab: &Tab) {
        tab.width(self.width);
        tab.dark(self.dark);
        // Colours that fade from one theme to the other would be measured half way.
        tab.eval("Promise.allSettled(document.getAnimations().filter(a => a.effect.getTiming().iterations !== Infinity).map(a => a.finished))");
    }

    pub fn name(self) -> String {
        format!("{}-{}", self.width, if self.dark { "dark" } else { "light" })
    }
}

/// What is wrong with the page as it stands, in every view.
pub fn faults(tab: &Tab, axe: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for view in VIEWS {
        view.apply(tab);
        found.extend(violations(tab, axe).into_iter().map(|fault| format!("{}: {fault}", view.name())));
        let spill = tab.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        if spill.as_i64().unwrap_or_default() > 0 {
            found.insert(format!("{}: the page is {spill} px wider than the window", view.name()));
        }
    }
    found
}

/// The paths of all pages: what the routes answer to a browser with HTML.
pub fn pages() -> Vec<&'static str> {
    teilhabe::shell::web::terminal::pages_of_the_box()
}

fn every_page_is_good(name: &str, language: &str) {
    let (house, axe) = (House::filled(), axe());
    let server = house.serve(name);
    let chrome = Rc::new(Chrome::start());
    let tab = Tab::open(&chrome, &server.base);
    let mut report = String::new();
    for path in pages() {
        assert!(!path.contains('{'), "{path}: a page with a blank in its path needs an example here");
        tab.go(&format!("{path}?lang={language}"));
        assert_eq!(tab.eval("document.documentElement.lang"), language, "{path}");
        for fault in faults(&tab, &axe) {
            let _ = writeln!(report, "{path} {fault}");
        }
    }
    for complaint in complaints(&chrome, &[&server.base]) {
        let _ = writeln!(report, "{complaint}");
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn every_page_of_the_canteen_is_good_in_german() {
    every_page_is_good("canteen", "de");
}

#[test]
fn every_page_of_the_canteen_is_good_in_english() {
    every_page_is_good("canteen", "en");
}

#[test]
fn every_page_of_the_club_is_good_in_german() {
    every_page_is_good("club", "de");
}

#[test]
fn each_check_bites() {
    let (house, axe) = (House::filled(), axe());
    let server = house.serve("canteen");
    let chrome = Rc::new(Chrome::start());
    let tab = Tab::open(&chrome, &server.base);
    tab.go("/");
    assert_eq!(complaints(&chrome, &[&server.base]), Vec::<String>::new());
    tab.eval(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"http://192.0.2.1/x.png\"><p class=bad>hardly to be read</p>')",
    );
    tab.eval("Object.assign(document.querySelector('.bad').style, { color: '#777', background: '#888', width: '3000px' })");
    let found: Vec<String> = faults(&tab, &axe).into_iter().collect();
    for wanted in ["image-alt", "color-contrast", "wider than the window"] {
        assert!(found.iter().any(|fault| fault.contains(wanted)), "{wanted} was not found: {found:?}");
    }
    tab.eval("setTimeout(() => { throw new Error('a fault of ours') }), fetch('http://192.0.2.1/').catch(() => 0)");
    tab.wait("the timer", "new Promise(done => setTimeout(() => done(true), 50))");
    let heard = complaints(&chrome, &[&server.base]).join("\n");
    for wanted in ["192.0.2.1", "a fault of ours", "against the policy"] {
        assert!(heard.contains(wanted), "{wanted} was not heard of: {heard}");
    }
}
