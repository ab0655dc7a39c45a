//! The terminal over a database in memory: redeem, hold, cancel, claim, be answered.
#![cfg(feature = "terminal")]

mod town;

use teilhabe::admit::number::CardNumber;
use teilhabe::admit::status::Status;
use teilhabe::book::entry::{Body, ClockState};
use teilhabe::deliver::advice::{Advice, AdvisedLine, AdvisedPayment, Verdict};
use teilhabe::shell::store::terminal::BatchState;
use teilhabe::terminal::chips::{ChipOf, Taught, TeachRequest};
use teilhabe::terminal::counter::{Accepted, Answer, CounterError, NotWellFormed, Request};
use teilhabe::terminal::held::HoldRequest;
use teilhabe::terminal::inbound::CannotTakeIn;
use teilhabe::terminal::lessons::{LessonAnswer, LessonRequest};
use teilhabe::words::benefit::Benefit;
use teilhabe::words::cents::Cents;
use teilhabe::words::ids::{Handle, TokenId};
use teilhabe::words::reason::Reason;
use teilhabe::words::time::UtcMs;
use town::*;

fn accepted(answer: Answer) -> Accepted {
    match answer {
        Answer::Accepted(accepted) => accepted,
        Answer::Refused(refused) => panic!("refused: {refused:?}"),
    }
}

#[test]
fn a_meal_is_green_once_a_day() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let first = accepted(town.redeem(&request(&token, "lunch"), noon()));
    assert_eq!((first.cents, first.hint.as_deref()), (Cents::new(450), Some("K01")));
    let Answer::Refused(second) = town.redeem(&request(&token, "lunch"), noon().plus_ms(60_000)) else { panic!("twice a day") };
    assert_eq!((second.reason, second.since), (Reason::AlreadyRedeemed, Some(noon())));
    assert_eq!(verdict(&town.redeem(&request(&token, "lunch"), noon().plus_days(1))), "accepted");
}

#[test]
fn the_same_ask_gets_the_same_answer_and_another_one_is_loud() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let ask = Request { ask: Some("a1".into()), ..request(&token, "lunch") };
    let first = town.redeem(&ask, noon());
    assert_eq!(town.redeem(&ask, noon().plus_ms(1)), first, "a retry is no second meal");
    let again = Request { ask: Some("a2".into()), ..request(&token, "lunch") };
    let refused = town.redeem(&again, noon());
    assert_eq!(verdict(&refused), "already_redeemed");
    assert_eq!(town.redeem(&again, noon().plus_days(1)), refused, "the next day it would be green, but it was asked today");
    let other = Request { ask: Some("a1".into()), ..request(&token, "judo") };
    assert!(matches!(town.terminal.redeem(&other, &mut town.chance, noon()), Err(CounterError::AskedOtherwise)));
}

#[test]
fn a_check_records_nothing() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let before = town.terminal.status(noon()).expect("readable").head;
    for _ in 0..2 {
        let answer = accepted(town.terminal.check(&request(&token, "lunch"), noon()).expect("an answer"));
        assert!(answer.entries.is_empty());
    }
    let number = CardNumber::of(TokenId([1; 16])).digits();
    assert_eq!(verdict(&town.terminal.check(&request(&number, "lunch"), noon()).expect("an answer")), "unknown_number");
    assert_eq!(town.terminal.status(noon()).expect("readable").head, before);
}

#[test]
fn after_the_whole_code_the_number_and_a_chip_are_enough() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let number = CardNumber::of(TokenId([1; 16])).to_string();
    assert_eq!(verdict(&town.redeem(&request(&number, "lunch"), noon())), "unknown_number");
    assert_eq!(verdict(&town.redeem(&request("04:A2:24:B2", "lunch"), noon())), "unknown_number");
    accepted(town.redeem(&request(&token, "lunch"), noon()));
    assert_eq!(verdict(&town.redeem(&request(&number, "lunch"), noon().plus_days(1))), "accepted");
    let teach = TeachRequest { uid: "04:a2:24:b2".into(), to: ChipOf::Card(number), replace: false };
    assert_eq!(town.terminal.teach_chip(&teach, noon()).expect("stored"), Taught::Card(Some("K01".into())));
    assert_eq!(verdict(&town.redeem(&request("04A224B2", "lunch"), noon().plus_days(2))), "accepted");
}

