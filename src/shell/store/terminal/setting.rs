//! What people set on this box.

use super::{StoreError, Tx};
use rusqlite::OptionalExtension;

impl Tx<'_> {
    /// A setting, if it was made.
    pub fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT value FROM setting WHERE name = ?1")?;
        Ok(statement.query_row([name], |row| row.get(0)).optional()?)
    }

    /// Makes a setting, or takes it back.
    pub fn keep_setting(&self, name: &str, value: Option<&str>) -> Result<(), StoreError> {
        match value {
            Some(value) => {
                let sql = "INSERT INTO setting(name, value) VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET value = ?2";
                self.sql.prepare_cached(sql)?.execute((name, value))?
            }
            None => self.sql.prepare_cached("DELETE FROM setting WHERE name = ?1")?.execute([name])?,
        };
        Ok(())
    }
}
