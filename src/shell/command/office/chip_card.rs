//! The command that puts a token on a chip card.

use crate::office::Office;
use crate::shell::command::Report;
use std::time::Duration;

/// Chip cards.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Write a token to the card on the reader and read it back; a card that holds something else is left as it is.
    Write(Write),
}

/// Write a token to a card.
#[derive(Debug, clap::Args)]
pub struct Write {
    /// The token's id or card number.
    #[arg(long, value_name = "ID")]
    token: String,
    /// A part of the reader's name, where there are several.
    #[arg(long, value_name = "NAME")]
    reader: Option<String>,
    /// Write over what the card holds.
    #[arg(long)]
    overwrite: bool,
    /// For how many seconds a card is waited for.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
}

/// Carries out one command for chip cards.
pub fn run(office: &mut Office, command: &Command) -> anyhow::Result<Report> {
    let Command::Write(Write { token, reader, overwrite, seconds }) = command;
    write(office, token, reader.as_deref(), *overwrite, Duration::from_secs(*seconds))
}

#[cfg(feature = "pcsc")]
fn write(office: &mut Office, token: &str, reader: Option<&str>, overwrite: bool, patience: Duration) -> anyhow::Result<Report> {
    use crate::office::Action;
    use crate::shell::door::now;
    let (token, signed) = office.signed_token(token)?;
    let reader = crate::shell::device::cards::write(reader, &signed, overwrite, patience)?;
    office.note("cli", Action::Token, &format!("token/{token}"), "written to a chip card", now())?;
    let text = format!("Token {token} is on the card and reads back as it was written. Card and paper are one: what is used with one is used.");
    Ok(Report::new(text, serde_json::json!({"token": token, "reader": reader, "bytes": signed.len()})))
}

#[cfg(not(feature = "pcsc"))]
fn write(office: &mut Office, token: &str, _: Option<&str>, _: bool, _: Duration) -> anyhow::Result<Report> {
    office.signed_token(token)?;
    Err(crate::shell::command::Usage("this build writes no chip cards: take the package, or build with --features pcsc".into()).into())
}
