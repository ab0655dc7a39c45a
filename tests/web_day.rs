//! Days over HTTP: what was recorded, who may cancel it until when, closing.
#![cfg(feature = "terminal")]

mod box_of_today;
mod town;

use axum::http::{Request, StatusCode};
use box_of_today::*;
use serde_json::json;
use teilhabe::shell::store::terminal::Details;
use teilhabe::terminal::counter::{Answer, Request as Asked};
use teilhabe::terminal::people::Forgotten;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::time::UtcMs;
use town::*;

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

/// Somebody who pays for themselves took a meal; the record's id.
fn paid_meal(town: &mut Town, name: &str, at: UtcMs) -> String {
    let person = town.terminal.add_person(&Details { name: name.into(), pays_self: true, ..Details::default() }, at).expect("added");
    let forgotten = Asked { person: Some(person.id), forgotten: true, why_forgotten: Some(Forgotten::Other), ..request("", "lunch") };
    match town.redeem(&forgotten, at) {
        Answer::Accepted(accepted) => format!("/api/v1/redemptions/pickup-{}/cancellation", accepted.pickup.expect("a pick-up")),
        Answer::Refused(refused) => panic!("refused: {:?}", refused.reason),
    }
}

#[tokio::test]
async fn what_somebody_paid_is_undone_under_the_same_rule() {
    let mut town = town_of(now());
    let old = paid_meal(&mut town, "Ada", UtcMs(now().0 - 11 * MINUTE));
    let young = paid_meal(&mut town, "Ben", UtcMs(now().0 - 9 * MINUTE));
    let web = serve(town);
    let scanner = web.scanner().await;
    let undo = async |path: &str| web.post_as(by(&scanner, Request::post(path)), &json!({"reason": "twice"})).await;
    assert_eq!(undo(&young).await.0, StatusCode::CREATED);
    assert_eq!(undo(&young).await.0, StatusCode::OK, "told twice, said twice");
    let (status, problem) = undo(&old).await;
    assert_eq!((status, &problem["role"]), (StatusCode::FORBIDDEN, &json!("correct")), "{problem}");
    assert!(problem["message"]["de"].as_str().is_some_and(|text| text.contains("PIN")), "{problem}");
    assert_eq!(undo("/api/v1/redemptions/pickup-99/cancellation").await.0, StatusCode::NOT_FOUND);
    web.post_as(by(&scanner, Request::post("/api/v1/session/pin")), &json!({"pin": "5555"})).await;
    assert_eq!(undo(&old).await.0, StatusCode::CREATED);
    assert_eq!(undo(&old).await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_language_changes_and_the_page_stays_as_it_was_asked_for() {
    let web = serve(town_of(now()));
    for (asked, link) in [
        ("/day", "?lang=en"),
        ("/day?date=2026-11-02&lang=de", "?date=2026-11-02&#38;lang=en"),
        ("/month?lang=de&month=2026-10&service=lunch&page=2", "?month=2026-10&#38;service=lunch&#38;page=2&#38;lang=en"),
        ("/day?lang=de&&x=%22'%3E&lang", "?x=%22&#39;%3E&#38;lang=en"),
    ] {
        let html = web.page(asked).await;
        assert!(html.contains(&format!("<a href=\"{link}\" hreflang=\"en\"")), "{asked}: {}", html.split("tools").nth(1).unwrap_or_default());
    }
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

#[tokio::test]
async fn a_paper_list_can_be_printed_for_the_day_on_which_nothing_works() {
    let web = serve(town_of(now()));
    let page = web.page("/paper?lang=de").await;
    assert_eq!(page.matches("<th scope=\"row\">").count(), 25, "a sheet of A4");
    assert!(page.contains("Papierliste") && page.contains("lunch"), "{page}");
    for from in ["/day", "/settings"] {
        assert!(web.page(from).await.contains("href=\"/paper\""), "{from}");
    }
}