#[test]
fn a_taught_chip_survives_a_new_card() {
    let mut town = Town::new();
    let old = town.office.token(1, allowances());
    let again = TeachRequest { uid: "04A224B2".into(), to: ChipOf::Card(old), replace: false };
    assert_eq!(town.terminal.teach_chip(&again, noon()).expect("stored"), Taught::Card(Some("K01".into())));
    let mut renewed = town.office.plain_token(Handle([1; 8]), TokenId([99; 16]), 99, allowances());
    renewed.issued = seconds("2026-11-22T08:00:00Z");
    let renewed = teilhabe::admit::scan::code_text(&renewed.seal(&town.office.key));
    town.office.stop(noon(), &[(1, Status::Replaced)]);
    town.exchange(noon());
    assert_eq!(verdict(&town.redeem(&request("04A224B2", "lunch"), noon())), "replaced");
    assert_eq!(verdict(&town.redeem(&request(&renewed, "lunch"), noon())), "accepted");
    assert_eq!(verdict(&town.redeem(&request("04A224B2", "lunch"), noon())), "already_redeemed", "old and new card are one child");
}

#[test]
fn of_two_cards_of_a_child_a_chip_opens_the_one_that_pays() {
    let mut town = Town::new();
    let sealed = |town: &Town, id: u8, issued: &str, benefit: Benefit, holder| {
        let mine = allowances().into_iter().filter(|allowance| allowance.benefit == benefit).collect();
        let mut token = town.office.plain_token(Handle([1; 8]), TokenId([id; 16]), id.into(), mine);
        (token.issued, token.holder_key) = (seconds(issued), holder);
        teilhabe::admit::scan::code_text(&token.seal(&town.office.key))
    };
    let lunch = sealed(&town, 1, "2026-11-01T08:00:00Z", Benefit::Lunch, None);
    let tutoring = sealed(&town, 2, "2026-11-10T08:00:00Z", Benefit::Tutoring, None);
    for card in [&lunch, &tutoring] {
        let teach = TeachRequest { uid: "04A224B2".into(), to: ChipOf::Card(card.clone()), replace: false };
        assert!(matches!(town.terminal.teach_chip(&teach, noon()).expect("stored"), Taught::Card(_)));
    }
    let scan = |town: &mut Town, service: &str, days: u64| verdict(&town.redeem(&request("04A224B2", service), noon().plus_days(days)));
    assert_eq!(scan(&mut town, "lunch", 0), "accepted", "though the other card is newer");
    // A card of the year before last counts for a day of its own time only.
    let mut old = town.office.plain_token(Handle([1; 8]), TokenId([3; 16]), 3, allowances());
    old.issued = seconds("2026-11-20T08:00:00Z");
    (old.not_before, old.expires) = (day("2025-08-01").midnight(), day("2026-02-01").midnight());
    let old = teilhabe::admit::scan::code_text(&old.seal(&town.office.key));
    town.terminal.teach_chip(&TeachRequest { uid: "04A224B2".into(), to: ChipOf::Card(old), replace: false }, noon()).expect("stored");
    assert_eq!(scan(&mut town, "lunch", 1), "accepted");
}

#[test]
fn the_familys_share_is_shown_and_never_claimed() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let fee = Request { cents: Some(Cents::new(10_000)), ..request(&token, "judo") };
    let answer = accepted(town.redeem(&fee, noon()));
    assert_eq!((answer.cents, answer.own_share), (Cents::new(9_000), Cents::new(1_000)));
    town.exchange(noon());
    let claimed: Vec<_> = town.office.lines.iter().filter_map(|e| if let Body::Redemption(r) = &e.body { Some(r) } else { None }).collect();
    assert_eq!((claimed[0].cents, claimed[0].full_price), (Cents::new(9_000), Some(Cents::new(10_000))));
}

#[test]
fn a_fee_for_several_months_is_all_or_nothing() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let fee = |cents, months| Request { cents: Some(Cents::new(cents)), months, ..request(&token, "judo") };
    let answer = accepted(town.redeem(&fee(2_000, 3), noon()));
    let made: Vec<_> = answer.entries.iter().map(|e| (e.day.to_string(), e.cents.get())).collect();
    assert_eq!(made, [("2026-11-23".into(), 667), ("2026-12-01".into(), 667), ("2027-01-01".into(), 666)]);
    let before = town.terminal.status(noon()).expect("readable").head;
    assert_eq!(
        verdict(&town.redeem(&Request { day: Some(day("2026-12-02")), charge: Some(code("b")), ..fee(2_000, 3) }, noon())),
        "expired",
        "February is not granted"
    );
    assert_eq!(town.terminal.status(noon()).expect("readable").head, before, "not even December was recorded");
    assert!(matches!(
        town.terminal.redeem(&Request { months: 2, ..request(&token, "lunch") }, &mut town.chance, noon()),
        Err(CounterError::NotWellFormed(NotWellFormed::MonthsOutOfRange))
    ));
}

