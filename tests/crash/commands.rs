//! The commands that carry a day to its payment, each with everything going wrong at each of its writes, and then the rest of the way.

use super::program::{Plan, Said, Stage, must, run};
use super::scene::{Scene, place, try_all};
use super::town::{self, answer, arg, ask, exchange, goes_on_to_the_end, meals, serve_lunch};
use rusqlite::Connection;
use std::path::Path;
use teilhabe::office::Office;
use teilhabe::shell::{door, terminal_dir};
use teilhabe::terminal::enrol::EnrolmentAnswer;
use teilhabe::words::ids::ProviderNumber;

const MEALS: u64 = 3;

/// One command; afterwards it is given again without any fault, and what must be true then is.
struct Step {
    name: &'static str,
    /// The arguments; what begins with `@` is a path in the scene's folder.
    arguments: &'static [&'static str],
    /// What the command says when it was done before, where it refuses to be done twice.
    done_already: &'static str,
    /// What must be true, and whether the faulty command itself said it was done.
    after: fn(&Path, bool),
}

impl Step {
    fn arguments(&self, dir: &Path) -> Vec<String> {
        self.arguments.iter().map(|argument| argument.strip_prefix('@').map_or_else(|| (*argument).to_owned(), |name| arg(dir, name))).collect()
    }
}

fn strs(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

impl Scene for Step {
    type Told = Said;

    fn name(&self) -> &'static str {
        self.name
    }

    fn play(&self, stage: &Stage) -> Said {
        stage.run(&strs(&self.arguments(&stage.dir)))
    }

    fn check(&self, dir: &Path, plan: Plan, said: Said) {
        assert!(said.is_clear(), "{plan:?}: {said:?}");
        let done = matches!(said, Said::Done(_));
        if !done {
            let again = run(&strs(&self.arguments(dir)));
            let was_done = matches!(&again, Said::Failed(sentence) if !self.done_already.is_empty() && sentence.contains(self.done_already));
            assert!(was_done || matches!(again, Said::Done(_)), "{plan:?}: first {said:?}, then {again:?}");
        }
        (self.after)(dir, done);
    }
}

/// A folder in which three meals were served, after `more` has been done there.
fn town_with_meals(more: fn(&Path), step: &Step) {
    let place = place();
    let dir = place.path().join("town");
    std::fs::create_dir(&dir).expect("a folder");
    let cards = town::make(&dir, MEALS as usize);
    exchange(&dir);
    serve_lunch(&dir, &cards);
    more(&dir);
    try_all(step, &dir);
}

fn all_the_way(dir: &Path, _: bool) {
    goes_on_to_the_end(dir, MEALS);
}

#[test]
fn a_day_is_sealed_once() {
    let arguments = &["terminal", "exchange", "--json", "--data", "@box", "--out", "@question"];
    town_with_meals(|_| {}, &Step { name: "seal the day's claims, write the envelope", arguments, done_already: "", after: all_the_way });
}

#[test]
fn an_answer_is_taken_home() {
    let arguments = &["terminal", "exchange", "--json", "--data", "@box", "--in", "@answer"];
    let answered = |dir: &Path| {
        ask(dir, "question");
        answer(dir, "question", "answer");
    };
    town_with_meals(answered, &Step { name: "take the office's answer home", arguments, done_already: "", after: all_the_way });
}

#[test]
fn a_claim_is_taken_in_once() {
    let arguments = &["office", "exchange", "--json", "--data", "@office", "--in", "@question", "--out", "@answer"];
    let asked = |dir: &Path| {
        ask(dir, "question");
    };
    town_with_meals(asked, &Step { name: "office: take claims in, write the answer", arguments, done_already: "", after: all_the_way });
}

fn claimed(dir: &Path) {
    exchange(dir);
}

#[test]
fn lines_are_decided_once() {
    let arguments = &["office", "reconcile", "--json", "--data", "@office"];
    town_with_meals(claimed, &Step { name: "office: reconcile", arguments, done_already: "", after: all_the_way });
}

#[test]
fn a_run_is_paid_once() {
    let arguments = &["office", "settle", "--json", "--data", "@office", "--out", "@run", "--by", "Anna", "--second", "Bernd"];
    let decided = |dir: &Path| {
        claimed(dir);
        must(&["office", "reconcile", "--json", "--data", &arg(dir, "office")]);
    };
    town_with_meals(decided, &Step { name: "office: draw up, release, write the files", arguments, done_already: "", after: paid });
}

/// The bank's file is there, whole, whichever of the two attempts wrote it; and nothing is paid by another.
fn paid(dir: &Path, done: bool) {
    if !done {
        must(&["office", "settle", "--json", "--data", &arg(dir, "office"), "--out", &arg(dir, "run"), "--files-of", "1"]);
    }
    let file = std::fs::read_to_string(dir.join("run/pain.001-05562032-R1.xml")).expect("the bank's file");
    assert!(file.trim_end().ends_with("</Document>"), "the bank's file is whole: {file}");
    assert_eq!(file.matches("<CdtTrfTxInf>").count(), 1, "{file}");
    let files = std::fs::read_dir(dir.join("run")).expect("the folder").map(|file| file.expect("its entry").file_name()).collect::<Vec<_>>();
    assert_eq!(files.len(), 3, "bank, posting, statement, and nothing half: {files:?}");
    goes_on_to_the_end(dir, MEALS);
}

