//! The work list: lines that wait for a clerk, in groups of equal cases.

use super::super::{StoreError, from_db, to_db};
use super::array;
use super::views::{self, LineView};
use crate::shell::store::sql;
use crate::shell::store::sql::{Connection, OptionalExtension, Row, ToSql, params};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{EntryId, ProviderNumber, TerminalId, TokenId};
use crate::words::time::UtcMs;

/// What equal cases have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupKey {
    /// The code of the reason.
    pub reason: String,
    /// Whose claim.
    pub provider: ProviderNumber,
    /// For which service.
    pub service: String,
    /// The provider of the line on the other side.
    pub other: Option<ProviderNumber>,
    /// How much more than the agreed price is claimed, where that is the question.
    pub more: Option<Cents>,
}

/// A group of equal cases.
#[derive(Clone, Debug)]
pub struct Group {
    /// What they have in common.
    pub key: GroupKey,
    /// The provider's name.
    pub provider_name: String,
    /// The name of the provider on the other side.
    pub other_name: Option<String>,
    /// How many lines.
    pub count: u64,
    /// What they claim in all.
    pub cents: Cents,
    /// The first service day.
    pub first: CivilDay,
    /// The last service day.
    pub last: CivilDay,
}

const OTHER: &str = "(SELECT o.provider FROM line o WHERE o.terminal = l.against_terminal AND o.seq = l.against_seq)";
const MORE: &str = "CASE WHEN l.reason = 'price_differs' THEN l.cents - l.units * (SELECT c.cents FROM price c
    WHERE c.provider = l.provider AND c.code = l.service AND c.from_day <= l.day ORDER BY c.from_day DESC LIMIT 1) END";
/// That a line waits for a clerk, in the words of the indices made for it.
const WAITS: &str = "l.verdict = 0 AND l.reason IS NOT NULL";
/// The order of a group's cases.
const ORDER: &str = "l.day, l.terminal, l.seq";

fn day(row: &Row<'_>, column: usize) -> Result<CivilDay, StoreError> {
    super::sound(CivilDay::from_days(from_db(row.get(column)?)?), "day")
}

fn key_row(row: &Row<'_>) -> sql::Result<GroupKey> {
    let (other, more): (Option<u32>, Option<i64>) = (row.get(3)?, row.get(4)?);
    Ok(GroupKey {
        reason: row.get(0)?,
        provider: ProviderNumber(row.get(1)?),
        service: row.get(2)?,
        other: other.map(ProviderNumber),
        more: more.map(Cents::new),
    })
}

