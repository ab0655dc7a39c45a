//! What happens at the counters: scans, second scans, buttons pressed twice, cancellations, meals to be clarified later.

use super::canary::Canary;
use super::money::units_of;
use super::phones::{Moving, Showing};
use super::town::Card;
use super::truth::Green;
use super::world::{Event, World};
use super::{Broken, demand, keys, lan, phones};
use crate::shell::store::StoreError;
use crate::terminal::counter::{Accepted, Answer, CounterError, Recorded, Refused, Request};
use crate::terminal::held::HoldRequest;
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::code::Code;
use crate::words::reason::Reason;
use std::collections::BTreeMap;

/// What was asked at a counter, by whom, and what was answered; none while no answer was given.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub child: usize,
    pub card: usize,
    /// The phone's code that was shown, where it was one.
    pub moving: Option<Moving>,
    answer: Option<Answer>,
}

/// All asks of the town by their ids.
pub(super) type Asks = BTreeMap<String, Asked>;

/// A child comes to a counter and shows a card.
pub(super) fn visit(world: &mut World, till: usize, child: usize) -> Result<(), Broken> {
    if !world.is_alive(till) {
        return Ok(());
    }
    if world.town.children.get(child).is_some_and(|child| child.cards.is_empty()) {
        return without_card(world, till, child);
    }
    let Some(request) = request(world, till, child) else { return Ok(()) };
    if world.happens(20) {
        let soon = world.now.plus_ms(u64::from(1 + world.chance.below(3_000)) * 100);
        world.queue(soon, Event::Again { till, request: Box::new(request.clone()) });
    }
    if world.happens(15) {
        let mut second = request.clone();
        second.ask = Some(next_ask(world, child, request.ask.as_deref()));
        let soon = world.now.plus_ms(u64::from(1 + world.chance.below(3_000)) * 1000);
        let (same, other) = (world.happens(50), world.one_of(world.town.tills.len()));
        let only = world.town.children.get(child).and_then(|child| child.only);
        let near = only.is_none_or(|only| world.town.tills.get(other).is_some_and(|till| till.provider == only));
        let till = if same || !near { till } else { other };
        world.queue(soon, Event::Again { till, request: Box::new(second) });
    }
    again(world, till, &request)
}

/// The approval is not there yet: lunch is served all the same, and clarified when the card has come.
fn without_card(world: &mut World, till: usize, child: usize) -> Result<(), Broken> {
    let (served, service) = (world.happens(40), Code::parse("lunch"));
    match service {
        Some(service) if served => {
            let ask = next_ask(world, child, None);
            hold(world, till, child, HoldRequest { ask: Some(ask), ..held_for(child, service, None, Reason::UnknownNumber) })
        }
        _ => Ok(()),
    }
}

fn next_ask(world: &mut World, child: usize, like: Option<&str>) -> String {
    world.asked += 1;
    let ask = format!("ask-{}", world.asked);
    let (card, moving) = like.and_then(|like| world.asks.get(like)).map_or((0, None), |asked| (asked.card, asked.moving.clone()));
    world.asks.insert(ask.clone(), Asked { child, card, moving, answer: None });
    ask
}

/// What a child wants: mostly lunch, mostly today, mostly with the latest card.
pub(super) fn request(world: &mut World, till: usize, child: usize) -> Option<Request> {
    let cards = world.town.children.get(child)?.cards.len();
    let card = if world.happens(80) { cards.checked_sub(1)? } else { world.one_of(cards) };
    let Showing { code, moving, scanned, forgotten } = phones::show(world, till, child, card)?;
    let today = CivilDay::of(world.town.tills.get(till)?.clock(world.now));
    let ask = next_ask(world, child, None);
    if let Some(asked) = world.asks.get_mut(&ask) {
        (asked.card, asked.moving) = (card, moving);
    }
    let mut request = Request { ask: Some(ask), code, scanned, forgotten, months: 1, ..Request::default() };
    let earlier = world.happens(10);
    if earlier && world.setup.has_rulings() {
        request.day = Some(today.minus(1 + world.chance.below(3)));
    }
    let service = match world.chance.below(100) {
        0..55 => "lunch",
        55..67 => {
            request.cents = Some(Cents::new(i64::from(1 + world.chance.below(25)) * 100));
            request.charge = world.happens(50).then(|| Code::parse("extra")).flatten();
            "judo"
        }
        67..77 => {
            request.months = 1 + world.chance.below(3);
            "choir"
        }
        77..91 => {
            let start = 14 * 60 + 15 * world.chance.below(12);
            request.starts = Some(start);
            request.ends = Some(start + 45 * (1 + world.chance.below(2)));
            request.operator = Some(format!("T{}", world.chance.below(3)));
            if !world.setup.has_rulings() {
                // Nobody is at two lessons at once, and no tutor gives two: that is a finding, with or without network.
                (request.starts, request.ends, request.operator) = (Some(14 * 60), Some(14 * 60 + 45), Some(format!("T{child}")));
            }
            "maths"
        }
        // A flat beside single meals is a finding, with or without network.
        91..94 if world.setup.has_rulings() => "kita",
        91..94 => "lunch",
        _ => {
            request.cents = Some(Cents::new(i64::from(1 + world.chance.below(40)) * 100));
            request.charge = Code::parse(["deposit", "balance"].get(world.one_of(2)).copied()?);
            "zoo"
        }
    };
    request.service = Code::parse(service);
    Some(request)
}

