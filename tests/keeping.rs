//! What is kept and for how long: the books for an auditor, read again by a program that shares nothing with ours; retention; disclosure.

mod office_browser;
mod office_town;

use office_browser::Browser;
use office_town::{Counter, lived_in_folder};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use teilhabe::office::{Action, BookOrder, BookStep, Office, Role, Roles};
use teilhabe::reconcile::ruling::Choice;
use teilhabe::settle::run::next_banking_day;
use teilhabe::shell::door;
use teilhabe::shell::handover::Handover;
use teilhabe::shell::store::office::{sums, views};
use teilhabe::shell::web::office::pages;
use teilhabe::words::cents::Cents;
use teilhabe::words::chance::Chance;
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
        "SELECT l.month || ' ' || l.provider || ' ' || l.benefit || ' ' || coalesce(a.legal_basis, c.legal_basis, '') || ' ' || count(*) || ' ' || sum(l.decided)
               FROM line l JOIN child c ON c.id = l.child JOIN token t ON t.id = l.token LEFT JOIN approval a ON a.id = t.approval
               GROUP BY l.month, l.provider, l.benefit, coalesce(a.legal_basis, c.legal_basis, '') ORDER BY 1";
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
    office.db().execute("UPDATE approval SET legal_basis = 'sgb12' WHERE child % 3 = 0", []).expect("set");
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
    assert!(before.iter().any(|row| row.contains(" sgb12 ")), "{before:?}");
    assert!(office.verify_audit().expect("readable").is_ok(), "the log's chain holds");
    let out = dir.path().join("books");
    write_books(&mut office, &out, true, later);
    let proved = audited(&out).expect("every chain and sum still holds");
    assert_eq!(proved["erased_lines"], proved["lines"], "{proved}");
    assert!(proved["erased_log"].as_u64() > Some(0), "{proved}");
    assert_eq!(office.status_list(later).map(|_| ()).ok(), Some(()), "the status list can still be made");
}

#[test]
fn a_terminal_erases_settled_entries_and_its_journal_stays_provable() {
    let dir = tempfile::tempdir().expect("a folder");
    let now = door::now();
    let (mut office, mut counters) = settled_town(&dir.path().join("office"), now);
    let counter = &mut counters[0];
    counter.exchange(&mut office, now.plus_ms(1000));
    counter.exchange(&mut office, now.plus_ms(2000));
    let (later, mut chance) = (now.plus_days(10 * 366), Chance::seeded(9));
    let terminal = &mut counter.terminal;
    let handles = |terminal: &mut teilhabe::terminal::Terminal| -> i64 {
        let sql = "SELECT (SELECT count(*) FROM redemption) + (SELECT count(*) FROM token) + (SELECT count(*) FROM chip)";
        terminal.store().connection().query_row(sql, [], |row| row.get(0)).expect("a count")
    };
    assert_eq!(terminal.erasable(96, now).expect("counted").total(), 0, "nothing is old yet");
    let count = terminal.erasable(96, later).expect("counted");
    assert!(count.erasable.entries > 50 && count.erasable.undecided == 0, "{count:?}");
    let refused = terminal.erase(96, count.total() + 1, &mut chance, later).expect_err("another number").to_string();
    assert!(refused.contains("nothing was erased") && handles(terminal) > 50, "{refused}");
    terminal.erase(96, count.total(), &mut chance, later).expect("erased");
    terminal.verify().expect("whole");
    assert_eq!(terminal.erasable(96, later).expect("counted").erasable.entries, 0);
    let left: i64 = terminal.store().connection().query_row("SELECT count(*) FROM redemption", [], |row| row.get(0)).expect("a count");
    assert_eq!(left, 0);
    let out = dir.path().join("box");
    terminal.export(Handover::into_folder(&out).expect("a folder"), later).expect("written");
    let proved = audited(&out).expect("every link still holds");
    assert_eq!(proved["erased"].as_u64(), Some(count.erasable.entries));
    let cards: Vec<Vec<u8>> = names(&office, "SELECT id FROM child");
    for row in
        terminal.store().connection().prepare("SELECT bytes FROM journal").expect("sql").query_map([], |row| row.get::<_, Vec<u8>>(0)).expect("rows")
    {
        let bytes = row.expect("bytes");
        assert!(!cards.iter().any(|name| bytes.windows(name.len()).any(|window| window == name.as_slice())));
    }
    let sql = "UPDATE journal SET erased = zeroblob(32) WHERE seq = (SELECT min(seq) FROM journal WHERE erased IS NOT NULL)";
    terminal.store().connection().execute(sql, []).expect("changed");
    assert!(terminal.verify().expect_err("another hash").to_string().contains("its link was made for"));
}

