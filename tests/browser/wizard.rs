//! From an empty folder to the first green scan, by somebody who follows what the pages say; every step looked at by axe-core on the way.

use super::audit::{axe, faults};
use super::chrome::Chrome;
use super::counter::choose;
use super::house::{House, LUNCH, Server, verify};
use super::tab::{Tab, complaints};
use super::verdicts;
use super::wedge::{Host, scan, scan_on};
use super::words::word;
use std::collections::BTreeSet;
use std::rc::Rc;
use teilhabe::office::{NewProvider, ServiceTerms};
use teilhabe::shell::backup;
use teilhabe::shell::door::{now, os_chance};
use teilhabe::shell::envelope::Identity;
use teilhabe::shell::locked_file::{Lock, Opener};
use teilhabe::words::civil::CivilDay;

/// A provider who has just got a letter with a code.
fn one_time_code(house: &House) -> String {
    let terms = ServiceTerms::parse("lunch:lunch:Mittagessen:390", CivilDay::of(now()).minus(40)).expect("terms");
    let provider = NewProvider { name: "Kita Regenbogen".into(), iban: "DE02500105170137075030".into(), services: vec![terms] };
    house.office().add_provider(&provider, now()).expect("a provider").1.grouped()
}

fn at_step(tab: &Tab, step: &str) {
    tab.wait(step, &format!("document.querySelector('.wizard')?.dataset.step === '{step}' && document.readyState === 'complete'"));
}

/// Looks at a step, then leaves it by its main button; answers what was wrong with it.
fn next(tab: &Tab, axe: &str, step: &str, button: &str) -> Vec<String> {
    at_step(tab, step);
    let found = faults(tab, axe).into_iter().map(|fault| format!("{step} {fault}")).collect();
    tab.press_word(button);
    found
}

#[test]
fn a_volunteer_gets_from_an_empty_folder_to_the_first_green_scan() {
    let (house, axe) = (House::filled(), axe());
    let code = one_time_code(&house);
    let cards = house.cards(2, LUNCH);
    let office = house.serve_office();
    let folder = house.path().join("fresh");
    let server = Server::terminal(&folder);
    let chrome = Rc::new(Chrome::start());
    let tab = Tab::open(&chrome, &server.base);
    tab.front();
    verdicts::watch(&tab);
    tab.go("/");
    assert_eq!(tab.place(), "/setup", "an empty box leads to its set-up");
    let mut wrong = next(&tab, &axe, "language", "setup.next");
    tab.fill("#office [name=url]", &office.base);
    let other = if code.starts_with('2') { "3" } else { "2" };
    tab.fill("#office [name=code]", &format!("{other}{}", code.get(1..).expect("the rest of a code")));
    tab.press("#office .go");
    tab.wait("a sentence about the wrong code", "!document.querySelector('#wrong').hidden");
    tab.fill("#office [name=code]", &code.to_lowercase());
    wrong.extend(next(&tab, &axe, "office", "setup.enrol"));
    tab.fill("#name [name=name]", "Ausgabe Süd");
    wrong.extend(next(&tab, &axe, "name", "setup.next"));
    tab.sees("3,90");
    wrong.extend(next(&tab, &axe, "services", "setup.services_right"));
    at_step(&tab, "pins");
    tab.fill("[data-role=manage] [name=pin]", "246810");
    tab.press("[data-role=manage] button");
    tab.sees(&word("pins.set"));
    wrong.extend(next(&tab, &axe, "pins", "setup.next"));
    at_step(&tab, "scanner");
    scan(&tab, &cards[0].code);
    tab.sees(&word("setup.scanner_good"));
    wrong.extend(next(&tab, &axe, "scanner", "setup.next"));
    wrong.extend(next(&tab, &axe, "end", "setup.start"));
    tab.wait("the counter", "location.pathname === '/' && document.readyState === 'complete' && document.querySelector('#verdict')");
    tab.sees("Ausgabe Süd");
    choose(&tab, "lunch");
    let verdict = verdicts::after(&tab, || scan(&tab, &cards[0].code));
    assert_eq!(verdict.kind, "yes", "{}", verdict.text);
    let wrong: BTreeSet<String> = wrong.into_iter().chain(complaints(&chrome, &[&server.base])).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    drop(server);
    assert_eq!(verify(&folder)["redemptions"], 1);
}

