//! The event log: Security Event Tokens (RFC 8417) of the delivery service and of the office, one event each.
//!
//! Sources: docs.fitko.de/fit-connect/docs/getting-started/event-log/set-creation, …/get-events, …/receiving/verification. The service's own
//! events are signed with a key of its `/.well-known/jwks.json`; those of the office, whose issuer is the destination, with the destination's.

use super::jose::{NotOpened, PrivateKey, Signed, sign};
use super::{FitConnectError, jose};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Before the name of each event.
const EVENTS: &str = "https://schema.fitko.de/fit-connect/events/";
/// Before the name of each problem.
const PROBLEMS: &str = "https://schema.fitko.de/fit-connect/events/problems/";
/// The longest title of a problem that is passed on, and how many of them.
const MAX_TITLE: usize = 200;
const MAX_PROBLEMS: usize = 5;

/// The authentication tags of what was submitted: whoever holds the same tags holds the same bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tags {
    metadata: String,
    data: Option<String>,
    #[serde(default)]
    attachments: BTreeMap<String, String>,
}

impl Tags {
    /// Those of metadata, data and attachments, as compact JWE.
    pub fn of<'a>(metadata: &str, data: &str, attachments: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let attachments = attachments.into_iter().map(|(id, text)| (id.to_owned(), jose::tag(text).to_owned())).collect();
        Self { metadata: jose::tag(metadata).to_owned(), data: Some(jose::tag(data).to_owned()), attachments }
    }
}

/// What happened to a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It is there in whole.
    Submitted(Tags),
    /// The office has taken it.
    Accepted(Tags),
    /// The office, or the service after two weeks, has rejected it, for these reasons.
    Rejected(Vec<String>),
    /// Something else: created, announced, deleted.
    Other,
}

/// One event whose signature counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub happened: Happened,
    /// Whether the destination has signed it, and not the service.
    pub by_destination: bool,
    /// The schema that it names: an answer must name the same.
    pub schema: Option<String>,
}

/// Who is said to have issued an event.
pub fn issuer<'s>(signed: &'s Signed<'_>) -> Option<&'s str> {
    signed.unverified.get("iss")?.as_str()
}

impl Event {
    /// Reads the claims of an event that was verified; none where it is about another submission or case.
    pub fn read(claims: &Value, submission: &str, case: &str, by_destination: bool) -> Result<Option<Self>, NotOpened> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str).ok_or(NotOpened::Form);
        if text("sub")? != format!("submission:{submission}") || text("txn")? != format!("case:{case}") {
            return Ok(None);
        }
        let events = claims.get("events").and_then(Value::as_object).filter(|events| events.len() == 1).ok_or(NotOpened::Form)?;
        let Some((name, payload)) = events.iter().next() else { return Err(NotOpened::Form) };
        let tags = || serde_json::from_value(payload.get("authenticationTags").cloned().unwrap_or_default()).map_err(|_| NotOpened::Form);
        let happened = match name.strip_prefix(EVENTS) {
            Some("submit-submission") if !by_destination => Happened::Submitted(tags()?),
            Some("accept-submission") if by_destination => Happened::Accepted(tags()?),
            Some("reject-submission") => Happened::Rejected(problems(payload)),
            _ => Happened::Other,
        };
        Ok(Some(Self { happened, by_destination, schema: claims.get("$schema").and_then(Value::as_str).map(str::to_owned) }))
    }
}

fn problems(payload: &Value) -> Vec<String> {
    let named = |problem: &Value| ["title", "detail", "type"].iter().find_map(|name| problem.get(name)?.as_str().map(str::to_owned));
    let plain = |text: String| text.chars().filter(|c| !c.is_control()).take(MAX_TITLE).collect();
    payload.get("problems").and_then(Value::as_array).into_iter().flatten().filter_map(named).map(plain).take(MAX_PROBLEMS).collect()
}

/// Why an office rejects a submission. What it says travels readable for the service, so it says nothing of the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It does not open with the office's key.
    Encryption,
    /// Other bytes than were submitted, or than the metadata say.
    Hash,
    /// Not the form of metadata and data.
    Form,
    /// The envelope in it is none that this office takes.
    Envelope,
}

impl Problem {
    /// Names as in `receiving/verification`; of that page only the beginning could be read, the list of names is from memory.
    fn json(self) -> Value {
        let (name, title, detail, part) = match self {
            Self::Encryption => {
                ("encryption-issue", "Entschlüsselungs-Fehler", "Die Einreichung lässt sich mit dem Schlüssel des Amtes nicht öffnen.", "data")
            }
            Self::Hash => ("hash-mismatch", "Prüfsumme stimmt nicht", "Die Bytes sind nicht die, die eingereicht wurden.", "data"),
            Self::Form => ("schema-violation", "Schema-Fehler", "Metadaten oder Fachdaten haben nicht die vereinbarte Form.", "metadata"),
            Self::Envelope => (
                "schema-violation",
                "Schema-Fehler",
                "Der Umschlag ist keiner, den dieses Amt annimmt: das Lesegerät anmelden, oder den Umschlag an das richtige Amt senden.",
                "data",
            ),
        };
        json!({"type": format!("{PROBLEMS}{name}"), "title": title, "detail": detail, "instance": part})
    }
}

/// About what an office says something.
pub struct About<'a> {
    /// Its destination.
    pub destination: &'a str,
    /// The submission.
    pub submission: &'a str,
    /// Its case.
    pub case: &'a str,
    /// The schema that the service names in its own events.
    pub schema: Option<&'a str>,
}

/// The signed event by which an office accepts a submission (with its tags) or rejects it (with the problem).
pub fn answer(about: &About<'_>, verdict: Result<&Tags, Problem>, id: &str, seconds: u64, key: &PrivateKey) -> Result<String, FitConnectError> {
    let (name, payload) = match verdict {
        Ok(tags) => ("accept-submission", json!({"authenticationTags": tags})),
        Err(problem) => ("reject-submission", json!({"problems": [problem.json()]})),
    };
    let mut claims = json!({
        "iss": about.destination,
        "sub": format!("submission:{}", about.submission),
        "txn": format!("case:{}", about.case),
        "iat": seconds,
        "jti": id,
        "events": {format!("{EVENTS}{name}"): payload},
    });
    if let Some(schema) = about.schema {
        claims["$schema"] = schema.into();
    }
    sign(key, &claims).map_err(|why| FitConnectError::Key { which: "signing_key_file".into(), why })
}
