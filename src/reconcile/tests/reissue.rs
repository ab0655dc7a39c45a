//! A card lost and given out anew: both cards together are worth what one would have been (§ 29(2) SGB II), late claims included.

use super::naive::Outcome;
use super::property::{any_line, any_world};
use super::world::{World, day, token_id};
use crate::admit::status::Status;
use crate::deliver::advice::Verdict;
use crate::reconcile::child::reconcile_child;
use crate::reconcile::register::{ClaimLine, RegisteredToken, Stop};
use crate::words::benefit::{Benefit, Measure, Period};
use crate::words::cents::Cents;
use crate::words::ids::EntryId;
use crate::words::reason::Reason;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The day from which the old card, A, is replaced by the new one, B.
const LOST: &str = "11-25";

/// Any approval, with card A alone.
fn one_card(seed: u64) -> World {
    let mut world = any_world(seed);
    let mut token = world.child.tokens[&token_id("A")].token.clone();
    token.expires = day("2027-08-01").midnight();
    world.child.tokens = [(token.id, RegisteredToken { token, stops: Vec::new() })].into();
    world
}

/// The same approval, card A replaced by B.
fn two_cards(seed: u64) -> World {
    let mut world = one_card(seed);
    let stop = Stop { status: Status::Replaced, from: day(LOST), until: None, recorded: day(LOST).at_minute(600) };
    let old = world.child.tokens[&token_id("A")].token.clone();
    let new = crate::admit::token::Token { id: token_id("B"), issued: day(LOST).at_minute(601).seconds(), ..old.clone() };
    let cards = [RegisteredToken { token: old, stops: vec![stop] }, RegisteredToken { token: new, stops: Vec::new() }];
    world.child.tokens = cards.into_iter().map(|card| (card.token.id, card)).collect();
    world
}

fn decided(lines: &[ClaimLine], world: &World) -> BTreeMap<EntryId, Outcome> {
    let decisions = reconcile_child(lines, &world.child, &world.register());
    decisions.iter().map(|d| (d.id, (d.verdict, d.cents.get(), d.reason))).collect()
}

/// The lines that the stop does not bind, as if card A had never been lost.
fn as_on_one_card(lines: &[ClaimLine], two: &BTreeMap<EntryId, Outcome>) -> Vec<ClaimLine> {
    let bound = |line: &&ClaimLine| matches!(two[&line.id], (Verdict::Rejected, 0, Some(Reason::Replaced)));
    lines
        .iter()
        .filter(|line| !bound(line))
        .cloned()
        .map(|mut line| {
            if line.redemption.token == token_id("B") {
                line.redemption.token = token_id("A");
            }
            line
        })
        .collect()
}

fn is_neutral(seed: u64, lines: &[ClaimLine]) -> Result<BTreeMap<EntryId, Outcome>, TestCaseError> {
    let two = decided(lines, &two_cards(seed));
    let kept = as_on_one_card(lines, &two);
    for line in lines.iter().filter(|line| !kept.iter().any(|k| k.id == line.id)) {
        let could_know = line.last_word >= day(LOST).at_minute(600) || line.redemption.status_issued.ms() >= day(LOST).at_minute(600);
        let late = line.time() > day(LOST).at_minute(600).plus_days(14);
        prop_assert!(line.redemption.token == token_id("A") && line.redemption.day >= day(LOST) && (could_know || late), "{:?}", line);
    }
    let one = decided(&kept, &one_card(seed));
    for (id, outcome) in &one {
        prop_assert_eq!(two.get(id), Some(outcome), "the two cards together are not the one");
    }
    Ok(two)
}

/// What is paid of a benefit fits under the approval's ceiling in cents, whichever card it was redeemed on.
fn never_more_than_approved(seed: u64, lines: &[ClaimLine], decided: &BTreeMap<EntryId, Outcome>) -> Result<(), TestCaseError> {
    let world = one_card(seed);
    let approved = &world.child.tokens[&token_id("A")].token.allowances;
    for benefit in [Benefit::Participation, Benefit::DayTrip, Benefit::ClassTrip] {
        let ceilings = approved.iter().filter(|a| a.benefit == benefit).flat_map(|a| &a.ceilings);
        let most = ceilings.filter(|c| (c.period, c.measure) == (Period::Validity, Measure::Cents)).map(|c| c.amount).min();
        let paid: i64 = lines.iter().filter(|line| line.redemption.benefit == benefit).map(|line| decided[&line.id].1).sum();
        prop_assert!(most.is_none_or(|most| Cents::new(paid).to_field() <= most), "{:?}: {} of {:?}", benefit, paid, most);
    }
    Ok(())
}

fn lines_of(seeds: &[u64], from: usize) -> Vec<ClaimLine> {
    seeds.iter().enumerate().map(|(place, seed)| any_line(from + place, *seed)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// First what came before and after the loss; then, with the first round settled, more on both cards: late claims on the old one too.
    #[test]
    fn a_card_given_out_anew_changes_nothing_of_what_is_granted(
        approval: u64,
        first in proptest::collection::vec(any::<u64>(), 0..14),
        late in proptest::collection::vec(any::<u64>(), 0..8),
    ) {
        let mut lines = lines_of(&first, 0);
        let round = is_neutral(approval, &lines)?;
        never_more_than_approved(approval, &lines, &round)?;
        for line in &mut lines {
            let (verdict, cents, _) = round[&line.id];
            line.settled = (verdict != Verdict::Pending && cents > 0).then_some(Cents::new(cents));
        }
        lines.extend(lines_of(&late, first.len()));
        let round = is_neutral(approval, &lines)?;
        never_more_than_approved(approval, &lines, &round)?;
    }
}

#[test]
fn a_late_claim_on_the_lost_card_is_paid_and_counts_against_the_new_one() {
    let mut world = two_cards(1);
    for card in world.child.tokens.values_mut() {
        card.token.allowances = vec![super::world::allowance(Benefit::Participation, &[(Period::Validity, Measure::Cents, 5000)], None)];
    }
    world.child.debits.clear();
    let fee = |number: usize, card: &str, date: &str, cents: i64| {
        let seeds = 0..;
        let mut line = seeds.map(|seed| any_line(number, seed)).find(|line| line.redemption.service.as_str() == "camp").expect("a camp");
        (line.journal, line.tutor_elsewhere, line.ruling, line.redemption.charge) = (None, None, None, None);
        (line.redemption.token, line.redemption.day, line.redemption.cents) = (token_id(card), day(date), Cents::new(cents));
        (line.redemption.benefit, line.redemption.units, line.at) = (Benefit::Participation, 1, day(date).at_minute(720));
        (line.not_before, line.received, line.last_word) = (crate::words::time::UtcMs(0), line.at.plus_days(1), line.at);
        line.redemption.status_issued = line.at.seconds();
        line
    };
    let paid = |lines: &[ClaimLine]| -> Vec<i64> { decided(lines, &world).values().map(|outcome| outcome.1).collect() };
    let on_the_new_card = fee(1, "B", "11-30", 4000);
    assert_eq!(paid(std::slice::from_ref(&on_the_new_card)), [4000]);
    let late = ClaimLine { received: day("12-20").at_minute(0), ..fee(2, "A", "11-23", 3000) };
    assert_eq!(paid(&[on_the_new_card.clone(), late.clone()]), [2000, 3000], "the earlier service is paid in full");
    let settled = ClaimLine { settled: Some(Cents::new(4000)), ..on_the_new_card };
    assert_eq!(paid(&[settled, late]), [4000, 1000], "what is settled stands, and nothing is paid beyond the approval");
}
