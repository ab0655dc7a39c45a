//! Pick-ups as another canteen system exports them: `chip;date;time;service`, in any order, by German or English names. Date and time may
//! share a column.

use super::people::damaged;
use super::text::echo;
use super::{Column, Row, RowError, Table, cell};
use crate::admit::scan::Scan;
use crate::words::civil::CivilDay;

/// One pick-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickupRow {
    /// The line of the file it stood in.
    pub line: u64,
    /// The chip or card number, as it stood there.
    pub code: String,
    /// The service day.
    pub day: CivilDay,
    /// The service, by code or name; none where the file does not say.
    pub service: Option<String>,
}

/// The columns of such a file.
pub const COLUMNS: &[Column] = &[
    Column {
        name: "chip",
        aliases: &[
            "Chipnummer",
            "Chip-Nr.",
            "Chip-ID",
            "UID",
            "RFID",
            "Transponder",
            "Karte",
            "Kartennummer",
            "Karten-Nr.",
            "Nummer",
            "card",
            "card number",
            "number",
        ],
        required: true,
    },
    Column {
        name: "date",
        aliases: &["Datum", "Tag", "Essenstag", "Ausgabedatum", "Zeitpunkt", "Datum/Uhrzeit", "day", "timestamp", "date/time"],
        required: true,
    },
    Column { name: "time", aliases: &["Uhrzeit", "Zeit"], required: false },
    Column { name: "service", aliases: &["Angebot", "Leistung", "Artikel", "Menü", "meal"], required: false },
];

/// Reads such a file. Every row is either in `rows` or has its error.
pub fn read(bytes: &[u8]) -> Result<Table<PickupRow>, RowError> {
    super::read(bytes, COLUMNS, pickup)
}

fn pickup(row: &Row) -> Result<PickupRow, RowError> {
    let code = row.cell(0);
    if cell::is_scientific(code) {
        return Err(damaged(row, "chip", code));
    }
    if !matches!(Scan::new(code), Ok(Scan::Chip(_) | Scan::Number(_))) {
        return Err(row.wrong(
            "chip",
            format!("„{}“ ist weder Chip noch Kartennummer: erwartet werden 4 bis 32 Ziffern und Buchstaben.", echo(code)),
            format!("“{}” is neither a chip nor a card number: expected are 4 to 32 digits and letters.", echo(code)),
        ));
    }
    let (date, time) = parts(row.cell(1));
    let day = cell::day(date).filter(|_| time.is_none_or(is_time)).ok_or_else(|| {
        row.wrong(
            "date",
            format!("„{}“ ist kein Tag: bitte wie 25.11.2026 oder 2026-11-25 schreiben.", echo(row.cell(1))),
            format!("“{}” is no day: write it as 25.11.2026 or 2026-11-25.", echo(row.cell(1))),
        )
    })?;
    let time = row.cell(2);
    if !time.is_empty() && !is_time(time) {
        return Err(row.wrong(
            "time",
            format!("„{}“ ist keine Uhrzeit: bitte wie 12:03 schreiben.", echo(time)),
            format!("“{}” is no time: write it as 12:03.", echo(time)),
        ));
    }
    let service = Some(row.cell(3)).filter(|service| !service.is_empty()).map(str::to_owned);
    Ok(PickupRow { line: row.line, code: code.to_owned(), day, service })
}

/// A date, and what stands behind it in the same cell: `25.11.2026 12:03`, `2026-11-25T12:03:00`, `25.11.2026, 12:03 Uhr`.
fn parts(cell: &str) -> (&str, Option<&str>) {
    let iso = cell.get(..10).filter(|_| cell.as_bytes().get(10) == Some(&b'T')).zip(cell.get(11..));
    let split = iso.or_else(|| cell.split_once([' ', ',']));
    match split {
        Some((date, rest)) => (date.trim_end_matches(','), Some(rest.trim()).filter(|rest| !rest.is_empty())),
        None => (cell, None),
    }
}

/// `12:03`, `12.03`, `1203`, with seconds, with "Uhr", or as ISO 8601 ends it.
fn is_time(text: &str) -> bool {
    let bare = text.trim_end_matches("Uhr").trim_end_matches(['Z', ' ']);
    let bare = bare.split(['+']).next().unwrap_or_default();
    let digits: Vec<&str> = bare.split([':', '.']).collect();
    let number = |part: &str, most: u32| (1..=2).contains(&part.len()) && part.parse::<u32>().is_ok_and(|n| n < most);
    match digits.as_slice() {
        [both] if both.len() == 4 && both.is_ascii() => number(&both[..2], 24) && number(&both[2..], 60),
        [hour, minute] => number(hour, 24) && number(minute, 60),
        [hour, minute, second] | [hour, minute, second, _] => number(hour, 24) && number(minute, 60) && number(second, 60),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn files_of_other_systems_are_read() {
        for bytes in [
            &b"Chipnummer;Datum;Uhrzeit;Men\xFC\n0004711;25.11.2026;12:03;Mittag\n"[..],
            b"\xEF\xBB\xBFDatum/Uhrzeit,UID,Artikel\r\n\"25.11.2026 12:03:11\",0004711,Mittag\r\n",
            b"card number\ttimestamp\tservice\n=\"0004711\"\t2026-11-25T12:03:11.000+01:00\tMittag\n",
            b"Karte;Tag;Zeit;Leistung\n0004711;25.11.26, 12.03 Uhr;1203;Mittag\n",
        ] {
            let table = read(bytes).expect("a table");
            assert_eq!(table.errors, [], "{}", String::from_utf8_lossy(bytes));
            let day = CivilDay::parse("2026-11-25").expect("a day");
            assert_eq!(table.rows, [PickupRow { line: 2, code: "0004711".into(), day, service: Some("Mittag".into()) }]);
        }
    }

    #[test]
    fn wrong_rows_are_named() {
        let table = read(b"chip;date;time\n04A224B2;heute;\n04A224B2;25.11.2026;25:00\n!;25.11.2026;\n1,2E+9;25.11.2026;\n04A224B2;25.11.2026 mittags;\n04A224B2;31.11.2026;\n04A224B2;25.11.2026;\n").expect("a table");
        let places: Vec<_> = table.errors.iter().map(|e| (e.line, e.column)).collect();
        assert_eq!(places, [(2, Some("date")), (3, Some("time")), (4, Some("chip")), (5, Some("chip")), (6, Some("date")), (7, Some("date"))]);
        assert_eq!(table.rows.len(), 1);
    }

    proptest! {
        #[test]
        fn no_cell_is_too_wild(chip in "\\PC{0,12}", date in "[0-9.,:TZ+ üU-]{0,24}", time in "[0-9.:+Uhrü ]{0,8}") {
            let text = format!("chip\tdate\ttime\n{chip}\t{date}\t{time}\n");
            if let Ok(table) = read(text.as_bytes()) {
                prop_assert!(table.rows.len() + table.errors.len() <= 2);
            }
        }
    }
}
