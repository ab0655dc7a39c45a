//! A browser at the office's pages, in process: it keeps its cookie and says where its forms come from.
#![allow(dead_code, reason = "each test uses the part it needs")]

use super::office_town::PASSWORD;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::Value;
use std::net::SocketAddr;
use teilhabe::office::Office;
use teilhabe::shell::web::office::Desk;
use tower::ServiceExt;

pub const KEY: &str = "key-of-the-interface";
pub const HOST: &str = "localhost:8090";

/// A browser that keeps its cookie and says where its forms come from.
pub struct Browser {
    pub app: Router,
    pub cookie: String,
}

/// What a server answered.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).and_then(|l| l.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|why| panic!("{why}: {}", self.text))
    }

    /// The first link to an address that begins so.
    pub fn link(&self, begin: &str) -> String {
        let begin = format!("href=\"{}", begin.replace('&', "&#38;"));
        let after = self.text.split(&begin).nth(1).unwrap_or_else(|| panic!("no link {begin} in {}", self.text));
        let rest = after.split('"').next().unwrap_or_default();
        format!("{}{rest}", &begin[6..]).replace("&#38;", "&")
    }

    /// The value of a hidden field.
    pub fn hidden(&self, name: &str) -> String {
        let begin = format!("name=\"{name}\" value=\"");
        let after = self.text.split(&begin).nth(1).unwrap_or_else(|| panic!("no field {name} in {}", self.text));
        after.split('"').next().unwrap_or_default().to_owned()
    }
}

impl Answer {
    /// What a browser sends of the form that chooses a payment's providers: the date and every row that is ticked.
    pub fn chosen_rows(&self) -> Vec<(String, String)> {
        let field = |tag: &str, name: &str| {
            let after = tag.split(&format!("{name}=\"")).nth(1)?;
            Some(after.split('"').next()?.to_owned())
        };
        let inputs = self.text.split("<input").skip(1).filter_map(|rest| rest.split('>').next());
        let date = inputs.clone().find(|tag| tag.contains("name=\"date\"")).and_then(|tag| field(tag, "value")).expect("a date");
        let rows = inputs.filter(|tag| tag.contains("name=\"row\"") && tag.contains("checked"));
        let rows = rows.filter_map(|tag| Some(("row".to_owned(), field(tag, "value")?)));
        [("date".to_owned(), date)].into_iter().chain(rows).collect()
    }
}

/// Sends one request as it is.
pub async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.expect("the router never fails");
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("a body");
    Answer { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
}

/// The body of a form with these fields.
pub fn encoded(fields: &[(&str, &str)]) -> String {
    let plain = |c: u8| c.is_ascii_alphanumeric();
    let text = |text: &str| -> String { text.bytes().map(|c| if plain(c) { (c as char).to_string() } else { format!("%{c:02X}") }).collect() };
    fields.iter().map(|(name, value)| format!("{}={}", text(name), text(value))).collect::<Vec<_>>().join("&")
}

impl Browser {
    pub fn at(office: Office) -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8090));
        let desk = Desk::new(office, KEY.into(), listen, &["amt.example".into()]).expect("a desk");
        Self { app: desk.router(), cookie: String::new() }
    }

    /// Another person's browser at the same office.
    pub fn another(&self) -> Self {
        Self { app: self.app.clone(), cookie: String::new() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header("host", HOST).header("cookie", &self.cookie).body(Body::empty()).expect("a request");
        send(&self.app, request).await
    }

    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(&format!("http://{HOST}"), path, fields).await
    }

    pub async fn post_from(&self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let request = Request::post(path).header("host", HOST).header("origin", origin).header("cookie", &self.cookie);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(Body::from(encoded(fields)));
        send(&self.app, request.expect("a request")).await
    }

    pub async fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        let answer = self.post("/login", &[("name", name), ("password", password)]).await;
        if let Some(cookie) = answer.headers.get(header::SET_COOKIE).and_then(|c| c.to_str().ok()) {
            self.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        }
        answer
    }

    pub async fn signed_in(mut self, name: &str) -> Self {
        assert_eq!(self.sign_in(name, PASSWORD).await.status, StatusCode::SEE_OTHER, "{name}");
        self
    }
}
