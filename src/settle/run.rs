//! A run and the references by which banks, providers and bookkeepers find their way back to it.

use super::sepa::sepa_text;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::{BatchId, OfficeId, ProviderNumber};
use std::collections::BTreeSet;
use std::fmt;

/// The longest reference of a payment file in characters (ISO 20022, `Max35Text`).
pub const MAX_REFERENCE: usize = 35;
/// The longest remittance text in characters (SEPA rulebook, AT-T009).
pub const MAX_REMITTANCE: usize = 140;

/// The number of a settlement run at one office, 1 to [`RunNumber::MAX`]; given out by the office in ascending order, never twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunNumber(u32);

impl RunNumber {
    /// The largest number: with the longest office id and provider number a reference is still within [`MAX_REFERENCE`].
    pub const MAX: u32 = 99_999_999;

    /// The run with this number.
    pub fn new(number: u32) -> Option<Self> {
        (1..=Self::MAX).contains(&number).then_some(Self(number))
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for RunNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One settlement run of one office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The office that pays.
    pub office: OfficeId,
    /// Its number.
    pub number: RunNumber,
    /// The day on which the bank is to pay.
    pub execution_date: CivilDay,
}

/// The end-to-end id of one credit transfer: `office-RrunPprovider`, such as `05562032-R7P12`. It is unique because an office pays a
/// provider at most once in a run, and it reaches the provider's bank statement unchanged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndToEndId(Box<str>);

impl EndToEndId {
    /// The id as text, at most [`MAX_REFERENCE`] characters out of digits, capital letters and hyphens.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndToEndId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Run {
    /// The end-to-end id of this run's transfer to `provider`.
    pub fn end_to_end_id(&self, provider: ProviderNumber) -> EndToEndId {
        EndToEndId(format!("{}-R{}P{provider}", self.office, self.number).into())
    }

    /// The id of the run's payment file and of the one payment order in it: `office-Rrun`, such as `05562032-R7`.
    pub fn message_id(&self) -> String {
        format!("{}-R{}", self.office, self.number)
    }

    /// The remittance text where nothing but repayments is netted: what was paid back too much goes back.
    pub fn remittance_of_repayments(&self) -> String {
        sepa_text(&format!("BuT Erstattung Ihrer Rückzahlung Lauf {}", self.number), MAX_REMITTANCE)
    }

    /// The remittance text: months of service, run and batches. It names no child and nothing of one.
    pub fn remittance(&self, months: (CivilMonth, CivilMonth), batches: &BTreeSet<BatchId>) -> String {
        let (first, last) = months;
        let period = if first == last { first.german() } else { format!("{}-{}", first.german(), last.german()) };
        let mut text = format!("BuT {period} Lauf {} Abrechnung", self.number);
        for (index, batch) in batches.iter().enumerate() {
            let left = batches.len() - index;
            let others = if left > 1 { format!(" und {} weitere", left - 1).len() } else { 0 };
            let id = format!(" {}", short_id(&batch.0));
            if text.len() + id.len() + others > MAX_REMITTANCE {
                text.push_str(&format!(" und {left} weitere"));
                break;
            }
            text.push_str(&id);
        }
        sepa_text(&text, MAX_REMITTANCE)
    }
}

/// The first day from `from` on at which banks pay within Europe (TARGET calendar): no weekend, no 1 January, Good Friday, Easter
/// Monday, 1 May, 25 or 26 December. A payment ordered for another day is moved by the bank.
pub fn next_banking_day(from: CivilDay) -> CivilDay {
    let mut day = from;
    while day < CivilDay::MAX && is_target_holiday(day) {
        day = day.plus(1);
    }
    day
}

fn is_target_holiday(day: CivilDay) -> bool {
    let month = day.month();
    let (year, number) = (month.months() / 12 + 1970, month.months() % 12 + 1);
    let fixed = [(1, 1), (5, 1), (12, 25), (12, 26)].contains(&(number, day.days() - month.first_day().days() + 1));
    let easter = easter_sunday(year);
    day.is_weekend() || fixed || easter.is_some_and(|sunday| day == sunday.minus(2) || day == sunday.plus(1))
}

/// The anonymous Gregorian computus (Nature, 1876) in its shorter form (New Scientist, 1961).
fn easter_sunday(year: u32) -> Option<CivilDay> {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - b / 4 - g + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 19 * l) / 433;
    let month = (h + l + 90 - 7 * m) / 25;
    let day = (h + l + 33 * month + 19 - 7 * m) % 32;
    CivilDay::from_ymd(i32::try_from(year).ok()?, month, day)
}

