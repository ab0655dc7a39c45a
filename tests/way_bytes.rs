//! The bytes of docs/WAY.md: one lunch is carried through every room, each room reading what the one before has written, and every
//! document on the way must stand in WAY.md. There, in blocks marked `hex`, what follows a `#` is a note.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use teilhabe::admit::credential::Credential;
use teilhabe::admit::enrolment::{Enrolment, EnrolmentCode};
use teilhabe::admit::issue::Approval;
use teilhabe::admit::number::CardNumber;
use teilhabe::admit::scan::{Scan, code_text};
use teilhabe::admit::status::StatusList;
use teilhabe::admit::token::{self, Allowance, Ceiling, Token};
use teilhabe::admit::trust::{Policy, Purpose, TrustList, TrustedKey};
use teilhabe::book::decide::{Ask, House, Spent, plan, record};
use teilhabe::book::entry::{Admission, Admitted, Body, Checkpoint, ClockState, Entry, Head, Opened, SealedBatch};
use teilhabe::book::redemption::SeenAs;
use teilhabe::book::slot::slot_id;
use teilhabe::claim::batch::{Draft, Item};
use teilhabe::claim::check::{Line, check};
use teilhabe::deliver::advice::{Advice, AdvisedLine, Verdict};
use teilhabe::deliver::exchange::{Has, Inbound, Outbound};
use teilhabe::deliver::outbox::{Outcome, Waiting};
use teilhabe::deliver::receipt::Receipt;
use teilhabe::intake::open::{VerifiedBatch, open};
use teilhabe::intake::place::{HeldJournal, Place, place};
use teilhabe::reconcile::child::reconcile_child;
use teilhabe::reconcile::finding::Decision;
use teilhabe::reconcile::register::{Agreement, Arrival, ChildFile, ClaimLine, OfficePolicy, ProviderFile, Register, RegisteredToken};
use teilhabe::settle::account::{Account, Iban};
use teilhabe::settle::clerk::Clerk;
use teilhabe::settle::run::{Run, RunNumber};
use teilhabe::settle::sepa::pain001;
use teilhabe::settle::settlement::{self, LineKind, PayableLine, Released};
use teilhabe::words::benefit::{Benefit, Measure, Period};
use teilhabe::words::cents::Cents;
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::{CivilDay, CivilMonth};
use teilhabe::words::code::Code;
use teilhabe::words::ids::{BatchId, Handle, Hash, Nonce, OfficeId, ProviderNumber, Salt, TokenId};
use teilhabe::words::keys::SecretKey;
use teilhabe::words::legal_basis::LegalBasis;
use teilhabe::words::service::{Price, Pricing, Service};
use teilhabe::words::time::UtcMs;

const OFFICE_RECIPIENT: &str = "age177j5hx64rsrsszd3ku3xpc7zy2689fph3d38zdlksvdnw005e3asfhwqa2";
const TERMINAL_RECIPIENT: &str = "age1jm4yu64da7zv7wejeuqzg5zjuthshjw4dsahur5lhea8se9sa9nst6d47z";
const PROVIDER: ProviderNumber = ProviderNumber(12);

fn time(text: &str) -> UtcMs {
    UtcMs::parse_rfc3339(text).expect("safe: a time")
}

fn day(text: &str) -> CivilDay {
    CivilDay::parse(text).expect("safe: a day")
}

fn code(text: &str) -> Code {
    Code::parse(text).expect("safe: a code")
}

fn office() -> OfficeId {
    OfficeId::parse("05562032").expect("safe: an office id")
}

