//! Providers as the office's pages list and change them.

use super::super::{StoreError, from_db, to_db};
use super::{array, sound};
use crate::reconcile::calendar::SiteKind;
use crate::shell::store::sql::{Connection, OptionalExtension, Row, params};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{ProviderNumber, TerminalId};
use crate::words::time::UtcMs;

/// A provider in a list.
#[derive(Clone, Debug)]
pub struct ListedProvider {
    /// Its number.
    pub number: ProviderNumber,
    /// Its name.
    pub name: String,
    /// What kind of place it is.
    pub kind: SiteKind,
    /// How many terminals it has that are not retired.
    pub terminals: u64,
    /// When one of them last asked.
    pub last: Option<UtcMs>,
    /// How many of them have not asked since the day given.
    pub silent: u64,
    /// Whether an account waits for a second clerk.
    pub iban_waits: bool,
}

/// Which providers to list.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Part of the name, or the number.
    pub text: String,
    /// Only with a terminal that has not asked for long.
    pub silent: bool,
    /// Terminals called so never ask: nobody waits for them.
    pub quiet: &'static str,
    /// Only of this kind.
    pub kind: Option<SiteKind>,
}

/// The providers that are wanted, by name: `most` of them after skipping `skip`, and how many there are. A terminal is silent that was
/// admitted and last asked before `silent_since`.
pub fn list(db: &Connection, wanted: &Wanted, silent_since: UtcMs, skip: u64, most: u64) -> Result<(Vec<ListedProvider>, u64), StoreError> {
    let sql = "WITH seen AS (SELECT t.provider, coalesce((SELECT max(e.at) FROM exchange e WHERE e.terminal = t.id), t.admitted) last,
                   EXISTS (SELECT 1 FROM exchange e WHERE e.terminal = t.id) asked, t.label FROM terminal t WHERE t.retired IS NULL),
               found AS (SELECT p.number, p.name, p.kind, count(s.provider) terminals, max(CASE WHEN s.asked THEN s.last END) last,
                   coalesce(sum(s.last < ?1 AND s.label <> ?7), 0) silent, EXISTS (SELECT 1 FROM iban_change i WHERE i.provider = p.number) waits
               FROM provider p LEFT JOIN seen s ON s.provider = p.number
               WHERE (?2 = '' OR instr(lower(p.name), lower(?2)) > 0 OR CAST(p.number AS TEXT) = ?2) AND (?3 IS NULL OR p.kind = ?3) GROUP BY p.number, p.name, p.kind)
               SELECT number, name, kind, terminals, last, silent, waits, count(*) OVER () FROM found WHERE ?4 = 0 OR silent > 0
               ORDER BY lower(name), number LIMIT ?5 OFFSET ?6";
    let mut statement = db.prepare_cached(sql)?;
    let kind = wanted.kind.map(SiteKind::name);
    let mut rows = statement.query(params![to_db(silent_since.0), wanted.text, kind, wanted.silent, to_db(most), to_db(skip), wanted.quiet])?;
    let (mut providers, mut all) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        all = from_db(row.get(7)?)?;
        let last: Option<i64> = row.get(4)?;
        providers.push(ListedProvider {
            number: ProviderNumber(row.get(0)?),
            name: row.get(1)?,
            kind: kind_of(&row, 2)?,
            terminals: from_db(row.get(3)?)?,
            last: last.map(from_db).transpose()?.map(UtcMs),
            silent: from_db(row.get(5)?)?,
            iban_waits: row.get(6)?,
        });
    }
    Ok((providers, all))
}

fn kind_of(row: &Row<'_>, column: usize) -> Result<SiteKind, StoreError> {
    sound(SiteKind::parse(&row.get::<_, String>(column)?), "kind of place")
}

/// What the office knows of a provider besides name and account.
#[derive(Clone, Debug)]
pub struct Details {
    /// What kind of place it is.
    pub kind: SiteKind,
    /// Whom to call; the office's own note.
    pub contact: String,
    /// An account that waits for a second clerk.
    pub waiting_iban: Option<IbanChange>,
    /// Whether no account was ever confirmed.
    pub account_open: bool,
}

