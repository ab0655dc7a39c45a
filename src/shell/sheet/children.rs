//! `children.csv`: what the office approved, one row a child and ceiling.
//!
//! `reference;benefit;from;to;period;measure;amount;detail;hint;home_providers`, and where the office has them `providers` (only
//! these may redeem) and `legal_basis`. Words are read in English and German, months in every usual spelling. An amount of money is
//! in cents where it is a plain whole number, in euros where it has a decimal comma, a decimal point or a euro sign.

use super::cell::{self, Money};
use super::reference::{CaseReference, reference};
use super::text::{echo, folded};
use super::{Column, Row, RowError, Table};
use crate::admit::token::MAX_HINT;
use crate::words::benefit::{Benefit, Measure, Period};
use crate::words::civil::CivilMonth;
use crate::words::code::Code;
use crate::words::ids::ProviderNumber;
use crate::words::legal_basis::LegalBasis;
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

/// The first year an approval may lie in: the benefits exist since 2011.
pub const FIRST_YEAR: i32 = 2011;
/// The last year an approval may lie in.
pub const LAST_YEAR: i32 = 2099;
/// The longest approval in months; beyond it a typing error is certain.
pub const MAX_MONTHS: u32 = 36;
/// The most meals, lessons or fees one ceiling may grant.
pub const MAX_UNITS: u64 = 1_000;
/// The most cents one ceiling may grant (10,000 EUR).
pub const MAX_CENTS: u64 = 1_000_000;
/// The most minutes one ceiling may grant (1,000 hours).
pub const MAX_MINUTES: u64 = 60_000;
/// One approved ceiling of one child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApprovalRow {
    /// The line of the file it stood in.
    pub line: u64,
    /// The office's key of the case.
    pub reference: CaseReference,
    /// What was approved.
    pub benefit: Benefit,
    /// The first month.
    pub from: CivilMonth,
    /// The last month.
    pub to: CivilMonth,
    /// The stretch of time the ceiling bounds.
    pub period: Period,
    /// What the ceiling counts.
    pub measure: Measure,
    /// How much of it: units, cents or minutes.
    pub amount: u64,
    /// The subject of tutoring or the event of a trip; none matches any.
    pub detail: Option<Code>,
    /// A hint for the person at the counter, 1 to 12 characters.
    pub hint: Option<String>,
    /// Home providers: they win ties.
    pub home_providers: Vec<ProviderNumber>,
    /// Only these providers may redeem; all may where empty.
    pub providers: Vec<ProviderNumber>,
    /// The legal basis, for the office's own books.
    pub legal_basis: Option<LegalBasis>,
}

const REFERENCE: usize = 0;
const BENEFIT: usize = 1;
const FROM: usize = 2;
const TO: usize = 3;
const PERIOD: usize = 4;
const MEASURE: usize = 5;
const AMOUNT: usize = 6;
const DETAIL: usize = 7;
const HINT: usize = 8;
const HOME_PROVIDERS: usize = 9;
const PROVIDERS: usize = 10;
const LEGAL_BASIS: usize = 11;

/// The columns of `children.csv`.
pub const COLUMNS: &[Column] = &[
    Column { name: "reference", aliases: &["Referenz", "Aktenzeichen", "AZ", "Fallnummer"], required: true },
    Column { name: "benefit", aliases: &["Leistung", "Leistungsart"], required: true },
    Column { name: "from", aliases: &["von", "ab", "Beginn"], required: true },
    Column { name: "to", aliases: &["bis", "Ende"], required: true },
    Column { name: "period", aliases: &["Zeitraum"], required: true },
    Column { name: "measure", aliases: &["Maß", "Einheit"], required: true },
    Column { name: "amount", aliases: &["Menge", "Betrag", "Höhe"], required: true },
    Column { name: "detail", aliases: &["Fach", "Ereignis"], required: false },
    Column { name: "hint", aliases: &["Hinweis", "Kürzel"], required: false },
    Column { name: "home_providers", aliases: &["Stammanbieter"], required: false },
    Column { name: "providers", aliases: &["Anbieter", "nur_anbieter"], required: false },
    Column { name: "legal_basis", aliases: &["Rechtskreis", "Rechtsgrundlage"], required: false },
];

