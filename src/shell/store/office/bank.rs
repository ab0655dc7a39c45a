//! What banks said of payments: booked, returned; accounts that must be looked at; files taken in.

use super::super::{StoreError, from_db, to_db};
use super::{repayments, sound};
use crate::shell::store::sql::{Connection, OptionalExtension, Row, params};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{Hash, ProviderNumber};
use crate::words::time::UtcMs;

/// Who said that a transfer came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// A status report: it was never carried out.
    Rejected,
    /// An account statement: the money is on our account again.
    Returned,
    /// A clerk.
    ByHand,
}

impl Back {
    const fn name(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Returned => "returned",
            Self::ByHand => "by_hand",
        }
    }
}

/// What is known of a transfer.
#[derive(Clone, Debug)]
pub struct PaymentState {
    /// Its end-to-end id.
    pub id: String,
    /// The run it is of.
    pub run: u32,
    /// Who is paid.
    pub provider: ProviderNumber,
    /// Its amount.
    pub cents: Cents,
    /// The account it went to, in electronic form.
    pub iban: String,
    /// The text on the provider's bank statement.
    pub remittance: String,
    /// When the bank booked it.
    pub booked: Option<CivilDay>,
    /// Why it came back, and on which day.
    pub returned: Option<(String, CivilDay)>,
    /// Who said so.
    pub back: Option<Back>,
    /// What is said of a return up to this day is not true, as a clerk found.
    pub stays_until: Option<CivilDay>,
}

impl PaymentState {
    /// Whether it counts as returned on a clerk's word.
    pub fn returned_by_hand(&self) -> bool {
        self.returned.is_some() && self.back == Some(Back::ByHand)
    }
}

const PAYMENT: &str = "SELECT end_to_end_id, run, provider, cents, iban, remittance, booked, returned, coalesce(returned_on, booked), returned_how,
    stays_until FROM payment";

fn payment_row(row: &Row<'_>) -> Result<PaymentState, StoreError> {
    let day = |column: usize| -> Result<Option<CivilDay>, StoreError> {
        let days: Option<i64> = row.get(column)?;
        days.map(|days| sound(CivilDay::from_days(from_db(days)?), "day")).transpose()
    };
    let (returned, how): (Option<String>, Option<String>) = (row.get(7)?, row.get(9)?);
    Ok(PaymentState {
        id: row.get(0)?,
        run: row.get(1)?,
        provider: ProviderNumber(row.get(2)?),
        cents: Cents::new(row.get(3)?),
        iban: row.get(4)?,
        remittance: row.get(5)?,
        booked: day(6)?,
        returned: returned.zip(day(8)?),
        back: how.and_then(|how| [Back::Rejected, Back::Returned, Back::ByHand].into_iter().find(|back| back.name() == how)),
        stays_until: day(10)?,
    })
}

/// The transfer with this reference.
pub fn payment(db: &Connection, end_to_end_id: &str) -> Result<Option<PaymentState>, StoreError> {
    let mut statement = db.prepare_cached(&format!("{PAYMENT} WHERE end_to_end_id = ?1"))?;
    let mut rows = statement.query([end_to_end_id])?;
    rows.next()?.as_ref().map(payment_row).transpose()
}

/// The transfers of a run by provider.
pub fn of_run(db: &Connection, run: u32) -> Result<Vec<PaymentState>, StoreError> {
    let mut statement = db.prepare_cached(&format!("{PAYMENT} WHERE run = ?1 ORDER BY provider"))?;
    let mut rows = statement.query([run])?;
    let mut payments = Vec::new();
    while let Some(row) = rows.next()? {
        payments.push(payment_row(&row)?);
    }
    Ok(payments)
}

/// The last transfers that came back, the newest first, at most `most`.
pub fn last_returned(db: &Connection, most: u64) -> Result<Vec<PaymentState>, StoreError> {
    let mut statement =
        db.prepare_cached(&format!("{PAYMENT} WHERE returned IS NOT NULL ORDER BY coalesce(returned_at, 0) DESC, end_to_end_id LIMIT ?1"))?;
    let mut rows = statement.query([to_db(most)])?;
    let mut payments = Vec::new();
    while let Some(row) = rows.next()? {
        payments.push(payment_row(&row)?);
    }
    Ok(payments)
}

