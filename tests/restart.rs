//! An office that is started again while people and terminals are at work, and what it says of itself to those who watch it: the real
//! program on real sockets.

#[path = "../benches/world/kreis.rs"]
#[allow(dead_code, reason = "benches use the rest")]
mod kreis;
mod served;

use served::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use teilhabe::shell::door::now;
use teilhabe::shell::store::office::open;
use teilhabe::shell::web::terminal::client;
use teilhabe::shell::web::terminal::writer::Writer;
use teilhabe::terminal::counter::{Answer, Request};
use teilhabe::words::code::Code;
use teilhabe::words::ids::OfficeId;

/// How often the office is started again under its clients.
const RESTARTS: usize = 3;

/// A box that serves meals and claims each at once, until it is told to end; the numbers of its entries.
fn claim(writer: &Writer, office: &OfficeId, codes: &[String], ends: &AtomicBool) -> BTreeSet<u64> {
    let mut recorded = BTreeSet::new();
    for code in codes.iter().take_while(|_| !ends.load(Ordering::Relaxed)) {
        let request = Request { code: code.as_str().into(), service: Code::parse("lunch"), ..Request::default() };
        let answer = writer.run_blocking(move |terminal, chance| terminal.redeem(&request, chance, now())).expect("it works").expect("an answer");
        let Answer::Accepted(accepted) = answer else { panic!("not accepted") };
        recorded.extend(accepted.entries.iter().map(|entry| entry.seq));
        client::exchange(writer, office).expect("no exchange fails");
    }
    client::exchange(writer, office).expect("no exchange fails");
    recorded
}

#[test]
fn who_hammers_through_a_restart_sees_no_failure_and_no_line_is_lost() {
    let dir = tempfile::tempdir().expect("a folder");
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = socket.local_addr().expect("its address");
    let mut kreis = office_in(dir.path(), 600);
    let codes = kreis.codes.clone();
    let (first, rest) = codes.split_at(1);
    let (terminal, writer, mut recorded) = box_of_a_day(&mut kreis, 1, at, first);
    let office = kreis.office.profile().id.clone();
    drop(kreis);
    let mut serving = Serving::handed(dir.path(), &socket);
    let cookie = signed_in(at);
    let (ends, asked, slowest) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let drained = std::thread::scope(|scope| {
        let (ends, asked, slowest, cookie) = (&ends, &asked, &slowest, &cookie);
        let done = |begun: Instant| {
            asked.fetch_add(1, Ordering::Relaxed);
            slowest.fetch_max(u64::try_from(begun.elapsed().as_millis()).expect("short"), Ordering::Relaxed);
        };
        // A clerk whose browser connects anew each time, and somebody whose browser keeps its connection.
        scope.spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let answer = get(at, "/", cookie).expect("an answer");
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
                done(begun);
            }
        });
        scope.spawn(move || {
            let agent = ureq::Agent::new_with_defaults();
            while !ends.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let mut answer = agent.get(&format!("http://{at}/login")).call().expect("an answer");
                assert!(answer.body_mut().read_to_string().expect("a page").contains("Passwort"));
                done(begun);
            }
        });
        let claiming = scope.spawn(|| claim(&writer, &office, rest, ends));
        let mut drained = Vec::new();
        for _ in 0..RESTARTS {
            std::thread::sleep(Duration::from_millis(1_500));
            serving.tell();
            let (well, took) = std::mem::replace(&mut serving, Serving::none()).ended();
            assert!(well, "it ends by itself");
            drained.push(took);
            serving = Serving::handed(dir.path(), &socket);
        }
        ends.store(true, Ordering::Relaxed);
        recorded.extend(claiming.join().expect("all claimed"));
        drained
    });
    drop(serving);
    assert!(drained.iter().all(|took| *took < Duration::from_secs(12)), "the drain is bounded: {drained:?}");
    let db = open(&dir.path().join("office.db")).expect("a database");
    let mut statement =
        db.prepare("SELECT l.seq FROM line l JOIN terminal t ON t.id = l.terminal WHERE t.terminal = ?1 ORDER BY l.seq").expect("SQL");
    let lines: Vec<i64> = statement.query_map([terminal.0], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("lines");
    assert_eq!(lines, recorded.iter().map(|seq| i64::try_from(*seq).expect("small")).collect::<Vec<_>>());
    println!(
        "{} requests and {} lines through {RESTARTS} restarts, none failed; the slowest answer {} ms, draining {drained:?}",
        asked.load(Ordering::Relaxed),
        lines.len(),
        slowest.load(Ordering::Relaxed)
    );
}

