//! What the procedure document and the record of processing say of this very office: read from the running system.

use super::{Kept, Office, OfficeError, Role, cutoff};
use crate::shell::store::office::documents;
use crate::shell::store::office::retention;
use crate::words::civil::CivilDay;
use crate::words::keys::PublicKey;
use crate::words::time::UtcMs;
use askama::Template;

/// What is read from the running system.
#[derive(Clone, Debug)]
pub struct SystemFacts {
    /// The office's name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The program's version.
    pub version: &'static str,
    /// The version of the database's schema.
    pub schema: u32,
    /// Today.
    pub today: String,
    /// What a key signs, and its fingerprint.
    pub keys: Vec<(&'static str, String)>,
    /// Name and value of each parameter.
    pub parameters: Vec<(&'static str, String)>,
    /// Each role with what it may do, and how many accounts have it.
    pub roles: Vec<(&'static str, u64)>,
    /// What is kept, for how long, why, and from what day on it may go today.
    pub kept: Vec<(&'static str, &'static str, String, String, String)>,
    /// The database's tables.
    pub tables: Vec<String>,
    /// Where the database lies.
    pub place: String,
    /// How many providers, terminals and released runs there are.
    pub counts: [u64; 3],
    /// Purges that were carried out.
    pub purges: Vec<String>,
}

/// The procedure document (GoBD no. 151 ff.).
#[derive(Clone, Debug, Template)]
#[template(path = "procedure.html")]
pub struct Procedure {
    facts: SystemFacts,
}

/// The record of processing activities (Art. 30 GDPR).
#[derive(Clone, Debug, Template)]
#[template(path = "processing.html")]
pub struct Processing {
    facts: SystemFacts,
}

impl SystemFacts {
    /// As a procedure document.
    pub const fn procedure(self) -> Procedure {
        Procedure { facts: self }
    }

    /// As a record of processing.
    pub const fn processing(self) -> Processing {
        Processing { facts: self }
    }
}

impl Office {
    /// What the documents say of this office today.
    pub fn facts(&self, now: UtcMs) -> Result<SystemFacts, OfficeError> {
        let today = CivilDay::of(now);
        let policy = self.profile.policy;
        let keys = [
            ("Vertrauensliste (Wurzel)", self.keys.root.public()),
            ("Karten", self.keys.tokens.public()),
            ("Zulassungen, Quittungen, Mitteilungen, Siegel", self.keys.documents.public()),
            ("Sperrliste", self.keys.status.public()),
        ];
        let held = documents::roles(&self.db)?;
        let having = |role: Role| held.iter().filter(|(roles, _)| roles.split(' ').any(|name| name == role.name())).map(|(_, count)| count).sum();
        let rules = retention::rules(&self.db, today)?;
        let kept = rules.into_iter().filter_map(|rule| {
            let (title, what) = Kept::parse(&rule.kind)?.german();
            let long = format!("{} Monate{}", rule.months, if rule.year_end { " nach Ende des Jahres" } else { "" });
            Some((title, what, long, rule.source, cutoff(rule.months, rule.year_end, today).german()))
        });
        let purges = retention::done_plans(&self.db, 20)?.into_iter();
        Ok(SystemFacts {
            name: self.profile.name.clone(),
            id: self.profile.id.to_string(),
            version: env!("CARGO_PKG_VERSION"),
            schema: documents::schema(&self.db)?,
            today: today.german(),
            keys: keys.into_iter().map(|(name, key)| (name, fingerprint(key))).collect(),
            parameters: vec![
                ("Abrechnungsfrist nach Ende der Berechtigung", format!("{} Tage", policy.shared.claim_grace_days)),
                ("Daten des Lesegeräts gelten als aktuell", format!("{} Stunden", policy.status_ttl_seconds / 3600)),
                ("… mit Hinweis weiter", format!("{} Tage", policy.shared.amber_days)),
                ("… mit Warnung weiter, danach Ablehnung", format!("{} Tage", policy.shared.red_days)),
                ("Guter Glaube des Anbieters nach einer Sperre", format!("{} Tage", policy.good_faith_days)),
            ],
            roles: Role::ALL.into_iter().map(|role| (role.german(), having(role))).collect(),
            kept: kept.collect(),
            tables: documents::tables(&self.db)?,
            place: match (self.db.path(), &self.folder) {
                (Some(path), _) => path.display().to_string(),
                (None, Some(folder)) => format!("auf einem PostgreSQL-Server, der in {} benannt ist", folder.display()),
                (None, None) => "im Arbeitsspeicher".to_owned(),
            },
            counts: documents::counts(&self.db)?,
            purges: purges.map(|p| format!("{}: {} Datensätze", p.ended.map(|at| CivilDay::of(at).german()).unwrap_or_default(), p.total)).collect(),
        })
    }
}

/// A key's fingerprint in groups of four.
pub fn fingerprint(key: &PublicKey) -> String {
    let hex = data_encoding::HEXLOWER.encode(&key.fingerprint());
    let groups: Vec<&str> = (0..hex.len()).step_by(4).filter_map(|at| hex.get(at..at + 4)).collect();
    groups.join(" ")
}
