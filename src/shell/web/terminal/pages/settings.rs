//! The settings of the box.

use super::super::backups;
use super::{Frame, Visit};
use crate::shell::checkup::Grade;
use crate::shell::checkup::backup::BackupLook;
use crate::shell::door;
use crate::shell::store::StoreError;
use crate::shell::texts::Language;
use crate::shell::web::problem::Problem;
use crate::terminal::Terminal;
use crate::terminal::settings::Setting;
use crate::words::time::UtcMs;
use askama::Template;
use axum::response::Response;
use std::path::Path;

struct OfficeShown {
    id: String,
    name: String,
    url: String,
    provider: String,
    heard: String,
    admitted: bool,
}

struct ServiceShown {
    code: String,
    label: String,
}

#[derive(Template)]
#[template(path = "terminal/settings.html")]
struct SettingsPage {
    frame: Frame,
    name: String,
    languages: Vec<Language>,
    language: String,
    services: Vec<ServiceShown>,
    service: String,
    offices: Vec<OfficeShown>,
    /// For which roles a PIN is set.
    pins: [bool; 3],
    lock_minutes: u64,
    /// Somebody has begun the set-up and not come to its end.
    unfinished: bool,
    /// How it stands with backups; none where the box has no folder of its own.
    backup: Option<BackupShown>,
    /// Since when this box goes on for an earlier one.
    restored: Option<String>,
}

/// How it stands with backups.
struct BackupShown {
    /// Whether all is well.
    well: bool,
    /// The word for how it is.
    word: &'static str,
    /// When the last one was made.
    last: Option<String>,
}

impl BackupShown {
    fn at(dir: &Path, language: Language, now: UtcMs) -> Self {
        let look = BackupLook::at(dir, now);
        Self { well: look.grade == Grade::Ok, word: backups::standing(&look), last: look.standing.last_at().map(|at| language.moment(at)) }
    }
}

/// The settings.
pub(in super::super) async fn show(visit: Visit) -> Result<Response, Problem> {
    let pins = visit.app.sessions.pins();
    let with_pin = pins.hashes.map(|hash| hash.is_some());
    let keeper = visit.app.backups.clone();
    visit.show(move |terminal, frame| page(terminal, frame, with_pin, pins.lock_minutes, keeper.as_ref().map(|keeper| keeper.dir()))).await
}

fn page(terminal: &mut Terminal, frame: Frame, pins: [bool; 3], lock_minutes: u64, folder: Option<&Path>) -> Result<SettingsPage, StoreError> {
    let now = door::now();
    let mut services: Vec<ServiceShown> = Vec::new();
    for service in terminal.offices().iter().filter_map(|(office, _)| office.credential.as_ref()).flat_map(|c| &c.services) {
        if services.iter().all(|known| known.code != service.code.as_str()) {
            services.push(ServiceShown { code: service.code.to_string(), label: service.label.clone() });
        }
    }
    let office = |(office, trust): (&crate::terminal::Office, &crate::admit::trust::TrustList)| OfficeShown {
        id: office.id.to_string(),
        name: trust.office_name.clone(),
        url: office.url.clone(),
        provider: office.credential.as_ref().map(|c| format!("{} ({})", c.provider_name, c.provider)).unwrap_or_default(),
        heard: if office.heard_at.0 > 0 { frame.language().moment(office.heard_at) } else { String::new() },
        admitted: office.credential.is_some(),
    };
    let offices = terminal.offices().iter().map(office).collect();
    Ok(SettingsPage {
        name: terminal.setting(Setting::Name)?.unwrap_or_default(),
        languages: Language::all().collect(),
        language: terminal.setting(Setting::Language)?.unwrap_or_else(|| Language::GERMAN.code().to_owned()),
        services,
        service: terminal.setting(Setting::Service)?.unwrap_or_default(),
        offices,
        pins,
        lock_minutes: lock_minutes.max(1),
        unfinished: terminal.setting(Setting::SetUp)?.is_some_and(|step| step != "done"),
        backup: folder.map(|dir| BackupShown::at(dir, frame.language(), now)),
        restored: terminal.status(now)?.restored.map(|at| frame.language().moment(at)),
        frame,
    })
}
