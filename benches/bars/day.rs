//! A full German school day through one PostgreSQL: two million lines in 20,000 batches, of a hundred municipalities of 200 counters each.
//! `BARS_DAY` is how many municipalities, where another number is wanted.

use crate::measure::{Times, server_cpu};
use crate::postgres::{Bare, backend, server, tenant};
use crate::table::{Asked, row};
use crate::world::kreis::{Kreis, PlainLine, first_day};
use crate::world::size;
use std::sync::Mutex;
use std::time::Instant;
use teilhabe::shell::store::office::open_at;
use teilhabe::shell::store::sql::postgres::Server;

/// Lines in a batch: a counter's children of a day.
const LINES: usize = 100;
/// How many offices' processes there are: two for each processor of this machine.
const WORKERS: usize = 4;
/// Every how many batches the bare table takes the same lines in.
const BESIDE: usize = 20;

/// A municipality with what its counters send this evening.
struct Place {
    kreis: Kreis,
    sent: Vec<(Vec<u8>, Option<Vec<PlainLine>>)>,
}

fn made(server: &Server, counters: usize) -> Place {
    let db = open_at(server, tenant()).expect("a tenant");
    let mut kreis = Kreis::on(db, counters * LINES, first_day().at_minute(0));
    let mut sent = Vec::with_capacity(counters);
    for counter in 0..counters {
        let mut till = kreis.till(counter as u8);
        let children = &kreis.entitlements[counter * LINES..(counter + 1) * LINES];
        let lines: Vec<PlainLine> = children.iter().map(|child| till.lunch(child, first_day())).collect();
        let batch = till.batch();
        sent.push((till.question(vec![batch]), (counter % BESIDE == 0).then_some(lines)));
    }
    (kreis.entitlements, kreis.codes) = (Vec::new(), Vec::new());
    Place { kreis, sent }
}

#[derive(Default)]
struct Took {
    batches: Times,
    bare: Times,
}

/// Sends everything, the municipalities in turn. The connections stay open: the server's processes count only while they are there.
fn send(server: &Server, mut places: Vec<Place>) -> (Took, Vec<Place>) {
    let (mut took, bare) = (Took::default(), Bare::beside(server));
    let most = places.iter().map(|place| place.sent.len()).max().unwrap_or(0);
    for number in 0..most {
        for place in &mut places {
            let (question, lines) = &place.sent[number];
            took.batches.take(|| place.kreis.send(question));
            if let Some(lines) = lines {
                took.bare.take(|| bare.insert(lines));
            }
        }
    }
    let counted: i64 = places
        .iter()
        .map(|place| place.kreis.office.db().query_row("SELECT count(*) FROM line", [], |row| row.get::<_, i64>(0)).expect("counted"))
        .sum();
    assert_eq!(counted as usize, places.iter().map(|place| place.sent.len() * LINES).sum::<usize>(), "every line is in the ledger");
    (took, places)
}

/// The day.
pub fn day() {
    let Some(server) = server() else { return };
    let municipalities = std::env::var("BARS_DAY").ok().and_then(|number| number.parse().ok()).unwrap_or_else(|| size(100, 2));
    let counters = size(200, 2);
    let began = Instant::now();
    let bare = Bare::new(&server);
    let backend = backend(bare.connection());
    let parts: Vec<Mutex<Vec<Place>>> = (0..WORKERS).map(|_| Mutex::new(Vec::new())).collect();
    std::thread::scope(|scope| {
        for (worker, part) in parts.iter().enumerate() {
            let server = &server;
            scope.spawn(move || {
                for _ in (worker..municipalities).step_by(WORKERS) {
                    let place = made(server, counters);
                    part.lock().expect("nobody fails").push(place);
                }
            });
        }
    });
    eprintln!("{municipalities} municipalities were made in {:.0} s", began.elapsed().as_secs_f64());
    let bytes = |server: &Server| {
        let db = open_at(server, tenant()).expect("a connection");
        db.query_row("SELECT pg_database_size(current_database())", [], |row| row.get::<_, i64>(0)).expect("told") as f64
    };
    let (empty, cpu, began) = (bytes(&server), server_cpu(backend), Instant::now());
    let all: Vec<(Took, Vec<Place>)> = std::thread::scope(|scope| {
        let running: Vec<_> = parts.into_iter().map(|part| scope.spawn(|| send(&server, part.into_inner().expect("nobody fails")))).collect();
        running.into_iter().map(|one| one.join().expect("done")).collect()
    });
    let wall = began.elapsed().as_secs_f64();
    let (mut batches, mut bare) = (Times::default(), Times::default());
    let server_cpu = server_cpu(backend) - cpu;
    for (took, _) in all {
        batches.add(took.batches);
        bare.add(took.bare);
    }
    let lines = (batches.len() * LINES) as f64;
    let what = format!("{lines:.0} lines in {} batches, {municipalities} municipalities, {WORKERS} processes' worth of connections", batches.len());
    let per_line = |seconds: f64| seconds * 1e6 / lines;
    row(
        "",
        &what,
        &format!(
            "{wall:.0} s: {:.0} lines/s; CPU {:.1} µs a line here, {:.1} at the server (the bare table's among it)",
            lines / wall,
            per_line(batches.total_cpu()),
            per_line(server_cpu)
        ),
        &format!("INSERT … unnest of every twentieth batch: {:.0} µs at the median", bare.wall(50)),
        bare.wall(50) / batches.wall(50),
        Asked::Nothing,
    );
    row(
        "",
        "a batch of 100 lines, wall",
        &format!("p50 {:.1} ms, p95 {:.1} ms", batches.wall(50) / 1e3, batches.wall(95) / 1e3),
        "–",
        0.0,
        Asked::Nothing,
    );
    let each = (bytes(&server) - empty) / (lines + lines / BESIDE as f64);
    row("16", "PostgreSQL: storage per line, with its indexes and the batch as received", &format!("{each:.0} bytes"), "–", each, Asked::Nothing);
}
