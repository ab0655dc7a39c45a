//! A restored box is a new terminal: it begins a journal that says what it continues, keeps as spent what the offices had confirmed,
//! and enters again what they had not (formats § 5).

use super::journal::Journal;
use super::neighbours::Talks;
use super::settings::Setting;
use super::{Keys, Offices, Terminal, begin};
use crate::book::decide::Grant;
use crate::book::entry::{Body, Entry, Opened};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{EarlierUse, Fact, HeldRow, LessonRow, TerminalStore, Tx};
use crate::words::chance::Chance;
use crate::words::civil::CivilDay;
use crate::words::ids::{OfficeId, TerminalId};
use crate::words::reason::Reason;
use crate::words::time::UtcMs;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What a restore did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The new terminal.
    pub terminal: TerminalId,
    /// The one it continues.
    pub earlier: TerminalId,
    /// How many entries its journal had; they are kept.
    pub entries: u64,
    /// Redemptions that no office had confirmed: they were entered again.
    pub entered_again: usize,
    /// Held entries that waited for a card: they were entered again.
    pub held_again: usize,
    /// Lessons that had begun and that nobody has ended: they were entered again.
    pub lessons_again: usize,
    /// Entries of the earlier terminal that an office had confirmed, and whose later cancellation it has not heard of.
    pub unsent_cancellations: Vec<u64>,
    /// The offices at which the new terminal must be enrolled.
    pub offices: Vec<OfficeId>,
}

impl Terminal {
    /// Continues, as a new terminal with `keys`, the journal in a copy of an earlier one's database.
    pub fn continue_from(store: &mut TerminalStore, keys: &Keys, chance: &mut Chance, now: UtcMs) -> Result<Restored, StoreError> {
        let terminal = keys.signing.public().terminal_id();
        store.write(|tx| continue_in(tx, terminal, chance, now))
    }
}

/// Why a box cannot go on with an earlier one's journal.
#[derive(Debug, thiserror::Error)]
pub enum CannotTakeOver {
    /// It has a journal of its own that must not be lost.
    #[error("this box is in use already: a backup is restored onto a new box only, so that nothing recorded here is lost")]
    InUse,
    /// What it is to continue is its own: two histories would go on under one id.
    #[error("this is a backup of this very box: restore it into an empty folder, where it becomes a new one")]
    Itself,
    /// A database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Terminal {
    /// Whether nothing was done at this box yet that would be missed: it was never admitted, and nobody was entered.
    pub fn is_unused(&mut self) -> Result<bool, StoreError> {
        self.store.read(|tx| tx.is_unused())
    }

    /// Continues, as the box `terminal`, the journal in a copy of an earlier one's database; [`Terminal::take_over`] puts it in place. That
    /// may take minutes, and needs nothing of the box.
    pub fn continue_as(copy: &mut TerminalStore, terminal: TerminalId, chance: &mut Chance, now: UtcMs) -> Result<Restored, CannotTakeOver> {
        if copy.read(|tx| tx.fact(Fact::Terminal))?.is_some_and(|earlier| earlier == terminal.0) {
            return Err(CannotTakeOver::Itself);
        }
        Ok(copy.write(|tx| continue_in(tx, terminal, chance, now))?)
    }

    /// Puts `copy`, which was continued as this box, into the place of what is here, which nobody has used yet. The tablets and neighbours
    /// this box knows already stay. With an error nothing has changed here.
    pub fn take_over(&mut self, copy: &mut TerminalStore, now: UtcMs) -> Result<(), CannotTakeOver> {
        if !self.is_unused()? {
            return Err(CannotTakeOver::InUse);
        }
        let (devices, neighbours) = self.store.read(|tx| Ok::<_, StoreError>((tx.devices()?, tx.neighbour_addresses()?)))?;
        copy.write(|tx| {
            devices.iter().try_for_each(|device| tx.keep_device(device))?;
            neighbours.iter().try_for_each(|neighbour| tx.keep_neighbour_address(&neighbour.address, None))
        })?;
        let offices = Offices::load(copy, now)?;
        self.store.replace_by(copy)?;
        (self.offices, self.talks) = (offices, Talks::default());
        Ok(())
    }

