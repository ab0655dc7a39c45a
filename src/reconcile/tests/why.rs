//! Explanations: one for every decision, and its numbers add up to the decided cents.

use super::property::{any_round, any_world};
use crate::book::ceiling::Bound;
use crate::deliver::advice::Verdict;
use crate::reconcile::child::reconcile_child;
use crate::reconcile::finding::Decision;
use crate::reconcile::register::ClaimLine;
use crate::reconcile::why::{BoundUsed, Rule, Why, explain};
use crate::words::benefit::Measure;
use crate::words::cents::Cents;
use crate::words::reason::Reason;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn ensure(holds: bool, what: &str, why: &Why) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{what}: {why:?}")) }
}

/// What a ceiling says it granted, used and left is what is listed.
fn bound_adds_up(BoundUsed { bound, drawn }: &BoundUsed) -> bool {
    let sum = drawn.iter().fold(0u64, |sum, use_| sum.saturating_add(use_.amount));
    sum == bound.used && bound.left() == bound.granted.saturating_sub(bound.used)
}

fn in_cents(bound: &Bound) -> Option<u64> {
    (bound.measure == Measure::Cents).then(|| bound.left())
}

fn adds_up(why: &Why) -> Result<(), String> {
    let decision = &why.decision;
    ensure(decision.cents == why.stands.plus(why.fitted), "what stands and what fitted is what was decided", why)?;
    ensure(why.bounds.iter().all(bound_adds_up), "a ceiling's uses are listed", why)?;
    let beyond = why.worth.map_or(Cents::ZERO, |worth| worth.minus(why.stands));
    ensure(why.fitted <= beyond.max(Cents::ZERO), "no more fits than it is worth", why)?;
    match why.rule {
        Rule::AsClaimed => ensure(decision.cents == why.claimed && decision.reason.is_none(), "paid as claimed", why),
        Rule::Cut(reason) => ensure(Some(decision.cents) == why.worth && decision.reason == Some(reason), "cut to what it is worth", why),
        Rule::Stands => ensure(why.fitted == Cents::ZERO && why.stands > Cents::ZERO, "it stands, no more and no less", why),
        Rule::Short(Reason::CeilingReached) => {
            let scarce = |bound: &Bound| in_cents(bound).is_none_or(|left| left == why.fitted.to_field() || left < beyond.to_field());
            ensure(why.fitted < beyond && why.bounds.iter().any(|b| scarce(&b.bound)), "a ceiling is why it is less", why)
        }
        Rule::Short(reason) | Rule::Refused(reason) => ensure(decision.reason == Some(reason), "the reason told is the reason", why),
        Rule::Duplicate => ensure(decision.against.is_some() && decision.verdict == Verdict::Rejected, "the line that stays is named", why),
        Rule::Lost { decided, .. } => ensure(decided == (decision.verdict == Verdict::Rejected), "a choice between the two is told", why),
        Rule::Doubtful(_) | Rule::Asked => ensure(decision.verdict == Verdict::Pending && decision.cents == Cents::ZERO, "nothing is paid yet", why),
        Rule::TakenBack | Rule::CounterRecord => ensure(why.worth.is_none(), "what was taken back is not weighed", why),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_decision_is_explained_and_its_numbers_add_up(child: u64, seeds in proptest::collection::vec(any::<u64>(), 0..16), settled: u64) {
        let world = any_world(child);
        let mut lines = any_round(&seeds, 1);
        for round in 0..2 {
            let decided: BTreeMap<_, Decision> = reconcile_child(&lines, &world.child, &world.register()).into_iter().map(|d| (d.id, d)).collect();
            let whys = explain(&lines, &world.child, &world.register());
            let explained: BTreeMap<_, Decision> = whys.iter().map(|why| (why.decision.id, why.decision)).collect();
            prop_assert_eq!(whys.len(), decided.len(), "one explanation a decision");
            prop_assert_eq!(&explained, &decided, "of what was decided");
            for why in &whys {
                if let Err(broken) = adds_up(why) {
                    prop_assert!(false, "round {}: {}", round, broken);
                }
            }
            settle_some(&mut lines, &decided, settled);
        }
    }
}

/// Some of what was decided is paid, and the next round stands on it.
fn settle_some(lines: &mut [ClaimLine], decided: &BTreeMap<crate::words::ids::EntryId, Decision>, seed: u64) {
    for line in lines.iter_mut().filter(|line| !(line.id.seq ^ seed).is_multiple_of(3)) {
        line.settled = decided.get(&line.id).filter(|d| d.verdict != Verdict::Pending).map(|d| d.cents);
    }
}
