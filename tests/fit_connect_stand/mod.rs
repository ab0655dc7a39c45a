//! A stand-in for FIT-Connect's delivery service on this computer, built from its public documentation, with what can go wrong there.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use teilhabe::shell::secret_file;
use teilhabe::shell::web::fit_connect::{Jwk, Use, sign};

pub const DESTINATION: &str = "879ee109-a690-4db8-ab32-424284184d7d";
const SCHEMA: &str = "https://schema.fitko.de/fit-connect/set-payload/1.2.2/set-payload.schema.json";
const EVENTS: &str = "https://schema.fitko.de/fit-connect/events/";
const SECRET: &str = "s3cret & more";

/// Keys that everybody knows, from `vectors.json`.
pub fn keys() -> Value {
    let all: Value = serde_json::from_str(include_str!("vectors.json")).expect("JSON");
    all["keys"].clone()
}

#[derive(Clone, Debug, Default)]
pub struct Submission {
    pub case: String,
    pub attachments: BTreeMap<String, String>,
    pub metadata: String,
    pub data: String,
    pub state: &'static str,
}

/// What the service holds, and what is to go wrong there.
#[derive(Default)]
pub struct State {
    pub submissions: BTreeMap<String, Submission>,
    /// The event logs, by case.
    pub logs: BTreeMap<String, Vec<String>>,
    /// How often a token was given.
    pub tokens: usize,
    /// The one token that counts.
    token: String,
    /// Every request, as method and path.
    pub asked: Vec<String>,
    /// The destination's key for encryption, where it is not the right one.
    pub key: Option<Value>,
    pub destination_state: Option<&'static str>,
    /// The token counts no more after so many requests.
    pub expires_after: Option<usize>,
    /// So many requests are answered with 429.
    pub busy: usize,
    /// The next submission arrives, and its answer does not.
    pub loses_answer: bool,
    /// The next request is lost before the service has seen it.
    pub loses_submission: bool,
    /// So many events of the office are answered with 500.
    pub refuses_events: usize,
    number: u32,
}

pub struct Stand {
    state: Arc<Mutex<State>>,
    pub url: String,
    pub dir: PathBuf,
}

impl Stand {
    /// Starts one that keeps settings and keys in `dir`.
    pub fn start(dir: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || serve(&shared, stream));
            }
        });
        let keys = keys();
        for (file, key) in [("decryption.jwk", "destination_encryption"), ("signing.jwk", "destination_signature")] {
            secret_file::write(&dir.join(file), &keys[key]["private"].to_string()).expect("written");
        }
        secret_file::write(&dir.join("client.secret"), SECRET).expect("written");
        Self { state, url, dir: dir.to_owned() }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }

    /// Writes a file with settings that fit terminal and office.
    pub fn settings(&self, name: &str) -> PathBuf {
        let path = self.dir.join(name);
        let both = format!(
            "token_url = \"{0}/token\"\nsubmission_api = \"{0}/submission-api\"\nclient_id = \"a client\"\nclient_secret_file = \"client.secret\"\n\
             destination = \"{DESTINATION}\"\noffice = \"05562032\"\nservice = \"urn:de:fim:leika:leistung:99107023017000\"\n\
             service_name = \"Bildung und Teilhabe\"\nschema = \"https://but.example/fit-connect.schema.json\"\n\
             decryption_key_file = \"decryption.jwk\"\nsigning_key_file = \"signing.jwk\"\n",
            self.url
        );
        std::fs::write(&path, both).expect("written");
        path
    }

    /// The events in the log of a submission, by their last word, as they are written.
    pub fn events(&self, submission: &str) -> Vec<String> {
        let state = self.state();
        let case = &state.submissions[submission].case;
        state.logs[case].iter().map(|set| event_name(set).trim_start_matches(EVENTS).to_owned()).collect()
    }

    /// Puts an event into the log that `signer`'s key has signed under the name `kid`.
    pub fn forge(&self, submission: &str, event: &str, signer: &str, kid: &str) {
        let mut state = self.state();
        let found = state.submissions[submission].clone();
        let mut key = keys()[signer]["private"].clone();
        key["kid"] = kid.into();
        let set = signed(&key, DESTINATION, submission, &found.case, event, json!({"authenticationTags": tags(&found)}));
        state.logs.get_mut(&found.case).expect("a case").push(set);
    }
}

