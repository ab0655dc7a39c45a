//! Several tablets, one box: pairing by code, over real TLS, and what is refused.
#![cfg(feature = "terminal")]

mod house;
mod town;

use house::{House, beside, card};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn only_a_paired_tablet_gets_in() {
    let dir = tempfile::tempdir().expect("a folder");
    let house = House::open(dir.path()).await;
    let (program, mut tablet) = (house.program(), house.tablet());
    let spare = house.tablet();
    beside(move || {
        let page = tablet.get("/");
        assert_eq!((page.status, page.location.as_str()), (303, "/pair"));
        for path in ["/pair", "/healthz", "/assets/pair.js"] {
            assert_eq!(tablet.get(path).status, 200, "{path}");
        }
        let stranger = tablet.get("/api/v1/status");
        assert_eq!((stranger.status, &stranger.body["what"]), (401, &json!("not_paired")));
        tablet.key = true;
        assert_eq!(tablet.get("/api/v1/status").status, 401, "the key of programs opens nothing here");
        assert_eq!(tablet.post("/api/v1/session", &json!({})).status, 401);
        tablet.key = false;
        let pair = |code: &str, name: &str| tablet.post("/api/v1/pairing", &json!({"code": code, "name": name}));
        assert_eq!(pair("00000000", "Tablet 2").status, 410, "the box shows no code");
        let shown = program.post("/api/v1/devices/code", &json!({})).body;
        assert!(shown["picture"].as_str().is_some_and(|svg| svg.starts_with("<svg")), "{shown}");
        let code = shown["code"].as_str().expect("a code").to_owned();
        let wrong = if code == "12345678" { "12345679" } else { "12345678" };
        assert_eq!(pair(wrong, "Tablet 2").status, 403);
        assert_eq!(pair(&code, "  ").status, 422, "a name is needed");
        assert_eq!(pair(&code, &"x".repeat(41)).status, 422);
        let paired = pair(&format!("{} {}", &code[..4], &code[4..]), "Tablet 2");
        assert_eq!((paired.status, &paired.body["name"]), (201, &json!("Tablet 2")));
        let cookie = &paired.cookies[0];
        assert!(
            cookie.starts_with("__Host-device=") && cookie.ends_with("; Path=/; Max-Age=34560000; Secure; HttpOnly; SameSite=Strict"),
            "{cookie}"
        );
        assert_eq!(pair(&code, "Tablet 3").status, 410, "a code is good once");
        tablet.keep(&paired);
        let page = tablet.get("/");
        assert_eq!(page.status, 200);
        assert!(page.cookies.iter().any(|c| c.starts_with("__Host-desk=") && c.contains("Secure")), "{:?}", page.cookies);
        tablet.keep(&page);
        assert_eq!(tablet.get("/api/v1/status").status, 200);
        // The name is taken: the code stays good for another name.
        let code = program.post("/api/v1/devices/code", &json!({})).body["code"].clone();
        assert_eq!(spare.post("/api/v1/pairing", &json!({"code": code, "name": "Tablet 2"})).status, 409);
        assert_eq!(spare.post("/api/v1/pairing", &json!({"code": code, "name": "Tablet 3"})).status, 201);
        assert_eq!(program.post("/api/v1/pairing", &json!({"code": code, "name": "x"})).status, 409, "the box itself needs no pairing");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meal_is_known_by_the_device_it_was_recorded_at() {
    let dir = tempfile::tempdir().expect("a folder");
    let house = House::open(dir.path()).await;
    let token = card(&house.office, 1);
    let other = card(&house.office, 2);
    let (program, one, two) = tokio::task::block_in_place(|| (house.program(), house.paired("Tablet 1"), house.paired("Tablet 2")));
    beside(move || {
        let meal = json!({"code": token, "service": "lunch"});
        assert_eq!(two.post("/api/v1/redemptions", &meal).status, 201);
        for client in [&program, &one, &two] {
            let refused = client.post("/api/v1/redemptions", &meal).body;
            assert_eq!((&refused["reason"], &refused["till"]), (&json!("already_redeemed"), &json!("Tablet 2")));
            assert!(refused["message"]["de"].as_str().is_some_and(|text| text.contains(" Uhr an Tablet 2 ")), "{refused}");
        }
        assert_eq!(one.post("/api/v1/checks", &meal).body["till"], json!("Tablet 2"));
        // The box itself has no name yet, so nothing is said.
        assert_eq!(program.post("/api/v1/redemptions", &json!({"code": other, "service": "lunch"})).status, 201);
        assert_eq!(one.post("/api/v1/redemptions", &json!({"code": other, "service": "lunch"})).body.get("till"), None);
        let devices = program.get("/api/v1/devices").body;
        let names: Vec<_> = devices["devices"].as_array().expect("a list").iter().map(|d| d["name"].as_str().unwrap_or_default()).collect();
        assert_eq!(names, ["Tablet 1", "Tablet 2"]);
        assert!(devices["lan"]["fingerprint"].as_str().is_some_and(|f| f.len() == 79), "{devices}");
        let id = devices["devices"][1]["id"].as_str().expect("an id");
        let path = format!("/api/v1/devices/{id}");
        assert_eq!(program.post(&path, &json!({"name": "Tablet 1"})).status, 409);
        assert_eq!(program.post(&path, &json!({"name": "Speisesaal"})).body["name"], json!("Speisesaal"));
        assert_eq!(one.post("/api/v1/redemptions", &meal).body["till"], json!("Tablet 2"), "as it was called then");
        assert_eq!(two.get("/api/v1/status").status, 200);
        assert_eq!(program.send("DELETE", &path, None).status, 200);
        assert_eq!(two.get("/api/v1/status").body["what"], json!("not_paired"), "removed at once");
        assert_eq!(program.send("DELETE", &path, None).status, 404);
        assert_eq!(one.get("/api/v1/status").status, 200, "the other one works on");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_worth_nothing_elsewhere() {
    let dir = tempfile::tempdir().expect("a folder");
    let house = House::open(dir.path()).await;
    tokio::task::block_in_place(|| {
        let (one, two) = (house.paired("Tablet 1"), house.paired("Tablet 2"));
        let with = |device: &house::Client, session: &house::Client| {
            let part = |client: &house::Client, name: &str| client.cookies.iter().find(|c| c.starts_with(name)).cloned().expect("a cookie");
            house::Client { cookies: vec![part(device, "__Host-device="), part(session, "__Host-desk=")], ..device.clone() }
        };
        assert_eq!(with(&one, &one).get("/api/v1/status").status, 200);
        assert_eq!(with(&one, &two).get("/api/v1/status").status, 401);
        let secret = one.cookies.iter().find_map(|c| c.strip_prefix("__Host-desk=")).expect("a session");
        let mut at_box = house.at_box();
        at_box.cookies.push(format!("desk={secret}"));
        assert_eq!(at_box.get("/api/v1/status").status, 401);
        // PINs hold here as they do at the box.
        let program = house.program();
        assert_eq!(program.post("/api/v1/pins", &json!({"role": "manage", "pin": "8642"})).status, 200);
        assert_eq!(one.get("/api/v1/devices").body["role"], json!("manage"));
        assert_eq!(one.post("/api/v1/session/pin", &json!({"pin": "8642"})).status, 200);
        let list = one.get("/api/v1/devices").body;
        assert_eq!((&list["devices"][0]["this"], &list["devices"][1]["this"]), (&json!(true), &json!(false)));
        assert_eq!(two.get("/api/v1/devices").status, 403, "the PIN was shown at the other one");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn only_own_names_and_numbers_reach_the_house_listener() {
    let dir = tempfile::tempdir().expect("a folder");
    let house = House::open(dir.path()).await;
    tokio::task::block_in_place(|| {
        let mut tablet = house.tablet();
        let port = house.house_at.port();
        tablet.base = format!("https://localhost:{port}");
        assert_eq!(tablet.get("/healthz").status, 200);
        let mut plain = TcpStream::connect(house.house_at).expect("connected");
        plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").expect("sent");
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer);
        assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1 200"), "there is no plain HTTP here");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn news_reach_every_open_page_and_end_with_the_server() {
    let dir = tempfile::tempdir().expect("a folder");
    let house = House::open(dir.path()).await;
    let token = card(&house.office, 1);
    let mut stream = TcpStream::connect(house.at).expect("connected");
    let (tablet, program) = tokio::task::block_in_place(|| (house.paired("Tablet 1"), house.program()));
    let head = format!("GET /api/v1/events HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n", house.at, house::KEY);
    let heard = beside(move || {
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
        stream.write_all(head.as_bytes()).expect("sent");
        let mut heard = String::new();
        let mut more = |stream: &mut TcpStream, until: &str| {
            let mut buffer = [0; 4096];
            while !heard.contains(until) {
                let count = stream.read(&mut buffer).expect("in time");
                assert!(count > 0, "it ended before {until}: {heard}");
                heard.push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        };
        more(&mut stream, "\r\n\r\n");
        assert_eq!(tablet.post("/api/v1/redemptions", &json!({"code": token, "service": "lunch"})).status, 201);
        more(&mut stream, "event: recorded\n");
        assert_eq!(program.post("/api/v1/exchange", &json!({})).status, 502, "nobody listens at the office's address");
        more(&mut stream, "event: status\n");
        (heard, stream)
    });
    let (heard, mut stream) = heard.await;
    assert!(heard.contains("content-type: text/event-stream") && !heard.contains("K01") && !heard.contains("lunch"), "{heard}");
    house.app.close();
    tokio::time::timeout(Duration::from_secs(5), house.serving).await.expect("it ends although a page listens").expect("no fault");
    let mut rest = Vec::new();
    assert!(stream.read_to_end(&mut rest).is_ok(), "the line was ended, not broken");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_child_everywhere_at_once_is_accepted_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let house = House::open(dir.path()).await;
    let token = card(&house.office, 1);
    tokio::task::block_in_place(|| {
        let (one, two) = (house.paired("Tablet 1"), house.paired("Tablet 2"));
        let clients = [one.clone(), one, two.clone(), two, house.program()];
        let asking: Vec<_> = (0..50)
            .map(|number| {
                let (client, meal) =
                    (clients[number % clients.len()].clone(), json!({"code": token, "service": "lunch", "ask": format!("a{number}")}));
                std::thread::spawn(move || client.post("/api/v1/redemptions", &meal))
            })
            .collect();
        let answers: Vec<_> = asking.into_iter().map(|thread| thread.join().expect("answered")).collect();
        let accepted = answers.iter().filter(|answer| answer.status == 201).count();
        let refused = answers.iter().filter(|answer| answer.status == 200 && answer.body["reason"] == json!("already_redeemed")).count();
        assert_eq!((accepted, refused), (1, 49), "{answers:?}");
        let day = house.program().get("/api/v1/days/today").body;
        assert_eq!((&day["count"], &day["cents"]), (&json!(1), &json!(450)));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_hold_up_nobody() {
    let dir = tempfile::tempdir().expect("a folder");
    let house = House::open(dir.path()).await;
    tokio::task::block_in_place(|| {
        let tablet = house.paired("Tablet 1");
        let drip = |at, bytes: &[u8]| {
            let mut stream = TcpStream::connect(at).expect("connected");
            stream.write_all(bytes).expect("sent");
            stream
        };
        let slow: Vec<_> = (0..100)
            .flat_map(|_| {
                let half_a_head = drip(house.at, b"GET /api/v1/status HTTP/1.1\r\nhost: ");
                // The first bytes of a TLS greeting that never goes on.
                [half_a_head, drip(house.house_at, &[0x16, 3, 1, 2])]
            })
            .collect();
        let start = Instant::now();
        assert_eq!(tablet.get("/api/v1/status").status, 200);
        assert_eq!(house.program().get("/api/v1/status").status, 200);
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        drop(slow);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn who_pays_for_himself_is_told_the_same_as_all_others() {
    let dir = tempfile::tempdir().expect("a folder");
    let house = House::open(dir.path()).await;
    tokio::task::block_in_place(|| {
        let (program, tablet) = (house.program(), house.paired("Tablet 2"));
        let ada = program.post("/api/v1/people", &json!({"name": "Ada", "pays_self": true})).body["person"]["id"].clone();
        assert_eq!(program.post("/api/v1/chips", &json!({"uid": "04A224B2", "person": ada})).status, 201);
        let meals = [json!({"code": "04A224B2", "service": "lunch"}), json!({"code": card(&house.office, 1), "service": "lunch"})];
        let second: Vec<_> = meals
            .iter()
            .map(|meal| {
                assert_eq!(tablet.post("/api/v1/redemptions", meal).status, 201);
                program.post("/api/v1/redemptions", meal).body
            })
            .collect();
        assert_eq!(second[0]["till"], json!("Tablet 2"));
        let keys = |body: &serde_json::Value| body.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&second[0]), keys(&second[1]));
        assert_eq!((&second[0]["word"], &second[0]["till"]), (&second[1]["word"], &second[1]["till"]));
    });
}
