//! Money that providers pay back by themselves: one clerk notes it, another one confirms it, and the next run nets it with what is due.

use super::audit::Action;
use super::settle::clerk;
use super::{Office, OfficeError, Work};
use crate::settle::settlement::SameClerk;
use crate::shell::store::office::admission;
use crate::shell::store::office::repayments::{self, Noted};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{ProviderNumber, RepaymentNumber};
use crate::words::time::UtcMs;

/// The longest note on a repayment in characters.
pub const MAX_REPAYMENT_NOTE: usize = 200;

/// Money a provider paid back, as a clerk enters it.
#[derive(Clone, Copy, Debug)]
pub struct NewRepayment<'a> {
    /// Who paid.
    pub provider: ProviderNumber,
    /// How much, above zero.
    pub cents: Cents,
    /// When it came in.
    pub day: CivilDay,
    /// What the clerk notes; stays in the office.
    pub note: &'a str,
}

impl Office {
    /// Notes that a provider has paid back this sum, on `day`, once a form. Nothing is netted before another clerk has confirmed it.
    pub fn note_repayment(&mut self, form: &str, new: &NewRepayment<'_>, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        let NewRepayment { provider, cents, day, note } = *new;
        if cents <= Cents::ZERO || cents > Cents::MAX_SINGLE {
            return Err(OfficeError::Wrong("a repayment is above nothing and at most a million euros: enter the sum of the bank statement".into()));
        }
        let noted = Noted { provider, cents, day, note: note.to_owned(), clerk: by.to_owned(), at: now, undoes: None };
        self.once(form, now, |work| work.note_repayment(noted, "Rückzahlung vermerkt"), |()| String::new())?;
        Ok(())
    }

    /// Notes that a confirmed repayment was entered by mistake: once another clerk has confirmed that too, the two make up for each other.
    /// Only as long as no run has netted it, and once. A run that waits and was drawn up of it is not released any more.
    pub fn note_repayment_undone(&mut self, number: RepaymentNumber, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            let may_be_undone =
                |one: &repayments::Repayment| one.second.is_some() && one.settled == Cents::ZERO && one.noted.undoes.is_none() && !one.is_undone;
            let known = repayments::of_number(&work.db, number)?.filter(may_be_undone).ok_or(OfficeError::Overtaken)?;
            let (cents, note) = (Cents::ZERO.minus(known.noted.cents), format!("Zurückgenommen: {}", known.noted.note));
            let noted = Noted { cents, note, clerk: by.to_owned(), at: now, undoes: Some(number), ..known.noted };
            work.note_repayment(noted, "Rücknahme einer Rückzahlung vermerkt")
        })
    }

    /// A second clerk confirms the repayment of `cents` that she was shown, so that the next run nets it, or gives it up.
    pub fn confirm_repayment(&mut self, number: RepaymentNumber, cents: Cents, confirm: bool, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        let second = clerk(by)?;
        self.in_transaction(|work| {
            let waiting = repayments::of_number(&work.db, number)?.filter(|one| one.second.is_none() && one.noted.cents == cents);
            let noted = waiting.ok_or(OfficeError::Overtaken)?.noted;
            let about = format!("provider/{}", noted.provider);
            if !confirm {
                repayments::drop(&work.db, number)?;
                return work.note(by, Action::DrawUp, &about, "Rückzahlung verworfen", now);
            }
            work.must_be_compared()?;
            if clerk(&noted.clerk)? == second {
                return Err(SameClerk(second).into());
            }
            repayments::confirm(&work.db, number, second.as_str(), now)?;
            work.note(second.as_str(), Action::Release, &about, &format!("Rückzahlung {number} bestätigt"), now)
        })
    }
}

impl Work<'_> {
    fn note_repayment(&mut self, noted: Noted, what: &str) -> Result<(), OfficeError> {
        let by = clerk(&noted.clerk)?;
        let note = noted.note.trim().chars().take(MAX_REPAYMENT_NOTE).collect();
        let (provider, at) = (noted.provider, noted.at);
        if admission::provider(&self.db, provider)?.is_none() {
            return Err(OfficeError::NotFound(format!("there is no provider {provider}")));
        }
        repayments::note(&self.db, &Noted { note, clerk: by.as_str().to_owned(), ..noted })?;
        self.note(by.as_str(), Action::DrawUp, &format!("provider/{provider}"), &format!("{what}, wartet auf Bestätigung"), at)
    }
}
