//! The terminal's HTTP, asked in process: who may ask, what is well-formed, what is answered.
#![cfg(feature = "terminal")]

mod town;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use teilhabe::shell::backup::automatic::{HOUR_MS, Plan, Standing};
use teilhabe::shell::backup::keeper::Keeper;
use teilhabe::shell::backup::mounts::Mounts;
use teilhabe::shell::backup::{self, Kind};
use teilhabe::shell::checkup::backup::BackupLook;
use teilhabe::shell::door::{now, os_chance};
use teilhabe::shell::envelope::Identity;
use teilhabe::shell::locked_file::{self, Lock, Opener};
use teilhabe::shell::terminal_dir;
use teilhabe::shell::web::terminal::App;
use teilhabe::shell::web::terminal::writer::Writer;
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::CivilDay;
use tower::ServiceExt;
use town::*;
use zeroize::Zeroizing;

const KEY: &str = "0123456789abcdef";

struct Web {
    router: Router,
    token: String,
    office: PaperOffice,
    recipient: String,
}

/// A terminal of today behind its router.
fn web() -> Web {
    let town = Town::of_today();
    let token = town.office.card_of_today(1);
    let recipient = town.terminal.recipient();
    let (writer, _) = Writer::start(town.terminal, town.chance);
    let listen = "127.0.0.1:8080".parse().expect("an address");
    let app = App::new(writer, listen, &[], Zeroizing::new(KEY.into()));
    Web { router: app.router(), token, office: town.office, recipient }
}

impl Web {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.expect("infallible")
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = keyed(Request::post(path)).header("content-type", "application/json");
        answer(self.send(request.body(Body::from(body.to_string())).expect("a request")).await).await
    }

    /// A page as a browser asks for it.
    async fn open(&self, path: &str) -> Response<Body> {
        let request = Request::get(path).header("host", "127.0.0.1:8080").header("accept", "text/html,*/*").body(Body::empty());
        self.send(request.expect("a request")).await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.send(keyed(Request::get(path)).body(Body::empty()).expect("a request")).await).await
    }
}

/// The session a page has given, as a browser sends it back.
fn session_of(page: &Response<Body>) -> String {
    let cookie = page.headers()["set-cookie"].to_str().expect("text");
    cookie.split(';').next().expect("a cookie").to_owned()
}

fn keyed(request: axum::http::request::Builder) -> axum::http::request::Builder {
    request.header("host", "127.0.0.1:8080").header("authorization", format!("Bearer {KEY}"))
}

async fn text(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), 40_000_000).await.expect("a body");
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn answer(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 40_000_000).await.expect("a body");
    (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned())))
}

#[tokio::test]
async fn a_meal_over_http() {
    let web = web();
    let meal = json!({"code": web.token, "service": "lunch"});
    let (status, checked) = web.post("/api/v1/checks", &meal).await;
    assert_eq!((status, &checked["verdict"], checked.get("id")), (StatusCode::OK, &json!("accepted"), None));
    let (status, first) = web.post("/api/v1/redemptions", &meal).await;
    assert_eq!((status, &first["verdict"], &first["cents"]), (StatusCode::CREATED, &json!("accepted"), &json!(450)));
    assert_eq!(first["remaining"], json!([{"period": "day", "measure": "units", "left": 0}]));
    assert_eq!((&first["hint"], &first["benefit"], &first["data_age"]), (&json!("K01"), &json!("lunch"), &json!("red")));
    let (status, second) = web.post("/api/v1/redemptions", &meal).await;
    assert_eq!((status, &second["verdict"], &second["reason"]), (StatusCode::OK, &json!("refused"), &json!("already_redeemed")));
    assert!(second["since"].as_str().is_some_and(|s| s.ends_with('Z')), "{second}");
    assert!(second["message"]["de"].as_str().is_some_and(|s| s.contains("Uhr")), "{second}");
    let path = format!("/api/v1/redemptions/{}/cancellation", first["id"].as_str().expect("an id"));
    let (status, cancelled) = web.post(&path, &json!({"reason": "typing_error"})).await;
    assert_eq!((status, &cancelled["verdict"]), (StatusCode::CREATED, &json!("cancelled")));
    assert_eq!(web.post(&path, &json!({"reason": "typing_error"})).await.0, StatusCode::OK);
    let (_, day) = web.get("/api/v1/days/today").await;
    assert_eq!((&day["count"], day["entries"].as_array().map(Vec::len)), (&json!(0), Some(1)));
    let (_, status) = web.get("/api/v1/status").await;
    assert_eq!((&status["pending"], &status["offices"][0]["data_age"]), (&json!(2), &json!("red")));
}

