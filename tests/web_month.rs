//! Months over HTTP: what was claimed, answered and paid; what came back, agreed to or corrected; the file.
#![cfg(feature = "terminal")]

mod box_of_today;
mod town;

use axum::http::{Request, StatusCode};
use box_of_today::*;
use serde_json::json;
use teilhabe::deliver::advice::{Advice, AdvisedLine, AdvisedPayment, Verdict};
use teilhabe::terminal::counter::{Answer, Request as Ask};
use teilhabe::words::cents::Cents;
use teilhabe::words::civil::{CivilDay, CivilMonth};
use teilhabe::words::time::UtcMs;
use town::*;

/// The office answers the batch sealed last, or the one before: what it says of each line, and what it pays.
fn advise(town: &mut Town, back: usize, revision: u64, lines: &[(u64, Verdict, i64, &str)], paid: &[(&str, i64, i64)], now: UtcMs) {
    let claims = town.terminal.claims().expect("claims");
    let line =
        |&(seq, verdict, cents, reason): &(u64, Verdict, i64, &str)| AdvisedLine { seq, verdict, cents: Cents::new(cents), reason: reason.into() };
    let payment = |&(id, share, transfer): &(&str, i64, i64)| AdvisedPayment {
        end_to_end_id: id.into(),
        execution: CivilDay::of(now),
        share: Cents::new(share),
        transfer: Cents::new(transfer),
    };
    let advice = Advice {
        batch: claims[back].batch.id,
        created: now,
        lines: lines.iter().map(line).collect(),
        payments: paid.iter().map(payment).collect(),
        revision,
    };
    town.office.advices.push(advice.seal(&town.office.key));
    town.exchange(now);
}

/// A fee of a club, in cents.
fn fee(town: &mut Town, number: u8, cents: i64, now: UtcMs) -> u64 {
    let ask = Ask { cents: Some(Cents::new(cents)), ..request(&card(town, number, now), "judo") };
    match town.redeem(&ask, now) {
        Answer::Accepted(accepted) => accepted.entries[0].seq,
        Answer::Refused(refused) => panic!("refused: {:?}", refused.reason),
    }
}

fn month_of(at: UtcMs) -> CivilMonth {
    CivilDay::of(at).month()
}

/// The rows of the file, without the mark and the head.
async fn rows(web: &Web, path: &str) -> Vec<Vec<String>> {
    let bytes = web.bytes(path).await;
    assert_eq!(&bytes[..3], b"\xef\xbb\xbf", "a spreadsheet knows UTF-8 by its mark");
    let text = String::from_utf8(bytes[3..].to_vec()).expect("UTF-8");
    assert!(text.ends_with("\r\n"), "{text}");
    let row = |line: &str| line[1..line.len() - 1].split("\";\"").map(str::to_owned).collect();
    text.split("\r\n").skip(1).filter(|line| !line.is_empty()).map(row).collect()
}

#[tokio::test]
async fn a_month_ends_at_midnight_in_berlin_and_a_claim_may_span_two() {
    let last_month = month_of(now()).first_day().minus(1).month();
    let mut town = town_of(now());
    // 23:30 and 00:30 of the wall clock in Berlin: in UTC both lie in the month before, whatever the season.
    let (before, after) = (last_month.last_day().at_minute(23 * 60 + 30), month_of(now()).first_day().at_minute(30));
    let (old, new) = (meal(&mut town, 1, before), meal(&mut town, 2, after));
    town.exchange(after.plus_ms(MINUTE));
    assert_eq!(town.terminal.claims().expect("claims").len(), 1, "both in one claim");
    let lines = [(old, Verdict::Accepted, 450, ""), (new, Verdict::Accepted, 450, "")];
    advise(&mut town, 0, 1, &lines, &[], after.plus_ms(2 * MINUTE));
    advise(&mut town, 0, 2, &lines, &[("E2E-7", 900, 5000)], after.plus_ms(3 * MINUTE));
    let web = serve(town);
    for (month, seq) in [(last_month, old), (month_of(now()), new)] {
        let rows = rows(&web, &format!("/month/lines.csv?month={month}&lang=de")).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!((rows[0][0].as_str(), rows[0][7].as_str(), rows[0][8].as_str()), (seq.to_string().as_str(), "4,50", "anerkannt"));
        assert_eq!((rows[0][10].as_str(), rows[0][11].as_str()), ("4,50", "E2E-7"));
        let html = web.page(&format!("/month?month={month}&lang=de")).await;
        let payment = html.split("class=\"payment\"").nth(1).and_then(|rest| rest.split("</li>").next()).expect("a payment");
        for part in ["50,00\u{a0}€", "9,00\u{a0}€", "4,50\u{a0}€", "E2E-7"] {
            assert!(payment.contains(part), "{part}: {payment}");
        }
    }
    let html = web.page("/month?month=2026-13&lang=de").await;
    assert!(html.contains("Diesen Monat gibt es nicht"), "{html}");
}

