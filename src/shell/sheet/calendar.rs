//! `calendar.csv`: on which days a provider serves, so that a clerk is shown what was claimed for others (`not_a_service_day`).
//!
//! `provider;from;to;open`: a provider number or `*` for all, first and last day (one day where `to` is empty), yes or no.
//! Holidays of all schools are one row, a movable day of one school another. Where rows disagree, one that names the provider
//! outweighs `*`, and among equals the later row counts. A day of which no row speaks is not judged.

use super::self_paid::span;
use super::text::echo;
use super::{Column, Row, RowError, Table, cell};
use crate::words::civil::CivilDay;
use crate::words::ids::ProviderNumber;
use serde::Serialize;

/// Days on which one provider, or all, serve or do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CalendarRow {
    /// The line of the file it stood in.
    pub line: u64,
    /// The provider; all where none.
    pub provider: Option<ProviderNumber>,
    /// The first day.
    pub from: CivilDay,
    /// The last day.
    pub to: CivilDay,
    /// Whether there is service.
    pub open: bool,
}

/// The columns of `calendar.csv`.
pub const COLUMNS: &[Column] = &[
    Column { name: "provider", aliases: &["Anbieter", "Anbieternummer"], required: true },
    Column { name: "from", aliases: &["von", "ab", "Datum", "date"], required: true },
    Column { name: "to", aliases: &["bis"], required: false },
    Column { name: "open", aliases: &["offen", "geöffnet"], required: true },
];

/// Reads `calendar.csv`. Every row is either in `rows` or has its error.
pub fn read(bytes: &[u8]) -> Result<Table<CalendarRow>, RowError> {
    super::read(bytes, COLUMNS, |row| {
        let (from, to) = span(row, 1, 2)?;
        Ok(CalendarRow { line: row.line, provider: provider(row)?, from, to, open: open(row)? })
    })
}

/// Whether `provider` serves on `day` as the rows tell; none where they do not.
pub fn serves(rows: &[CalendarRow], provider: ProviderNumber, day: CivilDay) -> Option<bool> {
    let speaking = rows.iter().filter(|row| row.provider.is_none_or(|p| p == provider) && row.from <= day && day <= row.to);
    speaking.max_by_key(|row| row.provider.is_some()).map(|row| row.open)
}

fn provider(row: &Row) -> Result<Option<ProviderNumber>, RowError> {
    let text = row.cell(0);
    if text == "*" {
        return Ok(None);
    }
    text.parse().ok().filter(|number| *number > 0).map(|number| Some(ProviderNumber(number))).ok_or_else(|| {
        row.wrong(
            "provider",
            format!("„{}“ ist keine Anbieternummer: bitte die Nummer eintragen oder * für alle.", echo(text)),
            format!("“{}” is no provider number: enter the number, or * for all.", echo(text)),
        )
    })
}

fn open(row: &Row) -> Result<bool, RowError> {
    let text = row.cell(3);
    cell::yes_or_no(text).ok_or_else(|| {
        row.wrong(
            "open",
            format!("„{}“ ist weder ja noch nein: bitte ja (geöffnet) oder nein (geschlossen) eintragen.", echo(text)),
            format!("“{}” is neither yes nor no: enter yes (open) or no (closed).", echo(text)),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> CivilDay {
        CivilDay::parse(text).unwrap()
    }

    #[test]
    fn the_provider_s_own_row_outweighs_the_common_one() {
        let table = read(b"provider;from;to;open\n*;2026-10-17;2026-10-31;nein\n7;2026-10-19;;ja\n7;19.10.26;;nein\n7;2026-10-20;;x\n").unwrap();
        assert_eq!(table.errors, []);
        let serves = |provider, date| serves(&table.rows, ProviderNumber(provider), day(date));
        assert_eq!(serves(3, "2026-10-19"), Some(false));
        assert_eq!(serves(7, "2026-10-19"), Some(false), "the later row counts");
        assert_eq!(serves(7, "2026-10-20"), Some(true));
        assert_eq!(serves(3, "2026-11-02"), None);
    }

    #[test]
    fn a_wrong_row_is_named() {
        let table = read(b"provider,date,open\nMensa,2026-10-17,ja\n1,2026-10-17,vielleicht\n1,nie,ja\n").unwrap();
        let places: Vec<_> = table.errors.iter().map(|e| (e.line, e.column)).collect();
        assert_eq!(places, [(2, Some("provider")), (3, Some("open")), (4, Some("from"))]);
    }
}
