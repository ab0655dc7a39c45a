//! The real program, killed in the middle of its work: nothing that was shown green is lost, nothing is invented.
#![cfg(feature = "terminal")]

mod town;

use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use teilhabe::book::entry::Body;
use teilhabe::shell::{door, terminal_dir};
use teilhabe::words::civil::CivilDay;
use teilhabe::words::ids::{Handle, TokenId};
use town::*;

const CHILDREN: usize = 600;
const ROUNDS: usize = 4;
const TILLS: usize = 4;

/// A folder with an enrolled terminal, and the codes of many children.
fn prepare(dir: &Path) -> Vec<String> {
    let now = door::now();
    let mut office = PaperOffice::new("05562032", 1);
    office.trust.issued = now;
    office.status = None;
    let mut chance = door::os_chance();
    let terminal = terminal_dir::open_or_create(dir, &mut chance, now).expect("made");
    let mut town = Town { terminal, chance, office };
    town.enrol(now);
    (0..CHILDREN)
        .map(|number| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&(number as u64).to_be_bytes());
            let handle = Handle(id[..8].try_into().expect("eight bytes"));
            let mut token = town.office.plain_token(handle, TokenId(id), number as u64, allowances());
            token.not_before = CivilDay::of(now).minus(30).midnight();
            token.expires = CivilDay::of(now).plus(30).midnight();
            token.issued = now.seconds();
            teilhabe::admit::scan::code_text(&token.seal(&town.office.key))
        })
        .collect()
}

struct Served {
    process: Child,
    url: String,
}

fn serve(dir: &Path) -> Served {
    let mut process = Command::new(env!("CARGO_BIN_EXE_teilhabe"))
        .args(["terminal", "serve", "--listen", "127.0.0.1:0", "--no-exchange", "--json", "--data"])
        .arg(dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    BufReader::new(process.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    let said: Value = serde_json::from_str(&line).expect("JSON");
    Served { process, url: format!("http://{}", said["listening"].as_str().expect("an address")) }
}

/// Redeems; the entry's number, or none where no answer came.
fn redeem(url: &str, key: &str, code: &str, ask: &str) -> Option<u64> {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(10))).build().into();
    let body = json!({"code": code, "service": "lunch", "ask": ask}).to_string();
    let request = agent.post(format!("{url}/api/v1/redemptions")).header("Authorization", format!("Bearer {key}"));
    let mut response = request.content_type("application/json").send(body.as_bytes()).ok()?;
    let answer: Value = serde_json::from_slice(&response.body_mut().read_to_vec().ok()?).ok()?;
    assert_eq!(answer["verdict"], json!("accepted"), "{answer}");
    answer["seq"].as_u64()
}

#[test]
fn killed_at_any_moment_it_keeps_what_it_said() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let dir = dir.path().join("terminal");
    let codes = Arc::new(prepare(&dir));
    let key = Arc::new(teilhabe::shell::secret_file::api_token(&dir, &mut door::os_chance()).expect("a key").to_string());
    let (next, told) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(HashMap::<usize, u64>::new())));
    for round in 0..ROUNDS {
        let mut served = serve(&dir);
        let killed = Arc::new(AtomicBool::new(false));
        let tills: Vec<_> = (0..TILLS)
            .map(|_| {
                let (codes, key, url) = (codes.clone(), key.clone(), served.url.clone());
                let (next, told, killed) = (next.clone(), told.clone(), killed.clone());
                std::thread::spawn(move || {
                    while !killed.load(Ordering::SeqCst) {
                        let child = next.fetch_add(1, Ordering::SeqCst);
                        let Some(code) = codes.get(child) else { return };
                        let Some(seq) = redeem(&url, &key, code, &format!("ask-{child}")) else { return };
                        told.lock().expect("not poisoned").insert(child, seq);
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(120 + 90 * round as u64));
        served.process.kill().expect("killed with SIGKILL");
        killed.store(true, Ordering::SeqCst);
        served.process.wait().expect("ended");
        tills.into_iter().for_each(|till| till.join().expect("a till's own assertions"));
        compare(&dir, &told.lock().expect("not poisoned"), next.load(Ordering::SeqCst));
    }
    let told = told.lock().expect("not poisoned").clone();
    assert!(told.len() > 20, "only {} answers came: the test has seen nothing", told.len());
    asked_again(&dir, &codes, &key, &told);
}

/// The journal is whole; what was shown green is in exactly one entry; nothing is in it that nobody asked for.
fn compare(dir: &Path, told: &HashMap<usize, u64>, asked: usize) {
    let verified = Command::new(env!("CARGO_BIN_EXE_teilhabe")).args(["journal", "verify", "--json", "--data"]).arg(dir).output().expect("it runs");
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let mut terminal = terminal_dir::open(dir, door::now()).expect("opens after a kill");
    let mut by_child: HashMap<u64, Vec<u64>> = HashMap::new();
    terminal
        .store()
        .read(|tx| {
            tx.walk(1, |row| {
                let entry = teilhabe::book::entry::Entry::from_bytes(&row.bytes).expect("an entry");
                if let Body::Redemption(redemption) = entry.body {
                    by_child.entry(u64::from_be_bytes(redemption.handle.0)).or_default().push(entry.seq);
                }
                Ok::<_, teilhabe::shell::store::StoreError>(true)
            })
        })
        .expect("readable");
    for (child, seq) in told {
        assert_eq!(by_child.get(&(*child as u64)), Some(&vec![*seq]), "child {child} was shown green as entry {seq}");
    }
    assert!(by_child.keys().all(|child| *child < asked as u64), "an entry nobody asked for");
}

/// After all the kills the same asks get the same answers.
fn asked_again(dir: &Path, codes: &[String], key: &str, told: &HashMap<usize, u64>) {
    let mut served = serve(dir);
    for (child, seq) in told.iter().take(50) {
        assert_eq!(redeem(&served.url, key, &codes[*child], &format!("ask-{child}")), Some(*seq));
    }
    served.process.kill().expect("killed");
    served.process.wait().expect("ended");
}
