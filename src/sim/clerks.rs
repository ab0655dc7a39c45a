//! What happens in the office: cards stopped and given out anew, prices changed, findings ruled on, runs signed by two.

use super::ledger::Ledger;
use super::money::{self, Booked};
use super::town::Card;
use super::world::World;
use super::{Broken, demand};
use crate::deliver::advice::Verdict;
use crate::office::{OfficeError, ServiceTerms, Settlement, StopReason};
use crate::reconcile::ruling::Choice;
use crate::settle::selection::Selection;
use crate::shell::store::office::{payments, views};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use crate::words::ids::EntryId;
use crate::words::reason::Reason;
use crate::words::service::Price;

const CLERKS: [&str; 2] = ["Anna", "Bernd"];
/// The most findings looked at in one sitting.
const LOOKED_AT: u64 = 4;

/// A card is lost and given out anew, or an entitlement ends.
pub(super) fn stop(world: &mut World, child: usize) -> Result<(), Broken> {
    let Some(place) = world.town.children.get(child).and_then(|c| c.cards.len().checked_sub(1)) else { return Ok(()) };
    let Some(card) = world.town.children.get(child).and_then(|c| c.cards.get(place)).cloned() else { return Ok(()) };
    if world.truth.stops.contains_key(&(child, place)) {
        return Ok(());
    }
    let reissue = world.happens(70);
    let why = if reissue { StopReason::Lost } else { StopReason::Ended };
    let today = CivilDay::of(world.now);
    let from = if world.happens(20) { today.minus(world.chance.below(4)) } else { today.plus(world.chance.below(2)) };
    let issued = world.town.office.stop(card.token, why, from, reissue, world.now);
    let issued = issued.map_err(|error| Broken::unexpected("a card cannot be stopped", &error))?;
    world.note(&format!("office: child {child}'s card {place} is stopped from {from}, given out anew: {reissue}"));
    world.trace.count(if reissue { "cards given out anew" } else { "entitlements ended" });
    world.truth.stops.insert((child, place), world.now);
    if let (Some(issued), Some(child)) = (issued, world.town.children.get_mut(child)) {
        child.cards.push(Card { token: issued.token.id, code: issued.code, number: issued.number.to_string() });
    }
    Ok(())
}

/// The price of lunch changes at one provider, from some day on.
pub(super) fn price(world: &mut World) -> Result<(), Broken> {
    let one = world.one_of(world.town.providers.len());
    let Some(provider) = world.town.providers.get(one).copied() else { return Ok(()) };
    let today = CivilDay::of(world.now);
    let from = today.plus(world.chance.below(4));
    let cents = Cents::new(i64::from(380 + world.chance.below(140)));
    let terms = ServiceTerms::parse("lunch:lunch:Mittagessen:450", today).and_then(|mut terms| {
        terms.service.prices = vec![Price { from, cents }];
        world.town.office.agree(provider, &terms, world.now)
    });
    terms.map_err(|error| Broken::unexpected("a price cannot be agreed", &error))?;
    world.note(&format!("office: lunch of {provider} costs {} from {from}", cents.get()));
    world.trace.count("price changes");
    Ok(())
}

/// A sitting: reconcile, look at some findings, and often settle.
pub(super) fn at_work(world: &mut World) -> Result<(), Broken> {
    reconcile(world)?;
    if world.happens(60) {
        rule(world)?;
    }
    if world.happens(25) {
        sign_and_leave(world)?;
    }
    if world.happens(60) {
        decide_and_pay(world)?;
    }
    Ok(())
}

/// Reconciles and settles, and checks everything about it.
pub(super) fn decide_and_pay(world: &mut World) -> Result<(), Broken> {
    reconcile(world)?;
    if let Some(canary) = world.canary {
        canary.before_settlement(&world.town.office)?;
    }
    let same = world.town.office.settle(CLERKS[0], CLERKS[0], CivilDay::of(world.now).plus(1), world.now);
    demand(same.is_err(), "nothing is released without two clerks", || "one clerk signed twice".into())?;
    settle(world)?;
    if let Some(canary) = world.canary {
        canary.after_settlement(&world.town.office)?;
    }
    let again = settle(world)?;
    demand(again.payments.is_empty(), "a second run pays nothing again", || format!("{:?}", again.payments))?;
    let ledger = Ledger::read(&world.town)?;
    money::check_settled(&world.town, &ledger, &world.truth, &world.bank)
}

fn reconcile(world: &mut World) -> Result<(), Broken> {
    let tally = world.town.office.reconcile(world.now).map_err(|error| Broken::unexpected("the office cannot reconcile", &error))?;
    world.note(&format!("office: reconciled {tally:?}"));
    let ledger = Ledger::read(&world.town)?;
    money::check_decisions(&ledger, &tally, &world.truth)
}

fn settle(world: &mut World) -> Result<Settlement, Broken> {
    let execution = CivilDay::of(world.now).plus(2);
    withdraw_what_waits(world)?;
    let settled = world.town.office.settle(CLERKS[0], CLERKS[1], execution, world.now);
    let settled = settled.map_err(|error| Broken::unexpected("the office cannot settle", &error))?;
    hand_to_bank(world, &settled)?;
    Ok(settled)
}

