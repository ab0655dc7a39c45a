//! The key that signs cards is followed by another one, while terminals are offline or late: first it is announced, then it signs.

use super::town::Card;
use super::world::World;
use super::{Broken, demand};
use crate::office::Rotated;
use crate::words::time::UtcMs;

/// When the keys of an office were announced, and from when on they signed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    announced: Option<UtcMs>,
    /// Each key after the first: when it was announced, and since when it signs.
    signs: Vec<(UtcMs, UtcMs)>,
}

impl Changes {
    /// When the key was announced that signed a card issued at `issued`; none for the first key.
    fn of_card(&self, issued: UtcMs) -> Option<UtcMs> {
        self.signs.iter().rev().find(|(_, since)| *since <= issued).map(|(announced, _)| *announced)
    }
}

/// A clerk takes the next step; now and then without waiting for terminals that have not heard.
pub(super) fn step(world: &mut World, office: usize) -> Result<(), Broken> {
    let (at_once, now) = (world.happens(30), world.now);
    let Some(municipality) = world.town.offices.get_mut(office) else { return Ok(()) };
    let rotated = municipality.office.rotate_tokens_key(at_once, "Anna", now);
    let what = match rotated.map_err(|error| Broken::unexpected("a key cannot be followed by another", &error))? {
        Rotated::Announced => {
            municipality.keys.announced = Some(now);
            "keys announced"
        }
        Rotated::Finished => "key changes finished",
        Rotated::Waits { .. } => "key changes that wait for terminals",
        Rotated::Switched => {
            if let Some(announced) = municipality.keys.announced.take() {
                municipality.keys.signs.push((announced, now));
            }
            if at_once { "keys changed at once" } else { "keys changed" }
        }
    };
    world.note(&format!("office {office}: {what}"));
    world.trace.count(what);
    Ok(())
}

/// A till that does not know a card's key has not heard of its office since that key was announced, or never.
pub(super) fn check_unknown(world: &World, place: usize, child: usize, card: &Card) -> Result<(), Broken> {
    let Some(office) = world.town.children.get(child).map(|child| child.office) else { return Ok(()) };
    let provider = world.town.tills.get(place).map_or(usize::MAX, |till| till.provider);
    let Some(municipality) = world.town.offices.get(office).filter(|_| world.town.number(provider, office).is_some()) else { return Ok(()) };
    let heard = world.truth.heard.get(&(place, office)).copied().unwrap_or_default();
    let announced = municipality.keys.of_card(card.issued);
    demand(announced.is_some_and(|announced| heard <= announced), "a till knows the keys it has heard of", || {
        format!("till {place} does not know the key of child {child}'s card: announced {announced:?}, heard {heard:?}")
    })
}
