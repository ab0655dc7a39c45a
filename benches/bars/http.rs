//! The terminal's real server, in a process of its own: redemptions over HTTP, its CPU time, memory and start.

use crate::counter::Bare;
use crate::measure::{Times, in_turn};
use crate::table::{Asked, row};
use crate::world::canteen::Canteen;
use crate::world::kreis::Kreis;
use crate::world::size;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use teilhabe::shell::{door, secret_file, terminal_dir};
use teilhabe::terminal::enrol::EnrolmentAnswer;

/// How long the server may take until it answers.
const PATIENCE: Duration = Duration::from_secs(60);
/// The kernel's clock ticks a second in `/proc/PID/stat` (`USER_HZ`, the same on every Linux we build for).
const TICKS: f64 = 100.0;
const TILLS: usize = 4;

/// A running server; it is stopped when this is dropped.
pub struct Server {
    child: Child,
    address: SocketAddr,
    key: String,
}

impl Server {
    /// Starts the terminal in `dir`; answers it with the time until it was ready.
    pub fn start(dir: &Path) -> (Self, Duration) {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let began = Instant::now();
        let mut command = Command::new(std::env::var_os("BARS_TERMINAL").unwrap_or_else(|| env!("CARGO_BIN_EXE_teilhabe").into()));
        command.args(["terminal", "serve", "--no-exchange", "--listen", &free.to_string(), "--data"]).arg(dir);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        let mut server = Self { child, address: free, key: String::new() };
        while !server.is_ready() {
            assert!(began.elapsed() < PATIENCE, "the server does not answer");
            std::thread::sleep(Duration::from_millis(1));
        }
        let ready = began.elapsed();
        server.key = secret_file::read(&dir.join(secret_file::API_TOKEN)).expect("the key").to_string();
        (server, ready)
    }

    fn is_ready(&self) -> bool {
        TcpStream::connect(self.address).is_ok_and(|stream| Till::over(stream, self).get("/healthz").0 == 200)
    }

    pub fn till(&self) -> Till {
        Till::over(TcpStream::connect(self.address).expect("connected"), self)
    }

    /// The CPU time it has used, in milliseconds.
    pub fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("a process");
        let after_name = stat.rsplit_once(')').expect("a name").1;
        let ticks = |field: usize| after_name.split_whitespace().nth(field).and_then(|ticks| ticks.parse::<f64>().ok()).expect("ticks");
        (ticks(11) + ticks(12)) * 1000.0 / TICKS
    }

    /// Its resident memory in MiB.
    pub fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("a number") / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has committed all it was asked for; how it ends is no matter here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One kept connection.
pub struct Till {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
    key: String,
}

impl Till {
    fn over(stream: TcpStream, server: &Server) -> Self {
        stream.set_nodelay(true).expect("set");
        Self { stream: BufReader::new(stream), host: server.address, key: server.key.clone() }
    }

