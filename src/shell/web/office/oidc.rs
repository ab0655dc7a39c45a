//! Signing in with the municipality's own service (OpenID Connect, authorization code with PKCE).

use super::Desk;
use super::account::{OwnPassword, not_own};
use super::caller::Caller;
use super::doors::{Door, Route};
use super::login::{LetIn, SignedIn, cookies, is_loopback};
use super::page::{Fault, Page, show};
use crate::office::{Claim, IdentityProvider, Known, Office, OfficeError, has_identity_provider, is_safe_address};
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::web::outgoing;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope, TokenResponse,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long one question to the service may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of one of its answers.
const MAX_ANSWER: u64 = 1024 * 1024;
/// How many requests may ask the service at once.
pub const AT_ONCE: usize = 4;
/// Ways there, as they are counted by address.
const BEGUN: &str = "service begun";
/// The cookie that ties the way back to the browser that went there. Lax: the way back comes from the service's page.
const COOKIE: &str = "__Host-teilhabe-sign-in";
/// The same on this machine, where browsers keep no `__Host-` cookie without https.
const LOOPBACK_COOKIE: &str = "teilhabe-sign-in";

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    vec![
        ("get", "/login/service", Door::Open, get(begin)),
        ("get", "/login/service/back", Door::Open, get(back)),
        ("post", "/account/sign-in", Door::SignedIn, post(link)),
    ]
}

/// Somebody on the way to the service.
#[derive(Debug, Deserialize, Serialize)]
struct Away {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
    place: String,
    links: Option<Known>,
}

/// What they are kept as.
const AWAY: &str = "away";

impl Desk {
    /// Whether clerks may sign in with the municipality's own service.
    pub(super) async fn signs_in_elsewhere(&self) -> Result<bool, Fault> {
        self.look::<_, StoreError>(has_identity_provider).await
    }
}

fn unreachable(why: &str) -> Fault {
    tracing::warn!(why, "the sign-in service did not do");
    let sentence = "Der Anmeldedienst hat nicht geantwortet, wie er soll; angemeldet wurde niemand. Bitte noch einmal versuchen oder mit Name und Passwort \
                    anmelden. Bleibt es so, bitte die Betreuung des Servers rufen.";
    Fault::new(StatusCode::BAD_GATEWAY, "Der Anmeldedienst antwortet nicht", sentence).back_to("/login", "Zur Anmeldung")
}

fn not_known() -> Fault {
    let sentence = "Der Anmeldedienst kennt Sie, aber hier ist dafür kein Konto eingetragen. Bitte die Verwaltung darum bitten, oder mit Name und Passwort anmelden \
                    und das Konto unter „Mein Konto“ verbinden.";
    Fault::new(StatusCode::FORBIDDEN, "Kein Konto dafür", sentence).back_to("/login", "Zur Anmeldung")
}

fn lost() -> Fault {
    let sentence = "Diese Anmeldung wurde in einem anderen Browser begonnen, ist abgelaufen oder schon benutzt. Bitte noch einmal beginnen.";
    Fault::new(StatusCode::CONFLICT, "Bitte noch einmal", sentence).back_to("/login", "Zur Anmeldung")
}

/// Asks the service one question: only over a safe line, no further than it says, and not for long.
fn ask(request: HttpRequest) -> Result<HttpResponse, std::io::Error> {
    if !is_safe_address(&request.uri().to_string()) {
        return Err(std::io::Error::other("an address that is neither https nor this machine"));
    }
    let response = ureq::Agent::from(outgoing::client(TIMEOUT).build()).run(request).map_err(std::io::Error::other)?;
    let (parts, mut body) = response.into_parts();
    let bytes = body.with_config().limit(MAX_ANSWER).read_to_vec().map_err(std::io::Error::other)?;
    Ok(HttpResponse::from_parts(parts, bytes))
}

/// Where the service sends the browser back to: the name by which it has called this office, which the guard knows to be ours.
fn way_back(headers: &HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let scheme = if is_loopback(headers) { "http" } else { "https" };
    format!("{scheme}://{host}/login/service/back")
}

