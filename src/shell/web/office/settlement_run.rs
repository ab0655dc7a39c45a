//! One payment run: who gets what, the files for bank and treasury, and what each provider is told.

use super::Desk;
use super::doors::{Door, Route};
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, show};
use super::payment::{self, DoubtView};
use super::settlement::grouped;
use super::settlement_words::chosen_words;
use super::words::moment;
use crate::office::{Action, MAX_DOUBT_NOTE, OfficeError, Role, as_html, as_pdf, statement_name, statement_of};
use crate::settle::returned;
use crate::shell::door;
use crate::shell::paper::face::Faces;
use crate::shell::paper::zip::Zip;
use crate::shell::store::office::payable::RunProvider;
use crate::shell::store::office::{bank, desk, doubts, payable, payments, repayments};
use crate::shell::store::sql::Connection;
use crate::words::cents::Cents;
use crate::words::ids::{OfficeId, ProviderNumber};
use askama::Template;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many providers stand on one page.
const PROVIDERS: usize = 100;
/// A statement brings its own styles, and needs nothing else.
const STATEMENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const READS: Door = Door::Reads(&[Role::Reconcile, Role::Release]);
    vec![
        ("get", "/settlement/runs", READS, get(all)),
        ("get", "/settlement/{run}", READS, get(detail)),
        ("get", "/settlement/{run}/{file}", READS, get(file)),
        ("get", "/settlement/{run}/statements.zip", READS, get(archive)),
        ("get", "/settlement/{run}/statements/{provider}", READS, get(statement)),
    ]
}

struct RunLine {
    number: u32,
    execution: String,
    released: String,
    transfers: u64,
    total: Cents,
}

#[derive(Template)]
#[template(path = "office/settlement_runs.html")]
struct RunsPage {
    frame: Frame,
    runs: Vec<RunLine>,
}

async fn all(State(desk): State<Desk>, clerk: SignedIn) -> Page {
    let look = |db: &Connection| {
        let transfers: BTreeMap<u32, (u64, Cents)> = desk::transfers(db)?.into_iter().map(|(run, count, sum)| (run, (count, sum))).collect();
        Ok::<_, OfficeError>((payments::runs(db)?, transfers))
    };
    let (runs, paid) = desk.look(look).await?;
    let runs = runs.into_iter().map(|run| {
        let (transfers, total) = paid.get(&run.number).copied().unwrap_or_default();
        let released = run.second.map_or_else(|| "wartet auf Freigabe".to_owned(), |(by, at)| format!("{by}, {}", moment(at)));
        RunLine { number: run.number, execution: run.execution.german(), released, transfers, total }
    });
    show(&RunsPage { frame: Frame::new(&desk, &clerk, "settlement"), runs: runs.collect() })
}

struct FileView {
    name: String,
    title: &'static str,
    sentence: &'static str,
}

struct Row {
    provider: ProviderNumber,
    name: String,
    iban: String,
    lines: u64,
    cents: Cents,
    /// How much of it he paid back by himself.
    credit: Cents,
    state: String,
    class: &'static str,
    /// The transfer's reference, where there is one.
    payment: String,
}

#[derive(Template)]
#[template(path = "office/settlement_run.html")]
struct RunPage {
    frame: Frame,
    number: u32,
    released: bool,
    execution: String,
    chosen: String,
    first: (String, String),
    second: Option<(String, String)>,
    total: Cents,
    files: Vec<FileView>,
    rows: Vec<Row>,
    pager: Pager,
    /// What the bank said of this run that a clerk must clear up.
    doubts: Vec<DoubtView>,
    max_note: usize,
}

