//! Approvals: what was granted to a child, for which months, and where it came from.

use super::super::{StoreError, from_db, to_db};
use super::sound;
use crate::admit::issue::Approval;
use crate::admit::token::{Allowance, Ceiling};
use crate::shell::store::sql;
use crate::shell::store::sql::{Connection, Kind, OptionalExtension, Params, Places, Row, ValueRef, params};
use crate::words::benefit::{Benefit, Measure, Period};
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::ids::{ProviderNumber, TokenId};
use crate::words::legal_basis::LegalBasis;
use crate::words::time::UtcMs;
use std::collections::HashMap;

/// An approval on record.
#[derive(Clone, Debug)]
pub struct Held {
    /// Row id.
    pub id: i64,
    /// Row id of the child.
    pub child: i64,
    /// Its content.
    pub approval: Approval,
    /// The law it rests on.
    pub basis: Option<LegalBasis>,
    /// Where it came from: a form, a file, another program.
    pub source: String,
    /// The key of the record it came from there.
    pub record: Option<String>,
    /// When it was recorded.
    pub recorded: UtcMs,
    /// By whom.
    pub recorded_by: String,
    /// The first day on which it no longer holds, and why.
    pub ended: Option<(CivilDay, String)>,
    /// The approval that took its place.
    pub changed_to: Option<i64>,
}

/// An approval to be recorded.
#[derive(Clone, Copy, Debug)]
pub struct NewRow<'a> {
    /// Row id.
    pub id: i64,
    /// Row id of the child.
    pub child: i64,
    /// Its content.
    pub approval: &'a Approval,
    /// The law it rests on.
    pub basis: Option<LegalBasis>,
    /// Where it comes from.
    pub source: &'a str,
    /// The key of the record there.
    pub record: Option<&'a str>,
    /// By whom.
    pub by: &'a str,
}

const APPROVAL: &str = "SELECT id, child, from_month, to_month, legal_basis, hint, home_providers, source, record, recorded, recorded_by,
    ended_from, end_why, changed_to FROM approval";

/// The highest row id of an approval; 0 where there is none.
pub fn highest(db: &Connection) -> Result<i64, StoreError> {
    Ok(db.prepare_cached("SELECT coalesce(max(id), 0) FROM approval")?.query_row([], |row| row.get(0))?)
}

/// An approval's row as it is written.
struct Written<'a> {
    new: &'a NewRow<'a>,
    home: String,
    recorded: i64,
}

impl Params for Written<'_> {
    fn each<'p>(&'p self, take: &mut dyn FnMut(Kind, ValueRef<'p>)) {
        let (mut places, new) = (Places(take), self.new);
        places.numbers([new.child, new.approval.from.months().into(), new.approval.to.months().into()]);
        places.text(new.basis.map(LegalBasis::code));
        places.text(new.approval.hint.as_deref());
        places.text(Some(&self.home));
        places.text(Some(new.source));
        places.text(new.record);
        places.number(self.recorded);
        places.text(Some(new.by));
        places.number(new.id);
    }
}

