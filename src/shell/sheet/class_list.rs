//! A school's class list: `card;amount` or `reference;amount`, as people write it. Amounts are **euros**, whole numbers included, for schools
//! write them by hand; an empty one means the amount that is the same for all. A list without header is a list of cards.

use super::cell::{self, Money};
use super::reference::{CaseReference, reference};
use super::text::{decode, echo};
use super::{Column, Row, RowError, Table};
use crate::admit::number::CardNumber;
use crate::words::cents::Cents;
use crate::words::ids::TokenId;
use std::collections::HashMap;

/// The most rows of one list: the largest school on its way.
pub const MAX_ROWS: usize = 1_000;

/// Whom a row means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whom {
    /// The child with this card number.
    Card(CardNumber),
    /// The child with this token.
    Token(TokenId),
    /// The child of this case.
    Case(CaseReference),
}

/// One child of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRow {
    /// The line of the list.
    pub line: u64,
    /// The child.
    pub whom: Whom,
    /// The amount; none where the list names none.
    pub cents: Option<Cents>,
}

/// The columns of a class list.
pub const COLUMNS: &[Column] = &[
    Column {
        name: "card",
        aliases: &["Karte", "Kartennummer", "Karten-Nr.", "Kartennr", "Nummer", "number", "card number", "token", "token_id", "token id"],
        required: false,
    },
    Column { name: "reference", aliases: &["Referenz", "Aktenzeichen", "AZ", "Fallnummer"], required: false },
    Column { name: "amount", aliases: &["Betrag", "Kosten", "Euro", "EUR", "Betrag in Euro", "cost"], required: false },
];

/// Reads a class list. Every row is either in `rows` or has its error; a child's second row is an error.
pub fn read(bytes: &[u8]) -> Result<Table<ListRow>, RowError> {
    let text = decode(bytes)?;
    let extra = u64::from(!has_header(&text));
    let headed = if extra == 0 { text } else { format!("card;amount\n{}", text.replace('\t', ";")) };
    let mut seen: HashMap<Whom, u64> = HashMap::new();
    let mut table = super::read(headed.as_bytes(), COLUMNS, |row| {
        let found = list_row(row)?;
        let first = *seen.entry(found.whom.clone()).or_insert(row.line);
        if first != row.line {
            return Err(twice(row.line, first - extra));
        }
        Ok(found)
    })?;
    if table.rows.len() + table.errors.len() > MAX_ROWS {
        return Err(RowError::of_file(
            format!("Die Liste hat mehr als {MAX_ROWS} Zeilen: bitte in mehrere Listen aufteilen."),
            format!("The list has more than {MAX_ROWS} rows: split it into several lists."),
        ));
    }
    table.rows.iter_mut().for_each(|row| row.line -= extra);
    table.errors.iter_mut().filter(|error| error.line > 0).for_each(|error| error.line -= extra);
    Ok(table)
}

/// Whether the first line names columns: one that begins with a card does not.
fn has_header(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let cell = first.split([';', ',', '\t']).next().unwrap_or_default().trim().trim_matches('"');
    !cell.bytes().any(|b| b.is_ascii_digit()) || (cell.chars().filter(char::is_ascii_alphabetic).count() > 8 && TokenId::from_hex(cell).is_none())
}

fn twice(line: u64, first: u64) -> RowError {
    RowError::of_line(
        line,
        format!("Dieses Kind steht schon in Zeile {first}: bitte eine der beiden Zeilen entfernen."),
        format!("This child stands in line {first} already: remove one of the two."),
    )
}

fn list_row(row: &Row) -> Result<ListRow, RowError> {
    let whom = match (row.cell(0), row.cell(1)) {
        ("", "") => {
            return Err(row.wrong(
                "card",
                "Kartennummer oder Aktenzeichen fehlt: bitte eintragen.".into(),
                "The card number or case reference is missing: enter it.".into(),
            ));
        }
        ("", _) => Whom::Case(reference(row, 1)?),
        (card, _) => card_of(row, card)?,
    };
    Ok(ListRow { line: row.line, whom, cents: amount(row, 2)? })
}