#[tokio::test]
async fn the_same_ask_gets_the_same_answer_and_another_one_is_a_conflict() {
    let web = web();
    let ask = json!({"code": web.token, "service": "lunch", "ask": "a"});
    let first = web.post("/api/v1/redemptions", &ask).await;
    assert_eq!(web.post("/api/v1/redemptions", &ask).await, first);
    let (status, problem) = web.post("/api/v1/redemptions", &json!({"code": web.token, "service": "choir", "ask": "a"})).await;
    assert_eq!((status, &problem["status"]), (StatusCode::CONFLICT, &json!(409)));
}

#[tokio::test]
async fn what_is_not_well_formed_is_said_in_one_sentence() {
    let web = web();
    let tomorrow = CivilDay::of(teilhabe::shell::door::now()).plus(1).to_string();
    let token = &web.token;
    for (body, status) in [
        (json!({"service": "lunch"}), 422),
        (json!({"code": token, "service": "no/code"}), 422),
        (json!({"code": token, "service": "lunch", "servcie_date": "2026-11-23"}), 422),
        (json!({"code": token, "service": "lunch", "service_date": "23-11-2026"}), 422),
        (json!({"code": token, "service": "lunch", "service_date": tomorrow}), 422),
        (json!({"code": token, "service": "judo", "cents": 12.5}), 422),
        (json!({"code": token, "service": "judo", "cents": -1}), 422),
        (json!({"code": token, "service": "maths"}), 422),
        (json!({"code": token, "service": "maths", "starts_at": "14:00"}), 422),
        (json!({"code": token, "service": "maths", "starts_at": "2pm", "ends_at": "3pm"}), 422),
        (json!({"code": token, "service": "judo", "cents": 100, "months": 0}), 422),
        (json!({"code": token, "service": "judo", "cents": 100, "months": 13}), 422),
        (json!([]), 422),
    ] {
        let (got, problem) = web.post("/api/v1/redemptions", &body).await;
        assert_eq!(got.as_u16(), status, "{body}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|s| s.len() > 10), "{body}: {problem}");
    }
    let send = |body: Body, kind: &str| {
        let request = keyed(Request::post("/api/v1/redemptions")).header("content-type", kind).body(body).expect("a request");
        async { answer(web.send(request).await).await.0.as_u16() }
    };
    assert_eq!(send(Body::from("{"), "application/json").await, 400);
    assert_eq!(send(Body::from("\u{0}\u{1}"), "application/json; charset=utf-8").await, 400);
    assert_eq!(send(Body::from("{}"), "text/plain").await, 415);
    assert_eq!(send(Body::from(vec![b' '; 10_000_000]), "application/json").await, 413);
    assert_eq!(web.post("/api/v1/redemptions/x/cancellation", &json!({"reason": "x"})).await.0, 404);
    assert_eq!(web.get("/api/v1/nothing").await.0, 404);
    assert_eq!(web.get("/api/v1/redemptions").await.0, 405);
    let (_, status) = web.get("/api/v1/status").await;
    assert_eq!(status["journal"]["seq"], json!(3), "opened and two admissions: nothing else was recorded");
}

#[tokio::test]
async fn rubbish_in_a_code_is_a_refusal_not_an_error() {
    let web = web();
    for code in ["", "BUT1", "BUT1GH4Q", "https://example.org/menu", "🙂", "426226227885", "BUT&\u{e0}"] {
        let (status, answer) = web.post("/api/v1/redemptions", &json!({"code": code, "service": "lunch"})).await;
        assert_eq!((status, &answer["verdict"]), (StatusCode::OK, &json!("refused")), "{code}: {answer}");
    }
}

#[tokio::test]
async fn only_our_own_pages_and_key_holders_reach_the_box() {
    let web = web();
    let post = |headers: &[(&str, &str)]| {
        let request = headers.iter().fold(Request::post("/api/v1/redemptions"), |r, (name, value)| r.header(*name, *value));
        let request = request.header("content-type", "application/json").body(Body::from("{}")).expect("a request");
        async { web.send(request).await.status().as_u16() }
    };
    let (key, host) = (("authorization", "Bearer 0123456789abcdef"), ("host", "127.0.0.1:8080"));
    assert_eq!(post(&[host, key]).await, 422, "the right key is let in, and told what is missing");
    let page = web.open("/").await;
    let cookie = session_of(&page);
    let session = ("cookie", cookie.as_str());
    assert_eq!(post(&[host, session]).await, 422);
    assert_eq!(post(&[host, ("cookie", "desk=made-up")]).await, 401);
    assert_eq!(post(&[host]).await, 401);
    assert_eq!(post(&[host, ("authorization", "Bearer 0123456789abcdee")]).await, 401);
    assert_eq!(post(&[key]).await, 403, "no host");
    assert_eq!(post(&[("host", "evil.example:8080"), key]).await, 403, "a name bent to us");
    assert_eq!(post(&[host, key, ("origin", "http://evil.example")]).await, 403);
    assert_eq!(post(&[host, session, ("sec-fetch-site", "cross-site")]).await, 403);
    assert_eq!(post(&[host, session, ("sec-fetch-site", "same-site")]).await, 403);
    let open = |path: &str| {
        let request = Request::get(path).header("host", "localhost:8080").body(Body::empty()).expect("a request");
        async { web.send(request).await }
    };
    assert_eq!(open("/healthz").await.status(), 200);
    assert_eq!(open("/metrics").await.status(), 401);
    assert_eq!(open("/month").await.status(), 401);
    let header = |name: &str| page.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    assert!(header("set-cookie").ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{}", header("set-cookie"));
    assert!(header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!((header("x-content-type-options").as_str(), header("cache-control").as_str()), ("nosniff", "no-store"));
    let html = String::from_utf8(to_bytes(page.into_body(), 1_000_000).await.expect("a page").to_vec()).expect("text");
    assert!(html.contains("Mensa am Wall") && !html.contains("BuT") && !html.contains("<script>"), "{html}");
}

#[tokio::test]
async fn a_page_others_can_reach_asks_for_the_key_once() {
    let store = teilhabe::shell::store::terminal::TerminalStore::open_in_memory().expect("a database");
    let mut chance = Chance::seeded(1);
    let terminal = teilhabe::terminal::Terminal::create(store, keys(9), Default::default(), &mut chance, teilhabe::shell::door::now());
    let (writer, _) = Writer::start(terminal.expect("created"), chance);
    let listen = "192.168.7.20:8080".parse().expect("an address");
    let app = App::new(writer, listen, &[], Zeroizing::new(KEY.into())).router();
    let open = |path: &str, cookie: &str| {
        let request = Request::get(path)
            .header("host", "192.168.7.20:8080")
            .header("accept", "text/html")
            .header("cookie", cookie)
            .body(Body::empty())
            .expect("a request");
        let app = app.clone();
        async move { app.oneshot(request).await.expect("infallible") }
    };
    assert_eq!(open("/", "").await.status(), 401);
    assert_eq!(open("/?key=wrong", "").await.status(), 401);
    let let_in = open(&format!("/?key={KEY}"), "").await;
    assert_eq!((let_in.status().as_u16(), let_in.headers()["location"].to_str().ok()), (303, Some("/")));
    let unset = open("/", &session_of(&let_in)).await;
    assert_eq!((unset.status().as_u16(), unset.headers()["location"].to_str().ok()), (303, Some("/setup")), "enrolled nowhere yet");
    assert_eq!(open("/setup", &session_of(&let_in)).await.status(), 200);
}

#[tokio::test]
async fn a_stick_carries_what_the_network_would() {
    let mut web = web();
    web.post("/api/v1/redemptions", &json!({"code": web.token, "service": "lunch"})).await;
    let request = keyed(Request::post("/api/v1/exchange/outbound?office=05562032")).body(Body::empty()).expect("a request");
    let response = web.send(request).await;
    assert_eq!(response.status(), 200);
    let envelope = to_bytes(response.into_body(), 20_000_000).await.expect("a file");
    let recipient = web.recipient.clone();
    let inbound = web.office.exchange(&envelope, &recipient, teilhabe::shell::door::now());
    let upload = |bytes: Vec<u8>| keyed(Request::post("/api/v1/exchange/inbound")).body(Body::from(bytes)).expect("a request");
    let (status, taken) = answer(web.send(upload(inbound)).await).await;
    assert_eq!((status.as_u16(), &taken["confirmed"]), (200, &json!(1)));
    let (_, batches) = web.get("/api/v1/batches").await;
    assert_eq!((&batches["batches"][0]["state"], batches["batches"][0]["lines"].as_array().map(Vec::len)), (&json!("confirmed"), Some(1)));
    let (status, problem) = answer(web.send(upload(b"rubbish".to_vec())).await).await;
    assert_eq!(status, 422, "{problem}");
    assert_eq!(answer(web.send(upload(vec![0; 21 * 1024 * 1024])).await).await.0, 413);
    let (status, problem) = answer(web.send(keyed(Request::post("/api/v1/exchange")).body(Body::empty()).expect("a request")).await).await;
    assert_eq!(status, 502, "nobody listens at the office's address");
    assert!(problem["detail"].as_str().is_some_and(|s| s.contains("cannot be reached")), "{problem}");
    let month = web.send(keyed(Request::get("/month?lang=en")).body(Body::empty()).expect("a request")).await;
    let html = String::from_utf8(to_bytes(month.into_body(), 1_000_000).await.expect("a page").to_vec()).expect("text");
    assert!(html.contains("received") && html.contains("€4.50"), "{html}");
}

#[tokio::test]
async fn held_lessons_and_chips() {
    let web = web();
    let (status, held) = web.post("/api/v1/held", &json!({"service": "lunch", "alias": "Blauer Ranzen", "ask": "h"})).await;
    assert_eq!((status, &held["verdict"], &held["cents"]), (StatusCode::CREATED, &json!("held"), &json!(450)));
    let (_, open) = web.get("/api/v1/held").await;
    assert_eq!((&open["held"][0]["alias"], &open["held"][0]["reason"]), (&json!("Blauer Ranzen"), &json!("unknown_number")));
    let (status, _) = web.post("/api/v1/redemptions", &json!({"code": web.token, "held": held["seq"]})).await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, started) = web.post("/api/v1/lessons", &json!({"code": web.token, "service": "maths"})).await;
    assert_eq!((status, &started["verdict"]), (StatusCode::CREATED, &json!("started")), "{started}");
    let (status, taught) = web.post("/api/v1/chips", &json!({"uid": "04:a2:24:b2", "code": web.token})).await;
    assert_eq!((status, &taught["verdict"]), (StatusCode::CREATED, &json!("taught")));
    let (_, refused) = web.post("/api/v1/redemptions", &json!({"code": "04A224B2", "service": "lunch"})).await;
    assert_eq!(refused["reason"], json!("already_redeemed"), "the chip is known, the meal was had");
    assert_eq!(web.post("/api/v1/chips", &json!({"uid": "!", "code": web.token})).await.0, 422);
    assert_eq!(web.post("/api/v1/held", &json!({"service": "lunch"})).await.0, 422, "who was it?");
    assert_eq!(web.post("/api/v1/held", &json!({"service": "tennis", "alias": "x"})).await.0, 422);
    let (status, closed) = web.post("/api/v1/days/today/closing", &json!({})).await;
    assert_eq!(status, StatusCode::CREATED, "{closed}");
    assert_eq!(web.get("/api/v1/days/today").await.1["closed"], json!(true));
    let (_, services) = web.get("/api/v1/services").await;
    assert_eq!(services["services"].as_array().map(Vec::len), Some(5));
    let metrics = web.send(keyed(Request::get("/metrics")).body(Body::empty()).expect("a request")).await;
    let text = String::from_utf8(to_bytes(metrics.into_body(), 100_000).await.expect("text").to_vec()).expect("text");
    assert!(text.contains("teilhabe_redemptions_total 1") && text.contains("teilhabe_refusals_total{reason=\"already_redeemed\"} 1"), "{text}");
}

#[tokio::test]
async fn a_full_disk_says_paper_list() {
    let office = PaperOffice::new("05562032", 1);
    let mut town = Town::with(office);
    town.terminal.store().connection().commit_hook(Some(|| true)).expect("a hook");
    let token = town.office.token(1, allowances());
    let (writer, _) = Writer::start(town.terminal, town.chance);
    let listen = "127.0.0.1:8080".parse().expect("an address");
    let router = App::new(writer, listen, &[], Zeroizing::new(KEY.into())).router();
    let request = keyed(Request::post("/api/v1/redemptions")).header("content-type", "application/json");
    let body = json!({"code": token, "service": "lunch", "ask": "a"}).to_string();
    let response = router.oneshot(request.body(Body::from(body)).expect("a request")).await.expect("infallible");
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let (status, problem) = answer(response).await;
    assert_eq!((status.as_u16(), &problem["reason"]), (503, &json!("storage_failed")));
    assert!(problem["message"]["en"].as_str().is_some_and(|s| s.contains("paper list")), "{problem}");
}

#[tokio::test]
async fn pins_protect_what_is_above_them() {
    let web = web();
    let cookie = session_of(&web.open("/").await);
    let send = |method: &str, path: &str, body: Value| {
        let request = Request::builder().method(method).uri(path).header("host", "127.0.0.1:8080").header("cookie", &cookie);
        let request = request.header("content-type", "application/json").body(Body::from(body.to_string())).expect("a request");
        async { answer(web.send(request).await).await }
    };
    let meal = json!({"code": web.token, "service": "lunch"});
    assert_eq!(send("POST", "/api/v1/pins", json!({"role": "correct", "pin": "1234"})).await.0, 409, "the PIN for managing comes first");
    for pin in ["123", "123456789", "12a4", ""] {
        assert_eq!(send("POST", "/api/v1/pins", json!({"role": "manage", "pin": pin})).await.0, 422, "{pin}");
    }
    assert_eq!(send("POST", "/api/v1/pins", json!({"role": "manage", "pin": "8642"})).await.0, 200);
    assert_eq!(send("POST", "/api/v1/pins", json!({"role": "correct", "pin": "1357"})).await.0, 200);
    let (_, session) = send("POST", "/api/v1/session/lock", json!({})).await;
    assert_eq!((&session["role"], &session["pins"]), (&json!("scan"), &json!(["correct", "manage"])));
    assert_eq!(send("POST", "/api/v1/checks", meal.clone()).await.0, 200, "scanning goes on");
    let (status, problem) = send("GET", "/api/v1/batches", json!({})).await;
    assert_eq!((status.as_u16(), &problem["role"]), (403, &json!("correct")));
    let chip = json!({"uid": "04A224B2", "code": web.token});
    assert_eq!(send("POST", "/api/v1/chips", chip.clone()).await.0, 201, "a new chip is for everybody");
    let moved = json!({"uid": "04A224B2", "code": web.token, "replace": true});
    let (status, problem) = send("POST", "/api/v1/chips", moved).await;
    assert_eq!((status.as_u16(), &problem["role"]), (403, &json!("correct")), "to take one from somebody is not");
    assert_eq!(send("POST", "/api/v1/session/pin", json!({"pin": "0000"})).await.0, 403);
    assert_eq!(send("POST", "/api/v1/session/pin", json!({"pin": "1357"})).await.1["role"], json!("correct"));
    assert_eq!(send("GET", "/api/v1/batches", json!({})).await.0, 200);
    assert_eq!(send("POST", "/api/v1/pins", json!({"role": "scan", "pin": "1111"})).await.1["role"], json!("manage"));
    for _ in 0..5 {
        assert_eq!(futures_of(4, || send("POST", "/api/v1/session/pin", json!({"pin": "0000"}))).await, [403; 4]);
        assert_eq!(send("POST", "/api/v1/session/pin", json!({"pin": "1357"})).await.1["role"], json!("correct"), "no pause at the counter");
    }
    assert_eq!(send("POST", "/api/v1/session/pin", json!({"pin": "8642"})).await.0, 403, "the highest one is not tried for ever");
    assert_eq!(send("POST", "/api/v1/session/pin", json!({"pin": "1357"})).await.0, 200, "and the others go on");
    let wrong: Vec<u16> = futures_of(5, || send("POST", "/api/v1/session/pin", json!({"pin": "0000"}))).await;
    assert_eq!(wrong, [403, 403, 403, 403, 429], "the fifth wrong one in a row has to wait");
    assert_eq!(send("POST", "/api/v1/session/pin", json!({"pin": "8642"})).await.0, 429, "even the right one");
}

/// The statuses of `count` requests, one after the other.
async fn futures_of<F: Future<Output = (StatusCode, Value)>>(count: usize, ask: impl Fn() -> F) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(ask().await.0.as_u16());
    }
    statuses
}

