//! What lasts between two requests, for whichever process is asked next: sessions, sign-ins under way, tries, and how far long work is.

use super::super::{StoreError, from_db, to_db};
use super::{array, clerks};
use crate::shell::store::sql::{Connection, OptionalExtension, params};
use crate::words::ids::Hash;
use crate::words::time::UtcMs;

/// A session as it is kept.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// The clerk's name.
    pub clerk: String,
    /// How far the clerk is with signing in, by number.
    pub stage: u64,
    /// Whether a one-time code was shown.
    pub code_shown: bool,
    /// The account's epoch when it began.
    pub epoch: u64,
    /// Who began it: the hash of network and program.
    pub caller: Hash,
    /// When it began.
    pub begun: UtcMs,
    /// When it was last used, to the minute.
    pub seen: UtcMs,
    /// The encrypted secret of one-time codes that are being set up.
    pub pending: Option<Vec<u8>>,
}

/// Which sessions are over: those unused since `idle` or begun before `longest`; and how many there may be at most.
#[derive(Clone, Copy, Debug)]
pub struct Over {
    /// Unused since then.
    pub idle: UtcMs,
    /// Begun before then.
    pub longest: UtcMs,
    /// The most sessions; the one unused longest gives way.
    pub most: u64,
}

/// Keeps a session, and forgets those that are over.
pub fn begin(db: &Connection, key: Hash, row: &SessionRow, over: Over) -> Result<(), StoreError> {
    let work = db.writing()?;
    work.execute("DELETE FROM session WHERE seen <= ?1 OR begun <= ?2", params![to_db(over.idle.0), to_db(over.longest.0)])?;
    let count: i64 = work.query_row("SELECT count(*) FROM session", [], |row| row.get(0))?;
    if from_db(count)? >= over.most {
        work.execute("DELETE FROM session WHERE key = (SELECT key FROM session ORDER BY seen LIMIT 1)", [])?;
    }
    let sql = "INSERT INTO session (key, clerk, stage, code_shown, epoch, caller, begun, seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let (begun, seen) = (to_db(row.begun.0), to_db(row.seen.0));
    work.execute(sql, params![key.0, row.clerk, to_db(row.stage), row.code_shown, to_db(row.epoch), row.caller.0, begun, seen])?;
    Ok(work.commit()?)
}

/// Has the session of this key go on in another epoch of its clerk's account.
pub fn carry_over(db: &Connection, key: Hash, clerk: &str, epoch: u64) -> Result<(), StoreError> {
    db.execute("UPDATE session SET epoch = ?3 WHERE key = ?1 AND clerk = ?2", params![key.0, clerk, to_db(epoch)])?;
    Ok(())
}

/// The session of this key, with the epoch its account is in now.
pub fn find(db: &Connection, key: Hash) -> Result<Option<(SessionRow, u64)>, StoreError> {
    let sql = "SELECT clerk, stage, code_shown, epoch, caller, begun, seen, pending FROM session WHERE key = ?1";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![key.0])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let session = SessionRow {
        clerk: row.get(0)?,
        stage: from_db(row.get(1)?)?,
        code_shown: row.get(2)?,
        epoch: from_db(row.get(3)?)?,
        caller: Hash(array(row.get(4)?, "caller's hash")?),
        begun: UtcMs(from_db(row.get(5)?)?),
        seen: UtcMs(from_db(row.get(6)?)?),
        pending: row.get(7)?,
    };
    let epoch = clerks::epoch(db, &session.clerk)?;
    Ok(Some((session, epoch)))
}

/// Notes that a session was used.
pub fn touch(db: &Connection, key: Hash, now: UtcMs) -> Result<(), StoreError> {
    db.execute("UPDATE session SET seen = ?2 WHERE key = ?1 AND seen < ?2", params![key.0, to_db(now.0)])?;
    Ok(())
}

/// Keeps one-time codes that are being set up, or forgets them.
pub fn pend(db: &Connection, key: Hash, pending: Option<&[u8]>) -> Result<(), StoreError> {
    db.execute("UPDATE session SET pending = ?2 WHERE key = ?1", params![key.0, pending])?;
    Ok(())
}

/// Ends a session.
pub fn end(db: &Connection, key: Hash) -> Result<(), StoreError> {
    db.execute("DELETE FROM session WHERE key = ?1", params![key.0])?;
    Ok(())
}

/// Ends all sessions of a clerk but this one.
pub fn end_all(db: &Connection, clerk: &str, but: Hash) -> Result<(), StoreError> {
    db.execute("DELETE FROM session WHERE clerk = ?1 AND key <> ?2", params![clerk, but.0])?;
    Ok(())
}

/// How many sessions are kept, those that are over included until somebody signs in.
pub fn count(db: &Connection) -> Result<u64, StoreError> {
    from_db(db.query_row("SELECT count(*) FROM session", [], |row| row.get(0))?)
}

