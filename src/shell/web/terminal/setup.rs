//! Admission at an office over HTTP: by network in one go, or by file in two steps. Every way it can fail has a code that the page
//! has its own sentence for.

use super::client::{self, ExchangeError};
use super::{App, Desk, answer, json, stick};
use crate::shell::door::now;
use crate::shell::store::StoreError;
use crate::shell::web::problem::Problem;
use crate::terminal::Terminal;
use crate::terminal::clock::EARLIEST;
use crate::terminal::enrol::{CannotEnrol, Enrolled, EnrolmentAnswer, check_code};
use crate::terminal::settings::Setting;
use crate::words::ids::OfficeId;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json as value};

/// The file on a stick in which a box asks for admission.
const REQUEST: &str = "anmeldung.cbor";
/// The longest address of an office, in bytes.
const MAX_ADDRESS: usize = 200;

type Body = Result<Bytes, BytesRejection>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskBody {
    #[serde(default)]
    url: String,
    code: String,
    label: Option<String>,
    /// Onto the stick that is in, instead of to whoever asks.
    #[serde(default)]
    stick: bool,
    /// The office has told people that its root key is another now.
    #[serde(default)]
    another_root: bool,
}

/// What an office has answered, as JSON or as the text of the file it came in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerBody {
    #[serde(default)]
    url: String,
    code: String,
    #[serde(default)]
    answer: Value,
    /// From the stick that is in.
    #[serde(default)]
    stick: bool,
    /// The office has told people that its root key is another now.
    #[serde(default)]
    another_root: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AddressBody {
    url: String,
}

/// Settings, PINs, devices and admissions are of the real box: whoever practises ends that first.
pub(super) fn not_practising(desk: &Desk) -> Result<(), Problem> {
    if desk.caller.training { Err(wrong(StatusCode::CONFLICT, "training", "end the training first: this changes the real box")) } else { Ok(()) }
}

pub(super) fn wrong(status: StatusCode, what: &'static str, detail: impl Into<String>) -> Problem {
    Problem { what: Some(what), ..Problem::new(status, detail) }
}

/// Asks an office for admission over the network, takes its answer, and exchanges for the first time.
pub(super) async fn enrol(State(app): State<App>, desk: Desk, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let asked: AskBody = json(&headers, body)?;
    let url = office_address(&asked.url)?;
    let _one_at_a_time = app.exchanging.lock().await;
    let request = request(&app, &url, &asked.code, asked.label).await?;
    let to = url.clone();
    let answered = tokio::task::spawn_blocking(move || client::enrol(&to, &request)).await.map_err(|_| Problem::bug())?;
    let admitted = answered.map_err(|error| unanswered(&error))?;
    admit(&app, &url, &asked.code, admitted, asked.another_root).await
}

/// The signed request as a file, for a box without network.
pub(super) async fn request_file(State(app): State<App>, desk: Desk, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let asked: AskBody = json(&headers, body)?;
    let url = if asked.url.trim().is_empty() { String::new() } else { office_address(&asked.url)? };
    let stick = if asked.stick { Some(stick::the_stick(&app).await?) } else { None };
    let bytes = request(&app, &url, &asked.code, asked.label).await?;
    if let Some(stick) = stick {
        stick::put(&stick, REQUEST.into(), bytes).await?;
        return Ok(answer(StatusCode::OK, value!({"stick": stick.label, "written": [REQUEST]})));
    }
    let name = "attachment; filename=\"anmeldung.cbor\"";
    Ok(([(header::CONTENT_TYPE, "application/cbor"), (header::CONTENT_DISPOSITION, name)], bytes).into_response())
}

/// Takes an office's answer that came as a file.
pub(super) async fn take_answer(State(app): State<App>, desk: Desk, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let given: AnswerBody = json(&headers, body)?;
    let url = if given.url.trim().is_empty() { String::new() } else { office_address(&given.url)? };
    check_code(&given.code).map_err(refused)?;
    let parsed = match given.answer {
        _ if given.stick => on_stick(&app).await?,
        Value::String(text) => serde_json::from_str::<EnrolmentAnswer>(&text),
        other => serde_json::from_value(other),
    };
    let unreadable = |_| wrong(StatusCode::UNPROCESSABLE_ENTITY, "unreadable", "this file is not an office's answer to an enrolment: choose another");
    let _one_at_a_time = app.exchanging.lock().await;
    admit(&app, &url, &given.code, parsed.map_err(unreadable)?, given.another_root).await
}

