//! A child's phone: invited by a clerk, its moving code at the counter, and what the office makes of it.

mod office_browser;
mod office_town;

use axum::body::{Body, to_bytes};
use axum::http::{Request as HttpRequest, StatusCode};
use data_encoding::{BASE32HEX_NOPAD, HEXLOWER};
use office_browser::{Answer as Page, Browser, HOST, send};
use office_town::{Counter, empty, request};
use serde_json::{Value, json};
use teilhabe::admit::phone::PhoneCode;
use teilhabe::admit::scan::{Fault, code_text};
use teilhabe::book::entry::Body as EntryBody;
use teilhabe::book::redemption::SeenAs;
use teilhabe::office::{Act, MAX_PHONES, NewProvider, NoPhone, Office, ServiceTerms, StopReason, TokenState};
use teilhabe::shell::door;
use teilhabe::shell::sheet::children;
use teilhabe::shell::store::StoreError;
use teilhabe::shell::store::office::children as register;
use teilhabe::shell::web::serve::Peer;
use teilhabe::terminal::Terminal;
use teilhabe::terminal::chips::{ChipOf, Taught, TeachRequest};
use teilhabe::terminal::counter::{Answer, Request};
use teilhabe::terminal::held::HoldRequest;
use teilhabe::words::cents::Cents;
use teilhabe::words::chance::Chance;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::code::Code;
use teilhabe::words::keys::SecretKey;
use teilhabe::words::reason::Reason;
use teilhabe::words::time::{DAY_MS, UtcMs, UtcSeconds};
use tower::ServiceExt;

/// An office that has granted a child lunch and a club, and the counters of a canteen and of a club.
struct Town {
    office: Office,
    canteen: Counter,
    club: Counter,
    child: i64,
    card: String,
    now: UtcMs,
}

fn provider(office: &mut Office, name: &str, iban: &str, services: &[&str], seed: u8, now: UtcMs) -> Counter {
    let services = services.iter().map(|terms| ServiceTerms::parse(terms, CivilDay::of(now).month().first_day()).expect("a service")).collect();
    let (number, code) = office.add_provider(&NewProvider { name: name.into(), iban: iban.into(), services }, now).expect("added");
    Counter::enrol(office, number, "Ausgabe", &code.grouped(), seed, now)
}

fn town() -> Town {
    let now = door::now();
    let mut office = empty(now);
    let canteen = provider(&mut office, "Mensa", "DE44500105175407324931", &["lunch:lunch:Essen:450", "games:participation:Spiele:free"], 61, now);
    let club = provider(&mut office, "Judoclub", "DE12500105170648489890", &["judo:participation:Judo:free"], 62, now);
    let (from, to) = (CivilDay::of(now).month(), CivilDay::of(now).month().plus(5));
    let csv = format!(
        "reference;benefit;from;to;period;measure;amount;detail;hint;home_providers\n\
         4711-001;lunch;{from};{to};day;units;1;;K01;\n4711-001;participation;{from};{to};month;cents;3000;;K01;\n"
    );
    let issued = office.issue(&children::read(csv.as_bytes()).expect("a table").rows, now).expect("issued");
    Town { office, canteen, club, child: issued[0].child, card: issued[0].code.clone(), now }
}

fn phone_key() -> SecretKey {
    SecretKey::from_seed([99; 32])
}

fn secret(code: &str) -> Vec<u8> {
    BASE32HEX_NOPAD.decode(code.replace('-', "").as_bytes()).expect("a code")
}

fn joins(code: &str, key: &SecretKey) -> [u8; 64] {
    key.sign(&[&b"teilhabe/phone-joins/1"[..], &secret(code), key.public().bytes()].concat())
}

fn asks(at: UtcSeconds, key: &SecretKey) -> [u8; 64] {
    key.sign(&[&b"teilhabe/phone-asks/1"[..], key.public().bytes(), &at.0.to_be_bytes()].concat())
}

