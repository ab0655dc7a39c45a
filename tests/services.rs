//! What is recorded for each kind of service: lessons by two scans, fees whose rest waits, held entries that make up for themselves.
#![cfg(feature = "terminal")]

mod town;

use proptest::prelude::*;
use teilhabe::admit::scan::code_text;
use teilhabe::admit::token::Token;
use teilhabe::shell::store::terminal::{Details, TerminalStore};
use teilhabe::terminal::Terminal;
use teilhabe::terminal::correct::{Corrected, Correction};
use teilhabe::terminal::counter::{Accepted, Answer, CounterError, NotWellFormed, Request};
use teilhabe::terminal::held::{HeldAnswer, HoldRequest};
use teilhabe::terminal::lessons::{LessonAnswer, LessonRequest};
use teilhabe::terminal::people::Forgotten;
use teilhabe::terminal::standing::{MonthState, StandingRequest};
use teilhabe::words::benefit::{Benefit, Measure, Period};
use teilhabe::words::cents::Cents;
use teilhabe::words::civil::CivilMonth;
use teilhabe::words::ids::{Handle, TokenId};
use teilhabe::words::reason::Reason;
use teilhabe::words::time::UtcMs;
use town::*;

/// A time on the day most tests play on, by the clock in Berlin.
fn clock(text: &str) -> UtcMs {
    clock_on("2026-11-23", text)
}

fn clock_on(date: &str, text: &str) -> UtcMs {
    let (hour, minute) = text.split_once(':').expect("a time");
    day(date).at_minute(hour.parse::<u32>().expect("hour") * 60 + minute.parse::<u32>().expect("minute"))
}

fn accepted(answer: Answer) -> Accepted {
    match answer {
        Answer::Accepted(accepted) => accepted,
        Answer::Refused(refused) => panic!("{refused:?}"),
    }
}

fn lesson(token: &str, operator: Option<&str>) -> LessonRequest {
    LessonRequest { code: token.into(), service: Some(code("maths")), operator: operator.map(Into::into), ..LessonRequest::default() }
}

/// What a scan for a lesson came to, in a few words.
fn scan(town: &mut Town, request: &LessonRequest, now: UtcMs) -> String {
    match town.terminal.lesson(request, &mut town.chance, now).expect("an answer") {
        LessonAnswer::Started { minute, .. } => format!("started {minute}"),
        LessonAnswer::Running { minutes, to_unit, .. } => format!("running {minutes} {to_unit:?}"),
        LessonAnswer::Ended { lesson, units, accepted, .. } => {
            format!("ended {}-{} {units} {}", lesson.start, lesson.end, accepted.cents.get())
        }
        LessonAnswer::Taken(_) => "taken".into(),
        LessonAnswer::Refused(refused) => refused.reason.code().to_owned(),
    }
}

#[test]
fn a_forgotten_card_ends_a_lesson_and_the_record_says_so() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let mia = town.terminal.add_person(&Details { name: "Mia".into(), ..Details::default() }, clock("13:00")).expect("added");
    town.terminal.join_person(mia.id, &token, false, clock("13:00")).expect("done").expect("joined");
    let forgotten = LessonRequest { person: Some(mia.id), forgotten: true, why_forgotten: Some(Forgotten::Lost), ..lesson("", None) };
    let unsaid = LessonRequest { why_forgotten: None, ..forgotten.clone() };
    let refused = town.terminal.lesson(&unsaid, &mut town.chance, clock("14:00"));
    assert!(matches!(refused, Err(CounterError::NotWellFormed(NotWellFormed::WhyForgotten))), "{refused:?}");
    assert_eq!(scan(&mut town, &lesson(&token, None), clock("14:01")), "started 840");
    assert!(scan(&mut town, &forgotten, clock("14:20")).starts_with("running"));
    let ended = town.terminal.lesson(&forgotten, &mut town.chance, clock("14:46")).expect("an answer");
    let LessonAnswer::Ended { accepted, .. } = ended else { panic!("{ended:?}") };
    assert_eq!(accepted.person, Some(mia.id));
    let by_list = town.terminal.store().read(|tx| tx.by_list()).expect("readable");
    assert_eq!(by_list, [(accepted.entries[0].seq, "lost".to_owned())]);
}

