//! Cases: approvals recorded once, changed, followed, suspended, ended, re-issued and returned.

mod office_town;

use office_town::{Counter, empty};
use teilhabe::admit::status::Status;
use teilhabe::office::{Act, IssuedToken, NewApproval, NewProvider, Office, ServiceTerms, Source, Standing, StopReason};
use teilhabe::shell::sheet::children;
use teilhabe::shell::store::office::sums::{self, By, Only};
use teilhabe::terminal::counter::{Answer, Request};
use teilhabe::words::cents::Cents;
use teilhabe::words::civil::{CivilDay, CivilMonth};
use teilhabe::words::legal_basis::LegalBasis;
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
    let stopped = office.stop(first.token.id, StopReason::Lost, CivilDay::of(noon("2026-11-10")), false, noon("2026-11-11"));
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

/// What the statistics call settled, by month and legal basis; months of which nothing is known are left out.
fn settled_by_basis(office: &Office) -> Vec<(String, LegalBasis, i64)> {
    let sums = sums::grouped(office.db(), &[By::Month, By::Basis], &Only::default()).expect("sums");
    let known = |sum: sums::Sum| Some((sum.month?.to_string(), sum.basis?, sum.settled.get()));
    assert_eq!(sums::verify(office.db()).expect("counted"), 0, "the sums are those of the lines");
    sums.into_iter().filter_map(known).collect()
}

