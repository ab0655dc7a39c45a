//! The office's commands.

mod approvals;
mod cards;
mod chip_card;
mod clerks;
mod delivery;
mod keep;
mod keys;
mod money;

use super::{Context, Report, Usage, keep_safe};
use crate::office::{NewProvider, Office, OfficeError, ServiceTerms};
use crate::shell::backup::{self, Kind};
use crate::shell::door::{now, os_chance};
use crate::shell::office_dir::Place;
use crate::shell::store::office::carry::Arrived;
use crate::shell::web::office::Listening;
use crate::shell::whole_file;
use crate::words::civil::CivilDay;
use crate::words::ids::{OfficeId, ProviderNumber};
use clap::Subcommand;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What an office can be told to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Set up a new office in an empty folder.
    Init {
        /// Official key of the municipality or Kreis, such as 05562032.
        #[arg(long)]
        id: String,
        /// Its name for people.
        #[arg(long)]
        name: String,
        /// The account it pays from.
        #[arg(long, value_name = "IBAN")]
        debtor_iban: String,
        /// A PostgreSQL database in place of a file: postgres://user@host/database, noted in the data folder.
        #[arg(long, value_name = "URL", env = "TEILHABE_DATABASE_URL", hide_env_values = true)]
        database_url: Option<String>,
    },
    /// Providers and what is agreed with them.
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// One-time codes by which terminals enrol.
    #[command(subcommand)]
    Enrolment(EnrolmentCommand),
    /// Clerks who may log in to the office's pages.
    #[command(subcommand)]
    Clerk(clerks::Command),
    /// Issue tokens for the approvals in a table.
    Issue(cards::Issue),
    /// Stop a token, and re-issue it to the extent not yet used.
    Revoke(cards::Revoke),
    /// Chip cards (NTAG215, NTAG216, Type 4) at a reader of this computer.
    #[command(subcommand)]
    Card(chip_card::Command),
    /// Suspend what a token entitles to, or lift its suspension.
    Suspend(approvals::Suspend),
    /// Approve the months after a token's approval.
    Extend(approvals::Extend),
    /// Show what the law says here, or take over the office's own file.
    Legal(approvals::Law),
    /// Serve terminals and clerks.
    Serve {
        /// Where to listen.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
        listen: SocketAddr,
        /// A name under which browsers reach this office, beside the address itself; may be given several times.
        #[arg(long, value_name = "NAME")]
        host: Vec<String>,
        /// The certificate with its chain in PEM (certbot: fullchain.pem); renewed files are taken over without a restart.
        #[arg(long, value_name = "FILE", requires = "tls_key")]
        tls_cert: Option<PathBuf>,
        /// Its private key in PEM (certbot: privkey.pem).
        #[arg(long, value_name = "FILE", requires = "tls_cert")]
        tls_key: Option<PathBuf>,
        /// Listen without TLS though others than this computer can connect: only behind a proxy that adds it.
        #[arg(long)]
        plain_http: bool,
        /// Another address of the PostgreSQL database that the office was set up with; it is noted in the data folder.
        #[arg(long, value_name = "URL", env = "TEILHABE_DATABASE_URL", hide_env_values = true)]
        database_url: Option<String>,
        /// When told to end: for how many seconds /readyz says no before nothing more is accepted. For a proxy that looks there.
        #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=40))]
        goodbye: u64,
        /// Backups by themselves.
        #[command(flatten)]
        backup: keep_safe::Automatic,
    },
    /// Write data and keys into one encrypted file, while the server goes on.
    Backup(keep_safe::Backup),
    /// Make the office of its backup, in an empty folder.
    Restore(keep_safe::Restore),
    /// Move an office from its file onto a PostgreSQL server, while nothing else uses it; every row is compared there before it counts.
    Move {
        /// The database: postgres://user@host/database.
        #[arg(long, value_name = "URL", env = "TEILHABE_DATABASE_URL", hide_env_values = true)]
        database_url: String,
    },
    /// After a restore: the bank's statements were compared with the runs, so that payments may go on.
    Compared {
        /// Who compared them.
        #[arg(long, value_name = "NAME")]
        by: String,
    },
    /// Answer a terminal's envelope that came on a stick.
    Exchange {
        /// The terminal's envelope.
        #[arg(long = "in", value_name = "FILE")]
        input: PathBuf,
        /// Where the answer goes.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Take in what terminals have sent by FIT-Connect, and write the answers into files (docs/FIT-CONNECT.md).
    FitConnect(super::fit_connect::Receive),
    /// Decide by rule what can be decided by rule.
    Reconcile,
    /// List the lines that wait for a clerk.
    Findings,
    /// Decide one line that waits.
    Rule(money::Rule),
    /// Pay what is decided; two different clerks.
    Settle(money::Settle),
    /// Take over a file: a bank statement, the office's own payments, a calendar.
    Import(money::Import),
    /// Write the books of a period for an auditor: tables with their description, files, checksums and a signed seal.
    Export(keep::Export),
    /// Write everything held of one child, as a page to print and as JSON (Art. 15 GDPR).
    Disclose(keep::Disclose),
    /// Say of every key since when it is in force, what is announced, and who has not heard of it.
    Keys,
    /// Have a key followed by another, in steps that keep every terminal at work: give it again until it says that it is done.
    RotateKey(keys::Rotate),
    /// Withdraw a lost or stolen key at once.
    WithdrawKey(keys::Withdraw),
    /// The treasury's table of cost accounts and the columns of its posting file, both in TOML.
    Posting(money::Posting),
}

