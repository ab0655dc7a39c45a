//! Commands on approvals: suspended, extended; and the law's figures.

use super::cards::write_cards;
use super::{day, make_out, read_file};
use crate::office::{Act, Office, OfficeError};
use crate::shell::command::{Report, Usage};
use crate::shell::door::now;
use crate::shell::legal::{COMPILED, SETTING};
use crate::shell::store::office::settings;
use crate::words::civil::{CivilDay, CivilMonth};
use serde_json::json;
use std::path::PathBuf;

/// Suspend what a token entitles to, or lift its suspension.
#[derive(Debug, clap::Args)]
pub struct Suspend {
    /// The token's id or card number.
    #[arg(long, value_name = "ID")]
    token: String,
    /// The first day on which nothing can be redeemed; today where it is left out.
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// The last one; until it is lifted where it is left out.
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// Lift the suspension: the first day on which it can be redeemed again.
    #[arg(long, value_name = "DATE", conflicts_with_all = ["from", "until"])]
    lift: Option<String>,
}

/// Approve the months after a token's approval.
#[derive(Debug, clap::Args)]
pub struct Extend {
    /// The token's id or card number.
    #[arg(long, value_name = "ID")]
    token: String,
    /// The last month of the follow-up approval.
    #[arg(long, value_name = "MONTH")]
    to: String,
    /// The month of birth, where participation is granted; it is not stored.
    #[arg(long, value_name = "MONTH")]
    born: Option<String>,
    /// Where the new card's files go.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Show what the law says here, or take over the office's own file.
#[derive(Debug, clap::Args)]
pub struct Law {
    /// The office's own file, in the form of the one that is shown.
    #[arg(long, value_name = "TOML", conflicts_with = "compiled")]
    file: Option<PathBuf>,
    /// Go back to the file that comes with the program.
    #[arg(long)]
    compiled: bool,
}

/// Suspends, or lifts a suspension.
pub fn suspend(office: &mut Office, command: &Suspend) -> anyhow::Result<Report> {
    let (token, _) = office.find_token(&command.token)?;
    let approval = office.approval_of(token)?;
    if let Some(lift) = &command.lift {
        let from = day(lift, "--lift")?;
        office.act(approval, Act::Lift { from }, "cli", now())?;
        return Ok(Report::new(
            format!("The suspension is lifted: from {from} on it can be redeemed again."),
            json!({"token": token, "lifted": from}),
        ));
    }
    let from = command.from.as_deref().map(|text| day(text, "--from")).transpose()?.unwrap_or_else(|| CivilDay::of(now()));
    let until = command.until.as_deref().map(|text| day(text, "--until")).transpose()?;
    office.act(approval, Act::Suspend { from, until }, "cli", now())?;
    let text = match until {
        Some(until) => format!("Suspended from {from} to {until}; terminals learn of it with their next exchange."),
        None => format!("Suspended from {from} until it is lifted; terminals learn of it with their next exchange."),
    };
    Ok(Report::new(text, json!({"token": token, "from": from, "until": until})))
}

/// Approves the months after a token's approval and writes the new card.
pub fn extend(office: &mut Office, command: &Extend) -> anyhow::Result<Report> {
    let month = |text: &str, name: &str| CivilMonth::parse(text).ok_or_else(|| Usage(format!("{name} {text}: write a month like 2027-07")));
    let to = month(&command.to, "--to")?;
    let born = command.born.as_deref().map(|text| month(text, "--born")).transpose()?;
    let (token, _) = office.find_token(&command.token)?;
    make_out(&command.out)?;
    let extended = office.extend(token, to, born, "cli", now())?;
    let Some(new) = &extended.issued else {
        return Ok(Report::new("This follow-up was on record already: nothing was made of it.".to_owned(), json!({"token": null})));
    };
    write_cards(office, std::slice::from_ref(new), &command.out, "")?;
    let mut text = format!("Token {} follows up to {to}; its card is in {}.", new.token.id, command.out.display());
    if !extended.left_out.is_empty() {
        text = format!("{text}\nNot taken over, for it is granted case by case: {}.", extended.left_out.join("; "));
    }
    let json = json!({"token": new.token.id, "number": new.number.digits(), "code": new.code, "left_out": extended.left_out});
    Ok(Report::new(text, json))
}

/// Shows what the law says here, or takes over the office's own file.
pub fn law(office: &mut Office, command: &Law) -> anyhow::Result<Report> {
    let own = match (&command.file, command.compiled) {
        (Some(path), _) => {
            let text = String::from_utf8(read_file(path)?).map_err(|_| OfficeError::Wrong(format!("{} is not UTF-8", path.display())))?;
            Some(text)
        }
        (None, true) => Some(COMPILED.to_owned()),
        (None, false) => None,
    };
    if let Some(text) = own {
        office.set_legal(&text, "cli", now())?;
        return Ok(Report::new("Taken over.".to_owned(), json!({"taken": true})));
    }
    let text = settings::read(office.db(), SETTING)?.unwrap_or_else(|| COMPILED.to_owned());
    Ok(Report::new(text.clone(), json!({"legal": text})))
}
