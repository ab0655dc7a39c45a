//! A town's office, and a terminal written by hand that knows nothing but the formats.

use teilhabe::admit::credential::Credential;
use teilhabe::admit::enrolment::{Enrolment, EnrolmentCode};
use teilhabe::admit::scan::Scan;
use teilhabe::admit::status::StatusList;
use teilhabe::admit::token::{Entitlement, read};
use teilhabe::admit::trust::TrustList;
use teilhabe::book::decide::{Ask, House, Spent, plan, record};
use teilhabe::book::entry::{Body, Cancellation, Checkpoint, ClockState, Entry, Head, Opened};
use teilhabe::book::redemption::SeenAs;
use teilhabe::claim::batch::{Draft, Item};
use teilhabe::claim::check::check;
use teilhabe::deliver::advice::{Advice, AdvisedLine, Verdict};
use teilhabe::deliver::exchange::{Has, Inbound, Outbound};
use teilhabe::deliver::receipt::Receipt;
use teilhabe::office::{IssuedToken, NewProvider, Office, OfficeError, OfficeKeys, Profile, ServiceTerms};
use teilhabe::settle::account::{Account, Iban};
use teilhabe::shell::envelope::{self, Identity};
use teilhabe::shell::sheet::children;
use teilhabe::shell::store;
use teilhabe::words::cents::Cents;
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::code::Code;
use teilhabe::words::ids::{BatchId, Hash, Nonce, OfficeId, ProviderNumber, Salt};
use teilhabe::words::keys::{PublicKey, SecretKey};
use teilhabe::words::time::UtcMs;

pub fn day(text: &str) -> CivilDay {
    CivilDay::parse(text).expect("a day")
}

pub fn noon(text: &str) -> UtcMs {
    day(text).at_minute(12 * 60)
}

pub fn town(now: UtcMs) -> Office {
    let mut chance = Chance::seeded(1);
    let keys = OfficeKeys::generate(&mut chance);
    let iban = Iban::parse("DE02120300000000202051").expect("an IBAN");
    let profile = Profile {
        id: OfficeId::parse("05562032").expect("an id"),
        name: "Stadt Recklinghausen".into(),
        debtor: Account::new("Stadt Recklinghausen", iban, None).expect("an account"),
        policy: teilhabe::office::DEFAULT_POLICY,
    };
    let db = store::office::open_in_memory().expect("a database");
    Office::begin(db, keys, profile, chance, now).expect("an office")
}

pub fn provider(office: &mut Office, name: &str, services: &[&str], now: UtcMs) -> (ProviderNumber, EnrolmentCode) {
    let services = services.iter().map(|s| ServiceTerms::parse(s, CivilDay::of(now)).expect("terms")).collect();
    office.add_provider(&NewProvider { name: name.into(), iban: "DE89370400440532013000".into(), services }, now).expect("a provider")
}

pub fn issue(office: &mut Office, csv: &str, now: UtcMs) -> Vec<IssuedToken> {
    let table = children::read(csv.as_bytes()).expect("a table");
    assert!(table.errors.is_empty(), "{:?}", table.errors);
    office.issue(&table.rows, now).expect("tokens")
}

pub const HEADER: &str = "reference;benefit;from;to;period;measure;amount;detail;hint;home_providers\n";

/// A terminal that knows nothing but the formats.
pub struct Box {
    pub key: SecretKey,
    pub identity: Identity,
    pub trust: TrustList,
    pub credential: Credential,
    pub status: Option<StatusList>,
    pub head: Head,
    pub sealed: Head,
    pub entries: Vec<Vec<u8>>,
    pub cursor: u64,
    pub chance: Chance,
}

impl Box {
    pub fn enrol(office: &mut Office, code: &EnrolmentCode, seed: u8, now: UtcMs) -> Result<Self, OfficeError> {
        let key = SecretKey::from_seed([seed; 32]);
        let identity = Identity::generate();
        let request = Enrolment::new(key.public(), &identity.recipient(), "Mensa", code).seal(&key);
        let answer = office.enrol(&request, now)?;
        let root = PublicKey::from_bytes(&answer.root).expect("a key");
        assert!(code.is_for(&root));
        let trust = TrustList::open(&answer.trust, &root).expect("a trust list");
        let credential = Credential::open(&answer.credential, &trust, now).expect("a credential");
        let head = Head::start(key.public().terminal_id());
        let mut terminal = Self {
            key,
            identity,
            trust,
            credential,
            status: None,
            head,
            sealed: head,
            entries: Vec::new(),
            cursor: 0,
            chance: Chance::seeded(seed.into()),
        };
        terminal.note(Body::Opened(Opened::default()), now);
        Ok(terminal)
    }

    pub fn note(&mut self, body: Body, now: UtcMs) {
        let salt = Salt(self.chance.bytes());
        let entered = record(self.head, body, salt, now).expect("not a redemption");
        self.head = entered.head;
        self.entries.push(entered.bytes);
    }