/// Providers.
#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Add a provider; prints its number and a one-time code for its first terminal.
    Add {
        /// Its name.
        #[arg(long)]
        name: String,
        /// Where it is paid.
        #[arg(long)]
        iban: String,
        /// CODE:BENEFIT:LABEL:CENTS[:MINUTES[:DETAIL]]; CENTS may be `free` or `CENTS/month`. May be given several times.
        #[arg(long, value_name = "SERVICE", required = true)]
        service: Vec<String>,
    },
    /// Agree another service, or a new price of one from a day on.
    Agree {
        /// The provider's number.
        #[arg(long)]
        provider: u32,
        /// As for `add`.
        #[arg(long, value_name = "SERVICE", required = true)]
        service: Vec<String>,
        /// The first day the price holds.
        #[arg(long, value_name = "DATE")]
        from: Option<String>,
    },
    /// List all providers.
    List,
}

/// One-time codes.
#[derive(Debug, Subcommand)]
pub enum EnrolmentCommand {
    /// Print a new code for another terminal of a provider.
    New {
        /// The provider's number.
        #[arg(long)]
        provider: u32,
    },
    /// Admit a terminal whose request came on a stick.
    Take {
        /// The terminal's request.
        #[arg(long = "in", value_name = "FILE")]
        input: PathBuf,
        /// Where the answer goes.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// Carries out one command of the office.
pub fn run(command: Command, context: &Context) -> anyhow::Result<Report> {
    let data = context.data()?;
    if let Command::Init { id, name, debtor_iban, database_url } = command {
        return init(data, &id, &name, &debtor_iban, database_url.as_deref());
    }
    if let Command::Serve { database_url: Some(url), .. } = &command {
        move_to(data, url)?;
    }
    match &command {
        Command::Backup(how) => return keep_safe::write_backup(data, how, Kind::Office),
        Command::Restore(how) => return restore(data, how),
        Command::Move { database_url } => return move_onto_server(data, database_url),
        _ => {}
    }
    let mut office = Office::open(data, os_chance(), now())?;
    match command {
        Command::Init { .. } | Command::Backup(_) | Command::Restore(_) | Command::Move { .. } => unreachable!("handled above"),
        Command::Provider(command) => provider(&mut office, command),
        Command::Enrolment(EnrolmentCommand::New { provider }) => new_code(&mut office, provider),
        Command::Enrolment(EnrolmentCommand::Take { input, out }) => {
            let answer = office.enrol(&read_file(&input)?, now())?.json().to_string();
            whole_file::write(&out, whole_file::SHARED, &[answer.as_ref()]).map_err(|why| OfficeError::Wrong(whole_file::cannot(&out, &why)))?;
            Ok(Report::new(format!("The terminal is admitted. Take the answer back to it: {}", out.display()), json!({"out": out})))
        }
        Command::Clerk(command) => clerks::run(&mut office, command),
        Command::Issue(command) => cards::issue(&mut office, &command),
        Command::Revoke(command) => cards::revoke(&mut office, &command),
        Command::Card(command) => chip_card::run(&mut office, &command),
        Command::Suspend(command) => approvals::suspend(&mut office, &command),
        Command::Extend(command) => approvals::extend(&mut office, &command),
        Command::Legal(command) => approvals::law(&mut office, &command),
        Command::Serve { listen, host, tls_cert, tls_key, plain_http, database_url: _, goodbye, backup } => {
            let tls = tls_cert.zip(tls_key);
            keep_safe::watch(data, &backup, &format!("office-{}", office.profile().id))?;
            crate::shell::web::office::serve(
                office,
                data,
                Listening { at: listen, hosts: host, tls, plain_http, goodbye: Duration::from_secs(goodbye) },
            )?;
            Ok(Report::default())
        }
        Command::Exchange { input, out } => {
            let answer = office.exchange(&read_file(&input)?, now())?;
            whole_file::write(&out, whole_file::SHARED, &[answer.as_ref()]).map_err(|why| OfficeError::Wrong(whole_file::cannot(&out, &why)))?;
            Ok(Report::new(format!("The answer is in {}: take it back to the terminal.", out.display()), json!({"out": out})))
        }
        Command::FitConnect(how) => super::fit_connect::receive(&mut office, &how),
        Command::Keys => keys::list(&office),
        Command::RotateKey(how) => keys::rotate(&mut office, &how),
        Command::WithdrawKey(how) => keys::withdraw(&mut office, &how),
        Command::Compared { by } => {
            office.has_compared(&by, now())?;
            Ok(Report::new("Noted: payments may go on.", json!({"compared_by": by})))
        }
        Command::Reconcile => money::reconcile(&mut office),
        Command::Findings => money::findings(&office),
        Command::Rule(command) => money::rule(&mut office, &command),
        Command::Settle(command) => money::settle(&mut office, &command),
        Command::Import(command) => money::import(&mut office, &command),
        Command::Export(command) => keep::export(&mut office, &command),
        Command::Disclose(command) => keep::disclose(&mut office, &command),
        Command::Posting(command) => money::posting(&mut office, &command),
    }
}

/// Sets an office up, in a file or on a server. Interrupted, it can be given again.
fn init(data: &std::path::Path, id: &str, name: &str, debtor_iban: &str, url: Option<&str>) -> anyhow::Result<Report> {
    let id = OfficeId::parse(id)
        .ok_or_else(|| Usage(format!("--id {id}: an office id is 5 to 8 digits and perhaps a suffix, such as 05562032 or 05562032-JC1")))?;
    let office = match url {
        None => Office::init(data, id, name, debtor_iban, os_chance(), now())?,
        Some(_) if data.join(Kind::Office.database()).exists() => {
            anyhow::bail!("{} holds an office in a file already: choose an empty folder", data.display())
        }
        Some(url) => {
            let place = Place::begin(data, url, &id)?;
            Office::init_at(&place, data, id, name, debtor_iban, os_chance(), now()).inspect_err(|_| Place::give_up(data))?
        }
    };
    let profile = office.profile();
    let text = format!("{} ({}) is set up in {}.", profile.name, profile.id, data.display());
    Ok(Report::new(text, json!({"office": profile.id, "name": profile.name})))
}

/// Notes another address of the database that an office was set up with.
fn move_to(data: &std::path::Path, url: &str) -> anyhow::Result<()> {
    match Place::of(data)? {
        Some(Place::Server(..)) => Ok(Place::move_to(data, url)?),
        _ => anyhow::bail!(
            "{} holds no office on a server: leave --database-url out, or set one up there with `teilhabe office init --database-url`",
            data.display()
        ),
    }
}

/// Moves an office onto a server.
fn move_onto_server(data: &std::path::Path, url: &str) -> anyhow::Result<Report> {
    let (arrived, kept) = Place::move_onto_server(data, url)?;
    let what = match arrived {
        Arrived { rows: 0, .. } => "All rows were on the server already".to_owned(),
        Arrived { rows, were_there: true } => format!("{rows} rows were on the server already, each the same as here"),
        Arrived { rows, .. } => format!("{rows} rows are on the server now, each compared with the file"),
    };
    let text = format!(
        "{what}. From now on every command of this folder uses the server.\n\
         The file is kept as {} and no longer used: delete it when a backup of the office on the server is made. Clerks sign in again.",
        kept.display()
    );
    Ok(Report::new(text, json!({"rows": arrived.rows, "kept": kept})))
}

fn new_code(office: &mut Office, provider: u32) -> anyhow::Result<Report> {
    let code = office.new_code(ProviderNumber(provider), now())?;
    let text = format!("One-time code for another terminal of provider {provider}, good for 14 days:\n{}", code.grouped());
    Ok(Report::new(text, json!({"provider": provider, "enrolment_code": code.grouped()})))
}

fn restore(dir: &std::path::Path, how: &keep_safe::Restore) -> anyhow::Result<Report> {
    let restored = backup::restore_office(dir, &how.input, &keep_safe::opener(how)?, os_chance(), now())?;
    let last = restored.last_batch.map_or_else(|| "none".to_owned(), |at| at.rfc3339());
    let run = restored.last_run.map_or_else(|| "none".to_owned(), |number| number.to_string());
    let text = format!(
        "{} ({}) is restored in {}. Last claim in the backup: {last}; last payment run: {run}.\n\
         Terminals send again what came later. No payment can be drawn up until the bank's statements were compared with the runs and somebody has said so \
         (teilhabe office compared): a run released after the backup is not known here. Cards printed after it must be printed anew. Never start the lost office again.",
        restored.name,
        restored.office,
        dir.display()
    );
    Ok(Report::new(text, json!(restored)))
}

fn provider(office: &mut Office, command: ProviderCommand) -> anyhow::Result<Report> {
    let today = CivilDay::of(now());
    match command {
        ProviderCommand::Add { name, iban, service } => {
            let services = service.iter().map(|text| ServiceTerms::parse(text, today)).collect::<Result<_, _>>()?;
            let (number, code) = office.add_provider(&NewProvider { name: name.clone(), iban, services }, now())?;
            let text = format!("{name} is provider {number}.\nOne-time code for its first terminal, good for 14 days:\n{}", code.grouped());
            Ok(Report::new(text, json!({"provider": number, "enrolment_code": code.grouped()})))
        }
        ProviderCommand::Agree { provider, service, from } => {
            let from = from.as_deref().map(|text| day(text, "--from")).transpose()?;
            for text in &service {
                let mut terms = ServiceTerms::parse(text, today)?;
                if let Some(from) = from {
                    terms.from = from;
                    terms.service.prices.iter_mut().for_each(|price| price.from = from);
                }
                office.agree(ProviderNumber(provider), &terms, now())?;
            }
            let text = format!("Agreed with provider {provider}; its terminals learn of it with their next exchange.");
            Ok(Report::new(text, json!({"provider": provider, "services": service.len()})))
        }
        ProviderCommand::List => {
            let providers = crate::shell::store::office::admission::providers(office.db())?;
            let lines: Vec<String> = providers.iter().map(|p| format!("{}  {}", p.number, p.name)).collect();
            let rows: Vec<_> = providers.iter().map(|p| json!({"provider": p.number, "name": p.name})).collect();
            Ok(Report::new(lines.join("\n"), json!({"providers": rows})))
        }
    }
}

/// A day given on the command line.
fn day(text: &str, option: &str) -> Result<CivilDay, Usage> {
    CivilDay::parse(text).ok_or_else(|| Usage(format!("{option} {text}: write a date as 2026-11-23")))
}

/// Reads a file whole.
fn read_file(path: &PathBuf) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).map_err(|why| OfficeError::Wrong(format!("{} cannot be read: {why}", path.display())).into())
}

/// Writes a file into a folder that exists.
fn write_file(dir: &std::path::Path, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let path = dir.join(name);
    whole_file::write(&path, whole_file::SHARED, &[bytes]).map_err(|why| OfficeError::Wrong(whole_file::cannot(&path, &why)).into())
}

/// Makes the folder for a command's files, before anything is changed.
fn make_out(dir: &PathBuf) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)
        .map_err(|why| OfficeError::Wrong(format!("the folder {} cannot be made ({why}): check the disk and its free space", dir.display())).into())
}
