//! Providers with their agreements and calendars, terminals, and the codes by which these are admitted.

use super::super::{StoreError, from_db, to_db};
use super::{array, sound};
use crate::book::entry::Head;
use crate::reconcile::register::{Agreement, ProviderFile};
use crate::shell::store::sql;
use crate::shell::store::sql::{Connection, OptionalExtension, Row, params};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{CodeId, Hash, ProviderNumber, TerminalId};
use crate::words::keys::PublicKey;
use crate::words::service::{Price, Pricing, Service};
use crate::words::time::UtcMs;
use std::collections::BTreeMap;

/// A provider's row.
#[derive(Clone, Debug)]
pub struct Provider {
    /// The office's number for it.
    pub number: ProviderNumber,
    /// Its name.
    pub name: String,
    /// Where it is paid, in electronic form.
    pub iban: String,
    /// When its data last changed: older credentials are renewed.
    pub changed: UtcMs,
}

/// A terminal's row.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// Row id.
    pub id: i64,
    /// The terminal.
    pub terminal: TerminalId,
    /// Its public key.
    pub key: PublicKey,
    /// The age recipient of envelopes to it.
    pub recipient: String,
    /// What people call it.
    pub label: String,
    /// Whose it is.
    pub provider: ProviderNumber,
    /// Its signed credential.
    pub credential: Vec<u8>,
    /// When that was issued.
    pub credential_issued: UtcMs,
    /// Where its journal stands, as far as the office holds it.
    pub head: Head,
    /// When the receipt of its last checkpoint was made: later entries cannot be older.
    pub checkpoint_at: UtcMs,
}

/// Adds a provider and gives it the next number.
pub fn insert_provider(db: &Connection, name: &str, iban: &str, now: UtcMs) -> Result<ProviderNumber, StoreError> {
    let highest: Option<u32> = db.query_row("SELECT max(number) FROM provider", [], |row| row.get(0))?;
    let number = highest.unwrap_or(0).max(100) + 1;
    db.execute("INSERT INTO provider (number, name, iban, changed) VALUES (?1, ?2, ?3, ?4)", params![number, name, iban, to_db(now.0)])?;
    Ok(ProviderNumber(number))
}

/// All providers by number.
pub fn providers(db: &Connection) -> Result<Vec<Provider>, StoreError> {
    providers_where(db, "true", [])
}

fn providers_where(db: &Connection, condition: &str, values: impl sql::Params) -> Result<Vec<Provider>, StoreError> {
    let mut statement = db.prepare_cached(&format!("SELECT number, name, iban, changed FROM provider WHERE {condition} ORDER BY number"))?;
    let mut rows = statement.query(values)?;
    let mut providers = Vec::new();
    while let Some(row) = rows.next()? {
        let changed = UtcMs(from_db(row.get(3)?)?);
        providers.push(Provider { number: ProviderNumber(row.get(0)?), name: row.get(1)?, iban: row.get(2)?, changed });
    }
    Ok(providers)
}

/// One provider.
pub fn provider(db: &Connection, number: ProviderNumber) -> Result<Option<Provider>, StoreError> {
    Ok(providers_where(db, "number = ?1", [number.0])?.into_iter().next())
}

/// Agrees a service, or a new price from a day on.
pub fn agree(db: &Connection, provider: ProviderNumber, service: &Service, from: CivilDay, now: UtcMs) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO agreement (provider, code, benefit, label, pricing, unit_minutes, detail, from_day) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
               ON CONFLICT (provider, code) DO UPDATE SET label = excluded.label, until_day = NULL";
    let code = service.code.as_str();
    let detail = service.detail.as_ref().map(Code::as_str);
    db.execute(
        sql,
        params![provider.0, code, service.benefit.code(), service.label, to_db(service.pricing.code()), service.unit_minutes, detail, from.days()],
    )?;
    for price in &service.prices {
        let sql = "INSERT INTO price (provider, code, from_day, cents) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (provider, code, from_day) DO UPDATE SET cents = excluded.cents";
        db.execute(sql, params![provider.0, code, price.from.days(), price.cents.get()])?;
    }
    db.execute("UPDATE provider SET changed = ?2 WHERE number = ?1", params![provider.0, to_db(now.0)])?;
    Ok(())
}

/// What is agreed with every provider; of its calendar nothing.
pub fn provider_files(db: &Connection) -> Result<BTreeMap<ProviderNumber, ProviderFile>, StoreError> {
    let files = providers(db)?.into_iter().map(|p| (p.number, ProviderFile::default())).collect();
    agreements_where(db, files, "true", [])
}

