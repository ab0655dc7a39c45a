//! Envelopes by FIT-Connect: a terminal, an office, and a stand-in for the service between them, with what can go wrong there.
#![cfg(all(feature = "fit-connect", feature = "office", feature = "terminal"))]

mod fit_connect_stand;

use fit_connect_stand::{DESTINATION, Stand, keys};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use teilhabe::office::{KeyKind, NewProvider, Office, ServiceTerms};
use teilhabe::shell::door::{now, os_chance};
use teilhabe::shell::sheet::children;
use teilhabe::shell::terminal_dir;
use teilhabe::shell::web::fit_connect::{Course, Pass, Receiver, ReceiverConfig, Sender, SenderConfig};
use teilhabe::terminal::Terminal;
use teilhabe::terminal::counter::{Answer, Request};
use teilhabe::terminal::enrol::EnrolmentAnswer;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::code::Code;
use teilhabe::words::ids::OfficeId;
use teilhabe::words::keys::PublicKey;

/// An office and a terminal in folders of their own, the terminal with one lunch, and the stand-in between them.
struct Town {
    dir: tempfile::TempDir,
    stand: Stand,
    settings: PathBuf,
}

impl Town {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let stand = Stand::start(dir.path());
        let (today, id) = (CivilDay::of(now()), OfficeId::parse("05562032").expect("an id"));
        let mut office =
            Office::init(&dir.path().join("office"), id, "Stadt Recklinghausen", "DE02120300000000202051", os_chance(), now()).expect("an office");
        let lunch = ServiceTerms::parse("lunch:lunch:Mittagessen:450", today).expect("terms");
        let canteen = NewProvider { name: "Mensa am Park".into(), iban: "DE89370400440532013000".into(), services: vec![lunch] };
        let (_, code) = office.add_provider(&canteen, now()).expect("a provider");
        let month = &today.to_string()[..7];
        let table = format!(
            "reference;benefit;from;to;period;measure;amount\n0815;lunch;{month};{month};day;units;1\n0816;lunch;{month};{month};day;units;1\n"
        );
        let cards = office.issue(&children::read(table.as_bytes()).expect("a table").rows, now()).expect("issued");
        let mut chance = os_chance();
        let mut terminal = terminal_dir::open_or_create(&dir.path().join("box"), &mut chance, now()).expect("a terminal");
        let request = terminal.ask_for_admission(&code.grouped(), "Ausgabe 1").expect("a request");
        let admitted = office.enrol(&request, now()).expect("admitted");
        let root = PublicKey::from_bytes(&admitted.root).expect("a key");
        let answer = EnrolmentAnswer::new(&root, &admitted.trust, &admitted.credential);
        terminal.take_admission(&code.grouped(), "", &answer, &mut chance, now()).expect("enrolled");
        let cards: Vec<String> = cards.into_iter().map(|card| card.code).collect();
        std::fs::write(dir.path().join("cards"), cards.join("\n")).expect("written");
        serve_lunch(&mut terminal, &cards[0]);
        let settings = stand.settings("fit-connect.toml");
        Self { dir, stand, settings }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn terminal(&self) -> Terminal {
        terminal_dir::open(&self.path("box"), now()).expect("a terminal")
    }

    fn office(&self) -> Office {
        Office::open(&self.path("office"), os_chance(), now()).expect("an office")
    }

    fn second_card(&self) -> String {
        std::fs::read_to_string(self.path("cards")).expect("cards").lines().nth(1).expect("two").to_owned()
    }

    fn sender(&self) -> Sender {
        Sender::new(SenderConfig::read(&self.settings).expect("settings"), &self.path("box")).expect("a sender")
    }

    fn receiver(&self) -> Receiver {
        Receiver::new(ReceiverConfig::read(&self.settings).expect("settings"), &self.path("answers"))
    }

    /// Sends what is not confirmed, whether it is due or not.
    fn send(&self, sender: &mut Sender) -> Result<String, String> {
        let (mut terminal, mut chance) = (self.terminal(), os_chance());
        let envelope = terminal.outbound(sender.office(), &mut chance, now()).expect("an envelope");
        let batches = terminal.waiting_batch_ids(sender.office()).expect("batches");
        sender.send(&envelope, &batches, &mut chance, now()).map_err(|error| error.to_string())
    }

    /// How many lines the office decides when everything is taken in.
    fn lines(&self) -> u64 {
        let tally = self.office().reconcile(now()).expect("reconciled");
        tally.lines()
    }