impl Town {
    /// The token of the phone with `key`, invited just now.
    fn phone(&mut self, key: &SecretKey) -> Vec<u8> {
        let code = self.office.invite_phone(self.child, "Anna Adler", self.now).expect("invited").code;
        let answer = self.office.add_phone(&code, key.public().bytes(), &joins(&code, key), self.now).expect("added");
        answer.tokens[0].bytes.clone()
    }

    fn exchange(&mut self, now: UtcMs) {
        self.canteen.exchange(&mut self.office, now);
        self.club.exchange(&mut self.office, now);
    }

    fn reasons(&mut self, now: UtcMs) -> Vec<Option<String>> {
        self.office.reconcile(now).expect("reconciled");
        let mut statement = self.office.db().prepare("SELECT reason FROM line ORDER BY terminal, seq").expect("a query");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("reasons")
    }
}

/// What the phone shows at a moment.
fn shows(token: &[u8], at: UtcMs, key: &SecretKey) -> String {
    PhoneCode::show(token.to_vec(), at.seconds(), key).text()
}

fn refusal(answer: Answer) -> (Reason, Option<Fault>) {
    match answer {
        Answer::Refused(refused) => (refused.reason, refused.fault),
        Answer::Accepted(accepted) => panic!("it was accepted: {accepted:?}"),
    }
}

fn is_accepted(answer: &Answer) -> bool {
    matches!(answer, Answer::Accepted(_))
}

fn fee(code: &str, service: &str, cents: i64) -> Request {
    Request { cents: Some(Cents::new(cents)), ..request(code, service) }
}

const OLD: (Reason, Option<Fault>) = (Reason::HolderProofMissing, Some(Fault::PhoneOld));
const AHEAD: (Reason, Option<Fault>) = (Reason::HolderProofMissing, Some(Fault::PhoneAhead));
const USED: (Reason, Option<Fault>) = (Reason::HolderProofMissing, Some(Fault::PhoneUsed));
const NO_PROOF: (Reason, Option<Fault>) = (Reason::HolderProofMissing, None);

#[test]
fn a_code_counts_for_a_minute_and_only_from_its_phone() {
    let mut town = town();
    let key = phone_key();
    let (token, now) = (town.phone(&key), town.now);
    let mut lunch = |code: String, at: UtcMs| town.canteen.redeem(&request(&code, "lunch"), at);
    assert_eq!(refusal(lunch(shows(&token, now, &key), now.plus_ms(61_000))), OLD);
    assert_eq!(refusal(lunch(shows(&token, now, &key), now.plus_ms(60_000 + 999))), OLD, "60 s and a little");
    assert_eq!(refusal(lunch(shows(&token, now.plus_ms(120_000), &key), now)), AHEAD);
    assert_eq!(refusal(lunch(shows(&token, now, &SecretKey::from_seed([98; 32])), now)), NO_PROOF, "another key");
    assert_eq!(refusal(lunch(code_text(&token), now)), NO_PROOF, "the token itself, as if on paper");
    let card = teilhabe::admit::scan::Scan::new(&town.card).expect("a scan");
    let teilhabe::admit::scan::Scan::Code(paper) = card else { panic!("the card is a code") };
    let mut lunch = |code: String, at: UtcMs| town.canteen.redeem(&request(&code, "lunch"), at);
    assert_eq!(refusal(lunch(shows(&paper, now, &key), now)).0, Reason::Malformed, "a paper token in a phone code");
    assert!(is_accepted(&lunch(shows(&token, now, &key), now.plus_ms(59_000))));
    let number = teilhabe::admit::number::CardNumber::of(register::content(&token).expect("a token").id).digits();
    let tomorrow = now.plus_ms(DAY_MS);
    assert_eq!(refusal(lunch(number, tomorrow)), NO_PROOF, "its number, though the whole code was seen here");
}

