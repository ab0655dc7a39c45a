//! The page at the counter.

use super::{Frame, Visit};
use crate::shell::store::StoreError;
use crate::shell::web::problem::Problem;
use crate::terminal::Terminal;
use crate::terminal::settings::Setting;
use crate::words::benefit::Benefit;
use crate::words::service::{Pricing, Service};
use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};

pub(super) struct ServiceChoice {
    pub code: String,
    pub label: String,
    /// What the page asks besides, separated by spaces.
    pub fields: &'static str,
}

struct OfficeChoice {
    id: String,
    name: String,
}

#[derive(Template)]
#[template(path = "terminal/counter.html")]
struct CounterPage {
    frame: Frame,
    services: Vec<ServiceChoice>,
    /// The code of the service that is usual here.
    usual: String,
    offices: Vec<OfficeChoice>,
}

/// The counter.
pub(in super::super) async fn show(visit: Visit) -> Result<Response, Problem> {
    if visit.comes_before_set_up().await? {
        return Ok(Redirect::to("/setup").into_response());
    }
    visit.show(page).await
}

fn page(terminal: &mut Terminal, frame: Frame) -> Result<CounterPage, StoreError> {
    let usual = terminal.setting(Setting::Service)?.unwrap_or_default();
    let services = service_choices(terminal);
    let offices = terminal.offices().iter().map(|(o, trust)| OfficeChoice { id: o.id.to_string(), name: trust.office_name.clone() });
    Ok(CounterPage { frame, services, usual, offices: offices.collect() })
}

/// The services there are, each once, lunch first.
pub(super) fn service_choices(terminal: &Terminal) -> Vec<ServiceChoice> {
    let mut agreed: Vec<&Service> =
        terminal.offices().iter().filter_map(|(office, _)| office.credential.as_ref()).flat_map(|c| &c.services).collect();
    agreed.sort_by_key(|service| service.benefit);
    let mut services: Vec<ServiceChoice> = Vec::new();
    for service in agreed {
        if services.iter().all(|s| s.code != service.code.as_str()) {
            services.push(ServiceChoice { code: service.code.to_string(), label: service.label.clone(), fields: fields(service) });
        }
    }
    services
}

/// What a service needs besides a card: an amount, several months or the number of a rate, a lesson's times, what to do with a rest.
fn fields(service: &Service) -> &'static str {
    match (service.benefit, service.pricing) {
        (Benefit::Tutoring, _) => "lesson",
        (Benefit::Participation, Pricing::Free) => "amount months rest",
        (Benefit::Participation, Pricing::Monthly) => "months rest",
        (_, Pricing::Free) => "amount rate",
        (_, Pricing::Monthly) => "months",
        (_, Pricing::PerUnit) => "",
    }
}