#[tokio::test]
async fn each_transfer_is_told_by_line_over_several_answers() {
    let mut town = town_of(now());
    let at = CivilDay::of(now()).minus(1).at_minute(720);
    let seqs: Vec<u64> = (1..=4).map(|child| meal(&mut town, child, at)).collect();
    town.exchange(at);
    let [a, b, c, d] = seqs.as_slice() else { panic!("four") };
    let said = |seq: u64, cents, verdict| (seq, verdict, cents, "");
    advise(&mut town, 0, 1, &[said(*a, 450, Verdict::Accepted), said(*b, 450, Verdict::Accepted)], &[("FIRST", 900, 900)], at);
    advise(&mut town, 0, 2, &[said(*c, 450, Verdict::Accepted)], &[("FIRST", 900, 900)], at);
    let taken_back = [said(*c, 450, Verdict::Accepted), (*a, Verdict::Reduced, 300, "clerk_decision")];
    advise(&mut town, 0, 3, &taken_back, &[("FIRST", 900, 900), ("SECOND", 300, 300)], at);
    advise(&mut town, 0, 4, &[said(*d, 450, Verdict::Accepted)], &[("FIRST", 900, 900), ("SECOND", 300, 300), ("ODD", 77, 77)], at);
    let web = serve(town);
    let rows = rows(&web, &format!("/month/lines.csv?month={}&lang=en", month_of(at))).await;
    let paid: Vec<(&str, &str)> = rows.iter().map(|row| (row[10].as_str(), row[11].as_str())).collect();
    assert_eq!(paid, [("3.00", "FIRST, SECOND"), ("4.50", "FIRST"), ("4.50", "SECOND"), ("", "")], "the odd one fits no lines: nobody guesses");
    let html = web.page(&format!("/month?month={}&lang=en", month_of(at))).await;
    assert!(html.contains("ODD") && html.contains("do not say which entries it pays"), "{html}");
}

#[tokio::test]
async fn a_transfer_that_the_bank_returned_is_told_in_plain_words() {
    let mut town = town_of(now());
    let at = CivilDay::of(now()).minus(1).at_minute(720);
    let seq = meal(&mut town, 1, at);
    town.exchange(at);
    let lines = [(seq, Verdict::Accepted, 450, "")];
    advise(&mut town, 0, 1, &lines, &[("E2E-7", 450, 450)], at);
    advise(&mut town, 0, 2, &lines, &[("E2E-7", 450, 450), ("E2E-7Z", -450, -450)], at);
    let web = serve(town);
    for (path, lang) in [("/month", "de"), ("/month/print", "de"), ("/month", "en")] {
        let html = web.page(&format!("{path}?month={}&lang={lang}", month_of(at))).await;
        let back = html.split("class=\"payment\"").find(|part| part.contains("class=\"warn\"")).and_then(|part| part.split("</li>").next());
        let back = back.unwrap_or_else(|| panic!("{path} {lang}: {html}"));
        let words = if lang == "de" {
            ["von der Bank zurückgegeben am", "noch einmal überwiesen", "richtige IBAN", "4,50\u{a0}€"]
        } else {
            ["returned by the bank on", "transferred again", "right IBAN", "4.50"]
        };
        assert!(words.iter().all(|words| back.contains(words)) && back.contains("<code>E2E-7</code>"), "{path} {lang}: {back}");
        assert!(!back.contains("E2E-7Z") && !back.contains("−4"), "{back}");
    }
}

