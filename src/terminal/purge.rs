//! What a box need not keep any more: counted first, then erased, with an entry in the journal that says so (formats § 1, `purge`).

use super::Terminal;
use super::journal::Journal;
use crate::book::entry::{Body, Entry, Purge};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::purge::Erasable;
use crate::words::chance::Chance;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::time::UtcMs;

/// For how many months after the end of their year entries are kept, where nothing else is said: vouchers (§ 147 (3), (4) AO).
pub const MONTHS_KEPT: u32 = 96;

/// What was counted or erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Count {
    /// What is older than this day may go.
    pub before: CivilDay,
    /// How much may go.
    pub erasable: Erasable,
}

impl Count {
    /// All that may go, in one number.
    pub const fn total(&self) -> u64 {
        let Erasable { entries, cards, people, pickups, .. } = self.erasable;
        entries + cards + people + pickups
    }
}

/// Why nothing was erased.
#[derive(Debug, thiserror::Error)]
pub enum NotErased {
    /// The number is another one than what is there now.
    #[error("there are {now} records to erase, not {named}: look again with --dry-run; nothing was erased")]
    AnotherNumber {
        /// What is there now.
        now: u64,
        /// What was named.
        named: u64,
    },
    /// The database could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Terminal {
    /// Counts what is older than `months` after the end of its year. Nothing is changed.
    pub fn erasable(&mut self, months: u32, now: UtcMs) -> Result<Count, StoreError> {
        let month = CivilDay::of(now).month().months().saturating_sub(months);
        let before = CivilMonth::from_months(u64::from(month - month % 12)).map_or(CivilDay::EPOCH, CivilMonth::first_day);
        let erasable = self.store.read(|tx| tx.erasable(before))?;
        Ok(Count { before, erasable })
    }

    /// Erases exactly as much as was counted, `total` in all: hashes stay in the place of entries, and the chain stays provable.
    pub fn erase(&mut self, months: u32, total: u64, chance: &mut Chance, now: UtcMs) -> Result<Count, NotErased> {
        let count = self.erasable(months, now)?;
        if count.total() != total {
            return Err(NotErased::AnotherNumber { now: count.total(), named: total });
        }
        let terminal = self.id();
        let time = count.before.midnight().ms();
        self.store.write(|tx| {
            tx.erase_earlier(time, personal)?;
            if let Some((first, last)) = tx.erase_entries(time)? {
                Journal::new(tx, terminal).record(Body::Purge(Purge { first, last }), chance, now)?;
            }
            tx.erase_cards_and_people(count.before)
        })?;
        self.store.compact()?;
        Ok(count)
    }
}

/// When an entry that names a child was made; none for another one.
fn personal(bytes: &[u8]) -> Option<UtcMs> {
    let entry = Entry::from_bytes(bytes).ok()?;
    matches!(entry.body, Body::Redemption(_) | Body::Held(_) | Body::Started(_)).then_some(entry.at)
}
