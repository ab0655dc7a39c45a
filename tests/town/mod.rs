//! An office made of nothing but the core's documents, and a terminal enrolled at it: what the terminal's tests stand on.
#![allow(dead_code, reason = "each test uses the part it needs")]

use std::collections::HashMap;
use teilhabe::admit::credential::Credential;
use teilhabe::admit::enrolment::{Enrolment, EnrolmentCode};
use teilhabe::admit::scan::code_text;
use teilhabe::admit::status::{Status, StatusList};
use teilhabe::admit::token::{Allowance, Ceiling, Token};
use teilhabe::admit::trust::{Policy, Purpose, TrustList, TrustedKey};
use teilhabe::book::entry::{Head, Opened};
use teilhabe::deliver::exchange::{Inbound, Outbound};
use teilhabe::deliver::receipt::Receipt;
use teilhabe::intake::open::VerifiedBatch;
use teilhabe::intake::place::{HeldJournal, Place, place};
use teilhabe::shell::envelope::{self, Identity, MAX_PLAINTEXT};
use teilhabe::shell::store::terminal::TerminalStore;
use teilhabe::terminal::counter::{Answer, Request};
use teilhabe::terminal::enrol::EnrolmentAnswer;
use teilhabe::terminal::{Keys, Terminal};
use teilhabe::words::benefit::{Benefit, Measure, Period};
use teilhabe::words::cents::Cents;
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::{CivilDay, CivilMonth};
use teilhabe::words::code::Code;
use teilhabe::words::ids::{BatchId, Handle, Hash, Nonce, OfficeId, ProviderNumber, TokenId};
use teilhabe::words::keys::{PublicKey, SecretKey};
use teilhabe::words::service::{Price, Pricing, Service};
use teilhabe::words::time::{UtcMs, UtcSeconds};

pub const PROVIDER: ProviderNumber = ProviderNumber(17);

pub fn day(text: &str) -> CivilDay {
    CivilDay::parse(text).expect("a date")
}

pub fn code(text: &str) -> Code {
    Code::parse(text).expect("a code")
}

/// A point in time, as `2026-11-23T11:03:00Z`.
pub fn at(text: &str) -> UtcMs {
    UtcMs::parse_rfc3339(text).expect("a time")
}

/// Noon in Berlin on the day most tests play on.
pub fn noon() -> UtcMs {
    at("2026-11-23T11:00:00Z")
}

/// An office with one key for everything but its root.
pub struct PaperOffice {
    pub id: OfficeId,
    pub root: SecretKey,
    pub key: SecretKey,
    pub identity: Identity,
    pub trust: TrustList,
    pub services: Vec<Service>,
    pub status: Option<StatusList>,
    pub code: EnrolmentCode,
    /// What it holds of each terminal's journal.
    pub held: HashMap<PublicKeyBytes, (PublicKey, Head)>,
    pub batches: HashMap<BatchId, Hash>,
    /// Entries taken in for this office, in order, as readable lines.
    pub lines: Vec<teilhabe::book::entry::Entry>,
    /// Advices to hand out at the next exchange.
    pub advices: Vec<Vec<u8>>,
    pub cursor: u64,
    pub new_trust: Option<Vec<u8>>,
    pub new_credential: Option<Vec<u8>>,
    pub elsewhere: Vec<teilhabe::deliver::exchange::UsedElsewhere>,
    /// Receipts carry this reason instead of confirming.
    pub reason: Option<String>,
}

pub type PublicKeyBytes = [u8; 32];

pub fn service(name: &str, benefit: Benefit, pricing: Pricing, cents: i64) -> Service {
    let prices = if pricing == Pricing::Free { Vec::new() } else { vec![Price { from: day("2026-01-01"), cents: Cents::new(cents) }] };
    let unit_minutes = (benefit == Benefit::Tutoring).then_some(45);
    let detail = match benefit {
        Benefit::Tutoring => Some(code("MA")),
        Benefit::DayTrip => Some(code("zoo-26")),
        _ => None,
    };
    Service { code: code(name), benefit, label: name.to_owned(), pricing, prices, unit_minutes, detail }
}

