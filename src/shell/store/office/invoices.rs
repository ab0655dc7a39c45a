//! Invoices in the name of providers: what they say of whom, what was settled in a month, and every document that was made.

use super::super::{StoreError, from_db};
use super::sound;
use crate::settle::invoice::{Amount, Item, Items, Vat};
use crate::shell::store::sql::{Connection, OptionalExtension, Row, params};
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::ids::{ProviderNumber, ServiceCode};

/// What an invoice says of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Street and number.
    pub street: String,
    /// Postcode.
    pub postcode: String,
    /// Place.
    pub city: String,
    /// VAT id.
    pub vat_id: Option<String>,
    /// Tax number.
    pub tax_number: Option<String>,
    /// Whom to ask.
    pub contact: String,
    /// Where to call.
    pub phone: String,
    /// Where to write, and the electronic address.
    pub email: String,
    /// The day on which the provider agreed to invoices in its name.
    pub agreed_on: CivilDay,
}

/// What an invoice says of a provider; none where it has none.
pub fn party(db: &Connection, provider: ProviderNumber) -> Result<Option<Party>, StoreError> {
    let sql = "SELECT street, postcode, city, vat_id, tax_number, contact, phone, email, agreed_on FROM invoice_party WHERE provider = ?1";
    let read = |row: &Row<'_>| -> Result<Party, StoreError> {
        Ok(Party {
            street: row.get(0)?,
            postcode: row.get(1)?,
            city: row.get(2)?,
            vat_id: row.get(3)?,
            tax_number: row.get(4)?,
            contact: row.get(5)?,
            phone: row.get(6)?,
            email: row.get(7)?,
            agreed_on: day(row, 8)?,
        })
    };
    db.prepare_cached(sql)?.query_row([provider.0], |row| Ok(read(row))).optional()?.transpose()
}

/// Keeps what an invoice says of a provider.
pub fn keep_party(db: &Connection, provider: ProviderNumber, party: &Party) -> Result<(), StoreError> {
    let Party { street, postcode, city, vat_id, tax_number, contact, phone, email, agreed_on } = party;
    db.execute(
        "INSERT INTO invoice_party (provider, street, postcode, city, vat_id, tax_number, contact, phone, email, agreed_on)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (provider) DO UPDATE SET street = excluded.street, postcode = excluded.postcode, city = excluded.city, vat_id = excluded.vat_id,
             tax_number = excluded.tax_number, contact = excluded.contact, phone = excluded.phone, email = excluded.email, agreed_on = excluded.agreed_on",
        params![provider.0, street, postcode, city, vat_id, tax_number, contact, phone, email, agreed_on.days()],
    )?;
    Ok(())
}

/// Makes no more invoices in this provider's name. False where there were none.
pub fn drop_party(db: &Connection, provider: ProviderNumber) -> Result<bool, StoreError> {
    Ok(db.execute("DELETE FROM invoice_party WHERE provider = ?1", [provider.0])? > 0)
}

