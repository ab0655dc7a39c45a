//! Terminals and offices talk: by network or by stick, until nobody has anything new to say.

use super::net::{self, Way};
use super::weather::Fault;
use super::world::{Event, World};
use super::{Broken, clerks, demand};
use crate::office::OfficeError;
use crate::terminal::inbound::{CannotTakeIn, TakenIn};
use crate::terminal::outbound::CannotSend;
use crate::words::time::UtcMs;

/// The most rounds of exchange after which everything must be quiet.
const ROUNDS: usize = 30;

/// A box and the office it talks to.
pub(super) type Pair = (usize, usize);

/// A terminal asks all of its offices; the questions are on their way.
pub(super) fn ask(world: &mut World, till: usize) -> Result<(), Broken> {
    if !world.is_alive(till) {
        return Ok(());
    }
    for office in world.town.offices_of(till) {
        ask_office(world, (till, office))?;
    }
    Ok(())
}

fn ask_office(world: &mut World, (place, office): Pair) -> Result<(), Broken> {
    let (Some(till), Some(municipality)) = (world.town.tills.get_mut(place), world.town.offices.get(office)) else { return Ok(()) };
    let clock = till.clock(world.now);
    let bytes = match till.terminal.outbound(&municipality.id, &mut till.chance, clock) {
        Ok(bytes) => bytes,
        Err(CannotSend::Store(_)) if world.faults => {
            world.note(&format!("till {place}: could not ask, the disk failed"));
            world.trace.count("questions stopped by the disk");
            return Ok(());
        }
        Err(error) => return Err(Broken::unexpected("a terminal cannot ask", &error)),
    };
    // Where there is no network, people carry sticks; elsewhere they do so now and then.
    let stick = world.happens(if world.setup.has(Fault::Lost) { 12 } else { 100 }) && world.faults && world.setup.has(Fault::Stick);
    world.trace.count("questions");
    let way = carry(world, &bytes, stick);
    for arrival in way.arrivals {
        let event = Event::Question { till: place, office, bytes: arrival.bytes, cut: arrival.cut, stick };
        world.queue(world.now.plus_ms(arrival.after_ms), event);
    }
    Ok(())
}

/// What becomes of a message.
fn carry(world: &mut World, bytes: &[u8], stick: bool) -> Way {
    let way = if !world.faults {
        net::calm(bytes)
    } else if world.outage.is_some_and(|(from, to)| (from..to).contains(&world.now)) {
        Way { arrivals: Vec::new(), faults: vec!["messages stopped by the outage"] }
    } else if stick {
        net::by_stick(bytes, &world.setup, &mut world.chance)
    } else {
        net::by_network(bytes, &world.setup, &mut world.chance)
    };
    for fault in &way.faults {
        world.trace.count(format!("fault: {fault}"));
    }
    way
}

/// A question arrives; its answer is on its way back.
pub(super) fn question(world: &mut World, (till, office): Pair, bytes: &[u8], cut: bool, stick: bool) -> Result<(), Broken> {
    let fails = world.happens(3) && world.faults && world.setup.has(Fault::OfficeDisk);
    let Some(municipality) = world.town.offices.get_mut(office) else { return Ok(()) };
    municipality.break_disk(u32::from(fails));
    let answered = municipality.office.exchange(bytes, world.now);
    municipality.break_disk(0);
    let answer = match answered {
        Ok(_) if cut => return Err(Broken::new("what was cut is not taken", format!("a question of till {till}"))),
        Ok(answer) => answer,
        Err(_) if cut => return Ok(()),
        Err(OfficeError::Store(_)) if fails => {
            world.note(&format!("office {office}: the disk failed under a question of till {till}"));
            world.trace.count("fault: failing disks of an office");
            return Ok(());
        }
        Err(error) => return Err(Broken::unexpected("the office does not answer", &format!("till {till}: {error}"))),
    };
    world.note(&format!("till {till}: is answered by office {office}"));
    if let (Some(canary), Some(municipality)) = (world.canary, world.town.offices.get(office)) {
        canary.after_intake(&municipality.office)?;
    }
    let way = carry(world, &answer, stick);
    for arrival in way.arrivals {
        let event = Event::Answer { till, office, bytes: arrival.bytes, cut: arrival.cut, stick, written: world.now };
        world.queue(world.now.plus_ms(arrival.after_ms), event);
    }
    Ok(())
}

