//! On which days providers serve: taken in from a file or row by row, and worked into what reconciliation holds lines against.

use super::{Action, ImportOutcome, Office, OfficeError, Work};
use crate::reconcile::calendar::{ServiceDays, SiteKind, Stretch, Whom};
use crate::reconcile::register::ProviderFile;
use crate::shell::sheet::calendar::CalendarRow as FileRow;
use crate::shell::store::StoreError;
use crate::shell::store::office::admission;
use crate::shell::store::office::calendar::{self, CalendarRow};
use crate::shell::store::sql::Connection;
use crate::words::ids::{ProviderNumber, TerminalId};
use crate::words::time::UtcMs;
use std::collections::BTreeMap;

/// What is agreed with every provider, with the days on which it serves.
pub fn provider_files(db: &Connection) -> Result<BTreeMap<ProviderNumber, ProviderFile>, StoreError> {
    let mut files = admission::provider_files(db)?;
    let rows: Vec<(Whom, Stretch)> = calendar::rows(db)?.into_iter().map(|(_, row)| (row.whom, row.days)).collect();
    let kinds = calendar::kinds(db)?;
    for (number, file) in &mut files {
        let kind = kinds.get(number).copied().unwrap_or(SiteKind::Other);
        file.days = ServiceDays::of(&rows, kind, *number, None);
    }
    let sites = calendar::sites(db)?;
    for (terminal, provider, name) in calendar::terminal_sites(db)? {
        let Some(site) = sites.iter().find(|site| site.provider == provider && site.name == name) else { continue };
        if let Some(file) = files.get_mut(&provider) {
            file.at_sites.insert(terminal, ServiceDays::of(&rows, site.kind, provider, Some(&name)));
        }
    }
    Ok(files)
}

impl Office {
    /// Takes over the days on which providers serve or do not. Rows that are on record already are passed over; the open lines of the
    /// days concerned are decided anew. All or none.
    pub fn import_calendar(&mut self, rows: &[FileRow], by: &str, now: UtcMs) -> Result<ImportOutcome, OfficeError> {
        self.in_transaction(|work| {
            let mut outcome = ImportOutcome::default();
            let mut known: Vec<CalendarRow> = calendar::rows(&work.db)?.into_iter().map(|(_, row)| row).collect();
            for row in rows {
                let new = CalendarRow { whom: row.whom.clone(), days: row.days, name: row.name.clone() };
                work.check_whom(&new.whom).map_err(|why| OfficeError::Wrong(format!("line {}: {why}; nothing was taken", row.line)))?;
                if known.contains(&new) {
                    outcome.known += 1;
                } else {
                    work.add_to_calendar(&new)?;
                    known.push(new);
                    outcome.taken += 1;
                }
            }
            let detail = format!("{} Zeilen neu, {} bekannt", outcome.taken, outcome.known);
            work.note(by, Action::Import, "calendar", &detail, now)?;
            Ok(outcome)
        })
    }

    /// Adds one row to the calendar.
    pub fn add_calendar_row(&mut self, row: &CalendarRow, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            work.check_whom(&row.whom)?;
            let id = work.add_to_calendar(row)?;
            work.note(by, Action::Provider, &format!("calendar/{id}"), &in_words(row), now)
        })
    }

    /// Takes a row out of the calendar.
    pub fn remove_calendar_row(&mut self, id: i64, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            let missing = || OfficeError::NotFound("this row of the calendar is gone already: somebody took it out".into());
            let row = calendar::remove(&work.db, id)?.ok_or_else(missing)?;
            calendar::mark_concerned(&work.db, provider_of(&row.whom), (row.days.from, row.days.to))?;
            work.note(by, Action::Provider, &format!("calendar/{id}"), &format!("entfernt: {}", in_words(&row)), now)
        })
    }

    /// Adds a place of a provider, or changes its kind; open lines are decided anew.
    pub fn keep_site(&mut self, site: &calendar::Site, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        let name = site.name.trim();
        if name.is_empty() || name.chars().count() > MAX_SITE {
            return Err(OfficeError::Wrong(format!("the place's name must have 1 to {MAX_SITE} characters")));
        }
        self.in_transaction(|work| {
            work.check_whom(&Whom::Provider(site.provider))?;
            calendar::keep_site(&work.db, &calendar::Site { name: name.to_owned(), ..site.clone() })?;
            calendar::mark_concerned(&work.db, Some(site.provider), ALWAYS)?;
            work.note(by, Action::Provider, &format!("provider/{}", site.provider), &format!("Standort „{name}“: {}", site.kind.german()), now)
        })
    }

    /// Notes at which place of its provider a terminal stands; open lines of the provider are decided anew.
    pub fn place_terminal(&mut self, terminal: TerminalId, site: Option<&str>, by: &str, now: UtcMs) -> Result<(), OfficeError> {
        self.in_transaction(|work| {
            let missing = || OfficeError::NotFound("there is no such terminal: see the provider's page".into());
            let provider = admission::terminal(&work.db, terminal)?.ok_or_else(missing)?.provider;
            if let Some(site) = site {
                work.check_whom(&Whom::Site(provider, site.to_owned()))?;
            }
            calendar::set_terminal_site(&work.db, terminal, site)?;
            calendar::mark_concerned(&work.db, Some(provider), ALWAYS)?;
            let detail = format!("Lesegerät {}: Standort „{}“", terminal, site.unwrap_or("ohne"));
            work.note(by, Action::Provider, &format!("provider/{provider}"), &detail, now)
        })
    }
}

/// The longest name of a place in characters.
const MAX_SITE: usize = 60;
/// Every day there is.
const ALWAYS: (crate::words::civil::CivilDay, crate::words::civil::CivilDay) =
    (crate::words::civil::CivilDay::EPOCH, crate::words::civil::CivilDay::MAX);

impl Work<'_> {
    /// Whether a row's provider and place are known.
    fn check_whom(&self, whom: &Whom) -> Result<(), OfficeError> {
        let (Whom::Provider(provider) | Whom::Site(provider, _)) = whom else { return Ok(()) };
        if admission::provider(&self.db, *provider)?.is_none() {
            return Err(OfficeError::Wrong(format!("there is no provider {provider}")));
        }
        match whom {
            Whom::Site(_, name) if !calendar::sites(&self.db)?.iter().any(|site| site.provider == *provider && site.name == *name) => {
                Err(OfficeError::Wrong(format!("provider {provider} has no place “{name}”")))
            }
            _ => Ok(()),
        }
    }

    fn add_to_calendar(&self, row: &CalendarRow) -> Result<i64, OfficeError> {
        calendar::mark_concerned(&self.db, provider_of(&row.whom), (row.days.from, row.days.to))?;
        Ok(calendar::insert(&self.db, row)?)
    }
}

const fn provider_of(whom: &Whom) -> Option<ProviderNumber> {
    match whom {
        Whom::Provider(provider) | Whom::Site(provider, _) => Some(*provider),
        Whom::All | Whom::Kind(_) => None,
    }
}

/// A row for people.
fn in_words(row: &CalendarRow) -> String {
    let whom = match &row.whom {
        Whom::All => "alle".to_owned(),
        Whom::Kind(kind) => format!("Art {}", kind.german()),
        Whom::Provider(provider) => format!("Anbieter {provider}"),
        Whom::Site(provider, site) => format!("Anbieter {provider}, {site}"),
    };
    let open = if row.days.open { "geöffnet" } else { "geschlossen" };
    format!("{whom}: {} bis {} {open}", row.days.from.german(), row.days.to.german())
}
