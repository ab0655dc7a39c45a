//! One's own account: password, second factor, passkeys, and when it was signed in to.

use super::Desk;
use super::caller::Caller;
use super::doors::{Door, Route};
use super::login::{SignedIn, only_encrypted};
use super::page::{Done, Fault, Frame, Page, go, show};
use super::session::Session;
use super::steps::{FactorPage, NewPassword, RecoveryPage, wrong_code};
use super::words::moment;
use crate::office::{Action, MAX_PASSKEY_LABEL, MIN_PASSWORD, OfficeError, SecondFactor, account, has_identity_provider, second_factor};
use crate::shell::door;
use crate::shell::store::office::audit::{Filter, newest};
use crate::shell::store::office::{clerks, passkeys};
use crate::shell::store::sql::Connection;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

/// How many sign-ins are listed.
const SIGN_INS: u64 = 10;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    vec![
        ("get", "/account", Door::SignedIn, get(page)),
        ("post", "/account/password", Door::SignedIn, post(change_password)),
        ("get", "/account/factor", Door::SignedIn, get(factor_form)),
        ("post", "/account/factor", Door::SignedIn, post(take_factor)),
        ("post", "/account/recovery", Door::SignedIn, post(renew_recovery)),
    ]
}

struct Key {
    id: i64,
    label: String,
    created: String,
    used: Option<String>,
}

struct SignInView {
    at: String,
    words: String,
    failed: bool,
}

struct Own {
    roles: Vec<&'static str>,
    codes: bool,
    recovery_left: u64,
    keys: Vec<Key>,
    sign_ins: Vec<SignInView>,
    required: bool,
    signs_in_elsewhere: bool,
    linked: bool,
}

fn own(db: &Connection, name: &str) -> Result<Own, OfficeError> {
    let known = account(db, name)?.ok_or_else(|| OfficeError::NotFound("there is no such account".into()))?;
    let keys = passkeys::of_clerk(db, known.id)?;
    let key = |row: passkeys::PasskeyRow| Key { id: row.id, label: row.label, created: moment(row.created), used: row.used.map(moment) };
    let mut records = Vec::new();
    for action in [Action::SignIn, Action::SignInFailed] {
        let filter = Filter { clerk: Some(known.name.clone()), action: Some(action.code().to_owned()), ..Filter::default() };
        records.extend(newest(db, &filter, u64::MAX, SIGN_INS)?);
    }
    records.sort_by_key(|record| std::cmp::Reverse(record.seq));
    records.truncate(usize::try_from(SIGN_INS).unwrap_or(usize::MAX));
    let sign_in = |record: crate::shell::store::office::audit::Record| SignInView {
        at: moment(record.at),
        failed: record.action == Action::SignInFailed.code(),
        words: record.detail.unwrap_or_default(),
    };
    Ok(Own {
        roles: crate::office::Roles::parse(&known.roles).iter().map(crate::office::Role::german).collect(),
        codes: known.factor.is_some(),
        recovery_left: clerks::recovery_left(db, known.id)?,
        keys: keys.into_iter().map(key).collect(),
        sign_ins: records.into_iter().map(sign_in).collect(),
        required: second_factor(db)? == SecondFactor::Required,
        signs_in_elsewhere: has_identity_provider(db)?,
        linked: known.subject.is_some(),
    })
}

#[derive(Template)]
#[template(path = "office/account.html")]
struct AccountPage {
    frame: Frame,
    own: Own,
    trouble: String,
    least: usize,
    longest_label: usize,
}

async fn shown(desk: &Desk, clerk: &SignedIn, done: Option<&str>, trouble: String) -> Page {
    let name = clerk.name.clone();
    let own = desk.look(move |db| own(db, &name)).await?;
    let frame = Frame::new(desk, clerk, "account").after(done);
    show(&AccountPage { frame, own, trouble, least: MIN_PASSWORD, longest_label: MAX_PASSKEY_LABEL })
}

async fn page(State(desk): State<Desk>, clerk: SignedIn, Query(Done { done }): Query<Done>) -> Page {
    shown(&desk, &clerk, done.as_deref(), String::new()).await
}

#[derive(Deserialize)]
struct ChangeForm {
    old: String,
    new: String,
    again: String,
}

/// Checks the password of whoever has signed in, as a try that counts; an error within is what to tell.
pub(super) async fn own_password(desk: &Desk, caller: &Caller, clerk: &SignedIn, password: String) -> Result<Result<(), String>, Fault> {
    if let Err(trouble) = desk.count_try(&clerk.name, caller).await? {
        return Ok(Err(trouble));
    }
    if desk.password_holds(&clerk.name, password).await?.is_some() {
        desk.forget_tries(&clerk.name, caller).await?;
        return Ok(Ok(()));
    }
    desk.note_failed(clerk.name.clone(), format!("falsches Passwort im eigenen Konto, {}", caller.from())).await?;
    Ok(Err("Das Passwort ist nicht richtig. Es wurde nichts geändert; bitte noch einmal eingeben.".into()))
}

