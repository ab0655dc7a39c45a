//! The office's pages in a real browser: two clerks bring a month to its end, and every page is good in every view.

use super::audit::{axe, faults};
use super::chrome::Chrome;
use super::house::{House, Server};
use super::tab::{Tab, complaints};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::rc::Rc;
use teilhabe::office::{Role, Roles};
use teilhabe::shell::door::now;
use teilhabe::shell::web::office::pages;

const PASSWORD: &str = "korrekt pferd batterie";

/// Clerks of the sample town whose passwords a test knows: one who draws up, one who releases, and one who may do and see all.
fn with_clerks(house: &House) {
    let mut office = house.office();
    let all: Vec<Role> = Role::ALL.to_vec();
    for (name, roles) in [("Dora", vec![Role::Issue, Role::Reconcile]), ("Emil", vec![Role::Release]), ("Frida", all)] {
        office.set_clerk(name, PASSWORD, now()).expect("a clerk");
        office.set_roles(name, &Roles::of(&roles)).expect("roles");
    }
}

fn signed_in(chrome: &Rc<Chrome>, server: &Server, name: &str) -> Tab {
    let tab = Tab::elsewhere(chrome, &server.base);
    tab.go("/login");
    tab.fill("#name", name);
    tab.fill("#password", PASSWORD);
    tab.press(".card form button");
    tab.wait("the first page", "location.pathname === '/' && document.readyState === 'complete'");
    tab
}

/// Every address of the site that pages link to, by the route it belongs to: one example each, and all routes without blanks.
fn examples(tab: &Tab) -> BTreeMap<&'static str, String> {
    let routes: Vec<&'static str> = pages().into_iter().filter(|(method, ..)| *method == "get").map(|(_, path, _)| path).collect();
    let fits = |route: &str, path: &str| {
        let (route, path): (Vec<_>, Vec<_>) = (route.split('/').collect(), path.split('/').collect());
        route.len() == path.len() && route.iter().zip(&path).all(|(wanted, part)| wanted.starts_with('{') || wanted == part)
    };
    let mut found: BTreeMap<&'static str, String> = BTreeMap::new();
    let mut waiting: VecDeque<String> = routes.iter().filter(|route| !route.contains('{')).map(|route| (*route).to_owned()).collect();
    while let Some(place) = waiting.pop_front() {
        let path = place.split(['?', '#']).next().unwrap_or_default().to_owned();
        let exact = routes.iter().find(|route| **route == path);
        let Some(route) = exact.or_else(|| routes.iter().find(|route| fits(route, &path))).copied() else { continue };
        if found.contains_key(route) || is_no_page(tab, &place) {
            continue;
        }
        found.insert(route, place.clone());
        tab.go(&place);
        let links = tab.eval("[...document.querySelectorAll('a[href]')].map(a => new URL(a.href)).filter(u => u.origin === location.origin).map(u => u.pathname + u.search)");
        waiting.extend(links.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
    }
    found
}

/// Whether an address answers with a file, or sends elsewhere.
fn is_no_page(tab: &Tab, place: &str) -> bool {
    let kind = tab.eval(&format!("fetch({}, {{ redirect: 'manual' }}).then(r => r.headers.get('content-type') ?? '')", json!(place)));
    !kind.as_str().unwrap_or_default().starts_with("text/html")
}

#[test]
fn every_page_of_the_office_is_good() {
    let (house, axe) = (House::filled(), axe());
    with_clerks(&house);
    let server = house.serve_office();
    let chrome = Rc::new(Chrome::start());
    let mut report = String::new();
    let stranger = Tab::elsewhere(&chrome, &server.base);
    stranger.go("/login");
    for fault in faults(&stranger, &axe) {
        let _ = writeln!(report, "/login {fault}");
    }
    let tab = signed_in(&chrome, &server, "Frida");
    let places = examples(&tab);
    assert!(places.len() > 15, "{places:?}");
    for place in places.values() {
        tab.go(place);
        for fault in faults(&tab, &axe) {
            let _ = writeln!(report, "{place} {fault}");
        }
    }
    for complaint in complaints(&chrome, &[&server.base]) {
        let _ = writeln!(report, "{complaint}");
    }
    let unseen: BTreeSet<&str> =
        pages().into_iter().filter(|(method, path, _)| *method == "get" && !places.contains_key(path)).map(|(_, path, _)| path).collect();
    println!("looked at {} pages; not reached by a link: {unseen:?}", places.len());
    assert!(report.is_empty(), "\n{report}");
}