#[test]
fn what_cannot_have_been_given_yet_is_not_well_formed() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let mut wrong = |request: Request| match town.terminal.redeem(&request, &mut town.chance, noon()) {
        Err(CounterError::NotWellFormed(error)) => error,
        other => panic!("{other:?}"),
    };
    let tomorrow = day("2026-11-24");
    assert_eq!(wrong(Request { day: Some(tomorrow), ..request(&token, "lunch") }), NotWellFormed::LiesAhead(tomorrow));
    assert_eq!(wrong(request(&token, "maths")), NotWellFormed::LessonTimeMissing);
    assert_eq!(wrong(Request { starts: Some(840), ..request(&token, "maths") }), NotWellFormed::LessonTimeMissing);
    assert_eq!(wrong(Request { starts: Some(885), ends: Some(840), ..request(&token, "maths") }), NotWellFormed::LessonTimeWrong);
    assert_eq!(wrong(Request { starts: Some(840), ends: Some(885), ..request(&token, "lunch") }), NotWellFormed::NoLesson);
    assert_eq!(wrong(Request { cents: Some(Cents::ZERO), ..request(&token, "judo") }), NotWellFormed::AmountOutOfRange);
    assert_eq!(wrong(Request { service: None, ..request(&token, "lunch") }), NotWellFormed::ServiceMissing);
    assert_eq!(wrong(Request { held: Some(3), ..request(&token, "lunch") }), NotWellFormed::NoSuchHeld(3));
    assert_eq!(wrong(Request { ask: Some(String::new()), ..request(&token, "lunch") }), NotWellFormed::AskTooLong);
}

#[test]
fn a_lesson_begins_ends_and_overlaps_no_other() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let start = LessonRequest { code: token.clone(), service: Some(code("maths")), ..LessonRequest::default() };
    let started = town.terminal.lesson(&start, &mut town.chance, noon()).expect("stored");
    assert!(matches!(started, LessonAnswer::Started { minute: 720, .. }), "{started:?}");
    let lesson = |starts, ends| Request { starts: Some(starts), ends: Some(ends), operator: Some("T1".into()), ..request(&token, "maths") };
    let early = town.terminal.redeem(&lesson(720, 810), &mut town.chance, noon());
    assert!(matches!(early, Err(CounterError::NotWellFormed(NotWellFormed::NotGivenYet(end))) if end == "13:30"), "it has only begun");
    let later = noon().plus_ms(2 * 60 * 60_000);
    assert_eq!(accepted(town.redeem(&lesson(720, 810), later)).cents, Cents::new(5_000));
    assert_eq!(verdict(&town.redeem(&lesson(780, 840), later)), "lesson_overlap");
    let sibling = town.office.token(2, allowances());
    assert_eq!(verdict(&town.redeem(&Request { code: sibling.clone(), ..lesson(780, 840) }, later)), "lesson_overlap", "the tutor is busy");
    assert_eq!(verdict(&town.redeem(&Request { code: sibling, ..lesson(720, 810) }, later)), "accepted", "one group");
    town.exchange(later);
    assert_eq!(town.office.lines.iter().filter(|e| matches!(e.body, Body::Started(_))).count(), 1);
}