#[test]
fn one_code_buys_one_thing_and_a_second_scan_of_it_is_no_alarm() {
    let mut town = town();
    let key = phone_key();
    let (token, now) = (town.phone(&key), town.now);
    let code = shows(&token, now, &key);
    let lunch = Request { ask: Some("a1".into()), ..request(&code, "lunch") };
    let first = town.canteen.redeem(&lunch, now);
    assert!(is_accepted(&first));
    assert_eq!(town.canteen.redeem(&lunch, now.plus_ms(90_000)), first, "the till asks again, for the answer was lost");
    let again = town.canteen.redeem(&request(&code, "lunch"), now.plus_ms(2_000));
    assert_eq!(refusal(again).0, Reason::AlreadyRedeemed, "the child holds it to the reader twice: said calmly");
    assert_eq!(refusal(town.canteen.redeem(&fee(&code, "games", 500), now.plus_ms(3_000))), USED, "a picture of it buys nothing else");
    let older = shows(&token, UtcMs(now.0 - 20_000), &key);
    assert_eq!(refusal(town.canteen.redeem(&fee(&older, "games", 500), now.plus_ms(3_000))), USED, "nor does an older one");
    let next = shows(&token, now.plus_ms(20_000), &key);
    assert!(is_accepted(&town.canteen.redeem(&fee(&next, "games", 500), now.plus_ms(21_000))));
    let copied = &Request { scanned: Some(now), charge: Code::parse("other"), ..fee(&code, "games", 700) };
    assert_eq!(refusal(town.canteen.redeem(copied, now.plus_ms(600_000))), USED, "nor does saying that it was scanned earlier");
}

#[test]
fn a_scan_that_waited_for_the_box_counts_as_of_its_moment() {
    let mut town = town();
    let key = phone_key();
    let (token, now) = (town.phone(&key), town.now);
    let code = shows(&token, now, &key);
    let waited = |scanned: UtcMs| Request { scanned: Some(scanned), ..request(&code, "lunch") };
    let later = now.plus_ms(10 * 60_000);
    assert_eq!(refusal(town.canteen.redeem(&waited(now.plus_ms(61_000)), later)), OLD);
    assert_eq!(refusal(town.canteen.redeem(&waited(later.plus_ms(5_000)), later)), OLD, "a moment that lies ahead says nothing");
    assert_eq!(refusal(town.canteen.redeem(&waited(now), now.plus_ms(13 * 3_600_000))), OLD, "nor one of long ago");
    assert!(is_accepted(&town.canteen.redeem(&waited(now.plus_ms(5_000)), later)));
}

#[test]
fn what_was_used_is_still_known_after_a_restart() {
    let mut town = town();
    let key = phone_key();
    let (token, now) = (town.phone(&key), town.now);
    let code = shows(&token, now, &key);
    assert!(is_accepted(&town.canteen.redeem(&request(&code, "lunch"), now)));
    let dir = tempfile::tempdir().expect("a folder");
    let copy = dir.path().join("terminal.db");
    town.canteen.terminal.store().copy_to(&copy).expect("copied");
    let store = teilhabe::shell::store::terminal::TerminalStore::open(&copy).expect("opened");
    let keys = teilhabe::terminal::Keys { signing: SecretKey::from_seed([61; 32]), envelope: teilhabe::shell::envelope::Identity::generate() };
    town.canteen.terminal = Terminal::open(store, keys, now).expect("started again");
    assert_eq!(refusal(town.canteen.redeem(&fee(&code, "games", 500), now.plus_ms(4_000))), USED);
}