#[test]
fn whoever_has_signed_in_stays_so_and_the_store_holds_no_secret() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = free();
    drop(office_in(dir.path(), 1));
    let serving = Serving::begin(dir.path(), at);
    let cookie = signed_in(at);
    drop(serving);
    let serving = Serving::begin(dir.path(), at);
    assert!(get(at, "/", &cookie).is_some_and(|page| page.starts_with("HTTP/1.1 200") && page.contains(CLERK)));
    let secret = cookie.split_once('=').expect("a cookie").1.to_owned();
    assert_eq!(secret.len(), 64);
    for file in ["office.db", "office.db-wal"] {
        let bytes = fs::read(dir.path().join(file)).unwrap_or_default();
        let raw = data_encoding::HEXLOWER.decode(secret.as_bytes()).expect("digits");
        assert!(!holds(&bytes, secret.as_bytes()) && !holds(&bytes, &raw), "{file}");
    }
    let signed_out = ask(at, &format!("POST /logout HTTP/1.1\r\nCookie: {cookie}\r\nOrigin: http://{at}"), b"").expect("an answer");
    assert!(signed_out.starts_with("HTTP/1.1 303"), "{signed_out}");
    drop(serving);
    let _serving = Serving::begin(dir.path(), at);
    assert!(get(at, "/", &cookie).is_some_and(|page| page.contains("location: /login")), "signed out is signed out");
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[test]
fn readiness_tells_the_truth_and_the_log_names_nobody() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = free();
    drop(office_in(dir.path(), 1));
    let log = dir.path().join("log");
    let serving = Serving::logging(dir.path(), at, File::create(&log).expect("a file"), 2);
    let ready = || get(at, "/readyz", "").expect("an answer");
    assert!(ready().starts_with("HTTP/1.1 200"), "{}", ready());
    let cookie = signed_in(at);
    let other = rusqlite::Connection::open(dir.path().join("office.db")).expect("opened");
    other.execute_batch("BEGIN IMMEDIATE").expect("held");
    std::thread::sleep(Duration::from_millis(3_100));
    let held = ready();
    assert!(held.starts_with("HTTP/1.1 503") && held.contains("\"what\":\"busy\""), "{held}");
    assert!(get(at, "/", &cookie).is_some_and(|page| page.starts_with("HTTP/1.1 200")), "pages are read all the same");
    other.execute_batch("ROLLBACK").expect("let go");
    std::thread::sleep(Duration::from_millis(3_100));
    assert!(ready().starts_with("HTTP/1.1 200"), "{}", ready());
    serving.tell();
    std::thread::sleep(Duration::from_millis(300));
    let ending = ready();
    assert!(ending.starts_with("HTTP/1.1 503") && ending.contains("\"what\":\"ending\""), "{ending}");
    assert!(get(at, "/", &cookie).is_some_and(|page| page.starts_with("HTTP/1.1 200")), "it still answers");
    let (well, took) = serving.ended();
    assert!(well && took > Duration::from_secs(1), "{took:?}");
    let text = fs::read_to_string(&log).expect("a log");
    assert!(text.lines().count() > 3, "{text}");
    for line in text.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}"));
        assert!(entry["level"].is_string() && entry["timestamp"].is_string(), "{line}");
    }
    let secret = cookie.split_once('=').expect("a cookie").1;
    for name in [CLERK, "Adler", PASSWORD, "Mensa", "K0", "DE02120300000000202051", secret] {
        assert!(!text.contains(name), "{name}: {text}");
    }
}

/// Every sample of a text in Prometheus' format: its name and its labels.
fn samples(text: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a value");
        value.parse::<f64>().unwrap_or_else(|why| panic!("{why}: {line}"));
        let (name, labels) = name.split_once('{').map_or((name, ""), |(name, labels)| (name, labels.trim_end_matches('}')));
        let label = |label: &str| {
            let (key, value) = label.split_once('=').expect("a label");
            (key.to_owned(), value.trim_matches('"').to_owned())
        };
        (name.to_owned(), labels.split(',').filter(|label| !label.is_empty()).map(label).collect())
    };
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(sample).collect()
}

/// The names of figures in a text, and the labels that it asks of each.
fn asked_for(text: &str) -> BTreeSet<(String, Option<(String, String)>)> {
    let mut asked = BTreeSet::new();
    for rest in text.split("teilhabe_").skip(1) {
        let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c == '_')).unwrap_or(rest.len());
        let name = format!("teilhabe_{}", &rest[..end]);
        let selected = rest[end..].strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(selected, _)| selected);
        for label in selected.split(',') {
            let wanted = label.split_once("=\"").filter(|(key, _)| !key.ends_with(['!', '~']) && *key != "instance");
            asked.insert((name.clone(), wanted.map(|(key, value)| (key.to_owned(), value.trim_end_matches('"').to_owned()))));
        }
    }
    asked
}

