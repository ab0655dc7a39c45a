//! A real office in `office` and a real terminal in `box`, made by the library in a moment, and some lunches.

use super::program::must;
use std::collections::BTreeMap;
use std::path::Path;
use teilhabe::book::entry::{Body, Entry};
use teilhabe::office::{NewProvider, Office, ServiceTerms};
use teilhabe::settle::run::next_banking_day;
use teilhabe::shell::sheet::children;
use teilhabe::shell::store::StoreError;
use teilhabe::shell::{door, secret_file, terminal_dir};
use teilhabe::terminal::Terminal;
use teilhabe::terminal::counter::{Answer, Request};
use teilhabe::terminal::enrol::EnrolmentAnswer;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::code::Code;
use teilhabe::words::ids::OfficeId;
use teilhabe::words::keys::PublicKey;

/// What a lunch costs.
pub const CENTS: u64 = 450;

/// A child's card: its code, and the handle that its entries carry.
#[derive(Clone, Debug)]
pub struct Card {
    pub code: String,
    pub handle: [u8; 8],
}

/// Makes a town in `dir`: an office, one terminal enrolled at it, and a card for each of `children`.
pub fn make(dir: &Path, children: usize) -> Vec<Card> {
    let now = door::now();
    let today = CivilDay::of(now);
    let mut chance = door::os_chance();
    let id = OfficeId::parse("05562032").expect("an id");
    let mut office =
        Office::init(&dir.join("office"), id, "Stadt Recklinghausen", "DE02120300000000202051", door::os_chance(), now).expect("an office");
    let lunch = ServiceTerms::parse("lunch:lunch:Mittagessen:450", today).expect("terms");
    let canteen = NewProvider { name: "Mensa am Park".into(), iban: "DE89370400440532013000".into(), services: vec![lunch] };
    let (_, code) = office.add_provider(&canteen, now).expect("a provider");
    let month = today.month();
    let rows: String = (0..children).map(|n| format!("A{n:04};lunch;{month};{};day;units;1\n", today.plus(31).month())).collect();
    let table = children::read(format!("reference;benefit;from;to;period;measure;amount\n{rows}").as_bytes()).expect("a table");
    assert!(table.errors.is_empty(), "{:?}", table.errors);
    let cards = office.issue(&table.rows, now).expect("issued");
    let mut terminal = terminal_dir::open_or_create(&dir.join("box"), &mut chance, now).expect("a terminal");
    secret_file::api_token(&dir.join("box"), &mut chance).expect("a key");
    let request = terminal.ask_for_admission(&code.grouped(), "Ausgabe 1").expect("a request");
    let admitted = office.enrol(&request, now).expect("admitted");
    let root = PublicKey::from_bytes(&admitted.root).expect("a key");
    let answer = EnrolmentAnswer::new(&root, &admitted.trust, &admitted.credential);
    terminal.take_admission(&code.grouped(), "http://127.0.0.1:9", &answer, &mut chance, now).expect("enrolled");
    cards.into_iter().map(|card| Card { code: card.code, handle: card.token.handle.0 }).collect()
}

pub fn open_box(dir: &Path) -> Terminal {
    terminal_dir::open(&dir.join("box"), door::now()).expect("opens after whatever happened")
}

pub fn open_office(dir: &Path) -> Office {
    Office::open(&dir.join("office"), door::os_chance(), door::now()).expect("opens after whatever happened")
}

/// Serves lunch on each card.
pub fn serve_lunch(dir: &Path, cards: &[Card]) {
    let mut terminal = open_box(dir);
    for card in cards {
        let scan = Request { code: card.code.clone(), service: Code::parse("lunch"), months: 1, ..Request::default() };
        let answer = terminal.redeem(&scan, &mut door::os_chance(), door::now()).expect("answered");
        assert!(matches!(answer, Answer::Accepted(_)), "{answer:?}");
    }
}

