//! One lunch, the whole way, in plain steps: the first file to read. Everything is real but the clock and the disk.
#![cfg(all(feature = "office", feature = "terminal"))]

use teilhabe::book::entry::Opened;
use teilhabe::deliver::advice::Verdict;
use teilhabe::office::{NewProvider, Office, OfficeKeys, Profile, ServiceTerms};
use teilhabe::settle::account::{Account, Iban};
use teilhabe::shell::envelope::Identity;
use teilhabe::shell::sheet::children;
use teilhabe::shell::store;
use teilhabe::shell::store::terminal::TerminalStore;
use teilhabe::terminal::counter::{Answer, Request};
use teilhabe::terminal::enrol::EnrolmentAnswer;
use teilhabe::terminal::{Keys, Terminal};
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::code::Code;
use teilhabe::words::ids::OfficeId;
use teilhabe::words::keys::{PublicKey, SecretKey};
use teilhabe::words::reason::Reason;

#[test]
fn one_lunch_from_the_first_meal_to_the_first_payment() {
    let today = CivilDay::parse("2026-11-23").expect("a day");
    let noon = today.at_minute(12 * 60 + 3);
    let mut chance = Chance::seeded(42);

    // A town sets up its office.
    let id = OfficeId::parse("05562032").expect("an id");
    let iban = Iban::parse("DE02 1203 0000 0000 2020 51").expect("an IBAN");
    let debtor = Account::new("Stadt Recklinghausen", iban, None).expect("an account");
    let profile = Profile { id: id.clone(), name: "Stadt Recklinghausen".into(), debtor, policy: teilhabe::office::DEFAULT_POLICY };
    let keys = OfficeKeys::generate(&mut chance);
    let mut office = Office::begin(store::office::open_in_memory().expect("a database"), keys, profile, Chance::seeded(7), noon).expect("an office");

    // It agrees on a lunch of 4.50 euros with a canteen, and prints a one-time code for the canteen's terminal.
    let lunch = ServiceTerms::parse("lunch:lunch:Mittagessen:450", today).expect("terms");
    let canteen = NewProvider { name: "Mensa am Park".into(), iban: "DE89 3704 0044 0532 0130 00".into(), services: vec![lunch] };
    let (number, code) = office.add_provider(&canteen, noon).expect("a provider");

    // It issues a token for a child: one lunch a day, August to July.
    let table = children::read(b"reference;benefit;from;to;period;measure;amount\n0815;lunch;2026-08;2027-07;day;units;1\n").expect("a table");
    let token = office.issue(&table.rows, noon).expect("issued").remove(0);

    // The canteen's terminal makes its keys and its journal, and enrols with the printed code.
    let keys = Keys { signing: SecretKey::from_seed(chance.bytes()), envelope: Identity::generate() };
    let mut terminal =
        Terminal::create(TerminalStore::open_in_memory().expect("a database"), keys, Opened::default(), &mut chance, noon).expect("a terminal");
    let request = terminal.ask_for_admission(&code.grouped(), "Ausgabe 1").expect("a request");
    let admitted = office.enrol(&request, noon).expect("admitted");
    let root = PublicKey::from_bytes(&admitted.root).expect("a key");
    let answer = EnrolmentAnswer::new(&root, &admitted.trust, &admitted.credential);
    let enrolled = terminal.take_admission(&code.grouped(), "http://127.0.0.1:8090", &answer, &mut chance, noon).expect("enrolled");
    assert_eq!(enrolled.provider, number);

    // The child comes with the card. No network: the terminal knows the office's key. Green, and it is in the journal.
    let scan = Request { code: token.code.clone(), service: Code::parse("lunch"), months: 1, ..Request::default() };
    let Answer::Accepted(green) = terminal.redeem(&scan, &mut chance, noon).expect("answered") else { panic!("not green") };
    assert_eq!(green.cents.get(), 450);

    // The same card again: refused, with the time of the first.
    let Answer::Refused(second) = terminal.redeem(&scan, &mut chance, noon.plus_ms(60_000)).expect("answered") else { panic!("green twice") };
    assert_eq!((second.reason, second.since), (Reason::AlreadyRedeemed, Some(noon)));

    // In the evening the claim leaves the house, and the receipt comes home.
    let evening = noon.plus_ms(6 * 3600 * 1000);
    assert_eq!(terminal.seal_batches(&id, &mut chance, evening).expect("sealed"), 1);
    let question = terminal.outbound(&id, &mut chance, evening).expect("a question");
    let reply = office.exchange(&question, evening).expect("taken in");
    terminal.take_inbound(&reply, &mut chance, evening).expect("home");
    assert_eq!(terminal.waiting_batches(&id).expect("counted"), 0);

    // The office decides by rule, and two clerks release the payment.
    let tally = office.reconcile(evening).expect("reconciled");
    assert_eq!((tally.accepted, tally.lines()), (1, 1));
    let run = office.settle("Anna", "Bernd", today.plus(2), evening).expect("settled");
    assert_eq!(run.payments[0].cents.get(), 450);
    assert!(run.files.iter().any(|file| file.name == "pain.001-05562032-R1.xml"));

    // The terminal hears, line by line, what became of its claim, and by which transfer it is paid.
    let question = terminal.outbound(&id, &mut chance, evening).expect("a question");
    let reply = office.exchange(&question, evening).expect("answered");
    terminal.take_inbound(&reply, &mut chance, evening).expect("home");
    let claims = terminal.claims().expect("claims");
    let advised = claims[0].lines[0].advised.as_ref().expect("answered");
    assert_eq!((advised.verdict, advised.cents.get()), (Verdict::Accepted, 450));
    assert_eq!(claims[0].payments[0].end_to_end_id, run.payments[0].end_to_end_id);

    // And it is paid once.
    assert!(office.settle("Anna", "Bernd", today.plus(2), evening).expect("nothing to do").payments.is_empty());
}
