//! What happens in the office: cards stopped and given out anew, prices changed, findings ruled on, runs signed by two.

use super::ledger::{At, Ledger, check_sums};
use super::money::{self, Booked};
use super::town::Card;
use super::weather::Fault;
use super::world::World;
use super::{Broken, demand, phones, waiting};
use crate::deliver::advice::Verdict;
use crate::office::{Act, Office, OfficeError, ServiceTerms, Settlement, StopReason};
use crate::reconcile::ruling::Choice;
use crate::settle::selection::Selection;
use crate::shell::store::office::{payments, views};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::{EntryId, Hash};
use crate::words::reason::Reason;
use crate::words::service::Price;

const CLERKS: [&str; 2] = ["Anna", "Bernd"];
/// The most findings looked at in one sitting.
const LOOKED_AT: u64 = 4;

/// A card is lost or stolen and given out anew, or an entitlement ends.
pub(super) fn stop(world: &mut World, child: usize) -> Result<(), Broken> {
    let Some(place) = world.town.children.get(child).and_then(|c| c.cards.len().checked_sub(1)) else { return Ok(()) };
    let Some((office, card)) = world.town.children.get(child).and_then(|c| Some((c.office, c.cards.get(place)?.clone()))) else { return Ok(()) };
    if world.truth.stops.contains_key(&(child, place)) {
        return Ok(());
    }
    let reissue = world.happens(70);
    let why = match (reissue, world.happens(30)) {
        (false, _) => StopReason::Ended,
        (true, false) => StopReason::Lost,
        (true, true) => StopReason::Stolen,
    };
    let (today, now) = (CivilDay::of(world.now), world.now);
    if let Some(phone) = card.phone {
        return phones::stop(world, child, phone, if why == StopReason::Ended { StopReason::Lost } else { why });
    }
    let from = if world.happens(20) { today.minus(world.chance.below(4)) } else { today.plus(world.chance.below(2)) };
    let Some(municipality) = world.town.offices.get_mut(office) else { return Ok(()) };
    let issued = municipality.office.stop(card.token, why, from, reissue, world.now);
    let issued = match issued {
        Ok(issued) => issued,
        // The approval ends anyway: a sentence for the clerk.
        Err(OfficeError::Case { .. }) => return Ok(()),
        Err(error) => return Err(Broken::unexpected("a card cannot be stopped", &error)),
    };
    world.note(&format!("office {office}: child {child}'s card {place} is stopped from {from}, given out anew: {reissue}"));
    world.trace.count(if reissue { "cards given out anew" } else { "entitlements ended" });
    // What is lost is the card; where the approval ends, its tokens on phones end as well.
    let ended = world.town.children.get(child).map_or(0..0, |known| if why == StopReason::Ended { 0..known.cards.len() } else { place..place + 1 });
    for place in ended {
        world.truth.stops.entry((child, place)).or_insert(now);
    }
    if let (Some(issued), Some(child)) = (issued, world.town.children.get_mut(child)) {
        child.cards.push(Card::paper(issued, now));
    }
    Ok(())
}

/// An entitlement is suspended for some days or until further notice, or its suspensions are lifted.
pub(super) fn suspend(world: &mut World, child: usize) -> Result<(), Broken> {
    let latest = world.town.children.get(child).and_then(|c| Some((c.office, c.cards.len().checked_sub(1)?, c.cards.last()?.token)));
    let Some((office, place, token)) = latest else { return Ok(()) };
    if world.truth.stops.contains_key(&(child, place)) {
        return Ok(());
    }
    let (lift, from, days, open) = (world.happens(40), CivilDay::of(world.now).plus(world.chance.below(2)), world.chance.below(6), world.happens(30));
    if !world.setup.has_rulings() {
        // A meal held on a suspended day and clarified after it is a finding, with or without network.
        return Ok(());
    }
    let act = if lift { Act::Lift { from } } else { Act::Suspend { from, until: (!open).then(|| from.plus(days)) } };
    let Some(municipality) = world.town.offices.get_mut(office) else { return Ok(()) };
    let unknown = |error: OfficeError| Broken::unexpected("a suspension fails", &error);
    let approval = municipality.office.approval_of(token).map_err(unknown)?;
    match municipality.office.act(approval, act, CLERKS[0], world.now) {
        Ok(_) => {
            world.note(&format!("office {office}: child {child} is suspended from {from} for {days}, lifted: {lift}"));
            world.trace.count(if lift { "suspensions lifted" } else { "suspensions" });
            Ok(())
        }
        // Suspended already, nothing to lift, or over: a sentence for the clerk.
        Err(OfficeError::Case { .. }) => Ok(()),
        Err(error) => Err(unknown(error)),
    }
}

