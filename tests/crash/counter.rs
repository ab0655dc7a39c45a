//! The counter: a card is scanned at a terminal that serves, and the client asks again until it knows.

use super::program::{Fault, Plan, Serving, Stage, Told, plain};
use super::scene::{Scene, is_noticed, place, try_all};
use super::town::{self, Card, arg, meals};
use serde_json::json;
use std::path::Path;
use std::process::Command;

pub fn serving(mut command: Command, dir: &Path) -> Option<Serving> {
    command.args(["terminal", "serve", "--listen", "127.0.0.1:0", "--no-exchange", "--json", "--data", &arg(dir, "box")]);
    Serving::start(command, &dir.join("box"))
}

/// Three children come, one after another; the first was here already.
struct Redeem {
    cards: Vec<Card>,
}

impl Redeem {
    fn ask_all(&self, server: &Serving) -> Vec<Told> {
        self.cards.iter().enumerate().map(|(child, card)| server.redeem(&card.code, &format!("ask-{child}"))).collect()
    }
}

impl Scene for Redeem {
    type Told = Vec<Told>;

    fn name(&self) -> &'static str {
        "redeem over HTTP, three children"
    }

    fn play(&self, stage: &Stage) -> Vec<Told> {
        let mut server = serving(stage.program(&[]), &stage.dir).expect("it serves: nothing is armed yet");
        stage.arm();
        let told = self.ask_all(&server);
        stage.calm();
        if stage.plan().fault.is_error() {
            assert!(server.lives(), "a fault of the disk ends no server");
            for told in &told {
                assert!(!matches!(told, Told::Problem(status, detail) if *status != 503 || detail.len() < 20), "{told:?}");
            }
            // There is room again: it goes on without a restart, and asked again it says what it said.
            recovers(&self.ask_all(&server), &told);
        }
        told
    }

    fn check(&self, dir: &Path, plan: Plan, told: Vec<Told>) {
        // Before anybody asks again: an entry made anew would look like the one that was lost.
        let kept = meals(dir);
        for (card, told) in self.cards.iter().zip(&told) {
            let Told::Green(seq) = told else { continue };
            assert_eq!(kept.get(&card.handle), Some(&vec![*seq]), "{plan:?}: green, and not in the journal");
        }
        let server = serving(plain(&[]), dir).expect("it serves again");
        let after = self.ask_all(&server);
        recovers(&after, &told);
        drop(server);
        let meals = meals(dir);
        for (card, told) in self.cards.iter().zip(&after) {
            let Told::Green(seq) = told else { panic!("{plan:?}: {told:?}") };
            assert_eq!(meals.get(&card.handle), Some(&vec![*seq]), "{plan:?}: green is in exactly one entry");
        }
        assert_eq!(meals.len(), self.cards.len(), "an entry nobody asked for");
    }
}

/// Asked again, everything is green, and what was green before is the same entry.
fn recovers(again: &[Told], before: &[Told]) {
    for (again, before) in again.iter().zip(before) {
        assert!(matches!(again, Told::Green(_)), "asked again: {again:?}, before: {before:?}");
        assert!(!matches!(before, Told::Green(_)) || again == before, "asked again: {again:?}, before: {before:?}");
    }
}

#[test]
fn green_is_in_the_journal_whatever_happens_to_any_write() {
    let place = place();
    let dir = place.path().join("town");
    std::fs::create_dir(&dir).expect("a folder");
    let cards = town::make(&dir, 3);
    try_all(&Redeem { cards }, &dir);
}

/// What makes a green durable is the flush: with a disk that lies about it, greens are lost when the power fails, and this is noticed.
#[test]
fn canary_greens_that_were_not_flushed_are_noticed() {
    let place = place();
    let dir = place.path().join("town");
    std::fs::create_dir(&dir).expect("a folder");
    let cards = town::make(&dir, 3);
    let redeem = Redeem { cards };
    let lost =
        (40..=60).step_by(2).filter(|at| is_noticed(&redeem, &dir, Plan { fault: Fault::Power, at: *at, last: *at, seed: *at, lies: true })).count();
    assert!(lost > 0, "no green was lost: the power cut cuts nothing");
}

/// A box taken out of its cardboard: keys, database and journal are made.
struct Birth;

impl Scene for Birth {
    type Told = bool;

    fn name(&self) -> &'static str {
        "terminal serve, first start in an empty folder"
    }

    fn play(&self, stage: &Stage) -> bool {
        stage.arm();
        let served = serving(stage.program(&[]), &stage.dir).is_some();
        stage.calm();
        served
    }

    fn check(&self, dir: &Path, plan: Plan, _: bool) {
        let server = serving(plain(&[]), dir).unwrap_or_else(|| panic!("{plan:?}: it starts the second time"));
        let status = server.post("/api/v1/redemptions", &json!({"code": "x", "service": "lunch"}));
        assert!(status.is_some(), "{plan:?}: it answers");
        drop(server);
        assert!(meals(dir).is_empty(), "{plan:?}");
    }
}

#[test]
fn a_first_start_that_went_wrong_is_made_up_for_by_the_next() {
    let place = place();
    let dir = place.path().join("empty");
    std::fs::create_dir(&dir).expect("a folder");
    try_all(&Birth, &dir);
}
