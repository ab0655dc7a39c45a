//! The office as a terminal written by hand meets it: every document made and opened with the core alone, no terminal of ours.
#![cfg(feature = "office")]

mod office_by_hand;
mod office_waiting;

use office_by_hand::{Box, HEADER, day, issue, line, noon, provider, town};
use std::slice;
use teilhabe::admit::enrolment::EnrolmentCode;
use teilhabe::book::decide::Ask;
use teilhabe::book::entry::{self as journal, Body, Head};
use teilhabe::book::redemption::SeenAs;
use teilhabe::book::slot::Lesson;
use teilhabe::deliver::advice::Verdict;
use teilhabe::office::{Doubt, Hold, IssuedToken, Office, OfficeError, StopReason, open_sums};
use teilhabe::reconcile::ruling::Choice;
use teilhabe::settle::selection::Selection;
use teilhabe::shell::sheet::bank::BankFile;
use teilhabe::shell::sheet::camt::{Direction, Entry, Statement};
use teilhabe::shell::sheet::pain002::{RejectedTransaction, StatusReport};
use teilhabe::shell::store::office::{sums, views};
use teilhabe::words::benefit::Benefit;
use teilhabe::words::cents::Cents;
use teilhabe::words::code::Code;
use teilhabe::words::ids::{EntryId, Handle, Hash};
use teilhabe::words::keys::SecretKey;
use teilhabe::words::reason::Reason;
use teilhabe::words::time::UtcMs;

#[test]
fn one_lunch_from_issue_to_payment() {
    let now = noon("2026-11-23");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Mensa GmbH", &["lunch:lunch:Mittagessen:450"], now);
    let tokens = issue(&mut office, &format!("{HEADER}0815;lunch;2026-08;2027-07;day;units;1;;LM 16;\n"), now);
    let mut mensa = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    let seq = mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    assert_eq!(mensa.claim(&mut office, now), [line(seq, Verdict::Accepted, 450, "")]);

    let settled = office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled");
    assert_eq!(settled.payments.len(), 1);
    assert_eq!(settled.payments[0].cents, Cents::new(450));
    let names: Vec<&str> = settled.files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["pain.001-05562032-R1.xml", "posting-05562032-R1.csv", "statement-05562032-R1-101.html"]);
    let (_, advices) = mensa.exchange(&mut office, vec![], now);
    assert_eq!(advices.last().expect("advised").payments[0].end_to_end_id, "05562032-R1P101");
    assert!(office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("nothing to do").payments.is_empty());
    assert!(matches!(office.settle("Anna", "anna ", day("2026-11-25"), now), Err(OfficeError::Wrong(_))));
}

#[test]
fn the_same_question_gets_the_same_receipts_and_a_gap_waits_for_what_is_missing() {
    let now = noon("2026-11-23");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Mensa GmbH", &["lunch:lunch:Mittagessen:450"], now);
    let tokens = issue(&mut office, &format!("{HEADER}1;lunch;2026-08;2027-07;day;units;1;;;\n2;lunch;2026-08;2027-07;day;units;1;;;\n"), now);
    let mut mensa = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    let first_seq = mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    let first = mensa.batch(now);
    let second_seq = mensa.redeem(&tokens[1], "lunch", "2026-11-23", None, now);
    let second = mensa.batch(now);

    let (receipts, advices) = mensa.exchange(&mut office, vec![second.clone()], now);
    assert_eq!(receipts[0].reason.as_deref(), Some("journal_gap"));
    assert_eq!(advices[0].lines, [line(second_seq, Verdict::Pending, 0, "journal_gap")]);
    let (receipts, _) = mensa.exchange(&mut office, vec![first.clone()], now);
    assert_eq!((receipts[0].reason.clone(), receipts[0].hash), (None, Hash::of(&[&first])));
    let (again, _) = mensa.exchange(&mut office, vec![first, second], now);
    assert_eq!(again[0], receipts[0]);
    assert_eq!((again[1].reason.clone(), again[1].head), (None, mensa.sealed));
    let tally = office.reconcile(now).expect("reconciled");
    assert_eq!((tally.accepted, tally.lines()), (2, 2));
    let mut lines: Vec<_> = mensa.exchange(&mut office, vec![], now).1.into_iter().flat_map(|a| a.lines).collect();
    lines.sort_by_key(|line| line.seq);
    assert_eq!(lines, [line(first_seq, Verdict::Accepted, 450, ""), line(second_seq, Verdict::Accepted, 450, "")]);
}

