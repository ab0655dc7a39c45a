//! The proof that the journal is whole: every link, every byte, and every index derived again and compared.

use super::Terminal;
use crate::book::entry::{Body, Entry, Head, Started};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{BatchState, Fact, JournalRow, TerminalStore, Tx};
use crate::words::ids::{Hash, TerminalId};
use serde::Serialize;
use std::collections::HashMap;

/// A whole journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Whole {
    /// Where it ends.
    pub head: Head,
    /// How many of its entries are redemptions.
    pub redemptions: u64,
    /// How many batches were compared with their receipts.
    pub receipts: u64,
}

/// The first thing that is not as it must be.
#[derive(Debug, thiserror::Error)]
pub enum NotWhole {
    /// A difference, in one sentence.
    #[error("{0}")]
    Difference(String),
    /// The database could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What has been seen on the way through the journal.
struct Walk {
    head: Head,
    redemptions: u64,
    /// Redemptions by number, with the entry that cancelled them.
    cancelled: HashMap<u64, u64>,
    lessons: u64,
    links: HashMap<u64, Hash>,
    /// Stretches of erased entries, and what the journal says was erased.
    erased: Vec<(u64, u64)>,
    purged: Vec<(u64, u64)>,
}

impl Terminal {
    /// Walks the whole journal. Says the first difference, or what it has proved.
    pub fn verify(&mut self) -> Result<Whole, NotWhole> {
        let terminal = self.id();
        walk_all(&mut self.store, terminal)
    }

    /// The same of the journal in a copy of a terminal's database.
    pub fn verify_copy(copy: &mut TerminalStore) -> Result<Whole, NotWhole> {
        let terminal = copy.read(|tx| tx.fact(Fact::Terminal))?.and_then(|id| TerminalId::from_slice(&id));
        walk_all(copy, terminal.ok_or_else(|| NotWhole::Difference("there is no journal".into()))?)
    }
}

fn walk_all(store: &mut TerminalStore, terminal: TerminalId) -> Result<Whole, NotWhole> {
    store.read(|tx| {
        let batches = tx.latest_batches(u32::MAX)?;
        let ends = batches.iter().map(|b| (b.head.seq, Hash([0; 32]))).collect();
        let start = Head::start(terminal);
        let mut walk =
            Walk { head: start, redemptions: 0, cancelled: HashMap::new(), lessons: 0, links: ends, erased: Vec::new(), purged: Vec::new() };
        tx.walk(1, |row| {
            walk.step(tx, &row)?;
            Ok::<_, NotWhole>(true)
        })?;
        walk.compare_cancellations(tx)?;
        walk.compare_erased()?;
        let mut receipts = 0;
        for batch in batches {
            let link = walk.links.get(&batch.head.seq);
            expect(link == Some(&batch.head.link), || format!("batch {} names another link than entry {} has", batch.id, batch.head.seq))?;
            receipts += u64::from(batch.state == BatchState::Confirmed);
        }
        Ok(Whole { head: walk.head, redemptions: walk.redemptions, receipts })
    })
}

impl Walk {
    fn step(&mut self, tx: &Tx<'_>, row: &JournalRow) -> Result<(), NotWhole> {
        let seq = row.seq;
        expect(seq == self.head.seq + 1, || format!("entry {} is missing: after it comes {seq}", self.head.seq + 1))?;
        if row.erased.is_some() {
            return self.step_erased(row);
        }
        let entry = Entry::from_bytes(&row.bytes).map_err(|error| NotWhole::Difference(format!("entry {seq} cannot be read: {error}")))?;
        expect(entry.to_bytes() == row.bytes, || format!("entry {seq} is not written in its one form"))?;
        expect(entry.seq == seq, || format!("entry {seq} carries the number {}", entry.seq))?;
        self.head = self.head.after(&row.bytes);
        expect(self.head.link == row.link, || format!("entry {seq} is not the one its link was made for: it or one before it was changed"))?;
        expect((entry.seq == 1) == matches!(entry.body, Body::Opened(_)), || format!("entry {seq}: a journal opens once, with its first entry"))?;
        let column = |what: &str| format!("entry {seq}: the index of its {what} differs from the entry");
        expect(entry.at == row.at, || column("time"))?;
        expect(entry.body.kind() == row.kind, || column("kind"))?;
        let office = entry.body.office().map(|office| tx.office_number(office)).transpose()?.flatten();
        expect(office == row.office, || column("office"))?;
        if let Some(link) = self.links.get_mut(&seq) {
            *link = row.link;
        }
        self.step_body(tx, &entry)
    }

    /// Of an erased entry the hash stands, and only entries that name a child are erased.
    fn step_erased(&mut self, row: &JournalRow) -> Result<(), NotWhole> {
        let seq = row.seq;
        self.head = self.head.after_hash(row.hash());
        expect(self.head.link == row.link, || format!("entry {seq} is not the one its link was made for: it or one before it was changed"))?;
        expect(row.bytes.is_empty() && [2, 10, 11].contains(&row.kind), || format!("entry {seq} was erased, and must not have been"))?;
        if let Some(link) = self.links.get_mut(&seq) {
            *link = row.link;
        }
        match self.erased.last_mut() {
            Some((_, last)) if *last + 1 == seq => *last = seq,
            _ => self.erased.push((seq, seq)),
        }
        Ok(())
    }

