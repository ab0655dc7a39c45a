//! Who is there: one office, two or three providers with two to six terminals, thirty children.

use super::Broken;
use crate::book::entry::Opened;
use crate::office::{DEFAULT_POLICY, NewProvider, Office, OfficeKeys, Profile, ServiceTerms};
use crate::settle::account::{Account, Iban};
use crate::shell::envelope::Identity;
use crate::shell::sheet::children;
use crate::shell::store::terminal::TerminalStore;
use crate::shell::store::{self, office::MIGRATIONS};
use crate::terminal::enrol::EnrolmentAnswer;
use crate::terminal::{Keys, Terminal};
use crate::words::benefit::{Benefit, Measure, Period};
use crate::words::chance::Chance;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::ids::{OfficeId, ProviderNumber, TokenId};
use crate::words::keys::{PublicKey, SecretKey};
use crate::words::time::UtcMs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many children there are.
const CHILDREN: u32 = 30;
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

/// A child as the simulator knows it.
#[derive(Debug)]
pub(super) struct Child {
    /// The office's case reference.
    pub reference: String,
    /// What is granted: benefit, period, measure, amount.
    pub granted: Vec<(Benefit, Period, Measure, u64)>,
    /// The cards given out, the latest last.
    pub cards: Vec<Card>,
}

/// A card in a child's pocket.
#[derive(Clone, Debug)]
pub(super) struct Card {
    pub token: TokenId,
    pub code: String,
    pub number: String,
}

/// A box at a counter with its clock and its disk.
#[derive(Debug)]
pub(super) struct Till {
    pub terminal: Terminal,
    pub chance: Chance,
    pub provider: ProviderNumber,
    /// What its clock shows beyond the right time, in milliseconds.
    pub offset_ms: i64,
    /// How much faster its clock runs, in milliseconds a day.
    pub drift_ms: i64,
    /// How many of the next commits fail.
    failing: Arc<AtomicU32>,
}

impl Till {
    /// What its clock shows at `now`.
    pub fn clock(&self, now: UtcMs) -> UtcMs {
        let shift = self.offset_ms;
        if shift < 0 { UtcMs(now.0.saturating_sub(shift.unsigned_abs())) } else { now.plus_ms(shift.unsigned_abs()) }
    }

    /// Lets the next `commits` commits fail.
    pub fn break_disk(&self, commits: u32) {
        self.failing.store(commits, Ordering::SeqCst);
    }
}

/// The town.
#[derive(Debug)]
pub(super) struct Town {
    pub id: OfficeId,
    pub office: Office,
    pub providers: Vec<ProviderNumber>,
    pub tills: Vec<Till>,
    pub children: Vec<Child>,
    /// The month in which approvals begin.
    pub first_month: CivilMonth,
}

impl Town {
    /// Sets the town up as of `now`.
    pub fn new(seed: u64, chance: &mut Chance, now: UtcMs) -> Result<Self, Broken> {
        let id = OfficeId::parse("05562032").ok_or_else(|| Broken::new("the town can be set up", "the office id"))?;
        let mut office = office(&id, chance, now)?;
        let (mut providers, mut tills) = (Vec::new(), Vec::new());
        let count = 2 + chance.below(2);
        for (index, iban) in IBANS.iter().enumerate().take(count as usize) {
            let services = SERVICES.iter().map(|text| ServiceTerms::parse(text, CivilDay::of(now))).collect::<Result<_, _>>().map_err(failed)?;
            let new = NewProvider { name: format!("Anbieter {index}"), iban: (*iban).to_owned(), services };
            let (number, mut code) = office.add_provider(&new, now).map_err(failed)?;
            providers.push(number);
            for further in 0..=chance.below(2) {
                if further > 0 {
                    code = office.new_code(number, now).map_err(failed)?;
                }
                let till_seed = seed.wrapping_mul(1009).wrapping_add(tills.len() as u64 + 1);
                tills.push(till(&mut office, number, &code.grouped(), till_seed, now)?);
            }
        }
        let children = children_of(&mut office, &providers, chance, now)?;
        Ok(Self { id, office, providers, tills, children, first_month: CivilDay::of(now).month() })
    }
}

