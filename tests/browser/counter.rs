//! What tests do at the counter's page.

use super::tab::Tab;

/// Chooses a service, where the page has not remembered it.
pub fn choose(tab: &Tab, service: &str) {
    let chosen = format!("document.querySelector('input[name=service][value={service}]')?.checked");
    if tab.eval(&chosen) != true {
        tab.press(&format!("label:has(> input[name=service][value={service}])"));
        tab.wait("the service", &chosen);
    }
}
