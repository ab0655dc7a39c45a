//! What the law says on a day: sums, ages, usual approvals and legal bases, from `templates/legal/but.toml` or the office's own file.

pub mod entries;

use crate::settle::invoice::Vat;
use crate::shell::store::StoreError;
use crate::shell::store::office::settings;
use crate::shell::store::sql::Connection;
use crate::words::benefit::{Benefit, Measure, Period};
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::legal_basis::LegalBasis;
use serde::{Deserialize, Deserializer};

/// The file that comes with the program.
pub const COMPILED: &str = include_str!("../../templates/legal/but.toml");
/// The office's own file, where it has one.
pub const SETTING: &str = "legal";

/// Everything the law says here, by the day from which it holds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Legal {
    monthly: Vec<Monthly>,
    age: Vec<Age>,
    usual: Vec<Usual>,
    basis: Vec<Basis>,
    /// An office's own file of an earlier version has none.
    #[serde(default)]
    vat: Vec<VatRule>,
}

/// A flat sum a month.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Monthly {
    #[serde(deserialize_with = "benefit")]
    benefit: Benefit,
    #[serde(deserialize_with = "day")]
    from: CivilDay,
    cents: u64,
    source: String,
}

/// Until which birthday a benefit is granted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Age {
    #[serde(deserialize_with = "benefit")]
    benefit: Benefit,
    #[serde(deserialize_with = "day")]
    from: CivilDay,
    years: u32,
    last_month: LastMonth,
    source: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LastMonth {
    Birthday,
    Before,
}

/// The usual content of an approval.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usual {
    #[serde(deserialize_with = "benefit")]
    benefit: Benefit,
    #[serde(deserialize_with = "day")]
    from: CivilDay,
    /// The paragraph, for people.
    pub law: String,
    /// The stretch of time it is bounded in.
    #[serde(deserialize_with = "period")]
    pub period: Period,
    /// What is counted.
    #[serde(deserialize_with = "measure")]
    pub measure: Measure,
    /// How much; none where it differs from case to case.
    pub amount: Option<u64>,
    source: String,
}

/// A law an approval can rest on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// Its code.
    pub code: LegalBasis,
    #[serde(deserialize_with = "day")]
    from: CivilDay,
    /// Its name for clerks.
    pub name: String,
    source: String,
}

/// How a kind of service is taxed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VatRule {
    /// Its code.
    pub code: String,
    #[serde(deserialize_with = "day")]
    from: CivilDay,
    /// The kind of service, for people.
    pub name: String,
    /// Tax in percent; zero for what is exempt.
    pub percent: u8,
    /// What an invoice says of it where it is exempt.
    pub exempt: Option<String>,
    source: String,
}

/// The last month of a benefit by age, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastByAge {
    /// The last entitled month.
    pub month: CivilMonth,
    /// The birthday until which the benefit is granted.
    pub years: u32,
    /// Where that stands.
    pub source: String,
}

