//! The books for an auditor: ordered here, made beside the office's work, and taken away as one archive.

use super::Desk;
use super::doors::{Door, Route};
use super::jobs::{Outcome, Step};
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, go, show};
use super::words::moment;
use crate::office::{Action, BookOrder, BookStep, OfficeError, Role};
use crate::shell::handover::Handover;
use crate::shell::store::StoreError;
use crate::shell::web::actor::Actor;
use crate::shell::{door, secret_file};
use crate::words::civil::CivilDay;
use crate::words::time::{DAY_MS, UtcMs};
use askama::Template;
use axum::body::Body;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde::Deserialize;
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

/// For how many days an archive is kept.
const DAYS_KEPT: u64 = 7;
/// How many bytes of an archive are read at once.
const CHUNK: usize = 64 * 1024;
/// How many chunks wait for a slow browser.
const CHUNKS_WAITING: usize = 8;

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const WHO: &[Role] = &[Role::Admin];
    vec![
        ("get", "/admin/export", Door::Reads(WHO), get(page)),
        ("post", "/admin/export", Door::Takes(WHO), axum::routing::post(order)),
        ("get", "/admin/export/{name}", Door::Reads(WHO), get(archive)),
    ]
}

/// An archive that can be taken away.
struct Archive {
    name: String,
    made: String,
    size: String,
}

#[derive(Template)]
#[template(path = "office/export.html")]
struct ExportPage {
    frame: Frame,
    from: String,
    to: String,
    days_kept: u64,
    archives: Vec<Archive>,
}

async fn page(State(desk): State<Desk>, clerk: SignedIn) -> Page {
    let folder = desk.export_folder().await?;
    let archives = folder.map(|folder| archives(&folder)).unwrap_or_default();
    let year = CivilDay::of(door::now()).to_string().chars().take(4).collect::<String>();
    let frame = Frame::new(&desk, &clerk, "admin");
    show(&ExportPage { frame, from: format!("{year}-01-01"), to: CivilDay::of(door::now()).to_string(), days_kept: DAYS_KEPT, archives })
}

/// The archives in `folder`, the latest first.
fn archives(folder: &std::path::Path) -> Vec<Archive> {
    let mut found: Vec<(UtcMs, Archive)> = files(folder)
        .filter_map(|(path, made)| {
            let size = fs::metadata(&path).ok()?.len();
            let name = path.file_name()?.to_str()?.to_owned();
            Some((made, Archive { name, made: moment(made), size: readable(size) }))
        })
        .collect();
    found.sort_by_key(|(made, _)| std::cmp::Reverse(*made));
    found.into_iter().map(|(_, archive)| archive).collect()
}

/// Finished archives with the time they were made.
fn files(folder: &std::path::Path) -> impl Iterator<Item = (PathBuf, UtcMs)> {
    of_kind(folder, "zip")
}

/// Archives that are being made, or that were when the program ended.
fn unfinished(folder: &std::path::Path) -> impl Iterator<Item = (PathBuf, UtcMs)> {
    of_kind(folder, "part")
}

fn of_kind(folder: &std::path::Path, kind: &'static str) -> impl Iterator<Item = (PathBuf, UtcMs)> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(move |entry| {
        let made = entry.metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        let path = entry.path();
        (path.extension()? == kind).then_some((path, UtcMs(u64::try_from(made.as_millis()).ok()?)))
    })
}

