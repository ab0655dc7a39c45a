//! What the figures' pages show beside the sums: how old open claims are, how long pay-outs take, who is entitled, how terminals fare.

use super::super::{StoreError, from_db, to_db};
use super::{array, sound};
use crate::shell::store::sql::{Connection, params};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::{ProviderNumber, TerminalId};
use crate::words::time::UtcMs;
use std::collections::BTreeMap;

/// A batch of which something is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenBatch {
    /// When it arrived.
    pub received: UtcMs,
    /// Of its lines, those that wait for a decision.
    pub pending: u64,
    /// What it claims and was not settled or turned down yet, roughly: of a line that waits all, of a decided one what is still to be paid.
    pub open: Cents,
}

/// The batches of which something waits for a decision or for payment.
pub fn open_batches(db: &Connection) -> Result<Vec<OpenBatch>, StoreError> {
    let sql = "SELECT b.received, s.pending, CASE WHEN s.pending > 0 THEN s.claimed ELSE s.decided END - s.settled
               FROM batch_sum s JOIN batch b ON b.id = s.batch WHERE s.pending > 0 OR s.decided <> s.settled";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut batches = Vec::new();
    while let Some(row) = rows.next()? {
        batches.push(OpenBatch { received: UtcMs(from_db(row.get(0)?)?), pending: from_db(row.get(1)?)?, open: Cents::new(row.get(2)?) });
    }
    Ok(batches)
}

/// How many days after its arrival each batch was first paid, by the month of its arrival.
pub fn days_to_payment(db: &Connection, since: UtcMs) -> Result<BTreeMap<CivilMonth, Vec<u32>>, StoreError> {
    let sql = "SELECT b.received, min(r.execution) FROM batch b JOIN share s ON s.batch = b.id JOIN payment p ON p.end_to_end_id = s.end_to_end_id
               JOIN run r ON r.number = p.run WHERE b.received >= ?1 AND r.state = 'released' GROUP BY b.id, b.received";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([to_db(since.0)])?;
    let mut months: BTreeMap<CivilMonth, Vec<u32>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let received = CivilDay::of(UtcMs(from_db(row.get(0)?)?));
        let paid = sound(CivilDay::from_days(from_db(row.get(1)?)?), "day")?;
        months.entry(received.month()).or_default().push(paid.days().saturating_sub(received.days()));
    }
    Ok(months)
}

/// How many children are entitled to a benefit in each of these months, as granted and not ended.
pub fn entitled(db: &Connection, months: (CivilMonth, CivilMonth)) -> Result<BTreeMap<(CivilMonth, Benefit), u64>, StoreError> {
    let sql = "SELECT DISTINCT a.child, g.benefit, a.from_month, a.to_month, a.ended_from FROM approval a JOIN granted g ON g.approval = a.id
               WHERE a.to_month >= ?1 AND a.from_month <= ?2";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![months.0.months(), months.1.months()])?;
    let mut stretches: Vec<(i64, u64, u32, u32)> = Vec::new();
    while let Some(row) = rows.next()? {
        let (child, benefit, first, last): (i64, i64, u32, u32) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let ended: Option<u32> = row.get(4)?;
        let last_valid = ended.and_then(|day| CivilDay::from_days(day.into())).map_or(last, |day| last.min(day.minus(1).month().months()));
        stretches.push((child, from_db(benefit)?, first.max(months.0.months()), last_valid.min(months.1.months())));
    }
    let mut entitled = BTreeMap::new();
    for ((month, benefit), children) in children_by_month(stretches) {
        let month = sound(CivilMonth::from_months(month.into()), "month")?;
        entitled.insert((month, sound(Benefit::from_code(benefit), "benefit")?), children);
    }
    Ok(entitled)
}

/// How many children have each benefit in each month. Of child, benefit, first and last month; what overlaps counts once, for one approval may
/// have taken the place of another.
fn children_by_month(mut stretches: Vec<(i64, u64, u32, u32)>) -> BTreeMap<(u32, u64), u64> {
    stretches.sort_unstable();
    let (mut months, mut counted) = (BTreeMap::new(), (0, 0, 0));
    let mut whole: BTreeMap<(u64, u32, u32), u64> = BTreeMap::new();
    for (child, benefit, first, last) in stretches {
        let first = if (counted.0, counted.1) == (child, benefit) { first.max(counted.2) } else { first };
        if first <= last {
            *whole.entry((benefit, first, last)).or_default() += 1;
            counted = (child, benefit, last + 1);
        }
    }
    for ((benefit, first, last), children) in whole {
        (first..=last).for_each(|month| *months.entry((month, benefit)).or_default() += children);
    }
    months
}

