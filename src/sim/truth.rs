//! What people saw, and that the books say the same: the journal of every terminal, and what the office holds of it.

use super::ledger::{At, Ledger};
use super::town::{Till, Town};
use super::{Broken, demand};
use crate::book::entry::{Body, Entry, Head};
use crate::shell::store::StoreError;
use crate::words::benefit::Benefit;
use crate::words::civil::CivilDay;
use crate::words::time::UtcMs;
use std::collections::{BTreeMap, BTreeSet};

/// What a person saw as green.
#[derive(Clone, Debug)]
pub(super) struct Green {
    pub child: usize,
    pub benefit: Benefit,
    pub day: CivilDay,
    pub cents: i64,
    pub units: u64,
    /// What can be used once, in the simulator's own words.
    pub slot: String,
    /// The card that was shown.
    pub card: usize,
    /// The right time at which it was recorded.
    pub at: UtcMs,
    /// The right time of the last answer the terminal had taken in.
    pub knew: UtcMs,
    /// The held entry it settled.
    pub settles: Option<u64>,
}

/// All that people saw.
#[derive(Debug, Default)]
pub(super) struct Truth {
    pub greens: BTreeMap<At, Green>,
    /// Cancelled redemptions, by the entry that cancels.
    pub cancelled: BTreeMap<At, u64>,
    /// What was held, with its service day.
    pub held: BTreeMap<At, Held>,
    /// When a card of a child was stopped: child, card, moment.
    pub stops: BTreeMap<(usize, usize), UtcMs>,
    /// When each till last took an answer in, by the moment it was written.
    pub heard: BTreeMap<usize, UtcMs>,
}

/// A meal served, to be clarified later.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub child: usize,
}

impl Truth {
    /// The green that has a slot at one till, if none has cancelled it.
    pub fn holder(&self, till: usize, slot: &str) -> Option<u64> {
        let live = |at: &At| !self.is_cancelled(*at);
        self.greens.iter().find(|(at, green)| at.0 == till && green.slot == slot && live(at)).map(|(at, _)| at.1)
    }

    /// Whether a redemption was cancelled.
    pub fn is_cancelled(&self, at: At) -> bool {
        self.cancelled.contains_key(&at)
    }

    /// Checks every terminal's journal against what its people saw, and the office's copy against the journal.
    pub fn check_journals(&self, town: &mut Town, ledger: &Ledger) -> Result<(), Broken> {
        for (place, till) in town.tills.iter_mut().enumerate() {
            let head = ledger.heads.get(&place).cloned().unwrap_or_default();
            self.check_journal(place, till, &head)?;
            self.check_copy(place, head.0, ledger)?;
        }
        Ok(())
    }

    /// The chain holds; what was green is in exactly one entry, and nothing else is; the office holds a prefix.
    fn check_journal(&self, place: usize, till: &mut Till, held_by_office: &(u64, Vec<u8>)) -> Result<(), Broken> {
        let mut head = Head::start(till.terminal.id());
        let mut written = Written::default();
        let mut prefix = held_by_office.0 == 0;
        let mut broken = None;
        let walked = till.terminal.store().read(|tx| {
            tx.walk(1, |row| {
                head = head.after(&row.bytes);
                let sound = row.seq == head.seq && row.link == head.link;
                prefix |= held_by_office.0 == head.seq && held_by_office.1 == head.link.0;
                match Entry::from_bytes(&row.bytes) {
                    Ok(entry) if sound && entry.seq == row.seq => written.add(place, entry),
                    Ok(_) => broken = Some(format!("till {place}, entry {}: the chain is broken", row.seq)),
                    Err(error) => broken = Some(format!("till {place}, entry {}: {error}", row.seq)),
                }
                Ok::<_, StoreError>(broken.is_none())
            })
        });
        walked.map_err(|error| Broken::unexpected("a journal cannot be read", &error))?;
        demand(broken.is_none(), "journals are chained", || broken.unwrap_or_default())?;
        demand(prefix, "the office's copy is a prefix of the journal", || format!("till {place}: the office holds up to {}", held_by_office.0))?;
        let own = |keys: BTreeSet<At>| keys.into_iter().filter(|at| at.0 == place).collect::<BTreeSet<At>>();
        same(&own(self.greens.keys().copied().collect()), &written.redemptions, "green is exactly one entry, refused is none")?;
        same(&own(self.cancelled_by()), &written.cancellations, "a cancellation is exactly one entry")?;
        same(&own(self.held.keys().copied().collect()), &written.held, "what is held is exactly one entry")?;
        for (at, cents, settles) in written.amounts {
            let green = self.greens.get(&at);
            demand(green.is_some_and(|g| g.cents == cents && g.settles == settles), "the entry says what was shown", || {
                format!("{at:?}: shown {green:?}, written {cents} cents, settles {settles:?}")
            })?;
        }
        Ok(())
    }

    fn cancelled_by(&self) -> BTreeSet<At> {
        self.cancelled.iter().map(|((till, _), by)| (*till, *by)).collect()
    }

    /// Of what the office has confirmed to hold, every green is exactly one line and every cancellation one counter-record.
    fn check_copy(&self, place: usize, up_to: u64, ledger: &Ledger) -> Result<(), Broken> {
        let within = |at: &At| at.0 == place && at.1 <= up_to;
        let seen: BTreeSet<At> = self.greens.keys().copied().filter(within).collect();
        let of_place = |at: &&At| at.0 == place;
        let read = ledger.lines.keys().chain(&ledger.unreadable).filter(of_place).copied().collect();
        same(&seen, &read, "what was green and taken in is exactly one line")?;
        let seen: BTreeSet<At> = self.cancelled_by().into_iter().filter(within).collect();
        same(&seen, &ledger.counters.keys().filter(of_place).copied().collect(), "a cancellation taken in is exactly one counter-record")?;
        for (at, line) in ledger.lines.iter().filter(|(at, _)| at.0 == place) {
            let shown = self.greens.get(at).map(|g| g.cents);
            demand(shown == Some(line.cents), "the line says what was shown", || format!("{at:?}: shown {shown:?}, taken in {}", line.cents))?;
        }
        Ok(())
    }
}

/// What a journal holds.
#[derive(Default)]
struct Written {
    redemptions: BTreeSet<At>,
    cancellations: BTreeSet<At>,
    held: BTreeSet<At>,
    amounts: Vec<(At, i64, Option<u64>)>,
}

impl Written {
    fn add(&mut self, place: usize, entry: Entry) {
        let at = (place, entry.seq);
        match entry.body {
            Body::Redemption(redemption) => {
                self.redemptions.insert(at);
                self.amounts.push((at, redemption.cents.get(), redemption.settles));
            }
            Body::Cancellation(_) => {
                self.cancellations.insert(at);
            }
            Body::Held(_) => {
                self.held.insert(at);
            }
            _ => {}
        }
    }
}

fn same(seen: &BTreeSet<At>, written: &BTreeSet<At>, rule: &'static str) -> Result<(), Broken> {
    demand(seen == written, rule, || {
        let only_seen: Vec<&At> = seen.difference(written).collect();
        let only_written: Vec<&At> = written.difference(seen).collect();
        format!("seen only {only_seen:?}, written only {only_written:?} (till, entry)")
    })
}