#[test]
fn a_copy_at_another_till_is_one_meal_and_a_second_thing_waits_for_a_clerk() {
    let mut town = town();
    let key = phone_key();
    let (token, now) = (town.phone(&key), town.now);
    let code = shows(&token, now, &key);
    assert!(is_accepted(&town.canteen.redeem(&fee(&code, "games", 500), now)));
    assert!(is_accepted(&town.club.redeem(&fee(&code, "judo", 900), now.plus_ms(10_000))), "the club's till cannot know");
    town.exchange(now.plus_ms(60_000));
    let both = town.reasons(now.plus_ms(60_000));
    assert_eq!(both, vec![Some("holder_proof_missing".to_owned()); 2], "whichever arrived first: a clerk looks at both");
    let genuine = shows(&token, now.plus_ms(120_000), &key);
    assert!(is_accepted(&town.club.redeem(&Request { charge: Code::parse("x"), ..fee(&genuine, "judo", 300) }, now.plus_ms(121_000))));
    town.exchange(now.plus_ms(180_000));
    assert_eq!(town.reasons(now.plus_ms(180_000)).iter().filter(|reason| reason.is_none()).count(), 1, "a code of its own is paid");
}

#[test]
fn one_code_for_one_lunch_at_two_tills_is_paid_once_without_a_clerk() {
    let mut town = town();
    let key = phone_key();
    let (token, now) = (town.phone(&key), town.now);
    let code = shows(&token, now, &key);
    assert!(is_accepted(&town.canteen.redeem(&request(&code, "lunch"), now)));
    let number = town.canteen.provider;
    let slip = town.office.new_code(number, now).expect("a code").grouped();
    let mut next = Counter::enrol(&mut town.office, number, "Ausgabe 2", &slip, 63, now);
    assert!(is_accepted(&next.redeem(&request(&code, "lunch"), now.plus_ms(30_000))), "the next till cannot know");
    town.exchange(now.plus_ms(60_000));
    next.exchange(&mut town.office, now.plus_ms(60_000));
    let mut reasons = town.reasons(now.plus_ms(60_000));
    reasons.sort();
    assert_eq!(reasons, vec![None, Some("duplicate".to_owned())]);
}

#[test]
fn what_the_journal_keeps_lets_the_office_see_that_the_phone_was_there() {
    let mut town = town();
    let key = phone_key();
    let (token, now) = (town.phone(&key), town.now);
    assert!(is_accepted(&town.canteen.redeem(&request(&shows(&token, now, &key), "lunch"), now)));
    let redemption = town.canteen.terminal.store().read(|tx| {
        let mut found = None;
        for seq in 1..=20 {
            if let Some(EntryBody::Redemption(redemption)) = tx.entry(seq)?.map(|entry| entry.body) {
                found = Some(redemption);
            }
        }
        Ok::<_, StoreError>(found)
    });
    let redemption = redemption.expect("read").expect("a redemption");
    assert_eq!(redemption.seen_as, SeenAs::Phone);
    let proof = redemption.proof.expect("a proof");
    assert!(proof.is_of(&register::content(&token).expect("a token"), &token));
    town.exchange(now.plus_ms(1_000));
    assert_eq!(town.reasons(now.plus_ms(1_000)), vec![None]);
    let kept: (i64, i64) =
        town.office.db().query_row("SELECT proof_at, unproved FROM line", [], |row| Ok((row.get(0)?, row.get(1)?))).expect("a line");
    assert_eq!(kept, (now.seconds().0.cast_signed(), 0));
}

#[test]
fn card_and_phone_are_one_child_and_chips_go_on_with_the_card() {
    let mut town = town();
    let key = phone_key();
    let (token, now) = (town.phone(&key), town.now);
    let (card, chip) = (town.card.clone(), "04A224B2C3D4".to_owned());
    let teach = |to: String| TeachRequest { uid: chip.clone(), to: ChipOf::Card(to), replace: false };
    let by_phone = town.canteen.terminal.teach_chip(&teach(shows(&token, now, &key)), now).expect("an answer");
    assert!(matches!(by_phone, Taught::Refused(ref refused) if refused.reason == Reason::HolderProofMissing), "{by_phone:?}");
    town.canteen.terminal.teach_chip(&teach(card.clone()), now).expect("taught");
    assert!(is_accepted(&town.canteen.redeem(&request(&shows(&token, now, &key), "lunch"), now)));
    assert_eq!(refusal(town.canteen.redeem(&request(&card, "lunch"), now.plus_ms(1_000))).0, Reason::AlreadyRedeemed);
    let tomorrow = now.plus_ms(DAY_MS);
    assert!(is_accepted(&town.canteen.redeem(&request(&chip, "lunch"), tomorrow)), "the chip opens the card's token, not the newer one of the phone");
}

