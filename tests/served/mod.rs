//! The real program serving an office, and boxes that claim from it.
#![allow(dead_code, reason = "each test uses the part it needs")]

use super::kreis::Kreis;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use teilhabe::admit::enrolment::EnrolmentCode;
use teilhabe::book::entry::Opened;
use teilhabe::office::SecondFactor;
use teilhabe::shell::door::now;
use teilhabe::shell::envelope::Identity;
use teilhabe::shell::store::terminal::TerminalStore;
use teilhabe::shell::web::terminal::writer::Writer;
use teilhabe::terminal::counter::{Answer, Request};
use teilhabe::terminal::enrol::EnrolmentAnswer;
use teilhabe::terminal::{Keys, Terminal};
use teilhabe::words::chance::Chance;
use teilhabe::words::code::Code;
use teilhabe::words::ids::TerminalId;
use teilhabe::words::keys::{PublicKey, SecretKey};
use teilhabe::words::time::UtcMs;

/// How long anybody may wait before this counts as starved: far above what is measured, for a machine that does much else.
pub const STARVED: Duration = Duration::from_secs(60);
pub const PASSWORD: &str = "korrekt pferd";
pub const CLERK: &str = "Anna Adler";

/// Yesterday at this time.
pub fn yesterday() -> UtcMs {
    UtcMs(now().0 - 86_400_000)
}

/// An office of yesterday in `data`, with a clerk who may do everything.
pub fn office_in(data: &Path, children: usize) -> Kreis {
    let mut kreis = Kreis::at(data, children, yesterday());
    kreis.office.set_clerk(CLERK, PASSWORD, yesterday()).expect("a clerk");
    kreis.office.set_second_factor("cli", SecondFactor::Optional, yesterday()).expect("set");
    kreis
}

/// The real program serving the office in `data`; it is killed when this is dropped.
pub struct Serving(Option<Child>);

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Serving {
    pub fn begin(data: &Path, at: SocketAddr) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_teilhabe"));
        command.args(["office", "serve", "--listen", &at.to_string(), "--data"]).arg(data).stdout(Stdio::null()).stderr(Stdio::null());
        Self::run(command, at)
    }

    /// The same with a log of everything, in JSON, and a goodbye of so many seconds.
    pub fn logging(data: &Path, at: SocketAddr, log: File, goodbye: u64) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_teilhabe"));
        command.args(["office", "serve", "--goodbye", &goodbye.to_string(), "--listen", &at.to_string(), "--data"]).arg(data);
        command.env("TEILHABE_LOG", "debug").env("TEILHABE_LOG_FORMAT", "json").stdout(Stdio::null()).stderr(log);
        Self::run(command, at)
    }

    /// The same at a socket that somebody else holds, handed over as systemd does (sd_listen_fds(3)).
    pub fn handed(data: &Path, socket: &TcpListener) -> Self {
        let at = socket.local_addr().expect("its address");
        let handed: OwnedFd = socket.try_clone().expect("a copy").into();
        let mut command = Command::new("/bin/sh");
        // The socket comes as standard input and becomes descriptor 3; the process keeps its number by exec.
        let hand_over = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"";
        command.args(["-c", hand_over, "sh", env!("CARGO_BIN_EXE_teilhabe"), "office", "serve", "--data"]).arg(data);
        command.stdin(handed).stdout(Stdio::null()).stderr(Stdio::null());
        Self::run(command, at)
    }

    fn run(mut command: Command, at: SocketAddr) -> Self {
        let serving = Self(Some(command.spawn().expect("it starts")));
        let begun = Instant::now();
        while get(at, "/healthz", "").is_none() {
            assert!(begun.elapsed() < STARVED, "it does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        serving
    }

    /// None for the moment.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Tells it to end, as systemd does.
    pub fn tell(&self) {
        let process = rustix::process::Pid::from_child(self.0.as_ref().expect("it runs"));
        rustix::process::kill_process(process, rustix::process::Signal::TERM).expect("told");
    }

    /// Waits until it has ended; whether it ended well, and how long that took.
    pub fn ended(mut self) -> (bool, Duration) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.0.as_mut().expect("it runs").try_wait().expect("its state") {
                return (status.success(), begun.elapsed());
            }
            assert!(begun.elapsed() < STARVED, "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The most memory it ever had, in MiB.
    pub fn most_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.as_ref().expect("it runs").id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says so");
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") / 1024
    }
}

/// A free port of this computer.
pub fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

pub fn ask(at: SocketAddr, head: &str, body: &[u8]) -> Option<String> {
    let mut stream = TcpStream::connect(at).ok()?;
    stream.set_read_timeout(Some(STARVED * 2)).ok()?;
    stream.write_all(format!("{head}\r\nHost: {at}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned()).filter(|answer| !answer.is_empty())
}

pub fn get(at: SocketAddr, path: &str, cookie: &str) -> Option<String> {
    ask(at, &format!("GET {path} HTTP/1.1\r\nCookie: {cookie}"), b"")
}

/// Signs Anna in; answers her cookie.
pub fn signed_in(at: SocketAddr) -> String {
    let form = format!("name=Anna+Adler&password={}", PASSWORD.replace(' ', "+"));
    let head = format!("POST /login HTTP/1.1\r\nOrigin: http://{at}\r\nContent-Type: application/x-www-form-urlencoded");
    let answer = ask(at, &head, form.as_bytes()).expect("an answer");
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap_or_else(|| panic!("{answer}"));
    cookie.split(';').next().expect("a cookie").to_owned()
}

/// A box of a provider of its own, which has recorded lunches for a day without network.
pub fn box_of_a_day(kreis: &mut Kreis, number: usize, at: SocketAddr, codes: &[String]) -> (TerminalId, Writer, BTreeSet<u64>) {
    let before = yesterday();
    let code: EnrolmentCode = kreis.provider(&format!("Mensa {number}"), before);
    let mut chance = Chance::seeded(10_000 + number as u64);
    let keys = Keys { signing: SecretKey::from_seed(chance.bytes()), envelope: Identity::generate() };
    let mut terminal =
        Terminal::create(TerminalStore::open_in_memory().expect("a database"), keys, Opened::default(), &mut chance, before).expect("a box");
    let request = terminal.ask_for_admission(&code.grouped(), "Ausgabe").expect("a code");
    let answer = kreis.office.enrol(&request, before).expect("admitted");
    let root = PublicKey::from_bytes(&answer.root).expect("a key");
    let answer = EnrolmentAnswer::new(&root, &answer.trust, &answer.credential);
    terminal.take_admission(&code.grouped(), &format!("http://{at}"), &answer, &mut chance, before).expect("taken in");
    let question = terminal.outbound(&kreis.office.profile().id.clone(), &mut chance, before).expect("a question");
    let answer = kreis.office.exchange(&question, before).expect("an answer");
    terminal.take_inbound(&answer, &mut chance, before).expect("taken in");
    let mut recorded = BTreeSet::new();
    for code in codes {
        let request = Request { code: code.as_str().into(), service: Code::parse("lunch"), ..Request::default() };
        match terminal.redeem(&request, &mut chance, before.plus_ms(60_000)).expect("an answer") {
            Answer::Accepted(accepted) => recorded.extend(accepted.entries.iter().map(|entry| entry.seq)),
            Answer::Refused(refused) => panic!("{refused:?}"),
        }
    }
    (terminal.id(), Writer::start(terminal, chance).0, recorded)
}
