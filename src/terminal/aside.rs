//! Days are closed.

use super::{Terminal, clock};
use crate::book::entry::{Body, Closed};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::Closing;
use crate::words::chance::Chance;
use crate::words::civil::CivilDay;
use crate::words::time::UtcMs;

impl Terminal {
    /// Records that a day is closed, unless it is and nothing has changed since; says when, and whether it was before.
    pub fn close_day(&mut self, day: CivilDay, chance: &mut Chance, now: UtcMs) -> Result<(Closing, bool), StoreError> {
        self.at_desk(now, |desk| {
            if let Some(last) = desk.tx().closings(day)?.last().copied()
                && !desk.tx().changed_since(day, last.seq)?
            {
                return Ok((last, true));
            }
            clock::note(desk.journal, desk.clock, chance)?;
            let entered = desk.journal.record(Body::Closed(Closed { day }), chance, desk.clock.now)?;
            Ok((Closing { seq: entered.entry.seq, at: entered.entry.at }, false))
        })
    }
}
