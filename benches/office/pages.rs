//! Every page over HTTP, asked for by two clerks at once, while the office's real server runs in a process of its own.

use crate::measure::Times;
use crate::town::{CLERKS, PASSWORD};
use rusqlite::Connection;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use teilhabe::shell::web::office::pages;
use teilhabe::words::ids::{BatchId, TerminalId, TokenId};

const PATIENCE: Duration = Duration::from_secs(60);

struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(dir: &Path) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let mut command = Command::new(std::env::var_os("BARS_OFFICE").unwrap_or_else(|| env!("CARGO_BIN_EXE_teilhabe").into()));
        command.args(["office", "serve", "--listen", &address.to_string(), "--data"]).arg(dir);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        let (server, began) = (Self { child, address }, Instant::now());
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < PATIENCE, "the server does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
        server
    }

    /// The most resident memory it has had, in MiB.
    fn peak(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("its memory");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("a number") / 1024.0
    }
}

impl Server {
    /// The seconds its threads have computed so far (`/proc/PID/stat`, in ticks of 10 ms): what a page costs beside busy neighbours.
    fn computed(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("a process");
        let after_name = stat.rsplit(')').next().expect("fields");
        let ticks = after_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().expect("a number"));
        ticks.sum::<f64>() / 100.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has committed all it was asked for; how it ends is no matter here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came back.
struct Answer {
    status: u16,
    text: String,
    /// Whether it is a file to be kept and no page.
    is_file: bool,
}

/// A clerk's browser with one kept connection.
struct Browser {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
    cookie: String,
}

impl Browser {
    fn signed_in(server: &Server, name: &str) -> Self {
        let stream = TcpStream::connect(server.address).expect("connected");
        stream.set_nodelay(true).expect("set");
        let mut browser = Self { stream: BufReader::new(stream), host: server.address, cookie: String::new() };
        let coded = |text: &str| -> String { text.bytes().map(|c| format!("%{c:02X}")).collect() };
        let form = format!("name={}&password={}", coded(name), coded(PASSWORD));
        let head = format!("Origin: http://{}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}", browser.host, form.len());
        let answer = browser.send(&format!("POST /login HTTP/1.1\r\nHost: {}\r\n{head}\r\n\r\n{form}", browser.host));
        assert_eq!(answer.status, 303, "{name} could not sign in: {}", answer.text);
        browser
    }

    fn get(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\n\r\n", self.host, self.cookie))
    }

