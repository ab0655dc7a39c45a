//! Batches that could not be taken in: why, what a clerk decided, and the further lines of descent of a journal that was taken over.

use super::super::{StoreError, from_db, to_db};
use super::array;
use crate::book::entry::Head;
use crate::shell::store::sql::{Connection, OptionalExtension, Row, params};
use crate::words::ids::{BatchId, Hash};
use crate::words::reason::Reason;
use crate::words::time::UtcMs;

/// From which bit on the ledger's number of an entry says on which line of descent of its journal it stands: 0 is the first.
pub const DESCENT_BITS: u32 = 40;

/// The number of an entry in the ledger: its own number, on a line of descent.
pub const fn ledger_seq(descent: u32, seq: u64) -> u64 {
    ((descent as u64) << DESCENT_BITS) | own_seq(seq)
}

/// The number an entry has in its own journal.
pub const fn own_seq(seq: u64) -> u64 {
    seq & ((1 << DESCENT_BITS) - 1)
}

/// A batch that waits, with its bytes.
#[derive(Clone, Debug)]
pub struct WaitingBatch {
    /// Row id.
    pub id: i64,
    /// The batch.
    pub batch: BatchId,
    /// Row id of its terminal.
    pub terminal: i64,
    /// SHA-256 of its bytes.
    pub hash: Hash,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Why it waits.
    pub reason: String,
}

/// Of a batch `b`: that it could not be taken in, and that nobody has decided about it.
const WAITS: &str = "reason IS NOT NULL AND NOT EXISTS (SELECT 1 FROM batch_decision d WHERE d.batch = b.id)";

fn waiting_batch() -> String {
    format!("SELECT id, batch, terminal, hash, bytes, reason FROM batch b WHERE {WAITS}")
}

fn waiting_row(row: &Row<'_>) -> Result<WaitingBatch, StoreError> {
    Ok(WaitingBatch {
        id: row.get(0)?,
        batch: BatchId(array(row.get(1)?, "batch id")?),
        terminal: row.get(2)?,
        hash: Hash(array(row.get(3)?, "hash")?),
        bytes: row.get(4)?,
        reason: row.get(5)?,
    })
}

