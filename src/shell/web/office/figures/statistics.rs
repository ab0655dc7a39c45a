//! Statistics by benefit, month and legal basis, as the federal returns ask for them (§ 51b, § 53 SGB II).

use super::sheet::{Cell, sheet};
use super::{READS, counts_in_statistics, months_before};
use crate::office::{Action, OfficeError};
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::office::sums::{self, By, Only};
use crate::shell::store::sql::Connection;
use crate::shell::web::office::Desk;
use crate::shell::web::office::doors::Route;
use crate::shell::web::office::login::SignedIn;
use crate::shell::web::office::page::{Frame, Page, show};
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::legal_basis::LegalBasis;
use crate::words::time::UtcMs;
use askama::Template;
use axum::extract::{Query, State};
use axum::routing::get;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The routes of this page.
pub fn routes() -> Vec<Route> {
    vec![("get", "/figures/statistics", READS, get(page)), ("get", "/figures/statistics.csv", READS, get(file))]
}

/// The months asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    from: Option<String>,
    to: Option<String>,
}

impl Asked {
    /// First and last month: as asked for, or this year's until now. The wrong way round is turned.
    pub fn months(&self, now: UtcMs) -> (CivilMonth, CivilMonth) {
        let today = CivilDay::of(now).month();
        let read = |text: &Option<String>| text.as_deref().and_then(CivilMonth::parse);
        let last = read(&self.to).unwrap_or(today);
        let january = months_before(last, last.months() % 12);
        let first = read(&self.from).unwrap_or(january);
        (first.min(last), first.max(last))
    }
}

/// One row: what a benefit came to in a month under one law.
#[derive(Clone, Debug, Default)]
struct Figures {
    children: u64,
    lines: u64,
    units: i64,
    claimed: Cents,
    decided: Cents,
    settled: Cents,
}

impl Figures {
    fn add(&mut self, other: &Self) {
        self.children += other.children;
        self.lines += other.lines;
        self.units += other.units;
        self.claimed = self.claimed.plus(other.claimed);
        self.decided = self.decided.plus(other.decided);
        self.settled = self.settled.plus(other.settled);
    }
}

type Key = (CivilMonth, Benefit, Option<LegalBasis>);

fn figures(db: &Connection, months: (CivilMonth, CivilMonth)) -> Result<BTreeMap<Key, Figures>, StoreError> {
    let mut rows: BTreeMap<Key, Figures> = BTreeMap::new();
    let only = Only { months: Some(months), ..Only::default() };
    for sum in sums::grouped(db, &[By::Month, By::Benefit, By::Basis, By::Kind], &only)? {
        let (Some(month), Some(benefit)) = (sum.month, sum.benefit) else { continue };
        let row = rows.entry((month, benefit, sum.basis)).or_default();
        // Money is that of all lines, so that it agrees with payments; uses are those that stand.
        row.claimed = row.claimed.plus(sum.claimed);
        row.decided = row.decided.plus(sum.decided);
        row.settled = row.settled.plus(sum.settled);
        if counts_in_statistics(sum.kind) {
            row.lines += sum.lines;
            row.units += sum.units;
        }
    }
    for children in sums::children(db, months)? {
        rows.entry((children.month, children.benefit, children.basis)).or_default().children += children.children;
    }
    Ok(rows)
}

struct Row {
    month: String,
    benefit: &'static str,
    basis: &'static str,
    figures: Figures,
}

#[derive(Template)]
#[template(path = "office/statistics.html")]
struct StatisticsPage {
    frame: Frame,
    from: String,
    to: String,
    from_german: String,
    to_german: String,
    rows: Vec<Row>,
    totals: Vec<(&'static str, Figures)>,
    all: Figures,
}

fn rows(figures: BTreeMap<Key, Figures>) -> Vec<Row> {
    let row = |((month, benefit, basis), figures): (Key, Figures)| Row {
        month: month.german(),
        benefit: benefit.german(),
        basis: basis.map_or("nicht bekannt", LegalBasis::german),
        figures,
    };
    figures.into_iter().map(row).collect()
}

async fn page(State(desk): State<Desk>, clerk: SignedIn, Query(asked): Query<Asked>) -> Page {
    let months = asked.months(door::now());
    let figures = desk.look(move |db| figures(db, months)).await?;
    let mut totals: BTreeMap<Benefit, Figures> = BTreeMap::new();
    let mut all = Figures::default();
    for ((_, benefit, _), row) in &figures {
        totals.entry(*benefit).or_default().add(row);
        all.add(row);
    }
    show(&StatisticsPage {
        frame: Frame::new(&desk, &clerk, "figures"),
        from: months.0.to_string(),
        to: months.1.to_string(),
        from_german: months.0.german(),
        to_german: months.1.german(),
        rows: rows(figures),
        totals: totals.into_iter().map(|(benefit, figures)| (benefit.german(), figures)).collect(),
        all,
    })
}

async fn file(State(desk): State<Desk>, clerk: SignedIn, Query(asked): Query<Asked>) -> Page {
    let months = asked.months(door::now());
    let figures = desk.look(move |db| figures(db, months)).await?;
    let detail = format!("Statistik {} bis {} als CSV", months.0, months.1);
    desk.with::<_, OfficeError>(move |office| office.note(&clerk.name, Action::Export, "statistics", &detail, door::now())).await?;
    let headings = ["Monat", "Leistung", "Rechtskreis", "Kinder", "Einlösungen", "Einheiten", "Beansprucht", "Anerkannt", "Gezahlt"];
    let cells = |row: Row| {
        let f = row.figures;
        vec![
            row.month.into(),
            row.benefit.into(),
            row.basis.into(),
            f.children.into(),
            f.lines.into(),
            Cell::Number(f.units),
            f.claimed.into(),
            f.decided.into(),
            f.settled.into(),
        ]
    };
    let rows: Vec<Vec<Cell>> = rows(figures).into_iter().map(cells).collect();
    Ok(sheet(&format!("statistik-{}-{}.csv", months.0, months.1), &headings, &rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_months_are_those_asked_for_or_this_year_s() {
        let now = UtcMs::parse_rfc3339("2026-11-25T08:00:00Z").expect("a time");
        let months = |from: &str, to: &str| {
            let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            let (first, last) = Asked { from: text(from), to: text(to) }.months(now);
            (first.to_string(), last.to_string())
        };
        assert_eq!(months("", ""), ("2026-01".into(), "2026-11".into()));
        assert_eq!(months("2026-08", "2026-02"), ("2026-02".into(), "2026-08".into()));
        assert_eq!(months("", "2025-12"), ("2025-01".into(), "2025-12".into()));
        assert_eq!(months("x", "y"), months("", ""));
    }
}
