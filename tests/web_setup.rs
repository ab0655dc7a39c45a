//! From an empty folder to the first scan, over HTTP: admission by network and by file with every way it can fail, settings, training.
#![cfg(all(feature = "terminal", feature = "office"))]

mod office_town;
mod town;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use std::path::Path;
use teilhabe::office::{NewProvider, Office, SecondFactor, ServiceTerms};
use teilhabe::shell::door::{now, os_chance};
use teilhabe::shell::terminal_dir;
use teilhabe::shell::training;
use teilhabe::shell::web::office::{Desk, serve_on};
use teilhabe::shell::web::terminal::App;
use teilhabe::shell::web::terminal::writer::Writer;
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::ids::{Handle, ProviderNumber, TokenId};
use teilhabe::words::time::UtcMs;
use tower::ServiceExt;
use town::{PaperOffice, Town, allowances, keys};
use zeroize::Zeroizing;

const HOST: &str = "127.0.0.1:8080";
const KEY: &str = "0123456789abcdef";

/// A browser at a box.
struct Browser {
    app: Router,
    cookie: String,
    /// What the page shown says of training, as its header.
    shown: Option<&'static str>,
}

fn app(terminal: teilhabe::terminal::Terminal) -> Router {
    let (writer, _) = Writer::start(terminal, os_chance());
    App::new(writer, HOST.parse().expect("an address"), &[], Zeroizing::new(KEY.into())).router()
}

/// An empty box whose data is in `dir`, opened as `terminal serve` does.
fn empty_box(dir: &Path) -> Router {
    app(terminal_dir::open_or_create(dir, &mut os_chance(), now()).expect("a terminal"))
}

impl Browser {
    async fn at(app: Router) -> Self {
        let mut browser = Self { app, cookie: String::new(), shown: None };
        let page = browser.open("/pin").await;
        let cookie = page.headers()["set-cookie"].to_str().expect("text");
        browser.cookie = cookie.split(';').next().expect("a cookie").to_owned();
        browser
    }

    async fn send(&self, request: axum::http::request::Builder, body: Body) -> Response<Body> {
        let request = request.header("host", HOST).header("cookie", &self.cookie);
        let request = self.shown.into_iter().fold(request, |request, shown| request.header("x-training", shown));
        self.app.clone().oneshot(request.body(body).expect("a request")).await.expect("infallible")
    }

    async fn open(&self, path: &str) -> Response<Body> {
        self.send(Request::get(path).header("accept", "text/html"), Body::empty()).await
    }

    async fn page(&self, path: &str) -> String {
        let response = self.open(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        text(response).await
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.send(Request::get(path), Body::empty()).await;
        let status = response.status();
        let body = text(response).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or(Value::String(body))
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = Request::post(path).header("content-type", "application/json");
        let response = self.send(request, Body::from(body.to_string())).await;
        let status = response.status().as_u16();
        let body = text(response).await;
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    /// The status, and what is wrong by its code.
    async fn fails(&self, path: &str, body: &Value) -> (u16, String) {
        let (status, problem) = self.post(path, body).await;
        assert!(problem["detail"].as_str().is_some_and(|sentence| sentence.len() > 10), "{path} {body}: {problem}");
        (status, problem["what"].as_str().unwrap_or_default().to_owned())
    }
}

async fn text(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), 40_000_000).await.expect("a body");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An office with one provider, and the code for its first box.
fn office() -> (Office, ProviderNumber, String) {
    let mut office = office_town::empty(now());
    let terms = |text| ServiceTerms::parse(text, CivilDay::of(now())).expect("terms");
    let services = vec![terms("lunch:lunch:Mittagessen:450"), terms("mathe:tutoring:Mathe:2200:45:MA")];
    let new = NewProvider { name: "Mensa am Park".into(), iban: "DE89370400440532013000".into(), services };
    let (number, code) = office.add_provider(&new, now()).expect("a provider");
    (office, number, code.grouped())
}

/// Serves an office on this machine; where it is reached.
async fn serving(office: Office) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio::spawn(serve_on(listener, office, KEY.into(), Vec::new()));
    address
}

/// Something that answers every enrolment the same way.
async fn answering(status: u16, body: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let answer = move || async move { (StatusCode::from_u16(status).expect("a status"), body).into_response() };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    address
}

