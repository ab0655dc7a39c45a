//! A calendar month: what was claimed, what the offices answered and paid.

use super::Terminal;
use super::view::OfficeStatus;
use crate::deliver::advice::Verdict;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{After, BatchRow, LineFilter, MonthLine, MonthPayment, MonthSum, OfficeNumber, Tx};
use crate::words::civil::CivilMonth;
use crate::words::time::UtcMs;
use std::collections::HashMap;

/// The most lines that came back and are listed at once.
pub const MAX_RETURNED: u32 = 100;

/// How far a line has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It has not been confirmed yet.
    OnTheWay,
    /// The office has it.
    Received,
    /// The office has said this of it.
    Answered(Verdict),
}

/// Up to which entry each office has confirmed this journal.
#[derive(Clone, Debug, Default)]
pub struct Confirmed(HashMap<OfficeNumber, u64>);

impl Confirmed {
    fn read(tx: &Tx<'_>, offices: impl Iterator<Item = OfficeNumber>) -> Result<Self, StoreError> {
        offices.map(|office| Ok((office, tx.confirmed_to(office)?))).collect::<Result<_, _>>().map(Self)
    }

    /// How far a line has come.
    pub fn progress(&self, line: &MonthLine) -> Progress {
        match &line.advised {
            Some(advised) => Progress::Answered(advised.verdict),
            None if self.0.get(&line.office).is_some_and(|to| line.seq <= *to) => Progress::Received,
            None => Progress::OnTheWay,
        }
    }
}

/// One calendar month of service days.
#[derive(Clone, Debug)]
pub struct Month {
    /// By office and service.
    pub sums: Vec<MonthSum>,
    /// The transfers that pay for it.
    pub payments: Vec<MonthPayment>,
    /// Some of its lines.
    pub lines: Vec<MonthLine>,
    /// How far the offices have confirmed.
    pub confirmed: Confirmed,
    /// The first month there is anything for.
    pub first: CivilMonth,
}

/// What is going on between the box and the offices.
#[derive(Clone, Debug)]
pub struct Business {
    /// How it stands with each office, with the claims that are stuck there.
    pub offices: Vec<(OfficeStatus, Vec<BatchRow>)>,
    /// What came back and nobody has dealt with, at most [`MAX_RETURNED`].
    pub returned: Vec<MonthLine>,
    /// How much of it there is.
    pub returned_count: u64,
}

impl Terminal {
    /// A month, with at most `limit` of its lines after the first `skip`.
    pub fn month(&mut self, month: CivilMonth, filter: &LineFilter, skip: u64, limit: u32) -> Result<Month, StoreError> {
        let offices: Vec<OfficeNumber> = self.offices.iter().map(|(office, _)| office.number).collect();
        self.store.read(|tx| {
            Ok(Month {
                sums: tx.month_sums(month)?,
                payments: tx.month_payments(month)?,
                lines: tx.month_lines(month, filter, None, skip, limit)?,
                confirmed: Confirmed::read(tx, offices.iter().copied())?,
                first: tx.first_service_day()?.map_or(month, |day| day.month()),
            })
        })
    }

    /// Lines of a month that follow `after`, at most `limit`: so that a long list is read in pieces and a scan between them waits for none.
    pub fn month_lines(
        &mut self,
        month: CivilMonth,
        filter: &LineFilter,
        after: Option<After>,
        limit: u32,
    ) -> Result<(Vec<MonthLine>, Confirmed), StoreError> {
        let offices: Vec<OfficeNumber> = self.offices.iter().map(|(office, _)| office.number).collect();
        self.store.read(|tx| Ok((tx.month_lines(month, filter, after, 0, limit)?, Confirmed::read(tx, offices.iter().copied())?)))
    }

    /// What is going on between the box and the offices.
    pub fn business(&mut self, now: UtcMs) -> Result<Business, StoreError> {
        let status = self.status(now)?;
        let numbers: Vec<OfficeNumber> = self.offices.iter().map(|(office, _)| office.number).collect();
        self.store.read(|tx| {
            let mut stuck = tx.stuck_batches()?;
            let mut offices = Vec::new();
            for (office, number) in status.offices.into_iter().zip(numbers) {
                let (its, others) = stuck.into_iter().partition(|batch| batch.office == number);
                stuck = others;
                offices.push((office, its));
            }
            Ok(Business { offices, returned: tx.returned_lines(MAX_RETURNED)?, returned_count: tx.returned_count()? })
        })
    }
}
