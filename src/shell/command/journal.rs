//! The journal's commands: the proof that it is whole, and the books for an auditor.

use super::{Context, Report};
use crate::shell::{door, secret_file, terminal_dir};
use crate::terminal::books::{BATCHES, BooksError, INDEX, JOURNAL};
use serde_json::json;
use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What can be done with a journal.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Prove that no entry is missing or changed, and that every index follows from the entries.
    Verify,
    /// Write the books for an auditor: tables with their description.
    Export {
        /// The folder.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

/// Carries out one command of the journal.
pub fn run(command: &Command, context: &Context) -> anyhow::Result<Report> {
    let mut terminal = terminal_dir::open(context.data()?, door::now())?;
    match command {
        Command::Verify => {
            let whole = terminal.verify()?;
            let text = format!(
                "The journal is whole: {} entries, {} redemptions, {} batches as their receipts say. Its head is {}.",
                whole.head.seq, whole.redemptions, whole.receipts, whole.head.link
            );
            Ok(Report::new(text, json!({"whole": true, "proof": whole})))
        }
        Command::Export { out } => {
            secret_file::make_dir(out)?;
            let mut entries = 0;
            write(out, JOURNAL, |file| {
                entries = terminal.write_journal(file)?;
                Ok(())
            })?;
            write(out, BATCHES, |file| terminal.write_batches(file))?;
            write(out, INDEX, |file| terminal.write_index(file))?;
            let text = format!("{entries} entries written to {}: {JOURNAL}, {BATCHES}, {INDEX}.", out.display());
            Ok(Report::new(text, json!({"entries": entries, "files": [JOURNAL, BATCHES, INDEX]})))
        }
    }
}

fn write(dir: &Path, name: &str, fill: impl FnOnce(&mut dyn Write) -> Result<(), BooksError>) -> anyhow::Result<()> {
    let path = dir.join(name);
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
    let mut file = BufWriter::new(file.map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?);
    fill(&mut file)?;
    file.flush()?;
    file.get_ref().sync_all()?;
    Ok(())
}
