//! Journals that exist twice: a terminal restored from a backup while the earlier one still works, or a second box with its keys.

use super::super::{StoreError, from_db, to_db};
use crate::shell::store::sql::{Connection, OptionalExtension, params};
use crate::words::time::UtcMs;

/// A terminal whose journal exists twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// Its provider's number.
    pub provider: u32,
    /// The provider's name.
    pub provider_name: String,
    /// What people call the terminal.
    pub label: String,
    /// What is the matter.
    pub what: SwapState,
    /// When it was noticed.
    pub at: UtcMs,
}

/// What is the matter with a journal that exists twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwapState {
    /// A new terminal continues this one, which has asked again since: both work.
    BothWork,
    /// This terminal shows another state of its journal than the one it has sent: an old copy or a second box.
    OtherState,
}

/// Notes that a terminal continues another one of its provider.
pub fn keep_succession(db: &Connection, terminal: i64, earlier: i64, now: UtcMs) -> Result<(), StoreError> {
    let sql = "INSERT INTO succession (terminal, earlier, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    db.execute(sql, params![terminal, earlier, to_db(now.0)])?;
    Ok(())
}

/// The terminal that continues this one's journal, and is not retired itself.
pub fn successor(db: &Connection, terminal: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT t.terminal FROM succession s JOIN terminal t ON t.id = s.terminal WHERE s.earlier = ?1 AND t.retired IS NULL ORDER BY s.at DESC LIMIT 1";
    Ok(db.prepare_cached(sql)?.query_row([terminal], |row| row.get(0)).optional()?)
}

/// Notes that a terminal has shown another state of its journal.
pub fn keep_other_state(db: &Connection, terminal: i64, now: UtcMs) -> Result<(), StoreError> {
    let sql = "INSERT INTO other_state (terminal, at) VALUES (?1, ?2) ON CONFLICT (terminal) DO UPDATE SET at = excluded.at";
    db.execute(sql, params![terminal, to_db(now.0)])?;
    Ok(())
}

/// When the terminal made the last batch that is held of it, by its own clock.
pub fn last_made(db: &Connection, terminal: i64) -> Result<UtcMs, StoreError> {
    let sql = "SELECT coalesce(max(created), 0) FROM batch WHERE terminal = ?1 AND reason IS NULL";
    Ok(UtcMs(from_db(db.prepare_cached(sql)?.query_row([terminal], |row| row.get(0))?)?))
}

/// When a terminal was answered last.
pub fn last_exchange(db: &Connection) -> Result<Option<UtcMs>, StoreError> {
    let sql = "SELECT max((SELECT max(e.at) FROM exchange e WHERE e.terminal = t.id)) FROM terminal t";
    let last: Option<i64> = db.query_row(sql, [], |row| row.get(0))?;
    Ok(last.map(from_db).transpose()?.map(UtcMs))
}

/// Journals that exist twice, and that somebody has to look after: of terminals not retired, noticed or at work after `since`.
pub fn swaps(db: &Connection, since: UtcMs) -> Result<Vec<Swap>, StoreError> {
    let sql = "SELECT p.number, p.name, t.label, 0, x.at FROM other_state x JOIN terminal t ON t.id = x.terminal JOIN provider p ON p.number = t.provider
               WHERE x.at >= ?1 AND t.retired IS NULL
               UNION ALL
               SELECT p.number, p.name, t.label, 1, max(e.at) FROM succession s JOIN terminal t ON t.id = s.earlier JOIN provider p ON p.number = t.provider
               JOIN terminal n ON n.id = s.terminal AND n.retired IS NULL JOIN exchange e ON e.terminal = t.id AND e.at > s.at
               WHERE t.retired IS NULL GROUP BY t.id, p.number, p.name, t.label HAVING max(e.at) >= ?1
               ORDER BY 5 DESC";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([to_db(since.0)])?;
    let mut swaps = Vec::new();
    while let Some(row) = rows.next()? {
        let what = if row.get::<_, bool>(3)? { SwapState::BothWork } else { SwapState::OtherState };
        swaps.push(Swap { provider: row.get(0)?, provider_name: row.get(1)?, label: row.get(2)?, what, at: UtcMs(from_db(row.get(4)?)?) });
    }
    Ok(swaps)
}
