//! Class lists of a school without terminal, over HTTP; and trips in instalments, paid to the cent whatever order things come in.

mod office_browser;
mod office_town;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use office_browser::{Answer, Browser, HOST, send};
use office_town::empty;
use proptest::prelude::*;
use teilhabe::admit::number::CardNumber;
use teilhabe::office::{NewClassList, NewProvider, Office, ServiceTerms, Stage};
use teilhabe::shell::door;
use teilhabe::shell::sheet::{children, class_list};
use teilhabe::words::cents::Cents;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::code::Code;
use teilhabe::words::ids::{ProviderNumber, TokenId};
use teilhabe::words::time::UtcMs;

/// A name that would break a page that does not escape it.
const SCHOOL: &str = "Grundschule <i>am Wall</i> & \"Hof\"";
const GRANTED: [i64; 3] = [10_000, 20_000, 3_000];

/// A school without terminal, three children with a trip to Sylt granted and one with meals only. Answers their card numbers.
fn school(now: UtcMs) -> (Office, ProviderNumber, Vec<CardNumber>) {
    let mut office = empty(now);
    let today = CivilDay::of(now);
    let service = |text: &str| ServiceTerms::parse(text, today).expect("a service");
    let services = vec![service("sylt:class_trip:Klassenfahrt Sylt:free::sylt"), service("ausflug:day_trip:Ausflüge:free")];
    let new = NewProvider { name: SCHOOL.into(), iban: "DE44500105175407324931".into(), services };
    let (provider, _) = office.add_provider(&new, now).expect("added");
    let (from, to) = (today.month(), today.month().plus(4));
    let mut csv = "reference;benefit;from;to;period;measure;amount;detail;hint;home_providers\n".to_owned();
    for (child, cents) in GRANTED.iter().enumerate() {
        csv += &format!("00{child};class_trip;{from};{to};validity;cents;{cents};sylt;K{child};\n");
    }
    csv += &format!("000;class_trip;{from};{to};validity;cents;100000;norderney;K0;\n003;lunch;{from};{to};day;units;1;;K3;\n");
    csv += &format!("001;day_trip;{from};{to};validity;cents;3000;zoo;K1;\n");
    let tokens = office.issue(&children::read(csv.as_bytes()).expect("a table").rows, now).expect("issued");
    let cards = (0..4).map(|child| {
        let token = tokens.iter().find(|issued| issued.reference == format!("00{child}")).expect("issued");
        CardNumber::of(token.token.id)
    });
    let cards = cards.collect();
    (office, provider, cards)
}

async fn check(browser: &Browser, fields: &[(&str, &str)]) -> Answer {
    let part = |(name, value): &(&str, &str)| format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let body: String = fields.iter().map(part).collect::<String>() + "--X--\r\n";
    let request = Request::post("/claims").header("host", HOST).header("origin", format!("http://{HOST}")).header("cookie", &browser.cookie);
    let request = request.header("content-type", "multipart/form-data; boundary=X").body(Body::from(body)).expect("a request");
    send(&browser.app, request).await
}

fn fields<'a>(stage: &'a str, day: &'a str, list: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("offer", "101:sylt"), ("event", ""), ("stage", stage), ("day", day), ("amount", "50"), ("list", list), ("file", "")]
}

