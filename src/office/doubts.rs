//! What a bank says that does not fit is kept until a clerk has closed it: with a reason, by counting a payment as returned, or by finding
//! that it was paid after all.

use super::audit::Action;
use super::bank::CamtOutcome;
use super::{Office, OfficeError, Work};
use crate::shell::store::office::bank::{self, Back, PaymentState};
use crate::shell::store::office::doubts::{self, Said};
use crate::words::civil::CivilDay;
use crate::words::time::UtcMs;
use serde::Serialize;

/// The longest reason for closing a doubt, in characters.
pub const MAX_DOUBT_NOTE: usize = 200;
/// The kind under which a return is on record that a clerk entered and no bank file spoke of.
const BY_HAND: &str = "by_hand";
/// The kind under which it is on record that a clerk took such a return back.
pub const NOT_BACK: &str = "not_back";

/// Why an entry with a reference of ours changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The amount is not that of the payment.
    OtherAmount,
    /// It was booked after it came back or was rejected.
    BookedAfterReturn,
    /// It is said to be rejected, but was booked, or was rejected only because it was handed in twice.
    PaidAllTheSame,
    /// The bank booked it on another day too.
    BookedTwice,
    /// The bank booked a whole order of ours, but not the sum that stands.
    OtherSum,
}

impl Doubt {
    /// The stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::OtherAmount => "other_amount",
            Self::BookedAfterReturn => "booked_after_return",
            Self::PaidAllTheSame => "paid_all_the_same",
            Self::BookedTwice => "booked_twice",
            Self::OtherSum => "other_sum",
        }
    }

    /// The doubt with this stable name.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::OtherAmount, Self::BookedAfterReturn, Self::PaidAllTheSame, Self::BookedTwice, Self::OtherSum]
            .into_iter()
            .find(|doubt| doubt.code() == code)
    }
}

/// A reason a clerk gave, without which nothing is closed.
fn reason(note: &str) -> Result<String, OfficeError> {
    let note: String = note.trim().chars().take(MAX_DOUBT_NOTE).collect();
    if note.is_empty() { Err(OfficeError::Wrong("say in a few words what came out of it".into())) } else { Ok(note) }
}

fn object(payment: &str) -> String {
    format!("payment/{payment}")
}

impl Office {
    /// Closes a doubt: it is cleared up, and what stands is right. A payment that was booked after it came back is then paid again.
    pub fn close_doubt(&mut self, id: i64, note: &str, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        let note = reason(note)?;
        self.in_transaction(|work| {
            let kept = doubts::by_id(&work.db, id)?.ok_or_else(|| OfficeError::NotFound(format!("there is no bank doubt {id}")))?;
            if !doubts::close(&work.db, id, &note, by, now)? {
                return Err(OfficeError::Overtaken);
            }
            let object = kept.payment.as_deref().map_or_else(|| format!("run/{}", kept.run), object);
            work.note(by, Action::BankDoubt, &object, &format!("{} abgeschlossen", kept.kind), now)
        })
    }

    /// A clerk counts a payment as returned on a day, whatever the bank's files say: fees were deducted, or no reference came with it. Its
    /// lines are owed again, once; what bank files say of this return later changes nothing. `why` is the bank's code.
    pub fn returned_by_hand(&mut self, id: &str, why: &str, on: CivilDay, note: &str, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        let note = reason(note)?;
        self.in_transaction(|work| {
            let payment = work.payment(id)?;
            if on > CivilDay::of(now) {
                return Err(OfficeError::Wrong("a payment cannot have come back on a day to come".into()));
            }
            if !bank::take_back(&work.db, &payment, why, Back::ByHand, on, now)? {
                return Err(OfficeError::Overtaken);
            }
            work.advise_payment(&payment, now)?;
            let said = Said { cents: Some(payment.cents), day: Some(on), reason: Some(why.to_owned()) };
            doubts::keep(&work.db, payment.run, Some(id), BY_HAND, &said, now)?;
            work.close_doubts(&payment, &[Doubt::OtherAmount.code(), Doubt::PaidAllTheSame.code(), BY_HAND], &note, by, now)?;
            work.note(by, Action::BankDoubt, &object(id), &format!("am {on} zurückgekommen, von Hand eingetragen"), now)
        })
    }