/// An approval comes late, for a time that has begun.
pub(super) fn approve(world: &mut World, child: usize) -> Result<(), Broken> {
    if world.town.approve(child, world.now)? {
        world.note(&format!("office: child {child} is approved late"));
        world.trace.count("late approvals");
    }
    Ok(())
}

/// The price of lunch changes at one provider, from some day on.
pub(super) fn price(world: &mut World, office: usize) -> Result<(), Broken> {
    let one = world.one_of(world.town.providers.len());
    let (today, later, cents) = (CivilDay::of(world.now), world.chance.below(4), Cents::new(i64::from(380 + world.chance.below(140))));
    let (Some(provider), Some(municipality)) = (world.town.number(one, office), world.town.offices.get_mut(office)) else { return Ok(()) };
    let from = today.plus(later);
    let terms = ServiceTerms::parse("lunch:lunch:Mittagessen:450", today).and_then(|mut terms| {
        terms.service.prices = vec![Price { from, cents }];
        municipality.office.agree(provider, &terms, world.now)
    });
    terms.map_err(|error| Broken::unexpected("a price cannot be agreed", &error))?;
    world.note(&format!("office {office}: lunch of {provider} costs {} from {from}", cents.get()));
    world.trace.count("price changes");
    Ok(())
}

/// The office at work.
fn office(world: &mut World, office: usize) -> Result<&mut Office, Broken> {
    let missing = || Broken::new("the town can be set up", format!("there is no office {office}"));
    world.town.offices.get_mut(office).map(|municipality| &mut municipality.office).ok_or_else(missing)
}

/// A sitting: reconcile, look at some findings and at what waits, and often settle.
pub(super) fn at_work(world: &mut World, place: usize) -> Result<(), Broken> {
    reconcile(world, place)?;
    let (rules, leaves, pays) = (world.happens(60), world.happens(25), world.happens(60));
    if rules && world.setup.has_rulings() {
        rule(world, place)?;
        waiting::look(world, place)?;
    }
    if leaves {
        sign_and_leave(world, place)?;
    }
    if pays {
        decide_and_pay(world, place)?;
    }
    world.town.offices.get(place).map_or(Ok(()), check_sums)
}

/// Reconciles and settles, and checks everything about it.
pub(super) fn decide_and_pay(world: &mut World, place: usize) -> Result<(), Broken> {
    reconcile(world, place)?;
    let (now, canary) = (world.now, world.canary);
    if let Some(canary) = canary {
        canary.before_settlement(office(world, place)?)?;
    }
    let same = office(world, place)?.settle(CLERKS[0], CLERKS[0], CivilDay::of(now).plus(1), now);
    demand(same.is_err(), "nothing is released without two clerks", || "one clerk signed twice".into())?;
    run_that_fails(world, place)?;
    settle(world, place)?;
    if let Some(canary) = canary {
        canary.after_settlement(office(world, place)?)?;
    }
    let again = settle(world, place)?;
    demand(again.payments.is_empty(), "a second run pays nothing again", || format!("{:?}", again.payments))?;
    let ledger = Ledger::read(&world.town, place, &world.truth)?;
    money::check_settled(&world.town, place, &ledger, &world.truth)
}

/// Now and then the disk fails under a run: then nothing is paid, and the next attempt pays all.
fn run_that_fails(world: &mut World, place: usize) -> Result<(), Broken> {
    let fails = world.happens(15) && world.faults && world.setup.has(Fault::OfficeDisk);
    let Some(municipality) = world.town.offices.get_mut(place).filter(|_| fails) else { return Ok(()) };
    municipality.break_disk(1);
    let failed = municipality.office.settle(CLERKS[0], CLERKS[1], CivilDay::of(world.now).plus(2), world.now);
    municipality.break_disk(0);
    // Where there is nothing to pay nothing is committed, so that nothing can fail.
    let paid = failed.as_ref().is_ok_and(|settled| !settled.payments.is_empty());
    demand(!paid, "a run that is not stored pays nothing", || format!("{failed:?}"))?;
    world.trace.count("fault: runs stopped by the disk");
    Ok(())
}