/// An account that a clerk entered and no second one has confirmed.
#[derive(Clone, Debug)]
pub struct IbanChange {
    /// The account, in electronic form.
    pub iban: String,
    /// Who entered it.
    pub clerk: String,
    /// When.
    pub at: UtcMs,
}

/// What the office knows of a provider besides name and account.
pub fn details(db: &Connection, number: ProviderNumber) -> Result<Option<Details>, StoreError> {
    let sql = "SELECT p.kind, p.contact, i.iban, i.clerk, i.at, p.account_open FROM provider p LEFT JOIN iban_change i ON i.provider = p.number WHERE p.number = ?1";
    let read = |row: &Row<'_>| -> Result<Details, StoreError> {
        let (iban, clerk, at): (Option<String>, Option<String>, Option<i64>) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let waiting_iban = match (iban, clerk, at) {
            (Some(iban), Some(clerk), Some(at)) => Some(IbanChange { iban, clerk, at: UtcMs(from_db(at)?) }),
            _ => None,
        };
        Ok(Details { kind: kind_of(row, 0)?, contact: row.get(1)?, waiting_iban, account_open: row.get(5)? })
    };
    db.prepare_cached(sql)?.query_row([number.0], |row| Ok(read(row))).optional()?.transpose()
}

/// Changes a provider's name, kind and contact.
pub fn set_details(db: &Connection, number: ProviderNumber, name: &str, kind: SiteKind, contact: &str, now: UtcMs) -> Result<(), StoreError> {
    let sql = "UPDATE provider SET name = ?2, kind = ?3, contact = ?4, changed = ?5 WHERE number = ?1";
    db.execute(sql, params![number.0, name, kind.name(), contact, to_db(now.0)])?;
    Ok(())
}

/// Keeps an account until a second clerk has confirmed it; an earlier one that waited is given up.
pub fn keep_iban_change(db: &Connection, number: ProviderNumber, change: &IbanChange) -> Result<(), StoreError> {
    let sql = "INSERT INTO iban_change (provider, iban, clerk, at) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (provider) DO UPDATE SET iban = excluded.iban, clerk = excluded.clerk, at = excluded.at";
    db.execute(sql, params![number.0, change.iban, change.clerk, to_db(change.at.0)])?;
    Ok(())
}

/// Pays to this account from now on.
pub fn set_iban(db: &Connection, number: ProviderNumber, iban: &str, now: UtcMs) -> Result<(), StoreError> {
    db.execute("UPDATE provider SET iban = ?2, changed = ?3, account_open = 0 WHERE number = ?1", params![number.0, iban, to_db(now.0)])?;
    drop_iban_change(db, number)
}

/// Keeps a new provider's first account until a second clerk has confirmed it.
pub fn keep_first_iban(db: &Connection, number: ProviderNumber, change: &IbanChange) -> Result<(), StoreError> {
    db.execute("UPDATE provider SET account_open = 1 WHERE number = ?1", [number.0])?;
    keep_iban_change(db, number, change)
}

