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
use teilhabe::words::civil::CivilDay;
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
    assert_eq!(told, ["Anna Adler print/1 cards, Blätter: 2", "Berta Busch print/1 Blatt 2", "Anna Adler print/1 gedruckt"]);
    assert!(office.verify_audit().expect("read").is_ok());
}

/// Brings a file as a browser does; answers where it can be seen.
async fn brought(browser: &Browser, kind: &str, file: &[u8]) -> office_browser::Answer {
    let mut body = b"------x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"kinder.csv\"\r\nContent-Type: text/csv\r\n\r\n".to_vec();
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n------x--\r\n");
    let request = Request::post(format!("/import/{kind}")).header("host", HOST).header("origin", format!("http://{HOST}"));
    let request = request.header("cookie", &browser.cookie).header("content-type", "multipart/form-data; boundary=----x");
    office_browser::send(&browser.app, request.body(Body::from(body)).expect("a request")).await
}

/// Every count of a preview by its word.
fn counts(page: &str) -> Vec<(String, String)> {
    let tiles = page.split("<dt>").skip(1).filter_map(|rest| rest.split_once("</dt><dd>"));
    tiles.map(|(words, rest)| (words.to_owned(), rest.split('<').next().unwrap_or_default().to_owned())).collect()
}

fn count(page: &str, words: &str) -> String {
    counts(page).into_iter().find(|(found, _)| found == words).unwrap_or_else(|| panic!("no {words} in {page}")).1
}

/// A table as German spreadsheets write it: Windows-1252, semicolons, decimal commas, leading zeros kept by `="…"`.
fn spreadsheet(rows: usize, wrong: &[usize]) -> Vec<u8> {
    let mut csv = "Aktenzeichen;Leistung;von;bis;Zeitraum;Maß;Betrag;Hinweis;Rechtskreis\r\n".to_owned();
    for row in 1..=rows {
        let amount = if wrong.contains(&row) { "viel" } else { "15,00 €" };
        csv += &format!("=\"{row:07}\";Teilhabe;08.2026;07.2027;ansparend;Cent;{amount};Jö {};KiZ\r\n", row % 1000);
    }
    encoding_rs::WINDOWS_1252.encode(&csv).0.into_owned()
}

#[tokio::test]
async fn three_wrong_rows_of_fifteen_thousand_stop_all_until_the_clerk_decides() {
    let anna = Browser::at(empty(door::now())).signed_in("Anna Adler").await;
    let begun = std::time::Instant::now();
    let preview = brought(&anna, "children", &spreadsheet(15_000, &[2, 7_000, 14_999])).await;
    assert_eq!(preview.status, StatusCode::SEE_OTHER, "{}", preview.text);
    let place = preview.location().to_owned();
    let page = anna.get(&place).await;
    println!("15,000 rows previewed in {:?}", begun.elapsed());
    assert_eq!((count(&page.text, "neu"), count(&page.text, "falsch")), ("14.997".into(), "3".into()));
    for (line, sentence) in [(3, "„viel“ ist kein Betrag"), (7_001, "„viel“"), (15_000, "„viel“")] {
        assert!(page.text.contains(&format!(">{line}</td>")) && page.text.contains(sentence), "{line}: {}", page.text);
    }
    assert!(page.text.contains("Nur die 14.997 richtigen übernehmen"), "{}", page.text);
    let list = anna.get(&format!("{place}/errors.csv")).await.text;
    assert_eq!(list.lines().count(), 4, "{list}");
    assert!(list.contains("7001;amount;"), "{list}");
    let content = page.hidden("content");
    let refused = anna.post(&format!("{place}/take"), &[("content", &content)]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "nothing in part unless it is asked for");
    assert!(anna.get("/print").await.text.contains("Alle ausgestellten Karten sind gedruckt"), "nothing was taken");

    let job = anna.post(&format!("{place}/take"), &[("content", &content), ("part", "right")]).await;
    assert_eq!(outcome(&anna, job.location()).await, "14.997 übernommen, 14.997 Karten ausgestellt. Sie warten auf den Druck.");
    println!("and taken over after {:?}", begun.elapsed());
    assert!(anna.get("/print").await.text.contains("<strong>14.997 Karten</strong>"));
    assert_eq!(anna.get(&place).await.status, StatusCode::NOT_FOUND, "the file is gone once it is taken");

    let again = brought(&anna, "children", &spreadsheet(15_000, &[])).await;
    let page = anna.get(again.location()).await.text;
    assert_eq!((count(&page, "neu"), count(&page, "unverändert"), count(&page, "falsch")), ("3".into(), "14.997".into(), "0".into()));
}