#[test]
fn two_scans_make_a_lesson_of_whole_units() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let maths = lesson(&token, Some("T1"));
    for (at, told) in [
        ("14:03", "started 840"),
        ("14:03", "running 3 Some(40)"),
        ("14:20", "running 20 Some(23)"),
        ("14:47", "ended 840-885 1 2500"),
        // the next one follows at once, and never begins before the last has ended
        ("14:48", "started 885"),
        ("16:17", "ended 885-975 2 5000"),
        ("18:08", "started 1088"),
    ] {
        assert_eq!(scan(&mut town, &maths, clock(at)), told, "{at}");
    }
    assert_eq!(town.terminal.open_lessons(clock("18:09")).expect("readable").len(), 1);
    town.terminal.verify().expect("whole");
    town.exchange(clock("19:00"));
    let recorded = |e: &teilhabe::book::entry::Entry| match &e.body {
        teilhabe::book::entry::Body::Redemption(r) => Some((r.lesson.expect("a time").start, r.units, r.operator.clone())),
        _ => None,
    };
    let lines: Vec<_> = town.office.lines.iter().filter_map(recorded).collect();
    assert_eq!(lines, [(840, 1, Some("T1".into())), (885, 2, Some("T1".into()))]);
}

#[test]
fn the_operator_of_the_start_is_kept_and_a_group_begins_and_ends_at_one_time() {
    let mut town = Town::new();
    let cards: Vec<String> = (1..=3).map(|number| town.office.token(number, allowances())).collect();
    for (card, at) in cards.iter().zip(["14:07", "14:08", "14:09"]) {
        assert_eq!(scan(&mut town, &lesson(card, Some("T1")), clock(at)), "started 847", "one group");
    }
    assert_eq!(scan(&mut town, &lesson(&cards[0], None), clock("15:00")), "ended 847-900 1 2500");
    assert_eq!(scan(&mut town, &lesson(&cards[1], None), clock("15:02")), "ended 847-900 1 2500", "the same end");
    assert_eq!(scan(&mut town, &lesson(&cards[2], None), clock("15:40")), "lesson_overlap", "the tutor cannot have been in two lessons");
    town.exchange(clock("16:00"));
    let operators = town.office.lines.iter().filter_map(|e| match &e.body {
        teilhabe::book::entry::Body::Redemption(r) => Some(r.operator.clone()),
        _ => None,
    });
    assert_eq!(operators.collect::<Vec<_>>(), [Some("T1".to_owned()), Some("T1".to_owned())]);
}

#[test]
fn a_lesson_left_open_yesterday_is_completed_by_its_end_or_given_up() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let maths = lesson(&token, None);
    assert_eq!(scan(&mut town, &maths, clock("14:00")), "started 840");
    assert_eq!(scan(&mut town, &maths, clock_on("2026-11-24", "15:00")), "started 900", "a new day, a new lesson");
    let open = town.terminal.open_lessons(clock_on("2026-11-24", "15:01")).expect("readable");
    assert_eq!(open.iter().map(|l| (l.day, l.not_ended)).collect::<Vec<_>>(), [(day("2026-11-24"), false), (day("2026-11-23"), true)]);
    let number = open[1].number.expect("the card it began with").to_string();
    let complete = Request { day: Some(day("2026-11-23")), starts: Some(840), ends: Some(930), ..request(&number, "maths") };
    let done = accepted(town.redeem(&complete, clock_on("2026-11-24", "15:02")));
    assert_eq!(done.cents.get(), 5000);
    assert_eq!(town.terminal.open_lessons(clock_on("2026-11-24", "15:03")).expect("readable").len(), 1);
    town.terminal.verify().expect("whole");
    // cancelled, it is open again
    town.terminal.cancel(done.entries[0].seq, code("typo"), &mut town.chance, clock_on("2026-11-24", "15:04")).expect("cancelled");
    let open = town.terminal.open_lessons(clock_on("2026-11-24", "15:05")).expect("readable");
    assert_eq!(open.len(), 2);
    town.terminal.give_up_lesson(open[1].seq, clock_on("2026-11-24", "15:06")).expect("given up");
    assert_eq!(town.terminal.open_lessons(clock_on("2026-11-24", "15:07")).expect("readable").len(), 1);
    assert!(town.terminal.give_up_lesson(9_999, clock_on("2026-11-24", "15:08")).is_err());
    town.terminal.verify().expect("whole");
}