    /// A clerk found that a payment which was booked after it came back was paid after all, or that it was counted as returned by hand
    /// although it was not: its lines are settled by it as before. What was paid for them once more in the meantime is recovered with the
    /// next run.
    pub fn paid_after_all(&mut self, id: &str, note: &str, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        let note = reason(note)?;
        self.in_transaction(|work| {
            let payment = work.payment(id)?;
            let by_hand = payment.returned_by_hand();
            let closed = work.close_doubts(&payment, &[Doubt::BookedAfterReturn.code()], &note, by, now)?;
            if (closed == 0 && !by_hand) || !bank::undo_return(&work.db, &payment)? {
                return Err(OfficeError::Overtaken);
            }
            if by_hand {
                let said = Said { cents: Some(payment.cents), day: payment.returned.as_ref().map(|(_, on)| *on), reason: None };
                doubts::keep(&work.db, payment.run, Some(id), NOT_BACK, &said, now)?;
                work.close_doubts(&payment, &[NOT_BACK], &note, by, now)?;
            }
            work.advise_payment(&payment, now)?;
            let words = if by_hand { "doch bezahlt, Eintrag von Hand zurückgenommen" } else { "doch bezahlt" };
            work.note(by, Action::BankDoubt, &object(id), words, now)
        })
    }
}

impl Work<'_> {
    fn payment(&self, id: &str) -> Result<PaymentState, OfficeError> {
        bank::payment(&self.db, id)?.ok_or_else(|| OfficeError::NotFound("there is no payment with this reference".into()))
    }

    /// Tells the terminals of all batches that have a share in a payment.
    pub(super) fn advise_payment(&mut self, payment: &PaymentState, now: UtcMs) -> Result<(), OfficeError> {
        bank::batches_of(&self.db, &payment.id)?.into_iter().try_for_each(|batch| self.advise_batch(batch, now))
    }

    fn close_doubts(&self, payment: &PaymentState, kinds: &[&str], note: &str, by: &str, now: UtcMs) -> Result<usize, OfficeError> {
        let mut closed = 0;
        for doubt in doubts::of_run(&self.db, payment.run)? {
            if doubt.payment.as_deref() == Some(&payment.id) && kinds.contains(&doubt.kind.as_str()) {
                closed += usize::from(doubts::close(&self.db, doubt.id, note, by, now)?);
            }
        }
        Ok(closed)
    }

    /// Keeps what does not fit of a payment. What a clerk has closed is known.
    pub(super) fn doubt(&self, payment: &PaymentState, doubt: Doubt, said: &Said, outcome: &mut CamtOutcome, now: UtcMs) -> Result<(), OfficeError> {
        if doubts::keep(&self.db, payment.run, Some(&payment.id), doubt.code(), said, now)? {
            outcome.unclear.push((payment.id.clone(), doubt));
        } else {
            outcome.known += 1;
        }
        Ok(())
    }

    /// Keeps that a whole order was booked in a sum that does not fit.
    pub(super) fn doubt_order(&self, run: u32, order: &str, said: &Said, outcome: &mut CamtOutcome, now: UtcMs) -> Result<(), OfficeError> {
        if doubts::keep(&self.db, run, None, Doubt::OtherSum.code(), said, now)? {
            outcome.unclear.push((order.to_owned(), Doubt::OtherSum));
        } else {
            outcome.known += 1;
        }
        Ok(())
    }

    /// The sum of an order fits by now: what was kept of it is closed.
    pub(super) fn order_fits(&self, run: u32, said: &Said, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        for doubt in doubts::of_run(&self.db, run)? {
            if doubt.payment.is_none() && (doubt.said.cents, doubt.said.day) == (said.cents, said.day) {
                doubts::close(&self.db, doubt.id, "passt nach der Meldung über abgelehnte Überweisungen", by, now)?;
            }
        }
        Ok(())
    }
}