impl Legal {
    /// Reads a file. The error is a sentence for whoever wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let legal: Self = toml::from_str(text).map_err(|why| why.to_string())?;
        let mut sources = legal.monthly.iter().map(|m| &m.source).chain(legal.age.iter().map(|a| &a.source));
        let mut more = legal.usual.iter().map(|u| &u.source).chain(legal.basis.iter().map(|b| &b.source));
        let mut taxes = legal.vat.iter().map(|v| &v.source);
        if [&mut sources as &mut dyn Iterator<Item = &String>, &mut more, &mut taxes].into_iter().flatten().any(|source| source.trim().is_empty()) {
            return Err("an entry has no source: write where it stands".to_owned());
        }
        if let Some(wrong) = legal.vat.iter().find(|v| v.percent > 100 || (v.percent == 0) != v.exempt.is_some()) {
            return Err(format!("“{}” is taxed with more than nothing, or exempt for a reason: one of the two", wrong.code));
        }
        match legal.said_twice() {
            Some((what, from)) => Err(format!("two entries of “{what}” begin on {from}: leave one of them, or give it another day")),
            None => Ok(legal),
        }
    }

    /// What two entries say from the same day on: only one of them could hold, and nobody would see which.
    fn said_twice(&self) -> Option<(String, CivilDay)> {
        let monthly = self.monthly.iter().map(|m| (format!("monthly, {}", m.benefit.name()), m.from));
        let age = self.age.iter().map(|a| (format!("age, {}", a.benefit.name()), a.from));
        let usual = self.usual.iter().map(|u| (format!("usual, {}", u.benefit.name()), u.from));
        let basis = self.basis.iter().map(|b| (format!("basis, {}", b.code.code()), b.from));
        let vat = self.vat.iter().map(|v| (format!("vat, {}", v.code), v.from));
        let mut seen = std::collections::BTreeSet::new();
        monthly.chain(age).chain(usual).chain(basis).chain(vat).find(|entry| !seen.insert(entry.clone()))
    }

    /// What holds at this office: its own file, or the one that comes with the program.
    pub fn of(db: &Connection) -> Result<Self, StoreError> {
        let own = settings::read(db, SETTING)?;
        Self::parse(own.as_deref().unwrap_or(COMPILED)).map_err(|why| StoreError::Inconsistent(format!("the legal data cannot be read: {why}")))
    }

    /// The flat sum of a benefit for a month, in cents; none where the law knows none.
    pub fn cents_of(&self, benefit: Benefit, month: CivilMonth) -> Option<u64> {
        in_force(self.monthly.iter().filter(|m| m.benefit == benefit), month.first_day(), |m| m.from).map(|m| m.cents)
    }

    /// The flat sums of a benefit for the months of a period together, in cents.
    pub fn budget(&self, benefit: Benefit, from: CivilMonth, to: CivilMonth) -> Option<u64> {
        let months = (0..=to.since(from)).map(|n| self.cents_of(benefit, from.plus(n)));
        months.sum()
    }

    /// The last month in which a child born in the month `born` gets a benefit; none where age does not matter.
    pub fn last_by_age(&self, benefit: Benefit, born: CivilMonth, on: CivilDay) -> Option<LastByAge> {
        let rule = in_force(self.age.iter().filter(|a| a.benefit == benefit), on, |a| a.from)?;
        let birthday = born.plus(rule.years.saturating_mul(12));
        let month = match rule.last_month {
            LastMonth::Birthday => birthday,
            LastMonth::Before => CivilMonth::from_months(u64::from(birthday.months().saturating_sub(1)))?,
        };
        Some(LastByAge { month, years: rule.years, source: rule.source.clone() })
    }

    /// Whether age matters for a benefit on a day.
    pub fn asks_age(&self, benefit: Benefit, on: CivilDay) -> bool {
        in_force(self.age.iter().filter(|a| a.benefit == benefit), on, |a| a.from).is_some()
    }

    /// The usual content of an approval of a benefit on a day.
    pub fn usual(&self, benefit: Benefit, on: CivilDay) -> Option<&Usual> {
        in_force(self.usual.iter().filter(|u| u.benefit == benefit), on, |u| u.from)
    }

    /// How a kind of service is taxed on a day; none where it is not known for that day.
    pub fn vat(&self, code: &str, day: CivilDay) -> Option<Vat> {
        let rule = in_force(self.vat.iter().filter(|v| v.code == code), day, |v| v.from)?;
        Some(Vat { percent: rule.percent, exempt: rule.exempt.clone() })
    }

    /// The kinds of service that are taxed in a way of their own, on a day.
    pub fn vat_rules(&self, on: CivilDay) -> Vec<&VatRule> {
        let mut codes: Vec<&str> = Vec::new();
        self.vat.iter().for_each(|v| {
            if !codes.contains(&v.code.as_str()) {
                codes.push(&v.code)
            }
        });
        codes.into_iter().filter_map(|code| in_force(self.vat.iter().filter(|v| v.code == code), on, |v| v.from)).collect()
    }

    /// The laws an approval can rest on, on a day.
    pub fn bases(&self, on: CivilDay) -> Vec<&Basis> {
        LegalBasis::ALL.iter().filter_map(|code| in_force(self.basis.iter().filter(|b| b.code == *code), on, |b| b.from)).collect()
    }
}

/// The last entry that begins on or before `day`.
fn in_force<'a, T>(entries: impl Iterator<Item = &'a T>, day: CivilDay, from: impl Fn(&T) -> CivilDay) -> Option<&'a T> {
    entries.filter(|entry| from(entry) <= day).max_by_key(|entry| from(entry))
}

fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CivilDay, D::Error> {
    named(deserializer, CivilDay::parse, "a day like 2019-08-01")
}

fn benefit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Benefit, D::Error> {
    named(deserializer, Benefit::parse, "a benefit")
}

fn period<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    named(deserializer, Period::parse, "a period")
}

fn measure<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Measure, D::Error> {
    named(deserializer, Measure::parse, "a measure")
}