/// The first eight hexadecimal digits of an id: enough for people to find a batch or terminal again among an office's thousands.
pub fn short_id(id: &[u8; 16]) -> String {
    id.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(office: &str, number: u32) -> Run {
        Run {
            office: OfficeId::parse(office).expect("safe: an office id"),
            number: RunNumber::new(number).expect("safe: a run number"),
            execution_date: CivilDay::parse("2026-12-03").expect("safe: a day"),
        }
    }

    fn month(text: &str) -> CivilMonth {
        CivilMonth::parse(text).expect("safe: a month")
    }

    #[test]
    fn banks_rest_on_the_days_of_the_target_calendar() {
        for (from, to) in [
            ("2026-12-03", "2026-12-03"),
            ("2026-12-05", "2026-12-07"),
            ("2026-12-24", "2026-12-24"),
            ("2026-12-25", "2026-12-28"),
            ("2027-01-01", "2027-01-04"),
            ("2027-03-26", "2027-03-30"),
            ("2024-03-29", "2024-04-02"),
            ("2038-04-23", "2038-04-27"),
            ("2027-05-01", "2027-05-03"),
            ("2027-10-03", "2027-10-04"),
        ] {
            assert_eq!(next_banking_day(CivilDay::parse(from).expect("safe: a day")).to_string(), to, "{from}");
        }
        assert_eq!(next_banking_day(CivilDay::MAX), CivilDay::MAX);
    }

    #[test]
    fn the_longest_reference_fits() {
        let longest = run("05562032-AB12", RunNumber::MAX).end_to_end_id(ProviderNumber(u32::MAX));
        assert_eq!(longest.as_str(), "05562032-AB12-R99999999P4294967295");
        assert!(longest.as_str().len() <= MAX_REFERENCE);
        assert_eq!(RunNumber::new(0), None);
        assert_eq!(RunNumber::new(RunNumber::MAX + 1), None);
    }

    #[test]
    fn references_of_different_payments_differ() {
        let all = [
            run("05562", 1).end_to_end_id(ProviderNumber(11)),
            run("05562", 11).end_to_end_id(ProviderNumber(1)),
            run("05562-R1", 1).end_to_end_id(ProviderNumber(11)),
            run("05562-1", 1).end_to_end_id(ProviderNumber(1)),
        ];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn the_remittance_text_names_period_run_and_batches() {
        let one = BTreeSet::from([BatchId([0x1a; 16])]);
        assert_eq!(run("05562032", 7).remittance((month("2026-11"), month("2026-11")), &one), "BuT 11/2026 Lauf 7 Abrechnung 1a1a1a1a");
    }

    #[test]
    fn many_batches_are_abbreviated_and_none_is_uncounted() {
        for count in 1..=60u8 {
            let batches: BTreeSet<_> = (0..count).map(|n| BatchId([n; 16])).collect();
            let text = run("05562032", RunNumber::MAX).remittance((month("2026-09"), month("2026-11")), &batches);
            assert!(text.len() <= MAX_REMITTANCE, "{text}");
            let (named, others) = match text.split_once(" und ") {
                Some((named, rest)) => (named, rest.trim_end_matches(" weitere").parse().expect("a count")),
                None => (text.as_str(), 0usize),
            };
            let ids = named.split(' ').filter(|word| word.len() == 8 && word.bytes().all(|b| b.is_ascii_hexdigit())).count();
            assert_eq!(ids - 1 + others, usize::from(count), "the run number has eight digits too: {text}");
        }
    }
}