/// A request is made, for the first time or again: the same ask must get the same answer.
pub(super) fn again(world: &mut World, place: usize, request: &Request) -> Result<(), Broken> {
    let ask = request.ask.clone().unwrap_or_default();
    let known_here = format!("{place}/{ask}");
    let before = world.asks.get(&known_here).and_then(|asked| asked.answer.clone());
    let Some(asked) = world.asks.get(&ask).cloned() else { return Ok(()) };
    let Some(till) = world.town.tills.get_mut(place).filter(|till| till.alive) else { return Ok(()) };
    let clock = till.clock(world.now);
    let answer = till.terminal.redeem(request, &mut till.chance, clock);
    match answer {
        Ok(answer) => {
            world.note(&format!("till {place}: {ask} child {} {:?} {} → {}", asked.child, request.service, request.code.len(), told(&answer)));
            if let Some(before) = before {
                world.trace.count("asked again");
                return demand(before == answer, "the same ask gets the same answer", || {
                    format!("{ask} at till {place}: {before:?}, then {answer:?}")
                });
            }
            phones::check(world, place, request, &asked, &answer)?;
            match &answer {
                Answer::Accepted(accepted) => shown_green(world, place, request, accepted, &asked)?,
                Answer::Refused(refused) => shown_red(world, place, request, refused, &asked)?,
            }
            world.asks.insert(known_here, Asked { answer: Some(answer), ..asked });
            Ok(())
        }
        Err(CounterError::NotWellFormed(why)) => {
            world.note(&format!("till {place}: {ask} → {why}"));
            world.trace.count("not well-formed");
            Ok(())
        }
        Err(CounterError::Store(error)) if world.faults => {
            if matches!(error, StoreError::Full(_)) {
                world.trace.count("scans stopped by a full disk");
            }
            disk_failed(world, place, request, &asked)
        }
        Err(error) => Err(Broken::unexpected("a counter gives no answer", &format!("{ask}, till {place}: {error}"))),
    }
}

/// Nothing was stored, so nothing may be shown; the canary shows green all the same. Mostly somebody tries again.
fn disk_failed(world: &mut World, place: usize, request: &Request, asked: &Asked) -> Result<(), Broken> {
    world.note(&format!("till {place}: the disk failed"));
    world.trace.count("scans stopped by the disk");
    if world.canary == Some(Canary::GreenBeforeCommit) {
        let day = CivilDay::of(world.now);
        let recorded = Recorded { seq: u64::MAX, day, cents: Cents::new(450) };
        let slot = format!("shown {}", world.asked);
        let green = green(world, place, request, &recorded, asked, Benefit::Lunch, slot);
        world.truth.greens.insert((place, u64::MAX), green);
    }
    if world.happens(70) {
        let soon = world.now.plus_ms(u64::from(1 + world.chance.below(600)) * 1000);
        world.queue(soon, Event::Again { till: place, request: Box::new(request.clone()) });
    }
    Ok(())
}

fn told(answer: &Answer) -> String {
    match answer {
        Answer::Accepted(accepted) => {
            let entries: Vec<String> = accepted.entries.iter().map(|e| format!("{} ({} {})", e.seq, e.day, e.cents.get())).collect();
            format!("green {}", entries.join(", "))
        }
        Answer::Refused(refused) => format!("refused {}", refused.reason),
    }
}

