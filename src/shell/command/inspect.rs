//! `inspect`: any signed document as JSON, and whether it counts.

use super::Report;
use crate::admit::credential::Credential;
use crate::admit::enrolment::Enrolment;
use crate::admit::phone::{HolderProof, Shown};
use crate::admit::scan::Scan;
use crate::admit::status::StatusList;
use crate::admit::token::Token;
use crate::admit::trust::TrustList;
use crate::book::entry::Entry;
use crate::book::refusal::Refusal;
use crate::book::rule;
use crate::claim::batch::Draft;
use crate::deliver::advice::Advice;
use crate::deliver::exchange::{Inbound, Outbound};
use crate::deliver::neighbour::Telling;
use crate::deliver::receipt::Receipt;
use crate::shell::command::Usage;
use crate::shell::door::now;
use crate::words::cbor::{Malformed, Reader};
use crate::words::civil::CivilDay;
use crate::words::keys::PublicKey;
use crate::words::reason::Reason;
use crate::words::sealed::{DocType, MAX_DOCUMENT_BYTES, Sealed};
use crate::words::time::UtcMs;
use serde_json::{Value, json};

/// Show any document and say whether it counts.
#[derive(Debug, clap::Args)]
pub struct Inspect {
    /// The text of a code, hexadecimal digits, or a file with either or with the document's bytes.
    #[arg(value_name = "TEXT|FILE")]
    what: String,
    /// A public key that may have signed it, 64 hexadecimal digits; may be given several times.
    #[arg(long, value_name = "HEX")]
    key: Vec<String>,
    /// The moment to judge a token at; now where it is left out.
    #[arg(long, value_name = "RFC3339")]
    at: Option<String>,
}

/// What was found out of a document.
struct Finding {
    doc: Option<DocType>,
    document: Value,
    verdict: Result<bool, Reason>,
}

/// Inspects one document. Without a key nothing is vouched for: the verdict is `unverified`.
pub fn run(command: &Inspect) -> anyhow::Result<Report> {
    let keys = command.key.iter().map(|text| PublicKey::from_hex(text).ok_or_else(|| Usage(format!("--key {text}: this is no public key"))));
    let keys: Vec<PublicKey> = keys.collect::<Result<_, _>>()?;
    let at = match &command.at {
        Some(text) => UtcMs::parse_rfc3339(text).ok_or_else(|| Usage(format!("--at {text}: write a time as 2026-11-23T12:00:00+01:00")))?,
        None => now(),
    };
    let finding = match read(&command.what) {
        Ok((bytes, proof)) => inspect(&bytes, proof, &keys, at),
        Err(reason) => Finding { doc: None, document: Value::Null, verdict: Err(reason) },
    };
    let (verdict, reason) = match finding.verdict {
        Ok(true) => ("accepted", None),
        Ok(false) => ("unverified", None),
        Err(reason) => ("refused", Some(reason)),
    };
    let mut json = json!({"type": finding.doc.map(DocType::name), "verdict": verdict});
    if let Some(reason) = reason {
        json["reason"] = json!(reason);
    }
    json["document"] = finding.document;
    Ok(Report { text: serde_json::to_string_pretty(&json)?, json, failed: reason.is_some() })
}

/// The bytes meant by the argument, and the holder's proof beside those of a phone code.
fn read(what: &str) -> Result<(Vec<u8>, Option<HolderProof>), Reason> {
    match std::fs::read(what) {
        Ok(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) if !text.trim().is_empty() && text.bytes().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace()) => from_text(text),
            _ => Ok((bytes, None)),
        },
        Err(_) => from_text(what),
    }
}

fn from_text(text: &str) -> Result<(Vec<u8>, Option<HolderProof>), Reason> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if let Ok(bytes) = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes())
        && bytes.len() > 16
    {
        return Ok((bytes, None));
    }
    match Scan::new(text) {
        Ok(Scan::Code(bytes)) => Ok((bytes, None)),
        Ok(Scan::Phone(code)) => Ok((code.token, Some(code.proof))),
        Ok(Scan::Number(_) | Scan::Chip(_)) => Err(Reason::UnknownNumber),
        Err(error) => Err(error.reason()),
    }
}

