//! A Kreis of one seed: 600 providers with a terminal each, 15,000 children, and ten months of claims, most of them in order.

use crate::till::{Sent, Till};
use std::path::Path;
use teilhabe::admit::scan::Scan;
use teilhabe::admit::token::{Entitlement, read};
use teilhabe::admit::trust::Policy;
use teilhabe::office::{DEFAULT_POLICY, NewProvider, Office, SecondFactor, ServiceTerms, StopReason};
use teilhabe::reconcile::register::OfficePolicy;
use teilhabe::shell::sheet::{children, self_paid};
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::{CivilDay, CivilMonth};
use teilhabe::words::ids::OfficeId;
use teilhabe::words::time::UtcMs;

/// How large the world is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub providers: usize,
    /// Children of each provider.
    pub children: usize,
    /// Meals of a child in a month; every fifth has one more.
    pub meals: usize,
    pub months: u32,
}

/// A Kreis.
pub const FULL: Size = Size { providers: 600, children: 25, meals: 9, months: 10 };
/// A hamlet, to see that everything still works.
pub const SMALL: Size = Size { providers: 14, children: 3, meals: 3, months: 3 };

pub const PASSWORD: &str = "ein langes Kennwort für die Messung";
pub const CLERKS: [&str; 2] = ["Anna Abendroth", "Bernd Brandt"];

/// The world while it is made.
pub struct Town {
    pub office: Office,
    size: Size,
    tills: Vec<Till>,
    entitlements: Vec<Entitlement>,
    chance: Chance,
    cursor: u64,
}

fn first_month() -> CivilMonth {
    CivilMonth::parse("2026-08").expect("a month")
}

/// The month with this number, from 0.
pub fn month(number: u32) -> CivilMonth {
    first_month().plus(number)
}

/// When a month's batches arrive and are decided: in the morning after its end.
pub fn morning_after(number: u32) -> UtcMs {
    month(number + 1).first_day().at_minute(6 * 60)
}

impl Town {
    /// The office with its providers and children, before the first claim.
    pub fn new(dir: &Path, size: Size) -> Self {
        let now = first_month().first_day().at_minute(0);
        let id = OfficeId::parse("05562032").expect("an id");
        let mut office = Office::init(dir, id, "Kreis Recklinghausen", "DE02120300000000202051", Chance::seeded(1), now).expect("an office");
        // Terminals here never hear a status list, so the last word may be old.
        let shared = Policy { claim_grace_days: 90, amber_days: 400, red_days: 500 };
        office.set_policy(OfficePolicy { shared, ..DEFAULT_POLICY }, now).expect("a policy");
        for clerk in CLERKS {
            office.set_clerk(clerk, PASSWORD, now).expect("a clerk");
        }
        office.set_second_factor("cli", SecondFactor::Optional, now).expect("set");
        let mut town = Self { office, size, tills: Vec::new(), entitlements: Vec::new(), chance: Chance::seeded(2), cursor: 0 };
        for number in 0..size.providers {
            town.add_provider(number as u32, now);
        }
        town.issue(now);
        town.disturb(now);
        town
    }

    fn add_provider(&mut self, number: u32, now: UtcMs) {
        let today = CivilDay::of(now);
        let mut services = vec!["lunch:lunch:Mittagessen:450"];
        if is_club(number as usize) {
            services.push("verein:participation:Sportverein:1500");
        }
        let services = services.iter().map(|service| ServiceTerms::parse(service, today).expect("terms")).collect();
        let provider = NewProvider { name: format!("Mensa {number}"), iban: "DE89370400440532013000".into(), services };
        let code = self.office.add_provider(&provider, now).expect("a provider").1;
        self.tills.push(Till::admitted(&mut self.office, &code, number, now));
    }

    fn issue(&mut self, now: UtcMs) {
        const BASES: [&str; 4] = ["SGB II", "BKGG", "SGB XII", "AsylbLG"];
        let trust = self.office.trust(now).expect("a trust list").0.clone();
        let all: Vec<usize> = (0..self.size.providers * self.size.children).collect();
        for some in all.chunks(1000) {
            let mut csv = String::from("reference;benefit;from;to;period;measure;amount;detail;hint;home_providers;legal_basis\n");
            for child in some {
                let (from, to, basis) = (first_month(), first_month().plus(11), BASES[child % BASES.len()]);
                csv += &format!("K{child};lunch;{from};{to};day;units;1;;;;{basis}\n");
                csv += &format!("K{child};participation;{from};{to};accrued;cents;1500;;;;{basis}\n");
            }
            let table = children::read(csv.as_bytes()).expect("a table");
            assert!(table.errors.is_empty(), "{:?}", table.errors);
            for token in self.office.issue(&table.rows, now).expect("tokens") {
                let scanned = read(&Scan::new(&token.code).expect("a scan")).expect("a token");
                self.entitlements.push(scanned.verify(std::slice::from_ref(&trust), now).expect("genuine"));
            }
        }
    }

