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

/// Whether an address answers with a file, sends elsewhere, or is a paper that allows no script, not even a test's.
fn is_no_page(tab: &Tab, place: &str) -> bool {
    // Papers allow nothing to be asked from them: the asking is done from a page that does.
    if tab.place() != "/account" {
        tab.go("/account");
    }
    let kind = tab.eval(&format!(
        "fetch({}, {{ redirect: 'manual' }}).then(r => (r.headers.get('content-security-policy') ?? '').includes('sandbox') ? '' : r.headers.get('content-type') ?? '')",
        json!(place)
    ));
    !kind.as_str().unwrap_or_default().starts_with("text/html")
}

/// A key as a keyboard sends it.
fn key(tab: &Tab, key: &str) {
    let (code, text) = match key {
        "Enter" => ("Enter".to_owned(), "\r".to_owned()),
        letter => (format!("Key{}", letter.to_uppercase()), letter.to_owned()),
    };
    let number = if key == "Enter" { 13 } else { key.to_uppercase().bytes().next().unwrap_or_default() };
    for kind in ["keyDown", "keyUp"] {
        tab.ask("Input.dispatchKeyEvent", json!({ "type": kind, "key": key, "code": code, "text": text, "windowsVirtualKeyCode": number }));
    }
}

/// Cents written as people or files write them.
fn cents(text: &str) -> i64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("no amount: {text}"))
}

fn number(tab: &Tab, expression: &str) -> i64 {
    tab.eval(expression).as_i64().unwrap_or_else(|| panic!("no number: {expression} at {}", tab.place()))
}

/// The text of a file that the page at hand links to.
fn file(tab: &Tab, ending: &str) -> String {
    let link = format!("document.querySelector('a[href$=\"{ending}\"]').href");
    tab.eval(&format!("fetch({link}).then(r => r.text())")).as_str().unwrap_or_default().to_owned()
}

/// What statistics say was paid, over all months.
fn paid(tab: &Tab) -> i64 {
    tab.go("/figures/statistics?from=2020-01&to=2099-12");
    cents(&tab.text("section[aria-labelledby=totals] tfoot td:last-child"))
}

/// Decides every finding with the keyboard alone, and answers how many.
fn decide_all(tab: &Tab) -> usize {
    tab.go("/findings");
    let waiting = "document.querySelectorAll('a[data-step]').length";
    let mut decided = 0;
    while number(tab, waiting) > 0 {
        assert!(decided < 200, "it does not get less");
        tab.press("a[data-step]");
        tab.wait("a case", "document.readyState === 'complete' && document.querySelector('input[name=choice][value=accept]')");
        while tab.eval("!!document.querySelector('input[name=choice][value=accept]')") == true {
            let seen = tab.eval("location.href");
            key(tab, "a");
            tab.wait("the choice", "document.querySelector('input[value=accept]').checked");
            key(tab, "Enter");
            tab.wait("what comes next", &format!("document.readyState === 'complete' && location.href !== {seen}"));
            decided += 1;
        }
        tab.go("/findings");
    }
    decided
}

#[test]
fn two_clerks_bring_a_month_to_its_end() {
    let house = House::filled();
    with_clerks(&house);
    let server = house.serve_office();
    let chrome = Rc::new(Chrome::start());
    let dora = signed_in(&chrome, &server, "Dora");
    dora.front();
    let before = paid(&dora);

    dora.go("/");
    if dora.eval("!!document.querySelector('form[action=\"/reconcile\"]')") == true {
        dora.press("form[action='/reconcile'] button");
        dora.wait("reconciled", "document.readyState === 'complete' && document.querySelector('.done')");
    }
    assert!(decide_all(&dora) > 0, "the sample town has something to decide");

    dora.go("/settlement");
    dora.press_text("Auswahl vorbereiten und unterschreiben");
    dora.sees("wartet auf Freigabe");
    dora.sees("Freigeben muss sie eine andere Person");
    assert_eq!(dora.eval("document.querySelector('form[action=\"/settlement/release\"]')"), Value::Null, "nobody releases what they drew up");
    let drawn_up = cents(&dora.text("section[aria-labelledby=waiting] .money"));

    let emil = signed_in(&chrome, &server, "Emil");
    emil.front();
    emil.press_text("Zur Zahlung");
    emil.press("form[action='/settlement/release'] button");
    emil.wait("released", "document.querySelector('.done')?.innerText.includes('freigegeben')");
    let run = emil.eval("[...document.querySelectorAll('a')].map(a => a.pathname).find(path => /^\\/settlement\\/\\d+$/.test(path))");
    emil.go(run.as_str().expect("the run's page"));
    assert_eq!(cents(&emil.text(".money")), drawn_up);

    let bank = file(&emil, ".xml");
    let sum = bank.split("<CtrlSum>").nth(1).and_then(|rest| rest.split('<').next()).expect("a sum");
    assert_eq!(cents(sum), drawn_up, "the bank's file");
    let posting = file(&emil, ".csv");
    let rows = posting.lines().skip(1).map(|row| cents(row.rsplit(';').nth(1).expect("the amount before the currency")));
    assert_eq!(rows.sum::<i64>(), drawn_up, "the treasury's file");
    let columns = number(
        &emil,
        "[...document.querySelectorAll('td[data-label=Betrag]')].map(c => +c.innerText.replace(/\\D/g, '')).reduce((a, b) => a + b, 0)",
    );
    assert_eq!(columns, drawn_up, "the providers of the run");
    let statements = "Promise.all([...document.querySelectorAll('td a')].filter(a => /statements\\/\\d+$/.test(a.pathname)).map(a => fetch(a).then(r => r.text())))";
    assert_eq!(emil.eval(&format!("{statements}.then(all => all.every(text => text.includes('Abrechnungsmitteilung')))")), true);
    assert_eq!(paid(&emil), before + drawn_up, "the statistics");

    let frida = signed_in(&chrome, &server, "Frida");
    frida.go("/admin/audit");
    for deed in ["Zahlung vorbereitet", "Zahlung freigegeben", "entschieden"] {
        frida.sees(deed);
    }
    assert_eq!(complaints(&chrome, &[&server.base]), Vec::<String>::new());
    drop(server);
    assert!(house.office().verify_audit().expect("read").is_ok());
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
