//! Several tills, one kitchen: what one terminal has redeemed, the next one of the same provider refuses, over a link that strangers
//! neither read nor bend; and without the link each goes on alone.
#![cfg(feature = "terminal")]

mod kitchen;
mod town;

use kitchen::{Till, till, tills};
use std::collections::BTreeSet;
use teilhabe::admit::credential::Credential;
use teilhabe::book::entry::{Admitted, Body, Head};
use teilhabe::deliver::exchange::UsedElsewhere;
use teilhabe::terminal::counter::{Answer, Request};
use teilhabe::terminal::neighbours::{CannotTalk, NoNeighbour};
use teilhabe::terminal::standing::{StandingAnswer, StandingRequest};
use teilhabe::words::benefit::{Benefit, Measure, Period};
use teilhabe::words::cents::Cents;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::ids::{Handle, ProviderNumber, TokenId};
use teilhabe::words::keys::SecretKey;
use teilhabe::words::time::UtcMs;
use town::{PROVIDER, PaperOffice, allowance, allowances, ceiling, code, noon};

const SECOND: u64 = 1000;

fn seq(answer: &Answer) -> u64 {
    match answer {
        Answer::Accepted(accepted) => accepted.entries[0].seq,
        Answer::Refused(refused) => panic!("refused: {refused:?}"),
    }
}

/// Why it was refused, since when and where it was recorded.
fn refusal(answer: &Answer) -> (&'static str, Option<UtcMs>, Option<String>) {
    match answer {
        Answer::Accepted(accepted) => panic!("accepted: {accepted:?}"),
        Answer::Refused(refused) => (refused.reason.code(), refused.since, refused.till.clone()),
    }
}

fn pair(tills: &mut [Till]) -> (&mut Till, &mut Till) {
    let (one, rest) = tills.split_at_mut(1);
    (&mut one[0], &mut rest[0])
}

#[test]
fn what_one_till_has_redeemed_the_next_one_refuses_and_never_records() {
    let (office, mut tills) = tills(2);
    let card = office.token(1, allowances());
    let (one, two) = pair(&mut tills);
    let first = one.meal(&card, noon());
    // The other till's clock is three hours ahead, and later a day behind: nothing depends on it.
    let ahead = noon().plus_ms(3 * 3600 * SECOND);
    assert_eq!(one.talks(two, noon(), ahead), (0, 1));
    let before = two.lines();
    let second = two.meal(&card, noon().plus_ms(SECOND));
    assert_eq!(refusal(&second), ("already_redeemed", Some(noon()), Some("Ausgabe 1".into())));
    assert_eq!(two.lines(), before, "what a neighbour told is no entry here");
    assert_eq!(one.talks(two, noon(), noon()), (0, 0), "told once is enough");
    // A cancellation frees the slot there too, and what is told again changes nothing.
    one.cancel(seq(&first), noon().plus_ms(2 * SECOND));
    assert_eq!(two.talks(one, noon(), noon()), (1, 0));
    let third = two.meal(&card, noon().plus_ms(3 * SECOND));
    assert!(matches!(third, Answer::Accepted(_)), "{third:?}");
    two.talks(one, noon(), noon());
    assert_eq!(refusal(&one.meal(&card, noon().plus_ms(4 * SECOND))).2.as_deref(), Some("Ausgabe 2"));
}