    /// What will be wrong with some claims: tokens nobody knows, revoked and replaced ones, what the office paid itself, an unpaid day.
    fn disturb(&mut self, now: UtcMs) {
        let each = self.size.children;
        let today = CivilDay::of(now);
        let mut self_paid = String::from("reference;benefit;from;to;amount\n");
        for till in 0..self.size.providers {
            let child = till * each;
            match till % 20 {
                3 => drop(self.office.stop(self.entitlements[child].token().id, StopReason::Ended, today.plus(40), false, now).expect("stopped")),
                7 => drop(self.office.stop(self.entitlements[child].token().id, StopReason::Lost, today.plus(30), true, now).expect("replaced")),
                11 => self_paid += &format!("K{child};lunch;{};{};4500\n", first_month(), first_month().plus(11)),
                13 => {
                    let unknown = "UPDATE token SET bytes = NULL WHERE token = ?1";
                    self.office.db().execute(unknown, [self.entitlements[child].token().id.0]).expect("forgotten");
                }
                _ => {}
            }
        }
        let table = self_paid::read(self_paid.as_bytes()).expect("a table");
        self.office.import_self_paid(&table.rows).expect("noted");
    }

    /// All terminals' claims of a month, as they are sent in the morning after it.
    pub fn claims(&mut self, number: u32) -> Vec<Sent> {
        (0..self.tills.len()).map(|till| self.claims_of(till, number)).collect()
    }

    fn claims_of(&mut self, till: usize, number: u32) -> Sent {
        let days = weekdays(month(number));
        let Self { tills, entitlements, size, chance, .. } = self;
        let each = size.children;
        for place in 0..each {
            let child = till * each + place;
            let first = chance.below(days.len() as u32) as usize;
            for meal in 0..size.meals + usize::from(place % 5 == 0) {
                let day = days[(first + meal) % days.len()];
                tills[till].claim(&entitlements[child], "lunch", None, day, 720 + place as u32);
            }
            if is_club(till) {
                tills[till].claim(&entitlements[child], "verein", None, days[0], 900);
            }
        }
        let own = &entitlements[till * each + 1];
        match till % 12 {
            1 => drop(tills[till].claim(own, "lunch", None, days[0], 721)),
            2 => drop(tills[till].claim(&entitlements[(till + 1) % size.providers * each], "lunch", None, days[1], 700)),
            4 => {
                tills[till].claim(own, "lunch", None, days[days.len() - 1], 1000);
                tills[till].take_back_last(days[days.len() - 1].at_minute(1001));
            }
            5 => drop(tills[till].claim(own, "verein", None, days[1], 901)),
            9 => drop(tills[till].claim(own, "lunch", None, saturday(month(number)), 720)),
            _ => {}
        }
        tills[till].send(self.cursor, morning_after(number))
    }

    /// Takes a month in, decides it, rules on nothing, and settles it.
    pub fn month_settled(&mut self, number: u32) {
        let now = morning_after(number);
        for sent in self.claims(number) {
            self.office.exchange(&sent.envelope, now).expect("answered");
        }
        self.office.reconcile(now).expect("reconciled");
        self.cursor = last_advice(&self.office);
        let [first, second] = CLERKS;
        self.office.settle(first, second, CivilDay::of(now).plus(5), now).expect("settled");
        if number == 4 {
            self.cheaper_meals(now);
        }
    }

    /// From the next month on some providers claim more than is agreed.
    fn cheaper_meals(&mut self, now: UtcMs) {
        let numbers: Vec<_> = teilhabe::shell::store::office::admission::providers(self.office.db()).expect("read");
        for provider in numbers.iter().step_by(100) {
            let mut terms = ServiceTerms::parse("lunch:lunch:Mittagessen:430", CivilDay::of(now)).expect("terms");
            let price = terms.service.prices.first_mut().expect("a price");
            price.from = CivilDay::of(now);
            self.office.agree(provider.number, &terms, now).expect("agreed");
        }
    }
}

fn is_club(till: usize) -> bool {
    till % 6 == 5
}

fn last_advice(office: &Office) -> u64 {
    office.db().query_row("SELECT coalesce(max(id), 0) FROM advice", [], |row| row.get::<_, i64>(0)).expect("read").unsigned_abs()
}

/// The first Saturday of a month; 1970-01-03 was one.
fn saturday(month: CivilMonth) -> CivilDay {
    (0..7).map(|day| month.first_day().plus(day)).find(|day| day.days() % 7 == 2).expect("a Saturday")
}

fn weekdays(month: CivilMonth) -> Vec<CivilDay> {
    let days = (0..31).map(|day| month.first_day().plus(day)).filter(|day| day.month() == month);
    // 1970-01-01 was a Thursday.
    days.filter(|day| !matches!((day.days() + 4) % 7, 0 | 6)).collect()
}
