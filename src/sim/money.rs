//! What must hold of decisions and payments.

use super::disk::Till;
use super::ledger::{At, Counter, Ledger, Line, Payment};
use super::town::Town;
use super::truth::Truth;
use super::{Broken, demand};
use crate::reconcile::finding::Tally;
use crate::words::benefit::{Benefit, Measure, Period};
use crate::words::civil::CivilDay;
use crate::words::time::DAY_MS;
use std::collections::BTreeMap;

const PENDING: i64 = 0;
const REJECTED: i64 = 3;
/// For how long a stop that a terminal could not know is not held against its provider (the office's policy).
const GOOD_FAITH_MS: u64 = 14 * DAY_MS;

/// A transfer as the bank was told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Booked {
    pub id: String,
    pub provider: i64,
    pub cents: i64,
    /// Where it came back: the last run that was released before.
    pub returned_after: Option<i64>,
}

/// After a reconciliation: every line has one verdict, and cleared + findings = taken in.
pub(super) fn check_decisions(town: &Town, office: usize, ledger: &Ledger, tally: &Tally, truth: &Truth) -> Result<(), Broken> {
    for (at, line) in &ledger.lines {
        let decided = !line.dirty && (line.verdict != PENDING || line.reason.is_some());
        demand(decided, "every line is cleared or a finding", || format!("{at:?}: {line:?}"))?;
        let within = (0..=line.cents).contains(&line.decided) && (line.verdict != REJECTED || line.decided == 0);
        // A run took the line back, and then the payment before it came back too: the provider was short, and the counter-record makes it good.
        let within = within || (line.cancelled_by.is_some() && line.settled < 0 && line.decided == line.settled);
        demand(within, "nothing is decided beyond what is claimed", || format!("{at:?}: {line:?}"))?;
        in_good_faith(*at, line, truth)?;
    }
    for (at, counter) in &ledger.counters {
        let target = counter.target.and_then(|target| ledger.lines.get(&target));
        // A line is taken back once, though two boxes with one identity may both cancel it.
        let first = target.and_then(|target| ledger.counter_rows.get(&target.cancelled_by?)) == Some(at);
        match target.filter(|_| first) {
            Some(target) => {
                let agrees = counter.verdict == 1 && counter.decided == -target.decided && counter.reason.is_none();
                demand(agrees, "a cancellation takes back what is decided", || format!("{at:?}: {counter:?} against {target:?}"))?;
            }
            None => {
                // Past a gap that a clerk accepted, a cancellation waits for its line, which may still turn up.
                let waits = counter.verdict == PENDING && counter.reason.as_deref() == Some("journal_gap");
                let nothing = (waits || counter.verdict == REJECTED) && counter.decided == 0 && counter.reason.is_some();
                demand(nothing, "a cancellation of nothing takes nothing back", || format!("{at:?}: {counter:?} against {target:?}"))?;
            }
        }
    }
    home_wins(town, office, ledger, truth)?;
    // A cancellation of what the office does not hold is answered at once and belongs to no child: it is in no sum.
    let of_a_line = |counter: &&Counter| counter.run.is_none() && counter.target.is_some_and(|target| ledger.lines.contains_key(&target));
    let open = ledger.lines.values().filter(|l| l.run.is_none()).count() + ledger.counters.values().filter(of_a_line).count();
    let open = (open + ledger.unreadable.len()) as u64;
    demand(open == tally.lines(), "cleared + findings = taken in", || format!("{open} lines are open, {} are told", tally.lines()))
}

