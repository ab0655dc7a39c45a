//! The office's intake on PostgreSQL beside one INSERT … unnest of the same lines into a bare table on the same server (`scripts/postgres` says where).

use crate::measure::{Times, server_cpu};
use crate::table::{Asked, row};
use crate::world::kreis::{Kreis, PlainLine, Till, first_day};
use crate::world::size;
use teilhabe::shell::door;
use teilhabe::shell::store::office::open_at;
use teilhabe::shell::store::sql::Connection;
use teilhabe::shell::store::sql::postgres::{Server, Tenant};
use teilhabe::words::civil::CivilDay;

/// Says where the server is.
pub const SERVER: &str = "TEILHABE_TEST_DATABASE_URL";

/// The server that was named; none where none was.
pub fn server() -> Option<Server> {
    std::env::var(SERVER).ok().map(|url| Server::parse(&url).expect("an address"))
}

/// The number of the server's process that serves this connection.
pub fn backend(db: &Connection) -> i64 {
    db.query_row("SELECT pg_backend_pid()", [], |row| row.get(0)).expect("told")
}

/// A tenant nobody else has.
pub fn tenant() -> Tenant {
    Tenant(i64::from_le_bytes(door::os_chance().bytes()) & i64::MAX >> 3 | 1 << 60)
}

/// A table that does nothing but keep entries under a unique key led by the day.
pub struct Bare(Connection);

impl Bare {
    /// A new one.
    pub fn new(server: &Server) -> Self {
        let db = open_at(server, tenant()).expect("a connection");
        let script = "DROP TABLE IF EXISTS bare; CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, day bigint NOT NULL,
            slot bytea NOT NULL, bytes bytea NOT NULL, UNIQUE (day, slot))";
        db.execute_batch(script).expect("made");
        Self(db)
    }

    /// The one that is there.
    pub fn beside(server: &Server) -> Self {
        Self(open_at(server, tenant()).expect("a connection"))
    }

    /// Its connection.
    pub const fn connection(&self) -> &Connection {
        &self.0
    }

    /// All of these lines, in one transaction.
    pub fn insert(&self, lines: &[PlainLine]) {
        let rows: Vec<_> = lines.iter().map(|line| (i64::from(line.slot.day.days()), line.slot.id.0, line.bytes.as_slice())).collect();
        let work = self.0.writing().expect("begun");
        work.execute_each("INSERT INTO bare (day, slot, bytes) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING", &rows).expect("inserted");
        work.commit().expect("committed");
    }
}

/// What an office and a bare table took for the same lines: of the wall, of our CPU, and of the server's.
struct Side {
    times: Times,
    backend: i64,
    server: f64,
}

impl Side {
    fn of(backend: i64) -> Self {
        Self { times: Times::default(), backend, server: 0.0 }
    }

    fn take<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let before = server_cpu(self.backend);
        let done = self.times.take(work);
        self.server += server_cpu(self.backend) - before;
        done
    }

    fn words(&self, lines: f64) -> String {
        let per_line = |seconds: f64| seconds * 1e6 / lines;
        format!(
            "{:.0} lines/s ({:.1} µs a line; CPU {:.1} here, {:.1} at the server)",
            lines / self.times.total_wall(),
            per_line(self.times.total_wall()),
            per_line(self.times.total_cpu()),
            per_line(self.server)
        )
    }

    fn cpu(&self) -> f64 {
        self.times.total_cpu() + self.server
    }
}

/// Bar 10: batches of 20 days of 500 children, and the small batches of a day.
pub fn intake() {
    let Some(server) = server() else { return };
    let (each, days, batches) = (size(500, 3), 20, size(20, 2));
    race(&server, "10", (each, days, batches), Asked::AtLeast(0.5, 0.7));
    race(&server, "", (100, 1, size(200, 2)), Asked::Nothing);
}

fn race(server: &Server, number: &str, (each, days, batches): (usize, u32, usize), asked: Asked) {
    let db = open_at(server, tenant()).expect("a tenant");
    let mut kreis = Kreis::on(db, each * 4, first_day().at_minute(0));
    let bare = Bare::new(server);
    let mut tills: Vec<Till> = (1..=4).map(|seed| kreis.till(seed)).collect();
    let backend = backend(&bare.0);
    let (mut ours, mut limit) = (Side::of(backend), Side::of(backend));
    let mut lines = 0;
    for batch in 0..batches {
        let (place, first) = (batch % 4, first_day().plus((batch / 4) as u32 * days));
        let entitlements = &kreis.entitlements[place * each..(place + 1) * each];
        let claimed: Vec<PlainLine> = (0..days)
            .flat_map(|day| entitlements.iter().map(move |e| (e, first.plus(day))))
            .map(|(e, day): (_, CivilDay)| tills[place].lunch(e, day))
            .collect();
        let sealed = tills[place].batch();
        let question = tills[place].question(vec![sealed]);
        let answer = ours.take(|| kreis.send(&question));
        limit.take(|| bare.insert(&claimed));
        tills[place].is_confirmed(&answer);
        lines += claimed.len();
    }
    let lines = lines as f64;
    row(
        number,
        &format!("PostgreSQL: intake, batches of {}, {lines} lines", each * days as usize),
        &ours.words(lines),
        &format!("INSERT … unnest: {}", limit.words(lines)),
        limit.times.total_wall() / ours.times.total_wall(),
        asked,
    );
    row(number, "the same, CPU here and at the server", "–", "–", limit.cpu() / ours.cpu(), Asked::Nothing);
}