#[test]
fn a_lost_phone_is_stopped_a_suspension_holds_on_it_and_a_new_approval_reaches_it_by_itself() {
    let mut town = town();
    let key = phone_key();
    let (token, now) = (town.phone(&key), town.now);
    let approval = approval_of(&town);
    let state = |town: &mut Town, now: UtcMs| town.office.ask_by_phone(key.public().bytes(), now.seconds(), &asks(now.seconds(), &key), now);
    let today = CivilDay::of(now);
    town.office.act(approval, Act::Suspend { from: today, until: None }, "Anna Adler", now).expect("suspended");
    assert_eq!(state(&mut town, now).expect("told").tokens[0].state, TokenState::Suspended);
    town.exchange(now.plus_ms(1_000));
    let code = shows(&token, now.plus_ms(2_000), &key);
    assert_eq!(refusal(town.canteen.redeem(&request(&code, "lunch"), now.plus_ms(2_000))).0, Reason::Suspended);
    town.office.act(approval, Act::Lift { from: today }, "Anna Adler", now).expect("lifted");
    // a lost card is nothing to the phone
    town.office.act(approval, Act::Reissue { why: StopReason::Lost, from: today }, "Anna Adler", now).expect("re-issued");
    assert_eq!(state(&mut town, now).expect("told").tokens[0].state, TokenState::Valid);
    // a phone whose clock is off is told so, one nobody knows gets nothing
    let off = UtcSeconds(now.seconds().0 + 400);
    assert!(matches!(town.office.ask_by_phone(key.public().bytes(), off, &asks(off, &key), now), Err(NoPhone::Clock)));
    let other = SecretKey::from_seed([5; 32]);
    assert!(matches!(town.office.ask_by_phone(other.public().bytes(), now.seconds(), &asks(now.seconds(), &other), now), Err(NoPhone::Unknown)));
    assert!(matches!(town.office.ask_by_phone(key.public().bytes(), now.seconds(), &asks(now.seconds(), &other), now), Err(NoPhone::Key)));
    // the follow-up approval
    let next = CivilDay::of(now).month().plus(6);
    let csv = format!("reference;benefit;from;to;period;measure;amount\n4711-001;lunch;{next};{next};day;units;1\n");
    town.office.issue(&children::read(csv.as_bytes()).expect("a table").rows, now).expect("issued");
    let told = state(&mut town, now).expect("told");
    assert_eq!(told.tokens.iter().map(|t| t.state).collect::<Vec<_>>(), [TokenState::Valid, TokenState::Early]);
    assert_eq!(told.left.len(), 2, "what is left is said of what runs today");
    let phone = town.office.db().query_row("SELECT id FROM phone", [], |row| row.get(0)).expect("a phone");
    town.office.remove_phone(phone, StopReason::Lost, "Anna Adler", now).expect("removed");
    let told = state(&mut town, now).expect("told");
    assert!(told.removed && told.tokens.is_empty() && told.left.is_empty());
    town.exchange(now.plus_ms(3_000));
    let code = shows(&token, now.plus_ms(4_000), &key);
    assert_eq!(refusal(town.canteen.redeem(&request(&code, "lunch"), now.plus_ms(4_000))).0, Reason::Revoked);
    assert!(town.office.verify_audit().expect("read").is_ok());
}

