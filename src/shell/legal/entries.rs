//! Legal data as people read it: one line an entry, and what another file would change.

use super::{LastMonth, Legal};
use crate::words::benefit::{Measure, Period};
use crate::words::cents::Cents;
use crate::words::civil::CivilDay;

/// One entry: what it is about, from which day it holds, what it says, and where that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is about.
    pub about: String,
    /// From which day it holds.
    pub from: CivilDay,
    /// What it says.
    pub says: String,
    /// Where that stands.
    pub source: String,
}

/// What becomes of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It comes.
    Added(Entry),
    /// It goes.
    Removed(Entry),
    /// It says something else, or stands elsewhere.
    Changed {
        /// As it is now.
        before: Entry,
        /// As it will be.
        after: Entry,
    },
}

impl Legal {
    /// Every entry, by what it is about and then by day.
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |about: String, from: CivilDay, says: String, source: &str| Entry { about, from, says, source: source.to_owned() };
        let monthly = self.monthly.iter().map(|m| entry(format!("{}: Pauschale im Monat", m.benefit.german()), m.from, euros(m.cents), &m.source));
        let age = self.age.iter().map(|a| {
            let last = match a.last_month {
                LastMonth::Birthday => "einschließlich des Monats, in dem er liegt",
                LastMonth::Before => "bis zum Monat davor",
            };
            entry(format!("{}: Altersgrenze", a.benefit.german()), a.from, format!("bis zum {}. Geburtstag, {last}", a.years), &a.source)
        });
        let usual = self.usual.iter().map(|u| {
            let says = format!("{}: {} {}", u.law, amount(u.amount, u.measure), per(u.period));
            entry(format!("{}: üblicher Inhalt einer Bewilligung", u.benefit.german()), u.from, says, &u.source)
        });
        let basis = self.basis.iter().map(|b| entry(format!("Rechtskreis {}", b.code.german()), b.from, b.name.clone(), &b.source));
        let vat = self.vat.iter().map(|v| {
            let says = v.exempt.as_ref().map_or_else(|| format!("{} %", v.percent), |why| format!("steuerfrei: {why}"));
            entry(format!("Umsatzsteuer: {} ({})", v.name, v.code), v.from, says, &v.source)
        });
        let mut all: Vec<Entry> = monthly.chain(age).chain(usual).chain(basis).chain(vat).collect();
        all.sort_by(|one, other| (&one.about, one.from).cmp(&(&other.about, other.from)));
        all
    }

    /// What would be different with `other` in its place.
    pub fn changes(&self, other: &Self) -> Vec<Change> {
        let (before, after) = (self.entries(), other.entries());
        let same_place = |one: &Entry, two: &Entry| one.about == two.about && one.from == two.from;
        let mut changes = Vec::new();
        for entry in &before {
            match after.iter().find(|new| same_place(entry, new)) {
                None => changes.push(Change::Removed(entry.clone())),
                Some(new) if new != entry => changes.push(Change::Changed { before: entry.clone(), after: new.clone() }),
                Some(_) => {}
            }
        }
        let fresh = after.into_iter().filter(|new| !before.iter().any(|entry| same_place(entry, new)));
        changes.extend(fresh.map(Change::Added));
        changes
    }
}

fn euros(cents: u64) -> String {
    Cents::new(i64::try_from(cents).unwrap_or(i64::MAX)).to_string()
}

fn amount(amount: Option<u64>, measure: Measure) -> String {
    match (amount, measure) {
        (Some(count), Measure::Units) => format!("{count}-mal"),
        (Some(cents), Measure::Cents) => euros(cents),
        (Some(minutes), Measure::Minutes) => format!("{minutes} Minuten"),
        (None, Measure::Units) => "Anzahl je nach Fall".into(),
        (None, Measure::Cents) => "Betrag je nach Fall".into(),
        (None, Measure::Minutes) => "Minuten je nach Fall".into(),
    }
}

const fn per(period: Period) -> &'static str {
    match period {
        Period::Day => "am Tag",
        Period::Week => "in der Woche",
        Period::Month => "im Monat",
        Period::Validity => "in der ganzen Zeit",
        Period::Accrued => "im Monat, angespart",
    }
}

#[cfg(test)]
mod tests {
    use super::super::COMPILED;
    use super::*;

    #[test]
    fn what_another_file_changes_is_told_entry_by_entry() {
        let now = Legal::parse(COMPILED).expect("the compiled file");
        assert_eq!(now.changes(&now.clone()), Vec::new());
        let one_more = format!(
            "{COMPILED}\n[[monthly]]\nbenefit = \"participation\"\nfrom = \"2027-01-01\"\ncents = 2000\nsource = \"§ 28 Abs. 7 SGB II n. F.\"\n"
        );
        let next = Legal::parse(&one_more.replace("cents = 1500", "cents = 1600")).expect("another file");
        let changes = now.changes(&next);
        let told: Vec<(&str, String)> = changes
            .iter()
            .map(|change| match change {
                Change::Added(entry) => ("comes", format!("{} {}", entry.from, entry.says)),
                Change::Removed(entry) => ("goes", format!("{} {}", entry.from, entry.says)),
                Change::Changed { before, after } => ("changes", format!("{} {} {}", before.from, before.says, after.says)),
            })
            .collect();
        assert_eq!(told, [("changes", format!("2019-08-01 {} {}", euros(1500), euros(1600))), ("comes", format!("2027-01-01 {}", euros(2000)))]);
        assert!(matches!(next.changes(&now).as_slice(), [Change::Changed { .. }, Change::Removed(_)]));
    }
}