#[test]
fn cut_off_each_goes_on_alone_and_healed_both_know_and_one_conflict_goes_to_the_office() {
    let (mut office, mut tills) = tills(3);
    let cards: Vec<String> = (1..=30).map(|number| office.token(number, allowances())).collect();
    let time = |seconds: u64| noon().plus_ms(seconds * SECOND);
    for (number, card) in (0u64..).zip(&cards) {
        let till = &mut tills[usize::try_from(number % 3).expect("small")];
        assert!(matches!(till.meal(card, time(number)), Answer::Accepted(_)));
    }
    // The first card again at the next till, which knows nothing of it: green, as it was before there were neighbours.
    assert!(matches!(tills[1].meal(&cards[0], time(40)), Answer::Accepted(_)));
    for (a, b) in [(0, 1), (1, 2), (0, 2), (0, 1), (1, 2)] {
        let (left, right) = tills.split_at_mut(b);
        left[a].talks(&mut right[0], time(50), time(50));
    }
    for (place, till) in tills.iter_mut().enumerate() {
        for (number, card) in cards.iter().enumerate() {
            let (reason, _, where_at) = refusal(&till.meal(card, time(60)));
            assert_eq!(reason, "already_redeemed");
            let is_own = number % 3 == place || (number == 0 && place == 1);
            let named = where_at.unwrap_or_default();
            assert_eq!(named == format!("Ausgabe {}", place + 1), is_own, "card {number} at {place}: {named}");
        }
        let hood = till.terminal.neighbourhood(time(60)).expect("known");
        assert_eq!(hood.neighbours.len(), 2);
        assert_eq!(hood.doubled.len(), usize::from(place < 2), "both tills of the double know it, the third does not");
    }
    // The office gets every entry once: 31 lines of 30 slots.
    for (seed, till) in (50..).zip(&mut tills) {
        let key = SecretKey::from_seed([seed; 32]).public().clone();
        office.held.insert(*key.bytes(), (key, Head::start(till.terminal.id())));
        let question = till.terminal.outbound(&office.id.clone(), &mut till.chance, time(70)).expect("made");
        let answer = office.exchange(&question, &till.terminal.recipient(), time(70));
        till.terminal.take_answer(&answer, &mut till.chance, time(70)).expect("taken");
    }
    let claimed: Vec<_> = office
        .lines
        .iter()
        .filter_map(|entry| match &entry.body {
            Body::Redemption(redemption) => Some(redemption.slot),
            _ => None,
        })
        .collect();
    let different: BTreeSet<_> = claimed.iter().collect();
    assert_eq!((claimed.len(), different.len()), (31, 30), "one slot stands twice, as the office decides it today");
}

#[test]
fn a_budget_is_not_spent_twice_and_what_the_office_told_of_the_neighbour_counts_once() {
    let (office, mut tills) = tills(2);
    let monthly = vec![allowance(Benefit::Participation, &[ceiling(Period::Month, Measure::Cents, 3000)])];
    let card = office.token(1, monthly);
    let (one, two) = pair(&mut tills);
    one.scan(&card, "judo", Some(2000), noon());
    one.talks(two, noon(), noon());
    let request = Request { charge: Some(code("gear")), ..fee(&card, 2000) };
    let Answer::Accepted(rest) = two.terminal.redeem(&request, &mut two.chance, noon()).expect("an answer") else { panic!("refused") };
    assert_eq!((rest.cents, rest.own_share), (Cents::new(1000), Cents::new(1000)), "the neighbour has spent 20 of 30 euros");
    // An allowance for the whole time: the office tells of the 20 euros as used elsewhere, and they are the neighbour's.
    let card = office.token(2, allowances());
    one.scan(&card, "judo", Some(2000), noon());
    one.talks(two, noon(), noon());
    let told = |used| UsedElsewhere { handle: Handle([2; 8]), benefit: Benefit::Participation, measure: Measure::Cents, used, as_of: noon() };
    let number = two.terminal.store().read(|tx| tx.offices()).expect("read")[0].number;
    for (used, left) in [(0, 7000), (2000, 7000), (5000, 4000)] {
        two.terminal.store().write(|tx| tx.keep_elsewhere(number, &told(used))).expect("kept");
        let Answer::Accepted(looked) = two.terminal.check(&Request { charge: Some(code("x")), ..fee(&card, 10_000) }, noon()).expect("an answer")
        else {
            panic!("refused")
        };
        assert_eq!(looked.cents, Cents::new(left), "told {used}");
    }
}

fn fee(card: &str, cents: i64) -> Request {
    Request { code: card.into(), service: Some(code("judo")), cents: Some(Cents::new(cents)), months: 1, ..Request::default() }
}