#[tokio::test]
async fn a_file_is_taken_as_it_was_seen_and_by_whom_it_was_brought() {
    let anna = Browser::at(empty(door::now())).signed_in("Anna Adler").await;
    let berta = anna.another().signed_in("Berta Busch").await;
    let first = brought(&anna, "children", &spreadsheet(3, &[])).await.location().to_owned();
    let page = anna.get(&first).await;
    assert_eq!(berta.get(&first).await.status, StatusCode::NOT_FOUND, "another clerk's file");
    let second = brought(&berta, "children", &spreadsheet(2, &[])).await.location().to_owned();
    let content = berta.get(&second).await.hidden("content");
    let job = berta.post(&format!("{second}/take"), &[("content", &content)]).await;
    assert_eq!(outcome(&berta, job.location()).await, "2 übernommen, 2 Karten ausgestellt. Sie warten auf den Druck.");
    let overtaken = anna.post(&format!("{first}/take"), &[("content", &page.hidden("content"))]).await;
    assert_eq!(overtaken.location(), format!("{first}?done=rechecked"), "what she saw is not so any more");
    let page = anna.get(&first).await;
    assert_eq!((count(&page.text, "neu"), count(&page.text, "unverändert")), ("1".into(), "2".into()));
    let job = anna.post(&format!("{first}/take"), &[("content", &page.hidden("content"))]).await;
    assert_eq!(outcome(&anna, job.location()).await, "1 übernommen, eine Karte ausgestellt. Sie wartet auf den Druck.");
}

#[tokio::test]
async fn what_a_spreadsheet_did_to_a_file_is_told() {
    let anna = Browser::at(empty(door::now())).signed_in("Anna Adler").await;
    let place = brought(&anna, "children", &spreadsheet(9, &[])).await.location().to_owned();
    let content = anna.get(&place).await.hidden("content");
    outcome(&anna, anna.post(&format!("{place}/take"), &[("content", &content)]).await.location()).await;

    let header = "\u{feff}reference;benefit;from;to;period;measure;amount;Schule\n";
    let lost =
        format!("{header}7;participation;2027-08;2028-07;accrued;cents;15,00;A\n0000008;participation;2026-08;2027-07;accrued;cents;20,00;A\n");
    let page = anna.get(brought(&anna, "children", lost.as_bytes()).await.location()).await.text;
    assert!(page.contains("führende Nullen verloren") && page.contains("wohl aber „0000007“"), "{page}");
    assert!(page.contains("Diese Spalten wurden nicht gelesen: Schule") && page.contains("Ändert die laufende Bewilligung"), "{page}");
    let half = format!("{header}A;lunch;2026-08;2027-07;day;units;1;\nA;participation;2026-08;2027-07;month;cents;x;\n");
    let page = anna.get(brought(&anna, "children", half.as_bytes()).await.location()).await.text;
    assert!(page.contains("Eine richtige Zeile wartet") && page.contains("nichts, was übernommen werden könnte"), "{page}");
    for (file, sentence) in [(&b"PK\x03\x04xlsx"[..], "Arbeitsmappe"), (b"", "Bitte eine Datei"), (b"a;b\n1;2\n", "In der Kopfzeile fehlt")] {
        let answer = brought(&anna, "children", file).await;
        assert!(answer.status == StatusCode::UNPROCESSABLE_ENTITY && answer.text.contains(sentence), "{}", answer.text);
    }
    assert_eq!(anna.post(&format!("{place}/discard"), &[]).await.status, StatusCode::NOT_FOUND);

    let paid = "Aktenzeichen;Leistung;von;bis;Betrag\n0000003;Teilhabe;08.2026;10.2026;45,00\n99;Teilhabe;08.2026;;15,00\n";
    let place = brought(&anna, "self_paid", paid.as_bytes()).await.location().to_owned();
    let page = anna.get(&place).await;
    assert!(page.text.contains("nie eine Karte ausgestellt") && count(&page.text, "neu") == "1", "{}", page.text);
    let job = anna.post(&format!("{place}/take"), &[("content", &page.hidden("content")), ("part", "right")]).await;
    assert_eq!(outcome(&anna, job.location()).await, "Eine Änderung ist übernommen.");
}

