//! What people saw, and that the books say the same: the journal of every terminal, and what each office holds of it.

use super::disk::Till;
use super::ledger::{At, Ledger};
use super::town::Town;
use super::{Broken, demand};
use crate::book::entry::{Body, Entry, Head};
use crate::shell::store::StoreError;
use crate::words::benefit::Benefit;
use crate::words::civil::CivilDay;
use crate::words::ids::{Hash, TerminalId, TokenId};
use crate::words::time::{UtcMs, UtcSeconds};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a person saw as green.
#[derive(Clone, Debug)]
pub(super) struct Green {
    pub child: usize,
    /// The office that granted it.
    pub office: usize,
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
    /// The right time of the last answer of that office the terminal had taken in.
    pub knew: UtcMs,
    /// The held entry it settled.
    pub settles: Option<u64>,
}

/// All that people saw. A box whose disk was copied is a box of its own from there on; what it shares with its origin is the origin's.
#[derive(Debug, Default)]
pub(super) struct Truth {
    pub greens: BTreeMap<At, Green>,
    /// Cancelled redemptions as the box that cancelled numbers them, by the entry that cancels.
    pub cancelled: BTreeMap<At, u64>,
    /// What was held, with its child.
    pub held: BTreeMap<At, usize>,
    /// The boxes whose disk was copied: origin, and the last entry they share.
    pub origins: BTreeMap<usize, (usize, u64)>,
    /// The hashes of what was shown, to find it in the offices' books.
    pub by_hash: HashMap<Hash, At>,
    /// When a card of a child was stopped: child, card, moment.
    pub stops: BTreeMap<(usize, usize), UtcMs>,
    /// When each till last took an answer of an office in, by the moment it was written.
    pub heard: BTreeMap<(usize, usize), UtcMs>,
    /// Entries of batches that a clerk rejected.
    pub rejected: BTreeSet<At>,
    /// Lines that a clerk ruled on.
    pub ruled: BTreeSet<At>,
    /// The moment of the latest code of a token with which something was green at a till.
    pub codes_used: BTreeMap<(usize, TokenId), UtcSeconds>,
    /// Up to which entry a till was told by another one, as terminals of an office: teller last but one.
    pub told: BTreeMap<(usize, usize, usize), u64>,
    /// When a box was retired.
    pub retired: BTreeMap<usize, UtcMs>,
    /// What was spent on the box before, by slot, for each box that was restored from a backup.
    pub spent: BTreeMap<usize, BTreeMap<String, u64>>,
    /// What the box before had been told of payments, in cents.
    pub paid_before: BTreeMap<usize, i64>,
}

impl Truth {
    /// Where an entry stands that a box numbers so: at itself, or at the box it was copied from.
    pub fn resolve(&self, at: At) -> At {
        let mut at = at;
        while let Some((origin, _)) = self.origins.get(&at.0).filter(|(_, end)| at.1 <= *end) {
            at.0 = *origin;
        }
        at
    }

    /// All greens in a box's journal, with the number they have there.
    pub fn greens_of(&self, place: usize) -> impl Iterator<Item = (u64, &Green)> {
        self.line_of(place).into_iter().flat_map(|(place, end)| self.greens.range((place, 0)..=(place, end)).map(|(at, green)| (at.1, green)))
    }

    /// The boxes whose entries make up a journal, each with the last entry that is in it.
    fn line_of(&self, place: usize) -> Vec<(usize, u64)> {
        let mut line = vec![(place, u64::MAX)];
        let mut at = (place, u64::MAX);
        while let Some((origin, end)) = self.origins.get(&at.0) {
            at = (*origin, at.1.min(*end));
            line.push(at);
        }
        line
    }

    /// The green that has a slot at one till, if none has cancelled it.
    pub fn holder(&self, till: usize, slot: &str) -> Option<u64> {
        let own = self.greens_of(till).find(|(seq, green)| green.slot == slot && !self.is_cancelled((till, *seq))).map(|(seq, _)| seq);
        own.or_else(|| self.spent_at(till).find(|(spent, _)| *spent == slot).map(|(_, seq)| seq))
    }

