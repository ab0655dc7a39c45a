//! The steps of signing in after the password: a one-time code, a password of one's own, one-time codes set up for the first time.

use super::Desk;
use super::caller::Caller;
use super::doors::{Door, Route};
use super::login::{LetIn, only_encrypted};
use super::page::{Fault, Page, go, show};
use super::session::{Pending, Session, Stage, key};
use super::words::trouble;
use crate::office::{FreshPassword, Known, MIN_PASSWORD, Office, OfficeError};
use crate::shell::door;
use crate::shell::paper::qr::Qr;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    vec![
        ("get", "/login/code", Door::Open, get(code_form)),
        ("post", "/login/code", Door::Open, post(take_code)),
        ("get", "/login/password", Door::Open, get(password_form)),
        ("post", "/login/password", Door::Open, post(take_password)),
        ("get", "/login/factor", Door::Open, get(factor_form)),
        ("post", "/login/factor", Door::Open, post(take_factor)),
    ]
}

/// The session of somebody who is at this step; whoever is at another one is led there.
async fn at(desk: &Desk, caller: &Caller, headers: &HeaderMap, stage: Stage) -> Result<(Session, String), Response> {
    match desk.seat(caller, headers, door::now()).await {
        Ok(Some((session, secret))) if session.stage == stage => Ok((session, secret)),
        Ok(Some((session, _))) => Err(go(session.stage.place())),
        Ok(None) => Err(go("/login")),
        Err(fault) => Err(fault.into_response()),
    }
}

#[derive(Template)]
#[template(path = "office/login_code.html")]
struct CodePage {
    office: String,
    clerk: String,
    trouble: String,
}

#[derive(Deserialize)]
struct CodeForm {
    code: String,
}

async fn code_form(State(desk): State<Desk>, caller: Caller, headers: HeaderMap) -> Page {
    match at(&desk, &caller, &headers, Stage::Code).await {
        Ok((session, _)) => show(&CodePage { office: desk.0.name.clone(), clerk: session.clerk, trouble: String::new() }),
        Err(elsewhere) => Ok(elsewhere),
    }
}

