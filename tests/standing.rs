//! What is claimed every month by itself: once, whatever happens in between.
#![cfg(feature = "terminal")]

mod town;

use proptest::prelude::*;
use teilhabe::admit::scan::code_text;
use teilhabe::admit::status::Status;
use teilhabe::admit::token::Token;
use teilhabe::book::entry::Body;
use teilhabe::book::redemption::SeenAs;
use teilhabe::shell::store::terminal::TerminalStore;
use teilhabe::terminal::Terminal;
use teilhabe::terminal::counter::{CounterError, NotWellFormed, Request};
use teilhabe::terminal::standing::{MonthState, StandingAnswer, StandingRequest};
use teilhabe::words::benefit::{Benefit, Measure, Period};
use teilhabe::words::cents::Cents;
use teilhabe::words::civil::CivilMonth;
use teilhabe::words::ids::{Handle, TokenId};
use teilhabe::words::service::Pricing;
use teilhabe::words::time::UtcMs;
use town::*;

/// An office that has agreed a monthly flat for lunch, too.
fn office() -> PaperOffice {
    let mut office = PaperOffice::new("05562032", 1);
    office.services.push(service("kita", Benefit::Lunch, Pricing::Monthly, 6_000));
    office
}

fn month(text: &str) -> CivilMonth {
    CivilMonth::parse(text).expect("a month")
}

/// A card of child 1 with plenty of everything, valid from `from` to before `until`.
fn card(town: &Town, id: u8, from: &str, until: &str) -> String {
    let plenty = allowance(Benefit::Participation, &[ceiling(Period::Validity, Measure::Cents, 1_000_000)]);
    let flat = allowance(Benefit::Lunch, &[ceiling(Period::Month, Measure::Units, 31)]);
    let plain = town.office.plain_token(Handle([1; 8]), TokenId([id; 16]), id.into(), vec![plenty, flat]);
    code_text(&Token { not_before: month(from).first_day().midnight(), expires: month(until).first_day().midnight(), ..plain }.seal(&town.office.key))
}

fn standing(token: &str, name: &str) -> StandingRequest {
    StandingRequest { ask: None, code: token.into(), service: code(name), cents: None, from: None }
}

fn register(town: &mut Town, request: &StandingRequest, now: UtcMs) -> i64 {
    match town.terminal.register_standing(request, &mut town.chance, now).expect("an answer") {
        StandingAnswer::Registered { id, .. } => id,
        StandingAnswer::Refused(refused) => panic!("{refused:?}"),
    }
}

fn news(town: &mut Town, now: UtcMs, statuses: &[(u64, Status)]) {
    town.office.stop(now, statuses);
    town.exchange(now);
}

fn claim(town: &mut Town, now: UtcMs) -> Vec<String> {
    town.terminal.claim_standing(&mut town.chance, now).expect("stored").iter().map(|c| format!("{} {}", c.month, c.cents.get())).collect()
}

fn states(town: &mut Town, now: UtcMs) -> Vec<(String, MonthState)> {
    let views = town.terminal.standing(12, now).expect("readable");
    views[0].months.iter().rev().map(|m| (m.month.to_string(), m.state.clone())).collect()
}

