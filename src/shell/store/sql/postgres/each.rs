//! One statement for many sets of values: what is written for one set is made one over arrays, a place `?2` becoming column `v.p2` of them.
//! A place that has the same value in every set stays a place.
//!
//! | one set | many |
//! |---|---|
//! | `INSERT INTO t (a) VALUES (?1)` | `INSERT INTO t (a) SELECT v.p1 FROM unnest($1) AS v(p1)` |
//! | `UPDATE t SET a = ?1 WHERE b = ?2` | `UPDATE t SET a = v.p1 FROM unnest($1, $2) AS v(p1, p2) WHERE b = v.p2` |
//! | `DELETE FROM t WHERE b = ?1` | `DELETE FROM t USING unnest($1) AS v(p1) WHERE b = v.p1` |
//! | `SELECT a FROM t WHERE b = ?1` | `SELECT x.*, v.place FROM unnest($1) WITH ORDINALITY AS v(p1, place) CROSS JOIN LATERAL (SELECT …) AS x` |

use super::super::{Error, Kind, Params, Result, ValueRef};
use super::wire::Column;

/// Sets of values, column by column.
pub(super) struct Columns(Vec<Column>);

impl Columns {
    /// An error where a set has more or fewer values than the first.
    pub(super) fn of<P: Params>(sets: &[P]) -> Result<Self> {
        let mut columns: Vec<Column> = Vec::new();
        for (number, set) in sets.iter().enumerate() {
            let mut place = 0;
            set.each(&mut |kind, value: ValueRef<'_>| {
                if number == 0 {
                    columns.push(Column::of(kind, sets.len()));
                }
                if let Some(column) = columns.get_mut(place) {
                    column.push(value);
                }
                place += 1;
            });
            if place != columns.len() {
                return Err(Error::Values { given: place, wanted: columns.len() });
            }
        }
        Ok(Self(columns))
    }

    /// What the places of the statement over arrays are. The first is an array in any case, for it says how many sets there are.
    pub(super) fn places(&self) -> Vec<(Kind, Place)> {
        let place = |number: usize, column: &Column| if number > 0 && column.is_one_value() { Place::One } else { Place::Many };
        self.0.iter().enumerate().map(|(number, column)| (column.kind(), place(number, column))).collect()
    }

    pub(super) fn sent(&self) -> Vec<&Column> {
        self.0.iter().collect()
    }
}

/// Whether a place has one value for all sets, or one for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    One,
    Many,
}

/// The statement over arrays.
pub(super) fn over_arrays(sql: &str, places: &[(Kind, Place)]) -> Result<String> {
    let many = |number: usize| number.checked_sub(1).and_then(|at| places.get(at)).is_some_and(|(_, place)| *place == Place::Many);
    let numbers: Vec<usize> = (1..=places.len()).filter(|number| many(*number)).collect();
    let listed = |sign: &str| numbers.iter().map(|number| format!("{sign}{number}")).collect::<Vec<_>>().join(", ");
    let (given, names) = (listed("?"), listed("p"));
    let arrays = format!("unnest({given}) AS v({names})");
    let sql = with_columns(sql.trim(), many);
    let none = || Error::NotForEach;
    let first = sql.get(..6).unwrap_or_default();
    match first {
        "INSERT" => {
            let at = outside(&sql, "VALUES").ok_or_else(none)?;
            let values = sql[at..].find('(').map(|open| at + open).ok_or_else(none)?;
            let end = closing(&sql, values).ok_or_else(none)?;
            Ok(format!("{}SELECT {} FROM {arrays}{}", &sql[..at], &sql[values + 1..end], &sql[end + 1..]))
        }
        "UPDATE" | "DELETE" => {
            let at = outside(&sql, "WHERE").ok_or_else(none)?;
            let with = if first == "UPDATE" { "FROM" } else { "USING" };
            Ok(format!("{}{with} {arrays} {}", &sql[..at], &sql[at..]))
        }
        "SELECT" => Ok(format!("SELECT x.*, v.place FROM unnest({given}) WITH ORDINALITY AS v({names}, place) CROSS JOIN LATERAL ({sql}) AS x")),
        _ => Err(none()),
    }
}

