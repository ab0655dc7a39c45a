//! The network of a house: tills of one provider tell each other what they have redeemed. Messages are lost, doubled and late, the
//! link is cut and heals; a box that was retired is told nothing more.

use super::weather::{Fault, Kind};
use super::world::{Event, World};
use super::{Broken, Canary, chips, demand};
use crate::terminal::counter::{Answer, Request};
use crate::terminal::neighbours::{CannotTalk, Heard, Peer};
use crate::words::code::Code;
use crate::words::time::UtcMs;
use std::collections::{BTreeMap, BTreeSet};

/// The most rounds of talk after which all tills of a house know the same.
const ROUNDS: usize = 8;
/// How many of the last meals of each till are held against its neighbours' answers in the end.
const PROBED: usize = 6;

/// The houses whose tills are linked.
#[derive(Debug, Default)]
pub(super) struct Lan {
    /// Providers with a network between their tills.
    houses: BTreeSet<usize>,
    /// Until when the link of a house is cut.
    cut: BTreeMap<usize, UtcMs>,
    /// As what the first till knows the second, by office.
    met: BTreeMap<(usize, usize), Vec<(Peer, usize)>>,
    /// Talks that are under way already.
    planned: BTreeSet<(usize, usize)>,
}

/// A message on its way between two tills.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub from: usize,
    pub to: usize,
    peer: Peer,
    /// The office as whose terminals they talk.
    office: usize,
    bytes: Vec<u8>,
    /// The sender's last entry when it was written.
    end: u64,
    is_answer: bool,
}

/// Links the tills of some houses.
pub(super) fn set_up(world: &mut World) {
    let share = match world.setup.world {
        Kind::Kitchens => 100,
        // Its houses have many tills, and each talks with each.
        Kind::ManyTowns => 12,
        _ => 40,
    };
    for provider in 0..world.town.providers.len() {
        if world.happens(share) && world.setup.world != Kind::Sticks {
            world.lan.houses.insert(provider);
        }
    }
}

/// The other tills of the house that are at work.
fn others(world: &World, place: usize) -> Vec<usize> {
    let Some(provider) = world.town.tills.get(place).map(|till| till.provider).filter(|provider| world.lan.houses.contains(provider)) else {
        return Vec::new();
    };
    (0..world.town.tills.len())
        .filter(|other| *other != place && world.is_alive(*other) && world.town.tills.get(*other).is_some_and(|till| till.provider == provider))
        .collect()
}

/// Something was recorded or taken back here: the neighbours are told at once.
pub(super) fn news(world: &mut World, place: usize) {
    for other in others(world, place) {
        plan(world, place, other, 20 + u64::from(other as u32 % 7) * 30);
    }
}

/// A till talks with all of its neighbours.
pub(super) fn round(world: &mut World, place: usize) {
    news(world, place);
}

fn plan(world: &mut World, from: usize, to: usize, after_ms: u64) {
    if world.lan.planned.insert((from, to)) {
        let at = world.now.plus_ms(after_ms);
        world.queue(at, Event::Talk { from, to });
    }
}

/// The link of a house is cut for some hours.
pub(super) fn cut(world: &mut World, provider: usize) {
    let until = world.now.plus_ms(u64::from(1 + world.chance.below(30)) * 1_800_000);
    if world.lan.houses.contains(&provider) {
        world.lan.cut.insert(provider, until);
        world.note(&format!("house {provider}: the link between the tills is cut until {}", until.rfc3339()));
        world.trace.count("fault: links cut");
    }
}

/// After how many milliseconds a message arrives: never, once or twice.
fn carry(world: &mut World, from: usize) -> Vec<u64> {
    let provider = world.town.tills.get(from).map_or(usize::MAX, |till| till.provider);
    if !world.faults {
        return vec![1];
    }
    if world.lan.cut.get(&provider).is_some_and(|until| world.now < *until) {
        world.trace.count("fault: tellings stopped by a cut link");
        return Vec::new();
    }
    let storm = world.setup.storm();
    let (lost, doubled, late, seconds) = (world.happens(5 * storm), world.happens(5 * storm), world.happens(5 * storm), world.chance.below(7200));
    if !world.setup.has(Fault::Link) {
        return vec![5];
    }
    let after = if late { 1000 * u64::from(seconds) } else { 5 };
    for (happens, what) in [(lost, "fault: tellings lost"), (doubled && !lost, "fault: tellings doubled"), (late && !lost, "fault: tellings late")] {
        if happens {
            world.trace.count(what);
        }
    }
    match (lost, doubled) {
        (true, _) => Vec::new(),
        (false, true) => vec![after, after + 3000],
        (false, false) => vec![after],
    }
}

