//! Money that providers paid back by themselves: noted by one clerk, confirmed by another, netted by runs.

use super::super::{StoreError, from_db, to_db};
use super::bank::PaymentState;
use super::{settings, sound};
use crate::settle::selection::Selection;
use crate::settle::settlement::{Credit, Credits, Plan};
use crate::shell::store::sql;
use crate::shell::store::sql::{Connection, Row, params};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{ProviderNumber, RepaymentNumber};
use crate::words::time::UtcMs;
use std::collections::BTreeMap;

/// Money a provider paid back, as a clerk notes it.
#[derive(Clone, Debug)]
pub struct Noted {
    /// Who paid.
    pub provider: ProviderNumber,
    /// How much; below zero where one that was confirmed by mistake is taken back.
    pub cents: Cents,
    /// When it came in.
    pub day: CivilDay,
    /// What the clerk noted; stays in the office.
    pub note: String,
    /// Who noted it.
    pub clerk: String,
    /// When.
    pub at: UtcMs,
    /// The repayment that this one takes back.
    pub undoes: Option<RepaymentNumber>,
}

/// A repayment and what became of it.
#[derive(Clone, Debug)]
pub struct Repayment {
    /// Its number.
    pub number: RepaymentNumber,
    /// What was noted.
    pub noted: Noted,
    /// Who confirmed it, and when; none while it waits for a second person.
    pub second: Option<(String, UtcMs)>,
    /// What runs have netted of it.
    pub settled: Cents,
    /// The last released run that netted it.
    pub run: Option<u32>,
    /// Whether another one takes it back.
    pub is_undone: bool,
    /// How many others there are of the same provider, sum and day: perhaps the same one.
    pub alike: u64,
}

const REPAYMENT: &str = "SELECT r.id, r.provider, r.cents, r.day, r.note, r.clerk, r.at, r.second, r.second_at, r.settled,
    (SELECT max(d.run) FROM drawn_repayment d JOIN run_provider p ON p.run = d.run AND p.provider = d.provider JOIN run n ON n.number = d.run
     WHERE d.repayment = r.id AND d.provider = r.provider AND p.cents >= 0 AND n.state = 'released'),
    r.undoes, EXISTS (SELECT 1 FROM repayment u WHERE u.undoes = r.id),
    (SELECT count(*) FROM repayment o WHERE o.provider = r.provider AND o.cents = r.cents AND o.day = r.day AND o.id <> r.id AND r.undoes IS NULL
        AND NOT EXISTS (SELECT 1 FROM repayment u WHERE u.undoes = o.id))
    FROM repayment r";

fn read(db: &Connection, which: &str, values: impl sql::Params) -> Result<Vec<Repayment>, StoreError> {
    let mut statement = db.prepare_cached(&format!("{REPAYMENT} {which}"))?;
    let mut rows = statement.query(values)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(repayment(&row)?);
    }
    Ok(all)
}

fn repayment(row: &Row<'_>) -> Result<Repayment, StoreError> {
    let (second, second_at): (Option<String>, Option<i64>) = (row.get(7)?, row.get(8)?);
    let noted = Noted {
        provider: ProviderNumber(row.get(1)?),
        cents: Cents::new(row.get(2)?),
        day: sound(CivilDay::from_days(from_db(row.get(3)?)?), "day")?,
        note: row.get(4)?,
        clerk: row.get(5)?,
        at: UtcMs(from_db(row.get(6)?)?),
        undoes: row.get::<_, Option<u32>>(11)?.map(RepaymentNumber),
    };
    let second = second.zip(second_at.map(from_db).transpose()?.map(UtcMs));
    let (settled, is_undone, alike) = (Cents::new(row.get(9)?), row.get(12)?, from_db(row.get(13)?)?);
    Ok(Repayment { number: RepaymentNumber(row.get(0)?), noted, second, settled, run: row.get(10)?, is_undone, alike })
}