#[tokio::test]
async fn an_empty_box_is_set_up_step_by_step() {
    let dir = tempfile::tempdir().expect("a folder");
    let browser = Browser::at(empty_box(dir.path())).await;
    let first = browser.open("/").await;
    assert_eq!((first.status().as_u16(), first.headers()["location"].to_str().ok()), (303, Some("/setup")));
    assert!(browser.page("/setup").await.contains("id=\"language\""));
    assert!(browser.page("/setup?step=end").await.contains("name=\"code\""), "nothing comes before the admission");
    let step = |step: &str| json!({"set_up": step});
    assert_eq!(browser.post("/api/v1/settings", &json!({"language": "de", "set_up": "office"})).await.0, 200);
    let (office, _, code) = office();
    let address = serving(office).await;
    let (status, enrolled) = browser.post("/api/v1/offices", &json!({"url": address, "code": code.to_lowercase().replace(' ', "-")})).await;
    assert_eq!(status, 201, "{enrolled}");
    assert_eq!((&enrolled["provider_name"], &enrolled["exchanged"], &enrolled["clock"]), (&json!("Mensa am Park"), &json!(true), &json!("ok")));
    assert_eq!(browser.open("/").await.status(), 303, "in the middle of it");
    browser.post("/api/v1/settings", &step("name")).await;
    assert_eq!(browser.post("/api/v1/settings", &json!({"name": "Ausgabe 1", "set_up": "services"})).await.1["name"], json!("Ausgabe 1"));
    let services = browser.page("/setup").await;
    assert!(services.contains("Mittagessen") && services.contains("4,50") && services.contains("/ 45 min"), "{services}");
    assert_eq!(browser.post("/api/v1/settings", &json!({"service": "lunch", "set_up": "pins"})).await.0, 200);
    drop(browser);
    let again = Browser::at(empty_box(dir.path())).await;
    assert!(again.page("/setup").await.contains("class=\"pin-row\""), "a restart goes on where one was");
    again.post("/api/v1/settings", &step("scanner")).await;
    let scanner = again.page("/setup").await;
    assert!(scanner.contains("<svg") && scanner.contains("id=\"scanner\""));
    let sample = &training::cards(now())[0].code;
    assert_eq!(again.post("/api/v1/checks", &json!({"code": sample})).await.1["practice"], json!(true));
    again.post("/api/v1/settings", &step("end")).await;
    assert!(again.page("/setup").await.contains("id=\"practise\""));
    again.post("/api/v1/settings", &step("done")).await;
    assert!(again.page("/").await.contains("Ausgabe 1"));
    assert_eq!(again.get("/api/v1/checkup").await["well"], json!(true));
}

#[tokio::test]
async fn every_way_an_admission_fails_is_told_apart() {
    let dir = tempfile::tempdir().expect("a folder");
    let browser = Browser::at(empty_box(dir.path())).await;
    let (office, _, code) = office();
    let address = serving(office).await;
    let ask = async |url: &str, code: &str| browser.fails("/api/v1/offices", &json!({"url": url, "code": code})).await;
    for no_address in ["", "amt", "https://", "ftp://amt.example", "das amt"] {
        assert_eq!(ask(no_address, &code).await, (422, "address".into()), "{no_address}");
    }
    let card = &training::cards(now())[0].code;
    for no_code in ["", "E", "426226227885", card, &code[..20], &format!("{code}0")] {
        assert_eq!(ask(&address, no_code).await, (422, "code".into()), "{no_code}");
    }
    for (status, body, what) in [
        (404, "nothing here", "not_an_office"),
        (405, "", "not_an_office"),
        (302, "", "not_an_office"),
        (200, "<html>a router's page</html>", "not_an_office"),
        (200, "{\"root\":\"\",\"trust\":\"\",\"credential\":\"\"}", "unreadable"),
        (500, "", "office_trouble"),
        (503, "{\"detail\":\"the disk\"}", "office_trouble"),
        (403, "{\"detail\":\"this code is wrong\"}", "code_refused"),
        (429, "{\"detail\":\"come again in 30 seconds\"}", "too_many"),
        (403, "{\"detail\":\"this terminal is admitted for another provider: set up a new one\"}", "other_provider"),
    ] {
        let expected = if what == "unreadable" { 422 } else { 502 };
        assert_eq!(ask(&answering(status, body).await, &code).await, (expected, what.into()), "{status} {body}");
    }
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address").to_string();
    assert_eq!(ask(&closed, &code).await, (502, "unreachable".into()), "the port is closed again");
    let mistyped = |at: usize| {
        let plain: String = code.replace(' ', "");
        let other = if plain.as_bytes()[at] == b'7' { "8" } else { "7" };
        format!("{}{other}{}", &plain[..at], &plain[at + 1..])
    };
    assert_eq!(ask(&address, &mistyped(2)).await, (502, "code_refused".into()), "in its first half");
    assert_eq!(ask(&address, &mistyped(30)).await, (422, "other_office".into()), "in its second half");
    let page = browser.page("/setup?step=office").await;
    assert!(page.contains(&mistyped(30)) && page.contains(&address), "what was typed is kept");
    assert_eq!(browser.post("/api/v1/offices", &json!({"url": address, "code": code})).await.0, 201, "the code is still good for this box");
    let other = tempfile::tempdir().expect("a folder");
    let second = Browser::at(empty_box(other.path())).await;
    let again = json!({"url": address, "code": code});
    assert_eq!(second.fails("/api/v1/offices", &again).await, (502, "code_refused".into()), "used by another box");
}