#[test]
fn served_and_clarified_later_becomes_one_redemption() {
    let mut town = Town::new();
    let hold = HoldRequest {
        ask: Some("h1".into()),
        code: None,
        person: None,
        alias: Some("Blauer Ranzen".into()),
        service: code("lunch"),
        day: None,
        cents: None,
        why: Reason::UnknownNumber,
    };
    let held = town.terminal.hold(&hold, &mut town.chance, noon()).expect("held");
    assert_eq!(town.terminal.hold(&hold, &mut town.chance, noon()).expect("the same"), held);
    assert_eq!(town.terminal.open_held().expect("readable").len(), 1);
    let token = town.office.token(1, allowances());
    let settle = Request { code: token, held: Some(held.seq), ..Request::default() };
    let later = noon().plus_days(3);
    let answer = accepted(town.redeem(&settle, later));
    assert_eq!(answer.entries[0].day, day("2026-11-23"), "the day it was served");
    assert_eq!(verdict(&town.redeem(&settle, later)), "already_redeemed");
    assert!(town.terminal.open_held().expect("readable").is_empty());
    let other = Request { service: Some(code("judo")), ..settle.clone() };
    let error = town.terminal.redeem(&other, &mut town.chance, later);
    assert!(matches!(error, Err(CounterError::NotWellFormed(NotWellFormed::HeldDiffers))));
    town.terminal.cancel(answer.entries[0].seq, code("typo"), &mut town.chance, later).expect("cancelled");
    assert_eq!(town.terminal.open_held().expect("readable").len(), 1, "cancelled, it waits again");
    town.exchange(later);
    assert!(town.office.lines.iter().all(|e| !matches!(e.body, Body::Held(_))), "no office sees who was held");
}

#[test]
fn a_cancelled_meal_can_be_eaten_again() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let seq = accepted(town.redeem(&request(&token, "lunch"), noon())).entries[0].seq;
    let first = town.terminal.cancel(seq, code("typo"), &mut town.chance, noon()).expect("cancelled");
    let second = town.terminal.cancel(seq, code("typo"), &mut town.chance, noon()).expect("said before");
    assert_eq!((first.by, first.before, second.by, second.before), (seq + 1, false, seq + 1, true));
    assert!(town.terminal.cancel(first.by, code("typo"), &mut town.chance, noon()).is_err(), "a cancellation is never cancelled");
    assert_eq!(verdict(&town.redeem(&request(&token, "lunch"), noon())), "accepted");
}

#[test]
fn a_clock_that_stood_still_is_suspect_and_an_office_sets_it_right() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    accepted(town.redeem(&request(&token, "lunch"), noon()));
    let dead_battery = at("2026-01-02T00:00:00Z");
    assert_eq!(verdict(&town.redeem(&request(&token, "judo"), dead_battery)), "clock_suspect");
    assert_eq!(verdict(&town.redeem(&request(&token, "judo"), at("1970-01-01T00:03:00Z"))), "clock_suspect", "a new image without a battery");
    let hold = HoldRequest {
        ask: None,
        code: Some(token.clone()),
        person: None,
        alias: None,
        service: code("lunch"),
        day: None,
        cents: None,
        why: Reason::ClockSuspect,
    };
    let held = town.terminal.hold(&hold, &mut town.chance, dead_battery).expect("a meal is a meal");
    assert_eq!(held.alias, format!("K01 ({})", CardNumber::of(TokenId([1; 16]))));
    let right_day = Request { day: Some(day("2026-11-23")), cents: Some(Cents::new(100)), ..request(&token, "zoo") };
    assert_eq!(verdict(&town.redeem(&right_day, dead_battery)), "clock_suspect", "a page that still knows the day is told of the clock");
    assert_eq!(verdict(&town.redeem(&request(&token, "lunch"), noon().plus_days(1))), "accepted", "the clock was set");
    let slightly_behind = noon().plus_days(1).0 - 60_000;
    assert_eq!(verdict(&town.redeem(&Request { cents: Some(Cents::new(100)), ..request(&token, "judo") }, UtcMs(slightly_behind))), "accepted");
    let jumps = |town: &mut Town| -> Vec<ClockState> {
        town.exchange(noon().plus_days(1));
        town.office.lines.iter().filter_map(|e| if let Body::Clock(jump) = e.body { Some(jump.state) } else { None }).collect()
    };
    assert_eq!(jumps(&mut town), [ClockState::Suspect, ClockState::Ok]);
}

#[test]
fn a_clock_that_ran_ahead_is_found_out_by_the_next_exchange() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let wrong = noon().plus_days(20);
    assert_eq!(verdict(&town.redeem(&request(&token, "lunch"), wrong)), "accepted", "nobody could know");
    let outbound = town.terminal.outbound(&town.office.id.clone(), &mut town.chance, wrong).expect("sealed");
    let recipient = town.terminal.recipient();
    let inbound = town.office.exchange(&outbound, &recipient, noon());
    town.terminal.take_inbound(&inbound, &mut town.chance, wrong).expect("taken in");
    assert_eq!(verdict(&town.redeem(&request(&token, "lunch"), wrong)), "clock_suspect");
    assert_eq!(verdict(&town.redeem(&request(&token, "lunch"), noon().plus_ms(1000))), "accepted", "set right, the real day counts");
}

