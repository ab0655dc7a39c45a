//! Scanners that the box reads by itself, from the bytes on the wire to the page and to green: what is unplugged, garbled, cut or read
//! while nobody looks. Keys are played from a pipe in place of `/dev/input`, serial lines are a real pair of terminals.
#![cfg(feature = "terminal")]

mod town;
mod wires;

use axum::Router;
use axum::body::{Body, BodyDataStream, to_bytes};
use axum::extract::Extension;
use axum::http::{Request, StatusCode};
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;
use teilhabe::admit::scan::code_text;
use teilhabe::shell::device::allowed::Allowed;
use teilhabe::shell::device::watch::{self, Watching};
use teilhabe::shell::device::Places;
use teilhabe::shell::web::serve::Peer;
use teilhabe::shell::web::terminal::App;
use teilhabe::shell::web::terminal::writer::Writer;
use teilhabe::words::ids::{Handle, TokenId};
use tempfile::TempDir;
use tower::ServiceExt;
use town::*;
use wires::{Line, Typing, typed};
use zeroize::Zeroizing;

const SCANNER: (&str, &str) = ("0c2e", "0b61");

/// A box that reads the scanners of its allow-list, and cards of its town.
struct Stand {
    web: Router,
    cards: Vec<String>,
    folder: TempDir,
    _watching: Watching,
}

