//! What a clerk does with an approval, and the letter of one card.

use super::super::Desk;
use super::super::doors::{Door, Route};
use super::super::login::SignedIn;
use super::super::page::{Fault, Page, go};
use super::no_such_case;
use crate::office::{Act, Action, OfficeError, Role, StopReason};
use crate::shell::door;
use crate::shell::paper::benefit::letter;
use crate::shell::paper::letters::Sender;
use crate::shell::paper::qr::Qr;
use crate::shell::paper::stack::letters;
use crate::shell::store::office::children;
use crate::words::civil::CivilDay;
use crate::words::ids::TokenId;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde::Deserialize;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const DOES: Door = Door::Does(Role::Issue);
    vec![("post", "/cases/approvals/{approval}", DOES, post(act)), ("get", "/tokens/{token}/letter.pdf", DOES, get(card_letter))]
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

/// The letter of one card as PDF; whoever prints it holds a voucher, so it is logged.
async fn card_letter(State(desk): State<Desk>, clerk: SignedIn, Path(token): Path<String>) -> Page {
    let token = TokenId::from_hex(&token).ok_or_else(no_such_case)?;
    let (by, now) = (clerk.name.clone(), door::now());
    let found = desk.with(move |office| {
        let Some(row) = children::token_by_id(office.db(), token)? else { return Ok(None) };
        let child = children::by_id(office.db(), row.child)?;
        office.note(&by, Action::Print, &format!("token/{token}"), "letter", now)?;
        Ok::<_, OfficeError>(row.bytes.zip(child.and_then(|child| child.reference)).map(|found| (found, office.profile().name.clone())))
    });
    let ((bytes, reference), name) = found.await?.ok_or_else(no_such_case)?;
    let content = children::content(&bytes)?;
    let qr = Qr::new(&crate::admit::scan::code_text(&bytes)).map_err(|_| no_such_case())?;
    let sender = Sender { office: &name, contact: "", dated: CivilDay::of(now) };
    let pdf = letters(&sender, &[letter(&reference, &content, &qr)])
        .map_err(|why| Fault::form(format!("Der Brief ließ sich nicht drucken. Das Programm meldet: {why}")).back_to("/cases", "Zur Suche"))?;
    let headers = [(header::CONTENT_TYPE, "application/pdf"), (header::CONTENT_DISPOSITION, "inline; filename=\"brief.pdf\"")];
    Ok((headers, pdf).into_response())
}
