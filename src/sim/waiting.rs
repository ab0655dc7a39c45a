//! Batches that wait for a clerk: gaps and forks of boxes that were copied. During the days a clerk decides now and then, rejecting
//! some; in the end all are taken over, and the boxes go on.

use super::exchange;
use super::world::World;
use super::{Broken, demand};
use crate::intake::open::open;
use crate::office::{BatchChoice, look_at_waiting};
use crate::shell::store::sql;
use crate::words::ids::Hash;
use crate::words::keys::PublicKey;

/// The most rounds after which nothing may wait any more.
const ROUNDS: usize = 12;

/// A clerk looks at what waits at an office.
pub(super) fn look(world: &mut World, office: usize) -> Result<(), Broken> {
    for batch in waiting(world, office)? {
        if world.happens(60) {
            let choice = if world.happens(20) { BatchChoice::Reject } else { BatchChoice::Take };
            decide(world, office, batch, choice)?;
        }
    }
    Ok(())
}

/// Everything is exchanged, and every batch that waits is taken over, until none waits.
pub(super) fn settle_all(world: &mut World) -> Result<(), Broken> {
    for _ in 0..ROUNDS {
        exchange::until_quiet(world)?;
        let mut decided = 0;
        for office in 0..world.town.offices.len() {
            for batch in waiting(world, office)? {
                demand(world.setup.has_rulings(), "an outage is reconciled without a clerk", || format!("office {office}: a batch waits"))?;
                decided += 1;
                decide(world, office, batch, BatchChoice::Take)?;
            }
        }
        if decided == 0 {
            return Ok(());
        }
    }
    Err(Broken::new("when faults stop, nothing waits", format!("after {ROUNDS} rounds batches still wait")))
}

fn waiting(world: &World, office: usize) -> Result<Vec<Hash>, Broken> {
    let Some(municipality) = world.town.offices.get(office) else { return Ok(Vec::new()) };
    let sql = "SELECT hash FROM batch WHERE reason IS NOT NULL AND id NOT IN (SELECT batch FROM batch_decision) ORDER BY id";
    let read = || -> sql::Result<Vec<Hash>> {
        let mut statement = municipality.office.db().prepare_cached(sql)?;
        statement.query_map([], |row| row.get(0).map(Hash))?.collect()
    };
    read().map_err(|error| Broken::unexpected("what waits cannot be read", &error))
}

fn decide(world: &mut World, office: usize, batch: Hash, choice: BatchChoice) -> Result<(), Broken> {
    let now = world.now;
    let Some(municipality) = world.town.offices.get_mut(office) else { return Ok(()) };
    let seen = look_at_waiting(municipality.office.db(), batch).map_err(|error| Broken::unexpected("a batch cannot be looked at", &error))?;
    // Deciding on one may have let in or covered another.
    let Some(seen) = seen else { return Ok(()) };
    if choice == BatchChoice::Reject {
        reject(world, office, batch)?;
    }
    let Some(municipality) = world.town.offices.get_mut(office) else { return Ok(()) };
    let decided = municipality.office.decide_batch(batch, choice, "angesehen", "Anna", now);
    decided.map_err(|error| Broken::unexpected("a clerk cannot decide on a batch", &format!("{choice:?} {seen:?}: {error}")))?;
    world.note(&format!("office {office}: {choice:?} a batch, {:?}, {} lines, {} held", seen.situation, seen.lines, seen.held));
    world.trace.count(format!("batches: {choice:?} ({})", format!("{:?}", seen.situation).split(' ').next().unwrap_or_default()));
    Ok(())
}

/// Notes whose entries may now stay out of the ledger.
fn reject(world: &mut World, office: usize, batch: Hash) -> Result<(), Broken> {
    let Some(municipality) = world.town.offices.get(office) else { return Ok(()) };
    let sql = "SELECT b.bytes, t.key FROM batch b JOIN terminal t ON t.id = b.terminal WHERE b.hash = ?1";
    let row = municipality.office.db().query_row(sql, [batch.0], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, [u8; 32]>(1)?)));
    let (bytes, key) = row.map_err(|error| Broken::unexpected("a batch that waits cannot be read", &error))?;
    let opened = PublicKey::from_bytes(&key).and_then(|key| open(&bytes, &key).ok());
    let opened = opened.ok_or_else(|| Broken::new("nothing fails without a cause", "a batch that waits cannot be opened"))?;
    let hashes = opened.batch().lines().map(|(_, hash, _)| hash);
    world.truth.rejected.extend(hashes.filter_map(|hash| world.truth.by_hash.get(&hash).copied()));
    Ok(())
}
