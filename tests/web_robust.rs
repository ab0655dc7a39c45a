//! What goes wrong under an open page: a restart, a full disk, a wrong clock, an end in the middle of work. Nothing is lost or doubled.
#![cfg(feature = "terminal")]

mod house;
mod town;

use house::{House, card, town_of_today};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use teilhabe::shell::door::now;
use teilhabe::shell::store::terminal::TerminalStore;
use teilhabe::shell::web::terminal::writer::Writer;
use teilhabe::terminal::Terminal;
use teilhabe::terminal::held::HoldRequest;
use teilhabe::words::chance::Chance;
use teilhabe::words::reason::Reason;
use town::*;

/// A page of the box: it opens `/` and keeps the session.
fn page(house: &House) -> house::Client {
    let mut page = house.at_box();
    let opened = page.get("/");
    assert_eq!(opened.status, 200);
    page.keep(&opened);
    page
}

async fn ended(house: House) -> PaperOffice {
    house.app.close();
    tokio::time::timeout(Duration::from_secs(15), house.serving).await.expect("it ends in time").expect("no fault");
    drop(house.app);
    tokio::task::block_in_place(|| house.writing.join()).expect("the terminal is closed");
    house.office
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_under_an_open_page_loses_and_doubles_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let house = House::open(dir.path()).await;
    let meal = json!({"code": card(&house.office, 1), "service": "lunch", "ask": "one"});
    let (mut open, tablet) = tokio::task::block_in_place(|| (page(&house), house.paired("Tablet 1")));
    let first = tokio::task::block_in_place(|| open.post("/api/v1/redemptions", &meal));
    assert_eq!(first.status, 201, "{first:?}");
    let before = house.tablet();
    let office = ended(house).await;
    let terminal = Terminal::open(TerminalStore::open(&dir.path().join("terminal.db")).expect("there"), keys(50), now()).expect("ours");
    let house = House::serve(dir.path(), terminal, Chance::seeded(8), office).await;
    tokio::task::block_in_place(|| {
        open.base = house.at_box().base;
        assert_eq!(open.post("/api/v1/redemptions", &meal).status, 401, "sessions end with the process");
        let begun = open.post("/api/v1/session", &json!({}));
        assert_eq!(begun.status, 201);
        open.keep(&begun);
        let again = open.post("/api/v1/redemptions", &meal);
        assert_eq!((again.status, &again.body), (201, &first.body), "the same ask gets the same answer");
        assert_eq!(open.get("/api/v1/days/today").body["count"], json!(1));
        // The tablet is still paired, and the box still shows the certificate it knows.
        let mut tablet = house::Client { agent: before.agent.clone(), base: house.tablet().base, ..tablet };
        assert_eq!(tablet.get("/api/v1/status").status, 401);
        let begun = tablet.post("/api/v1/session", &json!({}));
        assert_eq!(begun.status, 201, "{begun:?}");
        tablet.keep(&begun);
        assert_eq!(tablet.get("/api/v1/status").status, 200);
    });
}

static DISK_FULL: AtomicBool = AtomicBool::new(false);

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_then_work_goes_on() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut town = town_of_today(TerminalStore::open(&dir.path().join("terminal.db")).expect("a database"));
    town.terminal.store().connection().commit_hook(Some(|| DISK_FULL.load(Ordering::SeqCst))).expect("a hook");
    let house = House::serve(dir.path(), town.terminal, town.chance, town.office).await;
    tokio::task::block_in_place(|| {
        let (open, tablet) = (page(&house), house.paired("Tablet 1"));
        let meal = json!({"code": card(&house.office, 1), "service": "lunch", "ask": "one"});
        DISK_FULL.store(true, Ordering::SeqCst);
        for client in [&open, &tablet] {
            let failed = client.post("/api/v1/redemptions", &meal);
            assert_eq!((failed.status, &failed.body["reason"]), (503, &json!("storage_failed")));
        }
        assert_eq!(tablet.post("/api/v1/held", &json!({"service": "lunch", "alias": "Blau"})).status, 503);
        assert_eq!(open.get("/api/v1/days/today").body["count"], json!(0), "what failed is not there");
        let offered = house.program().post("/api/v1/devices/code", &json!({})).body["code"].clone();
        let pairing = json!({"code": offered, "name": "Tablet 2"});
        assert_eq!(house.tablet().post("/api/v1/pairing", &pairing).status, 503);
        DISK_FULL.store(false, Ordering::SeqCst);
        assert_eq!(house.tablet().post("/api/v1/pairing", &pairing).status, 201, "the code was not used up");
        assert_eq!(tablet.post("/api/v1/redemptions", &meal).status, 201);
        assert_eq!(open.post("/api/v1/redemptions", &meal).status, 201, "the same ask");
        let day = open.get("/api/v1/days/today").body;
        assert_eq!((&day["count"], &day["cents"], day["held"].as_array().map(Vec::len)), (&json!(1), &json!(450), Some(0)));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_in_the_middle_of_work_keeps_all_that_was_answered() {
    let dir = tempfile::tempdir().expect("a folder");
    let house = House::open(dir.path()).await;
    let tablet = tokio::task::block_in_place(|| house.paired("Tablet 1"));
    let program = house.program();
    let working: Vec<_> = (0..8u8)
        .map(|counter| {
            let client = if counter % 2 == 0 { tablet.clone() } else { program.clone() };
            let meals: Vec<_> = (0..25).map(|meal| json!({"code": card(&house.office, counter * 25 + meal), "service": "lunch"})).collect();
            std::thread::spawn(move || {
                let mut answered = Vec::new();
                for meal in &meals {
                    // Once the server has ended nobody answers any more.
                    let sent = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| client.post("/api/v1/redemptions", meal)));
                    let Ok(answer) = sent else { break };
                    assert_eq!(answer.status, 201, "{answer:?}");
                    answered.push(answer.body["seq"].as_u64().expect("a number"));
                }
                answered
            })
        })
        .collect();
    // In the middle: some meals are recorded, some are not.
    while tokio::task::block_in_place(|| house.program().get("/api/v1/days/today").body["count"].as_u64()).unwrap_or_default() < 20 {}
    ended(house).await;
    let mut answered: Vec<u64> = working.into_iter().flat_map(|thread| thread.join().expect("no fault")).collect();
    answered.sort_unstable();
    assert!(answered.len() >= 20 && answered.len() < 200, "{} were answered", answered.len());
    let mut store = TerminalStore::open(&dir.path().join("terminal.db")).expect("whole");
    let kept: Vec<u64> = answered.iter().copied().filter(|seq| store.read(|tx| tx.indexed_redemption(*seq)).expect("read").is_some()).collect();
    assert_eq!(kept, answered);
    let recorded = store.read(|tx| tx.indexed_redemptions()).expect("counted");
    assert!(recorded >= answered.len() as u64 && recorded <= answered.len() as u64 + 8, "at most the one each client waited for: {recorded}");
}

