//! The journal's commands: the proof that it is whole, and the books for an auditor.

use super::{Context, Report};
use crate::shell::handover::Handover;
use crate::shell::{door, terminal_dir};
use crate::terminal::Terminal;
use serde_json::json;
use std::path::{Path, PathBuf};

/// What can be done with a journal.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Prove that no entry is missing or changed, and that every index follows from the entries.
    Verify,
    /// Write the books for an auditor: tables with their description.
    Export {
        /// The folder, new or empty.
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
        Command::Export { out } => export(&mut terminal, out),
    }
}

/// Writes the books into the new folder `out`.
pub fn export(terminal: &mut Terminal, out: &Path) -> anyhow::Result<Report> {
    let handover = Handover::into_folder(out).map_err(|why| anyhow::anyhow!("the books cannot be written: {why}"))?;
    let (entries, files) = terminal.export(handover, door::now())?;
    let text = format!("{entries} entries written to {} in {files} files, with checksums and a seal signed by this terminal.", out.display());
    Ok(Report::new(text, json!({"entries": entries, "files": files})))
}
