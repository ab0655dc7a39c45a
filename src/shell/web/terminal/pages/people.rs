//! The pages of the provider's own lists: people, an import, group booking, pick-ups of another system.

use super::counter::{ServiceChoice, service_choices};
use super::{Frame, Visit};
use crate::shell::door;
use crate::shell::web::problem::Problem;
use crate::words::civil::CivilDay;
use askama::Template;
use axum::response::Response;

#[derive(Template)]
#[template(path = "terminal/people.html")]
struct PeoplePage {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "terminal/people-import.html")]
struct ImportPage {
    frame: Frame,
    lists: Vec<String>,
}

#[derive(Template)]
#[template(path = "terminal/groups.html")]
struct GroupsPage {
    frame: Frame,
    services: Vec<ServiceChoice>,
    today: String,
}

#[derive(Template)]
#[template(path = "terminal/pickups.html")]
struct PickupsPage {
    frame: Frame,
    /// Those with an agreed price for each time, which need nothing but a chip.
    services: Vec<ServiceChoice>,
}

/// The lists.
pub(in super::super) async fn show(visit: Visit) -> Result<Response, Problem> {
    visit.show(|_, frame| Ok(PeoplePage { frame })).await
}

/// A list from a file.
pub(in super::super) async fn import(visit: Visit) -> Result<Response, Problem> {
    visit.show(|terminal, frame| Ok(ImportPage { frame, lists: terminal.people("", None, door::now())?.lists })).await
}

/// Many in one go.
pub(in super::super) async fn groups(visit: Visit) -> Result<Response, Problem> {
    let today = CivilDay::of(door::now()).to_string();
    visit.show(|terminal, frame| Ok(GroupsPage { frame, services: service_choices(terminal), today })).await
}

/// Pick-ups from a file.
pub(in super::super) async fn pickups(visit: Visit) -> Result<Response, Problem> {
    let priced = |services: Vec<ServiceChoice>| services.into_iter().filter(|service| service.fields.is_empty()).collect();
    visit.show(move |terminal, frame| Ok(PickupsPage { frame, services: priced(service_choices(terminal)) })).await
}