#[test]
fn a_clock_set_back_a_day_serves_on_and_recovers() {
    let mut town = Town::new();
    let token = town.office.token(1, allowances());
    assert_eq!(verdict(&town.redeem(&request(&token, "lunch"), noon())), "accepted");
    let yesterday = at("2026-11-22T11:00:00Z");
    let teilhabe::terminal::counter::Answer::Refused(refused) = town.redeem(&request(&token, "lunch"), yesterday) else {
        panic!("a clock that runs back is not believed")
    };
    assert_eq!((refused.reason, refused.can_be_held), (Reason::ClockSuspect, true));
    let hold = HoldRequest {
        ask: None,
        code: None,
        alias: Some("Blau".into()),
        service: code("lunch"),
        day: None,
        cents: None,
        person: None,
        why: Reason::ClockSuspect,
    };
    town.terminal.hold(&hold, &mut town.chance, yesterday).expect("the plate does not wait");
    // An exchange proves that the clock is wrong: it stays so.
    let outbound = town.terminal.outbound(&town.office.id.clone(), &mut town.chance, yesterday).expect("sealed");
    let recipient = town.terminal.recipient();
    let inbound = town.office.exchange(&outbound, &recipient, noon().plus_ms(1000));
    town.terminal.take_inbound(&inbound, &mut town.chance, yesterday).expect("taken in");
    assert_eq!(verdict(&town.redeem(&request(&token, "lunch"), yesterday)), "clock_suspect");
    // Somebody sets it right, and the next exchange finds it so.
    let later = noon().plus_ms(60_000);
    town.exchange(later);
    let second = town.office.token(2, allowances());
    assert_eq!(verdict(&town.redeem(&request(&second, "lunch"), later)), "accepted");
    assert_eq!(verdict(&town.redeem(&request(&token, "lunch"), later)), "already_redeemed", "nothing was forgotten");
    assert_eq!(town.terminal.open_held().expect("read").len(), 1);
}

#[test]
fn a_clock_that_was_ahead_and_is_set_back_recovers_with_an_exchange() {
    let mut town = Town::new();
    let tomorrow = noon().plus_days(1);
    let token = town.office.token(1, allowances());
    assert_eq!(verdict(&town.redeem(&request(&token, "lunch"), tomorrow)), "accepted", "nobody could know");
    let second = town.office.token(2, allowances());
    assert_eq!(verdict(&town.redeem(&request(&second, "lunch"), noon())), "clock_suspect", "set right, but nobody says so");
    town.exchange(noon().plus_ms(1000));
    assert_eq!(verdict(&town.redeem(&request(&second, "lunch"), noon().plus_ms(2000))), "accepted");
}

#[tokio::test]
async fn the_device_named_is_the_one_that_asks() {
    let town = town_of_today(TerminalStore::open_in_memory().expect("a database"));
    let (own, _) = Writer::start(town.terminal, town.chance);
    let tablet = own.at(Some("Tablet 1".into()));
    let till = |writer: &Writer, number: u8| {
        let (writer, request) = (writer.clone(), request(&card(&town.office, number), "lunch"));
        async move { writer.run(move |terminal, chance| terminal.redeem(&request, chance, now())).await.expect("done").expect("an answer") }
    };
    assert_eq!(verdict(&till(&tablet, 1).await), "accepted");
    assert_eq!(verdict(&till(&own, 2).await), "accepted");
    let named = |answer| match answer {
        teilhabe::terminal::counter::Answer::Refused(refused) => refused.till,
        teilhabe::terminal::counter::Answer::Accepted(_) => panic!("it was recorded before"),
    };
    assert_eq!(named(till(&own, 1).await).as_deref(), Some("Tablet 1"));
    assert_eq!(named(till(&tablet, 2).await), None, "the box itself has no name");
    let set = own.run(|terminal, _| terminal.set(teilhabe::terminal::settings::Setting::Name, Some("Ausgabe 1"))).await;
    set.expect("done").expect("set");
    assert_eq!(verdict(&till(&own, 3).await), "accepted");
    assert_eq!(named(till(&tablet, 3).await).as_deref(), Some("Ausgabe 1"));
}
