//! The office as a terminal written by hand meets it: every document made and opened with the core alone, no terminal of ours.
#![cfg(feature = "office")]

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
use teilhabe::office::{IssuedToken, NewProvider, Office, OfficeError, OfficeKeys, Profile, ServiceTerms, StopReason};
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

fn day(text: &str) -> CivilDay {
    CivilDay::parse(text).expect("a day")
}

fn noon(text: &str) -> UtcMs {
    day(text).at_minute(12 * 60)
}

fn town(now: UtcMs) -> Office {
    let mut chance = Chance::seeded(1);
    let keys = OfficeKeys::generate(&mut chance);
    let iban = Iban::parse("DE02120300000000202051").expect("an IBAN");
    let profile = Profile {
        id: OfficeId::parse("05562032").expect("an id"),
        name: "Stadt Recklinghausen".into(),
        debtor: Account::new("Stadt Recklinghausen", iban, None).expect("an account"),
        policy: teilhabe::office::DEFAULT_POLICY,
    };
    let db = store::open_in_memory(store::office::MIGRATIONS).expect("a database");
    Office::begin(db, keys, profile, chance, now).expect("an office")
}

fn provider(office: &mut Office, name: &str, services: &[&str], now: UtcMs) -> (ProviderNumber, EnrolmentCode) {
    let services = services.iter().map(|s| ServiceTerms::parse(s, CivilDay::of(now)).expect("terms")).collect();
    office.add_provider(&NewProvider { name: name.into(), iban: "DE89370400440532013000".into(), services }, now).expect("a provider")
}

fn issue(office: &mut Office, csv: &str, now: UtcMs) -> Vec<IssuedToken> {
    let table = children::read(csv.as_bytes()).expect("a table");
    assert!(table.errors.is_empty(), "{:?}", table.errors);
    office.issue(&table.rows, now).expect("tokens")
}

const HEADER: &str = "reference;benefit;from;to;period;measure;amount;detail;hint;home_providers\n";

/// A terminal that knows nothing but the formats.
struct Box {
    key: SecretKey,
    identity: Identity,
    trust: TrustList,
    credential: Credential,
    status: Option<StatusList>,
    head: Head,
    sealed: Head,
    entries: Vec<Vec<u8>>,
    cursor: u64,
    chance: Chance,
}

