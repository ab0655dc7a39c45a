//! Cards that end soon, over HTTP: whose, in which order, and the slip for home that tells nobody what it is about.
#![cfg(feature = "terminal")]

mod box_of_today;
mod town;

use box_of_today::*;
use teilhabe::admit::scan::code_text;
use teilhabe::admit::status::Status;
use teilhabe::words::civil::CivilDay;
use teilhabe::words::ids::{Handle, TokenId};
use town::*;

/// Shows the box a card of the child `number` whose last day is `days` after today.
fn show_card(town: &mut Town, number: u8, id: u8, days: i64) {
    let today = CivilDay::of(now());
    let last = CivilDay::from_days(u64::try_from(i64::from(today.days()) + days).expect("a day")).expect("a day");
    let mut token = town.office.plain_token(Handle([number; 8]), TokenId([id; 16]), u64::from(id), allowances());
    (token.not_before, token.expires) = (today.minus(60).midnight(), last.plus(1).midnight());
    token.issued = today.minus(59).midnight();
    let code = code_text(&token.seal(&town.office.key));
    let eaten = teilhabe::terminal::counter::Request { day: Some(today.minus(40)), ..request(&code, "lunch") };
    assert_eq!(verdict(&town.redeem(&eaten, now())), "accepted", "child {number}, card {id}");
}

#[tokio::test]
async fn who_needs_a_new_card_is_listed_in_time_and_who_has_one_is_not() {
    let mut town = town_of(now());
    for (child, days) in [(1, 30), (2, 14), (3, 3), (4, 0), (5, -1), (6, -30), (7, 31), (8, -31), (9, 2), (10, 5)] {
        show_card(&mut town, child, child, days);
    }
    let follows = teilhabe::terminal::counter::Request { day: Some(CivilDay::of(now()).minus(39)), ..Default::default() };
    let mut token = town.office.plain_token(Handle([9; 8]), TokenId([109; 16]), 109, allowances());
    (token.not_before, token.expires) = (CivilDay::of(now()).minus(60).midnight(), CivilDay::of(now()).plus(200).midnight());
    token.issued = CivilDay::of(now()).minus(1).midnight();
    let followed = teilhabe::terminal::counter::Request { code: code_text(&token.seal(&town.office.key)), service: Some(code("lunch")), ..follows };
    assert_eq!(verdict(&town.redeem(&followed, now())), "accepted");
    town.office.stop(now(), &[(10, Status::Revoked)]);
    town.exchange(now());
    town.terminal
        .store()
        .connection()
        .execute("INSERT INTO person(name, office, handle, added_at) VALUES ('Mia <Muster>', 1, ?1, 0)", [[3u8; 8].as_slice()])
        .expect("a person");
    let web = serve(town);
    let html = web.page("/expiring?lang=de").await;
    let order: Vec<usize> = ["K06", "K05", "K04", "Mia &#60;Muster&#62;", "K02", "K01"]
        .iter()
        .map(|who| html.find(who).unwrap_or_else(|| panic!("{who}: {html}")))
        .collect();
    assert!(order.is_sorted(), "the first to end before the others: {order:?}");
    for absent in ["K07", "K08", "K09", "K10"] {
        assert!(!html.contains(absent), "{absent}: {html}");
    }
    let day = web.page("/day?lang=de").await;
    assert!(day.contains("href=\"/expiring\"") && day.contains("30 Tagen enden: 4"), "{day}");
    assert!(!web.page(&format!("/day?lang=de&date={}", CivilDay::of(now()).minus(2))).await.contains("href=\"/expiring\""), "today only");
}

#[tokio::test]
async fn a_slip_asks_for_the_new_card_and_says_nothing_else() {
    let mut town = town_of(now());
    show_card(&mut town, 1, 1, 5);
    show_card(&mut town, 2, 2, 20);
    show_card(&mut town, 3, 3, -2);
    let web = serve(town);
    let last = CivilDay::of(now()).plus(5);
    let all = web.page("/expiring/slip?lang=de").await;
    assert_eq!(all.matches("class=\"slip\"").count(), 3, "{all}");
    let some = web.page("/expiring/slip?group=14&lang=de").await;
    assert_eq!(some.matches("class=\"slip\"").count(), 1);
    let main = some.split("<main").nth(1).and_then(|rest| rest.split("</main>").next()).expect("the page");
    assert!(main.contains(&last.german()) && main.contains("lang=\"en\"") && main.contains("neue Karte") && main.contains("new card"), "{main}");
    for telling in
        ["BuT", "Bildung", "Teilhabe", "benefit", "Leistung", "bewillig", "Antrag", "Amt", "Jobcenter", "Sozial", "social", "free", "kostenlos", "€"]
    {
        assert!(!main.contains(telling), "{telling}: {main}");
    }
    let list = web.page("/expiring?lang=de").await;
    let number = list.split("slip?card=").nth(1).and_then(|rest| rest.split('"').next()).expect("a link to one slip");
    assert_eq!(web.page(&format!("/expiring/slip?card={number}")).await.matches("class=\"slip\"").count(), 1);
    for none in ["card=000000000000", "card=x", "group=99"] {
        assert!(web.page(&format!("/expiring/slip?{none}&lang=de")).await.contains("Dafür gibt es keinen Zettel"), "{none}");
    }
}

#[tokio::test]
async fn cards_kept_by_an_earlier_version_are_opened_a_few_at_a_time() {
    let mut town = town_of(now());
    show_card(&mut town, 1, 1, 5);
    show_card(&mut town, 2, 2, 6);
    let connection = town.terminal.store().connection();
    connection.execute("UPDATE token SET last_day = NULL, place = NULL", []).expect("as before");
    connection.execute("UPDATE token SET bytes = x'00' WHERE handle = ?1", [[2u8; 8].as_slice()]).expect("damaged");
    let found = town.terminal.expiring(now()).expect("readable");
    assert_eq!(found.iter().map(|e| (e.card.hint.as_deref(), e.days)).collect::<Vec<_>>(), [(Some("K01"), 5)], "a damaged card stops nobody");
    assert!(town.terminal.store().read(|tx| tx.cards_without_end(9)).expect("readable").is_empty(), "and is not tried again");
}

#[test]
fn two_thousand_cards_take_no_time_worth_speaking_of() {
    let mut town = town_of(now());
    show_card(&mut town, 1, 1, 5);
    let last = CivilDay::of(now()).plus(9).days();
    let connection = town.terminal.store().connection();
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
        INSERT INTO token(number, bytes, office, handle, issued, hint, last_day, place)
        SELECT i, x'00', 1, randomblob(8), 0, 'K' || i, ?1, i FROM n";
    connection.execute(many, [last]).expect("two thousand");
    let begun = std::time::Instant::now();
    assert_eq!(town.terminal.expiring(now()).expect("readable").len(), 2001);
    let took = begun.elapsed();
    println!("2,001 cards: {took:?}");
    assert!(took.as_millis() < 1000, "{took:?}");
}
