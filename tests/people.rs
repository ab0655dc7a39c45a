//! The lists and what hangs on them survive a restore; files of pick-ups record each meal once, in whatever order they come.
#![cfg(feature = "terminal")]

mod town;

use proptest::prelude::*;
use std::collections::BTreeSet;
use teilhabe::shell::sheet::people::read;
use teilhabe::shell::sheet::pickups::PickupRow;
use teilhabe::shell::store::terminal::Details;
use teilhabe::terminal::Terminal;
use teilhabe::terminal::chips::{ChipOf, TeachRequest};
use teilhabe::terminal::counter::{Answer, Request};
use teilhabe::terminal::people::Forgotten;
use teilhabe::terminal::pickups::{Fate, Mode};
use town::*;

fn details(name: &str) -> Details {
    Details { name: name.into(), number: "0042".into(), list: "3a".into(), pays_self: false }
}

fn chip(number: u8) -> String {
    format!("04A2000{number}")
}

/// A town in which the chips 1 to 4 are known: three of cards, the fourth of somebody who pays.
fn with_chips() -> Town {
    let mut town = Town::new();
    for number in 1..=3 {
        let card = town.office.token(number, allowances());
        let teach = TeachRequest { uid: chip(number), to: ChipOf::Card(card), replace: false };
        town.terminal.teach_chip(&teach, noon()).expect("taught");
    }
    let payer = Details { pays_self: true, ..Details { name: "Ada".into(), ..Details::default() } };
    let payer = town.terminal.add_person(&payer, noon()).expect("added").id;
    town.terminal.teach_chip(&TeachRequest { uid: chip(4), to: ChipOf::Person(payer), replace: false }, noon()).expect("given");
    town
}

/// Takes a file as the server does; how many rows were recorded by it.
fn book(town: &mut Town, meals: &[(u8, u32)], mode: Mode) -> usize {
    let row = |(line, &(number, ago)): (u64, &(u8, u32))| PickupRow { line, code: chip(number), day: day("2026-11-23").minus(ago), service: None };
    let rows = (2..).zip(meals).map(row).collect();
    let prepared = town.terminal.prepare_pickups(rows, Some(&code("lunch")), noon()).expect("prepared");
    let mut recorded = 0;
    for part in prepared.rows.chunks(3) {
        let told = town.terminal.pickups(part, mode, &mut town.chance, noon()).expect("stored");
        recorded += told.iter().filter(|told| matches!(told.fate, Fate::New | Fate::Paying)).count();
    }
    recorded
}

/// What the journal claims, and what is counted beside it.
fn counted(town: &mut Town) -> (i64, i64) {
    let sql = town.terminal.store().connection();
    let count = |sql: &rusqlite::Connection, what: &str| sql.query_row(what, [], |row| row.get(0)).expect("a count");
    (count(sql, "SELECT count(*) FROM redemption WHERE cancelled_by IS NULL"), count(sql, "SELECT count(*) FROM pickup WHERE cancelled = 0"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn files_record_each_meal_once(files in prop::collection::vec(prop::collection::vec((1u8..=5, 0u32..5), 0..12), 1..5)) {
        let mut town = with_chips();
        let mut known: BTreeSet<(u8, u32)> = BTreeSet::new();
        for file in &files {
            let new = file.iter().filter(|(number, _)| *number <= 4).copied().collect::<BTreeSet<_>>().difference(&known).count();
            prop_assert_eq!(book(&mut town, file, Mode::Look), new, "a look says what will be");
            prop_assert_eq!(book(&mut town, file, Mode::Book), new);
            known.extend(file.iter().filter(|(number, _)| *number <= 4));
            let mut turned = file.clone();
            turned.reverse();
            prop_assert_eq!(book(&mut town, &turned, Mode::BookAndHold), 0, "the same file again, turned round");
        }
        let claimed = known.iter().filter(|(number, _)| *number <= 3).count();
        let paid = known.len() - claimed;
        prop_assert_eq!(counted(&mut town), (i64::try_from(claimed).unwrap(), i64::try_from(paid).unwrap()));
        let unknown: BTreeSet<u32> = files.iter().flatten().filter(|(number, _)| *number == 5).map(|(_, ago)| *ago).collect();
        prop_assert_eq!(town.terminal.open_held().unwrap().len(), unknown.len(), "what is unknown is held once");
    }

    #[test]
    fn a_list_taken_twice_changes_nothing(rows in prop::collection::vec(("[A-C]{1,2}", "[0-3]?", "[xy]?"), 0..10)) {
        let mut town = Town::new();
        let text: String = rows.iter().map(|(name, number, list)| format!("{name};{number};{list}\n")).collect();
        let table = read(format!("name;number;list\n{text}").as_bytes()).expect("a list");
        let names = |terminal: &mut Terminal| terminal.people("", None, noon()).expect("readable").people;
        town.terminal.import_people(&table.rows, "", true, noon()).expect("taken");
        let first = names(&mut town.terminal);
        let again = town.terminal.import_people(&table.rows, "", true, noon()).expect("taken");
        prop_assert_eq!(names(&mut town.terminal), first);
        prop_assert!(again.rows.iter().all(|row| row.fate == teilhabe::terminal::list_import::Fate::Same), "{:?}", again.rows);
    }
}

#[test]
fn the_lists_survive_a_restore() {
    let mut town = with_chips();
    let mia = town.terminal.add_person(&details("Mia"), noon()).expect("added").id;
    let card = town.office.token(1, allowances());
    town.terminal.join_person(mia, &card, false, noon()).expect("stored").expect("joined");
    let forgotten = Request { person: Some(mia), forgotten: true, why_forgotten: Some(Forgotten::Lost), ..request("", "lunch") };
    let Answer::Accepted(meal) = town.redeem(&forgotten, noon()) else { panic!("refused") };
    assert_eq!(meal.person, Some(mia));
    let before = town.terminal.people("", None, noon()).expect("readable");
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("terminal.db");
    town.terminal.store().copy_to(&copy).expect("copied");
    let mut store = teilhabe::shell::store::terminal::TerminalStore::open(&copy).expect("opened");
    let (new, later) = (keys(51), noon().plus_ms(60_000));
    let restored = Terminal::continue_from(&mut store, &new, &mut town.chance, later).expect("restored");
    assert_eq!(restored.entered_again, 1);
    town.terminal = Terminal::open(store, new, later).expect("open");
    town.enrol(later);
    town.exchange(later);
    let after = town.terminal.people("", None, later).expect("readable");
    assert_eq!(after.people, before.people);
    assert_eq!((after.forgotten_share.count, after.forgotten_share.of), (1, 1), "the reason follows the entry to its new number");
    let next = Request { day: Some(day("2026-11-20")), ..request(&chip(1), "lunch") };
    let Answer::Accepted(again) = town.redeem(&next, later) else { panic!("her chip is not known any more") };
    assert_eq!(again.person, Some(mia));
    let paid = town.redeem(&request(&chip(4), "lunch"), later);
    assert!(matches!(paid, Answer::Accepted(accepted) if accepted.pickup.is_some()));
    town.terminal.verify().expect("whole");
}
