//! Children, their tokens, the stops of these and the office's own payments.

use super::super::{StoreError, from_db, to_db};
use super::{array, counted, sound};
use crate::admit::status::Status;
use crate::admit::token::Token;
use crate::reconcile::register::{ChildFile, Debit, RegisteredToken, Stop};
use crate::shell::store::sql::{Connection, OptionalExtension, Row, params};
use crate::words::benefit::Benefit;
use crate::words::cbor::Reader;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{Handle, TokenId};
use crate::words::legal_basis::LegalBasis;
use crate::words::sealed::{DocType, Sealed};
use crate::words::time::{UtcMs, UtcSeconds};
use std::collections::HashMap;

/// A child's row.
#[derive(Clone, Debug)]
pub struct Child {
    /// Row id.
    pub id: i64,
    /// The child's handle.
    pub handle: Handle,
    /// The office's case reference; none for a child known by claims alone.
    pub reference: Option<String>,
    /// The law the benefits rest on.
    pub legal_basis: Option<LegalBasis>,
}

/// A token's row.
#[derive(Clone, Debug)]
pub struct TokenRow {
    /// Row id.
    pub id: i64,
    /// The token's id.
    pub token: TokenId,
    /// Row id of the child.
    pub child: i64,
    /// The signed token; none where it was never issued here.
    pub bytes: Option<Vec<u8>>,
}

const CHILD: &str = "SELECT id, handle, reference, legal_basis FROM child";
const TOKEN: &str = "SELECT id, token, child, bytes FROM token";

fn child_row(row: &Row<'_>) -> Result<Child, StoreError> {
    let basis: Option<String> = row.get(3)?;
    Ok(Child {
        id: row.get(0)?,
        handle: Handle(array(row.get(1)?, "handle")?),
        reference: row.get(2)?,
        legal_basis: basis.as_deref().and_then(LegalBasis::parse),
    })
}

fn token_row(row: &Row<'_>) -> Result<TokenRow, StoreError> {
    Ok(TokenRow { id: row.get(0)?, token: TokenId(array(row.get(1)?, "token id")?), child: row.get(2)?, bytes: row.get(3)? })
}

/// The child with this case reference.
pub fn by_reference(db: &Connection, reference: &str) -> Result<Option<Child>, StoreError> {
    db.prepare_cached(&format!("{CHILD} WHERE reference = ?1"))?.query_row([reference], |row| Ok(child_row(row))).optional()?.transpose()
}

/// The child with this handle.
pub fn by_handle(db: &Connection, handle: Handle) -> Result<Option<Child>, StoreError> {
    db.prepare_cached(&format!("{CHILD} WHERE handle = ?1"))?.query_row([handle.0], |row| Ok(child_row(row))).optional()?.transpose()
}

/// The child with this row id.
pub fn by_id(db: &Connection, id: i64) -> Result<Option<Child>, StoreError> {
    db.prepare_cached(&format!("{CHILD} WHERE id = ?1"))?.query_row([id], |row| Ok(child_row(row))).optional()?.transpose()
}

/// The children with these case references, by reference.
pub fn by_references(db: &Connection, references: &[&str]) -> Result<HashMap<String, Child>, StoreError> {
    let keys: Vec<_> = references.iter().map(|reference| [*reference]).collect();
    let mut children = HashMap::with_capacity(keys.len());
    db.query_each(&format!("{CHILD} WHERE reference = ?1"), &keys, |place, row| {
        children.insert(references.get(place).copied().unwrap_or_default().to_owned(), child_row(row)?);
        Ok::<_, StoreError>(())
    })?;
    Ok(children)
}

/// Children whose case reference begins with `text`, at most `most` of them.
pub fn by_beginning(db: &Connection, text: &str, most: u64) -> Result<Vec<Child>, StoreError> {
    let mut statement = db.prepare_cached(&format!("{CHILD} WHERE reference >= ?1 AND reference < ?2 ORDER BY reference LIMIT ?3"))?;
    let mut rows = statement.query(params![text, format!("{text}\u{10ffff}"), to_db(most)])?;
    let mut children = Vec::new();
    while let Some(row) = rows.next()? {
        children.push(child_row(&row)?);
    }
    Ok(children)
}