/// An answer arrives.
pub(super) fn answer(world: &mut World, pair: Pair, bytes: &[u8], (cut, stick): (bool, bool), written: UtcMs) -> Result<(), Broken> {
    let (place, office) = pair;
    let Some(till) = world.town.tills.get_mut(place).filter(|till| till.alive) else { return Ok(()) };
    let clock = till.clock(world.now);
    let taken =
        if stick { till.terminal.take_inbound(bytes, &mut till.chance, clock) } else { till.terminal.take_answer(bytes, &mut till.chance, clock) };
    match taken {
        Ok(_) if cut => Err(Broken::new("what was cut is not taken", format!("an answer for till {place}"))),
        Ok(taken) => taken_in(world, pair, &taken, written),
        Err(_) if cut => Ok(()),
        Err(CannotTakeIn::Store(_)) if world.faults => {
            world.trace.count("answers stopped by the disk");
            Ok(())
        }
        // A question that was asked by a clock in 1970 is soon forgotten; its answer is as good as lost.
        Err(CannotTakeIn::NotAsked) if world.stragglers => {
            world.trace.count("answers to forgotten questions");
            Ok(())
        }
        Err(error) => {
            let clock = clock.rfc3339();
            Err(Broken::unexpected("a terminal does not take an answer in", &format!("till {place}, office {office}, clock {clock}: {error}")))
        }
    }
}

fn taken_in(world: &mut World, (place, office): Pair, taken: &TakenIn, written: UtcMs) -> Result<(), Broken> {
    let TakenIn { confirmed, open, advices, documents, disputed, .. } = *taken;
    world.note(&format!("till {place}: takes in {confirmed} confirmed, {open} open, {advices} advices, {documents} documents, disputed: {disputed}"));
    let copied = world.town.tills.get(place).is_some_and(|till| world.truth.is_copied(&world.town, till.id()));
    demand(copied || (!disputed && open == 0), "no honest terminal is in dispute", || format!("till {place}: {taken:?}"))?;
    if disputed {
        world.trace.count("disputes noticed by a terminal");
    }
    // A batch that waits for a clerk is told anew with every answer, and a status list is made anew every ten minutes; that is no news.
    world.news += confirmed + advices;
    let heard = world.truth.heard.entry((place, office)).or_default();
    *heard = written.max(*heard);
    if taken.more {
        world.queue(world.now.plus_ms(1000), Event::Ask { till: place });
    }
    if let (Some(canary), Some(till), Some(municipality)) = (world.canary, world.town.tills.get_mut(place), world.town.offices.get(office)) {
        canary.after_answer(till, &municipality.office)?;
    }
    Ok(())
}

/// Exchanges and reconciles until no terminal hears anything new.
pub(super) fn until_quiet(world: &mut World) -> Result<(), Broken> {
    for _ in 0..ROUNDS {
        let before = world.news;
        for till in 0..world.town.tills.len() {
            ask(world, till)?;
            world.play(world.now.plus_ms(2_000))?;
        }
        for office in 0..world.town.offices.len() {
            clerks::reconcile(world, office)?;
        }
        if world.news == before {
            return Ok(());
        }
    }
    Err(Broken::new("without faults everything comes to rest", format!("after {ROUNDS} rounds there is still news")))
}

/// After the last exchange every box has sent everything, is admitted, and trusts its clock again.
pub(super) fn check_quiet(world: &mut World) -> Result<(), Broken> {
    let copied: Vec<bool> = world.town.tills.iter().map(|till| world.truth.is_copied(&world.town, till.id())).collect();
    let rejected: Vec<usize> = world.truth.rejected.iter().map(|at| at.0).collect();
    for (place, till) in world.town.tills.iter_mut().enumerate().filter(|(_, till)| till.alive) {
        let status = till.terminal.status(world.now).map_err(|error| Broken::unexpected("a terminal has no status", &error))?;
        // What a clerk has rejected stays unconfirmed for good, and of two boxes with one identity one is always in dispute.
        let copied = copied.get(place).copied().unwrap_or(false);
        let quiet = status.offices.iter().all(|office| {
            let sent = office.pending.entries == 0 || (copied && !rejected.is_empty());
            sent && (copied || !office.disputed) && office.admitted
        });
        let batches = till.terminal.store().read(|tx| tx.stuck_batches());
        demand(quiet, "without faults everything comes to rest", || format!("till {place}: {status:?}, stuck: {batches:?}"))?;
        let ok = status.clock == crate::book::entry::ClockState::Ok;
        demand(ok, "a right clock is trusted again after an exchange", || format!("till {place}: {status:?}"))?;
    }
    Ok(())
}