/// Reads `children.csv`. Every row is either in `rows` or has its error; an error returned is one of the whole file.
pub fn read(bytes: &[u8]) -> Result<Table<ApprovalRow>, RowError> {
    Ok(read_with_wrong_cases(bytes)?.0)
}

/// Reads `children.csv`, and tells the cases that have a wrong row: the other rows of such a case are not the whole of it.
pub fn read_with_wrong_cases(bytes: &[u8]) -> Result<(Table<ApprovalRow>, BTreeSet<String>), RowError> {
    let (mut granted, mut wrong) = (Granted::default(), BTreeSet::new());
    let table = super::read(bytes, COLUMNS, |row| {
        let taken = approval(row).and_then(|approval| granted.add(row, &approval).map(|()| approval));
        if taken.is_err() {
            wrong.insert(row.cell(REFERENCE).to_owned());
        }
        taken
    })?;
    Ok((table, wrong))
}

/// One row; see [`read`].
pub(super) fn approval(row: &Row) -> Result<ApprovalRow, RowError> {
    let reference = reference(row, REFERENCE)?;
    let benefit = benefit(row, BENEFIT)?;
    let (from, to) = months(row)?;
    let period = period(row)?;
    let (measure, amount) = measured(row, benefit)?;
    Ok(ApprovalRow {
        line: row.line,
        reference,
        benefit,
        from,
        to,
        period,
        measure,
        amount,
        detail: detail(row, benefit)?,
        hint: hint(row)?,
        home_providers: providers(row, HOME_PROVIDERS)?,
        providers: providers(row, PROVIDERS)?,
        legal_basis: legal_basis(row)?,
    })
}

/// Reads the benefit of a row: its English name, its code or a German name.
pub(super) fn benefit(row: &Row, index: usize) -> Result<Benefit, RowError> {
    let text = row.cell(index);
    let german = || match folded(text).as_str() {
        "mittagessen" | "mittagsverpflegung" | "schulessen" | "essen" => Some(Benefit::Lunch),
        "teilhabe" | "sozialeundkulturelleteilhabe" | "soziokulturelleteilhabe" => Some(Benefit::Participation),
        "lernfoerderung" | "nachhilfe" => Some(Benefit::Tutoring),
        "ausflug" | "tagesausflug" | "schulausflug" | "daytrip" => Some(Benefit::DayTrip),
        "klassenfahrt" | "mehrtaegigeklassenfahrt" | "classtrip" => Some(Benefit::ClassTrip),
        _ => None,
    };
    Benefit::parse(text).or_else(german).ok_or_else(|| {
        let names = Benefit::ALL.map(Benefit::german).join(", ");
        let codes = Benefit::ALL.map(Benefit::name).join(", ");
        row.wrong(
            "benefit",
            format!("„{}“ ist keine Leistung für einen Nachweis: möglich sind {names}.", echo(text)),
            format!("“{}” is no benefit a token can carry: use {codes}.", echo(text)),
        )
    })
}

fn months(row: &Row) -> Result<(CivilMonth, CivilMonth), RowError> {
    let month = |index, column| {
        let text = row.cell(index);
        let years = CivilMonth::from_ym(FIRST_YEAR, 1)..=CivilMonth::from_ym(LAST_YEAR, 12);
        cell::month(text).filter(|month| years.contains(&Some(*month))).ok_or_else(|| {
            row.wrong(
                column,
                format!("„{}“ ist kein Monat der Jahre {FIRST_YEAR} bis {LAST_YEAR}: bitte wie 2026-08 oder 08.2026 schreiben.", echo(text)),
                format!("“{}” is no month of the years {FIRST_YEAR} to {LAST_YEAR}: write it as 2026-08 or 08.2026.", echo(text)),
            )
        })
    };
    let (from, to) = (month(FROM, "from")?, month(TO, "to")?);
    if from > to {
        return Err(row.wrong(
            "to",
            format!("Der Zeitraum endet ({}) vor seinem Beginn ({}): bitte von und bis prüfen.", to.german(), from.german()),
            format!("The approval ends ({to}) before it begins ({from}): check from and to."),
        ));
    }
    let length = to.since(from) + 1;
    if length > MAX_MONTHS {
        return Err(row.wrong(
            "to",
            format!("Der Zeitraum hat {length} Monate, möglich sind höchstens {MAX_MONTHS}: bitte von und bis prüfen."),
            format!("The approval has {length} months, at most {MAX_MONTHS} are possible: check from and to."),
        ));
    }
    Ok((from, to))
}

