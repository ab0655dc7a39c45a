//! A long noon: four tills at one terminal, killed or cut off from power again and again in the middle, at a write drawn by the seed.

use super::program::{Fault, Plan, Serving, Stage, Told, plain};
use super::scene::{figure, place, seed};
use super::town::{self, Card, arg, goes_on_to_the_end, meals};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use teilhabe::words::chance::Chance;

const TILLS: usize = 4;
/// Cards served before a round's fault, at most.
const A_ROUND: u32 = 60;

fn serving(stage: Option<&Stage>, dir: &Path) -> Option<Serving> {
    let mut command = stage.map_or_else(|| plain(&[]), |stage| stage.program(&[]));
    command.args(["terminal", "serve", "--listen", "127.0.0.1:0", "--no-exchange", "--json", "--data", &arg(dir, "box")]);
    Serving::start(command, &dir.join("box"))
}

/// All tills ask, each for the next child, until no answer comes any more or `last` children were asked for.
fn noon(server: Serving, cards: &Arc<Vec<Card>>, next: &Arc<AtomicUsize>, last: usize, told: &Arc<Mutex<BTreeMap<usize, u64>>>) {
    let server = Arc::new(server);
    std::thread::scope(|scope| {
        for _ in 0..TILLS {
            scope.spawn(|| {
                loop {
                    let child = next.fetch_add(1, Ordering::SeqCst);
                    if child >= last {
                        return;
                    }
                    match server.redeem(&cards[child].code, &format!("ask-{child}")) {
                        Told::Green(seq) => told.lock().expect("not poisoned").insert(child, seq),
                        // The disk was full: the page would ask again, and so does the next round.
                        Told::Problem(503, _) => continue,
                        Told::Problem(status, detail) => panic!("child {child}: {status} {detail}"),
                        Told::Nothing => return,
                    };
                }
            });
        }
    });
}

/// What was shown green is in exactly one entry, and nobody is in the journal who did not ask.
fn compare(dir: &Path, cards: &[Card], told: &BTreeMap<usize, u64>, asked: usize, why: &str) {
    let meals = meals(dir);
    for (child, seq) in told {
        assert_eq!(meals.get(&cards[*child].handle), Some(&vec![*seq]), "{why}: child {child} was shown green as entry {seq}");
    }
    assert!(meals.values().all(|entries| entries.len() == 1), "{why}: one child, one lunch");
    let known = |handle: &[u8; 8]| cards.iter().take(asked).any(|card| card.handle == *handle);
    assert!(meals.keys().all(known), "{why}: an entry nobody asked for");
}

#[test]
fn a_long_noon_with_the_plug_pulled_again_and_again() {
    let rounds: usize = if std::env::var_os("TEILHABE_CRASH_ALL").is_some() { 60 } else { 8 };
    let (seed, began) = (seed(), Instant::now());
    let mut chance = Chance::seeded(seed ^ 0x10e6);
    let place = place();
    let dir = place.path().join("town");
    std::fs::create_dir(&dir).expect("a folder");
    let cards = Arc::new(town::make(&dir, rounds * A_ROUND as usize));
    let (next, told) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(BTreeMap::new())));
    let (mut hits, mut writes, mut asked) = (0, 0, 0);
    for round in 0..rounds {
        let fault = Fault::ALL[chance.below(5) as usize];
        let at = u64::from(1 + chance.below(8 * A_ROUND));
        let plan = Plan { fault, at, last: at, seed: u64::from_be_bytes(chance.bytes()), lies: false };
        let why = format!("TEILHABE_CRASH_SEED={seed}, round {round}, {plan:?}");
        let stage = Stage::new(dir.clone(), plan);
        let server = serving(Some(&stage), &dir).unwrap_or_else(|| panic!("{why}: it serves"));
        stage.arm();
        let from = asked;
        next.store(from, Ordering::SeqCst);
        let last = from + A_ROUND as usize;
        noon(server, &cards, &next, last, &told);
        stage.calm();
        asked = last.min(next.load(Ordering::SeqCst));
        (hits, writes) = (hits + u64::from(stage.was_hit()), writes + stage.count());
        compare(&dir, &cards, &told.lock().expect("not poisoned"), asked, &why);
    }
    let told = told.lock().expect("not poisoned").clone();
    assert!(told.len() > rounds * 5 && hits > 0, "TEILHABE_CRASH_SEED={seed}: only {} answers came, {hits} faults", told.len());
    let server = serving(None, &dir).expect("it serves");
    for (child, card) in cards.iter().enumerate().take(asked) {
        let again = server.redeem(&card.code, &format!("ask-{child}"));
        let Told::Green(seq) = again else { panic!("TEILHABE_CRASH_SEED={seed}, child {child}: {again:?}") };
        assert!(told.get(&child).is_none_or(|before| *before == seq), "child {child}: first {:?}, then {seq}", told.get(&child));
    }
    drop(server);
    goes_on_to_the_end(&dir, asked as u64);
    figure(&format!(
        "| a long noon: {TILLS} tills, {rounds} rounds, {} green, {asked} asked | {writes} | {rounds} | {hits} | 0 | {} s | {seed} |",
        told.len(),
        began.elapsed().as_secs()
    ));
}