pub fn all_services() -> Vec<Service> {
    vec![
        service("lunch", Benefit::Lunch, Pricing::PerUnit, 450),
        service("judo", Benefit::Participation, Pricing::Free, 0),
        service("choir", Benefit::Participation, Pricing::Monthly, 1200),
        service("maths", Benefit::Tutoring, Pricing::PerUnit, 2500),
        service("zoo", Benefit::DayTrip, Pricing::Free, 0),
    ]
}

pub fn ceiling(period: Period, measure: Measure, amount: u64) -> Ceiling {
    Ceiling { period, measure, amount }
}

pub fn allowance(benefit: Benefit, ceilings: &[Ceiling]) -> Allowance {
    Allowance { benefit, ceilings: ceilings.to_vec(), detail: None, providers: Vec::new() }
}

/// All five benefits, generously; lunch once a day.
pub fn allowances() -> Vec<Allowance> {
    vec![
        allowance(Benefit::Lunch, &[ceiling(Period::Day, Measure::Units, 1)]),
        allowance(Benefit::Participation, &[ceiling(Period::Validity, Measure::Cents, 9000)]),
        allowance(Benefit::Tutoring, &[ceiling(Period::Validity, Measure::Units, 35)]),
        allowance(Benefit::DayTrip, &[ceiling(Period::Validity, Measure::Cents, 5000)]),
    ]
}

impl PaperOffice {
    pub fn new(id: &str, seed: u8) -> Self {
        let (root, key) = (SecretKey::from_seed([seed; 32]), SecretKey::from_seed([seed + 100; 32]));
        let identity = Identity::generate();
        let trusted = TrustedKey {
            key: key.public().clone(),
            purposes: vec![Purpose::Tokens, Purpose::Documents, Purpose::StatusLists],
            not_before: at("2026-01-01T00:00:00Z"),
            not_after: at("2030-01-01T00:00:00Z"),
            withdrawn: None,
        };
        let trust = TrustList {
            version: 1,
            issued: at("2026-11-20T00:00:00Z"),
            expires: at("2030-01-01T00:00:00Z"),
            office: OfficeId::parse(id).expect("an office id"),
            office_name: "Stadt Recklinghausen".into(),
            keys: vec![trusted],
            recipient: identity.recipient(),
            policy: Policy { claim_grace_days: 90, amber_days: 7, red_days: 30 },
            next_root: None,
        };
        let code = EnrolmentCode::new([seed; 10], root.public());
        let status = StatusList::new("https://but.example/status".into(), at("2026-11-23T04:00:00Z").seconds(), 86_400, []);
        Self {
            id: trust.office.clone(),
            root,
            key,
            identity,
            trust,
            services: all_services(),
            status: Some(status),
            code,
            held: HashMap::new(),
            batches: HashMap::new(),
            lines: Vec::new(),
            advices: Vec::new(),
            cursor: 0,
            new_trust: None,
            new_credential: None,
            elsewhere: Vec::new(),
            reason: None,
        }
    }

    /// The code of a token for the child `number`, valid August 2026 to January 2027.
    pub fn token(&self, number: u8, allowances: Vec<Allowance>) -> String {
        self.token_of(Handle([number; 8]), TokenId([number; 16]), u64::from(number), allowances)
    }

    pub fn token_of(&self, handle: Handle, id: TokenId, status_index: u64, allowances: Vec<Allowance>) -> String {
        code_text(&self.plain_token(handle, id, status_index, allowances).seal(&self.key))
    }

    pub fn plain_token(&self, handle: Handle, id: TokenId, status_index: u64, allowances: Vec<Allowance>) -> Token {
        let month = |text| CivilMonth::parse(text).expect("a month").first_day().midnight();
        Token {
            expires: month("2027-02"),
            not_before: month("2026-08"),
            issued: at("2026-11-01T08:00:00Z").seconds(),
            id,
            holder_key: None,
            allowances,
            status_index,
            hint: Some(format!("K{:02}", handle.0[0])),
            home_providers: Vec::new(),
            handle,
        }
    }

