//! Findings as a clerk works through them: groups of equal cases, one by one or together, questions to providers, and two clerks at once.

mod office_browser;
mod office_town;

use axum::http::StatusCode;
use office_browser::{Answer, Browser};
use office_town::lived_in;
use std::time::Duration;
use teilhabe::deliver::advice::Verdict;
use teilhabe::office::{BulkRuling, Equally, Office};
use teilhabe::reconcile::ruling::Choice;
use teilhabe::shell::door;
use teilhabe::shell::sheet::calendar;
use teilhabe::shell::store::office::{audit, desk, findings, views};
use teilhabe::shell::store::terminal::LineFilter;
use teilhabe::words::civil::{CivilDay, CivilMonth};
use teilhabe::words::ids::ProviderNumber;
use teilhabe::words::reason::Reason;
use teilhabe::words::time::UtcMs;

/// The small town, reconciled: some conflicts.
fn reconciled() -> Office {
    let (mut office, _) = lived_in(door::now());
    office.reconcile(door::now()).expect("reconciled");
    office
}

/// The same on days on which every provider was closed: every meal is a finding.
fn closed_town() -> (Office, ProviderNumber) {
    let (mut office, counters) = lived_in(door::now());
    let today = CivilDay::of(door::now());
    let csv = format!("provider;from;to;open\n*;{};{};nein\n", today.minus(40), today);
    let rows = calendar::read(csv.as_bytes()).expect("a table");
    assert!(rows.errors.is_empty(), "{:?}", rows.errors);
    office.import_calendar(&rows.rows, "Anna Adler", door::now()).expect("taken");
    office.reconcile(door::now()).expect("reconciled");
    (office, counters[0].provider)
}

async fn clerks(office: Office) -> (Browser, Browser) {
    let anna = Browser::at(office).signed_in("Anna Adler").await;
    let berta = anna.another().signed_in("Berta Busch").await;
    (anna, berta)
}

/// The bulk form of a group's page, filled in.
fn bulk<'f>(page: &'f Answer, more: &[(&'f str, &'f str)]) -> Vec<(String, String)> {
    let own = [("looked".to_owned(), page.hidden("looked")), ("lines".to_owned(), page.hidden("lines"))];
    own.into_iter().chain(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).collect()
}

async fn post(browser: &Browser, place: &str, fields: &[(String, String)]) -> Answer {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(place, &fields).await
}

/// How many lines a packed list names.
fn count(lines: &str) -> usize {
    lines.split([';', ',']).filter(|part| !part.is_empty()).count()
}

