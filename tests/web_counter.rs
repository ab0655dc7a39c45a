//! What the page at the counter asks of the box besides a redemption: names for held entries, what is wrong with a scan, the scanner test.
#![cfg(feature = "terminal")]

mod town;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use teilhabe::admit::scan::code_text;
use teilhabe::shell::web::terminal::App;
use teilhabe::shell::web::terminal::writer::Writer;
use teilhabe::words::ids::{Handle, TokenId};
use tower::ServiceExt;
use town::*;
use zeroize::Zeroizing;

const KEY: &str = "0123456789abcdef";

/// A terminal of today behind its router, and a whole code of the town.
fn web() -> (Router, String) {
    let town = Town::of_today();
    let token = town.office.plain_token(Handle([1; 8]), TokenId([1; 16]), 1, allowances());
    let code = code_text(&token.seal(&town.office.key));
    let (writer, _) = Writer::start(town.terminal, town.chance);
    let app = App::new(writer, "127.0.0.1:8080".parse().expect("an address"), &[], Zeroizing::new(KEY.into()));
    (app.router(), code)
}

async fn ask(web: &Router, request: axum::http::request::Builder, body: String) -> (StatusCode, String) {
    let request = request.header("host", "127.0.0.1:8080").header("authorization", format!("Bearer {KEY}"));
    let request = request.header("content-type", "application/json").body(Body::from(body)).expect("a request");
    let response = web.clone().oneshot(request).await.expect("infallible");
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 1_000_000).await.expect("a body");
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

async fn post(web: &Router, path: &str, body: Value) -> (StatusCode, Value) {
    let (status, text) = ask(web, Request::post(path), body.to_string()).await;
    (status, serde_json::from_str(&text).expect("JSON"))
}

#[tokio::test]
async fn a_held_entry_is_named_afterwards() {
    let (web, _) = web();
    let (status, held) = post(&web, "/api/v1/held", json!({"service": "lunch", "code": "BUT1GH4Q", "reason": "malformed", "ask": "h"})).await;
    assert_eq!((status, &held["alias"]), (StatusCode::CREATED, &json!("…BUT1GH4Q")));
    let path = format!("/api/v1/held/{}/alias", held["id"].as_str().expect("an id"));
    let (status, named) = post(&web, &path, json!({"alias": "  Jonas, 3b "})).await;
    assert_eq!((status, &named["alias"], &named["seq"]), (StatusCode::OK, &json!("Jonas, 3b"), &held["seq"]));
    let (_, open) = ask(&web, Request::get("/api/v1/held"), String::new()).await;
    assert!(open.contains("Jonas, 3b") && !open.contains("BUT1GH4Q"), "{open}");
    for (path, alias, status) in [
        (path.as_str(), "", StatusCode::UNPROCESSABLE_ENTITY),
        (path.as_str(), &"x".repeat(61), StatusCode::UNPROCESSABLE_ENTITY),
        ("/api/v1/held/1/alias", "Jonas", StatusCode::NOT_FOUND),
        (&path.replace(&format!("-{}/", held["seq"]), "-1/"), "Jonas", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let (got, problem) = post(&web, path, json!({ "alias": alias })).await;
        assert_eq!(got, status, "{path} {alias}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|sentence| sentence.len() > 10), "{problem}");
    }
}

#[tokio::test]
async fn a_scan_that_is_no_card_is_told_in_one_plain_sentence() {
    let (web, code) = web();
    for (scan, fault, german) in [
        (code[..60].to_owned(), "half_a_code", "nur ein Teil"),
        (format!("{code}{code}"), "two_codes", "zwei Codes"),
        ("426262267885023030851006".into(), "two_codes", "zwei Codes"),
        (format!("{}w{}", &code[..20], &code[21..]), "damaged", "Zeichen"),
        ("x".repeat(4_097), "too_long", "länger"),
        ("BUT1".to_owned() + &"A".repeat(4_000), "too_long", "länger"),
        ("BEGIN:VCARD\nN:Meyer\nEND:VCARD".into(), "foreign", "anderer Code"),
        ("https://example.org/menu".into(), "foreign", "anderer Code"),
        ("🙂🙂🙂🙂".into(), "foreign", "anderer Code"),
    ] {
        let (status, refused) = post(&web, "/api/v1/redemptions", json!({"code": scan, "service": "lunch"})).await;
        assert_eq!((status, &refused["fault"]), (StatusCode::OK, &json!(fault)), "{scan}: {refused}");
        for (language, part) in [("de", german), ("en", "")] {
            let sentences = refused["message"][language].as_str().expect("a sentence");
            assert!(sentences.contains(part) && sentences.ends_with('.') && !sentences.contains('{'), "{sentences}");
        }
    }
    let (_, again) = post(&web, "/api/v1/redemptions", json!({"code": "🙂", "service": "lunch", "ask": "e"})).await;
    assert_eq!(post(&web, "/api/v1/redemptions", json!({"code": "🙂", "service": "lunch", "ask": "e"})).await.1, again);
}

#[tokio::test]
async fn the_pages_at_the_counter_say_what_each_service_needs() {
    let (web, _) = web();
    let (status, page) = ask(&web, Request::get("/?lang=de"), String::new()).await;
    assert_eq!(status, StatusCode::OK);
    for (service, fields) in [("lunch", ""), ("judo", "amount months rest"), ("maths", "lesson")] {
        let input = page.split("<input").find(|input| input.contains(&format!("value=\"{service}\""))).unwrap_or_else(|| panic!("{service}: {page}"));
        assert!(input.contains(&format!("data-fields=\"{fields}\"")), "{input}");
    }
    let (status, page) = ask(&web, Request::get("/scanner?lang=de"), String::new()).await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("<svg") && page.contains("Handscanner"), "{page}");
}
