//! A clerk registers a passkey and signs in with it, at the office's real pages: Chromium's own authenticator, without a hand.

use super::chrome::Chrome;
use super::house::House;
use super::tab::Tab;
use serde_json::json;
use std::rc::Rc;
use teilhabe::shell::door::now;

const PASSWORD: &str = "korrekt pferd";

/// A device with room for passkeys, whose owner has shown a finger.
fn device(tab: &Tab) {
    tab.ask("WebAuthn.enable", json!({ "enableUI": false }));
    let options = json!({ "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
        "isUserVerified": true, "automaticPresenceSimulation": true });
    tab.ask("WebAuthn.addVirtualAuthenticator", json!({ "options": options }));
}

#[test]
fn a_clerk_signs_in_with_a_passkey_and_removes_it() {
    let house = House::filled();
    house.office().set_clerk("Anna", PASSWORD, now()).expect("a password");
    let server = house.serve_office();
    // A number is no name for a passkey to be bound to.
    let base = server.base.replace("127.0.0.1", "localhost");
    let chrome = Rc::new(Chrome::start());
    let tab = Tab::open(&chrome, &base);
    tab.front();
    device(&tab);
    tab.go("/login");
    assert_eq!(tab.eval("document.querySelector('#passkey-sign-in') === null"), true, "nobody has one yet");
    tab.fill("#name", "Anna");
    tab.fill("#password", PASSWORD);
    tab.press(".card form button");
    tab.wait("signed in", "location.pathname === '/'");

    tab.go("/account");
    tab.fill("#label", "Dienstlaptop");
    tab.fill("#passkey-password", PASSWORD);
    tab.press("#passkey-form button");
    tab.wait("registered", "location.search === '?done=passkey'");
    tab.sees("Dienstlaptop");

    tab.press(".who button");
    tab.wait("signed out", "location.pathname === '/login'");
    tab.press("#passkey-sign-in");
    tab.wait("signed in with the passkey", "location.pathname === '/'");
    tab.go("/account");
    tab.sees("mit Passkey");

    tab.press(".rows button.danger");
    tab.wait("removed", "location.search === '?done=passkey_gone'");
    tab.press(".who button");
    tab.wait("signed out", "location.pathname === '/login'");
    assert_eq!(tab.eval("document.querySelector('#passkey-sign-in') === null"), true, "the last one is gone");
    drop(server);
    assert!(house.office().verify_audit().expect("read").is_ok());
}
