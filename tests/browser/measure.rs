//! From the last key of a scan to the verdict on the screen, measured in the browser. Nothing here asserts a time.

use super::chrome::Chrome;
use super::counter::choose;
use super::house::{House, LUNCH};
use super::tab::Tab;
use super::verdicts;
use super::wedge::{Host, burst, strokes};
use std::rc::Rc;
use std::time::Duration;

/// What was measured, in milliseconds.
struct Figures {
    took: Vec<f64>,
}

impl Figures {
    fn at(&self, share: f64) -> f64 {
        let mut sorted = self.took.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an index into a short list")]
        let place = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
        sorted[place]
    }

    fn row(&self, what: &str) -> String {
        let [p50, p95, p99, most] = [0.5, 0.95, 0.99, 1.0].map(|share| format!("{:.0} ms", self.at(share)));
        format!("| {what} | {} | {p50} | {p95} | {p99} | {most} |", self.took.len())
    }
}

/// Scans `number` cards that were never seen, one after the other; all are accepted.
fn scans(number: usize, slower: u32) -> Figures {
    let house = House::filled();
    let cards = house.cards(number, LUNCH);
    let server = house.serve("canteen");
    let chrome = Rc::new(Chrome::start());
    let tab = Tab::open(&chrome, &server.base);
    tab.front();
    verdicts::watch(&tab);
    tab.go("/");
    choose(&tab, "lunch");
    tab.slower(slower);
    let mut took = Vec::with_capacity(number);
    for card in &cards {
        let keys = strokes(&card.code, "Enter", Host::Us);
        // A full-speed USB keyboard is asked once a millisecond.
        let verdict = verdicts::after(&tab, || burst(&tab, &keys, Duration::from_millis(1)));
        assert_eq!(verdict.kind, "yes", "{}", verdict.text);
        took.push(verdict.took);
    }
    drop(server);
    house.verify("canteen");
    Figures { took }
}

#[test]
fn twenty_scans_are_measured() {
    let figures = scans(20, 1);
    assert!(figures.took.iter().all(|took| *took > 0.0), "the clock stood still: {:?}", figures.took);
    println!("{}", figures.row("scan"));
}

#[test]
#[ignore = "minutes of measuring: scripts/bench-counter"]
fn five_hundred_scans_are_measured() {
    println!("| last key → verdict painted | scans | median | p95 | p99 | longest |\n|---|---|---|---|---|---|");
    let number = std::env::var("TEILHABE_SCANS").ok().and_then(|number| number.parse().ok()).unwrap_or(500);
    println!("{}", scans(number, 1).row("as the machine is"));
    println!("{}", scans(100, 10).row("the browser's processor ten times slower"));
}