    fn is_due(&self, sender: &Sender) -> bool {
        let mut terminal = self.terminal();
        terminal.seal_batches(sender.office(), &mut os_chance(), now()).expect("sealed");
        let batches = terminal.waiting_batch_ids(sender.office()).expect("batches");
        sender.is_due(&batches, now())
    }
}

fn serve_lunch(terminal: &mut Terminal, card: &str) {
    let scan = Request { code: card.to_owned(), service: Code::parse("lunch"), months: 1, ..Request::default() };
    assert!(matches!(terminal.redeem(&scan, &mut os_chance(), now()).expect("answered"), Answer::Accepted(_)));
}

fn teilhabe(arguments: &[&str], data: &Path) -> (bool, String, Value) {
    let run = |json: &[&str]| Command::new(env!("CARGO_BIN_EXE_teilhabe")).args(arguments).arg("--data").arg(data).args(json).output().expect("run");
    let output = run(&["--json"]);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text, serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
}

#[test]
fn a_lunch_goes_to_the_office_by_fit_connect_and_its_answer_comes_home_by_stick() {
    let town = Town::new();
    let settings = town.settings.to_str().expect("a path");
    let send = || teilhabe(&["terminal", "exchange", "--fit-connect", settings], &town.path("box"));
    let (ok, text, sent) = send();
    let submission = sent["submission"].as_str().unwrap_or_else(|| panic!("{text}")).to_owned();
    assert!(ok);
    let (_, _, again) = send();
    assert_eq!((&again["submission"], &again["earlier"][0]["course"]), (&Value::Null, &json!("waiting")));
    let answers = town.path("answers");
    let receive = || teilhabe(&["office", "fit-connect", "--config", settings, "--answers", answers.to_str().expect("a path")], &town.path("office"));
    let (ok, text, taken) = receive();
    let answer = taken["taken"][0].as_str().unwrap_or_else(|| panic!("{text}")).to_owned();
    assert!(ok && taken["rejected"] == 0, "{text}");
    assert_eq!(town.stand.events(&submission), ["submit-submission", "accept-submission"]);
    assert_eq!(receive().2["taken"], json!([]), "it waits no more");
    let (_, _, told) = send();
    assert_eq!((&told["submission"], &told["earlier"][0]["course"]), (&Value::Null, &json!("accepted")));
    assert_eq!(told["unconfirmed"].as_array().map(Vec::len), Some(1), "accepted there is no receipt yet");
    let (ok, text, home) = teilhabe(&["terminal", "exchange", "--in", &answer], &town.path("box"));
    assert!(ok && home["offices"][0]["confirmed"] == 1, "{text}");
    assert_eq!(send().2["unconfirmed"], json!([]));
    assert_eq!(town.lines(), 1);
    let state = town.stand.state();
    let seen = format!("{:?}{:?}", state.submissions, state.asked);
    assert!(!seen.contains("0815") && !seen.contains("Ausgabe"), "the service reads nothing of it");
}

#[test]
fn what_was_submitted_twice_is_one_line() {
    let town = Town::new();
    town.send(&mut town.sender()).expect("sent");
    std::fs::remove_file(town.path("box/fit-connect-05562032.json")).expect("notes are lost");
    town.send(&mut town.sender()).expect("sent again");
    serve_lunch(&mut town.terminal(), &town.second_card());
    town.send(&mut town.sender()).expect("with one more");
    let (mut receiver, mut office) = (town.receiver(), town.office());
    let pass = receiver.pass(&mut office, now()).expect("a pass");
    assert_eq!((pass.taken.len(), pass.rejected, pass.left), (3, 0, Vec::new()));
    assert_eq!(town.lines(), 2);
    let mut terminal = town.terminal();
    for answer in &pass.taken {
        terminal.take_inbound(&std::fs::read(answer).expect("an answer"), &mut os_chance(), now()).expect("home");
    }
    let office = OfficeId::parse("05562032").expect("an id");
    assert_eq!(terminal.waiting_batches(&office).expect("counted"), 0, "every batch has its receipt");
}

#[test]
fn an_answer_lost_after_submitting_makes_no_second_submission() {
    let town = Town::new();
    town.stand.state().loses_answer = true;
    let error = town.send(&mut town.sender()).expect_err("lost");
    assert!(error.starts_with("FIT-Connect cannot be reached at") && error.ends_with("nothing is lost"), "{error}");
    let mut sender = town.sender();
    let outcomes = sender.look(now()).expect("looked");
    assert_eq!(outcomes.iter().map(|o| &o.course).collect::<Vec<_>>(), [&Course::Waiting], "the log says that it arrived");
    assert!(!town.is_due(&sender));
    serve_lunch(&mut town.terminal(), &town.second_card());
    assert!(town.is_due(&sender), "a later meal is due");
}

