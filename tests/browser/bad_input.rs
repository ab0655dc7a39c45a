//! What goes wrong at a counter: every time one plain sentence, the next card turns green, and the journal holds each meal once.

use super::chrome::Chrome;
use super::counter::choose;
use super::house::{House, LUNCH, Server, program, verify};
use super::tab::{Tab, complaints};
use super::verdicts::{self, Verdict};
use super::wedge::{Host, burst, scan, strokes};
use super::words::word;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;
use teilhabe::office::IssuedToken;

/// A counter with its page open, and cards nobody has seen.
struct Stand {
    house: House,
    cards: Vec<IssuedToken>,
    chrome: Rc<Chrome>,
}

impl Stand {
    fn new(cards: usize) -> Self {
        let house = House::filled();
        let cards = house.cards(cards, LUNCH);
        Self { house, cards, chrome: Rc::new(Chrome::start()) }
    }

    fn tab(&self, server: &Server) -> Tab {
        let tab = Tab::open(&self.chrome, &server.base);
        tab.front();
        verdicts::watch(&tab);
        tab.go("/");
        choose(&tab, "lunch");
        tab
    }
}

fn turns_green(tab: &Tab, card: &IssuedToken) {
    let verdict = verdicts::after(tab, || scan(tab, &card.code));
    assert_eq!(verdict.kind, "yes", "{}", verdict.text);
}

/// Waits until no more verdicts come.
fn quiet(tab: &Tab) {
    tab.wait("quiet", "new Promise(done => { const n = verdicts.length; setTimeout(() => done(verdicts.length === n), 400); })");
}

/// How many meals the box counts today.
fn counted(tab: &Tab) -> u64 {
    tab.eval("fetch('/api/v1/days/today').then(r => r.json()).then(d => d.count)").as_u64().expect("a count")
}

/// A refusal that people can act on: words of ours, a sentence, nothing of the machine.
fn one_plain_sentence(verdict: &Verdict) {
    assert!(verdict.kind.starts_with("no"), "{verdict:?}");
    let machine = ["undefined", "null", "NaN", "[object", "Error", "{", "HTTP", "JSON", "SQL"];
    assert!(machine.iter().all(|word| !verdict.text.contains(word)), "{}", verdict.text);
    assert!(verdict.text.contains(['.', '!']) && verdict.text.chars().count() < 400, "{}", verdict.text);
}

#[test]
fn what_is_no_card_gets_one_sentence_and_the_next_card_turns_green() {
    let stand = Stand::new(8);
    let server = stand.house.serve("canteen");
    let tab = stand.tab(&server);
    let before = counted(&tab);
    let code = &stand.cards[0].code;
    let vcard = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Beispiel;Bea\r\nTEL:+49 2361 000\r\nEND:VCARD";
    let long: String = "0123456789ABCDEFGHIJKLMNOPQRSTUV".chars().cycle().take(4_000).collect();
    let bad: [(&str, String); 4] = [
        ("half a code", code[..code.len() / 2].to_owned()),
        ("a visiting card", vcard.to_owned()),
        ("four thousand characters", long),
        ("a web address", "https://www.example.org/?q=1&lang=de#teil".to_owned()),
    ];
    for ((what, text), good) in bad.iter().zip(&stand.cards[2..]) {
        let verdict = verdicts::after(&tab, || scan(&tab, text));
        println!("{what}: {}", verdict.text.replace('\n', " / "));
        one_plain_sentence(&verdict);
        // A visiting card comes as several lines: all their verdicts first.
        quiet(&tab);
        turns_green(&tab, good);
    }
    assert_eq!(counted(&tab), before + 4, "nothing that was no card was recorded");
    assert_eq!(complaints(&stand.chrome, &[&server.base]), Vec::<String>::new());
    drop(server);
    stand.house.verify("canteen");
}

#[test]
fn an_emoji_keyboard_is_told_what_a_card_number_is() {
    let stand = Stand::new(1);
    let server = stand.house.serve("canteen");
    let tab = stand.tab(&server);
    burst(&tab, &strokes("🍕🍕🍕🍕🍕🍕", "Enter", Host::Us), Duration::ZERO);
    quiet(&tab);
    tab.press_word("counter.type_number");
    tab.fill("#number", "🍕👩‍👩‍👧🍕");
    tab.wait("what is said", &format!("document.querySelector('#number-help').textContent === {:?}", word("counter.number_digits")));
    assert_eq!(tab.eval("document.querySelector('#number-go').disabled"), true);
    tab.press_word("page.cancel");
    turns_green(&tab, &stand.cards[0]);
}

