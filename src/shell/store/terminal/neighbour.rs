//! Other terminals of this provider in the same house, and what they have told.

use super::record::{benefit, code, day, lesson, read_uses};
use super::{OfficeNumber, StoreError, Tx, from_db, to_db};
use crate::book::ceiling::Use;
use crate::book::slot::Slot;
use crate::deliver::neighbour::Told;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::ids::{Handle, SlotId, TerminalId};
use crate::words::time::UtcMs;
use rusqlite::{OptionalExtension, Row};
use std::ops::RangeInclusive;

/// A neighbour, as far as one office's credentials go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighbourRow {
    /// The office.
    pub office: OfficeNumber,
    /// Which terminal it is.
    pub terminal: TerminalId,
    /// Its credential, to be opened again.
    pub credential: Vec<u8>,
    /// What people call it.
    pub label: String,
    /// Up to which entry of its journal it has told.
    pub has: u64,
    /// Up to which entry of our journal it says to know it.
    pub knows: u64,
    /// When it was last heard, by our clock; zero for never.
    pub heard_at: UtcMs,
    /// Up to which of its acts with chips it has told.
    pub chips_has: u64,
    /// Up to which of our acts with chips it says to know.
    pub chips_knows: u64,
}

/// Where a neighbour is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressRow {
    /// Its number.
    pub id: i64,
    /// The address, as `http://host:port`.
    pub address: String,
    /// Who was met there.
    pub terminal: Option<TerminalId>,
}

/// What was recorded both here and at a neighbour: one of them is claimed for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubled {
    /// The entry here.
    pub seq: u64,
    /// When it was recorded here.
    pub at: UtcMs,
    /// The service.
    pub service: Code,
    /// The service day.
    pub day: CivilDay,
    /// What people call the neighbour.
    pub label: String,
    /// When it was recorded there, by its clock.
    pub there_at: UtcMs,
}

const NEIGHBOUR: &str = "SELECT office, terminal, credential, label, has, knows, heard_at, chips_has, chips_knows FROM neighbour";
const TOLD: &str = "SELECT r.seq, j.at, r.handle, r.benefit, r.service, r.day, r.units, r.cents, r.lesson_start, r.lesson_end,
        r.slot_day, r.slot, r.cancelled_by IS NOT NULL FROM redemption r JOIN journal j ON j.seq = r.seq WHERE r.office = ?1";

