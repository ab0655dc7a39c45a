//! A provider's terminal made of the core alone: it claims, takes back, seals and encrypts.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use teilhabe::admit::credential::Credential;
use teilhabe::admit::enrolment::{Enrolment, EnrolmentCode};
use teilhabe::admit::token::Entitlement;
use teilhabe::admit::trust::TrustList;
use teilhabe::book::decide::{Ask, House, Spent, plan, record};
use teilhabe::book::entry::{Body, Cancellation, ClockState, Entry, Head, Opened};
use teilhabe::book::redemption::SeenAs;
use teilhabe::claim::batch::{Draft, Item};
use teilhabe::claim::check::check;
use teilhabe::deliver::exchange::{Has, Outbound};
use teilhabe::office::Office;
use teilhabe::shell::envelope::{self, Identity};
use teilhabe::words::cents::Cents;
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::code::Code;
use teilhabe::words::ids::{BatchId, Hash, Nonce, Salt};
use teilhabe::words::keys::SecretKey;
use teilhabe::words::time::UtcMs;

/// One line as a bare database would have to keep it.
pub struct PlainLine {
    pub day: u32,
    pub slot: [u8; 16],
    pub bytes: Vec<u8>,
}

/// A batch on its way, with what a bare intake of the same would do.
pub struct Sent {
    pub envelope: Vec<u8>,
    pub lines: Vec<PlainLine>,
    /// The batch, and a signature over its bytes to be checked with nothing around it.
    pub batch: Vec<u8>,
    pub signature: Signature,
    pub key: VerifyingKey,
}

/// A terminal.
pub struct Till {
    seed: [u8; 32],
    key: SecretKey,
    trust: TrustList,
    credential: Credential,
    head: Head,
    sealed: Head,
    entries: Vec<Vec<u8>>,
    lines: Vec<PlainLine>,
    chance: Chance,
}

impl Till {
    /// A terminal that the office admits with a printed code.
    pub fn admitted(office: &mut Office, code: &EnrolmentCode, number: u32, now: UtcMs) -> Self {
        let seed = Hash::of(&[b"till", &number.to_be_bytes()]).0;
        let (key, identity) = (SecretKey::from_seed(seed), Identity::generate());
        let request = Enrolment::new(key.public(), &identity.recipient(), &format!("Ausgabe {number}"), code).seal(&key);
        let answer = office.enrol(&request, now).expect("admitted");
        let trust = office.trust(now).expect("a trust list").0.clone();
        let mut credential = Credential::open(&answer.credential, &trust, now).expect("a credential");
        credential.expires = UtcMs::MAX;
        let head = Head::start(key.public().terminal_id());
        let mut till =
            Self { seed, key, trust, credential, head, sealed: head, entries: Vec::new(), lines: Vec::new(), chance: Chance::seeded(number.into()) };
        till.note(Body::Opened(Opened::default()), now);
        till
    }

    /// A use of a token on a day; answers the entry's number.
    pub fn claim(&mut self, entitlement: &Entitlement, service: &str, cents: Option<i64>, day: CivilDay, minute: u32) -> u64 {
        let now = day.at_minute(minute);
        let ask = Ask {
            service: Code::parse(service).expect("a code"),
            day,
            cents: cents.map(Cents::new),
            lesson: None,
            charge: None,
            seen_as: SeenAs::Qr,
            shown: None,
            operator: None,
            settles: None,
        };
        let house = House { trust: &self.trust, credential: Some(&self.credential), status: None, clock: ClockState::Ok };
        let grant = plan(entitlement, &ask, &house, now).expect("planned").decide(&Spent::default()).expect("granted");
        let slot = grant.slot();
        let entered = grant.enter(self.head, Salt(self.chance.bytes()), now);
        self.head = entered.head;
        self.lines.push(PlainLine { day: slot.day.days(), slot: slot.id.0, bytes: entered.bytes.clone() });
        self.entries.push(entered.bytes);
        self.head.seq
    }

    /// Takes the last entry back.
    pub fn take_back_last(&mut self, now: UtcMs) {
        let last = self.entries.last().expect("an entry").clone();
        let (office, entry, seq) = (self.trust.office.clone(), Hash::of(&[&last]), self.head.seq);
        self.note(Body::Cancellation(Cancellation { seq, reason: Code::parse("wrong_child").expect("a code"), office, entry }), now);
    }

    fn note(&mut self, body: Body, now: UtcMs) {
        let entered = record(self.head, body, Salt(self.chance.bytes()), now).expect("no redemption");
        self.head = entered.head;
        self.entries.push(entered.bytes);
    }

    /// Everything since the last batch, sealed, signed and encrypted; `cursor` is the last advice it has.
    pub fn send(&mut self, cursor: u64, now: UtcMs) -> Sent {
        let office = self.trust.office.clone();
        let item = |bytes: Vec<u8>| Item::of(&Entry::from_bytes(&bytes).expect("an entry"), bytes, &office);
        let items = std::mem::take(&mut self.entries).into_iter().map(item).collect();
        let (terminal, id) = (self.key.public().terminal_id(), BatchId(self.chance.bytes()));
        let draft = Draft::new(id, office.clone(), self.credential.provider, terminal, self.sealed, items, now);
        self.sealed = draft.after();
        let batch = check(draft).expect("whole").seal(&self.key).expect("small enough");
        let has = Has { trust_version: u64::MAX >> 1, status_issued: now.seconds(), credential_issued: now, cursor };
        let outbound =
            Outbound { terminal, nonce: Nonce(self.chance.bytes()), created: now, batches: vec![batch.clone()], has, head: self.head, office };
        let envelope = envelope::encrypt(&self.trust.recipient, &outbound.seal(&self.key)).expect("an envelope");
        let signing = SigningKey::from_bytes(&self.seed);
        let signature = signing.sign(&batch);
        Sent { envelope, lines: std::mem::take(&mut self.lines), batch, signature, key: signing.verifying_key() }
    }
}