/// A clerk's browser at an office: what it answers to a form.
async fn clerk_sends(desk: &Router, cookie: &str, path: &str, kind: &str, body: Vec<u8>) -> Response<Body> {
    let request = Request::post(path).header("host", "localhost:8090").header("origin", "http://localhost:8090").header("cookie", cookie);
    desk.clone().oneshot(request.header("content-type", kind).body(Body::from(body)).expect("a request")).await.expect("infallible")
}

const FORM: &str = "application/x-www-form-urlencoded";
const UPLOAD: &str = "multipart/form-data; boundary=----b";

/// Admits Anna, who signs in with this password alone.
fn clerk(office: &mut Office) -> &'static str {
    office.set_clerk("Anna", "korrekt-pferd", now()).expect("a clerk");
    office.set_second_factor("cli", SecondFactor::Optional, now()).expect("set");
    "korrekt-pferd"
}

fn upload(file: &[u8]) -> Vec<u8> {
    let head = b"------b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"anmeldung.cbor\"\r\n\r\n";
    [head, file, b"\r\n------b--\r\n".as_slice()].concat()
}

#[tokio::test]
async fn a_box_without_network_is_admitted_by_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let browser = Browser::at(empty_box(dir.path())).await;
    let (mut office, number, code) = office();
    let password = clerk(&mut office);
    let desk = Desk::new(office, KEY.into(), "127.0.0.1:8090".parse().expect("an address"), &[]).expect("a desk").router();
    let signed_in = clerk_sends(&desk, "", "/login", FORM, format!("name=Anna&password={password}").into_bytes()).await;
    let cookie = signed_in.headers()["set-cookie"].to_str().expect("text").split(';').next().expect("a cookie").to_owned();
    let request = Request::post("/api/v1/offices/request").header("content-type", "application/json");
    let file = browser.send(request, Body::from(json!({"code": code, "label": "Ausgabe 1"}).to_string())).await;
    assert_eq!((file.status().as_u16(), file.headers()["content-type"].to_str().ok()), (200, Some("application/cbor")));
    let file = to_bytes(file.into_body(), 100_000).await.expect("a file");
    for (kind, body) in [(UPLOAD, upload(b"a photo")), (UPLOAD, b"rubbish".to_vec()), (FORM, b"file=x".to_vec()), (UPLOAD, upload(b""))] {
        let refused = clerk_sends(&desk, &cookie, "/providers/enrolment", kind, body).await;
        assert_eq!(refused.status(), 422);
        assert!(text(refused).await.contains("anmeldung.cbor"));
    }
    assert_eq!(clerk_sends(&desk, "", "/providers/enrolment", UPLOAD, upload(&file)).await.status(), 303, "nobody is signed in");
    let answer = clerk_sends(&desk, &cookie, "/providers/enrolment", UPLOAD, upload(&file)).await;
    assert!(answer.headers()["content-disposition"].to_str().is_ok_and(|name| name.contains("antwort.json")));
    let answer = text(answer).await;
    for (wrong, what) in [("rubbish", "unreadable"), ("{}", "unreadable"), ("", "unreadable")] {
        let body = json!({"code": code, "answer": wrong});
        assert_eq!(browser.fails("/api/v1/offices/answer", &body).await, (422, what.into()), "{wrong}");
    }
    let other = tempfile::tempdir().expect("a folder");
    let second = Browser::at(empty_box(other.path())).await;
    let given = json!({"code": code, "answer": answer});
    assert_eq!(second.fails("/api/v1/offices/answer", &given).await, (422, "other_box".into()));
    assert!(browser.page("/setup?step=office").await.contains(&code), "the code waits for the answer");
    let (status, enrolled) = browser.post("/api/v1/offices/answer", &given).await;
    assert_eq!((status, &enrolled["exchanged"], &enrolled["provider"]), (201, &json!(false), &json!(number)), "{enrolled}");
    assert!(!browser.page("/setup?step=office").await.contains(&code), "it is used");
    let (status, problem) = browser.post("/api/v1/exchange", &json!({})).await;
    assert!(status == 502 && problem["detail"].as_str().is_some_and(|s| s.contains("no address")), "{problem}");
    let office = enrolled["office"].as_str().expect("an office");
    let moved = |url: &str| (format!("/api/v1/offices/{office}/address"), json!({"url": url}));
    let (path, body) = moved("nowhere");
    assert_eq!(browser.fails(&path, &body).await, (422, "address".into()));
    let (path, body) = moved("but.stadt.example/");
    assert_eq!(browser.post(&path, &body).await.1["url"], json!("https://but.stadt.example"));
    assert!(browser.page("/settings").await.contains("https://but.stadt.example"));
    assert_eq!(browser.post("/api/v1/offices/00000/address", &body).await.0, 404);
}

