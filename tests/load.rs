//! An office under load, on real sockets: everybody comes back at once after a day without network, thousands are slow on purpose, and one
//! sends without end. Nobody waits for ever, memory stays bounded, and no line is lost or doubled. A short run of what `scripts/load` does
//! in full (docs/PERFORMANCE.md).

#[path = "../benches/world/kreis.rs"]
#[allow(dead_code, reason = "benches use the rest")]
mod kreis;

mod served;

use kreis::{Kreis, Till};
use served::*;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use teilhabe::shell::door::os_chance;
use teilhabe::shell::store::office::open;
use teilhabe::shell::web::terminal::App;
use teilhabe::shell::web::terminal::client::{self, ExchangeError};
use teilhabe::shell::web::terminal::writer::Writer;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::ids::{OfficeId, TerminalId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;

/// What the office may need at most, in MiB (docs/SCALE.md says what it is made of).
const BOUND_MIB: u64 = 400;

/// How much load.
#[derive(Clone, Copy)]
struct Size {
    terminals: usize,
    /// Lines of each of them, one a child and day.
    lines: usize,
    slow: usize,
    /// Lines of the one that sends without end, and how many of them in a batch.
    large: usize,
    batch: usize,
}

impl Size {
    /// That of the short run, unless `scripts/load` says otherwise.
    fn asked_for() -> Self {
        let number = |name: &str, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
        Self {
            terminals: number("LOAD_TERMINALS", 100),
            lines: number("LOAD_LINES", 4),
            slow: number("LOAD_SLOW", 700),
            large: number("LOAD_LARGE", 6_000),
            batch: number("LOAD_BATCH", 3_000),
        }
    }
}

/// What a box came to: how long until all was confirmed, and how often it was told to come again.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    took: Duration,
    put_off: u64,
}

/// Exchanges until everything is confirmed, and obeys an office that is busy.
fn deliver(writer: &Writer, office: &OfficeId) -> Sent {
    let (begun, mut sent) = (Instant::now(), Sent::default());
    loop {
        match client::exchange(writer, office) {
            Ok(_) => {
                let id = office.clone();
                let waiting = writer.run_blocking(move |terminal, _| terminal.waiting_batches(&id)).expect("it works").expect("read");
                if waiting == 0 {
                    return Sent { took: begun.elapsed(), ..sent };
                }
            }
            Err(error) => match error.again() {
                Some(seconds) => {
                    assert!(error.to_string().contains(&format!("come again in {seconds} seconds")), "{error}");
                    sent.put_off += 1;
                    std::thread::sleep(Duration::from_secs(seconds) + Duration::from_millis(u64::from(os_chance().below(2_000))));
                }
                None => assert!(matches!(error, ExchangeError::Unreachable { .. }), "{error}"),
            },
        }
        assert!(begun.elapsed() < STARVED * 5, "starved: {sent:?}");
    }
}

