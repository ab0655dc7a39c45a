//! Codes by camera, photo and PDF, read in the browser: Chromium's fake camera shows films made here.

use super::chrome::Chrome;
use super::film::{film, flags, scan};
use super::house::{House, LUNCH, program};
use super::tab::{Tab, complaints};
use serde_json::{Value, json};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};
use teilhabe::shell::paper::qr::Qr;

/// How long measuring may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// Opens the camera from a page's own script; what is read is kept in `codes`.
fn open_camera(tab: &Tab) {
    tab.eval("globalThis.codes = []; import('/assets/camera.js').then(({ openCamera }) => { openCamera(code => codes.push(code)).then(() => { globalThis.over = true; }); })");
    tab.wait("the camera's dialog", "document.querySelector('#camera-dialog[open]')");
}

/// What a promise comes to, waited for longer than one command may take.
fn patiently(tab: &Tab, promise: &str) -> Value {
    tab.eval(&format!(
        "globalThis.come = null; ({promise}).then(value => {{ come = {{ value }}; }}, error => {{ come = {{ error: error.message }}; }}); 0"
    ));
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let come = tab.eval("come");
        if !come.is_null() {
            return come;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("nothing came of {promise}");
}

/// The codes in a file handed to the page, or the sentence why it cannot be opened.
pub fn codes_in(tab: &Tab, file: &Path) -> Value {
    tab.eval(
        "document.querySelector('#handed') ?? document.body.append(Object.assign(document.createElement('input'), { type: 'file', id: 'handed' }))",
    );
    tab.hand("#handed", file);
    patiently(tab, "import('/assets/camera.js').then(({ codesInFile }) => codesInFile(document.querySelector('#handed').files[0]))")
}

#[test]
fn a_card_held_to_the_camera_turns_the_counter_green() {
    let house = House::filled();
    let cards = house.cards(1, LUNCH);
    let path = house.path().join("card.y4m");
    film(&path, &[(&[&cards[0].code], 4)]);
    let server = house.serve("canteen");
    let chrome = Rc::new(Chrome::start_with(&flags(&path)));
    let tab = Tab::open(&chrome, &server.base);
    tab.front();
    tab.go("/");
    tab.press_text("Mittagessen");
    tab.press("#camera");
    tab.wait("a green verdict", "document.querySelector('#verdict.yes')");
    // The card is still in sight: it is not refused as a second meal.
    std::thread::sleep(Duration::from_secs(4));
    tab.wait("still green, or at rest", "!document.querySelector('#verdict.no')");
    tab.press("#camera-dialog .end");
    assert_eq!(complaints(&chrome, &[&server.base]), Vec::<String>::new());
    drop(server);
    house.verify("canteen");
}

#[test]
fn each_code_shown_to_the_camera_is_told_once() {
    let house = House::filled();
    let cards = house.cards(2, LUNCH);
    let (one, other) = (cards[0].code.as_str(), cards[1].code.as_str());
    let path = house.path().join("turns.y4m");
    film(&path, &[(&[one], 6), (&[], 3), (&[other], 6), (&[], 3)]);
    let server = house.serve("canteen");
    let chrome = Rc::new(Chrome::start_with(&flags(&path)));
    let tab = Tab::open(&chrome, &server.base);
    tab.front();
    tab.go("/");
    open_camera(&tab);
    tab.wait("both codes", "codes.length >= 2");
    // The film is over in 1.8 seconds: both have been in sight again and again after this.
    std::thread::sleep(Duration::from_secs(5));
    let mut read: Vec<String> = serde_json::from_value(tab.eval("codes")).expect("texts");
    read.sort();
    let mut shown = vec![one.to_owned(), other.to_owned()];
    shown.sort();
    assert_eq!(read, shown);
    tab.eval("globalThis.track = document.querySelector('#camera-dialog video').srcObject.getTracks()[0]; 0");
    tab.press("#camera-dialog .end");
    tab.wait("the end", "globalThis.over && !document.querySelector('#camera-dialog')");
    assert_eq!(tab.eval("track.readyState"), "ended", "the camera is not free");
    assert_eq!(complaints(&chrome, &[&server.base]), Vec::<String>::new());
}

#[test]
fn two_codes_at_once_are_not_taken() {
    let house = House::filled();
    let cards = house.cards(2, LUNCH);
    let path = house.path().join("two.y4m");
    film(&path, &[(&[&cards[0].code, &cards[1].code], 4)]);
    let server = house.serve("canteen");
    let chrome = Rc::new(Chrome::start_with(&flags(&path)));
    let tab = Tab::open(&chrome, &server.base);
    tab.front();
    tab.go("/");
    open_camera(&tab);
    tab.wait("what is said of two", "document.querySelector('#camera-dialog.two .state')");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(tab.eval("codes"), json!([]));
}

#[test]
fn a_camera_that_is_not_there_is_said_and_can_be_tried_again() {
    let house = House::filled();
    let server = house.serve("canteen");
    let chrome = Rc::new(Chrome::start());
    let tab = Tab::open(&chrome, &server.base);
    tab.front();
    tab.go("/");
    open_camera(&tab);
    tab.wait("a sentence and a button", "document.querySelector('#camera-dialog.problem .again:not([hidden])')");
    tab.ask("Input.dispatchKeyEvent", json!({ "type": "keyDown", "key": "Escape", "code": "Escape", "windowsVirtualKeyCode": 27 }));
    tab.wait("the end", "globalThis.over && !document.querySelector('#camera-dialog')");
}

#[test]
fn letters_scans_and_photos_are_read() {
    let house = House::filled();
    let cards = house.cards(4, LUNCH);
    let codes: Vec<&str> = cards.iter().map(|card| card.code.as_str()).collect();
    let server = house.serve("canteen");
    let chrome = Rc::new(Chrome::start());
    let tab = Tab::open(&chrome, &server.base);
    tab.go("/");

    let rows = house.path().join("children.csv");
    std::fs::write(
        &rows,
        "reference;benefit;from;to;period;measure;amount\n0815;lunch;2026-08;2027-07;day;units;1\n0816;lunch;2026-08;2027-07;day;units;1\n",
    )
    .expect("a file");
    let cards = house.path().join("cards");
    let issued =
        program(&house.folder("office")).args(["office", "issue", "--csv"]).arg(&rows).arg("--out").arg(&cards).output().expect("the program");
    assert!(issued.status.success(), "{}", String::from_utf8_lossy(&issued.stderr));
    let table = std::fs::read_to_string(cards.join("tokens.csv")).expect("a table");
    let printed: Vec<&str> = table.split([';', '\n']).filter(|cell| cell.starts_with("BUT1")).collect();
    assert_eq!(printed.len(), 2);
    assert_eq!(codes_in(&tab, &cards.join("letters.pdf"))["value"], json!(printed), "our own letters");

    let file = house.path().join("scan.pdf");
    // The third page lay upside down: what is on its right is read first.
    std::fs::write(&file, scan(&[&[codes[0]], &[], &[codes[2], codes[1]], &[codes[3]]])).expect("a file");
    assert_eq!(codes_in(&tab, &file)["value"], json!(codes), "a scan of four pages");

    let broken = house.path().join("broken.pdf");
    std::fs::write(&broken, "%PDF-1.7 and nothing more").expect("a file");
    let said = codes_in(&tab, &broken);
    assert!(said["error"].as_str().is_some_and(|sentence| !sentence.is_empty()), "{said}");

    tab.eval(include_str!("camera_bench.js"));
    let photo = format!(
        "Promise.all([cameraBenchPhoto({}, 'rotation', 3), import('/assets/camera.js')]).then(([photo, {{ codesInFile }}]) => codesInFile(photo))",
        matrix(codes[0])
    );
    assert_eq!(patiently(&tab, &photo)["value"], json!([codes[0]]), "a photo");
    assert_eq!(complaints(&chrome, &[&server.base]), Vec::<String>::new());
}

#[test]
fn degraded_frames_are_read_and_measured() {
    let house = House::filled();
    let cards = house.cards(4, LUNCH);
    let server = house.serve("canteen");
    let chrome = Rc::new(Chrome::start());
    let tab = Tab::open(&chrome, &server.base);
    tab.go("/");
    tab.eval(include_str!("camera_bench.js"));
    let codes: Vec<Value> = cards.iter().map(|card| matrix(&card.code)).collect();
    let figures = patiently(&tab, &format!("cameraBench({})", json!(codes)));
    println!("camera: {figures}");
    let figures = &figures["value"];
    assert!(figures["found"].as_u64().is_some_and(|found| found >= 38), "of 40 frames: {figures}");
    assert_eq!(figures["wrong"], json!([]), "read what was not there");
}

/// A code and its modules, for `camera_bench.js`.
fn matrix(text: &str) -> Value {
    let code = Qr::new(text).expect("a code of ours");
    let row = |y: usize| -> String { (0..code.width()).map(|x| if code.is_dark(x, y) { '1' } else { '0' }).collect() };
    json!({ "text": text, "rows": (0..code.width()).map(row).collect::<Vec<_>>() })
}
