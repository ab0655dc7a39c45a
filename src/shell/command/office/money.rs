//! Commands about claims and money: reconcile, rule, settle, import.

use super::{day, delivery, make_out, read_file, write_file};
use crate::office::{Office, OfficeError, SettlementFile};
use crate::reconcile::finding::Tally;
use crate::reconcile::ruling::Choice;
use crate::settle::run::next_banking_day;
use crate::shell::command::{Report, Usage};
use crate::shell::door::now;
use crate::shell::sheet::{self, RowError, bank, calendar, self_paid};
use crate::shell::store::office::{payments, views};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{EntryId, Hash, TerminalId};
use crate::words::reason::Reason;
use serde_json::json;
use std::path::PathBuf;

/// How many findings are listed at once.
const FINDINGS_SHOWN: u64 = 1000;

/// Decide a line that waits.
#[derive(Debug, clap::Args)]
pub struct Rule {
    /// The terminal's id.
    #[arg(long)]
    terminal: String,
    /// The entry's number.
    #[arg(long)]
    seq: u64,
    /// Pay it, as far as slot and ceilings allow.
    #[arg(long, group = "choice")]
    accept: bool,
    /// Pay at most this many cents.
    #[arg(long, group = "choice", value_name = "CENTS")]
    cut: Option<u64>,
    /// Pay nothing.
    #[arg(long, group = "choice")]
    reject: bool,
    /// Ask the provider back: the line waits until it is decided.
    #[arg(long, group = "choice")]
    ask: bool,
    /// Why, as the provider will read it: a code of the list of reasons.
    #[arg(long, default_value = "clerk_decision")]
    reason: String,
    /// A note that stays in the office.
    #[arg(long, default_value = "")]
    note: String,
    /// Who decides.
    #[arg(long, value_name = "CLERK")]
    by: String,
}

/// Pay what is decided.
#[derive(Debug, clap::Args)]
pub struct Settle {
    /// Where the payment file, the posting file and the statements go.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Who draws up the run.
    #[arg(long, value_name = "CLERK", required_unless_present = "files_of")]
    by: Option<String>,
    /// Who releases it: somebody else.
    #[arg(long, value_name = "OTHER", required_unless_present = "files_of")]
    second: Option<String>,
    /// Pay nothing: only write the files of this released run once more, unchanged.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["by", "second", "execution_date"])]
    files_of: Option<u32>,
    /// When the bank is to pay; the next banking day where it is left out.
    #[arg(long, value_name = "DATE")]
    execution_date: Option<String>,
}

/// Take over a file.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Import {
    /// The bank's statement (camt.053 or camt.054), or its report on a payment file (pain.002).
    #[arg(long, value_name = "FILE")]
    camt: Option<PathBuf>,
    /// What the office paid on allowances itself: reference;benefit;from;to;amount
    #[arg(long, value_name = "CSV")]
    self_paid: Option<PathBuf>,
    /// Days on which providers serve or do not: provider;from;to;open
    #[arg(long, value_name = "CSV")]
    calendar: Option<PathBuf>,
    #[command(flatten)]
    delivery: delivery::Delivery,
}

/// The treasury's wishes.
#[derive(Debug, clap::Args)]
pub struct Posting {
    /// The dated table of cost accounts.
    #[arg(long, value_name = "TOML")]
    accounts: Option<PathBuf>,
    /// The columns of the posting file.
    #[arg(long, value_name = "TOML")]
    profile: Option<PathBuf>,
}

/// Decides by rule what can be decided by rule.
pub fn reconcile(office: &mut Office) -> anyhow::Result<Report> {
    Ok(tally(office.reconcile(now())?))
}

fn tally(tally: Tally) -> Report {
    let text = format!(
        "Lines not yet settled: {} accepted, {} reduced, {} rejected, {} waiting for a clerk.",
        tally.accepted, tally.reduced, tally.rejected, tally.pending
    );
    Report::new(text, json!(tally))
}

/// Lists the lines that wait for a clerk.
pub fn findings(office: &Office) -> anyhow::Result<Report> {
    let findings = views::findings(office.db(), FINDINGS_SHOWN)?;
    let line = |f: &views::LineView| {
        let against = f.against.map(|id| format!(", against {} {}", id.terminal, id.seq)).unwrap_or_default();
        format!("{} {} · {} {} · {} · {}{against}", f.id.terminal, f.id.seq, f.day, f.service, f.claimed, f.reason.as_deref().unwrap_or_default())
    };
    let text = if findings.is_empty() { "Nothing waits for a clerk.".to_owned() } else { findings.iter().map(line).collect::<Vec<_>>().join("\n") };
    Ok(Report::new(text, json!({"findings": findings})))
}

/// Decides one line.
pub fn rule(office: &mut Office, command: &Rule) -> anyhow::Result<Report> {
    let terminal =
        TerminalId::from_hex(&command.terminal).ok_or_else(|| Usage(format!("--terminal {}: give the 32 hexadecimal digits", command.terminal)))?;
    let reason =
        Reason::from_code(&command.reason).ok_or_else(|| Usage(format!("--reason {}: no such reason; clerk_decision is one", command.reason)))?;
    let choice = match (command.accept, command.cut, command.reject, command.ask) {
        (true, None, false, false) => Choice::Accept,
        (false, Some(cents), false, false) => {
            Choice::Cut(Cents::from_field(cents).ok_or_else(|| Usage(format!("--cut {cents}: more than a million euros")))?)
        }
        (false, None, true, false) => Choice::Reject,
        (false, None, false, true) => Choice::Ask,
        _ => return Err(Usage("say what is decided: --accept, --cut CENTS, --reject or --ask".into()).into()),
    };
    Ok(tally(office.rule(EntryId { terminal, seq: command.seq }, choice, reason, &command.note, &command.by, now())?))
}

