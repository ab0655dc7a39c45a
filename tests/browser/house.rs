//! A sample town on disk and its servers: the real program at real folders.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};
use teilhabe::office::{IssuedToken, Office};
use teilhabe::shell::demo::town;
use teilhabe::shell::door::{now, os_chance};
use teilhabe::shell::sheet::children;
use teilhabe::words::civil::CivilDay;
use tempfile::TempDir;

/// The program, with a folder; for measuring, the release build that `TEILHABE_PROGRAM` names.
pub fn program(folder: &Path) -> Command {
    let built = std::env::var_os("TEILHABE_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_teilhabe").into());
    let mut command = Command::new(built);
    command.arg("--data").arg(folder).env_remove("TEILHABE_DATA").stdin(Stdio::null());
    command
}

/// The sample town as `teilhabe demo` fills it: an office, a canteen, a club, a tutor.
pub struct House {
    dir: TempDir,
    /// Where the office is said to be; nothing listens there unless a test serves it.
    pub office_at: String,
}

impl House {
    pub fn filled() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let office_at = format!("127.0.0.1:{}", free_port());
        town::fill(dir.path(), &format!("http://{office_at}"), &mut os_chance(), now()).expect("a town");
        Self { dir, office_at }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn folder(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Issues cards for children nobody has seen yet; the office must not be served meanwhile.
    pub fn cards(&self, number: usize, benefit: &str) -> Vec<IssuedToken> {
        let mut office = self.office();
        let month = CivilDay::of(now()).month();
        let mut csv = String::from("reference;benefit;from;to;period;measure;amount;detail;hint;home_providers;legal_basis\n");
        for child in 0..number {
            let (from, to, reference, hint) = (month.first_day().minus(1).month(), month.plus(5), 800_000 + child, child + 100);
            csv.push_str(&format!("{reference};{benefit}", benefit = benefit.replace("FROM;TO", &format!("{from};{to}"))));
            csv.push_str(&format!(";K{hint};;SGB II\n"));
        }
        let table = children::read(csv.as_bytes()).expect("a table");
        assert!(table.errors.is_empty(), "{:?}", table.errors);
        office.issue(&table.rows, now()).expect("issued")
    }

    /// The office's folder, opened by the test itself.
    pub fn office(&self) -> Office {
        Office::open(&town::office_dir(self.path()), os_chance(), now()).expect("the office")
    }

    pub fn serve(&self, name: &str) -> Server {
        Server::terminal(&self.folder(name))
    }

    pub fn serve_office(&self) -> Server {
        let mut command = program(&self.folder("office"));
        command.args(["office", "serve", "--listen", &self.office_at]).process_group(0);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program");
        let server = Server { child, base: format!("http://{}", self.office_at) };
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(&self.office_at).is_err() {
            assert!(Instant::now() < until, "the office did not begin to listen at {}", self.office_at);
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// Proves the journal of a terminal that is not served; answers what was proven.
    pub fn verify(&self, name: &str) -> serde_json::Value {
        verify(&self.folder(name))
    }
}

/// One lunch a day, for [`House::cards`].
pub const LUNCH: &str = "lunch;FROM;TO;day;units;1;";
/// Fifteen euros a month for club or music, saved up.
pub const CLUB: &str = "participation;FROM;TO;accrued;cents;1500;";
/// Twenty lessons of maths.
pub const LESSONS: &str = "tutoring;FROM;TO;validity;units;20;MA";

pub fn verify(folder: &Path) -> serde_json::Value {
    let output = program(folder).args(["--json", "journal", "verify"]).output().expect("the program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(shown["whole"], true, "{shown}");
    shown["proof"].clone()
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port()
}

/// A running server; ended when dropped.
pub struct Server {
    child: Child,
    pub base: String,
}

impl Server {
    /// The terminal in a folder, at a port of the system's choice.
    pub fn terminal(folder: &Path) -> Self {
        Self::terminal_at(folder, "127.0.0.1:0")
    }

    pub fn terminal_at(folder: &Path, address: &str) -> Self {
        let mut command = program(folder);
        command.args(["terminal", "serve", "--no-exchange", "--listen", address]);
        Self::start(command)
    }

    /// Starts any command that says where it serves.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
        let (output, errors) = (child.stdout.take().expect("its output"), child.stderr.take().expect("its errors"));
        let mut server = Self { child, base: String::new() };
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let base = line.split_whitespace().find(|part| part.starts_with("http://127.0.0.1:"));
            if let Some(base) = base {
                base.trim_end_matches('/').clone_into(&mut server.base);
                drain(errors);
                return server;
            }
        }
        panic!("the server did not start: {}", std::io::read_to_string(errors).unwrap_or_default());
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    /// The path of a file as the server sees it, where that differs.
    pub fn sees(&self, path: &Path) -> PathBuf {
        let inside = path.strip_prefix("/").expect("an absolute path");
        PathBuf::from(format!("/proc/{}/root", self.child.id())).join(inside)
    }

    /// Leaves it hanging: it answers nothing any more.
    pub fn stop_breathing(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).expect("stopped");
    }

    /// Ends it as a power cut does.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its whole group: some are started by a wrapper that stays.
        let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Reads away what a server writes, so that it never waits for a reader.
fn drain(pipe: ChildStderr) {
    std::thread::spawn(move || BufReader::new(pipe).lines().map_while(Result::ok).for_each(drop));
}