    /// Whatever is erased, the journal says so.
    fn compare_erased(&self) -> Result<(), NotWhole> {
        let is_told = |(first, last): &(u64, u64)| self.purged.iter().any(|(from, to)| from <= first && last <= to);
        let untold = self.erased.iter().find(|stretch| !is_told(stretch));
        untold.map_or(Ok(()), |(first, _)| Err(NotWhole::Difference(format!("entry {first} was erased, and no entry says so"))))
    }

    fn step_body(&mut self, tx: &Tx<'_>, entry: &Entry) -> Result<(), NotWhole> {
        let seq = entry.seq;
        match &entry.body {
            Body::Redemption(redemption) => {
                self.redemptions += 1;
                let index = tx.indexed_redemption(seq)?;
                let index = index.ok_or_else(|| NotWhole::Difference(format!("redemption {seq} is missing from its index")))?;
                let same = Some(index.office) == tx.office_number(&redemption.office)?
                    && index.handle == redemption.handle
                    && index.benefit == redemption.benefit
                    && index.service == redemption.service
                    && index.day == redemption.day
                    && index.units == redemption.units
                    && index.cents == redemption.cents
                    && index.lesson == redemption.lesson
                    && index.operator == redemption.operator
                    && index.slot.id == redemption.slot
                    && [redemption.day, redemption.day.month().first_day(), crate::words::civil::CivilDay::EPOCH].contains(&index.slot.day);
                expect(same, || format!("redemption {seq}: its index differs from the entry"))
            }
            Body::Cancellation(cancellation) => {
                let cancelled = tx.entry_hash(cancellation.seq)?;
                let is_that_entry = cancelled.is_some_and(|(hash, _)| hash == cancellation.entry) && cancellation.seq < seq;
                expect(is_that_entry, || format!("cancellation {seq} names another entry than {}", cancellation.seq))?;
                if cancelled.is_some_and(|(_, is_erased)| is_erased) {
                    return Ok(());
                }
                let first = self.cancelled.insert(cancellation.seq, seq).is_none();
                expect(first, || format!("redemption {} is cancelled twice, the second time by {seq}", cancellation.seq))
            }
            Body::Held(held) => {
                let index = tx.held(seq)?.filter(|row| row.alias_id == held.alias);
                let index = index.ok_or_else(|| NotWhole::Difference(format!("held entry {seq}: its index differs from the entry")))?;
                let Some(by) = index.settled_by else { return Ok(()) };
                let counts = tx.indexed_redemption(by)?.is_some_and(|r| r.cancelled_by.is_none());
                expect(counts, || format!("held entry {seq}: entry {by}, which its index names, has not made up for it"))
            }
            Body::Started(started) => {
                self.lessons += 1;
                expect(is_indexed(tx, seq, started)?, || format!("begun lesson {seq}: its index differs from the entry"))
            }
            Body::Purge(purge) => {
                expect(purge.first <= purge.last && purge.last < seq, || format!("entry {seq}: it erases what comes after it"))?;
                self.purged.push((purge.first, purge.last));
                Ok(())
            }
            Body::Sealed(sealed) => {
                let batch = tx.batch(sealed.batch)?;
                expect(batch.is_some_and(|b| b.hash == sealed.hash), || format!("entry {seq}: the batch it names is not the one that was kept"))
            }
            _ => Ok(()),
        }
    }

    /// Every redemption's index says it is cancelled exactly where a cancellation says so, and there is none without an entry.
    fn compare_cancellations(&self, tx: &Tx<'_>) -> Result<(), NotWhole> {
        expect(tx.indexed_redemptions()? == self.redemptions, || "the index holds redemptions that are not in the journal".to_owned())?;
        let indexed: HashMap<u64, u64> = tx.indexed_cancellations()?.into_iter().collect();
        for (seq, by) in &self.cancelled {
            expect(indexed.get(seq) == Some(by), || format!("redemption {seq} was cancelled by entry {by}, but its index says otherwise"))?;
        }
        expect(tx.indexed_lessons()? == self.lessons, || "the index holds begun lessons that are not in the journal".to_owned())?;
        expect(indexed.len() == self.cancelled.len(), || "the index calls redemptions cancelled that no entry has cancelled".to_owned())
    }
}

/// Whether the index says of a begun lesson what its entry says, and what ended it is a lesson of that child on that day that counts.
fn is_indexed(tx: &Tx<'_>, seq: u64, started: &Started) -> Result<bool, StoreError> {
    let Some(row) = tx.lesson(seq)? else { return Ok(false) };
    let same = Some(row.office) == tx.office_number(&started.office)?
        && row.handle == started.handle
        && row.service == started.service
        && row.day == started.day
        && row.minute == started.minute;
    let Some(by) = row.ended_by else { return Ok(same) };
    let ended = tx.indexed_redemption(by)?.is_some_and(|r| {
        r.office == row.office
            && r.handle == row.handle
            && r.service == row.service
            && r.day == row.day
            && r.lesson.is_some()
            && r.cancelled_by.is_none()
    });
    Ok(same && ended)
}

fn expect(is_so: bool, otherwise: impl FnOnce() -> String) -> Result<(), NotWhole> {
    if is_so { Ok(()) } else { Err(NotWhole::Difference(otherwise())) }
}