#[tokio::test]
async fn a_clerk_prints_the_slip_and_takes_a_request_on_the_command_line() {
    let dir = tempfile::tempdir().expect("a folder");
    let teilhabe = |arguments: &[&str]| {
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_teilhabe")).args(arguments).arg("--data").arg(dir.path()).arg("--json").output();
        let done = done.expect("it runs");
        (done.status.success(), serde_json::from_slice::<Value>(&done.stdout).unwrap_or_default())
    };
    teilhabe(&["office", "init", "--id", "05562032", "--name", "Stadt", "--debtor-iban", "DE02120300000000202051"]);
    let provider = ["office", "provider", "add", "--name", "Mensa", "--iban", "DE89370400440532013000", "--service", "lunch:lunch:Mittagessen:450"];
    let code = teilhabe(&provider).1["enrolment_code"].as_str().expect("a code").to_owned();
    let (request, out) = (dir.path().join("anmeldung.cbor"), dir.path().join("antwort.json"));
    let box_dir = dir.path().join("box");
    let mut terminal = terminal_dir::open_or_create(&box_dir, &mut os_chance(), now()).expect("a terminal");
    std::fs::write(&request, terminal.ask_for_admission(&code, "Ausgabe").expect("a code")).expect("written");
    let files = [request.to_str().expect("a path"), out.to_str().expect("a path")];
    let take = |input: &str| teilhabe(&["office", "enrolment", "take", "--in", input, "--out", files[1]]);
    assert!(!take("/nowhere").0 && !out.exists());
    assert!(take(files[0]).0);
    let answer = serde_json::from_slice(&std::fs::read(&out).expect("an answer")).expect("JSON");
    assert_eq!(terminal.take_admission(&code, "", &answer, &mut os_chance(), now()).expect("admitted").provider_name, "Mensa");
    let mut office = Office::open(dir.path(), os_chance(), now()).expect("the office");
    let number = ProviderNumber(101);
    let (fresh, password) = (office.new_code(number, now()).expect("a code"), clerk(&mut office));
    let desk = Desk::new(office, KEY.into(), "127.0.0.1:8090".parse().expect("an address"), &[]).expect("a desk").router();
    let signed_in = clerk_sends(&desk, "", "/login", FORM, format!("name=Anna&password={password}").into_bytes()).await;
    let cookie = signed_in.headers()["set-cookie"].to_str().expect("text").split(';').next().expect("a cookie").to_owned();
    let form = |code: &str| format!("code={}&url=https%3A%2F%2Fbut.stadt.example", code.replace(' ', "+")).into_bytes();
    let slip = clerk_sends(&desk, &cookie, "/providers/101/slip", FORM, form(&fresh.grouped())).await;
    assert_eq!(slip.headers()["content-type"], "application/pdf");
    assert!(text(slip).await.starts_with("%PDF"));
    for (path, code) in [("/providers/101/slip", "E1"), ("/providers/102/slip", &*fresh.grouped()), ("/providers/101/slip", "")] {
        assert_eq!(clerk_sends(&desk, &cookie, path, FORM, form(code)).await.status(), 422, "{path} {code}");
    }
}

