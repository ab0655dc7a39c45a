//! A Kreis: one office with children, and tills that make their claims out of the core alone.

use std::path::Path;
use teilhabe::admit::credential::Credential;
use teilhabe::admit::enrolment::{Enrolment, EnrolmentCode};
use teilhabe::admit::scan::Scan;
use teilhabe::admit::token::{Entitlement, read};
use teilhabe::admit::trust::{Policy, TrustList};
use teilhabe::book::decide::{Ask, House, Spent, plan, record};
use teilhabe::book::entry::{Body, ClockState, Entry, Head, Opened};
use teilhabe::book::redemption::SeenAs;
use teilhabe::book::slot::Slot;
use teilhabe::claim::batch::{Draft, Item};
use teilhabe::claim::check::check;
use teilhabe::deliver::exchange::{Has, Inbound, Outbound};
use teilhabe::deliver::receipt::Receipt;
use teilhabe::office::{DEFAULT_POLICY, NewProvider, Office, OfficeKeys, Profile, ServiceTerms};
use teilhabe::reconcile::register::OfficePolicy;
use teilhabe::settle::account::{Account, Iban};
use teilhabe::shell::envelope::{self, Identity, MAX_PLAINTEXT};
use teilhabe::shell::sheet::children;
use teilhabe::shell::store;
use teilhabe::shell::store::sql::Connection;
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::code::Code;
use teilhabe::words::ids::{BatchId, Nonce, OfficeId, Salt};
use teilhabe::words::keys::{PublicKey, SecretKey};
use teilhabe::words::time::UtcMs;

/// The first service day of the worlds that are not of today.
pub fn first_day() -> CivilDay {
    CivilDay::parse("2026-08-01").expect("a day")
}

/// When everything is sent and decided: the day after the approvals' end.
pub fn evening() -> UtcMs {
    CivilDay::parse("2027-08-01").expect("a day").at_minute(60)
}

/// An office whose children all have lunch, once a day, for a year.
pub struct Kreis {
    pub office: Office,
    pub entitlements: Vec<Entitlement>,
    pub codes: Vec<String>,
    trust: TrustList,
}

/// One line to be claimed, as a bare database would have to keep it.
pub struct PlainLine {
    pub slot: Slot,
    pub bytes: Vec<u8>,
}

/// A terminal that knows nothing but the formats.
pub struct Till {
    key: SecretKey,
    identity: Identity,
    trust: TrustList,
    credential: Credential,
    head: Head,
    sealed: Head,
    entries: Vec<Vec<u8>>,
    chance: Chance,
}

impl Kreis {
    /// The office in `dir` with this many children, approved from [`first_day`] on.
    pub fn new(dir: &Path, children: usize) -> Self {
        Self::at(dir, children, first_day().at_minute(0))
    }

    /// The office in `dir` with this many children, approved for twelve months from the month of `now` on.
    pub fn at(dir: &Path, children: usize, now: UtcMs) -> Self {
        let mut chance = Chance::seeded(1);
        let keys = OfficeKeys::generate(&mut chance);
        keys.save(&dir.join("keys")).expect("saved");
        Self::begin(store::office::open(&dir.join("office.db")).expect("a database"), keys, chance, children, now)
    }

    /// The same over an empty database.
    pub fn on(db: Connection, children: usize, now: UtcMs) -> Self {
        let mut chance = Chance::seeded(1);
        let keys = OfficeKeys::generate(&mut chance);
        Self::begin(db, keys, chance, children, now)
    }

    fn begin(db: Connection, keys: OfficeKeys, chance: Chance, children: usize, now: UtcMs) -> Self {
        let iban = Iban::parse("DE02120300000000202051").expect("an IBAN");
        // Tills here never hear a status list, so the last word may be old.
        let shared = Policy { claim_grace_days: 90, amber_days: 400, red_days: 500 };
        let profile = Profile {
            id: OfficeId::parse("05562032").expect("an id"),
            name: "Stadt Recklinghausen".into(),
            debtor: Account::new("Stadt Recklinghausen", iban, None).expect("an account"),
            policy: OfficePolicy { shared, ..DEFAULT_POLICY },
        };
        let mut office = Office::begin(db, keys, profile, chance, now).expect("an office");
        let mut csv = String::from("reference;benefit;from;to;period;measure;amount;detail;hint;home_providers\n");
        let month = CivilDay::of(now).month();
        csv.extend((0..children).map(|child| format!("K{child};lunch;{month};{};day;units;1;;;\n", month.plus(11))));
        let rows = children::read(csv.as_bytes()).expect("a table").rows;
        let tokens = office.issue(&rows, now).expect("tokens");
        let trust = office.trust(now).expect("a trust list").0.clone();
        let verify = |code: &str| read(&Scan::new(code).expect("a scan")).expect("a token").verify(std::slice::from_ref(&trust), now);
        let entitlements = tokens.iter().map(|token| verify(&token.code).expect("genuine")).collect();
        Self { office, entitlements, codes: tokens.into_iter().map(|token| token.code).collect(), trust }
    }