/// The latest answer to an enrolment on the stick that is in.
async fn on_stick(app: &App) -> Result<serde_json::Result<EnrolmentAnswer>, Problem> {
    let stick = stick::the_stick(app).await?;
    for letter in stick::letters(&stick, ".json").await? {
        let read = serde_json::from_slice::<EnrolmentAnswer>(&stick::read(&letter).await?);
        if read.is_ok() {
            return Ok(read);
        }
    }
    let sentence = "no answer of an office lies on the stick: have the office write it there (a file that ends in .json)";
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, sentence).saying(&("setup.no_answer_on_stick", None)))
}

/// Changes where an office is reached.
pub(super) async fn move_office(
    State(app): State<App>,
    desk: Desk,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let AddressBody { url } = json(&headers, body)?;
    let url = office_address(&url)?;
    let missing = || Problem::new(StatusCode::NOT_FOUND, "this box is not enrolled there");
    let office = OfficeId::parse(&id).ok_or_else(missing)?;
    let kept = url.clone();
    let known = app.writer.run(move |terminal, _| terminal.move_office(&office, &kept, now())).await??;
    if known { Ok(answer(StatusCode::OK, value!({"office": id, "url": url}))) } else { Err(missing()) }
}

/// The signed request; address and code are kept until an answer is taken, so that it may come days later.
async fn request(app: &App, url: &str, code: &str, label: Option<String>) -> Result<Vec<u8>, Problem> {
    if now() < EARLIEST {
        return Err(wrong(StatusCode::CONFLICT, "clock", "the clock of this box is wrong: set date and time first"));
    }
    check_code(code).map_err(refused)?;
    let (url, code) = (url.to_owned(), code.to_owned());
    let made = app.writer.run(move |terminal, _| {
        let label = label.map_or_else(|| terminal.setting(Setting::Name).map(Option::unwrap_or_default), Ok)?;
        terminal.set(Setting::AskedUrl, Some(&url))?;
        terminal.set(Setting::AskedCode, Some(&code))?;
        terminal.ask_for_admission(&code, label.trim())
    });
    made.await?.map_err(refused)
}

async fn admit(app: &App, url: &str, code: &str, admitted: EnrolmentAnswer, another_root: bool) -> Result<Response, Problem> {
    let (at, code) = (url.to_owned(), code.to_owned());
    let taken = app.writer.run(move |terminal, chance| {
        let enrolled = if another_root {
            terminal.take_admission_by_another_root(&code, &at, &admitted, chance, now())?
        } else {
            terminal.take_admission(&code, &at, &admitted, chance, now())?
        };
        terminal.set(Setting::AskedUrl, None)?;
        terminal.set(Setting::AskedCode, None)?;
        Ok::<_, CannotEnrol>(enrolled)
    });
    let enrolled = taken.await?.map_err(refused)?;
    let exchanged = !url.is_empty() && first_exchange(app, &enrolled).await?;
    let clock = app.writer.run(|terminal, _| terminal.status(now()).map(|status| status.clock)).await??;
    let mut body = value!(enrolled);
    body["exchanged"] = exchanged.into();
    body["clock"] = value!(clock);
    Ok(answer(StatusCode::CREATED, body))
}

/// Whether the first exchange went well; it can be made up for.
async fn first_exchange(app: &App, enrolled: &Enrolled) -> Result<bool, Problem> {
    let (writer, office) = (app.writer.clone(), enrolled.office.clone());
    let outcome = tokio::task::spawn_blocking(move || client::exchange(&writer, &office)).await.map_err(|_| Problem::bug())?;
    app.metrics.exchanged(&outcome);
    if let Err(error) = &outcome {
        tracing::warn!(%error, "the first exchange after enrolment failed");
    }
    Ok(outcome.is_ok())
}

/// An office's address as people write it: without `https://`, with a slash at its end. A number or `localhost` is of the house: `http://`.
fn office_address(text: &str) -> Result<String, Problem> {
    let sentence = "this is not an address: write it as but.stadt.example or https://but.stadt.example";
    let no_address = || wrong(StatusCode::UNPROCESSABLE_ENTITY, "address", sentence);
    let text = text.trim().trim_end_matches('/');
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
        None => (None, text),
    };
    let (authority, path) = rest.split_once('/').map_or((rest, String::new()), |(authority, path)| (authority, format!("/{path}")));
    let authority = authority.to_ascii_lowercase();
    let uri: axum::http::uri::Authority = authority.parse().map_err(|_| no_address())?;
    let name = uri.host();
    let of_the_house = name == "localhost" || name.starts_with('[') || name.parse::<std::net::IpAddr>().is_ok();
    let fits = !name.is_empty() && !authority.contains('@') && text.len() <= MAX_ADDRESS && (of_the_house || name.contains('.') || scheme.is_some());
    let path_fits = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~%".contains(&b));
    match scheme.as_deref() {
        Some("http" | "https") | None if fits && path_fits => {
            let scheme = scheme.unwrap_or_else(|| if of_the_house { "http".into() } else { "https".into() });
            Ok(format!("{scheme}://{authority}{path}"))
        }
        _ => Err(no_address()),
    }
}

