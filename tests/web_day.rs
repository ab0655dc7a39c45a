//! Days over HTTP: what was recorded, who may cancel it until when, closing.
#![cfg(feature = "terminal")]

mod town;

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
use town::*;
use zeroize::Zeroizing;

const KEY: &str = "0123456789abcdef";
const MINUTE: u64 = 60_000;

/// A terminal enrolled two months before `now`, which is the server's own clock.
fn town_of(now: UtcMs) -> Town {
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
fn card(town: &Town, number: u8, now: UtcMs) -> String {
    let mut token = town.office.plain_token(Handle([number; 8]), TokenId([number; 16]), u64::from(number), allowances());
    token.not_before = CivilDay::of(now).minus(70).midnight();
    token.expires = CivilDay::of(now).plus(70).midnight();
    token.issued = CivilDay::of(now).minus(69).midnight();
    teilhabe::admit::scan::code_text(&token.seal(&town.office.key))
}

/// Records a meal and answers its number in the journal.
fn meal(town: &mut Town, number: u8, now: UtcMs) -> u64 {
    let code = card(town, number, now);
    match town.redeem(&request(&code, "lunch"), now) {
        Answer::Accepted(accepted) => accepted.entries[0].seq,
        Answer::Refused(refused) => panic!("refused: {:?}", refused.reason),
    }
}

struct Web {
    router: Router,
    terminal: String,
}

fn serve(town: Town) -> Web {
    let terminal = town.terminal.id().to_string();
    let (writer, _) = Writer::start(town.terminal, town.chance);
    let app = App::new(writer, "127.0.0.1:8080".parse().expect("an address"), &[], Zeroizing::new(KEY.into()));
    Web { router: app.router(), terminal }
}

impl Web {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.expect("infallible")
    }

    /// Asks with the key, which may do everything.
    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.post_as(keyed(Request::post(path)), body).await
    }

    async fn post_as(&self, request: Builder, body: &Value) -> (StatusCode, Value) {
        let request = request.header("content-type", "application/json").body(Body::from(body.to_string())).expect("a request");
        let response = self.send(request).await;
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 40_000_000).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> Value {
        serde_json::from_slice(&self.bytes(path).await).expect("JSON")
    }

    /// What a browser with the key is shown.
    async fn page(&self, path: &str) -> String {
        String::from_utf8(self.bytes(path).await).expect("text")
    }

    async fn bytes(&self, path: &str) -> Vec<u8> {
        let response = self.send(keyed(Request::get(path)).body(Body::empty()).expect("a request")).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        to_bytes(response.into_body(), 40_000_000).await.expect("a body").to_vec()
    }

    /// A browser at a box with PINs for correcting and managing: it may scan.
    async fn scanner(&self) -> String {
        for (role, pin) in [("manage", "9999"), ("correct", "5555")] {
            assert_eq!(self.post("/api/v1/pins", &json!({"role": role, "pin": pin})).await.0, StatusCode::OK);
        }
        let request = Request::get("/").header("host", "127.0.0.1:8080").header("accept", "text/html").body(Body::empty());
        let page = self.send(request.expect("a request")).await;
        page.headers()["set-cookie"].to_str().expect("text").split(';').next().expect("a cookie").to_owned()
    }

    fn path(&self, seq: u64, what: &str) -> String {
        format!("/api/v1/redemptions/{}-{seq}/{what}", self.terminal)
    }
}

fn keyed(request: Builder) -> Builder {
    request.header("host", "127.0.0.1:8080").header("authorization", format!("Bearer {KEY}"))
}

fn by(session: &str, request: Builder) -> Builder {
    request.header("host", "127.0.0.1:8080").header("cookie", session)
}

fn now() -> UtcMs {
    teilhabe::shell::door::now()
}

