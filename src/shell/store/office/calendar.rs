//! The calendar's rows, and the kinds and sites of providers.

use super::super::{StoreError, from_db};
use super::{array, sound};
use crate::reconcile::calendar::{SiteKind, Stretch, Whom};
use crate::shell::store::sql::{Connection, Row, params};
use crate::words::civil::CivilDay;
use crate::words::ids::{ProviderNumber, TerminalId};
use std::collections::BTreeMap;

/// A row of the calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarRow {
    /// For whom.
    pub whom: Whom,
    /// Which days, and whether there is service.
    pub days: Stretch,
    /// What the days are, such as `Herbstferien`; may be empty.
    pub name: String,
}

/// The rows of the calendar with their ids, in the order they were given.
pub fn rows(db: &Connection) -> Result<Vec<(i64, CalendarRow)>, StoreError> {
    let mut statement = db.prepare_cached("SELECT id, provider, kind, site, from_day, to_day, open, name FROM calendar ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut calendar = Vec::new();
    while let Some(row) = rows.next()? {
        calendar.push((row.get(0)?, calendar_row(&row)?));
    }
    Ok(calendar)
}

fn calendar_row(row: &Row<'_>) -> Result<CalendarRow, StoreError> {
    let (provider, kind, site): (Option<u32>, Option<String>, Option<String>) = (row.get(1)?, row.get(2)?, row.get(3)?);
    let whom = match (provider.map(ProviderNumber), site) {
        (Some(provider), Some(site)) => Whom::Site(provider, site),
        (Some(provider), None) => Whom::Provider(provider),
        (None, _) => kind.map_or(Ok(Whom::All), |kind| sound(SiteKind::parse(&kind), "kind of place").map(Whom::Kind))?,
    };
    Ok(CalendarRow { whom, days: Stretch { from: day(row.get(4)?)?, to: day(row.get(5)?)?, open: row.get(6)? }, name: row.get(7)? })
}

/// Adds a row to the calendar.
pub fn insert(db: &Connection, row: &CalendarRow) -> Result<i64, StoreError> {
    let (provider, kind, site) = match &row.whom {
        Whom::All => (None, None, None),
        Whom::Kind(kind) => (None, Some(kind.name()), None),
        Whom::Provider(provider) => (Some(provider.0), None, None),
        Whom::Site(provider, site) => (Some(provider.0), None, Some(site.as_str())),
    };
    let sql = "INSERT INTO calendar (provider, kind, site, from_day, to_day, open, name) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id";
    let days = row.days;
    Ok(db.insert(sql, params![provider, kind, site, days.from.days(), days.to.days(), days.open, row.name])?)
}

/// Takes a row out of the calendar; answers what it said.
pub fn remove(db: &Connection, id: i64) -> Result<Option<CalendarRow>, StoreError> {
    let found = rows(db)?.into_iter().find(|(row, _)| *row == id).map(|(_, row)| row);
    db.execute("DELETE FROM calendar WHERE id = ?1", [id])?;
    Ok(found)
}

/// The kind of every provider.
pub fn kinds(db: &Connection) -> Result<BTreeMap<ProviderNumber, SiteKind>, StoreError> {
    let mut statement = db.prepare_cached("SELECT number, kind FROM provider")?;
    let mut rows = statement.query([])?;
    let mut kinds = BTreeMap::new();
    while let Some(row) = rows.next()? {
        kinds.insert(ProviderNumber(row.get(0)?), sound(SiteKind::parse(&row.get::<_, String>(1)?), "kind of place")?);
    }
    Ok(kinds)
}

/// A place of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Whose.
    pub provider: ProviderNumber,
    /// What people call it.
    pub name: String,
    /// What kind of place it is.
    pub kind: SiteKind,
}

/// All places of providers that have several.
pub fn sites(db: &Connection) -> Result<Vec<Site>, StoreError> {
    let mut statement = db.prepare_cached("SELECT provider, name, kind FROM site ORDER BY provider, name")?;
    let mut rows = statement.query([])?;
    let mut sites = Vec::new();
    while let Some(row) = rows.next()? {
        let kind = sound(SiteKind::parse(&row.get::<_, String>(2)?), "kind of place")?;
        sites.push(Site { provider: ProviderNumber(row.get(0)?), name: row.get(1)?, kind });
    }
    Ok(sites)
}

/// Adds a place, or changes its kind.
pub fn keep_site(db: &Connection, site: &Site) -> Result<(), StoreError> {
    let sql = "INSERT INTO site (provider, name, kind) VALUES (?1, ?2, ?3) ON CONFLICT (provider, name) DO UPDATE SET kind = excluded.kind";
    db.execute(sql, params![site.provider.0, site.name, site.kind.name()])?;
    Ok(())
}

/// The terminals that stand at a place with days of its own: whose, where.
pub fn terminal_sites(db: &Connection) -> Result<Vec<(TerminalId, ProviderNumber, String)>, StoreError> {
    let mut statement = db.prepare_cached("SELECT terminal, provider, site FROM terminal WHERE site IS NOT NULL")?;
    let mut rows = statement.query([])?;
    let mut sites = Vec::new();
    while let Some(row) = rows.next()? {
        sites.push((TerminalId(array(row.get(0)?, "terminal id")?), ProviderNumber(row.get(1)?), row.get(2)?));
    }
    Ok(sites)
}

/// Notes where a terminal stands; none for the provider's only place.
pub fn set_terminal_site(db: &Connection, terminal: TerminalId, site: Option<&str>) -> Result<(), StoreError> {
    db.execute("UPDATE terminal SET site = ?2 WHERE terminal = ?1", params![terminal.0, site])?;
    Ok(())
}

/// Marks the children with claims of `provider`, or of anybody, within `days` that are not settled, to be decided again. Answers how many.
pub fn mark_concerned(db: &Connection, provider: Option<ProviderNumber>, days: (CivilDay, CivilDay)) -> Result<u64, StoreError> {
    let (from, to) = days;
    let values = params![provider.map(|p| p.0), from.days(), to.days()];
    Ok(db.prepare_cached(&mark("day BETWEEN ?2 AND ?3 AND (?1 IS NULL OR provider = ?1)"))?.execute(values)? as u64)
}

/// Marks the children with open claims of one service from a day on, to be decided again. Answers how many.
pub fn mark_service(db: &Connection, provider: ProviderNumber, code: &str, from: CivilDay) -> Result<u64, StoreError> {
    Ok(db.prepare_cached(&mark("day >= ?3 AND provider = ?1 AND service = ?2"))?.execute(params![provider.0, code, from.days()])? as u64)
}

/// Marks the children of what is open and meets `condition`: what can be paid, what waits for a clerk, and what is new. Each of the three
/// has its own index.
fn mark(condition: &str) -> String {
    format!(
        "INSERT INTO to_decide (child, month)
         SELECT child, 0 FROM line WHERE verdict <> 0 AND (run IS NULL OR decided <> coalesce(settled, 0)) AND {condition}
         UNION SELECT child, 0 FROM line WHERE verdict = 0 AND reason IS NOT NULL AND {condition}
         UNION SELECT l.child, 0 FROM to_decide d CROSS JOIN line l ON l.month = d.month AND l.child = d.child
               WHERE l.verdict = 0 AND l.reason IS NULL AND {condition}
         ON CONFLICT DO NOTHING"
    )
}

fn day(days: i64) -> Result<CivilDay, StoreError> {
    sound(CivilDay::from_days(from_db(days)?), "day")
}
