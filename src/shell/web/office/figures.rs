//! Figures for those who steer: what is paid, who is reached, what waits and for how long, each as a chart over its table.

mod chart;
mod providers;
mod sheet;
mod statistics;
mod terminals;

use super::Desk;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Frame, Page, show};
use super::words::title;
use crate::office::Role;
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::office::figures::{self, OpenBatch};
use crate::shell::store::office::findings;
use crate::shell::store::office::sums::{self, By, Kind, Only, Sum};
use crate::shell::store::sql::Connection;
use crate::words::benefit::Benefit;
use crate::words::cents::Cents;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::time::{DAY_MS, UtcMs};
use askama::Template;
use axum::extract::State;
use axum::routing::get;
use chart::{Chart, Series, Unit};
use std::collections::BTreeMap;

/// How many months the charts reach back.
const MONTHS: u32 = 12;
/// The ages of open claims: at most so many days, and what that is called.
const AGES: [(u64, &str); 4] = [(7, "bis 7"), (30, "8–30"), (60, "31–60"), (90, "61–90")];
const OLDER: &str = "über 90";

/// Who may see figures: they are sums and name no child.
pub(super) const READS: Door = Door::Reads(&[Role::Reconcile, Role::Release, Role::Admin]);

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![("get", "/figures", READS, get(page))];
    routes.extend(statistics::routes());
    routes.extend(providers::routes());
    routes.extend(terminals::routes());
    routes
}

/// A kind of finding with its part of all.
struct FindingKind {
    title: String,
    code: String,
    count: u64,
    cents: Cents,
    /// Thousandths of the largest kind's count.
    part: u64,
}

#[derive(Template)]
#[template(path = "office/figures.html")]
struct FiguresPage {
    frame: Frame,
    months: (String, String),
    open: Cents,
    findings: String,
    payable: Cents,
    returned: u64,
    paid_this_year: Cents,
    year: i32,
    charts: Vec<Chart>,
    kinds: Vec<FindingKind>,
}

async fn page(State(desk): State<Desk>, clerk: SignedIn) -> Page {
    let now = door::now();
    let frame = Frame::new(&desk, &clerk, "figures");
    show(&desk.look(move |db| look(db, frame, now)).await?)
}

fn look(db: &Connection, frame: Frame, now: UtcMs) -> Result<FiguresPage, StoreError> {
    let last = CivilDay::of(now).month();
    let first = months_before(last, MONTHS - 1);
    let open_batches = figures::open_batches(db)?;
    let kinds = kinds(db)?;
    let (year, ..) = CivilDay::of(now).ymd();
    let payments = figures::paid_between(db, year_of(year))?;
    let sums = sums::grouped(db, &[By::Month, By::Benefit, By::State], &Only::default())?;
    Ok(FiguresPage {
        frame,
        months: (first.german(), last.german()),
        open: open_batches.iter().map(|batch| batch.open).sum(),
        findings: chart::thousands(kinds.iter().map(|kind| i64::try_from(kind.count).unwrap_or(i64::MAX)).sum()),
        payable: sums.iter().map(Sum::payable).sum(),
        returned: payments.returned,
        paid_this_year: payments.paid,
        year,
        charts: vec![money(&sums, (first, last)), take_up(db, (first, last))?, ages(&open_batches, now), pay_out(db, (first, last))?],
        kinds,
    })
}

/// The kinds of findings, the largest sum first.
fn kinds(db: &Connection) -> Result<Vec<FindingKind>, StoreError> {
    let reasons = findings::by_reason(db)?;
    let most = reasons.iter().map(|(_, count, _)| *count).max().unwrap_or(1).max(1);
    let kind = |(code, count, cents): (String, u64, Cents)| FindingKind { title: title(&code), code, count, cents, part: count * 1000 / most };
    let mut kinds: Vec<FindingKind> = reasons.into_iter().map(kind).collect();
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.cents));
    Ok(kinds)
}

fn year_of(year: i32) -> (CivilDay, CivilDay) {
    let day = |month, day| CivilDay::from_ymd(year, month, day).unwrap_or(CivilDay::MAX);
    (day(1, 1), day(12, 31))
}

/// The month `months` before this one.
fn months_before(month: CivilMonth, months: u32) -> CivilMonth {
    CivilMonth::from_months(month.months().saturating_sub(months).into()).unwrap_or(month)
}

fn months_between((first, last): (CivilMonth, CivilMonth)) -> impl Iterator<Item = CivilMonth> {
    (0..=last.since(first)).map(move |months| first.plus(months))
}

fn series_of(benefits: &[Benefit]) -> Vec<Series> {
    const CLASSES: [&str; 5] = ["s1", "s2", "s3", "s4", "s5"];
    benefits.iter().zip(CLASSES).map(|(benefit, class)| Series { name: benefit.german(), class }).collect()
}