#[tokio::test]
async fn whoever_scans_may_undo_for_ten_minutes_and_whoever_corrects_later() {
    let mut town = town_of(now());
    let (long_ago, lately) = (UtcMs(now().0 - 11 * MINUTE), UtcMs(now().0 - 9 * MINUTE));
    let old = meal(&mut town, 1, long_ago);
    let young = meal(&mut town, 2, lately);
    let web = serve(town);
    let scanner = web.scanner().await;
    let undo = async |seq| web.post_as(by(&scanner, Request::post(web.path(seq, "cancellation"))), &json!({"reason": "twice"})).await;
    assert_eq!(undo(young).await.0, StatusCode::CREATED);
    assert_eq!(undo(young).await.0, StatusCode::OK, "told twice, said twice");
    let (status, problem) = undo(old).await;
    assert_eq!((status, &problem["role"]), (StatusCode::FORBIDDEN, &json!("correct")), "{problem}");
    assert_eq!(undo(9_999).await.0, StatusCode::NOT_FOUND);
    assert_eq!(web.get(&format!("/api/v1/days/{}", CivilDay::of(long_ago))).await["count"], json!(1), "the old one still counts");
    let raised = web.post_as(by(&scanner, Request::post("/api/v1/session/pin")), &json!({"pin": "5555"})).await;
    assert_eq!(raised.1["role"], json!("correct"));
    assert_eq!(undo(old).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_reason_to_cancel_is_one_of_the_list() {
    let mut town = town_of(now());
    let seq = meal(&mut town, 1, now());
    let web = serve(town);
    let (status, problem) = web.post(&web.path(seq, "cancellation"), &json!({"reason": "because"})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(problem["detail"].as_str().is_some_and(|s| s.contains("because") && s.contains("wrong_child")), "{problem}");
    assert_eq!(web.post(&web.path(seq, "cancellation"), &json!({"reason": "wrong_child"})).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn a_day_shows_what_was_recorded_cancelled_and_held() {
    let mut town = town_of(now());
    let kept = meal(&mut town, 1, now());
    let cancelled = meal(&mut town, 2, now());
    town.terminal.cancel(cancelled, code("twice"), &mut town.chance, now()).expect("cancelled");
    let web = serve(town);
    let held = json!({"service": "lunch", "alias": "Blauer Ranzen", "reason": "expired"});
    assert_eq!(web.post("/api/v1/held", &held).await.0, StatusCode::CREATED);
    let html = web.page("/day?lang=de").await;
    let row = |seq| html.split("<li ").find(|row| row.contains(&format!("-{seq}\""))).unwrap_or_else(|| panic!("no row {seq}: {html}"));
    assert!(row(kept).contains("K01") && row(kept).contains("Stornieren"), "{}", row(kept));
    assert!(row(cancelled).contains("data-state=\"cancelled\"") && !row(cancelled).contains("Stornieren"), "{}", row(cancelled));
    assert!(html.contains("Blauer Ranzen") && html.contains("Diese Karte gilt für diesen Tag nicht mehr"), "{html}");
    for (_, money) in html.match_indices("€").map(|(at, _)| html[..at].rsplit_once('<').unwrap_or_default()) {
        assert!(money.starts_with("span class=\"sum money\" hidden") || money.starts_with("td") || money.starts_with("strong"), "{money}");
    }
    assert!(html.contains("id=\"sums\" class=\"wide\" hidden"), "sums are shown on demand only");
    let tomorrow = CivilDay::of(now()).plus(2);
    for wrong in ["2026-02-30", "x", "%00", &tomorrow.to_string()] {
        let html = web.page(&format!("/day?date={wrong}&lang=de")).await;
        assert!(html.contains("Dieses Datum gibt es nicht") && html.contains("K01"), "{wrong}");
    }
    let html = web.page(&format!("/day?date={}&lang=de", CivilDay::of(now()).minus(3))).await;
    assert!(html.contains("An diesem Tag ist nichts erfasst"), "{html}");
}

#[tokio::test]
async fn a_day_is_closed_once_and_what_comes_later_is_marked() {
    let mut town = town_of(now());
    let before = meal(&mut town, 1, now());
    let code = card(&town, 2, now());
    let web = serve(town);
    let scanner = web.scanner().await;
    let (status, problem) = web.post_as(by(&scanner, Request::post("/api/v1/days/today/closing")), &json!({})).await;
    assert_eq!((status, &problem["role"]), (StatusCode::FORBIDDEN, &json!("correct")));
    let first = web.post("/api/v1/days/today/closing", &json!({})).await;
    assert_eq!(first.0, StatusCode::CREATED);
    let second = web.post("/api/v1/days/today/closing", &json!({})).await;
    assert_eq!((second.0, &second.1["seq"]), (StatusCode::OK, &first.1["seq"]), "nothing has changed: closed as before");
    let html = web.page("/day?lang=de").await;
    assert!(html.contains("Abgeschlossen am") && !html.contains("nach Abschluss</span>") && !html.contains("id=\"close-day\""), "{html}");
    let (_, later) = web.post("/api/v1/redemptions", &json!({"code": code, "service": "lunch"})).await;
    assert_eq!(later["verdict"], json!("accepted"), "a closed day takes what comes later");
    let html = web.page("/day?lang=de").await;
    let row = |seq: &str| html.split("<li ").find(|row| row.contains(&format!("-{seq}\""))).expect("a row");
    assert!(row(&later["seq"].to_string()).contains("nach Abschluss") && !row(&before.to_string()).contains("nach Abschluss"));
    assert!(html.contains("id=\"close-day\""), "it can be closed again");
    let third = web.post("/api/v1/days/today/closing", &json!({})).await;
    assert_eq!(third.0, StatusCode::CREATED);
    assert_eq!(web.get("/api/v1/days/today").await["changed_since"], json!(false));
    let tomorrow = CivilDay::of(now()).plus(1);
    assert_eq!(web.post(&format!("/api/v1/days/{tomorrow}/closing"), &json!({})).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}
