//! The offices the terminal is enrolled at.

use super::{StoreError, Tx, from_db, known, to_db};
use crate::admit::credential::Credential;
use crate::book::entry::Admitted;
use crate::words::ids::{OfficeId, TerminalId};
use crate::words::time::UtcMs;
use rusqlite::OptionalExtension;

/// An office's short number in this database, and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfficeNumber(pub i64);

/// An office as stored: its documents are signed bytes, to be opened again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficeRow {
    /// Its number here.
    pub number: OfficeNumber,
    /// Its official key.
    pub id: OfficeId,
    /// Where it is reached.
    pub url: String,
    /// Its root key.
    pub root: [u8; 32],
    /// Its trust list.
    pub trust: Vec<u8>,
    /// Its status list.
    pub status: Option<Vec<u8>>,
    /// The terminal's admission.
    pub credential: Option<Vec<u8>>,
    /// The last advice stored, by the office's count.
    pub cursor: u64,
    /// When it was last heard of; zero for never.
    pub heard_at: UtcMs,
    /// Whether it holds another history of this journal than the journal itself.
    pub disputed: bool,
    /// The terminal that continues this one\'s journal, as the office says.
    pub successor: Option<Vec<u8>>,
}

/// An office at which the terminal has just been admitted.
#[derive(Clone, Copy, Debug)]
pub struct NewOffice<'a> {
    /// Its official key.
    pub id: &'a OfficeId,
    /// Where it is reached.
    pub url: &'a str,
    /// Its root key.
    pub root: &'a [u8; 32],
    /// Its trust list.
    pub trust: &'a [u8],
    /// The admission.
    pub credential: &'a [u8],
}

const COLUMNS: &str = "id, code, url, root, trust, status, credential, cursor, heard_at, disputed, successor";

impl Tx<'_> {
    /// All offices, in the order of enrolment.
    pub fn offices(&self) -> Result<Vec<OfficeRow>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!("SELECT {COLUMNS} FROM office ORDER BY id"))?;
        let mut rows = statement.query([])?;
        let mut offices = Vec::new();
        while let Some(row) = rows.next()? {
            offices.push(OfficeRow {
                number: OfficeNumber(row.get(0)?),
                id: known(OfficeId::parse(&row.get::<_, String>(1)?), "an office id")?,
                url: row.get(2)?,
                root: row.get(3)?,
                trust: row.get(4)?,
                status: row.get(5)?,
                credential: row.get(6)?,
                cursor: from_db(row.get(7)?)?,
                heard_at: UtcMs(from_db(row.get(8)?)?),
                disputed: row.get(9)?,
                successor: row.get(10)?,
            });
        }
        Ok(offices)
    }

    /// The number of an office.
    pub fn office_number(&self, id: &OfficeId) -> Result<Option<OfficeNumber>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT id FROM office WHERE code = ?1")?;
        Ok(statement.query_row([id.as_str()], |row| row.get(0)).optional()?.map(OfficeNumber))
    }

    /// Keeps an office, new or admitted again.
    pub fn keep_office(&self, office: &NewOffice<'_>) -> Result<OfficeNumber, StoreError> {
        let sql = "INSERT INTO office(code, url, root, trust, credential) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT(code) DO UPDATE SET url = ?2, root = ?3, trust = ?4, credential = ?5 RETURNING id";
        let mut statement = self.sql.prepare_cached(sql)?;
        let number = statement.query_row((office.id.as_str(), office.url, office.root, office.trust, office.credential), |row| row.get(0))?;
        Ok(OfficeNumber(number))
    }

    /// Notes where an office is reached from now on.
    pub fn keep_url(&self, office: OfficeNumber, url: &str) -> Result<(), StoreError> {
        self.sql.prepare_cached("UPDATE office SET url = ?2 WHERE id = ?1")?.execute((office.0, url))?;
        Ok(())
    }

    /// Keeps a newer document of an office.
    pub fn keep_document(&self, office: OfficeNumber, document: Admitted, bytes: &[u8]) -> Result<(), StoreError> {
        let sql = match document {
            Admitted::Trust => "UPDATE office SET trust = ?2 WHERE id = ?1",
            Admitted::Credential => "UPDATE office SET credential = ?2 WHERE id = ?1",
            Admitted::StatusList => "UPDATE office SET status = ?2 WHERE id = ?1",
        };
        self.sql.prepare_cached(sql)?.execute((office.0, bytes))?;
        Ok(())
    }

    /// Pins the root key that follows.
    pub fn keep_root(&self, office: OfficeNumber, root: &[u8; 32]) -> Result<(), StoreError> {
        self.sql.prepare_cached("UPDATE office SET root = ?2 WHERE id = ?1")?.execute((office.0, root))?;
        Ok(())
    }

    /// Notes an office's answer: its cursor, and whether its copy of our journal is another one.
    pub fn keep_answer(&self, office: OfficeNumber, cursor: u64, heard_at: UtcMs, disputed: bool) -> Result<(), StoreError> {
        let sql = "UPDATE office SET cursor = max(cursor, ?2), heard_at = max(heard_at, ?3), disputed = ?4 WHERE id = ?1";
        self.sql.prepare_cached(sql)?.execute((office.0, to_db(cursor), to_db(heard_at.0), disputed))?;
        Ok(())
    }

    /// Notes the terminal that continues this one's journal, as an office says.
    pub fn keep_successor(&self, office: OfficeNumber, successor: Option<TerminalId>) -> Result<(), StoreError> {
        self.sql.prepare_cached("UPDATE office SET successor = ?2 WHERE id = ?1")?.execute((office.0, successor.map(|id| id.0)))?;
        Ok(())
    }

    /// Up to which entry batches are sealed for an office.
    pub fn sealed_to(&self, office: OfficeNumber) -> Result<u64, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT sealed_to FROM office WHERE id = ?1")?;
        from_db(statement.query_row([office.0], |row| row.get(0))?)
    }

    /// Notes up to which entry batches are sealed for an office.
    pub fn keep_sealed_to(&self, office: OfficeNumber, seq: u64) -> Result<(), StoreError> {
        self.sql.prepare_cached("UPDATE office SET sealed_to = ?2 WHERE id = ?1")?.execute((office.0, to_db(seq)))?;
        Ok(())
    }

    /// Keeps the services of an admission; those agreed earlier stay, for entries name them.
    pub fn keep_services(&self, office: OfficeNumber, credential: &Credential) -> Result<(), StoreError> {
        let sql = "INSERT INTO service(office, code, provider, pricing, detail) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT DO UPDATE SET provider = ?3, pricing = ?4, detail = ?5";
        let mut statement = self.sql.prepare_cached(sql)?;
        for service in &credential.services {
            let detail = service.detail.as_ref().map(|d| d.as_str());
            statement.execute((office.0, service.code.as_str(), credential.provider.0, to_db(service.pricing.code()), detail))?;
        }
        Ok(())
    }
}