fn signed(key: &Value, issuer: &str, submission: &str, case: &str, event: &str, payload: Value) -> String {
    let key: Jwk = serde_json::from_value(key.clone()).expect("a key");
    let claims = json!({
        "$schema": SCHEMA, "iss": issuer, "sub": format!("submission:{submission}"), "txn": format!("case:{case}"), "iat": 1_795_600_000,
        "jti": "8538165b-9ce3-4097-871d-5b9581a3b4d9", "events": {format!("{EVENTS}{event}"): payload},
    });
    sign(&key.private(Use::Signature).expect("a key"), &claims).expect("signed")
}

fn tags(found: &Submission) -> Value {
    let tag = |text: &str| text.rsplit('.').next().expect("a tag").to_owned();
    let attachments: BTreeMap<_, _> = found.attachments.iter().map(|(id, text)| (id, tag(text))).collect();
    json!({"metadata": tag(&found.metadata), "data": tag(&found.data), "attachments": attachments})
}

fn claims(set: &str) -> Value {
    let payload = set.split('.').nth(1).expect("claims");
    serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).expect("base64")).expect("JSON")
}

fn event_name(set: &str) -> String {
    claims(set)["events"].as_object().expect("events").keys().next().expect("one").clone()
}

struct Request {
    method: String,
    path: String,
    token: String,
    body: String,
}

fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut parts = line.split_whitespace();
    let (method, path) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let (mut length, mut token) = (0, String::new());
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" => token = value.trim().trim_start_matches("Bearer ").to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Request { method, path, token, body: String::from_utf8(body).ok()? })
}

fn serve(state: &Mutex<State>, stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let mut stream = stream;
    while let Some(request) = read(&mut reader) {
        let Some((status, extra, body)) = answer(&mut state.lock().expect("not poisoned"), &request) else { return };
        let head = format!("HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{extra}\r\n", body.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).is_err() {
            return;
        }
    }
}

/// Status, a further header, and the body.
type Answered = (u16, &'static str, String);

/// None closes the connection without an answer.
fn answer(state: &mut State, request: &Request) -> Option<Answered> {
    state.asked.push(format!("{} {}", request.method, request.path));
    if request.path == "/token" {
        let right = "grant_type=client_credentials&client_id=a%20client&client_secret=s3cret%20%26%20more";
        if request.body != right {
            return no(401, "invalid_client");
        }
        state.tokens += 1;
        state.token = format!("token-{}", state.tokens);
        return ok(json!({"access_token": state.token, "token_type": "Bearer", "expires_in": 1800}));
    }
    let path = request.path.strip_prefix("/submission-api")?;
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    if path == "/.well-known/jwks.json" {
        return ok(json!({"keys": [keys()["service"]["public"]]}));
    }
    if let Some(left) = &mut state.expires_after {
        if *left == 0 {
            (state.expires_after, state.token) = (None, "another".into());
        } else {
            *left -= 1;
        }
    }
    if request.token != state.token {
        return no(401, "Unauthorized");
    }
    if state.busy > 0 {
        state.busy -= 1;
        return Some((429, "Retry-After: 0\r\n", String::new()));
    }
    let parts: Vec<&str> = path.trim_start_matches("/v2/").split('/').collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["destinations", asked @ ..]) => destination(state, asked),
        ("PUT" | "POST", _) => sent(state, request, &parts),
        _ => fetched(state, &parts),
    }
}

fn ok(body: Value) -> Option<Answered> {
    Some((200, "", body.to_string()))
}

fn no(status: u16, title: &str) -> Option<Answered> {
    Some((status, "", json!({"title": title}).to_string()))
}

