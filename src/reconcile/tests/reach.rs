//! A month decided by itself, with all that is no meal, comes out as it does among all months.

use super::property::{any_round, any_world, ours, second_round};
use super::world::World;
use crate::reconcile::child::reconcile_child;
use crate::reconcile::finding::Decision;
use crate::reconcile::reach::{meals_stay_in_their_month, mixes_months};
use crate::reconcile::register::ClaimLine;
use crate::words::benefit::{Benefit, Period};
use crate::words::civil::CivilMonth;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn month(line: &ClaimLine) -> CivilMonth {
    line.redemption.day.month()
}

fn mixes(line: &ClaimLine, world: &World) -> bool {
    let agreed = world.providers.get(&line.provider).and_then(|file| file.agreement(&line.redemption)).map(|a| a.service.benefit);
    mixes_months(&line.redemption, agreed)
}

fn decided(lines: &[ClaimLine], world: &World) -> BTreeSet<String> {
    let all: Vec<Decision> = reconcile_child(lines, &world.child, &world.register());
    all.iter().map(|decision| format!("{decision:?}")).collect()
}

/// Months that were compared, or where the month alone came out otherwise.
fn compare(lines: &[ClaimLine], world: &World) -> Result<usize, String> {
    let whole = decided(lines, world);
    let months: BTreeSet<CivilMonth> = lines.iter().map(month).collect();
    for one in &months {
        let part: Vec<ClaimLine> = lines.iter().filter(|line| month(line) == *one || line.redemption.benefit != Benefit::Lunch).cloned().collect();
        let alone = decided(&part, world);
        if let Some(other) = alone.difference(&whole).next() {
            return Err(format!("alone in {one}: {other}, which among all months is not so"));
        }
    }
    Ok(months.len())
}

fn two_rounds(world: &World, first: &[u64], more: &[u64], seed: u64, keep: impl Fn(&ClaimLine) -> bool) -> [Vec<ClaimLine>; 2] {
    let first: Vec<ClaimLine> = any_round(first, 1).into_iter().filter(&keep).collect();
    let fresh: Vec<ClaimLine> = any_round(more, 100).into_iter().filter(&keep).collect();
    let second = second_round(&first, &fresh, &ours(&first, world), seed);
    [first, second]
}

/// The same world with meals bounded by day and month alone.
fn by_day_and_month(seed: u64) -> World {
    let mut world = any_world(seed);
    let allowances = world.child.tokens.values_mut().flat_map(|registered| &mut registered.token.allowances);
    for ceiling in allowances.filter(|a| a.benefit == Benefit::Lunch).flat_map(|a| &mut a.ceilings) {
        if !matches!(ceiling.period, Period::Day | Period::Month) {
            ceiling.period = if ceiling.amount % 2 == 0 { Period::Day } else { Period::Month };
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_month_alone_is_decided_as_among_all(child: u64, first in proptest::collection::vec(any::<u64>(), 0..16), more in proptest::collection::vec(any::<u64>(), 0..10), seed: u64) {
        let world = by_day_and_month(child);
        prop_assert!(meals_stay_in_their_month(&world.child));
        for lines in two_rounds(&world, &first, &more, seed, |line| !mixes(line, &world)) {
            if let Err(differs) = compare(&lines, &world) {
                prop_assert!(false, "{}", differs);
            }
        }
    }
}

/// Whether some of many cases comes out otherwise when the months are taken apart.
fn differs_somewhere(world: impl Fn(u64) -> World, keep_mixed: bool) -> bool {
    (0..4000u64).any(|case| {
        let mut chance = crate::words::chance::Chance::seeded(case);
        let mut seeds = |count: usize| -> Vec<u64> { (0..count).map(|_| u64::from_be_bytes(chance.bytes())).collect() };
        let (world, first, more) = (world(case), seeds(14), seeds(8));
        let rounds = two_rounds(&world, &first, &more, case, |line| keep_mixed || !mixes(line, &world));
        rounds.iter().any(|lines| compare(lines, &world).is_err())
    })
}

#[test]
fn canary_ceilings_beyond_a_month_are_noticed() {
    assert!(differs_somewhere(any_world, false), "weeks and approvals tie months together");
}

#[test]
fn canary_mixed_benefits_are_noticed() {
    assert!(differs_somewhere(by_day_and_month, true), "a line of another benefit than its service ties months together");
}
