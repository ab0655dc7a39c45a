//! The fuzz targets (`fuzz/src/targets.rs`) for some seconds each, on stable Rust: seeds are mutated by a seeded chance, and no input may
//! panic, be written otherwise than it was read, or take more time or memory than its bound. `scripts/fuzz` runs the same under libFuzzer.
//! `TEILHABE_FUZZ_SEED=N` plays a run again, `TEILHABE_FUZZ_SECONDS=N` makes it longer.
#![cfg(all(feature = "terminal", feature = "office"))]

mod fuzz_seeds;
#[path = "../fuzz/src/targets.rs"]
mod targets;
mod town;

use data_encoding::HEXLOWER;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use targets::TARGETS;
use teilhabe::book::slot::Slot;
use teilhabe::deliver::neighbour::{ChipKey, ChipSecret, Telling, Told, ToldChip, ToldChips};
use teilhabe::terminal::counter::Request;
use teilhabe::words::benefit::Benefit;
use teilhabe::words::cents::Cents;
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::ids::{Handle, Hash, Nonce, SlotId, TerminalId};
use town::{Town, allowances, code, morning, noon};

/// How long an input may be.
const MOST_BYTES: usize = 32 * 1024;
/// What an input of [`MOST_BYTES`] may take of the processor, in a development build.
const MOST_TIME: Duration = Duration::from_secs(2);
/// By how much one input may let the process grow, in KiB.
const MOST_KIB: u64 = 48 * 1024;
/// After how many inputs the memory is looked at.
const A_LOOK: u32 = 32;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn seed() -> u64 {
    number("TEILHABE_FUZZ_SEED").unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs())
}

/// Documents that our own side has just made.
fn made_here() -> Vec<(&'static str, Vec<u8>)> {
    let mut town = Town::new();
    let card = town.office.token(7, allowances());
    town.redeem(&Request { code: card.clone(), service: Some(code("lunch")), months: 1, ..Request::default() }, noon());
    let envelope = town.terminal.outbound(&town.office.id, &mut town.chance, noon()).expect("sealed");
    let (outbound, key) = town.office.read(&envelope);
    let signer = town::keys(50).signing;
    let mut made = vec![
        ("scan", card.into_bytes()),
        (
            "token",
            town.office
                .plain_token(teilhabe::words::ids::Handle([7; 8]), teilhabe::words::ids::TokenId([7; 16]), 7, allowances())
                .seal(&town.office.key),
        ),
        ("trust", town.office.trust.seal(&town.office.root)),
        ("credential", town.office.credential(&key, &town.terminal.recipient(), morning()).seal(&town.office.key)),
        ("outbound", outbound.seal(&signer)),
        ("envelope", envelope),
    ];
    made.extend(town.office.status.iter().map(|list| ("status_list", list.seal(&town.office.key))));
    let telling = Telling {
        office: town.office.id.clone(),
        to: TerminalId([1; 16]),
        credential: town.office.credential(&key, &town.terminal.recipient(), morning()).seal(&town.office.key),
        nonce: Nonce([2; 16]),
        echo: Nonce([3; 16]),
        label: "Ausgabe 1".into(),
        has: 4,
        from: 5,
        upto: 9,
        told: vec![Told {
            seq: 7,
            at: noon(),
            handle: Handle([7; 8]),
            benefit: Benefit::Lunch,
            service: code("lunch"),
            day: CivilDay::of(noon()),
            units: 1,
            cents: Cents::new(450),
            lesson: None,
            slot: Slot { day: CivilDay::of(noon()), id: SlotId([8; 16]) },
            cancelled: true,
        }],
        more: true,
        port: Some(8444),
        chips: Some(ToldChips {
            secret: ChipSecret([4; 32]),
            from: 1,
            upto: 3,
            acts: vec![
                ToldChip { key: None, hash: Hash([5; 32]), token: Some(vec![6; 200]), at: noon() },
                ToldChip { key: Some(ChipKey([7; 8])), hash: Hash([8; 32]), token: None, at: noon() },
            ],
        }),
        chips_has: 2,
    };
    made.push(("telling", telling.seal(&signer)));
    made.extend(outbound.batches.into_iter().map(|batch| ("batch", batch)));
    assert!(made.iter().any(|(name, _)| *name == "batch"), "a claim was sealed");
    made
}

/// The seeds of a target: vectors, files, and what was made here.
fn seeds_of(name: &str, made: &[(&str, Vec<u8>)]) -> Vec<Vec<u8>> {
    let mut seeds = fuzz_seeds::seeds(Path::new(env!("CARGO_MANIFEST_DIR")), name);
    seeds.extend(made.iter().filter(|(of, _)| *of == name).map(|(_, bytes)| bytes.clone()));
    assert!(!seeds.is_empty(), "{name} has no seeds");
    seeds
}

#[test]
#[ignore = "scripts/fuzz asks for them"]
fn seeds_are_written_for_libfuzzer() {
    let made = made_here();
    for (name, _) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        fs::create_dir_all(&folder).expect("a folder");
        for (number, seed) in seeds_of(name, &made).iter().enumerate() {
            fs::write(folder.join(format!("seed-{number}")), seed).expect("written");
        }
    }
}

struct Mutator {
    chance: Chance,
    seeds: Vec<Vec<u8>>,
}

