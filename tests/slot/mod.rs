//! A virtual card on a virtual reader (vsmartcard's vpcd), and the office that writes to it. vpcd's protocol: the card connects, every
//! frame is a 16-bit big-endian length and as many bytes; one byte alone is an order (0 off, 1 on, 2 reset, 4 say your ATR).

use super::virtual_card::VirtualCard;
use super::wires::until;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;
use teilhabe::office::Office;
use teilhabe::shell::demo::town;
use teilhabe::shell::door::{now, os_chance};
use teilhabe::shell::sheet::children;
use teilhabe::words::civil::CivilDay;
use tempfile::TempDir;

/// How long a reader needs to notice that a card is gone.
const NOTICE: Duration = Duration::from_millis(1800);

/// A card that lies on a reader.
pub struct Slot {
    line: TcpStream,
    playing: JoinHandle<VirtualCard>,
}

impl Slot {
    /// Puts a card on the reader that listens at this port.
    pub fn put_on(port: u16, card: VirtualCard) -> Self {
        let mut line = None;
        until("the reader takes the card", || {
            line = TcpStream::connect(("127.0.0.1", port)).ok();
            line.is_some()
        });
        let line = line.expect("connected");
        // Without it a card takes half a second.
        line.set_nodelay(true).expect("set");
        let near = line.try_clone().expect("the same line");
        Self { line, playing: std::thread::spawn(move || play(near, card)) }
    }

    /// Takes the card away, and waits until that was noticed.
    pub fn take_away(self) -> VirtualCard {
        let _ = self.line.shutdown(Shutdown::Both);
        let card = self.playing.join().expect("the card played its part");
        std::thread::sleep(NOTICE);
        card
    }
}

fn play(mut line: TcpStream, mut card: VirtualCard) -> VirtualCard {
    loop {
        let mut length = [0; 2];
        if line.read_exact(&mut length).is_err() {
            return card;
        }
        let mut frame = vec![0; usize::from(u16::from_be_bytes(length))];
        if line.read_exact(&mut frame).is_err() {
            return card;
        }
        let answer = match frame.as_slice() {
            [0..=2] => {
                card.reset();
                continue;
            }
            [4] => card.atr(),
            command => match card.talk(command) {
                Ok(answer) => answer,
                Err(_) => {
                    let _ = line.shutdown(Shutdown::Both);
                    return card;
                }
            },
        };
        let length = u16::try_from(answer.len()).expect("short").to_be_bytes();
        if line.write_all(&[&length[..], &answer].concat()).is_err() {
            return card;
        }
    }
}

/// The pcscd that `scripts/check-cards` has started for these tests, by its own process number.
pub struct Daemon {
    number: rustix::process::Pid,
    own: Option<Child>,
}

impl Daemon {
    pub fn of_the_script() -> Self {
        let file = std::env::var("TEILHABE_PCSCD_PID").expect("scripts/check-cards says whose process it is");
        let number = file.parse().ok().and_then(rustix::process::Pid::from_raw).expect("a process number");
        Self { number, own: None }
    }

    pub fn stop(&mut self) {
        rustix::process::kill_process(self.number, rustix::process::Signal::TERM).expect("ended");
        until("pcscd puts its socket away", || !Path::new("/run/pcscd/pcscd.comm").exists());
    }

    pub fn start(&mut self) {
        let flags = std::env::var("TEILHABE_PCSCD").expect("scripts/check-cards says how it is started");
        self.own = Some(Command::new("pcscd").args(flags.split(' ')).stdout(Stdio::inherit()).spawn().expect("pcscd"));
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut own) = self.own.take() {
            // Killed, it would leave its socket behind.
            let _ = rustix::process::kill_process(rustix::process::Pid::from_child(&own), rustix::process::Signal::TERM);
            let _ = own.wait();
        }
    }
}

/// An office with one card to write.
pub struct Writing {
    folder: TempDir,
    token: String,
    pub code: String,
}

pub fn office_writes() -> Writing {
    let folder = tempfile::tempdir().expect("a folder");
    town::fill(folder.path(), "http://127.0.0.1:9", &mut os_chance(), now()).expect("a town");
    let mut office = Office::open(&town::office_dir(folder.path()), os_chance(), now()).expect("the office");
    let month = CivilDay::of(now()).month();
    let csv = format!(
        "reference;benefit;from;to;period;measure;amount;detail;hint;home_providers;legal_basis\n800001;lunch;{month};{};day;units;1;;K1;;SGB II\n",
        month.plus(5)
    );
    let table = children::read(csv.as_bytes()).expect("a table");
    let issued = office.issue(&table.rows, now()).expect("issued").remove(0);
    Writing { folder, token: issued.token.id.to_string(), code: issued.code }
}

impl Writing {
    /// What the office's command says.
    pub fn write(&self, more: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_teilhabe"));
        command.arg("--data").arg(town::office_dir(self.folder.path())).args(["office", "card", "write", "--token", &self.token]);
        if !more.contains(&"--reader") {
            command.args(["--reader", "00 00"]);
        }
        let output = command.args(more).output().expect("the program");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }
}
