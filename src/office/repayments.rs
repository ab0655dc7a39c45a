//! Money that providers pay back by themselves: one clerk notes it, another one confirms it, and it settles exactly what is owed.

use super::audit::Action;
use super::settle::{accounts, clerk, open_sums, run_number};
use super::{Office, OfficeError, Work};
use crate::settle::clerk::Clerk;
use crate::settle::run::Run;
use crate::settle::selection::Selection;
use crate::settle::settlement::{Draft, SameClerk};
use crate::shell::store::office::bank::{self, Noted, Repayment};
use crate::shell::store::office::{lines, payable, payments};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::ProviderNumber;
use crate::words::time::UtcMs;

/// The longest note on a repayment in characters.
pub const MAX_REPAYMENT_NOTE: usize = 200;

fn only(provider: ProviderNumber) -> Selection {
    Selection { providers: Some([provider].into()), ..Selection::default() }
}

impl Office {
    /// Notes that a provider has paid back exactly what he owes, on `day`. Nothing is settled before another clerk has confirmed it.
    pub fn note_repayment(
        &mut self,
        provider: ProviderNumber,
        cents: Cents,
        day: CivilDay,
        note: &str,
        by: &str,
        now: UtcMs,
    ) -> Result<(), OfficeError> {
        let by = clerk(by)?;
        let note: String = note.trim().chars().take(MAX_REPAYMENT_NOTE).collect();
        self.in_transaction(|work| {
            let owed: Cents = open_sums(&work.db, &only(provider))?.iter().map(|sum| Cents::ZERO.minus(sum.cents)).sum();
            if owed != cents || owed <= Cents::ZERO {
                return Err(OfficeError::Overtaken);
            }
            bank::keep_noted(&work.db, &Noted { provider, cents, day, note, clerk: by.as_str().to_owned(), at: now })?;
            work.note(by.as_str(), Action::DrawUp, &format!("provider/{provider}"), "Rückzahlung vermerkt, wartet auf Bestätigung", now)
        })
    }

    /// A second clerk confirms the repayment of `cents` that she was shown, which closes what is owed, or gives it up. Answers the number
    /// under which it is settled.
    pub fn confirm_repayment(
        &mut self,
        provider: ProviderNumber,
        cents: Cents,
        confirm: bool,
        by: &str,
        now: UtcMs,
    ) -> Result<Option<u32>, OfficeError> {
        let second = clerk(by)?;
        self.in_transaction(|work| {
            let noted = bank::noted(&work.db)?.into_iter().find(|noted| (noted.provider, noted.cents) == (provider, cents));
            let noted = noted.ok_or(OfficeError::Overtaken)?;
            if !confirm {
                bank::drop_noted(&work.db, provider)?;
                work.note(by, Action::DrawUp, &format!("provider/{provider}"), "Rückzahlung verworfen", now)?;
                return Ok(None);
            }
            let first = clerk(&noted.clerk)?;
            if first == second {
                return Err(SameClerk(second).into());
            }
            bank::drop_noted(&work.db, provider)?;
            work.settle_repayment(&noted, first, &second, now).map(Some)
        })
    }
}

impl Work<'_> {
    fn settle_repayment(&mut self, noted: &Noted, first: Clerk, second: &Clerk, now: UtcMs) -> Result<u32, OfficeError> {
        self.must_be_compared()?;
        if let Some(waiting) = payments::signed_once(&self.db)? {
            return Err(OfficeError::RunWaits { number: waiting.number, by: waiting.first.0 });
        }
        let selection = only(noted.provider);
        let open = payable::open_lines(&self.db, &selection)?;
        let number = payments::next_number(&self.db)?;
        let run = Run { office: self.profile.id.clone(), number: run_number(number)?, execution_date: CivilDay::of(now) };
        let execution = run.execution_date;
        let accounts = accounts(&self.db, &open)?;
        let signed = Draft::of(run, selection.clone(), open, &accounts, now)?.sign(first, now);
        let owed = signed.plan().carried_over.first().map_or(Cents::ZERO, |carried| Cents::ZERO.minus(carried.sum));
        if owed != noted.cents || owed == Cents::ZERO {
            return Err(OfficeError::Overtaken);
        }
        let lines = signed.plan().carried_over.iter().map(|carried| carried.lines.len() as u64).sum::<u64>();
        let (content, first) = (signed.first().content, (noted.clerk.clone(), noted.at));
        payments::insert_signed(&self.db, &payments::RunRow { number, released: false, execution, selection, content, first, second: None })?;
        payable::insert_drawn(&self.db, signed.plan())?;
        if payable::settle_drawn(&self.db, number, true)? != lines {
            return Err(OfficeError::Overtaken);
        }
        let Noted { provider, cents, day, note, clerk, .. } = noted.clone();
        bank::insert_repayment(&self.db, &Repayment { run: number, provider, cents, day, note, clerk, second: second.as_str().to_owned() }, now)?;
        lines::batches_to_advise(&self.db, usize::MAX)?.into_iter().try_for_each(|batch| self.advise_batch(batch, now))?;
        self.note(second.as_str(), Action::Release, &format!("run/{number}"), &format!("Rückzahlung des Anbieters {provider}"), now)?;
        Ok(number)
    }
}
