//! The box's settings over HTTP, and a look at whether all is well with it.

use super::setup::not_practising;
use super::shape::unfit;
use super::{App, Desk, answer, json, pins, said};
use crate::shell::backup::Kind;
use crate::shell::checkup::backup::BackupLook;
use crate::shell::checkup::{Grade, is_well, terminal::look_at};
use crate::shell::door::now;
use crate::shell::store::StoreError;
use crate::shell::texts::Language;
use crate::shell::web::problem::Problem;
use crate::terminal::Terminal;
use crate::terminal::settings::Setting;
use crate::words::code::Code;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json as value};

/// The longest name of a box, in characters.
const MAX_NAME: usize = 60;
/// After how many minutes without a touch a box may lock itself.
pub(super) const LOCK_CHOICES: std::ops::RangeInclusive<u64> = 1..=240;
/// The steps of the set-up; the last says that it was gone through.
pub(super) const STEPS: [&str; 8] = ["language", "office", "name", "services", "pins", "scanner", "end", "done"];

/// What to set; what is not named stays, and an empty text takes a setting back.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsBody {
    name: Option<String>,
    language: Option<String>,
    service: Option<String>,
    lock_minutes: Option<u64>,
    set_up: Option<String>,
}

pub(super) async fn show(State(app): State<App>) -> Result<Response, Problem> {
    let body = app.writer.run(|terminal, _| settings_json(terminal)).await??;
    Ok(answer(StatusCode::OK, body))
}

fn settings_json(terminal: &mut Terminal) -> Result<Value, StoreError> {
    let minutes: Option<u64> = terminal.setting(Setting::LockMinutes)?.and_then(|text| text.parse().ok());
    Ok(value!({
        "name": terminal.setting(Setting::Name)?,
        "language": terminal.setting(Setting::Language)?,
        "service": terminal.setting(Setting::Service)?,
        "lock_minutes": minutes.unwrap_or(super::session::LOCK_MINUTES),
        "set_up": terminal.setting(Setting::SetUp)?,
    }))
}

/// Makes the settings that are named: all of them, or none.
pub(super) async fn change(State(app): State<App>, desk: Desk, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Response, Problem> {
    not_practising(&desk)?;
    let asked: SettingsBody = json(&headers, body)?;
    check(&asked)?;
    let body = app.writer.run(move |terminal, _| {
        if let Some(code) = asked.service.as_deref().filter(|code| !code.is_empty())
            && Code::parse(code).is_none_or(|code| terminal.offices().service(&code).is_none())
        {
            return Err(unfit("no office has agreed a service of this name with this box"));
        }
        let minutes = asked.lock_minutes.map(|minutes| minutes.to_string());
        let texts = [
            (Setting::Name, asked.name.as_deref().map(str::trim)),
            (Setting::Language, asked.language.as_deref()),
            (Setting::Service, asked.service.as_deref()),
            (Setting::LockMinutes, minutes.as_deref()),
            (Setting::SetUp, asked.set_up.as_deref()),
        ];
        for (setting, text) in texts {
            if let Some(text) = text {
                terminal.set(setting, Some(text).filter(|text| !text.is_empty()))?;
            }
        }
        Ok(settings_json(terminal)?)
    });
    let body = body.await??;
    pins::load(&app).await?;
    Ok(answer(StatusCode::OK, body))
}

fn check(asked: &SettingsBody) -> Result<(), Problem> {
    if asked.name.as_deref().is_some_and(|name| name.trim().chars().count() > MAX_NAME || name.chars().any(char::is_control)) {
        let long = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, format!("a name has at most {MAX_NAME} characters"));
        return Err(long.saying(&("problem.box_name", Some(("most", said::Blank::Text(MAX_NAME.to_string()))))));
    }
    if asked.language.as_deref().is_some_and(|language| !language.is_empty() && Language::find(language).is_none()) {
        return Err(unfit("this box does not speak that language"));
    }
    if asked.lock_minutes.is_some_and(|minutes| !LOCK_CHOICES.contains(&minutes)) {
        return Err(unfit("a box locks itself after 1 to 240 minutes"));
    }
    if asked.set_up.as_deref().is_some_and(|step| !STEPS.contains(&step)) {
        return Err(unfit("the set-up has no such step"));
    }
    Ok(())
}

/// Looks whether all is well with the box, its whole journal included.
pub(super) async fn checkup(State(app): State<App>) -> Result<Response, Problem> {
    let mut findings = app.writer.run(|terminal, _| look_at(terminal, now())).await?;
    findings.extend(app.backups.as_deref().map(|keeper| BackupLook::at(keeper.dir(), now()).finding(Kind::Terminal)));
    let checks: Vec<Value> =
        findings.iter().map(|f| value!({"check": f.check, "ok": f.grade == Grade::Ok, "grade": f.grade, "sentence": f.wrong})).collect();
    Ok(answer(StatusCode::OK, value!({"well": is_well(&findings), "checks": checks})))
}