    /// The code of a card of the child `number` for a server, which reads the real clock: good for 60 days before and after today.
    pub fn card_of_today(&self, number: u8) -> String {
        let now = teilhabe::shell::door::now();
        let mut token = self.plain_token(Handle([number; 8]), TokenId([number; 16]), u64::from(number), allowances());
        token.not_before = CivilDay::of(now).minus(60).midnight();
        token.expires = CivilDay::of(now).plus(60).midnight();
        token.issued = now.seconds();
        code_text(&token.seal(&self.key))
    }

    pub fn credential(&self, key: &PublicKey, recipient: &str, issued: UtcMs) -> Credential {
        Credential {
            provider: PROVIDER,
            provider_name: "Mensa am Wall".into(),
            terminal: key.terminal_id(),
            key: key.clone(),
            recipient: recipient.into(),
            issued,
            expires: at("2029-01-01T00:00:00Z"),
            services: self.services.clone(),
            siblings: Vec::new(),
        }
    }

    /// Answers an enrolment request as formats § 5 says.
    pub fn enrol(&mut self, request: &[u8], now: UtcMs) -> EnrolmentAnswer {
        let request = Enrolment::open(request).expect("a signed request");
        assert!(request.proves(self.code.secret()), "the request proves the code");
        self.held.insert(*request.key.bytes(), (request.key.clone(), Head::start(request.key.terminal_id())));
        let credential = self.credential(&request.key, &request.recipient, now);
        EnrolmentAnswer::new(self.root.public(), &self.trust.seal(&self.root), &credential.seal(&self.key))
    }

    /// Opens a question as the office would.
    pub fn read(&self, envelope: &[u8]) -> (Outbound, PublicKey) {
        let plain = envelope::decrypt(&self.identity, envelope, MAX_PLAINTEXT).expect("for this office");
        let terminal = Outbound::claimed_terminal(&plain).expect("an outbound");
        let (key, _) = self.held.values().find(|(key, _)| key.terminal_id() == terminal).expect("an enrolled terminal");
        (Outbound::open(&plain, key).expect("signed by the terminal"), key.clone())
    }

    /// Takes a question in and answers it.
    pub fn exchange(&mut self, envelope: &[u8], recipient: &str, now: UtcMs) -> Vec<u8> {
        let (outbound, key) = self.read(envelope);
        let receipts = outbound.batches.iter().map(|bytes| self.take(bytes, &key, now)).collect();
        let head = self.held[key.bytes()].1;
        self.answer(outbound.nonce, &outbound, receipts, head, recipient, now)
    }

    pub fn answer(&mut self, nonce: Nonce, outbound: &Outbound, receipts: Vec<Vec<u8>>, head: Head, recipient: &str, now: UtcMs) -> Vec<u8> {
        let status = self.status.as_ref().filter(|s| s.issued > outbound.has.status_issued).map(|s| s.seal(&self.key));
        let advices = std::mem::take(&mut self.advices);
        self.cursor += advices.len() as u64;
        let inbound = Inbound {
            terminal: outbound.terminal,
            nonce,
            created: now,
            receipts,
            advices,
            cursor: self.cursor,
            trust: self.new_trust.take(),
            status,
            credential: self.new_credential.take(),
            elsewhere: std::mem::take(&mut self.elsewhere),
            head,
            more: false,
            office: self.id.clone(),
            successor: None,
        };
        envelope::encrypt(recipient, &inbound.seal(&self.key)).expect("a recipient")
    }

    fn take(&mut self, bytes: &[u8], key: &PublicKey, now: UtcMs) -> Vec<u8> {
        let batch = teilhabe::intake::open::open(bytes, key).expect("a whole batch");
        let draft = batch.batch().draft().clone();
        let (_, head) = self.held.get_mut(key.bytes()).expect("enrolled");
        let held = HeldJournal { head: *head, same_id: self.batches.get(&draft.id).copied() };
        let reason = match place(&batch, &held) {
            Place::Continues { known } if self.reason.is_none() => {
                *head = draft.after();
                self.batches.insert(draft.id, batch.hash());
                self.lines.extend(shown(&batch).skip_while(|e| e.seq <= draft.before.seq + known as u64));
                None
            }
            Place::SameAgain => None,
            Place::Gap => Some("journal_gap".into()),
            Place::Fork | Place::SameIdOtherContent => Some("journal_forked".into()),
            Place::Continues { .. } => self.reason.clone(),
        };
        Receipt { batch: draft.id, received: now, head: draft.after(), hash: batch.hash(), reason }.seal(&self.key)
    }

