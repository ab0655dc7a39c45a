//! Signing in and out, and who has signed in.

use super::Desk;
use super::doors::{Door, Route};
use super::page::{Fault, Page, go, show};
use super::session::TRIES;
use crate::office::{Action, OfficeError, Roles};
use crate::shell::door;
use crate::shell::store::office::settings;
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
    secret: String,
}

impl SignedIn {
    /// Whose session the request's cookie is. The clerk's roles are those of this moment, not of the sign-in.
    pub async fn of(desk: &Desk, headers: &HeaderMap, now: UtcMs) -> Result<Option<Self>, Fault> {
        let Some((name, secret)) = Self::session(desk, headers, now) else { return Ok(None) };
        let asked = name.clone();
        let roles = desk.look(move |db| settings::roles(db, &asked)).await?;
        Ok(roles.map(|roles| Self { name, roles: Roles::parse(&roles), secret }))
    }

    fn session(desk: &Desk, headers: &HeaderMap, now: UtcMs) -> Option<(String, String)> {
        let name = if is_loopback(headers) { LOOPBACK_COOKIE } else { COOKIE };
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(';'));
        let secrets = cookies.filter_map(|cookie| cookie.trim().split_once('=')).filter(|(key, _)| *key == name).map(|(_, secret)| secret);
        secrets.filter_map(|secret| Some((desk.0.sessions.clerk(secret, now)?, secret.to_owned()))).next()
    }
}

impl FromRequestParts<Desk> for SignedIn {
    type Rejection = Redirect;

    async fn from_request_parts(parts: &mut Parts, _: &Desk) -> Result<Self, Redirect> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Redirect::to("/login"))
    }
}

fn is_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(name, _)| name);
    name.eq_ignore_ascii_case("localhost") || name == "[::1]" || name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[derive(Template)]
#[template(path = "office/login.html")]
struct LoginPage {
    office: String,
    trouble: String,
    name: String,
    nobody_yet: bool,
}

async fn form(State(desk): State<Desk>, headers: HeaderMap) -> Page {
    if SignedIn::of(&desk, &headers, door::now()).await?.is_some() {
        return Ok(go("/"));
    }
    ask_again(&desk, StatusCode::OK, String::new(), String::new()).await
}

async fn ask_again(desk: &Desk, status: StatusCode, trouble: String, name: String) -> Page {
    let nobody_yet = desk.look(settings::clerks).await?.is_empty();
    let page = show(&LoginPage { office: desk.0.name.clone(), trouble, name, nobody_yet })?;
    Ok((status, page).into_response())
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

async fn sign_in(State(desk): State<Desk>, headers: HeaderMap, filled: Result<Form<Credentials>, FormRejection>) -> Page {
    let Form(Credentials { name, password }) = filled.map_err(|_| Fault::form("Bitte Name und Passwort eingeben."))?;
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    if !is_loopback(&headers) && origin.starts_with("http://") {
        let sentence =
            "Diese Verbindung ist nicht verschlüsselt, deshalb wird hier kein Passwort angenommen. Bitte die Adresse mit https:// aufrufen.";
        return Err(Fault::new(StatusCode::FORBIDDEN, "Nur verschlüsselt", sentence));
    }
    let name: String = name.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(80).collect();
    if let Err(locked_ms) = desk.0.sessions.try_name(&name, door::now()) {
        let trouble = format!(
            "Nach {TRIES} falschen Passwörtern ist dieser Name gesperrt. Bitte in {} Minuten noch einmal versuchen.",
            locked_ms.div_ceil(60_000)
        );
        return ask_again(&desk, StatusCode::TOO_MANY_REQUESTS, trouble, name).await;
    }
    let asked = name.clone();
    let check = desk.with(move |office| office.password_check(&asked)).await?;
    let place = desk.0.passwords.acquire().await;
    let clerk = tokio::task::spawn_blocking(move || check.holds(&password)).await.unwrap_or_default();
    drop(place);
    let Some(clerk) = clerk else {
        let tried = name.clone();
        desk.with::<_, OfficeError>(move |office| office.note(&tried, Action::SignInFailed, "", "", door::now())).await?;
        let trouble = "Name oder Passwort ist falsch. Bitte noch einmal eingeben.".to_owned();
        return ask_again(&desk, StatusCode::UNAUTHORIZED, trouble, name).await;
    };
    desk.0.sessions.forget_tries(&name);
    let secret = data_encoding::HEXLOWER.encode(&door::os_chance().bytes::<32>());
    let who = clerk.clone();
    desk.with::<_, OfficeError>(move |office| office.note(&who, Action::SignIn, "", "", door::now())).await?;
    desk.0.sessions.begin(&secret, clerk, door::now());
    Ok(([(header::SET_COOKIE, cookie(&headers, &secret))], Redirect::to("/")).into_response())
}

async fn sign_out(State(desk): State<Desk>, headers: HeaderMap, clerk: SignedIn) -> Page {
    desk.0.sessions.end(&clerk.secret);
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
