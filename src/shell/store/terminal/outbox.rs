//! What has left or will: sealed batches, questions asked, and what the offices answered.

use super::{OfficeNumber, StoreError, Tx, from_db, known, to_db};
use crate::book::entry::Head;
use crate::deliver::advice::{Advice, AdvisedLine, Verdict};
use crate::deliver::outbox::Waiting;
use crate::words::cbor::Reader;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{BatchId, Hash, Nonce};
use crate::words::keys::PublicKey;
use crate::words::sealed::{DocType, Sealed};
use crate::words::time::UtcMs;
use rusqlite::{OptionalExtension, Row};
use std::collections::BTreeSet;

/// How far a sealed batch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchState {
    /// No receipt yet.
    Waiting,
    /// The office holds exactly this.
    Confirmed,
    /// The office has it, and a clerk must look first.
    WithClerk,
    /// The office holds another history.
    Disputed,
    /// The office lacked earlier entries; a later batch begins where its copy ends and covers this one.
    Superseded,
    /// A clerk rejected it: its lines are answered, and it is not sent again. Nothing is purged on it.
    Rejected,
}

impl BatchState {
    const ALL: [BatchState; 6] = [Self::Waiting, Self::Confirmed, Self::WithClerk, Self::Disputed, Self::Superseded, Self::Rejected];

    fn code(self) -> i64 {
        Self::ALL.iter().take_while(|s| **s != self).map(|_| 1).sum()
    }

    fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.code() == code)
    }

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Confirmed => "confirmed",
            Self::WithClerk => "with_clerk",
            Self::Disputed => "disputed",
            Self::Superseded => "superseded",
            Self::Rejected => "rejected",
        }
    }
}

/// A sealed batch as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRow {
    /// Its id.
    pub id: BatchId,
    /// The office.
    pub office: OfficeNumber,
    /// The first entry it covers.
    pub first: u64,
    /// The journal's head after the last one.
    pub head: Head,
    /// SHA-256 of its signed bytes.
    pub hash: Hash,
    /// When it was sealed.
    pub sealed_at: UtcMs,
    /// How far it has come.
    pub state: BatchState,
    /// The office's reason, where it gave one.
    pub reason: Option<String>,
}

/// A transfer that an office advised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentRow {
    /// The batch it pays.
    pub batch: BatchId,
    /// Its end-to-end id.
    pub end_to_end_id: String,
    /// The day of execution.
    pub execution: CivilDay,
    /// The part of it for this batch.
    pub share: Cents,
    /// The whole transfer.
    pub transfer: Cents,
}

impl BatchRow {
    /// What a receipt must name to confirm it.
    pub const fn waiting(&self) -> Waiting {
        Waiting { batch: self.id, hash: self.hash, head: self.head }
    }
}

const COLUMNS: &str = "id, office, first, last, last_link, hash, sealed_at, state, reason";