fn named<'de, D: Deserializer<'de>, T>(deserializer: D, parse: impl Fn(&str) -> Option<T>, what: &str) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| serde::de::Error::custom(format!("“{text}” is not {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month(text: &str) -> CivilMonth {
        CivilMonth::parse(text).expect("a month")
    }

    #[test]
    fn two_entries_of_one_thing_from_one_day_are_refused() {
        let again =
            |day: &str| format!("{COMPILED}\n[[monthly]]\nbenefit = \"participation\"\nfrom = \"{day}\"\ncents = 2000\nsource = \"a test\"\n");
        assert!(Legal::parse(&again("2031-01-01")).is_ok());
        let known = Legal::parse(COMPILED).expect("the compiled file").monthly.iter().find(|m| m.benefit == Benefit::Participation).map(|m| m.from);
        let refused = Legal::parse(&again(&known.expect("one").to_string())).expect_err("twice");
        assert!(refused.starts_with("two entries of “monthly, participation” begin on 20"), "{refused}");
    }

    #[test]
    fn the_sum_of_a_month_is_the_one_that_held_in_it() {
        let legal = Legal::parse(COMPILED).expect("the compiled file");
        let participation = |at: &str| legal.cents_of(Benefit::Participation, month(at));
        assert_eq!([participation("2010-12"), participation("2019-07"), participation("2019-08")], [None, Some(1000), Some(1500)]);
        assert_eq!(legal.budget(Benefit::Participation, month("2019-06"), month("2019-09")), Some(5000));
        assert_eq!(legal.budget(Benefit::Lunch, month("2026-01"), month("2026-02")), None, "lunch has a price, no flat sum");
    }

    #[test]
    fn participation_ends_with_the_month_of_the_eighteenth_birthday_unless_the_office_says_otherwise() {
        let on = CivilDay::parse("2026-11-25").expect("a day");
        let legal = Legal::parse(COMPILED).expect("the compiled file");
        let last = |legal: &Legal, benefit| legal.last_by_age(benefit, month("2009-03"), on).map(|last| last.month);
        assert_eq!(last(&legal, Benefit::Participation), Some(month("2027-03")));
        assert_eq!(last(&legal, Benefit::Lunch), None);
        let stricter = Legal::parse(&COMPILED.replace("last_month = \"birthday\"", "last_month = \"before\"")).expect("another file");
        assert_eq!(last(&stricter, Benefit::Participation), Some(month("2027-02")));
    }

    #[test]
    fn a_figure_without_a_source_is_not_taken() {
        let silent = COMPILED.replace("source = \"§ 28 SGB II\"", "source = \" \"");
        assert!(Legal::parse(&silent).expect_err("no source").contains("no source"));
        assert!(Legal::parse("").is_err());
        assert!(Legal::parse(&COMPILED.replace("2019-08-01", "August")).is_err());
    }

    #[test]
    fn a_meal_is_taxed_as_on_its_day() {
        let (legal, day) = (Legal::parse(COMPILED).expect("the compiled file"), |text| CivilDay::parse(text).expect("a day"));
        let percent = |code, on| legal.vat(code, day(on)).map(|vat| vat.percent);
        let served = ["2020-12-31", "2021-01-01", "2023-12-31", "2024-01-01", "2025-12-31", "2026-01-01"].map(|on| percent("meal_service", on));
        assert_eq!(served, [None, Some(7), Some(7), Some(19), Some(19), Some(7)]);
        assert_eq!([percent("food", "2024-05-01"), percent("standard", "2026-01-01")], [Some(7), Some(19)]);
        let exempt = legal.vat("exempt_23", day("2026-01-01")).and_then(|vat| vat.exempt).expect("a reason");
        assert!(exempt.contains("§ 4 Nr. 23 UStG"), "{exempt}");
        assert_eq!(legal.vat("unknown", day("2026-01-01")), None);
        assert!(Legal::parse(&COMPILED.replace("percent = 19", "percent = 0")).is_err(), "nothing is untaxed without a reason");
    }

    #[test]
    fn every_benefit_and_every_basis_has_its_usual_entry() {
        let (legal, on) = (Legal::parse(COMPILED).expect("the compiled file"), CivilDay::parse("2026-11-25").expect("a day"));
        assert!(Benefit::ALL.iter().all(|benefit| legal.usual(*benefit, on).is_some()));
        assert_eq!(legal.bases(on).len(), LegalBasis::ALL.len());
    }
}
