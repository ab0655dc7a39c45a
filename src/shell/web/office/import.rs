//! Taking files in: a clerk brings one, sees what would become of it, and nothing is taken before she says so.

use super::Desk;
use super::doors::{Door, Route};
use super::jobs::{Jobs, Outcome, Step};
use super::login::SignedIn;
use super::page::{Done, Fault, Frame, Page, go, show};
use super::print::thousands;
use super::upload::uploaded;
use super::words::moment;
use crate::office::{Checked, IntakeJob, IntakeKind, IntakeReport, IntakeStep, Role, check_intake, read_intake};
use crate::shell::door;
use crate::shell::sheet::RowError;
use crate::shell::sheet::split::quoted;
use crate::shell::store::office::uploads::{self, Upload};
use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FormRejection};
use axum::extract::{DefaultBodyLimit, Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde::Deserialize;
use std::fmt::Write;

/// The most bytes of a file: ten times the approvals of a Kreis.
const MAX_UPLOAD: usize = 32 * 1024 * 1024;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const READS: Door = Door::Reads(&[Role::Issue]);
    const DOES: Door = Door::Does(Role::Issue);
    vec![
        ("get", "/import", READS, get(overview)),
        ("post", "/import/{kind}", DOES, post(bring).layer(DefaultBodyLimit::max(MAX_UPLOAD))),
        ("get", "/import/files/{id}", DOES, get(preview)),
        ("get", "/import/files/{id}/errors.csv", DOES, get(errors)),
        ("post", "/import/files/{id}/take", DOES, post(take)),
        ("post", "/import/files/{id}/check", DOES, post(check_again)),
        ("post", "/import/files/{id}/discard", DOES, post(discard)),
    ]
}

fn back(fault: Fault) -> Fault {
    fault.back_to("/import", "Zum Einlesen")
}

fn gone() -> Fault {
    let sentence = "Diese Datei ist schon eingelesen oder verworfen, oder sie wurde nach einem Tag gelöscht. Bitte bei Bedarf noch einmal hochladen.";
    back(Fault::new(StatusCode::NOT_FOUND, "Diese Datei wartet nicht mehr", sentence))
}

fn being_taken() -> Fault {
    let sentence = "Diese Datei wird gerade schon übernommen, nichts geschieht doppelt. Bitte einen Augenblick warten und dann nachsehen.";
    back(Fault::new(StatusCode::CONFLICT, "Das läuft schon", sentence))
}

struct Waiting {
    place: String,
    title: &'static str,
    at: String,
}

#[derive(Template)]
#[template(path = "office/import.html")]
struct ImportPage {
    frame: Frame,
    waiting: Vec<Waiting>,
}

async fn overview(State(desk): State<Desk>, clerk: SignedIn, Query(done): Query<Done>) -> Page {
    let frame = Frame::new(&desk, &clerk, "import").after(done.done.as_deref());
    let uploads = desk.look(move |db| uploads::of(db, &clerk.name)).await?;
    let title = |upload: &Upload| IntakeKind::parse(&upload.kind).map_or("Datei", IntakeKind::german);
    let waiting = uploads.iter().map(|upload| Waiting { place: place(&upload.id), title: title(upload), at: moment(upload.at) });
    show(&ImportPage { frame, waiting: waiting.collect() })
}

fn place(id: &str) -> String {
    format!("/import/files/{id}")
}

/// Reads a file and holds it against the register, beside whatever else goes on.
async fn checked(desk: &Desk, kind: IntakeKind, bytes: Bytes) -> Result<Checked, Fault> {
    let turn = desk.0.files.acquire().await;
    let read = tokio::task::spawn_blocking(move || read_intake(kind, &bytes)).await;
    drop(turn);
    let intake = read.map_err(|_| back(Fault::form("Diese Datei ließ sich nicht lesen. Bitte der Betreuung des Servers zeigen.")))?;
    let intake = intake.map_err(|why: RowError| back(Fault::form(format!("{} Es wurde nichts übernommen.", why.german()))))?;
    desk.look(move |db| check_intake(db, intake, door::now())).await.map_err(back)
}