#[test]
fn a_purge_knows_every_table_that_names_a_child_or_a_card() {
    let dir = tempfile::tempdir().expect("a folder");
    let (office, _) = lived_in_folder(Some(dir.path()), door::now());
    let sql = "SELECT DISTINCT t.name FROM sqlite_master t JOIN pragma_table_info(t.name) c
               WHERE t.type = 'table' AND (c.name IN ('child', 'token', 'approval', 'handle', 'reference')
                 OR EXISTS (SELECT 1 FROM pragma_foreign_key_list(t.name) f WHERE f.\"table\" IN ('child', 'token', 'approval'))) ORDER BY 1";
    let mut statement = office.db().prepare(sql).expect("sql");
    let tables: Vec<String> = statement.query_map([], |row| row.get(0)).expect("rows").map(|row| row.expect("text")).collect();
    let known = [
        "approval",
        "child",
        "child_sum",
        "debit",
        "decided_whole",
        "granted",
        "line",
        "phone",
        "phone_invitation",
        "print_item",
        "purge_child",
        "stop",
        "to_decide",
        "token",
        "trip_end",
    ];
    assert_eq!(tables, known, "store::office::purge and store::office::disclosure must say what becomes of a new table that names a child");
}

#[test]
fn a_line_that_names_one_child_and_anothers_card_keeps_nobody_from_being_purged() {
    let dir = tempfile::tempdir().expect("a folder");
    let (folder, now) = (dir.path().join("office"), door::now());
    let (mut office, _) = settled_town(&folder, now);
    let mixed = "UPDATE line SET borrowed = 1, child = (SELECT max(id) FROM child) WHERE (terminal, seq) IN
        (SELECT terminal, seq FROM line WHERE child < (SELECT max(id) FROM child) ORDER BY terminal, seq LIMIT 1)";
    assert_eq!(office.db().execute(mixed, []).expect("as a till could claim it"), 1);
    let approval = "INSERT INTO approval (child, from_month, to_month, legal_basis, home_providers, source, recorded, recorded_by)
        SELECT max(id), 600, 600, 'bkgg', '', 'hand', 0, 'Anna Adler' FROM child RETURNING id";
    let approval = office.db().insert(approval, []).expect("a law that no other child's benefits rest on");
    let card = "INSERT INTO token (token, child, issued, approval) SELECT randomblob(16), child, 0, id FROM approval WHERE id = ?1 RETURNING id";
    let card = office.db().insert(card, [approval]).expect("a card of the child that stays");
    let mixed = "UPDATE line SET borrowed = 1, token = ?1 WHERE (terminal, seq) IN
        (SELECT terminal, seq FROM line WHERE child < (SELECT max(id) FROM child) ORDER BY terminal, seq LIMIT 1)";
    assert_eq!(office.db().execute(mixed, [card]).expect("the other way round"), 1);
    let later = now.plus_days(9 * 366);
    let plan = office.plan_purge("Anna Adler", later).expect("counted");
    let mut purge = office.begin_purge(plan.id, plan.total, "Anna Adler", later).expect("begun");
    while let teilhabe::office::PurgeStep::More { .. } = purge.step(&mut office, later).expect("a step") {}
    let left = "SELECT count(*) FROM line l JOIN child c ON c.id = l.child JOIN token t ON t.id = l.token JOIN child o ON o.id = t.child
        WHERE c.remains = 0 AND o.remains = 1";
    assert_eq!(office.db().query_row(left, [], |row| row.get::<_, i64>(0)).expect("read"), 1, "it stays, with the card of nobody");
    let cut = "SELECT count(*) FROM line l JOIN child c ON c.id = l.child JOIN token t ON t.id = l.token AND t.child = c.id
        WHERE c.remains = 1 AND c.legal_basis = 'bkgg' AND l.borrowed = 0";
    assert_eq!(office.db().query_row(cut, [], |row| row.get::<_, i64>(0)).expect("read"), 1, "the other counts to its law, and names no child");
    assert_eq!(sums::verify(office.db()).expect("counted"), 0);
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

/// Everything the program logs while a test runs.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Addresses in a page: of links, forms and pictures.
fn addresses(html: &str) -> Vec<&str> {
    let after = |name: &'static str| html.split(name).skip(1).filter_map(|rest| rest.split('"').next());
    ["href=\"", "action=\"", "src=\""].into_iter().flat_map(after).collect()
}

/// What must not leave the office: parts of references, legal bases and notes of the town below.
const MARKERS: [&str; 5] = ["4711-0", "asylblg", "AsylbLG", "HYPERLINK", "Mutter rief"];

fn none_of(what: &str, text: &str) {
    for marker in MARKERS {
        assert!(!text.contains(marker), "{marker} in {what}");
    }
}

/// The files of released runs, and all that terminals were answered.
fn nothing_leaves(office: &mut Office, counters: &mut [Counter], now: UtcMs) {
    let read = |sql: &str| -> Vec<(String, Vec<u8>)> {
        let mut statement = office.db().prepare(sql).expect("sql");
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        rows.map(|row| row.expect("a row")).collect()
    };
    let files = read("SELECT name, bytes FROM released_file");
    assert!(files.iter().any(|(name, _)| name.starts_with("pain.001")) && files.iter().any(|(name, _)| name.starts_with("posting")));
    for (name, bytes) in &files {
        let text = String::from_utf8_lossy(bytes);
        // The treasury alone learns sums per cost account, whose names say the legal basis.
        none_of(name, &if name.starts_with("posting") { text.replace("AsylbLG", "") } else { text.into_owned() });
    }
    for (name, bytes) in read("SELECT 'advice ' || id, bytes FROM advice UNION ALL SELECT 'receipt ' || id, receipt FROM batch") {
        none_of(&name, &String::from_utf8_lossy(&bytes));
    }
    for counter in counters {
        let outbound = counter.outbound(now);
        let inbound = office.exchange(&outbound, now).expect("an answer");
        counter.take(&inbound, now);
        let mut kept = counter.terminal.store().connection().prepare("SELECT bytes FROM advice").expect("sql");
        let kept = kept.query_map([], |row| row.get::<_, Vec<u8>>(0)).expect("rows");
        kept.for_each(|bytes| none_of("what a terminal keeps", &String::from_utf8_lossy(&bytes.expect("bytes"))));
    }
}

/// All pages that links lead to, and every address on them.
async fn no_address_tells(browser: &Browser) {
    let mut waiting: Vec<String> =
        pages().into_iter().filter(|(method, path, _)| *method == "get" && !path.contains('{')).map(|(_, path, _)| path.to_owned()).collect();
    let mut seen = std::collections::BTreeSet::new();
    while let Some(path) = waiting.pop() {
        let path = path.split('#').next().unwrap_or_default().replace("&amp;", "&");
        if !path.starts_with('/') || seen.len() > 400 || !seen.insert(path.clone()) {
            continue;
        }
        let answer = browser.get(&path).await;
        none_of("an address", answer.location());
        if answer.headers.get("content-type").is_some_and(|kind| kind.to_str().is_ok_and(|kind| kind.starts_with("text/html"))) {
            for address in addresses(&answer.text) {
                none_of(&format!("an address on {path}"), address);
                waiting.push(address.to_owned());
            }
        }
    }
    assert!(seen.len() > 20, "{seen:?}");
}

#[tokio::test]
async fn no_reference_legal_basis_or_note_reaches_logs_addresses_banks_providers_or_the_log_of_actions() {
    let log = Log::default();
    let writer = log.clone();
    let quiet = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(quiet);
    tracing::warn!("the log is listened to");
    let dir = tempfile::tempdir().expect("a folder");
    let now = door::now();
    let (mut office, mut counters) = lived_in_folder(Some(dir.path()), now);
    office.db().execute("UPDATE child SET legal_basis = 'asylblg'", []).expect("set");
    office.reconcile(now).expect("reconciled");
    for finding in views::findings(office.db(), 1000).expect("findings") {
        let note = "Mutter rief an: =HYPERLINK(\"x\")";
        office.rule(finding.id, Choice::Cut(Cents::new(400)), Reason::ClerkDecision, note, "Anna Adler", now).expect("ruled");
    }
    office.settle("Anna Adler", "Berta Busch", next_banking_day(CivilDay::of(now)), now).expect("paid");
    nothing_leaves(&mut office, &mut counters, now);

    let browser = Browser::at(office).signed_in("Anna Adler").await;
    no_address_tells(&browser).await;
    let answer = browser.get("/admin/export").await;
    assert!(answer.status.is_success(), "{}", answer.text);
    drop(browser);
    let db = teilhabe::shell::store::open_to_read(&dir.path().join("office.db")).expect("readable");
    let mut statement = db.prepare("SELECT coalesce(object, ''), coalesce(detail, ''), clerk FROM audit").expect("sql");
    let rows = statement.query_map([], |row| Ok(format!("{} {}", row.get::<_, String>(0)?, row.get::<_, String>(1)?))).expect("rows");
    let records: Vec<String> = rows.map(|row| row.expect("text")).collect();
    assert!(records.len() > 5);
    records.iter().for_each(|record| none_of("the log of actions", record));
    let logged = String::from_utf8_lossy(&log.0.lock().expect("not poisoned")).into_owned();
    assert!(logged.contains("the log is listened to"));
    none_of("the program's log", &logged);
}

/// Follows a job to its end; what it says.
async fn ended(browser: &Browser, place: &str) -> String {
    for _ in 0..600 {
        let state = browser.get(&format!("{place}/state")).await.json();
        assert_eq!(state["trouble"], Value::Null, "{state}");
        if let Some(words) = state["outcome"]["words"].as_str() {
            return words.to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the job does not end")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_takes_an_archive_away_and_purges_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let (mut office, _) = settled_town(&dir.path().join("office"), door::now());
    office.set_roles("Berta Busch", &Roles::of(&[Role::Audit])).expect("roles");
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let berta = anna.another().signed_in("Berta Busch").await;
    let fields = [("from", "2020-01-01"), ("to", "2099-12-31")];
    let ordered = berta.post("/admin/export", &fields).await;
    assert!(ordered.location().starts_with("/jobs/"), "{}", ordered.text);
    let words = ended(&berta, ordered.location()).await;
    assert!(words.starts_with("Fertig:"), "{words}");
    let page = berta.get("/admin/export").await;
    let archive = addresses(&page.text).into_iter().find(|place| place.ends_with(".zip")).expect("an archive").to_owned();
    let got = berta.get(&archive).await;
    assert_eq!(got.headers["content-type"], "application/zip");
    let file = std::fs::read_dir(dir.path().join("office/exports")).expect("there").next().expect("one").expect("a file").path();
    let script = format!("import sys,zipfile; zipfile.ZipFile({:?}).extractall({:?})", file, dir.path().join("books"));
    assert!(Command::new("python3").args(["-c", &script]).status().expect("Python 3").success());
    audited(&dir.path().join("books")).expect("the archive is whole");
    for path in ["/admin/retention/check", "/admin/retention/purge", "/admin/retention/months"] {
        assert_eq!(berta.post(path, &[]).await.status, axum::http::StatusCode::FORBIDDEN, "{path}");
    }

    let checked = anna.post("/admin/retention/check", &[]).await;
    assert!(ended(&anna, checked.location()).await.contains("nichts zu löschen"));
    let refused = anna.post("/admin/retention/months", &[("kind", "file"), ("months", "12")]).await;
    assert!(refused.text.contains("mindestens 120"), "{}", refused.text);
    let changed = anna.post("/admin/retention/months", &[("kind", "case"), ("months", "60")]).await;
    assert_eq!(changed.location(), "/admin/retention?done=months");
    assert!(anna.get("/admin/retention").await.text.contains("value=\"60\""));
    let plan = anna.get("/admin/retention").await.text;
    assert!(plan.contains("Ergebnis des Probelaufs") && plan.contains("zusammen"), "{plan}");
    let wrong = anna.post("/admin/retention/purge", &[("plan", "1"), ("typed", "17")]).await;
    assert!(wrong.text.contains("Es wurde nichts gelöscht"), "{}", wrong.text);
}

#[tokio::test]
async fn a_disclosure_holds_everything_of_one_child_and_nothing_of_another() {
    let dir = tempfile::tempdir().expect("a folder");
    let (office, _) = settled_town(dir.path(), door::now());
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let paper = anna.get("/cases/3/export").await;
    let json = anna.get("/cases/3/export.json").await.json();
    let held = &json["held"];
    assert_eq!(held["case"]["rows"][0]["Aktenzeichen"], "4711-003");
    let meals = held["redemptions"]["rows"].as_array().expect("rows").iter().filter(|row| row["Leistung"] == "Mittagessen").count();
    assert!(meals >= 5, "{held}");
    assert!(held["approvals"]["rows"].as_array().is_some_and(|rows| rows.len() == 2), "{held}");
    assert!(!held["log"]["rows"].as_array().expect("rows").is_empty(), "that it was disclosed is disclosed");
    for text in [&paper.text, &json.to_string()] {
        assert!(text.contains("4711-003") && text.contains("Mensa am Wall") && text.contains("Jahres"), "{text}");
        assert!(!text.contains("4711-004") && !text.contains("Anna Adler"), "{text}");
    }
    assert!(paper.text.contains("Mensa am Wall &#60;b&#62;") && paper.headers["content-security-policy"].to_str().expect("text").contains("sandbox"));
    assert_eq!(anna.get("/cases/99999/export").await.status, axum::http::StatusCode::NOT_FOUND);
    for (place, words) in [("procedure", ["Verfahrensdokumentation", "05562032"]), ("processing", ["Art. 30", "48 Monate"])] {
        let text = anna.get(&format!("/admin/documents/{place}")).await.text;
        assert!(words.iter().all(|word| text.contains(word)), "{place}: {text}");
    }
}
