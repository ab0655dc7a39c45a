//! What happens to an approval after it was granted: suspended, lifted, ended, returned, its card given out anew.

use super::audit::Action;
use super::issue::{IssuedToken, StopReason, stopped_for_good};
use super::{Office, OfficeError, Work};
use crate::admit::status::Status;
use crate::reconcile::register::Stop;
use crate::shell::store::office::approvals::{self, Held};
use crate::shell::store::office::{cases, children as db, lines, phones};
use crate::words::civil::CivilDay;
use crate::words::time::UtcMs;

/// What is to be done with an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// For some days nothing can be redeemed: from the first day to the last one, or until it is lifted.
    Suspend {
        /// The first day.
        from: CivilDay,
        /// The last day.
        until: Option<CivilDay>,
    },
    /// Suspensions end: this is the first day on which it can be redeemed again.
    Lift {
        /// The day.
        from: CivilDay,
    },
    /// The entitlement ends: this is the first day on which it no longer holds.
    End {
        /// The day.
        from: CivilDay,
    },
    /// The card was lost or stolen: a new one takes its place, and nothing can be redeemed on the old one from this day on.
    Reissue {
        /// Lost or stolen.
        why: StopReason,
        /// The day.
        from: CivilDay,
    },
    /// The card came back unused: it never counts, and the child is free for another form of the benefit.
    Return,
}

/// What an act came to.
#[derive(Clone, Debug)]
pub struct Acted {
    /// Row id of the child.
    pub child: i64,
    /// The new card, where one was made.
    pub issued: Option<IssuedToken>,
}

/// A sentence for a clerk who asked for what cannot be done.
pub(super) fn cannot(german: impl Into<String>) -> OfficeError {
    OfficeError::Case { german: german.into() }
}

impl Office {
    /// Does something with an approval.
    pub fn act(&mut self, approval: i64, act: Act, by: &str, now: UtcMs) -> Result<Acted, OfficeError> {
        let acted = self.in_transaction(|work| work.act(approval, act, by, now))?;
        self.status = None;
        Ok(acted)
    }

    /// Does something unless the form `form` was carried out before; answers where its answer stands, and what was done now.
    /// `place` tells the address of the answer.
    pub(super) fn once<T>(
        &mut self,
        form: &str,
        now: UtcMs,
        work: impl FnOnce(&mut Work<'_>) -> Result<T, OfficeError>,
        place: impl FnOnce(&T) -> String,
    ) -> Result<(String, Option<T>), OfficeError> {
        let answer = self.in_transaction(|scope| {
            if let Some(place) = approvals::form_done(&scope.db, form)? {
                return Ok((place, None));
            }
            let done = work(scope)?;
            let place = place(&done);
            approvals::set_form_done(&scope.db, form, &place, now)?;
            Ok((place, Some(done)))
        })?;
        self.status = None;
        Ok(answer)
    }

    /// [`Office::act`], once a form.
    pub fn act_once(&mut self, form: &str, approval: i64, act: Act, by: &str, now: UtcMs) -> Result<(String, Option<Acted>), OfficeError> {
        let place = |acted: &Acted| match &acted.issued {
            Some(issued) => format!("/cases/{}?done=reissued&card={}", acted.child, issued.token.id),
            None => format!("/cases/{}?done={}", acted.child, act.code()),
        };
        self.once(form, now, |work| work.act(approval, act, by, now), place)
    }
}

impl Act {
    /// The stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Suspend { .. } => "suspended",
            Self::Lift { .. } => "lifted",
            Self::End { .. } => "ended",
            Self::Reissue { .. } => "reissued",
            Self::Return => "returned",
        }
    }
}

