//! `doctor`: what is wrong with this box and what to do. It looks, and repairs nothing.

use super::{Context, Report};
use crate::shell::checkup::{Finding, look_at};
use crate::shell::{door, secret_file, terminal_dir};
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

/// How much must fit onto the disk still: a day of a large canteen and an exchange, in bytes.
const ROOM: usize = 32 * 1024 * 1024;

/// Looks at everything that a terminal's folder depends on.
pub fn run(context: &Context) -> anyhow::Result<Report> {
    let dir = context.data()?;
    let now = door::now();
    let mut findings = vec![Finding { check: "disk", wrong: disk(dir) }, Finding { check: "keys", wrong: keys(dir) }];
    match terminal_dir::open(dir, now) {
        Err(error) => findings.push(Finding { check: "database", wrong: Some(error.to_string()) }),
        Ok(mut terminal) => findings.extend(look_at(&mut terminal, now)),
    }
    let text: Vec<String> = findings.iter().map(|f| f.wrong.as_ref().map_or(format!("{}: ok", f.check), |w| format!("{}: {w}", f.check))).collect();
    let json: Vec<_> = findings.iter().map(|f| json!({"check": f.check, "ok": f.wrong.is_none(), "sentence": f.wrong})).collect();
    let failed = findings.iter().any(|f| f.wrong.is_some());
    Ok(Report { json: json!({"well": !failed, "checks": json}), text: text.join("\n"), failed })
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
