//! The way between a terminal and an office: the network loses, doubles, delays, reorders and cuts, questions and answers alike; a
//! stick takes its time, may be read twice, and may end up in a drawer.

use super::weather::{Fault, Setup};
use crate::words::chance::Chance;

/// The shortest and longest way of a message that is not delayed, in milliseconds.
const QUICK_MS: (u32, u32) = (20, 3_000);
/// The longest delay: two days.
const LONGEST_DELAY_MS: u32 = 2 * 86_400_000;

/// A message that will arrive.
#[derive(Debug)]
pub(super) struct Arrival {
    /// After how many milliseconds.
    pub after_ms: u64,
    /// What is left of it.
    pub bytes: Vec<u8>,
    /// Whether it is not whole.
    pub cut: bool,
}

/// What became of a message on its way.
#[derive(Debug, Default)]
pub(super) struct Way {
    /// No arrival, one, or two; later ones may be overtaken by messages sent after them.
    pub arrivals: Vec<Arrival>,
    /// What went wrong, in words for the count.
    pub faults: Vec<&'static str>,
}

/// Carries a message that nothing happens to.
pub(super) fn calm(bytes: &[u8]) -> Way {
    Way { arrivals: vec![Arrival { after_ms: 1, bytes: bytes.to_vec(), cut: false }], faults: Vec::new() }
}

/// Carries a message by network. What may not go wrong is drawn all the same, so that the rest happens as it would have.
pub(super) fn by_network(bytes: &[u8], setup: &Setup, chance: &mut Chance) -> Way {
    let lost = chance.below(100) < 15 * setup.storm() && setup.has(Fault::Lost);
    let doubled = chance.below(100) < 10 * setup.storm() && setup.has(Fault::Doubled);
    let mut way = Way::default();
    let copies = match (lost, doubled) {
        (true, _) => 0,
        (false, true) => 2,
        (false, false) => 1,
    };
    way.faults.extend(lost.then_some("messages lost"));
    way.faults.extend((copies == 2).then_some("messages doubled"));
    for _ in 0..copies {
        let after_ms = match chance.below(100) {
            0..4 if setup.has(Fault::Delayed) => chance.below(LONGEST_DELAY_MS),
            4..15 if setup.has(Fault::Delayed) => chance.below(4 * 3_600_000),
            _ => QUICK_MS.0 + chance.below(QUICK_MS.1),
        };
        way.faults.extend((after_ms > QUICK_MS.0 + QUICK_MS.1).then_some("messages delayed"));
        let (cut, share) = (chance.below(100) < 4 * setup.storm() && setup.has(Fault::Cut), chance.below(1000) as usize);
        way.faults.extend(cut.then_some("messages cut"));
        let length = if cut { bytes.len() * share / 1000 } else { bytes.len() };
        way.arrivals.push(Arrival { after_ms: after_ms.into(), bytes: bytes.iter().take(length).copied().collect(), cut });
    }
    way
}

/// Carries a message on a stick.
pub(super) fn by_stick(bytes: &[u8], setup: &Setup, chance: &mut Chance) -> Way {
    let forgotten = chance.below(100) < 5;
    let twice = chance.below(100) < 20 && setup.has(Fault::Doubled);
    let mut way = Way { faults: vec!["sticks"], ..Way::default() };
    way.faults.extend(forgotten.then_some("sticks forgotten"));
    way.faults.extend((twice && !forgotten).then_some("sticks read twice"));
    for _ in 0..if forgotten { 0 } else { 1 + u32::from(twice) } {
        let after_ms = u64::from(600_000 + chance.below(36 * 3_600_000));
        way.arrivals.push(Arrival { after_ms, bytes: bytes.to_vec(), cut: false });
    }
    way
}

#[cfg(test)]
mod tests {
    use super::super::weather::Kind;
    use super::*;

    #[test]
    fn every_fault_happens_and_none_when_faults_have_stopped() {
        let (mut chance, setup) = (Chance::seeded(1), Setup::new(Kind::Town, 1, 1));
        let sent = vec![7; 100];
        let ways: Vec<Way> = (0..500).map(|_| by_network(&sent, &setup, &mut chance)).collect();
        assert!(ways.iter().any(|way| way.arrivals.is_empty()) && ways.iter().any(|way| way.arrivals.len() == 2));
        let mut arrivals = ways.iter().flat_map(|way| &way.arrivals);
        assert!(arrivals.clone().any(|a| a.cut && a.bytes.len() < 100) && arrivals.any(|a| a.after_ms > 3_600_000));
        assert!((0..100).any(|_| by_stick(&sent, &setup, &mut chance).arrivals.is_empty()));
        let quiet = Setup::new(Kind::Quiet, 1, 1);
        for way in (0..500).map(|_| by_network(&sent, &quiet, &mut chance)) {
            assert!(way.faults.is_empty() && way.arrivals.len() == 1 && way.arrivals[0].bytes == sent);
        }
    }
}
