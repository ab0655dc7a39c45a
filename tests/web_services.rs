//! The terminal's HTTP for each kind of service: lessons, fees whose rest waits, what is claimed every month.
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
    token: String,
}

/// A terminal of today behind its router.
fn web() -> Web {
    let town = Town::of_today();
    let token = town.office.card_of_today(1);
    let (writer, _) = Writer::start(town.terminal, town.chance);
    let app = App::new(writer, "127.0.0.1:8080".parse().expect("an address"), &[], Zeroizing::new(KEY.into()));
    Web { router: app.router(), token }
}

impl Web {
    async fn send(&self, request: axum::http::request::Builder, body: Body) -> (StatusCode, Value) {
        let request = request.header("host", "127.0.0.1:8080").header("authorization", format!("Bearer {KEY}"));
        let response = self.router.clone().oneshot(request.body(body).expect("a request")).await.expect("infallible");
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1_000_000).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned())))
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(Request::post(path).header("content-type", "application/json"), Body::from(body.to_string())).await
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(Request::get(path), Body::empty()).await
    }
}

#[tokio::test]
async fn a_lesson_begins_runs_and_is_given_up() {
    let web = web();
    let scan = json!({"code": web.token, "service": "maths", "ask": "l1"});
    let (status, started) = web.post("/api/v1/lessons", &scan).await;
    assert_eq!((status, &started["verdict"], &started["hint"]), (StatusCode::CREATED, &json!("started"), &json!("K01")), "{started}");
    assert_eq!(web.post("/api/v1/lessons", &scan).await, (status, started.clone()), "the same ask, the same answer");
    let (status, running) = web.post("/api/v1/lessons", &json!({"code": web.token, "service": "maths"})).await;
    assert_eq!((status, &running["verdict"], &running["starts_at"]), (StatusCode::OK, &json!("running"), &started["starts_at"]), "{running}");
    let (_, open) = web.get("/api/v1/lessons").await;
    assert_eq!((&open["lessons"][0]["id"], &open["lessons"][0]["not_ended"]), (&started["id"], &json!(false)), "{open}");
    let path = format!("/api/v1/lessons/{}/discarding", started["id"].as_str().expect("an id"));
    assert_eq!(web.post(&path, &json!({})).await.0, StatusCode::OK);
    assert_eq!(web.get("/api/v1/lessons").await.1["lessons"], json!([]));
    assert_eq!(web.post("/api/v1/lessons/none/discarding", &json!({})).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_no_lesson_is_said_in_one_sentence() {
    let web = web();
    for (change, status) in [
        (json!({"service": "lunch"}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"ends_at": "00:01"}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"starts_at": "25:00"}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"starts_at": "2020-01-01T14:00:00Z"}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"operator": ""}), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({"nonsense": 1}), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let mut scan = json!({"code": web.token, "service": "maths"});
        scan.as_object_mut().expect("a map").extend(change.as_object().expect("a map").clone());
        let (answered, problem) = web.post("/api/v1/lessons", &scan).await;
        assert_eq!(answered, status, "{change}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
    }
    let (status, refused) = web.post("/api/v1/lessons", &json!({"code": "1234", "service": "maths"})).await;
    assert_eq!((status, &refused["verdict"]), (StatusCode::OK, &json!("refused")), "{refused}");
    assert_eq!(web.get("/api/v1/lessons").await.1["lessons"], json!([]));
}

#[tokio::test]
async fn the_rest_of_a_fee_is_held_when_that_is_asked_for() {
    let web = web();
    let fee = json!({"code": web.token, "service": "judo", "cents": 10_000, "hold_rest": true});
    let (_, look) = web.post("/api/v1/checks", &fee).await;
    let today = CivilDay::of(teilhabe::shell::door::now());
    assert_eq!(look["held_rest"], json!([{"service": "judo", "service_date": today, "cents": 1_000}]), "{look}");
    let (status, answer) = web.post("/api/v1/redemptions", &fee).await;
    assert_eq!((status, &answer["cents"], answer.get("own_share")), (StatusCode::CREATED, &json!(9_000), None), "{answer}");
    let (_, held) = web.get("/api/v1/held").await;
    assert_eq!((&held["held"][0]["seq"], &held["held"][0]["cents"]), (&answer["held_rest"][0]["seq"], &json!(1_000)), "{held}");
    let (_, other) = web.post("/api/v1/checks", &json!({"code": web.token, "service": "judo", "cents": 100, "charge": "b"})).await;
    assert_eq!(other["reason"], json!("ceiling_reached"));
}

#[tokio::test]
async fn a_membership_is_registered_claimed_and_ended_over_http() {
    let web = web();
    let scan = json!({"code": web.token, "service": "choir", "ask": "s1"});
    let (status, registered) = web.post("/api/v1/standing", &scan).await;
    assert_eq!((status, &registered["verdict"], &registered["before"]), (StatusCode::CREATED, &json!("registered"), &json!(false)), "{registered}");
    let (status, again) = web.post("/api/v1/standing", &json!({"code": web.token, "service": "choir"})).await;
    assert_eq!((status, &again["id"], &again["before"]), (StatusCode::OK, &registered["id"], &json!(true)));
    let (_, list) = web.get("/api/v1/standing").await;
    let this = CivilDay::of(teilhabe::shell::door::now()).month();
    let month = &list["standing"][0]["months"][0];
    assert_eq!((&month["month"], &month["state"], &month["cents"]), (&json!(this), &json!("claimed"), &json!(1_200)), "{list}");
    let path = format!("/api/v1/standing/{}/", registered["id"]);
    let (status, ended) = web.post(&format!("{path}end"), &json!({"last_month": this})).await;
    assert_eq!((status, &ended["last_month"]), (StatusCode::OK, &json!(this)));
    let today = CivilDay::of(teilhabe::shell::door::now());
    assert_eq!(web.post(&format!("{path}absences"), &json!({"day": today, "away": true})).await.0, StatusCode::OK);
    assert_eq!(web.get("/api/v1/standing").await.1["standing"][0]["months"][0]["away"], json!([today]));
    for (path, body, status) in [
        ("/api/v1/standing/99/end", json!({"last_month": null}), StatusCode::NOT_FOUND),
        ("/api/v1/standing/x/end", json!({"last_month": null}), StatusCode::NOT_FOUND),
        ("/api/v1/standing/1/end", json!({"last_month": "soon"}), StatusCode::UNPROCESSABLE_ENTITY),
        ("/api/v1/standing/1/absences", json!({"day": "1999-01-01", "away": true}), StatusCode::UNPROCESSABLE_ENTITY),
        ("/api/v1/standing", json!({"code": web.token, "service": "lunch"}), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let (answered, problem) = web.post(path, &body).await;
        assert_eq!(answered, status, "{path}: {problem}");
    }
    let (status, page) = web.get("/standing").await;
    assert_eq!(status, StatusCode::OK);
    let page = page.as_str().expect("a page");
    assert!(page.contains("K01") && page.contains("12,00") && page.contains("data-do=\"end\""), "{page}");
    let (status, file) = web.get("/api/v1/standing.csv").await;
    let file = file.as_str().expect("text");
    assert_eq!((status, file.lines().count()), (StatusCode::OK, 2), "{file}");
    assert!(file.contains(&format!("\"{this}\";\"choir\";\"K01\"")), "{file}");
}