#[test]
fn what_was_lost_on_the_way_is_sent_again() {
    let town = Town::new();
    town.stand.state().loses_submission = true;
    town.send(&mut town.sender()).expect_err("lost");
    let mut sender = town.sender();
    assert_eq!(sender.look(now()).expect("looked")[0].course, Course::Gone);
    assert!(town.is_due(&sender));
    town.send(&mut sender).expect("sent");
    assert_eq!(town.receiver().pass(&mut town.office(), now()).expect("a pass").taken.len(), 1);
    assert_eq!(town.lines(), 1);
}

#[test]
fn an_expired_token_and_a_busy_service_are_no_trouble_and_a_wrong_secret_is_one_sentence() {
    let town = Town::new();
    town.stand.state().expires_after = Some(2);
    town.send(&mut town.sender()).expect("sent with a second token");
    assert_eq!(town.stand.state().tokens, 2);
    town.stand.state().busy = 2;
    town.send(&mut town.sender()).expect("sent after it was busy");
    town.stand.state().busy = 30;
    let error = town.send(&mut town.sender()).expect_err("too busy");
    assert!(error.contains("busy and asks for patience"), "{error}");
    town.stand.state().busy = 0;
    teilhabe::shell::secret_file::write(&town.path("client.secret"), "wrong").expect("written");
    let error = town.send(&mut town.sender()).expect_err("a wrong secret");
    assert!(error.contains("does not know this client (invalid_client)") && !error.contains("wrong;"), "{error}");
    assert!(!town.stand.state().asked.iter().any(|path| path.contains("secret")));
}

#[test]
fn a_destination_with_a_wrong_key_gets_nothing() {
    let town = Town::new();
    let right = keys()["destination_encryption"]["public"].clone();
    let with = |field: &str, value: Value| {
        let mut key = right.clone();
        key[field] = value;
        key
    };
    for (key, said) in [
        (with("alg", json!("PS512")), "it is for PS512, and not for RSA-OAEP-256"),
        (with("key_ops", json!(["verify"])), "and not for wrapKey"),
        (keys()["short"]["public"].clone(), "2048 bits, FIT-Connect asks for 4096"),
        (keys()["stranger_encryption"]["public"].clone(), "it is called"),
        (json!({"kty": "EC", "kid": "x"}), "no RSA key"),
    ] {
        town.stand.state().key = Some(key);
        let error = town.send(&mut town.sender()).expect_err(said);
        assert!(error.contains(said), "{error}");
    }
    town.stand.state().key = None;
    town.stand.state().destination_state = Some("inactive");
    let error = town.send(&mut town.sender()).expect_err("not active");
    assert!(error.contains(&format!("{DESTINATION} takes no submissions at present")), "{error}");
    assert!(town.stand.state().submissions.is_empty(), "nothing was begun");
}

#[test]
fn an_event_with_a_false_signature_does_not_count() {
    let town = Town::new();
    let mut sender = town.sender();
    let submission = town.send(&mut sender).expect("sent");
    let kid = keys()["destination_signature"]["public"]["kid"].as_str().expect("a name").to_owned();
    town.stand.forge(&submission, "accept-submission", "service", &kid);
    town.stand.forge(&submission, "accept-submission", "service", "nobody");
    let outcome = sender.look(now()).expect("looked").remove(0);
    assert_eq!((outcome.course, outcome.doubtful), (Course::Waiting, 2), "the service cannot accept in the office's name");
    // The office looks too: without the service's own signature nothing says what was submitted.
    town.stand.state().logs.values_mut().for_each(|log| {
        log.remove(0);
    });
    let pass = town.receiver().pass(&mut town.office(), now()).expect("a pass");
    assert_eq!((pass.taken.len(), pass.rejected, pass.left.len()), (0, 0, 1));
    assert!(pass.left[0].contains("no entry of its submission that is rightly signed"), "{:?}", pass.left);
    assert_eq!(sender.look(now()).expect("looked")[0].course, Course::Gone);
    assert!(!town.is_due(&sender), "a log that cannot be trusted proves no absence");
}

