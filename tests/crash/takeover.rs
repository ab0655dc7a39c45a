//! A new box goes on for one that was lost, over its page, and anything may go wrong at any write it makes.

use super::counter::serving;
use super::program::{Plan, Serving, Stage, plain};
use super::scene::{Scene, place, try_all};
use super::town::{self, Card, exchange, goes_on_to_the_end, meals, open_box, open_office, serve_lunch};
use serde_json::{Value, json};
use std::path::Path;
use teilhabe::shell::envelope::Identity;
use teilhabe::shell::locked_file::Lock;
use teilhabe::shell::{backup, door, secret_file, terminal_dir};
use teilhabe::terminal::enrol::EnrolmentAnswer;
use teilhabe::words::ids::ProviderNumber;
use teilhabe::words::keys::PublicKey;

const MEALS: usize = 3;

/// The backup is sent, then opened with its key.
struct TakeOver {
    cards: Vec<Card>,
    key: String,
}

type Answer = Option<(u16, Value)>;

impl TakeOver {
    fn ask(&self, server: &Serving, dir: &Path) -> Answer {
        let file = std::fs::read(dir.join("backup.age")).expect("the backup");
        let arrived = server.send("/api/v1/restore/file", "application/octet-stream", &file)?;
        if arrived.0 == 201 { server.post("/api/v1/restore", &json!({"key": self.key})) } else { Some(arrived) }
    }
}

fn was_taken(answer: &Answer) -> bool {
    matches!(answer, Some((201, _)))
}

fn is_in_use(answer: &Answer) -> bool {
    answer.as_ref().is_some_and(|(status, said)| *status == 409 && said["what"] == "in_use")
}

impl Scene for TakeOver {
    type Told = Answer;

    fn name(&self) -> &'static str {
        "go on for a lost box, over the page"
    }

    fn play(&self, stage: &Stage) -> Answer {
        let mut server = serving(stage.program(&[]), &stage.dir).expect("it serves: nothing is armed yet");
        stage.arm();
        let told = self.ask(&server, &stage.dir);
        stage.calm();
        if stage.plan().fault.is_error() {
            assert!(server.lives(), "a fault of the disk ends no server");
            if let Some((status, said)) = &told {
                assert!(*status == 201 || said["detail"].as_str().is_some_and(|sentence| sentence.len() >= 20), "{status} {said}");
            }
            // There is room again: it goes on without a restart.
            let again = self.ask(&server, &stage.dir);
            assert!(if was_taken(&told) { is_in_use(&again) } else { was_taken(&again) || is_in_use(&again) }, "first {told:?}, then {again:?}");
            return again;
        }
        told
    }

    fn check(&self, dir: &Path, plan: Plan, told: Answer) {
        let server = serving(plain(&[]), dir).unwrap_or_else(|| panic!("{plan:?}: it starts again"));
        assert!(!dir.join("box/restore.draft").exists(), "{plan:?}: what lay open is gone");
        let again = self.ask(&server, dir);
        let taken_before = was_taken(&told) || is_in_use(&told);
        assert!(is_in_use(&again) || was_taken(&again) && !taken_before, "{plan:?}: first {told:?}, then {again:?}");
        drop(server);
        assert!(!dir.join("box/restore.draft").exists(), "{plan:?}");
        let kept = meals(dir);
        assert_eq!(kept.len(), MEALS, "{plan:?}");
        assert!(self.cards.iter().all(|card| kept.get(&card.handle).is_some_and(|entries| entries.len() == 1)), "{plan:?}: {kept:?}");
        enrol(dir);
        goes_on_to_the_end(dir, MEALS as u64);
    }
}

/// The box is admitted with a fresh code, as the letter of the office has one.
fn enrol(dir: &Path) {
    let (mut terminal, mut office, now) = (open_box(dir), open_office(dir), door::now());
    let code = office.new_code(ProviderNumber(101), now).expect("a code").grouped();
    let request = terminal.ask_for_admission(&code, "Ausgabe 1").expect("a request");
    let admitted = office.enrol(&request, now).expect("admitted");
    let root = PublicKey::from_bytes(&admitted.root).expect("a key");
    let answer = EnrolmentAnswer::new(&root, &admitted.trust, &admitted.credential);
    terminal.take_admission(&code, "http://127.0.0.1:9", &answer, &mut door::os_chance(), now).expect("enrolled");
}

#[test]
fn a_new_box_has_all_of_a_lost_one_or_nothing_and_can_be_asked_again() {
    let place = place();
    let dir = place.path().join("town");
    std::fs::create_dir(&dir).expect("a folder");
    let cards = town::make(&dir, MEALS);
    exchange(&dir);
    serve_lunch(&dir, &cards);
    let owner = Identity::generate();
    backup::write(&dir.join("box"), &dir.join("backup.age"), &Lock::to(&owner.recipient()).expect("an address")).expect("written");
    std::fs::rename(dir.join("box"), dir.join("lost")).expect("lost");
    let mut chance = door::os_chance();
    terminal_dir::open_or_create(&dir.join("box"), &mut chance, door::now()).expect("a new box");
    secret_file::api_token(&dir.join("box"), &mut chance).expect("a key");
    try_all(&TakeOver { cards, key: owner.to_text().to_string() }, &dir);
}
