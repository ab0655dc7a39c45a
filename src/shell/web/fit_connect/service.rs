//! The requests to the delivery service, one function each. Where a request is documented stands beside it; `sdk-java` is Submission API
//! 1.0.7 at git.fitko.de/fit-connect/sdk-java, `php` is github.com/optiGov/php-fitconnect.

use super::event::{Event, Happened, issuer};
use super::jose::{Jwk, PublicKey, Signed, Use, is_name};
use super::{Access, FitConnectError, is_uuid};
use crate::shell::web::{outgoing, proxy};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::http::Request;
use zeroize::Zeroizing;

/// How long the service may take to accept a connection, and to answer.
const CONNECT: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(300);
/// The largest answer: an envelope of 17 MiB, packed into JWE and JSON.
const MAX_ANSWER: u64 = 32 * 1024 * 1024;
/// How often a busy service is asked, and the longest it is waited for in between.
const TRIES: usize = 3;
const MAX_PAUSE: Duration = Duration::from_secs(20);
/// How long before its end a token is not used any more.
const TOKEN_MARGIN: Duration = Duration::from_secs(30);
/// How many submissions and events are asked for at once; the service's own bound is 500.
const PAGE: usize = 100;
/// How many pages at most.
const MAX_PAGES: usize = 50;
const MAX_SAID: usize = 300;

/// The service, as one client of it.
pub struct Service {
    access: Access,
    agent: Agent,
    token: Option<(Zeroizing<String>, Instant)>,
    /// Keys that have signed events, by issuer and name.
    keys: BTreeMap<(String, String), Option<PublicKey>>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("access", &self.access).finish_non_exhaustive()
    }
}

/// A submission that waits to be fetched.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// The submission.
    pub submission_id: String,
    /// Its case.
    pub case_id: String,
}

/// Metadata and data of a submission, encrypted.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fetched {
    /// The metadata.
    pub encrypted_metadata: String,
    /// The data.
    pub encrypted_data: String,
}

/// The event log of a submission, as far as its signatures count.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The events in order.
    pub events: Vec<Event>,
    /// How many entries are not signed as they must be; nothing in them counts.
    pub doubtful: usize,
}

impl Log {
    /// The schema that the service names in its own events.
    pub fn schema(&self) -> Option<&str> {
        self.events.iter().find_map(|event| event.schema.as_deref().filter(|_| matches!(event.happened, Happened::Submitted(_))))
    }
}

struct Answer {
    status: u16,
    body: Vec<u8>,
    pause: Option<Duration>,
}

impl Service {
    /// A client that has not asked for anything yet.
    pub fn new(access: Access, agent: Agent) -> Self {
        Self { access, agent, token: None, keys: BTreeMap::new() }
    }

    /// The settings of an agent that speaks with the service.
    pub fn agent() -> Agent {
        outgoing::client(WHOLE).timeout_connect(Some(CONNECT)).build().into()
    }

    /// The office's destination.
    pub fn destination(&self) -> &str {
        &self.access.destination
    }

    /// The key that submissions to the destination are encrypted with, if it takes any (sending/get-destination; v2: php `getDestination`).
    pub fn encryption_key(&mut self) -> Result<PublicKey, FitConnectError> {
        const WHAT: &str = "show the destination";
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Destination {
            status: String,
            encryption_kid: String,
        }
        let path = format!("/v2/destinations/{}", self.access.destination);
        let found: Destination = self.json(WHAT, "GET", &path, None)?;
        if found.status != "active" {
            return Err(FitConnectError::NotActive(self.access.destination.clone()));
        }
        let refused = |why| FitConnectError::Key { which: found.encryption_kid.clone(), why };
        if !is_name(&found.encryption_kid) {
            return Err(FitConnectError::Answer { what: WHAT, why: "its key has no name that can be asked for".into() });
        }
        let jwk: Jwk = self.json("show the destination's key", "GET", &format!("{path}/keys/{}", found.encryption_kid), None)?;
        jwk.public(Use::Encryption).and_then(|key| key.called(&found.encryption_kid)).map_err(refused)
    }