/// Records approvals. Without a legal basis one keeps the child's of today, so that another one later does not move its months.
pub fn insert_all(db: &Connection, new: &[NewRow<'_>], now: UtcMs) -> Result<(), StoreError> {
    let sql = "INSERT INTO approval (child, from_month, to_month, legal_basis, hint, home_providers, source, record, recorded, recorded_by, id)
               VALUES (?1, ?2, ?3, coalesce(?4, (SELECT legal_basis FROM child WHERE id = ?1)), ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let written = |new| Written { new, home: numbers(&new.approval.home_providers), recorded: to_db(now.0) };
    db.execute_each(sql, &new.iter().map(written).collect::<Vec<_>>())?;
    let sql = "INSERT INTO granted (approval, place, benefit, detail, providers, period, measure, amount) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let mut granted = Vec::with_capacity(new.len());
    for new in new {
        let allowances = new.approval.allowances.iter();
        let ceilings = allowances.flat_map(|allowance| allowance.ceilings.iter().map(move |ceiling| (allowance, ceiling)));
        granted.extend(ceilings.zip(0i64..).map(|((allowance, ceiling), place)| {
            let (benefit, detail, providers) = (allowance.benefit.code(), allowance.detail.as_ref().map(Code::as_str), numbers(&allowance.providers));
            let (period, measure) = (to_db(ceiling.period.code()), to_db(ceiling.measure.code()));
            (new.id, place, benefit, detail, providers, period, measure, to_db(ceiling.amount))
        }));
    }
    db.execute_each(sql, &granted)?;
    Ok(())
}

/// The approval with this row id.
pub fn by_id(db: &Connection, id: i64) -> Result<Option<Held>, StoreError> {
    Ok(many(db, &format!("{APPROVAL} WHERE id = ?1"), [id])?.pop())
}

/// All approvals of a child, the earliest period first.
pub fn of_child(db: &Connection, child: i64) -> Result<Vec<Held>, StoreError> {
    many(db, &format!("{APPROVAL} WHERE child = ?1 ORDER BY from_month, id"), params![child])
}

/// The approvals that came from one record of a source, the earliest first.
pub fn of_record(db: &Connection, source: &str, record: &str) -> Result<Vec<Held>, StoreError> {
    many(db, &format!("{APPROVAL} WHERE source = ?1 AND record = ?2 ORDER BY id"), params![source, record])
}

fn many(db: &Connection, sql: &str, values: impl sql::Params) -> Result<Vec<Held>, StoreError> {
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    let mut approvals = Vec::new();
    while let Some(row) = rows.next()? {
        approvals.push(held_row(&row)?);
    }
    with_content(db, approvals)
}

/// All approvals of these children, those of one child with the earliest period first.
pub fn of_children(db: &Connection, children: &[i64]) -> Result<Vec<Held>, StoreError> {
    let keys: Vec<_> = children.iter().map(|child| [*child]).collect();
    let mut approvals = Vec::new();
    db.query_each(&format!("{APPROVAL} WHERE child = ?1"), &keys, |_, row| {
        approvals.push(held_row(row)?);
        Ok::<_, StoreError>(())
    })?;
    approvals.sort_by_key(|held| (held.child, held.approval.from, held.id));
    with_content(db, approvals)
}

/// By source and record: the children whose approvals came from it.
pub fn children_of_records(db: &Connection, records: &[(&str, &str)]) -> Result<HashMap<(String, String), Vec<i64>>, StoreError> {
    let mut children: HashMap<(String, String), Vec<i64>> = HashMap::new();
    db.query_each("SELECT child FROM approval WHERE source = ?1 AND record = ?2", records, |place, row| {
        if let Some((source, record)) = records.get(place) {
            children.entry(((*source).to_owned(), (*record).to_owned())).or_default().push(row.get(0)?);
        }
        Ok::<_, StoreError>(())
    })?;
    Ok(children)
}

fn held_row(row: &Row<'_>) -> Result<Held, StoreError> {
    let month = |index| sound(CivilMonth::from_months(from_db(row.get(index)?)?), "month");
    let basis: Option<String> = row.get(4)?;
    let home: String = row.get(6)?;
    let ended: Option<u32> = row.get(11)?;
    let why: Option<String> = row.get(12)?;
    let ended = ended.map(|day| sound(CivilDay::from_days(day.into()), "day")).transpose()?;
    let approval = Approval { from: month(2)?, to: month(3)?, allowances: Vec::new(), hint: row.get(5)?, home_providers: read_numbers(&home)? };
    Ok(Held {
        id: row.get(0)?,
        child: row.get(1)?,
        approval,
        basis: basis.as_deref().and_then(LegalBasis::parse),
        source: row.get(7)?,
        record: row.get(8)?,
        recorded: UtcMs(from_db(row.get(9)?)?),
        recorded_by: row.get(10)?,
        ended: ended.map(|day| (day, why.unwrap_or_default())),
        changed_to: row.get(13)?,
    })
}

fn with_content(db: &Connection, mut approvals: Vec<Held>) -> Result<Vec<Held>, StoreError> {
    let sql = "SELECT place, benefit, detail, providers, period, measure, amount FROM granted WHERE approval = ?1";
    let keys: Vec<_> = approvals.iter().map(|held| [held.id]).collect();
    let mut granted = Vec::new();
    db.query_each(sql, &keys, |approval, row| {
        let detail: Option<String> = row.get(2)?;
        let detail = detail.map(|text| sound(Code::parse(&text), "detail")).transpose()?;
        let ceiling = Ceiling {
            period: sound(Period::from_code(from_db(row.get(4)?)?), "period")?,
            measure: sound(Measure::from_code(from_db(row.get(5)?)?), "measure")?,
            amount: from_db(row.get(6)?)?,
        };
        let benefit = sound(Benefit::from_code(from_db(row.get(1)?)?), "benefit")?;
        let place: i64 = row.get(0)?;
        granted.push((approval, place, benefit, detail, read_numbers(&row.get::<_, String>(3)?)?, ceiling));
        Ok::<_, StoreError>(())
    })?;
    granted.sort_by_key(|(approval, place, ..)| (*approval, *place));
    for (approval, _, benefit, detail, providers, ceiling) in granted {
        let Some(held) = approvals.get_mut(approval) else { continue };
        match held.approval.allowances.iter_mut().find(|a| a.benefit == benefit && a.detail == detail) {
            Some(allowance) => allowance.ceilings.push(ceiling),
            None => held.approval.allowances.push(Allowance { benefit, ceilings: vec![ceiling], detail, providers }),
        }
    }
    Ok(approvals)
}

fn numbers(providers: &[ProviderNumber]) -> String {
    providers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn read_numbers(text: &str) -> Result<Vec<ProviderNumber>, StoreError> {
    text.split_whitespace().map(|number| sound(number.parse().ok().map(ProviderNumber), "provider number")).collect()
}

/// Ends an approval: `from` is the first day on which it no longer holds.
pub fn end(db: &Connection, approval: i64, from: CivilDay, why: &str) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE approval SET ended_from = ?2, end_why = ?3 WHERE id = ?1")?.execute(params![approval, from.days(), why])?;
    Ok(())
}

/// Notes which approval took the place of one that was changed.
pub fn set_changed_to(db: &Connection, approval: i64, new: i64) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE approval SET changed_to = ?2 WHERE id = ?1")?.execute([approval, new])?;
    Ok(())
}

/// Notes another legal basis of an approval, and of those it took the place of, as far as they began no earlier.
pub fn set_basis(db: &Connection, approval: i64, basis: LegalBasis) -> Result<(), StoreError> {
    let sql = "WITH RECURSIVE whole (id, child, from_month) AS (
                   SELECT id, child, from_month FROM approval WHERE id = ?1
                   UNION SELECT a.id, a.child, whole.from_month FROM whole JOIN approval a ON a.child = whole.child AND a.changed_to = whole.id
                         WHERE a.from_month >= whole.from_month)
               UPDATE approval SET legal_basis = ?2 WHERE id IN (SELECT id FROM whole)";
    db.prepare_cached(sql)?.execute(params![approval, basis.code()])?;
    Ok(())
}

