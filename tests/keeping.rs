//! What is kept and for how long: the books for an auditor, read again by a program that shares nothing with ours; retention; disclosure.

mod office_town;

use office_town::{Counter, lived_in_folder};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use teilhabe::office::{Action, BookOrder, BookStep, Office};
use teilhabe::reconcile::ruling::Choice;
use teilhabe::settle::run::next_banking_day;
use teilhabe::shell::door;
use teilhabe::shell::handover::Handover;
use teilhabe::shell::store::office::views;
use teilhabe::words::cents::Cents;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::reason::Reason;
use teilhabe::words::time::UtcMs;

/// A town whose month is paid: every finding is ruled, with a note, and a run is released.
fn settled_town(folder: &Path, now: UtcMs) -> (Office, Vec<Counter>) {
    let (mut office, mut counters) = lived_in_folder(Some(folder), now);
    let cancel = counters[0].outbound(now);
    let answer = office.exchange(&cancel, now).expect("an answer");
    counters[0].take(&answer, now);
    office.reconcile(now).expect("reconciled");
    for finding in views::findings(office.db(), 1000).expect("findings") {
        let note = "Mutter rief an: =HYPERLINK(\"x\")\nKind war da; Rückfrage \\ erledigt";
        let choice = Choice::Cut(Cents::new(400));
        office.rule(finding.id, choice, Reason::ClerkDecision, note, "Anna Adler", now).expect("ruled");
    }
    office.settle("Anna Adler", "Berta Busch", next_banking_day(CivilDay::of(now)), now).expect("paid");
    (office, counters)
}

/// Has the office's books of all time written into `folder`.
fn write_books(office: &mut Office, folder: &Path, cases: bool, now: UtcMs) {
    office.note("Revision", Action::Export, "books", "für „Prüfung“ \\ 2026", now).expect("noted");
    let to = CivilDay::of(now).plus(1);
    let order = BookOrder { from: to.minus(4000), to, cases };
    let mut export = office.books(order, Handover::into_folder(folder).expect("a folder"), now).expect("begun");
    while let BookStep::More { done, of } = export.step(office.db()).expect("written") {
        assert!(done <= of, "{done} of {of}");
    }
}

/// What the independent reader proves of a folder, or its sentence.
fn audited(folder: &Path) -> Result<Value, String> {
    let valid = Command::new("xmllint").arg("--noout").arg("--valid").arg(folder.join("index.xml")).output();
    let valid = valid.expect("xmllint checks index.xml against its grammar: install libxml2-utils");
    assert!(valid.status.success(), "{}", String::from_utf8_lossy(&valid.stderr));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/books.py");
    let read = Command::new("python3").arg(script).arg(folder).output().expect("Python 3 reads the books");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if read.status.success() { Ok(serde_json::from_slice(&read.stdout).expect("JSON")) } else { Err(said(&read.stderr)) }
}

#[test]
fn an_auditor_recomputes_every_chain_and_sum_from_the_export_alone() {
    let dir = tempfile::tempdir().expect("a folder");
    let now = door::now();
    let (mut office, _) = settled_town(&dir.path().join("office"), now);
    let out = dir.path().join("books");
    write_books(&mut office, &out, true, now);
    let proved = audited(&out).expect("whole");
    let number = |name: &str| proved[name].as_u64().unwrap_or_else(|| panic!("{name} in {proved}"));
    let count = |sql: &str| office.db().query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a count") as u64;
    assert_eq!(number("lines"), count("SELECT count(*) FROM line"));
    assert!(number("lines") > 50 && number("erased_lines") == 0 && number("shown") > number("lines"), "{proved}");
    assert_eq!(number("log"), count("SELECT count(*) FROM audit"));
    assert_eq!(number("paid"), count("SELECT sum(cents) FROM payment"));
    assert_eq!((number("paid"), number("paid")), (number("paid_lines"), count("SELECT sum(settled) FROM line")));
    let cases = std::fs::read_to_string(out.join("faelle.csv")).expect("there");
    assert!(cases.contains("\"4711-001\""), "leading digits and all");
    let notes = std::fs::read_to_string(out.join("notizen.csv")).expect("there");
    assert!(notes.contains("=HYPERLINK(\"\"x\"\")\\nKind war da; Rückfrage \\\\ erledigt"), "exact, and one line: {notes}");
}

