//! A list of members or participants is taken in: looked at first, then taken. Taken twice, the same file changes nothing.

use super::Terminal;
use super::chips::{Taught, give};
use super::people::{MAX_LIST, MAX_NAME, MAX_NUMBER, MAX_PEOPLE, PeopleError, lists_of, tidied};
use crate::shell::sheet::RowError;
use crate::shell::sheet::people::ListedPerson;
use crate::shell::sheet::text::{echo, folded};
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{Details, PersonRow, Tx};
use crate::words::time::UtcMs;
use serde::Serialize;
use std::collections::HashMap;

/// What became of one row, or would.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Somebody new.
    Added,
    /// Somebody known, of whom something is different.
    Changed,
    /// Somebody known as they are.
    Same,
}

/// One row that was taken, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TakenRow {
    /// Its line.
    pub line: u64,
    /// What became of it.
    pub fate: Fate,
    /// What the list then says.
    pub name: String,
    /// The member's number.
    pub number: String,
    /// The list.
    pub list: String,
    /// Whether the person pays for itself.
    pub pays_self: bool,
    /// Whether the row brings a chip.
    pub chip: bool,
}

/// What an import did, or would do.
#[derive(Debug)]
pub struct Imported {
    /// The rows that count, in the order of the file.
    pub rows: Vec<TakenRow>,
    /// What is wrong with the others.
    pub errors: Vec<RowError>,
}

/// The people known, found by what rows say of them.
struct Known {
    people: Vec<PersonRow>,
    by_number: HashMap<String, usize>,
    by_name: HashMap<String, Vec<usize>>,
}

impl Terminal {
    /// Takes a list in, or with `keep` false only says what would happen. Rows without a list of their own go to `list`.
    pub fn import_people(&mut self, rows: &[ListedPerson], list: &str, keep: bool, now: UtcMs) -> Result<Imported, StoreError> {
        let work = |tx: &Tx<'_>| {
            let mut known = Known::read(tx)?;
            let mut done = Imported { rows: Vec::new(), errors: Vec::new() };
            for row in rows {
                match known.take(tx, row, list, now)? {
                    Ok(taken) => done.rows.push(taken),
                    Err(error) => done.errors.push(error),
                }
            }
            Ok(done)
        };
        // A mere look does the same in a transaction of which nothing stays.
        if keep { self.store.write(work) } else { self.store.read(work) }
    }
}

impl Known {
    fn read(tx: &Tx<'_>) -> Result<Self, StoreError> {
        let mut known = Self { people: Vec::new(), by_number: HashMap::new(), by_name: HashMap::new() };
        for row in tx.people()? {
            known.index(row);
        }
        Ok(known)
    }

    fn index(&mut self, row: PersonRow) {
        let place = self.people.len();
        if !row.details.number.is_empty() {
            self.by_number.insert(row.details.number.clone(), place);
        }
        self.by_name.entry(folded(&row.details.name)).or_default().push(place);
        self.people.push(row);
    }

    /// Who a row speaks of: whoever has its number; without one, or before they had it, whoever has its name in its list. Where the row names
    /// no list either, the first of that name, and for a new number the only one.
    fn find(&self, row: &ListedPerson, list: Option<&str>) -> Option<usize> {
        if let Some(place) = self.by_number.get(&row.number).filter(|_| !row.number.is_empty()) {
            return Some(*place);
        }
        let name = folded(&row.name);
        // Who was renamed by an earlier row is found by the new name only.
        let same = self.by_name.get(&name)?.iter().filter_map(|place| self.people.get(*place).map(|person| (*place, person)));
        let mut open = same.filter(|(_, p)| folded(&p.details.name) == name && (row.number.is_empty() || p.details.number.is_empty()));
        let lists = |text: &str| lists_of(text).map(folded).collect::<Vec<_>>();
        match list {
            Some(list) => open.find(|(_, p)| lists(&p.details.list) == lists(list)).map(|(place, _)| place),
            None if row.number.is_empty() => open.next().map(|(place, _)| place),
            None => open.next().filter(|_| open.next().is_none()).map(|(place, _)| place),
        }
    }

