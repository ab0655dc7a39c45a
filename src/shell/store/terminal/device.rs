//! Paired devices of the house, and at which one something was recorded.

use super::{StoreError, Tx, from_db, to_db};
use crate::terminal::devices::Device;
use crate::words::ids::Hash;
use crate::words::time::UtcMs;
use rusqlite::OptionalExtension;

impl Tx<'_> {
    /// All paired devices, by name.
    pub fn devices(&self) -> Result<Vec<Device>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT hash, name, paired_at, seen_at FROM device ORDER BY name")?;
        let mut rows = statement.query([])?;
        let mut devices = Vec::new();
        while let Some(row) = rows.next()? {
            devices.push(Device {
                hash: Hash(row.get(0)?),
                name: row.get(1)?,
                paired_at: UtcMs(from_db(row.get(2)?)?),
                seen_at: UtcMs(from_db(row.get(3)?)?),
            });
        }
        Ok(devices)
    }

    /// Keeps a device as it is now.
    pub fn keep_device(&self, device: &Device) -> Result<(), StoreError> {
        let sql = "INSERT INTO device(hash, name, paired_at, seen_at) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT(hash) DO UPDATE SET name = ?2, seen_at = ?4";
        self.sql.prepare_cached(sql)?.execute((device.hash.0, &device.name, to_db(device.paired_at.0), to_db(device.seen_at.0)))?;
        Ok(())
    }

    /// Forgets a device.
    pub fn forget_device(&self, hash: Hash) -> Result<(), StoreError> {
        self.sql.prepare_cached("DELETE FROM device WHERE hash = ?1")?.execute([hash.0])?;
        Ok(())
    }

    /// Notes at which device an entry was made.
    pub fn note_entered_at(&self, seq: u64, name: &str) -> Result<(), StoreError> {
        self.sql.prepare_cached("INSERT OR REPLACE INTO entered_at(seq, name) VALUES (?1, ?2)")?.execute((to_db(seq), name))?;
        Ok(())
    }

    /// At which device an entry of this journal was made, which was recorded `at` then.
    pub fn entered_at(&self, seq: u64, at: UtcMs) -> Result<Option<String>, StoreError> {
        let sql = "SELECT e.name FROM entered_at e JOIN journal j ON j.seq = e.seq WHERE e.seq = ?1 AND j.at = ?2";
        Ok(self.sql.prepare_cached(sql)?.query_row((to_db(seq), to_db(at.0)), |row| row.get(0)).optional()?)
    }
}
