//! What a clerk does with an approval.

use super::super::Desk;
use super::super::doors::{Door, Route};
use super::super::login::SignedIn;
use super::super::page::{Fault, Page, go};
use crate::office::{Act, Role, StopReason};
use crate::shell::door;
use crate::words::civil::CivilDay;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::routing::post;
use serde::Deserialize;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const DOES: Door = Door::Does(Role::Issue);
    vec![("post", "/cases/approvals/{approval}", DOES, post(act))]
}

#[derive(Deserialize)]
struct ActForm {
    #[serde(default)]
    form: String,
    #[serde(default)]
    act: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    why: String,
}

impl ActForm {
    fn read(&self) -> Result<Act, Fault> {
        let day = |text: &str, name: &str| {
            CivilDay::parse(text.trim()).ok_or_else(|| Fault::form(format!("„{name}“ ist kein Datum: bitte wie 01.12.2026 schreiben.")))
        };
        if self.form.is_empty() {
            return Err(Fault::form("Bitte den Fall neu öffnen und es noch einmal versuchen; es wurde nichts geändert."));
        }
        Ok(match self.act.as_str() {
            "suspend" => {
                let until = Some(self.until.trim()).filter(|until| !until.is_empty());
                Act::Suspend { from: day(&self.from, "Von")?, until: until.map(|until| day(until, "Bis")).transpose()? }
            }
            "lift" => Act::Lift { from: day(&self.from, "Wieder ab")? },
            "end" => Act::End { from: day(&self.from, "Gilt nicht mehr ab")? },
            "reissue" => {
                let why = StopReason::parse(&self.why).filter(|why| *why != StopReason::Ended);
                let why = why.ok_or_else(|| Fault::form("Bitte angeben, ob die Karte verloren oder gestohlen ist."))?;
                Act::Reissue { why, from: day(&self.from, "Gesperrt ab")? }
            }
            "return" => Act::Return,
            _ => return Err(Fault::form("Bitte den Fall neu öffnen und dort wählen, was zu tun ist; es wurde nichts geändert.")),
        })
    }
}

async fn act(State(desk): State<Desk>, clerk: SignedIn, Path(approval): Path<i64>, form: Result<Form<ActForm>, FormRejection>) -> Page {
    let back = |fault: Fault| fault.back_to("/cases", "Zur Suche");
    let Form(form) = form.map_err(|_| back(Fault::form("Die Angaben waren nicht vollständig; es wurde nichts geändert.")))?;
    let wanted = form.read().map_err(back)?;
    let (by, now) = (clerk.name.clone(), door::now());
    let (place, _) = desk.with(move |office| office.act_once(&form.form, approval, wanted, &by, now)).await.map_err(back)?;
    Ok(go(&place))
}