fn period(row: &Row) -> Result<Period, RowError> {
    let text = row.cell(PERIOD);
    let german = || match folded(text).as_str() {
        "tag" | "taeglich" => Some(Period::Day),
        "woche" | "woechentlich" => Some(Period::Week),
        "monat" | "monatlich" => Some(Period::Month),
        "gesamt" | "bewilligungszeitraum" | "gueltigkeit" => Some(Period::Validity),
        "ansparend" | "angespart" => Some(Period::Accrued),
        _ => None,
    };
    Period::parse(text).or_else(german).ok_or_else(|| {
        row.wrong(
            "period",
            format!("„{}“ ist kein Zeitraum: möglich sind Tag, Woche, Monat, gesamt, ansparend.", echo(text)),
            format!("“{}” is no period: use day, week, month, validity or accrued.", echo(text)),
        )
    })
}

fn measured(row: &Row, benefit: Benefit) -> Result<(Measure, u64), RowError> {
    let text = row.cell(MEASURE);
    let german = || match folded(text).as_str() {
        "stueck" | "einheit" | "einheiten" | "anzahl" => Some(Measure::Units),
        "cent" => Some(Measure::Cents),
        "minute" | "minuten" => Some(Measure::Minutes),
        _ => None,
    };
    let measure = Measure::parse(text).or_else(german).ok_or_else(|| {
        row.wrong(
            "measure",
            format!("„{}“ ist kein Maß: möglich sind Stück, Cent, Minuten.", echo(text)),
            format!("“{}” is no measure: use units, cents or minutes.", echo(text)),
        )
    })?;
    let fits: &[Measure] = match benefit {
        Benefit::Lunch => &[Measure::Units, Measure::Cents],
        Benefit::Tutoring => &[Measure::Units, Measure::Minutes, Measure::Cents],
        Benefit::Participation | Benefit::DayTrip | Benefit::ClassTrip => &[Measure::Cents],
    };
    if !fits.contains(&measure) {
        let (german, english): (Vec<_>, Vec<_>) = fits.iter().map(|m| (german_measure(*m), m.name())).unzip();
        return Err(row.wrong(
            "measure",
            format!("{} wird nicht in {} bewilligt: möglich ist {}.", benefit.german(), german_measure(measure), german.join(" oder ")),
            format!("{} is not granted in {}: use {}.", benefit.name(), measure.name(), english.join(" or ")),
        ));
    }
    let amount = match measure {
        Measure::Cents => cents(row, AMOUNT)?,
        Measure::Units => counted(row, MAX_UNITS)?,
        Measure::Minutes => counted(row, MAX_MINUTES)?,
    };
    Ok((measure, amount))
}

const fn german_measure(measure: Measure) -> &'static str {
    match measure {
        Measure::Units => "Stück",
        Measure::Cents => "Cent",
        Measure::Minutes => "Minuten",
    }
}

/// Reads the amount of money of a row, in cents: above zero and at most [`MAX_CENTS`].
pub(super) fn cents(row: &Row, index: usize) -> Result<u64, RowError> {
    let text = row.cell(index);
    let (de, en) = match cell::money(text) {
        Money::Cents(cents) if (1..=MAX_CENTS).contains(&cents) => return Ok(cents),
        Money::Cents(_) => (
            format!("„{}“ liegt nicht über 0 und bis 10.000 €: bitte prüfen (ganze Zahlen sind Cent).", echo(text)),
            format!("“{}” is not above 0 and up to 10,000 EUR: check it (whole numbers are cents).", echo(text)),
        ),
        Money::Ambiguous => (
            format!("„{}“ kann Cent oder Euro heißen: bitte wie 1500 (Cent) oder 15,00 (Euro) schreiben.", echo(text)),
            format!("“{}” may mean cents or euros: write 1500 (cents) or 15,00 (euros).", echo(text)),
        ),
        Money::Unreadable => (
            format!("„{}“ ist kein Betrag: bitte wie 1500 (Cent) oder 15,00 (Euro) schreiben.", echo(text)),
            format!("“{}” is no amount: write 1500 (cents) or 15,00 (euros).", echo(text)),
        ),
    };
    Err(row.wrong("amount", de, en))
}