/// Keeps a repayment until a second clerk has confirmed it.
pub fn note(db: &Connection, noted: &Noted) -> Result<(), StoreError> {
    let Noted { provider, cents, day, note, clerk, at, undoes } = noted;
    let number = to_db(settings::next(db, "repayment")?);
    let sql = "INSERT INTO repayment (id, provider, cents, day, note, clerk, at, undoes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let values = params![number, provider.0, cents.get(), day.days(), note, clerk, to_db(at.0), undoes.map(|number| number.0)];
    db.execute(sql, values)?;
    Ok(())
}

/// Those that wait for a second clerk, the oldest first.
pub fn waiting(db: &Connection) -> Result<Vec<Repayment>, StoreError> {
    read(db, "WHERE r.second IS NULL ORDER BY r.id", params![])
}

/// The one with this number.
pub fn of_number(db: &Connection, number: RepaymentNumber) -> Result<Option<Repayment>, StoreError> {
    Ok(read(db, "WHERE r.id = ?1", [number.0])?.pop())
}

/// Those that are confirmed and not netted, all of them, and the last others up to `most`: the open ones first, the newest first.
pub fn last(db: &Connection, most: u64) -> Result<Vec<Repayment>, StoreError> {
    let mut all = read(db, "WHERE r.second IS NOT NULL AND r.settled <> r.cents ORDER BY r.id DESC", params![])?;
    let left = most.saturating_sub(all.len() as u64);
    all.extend(read(db, "WHERE r.second IS NOT NULL AND r.settled = r.cents ORDER BY r.id DESC LIMIT ?1", [to_db(left)])?);
    Ok(all)
}

/// Notes who confirmed one that waits: from then on the next run nets it.
pub fn confirm(db: &Connection, number: RepaymentNumber, second: &str, now: UtcMs) -> Result<(), StoreError> {
    let sql = "UPDATE repayment SET second = ?2, second_at = ?3 WHERE id = ?1 AND second IS NULL";
    db.execute(sql, params![number.0, second, to_db(now.0)])?;
    Ok(())
}

/// Gives up one that waits.
pub fn drop(db: &Connection, number: RepaymentNumber) -> Result<(), StoreError> {
    db.execute("DELETE FROM repayment WHERE id = ?1 AND second IS NULL", [number.0])?;
    Ok(())
}

fn read_credits(db: &Connection, sql: &str, values: impl sql::Params) -> Result<Credits, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    let mut credits = Credits::new();
    while let Some(row) = rows.next()? {
        let day = sound(CivilDay::from_days(from_db(row.get(2)?)?), "day")?;
        let credit = Credit { repayment: RepaymentNumber(row.get(1)?), day, total: Cents::new(row.get(3)?), already: Cents::new(row.get(4)?) };
        credits.entry(ProviderNumber(row.get(0)?)).or_default().push(credit);
    }
    Ok(credits)
}

/// What is confirmed and not netted, of what is chosen. One of which a clerk has noted that it was a mistake waits until that is decided.
pub fn open(db: &Connection, selection: &Selection) -> Result<Credits, StoreError> {
    let sql = "SELECT r.provider, r.id, r.day, r.cents, r.settled FROM repayment r WHERE r.settled <> r.cents AND r.second IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM repayment u WHERE u.undoes = r.id AND u.second IS NULL) ORDER BY r.id";
    let mut credits = read_credits(db, sql, params![])?;
    for (provider, credits) in &mut credits {
        credits.retain(|credit| selection.takes_credit(*provider, credit));
    }
    credits.retain(|_, credits| !credits.is_empty());
    Ok(credits)
}

/// The repayments a run was drawn up of that are still open, as they stand now.
pub fn drawn(db: &Connection, run: u32) -> Result<Credits, StoreError> {
    let sql = "SELECT r.provider, r.id, r.day, r.cents, r.settled FROM drawn_repayment d JOIN repayment r ON r.id = d.repayment
               WHERE d.run = ?1 AND r.settled <> r.cents ORDER BY r.id";
    read_credits(db, sql, [run])
}

