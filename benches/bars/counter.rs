//! The counter: tokens, redemptions, sealing, storage.

use crate::measure::{Times, in_turn};
use crate::table::{Asked, row};
use crate::world::canteen::{CHILDREN, Canteen};
use crate::world::size;
use crate::world::town::noon;
use ed25519_dalek::{Signer, SigningKey};
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;
use teilhabe::admit::scan::Scan;
use teilhabe::admit::token::read;
use teilhabe::shell::store;
use teilhabe::words::civil::CivilDay;

/// As many bytes as the entry of a lunch has.
const ENTRY: [u8; 200] = [7; 200];

/// A database that does nothing but commit, with the pragmas of all of ours.
pub struct Bare(Connection);

impl Bare {
    pub fn new(dir: &Path) -> Self {
        let script = "CREATE TABLE bare (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;";
        Self(store::open(&dir.join("bare.db"), &[script]).expect("a database"))
    }

    /// One row, one transaction, durable when this returns.
    pub fn commit(&mut self) {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate).expect("begun");
        transaction.prepare_cached("INSERT INTO bare (bytes) VALUES (?1)").expect("prepared").execute([ENTRY]).expect("inserted");
        transaction.commit().expect("committed");
    }
}

fn first_day() -> CivilDay {
    CivilDay::of(noon())
}

/// Bars 1 and 2.
pub fn tokens_and_redemptions(dir: &Path) {
    let (mut canteen, mut bare) = (Canteen::new(dir), Bare::new(dir));
    let calls = size(4000, 5);
    let codes: Vec<String> = (0..calls as u32 * 2).map(|number| canteen.code(number)).collect();
    let trust = std::slice::from_ref(&canteen.town.office.trust).to_vec();
    let key = SigningKey::from_bytes(&[9; 32]);
    let public = key.verifying_key();
    let signed: Vec<_> = codes.iter().map(|code| (code, key.sign(code.as_bytes()))).collect();
    let verify = |call: usize| public.verify_strict(signed[call].0.as_bytes(), &signed[call].1).expect("genuine");
    let whole = |call: usize| {
        let scan = Scan::new(&codes[call]).expect("a scan");
        std::hint::black_box(read(&scan).expect("a token").verify(&trust, noon()).expect("genuine"));
    };
    let (ours, limit) = in_turn(calls, whole, verify);
    row(
        "1",
        "code → entitlement, CPU",
        &format!("{:.0} µs", ours.cpu(50)),
        &format!("`verify_strict`: {:.0} µs", limit.cpu(50)),
        ours.cpu(50) / limit.cpu(50),
        Asked::AtMost(1.35, 1.2),
    );
    // A first day makes all cards known to the box, and more of them than it remembers as verified.
    for code in &codes {
        canteen.redeem(code, first_day());
        bare.commit();
    }
    let limit = |call: usize| {
        bare.commit();
        verify(call);
    };
    let (ours, limit) = in_turn(calls, |call| canteen.redeem(&codes[call], first_day().plus(1)), limit);
    row(
        "2",
        "redeem, p50 wall",
        &format!("{:.0} µs (p99 {:.0}, CPU {:.0})", ours.wall(50), ours.wall(99), ours.cpu(50)),
        &format!("bare commit + verify: {:.0} µs (p99 {:.0}, CPU {:.0})", limit.wall(50), limit.wall(99), limit.cpu(50)),
        ours.wall(50) / limit.wall(50),
        Asked::AtMost(1.5, 1.25),
    );
}

/// Bars 5, 14 and 16, and sealing.
pub fn many_entries(few_dir: &Path, many_dir: &Path) {
    let (few_entries, many_entries) = (1000, size(1_000_000, 2000) as u32);
    let (mut few, mut many) = (Canteen::new(few_dir), Canteen::new(many_dir));
    few.fill(few_entries);
    let empty = bytes_on_disk(many_dir);
    many.fill(many_entries);
    let full = bytes_on_disk(many_dir);
    flat(&mut few, &mut many, many_entries);
    row(
        "16",
        "terminal: storage per entry",
        &format!("{:.0} bytes", (full - empty) / f64::from(many_entries)),
        "its bytes alone: about 200",
        (full - empty) / f64::from(many_entries),
        Asked::AtMost(360.0, 120.0),
    );
    drop(many);
    let mut start = Times::default();
    for _ in 0..size(20, 2) {
        drop(start.take(|| Canteen::reopen(many_dir)));
    }
    row(
        "14",
        &format!("open a terminal with {many_entries} entries"),
        &format!("{:.1} ms (CPU {:.1})", start.wall(50) / 1e3, start.cpu(50) / 1e3),
        "–",
        start.wall(50) / 1e3,
        Asked::AtMost(150.0, 50.0),
    );
}

