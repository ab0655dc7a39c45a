//! Hand scanners of many countries: the table of key events (`wedge_cases.py`, from xkb-data) put together by the page's own script, and
//! real key events on computers with a German, a US and a French keyboard, wherever the focus is.

use super::chrome::Chrome;
use super::house::House;
use super::tab::Tab;
use serde_json::Value;
use std::rc::Rc;

#[test]
fn scanners_and_computers_of_many_countries_need_not_agree() {
    let cases: Value = serde_json::from_str(include_str!("wedge_cases.json")).expect("JSON");
    let house = House::filled();
    let server = house.serve("canteen");
    let chrome = Rc::new(Chrome::start());
    let tab = Tab::open(&chrome, &server.base);
    tab.go("/");
    let read = tab.eval(&format!(
        "import('/assets/wedge.js').then(({{ assembled }}) => {cases}.map(c => [c.name, c.scans, assembled(c.events).map(s => s.text)]))"
    ));
    let read = read.as_array().expect("a list");
    assert!(read.len() > 100, "the table is short: {}", read.len());
    let wrong: Vec<&Value> = read.iter().filter(|case| case[1] != case[2]).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