    /// A new provider of lunches; answers the code that admits its terminal.
    pub fn provider(&mut self, name: &str, now: UtcMs) -> EnrolmentCode {
        let services = vec![ServiceTerms::parse("lunch:lunch:Mittagessen:450", CivilDay::of(now)).expect("terms")];
        let provider = NewProvider { name: name.into(), iban: "DE89370400440532013000".into(), services };
        self.office.add_provider(&provider, now).expect("a provider").1
    }

    /// A new provider's till.
    pub fn till(&mut self, seed: u8) -> Till {
        self.till_at(seed, first_day().at_minute(0))
    }

    /// The same, admitted at `now`.
    pub fn till_at(&mut self, seed: u8, now: UtcMs) -> Till {
        let code = self.provider(&format!("Großküche {seed}"), now);
        let (key, identity) = (SecretKey::from_seed([seed; 32]), Identity::generate());
        let request = Enrolment::new(key.public(), &identity.recipient(), "Mensa", &code).seal(&key);
        let answer = self.office.enrol(&request, now).expect("admitted");
        let mut credential = Credential::open(&answer.credential, &self.trust, now).expect("a credential");
        credential.expires = UtcMs::MAX;
        let head = Head::start(key.public().terminal_id());
        let mut chance = Chance::seeded(seed.into());
        let opened = record(head, Body::Opened(Opened::default()), Salt(chance.bytes()), now).expect("no redemption");
        Till { key, identity, trust: self.trust.clone(), credential, head: opened.head, sealed: head, entries: vec![opened.bytes], chance }
    }

    /// Sends an envelope and answers whether everything in it was taken in.
    pub fn send(&mut self, envelope: &[u8]) -> Vec<u8> {
        self.office.exchange(envelope, evening()).expect("answered")
    }
}

impl Till {
    /// A lunch of this child on this day.
    pub fn lunch(&mut self, entitlement: &Entitlement, day: CivilDay) -> PlainLine {
        let now = day.at_minute(12 * 60);
        let service = Code::parse("lunch").expect("a code");
        let ask = Ask { service, day, cents: None, lesson: None, charge: None, seen_as: SeenAs::Qr, shown: None, operator: None, settles: None };
        let house = House { trust: &self.trust, credential: Some(&self.credential), status: None, clock: ClockState::Ok };
        let grant = plan(entitlement, &ask, &house, now).expect("planned").decide(&Spent::default()).expect("granted");
        let slot = grant.slot();
        let entered = grant.enter(self.head, Salt(self.chance.bytes()), now);
        self.head = entered.head;
        self.entries.push(entered.bytes.clone());
        PlainLine { slot, bytes: entered.bytes }
    }

    /// The signed batch of everything since the last one.
    pub fn batch(&mut self) -> Vec<u8> {
        let office = self.trust.office.clone();
        let item = |bytes: Vec<u8>| Item::of(&Entry::from_bytes(&bytes).expect("an entry"), bytes, &office);
        let items = std::mem::take(&mut self.entries).into_iter().map(item).collect();
        let (terminal, id) = (self.key.public().terminal_id(), BatchId(self.chance.bytes()));
        let draft = Draft::new(id, office.clone(), self.credential.provider, terminal, self.sealed, items, evening());
        self.sealed = draft.after();
        check(draft).expect("whole").seal(&self.key).expect("small enough")
    }

    /// The key its batches are signed with.
    pub fn key(&self) -> &PublicKey {
        self.key.public()
    }

    /// The envelope that carries `batches`.
    pub fn question(&mut self, batches: Vec<Vec<u8>>) -> Vec<u8> {
        let (terminal, office, nonce) = (self.key.public().terminal_id(), self.trust.office.clone(), Nonce(self.chance.bytes()));
        let outbound = Outbound { terminal, nonce, created: evening(), batches, has: Has::default(), head: self.head, office };
        envelope::encrypt(&self.trust.recipient, &outbound.seal(&self.key)).expect("an envelope")
    }

    /// Panics unless `answer` confirms every batch it speaks of.
    pub fn is_confirmed(&self, answer: &[u8]) {
        let plain = envelope::decrypt(&self.identity, answer, MAX_PLAINTEXT).expect("for us");
        let inbound = Inbound::open(&plain, &self.trust, evening()).expect("genuine");
        assert!(!inbound.receipts.is_empty(), "a batch was sent");
        for receipt in &inbound.receipts {
            assert_eq!(Receipt::open(receipt, &self.trust, evening()).expect("a receipt").reason, None);
        }
    }
}
