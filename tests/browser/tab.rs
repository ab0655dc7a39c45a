//! One tab, used as a person uses it: what is pressed must be there, be seen and be reachable; what is typed are key events.

use super::chrome::{Chrome, downloaded};
use super::words::word;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long something may take to appear on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The widths every page is looked at, in CSS pixels.
pub const WIDE: u32 = 1280;
pub const NARROW: u32 = 360;

/// One tab of a browser, at a server.
pub struct Tab {
    pub chrome: Rc<Chrome>,
    pub session: String,
    base: String,
}

impl Tab {
    /// A tab of the browser's own profile, at the server at `base` (`http://127.0.0.1:PORT`).
    pub fn open(chrome: &Rc<Chrome>, base: &str) -> Self {
        Self::within(chrome, base, None)
    }

    /// A tab of another device: it shares no cookie and no memory with the others.
    pub fn elsewhere(chrome: &Rc<Chrome>, base: &str) -> Self {
        let context = chrome.ask(None, "Target.createBrowserContext", json!({}));
        Self::within(chrome, base, context["browserContextId"].as_str())
    }

    fn within(chrome: &Rc<Chrome>, base: &str, context: Option<&str>) -> Self {
        let mut wish = json!({ "url": "about:blank" });
        if let Some(context) = context {
            wish["browserContextId"] = context.into();
        }
        let target = text(&chrome.ask(None, "Target.createTarget", wish)["targetId"]);
        let session = text(&chrome.ask(None, "Target.attachToTarget", json!({ "targetId": target, "flatten": true }))["sessionId"]);
        let tab = Self { chrome: chrome.clone(), session, base: base.to_owned() };
        for domain in ["Page.enable", "Runtime.enable", "Network.enable", "Log.enable"] {
            tab.ask(domain, json!({}));
        }
        tab.ask("Target.setAutoAttach", json!({ "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true }));
        tab.ask("Network.setExtraHTTPHeaders", json!({ "headers": { "Accept-Language": "de" } }));
        let place = chrome.downloads();
        let mut downloads = json!({ "behavior": "allow", "downloadPath": place });
        if let Some(context) = context {
            downloads["browserContextId"] = context.into();
        }
        chrome.ask(None, "Browser.setDownloadBehavior", downloads);
        tab.width(WIDE);
        tab
    }

    pub fn ask(&self, method: &str, params: Value) -> Value {
        self.chrome.ask(Some(&self.session), method, params)
    }

    /// A window this many CSS pixels wide; the narrow one is a phone.
    pub fn width(&self, width: u32) {
        let height = if width < 700 { 740 } else { 900 };
        self.ask("Emulation.setDeviceMetricsOverride", json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }));
    }

    pub fn dark(&self, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        self.ask("Emulation.setEmulatedMedia", json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }));
    }

    /// How many times slower the processor seems.
    pub fn slower(&self, times: u32) {
        self.ask("Emulation.setCPUThrottlingRate", json!({ "rate": times }));
    }

    /// To the front, so that it has the keyboard.
    pub fn front(&self) {
        self.ask("Page.bringToFront", json!({}));
        self.ask("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
    }

    /// Goes to a page and waits until it and its scripts are there.
    pub fn go(&self, path: &str) {
        let answer = self.ask("Page.navigate", json!({ "url": format!("{}{path}", self.base) }));
        assert!(answer["errorText"].is_null(), "{path}: {}", answer["errorText"]);
        self.wait(path, "document.readyState === 'complete'");
    }

    /// What an expression is worth in the page; promises are waited for.
    pub fn eval(&self, expression: &str) -> Value {
        self.try_eval(expression).unwrap_or_else(|error| panic!("{}: {error}\n{expression}", self.place()))
    }

    fn try_eval(&self, expression: &str) -> Result<Value, String> {
        let params = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true });
        let number = self.chrome.send(Some(&self.session), "Runtime.evaluate", params);
        let mut answer = self.chrome.answer(number)?;
        match answer["exceptionDetails"].as_object() {
            None => Ok(answer["result"]["value"].take()),
            Some(details) => Err(details.get("exception").map_or_else(String::new, |e| e["description"].to_string())),
        }
    }

    pub fn place(&self) -> String {
        self.try_eval("location.pathname").ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// Waits until an expression is true; a page that is just being left counts as not yet.
    pub fn wait(&self, what: &str, expression: &str) {
        let until = Instant::now() + PATIENCE;
        let mut last = String::new();
        while Instant::now() < until {
            match self.try_eval(&format!("(async () => !!(await ({expression})))()")) {
                Ok(Value::Bool(true)) => return,
                Ok(_) => last.clear(),
                Err(error) => last = error,
            }
            std::thread::sleep(Duration::from_millis(15));
        }
        let shown = self.try_eval("document.body.innerText").map(|text| text.to_string()).unwrap_or_default();
        panic!("waited in vain for {what} at {} ({}){}: {shown}\nlast error: {last}", self.place(), expression, self.picture_of_failure());
    }

    fn picture_of_failure(&self) -> String {
        let name = std::thread::current().name().unwrap_or("browser").replace("::", "-");
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
        self.shoot(&path);
        format!(", picture: {}", path.display())
    }

    /// Waits until text is to be read on the page.
    pub fn sees(&self, wanted: &str) {
        self.wait(wanted, &format!("document.body.innerText.includes({})", json!(wanted)));
    }

    /// The text of the first element a selector finds.
    pub fn text(&self, selector: &str) -> String {
        self.wait(selector, &format!("document.querySelector({})", json!(selector)));
        text(&self.eval(&format!("document.querySelector({}).innerText.trim()", json!(selector))))
    }

    /// Presses what a selector finds, at its middle, where nothing else may lie over it.
    pub fn press(&self, selector: &str) {
        self.press_found(selector, &format!("document.querySelector({})", json!(selector)));
    }

    /// Presses the button or link with this text (`section.key` of the German texts).
    pub fn press_word(&self, key: &str) {
        self.press_text(&word(key));
    }

    /// Presses the visible button, link or label with exactly this text.
    pub fn press_text(&self, text: &str) {
        let all = "[...document.querySelectorAll('dialog[open] button, dialog[open] a, button, a, summary, label, [role=button], option')]";
        let fits = "e => (e.innerText.trim() === W || e.getAttribute('aria-label') === W) && e.checkVisibility()";
        self.press_found(text, &format!("(W => {all}.find({fits}))({})", json!(text)));
    }

    fn press_found(&self, what: &str, found: &str) {
        let point = format!(
            "(e => {{ if (document.readyState !== 'complete' || !e || e.disabled || !e.checkVisibility()) return null; e.scrollIntoView({{ block: 'center', behavior: 'instant' }});
               const b = e.getBoundingClientRect(), x = b.x + b.width / 2, y = b.y + b.height / 2, top = document.elementFromPoint(x, y);
               return top && (e === top || e.contains(top) || top.contains(e) && top.closest('label, a, button') === top) ? [x, y] : null; }})({found})"
        );
        self.wait(&format!("something to press: {what}"), &format!("({point}) !== null"));
        // What has just come may still be pushed away by what comes above it: a person aims at what stands still.
        let mut place = Value::Null;
        for _ in 0..60 {
            let now = self.eval(&point);
            if now == place && !now.is_null() {
                break;
            }
            place = now;
            std::thread::sleep(Duration::from_millis(60));
        }
        assert!(!place.is_null(), "{what} went away at {}", self.place());
        let (x, y) = (place[0].clone(), place[1].clone());
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let pressed = if kind == "mouseMoved" { "none" } else { "left" };
            self.ask("Input.dispatchMouseEvent", json!({ "type": kind, "x": x, "y": y, "button": pressed, "clickCount": 1 }));
        }
    }

    /// Puts text into a field, over what was there, as if pasted or typed with any keyboard.
    pub fn fill(&self, selector: &str, text: &str) {
        self.wait(
            selector,
            &format!(
                "document.readyState === 'complete' && (e => e && !e.disabled && e.checkVisibility())(document.querySelector({}))",
                json!(selector)
            ),
        );
        self.eval(&format!("(e => {{ e.focus(); e.select?.(); }})(document.querySelector({}))", json!(selector)));
        self.ask("Input.insertText", json!({ "text": text }));
    }

    /// Gives a field that has an editor of its own (date, time, choice) a value, as its editor would.
    pub fn set(&self, selector: &str, value: &str) {
        self.wait(selector, &format!("document.querySelector({})", json!(selector)));
        self.eval(&format!(
            "(e => {{ e.value = {}; for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind, {{ bubbles: true }})); }})(document.querySelector({}))",
            json!(value),
            json!(selector)
        ));
    }

    /// Hands a file to a file field.
    pub fn hand(&self, selector: &str, file: &Path) {
        let params = json!({ "expression": format!("document.querySelector({})", json!(selector)) });
        let object = self.ask("Runtime.evaluate", params)["result"]["objectId"].clone();
        assert!(object.is_string(), "no field {selector} at {}", self.place());
        self.ask("DOM.setFileInputFiles", json!({ "files": [file], "objectId": object }));
    }

    /// Waits for a file that the page hands out, by its ending, and takes it away.
    pub fn download(&self, ending: &str) -> Vec<u8> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if let Some(path) = downloaded(&self.chrome.downloads(), ending) {
                let bytes = std::fs::read(&path).expect("the file");
                // Chromium makes the file a moment before it fills it.
                if !bytes.is_empty() {
                    std::fs::remove_file(&path).expect("removed");
                    return bytes;
                }
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        panic!("no file that ends in {ending} came from {}", self.place());
    }

    /// A picture of the whole page.
    pub fn shoot(&self, path: &PathBuf) {
        let size = self.ask("Page.getLayoutMetrics", json!({}))["cssContentSize"].clone();
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let picture = self.ask("Page.captureScreenshot", json!({ "format": "png", "captureBeyondViewport": true, "clip": clip }));
        let bytes = data_encoding::BASE64.decode(picture["data"].as_str().expect("data").as_bytes()).expect("base64");
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        std::fs::write(path, bytes).expect("the picture");
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What went wrong in any tab of a browser without anybody being told: scripts that failed, breaches of the policy, requests elsewhere.
pub fn complaints(chrome: &Chrome, bases: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for request in chrome.events(None, "Network.requestWillBeSent") {
        let url = request["request"]["url"].as_str().unwrap_or_default();
        let ours = bases.iter().any(|base| url.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        if !ours && !["data:", "blob:", "about:"].iter().any(|scheme| url.starts_with(scheme)) {
            found.push(format!("a request to {url}"));
        }
    }
    for failed in chrome.events(None, "Runtime.exceptionThrown") {
        found.push(format!("a script failed: {}", failed["exceptionDetails"]));
    }
    for entry in chrome.events(None, "Log.entryAdded") {
        if entry["entry"]["source"] == "security" {
            found.push(format!("against the policy: {}", entry["entry"]["text"]));
        }
    }
    found
}
