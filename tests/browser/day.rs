//! A whole day at a canteen, at a club and at a tutor, clicked, typed and scanned through at the real program, and the office's answer.

use super::chrome::Chrome;
use super::counter::{choose, setting, show_pin};
use super::house::{CLUB, House, LESSONS, LUNCH, Server, program};
use super::tab::{Tab, complaints};
use super::verdicts::{self, Verdict};
use super::wedge::{Host, scan, scan_on};
use super::words::word;
use serde_json::json;
use std::process::Command;
use std::rc::Rc;
use teilhabe::shell::door::now;
use teilhabe::words::civil::berlin_minute;

const PIN: &str = "246810";

fn opened(chrome: &Rc<Chrome>, server: &Server, service: &str) -> Tab {
    let tab = Tab::open(chrome, &server.base);
    tab.front();
    verdicts::watch(&tab);
    tab.go("/");
    choose(&tab, service);
    tab
}

fn counted(tab: &Tab) -> u64 {
    tab.eval("fetch('/api/v1/days/today').then(r => r.json()).then(d => d.count)").as_u64().expect("a count")
}

fn is(verdict: &Verdict, kind: &str) {
    assert_eq!(verdict.kind, kind, "{}", verdict.text);
}

/// Goes back to the last day with meals, at most a week.
fn last_day_with_meals(tab: &Tab) {
    for _ in 0..7 {
        tab.press_word("day.before");
        tab.wait("the day before", "document.readyState === 'complete' && location.search !== ''");
        if tab.eval("document.querySelector('#lines .cancel') !== null") == true {
            return;
        }
    }
    panic!("no day of the last week has a meal");
}

#[test]
fn a_day_at_the_canteen() {
    let house = House::filled();
    let cards = house.cards(8, LUNCH);
    let (office, server) = (house.serve_office(), house.serve("canteen"));
    let chrome = Rc::new(Chrome::start());
    let tab = opened(&chrome, &server, "lunch");
    let before = counted(&tab);

    // The computer's keyboard may be of any country, the focus anywhere.
    for (card, (host, focus)) in cards.iter().zip([(Host::German, "#type"), (Host::Us, "#main"), (Host::French, "#exchange")]) {
        tab.eval(&format!("document.querySelector('{focus}').focus()"));
        is(&verdicts::after(&tab, || scan_on(&tab, &card.code, host)), "yes");
    }
    is(&verdicts::after(&tab, || scan(&tab, &cards[0].code)), "no again");
    is(&verdicts::after(&tab, || scan(&tab, &cards[3].code)), "yes");
    is(&verdicts::after(&tab, || tab.press("#acts [data-until]")), "undone");
    assert_eq!(counted(&tab), before + 3);
    is(&verdicts::after(&tab, || scan(&tab, &cards[3].code)), "yes");

    // A card that cannot be read: the plate does not wait, the card makes up for it later.
    is(&verdicts::after(&tab, || scan(&tab, &cards[4].code[..60])), "no");
    let served = verdicts::after(&tab, || tab.press_word("counter.hold"));
    is(&served, "held");
    tab.wait("what waits for a card", "document.querySelector('#held-box:not([hidden]) #held button')");
    let newest = "fetch('/api/v1/held').then(r => r.json()).then(({ held }) => held.findIndex(h => h.seq === Math.max(...held.map(x => x.seq))) + 1)";
    tab.press(&format!("#held li:nth-child({}) button", tab.eval(newest)));
    is(&verdicts::after(&tab, || scan(&tab, &cards[4].code)), "yes");

    // A number with a wrong check digit never leaves the keypad.
    let number: String = cards[0].number.to_string().chars().filter(char::is_ascii_digit).collect();
    let wrong = format!("{}{}", &number[..11], (number[11..].parse::<u8>().expect("a digit") + 1) % 10);
    tab.press_word("counter.type_number");
    for digit in wrong.chars() {
        tab.press(&format!("#keypad .pad button[value='{digit}']"));
    }
    tab.wait("a warning", "document.querySelector('#number-help.warn') && document.querySelector('#number-go').disabled");
    tab.press("#keypad .pad button[value=back]");
    tab.press(&format!("#keypad .pad button[value='{}']", &number[11..]));
    is(&verdicts::after(&tab, || tab.press("#number-go")), "no again");
    assert_eq!(counted(&tab), before + 5);

    storno_and_closing(&tab);
    exchange_and_answer(&tab);
    assert_eq!(complaints(&chrome, &[&server.base]), Vec::<String>::new());
    drop((server, office));
    house.verify("canteen");
}

/// With a PIN for correcting: Storno of an earlier day with a reason, then the day is closed.
fn storno_and_closing(tab: &Tab) {
    let set = format!(
        "role => fetch('/api/v1/pins', {{ method: 'POST', headers: {{ 'Content-Type': 'application/json' }}, body: JSON.stringify({{ role, pin: '{PIN}' }}) }})"
    );
    for role in ["manage", "correct"] {
        assert_eq!(tab.eval(&format!("({set})({}).then(r => r.ok)", json!(role))), true, "{role}");
        if role == "manage" {
            tab.eval(&format!("fetch('/api/v1/session/pin', {{ method: 'POST', headers: {{ 'Content-Type': 'application/json' }}, body: JSON.stringify({{ pin: '{PIN}' }}) }})"));
        }
    }
    tab.eval("fetch('/api/v1/session/lock', { method: 'POST' }).then(r => r.ok)");
    tab.go("/day");
    last_day_with_meals(tab);
    let cancelled = tab.eval("document.querySelectorAll('#lines li[data-state=cancelled]').length").as_u64().expect("a number");
    tab.press("#lines .cancel");
    tab.press("#cancel label:has([name=reason])");
    tab.press("#cancel .danger");
    show_pin(tab, PIN);
    tab.wait("the Storno", &format!("document.querySelectorAll('#lines li[data-state=cancelled]').length === {}", cancelled + 1));
    tab.press_word("day.to_today");
    tab.wait("today", "location.search === '' && document.readyState === 'complete'");
    tab.press("#close-day");
    tab.wait("the day closed", "document.querySelector('#shown .good')");
}

