//! The neighbours on the page of devices: who they are, since when one is silent, what stands twice; add and remove.

use super::neighbours::NoLine;
use super::said::{self, Said, in_every_language};
use super::setup::not_practising;
use super::{App, Desk, answer, json};
use crate::shell::door::now;
use crate::shell::store::StoreError;
use crate::shell::store::terminal::AddressRow;
use crate::shell::web::problem::Problem;
use crate::terminal::neighbours::{CannotTalk, MAX_ADDRESSES, NoNeighbour};
use crate::words::code::Code;
use crate::words::ids::TerminalId;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json as value};

/// A neighbour that was heard within this time is connected: it is asked every five seconds.
const CONNECTED_MS: u64 = 20_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AddressBody {
    address: String,
}

/// The neighbours and what stands twice.
pub(super) async fn list(State(app): State<App>) -> Result<Response, Problem> {
    let looked = app.writer.run(|terminal, _| {
        let hood = terminal.neighbourhood(now())?;
        let label = |code: &Code| terminal.offices().service(code).map_or_else(|| code.to_string(), |(_, service)| service.label.clone());
        let labels: Vec<String> = hood.doubled.iter().map(|doubled| label(&doubled.service)).collect();
        Ok::<_, StoreError>((hood, labels))
    });
    let (hood, labels) = looked.await??;
    let time = now();
    let wrong = |rows: &[AddressRow]| rows.iter().find_map(|row| app.neighbours.wrong(&row.address, |why| in_every_language(&of(why))));
    let neighbours: Vec<Value> = hood
        .neighbours
        .iter()
        .map(|neighbour| {
            let heard = neighbour.heard_at;
            let connected = heard.0 > 0 && time.since(heard).max(heard.since(time)) < CONNECTED_MS;
            value!({
                "id": neighbour.terminal, "name": neighbour.label, "connected": connected,
                "heard_at": (heard.0 > 0).then(|| heard.rfc3339()),
                "addresses": neighbour.addresses.iter().map(|row| row.address.as_str()).collect::<Vec<_>>(),
                "problem": if connected { None } else { wrong(&neighbour.addresses) },
            })
        })
        .collect();
    let unmet: Vec<Value> = hood
        .unmet
        .iter()
        .map(|row| value!({"id": row.id.to_string(), "address": row.address, "problem": wrong(std::slice::from_ref(row))}))
        .collect();
    let doubled: Vec<Value> = hood
        .doubled
        .iter()
        .zip(&labels)
        .map(|(d, label)| {
            value!({
                "service": label, "service_date": d.day, "at": d.at.rfc3339(), "there_at": d.there_at.rfc3339(), "name": d.label,
            })
        })
        .collect();
    Ok(answer(StatusCode::OK, value!({"here": app.neighbours.addresses(), "neighbours": neighbours, "unmet": unmet, "doubled": doubled})))
}

/// Adds the neighbour at an address, once it has said who it is.
pub(super) async fn add(State(app): State<App>, desk: Desk, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let AddressBody { address } = json(&headers, body)?;
    app.meet_neighbour(address).await?;
    Ok(answer(StatusCode::CREATED, value!({"added": true})))
}

/// Removes a neighbour with its addresses, or an address at which nobody was met.
pub(super) async fn remove(State(app): State<App>, desk: Desk, Path(id): Path<String>) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let (terminal, address) = (TerminalId::from_hex(&id), id.parse::<i64>().ok());
    let removed = match (terminal, address) {
        (Some(terminal), _) => app.writer.run(move |box_, _| box_.forget_neighbour(terminal)).await?,
        (None, Some(address)) => app.writer.run(move |box_, _| box_.forget_neighbour_address(address)).await?,
        (None, None) => {
            let gone = Problem::new(StatusCode::NOT_FOUND, "there is no such neighbour: load the page again");
            return Err(gone.saying(&("problem.no_such_device", None)));
        }
    };
    removed?;
    Ok(answer(StatusCode::OK, value!({"removed": id})))
}

impl From<NoLine> for Problem {
    fn from(error: NoLine) -> Self {
        let status = match &error {
            NoLine::NotDone(_) => return Self::bug(),
            NoLine::Talk(CannotTalk::Store(_)) => StatusCode::SERVICE_UNAVAILABLE,
            NoLine::Talk(CannotTalk::NoAddress(_)) => StatusCode::UNPROCESSABLE_ENTITY,
            NoLine::Talk(_) => StatusCode::CONFLICT,
            NoLine::Unreachable(_) | NoLine::NoTerminal(_) => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, error.to_string()).saying(&of(&error))
    }
}

/// What people read of a neighbour that is not reached.
fn of(error: &NoLine) -> Said {
    let text = |name, text: &str| Some((name, said::Blank::Text(text.trim_start_matches("http://").to_owned())));
    match error {
        NoLine::Unreachable(address) => ("problem.neighbour_unreachable", text("address", address)),
        NoLine::NoTerminal(address) => ("problem.neighbour_no_terminal", text("address", address)),
        NoLine::Talk(CannotTalk::NoAddress(address)) => ("problem.neighbour_no_address", text("address", address)),
        NoLine::Talk(CannotTalk::TooMany) => ("problem.neighbour_too_many", text("most", &MAX_ADDRESSES.to_string())),
        NoLine::Talk(CannotTalk::NoNeighbour(why)) => match why {
            NoNeighbour::Ourselves => ("problem.neighbour_ourselves", None),
            NoNeighbour::OtherOffice => ("problem.neighbour_other_office", None),
            NoNeighbour::OtherProvider => ("problem.neighbour_other_provider", None),
            NoNeighbour::Ended => ("problem.neighbour_ended", None),
            NoNeighbour::NotNamed => ("problem.neighbour_not_named", None),
            NoNeighbour::NotAdmitted => ("problem.neighbour_not_admitted", None),
        },
        NoLine::Talk(_) | NoLine::NotDone(_) => ("problem.neighbour_not_understood", None),
    }
}