/// Everything of a box's folder that is kept: the database and what is written ahead of it.
fn kept(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(dir)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| !path.to_string_lossy().ends_with("-shm"))
        .map(|path| (path.display().to_string(), std::fs::read(&path).expect("a file")))
        .collect();
    files.sort();
    files
}

/// A real card of today at the paper office.
fn real_card(office: &PaperOffice, now: UtcMs) -> String {
    let mut token = office.plain_token(Handle([1; 8]), TokenId([1; 16]), 1, allowances());
    token.not_before = CivilDay::of(now).minus(60).midnight();
    token.expires = CivilDay::of(now).plus(60).midnight();
    token.issued = now.seconds();
    teilhabe::admit::scan::code_text(&token.seal(&office.key))
}

/// A box admitted today by a paper office, with its data in `dir`, and a real card.
fn real_box(dir: &Path) -> (Router, String) {
    let at = now();
    let mut office = PaperOffice::new("05562032", 1);
    office.trust.issued = at;
    let card = real_card(&office, at);
    let store = teilhabe::shell::store::terminal::TerminalStore::open(&dir.join("terminal.db")).expect("a database");
    let mut chance = Chance::seeded(7);
    let terminal = teilhabe::terminal::Terminal::create(store, keys(50), Default::default(), &mut chance, at).expect("created");
    let mut town = Town { terminal, chance, office };
    town.enrol(at);
    (app(town.terminal), card)
}

/// Files, settings and admissions are refused while somebody practises.
async fn what_is_of_the_real_box_waits(browser: &Browser) {
    let boxes = "exchange/outbound exchange/inbound settings pins devices/code devices/x";
    let offices = "offices offices/request offices/answer offices/05562032/address";
    for path in boxes.split(' ').chain(offices.split(' ')) {
        assert_eq!(browser.fails(&format!("/api/v1/{path}"), &json!({})).await, (409, "training".into()), "{path}");
    }
}

