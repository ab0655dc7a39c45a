//! The office's keys: followed by others, or withdrawn.

use super::{Report, Usage};
use crate::office::{KeyKind, KeyState, Office, OfficeError, Rotated, Withdrawn};
use crate::shell::door::now;
use crate::words::civil::CivilDay;
use clap::Args;
use serde_json::json;

/// The next step of a change of a key.
#[derive(Debug, Args)]
pub struct Rotate {
    /// Which: root, tokens (cards), documents, status or envelope.
    #[arg(value_name = "KIND", default_value = "tokens")]
    kind: String,
    /// Do not wait for terminals that have not heard of it: they refuse what the next key signs until their next exchange.
    #[arg(long)]
    at_once: bool,
}

/// A key that was lost or stolen.
#[derive(Debug, Args)]
pub struct Withdraw {
    /// Which: root, tokens (cards), documents, status or envelope.
    #[arg(value_name = "KIND")]
    kind: String,
    /// Cards issued up to the end of this day go on; only where the key was certainly safe until then.
    #[arg(long, value_name = "DATE")]
    cards_until: Option<String>,
    /// Withdraw the keys from before the present one: an old backup was lost, and the present key was not in it.
    #[arg(long, conflicts_with = "cards_until")]
    former: bool,
    /// Yes, now: there is no way back.
    #[arg(long)]
    yes: bool,
}

fn kind_of(text: &str) -> Result<KeyKind, Usage> {
    KeyKind::parse(text).ok_or_else(|| Usage(format!("{text} is no key of an office: name root, tokens, documents, status or envelope")))
}

/// Lists all keys.
pub fn list(office: &Office) -> anyhow::Result<Report> {
    let states = office.key_states(now())?;
    let lines: Vec<String> = states.iter().map(line).collect();
    let rows: Vec<_> = states
        .iter()
        .map(|state| {
            json!({
                "kind": state.kind.name(), "public": state.public, "since": state.since.rfc3339(), "until": state.until.rfc3339(),
                "announced": state.announced.map(crate::words::time::UtcMs::rfc3339), "former_kept": state.former_kept, "unheard": state.unheard,
                "withdrawn": state.withdrawn
            })
        })
        .collect();
    Ok(Report::new(lines.join("\n"), json!({"keys": rows})))
}

fn line(state: &KeyState) -> String {
    let day = |at| CivilDay::of(at).to_string();
    let end =
        if state.kind == KeyKind::Root || state.kind == KeyKind::Envelope { String::new() } else { format!(", good until {}", day(state.until)) };
    let mut text = format!("{:<10} {}  since {}{end}", state.kind.name(), state.public, day(state.since));
    if let Some(at) = state.announced {
        text += &format!("; the next is announced since {}; terminals that have not heard of it: {}", day(at), state.unheard);
    }
    if state.former_kept {
        text += &format!("; the one before is kept; terminals that have not heard of this one: {}", state.unheard);
    }
    if state.withdrawn > 0 {
        text += &format!("; withdrawn before it: {}", state.withdrawn);
    }
    text
}

/// Takes the next step of a change.
pub fn rotate(office: &mut Office, how: &Rotate) -> anyhow::Result<Report> {
    let kind = kind_of(&how.kind)?;
    let command = format!("teilhabe office rotate-key {}", kind.name());
    let done = office.rotate_key(kind, how.at_once, "cli", now())?;
    let (text, state) = match done {
        Rotated::Announced => (
            format!("The next {} key is announced and signs nothing yet. Give `{command}` again when all terminals have exchanged.", kind.name()),
            "announced",
        ),
        Rotated::Waits { terminals } => (
            format!(
                "Terminals that have not heard of it yet: {terminals}. Wait until they have exchanged twice, retire them on their provider's page, or add --at-once."
            ),
            "waits",
        ),
        Rotated::Switched => (switched(kind, &command), "switched"),
        Rotated::Finished => {
            (format!("The {} key before is deleted. A terminal that was away all the time must be enrolled anew.", kind.name()), "finished")
        }
    };
    Ok(Report { failed: state == "waits", ..Report::new(text, json!({"kind": kind.name(), "key": state})) })
}

fn switched(kind: KeyKind, command: &str) -> String {
    match kind {
        KeyKind::Tokens => "The next key signs cards from now on; cards issued before go on. A running server has it by itself.".to_owned(),
        KeyKind::Documents | KeyKind::Status => {
            "The next key signs from now on; what was signed before goes on. A running server has it by itself.".to_owned()
        }
        KeyKind::Root => format!(
            "The next root key is in force. The one before names it to terminals that were away; when all have followed, `{command}` deletes it. \
             Printed enrolment codes that nobody had used have ended: print new ones. Copy the folder `keys` to its safe place again."
        ),
        KeyKind::Envelope => format!(
            "Terminals learn of the new address with their next exchange; envelopes to the one before are still opened. When all have heard, \
             `{command}` deletes it. Copy the folder `keys` to its safe place again."
        ),
    }
}

/// Withdraws a key.
pub fn withdraw(office: &mut Office, how: &Withdraw) -> anyhow::Result<Report> {
    let kind = kind_of(&how.kind)?;
    let until = how.cards_until.as_deref().map(|text| super::day(text, "--cards-until")).transpose()?;
    let until = until.map(|day| now().min(day.plus(1).midnight().ms()));
    if !how.yes {
        return Err(OfficeError::Wrong(format!("{} Add --yes to do it.", warned(kind))).into());
    }
    let done = if how.former { office.withdraw_former_keys(kind, "cli", now())? } else { office.withdraw_key(kind, until, "cli", now())? };
    let rows = json!({"kind": kind.name(), "cards": done.cards, "terminals": done.terminals, "codes": done.codes});
    Ok(Report::new(format!("{} Copy the folder `keys` to its safe place again.", withdrawn(kind, done)), rows))
}

const fn warned(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Root => "Withdrawing the root key makes every terminal of this office need a new enrolment code, typed in at the box.",
        KeyKind::Tokens => "Withdrawing the key of the cards makes every card it signed worthless: all must be printed and handed out anew.",
        KeyKind::Documents => "Withdrawing the documents key has every terminal get a new admission and its answers again with its next exchange.",
        KeyKind::Status => "Withdrawing the key of the status list has every terminal take a new list with its next exchange.",
        KeyKind::Envelope => "Withdrawing the envelope key has terminals write to a new address from their next exchange on.",
    }
}

fn withdrawn(kind: KeyKind, done: Withdrawn) -> String {
    match kind {
        KeyKind::Root => format!(
            "The root key is withdrawn and a new one is in force. Terminals that follow the lost one until they are enrolled anew: {}. Print a code for each and have it \
             entered at the box, under settings, today. Their claims stay and are sent then. Unused codes that have ended: {}.",
            done.terminals, done.codes
        ),
        KeyKind::Tokens => format!(
            "The key is withdrawn: terminals refuse what it signed from their next exchange on. Cards signed anew with the same content, which wait to be printed: {} \
             (page “Drucken”); phones fetch theirs by themselves.",
            done.cards
        ),
        KeyKind::Documents => "The key is withdrawn: from its next exchange on a terminal believes no admission, receipt or answer that it signed, and gets them anew.".to_owned(),
        KeyKind::Status => "The key is withdrawn: from its next exchange on a terminal takes no status list that it signed, and gets a new one.".to_owned(),
        KeyKind::Envelope => "A new address is in force. Whoever has the lost key can read what was sent to the old one, up to each terminal's next exchange. Where the \
                              database may be known too, reset every clerk's second factor and the secret of the municipality's own sign-in."
            .to_owned(),
    }
}
