//! The lines of a batch on their way into the ledger: what they name is looked up once for all of them, and they are written together.

use super::phones::proves;
use super::{OfficeError, Work};
use crate::book::entry::{Body, Cancellation, Entry};
use crate::book::redemption::Redemption;
use crate::book::slot::{Occasion, Slot};
use crate::claim::check::Line;
use crate::intake::open::VerifiedBatch;
use crate::reconcile::reach::mixes_months;
use crate::reconcile::register::ProviderFile;
use crate::shell::store::office::admission::{self, Terminal};
use crate::shell::store::office::children::{self, Claimant};
use crate::shell::store::office::lines::{self, NewCancellation, NewLine};
use crate::shell::store::office::waiting::{self, Descent, ledger_seq};
use crate::shell::store::office::{batches, retention};
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::{Handle, Hash, TokenId};
use crate::words::reason::Reason;
use crate::words::time::UtcMs;
use std::collections::{BTreeSet, HashMap, HashSet, hash_map};

/// How far a service day may lie before or after its arrival, in days; beyond it no approval can reach.
const OLDEST_DAYS: u32 = 1200;
const LATEST_DAYS: u32 = 800;

/// A batch on its way into the ledger.
pub(super) struct Entering<'a> {
    pub batch: &'a VerifiedBatch,
    /// Row id of the batch.
    pub row: i64,
    /// How many of its first entries are held already.
    pub known: usize,
    pub terminal: &'a Terminal,
    pub provider: &'a ProviderFile,
    /// The line of descent it continues; 0 is the first.
    pub descent: u32,
    /// Entries that are held already, entry for entry.
    pub held: BTreeSet<u64>,
    /// The first and last of the entries before it that a clerk gives up for lost with it.
    pub lost: Option<(u64, u64)>,
}

impl<'a> Entering<'a> {
    /// The redemptions that may become lines.
    fn redemptions(&self, now: UtcMs) -> impl Iterator<Item = &'a Redemption> {
        self.batch.batch().lines().skip(self.known).filter_map(move |(_, _, line)| match line {
            Line::Entry(entry) => match &entry.body {
                Body::Redemption(redemption) if is_of_our_time(redemption.day, now) => Some(redemption),
                _ => None,
            },
            _ => None,
        })
    }

    /// Whether this entry is among those that are given up for lost with this very batch.
    fn lost_now(&self, seq: u64) -> bool {
        self.lost.is_some_and(|(from, to)| (from..=to).contains(&seq))
    }
}

fn is_of_our_time(day: CivilDay, now: UtcMs) -> bool {
    let today = CivilDay::of(now);
    (today.minus(OLDEST_DAYS)..=today.plus(LATEST_DAYS)).contains(&day)
}

/// What is known of a batch's lines, and those of them that are not written yet.
#[derive(Default)]
struct Pass<'a> {
    /// What is on record of a claim's token and handle.
    claimants: HashMap<(TokenId, Handle), Claimant>,
    lines: Vec<NewLine<'a>>,
    /// The children whose months can never be decided apart.
    whole: BTreeSet<i64>,
    months: BTreeSet<(i64, CivilMonth)>,
    marked: HashSet<(i64, CivilMonth)>,
    /// Whether a counter-record of this terminal waits for its line.
    is_awaited: bool,
}