/// Somebody who is slow on purpose, in one of four ways, again and again.
async fn dawdle(at: SocketAddr, way: usize, ends: Arc<AtomicBool>, dropped: Arc<AtomicU64>) {
    while !ends.load(Ordering::Relaxed) {
        let Ok(mut stream) = tokio::net::TcpStream::connect(at).await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let begin = match way % 4 {
            0 => "GET / HTTP/1.1\r\nHost: ".to_owned(),
            1 => format!("POST /api/v1/exchange HTTP/1.1\r\nHost: {at}\r\nContent-Length: 200000\r\n\r\n"),
            2 => format!(
                "POST /login HTTP/1.1\r\nHost: {at}\r\nOrigin: http://{at}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\n"
            ),
            // An answer that is never read, asked for until nothing more goes into the line.
            _ => format!("GET /assets/office.css HTTP/1.1\r\nHost: {at}\r\n\r\n").repeat(400),
        };
        let mut well = stream.write_all(begin.as_bytes()).await.is_ok();
        while well && !ends.load(Ordering::Relaxed) {
            let pause = tokio::time::sleep(Duration::from_millis(700));
            let mut byte = [0];
            well = if way % 4 == 3 {
                pause.await;
                stream.write_all(begin.as_bytes()).await.is_ok()
            } else {
                // Answered or closed: it begins anew.
                tokio::select! {
                    () = pause => stream.write_all(b"x").await.is_ok(),
                    _ = stream.read(&mut byte) => false,
                }
            };
        }
        dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends batch after batch without end, and obeys as terminals do.
fn pour(at: SocketAddr, till: Till, questions: &[Vec<u8>]) -> Sent {
    let (begun, mut sent) = (Instant::now(), Sent::default());
    let agent = ureq::Agent::new_with_config(ureq::config::Config::builder().http_status_as_error(false).build());
    for question in questions {
        loop {
            assert!(begun.elapsed() < STARVED * 10, "starved: {sent:?}");
            let Ok(mut answer) = agent.post(&format!("http://{at}/api/v1/exchange")).send(question.as_slice()) else { continue };
            if answer.status() == 200 {
                let bytes = answer.body_mut().with_config().limit(64 << 20).read_to_vec().expect("an answer");
                till.is_confirmed(&bytes);
                break;
            }
            let again = answer.headers().get("retry-after").and_then(|seconds| seconds.to_str().ok()?.parse().ok());
            let seconds = again.unwrap_or_else(|| panic!("{} {:?}", answer.status(), answer.body_mut().read_to_string()));
            sent.put_off += 1;
            std::thread::sleep(Duration::from_secs(seconds));
        }
    }
    Sent { took: begun.elapsed(), ..sent }
}

fn percentile(times: &mut [Duration], of_hundred: usize) -> Duration {
    times.sort_unstable();
    times.get((times.len() * of_hundred / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// Every line of the office's ledger, by the terminal that recorded it.
fn ledger(data: &Path) -> BTreeMap<TerminalId, Vec<u64>> {
    let db = open(&data.join("office.db")).expect("a database");
    let mut statement = db.prepare("SELECT t.terminal, l.seq FROM line l JOIN terminal t ON t.id = l.terminal ORDER BY l.seq").expect("SQL");
    let rows = statement.query_map([], |row| Ok((TerminalId(row.get(0)?), row.get::<_, i64>(1)?))).expect("rows");
    let mut lines: BTreeMap<TerminalId, Vec<u64>> = BTreeMap::new();
    for (terminal, seq) in rows.map(|row| row.expect("a line")) {
        lines.entry(terminal).or_default().push(u64::try_from(seq).expect("a number"));
    }
    lines
}

/// The envelopes of the one that sends without end.
fn questions(kreis: &mut Kreis, till: &mut Till, size: Size) -> Vec<Vec<u8>> {
    let children: Vec<_> = std::mem::take(&mut kreis.entitlements).into_iter().take(500).collect();
    let mut questions = Vec::new();
    for line in 0..size.large {
        let day = CivilDay::of(yesterday()).plus(u32::try_from(line / children.len()).expect("few"));
        till.lunch(&children[line % children.len()], day);
        if (line + 1) % size.batch == 0 || line + 1 == size.large {
            let batch = till.batch();
            questions.push(till.question(vec![batch]));
        }
    }
    questions
}

/// What came of the load: of each box, of the one that sends without end, of a clerk's pages, and how many slow connections were let go.
struct Outcome {
    sent: Vec<Sent>,
    poured: Sent,
    looked: Vec<Duration>,
    dropped: u64,
}

/// A clerk who looks at a page again and again.
fn look(at: SocketAddr, cookie: &str, ends: &AtomicBool) -> Vec<Duration> {
    let (mut times, mut put_out) = (Vec::new(), 0);
    while !ends.load(Ordering::Relaxed) {
        let begun = Instant::now();
        // Where this machine lets her wait for her own turn longer than others, the server takes her for one of the slow, and she asks again.
        let Some(answer) = get(at, "/batches", cookie) else {
            put_out += 1;
            assert!(put_out <= 3, "a clerk is put out again and again");
            continue;
        };
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        times.push(begun.elapsed());
        std::thread::sleep(Duration::from_millis(50));
    }
    times
}

fn under_load(at: SocketAddr, size: Size, office: &OfficeId, writers: &[&Writer], till: Till, questions: &[Vec<u8>]) -> Outcome {
    let cookie = signed_in(at);
    let (ends, dropped) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
    for way in 0..size.slow {
        runtime.spawn(dawdle(at, way, ends.clone(), dropped.clone()));
    }
    std::thread::sleep(Duration::from_secs(3));
    let (sent, poured, looked) = std::thread::scope(|scope| {
        let delivering: Vec<_> = writers.iter().map(|writer| scope.spawn(|| deliver(writer, office))).collect();
        let pouring = scope.spawn(move || pour(at, till, questions));
        let looking = scope.spawn(|| look(at, &cookie, &ends));
        let sent = delivering.into_iter().map(|thread| thread.join().expect("delivered")).collect();
        let poured = pouring.join().expect("delivered");
        ends.store(true, Ordering::Relaxed);
        (sent, poured, looking.join().expect("looked"))
    });
    Outcome { sent, poured, looked, dropped: dropped.load(Ordering::Relaxed) }
}

/// The row of figures that `scripts/load` writes down.
fn report(size: Size, (idle, memory): (u64, u64), outcome: Outcome) {
    let Outcome { sent, poured, mut looked, dropped } = outcome;
    let mut took: Vec<_> = sent.iter().map(|sent| sent.took).collect();
    let put_off = sent.iter().map(|sent| sent.put_off).sum::<u64>() + poured.put_off;
    let mut part = |of_hundred| percentile(&mut looked, of_hundred).as_millis();
    let pages = format!("p50 {} ms, p95 {} ms, longest {} ms", part(50), part(95), part(100));
    let mut part = |of_hundred| percentile(&mut took, of_hundred).as_millis();
    let boxes = format!("p50 {} ms, longest {} ms", part(50), part(100));
    let Size { terminals, lines, slow, large, batch } = size;
    println!(
        "| {terminals} terminals of {lines} lines, {slow} slow clients, {large} lines in batches of {batch} | {idle} / {memory} MiB | {pages} | {boxes} | {:.1} s | {put_off} | {dropped} |",
        poured.took.as_secs_f64()
    );
}

#[test]
fn an_office_bears_everybody_at_once_and_loses_nothing() {
    let size = Size::asked_for();
    let (dir, at) = (tempfile::tempdir().expect("a folder"), free());
    let mut kreis = office_in(dir.path(), (size.terminals * size.lines).max(500));
    let office = kreis.office.profile().id.clone();
    let codes = kreis.codes.clone();
    let parts = codes.chunks(size.lines).take(size.terminals).enumerate();
    let boxes: Vec<_> = parts.map(|(number, codes)| box_of_a_day(&mut kreis, number, at, codes)).collect();
    let mut till = kreis.till_at(1, yesterday());
    let questions = questions(&mut kreis, &mut till, size);
    drop(kreis);

    let serving = Serving::begin(dir.path(), at);
    let idle = serving.most_memory();
    let writers: Vec<&Writer> = boxes.iter().map(|(_, writer, _)| writer).collect();
    let outcome = under_load(at, size, &office, &writers, till, &questions);
    let memory = serving.most_memory();
    drop(serving);

    // Exactly what was recorded is in the ledger, each line once.
    let mut lines = ledger(dir.path());
    for (terminal, _, recorded) in &boxes {
        assert_eq!(lines.remove(terminal).unwrap_or_default(), recorded.iter().copied().collect::<Vec<_>>());
    }
    assert_eq!(lines.into_values().flatten().collect::<Vec<_>>(), (2..=size.large as u64 + 1).collect::<Vec<_>>());
    assert!(memory < BOUND_MIB, "{memory} MiB");
    let longest = outcome.looked.iter().max().copied();
    assert!(longest.is_some_and(|longest| longest < STARVED), "a page took {longest:?}");
    report(size, (idle, memory), outcome);
}

/// An office that has no time for anybody yet; how often it was asked.
fn busy_office() -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (at, asked) = (listener.local_addr().expect("its address"), Arc::new(AtomicU64::new(0)));
    let counted = asked.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // The head and the body, as far as they have come: what is asked does not matter.
            let _ = stream.read(&mut [0; 64 * 1024]);
            counted.fetch_add(1, Ordering::SeqCst);
            let problem = r#"{"detail":"the office is busy: come again in 2 seconds; nothing was taken, and nothing is lost"}"#;
            let head =
                format!("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", problem.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(problem.as_bytes()));
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    (at, asked)
}

/// Asks the box as a program with its key does; the status and the body.
async fn ask_box(router: &axum::Router, method: &str, path: &str) -> (u16, serde_json::Value) {
    let request = axum::http::Request::builder().method(method).uri(path).header("host", "127.0.0.1:8080").header("authorization", "Bearer key");
    let answer = router.clone().oneshot(request.body(axum::body::Body::empty()).expect("a request")).await.expect("an answer");
    let status = answer.status().as_u16();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
    (status, serde_json::from_slice(&bytes).expect("JSON"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_leaves_a_busy_office_alone_for_as_long_as_it_asks_and_then_sends_by_itself() {
    let dir = tempfile::tempdir().expect("a folder");
    let (at, asked) = busy_office();
    let mut kreis = Kreis::at(dir.path(), 1, yesterday());
    let codes = kreis.codes.clone();
    let (_, writer, _) = box_of_a_day(&mut kreis, 1, at, &codes);
    let app = App::new(writer, "127.0.0.1:8080".parse().expect("an address"), &[], zeroize::Zeroizing::new("key".into()));
    let router = app.clone().router();
    let by_itself = tokio::spawn(app.exchange_now_and_then());
    let (status, body) = ask_box(&router, "POST", "/api/v1/exchange").await;
    let seconds = body["again_in_seconds"].as_u64().expect("a number");
    assert!(status == 202 && (5..=8).contains(&seconds), "no fault: {status} {body}");
    assert!(body["message"]["de"].as_str().is_some_and(|words| words.contains("Sekunden von selbst")), "{body}");
    let (status, body) = ask_box(&router, "POST", "/api/v1/exchange").await;
    assert!(status == 202 && asked.load(Ordering::SeqCst) == 1, "whoever presses the button: {body}");
    let (_, shown) = ask_box(&router, "GET", "/api/v1/status").await;
    assert!(shown["offices"][0]["again_in_seconds"].as_u64().is_some_and(|left| left <= seconds) && shown["pending"].as_u64() > Some(0), "{shown}");
    let begun = Instant::now();
    while asked.load(Ordering::SeqCst) < 2 {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not come again by itself");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(begun.elapsed() > Duration::from_millis(4_500), "it came too early: {:?}", begun.elapsed());
    by_itself.abort();
}