/// The row ids of the batches of a terminal that wait, in journal order.
pub fn of_terminal(db: &Connection, terminal: i64) -> Result<Vec<i64>, StoreError> {
    let mut statement = db.prepare_cached(&format!("SELECT id FROM batch b WHERE {WAITS} AND terminal = ?1 ORDER BY first_seq, id"))?;
    let rows = statement.query_map([terminal], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many batches of a terminal wait, and how many bytes they have.
pub fn size_of_terminal(db: &Connection, terminal: i64) -> Result<(u64, u64), StoreError> {
    let sql = format!("SELECT count(*), coalesce(sum(length(bytes)), 0) FROM batch b WHERE {WAITS} AND terminal = ?1");
    let (count, bytes): (i64, i64) = db.prepare_cached(&sql)?.query_row([terminal], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((from_db(count)?, from_db(bytes)?))
}

/// The batch with this row id, if it waits.
pub fn by_row(db: &Connection, id: i64) -> Result<Option<WaitingBatch>, StoreError> {
    db.prepare_cached(&format!("{} AND id = ?1", waiting_batch()))?.query_row([id], |row| Ok(waiting_row(row))).optional()?.transpose()
}

/// The batch with these bytes, if it waits.
pub fn by_hash(db: &Connection, hash: Hash) -> Result<Option<WaitingBatch>, StoreError> {
    db.prepare_cached(&format!("{} AND hash = ?1", waiting_batch()))?.query_row([hash.0], |row| Ok(waiting_row(row))).optional()?.transpose()
}

/// What became of a batch that waited.
#[derive(Clone, Debug)]
pub struct BatchDecision {
    /// `taken`, `descent`, `rejected` or `covered`.
    pub choice: String,
    /// The office's own words.
    pub note: String,
    /// Who decided.
    pub clerk: String,
    /// When.
    pub at: UtcMs,
    /// The first and last entry that were given up for lost.
    pub lost: Option<(u64, u64)>,
}

/// Keeps what became of a batch that waited.
pub fn insert_decision(db: &Connection, batch: i64, decision: &BatchDecision) -> Result<(), StoreError> {
    let sql = "INSERT INTO batch_decision (batch, choice, note, clerk, at, lost_from, lost_to) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let (from, to) = decision.lost.map_or((None, None), |(from, to)| (Some(to_db(from)), Some(to_db(to))));
    db.execute(sql, params![batch, decision.choice, decision.note, decision.clerk, to_db(decision.at.0), from, to])?;
    Ok(())
}

/// What became of the batch with these bytes; none where nobody has decided, or nothing was to decide.
pub fn decision(db: &Connection, hash: Hash) -> Result<Option<BatchDecision>, StoreError> {
    let sql = "SELECT choice, note, clerk, at, lost_from, lost_to FROM batch_decision WHERE batch = (SELECT id FROM batch WHERE hash = ?1)";
    let read = |row: &Row<'_>| -> Result<BatchDecision, StoreError> {
        let (from, to): (Option<i64>, Option<i64>) = (row.get(4)?, row.get(5)?);
        let lost = from.zip(to).map(|(from, to)| Ok::<_, StoreError>((from_db(from)?, from_db(to)?))).transpose()?;
        Ok(BatchDecision { choice: row.get(0)?, note: row.get(1)?, clerk: row.get(2)?, at: UtcMs(from_db(row.get(3)?)?), lost })
    };
    db.prepare_cached(sql)?.query_row([hash.0], |row| Ok(read(row))).optional()?.transpose()
}

/// Changes the receipt with which a batch is answered from now on.
pub fn set_receipt(db: &Connection, batch: i64, receipt: &[u8]) -> Result<(), StoreError> {
    db.execute("UPDATE batch SET receipt = ?2 WHERE id = ?1", params![batch, receipt])?;
    Ok(())
}

/// Moves a batch to a line of descent, so that its numbers are those of the ledger.
pub fn set_descent(db: &Connection, batch: i64, descent: u32) -> Result<(), StoreError> {
    let offset = to_db(ledger_seq(descent, 0));
    db.execute("UPDATE batch SET first_seq = first_seq + ?2, last_seq = last_seq + ?2 WHERE id = ?1", params![batch, offset])?;
    Ok(())
}

/// A line of descent of a terminal's journal beside the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descent {
    /// Its number, from 1.
    pub number: u32,
    /// Where it stands.
    pub head: Head,
    /// When the receipt of its last checkpoint was made.
    pub checkpoint_at: UtcMs,
    /// When something of it was last taken in.
    pub taken: UtcMs,
}

/// The further lines of descent of a terminal's journal.
pub fn descents(db: &Connection, terminal: i64) -> Result<Vec<Descent>, StoreError> {
    let sql = "SELECT number, head_seq, head_link, checkpoint_at, taken FROM descent WHERE terminal = ?1 ORDER BY number";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([terminal])?;
    let mut descents = Vec::new();
    while let Some(row) = rows.next()? {
        descents.push(Descent {
            number: row.get(0)?,
            head: Head { seq: from_db(row.get(1)?)?, link: Hash(array(row.get(2)?, "link")?) },
            checkpoint_at: UtcMs(from_db(row.get(3)?)?),
            taken: UtcMs(from_db(row.get(4)?)?),
        });
    }
    Ok(descents)
}

/// Begins a line of descent, or moves its head.
pub fn keep_descent(db: &Connection, terminal: i64, descent: &Descent) -> Result<(), StoreError> {
    let sql = "INSERT INTO descent (terminal, number, head_seq, head_link, checkpoint_at, taken) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT (terminal, number) DO UPDATE SET head_seq = excluded.head_seq, head_link = excluded.head_link,
                   checkpoint_at = excluded.checkpoint_at, taken = excluded.taken";
    let Descent { number, head, checkpoint_at, taken } = descent;
    db.execute(sql, params![terminal, number, to_db(head.seq), head.link.0, to_db(checkpoint_at.0), to_db(taken.0)])?;
    Ok(())
}

/// When something of the first line of descent was last taken in.
pub fn first_taken(db: &Connection, terminal: i64) -> Result<UtcMs, StoreError> {
    let sql = "SELECT coalesce(max(received), 0) FROM batch WHERE terminal = ?1 AND reason IS NULL AND first_seq < ?2";
    let at = db.prepare_cached(sql)?.query_row(params![terminal, to_db(ledger_seq(1, 0))], |row| row.get(0))?;
    Ok(UtcMs(from_db(at)?))
}

/// What the ledger holds under this number of a terminal, redemption or counter-record: its hash, verdict, total and reason.
#[derive(Clone, Debug)]
pub struct HeldLine {
    /// SHA-256 of the entry.
    pub hash: Hash,
    /// The verdict's code.
    pub verdict: u64,
    /// The decided total in cents.
    pub decided: i64,
    /// Why; empty where it is paid as claimed.
    pub reason: String,
}

/// What the ledger holds under this number.
fn held(db: &Connection, terminal: i64, seq: u64) -> Result<Option<HeldLine>, StoreError> {
    let sql = "SELECT hash, verdict, decided, coalesce(reason, '') FROM line WHERE terminal = ?1 AND seq = ?2
               UNION ALL SELECT hash, verdict, decided, coalesce(reason, '') FROM cancellation WHERE terminal = ?1 AND seq = ?2";
    let read = |row: &Row<'_>| -> Result<HeldLine, StoreError> {
        Ok(HeldLine { hash: Hash(array(row.get(0)?, "hash")?), verdict: from_db(row.get(1)?)?, decided: row.get(2)?, reason: row.get(3)? })
    };
    db.prepare_cached(sql)?.query_row(params![terminal, to_db(seq)], |row| Ok(read(row))).optional()?.transpose()
}