#[test]
fn typed_times_of_a_lesson_count_as_they_are_and_never_ahead() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    let typed = |starts, ends| LessonRequest { starts, ends, ..lesson(&token, None) };
    let wrong = |town: &mut Town, request: &LessonRequest, at| match town.terminal.lesson(request, &mut town.chance, clock(at)) {
        Err(CounterError::NotWellFormed(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(wrong(&mut town, &typed(None, Some(885)), "14:50"), NotWellFormed::NoLessonBegun);
    assert_eq!(wrong(&mut town, &typed(Some(960), None), "14:50"), NotWellFormed::NotGivenYet("16:00".into()));
    assert_eq!(scan(&mut town, &typed(Some(840), Some(885)), clock("14:50")), "ended 840-885 1 2500", "both at once");
    assert_eq!(scan(&mut town, &typed(Some(900), None), clock("15:20")), "started 900");
    assert_eq!(wrong(&mut town, &typed(None, Some(1000)), "15:50"), NotWellFormed::NotGivenYet("16:40".into()));
    assert_eq!(wrong(&mut town, &typed(None, Some(910)), "15:50"), NotWellFormed::LessonTooShort(45));
    assert_eq!(scan(&mut town, &typed(None, Some(948)), clock("15:50")), "ended 900-948 1 2500");
    let lunch = LessonRequest { service: Some(code("lunch")), ..lesson(&token, None) };
    assert_eq!(wrong(&mut town, &lunch, "15:51"), NotWellFormed::NoLesson);
    // a look names no time
    let look = Request { months: 1, ..request(&token, "maths") };
    let answer = accepted(town.terminal.check(&look, clock("17:00")).expect("an answer"));
    assert_eq!((answer.cents.get(), answer.remaining[0].left), (2500, 32));
}

/// A card for the child `number`, valid from `from` to before `until`, with `budget` cents of participation.
fn card(town: &Town, number: u8, id: u8, (from, until): (&str, &str), period: Period, budget: u64) -> String {
    let month = |text| CivilMonth::parse(text).expect("a month").first_day().midnight();
    let mut allowances = allowances();
    allowances[1] = allowance(Benefit::Participation, &[ceiling(period, Measure::Cents, budget)]);
    let plain = town.office.plain_token(Handle([number; 8]), TokenId([id; 16]), u64::from(id), allowances);
    code_text(&Token { not_before: month(from), expires: month(until), ..plain }.seal(&town.office.key))
}

fn fee(token: &str, cents: i64, months: u32) -> Request {
    Request { cents: Some(Cents::new(cents)), months, hold_rest: true, ..request(token, "judo") }
}

/// News of the office of that time, so that its word is fresh.
fn news(town: &mut Town, now: UtcMs) {
    town.office.stop(now, &[]);
    town.exchange(now);
}

#[test]
fn what_exceeds_the_budget_waits_for_the_follow_up_approval() {
    let mut town = Town::new();
    let old = card(&town, 1, 1, ("2026-08", "2027-02"), Period::Validity, 9_000);
    let answer = accepted(town.redeem(&fee(&old, 12_000, 1), noon()));
    assert_eq!((answer.cents.get(), answer.own_share.get(), answer.held_rest[0].cents.get()), (9_000, 0, 3_000));
    assert_eq!(town.terminal.open_held().expect("readable")[0].why, code("ceiling_reached"));
    // what the old card does not allow, it does not allow later either
    assert!(accepted(town.redeem(&request(&old, "lunch"), noon())).settled.is_empty());
    let spring = at("2027-02-03T11:00:00Z");
    news(&mut town, spring);
    let new = card(&town, 1, 2, ("2027-02", "2027-08"), Period::Validity, 9_000);
    let lunch = accepted(town.redeem(&request(&new, "lunch"), spring));
    assert_eq!(lunch.settled.iter().map(|s| (s.day, s.cents.get())).collect::<Vec<_>>(), [(day("2027-02-01"), 3_000)]);
    assert!(town.terminal.open_held().expect("readable").is_empty());
    town.terminal.verify().expect("whole");
}

#[test]
fn months_beyond_the_approval_are_held_each_and_made_up_for_in_their_time() {
    let mut town = Town::new();
    let old = card(&town, 1, 1, ("2026-08", "2027-01"), Period::Validity, 9_000);
    let look = accepted(town.terminal.check(&fee(&old, 6_000, 4), noon()).expect("an answer"));
    assert_eq!(look.plan.iter().map(|s| (s.day, s.cents.get())).collect::<Vec<_>>(), [(day("2026-11-23"), 1_500), (day("2026-12-01"), 1_500)]);
    assert_eq!(look.held_rest.iter().map(|r| (r.seq, r.day)).collect::<Vec<_>>(), [(0, day("2027-01-01")), (0, day("2027-02-01"))]);
    let answer = accepted(town.redeem(&fee(&old, 6_000, 4), noon()));
    assert_eq!((answer.entries.len(), answer.cents.get(), answer.held_rest.len()), (2, 3_000, 2));
    assert_eq!(verdict(&town.redeem(&Request { hold_rest: false, ..fee(&old, 6_000, 4) }, noon())), "already_redeemed");
    let january = at("2027-01-04T11:00:00Z");
    news(&mut town, january);
    let new = card(&town, 1, 2, ("2027-01", "2027-07"), Period::Validity, 9_000);
    let settled = accepted(town.redeem(&request(&new, "lunch"), january)).settled;
    assert_eq!(settled.iter().map(|s| s.day).collect::<Vec<_>>(), [day("2027-01-01"), day("2027-02-01")]);
}

#[test]
fn a_budget_by_the_month_pays_the_rest_month_by_month() {
    let mut town = Town::new();
    let token = card(&town, 1, 1, ("2026-08", "2027-02"), Period::Month, 1_500);
    let answer = accepted(town.redeem(&fee(&token, 4_000, 1), noon()));
    assert_eq!((answer.cents.get(), answer.held_rest[0].cents.get(), answer.settled.len()), (1_500, 2_500, 0));
    let mut claimed = Vec::new();
    for date in ["2026-12-02T11:00:00Z", "2026-12-03T11:00:00Z", "2027-01-04T11:00:00Z", "2027-01-05T11:00:00Z"] {
        news(&mut town, at(date));
        claimed.extend(town.terminal.settle_held(&mut town.chance, at(date)).expect("stored").iter().map(|s| (s.day, s.cents.get())));
    }
    assert_eq!(claimed, [(day("2026-12-01"), 1_500), (day("2027-01-01"), 1_000)]);
    town.terminal.verify().expect("whole");
}

#[test]
fn an_undone_fee_takes_its_rest_with_it_and_a_correction_is_not_undone_by_the_box() {
    let mut town = Town::new();
    let token = card(&town, 1, 1, ("2026-08", "2027-02"), Period::Month, 1_500);
    let answer = accepted(town.redeem(&fee(&token, 4_000, 1), noon()));
    let held = answer.held_rest[0].seq;
    town.terminal.cancel(answer.entries[0].seq, code("typo"), &mut town.chance, noon()).expect("cancelled");
    assert!(town.terminal.open_held().expect("readable").is_empty(), "no fee, no rest of it");
    let by_hand = Request { code: token.clone(), held: Some(held), months: 1, ..Request::default() };
    let void = town.terminal.redeem(&by_hand, &mut town.chance, noon());
    assert!(matches!(void, Err(CounterError::NotWellFormed(NotWellFormed::HeldIsVoid(_)))), "{void:?}");

    // a held meal that was made up for by itself and then cancelled waits for a person
    let meal = held_meal(&mut town, &token, "2026-11-20");
    let settled = accepted(town.redeem(&request(&token, "lunch"), noon())).settled;
    assert_eq!((settled[0].held, settled[0].day), (meal.seq, day("2026-11-20")));
    town.terminal.cancel(settled[0].seq, code("typo"), &mut town.chance, noon()).expect("cancelled");
    assert_eq!(town.terminal.open_held().expect("readable").len(), 1);
    let tomorrow = noon().plus_days(1);
    assert!(accepted(town.redeem(&request(&token, "lunch"), tomorrow)).settled.is_empty());
    assert!(town.terminal.settle_held(&mut town.chance, tomorrow).expect("stored").is_empty());
    accepted(town.redeem(&Request { held: Some(meal.seq), ..Request { code: token, months: 1, ..Request::default() } }, tomorrow));
}

fn held_meal(town: &mut Town, token: &str, on: &str) -> HeldAnswer {
    let hold = HoldRequest {
        ask: None,
        code: Some(token.into()),
        person: None,
        alias: None,
        service: code("lunch"),
        day: Some(day(on)),
        cents: None,
        why: Reason::Expired,
    };
    town.terminal.hold(&hold, &mut town.chance, noon()).expect("held")
}

#[test]
fn held_meals_of_an_expired_card_are_made_up_for_by_the_next_one_and_no_other_child() {
    let mut town = Town::new();
    let old = card(&town, 1, 1, ("2026-08", "2026-11"), Period::Validity, 9_000);
    for on in ["2026-11-20", "2026-11-23", "2026-11-23"] {
        held_meal(&mut town, &old, on);
    }
    let other = card(&town, 2, 2, ("2026-11", "2027-05"), Period::Validity, 9_000);
    assert!(accepted(town.redeem(&request(&other, "lunch"), noon())).settled.is_empty(), "another child's");
    let new = card(&town, 1, 3, ("2026-11", "2027-05"), Period::Validity, 9_000);
    let asked = Request { ask: Some("a1".into()), ..request(&new, "lunch") };
    assert!(accepted(town.terminal.check(&asked, noon()).expect("an answer")).settled.is_empty(), "a look records nothing");
    let first = accepted(town.redeem(&asked, noon()));
    assert_eq!(first.settled.iter().map(|s| s.day).collect::<Vec<_>>(), [day("2026-11-20")], "and today's meal is the one held today");
    assert_eq!(accepted(town.redeem(&asked, noon())), first, "the same ask, the same answer");
    assert!(town.terminal.open_held().expect("readable").is_empty(), "what was held twice was eaten once");
    assert_eq!(town.terminal.day(day("2026-11-23")).expect("readable").count, 2);
    town.terminal.verify().expect("whole");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// A fee with its rest held, made up for by whatever cards come: never more than was asked for, never less than is said to wait.
    #[test]
    fn a_fee_and_its_rest_never_come_to_more_than_was_asked(
        cents in 1i64..30_000, months in 1u32..=6, budget in 0u64..12_000, period in 0usize..4, later in proptest::collection::vec(0u64..12_000, 0..3),
        undo in any::<bool>(),
    ) {
        let period = [Period::Month, Period::Validity, Period::Accrued, Period::Week][period];
        let mut town = Town::new();
        let mut token = card(&town, 1, 1, ("2026-10", "2027-01"), period, budget);
        let answer = town.redeem(&fee(&token, cents, months), noon());
        let mut steps: Vec<UtcMs> = (1u64..8).map(|month| noon().plus_days(month * 30)).collect();
        steps.insert(0, noon());
        for (step, now) in steps.into_iter().enumerate() {
            news(&mut town, now);
            let until = [("2027-01", "2027-03"), ("2027-03", "2027-06"), ("2027-06", "2027-08")];
            if let (Some(budget), Some(months)) = (later.get(step / 2), until.get(step / 2)) {
                token = card(&town, 1, u8::try_from(step).expect("few") + 2, *months, period, *budget);
                let _ = town.redeem(&request(&token, "lunch"), now);
            }
            town.terminal.settle_held(&mut town.chance, now).expect("stored");
            if undo && step == 3 && let Answer::Accepted(first) = &answer {
                town.terminal.cancel(first.entries[0].seq, code("typo"), &mut town.chance, now).expect("cancelled");
            }
            let claimed: i64 = town.terminal.store().connection()
                .query_row("SELECT coalesce(sum(cents), 0) FROM redemption WHERE service = 'judo' AND cancelled_by IS NULL", [], |row| row.get(0))
                .expect("readable");
            let waits: i64 = town.terminal.open_held().expect("readable").iter().map(|h| h.held.cents.get()).sum();
            prop_assert!(claimed + waits <= cents, "{claimed} claimed, {waits} wait, {cents} asked");
            if matches!(&answer, Answer::Accepted(_)) && !undo {
                prop_assert_eq!(claimed + waits, cents);
            }
        }
        prop_assert!(town.terminal.verify().is_ok());
    }
}

#[test]
fn a_correction_claims_nothing_again_that_another_card_has_paid() {
    let mut town = Town::new();
    let small = card(&town, 1, 1, ("2026-10", "2027-01"), Period::Validity, 1_500);
    let first = accepted(town.redeem(&fee(&small, 5_000, 1), noon()));
    assert_eq!((first.cents.get(), first.held_rest[0].cents.get()), (1_500, 3_500));
    let large = card(&town, 1, 2, ("2026-10", "2027-01"), Period::Validity, 100_000);
    assert_eq!(accepted(town.redeem(&request(&large, "lunch"), noon())).settled.len(), 1);
    let wrong_day = Correction {
        ask: None,
        seq: first.entries[0].seq,
        service: None,
        day: Some(day("2026-11-20")),
        cents: None,
        starts: None,
        ends: None,
        months: 1,
    };
    let corrected = town.terminal.correct(&wrong_day, &mut town.chance, noon()).expect("an answer");
    assert!(matches!(&corrected, Corrected::Done { accepted, .. } if accepted.cents.get() == 1_500), "{corrected:?}");
    let sql = "SELECT sum(cents) FROM redemption WHERE service = 'judo' AND cancelled_by IS NULL";
    let claimed: i64 = town.terminal.store().connection().query_row(sql, [], |row| row.get(0)).expect("a sum");
    assert_eq!((claimed, town.terminal.open_held().expect("readable").len()), (5_000, 0));
    town.terminal.verify().expect("whole");
    // what its index calls settled by an entry that is none would be lost
    town.terminal.store().connection().execute("UPDATE held SET settled_by = 1", []).expect("changed");
    let error = town.terminal.verify().expect_err("a held entry is hidden").to_string();
    assert!(error.contains("has not made up for it"), "{error}");
}

#[test]
fn a_rest_has_one_slot_whichever_box_claims_it() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut town = Town::on(TerminalStore::open(&dir.path().join("old.db")).expect("a database"), PaperOffice::new("05562032", 1));
    let small = card(&town, 1, 1, ("2026-10", "2027-01"), Period::Validity, 1_500);
    accepted(town.redeem(&request(&small, "lunch"), noon()));
    town.exchange(noon());
    let held = accepted(town.redeem(&fee(&small, 5_000, 1), noon())).held_rest[0].seq;
    let copy = dir.path().join("copy.db");
    town.terminal.store().copy_to(&copy).expect("copied");
    let large = card(&town, 1, 2, ("2026-10", "2027-01"), Period::Validity, 100_000);
    let claimed = |town: &mut Town| -> (u64, String) {
        let settled = accepted(town.redeem(&request(&large, "choir"), noon())).settled;
        let sql = "SELECT hex(slot) FROM redemption WHERE seq = ?1";
        let slot = town.terminal.store().connection().query_row(sql, [settled[0].seq.cast_signed()], |row| row.get(0)).expect("its slot");
        (settled[0].held, slot)
    };
    let (before, slot) = claimed(&mut town);
    // the old box breaks down after the office has heard of it, and yesterday's backup goes on
    let (mut store, new_keys) = (TerminalStore::open(&copy).expect("the copy"), keys(60));
    Terminal::continue_from(&mut store, &new_keys, &mut town.chance, noon()).expect("restored");
    town.terminal = Terminal::open(store, new_keys, noon()).expect("opens");
    town.enrol(noon());
    let (after, same) = claimed(&mut town);
    assert_eq!((before, after == held), (held, false), "the held entry has another number now");
    assert_eq!(same, slot, "the office counts it once");
}

#[test]
fn a_changed_index_of_lessons_is_found() {
    for (sql, sentence) in [
        ("UPDATE lesson SET minute = minute + 1 WHERE seq = (SELECT min(seq) FROM lesson)", "its index differs"),
        ("UPDATE lesson SET handle = zeroblob(8) WHERE seq = (SELECT min(seq) FROM lesson)", "its index differs"),
        ("UPDATE lesson SET ended_by = 1 WHERE seq = (SELECT min(seq) FROM lesson)", "its index differs"),
        ("DELETE FROM lesson WHERE seq = (SELECT max(seq) FROM lesson)", "its index differs"),
        ("INSERT INTO lesson SELECT 9999, office, handle, service, day, minute, NULL, NULL, 0 FROM lesson LIMIT 1", "not in the journal"),
    ] {
        let mut town = Town::new();
        let token = town.office.token(1, allowances());
        for at in ["14:00", "14:45", "15:00"] {
            scan(&mut town, &lesson(&token, None), clock(at));
        }
        town.terminal.verify().expect("whole before");
        town.terminal.store().connection().execute(sql, []).expect("changed");
        let error = town.terminal.verify().expect_err(sql).to_string();
        assert!(error.contains(sentence), "{sql}: {error}");
    }
}

#[test]
fn a_restored_box_knows_its_open_lessons_its_rests_and_its_months() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut town = Town::on(TerminalStore::open(&dir.path().join("old.db")).expect("a database"), PaperOffice::new("05562032", 1));
    let token = town.office.token(1, allowances());
    let fee = accepted(town.redeem(&fee(&token, 10_000, 1), clock("12:00")));
    let choir = StandingRequest { ask: None, code: town.office.token(2, allowances()), service: code("choir"), cents: None, from: None };
    town.terminal.register_standing(&choir, &mut town.chance, clock("12:00")).expect("an answer");
    town.terminal.claim_standing(&mut town.chance, clock("12:00")).expect("stored");
    assert_eq!(scan(&mut town, &lesson(&token, Some("T1")), clock("14:00")), "started 840");

    let beside = "INSERT INTO paid VALUES (2, 'old', 500); INSERT INTO returned VALUES (2, 9, 0); INSERT INTO entered_at VALUES (2, 'Tablet');";
    town.terminal.store().connection().execute_batch(beside).expect("noted");
    let copy = dir.path().join("copy.db");
    town.terminal.store().copy_to(&copy).expect("copied");
    let (mut store, new_keys) = (TerminalStore::open(&copy).expect("the copy"), keys(60));
    let restored = Terminal::continue_from(&mut store, &new_keys, &mut town.chance, clock("14:05")).expect("restored");
    assert_eq!((restored.entered_again, restored.held_again, restored.lessons_again), (2, 1, 1));
    town.terminal = Terminal::open(store, new_keys, clock("14:05")).expect("opens");
    let sql = "SELECT (SELECT count(*) FROM paid) + (SELECT count(*) FROM returned) + (SELECT count(*) FROM entered_at)";
    let left: i64 = town.terminal.store().connection().query_row(sql, [], |row| row.get(0)).expect("a count");
    assert_eq!(left, 0, "the numbers of the new journal mean other entries");
    town.enrol(clock("14:06"));
    town.exchange(clock("14:06"));
    town.terminal.verify().expect("whole");
    assert!(town.terminal.claim_standing(&mut town.chance, clock("14:07")).expect("stored").is_empty(), "claimed before, under another number");
    let month = town.terminal.standing(1, clock("14:07")).expect("readable")[0].months[0].clone();
    let (seq, _) = (month.known.expect("known").seq.expect("its new number"), assert_eq!(month.state, MonthState::Claimed));
    assert!(town.terminal.store().read(|tx| tx.indexed_redemption(seq)).expect("readable").is_some_and(|r| r.service == code("choir")));
    assert_eq!(scan(&mut town, &lesson(&token, None), clock("14:46")), "ended 840-885 1 2500", "begun before the restore");
    // the rest still falls with its fee
    assert_eq!(town.terminal.open_held().expect("readable").len(), fee.held_rest.len());
    let sql = "SELECT seq FROM redemption WHERE service = 'judo'";
    let seq: i64 = town.terminal.store().connection().query_row(sql, [], |row| row.get(0)).expect("one");
    town.terminal.cancel(u64::try_from(seq).expect("a number"), code("typo"), &mut town.chance, clock("15:00")).expect("cancelled");
    assert!(town.terminal.open_held().expect("readable").is_empty());
}