#[test]
fn backups_are_set_up_with_a_key_that_somebody_has_kept_and_the_counter_warns_no_more() {
    let (house, axe) = (House::filled(), axe());
    let server = house.serve("canteen");
    let chrome = Rc::new(Chrome::start());
    let tab = Tab::open(&chrome, &server.base);
    tab.front();
    tab.go("/");
    tab.sees(&word("counter.backup_none"));
    let disk = house.path().join("disk");
    std::fs::create_dir(&disk).expect("a folder");
    tab.go("/backup");
    tab.sees(&word("backup.wrong_none"));
    tab.press("input[data-folder]");
    tab.fill("#choose input[name=folder]", disk.to_str().expect("a path"));
    tab.press_word("backup.go_on");
    tab.wait("the key", "document.querySelector('#secret').textContent.length > 70");
    let (mut wrong, key) = (faults(&tab, &axe), tab.text("#secret"));
    tab.fill("#prove input", "FALSCH");
    tab.press_word("backup.keep_it");
    tab.sees(&word("backup.prove_wrong"));
    assert_eq!(std::fs::read_dir(&disk).expect("there").count(), 0, "nothing is set up before the key is kept");
    let letters: String = key.split_whitespace().collect();
    tab.fill("#prove input", &letters[letters.len() - 6..].to_lowercase());
    tab.press_word("backup.keep_it");
    tab.sees(&word("backup.set"));
    wrong.extend(faults(&tab, &axe));
    assert_eq!(tab.eval("document.querySelector('#secret').textContent"), "", "the key is shown no more");
    let files: Vec<_> = std::fs::read_dir(&disk).expect("there").flatten().map(|entry| entry.path()).collect();
    let restored = backup::restore(&house.path().join("new"), &files[0], &Opener::of(&key), &mut os_chance(), now());
    assert!(restored.is_ok_and(|restored| restored.entries > 0) && files.len() == 1, "{files:?}");
    tab.go("/");
    tab.wait("no warning", "document.querySelector('#light-pending').innerText && document.querySelector('#light-backup').hidden");
    assert_eq!((wrong, complaints(&chrome, &[&server.base])), (BTreeSet::new(), Vec::new()));
}

#[test]
fn a_new_box_goes_on_for_a_lost_one_and_asks_only_for_its_enrolment() {
    let (house, axe) = (House::filled(), axe());
    let lost = house.folder("canteen");
    let (owner, file) = (Identity::generate(), house.path().join("stick.age"));
    backup::write(&lost, &file, &Lock::to(&owner.recipient()).expect("an address")).expect("a backup");
    let folder = house.path().join("fresh");
    let server = Server::terminal(&folder);
    let chrome = Rc::new(Chrome::start());
    let tab = Tab::open(&chrome, &server.base);
    tab.front();
    tab.go("/");
    at_step(&tab, "language");
    tab.press("a[href='/restore']");
    tab.wait("the page of the restore", "location.pathname === '/restore' && document.readyState === 'complete'");
    tab.sees(&word("restore.none"));
    let mut wrong = faults(&tab, &axe);
    tab.press("input[name=which][value='']");
    tab.press_word("restore.go");
    tab.sees(&word("restore.choose_file"));
    tab.hand("#choose [name=sent]", &file);
    tab.fill("#choose [name=key]", "ABCD-EFGH");
    tab.press("#choose [name=retired]");
    tab.press_word("restore.go");
    tab.sees(&word("restore.cannot_key"));
    // The scanner of the house types as if the keyboard were American, and ends with Enter.
    scan_on(&tab, &owner.to_text(), Host::German);
    tab.wait("what was taken over", "!document.querySelector('#done').hidden");
    wrong.extend(faults(&tab, &axe));
    tab.press_word("restore.to_enrolment");
    at_step(&tab, "office");
    tab.sees(&word("setup.again_at"));
    wrong.extend(faults(&tab, &axe));
    assert_eq!((wrong, complaints(&chrome, &[&server.base])), (BTreeSet::new(), Vec::new()));
    drop(server);
    assert!(verify(&folder)["head"]["seq"].as_u64().is_some_and(|entries| entries > 0));
    // Whether the lost box had something left to send is chance; that it is continued is not.
    let db = rusqlite::Connection::open(folder.join("terminal.db")).expect("a database");
    let kept = |table: &str| -> i64 { db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).expect("counted") };
    assert!(kept("earlier_journal") > 1 && kept("earlier") > 0, "what the lost box recorded counts as used");
}