/// `?2` becomes `v.p2` where there are many of it; what stands in quotes stays.
fn with_columns(sql: &str, many: impl Fn(usize) -> bool) -> String {
    let mut out = String::with_capacity(sql.len() + 64);
    let mut quoted = false;
    for (at, sign) in sql.char_indices() {
        quoted ^= sign == '\'';
        let number = || sql[at + 1..].split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok());
        let is_column = sign == '?' && !quoted && number().is_some_and(&many);
        if is_column { out.push_str("v.p") } else { out.push(sign) }
    }
    out
}

/// Where the first such word stands that is neither in brackets nor in quotes.
fn outside(sql: &str, word: &str) -> Option<usize> {
    let (mut depth, mut quoted) = (0_i32, false);
    sql.char_indices().find_map(|(at, sign)| {
        match sign {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        let alone = |sign: Option<char>| sign.is_none_or(|sign| !sign.is_ascii_alphanumeric() && sign != '_');
        let is_here = depth == 0 && !quoted && sql[at..].starts_with(word);
        (is_here && alone(sql[..at].chars().next_back()) && alone(sql[at + word.len()..].chars().next())).then_some(at)
    })
}

/// Where the bracket that opens at `from` is closed.
fn closing(sql: &str, from: usize) -> Option<usize> {
    let (mut depth, mut quoted) = (0_i32, false);
    sql[from..].char_indices().find_map(|(at, sign)| {
        match sign {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(from + at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_for_one_set_becomes_one_for_many() {
        let two = [(Kind::Integer, Place::Many), (Kind::Text, Place::Many)];
        for (one, many) in [
            (
                "INSERT INTO t (a, b, c) VALUES (?1, coalesce(?2, (SELECT x FROM u WHERE y = ?1)), '?1 VALUES (') ON CONFLICT DO NOTHING",
                "INSERT INTO t (a, b, c) SELECT v.p1, coalesce(v.p2, (SELECT x FROM u WHERE y = v.p1)), '?1 VALUES (' FROM unnest(?1, ?2) AS v(p1, p2) ON CONFLICT DO NOTHING",
            ),
            (
                "UPDATE t SET a = (SELECT b FROM u WHERE c = ?1) WHERE d = ?2",
                "UPDATE t SET a = (SELECT b FROM u WHERE c = v.p1) FROM unnest(?1, ?2) AS v(p1, p2) WHERE d = v.p2",
            ),
            ("DELETE FROM t WHERE a = ?1 AND b = ?2", "DELETE FROM t USING unnest(?1, ?2) AS v(p1, p2) WHERE a = v.p1 AND b = v.p2"),
            (
                "SELECT a FROM t WHERE b = ?1 AND c = ?2",
                "SELECT x.*, v.place FROM unnest(?1, ?2) WITH ORDINALITY AS v(p1, p2, place) CROSS JOIN LATERAL (SELECT a FROM t WHERE b = v.p1 AND c = v.p2) AS x",
            ),
        ] {
            assert_eq!(over_arrays(one, &two).expect(one), many);
        }
        let first = [(Kind::Integer, Place::Many), (Kind::Text, Place::One)];
        let (one, many) = ("INSERT INTO t (a, b) VALUES (?1, ?2)", "INSERT INTO t (a, b) SELECT v.p1, ?2 FROM unnest(?1) AS v(p1)");
        assert_eq!(over_arrays(one, &first).expect("one"), many);
        for wrong in ["VACUUM", "UPDATE t SET a = ?1", "INSERT INTO t SELECT ?1, ?2", "INSERT INTO t VALUES (?1"] {
            assert!(over_arrays(wrong, &two).is_err(), "{wrong}");
        }
    }
}