/// Notes the approval a token was made from.
pub fn set_token(db: &Connection, approval: i64, token: i64) -> Result<(), StoreError> {
    db.prepare_cached("UPDATE token SET approval = ?1 WHERE id = ?2")?.execute([approval, token])?;
    Ok(())
}

/// The approval a token was made from.
pub fn of_token(db: &Connection, token: i64) -> Result<Option<Held>, StoreError> {
    let id: Option<Option<i64>> = db.prepare_cached("SELECT approval FROM token WHERE id = ?1")?.query_row([token], |row| row.get(0)).optional()?;
    id.flatten().map(|id| by_id(db, id)).transpose().map(Option::flatten)
}

/// The cards made from an approval, the latest last; tokens on phones are not among them: row id, token id, row id of the one it replaces.
pub fn tokens(db: &Connection, approval: i64) -> Result<Vec<(i64, TokenId, Option<i64>)>, StoreError> {
    let mut statement = db.prepare_cached("SELECT id, token, replaces FROM token WHERE approval = ?1 AND phone IS NULL ORDER BY id")?;
    let mut rows = statement.query([approval])?;
    let mut tokens = Vec::new();
    while let Some(row) = rows.next()? {
        tokens.push((row.get(0)?, TokenId(super::array(row.get(1)?, "token id")?), row.get(2)?));
    }
    Ok(tokens)
}

/// Where the answer to a form that was carried out stands.
pub fn form_done(db: &Connection, form: &str) -> Result<Option<String>, StoreError> {
    Ok(db.prepare_cached("SELECT place FROM form_done WHERE form = ?1")?.query_row([form], |row| row.get(0)).optional()?)
}

/// Notes that a form was carried out.
pub fn set_form_done(db: &Connection, form: &str, place: &str, now: UtcMs) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO form_done (form, place, at) VALUES (?1, ?2, ?3)")?.execute(params![form, place, to_db(now.0)])?;
    Ok(())
}
