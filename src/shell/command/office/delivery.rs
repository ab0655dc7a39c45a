//! The command that takes in entitlements of another program, with its reconciliation report.

use super::read_file;
use crate::office::{IntakeJob, IntakeKind, IntakeReport, IntakeStep, Office, check_intake, read_intake};
use crate::shell::command::Report;
use crate::shell::door::now;
use serde_json::json;
use std::path::PathBuf;

/// Entitlements of another program.
#[derive(Debug, clap::Args)]
pub struct Delivery {
    /// Entitlements handed over by another program, as CSV, JSON or XML: docs/ENTITLEMENTS.md
    #[arg(long, value_name = "FILE")]
    pub entitlements: Option<PathBuf>,
    /// Only say what would become of the entitlements; nothing is taken.
    #[arg(long, requires = "entitlements")]
    dry_run: bool,
    /// Take the entitlements that are right even if others are wrong.
    #[arg(long, requires = "entitlements")]
    partial: bool,
    /// End what a complete delivery of entitlements lacks.
    #[arg(long, requires = "entitlements")]
    end_missing: bool,
}

/// Takes entitlements in; refuses the whole file where a record is wrong, unless `--partial` is given.
pub fn import(office: &mut Office, path: &PathBuf, command: &Delivery) -> anyhow::Result<Report> {
    let kind = IntakeKind::Entitlements;
    let checked = check_intake(office.db(), read_intake(kind, &read_file(path)?)?, now())?;
    let report = checked.report.clone();
    let errors: Vec<String> = checked.errors.iter().map(|error| format!("  {}", error.german())).collect();
    let mut json = json!({"report": report, "taken": 0, "cards": 0});
    if report.refused > 0 && !command.partial && !command.dry_run {
        let text = format!("{}\n{} are wrong, nothing was taken:\n{}", told(&report), report.refused, errors.join("\n"));
        json["error"] = json!(format!("{} records are wrong: nothing was taken", report.refused));
        return Ok(Report { json, text, failed: true });
    }
    let mut text = told(&report);
    if !errors.is_empty() {
        text = format!("{text}\n{} are wrong:\n{}", report.refused, errors.join("\n"));
    }
    if command.dry_run {
        return Ok(Report::new(format!("{text}\nNothing was taken."), json));
    }
    let mut job = IntakeJob::of(kind, checked, command.end_missing, None, "cli");
    let (taken, cards) = loop {
        if let IntakeStep::Done(taken, cards) = job.step(office, now())? {
            break (taken, cards);
        }
    };
    (json["taken"], json["cards"]) = (json!(taken), json!(cards));
    if report.missing > 0 && !command.end_missing {
        text += &format!("\n{} that the complete delivery lacks go on: --end-missing ends them.", report.missing);
    }
    Ok(Report::new(format!("{text}\n{taken} taken over, {cards} cards issued; they wait to be printed."), json))
}

fn told(report: &IntakeReport) -> String {
    format!(
        "{} new, {} changed, {} ended, {} missing, {} unchanged, {} refused.",
        report.new, report.changed, report.ended, report.missing, report.unchanged, report.refused
    )
}
