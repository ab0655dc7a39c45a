//! Whether the box's clock can be right. A dead battery must not date meals to 1970, and nobody should be able to win by turning it.
//!
//! The floor is the latest time that is known to have passed: the last entry's, or the last an office proved. A clock clearly before
//! it is suspect. An office's answer to a question of ours proves the time between question and answer, and sets the floor anew.

use super::journal::Journal;
use crate::book::entry::{Body, ClockJump, ClockState};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{ClockKept, Fact, Tx};
use crate::words::chance::Chance;
use crate::words::time::UtcMs;

/// How far a clock may be off before it counts as wrong.
pub const TOLERANCE_MS: u64 = 5 * 60 * 1000;
/// 2026-01-01T00:00:00Z, before the first version of this program: no right clock shows an earlier time.
pub const EARLIEST: UtcMs = UtcMs(1_767_225_600_000);

/// A look at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// The time to record: the clock's, but never a little before what has passed already.
    pub now: UtcMs,
    /// Whether it can be right.
    pub state: ClockState,
    /// The latest time known to have passed.
    floor: UtcMs,
    /// What was last recorded of it.
    recorded: ClockState,
}

/// Looks at the clock, which shows `now`.
pub(super) fn read(tx: &Tx<'_>, now: UtcMs) -> Result<Reading, StoreError> {
    let kept = tx.clock()?;
    let (floor, recorded) = (floor(&kept), state_of(&kept));
    let runs_ahead = kept.ahead.is_some_and(|found| now >= found);
    if runs_ahead || now.plus_ms(TOLERANCE_MS) < floor {
        Ok(Reading { now, state: ClockState::Suspect, floor, recorded })
    } else {
        Ok(Reading { now: now.max(floor), state: ClockState::Ok, floor, recorded })
    }
}

/// What was last recorded of the clock.
pub(super) fn recorded(tx: &Tx<'_>) -> Result<ClockState, StoreError> {
    Ok(state_of(&tx.clock()?))
}

const fn state_of(kept: &ClockKept) -> ClockState {
    if kept.is_suspect { ClockState::Suspect } else { ClockState::Ok }
}

/// Entries written under a suspect clock prove nothing, so the floor is then the one kept before it.
fn floor(kept: &ClockKept) -> UtcMs {
    let floor = kept.floor.unwrap_or_default().max(EARLIEST);
    let last = if kept.is_suspect { None } else { kept.last };
    last.map_or(floor, |last| last.max(floor))
}

/// Records the clock's state once each time it changes.
pub(super) fn note(journal: Journal<'_>, reading: Reading, chance: &mut Chance) -> Result<(), StoreError> {
    // What the reading says was recorded is asked again only where it matters: the same reading may have been noted before.
    if reading.recorded == reading.state || recorded(journal.tx)? == reading.state { Ok(()) } else { turn(journal, reading, chance) }
}

fn turn(journal: Journal<'_>, reading: Reading, chance: &mut Chance) -> Result<(), StoreError> {
    let tx = journal.tx;
    tx.keep_time(Fact::ClockFloor, reading.floor)?;
    if reading.state == ClockState::Suspect {
        tx.keep_fact(Fact::ClockState, &[1])?;
    } else {
        tx.forget_fact(Fact::ClockState)?;
        tx.forget_fact(Fact::ClockAhead)?;
    }
    journal.record(Body::Clock(ClockJump { before: reading.floor, state: reading.state }), chance, reading.now)?;
    Ok(())
}

/// An office has proved the time: it wrote `proven` after our question of `asked` (by our clock) and before `now` (by our clock).
pub(super) fn prove(journal: Journal<'_>, asked: UtcMs, proven: UtcMs, chance: &mut Chance, now: UtcMs) -> Result<(), StoreError> {
    let tx = journal.tx;
    let kept = tx.clock()?;
    let (before, recorded) = (floor(&kept), state_of(&kept));
    let runs_ahead = asked > proven.plus_ms(TOLERANCE_MS) && now >= asked;
    let runs_behind = now.plus_ms(TOLERANCE_MS) < proven;
    tx.keep_time(Fact::ClockProven, proven)?;
    if runs_ahead {
        tx.keep_time(Fact::ClockAhead, now)?;
    } else {
        tx.forget_fact(Fact::ClockAhead)?;
    }
    let state = if runs_ahead || runs_behind { ClockState::Suspect } else { ClockState::Ok };
    let lowered = before > now.plus_ms(TOLERANCE_MS) && state == ClockState::Ok;
    if recorded != state || lowered {
        turn(journal, Reading { now, state, floor: proven, recorded }, chance)
    } else {
        tx.keep_time(Fact::ClockFloor, proven)
    }
}
