//! The counter: a scan, the same again, undone.

use super::chrome::Chrome;
use super::house::{House, LUNCH};
use super::tab::{Tab, complaints};
use super::wedge::scan;
use std::rc::Rc;

#[test]
fn a_scan_turns_green_and_the_same_again_does_not() {
    let house = House::filled();
    let cards = house.cards(2, LUNCH);
    let server = house.serve("canteen");
    let chrome = Rc::new(Chrome::start());
    let tab = Tab::open(&chrome, &server.base);
    tab.front();
    tab.go("/");
    scan(&tab, &cards[0].code);
    tab.wait("a green verdict", "document.querySelector('#verdict.yes')");
    scan(&tab, &cards[0].code);
    tab.wait("a refusal", "document.querySelector('#verdict.no')");
    scan(&tab, &cards[1].code);
    tab.wait("a green verdict", "document.querySelector('#verdict.yes')");
    assert_eq!(complaints(&chrome, &[&server.base]), Vec::<String>::new());
    drop(server);
    house.verify("canteen");
}
