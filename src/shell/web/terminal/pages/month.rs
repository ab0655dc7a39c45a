//! The month: how it stands with each office, what came back, what was claimed, answered and paid; as a page and on paper.

use super::month_shown::{Choice, Line, Office, Payment, Shown, Sum};
use super::{Frame, Visit};
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::{LineFilter, MonthSum};
use crate::shell::web::problem::Problem;
use crate::terminal::Terminal;
use crate::terminal::month::MAX_RETURNED;
use crate::words::benefit::Benefit;
use crate::words::civil::{CivilDay, CivilMonth};
use crate::words::code::Code;
use crate::words::service::Pricing;
use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;
use std::collections::BTreeSet;

/// How many lines the page shows at once.
const AT_ONCE: u32 = 200;
/// The most lines on paper; the file holds all.
const ON_PAPER: u32 = 10_000;

#[derive(Debug, Default, Deserialize)]
pub(in super::super) struct Asked {
    month: Option<String>,
    service: Option<String>,
    returned: Option<String>,
    page: Option<String>,
}

impl Asked {
    /// The month; the present one where none or rubbish is named.
    pub fn month(&self) -> CivilMonth {
        let present = CivilDay::of(door::now()).month();
        self.month.as_deref().and_then(CivilMonth::parse).unwrap_or(present)
    }

    fn is_unreadable(&self) -> bool {
        self.month.as_deref().is_some_and(|text| !text.is_empty() && CivilMonth::parse(text).is_none())
    }

    pub fn filter(&self) -> LineFilter {
        LineFilter { service: self.service.as_deref().and_then(Code::parse), returned: self.returned.as_deref() == Some("1") }
    }
}

#[derive(Template)]
#[template(path = "terminal/month.html")]
struct MonthPage {
    frame: Frame,
    offices: Vec<Office>,
    returned: Vec<Line>,
    more_returned: u64,
    month: CivilMonth,
    name: String,
    unreadable: bool,
    before: Option<CivilMonth>,
    after: Option<CivilMonth>,
    months: Vec<(CivilMonth, String)>,
    services: Vec<(String, String)>,
    service: String,
    only_returned: bool,
    sums: Vec<Sum>,
    total: Sum,
    several_offices: bool,
    payments: Vec<Payment>,
    lines: Vec<Line>,
    matching: u64,
    page: u64,
    pages: u64,
    choices: Vec<Choice>,
}

#[derive(Template)]
#[template(path = "terminal/month-print.html")]
struct PrintPage {
    frame: Frame,
    month: CivilMonth,
    name: String,
    made: String,
    sums: Vec<Sum>,
    total: Sum,
    several_offices: bool,
    payments: Vec<Payment>,
    lines: Vec<Line>,
    cut: bool,
}

/// The month as a page.
pub(in super::super) async fn show(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    visit.show(move |terminal, frame| page(terminal, frame, &asked)).await
}