#[test]
fn without_cases_no_reference_no_legal_basis_and_no_note_leaves_the_office() {
    let dir = tempfile::tempdir().expect("a folder");
    let now = door::now();
    let (mut office, _) = settled_town(&dir.path().join("office"), now);
    office.db().execute("UPDATE child SET legal_basis = 'asylblg'", []).expect("set");
    let out = dir.path().join("books");
    write_books(&mut office, &out, false, now);
    assert_eq!(audited(&out).expect("whole")["cases"], false);
    for file in std::fs::read_dir(&out).expect("there").map(|file| file.expect("a file").path()).filter(|path| path.is_file()) {
        let text = String::from_utf8_lossy(&std::fs::read(&file).expect("readable")).into_owned();
        for marker in ["4711-0", "asylblg", "AsylbLG", "HYPERLINK"] {
            assert!(!text.contains(marker), "{marker} in {}", file.display());
        }
    }
}

#[test]
fn whatever_is_changed_in_an_export_the_reader_says_so() {
    let dir = tempfile::tempdir().expect("a folder");
    let now = door::now();
    let (mut office, _) = settled_town(&dir.path().join("office"), now);
    let out = dir.path().join("books");
    write_books(&mut office, &out, false, now);
    let change = |name: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(out.join(name)).expect("readable");
        assert!(text.contains(from), "{name}: {from}");
        std::fs::write(out.join(name), text.replacen(from, to, 1)).expect("written");
        text
    };
    let whole = change("zeilen.csv", "4,50", "4,51");
    assert_eq!(audited(&out).expect_err("changed"), "books.py: zeilen.csv is not what its checksum was made for");
    std::fs::write(out.join("zeilen.csv"), whole).expect("written");
    audited(&out).expect("whole again");
    let sums = change("pruefsummen.txt", "  zeilen.csv", "  zeilen2.csv");
    std::fs::rename(out.join("zeilen.csv"), out.join("zeilen2.csv")).expect("renamed");
    assert_eq!(audited(&out).expect_err("changed"), "books.py: the seal is for other checksums");
    std::fs::write(out.join("pruefsummen.txt"), sums).expect("written");
    std::fs::rename(out.join("zeilen2.csv"), out.join("zeilen.csv")).expect("renamed");
    change("siegel.txt", "amt: 0", "amt: 1");
    assert_eq!(audited(&out).expect_err("changed"), "books.py: the seal's signature does not hold");
}

#[test]
fn a_terminals_books_prove_its_journal_and_their_seal_is_its_own() {
    let dir = tempfile::tempdir().expect("a folder");
    let now = door::now();
    let (_, mut counters) = settled_town(&dir.path().join("office"), now);
    let out = dir.path().join("box");
    let terminal = &mut counters[0].terminal;
    let (entries, _) = terminal.export(Handover::into_folder(&out).expect("a folder"), now).expect("written");
    let proved = audited(&out).expect("whole");
    assert_eq!((proved["entries"].as_u64(), proved["erased"].as_u64()), (Some(entries), Some(0)));
    let head = terminal.status(now).expect("readable").head;
    assert_eq!(proved["head"], format!("{} {}", head.seq, head.link));
}

/// Whether any file of the office's database holds these bytes.
fn is_on_disk(folder: &Path, bytes: &[u8]) -> bool {
    let files = std::fs::read_dir(folder).expect("there").map(|file| file.expect("a file").path()).filter(|path| path.is_file());
    files.into_iter().any(|path| std::fs::read(path).expect("readable").windows(bytes.len()).any(|window| window == bytes))
}

/// What names children: references, handles, tokens.
fn names(office: &Office, children: &str) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for sql in [
        format!("SELECT CAST(reference AS BLOB) FROM child WHERE id IN ({children})"),
        format!("SELECT handle FROM child WHERE id IN ({children})"),
        format!("SELECT token FROM token WHERE child IN ({children})"),
        format!("SELECT CAST(lower(hex(token)) AS BLOB) FROM token WHERE child IN ({children})"),
    ] {
        let mut statement = office.db().prepare(&sql).expect("sql");
        let rows = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).expect("rows");
        all.extend(rows.map(|row| row.expect("bytes")));
    }
    all
}

/// Sums per month, provider, benefit and legal basis.
fn sums(office: &Office) -> Vec<String> {
    let sql =
        "SELECT l.month || ' ' || l.provider || ' ' || l.benefit || ' ' || coalesce(c.legal_basis, '') || ' ' || count(*) || ' ' || sum(l.decided)
               FROM line l JOIN child c ON c.id = l.child GROUP BY l.month, l.provider, l.benefit, c.legal_basis ORDER BY 1";
    let mut statement = office.db().prepare(sql).expect("sql");
    let rows = statement.query_map([], |row| row.get(0)).expect("rows");
    rows.map(|row| row.expect("text")).collect()
}