#[test]
fn a_box_whose_batches_all_wait_is_kept_within_bounds_and_loses_nothing() {
    let now = noon("2026-11-23");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Mensa GmbH", &["lunch:lunch:Mittagessen:450"], now);
    let tokens = issue(&mut office, &format!("{HEADER}1;lunch;2026-08;2027-07;day;units;1;;;\n"), now);
    let mut mensa = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    let mut batches: Vec<Vec<u8>> = Vec::new();
    for _ in 0..511 {
        mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
        batches.push(mensa.batch(now));
    }
    let first = batches.remove(0);
    let (receipts, _) = mensa.exchange(&mut office, batches.clone(), now);
    assert!(receipts.iter().all(|receipt| receipt.reason.as_deref() == Some("journal_gap")));
    let kept = |office: &Office| office.db().query_row("SELECT count(*) FROM batch", [], |row| row.get::<_, i64>(0)).expect("counted");
    assert_eq!(kept(&office), 500, "the others stay with their sender");
    mensa.exchange(&mut office, vec![first], now);
    let lines = |office: &Office| office.db().query_row("SELECT count(*) FROM line", [], |row| row.get::<_, i64>(0)).expect("counted");
    assert_eq!(lines(&office), 501, "what waited is taken in");
    mensa.exchange(&mut office, batches.split_off(500), now);
    assert_eq!((kept(&office), lines(&office)), (511, 511));
}