/// Providers of whom no account was ever confirmed.
pub fn without_account(db: &Connection) -> Result<Vec<ProviderNumber>, StoreError> {
    let mut statement = db.prepare_cached("SELECT number FROM provider WHERE account_open = 1 ORDER BY number")?;
    let rows = statement.query_map([], |row| Ok(ProviderNumber(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Gives up an account that waits.
pub fn drop_iban_change(db: &Connection, number: ProviderNumber) -> Result<(), StoreError> {
    db.execute("DELETE FROM iban_change WHERE provider = ?1", [number.0])?;
    Ok(())
}

/// Agrees another price of a service from a day on.
pub fn set_price(db: &Connection, number: ProviderNumber, code: &str, from: CivilDay, cents: Cents) -> Result<(), StoreError> {
    let sql = "INSERT INTO price (provider, code, from_day, cents) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (provider, code, from_day) DO UPDATE SET cents = excluded.cents";
    db.execute(sql, params![number.0, code, from.days(), cents.get()])?;
    Ok(())
}

/// Ends an agreement with a day, or lets it run on.
pub fn set_until(db: &Connection, number: ProviderNumber, code: &str, until: Option<CivilDay>) -> Result<(), StoreError> {
    let sql = "UPDATE agreement SET until_day = ?3 WHERE provider = ?1 AND code = ?2";
    db.execute(sql, params![number.0, code, until.map(CivilDay::days)])?;
    Ok(())
}

/// Notes that a provider's data changed: credentials older than that are renewed.
pub fn touch(db: &Connection, number: ProviderNumber, now: UtcMs) -> Result<(), StoreError> {
    db.execute("UPDATE provider SET changed = ?2 WHERE number = ?1", params![number.0, to_db(now.0)])?;
    Ok(())
}

/// A terminal on its provider's page.
#[derive(Clone, Debug)]
pub struct TerminalRow {
    /// The terminal.
    pub terminal: TerminalId,
    /// What people call it.
    pub label: String,
    /// Where it stands.
    pub site: Option<String>,
    /// When it was admitted.
    pub admitted: UtcMs,
    /// When it last asked.
    pub last: Option<UtcMs>,
    /// When it was retired.
    pub retired: Option<UtcMs>,
    /// How many entries of its journal the office holds.
    pub entries: u64,
    /// What people call the terminal whose journal it continues.
    pub continues: Option<String>,
    /// Since when another one continues its journal.
    pub replaced: Option<UtcMs>,
    /// When it last showed another state of its journal than it had sent.
    pub other_state: Option<UtcMs>,
}

/// A provider's terminals in the order they were admitted.
pub fn terminals(db: &Connection, number: ProviderNumber) -> Result<Vec<TerminalRow>, StoreError> {
    let sql = "SELECT t.terminal, t.label, t.site, t.admitted, (SELECT max(e.at) FROM exchange e WHERE e.terminal = t.id), t.retired, t.head_seq,
                   (SELECT f.label FROM succession s JOIN terminal f ON f.id = s.earlier WHERE s.terminal = t.id),
                   (SELECT max(s.at) FROM succession s JOIN terminal n ON n.id = s.terminal AND n.retired IS NULL WHERE s.earlier = t.id), (SELECT x.at FROM other_state x WHERE x.terminal = t.id)
               FROM terminal t WHERE t.provider = ?1 ORDER BY t.id";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([number.0])?;
    let mut terminals = Vec::new();
    while let Some(row) = rows.next()? {
        let time = |column| -> Result<Option<UtcMs>, StoreError> { Ok(row.get::<_, Option<i64>>(column)?.map(from_db).transpose()?.map(UtcMs)) };
        terminals.push(TerminalRow {
            terminal: TerminalId(array(row.get(0)?, "terminal id")?),
            label: row.get(1)?,
            site: row.get(2)?,
            admitted: UtcMs(from_db(row.get(3)?)?),
            last: time(4)?,
            retired: time(5)?,
            entries: from_db(row.get(6)?)?,
            continues: row.get(7)?,
            replaced: time(8)?,
            other_state: time(9)?,
        });
    }
    Ok(terminals)
}

/// The accounts that wait for a second clerk: provider, name, change.
pub fn waiting_ibans(db: &Connection) -> Result<Vec<(ProviderNumber, String, IbanChange)>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT i.provider, p.name, i.iban, i.clerk, i.at FROM iban_change i JOIN provider p ON p.number = i.provider ORDER BY i.at",
    )?;
    let mut rows = statement.query([])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        let change = IbanChange { iban: row.get(2)?, clerk: row.get(3)?, at: UtcMs(from_db(row.get(4)?)?) };
        waiting.push((ProviderNumber(row.get(0)?), row.get(1)?, change));
    }
    Ok(waiting)
}
