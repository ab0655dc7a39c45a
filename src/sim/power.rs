//! Power fails in the middle of a write to a real database file: of each block that was not flushed, the old or the new is on the disk.
//! What somebody saw as green was flushed before; what was under way is there whole or not at all.

use super::counter;
use super::disk::Till;
use super::weather::Fault;
use super::world::World;
use super::{Broken, Canary, demand};
use crate::shell::store::terminal::TerminalStore;
use crate::terminal::counter::Request;
use crate::words::chance::Chance;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What a disk writes as one.
const BLOCK: usize = 512;
/// The head of a write-ahead log in bytes.
const HEAD: usize = 32;
const DATABASE: &str = "terminal.db";
const LOG: &str = "terminal.db-wal";

/// What stands in the two files of a database.
#[derive(Clone, Default, PartialEq)]
struct Files {
    database: Vec<u8>,
    log: Vec<u8>,
}

impl Files {
    fn read(dir: &Path) -> Result<Self, Broken> {
        let read = |name: &str| match fs::read(dir.join(name)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other.map_err(failed),
        };
        Ok(Self { database: read(DATABASE)?, log: read(LOG)? })
    }

    fn write(&self, dir: &Path) -> Result<(), Broken> {
        fs::create_dir_all(dir).map_err(failed)?;
        fs::write(dir.join(DATABASE), &self.database).map_err(failed)?;
        fs::write(dir.join(LOG), &self.log).map_err(failed)
    }
}

/// A folder that is gone afterwards; in memory where the system has such a place.
struct Room(PathBuf);

impl Room {
    fn new() -> Result<Self, Broken> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let place = Some(PathBuf::from("/dev/shm")).filter(|dir| dir.is_dir()).unwrap_or_else(std::env::temp_dir);
        let dir = place.join(format!("teilhabe-sim-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(&dir).map_err(failed)?;
        Ok(Self(dir))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // What cannot be removed is in nobody's way: the next one has another name.
        drop(fs::remove_dir_all(&self.0));
    }
}

fn failed(error: impl std::fmt::Display) -> Broken {
    Broken::unexpected("a simulated disk", &error)
}

/// A box works on a disk for a while; then the power fails in the middle of a write, and it is started again.
pub(super) fn fails(world: &mut World, place: usize, child: usize) -> Result<(), Broken> {
    let torn = world.setup.has(Fault::TornWrite);
    if !torn || !world.is_alive(place) {
        return Ok(());
    }
    let room = Room::new()?;
    let disk = room.0.join("disk");
    onto(world, place, &disk)?;
    let children = world.town.children.len().max(1);
    for number in 0..1 + world.chance.below(3) as usize {
        counter::visit(world, place, (child + number) % children)?;
    }
    let checkpointed = world.happens(40);
    if checkpointed {
        checkpoint(world, place)?;
    }
    // The canary is a disk that says it has flushed and has not: what the last child was shown is not on it.
    let lies = world.canary == Some(Canary::LyingDisk);
    let mut before = Files::read(&disk)?;
    if lies {
        counter::visit(world, place, (child + 4) % children)?;
    }
    let shown = end(world, place)?;
    if !lies {
        before = Files::read(&disk)?;
    }
    let asked = under_way(world, place, (child + 7) % children)?;
    let whole = end(world, place)?;
    // Where the log is whole, its pages were on their way into the database.
    let in_checkpoint = world.happens(25);
    if in_checkpoint && !lies {
        before.log = Files::read(&disk)?.log;
        checkpoint(world, place)?;
    }
    let after = Files::read(&disk)?;
    let left = left_over(&before, &after, in_checkpoint && !lies, &mut world.chance);
    let kind = match (left == before, left == after) {
        (true, _) => "fault: power cuts before a write",
        (_, true) => "fault: power cuts after a write",
        _ if in_checkpoint => "fault: power cuts in a checkpoint",
        _ => "fault: power cuts in a torn log",
    };
    let torn_disk = room.0.join("torn");
    left.write(&torn_disk)?;
    start_again(world, place, &torn_disk)?;
    let found = end(world, place)?;
    // Claims are sealed office by office, each by a commit of its own.
    let seals = asked.is_none() && (shown..=whole).contains(&found);
    let allowed = found == whole || !in_checkpoint && (found == shown || seals);
    demand(allowed || lies, "what was under way is there whole or not at all", || {
        format!("till {place}: {shown} entries were shown, {whole} written, {found} found")
    })?;
    world.note(&format!("till {place}: {kind}, {found} of {whole} entries are there"));
    world.trace.count(kind);
    match asked {
        Some(request) => counter::again(world, place, &request),
        None => Ok(()),
    }
}

/// The box goes on over a file.
fn onto(world: &mut World, place: usize, dir: &Path) -> Result<(), Broken> {
    let now = world.now;
    let Some(till) = world.town.tills.get_mut(place) else { return Ok(()) };
    fs::create_dir_all(dir).map_err(failed)?;
    let path = dir.join(DATABASE);
    till.terminal.store().copy_to(&path).map_err(failed)?;
    let store = TerminalStore::open(&path).map_err(failed)?;
    till.restart(store, now)
}

/// The box is started over what is on the disk, and goes on in memory as before.
fn start_again(world: &mut World, place: usize, dir: &Path) -> Result<(), Broken> {
    let now = world.now;
    let Some(till) = world.town.tills.get_mut(place) else { return Ok(()) };
    let store = TerminalStore::open(&dir.join(DATABASE))
        .map_err(|error| Broken::new("after a power cut the box starts", format!("till {place}: {error}")))?;
    let store = store.copy_in_memory().map_err(failed)?;
    till.restart(store, now)?;
    let whole = till.terminal.verify();
    demand(whole.is_ok(), "after a power cut the journal is whole", || format!("till {place}: {whole:?}"))
}

fn end(world: &mut World, place: usize) -> Result<u64, Broken> {
    world.town.tills.get_mut(place).map_or(Ok(0), Till::end)
}

fn checkpoint(world: &mut World, place: usize) -> Result<(), Broken> {
    let Some(till) = world.town.tills.get_mut(place) else { return Ok(()) };
    till.terminal.store().connection().query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).map_err(failed)
}

