//! What tests do at the counter's page.

use super::tab::Tab;
use serde_json::json;

/// Chooses a service, where the page has not remembered it.
pub fn choose(tab: &Tab, service: &str) {
    let chosen = format!("document.querySelector('input[name=service][value={service}]')?.checked");
    tab.wait("the services", "document.querySelector('input[name=service]')");
    if tab.eval(&chosen) != true {
        tab.press(&format!("label:has(> input[name=service][value={service}])"));
        tab.wait("the service", &chosen);
    }
}

/// Unfolds the choice of the service, sets one field of it, and folds it again.
pub fn setting(tab: &Tab, field: &str, value: &str) {
    if tab.eval("document.querySelector('#setup').hidden") == true {
        tab.press("#change");
    }
    if field == "service" {
        return choose(tab, value);
    }
    tab.fill(&format!("#choice [name={field}]"), value);
    tab.press("#choice button.go");
}

/// Types a PIN on the pad that has opened.
pub fn show_pin(tab: &Tab, pin: &str) {
    tab.wait("the PIN pad", "document.querySelector('#pin[open]')");
    for digit in pin.chars() {
        tab.press(&format!("#pin .pad button[value='{digit}']"));
    }
    tab.press(&format!("#pin .pad button[value={}]", json!("go")));
    tab.wait("the pad to close", "!document.querySelector('#pin[open]')");
}