/// The entry with this number and hash on whichever line of descent the ledger holds it, with its number there.
pub fn held_entry(db: &Connection, terminal: i64, seq: u64, hash: Hash) -> Result<Option<(u64, HeldLine)>, StoreError> {
    let further = descents(db, terminal)?;
    for number in std::iter::once(0).chain(further.iter().map(|line| line.number)) {
        let seq = ledger_seq(number, seq);
        if let Some(known) = held(db, terminal, seq)?.filter(|known| known.hash == hash) {
            return Ok(Some((seq, known)));
        }
    }
    Ok(None)
}

/// A batch that did not count at all: a wrong signature, not whole, or another office's. Its sender keeps it.
#[derive(Clone, Debug)]
pub struct RefusedBatch {
    /// SHA-256 of its bytes.
    pub hash: Hash,
    /// Whose terminal sent it.
    pub provider: u32,
    /// The provider's name.
    pub provider_name: String,
    /// What people call the terminal.
    pub terminal: String,
    /// Why it did not count.
    pub reason: String,
    /// When it first came.
    pub first: UtcMs,
    /// When it last came.
    pub last: UtcMs,
    /// How often it came.
    pub times: u64,
}

/// The most refused batches that are remembered of one terminal: one that makes up more of them is broken anyway.
const REFUSED_KEPT: i64 = 50;

/// Remembers that a batch did not count.
pub fn note_refused(db: &Connection, terminal: i64, hash: Hash, reason: &str, now: UtcMs) -> Result<(), StoreError> {
    let sql = "INSERT INTO refused_batch (hash, terminal, reason, first, last, times)
               SELECT ?1, ?2, ?3, ?4, ?4, 1 WHERE (SELECT count(*) FROM refused_batch WHERE terminal = ?2) < ?5 OR EXISTS (SELECT 1 FROM refused_batch WHERE hash = ?1)
               ON CONFLICT (hash) DO UPDATE SET last = excluded.last, times = refused_batch.times + 1";
    db.prepare_cached(sql)?.execute(params![hash.0, terminal, reason, to_db(now.0), REFUSED_KEPT])?;
    Ok(())
}

/// When the oldest batch was received that could not be taken in and that nobody has decided.
pub fn oldest(db: &Connection) -> Result<Option<UtcMs>, StoreError> {
    let sql = "SELECT min(received) FROM batch WHERE reason IS NOT NULL AND id NOT IN (SELECT batch FROM batch_decision)";
    let at: Option<i64> = db.query_row(sql, [], |row| row.get(0))?;
    Ok(at.map(from_db).transpose()?.map(UtcMs))
}