#[test]
fn a_membership_is_claimed_every_month_until_the_card_ends_and_goes_on_with_the_next() {
    let mut town = Town::with(office());
    let token = card(&town, 1, "2026-08", "2027-01");
    let id = register(&mut town, &standing(&token, "choir"), noon());
    assert_eq!(claim(&mut town, noon()), ["2026-11 1200"], "in the month of registration on its day");
    assert!(claim(&mut town, noon()).is_empty());
    let again = town.terminal.register_standing(&standing(&token, "choir"), &mut town.chance, noon()).expect("an answer");
    assert_eq!(again, StandingAnswer::Registered { id, hint: Some("K01".into()), before: true });
    // switched off until February: December is caught up on, January's card has not come
    let february = at("2027-02-10T09:00:00Z");
    assert!(claim(&mut town, february).is_empty(), "the office's last word is too old");
    news(&mut town, february, &[]);
    assert_eq!(claim(&mut town, february), ["2026-12 1200"]);
    let expected = [
        ("2026-11".to_owned(), MonthState::Claimed),
        ("2026-12".to_owned(), MonthState::Claimed),
        ("2027-01".to_owned(), MonthState::Refused("expired".into())),
        ("2027-02".to_owned(), MonthState::Refused("expired".into())),
    ];
    assert_eq!(states(&mut town, february), expected);
    let new = card(&town, 2, "2027-01", "2027-07");
    town.redeem(&Request { cents: Some(Cents::new(100)), months: 1, ..request(&new, "judo") }, february);
    assert_eq!(claim(&mut town, february), ["2027-01 1200", "2027-02 1200"]);
    town.exchange(february);
    let claims: Vec<_> = town.office.lines.iter().filter_map(|e| if let Body::Redemption(r) = &e.body { Some(r) } else { None }).collect();
    let days: Vec<String> = claims.iter().filter(|r| r.service == code("choir")).map(|r| r.day.to_string()).collect();
    assert_eq!(days, ["2026-11-23", "2026-12-01", "2027-01-01", "2027-02-01"]);
    assert!(claims.iter().filter(|r| r.service == code("choir")).all(|r| r.seen_as == SeenAs::List), "nobody showed a card");
    town.terminal.end_standing(id, Some(month("2027-02")), february).expect("ended");
    news(&mut town, at("2027-03-02T09:00:00Z"), &[]);
    assert!(claim(&mut town, at("2027-03-02T09:00:00Z")).is_empty());
    town.terminal.end_standing(id, None, february).expect("goes on");
    assert_eq!(claim(&mut town, at("2027-03-02T09:00:00Z")), ["2027-03 1200"]);
    town.terminal.verify().expect("whole");
}

#[test]
fn what_was_recorded_by_hand_or_taken_back_is_left_alone() {
    let mut town = Town::with(office());
    let token = card(&town, 1, "2026-08", "2027-08");
    town.redeem(&Request { months: 1, ..request(&token, "choir") }, noon());
    register(&mut town, &standing(&token, "choir"), noon());
    assert!(claim(&mut town, noon()).is_empty());
    assert_eq!(states(&mut town, noon()), [("2026-11".to_owned(), MonthState::ByHand)]);
    let december = at("2026-12-02T09:00:00Z");
    news(&mut town, december, &[]);
    let seq = town.terminal.claim_standing(&mut town.chance, december).expect("stored")[0].seq;
    town.terminal.cancel(seq, code("typo"), &mut town.chance, december).expect("cancelled");
    assert!(claim(&mut town, december).is_empty(), "a correction is not undone by the box");
    assert_eq!(states(&mut town, december)[1].1, MonthState::Cancelled);
}