/// Whether one of the repayments that a run was drawn up of is taken back since, or is to be.
pub fn drawn_and_undone(db: &Connection, run: u32) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM drawn_repayment d JOIN repayment u ON u.undoes = d.repayment WHERE d.run = ?1
               AND NOT EXISTS (SELECT 1 FROM drawn_repayment o WHERE o.run = ?1 AND o.repayment = u.id))";
    Ok(db.query_row(sql, [run], |row| row.get(0))?)
}

/// What a run netted of repayments, by provider, as it was signed.
pub fn drawn_sums(db: &Connection, run: u32) -> Result<BTreeMap<ProviderNumber, Cents>, StoreError> {
    let mut statement = db.prepare_cached("SELECT provider, sum(total - already) FROM drawn_repayment WHERE run = ?1 GROUP BY provider")?;
    let rows = statement.query_map([run], |row| Ok((ProviderNumber(row.get(0)?), Cents::new(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A provider's repayments of a run exactly as they were signed.
pub fn signed(db: &Connection, run: u32, provider: ProviderNumber) -> Result<Vec<Credit>, StoreError> {
    let sql = "SELECT r.provider, r.id, r.day, d.total, d.already FROM drawn_repayment d JOIN repayment r ON r.id = d.repayment
               WHERE d.run = ?1 AND d.provider = ?2 ORDER BY r.id";
    Ok(read_credits(db, sql, params![run, provider.0])?.remove(&provider).unwrap_or_default())
}

/// Keeps which repayments a run was drawn up of, as they are signed.
pub fn insert_drawn(db: &Connection, plan: &Plan) -> Result<(), StoreError> {
    let settled = plan.settled.iter().map(|settled| (settled.provider, &settled.credits));
    let waiting = plan.carried_over.iter().map(|carried| (carried.provider, &carried.credits));
    let sql = "INSERT INTO drawn_repayment (run, provider, repayment, total, already) VALUES (?1, ?2, ?3, ?4, ?5)";
    for (provider, credits) in settled.chain(waiting) {
        for credit in credits {
            let values = params![plan.run.number.get(), provider.0, credit.repayment.0, credit.total.get(), credit.already.get()];
            db.prepare_cached(sql)?.execute(values)?;
        }
    }
    Ok(())
}

/// Nets the repayments of a released run; answers how many. Those of providers whose sum is carried over are not among them.
pub fn settle_drawn(db: &Connection, run: u32) -> Result<u64, StoreError> {
    let sql = "UPDATE repayment SET settled = d.total FROM drawn_repayment d JOIN run_provider p ON p.run = d.run AND p.provider = d.provider
               WHERE d.run = ?1 AND p.cents >= 0 AND repayment.id = d.repayment AND repayment.settled = d.already AND repayment.cents = d.total";
    Ok(db.execute(sql, [run])? as u64)
}

/// A payment came back: what it had netted is open again.
pub(super) fn give_back(db: &Connection, payment: &PaymentState) -> Result<(), StoreError> {
    let sql = "INSERT INTO returned_repayment (end_to_end_id, repayment, cents)
               SELECT ?1, repayment, total - already FROM drawn_repayment WHERE run = ?2 AND provider = ?3";
    db.execute(sql, params![payment.id, payment.run, payment.provider.0])?;
    let sql = "UPDATE repayment SET settled = settled - b.cents FROM returned_repayment b WHERE b.end_to_end_id = ?1 AND repayment.id = b.repayment";
    db.execute(sql, [&payment.id])?;
    Ok(())
}

/// The contrary of [`give_back`].
pub(super) fn net_again(db: &Connection, payment: &PaymentState) -> Result<(), StoreError> {
    let sql = "UPDATE repayment SET settled = settled + b.cents FROM returned_repayment b WHERE b.end_to_end_id = ?1 AND repayment.id = b.repayment";
    db.execute(sql, [&payment.id])?;
    db.execute("DELETE FROM returned_repayment WHERE end_to_end_id = ?1", [&payment.id])?;
    Ok(())
}
