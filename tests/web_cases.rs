//! Cases over HTTP: found, entered, checked, issued once; suspended, ended, given out anew.

mod office_browser;
mod office_town;

use axum::http::StatusCode;
use office_browser::Browser;
use office_town::{empty, lived_in};
use teilhabe::words::civil::CivilDay;
use teilhabe::words::time::UtcMs;

fn now() -> UtcMs {
    teilhabe::shell::door::now()
}

async fn anna() -> Browser {
    let (office, _) = lived_in(now());
    Browser::at(office).signed_in("Anna Adler").await
}

/// The fields of a form that grants lunch for this month and the next.
fn lunch<'a>(form: &'a str, reference: &'a str, from: &'a str, to: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("form", form), ("reference", reference), ("basis", "sgb2"), ("from", from), ("to", to), ("lunch", "on"), ("hint", "K77")]
}

fn months() -> (String, String) {
    let month = CivilDay::of(now()).month();
    (month.german(), month.plus(1).german())
}

#[tokio::test]
async fn a_case_is_found_by_reference_beginning_number_and_code_and_every_search_is_logged() {
    let (office, _) = lived_in(now());
    let card: String = office.db().query_row("SELECT printf('%012d', number) FROM token WHERE id = 3", [], |row| row.get(0)).expect("a number");
    let clerk = Browser::at(office).signed_in("Anna Adler").await;
    let found = clerk.post("/cases", &[("text", "4711-003")]).await;
    assert_eq!((found.status, found.location()), (StatusCode::SEE_OTHER, "/cases/3"));
    assert_eq!(clerk.post("/cases", &[("text", &format!("{} {} {}", &card[..4], &card[4..8], &card[8..]))]).await.location(), "/cases/3");
    let many = clerk.post("/cases", &[("text", "4711-0")]).await;
    assert!(many.text.contains("12 Fälle beginnen so") && many.text.contains("href=\"/cases/12\""), "{}", many.text);
    assert!(shown_left(&clerk).await);
    assert!(clerk.post("/cases", &[("text", "4712")]).await.text.contains("Dazu gibt es keinen Fall"));
    let shown = clerk.get("/cases/3").await;
    assert!(shown.text.contains("Fall 4711-003") && shown.text.contains("Mittagessen 1× am Tag") && shown.text.contains("Mensa am Wall &#60;b&#62;"));
    assert_eq!(clerk.get("/cases/999").await.status, StatusCode::NOT_FOUND);
    assert_eq!(clerk.get("/tokens/00").await.status, StatusCode::NOT_FOUND);
}

/// Child 1 has claimed this month's fee, which nobody has decided yet: it counts as used.
async fn shown_left(clerk: &Browser) -> bool {
    let month = CivilDay::of(UtcMs(now().0 - 86_400_000)).month();
    let left = if month == CivilDay::of(now()).month() { "0,00" } else { "15,00" };
    clerk.get("/cases/1").await.text.contains(&format!("noch höchstens {left}\u{a0}€ in {}", CivilDay::of(now()).month().german()))
}

#[tokio::test]
async fn an_approval_is_entered_checked_and_issued_once() {
    let clerk = anna().await;
    let form = clerk.get("/cases/new").await;
    let id = form.hidden("form");
    assert!(form.text.contains("Gesetzlich sind 15,00\u{a0}€ im Monat"), "{}", form.text);
    let (from, to) = months();
    let mut fields = lunch(&id, "0815-1", &from, &to);
    let check = clerk.post("/cases/new/check", &fields).await;
    assert!(check.text.contains("Neu: eine Karte wird ausgestellt.") && check.text.contains("Karte ausstellen"), "{}", check.text);
    let made = clerk.post("/cases/new/issue", &fields).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER);
    assert!(!made.location().contains("0815"), "no reference in an address");
    let again = clerk.post("/cases/new/issue", &fields).await;
    assert_eq!(again.location(), made.location(), "the same form acts once");
    let page = clerk.get(made.location()).await;
    assert!(page.text.contains("Ausgestellt. Jetzt den Brief drucken") && page.text.contains("Fall 0815-1"), "{}", page.text);
    let print = page.text.split("action=\"/print/tokens/").nth(1).and_then(|rest| rest.split('"').next()).expect("a letter");
    let run = clerk.post(&format!("/print/tokens/{print}"), &[("layout", "letters")]).await;
    assert_eq!(run.status, StatusCode::SEE_OTHER, "{}", run.text);
    let other = clerk.get("/cases/new").await.hidden("form");
    fields[0].1 = &other;
    let known = clerk.post("/cases/new/issue", &fields).await;
    assert!(known.location().ends_with("?done=known"), "{}", known.location());
}

