//! The shape of requests and answers in JSON (formats § 7).

use super::said;
use crate::admit::scan::Fault;
use crate::shell::texts::Blanks;
use crate::shell::web::problem::{Problem, message, message_saying, word};
use crate::terminal::counter::{Accepted, Answer, CounterError, NotWellFormed, Refused, Request};
use crate::terminal::held::{HeldAnswer, HoldRequest};
use crate::terminal::people::Forgotten;
use crate::terminal::rest::{HeldRest, Settled};
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, berlin_minute};
use crate::words::code::Code;
use crate::words::ids::TerminalId;
use crate::words::reason::Reason;
use crate::words::time::UtcMs;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

/// A redemption or a check.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RedemptionBody {
    code: Option<String>,
    scanned_at: Option<String>,
    person: Option<u64>,
    service: Option<Code>,
    ask: Option<String>,
    service_date: Option<CivilDay>,
    cents: Option<Cents>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    operator: Option<String>,
    charge: Option<Code>,
    months: Option<u32>,
    held: Option<u64>,
    #[serde(default)]
    nfc: bool,
    #[serde(default)]
    forgotten: bool,
    why_forgotten: Option<Forgotten>,
    #[serde(default)]
    hold_rest: bool,
}

/// Served, clarify later.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeldBody {
    service: Code,
    ask: Option<String>,
    code: Option<String>,
    person: Option<u64>,
    alias: Option<String>,
    service_date: Option<CivilDay>,
    cents: Option<Cents>,
    reason: Option<Reason>,
}

/// A held entry is named.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AliasBody {
    pub alias: String,
}

/// A redemption is cancelled.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CancellationBody {
    pub reason: Code,
}

impl RedemptionBody {
    /// The request as the counter understands it.
    pub(super) fn request(self) -> Result<Request, Problem> {
        let (start_day, starts) = read_time("starts_at", self.starts_at.as_deref())?;
        let (end_day, ends) = read_time("ends_at", self.ends_at.as_deref())?;
        let named: Vec<CivilDay> = [self.service_date, start_day, end_day].into_iter().flatten().collect();
        if named.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(unfit("service_date, starts_at and ends_at name different days: a lesson lies within one day"));
        }
        shown_by(self.code.as_deref(), self.person, self.forgotten)?;
        if self.months == Some(0) {
            return Err(unfit("months counts from 1"));
        }
        Ok(Request {
            ask: self.ask,
            code: self.code.unwrap_or_default(),
            scanned: read_moment(self.scanned_at.as_deref())?,
            person: self.person,
            service: self.service,
            day: named.first().copied(),
            cents: self.cents,
            starts,
            ends,
            operator: self.operator,
            charge: self.charge,
            months: self.months.unwrap_or(1),
            held: self.held,
            nfc: self.nfc,
            forgotten: self.forgotten,
            why_forgotten: self.why_forgotten,
            hold_rest: self.hold_rest,
        })
    }
}

/// Either a code is shown, or somebody of the lists has forgotten it.
pub(super) fn shown_by(code: Option<&str>, person: Option<u64>, forgotten: bool) -> Result<(), Problem> {
    if code.is_some() == person.is_some() {
        return Err(CounterError::from(NotWellFormed::CodeOrPerson).into());
    }
    if person.is_some() && !forgotten {
        return Err(CounterError::from(NotWellFormed::WhyForgotten).into());
    }
    Ok(())
}

impl HeldBody {
    /// The request as the counter understands it.
    pub(super) fn request(self) -> HoldRequest {
        HoldRequest {
            ask: self.ask,
            code: self.code,
            person: self.person,
            alias: self.alias,
            service: self.service,
            day: self.service_date,
            cents: self.cents,
            why: self.reason.unwrap_or(Reason::UnknownNumber),
        }
    }
}