    /// What was spent at the boxes before, for a box that was restored or copied from one that was.
    pub fn spent_at(&self, place: usize) -> impl Iterator<Item = (&str, u64)> {
        self.line_of(place).into_iter().filter_map(|(place, _)| self.spent.get(&place)).flatten().map(|(slot, seq)| (slot.as_str(), *seq))
    }

    /// The entry by which a redemption was cancelled in a box's journal.
    pub fn cancelled_by(&self, at: At) -> Option<u64> {
        self.line_of(at.0).into_iter().find_map(|(place, end)| self.cancelled.get(&(place, at.1)).copied().filter(|by| *by <= end))
    }

    /// Whether a redemption was cancelled in a box's journal.
    pub fn is_cancelled(&self, at: At) -> bool {
        self.cancelled_by(at).is_some()
    }

    /// Whether the disk of this identity was ever copied: then an office may hold another history of it.
    pub fn is_copied(&self, town: &Town, terminal: TerminalId) -> bool {
        self.origins.keys().any(|place| town.tills.get(*place).is_some_and(|till| till.id() == terminal))
    }

    /// Checks every terminal's journal against what its people saw, and the offices' copies against the journals.
    pub fn check_journals(&self, town: &mut Town, ledgers: &[Ledger]) -> Result<(), Broken> {
        let mut links = BTreeSet::new();
        for (place, till) in town.tills.iter_mut().enumerate() {
            self.check_journal(place, till, &mut links)?;
            check_confirmed(place, till, ledgers)?;
        }
        for (office, ledger) in ledgers.iter().enumerate() {
            for (terminal, seq, link) in &ledger.heads {
                let known = *seq == 0 || links.contains(&(*terminal, *seq, *link));
                demand(known, "the office's copy is a prefix of the journal", || format!("office {office} holds up to {seq} of {terminal}"))?;
            }
            self.check_copy(town, office, ledger)?;
        }
        Ok(())
    }

    /// The chain holds; what was green is in exactly one entry, and nothing else is.
    fn check_journal(&self, place: usize, till: &mut Till, links: &mut BTreeSet<(TerminalId, u64, Hash)>) -> Result<(), Broken> {
        let terminal = till.id();
        let mut head = Head::start(terminal);
        let mut written = Written::default();
        let mut broken = None;
        let walked = till.terminal.store().read(|tx| {
            tx.walk(1, |row| {
                head = head.after(&row.bytes);
                let sound = row.seq == head.seq && row.link == head.link;
                links.insert((terminal, head.seq, head.link));
                match Entry::from_bytes(&row.bytes) {
                    Ok(entry) if sound && entry.seq == row.seq => written.add(entry),
                    Ok(_) => broken = Some(format!("till {place}, entry {}: the chain is broken", row.seq)),
                    Err(error) => broken = Some(format!("till {place}, entry {}: {error}", row.seq)),
                }
                Ok::<_, StoreError>(broken.is_none())
            })
        });
        walked.map_err(|error| Broken::unexpected("a journal cannot be read", &error))?;
        demand(broken.is_none(), "journals are chained", || broken.unwrap_or_default())?;
        let line = self.line_of(place);
        let greens = self.greens_of(place).map(|(seq, _)| seq).collect();
        same(place, &greens, &written.redemptions, "green is exactly one entry, refused is none")?;
        let all = |map: &dyn Fn(usize, u64) -> Vec<u64>| line.iter().flat_map(|(place, end)| map(*place, *end)).collect::<BTreeSet<u64>>();
        let cancelled = all(&|place, end| self.cancelled.range((place, 0)..=(place, u64::MAX)).map(|(_, by)| *by).filter(|by| *by <= end).collect());
        same(place, &cancelled, &written.cancellations, "a cancellation is exactly one entry")?;
        let held = all(&|place, end| self.held.range((place, 0)..=(place, end)).map(|(at, _)| at.1).collect());
        same(place, &held, &written.held, "what is held is exactly one entry")?;
        for (seq, cents, settles) in written.amounts {
            let green = self.greens.get(&self.resolve((place, seq)));
            demand(green.is_some_and(|g| g.cents == cents && g.settles == settles), "the entry says what was shown", || {
                format!("till {place}, {seq}: shown {green:?}, written {cents} cents, settles {settles:?}")
            })?;
        }
        Ok(())
    }