#[test]
fn two_cards_in_quick_succession_are_two_meals() {
    let stand = Stand::new(8);
    let server = stand.house.serve("canteen");
    let tab = stand.tab(&server);
    let before = counted(&tab);
    // Two codes with nothing between them are two cards as well.
    scan(&tab, &format!("{}{}", stand.cards[6].code, stand.cards[7].code));
    tab.wait("two verdicts", "verdicts.filter(v => v.kind === 'yes').length === 2");
    let all: Vec<_> = stand.cards[..6].iter().flat_map(|card| strokes(&card.code, "Enter", Host::Us)).collect();
    burst(&tab, &all, Duration::ZERO);
    tab.wait("six more", "verdicts.filter(v => v.kind === 'yes').length === 8");
    assert_eq!(counted(&tab), before + 8);
}

#[test]
fn two_tabs_and_two_devices_record_a_card_once() {
    let stand = Stand::new(3);
    let server = stand.house.serve("canteen");
    let (first, second) = (stand.tab(&server), stand.tab(&server));
    let before = counted(&first);
    turns_green(&second, &stand.cards[0]);
    first.front();
    let again = verdicts::after(&first, || scan(&first, &stand.cards[0].code));
    one_plain_sentence(&again);
    turns_green(&first, &stand.cards[1]);
    let other = Tab::elsewhere(&stand.chrome, &server.base);
    other.front();
    verdicts::watch(&other);
    other.go("/");
    choose(&other, "lunch");
    one_plain_sentence(&verdicts::after(&other, || scan(&other, &stand.cards[1].code)));
    turns_green(&other, &stand.cards[2]);
    assert_eq!(counted(&other), before + 3);
}

#[test]
fn a_box_that_is_killed_and_started_again_under_the_page_loses_nothing_and_doubles_nothing() {
    let stand = Stand::new(9);
    let mut server = stand.house.serve("canteen");
    let address = server.address().to_owned();
    let tab = stand.tab(&server);
    let before = counted(&tab);
    for (round, card) in stand.cards[..8].iter().enumerate() {
        let greens = verdicts::all(&tab).iter().filter(|v| v.kind == "yes").count();
        if round % 2 == 0 {
            // The box hangs with the question in its hands, then its power is cut.
            server.stop_breathing();
        }
        scan(&tab, &card.code);
        std::thread::sleep(Duration::from_millis(round as u64 * 12));
        server.kill();
        std::thread::sleep(Duration::from_millis(300));
        server = Server::terminal_at(&stand.house.folder("canteen"), &address);
        tab.wait("the same scan to turn green by itself", &format!("verdicts.filter(v => v.kind === 'yes').length > {greens}"));
    }
    turns_green(&tab, &stand.cards[8]);
    assert_eq!(counted(&tab), before + 9);
    drop(server);
    stand.house.verify("canteen");
}

#[test]
fn a_clock_set_back_a_day_is_said_and_no_child_is_sent_away() {
    let stand = Stand::new(3);
    let folder = stand.house.folder("canteen");
    let clock = stand.house.path().join("clock");
    std::fs::write(&clock, "+0").expect("a file");
    let mut command = Command::new("faketime");
    // The wrapper knows where its library is; a time in the environment would go before the one in the file.
    command.args(["-f", "+0", "env", "-u", "FAKETIME"]).arg(program(&folder).get_program()).arg("--data").arg(&folder);
    command.args(["terminal", "serve", "--no-exchange", "--listen", "127.0.0.1:0"]);
    command.env("FAKETIME_TIMESTAMP_FILE", &clock).env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let server = Server::start(command);
    let tab = stand.tab(&server);
    let before = counted(&tab);
    turns_green(&tab, &stand.cards[0]);
    std::fs::write(&clock, "-1d").expect("a file");
    let refused = verdicts::after(&tab, || scan(&tab, &stand.cards[1].code));
    one_plain_sentence(&refused);
    let served = verdicts::after(&tab, || tab.press_word("counter.hold"));
    assert_eq!(served.kind, "held", "no child is sent away: {served:?}");
    tab.go("/");
    tab.sees(&word("counter.clock_suspect"));
    std::fs::write(&clock, "+0").expect("a file");
    turns_green(&tab, &stand.cards[2]);
    one_plain_sentence(&verdicts::after(&tab, || scan(&tab, &stand.cards[0].code)));
    assert_eq!(counted(&tab), before + 2);
    drop(server);
    stand.house.verify("canteen");
}

/// A server whose folder lies on a disk of its own, `megabytes` large, that only it sees.
fn on_a_small_disk(from: &Path, at: &Path, megabytes: usize) -> Server {
    std::fs::create_dir_all(at).expect("a folder");
    let script = "mount -t tmpfs -o size=\"$3\"m,mode=700 tmpfs \"$2\" && cp -a \"$1/.\" \"$2\" &&
        exec \"$0\" --data \"$2\" terminal serve --no-exchange --listen 127.0.0.1:0";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(program(from).get_program());
    command.arg(from).arg(at).arg(megabytes.to_string());
    Server::start(command)
}

