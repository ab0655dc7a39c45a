//! `doctor`: what is wrong with this box and what to do. It looks, and repairs nothing.

use super::{Context, Report};
use crate::admit::status::DataAge;
use crate::book::entry::ClockState;
use crate::shell::{door, secret_file, terminal_dir};
use crate::terminal::Terminal;
use crate::terminal::clock::EARLIEST;
use crate::terminal::view::{OfficeStatus, Status};
use crate::words::time::{DAY_MS, UtcMs};
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// How much must fit onto the disk still: a day of a large canteen and an exchange, in bytes.
const ROOM: usize = 32 * 1024 * 1024;
/// After how many days without a proven time the clock is worth a look.
const PROVEN_DAYS: u64 = 30;
/// After how many days an entry that no office has confirmed is worth a look.
const PENDING_DAYS: u64 = 7;

/// One thing looked at: its name, and what is wrong with it.
struct Finding {
    check: &'static str,
    wrong: Option<String>,
}

/// Looks at everything that a terminal's folder depends on.
pub fn run(context: &Context) -> anyhow::Result<Report> {
    let dir = context.data()?;
    let now = door::now();
    let mut findings = vec![Finding { check: "disk", wrong: disk(dir) }, Finding { check: "keys", wrong: keys(dir) }];
    match terminal_dir::open(dir, now) {
        Err(error) => findings.push(Finding { check: "database", wrong: Some(error.to_string()) }),
        Ok(mut terminal) => findings.extend(terminal_findings(&mut terminal, now)),
    }
    let text: Vec<String> = findings.iter().map(|f| f.wrong.as_ref().map_or(format!("{}: ok", f.check), |w| format!("{}: {w}", f.check))).collect();
    let json: Vec<_> = findings.iter().map(|f| json!({"check": f.check, "ok": f.wrong.is_none(), "sentence": f.wrong})).collect();
    let failed = findings.iter().any(|f| f.wrong.is_some());
    Ok(Report { json: json!({"well": !failed, "checks": json}), text: text.join("\n"), failed })
}

fn terminal_findings(terminal: &mut Terminal, now: UtcMs) -> Vec<Finding> {
    let journal = terminal.verify().err().map(|error| error.to_string());
    let status = match terminal.status(now) {
        Ok(status) => status,
        Err(error) => return vec![Finding { check: "database", wrong: Some(error.to_string()) }],
    };
    vec![
        Finding { check: "journal", wrong: journal },
        Finding { check: "clock", wrong: clock(&status, now) },
        Finding { check: "admission", wrong: first(&status, admission) },
        Finding { check: "data age", wrong: first(&status, data_age) },
        Finding { check: "claims", wrong: first(&status, |office| claims(office, now)) },
    ]
}

/// Whether a day's work still fits and can be written for good.
fn disk(dir: &Path) -> Option<String> {
    let probe = dir.join("doctor.probe");
    let written = OpenOptions::new().write(true).create(true).truncate(true).open(&probe).and_then(|mut file| {
        let block = vec![0x5a; 1024 * 1024];
        for _ in 0..ROOM / block.len() {
            file.write_all(&block)?;
        }
        file.sync_all()
    });
    let _ = fs::remove_file(&probe);
    written
        .err()
        .map(|error| format!("{} MiB cannot be written to {} ({error}): free some space or check the disk", ROOM / 1024 / 1024, dir.display()))
}

fn keys(dir: &Path) -> Option<String> {
    [terminal_dir::SIGNING_KEY, terminal_dir::ENVELOPE_KEY].iter().find_map(|name| secret_file::read(&dir.join(name)).err().map(|e| e.to_string()))
}

fn clock(status: &Status, now: UtcMs) -> Option<String> {
    if now < EARLIEST || status.clock == ClockState::Suspect {
        return Some(format!("it shows {}, which cannot be right: set date and time, then exchange", now.rfc3339()));
    }
    match status.proven {
        Some(proven) if now.since(proven) <= PROVEN_DAYS * DAY_MS => None,
        _ => Some("no office has confirmed the time for a long while: exchange by network".into()),
    }
}

fn first(status: &Status, look: impl Fn(&OfficeStatus) -> Option<String>) -> Option<String> {
    if status.offices.is_empty() {
        return Some("this terminal is enrolled nowhere yet: run terminal enrol".into());
    }
    status.offices.iter().find_map(|office| look(office).map(|wrong| format!("{}: {wrong}", office.name)))
}

fn admission(office: &OfficeStatus) -> Option<String> {
    (!office.admitted).then(|| "this terminal is not admitted there: ask for a new one-time code and run terminal enrol".into())
}

fn data_age(office: &OfficeStatus) -> Option<String> {
    match office.data_age {
        Some(DataAge::Green | DataAge::Amber) => None,
        Some(DataAge::Red) => Some("its last word is old: exchange soon, or scans will be refused".into()),
        None => Some("its last word is too old, scans are refused: exchange now".into()),
    }
}

fn claims(office: &OfficeStatus, now: UtcMs) -> Option<String> {
    if office.disputed {
        return Some("it holds another state of this terminal's journal: delete nothing and call it".into());
    }
    let oldest = office.pending.oldest.filter(|at| now.since(*at) > PENDING_DAYS * DAY_MS)?;
    Some(format!("{} entries are not confirmed, the oldest of {}: exchange", office.pending.entries, oldest.rfc3339()))
}