fn shown_green(world: &mut World, place: usize, request: &Request, accepted: &Accepted, asked: &Asked) -> Result<(), Broken> {
    world.trace.count(format!("green {}", accepted.benefit.name()));
    demand(!accepted.entries.is_empty(), "green is exactly one entry, refused is none", || format!("till {place}: {accepted:?}"))?;
    for recorded in &accepted.entries {
        let provider = world.town.tills.get(place).map_or(usize::MAX, |till| till.provider);
        let slot = slot(request, asked.child, recorded.day, provider);
        let holder = world.truth.holder(place, &slot);
        demand(holder.is_none(), "what was used is not green again at the same till", || format!("till {place}: {slot} is held by {holder:?}"))?;
        let green = green(world, place, request, recorded, asked, accepted.benefit, slot);
        let told = lan::told_of(world, place, &green.slot, green.office);
        demand(told.is_none(), "what a neighbour told is refused", || format!("till {place}: {} was told of by {told:?}", green.slot))?;
        remember_hash(world, place, recorded.seq)?;
        let before = world.truth.greens.insert((place, recorded.seq), green);
        demand(before.is_none(), "an entry is shown once", || format!("till {place}, entry {}", recorded.seq))?;
    }
    lan::news(world, place);
    Ok(())
}

/// Remembers what an entry is known by in an office's books.
pub(super) fn remember_hash(world: &mut World, place: usize, seq: u64) -> Result<(), Broken> {
    let Some(till) = world.town.tills.get_mut(place) else { return Ok(()) };
    let bytes = till.terminal.store().read(|tx| tx.entry_hash(seq)).map_err(|error| Broken::unexpected("an entry cannot be read", &error))?;
    if let Some((hash, _)) = bytes {
        world.truth.by_hash.insert(hash, (place, seq));
    }
    Ok(())
}

fn green(world: &World, place: usize, request: &Request, recorded: &Recorded, asked: &Asked, benefit: Benefit, slot: String) -> Green {
    let minutes = request.starts.zip(request.ends).map_or(0, |(start, end)| u64::from(end - start));
    let office = world.town.children.get(asked.child).map_or(0, |child| child.office);
    Green {
        child: asked.child,
        office,
        benefit,
        day: recorded.day,
        cents: recorded.cents.get(),
        units: units_of(benefit, minutes),
        slot,
        card: asked.card,
        at: world.now,
        knew: world.truth.heard.get(&(place, office)).copied().unwrap_or_default(),
        settles: request.held,
    }
}

/// What can be used once, in words of the simulator's own (formats § 4).
fn slot(request: &Request, child: usize, day: CivilDay, provider: usize) -> String {
    let charge = request.charge.as_ref().map_or("", Code::as_str);
    match request.service.as_ref().map_or("lunch", Code::as_str) {
        "maths" => format!("maths {child} {day} {:?}", request.starts),
        "judo" => format!("judo {child} {day} {provider} {charge}"),
        monthly @ ("choir" | "kita") => format!("{monthly} {child} {} {provider}", day.month()),
        "zoo" => format!("zoo {child} {provider} {charge}"),
        _ => format!("lunch {child} {day}"),
    }
}

fn shown_red(world: &mut World, place: usize, request: &Request, refused: &Refused, asked: &Asked) -> Result<(), Broken> {
    let child = asked.child;
    world.trace.count(format!("refused {}", refused.reason));
    if let Some(card) = world.town.children.get(child).and_then(|child| child.cards.get(asked.card)).filter(|_| refused.reason == Reason::UnknownKey)
    {
        keys::check_unknown(world, place, child, card)?;
    }
    if refused.reason == Reason::AlreadyRedeemed && request.held.is_none() && request.months <= 1 {
        let provider = world.town.tills.get(place).map_or(usize::MAX, |till| till.provider);
        let today = world.town.tills.get(place).map_or(CivilDay::EPOCH, |till| CivilDay::of(till.clock(world.now)));
        let slots: Vec<String> = (0..2).map(|back| slot(request, child, request.day.unwrap_or(today.minus(back)), provider)).collect();
        let here = slots.iter().any(|slot| world.truth.holder(place, slot).is_some());
        let there = !here && slots.iter().any(|slot| lan::may_have_told(world, place, slot));
        if there {
            world.trace.count("refused by what a neighbour told");
        }
        demand(here || there, "only what was used is refused as used", || format!("till {place}: {request:?} → {refused:?}"))?;
    }
    let service = request.service.clone().filter(|s| s.as_str() == "lunch");
    match service {
        Some(service) if refused.can_be_held && world.happens(50) => {
            let ask = request.ask.as_ref().map(|ask| format!("{ask}-held"));
            hold(world, place, child, HoldRequest { ask, ..held_for(child, service, request.day, refused.reason) })
        }
        _ => Ok(()),
    }
}