#[tokio::test]
async fn a_wrong_form_loses_nothing_and_says_everything() {
    let clerk = anna().await;
    let id = clerk.get("/cases/new").await.hidden("form");
    let (from, _) = months();
    let fields =
        [("form", id.as_str()), ("reference", "<b>1"), ("basis", ""), ("from", from.as_str()), ("to", "x"), ("participation", "on"), ("hint", "K77")];
    for path in ["/cases/new/check", "/cases/new/issue"] {
        let page = clerk.post(path, &fields).await;
        for text in
            ["Der Rechtskreis fehlt", "„Bis“ ist kein Monat", "Er wird nicht gespeichert", "&#60;b&#62;1", "value=\"K77\"", "Der Betrag fehlt"]
        {
            assert!(page.text.contains(text), "{path}: no {text} in {}", page.text);
        }
    }
    assert_eq!(clerk.post("/cases/new/issue", &[]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let overlapping = lunch(&id, "4711-001", &from, &from);
    let check = clerk.post("/cases/new/check", &overlapping).await;
    assert!(check.text.contains("schon bewilligt") && !check.text.contains("Karte ausstellen"), "{}", check.text);
    let refused = clerk.post("/cases/new/issue", &overlapping).await;
    assert!(refused.status == StatusCode::CONFLICT && refused.text.contains("schon bewilligt"), "{}", refused.text);
}

#[tokio::test]
async fn participation_is_cut_at_the_eighteenth_birthday_and_the_birth_month_is_not_kept() {
    let clerk = Browser::at(empty(now())).signed_in("Anna Adler").await;
    let id = clerk.get("/cases/new").await.hidden("form");
    let month = CivilDay::of(now()).month();
    let born = teilhabe::words::civil::CivilMonth::from_months(u64::from(month.months()) - 18 * 12 + 2).expect("a month").german();
    let (from, to) = (month.german(), month.plus(5).german());
    let mut fields = lunch(&id, "18", &from, &to);
    fields.extend([("participation", "on"), ("participation_euros", "15,00"), ("participation_period", "validity"), ("born", &born)]);
    let check = clerk.post("/cases/new/check", &fields).await;
    assert!(
        check.text.contains("Gekürzt.") && check.text.contains("wird das Kind 18") && check.text.contains("2 Karten ausstellen"),
        "{}",
        check.text
    );
    let made = clerk.post("/cases/new/issue", &fields).await;
    let page = clerk.get(made.location()).await;
    assert!(page.text.contains("45,00\u{a0}€ in der ganzen Zeit") && !page.text.contains(&born), "{}", page.text);
}

#[tokio::test]
async fn a_lost_card_is_given_out_anew_once_and_an_approval_is_suspended_and_ended() {
    let clerk = anna().await;
    let page = clerk.get("/cases/1").await;
    let form = page.hidden("form");
    let today = CivilDay::of(now()).to_string();
    let lost = [("form", form.as_str()), ("act", "reissue"), ("why", "lost"), ("from", today.as_str())];
    let first = clerk.post("/cases/approvals/1", &lost).await;
    assert!(first.location().starts_with("/cases/1?done=reissued&card="), "{}", first.text);
    assert_eq!(clerk.post("/cases/approvals/1", &lost).await.location(), first.location());
    let page = clerk.get(first.location()).await;
    assert!(page.text.contains("ersetzt ab") && page.text.contains("Die neue Karte ist ausgestellt"));
    assert!(page.text.contains("Beanspruch") && !page.text.contains("Unbenutzt zurück"), "what was used is shown, and a used card is not returned");
    let suspend = [("form", "s"), ("act", "suspend"), ("from", today.as_str()), ("until", "")];
    assert_eq!(clerk.post("/cases/approvals/1", &suspend).await.location(), "/cases/1?done=suspended");
    assert!(clerk.get("/cases/1").await.text.contains("bis es aufgehoben wird"));
    let lift = [("form", "l"), ("act", "lift"), ("from", today.as_str())];
    assert_eq!(clerk.post("/cases/approvals/1", &lift).await.location(), "/cases/1?done=lifted");
    let back = clerk.post("/cases/approvals/1", &[("form", "b"), ("act", "return")]).await;
    assert!(back.status == StatusCode::CONFLICT && back.text.contains("eingelöst"), "{}", back.text);
    let end = [("form", "e"), ("act", "end"), ("from", today.as_str())];
    assert_eq!(clerk.post("/cases/approvals/1", &end).await.location(), "/cases/1?done=ended");
    assert!(clerk.get("/cases/1").await.text.contains("gilt nicht mehr ab dem"));
    for wrong in [
        vec![],
        vec![("form", "x"), ("act", "reissue"), ("why", "ended"), ("from", "2026-01-01")],
        vec![("form", "x"), ("act", "end"), ("from", "morgen")],
    ] {
        assert_eq!(clerk.post("/cases/approvals/2", &wrong).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
    }
    assert_eq!(
        clerk.post("/cases/approvals/999", &end.map(|(name, value)| if name == "form" { (name, "y") } else { (name, value) })).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn the_next_period_is_prepared_from_the_running_one() {
    let clerk = anna().await;
    let page = clerk.get("/cases/new?follows=1").await;
    assert!(
        page.text.contains("Folgebewilligung") && page.text.contains("value=\"4711-001\"") && page.text.contains("name=\"lunch\" checked"),
        "{}",
        page.text
    );
    assert_eq!(clerk.get("/cases/new?follows=999").await.status, StatusCode::NOT_FOUND);
}
