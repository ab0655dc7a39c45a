//! What the law says here, as it holds now; and another file in its place, after a look at what would change.

use super::Desk;
use super::doors::{Door, Route};
use super::form::Fields;
use super::login::SignedIn;
use super::page::{Done, Fault, Frame, Page, go, show};
use super::upload::uploaded;
use crate::office::Role;
use crate::shell::door;
use crate::shell::legal::entries::{Change, Entry};
use crate::shell::legal::{COMPILED, Legal, SETTING};
use crate::shell::store::StoreError;
use crate::shell::store::office::settings;
use crate::shell::store::sql::Connection;
use crate::words::civil::CivilDay;
use crate::words::ids::Hash;
use askama::Template;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

/// The largest file of legal data, in bytes: ten times what comes with the program.
const MAX_LEGAL: usize = 48 * 1024;
/// The same as a form sends it back, with each byte in three letters at most, and what stands around it.
const MAX_SENT: usize = 4 * MAX_LEGAL;

/// The routes of this page.
pub fn routes() -> Vec<Route> {
    vec![
        ("get", "/admin/legal", Door::Reads(&[Role::Admin]), get(page)),
        ("get", "/admin/legal/file", Door::Reads(&[Role::Admin]), get(file)),
        ("post", "/admin/legal/check", Door::Does(Role::Admin), post(check)),
        ("post", "/admin/legal", Door::Does(Role::Admin), post(take).layer(DefaultBodyLimit::max(MAX_SENT))),
    ]
}

struct EntryView {
    about: String,
    from: String,
    says: String,
    source: String,
    /// Whether another entry about the same has taken its place, or it is still to come.
    now: &'static str,
}

struct ChangeView {
    what: &'static str,
    kind: &'static str,
    about: String,
    from: String,
    before: String,
    after: String,
    source: String,
}

#[derive(Template)]
#[template(path = "office/legal.html")]
struct LegalPage {
    frame: Frame,
    own: bool,
    entries: Vec<EntryView>,
}

#[derive(Template)]
#[template(path = "office/legal_check.html")]
struct CheckPage {
    frame: Frame,
    changes: Vec<ChangeView>,
    text: String,
    seen: String,
}

/// The text in force, and whether it is the office's own.
fn in_force(db: &Connection) -> Result<(String, bool), StoreError> {
    let own = settings::read(db, SETTING)?.filter(|text| text != COMPILED);
    Ok(own.map_or_else(|| (COMPILED.to_owned(), false), |text| (text, true)))
}

fn views(entries: Vec<Entry>, today: CivilDay) -> Vec<EntryView> {
    let standing = |entry: &Entry| {
        let followed = entries.iter().any(|other| other.about == entry.about && other.from > entry.from && other.from <= today);
        match (entry.from > today, followed) {
            (true, _) => "kommt noch",
            (false, true) => "galt früher",
            (false, false) => "gilt",
        }
    };
    let now: Vec<&'static str> = entries.iter().map(standing).collect();
    let view = |(entry, now): (Entry, &'static str)| EntryView {
        about: entry.about,
        from: entry.from.german(),
        says: entry.says,
        source: entry.source,
        now,
    };
    entries.into_iter().zip(now).map(view).collect()
}

async fn page(State(desk): State<Desk>, clerk: SignedIn, Query(Done { done }): Query<Done>) -> Page {
    let look = |db: &Connection| Ok::<_, StoreError>((Legal::of(db)?, in_force(db)?.1));
    let (legal, own) = desk.look(look).await?;
    let frame = Frame::new(&desk, &clerk, "admin").after(done.as_deref());
    show(&LegalPage { frame, own, entries: views(legal.entries(), CivilDay::of(door::now())) })
}

/// The file in force, to be changed in an editor.
async fn file(State(desk): State<Desk>) -> Result<Response, Fault> {
    let (text, _) = desk.look(in_force).await?;
    let headers =
        [(header::CONTENT_TYPE, "application/toml; charset=utf-8"), (header::CONTENT_DISPOSITION, "attachment; filename=\"rechtsdaten.toml\"")];
    Ok((headers, text).into_response())
}

fn wrong(sentence: impl Into<String>) -> Fault {
    back(Fault::form(sentence))
}

const fn back(fault: Fault) -> Fault {
    fault.back_to("/admin/legal", "Zu den Rechtsdaten")
}

fn change(change: Change) -> ChangeView {
    let view = |what, kind, entry: Entry, before, after| ChangeView {
        what,
        kind,
        about: entry.about,
        from: entry.from.german(),
        before,
        after,
        source: entry.source,
    };
    match change {
        Change::Added(entry) => view("neu", "good", entry.clone(), String::new(), entry.says),
        Change::Removed(entry) => view("entfällt", "bad", entry.clone(), entry.says, String::new()),
        Change::Changed { before, after } if before.says == after.says => view("andere Quelle", "part", after.clone(), before.says, after.says),
        Change::Changed { before, after } => view("geändert", "part", after.clone(), before.says, after.says),
    }
}

/// Reads a file and shows what it would change. Nothing is taken yet.
async fn check(State(desk): State<Desk>, clerk: SignedIn, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Page {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let body = body.map_err(|_| wrong("Diese Datei ist zu groß für Rechtsdaten. Es wurde nichts geändert."))?;
    let bytes =
        uploaded(kind, &body).filter(|bytes| !bytes.is_empty()).ok_or_else(|| wrong("Bitte erst eine Datei wählen. Es wurde nichts geändert."))?;
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("Diese Datei ist kein Text in UTF-8. Bitte so speichern; es wurde nichts geändert."))?;
    if text.len() > MAX_LEGAL {
        return Err(wrong("Diese Datei ist zu groß für Rechtsdaten. Es wurde nichts geändert."));
    }
    let text = text.replace("\r\n", "\n");
    let next = Legal::parse(&text).map_err(|why| {
        wrong(format!("Das ist keine Datei mit Rechtsdaten, wie dieses Programm sie liest. Es wurde nichts geändert. Das Programm meldet: {why}"))
    })?;
    let look = |db: &Connection| Ok::<_, StoreError>((Legal::of(db)?, in_force(db)?.0));
    let (now, held) = desk.look(look).await?;
    let changes = now.changes(&next).into_iter().map(change).collect();
    show(&CheckPage { frame: Frame::new(&desk, &clerk, "admin"), changes, text, seen: Hash::of(&[held.as_bytes()]).hex() })
}

/// Takes the file that was looked at.
async fn take(State(desk): State<Desk>, clerk: SignedIn, fields: Fields) -> Page {
    let again = || wrong("Bitte die Datei noch einmal wählen und ansehen. Es wurde nichts geändert.");
    let seen = Hash::from_hex(fields.get("seen")).ok_or_else(again)?;
    let text = format!("{}\n", fields.get("text").replace("\r\n", "\n"));
    let taken: Result<(), Fault> = desk.with(move |office| office.replace_legal(&text, seen, &clerk.name, door::now())).await;
    taken.map_err(back)?;
    Ok(go("/admin/legal?done=legal"))
}