#[test]
fn what_was_served_without_the_phone_waits_for_the_phone() {
    let mut town = town();
    let key = phone_key();
    let (token, now) = (town.phone(&key), town.now);
    let games = town.canteen.redeem(&fee(&shows(&token, now, &key), "games", 500), now);
    assert!(is_accepted(&games), "the phone is known here");
    let old = shows(&token, now.plus_ms(1_000), &key);
    let later = now.plus_ms(300_000);
    assert_eq!(refusal(town.canteen.redeem(&request(&old, "lunch"), later)), OLD);
    let held = HoldRequest {
        ask: None,
        code: Some(old),
        person: None,
        alias: None,
        service: Code::parse("lunch").expect("a code"),
        day: None,
        cents: None,
        why: Reason::HolderProofMissing,
    };
    let mut chance = Chance::seeded(3);
    let held = town.canteen.terminal.hold(&held, &mut chance, later).expect("held");
    assert!(held.alias.starts_with("K01"), "an old code still says whose it is: {}", held.alias);
    assert_eq!(town.canteen.terminal.settle_held(&mut chance, later).expect("looked at"), []);
    let next = town.canteen.redeem(&Request { charge: Code::parse("b"), ..fee(&shows(&token, later, &key), "games", 500) }, later);
    let Answer::Accepted(next) = next else { panic!("{next:?}") };
    assert_eq!(next.settled.iter().map(|settled| settled.held).collect::<Vec<_>>(), [held.seq], "and is made up for when the phone is there");
    town.exchange(later.plus_ms(1_000));
    assert_eq!(town.reasons(later.plus_ms(1_000)), vec![None; 3], "one code for both, in one moment, is one showing of the phone");
}

#[test]
fn a_changed_approval_reaches_the_phone_and_an_ended_one_is_said() {
    let mut town = town();
    let key = phone_key();
    let (token, now) = (town.phone(&key), town.now);
    let ask = |town: &mut Town| town.office.ask_by_phone(key.public().bytes(), now.seconds(), &asks(now.seconds(), &key), now).expect("told");
    let (from, to) = (CivilDay::of(now).month(), CivilDay::of(now).month().plus(5));
    let csv = format!("reference;benefit;from;to;period;measure;amount;detail;hint\n4711-001;lunch;{from};{to};day;units;2;;K01\n");
    town.office.issue(&children::read(csv.as_bytes()).expect("a table").rows, now).expect("changed");
    let told = ask(&mut town);
    assert_eq!(told.tokens.iter().map(|t| t.state).collect::<Vec<_>>(), [TokenState::Valid]);
    assert_ne!(told.tokens[0].bytes, token);
    assert_eq!(told.left.iter().map(|left| left.bounds[0].2).collect::<Vec<_>>(), [2]);
    town.exchange(now.plus_ms(1_000));
    let old = town.canteen.redeem(&request(&shows(&token, now.plus_ms(2_000), &key), "lunch"), now.plus_ms(2_000));
    assert_eq!(refusal(old).0, Reason::Replaced);
    assert!(is_accepted(&town.canteen.redeem(&request(&shows(&told.tokens[0].bytes, now.plus_ms(2_000), &key), "lunch"), now.plus_ms(2_000))));
    let approval = town.office.db().query_row("SELECT max(id) FROM approval", [], |row| row.get(0)).expect("an approval");
    town.office.act(approval, Act::End { from: CivilDay::of(now) }, "Anna Adler", now).expect("ended");
    let told = ask(&mut town);
    assert_eq!(told.tokens.iter().map(|t| t.state).collect::<Vec<_>>(), [TokenState::Stopped]);
    assert!(!told.removed && told.left.is_empty());
}

fn approval_of(town: &Town) -> i64 {
    town.office.db().query_row("SELECT min(id) FROM approval", [], |row| row.get(0)).expect("an approval")
}