/// All groups of lines that wait for a clerk, of one provider or of all, by reason, then by the provider's name.
pub fn groups(db: &Connection, provider: Option<ProviderNumber>) -> Result<Vec<Group>, StoreError> {
    // Most findings lie with no other line and differ by nothing: those are counted as they lie in their index.
    let sql = format!(
        "SELECT g.reason, g.provider, g.service, g.other, g.more, p.name, (SELECT q.name FROM provider q WHERE q.number = g.other),
             sum(g.lines), sum(g.cents), min(g.first), max(g.last)
         FROM (SELECT l.reason, l.provider, l.service, NULL AS other, NULL AS more, count(*) AS lines, sum(l.cents) AS cents, min(l.day) AS first, max(l.day) AS last
               FROM line l WHERE {WAITS} AND l.against_terminal IS NULL AND l.reason <> 'price_differs' AND (?1 IS NULL OR l.provider = ?1) GROUP BY 1, 2, 3
               UNION ALL
               SELECT l.reason, l.provider, l.service, {OTHER}, {MORE}, count(*), sum(l.cents), min(l.day), max(l.day)
               FROM line l WHERE {WAITS} AND (l.against_terminal IS NOT NULL OR l.reason = 'price_differs') AND (?1 IS NULL OR l.provider = ?1)
               GROUP BY 1, 2, 3, 4, 5) g
             JOIN provider p ON p.number = g.provider
         GROUP BY g.reason, g.provider, g.service, g.other, g.more, p.name ORDER BY g.reason, lower(p.name), g.provider, g.service"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params![provider.map(|p| p.0)])?;
    let mut groups = Vec::new();
    while let Some(row) = rows.next()? {
        groups.push(Group {
            key: key_row(&row)?,
            provider_name: row.get(5)?,
            other_name: row.get(6)?,
            count: from_db(row.get(7)?)?,
            cents: Cents::new(row.get(8)?),
            first: day(&row, 9)?,
            last: day(&row, 10)?,
        });
    }
    Ok(groups)
}

/// How many findings there are of each reason, and what they claim, the reasons in the order of their codes.
pub fn by_reason(db: &Connection) -> Result<Vec<(String, u64, Cents)>, StoreError> {
    let sql = "SELECT reason, count(*), sum(cents) FROM line WHERE verdict = 0 AND reason IS NOT NULL GROUP BY reason ORDER BY reason";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut reasons = Vec::new();
    while let Some(row) = rows.next()? {
        reasons.push((row.get(0)?, from_db(row.get(1)?)?, Cents::new(row.get(2)?)));
    }
    Ok(reasons)
}

/// The condition that a line is of a group, with `?1` to `?5` for [`of_key`].
fn is_of_group() -> String {
    format!(
        "l.verdict = 0 AND l.reason = ?1 AND l.provider = ?2 AND l.service = ?3 AND {OTHER} IS NOT DISTINCT FROM ?4 AND {MORE} IS NOT DISTINCT FROM ?5"
    )
}

type Values = Vec<Box<dyn ToSql>>;

fn of_key(key: &GroupKey) -> Values {
    vec![
        Box::new(key.reason.clone()),
        Box::new(key.provider.0),
        Box::new(key.service.clone()),
        Box::new(key.other.map(|p| p.0)),
        Box::new(key.more.map(Cents::get)),
    ]
}

fn with(mut values: Values, more: impl IntoIterator<Item = i64>) -> Values {
    values.extend(more.into_iter().map(|value| Box::new(value) as Box<dyn ToSql>));
    values
}

/// How many lines a group has.
pub fn size(db: &Connection, key: &GroupKey) -> Result<u64, StoreError> {
    let sql = format!("SELECT count(*) FROM line l WHERE {}", is_of_group());
    from_db(db.prepare_cached(&sql)?.query_row(sql::params_from_iter(of_key(key)), |row| row.get(0))?)
}

/// The oldest question to the provider in a group: who asked, and when.
pub fn oldest_question(db: &Connection, key: &GroupKey) -> Result<Option<(String, UtcMs)>, StoreError> {
    let sql = format!(
        "SELECT r.clerk, r.at FROM line l JOIN ruling r ON r.terminal = l.terminal AND r.seq = l.seq WHERE {} AND r.choice = 'ask'
         ORDER BY r.at LIMIT 1",
        is_of_group()
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(sql::params_from_iter(of_key(key)))?;
    rows.next()?.map(|row| Ok((row.get(0)?, UtcMs(from_db(row.get(1)?)?)))).transpose()
}

/// The row id of a line's child, and its token.
pub fn card_of(db: &Connection, id: EntryId) -> Result<Option<(i64, TokenId)>, StoreError> {
    let sql = "SELECT l.child, k.token FROM line l JOIN terminal t ON t.id = l.terminal JOIN token k ON k.id = l.token WHERE t.terminal = ?1 AND l.seq = ?2";
    let row: Option<(i64, Vec<u8>)> =
        db.prepare_cached(sql)?.query_row(params![id.terminal.0, to_db(id.seq)], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    row.map(|(child, token)| Ok((child, TokenId(array(token, "token id")?)))).transpose()
}

/// Cases of a group, oldest service day first: `most` of them after skipping `skip`.
pub fn cases(db: &Connection, key: &GroupKey, skip: u64, most: u64) -> Result<Vec<LineView>, StoreError> {
    let sql = format!("{} WHERE {} ORDER BY {ORDER} LIMIT ?6 OFFSET ?7", views::LINE, is_of_group());
    views::collect(db, &sql, sql::params_from_iter(with(of_key(key), [to_db(most), to_db(skip)])))
}

/// The first `most` lines of a group.
pub fn ids(db: &Connection, key: &GroupKey, most: u64) -> Result<Vec<EntryId>, StoreError> {
    let sql = format!("SELECT t.terminal, l.seq FROM line l JOIN terminal t ON t.id = l.terminal WHERE {} ORDER BY {ORDER} LIMIT ?6", is_of_group());
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(sql::params_from_iter(with(of_key(key), [to_db(most)])))?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(id_row(&row)?);
    }
    Ok(ids)
}

fn id_row(row: &Row<'_>) -> Result<EntryId, StoreError> {
    Ok(EntryId { terminal: TerminalId(array(row.get(0)?, "terminal id")?), seq: from_db(row.get(1)?)? })
}

/// The cases of a group before and after a line, whether or not that is of the group (still).
pub fn neighbours(db: &Connection, key: &GroupKey, id: EntryId) -> Result<(Option<EntryId>, Option<EntryId>), StoreError> {
    let here = "SELECT day, terminal, seq FROM line WHERE terminal = (SELECT id FROM terminal WHERE terminal = ?1) AND seq = ?2";
    let here: Option<[i64; 3]> =
        db.prepare_cached(here)?.query_row(params![id.terminal.0, to_db(id.seq)], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?])).optional()?;
    let Some(here) = here else { return Ok((None, None)) };
    let find = |compare: &str, direction: &str| -> Result<Option<EntryId>, StoreError> {
        let sql = format!(
            "SELECT t.terminal, l.seq FROM line l JOIN terminal t ON t.id = l.terminal WHERE {} AND ({ORDER}) {compare} (?6, ?7, ?8)
             ORDER BY l.day {direction}, l.terminal {direction}, l.seq {direction} LIMIT 1",
            is_of_group()
        );
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query(sql::params_from_iter(with(of_key(key), here)))?;
        rows.next()?.as_ref().map(id_row).transpose()
    };
    Ok((find("<", "DESC")?, find(">", "ASC")?))
}

