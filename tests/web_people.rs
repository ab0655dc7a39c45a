//! The provider's own lists over HTTP: people, chips, forgotten cards, groups, files; and that no name of them leaves the box.
#![cfg(feature = "terminal")]

mod town;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use teilhabe::shell::web::terminal::App;
use teilhabe::shell::web::terminal::writer::Writer;
use teilhabe::words::civil::CivilDay;
use tower::ServiceExt;
use town::*;
use zeroize::Zeroizing;

const KEY: &str = "0123456789abcdef";

struct Web {
    router: Router,
    writer: Writer,
    office: PaperOffice,
    recipient: String,
}

/// A terminal of today behind its router.
fn web() -> Web {
    let town = Town::of_today();
    let recipient = town.terminal.recipient();
    let (writer, _) = Writer::start(town.terminal, town.chance);
    let app = App::new(writer.clone(), "127.0.0.1:8080".parse().expect("an address"), &[], Zeroizing::new(KEY.into()));
    Web { router: app.router(), writer, office: town.office, recipient }
}

fn today() -> CivilDay {
    CivilDay::of(teilhabe::shell::door::now())
}

impl Web {
    /// The card of a child, valid today.
    fn card(&self, child: u8) -> String {
        self.office.card_of_today(child)
    }

    async fn send(&self, request: axum::http::request::Builder, body: Body) -> (StatusCode, Value) {
        let request = request.header("host", "127.0.0.1:8080").header("authorization", format!("Bearer {KEY}"));
        let response = self.router.clone().oneshot(request.body(body).expect("a request")).await.expect("infallible");
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 40_000_000).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned())))
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        self.send(request, Body::from(body.to_string())).await
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.call("POST", path, body).await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(Request::get(path), Body::empty()).await
    }

    async fn file(&self, path: &str, bytes: impl Into<Vec<u8>>) -> (StatusCode, Value) {
        self.send(Request::post(path).header("content-type", "text/csv"), Body::from(bytes.into())).await
    }

    async fn add(&self, name: &str, list: &str) -> u64 {
        let (status, added) = self.post("/api/v1/people", &json!({"name": name, "list": list})).await;
        assert_eq!(status, StatusCode::CREATED, "{added}");
        added["person"]["id"].as_u64().expect("an id")
    }

    /// Somebody joined to the card of a child.
    async fn joined(&self, name: &str, list: &str, child: u8) -> u64 {
        let id = self.add(name, list).await;
        let (_, joined) = self.post(&format!("/api/v1/people/{id}/card"), &json!({"code": self.card(child)})).await;
        assert_eq!(joined["verdict"], "joined", "{joined}");
        id
    }
}

