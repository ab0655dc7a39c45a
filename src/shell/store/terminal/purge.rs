//! Erasing what a box need not keep any more: entries but for their hashes, and cards and names that nothing refers to.

use super::{StoreError, Tx, from_db, to_db};
use crate::words::civil::CivilDay;
use crate::words::ids::Hash;
use crate::words::time::UtcMs;

/// What may be erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Erasable {
    /// Entries: redemptions that are settled, and old held entries and begun lessons.
    pub entries: u64,
    /// Redemptions that are old but that no office has decided.
    pub undecided: u64,
    /// Cards that ended.
    pub cards: u64,
    /// People on the lists of whom nothing else is held.
    pub people: u64,
    /// Pick-ups of people who pay themselves.
    pub pickups: u64,
}

/// Old entries that name a child, and whether they are settled: told to the office and decided, or cancelled and that told too.
const OLD: &str = "SELECT j.seq, j.kind <> 2 OR (j.seq <= told.upto AND (coalesce(a.verdict, 0) <> 0 OR r.cancelled_by <= told.upto)) AS settled
    FROM journal j LEFT JOIN redemption r ON r.seq = j.seq LEFT JOIN advised a ON a.seq = j.seq
         LEFT JOIN (SELECT office, max(last) AS upto FROM batch WHERE state = 1 GROUP BY office) told ON told.office = j.office
    WHERE j.kind IN (2, 10, 11) AND j.erased IS NULL AND j.at < ?1";
const CARDS: &str = "token WHERE last_day < ?1 AND handle NOT IN (SELECT handle FROM redemption) AND handle NOT IN (SELECT handle FROM standing)";
const PICKUPS: &str = "pickup WHERE at < ?1";
const PEOPLE: &str = "person WHERE added_at < ?1 AND id NOT IN (SELECT person FROM pickup WHERE at >= ?1)
    AND (handle IS NULL OR (handle NOT IN (SELECT handle FROM token) AND handle NOT IN (SELECT handle FROM redemption)))";

impl Tx<'_> {
    /// Counts what is older than `before`.
    pub fn erasable(&self, before: CivilDay) -> Result<Erasable, StoreError> {
        let time = to_db(before.midnight().ms().0);
        let sql = format!("SELECT coalesce(sum(coalesce(settled, 0)), 0), count(*) FROM ({OLD})");
        let (entries, old): (i64, i64) = self.sql.query_row(&sql, [time], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let count = |what: &str, than: i64| from_db(self.sql.query_row(&format!("SELECT count(*) FROM {what}"), [than], |row| row.get(0))?);
        Ok(Erasable {
            entries: from_db(entries)?,
            undecided: from_db(old - entries)?,
            cards: count(CARDS, i64::from(before.days()))?,
            people: count(PEOPLE, time)?,
            pickups: count(PICKUPS, time)?,
        })
    }

    /// Puts hashes in the place of settled entries older than `before`, with all that was derived from them. The first and last number.
    pub fn erase_entries(&self, before: UtcMs) -> Result<Option<(u64, u64)>, StoreError> {
        let mut statement = self.sql.prepare(&format!("SELECT seq FROM ({OLD}) WHERE settled ORDER BY seq"))?;
        let numbers: Vec<i64> = statement.query_map([to_db(before.0)], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for seq in &numbers {
            let bytes: Vec<u8> = self.sql.prepare_cached("SELECT bytes FROM journal WHERE seq = ?1")?.query_row([seq], |row| row.get(0))?;
            self.sql.prepare_cached("UPDATE journal SET bytes = x'', erased = ?2 WHERE seq = ?1")?.execute((seq, Hash::of(&[&bytes]).0))?;
            for sql in [
                "DELETE FROM redemption WHERE seq = ?1",
                "DELETE FROM held WHERE seq = ?1",
                "DELETE FROM lesson WHERE seq = ?1",
                "DELETE FROM by_list WHERE seq = ?1",
                "DELETE FROM entered_at WHERE seq = ?1",
                "UPDATE standing_month SET seq = NULL WHERE seq = ?1",
            ] {
                self.sql.prepare_cached(sql)?.execute([seq])?;
            }
        }
        let (first, last) = (numbers.first(), numbers.last());
        first.zip(last).map(|(first, last)| Ok((from_db(*first)?, from_db(*last)?))).transpose()
    }

    /// Erases the bytes of earlier boxes' entries that were made before `before` and name a child.
    pub fn erase_earlier(&self, before: UtcMs, is_personal: impl Fn(&[u8]) -> Option<UtcMs>) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare("SELECT terminal, seq, bytes FROM earlier_journal WHERE erased IS NULL ORDER BY terminal, seq")?;
        let mut rows = statement.query([])?;
        let mut old = Vec::new();
        while let Some(row) = rows.next()? {
            let bytes: Vec<u8> = row.get(2)?;
            if is_personal(&bytes).is_some_and(|at| at < before) {
                old.push((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?, Hash::of(&[&bytes])));
            }
        }
        for (terminal, seq, hash) in old {
            let sql = "UPDATE earlier_journal SET bytes = x'', erased = ?3 WHERE terminal = ?1 AND seq = ?2";
            self.sql.prepare_cached(sql)?.execute((terminal, seq, hash.0))?;
        }
        Ok(())
    }

    /// Deletes cards that ended before `before`, people and pick-ups older than it, and what is known of children besides.
    pub fn erase_cards_and_people(&self, before: CivilDay) -> Result<(), StoreError> {
        let (day, time) = (i64::from(before.days()), to_db(before.midnight().ms().0));
        self.sql.execute(&format!("DELETE FROM {CARDS}"), [day])?;
        self.sql.execute(&format!("DELETE FROM {PICKUPS}"), [time])?;
        self.sql.execute(&format!("DELETE FROM {PEOPLE}"), [time])?;
        self.sql.execute("DELETE FROM earlier WHERE at < ?1", [time])?;
        self.sql.execute("DELETE FROM neighbour_use WHERE day < ?1", [day])?;
        self.sql.execute("DELETE FROM elsewhere WHERE as_of < ?1 AND handle NOT IN (SELECT handle FROM token)", [time])?;
        self.sql.execute("DELETE FROM chip WHERE handle NOT IN (SELECT handle FROM token) OR (handle IS NULL AND at < ?1)", [time])?;
        self.sql.execute("DELETE FROM ask WHERE at < ?1", [time])?;
        Ok(())
    }
}
