//! Several tills, one kitchen, over real sockets: within a second, cut off and healed, wrong addresses, a flood.
#![cfg(feature = "terminal")]

mod kitchen;
mod town;

use kitchen::{Till, till};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use teilhabe::admit::credential::Credential;
use teilhabe::shell::door::now;
use teilhabe::shell::web::terminal::App;
use teilhabe::shell::web::terminal::writer::Writer;
use teilhabe::words::ids::ProviderNumber;
use tokio::net::TcpListener;
use town::PaperOffice;
use zeroize::Zeroizing;

const KEY: &str = "0123456789abcdef";

/// A till that serves its counter and its neighbours on real sockets.
struct Served {
    app: App,
    counter: SocketAddr,
    near: SocketAddr,
    stop: tokio::task::JoinHandle<()>,
}

async fn serve(till: Till, neighbours: Vec<String>) -> Served {
    let (writer, _thread) = Writer::start(till.terminal, till.chance);
    let port = || async { TcpListener::bind("127.0.0.1:0").await.expect("a port") };
    let (own, near) = (port().await, port().await);
    let (counter, near_at) = (own.local_addr().expect("bound"), near.local_addr().expect("bound"));
    let app = App::new(writer, counter, &[], Zeroizing::new(KEY.into()));
    let stop = tokio::spawn(app.clone().serve_neighbours(near));
    tokio::spawn({
        let app = app.clone();
        async move { app.serve(own, None).await.expect("served") }
    });
    // The port is known before the first question goes out.
    tokio::task::yield_now().await;
    tokio::spawn(app.clone().keep_neighbours(neighbours));
    Served { app, counter, near: near_at, stop }
}

