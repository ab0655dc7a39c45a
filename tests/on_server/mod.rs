//! What tests of an office on a server share: requests to a process that serves it, PostgreSQL's own programs, and meals that were paid.

use super::office_town::{Counter, request};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use teilhabe::office::{NewProvider, Office, ServiceTerms};
use teilhabe::shell::sheet::children;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::time::UtcMs;

pub fn ask(at: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(at).expect("connected");
    let head = format!("{head}\r\nHost: {at}\r\nOrigin: http://{at}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

pub fn sign_in(at: SocketAddr, name: &str, password: &str) -> String {
    let form = format!("name={}&password={}", name.replace(' ', "+"), password.replace(' ', "+"));
    ask(at, "POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded", &form)
}

/// A program of PostgreSQL's own.
pub fn postgres(program: &str, arguments: &[&str]) {
    let mut bins: Vec<_> =
        std::fs::read_dir("/usr/lib/postgresql").expect("installed").map(|entry| entry.expect("read").path().join("bin")).collect();
    bins.sort();
    let done = Command::new(bins.last().expect("a version").join(program)).args(arguments).output().expect("it runs");
    assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Two counters of providers of their own with twenty meals served, taken in and paid; and the cards of ten children who come later.
pub fn with_meals(office: &mut Office, now: UtcMs) -> (Vec<Counter>, Vec<String>) {
    let id = office.profile().id.clone();
    let services = vec![ServiceTerms::parse("lunch:lunch:Mittagessen:450", CivilDay::of(now)).expect("terms")];
    let mut counters = Vec::new();
    for number in 1..=2u8 {
        let new = NewProvider { name: format!("Mensa {number}"), iban: "DE44500105175407324931".into(), services: services.clone() };
        let (provider, code) = office.add_provider(&new, now).expect("added");
        counters.push(Counter::enrol_at(office, &id, provider, "Ausgabe", &code.grouped(), number, now));
    }
    let (month, csv) = (CivilDay::of(now).month(), "reference;benefit;from;to;period;measure;amount\n");
    let rows: String = (0..30).map(|child| format!("K{child};lunch;{month};{month};day;units;1\n")).collect();
    let tokens = office.issue(&children::read(format!("{csv}{rows}").as_bytes()).expect("a table").rows, now).expect("issued");
    let mut codes: Vec<String> = tokens.into_iter().map(|token| token.code).collect();
    let later = codes.split_off(20);
    for (code, turn) in codes.iter().zip([0, 1].into_iter().cycle()) {
        counters[turn].redeem(&request(code, "lunch"), now);
    }
    counters.iter_mut().for_each(|counter| counter.exchange_at(office, &id, now));
    office.reconcile(now).expect("reconciled");
    office.settle("Anna Adler", "Berta Busch", CivilDay::of(now), now).expect("paid");
    (counters, later)
}

/// A line to the server at `socket` that can be cut.
#[derive(Clone)]
pub struct Line {
    pub at: SocketAddr,
    is_cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Line {
    pub fn to(socket: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let line = Self { at: listener.local_addr().expect("its address"), is_cut: Arc::default(), open: Arc::default() };
        let laid = line.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().flatten().filter(|_| !laid.is_cut.load(Ordering::SeqCst)) {
                let far = UnixStream::connect(&socket).expect("the server");
                let (mut near_reads, mut far_reads) = (near.try_clone().expect("a copy"), far.try_clone().expect("a copy"));
                laid.open.lock().expect("whole").push(near.try_clone().expect("a copy"));
                let (mut near, mut far) = (near, far);
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut near_reads, &mut far);
                    let _ = far.shutdown(Shutdown::Both);
                });
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut far_reads, &mut near);
                    let _ = near.shutdown(Shutdown::Both);
                });
            }
        });
        line
    }

    /// Cuts it, or lays it again.
    pub fn cut(&self, is_cut: bool) {
        self.is_cut.store(is_cut, Ordering::SeqCst);
        self.open.lock().expect("whole").drain(..).for_each(|near| drop(near.shutdown(Shutdown::Both)));
    }
}