/// Where a list goes on, as the pages' macro wants it.
struct Pager {
    place: String,
    before: Option<usize>,
    after: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
struct From {
    #[serde(default)]
    skip: usize,
    done: Option<String>,
}

fn missing() -> Fault {
    Fault::new(StatusCode::NOT_FOUND, "Das gibt es hier nicht", "Bitte in der Liste der Zahlungen nachsehen.").back_to("/settlement", "Zur Zahlung")
}

async fn detail(State(desk): State<Desk>, clerk: SignedIn, Path(number): Path<u32>, Query(from): Query<From>) -> Page {
    let frame = Frame::new(&desk, &clerk, "settlement").after(from.done.as_deref());
    let page = desk.look(move |db| look(db, frame, number, from.skip)).await?.ok_or_else(missing)?;
    show(&page)
}

fn look(db: &Connection, frame: Frame, number: u32, skip: usize) -> Result<Option<RunPage>, OfficeError> {
    let Some(run) = payments::run(db, number)? else { return Ok(None) };
    let providers = payable::run_providers(db, number)?;
    let credits = repayments::drawn_sums(db, number)?;
    let paid: BTreeMap<ProviderNumber, bank::PaymentState> =
        bank::of_run(db, number)?.into_iter().map(|payment| (payment.provider, payment)).collect();
    let after = skip.saturating_add(PROVIDERS);
    let pager = Pager {
        place: format!("/settlement/{number}?"),
        before: (skip > 0).then(|| skip.saturating_sub(PROVIDERS)),
        after: (after < providers.len()).then_some(after),
    };
    let signature = |(name, at): (String, crate::words::time::UtcMs)| (name, moment(at));
    let files = payments::files(db, number)?.into_iter().map(|name| {
        let (title, sentence) = file_words(&name);
        FileView { name, title, sentence }
    });
    Ok(Some(RunPage {
        frame,
        number,
        released: run.released,
        execution: run.execution.german(),
        chosen: chosen_words(&run.selection, providers.len()),
        first: signature(run.first),
        second: run.second.map(signature),
        total: providers.iter().map(|provider| provider.cents).filter(|cents| *cents > Cents::ZERO).sum(),
        files: files.collect(),
        rows: providers
            .iter()
            .skip(skip)
            .take(PROVIDERS)
            .map(|provider| row(provider, credits.get(&provider.provider), paid.get(&provider.provider), run.released))
            .collect(),
        pager,
        doubts: payment::views(db, doubts::of_run(db, number)?.into_iter().filter(|doubt| doubt.closed.is_none()).collect())?,
        max_note: MAX_DOUBT_NOTE,
    }))
}

fn row(provider: &RunProvider, credit: Option<&Cents>, paid: Option<&bank::PaymentState>, released: bool) -> Row {
    let (state, class) = match paid {
        _ if !released => ("wartet auf Freigabe".to_owned(), "new"),
        Some(bank::PaymentState { returned: Some((why, on)), .. }) => {
            (format!("am {} zurückgekommen: {}", on.german(), returned::german(why)), "bad")
        }
        Some(bank::PaymentState { booked: Some(on), .. }) => (format!("am {} gebucht", on.german()), "good"),
        Some(_) => ("beauftragt, noch nicht gebucht".to_owned(), "part"),
        None if provider.cents < Cents::ZERO => ("wird verrechnet".to_owned(), "part"),
        None => ("nichts zu zahlen".to_owned(), "good"),
    };
    let RunProvider { provider, name, iban, lines, cents } = provider.clone();
    let payment = paid.map(|payment| payment.id.clone()).unwrap_or_default();
    Row { provider, name, iban: grouped(&iban), lines, cents, credit: credit.copied().unwrap_or_default(), state, class, payment }
}

/// What a clerk calls a file of a run, and where it goes.
fn file_words(name: &str) -> (&'static str, &'static str) {
    if name.starts_with("pain.001") {
        ("Zahlungsdatei (SEPA, pain.001)", "Für die Bank: im Bankprogramm einreichen. Erst danach fließt Geld.")
    } else if name.starts_with("payees") {
        ("Zahlungsliste (CSV)", "Für die Kasse der Kommune: wer wie viel auf welches Konto bekommt.")
    } else if name.starts_with("posting") {
        ("Buchungsdatei (CSV)", "Für die Kasse der Kommune: Summen je Haushaltskonto. Nicht an Anbieter oder Bank geben.")
    } else {
        ("Abrechnungsmitteilung", "Für den Anbieter.")
    }
}

/// Serves a file of a run as it was released; every download is logged.
async fn file(State(desk): State<Desk>, clerk: SignedIn, Path((run, name)): Path<(u32, String)>) -> Page {
    let asked = name.clone();
    let bytes = desk.look(move |db| payments::file(db, run, &asked)).await?.ok_or_else(missing)?;
    log(&desk, &clerk, run, name.clone()).await?;
    Ok(served(&name, bytes))
}

async fn log(desk: &Desk, clerk: &SignedIn, run: u32, what: String) -> Result<(), Fault> {
    let by = clerk.name.clone();
    desk.with(move |office| office.note(&by, Action::Export, &format!("run/{run}"), &what, door::now())).await
}

/// What one provider is told: `101` as a page, `101.pdf` as a PDF once the run is released.
async fn statement(State(desk): State<Desk>, clerk: SignedIn, Path((run, asked)): Path<(u32, String)>) -> Page {
    let (number, pdf) = asked.strip_suffix(".pdf").map_or((asked.as_str(), false), |number| (number, true));
    let number = number.parse().map(ProviderNumber).map_err(|_| missing())?;
    let (office, name) = desk.office();
    let made = desk.look(move |db| {
        let Some((statement, labels)) = statement_of(db, &office, run, number)? else { return Ok(None) };
        if !pdf {
            return as_html(&name, &statement, &labels).map(|html| Some((statement_name(&statement), html.into_bytes())));
        }
        if !payments::run(db, run)?.is_some_and(|run| run.released) {
            return Ok(None);
        }
        as_pdf(&name, &statement, &labels, &Faces::load()).map(|pdf| Some((statement_name(&statement), pdf)))
    });
    let (name, bytes) = made.await?.ok_or_else(missing)?;
    let ending = if pdf { "pdf" } else { "html" };
    log(&desk, &clerk, run, format!("statement {number} {ending}")).await?;
    Ok(served(&format!("{name}.{ending}"), bytes))
}

/// All statements of a released run as PDFs in one archive, made and sent one by one.
async fn archive(State(desk): State<Desk>, clerk: SignedIn, Path(run): Path<u32>) -> Page {
    let look = move |db: &Connection| {
        let released = payments::run(db, run)?.filter(|run| run.released);
        Ok::<_, OfficeError>(if released.is_some() { payable::run_providers(db, run)? } else { Vec::new() })
    };
    let providers: Vec<ProviderNumber> = desk.look(look).await?.iter().map(|provider| provider.provider).collect();
    if providers.is_empty() {
        return Err(missing());
    }
    log(&desk, &clerk, run, "statements.zip".to_owned()).await?;
    let (office, _) = desk.office();
    let packing = Packing { desk, run, providers: providers.into_iter(), faces: Arc::new(Faces::load()), zip: Some(Zip::default()) };
    let body = Body::from_stream(futures_util::stream::unfold(packing, |mut packing| async { packing.next().await.map(|part| (part, packing)) }));
    let disposition = format!("attachment; filename=\"statements-{office}-R{run}.zip\"");
    Ok(([(header::CONTENT_TYPE, "application/zip".to_owned()), (header::CONTENT_DISPOSITION, disposition)], body).into_response())
}

/// An archive on its way: one statement is in memory at a time.
struct Packing {
    desk: Desk,
    run: u32,
    providers: std::vec::IntoIter<ProviderNumber>,
    faces: Arc<Faces>,
    /// None when the end was sent, or something failed.
    zip: Option<Zip>,
}

impl Packing {
    async fn next(&mut self) -> Option<Result<Vec<u8>, std::io::Error>> {
        let mut zip = self.zip.take()?;
        let Some(provider) = self.providers.next() else { return Some(zip.finish().map_err(std::io::Error::other)) };
        let ((office, name), run, faces) = (self.desk.office(), self.run, self.faces.clone());
        let made = self.desk.look(move |db| {
            let Some((statement, labels)) = statement_of(db, &office, run, provider)? else { return Ok(None) };
            let plain = statement_name(&statement);
            match as_pdf(&name, &statement, &labels, &faces) {
                Ok(pdf) => Ok(Some((format!("{plain}.pdf"), pdf))),
                Err(OfficeError::TooLongForPaper { .. }) => Ok(Some((format!("{plain}.html"), as_html(&name, &statement, &labels)?.into_bytes()))),
                Err(why) => Err(why),
            }
        });
        let part = match made.await {
            Ok(Some((name, bytes))) => zip.add(&name, &bytes).map_err(std::io::Error::other),
            Ok(None) | Err(_) => Err(std::io::Error::other("a statement could not be made")),
        };
        if part.is_ok() {
            self.zip = Some(zip);
        }
        Some(part)
    }
}

/// A file to be kept, under its own name.
pub(super) fn served(name: &str, bytes: Vec<u8>) -> Response {
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect();
    let kind = match plain.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => {
            return ([(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, STATEMENT_POLICY)], bytes)
                .into_response();
        }
        Some("xml") => "application/xml",
        Some("csv") => "text/csv; charset=utf-8",
        Some("pdf") => "application/pdf",
        Some("zip") => "application/zip",
        _ => "application/octet-stream",
    };
    let disposition = format!("attachment; filename=\"{plain}\"");
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], bytes).into_response()
}

impl Desk {
    /// The office's id and name.
    pub(super) fn office(&self) -> (OfficeId, String) {
        (self.0.id.clone(), self.0.name.clone())
    }
}