#[tokio::test]
async fn people_are_added_found_changed_and_deleted() {
    let web = web();
    let mia = web.add("Mia Weiß", "3a").await;
    web.add("Ben Öztürk", "3a, Judo").await;
    web.add("Ada Lange", "Judo").await;
    let (_, found) = web.get("/api/v1/people?search=oezt").await;
    assert_eq!((found["people"][0]["name"].as_str(), &found["of"]), (Some("Ben Öztürk"), &json!(3)));
    let (_, judo) = web.get("/api/v1/people?list=Judo").await;
    assert_eq!((judo["people"].as_array().map(Vec::len), &judo["lists"]), (Some(2), &json!(["3a", "Judo"])));
    let path = format!("/api/v1/people/{mia}");
    let (status, changed) = web.call("PUT", &path, &json!({"name": "Mia Weiß", "number": "007", "list": "4a"})).await;
    assert_eq!((status, &changed["person"]["number"]), (StatusCode::OK, &json!("007")));
    let (status, taken) = web.post("/api/v1/people", &json!({"name": "Tim", "number": "007"})).await;
    assert_eq!((status, &taken["verdict"], &taken["person"]["name"]), (StatusCode::CONFLICT, &json!("taken"), &json!("Mia Weiß")));
    for unfit in [json!({"name": " "}), json!({"name": "x".repeat(61)}), json!({"name": "a", "nick": "b"})] {
        assert_eq!(web.post("/api/v1/people", &unfit).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{unfit}");
    }
    for _ in 0..2 {
        assert_eq!(web.call("DELETE", &path, &json!({})).await.0, StatusCode::OK);
    }
    assert_eq!(web.call("PUT", &path, &json!({"name": "Mia"})).await.0, StatusCode::NOT_FOUND);
    assert_eq!(web.get("/api/v1/people").await.1["of"], 2);
}

#[tokio::test]
async fn a_name_is_found_however_its_letters_are_typed() {
    let web = web();
    for name in ["Ana Čapek", "Ben Müller", "Cem Straßer"] {
        web.add(name, "").await;
    }
    for (search, name) in [
        ("capek", "Ana Čapek"),
        ("mueller", "Ben Müller"),
        ("muller", "Ben Müller"),
        ("m%C3%BCll", "Ben Müller"),
        ("strasse", "Cem Straßer"),
        ("%C4%8Capek%20ana", "Ana Čapek"),
    ] {
        let (_, found) = web.get(&format!("/api/v1/people?search={search}")).await;
        let names: Vec<&Value> = found["people"].as_array().expect("people").iter().map(|person| &person["name"]).collect();
        assert_eq!(names, [name], "{search}");
    }
}

#[tokio::test]
async fn a_refused_forgotten_card_is_held_for_its_child() {
    let web = web();
    let mia = web.joined("Mia", "3a", 1).await;
    let held = json!({"ask": "h", "person": mia, "service": "lunch", "reason": "status_stale"});
    let (status, first) = web.post("/api/v1/held", &held).await;
    assert_eq!((status, &first["alias"]), (StatusCode::CREATED, &json!("Mia")), "{first}");
    assert_eq!(web.post("/api/v1/held", &held).await.1, first, "the same ask, the same answer");
    assert_eq!(web.get("/api/v1/held").await.1["held"][0]["reason"], "status_stale");
    let (status, meal) = web.post("/api/v1/redemptions", &json!({"code": web.card(1), "service": "lunch"})).await;
    assert_eq!(status, StatusCode::CREATED, "{meal}");
    assert_eq!(web.get("/api/v1/held").await.1["held"], json!([]), "her card makes up for it by itself");
}

#[tokio::test]
async fn a_lesson_begins_for_a_forgotten_card_and_for_who_pays() {
    let web = web();
    let mia = web.joined("Mia", "3a", 1).await;
    let lesson = |person: u64| json!({"person": person, "service": "maths", "forgotten": true, "why_forgotten": "lost"});
    let (status, started) = web.post("/api/v1/lessons", &lesson(mia)).await;
    assert_eq!((status, &started["verdict"]), (StatusCode::CREATED, &json!("started")), "{started}");
    let (status, running) = web.post("/api/v1/lessons", &json!({"code": web.card(1), "service": "maths"})).await;
    assert_eq!((status, &running["verdict"]), (StatusCode::OK, &json!("running")), "the card means the same child: {running}");
    let (_, look) = web.post("/api/v1/checks", &lesson(mia)).await;
    assert_eq!(look["verdict"], "accepted", "{look}");
    let (_, unknown) = web.post("/api/v1/lessons", &lesson(web.add("Ben", "").await)).await;
    assert_eq!((&unknown["reason"], &unknown["can_be_held"]), (&json!("unknown_number"), &json!(true)));
    for unfit in [
        json!({"service": "maths"}),
        json!({"person": mia, "service": "maths"}),
        json!({"person": mia, "service": "maths", "forgotten": true}),
        json!({"person": mia, "code": web.card(1), "service": "maths", "forgotten": true, "why_forgotten": "lost"}),
        json!({"person": 999, "service": "maths", "forgotten": true, "why_forgotten": "lost"}),
    ] {
        let (status, problem) = web.post("/api/v1/lessons", &unfit).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{unfit}");
        assert!(problem["message"]["de"].is_string(), "{problem}");
    }
    let (_, ada) = web.post("/api/v1/people", &json!({"name": "Ada", "pays_self": true})).await;
    let ada = ada["person"]["id"].as_u64().expect("an id");
    let (status, taken) = web.post("/api/v1/lessons", &lesson(ada)).await;
    assert_eq!((status, &taken["verdict"], &taken["person"]["name"]), (StatusCode::CREATED, &json!("accepted"), &json!("Ada")), "{taken}");
    assert_eq!(web.post("/api/v1/lessons", &lesson(ada)).await.1["reason"], "already_redeemed");
}

#[tokio::test]
async fn a_person_is_joined_by_a_scan_and_one_card_is_one_person() {
    let web = web();
    let (mia, ben) = (web.joined("Mia", "3a", 1).await, web.add("Ben", "3a").await);
    let path = format!("/api/v1/people/{ben}/card");
    let (status, taken) = web.post(&path, &json!({"code": web.card(1)})).await;
    assert_eq!((status, &taken["person"]["name"]), (StatusCode::CONFLICT, &json!("Mia")));
    let (_, moved) = web.post(&path, &json!({"code": web.card(1), "replace": true})).await;
    assert_eq!(moved["person"]["joined"], true);
    let (_, found) = web.get("/api/v1/people?search=mia").await;
    assert_eq!((&found["people"][0]["id"], &found["people"][0]["joined"]), (&json!(mia), &json!(false)));
    let (_, refused) = web.post(&path, &json!({"code": "BUT1XXXX"})).await;
    assert_eq!((&refused["verdict"], &refused["reason"]), (&json!("refused"), &json!("malformed")));
    let (_, meal) = web.post("/api/v1/redemptions", &json!({"code": web.card(1), "service": "lunch"})).await;
    assert_eq!(meal["person"], json!({"id": ben, "name": "Ben"}));
    let (_, apart) = web.call("DELETE", &path, &json!({})).await;
    assert_eq!(apart["person"]["joined"], false);
}

#[tokio::test]
async fn a_forgotten_card_is_found_in_the_list_with_its_reason() {
    let web = web();
    let (mia, ben) = (web.joined("Mia", "3a", 1).await, web.add("Ben", "3a").await);
    for unfit in [
        json!({"person": mia, "service": "lunch"}),
        json!({"person": mia, "service": "lunch", "forgotten": true}),
        json!({"service": "lunch"}),
        json!({"person": mia, "code": web.card(1), "service": "lunch", "forgotten": true, "why_forgotten": "lost"}),
        json!({"person": mia, "service": "lunch", "forgotten": true, "why_forgotten": "lazy"}),
        json!({"person": 999, "service": "lunch", "forgotten": true, "why_forgotten": "lost"}),
    ] {
        assert_eq!(web.post("/api/v1/redemptions", &unfit).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{unfit}");
    }
    let forgotten = |person: u64| json!({"person": person, "service": "lunch", "forgotten": true, "why_forgotten": "left_at_home"});
    let (status, meal) = web.post("/api/v1/redemptions", &forgotten(mia)).await;
    assert_eq!((status, &meal["cents"], &meal["person"]["name"]), (StatusCode::CREATED, &json!(450), &json!("Mia")));
    let seq = meal["seq"].as_u64().expect("a number");
    let seen = web.writer.run(move |terminal, _| terminal.store().read(|tx| tx.entry(seq))).await.expect("done").expect("readable");
    let Some(teilhabe::book::entry::Body::Redemption(redemption)) = seen.map(|entry| entry.body) else { panic!("no redemption") };
    assert_eq!(redemption.seen_as, teilhabe::book::redemption::SeenAs::List);
    let (_, again) = web.post("/api/v1/redemptions", &forgotten(mia)).await;
    assert_eq!(again["reason"], "already_redeemed");
    let (status, unknown) = web.post("/api/v1/redemptions", &forgotten(ben)).await;
    assert_eq!((status, &unknown["reason"], &unknown["can_be_held"]), (StatusCode::OK, &json!("unknown_number"), &json!(true)));
    let (status, held) = web.post("/api/v1/held", &json!({"person": ben, "service": "lunch"})).await;
    assert_eq!((status, &held["alias"]), (StatusCode::CREATED, &json!("Ben")));
    web.post("/api/v1/redemptions", &json!({"code": web.card(2), "service": "lunch"})).await;
    assert_eq!(web.get("/api/v1/people").await.1["forgotten_share"], json!({"count": 1, "of": 2}));
}

#[tokio::test]
async fn who_pays_scans_green_like_all_others_and_no_money_is_recorded() {
    let web = web();
    let (_, ada) = web.post("/api/v1/people", &json!({"name": "Ada", "pays_self": true})).await;
    let ada = ada["person"]["id"].as_u64().expect("an id");
    let chip = json!({"uid": "04:A2:24:B2", "person": ada});
    assert_eq!(web.post("/api/v1/chips", &chip).await.0, StatusCode::CREATED);
    let before = web.get("/api/v1/status").await.1["pending"].clone();
    let meal = json!({"code": "04a224b2", "service": "lunch", "ask": "one"});
    let (status, look) = web.post("/api/v1/checks", &json!({"code": "04a224b2", "service": "lunch"})).await;
    assert_eq!((status, &look["verdict"], look.get("id")), (StatusCode::OK, &json!("accepted"), None));
    let (status, first) = web.post("/api/v1/redemptions", &meal).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(
        first,
        json!({"verdict": "accepted", "id": "pickup-1", "benefit": "lunch", "cents": 0, "remaining": [], "data_age": "red", "person": {"id": ada, "name": "Ada"}})
    );
    assert_eq!(web.post("/api/v1/redemptions", &meal).await.1, first, "the same ask, the same answer");
    let second = json!({"code": "04a224b2", "service": "lunch"});
    let (_, refused) = web.post("/api/v1/redemptions", &second).await;
    web.post("/api/v1/redemptions", &json!({"code": web.card(1), "service": "lunch"})).await;
    let (_, other) = web.post("/api/v1/redemptions", &json!({"code": web.card(1), "service": "lunch"})).await;
    let shape = |refused: &Value| refused.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!((&refused["reason"], &refused["word"], shape(&refused)), (&other["reason"], &other["word"], shape(&other)));
    let today = web.get("/api/v1/days/today").await.1;
    assert_eq!((&today["served"], &today["count"]), (&json!(2), &json!(1)), "the screen counts all alike");
    let taken = &today["pickups"][0];
    assert_eq!((&taken["id"], &taken["person"]["name"], &taken["cancelled"]), (&json!("pickup-1"), &json!("Ada"), &json!(false)));
    let (_, page) = web.send(Request::get("/day").header("accept", "text/html"), Body::empty()).await;
    let page = page.as_str().expect("a page");
    assert!(page.contains("data-id=\"pickup-1\"") && page.contains("Ada"), "the day lists all alike");
    let undo = "/api/v1/redemptions/pickup-1/cancellation";
    assert_eq!(web.post(undo, &json!({"reason": "typing_error"})).await.0, StatusCode::CREATED);
    assert_eq!(web.post(undo, &json!({"reason": "typing_error"})).await.0, StatusCode::OK);
    assert_eq!(web.post("/api/v1/redemptions/pickup-9/cancellation", &json!({"reason": "typing_error"})).await.0, StatusCode::NOT_FOUND);
    assert_eq!(web.post("/api/v1/redemptions", &second).await.0, StatusCode::CREATED, "undone, it can be recorded again");
    let after = web.get("/api/v1/status").await.1["pending"].clone();
    assert_eq!((before, after), (json!(0), json!(1)), "only the card's meal is claimed");
}

#[tokio::test]
async fn a_chip_is_moved_only_when_that_is_meant_and_can_be_forgotten() {
    let web = web();
    let (mia, ben) = (web.joined("Mia", "", 1).await, web.add("Ben", "").await);
    let uid = "04A224B2";
    assert_eq!(web.post("/api/v1/chips", &json!({"uid": uid, "code": web.card(1)})).await.0, StatusCode::CREATED);
    assert_eq!(web.post("/api/v1/chips", &json!({"uid": uid, "person": mia})).await.0, StatusCode::CREATED, "her own");
    for to in [json!({"uid": uid, "person": ben}), json!({"uid": uid, "code": web.card(2)})] {
        let (status, taken) = web.post("/api/v1/chips", &to).await;
        assert_eq!((status, &taken["person"]["name"]), (StatusCode::CONFLICT, &json!("Mia")), "{to}");
        assert_eq!(taken["message"]["de"], "Das gehört schon zu Mia.");
    }
    let (status, _) = web.post("/api/v1/chips", &json!({"uid": uid, "person": ben, "replace": true})).await;
    assert_eq!(status, StatusCode::CREATED);
    let meal = json!({"code": uid, "service": "lunch"});
    assert_eq!(web.post("/api/v1/redemptions", &meal).await.1["reason"], "unknown_number", "Ben has shown no card yet");
    web.post(&format!("/api/v1/people/{ben}/card"), &json!({"code": web.card(2)})).await;
    let (status, taken) = web.post("/api/v1/redemptions", &meal).await;
    assert_eq!((status, &taken["person"]["name"]), (StatusCode::CREATED, &json!("Ben")), "his chip was known before his card");
    assert_eq!(web.call("DELETE", &format!("/api/v1/people/{ben}/chips"), &json!({})).await.1["count"], 1);
    assert_eq!(web.post("/api/v1/redemptions", &meal).await.1["reason"], "unknown_number");
    assert_eq!(web.post("/api/v1/chips/forgetting", &json!({"uid": uid})).await.1["known"], false);
    for unfit in [json!({"uid": "x", "person": ben}), json!({"uid": uid}), json!({"uid": uid, "person": ben, "code": "1"})] {
        assert_eq!(web.post("/api/v1/chips", &unfit).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{unfit}");
    }
}

#[tokio::test]
async fn a_group_is_recorded_once_however_often_it_is_asked_for() {
    let web = web();
    let (mia, ben, ada) = (web.joined("Mia", "Judo", 1).await, web.joined("Ben", "Judo", 2).await, web.add("Ada", "Judo").await);
    let group = json!({"ask": "g1", "service": "judo", "cents": 1500, "people": [ada, mia, ben, mia]});
    let (status, first) = web.post("/api/v1/groups", &group).await;
    assert_eq!((status, &first["accepted"], &first["refused"]), (StatusCode::OK, &json!(2), &json!(1)), "{first}");
    let ada_s = first["results"].as_array().expect("results").iter().find(|r| r["person"]["name"] == "Ada").expect("Ada");
    assert_eq!((&ada_s["reason"], &ada_s["can_be_held"]), (&json!("unknown_number"), &json!(true)));
    assert_eq!(web.post("/api/v1/groups", &group).await.1, first);
    let day = web.get("/api/v1/days/today").await.1;
    assert_eq!((&day["count"], &day["cents"]), (&json!(2), &json!(3000)));
    let (status, _) = web.post("/api/v1/groups", &json!({"ask": "g1", "service": "judo", "cents": 900, "people": [mia]})).await;
    assert_eq!(status, StatusCode::CONFLICT, "the same ask for something else");
    let lesson =
        json!({"ask": "g2", "service": "maths", "starts_at": "00:00", "ends_at": "00:45", "service_date": today().minus(1), "people": [mia, ben]});
    assert_eq!(web.post("/api/v1/groups", &lesson).await.1["accepted"], 2);
    for unfit in [
        json!({"ask": "g3", "service": "judo", "cents": 1500, "people": []}),
        json!({"ask": "g3", "service": "judo", "cents": 1500, "people": (0..501).collect::<Vec<u64>>()}),
        json!({"ask": "", "service": "judo", "cents": 1500, "people": [mia]}),
        json!({"ask": "g3", "service": "judo", "cents": 0, "people": [mia]}),
        json!({"ask": "g3", "service": "judo", "cents": 1500, "people": [999]}),
    ] {
        assert_eq!(web.post("/api/v1/groups", &unfit).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{unfit}");
    }
    assert_eq!(web.get("/api/v1/people").await.1["forgotten_share"], json!({"count": 0, "of": 0}), "ticked is not forgotten");
}

#[tokio::test]
async fn a_list_is_looked_at_then_taken_and_the_same_file_changes_nothing() {
    let web = web();
    let mia = web.joined("Mia Weiß", "3a", 1).await;
    let file = "Name;Mitgliedsnummer;Klasse;zahlt selbst;Chip\r\nMia Wei\u{df};0042;3a;;\r\nBen;0043;3a;ja;04A224B2\r\n;0044;3a;;\r\n";
    let latin: Vec<u8> = file.chars().map(|c| u8::try_from(u32::from(c)).expect("Latin 1")).collect();
    let (status, look) = web.file("/api/v1/people/import", latin.clone()).await;
    assert_eq!((status, &look["added"], &look["changed"], &look["wrong"]), (StatusCode::OK, &json!(1), &json!(1), &json!(1)), "{look}");
    assert_eq!((&look["errors"][0]["line"], &look["errors"][0]["column"]), (&json!(4), &json!("name")));
    assert_eq!(web.get("/api/v1/people").await.1["of"], 1, "a look takes nothing");
    let (_, taken) = web.file("/api/v1/people/import?take=true", latin.clone()).await;
    assert_eq!((&taken["added"], &taken["changed"]), (&json!(1), &json!(1)));
    let (_, again) = web.file("/api/v1/people/import?take=true", latin).await;
    assert_eq!((&again["added"], &again["changed"], &again["same"]), (&json!(0), &json!(0), &json!(2)), "{again}");
    let found = web.get("/api/v1/people?search=0042").await.1;
    assert_eq!((&found["people"][0]["id"], &found["people"][0]["joined"]), (&json!(mia), &json!(true)), "her card stays");
    let (_, exported) = web.get("/api/v1/people.csv").await;
    let csv = exported.as_str().expect("text").to_owned();
    assert!(csv.contains("Mia Weiß;\"=\"\"0042\"\"\";3a;nein;ja;0;0"), "{csv}");
    let (_, back) = web.file("/api/v1/people/import", csv).await;
    assert_eq!((&back["same"], &back["added"], &back["changed"], &back["wrong"]), (&json!(2), &json!(0), &json!(0), &json!(0)), "{back}");
    let (status, no_name) = web.file("/api/v1/people/import", "Nummer\n1\n").await;
    assert_eq!((status, &no_name["errors"][0]["line"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(1)));
    let (_, stolen) = web.file("/api/v1/people/import", "Name;Chip\nTim;04A224B2\n").await;
    assert!(stolen["errors"][0]["message"]["de"].as_str().is_some_and(|m| m.contains("gehört schon zu Ben")), "{stolen}");
}

#[tokio::test]
async fn pick_ups_of_another_system_are_recorded_once() {
    let web = web();
    web.post("/api/v1/chips", &json!({"uid": "0004711A", "code": web.card(1)})).await;
    let (_, ada) = web.post("/api/v1/people", &json!({"name": "Ada", "pays_self": true})).await;
    web.post("/api/v1/chips", &json!({"uid": "0004711B", "person": ada["person"]["id"]})).await;
    let (one, two) = (today().minus(1), today().minus(2));
    let file = format!(
        "Chipnummer;Datum;Uhrzeit;Men\u{fc}\n0004711A;{};12:03;Nudeln\n0004711A;{two};12:10;\n0004711B;{one};12:04;\n0004711C;{one};;\n0004711a;{one};12:59;\nxx;{one};;\n",
        one.german()
    );
    let path = "/api/v1/pickups/file?service=lunch";
    let counts = |told: &Value| ["new", "paying", "before", "unknown", "held", "twice", "wrong"].map(|k| told[k].as_u64().expect("a count"));
    let (status, look) = web.file(path, file.clone()).await;
    assert_eq!((status, counts(&look), &look["cents"]), (StatusCode::OK, [2, 1, 0, 1, 0, 1, 1], &json!(900)), "{look}");
    assert_eq!(web.get("/api/v1/status").await.1["pending"], 0, "a look records nothing");
    let (_, booked) = web.file(&format!("{path}&book=true"), file.clone()).await;
    assert_eq!(counts(&booked), [2, 1, 0, 1, 0, 1, 1]);
    let (_, again) = web.file(&format!("{path}&book=true&hold=true"), file.clone()).await;
    assert_eq!(counts(&again), [0, 0, 3, 0, 1, 1, 1], "{again}");
    let (_, third) = web.file(&format!("{path}&book=true&hold=true"), file).await;
    assert_eq!(counts(&third), [0, 0, 4, 0, 0, 1, 1], "what is held is held once");
    assert_eq!(web.get("/api/v1/held").await.1["held"].as_array().map(Vec::len), Some(1));
    assert_eq!(web.get("/api/v1/status").await.1["pending"], 2);
    let list = json!({"service": "lunch", "book": true, "pickups": [{"code": "0004711A", "service_date": one}, {"code": "0004711A", "service_date": today(), "time": "12:01"}]});
    let (_, told) = web.post("/api/v1/pickups", &list).await;
    assert_eq!((&told["before"], &told["new"]), (&json!(1), &json!(1)));
    let ahead = json!({"service": "lunch", "pickups": [{"code": "0004711A", "service_date": today().plus(1)}, {"code": "0004711A", "service_date": one, "service": "maths"}]});
    let (_, told) = web.post("/api/v1/pickups", &ahead).await;
    assert_eq!((&told["wrong"], &told["before"]), (&json!(1), &json!(1)), "a dish is no service: the one chosen counts; {told}");
    let (_, told) = web.post("/api/v1/pickups", &json!({"pickups": [{"code": "0004711A", "service_date": one, "service": "maths"}]})).await;
    assert!(told["errors"][0]["message"]["de"].as_str().is_some_and(|m| m.contains("kein Angebot")), "{told}");
}

#[tokio::test]
async fn no_name_leaves_the_box() {
    let mut web = web();
    let (name, number) = ("Xaverina Quittenbaum", "MGL-778899");
    let (_, added) = web.post("/api/v1/people", &json!({"name": name, "number": number, "list": "Geheimliste"})).await;
    let id = added["person"]["id"].as_u64().expect("an id");
    web.post(&format!("/api/v1/people/{id}/card"), &json!({"code": web.card(1)})).await;
    web.post("/api/v1/redemptions", &json!({"person": id, "service": "lunch", "forgotten": true, "why_forgotten": "phone_empty"})).await;
    web.post("/api/v1/groups", &json!({"ask": "g", "service": "judo", "cents": 1000, "people": [id]})).await;
    web.post("/api/v1/held", &json!({"person": id, "service": "choir"})).await;
    let office = web.office.id.clone();
    let done = web.writer.run(move |terminal, chance| {
        let now = teilhabe::shell::door::now();
        let sealed = terminal.outbound(&office, chance, now).expect("sealed");
        let mut books = Vec::new();
        terminal.store().read(|tx| {
            tx.walk(1, |row| {
                books.extend_from_slice(&row.bytes);
                Ok::<_, teilhabe::shell::store::StoreError>(true)
            })
        })?;
        Ok::<_, teilhabe::shell::store::StoreError>((sealed, books))
    });
    let (sealed, journal) = done.await.expect("done").expect("readable");
    let (outbound, _) = web.office.read(&sealed);
    assert!(!outbound.batches.is_empty(), "something was sent");
    let sent: Vec<u8> = outbound.batches.concat();
    for (place, bytes) in [("the journal", &journal), ("a batch", &sent)] {
        let text = String::from_utf8_lossy(bytes);
        for word in ["Quittenbaum", number, "Geheimliste", "phone_empty"] {
            assert!(!text.contains(word), "{word} stands in {place}");
        }
    }
    let inbound = web.office.exchange(&sealed, &web.recipient.clone(), teilhabe::shell::door::now());
    assert!(!inbound.is_empty());
    // Proof that the words could be found where they stand.
    let (_, csv) = web.get("/api/v1/people.csv").await;
    assert!(csv.as_str().is_some_and(|csv| csv.contains("Quittenbaum") && csv.contains(number)));
}