/// All case references, for the check against lost leading zeros.
pub fn has_reference(db: &Connection, reference: &str) -> Result<bool, StoreError> {
    Ok(by_reference(db, reference)?.is_some())
}

/// Adds a child.
pub fn insert(db: &Connection, handle: Handle, reference: Option<&str>, basis: Option<LegalBasis>) -> Result<i64, StoreError> {
    let sql = "INSERT INTO child (handle, reference, legal_basis) VALUES (?1, ?2, ?3) RETURNING id";
    Ok(db.insert(sql, params![handle.0, reference, basis.map(LegalBasis::code)])?)
}

/// The highest row id of a child; 0 where there is none.
pub fn highest(db: &Connection) -> Result<i64, StoreError> {
    Ok(db.prepare_cached("SELECT coalesce(max(id), 0) FROM child")?.query_row([], |row| row.get(0))?)
}

/// Adds children: row id, handle, reference and the law their benefits rest on.
pub fn insert_all(db: &Connection, children: &[(i64, Handle, &str, Option<LegalBasis>)]) -> Result<(), StoreError> {
    let rows: Vec<_> = children.iter().map(|(id, handle, reference, basis)| (*id, handle.0, *reference, basis.map(LegalBasis::code))).collect();
    db.execute_each("INSERT INTO child (id, handle, reference, legal_basis) VALUES (?1, ?2, ?3, ?4)", &rows)?;
    Ok(())
}

/// Notes the legal bases of children, each named once.
pub fn set_legal_bases(db: &Connection, bases: &[(i64, LegalBasis)]) -> Result<(), StoreError> {
    let rows: Vec<_> = bases.iter().map(|(child, basis)| (*child, basis.code())).collect();
    db.execute_each("UPDATE child SET legal_basis = ?2 WHERE id = ?1", &rows)?;
    Ok(())
}

/// A token on its way into the register.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// The token.
    pub id: TokenId,
    /// Row id of the child.
    pub child: i64,
    /// Its place in the status list.
    pub status_index: u64,
    /// The number of its card.
    pub number: u64,
    /// When it was issued.
    pub issued: UtcSeconds,
    /// Row id of the approval it was made from.
    pub approval: i64,
    /// The signed token.
    pub bytes: Vec<u8>,
}

/// Adds issued tokens, in this order.
pub fn insert_tokens(db: &Connection, tokens: &[NewToken]) -> Result<(), StoreError> {
    let highest: i64 = db.prepare_cached("SELECT coalesce(max(id), 0) FROM token")?.query_row([], |row| row.get(0))?;
    let sql = "INSERT INTO token (id, token, child, status_index, number, issued, approval, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let row = |(token, id): (&NewToken, i64)| {
        let (index, number) = (to_db(token.status_index), to_db(token.number));
        (id, token.id.0, token.child, index, number, to_db(token.issued.0), token.approval, token.bytes.clone())
    };
    db.execute_each(sql, &tokens.iter().zip(highest + 1..).map(row).collect::<Vec<_>>())?;
    Ok(())
}

/// Notes the legal basis of a child.
pub fn set_legal_basis(db: &Connection, child: i64, basis: LegalBasis) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE child SET legal_basis = ?2 WHERE id = ?1")?.execute(params![child, basis.code()])?;
    Ok(())
}

/// Adds an issued token; `replaces` is the row id of the one it replaces.
pub fn insert_token(db: &Connection, child: i64, token: &Token, number: u64, bytes: &[u8], replaces: Option<i64>) -> Result<i64, StoreError> {
    let sql = "INSERT INTO token (token, child, status_index, number, issued, bytes, replaces) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id";
    let values = params![token.id.0, child, to_db(token.status_index), to_db(number), to_db(token.issued.0), bytes, replaces];
    Ok(db.insert(sql, values)?)
}

/// What is on record of a claim's token and child.
#[derive(Clone, Debug)]
pub struct Claimant {
    /// Row id of the token.
    pub token: i64,
    /// Row id of the child.
    pub child: i64,
    /// Whether the token is another child's.
    pub borrowed: bool,
    /// The law the claim rests on: of the approval behind the token, else of the child.
    pub basis: Option<LegalBasis>,
    /// The signed bytes of a token that is bound to a phone.
    pub phone: Option<Vec<u8>>,
}

