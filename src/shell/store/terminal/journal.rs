//! The journal: appended to, never changed.

use super::{OfficeNumber, StoreError, Tx, from_db, known, to_db};
use crate::book::decide::Entered;
use crate::book::entry::{Entry, Head};
use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use rusqlite::OptionalExtension;

/// Where the journal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalEnd {
    /// Its last entry's number and the link after it.
    pub head: Head,
    /// When that entry was written.
    pub at: UtcMs,
}

/// One row of the journal as stored: the bytes, and the columns derived from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRow {
    /// The entry's number.
    pub seq: u64,
    /// When it was written.
    pub at: UtcMs,
    /// Its kind.
    pub kind: u64,
    /// The office it names.
    pub office: Option<OfficeNumber>,
    /// The entry; empty where it was erased.
    pub bytes: Vec<u8>,
    /// The hash that stands in its place then.
    pub erased: Option<Hash>,
    /// The link after it.
    pub link: Hash,
}

impl JournalRow {
    /// SHA-256 of the entry.
    pub fn hash(&self) -> Hash {
        self.erased.unwrap_or_else(|| Hash::of(&[&self.bytes]))
    }
}

impl Tx<'_> {
    /// The journal's end; none in an empty one. Always asked of the database: after a failed commit a remembered one would be wrong.
    pub fn end(&self) -> Result<Option<JournalEnd>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT seq, at, link FROM journal ORDER BY seq DESC LIMIT 1")?;
        let row = statement.query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, [u8; 32]>(2)?))).optional()?;
        let Some((seq, at, link)) = row else { return Ok(None) };
        Ok(Some(JournalEnd { head: Head { seq: from_db(seq)?, link: Hash(link) }, at: UtcMs(from_db(at)?) }))
    }

    /// Writes an entry at the journal's end.
    pub fn append(&self, entered: &Entered) -> Result<(), StoreError> {
        let (entry, link) = (&entered.entry, entered.head.link.0);
        let (seq, at, kind, bytes) = (to_db(entry.seq), to_db(entry.at.0), to_db(entry.body.kind()), &entered.bytes);
        // The office's number is found by the same statement: it is asked for every meal.
        let of_office = "INSERT INTO journal(seq, at, kind, bytes, link, office) SELECT ?1, ?2, ?3, ?4, ?5, id FROM office WHERE code = ?6";
        let written = match entry.body.office() {
            Some(code) => self.sql.prepare_cached(of_office)?.execute((seq, at, kind, bytes, link, code.as_str()))?,
            None => {
                let sql = "INSERT INTO journal(seq, at, kind, bytes, link) VALUES (?1, ?2, ?3, ?4, ?5)";
                self.sql.prepare_cached(sql)?.execute((seq, at, kind, bytes, link))?
            }
        };
        known((written == 1).then_some(()), "an entry for an unknown office")
    }

    /// The bytes of one entry; none of one that was erased.
    pub fn entry_bytes(&self, seq: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT bytes FROM journal WHERE seq = ?1 AND erased IS NULL")?;
        Ok(statement.query_row([to_db(seq)], |row| row.get(0)).optional()?)
    }

    /// SHA-256 of one entry, and whether its bytes were erased.
    pub fn entry_hash(&self, seq: u64) -> Result<Option<(Hash, bool)>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT bytes, erased FROM journal WHERE seq = ?1")?;
        let row = statement.query_row([to_db(seq)], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Option<[u8; 32]>>(1)?))).optional()?;
        Ok(row.map(|(bytes, erased)| (erased.map_or_else(|| Hash::of(&[&bytes]), Hash), erased.is_some())))
    }

    /// One entry.
    pub fn entry(&self, seq: u64) -> Result<Option<Entry>, StoreError> {
        let Some(bytes) = self.entry_bytes(seq)? else { return Ok(None) };
        Entry::from_bytes(&bytes).map(Some).map_err(|error| StoreError::Inconsistent(format!("entry {seq}: {error}")))
    }

    /// The journal's head as it was after entry `seq`, which is zero before the first.
    pub fn head_at(&self, seq: u64, start: Head) -> Result<Option<Head>, StoreError> {
        if seq == 0 {
            return Ok(Some(start));
        }
        let mut statement = self.sql.prepare_cached("SELECT link FROM journal WHERE seq = ?1")?;
        let link = statement.query_row([to_db(seq)], |row| row.get::<_, [u8; 32]>(0)).optional()?;
        Ok(link.map(|link| Head { seq, link: Hash(link) }))
    }

    /// Hands every row from `from` on to `visit`, in order, until it says stop by `false`.
    pub fn walk<E: From<StoreError>>(&self, from: u64, mut visit: impl FnMut(JournalRow) -> Result<bool, E>) -> Result<(), E> {
        let sql = "SELECT seq, at, kind, office, bytes, link, erased FROM journal WHERE seq >= ?1 ORDER BY seq";
        let mut statement = self.sql.prepare_cached(sql).map_err(StoreError::from)?;
        let mut rows = statement.query([to_db(from)]).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            if !visit(journal_row(row)?)? {
                break;
            }
        }
        Ok(())
    }

    /// Whether there is something for `office` to pay or to know from entry `from` on: a redemption, a cancellation or a begun lesson.
    pub fn concerns(&self, office: OfficeNumber, from: u64) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS(SELECT 1 FROM journal WHERE seq >= ?1 AND office = ?2 AND kind IN (2, 3, 11))";
        Ok(self.sql.prepare_cached(sql)?.query_row((to_db(from), office.0), |row| row.get(0))?)
    }

    /// The time of one entry, read from its column.
    pub fn entry_time(&self, seq: u64) -> Result<Option<UtcMs>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT at FROM journal WHERE seq = ?1")?;
        let at = statement.query_row([to_db(seq)], |row| row.get::<_, i64>(0)).optional()?;
        at.map(|at| from_db(at).map(UtcMs)).transpose()
    }
}

fn journal_row(row: &rusqlite::Row<'_>) -> Result<JournalRow, StoreError> {
    Ok(JournalRow {
        seq: from_db(row.get(0)?)?,
        at: UtcMs(from_db(row.get(1)?)?),
        kind: from_db(row.get(2)?)?,
        office: row.get::<_, Option<i64>>(3)?.map(OfficeNumber),
        bytes: row.get(4)?,
        link: Hash(row.get(5)?),
        erased: row.get::<_, Option<[u8; 32]>>(6)?.map(Hash),
    })
}
