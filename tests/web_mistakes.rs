//! A plain mistake at a page is told to people in every language, not only to programs in English.
#![cfg(feature = "terminal")]

mod box_of_today;
mod town;

use axum::http::{Request, StatusCode};
use box_of_today::*;
use serde_json::{Value, json};
use teilhabe::words::civil::CivilDay;

/// Checks that people are told what is wrong, in German and in English.
fn told(what: &str, (status, problem): (StatusCode, Value)) {
    assert!(status.is_client_error(), "{what}: {status} {problem}");
    let said = |language: &str| problem["message"][language].as_str().unwrap_or_default().to_owned();
    let (german, english) = (said("de"), said("en"));
    assert!(german.ends_with(['.', '?']) && english.ends_with(['.', '?']) && german != english, "{what}: {problem}");
    assert!(!german.contains('{') && !english.contains('{'), "{what}: {problem}");
}

#[tokio::test]
async fn a_plain_mistake_is_told_in_every_language() {
    let mut town = town_of(now());
    let code = card(&town, 1, now());
    meal(&mut town, 1, now());
    let web = serve(town);
    let far = CivilDay::of(now()).month().plus(30).to_string();
    let long = "x".repeat(61);
    for (path, body) in [
        ("/api/v1/people", json!({"name": " "})),
        ("/api/v1/people", json!({"name": long})),
        ("/api/v1/people", json!({"name": "Mia", "list": "y".repeat(121)})),
        ("/api/v1/people/999/card", json!({"code": code})),
        ("/api/v1/chips", json!({"uid": "x", "code": code})),
        ("/api/v1/groups", json!({"ask": "g", "service": "judo", "cents": 1500, "people": []})),
        ("/api/v1/groups", json!({"ask": "g", "service": "judo", "cents": 0, "people": [1]})),
        ("/api/v1/groups", json!({"ask": "g", "service": "judo", "cents": "12,50", "people": [1]})),
        ("/api/v1/groups", json!({"ask": "g", "service": "judo", "cents": 1500, "months": 0, "people": [1]})),
        ("/api/v1/groups", json!({"ask": "g", "service": "maths", "starts_at": "25:00", "people": [1]})),
        ("/api/v1/standing", json!({"code": code, "service": "choir", "from_month": far})),
        ("/api/v1/standing", json!({"code": code, "service": "choir", "from_month": "soon"})),
        ("/api/v1/standing", json!({"code": code, "service": "lunch"})),
        ("/api/v1/standing/99/end", json!({"last_month": null})),
        ("/api/v1/standing/x/end", json!({"last_month": null})),
        ("/api/v1/settings", json!({"name": long})),
        ("/api/v1/settings", json!({"lock_minutes": 0})),
        ("/api/v1/devices/code", json!({})),
        ("/api/v1/devices/none", json!({"name": "Tablet 2"})),
        ("/api/v1/days/2999-01-01/closing", json!({})),
        ("/api/v1/days/soon/closing", json!({})),
    ] {
        told(&format!("{path} {body}"), web.post(path, &body).await);
    }
    let (_, problem) = web.post("/api/v1/standing", &json!({"code": code, "service": "choir", "from_month": "2031-01"})).await;
    assert!(problem["message"]["de"].as_str().is_some_and(|text| text.starts_with("01/2031 ")), "{problem}");
    let scanner = web.scanner().await;
    let closing = web.post_as(by(&scanner, Request::post("/api/v1/days/today/closing")), &json!({})).await;
    assert_eq!(closing.1["role"], "correct");
    told("closing without a PIN", closing);
}

#[tokio::test]
async fn a_file_that_is_no_table_is_told_in_every_language() {
    let web = serve(town_of(now()));
    for path in ["/api/v1/pickups/file?service=lunch", "/api/v1/people/import"] {
        for bytes in [&b""[..], b"PK\x03\x04workbook", b"a\0b", b"just;some\nthing;else\n"] {
            let request = keyed(Request::post(path)).body(axum::body::Body::from(bytes)).expect("a request");
            let response = web.send(request).await;
            assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{path}");
            let body = axum::body::to_bytes(response.into_body(), 100_000).await.expect("a body");
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            let message = &body["errors"][0]["message"];
            assert!(message["de"].as_str() != message["en"].as_str() && message["de"].is_string(), "{path}: {body}");
        }
    }
}
