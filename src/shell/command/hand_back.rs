//! `terminal hand-back`: whether a box may be given away, wiped or uninstalled without losing a claim.

use super::Report;
use crate::shell::backup::automatic::Standing;
use crate::shell::{door, terminal_dir};
use crate::terminal::view::OfficeStatus;
use serde_json::json;
use std::path::Path;

/// Counts what is on this box alone. It changes nothing; the exit code is 1 while something would be lost.
pub fn run(dir: &Path) -> anyhow::Result<Report> {
    let now = door::now();
    let mut terminal = terminal_dir::open(dir, now)?;
    let status = terminal.status(now)?;
    let (unconfirmed, held) = (status.offices.iter().map(|office| office.pending.entries).sum::<u64>(), terminal.open_held()?.len());
    let mut lines: Vec<String> = status.offices.iter().filter_map(unsent).collect();
    if held > 0 {
        lines.push(format!("{held} held scans have become no claim yet: exchange, and see which are left at the counter (Später klären)."));
    }
    let would_lose = !lines.is_empty();
    lines.push(match Standing::read(dir).last_at() {
        Some(at) => format!("The last backup is of {}.", at.rfc3339()),
        None => "There is no backup: the books must be kept for years, so write one, and export them for the auditor.".into(),
    });
    if !would_lose {
        lines.insert(0, "Every entry is confirmed by its office: no claim is lost with this box.".into());
    }
    let json = json!({"unconfirmed": unconfirmed, "held": held, "may_go": !would_lose});
    Ok(Report { text: lines.join("\n"), json, failed: would_lose })
}

fn unsent(office: &OfficeStatus) -> Option<String> {
    let oldest = office.pending.oldest?;
    Some(format!("{} entries are not confirmed by {}, the oldest of {}: exchange first.", office.pending.entries, office.name, oldest.rfc3339()))
}
