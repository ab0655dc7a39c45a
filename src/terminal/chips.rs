//! Chips: taught to a card, given to somebody of the lists, moved only when that is meant, forgotten.

use super::card::{Purpose, recognise};
use super::counter::{CounterError, Desk, NotWellFormed, Refused};
use super::held::child_of;
use super::people::{PeopleError, Person, seen};
use super::{Terminal, clock};
use crate::admit::scan::Scan;
use crate::book::refusal::Refusal;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{Chip, Tx};
use crate::words::time::UtcMs;

/// A chip is taught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeachRequest {
    /// The chip's UID, as read.
    pub uid: String,
    /// Whose it is.
    pub to: ChipOf,
    /// Whether it may leave whoever had it before.
    pub replace: bool,
}

/// Whose a chip is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChipOf {
    /// The child of a card: its whole code, or its number.
    Card(String),
    /// Somebody of the lists.
    Person(u64),
}

/// What became of a chip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taught {
    /// It was taught to a card, with its hint.
    Card(Option<String>),
    /// It was given to a person.
    Person(Person),
    /// Somebody else has it; who, where the lists say so.
    Taken(Option<Person>),
    /// The card was refused.
    Refused(Refused),
}

impl Terminal {
    /// Teaches a chip: from then on the chip is enough, for a child's card and those that follow it.
    pub fn teach_chip(&mut self, request: &TeachRequest, now: UtcMs) -> Result<Taught, PeopleError> {
        let uid = uid(&request.uid)?;
        self.at_desk(now, |desk| {
            let chip = desk.tx().chip(&uid)?;
            match &request.to {
                ChipOf::Person(id) => give(desk.tx(), &chip, *id, (request.replace, desk.clock.now)),
                ChipOf::Card(code) => teach(desk, &chip, code, request.replace),
            }
        })
    }

    /// Forgets a chip; whether it was known.
    pub fn forget_chip(&mut self, raw: &str, now: UtcMs) -> Result<bool, CounterError> {
        let uid = uid(raw)?;
        self.store.write(|tx| Ok(tx.forget_chip(&tx.chip(&uid)?, clock::read(tx, now)?.now)?))
    }

    /// Forgets all chips of somebody, with those taught to their card; how many they were.
    pub fn forget_chips_of(&mut self, id: u64, now: UtcMs) -> Result<usize, PeopleError> {
        self.store.write(|tx| {
            let row = tx.person(id)?.ok_or(PeopleError::NoSuchPerson(id))?;
            Ok(tx.forget_chips_of(&row, clock::read(tx, now)?.now)?)
        })
    }
}

fn uid(raw: &str) -> Result<String, CounterError> {
    match Scan::new(raw) {
        Ok(Scan::Chip(uid)) => Ok(uid),
        _ => Err(NotWellFormed::NoChip.into()),
    }
}

fn teach(desk: &mut Desk<'_>, chip: &Chip, code: &str, replace: bool) -> Result<Taught, PeopleError> {
    let purpose = Purpose { day: desk.today(), service: None };
    let card = match recognise(desk.journal.tx, desk.offices, code, false, purpose, desk.clock.now)? {
        Ok(card) => card,
        Err(refusal) => return Ok(Taught::Refused(Refused::from(&refusal))),
    };
    // A chip's number proves no phone: it would open nothing.
    if card.shown.is_some() {
        return Ok(Taught::Refused(Refused::from(&Refusal::HolderProofMissing)));
    }
    let Some(child) = child_of(desk, &card) else { return Ok(Taught::Refused(Refused::from(&Refusal::NotAdmitted))) };
    let tx = desk.tx();
    let own = tx.person_of(child.0, child.1)?.map(|row| row.id);
    let owner = owner(tx, chip)?;
    let is_own = match &owner {
        Owner::Nobody => true,
        Owner::Person(person) => Some(person.id) == own,
        Owner::Child(taught, _) => *taught == child,
    };
    if !is_own && !replace {
        return Ok(owner.taken());
    }
    tx.forget_chip(chip, desk.clock.now)?;
    tx.keep_card(child.0, card.entitlement.token(), &card.bytes)?;
    tx.keep_chip(chip, child.0, child.1, desk.clock.now)?;
    Ok(Taught::Card(card.entitlement.token().hint.clone()))
}

/// Gives a chip to somebody of the lists; from whoever had it, where it is to be replaced.
pub(super) fn give(tx: &Tx<'_>, chip: &Chip, id: u64, (replace, now): (bool, UtcMs)) -> Result<Taught, PeopleError> {
    let row = tx.person(id)?.ok_or(PeopleError::NoSuchPerson(id))?;
    let owner = owner(tx, chip)?;
    let is_own = match &owner {
        Owner::Nobody => true,
        Owner::Person(person) => person.id == id,
        Owner::Child(taught, _) => row.child == Some(*taught),
    };
    if !is_own && !replace {
        return Ok(owner.taken());
    }
    tx.keep_person_chip(chip, id, now)?;
    Ok(Taught::Person(seen(tx, id)?))
}

type Child = (crate::shell::store::terminal::OfficeNumber, crate::words::ids::Handle);

/// Whose a chip is now.
enum Owner {
    Nobody,
    Person(Person),
    Child(Child, Option<Person>),
}

impl Owner {
    fn taken(self) -> Taught {
        match self {
            Self::Person(person) => Taught::Taken(Some(person)),
            Self::Child(_, person) => Taught::Taken(person),
            Self::Nobody => Taught::Taken(None),
        }
    }
}

fn owner(tx: &Tx<'_>, chip: &Chip) -> Result<Owner, StoreError> {
    if let Some(row) = tx.person_of_chip(chip)? {
        return Ok(Owner::Person(row.into()));
    }
    let Some(child) = tx.child_of_chip(chip)? else { return Ok(Owner::Nobody) };
    Ok(Owner::Child(child, tx.person_of(child.0, child.1)?.map(Person::from)))
}