impl Stand {
    fn new(list: &[&str]) -> Self {
        let town = Town::of_today();
        let card = |n: u8| code_text(&town.office.plain_token(Handle([n; 8]), TokenId([n; 16]), n.into(), allowances()).seal(&town.office.key));
        let cards = (1..=6).map(card).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let (writer, _) = Writer::start(town.terminal, town.chance);
        let app = App::new(writer, "127.0.0.1:8080".parse().expect("an address"), &[], Zeroizing::new("0123456789abcdef".into()));
        let (app, listener) = app.with_readers();
        let path = |name: &str| folder.path().join(name);
        let list: Vec<Allowed> = list.iter().map(|entry| entry.replace("LINE", &path("line").display().to_string()).parse().expect("an entry")).collect();
        let places = Places { dev: path("dev"), sys: path("sys") };
        let _watching = watch::start(&list, &places, &listener).expect("threads");
        Self { web: app.router(), cards, folder, _watching }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn scanner(&self, number: u32, name: &str) -> Typing {
        Typing::plug_in(&self.path("dev"), &self.path("sys"), number, SCANNER, name)
    }

    async fn page(&self) -> Page {
        Page::open(&self.web).await
    }

    /// Waits until the reader at this place of the list stands so.
    async fn stands(&self, page: &Page, standing: &str) -> Value {
        for _ in 0..200 {
            let (_, told) = page.ask("get", "/api/v1/readers", None).await;
            if told["readers"][0]["standing"] == standing {
                return told["readers"][0].clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not {standing}: {}", page.ask("get", "/api/v1/readers", None).await.1);
    }
}

/// A page on the box's own screen.
struct Page {
    web: Router,
    cookie: String,
}

/// The line over which a page gets scans.
struct Scans {
    body: BodyDataStream,
    heard: String,
}

impl Page {
    async fn open(web: &Router) -> Self {
        let begin = Request::post("/api/v1/session").header("host", "127.0.0.1:8080").body(Body::empty()).expect("a request");
        let answer = web.clone().oneshot(begin).await.expect("infallible");
        let cookie = answer.headers()["set-cookie"].to_str().expect("text").split(';').next().expect("a cookie").to_owned();
        Self { web: web.clone(), cookie }
    }

    async fn send(&self, method: &str, path: &str, body: Option<Value>) -> axum::response::Response {
        let request = Request::builder().method(method.to_uppercase().as_str()).uri(path).header("host", "127.0.0.1:8080");
        let request = request.header("cookie", &self.cookie).header("content-type", "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.web.clone().oneshot(request.body(body).expect("a request")).await.expect("infallible")
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let answer = self.send(method, path, body).await;
        let status = answer.status();
        let bytes = to_bytes(answer.into_body(), 1_000_000).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn scans(&self) -> Scans {
        let answer = self.send("get", "/api/v1/scans", None).await;
        assert_eq!(answer.status(), StatusCode::OK);
        Scans { body: answer.into_body().into_data_stream(), heard: String::new() }
    }

    /// What the counter page does with a scan: asks under its id, and says that it is taken.
    async fn record(&self, scan: &Value) -> Value {
        let (_, answer) = self.ask("post", "/api/v1/redemptions", Some(json!({"ask": scan["id"], "code": scan["text"], "service": "lunch"}))).await;
        let taking = format!("/api/v1/scans/{}/taking", scan["id"].as_str().expect("an id"));
        assert_eq!(self.ask("post", &taking, None).await.0, StatusCode::OK);
        answer
    }
}

impl Scans {
    /// The next event: what it is, and its data.
    async fn next(&mut self) -> (String, Value) {
        tokio::time::timeout(Duration::from_secs(20), self.read()).await.expect("in time")
    }

    async fn read(&mut self) -> (String, Value) {
        loop {
            while let Some(end) = self.heard.find("\n\n") {
                let event: String = self.heard.drain(..end + 2).collect();
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(|text| text.trim().to_owned());
                if let (Some(name), Some(data)) = (field("event:"), field("data:")) {
                    return (name, serde_json::from_str(&data).expect("JSON"));
                }
            }
            let bytes = self.body.next().await.expect("the line stays open").expect("bytes");
            self.heard.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    async fn scan(&mut self) -> Value {
        match self.next().await {
            (name, data) if name == "scan" => data,
            other => panic!("no scan: {other:?}"),
        }
    }

    async fn trouble(&mut self) -> String {
        match self.next().await {
            (name, data) if name == "trouble" => data["trouble"].as_str().expect("a word").to_owned(),
            other => panic!("no trouble: {other:?}"),
        }
    }

    async fn silent(&mut self) {
        assert!(tokio::time::timeout(Duration::from_millis(700), self.read()).await.is_err(), "nothing comes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_scanner_types_turns_green_and_the_keyboard_is_left_alone() {
    let stand = Stand::new(&["0c2e:0b61"]);
    let page = stand.page().await;
    assert_eq!(stand.stands(&page, "unplugged").await["name"], "0c2e:0b61");
    let mut keyboard = Typing::plug_in(&stand.path("dev"), &stand.path("sys"), 1, ("046d", "c31c"), "Logitech USB Keyboard");
    let mut scanner = stand.scanner(5, "Honeywell Scanner");
    assert_eq!(stand.stands(&page, "connected").await["name"], "Honeywell Scanner");
    let mut scans = page.scans().await;
    keyboard.send(&typed("0123456789"));
    // A box that is busy: the code comes in pieces, with pauses that part lines.
    let bytes = typed(&stand.cards[0]);
    for piece in bytes.chunks(bytes.len() / 3 + 7) {
        scanner.send(piece);
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    let scan = scans.scan().await;
    assert_eq!((&scan["text"], &scan["ending"], &scan["reader"]), (&json!(stand.cards[0]), &json!("enter"), &json!("Honeywell Scanner")));
    assert_eq!(page.record(&scan).await["verdict"], "accepted");
    assert_eq!(page.record(&scan).await["verdict"], "accepted", "the same id, the same answer");
    let (_, day) = page.ask("get", "/api/v1/days/today", None).await;
    assert_eq!(day["count"], 1, "{day}");
    scans.silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_is_pulled_out_in_the_middle_is_told_and_works_when_it_is_back() {
    let stand = Stand::new(&["name:honeywell"]);
    let page = stand.page().await;
    let mut scanner = stand.scanner(5, "Honeywell Scanner");
    stand.stands(&page, "connected").await;
    let mut scans = page.scans().await;
    let half = typed(&stand.cards[0][..80]);
    scanner.send(&half[..half.len() - 5 * 24]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    scanner.pull();
    assert_eq!(scans.trouble().await, "torn");
    stand.stands(&page, "unplugged").await;
    // At another port it has another number.
    let mut scanner = stand.scanner(9, "Honeywell Scanner");
    stand.stands(&page, "connected").await;
    scanner.send(&typed(&stand.cards[0]));
    assert_eq!(page.record(&scans.scan().await).await["verdict"], "accepted");
    let (_, told) = page.ask("get", "/api/v1/readers", None).await;
    assert_eq!(told["readers"].as_array().map(Vec::len), Some(1), "the same scanner: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serial_line_is_set_read_and_told_when_it_is_gone() {
    let stand = Stand::new(&["serial:LINE@19200"]);
    let page = stand.page().await;
    stand.stands(&page, "unplugged").await;
    let mut line = Line::plug_in(&stand.path("line"));
    stand.stands(&page, "connected").await;
    assert_eq!(line.speed(), 19_200);
    let mut scans = page.scans().await;
    line.send(format!("{}\r\n{}\t", stand.cards[0], stand.cards[1]).as_bytes());
    for card in &stand.cards[..2] {
        let scan = scans.scan().await;
        assert_eq!(&scan["text"], &json!(card));
        assert_eq!(page.record(&scan).await["verdict"], "accepted");
    }
    // No end at all: the code says how long it is.
    line.send(stand.cards[2].as_bytes());
    assert_eq!(scans.scan().await["ending"], "length");
    // The wrong speed: high bytes and control characters, again and again, told once.
    for _ in 0..5 {
        line.send(b"\xf8\x86\x00\xfe\x1e\x98\xe0\x00\x86\x66\xf8\x80\r\x00\xfe\x86\xf8");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(scans.trouble().await, "garbled");
    line.send(b"\r");
    scans.silent().await;
    line.send(&stand.cards[3].as_bytes()[..50]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    line.pull();
    assert_eq!(scans.trouble().await, "torn");
    let row = stand.stands(&page, "unplugged").await;
    assert_eq!(row["trouble"], Value::Null, "how it stands is newer: {row}");
    let mut line = Line::plug_in(&stand.path("line"));
    stand.stands(&page, "connected").await;
    line.send(format!("{}\r", stand.cards[3]).as_bytes());
    assert_eq!(page.record(&scans.scan().await).await["verdict"], "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_scanned_while_no_page_is_open_waits_and_is_handed_over_until_it_is_taken() {
    let stand = Stand::new(&["serial:LINE"]);
    let page = stand.page().await;
    let mut line = Line::plug_in(&stand.path("line"));
    stand.stands(&page, "connected").await;
    line.send(format!("{}\r{}\r", stand.cards[0], stand.cards[1]).as_bytes());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (_, told) = page.ask("get", "/api/v1/readers", None).await;
    assert_eq!(told["waiting"], 2, "{told}");
    // A page gets both and crashes before it takes one.
    let mut scans = page.scans().await;
    let first = scans.scan().await;
    let second = scans.scan().await;
    assert!(first["waited_ms"].as_u64().is_some_and(|ms| ms >= 300), "{first}");
    drop(scans);
    let next = stand.page().await;
    let mut scans = next.scans().await;
    let again = scans.scan().await;
    assert_eq!((&again["id"], &again["text"]), (&first["id"], &first["text"]));
    assert_eq!(next.record(&again).await["verdict"], "accepted");
    assert_eq!(scans.scan().await["id"], second["id"]);
    next.record(&second).await;
    let (_, told) = next.ask("get", "/api/v1/readers", None).await;
    assert_eq!(told["waiting"], 0, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_opened_last_gets_the_scans_and_nobody_elsewhere_does() {
    let stand = Stand::new(&["serial:LINE"]);
    let page = stand.page().await;
    let mut line = Line::plug_in(&stand.path("line"));
    stand.stands(&page, "connected").await;
    let (mut first, mut second) = (page.scans().await, page.scans().await);
    line.send(format!("{}\r", stand.cards[0]).as_bytes());
    let scan = second.scan().await;
    page.record(&scan).await;
    first.silent().await;
    drop(second);
    line.send(format!("{}\r", stand.cards[1]).as_bytes());
    assert_eq!(first.scan().await["text"], json!(stand.cards[1]));
    let key = Request::get("/api/v1/scans").header("host", "127.0.0.1:8080").header("authorization", "Bearer 0123456789abcdef");
    let program = stand.web.clone().oneshot(key.body(Body::empty()).expect("a request")).await.expect("infallible");
    assert_eq!(program.status(), StatusCode::FORBIDDEN, "a program would take scans from the page");
    let elsewhere = Page { web: stand.web.clone().layer(Extension(Peer("192.168.7.20".parse().expect("an address")))), cookie: page.cookie.clone() };
    for (method, path) in [("get", "/api/v1/scans"), ("post", "/api/v1/scans/1/taking")] {
        assert_eq!(elsewhere.ask(method, path, None).await.0, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_box_without_scanners_of_its_own_are_as_they_were() {
    let town = Town::of_today();
    let (writer, _) = Writer::start(town.terminal, town.chance);
    let web = App::new(writer, "127.0.0.1:8080".parse().expect("an address"), &[], Zeroizing::new("0123456789abcdef".into())).router();
    let page = Page::open(&web).await;
    assert_eq!(page.send("get", "/api/v1/scans", None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(page.ask("get", "/api/v1/readers", None).await.1, json!({"readers": [], "waiting": 0}));
}

#[test]
fn what_is_plugged_in_is_listed_as_the_allow_list_takes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (dev, sys) = (folder.path().join("dev"), folder.path().join("sys"));
    let _keyboard = Typing::plug_in(&dev, &sys, 1, ("046d", "c31c"), "Logitech USB Keyboard");
    let _scanner = Typing::plug_in(&dev, &sys, 2, SCANNER, "Honeywell Scanner");
    std::fs::create_dir_all(dev.join("serial/by-id")).expect("a folder");
    std::fs::write(dev.join("serial/by-id/usb-Zebra_DS-if00"), "").expect("a file");
    // A scanner's second node, with the keys for volume alone, types nothing.
    std::fs::write(sys.join("class/input/event2/device/capabilities/key"), "3e000b 0 0 0\n").expect("a file");
    let seen = watch::seen(&Places { dev: dev.clone(), sys });
    let names: Vec<&str> = seen.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["Logitech USB Keyboard", "usb-Zebra_DS-if00"]);
    for (entry, _) in &seen {
        assert!(entry.parse::<Allowed>().is_ok(), "{entry}");
    }
}