    /// What the restore did that made this box, while an office has to admit it yet.
    pub fn restored(&mut self) -> Result<Option<Restored>, StoreError> {
        let waits = self.offices.iter().next().is_none() || self.offices.iter().any(|(office, _)| office.credential.is_none());
        let kept = if waits { self.setting(Setting::Restored)? } else { None };
        Ok(kept.and_then(|kept| serde_json::from_str(&kept).ok()))
    }
}

/// Puts the earlier journal aside and begins one that continues it.
fn continue_in(tx: &Tx<'_>, terminal: TerminalId, chance: &mut Chance, now: UtcMs) -> Result<Restored, StoreError> {
    let no_journal = || StoreError::Inconsistent("it has no journal".into());
    let earlier = tx.fact(Fact::Terminal)?.and_then(|id| TerminalId::from_slice(&id)).ok_or_else(no_journal)?;
    let end = tx.end()?.ok_or_else(no_journal)?;
    let offices = tx.offices()?;
    let (mut again, mut unsent_cancellations) = (Vec::new(), Vec::new());
    for office in &offices {
        let confirmed_to = tx.confirmed_to(office.number)?;
        tx.each_redemption_of(office.number, |redemption| {
            let is_confirmed = redemption.seq <= confirmed_to;
            match redemption.cancelled_by {
                Some(by) if is_confirmed && by > confirmed_to => unsent_cancellations.push(redemption.seq),
                Some(_) => {}
                None if is_confirmed => {
                    let at = tx.entry_time(redemption.seq)?.unwrap_or_default();
                    tx.keep_earlier(&EarlierUse { redemption, at })?;
                }
                None => again.push((tx.entry(redemption.seq)?, redemption)),
            }
            Ok(())
        })?;
    }
    let mut held = Vec::new();
    for row in tx.open_held()? {
        held.push((tx.entry(row.seq)?, row));
    }
    let mut lessons = Vec::new();
    for row in tx.open_lessons(CivilDay::EPOCH)? {
        lessons.push((tx.entry(row.seq)?, row));
    }
    let by_list = tx.by_list()?;
    let floor = super::clock::read(tx, now)?.now.max(end.at);
    tx.put_journal_aside(earlier)?;
    let opened = Opened { terminal: Some(earlier), seq: Some(end.head.seq), link: Some(end.head.link) };
    begin(tx, terminal, opened, chance, floor)?;
    let journal = Journal::new(tx, terminal);
    let (mut numbers, mut held_again, mut lessons_again) = (HashMap::new(), 0, 0);
    for (entry, indexed) in again {
        let grant = entry.and_then(|entry: Entry| Grant::again(entry, indexed.slot.day));
        let grant = grant.ok_or_else(|| StoreError::Inconsistent(format!("entry {} is no redemption", indexed.seq)))?;
        numbers.insert(indexed.seq, journal.enter(grant, chance, floor)?.entry.seq);
    }
    for (seq, reason) in by_list {
        if let Some(seq) = numbers.get(&seq) {
            tx.keep_by_list(*seq, &reason)?;
        }
    }
    for (entry, row) in held {
        if let Some(Body::Held(body)) = entry.map(|e| e.body) {
            let entered = journal.record(Body::Held(body), chance, floor)?;
            let rest_of = row.rest_of.and_then(|seq| numbers.get(&seq).copied());
            tx.index_held(&HeldRow { seq: entered.entry.seq, rest_of, ..row })?;
            held_again += 1;
        }
    }
    for (entry, row) in lessons {
        if let Some(Body::Started(body)) = entry.map(|e| e.body) {
            let entered = journal.record(Body::Started(body), chance, floor)?;
            tx.index_lesson(&LessonRow { seq: entered.entry.seq, ..row })?;
            lessons_again += 1;
        }
    }
    tx.renumber_standing(&numbers, Reason::AlreadyRedeemed.code())?;
    tx.keep_time(Fact::RestoredAt, now)?;
    let offices = offices.into_iter().map(|office| office.id).collect();
    let (entries, entered_again) = (end.head.seq, numbers.len());
    let restored = Restored { terminal, earlier, entries, entered_again, held_again, lessons_again, unsent_cancellations, offices };
    let kept = serde_json::to_string(&restored).map_err(|error| StoreError::Inconsistent(error.to_string()))?;
    tx.keep_setting(Setting::Restored.name(), Some(&kept))?;
    Ok(restored)
}
