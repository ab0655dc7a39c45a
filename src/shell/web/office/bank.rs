//! What the bank sends: account statements and reports; and accounts to which payments came back.

use super::Desk;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, go, show};
use super::payment::doubt_words;
use super::upload::uploaded;
use super::words::moment;
use crate::office::{Doubt, OfficeError, Role};
use crate::settle::account::Iban;
use crate::settle::returned;
use crate::shell::door;
use crate::shell::sheet::{bank as sheet, xml};
use crate::shell::store::office::{admission, bank};
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::ids::{Hash, ProviderNumber};
use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FormRejection};
use axum::extract::{DefaultBodyLimit, Form, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, post};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How many files and returns the page lists.
const SHOWN: u64 = 20;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    let take = post(take).layer(DefaultBodyLimit::max(xml::MAX_BYTES + 64 * 1024));
    vec![
        ("get", "/settlement/bank", Door::Reads(&[Role::Reconcile, Role::Release]), get(page)),
        ("post", "/settlement/bank", Door::Does(Role::Reconcile), take),
        ("post", "/settlement/accounts/{provider}", Door::Does(Role::Reconcile), post(account)),
    ]
}

struct FileRow {
    at: String,
    clerk: String,
    kind: String,
    counts: [u64; 5],
}

struct ReturnRow {
    run: u32,
    id: String,
    name: String,
    cents: Cents,
    on: String,
    why: String,
}

/// What a file just taken in said.
struct Said {
    known_file: bool,
    booked: usize,
    returned: Vec<(String, String)>,
    known: u64,
    others: u64,
    unclear: Vec<(String, String, &'static str)>,
}

#[derive(Template)]
#[template(path = "office/bank.html")]
struct BankPage {
    frame: Frame,
    said: Option<Said>,
    trouble: String,
    iban: String,
    files: Vec<FileRow>,
    returns: Vec<ReturnRow>,
}

async fn page(State(desk): State<Desk>, clerk: SignedIn) -> Page {
    let frame = Frame::new(&desk, &clerk, "settlement");
    let page = desk.look(move |db| look(db, frame, None, String::new())).await?;
    show(&page)
}

fn look(db: &Connection, frame: Frame, said: Option<Said>, trouble: String) -> Result<BankPage, OfficeError> {
    let names: BTreeMap<ProviderNumber, String> = admission::providers(db)?.into_iter().map(|provider| (provider.number, provider.name)).collect();
    let name = |provider: ProviderNumber| names.get(&provider).cloned().unwrap_or_else(|| provider.to_string());
    let returns = bank::last_returned(db, SHOWN)?.into_iter().filter_map(|payment| {
        let (why, on) = payment.returned?;
        let (on, why) = (on.german(), returned::german(&why));
        Some(ReturnRow { run: payment.run, id: payment.id, name: name(payment.provider), cents: payment.cents, on, why })
    });
    let files =
        bank::files(db, SHOWN)?.into_iter().map(|file| FileRow { at: moment(file.at), clerk: file.clerk, kind: file.kind, counts: file.counts });
    let iban = crate::shell::store::office::settings::read(db, "debtor_iban")?.unwrap_or_default();
    let (files, returns) = (files.collect(), returns.collect());
    Ok(BankPage { frame, said, trouble, iban: super::settlement::grouped(&iban), files, returns })
}

/// Takes in a file and shows what it said; a file that is not taken is explained on the same page.
async fn take(State(desk): State<Desk>, clerk: SignedIn, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Page {
    let frame = Frame::new(&desk, &clerk, "settlement");
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let Ok(body) = body else {
        return refused(&desk, frame, "Die Datei ist zu groß: bitte tageweise abrufen. Es wurde nichts übernommen.".into()).await;
    };
    let file = uploaded(&kind, &body).filter(|file| !file.is_empty());
    let Some(bytes) = file.map(<[u8]>::to_vec) else {
        return refused(&desk, frame, "Bitte erst eine Datei wählen. Es wurde nichts übernommen.".into()).await;
    };
    let hash = Hash::of(&[&bytes]);
    let turn = desk.0.files.acquire().await;
    let read = tokio::task::spawn_blocking(move || sheet::read(&bytes)).await;
    drop(turn);
    let read = match read {
        Ok(Ok(read)) => read,
        Err(_) => return refused(&desk, frame, "Diese Datei ließ sich nicht lesen. Bitte der Betreuung des Servers zeigen.".into()).await,
        Ok(Err(why)) => return refused(&desk, frame, format!("{} Es wurde nichts übernommen.", why.message_de)).await,
    };
    let known_file = desk.look(move |db| bank::is_known(db, hash)).await?;
    let taken = desk.with(move |office| Ok::<_, OfficeError>(office.import_bank(&read, hash, &clerk.name, door::now()))).await?;
    let outcome = match taken {
        Ok(outcome) => outcome,
        Err(why @ (OfficeError::OtherAccount { .. } | OfficeError::OtherReport(_))) => {
            return refused(&desk, frame, super::words::trouble(&why)).await;
        }
        Err(why) => return Err(why.into()),
    };
    let said = Said {
        known_file,
        booked: outcome.booked.len(),
        known: outcome.known,
        others: outcome.others,
        unclear: outcome.unclear.into_iter().map(unclear).collect(),
        returned: Vec::new(),
    };
    let ids = outcome.returned;
    let page = desk.look(move |db| {
        let mut page = look(db, frame, None, String::new())?;
        let words = |id: &String| -> Result<(String, String), OfficeError> {
            let why = bank::payment(db, id)?.and_then(|payment| payment.returned).map(|(why, _)| returned::german(&why));
            Ok((id.clone(), why.unwrap_or_default()))
        };
        page.said = Some(Said { returned: ids.iter().map(words).collect::<Result<_, _>>()?, ..said });
        Ok::<_, OfficeError>(page)
    });
    show(&page.await?)
}

/// What does not fit: the reference, where it is cleared up, and in words.
fn unclear((id, doubt): (String, Doubt)) -> (String, String, &'static str) {
    let place = if doubt == Doubt::OtherSum { "/settlement#doubts".to_owned() } else { format!("/settlement/payments/{id}") };
    (id, place, doubt_words(doubt).0)
}

async fn refused(desk: &Desk, frame: Frame, trouble: String) -> Page {
    let page = desk.look(move |db| look(db, frame, None, trouble)).await?;
    let mut response = show(&page)?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

fn to_settlement(fault: Fault) -> Fault {
    fault.back_to("/settlement", "Zur Zahlung")
}

#[derive(Deserialize)]
struct NewAccount {
    iban: String,
}

/// Takes a clerk's word on an account: it is right, or another one waits for a second clerk.
async fn account(State(desk): State<Desk>, clerk: SignedIn, Path(provider): Path<u32>, filled: Result<Form<NewAccount>, FormRejection>) -> Page {
    let Form(NewAccount { iban }) = filled.map_err(|_| to_settlement(Fault::form("Bitte die IBAN eingeben. Es wurde nichts geändert.")))?;
    let iban = Iban::parse(&iban).map_err(|_| {
        let sentence =
            "Diese IBAN kann nicht stimmen. Bitte Ziffer für Ziffer mit dem Schreiben des Anbieters vergleichen. Es wurde nichts geändert.";
        to_settlement(Fault::form(sentence))
    })?;
    let waits =
        desk.with(move |office| office.check_account(ProviderNumber(provider), &iban, &clerk.name, door::now())).await.map_err(to_settlement)?;
    Ok(go(if waits { "/settlement?done=account_waits" } else { "/settlement?done=account" }))
}