/// How many batches are kept as waiting or refused, by the reason.
pub fn refused_by_reason(db: &Connection) -> Result<Vec<(String, u64)>, StoreError> {
    let sql = "SELECT r.reason, count(*) FROM (SELECT reason FROM batch WHERE reason IS NOT NULL AND id NOT IN (SELECT batch FROM batch_decision)
                                             UNION ALL SELECT reason FROM refused_batch) AS r GROUP BY r.reason ORDER BY r.reason";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        counts.push((row.get(0)?, from_db(row.get(1)?)?));
    }
    Ok(counts)
}

/// The refused batches that no clerk has seen off, the latest first.
pub fn refused(db: &Connection, most: u64) -> Result<Vec<RefusedBatch>, StoreError> {
    let sql = "SELECT r.hash, t.provider, coalesce(p.name, ''), t.label, r.reason, r.first, r.last, r.times FROM refused_batch r
               JOIN terminal t ON t.id = r.terminal LEFT JOIN provider p ON p.number = t.provider WHERE r.seen_by IS NULL ORDER BY r.last DESC LIMIT ?1";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([to_db(most)])?;
    let mut refused = Vec::new();
    while let Some(row) = rows.next()? {
        refused.push(RefusedBatch {
            hash: Hash(array(row.get(0)?, "hash")?),
            provider: row.get(1)?,
            provider_name: row.get(2)?,
            terminal: row.get(3)?,
            reason: row.get(4)?,
            first: UtcMs(from_db(row.get(5)?)?),
            last: UtcMs(from_db(row.get(6)?)?),
            times: from_db(row.get(7)?)?,
        });
    }
    Ok(refused)
}

/// Notes that a clerk has seen a refused batch off. Answers whether there was one.
pub fn see_refused_off(db: &Connection, hash: Hash, by: &str) -> Result<bool, StoreError> {
    Ok(db.execute("UPDATE refused_batch SET seen_by = ?2 WHERE hash = ?1 AND seen_by IS NULL", params![hash.0, by])? > 0)
}

/// Whether a clerk gave this entry of a terminal up for lost.
pub fn is_given_up(db: &Connection, terminal: i64, seq: u64) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM batch_decision d JOIN batch b ON b.id = d.batch WHERE b.terminal = ?1 AND ?2 BETWEEN d.lost_from AND d.lost_to";
    Ok(db.prepare_cached(sql)?.exists(params![terminal, to_db(seq)])?)
}

/// Lets a counter-record wait for its line, whose entry has this hash; it is answered as pending.
pub fn await_line(db: &Connection, terminal: i64, seq: u64, entry: Hash) -> Result<(), StoreError> {
    db.execute(
        "INSERT INTO cancellation_early (terminal, entry, seq) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![terminal, entry.0, to_db(seq)],
    )?;
    let sql = "UPDATE cancellation SET reason = ?3, advise = 1 WHERE terminal = ?1 AND seq = ?2";
    db.execute(sql, params![terminal, to_db(seq), Reason::JournalGap.code()])?;
    Ok(())
}

/// Whether a counter-record of this terminal waits for its line.
pub fn is_awaited(db: &Connection, terminal: i64) -> Result<bool, StoreError> {
    Ok(db.prepare_cached("SELECT 1 FROM cancellation_early WHERE terminal = ?1 LIMIT 1")?.exists([terminal])?)
}

/// A line whose entry has this hash has come into the ledger under `line`: the counter-record that waited for it takes it back.
pub fn tie_awaiting(db: &Connection, terminal: i64, line: u64, entry: Hash) -> Result<(), StoreError> {
    let sql = "DELETE FROM cancellation_early WHERE terminal = ?1 AND entry = ?2 RETURNING seq";
    let waited: Option<i64> = db.prepare_cached(sql)?.query_row(params![terminal, entry.0], |row| row.get(0)).optional()?;
    let Some(seq) = waited else { return Ok(()) };
    let sql = "UPDATE cancellation SET target = ?3, verdict = 0, reason = NULL, advise = 1 WHERE terminal = ?1 AND seq = ?2";
    db.execute(sql, params![terminal, seq, to_db(line)])?;
    db.execute("UPDATE line SET cancelled_by = ?2, advise = 1 WHERE terminal = ?1 AND seq = ?3", params![terminal, seq, to_db(line)])?;
    Ok(())
}

