//! Protecting the keys of an office or a terminal with a passphrase.

use super::{Context, Report, Usage};
use crate::shell::secret_file::{self, CREDENTIAL, PASSPHRASE_FILE};
use clap::Subcommand;
use serde_json::json;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Where keys lie in the folder of an office or a terminal.
const KEY_FILES: [&str; 15] = [
    "keys/root.key",
    "keys/root.next.key",
    "keys/root.former.key",
    "keys/tokens.key",
    "keys/tokens.next.key",
    "keys/documents.key",
    "keys/documents.next.key",
    "keys/status.key",
    "keys/status.next.key",
    "keys/envelope.age",
    "keys/envelope.next.age",
    "keys/envelope.former.age",
    "keys/desk.key",
    "signing.key",
    "envelope.key",
];

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Encrypt the keys with a passphrase; it is needed at every start from then on.
    Protect(Passphrase),
    /// Take the passphrase off the keys.
    Unprotect(Passphrase),
    /// Say which keys are protected.
    Status,
}

/// Where the passphrase is.
#[derive(Debug, clap::Args)]
pub struct Passphrase {
    /// The passphrase is the first line of this file; without it, the one that systemd or TEILHABE_KEYS_FILE hands over.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl Passphrase {
    fn read(&self) -> anyhow::Result<Zeroizing<String>> {
        if let Some(path) = &self.passphrase_file {
            return Ok(secret_file::passphrase_of(path)?);
        }
        let missing =
            || Usage(format!("which passphrase? name its file with --passphrase-file or {PASSPHRASE_FILE}, or use the credential {CREDENTIAL}"));
        Ok(secret_file::handed_over()?.ok_or_else(missing)?)
    }
}

/// Carries out one of them.
pub fn run(command: &Command, context: &Context) -> anyhow::Result<Report> {
    let files = files_in(context.data()?);
    if files.is_empty() {
        return Err(Usage(format!("{} holds no keys: name the folder of an office or a terminal with --data", context.data()?.display())).into());
    }
    let (done, words) = match command {
        Command::Protect(from) => {
            let passphrase = from.read()?;
            (count(&files, |path| secret_file::protect(path, &passphrase))?, "protected now; keep the passphrase where this disk is not")
        }
        Command::Unprotect(from) => {
            let passphrase = from.read()?;
            (count(&files, |path| secret_file::unprotect(path, &passphrase))?, "no longer protected")
        }
        Command::Status => (count(&files, secret_file::is_protected)?, "protected"),
    };
    Ok(Report::new(format!("{done} of {} keys are {words}.", files.len()), json!({"keys": files.len(), "counted": done})))
}

/// For how many files `does` says yes; what was done before one fails stays done and can be repeated.
fn count(files: &[PathBuf], does: impl Fn(&Path) -> Result<bool, secret_file::SecretFileError>) -> anyhow::Result<usize> {
    let mut done = 0;
    for path in files {
        done += usize::from(does(path)?);
    }
    Ok(done)
}

fn files_in(dir: &Path) -> Vec<PathBuf> {
    KEY_FILES.iter().map(|name| dir.join(name)).filter(|path| path.exists()).collect()
}