impl Box {
    fn enrol(office: &mut Office, code: &EnrolmentCode, seed: u8, now: UtcMs) -> Result<Self, OfficeError> {
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

    fn note(&mut self, body: Body, now: UtcMs) {
        let salt = Salt(self.chance.bytes());
        let entered = record(self.head, body, salt, now).expect("not a redemption");
        self.head = entered.head;
        self.entries.push(entered.bytes);
    }

    fn entitlement(&self, token: &IssuedToken, now: UtcMs) -> Entitlement {
        read(&Scan::new(&token.code).expect("a scan")).expect("a token").verify(std::slice::from_ref(&self.trust), now).expect("genuine")
    }

    fn redeem(&mut self, token: &IssuedToken, service: &str, on: &str, cents: Option<i64>, now: UtcMs) -> u64 {
        let entitlement = self.entitlement(token, now);
        let ask = Ask {
            service: Code::parse(service).expect("a code"),
            day: day(on),
            cents: cents.map(Cents::new),
            lesson: None,
            charge: None,
            seen_as: SeenAs::Qr,
            operator: None,
            settles: None,
        };
        let house = House { trust: &self.trust, credential: Some(&self.credential), status: None, clock: ClockState::Ok };
        let grant = plan(&entitlement, &ask, &house, now).expect("planned").decide(&Spent::default()).expect("granted");
        let entered = grant.enter(self.head, Salt(self.chance.bytes()), now);
        self.head = entered.head;
        self.entries.push(entered.bytes);
        self.head.seq
    }

    fn cancel(&mut self, seq: u64, now: UtcMs) {
        let bytes = &self.entries[seq as usize - 1];
        let (office, entry) = (self.trust.office.clone(), Hash::of(&[bytes]));
        self.note(Body::Cancellation(Cancellation { seq, reason: Code::parse("wrong_child").expect("a code"), office, entry }), now);
    }

    fn batch(&mut self, now: UtcMs) -> Vec<u8> {
        let from = self.sealed.seq as usize;
        let items = self.entries[from..].iter().map(|b| Item::of(&Entry::from_bytes(b).expect("an entry"), b.clone(), &self.trust.office)).collect();
        let (office, terminal) = (self.trust.office.clone(), self.key.public().terminal_id());
        let draft = Draft::new(BatchId(self.chance.bytes()), office, self.credential.provider, terminal, self.sealed, items, now);
        self.sealed = draft.after();
        check(draft).expect("whole").seal(&self.key).expect("small")
    }

    /// Notes in the journal that the only receipt so far has arrived.
    fn checkpoint(&mut self, office: &Office, now: UtcMs) {
        let receipt: Vec<u8> = office.db().query_row("SELECT receipt FROM batch", [], |row| row.get(0)).expect("one batch");
        let body = Checkpoint { office: self.trust.office.clone(), receipt: Hash::of(&[&receipt]) };
        self.note(Body::Checkpoint(body), now);
    }

    fn question(&mut self, batches: Vec<Vec<u8>>, now: UtcMs) -> Vec<u8> {
        let has = Has { cursor: self.cursor, ..Has::default() };
        let (terminal, office) = (self.key.public().terminal_id(), self.trust.office.clone());
        let outbound = Outbound { terminal, nonce: Nonce(self.chance.bytes()), created: now, batches, has, head: self.head, office };
        envelope::encrypt(&self.trust.recipient, &outbound.seal(&self.key)).expect("an envelope")
    }

    fn open(&mut self, answer: &[u8], now: UtcMs) -> (Vec<Receipt>, Vec<Advice>) {
        let bytes = envelope::decrypt(&self.identity, answer, 17 << 20).expect("for us");
        let inbound = Inbound::open(&bytes, &self.trust, now).expect("genuine");
        if let Some(status) = &inbound.status {
            self.status = Some(StatusList::open(status, &self.trust, now).expect("a status list"));
        }
        self.cursor = inbound.cursor;
        let receipts = inbound.receipts.iter().map(|b| Receipt::open(b, &self.trust, now).expect("a receipt")).collect();
        (receipts, inbound.advices.iter().map(|b| Advice::open(b, &self.trust, now).expect("an advice")).collect())
    }

    fn exchange(&mut self, office: &mut Office, batches: Vec<Vec<u8>>, now: UtcMs) -> (Vec<Receipt>, Vec<Advice>) {
        let question = self.question(batches, now);
        let answer = office.exchange(&question, now).expect("answered");
        self.open(&answer, now)
    }

    /// Sends all that is new and answers what the office decides at once.
    fn claim(&mut self, office: &mut Office, now: UtcMs) -> Vec<AdvisedLine> {
        let batch = self.batch(now);
        let (receipts, _) = self.exchange(office, vec![batch], now);
        assert_eq!(receipts[0].reason, None);
        office.reconcile(now).expect("reconciled");
        self.exchange(office, vec![], now).1.into_iter().flat_map(|a| a.lines).collect()
    }
}

fn line(seq: u64, verdict: Verdict, cents: i64, reason: &str) -> AdvisedLine {
    AdvisedLine { seq, verdict, cents: Cents::new(cents), reason: reason.into() }
}

#[test]
fn one_lunch_from_issue_to_payment() {
    let now = noon("2026-11-23");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Mensa GmbH", &["lunch:lunch:Mittagessen:450"], now);
    let tokens = issue(&mut office, &format!("{HEADER}0815;lunch;2026-08;2027-07;day;units;1;;LM 16;\n"), now);
    let mut mensa = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    let seq = mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    assert_eq!(mensa.claim(&mut office, now), [line(seq, Verdict::Accepted, 450, "")]);

    let settled = office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled");
    assert_eq!(settled.payments.len(), 1);
    assert_eq!(settled.payments[0].cents, Cents::new(450));
    let names: Vec<&str> = settled.files.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["pain.001-05562032-R1.xml", "posting-05562032-R1.csv", "statement-05562032-R1-101.html"]);
    let (_, advices) = mensa.exchange(&mut office, vec![], now);
    assert_eq!(advices.last().expect("advised").payments[0].end_to_end_id, "05562032-R1P101");
    assert!(office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("nothing to do").payments.is_empty());
    assert!(matches!(office.settle("Anna", "anna ", day("2026-11-25"), now), Err(OfficeError::Wrong(_))));
}

