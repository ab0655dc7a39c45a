//! The index of held entries, with what people here call the person: it never leaves this box.

use super::record::code;
use super::{OfficeNumber, StoreError, Tx, from_db, to_db};
use crate::words::code::Code;
use crate::words::ids::{AliasId, Handle};
use rusqlite::{OptionalExtension, Params, Row};

/// A held entry as its index tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRow {
    /// The entry's number.
    pub seq: u64,
    /// The random id of the person.
    pub alias_id: AliasId,
    /// What people here call the person.
    pub alias: String,
    /// The redemption it became.
    pub settled_by: Option<u64>,
    /// Whose it is, where a card said so.
    pub child: Option<(OfficeNumber, Handle)>,
    /// The redemption whose price it is the rest of.
    pub rest_of: Option<u64>,
    /// Whether a person has cancelled what it had become.
    pub reopened: bool,
    /// The charge under which it is claimed.
    pub charge: Option<Code>,
}

const COLUMNS: &str = "seq, alias_id, alias, settled_by, office, handle, rest_of, reopened, charge";
/// Not settled; and the rest of a price counts only as long as what was paid of it does.
const OPEN: &str = "settled_by IS NULL AND NOT EXISTS (SELECT 1 FROM redemption r WHERE r.seq = held.rest_of AND r.cancelled_by IS NOT NULL)";

impl Tx<'_> {
    /// Indexes a held entry that was appended.
    pub fn index_held(&self, row: &HeldRow) -> Result<(), StoreError> {
        let sql = format!("INSERT INTO held({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
        self.sql.prepare_cached(&sql)?.execute((
            to_db(row.seq),
            row.alias_id.0,
            &row.alias,
            row.settled_by.map(to_db),
            row.child.map(|(office, _)| office.0),
            row.child.map(|(_, handle)| handle.0),
            row.rest_of.map(to_db),
            row.reopened,
            row.charge.as_ref().map(Code::as_str),
        ))?;
        Ok(())
    }

    /// What people here call the person of a held entry from now on.
    pub fn rename_held(&self, seq: u64, alias: &str) -> Result<(), StoreError> {
        self.sql.prepare_cached("UPDATE held SET alias = ?2 WHERE seq = ?1")?.execute((to_db(seq), alias))?;
        Ok(())
    }

    /// The index of one held entry.
    pub fn held(&self, seq: u64) -> Result<Option<HeldRow>, StoreError> {
        Ok(self.held_where("seq = ?1", [to_db(seq)])?.pop())
    }

    /// Whether a held entry still waits for a card.
    pub fn is_open_held(&self, seq: u64) -> Result<bool, StoreError> {
        Ok(!self.held_where(&format!("seq = ?1 AND {OPEN}"), [to_db(seq)])?.is_empty())
    }

    /// All held entries that still wait for a card, in order.
    pub fn open_held(&self) -> Result<Vec<HeldRow>, StoreError> {
        self.held_where(OPEN, [])
    }

    /// Those of one child, in order.
    pub fn open_held_of(&self, office: OfficeNumber, handle: Handle) -> Result<Vec<HeldRow>, StoreError> {
        self.held_where(&format!("office = ?1 AND handle = ?2 AND {OPEN}"), (office.0, handle.0))
    }

    /// Says which redemption a held entry is done with.
    pub fn close_held(&self, seq: u64, by: u64) -> Result<(), StoreError> {
        self.sql.prepare_cached("UPDATE held SET settled_by = ?2 WHERE seq = ?1")?.execute((to_db(seq), to_db(by)))?;
        Ok(())
    }

    fn held_where(&self, condition: &str, values: impl Params) -> Result<Vec<HeldRow>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!("SELECT {COLUMNS} FROM held WHERE {condition} ORDER BY seq"))?;
        let mut rows = statement.query(values)?;
        let mut held = Vec::new();
        while let Some(row) = rows.next()? {
            held.push(held_row(row)?);
        }
        Ok(held)
    }

    /// The random id that already stands for `alias`.
    pub fn alias_id(&self, alias: &str) -> Result<Option<AliasId>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT alias_id FROM held WHERE alias = ?1 LIMIT 1")?;
        Ok(statement.query_row([alias], |row| row.get(0)).optional()?.map(AliasId))
    }
}

fn held_row(row: &Row<'_>) -> Result<HeldRow, StoreError> {
    let office = row.get::<_, Option<i64>>(4)?.map(OfficeNumber);
    Ok(HeldRow {
        seq: from_db(row.get(0)?)?,
        alias_id: AliasId(row.get(1)?),
        alias: row.get(2)?,
        settled_by: row.get::<_, Option<i64>>(3)?.map(from_db).transpose()?,
        child: office.zip(row.get::<_, Option<[u8; 8]>>(5)?.map(Handle)),
        rest_of: row.get::<_, Option<i64>>(6)?.map(from_db).transpose()?,
        reopened: row.get(7)?,
        charge: row.get::<_, Option<String>>(8)?.map(|charge| code(&charge)).transpose()?,
    })
}
