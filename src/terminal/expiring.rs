//! Children whose cards end soon, so that nobody stands at the counter with one that is over.

use super::Terminal;
use super::card::verify;
use crate::admit::number::CardNumber;
use crate::admit::status::Status;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::CardEnd;
use crate::words::civil::CivilDay;
use crate::words::time::UtcMs;
use std::collections::HashMap;

/// How many days ahead is warned of.
pub const AHEAD: u32 = 30;
/// For how many days a card that is over is still listed where none has followed.
pub const BACK: u32 = 30;
/// How many cards of an older version's database are opened at once.
const AT_ONCE: u32 = 500;

/// A child whose last card ends soon, or has just ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiring {
    /// The card.
    pub card: CardEnd,
    /// How many days it counts after today; negative when it is over.
    pub days: i64,
}

impl Expiring {
    /// The card's number, as it is printed on it.
    pub fn number(&self) -> Option<CardNumber> {
        CardNumber::parse(&format!("{:012}", self.card.number))
    }
}

impl Terminal {
    /// The children of this box whose longest card ends within [`AHEAD`] days or has ended within [`BACK`], the first to end before the
    /// others. A card that the office has stopped is no card: who has no other is not listed, for that is between office and family.
    pub fn expiring(&mut self, now: UtcMs) -> Result<Vec<Expiring>, StoreError> {
        self.refresh(now)?;
        let offices = &mut self.offices;
        let unknown = self.store.read(|tx| tx.cards_without_end(AT_ONCE))?;
        if !unknown.is_empty() {
            self.store.write(|tx| {
                for (number, bytes) in unknown {
                    let entitlement = verify(offices, bytes, now).ok().map(|(entitlement, _)| entitlement);
                    tx.keep_card_end(number, entitlement.as_ref().map(|e| e.token()))?;
                }
                Ok::<_, StoreError>(())
            })?;
        }
        let today = CivilDay::of(now);
        let cards = self.store.read(|tx| tx.cards_ending(today.minus(BACK)))?;
        let status = |card: &CardEnd| {
            let list = offices.numbered(card.office).and_then(|office| office.status.as_ref());
            list.map_or(Status::Valid, |list| list.status(card.place))
        };
        // Of a child's cards the last in this order ends last.
        let longest: HashMap<_, _> =
            cards.into_iter().filter(|card| status(card) == Status::Valid).map(|card| ((card.office, card.handle), card)).collect();
        let days = |last: CivilDay| i64::from(last.days()) - i64::from(today.days());
        let soon = longest.into_values().map(|card| Expiring { days: days(card.last), card });
        let mut soon: Vec<Expiring> = soon.filter(|expiring| expiring.days <= i64::from(AHEAD)).collect();
        soon.sort_by(|a, b| (a.card.last, name(&a.card), a.card.number).cmp(&(b.card.last, name(&b.card), b.card.number)));
        Ok(soon)
    }
}

fn name(card: &CardEnd) -> &str {
    card.person.as_ref().map_or_else(|| card.hint.as_deref().unwrap_or_default(), |person| &person.name)
}
