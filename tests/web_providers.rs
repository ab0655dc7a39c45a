//! Providers, calendars and waiting batches through the pages, as clerks meet them.

mod office_browser;
mod office_town;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use office_browser::{Browser, HOST, send};
use office_town::{CANTEEN, Counter, empty, lived_in, request};
use teilhabe::office::{NewProvider, ServiceTerms};
use teilhabe::shell::door;
use teilhabe::shell::sheet::children;
use teilhabe::words::civil::CivilDay;

async fn clerks() -> (Browser, Browser) {
    let (office, _) = lived_in(door::now());
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let berta = anna.another().signed_in("Berta Busch").await;
    (anna, berta)
}

fn new_provider<'f>(name: &'f str, iban: &'f str) -> Vec<(&'f str, &'f str)> {
    let rest = [("kind", "kita"), ("contact", "Frau Weber"), ("benefit", "lunch"), ("label", "Mittagessen"), ("code", "essen")];
    let mut fields = vec![("name", name), ("iban", iban)];
    fields.extend(rest);
    fields.extend([("pricing", "unit"), ("euros", "4,20"), ("from", "2026-08-01")]);
    fields
}

#[tokio::test]
async fn a_provider_is_entered_found_and_shown_as_text_whatever_its_name() {
    let (anna, _) = clerks().await;
    let name = "Kita '); DROP TABLE provider;-- <script>alert(1)</script>";
    assert_eq!(anna.get("/providers/new").await.status, StatusCode::OK);
    let wrong = anna.post("/providers", &new_provider(name, "DE89370400440532013001")).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text.contains("Diese IBAN stimmt nicht"), "{}", wrong.text);
    let unnameable = anna.post("/providers", &new_provider("Кухня", "DE89370400440532013000")).await;
    assert_eq!(unnameable.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unnameable.text.contains("mit lateinischen Buchstaben"), "{}", unnameable.text);
    let added = anna.post("/providers", &new_provider(name, "DE89 3704 0044 0532 0130 00")).await;
    assert_eq!(added.location(), "/providers/104?done=provider_added", "{}", added.text);
    let page = anna.get("/providers/104").await.text;
    assert!(page.contains("Kita &#39;); DROP TABLE") && !page.contains("<script>alert"), "{page}");
    assert!(page.contains("4,20") && page.contains("Frau Weber") && page.contains("DE89 3704"), "{page}");
    let list = anna.get("/providers?q=drop").await.text;
    assert!(list.contains("/providers/104") && !list.contains("/providers/101") && !list.contains("<script>alert"), "{list}");
    assert!(anna.get("/providers?q=101").await.text.contains("Mensa am Wall"), "by number too");
    assert!(anna.get("/providers?kind=kita").await.text.contains("/providers/104"));
    assert!(anna.get("/providers?q=%25").await.text.contains("Keiner passt"), "a per cent sign is itself");
    assert_eq!(anna.get("/providers/999").await.status, StatusCode::NOT_FOUND);
    assert_eq!(anna.get("/providers/x").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_new_provider_is_paid_only_when_a_second_person_has_confirmed_its_account() {
    let (anna, berta) = clerks().await;
    let (first, other) = ("DE89370400440532013000", "DE12500105170648489890");
    anna.post("/providers", &new_provider("Kita Ost", first)).await;
    let page = anna.get("/providers/104").await.text;
    assert!(page.contains("noch keines bestätigt") && page.contains("das erste Konto dieses Anbieters"), "{page}");
    let own = anna.post("/providers/104/iban/confirm", &[("iban", first), ("choice", "confirm")]).await;
    assert_eq!(own.status, StatusCode::FORBIDDEN);
    assert_eq!(
        berta.post("/providers/104/iban/confirm", &[("iban", first), ("choice", "drop")]).await.location(),
        "/providers/104?done=iban_dropped"
    );
    let page = anna.get("/providers/104").await.text;
    assert!(page.contains("Noch kein Konto ist bestätigt"), "{page}");
    assert_eq!(anna.post("/providers/104/iban", &[("iban", first)]).await.location(), "/providers/104?done=iban_entered", "the same one again");
    assert_eq!(anna.post("/providers/104/iban", &[("iban", other)]).await.location(), "/providers/104?done=iban_entered");
    let confirmed = berta.post("/providers/104/iban/confirm", &[("iban", other), ("choice", "confirm")]).await;
    assert_eq!(confirmed.location(), "/providers/104?done=iban_confirmed");
    let page = anna.get("/providers/104").await.text;
    assert!(page.contains("<dt>Konto</dt><dd>DE12 5001") && !page.contains("noch keines bestätigt"), "{page}");
}

#[tokio::test]
async fn another_account_is_paid_to_only_when_a_second_person_has_confirmed_it() {
    let (anna, berta) = clerks().await;
    let new = "DE89370400440532013000";
    assert_eq!(anna.post("/providers/101/iban", &[("iban", new)]).await.location(), "/providers/101?done=iban_entered");
    let page = anna.get("/providers/101").await.text;
    assert!(page.contains("wartet auf Bestätigung") && page.contains("Sie haben es selbst eingetragen"), "{page}");
    assert!(anna.get("/providers").await.text.contains("Konto bestätigen"));
    let own = anna.post("/providers/101/iban/confirm", &[("iban", new), ("choice", "confirm")]).await;
    assert_eq!(own.status, StatusCode::FORBIDDEN);
    let other = berta.post("/providers/101/iban/confirm", &[("iban", "DE12500105170648489890"), ("choice", "confirm")]).await;
    assert_eq!(other.status, StatusCode::CONFLICT, "not what she saw");
    let pays_to = async |browser: &Browser| browser.get("/providers/101").await.text.contains("<dt>Konto</dt><dd>DE89 3704");
    assert!(!pays_to(&berta).await);
    assert_eq!(
        berta.post("/providers/101/iban/confirm", &[("iban", new), ("choice", "confirm")]).await.location(),
        "/providers/101?done=iban_confirmed"
    );
    assert!(pays_to(&berta).await);
    assert_eq!(berta.post("/providers/101/iban/confirm", &[("iban", new), ("choice", "confirm")]).await.status, StatusCode::CONFLICT, "once");
    let same = anna.post("/providers/101/iban", &[("iban", new)]).await;
    assert!(same.text.contains("Das ist das Konto, auf das schon gezahlt wird"), "{}", same.text);
}

#[tokio::test]
async fn a_new_price_and_an_end_are_dated_and_decide_open_lines_anew() {
    let (anna, _) = clerks().await;
    anna.post("/reconcile", &[]).await;
    let today = CivilDay::of(door::now());
    let from = today.minus(40).to_string();
    let price = anna.post("/providers/101/prices", &[("code", "lunch"), ("euros", "4,00"), ("from", &from)]).await;
    assert_eq!(price.location(), "/providers/101?done=priced", "{}", price.text);
    assert!(anna.get("/providers/101").await.text.contains("4,00"));
    assert_eq!(
        anna.post("/providers/101/prices", &[("code", "lunch"), ("euros", "viel"), ("from", &from)]).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(anna.post("/providers/101/prices", &[("code", "nichts"), ("euros", "4,00"), ("from", &from)]).await.status, StatusCode::NOT_FOUND);
    let sums = async || {
        let batches = anna.get("/api/v1/batches").await.json();
        let of_it = batches["batches"].as_array().expect("batches").iter().filter(|batch| batch["provider"] == 101);
        let sum = |name: &str, batches: &[&serde_json::Value]| batches.iter().filter_map(|batch| batch[name].as_i64()).sum::<i64>();
        let of_it: Vec<_> = of_it.collect();
        (sum("claimed", &of_it), sum("decided", &of_it))
    };
    let (claimed, before) = sums().await;
    assert_eq!((claimed % 450, before), (0, claimed), "all as claimed");
    anna.post("/reconcile", &[]).await;
    assert_eq!(sums().await.1, claimed / 450 * 400, "every open line at the new price");
    let until = today.minus(30).to_string();
    assert_eq!(anna.post("/providers/102/end", &[("code", "judo"), ("until", &until)]).await.location(), "/providers/102?done=ended");
    assert!(anna.get("/providers/102").await.text.contains("beendet"));
    let taken = [("code", "lunch"), ("benefit", "participation"), ("label", "Judo"), ("euros", "20"), ("from", from.as_str())];
    let taken = anna.post("/providers/101/services", &taken).await;
    assert!(taken.text.contains("schon vergeben"), "{}", taken.text);
}

#[tokio::test]
async fn days_are_entered_by_hand_and_from_a_file_that_is_seen_before_it_is_taken() {
    let (anna, _) = clerks().await;
    let page = anna.get("/calendar").await.text;
    assert!(page.contains("Nordrhein-Westfalen") && page.contains("26.12."), "{page}");
    let row = [("whom", "school"), ("from", "2026-12-21"), ("to", "2027-01-06"), ("open", "no"), ("name", "Weihnachtsferien")];
    assert_eq!(anna.post("/calendar", &row).await.location(), "/calendar?done=days_changed");
    assert!(anna.get("/calendar").await.text.contains("21.12.2026 bis 06.01.2027"));
    let backwards = [("whom", "school"), ("from", "2027-01-06"), ("to", "2026-12-21"), ("open", "no")];
    assert_eq!(anna.post("/calendar", &backwards).await.status, StatusCode::UNPROCESSABLE_ENTITY);

    let upload = async |text: &str| {
        let body = format!("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"k.csv\"\r\n\r\n{text}\r\n--x--\r\n");
        let request = Request::post("/calendar/preview").header("host", HOST).header("origin", format!("http://{HOST}"));
        let request = request.header("cookie", &anna.cookie).header("content-type", "multipart/form-data; boundary=x");
        send(&anna.app, request.body(Body::from(body)).expect("a request")).await
    };
    let wrong = upload("Anbieter;von;bis;offen\r\nSchule;2027-03-22;2027-04-03;nein\r\n999;2027-03-22;;nein\r\nKita;bald;;nein\r\n").await.text;
    assert!(
        wrong.contains("2 Zeilen stimmen nicht") && wrong.contains("Zeile 3") && wrong.contains("Zeile 4") && !wrong.contains("Übernehmen"),
        "{wrong}"
    );
    let right = upload("Anbieter;von;bis;offen;Standort;Bezeichnung\r\nSchule;2027-03-22;2027-04-03;nein;;Osterferien\r\n").await;
    assert!(right.text.contains("Eine Zeile ist richtig") && right.text.contains("Osterferien"), "{}", right.text);
    let text = right.hidden("text");
    for _ in 0..2 {
        assert_eq!(anna.post("/calendar/take", &[("text", &text)]).await.location(), "/calendar?done=calendar_taken");
    }
    let page = anna.get("/calendar").await;
    assert_eq!(page.text.matches("Osterferien").count(), 1, "the same file twice changes nothing");
    assert_eq!(anna.post("/calendar/remove", &[("id", &page.hidden("id"))]).await.location(), "/calendar?done=days_changed");
    assert!(!anna.get("/calendar").await.text.contains("Osterferien"));
}

#[tokio::test]
async fn a_closed_day_makes_meals_a_question_and_an_opened_one_answers_it() {
    let (anna, _) = clerks().await;
    let today = CivilDay::of(door::now());
    let (from, to) = (today.minus(14).to_string(), today.to_string());
    let closed = [("from", from.as_str()), ("to", to.as_str()), ("open", "no"), ("name", "Umbau")];
    assert_eq!(anna.post("/providers/101/days", &closed).await.location(), "/providers/101?done=days_changed");
    anna.post("/reconcile", &[]).await;
    assert!(anna.get("/findings").await.text.contains("Kein Öffnungstag"));
    let site = [("name", "Nord"), ("kind", "school")];
    assert_eq!(anna.post("/providers/101/sites", &site).await.location(), "/providers/101?done=days_changed");
    let terminal = anna.get("/providers/101").await.hidden("terminal");
    assert_eq!(anna.post("/providers/101/place", &[("terminal", &terminal), ("site", "Nord")]).await.location(), "/providers/101?done=days_changed");
    let open = [("site", "Nord"), ("from", from.as_str()), ("to", to.as_str()), ("open", "yes")];
    assert_eq!(anna.post("/providers/101/days", &open).await.location(), "/providers/101?done=days_changed");
    anna.post("/reconcile", &[]).await;
    assert!(!anna.get("/findings").await.text.contains("Kein Öffnungstag"), "the row of the site counts");
    assert!(anna.get("/providers/101").await.text.contains("Standort Nord"));
}

#[tokio::test]
async fn what_a_retired_terminal_sends_is_decided_once_on_its_page() {
    let now = door::now();
    let mut office = empty(now);
    let services = vec![ServiceTerms::parse("lunch:lunch:Mittagessen:450", CivilDay::of(now)).expect("a service")];
    let new = NewProvider { name: "Mensa".into(), iban: "DE89370400440532013000".into(), services };
    let (number, code) = office.add_provider(&new, now).expect("added");
    let mut counter = Counter::enrol(&mut office, number, "Ausgabe", &code.grouped(), 71, now);
    let month = CivilDay::of(now).month();
    let csv = format!("reference;benefit;from;to;period;measure;amount;detail;hint;home_providers\n1;lunch;{month};{month};day;units;1;;;\n");
    let tokens = office.issue(&children::read(csv.as_bytes()).expect("a table").rows, now).expect("issued");
    counter.redeem(&request(&tokens[0].code, "lunch"), now);
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let berta = anna.another().signed_in("Berta Busch").await;
    let terminal = anna.get("/providers/101").await.hidden("terminal");
    assert_eq!(anna.post("/providers/101/retire", &[("terminal", &terminal)]).await.location(), "/providers/101?done=retired");
    assert!(anna.get("/providers/101").await.text.contains("stillgelegt am"));
    let outbound = counter.outbound(door::now());
    let request = Request::post("/api/v1/exchange").header("host", HOST).header("content-type", "application/octet-stream");
    assert_eq!(send(&anna.app, request.body(Body::from(outbound)).expect("a request")).await.status, StatusCode::OK);
    let list = anna.get("/batches").await.text;
    assert!(list.contains("Eine wartet auf Ihre Entscheidung"), "{list}");
    let place = list.split("<ul class=\"rows\">").nth(1).and_then(|rest| rest.split("href=\"").nth(1)).and_then(|rest| rest.split('"').next());
    let place = place.expect("a link").to_owned();
    let page = anna.get(&place).await;
    assert!(page.text.contains("ist stillgelegt") && page.text.contains("Übernehmen"), "{}", page.text);
    let hash = page.hidden("hash");
    let decision = format!("{place}/decision");
    assert_eq!(anna.post(&decision, &[("hash", &hash)]).await.status, StatusCode::UNPROCESSABLE_ENTITY, "no choice");
    let taken = anna.post(&decision, &[("hash", &hash), ("choice", "take"), ("note", "Anruf <b>bei</b> Weber")]).await;
    assert_eq!(taken.location(), format!("{place}?done=batch_taken"));
    assert_eq!(berta.post(&decision, &[("hash", &hash), ("choice", "reject")]).await.status, StatusCode::CONFLICT, "two clerks, one batch");
    let page = berta.get(&place).await.text;
    assert!(page.contains("Übernommen von Anna Adler") && page.contains("Notiz: Anruf &#60;b&#62;"), "{page}");
    assert!(!berta.get("/batches").await.text.contains("auf Ihre Entscheidung"));
}

#[tokio::test]
async fn the_canteens_name_is_text_on_its_page() {
    let (anna, _) = clerks().await;
    let page = anna.get("/providers/101").await.text;
    assert!(page.contains("Mensa am Wall &#60;b&#62;") && !page.contains(CANTEEN), "{page}");
}

#[tokio::test]
async fn an_unusual_month_is_told_answered_once_and_holds_up_nothing() {
    let now = door::now();
    let today = CivilDay::of(now);
    let saturday = (1..=7).map(|back| today.minus(back)).find(|day| day.is_weekend() && day.plus(1).is_weekend()).expect("a Saturday");
    let noon = saturday.at_minute(720);
    let mut office = empty(saturday.minus(1).at_minute(720));
    let services = vec![ServiceTerms::parse("lunch:lunch:Mittagessen:450", saturday).expect("a service")];
    let new = NewProvider { name: "Mensa <i>Süd</i>".into(), iban: "DE89370400440532013000".into(), services };
    let (number, code) = office.add_provider(&new, noon).expect("added");
    let mut counter = Counter::enrol(&mut office, number, "Ausgabe", &code.grouped(), 71, noon);
    let month = saturday.month();
    let csv = format!("reference;benefit;from;to;period;measure;amount;detail;hint;home_providers\n1;lunch;{month};{month};day;units;1;;;\n");
    let tokens = office.issue(&children::read(csv.as_bytes()).expect("a table").rows, noon).expect("issued");
    counter.redeem(&request(&tokens[0].code, "lunch"), noon);
    counter.exchange(&mut office, noon.plus_ms(3_600_000));
    office.reconcile(now).expect("reconciled");
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    assert!(anna.get("/findings").await.text.contains("/patterns"), "one link leads there");
    let page = anna.get("/patterns").await;
    assert!(page.text.contains("Essen am Wochenende") && page.text.contains("Eines von 1 Essen liegt auf einem Wochenende."), "{}", page.text);
    assert!(page.text.contains("Mensa &#60;i&#62;Süd"), "a name is text: {}", page.text);
    let months = month.months().to_string();
    let number = number.to_string();
    let said = [("provider", number.as_str()), ("month", months.as_str()), ("kind", "weekend"), ("answer", "fine"), ("note", "Schulfest")];
    assert_eq!(anna.post("/patterns", &said[..3]).await.status, StatusCode::UNPROCESSABLE_ENTITY, "no answer");
    assert_eq!(anna.post("/patterns", &said).await.location(), "/patterns?done=pattern_answered");
    assert_eq!(anna.post("/patterns", &said).await.status, StatusCode::CONFLICT, "once");
    let page = anna.get("/patterns").await.text;
    assert!(page.contains("Nichts ist offen") && page.contains("Schulfest") && page.contains("Anna Adler"), "{page}");
    let first = month.first_day().to_string();
    let limits = |meals: &'static str| {
        let names = ["forgotten_percent", "typed_percent", "fewest", "present_days", "present_children", "seconds_apart"];
        names.into_iter().map(|name| (name, "10")).chain([("weekend_meals", meals)]).collect::<Vec<_>>()
    };
    let with = |mut fields: Vec<(&'static str, &'static str)>, from: &str| {
        fields.push(("from", String::leak(from.to_owned())));
        fields
    };
    assert_eq!(anna.post("/patterns/limits", &with(limits("0"), &first)).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(anna.post("/patterns/limits", &with(limits("5"), "2026-11-17")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(anna.post("/patterns/limits", &with(limits("5"), &first)).await.location(), "/patterns?done=limits_set");
}
