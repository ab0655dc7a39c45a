//! What a day brings: who comes where, what people do, and what goes wrong. What may not go wrong in a world is drawn all the same, so
//! that the rest of the world stays as it was when one kind of fault is taken away.

use super::weather::{Fault, Kind};
use super::world::{Event, World};
use crate::words::civil::CivilDay;

/// What clocks are set wrong by, in minutes: a few minutes, hours, a day and more, two months ahead.
const JUMPS_MINUTES: [i64; 8] = [-20, -180, -1500, 20, 60, 90, 1500, 87_000];
/// From any day of these worlds back to before 1972.
const DEAD_BATTERY_MINUTES: i64 = -29_000_000;

/// Plans `day`.
pub(super) fn day(world: &mut World, day: CivilDay) {
    for child in 0..world.town.children.len() {
        visits(world, day, child);
    }
    for till in 0..world.town.tills.len() {
        if world.is_alive(till) {
            work(world, day, till);
            network_and_clock(world, day, till);
            disk(world, day, till);
            house(world, day, till);
        }
        sometimes(world, day, 50, Event::Stranger { till });
    }
    for provider in 0..world.town.providers.len() {
        let cut = if world.setup.has(Fault::Link) { 12 * world.setup.storm() } else { 0 };
        sometimes(world, day, cut, Event::CutLink { provider });
    }
    phones(world, day);
    offices(world, day);
}

/// The tills of a house talk, boxes are backed up, lost and stolen, and power fails.
fn house(world: &mut World, day: CivilDay, till: usize) {
    let kitchens = world.setup.world == Kind::Kitchens;
    let often = |fault: Fault, percent: u32| if world.setup.has(fault) { percent } else { 0 };
    let (lost, stolen, power) =
        (often(Fault::LostBox, if kitchens { 6 } else { 1 }), often(Fault::Stolen, if kitchens { 4 } else { 1 }), often(Fault::TornWrite, 4));
    for _ in 0..2 {
        let at = day.at_minute(7 * 60 + world.chance.below(12 * 60));
        world.queue(at, Event::Round { till });
    }
    sometimes(world, day, if kitchens { 60 } else { 15 }, Event::Chip { till });
    sometimes(world, day, if lost > 0 { 50 } else { 0 }, Event::BackUp { till });
    sometimes(world, day, lost, Event::Lose { till });
    sometimes(world, day, stolen, Event::Retire { till });
    let child = world.one_of(world.town.children.len());
    sometimes(world, day, power, Event::PowerFails { till, child });
}

/// In some families somebody has a phone.
fn phones(world: &mut World, day: CivilDay) {
    let share = if world.setup.world == Kind::Kitchens { 2 } else { 4 };
    for child in (0..world.town.children.len()).step_by(share) {
        sometimes(world, day, 30, Event::Phone { child });
    }
}

fn visits(world: &mut World, day: CivilDay, child: usize) {
    let Some((office, only)) = world.town.children.get(child).map(|child| (child.office, child.only)) else { return };
    // On a day without school a lunch is a finding, with or without network.
    let stays_home = !world.setup.has_rulings() && day.days() - day.iso_week().monday().days() > 4;
    for _ in 0..if stays_home { 0 } else { world.chance.below(4) } {
        let anywhere = world.happens(8) && only.is_none();
        let fits = |world: &World, till: usize| {
            let provider = world.town.tills.get(till).map_or(usize::MAX, |till| till.provider);
            only.map_or(anywhere || world.town.number(provider, office).is_some(), |only| only == provider)
        };
        let tills: Vec<usize> = (0..world.town.tills.len()).filter(|till| world.is_alive(*till) && fits(world, *till)).collect();
        let minute = 11 * 60 + world.chance.below(7 * 60);
        let at = day.at_minute(minute).plus_ms(world.chance.below(60_000).into());
        let place = world.one_of(tills.len());
        if let Some(till) = tills.get(place).copied() {
            world.queue(at, Event::Visit { till, child });
        }
    }
}

fn sometimes(world: &mut World, day: CivilDay, percent: u32, event: Event) {
    let at = day.at_minute(8 * 60 + world.chance.below(12 * 60));
    if world.happens(percent) {
        world.queue(at, event);
    }
}

