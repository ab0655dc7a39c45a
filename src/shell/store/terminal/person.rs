//! The people of this provider's own lists. Their names are in these tables and nowhere else.

use super::{Chip, OfficeNumber, StoreError, Tx, from_db, to_db};
use crate::words::civil::CivilDay;
use crate::words::ids::Handle;
use crate::words::time::UtcMs;
use rusqlite::Row;
use std::collections::HashMap;

/// What a list says of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The name.
    pub name: String,
    /// The member's number; empty where there is none.
    pub number: String,
    /// The list or group; several are separated by a comma.
    pub list: String,
    /// Whether the person pays for itself and has no card.
    pub pays_self: bool,
}

/// A person as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRow {
    /// Its number on this box.
    pub id: u64,
    /// What the list says.
    pub details: Details,
    /// The child whose cards it has shown.
    pub child: Option<(OfficeNumber, Handle)>,
    /// How many chips are known of it, with those taught to its card.
    pub chips: u64,
}

const PERSON: &str = "SELECT p.id, p.name, p.number, p.list, p.pays_self, p.office, p.handle,
    (SELECT count(*) FROM person_chip c WHERE c.person = p.id)
    + (SELECT count(*) FROM chip c WHERE c.handle = p.handle AND c.office = p.office) FROM person p";

impl Tx<'_> {
    /// The person with this number.
    pub fn person(&self, id: u64) -> Result<Option<PersonRow>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!("{PERSON} WHERE p.id = ?1"))?;
        let mut rows = statement.query([to_db(id)])?;
        rows.next()?.map(person).transpose()
    }

    /// The person joined to this child's cards.
    pub fn person_of(&self, office: OfficeNumber, handle: Handle) -> Result<Option<PersonRow>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!("{PERSON} WHERE p.handle = ?1 AND p.office = ?2"))?;
        let mut rows = statement.query((handle.0, office.0))?;
        rows.next()?.map(person).transpose()
    }

    /// The person whose own chip this is.
    pub fn person_of_chip(&self, chip: &Chip) -> Result<Option<PersonRow>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!("{PERSON} JOIN person_chip own ON own.person = p.id WHERE own.hash = ?1"))?;
        let mut rows = statement.query([chip.own.1.0])?;
        rows.next()?.map(person).transpose()
    }

    /// Everybody, in the order of adding.
    pub fn people(&self) -> Result<Vec<PersonRow>, StoreError> {
        let mut statement = self.sql.prepare_cached(&format!("{PERSON} ORDER BY p.id"))?;
        let mut rows = statement.query([])?;
        let mut people = Vec::new();
        while let Some(row) = rows.next()? {
            people.push(person(row)?);
        }
        Ok(people)
    }

    /// Adds a person.
    pub fn add_person(&self, details: &Details, at: UtcMs) -> Result<u64, StoreError> {
        let sql = "INSERT INTO person(name, number, list, pays_self, added_at) VALUES (?1, ?2, ?3, ?4, ?5)";
        let d = details;
        self.sql.prepare_cached(sql)?.execute((&d.name, &d.number, &d.list, d.pays_self, to_db(at.0)))?;
        from_db(self.sql.last_insert_rowid())
    }

    /// Changes what the list says of a person.
    pub fn change_person(&self, id: u64, details: &Details) -> Result<(), StoreError> {
        let sql = "UPDATE person SET name = ?2, number = ?3, list = ?4, pays_self = ?5 WHERE id = ?1";
        let d = details;
        self.sql.prepare_cached(sql)?.execute((to_db(id), &d.name, &d.number, &d.list, d.pays_self))?;
        Ok(())
    }

    /// Joins a person to a child's cards, or takes it apart from them. One who has a card does not pay for itself.
    pub fn join_person(&self, id: u64, child: Option<(OfficeNumber, Handle)>) -> Result<(), StoreError> {
        let sql = "UPDATE person SET office = ?2, handle = ?3, pays_self = pays_self AND ?3 IS NULL WHERE id = ?1";
        self.sql.prepare_cached(sql)?.execute((to_db(id), child.map(|c| c.0.0), child.map(|c| c.1.0)))?;
        Ok(())
    }

    /// Deletes a person with its chips and what it took on its own account.
    pub fn delete_person(&self, id: u64) -> Result<bool, StoreError> {
        Ok(self.sql.prepare_cached("DELETE FROM person WHERE id = ?1")?.execute([to_db(id)])? > 0)
    }

    /// Gives a chip to a person.
    pub fn keep_person_chip(&self, chip: &Chip, id: u64, now: UtcMs) -> Result<(), StoreError> {
        self.forget_chip(chip, now)?;
        self.sql.prepare_cached("INSERT INTO person_chip(hash, person) VALUES (?1, ?2)")?.execute((chip.own.1.0, to_db(id)))?;
        Ok(())
    }

    /// How many records each person has on the days from `first` to `last`: redemptions of its cards, and what it took on its own account.
    pub fn records_of_people(&self, first: CivilDay, last: CivilDay) -> Result<HashMap<u64, u64>, StoreError> {
        let sql = "SELECT p.id, (SELECT count(*) FROM redemption r WHERE r.handle = p.handle AND r.office = p.office
                AND r.slot_day BETWEEN ?3 AND ?2 AND r.day BETWEEN ?1 AND ?2 AND r.cancelled_by IS NULL)
            + (SELECT count(*) FROM redemption r WHERE r.handle = p.handle AND r.office = p.office
                AND r.slot_day = 0 AND ?3 > 0 AND r.day BETWEEN ?1 AND ?2 AND r.cancelled_by IS NULL)
            + (SELECT count(*) FROM pickup k WHERE k.person = p.id AND k.day BETWEEN ?1 AND ?2 AND k.cancelled = 0) FROM person p";
        let mut statement = self.sql.prepare_cached(sql)?;
        let mut rows = statement.query((first.days(), last.days(), first.month().first_day().days()))?;
        let mut counts = HashMap::new();
        while let Some(row) = rows.next()? {
            counts.insert(from_db(row.get(0)?)?, from_db(row.get(1)?)?);
        }
        Ok(counts)
    }
}

fn person(row: &Row<'_>) -> Result<PersonRow, StoreError> {
    let (office, handle) = (row.get::<_, Option<i64>>(5)?, row.get::<_, Option<[u8; 8]>>(6)?);
    Ok(PersonRow {
        id: from_db(row.get(0)?)?,
        details: Details { name: row.get(1)?, number: row.get(2)?, list: row.get(3)?, pays_self: row.get(4)? },
        child: office.map(OfficeNumber).zip(handle.map(Handle)),
        chips: from_db(row.get(7)?)?,
    })
}