fn failed(error: impl std::fmt::Display) -> Broken {
    Broken::new("the town can be set up", error.to_string())
}

fn office(id: &OfficeId, chance: &mut Chance, now: UtcMs) -> Result<Office, Broken> {
    let iban = Iban::parse("DE75512108001245126199").map_err(failed)?;
    let debtor = Account::new("Stadt Beispiel", iban, None).map_err(failed)?;
    let profile = Profile { id: id.clone(), name: "Stadt Beispiel".into(), debtor, policy: DEFAULT_POLICY };
    let keys = OfficeKeys::generate(chance);
    let db = store::open_in_memory(MIGRATIONS).map_err(failed)?;
    Office::begin(db, keys, profile, Chance::seeded(u64::from_be_bytes(chance.bytes())), now).map_err(failed)
}

fn till(office: &mut Office, provider: ProviderNumber, code: &str, seed: u64, now: UtcMs) -> Result<Till, Broken> {
    let mut chance = Chance::seeded(seed);
    let keys = Keys { signing: SecretKey::from_seed(chance.bytes()), envelope: Identity::generate() };
    let store = TerminalStore::open_in_memory().map_err(failed)?;
    let mut terminal = Terminal::create(store, keys, Opened::default(), &mut chance, now).map_err(failed)?;
    let request = terminal.ask_for_admission(code, "Ausgabe").map_err(failed)?;
    let admitted = office.enrol(&request, now).map_err(failed)?;
    let root = PublicKey::from_bytes(&admitted.root).ok_or_else(|| failed("the root key"))?;
    let answer = EnrolmentAnswer::new(&root, &admitted.trust, &admitted.credential);
    terminal.take_admission(code, "http://127.0.0.1:9", &answer, &mut chance, now).map_err(failed)?;
    let failing = Arc::new(AtomicU32::new(0));
    let countdown = Arc::clone(&failing);
    let hook = move || countdown.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
    terminal.store().connection().commit_hook(Some(hook)).map_err(failed)?;
    let drift_ms = i64::from(chance.below(8_001)) - 4_000;
    Ok(Till { terminal, chance, provider, offset_ms: 0, drift_ms, failing })
}

/// What a child is granted, by three kinds of families.
fn granted(kind: u32) -> Vec<(Benefit, Period, Measure, u64)> {
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

fn children_of(office: &mut Office, providers: &[ProviderNumber], chance: &mut Chance, now: UtcMs) -> Result<Vec<Child>, Broken> {
    let month = CivilDay::of(now).month();
    let mut csv = String::from("reference;benefit;from;to;period;measure;amount;detail;hint;home_providers\n");
    let mut children = Vec::new();
    for number in 0..CHILDREN {
        let granted = granted(chance.below(3));
        let (from, to) = match chance.below(10) {
            0 => (month, month),
            1 => (month.plus(1), month.plus(6)),
            _ => (month, month.plus(8)),
        };
        let home = match chance.below(3) {
            0 => String::new(),
            _ => providers.get(chance.below(providers.len() as u32) as usize).map_or_else(String::new, ToString::to_string),
        };
        let reference = format!("F-{number:03}");
        for (benefit, period, measure, amount) in &granted {
            let (benefit, period, measure) = (benefit.name(), period.name(), measure.name());
            csv.push_str(&format!("{reference};{benefit};{from};{to};{period};{measure};{amount};;K{number:02};{home}\n"));
        }
        children.push(Child { reference, granted, cards: Vec::new() });
    }
    let table = children::read(csv.as_bytes()).map_err(|error| failed(format!("{error:?}")))?;
    if let Some(error) = table.errors.first() {
        return Err(failed(format!("{error:?}")));
    }
    for issued in office.issue(&table.rows, now).map_err(failed)? {
        let card = Card { token: issued.token.id, code: issued.code, number: issued.number.to_string() };
        if let Some(child) = children.iter_mut().find(|child| child.reference == issued.reference) {
            child.cards.push(card);
        }
    }
    Ok(children)
}