/// Notes that the bank booked a payment.
pub fn set_booked(db: &Connection, end_to_end_id: &str, booked: CivilDay) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE payment SET booked = ?2 WHERE end_to_end_id = ?1 AND booked IS NULL")?
        .execute(params![end_to_end_id, booked.days()])?;
    Ok(())
}

/// Takes a payment back that returned: what it paid of each line is no longer settled, and a line of which nothing is stands in no run.
/// False where it came back before: then nothing changes.
pub fn take_back(db: &Connection, payment: &PaymentState, why: &str, how: Back, on: CivilDay, now: UtcMs) -> Result<bool, StoreError> {
    let sql = "UPDATE payment SET returned = ?2, returned_on = ?3, returned_at = ?4, returned_how = ?5 WHERE end_to_end_id = ?1 AND returned IS NULL";
    if db.execute(sql, params![payment.id, why, on.days(), to_db(now.0), how.name()])? == 0 {
        return Ok(false);
    }
    let sql = "INSERT INTO returned_line (end_to_end_id, terminal, seq, cents)
               SELECT ?1, terminal, seq, total - already FROM drawn_line WHERE run = ?2 AND provider = ?3 AND total <> already";
    db.execute(sql, params![payment.id, payment.run, payment.provider.0])?;
    for table in ["line", "cancellation"] {
        let sql = format!(
            "UPDATE {table} SET settled = coalesce(settled, 0) - r.cents, advise = 1,
                 run = CASE coalesce(settled, 0) - r.cents WHEN 0 THEN NULL ELSE run END FROM returned_line r
             WHERE r.end_to_end_id = ?1 AND {table}.terminal = r.terminal AND {table}.seq = r.seq"
        );
        db.execute(&sql, [&payment.id])?;
    }
    repayments::give_back(db, payment)?;
    Ok(true)
}

/// The contrary of [`take_back`]: the payment settles its lines as if it had never come back. False where it did not. Where a clerk alone
/// had said that it came back, nothing that the bank says of a return was found untrue by this: then that it was by hand stays on record.
pub fn undo_return(db: &Connection, payment: &PaymentState) -> Result<bool, StoreError> {
    let sql = "UPDATE payment SET returned = NULL, returned_on = NULL, returned_at = NULL,
                   stays_until = CASE WHEN returned_how = 'by_hand' THEN coalesce(stays_until, returned_on) ELSE coalesce(returned_on, booked) END,
                   returned_how = CASE WHEN returned_how = 'by_hand' AND stays_until IS NULL THEN 'by_hand' END
               WHERE end_to_end_id = ?1 AND returned IS NOT NULL";
    if db.execute(sql, [&payment.id])? == 0 {
        return Ok(false);
    }
    for table in ["line", "cancellation"] {
        let sql = format!(
            "UPDATE {table} SET settled = coalesce(settled, 0) + r.cents, advise = 1, run = coalesce(run, ?2) FROM returned_line r
             WHERE r.end_to_end_id = ?1 AND {table}.terminal = r.terminal AND {table}.seq = r.seq"
        );
        db.execute(&sql, params![payment.id, payment.run])?;
    }
    db.execute("DELETE FROM returned_line WHERE end_to_end_id = ?1", [&payment.id])?;
    repayments::net_again(db, payment)?;
    Ok(true)
}