fn flat(few: &mut Canteen, many: &mut Canteen, entries: u32) {
    let codes: Vec<String> = (0..CHILDREN).map(|number| few.code(number)).collect();
    let (warm, calls) = (size(500, 5), size(4000, 5));
    let at = |call: usize| (&codes[call % codes.len()], first_day().plus((call / codes.len()) as u32));
    for call in 0..warm {
        let (code, day) = at(call);
        few.redeem(code, day);
        many.redeem(code, day);
    }
    let redeem = |canteen: &mut Canteen, call: usize| {
        let (code, day) = at(warm + call);
        canteen.redeem(code, day);
    };
    let (ours, limit) = in_turn(calls, |call| redeem(many, call), |call| redeem(few, call));
    row(
        "5",
        &format!("redeem at {entries} entries, p50 wall"),
        &format!("{:.0} µs (p99 {:.0}, CPU {:.0})", ours.wall(50), ours.wall(99), ours.cpu(50)),
        &format!("at 1000: {:.0} µs (p99 {:.0}, CPU {:.0})", limit.wall(50), limit.wall(99), limit.cpu(50)),
        ours.wall(50) / limit.wall(50),
        Asked::AtMost(1.3, 1.15),
    );
}

/// A redemption over the length of its journal, for the picture.
pub fn latency() {
    let key = SigningKey::from_bytes(&[9; 32]);
    let public = key.verifying_key();
    let signed = key.sign(&ENTRY);
    for entries in [1000, 10_000, 100_000, size(1_000_000, 2000) as u32] {
        if size(1, 0) == 0 && entries > 2000 {
            continue;
        }
        let (dir, bare_dir) = (crate::folder(), crate::folder());
        let (mut canteen, mut bare) = (Canteen::new(dir.path()), Bare::new(bare_dir.path()));
        canteen.fill(entries);
        let codes: Vec<String> = (0..CHILDREN).map(|number| canteen.code(number)).collect();
        let at = |call: usize| (&codes[call % codes.len()], first_day().plus((call / codes.len()) as u32));
        let warm = size(500, 5);
        (0..warm).for_each(|call| canteen.redeem(at(call).0, at(call).1));
        (0..warm).for_each(|_| bare.commit());
        let limit = |_: usize| {
            bare.commit();
            public.verify_strict(&ENTRY, &signed).expect("genuine");
        };
        let redeem = |call: usize| canteen.redeem(at(warm + call).0, at(warm + call).1);
        let (ours, limit) = in_turn(size(2000, 5), redeem, limit);
        row(
            "",
            &format!("redeem at {entries} entries, p50 wall"),
            &format!("{:.0} µs (p99 {:.0}, CPU {:.0})", ours.wall(50), ours.wall(99), ours.cpu(50)),
            &format!("bare commit + verify: {:.0} µs (p99 {:.0})", limit.wall(50), limit.wall(99)),
            ours.wall(50) / limit.wall(50),
            Asked::Nothing,
        );
        crate::plot::point("latency", entries.into(), ours.wall(50), limit.wall(50));
    }
}

/// Sealing a month.
pub fn sealing(dir: &Path) {
    let entries = size(10_000, 50) as u32;
    let (mut canteen, mut sealing) = (Canteen::new(dir), Times::default());
    canteen.fill(entries);
    let (office, town) = (canteen.town.office.id.clone(), &mut canteen.town);
    let sealed = sealing.take(|| town.terminal.seal_batches(&office, &mut town.chance, noon()).expect("sealed"));
    assert_eq!(sealed, 1);
    let per_entry = sealing.cpu(50) / f64::from(entries);
    row("", &format!("seal {entries} entries, CPU"), &format!("{:.0} ms", sealing.cpu(50) / 1e3), "–", per_entry, Asked::Nothing);
}

/// The size of the database in `dir`, the log aside.
pub fn bytes_on_disk(dir: &Path) -> f64 {
    let database = |name: &str| std::fs::metadata(dir.join(name)).map_or(0, |file| file.len());
    (database("terminal.db") + database("office.db")) as f64
}