fn send(world: &mut World, word: &Word) {
    for after in carry(world, word.from) {
        let at = world.now.plus_ms(after);
        world.queue(at, Event::Word(Box::new(word.clone())));
    }
}

/// One till asks another, after they have met.
pub(super) fn talk(world: &mut World, from: usize, to: usize) -> Result<(), Broken> {
    world.lan.planned.remove(&(from, to));
    let retired = world.truth.retired.contains_key(&from);
    if !(world.is_alive(from) || retired) || !world.is_alive(to) {
        return Ok(());
    }
    meet(world, from, to)?;
    for (peer, office) in world.lan.met.get(&(from, to)).cloned().unwrap_or_default() {
        let Some(till) = world.town.tills.get_mut(from) else { return Ok(()) };
        let (clock, end) = (till.clock(world.now), till.end()?);
        match till.terminal.tell_neighbour(peer, Some(8444), &mut till.chance, clock) {
            Ok(bytes) => {
                world.trace.count("tellings");
                send(world, &Word { from, to, peer, office, bytes, end, is_answer: false });
            }
            Err(error) => excused(world, (from, to), &error)?,
        }
    }
    Ok(())
}

fn meet(world: &mut World, from: usize, to: usize) -> Result<(), Broken> {
    let known = world.lan.met.get(&(from, to)).map_or(0, Vec::len);
    let common = world.town.offices_of(from).len();
    if known >= common || carry(world, from).is_empty() {
        return Ok(());
    }
    let Some(other) = world.town.tills.get_mut(to) else { return Ok(()) };
    let shown = other.terminal.credentials_shown().map_err(|error| Broken::unexpected("a till does not show its credentials", &error))?;
    let Some(till) = world.town.tills.get_mut(from) else { return Ok(()) };
    let clock = till.clock(world.now);
    match till.terminal.meet(&format!("10.0.0.{}:8444", to + 1), &shown, clock) {
        Ok(peers) => {
            let offices = till.terminal.store().read(|tx| tx.offices()).map_err(|error| Broken::unexpected("a till has no offices", &error))?;
            let place = |peer: &Peer| {
                let id = offices.iter().find(|row| row.number == peer.0).map(|row| &row.id)?;
                world.town.offices.iter().position(|municipality| municipality.id == *id).map(|office| (*peer, office))
            };
            let met: Vec<(Peer, usize)> = peers.iter().filter_map(place).collect();
            world.trace.count("tills that met");
            world.lan.met.insert((from, to), met);
            Ok(())
        }
        Err(error) => excused(world, (from, to), &error),
    }
}

/// A message arrives at a neighbour.
pub(super) fn word(world: &mut World, word: &Word) -> Result<(), Broken> {
    if !world.is_alive(word.to) {
        return Ok(());
    }
    if word.is_answer { answered(world, word) } else { asked(world, word) }
}

fn asked(world: &mut World, word: &Word) -> Result<(), Broken> {
    let Some(till) = world.town.tills.get_mut(word.to) else { return Ok(()) };
    let (clock, end) = (till.clock(world.now), till.end()?);
    let heard = till.terminal.hear_neighbour(&word.bytes, Some(8444), &mut till.chance, clock);
    if let Some(retired) = world.truth.retired.get(&word.from).copied() {
        let knows = world.truth.heard.get(&(word.to, word.office)).is_some_and(|heard| *heard > retired);
        world.trace.count(if heard.is_err() { "retired boxes turned away" } else { "retired boxes not known as such yet" });
        demand(heard.is_err() || !knows, "a retired box is no neighbour", || format!("till {} hears till {}", word.to, word.from))?;
    }
    match heard {
        Ok(question) => {
            if let Some(heard) = &question.heard {
                took(world, word, heard)?;
            }
            let Some(peer) = peer_back(world, word) else { return Ok(()) };
            let answer = Word { from: word.to, to: word.from, peer, office: word.office, bytes: question.answer, end, is_answer: true };
            send(world, &answer);
            Ok(())
        }
        Err(error) => excused(world, (word.from, word.to), &error),
    }
}

