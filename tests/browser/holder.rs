//! A family's phone: the holder's page in Chromium, from the clerk's invitation to a green counter, with the office gone in between.

use super::audit::{axe, faults};
use super::camera::codes_in;
use super::chrome::Chrome;
use super::counter::choose;
use super::house::{House, LUNCH};
use super::tab::{NARROW, Tab, complaints};
use super::verdicts;
use super::wedge::scan;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};
use teilhabe::admit::scan::Scan;
use teilhabe::office::{IssuedToken, Role, Roles};
use teilhabe::shell::door::now;
use teilhabe::shell::store::office::children::content;

const PASSWORD: &str = "korrekt pferd batterie";
/// How long a code stays on the screen at most, and a busy machine's time to draw the next.
const MOVES: Duration = Duration::from_secs(40);

fn clerk(house: &House) {
    let mut office = house.office();
    office.set_clerk("Dora", PASSWORD, now()).expect("a clerk");
    office.set_roles("Dora", &Roles::of(&[Role::Issue])).expect("roles");
}

fn signed_in(chrome: &Rc<Chrome>, base: &str) -> Tab {
    let tab = Tab::elsewhere(chrome, base);
    tab.go("/login");
    tab.fill("#name", "Dora");
    tab.fill("#password", PASSWORD);
    tab.press(".card form button");
    tab.wait("the first page", "location.pathname === '/' && document.readyState === 'complete'");
    tab
}

/// The code on the screen.
fn shown(phone: &Tab) -> String {
    phone.wait("a code", "document.querySelector('#code').dataset.text?.startsWith('BUT2') && document.querySelector('#again').checkVisibility()");
    phone.eval("document.querySelector('#code').dataset.text").as_str().expect("a code").to_owned()
}

