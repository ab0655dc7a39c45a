//! What people look at: a day, what was claimed and answered, how the box is.

use super::held::OpenHeld;
use super::{Terminal, clock};
use crate::admit::status::DataAge;
use crate::book::decide::data_age;
use crate::book::entry::{ClockState, Head};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{BatchRow, Closing, DayLine, Fact, PaymentRow, Pending, PickupLine};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{OfficeId, TerminalId};
use crate::words::time::UtcMs;

/// The most lines of a day or a batch that are listed.
pub const MAX_LINES: u32 = 5_000;
/// The most batches that are listed.
pub const MAX_BATCHES: u32 = 60;

/// One service day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day {
    /// The day.
    pub day: CivilDay,
    /// When it was closed, each time.
    pub closings: Vec<Closing>,
    /// Whether something was recorded or cancelled for it after it was closed last.
    pub changed_since: bool,
    /// Lessons that have begun and not ended.
    pub running: u64,
    /// How many redemptions count.
    pub count: u64,
    /// Their sum.
    pub cents: Cents,
    /// The redemptions, the latest first.
    pub lines: Vec<DayLine>,
    /// How many have been served: what counts, and what was taken by people who pay for themselves.
    pub served: u64,
    /// What those took, the latest first.
    pub pickups: Vec<PickupLine>,
    /// What is held for that day.
    pub held: Vec<OpenHeld>,
}

/// A batch with its lines and what the office answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The batch.
    pub batch: BatchRow,
    /// Its office.
    pub office: OfficeId,
    /// Its redemptions.
    pub lines: Vec<DayLine>,
    /// The transfers that pay it.
    pub payments: Vec<PaymentRow>,
}

/// How the box is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The terminal.
    pub terminal: TerminalId,
    /// Where its journal ends.
    pub head: Head,
    /// What its clock is worth.
    pub clock: ClockState,
    /// When an office last proved the time.
    pub proven: Option<UtcMs>,
    /// Whether it was restored from a backup.
    pub restored: Option<UtcMs>,
    /// How it stands with each office.
    pub offices: Vec<OfficeStatus>,
    /// Held entries that wait for a card.
    pub held: usize,
}

/// How the box stands with one office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficeStatus {
    /// The office.
    pub id: OfficeId,
    /// Its name.
    pub name: String,
    /// Whether the terminal is admitted now.
    pub admitted: bool,
    /// How old the office's last word is; none when it is too old to go on.
    pub data_age: Option<DataAge>,
    /// When it was last heard of; zero for never.
    pub heard_at: UtcMs,
    /// What it has not confirmed yet.
    pub pending: Pending,
    /// Whether it holds another history of this journal.
    pub disputed: bool,
    /// The terminal that continues this one's journal, as the office says: this box was replaced.
    pub successor: Option<TerminalId>,
}

impl Day {
    /// Whether an entry was recorded after the day had been closed.
    pub fn is_late(&self, seq: u64) -> bool {
        self.closings.first().is_some_and(|first| seq > first.seq)
    }

    /// The same of what was taken beside the journal.
    pub fn is_late_pickup(&self, at: UtcMs) -> bool {
        self.closings.first().is_some_and(|first| at > first.at)
    }
}

impl Terminal {
    /// One service day.
    pub fn day(&mut self, day: CivilDay) -> Result<Day, StoreError> {
        let held = self.open_held()?.into_iter().filter(|h| h.held.day == day).collect();
        self.store.read(|tx| {
            let (count, cents) = tx.day_sum(day)?;
            let closings = tx.closings(day)?;
            let changed_since = match closings.last() {
                Some(last) => tx.changed_since(day, last.seq)?,
                None => false,
            };
            let (lines, pickups) = (tx.day_lines(day, MAX_LINES)?, tx.pickup_lines(day, MAX_LINES)?);
            let (running, served) = (tx.running_lessons(day)?, count.saturating_add(tx.pickups_of_day(day)?));
            Ok(Day { day, closings, changed_since, running, count, cents, lines, served, pickups, held })
        })
    }

    /// The claims sealed last, the latest first.
    pub fn claims(&mut self) -> Result<Vec<Claim>, StoreError> {
        let offices = &self.offices;
        self.store.read(|tx| {
            let mut claims = Vec::new();
            for batch in tx.latest_batches(MAX_BATCHES)? {
                let Some(office) = offices.numbered(batch.office) else { continue };
                let lines = tx.batch_lines(batch.office, batch.first, batch.head.seq, MAX_LINES)?;
                claims.push(Claim { office: office.id.clone(), lines, payments: tx.payments(batch.id)?, batch });
            }
            Ok(claims)
        })
    }

    /// Whether all can be read that a scan needs, the amount of what waits aside: a sign of life costs nothing.
    pub fn is_well(&mut self, now: UtcMs) -> Result<(), StoreError> {
        self.refresh(now)?;
        self.store.read(|tx| clock::read(tx, now).map(|_| ()))
    }

    /// How the box is.
    pub fn status(&mut self, now: UtcMs) -> Result<Status, StoreError> {
        self.refresh(now)?;
        let (terminal, offices) = (self.id(), &self.offices);
        self.store.read(|tx| {
            let clock = clock::read(tx, now)?;
            let mut states = Vec::new();
            for (office, trust) in offices.iter() {
                let house = office.house(trust, clock.state);
                states.push(OfficeStatus {
                    id: office.id.clone(),
                    name: trust.office_name.clone(),
                    admitted: office.credential.as_ref().is_some_and(|c| clock.now < c.expires),
                    data_age: data_age(&house, clock.now).ok().map(|(_, age)| age),
                    heard_at: office.heard_at,
                    pending: tx.pending(office.number)?,
                    disputed: office.disputed,
                    successor: office.successor,
                });
            }
            Ok(Status {
                terminal,
                head: tx.end()?.map_or(Head::start(terminal), |end| end.head),
                clock: clock.state,
                proven: tx.time(Fact::ClockProven)?,
                restored: tx.time(Fact::RestoredAt)?,
                offices: states,
                held: tx.open_held()?.len(),
            })
        })
    }
}
