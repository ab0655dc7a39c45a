//! Signing in and out, and who has signed in.

use super::Desk;
use super::caller::Caller;
use super::doors::{Door, Route};
use super::page::{Fault, Page, go, show};
use super::session::{Seat, Session, Stage};
use super::tries::{Locked, TRIES};
use crate::office::{Action, FreshPassword, Known, OfficeError, Roles, SecondFactor, account, has_identity_provider, second_factor};
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::store::office::{clerks, passkeys};
use crate::shell::store::sql;
use crate::words::time::UtcMs;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use serde::Deserialize;

/// The session's cookie where the connection is encrypted: the browser itself holds it to this host and to https.
const COOKIE: &str = "__Host-teilhabe-office";
/// The same on this machine, where nothing crosses a wire and browsers keep no `__Host-` cookie without https.
const LOOPBACK_COOKIE: &str = "teilhabe-office";
/// How many cookies of one name are looked up: a browser sends one, or two where it has an old one as well.
const MAX_COOKIES: usize = 4;

/// The routes of this page.
pub fn routes() -> Vec<Route> {
    vec![("get", "/login", Door::Open, get(form)), ("post", "/login", Door::Open, post(sign_in)), ("post", "/logout", Door::SignedIn, post(sign_out))]
}

/// A clerk who has signed in. Whoever has not is shown the way.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The clerk's name.
    pub name: String,
    /// What the clerk may do.
    pub roles: Roles,
    /// By which the session is known.
    pub(super) secret: String,
    /// As whom it was begun.
    pub(super) known: Known,
}

impl SignedIn {
    /// Whose session the request's cookie is.
    pub async fn of(desk: &Desk, caller: &Caller, headers: &HeaderMap, now: UtcMs) -> Result<Option<Self>, Fault> {
        match desk.seat(caller, headers, now).await? {
            Some((session, secret)) if session.stage == Stage::Full => Self::seated(desk, session, secret).await,
            _ => Ok(None),
        }
    }

    /// The clerk of a session, unless the account was closed. The clerk's roles are those of this moment, not of the sign-in.
    pub(super) async fn seated(desk: &Desk, session: Session, secret: String) -> Result<Option<Self>, Fault> {
        let (known, name, asked, epoch) = (session.known(), session.clerk.clone(), session.clerk, session.epoch);
        let roles = desk.look(move |db| clerks::roles(db, &asked, epoch)).await?;
        Ok(roles.map(|roles| Self { name, roles: Roles::parse(&roles), secret, known }))
    }
}

impl FromRequestParts<Desk> for SignedIn {
    type Rejection = Redirect;

    async fn from_request_parts(parts: &mut Parts, _: &Desk) -> Result<Self, Redirect> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Redirect::to("/login"))
    }
}

impl Desk {
    /// The session of the request's cookie, complete or half-way, and by which secret it is known.
    pub(super) async fn seat(&self, caller: &Caller, headers: &HeaderMap, now: UtcMs) -> Result<Option<(Session, String)>, Fault> {
        let name = if is_loopback(headers) { LOOPBACK_COOKIE } else { COOKIE };
        for secret in cookies(headers, name) {
            match self.session(secret, caller, now).await? {
                Seat::None => {}
                Seat::Held(session) => return Ok(Some((*session, secret.to_owned()))),
                Seat::Stolen(clerk) => {
                    let detail = format!("Sitzung beendet: Ihr Cookie kam aus einem anderen Browser, {}", caller.from());
                    self.with::<_, OfficeError>(move |office| office.note(&clerk, Action::SignOut, "", &detail, now)).await?;
                    return Err(Fault::stolen());
                }
            }
        }
        Ok(None)
    }

    /// Lets somebody in who has shown who they are: all the way, or to the next step. The way `how` is logged.
    pub(super) async fn let_in(&self, headers: &HeaderMap, caller: &Caller, clerk: Known, code_shown: bool, how: &str) -> Result<LetIn, Fault> {
        let asked = clerk.name.clone();
        let (known, required) = self.look(move |db| Ok::<_, OfficeError>((account(db, &asked)?, second_factor(db)?))).await?;
        let known = known.filter(|known| known.closed.is_none()).ok_or_else(Fault::closed)?;
        let stage = Stage::after(&known, code_shown, required == SecondFactor::Required);
        self.seat_anew(headers, caller, clerk, stage, code_shown, how).await
    }