/// The next code, which comes by itself.
fn moved(phone: &Tab, from: &str) -> String {
    let until = Instant::now() + MOVES;
    while Instant::now() < until {
        let code = shown(phone);
        if code != from {
            return code;
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    panic!("the code stands still");
}

/// The picture on the phone as a camera has it.
fn picture(phone: &Tab, house: &House) -> PathBuf {
    let url = phone.eval("document.querySelector('#code').toDataURL('image/png')");
    let png = url.as_str().and_then(|url| url.split_once(',')).map(|(_, data)| data.to_owned()).expect("a picture");
    let path = house.path().join("phone.png");
    std::fs::write(&path, data_encoding::BASE64.decode(png.as_bytes()).expect("base64")).expect("written");
    path
}

/// What is wrong with the page in any view; with `TEILHABE_SCREENSHOTS` it is pictured too.
fn looked_at(tab: &Tab, axe: &str, name: &str) -> BTreeSet<String> {
    let found = faults(tab, axe).into_iter().map(|fault| format!("{name}: {fault}")).collect();
    if let Some(folder) = std::env::var_os("TEILHABE_SCREENSHOTS").map(PathBuf::from) {
        for view in super::audit::VIEWS {
            view.apply(tab);
            tab.shoot(&folder.join(format!("holder-{name}-{}.png", view.name())));
        }
    }
    tab.width(NARROW);
    tab.dark(false);
    found
}

/// A phone that joins by the invitation `code`, after a mistake, and the first code it shows.
fn joined(chrome: &Rc<Chrome>, base: &str, code: &str, axe: &str, bad: &mut BTreeSet<String>) -> (Tab, String) {
    let phone = Tab::elsewhere(chrome, base);
    phone.front();
    phone.width(NARROW);
    phone.go("/handy/");
    phone.wait("the form", "document.querySelector('#join').checkVisibility()");
    // This browser is an English one; the family is not.
    phone.press_text("Deutsch");
    bad.extend(looked_at(&phone, axe, "join"));
    phone.fill("#invitation", "0000-0000-0000-0000");
    phone.press("#join-form button");
    phone.sees("Diese Einladung kennt das Amt nicht");
    phone.go(&format!("/handy/?again#{}", code.replace('-', "")));
    phone.wait("the code of the link", &format!("document.querySelector('#invitation').value === '{code}'"));
    phone.press("#join-form button");
    let first = shown(&phone);
    assert_eq!(phone.eval("location.href").as_str().map(|url| url.ends_with("/handy/")), Some(true), "the code is gone from the address");
    phone.sees("heute 1");
    bad.extend(looked_at(&phone, axe, "code"));
    phone.wait("the page is kept", "navigator.serviceWorker.ready.then(() => caches.open('handy-1')).then(c => c.match('/handy/')).then(Boolean)");
    let secret = "new Promise((done, failed) => { const asked = indexedDB.open('handy'); asked.onsuccess = () => { const all = asked.result.transaction('children').objectStore('children').getAll(); \
        all.onsuccess = () => crypto.subtle.exportKey('pkcs8', all.result[0].key.secret).then(() => done('read'), () => done('kept')); }; asked.onerror = failed; })";
    assert_eq!(phone.eval(secret), "kept", "not even the page can read its key");
    (phone, first)
}

#[test]
fn an_invited_phone_shows_its_code_without_a_network_and_the_counter_turns_green() {
    let (house, axe, mut bad) = (House::filled(), axe(), BTreeSet::new());
    clerk(&house);
    let child = house.cards(1, LUNCH)[0].child;
    let office = house.serve_office();
    let chrome = Rc::new(Chrome::start());
    let desk = signed_in(&chrome, &office.base);
    desk.go(&format!("/cases/{child}"));
    desk.press_text("Handy einladen");
    let code = desk.text(".invitation-code");
    bad.extend(looked_at(&desk, &axe, "invitation"));

    let (phone, first) = joined(&chrome, &office.base, &code, &axe, &mut bad);
    assert_eq!(complaints(&chrome, &[&office.base]), Vec::<String>::new());

    drop(office);
    phone.go("/handy/");
    assert_ne!(shown(&phone), first);
    // At rest: what was asked of the office has failed by now, and nothing but the clock draws a new one.
    std::thread::sleep(Duration::from_secs(2));
    let offline = shown(&phone);
    let next = moved(&phone, &offline);
    phone.press("#again");
    let tapped = moved(&phone, &next);
    bad.extend(looked_at(&phone, &axe, "offline"));

    let canteen = house.serve("canteen");
    let counter = Tab::elsewhere(&chrome, &canteen.base);
    verdicts::watch(&counter);
    counter.front();
    counter.go("/");
    choose(&counter, "lunch");
    phone.front();
    phone.press("#again");
    let fresh = moved(&phone, &tapped);
    let read = codes_in(&counter, &picture(&phone, &house));
    counter.front();
    assert!(read.to_string().contains(&shown(&phone)), "what is drawn is what is meant: {read}");
    let verdict = verdicts::after(&counter, || scan(&counter, &fresh));
    assert_eq!(verdict.kind, "yes", "{}", verdict.text);
    let again = verdicts::after(&counter, || scan(&counter, &fresh));
    assert_eq!(again.kind, "no again", "{}", again.text);
    drop(canteen);
    house.verify("canteen");

    let office = house.serve_office();
    let desk = signed_in(&chrome, &office.base);
    desk.go(&format!("/cases/{child}"));
    bad.extend(looked_at(&desk, &axe, "case"));
    desk.press(".papers button.danger");
    desk.wait("it is blocked", "location.search === '?done=phone_removed'");
    phone.front();
    phone.go("/handy/");
    phone.sees("Dieses Handy ist beim Amt gesperrt");
    assert_eq!(phone.eval("document.querySelector('#again').checkVisibility()"), false, "no code any more");
    bad.extend(looked_at(&phone, &axe, "blocked"));
    phone.press("#language");
    phone.sees("The office has blocked this phone");
    assert_eq!(bad, BTreeSet::new());
}

/// As a browser that knows no Ed25519: it must not be asked for, or nothing is generated.
const OLDER: &str = "(() => { const all = crypto.subtle.generateKey.bind(crypto.subtle); crypto.subtle.generateKey = (kind, ...rest) => \
    kind?.name === 'Ed25519' ? Promise.reject(new DOMException('not supported', 'NotSupportedError')) : all(kind, ...rest); })()";

#[test]
fn an_older_browser_signs_too_and_one_phone_shows_the_codes_of_two_children() {
    let house = House::filled();
    let invited: Vec<(IssuedToken, String)> = {
        let cards = house.cards(2, LUNCH);
        let mut office = house.office();
        cards.into_iter().map(|card| (card.clone(), office.invite_phone(card.child, "Dora", now()).expect("invited").code)).collect()
    };
    let office = house.serve_office();
    let chrome = Rc::new(Chrome::start());
    let phone = Tab::elsewhere(&chrome, &office.base);
    phone.front();
    phone.width(NARROW);
    phone.ask("Page.addScriptToEvaluateOnNewDocument", serde_json::json!({ "source": OLDER }));
    let mut shown_for = Vec::new();
    for (number, (card, code)) in invited.iter().enumerate() {
        phone.go(&format!("/handy/?{number}#{}", code.replace('-', "")));
        phone.wait("the code of the link", &format!("document.querySelector('#invitation').value === '{code}'"));
        phone.press("#join-form button");
        let hint = card.token.hint.clone().expect("a hint");
        phone.wait("the child", &format!("document.querySelector('#who').innerText.startsWith('{hint}')"));
        shown_for.push(shown(&phone));
    }
    assert_eq!(phone.eval("document.querySelectorAll('#children button').length"), 2);
    for (text, (card, _)) in shown_for.iter().zip(&invited) {
        let Ok(Scan::Phone(code)) = Scan::new(text) else { panic!("a phone code: {text}") };
        let token = content(&code.token).expect("a token");
        assert!(code.proof.is_of(&token, &code.token), "signed by the vendored program, as any other");
        assert_eq!(token.handle, card.token.handle);
    }
    phone.press("#children button");
    phone.wait("the first child", "document.querySelector('#children button').getAttribute('aria-pressed') === 'true'");
    phone.press("summary");
    phone.press("#forget");
    phone.press("#sure button.danger");
    phone.wait("one child is left", "document.querySelector('#children').hidden && document.querySelector('#who').innerText.startsWith('K101')");
    assert_eq!(complaints(&chrome, &[&office.base]), Vec::<String>::new());
}