/// A box in a folder of its own, beside a place for sticks with a list of what is mounted there.
struct Kept {
    web: Web,
    keeper: Arc<Keeper>,
    dir: tempfile::TempDir,
}

fn kept(fixed: impl FnOnce(&Path) -> Option<Plan>) -> Kept {
    let dir = tempfile::tempdir().expect("a folder");
    let (data, media) = (dir.path().join("box"), dir.path().join("media"));
    fs::create_dir_all(media.join("STICK")).expect("made");
    let terminal = terminal_dir::open_or_create(&data, &mut os_chance(), now()).expect("a box");
    let (recipient, name) = (terminal.recipient(), backup::name_of(terminal.id()));
    let mounts = Mounts { list: dir.path().join("mountinfo"), under: vec![media] };
    let keeper = Arc::new(Keeper::new(&data, &name, fixed(dir.path()), mounts));
    keeper.begin();
    let (writer, _) = Writer::start(terminal, os_chance());
    let app = App::new(writer, "127.0.0.1:8080".parse().expect("an address"), &[], Zeroizing::new(KEY.into())).backed_up_by(keeper.clone());
    let web = Web { router: app.router(), token: String::new(), office: PaperOffice::new("05562032", 1), recipient };
    Kept { web, keeper, dir }
}

impl Kept {
    fn stick(&self) -> std::path::PathBuf {
        self.dir.path().join("media/STICK")
    }