/// Who comes first wins nothing: the home provider's line holds its slot, unless another one was settled before or a clerk chose.
fn home_wins(town: &Town, office: usize, ledger: &Ledger, truth: &Truth) -> Result<(), Broken> {
    let mut slots: BTreeMap<&str, Vec<(At, &Line)>> = BTreeMap::new();
    for (at, line) in &ledger.lines {
        if let Some(green) = truth.greens.get(at) {
            slots.entry(&green.slot).or_default().push((*at, line));
        }
    }
    for (at, line) in ledger.lines.iter().filter(|(_, line)| line.reason.as_deref() == Some("conflict")) {
        let Some(green) = truth.greens.get(at) else { continue };
        let home = town.children.get(green.child).and_then(|child| town.number(child.home?, office));
        if home.is_none_or(|home| i64::from(home.0) != line.provider) {
            continue;
        }
        let contenders = slots.get(green.slot.as_str()).map_or(&[][..], Vec::as_slice);
        // A payment that came back is owed again to the same provider: it stood once, though nothing is settled now.
        let ever_paid = |other: &At| ledger.run_lines.iter().any(|paid| paid.at == *other);
        let stood = contenders.iter().any(|(other, line)| other != at && (line.settled != 0 || ever_paid(other) || truth.ruled.contains(other)));
        demand(stood || truth.ruled.contains(at), "the order of arrival decides nothing", || format!("{at:?}: {line:?} against {contenders:?}"))?;
    }
    Ok(())
}

/// A stop binds a provider only from the answer on by which his terminal could know it (§ 29(2) SGB II).
fn in_good_faith(at: At, line: &Line, truth: &Truth) -> Result<(), Broken> {
    let refused = line.verdict == REJECTED && matches!(line.reason.as_deref(), Some("revoked" | "replaced"));
    let Some(green) = truth.greens.get(&at).filter(|_| refused) else { return Ok(()) };
    let Some(stopped) = truth.stops.get(&(green.child, green.card)) else {
        return Err(Broken::new("only a stopped card is refused as stopped", format!("{at:?}: {line:?}")));
    };
    let unknowing = green.knew < *stopped && green.at <= stopped.plus_ms(GOOD_FAITH_MS);
    demand(!unknowing, "what was green in good faith is paid", || {
        format!(
            "{at:?} at {}: the card was stopped at {}, the last answer taken in was of {}",
            green.at.rfc3339(),
            stopped.rfc3339(),
            green.knew.rfc3339()
        )
    })
}

/// After a settlement: no slot and no entry twice, no ceiling exceeded, and all sums agree.
pub(super) fn check_settled(town: &Town, office: usize, ledger: &Ledger, truth: &Truth) -> Result<(), Broken> {
    let stands: Vec<(At, i64)> = ledger.lines.iter().map(|(at, line)| (*at, standing(line, ledger))).filter(|(_, net)| *net > 0).collect();
    let mut slots: BTreeMap<&str, At> = BTreeMap::new();
    for (at, _) in &stands {
        let Some(green) = truth.greens.get(at) else { continue };
        let before = slots.insert(&green.slot, *at);
        demand(before.is_none(), "no slot is settled twice", || format!("{} is settled for {before:?} and {at:?}", green.slot))?;
    }
    for child in (0..town.children.len()).filter(|child| town.children.get(*child).is_some_and(|child| child.office == office)) {
        check_ceilings(town, child, &stands, truth)?;
    }
    let bank = town.offices.get(office).map_or(&[][..], |office| office.bank.as_slice());
    check_runs(ledger, bank)?;
    check_transfers(ledger, bank)
}

/// What stays with the provider: the settled amount, less what is taken back of it, settled already or still to be.
fn standing(line: &Line, ledger: &Ledger) -> i64 {
    let counter = line.cancelled_by.and_then(|by| ledger.counter_rows.get(&by)).and_then(|at| ledger.counters.get(at));
    let back = counter.map_or(0, |counter| counter.decided.min(counter.settled));
    let kept = if line.cancelled_by.is_some() { line.settled } else { line.settled.min(line.decided) };
    kept + back
}