/// What is agreed with one provider.
pub fn provider_file(db: &Connection, number: ProviderNumber) -> Result<ProviderFile, StoreError> {
    Ok(agreements_where(db, BTreeMap::new(), "provider = ?1", [number.0])?.remove(&number).unwrap_or_default())
}

fn agreements_where(
    db: &Connection,
    mut files: BTreeMap<ProviderNumber, ProviderFile>,
    condition: &str,
    values: impl sql::Params + Copy,
) -> Result<BTreeMap<ProviderNumber, ProviderFile>, StoreError> {
    let mut prices: BTreeMap<(ProviderNumber, String), Vec<Price>> = BTreeMap::new();
    let mut statement = db.prepare_cached(&format!("SELECT provider, code, from_day, cents FROM price WHERE {condition} ORDER BY from_day"))?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        let price = Price { from: day(row.get(2)?)?, cents: Cents::new(row.get(3)?) };
        prices.entry((ProviderNumber(row.get(0)?), row.get(1)?)).or_default().push(price);
    }
    let sql = format!("SELECT provider, code, benefit, label, pricing, unit_minutes, detail, from_day, until_day FROM agreement WHERE {condition}");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(values)?;
    while let Some(row) = rows.next()? {
        let provider = ProviderNumber(row.get(0)?);
        let agreement = agreement_row(&row, &mut prices)?;
        files.entry(provider).or_default().agreements.push(agreement);
    }
    Ok(files)
}

fn agreement_row(row: &Row<'_>, prices: &mut BTreeMap<(ProviderNumber, String), Vec<Price>>) -> Result<Agreement, StoreError> {
    let code: String = row.get(1)?;
    let detail: Option<String> = row.get(6)?;
    let until: Option<u32> = row.get(8)?;
    let prices = prices.remove(&(ProviderNumber(row.get(0)?), code.clone())).unwrap_or_default();
    Ok(Agreement {
        service: Service {
            code: sound(Code::parse(&code), "service code")?,
            benefit: sound(Benefit::from_code(from_db(row.get(2)?)?), "benefit")?,
            label: row.get(3)?,
            pricing: sound(Pricing::from_code(from_db(row.get(4)?)?), "pricing")?,
            prices,
            unit_minutes: row.get(5)?,
            detail: detail.as_deref().and_then(Code::parse),
        },
        from: day(row.get(7)?)?,
        until: until.map(day).transpose()?,
    })
}

/// Keeps a printed enrolment code until it is used or has ended.
pub fn insert_code(db: &Connection, code: CodeId, secret: &[u8; 10], provider: ProviderNumber, expires: UtcMs) -> Result<(), StoreError> {
    let sql = "INSERT INTO enrolment_code (code, secret, provider, expires) VALUES (?1, ?2, ?3, ?4)";
    db.execute(sql, params![code.0, secret, provider.0, to_db(expires.0)])?;
    Ok(())
}

/// A printed code: its secret, its provider, its end, and the terminal that used it.
#[derive(Clone, Debug)]
pub struct CodeRow {
    /// The secret.
    pub secret: [u8; 10],
    /// The provider it was printed for.
    pub provider: ProviderNumber,
    /// When it ends.
    pub expires: UtcMs,
    /// The terminal that used it.
    pub used_by: Option<TerminalId>,
}

/// The printed code with this public name.
pub fn code(db: &Connection, code: CodeId) -> Result<Option<CodeRow>, StoreError> {
    let read = |row: &Row<'_>| -> Result<CodeRow, StoreError> {
        let used: Option<Vec<u8>> = row.get(3)?;
        Ok(CodeRow {
            secret: array(row.get(0)?, "secret")?,
            provider: ProviderNumber(row.get(1)?),
            expires: UtcMs(from_db(row.get(2)?)?),
            used_by: used.map(|id| array(id, "terminal id").map(TerminalId)).transpose()?,
        })
    };
    let sql = "SELECT secret, provider, expires, used_by FROM enrolment_code WHERE code = ?1";
    db.query_row(sql, [code.0], |row| Ok(read(row))).optional()?.transpose()
}

/// Notes who used a code; its secret is erased.
pub fn use_code(db: &Connection, code: CodeId, by: TerminalId) -> Result<(), StoreError> {
    db.execute("UPDATE enrolment_code SET used_by = ?2, secret = zeroblob(10) WHERE code = ?1", params![code.0, by.0])?;
    Ok(())
}