fn readable(bytes: u64) -> String {
    match bytes {
        0..=999_999 => format!("{} KB", bytes.div_ceil(1000)),
        _ => format!("{},{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

#[derive(Deserialize)]
struct Order {
    from: String,
    to: String,
    cases: Option<String>,
}

async fn order(State(desk): State<Desk>, clerk: SignedIn, filled: Result<Form<Order>, FormRejection>) -> Page {
    let incomplete = || Fault::form("Bitte beide Tage angeben, den ersten und den letzten des Zeitraums.").back_to("/admin/export", "Zum Export");
    let Form(asked) = filled.map_err(|_| incomplete())?;
    let (Some(from), Some(to)) = (CivilDay::parse(&asked.from), CivilDay::parse(&asked.to)) else { return Err(incomplete()) };
    if to < from {
        return Err(Fault::form("Der letzte Tag liegt vor dem ersten. Bitte die beiden tauschen.").back_to("/admin/export", "Zum Export"));
    }
    let order = BookOrder { from, to, cases: asked.cases.is_some() };
    let Some(folder) = desk.export_folder().await? else {
        let sentence = "Dieses Amt hält seine Daten nur im Arbeitsspeicher; einen Export gibt es erst mit einer Datenbank auf der Platte.";
        return Err(Fault::new(StatusCode::CONFLICT, "Hier geht das nicht", sentence));
    };
    secret_file::make_dir(&folder).map_err(OfficeError::from)?;
    let now = door::now();
    forget_old(&folder, now);
    let name = format!("pruefung-{from}-{to}-{}.zip", now.0);
    let (path, part) = (folder.join(&name), Part(folder.join(format!("{name}.part"))));
    let (by, detail) = (clerk.name.clone(), format!("{from} to {to}{}", if order.cases { ", with cases" } else { "" }));
    let target = part.0.clone();
    let (mut export, reader) = desk
        .with(move |office| {
            office.note(&by, Action::Export, "books", &detail, now)?;
            let out = Handover::into_archive(&target).map_err(|why| OfficeError::Wrong(format!("the archive cannot be made: {why}")))?;
            Ok::<_, OfficeError>((office.books(order, out, now)?, office.db().reader()?))
        })
        .await?;
    let db = reader.ok_or_else(|| OfficeError::Wrong("a database in memory has no books to hand over".into()))?;
    db.reading().map_err(StoreError::from)?;
    let (beside, _) = Actor::start("export", db).map_err(|why| OfficeError::Wrong(format!("no thread for the export: {why}")))?;
    let place = desk.begin_at(beside, &clerk, "admin", "Export für die Prüfung", move |db| match export.step(db)? {
        BookStep::More { done, of } => Ok(Step::More { done, of }),
        BookStep::Done { rows, files } => {
            fs::rename(&part.0, &path).map_err(|why| OfficeError::Wrong(format!("the archive cannot be kept: {why}")))?;
            let words = format!("Fertig: {rows} Zeilen in {files} Dateien, mit Prüfsummen und Siegel. Das Archiv bleibt {DAYS_KEPT} Tage hier.");
            let links =
                vec![(format!("/admin/export/{name}"), "Archiv herunterladen".to_owned()), ("/admin/export".to_owned(), "Zum Export".to_owned())];
            Ok(Step::Done(Outcome { words, links }))
        }
    });
    Ok(go(&place))
}

async fn archive(State(desk): State<Desk>, clerk: SignedIn, Path(name): Path<String>) -> Page {
    let missing = || {
        Fault::new(StatusCode::NOT_FOUND, "Dieses Archiv gibt es nicht", format!("Archive bleiben {DAYS_KEPT} Tage. Bitte ein neues bestellen."))
            .back_to("/admin/export", "Zum Export")
    };
    let folder = desk.export_folder().await?.ok_or_else(missing)?;
    let (path, _) = files(&folder).find(|(path, _)| path.file_name().is_some_and(|file| file == name.as_str())).ok_or_else(missing)?;
    let file = fs::File::open(&path).map_err(|_| missing())?;
    let length = file.metadata().map_err(|_| missing())?.len();
    let object = format!("books/{name}");
    desk.with::<_, OfficeError>(move |office| office.note(&clerk.name, Action::Export, &object, "downloaded", door::now())).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, streamed(file)).into_response())
}

/// A file as a body that is read only as fast as it is taken.
fn streamed(mut file: fs::File) -> Body {
    let (send, receive) = tokio::sync::mpsc::channel(CHUNKS_WAITING);
    tokio::task::spawn_blocking(move || {
        loop {
            let mut chunk = vec![0; CHUNK];
            let read = file.read(&mut chunk).map(|length| {
                chunk.truncate(length);
                chunk
            });
            let last = !matches!(&read, Ok(chunk) if !chunk.is_empty());
            let ended = matches!(&read, Ok(chunk) if chunk.is_empty());
            if ended || send.blocking_send(read).is_err() || last {
                return;
            }
        }
    });
    Body::from_stream(futures_util::stream::unfold(receive, |mut receive| async { receive.recv().await.map(|chunk| (chunk, receive)) }))
}

impl Desk {
    /// Where archives are kept; none for an office in memory.
    async fn export_folder(&self) -> Result<Option<PathBuf>, Fault> {
        self.with(|office| Ok::<_, OfficeError>(office.folder().map(|folder| folder.join("exports")))).await
    }
}

/// An unfinished archive: gone when its job has ended, however it ended. A finished one has another name by then.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Deletes archives that were kept long enough.
fn forget_old(folder: &std::path::Path, now: UtcMs) {
    let old = |(_, made): &(PathBuf, UtcMs)| now.since(*made) > DAYS_KEPT * DAY_MS;
    for (path, _) in files(folder).chain(unfinished(folder)).filter(old) {
        // What cannot be deleted now is tried again within the hour.
        let _ = fs::remove_file(path);
    }
}

/// Forgets what is kept for some days only, in the database and beside it; at the start also archives that a job left unfinished.
pub(super) async fn tidy_up(desk: &Desk, at_start: bool) {
    let now = door::now();
    let tidied = desk.0.office.ask(move |office| {
        office.tidy_up(now)?;
        if let Some(folder) = office.folder().map(|folder| folder.join("exports")) {
            forget_old(&folder, now);
            for (path, _) in unfinished(&folder).filter(|_| at_start) {
                let _ = fs::remove_file(path);
            }
        }
        Ok::<_, OfficeError>(())
    });
    match tidied.await {
        Ok(Ok(())) => {}
        Ok(Err(why)) => tracing::error!(%why, "what was kept long enough could not be deleted"),
        Err(why) => tracing::error!(%why, "what was kept long enough could not be deleted"),
    }
}

/// Deletes all archives: after a purge none may hold what was deleted, nor may one that is being made from what was there before.
pub fn forget_all(folder: &std::path::Path) {
    let folder = folder.join("exports");
    for (path, _) in files(&folder).chain(unfinished(&folder)) {
        if let Err(why) = fs::remove_file(&path) {
            tracing::error!(%why, "an archive could not be deleted after a purge");
        }
    }
}
