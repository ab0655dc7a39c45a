//! What people write into one cell: months, days, amounts, lists, words of either language.

use super::text::folded;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::ProviderNumber;

/// The most providers one cell may list.
pub const MAX_PROVIDERS: usize = 50;

/// An amount of money as tables write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Money {
    /// Read without doubt.
    Cents(u64),
    /// Whether cents or euros are meant cannot be told, as in `1.500`.
    Ambiguous,
    /// No amount.
    Unreadable,
}

/// Reads an amount: a plain whole number is **cents** (`1500`), anything with a decimal comma or point or a euro sign is **euros**
/// (`15,00`, `15.5`, `15 €`, `1.500,00 EUR`). `1.500` alone may mean either and is refused.
pub fn money(cell: &str) -> Money {
    if !cell.is_empty() && cell.bytes().all(|b| b.is_ascii_digit()) {
        return cell.parse().map_or(Money::Unreadable, Money::Cents);
    }
    let euros = Cents::parse_euros(cell).and_then(|cents| u64::try_from(cents.get()).ok());
    let decimals = cell.rfind([',', '.']).map(|at| cell.len() - at - 1);
    let named = cell.ends_with('€') || cell.ends_with("EUR");
    match euros {
        None => Money::Unreadable,
        Some(cents) if named || matches!(decimals, Some(1 | 2)) => Money::Cents(cents),
        Some(_) => Money::Ambiguous,
    }
}

/// Reads a count: a whole number, also as spreadsheets write it (`20,0`).
pub fn count(cell: &str) -> Option<u64> {
    let (whole, decimals) = cell.split_once([',', '.']).unwrap_or((cell, "0"));
    let zeros = (1..=2).contains(&decimals.len()) && decimals.bytes().all(|b| b == b'0');
    let digits = !whole.is_empty() && whole.bytes().all(|b| b.is_ascii_digit());
    if zeros && digits { whole.parse().ok() } else { None }
}

/// Reads a month: `2026-08`, `08.2026`, `8/2026`, any day in it, and what spreadsheets make of these (`Aug 26`, `August 2026`).
pub fn month(cell: &str) -> Option<CivilMonth> {
    const NAMES: [&[&str]; 12] = [
        &["jan"],
        &["feb"],
        &["mar", "maer", "mrz"],
        &["apr"],
        &["mai", "may"],
        &["jun"],
        &["jul"],
        &["aug"],
        &["sep"],
        &["okt", "oct"],
        &["nov"],
        &["dez", "dec"],
    ];
    if let Some(month) = day(cell).map(CivilDay::month).or_else(|| CivilMonth::parse(cell)) {
        return Some(month);
    }
    let (name, year) = cell.rsplit_once([' ', '-', '.'])?;
    let name = folded(name);
    let number = NAMES.iter().position(|starts| name.chars().all(char::is_alphabetic) && starts.iter().any(|s| name.starts_with(s)))?;
    let year: i32 = if year.bytes().all(|b| b.is_ascii_digit()) { year.parse().ok()? } else { return None };
    CivilMonth::from_ym(if year < 100 { 2000 + year } else { year }, u32::try_from(number + 1).ok()?)
}

/// Reads a day: `2026-08-01`, `01.08.2026`, `01.08.26`, and with midnight behind it, as databases export it.
pub fn day(cell: &str) -> Option<CivilDay> {
    let date = cell.strip_suffix(" 00:00:00").or_else(|| cell.strip_suffix(" 00:00")).unwrap_or(cell);
    match date.rsplit_once('.') {
        Some((day_and_month, year)) if year.len() == 2 => CivilDay::parse(&format!("{day_and_month}.20{year}")),
        _ => CivilDay::parse(date),
    }
}

/// Reads provider numbers, separated by comma, space, slash, plus or bar, each once.
pub fn providers(cell: &str) -> Option<Vec<ProviderNumber>> {
    let mut numbers = Vec::new();
    for part in cell.split([',', ' ', '/', '+', '|', ';']).filter(|part| !part.is_empty()) {
        let number = ProviderNumber(part.parse().ok().filter(|number| *number > 0)?);
        if !numbers.contains(&number) {
            numbers.push(number);
        }
        if numbers.len() > MAX_PROVIDERS {
            return None;
        }
    }
    Some(numbers)
}

/// Reads yes or no in either language.
pub fn yes_or_no(cell: &str) -> Option<bool> {
    match folded(cell).as_str() {
        "1" | "ja" | "j" | "yes" | "y" | "true" | "wahr" | "offen" | "open" | "x" => Some(true),
        "0" | "nein" | "n" | "no" | "false" | "falsch" | "geschlossen" | "closed" => Some(false),
        _ => None,
    }
}