/// Waits for a job's end and answers what it says.
async fn ended(browser: &Browser, job: &str) -> String {
    for _ in 0..600 {
        let state = browser.get(&format!("{job}/state")).await.json();
        assert!(state["trouble"].is_null(), "{state}");
        if let Some(words) = state["outcome"]["words"].as_str() {
            return words.to_owned();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the job {job} does not end");
}

#[tokio::test]
async fn many_equal_cases_are_decided_together_and_what_changed_meanwhile_is_left_out() {
    let (office, canteen) = closed_town();
    let (anna, berta) = clerks(office).await;
    let list = anna.get("/findings").await;
    assert!(list.text.contains("Kein Öffnungstag") && list.text.contains("Gleiche Fälle stehen beisammen"), "{}", list.text);
    let place = list.link(&format!("/findings/cases?reason=not_a_service_day&provider={canteen}&service=lunch"));
    let group = anna.get(&place).await;
    let all = count(&group.hidden("lines"));
    assert!(all > 50, "enough for a job: {all}");

    let hers = berta.get(&place).await.link("/lines/");
    let seen = berta.get(&hers).await.hidden("seen");
    let next = berta.post(&hers, &[("choice", "accept"), ("reason", "clerk_decision"), ("seen", &seen)]).await;
    assert!(next.location().contains(&format!("n=2&of={all}")) && next.location().ends_with("done=accepted"), "{}", next.location());
    let next = next.location().to_owned();
    let page = berta.get(&next).await;
    assert!(page.text.contains(&format!("<b>2</b> von {all}")), "{}", page.text);
    let ask = [("choice", "ask"), ("reason", "clerk_decision"), ("note", "ruft zurück"), ("seen", &page.hidden("seen"))];
    assert_eq!(berta.post(&next, &ask).await.status, StatusCode::SEE_OTHER);

    let reject = bulk(&group, &[("choice", "reject"), ("reason", "not_a_service_day"), ("note", "<i>Ferien</i>")]);
    let answer = post(&anna, &place, &reject).await;
    assert!(answer.location().starts_with("/jobs/"), "{} {}", answer.location(), answer.text);
    let words = ended(&anna, answer.location()).await;
    assert!(words.starts_with(&format!("{} entschieden. 2 hatten sich inzwischen geändert", all - 2)), "{words}");
    assert!(anna.get(answer.location()).await.text.contains("2 hatten sich inzwischen geändert"));
    assert_eq!(anna.get(&place).await.status, StatusCode::NOT_FOUND, "the group is done");

    let accepted = anna.get(&hers).await.text;
    assert!(accepted.contains("Berta Busch: anerkannt") && !accepted.contains("Anna Adler: abgelehnt"), "{accepted}");
    let waiting = anna.get(&next).await.text;
    assert!(waiting.contains("Rückfrage beim Anbieter") && waiting.contains("Der Befund davor: Kein Öffnungstag"), "{waiting}");
    assert!(waiting.contains("ruft zurück") && !waiting.contains("Ferien"), "{waiting}");

    let again = post(&anna, &place, &reject).await;
    let words = ended(&anna, again.location()).await;
    assert!(words.starts_with(&format!("0 entschieden. {all} hatten sich")), "the same form twice: {words}");
}

#[tokio::test]
async fn a_small_group_is_decided_at_once_less_what_is_left_out() {
    let (anna, berta) = clerks(reconciled()).await;
    let place = anna.get("/findings").await.link("/findings/cases?reason=conflict");
    let (group, same) = (anna.get(&place).await, berta.get(&place).await);
    let lines = group.hidden("lines");
    let all = count(&lines);
    assert!(all >= 2, "{lines}");
    let without = group.text.split("name=\"without\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a box").to_owned();
    let fields = bulk(&group, &[("choice", "reject"), ("reason", "conflict"), ("without", &without)]);
    let answer = post(&anna, &place, &fields).await;
    assert_eq!(answer.location(), format!("{place}&decided={}&changed=0&not_less=0&paid_elsewhere=0", all - 1));
    let left = anna.get(answer.location()).await;
    assert!(left.text.contains(&format!("{} entschieden.", all - 1)), "{}", left.text);
    assert_eq!(left.hidden("lines"), without, "what was left out is still to be decided");

    let late = post(&berta, &place, &bulk(&same, &[("choice", "accept"), ("reason", "conflict")])).await;
    let said = berta.get(late.location()).await.text;
    let one = if all == 2 { "1 hatte sich inzwischen geändert".to_owned() } else { format!("{} hatten sich inzwischen geändert", all - 1) };
    assert!(said.contains("1 entschieden.") && said.contains(&one), "{said}");
}

#[tokio::test]
async fn a_question_to_the_provider_waits_until_it_is_decided() {
    let (mut office, mut counters) = lived_in(door::now());
    office.reconcile(door::now()).expect("reconciled");
    let (anna, berta) = clerks(office).await;
    let group = anna.get("/findings").await.link("/findings/cases?reason=conflict");
    let place = anna.get(&group).await.link("/lines/");
    let page = anna.get(&place).await;
    let answer = anna.post(&place, &[("choice", "ask"), ("reason", "conflict"), ("seen", &page.hidden("seen"))]).await;
    assert!(answer.location().ends_with("done=asked"), "{}", answer.location());

    let list = berta.get("/findings").await;
    assert!(list.text.contains("Wartet auf Antwort") && list.text.contains("Anna Adler"), "{}", list.text);
    let waiting = berta.get(&list.link("/findings/cases?reason=please_clarify")).await;
    assert!(waiting.text.contains("Befund davor") && waiting.text.contains("Zwei Anbieter beanspruchen dasselbe"), "{}", waiting.text);

    let outbound = counters[2].outbound(door::now());
    let request = axum::http::Request::post("/api/v1/exchange").header("host", office_browser::HOST);
    let request = request.header("content-type", "application/octet-stream").body(axum::body::Body::from(outbound)).expect("a request");
    let response = tower::ServiceExt::oneshot(berta.app.clone(), request).await.expect("answered");
    let inbound = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    counters[2].take(&inbound, door::now());
    let seq: u64 = place.split(['/', '?']).nth(3).and_then(|seq| seq.parse().ok()).expect("a number");
    let month = CivilDay::of(door::now()).month();
    let before = CivilMonth::from_months(u64::from(month.months()) - 1).expect("a month");
    let lines = [before, month].map(|month| counters[2].terminal.month(month, &LineFilter::default(), 0, 1_000).expect("read").lines);
    let line = lines.iter().flatten().find(|line| line.seq == seq).expect("the line at its provider");
    let advised = line.advised.as_ref().expect("the provider learns it");
    assert_eq!((advised.verdict, advised.cents.get(), advised.reason.as_str()), (Verdict::Pending, 0, "please_clarify"));

    let place = waiting.link("/lines/");
    let page = berta.get(&place).await;
    let answer = berta.post(&place, &[("choice", "reject"), ("reason", "conflict"), ("seen", &page.hidden("seen"))]).await;
    assert_eq!(answer.location(), "/findings?done=rejected", "nothing is left of the group");
    assert!(!berta.get("/findings").await.text.contains("Wartet auf Antwort"));
}

#[tokio::test]
async fn one_clerk_learns_that_the_other_is_looking_and_who_was_faster() {
    let (anna, berta) = clerks(reconciled()).await;
    let group = anna.get("/findings").await.link("/findings/cases?reason=conflict");
    let place = anna.get(&group).await.link("/lines/");
    let page = anna.get(&place).await;
    assert!(!page.text.contains("sieht sich diese Zeile"), "{}", page.text);
    let hers = berta.get(&place).await;
    assert!(hers.text.contains("Anna Adler sieht sich diese Zeile gerade auch an"), "{}", hers.text);
    let seen = page.hidden("seen");
    let fields = [("choice", "accept"), ("reason", "conflict"), ("seen", seen.as_str())];
    assert_eq!(anna.post(&place, &fields).await.status, StatusCode::SEE_OTHER);
    let late = berta.post(&place, &fields).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.text.contains("Jemand war schneller") && late.text.contains("Zuletzt entschied Anna Adler"), "{}", late.text);
}

#[tokio::test]
async fn what_is_filled_in_wrongly_decides_nothing_and_says_what_is_missing() {
    let (anna, _) = clerks(reconciled()).await;
    let list = anna.get("/findings").await;
    let place = list.link("/findings/cases?reason=conflict");
    let group = anna.get(&place).await;
    let line = group.link("/lines/");
    let seen = anna.get(&line).await.hidden("seen");
    let wrong: [&[(&str, &str)]; 5] = [
        &[("reason", "conflict")],
        &[("choice", "reject"), ("reason", "because")],
        &[("choice", "reject"), ("reason", "please_clarify")],
        &[("choice", "cut"), ("reason", "conflict"), ("euros", "viel")],
        &[("choice", "pay"), ("reason", "conflict")],
    ];
    for fields in wrong {
        let answer = post(&anna, &place, &bulk(&group, fields)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}: {}", answer.text);
        let mut fields = fields.to_vec();
        fields.push(("seen", &seen));
        assert_eq!(anna.post(&line, &fields).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
    }
    let reject = [("choice", "reject"), ("reason", "conflict")];
    assert_eq!(anna.post(&place, &reject).await.status, StatusCode::UNPROCESSABLE_ENTITY, "no lines");
    let broken = [("lines", "x:y"), ("looked", "1"), reject[0], reject[1]];
    assert_eq!(anna.post(&place, &broken).await.status, StatusCode::UNPROCESSABLE_ENTITY, "no list of lines");
    let too_much = [("choice", "cut"), ("euros", "4,30"), ("reason", "conflict"), ("seen", seen.as_str())];
    let answer = anna.post(&line, &too_much).await;
    assert!(answer.text.contains("gekürzt werden kann nur auf weniger"), "{}", answer.text);
    for address in
        ["/findings/cases", "/findings/cases?reason=because&provider=1&service=x", "/findings/cases?reason=conflict&provider=77&service=ogs"]
    {
        assert_eq!(anna.get(address).await.status, StatusCode::NOT_FOUND, "{address}");
    }
    assert_eq!(anna.get("/findings").await.text.matches("data-step").count(), list.text.matches("data-step").count(), "nothing was decided");
}

#[tokio::test]
async fn every_decision_says_which_rule_made_it_and_with_which_figures() {
    let (anna, _) = clerks(reconciled()).await;
    let batches = anna.get("/api/v1/batches").await.json();
    let (mut seen, mut reduced) = (String::new(), String::new());
    for batch in batches["batches"].as_array().expect("batches") {
        let place = format!("/batches/{}", batch["batch"].as_str().expect("an id"));
        seen += &anna.get(&place).await.text;
        let only = anna.get(&format!("{place}?verdict=reduced")).await.text;
        assert!(!only.contains("Anerkannt: "), "only what was reduced: {only}");
        reduced += &only;
    }
    assert!(seen.contains("Anerkannt: Karte gültig ") && seen.contains("Preis 4,50\u{a0}€ vereinbart seit "), "{seen}");
    for words in ["erster Anspruch an diesem Tag", "beansprucht dasselbe und geht vor: das Lesegerät dort hatte frischere Daten"] {
        assert!(seen.contains(words), "{words}: {seen}");
    }
    assert!(seen.contains("15,00\u{a0}€ im Monat bewilligt, davon noch nichts verbraucht"), "{seen}");
    let place = anna.get(&anna.get("/findings").await.link("/findings/cases?reason=conflict")).await.link("/lines/");
    let line = anna.get(&place).await.text;
    assert!(
        line.contains("Nicht entschieden: Zeile Nr. ") && line.contains("laut Kalender geöffnet") && line.contains("gültig an diesem Tag"),
        "{line}"
    );
    assert!(line.contains("Dasselbe Kind am selben Tag"), "{line}");
}

#[test]
fn every_decision_is_a_row_of_its_own_and_in_the_audit_log_with_it() {
    let (mut office, _) = closed_town();
    let group = findings::groups(office.db(), None).expect("groups").into_iter().max_by_key(|group| group.count).expect("a group");
    let lines = findings::ids(office.db(), &group.key, 1_000).expect("lines");
    assert_eq!(lines.len() as u64, group.count);
    let before = audit::head(office.db()).expect("read").map_or(0, |head| head.seq);
    let ruling = |what, looked| BulkRuling {
        group: group.key.clone(),
        looked,
        what,
        reason: Reason::NotAServiceDay,
        note: "geheim".into(),
        clerk: "Anna Adler".into(),
    };
    let now = door::now();
    let cut = Equally::Each(Choice::Cut(teilhabe::words::cents::Cents::new(300)));
    let outcome = office.rule_equal(&lines, &ruling(cut, now), now).expect("decided");
    assert_eq!((outcome.decided, outcome.changed), (group.count, 0));
    for id in &lines {
        let line = views::line(office.db(), *id).expect("read").expect("a line");
        let rulings = desk::rulings(office.db(), *id).expect("read");
        assert_eq!((line.decided.get(), rulings.len(), rulings[0].clerk.as_str()), (300, 1, "Anna Adler"), "{line:?}");
    }
    let logged = audit::records(office.db(), before, 10_000).expect("read");
    let of_rulings: Vec<_> = logged.iter().filter(|record| record.action == "rule").collect();
    assert_eq!(of_rulings.len(), lines.len());
    assert!(of_rulings.iter().all(|record| record.detail.as_deref() == Some("gekürzt auf 3,00\u{a0}€ (not_a_service_day)")), "{of_rulings:?}");
    assert!(office.verify_audit().expect("read").is_ok());
    let again = office.rule_equal(&lines, &ruling(Equally::Each(Choice::Reject), UtcMs(now.0 + 1)), now).expect("answered");
    assert_eq!((again.decided, again.changed), (0, group.count), "they have left the group");
}