/// The destination, and its keys.
fn destination(state: &State, asked: &[&str]) -> Option<Answered> {
    let all = keys();
    let [_, "keys", kid] = asked else {
        let kid = &all["destination_encryption"]["public"]["kid"];
        return ok(json!({"destinationId": DESTINATION, "status": state.destination_state.unwrap_or("active"), "encryptionKid": kid}));
    };
    let known = ["destination_encryption", "destination_signature"].map(|name| all[name]["public"].clone());
    let found = known.into_iter().find(|key| key["kid"] == *kid);
    let found = match (&state.key, &found) {
        (Some(other), Some(right)) if right["alg"] == "RSA-OAEP-256" => Some(other.clone()),
        _ => found,
    };
    found.map_or_else(|| no(404, "No such key"), ok)
}

/// What terminal and office bring.
fn sent(state: &mut State, request: &Request, parts: &[&str]) -> Option<Answered> {
    match parts {
        ["submissions"] => {
            state.number += 1;
            let id = |kind: u32| format!("{kind:08x}-0000-4000-8000-{:012x}", state.number);
            let (submission, case) = (id(1), id(2));
            state.logs.insert(case.clone(), Vec::new());
            state.submissions.insert(submission.clone(), Submission { case: case.clone(), state: "incomplete", ..Submission::default() });
            Some((201, "", json!({"submissionId": submission, "caseId": case, "destinationId": DESTINATION}).to_string()))
        }
        ["submissions", submission, "attachments", attachment] => {
            state.submissions.get_mut(*submission)?.attachments.insert((*attachment).to_owned(), request.body.clone());
            Some((204, "", String::new()))
        }
        ["submissions", submission] => submit(state, submission, &request.body),
        ["cases", case, "events"] => {
            if state.refuses_events > 0 {
                state.refuses_events -= 1;
                return no(500, "Something broke");
            }
            let event = event_name(&request.body);
            let submission = claims(&request.body)["sub"].as_str()?.trim_start_matches("submission:").to_owned();
            state.submissions.get_mut(&submission)?.state = if event.ends_with("accept-submission") { "accepted" } else { "rejected" };
            state.logs.get_mut(*case)?.push(request.body.clone());
            Some((204, "", String::new()))
        }
        _ => no(404, "No such path"),
    }
}

/// What they fetch.
fn fetched(state: &State, parts: &[&str]) -> Option<Answered> {
    match parts {
        ["submissions"] => {
            let waiting = state.submissions.iter().filter(|(_, s)| s.state == "submitted");
            let waiting: Vec<Value> = waiting.map(|(id, s)| json!({"destinationId": DESTINATION, "submissionId": id, "caseId": s.case})).collect();
            ok(json!({"offset": 0, "count": waiting.len(), "totalCount": waiting.len(), "submissions": waiting}))
        }
        ["submissions", submission] => {
            let found = state.submissions.get(*submission)?;
            let attachments: Vec<_> = found.attachments.keys().collect();
            ok(json!({"encryptedMetadata": found.metadata, "encryptedData": found.data, "attachments": attachments}))
        }
        ["submissions", submission, "attachments", attachment] => {
            let found = state.submissions.get(*submission)?.attachments.get(*attachment).cloned();
            found.map_or_else(|| no(404, "No such attachment"), |text| Some((200, "", text)))
        }
        ["cases", case, "events"] => match state.logs.get(*case) {
            Some(log) => ok(json!({"offset": 0, "count": log.len(), "totalCount": log.len(), "eventLog": log})),
            None => no(404, "No such case"),
        },
        _ => no(404, "No such path"),
    }
}

fn submit(state: &mut State, submission: &str, body: &str) -> Option<Answered> {
    if std::mem::take(&mut state.loses_submission) {
        return None;
    }
    let body: Value = serde_json::from_str(body).ok()?;
    let found = state.submissions.get_mut(submission)?;
    found.metadata = body["encryptedMetadata"].as_str()?.to_owned();
    found.data = body["encryptedData"].as_str()?.to_owned();
    found.state = "submitted";
    let found = found.clone();
    let payload = json!({"authenticationTags": tags(&found)});
    let set = signed(&keys()["service"]["private"], "https://submission-api.example", submission, &found.case, "submit-submission", payload);
    state.logs.get_mut(&found.case)?.push(set);
    if std::mem::take(&mut state.loses_answer) { None } else { Some((200, "", "{}".into())) }
}