    fn take(&mut self, tx: &Tx<'_>, row: &ListedPerson, default_list: &str, now: UtcMs) -> Result<Result<TakenRow, RowError>, StoreError> {
        let list = row.list.as_deref().or(Some(default_list).filter(|list| !list.trim().is_empty()));
        let place = self.find(row, list);
        let before = place.and_then(|place| self.people.get(place));
        let said = Details {
            name: row.name.clone(),
            number: if row.number.is_empty() { before.map(|p| p.details.number.clone()).unwrap_or_default() } else { row.number.clone() },
            list: list.or(before.map(|p| p.details.list.as_str())).unwrap_or_default().to_owned(),
            pays_self: row.pays_self.unwrap_or(before.is_some_and(|p| p.details.pays_self)) && before.is_none_or(|p| p.child.is_none()),
        };
        let Ok(details) = tidied(&said) else { return Ok(Err(unfit(row.line))) };
        let mut fate = match before {
            Some(person) if person.details == details => Fate::Same,
            Some(_) => Fate::Changed,
            None => Fate::Added,
        };
        if fate == Fate::Added && self.people.len() >= MAX_PEOPLE {
            return Ok(Err(full(row.line)));
        }
        let chip = row.chip.as_deref().map(|uid| tx.chip(uid)).transpose()?;
        let own = before.map(|p| p.id);
        if let Some(chip) = &chip {
            let (person, child) = (tx.person_of_chip(chip)?, tx.child_of_chip(chip)?);
            let taught = child.is_some() && before.and_then(|p| p.child) == child;
            let is_free = (person.is_none() && child.is_none()) || taught || person.as_ref().is_some_and(|p| Some(p.id) == own);
            if !is_free {
                return Ok(Err(chip_taken(row.line, person.as_ref().map(|p| p.details.name.as_str()))));
            }
            if fate == Fate::Same && person.is_none() && child.is_none() {
                fate = Fate::Changed;
            }
        }
        let id = match (before, fate) {
            (Some(person), Fate::Changed) => {
                let id = person.id;
                tx.change_person(id, &details)?;
                id
            }
            (Some(person), _) => person.id,
            (None, _) => tx.add_person(&details, now)?,
        };
        if let Some(chip) = &chip
            && fate != Fate::Same
            && tx.child_of_chip(chip)?.is_none()
        {
            match give(tx, chip, id, (false, now)) {
                Ok(Taught::Person(_)) => {}
                Err(PeopleError::Store(error)) => return Err(error),
                _ => return Ok(Err(chip_taken(row.line, None))),
            }
        }
        self.learn(tx, place, id)?;
        let Details { name, number, list, pays_self } = details;
        Ok(Ok(TakenRow { line: row.line, fate, name, number, list, pays_self, chip: chip.is_some() }))
    }

    /// Later rows see what this one has done.
    fn learn(&mut self, tx: &Tx<'_>, place: Option<usize>, id: u64) -> Result<(), StoreError> {
        let Some(row) = tx.person(id)? else { return Ok(()) };
        match place.and_then(|place| self.people.get_mut(place).map(|known| (place, known))) {
            None => self.index(row),
            Some((place, known)) => {
                if !row.details.number.is_empty() {
                    self.by_number.insert(row.details.number.clone(), place);
                }
                let named = self.by_name.entry(folded(&row.details.name)).or_default();
                if !named.contains(&place) {
                    named.push(place);
                }
                *known = row;
            }
        }
        Ok(())
    }
}

fn unfit(line: u64) -> RowError {
    RowError::of_line(
        line,
        format!("Zu lang: ein Name hat höchstens {MAX_NAME} Zeichen, eine Nummer {MAX_NUMBER}, eine Liste {MAX_LIST}."),
        format!("Too long: a name has at most {MAX_NAME} characters, a number {MAX_NUMBER}, a list {MAX_LIST}."),
    )
}

fn full(line: u64) -> RowError {
    RowError::of_line(
        line,
        format!("Mehr als {MAX_PEOPLE} Personen passen nicht auf dieses Gerät: bitte löschen, wer nicht mehr kommt."),
        format!("More than {MAX_PEOPLE} people do not fit on this box: delete those who do not come any more."),
    )
}

fn chip_taken(line: u64, name: Option<&str>) -> RowError {
    let (de, en) = match name {
        Some(name) => (format!("Dieser Chip gehört schon zu {}", echo(name)), format!("This chip is {}'s already", echo(name))),
        None => ("Dieser Chip gehört schon zu einer anderen Karte".into(), "This chip belongs to another card already".into()),
    };
    RowError::of_line(line, format!("{de}: bitte dort zuerst vergessen lassen."), format!("{en}: have it forgotten there first."))
}