fn card_of(row: &Row, text: &str) -> Result<Whom, RowError> {
    if cell::is_scientific(text) {
        return Err(row.wrong(
            "card",
            format!("„{}“ hat die Tabellenkalkulation gerundet: Spalte als Text formatieren und die Kartennummer neu eintragen.", echo(text)),
            format!("“{}” was rounded by the spreadsheet: format the column as text and enter the card number anew.", echo(text)),
        ));
    }
    if let Some(token) = TokenId::from_hex(text) {
        return Ok(Whom::Token(token));
    }
    let mut digits: String = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '.')).collect();
    // A spreadsheet drops leading zeros; the check digit tells whether they belong there.
    if digits.len() < 12 && digits.len() >= 8 && digits.bytes().all(|b| b.is_ascii_digit()) {
        digits = format!("{digits:0>12}");
    }
    CardNumber::parse(&digits).map(Whom::Card).ok_or_else(|| {
        row.wrong(
            "card",
            format!("„{}“ ist keine Kartennummer: bitte die zwölf Ziffern auf der Karte vergleichen.", echo(text)),
            format!("“{}” is no card number: compare the twelve digits on the card.", echo(text)),
        )
    })
}

fn amount(row: &Row, index: usize) -> Result<Option<Cents>, RowError> {
    let text = row.cell(index);
    if text.is_empty() {
        return Ok(None);
    }
    let euros = Cents::parse_euros(text).filter(|_| cell::money(text) != Money::Ambiguous);
    let euros = euros.filter(|cents| (Cents::ZERO..=Cents::MAX_SINGLE).contains(cents));
    euros.map(Some).ok_or_else(|| {
        row.wrong(
            "amount",
            format!("„{}“ ist kein Betrag in Euro: bitte wie 12,50 schreiben.", echo(text)),
            format!("“{}” is no amount in euros: write it as 12.50.", echo(text)),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn card(seed: u8) -> CardNumber {
        CardNumber::of(TokenId([seed; 16]))
    }

    #[test]
    fn lists_are_read_as_schools_write_them() {
        let (one, two) = (card(1), card(2));
        let shown = |text: String| {
            let table = read(text.as_bytes()).expect("a list");
            assert_eq!(table.errors, [], "{text}");
            table.rows.into_iter().map(|row| (row.line, row.whom, row.cents.map(Cents::get))).collect::<Vec<_>>()
        };
        assert_eq!(
            shown(format!("Kartennummer;Betrag\n{one};12,50\n{};20\n", two.digits())),
            [(2, Whom::Card(one), Some(1250)), (3, Whom::Card(two), Some(2000))]
        );
        assert_eq!(shown(format!("{one}\n{two}\n")), [(1, Whom::Card(one), None), (2, Whom::Card(two), None)], "no header");
        assert_eq!(shown(format!("{one}\t5\n{two}\t6,00 €\n")), [(1, Whom::Card(one), Some(500)), (2, Whom::Card(two), Some(600))]);
        let token = TokenId([7; 16]);
        assert_eq!(shown(format!("token\n{token}\n")), [(2, Whom::Token(token), None)]);
        let case = Whom::Case(CaseReference::parse("007-1").expect("a reference"));
        assert_eq!(shown("Aktenzeichen;Betrag\n007-1;0\n".into()), [(2, case, Some(0))]);
    }

    #[test]
    fn a_wrong_row_is_named_by_its_line() {
        let one = card(1);
        let places = |text: String| read(text.as_bytes()).expect("a list").errors.iter().map(|e| (e.line, e.column)).collect::<Vec<_>>();
        assert_eq!(
            places(format!("Karte;Betrag\n123;5\n{one};zehn\n{one};1.500\n{one};-5\n;5\n1,23E+11;5\n")),
            [(2, Some("card")), (3, Some("amount")), (4, Some("amount")), (5, Some("amount")), (6, Some("card")), (7, Some("card"))]
        );
        assert_eq!(places(format!("{one}\n{one}\n")), [(2, None)]);
        assert_eq!(
            read(format!("{one}\n{one}\n").as_bytes()).expect("a list").errors[0].german(),
            "Zeile 2: Dieses Kind steht schon in Zeile 1: bitte eine der beiden Zeilen entfernen."
        );
    }

    proptest! {
        #[test]
        fn no_list_is_too_wild(text in "\\PC{0,60}") {
            let _ = read(text.as_bytes());
        }
    }
}