fn held_for(child: usize, service: Code, day: Option<CivilDay>, why: Reason) -> HoldRequest {
    HoldRequest { ask: None, code: None, person: None, alias: Some(format!("Kind {child}")), service, day, cents: None, why }
}

/// Served, clarify later.
fn hold(world: &mut World, place: usize, child: usize, held: HoldRequest) -> Result<(), Broken> {
    let Some(till) = world.town.tills.get_mut(place) else { return Ok(()) };
    let clock = till.clock(world.now);
    match till.terminal.hold(&held, &mut till.chance, clock) {
        Ok(answer) => {
            world.note(&format!("till {place}: held {} for child {child}", answer.seq));
            world.trace.count("held");
            world.truth.held.insert((place, answer.seq), child);
            Ok(())
        }
        Err(CounterError::NotWellFormed(_)) => Ok(()),
        Err(CounterError::Store(_)) if world.faults => Ok(()),
        Err(error) => Err(Broken::unexpected("a counter does not hold", &error)),
    }
}

/// A child whose meal is held comes with a card.
pub(super) fn settle_held(world: &mut World, place: usize) -> Result<(), Broken> {
    let held: Vec<(u64, usize)> = world.truth.held.iter().filter(|(at, _)| at.0 == place).map(|(at, child)| (at.1, *child)).collect();
    let Some((seq, child)) = held.get(world.one_of(held.len())).copied() else { return Ok(()) };
    let paper = |(_, card): &(usize, &Card)| card.phone.is_none();
    let latest = world.town.children.get(child).and_then(|c| c.cards.iter().enumerate().rfind(paper));
    let Some((card, code)) = latest.map(|(place, card)| (place, card.code.clone())) else { return Ok(()) };
    let ask = next_ask(world, child, None);
    if let Some(asked) = world.asks.get_mut(&ask) {
        asked.card = card;
    }
    world.trace.count("held entries shown a card");
    again(world, place, &Request { ask: Some(ask), code, held: Some(seq), months: 1, ..Request::default() })
}

/// Somebody takes a redemption back, sealed or not; told twice, the terminal says the same twice.
pub(super) fn cancel(world: &mut World, place: usize) -> Result<(), Broken> {
    // What a canary has shown and nobody has written cannot be cancelled.
    let can_be = |seq: &u64| *seq < u64::MAX && !world.truth.is_cancelled((place, *seq));
    let live: Vec<u64> = world.truth.greens_of(place).map(|(seq, _)| seq).filter(can_be).collect();
    let Some(seq) = live.get(world.one_of(live.len())).copied() else { return Ok(()) };
    for twice in [false, true] {
        let (Some(till), Some(reason)) = (world.town.tills.get_mut(place).filter(|till| till.alive), Code::parse("wrong_child")) else {
            return Ok(());
        };
        let clock = till.clock(world.now);
        match till.terminal.cancel(seq, reason, &mut till.chance, clock) {
            Ok(cancelled) => {
                let sealed = till.terminal.store().read(|tx| tx.latest_batches(1)).is_ok_and(|batches| batches.iter().any(|b| b.head.seq >= seq));
                world.note(&format!("till {place}: cancelled {seq} by {}", cancelled.by));
                if !twice {
                    world.trace.count(if sealed { "cancellations after sealing" } else { "cancellations before sealing" });
                }
                let before = world.truth.cancelled_by((place, seq));
                world.truth.cancelled.insert((place, seq), cancelled.by);
                remember_hash(world, place, cancelled.by)?;
                let same = before.map_or(!cancelled.before, |by| by == cancelled.by && cancelled.before);
                demand(same, "a cancellation told twice is one", || format!("till {place}: {before:?}, then {cancelled:?}"))?;
            }
            Err(crate::terminal::correct::CancelError::Store(_)) if world.faults => return Ok(()),
            Err(error) => return Err(Broken::unexpected("a cancellation fails", &format!("till {place}, {seq}, again {twice}: {error}"))),
        }
    }
    if let (Some(canary), Some(till)) = (world.canary, world.town.tills.get_mut(place)) {
        canary.after_cancellation(till)?;
    }
    lan::news(world, place);
    Ok(())
}