/// Admits a terminal, or admits it anew.
pub fn insert_terminal(db: &Connection, terminal: &Terminal, now: UtcMs) -> Result<(), StoreError> {
    let sql = "INSERT INTO terminal (terminal, key, recipient, label, provider, admitted, credential, credential_issued, head_seq, head_link, checkpoint_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0)
               ON CONFLICT (terminal) DO UPDATE SET recipient = excluded.recipient, label = excluded.label, provider = excluded.provider,
                   admitted = excluded.admitted, credential = excluded.credential, credential_issued = excluded.credential_issued";
    let values = params![
        terminal.terminal.0,
        terminal.key.bytes(),
        terminal.recipient,
        terminal.label,
        terminal.provider.0,
        to_db(now.0),
        terminal.credential,
        to_db(terminal.credential_issued.0),
        to_db(terminal.head.seq),
        terminal.head.link.0
    ];
    db.execute(sql, values)?;
    Ok(())
}

/// Renews a terminal's credential.
pub fn set_credential(db: &Connection, terminal: i64, credential: &[u8], issued: UtcMs) -> Result<(), StoreError> {
    db.execute("UPDATE terminal SET credential = ?2, credential_issued = ?3 WHERE id = ?1", params![terminal, credential, to_db(issued.0)])?;
    Ok(())
}

/// All terminals in the order they were admitted.
pub fn terminals(db: &Connection) -> Result<Vec<Terminal>, StoreError> {
    let sql = "SELECT id, terminal, key, recipient, label, provider, credential, credential_issued, head_seq, head_link, checkpoint_at FROM terminal ORDER BY id";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    let mut terminals = Vec::new();
    while let Some(row) = rows.next()? {
        terminals.push(terminal_row(&row)?);
    }
    Ok(terminals)
}

/// The keys of the other terminals of a terminal's provider that are not retired.
pub fn siblings(db: &Connection, terminal: &Terminal) -> Result<Vec<PublicKey>, StoreError> {
    let mut statement = db.prepare_cached("SELECT key FROM terminal WHERE provider = ?1 AND terminal <> ?2 AND retired IS NULL ORDER BY id")?;
    let mut rows = statement.query(params![terminal.provider.0, terminal.terminal.0])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(sound(PublicKey::from_bytes(&array(row.get(0)?, "key")?), "key")?);
    }
    Ok(keys)
}

/// One terminal.
pub fn terminal(db: &Connection, terminal: TerminalId) -> Result<Option<Terminal>, StoreError> {
    let sql = "SELECT id, terminal, key, recipient, label, provider, credential, credential_issued, head_seq, head_link, checkpoint_at FROM terminal WHERE terminal = ?1";
    db.prepare_cached(sql)?.query_row([terminal.0], |row| Ok(terminal_row(row))).optional()?.transpose()
}

fn terminal_row(row: &Row<'_>) -> Result<Terminal, StoreError> {
    Ok(Terminal {
        id: row.get(0)?,
        terminal: TerminalId(array(row.get(1)?, "terminal id")?),
        key: sound(PublicKey::from_bytes(&array(row.get(2)?, "key")?), "key")?,
        recipient: row.get(3)?,
        label: row.get(4)?,
        provider: ProviderNumber(row.get(5)?),
        credential: row.get(6)?,
        credential_issued: UtcMs(from_db(row.get(7)?)?),
        head: Head { seq: from_db(row.get(8)?)?, link: Hash(array(row.get(9)?, "link")?) },
        checkpoint_at: UtcMs(from_db(row.get(10)?)?),
    })
}

/// Notes where a terminal's journal stands now.
pub fn set_head(db: &Connection, terminal: i64, head: Head, checkpoint_at: UtcMs) -> Result<(), StoreError> {
    let sql = "UPDATE terminal SET head_seq = ?2, head_link = ?3, checkpoint_at = ?4 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![terminal, to_db(head.seq), head.link.0, to_db(checkpoint_at.0)])?;
    Ok(())
}

/// Notes that a terminal's question was answered.
pub fn insert_exchange(db: &Connection, terminal: i64, now: UtcMs) -> Result<(), StoreError> {
    db.prepare_cached("INSERT INTO exchange (terminal, at) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?.execute(params![terminal, to_db(now.0)])?;
    Ok(())
}

fn day(days: u32) -> Result<CivilDay, StoreError> {
    sound(CivilDay::from_days(days.into()), "day")
}
