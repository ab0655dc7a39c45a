//! Cards by their last day.

use super::view::PersonShown;
use super::{OfficeNumber, StoreError, Tx, from_db, to_db};
use crate::admit::token::Token;
use crate::words::civil::CivilDay;
use crate::words::ids::Handle;

/// A card with what it says of its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardEnd {
    /// The number printed on it.
    pub number: u64,
    /// The office.
    pub office: OfficeNumber,
    /// The child.
    pub handle: Handle,
    /// Its hint.
    pub hint: Option<String>,
    /// Who it is, where this provider's own lists say so.
    pub person: Option<PersonShown>,
    /// The last day on which it counts.
    pub last: CivilDay,
    /// Its place in the office's status list.
    pub place: u64,
}

impl Tx<'_> {
    /// The cards that count until `from` or longer, those that end first before the others.
    pub fn cards_ending(&self, from: CivilDay) -> Result<Vec<CardEnd>, StoreError> {
        let sql = "SELECT t.number, t.office, t.handle, t.hint, t.last_day, t.place, p.id, p.name, p.number
            FROM token t LEFT JOIN person p ON p.office = t.office AND p.handle = t.handle WHERE t.last_day >= ?1 ORDER BY t.last_day, t.number";
        let mut statement = self.sql.prepare_cached(sql)?;
        let mut rows = statement.query([from.days()])?;
        let mut cards = Vec::new();
        while let Some(row) = rows.next()? {
            let person = match row.get::<_, Option<i64>>(6)? {
                Some(id) => Some(PersonShown { id: from_db(id)?, name: row.get(7)?, number: row.get(8)? }),
                None => None,
            };
            cards.push(CardEnd {
                number: from_db(row.get(0)?)?,
                office: OfficeNumber(row.get(1)?),
                handle: Handle(row.get(2)?),
                hint: row.get(3)?,
                person,
                last: super::record::day(row.get(4)?)?,
                place: from_db(row.get(5)?)?,
            });
        }
        Ok(cards)
    }

    /// Cards that were kept before their end was written beside them, at most `limit`: their numbers and signed bytes.
    pub fn cards_without_end(&self, limit: u32) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT number, bytes FROM token WHERE last_day IS NULL LIMIT ?1")?;
        let mut rows = statement.query([limit])?;
        let mut cards = Vec::new();
        while let Some(row) = rows.next()? {
            cards.push((from_db(row.get(0)?)?, row.get(1)?));
        }
        Ok(cards)
    }

    /// Writes beside a card what it says of its end; of one that does not verify, that it is long over.
    pub fn keep_card_end(&self, number: u64, token: Option<&Token>) -> Result<(), StoreError> {
        let (last, place) = token.map_or((0, 0), |token| (token.last_day().days(), to_db(token.status_index)));
        self.sql.prepare_cached("UPDATE token SET last_day = ?2, place = ?3 WHERE number = ?1")?.execute((to_db(number), last, place))?;
        Ok(())
    }
}
