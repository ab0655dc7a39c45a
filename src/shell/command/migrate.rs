//! `migrate`: brings a database to the version this program knows. Packages call it between stopping the old program and starting the new.

use super::{Context, Report, Usage};
use crate::shell::backup::{Kind, is_on_a_server};
use crate::shell::store;
use serde_json::json;
use std::path::Path;

/// Brings the database of the data folder up to date. It needs no key, so that it works where keys are protected.
pub fn run(context: &Context) -> anyhow::Result<Report> {
    let dir = context.data()?;
    let kind = Kind::of(dir).ok_or_else(|| Usage(format!("{} holds neither a terminal nor an office: name another --data", dir.display())))?;
    if is_on_a_server(dir) {
        return on_a_server(dir);
    }
    let path = dir.join(kind.database());
    let found = store::version(&path)?;
    open(kind, &path)?;
    let known = store::version(&path)?;
    let text = if found == known {
        format!("The database is of version {known} already: nothing was changed.")
    } else {
        format!("The database was brought from version {found} to {known}. What was there before stays beside it for 30 days.")
    };
    Ok(Report::new(text, json!({"found": found, "version": known})))
}

/// The schema on a server belongs to all its offices: whoever opens it first with a newer program brings it up to date.
#[cfg(feature = "office")]
fn on_a_server(dir: &Path) -> anyhow::Result<Report> {
    let place = crate::shell::office_dir::Place::of(dir)?.ok_or_else(|| Usage(format!("{} holds no office", dir.display())))?;
    let known = place.open()?.version()?;
    Ok(Report::new(format!("The schema on the server is of version {known}."), json!({"version": known})))
}

#[cfg(not(feature = "office"))]
fn on_a_server(dir: &Path) -> anyhow::Result<Report> {
    anyhow::bail!("{} holds an office, and this program was built without that role: use another build", dir.display())
}

fn open(kind: Kind, path: &Path) -> anyhow::Result<()> {
    match kind {
        #[cfg(feature = "terminal")]
        Kind::Terminal => drop(store::terminal::TerminalStore::open(path)?),
        #[cfg(feature = "office")]
        Kind::Office => drop(store::office::open(path)?),
        #[cfg(not(all(feature = "terminal", feature = "office")))]
        _ => anyhow::bail!("this program was built without that role ({}): use another build", path.display()),
    }
    Ok(())
}