/// A second terminal's request is on the stick, with the code it was made with.
fn with_request(dir: &Path) {
    let now = door::now();
    let mut office = Office::open(&dir.join("office"), door::os_chance(), now).expect("an office");
    let code = office.new_code(ProviderNumber(101), now).expect("a code").grouped();
    let terminal = terminal_dir::open_or_create(&dir.join("second"), &mut door::os_chance(), now).expect("a terminal");
    std::fs::write(dir.join("request"), terminal.ask_for_admission(&code, "Ausgabe 2").expect("a request")).expect("written");
    std::fs::write(dir.join("code"), code).expect("written");
}

/// The terminal is admitted by whichever answer came, and the office knows it once.
fn admitted(dir: &Path, _: bool) {
    let answer: EnrolmentAnswer = serde_json::from_slice(&std::fs::read(dir.join("admitted")).expect("the answer")).expect("whole");
    let code = std::fs::read_to_string(dir.join("code")).expect("the code");
    let now = door::now();
    let mut terminal = terminal_dir::open(&dir.join("second"), now).expect("a terminal");
    terminal.take_admission(&code, "http://127.0.0.1:9", &answer, &mut door::os_chance(), now).expect("admitted");
    let office = Office::open(&dir.join("office"), door::os_chance(), now).expect("an office");
    let known: i64 = office.db().query_row("SELECT count(*) FROM terminal", [], |row| row.get(0)).expect("a number");
    assert_eq!(known, 2, "the first terminal, and this one once");
    drop((terminal, office));
    goes_on_to_the_end(dir, MEALS);
}

#[test]
fn a_terminal_is_admitted_once_by_the_same_request() {
    let arguments = &["office", "enrolment", "take", "--json", "--data", "@office", "--in", "@request", "--out", "@admitted"];
    town_with_meals(with_request, &Step { name: "office: admit a terminal", arguments, done_already: "", after: admitted });
}

#[test]
fn an_office_is_set_up_or_can_be_set_up_again() {
    let arguments = &[
        "office",
        "init",
        "--json",
        "--data",
        "@new",
        "--id",
        "05562032",
        "--name",
        "Stadt Recklinghausen",
        "--debtor-iban",
        "DE02120300000000202051",
    ];
    let place = place();
    let dir = place.path().join("town");
    std::fs::create_dir(&dir).expect("a folder");
    let stands = |dir: &Path, _: bool| {
        let office = arg(dir, "new");
        let canteen = ["--name", "Mensa", "--iban", "DE89370400440532013000", "--service", "lunch:lunch:Mittagessen:450"];
        let added = must(&[&["office", "provider", "add", "--json", "--data", &office][..], &canteen].concat());
        assert!(added["provider"].is_number(), "{added}");
    };
    try_all(&Step { name: "office init", arguments, done_already: "holds an office already", after: stands }, &dir);
}

#[test]
fn a_backup_is_whole_or_the_one_before_it_is() {
    let arguments = &["terminal", "backup", "--json", "--data", "@box", "--out", "@stick/backup.age"];
    let one_before = |dir: &Path| {
        std::fs::create_dir(dir.join("stick")).expect("a folder");
        must(&["terminal", "backup", "--json", "--data", &arg(dir, "box"), "--out", &arg(dir, "stick/backup.age")]);
    };
    town_with_meals(one_before, &Step { name: "write a backup over an older one", arguments, done_already: "", after: restores });
}

/// A terminal made of the backup has the meals.
fn restores(dir: &Path, _: bool) {
    let left: Vec<_> = std::fs::read_dir(dir.join("stick")).expect("the folder").map(|file| file.expect("its entry").file_name()).collect();
    assert_eq!(left, ["backup.age"], "nothing but the backup is left behind");
    must(&["terminal", "restore", "--json", "--data", &arg(dir, "restored"), "--in", &arg(dir, "stick/backup.age")]);
    must(&["journal", "verify", "--json", "--data", &arg(dir, "restored")]);
    goes_on_to_the_end(dir, MEALS);
}

/// The box's database as the first version wrote it: its tables with what stands in them today.
fn as_of_version_1(dir: &Path) {
    let (new, old) = (dir.join("box/terminal.db"), dir.join("box/old.db"));
    let db = Connection::open(&old).expect("a database");
    db.execute_batch(include_str!("../../src/shell/store/terminal/0001.sql")).expect("the first schema");
    db.execute("ATTACH ?1 AS new", [new.display().to_string()]).expect("attached");
    let names = |sql: &str| -> Vec<String> {
        let mut statement = db.prepare(sql).expect("a query");
        statement.query_map([], |row| row.get(0)).expect("rows").map(|name| name.expect("a name")).collect()
    };
    for table in names("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
        let columns = names(&format!("SELECT name FROM pragma_table_info('{table}', 'main')")).join(", ");
        db.execute_batch(&format!("INSERT INTO main.{table}({columns}) SELECT {columns} FROM new.{table}")).expect("copied");
    }
    db.execute_batch("DETACH new; PRAGMA user_version = 1").expect("version 1");
    db.close().expect("closed");
    for name in ["terminal.db", "terminal.db-wal", "terminal.db-shm"] {
        let _ = std::fs::remove_file(dir.join("box").join(name));
    }
    std::fs::rename(old, new).expect("renamed");
}

#[test]
fn an_older_database_is_brought_up_to_date_whole_or_not_at_all() {
    let arguments = &["journal", "verify", "--json", "--data", "@box"];
    let up_to_date = |dir: &Path, _: bool| {
        assert_eq!(meals(dir).len() as u64, MEALS);
        goes_on_to_the_end(dir, MEALS);
    };
    town_with_meals(as_of_version_1, &Step { name: "migration from version 1 (journal verify)", arguments, done_already: "", after: up_to_date });
}
