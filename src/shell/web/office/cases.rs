//! Cases: found by card number, token or case reference; every search and every look is logged.

mod acts;
mod entry;
mod form;
mod phones;
mod view;

use super::Desk;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Done, Fault, Frame, Page, go, show};
use crate::admit::number::CardNumber;
use crate::admit::scan::Scan;
use crate::office::{Action, OfficeError, Role};
use crate::shell::door;
use crate::shell::sheet::reference::lost_zeros;
use crate::shell::store::StoreError;
use crate::shell::store::office::children::{self, Child};
use crate::shell::store::sql::Connection;
use crate::words::ids::TokenId;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde::Deserialize;
use view::Case;

/// Who looks at cases: whoever issues, and whoever must understand a finding.
const READS: Door = Door::Reads(&[Role::Issue, Role::Reconcile]);
/// How many cases a search lists.
const LISTED: u64 = 30;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        ("get", "/cases", READS, get(search_page)),
        ("post", "/cases", READS, post(search)),
        ("get", "/cases/{child}", READS, get(one)),
        ("get", "/tokens/{token}", READS, get(of_token)),
    ];
    routes.extend(entry::routes());
    routes.extend(acts::routes());
    routes.extend(phones::routes());
    routes
}

/// A case found by its reference.
struct Found {
    child: i64,
    reference: String,
}

#[derive(Template)]
#[template(path = "office/case_search.html")]
struct SearchPage {
    frame: Frame,
    text: String,
    found: Option<Vec<Found>>,
    with_zeros: bool,
    more: bool,
}

async fn search_page(State(desk): State<Desk>, clerk: SignedIn, Query(done): Query<Done>) -> Page {
    let frame = Frame::new(&desk, &clerk, "cases").after(done.done.as_deref());
    show(&SearchPage { frame, text: String::new(), found: None, with_zeros: false, more: false })
}

#[derive(Deserialize)]
struct Search {
    text: String,
}

/// What was searched by, for the log, and what was found.
struct Hits {
    by: &'static str,
    found: Vec<Found>,
    with_zeros: bool,
}

async fn search(State(desk): State<Desk>, clerk: SignedIn, form: Result<Form<Search>, FormRejection>) -> Page {
    let text = form.map(|Form(form)| form.text.trim().to_owned()).unwrap_or_default();
    let frame = Frame::new(&desk, &clerk, "cases");
    if text.is_empty() {
        return show(&SearchPage { frame, text, found: None, with_zeros: false, more: false });
    }
    let (wanted, by) = (text.clone(), clerk.name.clone());
    let hits = desk
        .with(move |office| {
            let hits = find(office.db(), &wanted)?;
            let object = match hits.found.as_slice() {
                [one] => format!("child/{}", one.child),
                _ => String::new(),
            };
            office.note(&by, Action::Search, &object, &format!("{}: {}", hits.by, hits.found.len()), door::now())?;
            Ok::<_, OfficeError>(hits)
        })
        .await?;
    let mut hits = hits;
    let more = hits.found.len() as u64 > LISTED;
    hits.found.truncate(LISTED as usize);
    match hits.found.as_slice() {
        [one] if !hits.with_zeros => Ok(go(&format!("/cases/{}", one.child))),
        _ => show(&SearchPage { frame, text, found: Some(hits.found), with_zeros: hits.with_zeros, more }),
    }
}

/// Finds by what a clerk has at hand: a scanned code, a card number, a token's id, a case reference or the beginning of one.
fn find(db: &Connection, text: &str) -> Result<Hits, StoreError> {
    let hits = |by, found| Hits { by, found, with_zeros: false };
    if let Some(token) = scanned(text).or_else(|| TokenId::from_hex(text)) {
        let row = children::token_by_id(db, token)?;
        return Ok(hits("token", of_rows(db, row.map(|row| row.child))?));
    }
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if let Some(number) = CardNumber::parse(&digits) {
        let rows = children::tokens_by_number(db, number.get())?;
        if !rows.is_empty() {
            return Ok(hits("card number", of_rows(db, rows.into_iter().map(|row| row.child))?));
        }
    }
    if let Some(child) = children::by_reference(db, text)? {
        return Ok(hits("reference", vec![found(child)]));
    }
    let known = |reference: &str| children::has_reference(db, reference).unwrap_or(false);
    if let Some(with) = lost_zeros(text, &known) {
        let child = children::by_reference(db, &with)?;
        return Ok(Hits { by: "reference", found: child.into_iter().map(found).collect(), with_zeros: true });
    }
    Ok(hits("reference", children::by_beginning(db, text, LISTED + 1)?.into_iter().map(found).collect()))
}

/// The id of the token in a scanned code; what it says is looked up, not believed.
fn scanned(text: &str) -> Option<TokenId> {
    let bytes = match Scan::new(text).ok()? {
        Scan::Code(bytes) => bytes,
        Scan::Phone(code) => code.token,
        Scan::Number(_) | Scan::Chip(_) => return None,
    };
    children::content(&bytes).ok().map(|token| token.id)
}

fn found(child: Child) -> Found {
    Found { child: child.id, reference: child.reference.unwrap_or_else(|| "ohne Aktenzeichen".to_owned()) }
}

fn of_rows(db: &Connection, children: impl IntoIterator<Item = i64>) -> Result<Vec<Found>, StoreError> {
    let mut all = Vec::new();
    for child in children {
        all.extend(children::by_id(db, child)?.map(found));
    }
    all.dedup_by_key(|found| found.child);
    Ok(all)
}

#[derive(Debug, Deserialize)]
struct Shown {
    done: Option<String>,
    /// The card that was just made.
    card: Option<String>,
}

#[derive(Template)]
#[template(path = "office/case.html")]
struct CasePage {
    frame: Frame,
    case: Case,
    made: Vec<TokenId>,
    form: String,
    today: String,
}

fn no_such_case() -> Fault {
    Fault::new(StatusCode::NOT_FOUND, "Diesen Fall gibt es nicht", "Bitte nach Kartennummer oder Aktenzeichen suchen.").back_to("/cases", "Zur Suche")
}

async fn one(State(desk): State<Desk>, clerk: SignedIn, Path(child): Path<i64>, Query(shown): Query<Shown>) -> Page {
    let (by, now) = (clerk.name.clone(), door::now());
    let exists = desk.look(move |db| children::by_id(db, child)).await?.is_some();
    if !exists {
        return Err(no_such_case());
    }
    desk.with(move |office| office.note(&by, Action::Look, &format!("child/{child}"), "", now)).await?;
    let case = desk.look(move |db| view::case(db, child, now)).await?.ok_or_else(no_such_case)?;
    let frame = Frame::new(&desk, &clerk, "cases").after(shown.done.as_deref());
    let made = shown.card.unwrap_or_default().split('.').filter_map(TokenId::from_hex).collect();
    let today = crate::words::civil::CivilDay::of(now).to_string();
    show(&CasePage { frame, case, made, form: form_id(), today })
}

/// The case of a token, for links from findings.
async fn of_token(State(desk): State<Desk>, _: SignedIn, Path(token): Path<String>) -> Page {
    let token = TokenId::from_hex(&token).ok_or_else(no_such_case)?;
    let row = desk.look(move |db| children::token_by_id(db, token)).await?.ok_or_else(no_such_case)?;
    Ok(go(&format!("/cases/{}", row.child)))
}

/// An id for a form, so that the same one sent twice acts once.
pub(super) fn form_id() -> String {
    data_encoding::HEXLOWER.encode(&door::os_chance().bytes::<16>())
}