#[tokio::test]
async fn a_class_list_is_looked_at_and_taken_once() {
    let now = door::now();
    let today = CivilDay::of(now).to_string();
    let (office, provider, cards) = school(now);
    assert_eq!(provider, ProviderNumber(101));
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let berta = anna.another().signed_in("Berta Busch").await;
    let form = anna.get("/claims").await;
    assert!(form.text.contains("Grundschule &#60;i&#62;am Wall") && form.text.contains("Klassenfahrt Sylt (sylt)"), "{}", form.text);
    let stranger = CardNumber::of(TokenId([9; 16]));
    let list = format!("{}\n{};60,00\n{}\n{}\n{stranger}\n{}\n123\n{};zehn\n", cards[0], cards[1], cards[2], cards[3], cards[0], cards[1]);
    let looked = check(&anna, &fields("deposit", &today, &list)).await;
    assert_eq!(looked.status, StatusCode::SEE_OTHER, "{}", looked.text);
    let place = looked.location().to_owned();
    let page = anna.get(&place).await;
    for words in [
        "4 Zeilen werden nicht übernommen",
        "Zeile 5: Diese Kartennummer hat das Amt nicht ausgestellt",
        "Zeile 6: Dieses Kind steht schon in Zeile 1",
        "Zeile 7: „123“ ist keine Kartennummer",
        "Zeile 8: „zehn“ ist kein Betrag in Euro",
        "100,00\u{a0}€ in der ganzen Zeit (sylt)",
        "für diese Fahrt nichts bewilligt",
        "Leistung nicht bewilligt",
        "Bewilligter Umfang erschöpft",
        "<span class=\"money\">140,00\u{a0}€</span> werden zusätzlich anerkannt",
        "4 Kinder übernehmen",
    ] {
        assert!(page.text.contains(words), "{words}: {}", page.text);
    }
    assert!(!page.text.contains("<i>"), "escaped");
    assert!(!anna.get("/batches").await.text.contains("Klassenlisten (im Amt erfasst)"), "looking changes nothing");
    for _ in 0..2 {
        let taken = anna.post(&place, &[]).await;
        assert_eq!(taken.location(), place, "{}", taken.text);
    }
    let page = anna.get(&place).await;
    let batch = page.link("/batches/");
    assert!(page.text.contains("Übernommen") && page.text.contains("Von Anna Adler"), "{}", page.text);
    let batches = anna.get("/batches").await.text;
    assert_eq!(batches.matches("Klassenlisten (im Amt erfasst)").count(), 1, "taken once: {batches}");
    let lines = anna.get(&batch).await.text;
    assert!(lines.contains("Klassenfahrt Sylt") && lines.contains("50,00"), "{lines}");
    anna.post("/reconcile", &[]).await;
    let payment = anna.get("/settlement").await;
    assert!(payment.text.contains("140,00\u{a0}€"), "{}", payment.text);
    let chosen = payment.chosen_rows();
    let chosen: Vec<(&str, &str)> = chosen.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(anna.post("/settlement/sign", &chosen).await.location(), "/settlement?done=signed");
    let content = berta.get("/settlement").await.hidden("content");
    assert_eq!(berta.post("/settlement/release", &[("content", &content)]).await.location(), "/settlement?done=released");
    let statement = anna.get("/settlement/1").await;
    assert!(statement.text.contains("140,00\u{a0}€"), "{}", statement.text);
}

#[tokio::test]
async fn what_changed_since_it_was_shown_is_shown_again() {
    let now = door::now();
    let today = CivilDay::of(now).to_string();
    let (office, _, cards) = school(now);
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let list = cards[0].to_string();
    let first = check(&anna, &fields("deposit", &today, &list)).await.location().to_owned();
    let second = check(&anna, &fields("deposit", &today, &list)).await.location().to_owned();
    assert_ne!(first, second);
    assert_eq!(anna.post(&first, &[]).await.location(), first);
    let overtaken = anna.post(&second, &[]).await;
    assert_eq!(overtaken.status, StatusCode::CONFLICT);
    assert!(overtaken.text.contains("Seit der Prüfung hat sich etwas geändert"), "{}", overtaken.text);
    let again = check(&anna, &fields("deposit", &today, &list)).await.location().to_owned();
    let page = anna.get(&again).await.text;
    assert!(page.contains("Anzahlung über 50,00\u{a0}€ ist schon erfasst") && page.contains("keine Zeile zu übernehmen"), "{page}");
    assert_eq!(anna.post(&again, &[]).await.status, StatusCode::CONFLICT);
    let cost = format!("Karte;Betrag\n{};30,00\n", cards[0]);
    let last = check(&anna, &fields("final", &today, &cost)).await.location().to_owned();
    let page = anna.get(&last).await.text;
    assert!(page.contains("<span class=\"money\">-20,00\u{a0}€</span> werden zurückgenommen"), "{page}");
    assert_eq!(anna.post(&last, &[]).await.location(), last);
    let late = check(&anna, &fields("balance", &today, &list)).await.location().to_owned();
    assert!(anna.get(&late).await.text.contains("schon mit 30,00\u{a0}€ endabgerechnet"));
}