#[test]
fn an_invitation_is_for_one_phone_and_ends() {
    let mut town = town();
    let (key, other, now) = (phone_key(), SecretKey::from_seed([5; 32]), town.now);
    let join = |town: &mut Town, code: &str, key: &SecretKey, now: UtcMs| {
        town.office.add_phone(code, key.public().bytes(), &joins(code, key), now).map(|answer| answer.tokens.len())
    };
    let code = town.office.invite_phone(town.child, "Anna Adler", now).expect("invited").code;
    let kept: Vec<u8> = town.office.db().query_row("SELECT code FROM phone_invitation", [], |row| row.get(0)).expect("an invitation");
    assert!(!kept.windows(10).any(|part| part == secret(&code)), "only its hash is kept");
    let stolen = town.office.add_phone(&code, key.public().bytes(), &joins(&code, &other), now);
    assert!(matches!(stolen, Err(NoPhone::Key)), "who joins shows that the key is there");
    let typed = town.office.add_phone(&code.to_lowercase().replace('-', " "), key.public().bytes(), &joins(&code, &key), now);
    assert_eq!(typed.expect("typed in any way").tokens.len(), 1);
    assert_eq!(join(&mut town, &code, &key, now).ok(), Some(1), "asked again, for the answer was lost");
    assert!(matches!(join(&mut town, &code, &other, now), Err(NoPhone::Invitation)));
    let late = town.office.invite_phone(town.child, "Anna Adler", now).expect("invited").code;
    assert!(matches!(join(&mut town, &late, &other, now.plus_days(15)), Err(NoPhone::Invitation)));
    assert_eq!(town.office.withdraw_invitations(town.child, "Anna Adler", now).expect("withdrawn"), 1);
    assert!(matches!(join(&mut town, &late, &other, now), Err(NoPhone::Invitation)));
    for seed in 1..MAX_PHONES {
        let code = town.office.invite_phone(town.child, "Anna Adler", now).expect("invited").code;
        let key = SecretKey::from_seed([u8::try_from(seed).expect("few"); 32]);
        assert_eq!(join(&mut town, &code, &key, now).ok(), Some(1));
    }
    assert!(town.office.invite_phone(town.child, "Anna Adler", now).is_err(), "there are enough");
    let waiting: i64 = town
        .office
        .db()
        .query_row("SELECT count(*) FROM token WHERE phone IS NOT NULL AND print_run IS NULL", [], |row| row.get(0))
        .expect("a number");
    assert_eq!(waiting, 0, "none of them waits for a printer");
}

async fn post_json(browser: &Browser, path: &str, body: &Value) -> Page {
    let request = HttpRequest::post(path).header("host", HOST).header("origin", format!("http://{HOST}"));
    send(&browser.app, request.header("content-type", "application/json").body(Body::from(body.to_string())).expect("a request")).await
}