#[test]
fn a_cloned_box_is_noticed_and_nothing_of_it_is_lost_or_paid() {
    let now = noon("2026-11-23");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Mensa GmbH", &["lunch:lunch:Mittagessen:450"], now);
    let tokens = issue(&mut office, &format!("{HEADER}1;lunch;2026-08;2027-07;day;units;1;;;\n2;lunch;2026-08;2027-07;day;units;1;;;\n"), now);
    let mut mensa = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    let (head, entries) = (mensa.head, mensa.entries.clone());
    mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    mensa.claim(&mut office, now);
    (mensa.head, mensa.entries, mensa.sealed) = (head, entries, Head::start(mensa.key.public().terminal_id()));
    mensa.redeem(&tokens[1], "lunch", "2026-11-23", None, now);
    let fork = mensa.batch(now);
    let (receipts, advices) = mensa.exchange(&mut office, vec![fork], now);
    assert_eq!(receipts[0].reason.as_deref(), Some("journal_forked"));
    assert_eq!(advices[0].lines, [line(2, Verdict::Pending, 0, "journal_forked")]);
    assert_eq!(office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled").payments[0].cents, Cents::new(450));
}

#[test]
fn a_cancellation_after_payment_takes_back_and_frees_the_slot() {
    let now = noon("2026-11-23");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Mensa GmbH", &["lunch:lunch:Mittagessen:450"], now);
    let (_, other_code) = provider(&mut office, "Hort", &["essen:lunch:Essen:400"], now);
    let tokens = issue(&mut office, &format!("{HEADER}1;lunch;2026-08;2027-07;day;units;1;;;101\n"), now);
    let mut mensa = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    let mut hort = Box::enrol(&mut office, &other_code, 8, now).expect("admitted");
    let seq = mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    let lost = hort.redeem(&tokens[0], "essen", "2026-11-23", None, now.plus_ms(1));
    assert_eq!(hort.claim(&mut office, now), [line(lost, Verdict::Accepted, 400, "")]);
    assert_eq!(mensa.claim(&mut office, now), [line(seq, Verdict::Accepted, 450, "")]);
    let (_, advices) = hort.exchange(&mut office, vec![], now);
    assert_eq!(advices[0].lines, [line(lost, Verdict::Pending, 0, "conflict")], "the home provider wins whoever comes first");
    assert_eq!(office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled").payments[0].cents, Cents::new(450));

    mensa.cancel(seq, now);
    assert_eq!(mensa.claim(&mut office, now).last(), Some(&line(seq + 1, Verdict::Accepted, -450, "")));
    let (_, advices) = hort.exchange(&mut office, vec![], now);
    assert_eq!(advices[0].lines, [line(lost, Verdict::Accepted, 400, "")]);
    let again = mensa.redeem(&tokens[0], "lunch", "2026-11-24", None, noon("2026-11-24"));
    let tomorrow = noon("2026-11-24");
    assert_eq!(mensa.claim(&mut office, tomorrow), [line(again, Verdict::Accepted, 450, "")]);
    let run = office.settle("Anna", "Bernd", day("2026-11-26"), tomorrow).expect("settled");
    let paid: Vec<(u32, i64)> = run.payments.iter().map(|p| (p.provider.0, p.cents.get())).collect();
    assert_eq!(paid, [(102, 400)], "the canteen's new meal makes up for the one taken back");
}

/// A canteen that is home to the only child, and a day-care centre whose meal of the day was paid 400 by run 1.
struct PaidAtTheHort {
    office: Office,
    mensa: Box,
    hort: Box,
    tokens: Vec<IssuedToken>,
    meal: EntryId,
    payment: String,
}

fn paid_at_the_hort(now: UtcMs) -> PaidAtTheHort {
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Mensa GmbH", &["lunch:lunch:Mittagessen:450"], now);
    let (_, other_code) = provider(&mut office, "Hort", &["essen:lunch:Essen:400"], now);
    let tokens = issue(&mut office, &format!("{HEADER}1;lunch;2026-08;2027-07;day;units;1;;;101\n2;lunch;2026-08;2027-07;day;units;1;;;\n"), now);
    let mensa = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    let mut hort = Box::enrol(&mut office, &other_code, 8, now).expect("admitted");
    let seq = hort.redeem(&tokens[0], "essen", "2026-11-23", None, now);
    assert_eq!(hort.claim(&mut office, now), [line(seq, Verdict::Accepted, 400, "")]);
    let settled = office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled");
    let meal = EntryId { terminal: hort.key.public().terminal_id(), seq };
    let payment = settled.payments[0].end_to_end_id.clone();
    PaidAtTheHort { office, mensa, hort, tokens, meal, payment }
}

#[test]
fn two_meals_of_one_slot_that_were_both_paid_both_stand_and_nothing_stops() {
    let now = noon("2026-11-23");
    let PaidAtTheHort { mut office, mut mensa, mut hort, tokens, meal, payment } = paid_at_the_hort(now);
    let rejected = RejectedTransaction { end_to_end_id: payment.clone(), cents: Some(Cents::new(400)), reason: "MS03".into() };
    let report = StatusReport { message_id: "05562032-R1".into(), rejected: None, transactions: vec![rejected] };
    let take =
        |office: &mut Office, file: BankFile| office.import_bank(&file, Hash::of(&[format!("{file:?}").as_bytes()]), "Anna", now).expect("taken");
    assert_eq!(take(&mut office, BankFile::Report(report)).returned, slice::from_ref(&payment));
    let home = mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    assert_eq!(mensa.claim(&mut office, now), [line(home, Verdict::Accepted, 450, "")]);
    let (_, advices) = hort.exchange(&mut office, vec![], now);
    assert_eq!(advices.last().expect("advised").lines, [line(meal.seq, Verdict::Pending, 0, "conflict")]);
    let paid = office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled").payments;
    assert_eq!(paid.iter().map(|p| (p.provider.0, p.cents.get())).collect::<Vec<_>>(), [(101, 450)]);

    let booked = Entry {
        end_to_end_id: Some(payment.clone()),
        order_id: None,
        cents: Cents::new(400),
        booked: day("2026-11-23"),
        direction: Direction::Debit,
        returned: None,
    };
    let account = "DE02120300000000202051".parse().expect("an IBAN");
    let statement = BankFile::Statements(vec![Statement { account, id: "S".into(), entries: vec![booked] }]);
    assert_eq!(take(&mut office, statement).unclear, [(payment.clone(), Doubt::BookedAfterReturn)]);
    office.paid_after_all(&payment, "Auszug 7: ausgeführt", "Anna", now).expect("decided");
    office.stop(tokens[0].token.id, StopReason::Ended, day("2026-12-01"), false, now).expect("whatever makes the child be decided again");
    let other = mensa.redeem(&tokens[1], "lunch", "2026-11-23", None, now);
    assert_eq!(mensa.claim(&mut office, now), [line(other, Verdict::Accepted, 450, "")], "other children are decided");
    office.rule(meal, Choice::Accept, Reason::ClerkDecision, "", "Anna", now).expect("what stands may be confirmed");
    let count = |sql: &str| office.db().query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number");
    assert_eq!((count("SELECT sum(settled) FROM line"), count("SELECT sum(decided) FROM line")), (850, 1300), "both stand");
    assert_eq!(count("SELECT count(*) FROM line WHERE holds = 1"), 2, "one of them holds the slot, and the other child's meal its own");
    assert_eq!(sums::verify(office.db()).expect("counted"), 0);
    let paid = office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled").payments;
    assert_eq!(paid.iter().map(|p| (p.provider.0, p.cents.get())).collect::<Vec<_>>(), [(101, 450)], "nothing of that day is paid again");
}

#[test]
fn a_meal_that_a_clerk_rejected_is_not_accepted_again_once_another_was_paid_in_its_place() {
    let now = noon("2026-11-23");
    let PaidAtTheHort { mut office, mut mensa, tokens, meal, .. } = paid_at_the_hort(now);
    let home = mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    office.rule(meal, Choice::Reject, Reason::ClerkDecision, "", "Anna", now).expect("ruled");
    assert_eq!(mensa.claim(&mut office, now), [line(home, Verdict::Accepted, 450, "")]);
    let paid = office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled").payments;
    assert_eq!(paid.iter().map(|p| (p.provider.0, p.cents.get())).collect::<Vec<_>>(), [(101, 450)], "the other owes");
    for choice in [Choice::Accept, Choice::Cut(Cents::new(300))] {
        let refused = office.rule(meal, choice, Reason::ClerkDecision, "", "Anna", now);
        assert!(matches!(refused, Err(OfficeError::PaidElsewhere)), "{refused:?}");
    }
    let home = EntryId { terminal: mensa.key.public().terminal_id(), seq: home };
    office.rule(home, Choice::Reject, Reason::ClerkDecision, "", "Anna", now).expect("ruled");
    office.rule(meal, Choice::Accept, Reason::ClerkDecision, "", "Anna", now).expect("now it may");
    let decided = "SELECT sum(decided) FROM line";
    assert_eq!(office.db().query_row(decided, [], |row| row.get::<_, i64>(0)).expect("a number"), 400);
    let refused = office.rule(home, Choice::Accept, Reason::ClerkDecision, "", "Anna", now);
    assert!(matches!(refused, Err(OfficeError::PaidElsewhere)), "{refused:?}");
}

/// Lessons of one tutor at three boxes, each of another child: from 14:00, from 14:30 and from 15:00, 45 minutes long, recorded in this order.
fn one_tutor_at_three_boxes(now: UtcMs) -> (Office, Vec<(Box, EntryId)>) {
    let mut office = town(now);
    let (number, code) = provider(&mut office, "Lernhilfe", &["maths:tutoring:Mathe:2500:45:MA"], now);
    let rows: String = (1..=3).map(|child| format!("{child};tutoring;2026-08;2027-07;month;units;4;MA;;\n")).collect();
    let tokens = issue(&mut office, &format!("{HEADER}{rows}"), now);
    let mut codes = vec![code];
    codes.extend((0..2).map(|_| office.new_code(number, now).expect("a code")));
    let begins = [14 * 60, 14 * 60 + 30, 15 * 60];
    let boxes = codes.iter().zip(&tokens).zip(begins).zip(7..).map(|(((code, token), start), seed)| {
        let mut terminal = Box::enrol(&mut office, code, seed, now).expect("admitted");
        let ask = Ask {
            service: Code::parse("maths").expect("a code"),
            day: day("2026-11-23"),
            cents: None,
            lesson: Lesson::new(start, start + 45),
            charge: None,
            seen_as: SeenAs::Qr,
            shown: None,
            operator: Some("Frau T.".into()),
            settles: None,
        };
        let seq = terminal.enter(token, &ask, day("2026-11-23").at_minute(start + 50));
        let id = EntryId { terminal: terminal.key.public().terminal_id(), seq };
        (terminal, id)
    });
    let boxes = boxes.collect();
    (office, boxes)
}

fn verdicts(office: &Office, boxes: &[(Box, EntryId)]) -> Vec<Verdict> {
    boxes.iter().map(|(_, id)| views::line(office.db(), *id).expect("read").expect("there").verdict).collect()
}

#[test]
fn in_whatever_order_lessons_of_one_tutor_arrive_the_same_ones_are_paid() {
    use Verdict::{Accepted, Pending, Rejected};
    let (start, now) = (noon("2026-11-23"), noon("2026-11-24"));
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for at_once in [false, true] {
            let (mut office, mut boxes) = one_tutor_at_three_boxes(start);
            for place in order {
                let batch = boxes[place].0.batch(now);
                boxes[place].0.exchange(&mut office, vec![batch], now);
                if !at_once {
                    office.reconcile(now).expect("reconciled");
                }
            }
            office.reconcile(now).expect("reconciled");
            assert_eq!(verdicts(&office, &boxes), [Accepted, Pending, Pending], "{order:?}");
            office.rule(boxes[1].1, Choice::Reject, Reason::ClerkDecision, "", "Anna", now).expect("ruled");
            assert_eq!(verdicts(&office, &boxes), [Accepted, Rejected, Accepted], "what is rejected stands in nobody's way");
            office.rule(boxes[1].1, Choice::Accept, Reason::ClerkDecision, "", "Anna", now).expect("ruled");
            assert_eq!(verdicts(&office, &boxes), [Accepted, Accepted, Pending], "what a clerk has accepted does");
        }
    }
}

#[test]
fn a_lesson_that_is_cancelled_stands_in_no_later_ones_way() {
    let (start, now) = (noon("2026-11-23"), noon("2026-11-24"));
    let (mut office, mut boxes) = one_tutor_at_three_boxes(start);
    for (terminal, _) in boxes.iter_mut().take(2) {
        terminal.claim(&mut office, now);
    }
    assert_eq!(verdicts(&office, &boxes[..2]), [Verdict::Accepted, Verdict::Pending]);
    let seq = boxes[0].1.seq;
    boxes[0].0.cancel(seq, now);
    boxes[0].0.claim(&mut office, now);
    assert_eq!(verdicts(&office, &boxes[1..2]), [Verdict::Accepted]);
}

#[test]
fn a_card_claimed_for_a_child_that_nobody_knows_waits() {
    let now = noon("2026-11-23");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Mensa GmbH", &["lunch:lunch:Mittagessen:450"], now);
    let tokens = issue(&mut office, &format!("{HEADER}1;lunch;2026-08;2027-07;day;units;1;;;\n"), now);
    let mut mensa = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    let before = mensa.head;
    let seq = mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    let mut entry = journal::Entry::from_bytes(&mensa.entries.pop().expect("an entry")).expect("read");
    let Body::Redemption(redemption) = &mut entry.body else { panic!("a redemption") };
    redemption.handle = Handle([9; 8]);
    let bytes = entry.to_bytes();
    mensa.head = before.after(&bytes);
    mensa.entries.push(bytes);
    assert_eq!(mensa.claim(&mut office, now), [line(seq, Verdict::Pending, 0, "unknown_token")]);
    let honest = mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    assert_eq!(mensa.claim(&mut office, now), [line(honest, Verdict::Accepted, 450, "")], "and takes nothing from the child whose card it is");
    assert_eq!(sums::verify(office.db()).expect("counted"), 0);
}

#[test]
fn a_choice_that_leaves_out_what_a_provider_owes_pays_him_nothing() {
    let now = noon("2026-11-23");
    let mut office = town(now);
    let services = ["lunch:lunch:Mittagessen:450", "beitrag:participation:Beitrag:free", "kurs:participation:Kurs:free"];
    let (_, code) = provider(&mut office, "Verein am Wall", &services, now);
    let rows = "1;lunch;2026-08;2027-07;day;units;1;;;\n1;participation;2026-08;2027-07;validity;cents;9000;;;\n";
    let tokens = issue(&mut office, &format!("{HEADER}{rows}"), now);
    let mut club = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    let meal = club.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    club.claim(&mut office, now);
    assert_eq!(office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled").payments[0].cents, Cents::new(450));
    club.cancel(meal, now);
    club.redeem(&tokens[0], "beitrag", "2026-11-23", Some(100), now);
    club.claim(&mut office, now);

    let only = |benefit| Selection { benefits: Some([benefit].into()), ..Selection::default() };
    let held = |office: &Office, benefit| open_sums(office.db(), &only(benefit)).expect("read")[0].blocked.clone();
    assert_eq!(held(&office, Benefit::Participation), Some(Hold::LessInAll(Cents::new(-350))));
    let drawn = office.draw_up("Anna", &only(Benefit::Participation), day("2026-11-25"), None, now);
    assert!(matches!(drawn, Err(OfficeError::NothingToSettle)), "{drawn:?}");
    club.redeem(&tokens[0], "kurs", "2026-11-23", Some(1000), now);
    club.claim(&mut office, now);
    assert_eq!(held(&office, Benefit::Participation), Some(Hold::LessInAll(Cents::new(650))), "nor more than is due to him in all");
    assert_eq!(held(&office, Benefit::Lunch), None, "what takes back is carried over as ever");
    let seen = open_sums(office.db(), &only(Benefit::Participation)).expect("read").iter().map(|sum| (sum.provider, sum.seen())).collect();
    let drawn = office.draw_up("Anna", &only(Benefit::Participation), day("2026-11-25"), Some(&seen), now);
    assert!(matches!(drawn, Err(OfficeError::Overtaken)), "{drawn:?}");
    assert_eq!(office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled").payments[0].cents, Cents::new(650));
}

#[test]
fn a_lost_card_is_replaced_to_the_extent_not_yet_used() {
    let now = noon("2026-11-02");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Judo e.V.", &["beitrag:participation:Beitrag:free"], now);
    let tokens = issue(&mut office, &format!("{HEADER}1;participation;2026-08;2027-01;validity;cents;9000;;;\n"), now);
    let mut club = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    club.exchange(&mut office, vec![], now);
    let before = club.redeem(&tokens[0], "beitrag", "2026-11-02", Some(5000), now);
    let stopped = noon("2026-11-03");
    let new = office.stop(tokens[0].token.id, StopReason::Lost, day("2026-11-03"), true, stopped).expect("stopped").expect("re-issued");
    assert_eq!(new.token.handle, tokens[0].token.handle);
    let unknowing = club.redeem(&tokens[0], "beitrag", "2026-11-04", Some(1000), noon("2026-11-04"));
    let late = noon("2026-11-05");
    let lines = club.claim(&mut office, late);
    assert_eq!(lines, [line(before, Verdict::Accepted, 5000, ""), line(unknowing, Verdict::Accepted, 1000, "")], "in good faith until the exchange");
    club.checkpoint(&office, late);
    let knowing = club.redeem(&tokens[0], "beitrag", "2026-11-06", Some(500), noon("2026-11-06"));
    let rest = club.redeem(&new, "beitrag", "2026-11-07", Some(4000), noon("2026-11-07"));
    let lines = club.claim(&mut office, noon("2026-11-08"));
    assert_eq!(lines, [line(knowing, Verdict::Rejected, 0, "replaced"), line(rest, Verdict::Reduced, 3000, "ceiling_reached")]);
}

#[test]
fn an_answer_that_was_lost_on_its_way_leaves_the_provider_in_good_faith() {
    let now = noon("2026-11-02");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Mensa GmbH", &["lunch:lunch:Mittagessen:450"], now);
    let tokens = issue(&mut office, &format!("{HEADER}1;lunch;2026-08;2027-01;day;units;1;;;\n"), now);
    let mut mensa = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    office.stop(tokens[0].token.id, StopReason::Ended, day("2026-11-03"), false, now).expect("stopped");
    let question = mensa.question(vec![], now);
    drop(office.exchange(&question, now).expect("an answer that nobody will read"));
    let tomorrow = noon("2026-11-03");
    let unknowing = mensa.redeem(&tokens[0], "lunch", "2026-11-03", None, tomorrow);
    assert_eq!(mensa.claim(&mut office, tomorrow), [line(unknowing, Verdict::Accepted, 450, "")]);
}

#[test]
fn an_enrolment_code_works_once_and_whoever_guesses_holds_up_nobody() {
    let now = noon("2026-11-23");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Mensa GmbH", &["lunch:lunch:Mittagessen:450"], now);
    Box::enrol(&mut office, &code, 7, now).expect("admitted");
    Box::enrol(&mut office, &code, 7, now).expect("the same terminal may ask again");
    let refused = |office: &mut Office, code: &EnrolmentCode, at| match Box::enrol(office, code, 9, at) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("admitted"),
    };
    assert!(refused(&mut office, &code, now).contains("used up"));
    let root = SecretKey::from_seed([1; 32]).public().clone();
    for guess in 0..50 {
        assert!(refused(&mut office, &EnrolmentCode::new([guess; 10], &root), now).contains("wrong"));
    }
    let (_, another) = provider(&mut office, "Judoclub", &["judo:participation:Judo:free"], now);
    Box::enrol(&mut office, &another, 11, now).expect("admitted at once");
}