#[test]
fn the_same_question_gets_the_same_receipts_and_a_gap_waits_for_what_is_missing() {
    let now = noon("2026-11-23");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Mensa GmbH", &["lunch:lunch:Mittagessen:450"], now);
    let tokens = issue(&mut office, &format!("{HEADER}1;lunch;2026-08;2027-07;day;units;1;;;\n2;lunch;2026-08;2027-07;day;units;1;;;\n"), now);
    let mut mensa = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    let first_seq = mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    let first = mensa.batch(now);
    let second_seq = mensa.redeem(&tokens[1], "lunch", "2026-11-23", None, now);
    let second = mensa.batch(now);

    let (receipts, advices) = mensa.exchange(&mut office, vec![second.clone()], now);
    assert_eq!(receipts[0].reason.as_deref(), Some("journal_gap"));
    assert_eq!(advices[0].lines, [line(second_seq, Verdict::Pending, 0, "journal_gap")]);
    let (receipts, _) = mensa.exchange(&mut office, vec![first.clone()], now);
    assert_eq!((receipts[0].reason.clone(), receipts[0].hash), (None, Hash::of(&[&first])));
    let (again, _) = mensa.exchange(&mut office, vec![first, second], now);
    assert_eq!(again[0], receipts[0]);
    assert_eq!((again[1].reason.clone(), again[1].head), (None, mensa.sealed));
    let tally = office.reconcile(now).expect("reconciled");
    assert_eq!((tally.accepted, tally.lines()), (2, 2));
    let mut lines: Vec<_> = mensa.exchange(&mut office, vec![], now).1.into_iter().flat_map(|a| a.lines).collect();
    lines.sort_by_key(|line| line.seq);
    assert_eq!(lines, [line(first_seq, Verdict::Accepted, 450, ""), line(second_seq, Verdict::Accepted, 450, "")]);
}