/// What the payment file says is what the bank does.
fn hand_to_bank(world: &mut World, settled: &Settlement) -> Result<(), Broken> {
    let sum: i64 = settled.payments.iter().map(|p| p.cents.get()).sum();
    if let Some(run) = settled.run {
        world.note(&format!("office: run {run} pays {sum}"));
        world.trace.count("runs");
    }
    let file = settled.files.iter().find(|file| file.name.starts_with("pain.001"));
    let control = file.and_then(|file| control_sum(&String::from_utf8_lossy(&file.bytes)));
    let expected = (sum != 0).then(|| Cents::new(sum).decimal());
    demand(control == expected, "the payment file pays what the run says", || format!("file {control:?}, run {expected:?}"))?;
    let paid = settled.payments.iter().map(|p| Booked { id: p.end_to_end_id.clone(), provider: p.provider.0.into(), cents: p.cents.get() });
    world.bank.extend(paid);
    Ok(())
}

fn control_sum(xml: &str) -> Option<String> {
    let (_, after) = xml.split_once("<CtrlSum>")?;
    after.split_once("</CtrlSum>").map(|(sum, _)| sum.to_owned())
}

/// What a clerk drew up earlier and nobody released gives way.
fn withdraw_what_waits(world: &mut World) -> Result<(), Broken> {
    let waiting = payments::signed_once(world.town.office.db()).map_err(|error| Broken::unexpected("the runs cannot be read", &error))?;
    let Some(run) = waiting else { return Ok(()) };
    world.town.office.withdraw(run.number, CLERKS[1], world.now).map_err(|error| Broken::unexpected("a run cannot be withdrawn", &error))
}

/// One clerk signs, and the other comes later: what has changed in between must be signed anew.
fn sign_and_leave(world: &mut World) -> Result<(), Broken> {
    let execution = CivilDay::of(world.now).plus(2);
    withdraw_what_waits(world)?;
    match world.town.office.draw_up(CLERKS[1], &Selection::default(), execution, None, world.now) {
        Ok(_) => {}
        Err(OfficeError::NothingToSettle) => return Ok(()),
        Err(error) => return Err(Broken::unexpected("a run cannot be signed", &error)),
    }
    if world.happens(50) {
        return Ok(());
    }
    if world.happens(50) {
        rule(world)?;
    }
    match world.town.office.release(CLERKS[0], world.now) {
        Ok(settled) => hand_to_bank(world, &settled),
        Err(OfficeError::ContentChanged(_) | OfficeError::NothingToSettle) => Ok(()),
        Err(error) => Err(Broken::unexpected("a run cannot be released", &error)),
    }
}

/// A clerk looks at some findings, and now and then at a line that was decided by rule.
fn rule(world: &mut World) -> Result<(), Broken> {
    let unreadable = |error| Broken::unexpected("the findings cannot be read", &error);
    let findings = views::findings(world.town.office.db(), LOOKED_AT).map_err(unreadable)?;
    let mut chosen: Vec<EntryId> = findings.iter().map(|finding| finding.id).collect();
    if world.happens(40) {
        chosen.extend(any_line(world));
    }
    for line in chosen {
        let choice = match world.chance.below(5) {
            0 | 1 => Choice::Accept,
            2 => Choice::Cut(Cents::new(i64::from(world.chance.below(400)))),
            3 => Choice::Ask,
            _ => Choice::Reject,
        };
        match world.town.office.rule(line, choice, Reason::ClerkDecision, "angesehen", CLERKS[0], world.now) {
            Ok(tally) => {
                let ledger = Ledger::read(&world.town)?;
                money::check_decisions(&ledger, &tally, &world.truth)?;
                obeyed(world, line, choice)?;
            }
            Err(OfficeError::PaidElsewhere | OfficeError::PaidAlready) => {}
            Err(error) => return Err(Broken::unexpected("a clerk cannot rule", &error)),
        }
        world.trace.count("rulings");
    }
    Ok(())
}

fn any_line(world: &mut World) -> Option<EntryId> {
    let greens: Vec<(usize, u64)> = world.truth.greens.keys().copied().collect();
    let (till, seq) = greens.get(world.one_of(greens.len())).copied()?;
    let id = EntryId { terminal: world.town.tills.get(till)?.terminal.id(), seq };
    views::line(world.town.office.db(), id).ok().flatten().map(|line| line.id)
}

/// A line that was ruled on waits for nobody, and never gets more than the clerk allowed.
fn obeyed(world: &mut World, line: EntryId, choice: Choice) -> Result<(), Broken> {
    let unreadable = |error| Broken::unexpected("a line cannot be read", &error);
    let Some(view) = views::line(world.town.office.db(), line).map_err(unreadable)? else { return Ok(()) };
    world.note(&format!("office: ruled {choice:?} on {} → {:?} {} {:?}", line.seq, view.verdict, view.decided.get(), view.reason));
    let most = match choice {
        Choice::Accept => view.claimed,
        Choice::Cut(cents) => cents,
        Choice::Reject | Choice::Ask => Cents::ZERO,
    };
    let cancelled = view.settled.is_some_and(|settled| view.decided == settled);
    let waits = view.verdict == Verdict::Pending && view.reason.as_deref() != Some(Reason::Conflict.code());
    demand(cancelled || (view.decided <= most && waits == (choice == Choice::Ask)), "a ruling is obeyed", || format!("{choice:?}: {view:?}"))
}