    fn send(&mut self, request: &str) -> Answer {
        self.stream.get_mut().write_all(request.as_bytes()).expect("sent");
        let (mut status, mut length, mut in_chunks, mut is_file) = (0, 0, false, false);
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).expect("answered") <= 2 {
                break;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(rest) = lower.strip_prefix("http/1.1 ") {
                status = rest.get(..3).and_then(|code| code.parse().ok()).expect("a status");
            } else if let Some(rest) = lower.strip_prefix("content-length:") {
                length = rest.trim().parse().expect("a length");
            } else if lower.starts_with("transfer-encoding:") {
                in_chunks = lower.contains("chunked");
            } else if lower.starts_with("content-disposition:") {
                is_file = lower.contains("attachment");
            } else if lower.starts_with("set-cookie:") {
                self.cookie = line["set-cookie:".len()..].trim().split(';').next().unwrap_or_default().to_owned();
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("a body");
        while in_chunks {
            let mut size = String::new();
            self.stream.read_line(&mut size).expect("the size of a chunk");
            let size = usize::from_str_radix(size.trim(), 16).expect("a size");
            let mut chunk = vec![0; size + 2];
            self.stream.read_exact(&mut chunk).expect("a chunk and its end");
            body.extend_from_slice(&chunk[..size]);
            in_chunks = size > 0;
        }
        Answer { status, text: String::from_utf8_lossy(&body).into_owned(), is_file }
    }
}

/// What addresses are filled in with.
fn examples(dir: &Path) -> Vec<(&'static str, String)> {
    let db = Connection::open(dir.join("office.db")).expect("the database");
    let one = |sql: &str| -> Vec<u8> { db.query_row(sql, [], |row| row.get(0)).expect("a row") };
    let number = |sql: &str| -> String { db.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a row").to_string() };
    let finding = "FROM line l JOIN terminal t ON t.id = l.terminal WHERE l.verdict = 0 AND l.reason IS NOT NULL ORDER BY l.reason, l.day";
    let file: String = db.query_row("SELECT name FROM released_file WHERE run = 1 ORDER BY name LIMIT 1", [], |row| row.get(0)).expect("a file");
    let batch: [u8; 16] = one("SELECT batch FROM batch ORDER BY id DESC LIMIT 1").try_into().expect("16 bytes");
    let terminal: [u8; 16] = one(&format!("SELECT t.terminal {finding} LIMIT 1")).try_into().expect("16 bytes");
    let token: [u8; 16] = one("SELECT token FROM token WHERE bytes IS NOT NULL LIMIT 1").try_into().expect("16 bytes");
    let provider = number("SELECT max(number) FROM provider");
    let child = number("SELECT max(id) FROM child");
    let payment: String = db.query_row("SELECT min(end_to_end_id) FROM payment", [], |row| row.get(0)).expect("a payment");
    vec![
        ("/lines/{terminal}", format!("/lines/{}", TerminalId(terminal).hex())),
        ("{seq}", number(&format!("SELECT l.seq {finding} LIMIT 1"))),
        ("/batches/{id}", format!("/batches/{}", BatchId(batch).hex())),
        ("/settlement/{run}", "/settlement/1".to_owned()),
        ("{file}", file),
        ("/providers/{number}", format!("/providers/{provider}")),
        ("{provider}", provider),
        ("/cases/{id}", format!("/cases/{child}")),
        ("/cases/{child}", format!("/cases/{child}")),
        ("{child}", child),
        ("{token}", TokenId(token).hex()),
        ("{name}", "office.css".to_owned()),
        ("{id}", "1".to_owned()),
        ("{run}", "1".to_owned()),
        ("{payment}", payment),
    ]
}

/// What clerks ask for beyond the bare addresses: later stretches, single kinds.
const MORE: [&str; 6] = [
    "/batches?skip=5000",
    "/findings?reason=duplicate",
    "/findings?reason=not_a_service_day",
    "/findings?reason=self_paid&skip=20",
    "/api/v1/statistics",
    "/metrics",
];

/// Asks for all pages and prints how long they took, the slowest first.
pub fn asked_for(folder: &Path, is_measuring: bool) {
    let dir = folder.join("run");
    let examples = examples(&dir);
    let fill = |path: &str| examples.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value));
    let gets = pages().into_iter().filter(|(method, ..)| *method == "get").map(|(_, path, _)| fill(path));
    let mut paths: Vec<String> = gets.chain(MORE.map(str::to_owned)).filter(|path| !path.contains("logout")).collect();
    let only = std::env::var("OFFICE_PAGES").unwrap_or_default();
    paths.retain(|path| path.contains(&only));
    paths.sort();
    paths.dedup();
    let server = Server::start(&dir);
    let mut browsers = CLERKS.map(|clerk| Browser::signed_in(&server, clerk));
    let rounds = if is_measuring { 25 } else { 1 };
    let (mut figures, mut others): (Vec<(f64, String)>, usize) = (Vec::new(), 0);
    for path in &paths {
        let before = server.computed();
        let taken: Vec<(Times, Answer)> = std::thread::scope(|scope| {
            let threads: Vec<_> = browsers.iter_mut().map(|browser| scope.spawn(move || ask(browser, path, rounds))).collect();
            threads.into_iter().map(|thread| thread.join().expect("asked")).collect()
        });
        let Answer { status, is_file, ref text } = taken[0].1;
        let (asked, size) = (2 * if is_file { 1 } else { rounds }, text.len());
        assert!(status < 500, "{path} answered {status}");
        let mut times = Times::default();
        taken.into_iter().for_each(|(some, _)| times.add(some));
        let cpu = (server.computed() - before) * 1e3 / asked as f64;
        let (p50, p95, most) = (times.wall(50) / 1e3, times.wall(95) / 1e3, times.wall(100) / 1e3);
        if status != 200 {
            others += 1;
            continue;
        }
        let said = if is_file { " (a file)" } else { "" };
        figures.push((
            p95,
            format!(
                "| `{}`{said} | p50 {p50:.0} ms, p95 {p95:.0} ms, longest {most:.0} ms (CPU {cpu:.0} ms) | {} KiB | – |",
                shown(path),
                size / 1024
            ),
        ));
    }
    figures.sort_by(|a, b| b.0.total_cmp(&a.0));
    figures.iter().for_each(|(_, row)| println!("{row}"));
    println!("| {others} more addresses, of which this Kreis has nothing or which lead elsewhere | not listed | – | – |");
    println!("| memory of the server at its peak, {} pages by two clerks | {:.0} MiB | – | – |", paths.len(), server.peak());
}

/// Asks for a page `rounds` times; for a file once, for nobody fetches an archive twice a minute.
fn ask(browser: &mut Browser, path: &str, rounds: usize) -> (Times, Answer) {
    let mut times = Times::default();
    let mut last = times.take(|| browser.get(path));
    for _ in 1..if last.is_file { 1 } else { rounds } {
        last = times.take(|| browser.get(path));
    }
    (times, last)
}

/// An address with its long ids cut.
fn shown(path: &str) -> String {
    path.split('/').map(|part| if part.len() > 40 || (part.len() == 32 && !part.contains('-')) { "…" } else { part }).collect::<Vec<_>>().join("/")
}