/// The tokens and children that claims name, of those claims of which both are on record.
pub fn claimants(db: &Connection, claims: &[(TokenId, Handle)], mut told: impl FnMut((TokenId, Handle), Claimant)) -> Result<(), StoreError> {
    let sql = "SELECT t.id, c.id, CASE WHEN t.phone IS NOT NULL THEN t.bytes END,
                   coalesce((SELECT a.legal_basis FROM approval a WHERE a.id = t.approval), c.legal_basis), c.id <> t.child
               FROM token t JOIN child c ON c.handle = ?2 WHERE t.token = ?1";
    let keys: Vec<_> = claims.iter().map(|(token, handle)| (token.0, handle.0)).collect();
    db.query_each(sql, &keys, |place, row| {
        let basis = counted::basis(&row.get::<_, Option<String>>(3)?.unwrap_or_default())?;
        if let Some(claim) = claims.get(place) {
            told(*claim, Claimant { token: row.get(0)?, child: row.get(1)?, borrowed: row.get(4)?, basis, phone: row.get(2)? });
        }
        Ok::<_, StoreError>(())
    })
}

/// What is on record of one claim's token and child: each made where the office knows none. A card that is known is not the card of a child
/// that is not.
pub fn claimant(db: &Connection, token: TokenId, handle: Handle, now: UtcMs) -> Result<Claimant, StoreError> {
    let child = match by_handle(db, handle)? {
        Some(child) => child.id,
        None => insert(db, handle, None, None)?,
    };
    if token_by_id(db, token)?.is_none() {
        db.execute("INSERT INTO token (token, child, issued) VALUES (?1, ?2, ?3)", params![token.0, child, to_db(now.seconds().0)])?;
    }
    let mut found = None;
    claimants(db, &[(token, handle)], |_, claimant| found = Some(claimant))?;
    sound(found, "token of a claim")
}

/// The token with this id.
pub fn token_by_id(db: &Connection, token: TokenId) -> Result<Option<TokenRow>, StoreError> {
    db.prepare_cached(&format!("{TOKEN} WHERE token = ?1"))?.query_row([token.0], |row| Ok(token_row(row))).optional()?.transpose()
}

/// The tokens with this card number: more than one only by a rare chance.
pub fn tokens_by_number(db: &Connection, number: u64) -> Result<Vec<TokenRow>, StoreError> {
    let mut statement = db.prepare_cached(&format!("{TOKEN} WHERE number = ?1"))?;
    let mut rows = statement.query([to_db(number)])?;
    let mut tokens = Vec::new();
    while let Some(row) = rows.next()? {
        tokens.push(token_row(&row)?);
    }
    Ok(tokens)
}

/// The content of a token the office signed itself.
pub fn content(bytes: &[u8]) -> Result<Token, StoreError> {
    let sealed = Sealed::parse(bytes, DocType::Token).ok();
    sound(sealed.and_then(|s| Reader::decode(s.unverified_payload(), Token::read).ok()), "stored token")
}

