//! What each provider claimed and got in some months.

use super::READS;
use super::sheet::{Cell, sheet};
use super::statistics::Asked;
use crate::office::{Action, OfficeError};
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::office::admission;
use crate::shell::store::office::sums::{self, By, Kind, Only, State as LineState};
use crate::shell::store::sql::Connection;
use crate::shell::web::office::Desk;
use crate::shell::web::office::doors::Route;
use crate::shell::web::office::login::SignedIn;
use crate::shell::web::office::page::{Frame, Page, show};
use crate::words::cents::Cents;
use crate::words::civil::CivilMonth;
use crate::words::ids::ProviderNumber;
use askama::Template;
use axum::extract::{Query, State};
use axum::routing::get;
use std::collections::BTreeMap;

/// The routes of this page.
pub fn routes() -> Vec<Route> {
    vec![("get", "/figures/providers", READS, get(page)), ("get", "/figures/providers.csv", READS, get(file))]
}

/// One provider's figures.
struct Row {
    provider: ProviderNumber,
    name: String,
    lines: u64,
    taken_back: u64,
    findings: u64,
    claimed: Cents,
    decided: Cents,
    settled: Cents,
    payable: Cents,
}

fn rows(db: &Connection, months: (CivilMonth, CivilMonth)) -> Result<Vec<Row>, StoreError> {
    let names: BTreeMap<ProviderNumber, String> = admission::providers(db)?.into_iter().map(|p| (p.number, p.name)).collect();
    let mut rows: BTreeMap<ProviderNumber, Row> = BTreeMap::new();
    for sum in sums::grouped(db, &[By::Provider, By::Kind, By::State], &Only { months: Some(months), ..Only::default() })? {
        let Some(provider) = sum.provider else { continue };
        let row = rows.entry(provider).or_insert_with(|| Row {
            provider,
            name: names.get(&provider).cloned().unwrap_or_default(),
            lines: 0,
            taken_back: 0,
            findings: 0,
            claimed: Cents::ZERO,
            decided: Cents::ZERO,
            settled: Cents::ZERO,
            payable: Cents::ZERO,
        });
        match sum.kind {
            Some(Kind::Standing) => row.lines += sum.lines,
            Some(Kind::CounterRecord) => row.taken_back += sum.lines,
            _ => {}
        }
        if sum.state == Some(LineState::Finding) {
            row.findings += sum.lines;
        }
        row.claimed = row.claimed.plus(sum.claimed);
        row.decided = row.decided.plus(sum.decided);
        row.settled = row.settled.plus(sum.settled);
        row.payable = row.payable.plus(sum.payable());
    }
    let mut rows: Vec<Row> = rows.into_values().collect();
    rows.sort_by(|a, b| b.claimed.cmp(&a.claimed).then(a.provider.cmp(&b.provider)));
    Ok(rows)
}

#[derive(Template)]
#[template(path = "office/figures-providers.html")]
struct ProvidersPage {
    frame: Frame,
    from: String,
    to: String,
    rows: Vec<Row>,
    claimed: Cents,
    decided: Cents,
    settled: Cents,
}

async fn page(State(desk): State<Desk>, clerk: SignedIn, Query(asked): Query<Asked>) -> Page {
    let months = asked.months(door::now());
    let rows = desk.look(move |db| rows(db, months)).await?;
    let sum = |of: fn(&Row) -> Cents| rows.iter().map(of).sum();
    let (claimed, decided, settled) = (sum(|row| row.claimed), sum(|row| row.decided), sum(|row| row.settled));
    let (from, to) = (months.0.to_string(), months.1.to_string());
    show(&ProvidersPage { frame: Frame::new(&desk, &clerk, "figures"), from, to, rows, claimed, decided, settled })
}

async fn file(State(desk): State<Desk>, clerk: SignedIn, Query(asked): Query<Asked>) -> Page {
    let months = asked.months(door::now());
    let rows = desk.look(move |db| rows(db, months)).await?;
    let detail = format!("Anbieter {} bis {} als CSV", months.0, months.1);
    desk.with::<_, OfficeError>(move |office| office.note(&clerk.name, Action::Export, "providers", &detail, door::now())).await?;
    let headings = ["Nummer", "Anbieter", "Einlösungen", "Stornos", "Befunde offen", "Beansprucht", "Anerkannt", "Gezahlt", "Mit dem nächsten Lauf"];
    let cells = |row: Row| -> Vec<Cell> {
        let number = u64::from(row.provider.0);
        vec![
            number.into(),
            row.name.into(),
            row.lines.into(),
            row.taken_back.into(),
            row.findings.into(),
            row.claimed.into(),
            row.decided.into(),
            row.settled.into(),
            row.payable.into(),
        ]
    };
    let rows: Vec<Vec<Cell>> = rows.into_iter().map(cells).collect();
    Ok(sheet(&format!("anbieter-{}-{}.csv", months.0, months.1), &headings, &rows))
}