/// The group a line would be of by what is known of it.
pub fn group_of(db: &Connection, id: EntryId) -> Result<Option<GroupKey>, StoreError> {
    let sql = format!(
        "SELECT coalesce(l.reason, ''), l.provider, l.service, {OTHER}, {MORE} FROM line l JOIN terminal t ON t.id = l.terminal
         WHERE t.terminal = ?1 AND l.seq = ?2"
    );
    Ok(db.prepare_cached(&sql)?.query_row(params![id.terminal.0, to_db(id.seq)], key_row).optional()?)
}

/// The last ruling on a line: who, when, and what the finding was.
#[derive(Clone, Debug)]
pub struct LastRuling {
    /// Who ruled.
    pub clerk: String,
    /// When.
    pub at: UtcMs,
    /// The code of the finding that was ruled on; none for a line that was decided by rule.
    pub about: Option<String>,
}

/// See [`LastRuling`].
pub fn last_ruling(db: &Connection, id: EntryId) -> Result<Option<LastRuling>, StoreError> {
    let sql =
        "SELECT clerk, at, about FROM ruling WHERE terminal = (SELECT id FROM terminal WHERE terminal = ?1) AND seq = ?2 ORDER BY id DESC LIMIT 1";
    let row: Option<(String, i64, Option<String>)> =
        db.prepare_cached(sql)?.query_row(params![id.terminal.0, to_db(id.seq)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    row.map(|(clerk, at, about)| Ok(LastRuling { clerk, at: UtcMs(from_db(at)?), about })).transpose()
}

/// Another line of the same child on the same day.
pub fn beside(db: &Connection, id: EntryId, most: u64) -> Result<Vec<LineView>, StoreError> {
    let sql = format!(
        "{} JOIN (SELECT m.month, m.child, m.day, m.terminal, m.seq FROM line m WHERE m.terminal = (SELECT id FROM terminal WHERE terminal = ?1) AND m.seq = ?2) m
             ON l.month = m.month AND l.child = m.child
         WHERE l.day = m.day AND NOT (l.terminal = m.terminal AND l.seq = m.seq) ORDER BY l.at, l.terminal, l.seq LIMIT ?3",
        views::LINE
    );
    views::collect(db, &sql, params![id.terminal.0, to_db(id.seq), to_db(most)])
}