#[test]
fn a_fee_has_its_amount_and_what_has_a_price_a_unit_is_not_claimed_by_the_month() {
    let mut town = Town::with(office());
    let token = card(&town, 1, "2026-08", "2027-08");
    let wrong = |town: &mut Town, request: StandingRequest| match town.terminal.register_standing(&request, &mut town.chance, noon()) {
        Err(CounterError::NotWellFormed(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(wrong(&mut town, standing(&token, "lunch")), NotWellFormed::CannotStand);
    assert_eq!(wrong(&mut town, standing(&token, "maths")), NotWellFormed::CannotStand);
    assert_eq!(wrong(&mut town, standing(&token, "judo")), NotWellFormed::CannotStand);
    assert_eq!(wrong(&mut town, StandingRequest { cents: Some(Cents::ZERO), ..standing(&token, "judo") }), NotWellFormed::AmountOutOfRange);
    let far = StandingRequest { from: Some(month("2030-01")), ..standing(&token, "choir") };
    assert_eq!(wrong(&mut town, far), NotWellFormed::MonthTooFar(month("2030-01")));
    let fee = StandingRequest { cents: Some(Cents::new(1_500)), from: Some(month("2026-09")), ..standing(&token, "judo") };
    register(&mut town, &fee, noon());
    assert_eq!(claim(&mut town, noon()), ["2026-09 1500", "2026-10 1500", "2026-11 1500"]);
    let old = card(&town, 9, "2026-01", "2026-10");
    let expired = town.terminal.register_standing(&standing(&old, "choir"), &mut town.chance, noon()).expect("an answer");
    assert!(matches!(&expired, StandingAnswer::Refused(refused) if refused.reason.code() == "expired"), "{expired:?}");
    assert!(town.terminal.end_standing(99, None, noon()).is_err());
}

#[test]
fn a_flat_is_claimed_once_the_child_was_there_and_never_for_a_month_away() {
    let mut town = Town::with(office());
    let token = card(&town, 1, "2026-08", "2027-08");
    let id = register(&mut town, &standing(&token, "kita"), noon());
    assert!(claim(&mut town, noon()).is_empty(), "the first day is not over");
    town.terminal.mark_away(id, day("2026-11-23"), true, noon()).expect("marked");
    assert!(claim(&mut town, noon().plus_days(1)).is_empty(), "away on the only day so far");
    assert_eq!(claim(&mut town, noon().plus_days(2)), ["2026-11 6000"], "there on the 24th");
    // away all December
    for on in 1..=31 {
        town.terminal.mark_away(id, day(&format!("2026-12-{on:02}")), true, noon()).expect("marked");
    }
    let january = at("2027-01-01T09:00:00Z");
    news(&mut town, january, &[]);
    assert!(claim(&mut town, january).is_empty());
    assert_eq!(states(&mut town, january)[1].1, MonthState::Away);
    // one mark was a mistake
    town.terminal.mark_away(id, day("2026-12-10"), false, january).expect("taken back");
    assert_eq!(claim(&mut town, january), ["2026-12 6000"]);
    let far = town.terminal.mark_away(id, day("2026-10-01"), true, january);
    assert!(matches!(far, Err(CounterError::NotWellFormed(NotWellFormed::NoAbsence(_)))), "{far:?}");
}

/// What may happen to a box between two looks at what is due.
#[derive(Clone, Copy, Debug)]
enum Step {
    Days(u64),
    Restart,
    News,
    Suspended,
    ByHand,
    CancelLast,
    Claim,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u64..25).prop_map(Step::Days),
        1 => Just(Step::Restart),
        2 => Just(Step::News),
        1 => Just(Step::Suspended),
        1 => Just(Step::ByHand),
        1 => Just(Step::CancelLast),
        4 => Just(Step::Claim),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn every_month_is_claimed_exactly_once(steps in proptest::collection::vec(step(), 1..40)) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("terminal.db");
        let mut town = Town::on(TerminalStore::open(&path).expect("a database"), office());
        let token = card(&town, 1, "2026-08", "2027-08");
        let mut now = noon();
        register(&mut town, &standing(&token, "choir"), now);
        let mut cancelled = Vec::new();
        for step in steps {
            match step {
                Step::Days(days) => now = now.plus_days(days),
                Step::Restart => {
                    let empty = Terminal::create(TerminalStore::open_in_memory().expect("a database"), keys(51), Default::default(), &mut town.chance, now);
                    drop(std::mem::replace(&mut town.terminal, empty.expect("created")));
                    town.terminal = Terminal::open(TerminalStore::open(&path).expect("the same"), keys(50), now).expect("opens");
                }
                Step::News => town.office.stop(now, &[]),
                Step::Suspended => town.office.stop(now, &[(1, Status::Suspended)]),
                Step::ByHand => drop(town.redeem(&Request { months: 1, ..request(&token, "choir") }, now)),
                Step::CancelLast => {
                    let done = town.terminal.standing(12, now).expect("readable")[0].months.iter().find_map(|m| m.known.as_ref()?.seq.map(|seq| (m.month, seq)));
                    if let Some((month, seq)) = done {
                        town.terminal.cancel(seq, code("typo"), &mut town.chance, now).expect("cancelled");
                        cancelled.push(month);
                    }
                }
                Step::Claim => drop(claim(&mut town, now)),
            }
            if matches!(step, Step::News | Step::Suspended) {
                // The envelope key is new after a restart, so news come as they would by any exchange.
                town.enrol(now);
                town.exchange(now);
            }
        }
        now = now.plus_days(1);
        town.enrol(now);
        news(&mut town, now, &[]);
        claim(&mut town, now);
        let months: Vec<CivilMonth> = (0..=teilhabe::words::civil::CivilDay::of(now).month().since(month("2026-11")))
            .map(|more| month("2026-11").plus(more)).filter(|m| *m < month("2027-08")).collect();
        let in_time = now < at("2027-10-25T00:00:00Z");
        for month in months {
            let (first, last) = (month.first_day().days(), month.last_day().days());
            let sql = "SELECT count(*), count(*) FILTER (WHERE cancelled_by IS NULL) FROM redemption WHERE service = 'choir' AND day BETWEEN ?1 AND ?2";
            let (all, live): (u32, u32) = town.terminal.store().connection().query_row(sql, (first, last), |row| Ok((row.get(0)?, row.get(1)?))).expect("readable");
            prop_assert!(live <= 1);
            if cancelled.contains(&month) {
                continue; // A person has taken it back, and may have recorded it by hand again.
            }
            prop_assert_eq!((all, live), if in_time { (1, 1) } else { (all, all.min(1)) }, "{}", month);
        }
        prop_assert!(town.terminal.verify().is_ok());
    }
}

#[test]
fn a_fee_of_another_day_of_the_month_is_not_claimed_again() {
    let mut town = Town::with(office());
    let token = card(&town, 1, "2026-08", "2027-08");
    let judo = StandingRequest { cents: Some(Cents::new(1_500)), ..standing(&token, "judo") };
    let by_hand = Request { cents: judo.cents, months: 1, day: Some(day("2026-11-03")), ..request(&token, "judo") };
    town.redeem(&by_hand, noon());
    let first = register(&mut town, &StandingRequest { from: Some(month("2026-09")), ..judo.clone() }, noon());
    assert_eq!(claim(&mut town, noon()), ["2026-09 1500", "2026-10 1500"], "November was paid by hand, on another day");
    assert_eq!(states(&mut town, noon())[2].1, MonthState::ByHand);
    // ended, registered anew in the middle of a month, and the end of the first taken back
    town.terminal.end_standing(first, Some(month("2026-11")), noon()).expect("ended");
    let december = at("2026-12-10T09:00:00Z");
    news(&mut town, december, &[]);
    register(&mut town, &judo, december);
    assert_eq!(claim(&mut town, december), ["2026-12 1500"]);
    town.terminal.end_standing(first, None, december).expect("goes on");
    assert!(claim(&mut town, december).is_empty(), "December is paid, on the tenth");
    // a fee with a charge of its own is another one
    let camp = Request { charge: Some(code("camp")), day: Some(day("2027-01-02")), ..by_hand };
    let january = at("2027-01-10T09:00:00Z");
    news(&mut town, january, &[]);
    town.redeem(&camp, january);
    assert_eq!(claim(&mut town, january), ["2027-01 1500"]);
}

#[test]
fn a_month_that_no_card_pays_does_not_stop_those_that_follow() {
    let mut town = Town::with(office());
    let token = card(&town, 1, "2026-08", "2027-02");
    register(&mut town, &standing(&token, "choir"), noon());
    assert_eq!(claim(&mut town, noon()), ["2026-11 1200"]);
    news(&mut town, at("2026-12-02T09:00:00Z"), &[(1, Status::Revoked)]);
    assert!(claim(&mut town, at("2026-12-02T10:00:00Z")).is_empty());
    let february = at("2027-02-03T09:00:00Z");
    news(&mut town, february, &[(1, Status::Revoked)]);
    let next = card(&town, 2, "2027-02", "2027-08");
    town.redeem(&Request { cents: Some(Cents::new(100)), months: 1, ..request(&next, "judo") }, february);
    assert_eq!(claim(&mut town, february), ["2027-02 1200"], "the approval that ended early is no reason to stop");
}

#[test]
fn a_fee_that_was_paid_before_a_restore_is_not_claimed_by_the_month_again() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut town = Town::on(TerminalStore::open(&dir.path().join("old.db")).expect("a database"), office());
    let token = card(&town, 1, "2026-08", "2027-08");
    let judo = StandingRequest { cents: Some(Cents::new(1_500)), from: Some(month("2026-10")), ..standing(&token, "judo") };
    town.redeem(&Request { cents: judo.cents, months: 1, day: Some(day("2026-10-09")), ..request(&token, "judo") }, noon());
    town.exchange(noon());
    let copy = dir.path().join("copy.db");
    town.terminal.store().copy_to(&copy).expect("copied");
    let (mut store, new_keys) = (TerminalStore::open(&copy).expect("the copy"), keys(60));
    let restored = Terminal::continue_from(&mut store, &new_keys, &mut town.chance, noon()).expect("restored");
    assert_eq!(restored.entered_again, 0, "the office has it");
    town.terminal = Terminal::open(store, new_keys, noon()).expect("opens");
    town.enrol(noon());
    town.exchange(noon());
    register(&mut town, &judo, noon());
    assert_eq!(claim(&mut town, noon()), ["2026-11 1500"], "October was paid on the ninth, by the earlier box");
}
