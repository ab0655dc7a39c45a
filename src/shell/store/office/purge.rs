//! What a purge does to rows: personal content goes, and what proves that nothing is missing or changed stays.

use super::super::{StoreError, from_db, to_db};
use super::{array, batches, children, settings};
use crate::book::entry::{Body, Entry};
use crate::claim::batch::Item;
use crate::shell::store::sql::{Connection, OptionalExtension, params};
use crate::words::cbor::Writer;
use crate::words::ids::{Handle, Hash, TokenId};
use crate::words::time::UtcMs;
use std::collections::HashSet;

/// Whose entries go.
#[derive(Clone, Debug, Default)]
pub struct Gone {
    handles: HashSet<Handle>,
    tokens: HashSet<TokenId>,
}

impl Gone {
    /// The handles and tokens of the children of the open plan.
    pub fn of_plan(db: &Connection) -> Result<Self, StoreError> {
        let column = |sql: &str| -> Result<Vec<Vec<u8>>, StoreError> {
            let mut statement = db.prepare(sql)?;
            let rows = statement.query_map([], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        };
        let handles = column("SELECT c.handle FROM purge_child p JOIN child c ON c.id = p.child")?;
        let tokens = column("SELECT t.token FROM purge_child p JOIN token t ON t.child = p.child")?;
        Ok(Self {
            handles: handles.into_iter().map(|bytes| Ok(Handle(array(bytes, "handle")?))).collect::<Result<_, StoreError>>()?,
            tokens: tokens.into_iter().map(|bytes| Ok(TokenId(array(bytes, "token id")?))).collect::<Result<_, StoreError>>()?,
        })
    }

    fn names(&self, bytes: &[u8]) -> bool {
        match Entry::from_bytes(bytes).map(|entry| entry.body) {
            Ok(Body::Redemption(r)) => self.handles.contains(&r.handle) || self.tokens.contains(&r.token),
            Ok(Body::Started(s)) => self.handles.contains(&s.handle) || self.tokens.contains(&s.token),
            _ => false,
        }
    }
}

/// The row id of the first batch after row `after`.
pub fn next_batch(db: &Connection, after: i64) -> Result<Option<i64>, StoreError> {
    Ok(db.prepare_cached("SELECT id FROM batch WHERE id > ?1 ORDER BY id LIMIT 1")?.query_row([after], |row| row.get(0)).optional()?)
}

/// Puts hashes in the place of a batch's entries: of those of `gone`, or of all. The chain over them stays provable. Whether anything went.
pub fn blind_batch(db: &Connection, batch: i64, gone: Option<&Gone>, now: UtcMs) -> Result<bool, StoreError> {
    let bytes: Vec<u8> = db.prepare_cached("SELECT bytes FROM batch WHERE id = ?1")?.query_row([batch], |row| row.get(0))?;
    let mut draft = batches::content(&bytes)?;
    let mut went = false;
    for item in &mut draft.items {
        if let Item::Shown(bytes) = item
            && gone.is_none_or(|gone| gone.names(bytes))
        {
            *item = Item::Hidden(Hash::of(&[bytes]));
            went = true;
        }
    }
    if went || gone.is_none() {
        let left = Writer::encode(|w| draft.write(w));
        let sql = "UPDATE batch SET bytes = ?2, purged = ?3, emptied = ?4 WHERE id = ?1";
        db.prepare_cached(sql)?.execute(params![batch, left, to_db(now.0), gone.is_none()])?;
    }
    Ok(went)
}

/// Makes the children and tokens that stand for what remains, one for each legal basis of the children of the plan, of their approvals, and
/// of the approvals behind other children's cards that they were claimed with.
pub fn make_remains(db: &Connection) -> Result<(), StoreError> {
    let sql = "SELECT coalesce(c.legal_basis, '') FROM purge_child p JOIN child c ON c.id = p.child
               UNION SELECT a.legal_basis FROM purge_child p JOIN token t ON t.child = p.child JOIN approval a ON a.id = t.approval
                     WHERE a.legal_basis IS NOT NULL
               UNION SELECT a.legal_basis FROM line l JOIN token t ON t.id = l.token JOIN approval a ON a.id = t.approval
                     WHERE l.borrowed = 1 AND l.child IN (SELECT child FROM purge_child) AND a.legal_basis IS NOT NULL";
    let mut statement = db.prepare(sql)?;
    let bases: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for basis in bases {
        let there: Option<i64> =
            db.query_row("SELECT id FROM child WHERE remains = 1 AND coalesce(legal_basis, '') = ?1", [&basis], |row| row.get(0)).optional()?;
        if there.is_none() {
            let name = Hash::of(&[b"teilhabe/remains/1", basis.as_bytes()]);
            let legal_basis = (!basis.is_empty()).then_some(&basis);
            let child = "INSERT INTO child (handle, legal_basis, remains) VALUES (?1, ?2, 1) RETURNING id";
            let child = db.insert(child, params![name.first::<8>(), legal_basis])?;
            db.execute("INSERT INTO token (token, child, issued) VALUES (?1, ?2, 0)", params![name.first::<16>(), child])?;
        }
    }
    Ok(())
}

/// A line's place in the ledger.
pub type LinePlace = (i64, i64);

/// Cuts what joins the lines after `after` to purged children, at most `most` lines; where it ended, none where there are no more. Amounts,
/// days, providers and legal bases stay; the slot becomes one that nobody can recompute. A line of a child that stays, claimed with the card
/// of one that goes, names that card no more, and counts to the law of its child.
pub fn cut_lines(db: &Connection, after: LinePlace, most: u32) -> Result<Option<LinePlace>, StoreError> {
    let sql = "SELECT terminal, seq FROM line WHERE (terminal, seq) > (?1, ?2) ORDER BY terminal, seq LIMIT 1 OFFSET ?3";
    let end: Option<LinePlace> =
        db.prepare_cached(sql)?.query_row(params![after.0, after.1, most], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let upto = end.unwrap_or((i64::MAX, i64::MAX));
    const RANGE: &str = "(terminal, seq) > (?1, ?2) AND (terminal, seq) <= (?3, ?4) AND child IN (SELECT child FROM purge_child)";
    let range = params![after.0, after.1, upto.0, upto.1];
    let sql = format!("UPDATE ruling SET note = '' WHERE note <> '' AND (terminal, seq) IN (SELECT terminal, seq FROM line WHERE {RANGE})");
    db.prepare_cached(&sql)?.execute(range)?;
    let sql = format!(
        "UPDATE line SET operator = NULL, proof_at = NULL, slot = randomblob(16), borrowed = 0, (child, token) =
           (SELECT c.id, (SELECT min(t.id) FROM token t WHERE t.child = c.id) FROM child c
            WHERE c.remains = 1 AND coalesce(c.legal_basis, '') =
              coalesce((SELECT a.legal_basis FROM token k JOIN approval a ON a.id = k.approval WHERE k.id = line.token),
                       (SELECT own.legal_basis FROM child own WHERE own.id = line.child), ''))
         WHERE {RANGE}"
    );
    db.prepare_cached(&sql)?.execute(range)?;
    let sql = "UPDATE line SET borrowed = 1, token = (SELECT min(t.id) FROM token t JOIN child c ON c.id = t.child WHERE c.remains = 1)
         WHERE (terminal, seq) > (?1, ?2) AND (terminal, seq) <= (?3, ?4)
           AND token IN (SELECT id FROM token WHERE child IN (SELECT child FROM purge_child))";
    db.prepare_cached(sql)?.execute(range)?;
    Ok(end)
}

/// Deletes the next children of the plan with all that is theirs, at most `most`; how many are left.
pub fn delete_children(db: &Connection, most: u32) -> Result<u64, StoreError> {
    let places = children::status_places(db)?;
    if settings::counter(db, "status_places")? < places {
        settings::at_least(db, "status_places", places)?;
    }
    db.execute("CREATE TEMP TABLE IF NOT EXISTS going (child INTEGER PRIMARY KEY)", [])?;
    db.execute("DELETE FROM going", [])?;
    db.execute("INSERT INTO going SELECT child FROM purge_child ORDER BY child LIMIT ?1", [most])?;
    const TOKENS: &str = "SELECT id FROM token WHERE child IN (SELECT child FROM going)";
    const APPROVALS: &str = "SELECT id FROM approval WHERE child IN (SELECT child FROM going)";
    const GOING: &str = "SELECT child FROM going";
    let log = "UPDATE audit SET clerk = NULL, object = NULL, detail = NULL, salt = NULL WHERE object IN";
    for sql in [
        format!("{log} (SELECT 'child/' || child FROM going)"),
        format!("{log} (SELECT 'token/' || lower(hex(token)) FROM token WHERE id IN ({TOKENS}))"),
        format!("{log} (SELECT 'approval/' || id FROM approval WHERE id IN ({APPROVALS}))"),
        format!("DELETE FROM stop WHERE token IN ({TOKENS})"),
        format!("DELETE FROM child_sum WHERE child IN ({GOING})"),
        format!("DELETE FROM decided_whole WHERE child IN ({GOING})"),
        format!("DELETE FROM debit WHERE child IN ({GOING})"),
        format!("DELETE FROM trip_end WHERE child IN ({GOING})"),
        // A file that was brought names children; whoever still waits with one brings it again.
        "DELETE FROM upload".into(),
        // Class lists name children too; what was looked at within the last day may still be taken.
        "DELETE FROM class_list WHERE made < (SELECT max(made) FROM purge_plan) - 86400000".into(),
        format!("UPDATE token SET replaces = NULL WHERE replaces IN ({TOKENS})"),
        format!("UPDATE print_file SET bytes = NULL WHERE run IN (SELECT run FROM print_item WHERE token IN ({TOKENS}))"),
        format!("UPDATE print_item SET token = NULL WHERE token IN ({TOKENS})"),
        format!("DELETE FROM token WHERE id IN ({TOKENS})"),
        format!("DELETE FROM phone_invitation WHERE child IN ({GOING})"),
        format!("DELETE FROM phone WHERE child IN ({GOING})"),
        format!("DELETE FROM granted WHERE approval IN ({APPROVALS})"),
        format!("UPDATE approval SET changed_to = NULL WHERE changed_to IN ({APPROVALS})"),
        format!("DELETE FROM approval WHERE id IN ({APPROVALS})"),
        format!("DELETE FROM child WHERE id IN ({GOING})"),
        format!("DELETE FROM purge_child WHERE child IN ({GOING})"),
    ] {
        db.execute(&sql, [])?;
    }
    from_db(db.query_row("SELECT count(*) FROM purge_child", [], |row| row.get(0))?)
}

/// Purges the content of log records of `actions` (in JSON) made before `before`, at most `most`; how many went.
pub fn purge_log(db: &Connection, before: UtcMs, actions: &str, most: u32) -> Result<usize, StoreError> {
    let sql = "UPDATE audit SET clerk = NULL, object = NULL, detail = NULL, salt = NULL WHERE seq IN
        (SELECT seq FROM audit WHERE clerk IS NOT NULL AND at < ?1 AND action IN (SELECT value FROM json_each(?2)) ORDER BY seq LIMIT ?3)";
    Ok(db.prepare_cached(sql)?.execute(params![to_db(before.0), actions, most])?)
}

/// Puts hashes in the place of files of runs released before `before`, one at a time; whether there was one.
pub fn purge_file(db: &Connection, before: UtcMs) -> Result<bool, StoreError> {
    let sql = "SELECT f.run, f.name, f.bytes FROM released_file f JOIN run r ON r.number = f.run
               WHERE f.purged IS NULL AND coalesce(r.second_at, r.first_at) < ?1 LIMIT 1";
    let found: Option<(i64, String, Vec<u8>)> =
        db.prepare_cached(sql)?.query_row([to_db(before.0)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    let Some((run, name, bytes)) = found else { return Ok(false) };
    let sql = "UPDATE released_file SET bytes = x'', purged = ?3 WHERE run = ?1 AND name = ?2";
    db.prepare_cached(sql)?.execute(params![run, name, Hash::of(&[&bytes]).0])?;
    Ok(true)
}

/// Forgets how people signed in whose account was closed before `before`; names and roles stay, for signatures name them.
pub fn purge_accounts(db: &Connection, before: UtcMs) -> Result<(), StoreError> {
    const GONE: &str = "SELECT id FROM clerk WHERE closed < ?1";
    for sql in [
        format!("DELETE FROM recovery_code WHERE clerk IN ({GONE})"),
        format!("DELETE FROM passkey WHERE clerk IN ({GONE})"),
        "UPDATE clerk SET password = '', factor = NULL, external = NULL, subject = NULL WHERE closed < ?1".to_owned(),
    ] {
        db.execute(&sql, [to_db(before.0)])?;
    }
    Ok(())
}

/// Forgets forms that were carried out before `before`.
pub fn purge_forms(db: &Connection, before: UtcMs) -> Result<usize, StoreError> {
    Ok(db.execute("DELETE FROM form_done WHERE at < ?1", [to_db(before.0)])?)
}

/// Writes the database anew without what was deleted, and removes copies from before updates.
pub fn compact(db: &Connection) -> Result<(), StoreError> {
    db.compact()
}

/// Empties the log beside the database, so that deleted bytes are gone from the disk's files too; false where somebody still reads from it.
pub fn empty_log(db: &Connection) -> Result<bool, StoreError> {
    Ok(db.empty_log()?)
}
