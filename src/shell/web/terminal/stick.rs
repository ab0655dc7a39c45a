//! The exchange with the offices by a stick in the box itself: what lies on it for this box is taken, and a fresh question is laid on it.

use super::backups::{at_the_disk, keeper, not_made};
use super::events::News;
use super::said::{Blank, Said};
use super::{App, Desk, MAX_FILE, answer, said, training};
use crate::shell::backup::mounts::Stick;
use crate::shell::backup::stick::{Found, NoStick};
use crate::shell::door::now;
use crate::shell::web::problem::Problem;
use crate::terminal::inbound::CannotTakeIn;
use crate::terminal::outbound::CannotSend;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json as value;

/// The one stick that is in.
pub(super) async fn the_stick(app: &App) -> Result<Stick, Problem> {
    let keeper = keeper(app)?;
    at_the_disk(move || keeper.the_stick()).await?.map_err(|error| {
        let labels = |labels: &String| Some(("label", Blank::Text(labels.clone())));
        let said: Said = match &error {
            NoStick::None => ("counter.no_stick", None),
            NoStick::Several(names) => ("counter.several_sticks", labels(names)),
            NoStick::ReadOnly(name) => ("counter.stick_locked", labels(name)),
        };
        Problem::new(StatusCode::CONFLICT, error.to_string()).saying(&said)
    })
}

/// What lies on the stick with this ending, the latest first.
pub(super) async fn letters(stick: &Stick, ending: &'static str) -> Result<Vec<Found>, Problem> {
    let stick = stick.clone();
    at_the_disk(move || {
        let mut found = stick.files(ending);
        Found::sort(&mut found);
        found
    })
    .await
}

/// What is in it; nothing where it is longer than any letter of an office, or cannot be read.
pub(super) async fn read(letter: &Found) -> Result<Vec<u8>, Problem> {
    let letter = letter.clone();
    Ok(at_the_disk(move || letter.read(MAX_FILE as u64)).await?.unwrap_or_default())
}

/// Lays a file on the stick.
pub(super) async fn put(stick: &Stick, name: String, bytes: Vec<u8>) -> Result<(), Problem> {
    let stick = stick.clone();
    at_the_disk(move || stick.put(&name, &bytes)).await?.map(drop).map_err(|error| not_made(&error))
}

/// Takes the offices' answers from the stick that is in, then lays a question for each office on it.
pub(super) async fn exchange(State(app): State<App>, desk: Desk) -> Result<Response, Problem> {
    training::no_stick(desk.caller)?;
    let stick = the_stick(&app).await?;
    let _one_at_a_time = app.exchanging.lock().await;
    let mut taken = Vec::new();
    // Backups and our own questions lie there too.
    let of_an_office = |letter: &Found| !letter.name.starts_with("terminal-") && !letter.name.starts_with("claims-");
    for letter in letters(&stick, ".age").await?.into_iter().filter(of_an_office) {
        let bytes = read(&letter).await?;
        match desk.writer.run(move |terminal, chance| terminal.take_inbound(&bytes, chance, now())).await? {
            Ok(one) => taken.push(one),
            Err(CannotTakeIn::Store(error)) => return Err(error.into()),
            // An answer that was taken before, or one for another box, stays where it is.
            Err(other) => tracing::info!(file = letter.name, %other, "a file on the stick was left alone"),
        }
    }
    if !taken.is_empty() {
        app.events.tell(News::Status);
    }
    let offices = desk.writer.run(|terminal, _| terminal.offices().iter().map(|(office, _)| office.id.clone()).collect::<Vec<_>>()).await?;
    if offices.is_empty() {
        let sentence = "this box is enrolled nowhere yet: enrol it first, in the set-up";
        return Err(Problem::new(StatusCode::CONFLICT, sentence).saying(&("counter.no_office_yet", None)));
    }
    let mut written = Vec::new();
    for office in offices {
        let asked = office.clone();
        let bytes = desk.writer.run(move |terminal, chance| terminal.outbound(&asked, chance, now())).await?.map_err(|error| match error {
            CannotSend::Store(store) => store.into(),
            other => Problem::new(StatusCode::CONFLICT, other.to_string()).saying(&said::of_sending(&other)),
        })?;
        let name = format!("claims-{office}.age");
        put(&stick, name.clone(), bytes).await?;
        written.push(name);
    }
    Ok(answer(StatusCode::OK, value!({"stick": stick.label, "taken": taken, "written": written})))
}
