//! Cases: approvals recorded once, changed, followed, suspended, ended, re-issued and returned.

mod office_town;

use office_town::empty;
use teilhabe::office::{IssuedToken, NewApproval, Office, Source, Standing};
use teilhabe::shell::sheet::children;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::time::UtcMs;

const HEADER: &str = "reference;benefit;from;to;period;measure;amount;detail;hint;home_providers;legal_basis\n";

fn noon(date: &str) -> UtcMs {
    CivilDay::parse(date).expect("a day").at_minute(720)
}

fn approvals(rows: &str, source: &Source) -> Vec<NewApproval> {
    let table = children::read(format!("{HEADER}{rows}").as_bytes()).expect("a table");
    assert_eq!(table.errors, []);
    NewApproval::group(&table.rows, source).expect("approvals")
}

fn file(rows: &str) -> Vec<NewApproval> {
    approvals(rows, &Source::named("csv"))
}

fn record(key: &str, rows: &str) -> Vec<NewApproval> {
    approvals(rows, &Source { name: "kiz".into(), record: Some(key.into()) })
}

fn approve(office: &mut Office, new: &[NewApproval]) -> Vec<IssuedToken> {
    office.approve(new, "Anna Adler", noon("2026-11-10")).expect("approved")
}

fn standing(office: &Office, new: &[NewApproval]) -> Vec<(Standing, String)> {
    office.plan(new).expect("a plan").into_iter().map(|planned| (planned.standing, planned.sentence)).collect()
}

const LUNCH: &str = "A-1;lunch;2026-08;2027-01;day;units;1;;K01;101;SGB II\n";

#[test]
fn the_same_list_twice_issues_nothing_twice() {
    let mut office = empty(noon("2026-11-10"));
    let list = file(&format!("{LUNCH}A-2;participation;2026-08;2027-01;validity;cents;9000;;;;KiZ\n"));
    assert!(standing(&office, &list).iter().all(|(standing, _)| *standing == Standing::New));
    let first = approve(&mut office, &list);
    assert_eq!(first.len(), 2);
    assert_ne!(first[0].token.handle, first[1].token.handle);
    assert!(matches!(standing(&office, &list)[..], [(Standing::Known { approval: 1 }, _), (Standing::Known { approval: 2 }, _)]));
    assert!(approve(&mut office, &list).is_empty());
    let without_hint = file("A-1;lunch;2026-08;2027-01;day;units;1;;;;\n");
    assert!(matches!(standing(&office, &without_hint)[..], [(Standing::Known { approval: 1 }, _)]), "what is left out is not changed");
}

#[test]
fn a_list_that_names_something_twice_is_planned_as_it_is_taken() {
    let mut office = empty(noon("2026-11-10"));
    let mut list = file(LUNCH);
    list.extend(file(LUNCH));
    assert!(matches!(standing(&office, &list)[..], [(Standing::New, _), (Standing::Known { approval: 0 }, _)]));
    assert_eq!(approve(&mut office, &list).len(), 1);
}

#[test]
fn all_or_none_is_taken() {
    let mut office = empty(noon("2026-11-10"));
    approve(&mut office, &file(LUNCH));
    let list = file("A-9;lunch;2026-08;2027-01;day;units;1;;;;\nA-1;lunch;2027-01;2027-06;day;units;1;;;;\n");
    let [(Standing::New, _), (Standing::Overlaps { approval: 1 }, sentence)] = &standing(&office, &list)[..] else { panic!("another plan") };
    assert_eq!(sentence, "Für 01/2027 ist dieselbe Leistung schon bewilligt. Bitte die Monate anpassen, oder die laufende Bewilligung erst beenden.");
    let error = office.approve(&list, "Anna Adler", noon("2026-11-10")).expect_err("overlaps").to_string();
    assert!(error.starts_with("Zeile 3: Für 01/2027"), "{error}");
    assert_eq!(standing(&office, &list)[0].0, Standing::New, "nothing of the list was taken");
}

#[test]
fn a_follow_up_is_a_new_token_of_the_same_child() {
    let mut office = empty(noon("2026-11-10"));
    let first = approve(&mut office, &file(LUNCH)).remove(0);
    let next = file("A-1;lunch;2027-02;2027-07;day;units;1;;K01;101;\n");
    let [(Standing::Extends { approval: 1 }, sentence)] = &standing(&office, &next)[..] else { panic!("another plan") };
    assert_eq!(sentence, "Folgt auf die Bewilligung für 08/2026 bis 01/2027: neue Karte für dasselbe Kind.");
    let second = approve(&mut office, &next).remove(0);
    assert_eq!(first.token.handle, second.token.handle);
    assert_eq!(first.token.expires, second.token.not_before);
    let beside = file("A-1;participation;2026-10;2027-03;validity;cents;9000;;;;\n");
    assert!(matches!(standing(&office, &beside)[..], [(Standing::New, _)]), "other benefits stand beside it");
}

#[test]
fn a_changed_approval_replaces_the_card() {
    let mut office = empty(noon("2026-11-10"));
    let first = approve(&mut office, &file(LUNCH)).remove(0);
    let more = file(&format!("{LUNCH}A-1;participation;2026-08;2027-01;validity;cents;9000;;;;\n"));
    let [(Standing::Changed { approval: 1, card: true }, sentence)] = &standing(&office, &more)[..] else { panic!("another plan") };
    assert!(sentence.contains("neu Teilhabe 90,00\u{a0}€ in der ganzen Zeit") || sentence.contains("neu "), "{sentence}");
    let second = approve(&mut office, &more).remove(0);
    assert_eq!((second.token.handle, second.token.allowances.len()), (first.token.handle, 2));
    assert_eq!(second.token.hint.as_deref(), Some("K01"));
    assert!(approve(&mut office, &more).is_empty());
    let stopped = office.stop(first.token.id, teilhabe::office::StopReason::Lost, CivilDay::of(noon("2026-11-10")), false, noon("2026-11-11"));
    assert!(stopped.expect_err("replaced").to_string().contains("stopped already"));
}

#[test]
fn another_legal_basis_leaves_the_card_alone() {
    let mut office = empty(noon("2026-11-10"));
    approve(&mut office, &file(LUNCH));
    let list = file("A-1;lunch;2026-08;2027-01;day;units;1;;;;KiZ\n");
    assert!(matches!(standing(&office, &list)[..], [(Standing::Changed { approval: 1, card: false }, _)]));
    assert!(approve(&mut office, &list).is_empty());
    assert!(matches!(standing(&office, &list)[..], [(Standing::Known { approval: 1 }, _)]));
}

#[test]
fn the_same_record_is_the_same_approval_for_other_months_too() {
    let mut office = empty(noon("2026-11-10"));
    approve(&mut office, &record("17", LUNCH));
    let longer = record("17", "A-1;lunch;2026-08;2027-02;day;units;1;;K01;101;\n");
    let [(Standing::Changed { approval: 1, card: true }, sentence)] = &standing(&office, &longer)[..] else { panic!("another plan") };
    assert!(sentence.contains("08/2026 bis 02/2027 statt 08/2026 bis 01/2027"), "{sentence}");
    assert_eq!(approve(&mut office, &longer).len(), 1);
    assert!(approve(&mut office, &longer).is_empty());
    let elsewhere = record("17", "B-1;lunch;2026-08;2027-02;day;units;1;;K01;101;\n");
    assert!(matches!(standing(&office, &elsewhere)[..], [(Standing::Impossible, _)]), "a record does not change its case");
}