/// What a dashboard asks, if it is one that can be shown: no panel lies on another, each has its number and says where its figures come from.
fn expressions(board: &serde_json::Value) -> String {
    let mut places: Vec<(u64, u64, u64, u64)> = Vec::new();
    let panels = board["panels"].as_array().expect("panels");
    let mut expressions = String::new();
    for panel in panels {
        let side = |name: &str| panel["gridPos"][name].as_u64().expect("a place");
        let place = (side("x"), side("y"), side("w"), side("h"));
        assert!(place.0 + place.2 <= 24, "{panel}");
        let beside = |other: &(u64, u64, u64, u64)| {
            place.0 >= other.0 + other.2 || other.0 >= place.0 + place.2 || place.1 >= other.1 + other.3 || other.1 >= place.1 + place.3
        };
        assert!(places.iter().all(beside), "panels lie on each other: {panel}");
        places.push(place);
        assert!(panel["title"].is_string() && panel["type"].is_string() && panel["datasource"]["uid"] == "${source}", "{panel}");
        for target in panel["targets"].as_array().expect("targets") {
            expressions += target["expr"].as_str().expect("an expression");
            expressions += "\n";
        }
    }
    let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().expect("a number")).collect();
    assert!(ids.len() == panels.len() && board["schemaVersion"].is_u64() && board["title"].is_string() && board["uid"].is_string());
    expressions
}

#[test]
fn what_the_dashboard_and_the_alerts_read_is_there_and_names_nobody() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = free();
    let mut kreis = office_in(dir.path(), 2);
    let codes = kreis.codes.clone();
    let (_, writer, _) = box_of_a_day(&mut kreis, 1, at, &codes);
    let office = kreis.office.profile().id.clone();
    drop(kreis);
    let _serving = Serving::begin(dir.path(), at);
    client::exchange(&writer, &office).expect("exchanged");
    let refused = ask(at, "POST /api/v1/exchange HTTP/1.1", b"rubbish").expect("an answer");
    assert!(refused.starts_with("HTTP/1.1 400"), "{refused}");
    let key = fs::read_to_string(dir.path().join("api-token")).expect("a key");
    let answer = ask(at, &format!("GET /metrics HTTP/1.1\r\nAuthorization: Bearer {}", key.trim()), b"").expect("an answer");
    let text = answer.split_once("\r\n\r\n").expect("a body").1;
    let told = samples(text);
    let value = |begin: &str| text.lines().find(|line| line.starts_with(begin)).and_then(|line| line.rsplit_once(' ')).expect(begin).1.to_owned();
    assert_eq!(value("teilhabe_exchanges_total{result=\"answered\"}"), "1");
    assert_eq!(value("teilhabe_exchanges_total{result=\"refused\"}"), "1");
    assert_eq!(value("teilhabe_exchange_seconds_bucket{le=\"+Inf\"}"), "1");
    assert_eq!(value("teilhabe_lines "), "2");
    let known = ["version", "role", "result", "le", "size", "kind", "state", "reason", "verdict"];
    for (name, labels) in &told {
        assert!(name.starts_with("teilhabe_") && labels.keys().all(|key| known.contains(&key.as_str())), "{name} {labels:?}");
        assert!(
            text.contains(&format!("# TYPE {} ", name.trim_end_matches("_bucket").trim_end_matches("_sum").trim_end_matches("_count"))),
            "{name}"
        );
    }
    for name in [CLERK, "Mensa", "Recklinghausen", "K0"] {
        assert!(!text.contains(name), "{name}");
    }
    let read = |file: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-config").join(file)).expect(file);
    let board = serde_json::from_str(&read("grafana/teilhabe-office.json")).expect("JSON");
    let expressions = expressions(&board);
    for (name, label) in asked_for(&(expressions + &read("prometheus/teilhabe-office.rules.yml"))) {
        // A count by reason has no samples where nothing was refused.
        let named = told.iter().filter(|(known, _)| *known == name).collect::<Vec<_>>();
        assert!(!named.is_empty() || text.contains(&format!("# TYPE {name} ")), "{name} is not told");
        if let Some((key, wanted)) = label {
            assert!(named.iter().any(|(_, labels)| labels.get(&key) == Some(&wanted)), "{name} has no {key}={wanted}");
        }
    }
}