async fn bring(State(desk): State<Desk>, clerk: SignedIn, Path(kind): Path<String>, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Page {
    let kind = IntakeKind::parse(&kind)
        .ok_or_else(|| back(Fault::new(StatusCode::NOT_FOUND, "Das gibt es hier nicht", "Bitte eine der Dateiarten auf der Seite wählen.")))?;
    let body =
        body.map_err(|_| back(Fault::form(format!("Die Datei ist größer als {} MB. Bitte in mehrere Dateien aufteilen.", MAX_UPLOAD >> 20))))?;
    let content = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let file = uploaded(content, &body).filter(|file| !file.is_empty()).ok_or_else(|| back(Fault::form("Bitte eine Datei auswählen.")))?;
    let file = body.slice_ref(file);
    let report = checked(&desk, kind, file.clone()).await?.report;
    let kept = desk.with(move |office| office.keep_upload(kind, &file, &report, &clerk.name, door::now()));
    Ok(go(&place(&kept.await.map_err(back)?)))
}

/// A clerk's own file, and what its check said.
async fn own(desk: &Desk, clerk: &SignedIn, id: &str) -> Result<(IntakeKind, IntakeReport), Fault> {
    let (id, name) = (id.to_owned(), clerk.name.clone());
    let upload = desk.look(move |db| uploads::by_id(db, &id, &name)).await?.ok_or_else(gone)?;
    let kind = IntakeKind::parse(&upload.kind).ok_or_else(gone)?;
    Ok((kind, serde_json::from_str(&upload.report).map_err(|_| gone())?))
}

/// A clerk's own file, checked anew.
async fn anew(desk: &Desk, clerk: &SignedIn, id: &str) -> Result<(IntakeKind, IntakeReport, Checked), Fault> {
    let (kind, before) = own(desk, clerk, id).await?;
    let wanted = id.to_owned();
    let bytes = desk.look(move |db| uploads::bytes(db, &wanted)).await?.ok_or_else(gone)?;
    let checked = checked(desk, kind, bytes.into()).await?;
    Ok((kind, before, checked))
}

#[derive(Template)]
#[template(path = "office/import-preview.html")]
struct PreviewPage {
    frame: Frame,
    title: &'static str,
    at: String,
    report: IntakeReport,
    tiles: Vec<(&'static str, String, &'static str)>,
    take: String,
    take_right: String,
    is_payments: bool,
}

async fn preview(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<String>, Query(done): Query<Done>) -> Page {
    let (kind, report) = own(&desk, &clerk, &id).await?;
    let is_payments = kind == IntakeKind::SelfPaid;
    let all = [
        ("neu", if is_payments { report.payments } else { report.new }, "new"),
        ("geändert", report.changed, "part"),
        ("beendet", report.ended + report.missing, "look"),
        ("unverändert", report.unchanged, ""),
        ("falsch", report.refused, "bad"),
    ];
    let tiles = all.into_iter().filter(|(words, count, _)| *count > 0 || ["neu", "falsch"].contains(words));
    let take = report.to_take();
    show(&PreviewPage {
        frame: Frame::new(&desk, &clerk, "import").after(done.done.as_deref()),
        title: kind.german(),
        at: place(&id),
        tiles: tiles.map(|(words, count, class)| (words, thousands(count), class)).collect(),
        take: thousands(take + report.missing),
        take_right: thousands(take),
        is_payments,
        report,
    })
}

/// The wrong rows, to be sent back: line, column, what is wrong and what to do.
async fn errors(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<String>) -> Page {
    let (_, _, checked) = anew(&desk, &clerk, &id).await?;
    let mut csv = "\u{feff}Zeile;Spalte;Was falsch ist und was zu tun ist\r\n".to_owned();
    for error in &checked.errors {
        let line = if error.line == 0 { String::new() } else { error.line.to_string() };
        let _ = write!(csv, "{line};{};{}\r\n", error.column.unwrap_or_default(), quoted(&error.message_de));
    }
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, "attachment; filename=\"fehler.csv\"")];
    Ok((headers, csv).into_response())
}

#[derive(Debug, Deserialize)]
struct TakeForm {
    content: String,
    /// `right`: what is right of a file that is wrong in part.
    part: Option<String>,
    /// Consent to what ends because a complete delivery lacks it.
    missing: Option<String>,
}

async fn take(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<String>, form: Result<Form<TakeForm>, FormRejection>) -> Page {
    let Form(form) = form.map_err(|_| back(Fault::form("Bitte die Vorschau noch einmal ansehen.")))?;
    own(&desk, &clerk, &id).await?;
    let taking = Jobs::taking(&desk, &id).ok_or_else(being_taken)?;
    let (kind, _, checked) = anew(&desk, &clerk, &id).await?;
    let report = checked.report.clone();
    if report.content != form.content {
        let wanted = id.clone();
        desk.with(move |office| office.set_report(&wanted, &report)).await?;
        return Ok(go(&format!("{}?done=rechecked", place(&id))));
    }
    if report.refused > 0 && form.part.as_deref() != Some("right") {
        return Err(back(Fault::form("Die Datei hat falsche Zeilen. Bitte berichtigen lassen, oder bewusst nur die richtigen übernehmen.")));
    }
    let missing = form.missing.as_deref() == Some("yes");
    if report.missing > 0 && !missing && report.to_take() == 0 {
        return Err(back(Fault::form("Bitte bestätigen, dass die fehlenden Datensätze enden sollen; sonst gibt es nichts zu übernehmen.")));
    }
    let mut job = IntakeJob::of(kind, checked, missing, Some(id), &clerk.name);
    let title = format!("{} einlesen", kind.german());
    Ok(go(&desk.begin(&clerk, "import", title, move |office| {
        // Held until the job ends, however it ends.
        let _held = &taking;
        Ok(match job.step(office, door::now())? {
            IntakeStep::More(done, of) => Step::More { done, of },
            IntakeStep::Done(done, cards) => Step::Done(taken(done, cards)),
        })
    })))
}

fn taken(done: u64, cards: u64) -> Outcome {
    let words = match (done, cards) {
        (1, 0) => "Eine Änderung ist übernommen.".to_owned(),
        (done, 0) => format!("{} Änderungen sind übernommen.", thousands(done)),
        (done, 1) => format!("{} übernommen, eine Karte ausgestellt. Sie wartet auf den Druck.", thousands(done)),
        (done, cards) => format!("{} übernommen, {} Karten ausgestellt. Sie warten auf den Druck.", thousands(done), thousands(cards)),
    };
    let print = (cards > 0).then(|| ("/print".to_owned(), "Zum Drucken".to_owned()));
    Outcome { words, links: print.into_iter().chain([("/import".to_owned(), "Zum Einlesen".to_owned())]).collect() }
}

async fn check_again(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<String>) -> Page {
    let (_, _, checked) = anew(&desk, &clerk, &id).await?;
    let (wanted, report) = (id.clone(), checked.report);
    desk.with(move |office| office.set_report(&wanted, &report)).await?;
    Ok(go(&format!("{}?done=rechecked", place(&id))))
}

async fn discard(State(desk): State<Desk>, clerk: SignedIn, Path(id): Path<String>) -> Page {
    own(&desk, &clerk, &id).await?;
    desk.with(move |office| office.discard_upload(&id, &clerk.name, door::now())).await?;
    Ok(go("/import?done=dropped"))
}
