//! Passkeys (WebAuthn): registered on one's own account, and signed in with: device and its PIN or finger are both factors at once.

use super::Desk;
use super::account::{OwnPassword, own_password};
use super::caller::Caller;
use super::doors::{Door, Route};
use super::login::{LetIn, SignedIn, is_loopback, only_encrypted};
use super::page::{Fault, Page, go};
use super::words::trouble;
use crate::office::{Office, OfficeError, account};
use crate::shell::door;
use crate::shell::store::office::passkeys;
use crate::words::ids::Hash;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use serde::Deserialize;
use serde_json::json;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Url, Uuid, Webauthn,
    WebauthnBuilder,
};

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    vec![
        ("post", "/account/passkeys/begin", Door::SignedIn, post(begin_registration)),
        ("post", "/account/passkeys", Door::SignedIn, post(register)),
        ("post", "/account/passkeys/{id}/remove", Door::SignedIn, post(remove)),
        ("post", "/login/passkey/begin", Door::Open, post(begin_sign_in)),
        ("post", "/login/passkey", Door::Open, post(sign_in)),
    ]
}

/// Sign-ins begun, as they are counted by address: challenges of others must not give way to a stranger's.
const BEGUN: &str = "passkey begun";
/// Sign-ins tried, counted alike: each that fails is a record for ever.
const TRIED: &str = "passkey tried";

/// Challenges under way, by what they are for.
const REGISTRATION: &str = "passkey registration";
const SIGN_IN: &str = "passkey sign-in";

/// A sentence for the script to show.
fn refused(status: StatusCode, sentence: impl Into<String>) -> Page {
    Ok((status, Json(json!({ "trouble": sentence.into() }))).into_response())
}

const ELSEWHERE: &str = "Passkeys gehen nur unter einem Namen und verschlüsselt, zum Beispiel https://but.stadt.example; auf diesem Rechner selbst unter \
    http://localhost statt 127.0.0.1. Bitte die Seite unter diesem Namen aufrufen.";

/// The relying party under the name by which the browser has called this office, which the guard knows to be ours. Numbers cannot be one.
fn relying_party(desk: &Desk, headers: &HeaderMap) -> Option<Webauthn> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let scheme = if is_loopback(headers) { "http" } else { "https" };
    let named = Url::parse(&format!("{scheme}://{host}")).ok()?;
    let said = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).and_then(|origin| Url::parse(origin).ok());
    let origin = said.filter(|said| said.host_str() == named.host_str() && (said.scheme() == "https" || scheme == "http")).unwrap_or(named);
    let name = origin.domain()?.to_owned();
    WebauthnBuilder::new(&name, &origin).ok()?.rp_name(&desk.0.name).build().ok()
}

/// The id by which a device knows an account: the same for all its passkeys, and nobody's name.
fn handle(account: i64) -> Uuid {
    let hash = Hash::of(&[b"teilhabe/passkey/1", &account.to_be_bytes()]);
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash.0).for_each(|(to, from)| *to = from);
    Uuid::from_bytes(bytes)
}

async fn begin_registration(
    State(desk): State<Desk>,
    caller: Caller,
    headers: HeaderMap,
    clerk: SignedIn,
    sent: Result<Json<OwnPassword>, JsonRejection>,
) -> Page {
    let Some(party) = relying_party(&desk, &headers) else { return refused(StatusCode::CONFLICT, ELSEWHERE) };
    only_encrypted(&headers)?;
    let Ok(Json(OwnPassword { password })) = sent else {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "Bitte das eigene Passwort eingeben.");
    };
    if let Err(trouble) = own_password(&desk, &caller, &clerk, password).await? {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, trouble);
    }
    let name = clerk.name.clone();
    let known = desk
        .look(move |db| {
            let known = account(db, &name)?.ok_or_else(|| OfficeError::NotFound("there is no such account".into()))?;
            let keys = passkeys::of_clerk(db, known.id)?;
            Ok::<_, OfficeError>((known.id, keys))
        })
        .await?;
    let ids = known.1.iter().filter_map(|row| serde_json::from_str::<Passkey>(&row.public).ok()).map(|key| key.cred_id().clone()).collect();
    let Ok((mut options, state)) = party.start_passkey_registration(handle(known.0), &clerk.name, &clerk.name, Some(ids)) else {
        return refused(StatusCode::CONFLICT, ELSEWHERE);
    };
    // The library leaves it to the device whether it can be found without a name; signing in here is by passkey alone.
    if let Some(selection) = &mut options.public_key.authenticator_selection {
        selection.require_resident_key = true;
        selection.resident_key = serde_json::from_value(json!("required")).ok();
    }
    desk.begin_ceremony(REGISTRATION, &clerk.secret, &state, door::now()).await?;
    Ok(Json(options).into_response())
}

#[derive(Deserialize)]
struct Registered {
    label: String,
    credential: RegisterPublicKeyCredential,
}