#[test]
fn a_cloned_box_is_noticed_and_nothing_of_it_is_lost_or_paid() {
    let now = noon("2026-11-23");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Mensa GmbH", &["lunch:lunch:Mittagessen:450"], now);
    let tokens = issue(&mut office, &format!("{HEADER}1;lunch;2026-08;2027-07;day;units;1;;;\n2;lunch;2026-08;2027-07;day;units;1;;;\n"), now);
    let mut mensa = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    let (head, entries) = (mensa.head, mensa.entries.clone());
    mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    mensa.claim(&mut office, now);
    (mensa.head, mensa.entries, mensa.sealed) = (head, entries, Head::start(mensa.key.public().terminal_id()));
    mensa.redeem(&tokens[1], "lunch", "2026-11-23", None, now);
    let fork = mensa.batch(now);
    let (receipts, advices) = mensa.exchange(&mut office, vec![fork], now);
    assert_eq!(receipts[0].reason.as_deref(), Some("journal_forked"));
    assert_eq!(advices[0].lines, [line(2, Verdict::Pending, 0, "journal_forked")]);
    assert_eq!(office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled").payments[0].cents, Cents::new(450));
}

#[test]
fn a_cancellation_after_payment_takes_back_and_frees_the_slot() {
    let now = noon("2026-11-23");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Mensa GmbH", &["lunch:lunch:Mittagessen:450"], now);
    let (_, other_code) = provider(&mut office, "Hort", &["essen:lunch:Essen:400"], now);
    let tokens = issue(&mut office, &format!("{HEADER}1;lunch;2026-08;2027-07;day;units;1;;;101\n"), now);
    let mut mensa = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    let mut hort = Box::enrol(&mut office, &other_code, 8, now).expect("admitted");
    let seq = mensa.redeem(&tokens[0], "lunch", "2026-11-23", None, now);
    let lost = hort.redeem(&tokens[0], "essen", "2026-11-23", None, now.plus_ms(1));
    assert_eq!(hort.claim(&mut office, now), [line(lost, Verdict::Accepted, 400, "")]);
    assert_eq!(mensa.claim(&mut office, now), [line(seq, Verdict::Accepted, 450, "")]);
    let (_, advices) = hort.exchange(&mut office, vec![], now);
    assert_eq!(advices[0].lines, [line(lost, Verdict::Pending, 0, "conflict")], "the home provider wins whoever comes first");
    assert_eq!(office.settle("Anna", "Bernd", day("2026-11-25"), now).expect("settled").payments[0].cents, Cents::new(450));

    mensa.cancel(seq, now);
    assert_eq!(mensa.claim(&mut office, now).last(), Some(&line(seq + 1, Verdict::Accepted, -450, "")));
    let (_, advices) = hort.exchange(&mut office, vec![], now);
    assert_eq!(advices[0].lines, [line(lost, Verdict::Accepted, 400, "")]);
    let again = mensa.redeem(&tokens[0], "lunch", "2026-11-24", None, noon("2026-11-24"));
    let tomorrow = noon("2026-11-24");
    assert_eq!(mensa.claim(&mut office, tomorrow), [line(again, Verdict::Accepted, 450, "")]);
    let run = office.settle("Anna", "Bernd", day("2026-11-26"), tomorrow).expect("settled");
    let paid: Vec<(u32, i64)> = run.payments.iter().map(|p| (p.provider.0, p.cents.get())).collect();
    assert_eq!(paid, [(102, 400)], "the canteen's new meal makes up for the one taken back");
}

#[test]
fn a_lost_card_is_replaced_to_the_extent_not_yet_used() {
    let now = noon("2026-11-02");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Judo e.V.", &["beitrag:participation:Beitrag:free"], now);
    let tokens = issue(&mut office, &format!("{HEADER}1;participation;2026-08;2027-01;validity;cents;9000;;;\n"), now);
    let mut club = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    club.exchange(&mut office, vec![], now);
    let before = club.redeem(&tokens[0], "beitrag", "2026-11-02", Some(5000), now);
    let stopped = noon("2026-11-03");
    let new = office.stop(tokens[0].token.id, StopReason::Lost, day("2026-11-03"), true, stopped).expect("stopped").expect("re-issued");
    assert_eq!(new.token.handle, tokens[0].token.handle);
    let unknowing = club.redeem(&tokens[0], "beitrag", "2026-11-04", Some(1000), noon("2026-11-04"));
    let late = noon("2026-11-05");
    let lines = club.claim(&mut office, late);
    assert_eq!(lines, [line(before, Verdict::Accepted, 5000, ""), line(unknowing, Verdict::Accepted, 1000, "")], "in good faith until the exchange");
    club.checkpoint(&office, late);
    let knowing = club.redeem(&tokens[0], "beitrag", "2026-11-06", Some(500), noon("2026-11-06"));
    let rest = club.redeem(&new, "beitrag", "2026-11-07", Some(4000), noon("2026-11-07"));
    let lines = club.claim(&mut office, noon("2026-11-08"));
    assert_eq!(lines, [line(knowing, Verdict::Rejected, 0, "replaced"), line(rest, Verdict::Reduced, 3000, "ceiling_reached")]);
}

#[test]
fn an_answer_that_was_lost_on_its_way_leaves_the_provider_in_good_faith() {
    let now = noon("2026-11-02");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Mensa GmbH", &["lunch:lunch:Mittagessen:450"], now);
    let tokens = issue(&mut office, &format!("{HEADER}1;lunch;2026-08;2027-01;day;units;1;;;\n"), now);
    let mut mensa = Box::enrol(&mut office, &code, 7, now).expect("admitted");
    office.stop(tokens[0].token.id, StopReason::Ended, day("2026-11-03"), false, now).expect("stopped");
    let question = mensa.question(vec![], now);
    drop(office.exchange(&question, now).expect("an answer that nobody will read"));
    let tomorrow = noon("2026-11-03");
    let unknowing = mensa.redeem(&tokens[0], "lunch", "2026-11-03", None, tomorrow);
    assert_eq!(mensa.claim(&mut office, tomorrow), [line(unknowing, Verdict::Accepted, 450, "")]);
}

#[test]
fn an_enrolment_code_works_once_and_guessing_is_slow() {
    let now = noon("2026-11-23");
    let mut office = town(now);
    let (_, code) = provider(&mut office, "Mensa GmbH", &["lunch:lunch:Mittagessen:450"], now);
    Box::enrol(&mut office, &code, 7, now).expect("admitted");
    Box::enrol(&mut office, &code, 7, now).expect("the same terminal may ask again");
    let refused = |office: &mut Office, code: &EnrolmentCode, at| match Box::enrol(office, code, 9, at) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("admitted"),
    };
    assert!(refused(&mut office, &code, now).contains("used up"));
    let root = SecretKey::from_seed([1; 32]).public().clone();
    for guess in 0..9 {
        assert!(refused(&mut office, &EnrolmentCode::new([guess; 10], &root), now).contains("wrong"));
    }
    assert!(refused(&mut office, &EnrolmentCode::new([99; 10], &root), now).contains("wait"));
    let later = now.plus_ms(11 * 60 * 1000);
    assert!(refused(&mut office, &EnrolmentCode::new([99; 10], &root), later).contains("wrong"));
}
