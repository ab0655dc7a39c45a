//! What is printed and what is taken in, over HTTP.

mod office_browser;
mod office_town;
mod printed;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use office_browser::{Browser, HOST};
use office_town::{empty, lived_in};
use teilhabe::office::{NewPrint, Office};
use teilhabe::shell::door;
use teilhabe::shell::paper::stack::Layout;
use teilhabe::shell::sheet::children;
use teilhabe::shell::store::office::audit;
use teilhabe::shell::store::office::prints::Ending;
use teilhabe::shell::web::office::MAX_EXCHANGE;
use tower::ServiceExt;

/// The words with which a job ended.
async fn outcome(browser: &Browser, job: &str) -> String {
    assert!(job.starts_with("/jobs/"), "{job}");
    for _ in 0..3_000 {
        let state = browser.get(&format!("{job}/state")).await.json();
        if let Some(trouble) = state["trouble"].as_str() {
            return format!("trouble: {trouble}");
        }
        if let Some(words) = state["outcome"]["words"].as_str() {
            return words.to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{job} does not end");
}

async fn bytes(browser: &Browser, path: &str) -> (StatusCode, Vec<u8>) {
    let request = Request::get(path).header("host", HOST).header("cookie", &browser.cookie).body(Body::empty()).expect("a request");
    let response = browser.app.clone().oneshot(request).await.expect("the router never fails");
    (response.status(), to_bytes(response.into_body(), MAX_EXCHANGE).await.expect("a body").to_vec())
}

/// An office with cards for so many children, and the texts of their codes.
fn issued(children: usize) -> (Office, Vec<String>) {
    let mut office = empty(door::now());
    let mut csv = "reference;benefit;from;to;period;measure;amount;hint\n".to_owned();
    for child in 1..=children {
        csv += &format!("0047-{child:04};lunch;2026-08;2027-07;day;units;1;K{child}\n");
    }
    let tokens = office.issue(&children::read(csv.as_bytes()).expect("a table").rows, door::now()).expect("issued");
    (office, tokens.into_iter().map(|token| token.code).collect())
}

#[tokio::test]
async fn what_waits_is_printed_once_and_confirmed() {
    let (office, codes) = issued(23);
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    assert!(anna.get("/print").await.text.contains("<strong>23 Karten</strong> warten"));
    let job = anna.post("/print", &[("layout", "letters"), ("contact", "Telefon 02361 50-0"), ("most", "20")]).await;
    assert_eq!(outcome(&anna, job.location()).await, "20 Briefe sind fertig zum Drucken.");
    let rest = anna.get("/print").await.text;
    assert!(
        rest.contains("<strong>3 Karten</strong> warten") && rest.contains("Druck 1: 20 Briefe") && rest.contains("Noch nicht bestätigt"),
        "{rest}"
    );

    let (status, pdf) = bytes(&anna, "/print/1/files/1").await;
    assert_eq!((status, printed::pages(&pdf)), (StatusCode::OK, 20));
    let read: Vec<String> = printed::codes(&pdf).into_iter().map(|code| code.text).collect();
    assert_eq!(read, codes[..20], "what a scanner reads from the paper is what was issued, in the order of issue");
    let (_, again) = bytes(&anna, "/print/1/papers/7").await;
    assert_eq!(printed::codes(&again).into_iter().map(|code| code.text).collect::<Vec<_>>(), [codes[6].clone()], "one letter again");

    let page = anna.get("/print/1").await.text;
    assert!(page.contains("tatsächlicher Größe") && !page.contains("0047-"), "no reference on the page of a run: {page}");
    assert_eq!(anna.post("/print/1/printed", &[]).await.location(), "/print?done=printed");
    let twice = anna.post("/print/1/discarded", &[]).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    assert!(twice.text.contains("Jemand hat schon gesagt"), "{}", twice.text);
    assert_eq!(bytes(&anna, "/print/1/files/1").await.1, pdf, "kept as it was");
    let remade = anna.post("/print/1/files", &[]).await;
    assert_eq!(outcome(&anna, remade.location()).await, "20 Briefe sind fertig zum Drucken.");
    assert_eq!(bytes(&anna, "/print/1/files/1").await.1, pdf, "made again byte for byte");
}

#[tokio::test]
async fn a_discarded_print_waits_again_and_cards_come_on_sheets() {
    let (office, codes) = issued(12);
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    for (layout, pages) in [("cards", 12), ("sheets", 2)] {
        let job = anna.post("/print", &[("layout", layout), ("contact", "")]).await;
        assert_eq!(outcome(&anna, job.location()).await, "12 Karten sind fertig zum Drucken.");
        let run = if layout == "cards" { 1 } else { 2 };
        let (_, pdf) = bytes(&anna, &format!("/print/{run}/files/1")).await;
        assert_eq!(printed::pages(&pdf), pages);
        assert_eq!(printed::codes(&pdf).into_iter().map(|code| code.text).collect::<Vec<_>>(), codes);
        let nothing = anna.post("/print", &[("layout", layout), ("contact", "")]).await;
        assert!(nothing.status == StatusCode::UNPROCESSABLE_ENTITY || nothing.text.contains("Es wartet keine Karte"), "{}", nothing.text);
        assert_eq!(anna.post(&format!("/print/{run}/discarded"), &[]).await.location(), "/print?done=discarded");
        assert_eq!(bytes(&anna, &format!("/print/{run}/files/1")).await.0, StatusCode::NOT_FOUND, "nobody prints it by mistake");
        assert!(anna.get("/print").await.text.contains("<strong>12 Karten</strong> warten"));
    }
    for wrong in [[("layout", "posters"), ("contact", "")], [("layout", "letters"), ("contact", &"x".repeat(201))]] {
        assert_eq!(anna.post("/print", &wrong).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

#[tokio::test]
async fn slips_admit_one_terminal_each_until_they_are_discarded() {
    let (office, _) = lived_in(door::now());
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let form = [("provider", "101"), ("count", "3"), ("url", "https://amt.example"), ("contact", "")];
    let job = anna.post("/print/slips", &form).await;
    assert_eq!(job.status, StatusCode::SEE_OTHER, "{}", job.text);
    assert_eq!(outcome(&anna, job.location()).await, "3 Zettel sind fertig zum Drucken.");
    let (_, pdf) = bytes(&anna, "/print/slips/1/files/1").await;
    let codes: Vec<String> = printed::codes(&pdf).into_iter().map(|code| code.text).collect();
    let different: std::collections::BTreeSet<_> = codes.iter().collect();
    assert!(different.len() == 3 && codes.iter().all(|code| code.starts_with('E') && code.ends_with(" HTTPS://AMT.EXAMPLE")), "{codes:?}");
    assert_eq!(bytes(&anna, "/print/1/files/1").await.0, StatusCode::NOT_FOUND, "slips are for those who may make codes");
    anna.post("/print/slips/1/discarded", &[]).await;
    assert_eq!(anna.get("/print/slips/1/papers/1").await.status, StatusCode::CONFLICT, "its code is over");
    let unknown = [("provider", "99"), ("count", "3"), ("url", "https://amt.example"), ("contact", "")];
    assert_eq!(anna.post("/print/slips", &unknown).await.status, StatusCode::NOT_FOUND);
}

#[test]
fn every_print_is_in_the_audit_log_without_a_reference() {
    let now = door::now();
    let (mut office, _) = issued(2);
    let begun = office.begin_print(&NewPrint { layout: Layout::Cards, contact: String::new(), most: 9 }, "Anna Adler", now).expect("begun");
    office.print_one(begun.run, 2, "Berta Busch", now).expect("printed");
    office.end_print(begun.run, Ending::Printed, "Anna Adler", now).expect("ended");
    let records = audit::records(office.db(), 0, 100).expect("records");
    let told: Vec<String> = records
        .iter()
        .filter(|record| record.action == "print")
        .map(|record| [&record.clerk, &record.object, &record.detail].map(|text| text.clone().unwrap_or_default()).join(" "))
        .collect();
    assert_eq!(told, ["Anna Adler print/1 cards papers=2", "Berta Busch print/1 paper=2", "Anna Adler print/1 printed"]);
    assert!(office.verify_audit().expect("read").is_ok());
}
