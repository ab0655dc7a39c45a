//! A list of members or participants, as clubs and schools keep it: `name;number;list;pays_self;chip`, in any order, by German or English
//! names. A name may stand in two columns. Numbers keep their leading zeros.

use super::text::{decode, echo, folded};
use super::{Column, Row, RowError, Sheet, Table, cell};
use crate::admit::scan::Scan;
use std::collections::HashMap;

/// Somebody of an imported list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPerson {
    /// The line of the file it stood in.
    pub line: u64,
    /// The name.
    pub name: String,
    /// The member's number; empty where the file has none.
    pub number: String,
    /// The list or group; none where the file does not say.
    pub list: Option<String>,
    /// Whether the person pays for itself; none where the file does not say.
    pub pays_self: Option<bool>,
    /// The UID of a chip; none where the file has none.
    pub chip: Option<String>,
}

/// The columns of a list.
pub const COLUMNS: &[Column] = &[
    Column {
        name: "name",
        aliases: &["Name, Vorname", "Vor- und Nachname", "Vollständiger Name", "Kind", "Mitglied", "Teilnehmer", "Teilnehmer/in", "full name"],
        required: false,
    },
    Column { name: "last name", aliases: &["Nachname", "Familienname", "Zuname", "surname", "family name"], required: false },
    Column { name: "first name", aliases: &["Vorname", "Rufname", "given name"], required: false },
    Column {
        name: "number",
        aliases: &[
            "Nummer",
            "Nr",
            "Mitgliedsnummer",
            "Mitgliedsnr",
            "Mitglieds-Nr.",
            "Kundennummer",
            "Teilnehmernummer",
            "member number",
            "member no",
        ],
        required: false,
    },
    Column {
        name: "list",
        aliases: &[
            "Liste",
            "Liste oder Gruppe",
            "list or group",
            "Gruppe",
            "Klasse",
            "Abteilung",
            "Kurs",
            "Mannschaft",
            "group",
            "class",
            "team",
            "course",
        ],
        required: false,
    },
    Column { name: "pays self", aliases: &["zahlt selbst", "Selbstzahler", "Selbstzahlerin", "self-paying"], required: false },
    Column { name: "chip", aliases: &["Chipnummer", "Chip-ID", "UID", "Transponder", "RFID", "chip number"], required: false },
];

/// Reads a list. Every row is either in `rows` or has its error; somebody who stands in it twice is an error.
pub fn read(bytes: &[u8]) -> Result<Table<ListedPerson>, RowError> {
    let places = Sheet::open(&decode(bytes)?, COLUMNS)?.places;
    if places.iter().take(3).all(Option::is_none) {
        return Err(RowError::of_line(
            1,
            "In der Kopfzeile fehlt der Name: erwartet wird zum Beispiel Name;Mitgliedsnummer;Gruppe.".into(),
            "The header lacks the name: expected is for example name;number;list.".into(),
        ));
    }
    let mut seen: HashMap<String, u64> = HashMap::new();
    super::read(bytes, COLUMNS, |row| {
        let person = person(row, &places)?;
        let who = if person.number.is_empty() {
            format!("n {} {}", folded(&person.name), folded(person.list.as_deref().unwrap_or_default()))
        } else {
            format!("# {}", person.number)
        };
        once(&mut seen, who, row.line, "diese Person", "this person")?;
        if let Some(chip) = &person.chip {
            once(&mut seen, format!("c {chip}"), row.line, "dieser Chip", "this chip")?;
        }
        Ok(person)
    })
}

fn once(seen: &mut HashMap<String, u64>, key: String, line: u64, what_de: &str, what_en: &str) -> Result<(), RowError> {
    let first = *seen.entry(key).or_insert(line);
    if first == line {
        return Ok(());
    }
    Err(RowError::of_line(
        line,
        format!("In Zeile {first} steht {what_de} schon: bitte eine davon entfernen; zwei mit gleichem Namen unterscheidet eine Mitgliedsnummer."),
        format!("In line {first} stands {what_en} already: remove one of them; a member number tells two of the same name apart."),
    ))
}

fn person(row: &Row, places: &[Option<usize>]) -> Result<ListedPerson, RowError> {
    let said = |index: usize| places.get(index).copied().flatten().map(|_| row.cell(index));
    let parts = [row.cell(2), row.cell(1)].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    // "Muster, Mia" is a name written for sorting.
    let turned = row.cell(0).split_once(',').map(|(last, first)| format!("{} {}", first.trim(), last.trim()));
    let name = if parts.is_empty() || !row.cell(0).is_empty() { turned.unwrap_or_else(|| row.cell(0).to_owned()) } else { parts };
    if name.trim().is_empty() {
        return Err(row.wrong("name", "Der Name fehlt: bitte eintragen.".into(), "The name is missing: enter it.".into()));
    }
    let number = row.cell(3);
    if cell::is_scientific(number) {
        return Err(damaged(row, "number", number));
    }
    let pays_self = match said(5) {
        None | Some("") => None,
        Some(text) => Some(cell::yes_or_no(text).ok_or_else(|| {
            row.wrong("pays self", format!("„{}“ ist weder ja noch nein.", echo(text)), format!("“{}” is neither yes nor no.", echo(text)))
        })?),
    };
    Ok(ListedPerson {
        line: row.line,
        name: name.trim().to_owned(),
        number: number.to_owned(),
        list: said(4).filter(|list| !list.is_empty()).map(str::to_owned),
        pays_self,
        chip: if row.cell(6).is_empty() { None } else { Some(chip(row)?) },
    })
}

