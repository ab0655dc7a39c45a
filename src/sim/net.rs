//! The network between a terminal and the office: it loses, doubles, delays, reorders and cuts, questions and answers alike.

use crate::words::chance::Chance;

/// The shortest and longest way of a message that is not delayed, in milliseconds.
const QUICK_MS: (u32, u32) = (20, 3_000);
/// The longest delay: two days, as by a stick in a pocket.
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

/// What becomes of a message: no arrival, one, or two; later ones may be overtaken by messages sent after them.
pub(super) fn carry(bytes: &[u8], faults: bool, chance: &mut Chance) -> Vec<Arrival> {
    if !faults {
        return vec![Arrival { after_ms: 1, bytes: bytes.to_vec(), cut: false }];
    }
    let copies = match chance.below(100) {
        0..15 => 0,
        15..25 => 2,
        _ => 1,
    };
    (0..copies).map(|_| arrival(bytes, chance)).collect()
}

fn arrival(bytes: &[u8], chance: &mut Chance) -> Arrival {
    let after_ms = match chance.below(100) {
        0..4 => chance.below(LONGEST_DELAY_MS),
        4..15 => chance.below(4 * 3_600_000),
        _ => QUICK_MS.0 + chance.below(QUICK_MS.1),
    };
    let cut = chance.below(100) < 4;
    let length = if cut { chance.below(u32::try_from(bytes.len()).unwrap_or(u32::MAX)) as usize } else { bytes.len() };
    Arrival { after_ms: after_ms.into(), bytes: bytes.iter().take(length).copied().collect(), cut }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_happens_and_none_when_faults_have_stopped() {
        let mut chance = Chance::seeded(1);
        let sent = vec![7; 100];
        let worlds: Vec<Vec<Arrival>> = (0..500).map(|_| carry(&sent, true, &mut chance)).collect();
        assert!(worlds.iter().any(Vec::is_empty) && worlds.iter().any(|w| w.len() == 2));
        let mut arrivals = worlds.iter().flatten();
        assert!(arrivals.clone().any(|a| a.cut && a.bytes.len() < 100) && arrivals.any(|a| a.after_ms > 3_600_000));
        let calm = carry(&sent, false, &mut chance);
        assert!(calm.len() == 1 && calm[0].bytes == sent);
    }
}