    /// Announces a submission with one attachment (sending/start-submission; v2: php `announceSubmission`).
    pub fn announce(&mut self, attachment: &str, service: &(String, String)) -> Result<Listed, FitConnectError> {
        const WHAT: &str = "begin a submission";
        let body = json!({
            "destinationId": self.access.destination, "announcedAttachments": [attachment],
            "publicService": {"identifier": service.0, "name": service.1},
        });
        let listed: Listed = self.json(WHAT, "POST", "/v2/submissions", Some(("application/json", body.to_string())))?;
        if is_uuid(&listed.submission_id) && is_uuid(&listed.case_id) {
            Ok(listed)
        } else {
            Err(FitConnectError::Answer { what: WHAT, why: "its names are no UUIDs".into() })
        }
    }

    /// Uploads an attachment, encrypted (sending/attachments).
    pub fn upload(&mut self, submission: &str, attachment: &str, jwe: String) -> Result<(), FitConnectError> {
        let path = format!("/v2/submissions/{submission}/attachments/{attachment}");
        self.done("take the attachment", "PUT", &path, Some(("application/jose", jwe)))
    }

    /// Submits what was announced (sending/submit).
    pub fn submit(&mut self, submission: &str, metadata: &str, data: &str) -> Result<(), FitConnectError> {
        let body = json!({"encryptedMetadata": metadata, "encryptedData": data}).to_string();
        self.done("take the submission", "PUT", &format!("/v2/submissions/{submission}"), Some(("application/json", body)))
    }

    /// The submissions that wait for this destination (receiving/notification; `sdk-java` GET /v1/submissions).
    pub fn waiting(&mut self) -> Result<Vec<Listed>, FitConnectError> {
        #[derive(Deserialize)]
        struct Page {
            submissions: Vec<Listed>,
        }
        let mut all: Vec<Listed> = Vec::new();
        for page in 0..MAX_PAGES {
            let path = format!("/v2/submissions?destinationId={}&limit={PAGE}&offset={}", self.access.destination, page * PAGE);
            let found: Page = self.json("list what waits", "GET", &path, None)?;
            let full = found.submissions.len() >= PAGE;
            all.extend(found.submissions.into_iter().filter(|l| is_uuid(&l.submission_id) && is_uuid(&l.case_id)));
            if !full {
                break;
            }
        }
        Ok(all)
    }

    /// Metadata and data of one (receiving/download-submission).
    pub fn fetch(&mut self, submission: &str) -> Result<Fetched, FitConnectError> {
        self.json("hand out the submission", "GET", &format!("/v2/submissions/{submission}"), None)
    }

    /// One attachment of it, encrypted.
    pub fn attachment(&mut self, submission: &str, attachment: &str) -> Result<String, FitConnectError> {
        const WHAT: &str = "hand out the attachment";
        let answer = self.ask(WHAT, "GET", &format!("/v2/submissions/{submission}/attachments/{attachment}"), None)?;
        String::from_utf8(answer).map_err(|_| FitConnectError::Answer { what: WHAT, why: "it is no text".into() })
    }

    /// Puts a signed event into a case's log (receiving/process-and-acknowledge).
    pub fn say(&mut self, case: &str, event: String) -> Result<(), FitConnectError> {
        self.done("note the office's answer", "POST", &format!("/v2/cases/{case}/events"), Some(("application/jose", event)))
    }