#[tokio::test]
async fn nothing_of_a_training_reaches_the_real_box() {
    let dir = tempfile::tempdir().expect("a folder");
    let (app, real) = real_box(dir.path());
    let browser = Browser::at(app.clone()).await;
    let watcher = Browser::at(app).await;
    let cards = training::cards(now());
    let meal = |code: &str| json!({"code": code, "service": "lunch"});
    let (_, refused) = browser.post("/api/v1/redemptions", &meal(&cards[0].code)).await;
    assert_eq!((&refused["reason"], &refused["can_be_held"], &refused["practice"]), (&json!("unknown_key"), &json!(false), &json!(true)));
    assert!(refused["message"]["de"].as_str().is_some_and(|text| text.contains("Übungskarte")), "{refused}");
    let (status, held) = browser.post("/api/v1/held", &json!({"code": cards[0].code, "service": "lunch"})).await;
    assert_eq!((status, &held["verdict"]), (200, &json!("refused")), "nothing is held of a practice card");
    let (before, status, metrics) = (kept(dir.path()), watcher.get("/api/v1/status").await, watcher.get("/metrics").await);

    let (status_code, session) = browser.post("/api/v1/session/training", &json!({"on": true})).await;
    assert_eq!((status_code, &session["training"]), (200, &json!(true)));
    assert!(browser.page("/").await.contains("class=\"band\"") && !watcher.page("/").await.contains("class=\"band\""));
    let lunch = meal(&cards[0].code);
    let (_, first) = browser.post("/api/v1/redemptions", &lunch).await;
    assert_eq!((&first["verdict"], &first["cents"]), (&json!("accepted"), &json!(450)), "{first}");
    assert_eq!(browser.post("/api/v1/redemptions", &lunch).await.1["reason"], json!("already_redeemed"));
    let number = cards[1].number.clone().expect("a number");
    let (_, second) = browser.post("/api/v1/redemptions", &meal(&number)).await;
    assert_eq!(second["verdict"], json!("accepted"), "by its number: {second}");
    let cancel = format!("/api/v1/redemptions/{}/cancellation", second["id"].as_str().expect("an id"));
    assert_eq!(browser.post(&cancel, &json!({"reason": "typing_error"})).await.0, 201);
    for (place, reason) in [(3, "wrong_benefit"), (4, "ceiling_reached"), (5, "expired"), (6, "revoked"), (7, "malformed")] {
        assert_eq!(browser.post("/api/v1/redemptions", &meal(&cards[place].code)).await.1["reason"], json!(reason), "{:?}", cards[place].lesson);
    }
    let (_, paying) = browser.post("/api/v1/redemptions", &meal(training::PAYING_CHIP)).await;
    assert_eq!((&paying["verdict"], &paying["cents"]), (&json!("accepted"), &json!(0)), "{paying}");
    let (_, person) = browser.post("/api/v1/people", &json!({"name": "Kim Kurz", "list": "Klasse 4b"})).await;
    let path = format!("/api/v1/people/{}/card", person["person"]["id"]);
    assert_eq!(browser.post(&path, &json!({"code": cards[1].code})).await.0, 200, "{person}");
    assert_eq!(browser.get("/api/v1/people").await["of"], json!(3));
    let (_, held) = browser.post("/api/v1/held", &json!({"alias": "Blauer Ranzen", "service": "lunch"})).await;
    assert_eq!(held["verdict"], json!("held"));
    let (_, lesson) = browser.post("/api/v1/lessons", &json!({"code": cards[3].code, "service": "maths"})).await;
    assert_eq!(lesson["verdict"], json!("started"), "{lesson}");
    browser.post("/api/v1/chips", &json!({"uid": "04A224B2", "code": cards[0].code})).await;
    assert_eq!(browser.post("/api/v1/days/today/closing", &json!({})).await.0, 201);
    let (_, refused) = browser.post("/api/v1/redemptions", &meal(&real)).await;
    assert_eq!((&refused["verdict"], &refused["practice"]), (&json!("refused"), &json!(false)));
    assert!(refused["message"]["de"].as_str().is_some_and(|text| text.contains("Übung beenden")), "{refused}");
    let (code, exchanged) = browser.post("/api/v1/exchange", &json!({})).await;
    assert_eq!((code, &exchanged["offices"][0]["confirmed"]), (200, &json!(1)), "{exchanged}");
    let batches = browser.get("/api/v1/batches").await;
    assert_eq!((&batches["batches"][0]["state"], &batches["batches"][0]["lines"][0]["answer"]["verdict"]), (&json!("confirmed"), &json!("accepted")));
    what_is_of_the_real_box_waits(&browser).await;

    assert_eq!(kept(dir.path()), before, "not a byte of the real box has changed");
    let timeless = |mut status: Value| {
        status["clock"]["now"] = Value::Null;
        status["oldest_pending_seconds"] = Value::Null;
        status
    };
    assert_eq!(timeless(watcher.get("/api/v1/status").await), timeless(status));
    assert_eq!(watcher.get("/metrics").await, metrics);
    assert_eq!(watcher.get("/api/v1/days/today").await["entries"], json!([]));
    assert_eq!(watcher.get("/api/v1/held").await["held"], json!([]));
    assert_eq!(watcher.get("/api/v1/people").await["of"], json!(0));

    browser.post("/api/v1/session/training", &json!({"on": false})).await;
    assert_eq!(browser.post("/api/v1/redemptions", &meal(&real)).await.1["verdict"], json!("accepted"), "the real box goes on");
    assert_ne!(kept(dir.path()), before, "and what is real is kept");
}

