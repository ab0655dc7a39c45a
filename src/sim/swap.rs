//! A box is lost and restored by the manual's procedure: from its last backup, or an older one, onto a new box with keys of its own.

use super::counter::remember_hash;
use super::disk::Till;
use super::ledger::Ledger;
use super::money::told_paid;
use super::truth::Green;
use super::world::World;
use super::{Broken, Canary, demand};
use crate::book::entry::Body;
use crate::book::redemption::Redemption;
use crate::terminal::counter::{Answer, Request};
use crate::terminal::restore::Restored;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use std::collections::BTreeMap;

/// The most boxes that are restored in one world.
const MOST: usize = 5;
/// How many meals from before a restore are tried again in the end, at each box.
const PROBED: usize = 12;
/// How many backups are kept of a box.
const KEPT: usize = 3;

/// A backup is made; the oldest gives way.
pub(super) fn back_up(world: &mut World, place: usize) -> Result<(), Broken> {
    let Some(image) = super::disk::image(world, place)? else { return Ok(()) };
    let Some(till) = world.town.tills.get_mut(place) else { return Ok(()) };
    till.backups.push(image);
    if till.backups.len() > KEPT {
        till.backups.remove(0);
    }
    Ok(())
}

/// The box is gone, or it is only taken for gone and goes on beside the new one.
pub(super) fn lose(world: &mut World, place: usize) -> Result<(), Broken> {
    let (old_one, goes_on) = (world.happens(30), world.happens(25));
    let seed = u64::from_be_bytes(world.chance.bytes());
    let Some(till) = world.town.tills.get(place).filter(|till| till.alive && !till.backups.is_empty()) else { return Ok(()) };
    if world.truth.is_copied(&world.town, till.id()) || world.truth.spent.len() >= MOST {
        return Ok(());
    }
    let Some(till) = world.town.tills.get_mut(place) else { return Ok(()) };
    let image = if old_one { till.backups.remove(0) } else { till.backups.remove(till.backups.len() - 1) };
    till.alive = goes_on;
    till.backups.clear();
    let end = image.end;
    let heard = image.heard.clone();
    let (provider, now) = (till.provider, world.now);
    let new = world.town.tills.len();
    let (restored, restored_as) = Till::restored(&mut world.town, image, provider, seed, now)?;
    world.town.tills.push(restored);
    world.truth.heard.extend(heard.into_iter().map(|(office, at)| ((new, office), at)));
    if let (Some(canary @ (Canary::ForgetfulRestore | Canary::GenerousRestore)), Some(till)) = (world.canary, world.town.tills.get_mut(new)) {
        canary.after_restore(till)?;
    }
    continues(world, (place, end), new, &restored_as)?;
    let lost = world.truth.greens.range((place, end + 1)..=(place, u64::MAX)).count();
    world.note(&format!("till {place}: is restored as till {new} from entry {end}, goes on: {goes_on}; {lost} greens after the backup"));
    world.trace.count(if goes_on { "fault: boxes restored while the old one goes on" } else { "fault: boxes lost and restored" });
    if old_one {
        world.trace.count("fault: boxes restored from an old backup");
    }
    for _ in 0..restored_as.entered_again {
        world.trace.count("entries made again by a restored box");
    }
    Ok(())
}

/// What the new box entered again is what was green before and no office has; the rest stays spent.
fn continues(world: &mut World, (old, end): (usize, u64), new: usize, restored: &Restored) -> Result<(), Broken> {
    let ledgers = Ledger::read_all(&world.town, &world.truth)?;
    let cancelled = |world: &World, seq: u64| world.truth.cancelled_by((old, seq)).is_some_and(|by| by <= end);
    let before: Vec<(u64, Green)> = world.truth.greens_of(old).filter(|(seq, _)| *seq <= end).map(|(seq, green)| (seq, green.clone())).collect();
    let mut left: BTreeMap<u64, (Redemption, Green)> = BTreeMap::new();
    for (seq, green) in before {
        if !cancelled(world, seq) {
            left.insert(seq, (redemption(world, old, seq)?, green));
        }
    }
    let entered = redemptions(world, new)?;
    let count = entered.len();
    for (seq, entry) in entered {
        let same = left.iter().find(|(_, (was, _))| Redemption { settles: None, ..was.clone() } == entry).map(|(was, _)| *was);
        let Some((_, green)) = same.and_then(|was| left.remove(&was)) else {
            return Err(Broken::new("a restored box makes again only what was green, and once", format!("till {new}, entry {seq}: {entry:?}")));
        };
        remember_hash(world, new, seq)?;
        world.truth.greens.insert((new, seq), Green { at: world.now, settles: None, ..green });
    }
    for (seq, (_, green)) in &left {
        let at = world.truth.resolve((old, *seq));
        let held = ledgers.get(green.office).is_some_and(|ledger| ledger.lines.contains_key(&at) || ledger.unreadable.contains(&at));
        demand(held, "what no office has is made again by the restored box", || format!("till {old}, entry {seq}: {green:?}"))?;
    }
    demand(count == restored.entered_again, "a restored box says what it did", || format!("{restored:?}, entered {count}"))?;
    let mut spent: BTreeMap<String, u64> = left.into_iter().map(|(seq, (_, green))| (green.slot, seq)).collect();
    spent.extend(world.truth.spent_at(old).map(|(slot, seq)| (slot.to_owned(), seq)));
    world.truth.spent.insert(new, spent);
    let paid = world.town.tills.get_mut(new).map_or(Ok(0), told_paid)?;
    world.truth.paid_before.insert(new, paid);
    held_again(world, (old, end), new, restored)
}