#[tokio::test]
async fn a_token_follows_from_a_delivery_with_no_typing() {
    let anna = Browser::at(empty(door::now())).signed_in("Anna Adler").await;
    let delivery = |complete: bool, records: &str| {
        format!(
            "{{\"schema\":\"teilhabe/entitlements/1\",\"source\":\"fk\",\"created\":\"{}\",\"complete\":{complete},\"records\":[{records}]}}",
            CivilDay::of(door::now())
        )
    };
    let month = CivilDay::of(door::now()).month();
    let record = |id: &str, amount: u32| {
        format!(
            "{{\"id\":\"{id}\",\"reference\":\"AZ-{id}\",\"from\":\"{month}\",\"to\":\"{}\",\"grants\":[{{\"benefit\":\"participation\",\
             \"period\":\"month\",\"measure\":\"cents\",\"amount\":{amount}}}]}}",
            month.plus(6)
        )
    };
    let take = async |file: String, fields: &[(&str, &str)]| {
        let place = brought(&anna, "entitlements", file.as_bytes()).await.location().to_owned();
        let page = anna.get(&place).await;
        let content = page.hidden("content");
        let fields: Vec<(&str, &str)> = fields.iter().copied().chain([("content", content.as_str())]).collect();
        let job = anna.post(&format!("{place}/take"), &fields).await;
        (counts(&page.text), if job.location().is_empty() { job.text.clone() } else { outcome(&anna, job.location()).await })
    };
    let all = [record("1", 1_500), record("2", 1_500), record("3", 1_500)].join(",");
    let (_, words) = take(delivery(false, &all), &[]).await;
    assert_eq!(words, "3 übernommen, 3 Karten ausgestellt. Sie warten auf den Druck.");
    let page = anna.get(brought(&anna, "entitlements", delivery(false, &all).as_bytes()).await.location()).await.text;
    assert!(page.contains("Es ist nichts zu tun") && count(&page, "unverändert") == "3", "the same delivery twice: {page}");

    let end = format!("{{\"id\":\"2\",\"ended_from\":\"{}\"}}", month.plus(1).first_day());
    let (seen, words) = take(delivery(true, &[record("1", 2_000), end].join(",")), &[("missing", "yes")]).await;
    let number = |words: &str| seen.iter().find(|(found, _)| found == words).map(|(_, count)| count.clone());
    assert_eq!([number("geändert"), number("beendet")], [Some("1".into()), Some("2".into())], "{seen:?}");
    assert_eq!(words, "3 übernommen, eine Karte ausgestellt. Sie wartet auf den Druck.");
    let page = anna.get(brought(&anna, "entitlements", delivery(true, &record("1", 2_000)).as_bytes()).await.location()).await.text;
    assert!(page.contains("Es ist nichts zu tun"), "what has ended is not missed: {page}");
    let unknown = format!("{{\"id\":\"9\",\"ended_from\":\"{}\"}}", month.plus(1).first_day());
    let page = anna.get(brought(&anna, "entitlements", delivery(false, &unknown).as_bytes()).await.location()).await.text;
    assert!(page.contains("gibt es hier keine Bewilligung, die enden könnte"), "{page}");
}

#[test]
fn the_example_fits_the_schema_and_a_wrong_one_does_not() {
    let xmllint = |xml: &[u8]| {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("delivery.xml");
        std::fs::write(&file, xml).expect("written");
        let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/entitlements.xsd");
        let command = std::process::Command::new("xmllint").args(["--noout", "--nonet", "--schema", schema]).arg(&file).output();
        command.expect("xmllint is installed by scripts/test").status.success()
    };
    let example = include_str!("../docs/schema/entitlements-example.xml");
    assert!(xmllint(example.as_bytes()));
    for wrong in [example.replace("<amount>1</amount>", "<amount>viel</amount>"), example.replace("bkgg", "bafög"), example.replace("<id>", "<key>")]
    {
        assert!(!xmllint(wrong.as_bytes()), "{wrong}");
    }
}