/// Pays what is decided.
pub fn settle(office: &mut Office, command: &Settle) -> anyhow::Result<Report> {
    let today = CivilDay::of(now());
    let execution =
        command.execution_date.as_deref().map(|text| day(text, "--execution-date")).transpose()?.unwrap_or_else(|| next_banking_day(today));
    make_out(&command.out)?;
    if let Some(run) = command.files_of {
        let files = office.files_of(run)?;
        write_files(&command.out, &files)?;
        let text =
            format!("The files of run {run} are in {} once more. The bank pays what it is given: hand over no file twice.", command.out.display());
        return Ok(Report::new(text, json!({"run": run, "files": files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>()})));
    }
    let settlement = office.settle(signer(&command.by, "--by")?, signer(&command.second, "--second")?, execution, now())?;
    write_files(&command.out, &settlement.files)?;
    let total: Cents = settlement.payments.iter().map(|p| p.cents).sum();
    let text = match settlement.run {
        None => nothing_to_settle(office)?,
        Some(run) => format!(
            "Run {run}: {total} in all (transfers: {}), to be executed on {execution}; the files are in {}.",
            settlement.payments.len(),
            command.out.display()
        ),
    };
    let files: Vec<&str> = settlement.files.iter().map(|f| f.name.as_str()).collect();
    Ok(Report::new(text, json!({"run": settlement.run, "execution_date": execution, "payments": settlement.payments, "files": files})))
}

fn signer<'c>(name: &'c Option<String>, option: &str) -> Result<&'c str, Usage> {
    name.as_deref().ok_or_else(|| Usage(format!("{option} is missing: name the clerk")))
}

fn write_files(out: &std::path::Path, files: &[SettlementFile]) -> anyhow::Result<()> {
    files.iter().try_for_each(|file| write_file(out, &file.name, &file.bytes))
}

/// Nothing is open; and how somebody whose command ended before its files were written comes by them.
fn nothing_to_settle(office: &Office) -> anyhow::Result<String> {
    let last = payments::runs(office.db())?.iter().filter(|run| run.released).map(|run| run.number).max();
    let again = last.map(|run| format!(" Where the files of run {run}, the last, were not written: settle --files-of {run} --out DIR."));
    Ok(format!("There is nothing to settle: every decided line is settled already.{}", again.unwrap_or_default()))
}

/// Takes over a file; nothing of it where a row is wrong.
pub fn import(office: &mut Office, command: &Import) -> anyhow::Result<Report> {
    if let Some(path) = &command.delivery.entitlements {
        return delivery::import(office, path, &command.delivery);
    }
    if let Some(path) = &command.camt {
        let bytes = read_file(path)?;
        let outcome = office.import_bank(&bank::read(&bytes)?, Hash::of(&[&bytes]), "cli", now())?;
        let text = format!(
            "{} payments booked, {} came back, {} known before, {} entries that are no payments of ours, {} to be looked at.",
            outcome.booked.len(),
            outcome.returned.len(),
            outcome.known,
            outcome.others,
            outcome.unclear.len()
        );
        return Ok(Report::new(text, json!(outcome)));
    }
    let outcome = match (&command.self_paid, &command.calendar) {
        (Some(path), _) => office.import_self_paid(&whole(self_paid::read(&read_file(path)?)?)?)?,
        (None, Some(path)) => office.import_calendar(&whole(calendar::read(&read_file(path)?)?)?, "cli", now())?,
        (None, None) => return Err(Usage("which file? --camt, --self-paid, --calendar or --entitlements".into()).into()),
    };
    Ok(Report::new(format!("{} rows taken, {} known before.", outcome.taken, outcome.known), json!(outcome)))
}

/// The rows of a table that has no wrong one.
fn whole<T>(table: sheet::Table<T>) -> anyhow::Result<Vec<T>> {
    if table.errors.is_empty() {
        return Ok(table.rows);
    }
    let errors: Vec<String> = table.errors.iter().take(20).map(RowError::to_string).collect();
    Err(OfficeError::Wrong(format!("{} rows are wrong, nothing was taken: {}", table.errors.len(), errors.join("; "))).into())
}

/// Takes over the treasury's table of accounts and columns.
pub fn posting(office: &mut Office, command: &Posting) -> anyhow::Result<Report> {
    let text = |path: &Option<PathBuf>| -> anyhow::Result<Option<String>> {
        let Some(path) = path else { return Ok(None) };
        let text = String::from_utf8(read_file(path)?);
        Ok(Some(text.map_err(|_| OfficeError::Wrong(format!("{} is not UTF-8", path.display())))?))
    };
    office.set_posting(text(&command.accounts)?.as_deref(), text(&command.profile)?.as_deref())?;
    Ok(Report::new("Taken over.", json!({"accounts": command.accounts.is_some(), "profile": command.profile.is_some()})))
}
