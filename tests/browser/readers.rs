//! A scanner that the box reads by itself, at a real pair of terminals: its line turns the counter green wherever the focus is, and how it
//! stands is on the pages.

use super::audit::{axe, faults};
use super::chrome::Chrome;
use super::counter::choose;
use super::house::{House, LUNCH, Server, program};
use super::shots::take;
use super::tab::{Tab, complaints};
use super::verdicts;
use super::wires::Line;
use super::words::word;
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

/// The terminal in a folder, with a scanner at a serial line.
fn serve(folder: &Path, line: &Path) -> Server {
    let mut command = program(folder);
    command.args(["terminal", "serve", "--no-exchange", "--listen", "127.0.0.1:0", "--scanner"]);
    command.arg(format!("serial:{}", line.display()));
    Server::start(command)
}

fn light(tab: &Tab, begins: &str) {
    let begins = begins.split('{').next().unwrap_or_default();
    tab.wait(begins, &format!("document.querySelector('#light-reader').textContent.includes({begins:?})"));
}

#[test]
fn a_scanner_of_the_box_itself_turns_the_counter_green_and_is_told_when_it_is_pulled_out() {
    let (house, axe) = (House::filled(), axe());
    let cards = house.cards(4, LUNCH);
    let wire = house.path().join("scanner");
    let mut line = Line::plug_in(&wire);
    let server = serve(&house.folder("canteen"), &wire);
    let chrome = Rc::new(Chrome::start());
    let tab = Tab::open(&chrome, &server.base);
    tab.front();
    verdicts::watch(&tab);
    tab.go("/");
    choose(&tab, "lunch");
    light(&tab, &word("reader.scanner_connected_short"));
    let sends = |line: &mut Line, text: &str| line.send(format!("{text}\r\n").as_bytes());
    let verdict = verdicts::after(&tab, || sends(&mut line, &cards[0].code));
    assert_eq!(verdict.kind, "yes", "{}", verdict.text);
    // A field has the focus, and nothing of the scan gets into it.
    tab.press_word("counter.type_number");
    let verdict = verdicts::after(&tab, || sends(&mut line, &cards[1].code));
    assert_eq!(verdict.kind, "yes", "{}", verdict.text);
    assert_eq!(tab.eval("document.querySelector('#number').value"), "");
    tab.press_word("page.cancel");
    let again = verdicts::after(&tab, || sends(&mut line, &cards[1].code));
    assert!(again.kind.starts_with("no"), "{again:?}");
    // Half a code, and the cable is out.
    let torn = verdicts::after(&tab, || {
        line.send(&cards[2].code.as_bytes()[..60]);
        std::thread::sleep(std::time::Duration::from_millis(300));
        line.pull();
    });
    assert!(torn.text.contains(&word("reader.trouble_torn")), "{torn:?}");
    light(&tab, &word("reader.scanner_unplugged_short"));
    assert_eq!(faults(&tab, &axe), BTreeSet::new(), "the counter with a scanner that is gone");
    tab.go("/scanner");
    tab.sees(word("reader.scanner_unplugged").rsplit('.').nth(1).expect("a sentence").trim());
    let mut line = Line::plug_in(&wire);
    tab.wait("that it is back", "document.querySelector('#readers li[data-level=good]')");
    sends(&mut line, "TEST10123456789ABCDEFGHIJKLMNOPQRSTUVYZ");
    tab.sees(&word("scanner.good"));
    assert_eq!(faults(&tab, &axe), BTreeSet::new(), "the scanner's test");
    tab.go("/");
    let verdict = verdicts::after(&tab, || sends(&mut line, &cards[2].code));
    assert_eq!(verdict.kind, "yes", "{}", verdict.text);
    assert_eq!(complaints(&chrome, &[&server.base]), Vec::<String>::new());
    drop(server);
    house.verify("canteen");
}

#[test]
#[ignore = "scripts/screenshots asks for them"]
fn pictures_of_readers() {
    for language in ["de", "en"] {
        let house = House::filled();
        let cards = house.cards(2, LUNCH);
        let wire = house.path().join("scanner");
        let mut line = Line::plug_in(&wire);
        let server = serve(&house.folder("canteen"), &wire);
        let chrome = Rc::new(Chrome::start());
        let tab = Tab::open(&chrome, &server.base);
        tab.front();
        verdicts::watch(&tab);
        tab.go(&format!("/?lang={language}"));
        choose(&tab, "lunch");
        verdicts::after(&tab, || line.send(format!("{}\r", cards[0].code).as_bytes()));
        take(&tab, language, "readers-1-green");
        verdicts::after(&tab, || line.send(b"\xf8\x86\x00\xfe\x1e\x98\xe0\x00\x86\x66\xf8\x80\r"));
        take(&tab, language, "readers-2-garbled");
        tab.go(&format!("/scanner?lang={language}"));
        tab.wait("the readers", "document.querySelector('#readers li')");
        take(&tab, language, "readers-3-connected");
        line.pull();
        tab.wait("that it is gone", "document.querySelector('#readers li[data-level=wrong]')");
        take(&tab, language, "readers-4-unplugged");
        let mut line = Line::plug_in(&wire);
        tab.wait("that it is back", "document.querySelector('#readers li[data-level=good]')");
        // No page that takes scans is open for as long as a scan needs to be late.
        tab.go(&format!("/day?lang={language}"));
        line.send(format!("{}\r", cards[1].code).as_bytes());
        std::thread::sleep(std::time::Duration::from_secs(125));
        tab.go(&format!("/?lang={language}"));
        tab.wait("the question", "document.querySelector('#late[open]')");
        take(&tab, language, "readers-5-late");
        let verdict = verdicts::after(&tab, || tab.press("#late button[value=go]"));
        assert_eq!(verdict.kind, "yes", "{}", verdict.text);
    }
}