async fn change_password(
    State(desk): State<Desk>,
    caller: Caller,
    headers: HeaderMap,
    clerk: SignedIn,
    filled: Result<Form<ChangeForm>, FormRejection>,
) -> Page {
    only_encrypted(&headers)?;
    let again = async |trouble: String| Ok((StatusCode::UNPROCESSABLE_ENTITY, shown(&desk, &clerk, None, trouble).await?).into_response());
    let Ok(Form(form)) = filled else { return again("Bitte das bisherige Passwort und zweimal das neue eingeben.".into()).await };
    if let Err(trouble) = own_password(&desk, &caller, &clerk, form.old).await? {
        return again(trouble).await;
    }
    match desk.choose_password(clerk.known.clone(), Some(&clerk.secret), NewPassword { new: form.new, again: form.again }).await? {
        Ok(_) => Ok(go("/account?done=password")),
        Err(trouble) => again(trouble).await,
    }
}

/// The session of whoever has signed in.
async fn session(desk: &Desk, caller: &Caller, headers: &HeaderMap) -> Result<(Session, String), Fault> {
    desk.seat(caller, headers, door::now()).await?.ok_or_else(|| {
        Fault::new(StatusCode::UNAUTHORIZED, "Sitzung beendet", "Die Sitzung ist zu Ende. Bitte neu anmelden.").back_to("/login", "Neu anmelden")
    })
}

async fn factor_form(State(desk): State<Desk>, caller: Caller, headers: HeaderMap, clerk: SignedIn) -> Page {
    let (session, secret) = session(&desk, &caller, &headers).await?;
    let pending = desk.pending(&session, &secret).await?;
    show(&FactorPage::of(&desk, &clerk.name, &pending, "/account/factor", String::new()))
}

#[derive(Deserialize)]
struct FactorForm {
    code: String,
    password: String,
}

async fn take_factor(
    State(desk): State<Desk>,
    caller: Caller,
    headers: HeaderMap,
    clerk: SignedIn,
    filled: Result<Form<FactorForm>, FormRejection>,
) -> Page {
    let (session, secret) = session(&desk, &caller, &headers).await?;
    let pending = desk.pending(&session, &secret).await?;
    let again = |trouble: String| {
        let page = show(&FactorPage::of(&desk, &clerk.name, &pending, "/account/factor", trouble))?;
        Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
    };
    let Ok(Form(form)) = filled else { return again("Bitte Passwort und Code eingeben.".into()) };
    if let Err(trouble) = own_password(&desk, &caller, &clerk, form.password).await? {
        return again(trouble);
    }
    let (name, now, key, own) = (clerk.name.clone(), door::now(), pending.clone(), super::session::key(&clerk.secret));
    match desk.with(move |office| office.enrol_factor(&name, &key[..], &form.code, Some(own), now)).await? {
        Some(codes) => {
            desk.pend(&secret, None).await?;
            show(&RecoveryPage { office: desk.0.name.clone(), codes, onward: "/account" })
        }
        None => again(wrong_code()),
    }
}

/// One's own password, asked for before another way in is opened: a session left open is not enough for that.
#[derive(Deserialize)]
pub(super) struct OwnPassword {
    pub(super) password: String,
}

/// The account's page again if this is not the clerk's own password.
pub(super) async fn not_own(
    desk: &Desk,
    caller: &Caller,
    headers: &HeaderMap,
    clerk: &SignedIn,
    filled: Result<Form<OwnPassword>, FormRejection>,
) -> Result<Option<Response>, Fault> {
    only_encrypted(headers)?;
    let held = match filled {
        Ok(Form(form)) => own_password(desk, caller, clerk, form.password).await?,
        Err(_) => Err("Bitte das eigene Passwort eingeben.".into()),
    };
    let Err(trouble) = held else { return Ok(None) };
    Ok(Some((StatusCode::UNPROCESSABLE_ENTITY, shown(desk, clerk, None, trouble).await?).into_response()))
}

async fn renew_recovery(
    State(desk): State<Desk>,
    caller: Caller,
    headers: HeaderMap,
    clerk: SignedIn,
    filled: Result<Form<OwnPassword>, FormRejection>,
) -> Page {
    if let Some(again) = not_own(&desk, &caller, &headers, &clerk, filled).await? {
        return Ok(again);
    }
    let renewed = desk.0.office.ask(move |office| office.renew_recovery(&clerk.name, door::now())).await?;
    match renewed {
        Ok(codes) => show(&RecoveryPage { office: desk.0.name.clone(), codes, onward: "/account" }),
        Err(OfficeError::Wrong(_)) => {
            Err(Fault::form("Ersatz-Codes gibt es zu Einmal-Codes. Bitte zuerst die App einrichten.").back_to("/account", "Zu meinem Konto"))
        }
        Err(why) => Err(why.into()),
    }
}