/// The claim goes to the office, and its answers come back.
fn exchange_and_answer(tab: &Tab) {
    tab.go("/");
    tab.press("#exchange");
    tab.wait("the exchange", "document.querySelector('#exchanged').textContent.trim() !== ''");
    tab.wait("all confirmed", &format!("document.querySelector('#light-pending').innerText.includes({})", json!(word("counter.all_sent"))));
    tab.go("/month");
    assert!(tab.eval("document.querySelectorAll('main table tbody tr, main li').length").as_u64() > Some(3), "{}", tab.text("main"));
    // Two meals came back: one answer is right, the other entry was wrong and is claimed again for the day before.
    let returned = "document.querySelectorAll('.back li').length";
    let before = tab.eval(returned).as_u64().expect("a number");
    assert!(before >= 2, "nothing came back: {}", tab.text("main"));
    tab.press(".back li .agree");
    tab.wait("one less", &format!("{returned} === {}", before - 1));
    tab.press(".back li .correct");
    tab.wait("the correction", "document.querySelector('#correct[open]')");
    tab.press("#correct button[value=do]");
    tab.wait("its outcome", &format!("{returned} === {} || !document.querySelector('#correct-problem').hidden", before - 2));
    if tab.eval("!!document.querySelector('#correct[open]')") == true {
        println!("correction: {}", tab.text("#correct-problem"));
        tab.press("#correct [data-close]");
    }
    tab.press("a[href*='csv']");
    let table = String::from_utf8_lossy(&tab.download(".csv")).into_owned();
    assert!(table.lines().count() > 100 && table.contains("Mittagessen"), "{}", &table[..table.len().min(300)]);
}

#[test]
fn a_day_at_the_club() {
    let house = House::filled();
    let cards = house.cards(3, "participation;FROM;TO;validity;cents;9000;");
    let monthly = house.cards(1, CLUB);
    let server = house.serve("club");
    let chrome = Rc::new(Chrome::start());
    let tab = opened(&chrome, &server, "judo");
    let before = counted(&tab);
    is(&verdicts::after(&tab, || scan(&tab, &cards[0].code)), "yes");
    // The fee for three months is one entry a month.
    setting(&tab, "months", "3");
    let fee = verdicts::after(&tab, || scan(&tab, &cards[1].code));
    is(&fee, "yes");
    assert!(fee.text.contains(&word("counter.for_months").replace("{months}", "3")), "{}", fee.text);
    setting(&tab, "months", "1");
    assert_eq!(counted(&tab), before + 2, "the later months are counted in their time");
    // Looking records nothing.
    tab.press("#look");
    is(&verdicts::after(&tab, || scan(&tab, &cards[2].code)), "look");
    tab.press("#look");
    assert_eq!(counted(&tab), before + 2);
    // A free amount: the holiday camp.
    setting(&tab, "service", "camp");
    scan(&tab, &cards[2].code);
    tab.wait("a question for the amount", "verdicts.at(-1).kind === 'off'");
    let verdict = verdicts::after(&tab, || setting(&tab, "cents", "45,50"));
    is(&verdict, "yes");
    assert_eq!(counted(&tab), before + 3);
    // A membership is registered by one scan and goes on by itself.
    tab.go("/standing");
    tab.set("#register [name=service]", "judo");
    scan(&tab, &monthly[0].code);
    tab.wait("registered", "document.querySelector('#told.good')");
    scan(&tab, &monthly[0].code);
    tab.wait("registered before", "document.querySelector('#told.good, #told.warn')");
    tab.press_word("standing.download");
    let list = String::from_utf8_lossy(&tab.download(".csv")).into_owned();
    assert!(list.lines().count() >= 2 && list.contains("Judo"), "{list}");
    assert_eq!(complaints(&chrome, &[&server.base]), Vec::<String>::new());
    drop(server);
    house.verify("club");
}

#[test]
fn an_afternoon_at_the_tutor() {
    let house = House::filled();
    let cards = house.cards(1, LESSONS);
    let (folder, clock) = (house.folder("tutor"), house.path().join("clock"));
    // A lesson lies within one civil day: late in the evening this one is held after midnight.
    let begin = if berlin_minute(now()) > 22 * 60 { 180 } else { 0 };
    std::fs::write(&clock, format!("+{begin}m")).expect("a file");
    let mut command = Command::new("faketime");
    command.args(["-f", "+0", "env", "-u", "FAKETIME"]).arg(program(&folder).get_program()).arg("--data").arg(&folder);
    command.args(["terminal", "serve", "--no-exchange", "--listen", "127.0.0.1:0"]);
    command.env("FAKETIME_TIMESTAMP_FILE", &clock).env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let server = Server::start(command);
    let chrome = Rc::new(Chrome::start());
    let tab = opened(&chrome, &server, "mathe");
    is(&verdicts::after(&tab, || scan(&tab, &cards[0].code)), "run");
    let early = verdicts::after(&tab, || scan(&tab, &cards[0].code));
    is(&early, "run");
    assert!(early.text.contains(&word("counter.running")), "{}", early.text);
    std::fs::write(&clock, format!("+{}m", begin + 50)).expect("a file");
    is(&verdicts::after(&tab, || scan(&tab, &cards[0].code)), "yes");
    assert_eq!(complaints(&chrome, &[&server.base]), Vec::<String>::new());
    drop(server);
    house.verify("tutor");
}
