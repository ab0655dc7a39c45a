//! Boxes that were swapped, copied or set back: what the office notices of them, and an office that was itself restored.

use super::{Action, Office, OfficeError, Work};
use crate::book::entry::{Head, Opened};
use crate::shell::store::office::admission::{self, Terminal};
use crate::shell::store::office::{backup, settings, swap, waiting};
use crate::shell::store::sql::Connection;
use crate::words::ids::TerminalId;
use crate::words::time::UtcMs;

/// The setting that says since when payments wait for somebody to compare the bank's statements; empty where they do not.
const COMPARE: &str = "compare_bank";

/// Whether payments wait for somebody to compare the bank's statements, after a restore.
fn waits_for_comparison(db: &Connection) -> Result<bool, OfficeError> {
    Ok(settings::read(db, COMPARE)?.is_some_and(|since| !since.is_empty()))
}

impl Work<'_> {
    /// Refuses whatever settles lines while nobody has compared the bank's statements after a restore.
    pub(super) fn must_be_compared(&self) -> Result<(), OfficeError> {
        if waits_for_comparison(&self.db)? { Err(OfficeError::NotCompared) } else { Ok(()) }
    }

    /// A journal that continues another one: noted where both are of one provider, for nobody can claim to succeed a stranger.
    pub(super) fn note_succession(&self, terminal: &Terminal, opened: &Opened, now: UtcMs) -> Result<(), OfficeError> {
        let earlier = opened.terminal.map(|id| admission::terminal(&self.db, id)).transpose()?.flatten();
        match earlier {
            Some(earlier) if earlier.provider == terminal.provider && earlier.id != terminal.id => {
                Ok(swap::keep_succession(&self.db, terminal.id, earlier.id, now)?)
            }
            _ => Ok(()),
        }
    }

    /// The terminal that continues this one's journal.
    pub(super) fn successor(&self, terminal: &Terminal) -> Result<Option<TerminalId>, OfficeError> {
        Ok(swap::successor(&self.db, terminal.id)?.and_then(|id| TerminalId::from_slice(&id)))
    }

    /// Notes a question whose journal ends before, or beside, what the same terminal has sent: asked by a copy, or after an old image was
    /// put back. A question that was written before the last batch, and came late by stick, says nothing.
    pub(super) fn look_at_head(&self, terminal: &Terminal, head: Head, made: UtcMs, now: UtcMs) -> Result<(), OfficeError> {
        let first = admission::terminal(&self.db, terminal.terminal)?.map_or(terminal.head, |known| known.head);
        let further = waiting::descents(&self.db, terminal.id)?;
        let mut lines = further.iter().map(|line| line.head).chain([first]);
        let is_known = lines.any(|held| head.seq > held.seq || head == held);
        if !is_known && made > swap::last_made(&self.db, terminal.id)? {
            swap::keep_other_state(&self.db, terminal.id, now)?;
        }
        Ok(())
    }
}

impl Office {
    /// After a restore: no number is given away twice, and the log says what happened. Answers the last batch and the last run known here.
    pub fn begin_after_restore(&mut self, now: UtcMs) -> Result<(Option<UtcMs>, Option<u32>), OfficeError> {
        let last = self.in_transaction(|work| {
            backup::leap(&work.db)?;
            settings::write(&work.db, COMPARE, &now.0.to_string())?;
            work.note("cli", Action::Setting, "backup", "aus einer Sicherung wiederhergestellt", now)?;
            Ok(backup::last(&work.db)?)
        })?;
        self.trust = super::trusted::make_trust(&self.db, &self.keys, &self.profile, now)?;
        Ok(last)
    }

    /// Whether payments wait for somebody to compare the bank's statements, after a restore.
    pub fn must_compare(&self) -> Result<bool, OfficeError> {
        waits_for_comparison(&self.db)
    }

    /// Somebody has compared the bank's statements with the runs known here: payments may go on.
    pub fn has_compared(&mut self, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        super::settle::clerk(by)?;
        self.in_transaction(|work| {
            settings::write(&work.db, COMPARE, "")?;
            work.note(by.trim(), Action::Setting, "backup", "Bank nach der Wiederherstellung verglichen", now)
        })
    }
}
