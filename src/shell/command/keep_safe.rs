//! What terminal and office share about backups on the command line.

use super::{Report, Usage};
use crate::shell::backup::automatic::{Plan, Standing};
use crate::shell::backup::{self, Kind};
use crate::shell::envelope::Identity;
use crate::shell::locked_file::{Lock, Opener};
use crate::shell::{door, secret_file};
use serde_json::json;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The environment variable with the passphrase of a backup.
const PASSPHRASE: &str = "TEILHABE_PASSPHRASE";

/// A backup by hand.
#[derive(Debug, clap::Args)]
pub struct Backup {
    /// The file.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// The passphrase is the first line of this file; without one, and without a recipient, one is made and shown once.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Only the owner of this address (age1…, see `recovery-key`) can open it.
    #[arg(long, value_name = "AGE1", conflicts_with = "passphrase_file")]
    pub recipient: Option<String>,
}

/// Backups by themselves while a server runs.
#[derive(Debug, clap::Args)]
pub struct Automatic {
    /// Make backups into this folder, which must be there: on a stick, make a folder on it first.
    #[arg(long, value_name = "DIR")]
    pub backup_to: Option<PathBuf>,
    /// Hours between two backups.
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=8760), requires = "backup_to")]
    pub backup_every: u64,
    /// How many are kept; older ones of this box are removed.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=1000), requires = "backup_to")]
    pub backup_keep: u64,
    /// Only the owner of this address (age1…, see `recovery-key`) can open them.
    #[arg(long, value_name = "AGE1", requires = "backup_to", conflicts_with = "backup_passphrase_file")]
    pub backup_recipient: Option<String>,
    /// The passphrase is the first line of this file.
    #[arg(long, value_name = "FILE", requires = "backup_to")]
    pub backup_passphrase_file: Option<PathBuf>,
}

/// A restore.
#[derive(Debug, clap::Args)]
pub struct Restore {
    /// The backup.
    #[arg(long = "in", value_name = "FILE")]
    pub input: PathBuf,
    /// The passphrase is the first line of this file, or the file is the recovery key.
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// A new recovery key.
#[derive(Debug, clap::Args)]
pub struct RecoveryKey {
    /// The file for the key; keep it away from box and backups.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Makes a recovery key.
pub fn recovery_key(command: &RecoveryKey) -> anyhow::Result<Report> {
    if command.out.exists() {
        anyhow::bail!("{} is there already: choose another name, a recovery key is never overwritten", command.out.display());
    }
    let identity = Identity::generate();
    secret_file::write(&command.out, &identity.to_text())?;
    let recipient = identity.recipient();
    let text = format!(
        "The recovery key is in {}: take it away from this computer.\nBackups are locked for its owner with --recipient {recipient}",
        command.out.display()
    );
    Ok(Report::new(text, json!({"file": command.out, "recipient": recipient})))
}

/// Writes a backup of what `dir` holds.
pub fn write_backup(dir: &Path, command: &Backup, kind: Kind) -> anyhow::Result<Report> {
    must_hold(dir, kind)?;
    let mut made = None;
    let lock = match (&command.recipient, secret(command.passphrase_file.as_deref())?) {
        (Some(recipient), _) => Lock::to(recipient)?,
        (None, Some(passphrase)) => Lock::Passphrase(passphrase),
        (None, None) => Lock::Passphrase(made.insert(backup::recovery_key(&mut door::os_chance())).clone()),
    };
    let size = backup::write(dir, &command.out, &lock)?;
    Standing::made(dir, &command.out, door::now());
    let what = match kind {
        Kind::Terminal => "The keys are not in it: a restored terminal makes new ones.",
        Kind::Office => "The office's keys are in it: whoever can open it can speak for the office.",
    };
    let mut text = format!("Backup written: {} ({size} bytes). {what}", command.out.display());
    let mut json = json!({"file": command.out, "bytes": size});
    if let Some(key) = made {
        text.push_str(&format!("\nRecovery key, shown only now; keep it away from the file: {}", *key));
        json["recovery_key"] = key.as_str().into();
    }
    Ok(Report::new(text, json))
}

/// Has backups of an office made by themselves from now on, if that is wanted.
pub fn watch(dir: &Path, how: &Automatic, name: &str) -> anyhow::Result<()> {
    match plan(dir, how, name)? {
        Some(plan) => Ok(plan.watch()?),
        None => {
            Plan::none(dir);
            Ok(())
        }
    }
}

/// What the options say of backups.
pub fn plan(dir: &Path, how: &Automatic, name: &str) -> anyhow::Result<Option<Plan>> {
    let Some(to) = how.backup_to.clone() else { return Ok(None) };
    let lock = match (&how.backup_recipient, secret(how.backup_passphrase_file.as_deref())?) {
        (Some(recipient), _) => Lock::to(recipient)?,
        (None, Some(passphrase)) => Lock::Passphrase(passphrase),
        (None, None) => {
            return Err(
                Usage("who may open the backups? add --backup-recipient age1… (see recovery-key) or --backup-passphrase-file FILE".into()).into()
            );
        }
    };
    let keep = usize::try_from(how.backup_keep).unwrap_or(usize::MAX);
    Ok(Some(Plan { dir: dir.to_owned(), to, every_hours: how.backup_every, keep, lock, name: name.to_owned() }))
}

/// What opens the backup that is to be restored.
pub fn opener(command: &Restore) -> anyhow::Result<Opener> {
    let secret = secret(command.passphrase_file.as_deref())?;
    let secret = secret
        .ok_or_else(|| Usage(format!("which recovery key or passphrase? put it into a file and add --passphrase-file FILE, or set {PASSPHRASE}")))?;
    Ok(Opener::of(&secret))
}

/// The first line of a file that is no comment, or what the environment says.
fn secret(file: Option<&Path>) -> anyhow::Result<Option<Zeroizing<String>>> {
    let text = match file {
        Some(file) => Some(Zeroizing::new(std::fs::read_to_string(file).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?)),
        None => std::env::var(PASSPHRASE).ok().map(Zeroizing::new),
    };
    let line = text.map(|text| first_line(&text));
    match line {
        Some(line) if line.is_empty() => Err(Usage("the passphrase is empty".into()).into()),
        line => Ok(line),
    }
}

/// The first line that is no comment. A recovery key that was copied from paper may stand in several.
fn first_line(text: &str) -> Zeroizing<String> {
    let mut lines = text.lines().filter(|line| !line.starts_with("# "));
    let first = lines.next().unwrap_or_default().trim();
    if !first.to_ascii_uppercase().starts_with("AGE-SECRET-KEY") {
        return Zeroizing::new(first.to_owned());
    }
    Zeroizing::new(lines.fold(first.to_owned(), |whole, line| whole + line.trim()))
}

fn must_hold(dir: &Path, kind: Kind) -> anyhow::Result<()> {
    if Kind::of(dir) == Some(kind) {
        return Ok(());
    }
    match kind {
        Kind::Terminal => anyhow::bail!("{} holds no terminal", dir.display()),
        Kind::Office => anyhow::bail!("{} holds no office", dir.display()),
    }
}