#[test]
fn only_tills_of_the_same_provider_at_the_same_office_are_neighbours() {
    let (office, mut tills) = tills(1);
    let one = &mut tills[0];
    let why = |one: &mut Till, mut other: Till| match one.meets(&mut other, noon()) {
        Err(CannotTalk::NoNeighbour(why)) => why,
        other => panic!("{other:?}"),
    };
    let other = |change: fn(Credential) -> Credential| till(&office, 51, noon(), change);
    assert_eq!(why(one, other(|c| Credential { provider: ProviderNumber(18), ..c })), NoNeighbour::OtherProvider);
    assert_eq!(why(one, other(|c| Credential { issued: UtcMs(noon().0 + 5), siblings: Vec::new(), ..c })), NoNeighbour::NotNamed);
    let far = PaperOffice::new("05562099", 3);
    assert_eq!(why(one, till(&far, 51, noon(), |c| c)), NoNeighbour::OtherOffice);
    let shown = one.terminal.credentials_shown().expect("shown");
    assert!(matches!(one.terminal.meet("127.0.0.1:1", &shown, noon()), Err(CannotTalk::NoNeighbour(NoNeighbour::Ourselves))));
    assert!(matches!(one.terminal.meet("127.0.0.1:1", b"<html>", noon()), Err(CannotTalk::Malformed(_))));
    assert!(matches!(one.terminal.meet("nowhere", &shown, noon()), Err(CannotTalk::NoAddress(_))));
    // An admission that ends while they work together ends the talk, in both directions.
    let soon = noon().plus_ms(60 * SECOND);
    let mut short = till(&office, 52, noon(), |c| Credential { expires: UtcMs(noon().0 + 60_000), ..c });
    assert_eq!(one.talks(&mut short, noon(), noon()), (0, 0));
    let peer = one.meets(&mut short, noon()).expect("still good");
    assert!(matches!(one.terminal.tell_neighbour(peer, None, &mut one.chance, soon), Err(CannotTalk::NoNeighbour(NoNeighbour::Ended))));
    let own = short.meets(one, noon()).expect("met");
    let question = short.question(own, noon());
    assert!(matches!(one.terminal.hear_neighbour(&question, None, &mut one.chance, soon), Err(CannotTalk::NoNeighbour(NoNeighbour::Ended))));
}

#[test]
fn a_withdrawn_key_ends_the_talk() {
    let (mut office, mut tills) = tills(2);
    let (one, two) = pair(&mut tills);
    one.talks(two, noon(), noon());
    let peer = one.meets(two, noon()).expect("met");
    let question = one.question(peer, noon());
    // The next trust list withdraws the key that signed both credentials.
    office.trust.version = 2;
    office.trust.keys[0].withdrawn = Some(noon());
    let number = two.terminal.store().read(|tx| tx.offices()).expect("read")[0].number;
    let list = office.trust.seal(&office.root);
    two.terminal.store().write(|tx| tx.keep_document(number, Admitted::Trust, &list)).expect("kept");
    let later = noon().plus_ms(2 * 3600 * SECOND);
    assert!(two.terminal.hear_neighbour(&question, None, &mut two.chance, later).is_err());
}

/// What has not changed is not verified again; that its key is withdrawn from later on is looked at all the same.
#[test]
fn an_admission_ends_when_its_key_is_withdrawn_though_nothing_new_was_heard() {
    let mut office = PaperOffice::new("05562032", 1);
    let hour = 3600 * SECOND;
    office.trust.keys[0].withdrawn = Some(noon().plus_ms(5 * hour));
    let mut till = till(&office, 50, noon(), |credential| credential);
    let admitted = |till: &mut Till, hours: u64| till.terminal.status(noon().plus_ms(hours * hour)).expect("read").offices[0].admitted;
    for hours in [0, 2, 4] {
        assert!(admitted(&mut till, hours), "after {hours} hours");
    }
    assert!(!admitted(&mut till, 6), "the key was withdrawn an hour ago");
    assert!(admitted(&mut till, 4), "a clock that was set back shows the hour before");
}