    pub fn entitlement(&self, token: &IssuedToken, now: UtcMs) -> Entitlement {
        read(&Scan::new(&token.code).expect("a scan")).expect("a token").verify(std::slice::from_ref(&self.trust), now).expect("genuine")
    }

    pub fn redeem(&mut self, token: &IssuedToken, service: &str, on: &str, cents: Option<i64>, now: UtcMs) -> u64 {
        let ask = Ask {
            service: Code::parse(service).expect("a code"),
            day: day(on),
            cents: cents.map(Cents::new),
            lesson: None,
            charge: None,
            seen_as: SeenAs::Qr,
            shown: None,
            operator: None,
            settles: None,
        };
        self.enter(token, &ask, now)
    }

    /// Records what a counter asks for, and answers the entry's number.
    pub fn enter(&mut self, token: &IssuedToken, ask: &Ask, now: UtcMs) -> u64 {
        let entitlement = self.entitlement(token, now);
        let house = House { trust: &self.trust, credential: Some(&self.credential), status: None, clock: ClockState::Ok };
        let grant = plan(&entitlement, ask, &house, now).expect("planned").decide(&Spent::default()).expect("granted");
        let entered = grant.enter(self.head, Salt(self.chance.bytes()), now);
        self.head = entered.head;
        self.entries.push(entered.bytes);
        self.head.seq
    }

    pub fn cancel(&mut self, seq: u64, now: UtcMs) {
        let bytes = &self.entries[seq as usize - 1];
        let (office, entry) = (self.trust.office.clone(), Hash::of(&[bytes]));
        self.note(Body::Cancellation(Cancellation { seq, reason: Code::parse("wrong_child").expect("a code"), office, entry }), now);
    }

    pub fn batch(&mut self, now: UtcMs) -> Vec<u8> {
        let from = self.sealed.seq as usize;
        let items = self.entries[from..].iter().map(|b| Item::of(&Entry::from_bytes(b).expect("an entry"), b.clone(), &self.trust.office)).collect();
        let (office, terminal) = (self.trust.office.clone(), self.key.public().terminal_id());
        let draft = Draft::new(BatchId(self.chance.bytes()), office, self.credential.provider, terminal, self.sealed, items, now);
        self.sealed = draft.after();
        check(draft).expect("whole").seal(&self.key).expect("small")
    }

    /// Notes in the journal that the only receipt so far has arrived.
    pub fn checkpoint(&mut self, office: &Office, now: UtcMs) {
        let receipt: Vec<u8> = office.db().query_row("SELECT receipt FROM batch", [], |row| row.get(0)).expect("one batch");
        let body = Checkpoint { office: self.trust.office.clone(), receipt: Hash::of(&[&receipt]) };
        self.note(Body::Checkpoint(body), now);
    }

    pub fn question(&mut self, batches: Vec<Vec<u8>>, now: UtcMs) -> Vec<u8> {
        let has = Has { cursor: self.cursor, ..Has::default() };
        let (terminal, office) = (self.key.public().terminal_id(), self.trust.office.clone());
        let outbound = Outbound { terminal, nonce: Nonce(self.chance.bytes()), created: now, batches, has, head: self.head, office };
        envelope::encrypt(&self.trust.recipient, &outbound.seal(&self.key)).expect("an envelope")
    }

    pub fn open(&mut self, answer: &[u8], now: UtcMs) -> (Vec<Receipt>, Vec<Advice>) {
        let bytes = envelope::decrypt(&self.identity, answer, 17 << 20).expect("for us");
        let inbound = Inbound::open(&bytes, &self.trust, now).expect("genuine");
        if let Some(status) = &inbound.status {
            self.status = Some(StatusList::open(status, &self.trust, now).expect("a status list"));
        }
        self.cursor = inbound.cursor;
        let receipts = inbound.receipts.iter().map(|b| Receipt::open(b, &self.trust, now).expect("a receipt")).collect();
        (receipts, inbound.advices.iter().map(|b| Advice::open(b, &self.trust, now).expect("an advice")).collect())
    }

    pub fn exchange(&mut self, office: &mut Office, batches: Vec<Vec<u8>>, now: UtcMs) -> (Vec<Receipt>, Vec<Advice>) {
        let question = self.question(batches, now);
        let answer = office.exchange(&question, now).expect("answered");
        self.open(&answer, now)
    }

    /// Sends all that is new and answers what the office decides at once.
    pub fn claim(&mut self, office: &mut Office, now: UtcMs) -> Vec<AdvisedLine> {
        let batch = self.batch(now);
        let (receipts, _) = self.exchange(office, vec![batch], now);
        assert_eq!(receipts[0].reason, None);
        office.reconcile(now).expect("reconciled");
        self.exchange(office, vec![], now).1.into_iter().flat_map(|a| a.lines).collect()
    }
}

pub fn line(seq: u64, verdict: Verdict, cents: i64, reason: &str) -> AdvisedLine {
    AdvisedLine { seq, verdict, cents: Cents::new(cents), reason: reason.into() }
}