/// What WAY.md must show: hexadecimal blocks, and texts.
#[derive(Default)]
struct Shown {
    blocks: Vec<(&'static str, Vec<u8>)>,
    texts: Vec<(&'static str, String)>,
}

impl Shown {
    fn bytes(&mut self, name: &'static str, bytes: &[u8]) {
        self.blocks.push((name, bytes.to_vec()));
    }

    fn text(&mut self, name: &'static str, text: impl ToString) {
        self.texts.push((name, text.to_string()));
    }
}

/// The office and the terminal of the story, with their keys.
struct World {
    chance: Chance,
    documents: SecretKey,
    tokens: SecretKey,
    statuses: SecretKey,
    terminal: SecretKey,
    root: SecretKey,
    trust: TrustList,
    shown: Shown,
}

impl World {
    fn new() -> Self {
        let mut chance = Chance::seeded(1);
        let mut key = || SecretKey::from_seed(chance.bytes());
        let (root, tokens, documents, statuses, terminal) = (key(), key(), key(), key(), key());
        let issued = time("2026-07-01T08:00:00Z");
        let trusted = |key: &SecretKey, purpose| TrustedKey {
            key: key.public().clone(),
            purposes: vec![purpose],
            not_before: issued,
            not_after: time("2028-07-01T08:00:00Z"),
            withdrawn: None,
        };
        let trust = TrustList {
            version: 1,
            issued,
            expires: time("2028-07-01T08:00:00Z"),
            office: office(),
            office_name: "Stadt Recklinghausen".into(),
            keys: vec![trusted(&tokens, Purpose::Tokens), trusted(&documents, Purpose::Documents), trusted(&statuses, Purpose::StatusLists)],
            recipient: OFFICE_RECIPIENT.into(),
            policy: Policy { claim_grace_days: 90, amber_days: 7, red_days: 30 },
            next_root: None,
        };
        let mut shown = Shown::default();
        let bytes = trust.seal(&root);
        shown.bytes("trust list", &bytes);
        let trust = TrustList::open(&bytes, root.public()).expect("the terminal opens it");
        Self { chance, documents, tokens, statuses, terminal, root, trust, shown }
    }

    fn service() -> Service {
        Service {
            code: code("lunch"),
            benefit: Benefit::Lunch,
            label: "Mittagessen".into(),
            pricing: Pricing::PerUnit,
            prices: vec![Price { from: day("2026-08-01"), cents: Cents::new(450) }],
            unit_minutes: None,
            detail: None,
        }
    }

    /// Station 1: the office issues, the canteen scans.
    fn issue(&mut self) -> Vec<u8> {
        let approval = Approval {
            from: CivilMonth::from_ym(2026, 8).expect("safe: a month"),
            to: CivilMonth::from_ym(2027, 1).expect("safe: a month"),
            allowances: vec![Allowance {
                benefit: Benefit::Lunch,
                ceilings: vec![Ceiling { period: Period::Day, measure: Measure::Units, amount: 1 }],
                detail: None,
                providers: vec![],
            }],
            hint: Some("M.K. 2017".into()),
            home_providers: vec![PROVIDER],
        };
        let (handle, id) = (Handle(self.chance.bytes()), TokenId(self.chance.bytes()));
        let token = approval.token(handle, id, 6, time("2026-07-20T09:00:00Z").seconds()).expect("safe: a right approval");
        let bytes = token.seal(&self.tokens);
        self.shown.bytes("token", &bytes);
        self.shown.text("code", code_text(&bytes));
        self.shown.text("card number", CardNumber::of(token.id));
        bytes
    }

    /// Station 0: the terminal is admitted.
    fn enrol(&mut self) -> Vec<u8> {
        let enrolment_code = EnrolmentCode::new(self.chance.bytes(), self.root.public());
        self.shown.text("enrolment code", enrolment_code.grouped());
        let request = Enrolment::new(self.terminal.public(), TERMINAL_RECIPIENT, "Mensa", &enrolment_code).seal(&self.terminal);
        self.shown.bytes("enrolment", &request);
        let request = Enrolment::open(&request).expect("the office opens it");
        assert!(request.proves(enrolment_code.secret()) && enrolment_code.is_for(self.root.public()));
        let credential = Credential {
            provider: PROVIDER,
            provider_name: "Mensa am Wall".into(),
            terminal: request.key.terminal_id(),
            key: request.key,
            recipient: request.recipient,
            issued: time("2026-07-15T10:00:00Z"),
            expires: time("2027-07-15T10:00:00Z"),
            services: vec![Self::service()],
            siblings: vec![],
        };
        let bytes = credential.seal(&self.documents);
        self.shown.bytes("credential", &bytes);
        bytes
    }

    fn salt(&mut self) -> Salt {
        Salt(self.chance.bytes())
    }

    /// Stations 2 and 3: the scan becomes an entitlement, the entitlement a grant, the grant an entry behind two others.
    fn redeem(&mut self, token: &[u8], credential: &[u8]) -> (Vec<Vec<u8>>, Head) {
        let now = time("2026-11-23T11:03:21.500Z");
        let status = StatusList::new("https://but.recklinghausen.example/status".into(), time("2026-11-23T04:00:00Z").seconds(), 86_400, []);
        let status_bytes = status.seal(&self.statuses);
        let credential = Credential::open(credential, &self.trust, now).expect("the terminal opens it");
        let status = StatusList::open(&status_bytes, &self.trust, now).expect("the terminal opens it");
        let scan = Scan::new(&format!("]Q1{}\r\n", code_text(token).to_lowercase())).expect("it can be read");
        let entitlement = token::read(&scan).expect("a token").verify(std::slice::from_ref(&self.trust), now).expect("genuine");
        let house = House { trust: &self.trust, credential: Some(&credential), status: Some(&status), clock: ClockState::Ok };
        let ask = Ask {
            service: code("lunch"),
            day: day("2026-11-23"),
            cents: None,
            lesson: None,
            charge: None,
            seen_as: SeenAs::Qr,
            shown: None,
            operator: None,
            settles: None,
        };
        let grant = plan(&entitlement, &ask, &house, now).expect("allowed").decide(&Spent::default()).expect("granted");
        assert_eq!(grant.redemption().slot, slot_id(&office(), entitlement.token().handle, Benefit::Lunch, "2026-11-23"));

        let start = Head::start(self.terminal.public().terminal_id());
        let opened = record(start, Body::Opened(Opened::default()), self.salt(), time("2026-07-15T10:00:05Z")).expect("no redemption");
        let admission = Admission { office: office(), document: Admitted::StatusList, hash: Hash::of(&[&status_bytes]) };
        let admitted = record(opened.head, Body::Admission(admission), self.salt(), time("2026-11-23T04:05:00Z")).expect("no redemption");
        let entered = grant.enter(admitted.head, self.salt(), now);
        self.shown.bytes("link 0", &start.link.0);
        self.shown.bytes("entry 1", &opened.bytes);
        self.shown.bytes("entry 2", &admitted.bytes);
        self.shown.bytes("entry 3", &entered.bytes);
        self.shown.bytes("link 3", &entered.head.link.0);
        (vec![opened.bytes, admitted.bytes, entered.bytes], entered.head)
    }

    /// Station 4: entries become a batch.
    fn claim(&mut self, entries: &[Vec<u8>], head: Head) -> (Vec<u8>, Waiting, Head) {
        let before = Head::start(self.terminal.public().terminal_id());
        let item = |bytes: &Vec<u8>| Item::of(&Entry::from_bytes(bytes).expect("an entry"), bytes.clone(), &office());
        let items = entries.iter().map(item).collect();
        let (id, terminal, created) = (BatchId(self.chance.bytes()), self.terminal.public().terminal_id(), time("2026-11-23T16:00:00Z"));
        let draft = Draft::new(id, office(), PROVIDER, terminal, before, items, created);
        let bytes = check(draft).expect("whole").seal(&self.terminal).expect("small enough");
        let hash = Hash::of(&[&bytes]);
        let sealed = Body::Sealed(SealedBatch { office: office(), batch: id, hash });
        let sealed = record(head, sealed, self.salt(), created).expect("no redemption");
        self.shown.bytes("batch", &bytes);
        self.shown.bytes("entry 4", &sealed.bytes);
        (bytes, Waiting { batch: id, hash, head }, sealed.head)
    }

    /// Stations 5 and 6: the question leaves, the office takes the batch in and answers.
    fn exchange(&mut self, batch: Vec<u8>, waiting: &Waiting, head: Head) -> VerifiedBatch {
        let (terminal, nonce, created) = (self.terminal.public().terminal_id(), Nonce(self.chance.bytes()), time("2026-11-23T16:00:01Z"));
        let has = Has {
            trust_version: 1,
            status_issued: time("2026-11-23T04:00:00Z").seconds(),
            credential_issued: time("2026-07-15T10:00:00Z"),
            cursor: 0,
        };
        let question = Outbound { terminal, nonce, created, batches: vec![batch], has, head, office: office() }.seal(&self.terminal);
        self.shown.bytes("outbound", &question);
        let question = Outbound::open(&question, self.terminal.public()).expect("the office opens it");
        let signed = question.batches.first().expect("one batch");
        let batch = open(signed, self.terminal.public()).expect("whole");
        let held = HeldJournal { head: Head::start(terminal), same_id: None };
        assert_eq!(place(&batch, &held), Place::Continues { known: 0 });

        let received = time("2026-11-23T16:00:02Z");
        let after = batch.batch().draft().after();
        let receipt = Receipt { batch: waiting.batch, received, head: after, hash: batch.hash(), reason: None }.seal(&self.documents);
        self.shown.bytes("receipt", &receipt);
        let answer = Inbound {
            terminal,
            nonce,
            created: received,
            receipts: vec![receipt],
            advices: vec![],
            cursor: 0,
            trust: None,
            status: None,
            credential: None,
            elsewhere: vec![],
            head: after,
            more: false,
            office: office(),
            successor: None,
        }
        .seal(&self.documents);
        self.shown.bytes("inbound", &answer);
        let answer = Inbound::open(&answer, &self.trust, received).expect("the terminal opens it");
        let bytes = answer.receipts.first().expect("one receipt");
        let receipt = Receipt::open(bytes, &self.trust, received).expect("genuine");
        assert_eq!(waiting.on_receipt(&receipt), Outcome::Confirmed);
        let checkpoint = Body::Checkpoint(Checkpoint { office: office(), receipt: Hash::of(&[bytes]) });
        let checkpoint = record(head, checkpoint, self.salt(), time("2026-11-23T16:00:03Z")).expect("no redemption");
        self.shown.bytes("entry 5", &checkpoint.bytes);
        batch
    }

    /// Station 7: the line against the register.
    fn reconcile(&self, batch: &VerifiedBatch, token: &[u8]) -> (ClaimLine, Decision) {
        let now = time("2026-11-23T16:00:02Z");
        let verified = token::UnverifiedToken::from_bytes(token.to_vec()).verify(std::slice::from_ref(&self.trust), now).expect("our own");
        let token: Token = verified.token().clone();
        let child = ChildFile { tokens: BTreeMap::from([(token.id, RegisteredToken { token, stops: vec![] })]), debits: vec![] };
        let agreement = Agreement { service: Self::service(), from: day("2026-08-01"), until: None };
        let providers = BTreeMap::from([(PROVIDER, ProviderFile { agreements: vec![agreement], ..ProviderFile::default() })]);
        let policy = OfficePolicy { shared: self.trust.policy, status_ttl_seconds: 86_400, good_faith_days: 30 };
        let register = Register { office: &office(), policy: &policy, providers: &providers };
        let draft = batch.batch().draft();
        let lines: Vec<ClaimLine> = batch
            .batch()
            .lines()
            .filter_map(|(_, hash, line)| match line {
                Line::Entry(entry) => Some((hash, entry)),
                _ => None,
            })
            .filter_map(|(hash, entry)| {
                let Body::Redemption(redemption) = &entry.body else { return None };
                let (terminal, batch, received) = (draft.terminal, draft.id, now);
                let arrival = Arrival { terminal, provider: PROVIDER, batch, hash, not_before: UtcMs(0), received, last_word: UtcMs(0) };
                Some(ClaimLine::fresh(entry, redemption.clone(), arrival))
            })
            .collect();
        let decisions = reconcile_child(&lines, &child, &register);
        let ([line], [decision]) = (lines.as_slice(), decisions.as_slice()) else { panic!("one line, one decision") };
        assert_eq!((decision.verdict, decision.cents), (Verdict::Accepted, Cents::new(450)));
        (line.clone(), *decision)
    }

    /// Station 8: two clerks release the run; the payment file.
    fn settle(&mut self, line: &ClaimLine, decision: &Decision) -> Released {
        let r = &line.redemption;
        let payable = PayableLine {
            entry: line.id,
            batch: line.batch,
            provider: PROVIDER,
            benefit: r.benefit,
            service: r.service.clone(),
            service_day: r.day,
            kind: LineKind::Redemption,
            units: r.units,
            claimed: r.cents,
            verdict: decision.verdict,
            total: decision.cents,
            already: Cents::ZERO,
            reason: None,
            legal_basis: Some(LegalBasis::Sgb2),
        };
        let iban = |text| Iban::parse(text).expect("safe: an IBAN");
        let canteen = Account::new("Mensa am Wall gGmbH", iban("DE44500105175407324931"), None).expect("safe: a name");
        let town = Account::new("Stadt Recklinghausen", iban("DE02120300000000202051"), None).expect("safe: a name");
        let run = Run { office: office(), number: RunNumber::new(1).expect("safe: a number"), execution_date: day("2026-11-25") };
        let (anna, berta) = (Clerk::new("Anna Adam").expect("safe: a name"), Clerk::new("Berta Beck").expect("safe: a name"));
        let now = time("2026-11-24T08:00:00Z");
        let draft = settlement::Draft::new(run, vec![payable], &BTreeMap::from([(PROVIDER, canteen)]), now).expect("a run");
        let released = draft.sign(anna, now).sign(berta, time("2026-11-24T08:10:00Z")).expect("two clerks");
        let xml = pain001(&released, &town).expect("it pays something");
        let transfer = xml.split("<CdtTrfTxInf>").nth(1).and_then(|rest| rest.split("</CdtTrfTxInf>").next()).expect("one transfer");
        self.shown.text("transfer", transfer.lines().map(str::trim).collect::<Vec<_>>().join("\n").trim());
        released
    }

    /// Station 9: the answer to the line, with its payment.
    fn advise(&mut self, line: &ClaimLine, decision: &Decision, released: &Released) {
        let advised = AdvisedLine { seq: line.id.seq, verdict: decision.verdict, cents: decision.cents, reason: String::new() };
        let payments = released.advised_payments().map(|(_, payment)| payment).collect();
        let created = time("2026-11-24T08:10:00Z");
        let advice = Advice { batch: line.batch, created, lines: vec![advised], payments, revision: 1 };
        let bytes = advice.seal(&self.documents);
        self.shown.bytes("advice", &bytes);
        assert_eq!(Advice::open(&bytes, &self.trust, created), Ok(advice));
    }
}

/// The hexadecimal blocks of a document, without their notes.
fn blocks(text: &str) -> Vec<String> {
    let bodies = text.split("```hex\n").skip(1).filter_map(|rest| rest.split("```").next());
    let bare = |body: &str| body.lines().filter_map(|line| line.split('#').next()).flat_map(str::split_whitespace).collect();
    bodies.map(bare).collect()
}

#[test]
fn the_way_shows_the_bytes_of_the_code() {
    let mut world = World::new();
    let credential = world.enrol();
    let token = world.issue();
    let (entries, head) = world.redeem(&token, &credential);
    let (batch, waiting, after_sealing) = world.claim(&entries, head);
    let batch = world.exchange(batch, &waiting, after_sealing);
    let (line, decision) = world.reconcile(&batch, &token);
    let released = world.settle(&line, &decision);
    world.advise(&line, &decision, &released);

    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/WAY.md")).unwrap_or_default();
    let shown = blocks(&text);
    let plain: String = text.split_whitespace().collect();
    let mut missing = Vec::new();
    for (name, bytes) in &world.shown.blocks {
        let hex = data_encoding::HEXLOWER.encode(bytes);
        if !shown.contains(&hex) {
            missing.push(format!("{name}: {hex}"));
        }
    }
    for (name, text) in &world.shown.texts {
        if !plain.contains(&text.split_whitespace().collect::<String>()) {
            missing.push(format!("{name}: {text}"));
        }
    }
    assert!(missing.is_empty(), "WAY.md lacks\n{}\n", missing.join("\n"));
    assert_eq!(shown.len(), world.shown.blocks.len(), "WAY.md shows a block that nothing here makes");
}