#[test]
fn a_purge_leaves_no_name_behind_and_everything_provable() {
    let dir = tempfile::tempdir().expect("a folder");
    let (folder, now) = (dir.path().join("office"), door::now());
    let (mut office, mut counters) = settled_town(&folder, now);
    let basis = "UPDATE child SET legal_basis = CASE id % 2 WHEN 0 THEN 'sgb2' ELSE 'bkgg' END";
    office.db().execute(basis, []).expect("set");
    office.note("Anna Adler", Action::Look, "child/1", "", now).expect("noted");
    for counter in &mut counters {
        counter.exchange(&mut office, now.plus_ms(1000));
    }
    let (before, youngest) = (sums(&office), "SELECT max(id) FROM child");
    let going = names(&office, &format!("SELECT id FROM child WHERE id < ({youngest})"));
    assert!(going.len() > 40 && going.iter().all(|name| is_on_disk(&folder, name)), "they are there before");
    let staying = names(&office, youngest);

    let later = now.plus_days(9 * 366);
    let plan = office.plan_purge("Anna Adler", later).expect("counted");
    let of = |plan: &teilhabe::shell::store::office::retention::Plan, kind: &str| plan.found.iter().find(|f| f.kind == kind).expect("a kind").records;
    assert_eq!(of(&plan, "case"), 11, "all but the youngest");
    assert!(of(&plan, "entry") > 0 && of(&plan, "look") > 0 && (of(&plan, "file"), of(&plan, "act")) == (0, 0));
    assert_eq!(sums(&office), before, "a dry run changes nothing");
    let refused = office.begin_purge(plan.id, plan.total + 1, "Anna Adler", later).expect_err("the wrong number").to_string();
    assert!(refused.contains("nothing was deleted"), "{refused}");

    let mut purge = office.begin_purge(plan.id, plan.total, "Anna Adler", later).expect("begun");
    for _ in 0..4 {
        purge.step(&mut office, later).expect("a step");
    }
    drop(purge);
    let plan_again = office.plan_purge("Anna Adler", later).expect_err("one is at work").to_string();
    assert!(plan_again.contains("a purge is at work"), "{plan_again}");
    let mut purge = office.begin_purge(plan.id, plan.total, "Anna Adler", later).expect("it goes on after an interruption");
    while let teilhabe::office::PurgeStep::More { stage, of } = purge.step(&mut office, later).expect("a step") {
        assert!(stage < of);
    }

    for name in &going {
        assert!(!is_on_disk(&folder, name), "{} is left on the disk", String::from_utf8_lossy(name));
    }
    assert!(staying.iter().take(1).all(|name| is_on_disk(&folder, name)), "the one that stays is there");
    assert_eq!(sums(&office), before, "sums stay");
    assert!(office.verify_audit().expect("readable").is_ok(), "the log's chain holds");
    let out = dir.path().join("books");
    write_books(&mut office, &out, true, later);
    let proved = audited(&out).expect("every chain and sum still holds");
    assert_eq!(proved["erased_lines"], proved["lines"], "{proved}");
    assert!(proved["erased_log"].as_u64() > Some(0), "{proved}");
    assert_eq!(office.status_list(later).map(|_| ()).ok(), Some(()), "the status list can still be made");
}

#[test]
fn what_has_changed_since_the_dry_run_stops_the_purge() {
    let dir = tempfile::tempdir().expect("a folder");
    let (folder, now) = (dir.path().join("office"), door::now());
    let (mut office, _) = settled_town(&folder, now);
    let later = now.plus_days(9 * 366);
    let plan = office.plan_purge("Anna Adler", later).expect("counted");
    office.db().execute("UPDATE line SET decided = decided + 1 WHERE child = 1", []).expect("a line is open again");
    let refused = office.begin_purge(plan.id, plan.total, "Anna Adler", later).expect_err("changed").to_string();
    assert_eq!(refused, "something has changed since the dry run: make a new one; nothing was deleted");
    let old = office.begin_purge(plan.id, plan.total, "Anna Adler", later.plus_days(2)).expect_err("old").to_string();
    assert_eq!(old, "this dry run is older than a day: make a new one; nothing was deleted");
    assert_eq!(names(&office, "SELECT 1").len(), 4);
}
