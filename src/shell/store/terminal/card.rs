//! Cards seen before, and answers given before.

use super::{OfficeNumber, StoreError, Tx, from_db, to_db};
use crate::admit::number::CardNumber;
use crate::admit::token::Token;
use crate::words::ids::{Handle, Hash, TokenId};
use crate::words::time::{UtcMs, UtcSeconds};
use rusqlite::OptionalExtension;

/// A card whose whole code was seen before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownCard {
    /// The signed token, to be verified again.
    pub token: Vec<u8>,
}

/// An answer given before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedAsk {
    /// SHA-256 of the request.
    pub request: Hash,
    /// The answer.
    pub answer: String,
}

impl Tx<'_> {
    /// The card with this number.
    pub fn card(&self, number: CardNumber) -> Result<Option<KnownCard>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT bytes FROM token WHERE number = ?1")?;
        Ok(statement.query_row([to_db(number.get())], |row| row.get(0)).optional()?.map(|token| KnownCard { token }))
    }

    /// All cards of a child, the latest first; those that are bound to a phone last.
    pub fn cards_of(&self, office: OfficeNumber, handle: Handle) -> Result<Vec<KnownCard>, StoreError> {
        let sql = "SELECT bytes FROM token WHERE handle = ?1 AND office = ?2 ORDER BY phone, issued DESC";
        let mut statement = self.sql.prepare_cached(sql)?;
        let mut rows = statement.query((handle.0, office.0))?;
        let mut cards = Vec::new();
        while let Some(row) = rows.next()? {
            cards.push(KnownCard { token: row.get(0)? });
        }
        Ok(cards)
    }

    /// Remembers a card, so that next time its number is enough. Writes nothing when it is known already.
    pub fn keep_card(&self, office: OfficeNumber, token: &Token, bytes: &[u8]) -> Result<(), StoreError> {
        let number = CardNumber::of(token.id);
        if self.card(number)?.is_some_and(|known| known.token == bytes) {
            return Ok(());
        }
        let sql = "INSERT OR REPLACE INTO token(number, bytes, office, handle, issued, hint, last_day, place, phone)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let (hint, last, place, phone) = (token.hint.as_deref(), token.last_day().days(), to_db(token.status_index), token.holder_key.is_some());
        let values = (to_db(number.get()), bytes, office.0, token.handle.0, to_db(token.issued.0), hint, last, place, phone);
        self.sql.prepare_cached(sql)?.execute(values)?;
        self.tell_chips_again(office, token.handle)
    }

    /// The moment of the latest phone code of a token with which something was recorded.
    pub fn phone_code_used(&self, token: TokenId) -> Result<Option<UtcSeconds>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT at FROM phone_code WHERE token = ?1")?;
        statement.query_row([token.0], |row| row.get::<_, i64>(0)).optional()?.map(|at| Ok(UtcSeconds(from_db(at)?))).transpose()
    }

    /// Notes that something was recorded with the phone code of this moment.
    pub fn use_phone_code(&self, token: TokenId, at: UtcSeconds) -> Result<(), StoreError> {
        let sql = "INSERT INTO phone_code(token, at) VALUES (?1, ?2) ON CONFLICT(token) DO UPDATE SET at = max(at, ?2)";
        self.sql.prepare_cached(sql)?.execute((token.0, to_db(at.0)))?;
        Ok(())
    }

    /// The answer that was given to the ask with this id.
    pub fn remembered(&self, ask: &str) -> Result<Option<RememberedAsk>, StoreError> {
        let mut statement = self.sql.prepare_cached("SELECT request, answer FROM ask WHERE id = ?1")?;
        Ok(statement.query_row([ask], |row| Ok(RememberedAsk { request: Hash(row.get(0)?), answer: row.get(1)? })).optional()?)
    }

    /// Remembers an answer.
    pub fn remember(&self, ask: &str, request: Hash, answer: &str, at: UtcMs) -> Result<(), StoreError> {
        let mut statement = self.sql.prepare_cached("INSERT INTO ask(id, request, answer, at) VALUES (?1, ?2, ?3, ?4)")?;
        statement.execute((ask, request.0, answer, to_db(at.0)))?;
        Ok(())
    }

    /// Forgets the answers, questions and phone codes from before `before`.
    pub fn forget_asks(&self, before: UtcMs) -> Result<(), StoreError> {
        // Answers stand in the order of giving: the old ones before the first that is young enough. One that a wrong clock has dated later than
        // the latest stands for no other, and is kept until its own day: who lost it may still ask again.
        let sql = "DELETE FROM ask WHERE at < ?1 AND number <
            (SELECT number FROM ask WHERE at >= ?1 AND at <= (SELECT at FROM ask ORDER BY number DESC LIMIT 1) ORDER BY number LIMIT 1)";
        self.sql.prepare_cached(sql)?.execute([to_db(before.0)])?;
        self.sql.prepare_cached("DELETE FROM phone_code WHERE at < ?1")?.execute([to_db(before.seconds().0)])?;
        self.sql.prepare_cached("DELETE FROM asked WHERE at < ?1")?.execute([to_db(before.0)])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::TerminalStore;
    use super::*;

    #[test]
    fn old_answers_are_forgotten_in_the_order_of_giving_and_a_wrong_clock_loses_none() {
        let mut store = TerminalStore::open_in_memory().expect("a database");
        let left = store.write(|tx| {
            // The second was dated ahead by a wrong clock; the fifth is the first that is young enough.
            for (ask, at) in [("a", 10), ("b", 9000), ("c", 11), ("d", 49), ("e", 50), ("f", 40), ("g", 60)] {
                tx.remember(ask, Hash([1; 32]), "{}", UtcMs(at))?;
            }
            tx.forget_asks(UtcMs(50))?;
            let left: Vec<&str> = ["a", "b", "c", "d", "e", "f", "g"].into_iter().filter(|ask| matches!(tx.remembered(ask), Ok(Some(_)))).collect();
            // Nothing is young enough: whatever the clock says, the latest answers stay until others have come.
            tx.forget_asks(UtcMs(70))?;
            assert!(tx.remembered("g")?.is_some());
            Ok::<_, StoreError>(left)
        });
        assert_eq!(left.expect("kept"), ["b", "e", "f", "g"]);
    }
}
