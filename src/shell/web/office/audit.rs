//! The audit log's page: who looked up or did what, and whether the chain is whole.

use super::Desk;
use super::doors::{Door, Route};
use super::jobs::{Outcome, Step};
use super::login::SignedIn;
use super::page::{Fault, Frame, Page, go, show};
use super::words::moment;
use crate::office::{Action, AuditCheck, Office, OfficeError, Role};
use crate::shell::door;
use crate::shell::store::office::audit::{Filter, Record, newest};
use crate::shell::store::office::clerks;
use crate::words::civil::CivilDay;
use crate::words::spreadsheet::harmless;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde::Deserialize;

/// How many records stand on one page.
const RECORDS: u64 = 50;
/// The most records of one export.
const MAX_EXPORT: u64 = 200_000;
/// Who the log names beside clerks: commands on the server, and sign-ins with names that nobody has.
const OTHERS: [(&str, &str); 2] = [("cli", "Befehle am Server"), ("(unbekannt)", "unbekannte Namen")];

/// The routes of these pages.
pub fn routes() -> Vec<Route> {
    const READS: Door = Door::Reads(&[Role::Admin]);
    vec![
        ("get", "/admin/audit", READS, get(list)),
        ("get", "/admin/audit.csv", READS, get(export)),
        ("post", "/admin/audit/verify", READS, post(verify)),
    ]
}

/// What the form asks for, as it stands in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    clerk: String,
    action: String,
    object: String,
    from: String,
    to: String,
    before: Option<u64>,
}

impl Asked {
    fn filter(&self) -> Result<Filter, Fault> {
        let text = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
        let day = |text: &str| match text.trim() {
            "" => Ok(None),
            text => CivilDay::parse(text).map(Some).ok_or_else(|| {
                Fault::form("Der Zeitraum ist nicht zu lesen. Bitte beide Tage als Datum eingeben oder leer lassen.")
                    .back_to("/admin/audit", "Zum Protokoll")
            }),
        };
        let (from, to) = (day(&self.from)?, day(&self.to)?);
        Ok(Filter {
            clerk: text(&self.clerk),
            action: text(&self.action),
            object: text(&self.object),
            from: from.map(|day| day.at_minute(0)),
            until: to.map(|day| day.plus(1).at_minute(0)),
        })
    }

