//! Chips of a kitchen: taught at one till and forgotten at another. In the end all tills of a house take a chip for the same child's, and
//! for one to whom it was taught.

use super::world::World;
use super::{Broken, demand};
use crate::shell::store::StoreError;
use crate::terminal::chips::{ChipOf, Taught, TeachRequest};
use crate::terminal::counter::CounterError;
use crate::terminal::people::PeopleError;
use crate::words::ids::{Handle, OfficeId};
use std::collections::{BTreeMap, BTreeSet};

/// How many chips a house has: few, so that the same one is taught and forgotten at several tills.
const CHIPS: u32 = 12;

/// What was done with chips, by provider and number of the chip.
#[derive(Debug, Default)]
pub(super) struct Chips(BTreeMap<(usize, u32), Done>);

/// What was done with one chip.
#[derive(Clone, Debug, Default)]
struct Done {
    /// To whom it was taught.
    taught: BTreeSet<(OfficeId, Handle)>,
    /// The tills at which somebody did something with it.
    at: BTreeSet<usize>,
}

/// Somebody teaches a chip to a child's latest paper card, or forgets one.
pub(super) fn act(world: &mut World, place: usize) -> Result<(), Broken> {
    let (number, child, forgets) = (world.chance.below(CHIPS), world.one_of(world.town.children.len()), world.happens(30));
    let Some(till) = world.town.tills.get(place).filter(|till| till.alive) else { return Ok(()) };
    let provider = till.provider;
    let card = world.town.children.get(child).and_then(|child| child.cards.iter().rfind(|card| card.phone.is_none())).map(|card| card.code.clone());
    let Some(till) = world.town.tills.get_mut(place) else { return Ok(()) };
    let clock = till.clock(world.now);
    world.chips.0.entry((provider, number)).or_default().at.insert(place);
    if forgets {
        let forgotten = till.terminal.forget_chip(&uid(number), clock);
        world.note(&format!("till {place}: chip {number} is forgotten: {forgotten:?}"));
        return match forgotten {
            Ok(known) => {
                world.trace.count(if known { "chips forgotten" } else { "chips forgotten that nobody had" });
                Ok(())
            }
            Err(CounterError::Store(_)) if world.faults => Ok(()),
            Err(error) => Err(Broken::unexpected("a till does not forget a chip", &error)),
        };
    }
    let Some(code) = card else { return Ok(()) };
    let request = TeachRequest { uid: uid(number), to: ChipOf::Card(code), replace: true };
    match till.terminal.teach_chip(&request, clock) {
        Ok(Taught::Card(_)) => {
            world.note(&format!("till {place}: chip {number} is taught to child {child}"));
            world.trace.count("chips taught");
            let owner = owner(world, place, number)?;
            demand(owner.is_some(), "a chip that was taught is somebody's", || format!("chip {number} at till {place}"))?;
            world.chips.0.entry((provider, number)).or_default().taught.extend(owner);
            Ok(())
        }
        Ok(Taught::Refused(_)) => Ok(()),
        Err(PeopleError::Counter(CounterError::Store(_)) | PeopleError::Store(_)) if world.faults => Ok(()),
        other => Err(Broken::new("a till does not teach a chip", format!("{other:?}"))),
    }
}

/// All chips of a house are the same child's at both tills, one to whom they were taught.
pub(super) fn same(world: &mut World, one: usize, other: usize) -> Result<(), Broken> {
    let Some(provider) = world.town.tills.get(one).map(|till| till.provider) else { return Ok(()) };
    let common: BTreeSet<OfficeId> = {
        let at = |place: usize| world.town.offices_of(place).into_iter().filter_map(|office| world.town.offices.get(office).map(|o| o.id.clone()));
        let there: BTreeSet<OfficeId> = at(other).collect();
        at(one).filter(|office| there.contains(office)).collect()
    };
    for number in 0..CHIPS {
        let Some(done) = world.chips.0.get(&(provider, number)).cloned() else { continue };
        // A box that is gone may have told one neighbour and not the other, and of copies neighbours hear only what is new by its number.
        let copied = |place: usize| world.town.tills.get(place).is_none_or(|till| world.truth.is_copied(&world.town, till.id()));
        if done.at.iter().any(|place| !world.is_alive(*place) || copied(*place)) {
            continue;
        }
        let (here, there) = (owner(world, one, number)?, owner(world, other, number)?);
        if [&here, &there].into_iter().flatten().any(|(office, _)| !common.contains(office)) {
            continue;
        }
        demand(here == there, "a chip is the same child's at all tills of a house", || {
            format!("chip {number}: at till {one} {here:?}, at till {other} {there:?}")
        })?;
        demand(here.as_ref().is_none_or(|child| done.taught.contains(child)), "a chip is a child's to whom it was taught", || {
            format!("chip {number} at till {one}: {here:?}")
        })?;
        world.trace.count("chips looked at in the end");
    }
    Ok(())
}

/// Whose a chip is at a till.
fn owner(world: &mut World, place: usize, number: u32) -> Result<Option<(OfficeId, Handle)>, Broken> {
    let Some(till) = world.town.tills.get_mut(place) else { return Ok(None) };
    let found = till.terminal.store().read(|tx| {
        let child = tx.child_of_chip(&tx.chip(&uid(number))?)?;
        let offices = tx.offices()?;
        Ok::<_, StoreError>(child.and_then(|(office, handle)| Some((offices.into_iter().find(|row| row.number == office)?.id, handle))))
    });
    found.map_err(|error| Broken::unexpected("a till cannot look a chip up", &error))
}

fn uid(number: u32) -> String {
    format!("04A2{number:04}")
}