impl Tx<'_> {
    /// All neighbours, by name.
    pub fn neighbours(&self) -> Result<Vec<NeighbourRow>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!("{NEIGHBOUR} ORDER BY label, terminal, office"))?;
        let mut rows = statement.query([])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(neighbour(row)?);
        }
        Ok(all)
    }

    /// One neighbour.
    pub fn neighbour(&self, office: OfficeNumber, terminal: TerminalId) -> Result<Option<NeighbourRow>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!("{NEIGHBOUR} WHERE office = ?1 AND terminal = ?2"))?;
        let mut rows = statement.query((office.0, terminal.0))?;
        rows.next()?.map(neighbour).transpose()
    }

    /// Keeps a neighbour as it is now.
    pub fn keep_neighbour(&self, row: &NeighbourRow) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO neighbour(office, terminal, credential, label, has, knows, heard_at, chips_has, chips_knows)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        self.sql.prepare_cached(sql)?.execute((
            row.office.0,
            row.terminal.0,
            &row.credential,
            &row.label,
            to_db(row.has),
            to_db(row.knows),
            to_db(row.heard_at.0),
            to_db(row.chips_has),
            to_db(row.chips_knows),
        ))?;
        Ok(())
    }

    /// Forgets a neighbour with its addresses. What it has told of redemptions stays until it is old.
    pub fn forget_neighbour(&self, terminal: TerminalId) -> Result<(), StoreError> {
        for sql in ["DELETE FROM neighbour WHERE terminal = ?1", "DELETE FROM neighbour_address WHERE terminal = ?1"] {
            self.sql.prepare_cached(sql)?.execute([terminal.0])?;
        }
        Ok(())
    }

    /// Where neighbours are looked for.
    pub fn neighbour_addresses(&self) -> Result<Vec<AddressRow>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT id, address, terminal FROM neighbour_address ORDER BY id")?;
        let rows = statement.query_map([], |row| {
            Ok(AddressRow { id: row.get(0)?, address: row.get(1)?, terminal: row.get::<_, Option<[u8; 16]>>(2)?.map(TerminalId) })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps an address, and who was met there where somebody was.
    pub fn keep_neighbour_address(&self, address: &str, terminal: Option<TerminalId>) -> Result<(), StoreError> {
        let sql = "INSERT INTO neighbour_address(address, terminal) VALUES (?1, ?2)
            ON CONFLICT(address) DO UPDATE SET terminal = coalesce(excluded.terminal, terminal)";
        self.sql.prepare_cached(sql)?.execute((address, terminal.map(|terminal| terminal.0)))?;
        Ok(())
    }

    /// Forgets an address.
    pub fn forget_neighbour_address(&self, id: i64) -> Result<(), StoreError> {
        self.sql.prepare_cached("DELETE FROM neighbour_address WHERE id = ?1")?.execute([id])?;
        Ok(())
    }

    /// What was redeemed for `office`, or cancelled, after entry `from` and up to `upto`: each redemption as it is now.
    pub fn told_between(&self, office: OfficeNumber, from: u64, upto: u64) -> Result<Vec<Told>, StoreError> {
        let sql = format!("{TOLD} AND r.seq > ?2 AND r.seq <= ?3 UNION {TOLD} AND r.cancelled_by > ?2 AND r.cancelled_by <= ?3 ORDER BY 1");
        let mut statement = self.sql.prepare_cached(&sql)?;
        let mut rows = statement.query((office.0, to_db(from), to_db(upto)))?;
        let mut told = Vec::new();
        while let Some(row) = rows.next()? {
            told.push(told_row(row)?);
        }
        Ok(told)
    }

    /// Keeps what a neighbour told of one redemption. A cancellation is never taken back.
    pub fn keep_told(&self, office: OfficeNumber, terminal: TerminalId, told: &Told) -> Result<(), StoreError> {
        let sql = "INSERT INTO neighbour_use(office, terminal, seq, at, handle, benefit, service, day, units, cents, lesson_start, lesson_end,
                slot_day, slot, cancelled)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
            ON CONFLICT DO UPDATE SET cancelled = max(cancelled, excluded.cancelled)";
        self.sql.prepare_cached(sql)?.execute((
            office.0,
            terminal.0,
            to_db(told.seq),
            to_db(told.at.0),
            told.handle.0,
            told.benefit.code(),
            told.service.as_str(),
            told.day.days(),
            to_db(told.units),
            told.cents.get(),
            told.lesson.map(|lesson| lesson.start),
            told.lesson.map(|lesson| lesson.end),
            told.slot.day.days(),
            told.slot.id.0,
            told.cancelled,
        ))?;
        Ok(())
    }

    /// A child's uses on `days` at neighbours. What was recorded here too counts once, here.
    pub fn uses_nearby(&self, office: OfficeNumber, handle: Handle, days: &RangeInclusive<CivilDay>) -> Result<Vec<Use>, StoreError> {
        let sql = "SELECT n.day, n.benefit, s.detail, s.provider, max(n.units), max(n.cents), n.lesson_start, n.lesson_end
            FROM neighbour_use n LEFT JOIN service s ON s.office = n.office AND s.code = n.service
            WHERE n.handle = ?1 AND n.office = ?2 AND n.day BETWEEN ?3 AND ?4 AND n.cancelled = 0
              AND NOT EXISTS (SELECT 1 FROM redemption r WHERE r.handle = n.handle AND r.slot_day = n.slot_day AND r.slot = n.slot AND r.cancelled_by IS NULL)
              AND NOT EXISTS (SELECT 1 FROM earlier e WHERE e.slot_day = n.slot_day AND e.slot = n.slot)
            GROUP BY n.slot_day, n.slot";
        read_uses(self.sql.prepare_cached(sql)?.query((handle.0, office.0, days.start().days(), days.end().days()))?)
    }

    /// What people call a neighbour.
    pub fn neighbour_label(&self, terminal: TerminalId) -> Result<Option<String>, StoreError> {
        let sql = "SELECT label FROM neighbour WHERE terminal = ?1 AND label <> '' LIMIT 1";
        Ok(self.sql.prepare_cached(sql)?.query_row([terminal.0], |row| row.get(0)).optional()?)
    }

    /// What was recorded here on or after `since` and stands at a neighbour too, the latest first, at most `most`.
    pub fn doubled(&self, since: CivilDay, most: u32) -> Result<Vec<Doubled>, StoreError> {
        let sql = "SELECT r.seq, j.at, r.service, r.day, coalesce(b.label, ''), n.at
            FROM neighbour_use n JOIN redemption r ON r.handle = n.handle AND r.slot_day = n.slot_day AND r.slot = n.slot AND r.cancelled_by IS NULL
                 JOIN journal j ON j.seq = r.seq LEFT JOIN neighbour b ON b.office = n.office AND b.terminal = n.terminal
            WHERE n.cancelled = 0 AND (n.slot_day >= ?1 OR n.slot_day = 0) ORDER BY r.seq DESC LIMIT ?2";
        let mut statement = self.sql.prepare_cached(sql)?;
        let mut rows = statement.query((since.days(), most))?;
        let mut doubled = Vec::new();
        while let Some(row) = rows.next()? {
            doubled.push(Doubled {
                seq: from_db(row.get(0)?)?,
                at: UtcMs(from_db(row.get(1)?)?),
                service: code(&row.get::<_, String>(2)?)?,
                day: day(row.get(3)?)?,
                label: row.get(4)?,
                there_at: UtcMs(from_db(row.get(5)?)?),
            });
        }
        Ok(doubled)
    }
}

fn neighbour(row: &Row<'_>) -> Result<NeighbourRow, StoreError> {
    Ok(NeighbourRow {
        office: OfficeNumber(row.get(0)?),
        terminal: TerminalId(row.get(1)?),
        credential: row.get(2)?,
        label: row.get(3)?,
        has: from_db(row.get(4)?)?,
        knows: from_db(row.get(5)?)?,
        heard_at: UtcMs(from_db(row.get(6)?)?),
        chips_has: from_db(row.get(7)?)?,
        chips_knows: from_db(row.get(8)?)?,
    })
}

fn told_row(row: &Row<'_>) -> Result<Told, StoreError> {
    Ok(Told {
        seq: from_db(row.get(0)?)?,
        at: UtcMs(from_db(row.get(1)?)?),
        handle: Handle(row.get(2)?),
        benefit: benefit(row.get(3)?)?,
        service: code(&row.get::<_, String>(4)?)?,
        day: day(row.get(5)?)?,
        units: from_db(row.get(6)?)?,
        cents: Cents::new(row.get(7)?),
        lesson: lesson(row.get(8)?, row.get(9)?)?,
        slot: Slot { day: day(row.get(10)?)?, id: SlotId(row.get(11)?) },
        cancelled: row.get(12)?,
    })
}