#[tokio::test]
async fn a_wrong_form_comes_back_with_one_sentence_and_what_was_typed() {
    let now = door::now();
    let today = CivilDay::of(now).to_string();
    let (office, _, cards) = school(now);
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let list = cards[1].to_string();
    let with = |name: &'static str, value: &'static str| {
        let mut fields = fields("deposit", &today, &list);
        fields.iter_mut().filter(|(field, _)| *field == name).for_each(|field| field.1 = value);
        fields
    };
    for (form, sentence) in [
        (with("offer", ""), "Bitte Anbieter und Fahrt wählen."),
        (with("offer", "999:sylt"), "there is no provider 999"),
        (with("event", "ski"), "Dieses Angebot gilt nur für die Fahrt „sylt“."),
        (with("event", "Zoo Köln"), "Die Kennung der Fahrt hat höchstens 24 Zeichen"),
        (with("day", "gestern"), "Bitte den Tag angeben"),
        (with("amount", "viel"), "Der Betrag für alle ist kein Betrag in Euro"),
        (with("list", ""), "Bitte die Klassenliste einfügen oder eine Datei wählen."),
        (with("file", "123"), "nicht beides"),
        (with("offer", "101:ausflug"), "Welche Fahrt ist gemeint?"),
    ] {
        let answer = check(&anna, &form).await;
        assert!(answer.text.contains(sentence), "{sentence}: {}", answer.text);
        assert!(answer.status.is_client_error(), "{sentence}: {}", answer.status);
    }
    assert!(check(&anna, &with("day", "x")).await.text.contains(&list), "what was typed is still there");
    for path in ["/claims/0", "/claims/00000000000000000000000000000000"] {
        assert_eq!(anna.get(path).await.status, StatusCode::NOT_FOUND);
        assert_eq!(anna.post(path, &[]).await.status, StatusCode::NOT_FOUND);
    }
    let mut zoo = with("offer", "101:ausflug");
    zoo[1].1 = "zoo";
    let place = check(&anna, &zoo).await.location().to_owned();
    let page = anna.get(&place).await.text;
    assert!(page.contains("30,00\u{a0}€ in der ganzen Zeit (zoo)") && page.contains("Bewilligter Umfang erschöpft"), "{page}");
    assert_eq!(anna.post(&place, &[]).await.location(), place);
    assert!(anna.get("/providers/101").await.text.contains("Ausflüge zoo"), "the event is agreed with its first list");
}

fn entered(provider: ProviderNumber, (service, event): (&str, &str), stage: Stage, rows: &str, now: UtcMs) -> NewClassList {
    let table = class_list::read(rows.as_bytes()).expect("a list");
    let code = |text: &str| Code::parse(text).expect("a code");
    let (rows, errors) = (table.rows, table.errors);
    NewClassList { provider, service: code(service), event: Some(code(event)), stage, day: CivilDay::of(now), cents: None, rows, errors }
}

fn take(office: &mut Office, new: &NewClassList, now: UtcMs) {
    let (id, list) = office.look_at_class_list(new, "Anna Adler", now).expect("looked at");
    if !list.rows.is_empty() {
        assert!(!office.take_class_list(&id, "Anna Adler", now).expect("taken").before);
        assert!(office.take_class_list(&id, "Anna Adler", now).expect("taken").before);
    }
}

fn recognised(office: &Office, provider: ProviderNumber) -> Vec<i64> {
    let sql = "SELECT c.reference, coalesce((SELECT sum(decided) FROM line l WHERE l.child = c.id AND l.provider = ?1 AND l.cancelled_by IS NULL), 0)
               FROM child c WHERE c.reference < '003' ORDER BY c.reference";
    let mut statement = office.db().prepare(sql).expect("a query");
    let rows = statement.query_map([provider.0], |row| row.get(1)).expect("rows");
    rows.map(|row| row.expect("a sum")).collect()
}

