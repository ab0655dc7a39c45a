//! What a clerk does with the phones of a case: invite, take an invitation back, take a phone out.

use super::super::Desk;
use super::super::doors::{Door, Route};
use super::super::login::SignedIn;
use super::super::page::{Fault, Frame, Page, go, show};
use crate::office::{INVITATION_DAYS, Role, StopReason};
use crate::shell::door;
use crate::shell::paper::qr::Qr;
use crate::words::civil::CivilDay;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, header};
use axum::routing::post;
use serde::Deserialize;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const DOES: Door = Door::Does(Role::Issue);
    vec![
        ("post", "/cases/{child}/phones", DOES, post(invite)),
        ("post", "/cases/{child}/phones/withdraw", DOES, post(withdraw)),
        ("post", "/cases/phones/{phone}", DOES, post(remove)),
    ]
}

#[derive(Template)]
#[template(path = "office/phone_invitation.html")]
struct InvitationPage {
    frame: Frame,
    child: i64,
    code: String,
    address: String,
    until: String,
    days: u64,
    picture: String,
}

/// Shows an invitation, this once: of its code the office keeps the hash alone.
async fn invite(State(desk): State<Desk>, clerk: SignedIn, Path(child): Path<i64>, headers: HeaderMap) -> Page {
    let back = |fault: Fault| fault.back_to("/cases", "Zur Suche");
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).filter(|origin| origin.starts_with("http"));
    let origin = origin.ok_or_else(|| back(Fault::form("Bitte den Fall im Browser neu öffnen und es noch einmal versuchen.")))?.to_owned();
    let (by, now) = (clerk.name.clone(), door::now());
    let invited = desk.with(move |office| office.invite_phone(child, &by, now)).await.map_err(back)?;
    let address = format!("{origin}/handy/");
    // After the #: browsers send it nowhere.
    let link = format!("{address}#{}", invited.code.replace('-', ""));
    let picture = Qr::of_bytes(&link).map_err(|_| Fault::of_ours())?.svg("QR-Code der Einladung");
    let frame = Frame::new(&desk, &clerk, "cases");
    let until = CivilDay::of(invited.until).german();
    show(&InvitationPage { frame, child, code: invited.code, address, until, days: INVITATION_DAYS, picture })
}

async fn withdraw(State(desk): State<Desk>, clerk: SignedIn, Path(child): Path<i64>) -> Page {
    let now = door::now();
    desk.with(move |office| office.withdraw_invitations(child, &clerk.name, now)).await?;
    Ok(go(&format!("/cases/{child}?done=uninvited")))
}

#[derive(Deserialize)]
struct RemoveForm {
    #[serde(default)]
    why: String,
}

async fn remove(State(desk): State<Desk>, clerk: SignedIn, Path(phone): Path<i64>, form: Result<Form<RemoveForm>, FormRejection>) -> Page {
    let back = |fault: Fault| fault.back_to("/cases", "Zur Suche");
    let why = form.ok().and_then(|Form(form)| StopReason::parse(&form.why));
    let why = why.ok_or_else(|| back(Fault::form("Bitte angeben, was mit dem Handy geschehen ist; es wurde nichts geändert.")))?;
    let now = door::now();
    let child = desk.with(move |office| office.remove_phone(phone, why, &clerk.name, now)).await.map_err(back)?;
    Ok(go(&format!("/cases/{child}?done=phone_removed")))
}