/// Keeps what is under way, forgets what began before `old`, and has the oldest give way where there are `most`.
pub fn begin_ceremony(db: &Connection, key: Hash, what: &str, (old, most): (UtcMs, u64), now: UtcMs) -> Result<(), StoreError> {
    let work = db.writing()?;
    work.execute("DELETE FROM ceremony WHERE begun <= ?1", params![to_db(old.0)])?;
    let count: i64 = work.query_row("SELECT count(*) FROM ceremony", [], |row| row.get(0))?;
    if from_db(count)? >= most {
        work.execute("DELETE FROM ceremony WHERE key = (SELECT key FROM ceremony ORDER BY begun LIMIT 1)", [])?;
    }
    let sql =
        "INSERT INTO ceremony (key, begun, what) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET begun = excluded.begun, what = excluded.what";
    work.execute(sql, params![key.0, to_db(now.0), what])?;
    Ok(work.commit()?)
}

/// Takes out what is under way, if it did not begin before `old`.
pub fn take_ceremony(db: &Connection, key: Hash, old: UtcMs) -> Result<Option<String>, StoreError> {
    let work = db.writing()?;
    let what =
        work.query_row("SELECT what FROM ceremony WHERE key = ?1 AND begun > ?2", params![key.0, to_db(old.0)], |row| row.get(0)).optional()?;
    work.execute("DELETE FROM ceremony WHERE key = ?1", params![key.0])?;
    work.commit()?;
    Ok(what)
}

/// When there were tries under this key.
pub fn tries(db: &Connection, key: Hash) -> Result<Vec<UtcMs>, StoreError> {
    let text: Option<String> = db.prepare_cached("SELECT at FROM attempt WHERE key = ?1")?.query_row(params![key.0], |row| row.get(0)).optional()?;
    text.map_or_else(|| Ok(Vec::new()), |text| read_times(&text))
}

fn read_times(text: &str) -> Result<Vec<UtcMs>, StoreError> {
    let wrong = |_| StoreError::Inconsistent("times of tries that are none".into());
    text.split_whitespace().map(|at| at.parse().map(UtcMs).map_err(wrong)).collect()
}

/// Keeps the times of the tries under this key; none forgets it.
pub fn set_tries(db: &Connection, key: Hash, at: &[UtcMs]) -> Result<(), StoreError> {
    let Some(last) = at.iter().max() else {
        db.execute("DELETE FROM attempt WHERE key = ?1", params![key.0])?;
        return Ok(());
    };
    let text = at.iter().map(|at| at.0.to_string()).collect::<Vec<_>>().join(" ");
    let sql = "INSERT INTO attempt (key, at, last) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO UPDATE SET at = excluded.at, last = excluded.last";
    db.execute(sql, params![key.0, text, to_db(last.0)])?;
    Ok(())
}

/// Forgets tries that were before `old`; where there are `most` keys and more, the oldest give way.
pub fn forget_old_tries(db: &Connection, old: UtcMs, most: u64) -> Result<(), StoreError> {
    db.execute("DELETE FROM attempt WHERE last <= ?1", params![to_db(old.0)])?;
    let count: i64 = db.query_row("SELECT count(*) FROM attempt", [], |row| row.get(0))?;
    let above = from_db(count)?.saturating_sub(most);
    if above > 0 {
        let sql = "DELETE FROM attempt WHERE key IN (SELECT key FROM attempt ORDER BY last LIMIT ?1)";
        db.execute(sql, params![to_db(above)])?;
    }
    Ok(())
}

/// Keeps how far a clerk's long work is.
pub fn keep_job(db: &Connection, id: u64, clerk: &str, state: &str, now: UtcMs) -> Result<(), StoreError> {
    let sql = "INSERT INTO job (id, clerk, state, beat) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE SET state = excluded.state, beat = excluded.beat";
    db.execute(sql, params![to_db(id), clerk, state, to_db(now.0)])?;
    Ok(())
}

/// How far this clerk's work was, and when its process last said so.
pub fn job(db: &Connection, id: u64, clerk: &str) -> Result<Option<(String, UtcMs)>, StoreError> {
    let sql = "SELECT state, beat FROM job WHERE id = ?1 AND clerk = ?2";
    let found = db.prepare_cached(sql)?.query_row(params![to_db(id), clerk], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    found.map(|(state, beat): (String, i64)| Ok((state, UtcMs(from_db(beat)?)))).transpose()
}

/// Forgets work of which nothing was heard since `old`.
pub fn forget_old_jobs(db: &Connection, old: UtcMs) -> Result<(), StoreError> {
    db.execute("DELETE FROM job WHERE beat <= ?1", params![to_db(old.0)])?;
    Ok(())
}
