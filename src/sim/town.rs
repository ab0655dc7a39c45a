//! Who is there: one to three offices, two to six providers with their boxes, children with their cards.

use super::Broken;
use super::disk::Till;
use super::keys::Changes;
use super::money::Booked;
use super::phones::Phone;
use super::weather::{Kind, Setup};
use crate::office::{DEFAULT_POLICY, IssuedToken, NewProvider, Office, OfficeKeys, Profile, ServiceTerms};
use crate::settle::account::{Account, Iban};
use crate::shell::sheet::children;
use crate::shell::store;
use crate::words::benefit::{Benefit, Measure, Period};
use crate::words::chance::Chance;
use crate::words::civil::CivilDay;
use crate::words::civil::CivilMonth;
use crate::words::ids::{OfficeId, ProviderNumber, TokenId};
use crate::words::time::UtcMs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Official keys of the offices.
const OFFICES: [&str; 3] = ["05562032", "05562004", "05562008"];
/// Where providers are paid; the check digits are right.
const IBANS: [&str; 3] = ["DE89370400440532013000", "DE02120300000000202051", "DE02500105170137075030"];
/// What every provider offers; `lunch` first.
const SERVICES: [&str; 6] = [
    "lunch:lunch:Mittagessen:450",
    "judo:participation:Judo:free",
    "choir:participation:Chor:1200/month",
    "maths:tutoring:Mathe:2500:45:MA",
    "kita:lunch:Kita:8000/month",
    "zoo:day_trip:Zoo:free::zoo-26",
];
const HEADER: &str = "reference;benefit;from;to;period;measure;amount;detail;hint;home_providers\n";
/// The account every office pays from.
pub(super) const DEBTOR: &str = "DE75512108001245126199";

/// What is granted: benefit, period, measure, amount.
type Granted = (Benefit, Period, Measure, u64);

/// A child as the simulator knows it.
#[derive(Debug)]
pub(super) struct Child {
    /// The office that grants.
    pub office: usize,
    /// What is granted.
    pub granted: Vec<Granted>,
    /// The cards given out, the latest last.
    pub cards: Vec<Card>,
    /// The rows of an approval that comes late.
    pub waits: Option<String>,
    /// The provider who wins a conflict.
    pub home: Option<usize>,
    /// The only provider this child goes to, where it goes to one alone.
    pub only: Option<usize>,
    /// Its row in the office's register, once something is approved.
    pub row: Option<i64>,
    /// Its phones, the latest last.
    pub phones: Vec<Phone>,
}

/// A card in a child's pocket.
#[derive(Clone, Debug)]
pub(super) struct Card {
    pub token: TokenId,
    pub code: String,
    pub number: String,
    /// When it was signed.
    pub issued: UtcMs,
    /// The phone whose key it names; none for paper.
    pub phone: Option<usize>,
    /// The signed bytes, of a phone's token.
    pub bytes: Vec<u8>,
}

impl Card {
    /// A card on paper.
    pub fn paper(issued: IssuedToken, now: UtcMs) -> Self {
        let (token, number) = (issued.token.id, issued.number.to_string());
        Self { token, code: issued.code, number, issued: now, phone: None, bytes: Vec::new() }
    }
}

/// An office with its bank.
#[derive(Debug)]
pub(super) struct Municipality {
    pub id: OfficeId,
    pub office: Office,
    pub bank: Vec<Booked>,
    /// The keys that signed cards one after another.
    pub keys: Changes,
    /// How many of the next commits fail.
    failing: Arc<AtomicU32>,
}

impl Municipality {
    /// Lets the next `commits` commits fail.
    pub fn break_disk(&self, commits: u32) {
        self.failing.store(commits, Ordering::SeqCst);
    }
}

/// A provider: its number at each office that it serves.
#[derive(Debug)]
pub(super) struct Provider {
    pub numbers: Vec<Option<ProviderNumber>>,
}