/// Whether a spreadsheet put an error in place of the value: `#NAME?`, `#WERT!`, `#NV`, `####`.
pub fn is_spreadsheet_error(cell: &str) -> bool {
    cell.strip_prefix('#').is_some_and(|rest| {
        let word = rest.trim_end_matches(['!', '?']);
        let capitals = word.len() >= 2 && word.chars().all(|c| c.is_uppercase() || c == '/' || c == '0');
        matches!(word, "N/A" | "NV" | "N/V") || (capitals && word.len() < rest.len()) || (rest.len() >= 2 && rest.bytes().all(|b| b == b'#'))
    })
}

/// Whether a spreadsheet turned a long number into scientific notation, so that its last digits are lost: `1,23E+11`.
pub fn is_scientific(cell: &str) -> bool {
    let Some((mantissa, exponent)) = cell.split_once(['E', 'e']) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, decimals) = mantissa.split_once([',', '.']).unwrap_or((mantissa, "0"));
    digits(whole) && digits(decimals) && exponent.strip_prefix(['+', '-']).is_some_and(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_plain_number_is_cents_and_a_decimal_one_euros() {
        for (cell, cents) in [("1500", 1500), ("15,00", 1500), ("15.5", 1550), ("15 €", 1500), ("1.500,00 EUR", 150_000), ("0,05", 5), ("15€", 1500)]
        {
            assert_eq!(money(cell), Money::Cents(cents), "{cell}");
        }
        assert_eq!((money("1.500"), money("15,")), (Money::Ambiguous, Money::Ambiguous));
        for cell in ["", "-15,00", "€", "fünfzehn", "1,2,3", "99999999999999999999", "١٥"] {
            assert_eq!(money(cell), Money::Unreadable, "{cell}");
        }
    }

    #[test]
    fn months_survive_spreadsheets() {
        let august = CivilMonth::from_ym(2026, 8);
        for cell in [
            "2026-08",
            "08.2026",
            "8/2026",
            "01.08.2026",
            "1.8.26",
            "2026-08-31",
            "2026-08-01 00:00:00",
            "Aug 26",
            "Aug. 26",
            "August 2026",
            "aug-26",
        ] {
            assert_eq!(month(cell), august, "{cell}");
        }
        assert_eq!(month("Mär 27"), CivilMonth::from_ym(2027, 3));
        assert_eq!(month("Mrz 27"), CivilMonth::from_ym(2027, 3));
        for cell in ["", "2026", "13.2026", "32.08.2026", "Foo 26", "Aug", "8", "Aug xx"] {
            assert_eq!(month(cell), None, "{cell}");
        }
    }

    #[test]
    fn damage_is_told_from_content() {
        for cell in ["#NAME?", "#WERT!", "#BEZUG!", "#DIV/0!", "#NV", "#N/A", "###", "#########"] {
            assert!(is_spreadsheet_error(cell), "{cell}");
        }
        for cell in ["", "#", "#12", "#a!", "BUT-1", "#BUT", "NAME?"] {
            assert!(!is_spreadsheet_error(cell), "{cell}");
        }
        for cell in ["1,23E+11", "1.23E+11", "2E+10", "5e-3"] {
            assert!(is_scientific(cell), "{cell}");
        }
        for cell in ["", "12E45", "E+11", "1,2,3E+4", "ABE+1", "123"] {
            assert!(!is_scientific(cell), "{cell}");
        }
    }

    #[test]
    fn counts_and_lists() {
        assert_eq!(
            (count("20"), count("20,0"), count("1.00"), count("1,5"), count("1.000"), count("-1")),
            (Some(20), Some(20), Some(1), None, None, None)
        );
        assert_eq!(providers("3, 7/3"), Some(vec![ProviderNumber(3), ProviderNumber(7)]));
        assert_eq!((providers(""), providers("0"), providers("Mensa")), (Some(vec![]), None, None));
        assert_eq!((yes_or_no("Ja"), yes_or_no("geschlossen"), yes_or_no("vielleicht")), (Some(true), Some(false), None));
    }

    proptest! {
        #[test]
        fn no_cell_is_too_wild(cell in "\\PC{0,20}") {
            let _ = (money(&cell), count(&cell), month(&cell), day(&cell), providers(&cell), is_spreadsheet_error(&cell), is_scientific(&cell));
        }

        #[test]
        fn euros_and_cents_agree(cents in 0u64..10_000_000) {
            prop_assert_eq!(money(&cents.to_string()), Money::Cents(cents));
            prop_assert_eq!(money(&format!("{},{:02}", cents / 100, cents % 100)), Money::Cents(cents));
            prop_assert_eq!(money(&i64::try_from(cents).map(Cents::new).unwrap().to_string()), Money::Cents(cents));
        }
    }
}
