//! Commands that issue and stop tokens, and print what belongs to them.

use super::{day, make_out, read_file, write_file};
use crate::office::{IssuedToken, NewApproval, Office, OfficeError, Source, Standing, StopReason};
use crate::shell::command::{Report, Usage};
use crate::shell::door::now;
use crate::shell::paper::benefit::letter;
use crate::shell::paper::letters::{Letter, NotPrinted, Sender};
use crate::shell::paper::qr::Qr;
use crate::shell::paper::stack::{PAPERS_PER_FILE, letters};
use crate::shell::sheet::reference::CaseReference;
use crate::shell::sheet::{RowError, children, tokens};
use crate::words::civil::CivilDay;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Who did it, for the audit log.
const CLI: &str = "cli";
/// How many wrong rows are told of one by one.
const ERRORS_SHOWN: usize = 20;

/// Issue tokens.
#[derive(Debug, clap::Args)]
pub struct Issue {
    /// The approvals: reference;benefit;from;to;period;measure;amount;detail;hint;home_providers
    #[arg(long, value_name = "FILE")]
    csv: PathBuf,
    /// Where tokens.csv, the QR codes and letters.pdf go.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Take the rows that are right even if others are wrong.
    #[arg(long)]
    partial: bool,
    /// How families reach the office, for the letters.
    #[arg(long, default_value = "")]
    contact: String,
}

