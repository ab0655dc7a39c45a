//! `self_paid.csv`: what the office paid itself on a child's allowance, so that no provider is paid it again (§ 30 SGB II, or cash
//! for participation).
//!
//! `reference;benefit;from;to;amount`: the first and last day (or month) the payment was for, the amount as in
//! [`children`](super::children): whole numbers are cents, decimals euros.

use super::children::{MAX_MONTHS, benefit, cents};
use super::reference::{CaseReference, reference};
use super::text::echo;
use super::{Column, Row, RowError, Table, cell};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;
use serde::Serialize;
use std::collections::HashMap;

/// One payment of the office to a family.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DebitRow {
    /// The line of the file it stood in.
    pub line: u64,
    /// The office's key of the case.
    pub reference: CaseReference,
    /// The benefit it was paid for.
    pub benefit: Benefit,
    /// The first day it was paid for.
    pub from: CivilDay,
    /// The last day it was paid for.
    pub to: CivilDay,
    /// The amount, above zero.
    pub cents: Cents,
}

/// The columns of `self_paid.csv`.
pub const COLUMNS: &[Column] = &[
    Column { name: "reference", aliases: &["Referenz", "Aktenzeichen", "AZ", "Fallnummer"], required: true },
    Column { name: "benefit", aliases: &["Leistung", "Leistungsart"], required: true },
    Column { name: "from", aliases: &["von", "ab", "Beginn"], required: true },
    Column { name: "to", aliases: &["bis", "Ende"], required: true },
    Column { name: "amount", aliases: &["Betrag"], required: true },
];

/// Reads `self_paid.csv`. Every row is either in `rows` or has its error; a row that repeats another one is an error, since it would
/// count twice.
pub fn read(bytes: &[u8]) -> Result<Table<DebitRow>, RowError> {
    let mut seen: HashMap<(CaseReference, Benefit, CivilDay, CivilDay, Cents), u64> = HashMap::new();
    super::read(bytes, COLUMNS, |row| {
        let debit = debit(row)?;
        let first = *seen.entry((debit.reference.clone(), debit.benefit, debit.from, debit.to, debit.cents)).or_insert(row.line);
        if first != row.line {
            return Err(RowError::of_line(
                row.line,
                format!("Diese Zahlung steht schon in Zeile {first}: bitte eine davon entfernen oder zu einer zusammenfassen."),
                format!("This payment stands in line {first} already: remove one of them or add them up."),
            ));
        }
        Ok(debit)
    })
}

fn debit(row: &Row) -> Result<DebitRow, RowError> {
    let reference = reference(row, 0)?;
    let benefit = benefit(row, 1)?;
    let (from, to) = span(row, 2, 3)?;
    let cents = Cents::from_field(cents(row, 4)?).unwrap_or(Cents::ZERO);
    Ok(DebitRow { line: row.line, reference, benefit, from, to, cents })
}

/// Reads the days `from` and `to` of a row; a month means its first or its last day, an empty `to` the same as `from`.
pub(super) fn span(row: &Row, from: usize, to: usize) -> Result<(CivilDay, CivilDay), RowError> {
    let unreadable = |column, text: &str| {
        row.wrong(
            column,
            format!("„{}“ ist kein Tag und kein Monat: bitte wie 2026-08-01, 01.08.2026 oder 08.2026 schreiben.", echo(text)),
            format!("“{}” is no day and no month: write it as 2026-08-01, 01.08.2026 or 08.2026.", echo(text)),
        )
    };
    let (first, last) = (row.cell(from), if row.cell(to).is_empty() { row.cell(from) } else { row.cell(to) });
    let begin = cell::day(first).or_else(|| cell::month(first).map(|m| m.first_day())).ok_or_else(|| unreadable("from", first))?;
    let end = cell::day(last).or_else(|| cell::month(last).map(|m| m.last_day())).ok_or_else(|| unreadable("to", last))?;
    if begin > end {
        return Err(row.wrong(
            "to",
            format!("Der Zeitraum endet ({}) vor seinem Beginn ({}): bitte von und bis prüfen.", end.german(), begin.german()),
            format!("The period ends ({end}) before it begins ({begin}): check from and to."),
        ));
    }
    if end.month().since(begin.month()) >= MAX_MONTHS {
        return Err(row.wrong(
            "to",
            format!("Der Zeitraum ist länger als {MAX_MONTHS} Monate: bitte von und bis prüfen."),
            format!("The period is longer than {MAX_MONTHS} months: check from and to."),
        ));
    }
    Ok((begin, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payments_of_days_and_months_are_read() {
        let table = read(b"Aktenzeichen;Leistung;von;bis;Betrag\r\n007;Teilhabe;08.2026;10.2026;45,00\r\n008;lunch;2026-11-23;;450\r\n").unwrap();
        assert_eq!(table.errors, []);
        let shown: Vec<String> =
            table.rows.iter().map(|r| format!("{} {} {} {} {}", r.reference.as_str(), r.benefit.name(), r.from, r.to, r.cents.get())).collect();
        assert_eq!(shown, ["007 participation 2026-08-01 2026-10-31 4500", "008 lunch 2026-11-23 2026-11-23 450"]);
    }

    #[test]
    fn a_wrong_payment_is_named() {
        let table = read(
            b"reference;benefit;from;to;amount\n\
              1;2;2026-08;2026-07;450\n\
              1;2;gestern;;450\n\
              1;2;2026-08;2029-08;450\n\
              1;2;2026-08;;0\n\
              1;2;2026-08;;450\n\
              1;2;01.08.2026;31.08.2026;4,50\n",
        )
        .unwrap();
        let places: Vec<_> = table.errors.iter().map(|e| (e.line, e.column)).collect();
        assert_eq!(places, [(2, Some("to")), (3, Some("from")), (4, Some("to")), (5, Some("amount")), (7, None)]);
        assert_eq!(table.rows.len(), 1);
    }
}