/// Reconciles an office, and checks every decision.
pub(super) fn reconcile(world: &mut World, place: usize) -> Result<(), Broken> {
    let now = world.now;
    let tally = office(world, place)?.reconcile(now).map_err(|error| Broken::unexpected("the office cannot reconcile", &error))?;
    world.note(&format!("office {place}: reconciled {tally:?}"));
    if let Some(canary) = world.canary {
        canary.after_reconciliation(office(world, place)?)?;
    }
    let ledger = Ledger::read(&world.town, place, &world.truth)?;
    money::check_decisions(&world.town, place, &ledger, &tally, &world.truth)
}

fn settle(world: &mut World, place: usize) -> Result<Settlement, Broken> {
    let (now, execution) = (world.now, CivilDay::of(world.now).plus(2));
    withdraw_what_waits(world, place)?;
    let settled = office(world, place)?.settle(CLERKS[0], CLERKS[1], execution, now);
    let settled = settled.map_err(|error| Broken::unexpected("the office cannot settle", &error))?;
    hand_to_bank(world, place, &settled)?;
    Ok(settled)
}

/// What the payment file says is what the bank does.
fn hand_to_bank(world: &mut World, place: usize, settled: &Settlement) -> Result<(), Broken> {
    let sum: i64 = settled.payments.iter().map(|p| p.cents.get()).sum();
    if let Some(run) = settled.run {
        world.note(&format!("office {place}: run {run} pays {sum}"));
        world.trace.count("runs");
    }
    let file = settled.files.iter().find(|file| file.name.starts_with("pain.001"));
    let control = file.and_then(|file| control_sum(&String::from_utf8_lossy(&file.bytes)));
    let expected = (sum != 0).then(|| Cents::new(sum).decimal());
    demand(control == expected, "the payment file pays what the run says", || format!("file {control:?}, run {expected:?}"))?;
    let Some(municipality) = world.town.offices.get_mut(place) else { return Ok(()) };
    for paid in &settled.payments {
        let (id, provider, cents) = (paid.end_to_end_id.clone(), paid.provider.0.into(), paid.cents.get());
        municipality.bank.push(Booked { id, provider, cents, returned_after: None });
    }
    Ok(())
}

fn control_sum(xml: &str) -> Option<String> {
    let (_, after) = xml.split_once("<CtrlSum>")?;
    after.split_once("</CtrlSum>").map(|(sum, _)| sum.to_owned())
}

/// What a clerk drew up earlier and nobody released gives way.
fn withdraw_what_waits(world: &mut World, place: usize) -> Result<(), Broken> {
    let now = world.now;
    let office = office(world, place)?;
    let waiting = payments::signed_once(office.db()).map_err(|error| Broken::unexpected("the runs cannot be read", &error))?;
    let Some(run) = waiting else { return Ok(()) };
    office.withdraw(run.number, CLERKS[1], now).map_err(|error| Broken::unexpected("a run cannot be withdrawn", &error))
}

/// One clerk signs, and the other comes later: what has changed in between must be signed anew.
fn sign_and_leave(world: &mut World, place: usize) -> Result<(), Broken> {
    let (now, execution) = (world.now, CivilDay::of(world.now).plus(2));
    withdraw_what_waits(world, place)?;
    match office(world, place)?.draw_up(CLERKS[1], &Selection::default(), execution, None, now) {
        Ok(_) => {}
        Err(OfficeError::NothingToSettle) => return Ok(()),
        Err(error) => return Err(Broken::unexpected("a run cannot be signed", &error)),
    }
    if world.happens(50) {
        return Ok(());
    }
    if world.happens(50) && world.setup.has_rulings() {
        rule(world, place)?;
    }
    match office(world, place)?.release(CLERKS[0], now) {
        Ok(settled) => hand_to_bank(world, place, &settled),
        Err(OfficeError::ContentChanged(_) | OfficeError::NothingToSettle) => Ok(()),
        Err(error) => Err(Broken::unexpected("a run cannot be released", &error)),
    }
}

