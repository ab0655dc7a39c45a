//! A small town that has worked for two weeks: an office with three providers, their terminals, and what a clerk finds in the morning.
#![allow(dead_code, reason = "each test uses the part it needs")]

use std::path::Path;
use teilhabe::book::entry::Opened;
use teilhabe::office::{DEFAULT_POLICY, NewProvider, Office, OfficeKeys, Profile, SecondFactor, ServiceTerms};
use teilhabe::reconcile::holidays::Land;
use teilhabe::settle::account::{Account, Iban};
use teilhabe::shell::envelope::Identity;
use teilhabe::shell::sheet::children;
use teilhabe::shell::store::office::{open, open_in_memory};
use teilhabe::shell::store::sql::Connection;
use teilhabe::shell::store::terminal::TerminalStore;
use teilhabe::terminal::counter::{Answer, Request};
use teilhabe::terminal::enrol::EnrolmentAnswer;
use teilhabe::terminal::{Keys, Terminal};
use teilhabe::words::cents::Cents;
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::code::Code;
use teilhabe::words::ids::{OfficeId, ProviderNumber};
use teilhabe::words::keys::{PublicKey, SecretKey};
use teilhabe::words::time::UtcMs;

/// A provider's name that would break a page that does not escape it.
pub const CANTEEN: &str = "Mensa am Wall <b>&</b> \"Söhne\"";
pub const PASSWORD: &str = "korrekt pferd";

pub fn office_id() -> OfficeId {
    OfficeId::parse("05562032").expect("an office id")
}

/// A provider's box at its counter.
pub struct Counter {
    pub terminal: Terminal,
    pub provider: ProviderNumber,
    chance: Chance,
}

impl Counter {
    /// A box enrolled with `code`.
    pub fn enrol(office: &mut Office, provider: ProviderNumber, label: &str, code: &str, seed: u8, now: UtcMs) -> Self {
        Self::enrol_at(office, &office_id(), provider, label, code, seed, now)
    }

    /// The same at an office of another id.
    pub fn enrol_at(office: &mut Office, id: &OfficeId, provider: ProviderNumber, label: &str, code: &str, seed: u8, now: UtcMs) -> Self {
        let mut chance = Chance::seeded(seed.into());
        let keys = Keys { signing: SecretKey::from_seed([seed; 32]), envelope: Identity::generate() };
        let store = TerminalStore::open_in_memory().expect("a database");
        let mut terminal = Terminal::create(store, keys, Opened::default(), &mut chance, now).expect("a terminal");
        let request = terminal.ask_for_admission(code, label).expect("a code");
        let answer = office.enrol(&request, now).expect("admitted");
        let root = PublicKey::from_bytes(&answer.root).expect("a key");
        let answer = EnrolmentAnswer::new(&root, &answer.trust, &answer.credential);
        terminal.take_admission(code, "http://127.0.0.1:9", &answer, &mut chance, now).expect("taken in");
        let mut counter = Self { terminal, provider, chance };
        counter.exchange_at(office, id, now);
        counter
    }

    pub fn redeem(&mut self, request: &Request, now: UtcMs) -> Answer {
        self.terminal.redeem(request, &mut self.chance, now).expect("an answer")
    }

    pub fn cancel(&mut self, seq: u64, now: UtcMs) {
        let reason = Code::parse("typing_error").expect("a code");
        self.terminal.cancel(seq, reason, &mut self.chance, now).expect("cancelled");
    }

    /// The bytes a terminal posts.
    pub fn outbound(&mut self, now: UtcMs) -> Vec<u8> {
        self.terminal.outbound(&office_id(), &mut self.chance, now).expect("sealed")
    }

    pub fn take(&mut self, inbound: &[u8], now: UtcMs) {
        self.terminal.take_inbound(inbound, &mut self.chance, now).expect("taken in");
    }

    pub fn exchange(&mut self, office: &mut Office, now: UtcMs) {
        self.exchange_at(office, &office_id(), now);
    }

    /// The same with an office of another id.
    pub fn exchange_at(&mut self, office: &mut Office, id: &OfficeId, now: UtcMs) {
        let outbound = self.terminal.outbound(id, &mut self.chance, now).expect("sealed");
        let inbound = office.exchange(&outbound, now).expect("an answer");
        self.take(&inbound, now);
    }
}

/// The office with nothing in it but two clerks.
pub fn empty(now: UtcMs) -> Office {
    empty_in(None, now)
}

/// The same with its database and keys in a folder.
pub fn empty_in(folder: Option<&Path>, now: UtcMs) -> Office {
    let (keys, db) = place(folder);
    in_its_folder(empty_over(db, keys, now), folder)
}

fn place(folder: Option<&Path>) -> (OfficeKeys, Connection) {
    let keys = OfficeKeys::generate(&mut Chance::seeded(1));
    let db = match folder {
        None => open_in_memory().expect("a database"),
        Some(folder) => {
            keys.save(&folder.join("keys")).expect("saved");
            open(&folder.join("office.db")).expect("a database")
        }
    };
    (keys, db)
}

