//! `doctor`: what is wrong with this terminal or office and what to do. It looks, and repairs nothing.

use super::{Context, Report, Usage};
use crate::shell::backup::Kind;
use crate::shell::checkup::{Finding, Grade, folder, is_well};
use crate::shell::door;
use crate::words::time::UtcMs;
use serde_json::json;
use std::path::Path;

/// Looks at everything that a data folder depends on.
pub fn run(context: &Context) -> anyhow::Result<Report> {
    let dir = context.data()?;
    let now = door::now();
    let kind = Kind::of(dir).ok_or_else(|| Usage(format!("{} holds neither a terminal nor an office: name another --data", dir.display())))?;
    let mut findings = folder::look_at(dir, kind, now);
    findings.extend(inside(dir, kind, now));
    let text: Vec<String> = findings.iter().map(line).collect();
    let json: Vec<_> =
        findings.iter().map(|f| json!({"check": f.check, "ok": f.grade == Grade::Ok, "grade": f.grade, "sentence": f.wrong})).collect();
    let well = is_well(&findings);
    Ok(Report { json: json!({"well": well, "checks": json}), text: text.join("\n"), failed: !well })
}

fn line(finding: &Finding) -> String {
    let grade = match finding.grade {
        Grade::Ok => "ok",
        Grade::Warn => "warn",
        Grade::Bad => "BAD",
    };
    finding.wrong.as_ref().map_or_else(|| format!("{grade:4} {}", finding.check), |wrong| format!("{grade:4} {}: {wrong}", finding.check))
}

fn inside(dir: &Path, kind: Kind, now: UtcMs) -> Vec<Finding> {
    match kind {
        #[cfg(feature = "terminal")]
        Kind::Terminal => match crate::shell::terminal_dir::open(dir, now) {
            Ok(mut terminal) => crate::shell::checkup::terminal::look_at(&mut terminal, now),
            Err(error) => vec![Finding::bad("journal", error.to_string())],
        },
        #[cfg(feature = "office")]
        Kind::Office => match crate::office::Office::open(dir, door::os_chance(), now) {
            Ok(mut office) => crate::shell::checkup::office::look_at(&mut office, now),
            Err(error) => vec![Finding::bad("journal", error.to_string())],
        },
        #[cfg(not(all(feature = "terminal", feature = "office")))]
        _ => vec![Finding::bad("journal", "this program was built without that role: use another build")],
    }
}