/// The peer by which the asker takes the answer: the one it has asked.
fn peer_back(world: &World, word: &Word) -> Option<Peer> {
    let met = world.lan.met.get(&(word.from, word.to))?;
    met.iter().find(|(_, office)| *office == word.office).map(|(peer, _)| *peer)
}

fn answered(world: &mut World, word: &Word) -> Result<(), Broken> {
    let Some(till) = world.town.tills.get_mut(word.to) else { return Ok(()) };
    let clock = till.clock(world.now);
    match till.terminal.take_neighbours_answer(word.peer, &word.bytes, clock) {
        Ok(heard) => took(world, word, &heard),
        Err(CannotTalk::NotAsked) if world.stragglers => {
            world.trace.count("tellings that came too late");
            Ok(())
        }
        Err(error) => excused(world, (word.to, word.from), &error),
    }
}

/// A till has taken in what a neighbour told: it knows the neighbour's entries up to the one that was its last.
fn took(world: &mut World, word: &Word, heard: &Heard) -> Result<(), Broken> {
    world.note(&format!("till {}: hears {} of till {}, more: {}", word.to, heard.taken, word.from, heard.more));
    if heard.more {
        plan(world, word.to, word.from, 10);
    } else {
        let told = world.truth.told.entry((word.to, word.from, word.office)).or_default();
        *told = word.end.max(*told);
    }
    world.told += heard.taken;
    if let (Some(canary @ (Canary::DeafNeighbour | Canary::ForgottenChips)), Some(till)) = (world.canary, world.town.tills.get_mut(word.to)) {
        canary.after_telling(till)?;
    }
    Ok(())
}

/// While things go wrong a till may be unknown, not named yet, by its clock not admitted, or without disk. Without faults none of it is.
fn excused(world: &mut World, (from, to): (usize, usize), error: &CannotTalk) -> Result<(), Broken> {
    let why = match error {
        CannotTalk::NoNeighbour(_) => "no neighbour",
        CannotTalk::Refused(_) => "not verified",
        CannotTalk::NotAsked | CannotTalk::NotForUs => "not asked",
        CannotTalk::Store(_) => "the disk",
        _ => return Err(Broken::unexpected("tills of a house cannot talk", &format!("{from} with {to}: {error}"))),
    };
    world.trace.count(format!("tellings not taken: {why}"));
    let copied = [from, to].into_iter().any(|place| world.town.tills.get(place).is_some_and(|till| world.truth.is_copied(&world.town, till.id())));
    let fine = world.stragglers || copied || world.truth.retired.contains_key(&from);
    demand(fine, "tills of one house know each other", || format!("{from} with {to}: {error}"))
}

/// What a till was told by its neighbours, and has not been told is free again: who has used this slot there.
pub(super) fn told_of(world: &World, place: usize, slot: &str, office: usize) -> Option<(usize, u64)> {
    let truth = &world.truth;
    let is_copied = |place: usize| world.town.tills.get(place).is_some_and(|till| truth.is_copied(&world.town, till.id()));
    if is_copied(place) {
        return None;
    }
    let known = truth.told.range((place, 0, 0)..=(place, usize::MAX, usize::MAX)).filter(|((_, _, of), _)| *of == office);
    let told = known.filter(|((_, from, _), _)| !is_copied(*from));
    let used = told.filter_map(|((_, from, _), end)| {
        let free = |seq: u64| truth.cancelled_by((*from, seq)).is_some_and(|by| by <= *end);
        truth.greens_of(*from).find(|(seq, green)| green.slot == slot && seq <= end && !free(*seq)).map(|(seq, _)| (*from, seq))
    });
    used.min()
}

/// Whether a neighbour may have told this till of the slot, and not that it is free again.
pub(super) fn may_have_told(world: &World, place: usize, slot: &str) -> bool {
    let Some(provider) = world.town.tills.get(place).map(|till| till.provider).filter(|provider| world.lan.houses.contains(provider)) else {
        return false;
    };
    let truth = &world.truth;
    let same_house = |other: usize| other != place && world.town.tills.get(other).is_some_and(|till| till.provider == provider);
    (0..world.town.tills.len()).filter(|other| same_house(*other)).any(|other| {
        let copied = |place: usize| world.town.tills.get(place).is_some_and(|till| truth.is_copied(&world.town, till.id()));
        let heard = |by: u64| truth.told.range((place, other, 0)..=(place, other, usize::MAX)).any(|(_, end)| by <= *end);
        let free = |seq: u64| truth.cancelled_by((other, seq)).is_some_and(heard);
        truth.greens_of(other).any(|(seq, green)| green.slot == slot && (copied(other) || copied(place) || !free(seq)))
    })
}