/// Who the office is.
pub fn profile() -> Profile {
    let iban = Iban::parse("DE02120300000000202051").expect("an IBAN");
    let debtor = Account::new("Stadt Recklinghausen", iban, None).expect("an account");
    Profile { id: office_id(), name: "Stadt Recklinghausen".into(), debtor, policy: DEFAULT_POLICY }
}

/// The same over a database and with keys of its own.
pub fn empty_over(db: Connection, keys: OfficeKeys, now: UtcMs) -> Office {
    let mut chance = Chance::seeded(1);
    // What its keys are made of is used up.
    OfficeKeys::generate(&mut chance);
    let mut office = Office::begin(db, keys, profile(), chance, now).expect("an office");
    for clerk in ["Anna Adler", "Berta Busch"] {
        office.set_clerk(clerk, PASSWORD, now).expect("a clerk");
    }
    office.set_second_factor("cli", SecondFactor::Optional, now).expect("set");
    office
}

pub fn request(code: &str, service: &str) -> Request {
    Request { code: code.into(), service: Code::parse(service), ..Request::default() }
}

/// Two weeks of meals, fees and lessons up to yesterday; a conflict, and a price that changed behind a terminal's back.
/// Nothing is reconciled yet.
pub fn lived_in(now: UtcMs) -> (Office, Vec<Counter>) {
    lived_in_folder(None, now)
}

/// The same with its database and keys in a folder.
pub fn lived_in_folder(folder: Option<&Path>, now: UtcMs) -> (Office, Vec<Counter>) {
    let (keys, db) = place(folder);
    let (office, counters) = lived_in_over(db, keys, now);
    (in_its_folder(office, folder), counters)
}

/// The same office, which knows where its keys lie.
fn in_its_folder(office: Office, folder: Option<&Path>) -> Office {
    if let Some(folder) = folder { office.in_folder(folder) } else { office }
}

/// The same over a database and with keys of its own.
pub fn lived_in_over(db: Connection, keys: OfficeKeys, now: UtcMs) -> (Office, Vec<Counter>) {
    let start = UtcMs(now.0 - 20 * 86_400_000);
    let today = CivilDay::of(start);
    let mut office = empty_over(db, keys, start);
    let mut add = |name: &str, iban: &str, service: &str, label: &str, seed: u8| {
        let services = vec![ServiceTerms::parse(service, today).expect("a service")];
        let (number, code) = office.add_provider(&NewProvider { name: name.into(), iban: iban.into(), services }, start).expect("added");
        Counter::enrol(&mut office, number, label, &code.grouped(), seed, start)
    };
    let mut counters = vec![
        add(CANTEEN, "DE44500105175407324931", "lunch:lunch:Mittagessen:450", "Ausgabe 1", 51),
        add("Judoclub Recklinghausen e. V.", "DE12500105170648489890", "judo:participation:Mitgliedsbeitrag Judo:free", "Geschäftsstelle", 52),
        add("OGS Nordviertel", "DE27100777770209299700", "ogs:lunch:Mittagessen OGS:430", "Speiseraum", 53),
    ];
    let (from, to) = (today.month(), CivilDay::of(now).month().plus(2));
    let mut csv = "reference;benefit;from;to;period;measure;amount;detail;hint;home_providers\n".to_owned();
    for child in 1..=12 {
        csv += &format!(
            "4711-{child:03};lunch;{from};{to};day;units;1;;K{child:02};\n4711-{child:03};participation;{from};{to};month;cents;1500;;K{child:02};\n"
        );
    }
    let rows = children::read(csv.as_bytes()).expect("a table").rows;
    let tokens = office.issue(&rows, start).expect("issued");
    let mut served = 0u32;
    for back in (1..=14u32).rev() {
        let at = UtcMs(now.0 - u64::from(back) * 86_400_000);
        let day = CivilDay::of(at);
        if day.is_weekend() || Land::of(&office_id()).is_some_and(|land| land.keeps(day)) {
            continue;
        }
        served += 1;
        for (index, token) in tokens.iter().enumerate().filter(|(index, _)| !(index + back as usize).is_multiple_of(5)) {
            let time = at.plus_ms(index as u64 * 5_000);
            counters[0].redeem(&request(&token.code, "lunch"), time);
            if index == 2 && served % 3 == 1 {
                counters[2].redeem(&request(&token.code, "ogs"), time.plus_ms(60_000));
            }
        }
        counters[0].exchange(&mut office, at.plus_ms(3_600_000));
    }
    let yesterday = UtcMs(now.0 - 86_400_000);
    for token in tokens.iter().take(5) {
        counters[1].redeem(&Request { cents: Some(Cents::new(1_500)), ..request(&token.code, "judo") }, yesterday);
    }
    let cheaper = ServiceTerms::parse("ogs:lunch:Mittagessen OGS:400", today).expect("a service");
    office.agree(counters[2].provider, &cheaper, yesterday).expect("agreed");
    for counter in counters.iter_mut().skip(1) {
        counter.exchange(&mut office, yesterday.plus_ms(7_200_000));
    }
    (office, counters)
}