#[test]
fn batches_are_resent_unchanged_until_their_receipt() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    accepted(town.redeem(&request(&token, "lunch"), noon()));
    let office = town.office.id.clone();
    let lost = town.terminal.outbound(&office, &mut town.chance, noon()).expect("sealed");
    let again = town.terminal.outbound(&office, &mut town.chance, noon()).expect("sealed");
    assert_eq!(town.office.read(&lost).0.batches, town.office.read(&again).0.batches);
    let status = town.terminal.status(noon()).expect("readable");
    assert_eq!((status.offices[0].pending.entries, status.offices[0].pending.oldest), (1, Some(noon())));
    assert_eq!(town.exchange(noon()).confirmed, 1);
    assert_eq!(town.terminal.status(noon()).expect("readable").offices[0].pending.entries, 0);
    let quiet = town.terminal.outbound(&office, &mut town.chance, noon()).expect("sealed");
    assert!(town.office.read(&quiet).0.batches.is_empty(), "a receipt alone makes no new batch");
}

#[test]
fn an_office_that_lost_its_copy_is_given_it_again() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    accepted(town.redeem(&request(&token, "lunch"), noon()));
    town.exchange(noon());
    let key = *town.office.held.keys().next().expect("one terminal");
    let start = teilhabe::book::entry::Head::start(town.terminal.id());
    town.office.held.get_mut(&key).expect("one terminal").1 = start;
    town.office.batches.clear();
    town.office.lines.clear();
    accepted(town.redeem(&request(&token, "lunch"), noon().plus_days(1)));
    assert_eq!(town.exchange(noon().plus_days(1)).open, 1, "a gap");
    assert_eq!(town.exchange(noon().plus_days(1)).confirmed, 1);
    assert_eq!(town.office.lines.iter().filter(|e| matches!(e.body, Body::Redemption(_))).count(), 2);
}

#[test]
fn a_batch_a_clerk_looks_at_stays_and_is_sent_again() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    accepted(town.redeem(&request(&token, "lunch"), noon()));
    town.office.reason = Some("journal_forked".into());
    assert_eq!(town.exchange(noon()).open, 1);
    assert_eq!(town.terminal.claims().expect("readable")[0].batch.state, BatchState::WithClerk);
    town.office.reason = None;
    assert_eq!(town.exchange(noon()).confirmed, 1);
}

#[test]
fn a_batch_a_clerk_rejected_is_not_sent_again_and_what_follows_is() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    accepted(town.redeem(&request(&token, "lunch"), noon()));
    town.office.reason = Some("journal_forked".into());
    town.exchange(noon());
    town.office.reason = Some("clerk_decision".into());
    let taken = town.exchange(noon());
    assert_eq!((taken.confirmed, taken.open), (0, 0));
    assert_eq!(town.terminal.claims().expect("readable")[0].batch.state, BatchState::Rejected);
    let office = town.office.id.clone();
    let quiet = town.terminal.outbound(&office, &mut town.chance, noon()).expect("sealed");
    assert!(town.office.read(&quiet).0.batches.is_empty(), "its lines are answered: nothing is asked any more");
    town.office.reason = None;
    accepted(town.redeem(&request(&token, "lunch"), noon().plus_days(1)));
    let later = town.terminal.outbound(&office, &mut town.chance, noon().plus_days(1)).expect("sealed");
    assert_eq!(town.office.read(&later).0.batches.len(), 1, "the next one goes out");
}