/// Stops a token.
pub fn insert_stop(db: &Connection, token: i64, stop: &Stop, why: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO stop (token, status, from_day, until_day, recorded, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = params![token, stop.status.code(), stop.from.days(), stop.until.map(CivilDay::days), to_db(stop.recorded.0), why];
    db.execute(sql, values)?;
    Ok(())
}

/// The stops of a token in the order they were recorded.
pub fn stops(db: &Connection, token: i64) -> Result<Vec<Stop>, StoreError> {
    let mut statement = db.prepare_cached("SELECT status, from_day, until_day, recorded FROM stop WHERE token = ?1 ORDER BY recorded")?;
    let mut rows = statement.query([token])?;
    let mut stops = Vec::new();
    while let Some(row) = rows.next()? {
        let until: Option<u32> = row.get(2)?;
        stops.push(Stop {
            status: Status::from_code(row.get(0)?),
            from: day(row.get(1)?)?,
            until: until.map(day).transpose()?,
            recorded: UtcMs(from_db(row.get(3)?)?),
        });
    }
    Ok(stops)
}

/// When the last stop was recorded.
pub fn last_stop(db: &Connection) -> Result<UtcMs, StoreError> {
    let at: Option<i64> = db.prepare_cached("SELECT max(recorded) FROM stop")?.query_row([], |row| row.get(0))?;
    Ok(UtcMs(from_db(at.unwrap_or(0))?))
}

/// The status of every token that is stopped on `today`, by status index. The last stop recorded counts.
pub fn statuses(db: &Connection, today: CivilDay) -> Result<Vec<(u64, Status)>, StoreError> {
    let sql = "SELECT status_index, status, recorded FROM (
                   SELECT t.status_index, s.status, s.recorded, row_number() OVER (PARTITION BY t.id ORDER BY s.recorded DESC) AS place
                   FROM stop s JOIN token t ON t.id = s.token
                   WHERE s.from_day <= ?1 AND (s.until_day IS NULL OR s.until_day >= ?1) AND t.status_index IS NOT NULL) AS stops WHERE place = 1";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([today.days()])?;
    let mut statuses = Vec::new();
    while let Some(row) = rows.next()? {
        statuses.push((from_db(row.get(0)?)?, Status::from_code(row.get(1)?)));
    }
    Ok(statuses)
}

/// How many places of the status list are given out.
pub fn status_places(db: &Connection) -> Result<u64, StoreError> {
    let highest: Option<i64> = db.prepare_cached("SELECT max(status_index) FROM token")?.query_row([], |row| row.get(0))?;
    // Places of purged tokens are never given out again.
    let given = super::settings::counter(db, "status_places")?;
    highest.map_or(Ok(given), |index| Ok(given.max(from_db(index)? + 1)))
}

/// Notes a payment of the office itself; false where the same one is on record already.
pub fn insert_debit(db: &Connection, child: i64, debit: &Debit) -> Result<bool, StoreError> {
    let sql = "INSERT INTO debit (child, benefit, from_day, to_day, cents) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    let values = params![child, debit.benefit.code(), debit.from.days(), debit.to.days(), debit.cents.get()];
    Ok(db.execute(sql, values)? > 0)
}

/// Everything the register holds of one child.
pub fn file(db: &Connection, child: i64) -> Result<ChildFile, StoreError> {
    let mut file = ChildFile::default();
    let mut statement = db.prepare_cached(&format!("{TOKEN} WHERE child = ?1"))?;
    let mut rows = statement.query([child])?;
    while let Some(row) = rows.next()? {
        let row = token_row(&row)?;
        if let Some(bytes) = &row.bytes {
            file.tokens.insert(row.token, RegisteredToken { token: content(bytes)?, stops: stops(db, row.id)? });
        }
    }
    file.debits = debits(db, child)?;
    Ok(file)
}

/// What the office paid on a child's allowances itself.
pub fn debits(db: &Connection, child: i64) -> Result<Vec<Debit>, StoreError> {
    let mut statement = db.prepare_cached("SELECT benefit, from_day, to_day, cents FROM debit WHERE child = ?1 ORDER BY from_day")?;
    let mut rows = statement.query([child])?;
    let mut debits = Vec::new();
    while let Some(row) = rows.next()? {
        let benefit = sound(Benefit::from_code(from_db(row.get(0)?)?), "benefit")?;
        debits.push(Debit { benefit, from: day(row.get(1)?)?, to: day(row.get(2)?)?, cents: Cents::new(row.get(3)?) });
    }
    Ok(debits)
}

/// The issued tokens of a child, newest first.
pub fn tokens_of(db: &Connection, child: i64) -> Result<Vec<TokenRow>, StoreError> {
    let mut statement = db.prepare_cached(&format!("{TOKEN} WHERE child = ?1 AND bytes IS NOT NULL ORDER BY issued DESC, id DESC"))?;
    let mut rows = statement.query([child])?;
    let mut tokens = Vec::new();
    while let Some(row) = rows.next()? {
        tokens.push(token_row(&row)?);
    }
    Ok(tokens)
}

pub(super) fn day(days: u32) -> Result<CivilDay, StoreError> {
    sound(CivilDay::from_days(days.into()), "day")
}