/// A clerk looks at some findings, and now and then at a line that was decided by rule.
fn rule(world: &mut World, place: usize) -> Result<(), Broken> {
    let now = world.now;
    let unreadable = |error| Broken::unexpected("the findings cannot be read", &error);
    let findings = views::findings(office(world, place)?.db(), LOOKED_AT).map_err(unreadable)?;
    let mut chosen: Vec<EntryId> = findings.iter().map(|finding| finding.id).collect();
    if world.happens(40) {
        chosen.extend(any_line(world, place)?);
    }
    for line in chosen {
        let choice = match world.chance.below(5) {
            0 | 1 => Choice::Accept,
            2 => Choice::Cut(Cents::new(i64::from(world.chance.below(400)))),
            3 => Choice::Ask,
            _ => Choice::Reject,
        };
        match office(world, place)?.rule(line, choice, Reason::ClerkDecision, "angesehen", CLERKS[0], now) {
            Ok(tally) => {
                let at = note_ruled(world, place, line)?;
                let ledger = Ledger::read(&world.town, place, &world.truth)?;
                money::check_decisions(&world.town, place, &ledger, &tally, &world.truth)?;
                let cancelled = world.truth.cancelled.keys().any(|target| Some(world.truth.resolve(*target)) == at);
                obeyed(world, place, line, choice, cancelled)?;
            }
            Err(OfficeError::PaidElsewhere | OfficeError::PaidAlready) => {}
            Err(error) => return Err(Broken::unexpected("a clerk cannot rule", &error)),
        }
        let name = format!("{choice:?}");
        world.trace.count(format!("rulings: {}", name.split('(').next().unwrap_or_default()));
    }
    Ok(())
}

/// Remembers which entry a clerk has ruled on: the rule for conflicts gives way to her.
fn note_ruled(world: &mut World, place: usize, line: EntryId) -> Result<Option<At>, Broken> {
    let sql = "SELECT l.hash FROM line l JOIN terminal t ON t.id = l.terminal WHERE t.terminal = ?1 AND l.seq = ?2";
    let hash = office(world, place)?.db().query_row(sql, (line.terminal.0, line.seq.cast_signed()), |row| row.get(0).map(Hash));
    let hash = hash.map_err(|error| Broken::unexpected("a line cannot be read", &error))?;
    let at = world.truth.by_hash.get(&hash).copied();
    world.truth.ruled.extend(at);
    Ok(at)
}

fn any_line(world: &mut World, place: usize) -> Result<Option<EntryId>, Broken> {
    let greens: Vec<(usize, u64)> = world.truth.greens.keys().copied().collect();
    let Some((till, seq)) = greens.get(world.one_of(greens.len())).copied() else { return Ok(None) };
    let Some(terminal) = world.town.tills.get(till).map(super::disk::Till::id) else { return Ok(None) };
    Ok(views::line(office(world, place)?.db(), EntryId { terminal, seq }).ok().flatten().map(|line| line.id))
}

/// A line that was ruled on waits for nobody, and never gets more than the clerk allowed.
fn obeyed(world: &mut World, place: usize, line: EntryId, choice: Choice, cancelled: bool) -> Result<(), Broken> {
    let unreadable = |error| Broken::unexpected("a line cannot be read", &error);
    let Some(view) = views::line(office(world, place)?.db(), line).map_err(unreadable)? else { return Ok(()) };
    world.note(&format!("office {place}: ruled {choice:?} on {} → {:?} {} {:?}", line.seq, view.verdict, view.decided.get(), view.reason));
    let most = match choice {
        Choice::Accept => view.claimed,
        Choice::Cut(cents) => cents,
        Choice::Reject | Choice::Ask => Cents::ZERO,
    };
    let cancelled = cancelled || view.settled.is_some_and(|settled| view.decided == settled);
    let waits = view.verdict == Verdict::Pending && view.reason.as_deref() != Some(Reason::Conflict.code());
    demand(cancelled || (view.decided <= most && waits == (choice == Choice::Ask)), "a ruling is obeyed", || format!("{choice:?}: {view:?}"))
}