async fn provider(desk: &Desk) -> Result<IdentityProvider, Fault> {
    let provider = desk.with(|office: &mut Office| office.identity_provider()).await?;
    provider.ok_or_else(|| {
        let sentence = "Hier ist kein Anmeldedienst eingerichtet. Bitte mit Name und Passwort anmelden.";
        Fault::new(StatusCode::NOT_FOUND, "Kein Anmeldedienst", sentence).back_to("/login", "Zur Anmeldung")
    })
}

async fn begin(State(desk): State<Desk>, caller: Caller, headers: HeaderMap) -> Page {
    let (cookie, to) = send_away(&desk, &caller, &headers, None).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&to)).into_response())
}

/// Goes on by a page, as a form of ours may lead to no other site.
async fn link(
    State(desk): State<Desk>,
    caller: Caller,
    headers: HeaderMap,
    clerk: SignedIn,
    filled: Result<Form<OwnPassword>, FormRejection>,
) -> Page {
    if let Some(again) = not_own(&desk, &caller, &headers, &clerk, filled).await? {
        return Ok(again);
    }
    let (cookie, onward) = send_away(&desk, &caller, &headers, Some(clerk.known)).await?;
    let page = show(&ArrivedPage { office: desk.0.name.clone(), title: "Zum Anmeldedienst", onward })?;
    Ok(([(header::SET_COOKIE, cookie)], page).into_response())
}

/// The cookie and the address of the service with which somebody goes there.
async fn send_away(desk: &Desk, caller: &Caller, headers: &HeaderMap, links: Option<Known>) -> Result<(String, String), Fault> {
    let (provider, place) = (provider(desk).await?, way_back(headers));
    if let Err(trouble) = desk.count_nameless(BEGUN, caller).await? {
        return Err(Fault::new(StatusCode::TOO_MANY_REQUESTS, "Bitte später noch einmal", trouble).back_to("/login", "Zur Anmeldung"));
    }
    let turn = desk.0.discoveries.acquire().await;
    let found = tokio::task::spawn_blocking(move || address(&provider, place, links)).await.map_err(|_| Fault::of_ours())?;
    drop(turn);
    let (to, away) = found.map_err(|why| unreachable(&why))?;
    let secret = data_encoding::HEXLOWER.encode(&door::os_chance().bytes::<32>());
    desk.begin_ceremony(AWAY, &secret, &away, door::now()).await?;
    let (name, place) = if is_loopback(headers) { (LOOPBACK_COOKIE, "Path=/login/service") } else { (COOKIE, "Path=/; Secure") };
    let cookie = format!("{name}={secret}; {place}; HttpOnly; SameSite=Lax; Max-Age=600");
    Ok((cookie, to))
}

fn discovered(provider: &IdentityProvider) -> Result<CoreProviderMetadata, String> {
    let issuer = IssuerUrl::new(provider.issuer.clone()).map_err(|why| why.to_string())?;
    CoreProviderMetadata::discover(&issuer, &ask).map_err(|why| why.to_string())
}

fn secret(provider: &IdentityProvider) -> Option<ClientSecret> {
    Some(provider.secret.to_string()).filter(|secret| !secret.is_empty()).map(ClientSecret::new)
}

fn address(provider: &IdentityProvider, place: String, links: Option<Known>) -> Result<(String, Away), String> {
    let back = RedirectUrl::new(place.clone()).map_err(|why| why.to_string())?;
    let client = CoreClient::from_provider_metadata(discovered(provider)?, ClientId::new(provider.client_id.clone()), secret(provider));
    let client = client.set_redirect_uri(back);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let mut asked = client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random);
    asked = match provider.claim {
        Claim::Email => asked.add_scope(Scope::new("email".into())),
        Claim::PreferredUsername => asked.add_scope(Scope::new("profile".into())),
        Claim::Subject => asked,
    };
    let (to, state, nonce) = asked.set_pkce_challenge(challenge).url();
    Ok((to.to_string(), Away { state, nonce, verifier, place, links }))
}

/// Who came back: the service with its own id of the person, and what it says by the claim.
struct Arrived {
    subject: String,
    claimed: Option<String>,
    links: Option<Known>,
}