fn counted(row: &Row, most: u64) -> Result<u64, RowError> {
    let text = row.cell(AMOUNT);
    cell::count(text).filter(|count| (1..=most).contains(count)).ok_or_else(|| {
        row.wrong(
            "amount",
            format!("„{}“ ist keine ganze Zahl von 1 bis {most}: bitte prüfen.", echo(text)),
            format!("“{}” is no whole number from 1 to {most}: check it.", echo(text)),
        )
    })
}

fn detail(row: &Row, benefit: Benefit) -> Result<Option<Code>, RowError> {
    let text = row.cell(DETAIL);
    if text.is_empty() {
        return Ok(None);
    }
    if benefit != Benefit::Tutoring && !benefit.is_trip() {
        return Err(row.wrong(
            "detail",
            format!("{} hat kein Fach und kein Ereignis: bitte „{}“ entfernen.", benefit.german(), echo(text)),
            format!("{} has no subject or event: remove “{}”.", benefit.name(), echo(text)),
        ));
    }
    Code::parse(text).map(Some).ok_or_else(|| {
        row.wrong(
            "detail",
            format!("„{}“ ist kein Kürzel: 1 bis 24 Buchstaben ohne Umlaute, Ziffern, Punkt, Strich, ohne Leerzeichen.", echo(text)),
            format!("“{}” is no code: 1 to 24 plain letters, digits, dots, hyphens or underscores, no spaces.", echo(text)),
        )
    })
}

fn hint(row: &Row) -> Result<Option<String>, RowError> {
    let text = row.cell(HINT);
    if text.chars().count() > MAX_HINT || text.chars().any(char::is_control) {
        return Err(row.wrong(
            "hint",
            format!("„{}“ ist als Hinweis zu lang: höchstens {MAX_HINT} Zeichen in einer Zeile.", echo(text)),
            format!("“{}” is too long for a hint: at most {MAX_HINT} characters in one line.", echo(text)),
        ));
    }
    Ok(Some(text).filter(|text| !text.is_empty()).map(str::to_owned))
}

fn providers(row: &Row, index: usize) -> Result<Vec<ProviderNumber>, RowError> {
    let text = row.cell(index);
    cell::providers(text).ok_or_else(|| {
        row.wrong(
            COLUMNS[index].name,
            format!("„{}“ ist keine Liste von Anbieternummern: bitte wie 3, 17 schreiben.", echo(text)),
            format!("“{}” is no list of provider numbers: write it as 3, 17.", echo(text)),
        )
    })
}

fn legal_basis(row: &Row) -> Result<Option<LegalBasis>, RowError> {
    let text = row.cell(LEGAL_BASIS);
    if text.is_empty() {
        return Ok(None);
    }
    LegalBasis::parse(text).map(Some).ok_or_else(|| {
        let (names, codes) = (LegalBasis::ALL.map(LegalBasis::german).join(", "), LegalBasis::ALL.map(LegalBasis::code).join(", "));
        row.wrong(
            "legal_basis",
            format!("„{}“ ist kein Rechtskreis: möglich sind {names}.", echo(text)),
            format!("“{}” is no legal basis: use {codes}.", echo(text)),
        )
    })
}

/// What makes two rows the same ceiling.
type Ceiling = (CaseReference, Benefit, Option<Code>, Period, Measure);

/// What the rows so far granted: months and line of each ceiling, to find one granted twice.
#[derive(Default)]
struct Granted(HashMap<Ceiling, Vec<(CivilMonth, CivilMonth, u64)>>);

