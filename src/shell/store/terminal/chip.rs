//! Taught chips: a keyed hash of the UID and the child whose cards it stands for. What was done with chips here is told to neighbours,
//! what they did is kept beside it; of several acts on one chip the latest counts.

use super::{Fact, OfficeNumber, PersonRow, StoreError, Tx, from_db, to_db};
use crate::deliver::neighbour::{ChipKey, ChipSecret, ToldChip};
use crate::words::ids::{Handle, Hash};
use crate::words::time::UtcMs;
use rusqlite::OptionalExtension;

/// The most keys of neighbours: more boxes than a house has, with those that were replaced.
const MAX_KEYS: usize = 64;
/// How this box's own key is written in the table; it has no other name there.
const OWN: &[u8] = &[];

/// A chip under every key by which it may be known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// Its hash under this box's own key, with that key's name.
    pub own: (ChipKey, Hash),
    /// Its hashes under neighbours' keys.
    pub told: Vec<(ChipKey, Hash)>,
}

/// What was last done with a chip.
struct Act {
    office: OfficeNumber,
    /// Whose it is; none where it was forgotten.
    handle: Option<Handle>,
    at: UtcMs,
}

impl Tx<'_> {
    /// The keys under which neighbours have told of chips.
    pub fn chip_keys(&self) -> Result<Vec<(ChipKey, ChipSecret)>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT id, secret FROM chip_key ORDER BY id")?;
        let rows = statement.query_map([], |row| Ok((ChipKey(row.get(0)?), ChipSecret(row.get(1)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The keyed hashes under which a chip may be known here.
    pub fn chip(&self, uid: &str) -> Result<Chip, StoreError> {
        let secret = self.chip_secret()?;
        let told = self.chip_keys()?.into_iter().map(|(key, secret)| (key, secret.hash(uid))).collect();
        Ok(Chip { own: (secret.key(), secret.hash(uid)), told })
    }

    /// Keeps the key of a neighbour; false where so many are known already that no more are taken.
    pub fn keep_chip_key(&self, key: ChipKey, secret: &ChipSecret) -> Result<bool, StoreError> {
        let known = self.chip_keys()?;
        if known.iter().any(|(other, _)| *other == key) {
            return Ok(true);
        }
        if known.len() >= MAX_KEYS {
            return Ok(false);
        }
        self.sql.prepare_cached("INSERT INTO chip_key(id, secret) VALUES (?1, ?2)")?.execute((key.0, secret.0))?;
        Ok(true)
    }

    /// The child a chip was taught to.
    pub fn child_of_chip(&self, chip: &Chip) -> Result<Option<(OfficeNumber, Handle)>, StoreError> {
        Ok(self.latest_act(chip)?.and_then(|act| Some((act.office, act.handle?))))
    }

    /// Teaches a chip to a child's cards.
    pub fn keep_chip(&self, chip: &Chip, office: OfficeNumber, handle: Handle, now: UtcMs) -> Result<(), StoreError> {
        let (at, number) = (self.after_latest_act(chip, now)?, self.next_act()?);
        let sql = "INSERT OR REPLACE INTO chip(key, hash, office, handle, at, own, act) VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6)";
        self.sql.prepare_cached(sql)?.execute((OWN, chip.own.1.0, office.0, handle.0, to_db(at.0), to_db(number)))?;
        Ok(())
    }

    /// Forgets a chip, whosever it is; whether it was known.
    pub fn forget_chip(&self, chip: &Chip, now: UtcMs) -> Result<bool, StoreError> {
        let at = self.after_latest_act(chip, now)?;
        let mut known = self.sql.prepare_cached("DELETE FROM person_chip WHERE hash = ?1")?.execute([chip.own.1.0])? > 0;
        for (key, hash) in chip.rows() {
            known |= self.forget_taught(key, hash, at)?;
        }
        Ok(known)
    }

    /// Forgets all chips of a person, with those taught to its card; how many they were.
    pub fn forget_chips_of(&self, person: &PersonRow, now: UtcMs) -> Result<usize, StoreError> {
        let own = self.sql.prepare_cached("DELETE FROM person_chip WHERE person = ?1")?.execute([to_db(person.id)])?;
        let Some((office, handle)) = person.child else { return Ok(own) };
        let mut statement = self.sql.prepare_cached("SELECT key, hash, at FROM chip WHERE handle = ?1 AND office = ?2")?;
        let rows = statement.query_map((handle.0, office.0), |row| Ok((row.get::<_, Vec<u8>>(0)?, Hash(row.get(1)?), row.get(2)?)))?;
        let taught = rows.collect::<Result<Vec<(Vec<u8>, Hash, i64)>, _>>()?;
        for (key, hash, at) in &taught {
            self.forget_taught(key, *hash, now.max(UtcMs(from_db(*at)?.saturating_add(1))))?;
        }
        Ok(own + taught.len())
    }

    /// What was done here with chips of children of `office` after act `after`, at most `most` of it, each with its number.
    pub fn chips_told(&self, office: OfficeNumber, after: u64, most: usize) -> Result<Vec<(u64, ToldChip)>, StoreError> {
        let sql = "SELECT c.act, c.key, c.hash, c.at, c.handle IS NULL,
                (SELECT t.bytes FROM token t WHERE t.handle = c.handle AND t.office = c.office ORDER BY t.phone, t.issued DESC LIMIT 1)
            FROM chip c WHERE c.own = 1 AND c.office = ?1 AND c.act > ?2 ORDER BY c.act LIMIT ?3";
        let mut statement = self.sql.prepare_cached(sql)?;
        let mut rows = statement.query((office.0, to_db(after), to_db(most as u64)))?;
        let mut told = Vec::new();
        while let Some(row) = rows.next()? {
            let (key, forgotten, token): (Vec<u8>, bool, Option<Vec<u8>>) = (row.get(1)?, row.get(4)?, row.get(5)?);
            let key = <[u8; 8]>::try_from(key).ok().map(ChipKey);
            if forgotten || token.is_some() {
                told.push((from_db(row.get(0)?)?, ToldChip { key, hash: Hash(row.get(2)?), token, at: UtcMs(from_db(row.get(3)?)?) }));
            }
        }
        Ok(told)
    }

    /// Keeps what a neighbour did with a chip, unless something later is known. `key` is none for a chip under this box's own key.
    pub fn keep_told_chip(&self, key: Option<ChipKey>, told: &ToldChip, office: OfficeNumber, handle: Option<Handle>) -> Result<(), StoreError> {
        let sql = "INSERT INTO chip(key, hash, office, handle, at, own, act) VALUES (?1, ?2, ?3, ?4, ?5, 0, 0)
            ON CONFLICT(key, hash) DO UPDATE SET office = excluded.office, handle = excluded.handle, at = excluded.at, own = 0
                WHERE excluded.at > chip.at OR (excluded.at = chip.at AND chip.handle IS NULL)";
        let key = key.as_ref().map_or(OWN, |key| &key.0);
        self.sql.prepare_cached(sql)?.execute((key, told.hash.0, office.0, handle.map(|handle| handle.0), to_db(told.at.0)))?;
        Ok(())
    }

    /// A card of this child is new here: neighbours are told again of the chips that were taught to the child here.
    pub(super) fn tell_chips_again(&self, office: OfficeNumber, handle: Handle) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT key, hash FROM chip WHERE handle = ?1 AND office = ?2 AND own = 1")?;
        let rows = statement.query_map((handle.0, office.0), |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, [u8; 32]>(1)?)))?;
        for (key, hash) in rows.collect::<Result<Vec<_>, _>>()? {
            let number = self.next_act()?;
            self.sql.prepare_cached("UPDATE chip SET act = ?3 WHERE key = ?1 AND hash = ?2")?.execute((key, hash, to_db(number)))?;
        }
        Ok(())
    }

    fn forget_taught(&self, key: &[u8], hash: Hash, at: UtcMs) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM chip WHERE key = ?1 AND hash = ?2 AND handle IS NOT NULL";
        if self.sql.prepare_cached(sql)?.query_row((key, hash.0), |row| row.get::<_, i64>(0))? == 0 {
            return Ok(false);
        }
        let number = self.next_act()?;
        let sql = "UPDATE chip SET handle = NULL, at = ?3, own = 1, act = ?4 WHERE key = ?1 AND hash = ?2";
        self.sql.prepare_cached(sql)?.execute((key, hash.0, to_db(at.0), to_db(number)))?;
        Ok(true)
    }

    /// What was last done with a chip; of two acts of one moment, every box of the house takes the same for the later.
    fn latest_act(&self, chip: &Chip) -> Result<Option<Act>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT office, handle, at FROM chip WHERE key = ?1 AND hash = ?2")?;
        let names = std::iter::once(chip.own.0).chain(chip.told.iter().map(|(key, _)| *key));
        let mut latest: Option<(ChipKey, Act)> = None;
        for (name, (key, hash)) in names.zip(chip.rows()) {
            let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Option<[u8; 8]>>(1)?, row.get::<_, i64>(2)?));
            let Some((office, handle, at)) = statement.query_row((key, hash.0), read).optional()? else { continue };
            let act = Act { office: OfficeNumber(office), handle: handle.map(Handle), at: UtcMs(from_db(at)?) };
            if latest.as_ref().is_none_or(|(other, known)| (act.at, name) > (known.at, *other)) {
                latest = Some((name, act));
            }
        }
        Ok(latest.map(|(_, act)| act))
    }

    fn after_latest_act(&self, chip: &Chip, now: UtcMs) -> Result<UtcMs, StoreError> {
        Ok(self.latest_act(chip)?.map_or(now, |act| now.max(act.at.plus_ms(1))))
    }

    /// The number of the next act; none is ever given twice.
    fn next_act(&self) -> Result<u64, StoreError> {
        let sql = "UPDATE chip_acts SET last = last + 1 RETURNING last";
        from_db(self.sql.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    /// The secret of this box's own key.
    pub fn chip_secret(&self) -> Result<ChipSecret, StoreError> {
        let secret = self.fact(Fact::ChipSecret)?.and_then(|bytes| bytes.try_into().ok());
        secret.map(ChipSecret).ok_or_else(|| StoreError::Inconsistent("the chip secret is missing".into()))
    }
}

impl Chip {
    fn rows(&self) -> impl Iterator<Item = (&[u8], Hash)> {
        std::iter::once((OWN, self.own.1)).chain(self.told.iter().map(|(key, hash)| (&key.0[..], *hash)))
    }
}