fn arrived(provider: &IdentityProvider, away: Away, code: String) -> Result<Arrived, String> {
    let back = RedirectUrl::new(away.place).map_err(|why| why.to_string())?;
    let client = CoreClient::from_provider_metadata(discovered(provider)?, ClientId::new(provider.client_id.clone()), secret(provider));
    let client = client.set_redirect_uri(back);
    let asked = client.exchange_code(AuthorizationCode::new(code)).map_err(|why| why.to_string())?;
    let tokens = asked.set_pkce_verifier(away.verifier).request(&ask).map_err(|why| why.to_string())?;
    let token = tokens.id_token().ok_or("no id token")?;
    let claims = token.claims(&client.id_token_verifier(), &away.nonce).map_err(|why| why.to_string())?;
    let claimed = match provider.claim {
        Claim::Email => claims.email().filter(|_| claims.email_verified() == Some(true)).map(|email| email.to_string()),
        Claim::PreferredUsername => claims.preferred_username().map(|name| name.to_string()),
        Claim::Subject => None,
    };
    Ok(Arrived { subject: format!("{} {}", claims.issuer().as_str(), claims.subject().as_str()), claimed, links: away.links })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    code: String,
    state: String,
    error: String,
}

#[derive(Template)]
#[template(path = "office/arrived.html")]
struct ArrivedPage {
    office: String,
    title: &'static str,
    onward: String,
}

/// The way back: a page that goes on by itself, as browsers send no strict cookie along a redirect from another site.
async fn back(State(desk): State<Desk>, caller: Caller, headers: HeaderMap, Query(answer): Query<Answer>) -> Page {
    let now = door::now();
    let mut away = None;
    for secret in cookies(&headers, if is_loopback(&headers) { LOOPBACK_COOKIE } else { COOKIE }) {
        if away.is_none() {
            away = desk.take_ceremony::<Away>(AWAY, secret, now).await?;
        }
    }
    let away = away.filter(|away| *away.state.secret() == answer.state).ok_or_else(lost)?;
    if !answer.error.is_empty() {
        let sentence = "Der Anmeldedienst hat die Anmeldung abgelehnt oder sie wurde dort abgebrochen. Bitte noch einmal versuchen.";
        return Err(Fault::new(StatusCode::FORBIDDEN, "Nicht angemeldet", sentence).back_to("/login", "Zur Anmeldung"));
    }
    let provider = provider(&desk).await?;
    let turn = desk.0.discoveries.acquire().await;
    let found = tokio::task::spawn_blocking(move || arrived(&provider, away, answer.code)).await.map_err(|_| Fault::of_ours())?;
    drop(turn);
    let arrived = found.map_err(|why| unreachable(&why))?;
    if let Some(clerk) = arrived.links {
        let linked = desk.0.office.ask(move |office| office.link_subject(&clerk, &arrived.subject, now)).await?;
        linked.map_err(|why| match why {
            OfficeError::Wrong(_) => {
                let sentence = "Diese Anmeldung ist schon mit einem anderen Konto verbunden. Es wurde nichts geändert; bitte die Verwaltung fragen.";
                Fault::new(StatusCode::CONFLICT, "Schon verbunden", sentence).back_to("/account", "Zu meinem Konto")
            }
            other => other.into(),
        })?;
        return show(&ArrivedPage { office: desk.0.name.clone(), title: "Angemeldet", onward: "/account?done=linked".into() });
    }
    let (subject, claimed) = (arrived.subject, arrived.claimed);
    let Some(clerk) = desk.with(move |office| office.clerk_at_sign_in(&subject, claimed.as_deref(), now)).await? else {
        desk.note_failed(String::new(), format!("Anmeldedienst: kein Konto dafür, {}", caller.from())).await?;
        return Err(not_known());
    };
    desk.forget_nameless(BEGUN, &caller).await?;
    let LetIn { cookie, .. } = desk.let_in_fully(&headers, &caller, clerk, "mit dem Anmeldedienst").await?;
    let page = show(&ArrivedPage { office: desk.0.name.clone(), title: "Angemeldet", onward: "/".into() })?;
    Ok(([(header::SET_COOKIE, cookie)], page).into_response())
}