/// What is recognised for the services of each month, by benefit.
fn money(sums: &[Sum], months: (CivilMonth, CivilMonth)) -> Chart {
    let mut decided: BTreeMap<(CivilMonth, Benefit), i64> = BTreeMap::new();
    for sum in sums {
        if let (Some(month), Some(benefit)) = (sum.month, sum.benefit) {
            *decided.entry((month, benefit)).or_default() += sum.decided.get();
        }
    }
    let values = |month| Benefit::ALL.iter().map(|benefit| Some(decided.get(&(month, *benefit)).copied().unwrap_or(0))).collect();
    Chart {
        key: "money",
        title: "Anerkannte Beträge je Leistung",
        words: "Nach dem Monat der Leistung, Stornos abgezogen. Der letzte Monat ist noch nicht vollständig abgerechnet.".into(),
        column: "Monat",
        unit: Unit::Money,
        series: series_of(&Benefit::ALL),
        columns: months_between(months).map(|month| (month.german(), values(month))).collect(),
        stacked: true,
    }
}

/// Of the children who may have a benefit, how many of a hundred used it in each month.
fn take_up(db: &Connection, months: (CivilMonth, CivilMonth)) -> Result<Chart, StoreError> {
    const SHOWN: [Benefit; 3] = [Benefit::Lunch, Benefit::Participation, Benefit::Tutoring];
    let entitled = figures::entitled(db, months)?;
    let used: BTreeMap<(CivilMonth, Benefit), u64> = sums::children_by_month(db)?.into_iter().collect();
    let share = |month, benefit| {
        let of = entitled.get(&(month, benefit)).copied().filter(|of| *of > 0)?;
        i64::try_from(used.get(&(month, benefit)).copied().unwrap_or(0).min(of) * 100 / of).ok()
    };
    Ok(Chart {
        key: "take-up",
        title: "Inanspruchnahme",
        words: "Von 100 Kindern mit Bewilligung haben so viele die Leistung in dem Monat genutzt.".into(),
        column: "Monat",
        unit: Unit::Percent,
        series: series_of(&SHOWN),
        columns: months_between(months).map(|month| (month.german(), SHOWN.iter().map(|benefit| share(month, *benefit)).collect())).collect(),
        stacked: false,
    })
}

/// How long open claims have been here.
fn ages(open: &[OpenBatch], now: UtcMs) -> Chart {
    let mut sums = [Cents::ZERO; AGES.len() + 1];
    for batch in open {
        let days = now.since(batch.received) / DAY_MS;
        let place = AGES.iter().position(|(most, _)| days <= *most).unwrap_or(AGES.len());
        if let Some(sum) = sums.get_mut(place) {
            *sum = sum.plus(batch.open);
        }
    }
    let names = AGES.iter().map(|(_, name)| *name).chain([OLDER]);
    Chart {
        key: "ages",
        title: "Alter offener Forderungen",
        words: "Was eingegangen und noch nicht gezahlt ist, nach Tagen seit dem Eingang.".into(),
        column: "Tage seit dem Eingang",
        unit: Unit::Money,
        series: vec![Series { name: "offen", class: "s1" }],
        columns: names.zip(sums).map(|(name, sum)| (name.to_owned(), vec![Some(sum.get())])).collect(),
        stacked: true,
    }
}

/// How many days from arrival to payment, for half and for nine tenths of the batches of a month.
fn pay_out(db: &Connection, months: (CivilMonth, CivilMonth)) -> Result<Chart, StoreError> {
    let mut days = figures::days_to_payment(db, months.0.first_day().midnight().ms())?;
    let mut values = |month| {
        let mut of_month = days.remove(&month).unwrap_or_default();
        of_month.sort_unstable();
        let at = |share: usize| of_month.get((of_month.len() * share / 100).min(of_month.len().saturating_sub(1))).map(|days| i64::from(*days));
        vec![at(50), at(90)]
    };
    Ok(Chart {
        key: "pay-out",
        title: "Vom Eingang bis zur Zahlung",
        words: "Nach dem Monat des Eingangs: In so vielen Tagen war die Hälfte der Abrechnungen gezahlt, und neun von zehn.".into(),
        column: "Monat des Eingangs",
        unit: Unit::Days,
        series: vec![Series { name: "die Hälfte", class: "s1" }, Series { name: "neun von zehn", class: "s2" }],
        columns: months_between(months).map(|month| (month.german(), values(month))).collect(),
        stacked: false,
    })
}

/// Whether statistics count these as uses: what was taken back is none.
const fn counts_in_statistics(kind: Option<Kind>) -> bool {
    matches!(kind, Some(Kind::Standing))
}