impl Work<'_> {
    /// Enters the lines of a batch.
    pub(super) fn enter(&mut self, entering: &Entering<'_>, now: UtcMs) -> Result<(), OfficeError> {
        let Entering { batch, row, terminal, descent, .. } = *entering;
        let descents = waiting::descents(&self.db, terminal.id)?;
        // Boxes with one identity may send the same entries in different batches: an entry is one line.
        let forked = !descents.is_empty();
        let further = descents.into_iter().find(|line| line.number == descent);
        let first = admission::terminal(&self.db, terminal.terminal)?.map_or(UtcMs(0), |t| t.checkpoint_at);
        let mut checkpoint = further.map_or(first, |line| line.checkpoint_at);
        let mut pass = self.begin_pass(entering, now)?;
        for (seq, hash, line) in batch.batch().lines().skip(entering.known) {
            match line {
                Line::Hidden => {}
                Line::Entry(_) if entering.held.contains(&seq) || (forked && waiting::held_entry(&self.db, terminal.id, seq, hash)?.is_some()) => {}
                Line::Unreadable(_) => lines::insert_unreadable(&self.db, terminal.id, ledger_seq(descent, seq), row, Reason::Malformed)?,
                Line::Entry(entry) => {
                    if let Body::Checkpoint(body) = &entry.body {
                        let received = batches::receipt_time(&self.db, terminal.id, body.receipt)?;
                        checkpoint = checkpoint.max(received.unwrap_or(checkpoint));
                    }
                    self.enter_line((entry, hash), checkpoint, entering, &mut pass, now)?;
                }
            }
        }
        self.write_lines(&mut pass, terminal.id)?;
        let head = batch.batch().draft().after();
        match descent {
            0 => Ok(admission::set_head(&self.db, terminal.id, head, checkpoint)?),
            number => Ok(waiting::keep_descent(&self.db, terminal.id, &Descent { number, head, checkpoint_at: checkpoint, taken: now })?),
        }
    }

    /// Looks up what the lines of a batch name.
    fn begin_pass<'a>(&self, entering: &Entering<'a>, now: UtcMs) -> Result<Pass<'a>, OfficeError> {
        let mut named: Vec<(TokenId, Handle)> = entering.redemptions(now).map(|redemption| (redemption.token, redemption.handle)).collect();
        named.sort_unstable();
        named.dedup();
        let mut pass = Pass { is_awaited: waiting::is_awaited(&self.db, entering.terminal.id)?, ..Pass::default() };
        children::claimants(&self.db, &named, |claim, found| {
            pass.claimants.insert(claim, found);
        })?;
        Ok(pass)
    }

    fn enter_line<'a>(
        &mut self,
        (entry, hash): (&'a Entry, Hash),
        checkpoint: UtcMs,
        entering: &Entering<'a>,
        pass: &mut Pass<'a>,
        now: UtcMs,
    ) -> Result<(), OfficeError> {
        let (terminal, seq) = (entering.terminal, ledger_seq(entering.descent, entry.seq));
        match &entry.body {
            Body::Redemption(redemption) if !is_of_our_time(redemption.day, now) => {
                Ok(lines::insert_unreadable(&self.db, terminal.id, seq, entering.row, Reason::OutsideClaimWindow)?)
            }
            Body::Redemption(redemption) => {
                let &Claimant { token, child, borrowed, basis, ref phone } = self.claimant(redemption, pass, now)?;
                let unproved =
                    phone.as_ref().map_or(Ok(false), |bytes| children::content(bytes).map(|token| !proves(redemption, &token, bytes, entry.at)))?;
                let agreement = entering.provider.agreement(redemption);
                let slot = agreement.map_or(Slot { day: redemption.day, id: redemption.slot }, |a| {
                    let (lesson, charge) = (redemption.lesson, redemption.charge.as_ref());
                    let occasion = Occasion { provider: terminal.provider, service: &a.service, day: redemption.day, lesson, charge };
                    occasion.slot(&self.profile.id, redemption.handle)
                });
                pass.lines.push(NewLine {
                    terminal: terminal.id,
                    seq,
                    batch: entering.row,
                    child,
                    token,
                    borrowed,
                    basis,
                    provider: terminal.provider,
                    at: entry.at,
                    not_before: checkpoint,
                    hash,
                    redemption,
                    slot,
                    unproved,
                });
                if mixes_months(redemption, agreement.map(|a| a.service.benefit)) {
                    pass.whole.insert(child);
                }
                pass.mark(child, redemption.day.month());
                Ok(())
            }
            Body::Cancellation(body) => self.enter_cancellation(body, (entry, seq, hash), entering, pass),
            Body::Opened(opened) => self.note_succession(terminal, opened, now),
            _ => Ok(()),
        }
    }

    fn enter_cancellation(
        &mut self,
        body: &Cancellation,
        (entry, seq, hash): (&Entry, u64, Hash),
        entering: &Entering<'_>,
        pass: &mut Pass<'_>,
    ) -> Result<(), OfficeError> {
        let terminal = entering.terminal;
        // Its line may be of this very batch.
        self.write_lines(pass, terminal.id)?;
        // What stands before a fork is held on the line of descent that brought it.
        let target = waiting::held_entry(&self.db, terminal.id, body.seq, body.entry)?.map_or(body.seq, |(target, _)| target);
        let (batch, why) = (entering.row, body.reason.as_str());
        let new = NewCancellation { terminal: terminal.id, seq, batch, target, why, at: entry.at, hash };
        match lines::cancel(&self.db, &new, body.entry)? {
            Some((child, month)) => {
                pass.mark(child, month);
                lines::mark_later_lessons(&self.db, &[(terminal.id, new.target)])?;
            }
            None if entering.lost_now(body.seq) || waiting::is_given_up(&self.db, terminal.id, body.seq)? => {
                waiting::await_line(&self.db, terminal.id, seq, body.entry)?;
                pass.is_awaited = true;
            }
            None => {
                let is_purged = retention::stands_for_purged(&self.db, terminal.id, new.target)?;
                let reason = if is_purged { Reason::OutsideClaimWindow } else { Reason::Malformed };
                lines::reject_cancellation(&self.db, terminal.id, seq, reason)?;
            }
        }
        Ok(())
    }

    /// What is on record of a claim's token and child, made where there is nothing.
    fn claimant<'p>(&self, redemption: &Redemption, pass: &'p mut Pass<'_>, now: UtcMs) -> Result<&'p Claimant, OfficeError> {
        match pass.claimants.entry((redemption.token, redemption.handle)) {
            hash_map::Entry::Occupied(known) => Ok(known.into_mut()),
            hash_map::Entry::Vacant(unknown) => Ok(unknown.insert(children::claimant(&self.db, redemption.token, redemption.handle, now)?)),
        }
    }

    /// Writes the lines that are not written yet, and what follows from them.
    fn write_lines(&self, pass: &mut Pass<'_>, terminal: i64) -> Result<(), OfficeError> {
        let new = std::mem::take(&mut pass.lines);
        lines::insert_all(&self.db, &new)?;
        if pass.is_awaited {
            new.iter().try_for_each(|line| waiting::tie_awaiting(&self.db, terminal, line.seq, line.hash))?;
        }
        let lessons = new.iter().filter(|line| line.redemption.lesson.is_some() && line.redemption.operator.is_some());
        lines::mark_later_lessons(&self.db, &lessons.map(|line| (line.terminal, line.seq)).collect::<Vec<_>>())?;
        lines::decide_whole(&self.db, std::mem::take(&mut pass.whole))?;
        Ok(lines::mark_months_dirty(&self.db, std::mem::take(&mut pass.months))?)
    }
}

impl Pass<'_> {
    fn mark(&mut self, child: i64, month: CivilMonth) {
        if self.marked.insert((child, month)) {
            self.months.insert((child, month));
        }
    }
}