/// Retires a terminal: what it sends from now on waits for a clerk.
pub fn retire(db: &Connection, terminal: i64, now: UtcMs) -> Result<(), StoreError> {
    db.execute("UPDATE terminal SET retired = ?2 WHERE id = ?1", params![terminal, to_db(now.0)])?;
    Ok(())
}

/// When a terminal was retired.
pub fn retired(db: &Connection, terminal: i64) -> Result<Option<UtcMs>, StoreError> {
    let at: Option<i64> = db.prepare_cached("SELECT retired FROM terminal WHERE id = ?1")?.query_row([terminal], |row| row.get(0))?;
    at.map(|at| Ok(UtcMs(from_db(at)?))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::store::office::open_in_memory;

    const LINE: &str = "INSERT INTO line (terminal, seq, batch, child, token, provider, month, day, at, not_before, benefit, service, units, cents,
        slot_day, slot, seen_as, status_issued, data_age, hash, verdict, decided, reason)
        VALUES (?1, ?2, 1, 1, 1, 101, 680, 20700, 0, 0, 1, 'lunch', 1, 450, 20700, ?3, 1, 0, 0, ?3, 2, 400, 'price_differs')";
    const CANCELLATION: &str = "INSERT INTO cancellation (terminal, seq, batch, target, why, at, hash, verdict, decided)
        VALUES (1, ?1, 1, ?2, 'wrong_child', 0, ?3, 1, -400)";

    fn hash(of: u8) -> Hash {
        Hash([of; 32])
    }

    /// Terminal 1 went on in three ways after entry 4: entry 5 is another one on each. Terminal 2 has entries with the same numbers.
    fn ledger() -> Connection {
        let db = open_in_memory().expect("a database");
        db.execute_batch("PRAGMA foreign_keys = false").expect("set");
        for (number, head) in [(1, 6), (2, 5)] {
            let descent = Descent { number, head: Head { seq: head, link: hash(0) }, checkpoint_at: UtcMs(0), taken: UtcMs(0) };
            keep_descent(&db, 1, &descent).expect("kept");
        }
        for (terminal, descent, seq, of) in [(1, 0, 4, 4), (1, 0, 5, 50), (1, 1, 5, 51), (1, 2, 5, 52), (2, 0, 5, 99)] {
            db.execute(LINE, params![terminal, to_db(ledger_seq(descent, seq)), hash(of).0]).expect("taken in");
        }
        db.execute(CANCELLATION, params![to_db(ledger_seq(1, 6)), to_db(ledger_seq(1, 5)), hash(61).0]).expect("taken in");
        db
    }

    #[test]
    fn an_entry_is_found_by_its_content_on_whichever_line_of_descent_it_stands() {
        let db = ledger();
        let at = |terminal, seq, of| held_entry(&db, terminal, seq, hash(of)).expect("read").map(|(seq, _)| seq);
        assert_eq!(at(1, 4, 4), Some(4));
        for (descent, of) in [(0, 50), (1, 51), (2, 52)] {
            assert_eq!(at(1, 5, of), Some(ledger_seq(descent, 5)), "entry 5 with hash {of}");
        }
        assert_eq!(at(1, 6, 61), Some(ledger_seq(1, 6)), "a counter-record");
        assert_eq!(at(2, 5, 99), Some(5));
    }

    #[test]
    fn the_number_alone_or_the_content_alone_is_no_entry() {
        let db = ledger();
        let at = |terminal, seq, of| held_entry(&db, terminal, seq, hash(of)).expect("read").map(|(seq, _)| seq);
        assert_eq!(at(1, 5, 4), None, "this is the content of entry 4");
        assert_eq!(at(1, 5, 99), None, "this is an entry of another terminal");
        assert_eq!(at(1, 7, 61), None, "nobody has written an entry 7");
        assert_eq!(at(3, 4, 4), None, "nobody knows terminal 3");
    }

    #[test]
    fn what_was_decided_of_it_is_told() {
        let db = ledger();
        let told = |seq, of| held_entry(&db, 1, seq, hash(of)).expect("read").map(|(_, line)| (line.verdict, line.decided, line.reason));
        assert_eq!(told(5, 51), Some((2, 400, "price_differs".to_owned())));
        assert_eq!(told(6, 61), Some((1, -400, String::new())));
    }
}
