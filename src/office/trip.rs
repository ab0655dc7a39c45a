//! Trips in instalments: what a child's final correction must add or take back so that exactly the actual cost is claimed.

use crate::words::cents::Cents;
use crate::words::code::Code;

/// One claim for a trip that stands: not cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The charge it was made as.
    pub charge: Option<Code>,
    /// What is claimed.
    pub cents: Cents,
    /// Whether it stands in the journal the office keeps; another terminal cancels its own.
    pub own: bool,
}

/// One step of a correction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The claim at this place is cancelled.
    Cancel(usize),
    /// A claim is made, as the charge of the claim at the place `like`, or as the final charge.
    Claim {
        /// The claim it takes the place of.
        like: Option<usize>,
        /// Its amount.
        cents: Cents,
    },
}

/// What of the claims in `standing` (oldest first) is to change so that they come to `actual`: more becomes or raises the `last` charge, less
/// is taken from that first, then from the latest. What was rejected counts too, for it is paid when its reason goes away.
/// An error is what cannot be taken back here, for another terminal claimed it.
pub fn correction(standing: &[Standing], last: &Code, actual: Cents) -> Result<Vec<Step>, Cents> {
    let is_last = |one: &Standing| one.own && one.charge.as_ref() == Some(last);
    let others = standing.iter().filter(|one| !is_last(one)).fold(Cents::ZERO, |sum, one| sum.plus(one.cents));
    let before = standing.iter().filter(|one| is_last(one)).fold(Cents::ZERO, |sum, one| sum.plus(one.cents));
    let wanted = actual.minus(others);
    if wanted == before {
        return Ok(Vec::new());
    }
    let mut steps: Vec<Step> = standing.iter().enumerate().filter(|(_, one)| is_last(one)).map(|(place, _)| Step::Cancel(place)).collect();
    if wanted > Cents::ZERO {
        steps.push(Step::Claim { like: None, cents: wanted });
        return Ok(steps);
    }
    let mut excess = Cents::ZERO.minus(wanted);
    for (place, one) in standing.iter().enumerate().rev().filter(|(_, one)| one.own && !is_last(one)) {
        if excess <= Cents::ZERO {
            break;
        }
        steps.push(Step::Cancel(place));
        if one.cents > excess {
            steps.push(Step::Claim { like: Some(place), cents: one.cents.minus(excess) });
        }
        excess = excess.minus(one.cents.min(excess));
    }
    if excess > Cents::ZERO { Err(excess) } else { Ok(steps) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn last() -> Code {
        Code::parse("Endabrechnung").expect("a code")
    }

    fn claim(charge: &str, cents: i64, own: bool) -> Standing {
        Standing { charge: Code::parse(charge), cents: Cents::new(cents), own }
    }

    /// The claims after the steps.
    fn applied(standing: &[Standing], steps: &[Step]) -> Vec<Standing> {
        let cancelled = |place: usize| steps.contains(&Step::Cancel(place));
        let mut after: Vec<Standing> = standing.iter().enumerate().filter(|(place, _)| !cancelled(*place)).map(|(_, one)| one.clone()).collect();
        for step in steps {
            if let Step::Claim { like, cents } = step {
                let charge = like.map_or(Some(last()), |place| standing[place].charge.clone());
                after.push(Standing { charge, cents: *cents, own: true });
            }
        }
        after
    }

    #[test]
    fn too_much_is_taken_from_the_latest_first() {
        let standing = [claim("Anzahlung", 5_000, true), claim("Restzahlung", 8_000, true)];
        let steps = |cents| correction(&standing, &last(), Cents::new(cents));
        assert_eq!(steps(13_000), Ok(vec![]));
        assert_eq!(steps(15_000), Ok(vec![Step::Claim { like: None, cents: Cents::new(2_000) }]));
        assert_eq!(steps(9_000), Ok(vec![Step::Cancel(1), Step::Claim { like: Some(1), cents: Cents::new(4_000) }]));
        assert_eq!(steps(5_000), Ok(vec![Step::Cancel(1)]));
        assert_eq!(steps(0), Ok(vec![Step::Cancel(1), Step::Cancel(0)]));
    }

    #[test]
    fn what_another_terminal_claimed_is_not_taken_back_here() {
        let standing = [claim("Anzahlung", 5_000, false), claim("Restzahlung", 3_000, true)];
        assert_eq!(correction(&standing, &last(), Cents::new(4_000)), Err(Cents::new(1_000)));
        assert_eq!(correction(&standing, &last(), Cents::new(5_000)), Ok(vec![Step::Cancel(1)]));
    }

    proptest! {
        #[test]
        fn a_correction_comes_to_the_actual_cost_and_a_second_one_changes_nothing(
            parts in proptest::collection::vec(1i64..50_000, 0..4), actual in 0i64..100_000, again in 0i64..100_000,
        ) {
            let names = ["", "Anzahlung", "Restzahlung", "Endabrechnung"];
            let mut standing: Vec<Standing> = parts.iter().zip(names).map(|(cents, name)| claim(name, *cents, true)).collect();
            for wanted in [actual, actual, again] {
                let steps = correction(&standing, &last(), Cents::new(wanted)).expect("all of it is the office's own");
                standing = applied(&standing, &steps);
                prop_assert_eq!(standing.iter().map(|one| one.cents.get()).sum::<i64>(), wanted);
                prop_assert!(standing.iter().all(|one| one.cents > Cents::ZERO));
                let mut charges: Vec<_> = standing.iter().map(|one| one.charge.clone()).collect();
                charges.sort();
                charges.dedup();
                prop_assert_eq!(charges.len(), standing.len(), "one claim a charge, so one claim a slot");
                prop_assert_eq!(correction(&standing, &last(), Cents::new(wanted)), Ok(vec![]));
            }
        }
    }
}