/// `14:00`, or a time of RFC 3339: the minute of the Berlin day, and the day where one is named.
pub(super) fn read_time(field: &str, text: Option<&str>) -> Result<(Option<CivilDay>, Option<u32>), Problem> {
    let Some(text) = text else { return Ok((None, None)) };
    if let Some(at) = UtcMs::parse_rfc3339(text) {
        return Ok((Some(CivilDay::of(at)), Some(berlin_minute(at))));
    }
    let minute = text.split_once(':').and_then(|(hour, minute)| {
        let number = |digits: &str| (digits.len() == 2).then(|| digits.parse::<u32>().ok()).flatten();
        let (hour, minute) = (number(hour)?, number(minute)?);
        (hour < 24 && minute < 60 || (hour, minute) == (24, 0)).then_some(hour * 60 + minute)
    });
    minute.map(|m| (None, Some(m))).ok_or_else(|| unfit(&format!("{field} is not a time: write it as 14:00")))
}

/// A moment of RFC 3339, where one is named.
pub(super) fn read_moment(text: Option<&str>) -> Result<Option<UtcMs>, Problem> {
    let unfit = || unfit("scanned_at is not a moment: write it as 2026-11-23T12:00:00Z");
    text.map(|text| UtcMs::parse_rfc3339(text).ok_or_else(unfit)).transpose()
}

pub(super) fn unfit(sentence: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, sentence).saying(&("problem.does_not_fit", None))
}

/// An entry's id: unlike its number alone it means nothing in another journal.
pub(super) fn entry_id(terminal: TerminalId, seq: u64) -> String {
    format!("{terminal}-{seq}")
}

/// The number in an id of this journal.
pub(super) fn read_entry_id(terminal: TerminalId, id: &str) -> Option<u64> {
    let (of, seq) = id.split_once('-')?;
    (TerminalId::from_hex(of) == Some(terminal)).then(|| seq.parse().ok())?
}

/// The id of what somebody took who pays for themselves.
pub(super) fn pickup_id(pickup: u64) -> String {
    format!("pickup-{pickup}")
}

/// The number in such an id.
pub(super) fn read_pickup_id(id: &str) -> Option<u64> {
    id.strip_prefix("pickup-")?.parse().ok()
}

/// The answer of the counter, with the name of whom it is about, where the lists here know it.
pub(super) fn named_answer(terminal: TerminalId, outcome: &Answer, name: Option<&str>) -> (StatusCode, Value) {
    let (status, mut body) = answer(terminal, outcome);
    if let (Answer::Accepted(Accepted { person: Some(id), .. }), Some(name)) = (outcome, name) {
        body["person"] = json!({"id": id, "name": name});
    }
    (status, body)
}

/// The answer of the counter, with the status it has.
pub(super) fn answer(terminal: TerminalId, answer: &Answer) -> (StatusCode, Value) {
    match answer {
        Answer::Accepted(accepted) => {
            let status = if accepted.entries.is_empty() && accepted.pickup.is_none() { StatusCode::OK } else { StatusCode::CREATED };
            (status, accepted_json(terminal, accepted))
        }
        Answer::Refused(refused) => (StatusCode::OK, refused_json(refused)),
    }
}

pub(super) fn accepted_json(terminal: TerminalId, accepted: &Accepted) -> Value {
    let mut body = json!({
        "verdict": "accepted",
        "benefit": accepted.benefit,
        "cents": accepted.cents,
        "remaining": accepted.remaining,
        "data_age": accepted.data_age,
    });
    if let Some(first) = accepted.entries.first() {
        body["id"] = entry_id(terminal, first.seq).into();
        body["seq"] = first.seq.into();
    }
    if accepted.entries.len() > 1 {
        let entry =
            |e: &crate::terminal::counter::Recorded| json!({"id": entry_id(terminal, e.seq), "seq": e.seq, "service_date": e.day, "cents": e.cents});
        body["entries"] = accepted.entries.iter().map(entry).collect();
    }
    if accepted.entries.is_empty() && accepted.plan.len() > 1 {
        body["entries"] = accepted.plan.iter().map(|share| json!({"service_date": share.day, "cents": share.cents})).collect();
    }
    if !accepted.held_rest.is_empty() {
        body["held_rest"] = accepted.held_rest.iter().map(rest_json).collect();
    }
    if !accepted.settled.is_empty() {
        body["settled"] = accepted.settled.iter().map(|settled| settled_json(terminal, settled)).collect();
    }
    if let Some(pickup) = accepted.pickup {
        body["id"] = pickup_id(pickup).into();
    }
    if let Some(hint) = &accepted.hint {
        body["hint"] = hint.as_str().into();
    }
    if accepted.own_share > Cents::ZERO {
        body["own_share"] = json!(accepted.own_share);
    }
    body
}