impl Granted {
    fn add(&mut self, row: &Row, new: &ApprovalRow) -> Result<(), RowError> {
        let key = (new.reference.clone(), new.benefit, new.detail.clone(), new.period, new.measure);
        let spans = self.0.entry(key).or_default();
        if let Some((.., line)) = spans.iter().find(|(from, to, _)| *from <= new.to && new.from <= *to) {
            return Err(RowError::of_line(
                row.line,
                format!("Dieselbe Bewilligung steht für überschneidende Monate schon in Zeile {line}: bitte eine davon entfernen."),
                format!("The same ceiling stands for overlapping months in line {line} already: remove one of them."),
            ));
        }
        spans.push((new.from, new.to, new.line));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write;

    const HEADER: &str = "reference;benefit;from;to;period;measure;amount;detail;hint;home_providers\n";

    fn one(row: &str) -> Result<ApprovalRow, RowError> {
        let mut table = read(format!("{HEADER}{row}\n").as_bytes()).unwrap();
        table.errors.pop().map_or_else(|| Ok(table.rows.remove(0)), Err)
    }

    #[test]
    fn a_row_is_read_in_either_language() {
        let english = one("00123;tutoring;2026-08;2027-07;validity;units;20;maths;J\u{f6} 14;3, 7").unwrap();
        let german = one("00123;Lernf\u{f6}rderung;01.08.2026;Jul 27;gesamt;St\u{fc}ck;20,0;maths;J\u{f6} 14;3/7").unwrap();
        assert_eq!(english, german);
        assert_eq!((english.benefit, english.period, english.measure, english.amount), (Benefit::Tutoring, Period::Validity, Measure::Units, 20));
        assert_eq!((english.from.to_string(), english.to.to_string()), ("2026-08".into(), "2027-07".into()));
        assert_eq!((english.reference.as_str(), english.hint.as_deref(), english.line), ("00123", Some("J\u{f6} 14"), 2));
        assert_eq!(english.home_providers, [ProviderNumber(3), ProviderNumber(7)]);
    }

    #[test]
    fn windows_1252_and_the_office_s_own_columns_are_read() {
        let table = read(
            b"AKTENZEICHEN;Leistung;von;bis;Zeitraum;Ma\xDF;Betrag;Schule;Anbieter;Rechtskreis\r\n\
              =\"000815\";Teilhabe;08.2026;07.2027;ansparend;Cent;\"15,00 \x80\";GS Nord;12;KiZ\r\n",
        )
        .unwrap();
        assert_eq!((table.errors.as_slice(), table.ignored.as_slice()), (&[][..], &["Schule".to_owned()][..]));
        let row = &table.rows[0];
        assert_eq!((row.reference.as_str(), row.amount, row.measure, row.period), ("000815", 1500, Measure::Cents, Period::Accrued));
        assert_eq!((row.providers.as_slice(), row.legal_basis), (&[ProviderNumber(12)][..], Some(LegalBasis::Bkgg)));
    }

    #[test]
    fn every_wrong_cell_is_named_with_what_to_do() {
        for (row, column, message) in [
            (";lunch;2026-08;2027-07;day;units;1;;;", "reference", "missing"),
            ("1,23E+11;lunch;2026-08;2027-07;day;units;1;;;", "reference", "rounded by the spreadsheet"),
            ("=cmd;lunch;2026-08;2027-07;day;units;1;;;", "reference", "begins like a formula"),
            ("1;Schulbedarf;2026-08;2027-07;day;units;1;;;", "benefit", "use lunch, participation"),
            ("1;lunch;2026-13;2027-07;day;units;1;;;", "from", "write it as 2026-08"),
            ("1;lunch;1026-08;2027-07;day;units;1;;;", "from", "years 2011 to 2099"),
            ("1;lunch;2026-08;2026-07;day;units;1;;;", "to", "ends (2026-07) before it begins (2026-08)"),
            ("1;lunch;2026-08;2029-08;day;units;1;;;", "to", "37 months"),
            ("1;lunch;2026-08;2027-07;year;units;1;;;", "period", "use day, week"),
            ("1;lunch;2026-08;2027-07;day;meals;1;;;", "measure", "use units"),
            ("1;lunch;2026-08;2027-07;day;minutes;1;;;", "measure", "lunch is not granted in minutes: use units or cents"),
            ("1;participation;2026-08;2027-07;month;units;1;;;", "measure", "use cents"),
            ("1;lunch;2026-08;2027-07;day;units;0;;;", "amount", "from 1 to 1000"),
            ("1;lunch;2026-08;2027-07;day;units;1,5;;;", "amount", "whole number"),
            ("1;participation;2026-08;2027-07;month;cents;1.500;;;", "amount", "may mean cents or euros"),
            ("1;participation;2026-08;2027-07;month;cents;10000,01;;;", "amount", "up to 10,000 EUR"),
            ("1;tutoring;2026-08;2027-07;week;units;2;Franz\u{f6}sisch;;", "detail", "no code"),
            ("1;lunch;2026-08;2027-07;day;units;1;maths;;", "detail", "remove “maths”"),
            ("1;lunch;2026-08;2027-07;day;units;1;;dreizehn Zei.;", "hint", "at most 12"),
            ("1;lunch;2026-08;2027-07;day;units;1;;;Mensa", "home_providers", "write it as 3, 17"),
        ] {
            let error = one(row).unwrap_err();
            assert_eq!((error.line, error.column), (2, Some(column)), "{row}: {error}");
            assert!(error.message_en.contains(message), "{error}");
            assert!(!error.message_de.starts_with(['=', '+', '-', '@']));
        }
    }

    #[test]
    fn an_unknown_legal_basis_is_named() {
        let file = "reference;benefit;from;to;period;measure;amount;legal_basis\n1;lunch;2026-08;2027-07;day;units;1;SGB VIII\n";
        let table = read(file.as_bytes()).unwrap();
        assert_eq!(table.errors[0].to_string(), "line 2, column legal_basis: “SGB VIII” is no legal basis: use sgb2, sgb12, bkgg, asylblg.");
    }

    #[test]
    fn a_ceiling_granted_twice_is_found() {
        let rows = "1;participation;2026-08;2027-01;month;cents;1500;;;\n\
                    1;participation;2027-02;2027-07;month;cents;1500;;;\n\
                    1;participation;2026-08;2027-07;validity;cents;18000;;;\n\
                    2;participation;2026-08;2027-01;month;cents;1500;;;\n\
                    1;2;2027-01;2027-02;Monat;Cent;15,00;;;\n";
        let table = read(format!("{HEADER}{rows}").as_bytes()).unwrap();
        assert_eq!(table.rows.len(), 4);
        assert_eq!(table.errors.iter().map(|e| e.line).collect::<Vec<_>>(), [6]);
        assert!(table.errors[0].message_en.contains("in line 2 already"), "{}", table.errors[0]);
    }

    /// 5,000 children of three rows each, as an office sends them on 1 August.
    fn town() -> String {
        (0..5000).fold(HEADER.to_owned(), |mut file, child| {
            let _ = write!(file, "{child:08};lunch;2026-08;2027-07;day;units;1;;K {child};3\n{child:08};participation;2026-08;2027-07;month;cents;15,00;;;\n{child:08};tutoring;2026-08;2027-07;week;units;2;maths;;\n");
            file
        })
    }

    #[test]
    fn three_wrong_rows_of_a_town_are_named_and_the_others_read() {
        let broken = town()
            .replacen("00000100;lunch;2026-08", "00000100;lunch;2026-8x", 1)
            .replacen("00002000;tutoring", "2E+3;tutoring", 1)
            .replacen("00004999;participation;2026-08;2027-07;month;cents;15,00", "00004999;participation;2026-08;2027-07;month;cents;\"15,00", 1);
        let started = std::time::Instant::now();
        let table = read(broken.as_bytes()).unwrap();
        eprintln!("15,000 rows in {:?}", started.elapsed());
        assert_eq!(table.rows.len(), 14_997);
        let places: Vec<_> = table.errors.iter().map(|e| (e.line, e.column)).collect();
        assert_eq!(places, [(2 + 300, Some("from")), (2 + 6002, Some("reference")), (2 + 14_998, None)]);
        assert_eq!(read(town().as_bytes()).unwrap().errors, []);
    }

    proptest! {
        #[test]
        fn every_row_is_taken_or_named(rows in prop::collection::vec("[0-9A-Za-z;,\"=\u{e4} .-]{0,40}", 0..8)) {
            let text = format!("{HEADER}{}", rows.join("\n"));
            let table = read(text.as_bytes()).unwrap();
            let full = rows.iter().filter(|row| row.chars().any(|c| c != ';' && c != '"' && !c.is_whitespace())).count();
            prop_assert!(table.rows.len() + table.errors.len() <= rows.len());
            prop_assert!(full == 0 || text.contains('"') || table.rows.len() + table.errors.len() == full);
        }
    }
}