/// Meals that wait for a card wait on the new box as well.
fn held_again(world: &mut World, (old, end): (usize, u64), new: usize, restored: &Restored) -> Result<(), Broken> {
    let settled = |world: &World, held: u64| {
        world
            .truth
            .greens_of(old)
            .any(|(seq, green)| seq <= end && green.settles == Some(held) && world.truth.cancelled_by((old, seq)).is_none_or(|by| by > end))
    };
    let waits: Vec<(u64, usize)> = world.truth.held.range((old, 0)..=(old, end)).map(|(at, child)| (at.1, *child)).collect();
    let mut waits: Vec<usize> = waits.into_iter().filter(|(held, _)| !settled(world, *held)).map(|(_, child)| child).collect();
    let Some(till) = world.town.tills.get_mut(new) else { return Ok(()) };
    let open = till.terminal.open_held().map_err(|error| Broken::unexpected("what is held cannot be read", &error))?;
    let mut found: Vec<usize> = Vec::new();
    for held in &open {
        let child = held.held.alias.strip_prefix("Kind ").and_then(|number| number.parse().ok()).unwrap_or(usize::MAX);
        found.push(child);
        world.truth.held.insert((new, held.held.seq), child);
    }
    waits.sort_unstable();
    found.sort_unstable();
    demand(waits == found && found.len() == restored.held_again, "what is held waits on the restored box", || {
        format!("till {new}: waited {waits:?}, waits {found:?}, {restored:?}")
    })
}

/// What was spent on the boxes before is still refused on those that were restored from their backups.
pub(super) fn spent_stays(world: &mut World) -> Result<(), Broken> {
    for place in 0..world.town.tills.len() {
        if !world.is_alive(place) {
            continue;
        }
        let lunches = world.truth.spent_at(place).filter_map(|(slot, _)| lunch(slot)).collect::<Vec<_>>();
        for (child, day) in lunches.into_iter().rev().take(PROBED) {
            let card = world.town.children.get(child).and_then(|child| child.cards.iter().rfind(|card| card.phone.is_none()));
            let Some(code) = card.map(|card| card.code.clone()) else { continue };
            let request = Request { code, service: Code::parse("lunch"), day: Some(day), months: 1, ..Request::default() };
            let Some(till) = world.town.tills.get_mut(place) else { continue };
            let clock = till.clock(world.now);
            let answer = till.terminal.check(&request, clock).map_err(|error| Broken::unexpected("a till does not look", &error))?;
            world.trace.count("meals from before a restore looked at in the end");
            demand(!matches!(answer, Answer::Accepted(_)), "what was used before a restore is refused after it", || {
                format!("till {place}: child {child}, {day}: {answer:?}")
            })?;
        }
    }
    Ok(())
}

/// Whose lunch a slot is, and of which day.
fn lunch(slot: &str) -> Option<(usize, CivilDay)> {
    let (child, day) = slot.strip_prefix("lunch ")?.split_once(' ')?;
    Some((child.parse().ok()?, CivilDay::parse(day)?))
}

fn redemption(world: &mut World, place: usize, seq: u64) -> Result<Redemption, Broken> {
    let entry = world.town.tills.get_mut(place).map(|till| till.terminal.store().read(|tx| tx.entry(seq)));
    let entry = entry.transpose().map_err(|error| Broken::unexpected("an entry cannot be read", &error))?.flatten();
    match entry.map(|entry| entry.body) {
        Some(Body::Redemption(redemption)) => Ok(redemption),
        other => Err(Broken::new("green is exactly one entry, refused is none", format!("till {place}, entry {seq}: {other:?}"))),
    }
}

fn redemptions(world: &mut World, place: usize) -> Result<Vec<(u64, Redemption)>, Broken> {
    let Some(till) = world.town.tills.get_mut(place) else { return Ok(Vec::new()) };
    let end = till.end()?;
    let mut found = Vec::new();
    for seq in 1..=end {
        let entry = till.terminal.store().read(|tx| tx.entry(seq)).map_err(|error| Broken::unexpected("an entry cannot be read", &error))?;
        if let Some(Body::Redemption(redemption)) = entry.map(|entry| entry.body) {
            found.push((seq, redemption));
        }
    }
    Ok(found)
}
