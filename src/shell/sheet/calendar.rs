//! `calendar.csv`: on which days providers serve, so that a clerk is shown what was claimed for others (`not_a_service_day`).
//!
//! `provider;from;to;open;site;name`: a provider number, a kind of place (`Schule`, `Kita`, `Hort`) or `*` for all; first and last day
//! (one day where `to` is empty); yes or no; the provider's site where only that is meant; what the days are, such as `Herbstferien`.
//! Which row counts where several speak of a day is said in [`crate::reconcile::calendar`].

use super::self_paid::span;
use super::text::echo;
use super::{Column, Row, RowError, Table, cell};
use crate::reconcile::calendar::{SiteKind, Stretch, Whom};
use crate::words::ids::ProviderNumber;

/// Days on which somebody serves or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarRow {
    /// The line of the file it stood in.
    pub line: u64,
    /// Who.
    pub whom: Whom,
    /// Which days, and whether there is service.
    pub days: Stretch,
    /// What the days are; may be empty.
    pub name: String,
}

/// The columns of `calendar.csv`.
pub const COLUMNS: &[Column] = &[
    Column { name: "provider", aliases: &["Anbieter", "Anbieternummer", "Art", "für", "whom"], required: true },
    Column { name: "from", aliases: &["von", "ab", "Datum", "date"], required: true },
    Column { name: "to", aliases: &["bis"], required: false },
    Column { name: "open", aliases: &["offen", "geöffnet"], required: true },
    Column { name: "site", aliases: &["Standort", "Ort"], required: false },
    Column { name: "name", aliases: &["Bezeichnung", "Anlass"], required: false },
];

/// The longest text of a cell that is taken over, in characters.
const MAX_TEXT: usize = 60;

/// Reads `calendar.csv`. Every row is either in `rows` or has its error.
pub fn read(bytes: &[u8]) -> Result<Table<CalendarRow>, RowError> {
    super::read(bytes, COLUMNS, |row| {
        let (from, to) = span(row, 1, 2)?;
        let name = row.cell(5).trim().chars().take(MAX_TEXT).collect();
        Ok(CalendarRow { line: row.line, whom: whom(row)?, days: Stretch { from, to, open: open(row)? }, name })
    })
}

fn whom(row: &Row) -> Result<Whom, RowError> {
    let (text, site) = (row.cell(0).trim(), row.cell(4).trim());
    let number = || text.parse().ok().filter(|number| *number > 0).map(ProviderNumber);
    let (one, kind) = (number(), SiteKind::parse(text));
    match (text, one, kind) {
        (_, Some(provider), _) if !site.is_empty() => Ok(Whom::Site(provider, site.chars().take(MAX_TEXT).collect())),
        (_, Some(provider), _) => Ok(Whom::Provider(provider)),
        ("*", ..) if site.is_empty() => Ok(Whom::All),
        (_, _, Some(kind)) if site.is_empty() => Ok(Whom::Kind(kind)),
        _ if site.is_empty() => Err(row.wrong(
            "provider",
            format!("„{}“ ist keine Anbieternummer: bitte die Nummer eintragen, Schule, Kita oder Hort, oder * für alle.", echo(text)),
            format!("“{}” is no provider number: enter the number, school, kita or hort, or * for all.", echo(text)),
        )),
        _ => Err(row.wrong(
            "site",
            "Ein Standort gehört zu einem Anbieter: bitte auch dessen Nummer eintragen.".to_owned(),
            "A site belongs to a provider: enter its number too.".to_owned(),
        )),
    }
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
    use crate::words::civil::CivilDay;

    #[test]
    fn a_row_is_for_all_a_kind_a_provider_or_a_site() {
        let text = "Anbieter;von;bis;offen;Standort;Bezeichnung\n*;24.12.2026;;nein;;\nSchule;2026-10-17;2026-10-31;nein;;Herbstferien\n7;2026-10-19;;ja;;\n7;2026-10-20;;nein;Nord;\n";
        let table = read(text.as_bytes()).unwrap();
        assert_eq!(table.errors, []);
        let whoms: Vec<Whom> = table.rows.iter().map(|row| row.whom.clone()).collect();
        let mensa = ProviderNumber(7);
        assert_eq!(whoms, [Whom::All, Whom::Kind(SiteKind::School), Whom::Provider(mensa), Whom::Site(mensa, "Nord".into())]);
        let holidays = &table.rows[1];
        assert_eq!((holidays.days.from, holidays.days.open), (CivilDay::parse("2026-10-17").unwrap(), false));
        assert_eq!(holidays.name, "Herbstferien");
    }

    #[test]
    fn a_wrong_row_is_named() {
        let text = "provider,date,open,site\nMensa,2026-10-17,ja,\n1,2026-10-17,vielleicht,\n1,nie,ja,\nKita,2026-10-17,ja,Nord\n0,2026-10-17,ja,\n";
        let table = read(text.as_bytes()).unwrap();
        let places: Vec<_> = table.errors.iter().map(|e| (e.line, e.column)).collect();
        assert_eq!(places, [(2, Some("provider")), (3, Some("open")), (4, Some("from")), (5, Some("site")), (6, Some("provider"))]);
    }
}
