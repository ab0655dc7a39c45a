//! A scene is played once to count its writes, then once for each write and fault, each time on a fresh copy of the same folder.

use super::program::{Fault, Plan, Stage};
use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use teilhabe::words::chance::Chance;

/// What is tried.
pub trait Scene: Sync {
    /// What the client was told.
    type Told;

    /// Its name in the table of figures.
    fn name(&self) -> &'static str;

    /// Plays it on `stage`, whose plan is at work as far as the scene arms it.
    fn play(&self, stage: &Stage) -> Self::Told;

    /// Starts again without any fault and looks whether all is as it was told. Panics where it is not.
    fn check(&self, dir: &Path, plan: Plan, told: Self::Told);
}

/// How long the short run goes on with one scene.
const SHORT: Duration = Duration::from_secs(8);

/// For how long a scene goes on: until everything was tried, at most as many seconds as `TEILHABE_CRASH_ALL` says, or for a short while.
fn patience() -> Duration {
    let seconds = std::env::var("TEILHABE_CRASH_ALL").ok();
    seconds.map_or(SHORT, |text| Duration::from_secs(text.parse().expect("TEILHABE_CRASH_ALL is a number of seconds")))
}

/// The seed of this run.
pub fn seed() -> u64 {
    match std::env::var("TEILHABE_CRASH_SEED") {
        Ok(text) => text.parse().expect("TEILHABE_CRASH_SEED is a number"),
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs(),
    }
}

/// A place where flushing costs nothing, if there is one: what is tried here is the program, not the disk.
pub fn place() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder")
}

/// Copies a folder with everything in it.
pub fn copy(from: &Path, into: &Path) {
    fs::create_dir(into).expect("a new folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("its entry");
        let target = into.join(entry.file_name());
        if entry.file_type().expect("its kind").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).expect("copied");
        }
    }
}

/// Which plans are tried: all where the run is exhaustive, else in an order drawn by the seed, as many as the time allows.
fn plans(writes: u64, seed: u64) -> Vec<Plan> {
    let mut chance = Chance::seeded(seed);
    let mut plans = Vec::new();
    for at in 1..=writes {
        for fault in Fault::ALL {
            plans.push(Plan { fault, at, last: at, seed: u64::from_be_bytes(chance.bytes()), lies: false });
            if fault.is_error() {
                // It does not pass by itself.
                plans.push(Plan { fault, at, last: u64::MAX, seed: 0, lies: false });
            }
        }
    }
    for at in (1..plans.len()).rev() {
        let other = (u64::from_be_bytes(chance.bytes()) % (at as u64 + 1)) as usize;
        plans.swap(at, other);
    }
    plans
}

/// Plays `scene` on copies of `template` with everything that may go wrong.
pub fn try_all<S: Scene>(scene: &S, template: &Path) {
    let (seed, began) = (seed(), Instant::now());
    let place = place();
    let writes = {
        let dir = place.path().join("count");
        copy(template, &dir);
        let stage = Stage::new(dir, Plan::COUNT);
        let told = scene.play(&stage);
        scene.check(&stage.dir, Plan::COUNT, told);
        stage.count()
    };
    assert!(writes > 0, "{}: no write was counted: the shim is not at work", scene.name());
    let plans = plans(writes, seed);
    let (next, hit, failures) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    let played = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while began.elapsed() < patience() {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(plan) = plans.get(number) else { return };
                    let was_hit = catch_unwind(AssertUnwindSafe(|| play_one(scene, template, place.path().join(number.to_string()), *plan)));
                    played.fetch_add(1, Ordering::SeqCst);
                    match was_hit {
                        Ok(was_hit) => hit.fetch_add(usize::from(was_hit), Ordering::SeqCst),
                        Err(_) => {
                            failures.lock().expect("not poisoned").push(*plan);
                            0
                        }
                    };
                }
            });
        }
    });
    let (played, hit, failures) = (played.into_inner(), hit.into_inner(), failures.into_inner().expect("not poisoned"));
    figure(&format!(
        "| {} | {writes} | {played} of {} | {hit} | {} | {} s | {seed} |",
        scene.name(),
        plans.len(),
        failures.len(),
        began.elapsed().as_secs()
    ));
    assert!(failures.is_empty(), "{}: TEILHABE_CRASH_SEED={seed}, {} of {played} failed: {failures:?}", scene.name(), failures.len());
    assert!(hit > 0, "{}: nothing that was planned has happened", scene.name());
}

/// Whether `scene` notices what `plan` does to it.
pub fn is_noticed<S: Scene>(scene: &S, template: &Path, plan: Plan) -> bool {
    let place = place();
    catch_unwind(AssertUnwindSafe(|| play_one(scene, template, place.path().join("canary"), plan))).is_err()
}

fn play_one<S: Scene>(scene: &S, template: &Path, dir: PathBuf, plan: Plan) -> bool {
    copy(template, &dir);
    let stage = Stage::new(dir, plan);
    let told = scene.play(&stage);
    let was_hit = stage.was_hit();
    scene.check(&stage.dir, plan, told);
    fs::remove_dir_all(&stage.dir).expect("removed");
    was_hit
}

/// A row of the table in `docs/RELIABILITY.md`.
pub fn figure(row: &str) {
    println!("{row}");
    if let Some(path) = std::env::var_os("TEILHABE_CRASH_FIGURES") {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path).expect("the table");
        writeln!(file, "{row}").expect("the table");
    }
}