/// Everybody.
#[derive(Debug)]
pub(super) struct Town {
    pub offices: Vec<Municipality>,
    pub providers: Vec<Provider>,
    pub tills: Vec<Till>,
    pub children: Vec<Child>,
    /// The month in which approvals begin.
    pub first_month: CivilMonth,
}

impl Town {
    /// Sets everything up as of `now`.
    pub fn new(setup: &Setup, chance: &mut Chance, now: UtcMs) -> Result<Self, Broken> {
        let many = setup.world == Kind::ManyTowns;
        let mixed = matches!(setup.world, Kind::Town | Kind::Stormy) && chance.below(100) < 25;
        let count = if many { 2 + chance.below(2) } else { 1 + u32::from(mixed) };
        let mut offices = Vec::new();
        for id in OFFICES.iter().take(count as usize) {
            offices.push(municipality(id, chance, now)?);
        }
        let mut town = Self { offices, providers: Vec::new(), tills: Vec::new(), children: Vec::new(), first_month: CivilDay::of(now).month() };
        let providers = if many { 4 + chance.below(3) } else { 2 + chance.below(2) };
        for place in 0..providers as usize {
            let boxes = match setup.world {
                Kind::ManyTowns => 3 + chance.below(5),
                Kind::Kitchens => 2 + chance.below(3),
                _ => 1 + chance.below(3),
            };
            town.open_provider(place, boxes, setup, now)?;
        }
        for _ in 0..setup.children {
            let number = town.children.len();
            let child = town.register(number, setup, chance);
            town.children.push(child);
            if chance.below(100) >= 12 {
                town.approve(number, now)?;
            }
        }
        Ok(town)
    }

    /// A provider begins, at all offices or at one, with as many boxes as there is still room for.
    fn open_provider(&mut self, place: usize, boxes: u32, setup: &Setup, now: UtcMs) -> Result<(), Broken> {
        let count = self.offices.len();
        let serves = |office: usize| place < 2 || office == place % count;
        let mut numbers = Vec::new();
        for (index, municipality) in self.offices.iter_mut().enumerate() {
            let services = SERVICES.iter().map(|text| ServiceTerms::parse(text, CivilDay::of(now))).collect::<Result<_, _>>().map_err(failed)?;
            let iban = IBANS.get(place % IBANS.len()).copied().unwrap_or_default().to_owned();
            let new = NewProvider { name: format!("Anbieter {place}"), iban, services };
            numbers.push(if serves(index) { Some(municipality.office.add_provider(&new, now).map_err(failed)?.0) } else { None });
        }
        self.providers.push(Provider { numbers });
        for _ in 0..boxes {
            if self.tills.len() < setup.terminals as usize {
                // One after the other: of two credentials the office must know which is the later one.
                let after = 1000 * self.tills.len() as u64;
                let till = Till::enrolled(self, place, setup.seed, now.plus_ms(after))?;
                self.tills.push(till);
            }
        }
        Ok(())
    }

    /// A child with what it is to be granted, approved or not.
    fn register(&self, number: usize, setup: &Setup, chance: &mut Chance) -> Child {
        let month = self.first_month;
        let office = chance.below(self.offices.len() as u32) as usize;
        let granted = granted(chance.below(3));
        let (from, to) = match chance.below(10) {
            0 => (month, month),
            1 => (month.plus(1), month.plus(6)),
            _ => (month, month.plus(8)),
        };
        let near: Vec<usize> = (0..self.providers.len()).filter(|place| self.number(*place, office).is_some()).collect();
        let one = near.get(chance.below(near.len() as u32) as usize).copied();
        let home = one.filter(|_| chance.below(3) > 0);
        let named = home.and_then(|place| self.number(place, office)).map_or_else(String::new, |number| number.to_string());
        let mut rows = String::from(HEADER);
        for (benefit, period, measure, amount) in &granted {
            let (benefit, period, measure) = (benefit.name(), period.name(), measure.name());
            rows.push_str(&format!("F-{number:03};{benefit};{from};{to};{period};{measure};{amount};;K{number:02};{named}\n"));
        }
        Child {
            office,
            granted,
            cards: Vec::new(),
            waits: Some(rows),
            home,
            only: one.filter(|_| !setup.has_rulings()),
            row: None,
            phones: Vec::new(),
        }
    }

