//! The provider's own lists: entered, joined to a card by one scan, a trip booked for many in one go, a card forgotten at home.

use super::chrome::Chrome;
use super::counter::{choose, setting};
use super::house::House;
use super::tab::{Tab, complaints};
use super::verdicts;
use super::wedge::scan;
use super::words::word;
use std::rc::Rc;

/// Thirty euros for the trip to the zoo.
const ZOO: &str = "day_trip;FROM;TO;validity;cents;3000;zoo-26";

fn count(tab: &Tab) -> u64 {
    tab.eval("fetch('/api/v1/days/today').then(r => r.json()).then(d => d.count)").as_u64().expect("a count")
}

#[test]
fn names_are_joined_by_a_scan_booked_together_and_found_without_a_card() {
    let house = House::filled();
    let cards = house.cards(3, ZOO);
    let server = house.serve("canteen");
    let chrome = Rc::new(Chrome::start());
    let tab = Tab::open(&chrome, &server.base);
    tab.front();
    verdicts::watch(&tab);
    tab.go("/people");
    for (number, name) in ["Ada Arslan", "Ben Berger", "Cleo Čapek"].iter().enumerate() {
        tab.press("#add");
        tab.fill("#edit [name=name]", name);
        tab.fill("#edit [name=list]", "Klasse 3a");
        tab.press("#edit button[value=save]");
        tab.wait(name, &format!("!document.querySelector('#edit[open]') && document.querySelectorAll('#people li').length === {}", number + 1));
    }
    tab.press("#join-all");
    for card in &cards {
        let who = tab.text("#joining-title");
        scan(&tab, &card.code);
        tab.wait(
            "the next one",
            &format!("document.querySelector('#joining').hidden || document.querySelector('#joining-title').innerText !== {who:?}"),
        );
    }
    assert_eq!(tab.eval("fetch('/api/v1/people').then(r => r.json()).then(d => d.people.filter(p => p.joined).length)"), 3);

    let before = count(&tab);
    tab.go("/groups");
    choose(&tab, "zoo");
    tab.fill("#group [name=amount]", "12,50");
    for name in ["Ada Arslan", "Ben Berger"] {
        tab.press_text(name);
    }
    tab.press("#book");
    tab.wait("what came of it", "!document.querySelector('#results').hidden");
    assert_eq!(count(&tab), before + 2, "{}", tab.text("#results"));

    tab.go("/");
    choose(&tab, "zoo");
    setting(&tab, "cents", "12,50");
    tab.press_word("counter.forgotten");
    tab.fill("#find [name=search]", "cleo");
    tab.wait("one found", "document.querySelectorAll('#find input[name=person]').length === 1");
    tab.press("#find label:has(> input[value=left_at_home])");
    let verdict = verdicts::after(&tab, || tab.press_text(&word("find.go")));
    assert_eq!(verdict.kind, "yes", "{}", verdict.text);
    assert_eq!(count(&tab), before + 3);
    assert_eq!(complaints(&chrome, &[&server.base]), Vec::<String>::new());
    drop(server);
    house.verify("canteen");
}
