//! What the counter shows after each scan, and how long it took: written down by the page's own clock, from the last key's event to the
//! first moment after the frame that shows the verdict.

use super::tab::Tab;
use serde_json::json;

/// Runs before every document of a tab. A verdict is each time the card's class is set to anything but `idle`.
const WATCH: &str = "(() => {
  let key = 0;
  window.verdicts = [];
  addEventListener('keydown', (event) => { if (event.isTrusted) key = event.timeStamp; }, true);
  document.addEventListener('DOMContentLoaded', () => {
    const card = document.querySelector('#verdict');
    if (!card) return;
    new MutationObserver((changes) => {
      if (!changes.some((change) => change.type === 'attributes' && change.attributeName === 'class')) return;
      const kind = card.className;
      if (kind === 'idle') return;
      const words = [...card.querySelectorAll('p, button')].map((part) => part.textContent).filter(Boolean);
      const verdict = { kind, text: words.join('\\n'), took: null }, since = key;
      verdicts.push(verdict);
      requestAnimationFrame(() => {
        const painted = new MessageChannel();
        painted.port1.onmessage = () => { verdict.took = performance.now() - since; };
        painted.port2.postMessage(0);
      });
    }).observe(card, { attributes: true, childList: true, subtree: true, characterData: true });
  });
})()";

/// One verdict as it stood on the screen.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The card's class: `yes`, `no`, `no again`, `held`, `off` while the box has not answered, …
    pub kind: String,
    pub text: String,
    /// Milliseconds from the last key to the painted verdict.
    pub took: f64,
}

/// Has every page of this tab, from the next on, write its verdicts down.
pub fn watch(tab: &Tab) {
    tab.ask("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH }));
}

/// All verdicts since the page was opened.
pub fn all(tab: &Tab) -> Vec<Verdict> {
    let shown = tab.eval("verdicts");
    let verdicts = shown.as_array().expect("a watched page").iter().map(|v| Verdict {
        kind: v["kind"].as_str().unwrap_or_default().to_owned(),
        text: v["text"].as_str().unwrap_or_default().to_owned(),
        took: v["took"].as_f64().unwrap_or_default(),
    });
    verdicts.collect()
}

/// Does something and waits for the verdict that comes of it, painted.
pub fn after(tab: &Tab, act: impl FnOnce()) -> Verdict {
    let before = all(tab).len();
    act();
    let newest = format!("verdicts.slice({before}).findLast(v => v.kind !== 'off' && v.took !== null)");
    tab.wait("a verdict", &newest);
    all(tab).into_iter().skip(before).rfind(|verdict| verdict.kind != "off").expect("a verdict")
}