#[test]
fn an_advice_answers_line_by_line_and_the_highest_revision_counts() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let seq = accepted(town.redeem(&request(&token, "lunch"), noon())).entries[0].seq;
    town.exchange(noon());
    let batch = *town.office.batches.keys().next().expect("one batch");
    let advice = |revision, verdict, cents: i64| Advice {
        batch,
        created: noon(),
        lines: vec![AdvisedLine { seq, verdict, cents: Cents::new(cents), reason: String::new() }],
        payments: vec![AdvisedPayment {
            end_to_end_id: "E2E1".into(),
            execution: day("2026-12-01"),
            share: Cents::new(450),
            transfer: Cents::new(900),
        }],
        revision,
    };
    let [newer, older] = [advice(2, Verdict::Accepted, 450), advice(1, Verdict::Pending, 0)].map(|a| a.seal(&town.office.key));
    town.office.advices = vec![newer.clone(), older];
    assert_eq!(town.exchange(noon()).advices, 2);
    let claims = town.terminal.claims().expect("readable");
    let advised = claims[0].lines[0].advised.clone().expect("answered");
    assert_eq!((advised.verdict, advised.cents), (Verdict::Accepted, Cents::new(450)));
    assert_eq!(claims[0].payments[0].end_to_end_id, "E2E1");
    town.office.advices = vec![newer];
    assert_eq!(town.exchange(noon()).advices, 0, "the same again is nothing new");
    town.office.advices = vec![advice(2, Verdict::Rejected, 0).seal(&town.office.key)];
    let outbound = town.terminal.outbound(&town.office.id.clone(), &mut town.chance, noon()).expect("sealed");
    let recipient = town.terminal.recipient();
    let inbound = town.office.exchange(&outbound, &recipient, noon());
    let error = town.terminal.take_inbound(&inbound, &mut town.chance, noon());
    assert!(matches!(error, Err(CannotTakeIn::SameRevisionOtherContent { revision: 2, .. })), "{error:?}");
}

#[test]
fn an_answer_nobody_asked_for_or_of_a_stranger_is_not_taken() {
    let mut town = Town::new();
    let office = town.office.id.clone();
    let outbound = town.terminal.outbound(&office, &mut town.chance, noon()).expect("sealed");
    let (question, _) = town.office.read(&outbound);
    let recipient = town.terminal.recipient();
    let foreign = town.office.answer(teilhabe::words::ids::Nonce([9; 16]), &question, vec![], question.head, &recipient, noon());
    assert!(matches!(town.terminal.take_inbound(&foreign, &mut town.chance, noon()), Err(CannotTakeIn::NotAsked)));
    let mut stranger = PaperOffice::new("05562032", 3);
    let forged = stranger.answer(question.nonce, &question, vec![], question.head, &recipient, noon());
    assert!(matches!(town.terminal.take_inbound(&forged, &mut town.chance, noon()), Err(CannotTakeIn::NotOurOffice(_))));
    let by_stick = town.office.answer(teilhabe::words::ids::Nonce([0; 16]), &question, vec![], question.head, &recipient, noon());
    town.terminal.take_inbound(&by_stick, &mut town.chance, noon()).expect("unsolicited, by stick");
}

#[test]
fn a_new_root_takes_over_only_when_the_old_one_announced_it() {
    let mut town = Town::new();
    let next = teilhabe::words::keys::SecretKey::from_seed([200; 32]);
    let hijack = teilhabe::admit::trust::TrustList { version: 2, ..town.office.trust.clone() };
    town.office.new_trust = Some(hijack.seal(&next));
    assert_eq!(town.exchange(noon()).documents, 0, "nobody announced that root");
    let announced = teilhabe::admit::trust::TrustList { version: 3, next_root: Some(next.public().clone()), ..town.office.trust.clone() };
    town.office.new_trust = Some(announced.seal(&town.office.root));
    assert_eq!(town.exchange(noon()).documents, 1);
    let handed_over = teilhabe::admit::trust::TrustList { version: 4, ..town.office.trust.clone() };
    town.office.new_trust = Some(handed_over.seal(&next));
    assert_eq!(town.exchange(noon()).documents, 1);
    let (office, trust) = town.terminal.offices().iter().next().expect("one office");
    assert_eq!((&office.root, trust.version), (next.public(), 4));
    town.office.new_trust = Some(announced.seal(&town.office.root));
    assert_eq!(town.exchange(noon()).documents, 0, "versions never go back");
}

#[test]
fn two_offices_are_kept_apart() {
    let mut town = Town::new();
    let mut other = PaperOffice::new("05515000", 2);
    let printed = other.code.grouped();
    let request_bytes = town.terminal.ask_for_admission(&printed, "x").expect("a code");
    let answer = other.enrol(&request_bytes, noon());
    town.terminal.take_admission(&printed, "http://other", &answer, &mut town.chance, noon()).expect("admitted");
    let (ours, theirs) = (town.office.token(1, allowances()), other.token(1, allowances()));
    accepted(town.redeem(&request(&ours, "lunch"), noon()));
    accepted(town.redeem(&request(&theirs, "lunch"), noon()));
    town.exchange(noon());
    let outbound = town.terminal.outbound(&other.id, &mut town.chance, noon()).expect("sealed");
    let recipient = town.terminal.recipient();
    let inbound = other.exchange(&outbound, &recipient, noon());
    assert_eq!(town.terminal.take_inbound(&inbound, &mut town.chance, noon()).expect("taken").confirmed, 1);
    for (office, lines) in [(&town.office.id, &town.office.lines), (&other.id, &other.lines)] {
        let redemptions: Vec<_> = lines.iter().filter(|e| matches!(e.body, Body::Redemption(_))).collect();
        assert_eq!(redemptions.len(), 1);
        assert!(lines.iter().all(|e| e.body.is_shown_to(office)));
    }
}