#[tokio::test]
async fn what_came_back_is_agreed_to_until_the_office_answers_anew() {
    let mut town = town_of(now());
    let seq = meal(&mut town, 1, now());
    let fine = meal(&mut town, 2, now());
    town.exchange(now());
    let fine_line = (fine, Verdict::Accepted, 450, "");
    advise(&mut town, 0, 1, &[(seq, Verdict::Rejected, 0, "duplicate"), fine_line], &[], now());
    let newer = AdvisedLine { seq, verdict: Verdict::Reduced, cents: Cents::new(200), reason: "clerk_decision".into() };
    let batch = town.terminal.claims().expect("claims")[0].batch.id;
    let newer = Advice { batch, created: now(), lines: vec![newer], payments: Vec::new(), revision: 2 };
    let (mut office, recipient) = (std::mem::replace(&mut town.office, PaperOffice::new("05562032", 9)), town.terminal.recipient());
    let web = serve(town);
    let returned = async || web.page("/month?lang=de").await.split("id=\"returned\"").nth(1).map(str::to_owned);
    assert!(returned().await.expect("it came back").contains("schon einmal abgerechnet"), "why, in plain words");
    let scanner = web.scanner().await;
    let (status, problem) = web.post_as(by(&scanner, Request::post(web.path(seq, "acceptance"))), &json!({})).await;
    assert_eq!((status, &problem["role"]), (StatusCode::FORBIDDEN, &json!("correct")));
    for _ in 0..2 {
        assert_eq!(web.post(&web.path(seq, "acceptance"), &json!({})).await.0, StatusCode::OK);
    }
    assert_eq!(returned().await, None, "it is dealt with");
    assert_eq!(web.post(&web.path(fine, "acceptance"), &json!({})).await.0, StatusCode::CONFLICT, "nothing to agree to");
    assert_eq!(web.post(&web.path(9_999, "acceptance"), &json!({})).await.0, StatusCode::NOT_FOUND);
    assert_eq!(web.post("/api/v1/redemptions/x/acceptance", &json!({})).await.0, StatusCode::NOT_FOUND);
    office.advices.push(newer.seal(&office.key));
    web.exchange(&mut office, &recipient).await;
    let again = returned().await.expect("a newer answer brings it back");
    assert!(again.contains("gekürzt") && again.contains("2,00\u{a0}€"), "{again}");
    let only = rows(&web, "/month/lines.csv?returned=1&lang=de").await;
    assert_eq!(only.iter().map(|row| row[0].clone()).collect::<Vec<_>>(), [seq.to_string()]);
}

