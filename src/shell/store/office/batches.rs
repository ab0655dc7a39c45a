//! Batches as received, their receipts, and answers on their way to terminals.

use super::super::{StoreError, from_db, to_db};
use super::{array, sound};
use crate::claim::batch::Draft;
use crate::shell::store::sql;
use crate::shell::store::sql::{Connection, OptionalExtension, params};
use crate::words::cbor::Reader;
use crate::words::ids::{BatchId, Hash};
use crate::words::sealed::{DocType, Sealed};
use crate::words::time::UtcMs;

/// A batch's row, without its bytes.
#[derive(Clone, Debug)]
pub struct BatchRow {
    /// Row id.
    pub id: i64,
    /// The batch.
    pub batch: BatchId,
    /// Row id of its terminal.
    pub terminal: i64,
    /// SHA-256 of its bytes.
    pub hash: Hash,
    /// The signed receipt it was answered with.
    pub receipt: Vec<u8>,
    /// Why it waits or was refused.
    pub reason: Option<String>,
}

/// How a batch arrived and what was answered.
#[derive(Clone, Copy, Debug)]
pub struct NewBatch<'a> {
    /// Row id of the terminal that sent it.
    pub terminal: i64,
    /// Its content, as far as it could be read.
    pub draft: &'a Draft,
    /// SHA-256 of its bytes.
    pub hash: Hash,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The signed receipt.
    pub receipt: &'a [u8],
    /// Why it waits or is refused.
    pub reason: Option<&'a str>,
}

/// Keeps a batch.
pub fn insert(db: &Connection, new: &NewBatch<'_>, now: UtcMs) -> Result<i64, StoreError> {
    let sql = "INSERT INTO batch (batch, terminal, provider, first_seq, last_seq, created, received, hash, bytes, reason, receipt)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) RETURNING id";
    let draft = new.draft;
    let values = params![
        draft.id.0,
        new.terminal,
        draft.provider.0,
        to_db(draft.before.seq.saturating_add(1)),
        to_db(draft.after().seq),
        to_db(draft.created.0),
        to_db(now.0),
        new.hash.0,
        new.bytes,
        new.reason,
        new.receipt
    ];
    Ok(db.insert(sql, values)?)
}

/// Gives a batch that waited its place, and its new receipt.
pub fn set_taken(db: &Connection, batch: i64, receipt: &[u8]) -> Result<(), StoreError> {
    db.execute("UPDATE batch SET reason = NULL, receipt = ?2 WHERE id = ?1", params![batch, receipt])?;
    Ok(())
}

/// The batch with exactly these bytes.
pub fn by_hash(db: &Connection, hash: Hash) -> Result<Option<BatchRow>, StoreError> {
    one(db, "hash = ?1", &hash.0)
}

/// The batch with this id that was taken into the ledger.
pub fn taken_by_id(db: &Connection, batch: BatchId) -> Result<Option<BatchRow>, StoreError> {
    one(db, "batch = ?1 AND reason IS NULL", &batch.0)
}

fn one(db: &Connection, condition: &str, key: &[u8]) -> Result<Option<BatchRow>, StoreError> {
    let sql = format!("SELECT id, batch, terminal, hash, receipt, reason FROM batch WHERE {condition}");
    let read = |row: &sql::Row<'_>| -> Result<BatchRow, StoreError> {
        Ok(BatchRow {
            id: row.get(0)?,
            batch: BatchId(array(row.get(1)?, "batch id")?),
            terminal: row.get(2)?,
            hash: Hash(array(row.get(3)?, "hash")?),
            receipt: row.get(4)?,
            reason: row.get(5)?,
        })
    };
    db.prepare_cached(&sql)?.query_row([key], |row| Ok(read(row))).optional()?.transpose()
}

/// The content of a stored batch: of the signed document as received, or of what a purge has left of it.
pub fn content(bytes: &[u8]) -> Result<Draft, StoreError> {
    let sealed = Sealed::parse(bytes, DocType::Batch).ok();
    let payload = sealed.as_ref().map_or(bytes, Sealed::unverified_payload);
    sound(Reader::decode(payload, Draft::read).ok(), "stored batch")
}

/// When the receipt with this hash, given to this terminal, says that its batch arrived.
pub fn receipt_time(db: &Connection, terminal: i64, receipt: Hash) -> Result<Option<UtcMs>, StoreError> {
    let sql = "SELECT received, receipt FROM batch WHERE terminal = ?1 AND reason IS NULL ORDER BY id DESC LIMIT 50";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([terminal])?;
    while let Some(row) = rows.next()? {
        let bytes: Vec<u8> = row.get(1)?;
        if Hash::of(&[&bytes]) == receipt {
            return Ok(Some(UtcMs(from_db(row.get(0)?)?)));
        }
    }
    Ok(None)
}

/// The next revision of a batch's advice.
pub fn next_revision(db: &Connection, batch: i64) -> Result<u64, StoreError> {
    let sql = "UPDATE batch SET revision = revision + 1 WHERE id = ?1 RETURNING revision";
    from_db(db.prepare_cached(sql)?.query_row([batch], |row| row.get(0))?)
}

/// Id, terminal and provider of the batch with this row id.
pub fn address(db: &Connection, batch: i64) -> Result<(BatchId, i64), StoreError> {
    let (id, terminal): (Vec<u8>, i64) =
        db.prepare_cached("SELECT batch, terminal FROM batch WHERE id = ?1")?.query_row([batch], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((BatchId(array(id, "batch id")?), terminal))
}

/// Puts a signed advice on its way.
pub fn insert_advice(db: &Connection, terminal: i64, batch: i64, bytes: &[u8]) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO advice (terminal, batch, bytes) VALUES (?1, ?2, ?3)")?.execute(params![terminal, batch, bytes])?;
    Ok(())
}

/// Signed advices with their cursors.
pub type Advices = Vec<(u64, Vec<u8>)>;

/// A terminal's advices after `cursor`, up to about `most_bytes` but at least one; and whether there are more.
pub fn advices(db: &Connection, terminal: i64, cursor: u64, most: usize, most_bytes: usize) -> Result<(Advices, bool), StoreError> {
    let mut statement = db.prepare_cached("SELECT id, bytes FROM advice WHERE terminal = ?1 AND id > ?2 ORDER BY id")?;
    let mut rows = statement.query(params![terminal, to_db(cursor)])?;
    let (mut advices, mut size): (Advices, usize) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let bytes: Vec<u8> = row.get(1)?;
        if advices.len() == most || (!advices.is_empty() && size + bytes.len() > most_bytes) {
            return Ok((advices, true));
        }
        size += bytes.len();
        advices.push((from_db(row.get(0)?)?, bytes));
    }
    Ok((advices, false))
}
