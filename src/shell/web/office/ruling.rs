//! What a clerk decides, as forms say it: the choice, the reason for the provider, and the group of equal cases that is being worked on.

use super::page::Fault;
use super::words::{RULING_REASONS, title};
use crate::office::{BulkOutcome, Equally};
use crate::reconcile::ruling::Choice;
use crate::shell::store::office::findings::GroupKey;
use crate::words::cents::Cents;
use crate::words::ids::{EntryId, ProviderNumber};
use crate::words::reason::Reason;
use serde::Deserialize;

/// The longest note in characters.
const MAX_NOTE: usize = 1_000;

/// A reason to choose.
#[derive(Debug)]
pub struct Offered {
    /// Its code.
    pub code: &'static str,
    /// Its words.
    pub title: String,
}

/// All reasons to choose.
pub fn offered() -> Vec<Offered> {
    RULING_REASONS.iter().map(|reason| Offered { code: reason.code(), title: title(reason.code()) }).collect()
}

/// The group being worked on and the place in it, as an address says it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Flow {
    reason: Option<String>,
    provider: Option<u32>,
    service: Option<String>,
    other: Option<u32>,
    more: Option<i64>,
    /// Which case this is, from 1.
    pub n: Option<u64>,
    /// Of how many when the clerk began.
    pub of: Option<u64>,
    /// What was done last.
    pub done: Option<String>,
}

impl Flow {
    /// The group.
    pub fn group(&self) -> Option<GroupKey> {
        let reason = self.reason.clone().filter(|code| Reason::from_code(code).is_some())?;
        let service = self.service.clone().filter(|code| crate::words::code::Code::parse(code).is_some())?;
        let (provider, other, more) = (ProviderNumber(self.provider?), self.other.map(ProviderNumber), self.more.map(Cents::new));
        Some(GroupKey { reason, provider, service, other, more })
    }
}

/// A group as the parameters of an address.
pub fn parameters(key: &GroupKey) -> String {
    let mut text = format!("reason={}&provider={}&service={}", key.reason, key.provider, key.service);
    if let Some(other) = key.other {
        text += &format!("&other={other}");
    }
    if let Some(more) = key.more {
        text += &format!("&more={}", more.get());
    }
    text
}

/// The address of a case within its group: the `n`th of `of`.
pub fn case_of(id: EntryId, key: &GroupKey, n: u64, of: u64) -> String {
    format!("/lines/{}/{}?{}&n={n}&of={of}", id.terminal, id.seq, parameters(key))
}

/// A decision as a form says it.
#[derive(Clone, Debug, Default)]
pub struct Filled {
    /// The name of the choice.
    pub choice: String,
    /// The amount of a cut.
    pub euros: String,
    /// The code of the reason.
    pub reason: String,
    /// The office's own note.
    pub note: String,
}

/// A decision that can be made.
#[derive(Clone, Debug)]
pub struct Decided {
    /// What.
    pub what: Equally,
    /// Why.
    pub reason: Reason,
    /// The note.
    pub note: String,
    /// What the next page says of it.
    pub done: &'static str,
}

impl Filled {
    /// Reads the form's fields; those that it does not know are left to the caller.
    pub fn of(fields: &[(String, String)]) -> Self {
        let field = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone()).unwrap_or_default();
        Self { choice: field("choice"), euros: field("euros"), reason: field("reason"), note: field("note") }
    }

    /// What is decided, or what is missing.
    pub fn read(&self) -> Result<Decided, Fault> {
        let (what, done) = match self.choice.as_str() {
            "accept" => (Equally::Each(Choice::Accept), "accepted"),
            "reject" => (Equally::Each(Choice::Reject), "rejected"),
            "ask" => (Equally::Each(Choice::Ask), "asked"),
            "price" => (Equally::CutToPrice, "cut"),
            "cut" => {
                let cents = Cents::parse_euros(&self.euros).filter(|cents| *cents > Cents::ZERO);
                let missing = "Auf welchen Betrag soll gekürzt werden? Bitte in Euro eingeben, zum Beispiel 3,50.";
                (Equally::Each(Choice::Cut(cents.ok_or_else(|| Fault::form(missing))?)), "cut")
            }
            _ => return Err(Fault::form("Bitte wählen: anerkennen, kürzen, ablehnen oder zurückfragen.")),
        };
        let reason = Reason::from_code(&self.reason).filter(|reason| RULING_REASONS.contains(reason));
        let reason = reason.ok_or_else(|| Fault::form("Bitte einen Grund aus der Liste wählen."))?;
        Ok(Decided { what, reason, note: self.note.trim().chars().take(MAX_NOTE).collect(), done })
    }
}

