//! A full German school day through one PostgreSQL: two million lines in 20,000 batches, of a hundred municipalities of 200 counters each,
//! taken in, decided and paid.
//! `BARS_DAY` is how many municipalities, where another number is wanted.

use crate::measure::{Times, server_cpu};
use crate::postgres::{Bare, backend, server, tenant};
use crate::table::{Asked, row};
use crate::world::kreis::{Kreis, PlainLine, evening, first_day};
use crate::world::size;
use std::time::Instant;
use teilhabe::shell::store::office::open_at;
use teilhabe::shell::store::sql::postgres::Server;
use teilhabe::words::civil::CivilDay;

/// Lines in a batch: a counter's children of a day.
const LINES: usize = 100;
/// Lunch on this day: a Monday, for one at a weekend waits for a clerk.
fn school_day() -> CivilDay {
    first_day().plus(2)
}

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
        let lines: Vec<PlainLine> = children.iter().map(|child| till.lunch(child, school_day())).collect();
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

/// Decides what was taken in and pays it, one municipality after the other; how long each took.
fn decide(places: &mut [Place]) -> (Times, Times) {
    let (mut decided, mut paid) = (Times::default(), Times::default());
    for place in places {
        let (office, lines) = (&mut place.kreis.office, place.sent.len() * LINES);
        let tally = decided.take(|| office.reconcile(evening()).expect("reconciled"));
        assert_eq!(tally.accepted as usize, lines);
        let settled = paid.take(|| office.settle("Anna", "Bernd", CivilDay::of(evening()).plus(5), evening()).expect("settled"));
        assert_eq!(settled.payments.len(), place.sent.len(), "every counter's provider is paid");
    }
    (decided, paid)
}

/// The municipalities of the day, shared out.
fn all_made(server: &Server, municipalities: usize) -> Vec<Vec<Place>> {
    let (counters, began) = (size(200, 2), Instant::now());
    let parts: Vec<Vec<Place>> = std::thread::scope(|scope| {
        let share = |worker: usize| (worker..municipalities).step_by(WORKERS).map(|_| made(server, counters)).collect();
        let running: Vec<_> = (0..WORKERS).map(|worker| scope.spawn(move || share(worker))).collect();
        running.into_iter().map(|one| one.join().expect("made")).collect()
    });
    eprintln!("{municipalities} municipalities were made in {:.0} s", began.elapsed().as_secs_f64());
    parts
}

/// Bytes of the database.
fn bytes(server: &Server) -> f64 {
    let db = open_at(server, tenant()).expect("a connection");
    db.query_row("SELECT pg_database_size(current_database())", [], |row| row.get::<_, i64>(0)).expect("told") as f64
}

/// The day.
pub fn day() {
    let Some(server) = server() else { return };
    let municipalities = std::env::var("BARS_DAY").ok().and_then(|number| number.parse().ok()).unwrap_or_else(|| size(100, 2));
    let bare = Bare::new(&server);
    let backend = backend(bare.connection());
    let parts = all_made(&server, municipalities);
    let (empty, cpu, began) = (bytes(&server), server_cpu(backend), Instant::now());
    let all: Vec<(Took, Vec<Place>)> = std::thread::scope(|scope| {
        let running: Vec<_> = parts.into_iter().map(|part| scope.spawn(|| send(&server, part))).collect();
        running.into_iter().map(|one| one.join().expect("done")).collect()
    });
    let (wall, at_server) = (began.elapsed().as_secs_f64(), server_cpu(backend) - cpu);
    let (mut batches, mut bare, mut parts) = (Times::default(), Times::default(), Vec::new());
    for (took, places) in all {
        batches.add(took.batches);
        bare.add(took.bare);
        parts.push(places);
    }
    let lines = (batches.len() * LINES) as f64;
    let per_line = |seconds: f64| seconds * 1e6 / lines;
    let figure = format!(
        "{wall:.0} s: {:.0} lines/s; CPU {:.1} µs a line here, {:.1} at the server (the bare table's among it)",
        lines / wall,
        per_line(batches.total_cpu()),
        per_line(at_server)
    );
    let what = format!("{lines:.0} lines in {} batches, {municipalities} municipalities, {WORKERS} processes' worth of connections", batches.len());
    let limit = format!("INSERT … unnest of every twentieth batch: {:.0} µs at the median", bare.wall(50));
    row("", &what, &figure, &limit, bare.wall(50) / batches.wall(50), Asked::Nothing);
    let figure = format!("p50 {:.1} ms, p95 {:.1} ms", batches.wall(50) / 1e3, batches.wall(95) / 1e3);
    row("", "a batch of 100 lines, wall", &figure, "–", 0.0, Asked::Nothing);
    let with_bare = lines + lines / BESIDE as f64;
    let each = (bytes(&server) - empty) / with_bare;
    let what = "PostgreSQL: storage per line taken in, with its indexes and the batch as received";
    row("16", what, &format!("{each:.0} bytes"), "–", each, Asked::AtMost(360.0, 120.0));

    let (cpu, began) = (server_cpu(backend), Instant::now());
    let both: Vec<(Times, Times)> = std::thread::scope(|scope| {
        let running: Vec<_> = parts.iter_mut().map(|places| scope.spawn(|| decide(places))).collect();
        running.into_iter().map(|one| one.join().expect("done")).collect()
    });
    let (wall, at_server) = (began.elapsed().as_secs_f64(), server_cpu(backend) - cpu);
    let [decided, paid] =
        [|both: &(Times, Times)| both.0.total_cpu(), |both: &(Times, Times)| both.1.total_cpu()].map(|of| per_line(both.iter().map(of).sum::<f64>()));
    let figure = format!(
        "{wall:.0} s: {:.0} lines/s; CPU {decided:.1} µs a line here for deciding, {paid:.1} for paying, {:.1} at the server for both",
        lines / wall,
        per_line(at_server)
    );
    row("", "all of them decided and paid, batch by batch advised", &figure, "–", 0.0, Asked::Nothing);
    let each = (bytes(&server) - empty) / with_bare;
    row("", "PostgreSQL: storage per line paid, before the server has cleaned up", &format!("{each:.0} bytes"), "–", each, Asked::Nothing);
}