    fn get(&mut self, path: &str) -> (u16, String) {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host))
    }

    /// One lunch today.
    pub fn redeem(&mut self, code: &str, ask: usize) {
        let body = format!(r#"{{"code":"{code}","service":"lunch","ask":"{ask:032x}"}}"#);
        let head = format!("Host: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json", self.host, self.key);
        let (status, body) = self.send(&format!("POST /api/v1/redemptions HTTP/1.1\r\n{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        assert_eq!(status, 201, "{body}");
    }

    /// Status and body of the answer; 0 where none came.
    fn send(&mut self, request: &str) -> (u16, String) {
        self.stream.get_mut().write_all(request.as_bytes()).expect("sent");
        let (mut status, mut length) = (0, 0);
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
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("a body");
        (status, String::from_utf8(body).expect("text"))
    }
}

/// A terminal in `dir`, admitted today by an office with this many children. Answers their codes.
pub fn admitted(office_dir: &Path, dir: &Path, children: usize) -> Vec<String> {
    let now = door::now();
    let mut kreis = Kreis::at(office_dir, children, now);
    let mut chance = door::os_chance();
    let mut terminal = terminal_dir::open_or_create(dir, &mut chance, now).expect("a terminal");
    let code = kreis.provider("Mensa", now).grouped();
    let request = terminal.ask_for_admission(&code, "Ausgabe").expect("asked");
    let answer = kreis.office.enrol(&request, now).expect("admitted");
    let root = teilhabe::words::keys::PublicKey::from_bytes(&answer.root).expect("a key");
    let answer = EnrolmentAnswer::new(&root, &answer.trust, &answer.credential);
    terminal.take_admission(&code, "http://127.0.0.1:9", &answer, &mut chance, now).expect("taken");
    kreis.codes
}

/// Bars 3, 4, 6 and 13.
pub fn redemptions(office_dir: &Path, dir: &Path) {
    let calls = size(3000, 5);
    let codes = admitted(office_dir, dir, calls * 2 + TILLS * calls);
    let (server, _) = Server::start(dir);
    let idle = server.memory();
    let (mut till, mut bare) = (server.till(), Bare::new(office_dir));
    for (call, code) in codes[..calls].iter().enumerate() {
        till.redeem(code, call);
        bare.commit();
    }
    let before = server.cpu();
    let (ours, limit) = in_turn(calls, |call| till.redeem(&codes[calls + call], calls + call), |_| bare.commit());
    let cpu = (server.cpu() - before) / calls as f64;
    row(
        "3",
        "redeem over HTTP, one till, p50 wall",
        &format!("{:.0} µs (p99 {:.0})", ours.wall(50), ours.wall(99)),
        &format!("bare commit: {:.0} µs (p99 {:.0})", limit.wall(50), limit.wall(99)),
        limit.wall(50) / ours.wall(50),
        Asked::AtLeast(0.35, 0.45),
    );
    many_tills(&server, &codes[calls * 2..], &mut bare);
    row("6", "CPU of the server per redeem over HTTP", &format!("{cpu:.2} ms"), "–", cpu, Asked::AtMost(0.5, 0.25));
    row("13", "terminal: memory, idle after start", &format!("{idle:.1} MiB"), "–", idle, Asked::AtMost(32.0, 16.0));
    let busy = server.memory();
    row("13", &format!("terminal: memory after {} redemptions", calls * 6), &format!("{busy:.1} MiB"), "–", busy, Asked::Nothing);
}

/// Four tills at once against as many bare commits, in stretches by turns.
fn many_tills(server: &Server, codes: &[String], bare: &mut Bare) {
    let stretches = size(10, 1);
    let each = codes.len() / TILLS / stretches;
    let (mut ours, mut limit) = (Times::default(), Times::default());
    for stretch in codes.chunks_exact(each * TILLS) {
        ours.take(|| {
            std::thread::scope(|scope| {
                for codes in stretch.chunks_exact(each) {
                    let mut till = server.till();
                    scope.spawn(move || codes.iter().for_each(|code| till.redeem(code, code_number(code))));
                }
            });
        });
        limit.take(|| (0..stretch.len()).for_each(|_| bare.commit()));
    }
    let rate = |times: &Times| (each * TILLS) as f64 * 1e6 / times.wall(50);
    row(
        "4",
        "redeem over HTTP, four tills",
        &format!("{:.0}/s", rate(&ours)),
        &format!("bare commits: {:.0}/s", rate(&limit)),
        rate(&ours) / rate(&limit),
        Asked::AtLeast(0.8, 1.0),
    );
}

/// A number of its own for each code, far from the counted ones.
fn code_number(code: &str) -> usize {
    let digest = teilhabe::words::ids::Hash::of(&[code.as_bytes()]);
    usize::from_be_bytes(digest.first()) | 1 << 63
}

/// Bar 14: the server's start with a journal of a million.
pub fn start(dir: &Path) {
    let entries = size(1_000_000, 2000) as u32;
    Canteen::new(dir).fill(entries);
    Canteen::keep_keys(dir);
    let (mut ready, mut cpu) = (Vec::new(), 0.0);
    for _ in 0..size(11, 1) {
        let (server, time) = Server::start(dir);
        ready.push(time);
        cpu = server.cpu();
    }
    ready.sort_unstable();
    let middle = ready[ready.len() / 2].as_secs_f64() * 1e3;
    let figure = format!("{middle:.0} ms (CPU {cpu:.0} ms, fastest {:.0})", ready[0].as_secs_f64() * 1e3);
    row("14", &format!("server start to first answer, {entries} entries"), &figure, "–", middle, Asked::AtMost(150.0, 50.0));
    binary();
}

/// Bar 15, where `scripts/bench` has built the terminal alone.
fn binary() {
    let Some(path) = std::env::var_os("BARS_TERMINAL") else { return };
    let megabytes = std::fs::metadata(path).expect("the terminal's binary").len() as f64 / 1e6;
    row("15", "terminal binary, stripped, with TLS", &format!("{megabytes:.1} MB"), "–", megabytes, Asked::AtMost(12.0, 8.0));
}
