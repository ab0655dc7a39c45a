//! Debian's Chromium without a window, driven over its own protocol: JSON through a pipe (`--remote-debugging-pipe`).
//!
//! The pipe takes key events as fast as a scanner sends them, tells of every request, and ends the browser when the test ends, however
//! it ends. Nothing outside this machine can be looked up.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long one command may take; a busy machine starts a browser slowly.
const PATIENCE: Duration = Duration::from_secs(40);

/// As the machine's notes say; without the background flags Chromium calls its maker all the time.
const FLAGS: [&str; 13] = [
    "--remote-debugging-pipe",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];

/// What the browser has told so far.
#[derive(Default)]
struct Heard {
    answers: HashMap<u64, Value>,
    /// Requests, errors of scripts, breaches of the policy, dialogs: each with its session.
    events: Vec<(String, Value)>,
    ended: bool,
}

/// What the reading thread and the test share.
#[derive(Default)]
struct Ear {
    heard: Mutex<Heard>,
    more: Condvar,
}

impl Ear {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where commands are written.
struct Mouth {
    pipe: ChildStdin,
    number: u64,
}

/// One browser with a profile of its own.
pub struct Chrome {
    child: Child,
    mouth: Arc<Mutex<Mouth>>,
    ear: Arc<Ear>,
    profile: TempDir,
}

impl Chrome {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With further flags, for a camera.
    pub fn start_with(flags: &[String]) -> Self {
        let profile = tempfile::tempdir().expect("a folder for the profile");
        let mut command = Command::new("sh");
        // The wrapper's shell gives the pipe the numbers that Chromium reads and writes.
        command.args(["-c", "exec chromium \"$@\" 3<&0 4>&1 </dev/null >/dev/null", "chromium"]).args(FLAGS).args(flags);
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg("about:blank");
        command.env("HOME", profile.path()).env("LANGUAGE", "de").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("a shell");
        let pipe = child.stdin.take().expect("its input");
        let output = child.stdout.take().expect("its output");
        let mouth = Arc::new(Mutex::new(Mouth { pipe, number: 0 }));
        let ear = Arc::new(Ear::default());
        let (listener, speaker) = (ear.clone(), mouth.clone());
        std::thread::spawn(move || listen(output, &listener, &speaker));
        let chrome = Self { child, mouth, ear, profile };
        let version = chrome.ask(None, "Browser.getVersion", json!({}));
        assert!(version["product"].is_string(), "{version}");
        chrome
    }

    /// Sends a command and waits for its answer.
    pub fn ask(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        let number = self.send(session, method, params);
        self.answer(number).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Sends a command; its number fetches the answer.
    pub fn send(&self, session: Option<&str>, method: &str, params: Value) -> u64 {
        say(&self.mouth, session, method, params)
    }

    /// The answer to a command sent before.
    pub fn answer(&self, number: u64) -> Result<Value, String> {
        let until = Instant::now() + PATIENCE;
        let mut heard = self.ear.heard();
        loop {
            if let Some(mut answer) = heard.answers.remove(&number) {
                return if answer["error"].is_null() { Ok(answer["result"].take()) } else { Err(answer["error"].to_string()) };
            }
            if heard.ended {
                return Err("chromium is not there or has ended: scripts/test installs it (Debian's package chromium)".into());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("no answer within {} s", PATIENCE.as_secs()));
            }
            heard = self.ear.more.wait_timeout(heard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What this session (all, where none is named) has told of this kind.
    pub fn events(&self, session: Option<&str>, method: &str) -> Vec<Value> {
        let heard = self.ear.heard();
        let ours = heard.events.iter().filter(|(from, event)| event["method"] == method && session.is_none_or(|session| session == from));
        ours.map(|(_, event)| event["params"].clone()).collect()
    }

    /// Where files land that a page hands out.
    pub fn downloads(&self) -> PathBuf {
        self.profile.path().join("downloads")
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        let _ = say_quietly(&self.mouth, "Browser.close");
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn say(mouth: &Mutex<Mouth>, session: Option<&str>, method: &str, params: Value) -> u64 {
    let mut mouth = mouth.lock().unwrap_or_else(PoisonError::into_inner);
    mouth.number += 1;
    let mut command = json!({ "id": mouth.number, "method": method, "params": params });
    if let Some(session) = session {
        command["sessionId"] = session.into();
    }
    // A browser that has ended is told of by the answer that does not come.
    let _ = mouth.pipe.write_all(format!("{command}\0").as_bytes()).and_then(|()| mouth.pipe.flush());
    mouth.number
}

fn say_quietly(mouth: &Mutex<Mouth>, method: &str) -> std::io::Result<()> {
    let mut mouth = mouth.lock().unwrap_or_else(PoisonError::into_inner);
    mouth.number += 1;
    let command = json!({ "id": mouth.number, "method": method });
    mouth.pipe.write_all(format!("{command}\0").as_bytes())?;
    mouth.pipe.flush()
}

/// Reads until the browser ends. Workers are looked into as pages are, dialogs are agreed to.
fn listen(output: ChildStdout, ear: &Ear, mouth: &Mutex<Mouth>) {
    let mut pieces = BufReader::new(output);
    loop {
        let mut piece = Vec::new();
        match pieces.read_until(0, &mut piece) {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let Ok(message) = serde_json::from_slice::<Value>(piece.strip_suffix(b"\0").unwrap_or(&piece)) else { continue };
        if let Some(number) = message["id"].as_u64() {
            ear.heard().answers.insert(number, message);
            ear.more.notify_all();
            continue;
        }
        let session = message["sessionId"].as_str().unwrap_or_default().to_owned();
        match message["method"].as_str() {
            Some("Target.attachedToTarget") => look_into(mouth, &message["params"]),
            Some("Page.javascriptDialogOpening") => {
                say(mouth, Some(&session), "Page.handleJavaScriptDialog", json!({ "accept": true }));
            }
            _ => {}
        }
        ear.heard().events.push((session, message));
    }
    ear.heard().ended = true;
    ear.more.notify_all();
}

fn look_into(mouth: &Mutex<Mouth>, attached: &Value) {
    let session = attached["sessionId"].as_str();
    if attached["targetInfo"]["type"] != "page" {
        say(mouth, session, "Network.enable", json!({}));
        say(mouth, session, "Runtime.runIfWaitingForDebugger", json!({}));
    }
}

/// Whether a folder holds the file, completely written.
pub fn downloaded(folder: &Path, ending: &str) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder).ok()?;
    files.filter_map(Result::ok).map(|file| file.path()).find(|path| path.to_string_lossy().ends_with(ending))
}
