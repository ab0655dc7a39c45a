//! Simulated towns: whatever goes wrong, every rule holds; and what is broken on purpose is caught.

use teilhabe::sim::{Canary, simulate};

#[test]
fn in_a_dozen_towns_every_rule_holds() {
    for seed in 0..12 {
        if let Err(failed) = simulate(seed, 3, None) {
            panic!("seed {seed}: {}\n{}", failed.broken, failed.last.join("\n"));
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let first = simulate(99, 2, None).expect("every rule holds");
    assert_eq!(simulate(99, 2, None).expect("every rule holds"), first);
    assert_ne!(simulate(98, 2, None).expect("every rule holds").trace, first.trace);
}

/// Each broken behaviour is caught, and by the rule that forbids it: otherwise the auditor would see nothing, or by accident.
#[test]
fn what_is_broken_on_purpose_is_caught() {
    let rules = [
        (Canary::GreenBeforeCommit, "green is exactly one entry, refused is none"),
        (Canary::ForgottenLine, "what was green and taken in is exactly one line"),
        (Canary::PaidTwice, "a second run pays nothing again"),
        (Canary::ConflictsPaid, "no slot is settled twice"),
        (Canary::RewrittenEntry, "journals are chained"),
        (Canary::LostAdvice, "terminals are told what is paid"),
    ];
    assert_eq!(rules.map(|(canary, _)| canary), Canary::ALL);
    for (canary, rule) in rules {
        let caught = (0..8).find_map(|seed| simulate(seed, 3, Some(canary)).err());
        assert_eq!(caught.map(|failed| failed.broken.rule), Some(rule), "{canary:?}");
    }
}