#[test]
fn a_stranger_neither_reads_nor_injects_and_nothing_is_good_twice() {
    let (office, mut tills) = tills(3);
    let card = office.token(1, allowances());
    let (first, rest) = tills.split_at_mut(1);
    let (one, (two, three)) = (&mut first[0], pair(rest));
    one.talks(two, noon(), noon());
    let made = one.meal(&card, noon());
    let peer = one.meets(two, noon()).expect("met");
    let question = one.question(peer, noon());
    // Nothing readable on the wire.
    let handle = Handle([1; 8]).0;
    assert!(!question.windows(8).any(|bytes| bytes == handle) && !question.windows(5).any(|bytes| bytes == b"lunch"));
    // Not for the third one, not changed, not from somebody with keys of his own.
    assert!(matches!(three.terminal.hear_neighbour(&question, None, &mut three.chance, noon()), Err(CannotTalk::Envelope(_))));
    for at in [0, 100, 250, question.len() - 1] {
        let mut bent = question.clone();
        bent[at] ^= 1;
        assert!(two.terminal.hear_neighbour(&bent, None, &mut two.chance, noon()).is_err(), "byte {at}");
    }
    let stranger = PaperOffice::new("05562032", 9);
    let mut posing = till(&stranger, 51, noon(), |c| c);
    let mut target = till(&stranger, 52, noon(), |c| Credential { provider: PROVIDER, ..c });
    let to_target = posing.meets(&mut target, noon()).expect("in their own world");
    let plain = posing.question(to_target, noon());
    assert!(two.terminal.hear_neighbour(&plain, None, &mut two.chance, noon()).is_err());
    let forged = teilhabe::shell::envelope::encrypt(&two.terminal.recipient(), b"no telling").expect("a recipient");
    assert!(matches!(two.terminal.hear_neighbour(&forged, None, &mut two.chance, noon()), Err(CannotTalk::Malformed(_))));
    // The right one is taken once; heard again it changes nothing and is asked for anew.
    let heard = two.terminal.hear_neighbour(&question, None, &mut two.chance, noon()).expect("heard");
    assert_eq!(heard.heard.as_ref().map(|heard| heard.taken), Some(1));
    let again = two.terminal.hear_neighbour(&question, None, &mut two.chance, noon()).expect("answered");
    assert!(again.heard.is_none(), "{again:?}");
    one.terminal.take_neighbours_answer(peer, &heard.answer, noon()).expect("the answer");
    assert!(matches!(one.terminal.take_neighbours_answer(peer, &heard.answer, noon()), Err(CannotTalk::NotAsked)));
    // After the cancellation an old recording of the first telling does not take the slot again.
    one.cancel(seq(&made), noon());
    one.talks(two, noon(), noon());
    two.terminal.hear_neighbour(&question, None, &mut two.chance, noon()).expect("answered");
    assert!(matches!(two.meal(&card, noon()), Answer::Accepted(_)));
}

#[test]
fn a_long_history_is_told_in_parts_and_goes_when_it_is_old() {
    let (office, mut tills) = tills(2);
    let (one, two) = pair(&mut tills);
    for number in 0..900u16 {
        let bytes = number.to_be_bytes();
        let handle = Handle([bytes[0], bytes[1], 9, 9, 9, 9, 9, 9]);
        let id = TokenId([bytes[0], bytes[1], 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7]);
        let card = office.token_of(handle, id, u64::from(number), allowances());
        assert!(matches!(one.meal(&card, noon().plus_ms(u64::from(number))), Answer::Accepted(_)));
    }
    assert_eq!(two.talks(one, noon(), noon()), (900, 0));
    assert_eq!(two.talks(one, noon(), noon()), (0, 0));
    let count = |till: &mut Till| till.terminal.store().connection().query_row("SELECT count(*) FROM neighbour_use", [], |row| row.get::<_, i64>(0));
    assert_eq!(count(two).expect("counted"), 900);
    let late = CivilDay::parse("2035-06-01").expect("a day").at_minute(720);
    let erasable = two.terminal.erasable(96, late).expect("counted");
    two.terminal.erase(96, erasable.total(), &mut two.chance, late).expect("erased");
    assert_eq!(count(two).expect("counted"), 0);
}

#[test]
fn a_fee_that_the_next_till_holds_is_not_claimed_by_the_month_until_it_is_taken_back() {
    let (office, mut tills) = tills(2);
    let (one, two) = pair(&mut tills);
    let card = office.token(1, allowances());
    let taken = seq(&two.scan(&card, "judo", Some(1_500), noon()));
    two.talks(one, noon(), noon());
    let judo = StandingRequest { ask: None, code: card, service: code("judo"), cents: Some(Cents::new(1_500)), from: None };
    let tomorrow = noon().plus_days(1);
    assert!(matches!(one.terminal.register_standing(&judo, &mut one.chance, tomorrow).expect("an answer"), StandingAnswer::Registered { .. }));
    let claim = |one: &mut Till| one.terminal.claim_standing(&mut one.chance, tomorrow).expect("stored").len();
    assert_eq!(claim(one), 0, "on another day of the same month, next door");
    two.cancel(taken, tomorrow);
    two.talks(one, tomorrow, tomorrow);
    assert_eq!((claim(one), claim(one)), (1, 0));
}
