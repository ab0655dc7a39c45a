//! Pictures of every page, and of what the counter shows, for people to look at: `scripts/screenshots`.

use super::audit::{VIEWS, pages};
use super::chrome::Chrome;
use super::counter::choose;
use super::house::{CLUB, House, LUNCH, Server};
use super::tab::Tab;
use super::verdicts;
use super::wedge::scan;
use std::path::PathBuf;
use std::rc::Rc;
use teilhabe::office::IssuedToken;

/// Takes a page as it stands, in every view.
pub fn take(tab: &Tab, language: &str, name: &str) {
    let folder = std::env::var_os("TEILHABE_SCREENSHOTS").map(PathBuf::from).expect("set TEILHABE_SCREENSHOTS to a folder: scripts/screenshots does");
    for view in VIEWS {
        view.apply(tab);
        tab.shoot(&folder.join(language).join(format!("{name}-{}.png", view.name())));
    }
    VIEWS[0].apply(tab);
}

fn name_of(path: &str) -> String {
    if path == "/" { "counter".into() } else { path.trim_start_matches('/').replace('/', "-") }
}

/// The counter in each of its states, the last one with its box gone.
fn states(tab: &Tab, server: Server, cards: &[IssuedToken], language: &str, name: &str) {
    tab.go(&format!("/?lang={language}"));
    take(tab, language, &format!("{name}-1-idle"));
    verdicts::after(tab, || scan(tab, &cards[0].code));
    take(tab, language, &format!("{name}-2-accepted"));
    verdicts::after(tab, || scan(tab, &cards[0].code));
    take(tab, language, &format!("{name}-3-refused"));
    verdicts::after(tab, || scan(tab, &cards[1].code[..40]));
    take(tab, language, &format!("{name}-4-unreadable"));
    verdicts::after(tab, || tab.press("#acts button"));
    take(tab, language, &format!("{name}-5-held"));
    drop(server);
    let before = verdicts::all(tab).len();
    scan(tab, &cards[1].code);
    std::thread::sleep(std::time::Duration::from_secs(6));
    println!("offline: {:?}", verdicts::all(tab).get(before..));
    take(tab, language, &format!("{name}-6-offline"));
}

fn counter(name: &str, benefit: &str, service: &str) {
    for language in ["de", "en"] {
        let house = House::filled();
        let cards = house.cards(12, benefit);
        let server = house.serve(name);
        let chrome = Rc::new(Chrome::start());
        let tab = Tab::open(&chrome, &server.base);
        tab.front();
        verdicts::watch(&tab);
        tab.go("/");
        choose(&tab, service);
        for card in &cards[2..] {
            verdicts::after(&tab, || scan(&tab, &card.code));
        }
        states(&tab, server, &cards, language, &format!("counter-{name}"));
    }
}

#[test]
#[ignore = "pictures for people: scripts/screenshots"]
fn the_counter_of_the_canteen() {
    counter("canteen", LUNCH, "lunch");
}

#[test]
#[ignore = "pictures for people: scripts/screenshots"]
fn the_counter_of_the_club() {
    counter("club", CLUB, "judo");
}

#[test]
#[ignore = "pictures for people: scripts/screenshots"]
fn every_page() {
    for name in ["canteen", "club", "tutor"] {
        let house = House::filled();
        let server = house.serve(name);
        let chrome = Rc::new(Chrome::start());
        let tab = Tab::open(&chrome, &server.base);
        tab.front();
        for language in ["de", "en"] {
            for path in pages() {
                tab.go(&format!("{path}?lang={language}"));
                take(&tab, language, &format!("{name}-{}", name_of(path)));
            }
        }
    }
}