#[test]
fn another_legal_basis_from_a_month_on_leaves_earlier_months_as_they_were_in_statistics_and_posting() {
    let (now, later) = (noon("2026-11-20"), noon("2026-12-03"));
    let (mut office, mut counters) = office_town::lived_in(now);
    let fee = |code: &str| Request { cents: Some(Cents::new(1500)), ..office_town::request(code, "judo") };
    let first = approve(&mut office, &file("A-1;participation;2026-10;2026-11;month;cents;1500;;;;SGB II\n")).remove(0);
    counters[1].redeem(&fee(&first.code), now);
    counters[1].exchange(&mut office, now.plus_ms(60_000));
    let next = file("A-1;participation;2026-12;2027-05;month;cents;1500;;;;KiZ\n");
    let second = office.approve(&next, "Anna Adler", later).expect("approved").remove(0);
    counters[1].exchange(&mut office, later);
    counters[1].redeem(&fee(&second.code), later.plus_ms(1000));
    counters[1].exchange(&mut office, later.plus_ms(60_000));
    office.reconcile(later).expect("reconciled");
    let settled = office.settle("Anna Adler", "Berta Busch", day("2026-12-07"), later.plus_ms(120_000)).expect("settled");
    let months = vec![("2026-11".to_owned(), LegalBasis::Sgb2, 1500), ("2026-12".to_owned(), LegalBasis::Bkgg, 1500)];
    assert_eq!(settled_by_basis(&office), months);
    let posting = settled.files.iter().find(|file| file.name.starts_with("posting")).expect("a posting file");
    let text = String::from_utf8_lossy(&posting.bytes);
    for basis in [LegalBasis::Sgb2, LegalBasis::Bkgg] {
        let rows: Vec<Vec<&str>> = text.lines().map(|row| row.split(';').collect()).filter(|row: &Vec<&str>| row[4] == basis.german()).collect();
        assert!(matches!(rows.as_slice(), [row] if row[7] == "15,00"), "{basis:?} in {text}");
    }
    let both = sums::children(office.db(), ["2026-10", "2026-12"].map(|text| CivilMonth::parse(text).expect("a month")).into()).expect("counted");
    let of = |month: &str, basis| both.iter().filter(|c| c.month.to_string() == month && c.basis == Some(basis)).map(|c| c.children).sum::<u64>();
    assert_eq!((of("2026-11", LegalBasis::Sgb2), of("2026-11", LegalBasis::Bkgg), of("2026-12", LegalBasis::Bkgg)), (1, 0, 1));

    let corrected = file("A-1;participation;2026-10;2026-11;month;cents;1500;;;;SGB XII\n");
    assert!(matches!(standing(&office, &corrected)[..], [(Standing::Changed { card: false, .. }, _)]));
    office.approve(&corrected, "Anna Adler", later.plus_ms(180_000)).expect("corrected");
    assert_eq!(settled_by_basis(&office), [(months[0].0.clone(), LegalBasis::Sgb12, 1500), months[1].clone()], "a correction is of its own months");
    let dearer = file("A-1;participation;2026-10;2026-11;month;cents;1000;;;;AsylbLG\n");
    assert!(matches!(standing(&office, &dearer)[..], [(Standing::Changed { card: true, .. }, _)]));
    office.approve(&dearer, "Anna Adler", later.plus_ms(240_000)).expect("changed");
    assert_eq!(settled_by_basis(&office)[0].1, LegalBasis::Asylblg, "of the same months: what it took the place of is corrected too");
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

fn status_of(office: &mut Office, card: &IssuedToken, now: UtcMs) -> Status {
    office.status_list(now).expect("a list");
    let statuses = teilhabe::shell::store::office::children::statuses(office.db(), CivilDay::of(now)).expect("statuses");
    statuses.into_iter().find(|(index, _)| *index == card.token.status_index).map_or(Status::Valid, |(_, status)| status)
}

fn day(text: &str) -> CivilDay {
    CivilDay::parse(text).expect("a day")
}

fn act(office: &mut Office, approval: i64, act: Act, at: &str) -> Result<Option<IssuedToken>, String> {
    office.act(approval, act, "Anna Adler", noon(at)).map(|acted| acted.issued).map_err(|why| why.to_string())
}

#[test]
fn a_suspension_has_days_and_is_lifted() {
    let mut office = empty(noon("2026-11-10"));
    let card = approve(&mut office, &file(LUNCH)).remove(0);
    let suspend = |from: &str, until: Option<&str>| Act::Suspend { from: day(from), until: until.map(day) };
    act(&mut office, 1, suspend("2026-11-16", None), "2026-11-10").expect("suspended");
    assert_eq!(status_of(&mut office, &card, noon("2026-11-15")), Status::Valid);
    assert_eq!(status_of(&mut office, &card, noon("2026-11-16")), Status::Suspended);
    assert!(act(&mut office, 1, suspend("2026-12-01", None), "2026-11-17").expect_err("twice").contains("schon ausgesetzt (ab 16.11.2026)"));
    act(&mut office, 1, Act::Lift { from: day("2026-11-23") }, "2026-11-20").expect("lifted");
    assert_eq!(status_of(&mut office, &card, noon("2026-11-22")), Status::Suspended);
    assert_eq!(status_of(&mut office, &card, noon("2026-11-23")), Status::Valid);
    assert!(act(&mut office, 1, Act::Lift { from: day("2026-11-23") }, "2026-11-24").expect_err("nothing").contains("nichts ausgesetzt"));
    act(&mut office, 1, suspend("2026-12-01", Some("2026-12-05")), "2026-11-24").expect("suspended again");
    assert!(act(&mut office, 1, suspend("2026-12-07", Some("2026-12-06")), "2026-11-24").expect_err("backwards").contains("vor ihrem Beginn"));
    let new = act(&mut office, 1, Act::Reissue { why: StopReason::Lost, from: day("2026-11-25") }, "2026-11-25").expect("re-issued").expect("a card");
    assert_eq!(status_of(&mut office, &new, noon("2026-12-02")), Status::Suspended, "a new card of a suspended approval is suspended too");
    assert_eq!(status_of(&mut office, &card, noon("2026-11-26")), Status::Replaced);
}

#[test]
fn an_entitlement_ends_on_a_day_and_leaves_the_month_to_what_follows() {
    let mut office = empty(noon("2026-11-10"));
    let card = approve(&mut office, &file(LUNCH)).remove(0);
    assert!(act(&mut office, 1, Act::End { from: day("2027-02-01") }, "2026-11-10").expect_err("later").contains("endet ohnehin am 31.01.2027"));
    act(&mut office, 1, Act::End { from: day("2026-12-10") }, "2026-11-12").expect("ended");
    assert_eq!(status_of(&mut office, &card, noon("2026-12-09")), Status::Valid);
    assert_eq!(status_of(&mut office, &card, noon("2026-12-10")), Status::Revoked);
    let again = act(&mut office, 1, Act::Reissue { why: StopReason::Lost, from: day("2026-11-13") }, "2026-11-13");
    assert!(again.expect_err("ended").contains("schon beendet, sie gilt nicht mehr ab dem 10.12.2026"));
    assert!(approve(&mut office, &file(LUNCH)).is_empty(), "the old list does not bring it back");
    let next = file("A-1;lunch;2026-12;2027-05;day;units;1;;;;KiZ\n");
    assert!(matches!(standing(&office, &next)[..], [(Standing::Extends { approval: 1 }, _)]));
    assert_eq!(approve(&mut office, &next)[0].token.handle, card.token.handle);
}

#[test]
fn a_card_lost_without_a_new_one_is_given_out_anew_later() {
    let mut office = empty(noon("2026-11-10"));
    let card = approve(&mut office, &file(LUNCH)).remove(0);
    office.stop(card.token.id, StopReason::Stolen, day("2026-11-11"), false, noon("2026-11-11")).expect("stopped");
    let suspended = act(&mut office, 1, Act::Suspend { from: day("2026-11-12"), until: None }, "2026-11-12");
    assert!(suspended.expect_err("stopped").contains("Die Karte ist gesperrt"));
    let new = act(&mut office, 1, Act::Reissue { why: StopReason::Stolen, from: day("2026-11-13") }, "2026-11-13").expect("done").expect("a card");
    assert_eq!((new.token.handle, &new.token.allowances), (card.token.handle, &card.token.allowances));
    assert_eq!(status_of(&mut office, &new, noon("2026-11-14")), Status::Valid);
}

#[test]
fn an_unused_card_is_returned_and_a_used_one_is_not() {
    let now = noon("2026-11-20");
    let (mut office, _) = office_town::lived_in(now);
    office.reconcile(now).expect("reconciled");
    let used = act(&mut office, 1, Act::Return, "2026-11-20").expect_err("used");
    assert!(used.contains("-mal etwas eingelöst"), "{used}");
    let card = approve(&mut office, &file(LUNCH)).remove(0);
    act(&mut office, card.approval, Act::Return, "2026-11-20").expect("returned");
    assert_eq!(status_of(&mut office, &card, noon("2026-11-21")), Status::Revoked);
    assert!(matches!(standing(&office, &file("A-1;lunch;2026-08;2027-01;day;units;2;;;;\n"))[..], [(Standing::New, _)]), "the child is free");
}

#[test]
fn what_is_used_up_for_the_whole_period_is_not_granted_again() {
    let now = noon("2026-11-20");
    let (mut office, mut counters) = office_town::lived_in(now);
    let rows = "A-1;participation;2026-11;2027-01;validity;cents;3000;;;;\nA-1;tutoring;2026-11;2027-01;validity;units;4;MA;;;\n";
    let card = approve(&mut office, &file(rows)).remove(0);
    let fee = |cents: i64, code: &str| Request { cents: Some(Cents::new(cents)), ..office_town::request(code, "judo") };
    counters[1].redeem(&fee(3000, &card.code), now);
    counters[1].exchange(&mut office, now.plus_ms(60_000));
    office.reconcile(now).expect("reconciled");
    let new = act(&mut office, card.approval, Act::Reissue { why: StopReason::Lost, from: day("2026-11-20") }, "2026-11-20")
        .expect("done")
        .expect("a card");
    let amounts: Vec<u64> = new.token.allowances.iter().map(|a| a.ceilings[0].amount).collect();
    assert_eq!(amounts, [0, 4]);
    assert!(matches!(counters[1].redeem(&fee(100, &new.code), now.plus_ms(120_000)), Answer::Refused(_)));
}

#[test]
fn a_form_sent_twice_acts_once() {
    let mut office = empty(noon("2026-11-10"));
    approve(&mut office, &file(LUNCH));
    let lost = Act::Reissue { why: StopReason::Lost, from: day("2026-11-10") };
    let (place, acted) = office.act_once("f1", 1, lost, "Anna Adler", noon("2026-11-10")).expect("done");
    assert!(acted.is_some_and(|acted| acted.issued.is_some()));
    let (again, acted) = office.act_once("f1", 1, lost, "Anna Adler", noon("2026-11-10")).expect("done");
    assert!(acted.is_none() && again == place);
    let tokens: i64 = office.db().query_row("SELECT count(*) FROM token", [], |row| row.get(0)).expect("a count");
    assert_eq!(tokens, 2);
}

#[test]
fn what_was_used_elsewhere_is_told_by_the_benefits_own_card_and_again_when_it_is_taken_back() {
    let now = UtcMs::parse_rfc3339("2026-11-23T11:00:00Z").expect("a time");
    let mut office = empty(now);
    let mut club = |name: &str, iban: &str, code: &str, seed: u8| {
        let terms = ServiceTerms::parse(&format!("{code}:participation:Beitrag:free"), CivilDay::of(now)).expect("terms");
        let (number, code) =
            office.add_provider(&NewProvider { name: name.into(), iban: iban.into(), services: vec![terms] }, now).expect("a provider");
        Counter::enrol(&mut office, number, name, &code.grouped(), seed, now)
    };
    let mut judo = club("Judoclub", "DE44500105175407324931", "judo", 61);
    let mut choir = club("Chor", "DE12500105170648489890", "choir", 62);
    let csv = "reference;benefit;from;to;period;measure;amount\n1;participation;2026-08;2027-01;validity;cents;9000\n";
    let budget = office.issue(&children::read(csv.as_bytes()).expect("a table").rows, now).expect("issued");
    // A newer card of the child for another benefit has another period, and no word on this one.
    let csv = "reference;benefit;from;to;period;measure;amount\n1;lunch;2026-11;2027-10;day;units;1\n";
    office.issue(&children::read(csv.as_bytes()).expect("a table").rows, now.plus_ms(60_000)).expect("issued");
    let fee = |cents: i64| Request { cents: Some(Cents::new(cents)), months: 1, ..office_town::request(&budget[0].code, "judo") };
    let sung = |cents: i64, day: &str| Request {
        cents: Some(Cents::new(cents)),
        months: 1,
        day: CivilDay::parse(day),
        ..office_town::request(&budget[0].code, "choir")
    };
    let at = |minutes: u64| now.plus_ms(minutes * 60_000);
    let Answer::Accepted(too_much) = judo.redeem(&fee(8_900), at(2)) else { panic!("the budget is whole") };
    assert!(matches!(choir.redeem(&sung(100, "2026-11-20"), at(3)), Answer::Accepted(_)));
    let talk = |office: &mut Office, counter: &mut Counter, minutes: u64| counter.exchange(office, at(minutes));
    talk(&mut office, &mut judo, 4);
    talk(&mut office, &mut choir, 5);
    talk(&mut office, &mut choir, 6);
    let refused = choir.redeem(&sung(100, "2026-11-21"), at(7));
    assert!(matches!(&refused, Answer::Refused(refused) if refused.reason.code() == "ceiling_reached"), "{refused:?}");
    judo.cancel(too_much.entries[0].seq, at(8));
    talk(&mut office, &mut judo, 9);
    talk(&mut office, &mut choir, 10);
    assert!(matches!(choir.redeem(&sung(100, "2026-11-21"), at(11)), Answer::Accepted(_)), "nothing of it is used any more");
}
