//! Class lists that were looked at, and trips that are settled at their actual cost.

use super::super::{StoreError, from_db, to_db};
use crate::shell::store::sql::{Connection, OptionalExtension, Row, params};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::code::Code;
use crate::words::ids::{BatchId, ProviderNumber};
use crate::words::time::UtcMs;

/// How long a list that was only looked at is kept, and one that was taken, in days.
const LOOKED_AT_DAYS: u64 = 1;
const TAKEN_DAYS: u64 = 31;

/// A class list as kept.
#[derive(Clone, Debug)]
pub struct ListRow {
    /// The provider.
    pub provider: ProviderNumber,
    /// What was looked at, as JSON.
    pub content: String,
    /// When it was taken and by whom.
    pub taken: Option<(UtcMs, String)>,
    /// The batch it became; none where nothing was to claim.
    pub batch: Option<BatchId>,
}

/// Forgets lists of which nobody needs to know any more.
pub fn delete_old(db: &Connection, now: UtcMs) -> Result<(), StoreError> {
    let before = |days: u64| to_db(now.0.saturating_sub(days * crate::words::time::DAY_MS));
    db.execute("DELETE FROM class_list WHERE (taken IS NULL AND made < ?1) OR made < ?2", [before(LOOKED_AT_DAYS), before(TAKEN_DAYS)])?;
    Ok(())
}

/// Keeps a list that was looked at; old ones are forgotten.
pub fn insert(db: &Connection, id: &[u8; 16], provider: ProviderNumber, content: &str, now: UtcMs) -> Result<(), StoreError> {
    delete_old(db, now)?;
    let sql = "INSERT INTO class_list (id, provider, made, content) VALUES (?1, ?2, ?3, ?4)";
    db.execute(sql, params![id, provider.0, to_db(now.0), content])?;
    Ok(())
}

/// The list with this id.
pub fn by_id(db: &Connection, id: &[u8; 16]) -> Result<Option<ListRow>, StoreError> {
    let sql = "SELECT l.provider, l.content, l.taken, l.taken_by, b.batch FROM class_list l LEFT JOIN batch b ON b.id = l.batch WHERE l.id = ?1";
    let read = |row: &Row<'_>| -> Result<ListRow, StoreError> {
        let (taken, by, batch): (Option<i64>, Option<String>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let taken = taken.map(from_db).transpose()?.map(|at| (UtcMs(at), by.unwrap_or_default()));
        let batch = batch.map(|id| super::array(id, "batch id").map(BatchId)).transpose()?;
        Ok(ListRow { provider: ProviderNumber(row.get(0)?), content: row.get(1)?, taken, batch })
    };
    db.prepare_cached(sql)?.query_row([id], |row| Ok(read(row))).optional()?.transpose()
}

/// Notes that a list was taken.
pub fn set_taken(db: &Connection, id: &[u8; 16], by: &str, batch: Option<i64>, now: UtcMs) -> Result<(), StoreError> {
    let sql = "UPDATE class_list SET taken = ?2, taken_by = ?3, batch = ?4 WHERE id = ?1";
    db.execute(sql, params![id, to_db(now.0), by, batch])?;
    Ok(())
}

/// The actual cost at which a child's trip was settled.
pub fn trip_end(db: &Connection, child: i64, provider: ProviderNumber, benefit: Benefit, event: &Code) -> Result<Option<Cents>, StoreError> {
    let sql = "SELECT cents FROM trip_end WHERE child = ?1 AND provider = ?2 AND benefit = ?3 AND event = ?4";
    let values = params![child, provider.0, benefit.code(), event.as_str()];
    Ok(db.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?.map(Cents::new))
}

/// Notes the actual cost of a child's trip.
pub fn set_trip_end(
    db: &Connection,
    child: i64,
    (provider, benefit, event): (ProviderNumber, Benefit, &Code),
    cents: Cents,
    now: UtcMs,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO trip_end (child, provider, benefit, event, cents, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT (child, provider, benefit, event) DO UPDATE SET cents = excluded.cents, at = excluded.at";
    db.prepare_cached(sql)?.execute(params![child, provider.0, benefit.code(), event.as_str(), cents.get(), to_db(now.0)])?;
    Ok(())
}