/// A path below `dir` as an argument.
pub fn arg(dir: &Path, name: &str) -> String {
    dir.join(name).display().to_string()
}

/// The terminal's question, written to `name`.
pub fn ask(dir: &Path, name: &str) {
    must(&["terminal", "exchange", "--json", "--data", &arg(dir, "box"), "--out", &arg(dir, name)]);
}

/// The office's answer to `question`, written to `answer`.
pub fn answer(dir: &Path, question: &str, answer: &str) {
    must(&["office", "exchange", "--json", "--data", &arg(dir, "office"), "--in", &arg(dir, question), "--out", &arg(dir, answer)]);
}

/// Asks, is answered, and takes it home.
pub fn exchange(dir: &Path) {
    let (mut terminal, mut office, now) = (open_box(dir), open_office(dir), door::now());
    let id = office.profile().id.clone();
    let question = terminal.outbound(&id, &mut door::os_chance(), now).expect("a question");
    let answer = office.exchange(&question, now).expect("an answer");
    terminal.take_inbound(&answer, &mut door::os_chance(), now).expect("home");
}

/// Which entries stand for each child in the journal, which the program itself finds whole.
pub fn meals(dir: &Path) -> BTreeMap<[u8; 8], Vec<u64>> {
    let proof = must(&["journal", "verify", "--json", "--data", &arg(dir, "box")]);
    assert_eq!(proof["whole"], true, "{proof}");
    let mut meals: BTreeMap<[u8; 8], Vec<u64>> = BTreeMap::new();
    open_box(dir)
        .store()
        .read(|tx| {
            tx.walk(1, |row| {
                let entry = Entry::from_bytes(&row.bytes).expect("an entry");
                if let Body::Redemption(redemption) = entry.body {
                    meals.entry(redemption.handle.0).or_default().push(entry.seq);
                }
                Ok::<_, StoreError>(true)
            })
        })
        .expect("readable");
    meals
}

/// The rest of the way, with nothing in its way: each of `meals` meals is claimed, taken in, decided and paid exactly once.
pub fn goes_on_to_the_end(dir: &Path, meals: u64) {
    exchange(dir);
    let (mut office, now) = (open_office(dir), door::now());
    let tally = office.reconcile(now).expect("reconciled");
    assert!(tally.lines() == tally.accepted && [0, meals].contains(&tally.accepted), "{tally:?}");
    let execution = next_banking_day(CivilDay::of(now));
    office.settle("Anna", "Bernd", execution, now).expect("settled");
    assert!(office.settle("Anna", "Bernd", execution, now).expect("nothing to do").payments.is_empty(), "a second run pays nothing");
    drop(office);
    is_paid_once(dir, meals);
    exchange(dir);
    let claims = open_box(dir).claims().expect("claims");
    let lines: Vec<_> = claims.iter().flat_map(|claim| &claim.lines).collect();
    assert_eq!(lines.len() as u64, meals, "every meal is in one claim");
    assert!(lines.iter().all(|line| line.advised.is_some()), "every line has its answer: {lines:?}");
    let mut transfers: Vec<_> = claims.iter().flat_map(|claim| &claim.payments).map(|payment| &payment.end_to_end_id).collect();
    transfers.sort();
    transfers.dedup();
    assert_eq!(transfers.len(), 1, "paid by one transfer: {transfers:?}");
    assert_eq!(self::meals(dir).values().map(Vec::len).sum::<usize>() as u64, meals);
}

/// What the office has paid in all runs, from its own books.
fn is_paid_once(dir: &Path, meals: u64) {
    let office = open_office(dir);
    let sum = |sql: &str| office.db().query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a sum");
    assert_eq!(sum("SELECT coalesce(sum(cents), 0) FROM payment"), i64::try_from(meals * CENTS).expect("a small sum"), "paid exactly once");
    assert_eq!(sum("SELECT count(*) FROM line"), i64::try_from(meals).expect("few"), "every meal is one line");
}