    /// Of what the office has confirmed to hold, every green is exactly one line and every cancellation one counter-record.
    fn check_copy(&self, town: &Town, office: usize, ledger: &Ledger) -> Result<(), Broken> {
        let taken_in = |place: usize, seq: u64| {
            let Some(till) = town.tills.get(place).filter(|till| !self.is_copied(town, till.id())) else { return false };
            ledger.heads.iter().any(|(terminal, head, _)| *terminal == till.id() && seq <= *head)
        };
        let mut expected: BTreeSet<At> = BTreeSet::new();
        for (at, green) in &self.greens {
            if green.office == office && taken_in(at.0, at.1) {
                expected.insert(*at);
            }
        }
        let missing: Vec<&At> = expected.iter().filter(|at| !ledger.lines.contains_key(at) && !ledger.unreadable.contains(at)).collect();
        demand(missing.is_empty(), "what was green and taken in is exactly one line", || format!("office {office}: missing {missing:?}"))?;
        demand(ledger.strangers.is_empty(), "what was green and taken in is exactly one line", || {
            format!("office {office}: nobody saw {:?}", ledger.strangers)
        })?;
        for ((place, seq), by) in &self.cancelled {
            let of_office = self.greens.get(&self.resolve((*place, *seq))).is_some_and(|green| green.office == office);
            let there = !of_office || !taken_in(*place, *by) || ledger.counters.contains_key(&(*place, *by));
            demand(there, "a cancellation taken in is exactly one counter-record", || format!("till {place}: {by} cancels {seq}"))?;
        }
        for (at, line) in &ledger.lines {
            let shown = self.greens.get(at).map(|g| (g.cents, g.office));
            demand(shown == Some((line.cents, office)), "the line says what was shown", || {
                format!("{at:?}: shown {shown:?}, taken in {} at office {office}", line.cents)
            })?;
            let is_ours = line.cancelled_by.is_none() || self.cancelled.keys().any(|target| self.resolve(*target) == *at);
            demand(is_ours, "only what was cancelled is taken back", || format!("{at:?} is cancelled by {:?}", line.cancelled_by))?;
        }
        Ok(())
    }
}

/// What a terminal takes for confirmed, the office has.
fn check_confirmed(place: usize, till: &mut Till, ledgers: &[Ledger]) -> Result<(), Broken> {
    let confirmed = till.terminal.store().read(|tx| tx.latest_batches(u32::MAX));
    let confirmed = confirmed.map_err(|error| Broken::unexpected("a terminal's batches cannot be read", &error))?;
    for batch in confirmed.iter().filter(|batch| batch.state == crate::shell::store::terminal::BatchState::Confirmed) {
        let held = ledgers.iter().any(|ledger| ledger.taken.contains(&batch.hash));
        demand(held, "what a terminal takes for confirmed is held by the office", || format!("till {place}: {} to {}", batch.first, batch.head.seq))?;
    }
    Ok(())
}

/// What a journal holds.
#[derive(Default)]
struct Written {
    redemptions: BTreeSet<u64>,
    cancellations: BTreeSet<u64>,
    held: BTreeSet<u64>,
    amounts: Vec<(u64, i64, Option<u64>)>,
}

impl Written {
    fn add(&mut self, entry: Entry) {
        match entry.body {
            Body::Redemption(redemption) => {
                self.redemptions.insert(entry.seq);
                self.amounts.push((entry.seq, redemption.cents.get(), redemption.settles));
            }
            Body::Cancellation(_) => {
                self.cancellations.insert(entry.seq);
            }
            Body::Held(_) => {
                self.held.insert(entry.seq);
            }
            _ => {}
        }
    }
}

fn same(place: usize, seen: &BTreeSet<u64>, written: &BTreeSet<u64>, rule: &'static str) -> Result<(), Broken> {
    demand(seen == written, rule, || {
        let only_seen: Vec<&u64> = seen.difference(written).collect();
        let only_written: Vec<&u64> = written.difference(seen).collect();
        format!("till {place}: seen only {only_seen:?}, written only {only_written:?}")
    })
}