impl Tx<'_> {
    /// Keeps a sealed batch until its receipt.
    pub fn keep_batch(&self, batch: &BatchRow, bytes: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO batch(id, office, first, last, last_link, hash, sealed_at, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let mut statement = self.sql.prepare_cached(sql)?;
        statement.execute((
            batch.id.0,
            batch.office.0,
            to_db(batch.first),
            to_db(batch.head.seq),
            batch.head.link.0,
            batch.hash.0,
            to_db(batch.sealed_at.0),
            bytes,
        ))?;
        Ok(())
    }

    /// One batch.
    pub fn batch(&self, id: BatchId) -> Result<Option<BatchRow>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!("SELECT {COLUMNS} FROM batch WHERE id = ?1"))?;
        let mut rows = statement.query([id.0])?;
        rows.next()?.map(batch_row).transpose()
    }

    /// The batches sealed last, at most `limit`, the latest first.
    pub fn latest_batches(&self, limit: u32) -> Result<Vec<BatchRow>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!("SELECT {COLUMNS} FROM batch ORDER BY sealed_at DESC, first DESC LIMIT ?1"))?;
        let mut rows = statement.query([limit])?;
        let mut batches = Vec::new();
        while let Some(row) = rows.next()? {
            batches.push(batch_row(row)?);
        }
        Ok(batches)
    }

    /// The batches that a clerk must look at first, or whose history an office disputes.
    pub fn stuck_batches(&self) -> Result<Vec<BatchRow>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!("SELECT {COLUMNS} FROM batch WHERE state IN (2, 3) ORDER BY sealed_at, first"))?;
        let mut rows = statement.query([])?;
        let mut batches = Vec::new();
        while let Some(row) = rows.next()? {
            batches.push(batch_row(row)?);
        }
        Ok(batches)
    }

    /// The signed bytes of an office's batches that still want a receipt, in order: at most `count` of them, and once there is one, at
    /// most `limit` bytes.
    pub fn unconfirmed_bytes(&self, office: OfficeNumber, count: usize, limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let sql = "SELECT bytes FROM batch WHERE office = ?1 AND state IN (0, 2, 3) AND bytes IS NOT NULL ORDER BY state, first";
        let mut statement = self.sql.prepare_cached(sql)?;
        let mut rows = statement.query([office.0])?;
        let (mut batches, mut size) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let bytes: Vec<u8> = row.get(0)?;
            size += bytes.len();
            if batches.len() >= count || (size > limit && !batches.is_empty()) {
                break;
            }
            batches.push(bytes);
        }
        Ok(batches)
    }

    /// How many of an office's batches have no receipt at all.
    pub fn waiting_batches(&self, office: OfficeNumber) -> Result<u64, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT count(*) FROM batch WHERE office = ?1 AND state = 0")?;
        from_db(statement.query_row([office.0], |row| row.get(0))?)
    }

    /// Which of an office's batches have no receipt at all, in order.
    pub fn waiting_batch_ids(&self, office: OfficeNumber) -> Result<Vec<BatchId>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT id FROM batch WHERE office = ?1 AND state = 0 ORDER BY first")?;
        let ids = statement.query_map([office.0], |row| row.get(0).map(BatchId))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// Notes what a receipt means. The bytes go only when exactly they are confirmed: the journal holds every entry still.
    pub fn settle_batch(&self, id: BatchId, state: BatchState, receipt: &[u8], reason: Option<&str>) -> Result<(), StoreError> {
        let sql = "UPDATE batch SET state = ?2, receipt = ?3, reason = ?4, bytes = CASE WHEN ?2 = 1 THEN NULL ELSE bytes END WHERE id = ?1";
        self.sql.prepare_cached(sql)?.execute((id.0, state.code(), receipt, reason))?;
        Ok(())
    }

    /// Up to which entry an office has confirmed the journal.
    pub fn confirmed_to(&self, office: OfficeNumber) -> Result<u64, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT coalesce(max(last), 0) FROM batch WHERE office = ?1 AND state = 1")?;
        from_db(statement.query_row([office.0], |row| row.get(0))?)
    }

    /// Keeps a question asked of an office.
    pub fn keep_question(&self, nonce: Nonce, office: OfficeNumber, at: UtcMs) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached("INSERT INTO asked(nonce, office, at) VALUES (?1, ?2, ?3)")?;
        statement.execute((nonce.0, office.0, to_db(at.0)))?;
        Ok(())
    }

    /// When a question was asked of an office, and whether it was answered before.
    pub fn question(&self, nonce: Nonce, office: OfficeNumber) -> Result<Option<(UtcMs, bool)>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT at, answered IS NOT NULL FROM asked WHERE nonce = ?1 AND office = ?2")?;
        let row = statement.query_row((nonce.0, office.0), |row| Ok((row.get::<_, i64>(0)?, row.get(1)?))).optional()?;
        row.map(|(at, answered)| Ok((UtcMs(from_db(at)?), answered))).transpose()
    }

    /// Notes that a question was answered.
    pub fn keep_answered(&self, nonce: Nonce, at: UtcMs) -> Result<(), StoreError> {
        self.sql.prepare_cached("UPDATE asked SET answered = ?2 WHERE nonce = ?1")?.execute((nonce.0, to_db(at.0)))?;
        Ok(())
    }

    /// The bytes of an advice stored before.
    pub fn advice_bytes(&self, batch: BatchId, revision: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT bytes FROM advice WHERE batch = ?1 AND revision = ?2")?;
        Ok(statement.query_row((batch.0, to_db(revision)), |row| row.get(0)).optional()?)
    }

    /// Keeps an advice, and applies its lines within `covered`, each where its revision is the highest.
    pub fn keep_advice(&self, advice: &Advice, bytes: &[u8], covered: &std::ops::Range<u64>) -> Result<(), StoreError> {
        let sql = "INSERT INTO advice(batch, revision, bytes) VALUES (?1, ?2, ?3)";
        self.sql.prepare_cached(sql)?.execute((advice.batch.0, to_db(advice.revision), bytes))?;
        let sql = "INSERT INTO advised(seq, revision, verdict, cents, reason) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT DO UPDATE SET revision = ?2, verdict = ?3, cents = ?4, reason = ?5 WHERE ?2 >= revision";
        let mut statement = self.sql.prepare_cached(sql)?;
        for line in advice.lines.iter().filter(|line| covered.contains(&line.seq)) {
            statement.execute((to_db(line.seq), to_db(advice.revision), to_db(line.verdict.code()), line.cents.get(), &line.reason))?;
        }
        self.keep_paid_lines(advice, covered)?;
        let sql = "INSERT OR REPLACE INTO payment(batch, end_to_end_id, execution, share, transfer) VALUES (?1, ?2, ?3, ?4, ?5)";
        let mut statement = self.sql.prepare_cached(sql)?;
        for paid in &advice.payments {
            statement.execute((advice.batch.0, &paid.end_to_end_id, paid.execution.days(), paid.share.get(), paid.transfer.get()))?;
        }
        Ok(())
    }

    /// Forgets what was advised of every batch of which one of `keys` signed an advice: the office says it again. Whether there was any.
    pub fn forget_advices_by(&self, office: OfficeNumber, keys: &[PublicKey]) -> Result<bool, StoreError> {
        if keys.is_empty() {
            return Ok(false);
        }
        let mut statement = self.sql.prepare_cached("SELECT batch, bytes FROM advice ORDER BY batch, revision")?;
        let advices = statement.query_map([], |row| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, Vec<u8>>(1)?)))?.collect::<Result<Vec<_>, _>>()?;
        let is_theirs = |bytes: &[u8]| Sealed::parse(bytes, DocType::Advice).is_ok_and(|sealed| sealed.verified(keys, DocType::Advice).is_some());
        let batches: BTreeSet<[u8; 16]> = advices.iter().filter(|(_, bytes)| is_theirs(bytes)).map(|(batch, _)| *batch).collect();
        for (batch, bytes) in advices.iter().filter(|(batch, _)| batches.contains(batch)) {
            let content =
                Sealed::parse(bytes, DocType::Advice).ok().and_then(|sealed| Reader::decode(sealed.unverified_payload(), Advice::read).ok());
            let covered = self.batch(BatchId(*batch))?.map_or(0..1, |known| known.first..known.head.seq + 1);
            for line in content.iter().flat_map(|advice| &advice.lines).filter(|line| covered.contains(&line.seq)) {
                self.sql.prepare_cached("DELETE FROM advised WHERE seq = ?1")?.execute([to_db(line.seq)])?;
                self.sql.prepare_cached("DELETE FROM paid WHERE seq = ?1")?.execute([to_db(line.seq)])?;
            }
        }
        for batch in &batches {
            self.sql.prepare_cached("DELETE FROM advice WHERE batch = ?1")?.execute([batch])?;
            self.sql.prepare_cached("DELETE FROM payment WHERE batch = ?1")?.execute([batch])?;
        }
        self.sql.prepare_cached("UPDATE office SET cursor = 0 WHERE id = ?1")?.execute([office.0])?;
        Ok(true)
    }

    /// What an office said of one entry.
    pub fn advised(&self, seq: u64) -> Result<Option<AdvisedLine>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT verdict, cents, reason FROM advised WHERE seq = ?1")?;
        let mut rows = statement.query([to_db(seq)])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let verdict = known(Verdict::from_code(from_db(row.get(0)?)?), "a verdict")?;
        Ok(Some(AdvisedLine { seq, verdict, cents: Cents::new(row.get(1)?), reason: row.get(2)? }))
    }

    /// Hands what the offices said of each entry, with the revision of the answer, to `visit`, in the order of the entries.
    pub fn all_advised<E: From<StoreError>>(&self, mut visit: impl FnMut(u64, AdvisedLine) -> Result<(), E>) -> Result<(), E> {
        let mut statement =
            self.sql.prepare_cached("SELECT seq, revision, verdict, cents, reason FROM advised ORDER BY seq").map_err(StoreError::from)?;
        let mut rows = statement.query([]).map_err(StoreError::from)?;
        let read = |row: &Row<'_>| -> Result<(u64, AdvisedLine), StoreError> {
            let verdict = known(Verdict::from_code(from_db(row.get(2)?)?), "a verdict")?;
            let line = AdvisedLine { seq: from_db(row.get(0)?)?, verdict, cents: Cents::new(row.get(3)?), reason: row.get(4)? };
            Ok((from_db(row.get(1)?)?, line))
        };
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let (revision, line) = read(row)?;
            visit(revision, line)?;
        }
        Ok(())
    }

    /// The transfers advised for a batch.
    pub fn payments(&self, batch: BatchId) -> Result<Vec<PaymentRow>, StoreError> {
        let sql = "SELECT end_to_end_id, execution, share, transfer FROM payment WHERE batch = ?1 ORDER BY execution, end_to_end_id";
        let mut statement = self.sql.prepare_cached(sql)?;
        let mut rows = statement.query([batch.0])?;
        let mut payments = Vec::new();
        while let Some(row) = rows.next()? {
            payments.push(PaymentRow {
                batch,
                end_to_end_id: row.get(0)?,
                execution: super::record::day(row.get(1)?)?,
                share: Cents::new(row.get(2)?),
                transfer: Cents::new(row.get(3)?),
            });
        }
        Ok(payments)
    }
}

fn batch_row(row: &Row<'_>) -> Result<BatchRow, StoreError> {
    Ok(BatchRow {
        id: BatchId(row.get(0)?),
        office: OfficeNumber(row.get(1)?),
        first: from_db(row.get(2)?)?,
        head: Head { seq: from_db(row.get(3)?)?, link: Hash(row.get(4)?) },
        hash: Hash(row.get(5)?),
        sealed_at: UtcMs(from_db(row.get(6)?)?),
        state: known(BatchState::from_code(row.get(7)?), "a batch state")?,
        reason: row.get(8)?,
    })
}