#[tokio::test]
async fn a_correction_takes_the_place_of_the_old_line_or_changes_nothing() {
    let mut town = town_of(now());
    let seq = fee(&mut town, 1, 8_000, now());
    let used = fee(&mut town, 2, 8_500, now());
    let web = serve(town);
    let path = web.path(seq, "correction");
    let scanner = web.scanner().await;
    let (status, _) = web.post_as(by(&scanner, Request::post(&path)), &json!({"ask": "s", "cents": 1})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    // Refused: the new one would be on a day before the card counts, so the old one stays.
    let early = CivilDay::of(now()).minus(80).to_string();
    let (status, refused) = web.post(&path, &json!({"ask": "a", "service_date": early})).await;
    assert_eq!((status, &refused["verdict"], &refused["reason"]), (StatusCode::OK, &json!("refused"), &json!("not_yet_valid")), "{refused}");
    let day = web.get("/api/v1/days/today").await;
    assert_eq!((&day["count"], &day["cents"]), (&json!(2), &json!(16_500)), "nothing has changed");
    let before = web.get("/api/v1/status").await["journal"]["seq"].clone();
    // Not well-formed: nothing either.
    assert_eq!(web.post(&path, &json!({"ask": "b", "cents": -1})).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(web.post(&path, &json!({"ask": "c", "service": "nowhere"})).await.1["verdict"], json!("refused"));
    assert_eq!(web.get("/api/v1/status").await["journal"]["seq"], before);
    // 80.00 of 90.00 are used by the line itself: corrected to 85.00 it fits, for the old one makes room.
    let (status, done) = web.post(&path, &json!({"ask": "d", "cents": 8_500})).await;
    assert_eq!((status, &done["verdict"], &done["cents"]), (StatusCode::CREATED, &json!("accepted"), &json!(8_500)), "{done}");
    assert_eq!(done["cancelled"]["seq"], json!(seq));
    assert_eq!(done["remaining"], json!([{"period": "validity", "measure": "cents", "left": 500}]), "the ceiling counts the new one only");
    assert_eq!(web.post(&path, &json!({"ask": "d", "cents": 8_500})).await, (status, done.clone()), "the same ask, the same answer");
    assert_eq!(web.get("/api/v1/status").await["journal"]["seq"], json!(before.as_u64().expect("a number") + 2), "once");
    let day = web.get("/api/v1/days/today").await;
    assert_eq!((&day["count"], &day["cents"]), (&json!(2), &json!(17_000)));
    let (status, problem) = web.post(&path, &json!({"ask": "e", "cents": 100})).await;
    assert_eq!(status, StatusCode::CONFLICT, "cancelled already: {problem}");
    assert_eq!(web.post(&web.path(9_999, "correction"), &json!({"ask": "f"})).await.0, StatusCode::NOT_FOUND);
    // To another day: the slot of the old day is free again.
    let yesterday = CivilDay::of(now()).minus(1).to_string();
    assert_eq!(web.post(&web.path(used, "correction"), &json!({"ask": "g", "service_date": yesterday})).await.0, StatusCode::CREATED);
    let again = json!({"code": card(&town_of(now()), 2, now()), "service": "judo", "cents": 500});
    let (_, checked) = web.post("/api/v1/checks", &again).await;
    assert_eq!((&checked["verdict"], &checked["cents"]), (&json!("accepted"), &json!(500)), "{checked}");
}

#[tokio::test]
async fn a_corrected_line_settles_what_the_old_one_had_settled() {
    let town = town_of(now());
    let code = card(&town, 1, now());
    let yesterday = CivilDay::of(now()).minus(1);
    let web = serve(town);
    let held = json!({"service": "lunch", "alias": "Blauer Ranzen", "service_date": yesterday, "reason": "expired"});
    let (_, held) = web.post("/api/v1/held", &held).await;
    let (_, settled) = web.post("/api/v1/redemptions", &json!({"code": code, "held": held["seq"]})).await;
    assert_eq!(settled["verdict"], json!("accepted"), "{settled}");
    let path = web.path(settled["seq"].as_u64().expect("a number"), "correction");
    let (status, done) = web.post(&path, &json!({"ask": "a", "service_date": yesterday.minus(1)})).await;
    assert_eq!(status, StatusCode::CREATED, "{done}");
    assert_eq!(web.get("/api/v1/held").await["held"], json!([]), "it is not open again");
    assert_eq!(web.get(&format!("/api/v1/days/{yesterday}")).await["count"], json!(0));
    // A lesson keeps its tutor, and its price follows its time.
    let lesson =
        json!({"code": code, "service": "maths", "service_date": yesterday, "starts_at": "14:00", "ends_at": "14:45", "operator": "Tutor A"});
    let (_, lesson) = web.post("/api/v1/redemptions", &lesson).await;
    let path = web.path(lesson["seq"].as_u64().expect("a number"), "correction");
    let (status, done) = web.post(&path, &json!({"ask": "b", "ends_at": "15:30"})).await;
    assert_eq!((status, &done["cents"]), (StatusCode::CREATED, &json!(5_000)), "two units, although the old lesson was at the same time: {done}");
    let (status, _) = web.post(&path, &json!({"ask": "c", "starts_at": "16:00", "ends_at": "15:00"})).await;
    assert_eq!(status, StatusCode::CONFLICT, "the old one is cancelled");
    let path = web.path(done["seq"].as_u64().expect("a number"), "correction");
    assert_eq!(web.post(&path, &json!({"ask": "d", "starts_at": "16:00"})).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(web.get(&format!("/api/v1/days/{yesterday}")).await["cents"], json!(5_000), "still the two units");
}

#[tokio::test]
async fn the_file_is_text_for_a_spreadsheet_and_holds_names_of_this_box_only() {
    let mut town = town_of(now());
    for child in 1..=3 {
        meal(&mut town, child, now());
    }
    let office = town.terminal.store().connection();
    office
        .execute("INSERT INTO person(name, number, office, handle, added_at) VALUES ('=1+1;\"x\"', '0012', 1, ?1, 0)", [[1u8; 8].as_slice()])
        .expect("a person");
    let web = serve(town);
    let bytes = web.bytes("/month/lines.csv?lang=de").await;
    let text = String::from_utf8(bytes).expect("UTF-8");
    let first = text.trim_start_matches('\u{feff}').lines().next().expect("a head");
    assert_eq!(
        first,
        "\"Nr.\";\"Tag\";\"Angebot\";\"Hinweis\";\"Name\";\"Mitgliedsnummer\";\"Einheiten\";\"Betrag\";\"Antwort\";\"Grund\";\"Überwiesen\";\"Referenz\""
    );
    assert!(text.contains("\"K01\";\"'=1+1;\"\"x\"\"\";\"0012\";\"1\";\"4,50\";\"unterwegs\";\"\""), "{text}");
    assert!(web.page("/month?lang=de").await.contains("=1+1;&#34;x&#34; (0012)"), "a name is text on the page, too");
    let paper = web.page("/month/print?lang=de").await;
    assert!(paper.contains("Monatsabrechnung") && paper.contains("13,50\u{a0}€") && paper.contains("K03"), "{paper}");
}