    /// What was applied for is approved, for the whole time, and the child gets its card; false where it had one.
    pub fn approve(&mut self, number: usize, now: UtcMs) -> Result<bool, Broken> {
        let Some(child) = self.children.get_mut(number) else { return Ok(false) };
        let Some((rows, office)) = child.waits.take().zip(self.offices.get_mut(child.office)) else { return Ok(false) };
        let table = children::read(rows.as_bytes()).map_err(|error| failed(format!("{error:?}")))?;
        if let Some(error) = table.errors.first() {
            return Err(failed(format!("{error:?}")));
        }
        for issued in office.office.issue(&table.rows, now).map_err(failed)? {
            child.row = Some(issued.child);
            child.cards.push(Card::paper(issued, now));
        }
        Ok(true)
    }

    /// A child's row in its office's register, and that office.
    pub fn family(&mut self, child: usize) -> Option<(i64, &mut Municipality)> {
        let child = self.children.get(child)?;
        Some((child.row?, self.offices.get_mut(child.office)?))
    }

    /// A phone of a child.
    pub fn phone(&self, child: usize, phone: usize) -> Option<&Phone> {
        self.children.get(child)?.phones.get(phone)
    }

    /// The number of a provider at an office, where it serves it.
    pub fn number(&self, provider: usize, office: usize) -> Option<ProviderNumber> {
        self.providers.get(provider)?.numbers.get(office).copied().flatten()
    }

    /// The offices at which a box is admitted.
    pub fn offices_of(&self, till: usize) -> Vec<usize> {
        let provider = self.tills.get(till).map_or(usize::MAX, |till| till.provider);
        (0..self.offices.len()).filter(|office| self.number(provider, *office).is_some()).collect()
    }
}

/// What could not be set up.
pub(super) fn failed(error: impl std::fmt::Display) -> Broken {
    Broken::new("the town can be set up", error.to_string())
}

fn municipality(id: &str, chance: &mut Chance, now: UtcMs) -> Result<Municipality, Broken> {
    let id = OfficeId::parse(id).ok_or_else(|| failed("the office id"))?;
    let debtor = Account::new("Stadt Beispiel", Iban::parse(DEBTOR).map_err(failed)?, None).map_err(failed)?;
    let profile = Profile { id: id.clone(), name: "Stadt Beispiel".into(), debtor, policy: DEFAULT_POLICY };
    let keys = OfficeKeys::generate(chance);
    let mut db = store::office::open_in_memory().map_err(failed)?;
    let failing = Arc::new(AtomicU32::new(0));
    db.fail_commits(countdown(&failing)).map_err(failed)?;
    let office = Office::begin(db, keys, profile, Chance::seeded(u64::from_be_bytes(chance.bytes())), now).map_err(failed)?;
    Ok(Municipality { id, office, bank: Vec::new(), keys: Changes::default(), failing })
}

/// A hook that makes as many commits fail as are counted.
pub(super) fn countdown(failing: &Arc<AtomicU32>) -> impl FnMut() -> bool + Send + 'static {
    let left = Arc::clone(failing);
    move || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

/// What a child is granted, by three kinds of families.
fn granted(kind: u32) -> Vec<Granted> {
    let lunch = (Benefit::Lunch, Period::Day, Measure::Units, 1);
    let trip = (Benefit::DayTrip, Period::Validity, Measure::Cents, 5000);
    match kind {
        0 => vec![
            lunch,
            (Benefit::Participation, Period::Validity, Measure::Cents, 9000),
            (Benefit::Tutoring, Period::Validity, Measure::Units, 6),
            trip,
        ],
        1 => vec![lunch, (Benefit::Participation, Period::Accrued, Measure::Cents, 1500), (Benefit::Tutoring, Period::Week, Measure::Units, 2)],
        _ => vec![lunch, (Benefit::Participation, Period::Month, Measure::Cents, 1500), trip],
    }
}