async fn register(State(desk): State<Desk>, headers: HeaderMap, clerk: SignedIn, sent: Result<Json<Registered>, JsonRejection>) -> Page {
    const AGAIN: &str = "Der Passkey wurde nicht eingerichtet: Die Antwort des Geräts passt nicht oder kam zu spät. Bitte noch einmal versuchen.";
    let Ok(Json(sent)) = sent else { return refused(StatusCode::UNPROCESSABLE_ENTITY, AGAIN) };
    let Some(state) = desk.take_ceremony::<PasskeyRegistration>(REGISTRATION, &clerk.secret, door::now()).await? else {
        return refused(StatusCode::CONFLICT, AGAIN);
    };
    let Some(party) = relying_party(&desk, &headers) else { return refused(StatusCode::CONFLICT, ELSEWHERE) };
    let key = match party.finish_passkey_registration(&sent.credential, &state) {
        Ok(key) => key,
        Err(why) => {
            tracing::info!(%why, "a passkey was not registered");
            return refused(StatusCode::UNPROCESSABLE_ENTITY, AGAIN);
        }
    };
    let Ok(public) = serde_json::to_string(&key) else { return refused(StatusCode::UNPROCESSABLE_ENTITY, AGAIN) };
    let now = door::now();
    let kept = desk.0.office.ask(move |office: &mut Office| office.add_passkey(&clerk.name, &sent.label, key.cred_id(), &public, now)).await?;
    match kept {
        Ok(()) => Ok(Json(json!({ "go": "/account?done=passkey" })).into_response()),
        Err(OfficeError::Wrong(_)) => refused(
            StatusCode::CONFLICT,
            "Dieser Passkey ist schon eingerichtet, oder es sind schon sehr viele. Bitte ein anderes Gerät nehmen oder unten einen entfernen.",
        ),
        Err(why) => refused(StatusCode::CONFLICT, trouble(&why)),
    }
}

async fn remove(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<i64>) -> Page {
    let own = super::session::key(&clerk.secret);
    let gone = desk.with(move |office| office.remove_passkey(&clerk.name, id, Some(own), door::now())).await;
    gone.map_err(|fault: Fault| fault.back_to("/account", "Zu meinem Konto"))?;
    Ok(go("/account?done=passkey_gone"))
}

async fn begin_sign_in(State(desk): State<Desk>, caller: Caller, headers: HeaderMap) -> Page {
    if let Err(trouble) = desk.count_nameless(BEGUN, &caller).await? {
        return refused(StatusCode::TOO_MANY_REQUESTS, trouble);
    }
    let Some(party) = relying_party(&desk, &headers) else { return refused(StatusCode::CONFLICT, ELSEWHERE) };
    let Ok((mut options, state)) = party.start_discoverable_authentication() else { return refused(StatusCode::CONFLICT, ELSEWHERE) };
    // By a button, not by filling in a field.
    options.mediation = None;
    let ticket = data_encoding::HEXLOWER.encode(&door::os_chance().bytes::<16>());
    desk.begin_ceremony(SIGN_IN, &ticket, &state, door::now()).await?;
    Ok(Json(json!({ "ticket": ticket, "options": options })).into_response())
}

#[derive(Deserialize)]
struct Shown {
    ticket: String,
    credential: PublicKeyCredential,
}

async fn sign_in(State(desk): State<Desk>, caller: Caller, headers: HeaderMap, sent: Result<Json<Shown>, JsonRejection>) -> Page {
    const AGAIN: &str = "Mit diesem Passkey ging die Anmeldung nicht. Bitte noch einmal versuchen oder Name und Passwort nehmen.";
    let Ok(Json(sent)) = sent else { return refused(StatusCode::UNPROCESSABLE_ENTITY, AGAIN) };
    if let Err(trouble) = desk.count_nameless(TRIED, &caller).await? {
        return refused(StatusCode::TOO_MANY_REQUESTS, trouble);
    }
    let now = door::now();
    let Some(state) = desk.take_ceremony::<DiscoverableAuthentication>(SIGN_IN, &sent.ticket, now).await? else {
        return refused(StatusCode::CONFLICT, AGAIN);
    };
    let Some(party) = relying_party(&desk, &headers) else { return refused(StatusCode::CONFLICT, ELSEWHERE) };
    let failed = async |name: String, why: &str| {
        desk.note_failed(name, format!("Passkey: {why}, {}", caller.from())).await?;
        refused(StatusCode::UNAUTHORIZED, AGAIN)
    };
    let Ok((_, credential)) = party.identify_discoverable_authentication(&sent.credential) else {
        return failed(String::new(), "ohne Kennung").await;
    };
    let credential = credential.to_vec();
    let Some(row) = desk.look(move |db| passkeys::by_credential(db, &credential)).await? else {
        return failed(String::new(), "unbekannt").await;
    };
    let Ok(mut key) = serde_json::from_str::<Passkey>(&row.public) else { return failed(String::new(), "nicht lesbar").await };
    let Ok(result) = party.finish_discoverable_authentication_v2(&sent.credential, state, DiscoverableKey::from(&key)) else {
        return failed(String::new(), "Unterschrift passt nicht").await;
    };
    if !result.user_verified() {
        return failed(String::new(), "ohne PIN oder Finger").await;
    }
    key.update_credential(&result);
    let public = serde_json::to_string(&key).unwrap_or_else(|_| row.public.clone());
    let clerk = desk.with(move |office| office.use_passkey(&row, &public, now)).await?;
    for kind in [BEGUN, TRIED] {
        desk.forget_nameless(kind, &caller).await?;
    }
    let LetIn { cookie, .. } = desk.let_in_fully(&headers, &caller, clerk, "mit Passkey").await?;
    Ok(([(header::SET_COOKIE, cookie)], Json(json!({ "go": "/" }))).into_response())
}