fn check_ceilings(town: &Town, child: usize, stands: &[(At, i64)], truth: &Truth) -> Result<(), Broken> {
    let Some(granted) = town.children.get(child).map(|c| &c.granted) else { return Ok(()) };
    for (benefit, period, measure, amount) in granted {
        let mut used: BTreeMap<u32, u64> = BTreeMap::new();
        for (at, net) in stands {
            let Some(green) = truth.greens.get(at).filter(|g| g.child == child && g.benefit == *benefit) else { continue };
            let amount = if *measure == Measure::Cents { net.unsigned_abs() } else { green.units };
            *used.entry(stretch(*period, green.day)).or_default() += amount;
        }
        let bound = |stretch: u32, sum: u64| match period {
            Period::Accrued => accrued_bound(town, *amount, stretch).is_none_or(|bound| sum <= bound),
            _ => sum <= *amount,
        };
        let mut running = 0;
        for (stretch, sum) in used {
            running = if *period == Period::Accrued { running + sum } else { sum };
            demand(bound(stretch, running), "no ceiling is exceeded", || {
                format!("child {child}: {} of {} settled in one {}", running, benefit.name(), period.name())
            })?;
        }
    }
    Ok(())
}

fn accrued_bound(town: &Town, amount: u64, month: u32) -> Option<u64> {
    month.checked_sub(town.first_month.months()).map(|months| amount * (u64::from(months) + 1))
}

/// The number of the stretch of time that `day` lies in.
fn stretch(period: Period, day: CivilDay) -> u32 {
    match period {
        Period::Day => day.days(),
        Period::Week => day.iso_week().monday().days(),
        Period::Month | Period::Accrued => day.month().months(),
        Period::Validity => 0,
    }
}

/// Each run goes on from what the one before has settled, less what came back since, and the ledger says what stands.
fn check_runs(ledger: &Ledger, bank: &[Booked]) -> Result<(), Broken> {
    let mut returns: Vec<(i64, &Payment)> = Vec::new();
    for booked in bank {
        if let (Some(after), Some(payment)) = (booked.returned_after, ledger.payments.iter().find(|payment| payment.id == booked.id)) {
            returns.push((after, payment));
        }
    }
    let mut settled: BTreeMap<At, i64> = BTreeMap::new();
    let take_back = |settled: &mut BTreeMap<At, i64>, payment: &Payment| {
        for line in ledger.run_lines.iter().filter(|line| line.run == payment.run && line.provider == payment.provider) {
            *settled.entry(line.at).or_default() -= line.total - line.already;
        }
    };
    returns.sort_by_key(|(after, _)| *after);
    let mut returns = returns.into_iter().peekable();
    for line in &ledger.run_lines {
        while let Some((_, payment)) = returns.next_if(|(after, _)| *after < line.run) {
            take_back(&mut settled, payment);
        }
        let before = settled.insert(line.at, line.total).unwrap_or(0);
        demand(before == line.already, "no entry is settled twice", || {
            format!("{:?} in run {}: {} was settled before, the run reckons with {}", line.at, line.run, before, line.already)
        })?;
    }
    returns.for_each(|(_, payment)| take_back(&mut settled, payment));
    let of_lines = ledger.lines.iter().map(|(at, line)| (*at, line.settled));
    let of_counters = ledger.counters.iter().map(|(at, counter)| (*at, counter.settled));
    for (at, held) in of_lines.chain(of_counters) {
        let proven = settled.get(&at).copied().unwrap_or(0);
        demand(held == proven, "what counts as settled is proven by runs", || format!("{at:?}: {held} settled, {proven} by runs"))?;
    }
    Ok(())
}

