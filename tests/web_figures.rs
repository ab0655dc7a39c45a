//! The figures' pages over a small town: their sums are those of the payments, and their files say the same as their pages.

mod office_browser;
mod office_town;

use axum::http::{StatusCode, header};
use office_browser::Browser;
use office_town::lived_in;
use teilhabe::settle::run::next_banking_day;
use teilhabe::shell::door;
use teilhabe::words::cents::Cents;
use teilhabe::words::civil::CivilDay;

/// The sum of a column of a file with amounts.
fn column(csv: &str, heading: &str) -> Cents {
    let mut rows = csv.trim_start_matches('\u{feff}').lines().map(|line| line.split(';').collect::<Vec<_>>());
    let headings = rows.next().expect("headings");
    let place = headings.iter().position(|cell| *cell == heading).unwrap_or_else(|| panic!("no {heading} in {headings:?}"));
    rows.map(|cells| Cents::parse_euros(cells[place]).unwrap_or_else(|| panic!("{cells:?}"))).sum()
}

#[tokio::test]
async fn all_figures_agree_with_what_was_paid() {
    let now = door::now();
    let (mut office, _) = lived_in(now);
    office.reconcile(now).expect("reconciled");
    let paid: Cents =
        office.settle("Anna Adler", "Berta Busch", next_banking_day(CivilDay::of(now)), now).expect("settled").payments.iter().map(|p| p.cents).sum();
    assert!(paid > Cents::ZERO);
    let browser = Browser::at(office).signed_in("Anna Adler").await;

    let months = "from=2020-01&to=2099-12";
    let statistics = browser.get(&format!("/figures/statistics.csv?{months}")).await;
    assert_eq!(statistics.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()), Some("text/csv; charset=utf-8"));
    assert_eq!(column(&statistics.text, "Gezahlt"), paid);
    assert_eq!(column(&statistics.text, "Anerkannt"), paid, "nothing decided is left unpaid");
    let providers = browser.get(&format!("/figures/providers.csv?{months}")).await;
    assert_eq!(column(&providers.text, "Gezahlt"), paid);
    assert_eq!(column(&providers.text, "Mit dem nächsten Lauf"), Cents::ZERO);
    assert_eq!(column(&providers.text, "Beansprucht"), column(&statistics.text, "Beansprucht"));

    let page = browser.get(&format!("/figures/statistics?{months}")).await;
    assert!(page.text.contains(&format!("<td class=\"n\">{paid}</td></tr></tfoot>")), "{}", page.text);
    let page = browser.get(&format!("/figures/providers?{months}")).await;
    assert!(page.text.contains(&format!("<td class=\"n\">{paid}</td><td></td></tr></tfoot>")), "{}", page.text);
    let page = browser.get("/figures").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains(&format!("<dd>{paid}</dd>")) && page.text.matches("<svg class=\"chart\"").count() >= 3, "{}", page.text);
    assert!(browser.get("/admin/audit").await.text.contains("Statistik"), "an export is logged");
}

#[tokio::test]
async fn terminals_that_need_a_look_are_pointed_out() {
    let now = door::now();
    let (office, _) = lived_in(now);
    let browser = Browser::at(office).signed_in("Anna Adler").await;
    let page = browser.get("/figures/terminals").await;
    assert!(page.text.contains("2 von 3 Lesegeräten brauchen einen Blick") && !page.text.contains("still seit"), "{}", page.text);
    let all = browser.get("/figures/terminals?all=true").await;
    assert!(all.text.contains("Ausgabe 1") && all.text.contains("lückenlos"), "{}", all.text);
    let file = browser.get("/figures/terminals.csv").await;
    assert_eq!(file.text.lines().count(), 4, "{}", file.text);

    let (office, _) = lived_in(teilhabe::words::time::UtcMs(now.0 - 9 * 86_400_000));
    let page = Browser::at(office).signed_in("Anna Adler").await.get("/figures/terminals").await;
    assert!(page.text.contains("3 von 3 Lesegeräten brauchen einen Blick") && page.text.contains("still seit"), "{}", page.text);
}

#[tokio::test]
async fn an_office_without_any_line_has_figures_too() {
    let browser = Browser::at(office_town::empty(door::now())).signed_in("Anna Adler").await;
    for (path, words) in [
        ("/figures", "Dafür gibt es noch keine Zahlen."),
        ("/figures/statistics", "keine Einlösungen"),
        ("/figures/providers", "hat kein Anbieter etwas beansprucht"),
        ("/figures/terminals", "Noch ist kein Lesegerät angemeldet."),
        ("/figures/statistics?from=9999-99&to=x", "keine Einlösungen"),
    ] {
        let page = browser.get(path).await;
        assert!(page.status == StatusCode::OK && page.text.contains(words), "{path}: {}", page.text);
    }
}