impl Work<'_> {
    pub(super) fn act(&mut self, approval: i64, act: Act, by: &str, now: UtcMs) -> Result<Acted, OfficeError> {
        let missing = || OfficeError::NotFound("there is no such approval: look at the case again".into());
        let held = approvals::by_id(&self.db, approval)?.ok_or_else(missing)?;
        if held.changed_to.is_some() {
            return Err(cannot("Diese Bewilligung wurde geändert; es gilt die neue. Bitte den Fall neu öffnen."));
        }
        if let Some((from, _)) = &held.ended {
            return Err(cannot(format!("Diese Bewilligung ist schon beendet, sie gilt nicht mehr ab dem {}.", from.german())));
        }
        let issued = match act {
            Act::Suspend { from, until } => self.suspend(&held, from, until, now)?,
            Act::Lift { from } => self.lift(&held, from)?,
            Act::End { from } => self.end(&held, from, now)?,
            Act::Reissue { why, from } => Some(self.reissue(&held, why, from, now)?),
            Act::Return => self.give_back(&held, now)?,
        };
        lines::mark_dirty(&self.db, held.child)?;
        let detail = issued.as_ref().map_or_else(|| act.code().to_owned(), |new| format!("{}: token/{}", act.code(), new.token.id));
        self.note(by, Action::Token, &format!("approval/{approval}"), &detail, now)?;
        Ok(Acted { child: held.child, issued })
    }

    /// The latest token of an approval with its stops.
    fn in_use(&self, approval: i64) -> Result<(i64, Vec<Stop>), OfficeError> {
        let missing = || cannot("Zu dieser Bewilligung gibt es keine Karte.");
        let (row, ..) = approvals::tokens(&self.db, approval)?.into_iter().next_back().ok_or_else(missing)?;
        Ok((row, db::stops(&self.db, row)?))
    }

    /// The card in use, and the tokens of its approval on phones that are not stopped for good.
    fn with_phones(&self, approval: i64, card: i64) -> Result<Vec<i64>, OfficeError> {
        let mut tokens = vec![card];
        for token in phones::tokens_of_approval(&self.db, approval)? {
            if stopped_for_good(&db::stops(&self.db, token)?).is_none() {
                tokens.push(token);
            }
        }
        Ok(tokens)
    }

    fn suspend(&mut self, held: &Held, from: CivilDay, until: Option<CivilDay>, now: UtcMs) -> Result<Option<IssuedToken>, OfficeError> {
        if until.is_some_and(|until| until < from) {
            return Err(cannot("Die Aussetzung endet vor ihrem Beginn: bitte von und bis prüfen."));
        }
        inside(held, from)?;
        let (row, stops) = self.in_use(held.id)?;
        if stopped_for_good(&stops).is_some() {
            return Err(cannot("Die Karte ist gesperrt: Es gibt nichts auszusetzen. Bitte erst eine neue Karte ausstellen."));
        }
        let last = until.unwrap_or(CivilDay::MAX);
        let overlapping = |s: &&Stop| s.status == Status::Suspended && s.from <= last && s.until.is_none_or(|until| from <= until && s.from <= until);
        if let Some(other) = stops.iter().find(overlapping) {
            return Err(cannot(format!("Für diese Tage ist schon ausgesetzt (ab {}). Bitte erst aufheben.", other.from.german())));
        }
        for token in self.with_phones(held.id, row)? {
            db::insert_stop(&self.db, token, &Stop { status: Status::Suspended, from, until, recorded: now }, "suspended")?;
        }
        Ok(None)
    }

    fn lift(&mut self, held: &Held, from: CivilDay) -> Result<Option<IssuedToken>, OfficeError> {
        let (row, _) = self.in_use(held.id)?;
        let mut lifted = 0;
        for token in self.with_phones(held.id, row)? {
            lifted += cases::lift(&self.db, token, from)?;
        }
        if lifted == 0 {
            return Err(cannot(format!("Ab dem {} ist nichts ausgesetzt: Es gibt nichts aufzuheben.", from.german())));
        }
        Ok(None)
    }

    fn end(&mut self, held: &Held, from: CivilDay, now: UtcMs) -> Result<Option<IssuedToken>, OfficeError> {
        if from > held.approval.to.last_day() {
            return Err(cannot(format!("Die Bewilligung endet ohnehin am {}.", held.approval.to.last_day().german())));
        }
        self.stop_all(held.id, Status::Revoked, from, StopReason::Ended.name(), now)?;
        approvals::end(&self.db, held.id, from.max(held.approval.from.first_day()), StopReason::Ended.name())?;
        Ok(None)
    }

    fn reissue(&mut self, held: &Held, why: StopReason, from: CivilDay, now: UtcMs) -> Result<IssuedToken, OfficeError> {
        let missing = || OfficeError::NotFound("the child of this approval is gone: look at the case again".into());
        let child = db::by_id(&self.db, held.child)?.ok_or_else(missing)?;
        let (row, stops) = self.in_use(held.id)?;
        if from > CivilDay::of(now).plus(31) {
            return Err(cannot("Der Tag der Sperre liegt weit in der Zukunft: bitte das Datum prüfen."));
        }
        if stopped_for_good(&stops).is_none() {
            db::insert_stop(&self.db, row, &Stop { status: Status::Replaced, from, until: None, recorded: now }, why.name())?;
        }
        let token = self.remainder(&child, held.approval.clone(), now)?;
        let issued = self.keep(child.id, held.id, child.reference.unwrap_or_default(), token, Some(row))?;
        self.keep_suspended(Some(row), &issued, now)?;
        Ok(issued)
    }

    /// Takes an unused card back. A claim that arrives later, of a counter that could not know, is still paid (§ 29(2) SGB II).
    fn give_back(&mut self, held: &Held, now: UtcMs) -> Result<Option<IssuedToken>, OfficeError> {
        let used = cases::redeemed_on(&self.db, held.id, held.child, (held.approval.from, held.approval.to))?;
        if used > 0 {
            return Err(cannot(format!(
                "Auf dieser Bewilligung ist schon {used}-mal etwas eingelöst: Sie lässt sich nicht zurückgeben, nur beenden."
            )));
        }
        let first = held.approval.from.first_day();
        self.stop_all(held.id, Status::Revoked, first, "returned", now)?;
        approvals::end(&self.db, held.id, first, "returned")?;
        Ok(None)
    }

    /// Stops every token of an approval that is not stopped for good.
    fn stop_all(&mut self, approval: i64, status: Status, from: CivilDay, why: &str, now: UtcMs) -> Result<(), OfficeError> {
        let cards = approvals::tokens(&self.db, approval)?.into_iter().map(|(row, ..)| row);
        for row in cards.chain(phones::tokens_of_approval(&self.db, approval)?) {
            if stopped_for_good(&db::stops(&self.db, row)?).is_none() {
                db::insert_stop(&self.db, row, &Stop { status, from, until: None, recorded: now }, why)?;
            }
        }
        Ok(())
    }
}

fn inside(held: &Held, day: CivilDay) -> Result<(), OfficeError> {
    if day > held.approval.to.last_day() {
        return Err(cannot(format!("Die Bewilligung endet schon am {}.", held.approval.to.last_day().german())));
    }
    Ok(())
}
