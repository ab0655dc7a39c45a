//! Scanners that the box reads by itself, from the bytes on the wire to the page and to green: what is unplugged, garbled, cut or read
//! while nobody looks. Keys are played from a pipe in place of `/dev/input`, serial lines are a real pair of terminals.
#![cfg(feature = "terminal")]

mod stand;
mod town;
mod wires;

use axum::body::Body;
use axum::extract::Extension;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use stand::{Page, SCANNER, Stand};
use std::time::Duration;
use teilhabe::shell::device::Places;
use teilhabe::shell::device::allowed::Allowed;
use teilhabe::shell::device::watch;
use teilhabe::shell::web::serve::Peer;
use teilhabe::shell::web::terminal::App;
use teilhabe::shell::web::terminal::writer::Writer;
use tower::ServiceExt;
use town::Town;
use wires::{Line, Reporting, Typing, reported, typed};
use zeroize::Zeroizing;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_scanner_types_turns_green_and_the_keyboard_is_left_alone() {
    let stand = Stand::new(&["0c2e:0b61"]);
    let page = stand.page().await;
    assert_eq!(stand.stands(&page, "unplugged").await["name"], "0c2e:0b61");
    let mut keyboard = Typing::plug_in(&stand.path("dev"), &stand.path("sys"), 1, ("046d", "c31c"), "Logitech USB Keyboard");
    let mut scanner = stand.scanner(5, "Honeywell Scanner");
    assert_eq!(stand.stands(&page, "connected").await["name"], "Honeywell Scanner");
    let mut scans = page.scans().await;
    keyboard.send(&typed("0123456789"));
    // A box that is busy: the code comes in pieces, with pauses that part lines.
    let bytes = typed(&stand.cards[0]);
    for piece in bytes.chunks(bytes.len() / 3 + 7) {
        scanner.send(piece);
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    let scan = scans.scan().await;
    assert_eq!((&scan["text"], &scan["ending"], &scan["reader"]), (&json!(stand.cards[0]), &json!("enter"), &json!("Honeywell Scanner")));
    assert_eq!(page.record(&scan).await["verdict"], "accepted");
    assert_eq!(page.record(&scan).await["verdict"], "accepted", "the same id, the same answer");
    let (_, day) = page.ask("get", "/api/v1/days/today", None).await;
    assert_eq!(day["count"], 1, "{day}");
    scans.silent().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_is_pulled_out_in_the_middle_is_told_and_works_when_it_is_back() {
    let stand = Stand::new(&["name:honeywell"]);
    let page = stand.page().await;
    let mut scanner = stand.scanner(5, "Honeywell Scanner");
    stand.stands(&page, "connected").await;
    let mut scans = page.scans().await;
    let half = typed(&stand.cards[0][..80]);
    scanner.send(&half[..half.len() - 5 * 24]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    scanner.pull();
    assert_eq!(scans.trouble().await, "torn");
    stand.stands(&page, "unplugged").await;
    // At another port it has another number.
    let mut scanner = stand.scanner(9, "Honeywell Scanner");
    stand.stands(&page, "connected").await;
    scanner.send(&typed(&stand.cards[0]));
    assert_eq!(page.record(&scans.scan().await).await["verdict"], "accepted");
    let (_, told) = page.ask("get", "/api/v1/readers", None).await;
    assert_eq!(told["readers"].as_array().map(Vec::len), Some(1), "the same scanner: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_sends_reports_turns_green_and_is_told_when_it_is_pulled_in_the_middle() {
    let stand = Stand::new(&["0c2e:0b67"]);
    let page = stand.page().await;
    stand.stands(&page, "unplugged").await;
    let plug_in = |number| Reporting::plug_in(&stand.path("dev"), &stand.path("sys"), number, ("0c2e", "0b67"), "Honeywell HID-POS");
    let mut scanner = plug_in(3);
    assert_eq!(stand.stands(&page, "connected").await["name"], "Honeywell HID-POS");
    let mut scans = page.scans().await;
    scanner.send(&reported(&stand.cards[0]));
    let scan = scans.scan().await;
    assert_eq!((&scan["text"], &scan["ending"]), (&json!(stand.cards[0]), &json!("enter")));
    assert_eq!(page.record(&scan).await["verdict"], "accepted");
    let whole = reported(&stand.cards[1]);
    scanner.send(&whole[..128]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    scanner.pull();
    assert_eq!(scans.trouble().await, "torn");
    stand.stands(&page, "unplugged").await;
    let mut scanner = plug_in(4);
    stand.stands(&page, "connected").await;
    scanner.send(&whole);
    assert_eq!(page.record(&scans.scan().await).await["verdict"], "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serial_line_is_set_read_and_told_when_it_is_gone() {
    let stand = Stand::new(&["serial:LINE@19200"]);
    let page = stand.page().await;
    stand.stands(&page, "unplugged").await;
    let mut line = Line::plug_in(&stand.path("line"));
    stand.stands(&page, "connected").await;
    assert_eq!(line.speed(), 19_200);
    let mut scans = page.scans().await;
    line.send(format!("{}\r\n{}\t", stand.cards[0], stand.cards[1]).as_bytes());
    for card in &stand.cards[..2] {
        let scan = scans.scan().await;
        assert_eq!(&scan["text"], &json!(card));
        assert_eq!(page.record(&scan).await["verdict"], "accepted");
    }
    // No end at all: the code says how long it is.
    line.send(stand.cards[2].as_bytes());
    assert_eq!(scans.scan().await["ending"], "length");
    // The wrong speed: high bytes and control characters, again and again, told once.
    for _ in 0..5 {
        line.send(b"\xf8\x86\x00\xfe\x1e\x98\xe0\x00\x86\x66\xf8\x80\r\x00\xfe\x86\xf8");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(scans.trouble().await, "garbled");
    line.send(b"\r");
    scans.silent().await;
    line.send(&stand.cards[3].as_bytes()[..50]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    line.pull();
    assert_eq!(scans.trouble().await, "torn");
    let row = stand.stands(&page, "unplugged").await;
    assert_eq!(row["trouble"], Value::Null, "how it stands is newer: {row}");
    let mut line = Line::plug_in(&stand.path("line"));
    stand.stands(&page, "connected").await;
    line.send(format!("{}\r", stand.cards[3]).as_bytes());
    assert_eq!(page.record(&scans.scan().await).await["verdict"], "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_scanned_while_no_page_is_open_waits_and_is_handed_over_until_it_is_taken() {
    let stand = Stand::new(&["serial:LINE"]);
    let page = stand.page().await;
    let mut line = Line::plug_in(&stand.path("line"));
    stand.stands(&page, "connected").await;
    line.send(format!("{}\r{}\r", stand.cards[0], stand.cards[1]).as_bytes());
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (_, told) = page.ask("get", "/api/v1/readers", None).await;
    assert_eq!(told["waiting"], 2, "{told}");
    // A page gets both and crashes before it takes one.
    let mut scans = page.scans().await;
    let first = scans.scan().await;
    let second = scans.scan().await;
    assert!(first["waited_ms"].as_u64().is_some_and(|ms| ms >= 300), "{first}");
    drop(scans);
    let next = stand.page().await;
    let mut scans = next.scans().await;
    let again = scans.scan().await;
    assert_eq!((&again["id"], &again["text"]), (&first["id"], &first["text"]));
    assert_eq!(next.record(&again).await["verdict"], "accepted");
    assert_eq!(scans.scan().await["id"], second["id"]);
    next.record(&second).await;
    let (_, told) = next.ask("get", "/api/v1/readers", None).await;
    assert_eq!(told["waiting"], 0, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_opened_last_gets_the_scans_and_nobody_elsewhere_does() {
    let stand = Stand::new(&["serial:LINE"]);
    let page = stand.page().await;
    let mut line = Line::plug_in(&stand.path("line"));
    stand.stands(&page, "connected").await;
    let (mut first, mut second) = (page.scans().await, page.scans().await);
    line.send(format!("{}\r", stand.cards[0]).as_bytes());
    let scan = second.scan().await;
    page.record(&scan).await;
    first.silent().await;
    drop(second);
    line.send(format!("{}\r", stand.cards[1]).as_bytes());
    assert_eq!(first.scan().await["text"], json!(stand.cards[1]));
    let key = Request::get("/api/v1/scans").header("host", "127.0.0.1:8080").header("authorization", "Bearer 0123456789abcdef");
    let program = stand.web.clone().oneshot(key.body(Body::empty()).expect("a request")).await.expect("infallible");
    assert_eq!(program.status(), StatusCode::FORBIDDEN, "a program would take scans from the page");
    let elsewhere = Page { web: stand.web.clone().layer(Extension(Peer("192.168.7.20".parse().expect("an address")))), cookie: page.cookie.clone() };
    for (method, path) in [("get", "/api/v1/scans"), ("post", "/api/v1/scans/1/taking")] {
        assert_eq!(elsewhere.ask(method, path, None).await.0, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_box_without_scanners_of_its_own_are_as_they_were() {
    let town = Town::of_today();
    let (writer, _) = Writer::start(town.terminal, town.chance);
    let web = App::new(writer, "127.0.0.1:8080".parse().expect("an address"), &[], Zeroizing::new("0123456789abcdef".into())).router();
    let page = Page::open(&web).await;
    assert_eq!(page.send("get", "/api/v1/scans", None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(page.ask("get", "/api/v1/readers", None).await.1, json!({"readers": [], "waiting": 0}));
}

#[test]
fn what_is_plugged_in_is_listed_as_the_allow_list_takes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (dev, sys) = (folder.path().join("dev"), folder.path().join("sys"));
    let _keyboard = Typing::plug_in(&dev, &sys, 1, ("046d", "c31c"), "Logitech USB Keyboard");
    let _scanner = Typing::plug_in(&dev, &sys, 2, SCANNER, "Honeywell Scanner");
    std::fs::create_dir_all(dev.join("serial/by-id")).expect("a folder");
    std::fs::write(dev.join("serial/by-id/usb-Zebra_DS-if00"), "").expect("a file");
    // A scanner's second node, with the keys for volume alone, types nothing.
    std::fs::write(sys.join("class/input/event2/device/capabilities/key"), "3e000b 0 0 0\n").expect("a file");
    let _reports = Reporting::plug_in(&dev, &sys, 0, ("0c2e", "0b67"), "Honeywell HID-POS");
    let seen = watch::seen(&Places { dev: dev.clone(), sys });
    let names: Vec<&str> = seen.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["Logitech USB Keyboard", "Honeywell HID-POS", "usb-Zebra_DS-if00"]);
    for (entry, _) in &seen {
        assert!(entry.parse::<Allowed>().is_ok(), "{entry}");
    }
}