impl Served {
    fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build());
        let request = ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", self.counter));
        let request = request.header("authorization", format!("Bearer {KEY}")).header("content-type", "application/json");
        let text = if method == "GET" { String::new() } else { body.to_string() };
        let mut response = agent.run(request.body(text).expect("a request")).expect("an answer");
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string().expect("text");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    fn scan(&self, card: &str) -> (Value, Duration) {
        let begun = Instant::now();
        let answer = self.ask("POST", "/api/v1/redemptions", &json!({"code": card, "service": "lunch"})).1;
        (answer, begun.elapsed())
    }

    /// Waits until the card is known to be used, without recording; how long that took.
    fn knows(&self, card: &str) -> Duration {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(60) {
            let answer = self.ask("POST", "/api/v1/checks", &json!({"code": card, "service": "lunch"})).1;
            if answer["reason"] == json!("already_redeemed") {
                return begun.elapsed();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it was never told");
    }
}

/// Listens at an address as soon as nobody else does.
async fn bind(at: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(at).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn office_of_today() -> PaperOffice {
    let mut office = PaperOffice::new("05562032", 1);
    office.trust.issued = now();
    office.status = None;
    office
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_scan_at_the_next_till_is_refused_within_a_second() {
    let office = office_of_today();
    let one = serve(till(&office, 50, now(), |c| c), Vec::new()).await;
    // Only the second one is given an address: the first one learns where it is called from.
    let two = serve(till(&office, 51, now(), |c| c), vec![one.near.to_string()]).await;
    let (first, second) = (office.card_of_today(1), office.card_of_today(2));
    tokio::task::block_in_place(|| {
        let warm = office.card_of_today(9);
        assert_eq!(one.scan(&warm).0["verdict"], json!("accepted"));
        two.knows(&warm);
        assert_eq!(two.scan(&first).0["verdict"], json!("accepted"));
        let took = one.knows(&first);
        assert!(took < Duration::from_secs(1), "{took:?}");
        let refused = one.scan(&first).0;
        assert_eq!((&refused["reason"], &refused["till"]), (&json!("already_redeemed"), &json!("Ausgabe 2")));
        assert!(refused["message"]["de"].as_str().is_some_and(|text| text.contains(" Uhr an Ausgabe 2 schon erfasst")), "{refused}");
        // The other way round, though only one of them was given an address.
        let begun = Instant::now();
        while one.ask("GET", "/api/v1/neighbours", &json!({})).1["neighbours"][0]["addresses"].as_array().is_none_or(Vec::is_empty) {
            assert!(begun.elapsed() < Duration::from_secs(20), "the address was never learnt");
            std::thread::sleep(Duration::from_millis(50));
        }
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(one.scan(&second).0["verdict"], json!("accepted"));
        let took = two.knows(&second);
        assert!(took < Duration::from_secs(1), "{took:?}");
        let listed = two.ask("GET", "/api/v1/neighbours", &json!({})).1;
        assert_eq!((&listed["neighbours"][0]["name"], &listed["neighbours"][0]["connected"]), (&json!("Ausgabe 1"), &json!(true)), "{listed}");
    });
    one.app.close();
    two.app.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_link_slows_nobody_and_heals_by_itself() {
    let office = office_of_today();
    let mut one = serve(till(&office, 50, now(), |c| c), Vec::new()).await;
    let mut two = serve(till(&office, 51, now(), |c| c), vec![one.near.to_string()]).await;
    let cards: Vec<String> = (1..=20).map(|number| office.card_of_today(number)).collect();
    tokio::task::block_in_place(|| {
        assert_eq!(one.scan(&cards[0]).0["verdict"], json!("accepted"));
        two.knows(&cards[0]);
    });
    // The cut: neither listens any more; what is at their addresses never answers.
    let mut silent = Vec::new();
    for till in [&mut one, &mut two] {
        till.stop.abort();
        let _ = (&mut till.stop).await;
        silent.push(bind(till.near).await);
    }
    let slowest = tokio::task::block_in_place(|| {
        let answers: Vec<(Value, Duration)> = cards[1..].iter().map(|card| two.scan(card)).collect();
        assert!(answers.iter().all(|(answer, _)| answer["verdict"] == json!("accepted")));
        std::thread::sleep(Duration::from_millis(1500));
        assert_eq!(one.scan(&cards[1]).0["verdict"], json!("accepted"), "alone, the first one is green too");
        answers.into_iter().map(|(_, took)| took).max().unwrap_or_default()
    });
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    // It heals.
    drop(silent);
    for till in [&one, &two] {
        tokio::spawn(till.app.clone().serve_neighbours(bind(till.near).await));
    }
    tokio::task::block_in_place(|| {
        for card in &cards {
            one.knows(card);
        }
        let begun = Instant::now();
        for till in [&one, &two] {
            while till.ask("GET", "/api/v1/neighbours", &json!({})).1["doubled"].as_array().map(Vec::len) != Some(1) {
                assert!(begun.elapsed() < Duration::from_secs(40), "both learn of the double");
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    });
    one.app.close();
    two.app.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_address_gets_one_sentence_and_a_flood_does_no_harm() {
    let office = office_of_today();
    let one = serve(till(&office, 50, now(), |c| c), Vec::new()).await;
    let foreign = serve(till(&office, 51, now(), |c| Credential { provider: ProviderNumber(99), ..c }), Vec::new()).await;
    let far = serve(till(&PaperOffice { id: office.id.clone(), ..PaperOffice::new("05562099", 5) }, 52, now(), |c| c), Vec::new()).await;
    tokio::task::block_in_place(|| {
        let add = |address: &str| one.ask("POST", "/api/v1/neighbours", &json!({"address": address}));
        let said = |address: &str, status: u16, word: &str| {
            let (got, body) = add(address);
            let sentence = body["message"]["de"].as_str().unwrap_or_default().to_owned();
            assert!(got == status && sentence.contains(word), "{address}: {got} {body}");
        };
        said("nowhere", 422, "ist keine Adresse");
        said("127.0.0.1:1", 502, "antwortet niemand");
        said(&one.counter.to_string(), 502, "etwas anderes als ein Lesegerät");
        said(&one.near.to_string(), 409, "dieses Lesegeräts selbst");
        said(&foreign.near.to_string(), 409, "einem anderen Anbieter");
        said(&far.near.to_string(), 409, "anderen Amt");
        let listed = one.ask("GET", "/api/v1/neighbours", &json!({})).1;
        assert_eq!((listed["neighbours"].as_array().map(Vec::len), listed["unmet"].as_array().map(Vec::len)), (Some(0), Some(0)));
        // A flood of rubbish: held back, and the counter answers.
        let url = format!("http://{}/neighbour", one.near);
        let agent = ureq::Agent::new_with_config(ureq::Agent::config_builder().http_status_as_error(false).build());
        let mut held_back = 0;
        for _ in 0..300 {
            let status = agent.post(&url).send(&[7u8; 1000][..]).expect("an answer").status().as_u16();
            assert!(status == 403 || status == 429, "{status}");
            held_back += usize::from(status == 429);
        }
        assert!(held_back > 100, "{held_back} of 300");
        let large = agent.post(&url).send(&vec![7u8; 2_000_000][..]).map_or(413, |answer| answer.status().as_u16());
        assert!(large == 413 || large == 429, "{large}");
        let (answer, took) = one.scan(&office.card_of_today(1));
        assert!(answer["verdict"] == json!("accepted") && took < Duration::from_secs(1), "{answer} {took:?}");
    });
    for app in [one.app, foreign.app, far.app] {
        app.close();
    }
}