#[tokio::test]
async fn from_the_clerks_invitation_to_a_meal_that_the_office_recognises() {
    let Town { office, mut canteen, child, now, .. } = town();
    let browser = Browser::at(office).signed_in("Anna Adler").await;
    let case = browser.get(&format!("/cases/{child}")).await;
    assert!(case.text.contains("Handy einladen"), "{}", case.text);
    let invited = browser.post(&format!("/cases/{child}/phones"), &[]).await;
    assert_eq!(invited.status, StatusCode::OK, "{}", invited.text);
    let code = invited.text.split("invitation-code id\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a code").to_owned();
    assert!(!invited.text.contains("4711-001"), "what may be handed out names no case");

    let family = browser.another();
    let page = family.get("/handy/").await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = page.headers["content-security-policy"].to_str().expect("text");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    for name in ["app.js", "sw.js", "texts.js", "keys.js", "code.js", "store.js", "holder.css", "manifest.webmanifest", "icon.svg", "icon.png"] {
        assert_eq!(family.get(&format!("/handy/{name}")).await.status, StatusCode::OK, "{name}");
    }
    for name in ["vendor/uqr.js", "vendor/noble-ed25519.js"] {
        assert_eq!(family.get(&format!("/handy/{name}")).await.headers["content-encoding"], "gzip", "{name}");
    }
    let key = phone_key();
    let hex = |bytes: &[u8]| HEXLOWER.encode(bytes);
    let wrong = json!({"code": "0000-0000-0000-0000", "key": hex(key.public().bytes()), "signature": hex(&joins("0000000000000000", &key))});
    let refused = post_json(&family, "/handy/api/phones", &wrong).await;
    assert_eq!((refused.status, &refused.json()["what"]), (StatusCode::NOT_FOUND, &json!("invitation")), "{}", refused.text);
    for unfit in [json!({}), json!({"code": code, "key": "00", "signature": ""}), json!([1])] {
        assert_eq!(post_json(&family, "/handy/api/phones", &unfit).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{unfit}");
    }
    let joining = json!({"code": code, "key": hex(key.public().bytes()), "signature": hex(&joins(&code, &key))});
    let joined = post_json(&family, "/handy/api/phones", &joining).await;
    assert_eq!(joined.status, StatusCode::OK, "{}", joined.text);
    let told = joined.json();
    assert_eq!((&told["hint"], &told["tokens"][0]["state"]), (&json!("K01"), &json!("valid")), "{told}");
    for never in ["4711", "SGB", "provider", "Mensa"] {
        assert!(!joined.text.contains(never), "{never}: {}", joined.text);
    }
    let token = HEXLOWER.decode(told["tokens"][0]["token"].as_str().expect("a token").as_bytes()).expect("hex");

    exchanged(&browser, &mut canteen, now).await;
    assert!(is_accepted(&canteen.redeem(&request(&shows(&token, now, &key), "lunch"), now)));
    exchanged(&browser, &mut canteen, now).await;
    browser.post("/reconcile", &[]).await;
    let at = door::now().seconds();
    let asking = json!({"key": hex(key.public().bytes()), "at": at.0, "signature": hex(&asks(at, &key))});
    let told = post_json(&family, "/handy/api/state", &asking).await.json();
    let lunch = told["left"].as_array().expect("a list").iter().find(|left| left["benefit"] == "lunch").expect("lunch").clone();
    assert_eq!(lunch["bounds"][0], json!({"period": "day", "measure": "units", "left": 0}), "{told}");
    let batches = browser.get("/batches").await;
    let batch = browser.get(&batches.link("/batches/")).await;
    assert!(batch.text.contains("Handy") && !batch.text.contains("Nachweis des Handys fehlt"), "{}", batch.text);

    let case = browser.get(&format!("/cases/{child}")).await;
    assert!(case.text.contains("Handys dieses Kindes"), "{}", case.text);
    let removed = browser.post("/cases/phones/1", &[("why", "lost")]).await;
    assert_eq!(removed.location(), format!("/cases/{child}?done=phone_removed"));
    assert_eq!(post_json(&family, "/handy/api/state", &asking).await.json()["removed"], true);
}

async fn exchanged(browser: &Browser, counter: &mut Counter, now: UtcMs) {
    let request = HttpRequest::post("/api/v1/exchange").header("host", HOST).body(Body::from(counter.outbound(now))).expect("a request");
    let response = browser.app.clone().oneshot(request).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    counter.take(&to_bytes(response.into_body(), usize::MAX).await.expect("a body"), now);
}

#[tokio::test]
async fn an_address_that_guesses_invitations_is_told_to_wait_and_others_are_not() {
    let browser = Browser::at(town().office);
    let key = phone_key();
    let signature = HEXLOWER.encode(&joins("0000000000000000", &key));
    let guess = json!({"code": "0000-0000-0000-0000", "key": HEXLOWER.encode(key.public().bytes()), "signature": signature}).to_string();
    let ask = async |address: [u8; 4]| {
        let request = HttpRequest::post("/handy/api/phones").header("host", HOST).header("origin", format!("http://{HOST}"));
        let mut request = request.header("content-type", "application/json").body(Body::from(guess.clone())).expect("a request");
        request.extensions_mut().insert(Peer(address.into()));
        send(&browser.app, request).await.status
    };
    for number in 0..60 {
        assert_eq!(ask([10, 0, 0, 66]).await, StatusCode::NOT_FOUND, "{number}");
    }
    assert_eq!(ask([10, 0, 0, 66]).await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ask([10, 0, 0, 7]).await, StatusCode::NOT_FOUND);
}
