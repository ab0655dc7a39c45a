//! Taught chips in one kitchen: taught at one till, a chip opens the child's card at the next; forgotten at one, it opens nothing at any.
#![cfg(feature = "terminal")]

mod kitchen;
mod town;

use kitchen::{Till, tills};
use teilhabe::admit::scan::code_text;
use teilhabe::admit::token::Token;
use teilhabe::shell::store::StoreError;
use teilhabe::shell::store::terminal::Details;
use teilhabe::terminal::chips::{ChipOf, Taught, TeachRequest};
use teilhabe::terminal::counter::Answer;
use teilhabe::words::ids::{Handle, TokenId};
use teilhabe::words::keys::SecretKey;
use teilhabe::words::time::UtcMs;
use town::{allowances, noon, seconds};

const CHIP: &str = "04A224B2";

fn later(minutes: u64) -> UtcMs {
    noon().plus_ms(minutes * 60_000)
}

fn teach(till: &mut Till, uid: &str, card: &str, replace: bool, now: UtcMs) -> Taught {
    let request = TeachRequest { uid: uid.into(), to: ChipOf::Card(card.into()), replace };
    till.terminal.teach_chip(&request, now).expect("an answer")
}

/// What comes of showing the chip, without recording it.
fn shown(till: &mut Till, uid: &str, now: UtcMs) -> String {
    let request = teilhabe::terminal::counter::Request {
        code: uid.into(),
        service: Some(town::code("lunch")),
        months: 1,
        ..teilhabe::terminal::counter::Request::default()
    };
    match till.terminal.check(&request, now).expect("an answer") {
        Answer::Accepted(accepted) => accepted.hint.unwrap_or_default(),
        Answer::Refused(refused) => refused.reason.code().to_owned(),
    }
}

fn pair(tills: &mut [Till]) -> (&mut Till, &mut Till) {
    let (one, rest) = tills.split_at_mut(1);
    (&mut one[0], &mut rest[0])
}

#[test]
fn a_chip_taught_at_one_till_is_enough_at_the_next_and_forgotten_there_it_is_forgotten_here() {
    let (office, mut tills) = tills(2);
    let (one, two) = pair(&mut tills);
    let (first, second) = (office.token(1, allowances()), office.token(2, allowances()));
    assert_eq!(teach(one, CHIP, &first, false, noon()), Taught::Card(Some("K01".into())));
    assert_eq!(shown(two, CHIP, noon()), "unknown_number");
    one.talks(two, noon(), noon());
    assert_eq!(shown(two, CHIP, noon()), "K01");
    assert!(matches!(two.meal(CHIP, noon()), Answer::Accepted(_)));
    assert_eq!(teach(two, CHIP, &second, false, noon()), Taught::Taken(None), "nobody takes another child's chip unawares");
    // The second till's clock is an hour behind: what was done later counts as later all the same.
    assert!(two.terminal.forget_chip(CHIP, noon()).expect("stored"));
    one.talks(two, later(1), noon());
    assert_eq!((shown(one, CHIP, later(1)), shown(two, CHIP, later(1))), ("unknown_number".into(), "unknown_number".into()));
    assert!(!one.terminal.forget_chip(CHIP, later(1)).expect("stored"), "it is forgotten already");
    assert_eq!(teach(two, CHIP, &second, false, later(2)), Taught::Card(Some("K02".into())));
    two.talks(one, later(2), later(2));
    assert_eq!(shown(one, CHIP, later(2)), "K02");
    assert_eq!(teach(one, CHIP, &first, true, later(2)), Taught::Card(Some("K01".into())));
    one.talks(two, later(2), later(2));
    assert_eq!((shown(one, CHIP, later(3)), shown(two, CHIP, later(3))), ("already_redeemed".into(), "already_redeemed".into()));
    assert_eq!(shown(two, CHIP, noon().plus_days(1)), "K01");
}

#[test]
fn a_chip_taught_at_both_belongs_to_the_later_at_both_and_at_a_third() {
    let (office, mut tills) = tills(3);
    let (first, second) = (office.token(1, allowances()), office.token(2, allowances()));
    teach(&mut tills[1], CHIP, &second, false, later(1));
    teach(&mut tills[0], CHIP, &first, false, later(2));
    for _ in 0..2 {
        for (a, b) in [(0, 1), (1, 2), (0, 2)] {
            let (left, right) = tills.split_at_mut(b);
            left[a].talks(&mut right[0], later(3), later(3));
        }
    }
    for till in &mut tills {
        assert_eq!(shown(till, CHIP, later(4)), "K01");
    }
    assert!(tills[2].terminal.forget_chip(CHIP, later(5)).expect("stored"), "a till that has taught nothing forgets it for all");
    for (a, b) in [(0, 2), (1, 2)] {
        let (left, right) = tills.split_at_mut(b);
        left[a].talks(&mut right[0], later(6), later(6));
    }
    for till in &mut tills {
        assert_eq!(shown(till, CHIP, later(7)), "unknown_number");
    }
}