#[test]
fn what_is_changed_or_not_for_this_office_is_rejected_and_the_terminal_is_told() {
    let rejected = |spoil: &dyn Fn(&Town, &str), said: &str| {
        let town = Town::new();
        let mut sender = town.sender();
        let submission = town.send(&mut sender).expect("sent");
        spoil(&town, &submission);
        let pass = town.receiver().pass(&mut town.office(), now()).expect("a pass");
        assert_eq!(pass, Pass { rejected: 1, ..Pass::default() }, "{said}");
        let Course::Rejected(why) = sender.look(now()).expect("looked").remove(0).course else { panic!("{said}") };
        assert_eq!(why, [said]);
        assert!(!town.is_due(&sender), "it is not sent again at once");
        assert_eq!(town.lines(), 0);
    };
    let attachment = |town: &Town, submission: &str, text: &str| {
        let mut state = town.stand.state();
        state.submissions.get_mut(submission).expect("there").attachments.values_mut().for_each(|old| *old = text.to_owned());
    };
    let vectors: Value = serde_json::from_str(include_str!("fit_connect_stand/vectors.json")).expect("JSON");
    let foreign = vectors["jwe"]["compact"].as_str().expect("a JWE").to_owned();
    rejected(&|town, submission| attachment(town, submission, &foreign), "Prüfsumme stimmt nicht");
    rejected(&|town, submission| attachment(town, submission, "rubbish"), "Prüfsumme stimmt nicht");
    rejected(
        &|town, _| {
            let key = keys()["stranger_encryption"]["private"].to_string();
            teilhabe::shell::secret_file::write(&town.path("decryption.jwk"), &key).expect("written");
        },
        "Entschlüsselungs-Fehler",
    );
    // Another office stands where this one stood: the envelope is not for it.
    rejected(
        &|town, _| {
            std::fs::remove_dir_all(town.path("office")).expect("gone");
            let id = OfficeId::parse("05562032").expect("an id");
            Office::init(&town.path("office"), id, "Stadt Recklinghausen", "DE02120300000000202051", os_chance(), now()).expect("an office");
        },
        "Schema-Fehler",
    );
}

#[test]
fn an_office_that_cannot_say_that_it_has_taken_something_says_so_later_and_counts_it_once() {
    let town = Town::new();
    let mut sender = town.sender();
    town.send(&mut sender).expect("sent");
    town.stand.state().refuses_events = 1;
    let (mut receiver, mut office) = (town.receiver(), town.office());
    let pass = receiver.pass(&mut office, now()).expect("a pass");
    assert_eq!((pass.taken.len(), pass.left.len()), (0, 1));
    assert!(pass.left[0].contains("FIT-Connect declined to note the office's answer (500): Something broke"), "{:?}", pass.left);
    let pass = receiver.pass(&mut office, now()).expect("a second pass");
    assert_eq!((pass.taken.len(), pass.left.len()), (1, 0));
    assert_eq!(sender.look(now()).expect("looked")[0].course, Course::Accepted);
    assert_eq!(town.lines(), 1);
}

#[test]
fn an_office_that_misses_its_own_key_holds_a_case_and_says_what_is_wrong() {
    let town = Town::new();
    let submission = town.send(&mut town.sender()).expect("sent");
    let (mut receiver, mut office) = (town.receiver(), town.office());
    let (keys, before, after) = (town.path("office/keys"), town.path("before"), town.path("after"));
    std::fs::create_dir(&before).expect("made");
    for file in std::fs::read_dir(&keys).expect("there").flatten() {
        std::fs::copy(file.path(), before.join(file.file_name())).expect("copied");
    }
    // Another process has the documents key followed, and its folder of keys is not copied to this one.
    let mut other = town.office();
    for at_once in [false, true] {
        other.rotate_key(KeyKind::Documents, at_once, "cli", now()).expect("followed");
    }
    std::fs::rename(&keys, &after).expect("moved");
    std::fs::rename(&before, &keys).expect("moved");
    let pass = receiver.pass(&mut office, now()).expect("a pass");
    assert_eq!((pass.taken.len(), pass.rejected, pass.left.len()), (0, 0, 1));
    assert!(pass.left[0].contains("the key documents") && pass.left[0].contains("copy the folder"), "{:?}", pass.left);
    assert_eq!(town.stand.events(&submission), ["submit-submission"], "the sender is told nothing wrong");
    std::fs::rename(&keys, &before).expect("moved");
    std::fs::rename(&after, &keys).expect("moved");
    let pass = receiver.pass(&mut office, now()).expect("a pass");
    assert_eq!((pass.taken.len(), pass.rejected, pass.left), (1, 0, Vec::new()));
    assert_eq!(town.stand.events(&submission), ["submit-submission", "accept-submission"]);
}