/// What became of a bulk decision, in words.
pub fn outcome_words(outcome: BulkOutcome) -> String {
    let lines = |count: u64, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {many}")),
    };
    let sentences = [
        Some(format!("{} entschieden.", outcome.decided)),
        lines(
            outcome.changed,
            "hatte sich inzwischen geändert und blieb, wie sie ist.",
            "hatten sich inzwischen geändert und blieben, wie sie sind.",
        ),
        lines(
            outcome.not_less,
            "beansprucht nicht mehr als diesen Betrag und blieb offen.",
            "beanspruchen nicht mehr als diesen Betrag und blieben offen.",
        ),
        lines(
            outcome.paid_elsewhere,
            "blieb offen, weil das Geld dafür für eine andere Zeile schon gezahlt ist.",
            "blieben offen, weil das Geld dafür für eine andere Zeile schon gezahlt ist.",
        ),
        (outcome.decided > 0).then(|| "Die Anbieter erfahren es beim nächsten Abruf.".to_owned()),
    ];
    sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Many lines in little room: `terminal:seq,seq;terminal:seq`.
pub fn packed(ids: &[EntryId]) -> String {
    let mut text = String::new();
    let mut last = None;
    for id in ids {
        if last == Some(id.terminal) {
            text += &format!(",{}", id.seq);
        } else {
            let mark = if text.is_empty() { "" } else { ";" };
            text += &format!("{mark}{}:{}", id.terminal, id.seq);
        }
        last = Some(id.terminal);
    }
    text
}

/// Reads what [`packed`] wrote.
pub fn unpacked(text: &str) -> Option<Vec<EntryId>> {
    let mut ids = Vec::new();
    for part in text.split(';').filter(|part| !part.is_empty()) {
        let (terminal, numbers) = part.split_once(':')?;
        let terminal = crate::words::ids::TerminalId::from_hex(terminal)?;
        for number in numbers.split(',') {
            ids.push(EntryId { terminal, seq: number.parse().ok()? });
        }
    }
    Some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::ids::TerminalId;

    #[test]
    fn many_lines_in_little_room() {
        let id = |terminal: u8, seq| EntryId { terminal: TerminalId([terminal; 16]), seq };
        let ids = [id(1, 7), id(1, 9), id(2, 7), id(1, 10)];
        assert_eq!(unpacked(&packed(&ids)), Some(ids.to_vec()));
        assert_eq!(unpacked(""), Some(Vec::new()));
        for broken in ["x", "zz:1", "01:1", &format!("{}:1,", "01".repeat(16)), &format!("{}:-1", "01".repeat(16))] {
            assert_eq!(unpacked(broken), None, "{broken}");
        }
    }

    #[test]
    fn what_was_left_out_is_said() {
        let outcome = BulkOutcome { decided: 37, changed: 2, ..BulkOutcome::default() };
        assert!(outcome_words(outcome).starts_with("37 entschieden. 2 hatten sich inzwischen geändert"));
        assert_eq!(
            outcome_words(BulkOutcome { changed: 1, ..BulkOutcome::default() }),
            "0 entschieden. 1 hatte sich inzwischen geändert und blieb, wie sie ist."
        );
    }
}