/// Without faults all tills of a house come to know the same, and none would show green what another has redeemed.
pub(super) fn agree(world: &mut World) -> Result<(), Broken> {
    for _ in 0..ROUNDS {
        let before = world.told;
        for place in 0..world.town.tills.len() {
            if world.is_alive(place) {
                round(world, place);
            }
        }
        world.play(world.now.plus_ms(60_000))?;
        if world.told == before {
            break;
        }
    }
    for place in 0..world.town.tills.len() {
        for other in others(world, place) {
            knows(world, place, other)?;
        }
    }
    Ok(())
}

fn knows(world: &mut World, place: usize, other: usize) -> Result<(), Broken> {
    let copied = |place: usize| world.town.tills.get(place).is_none_or(|till| world.truth.is_copied(&world.town, till.id()));
    if !world.is_alive(place) || copied(place) || copied(other) {
        return Ok(());
    }
    let last = world.truth.greens_of(other).map(|(seq, _)| seq).max().unwrap_or(0);
    for office in world.town.offices_of(place) {
        let told = world.truth.told.get(&(place, other, office)).copied().unwrap_or(0);
        demand(told >= last, "tills of one house agree again", || {
            format!("till {place} was told of {told} entries of till {other}, {last} were shown")
        })?;
    }
    world.trace.count("pairs of tills that agree in the end");
    chips::same(world, place, other)?;
    let live: Vec<(usize, UtcMs, String)> = world
        .truth
        .greens_of(other)
        .filter(|(seq, green)| green.slot.starts_with("lunch") && !world.truth.is_cancelled((other, *seq)))
        .map(|(_, green)| (green.child, green.day.at_minute(12 * 60), green.slot.clone()))
        .collect();
    for (child, noon, slot) in live.into_iter().rev().take(PROBED) {
        let Some(code) =
            world.town.children.get(child).and_then(|child| child.cards.iter().rev().find(|card| card.phone.is_none())).map(|card| card.code.clone())
        else {
            continue;
        };
        let request =
            Request { code, service: Code::parse("lunch"), day: Some(crate::words::civil::CivilDay::of(noon)), months: 1, ..Request::default() };
        let Some(till) = world.town.tills.get_mut(place) else { return Ok(()) };
        let clock = till.clock(world.now);
        let answer = till.terminal.check(&request, clock).map_err(|error| Broken::unexpected("a till does not look", &error))?;
        world.trace.count("meals of a neighbour looked at in the end");
        demand(!matches!(answer, Answer::Accepted(_)), "what a neighbour told is refused", || {
            format!("till {place}: {slot} of till {other}: {answer:?}")
        })?;
    }
    Ok(())
}

/// A box is stolen: the office retires it, and it is gone; whoever has it may plug it into the house again.
pub(super) fn retire(world: &mut World, place: usize) -> Result<(), Broken> {
    let enough = others(world, place).len() > 1 && world.truth.retired.len() < 2;
    let Some(till) = world.town.tills.get(place).filter(|till| till.alive && enough) else { return Ok(()) };
    let (id, now) = (till.id(), world.now);
    if world.truth.is_copied(&world.town, id) {
        return Ok(());
    }
    for office in world.town.offices_of(place) {
        let Some(municipality) = world.town.offices.get_mut(office) else { continue };
        municipality.office.retire_terminal(id, "Anna", now).map_err(|error| Broken::unexpected("a terminal cannot be retired", &error))?;
    }
    if let Some(till) = world.town.tills.get_mut(place) {
        till.alive = false;
    }
    world.truth.retired.insert(place, now);
    world.note(&format!("till {place}: is stolen and retired"));
    world.trace.count("fault: boxes stolen and retired");
    Ok(())
}

/// A stolen box asks in the house it is from.
pub(super) fn stranger(world: &mut World, place: usize) {
    if world.truth.retired.contains_key(&place) {
        for other in others(world, place) {
            plan(world, place, other, 1000);
        }
    }
}