fn page(terminal: &mut Terminal, frame: Frame, asked: &Asked) -> Result<MonthPage, StoreError> {
    let now = door::now();
    let (month, filter, present) = (asked.month(), asked.filter(), CivilDay::of(now).month());
    let business = terminal.business(now)?;
    let wanted: u64 = asked.page.as_deref().and_then(|text| text.parse().ok()).unwrap_or(1);
    let mut found = terminal.month(month, &filter, 0, 0)?;
    let matching = matching(&found.sums, &filter);
    let pages = matching.div_ceil(AT_ONCE.into()).max(1);
    let page = wanted.clamp(1, pages);
    if matching > 0 {
        found = terminal.month(month, &filter, (page - 1) * u64::from(AT_ONCE), AT_ONCE)?;
    }
    let shown = Shown { terminal, frame: &frame };
    let offices = business.offices.iter().map(|(office, stuck)| shown.office(office, stuck)).collect();
    let first = found.first.min(month).min(present);
    let last = present.max(month);
    let months = (0..=last.since(first).min(59)).map(|back| CivilMonth::from_months((last.months() - back).into()).unwrap_or(last));
    let in_month: BTreeSet<&Code> = found.sums.iter().map(|sum| &sum.service).chain(&filter.service).collect();
    Ok(MonthPage {
        offices,
        returned: business.returned.iter().map(|line| shown.line(line, &found.confirmed)).collect(),
        more_returned: business.returned_count.saturating_sub(MAX_RETURNED.into()),
        name: month_name(month, &frame),
        unreadable: asked.is_unreadable(),
        before: CivilMonth::from_months(u64::from(month.months().saturating_sub(1))).filter(|before| *before >= first),
        after: (month < present).then(|| month.plus(1)),
        months: months.map(|month| (month, month_name(month, &frame))).collect(),
        services: in_month.into_iter().map(|code| (code.to_string(), shown.label(code))).collect(),
        service: filter.service.as_ref().map(Code::to_string).unwrap_or_default(),
        only_returned: filter.returned,
        sums: found.sums.iter().map(|sum| shown.sum(sum)).collect(),
        total: shown.total(&found.sums),
        several_offices: terminal_offices(terminal) > 1,
        payments: found.payments.iter().map(|payment| shown.payment(payment)).collect(),
        lines: found.lines.iter().map(|line| shown.line(line, &found.confirmed)).collect(),
        matching,
        page,
        pages,
        choices: choices(terminal),
        month,
        frame,
    })
}

/// The month on paper.
pub(in super::super) async fn print(visit: Visit, Query(asked): Query<Asked>) -> Result<Response, Problem> {
    let make = move |terminal: &mut Terminal, frame: Frame| {
        let now = door::now();
        let (month, filter) = (asked.month(), asked.filter());
        let found = terminal.month(month, &filter, 0, ON_PAPER)?;
        let shown = Shown { terminal, frame: &frame };
        Ok(PrintPage {
            name: month_name(month, &frame),
            made: frame.language().moment(now),
            sums: found.sums.iter().map(|sum| shown.sum(sum)).collect(),
            total: shown.total(&found.sums),
            several_offices: terminal_offices(terminal) > 1,
            payments: found.payments.iter().map(|payment| shown.payment(payment)).collect(),
            lines: found.lines.iter().map(|line| shown.line(line, &found.confirmed)).collect(),
            cut: matching(&found.sums, &filter) > u64::from(ON_PAPER),
            month,
            frame,
        })
    };
    visit.show(make).await
}

/// How many lines of a month a filter lets through.
fn matching(sums: &[MonthSum], filter: &LineFilter) -> u64 {
    let fits = |sum: &&MonthSum| filter.service.as_ref().is_none_or(|service| *service == sum.service);
    sums.iter().filter(fits).map(|sum| if filter.returned { sum.returned } else { sum.lines }).sum()
}

fn terminal_offices(terminal: &Terminal) -> usize {
    terminal.offices().iter().count()
}

/// `November 2026`.
fn month_name(month: CivilMonth, frame: &Frame) -> String {
    let place = (month.months() % 12) as usize;
    let name = frame.t("month.names").split_whitespace().nth(place).unwrap_or_default();
    format!("{name} {}", month.months() / 12 + 1970)
}

/// What can be recorded, by office.
fn choices(terminal: &Terminal) -> Vec<Choice> {
    let offices = terminal.offices().iter().filter_map(|(office, _)| office.credential.as_ref().map(|credential| (office, credential)));
    let of_office = offices.flat_map(|(office, credential)| {
        credential.services.iter().map(|service| Choice {
            office: office.id.to_string(),
            code: service.code.to_string(),
            label: service.label.clone(),
            kind: match (service.pricing, service.benefit) {
                (_, Benefit::Tutoring) => "lesson",
                (Pricing::Free, _) => "free",
                _ => "fixed",
            },
        })
    });
    of_office.collect()
}
