//! The commands. Each returns a [`Report`]; only here it is printed, and only here the process ends.
//!
//! Exit codes: 0 success, 1 failure with one plain sentence, 2 bad usage.

pub mod doctor;
pub mod fit_connect;
#[cfg(feature = "terminal")]
pub mod hand_back;
pub mod inspect;
#[cfg(feature = "terminal")]
pub mod journal;
pub mod keep_safe;
pub mod keys;
pub mod migrate;
#[cfg(feature = "office")]
pub mod office;
pub mod simulate;
#[cfg(feature = "terminal")]
pub mod terminal;

use clap::{Parser, Subcommand};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Offline counter and municipal office for the German benefits for education and participation.
#[derive(Debug, Parser)]
#[command(name = "teilhabe", version, propagate_version = true, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    context: Context,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Context {
    /// The folder with the database and the keys.
    #[arg(long, global = true, value_name = "DIR", env = "TEILHABE_DATA")]
    pub data: Option<PathBuf>,
    /// Answer in JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// The authority (certificate in PEM) that alone vouches for the office when a terminal speaks with it.
    #[cfg(feature = "terminal")]
    #[arg(long, global = true, value_name = "FILE", env = "TEILHABE_OFFICE_CA")]
    pub office_ca: Option<PathBuf>,
    /// The HTTP proxy through which others are reached, such as http://proxy.example:3128; HTTPS_PROXY and NO_PROXY count as well.
    #[cfg(any(feature = "terminal", feature = "office"))]
    #[arg(long, global = true, value_name = "URL", env = "TEILHABE_PROXY", hide_env_values = true)]
    pub proxy: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything at once, filled with a sample town: terminal and office in the browser.
    #[cfg(all(feature = "terminal", feature = "office"))]
    Demo {
        /// Where the terminal listens.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
        terminal: std::net::SocketAddr,
        /// Where the office listens.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
        office: std::net::SocketAddr,
        /// Where tablets of the house may work too, once paired, for example 0.0.0.0:8443.
        #[arg(long, value_name = "ADDR")]
        lan: Option<std::net::SocketAddr>,
    },
    /// Show any signed document as JSON and say whether it counts.
    Inspect(inspect::Inspect),
    /// The office: issue, take in, reconcile, settle.
    #[cfg(feature = "office")]
    #[command(subcommand)]
    Office(office::Command),
    /// The terminal: enrol, serve the counter, exchange, back up.
    #[cfg(feature = "terminal")]
    #[command(subcommand)]
    Terminal(terminal::Command),
    /// The terminal's journal: prove that it is whole, export the books.
    #[cfg(feature = "terminal")]
    #[command(subcommand)]
    Journal(journal::Command),
    /// The keys of an office or a terminal: protect them with a passphrase.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Bring the database to this program's version, with a copy of what was there; a server does the same when it starts.
    Migrate,
    /// What is wrong with this terminal or office, and what to do; exit code 1 where something is bad.
    Doctor,
    /// Make a key that opens backups; they are then locked with its address alone.
    RecoveryKey(keep_safe::RecoveryKey),
    /// A town of terminals and an office with everything going wrong that can, from one seed (feature `sim`).
    Simulate(simulate::Simulate),
}

/// What a command has to say.
#[derive(Debug, Default)]
pub struct Report {
    /// For machines, with `--json`.
    pub json: Value,
    /// For people, without.
    pub text: String,
    /// Whether what was asked for is not so: the answer is printed all the same, and the exit code is 1.
    pub failed: bool,
}

impl Report {
    /// A success that says `text` to people and `json` to machines.
    pub fn new(text: impl Into<String>, json: Value) -> Self {
        Self { json, text: text.into(), failed: false }
    }
}

/// A command line that cannot be carried out as it stands: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

impl Context {
    /// The data folder, which must be named.
    pub fn data(&self) -> Result<&Path, Usage> {
        self.data.as_deref().ok_or_else(|| Usage("which data folder? add --data DIR".into()))
    }
}

/// Begins the log on standard error: of what `TEILHABE_LOG` names (`info`, `warn,teilhabe=debug`), otherwise warnings and worse.
fn begin_log() {
    let wanted = std::env::var("TEILHABE_LOG").ok().and_then(|wanted| wanted.parse().ok());
    let wanted = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let (lines, log) = (tracing_subscriber::fmt::layer().with_writer(std::io::stderr), tracing_subscriber::registry());
    // One JSON object a line, for programs that collect logs.
    if std::env::var("TEILHABE_LOG_FORMAT").is_ok_and(|format| format == "json") {
        log.with(lines.json().flatten_event(true)).with(wanted).init();
    } else {
        log.with(lines).with(wanted).init();
    }
}

/// Runs the command named by the process's arguments.
pub fn main() -> ExitCode {
    begin_log();
    match Cli::try_parse() {
        Ok(cli) => {
            let json = cli.context.json;
            finish(run(cli), json)
        }
        Err(error) if error.use_stderr() => {
            let _ = error.print();
            if std::env::args().any(|argument| argument == "--json") {
                let text = error.to_string();
                say(std::io::stdout(), &json!({"error": text.lines().next().unwrap_or_default()}).to_string());
            }
            ExitCode::from(2)
        }
        Err(help) => {
            let _ = help.print();
            ExitCode::SUCCESS
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<Report> {
    let Cli { context, command } = cli;
    #[cfg(feature = "terminal")]
    if let Some(authority) = &context.office_ca {
        crate::shell::web::terminal::client::trust_only(authority).map_err(Usage)?;
    }
    #[cfg(any(feature = "terminal", feature = "office"))]
    if let Some(proxy) = &context.proxy {
        crate::shell::web::proxy::name(proxy).map_err(Usage)?;
    }
    match command {
        #[cfg(all(feature = "terminal", feature = "office"))]
        Command::Demo { terminal, office, lan } => {
            super::demo::run(&context.data.clone().unwrap_or_else(super::demo::default_dir), terminal, office, lan)?;
            Ok(Report::default())
        }
        Command::Inspect(command) => inspect::run(&command),
        Command::Keys(command) => keys::run(&command, &context),
        Command::Simulate(command) => simulate::run(&command),
        #[cfg(feature = "office")]
        Command::Office(command) => office::run(command, &context),
        #[cfg(feature = "terminal")]
        Command::Terminal(command) => terminal::run(command, &context),
        #[cfg(feature = "terminal")]
        Command::Journal(command) => journal::run(&command, &context),
        Command::Migrate => migrate::run(&context),
        Command::Doctor => doctor::run(&context),
        Command::RecoveryKey(command) => keep_safe::recovery_key(&command),
    }
}

fn finish(outcome: anyhow::Result<Report>, json: bool) -> ExitCode {
    match outcome {
        Ok(report) if json => {
            say(std::io::stdout(), &report.json.to_string());
            ExitCode::from(u8::from(report.failed))
        }
        Ok(report) => {
            if !report.text.is_empty() {
                say(std::io::stdout(), &report.text);
            }
            ExitCode::from(u8::from(report.failed))
        }
        Err(error) => {
            say(std::io::stderr(), &format!("teilhabe: {error}"));
            if json {
                say(std::io::stdout(), &json!({"error": error.to_string()}).to_string());
            }
            tracing::debug!(?error, "the command failed");
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}

/// Prints a line; a reader who has gone away is no fault of ours.
fn say(mut to: impl Write, line: &str) {
    let _ = writeln!(to, "{line}");
}