/// Transfers = their lines = their shares = what the bank was told.
fn check_transfers(ledger: &Ledger, bank: &[Booked]) -> Result<(), Broken> {
    let mut by_run: BTreeMap<(i64, i64), i64> = BTreeMap::new();
    for line in &ledger.run_lines {
        *by_run.entry((line.run, line.provider)).or_default() += line.total - line.already;
    }
    for payment in &ledger.payments {
        let lines = by_run.remove(&(payment.run, payment.provider)).unwrap_or(0);
        demand(payment.cents == lines && payment.cents == payment.shares, "a transfer is the sum of its lines", || {
            format!("{payment:?}, lines {lines}")
        })?;
    }
    let unpaid: Vec<_> = by_run.into_iter().filter(|(_, sum)| *sum != 0).collect();
    demand(unpaid.is_empty(), "what is settled is transferred", || format!("{unpaid:?} (run, provider, cents)"))?;
    let mut told: Vec<(&str, i64, i64)> = ledger.payments.iter().map(|p| (p.id.as_str(), p.provider, p.cents)).collect();
    let mut booked: Vec<(&str, i64, i64)> = bank.iter().map(|b| (b.id.as_str(), b.provider, b.cents)).collect();
    told.sort();
    booked.sort();
    demand(told == booked, "the bank is told every transfer once", || format!("told {booked:?}, recorded {told:?}"))
}

/// At the end: every terminal was told the verdict of every line and what was paid, and nothing green is missing.
pub(super) fn check_told(town: &mut Town, ledgers: &[Ledger], truth: &Truth) -> Result<(), Broken> {
    let copied: Vec<bool> = town.tills.iter().map(|till| truth.is_copied(town, till.id())).collect();
    for (place, till) in town.tills.iter_mut().enumerate().filter(|(_, till)| till.alive) {
        let paid = told_paid(till)? - truth.paid_before.get(&place).copied().unwrap_or(0);
        let id = till.id();
        let share: i64 = ledgers.iter().filter_map(|ledger| ledger.shares.get(&id)).sum();
        // What another box with the same identity has sealed is answered by batch, and this one does not know that batch.
        let copied = copied.get(place).copied().unwrap_or(false);
        let whole = paid == share || copied;
        demand(whole, "terminals are told what is paid", || format!("till {place}: told {paid}, paid {share}"))?;
        let lines = ledgers.iter().flat_map(|ledger| ledger.lines.iter()).map(|(at, l)| (at, l.verdict, l.decided, l.reason.clone()));
        let counters = ledgers.iter().flat_map(|ledger| ledger.counters.iter()).map(|(at, c)| (at, c.verdict, c.decided, c.reason.clone()));
        for (at, verdict, decided, reason) in lines.chain(counters).filter(|(at, ..)| at.0 == place) {
            let told = till.terminal.store().read(|tx| tx.advised(at.1)).map_err(|error| Broken::unexpected("an advice cannot be read", &error))?;
            let same = copied
                || told.as_ref().is_some_and(|t| {
                    t.verdict.code() == verdict.unsigned_abs() && t.cents.get() == decided && t.reason == reason.clone().unwrap_or_default()
                });
            demand(same, "terminals are told every verdict", || format!("{at:?}: decided {verdict} {decided} {reason:?}, told {told:?}"))?;
        }
        for (seq, green) in truth.greens_of(place) {
            let at = truth.resolve((place, seq));
            let there = ledgers.get(green.office).is_some_and(|ledger| ledger.lines.contains_key(&at) || ledger.unreadable.contains(&at));
            demand(there || truth.rejected.contains(&at), "in the end every green is taken in", || format!("{at:?}: {green:?}"))?;
        }
    }
    Ok(())
}

/// What a box was told of payments, in cents.
pub(super) fn told_paid(till: &mut Till) -> Result<i64, Broken> {
    let sum = till.terminal.store().connection().query_row("SELECT coalesce(sum(share), 0) FROM payment", [], |row| row.get(0));
    sum.map_err(|error| Broken::unexpected("a terminal's payments cannot be read", &error))
}

/// What a benefit counts for a child's ceilings, beyond its amount.
pub(super) fn units_of(benefit: Benefit, minutes: u64) -> u64 {
    if benefit == Benefit::Tutoring { minutes / 45 } else { 1 }
}
