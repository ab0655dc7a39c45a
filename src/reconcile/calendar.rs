//! On which days meals are served. A day off is a question for a clerk, never a refusal.
//!
//! Of the rows that speak of a day the most specific counts (a site before its provider, that before its kind, that before all), and
//! among equals the latest: what somebody wrote down for one school is known better than what holds for all. A day of which no row
//! speaks is a day of service, unless it is a weekend or a public holiday.

use super::holidays::Land;
use crate::words::civil::CivilDay;
use crate::words::ids::ProviderNumber;

/// What kind of place meals are served at: they have holidays of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SiteKind {
    /// A school.
    School,
    /// A day-care centre.
    Kita,
    /// After-school care.
    Hort,
    /// Anything else: a club, a tutor, a caterer for many.
    Other,
}

impl SiteKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::School, Self::Kita, Self::Hort, Self::Other];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::School => "school",
            Self::Kita => "kita",
            Self::Hort => "hort",
            Self::Other => "other",
        }
    }

    /// The name for people.
    pub const fn german(self) -> &'static str {
        match self {
            Self::School => "Schule",
            Self::Kita => "Kita",
            Self::Hort => "Hort",
            Self::Other => "Sonstiges",
        }
    }

    /// Reads either name, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        let is = |name: &str| name.to_lowercase() == text.trim().to_lowercase();
        Self::ALL.into_iter().find(|kind| is(kind.name()) || is(kind.german()))
    }
}

/// Whom a row of the calendar is about, the least specific first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whom {
    /// Everybody.
    All,
    /// All places of a kind.
    Kind(SiteKind),
    /// One provider.
    Provider(ProviderNumber),
    /// One site of a provider.
    Site(ProviderNumber, String),
}

impl Whom {
    const fn level(&self) -> u8 {
        match self {
            Self::All => 0,
            Self::Kind(_) => 1,
            Self::Provider(_) => 2,
            Self::Site(..) => 3,
        }
    }
}

/// Some days on which there is service, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The first day.
    pub from: CivilDay,
    /// The last day.
    pub to: CivilDay,
    /// Whether there is service.
    pub open: bool,
}

/// The rows that speak of one place, in rising precedence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceDays {
    rows: Vec<Stretch>,
    /// Where the rows begin that name the provider or the site.
    own: usize,
}

impl ServiceDays {
    /// The rows of `calendar`, in the order they were given, that speak of a place of this kind, provider and site.
    pub fn of(calendar: &[(Whom, Stretch)], kind: SiteKind, provider: ProviderNumber, site: Option<&str>) -> Self {
        let concerns = |whom: &Whom| match whom {
            Whom::All => true,
            Whom::Kind(of) => *of == kind,
            Whom::Provider(of) => *of == provider,
            Whom::Site(of, name) => *of == provider && Some(name.as_str()) == site,
        };
        let mut rows: Vec<(u8, Stretch)> = calendar.iter().filter(|(whom, _)| concerns(whom)).map(|(whom, row)| (whom.level(), *row)).collect();
        rows.sort_by_key(|(level, _)| *level);
        let own = rows.partition_point(|(level, _)| *level < 2);
        Self { rows: rows.into_iter().map(|(_, row)| row).collect(), own }
    }

    /// Whether meals are served on `day`.
    pub fn serve_meals_on(&self, day: CivilDay, land: Option<Land>) -> bool {
        let closed_by_itself = || day.is_weekend() || land.is_some_and(|land| land.keeps(day));
        last(&self.rows, day).unwrap_or_else(|| !closed_by_itself())
    }

    /// Whether the provider itself says that it is closed on `day`: clubs and tutors keep no school days.
    pub fn is_closed_of_its_own(&self, day: CivilDay) -> bool {
        last(self.rows.get(self.own..).unwrap_or_default(), day) == Some(false)
    }
}

fn last(rows: &[Stretch], day: CivilDay) -> Option<bool> {
    rows.iter().rev().find(|row| (row.from..=row.to).contains(&day)).map(|row| row.open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> CivilDay {
        CivilDay::parse(text).expect("a day")
    }

    fn row(whom: Whom, from: &str, to: &str, open: bool) -> (Whom, Stretch) {
        (whom, Stretch { from: day(from), to: day(to), open })
    }

    #[test]
    fn the_most_specific_row_counts_and_among_equals_the_latest() {
        let (mensa, kita) = (ProviderNumber(7), ProviderNumber(8));
        let calendar = [
            row(Whom::Site(mensa, "Nord".into()), "2026-10-21", "2026-10-21", false),
            row(Whom::Provider(mensa), "2026-10-19", "2026-10-23", true),
            row(Whom::Kind(SiteKind::School), "2026-10-17", "2026-10-31", false),
            row(Whom::All, "2026-12-24", "2026-12-24", true),
            row(Whom::All, "2026-12-24", "2026-12-24", false),
        ];
        let serves = |kind, provider, site, date: &str| ServiceDays::of(&calendar, kind, provider, site).serve_meals_on(day(date), None);
        assert!(!serves(SiteKind::School, ProviderNumber(9), None, "2026-10-21"), "holidays of all schools");
        assert!(serves(SiteKind::Kita, kita, None, "2026-10-21"), "not of a day-care centre");
        assert!(serves(SiteKind::School, mensa, None, "2026-10-21"), "the provider's own row is known better");
        assert!(!serves(SiteKind::School, mensa, Some("Nord"), "2026-10-21"), "and that of its site better still");
        assert!(serves(SiteKind::School, mensa, Some("Süd"), "2026-10-21"));
        assert!(!serves(SiteKind::Kita, kita, None, "2026-12-24"), "the later of two");
    }

    #[test]
    fn weekends_and_public_holidays_are_closed_unless_a_row_says_otherwise() {
        let land = Land::of(&crate::words::ids::OfficeId::parse("05562032").expect("an id"));
        let calendar = [row(Whom::Provider(ProviderNumber(7)), "2026-11-28", "2026-11-28", true)];
        let days = ServiceDays::of(&calendar, SiteKind::School, ProviderNumber(7), None);
        assert!(days.serve_meals_on(day("2026-11-27"), land));
        assert!(days.serve_meals_on(day("2026-11-28"), land), "a Saturday with a row");
        assert!(!days.serve_meals_on(day("2026-11-29"), land), "a Sunday");
        assert!(!days.serve_meals_on(day("2026-05-14"), land), "Ascension");
        assert!(days.serve_meals_on(day("2026-05-14"), None), "no Land, no holiday by rule");
    }

    #[test]
    fn what_holds_for_all_does_not_close_a_tutor() {
        let tutor = ProviderNumber(4);
        let calendar = [row(Whom::All, "2026-10-17", "2026-10-31", false), row(Whom::Provider(tutor), "2026-10-20", "2026-10-20", false)];
        let days = ServiceDays::of(&calendar, SiteKind::Other, tutor, None);
        assert!(!days.is_closed_of_its_own(day("2026-10-19")));
        assert!(days.is_closed_of_its_own(day("2026-10-20")));
    }
}