#[tokio::test]
async fn a_page_never_works_at_another_box_than_it_shows() {
    let dir = tempfile::tempdir().expect("a folder");
    let (app, real) = real_box(dir.path());
    let mut browser = Browser::at(app).await;
    let meal = json!({"code": real, "service": "lunch"});
    browser.post("/api/v1/session/training", &json!({"on": true})).await;
    browser.shown = Some("0");
    assert_eq!(browser.fails("/api/v1/redemptions", &meal).await, (409, "training_began".into()), "another tab has begun a training");
    browser.shown = Some("1");
    assert_eq!(browser.post("/api/v1/redemptions", &meal).await.1["verdict"], json!("refused"));
    browser.post("/api/v1/session/training", &json!({"on": false})).await;
    assert_eq!(browser.fails("/api/v1/redemptions", &meal).await, (409, "training_ended".into()));
    browser.shown = Some("0");
    assert_eq!(browser.post("/api/v1/redemptions", &meal).await.1["verdict"], json!("accepted"));
    let keyed = Request::post("/api/v1/session/training").header("authorization", format!("Bearer {KEY}")).header("content-type", "application/json");
    browser.cookie.clear();
    assert_eq!(browser.send(keyed, Body::from("{\"on\":true}")).await.status(), 409, "a program does not practise");
}

#[tokio::test]
async fn settings_are_checked_and_kept_from_those_without_the_pin() {
    let dir = tempfile::tempdir().expect("a folder");
    let (app, _) = real_box(dir.path());
    let browser = Browser::at(app).await;
    for wrong in [
        json!({"name": "x".repeat(61)}),
        json!({"name": "a\u{7}"}),
        json!({"language": "xx"}),
        json!({"service": "tennis"}),
        json!({"service": "no/code"}),
        json!({"lock_minutes": 0}),
        json!({"lock_minutes": 241}),
        json!({"set_up": "nowhere"}),
        json!({"colour": "red"}),
    ] {
        assert_eq!(browser.post("/api/v1/settings", &wrong).await.0, 422, "{wrong}");
    }
    let all = json!({"name": " Ausgabe 2 ", "language": "en", "service": "lunch", "lock_minutes": 9});
    let (_, set) = browser.post("/api/v1/settings", &all).await;
    assert_eq!(
        (&set["name"], &set["language"], &set["service"], &set["lock_minutes"]),
        (&json!("Ausgabe 2"), &json!("en"), &json!("lunch"), &json!(9))
    );
    let (_, set) = browser.post("/api/v1/settings", &json!({"service": ""})).await;
    assert_eq!((&set["service"], &set["name"]), (&Value::Null, &json!("Ausgabe 2")));
    let page = browser.page("/settings").await;
    assert!(page.contains("Ausgabe 2") && page.contains("data-theme=\"auto\""), "{page}");
    let dark = browser.app.clone().oneshot(
        Request::get("/settings")
            .header("host", HOST)
            .header("accept", "text/html")
            .header("cookie", format!("{}; theme=dark", browser.cookie))
            .body(Body::empty())
            .expect("a request"),
    );
    assert!(text(dark.await.expect("infallible")).await.contains("data-theme=\"dark\""));
    browser.post("/api/v1/pins", &json!({"role": "manage", "pin": "8642"})).await;
    browser.post("/api/v1/pins", &json!({"role": "scan", "pin": "1357"})).await;
    browser.post("/api/v1/session/lock", &json!({})).await;
    for path in ["/setup", "/settings", "/training"] {
        let page = browser.open(path).await;
        assert_eq!((page.status().as_u16(), page.headers()["location"].to_str().ok()), (303, Some(&*format!("/pin?next={path}"))));
    }
    assert_eq!(browser.post("/api/v1/settings", &json!({"name": "x"})).await.1["role"], json!("manage"));
    assert_eq!(browser.post("/api/v1/session/training", &json!({"on": true})).await.1["role"], json!("scan"));
    assert!(browser.page("/").await.contains("data-locked"), "the counter shows the pad first");
    browser.post("/api/v1/session/pin", &json!({"pin": "1357"})).await;
    assert!(!browser.page("/").await.contains("data-locked"));
    assert_eq!(browser.post("/api/v1/session/training", &json!({"on": true})).await.0, 200, "whoever records may practise");
}