#[test]
fn a_new_card_seen_at_one_till_follows_the_chip_to_the_next() {
    let (office, mut tills) = tills(2);
    let (one, two) = pair(&mut tills);
    teach(one, CHIP, &office.token(1, allowances()), false, noon());
    one.talks(two, noon(), noon());
    let renewed = Token {
        issued: seconds("2026-11-22T08:00:00Z"),
        hint: Some("neu".into()),
        ..office.plain_token(Handle([1; 8]), TokenId([99; 16]), 99, allowances())
    };
    assert!(matches!(one.meal(&code_text(&renewed.seal(&office.key)), noon()), Answer::Accepted(_)));
    one.talks(two, noon(), noon());
    assert_eq!(shown(two, CHIP, noon().plus_days(1)), "neu");
    one.talks(two, noon(), noon());
    assert_eq!(one.talks(two, noon(), noon()), (0, 0), "told once is enough");
}

#[test]
fn a_neighbour_vouches_for_no_card() {
    let (office, mut tills) = tills(2);
    let (one, two) = pair(&mut tills);
    let forged = office.plain_token(Handle([1; 8]), TokenId([1; 16]), 1, allowances());
    let bytes = forged.seal(&SecretKey::from_seed([77; 32]));
    teach(one, "04A224B3", &office.token(2, allowances()), false, noon());
    let planted = one.terminal.store().write(|tx| {
        let number = tx.offices()?[0].number;
        tx.keep_card(number, &forged, &bytes)?;
        tx.keep_chip(&tx.chip(CHIP)?, number, forged.handle, noon())?;
        Ok::<_, StoreError>(tx.chips_told(number, 0, 10)?.len())
    });
    assert_eq!(planted.expect("stored"), 2);
    one.talks(two, noon(), noon());
    assert_eq!(shown(two, CHIP, noon()), "unknown_number");
    assert_eq!(shown(two, "04A224B3", noon()), "K02", "what was told beside it is kept");
    assert_eq!(shown(two, &teilhabe::admit::number::CardNumber::of(TokenId([1; 16])).to_string(), noon()), "unknown_number");
}

#[test]
fn a_chip_that_moves_to_a_card_not_known_here_opens_no_card_at_all() {
    let (office, mut tills) = tills(2);
    let (one, two) = pair(&mut tills);
    teach(one, CHIP, &office.token(1, allowances()), false, noon());
    one.talks(two, noon(), noon());
    assert_eq!(shown(two, CHIP, noon()), "K01");
    // At the first till it moves to a card signed by a key that the second has not heard of yet.
    let unknown = office.plain_token(Handle([2; 8]), TokenId([2; 16]), 2, allowances());
    let bytes = unknown.seal(&SecretKey::from_seed([77; 32]));
    let moved = one.terminal.store().write(|tx| {
        let number = tx.offices()?[0].number;
        tx.keep_card(number, &unknown, &bytes)?;
        tx.keep_chip(&tx.chip(CHIP)?, number, unknown.handle, later(1))
    });
    moved.expect("stored");
    one.talks(two, later(1), later(1));
    assert_eq!(shown(two, CHIP, later(1)), "unknown_number", "not the card of the child who had it before");
}

#[test]
fn an_act_dated_to_the_end_of_time_is_followed_by_others_all_the_same() {
    let (office, mut tills) = tills(2);
    let (one, two) = pair(&mut tills);
    teach(one, CHIP, &office.token(1, allowances()), false, UtcMs::MAX);
    one.talks(two, noon(), noon());
    assert!(two.terminal.forget_chip(CHIP, later(1)).expect("stored"));
    two.talks(one, later(2), later(2));
    let taken = |till: &mut Till| till.meal(&office.token(3, allowances()), later(3));
    assert!(matches!(taken(two), Answer::Accepted(_)));
    two.talks(one, later(4), later(4));
    assert!(matches!(taken(one), Answer::Refused(_)), "what is told beside it still arrives");
}

#[test]
fn a_whole_school_of_chips_is_told_in_a_few_messages() {
    const CHILDREN: u8 = 200;
    let (office, mut tills) = tills(2);
    let (one, two) = pair(&mut tills);
    let cards: Vec<String> = (1..=CHILDREN).map(|number| office.token(number, allowances())).collect();
    for (number, card) in cards.iter().enumerate() {
        teach(one, &format!("04A2{number:04}"), card, false, noon());
        teach(one, &format!("04B2{number:04}"), card, false, noon());
    }
    one.talks(two, noon(), noon());
    for number in 0..cards.len() {
        for kind in ["A", "B"] {
            assert_ne!(shown(two, &format!("04{kind}2{number:04}"), noon()), "unknown_number", "{kind} {number}");
        }
    }
}

#[test]
fn the_chip_of_somebody_who_pays_that_is_taught_to_a_card_next_door_pays_here_too() {
    let (office, mut tills) = tills(2);
    let (one, two) = pair(&mut tills);
    let payer = Details { name: "Mia".into(), pays_self: true, ..Details::default() };
    let payer = one.terminal.add_person(&payer, noon()).expect("added").id;
    one.terminal.teach_chip(&TeachRequest { uid: CHIP.into(), to: ChipOf::Person(payer), replace: false }, noon()).expect("given");
    let entries = |answer: Answer| match answer {
        Answer::Accepted(accepted) => accepted.entries.len(),
        Answer::Refused(refused) => panic!("{refused:?}"),
    };
    assert_eq!(entries(one.meal(CHIP, noon())), 0, "nothing is claimed for who pays");
    assert_eq!(teach(two, CHIP, &office.token(1, allowances()), true, later(1)), Taught::Card(Some("K01".into())));
    two.talks(one, later(2), later(2));
    assert_eq!(entries(one.meal(CHIP, noon().plus_days(1))), 1);
}