    /// The event log of a submission, each signature looked at; none where the service knows no such case.
    pub fn log(&mut self, of: &Listed) -> Result<Option<Log>, FitConnectError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page {
            event_log: Vec<String>,
        }
        let mut log = Log::default();
        for page in 0..MAX_PAGES {
            let path = format!("/v2/cases/{}/events?limit={PAGE}&offset={}", of.case_id, page * PAGE);
            let found: Page = match self.json("show the event log", "GET", &path, None) {
                Ok(page) => page,
                Err(FitConnectError::Declined { status: 404, .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
            for text in &found.event_log {
                match self.event(text, of)? {
                    Some(Ok(event)) => log.events.push(event),
                    Some(Err(())) => log.doubtful += 1,
                    None => {}
                }
            }
            if found.event_log.len() < PAGE {
                break;
            }
        }
        Ok(Some(log))
    }

    /// One entry of a log: `Err` where it is not signed as it must be, none where it is about something else.
    fn event(&mut self, text: &str, of: &Listed) -> Result<Option<Result<Event, ()>>, FitConnectError> {
        let Ok(signed) = Signed::parse(text) else { return Ok(Some(Err(()))) };
        let by_destination = issuer(&signed) == Some(self.access.destination.as_str());
        let Some(key) = self.signature_key(by_destination, &signed.kid)? else { return Ok(Some(Err(()))) };
        let event = signed.verify(&key).and_then(|claims| Event::read(&claims, &of.submission_id, &of.case_id, by_destination));
        Ok(event.map_or(Some(Err(())), |event| event.map(Ok)))
    }

    /// The key called `kid`, of the destination or of the service itself; none where there is no such key, or it is not for signatures.
    fn signature_key(&mut self, of_destination: bool, kid: &str) -> Result<Option<PublicKey>, FitConnectError> {
        let owner = if of_destination { self.access.destination.clone() } else { String::new() };
        if let Some(known) = self.keys.get(&(owner.clone(), kid.to_owned())) {
            return Ok(known.clone());
        }
        let jwk = if of_destination {
            let path = format!("/v2/destinations/{owner}/keys/{kid}");
            match self.json("show the destination's key", "GET", &path, None) {
                Ok(jwk) => Some(jwk),
                Err(FitConnectError::Declined { status: 404, .. }) => None,
                Err(error) => return Err(error),
            }
        } else {
            #[derive(Deserialize)]
            struct Keys {
                keys: Vec<Value>,
            }
            let keys: Keys = self.json("show its keys", "GET", "/.well-known/jwks.json", None)?;
            let named = keys.keys.into_iter().find(|key| key.get("kid").and_then(Value::as_str) == Some(kid));
            named.and_then(|key| serde_json::from_value::<Jwk>(key).ok())
        };
        let key = jwk.and_then(|jwk| jwk.public(Use::Signature).ok()).and_then(|key| key.called(kid).ok());
        self.keys.insert((owner, kid.to_owned()), key.clone());
        Ok(key)
    }

    fn json<T: DeserializeOwned>(
        &mut self,
        what: &'static str,
        method: &str,
        path: &str,
        body: Option<(&str, String)>,
    ) -> Result<T, FitConnectError> {
        let answer = self.ask(what, method, path, body)?;
        serde_json::from_slice(&answer).map_err(|why| FitConnectError::Answer { what, why: why.to_string() })
    }

    fn done(&mut self, what: &'static str, method: &str, path: &str, body: Option<(&str, String)>) -> Result<(), FitConnectError> {
        self.ask(what, method, path, body).map(|_| ())
    }

    /// Asks for something. A token that counts no more is had anew once; a busy service is asked again after the time it names.
    fn ask(&mut self, what: &'static str, method: &str, path: &str, body: Option<(&str, String)>) -> Result<Vec<u8>, FitConnectError> {
        let url = format!("{}{path}", self.access.submission_api);
        let body = body.as_ref().map(|(kind, text)| (*kind, text.as_bytes()));
        let mut renewed = false;
        for _ in 0..TRIES {
            let token = self.token()?;
            let mut answer = self.send(method, &url, Some(&token), body)?;
            if answer.status == 401 && !renewed {
                (renewed, self.token) = (true, None);
                let token = self.token()?;
                answer = self.send(method, &url, Some(&token), body)?;
            }
            match answer.status {
                200..=299 => return Ok(answer.body),
                401 => return Err(FitConnectError::Credentials { said: sentence(&answer.body) }),
                429 | 503 => std::thread::sleep(answer.pause.unwrap_or(Duration::from_secs(2)).min(MAX_PAUSE)),
                status => return Err(FitConnectError::Declined { what, status, said: sentence(&answer.body) }),
            }
        }
        Err(FitConnectError::Busy)
    }

    /// An access token (getting-started/authentication; RFC 6749 § 4.4, the secret in the body).
    fn token(&mut self) -> Result<Zeroizing<String>, FitConnectError> {
        const WHAT: &str = "give an access token";
        #[derive(Deserialize)]
        struct Granted {
            access_token: Zeroizing<String>,
            expires_in: u64,
        }
        if let Some((token, _)) = self.token.as_ref().filter(|(_, until)| Instant::now() < *until) {
            return Ok(token.clone());
        }
        let (id, secret) = (encoded(&self.access.client_id), encoded(&self.access.client_secret));
        let body = Zeroizing::new(format!("grant_type=client_credentials&client_id={}&client_secret={}", id.as_str(), secret.as_str()));
        let asked = Instant::now();
        let url = self.access.token_url.clone();
        let mut answer = self.send("POST", &url, None, Some(("application/x-www-form-urlencoded", body.as_bytes())))?;
        if matches!(answer.status, 429 | 503) {
            std::thread::sleep(answer.pause.unwrap_or(Duration::from_secs(2)).min(MAX_PAUSE));
            answer = self.send("POST", &url, None, Some(("application/x-www-form-urlencoded", body.as_bytes())))?;
        }
        match answer.status {
            200 => {}
            400 | 401 | 403 => return Err(FitConnectError::Credentials { said: sentence(&answer.body) }),
            429 | 503 => return Err(FitConnectError::Busy),
            status => return Err(FitConnectError::Declined { what: WHAT, status, said: sentence(&answer.body) }),
        }
        let granted: Granted = serde_json::from_slice(&answer.body).map_err(|why| FitConnectError::Answer { what: WHAT, why: why.to_string() })?;
        let life = Duration::from_secs(granted.expires_in.min(86_400)).saturating_sub(TOKEN_MARGIN);
        self.token = Some((granted.access_token.clone(), asked + life));
        Ok(granted.access_token)
    }

    fn send(&self, method: &str, url: &str, token: Option<&str>, body: Option<(&str, &[u8])>) -> Result<Answer, FitConnectError> {
        let way = || proxy::on_the_way_to(url).map_or_else(|| url.to_owned(), |proxy| format!("{url} through the proxy {proxy}"));
        let unreachable = |why: ureq::Error| FitConnectError::Unreachable { url: way(), why: why.to_string() };
        let mut request = Request::builder().method(method).uri(url).header("Accept", "application/json, application/jose");
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let sent = match body {
            Some((kind, bytes)) => request.header("Content-Type", kind).body(bytes).map_err(|e| unreachable(e.into())).map(|r| self.agent.run(r)),
            None => request.body(()).map_err(|e| unreachable(e.into())).map(|r| self.agent.run(r)),
        };
        let mut response = sent?.map_err(unreachable)?;
        let pause = response.headers().get("Retry-After").and_then(|v| v.to_str().ok()).and_then(|v| v.trim().parse().ok()).map(Duration::from_secs);
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().map_err(unreachable)?;
        Ok(Answer { status, body, pause })
    }
}

/// What may stand in a form (RFC 3986 § 2.3 says what needs no escape).
fn encoded(text: &str) -> Zeroizing<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    Zeroizing::new(text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect())
}

/// What the service says went wrong (RFC 7807), as far as a person can read it.
fn sentence(answer: &[u8]) -> String {
    let problem: Option<Value> = serde_json::from_slice(answer).ok();
    let names = ["detail", "title", "error_description", "error"];
    let said = problem.as_ref().and_then(|p| names.iter().find_map(|name| p.get(name)?.as_str()));
    let plain: String = said.unwrap_or_default().chars().filter(|c| !c.is_control()).take(MAX_SAID).collect();
    if plain.trim().is_empty() { "it gave no reason".into() } else { plain }
}