impl Mutator {
    fn below(&mut self, bound: usize) -> usize {
        self.chance.below(u32::try_from(bound.max(1)).unwrap_or(u32::MAX)) as usize
    }

    fn seed(&mut self) -> Vec<u8> {
        let which = self.below(self.seeds.len());
        self.seeds[which].clone()
    }

    /// A seed, changed one to eight times.
    fn input(&mut self) -> Vec<u8> {
        let mut bytes = self.seed();
        for _ in 0..=self.below(8) {
            self.mutate(&mut bytes);
        }
        bytes.truncate(MOST_BYTES);
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        let end = (at + 1 + self.below(32)).min(bytes.len());
        match self.below(9) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 if !bytes.is_empty() => bytes[at] = [0, 0x7f, 0x80, 0xff, b'"', b';', b'\n', b'<', 0xf6][self.below(9)],
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at.min(end)..end)),
            4 => {
                let piece = bytes.get(at..end).unwrap_or_default().to_vec();
                let into = self.below(bytes.len() + 1);
                bytes.splice(into..into, piece);
            }
            5 => {
                let other = self.seed();
                let from = self.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(other.get(from..).unwrap_or_default());
            }
            // A length or number where none was, small, large and huge.
            6 => {
                let major = u8::try_from(self.below(7)).unwrap_or(0) << 5;
                let wide: [u8; 8] = self.chance.bytes();
                let edits = [
                    vec![major | 24, wide[0]],
                    vec![major | 25, wide[0], wide[1]],
                    [vec![major | 26], wide[..4].to_vec()].concat(),
                    [vec![major | 27], wide.to_vec()].concat(),
                    [vec![major | 27], vec![0xff; 8]].concat(),
                    vec![major | 31],
                ];
                let edit = edits[self.below(6)].clone();
                bytes.splice(at..(at + 1).min(bytes.len()), edit);
            }
            7 => {
                let text = [
                    "99999999999999999999",
                    "-1",
                    "é",
                    "\u{feff}",
                    "31.02.2026",
                    "0000-00-00",
                    "&#x10FFFF;",
                    "<!DOCTYPE a [<!ENTITY b \"c\">]>",
                    "]]>",
                    "1e999",
                    "\\u0000",
                ];
                let text = text[self.below(11)].bytes().collect::<Vec<_>>();
                bytes.splice(at..at, text);
            }
            _ => bytes.extend(self.chance.bytes::<3>()),
        }
    }
}

/// A field of `/proc/self/status` in KiB.
fn memory(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("this system's own");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("the field");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().expect("a number")
}

fn processor() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).expect("forward"), u32::try_from(time.tv_nsec).expect("below a second"))
}

/// Runs the targets that `chosen` chooses, each for its seconds.
fn fuzz(chosen: impl Fn(&str) -> bool) {
    let (seed, seconds) = (seed(), number("TEILHABE_FUZZ_SECONDS").unwrap_or(2));
    let made = made_here();
    for (name, target) in TARGETS.iter().filter(|(name, _)| chosen(name)) {
        let seeds = seeds_of(name, &made);
        seeds.iter().for_each(|seed| check(name, *target, seed, 0));
        let mut mutator = Mutator { chance: Chance::seeded(seed), seeds };
        let (began, mut inputs) = (Instant::now(), 0u64);
        // However busy the machine is, something is tried.
        while inputs < 100 || began.elapsed() < Duration::from_secs(seconds) {
            // What was most is forgotten, so that the next look sees these inputs alone.
            fs::write("/proc/self/clear_refs", "5").expect("our own process");
            let before = memory("VmRSS");
            for _ in 0..A_LOOK {
                check(name, *target, &mutator.input(), seed);
            }
            inputs += u64::from(A_LOOK);
            let grown = memory("VmHWM").saturating_sub(before);
            assert!(grown <= MOST_KIB, "{name}: grew by {grown} KiB within {A_LOOK} inputs, TEILHABE_FUZZ_SEED={seed}");
        }
        println!("{name}: {inputs} inputs, TEILHABE_FUZZ_SEED={seed}");
    }
}

fn check(name: &str, target: fn(&[u8]), bytes: &[u8], seed: u64) {
    let before = processor();
    let outcome = catch_unwind(AssertUnwindSafe(|| target(bytes)));
    let took = processor() - before;
    assert!(outcome.is_ok(), "{name}: panicked (above), TEILHABE_FUZZ_SEED={seed}, input {}", HEXLOWER.encode(bytes));
    assert!(took < MOST_TIME, "{name}: took {took:?}, TEILHABE_FUZZ_SEED={seed}, input {}", HEXLOWER.encode(bytes));
}

const TABLES: [&str; 8] = ["children", "entitlements", "calendar", "self_paid", "people", "pickups", "class_list", "bank"];
const TEXTS: [&str; 8] = ["scan", "phone_code", "enrolment_code", "card_number", "cbor", "envelope", "frames", "ndef"];

#[test]
fn signed_documents_survive_what_is_done_to_them() {
    fuzz(|name| !TABLES.contains(&name) && !TEXTS.contains(&name));
}

#[test]
fn tables_and_bank_files_survive_what_is_done_to_them() {
    fuzz(|name| TABLES.contains(&name));
}

#[test]
fn scans_codes_and_envelopes_survive_what_is_done_to_them() {
    fuzz(|name| TEXTS.contains(&name));
}
