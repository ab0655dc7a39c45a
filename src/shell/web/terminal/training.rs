//! Training over HTTP: who practises works at a terminal in memory instead of the real box.

use super::session::Caller;
use super::writer::Writer;
use super::{App, Desk, answer, json, pins};
use crate::shell::door::{now, os_chance};
use crate::shell::texts::{Language, Texts};
use crate::shell::training::{CannotTrain, Model, PracticeOffice, begin, is_practice_card};
use crate::shell::web::problem::Problem;
use crate::terminal::inbound::TakenIn;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json as value};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrainingBody {
    on: bool,
}

/// The terminal for practising, while somebody practises.
#[derive(Clone, Debug, Default)]
pub(super) struct Practice(Arc<Mutex<Option<Running>>>);

#[derive(Clone, Debug)]
struct Running {
    writer: Writer,
    office: Arc<Mutex<PracticeOffice>>,
}

impl Practice {
    /// The way to the terminal for practising, if there is one.
    pub fn writer(&self) -> Option<Writer> {
        self.running().map(|running| running.writer)
    }

    fn running(&self) -> Option<Running> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn run(&self, running: Running) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(running);
    }
}

impl From<CannotTrain> for Problem {
    fn from(error: CannotTrain) -> Self {
        tracing::error!(%error, "training failed");
        Self::bug()
    }
}

/// Begins practising with a fresh box, or ends it.
pub(super) async fn switch(State(app): State<App>, desk: Desk, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Response, Problem> {
    let TrainingBody { on } = json(&headers, body)?;
    let Some(session) = desk.caller.session else {
        return Err(Problem::new(StatusCode::CONFLICT, "only a page can practise: a program with the key works at the real box"));
    };
    if on {
        let model = app.writer.run(|terminal, _| Model::of(terminal)).await??;
        let fresh = tokio::task::spawn_blocking(move || {
            let mut chance = os_chance();
            let (terminal, office) = begin(model, &mut chance, now())?;
            let (writer, _) = Writer::start(terminal, chance);
            Ok::<_, CannotTrain>(Running { writer, office: Arc::new(Mutex::new(office)) })
        });
        app.practice.run(fresh.await.map_err(|_| Problem::bug())??);
    }
    app.sessions.train(session, on);
    Ok(answer(StatusCode::OK, pins::session_json(&app, desk.caller.role, on)))
}

/// Something was recorded: an exchange is worth its while soon, unless it was practice.
pub(super) fn recorded(app: &App, caller: Caller) {
    if !caller.training {
        app.recorded.notify_one();
    }
}

/// An exchange with the practice office.
pub(super) async fn exchange(app: &App) -> Result<TakenIn, Problem> {
    let running = app.practice.running().ok_or_else(Problem::bug)?;
    let done = running.writer.run(move |terminal, chance| {
        let mut office = running.office.lock().unwrap_or_else(PoisonError::into_inner);
        office.exchange(terminal, chance, now())
    });
    Ok(done.await??)
}

/// Files for a stick are of the real box: nothing of a training is carried anywhere.
pub(super) fn no_stick(caller: Caller) -> Result<(), Problem> {
    if !caller.training {
        return Ok(());
    }
    let sentence = "this is a training: there is no file for the office; end the training first";
    Err(Problem { what: Some("training"), ..Problem::new(StatusCode::CONFLICT, sentence) })
}

/// Where a practice card meets the real box, or any other card the training, the refusal says so instead of “unknown”.
pub(super) fn explained(mut body: Value, code: &str, training: bool) -> Value {
    let practice_card = is_practice_card(code);
    let key = match (body["verdict"] == "refused", practice_card, training) {
        (true, true, false) => "training.practice_card",
        (true, false, true) if ["unknown_key", "unknown_number"].iter().any(|reason| body["reason"] == *reason) => "training.real_card",
        _ => return body,
    };
    let say = |key: &str| -> serde_json::Map<String, Value> {
        Language::all().map(|language| (language.code().to_owned(), Texts::speaking(language).word(key).into())).collect()
    };
    body["message"] = say(key).into();
    body["word"] = say("page.training").into();
    body["can_be_held"] = false.into();
    body["practice"] = practice_card.into();
    body
}

/// The refusal that a practice card meets at the real box before anything is stored of it.
pub(super) fn refused_here(code: Option<&str>, training: bool) -> Option<Response> {
    let code = code.filter(|code| !training && is_practice_card(code))?;
    let reason = crate::words::reason::Reason::UnknownKey;
    let body = value!({"verdict": "refused", "reason": reason});
    Some(answer(StatusCode::OK, explained(body, code, training)))
}