/// What was paid in some days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paid {
    /// The transfers that did not come back.
    pub paid: Cents,
    /// How many came back.
    pub returned: u64,
}

/// The transfers of released runs with an execution date in these days.
pub fn paid_between(db: &Connection, days: (CivilDay, CivilDay)) -> Result<Paid, StoreError> {
    let sql =
        "SELECT coalesce(sum(CASE WHEN p.returned IS NULL THEN p.cents END), 0), count(p.returned) FROM payment p JOIN run r ON r.number = p.run
               WHERE r.state = 'released' AND r.execution BETWEEN ?1 AND ?2";
    let (paid, returned): (i64, i64) = db.prepare_cached(sql)?.query_row([days.0.days(), days.1.days()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Paid { paid: Cents::new(paid), returned: from_db(returned)? })
}

/// How a terminal fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whose it is.
    pub provider: ProviderNumber,
    /// The provider's name.
    pub provider_name: String,
    /// The terminal.
    pub terminal: TerminalId,
    /// What people call it.
    pub label: String,
    /// When its last question was answered.
    pub last_exchange: Option<UtcMs>,
    /// When it was admitted (again).
    pub admitted: UtcMs,
    /// How many entries of its journal the office holds.
    pub entries: u64,
    /// When its last batch arrived.
    pub last_batch: Option<UtcMs>,
    /// Why a batch of it waits: the code, and how many.
    pub waiting: Option<(String, u64)>,
    /// How old its data were at its last redemption, as the office's list said then: seconds between list and record.
    pub data_age_seconds: Option<u64>,
}

/// All terminals, by provider and label.
pub fn terminals(db: &Connection) -> Result<Vec<Health>, StoreError> {
    let sql = "SELECT t.provider, coalesce(p.name, ''), t.terminal, t.label, t.admitted, t.head_seq,
                 (SELECT max(e.at) FROM exchange e WHERE e.terminal = t.id),
                 (SELECT b.received FROM batch b WHERE b.terminal = t.id ORDER BY b.first_seq DESC LIMIT 1),
                 (SELECT b.reason FROM batch b WHERE b.terminal = t.id AND b.reason IS NOT NULL LIMIT 1),
                 (SELECT count(*) FROM batch b WHERE b.terminal = t.id AND b.reason IS NOT NULL),
                 (SELECT CASE WHEN l.status_issued > 0 THEN max(l.at / 1000 - l.status_issued, 0) END FROM line l WHERE l.terminal = t.id ORDER BY l.seq DESC LIMIT 1)
               FROM terminal t LEFT JOIN provider p ON p.number = t.provider ORDER BY 2, 1, t.label, t.id";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut terminals = Vec::new();
    let time = |at: Option<i64>| at.map(from_db).transpose().map(|at| at.map(UtcMs));
    while let Some(row) = rows.next()? {
        let (reason, waiting, age): (Option<String>, i64, Option<i64>) = (row.get(8)?, row.get(9)?, row.get(10)?);
        terminals.push(Health {
            provider: ProviderNumber(row.get(0)?),
            provider_name: row.get(1)?,
            terminal: TerminalId(array(row.get(2)?, "terminal id")?),
            label: row.get(3)?,
            admitted: UtcMs(from_db(row.get(4)?)?),
            entries: from_db(row.get(5)?)?,
            last_exchange: time(row.get(6)?)?,
            last_batch: time(row.get(7)?)?,
            waiting: reason.map(|reason| Ok::<_, StoreError>((reason, from_db(waiting)?))).transpose()?,
            data_age_seconds: age.map(from_db).transpose()?,
        });
    }
    Ok(terminals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_child_counts_once_a_month_however_its_approvals_overlap(
            stretches in prop::collection::vec((1..4i64, 1..3u64, 600..612u32, 600..612u32), 0..12)
        ) {
            let each = |&(child, benefit, first, last): &(i64, u64, u32, u32)| (first..=last).map(move |month| (month, benefit, child));
            let mut naive: BTreeMap<(u32, u64), u64> = BTreeMap::new();
            for (month, benefit, _) in stretches.iter().flat_map(each).collect::<BTreeSet<_>>() {
                *naive.entry((month, benefit)).or_default() += 1;
            }
            prop_assert_eq!(children_by_month(stretches), naive);
        }
    }
}