/// What is being written when the power fails: a scan whose answer nobody sees, or a claim that is never sent.
fn under_way(world: &mut World, place: usize, child: usize) -> Result<Option<Box<Request>>, Broken> {
    let sealing = world.happens(35);
    let request = if sealing { None } else { counter::request(world, place, child) };
    let now = world.now;
    let offices = world.town.offices_of(place);
    let ids: Vec<_> = offices.iter().filter_map(|office| world.town.offices.get(*office)).map(|municipality| municipality.id.clone()).collect();
    let Some(till) = world.town.tills.get_mut(place) else { return Ok(None) };
    let clock = till.clock(now);
    match request {
        Some(request) => {
            // Nobody sees the answer; whatever it is, the same is given when the same is asked again.
            drop(till.terminal.redeem(&request, &mut till.chance, clock));
            Ok(Some(Box::new(request)))
        }
        None => {
            for id in &ids {
                drop(till.terminal.outbound(id, &mut till.chance, clock));
            }
            Ok(None)
        }
    }
}

/// What is on the disk: of what was written and not flushed, each block is there or not. In a checkpoint the log is flushed and whole,
/// and the database is being written; before it, only the log is.
fn left_over(before: &Files, after: &Files, in_checkpoint: bool, chance: &mut Chance) -> Files {
    if in_checkpoint {
        return Files { database: mixed(&before.database, &after.database, chance), log: before.log.clone() };
    }
    if before.database != after.database {
        // The commit ended, and a checkpoint began by itself: the log is whole.
        return Files { database: mixed(&before.database, &after.database, chance), log: after.log.clone() };
    }
    Files { database: before.database.clone(), log: torn_log(&before.log, &after.log, chance) }
}

/// A log that begins anew has its new head flushed before anything else is written into it.
fn torn_log(before: &[u8], after: &[u8], chance: &mut Chance) -> Vec<u8> {
    let begins_anew = before.get(..HEAD) != after.get(..HEAD) && !before.is_empty();
    let mut left = mixed(before, after, chance);
    if begins_anew && chance.below(100) < 20 {
        left = before.to_vec();
    }
    if begins_anew && left != before {
        for (byte, new) in left.iter_mut().zip(after).take(HEAD) {
            *byte = *new;
        }
    }
    left
}

fn mixed(before: &[u8], after: &[u8], chance: &mut Chance) -> Vec<u8> {
    let longer = before.len().max(after.len());
    // The length is written, too: blocks beyond it are not there, blocks before it that were never written are empty.
    let length = if chance.below(2) == 0 { longer } else { before.len() + chance.below((longer - before.len()).max(1) as u32 + 1) as usize };
    let share = chance.below(101);
    let mut left = vec![0; length.min(longer)];
    for (place, block) in left.chunks_mut(BLOCK).enumerate() {
        let from = if chance.below(100) < share { after } else { before };
        for (offset, byte) in block.iter_mut().enumerate() {
            *byte = from.get(place * BLOCK + offset).copied().unwrap_or(0);
        }
    }
    left
}
