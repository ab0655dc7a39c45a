//! A box that was enrolled two months ago and serves today, asked over HTTP in process.
#![allow(dead_code, reason = "each test uses the part it needs")]

use crate::town::*;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, request::Builder};
use serde_json::{Value, json};
use teilhabe::book::entry::Opened;
use teilhabe::shell::store::terminal::TerminalStore;
use teilhabe::shell::web::terminal::App;
use teilhabe::shell::web::terminal::writer::Writer;
use teilhabe::terminal::Terminal;
use teilhabe::terminal::counter::Answer;
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::ids::{Handle, TokenId};
use teilhabe::words::time::UtcMs;
use tower::ServiceExt;
use zeroize::Zeroizing;

pub const KEY: &str = "0123456789abcdef";
pub const MINUTE: u64 = 60_000;

/// A terminal enrolled two months before `now`, which is the server's own clock.
pub fn town_of(now: UtcMs) -> Town {
    let begin = CivilDay::of(now).minus(62).at_minute(8 * 60);
    let mut office = PaperOffice::new("05562032", 1);
    (office.trust.issued, office.status) = (begin, None);
    let mut chance = Chance::seeded(7);
    let store = TerminalStore::open_in_memory().expect("a database");
    let terminal = Terminal::create(store, keys(50), Opened::default(), &mut chance, begin).expect("created");
    let mut town = Town { terminal, chance, office };
    town.office.trust.policy.red_days = 90;
    for service in &mut town.office.services {
        service.prices.iter_mut().for_each(|price| price.from = CivilDay::of(begin));
    }
    town.enrol(begin);
    town
}

/// A card of the child `number` that counts around `now`.
pub fn card(town: &Town, number: u8, now: UtcMs) -> String {
    let mut token = town.office.plain_token(Handle([number; 8]), TokenId([number; 16]), u64::from(number), allowances());
    token.not_before = CivilDay::of(now).minus(70).midnight();
    token.expires = CivilDay::of(now).plus(70).midnight();
    token.issued = CivilDay::of(now).minus(69).midnight();
    teilhabe::admit::scan::code_text(&token.seal(&town.office.key))
}

/// Records a meal and answers its number in the journal.
pub fn meal(town: &mut Town, number: u8, now: UtcMs) -> u64 {
    let code = card(town, number, now);
    match town.redeem(&request(&code, "lunch"), now) {
        Answer::Accepted(accepted) => accepted.entries[0].seq,
        Answer::Refused(refused) => panic!("refused: {:?}", refused.reason),
    }
}

pub struct Web {
    pub router: Router,
    pub terminal: String,
}

pub fn serve(town: Town) -> Web {
    let terminal = town.terminal.id().to_string();
    let (writer, _) = Writer::start(town.terminal, town.chance);
    let app = App::new(writer, "127.0.0.1:8080".parse().expect("an address"), &[], Zeroizing::new(KEY.into()));
    Web { router: app.router(), terminal }
}

impl Web {
    pub async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.expect("infallible")
    }

    /// Asks with the key, which may do everything.
    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.post_as(keyed(Request::post(path)), body).await
    }

    pub async fn post_as(&self, request: Builder, body: &Value) -> (StatusCode, Value) {
        let request = request.header("content-type", "application/json").body(Body::from(body.to_string())).expect("a request");
        let response = self.send(request).await;
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 40_000_000).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str) -> Value {
        serde_json::from_slice(&self.bytes(path).await).expect("JSON")
    }

    /// What a browser with the key is shown.
    pub async fn page(&self, path: &str) -> String {
        String::from_utf8(self.bytes(path).await).expect("text")
    }

    pub async fn bytes(&self, path: &str) -> Vec<u8> {
        let response = self.send(keyed(Request::get(path)).body(Body::empty()).expect("a request")).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        to_bytes(response.into_body(), 40_000_000).await.expect("a body").to_vec()
    }

    /// A browser at a box with PINs for correcting and managing: it may scan.
    pub async fn scanner(&self) -> String {
        for (role, pin) in [("manage", "9999"), ("correct", "5555")] {
            assert_eq!(self.post("/api/v1/pins", &json!({"role": role, "pin": pin})).await.0, StatusCode::OK);
        }
        let request = Request::get("/").header("host", "127.0.0.1:8080").header("accept", "text/html").body(Body::empty());
        let page = self.send(request.expect("a request")).await;
        page.headers()["set-cookie"].to_str().expect("text").split(';').next().expect("a cookie").to_owned()
    }

    /// Exchanges with an office by stick.
    pub async fn exchange(&self, office: &mut PaperOffice, recipient: &str) {
        let response = self.send(keyed(Request::post("/api/v1/exchange/outbound")).body(Body::empty()).expect("a request")).await;
        let outbound = to_bytes(response.into_body(), 20_000_000).await.expect("a file");
        let inbound = office.exchange(&outbound, recipient, now());
        let request = keyed(Request::post("/api/v1/exchange/inbound")).body(Body::from(inbound)).expect("a request");
        assert_eq!(self.send(request).await.status(), StatusCode::OK);
    }

    pub fn path(&self, seq: u64, what: &str) -> String {
        format!("/api/v1/redemptions/{}-{seq}/{what}", self.terminal)
    }
}

pub fn keyed(request: Builder) -> Builder {
    request.header("host", "127.0.0.1:8080").header("authorization", format!("Bearer {KEY}"))
}

pub fn by(session: &str, request: Builder) -> Builder {
    request.header("host", "127.0.0.1:8080").header("cookie", session)
}

pub fn now() -> UtcMs {
    teilhabe::shell::door::now()
}