    /// The stick is put in, or taken out with all that is on it.
    fn plug(&self, is_in: bool) {
        let line = format!("36 35 8:17 / {} rw,sync shared:7 - vfat /dev/sdb1 rw\n", self.stick().display());
        fs::write(self.dir.path().join("mountinfo"), if is_in { line } else { String::new() }).expect("written");
        if !is_in {
            fs::rename(self.stick(), self.dir.path().join("in a drawer")).expect("taken out");
            fs::create_dir(self.stick()).expect("an empty place stays");
        }
    }

    async fn word(&self) -> (Value, Value) {
        let (_, status) = self.web.get("/api/v1/status").await;
        let word = status["backup"]["word"].clone();
        let doctor = BackupLook::at(self.keeper.dir(), now()).finding(Kind::Terminal);
        assert_eq!(status["backup"]["grade"], json!(doctor.grade), "the counter says what the doctor says");
        let (_, page) = self.web.get("/api/v1/backup").await;
        assert_eq!((&page["word"], &page["grade"]), (&word, &status["backup"]["grade"]), "and so does the page");
        (word, page)
    }
}

#[tokio::test]
async fn somebody_chooses_a_stick_keeps_the_key_and_the_backup_opens_with_it_alone() {
    let kept = kept(|_| None);
    let (word, page) = kept.word().await;
    assert_eq!((word, &page["set_by"], page["sticks"].as_array().map(Vec::len)), (json!("none"), &Value::Null, Some(0)));
    let (status, problem) = kept.web.post("/api/v1/backup/now", &json!({})).await;
    assert_eq!((status, &problem["what"]), (StatusCode::CONFLICT, &json!("place")));

    kept.plug(true);
    let (_, page) = kept.word().await;
    assert_eq!((&page["sticks"][0]["label"], &page["sticks"][0]["writable"]), (&json!("STICK"), &json!(true)));
    let (_, key) = kept.web.post("/api/v1/backup/key", &json!({})).await;
    let (secret, stick) = (key["key"].as_str().expect("a key"), &page["sticks"][0]["mount"]);
    assert!(key["picture"].as_str().is_some_and(|svg| svg.contains("<svg")));
    let chosen = json!({"stick": stick, "every_hours": 24, "recipient": key["recipient"]});
    let (status, page) = kept.web.post("/api/v1/backup", &chosen).await;
    assert_eq!((status, &page["set_by"], &page["stick"], &page["recipient"]), (StatusCode::OK, &json!("page"), stick, &key["recipient"]));
    let (status, page) = kept.web.post("/api/v1/backup/now", &json!({})).await;
    assert_eq!((status, &page["word"], page["same_disk"].as_bool()), (StatusCode::OK, &Value::Null, Some(true)), "a folder of this test is no stick");

    let file = Path::new(page["file"].as_str().expect("a file")).to_owned();
    assert!(file.starts_with(kept.stick().join("teilhabe")));
    let by_hand: String = secret.to_lowercase().chars().enumerate().flat_map(|(at, c)| (at % 4 == 0).then_some(' ').into_iter().chain([c])).collect();
    let restore = |to: &str, key: &str| backup::restore(&kept.dir.path().join(to), &file, &Opener::of(key), &mut os_chance(), now());
    assert!(restore("stolen", &Identity::generate().to_text()).is_err());
    assert!(restore("new", &by_hand).is_ok(), "as it was copied from the sheet, in groups");
    for entry in fs::read_dir(kept.keeper.dir()).expect("there").flatten() {
        let bytes = fs::read(entry.path()).expect("read");
        assert!(!String::from_utf8_lossy(&bytes).contains(&secret[20..]), "{:?} holds the key", entry.path());
    }
}