async fn take_code(State(desk): State<Desk>, caller: Caller, headers: HeaderMap, filled: Result<Form<CodeForm>, FormRejection>) -> Page {
    let (session, _) = match at(&desk, &caller, &headers, Stage::Code).await {
        Ok(here) => here,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let code = filled.map(|Form(form)| form.code).unwrap_or_default();
    let again = |status: StatusCode, trouble: String| {
        let page = show(&CodePage { office: desk.0.name.clone(), clerk: session.clerk.clone(), trouble })?;
        Ok((status, page).into_response())
    };
    if let Err(trouble) = desk.count_code(&session.clerk, &caller).await? {
        return again(StatusCode::TOO_MANY_REQUESTS, trouble);
    }
    let (name, now) = (session.clerk.clone(), door::now());
    if desk.with(move |office| office.check_factor(&name, &code, now)).await? {
        return desk.let_in(&headers, &caller, session.known(), true, "mit Passwort und Einmal-Code").await?.go();
    }
    desk.note_failed(session.clerk.clone(), format!("falscher Einmal-Code, {}", caller.from())).await?;
    again(StatusCode::UNAUTHORIZED, "Dieser Code passt nicht oder wurde schon benutzt. Bitte den nächsten abwarten, den die App zeigt.".into())
}

#[derive(Template)]
#[template(path = "office/login_password.html")]
struct PasswordPage {
    office: String,
    clerk: String,
    trouble: String,
    least: usize,
}

/// A new password, typed twice.
#[derive(Deserialize)]
pub struct NewPassword {
    /// Once.
    pub new: String,
    /// And again.
    pub again: String,
}

async fn password_form(State(desk): State<Desk>, caller: Caller, headers: HeaderMap) -> Page {
    match at(&desk, &caller, &headers, Stage::NewPassword).await {
        Ok((session, _)) => show(&PasswordPage { office: desk.0.name.clone(), clerk: session.clerk, trouble: String::new(), least: MIN_PASSWORD }),
        Err(elsewhere) => Ok(elsewhere),
    }
}

async fn take_password(State(desk): State<Desk>, caller: Caller, headers: HeaderMap, filled: Result<Form<NewPassword>, FormRejection>) -> Page {
    let (session, _) = match at(&desk, &caller, &headers, Stage::NewPassword).await {
        Ok(here) => here,
        Err(elsewhere) => return Ok(elsewhere),
    };
    only_encrypted(&headers)?;
    if let Err(trouble) = desk.count_try(&session.clerk, &caller).await? {
        let page = show(&PasswordPage { office: desk.0.name.clone(), clerk: session.clerk, trouble, least: MIN_PASSWORD })?;
        return Ok((StatusCode::TOO_MANY_REQUESTS, page).into_response());
    }
    let taken = match filled {
        Ok(Form(form)) => desk.choose_password(session.known(), None, form).await?,
        Err(_) => Err("Bitte das neue Passwort zweimal eingeben.".into()),
    };
    match taken {
        Ok(known) => desk.let_in(&headers, &caller, known, session.code_shown, "mit neuem Passwort").await?.go(),
        Err(trouble) => {
            let page = show(&PasswordPage { office: desk.0.name.clone(), clerk: session.clerk, trouble, least: MIN_PASSWORD })?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

impl Desk {
    /// Takes a password that a clerk chose; an error within says what to choose instead.
    /// All sessions of the account end, but that of the secret `session`.
    pub(super) async fn choose_password(&self, clerk: Known, session: Option<&str>, form: NewPassword) -> Result<Result<Known, String>, Fault> {
        if form.new != form.again {
            return Ok(Err("Die beiden Eingaben sind nicht gleich. Bitte das neue Passwort noch einmal zweimal eingeben.".into()));
        }
        let (asked, name, now) = (clerk.name.clone(), clerk.name.clone(), door::now());
        let old = self.with(move |office| office.password_check(&asked)).await?;
        let fresh = self.hashing(move || FreshPassword::chosen(old, &name, &form.new, &mut door::os_chance())).await;
        let (name, kept) = (clerk.name.clone(), session.map(key));
        let chosen = match fresh {
            Ok(fresh) => self.0.office.ask(move |office: &mut Office| office.take_password(&clerk, &fresh, kept, now)).await?,
            Err(why) => Err(why),
        };
        match chosen {
            Ok(known) => {
                self.end_sessions(&name, session.unwrap_or_default()).await?;
                Ok(Ok(known))
            }
            Err(OfficeError::Wrong(_)) => Ok(Err(format!(
                "Dieses Passwort geht nicht. Es muss mindestens {MIN_PASSWORD} Zeichen haben, ein anderes als das bisherige sein und mehr als der eigene Name. \
                 Drei oder vier Wörter hintereinander sind gut zu merken."
            ))),
            Err(OfficeError::Store(why)) => Err(why.into()),
            Err(other) => Ok(Err(trouble(&other))),
        }
    }
}

/// The page on which an app for one-time codes is set up.
#[derive(Template)]
#[template(path = "office/factor.html")]
pub struct FactorPage {
    office: String,
    picture: String,
    secret: String,
    trouble: String,
    action: &'static str,
    asks_password: bool,
    back: &'static str,
}

impl FactorPage {
    /// The page for this secret of `clerk`; the form goes to `action`.
    pub fn of(desk: &Desk, clerk: &str, secret: &Pending, action: &'static str, trouble: String) -> Self {
        let text = data_encoding::BASE32_NOPAD.encode(&secret[..]);
        let plain = |text: &str| -> String {
            text.bytes().map(|b| if b.is_ascii_alphanumeric() { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
        };
        // https://github.com/google/google-authenticator/wiki/Key-Uri-Format: what every app reads; digits and period are its defaults.
        let issuer = plain(&desk.0.name.replace(':', " "));
        let address = format!("otpauth://totp/{issuer}:{}?secret={text}&issuer={issuer}", plain(clerk));
        let picture = Qr::of_bytes(&address).map(|qr| qr.svg("QR-Code für die App")).unwrap_or_default();
        let groups: Vec<&str> = (0..text.len()).step_by(4).filter_map(|at| text.get(at..(at + 4).min(text.len()))).collect();
        let in_account = action == "/account/factor";
        let back = if in_account { "/account" } else { "" };
        Self { office: desk.0.name.clone(), picture, secret: groups.join(" "), trouble, action, asks_password: in_account, back }
    }
}

/// The page that shows recovery codes once.
#[derive(Template)]
#[template(path = "office/recovery.html")]
pub struct RecoveryPage {
    /// The office's name.
    pub office: String,
    /// The codes.
    pub codes: Vec<String>,
    /// Where it goes on.
    pub onward: &'static str,
}

impl Desk {
    /// The secret that this session sets up, made now unless there is one already.
    pub(super) async fn pending(&self, session: &Session, secret: &str) -> Result<Pending, Fault> {
        if let Some(sealed) = session.pending.clone() {
            let key = key(secret);
            return self.with(move |office| office.pending_factor(key, &sealed)).await;
        }
        let made = self.with::<_, OfficeError>(|office| Ok(office.new_factor())).await?;
        self.pend(secret, Some(made.clone())).await?;
        Ok(made)
    }
}

async fn factor_form(State(desk): State<Desk>, caller: Caller, headers: HeaderMap) -> Page {
    match at(&desk, &caller, &headers, Stage::Enrol).await {
        Ok((session, secret)) => {
            let pending = desk.pending(&session, &secret).await?;
            show(&FactorPage::of(&desk, &session.clerk, &pending, "/login/factor", String::new()))
        }
        Err(elsewhere) => Ok(elsewhere),
    }
}

async fn take_factor(State(desk): State<Desk>, caller: Caller, headers: HeaderMap, filled: Result<Form<CodeForm>, FormRejection>) -> Page {
    let (session, secret) = match at(&desk, &caller, &headers, Stage::Enrol).await {
        Ok(here) => here,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let pending = desk.pending(&session, &secret).await?;
    let code = filled.map(|Form(form)| form.code).unwrap_or_default();
    if let Err(trouble) = desk.count_try(&session.clerk, &caller).await? {
        let page = show(&FactorPage::of(&desk, &session.clerk, &pending, "/login/factor", trouble))?;
        return Ok((StatusCode::TOO_MANY_REQUESTS, page).into_response());
    }
    let (name, now, key) = (session.clerk.clone(), door::now(), pending.clone());
    let enrolled = desk.0.office.ask(move |office: &mut Office| office.enrol_first_factor(&name, &key[..], &code, now)).await?;
    if let Err(OfficeError::Wrong(_)) = enrolled {
        desk.end_session(&secret).await?;
        let sentence = "Für dieses Konto sind inzwischen schon Einmal-Codes eingerichtet. Bitte neu anmelden, mit einem Code aus der App.";
        return Err(Fault::new(StatusCode::CONFLICT, "Schon eingerichtet", sentence).back_to("/login", "Neu anmelden"));
    }
    match enrolled? {
        Some(codes) => {
            let LetIn { cookie, .. } =
                desk.let_in(&headers, &caller, session.known(), true, "mit Passwort und neu eingerichtetem Einmal-Code").await?;
            let page = show(&RecoveryPage { office: desk.0.name.clone(), codes, onward: "/" })?;
            Ok(([(header::SET_COOKIE, cookie)], page).into_response())
        }
        None => {
            let page = show(&FactorPage::of(&desk, &session.clerk, &pending, "/login/factor", wrong_code()))?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// What to tell somebody whose first code does not fit.
pub fn wrong_code() -> String {
    "Dieser Code passt nicht. Bitte den sechsstelligen Code eingeben, den die App gerade zeigt; geht auch der nächste nicht, stimmt vielleicht die Uhr \
     des Telefons nicht."
        .into()
}