/// The row ids of the batches that have a share in a payment.
pub fn batches_of(db: &Connection, end_to_end_id: &str) -> Result<Vec<i64>, StoreError> {
    let mut statement = db.prepare_cached("SELECT batch FROM share WHERE end_to_end_id = ?1 ORDER BY batch")?;
    let rows = statement.query_map([end_to_end_id], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Returned payments whose account no clerk has looked at since: provider, account, and the bank's reason.
pub fn unchecked_returns(db: &Connection) -> Result<Vec<(ProviderNumber, String, String)>, StoreError> {
    let sql = "SELECT p.provider, p.iban, p.returned FROM payment p WHERE p.returned IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM account_check c WHERE c.provider = p.provider AND c.at >= coalesce(p.returned_at, 0))
               ORDER BY p.provider, coalesce(p.returned_at, 0)";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((ProviderNumber(row.get(0)?), row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes that a clerk looked at a provider's account and found it right.
pub fn check_account(db: &Connection, provider: ProviderNumber, iban: &str, clerk: &str, now: UtcMs) -> Result<(), StoreError> {
    let sql = "INSERT INTO account_check (provider, iban, at, clerk) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (provider, at) DO UPDATE SET iban = excluded.iban, clerk = excluded.clerk";
    db.execute(sql, params![provider.0, iban, to_db(now.0), clerk])?;
    Ok(())
}

/// The first run since a provider's last payment or settlement in which his sum was below zero, with the time of its release.
pub fn carried_since(db: &Connection, provider: ProviderNumber) -> Result<Option<(u32, UtcMs)>, StoreError> {
    let sql = "SELECT p.run, r.second_at FROM run_provider p JOIN run r ON r.number = p.run
               WHERE p.provider = ?1 AND p.cents < 0 AND r.state = 'released'
                 AND p.run > coalesce((SELECT max(q.run) FROM run_provider q JOIN run s ON s.number = q.run
                                       WHERE q.provider = ?1 AND q.cents >= 0 AND s.state = 'released'), 0)
               ORDER BY p.run LIMIT 1";
    let row: Option<(u32, i64)> = db.prepare_cached(sql)?.query_row([provider.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    row.map(|(run, at)| Ok((run, UtcMs(from_db(at)?)))).transpose()
}

/// A bank file that was taken in.
#[derive(Clone, Debug)]
pub struct BankFile {
    /// SHA-256 of its bytes.
    pub hash: Hash,
    /// When it was taken in.
    pub at: UtcMs,
    /// By whom.
    pub clerk: String,
    /// `camt` or `pain.002`.
    pub kind: String,
    /// Payments booked, returned, known before; entries that are none of ours; and those a clerk must look at.
    pub counts: [u64; 5],
}

/// Keeps that a file was taken in; false where the same bytes were before.
pub fn insert_file(db: &Connection, file: &BankFile) -> Result<bool, StoreError> {
    let sql = "INSERT INTO bank_file (hash, at, clerk, kind, booked, returned, known, others, unclear) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
               ON CONFLICT DO NOTHING";
    let [booked, returned, known, others, unclear] = file.counts.map(to_db);
    Ok(db.execute(sql, params![file.hash.0, to_db(file.at.0), file.clerk, file.kind, booked, returned, known, others, unclear])? > 0)
}

/// Whether these very bytes were taken in before.
pub fn is_known(db: &Connection, hash: Hash) -> Result<bool, StoreError> {
    Ok(db.query_row("SELECT EXISTS (SELECT 1 FROM bank_file WHERE hash = ?1)", [hash.0], |row| row.get(0))?)
}

/// The last files taken in, the newest first, at most `most`.
pub fn files(db: &Connection, most: u64) -> Result<Vec<BankFile>, StoreError> {
    let sql = "SELECT hash, at, clerk, kind, booked, returned, known, others, unclear FROM bank_file ORDER BY id DESC LIMIT ?1";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([to_db(most)])?;
    let mut files = Vec::new();
    while let Some(row) = rows.next()? {
        let count = |column: usize| -> Result<u64, StoreError> { from_db(row.get(column)?) };
        files.push(BankFile {
            hash: Hash(super::array(row.get(0)?, "hash")?),
            at: UtcMs(count(1)?),
            clerk: row.get(2)?,
            kind: row.get(3)?,
            counts: [count(4)?, count(5)?, count(6)?, count(7)?, count(8)?],
        });
    }
    Ok(files)
}