/// Stop a token.
#[derive(Debug, clap::Args)]
pub struct Revoke {
    /// The token's id or card number.
    #[arg(long, value_name = "ID")]
    token: String,
    /// Why: lost, stolen or ended.
    #[arg(long)]
    reason: String,
    /// The first service day it concerns; today where it is left out.
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Issue a new token in its place, to the extent not yet used.
    #[arg(long, requires = "out")]
    reissue: bool,
    /// Where the new token's files go.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Issues tokens for a table; nothing of it is taken where a row is wrong, unless `--partial` is given.
pub fn issue(office: &mut Office, command: &Issue) -> anyhow::Result<Report> {
    let mut table = children::read(&read_file(&command.csv)?)?;
    let lost = office.rows_with_lost_zeros(&table.rows);
    table.rows.retain(|row| !lost.iter().any(|error| error.line == row.line));
    table.errors.extend(lost);
    table.errors.sort_by_key(|error| error.line);
    if !table.errors.is_empty() && !command.partial {
        return Ok(refused(&table.errors, table.rows.len()));
    }
    if table.rows.is_empty() {
        return Err(OfficeError::Wrong(format!("{} holds no approval: nothing was issued", command.csv.display())).into());
    }
    let planned = office.plan(&NewApproval::group(&table.rows, &Source::named("cli"))?)?;
    let known = planned.iter().filter(|plan| matches!(plan.standing, Standing::Known { .. })).count();
    let issued = office.issue(&table.rows, now())?;
    let mut files = Vec::new();
    let mut text = if issued.is_empty() {
        "No token was issued.".to_owned()
    } else {
        make_out(&command.out)?;
        files = write_cards(office, &issued, &command.out, &command.contact)?;
        format!("Tokens issued: {}; tokens.csv, letters.pdf and their QR codes are in {}.", issued.len(), command.out.display())
    };
    if known > 0 {
        text = format!("{text}\nApprovals that were on record already: {known}; nothing was made of them.");
    }
    if !table.errors.is_empty() {
        text = format!("{text}\n{} rows were left out:\n{}", table.errors.len(), shown(&table.errors));
    }
    let errors: Vec<_> = table.errors.iter().map(row_error).collect();
    Ok(Report::new(text, json!({"tokens": issued.len(), "known": known, "rows": table.rows.len(), "errors": errors, "files": files})))
}

fn refused(errors: &[RowError], right: usize) -> Report {
    let text = format!("{} rows are wrong, nothing was taken ({right} rows are right; --partial takes these):\n{}", errors.len(), shown(errors));
    let rows: Vec<_> = errors.iter().map(row_error).collect();
    let json = json!({"error": format!("{} rows are wrong: nothing was taken", errors.len()), "tokens": 0, "errors": rows});
    Report { json, text, failed: true }
}

fn shown(errors: &[RowError]) -> String {
    let mut lines: Vec<String> = errors.iter().take(ERRORS_SHOWN).map(|error| format!("  {error}")).collect();
    if errors.len() > ERRORS_SHOWN {
        lines.push(format!("  and {} more; --json lists them all", errors.len() - ERRORS_SHOWN));
    }
    lines.join("\n")
}

fn row_error(error: &RowError) -> serde_json::Value {
    json!({"line": error.line, "column": error.column, "message": {"de": error.message_de, "en": error.message_en}})
}

/// Stops a token and, where wanted, prints the new one.
pub fn revoke(office: &mut Office, command: &Revoke) -> anyhow::Result<Report> {
    let why = StopReason::parse(&command.reason).ok_or_else(|| Usage(format!("--reason {}: write lost, stolen or ended", command.reason)))?;
    let from = command.from.as_deref().map(|text| day(text, "--from")).transpose()?.unwrap_or_else(|| CivilDay::of(now()));
    if let Some(out) = &command.out {
        make_out(out)?;
    }
    let (token, _) = office.find_token(&command.token)?;
    let new = office.stop(token, why, from, command.reissue, now())?;
    let mut text = format!("Token {token} is stopped for services from {from} on; terminals learn of it with their next exchange.");
    let mut json = json!({"token": token, "reason": why.name(), "from": from});
    if let (Some(new), Some(out)) = (&new, &command.out) {
        write_cards(office, std::slice::from_ref(new), out, "")?;
        text = format!("{text}\nToken {} takes its place; its card is in {}.", new.token.id, out.display());
        json["reissued"] = json!({"token_id": new.token.id, "number": new.number.digits(), "code": new.code});
    }
    Ok(Report::new(text, json))
}

/// Writes tokens.csv, a QR code a token, and the letters, a thousand to a file; answers the names of the lists and letters. What is
/// written here waits no longer to be printed.
pub(super) fn write_cards(office: &mut Office, issued: &[IssuedToken], out: &Path, contact: &str) -> anyhow::Result<Vec<String>> {
    let mut rows = Vec::with_capacity(issued.len());
    for token in issued {
        let name = format!("{}.svg", token.token.id);
        let qr = Qr::new(&token.code)?;
        write_file(out, &name, qr.svg(&token.number.to_string()).as_bytes())?;
        let reference =
            CaseReference::parse(&token.reference).map_err(|_| OfficeError::Wrong(format!("“{}” is no case reference", token.reference)))?;
        rows.push((reference, name, qr));
    }
    let list =
        issued.iter().zip(&rows).map(|(token, (reference, svg, _))| tokens::TokenRow { reference, token: token.token.id, code: &token.code, svg });
    write_file(out, "tokens.csv", tokens::write(list).as_bytes())?;
    let sender = Sender { office: &office.profile().name, contact, dated: CivilDay::of(now()) };
    let printed: Vec<Letter<'_>> = issued.iter().zip(&rows).map(|(issued, (_, _, qr))| letter(&issued.reference, &issued.token, qr)).collect();
    let mut names = vec!["tokens.csv".to_owned()];
    for (index, pdf) in print(&sender, &printed).into_iter().enumerate() {
        let name = if index == 0 { "letters.pdf".to_owned() } else { format!("letters-{}.pdf", index + 1) };
        write_file(out, &name, &pdf?)?;
        names.push(name);
    }
    let tokens: Vec<_> = issued.iter().map(|issued| issued.token.id).collect();
    office.print_of(&tokens, contact, CLI, now())?;
    Ok(names)
}

/// The letters, a thousand to a document; documents are made side by side, as many as there are cores.
fn print(sender: &Sender<'_>, printed: &[Letter<'_>]) -> Vec<Result<Vec<u8>, NotPrinted>> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let parts: Vec<&[Letter<'_>]> = printed.chunks(PAPERS_PER_FILE).collect();
    let side_by_side = |group: &[&[Letter<'_>]]| -> Vec<_> {
        std::thread::scope(|scope| {
            let at_work: Vec<_> = group.iter().map(|part| scope.spawn(|| letters(sender, part))).collect();
            at_work.into_iter().map(|thread| thread.join().unwrap_or(Err(NotPrinted::Nothing))).collect()
        })
    };
    parts.chunks(cores).flat_map(side_by_side).collect()
}