fn inspect(bytes: &[u8], proof: Option<HolderProof>, keys: &[PublicKey], at: UtcMs) -> Finding {
    let sealed = match Sealed::parse_any(bytes, MAX_DOCUMENT_BYTES) {
        Ok(sealed) => sealed,
        Err(_) => return Finding { doc: None, document: Value::Null, verdict: Err(Reason::Malformed) },
    };
    let all = || DocType::ALL.into_iter().filter(|doc| sealed.is_status_list() == (*doc == DocType::StatusList));
    let signed_as = all().find(|doc| keys.iter().any(|key| sealed.is_signed_by(key, *doc)));
    let readable = || all().find_map(|doc| document(doc, sealed.unverified_payload()).ok().map(|json| (doc, json)));
    match signed_as {
        Some(doc) => match document(doc, sealed.unverified_payload()) {
            Ok(json) if bytes.len() <= doc.limit() => {
                Finding { doc: Some(doc), document: json, verdict: judge(doc, bytes, sealed.unverified_payload(), proof, at).map(|()| true) }
            }
            _ => match readable().filter(|(other, _)| *other != doc) {
                Some((other, json)) => Finding { doc: Some(other), document: json, verdict: Err(Reason::WrongType) },
                None => Finding { doc: Some(doc), document: Value::Null, verdict: Err(Reason::Malformed) },
            },
        },
        None => {
            let (doc, document) = readable().map_or((None, Value::Null), |(doc, json)| (Some(doc), json));
            let known = keys.iter().any(|key| key.kid() == sealed.kid());
            let verdict = match (keys.is_empty(), doc) {
                (true, Some(_)) => Ok(false),
                (true, None) => Err(Reason::Malformed),
                (false, _) if known => Err(Reason::BadSignature),
                (false, _) => Err(Reason::UnknownKey),
            };
            Finding { doc, document, verdict }
        }
    }
}

/// Whether a genuine token could be used at `at`; other documents have no such question.
fn judge(doc: DocType, bytes: &[u8], payload: &[u8], proof: Option<HolderProof>, at: UtcMs) -> Result<(), Reason> {
    if doc != DocType::Token {
        return Ok(());
    }
    let token = Reader::decode(payload, Token::read).map_err(|_| Reason::Malformed)?;
    match proof {
        Some(_) if token.holder_key.is_none() => return Err(Reason::Malformed),
        None if token.holder_key.is_some() => return Err(Reason::HolderProofMissing),
        Some(proof) if !proof.is_of(&token, bytes) || (Shown { proof, seen: at, used: None }).is_fresh().is_err() => {
            return Err(Reason::HolderProofMissing);
        }
        _ => {}
    }
    rule::is_valid_on(&token, CivilDay::of(at)).map_err(|refusal: Refusal| refusal.reason())
}

/// The content as JSON, read as a document of this type.
fn document(doc: DocType, payload: &[u8]) -> Result<Value, Malformed> {
    let json = |value: serde_json::Result<Value>| value.map_err(|_| Malformed::new("the document cannot be shown as JSON", 0));
    match doc {
        DocType::Token => json(serde_json::to_value(Reader::decode(payload, Token::read)?)),
        DocType::Trust => json(serde_json::to_value(Reader::decode(payload, TrustList::read)?)),
        DocType::Credential => json(serde_json::to_value(Reader::decode(payload, Credential::read)?)),
        DocType::Batch => batch(Reader::decode(payload, Draft::read)?),
        DocType::Receipt => json(serde_json::to_value(Reader::decode(payload, Receipt::read)?)),
        DocType::Advice => json(serde_json::to_value(Reader::decode(payload, Advice::read)?)),
        DocType::Outbound => json(serde_json::to_value(Reader::decode(payload, Outbound::read)?)),
        DocType::Inbound => json(serde_json::to_value(Reader::decode(payload, Inbound::read)?)),
        DocType::Enrolment => json(serde_json::to_value(Reader::decode(payload, Enrolment::read)?)),
        DocType::Neighbour => json(serde_json::to_value(Reader::decode(payload, Telling::read)?)),
        DocType::StatusList => json(serde_json::to_value(Reader::decode(payload, StatusList::read)?)),
    }
}

/// A batch with its shown entries opened.
fn batch(draft: Draft) -> Result<Value, Malformed> {
    let entries: Vec<Value> = draft
        .items
        .iter()
        .map(|item| match item {
            crate::claim::batch::Item::Shown(bytes) => {
                Entry::from_bytes(bytes).map_or_else(|why| json!({"unreadable": why.to_string()}), |entry| json!(entry))
            }
            crate::claim::batch::Item::Hidden(hash) => json!({"hidden": hash}),
        })
        .collect();
    let Ok(mut json) = serde_json::to_value(&draft) else { return Err(Malformed::new("the batch cannot be shown as JSON", 0)) };
    json["items"] = Value::Array(entries);
    Ok(json)
}