    /// The form as the end of an address.
    fn query(&self) -> String {
        let plain = |text: &str| -> String {
            text.bytes().map(|b| if b.is_ascii_alphanumeric() { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
        };
        let fields = [("clerk", &self.clerk), ("action", &self.action), ("object", &self.object), ("from", &self.from), ("to", &self.to)];
        let given = fields.iter().filter(|(_, value)| !value.trim().is_empty());
        given.map(|(name, value)| format!("{name}={}&", plain(value.trim()))).collect()
    }
}

struct Shown {
    seq: u64,
    at: String,
    clerk: String,
    action: String,
    object: String,
    detail: String,
}

fn shown(record: Record) -> Shown {
    let purged = || "(gelöscht)".to_owned();
    let action = Action::from_code(&record.action).map_or(record.action, |action| action.german().to_owned());
    Shown {
        seq: record.seq,
        at: moment(record.at),
        clerk: record.clerk.unwrap_or_else(purged),
        action,
        object: record.object.unwrap_or_default(),
        detail: record.detail.unwrap_or_else(purged),
    }
}

#[derive(Template)]
#[template(path = "office/audit.html")]
struct AuditPage {
    frame: Frame,
    asked: Asked,
    clerks: Vec<(String, String)>,
    actions: Vec<(&'static str, &'static str)>,
    records: Vec<Shown>,
    filtered: bool,
    csv: String,
    first: Option<String>,
    onward: Option<String>,
}

async fn list(State(desk): State<Desk>, clerk: SignedIn, Query(asked): Query<Asked>) -> Page {
    let (filter, before) = (asked.filter()?, asked.before.unwrap_or(u64::MAX));
    let (mut records, names) = desk
        .look(move |db| {
            let names: Vec<String> = clerks::all(db)?.into_iter().map(|account| account.name).collect();
            Ok::<_, crate::shell::store::StoreError>((newest(db, &filter, before, RECORDS + 1)?, names))
        })
        .await?;
    let more = records.len() as u64 > RECORDS;
    records.truncate(usize::try_from(RECORDS).unwrap_or(usize::MAX));
    let query = asked.query();
    let onward = records.last().filter(|_| more).map(|last| format!("/admin/audit?{query}before={}", last.seq));
    let others = OTHERS.iter().map(|(name, words)| ((*name).to_owned(), (*words).to_owned()));
    show(&AuditPage {
        frame: Frame::new(&desk, &clerk, "admin"),
        clerks: names.into_iter().map(|name| (name.clone(), name)).chain(others).collect(),
        actions: Action::ALL.iter().map(|action| (action.code(), action.german())).collect(),
        records: records.into_iter().map(shown).collect(),
        filtered: !query.is_empty(),
        csv: format!("/admin/audit.csv?{query}"),
        first: asked.before.map(|_| format!("/admin/audit?{query}")),
        onward,
        asked,
    })
}

/// The records of the form as a table: semicolons and a mark of UTF-8 at its start, as spreadsheets here expect.
async fn export(State(desk): State<Desk>, clerk: SignedIn, Query(asked): Query<Asked>) -> Page {
    let filter = asked.filter()?;
    let records = desk.look(move |db| newest(db, &filter, u64::MAX, MAX_EXPORT + 1)).await?;
    if records.len() as u64 > MAX_EXPORT {
        let sentence = "Die Auswahl hat mehr als 200.000 Einträge. Bitte den Zeitraum enger fassen und in Teilen speichern.";
        return Err(Fault::form(sentence).back_to("/admin/audit", "Zum Protokoll"));
    }
    let (count, now) = (records.len(), door::now());
    let table = tokio::task::spawn_blocking(move || table(records)).await.ok().flatten().ok_or_else(Fault::of_ours)?;
    let detail = format!("Protokoll als CSV, {count} Einträge");
    desk.with::<_, OfficeError>(move |office| office.note(&clerk.name, Action::Export, "audit", &detail, now)).await?;
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, "attachment; filename=\"protokoll.csv\"")];
    Ok((headers, table).into_response())
}

fn table(records: Vec<Record>) -> Option<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().delimiter(b';').from_writer("\u{feff}".as_bytes().to_vec());
    writer.write_record(["Nummer", "Zeit (UTC, ms)", "Zeit", "Person", "Handlung", "Gegenstand", "Angaben", "Prüfsumme", "Kette"]).ok()?;
    for record in records {
        let (at, content, link) = (record.at.0.to_string(), hex(&record.content.0), hex(&record.link.0));
        let shown = shown(record);
        let cells = [shown.seq.to_string(), at, shown.at, shown.clerk, shown.action, shown.object, shown.detail, content, link];
        writer.write_record(cells.map(|cell| harmless(&cell).into_owned())).ok()?;
    }
    writer.into_inner().ok()
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

async fn verify(State(desk): State<Desk>, clerk: SignedIn) -> Page {
    let (mut check, by) = (AuditCheck::default(), clerk.name.clone());
    let step = move |office: &mut Office| {
        let id = office.profile().id.clone();
        let words = match check.step(office.db(), &id)? {
            Ok(Some(of)) => return Ok(Step::More { done: check.checked(), of }),
            Ok(None) => format!("Die Kette ist ganz: Alle {} Einträge sind, wie sie geschrieben wurden, und keiner fehlt.", check.checked()),
            Err(broken) => format!(
                "Die Kette ist beim Eintrag {} gebrochen: Dort oder davor wurde an der Datenbank vorbei am Programm etwas geändert. \
                 Bitte die Datenbank als Beweis sichern und die letzte Sicherung danebenlegen; die Betreuung des Servers und die Prüfung informieren.",
                broken.seq
            ),
        };
        office.note(&by, Action::Look, "audit", &format!("Kette geprüft: {words}"), door::now())?;
        Ok(Step::Done(Outcome { words, links: vec![("/admin/audit".into(), "Zum Protokoll".into())] }))
    };
    Ok(go(&desk.begin(&clerk, "admin", "Kette des Protokolls prüfen", step)))
}