fn work(world: &mut World, day: CivilDay, till: usize) {
    for _ in 0..1 + world.chance.below(3) {
        let at = day.at_minute(6 * 60 + world.chance.below(18 * 60));
        world.queue(at, Event::Ask { till });
    }
    sometimes(world, day, 60, Event::Cancel { till });
    sometimes(world, day, 60, Event::SettleHeld { till });
}

fn network_and_clock(world: &mut World, day: CivilDay, till: usize) {
    let storm = world.setup.storm();
    let (jumps, minutes) = (world.happens(10 * storm), world.one_of(JUMPS_MINUTES.len()));
    let (dies, at, later) = (world.happens(2 * storm), 7 * 60 + world.chance.below(10 * 60), world.chance.below(12 * 3600));
    let minutes = match (jumps && world.setup.has(Fault::ClockJump), dies && world.setup.has(Fault::DeadBattery)) {
        (_, true) => DEAD_BATTERY_MINUTES,
        (true, _) => JUMPS_MINUTES.get(minutes).copied().unwrap_or(0),
        _ => return,
    };
    let at = day.at_minute(at);
    world.queue(at, Event::ClockJump { till, offset_ms: minutes * 60_000 });
    world.queue(at.plus_ms(u64::from(later) * 1000), Event::ClockJump { till, offset_ms: 0 });
}

fn disk(world: &mut World, day: CivilDay, till: usize) {
    let storm = world.setup.storm();
    let mut draw = |fault: Fault, percent: u32| {
        let (happens, at) = (world.happens(percent), day.at_minute(10 * 60 + world.chance.below(9 * 60)));
        (happens && world.setup.has(fault)).then_some(at)
    };
    let (fails, full, crash) = (draw(Fault::FailedCommit, 25 * storm), draw(Fault::FullDisk, 3 * storm), draw(Fault::Crash, 8 * storm));
    let images = draw(Fault::OldImage, 30);
    let (commits, hours, child, in_commit) = (1 + world.chance.below(5), 1 + world.chance.below(8), world.chance.below(1000), world.happens(60));
    let pages = world.chance.below(4);
    if let Some(at) = fails {
        world.queue(at, Event::DiskFails { till, commits });
        world.queue(at.plus_ms(3_600_000), Event::DiskWorks { till });
    }
    if let Some(at) = full {
        world.queue(at, Event::DiskFills { till, pages });
        world.queue(at.plus_ms(u64::from(hours) * 3_600_000), Event::DiskWorks { till });
    }
    if let Some(at) = crash {
        let child = child as usize % world.town.children.len().max(1);
        world.queue(at, Event::Crash { till, child, in_commit });
    }
    if let Some(at) = images {
        world.queue(at, Event::TakeImage { till });
    }
    let (old, clones) = world.setup.copies();
    let mut draw = |fault: Fault, percent: u32| {
        let (happens, at) = (world.happens(percent), day.at_minute(8 * 60 + world.chance.below(12 * 60)));
        (happens && world.setup.has(fault)).then_some(at)
    };
    let (put_back, cloned) = (draw(Fault::OldImage, old), draw(Fault::Clone, clones));
    if let Some(at) = put_back {
        world.queue(at, Event::PutImageBack { till });
    }
    if let Some(at) = cloned {
        world.queue(at, Event::Clone { till });
    }
}

fn offices(world: &mut World, day: CivilDay) {
    let children = world.town.children.len();
    let child = world.one_of(children);
    sometimes(world, day, 40, Event::Stop { child });
    let child = world.one_of(children);
    sometimes(world, day, 15, Event::Suspend { child });
    for child in 0..children {
        if world.town.children.get(child).is_some_and(|child| child.waits.is_some()) {
            sometimes(world, day, 15, Event::Approve { child });
        }
    }
    for office in 0..world.town.offices.len() {
        sometimes(world, day, 15, Event::Price { office });
        sometimes(world, day, 30, Event::Bank { office });
        sometimes(world, day, 10, Event::Key { office });
        for _ in 0..1 + world.chance.below(2) {
            let at = day.at_minute(7 * 60 + world.chance.below(16 * 60));
            world.queue(at, Event::Office { office });
        }
    }
}