    /// Lets somebody in who has shown both factors at once, or whom the municipality's own sign-in vouches for.
    pub(super) async fn let_in_fully(&self, headers: &HeaderMap, caller: &Caller, clerk: Known, how: &str) -> Result<LetIn, Fault> {
        let asked = clerk.name.clone();
        self.look(move |db| account(db, &asked)).await?.filter(|known| known.closed.is_none()).ok_or_else(Fault::closed)?;
        self.seat_anew(headers, caller, clerk, Stage::Full, true, how).await
    }

    /// Begins a session at this stage under a new secret, whatever the cookie was before. It begins in the epoch in which was shown who it
    /// is: what took that away meanwhile, such as a new password, has ended it.
    async fn seat_anew(
        &self,
        headers: &HeaderMap,
        caller: &Caller,
        Known { name: clerk, epoch }: Known,
        stage: Stage,
        code_shown: bool,
        how: &str,
    ) -> Result<LetIn, Fault> {
        let now = door::now();
        let name = if is_loopback(headers) { LOOPBACK_COOKIE } else { COOKIE };
        for old in cookies(headers, name) {
            self.end_session(old).await?;
        }
        if stage == Stage::Full {
            let (name, how) = (clerk.clone(), format!("{how}, {}", caller.from()));
            self.with(move |office| office.signed_in(&name, &how, now)).await?;
            self.forget_tries(&clerk, caller).await?;
        }
        let secret = data_encoding::HEXLOWER.encode(&door::os_chance().bytes::<32>());
        self.begin_session(&secret, &Session::new(clerk, epoch, stage, code_shown, caller.mark(&secret), now), now).await?;
        Ok(LetIn { cookie: cookie(headers, &secret), stage })
    }

    /// Logs a sign-in that failed. A name that nobody has is not kept: it may be a password typed into the wrong field.
    pub(super) async fn note_failed(&self, name: String, detail: String) -> Result<(), Fault> {
        let now = door::now();
        self.with(move |office| {
            let known = account(office.db(), &name)?.map_or_else(|| "(unbekannt)".to_owned(), |known| known.name);
            office.note(&known, Action::SignInFailed, "", &detail, now)
        })
        .await
    }

    /// Counts a try; an error is what to tell.
    pub(super) async fn count_try(&self, name: &str, caller: &Caller) -> Result<Result<(), String>, Fault> {
        let (asked, from, now) = (name.to_owned(), caller.clone(), door::now());
        let (counted, slow) = self.tried(name, caller, move |tries| (tries.count(&asked, &from, now), tries.delay_ms(&asked))).await?;
        if counted.is_ok() && slow > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(slow)).await;
        }
        self.said(counted, name, caller).await
    }

    /// Counts a try at a one-time code; an error is what to tell.
    pub(super) async fn count_code(&self, name: &str, caller: &Caller) -> Result<Result<(), String>, Fault> {
        let (asked, from, now) = (name.to_owned(), caller.clone(), door::now());
        let counted = self.tried(name, caller, move |tries| tries.count_code(&asked, &from, now)).await?;
        self.said(counted, name, caller).await
    }

    /// Counts a try of which no name is known yet, by its address; an error is what to tell.
    pub(super) async fn count_nameless(&self, kind: &str, caller: &Caller) -> Result<Result<(), String>, Fault> {
        let counted = self.tried_nameless(kind, caller).await?;
        self.said(counted, "", caller).await
    }

    async fn said(&self, counted: Result<(), Locked>, name: &str, caller: &Caller) -> Result<Result<(), String>, Fault> {
        let Err(locked) = counted else { return Ok(Ok(())) };
        if locked.new {
            self.note_failed(name.to_owned(), format!("gesperrt nach zu vielen Versuchen, {}", caller.from())).await?;
        }
        let minutes = locked.ms.div_ceil(60_000);
        Ok(Err(format!(
            "Nach {TRIES} Versuchen ist dieser Name für dieses Gerät gesperrt, oder von ihm kamen zu viele. Bitte in {minutes} Minuten noch einmal versuchen."
        )))
    }
}

/// Somebody was let in.
pub struct LetIn {
    /// The header Set-Cookie.
    pub cookie: String,
    /// How far.
    pub stage: Stage,
}

impl LetIn {
    /// On to where it goes on.
    pub fn go(self) -> Page {
        Ok(([(header::SET_COOKIE, self.cookie)], Redirect::to(self.stage.place())).into_response())
    }
}

/// What the request's cookies of this name hold.
pub(super) fn cookies<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
    cookies.filter_map(|cookie| cookie.trim().split_once('=')).filter(move |(key, _)| *key == name).map(|(_, secret)| secret).take(MAX_COOKIES)
}