fn chip(row: &Row) -> Result<String, RowError> {
    let text = row.cell(6);
    if cell::is_scientific(text) {
        return Err(damaged(row, "chip", text));
    }
    match Scan::new(text) {
        Ok(Scan::Chip(uid)) => Ok(uid),
        Ok(Scan::Number(_)) => Err(row.wrong(
            "chip",
            format!("„{}“ ist die Nummer einer Karte, kein Chip: bitte die Karte der Person einmal scannen.", echo(text)),
            format!("“{}” is the number of a card, no chip: scan the person's card once.", echo(text)),
        )),
        _ => Err(row.wrong(
            "chip",
            format!("„{}“ ist keine Chipnummer: sie hat 4 bis 32 Ziffern und Buchstaben.", echo(text)),
            format!("“{}” is no chip number: it has 4 to 32 digits and letters.", echo(text)),
        )),
    }
}

/// A spreadsheet has cut a long number short.
pub(super) fn damaged(row: &Row, column: &'static str, text: &str) -> RowError {
    row.wrong(
        column,
        format!("„{}“ hat die Tabellenkalkulation gekürzt: bitte die Spalte als Text formatieren und die Nummer neu eintragen.", echo(text)),
        format!("“{}” was cut short by the spreadsheet: format the column as text and enter the number again.", echo(text)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lists_are_read_as_people_keep_them() {
        let shown = |bytes: &[u8]| {
            let table = read(bytes).expect("a list");
            assert_eq!(table.errors, [], "{}", String::from_utf8_lossy(bytes));
            let line = |p: &ListedPerson| format!("{}|{}|{}|{:?}|{:?}", p.name, p.number, p.list.as_deref().unwrap_or("-"), p.pays_self, p.chip);
            table.rows.iter().map(line).collect::<Vec<_>>()
        };
        let expected = ["Jörg Müller|0042|3a|Some(true)|Some(\"04A224B2\")", "Mia Weiß|7|-|None|None"];
        for bytes in [
            &b"Name;Mitgliedsnummer;Klasse;zahlt selbst;Chip\r\nJ\xF6rg M\xFCller;0042;3a;ja;04:a2:24:b2\r\nMia Wei\xDF;7;;;\r\n"[..],
            "\u{feff}chip,pays_self,group,first name,surname,Nr.\n04A224B2,x,3a,Jörg,Müller,\"0042\"\n,,,Mia,Weiß,7\n".as_bytes(),
            "Name\tnumber\tGruppe\tSelbstzahler\tUID\n\"Müller, Jörg\"\t=\"0042\"\t3a\t1\t04a224b2\n\"Weiß, Mia\"\t7\n".as_bytes(),
        ] {
            assert_eq!(shown(bytes), expected);
        }
    }

    #[test]
    fn wrong_rows_are_named_and_the_others_read() {
        let table = read(
            "Name;Nummer;Liste;zahlt selbst;Chip\nMia;1;3a;;\n;2;3a;;\nBen;1;3a;;\nAda;;3a;vielleicht;\nAda;;3a;;\nAda;;3A;;\nAda;;3b;;\nLea;1,2E+9;;;\nTim;9;;;x!\n"
                .as_bytes(),
        )
        .expect("a list");
        let places: Vec<_> = table.errors.iter().map(|e| (e.line, e.column)).collect();
        let expected = [(3, Some("name")), (4, None), (5, Some("pays self")), (7, None), (9, Some("number")), (10, Some("chip"))];
        assert_eq!(places, expected);
        assert_eq!(table.rows.iter().map(|p| p.line).collect::<Vec<_>>(), [2, 6, 8]);
        let header = read(b"Nummer;Liste\n1;3a\n").expect_err("no name");
        assert!(header.message_de.contains("fehlt der Name"), "{header}");
    }

    proptest! {
        #[test]
        fn no_list_is_too_wild(text in "[a,;\"\t\n\r =+ü0-9]{0,80}") {
            for header in ["Name;Nummer;Liste\n", "first name,chip\n", ""] {
                if let Ok(table) = read(format!("{header}{text}").as_bytes()) {
                    prop_assert!(table.rows.iter().all(|p| !p.name.trim().is_empty()));
                }
            }
        }
    }
}