/// The providers with invoices: number and name.
pub fn parties(db: &Connection) -> Result<Vec<(ProviderNumber, String)>, StoreError> {
    let sql = "SELECT p.number, p.name FROM invoice_party i JOIN provider p ON p.number = i.provider ORDER BY lower(p.name), p.number";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([], |row| Ok((ProviderNumber(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How a provider's services are taxed: service, first day, code of the legal data; by service and day.
pub fn taxes(db: &Connection, provider: ProviderNumber) -> Result<Vec<(ServiceCode, CivilDay, String)>, StoreError> {
    let mut statement = db.prepare_cached("SELECT code, from_day, vat FROM service_vat WHERE provider = ?1 ORDER BY 1, 2")?;
    let mut rows = statement.query([provider.0])?;
    let mut taxes = Vec::new();
    while let Some(row) = rows.next()? {
        taxes.push((service(&row, 0)?, day(&row, 1)?, row.get(2)?));
    }
    Ok(taxes)
}

/// Sets how a service is taxed from a day on.
pub fn set_tax(db: &Connection, provider: ProviderNumber, code: &ServiceCode, from: CivilDay, vat: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO service_vat (provider, code, from_day, vat) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (provider, code, from_day) DO UPDATE SET vat = excluded.vat";
    db.execute(sql, params![provider.0, code.as_str(), from.days(), vat])?;
    Ok(())
}

/// One settled line of a month with what was paid for it in all, counter-records below zero.
#[derive(Clone, Debug)]
pub struct SettledUse {
    /// The service.
    pub service: ServiceCode,
    /// Its day.
    pub day: CivilDay,
    /// Units, below zero for a counter-record.
    pub units: i64,
    /// What the last run that settled it came to in all; a transfer that came back changes nothing of that.
    pub total: Cents,
}

/// Of every line its last run alone: `{columns}` and `{more}` are filled in. The order of the joins is fixed: SQLite would walk all lines drawn.
fn settled(columns: &str, more: &str) -> String {
    let last = "FROM run_provider p CROSS JOIN drawn_line d ON d.run = p.run AND d.provider = p.provider
                JOIN run_line r ON r.run = d.run AND r.terminal = d.terminal AND r.seq = d.seq";
    let latest = "row_number() OVER (PARTITION BY r.terminal, r.seq ORDER BY r.run DESC) AS place";
    format!(
        "SELECT {columns} FROM (
           SELECT l.month, l.service, l.day, l.units, r.total, {latest} {last}
             JOIN line l ON l.terminal = r.terminal AND l.seq = r.seq WHERE p.provider = ?1 {more}
           UNION ALL
           SELECT l.month, l.service, l.day, -l.units, r.total, {latest} {last}
             JOIN cancellation x ON x.terminal = r.terminal AND x.seq = r.seq
             JOIN line l ON l.terminal = x.terminal AND l.seq = x.target WHERE p.provider = ?1 {more}) AS s WHERE place = 1"
    )
}

/// What was settled with a provider for services of a month.
pub fn settled_uses(db: &Connection, provider: ProviderNumber, month: CivilMonth) -> Result<Vec<SettledUse>, StoreError> {
    let mut statement = db.prepare_cached(&settled("service, day, units, total", "AND l.month = ?2"))?;
    let mut rows = statement.query(params![provider.0, month.months()])?;
    let mut uses = Vec::new();
    while let Some(row) = rows.next()? {
        uses.push(SettledUse { service: service(&row, 0)?, day: day(&row, 1)?, units: row.get(2)?, total: Cents::new(row.get(3)?) });
    }
    Ok(uses)
}

/// What was settled with a provider by month of service, the last `most` months.
pub fn settled_months(db: &Connection, provider: ProviderNumber, most: u32) -> Result<Vec<(CivilMonth, Cents)>, StoreError> {
    let sql = format!("{} GROUP BY month ORDER BY month DESC LIMIT ?2", settled("month, sum(total)", ""));
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params![provider.0, most])?;
    let mut months = Vec::new();
    while let Some(row) = rows.next()? {
        months.push((month(&row, 0)?, Cents::new(row.get(1)?)));
    }
    Ok(months)
}

/// The references of the transfers by which a provider's services of a month were paid, with the day of execution.
pub fn transfers(db: &Connection, provider: ProviderNumber, month: CivilMonth) -> Result<Vec<(String, CivilDay)>, StoreError> {
    let sql = "SELECT y.end_to_end_id, n.execution FROM payment y JOIN run n ON n.number = y.run WHERE y.provider = ?1 AND y.returned IS NULL
               AND EXISTS (SELECT 1 FROM drawn_line d JOIN line l ON l.terminal = d.terminal AND l.seq = d.seq
                           WHERE d.run = y.run AND d.provider = ?1 AND l.month = ?2) ORDER BY y.run";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![provider.0, month.months()])?;
    let mut transfers = Vec::new();
    while let Some(row) = rows.next()? {
        transfers.push((row.get(0)?, day(&row, 1)?));
    }
    Ok(transfers)
}

/// A document that was made.
#[derive(Clone, Debug)]
pub struct MadeInvoice {
    /// Its number.
    pub number: String,
    /// The month of the services.
    pub month: CivilMonth,
    /// The day on which it was made.
    pub day: CivilDay,
    /// Whether it is a credit note.
    pub credit: bool,
    /// The amount due; below zero for a credit note.
    pub cents: Cents,
}

/// A provider's documents by month, newest month first.
pub fn made(db: &Connection, provider: ProviderNumber) -> Result<Vec<MadeInvoice>, StoreError> {
    let sql = "SELECT number, month, day, credit, cents FROM invoice WHERE provider = ?1 ORDER BY month DESC, id";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query([provider.0])?;
    let mut made = Vec::new();
    while let Some(row) = rows.next()? {
        let cents = Cents::new(row.get(4)?);
        made.push(MadeInvoice { number: row.get(0)?, month: month(&row, 1)?, day: day(&row, 2)?, credit: row.get(3)?, cents });
    }
    Ok(made)
}

/// What the documents of a month say together, and how many there are.
pub fn invoiced(db: &Connection, provider: ProviderNumber, month: CivilMonth) -> Result<Items, StoreError> {
    let sql = "SELECT i.service, i.percent, i.exempt, i.price, sum(i.units), sum(i.cents), min(i.first_day), max(i.last_day)
               FROM invoice v JOIN invoice_item i ON i.invoice = v.id WHERE v.provider = ?1 AND v.month = ?2 GROUP BY 1, 2, 3, 4";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![provider.0, month.months()])?;
    let mut items = Items::new();
    while let Some(row) = rows.next()? {
        let vat = Vat { percent: row.get(1)?, exempt: row.get(2)? };
        let price: Option<i64> = row.get(3)?;
        let amount = Amount { units: row.get(4)?, gross: Cents::new(row.get(5)?), days: (day(&row, 6)?, day(&row, 7)?) };
        items.insert(Item { service: service(&row, 0)?, vat, price: price.map(Cents::new) }, amount);
    }
    items.retain(|_, amount| amount.gross != Cents::ZERO);
    Ok(items)
}

/// Keeps a document with what it says.
pub fn insert(db: &Connection, provider: ProviderNumber, made: &MadeInvoice, said: &Items, bytes: &[u8]) -> Result<(), StoreError> {
    let MadeInvoice { number, month, day, credit, cents } = made;
    let sql = "INSERT INTO invoice (number, provider, month, day, credit, cents, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id";
    let id = db.insert(sql, params![number, provider.0, month.months(), day.days(), credit, cents.get(), bytes])?;
    let sql = "INSERT INTO invoice_item (invoice, service, percent, exempt, price, units, cents, first_day, last_day)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let mut insert = db.prepare_cached(sql)?;
    for (item, amount) in said {
        let (price, days) = (item.price.map(Cents::get), amount.days);
        let (first, last, cents) = (days.0.days(), days.1.days(), amount.gross.get());
        insert.execute(params![id, item.service.as_str(), item.vat.percent, item.vat.exempt, price, amount.units, cents, first, last])?;
    }
    Ok(())
}

/// A provider's document as it was made.
pub fn bytes(db: &Connection, provider: ProviderNumber, number: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT bytes FROM invoice WHERE number = ?1 AND provider = ?2";
    Ok(db.query_row(sql, params![number, provider.0], |row| row.get(0)).optional()?)
}

fn service(row: &Row<'_>, column: usize) -> Result<ServiceCode, StoreError> {
    sound(Code::parse(&row.get::<_, String>(column)?), "service code")
}

fn day(row: &Row<'_>, column: usize) -> Result<CivilDay, StoreError> {
    sound(CivilDay::from_days(from_db(row.get(column)?)?), "day")
}

fn month(row: &Row<'_>, column: usize) -> Result<CivilMonth, StoreError> {
    sound(CivilMonth::from_months(from_db(row.get(column)?)?), "month")
}