/// Why an admission did not come over the network.
fn unanswered(error: &ExchangeError) -> Problem {
    let what = match error {
        ExchangeError::Certificate { .. } => "certificate",
        ExchangeError::ThroughProxy { .. } => "proxy",
        ExchangeError::Unreachable { .. } => "unreachable",
        ExchangeError::Declined { status: 403, said, .. } if said.contains("another provider") => "other_provider",
        ExchangeError::Declined { status: 403, .. } => "code_refused",
        ExchangeError::Declined { status: 429, .. } => "too_many",
        ExchangeError::Declined { status: 500.., .. } => "office_trouble",
        ExchangeError::Declined { .. } => "not_an_office",
        _ => return Problem::bug(),
    };
    wrong(StatusCode::BAD_GATEWAY, what, error.to_string())
}

/// Why an admission was not taken.
fn refused(error: CannotEnrol) -> Problem {
    let what = match &error {
        CannotEnrol::NoCode => "code",
        CannotEnrol::Unreadable(_) | CannotEnrol::Refused(_) => "unreadable",
        CannotEnrol::NotThatOffice => "other_office",
        CannotEnrol::NotThisTerminal => "other_box",
        CannotEnrol::Ended => "ended",
        CannotEnrol::OtherRoot(_) => "other_root",
        CannotEnrol::Older(_) => "older",
        CannotEnrol::SharedKey(_) => "shared_key",
        CannotEnrol::Store(_) => return store_failed(error),
    };
    wrong(StatusCode::UNPROCESSABLE_ENTITY, what, error.to_string())
}

fn store_failed(error: CannotEnrol) -> Problem {
    match error {
        CannotEnrol::Store(store) => store.into(),
        other => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, other.to_string()),
    }
}

/// What a page shows of an admission that is asked for: address and code.
pub(super) fn asked_for(terminal: &mut Terminal) -> Result<(String, String), StoreError> {
    let url = terminal.setting(Setting::AskedUrl)?.unwrap_or_default();
    Ok((url, terminal.setting(Setting::AskedCode)?.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::web::terminal::client::CertificateFault;

    #[test]
    fn whatever_stands_between_box_and_office_has_a_sentence_of_its_own() {
        let url = || "https://amt.example".to_owned();
        for fault in [CertificateFault::Expired, CertificateFault::NotYet, CertificateFault::Foreign] {
            assert_eq!(unanswered(&ExchangeError::Certificate { url: url(), fault }).what, Some("certificate"));
        }
        let proxy = ExchangeError::ThroughProxy { url: url(), proxy: "proxy.schule.example:3128".into(), why: "407".into() };
        assert_eq!(unanswered(&proxy).what, Some("proxy"));
        assert_eq!(unanswered(&ExchangeError::Unreachable { url: url(), why: "refused".into() }).what, Some("unreachable"));
    }

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (typed, address) in [
            ("but.stadt.example", "https://but.stadt.example"),
            (" https://BUT.Stadt.Example/ ", "https://but.stadt.example"),
            ("http://amt:8090", "http://amt:8090"),
            ("127.0.0.1:8090", "http://127.0.0.1:8090"),
            ("[::1]:8090/", "http://[::1]:8090"),
            ("localhost:8090", "http://localhost:8090"),
            ("https://kreis.example/teilhabe/", "https://kreis.example/teilhabe"),
        ] {
            assert_eq!(office_address(typed), Ok(address.to_owned()), "{typed}");
        }
        let long = format!("https://{}.example", "a".repeat(200));
        for typed in ["", "amt", "ftp://amt.example", "but stadt.example", "https://", "https://a@b.example", "https://b.example/<x>", "ü?", &long] {
            assert_eq!(office_address(typed).map_err(|problem| problem.what), Err(Some("address")), "{typed}");
        }
    }
}
