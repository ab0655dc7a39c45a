//! A box with readers of its own, and the page on its screen.
#![allow(dead_code, reason = "each test uses the part it needs")]

use super::town::*;
use super::wires::{Plugged, Typing};
use axum::Router;
use axum::body::{Body, BodyDataStream, to_bytes};
use axum::http::{Request, StatusCode};
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::time::Duration;
use teilhabe::admit::scan::code_text;
use teilhabe::shell::device::Places;
use teilhabe::shell::device::allowed::Allowed;
use teilhabe::shell::device::watch::{self, Watching};
use teilhabe::shell::web::terminal::App;
use teilhabe::shell::web::terminal::writer::Writer;
use teilhabe::words::ids::{Handle, TokenId};
use tempfile::TempDir;
use tower::ServiceExt;
use zeroize::Zeroizing;

pub const SCANNER: (&str, &str) = ("0c2e", "0b61");

/// A box that reads the scanners of its allow-list, and cards of its town.
pub struct Stand {
    pub web: Router,
    pub cards: Vec<String>,
    pub folder: TempDir,
    _watching: Watching,
}

impl Stand {
    pub fn new(list: &[&str]) -> Self {
        let town = Town::of_today();
        let card = |n: u8| code_text(&town.office.plain_token(Handle([n; 8]), TokenId([n; 16]), n.into(), allowances()).seal(&town.office.key));
        let cards = (1..=6).map(card).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let (writer, _) = Writer::start(town.terminal, town.chance);
        let app = App::new(writer, "127.0.0.1:8080".parse().expect("an address"), &[], Zeroizing::new("0123456789abcdef".into()));
        let (app, listener) = app.with_readers();
        let path = |name: &str| folder.path().join(name);
        let list: Vec<Allowed> =
            list.iter().map(|entry| entry.replace("LINE", &path("line").display().to_string()).parse().expect("an entry")).collect();
        let places = Places { dev: path("dev"), sys: path("sys") };
        let _watching = watch::start(&list, &places, &listener).expect("threads");
        Self { web: app.router(), cards, folder, _watching }
    }

    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub fn scanner(&self, number: u32, name: &str) -> Plugged {
        Typing::plug_in(&self.path("dev"), &self.path("sys"), number, SCANNER, name)
    }

    pub async fn page(&self) -> Page {
        Page::open(&self.web).await
    }

    /// Waits until the reader at this place of the list stands so.
    pub async fn stands(&self, page: &Page, standing: &str) -> Value {
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
pub struct Page {
    pub web: Router,
    pub cookie: String,
}

/// The line over which a page gets scans.
pub struct Scans {
    body: BodyDataStream,
    heard: String,
}

impl Page {
    pub async fn open(web: &Router) -> Self {
        let begin = Request::post("/api/v1/session").header("host", "127.0.0.1:8080").body(Body::empty()).expect("a request");
        let answer = web.clone().oneshot(begin).await.expect("infallible");
        let cookie = answer.headers()["set-cookie"].to_str().expect("text").split(';').next().expect("a cookie").to_owned();
        Self { web: web.clone(), cookie }
    }

    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> axum::response::Response {
        let request = Request::builder().method(method.to_uppercase().as_str()).uri(path).header("host", "127.0.0.1:8080");
        let request = request.header("cookie", &self.cookie).header("content-type", "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.web.clone().oneshot(request.body(body).expect("a request")).await.expect("infallible")
    }

    pub async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let answer = self.send(method, path, body).await;
        let status = answer.status();
        let bytes = to_bytes(answer.into_body(), 1_000_000).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    pub async fn scans(&self) -> Scans {
        let answer = self.send("get", "/api/v1/scans", None).await;
        assert_eq!(answer.status(), StatusCode::OK);
        Scans { body: answer.into_body().into_data_stream(), heard: String::new() }
    }

    /// What the counter page does with a scan: asks under its id, and says that it is taken.
    pub async fn record(&self, scan: &Value) -> Value {
        let (_, answer) = self.ask("post", "/api/v1/redemptions", Some(json!({"ask": scan["id"], "code": scan["text"], "service": "lunch"}))).await;
        let taking = format!("/api/v1/scans/{}/taking", scan["id"].as_str().expect("an id"));
        assert_eq!(self.ask("post", &taking, None).await.0, StatusCode::OK);
        answer
    }
}

impl Scans {
    /// The next event: what it is, and its data.
    pub async fn next(&mut self) -> (String, Value) {
        tokio::time::timeout(Duration::from_secs(20), self.read()).await.expect("in time")
    }

    pub async fn read(&mut self) -> (String, Value) {
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

    pub async fn scan(&mut self) -> Value {
        match self.next().await {
            (name, data) if name == "scan" => data,
            other => panic!("no scan: {other:?}"),
        }
    }

    pub async fn trouble(&mut self) -> String {
        match self.next().await {
            (name, data) if name == "trouble" => data["trouble"].as_str().expect("a word").to_owned(),
            other => panic!("no trouble: {other:?}"),
        }
    }

    pub async fn silent(&mut self) {
        assert!(tokio::time::timeout(Duration::from_millis(700), self.read()).await.is_err(), "nothing comes");
    }
}