#[tokio::test]
async fn a_stick_that_is_out_or_another_one_is_seen_by_page_counter_and_doctor_alike() {
    let kept = kept(|_| None);
    kept.plug(true);
    let owner = Identity::generate().recipient();
    let chosen = json!({"stick": kept.stick(), "every_hours": 24, "recipient": owner});
    assert_eq!(kept.web.post("/api/v1/backup", &chosen).await.0, StatusCode::OK);
    assert_eq!(kept.web.post("/api/v1/backup/now", &json!({})).await.0, StatusCode::OK);
    assert_eq!(kept.word().await.0, Value::Null);

    kept.plug(false);
    assert!(kept.keeper.look(now()).is_none(), "nothing is due");
    assert_eq!(kept.word().await.0, Value::Null);
    let (status, problem) = kept.web.post("/api/v1/backup/now", &json!({})).await;
    assert_eq!((status, &problem["what"]), (StatusCode::CONFLICT, &json!("missing")));
    assert!(problem["message"]["de"].as_str().is_some_and(|said| said.contains("Bitte einstecken")), "{problem}");
    assert_eq!(kept.word().await.0, json!("missing"));
    assert_eq!(fs::read_dir(kept.stick()).expect("there").count(), 0, "nothing lands where the stick should be");

    // Another stick in its place, empty: our folder is made there, and what could not be made follows by itself, though nothing was due yet.
    kept.plug(true);
    let file = kept.keeper.look(now()).expect("made up for").expect("made");
    assert!(kept.keeper.look(now().plus_ms(23 * HOUR_MS)).is_none() && file.exists() && kept.word().await.0 == Value::Null);
    // Who changes the place keeps the key without showing it again; what is no place is refused, and nothing changes.
    let (status, page) = kept.web.post("/api/v1/backup", &json!({"folder": kept.dir.path().join("in a drawer"), "every_hours": 6})).await;
    assert_eq!((status, &page["recipient"], &page["every_hours"]), (StatusCode::OK, &json!(owner), &json!(6)));
    let own = kept.keeper.dir().join("keys");
    fs::create_dir(&own).expect("made");
    let wrong = [(json!("sticks/here"), "folder"), (json!(own), "folder"), (json!("/nowhere/at/all"), "folder")];
    for (folder, what) in wrong {
        let (status, problem) = kept.web.post("/api/v1/backup", &json!({"folder": folder, "every_hours": 6})).await;
        assert_eq!((status, &problem["what"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(what)), "{problem}");
    }
    let (_, problem) = kept.web.post("/api/v1/backup", &json!({"stick": "/media/other", "every_hours": 6})).await;
    assert_eq!(problem["what"], json!("stick"));
    let (_, problem) = kept.web.post("/api/v1/backup", &json!({"stick": kept.stick(), "every_hours": 6, "recipient": "age1wrong"})).await;
    assert_eq!(problem["what"], json!("recipient"));
    assert_eq!(kept.word().await.1["to"], json!(kept.dir.path().join("in a drawer")));
    let request = keyed(Request::delete("/api/v1/backup")).body(Body::empty()).expect("a request");
    let (status, page) = answer(kept.web.send(request).await).await;
    assert_eq!((status, &page["to"], &page["set_by"]), (StatusCode::OK, &Value::Null, &Value::Null));
}

#[tokio::test]
async fn what_options_say_wins_and_a_choice_that_cannot_be_read_is_said() {
    let kept_by_options = kept(|dir| {
        let (to, lock) = (dir.join("media/STICK"), Lock::to(&Identity::generate().recipient()).expect("an address"));
        Some(Plan { dir: dir.join("box"), to, every_hours: 12, keep: 3, lock, name: "terminal-1".into() })
    });
    kept_by_options.plug(true);
    let (_, page) = kept_by_options.word().await;
    assert_eq!((&page["set_by"], &page["every_hours"], &page["keep"]), (&json!("options"), &json!(12), &json!(3)));
    let chosen = json!({"stick": kept_by_options.stick(), "every_hours": 24, "recipient": Identity::generate().recipient()});
    let (status, problem) = kept_by_options.web.post("/api/v1/backup", &chosen).await;
    assert_eq!((status, &problem["what"]), (StatusCode::CONFLICT, &json!("options")));
    assert_eq!(kept_by_options.web.post("/api/v1/backup/now", &json!({})).await.0, StatusCode::OK);
    let (_, page) = kept_by_options.web.get("/backup").await;
    assert!(page.as_str().is_some_and(|html| html.contains("--backup-to") && !html.contains("id=\"choose\"")));

    let damaged = kept(|_| None);
    fs::write(damaged.keeper.dir().join("backup-choice.json"), "{\"to\":").expect("written");
    assert!(damaged.keeper.look(now()).is_some_and(|made| made.is_err()));
    assert_eq!(damaged.word().await.0, json!("failed"));
    assert!(Standing::read(damaged.keeper.dir()).sentence.is_some_and(|sentence| sentence.contains("choose it again")));
}

#[tokio::test]
async fn a_new_box_goes_on_for_another_one_from_a_stick_or_from_a_file_that_is_sent() {
    for by_stick in [true, false] {
        let (kept, mut town) = (kept(|_| None), Town::of_today());
        let card = town.office.card_of_today(1);
        assert_eq!(verdict(&town.redeem(&request(&card, "lunch"), now())), "accepted");
        let (plain, owner) = (kept.dir.path().join("plain.db"), Identity::generate());
        town.terminal.store().copy_to(&plain).expect("copied");
        let locked = kept.stick().join("old.age");
        locked_file::lock(&plain, &locked, &Lock::to(&owner.recipient()).expect("an address")).expect("locked");
        let (_, nothing) = kept.web.get("/api/v1/restore").await;
        assert_eq!(nothing, json!({"unused": true, "found": [], "restored": null}));
        let setup = text(kept.web.open("/setup?step=office").await).await;
        assert!(setup.contains("/restore"), "the set-up leads there");

        let file = if by_stick {
            kept.plug(true);
            let (_, found) = kept.web.get("/api/v1/restore").await;
            assert_eq!((&found["found"][0]["name"], &found["found"][0]["stick"]), (&json!("old.age"), &json!("STICK")), "{found}");
            found["found"][0]["file"].clone()
        } else {
            let send = |bytes: Vec<u8>| kept.web.send(keyed(Request::post("/api/v1/restore/file")).body(Body::from(bytes)).expect("a request"));
            assert_eq!(send(b"a shopping list".to_vec()).await.status(), StatusCode::CREATED);
            let ask = json!({"key": owner.to_text().as_str()});
            assert_eq!(kept.web.post("/api/v1/restore", &ask).await.1["what"], json!("no_backup"));
            let whole = fs::read(&locked).expect("read");
            assert_eq!(send(whole[..whole.len() / 2].to_vec()).await.status(), StatusCode::CREATED);
            assert_eq!(kept.web.post("/api/v1/restore", &ask).await.1["what"], json!("damaged"));
            assert_eq!(send(whole).await.status(), StatusCode::CREATED);
            Value::Null
        };
        let (status, problem) = kept.web.post("/api/v1/restore", &json!({"file": file, "key": "rote Grütze"})).await;
        assert_eq!((status, &problem["what"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("key")), "{problem}");
        let (_, problem) = kept.web.post("/api/v1/restore", &json!({"file": "/etc/passwd", "key": owner.to_text().as_str()})).await;
        assert_eq!(problem["what"], json!("file"));
        let (status, restored) = kept.web.post("/api/v1/restore", &json!({"file": file, "key": owner.to_text().as_str()})).await;
        assert_eq!((status, &restored["entered_again"], &restored["offices"]), (StatusCode::CREATED, &json!(1), &json!(["05562032"])), "{restored}");
        assert!(!kept.keeper.dir().join("restore.draft").exists(), "nothing lies open");

        let (_, told) = kept.web.get("/api/v1/restore").await;
        assert_eq!((&told["unused"], &told["restored"]), (&json!(false), &restored), "whoever lost the answer reads it again");
        let setup = text(kept.web.open("/setup?step=office").await).await;
        assert!(!setup.contains("/restore") && setup.contains("name=\"code\""), "what is left is the enrolment");
        let (status, problem) = kept.web.post("/api/v1/restore", &json!({"file": file, "key": owner.to_text().as_str()})).await;
        assert_eq!((status, &problem["what"]), (StatusCode::CONFLICT, &json!("in_use")));
        let (_, day) = kept.web.get("/api/v1/days/today").await;
        assert_eq!(day["count"], json!(1), "{day}");
    }
}

#[tokio::test]
async fn what_a_restore_has_left_when_the_power_went_is_gone_at_the_next_start() {
    let kept = kept(|_| None);
    let send = keyed(Request::post("/api/v1/restore/file")).body(Body::from("half a backup")).expect("a request");
    assert_eq!(kept.web.send(send).await.status(), StatusCode::CREATED);
    assert!(kept.keeper.dir().join("restore.draft/arrived.age").exists());
    kept.keeper.begin();
    assert!(!kept.keeper.dir().join("restore.draft").exists());
}

#[tokio::test]
async fn a_stick_in_the_box_carries_the_exchange_and_the_enrolment() {
    let kept = kept(|_| None);
    let (status, problem) = kept.web.post("/api/v1/exchange/stick", &json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(problem["message"]["de"].as_str().is_some_and(|said| said.contains("kein Stick")), "{problem}");
    kept.plug(true);
    // Not admitted yet: the request goes onto the stick, and the office's answer comes back by it.
    let mut office = PaperOffice::new("05562032", 1);
    let code = office.code.grouped();
    let ask = json!({"url": "", "code": code, "stick": true});
    let (status, written) = kept.web.post("/api/v1/offices/request", &ask).await;
    assert_eq!((status, &written["written"]), (StatusCode::OK, &json!(["anmeldung.cbor"])), "{written}");
    let (status, problem) = kept.web.post("/api/v1/offices/answer", &ask).await;
    assert!(
        status == StatusCode::UNPROCESSABLE_ENTITY && problem["message"]["de"].as_str().is_some_and(|said| said.contains("keine Antwort")),
        "{problem}"
    );
    let admitted = office.enrol(&fs::read(kept.stick().join("teilhabe/anmeldung.cbor")).expect("the request"), now());
    fs::write(kept.stick().join("notes.json"), "{\"nothing\": 1}").expect("written");
    fs::write(kept.stick().join("antwort.json"), serde_json::to_vec(&admitted).expect("JSON")).expect("written");
    let (status, enrolled) = kept.web.post("/api/v1/offices/answer", &ask).await;
    assert_eq!((status, &enrolled["office"]), (StatusCode::CREATED, &json!("05562032")), "{enrolled}");

    let (status, first) = kept.web.post("/api/v1/exchange/stick", &json!({})).await;
    assert_eq!((status, &first["written"], &first["taken"]), (StatusCode::OK, &json!(["claims-05562032.age"]), &json!([])), "{first}");
    let question = fs::read(kept.stick().join("teilhabe/claims-05562032.age")).expect("a question");
    fs::write(kept.stick().join("answer.age"), office.exchange(&question, &kept.web.recipient, now())).expect("written");
    let (_, second) = kept.web.post("/api/v1/exchange/stick", &json!({})).await;
    assert_eq!(second["taken"].as_array().map(Vec::len), Some(1), "{second}");
    let (_, status) = kept.web.get("/api/v1/status").await;
    assert!(!status["offices"][0]["heard_at"].is_null(), "{status}");
}