fn rest_json(rest: &HeldRest) -> Value {
    let mut body = json!({"service": rest.service, "service_date": rest.day, "cents": rest.cents});
    if rest.seq > 0 {
        body["seq"] = rest.seq.into();
    }
    body
}

fn settled_json(terminal: TerminalId, settled: &Settled) -> Value {
    json!({
        "id": entry_id(terminal, settled.seq),
        "seq": settled.seq,
        "held": settled.held,
        "service": settled.service,
        "service_date": settled.day,
        "cents": settled.cents,
    })
}

/// A refusal with what people read.
pub(super) fn refused_json(refused: &Refused) -> Value {
    let from_time = refused.since.map(Blanks::at).unwrap_or_default();
    let blanks = Blanks { day: refused.day.or(from_time.day), left: refused.left, till: refused.till.clone(), ..from_time };
    let mut body = json!({
        "verdict": "refused",
        "reason": refused.reason,
        "message": message(refused.reason, &blanks),
        "word": word(refused.reason),
        "can_be_held": refused.can_be_held,
    });
    if let Some(fault) = refused.fault {
        body["fault"] = json!(fault);
        body["message"] = message_saying(fault_text(fault), refused.reason);
    }
    if let Some(since) = refused.since {
        body["since"] = since.rfc3339().into();
    }
    if let Some(till) = &refused.till {
        body["till"] = till.as_str().into();
    }
    body
}

/// What people read about a scan that was not a code.
const fn fault_text(fault: Fault) -> &'static str {
    match fault {
        Fault::HalfACode => "fault.half_a_code",
        Fault::TwoCodes => "fault.two_codes",
        Fault::Damaged => "fault.damaged",
        Fault::TooLong => "fault.too_long",
        Fault::Foreign => "fault.foreign",
        Fault::PhoneOld => "fault.phone_old",
        Fault::PhoneAhead => "fault.phone_ahead",
        Fault::PhoneUsed => "fault.phone_used",
    }
}

/// A held entry.
pub(super) fn held_json(terminal: TerminalId, held: &HeldAnswer) -> Value {
    json!({
        "verdict": "held",
        "id": entry_id(terminal, held.seq),
        "seq": held.seq,
        "alias": held.alias,
        "service": held.service,
        "service_date": held.day,
        "cents": held.cents,
    })
}

impl From<CounterError> for Problem {
    fn from(error: CounterError) -> Self {
        match &error {
            CounterError::NotWellFormed(why) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).saying(&said::of_request(why)),
            CounterError::AskedOtherwise => Self::new(StatusCode::CONFLICT, error.to_string()).saying(&("problem.asked_otherwise", None)),
            CounterError::Store(store) => Self::storage_failed(store.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_two_ways() {
        assert_eq!(read_time("x", Some("14:05")), Ok((None, Some(845))));
        let day = CivilDay::parse("2026-11-23");
        assert_eq!(read_time("x", Some("2026-11-23T14:05:00+01:00")), Ok((day, Some(845))));
        for wrong in ["", "14", "1405", "14:5", "25:00", "14:60", "24:01", "x:yz", "14:00:00"] {
            assert!(read_time("x", Some(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_id_is_of_one_journal_only() {
        let (ours, theirs) = (TerminalId([1; 16]), TerminalId([2; 16]));
        let id = entry_id(ours, 42);
        assert_eq!(read_entry_id(ours, &id), Some(42));
        assert_eq!(read_entry_id(theirs, &id), None);
        for wrong in ["", "42", "-42", "x-42", &format!("{ours}-"), &format!("{ours}-x")] {
            assert_eq!(read_entry_id(ours, wrong), None, "{wrong}");
        }
    }
}
