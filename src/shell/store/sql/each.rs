//! A statement run for many sets of values: one after the other in a file, all at once on a server.

use super::{Connection, Error, Params, Result, Row};

impl Connection {
    /// Runs a statement for each set of values; answers how many rows it has changed.
    ///
    /// On a server it is one statement: no set may bear on what another finds, and a place is bound as in a statement for one.
    pub fn execute_each<P: Params>(&self, sql: &str, sets: &[P]) -> Result<usize> {
        match self {
            Self::Server(session) => session.execute_each(sql, sets),
            Self::Embedded(_) => {
                let mut statement = self.prepare_cached(sql)?;
                sets.iter().try_fold(0, |changed, set| Ok(changed + statement.execute(Lent(set))?))
            }
        }
    }

    /// Runs a query for each set of values; each row is read with the place of its set, rows of one set in no order.
    pub fn query_each<P: Params, E: From<Error>>(
        &self,
        sql: &str,
        sets: &[P],
        mut read: impl FnMut(usize, &Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Server(session) => session.query_each(sql, sets, |place, row| read(place, &Row::Server(row))),
            Self::Embedded(_) => {
                let mut statement = self.prepare_cached(sql)?;
                for (place, set) in sets.iter().enumerate() {
                    let mut rows = statement.query(Lent(set))?;
                    while let Some(row) = rows.next()? {
                        read(place, &row)?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// A set of values that somebody else has.
struct Lent<'s, P>(&'s P);

impl<P: Params> Params for Lent<'_, P> {
    fn each<'p>(&'p self, take: &mut dyn FnMut(super::Kind, super::ValueRef<'p>)) {
        self.0.each(take);
    }
}
