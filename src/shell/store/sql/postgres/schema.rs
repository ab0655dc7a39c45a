//! How a server's database is brought to the version this program knows, and that its role is bound by the walls between tenants.

use super::super::ValueRef;
use super::session::Session;
use crate::params;
use crate::shell::store::StoreError;
use crate::shell::store::office::{SERVER_MIGRATIONS, TENANT_BEGINS};

/// The lock under which the schema changes; no office has this number.
const LOCK: i64 = -1;

/// Refuses a role that sees through the walls between tenants, and an encoding that cannot hold every name.
pub(super) fn check_role(session: &Session) -> Result<(), StoreError> {
    let sql = "SELECT rolsuper OR rolbypassrls, current_setting('server_encoding') FROM pg_roles WHERE rolname = current_user";
    let mut rows = session.prepare(sql).query(&params![])?;
    let row = rows.next()?.ok_or_else(|| StoreError::NoServer("its user has no role of its own".into()))?;
    if super::value(row, 0) != Some(ValueRef::Integer(0)) {
        let why = "its user may see every office's rows (SUPERUSER or BYPASSRLS): give this program a user of its own that owns the database and is neither";
        return Err(StoreError::NoServer(why.into()));
    }
    if super::value(row, 1) != Some(ValueRef::Text("UTF8")) {
        return Err(StoreError::NoServer("the database is not in UTF-8: make it with ENCODING 'UTF8'".into()));
    }
    Ok(())
}

/// The version of the schema; 0 where nothing was ever put into the database.
pub(super) fn version(session: &Session) -> Result<usize, StoreError> {
    let number = |sql: &str| -> Result<i64, StoreError> {
        let mut rows = session.prepare(sql).query(&params![])?;
        match rows.next()?.and_then(|row| super::value(row, 0)) {
            Some(ValueRef::Integer(number)) => Ok(number),
            _ => Ok(0),
        }
    };
    if number("SELECT to_regclass('schema_version') IS NOT NULL")? == 0 {
        return Ok(0);
    }
    Ok(usize::try_from(number("SELECT version FROM schema_version")?).unwrap_or(usize::MAX))
}

/// Runs the scripts that the database lacks, all in one transaction or none; and lets a new tenant begin.
pub(super) fn bring_up_to_date(session: &Session) -> Result<(), StoreError> {
    let known = SERVER_MIGRATIONS.last().map_or(0, |(version, _)| *version);
    let found = version(session)?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    if found < known {
        let done = session.batch(&format!("BEGIN; SELECT pg_advisory_xact_lock({LOCK})")).map_err(StoreError::from).and_then(|()| {
            // Another process may have done it while this one waited.
            let found = version(session)?;
            if found > known {
                return Err(StoreError::Newer { found, known });
            }
            let failed = |error| match StoreError::from(error) {
                StoreError::Other(why) => StoreError::NotUpdated { found, known, why: why.to_string() },
                error => error,
            };
            session.batch("CREATE TABLE IF NOT EXISTS schema_version (version bigint NOT NULL)").map_err(failed)?;
            for (_, scripts) in SERVER_MIGRATIONS.iter().filter(|(version, _)| *version > found) {
                session.batch(scripts).map_err(failed)?;
            }
            session.batch(&format!("DELETE FROM schema_version; INSERT INTO schema_version VALUES ({known}); COMMIT")).map_err(failed)
        });
        if let Err(error) = done {
            drop(session.batch("ROLLBACK"));
            return Err(error);
        }
    }
    session.batch(TENANT_BEGINS)?;
    Ok(())
}

/// The names of all tables.
pub const TABLES: &str = "SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
    AND relname <> 'schema_version' ORDER BY relname::text COLLATE \"C\"";