#[test]
fn a_full_disk_is_said_and_the_page_goes_on_when_there_is_room() {
    let stand = Stand::new(4);
    let many: Value = stand.house.cards(400, LUNCH).iter().skip(4).map(|card| card.code.clone()).collect();
    let at = stand.house.path().join("small-disk");
    let server = on_a_small_disk(&stand.house.folder("canteen"), &at, 12);
    let inside = server.sees(&at);
    let tab = stand.tab(&server);
    turns_green(&tab, &stand.cards[0]);
    let filler = inside.join("filler");
    let written = std::fs::write(&filler, vec![0; 64 << 20]);
    assert!(written.is_err(), "the disk should be full");
    // What was set aside beforehand holds some hundred entries more; a program uses it up, until not even a small one fits.
    let ask = "async (code) => (await fetch('/api/v1/redemptions', { method: 'POST', headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ ask: crypto.randomUUID().replaceAll('-', ''), code, service: 'lunch' }) })).status";
    let last = tab.eval(&format!(
        "(async (ask, codes) => {{ let row = 0; for (const code of codes) {{ const s = await ask(code); row = s >= 500 ? row + 1 : 0;
            if (row === 5) return s; }} return 0; }})({ask}, {many})"
    ));
    assert!(last.as_u64() >= Some(500), "the disk never became full for it: {last}");
    let before = counted(&tab);
    let refused = verdicts::after(&tab, || scan(&tab, &stand.cards[1].code));
    println!("disk full: {}", refused.text.replace('\n', " / "));
    one_plain_sentence(&refused);
    assert_eq!(counted(&tab), before);
    std::fs::remove_file(&filler).expect("room again");
    let recorded = format!("fetch('/api/v1/days/today').then(r => r.json()).then(d => d.count === {})", before + 1);
    tab.wait("the card that waited to be recorded by itself", &recorded);
    turns_green(&tab, &stand.cards[2]);
    assert_eq!(counted(&tab), before + 2);
    let saved = stand.house.path().join("saved");
    let copied = Command::new("cp").arg("-a").arg(&inside).arg(&saved).status().expect("cp");
    assert!(copied.success());
    drop(server);
    verify(&saved);
}

#[test]
fn a_scan_while_the_pin_pad_is_open_is_no_pin_and_is_not_lost() {
    let stand = Stand::new(2);
    let server = stand.house.serve("canteen");
    let tab = stand.tab(&server);
    let set = tab.eval(
        "fetch('/api/v1/pins', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ role: 'manage', pin: '246810' }) }).then(r => r.status)",
    );
    assert!(set.as_u64().is_some_and(|status| status < 300), "{set}");
    tab.go("/");
    tab.eval("void import('/assets/pin.js').then(m => m.askPin())");
    tab.wait("the PIN pad", "document.querySelector('#pin[open]')");
    let before = counted(&tab);
    scan(&tab, &stand.cards[0].code);
    tab.wait("the meal", &format!("fetch('/api/v1/days/today').then(r => r.json()).then(d => d.count === {})", before + 1));
    let pin_was_not_tried = tab.eval("document.querySelector('#pin').open && document.querySelector('#pin-digits').value === ''");
    assert_eq!(pin_was_not_tried, true, "the pad waits on, empty");
    assert_ne!(tab.text("#pin-why"), word("page.pin_wrong"));
}

#[test]
fn what_was_recorded_before_midnight_but_never_answered_is_green_the_day_after() {
    let stand = Stand::new(1);
    let server = stand.house.serve("canteen");
    let tab = stand.tab(&server);
    let before = counted(&tab);
    let body = json!({"ask": "a".repeat(32), "code": stand.cards[0].code, "service": "lunch"});
    let post = format!("{{ method: 'POST', headers: {{ 'Content-Type': 'application/json' }}, body: JSON.stringify({body}) }}");
    assert_eq!(tab.eval(&format!("fetch('/api/v1/redemptions', {post}).then(r => r.status)")).as_u64(), Some(201));
    let item =
        format!("{{ key: 'waiting.1', path: '/api/v1/redemptions', body: {body}, note: {{ kind: 'redeem' }}, owner: 'page.gone', training: false }}");
    tab.eval(&format!("localStorage.setItem('waiting.1', JSON.stringify({{ ...{item}, at: Date.now() - 86400000 }}))"));
    tab.go("/");
    tab.wait("a verdict", "verdicts.findLast(v => v.kind !== 'off' && v.took !== null)");
    let verdict = verdicts::all(&tab).pop().expect("a verdict");
    assert_eq!(verdict.kind, "yes", "{}", verdict.text);
    assert_eq!(counted(&tab), before + 1);
}