#[test]
fn a_failed_commit_tells_nothing_green_and_loses_nothing() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let before = town.terminal.status(noon()).expect("readable").head;
    town.terminal.store().connection().commit_hook(Some(|| true)).expect("a hook");
    let failed = town.terminal.redeem(&request(&token, "lunch"), &mut town.chance, noon());
    assert!(matches!(failed, Err(CounterError::Store(_))), "{failed:?}");
    town.terminal.store().connection().commit_hook(None::<fn() -> bool>).expect("a hook");
    assert_eq!(town.terminal.status(noon()).expect("readable").head, before);
    let entry = accepted(town.redeem(&request(&token, "lunch"), noon())).entries[0];
    assert_eq!(entry.seq, before.seq + 1);
}

#[test]
fn what_is_kept_together_is_there_as_a_whole_or_not_at_all() {
    let mut town = Town::new();
    let tokens: Vec<_> = (1..=3).map(|child| town.office.token(child, allowances())).collect();
    let before = town.terminal.status(noon()).expect("readable").head;
    let commit = |town: &mut Town, fails: bool| {
        town.terminal.store().connection().commit_hook(Some(move || fails)).expect("a hook");
        town.terminal.begin_together().expect("begun");
        let verdicts: Vec<_> = tokens.iter().chain(&tokens[..1]).map(|token| verdict(&town.redeem(&request(token, "lunch"), noon()))).collect();
        assert_eq!(verdicts, ["accepted", "accepted", "accepted", "already_redeemed"], "each is decided with what came before it");
        let lost = town.terminal.redeem(&Request { months: 99, ..request(&tokens[0], "lunch") }, &mut town.chance, noon());
        assert!(lost.is_err(), "what comes to nothing leaves the others as they are");
        town.terminal.commit_together()
    };
    assert!(commit(&mut town, true).is_err());
    assert_eq!(town.terminal.status(noon()).expect("readable").head, before, "nothing is there");
    assert!(town.terminal.commit_together().is_err(), "and nothing is left to keep");
    commit(&mut town, false).expect("kept");
    assert_eq!(town.terminal.status(noon()).expect("readable").head.seq, before.seq + 3);
    assert_eq!(verdict(&town.redeem(&request(&tokens[2], "lunch"), noon())), "already_redeemed", "one by one again");
}

#[test]
fn when_the_disk_undoes_everything_what_follows_is_not_kept_by_itself() {
    let mut town = Town::new();
    let tokens: Vec<_> = (1..=2).map(|child| town.office.token(child, allowances())).collect();
    let before = town.terminal.status(noon()).expect("readable").head;
    town.terminal.begin_together().expect("begun");
    town.redeem(&request(&tokens[0], "lunch"), noon());
    town.terminal.store().connection().execute_batch("ROLLBACK").expect("as SQLite does when the disk is full");
    let next = town.terminal.redeem(&request(&tokens[1], "lunch"), &mut town.chance, noon());
    assert!(matches!(next, Err(CounterError::Store(_))), "{next:?}");
    assert!(town.terminal.commit_together().is_err());
    assert_eq!(town.terminal.status(noon()).expect("readable").head, before);
    assert_eq!(verdict(&town.redeem(&request(&tokens[1], "lunch"), noon())), "accepted");
}

#[test]
fn a_clock_that_runs_ahead_does_not_make_the_same_ask_a_new_one() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let scan = Request { ask: Some("button-1".into()), ..request(&token, "lunch") };
    let first = town.redeem(&scan, noon());
    let ahead = noon().plus_days(60);
    town.terminal.outbound(&town.office.id, &mut town.chance, ahead).expect("a question");
    assert_eq!(town.redeem(&scan, noon().plus_ms(1000)), first, "the same answer, not a refusal");
}