/// Whether the browser has asked for this machine itself.
pub(super) fn is_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(name, _)| name);
    name.eq_ignore_ascii_case("localhost") || name == "[::1]" || name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

/// Refuses secrets on a line that others can read.
pub(super) fn only_encrypted(headers: &HeaderMap) -> Result<(), Fault> {
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    if is_loopback(headers) || !origin.starts_with("http://") {
        return Ok(());
    }
    let sentence = "Diese Verbindung ist nicht verschlüsselt, deshalb wird hier kein Passwort angenommen. Bitte die Adresse mit https:// aufrufen.";
    Err(Fault::new(StatusCode::FORBIDDEN, "Nur verschlüsselt", sentence))
}

#[derive(Template)]
#[template(path = "office/login.html")]
struct LoginPage {
    office: String,
    trouble: String,
    name: String,
    nobody_yet: bool,
    optional: bool,
    passkeys: bool,
    service: bool,
}

async fn form(State(desk): State<Desk>, caller: Caller, headers: HeaderMap) -> Page {
    if SignedIn::of(&desk, &caller, &headers, door::now()).await?.is_some() {
        return Ok(go("/"));
    }
    ask_again(&desk, StatusCode::OK, String::new(), String::new()).await
}

async fn ask_again(desk: &Desk, status: StatusCode, trouble: String, name: String) -> Page {
    let look = |db: &sql::Connection| {
        let optional = second_factor(db)? == SecondFactor::Optional;
        Ok::<_, StoreError>((clerks::all(db)?.is_empty(), optional, passkeys::any(db)?, has_identity_provider(db)?))
    };
    let (nobody_yet, optional, passkeys, service) = desk.look(look).await?;
    let page = show(&LoginPage { office: desk.0.name.clone(), trouble, name, nobody_yet, optional, passkeys, service })?;
    Ok((status, page).into_response())
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

async fn sign_in(State(desk): State<Desk>, caller: Caller, headers: HeaderMap, filled: Result<Form<Credentials>, FormRejection>) -> Page {
    let Form(Credentials { name, password }) = filled.map_err(|_| Fault::form("Bitte Name und Passwort eingeben."))?;
    only_encrypted(&headers)?;
    let name: String = name.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(80).collect();
    if let Err(trouble) = desk.count_try(&name, &caller).await? {
        return ask_again(&desk, StatusCode::TOO_MANY_REQUESTS, trouble, name).await;
    }
    match desk.password_holds(&name, password).await? {
        Some(clerk) => desk.let_in(&headers, &caller, clerk, false, "mit Passwort").await?.go(),
        None => {
            desk.note_failed(name.clone(), format!("falsches Passwort, {}", caller.from())).await?;
            let trouble = "Name oder Passwort ist falsch. Bitte noch einmal eingeben.".to_owned();
            ask_again(&desk, StatusCode::UNAUTHORIZED, trouble, name).await
        }
    }
}

impl Desk {
    /// Whose password this is, if it is the right one. Takes a tenth of a second, beside whatever the office does.
    pub(super) async fn password_holds(&self, name: &str, password: String) -> Result<Option<Known>, Fault> {
        let asked = name.to_owned();
        let check = self.with(move |office| office.password_check(&asked)).await?;
        let place = self.0.passwords.acquire().await;
        let clerk = tokio::task::spawn_blocking(move || check.holds(&password)).await.unwrap_or_default();
        drop(place);
        Ok(clerk)
    }

    /// Makes a new password's slow hash beside whatever the office does.
    pub(super) async fn hashing(
        &self,
        make: impl FnOnce() -> Result<FreshPassword, OfficeError> + Send + 'static,
    ) -> Result<FreshPassword, OfficeError> {
        let place = self.0.passwords.acquire().await;
        let made = tokio::task::spawn_blocking(make).await;
        drop(place);
        made.unwrap_or_else(|_| Err(OfficeError::Wrong("the password could not be hashed: try again".into())))
    }
}

async fn sign_out(State(desk): State<Desk>, headers: HeaderMap, clerk: SignedIn) -> Page {
    desk.end_session(&clerk.secret).await?;
    desk.with::<_, OfficeError>(move |office| office.note(&clerk.name, Action::SignOut, "", "", door::now())).await?;
    Ok(([(header::SET_COOKIE, cookie(&headers, "") + "; Max-Age=0")], Redirect::to("/login")).into_response())
}

fn cookie(headers: &HeaderMap, secret: &str) -> String {
    if is_loopback(headers) {
        format!("{LOOPBACK_COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict")
    } else {
        format!("{COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict; Secure")
    }
}
