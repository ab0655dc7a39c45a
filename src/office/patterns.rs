//! Unusual months of providers: looked for after reconciling, answered by a clerk. No line and no payment waits for them.

use super::{Action, Office, OfficeError, Work};
use crate::reconcile::pattern::{Limits, patterns};
use crate::shell::store::office::patterns::{self as store, Answer};
use crate::words::civil::CivilDay;
use crate::words::time::UtcMs;

impl Office {
    /// Keeps a clerk's answer to an unusual month. Answers whether it was open: somebody may have been faster.
    pub fn answer_pattern(&mut self, given: &Answer<'_>, now: UtcMs) -> Result<bool, OfficeError> {
        self.in_transaction(|work| {
            let was_open = store::answer(&work.db, given, now)?;
            if was_open {
                let detail = format!("Auffälligkeit {} im {}: {}", given.kind.name(), given.month.german(), given.answer);
                work.note(given.clerk, Action::Rule, &format!("provider/{}", given.provider), &detail, now)?;
            }
            Ok(was_open)
        })
    }

    /// Changes from where on something is unusual, for the months that begin on or after a day.
    pub fn set_pattern_limits(&mut self, from: CivilDay, limits: &Limits, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            store::set_limits(&work.db, from, limits)?;
            work.look_for_patterns()?;
            let detail = format!(
                "ab {}: Karte vergessen {} %, Nummer getippt {} %, mindestens {} Abholungen, {} Tage, {} Kinder, {} Wochenendessen, {} Sekunden",
                from.german(),
                limits.forgotten_percent,
                limits.typed_percent,
                limits.fewest,
                limits.present_days,
                limits.present_children,
                limits.weekend_meals,
                limits.seconds_apart
            );
            work.note(by, Action::Setting, "patterns", &detail, now)
        })
    }
}

impl Work<'_> {
    /// Looks through the months in which redemptions came or went.
    pub(super) fn look_for_patterns(&self) -> Result<(), OfficeError> {
        for (month, lines) in store::due_months(&self.db)? {
            let (counts, limits) = (store::counts(&self.db, month)?, store::limits(&self.db, month)?);
            let mut found = Vec::new();
            for one in &counts {
                found.extend(patterns(one, &counts, &limits).into_iter().map(|pattern| (one.provider, pattern)));
            }
            store::keep(&self.db, month, &found)?;
            store::note_looked(&self.db, month, lines)?;
        }
        Ok(())
    }
}