    /// Stops tokens, in a list issued at `issued`.
    pub fn stop(&mut self, issued: UtcMs, statuses: &[(u64, Status)]) {
        self.status = Some(StatusList::new("https://but.example/status".into(), issued.seconds(), 86_400, statuses.iter().copied()));
    }
}

fn shown(batch: &VerifiedBatch) -> impl Iterator<Item = teilhabe::book::entry::Entry> {
    batch.batch().lines().filter_map(|(_, _, line)| match line {
        teilhabe::claim::check::Line::Entry(entry) => Some((**entry).clone()),
        _ => None,
    })
}

/// A terminal in memory, its randomness, and the offices it is enrolled at.
pub struct Town {
    pub terminal: Terminal,
    pub chance: Chance,
    pub office: PaperOffice,
}

pub fn keys(seed: u8) -> Keys {
    Keys { signing: SecretKey::from_seed([seed; 32]), envelope: Identity::generate() }
}

/// The morning before [`noon`]: the town's terminal is enrolled and has exchanged.
pub fn morning() -> UtcMs {
    at("2026-11-23T06:00:00Z")
}

impl Town {
    pub fn new() -> Self {
        Self::with(PaperOffice::new("05562032", 1))
    }

    /// A town of today, for a server, which reads the real clock.
    pub fn of_today() -> Self {
        let now = teilhabe::shell::door::now();
        let mut office = PaperOffice::new("05562032", 1);
        office.trust.issued = now;
        office.status = None;
        let mut chance = Chance::seeded(7);
        let store = TerminalStore::open_in_memory().expect("a database");
        let terminal = Terminal::create(store, keys(50), Opened::default(), &mut chance, now).expect("created");
        let mut town = Self { terminal, chance, office };
        town.enrol(now);
        town
    }

    pub fn with(office: PaperOffice) -> Self {
        let store = TerminalStore::open_in_memory().expect("a database");
        Self::on(store, office)
    }

    pub fn on(store: TerminalStore, office: PaperOffice) -> Self {
        let mut chance = Chance::seeded(7);
        let terminal = Terminal::create(store, keys(50), Opened::default(), &mut chance, morning()).expect("created");
        let mut town = Self { terminal, chance, office };
        town.enrol(morning());
        town.exchange(morning());
        town
    }

    pub fn enrol(&mut self, now: UtcMs) {
        let printed = self.office.code.grouped();
        let request = self.terminal.ask_for_admission(&printed, "Ausgabe 1").expect("a code");
        let answer = self.office.enrol(&request, now);
        self.terminal.take_admission(&printed, "http://127.0.0.1:9", &answer, &mut self.chance, now).expect("admitted");
    }

    pub fn exchange(&mut self, now: UtcMs) -> teilhabe::terminal::inbound::TakenIn {
        let outbound = self.terminal.outbound(&self.office.id, &mut self.chance, now).expect("sealed");
        let recipient = self.terminal.recipient();
        let inbound = self.office.exchange(&outbound, &recipient, now);
        self.terminal.take_inbound(&inbound, &mut self.chance, now).expect("taken in")
    }

    pub fn redeem(&mut self, request: &Request, now: UtcMs) -> Answer {
        self.terminal.redeem(request, &mut self.chance, now).expect("an answer")
    }
}

pub fn request(token: &str, name: &str) -> Request {
    Request { code: token.into(), service: Some(code(name)), ..Request::default() }
}

/// The verdict in one word: `accepted`, or the reason.
pub fn verdict(answer: &Answer) -> &'static str {
    match answer {
        Answer::Accepted(_) => "accepted",
        Answer::Refused(refused) => refused.reason.code(),
    }
}

pub fn seconds(text: &str) -> UtcSeconds {
    at(text).seconds()
}