#[derive(Clone, Copy, Debug)]
enum Happens {
    Listed(Stage),
    Reconciled,
    Settled,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// After any order of deposits, balances, corrections and payments in between, the last correction decides what is paid in the end.
    #[test]
    fn a_trip_is_paid_at_its_actual_cost_as_far_as_it_is_granted(
        steps in proptest::collection::vec((prop_oneof![
            Just(Happens::Listed(Stage::Deposit)), Just(Happens::Listed(Stage::Balance)), Just(Happens::Listed(Stage::Whole)),
            Just(Happens::Listed(Stage::Final)), Just(Happens::Reconciled), Just(Happens::Settled),
        ], 100i64..25_000, 1u8..8), 0..9),
        actual in proptest::array::uniform3(0i64..25_000),
        settled_last in any::<bool>(),
    ) {
        let mut now = CivilDay::parse("2026-11-10").expect("a day").at_minute(600);
        let (mut office, provider, cards) = school(now);
        let mut paid = 0;
        let mut settle = |office: &mut Office, now: UtcMs| {
            office.reconcile(now).expect("reconciled");
            let settlement = office.settle("Anna Adler", "Berta Busch", CivilDay::of(now).plus(4), now).expect("settled");
            paid += settlement.payments.iter().map(|payment| payment.cents.get()).sum::<i64>();
        };
        let sylt = |stage, rows: &str, now| entered(provider, ("sylt", "sylt"), stage, rows, now);
        for (what, cents, who) in steps {
            now = now.plus_ms(3_600_000);
            match what {
                Happens::Listed(stage) => {
                    let row = |place: usize| format!("{};{}\n", cards[place], Cents::new(cents + place as i64).decimal());
                    let rows: String = (0..3).filter(|place| who >> place & 1 == 1).map(row).collect();
                    take(&mut office, &sylt(stage, &rows, now), now);
                }
                Happens::Reconciled => drop(office.reconcile(now).expect("reconciled")),
                Happens::Settled => settle(&mut office, now),
            }
        }
        let rows: String = (0..3).map(|place| format!("{};{}\n", cards[place], Cents::new(actual[place]).decimal())).collect();
        now = now.plus_ms(3_600_000);
        take(&mut office, &sylt(Stage::Final, &rows, now), now);
        if settled_last {
            settle(&mut office, now);
        }
        let due: Vec<i64> = (0..3).map(|place| actual[place].min(GRANTED[place])).collect();
        prop_assert_eq!(recognised(&office, provider), due.clone());
        // What was paid too much is made up for by a later claim: in the end exactly what is due has left the office.
        now = now.plus_ms(3_600_000);
        let norderney = ServiceTerms::parse("norderney:class_trip:Klassenfahrt Norderney:free::norderney", CivilDay::of(now)).expect("a service");
        office.agree(provider, &norderney, now).expect("agreed");
        take(&mut office, &entered(provider, ("norderney", "norderney"), Stage::Whole, &format!("{};1000\n", cards[0]), now), now);
        settle(&mut office, now);
        prop_assert_eq!(paid, due.iter().sum::<i64>() + 100_000);
        let settled: i64 = office.db().query_row("SELECT sum(settled) FROM (SELECT settled FROM line UNION ALL SELECT settled FROM cancellation) AS s", [], |row| row.get(0)).expect("a sum");
        prop_assert_eq!(settled, paid);
        prop_assert!(office.verify_audit().expect("read").is_ok());
    }
}

#[test]
fn every_list_is_logged_and_its_batch_is_proven_like_any_other() {
    let now = CivilDay::parse("2026-11-10").expect("a day").at_minute(600);
    let (mut office, provider, cards) = school(now);
    for (stage, cents) in [(Stage::Deposit, "50"), (Stage::Balance, "30"), (Stage::Final, "60")] {
        take(&mut office, &entered(provider, ("sylt", "sylt"), stage, &format!("{};{cents}\n", cards[0]), now), now);
    }
    let logged = |action: &str, object: &str| -> i64 {
        let sql = "SELECT count(*) FROM audit WHERE action = ?1 AND object LIKE ?2 || '/%'";
        office.db().query_row(sql, [action, object], |row| row.get(0)).expect("a count")
    };
    assert_eq!((logged("claim", "provider"), logged("claim", "child"), logged("look", "child")), (3, 3, 3));
    let mut statement =
        office.db().prepare("SELECT b.bytes, t.key FROM batch b JOIN terminal t ON t.id = b.terminal ORDER BY b.id").expect("a query");
    let batches = statement.query_map([], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, [u8; 32]>(1)?))).expect("rows");
    let mut next = 1;
    for (bytes, key) in batches.map(|row| row.expect("a batch")) {
        let key = teilhabe::words::keys::PublicKey::from_bytes(&key).expect("a key");
        let batch = teilhabe::intake::open::open(&bytes, &key).expect("signed, whole, chained");
        assert_eq!(batch.batch().draft().before.seq + 1, next, "one batch continues the other");
        next = batch.batch().draft().after().seq + 1;
    }
    assert_eq!(next, 6, "opened, deposit, balance, its cancellation, the lower one");
}

/// Serves a town with a school and a list that waits, for looking at by hand.
#[tokio::test]
#[ignore = "serves until it is ended"]
async fn serve_a_school() {
    let now = door::now();
    let (mut office, provider, cards) = school(now);
    take(&mut office, &entered(provider, ("sylt", "sylt"), Stage::Deposit, &format!("{};50\n{};50\n", cards[0], cards[1]), now), now);
    println!("{}", cards.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8180").await.expect("a listener");
    teilhabe::shell::web::office::serve_on(listener, office, "key".into(), Vec::new()).await.expect("served");
}
